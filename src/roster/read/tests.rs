//! Rosters in, rows and damage out.

mod damage;
mod encodings;
mod forms;
mod one_edit;
mod structure;
mod workbooks;

use std::io::Cursor;

use super::Dialect;
use super::FinalNewline;
use super::Form;
use super::Row;
use super::Sheet;
use crate::roster::account::LineNo;
use crate::roster::problem::Damage;
use crate::roster::problem::DamageKind;

/// A whole roster.
#[derive(Debug)]
struct Roster {
    form: Form,
    header: Vec<String>,
    rows: Vec<Row>,
}

impl Roster {
    /// Lines, fields and problems, for people.
    fn shown(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let problems: Vec<String> = row.problems.iter().map(|problem| format!("  !! {problem}")).collect();
            format!("{}: {}{}\n", line(row), row.fields.join(" / ").escape_debug(), problems.concat())
        });
        std::iter::once(format!("{}\n", self.header.join(" / "))).chain(rows).collect()
    }
}

fn line(row: &Row) -> LineNo {
    row.line.expect("every row has a line")
}

fn read(bytes: impl AsRef<[u8]>) -> Result<Roster, Damage> {
    read_as(bytes, &Dialect::default())
}

fn read_as(bytes: impl AsRef<[u8]>, dialect: &Dialect) -> Result<Roster, Damage> {
    let mut sheet = Sheet::open(Cursor::new(bytes.as_ref()), dialect)?;
    let mut rows = Vec::new();
    let mut row = Row::default();
    while sheet.read_row(&mut row)? {
        rows.push(row.clone());
    }
    assert!(!sheet.read_row(&mut row)?, "the end stays the end");
    Ok(Roster { form: sheet.form().clone(), header: sheet.header().to_vec(), rows })
}

fn shown(bytes: impl AsRef<[u8]>) -> String {
    read(bytes).map_or_else(|damage| format!("refused: {damage}"), |roster| roster.shown())
}

fn damage(bytes: impl AsRef<[u8]>) -> DamageKind {
    read(bytes).expect_err("the roster is damaged").kind
}

fn optional() -> Dialect {
    Dialect { final_newline: FinalNewline::Optional, ..Dialect::default() }
}
