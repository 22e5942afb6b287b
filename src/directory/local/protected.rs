//! Accounts that are never written, whatever a roster says.

use crate::roster::name_key::MatchKey;

/// User names, and patterns of them with `*` (any characters) and `?` (one character), compared without regard to case.
#[derive(Clone, Debug, Default)]
pub(super) struct Protected {
    patterns: Vec<(String, MatchKey)>,
}

impl Protected {
    pub(super) fn new(patterns: &[String]) -> Self {
        Self { patterns: patterns.iter().map(|pattern| (pattern.clone(), MatchKey::new(pattern))).collect() }
    }

    /// Returns why `username` must not be written, if so.
    pub(super) fn why(&self, username: &str) -> Option<Box<str>> {
        let name = MatchKey::new(username);
        let (pattern, _) = self.patterns.iter().find(|(_, pattern)| matches(pattern.as_str(), name.as_str()))?;
        Some(format!("`{pattern}` is in `protected` of the target").into())
    }
}

/// Returns whether the whole of `name` fits `pattern`. Both are folded already.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // After the last `*`, and how much of the name it has taken so far.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((after, taken)) = star else { return false };
                star = Some((after, taken + 1));
                p = after;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn star_and_question_mark_are_the_only_wildcards() {
        for (pattern, name) in [
            ("admin", "admin"),
            ("adm*", "adm"),
            ("*-svc", "a-b-svc"),
            ("?da", "ada"),
            ("a*b*c", "axxbyybzc"),
            ("*", ""),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("admin", "admin2"),
            ("admin", "xadmin"),
            ("?da", "da"),
            ("a*b*c", "axxbyybzcd"),
            ("[ab]", "a"),
            ("{a,b}", "a"),
            ("", "a"),
            ("a.c", "abc"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        assert!(matches("[ab]", "[ab]"));
    }

    #[test]
    fn names_are_protected_in_any_spelling() {
        let protected = Protected::new(&["Admin".to_owned(), "svc-*".to_owned()]);
        assert!(protected.why("ADMIN").is_some_and(|why| why.contains("`Admin`")));
        assert!(protected.why("SVC-backup").is_some());
        assert_eq!(protected.why("ada"), None);
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        assert!(!matches(&"*a".repeat(50), &"a".repeat(49)));
        assert!(!matches(&("a*".repeat(30) + "b"), &"a".repeat(2_000)));
    }
}
