//! What a run has done already, as far as that is known, so that planning again does not do it twice.
//!
//! A run plans more than once: after an interruption, and when an operator approves what was held back. The directory
//! is the truth about accounts; but it cannot tell who made an account, whether a password was set, and whether a
//! decision that seems to be left undone was tried and ended.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use super::account::LineNo;
use super::place::Before;

/// What is known of the people of a run.
#[derive(Clone, Debug, Default)]
pub struct Earlier {
    /// By row.
    pub rows: HashMap<LineNo, EarlierRow>,
    /// What people were called and where they were, of rows whose account was being renamed or moved and may be so.
    pub before: HashMap<LineNo, Before>,
    /// What people were called and where they were, of rows that were in the middle of a circle; see
    /// [`super::turns::Circle`].
    pub first: HashMap<LineNo, Before>,
    /// Stable ids of Old entries for which everything was tried.
    pub settled_entries: HashSet<Box<str>>,
    /// Stable ids of Old entries for which something was begun, and nobody knows what came of it.
    pub begun_entries: HashSet<Box<str>>,
    /// Those that were deleted, or were to be, and are gone from the directory, with their login names.
    pub gone_entries: BTreeMap<Box<str>, Box<str>>,
}

/// What is known of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EarlierRow {
    /// Whether this run made the account.
    pub creation: Creation,
    /// What was to be done with the account was tried and ended, well or not. Memberships may still be missing.
    pub is_settled: bool,
    /// The run has set its password already.
    pub password_written: bool,
    /// A password was set, or may have been, and its letter was never accepted: a new one is due, whatever else is so.
    pub letter_owed: bool,
}

/// Whether a run made an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Creation {
    /// No.
    #[default]
    No,
    /// It was about to when it was interrupted.
    InDoubt,
    /// Yes.
    Done,
}

impl Earlier {
    /// Returns what is known of a row.
    pub fn row(&self, line: LineNo) -> EarlierRow {
        self.rows.get(&line).copied().unwrap_or_default()
    }
}
