//! One cell: its text as it is meant.

use std::borrow::Cow;
use std::collections::HashSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::is_nfc_quick;

use crate::roster::checks::text::is_latin;
use crate::roster::name_key::MatchKey;

/// Trims blanks of every kind (no-break spaces, invisible ones) and composes letters with their marks (NFC).
pub(super) fn cleaned(cell: &str) -> Cow<'_, str> {
    composed(trimmed(cell))
}

/// Trims as [`cleaned`] does.
pub(super) fn trimmed(cell: &str) -> &str {
    // Nearly all cells begin and end with what is no blank.
    match cell.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => cell,
        _ => cell.trim_matches(is_blank),
    }
}

/// Composes letters with their marks and changes nothing else: for passwords (RFC 8265 section 4.2.2).
pub(super) fn composed(text: &str) -> Cow<'_, str> {
    // Nothing of Latin is to be composed (Unicode Standard Annex 15 section 9).
    if is_latin(text) || is_nfc_quick(text.chars()) == unicode_normalization::IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// Returns whether `text` is printable ASCII, as nearly all cells are: there is nothing to compose, and no control
/// character.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Returns the first control character or Unicode line break in `text`, as U+0007.
pub(super) fn control(text: &str) -> Option<String> {
    if is_plain(text) {
        return None;
    }
    let found = text.chars().find(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))?;
    Some(format!("U+{:04X}", u32::from(found)))
}

/// Splits at any of `separators`; trims the values and drops empty and repeated ones.
pub(super) fn split<'t>(text: &'t str, separators: &[char]) -> Vec<&'t str> {
    let mut seen = HashSet::new();
    parts(text, separators).filter(|value| seen.insert(MatchKey::new(value))).collect()
}

/// The same, but keeps repeated values: what stands for something else is compared as that.
pub(super) fn parts<'t>(text: &'t str, separators: &[char]) -> impl Iterator<Item = &'t str> {
    text.split(separators).map(|value| value.trim_matches(is_blank)).filter(|value| !value.is_empty())
}

/// Reads yes or no; `None` when it is neither.
pub fn flag(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["1", "yes", "true", "y", "on", "x"]) {
        Some(true)
    } else if is(&["0", "no", "false", "n", "off"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_trimmed_of_every_kind_of_blank_and_composed() {
        assert_eq!(cleaned("\u{a0} \tAda\u{3000}\u{200b}\n"), "Ada");
        assert_eq!(cleaned("Ju\u{308}rgen"), "Jürgen");
        assert_eq!(cleaned(" \u{a0} "), "");
        assert!(matches!(cleaned("Jürgen"), Cow::Borrowed(_)));
    }

    #[test]
    fn letters_that_are_not_looked_up_are_composed() {
        let latin: String = ('\0'..'\u{300}').collect();
        assert!(is_latin(&latin));
        assert_eq!(latin.nfc().collect::<String>(), latin);
    }

    #[test]
    fn control_characters_are_named() {
        assert_eq!(control("a\u{7}b"), Some("U+0007".to_owned()));
        assert_eq!(control("a\nb"), Some("U+000A".to_owned()));
        assert_eq!(control("a\u{85}b"), Some("U+0085".to_owned()));
        assert_eq!(control("a\u{2028}b"), Some("U+2028".to_owned()));
        assert_eq!(control("Ädä 👩\u{200d}💻"), None);
    }

    #[test]
    fn values_of_one_cell_are_told_apart_as_directories_do() {
        assert_eq!(split("Sales| Staff ;;sales|", &['|', ';']), ["Sales", "Staff"]);
        assert_eq!(split(" | ", &['|']), Vec::<&str>::new());
        assert_eq!(split("a;b", &['|']), ["a;b"]);
    }

    #[test]
    fn flags_are_yes_or_no_in_any_case() {
        for yes in ["1", "yes", "TRUE", "y", "On", "X"] {
            assert_eq!(flag(yes), Some(true), "{yes}");
        }
        for no in ["0", "No", "false", "N", "off"] {
            assert_eq!(flag(no), Some(false), "{no}");
        }
        for neither in ["", "2", "ja", "01", "yes please"] {
            assert_eq!(flag(neither), None, "{neither}");
        }
    }
}
