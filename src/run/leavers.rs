//! Those whom rosterd has switched off, by the clock: since when they are missing, and whether their time is over.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::roster::leaver::Leaver;
use crate::roster::leaver::Leavers;
use crate::state::history::Disabled;

/// Returns what the plan must know of them. `now` is RFC 3339, as the journal's times are.
///
/// A time that cannot be read, or one that is yet to come, makes nobody due.
pub fn of(disabled: &HashMap<Box<str>, Disabled>, grace: Option<Duration>, now: &str) -> Leavers {
    let now: Option<Timestamp> = now.parse().ok();
    let leaver = |known: &Disabled| {
        let since: Option<Timestamp> = known.missing.as_deref().and_then(|text| text.parse().ok());
        let until = since.zip(grace).and_then(|(since, grace)| since.checked_add(grace).ok());
        Leaver {
            since: since.map(day).unwrap_or_default(),
            until: until.map(day).unwrap_or_default(),
            due: until.zip(now).is_some_and(|(until, now)| until <= now) && since <= now,
            place: known.place.clone(),
        }
    };
    disabled.iter().map(|(id, known)| (id.clone(), leaver(known))).collect()
}

fn day(at: Timestamp) -> Box<str> {
    at.to_zoned(TimeZone::UTC).date().to_string().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(missing: Option<&str>, days: u64, now: &str) -> bool {
        let known = Disabled { missing: missing.map(Into::into), place: None };
        let grace = Some(Duration::from_secs(days * 24 * 60 * 60));
        of(&HashMap::from([("1".into(), known)]), grace, now)["1"].due
    }

    #[test]
    fn the_time_is_over_when_it_has_passed_and_not_before() {
        let since = Some("2026-01-02T03:04:05Z");
        assert!(!due(since, 30, "2026-02-01T03:04:04Z"));
        assert!(due(since, 30, "2026-02-01T03:04:05Z"));
        assert!(!due(None, 30, "2036-02-01T03:04:05Z"));
        assert!(!due(Some("sometime"), 30, "2036-02-01T03:04:05Z"));
        assert!(!due(since, 30, "sometime"));
        assert!(!due(since, 0, "2025-12-31T00:00:00Z"), "a clock that was set back");
    }
}
