//! Characters: which are allowed, and which cannot be seen.

use super::super::problem::ProblemKind;

/// A set of characters, written as `a-z A-Z 0-9 . _ -`: single characters and ranges between blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Characters {
    ranges: Vec<(char, char)>,
    /// Those of ASCII, a bit for each.
    ascii: u128,
}

impl Default for Characters {
    /// Returns `a-z A-Z 0-9 . _ - @ '`.
    fn default() -> Self {
        let single = ['.', '_', '-', '@', '\''].map(|c| (c, c));
        Self::of([('a', 'z'), ('A', 'Z'), ('0', '9')].into_iter().chain(single).collect())
    }
}

impl Characters {
    fn of(ranges: Vec<(char, char)>) -> Self {
        let is_in = |c: char| ranges.iter().any(|(from, to)| (*from..=*to).contains(&c));
        let ascii = (0..128u8).filter(|c| is_in(char::from(*c))).fold(0, |ascii, c| ascii | 1 << c);
        Self { ranges, ascii }
    }

    /// Reads a set. The error is the part that is neither a character nor a range.
    pub fn parse(text: &str) -> Result<Self, String> {
        let range = |part: &str| {
            let mut chars = part.chars();
            match (chars.next(), chars.next(), chars.next(), chars.next()) {
                (Some(c), None, None, None) => Ok((c, c)),
                (Some(from), Some('-'), Some(to), None) if from <= to => Ok((from, to)),
                _ => Err(part.to_owned()),
            }
        };
        let ranges: Vec<(char, char)> = text.split_whitespace().map(range).collect::<Result<_, _>>()?;
        if ranges.is_empty() { Err(text.to_owned()) } else { Ok(Self::of(ranges)) }
    }

    /// Returns whether the set has `c`.
    pub fn has(&self, c: char) -> bool {
        match c.is_ascii() {
            true => self.ascii & (1 << u32::from(c)) != 0,
            false => self.ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)),
        }
    }
}

/// Returns whether all characters are below U+0300, which is 0xcc 0x80: none of them joins with another.
pub fn is_latin(text: &str) -> bool {
    text.is_ascii() || text.bytes().all(|byte| byte < 0xcc)
}

/// Returns the first character of `text` that cannot be seen or that changes the reading direction of others.
///
/// Joiners (U+200C, U+200D) belong to the spelling of Persian, Indic and other names, and to emoji: they are hidden
/// only after a letter of a script that does not join.
pub fn hidden(text: &str) -> Option<char> {
    if is_latin(text) {
        return text.chars().find(|c| *c == '\u{ad}');
    }
    let mut before = '\0';
    text.chars().find(|c| {
        let joins = std::mem::replace(&mut before, *c) >= '\u{600}';
        match c {
            '\u{200c}' | '\u{200d}' => !joins,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' => true,
            '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' => true,
            '\u{e0000}'..='\u{e007f}' => true,
            _ => false,
        }
    })
}

/// Returns the problem of `c` in `value`, with every hidden character made visible.
pub fn character(value: &str, c: char, allowed: &'static str) -> ProblemKind {
    let is_plain = |c: char| !c.is_control() && hidden(c.encode_utf8(&mut [0; 4])).is_none();
    let code = |c: char| format!("U+{:04X}", u32::from(c));
    let value = value.chars().fold(String::with_capacity(value.len()), |mut shown, c| {
        if is_plain(c) {
            shown.push(c);
        } else {
            shown.push('<');
            shown.push_str(&code(c));
            shown.push('>');
        }
        shown
    });
    let character = match c {
        ' ' => "blank".to_owned(),
        c if is_plain(c) && !c.is_whitespace() => format!("`{c}`"),
        c => code(c),
    };
    ProblemKind::Character { value, character, allowed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_characters_and_ranges() {
        let set = Characters::parse("a-f 0-9 - .").expect("a set");
        for c in ['a', 'f', '5', '-', '.'] {
            assert!(set.has(c), "{c}");
        }
        for c in ['g', 'A', ' ', '_'] {
            assert!(!set.has(c), "{c}");
        }
        assert_eq!(Characters::parse("a-z ab"), Err("ab".to_owned()));
        assert_eq!(Characters::parse("z-a"), Err("z-a".to_owned()));
        assert_eq!(Characters::parse(" "), Err(" ".to_owned()));
    }

    #[test]
    fn the_default_is_the_documented_set() {
        assert_eq!(Characters::default(), Characters::parse("a-z A-Z 0-9 . _ - @ '").expect("a set"));
    }

    #[test]
    fn hidden_characters_are_found_and_spelling_is_not() {
        assert_eq!(hidden("Ada\u{202e}nimda"), Some('\u{202e}'));
        assert_eq!(hidden("A\u{200b}da"), Some('\u{200b}'));
        assert_eq!(hidden("A\u{200d}da"), Some('\u{200d}'));
        assert_eq!(hidden("علی\u{200c}رضا"), None);
        assert_eq!(hidden("👩\u{200d}💻"), None);
        assert_eq!(hidden("Zoë O’Neill-Łódź"), None);
    }

    #[test]
    fn of_latin_characters_the_soft_hyphen_alone_is_hidden() {
        assert!(is_latin("\u{2ff}") && !is_latin("\u{300}"));
        for c in '\0'..'\u{300}' {
            let with_others = format!("{c}\u{4e2d}");
            assert_eq!(hidden(&c.to_string()), hidden(&with_others), "U+{:04X}", c as u32);
        }
        assert_eq!(hidden("so\u{ad}ft"), Some('\u{ad}'));
    }

    #[test]
    fn a_problem_shows_what_cannot_be_seen() {
        let problem = character("a\u{202e}b", '\u{202e}', "is invisible");
        assert_eq!(problem.to_string(), "`a<U+202E>b` has the character U+202E, which is invisible");
        assert_eq!(
            character("a b", ' ', "is not allowed").to_string(),
            "`a b` has the character blank, which is not allowed"
        );
    }
}
