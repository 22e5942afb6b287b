//! Usernames that are counted up, so that nobody ever gets another person's name.
//!
//! For feeds with `collision = "counter"`: the username template gives a *base*, and new people get `asmith`,
//! `asmith2`, `asmith3`... The first that is free counts, in the order of their match values; people who exist keep
//! their names. So a run that was interrupted goes on with the same names: whoever was created is now somebody who
//! exists, and the names of the others are still free. The match key of such a feed is never the username, or an
//! account's name would decide whose it is.

use std::collections::HashMap;
use std::collections::HashSet;

use super::name_key::CoarseKey;
use super::name_key::MatchKey;
use super::problem::ProblemKind;

/// The highest number that is appended.
const LAST: u32 = 999_999;

/// The bases of a roster, and the existing names that stand in their way.
///
/// Filled in two steps: [`Candidates::add`] for every row, then [`Candidates::see`] for every account that the
/// directory has, whether the roster names it or not. Only names that could stand in the way are kept.
#[derive(Clone, Debug)]
pub struct Candidates {
    max: usize,
    /// Keys of the bases, cut to every length that a number may leave, without digits at their ends.
    stems: HashSet<Box<str>>,
    taken: HashSet<CoarseKey>,
}

/// A new person to name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Newcomer<'a> {
    /// The username that the row asks for.
    pub base: &'a str,
    /// The value by which the row finds its entry; one person's only.
    pub match_value: &'a str,
}

impl Candidates {
    /// Starts without any base; usernames have `max` characters at most.
    pub fn new(max: usize) -> Self {
        Self { max, stems: HashSet::new(), taken: HashSet::new() }
    }

    /// Adds the username that a row asks for.
    pub fn add(&mut self, base: &str) {
        self.stems.insert(stem(base));
        let length = base.chars().count();
        for n_digits in 1..=digits(LAST) {
            let room = self.max.saturating_sub(n_digits);
            if room < length {
                self.stems.insert(stem(cut(base, room)));
            }
        }
    }

    /// Returns whether an existing `username` could stand in the way of a base or one of its numbers.
    pub fn interesting(&self, username: &str) -> bool {
        self.stems.contains(&stem(username))
    }

    /// Remembers an existing username when it is [`Candidates::interesting`].
    pub fn see(&mut self, username: &str) {
        if self.interesting(username) {
            self.taken.insert(CoarseKey::new(username));
        }
    }

    /// Names every newcomer, in the order given. Names that every directory can tell apart count as different
    /// ([`CoarseKey`]), no name is given twice, and none that was seen.
    ///
    /// The error of a newcomer: there is no room for a number within the longest username.
    pub fn assign(&self, newcomers: &[Newcomer<'_>]) -> Vec<Result<Box<str>, ProblemKind>> {
        let mut order: Vec<usize> = (0..newcomers.len()).collect();
        order.sort_by_cached_key(|i| {
            let Newcomer { base, match_value } = newcomers[*i];
            (MatchKey::new(match_value), match_value, base)
        });
        let mut given: HashSet<CoarseKey> = HashSet::with_capacity(newcomers.len());
        // Names never come free again, so the search for one base goes on where the last one ended.
        let mut next: HashMap<&str, u32> = HashMap::new();
        let mut names: Vec<Result<Box<str>, ProblemKind>> = vec![Ok(Box::default()); newcomers.len()];
        for i in order {
            let base = newcomers[i].base;
            let number = next.entry(base).or_insert(1);
            names[i] = loop {
                let Some(name) = self.numbered(base, *number) else {
                    break Err(ProblemKind::Other(format!("there is no free username like `{base}`")));
                };
                *number += 1;
                let key = CoarseKey::new(&name);
                if !self.taken.contains(&key) && given.insert(key) {
                    break Ok(name);
                }
            };
        }
        names
    }

    /// Returns the base with `number` behind it, cut so that it fits; 1 is the base itself.
    fn numbered(&self, base: &str, number: u32) -> Option<Box<str>> {
        if number <= 1 {
            return Some(base.into());
        }
        let room = self.max.checked_sub(digits(number)).filter(|room| *room > 0 && number <= LAST)?;
        Some(format!("{}{number}", cut(base, room)).into())
    }
}

fn digits(number: u32) -> usize {
    number.checked_ilog10().map_or(1, |n| n as usize + 1)
}

fn cut(base: &str, room: usize) -> &str {
    base.char_indices().nth(room).map_or(base, |(end, _)| &base[..end])
}

/// Returns the key without the digits at its end.
fn stem(name: &str) -> Box<str> {
    CoarseKey::new(name).as_str().trim_end_matches(|c: char| c.is_ascii_digit()).into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn assign(max: usize, existing: &[&str], newcomers: &[(&str, &str)]) -> Vec<String> {
        let mut candidates = Candidates::new(max);
        newcomers.iter().for_each(|(base, _)| candidates.add(base));
        existing.iter().for_each(|name| candidates.see(name));
        let newcomers: Vec<Newcomer<'_>> =
            newcomers.iter().map(|(base, match_value)| Newcomer { base, match_value }).collect();
        let names = candidates.assign(&newcomers);
        names.into_iter().map(|name| name.map_or_else(|e| e.to_string(), String::from)).collect()
    }

    #[test]
    fn names_are_counted_up_in_the_order_of_match_values() {
        let newcomers = [("asmith", "30"), ("asmith", "10"), ("bjones", "20"), ("asmith", "20")];
        assert_eq!(assign(64, &[], &newcomers), ["asmith3", "asmith", "bjones", "asmith2"]);
    }

    #[test]
    fn existing_names_are_left_to_their_owners() {
        let newcomers = [("asmith", "1"), ("asmith", "2")];
        assert_eq!(assign(64, &["ASmith", "asmith3", "other"], &newcomers), ["asmith2", "asmith4"]);
        assert_eq!(assign(64, &["ásmith"], &newcomers), ["asmith2", "asmith3"]);
    }

    #[test]
    fn a_base_with_digits_and_a_counted_name_do_not_meet() {
        assert_eq!(assign(64, &[], &[("x", "1"), ("x", "2"), ("x2", "3")]), ["x", "x2", "x22"]);
        assert_eq!(assign(64, &[], &[("x2", "1"), ("x", "2"), ("x", "3")]), ["x2", "x", "x3"]);
    }

    #[test]
    fn a_long_base_is_cut_to_make_room_for_the_number() {
        let newcomers: Vec<(&str, String)> = (0..11).map(|n| ("abcdef", format!("{n:02}"))).collect();
        let newcomers: Vec<(&str, &str)> = newcomers.iter().map(|(base, value)| (*base, value.as_str())).collect();
        let names = assign(6, &["abcde3"], &newcomers);
        assert_eq!(names[..3], ["abcdef", "abcde2", "abcde4"]);
        assert_eq!(names[8..], ["abcd10", "abcd11", "abcd12"]);
    }

    #[test]
    fn without_room_for_a_number_there_is_no_name() {
        assert_eq!(assign(1, &[], &[("a", "1"), ("a", "2")]), ["a", "there is no free username like `a`"]);
    }

    #[test]
    fn only_names_that_could_stand_in_the_way_are_remembered() {
        let mut candidates = Candidates::new(6);
        candidates.add("Müller7");
        for name in ["muller", "MULLER12", "mülle3", "mull10"] {
            assert!(candidates.interesting(name), "{name}");
        }
        for name in ["mullers", "muell", "xmuller"] {
            assert!(!candidates.interesting(name), "{name}");
        }
    }

    fn keys(names: &[String]) -> HashSet<CoarseKey> {
        names.iter().map(|name| CoarseKey::new(name)).collect()
    }

    fn people() -> impl Strategy<Value = Vec<(String, String)>> {
        let bases = proptest::collection::vec("(a|A|á|ab|abc|a1|a2|a12|ß|ss)", 0..25);
        bases.prop_map(|bases| bases.into_iter().enumerate().map(|(n, base)| (base, format!("{n}"))).collect())
    }

    fn names(max: usize, existing: &[String], people: &[(String, String)]) -> Vec<String> {
        let existing: Vec<&str> = existing.iter().map(String::as_str).collect();
        let people: Vec<(&str, &str)> = people.iter().map(|(b, m)| (b.as_str(), m.as_str())).collect();
        assign(max, &existing, &people)
    }

    proptest! {
        #[test]
        fn no_name_is_given_twice_and_none_that_is_taken(
            people in people(),
            existing in proptest::collection::vec("(a|A|á|ab|a1|a2|a3|a12|a22|ss|ß2|b7)", 0..10),
            max in 4_usize..8,
        ) {
            let names = names(max, &existing, &people);
            prop_assert_eq!(keys(&names).len(), people.len());
            prop_assert!(keys(&names).is_disjoint(&keys(&existing)));
            prop_assert!(names.iter().all(|name| name.chars().count() <= max));
        }

        #[test]
        fn row_order_does_not_matter(people in people(), turn in 0_usize..25, max in 4_usize..8) {
            let straight = names(max, &[], &people);
            let mut turned: Vec<(String, String)> = people.clone();
            turned.rotate_left(turn.min(people.len()));
            turned.reverse();
            let other = names(max, &[], &turned);
            for (person, name) in people.iter().zip(&straight) {
                let place = turned.iter().position(|p| p == person).expect("the same people");
                prop_assert_eq!(&other[place], name);
            }
        }

        #[test]
        fn after_a_crash_the_others_get_the_same_names(
            people in people(),
            existing in proptest::collection::vec("(a|ab|a2|a3|ss)", 0..5),
            created in proptest::collection::vec(any::<bool>(), 25),
            max in 4_usize..8,
        ) {
            let first = names(max, &existing, &people);
            let mut now = existing.clone();
            let mut left = Vec::new();
            let mut expected = Vec::new();
            for ((person, name), created) in people.iter().zip(&first).zip(&created) {
                if *created {
                    now.push(name.clone());
                } else {
                    left.push(person.clone());
                    expected.push(name.clone());
                }
            }
            prop_assert_eq!(names(max, &now, &left), expected);
        }

        #[test]
        fn whatever_stands_in_the_way_is_interesting(base in "[a-cäß0-9]{1,9}", number in 1_u32..1_000_000, max in 7_usize..10) {
            let mut candidates = Candidates::new(max);
            candidates.add(&base);
            let name = candidates.numbered(&base, number).expect("there is room");
            prop_assert!(candidates.interesting(&name), "{name}");
            prop_assert!(candidates.interesting(&name.to_uppercase()));
        }
    }
}
