//! Changes that make another person of an account: what a match key that was given a second time does.
//!
//! Who marries gets another surname, and who is called by another of their names another first name. Both at once is
//! somebody else, nearly always: a number that was given out again, or a column that was sorted without the others.

use std::collections::HashSet;

use super::change::Change;
use super::name_key::CoarseKey;

/// Returns whether `changes` give an account another first name and another surname.
pub fn is_one(changes: &[Change]) -> bool {
    let replaces = |name: &str| changes.iter().any(|change| change.attribute.is(name) && replaces(change));
    replaces("givenName") && replaces("sn")
}

/// Returns whether no word of the values before is a word of those after, however they are spelled.
fn replaces(change: &Change) -> bool {
    let (old, new) = (words(&change.old), words(&change.new));
    !old.is_empty() && !new.is_empty() && old.is_disjoint(&new)
}

fn words(values: &[Box<[u8]>]) -> HashSet<CoarseKey> {
    let text = values.iter().filter_map(|value| std::str::from_utf8(value).ok());
    let words = text.flat_map(|text| text.split(|c: char| c.is_whitespace() || c == '-'));
    words.map(CoarseKey::new).filter(|word| !word.as_str().is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::attribute::AttributeName;

    fn change(name: &str, old: &str, new: &str) -> Change {
        let values = |text: &str| text.split('|').filter(|v| !v.is_empty()).map(|v| v.as_bytes().into()).collect();
        Change { attribute: AttributeName::new(name), old: values(old), new: values(new) }
    }

    fn is_takeover(first: (&str, &str), surname: (&str, &str)) -> bool {
        is_one(&[change("givenname", first.0, first.1), change("SN", surname.0, surname.1)])
    }

    #[test]
    fn another_first_name_and_another_surname_are_another_person() {
        assert!(is_takeover(("Ada", "Bob"), ("Byron", "Ray")));
        assert!(is_takeover(("Ada", "Byron"), ("Byron", "Ada")), "swapped columns are worth a look too");
        assert!(!is_one(&[change("sn", "Byron", "King")]), "marriage");
        assert!(!is_one(&[change("givenName", "Ada", "Augusta")]));
    }

    #[test]
    fn what_is_only_spelled_otherwise_or_longer_is_the_same_name() {
        assert!(!is_takeover(("Jose", "Jos\u{e9}"), ("Garcia", "Ruiz")));
        assert!(!is_takeover(("ADA", "Ada"), ("Byron", "King")));
        assert!(!is_takeover(("Anna Maria", "Anna"), ("Meier", "Schulz")));
        assert!(!is_takeover(("Anna", "Eva"), ("Meier", "Meier-Schulz")));
        assert!(!is_takeover(("Ada|Augusta", "Augusta"), ("Byron", "King")));
    }

    #[test]
    fn a_name_that_was_not_there_before_is_no_other_name() {
        assert!(!is_takeover(("", "Bob"), ("Byron", "Ray")));
        assert!(!is_takeover(("Ada", ""), ("Byron", "Ray")));
    }
}
