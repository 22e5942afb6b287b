//! `[feed.limits]`.

use toml::Spanned;

use super::ConfigFault;
use super::prove::Prover;
use super::raw::RawLimit;
use super::raw::RawLimitPart;
use super::raw::RawLimits;
use crate::roster::guard::Limit;
use crate::roster::guard::Limits;

impl Prover {
    pub(super) fn limits(&mut self, raw: &RawLimits) -> Limits {
        let default = Limits::default();
        Limits {
            old: self.limit(raw.old.as_ref(), default.old),
            removals: self.limit(raw.removals.as_ref(), default.removals),
            clears: self.limit(raw.clears.as_ref(), default.clears),
            passwords: self.limit(raw.passwords.as_ref(), default.passwords),
            updates: self.limit(raw.updates.as_ref(), default.updates),
            creates: self.limit(raw.creates.as_ref(), default.creates),
            deletions: self.limit(raw.deletions.as_ref(), default.deletions),
            moves: self.limit(raw.moves.as_ref(), default.moves),
            takeovers: self.limit(raw.takeovers.as_ref(), default.takeovers),
        }
    }

    fn limit(&mut self, raw: Option<&Spanned<RawLimit>>, default: Limit) -> Limit {
        let Some(raw) = raw else { return default };
        let parsed = match raw.get_ref() {
            RawLimit::Count(count) => Some(Limit::AtMost { percent: None, count: Some(*count) }),
            RawLimit::Text(text) if text == "none" => Some(Limit::None),
            RawLimit::Text(text) => percent(text).map(|percent| Limit::AtMost { percent: Some(percent), count: None }),
            RawLimit::Both(parts) => both(parts),
        };
        parsed.unwrap_or_else(|| {
            let text = "a limit is a number, a percentage such as \"5%\", a list of both, or \"none\"";
            self.fault(ConfigFault::at(raw.span(), text));
            default
        })
    }
}

fn both(parts: &[RawLimitPart]) -> Option<Limit> {
    let mut limit = (None, None);
    for part in parts {
        match part {
            RawLimitPart::Count(count) if limit.1.is_none() => limit.1 = Some(*count),
            RawLimitPart::Text(text) if limit.0.is_none() => limit.0 = Some(percent(text)?),
            _ => return None,
        }
    }
    (!parts.is_empty()).then_some(Limit::AtMost { percent: limit.0, count: limit.1 })
}

fn percent(text: &str) -> Option<u32> {
    let number = text.strip_suffix('%')?.trim().parse().ok()?;
    (number <= 100).then_some(number)
}
