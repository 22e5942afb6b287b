//! Text whose every character can be seen, and none of which a terminal obeys.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns `text` with a visible stand-in for every character that is a command or cannot be seen.
///
/// ASCII controls become their pictures (`ESC` is `␛`, a line break `␊`); C1 controls, the characters that turn the
/// direction of writing, line separators and invisible characters become `⟨U+202E⟩`. The joiners U+200C and U+200D
/// stay: Persian names and Indic scripts are written with them. So the result is one line and safe on a terminal.
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.contains(is_hidden) {
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

/// Returns whether `text` is ASCII that can be seen, as nearly all values are.
pub(super) fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
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
