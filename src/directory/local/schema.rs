//! The file: who may read it, whose it is, and its schema.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::Connection;

mod embedded {
    refinery::embed_migrations!("src/directory/local/migrations");
}

/// Says in the file's header that it is a directory of rosterd's: "rosd".
const APPLICATION_ID: i32 = 0x726f_7364;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The file is some other program's database, or another one of rosterd's.
#[derive(Debug, thiserror::Error)]
#[error("the file is a database, but not a local directory of rosterd's")]
struct NotOurs;

/// Brings the schema up to date. A file made by a newer rosterd, or by somebody else, is refused.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Failed> {
    let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    // The list of migrations alone is what a first start leaves that was killed.
    let empty: bool = connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE tbl_name <> 'refinery_schema_history')",
        [],
        |row| row.get(0),
    )?;
    if id != APPLICATION_ID && !(id == 0 && empty) {
        return Err(NotOurs.into());
    }
    // Grouped: else a process that is killed between a step and the note that it was taken never starts again.
    embedded::migrations::runner().set_grouped(true).run(connection)?;
    Ok(())
}

/// Creates the file, if it is not there, for its owner alone: it holds password hashes.
///
/// The files that SQLite puts beside it get the same mode.
pub(super) fn create(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}

/// Which file it is, whatever its name: device and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    pub(super) fn of(file: &Path) -> io::Result<Self> {
        std::fs::metadata(file).map(|found| Self(found.dev(), found.ino()))
    }
}

/// Returns the permissions of the file when others than its owner can read it.
pub(super) fn too_open(file: &Path) -> io::Result<Option<u32>> {
    let mode = std::fs::metadata(file)?.mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_is_the_same_as_once() {
        let mut connection = Connection::open_in_memory().expect("memory");
        migrate(&mut connection).expect("first");
        migrate(&mut connection).expect("second");
        let id: i32 = connection.query_row("PRAGMA application_id", [], |row| row.get(0)).expect("id");
        assert_eq!(id, APPLICATION_ID);
    }

    #[test]
    fn a_database_of_somebody_else_gets_no_tables() {
        let mut connection = Connection::open_in_memory().expect("memory");
        connection.execute_batch("CREATE TABLE theirs (x)").expect("table");
        assert!(migrate(&mut connection).is_err());
        let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).expect("n");
        assert_eq!(tables, 1);
    }

    #[test]
    fn a_schema_newer_than_this_program_is_refused() {
        let mut connection = Connection::open_in_memory().expect("memory");
        migrate(&mut connection).expect("current");
        connection
            .execute_batch(
                "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                 VALUES (9999, 'later', '2040-01-01T00:00:00Z', '1')",
            )
            .expect("history");
        assert!(migrate(&mut connection).is_err());
    }
}
