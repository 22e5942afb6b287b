//! Spelling names with ASCII letters, as the language of the feed does it.

use any_ascii::any_ascii_char;
use unicode_normalization::UnicodeNormalization;

/// The language by which letters are spelled in ASCII; the default knows no language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Locale {
    table: &'static [(char, &'static str)],
}

/// A letter that has no ASCII spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` (U+{code:04X}) has no ASCII spelling", code = u32::from(*.0))]
pub struct NoSpelling(pub char);

const GERMAN: &[(char, &str)] = &[('ä', "ae"), ('ö', "oe"), ('ü', "ue"), ('ß', "ss")];
const DANISH: &[(char, &str)] = &[('å', "aa"), ('ä', "ae"), ('æ', "ae"), ('ö', "oe"), ('ø', "oe"), ('ü', "y")];
const SWEDISH: &[(char, &str)] = &[('å', "a"), ('ä', "a"), ('ö', "o"), ('æ', "a"), ('ø', "o"), ('ü', "u")];
const TURKISH: &[(char, &str)] =
    &[('ı', "i"), ('ğ', "g"), ('ş', "s"), ('ç', "c"), ('ö', "o"), ('ü', "u"), ('ə', "a"), ('â', "a")];
const ICELANDIC: &[(char, &str)] = &[('þ', "th"), ('ð', "d"), ('æ', "ae"), ('ö', "o")];

/// Resolution 55 of the Cabinet of Ministers of Ukraine, 2010; the forms inside a word.
const UKRAINIAN: &[(char, &str)] = &[
    ('г', "h"),
    ('ґ', "g"),
    ('є', "ie"),
    ('и', "y"),
    ('і', "i"),
    ('ї', "i"),
    ('й', "i"),
    ('х', "kh"),
    ('ц', "ts"),
    ('ч', "ch"),
    ('ш', "sh"),
    ('щ', "shch"),
    ('ь', ""),
    ('ю', "iu"),
    ('я', "ia"),
    ('ж', "zh"),
];

/// ICAO Doc 9303 part 3, which Russian passports follow.
const RUSSIAN: &[(char, &str)] = &[
    ('ё', "e"),
    ('й', "i"),
    ('х', "kh"),
    ('ц', "ts"),
    ('ч', "ch"),
    ('ш', "sh"),
    ('щ', "shch"),
    ('ъ', "ie"),
    ('ы', "y"),
    ('ь', ""),
    ('э', "e"),
    ('ю', "iu"),
    ('я', "ia"),
    ('ж', "zh"),
];

/// The Bulgarian transliteration act of 2009.
const BULGARIAN: &[(char, &str)] = &[
    ('ж', "zh"),
    ('й', "y"),
    ('х', "h"),
    ('ц', "ts"),
    ('ч', "ch"),
    ('ш', "sh"),
    ('щ', "sht"),
    ('ъ', "a"),
    ('ь', "y"),
    ('ю', "yu"),
    ('я', "ya"),
];

impl Locale {
    /// Returns the locale that `tag` names, such as `de`, `de-AT` or `sv_SE.UTF-8`; empty means none.
    ///
    /// A language without rules of its own is spelled as without a locale. `None`: this is no language tag.
    pub fn named(tag: &str) -> Option<Self> {
        let language = tag.split(['-', '_', '.']).next().unwrap_or_default().to_ascii_lowercase();
        let table = match language.as_str() {
            "de" => GERMAN,
            "da" | "nb" | "nn" | "no" => DANISH,
            "sv" | "fi" => SWEDISH,
            "tr" | "az" => TURKISH,
            "is" => ICELANDIC,
            "uk" => UKRAINIAN,
            "ru" => RUSSIAN,
            "bg" => BULGARIAN,
            "" if tag.is_empty() => &[],
            other if matches!(other.len(), 2 | 3) && other.bytes().all(|b| b.is_ascii_lowercase()) => &[],
            _ => return None,
        };
        Some(Self { table })
    }

    /// Spells `text` with ASCII characters only. Marks and signs that have no spelling are dropped.
    ///
    /// Fails on a letter or digit without a spelling: a name must not lose letters silently.
    pub fn ascii(self, text: &str) -> Result<String, NoSpelling> {
        if text.is_ascii() {
            return Ok(text.to_owned());
        }
        let mut out = String::with_capacity(text.len());
        let mut letters = text.nfc().peekable();
        while let Some(c) = letters.next() {
            if c.is_ascii() {
                out.push(c);
                continue;
            }
            let all_capitals = letters.peek().map_or_else(|| ends_in_capitals(&out), |next| next.is_uppercase());
            match self.spelled(c, all_capitals) {
                Some(spelling) => out.push_str(&spelling),
                None => {
                    let spelling = any_ascii_char(c);
                    if spelling.is_empty() && is_unknown(c) {
                        return Err(NoSpelling(c));
                    }
                    out.push_str(spelling);
                }
            }
        }
        Ok(out)
    }

    /// Spells one letter by the table: `Ä` is `Ae`, among capitals `AE`.
    fn spelled(self, c: char, all_capitals: bool) -> Option<String> {
        let find = |c: char| self.table.iter().find(|(letter, _)| *letter == c).map(|(_, spelling)| *spelling);
        if let Some(spelling) = find(c) {
            return Some(spelling.to_owned());
        }
        let mut lower = c.to_lowercase();
        let spelling = match (lower.next(), lower.next()) {
            (Some(lower), None) if lower != c => find(lower)?,
            _ => return None,
        };
        let mut capital = spelling.to_ascii_uppercase();
        if !all_capitals && capital.len() > 1 {
            capital = capital[..1].to_owned() + &spelling[1..];
        }
        Some(capital)
    }
}

/// Returns whether a letter without a spelling is one that the table does not know: an ideograph or a rare script.
/// Below these, letters such as the Arabic alef have none on purpose.
fn is_unknown(c: char) -> bool {
    c.is_alphanumeric() && matches!(c, '\u{3400}'..='\u{9fff}' | '\u{10000}'..)
}

fn ends_in_capitals(text: &str) -> bool {
    text.chars().next_back().is_some_and(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ascii(tag: &str, text: &str) -> String {
        Locale::named(tag).expect("a language tag").ascii(text).expect("every letter has a spelling")
    }

    #[test]
    fn umlauts_are_spelled_as_the_language_does() {
        assert_eq!(ascii("de", "Jürgen Groß-Äcker"), "Juergen Gross-Aecker");
        assert_eq!(ascii("sv", "Åsa Öberg"), "Asa Oberg");
        assert_eq!(ascii("da", "Søren Aarø Ågård"), "Soeren Aaroe Aagaard");
        assert_eq!(ascii("", "Jürgen"), "Jurgen");
        assert_eq!(ascii("tr", "Işıl ÇAĞRI"), "Isil CAGRI");
        assert_eq!(ascii("uk", "Олексій Щука"), "Oleksii Shchuka");
        assert_eq!(ascii("ru", "Юлия Щёкина"), "Iuliia Shchekina");
        assert_eq!(ascii("bg", "Щерева"), "Shtereva");
    }

    #[test]
    fn capitals_stay_capitals() {
        assert_eq!(ascii("de", "ÄRZTE"), "AERZTE");
        assert_eq!(ascii("de", "MÜLLER"), "MUELLER");
        assert_eq!(ascii("de", "FRÜ"), "FRUE");
        assert_eq!(ascii("de", "Ü"), "Ue");
    }

    #[test]
    fn letters_and_marks_may_come_apart() {
        assert_eq!(ascii("de", "Ju\u{308}rgen"), "Juergen");
    }

    #[test]
    fn a_region_does_not_matter_and_nonsense_is_no_language() {
        assert_eq!(Locale::named("de-AT"), Locale::named("de"));
        assert_eq!(Locale::named("DE_CH.UTF-8"), Locale::named("de"));
        assert_eq!(Locale::named("fr"), Some(Locale::default()));
        assert_eq!(Locale::named("german"), None);
        assert_eq!(Locale::named("-"), None);
    }

    #[test]
    fn a_letter_without_a_spelling_is_not_dropped() {
        assert_eq!(Locale::default().ascii("a\u{20002}"), Err(NoSpelling('\u{20002}')));
        assert_eq!(ascii("", "深圳 سارا"), "ShenZhen sr");
    }

    proptest! {
        #[test]
        fn what_comes_out_is_ascii(text in "\\PC{0,20}", tag in "(de|da|sv|tr|uk|ru|bg|is)?") {
            if let Ok(out) = Locale::named(&tag).expect("a language tag").ascii(&text) {
                prop_assert!(out.is_ascii());
            }
        }
    }
}
