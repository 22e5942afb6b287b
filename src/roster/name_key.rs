//! Keys by which names are compared.
//!
//! Directories disagree on which names are equal. A match uses [`MatchKey`], which is what LDAP's `caseIgnoreMatch`
//! does (RFC 4518). Whether two people can be kept apart by *every* directory is asked with [`CoarseKey`], which is
//! coarser than any of them: Active Directory ignores diacritics, others fold full-width letters.

use std::borrow::Borrow;
use std::borrow::Cow;
use std::fmt;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name folded as `caseIgnoreMatch` folds it: NFKC, lower case, blanks trimmed and squeezed (RFC 4518 section 2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MatchKey(Box<str>);

impl MatchKey {
    /// Folds `name`.
    pub fn new(name: &str) -> Self {
        Self(folded(name).into())
    }

    /// Returns the folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// So that a key can be looked up by its text.
impl Borrow<str> for MatchKey {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A name folded coarser than any directory does. Equal keys mean that two names may be the same somewhere.
///
/// Beyond [`MatchKey`]: diacritics, default-ignorable characters and blanks are dropped, `ß` is `ss`, dotless `ı` is
/// `i`. Folding is idempotent: the key of a key is that key.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoarseKey(Box<str>);

impl CoarseKey {
    /// Folds `name`.
    pub fn new(name: &str) -> Self {
        Self(folded_coarsely(name).into())
    }

    /// Returns the folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for CoarseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Returns the text of the [`MatchKey`] of `name`, which most names are themselves.
pub fn folded(name: &str) -> Cow<'_, str> {
    if is_plain(name) {
        return lower(name);
    }
    let folded: String = name.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    Cow::Owned(squeeze(&folded))
}

/// Returns the text of the [`CoarseKey`] of `name`, which most login names are themselves.
pub fn folded_coarsely(name: &str) -> Cow<'_, str> {
    if is_plain(name) && !name.contains(' ') {
        return lower(name);
    }
    let mut key = coarse_once(name);
    // Lower-casing can yield characters that decompose further; the loop ends at the fixed point, in practice after
    // one or two rounds.
    for _ in 0..4 {
        let again = coarse_once(&key);
        if again == key {
            break;
        }
        key = again;
    }
    Cow::Owned(key)
}

fn lower(ascii: &str) -> Cow<'_, str> {
    if ascii.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(ascii.to_ascii_lowercase())
    } else {
        Cow::Borrowed(ascii)
    }
}

/// Returns whether `name` is ASCII with no blanks at its ends and one at most between words.
fn is_plain(name: &str) -> bool {
    let mut before = b' ';
    for byte in name.bytes() {
        if !byte.is_ascii() || matches!(byte, b'\t' | b'\n' | b'\r') || (byte, before) == (b' ', b' ') {
            return false;
        }
        before = byte;
    }
    before != b' ' || name.is_empty()
}

fn coarse_once(name: &str) -> String {
    let mut key = String::with_capacity(name.len());
    for c in name.nfkd().flat_map(char::to_lowercase).nfkd() {
        match c {
            'ß' | 'ẞ' => key.push_str("ss"),
            'ı' => key.push('i'),
            'ſ' => key.push('s'),
            'ς' => key.push('σ'),
            'ø' => key.push('o'),
            'đ' | 'ð' => key.push('d'),
            'ł' => key.push('l'),
            'æ' => key.push_str("ae"),
            'œ' => key.push_str("oe"),
            'þ' => key.push_str("th"),
            c if is_combining_mark(c) || is_ignorable(c) || c.is_whitespace() => {}
            c => key.push(c),
        }
    }
    key
}

/// Returns whether `c` is default-ignorable (Unicode 15 `DerivedCoreProperties.txt`).
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn squeeze(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn match_key_folds_as_case_ignore_match() {
        for (a, b) in [("Ada  Byron ", "ada byron"), ("ＡＤＡ", "ada"), ("e\u{301}", "é"), ("\u{212a}im", "kim")] {
            assert_eq!(MatchKey::new(a), MatchKey::new(b), "{a} {b}");
        }
        assert_ne!(MatchKey::new("Müller"), MatchKey::new("Muller"));
        assert_ne!(MatchKey::new("Meißner"), MatchKey::new("Meissner"));
    }

    #[test]
    fn coarse_key_is_coarser_than_any_directory() {
        for (a, b) in [
            ("Müller", "muller"),
            ("Meißner", "MEISSNER"),
            ("ı", "i"),
            ("İ", "i"),
            ("a\u{200b}da", "ada"),
            ("so\u{ad}ft", "soft"),
            ("ååå", "aaa"),
            ("Ø", "o"),
            ("ada byron", "adabyron"),
        ] {
            assert_eq!(CoarseKey::new(a), CoarseKey::new(b), "{a} {b}");
        }
    }

    #[test]
    fn coarse_key_is_idempotent_for_every_character() {
        for c in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let once = CoarseKey::new(&c.to_string());
            assert_eq!(CoarseKey::new(once.as_str()), once, "U+{:04X}", c as u32);
        }
    }

    proptest! {
        #[test]
        fn equal_match_keys_have_equal_coarse_keys(name in "\\PC{0,12}") {
            let folded = MatchKey::new(&name);
            prop_assert_eq!(CoarseKey::new(folded.as_str()), CoarseKey::new(&name));
        }
    }
}
