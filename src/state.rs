//! What this daemon was doing: the journal of open runs and the history of files.
//!
//! The directory is the truth about accounts; nothing here says what an account is like, and no secret is ever stored.

pub mod history;
pub mod journal;
pub mod run;
mod turns;
pub mod waiting;

use std::path::Path;

use rusqlite::Connection;

use crate::sqlite::Database;
use crate::sqlite::DatabaseError;

mod embedded {
    refinery::embed_migrations!("src/state/migrations");
}

/// The state database of one daemon.
#[derive(Clone, Debug)]
pub struct State {
    pub(crate) database: Database,
}

impl State {
    /// Opens or creates `state.sqlite` in `data_dir`.
    pub fn open(data_dir: &Path) -> Result<Self, DatabaseError> {
        // Grouped: else a process that is killed between a step and the note that it was taken never starts again.
        let migrate =
            |connection: &mut Connection| embedded::migrations::runner().set_grouped(true).run(connection).map(|_| ());
        Ok(Self { database: Database::open(&data_dir.join("state.sqlite"), migrate)? })
    }
}
