//! Names that are never written: exact ones, patterns and regular expressions, and what looks like them.

use regex::Regex;
use regex::RegexBuilder;
use unicode_security::confusable_detection::skeleton;

use crate::roster::name_key::MatchKey;

/// Rules for names, each with the reason that is told.
#[derive(Clone, Debug, Default)]
pub struct NameRules {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    test: Test,
    text: Box<str>,
    why: Box<str>,
}

#[derive(Clone, Debug)]
enum Test {
    /// Folded, and folded as [`look`] does.
    Pattern(MatchKey, String),
    Expression(Regex),
}

impl NameRules {
    /// Adds a rule: `/expression/`, or a name with `*` for any text and `?` for one character. Case never matters.
    pub fn add(&mut self, text: &str, why: &str) -> Result<(), String> {
        let test = match text.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
            Some(expression) => {
                let made = RegexBuilder::new(expression).case_insensitive(true).size_limit(1 << 20).build();
                Test::Expression(made.map_err(|error| format!("`{text}` is no regular expression: {error}"))?)
            }
            None if text.trim().is_empty() => return Err("an empty rule protects nothing".to_owned()),
            None => Test::Pattern(MatchKey::new(text), skeleton_of(text)),
        };
        self.rules.push(Rule { test, text: text.into(), why: why.into() });
        Ok(())
    }

    /// Returns why `name` is never written, when that is so.
    pub fn reason(&self, name: &str) -> Option<&str> {
        if self.rules.is_empty() || name.is_empty() {
            return None;
        }
        let key = MatchKey::new(name);
        self.rules.iter().find(|rule| rule.test.fits(&key)).map(|rule| &*rule.why)
    }

    /// Returns which rule a *new* name looks as if it fell under, and why that one is there: to people, `аdmin` with a
    /// Cyrillic letter, `adrnin` and `admin$` are all `admin` (Unicode Technical Standard 39 section 4).
    pub fn look_alike(&self, name: &str) -> Option<(&str, &str)> {
        let shown = look(name);
        // Expressions know nothing of skeletons, in which an `m` is `rn`.
        let plain = shown.replace("rn", "m");
        let hit = self.rules.iter().find(|rule| match &rule.test {
            Test::Pattern(_, pattern) => fits(pattern, &shown),
            Test::Expression(expression) => [&shown, &plain].iter().any(|name| expression.is_match(name)),
        });
        hit.map(|rule| (&*rule.text, &*rule.why))
    }
}

impl Test {
    fn fits(&self, name: &MatchKey) -> bool {
        match self {
            Self::Pattern(pattern, _) => fits(pattern.as_str(), name.as_str()),
            Self::Expression(expression) => expression.is_match(name.as_str()),
        }
    }
}

/// Returns what a name looks like: its skeleton, without what nobody sees and without a trailing `$`.
pub fn look(name: &str) -> String {
    skeleton_of(name.trim_end_matches('$'))
}

fn skeleton_of(name: &str) -> String {
    skeleton(MatchKey::new(name).as_str()).flat_map(char::to_lowercase).collect()
}

/// Returns whether the whole of `name` fits `pattern`, in which `*` stands for any text and `?` for one character.
/// Both are folded already.
pub fn fits(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == name;
    }
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    // After a mismatch, the last star takes one more character.
    let (mut p, mut n, mut star) = (0, 0, None);
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

    fn rules(texts: &[&str]) -> NameRules {
        let mut rules = NameRules::default();
        for text in texts {
            rules.add(text, "so it is said").expect("a rule");
        }
        rules
    }

    #[test]
    fn star_and_question_mark_are_the_only_wildcards() {
        for (pattern, name) in [
            ("admin", "admin"),
            ("adm*", "adm"),
            ("*-svc", "a-b-svc"),
            ("?da", "ada"),
            ("a*b*c", "axxbyybzc"),
            ("*", ""),
            ("[ab]", "[ab]"),
        ] {
            assert!(fits(pattern, name), "{pattern} {name}");
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
            assert!(!fits(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_do_not_take_exponential_time() {
        assert!(!fits(&"*a".repeat(50), &"a".repeat(49)));
        assert!(!fits(&("a*".repeat(30) + "b"), &"a".repeat(2_000)));
    }

    #[test]
    fn names_and_expressions_know_no_case() {
        let rules = rules(&["svc-*", "/^adm-/", "/(^|\\.)root$/", "BOSS"]);
        for name in ["SVC-backup", "adm-x", "ADM-ada", "x.root", "Root", "boss"] {
            assert!(rules.reason(name).is_some(), "{name}");
        }
        for name in ["", "xsvc-1", "xadm-1", "rooty", "x.rooty", "bosss"] {
            assert_eq!(rules.reason(name), None, "{name}");
        }
        assert!(NameRules::default().add("/(/", "").is_err());
        assert!(NameRules::default().add(" ", "").is_err());
    }

    /// Every character of Unicode's list that passes for a letter of `admin`, one at a time, and what else people use.
    #[test]
    fn what_passes_for_a_protected_name_is_found() {
        // The `$` of a rule is one that is meant; else all names would look like those of computers.
        let rules = rules(&["admin", "svc-*", "/^adm-/", "*$"]);
        for name in [
            "\u{430}dmin",
            "ad\u{200b}min",
            "adm\u{456}n",
            "adrnin",
            "admin$",
            "ADMIN",
            "\u{ff41}dmin",
            "a\u{501}min",
            "admi\u{578}",
            "\u{455}vc-backup",
            "svc\u{2010}1",
            "\u{430}dm-ada",
            "adrn-ada",
        ] {
            assert!(rules.look_alike(name).is_some(), "{name}");
        }
        for name in ["ada", "adamin", "dmin", "administrator", "svc", "madm-x", "bdmin", "\u{4e2d}"] {
            assert_eq!(rules.look_alike(name), None, "{name}");
        }
    }
}
