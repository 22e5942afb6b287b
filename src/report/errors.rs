//! `*.errors.csv`: the rows in error alone, to be corrected and dropped again.
//!
//! The rows are the roster's own bytes, in its encoding and with its delimiter. Three columns of ours stand in front of
//! them: there a row with too few or too many fields stays as it is. The file holds whatever the roster holds in these
//! rows, passwords included, and formulas are not disarmed; [`super::place::place`] gives it the roster's permissions.
//!
//! Of the roster `x.csv` the file is `x.errors.csv`. The intake takes it for a roster once somebody has changed it, and
//! reports on it as `x.errors.result.csv` and so on; rows that are still in error come into `x.errors.errors.csv`, with
//! our three columns replaced rather than doubled. A run without errors writes no such file, and removes one from
//! an earlier run only if nobody has changed it ([`super::place::remove_placed`]).

use std::io;
use std::io::Write;
use std::iter::Peekable;

use encoding_rs::Encoding;
use encoding_rs::UTF_8;

use crate::roster::account::LineNo;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::Outcome;
use crate::roster::plan::Item;
use crate::roster::plan::Plan;
use crate::roster::plan::Status;
use crate::roster::problem::Severity;
use crate::roster::read::Form;

use super::cell::cell;

/// The columns in front of the roster's own. A mapping has no use for them and passes over them without a notice.
pub const OWN_COLUMNS: [&str; 3] = ["rosterd line", "rosterd column", "rosterd reason"];

/// What the roster is as a file.
#[derive(Clone, Copy, Debug)]
pub struct Original<'a> {
    /// The header record's bytes, without byte order mark and line break; UTF-8 for UTF-16 and workbooks, like
    /// [`crate::roster::read::Row::raw`].
    pub header: &'a [u8],
    /// Its encoding and delimiter.
    pub form: &'a Form,
    /// The encoding of `header` and of the rows, see [`crate::roster::read::Sheet::raw_encoding`].
    pub encoding: &'static Encoding,
    /// Whether it began with a byte order mark.
    pub mark: ByteOrderMark,
}

/// Whether a file begins with a byte order mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrderMark {
    /// It does.
    Present,
    /// It does not.
    Absent,
}

impl ByteOrderMark {
    /// Looks at the first bytes of a roster; three are enough.
    pub fn of(beginning: &[u8]) -> Self {
        if Encoding::for_bom(beginning).is_some() { Self::Present } else { Self::Absent }
    }
}

/// A row in error.
struct Mistake<'a> {
    line: LineNo,
    item: &'a Item,
    /// What the directory said, for a row that is good in itself.
    refusal: Option<&'a str>,
}

fn mistakes<'a>(plan: &'a Plan, results: &'a [ItemResult]) -> impl Iterator<Item = Mistake<'a>> {
    let results = results.iter().map(Some).chain(std::iter::repeat(None));
    plan.items.iter().zip(results).filter_map(|(item, result)| {
        let refusal = match result.map(|result| &result.outcome) {
            Some(Outcome::Rejected(reason) | Outcome::Failed(reason)) => Some(reason.as_str()),
            _ => None,
        };
        let wrong = refusal.is_some() || item.status == Status::Error;
        Some(Mistake { line: item.line.filter(|_| wrong)?, item, refusal })
    })
}

/// Returns how many rows of the roster are in error: Errors of the plan, and, if there are results, rows that were
/// rejected or failed.
pub fn n_in_error(plan: &Plan, results: &[ItemResult]) -> usize {
    mistakes(plan, results).count()
}

/// Writes `*.errors.csv` while the roster is read once more. Lines end with CRLF.
///
/// ```text
/// let mut rows = ErrorRows::begin(plan, results, &original, out)?;
/// while sheet.read_row(&mut row)? {
///     rows.offer(line, &row.raw)?;
/// }
/// let n_written = rows.finish()?;
/// ```
pub struct ErrorRows<'a> {
    out: &'a mut dyn Write,
    encoding: &'static Encoding,
    delimiter: u8,
    /// The roster is itself an errors file: its first three fields are ours.
    corrected: bool,
    wanted: Peekable<Box<dyn Iterator<Item = Mistake<'a>> + 'a>>,
    n_written: usize,
}

impl<'a> ErrorRows<'a> {
    /// Writes the header. `results` is empty after a preview.
    pub fn begin(
        plan: &'a Plan,
        results: &'a [ItemResult],
        original: &Original<'_>,
        out: &'a mut dyn Write,
    ) -> io::Result<Self> {
        let Original { header, form, encoding, mark } = *original;
        let declared = Encoding::for_label(form.encoding.as_bytes());
        // The rows of these come as UTF-8, which only a byte order mark proves.
        let converted = form.kind == "XLSX" || declared.is_some_and(|declared| declared != encoding);
        if encoding == UTF_8 && (converted || mark == ByteOrderMark::Present) {
            out.write_all("\u{feff}".as_bytes())?;
        }
        let wanted: Box<dyn Iterator<Item = Mistake<'a>> + 'a> = Box::new(mistakes(plan, results));
        let mut rows = Self {
            out,
            encoding,
            delimiter: form.delimiter,
            corrected: false,
            wanted: wanted.peekable(),
            n_written: 0,
        };
        let rest = match own_fields(header, form.delimiter) {
            Some((names, rest)) if names.each_ref().map(|name| name.to_ascii_lowercase()) == OWN_COLUMNS => {
                rows.corrected = true;
                rest
            }
            _ => header,
        };
        rows.write_line(OWN_COLUMNS, rest)?;
        Ok(rows)
    }

    /// Takes the row that begins in `line`, and writes it if it is in error. Rows come in the order of the file.
    pub fn offer(&mut self, line: LineNo, raw: &[u8]) -> io::Result<()> {
        if let Some(missing) = self.wanted.next_if(|mistake| mistake.line < line) {
            return Err(gone(missing.line));
        }
        let Some(mistake) = self.wanted.next_if(|mistake| mistake.line == line) else { return Ok(()) };
        let (columns, reason) = explain(&mistake);
        self.write_line([&line.to_string(), &columns, &reason], self.without_own(raw))?;
        self.n_written += 1;
        Ok(())
    }

    /// Returns how many rows were written. A row in error that never came is an error: the roster is not the one that
    /// the plan was made from.
    pub fn finish(mut self) -> io::Result<usize> {
        match self.wanted.next() {
            Some(missing) => Err(gone(missing.line)),
            None => Ok(self.n_written),
        }
    }

    /// Returns the row without our own fields of an earlier errors file. A row that does not begin with a line number
    /// has lost them, and is left whole.
    fn without_own<'r>(&self, raw: &'r [u8]) -> &'r [u8] {
        if !self.corrected {
            return raw;
        }
        match own_fields(raw, self.delimiter) {
            Some(([line, _, _], rest)) if line.parse::<u32>().is_ok() => rest,
            _ => raw,
        }
    }

    fn write_line(&mut self, own: [&str; 3], rest: &[u8]) -> io::Result<()> {
        for field in own {
            let text = quoted(&cell(field), self.delimiter);
            self.out.write_all(&encode(self.encoding, &text))?;
            self.out.write_all(&[self.delimiter])?;
        }
        self.out.write_all(rest)?;
        self.out.write_all(b"\r\n")
    }
}

fn gone(line: LineNo) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("line {line} is in error, but not in the roster"))
}

/// Returns the columns to blame and what is wrong, each in one line.
fn explain(mistake: &Mistake<'_>) -> (String, String) {
    let errors: Vec<_> = mistake.item.problems.iter().filter(|p| p.severity == Severity::Error).collect();
    let mut columns: Vec<&str> = Vec::new();
    for column in errors.iter().filter_map(|problem| problem.column.as_deref()) {
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let reason = match errors.as_slice() {
        [] => mistake.refusal.unwrap_or_default().to_owned(),
        [only] => only.kind.to_string(),
        several => several.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
    };
    (columns.join(" | "), reason)
}

fn quoted(text: &str, delimiter: u8) -> String {
    let special = |c: char| c == char::from(delimiter) || matches!(c, '"' | '\r' | '\n');
    if text.contains(special) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// Encodes `text`, with `?` for every character that the encoding does not have.
fn encode(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    let (bytes, _, unmappable) = encoding.encode(text);
    if !unmappable {
        return bytes.into_owned();
    }
    let known = |c: char| !encoding.encode(c.encode_utf8(&mut [0; 4])).2;
    let text: String = text.chars().map(|c| if known(c) { c } else { '?' }).collect();
    encoding.encode(&text).0.into_owned()
}

/// Splits off the first three fields of a record; `None` if nothing follows them.
fn own_fields(record: &[u8], delimiter: u8) -> Option<([String; 3], &[u8])> {
    let mut rest = record;
    let mut fields = [const { String::new() }; 3];
    for field in &mut fields {
        let (bytes, after) = split_field(rest, delimiter)?;
        *field = unquoted(bytes);
        rest = after;
    }
    Some((fields, rest))
}

/// Splits a record at its first delimiter outside quotes.
fn split_field(record: &[u8], delimiter: u8) -> Option<(&[u8], &[u8])> {
    let mut in_quotes = false;
    let end = record.iter().position(|&byte| {
        in_quotes ^= byte == b'"';
        byte == delimiter && !in_quotes
    })?;
    Some((&record[..end], &record[end + 1..]))
}

fn unquoted(field: &[u8]) -> String {
    let text = String::from_utf8_lossy(field);
    let text = text.trim();
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text).trim().to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test ends where something unexpected begins")]
mod tests;
