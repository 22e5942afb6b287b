//! Rows of an XLSX workbook: its first visible sheet.
//!
//! The packed file is held in memory, its sheet is unpacked while rows are read.

mod archive;
mod cell;

use std::io::Cursor;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;

use calamine::Reader;
use calamine::SheetType;
use calamine::SheetVisible;
use calamine::Xlsx;
use calamine::XlsxCellReader;
use calamine::XlsxError;
use self_cell::MutBorrow;
use self_cell::self_cell;

use super::Dialect;
use super::Row;
use super::header::Columns;
use super::text::decoded_text_problem;
use super::unreadable;
use crate::roster::account::LineNo;
use crate::roster::problem::Damage;
use crate::roster::problem::DamageKind;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;

/// The delimiter of [`Row::raw`].
pub(super) const DELIMITER: u8 = b',';

type Workbook = Xlsx<Cursor<Vec<u8>>>;
type CellReader<'a> = XlsxCellReader<'a, Cursor<Vec<u8>>>;

self_cell! {
    /// A workbook and the reader of one of its sheets, which borrows from it.
    struct OpenSheet {
        owner: MutBorrow<Workbook>,
        #[not_covariant]
        dependent: CellReader,
    }
}

/// The rows of a sheet, read one by one.
pub(super) struct WorkbookRows {
    sheet: OpenSheet,
    /// The first cell of the next row.
    ahead: Option<Cell>,
    /// Row and column of the last cell read, empty ones included.
    last: Option<(u32, u32)>,
    /// The reader of cells takes a second look past the end for damage.
    ended: bool,
    max_columns: usize,
    max_row_bytes: usize,
}

/// A workbook past its header.
pub(super) struct Opened {
    pub(super) columns: Columns,
    pub(super) raw_header: Vec<u8>,
    pub(super) rows: WorkbookRows,
}

/// A cell with text.
struct Cell {
    row: u32,
    column: usize,
    text: String,
    problem: Option<Problem>,
}

impl WorkbookRows {
    /// Proves that `input` is a sound workbook and reads the header of its first visible sheet.
    pub(super) fn open<R: Read + Seek>(mut input: R, dialect: &Dialect) -> Result<Opened, Damage> {
        let mut bytes = Vec::new();
        let rewound = input.seek(SeekFrom::Start(0));
        rewound.and_then(|_| input.take(archive::MAX_PACKED + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
        archive::prove(&bytes).map_err(|kind| Damage { line: None, kind })?;
        let workbook = Xlsx::new(Cursor::new(bytes)).map_err(|error| broken(&error, None))?;
        let sheet = workbook
            .sheets_metadata()
            .iter()
            .find(|sheet| sheet.typ == SheetType::WorkSheet && sheet.visible == SheetVisible::Visible)
            .map(|sheet| sheet.name.clone())
            .ok_or_else(|| workbook_damage("it has no visible sheet", None))?;
        let sheet = OpenSheet::try_new(MutBorrow::new(workbook), |workbook| {
            workbook.borrow_mut().worksheet_cells_reader(&sheet).map_err(|error| broken(&error, None))
        })?;
        let mut rows = Self {
            sheet,
            ahead: None,
            last: None,
            ended: false,
            max_columns: dialect.max_columns,
            max_row_bytes: dialect.max_row_bytes,
        };
        let mut row = Row::default();
        if !rows.record(&Columns::default(), &mut row)? {
            return Err(Damage { line: None, kind: DamageKind::Empty });
        }
        let damage = |kind| Damage { line: row.line, kind };
        if let Some(problem) = row.problems.first() {
            return Err(damage(DamageKind::Header(problem.kind.to_string())));
        }
        let cells: Vec<&str> = row.fields.iter().map(String::as_str).collect();
        let columns = Columns::new(&cells).map_err(damage)?;
        Ok(Opened { columns, raw_header: row.raw, rows })
    }

    /// Reads the next row with text; `false` at the end of the sheet.
    pub(super) fn read(&mut self, columns: &Columns, row: &mut Row) -> Result<bool, Damage> {
        if !self.record(columns, row)? {
            return Ok(false);
        }
        let (found, expected) = (row.fields.len(), columns.names().len());
        if found > expected {
            row.problems.insert(0, Problem::error(None, ProblemKind::FieldCount { found, expected }));
        }
        Ok(true)
    }

    fn record(&mut self, columns: &Columns, row: &mut Row) -> Result<bool, Damage> {
        row.clear();
        let Some(first) = self.ahead.take().map_or_else(|| self.cell(columns), |cell| Ok(Some(cell)))? else {
            return Ok(false);
        };
        let number = first.row;
        row.line = Some(line(number));
        row.fields.resize_with(columns.names().len(), String::new);
        let mut bytes = 0;
        let mut next = Some(first);
        while let Some(cell) = next {
            if cell.row != number {
                self.ahead = Some(cell);
                break;
            }
            bytes += cell.text.len();
            if bytes > self.max_row_bytes {
                return Err(Damage { line: row.line, kind: DamageKind::RowTooLong(self.max_row_bytes) });
            }
            if cell.column >= row.fields.len() {
                row.fields.resize_with(cell.column + 1, String::new);
            }
            row.fields[cell.column] = cell.text;
            row.problems.extend(cell.problem);
            next = self.cell(columns)?;
        }
        for (index, field) in row.fields.iter().enumerate() {
            write_field(&mut row.raw, index, field);
        }
        Ok(true)
    }

    /// Reads the next cell with text.
    fn cell(&mut self, columns: &Columns) -> Result<Option<Cell>, Damage> {
        if self.ended {
            return Ok(None);
        }
        let (last, ended, max_columns) = (&mut self.last, &mut self.ended, self.max_columns);
        self.sheet.with_dependent_mut(|_, cells| {
            loop {
                let read = cells.next_cell_with_style_id().map_err(|error| broken(&error, *last))?;
                let Some((cell, style)) = read else {
                    *ended = true;
                    return Ok(None);
                };
                let place = cell.get_position();
                if last.is_some_and(|last| place <= last) {
                    return Err(workbook_damage("its cells are not in order", *last));
                }
                *last = Some(place);
                let format = cells.styles().get(style).and_then(|style| style.number_format.as_ref());
                let (text, kind) = cell::text(cell.get_value(), format.map(|format| format.format_code.as_str()));
                if text.trim().is_empty() {
                    continue;
                }
                let column = place.1 as usize;
                if column >= max_columns {
                    return Err(Damage { line: Some(line(place.0)), kind: DamageKind::TooManyColumns(max_columns) });
                }
                let kind = kind.or_else(|| decoded_text_problem(&text));
                let problem = kind.map(|kind| Problem::error(columns.name(column), kind));
                return Ok(Some(Cell { row: place.0, column, text, problem }));
            }
        })
    }
}

fn line(row: u32) -> LineNo {
    LineNo(row.saturating_add(1))
}

fn broken(error: &XlsxError, last: Option<(u32, u32)>) -> Damage {
    workbook_damage(&error.to_string(), last)
}

fn workbook_damage(why: &str, last: Option<(u32, u32)>) -> Damage {
    Damage { line: last.map(|(row, _)| line(row)), kind: DamageKind::Workbook(why.to_owned()) }
}

/// Writes a field as RFC 4180 has it.
fn write_field(out: &mut Vec<u8>, index: usize, field: &str) {
    if index > 0 {
        out.push(DELIMITER);
    }
    if field.contains(['"', ',', '\r', '\n']) {
        out.push(b'"');
        out.extend_from_slice(field.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(field.as_bytes());
    }
}
