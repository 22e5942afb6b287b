//! The header's names.

use super::mojibake;
use crate::roster::problem::DamageKind;

/// The columns of a roster.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    names: Vec<String>,
    cells: usize,
}

impl Columns {
    /// Proves the header's cells: every column has one name of its own.
    ///
    /// Empty cells at the end are no columns: Excel writes them when a cell to the right was ever touched.
    pub(super) fn new(cells: &[&str]) -> Result<Self, DamageKind> {
        let mut names: Vec<String> = cells.iter().map(|cell| tidy(cell)).collect();
        let named = names.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        names.truncate(named);
        if let Some(unnamed) = names.iter().position(String::is_empty) {
            return Err(DamageKind::UnnamedColumn(unnamed + 1));
        }
        if let Some(name) = names.iter().find(|name| mojibake::find(name).is_some()) {
            return Err(DamageKind::Header(format!("`{name}` looks like text in another encoding read wrongly")));
        }
        if names.iter().any(|name| name.contains(char::REPLACEMENT_CHARACTER)) {
            return Err(DamageKind::Header("a column's name has bytes that are no text".to_owned()));
        }
        let mut folded: Vec<(String, &String)> = names.iter().map(|name| (fold(name), name)).collect();
        folded.sort();
        if let Some(pair) = folded.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(DamageKind::DuplicateColumn(pair[1].1.clone()));
        }
        Ok(Self { names, cells: cells.len() })
    }

    /// Returns the names.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the cells of the header, empty ones at the end included.
    pub(super) fn cells(&self) -> usize {
        self.cells
    }

    /// Returns the name of a column, if it has one.
    pub(super) fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }
}

/// Returns `name` as names of columns are compared: without regard to case, blanks, `_` and `-`.
pub(super) fn fold(name: &str) -> String {
    let folded: String =
        name.chars().filter(|c| !c.is_whitespace() && *c != '_' && *c != '-').flat_map(char::to_lowercase).collect();
    if folded.is_empty() { name.to_owned() } else { folded }
}

/// Trims a cell and makes one line of it; a second byte order mark goes, too.
fn tidy(cell: &str) -> String {
    let cell = cell.trim_start_matches('\u{FEFF}').trim();
    if cell.contains(char::is_control) {
        cell.split_whitespace().collect::<Vec<_>>().join(" ")
    } else {
        cell.to_owned()
    }
}
