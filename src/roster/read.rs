//! From bytes to rows.
//!
//! Reading never fails on what a row holds: that becomes a problem of that row. It fails only on damage to the shape
//! of the whole file, after which nothing of it can be trusted.

use std::io::Read;
use std::io::Seek;

use encoding_rs::Encoding;

use super::account::LineNo;
use super::problem::Damage;
use super::problem::Problem;

/// What a feed says about the form of its rosters; what it leaves out is detected.
#[derive(Clone, Debug)]
pub struct Dialect {
    /// The encoding of the text.
    pub encoding: Option<&'static Encoding>,
    /// The byte between two fields.
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
    pub fields: Vec<String>,
    /// The record's bytes as they stand in the file, without the line break; UTF-8 when the file is UTF-16 or a workbook.
    pub raw: Vec<u8>,
    /// What is wrong with the row as a row.
    pub problems: Vec<Problem>,
}

/// A roster being read, past its header.
pub struct Sheet<R> {
    _input: R,
}

impl<R: Read + Seek> Sheet<R> {
    /// Finds out encoding and delimiter and reads the header.
    pub fn open(_input: R, _dialect: &Dialect) -> Result<Self, Damage> {
        todo!()
    }

    /// Returns what the roster was found to be.
    pub fn form(&self) -> &Form {
        todo!()
    }

    /// Returns the header cells, trimmed.
    pub fn header(&self) -> &[String] {
        todo!()
    }

    /// Returns the header record's bytes as they stand in the file, without byte order mark and line break.
    pub fn raw_header(&self) -> &[u8] {
        todo!()
    }

    /// Reads the next row into `row`; `false` at the end of the roster.
    ///
    /// Lines without any text are passed over. After an `Err` nothing that was read before may be used.
    pub fn read_row(&mut self, _row: &mut Row) -> Result<bool, Damage> {
        todo!()
    }
}
