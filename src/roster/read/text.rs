//! Rows of a text file.

use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use encoding_rs::Encoding;
use encoding_rs::UTF_8;

use super::Dialect;
use super::FinalNewline;
use super::Form;
use super::Row;
use super::decode::Bytes;
use super::decode::is_read_raw;
use super::delimiter;
use super::encoding;
use super::header::Columns;
use super::lines::Break;
use super::lines::Lines;
use super::mojibake;
use super::quotes::Quotes;
use super::quotes::holds_rows;
use super::split::Splitter;
use super::unreadable;
use crate::roster::account::LineNo;
use crate::roster::problem::Damage;
use crate::roster::problem::DamageKind;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;

/// The rows of a text, read one by one.
pub(super) struct TextRows<R> {
    lines: Lines<Bytes<R>>,
    delimiter: u8,
    splitter: Splitter,
    /// The encoding of records.
    encoding: &'static Encoding,
    /// The encoding of the file, for people.
    named: &'static str,
    final_newline: FinalNewline,
    max_columns: usize,
    /// The file ends in the middle of a character.
    cut: bool,
    /// The first record that spans lines.
    spanning: Option<LineNo>,
    /// The first line with a quote too many or too few.
    odd: Option<LineNo>,
}

/// A text past its header.
pub(super) struct Opened<R> {
    pub(super) form: Form,
    pub(super) raw_encoding: &'static Encoding,
    pub(super) columns: Columns,
    pub(super) raw_header: Vec<u8>,
    pub(super) rows: TextRows<R>,
}

/// What is known of a record besides its bytes.
struct Record {
    line: LineNo,
    last_line: LineNo,
    end: Break,
    quotes: Quotes,
}

impl<R: Read + Seek> TextRows<R> {
    /// Finds out encoding and delimiter of `input`, which begins with `head`, and reads the header.
    pub(super) fn open(mut input: R, head: &[u8], dialect: &Dialect) -> Result<Opened<R>, Damage> {
        if let Some(bad) = dialect.delimiter.filter(|byte| !delimiter::may_delimit(*byte)) {
            let why = format!("{:?} cannot be a delimiter", char::from(bad));
            return Err(Damage { line: None, kind: DamageKind::Header(why) });
        }
        let found = encoding::find(&mut input, head, dialect.encoding)?;
        if found.cut && found.encoding != UTF_8 {
            return Err(Damage { line: None, kind: DamageKind::CutOff });
        }
        input.seek(SeekFrom::Start(found.start)).map_err(unreadable)?;
        let mut sample = Vec::new();
        let mut begin = Bytes::new(&mut input, found.encoding).take(delimiter::SAMPLE);
        begin.read_to_end(&mut sample).map_err(unreadable)?;
        let whole = (sample.len() as u64) < delimiter::SAMPLE;
        let delimiters = delimiter::find(&sample, whole, dialect.delimiter);
        if let Some(rival) = delimiters.rival {
            let (ours, theirs) = (char::from(delimiters.delimiter), char::from(rival));
            let why = format!("the delimiter is set to {ours:?}, but the names are separated by {theirs:?}");
            return Err(Damage { line: None, kind: DamageKind::Header(why) });
        }
        input.seek(SeekFrom::Start(found.start)).map_err(unreadable)?;
        let read_raw = is_read_raw(found.encoding);
        let mut rows = Self {
            lines: Lines::new(Bytes::new(input, found.encoding), dialect.max_row_bytes),
            delimiter: delimiters.delimiter,
            splitter: Splitter::new(delimiters.delimiter, dialect.max_columns),
            encoding: if read_raw { found.encoding } else { UTF_8 },
            named: found.encoding.name(),
            final_newline: dialect.final_newline,
            max_columns: dialect.max_columns,
            cut: found.cut,
            spanning: None,
            odd: None,
        };
        let (columns, raw_header) = rows.header()?;
        let form = Form {
            kind: "CSV",
            encoding: rows.named,
            encoding_sure: found.sure,
            delimiter: delimiters.delimiter,
            delimiter_sure: delimiters.sure,
        };
        Ok(Opened { form, raw_encoding: rows.encoding, columns, raw_header, rows })
    }
}

impl<R: Read> TextRows<R> {
    /// Reads the next row with text; `false` at the end.
    pub(super) fn read(&mut self, columns: &Columns, row: &mut Row) -> Result<bool, Damage> {
        loop {
            row.clear();
            let Some(record) = self.record(&mut row.raw)? else { return Ok(false) };
            row.line = Some(record.line);
            let fields = self.fields(columns, row, record.line)?;
            if row.fields.iter().all(|field| field.trim().is_empty()) && !record.quotes.broken() {
                continue;
            }
            self.judge(&record, &row.raw, columns.cells())?;
            let named = columns.names().len();
            if record.end == Break::End && (fields < named || self.cut) {
                return Err(Damage { line: Some(record.line), kind: DamageKind::CutOff });
            }
            if (named..=columns.cells()).contains(&fields) {
                if let Some(unnamed) = row.fields[named..].iter().position(|field| !field.trim().is_empty()) {
                    let kind = DamageKind::UnnamedColumn(named + unnamed + 1);
                    return Err(Damage { line: Some(record.line), kind });
                }
                row.fields.truncate(named);
            } else {
                let kind = ProblemKind::FieldCount { found: fields, expected: named };
                row.problems.insert(0, Problem::error(None, kind));
            }
            if record.quotes.text_after_quote {
                row.problems.insert(0, Problem::error(None, ProblemKind::TextAfterQuote));
            }
            if is_stray(&record.quotes) {
                row.problems.insert(0, Problem::error(None, ProblemKind::StrayQuote));
            }
            return Ok(true);
        }
    }

    fn header(&mut self) -> Result<(Columns, Vec<u8>), Damage> {
        let mut row = Row::default();
        let record = loop {
            row.clear();
            let Some(record) = self.record(&mut row.raw)? else {
                return Err(Damage { line: None, kind: DamageKind::Empty });
            };
            if delimiter::stated(row.raw.trim_ascii_end()).is_some() {
                continue;
            }
            self.fields(&Columns::default(), &mut row, record.line)?;
            if row.fields.iter().any(|field| !field.trim().is_empty()) {
                break record;
            }
        };
        let damage = |kind| Damage { line: Some(record.line), kind };
        if record.quotes.broken() {
            return Err(damage(DamageKind::Header("a quote is missing, doubled or out of place".to_owned())));
        }
        if let Some(problem) = row.problems.first() {
            return Err(damage(DamageKind::Header(problem.kind.to_string())));
        }
        self.judge(&record, &row.raw, 0)?;
        let cells: Vec<&str> = row.fields.iter().map(String::as_str).collect();
        Ok((Columns::new(&cells).map_err(damage)?, row.raw))
    }

    /// Reads the next record into `raw`; `None` at the end of the file.
    fn record(&mut self, raw: &mut Vec<u8>) -> Result<Option<Record>, Damage> {
        let mut quotes = Quotes::new(self.delimiter);
        let Some(mut end) = self.lines.read(raw)? else { return Ok(None) };
        let line = self.lines.number();
        let mut opened = line;
        let mut from = 0;
        while quotes.line(&raw[from..]) {
            if quotes.opened {
                opened = self.lines.number();
            }
            raw.extend_from_slice(end.bytes());
            from = raw.len();
            let Some(next) = self.lines.read(raw)? else {
                return Err(Damage { line: Some(opened), kind: DamageKind::UnclosedQuote });
            };
            end = next;
        }
        let last_line = self.lines.number();
        if end == Break::End {
            // Blanks, or the mark with which DOS ended a text, are no row.
            if raw.iter().all(|byte| matches!(byte, b' ' | 0x1A)) {
                return Ok(None);
            }
            if self.final_newline == FinalNewline::Required {
                return Err(Damage { line: Some(last_line), kind: DamageKind::NoFinalNewline });
            }
        }
        Ok(Some(Record { line, last_line, end, quotes }))
    }

    /// Refuses a file in which rows may have vanished into a field.
    fn judge(&mut self, record: &Record, raw: &[u8], columns: usize) -> Result<(), Damage> {
        let damage = |kind| Err(Damage { line: Some(record.last_line), kind });
        if record.line != record.last_line {
            if record.quotes.broken() {
                return damage(DamageKind::SwallowedLines(record.line));
            }
            if holds_rows(raw, self.delimiter, columns) {
                return damage(DamageKind::RowsInField(record.line));
            }
            self.spanning.get_or_insert(record.line);
        } else if record.quotes.broken() && record.quotes.odd() {
            self.odd.get_or_insert(record.line);
        }
        match (self.odd, self.spanning) {
            (Some(stray), Some(field)) => damage(DamageKind::QuotesDisagree { stray, field }),
            _ => Ok(()),
        }
    }

    /// Decodes the fields of `row.raw` into `row.fields` and returns how many there are.
    fn fields(&mut self, columns: &Columns, row: &mut Row, line: LineNo) -> Result<usize, Damage> {
        let fields = self
            .splitter
            .split(&row.raw)
            .map_err(|_| Damage { line: Some(line), kind: DamageKind::TooManyColumns(self.max_columns) })?;
        let text = if self.encoding == UTF_8 { std::str::from_utf8(fields.bytes).ok() } else { None };
        let ascii = fields.bytes.is_ascii();
        row.fields.resize_with(fields.ranges.len(), String::new);
        for (index, (field, range)) in row.fields.iter_mut().zip(fields.ranges).enumerate() {
            if let Some(text) = text {
                field.push_str(&text[range.clone()]);
                if ascii {
                    continue;
                }
            } else {
                let (decoded, _) = self.encoding.decode_without_bom_handling(&fields.bytes[range.clone()]);
                field.push_str(&decoded);
            }
            if let Some(kind) = text_problem(field, &fields.bytes[range.clone()], self.encoding, self.named) {
                row.problems.push(Problem::error(columns.name(index), kind));
            }
        }
        Ok(fields.ranges.len())
    }
}

/// Returns whether a literal quote must be taken for one that is missing or too many.
///
/// `5" disk` and `Dwayne "The Rock" J` are what they are. `24"` may be the end of a value whose first quote was lost,
/// perhaps lines before. And a program that quotes one value of a row quotes every value that has a quote.
fn is_stray(quotes: &Quotes) -> bool {
    quotes.blank_before_quote || quotes.odd_end || (quotes.odd_stray && (quotes.quoted || quotes.fields == 1))
}

/// Returns what is wrong with a field as text; `bytes` are its bytes in `encoding`, in a file in the encoding `named`.
fn text_problem(text: &str, bytes: &[u8], encoding: &'static Encoding, named: &'static str) -> Option<ProblemKind> {
    if text.is_ascii() {
        return None;
    }
    let single_byte = encoding != UTF_8;
    let misread = mojibake::find(text).or_else(|| {
        let other = single_byte && encoding != encoding_rs::WINDOWS_1252;
        if other { mojibake::find_bytes(bytes, encoding) } else { None }
    });
    if let Some(piece) = misread {
        return Some(ProblemKind::Mojibake(piece));
    }
    // Where a single-byte encoding has no character, the Encoding Standard gives U+FFFD or the C1 control of that byte.
    let lost = |c: char| c == char::REPLACEMENT_CHARACTER || (single_byte && ('\u{80}'..='\u{9F}').contains(&c));
    text.contains(lost).then_some(ProblemKind::Undecodable(named))
}

/// Returns what is wrong with text that was decoded by somebody else.
pub(super) fn decoded_text_problem(text: &str) -> Option<ProblemKind> {
    text_problem(text, text.as_bytes(), UTF_8, UTF_8.name())
}
