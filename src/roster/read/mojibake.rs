//! UTF-8 that somebody took for windows-1252 and encoded again: `MÃ¼ller`, `Oâ€™Neill`.
//!
//! Such text, written back as windows-1252, is UTF-8. Few real words are: it takes a capital letter with an accent, or
//! one of à to ô, directly before one or more of the signs from € to ¿. What real words do show is a capital before a
//! closing sign (`JOSÉ’S`, `Weiß“`) or before Š, Ž, Œ (`KŘÍŽ`), so a sequence counts by itself only when the character
//! it stands for is one that names and sentences in Latin letters use, and in twos otherwise.

use encoding_rs::Encoding;

/// Returns the first piece of `text` that is UTF-8 read as windows-1252.
pub(super) fn find(text: &str) -> Option<String> {
    // It takes two characters beyond ASCII side by side, the second one of which begins with 0xc2 or more.
    let is_pair = |pair: &[u8]| pair[0] >= 0x80 && pair[1] >= 0xc0;
    if text.is_ascii() || !text.as_bytes().windows(2).any(is_pair) {
        return None;
    }
    search(text)
}

fn search(text: &str) -> Option<String> {
    let chars: Vec<char> = text.chars().collect();
    let bytes: Vec<u8> = chars.iter().map(|c| windows_1252(*c).unwrap_or(0)).collect();
    let mut weak_before = None;
    let mut at = 0;
    while at < bytes.len() {
        let Some((meant, length)) = sequence(&bytes[at..]) else {
            (weak_before, at) = (None, at + 1);
            continue;
        };
        let piece = at..at + length;
        let closing_signs = chars[piece.start + 1..piece.end].iter().all(|c| is_closing_sign(*c));
        let after_capitals = at > 1 && chars[at - 2..at].iter().all(|c| c.is_uppercase());
        let proof = match strength(meant) {
            Strength::None => false,
            Strength::Latin1 => true,
            Strength::Latin => !(closing_signs && after_capitals),
            Strength::Weak => chars[piece.clone()].iter().any(|c| is_c1(*c)),
        };
        if proof {
            return Some(chars[piece].iter().collect());
        }
        let weak = strength(meant) == Strength::Weak;
        if let Some(before) = weak_before
            && weak
        {
            return Some(chars[before..piece.end].iter().collect());
        }
        weak_before = weak.then_some(at);
        at = piece.end;
    }
    None
}

/// Returns the text of `bytes`, a field of a file in a single-byte encoding, when all of it that is not ASCII is UTF-8.
pub(super) fn find_bytes(bytes: &[u8], encoding: &'static Encoding) -> Option<String> {
    if bytes.is_ascii() || std::str::from_utf8(bytes).is_err() {
        return None;
    }
    let start = bytes.iter().position(|byte| !byte.is_ascii())?;
    let length = bytes[start + 1..].iter().take_while(|byte| (0x80..0xC0).contains(*byte)).count();
    encoding.decode_without_bom_handling_and_without_replacement(&bytes[start..=start + length]).map(Into::into)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strength {
    /// No character that anybody meant.
    None,
    /// Proof only beside another one, or when a control character takes part.
    Weak,
    /// Proof, unless it reads as the last capital of a word in capitals, before a closing sign.
    Latin,
    /// Proof: `Ã` before a sign is in no real word.
    Latin1,
}

fn strength(meant: char) -> Strength {
    match meant {
        '\u{80}'..='\u{9F}' => Strength::None,
        '\u{C0}'..='\u{FF}' => Strength::Latin1,
        '\u{A0}'..='\u{BF}' | '\u{100}'..='\u{17F}' => Strength::Latin,
        // Vietnamese and Azerbaijani letters, Romanian commas, pinyin, the okina.
        '\u{18F}' | '\u{1A0}' | '\u{1A1}' | '\u{1AF}' | '\u{1B0}' | '\u{1CD}'..='\u{1DC}' => Strength::Latin,
        '\u{218}'..='\u{21B}' | '\u{259}' | '\u{2BB}' | '\u{2BC}' | '\u{1E00}'..='\u{1EFF}' => Strength::Latin,
        // Punctuation, currencies, letter-like signs, ligatures, byte order mark, replacement character, emoji.
        '\u{2000}'..='\u{206F}' | '\u{20A0}'..='\u{20CF}' | '\u{2100}'..='\u{214F}' => Strength::Latin,
        '\u{FB00}'..='\u{FB06}' | '\u{FEFF}' | '\u{FFFD}' | '\u{1F000}'..='\u{1FAFF}' => Strength::Latin,
        _ => Strength::Weak,
    }
}

/// Returns the character of more than one byte that `bytes` begins with, and its length.
fn sequence(bytes: &[u8]) -> Option<(char, usize)> {
    let length = match bytes.first()? {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let text = std::str::from_utf8(bytes.get(..length)?).ok()?;
    text.chars().next().map(|meant| (meant, length))
}

/// Signs that stand directly after a word.
fn is_closing_sign(c: char) -> bool {
    matches!(c, '‘' | '’' | '“' | '”' | '‚' | '„' | '‹' | '›' | '«' | '»' | '–' | '—' | '…' | '·' | '•')
        || matches!(
            c,
            '™' | '®' | '©' | 'ª' | 'º' | '°' | '¹' | '²' | '³' | '†' | '‡' | '\u{A0}' | '¡' | '¿' | '´' | '¨'
        )
}

fn is_c1(c: char) -> bool {
    ('\u{80}'..='\u{9F}').contains(&c)
}

/// Returns the byte of a character beyond ASCII in windows-1252, as the WHATWG Encoding Standard has it; a C1 control
/// stands for its own byte, which also covers ISO-8859-1.
fn windows_1252(c: char) -> Option<u8> {
    const HIGH: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8D}', 'Ž', '\u{8F}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9D}', 'ž', 'Ÿ',
    ];
    match c {
        '\u{80}'..='\u{FF}' => u8::try_from(c).ok(),
        _ => HIGH.iter().zip(0x80..).find(|(high, _)| **high == c).map(|(_, byte)| byte),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_not_searched_has_nothing(text in "([a-cÃÂâéüß€’¼™\u{81}中]|\\PC){0,6}") {
            prop_assert_eq!(find(&text), search(&text));
        }
    }
}
