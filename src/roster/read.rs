//! From bytes to rows.
//!
//! Reading never fails on what a row holds: that becomes a problem of that row. It fails only on damage to the shape
//! of the whole file, after which nothing of it can be trusted. Quotes are what a file's shape hangs on: one quote too
//! many or too few can make any number of rows vanish into a neighbour's cell. So a file whose fields span lines must
//! keep to RFC 4180, while a file whose rows are lines may have odd quotes, which stay with their row.

mod decode;
mod delimiter;
mod encoding;
mod header;
mod lines;
mod magic;
mod mojibake;
mod quotes;
mod split;
mod text;
mod workbook;

#[cfg(test)]
mod tests;

use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use encoding_rs::Encoding;

use self::header::Columns;
use self::magic::Kind;
use self::text::TextRows;
use self::workbook::WorkbookRows;
use super::account::LineNo;
use super::problem::Damage;
use super::problem::DamageKind;
use super::problem::Problem;

/// What a feed says about the form of its rosters; what it leaves out is detected.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// The encoding of the text. A byte order mark in the file is stronger.
    pub encoding: Option<&'static Encoding>,
    /// The byte between two fields: ASCII, and neither a quote nor a line break.
    pub delimiter: Option<u8>,
    /// Whether the last line must end with a line break: the only sign that a CSV file is complete.
    pub final_newline: FinalNewline,
    /// The longest row, in bytes.
    pub max_row_bytes: usize,
    /// The most columns.
    pub max_columns: usize,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            encoding: None,
            delimiter: None,
            final_newline: FinalNewline::Required,
            max_row_bytes: 1 << 20,
            max_columns: 1000,
        }
    }
}

/// Whether the last line must end with a line break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum FinalNewline {
    /// A file without one is refused.
    #[default]
    Required,
    /// A file without one is read.
    Optional,
}

/// What a roster was found to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// `CSV` or `XLSX`.
    pub kind: &'static str,
    /// The encoding's name, such as `UTF-8` or `windows-1252`.
    pub encoding: &'static str,
    /// How sure that is.
    pub encoding_sure: Sure,
    /// The byte between two fields.
    pub delimiter: u8,
    /// How sure that is.
    pub delimiter_sure: Sure,
}

/// How sure a detection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sure {
    /// The feed says so.
    Configured,
    /// The file says so itself: byte order mark, workbook, known column names.
    Certain,
    /// Nothing speaks against it: the whole file is valid in it.
    Likely,
    /// The best guess; look at names with accents in the preview.
    Guess,
}

/// One record of a roster. Meant to be used again for the next one.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// The physical line where it starts.
    pub line: Option<LineNo>,
    /// The fields as text; undecodable bytes are U+FFFD and a problem.
    ///
    /// As many as the header has, unless a problem says otherwise.
    pub fields: Vec<String>,
    /// The record's bytes as they stand in the file, without the line break, in [`Sheet::raw_encoding`].
    pub raw: Vec<u8>,
    /// What is wrong with the row as a row.
    pub problems: Vec<Problem>,
}

impl Row {
    /// Empties the row, keeping its buffers.
    fn clear(&mut self) {
        self.line = None;
        self.raw.clear();
        self.problems.clear();
        self.fields.iter_mut().for_each(String::clear);
    }
}

/// A roster being read, past its header.
pub struct Sheet<R> {
    form: Form,
    raw_encoding: &'static Encoding,
    columns: Columns,
    raw_header: Vec<u8>,
    rows: Rows<R>,
    state: State,
}

enum Rows<R> {
    Text(Box<TextRows<R>>),
    Workbook(Box<WorkbookRows>),
}

enum State {
    NoRowYet,
    Reading,
    Ended,
    Damaged(Damage),
}

impl<R: Read + Seek> Sheet<R> {
    /// Finds out encoding and delimiter and reads the header.
    ///
    /// Reads the whole of `input` once from its beginning, whatever its position, to learn the encoding of text and to
    /// prove that a workbook is sound.
    pub fn open(mut input: R, dialect: &Dialect) -> Result<Self, Damage> {
        let mut head = Vec::new();
        let rewound = input.seek(SeekFrom::Start(0));
        rewound.and_then(|_| input.by_ref().take(magic::HEAD).read_to_end(&mut head)).map_err(unreadable)?;
        match magic::kind(&head) {
            Kind::Unsupported(what) => Err(Damage { line: None, kind: DamageKind::Unsupported(what) }),
            Kind::Zip => {
                let opened = WorkbookRows::open(input, dialect)?;
                Ok(Self {
                    form: Form {
                        kind: "XLSX",
                        encoding: encoding_rs::UTF_8.name(),
                        encoding_sure: Sure::Certain,
                        delimiter: workbook::DELIMITER,
                        delimiter_sure: Sure::Certain,
                    },
                    raw_encoding: encoding_rs::UTF_8,
                    columns: opened.columns,
                    raw_header: opened.raw_header,
                    rows: Rows::Workbook(Box::new(opened.rows)),
                    state: State::NoRowYet,
                })
            }
            Kind::Text => {
                let opened = TextRows::open(input, &head, dialect)?;
                Ok(Self {
                    form: opened.form,
                    raw_encoding: opened.raw_encoding,
                    columns: opened.columns,
                    raw_header: opened.raw_header,
                    rows: Rows::Text(Box::new(opened.rows)),
                    state: State::NoRowYet,
                })
            }
        }
    }

    /// Returns what the roster was found to be.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// Returns the header cells, trimmed, all different and none of them empty.
    ///
    /// Empty cells at the end, as Excel writes them, are no columns; a row that has text there is damage.
    pub fn header(&self) -> &[String] {
        self.columns.names()
    }

    /// Returns the header record's bytes as they stand in the file, without byte order mark and line break.
    pub fn raw_header(&self) -> &[u8] {
        &self.raw_header
    }

    /// Returns the encoding of [`Row::raw`] and [`Sheet::raw_header`].
    ///
    /// The file's own when that is UTF-8 or has one byte per character; UTF-8 for all others and for workbooks.
    pub fn raw_encoding(&self) -> &'static Encoding {
        self.raw_encoding
    }

    /// Reads the next row into `row`; `false` at the end of the roster.
    ///
    /// Lines without any text and rows whose cells are all empty are passed over. After an `Err` nothing that was read
    /// before may be used, and every further call gives the same `Err`.
    pub fn read_row(&mut self, row: &mut Row) -> Result<bool, Damage> {
        row.clear();
        match &self.state {
            State::Ended => return Ok(false),
            State::Damaged(damage) => return Err(damage.clone()),
            State::NoRowYet | State::Reading => {}
        }
        let read = match &mut self.rows {
            Rows::Text(rows) => rows.read(&self.columns, row),
            Rows::Workbook(rows) => rows.read(&self.columns, row),
        };
        let read = match (read, &self.state) {
            (Ok(false), State::NoRowYet) => Err(Damage { line: None, kind: DamageKind::HeaderOnly }),
            (read, _) => read,
        };
        self.state = match &read {
            Ok(true) => State::Reading,
            Ok(false) => State::Ended,
            Err(damage) => State::Damaged(damage.clone()),
        };
        read
    }
}

#[expect(clippy::needless_pass_by_value, reason = "fits map_err")]
fn unreadable(error: std::io::Error) -> Damage {
    Damage { line: None, kind: DamageKind::Unreadable(error.to_string()) }
}
