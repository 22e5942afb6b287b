//! Text whose every character can be seen, and none of which a terminal obeys.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns `text` with a visible stand-in for every character that is a command or cannot be seen.
///
/// ASCII controls become their pictures (`ESC` is `␛`, a line break `␊`); C1 controls, the characters that turn the
/// direction of writing, line separators and invisible characters become `⟨U+202E⟩`. The joiners U+200C and U+200D
/// stay: Persian names and Indic scripts are written with them. So the result is one line and safe on a terminal.
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_harmless(text) || !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\0'..='\u{1f}' => shown.extend(char::from_u32(0x2400 + u32::from(c))),
            '\u{7f}' => shown.push('␡'),
            c if is_hidden(c) => {
                let _infallible = write!(shown, "⟨U+{:04X}⟩", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// Returns whether already the bytes of `text` tell that nothing in it is hidden, as in nearly all values.
pub(super) fn is_harmless(text: &str) -> bool {
    kinds(text) & MAYBE_HIDDEN == 0
}

/// Returns whether `text` is harmless, and has none of the characters that mean something within HTML or CSV.
pub(super) fn is_plain(text: &str) -> bool {
    kinds(text) == 0
}

/// UTF-8 of a hidden character may begin with this byte. Those of most European letters do not.
const MAYBE_HIDDEN: u8 = 1;
/// This byte is markup in HTML, or a quote or maybe a delimiter in CSV.
const MARK: u8 = 2;

const KINDS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut byte = 0;
    while byte < kinds.len() {
        kinds[byte] = match byte as u8 {
            0..=0x1f | 0x7f | 0xc2 | 0xd8 | 0xe1..=0xe3 | 0xef | 0xf3 => MAYBE_HIDDEN,
            b'&' | b'<' | b'>' | b'"' | b'\'' | b',' | b';' | b'|' => MARK,
            _ => 0,
        };
        byte += 1;
    }
    kinds
};

/// Returns all kinds of the bytes of `text` together. Mostly there are none, and without a way out in the middle it is
/// quicker to see that.
fn kinds(text: &str) -> u8 {
    text.bytes().fold(0, |kinds, byte| kinds | KINDS[usize::from(byte)])
}

/// Returns whether `c` is a control, a change of direction, or invisible.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns at most the first `limit` characters of `text`, with `...` where it was cut.
pub(super) fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    match text.char_indices().nth(limit) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn commands_are_shown_and_not_obeyed() {
        for (text, shown) in [
            ("\u{1b}[2J\u{1b}]0;owned\u{7}", "␛[2J␛]0;owned␇"),
            ("a\r\nb\tc\0", "a␍␊b␉c␀"),
            ("\u{9b}31m", "⟨U+009B⟩31m"),
            ("\u{7f}", "␡"),
            ("user\u{202e}nimda", "user⟨U+202E⟩nimda"),
            ("ad\u{200b}min", "ad⟨U+200B⟩min"),
            ("\u{e0041}", "⟨U+E0041⟩"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn what_people_write_is_left_alone() {
        for text in ["", "Zoë O'Brien-Šimić", "علی\u{200c}رضا", "山田 太郎", "👩\u{200d}🚀", "DOMAIN\\user"]
        {
            assert!(matches!(visible(text), Cow::Borrowed(shown) if shown == text), "{text}");
        }
    }

    #[test]
    fn every_hidden_character_is_told_by_its_bytes() {
        for hidden in ('\0'..=char::MAX).filter(|c| is_hidden(*c)) {
            assert!(!is_harmless(&format!("a{hidden}ö")), "{hidden:?}");
        }
        assert!(is_harmless("Zoë Šimić-O'Brien, Łódź"));
    }

    #[test]
    fn what_means_something_in_html_or_csv_is_not_plain() {
        for mark in "&<>\"',;|\t\r\n".chars() {
            assert!(!is_plain(&format!("a{mark}b")), "{mark:?}");
        }
        assert!(is_plain("Zoë Šimić-Brien @ Łódź"));
    }

    #[test]
    fn a_cut_falls_between_characters_and_is_marked() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö...");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(|c| c.is_control() || is_hidden(c)));
            prop_assert_eq!(visible(&shown), shown.clone());
        }
    }
}
