//! How often the service was seen to do what it says, attribute by attribute.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use super::settings::Verify;

/// What was read back after it was written, and was there.
#[derive(Debug)]
pub(super) struct Tally {
    rule: Verify,
    seen: Mutex<HashMap<String, u32>>,
}

impl Tally {
    /// Begins to count.
    pub(super) fn new(rule: Verify) -> Self {
        Self { rule, seen: Mutex::default() }
    }

    /// Returns whether a write of these attributes is to be read back.
    pub(super) fn wants_proof<'a>(&self, attributes: impl IntoIterator<Item = &'a str>) -> bool {
        let Verify::First(enough) = self.rule else { return true };
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        attributes.into_iter().any(|name| seen.get(&name.to_ascii_lowercase()).is_none_or(|n| *n < enough))
    }

    /// Counts a write that was read back as it was written.
    pub(super) fn count<'a>(&self, attributes: impl IntoIterator<Item = &'a str>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for name in attributes {
            let n = seen.entry(name.to_ascii_lowercase()).or_default();
            *n = n.saturating_add(1);
        }
    }

    /// Begins anew for an attribute that was not there when it was read back.
    pub(super) fn forget(&self, attribute: &str) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).remove(&attribute.to_ascii_lowercase());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_attribute_is_proved_by_itself() {
        let tally = Tally::new(Verify::First(2));
        assert!(tally.wants_proof(["title"]));
        tally.count(["title"]);
        tally.count(["TITLE"]);
        assert!(!tally.wants_proof(["Title"]));
        assert!(tally.wants_proof(["title", "mail"]), "one of them is not proved");
        tally.forget("title");
        assert!(tally.wants_proof(["title"]));
        assert!(!tally.wants_proof([]), "nothing is to be proved");
        let always = Tally::new(Verify::Always);
        always.count(["title"]);
        assert!(always.wants_proof(["title"]) && always.wants_proof([]));
    }
}
