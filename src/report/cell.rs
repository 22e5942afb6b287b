//! Cells of CSV files that people open in a spreadsheet.
//!
//! A spreadsheet takes a cell for a formula by its first character (OWASP, "CSV Injection"). It may also split the line
//! at another delimiter than the file's, depending on the country it thinks it is in, so a formula can begin in the
//! middle of a cell. Quoting helps against neither. What helps is an apostrophe before the first character, at the
//! beginning and behind every `,` and `;`.

use std::borrow::Cow;
use std::io;
use std::io::Write;

use memchr::memchr2_iter;
use memchr::memchr3_iter;

use super::visible::is_plain;
use super::visible::visible;

/// Returns `value` fit for a cell: hidden characters made visible, and nothing in it a formula.
pub fn cell(value: &str) -> Cow<'_, str> {
    match visible(value) {
        Cow::Borrowed(text) => disarm(text),
        Cow::Owned(text) => Cow::Owned(disarm(&text).into_owned()),
    }
}

/// Returns `text` with an apostrophe wherever a spreadsheet could see the beginning of a formula.
pub fn disarm(text: &str) -> Cow<'_, str> {
    if !has_formula(text) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 4);
    for piece in pieces(text) {
        if is_formula(piece) {
            safe.push('\'');
        }
        safe.push_str(piece);
    }
    Cow::Owned(safe)
}

/// Takes the apostrophes of [`disarm`] away again, for a cell that comes back from an edited preview.
pub fn rearm(cell: &str) -> Cow<'_, str> {
    let unguarded = |piece: &str| piece.strip_prefix('\'').is_some_and(is_formula);
    if !pieces(cell).any(unguarded) {
        return Cow::Borrowed(cell);
    }
    Cow::Owned(pieces(cell).map(|piece| if unguarded(piece) { &piece[1..] } else { piece }).collect())
}

/// Splits `text` behind every character at which some spreadsheet may begin a new cell.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive([',', ';', '\t', '\n', '\r'])
}

/// Returns whether one of the pieces of `text` is a formula.
///
/// Each is judged with all that follows it, which makes no difference: [`is_formula`] looks past no end of a piece.
fn has_formula(text: &str) -> bool {
    let octets = text.as_bytes();
    let mut ends = memchr3_iter(b',', b';', b'\t', octets).chain(memchr2_iter(b'\n', b'\r', octets));
    is_formula(text) || ends.any(|end| is_formula(&text[end + 1..]))
}

/// Returns whether `piece` begins like a formula, seen past blanks, quotes, apostrophes and invisible characters.
///
/// The full-width forms count: Excel takes them for the plain ones in Japanese.
fn is_formula(piece: &str) -> bool {
    // As nearly all do.
    if begins_plainly(piece.strip_prefix(' ').unwrap_or(piece)) {
        return false;
    }
    let skipped = |c: char| matches!(c, ' ' | '"' | '\'' | '\u{feff}' | '\u{200b}' | '\u{2060}') || is_blank(c);
    let rest = piece.trim_start_matches(skipped);
    rest.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠'])
}

fn begins_plainly(text: &str) -> bool {
    text.bytes().next().is_none_or(|first| first.is_ascii_alphanumeric())
}

fn is_blank(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\t' | '\r' | '\n')
}

/// Lines of CSV as RFC 4180 has them, with [`cell`] at the only door. Starts with a byte order mark, without which
/// Excel takes UTF-8 for the code page of the country.
pub(super) struct Lines<'a, W: Write + ?Sized> {
    writer: csv::Writer<&'a mut W>,
}

impl<'a, W: Write + ?Sized> Lines<'a, W> {
    /// Begins with the header.
    pub(super) fn begin(out: &'a mut W, delimiter: u8, header: &[&str]) -> io::Result<Self> {
        out.write_all("\u{feff}".as_bytes())?;
        let delimiter = if matches!(delimiter, b',' | b';' | b'\t' | b'|') { delimiter } else { b',' };
        let terminator = csv::Terminator::CRLF;
        let mut writer = csv::WriterBuilder::new().delimiter(delimiter).terminator(terminator).from_writer(out);
        writer.write_record(header)?;
        Ok(Self { writer })
    }

    /// Writes one line.
    pub(super) fn line<const N: usize>(&mut self, cells: [&str; N]) -> io::Result<()> {
        for value in cells {
            // As nearly all cells do and are.
            if begins_plainly(value) && is_plain(value) {
                self.writer.write_field(value)?;
            } else {
                self.writer.write_field(&*cell(value))?;
            }
        }
        Ok(self.writer.write_record(None::<&[u8]>)?)
    }

    /// Makes sure that everything is written.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test ends where something unexpected begins")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_become_text() {
        for (value, safe) in [
            ("=HYPERLINK(\"http://evil.example\")", "'=HYPERLINK(\"http://evil.example\")"),
            ("+49 30 1234", "'+49 30 1234"),
            ("-5", "'-5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("＝1+1", "'＝1+1"),
            ("  =1", "'  =1"),
            ("\"=1", "'\"=1"),
            ("x;=1", "x;'=1"),
            ("x, =1,y", "x,' =1,y"),
            ("'=1", "''=1"),
        ] {
            assert_eq!(cell(value), safe);
        }
        assert_eq!(disarm("\u{feff}=1"), "'\u{feff}=1");
        assert_eq!(disarm("\t=1"), "'\t'=1");
        assert_eq!(disarm("\r"), "'\r");
        assert_eq!(disarm("\0=1"), "'\0=1");
        assert_eq!(cell("\t=1"), "␉=1");
    }

    #[test]
    fn harmless_text_is_left_alone() {
        for value in
            ["", "ada", "a=b", "a-b", "'t Hooft", "ada@example.org", "uid=ada,ou=people", "1-2", "mail: a -> b"]
        {
            assert_eq!(cell(value), value);
        }
    }

    proptest! {
        #[test]
        fn no_piece_begins_like_a_formula(value in "[ =+@\"',;\ta-\u{feff}\\-]{0,8}|\\PC{0,20}") {
            for text in [disarm(&value), cell(&value)] {
                for piece in text.split([',', ';']) {
                    let first = piece.chars().next();
                    prop_assert!(!matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\0')), "{text:?}");
                }
            }
        }

        #[test]
        fn a_text_has_the_formulas_of_its_pieces(value in "[ =+@\"',;\t\r\nax\u{feff}\u{a0}\\-]{0,8}|\\PC{0,20}") {
            prop_assert_eq!(has_formula(&value), pieces(&value).any(is_formula));
        }

        #[test]
        fn arming_again_gives_the_value(value in "[ =+@\"',;\ta-\u{feff}\\-]{0,8}|\\PC{0,20}") {
            prop_assert_eq!(rearm(&disarm(&value)).into_owned(), value);
        }

        #[test]
        fn what_is_plain_is_its_own_cell(value in "[a=<', \u{1b}\u{fc}\u{200b}+-]{0,4}|\\PC{0,10}") {
            prop_assert!(!(begins_plainly(&value) && is_plain(&value)) || cell(&value) == value);
        }

        #[test]
        fn every_cell_can_be_read_back(
            values in proptest::collection::vec(any::<[String; 3]>(), 0..6),
            delimiter in prop::sample::select(vec![b',', b';', b'\t', b'|']),
        ) {
            let mut file = Vec::new();
            let mut lines = Lines::begin(&mut file, delimiter, &["a", "b", "c"]).unwrap();
            for [a, b, c] in &values {
                lines.line([a, b, c]).unwrap();
            }
            lines.finish().unwrap();
            let mut reader = csv::ReaderBuilder::new().delimiter(delimiter).from_reader(&file[..]);
            prop_assert_eq!(reader.headers().unwrap(), vec!["a", "b", "c"]);
            let back: Vec<Vec<String>> =
                reader.records().map(|r| r.unwrap().iter().map(|c| rearm(c).into_owned()).collect()).collect();
            let wanted: Vec<Vec<String>> =
                values.iter().map(|r| r.iter().map(|v| visible(v).into_owned()).collect()).collect();
            prop_assert_eq!(back, wanted);
        }
    }
}
