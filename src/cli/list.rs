//! Lists, in the form that was asked for.

use std::io::Write;

use comfy_table::Table;
use comfy_table::TableStyle;
use serde_json::Value;

use super::Format;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::report::cell::cell;
use crate::report::visible::visible;

/// Rows under named columns.
#[derive(Debug)]
pub struct List {
    /// Names of the columns, as JSON keys.
    pub columns: &'static [&'static str],
    /// Values, one per column.
    pub rows: Vec<Vec<Value>>,
}

impl List {
    /// Prints the list on stdout. `empty` is said to people when there is nothing.
    pub fn print(&self, format: Format, empty: &str) -> Result<(), Failure> {
        let mut out = std::io::BufWriter::new(std::io::stdout().lock());
        let written = match format {
            Format::Table if self.rows.is_empty() => writeln!(out, "{empty}"),
            Format::Table => writeln!(out, "{}", self.table()),
            Format::Json => writeln!(out, "{}", self.json()),
            Format::Csv => self.csv(&mut out),
        };
        written.and_then(|()| out.flush()).or_else(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe => Ok(()),
            _ => Err(Failure::new(Exit::TryAgain, "cannot write to stdout").caused_by(&error)),
        })
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(TableStyle::new());
        table.set_header(self.columns.iter().map(|column| column.to_uppercase().replace('_', " ")));
        for row in &self.rows {
            table.add_row(row.iter().map(|value| visible(&text(value)).into_owned()));
        }
        table
    }

    fn json(&self) -> Value {
        let object = |row: &Vec<Value>| -> Value {
            self.columns.iter().zip(row).map(|(column, value)| ((*column).to_owned(), value.clone())).collect()
        };
        self.rows.iter().map(object).collect()
    }

    fn csv(&self, out: &mut dyn Write) -> std::io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(self.columns)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|value| cell(&text(value)).into_owned()))?;
        }
        writer.flush()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(" | "),
        other => other.to_string(),
    }
}
