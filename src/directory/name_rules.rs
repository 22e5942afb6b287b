//! Names that are never written: exact ones, patterns and regular expressions, and what looks like them.

use std::cell::LazyCell;
use std::sync::LazyLock;

use regex::Regex;
use regex::RegexBuilder;
use unicode_security::confusable_detection::skeleton;

use crate::roster::name_key::folded;

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
    Pattern(Box<str>, Box<str>),
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
            None => Test::Pattern(folded(text).into(), skeleton_of(text).into()),
        };
        self.rules.push(Rule { test, text: text.into(), why: why.into() });
        Ok(())
    }

    /// Returns why `name` is never written, when that is so.
    pub fn reason(&self, name: &str) -> Option<&str> {
        if self.rules.is_empty() || name.is_empty() {
            return None;
        }
        let key = folded(name);
        self.rules.iter().find(|rule| rule.test.fits(&key)).map(|rule| &*rule.why)
    }

    /// Returns which rule a *new* name looks as if it fell under, and why that one is there: to people, `аdmin` with a
    /// Cyrillic letter, `adrnin` and `admin$` are all `admin` (Unicode Technical Standard 39 section 4).
    pub fn look_alike(&self, name: &str) -> Option<(&str, &str)> {
        if self.rules.is_empty() {
            return None;
        }
        let shown = look(name);
        // Expressions know nothing of skeletons, in which an `m` is `rn`.
        let plain = LazyCell::new(|| shown.replace("rn", "m"));
        let hit = self.rules.iter().find(|rule| match &rule.test {
            Test::Pattern(_, pattern) => fits(pattern, &shown),
            Test::Expression(expression) => expression.is_match(&shown) || expression.is_match(&plain),
        });
        hit.map(|rule| (&*rule.text, &*rule.why))
    }
}

impl Test {
    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Pattern(pattern, _) => fits(pattern, name),
            Self::Expression(expression) => expression.is_match(name),
        }
    }
}

/// Returns what a name looks like: its skeleton, without what nobody sees and without a trailing `$`.
pub fn look(name: &str) -> String {
    skeleton_of(name.trim_end_matches('$'))
}

fn skeleton_of(name: &str) -> String {
    let folded = folded(name);
    let parts = folded.bytes().map(|byte| SKELETONS.get(usize::from(byte))?.as_deref());
    parts.collect::<Option<String>>().unwrap_or_else(|| skeleton_by_tables(&folded))
}

/// The skeletons of single characters, as far as both are ASCII. As long as that is so, the skeleton of a text is that
/// of its characters, one after the other: there is nothing to compose or to put in order.
static SKELETONS: LazyLock<[Option<Box<str>>; 128]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let character = char::from_u32(u32::try_from(code).ok()?)?;
        let skeleton = skeleton_by_tables(character.encode_utf8(&mut [0; 4]));
        skeleton.is_ascii().then(|| skeleton.into())
    })
});

fn skeleton_by_tables(folded: &str) -> String {
    skeleton(folded).flat_map(char::to_lowercase).collect()
}

/// Returns whether the whole of `name` fits `pattern`, in which `*` stands for any text and `?` for one character.
/// Both are folded already.
pub fn fits(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == name;
    }
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    // After a mismatch, the last star takes one more character.
    let mut star = None;
    loop {
        let rest = name.clone();
        match (pattern.next(), name.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                star = Some((pattern.clone(), rest.clone()));
                name = rest;
            }
            (Some(_), None) => return false,
            (Some(p), Some(n)) if p == '?' || p == n => {}
            _ => {
                let Some((after, taken)) = &mut star else { return false };
                taken.next();
                (pattern, name) = (after.clone(), taken.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn stars_and_question_marks_are_those_of_an_expression(pattern in "[ab*?ä]{0,6}", name in "[abä*]{0,8}") {
            let expression = pattern.replace('?', ".").replace('*', ".*");
            let expression = Regex::new(&format!("^{expression}$")).expect("an expression");
            prop_assert_eq!(fits(&pattern, &name), expression.is_match(&name), "{}", pattern);
        }

        #[test]
        fn a_skeleton_is_that_of_the_tables(name in "\\PC{0,8}|[ -~]{0,12}|[\0-\x7f]{0,4}") {
            prop_assert_eq!(skeleton_of(&name), skeleton_by_tables(&folded(&name)));
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
