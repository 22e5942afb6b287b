//! Accounts that are never written, whatever a roster says.

use crate::directory::name_rules::NameRules;

/// User names, patterns of them with `*` and `?`, and `/expressions/`.
#[derive(Clone, Debug, Default)]
pub(super) struct Protected(NameRules);

impl Protected {
    pub(super) fn new(listed: &[String]) -> Result<Self, String> {
        let mut rules = NameRules::default();
        for text in listed {
            rules.add(text, &format!("`{text}` is in `protected` of the target"))?;
        }
        Ok(Self(rules))
    }

    /// Returns why `username` must not be written, if so.
    pub(super) fn why(&self, username: &str) -> Option<Box<str>> {
        self.0.reason(username).map(Into::into)
    }

    /// Returns why no new account may be called `username`, if so: it is protected, or looks as if it were.
    pub(super) fn why_not_new(&self, username: &str) -> Option<Box<str>> {
        let alike =
            || self.0.look_alike(username).map(|(rule, _)| format!("it looks like `{rule}`, which is protected"));
        self.why(username).or_else(|| alike().map(Into::into))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_protected_in_any_spelling() {
        let protected = Protected::new(&["Admin".to_owned(), "svc-*".to_owned()]).expect("good rules");
        assert!(protected.why("ADMIN").is_some_and(|why| why.contains("`Admin`")));
        assert!(protected.why("SVC-backup").is_some());
        assert_eq!(protected.why("ada"), None);
        assert_eq!(protected.why("\u{430}dmin"), None, "it is there, so it is somebody else");
        assert!(protected.why_not_new("\u{430}dmin").is_some());
        assert!(Protected::new(&["/(/".to_owned()]).is_err());
    }
}
