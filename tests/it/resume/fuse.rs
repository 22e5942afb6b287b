//! A journal that refuses its n-th write, by triggers in the database itself: the code under test is the shipped one.

use std::path::Path;

use rosterd::exit::Failure;
use rosterd::run::Carried;
use rusqlite::Connection;

const TABLES: [&str; 10] =
    ["run", "row", "letter", "approved", "hold", "choice", "done_file", "disabled", "target_size", "placed_file"];

/// A fuse in a journal.
pub struct Fuse {
    journal: Connection,
}

impl Fuse {
    /// Lets the n-th write fail. What is rolled back with it counts again.
    pub fn light(journal: &Path, n: usize) -> Self {
        let journal = Connection::open(journal).expect("the journal opens");
        let lay = |sql: &str| journal.execute_batch(sql).expect("the fuse is laid");
        lay(&format!("CREATE TABLE fuse (n_left INTEGER); INSERT INTO fuse VALUES ({});", n - 1));
        for table in TABLES {
            for event in ["INSERT", "UPDATE", "DELETE"] {
                lay(&format!(
                    "CREATE TRIGGER fuse_{table}_{event} BEFORE {event} ON {table} BEGIN
                         SELECT RAISE(ABORT, 'fuse {table}') FROM fuse WHERE n_left = 0;
                         UPDATE fuse SET n_left = n_left - 1;
                     END;"
                ));
            }
        }
        Self { journal }
    }

    /// Lets the journal work again.
    pub fn remove(self) {
        let take = |sql: &str| self.journal.execute_batch(sql).expect("the fuse is removed");
        for table in TABLES {
            for event in ["INSERT", "UPDATE", "DELETE"] {
                take(&format!("DROP TRIGGER fuse_{table}_{event};"));
            }
        }
        take("DROP TABLE fuse;");
    }
}

/// Returns the table whose write was refused, if a run failed for that.
pub fn blown(carried: &Result<Carried, Failure>) -> Option<String> {
    let text = carried.as_ref().err()?.to_string();
    let table = text.split_once("fuse ").unwrap_or_else(|| panic!("another failure: {text}")).1;
    Some(table.split_whitespace().next().expect("a table").to_owned())
}
