//! A journal that refuses the n-th write to a table, by triggers in the database itself: the code under test is the shipped one.

use std::path::Path;

use rosterd::exit::Failure;
use rosterd::run::Carried;
use rusqlite::Connection;

/// The tables of the journal.
pub const TABLES: [&str; 11] = [
    "run",
    "row",
    "letter",
    "approved",
    "hold",
    "choice",
    "done_file",
    "disabled",
    "target_size",
    "placed_file",
    "waiting",
];

/// A fuse in a journal.
pub struct Fuse {
    journal: Connection,
    table: &'static str,
}

impl Fuse {
    /// Lets the n-th write to a table fail, and every later one. The count is of one table, since letters and rows are
    /// written side by side: in which order differs from run to run.
    pub fn light(journal: &Path, table: &'static str, n: usize) -> Self {
        let journal = Connection::open(journal).expect("the journal opens");
        let lay = |sql: &str| journal.execute_batch(sql).expect("the fuse is laid");
        lay(&format!("CREATE TABLE fuse (n_left INTEGER); INSERT INTO fuse VALUES ({});", n - 1));
        for event in ["INSERT", "UPDATE", "DELETE"] {
            lay(&format!(
                "CREATE TRIGGER fuse_{event} BEFORE {event} ON {table} BEGIN
                     SELECT RAISE(ABORT, 'fuse {table}') FROM fuse WHERE n_left = 0;
                     UPDATE fuse SET n_left = n_left - 1;
                 END;"
            ));
        }
        Self { journal, table }
    }

    /// Says whether a run failed for this fuse.
    pub fn is_blown(&self, carried: &Result<Carried, Failure>) -> bool {
        let Err(failure) = carried else { return false };
        let text = failure.to_string();
        assert!(text.contains(&format!("fuse {}", self.table)), "another failure: {text}");
        true
    }

    /// Lets the journal work again.
    pub fn remove(self) {
        let take = |sql: &str| self.journal.execute_batch(sql).expect("the fuse is removed");
        for event in ["INSERT", "UPDATE", "DELETE"] {
            take(&format!("DROP TRIGGER fuse_{event};"));
        }
        take("DROP TABLE fuse;");
    }
}
