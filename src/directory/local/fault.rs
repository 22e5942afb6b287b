//! SQLite's errors, told apart by what must be done next.

use rusqlite::ErrorCode;

use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::sqlite::DatabaseError;

/// Classifies an error of a statement that was rolled back, or of a read: nothing of it was done.
pub(super) fn of(error: &rusqlite::Error) -> Fault {
    let Some(cause) = error.sqlite_error() else {
        return Fault::new(Next::StopRun, "the local directory holds something unexpected");
    };
    let (next, reason) = table(cause.code);
    Fault::new(next, reason).with_code(format_args!("SQLite {}", cause.extended_code))
}

/// Classifies an error of `COMMIT`. When the disk fails there, nobody knows what of it reached the disk.
pub(super) fn of_commit(error: &rusqlite::Error) -> Fault {
    let mut fault = of(error);
    if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
        fault.next = Next::LookAgain;
        fault.code = None;
    }
    fault
}

/// Classifies an error of the database as a whole, for reads.
pub(super) fn of_database(error: &DatabaseError) -> Fault {
    match error {
        DatabaseError::Statement(error) => of(error),
        DatabaseError::Gone => Fault::new(Next::StopRun, "the local directory has been closed"),
        DatabaseError::Open { .. } | DatabaseError::TooOld(_) => {
            Fault::new(Next::StopRun, "the local directory cannot be opened")
        }
    }
}

fn table(code: ErrorCode) -> (Next, &'static str) {
    match code {
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (Next::Retry, "the local directory is being written by another process")
        }
        ErrorCode::OutOfMemory => (Next::Retry, "there is not enough memory"),
        ErrorCode::OperationInterrupted | ErrorCode::OperationAborted | ErrorCode::SchemaChanged => {
            (Next::Retry, "the local directory was interrupted")
        }
        ErrorCode::DiskFull => (Next::StopRun, "the disk of the local directory is full"),
        ErrorCode::SystemIoFailure => (Next::StopRun, "the disk of the local directory fails"),
        ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied => {
            (Next::StopRun, "the local directory must not be written by this user")
        }
        ErrorCode::CannotOpen | ErrorCode::NoLargeFileSupport | ErrorCode::FileLockingProtocolFailed => {
            (Next::StopRun, "the file of the local directory cannot be opened")
        }
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            (Next::StopRun, "the file of the local directory is damaged")
        }
        ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch => {
            (Next::RejectRow, "the local directory refuses this")
        }
        _ => (Next::StopRun, "the local directory failed"),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn sqlite(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), Some("near \"hunter2\"".to_owned()))
    }

    #[test]
    fn every_error_says_what_to_do_next() {
        for (code, next) in [
            (ffi::SQLITE_BUSY, Next::Retry),
            (ffi::SQLITE_BUSY_SNAPSHOT, Next::Retry),
            (ffi::SQLITE_LOCKED, Next::Retry),
            (ffi::SQLITE_NOMEM, Next::Retry),
            (ffi::SQLITE_FULL, Next::StopRun),
            (ffi::SQLITE_IOERR_WRITE, Next::StopRun),
            (ffi::SQLITE_READONLY, Next::StopRun),
            (ffi::SQLITE_CORRUPT, Next::StopRun),
            (ffi::SQLITE_NOTADB, Next::StopRun),
            (ffi::SQLITE_CANTOPEN, Next::StopRun),
            (ffi::SQLITE_CONSTRAINT_UNIQUE, Next::RejectRow),
            (ffi::SQLITE_TOOBIG, Next::RejectRow),
        ] {
            assert_eq!(of(&sqlite(code)).next, next, "{code}");
        }
    }

    #[test]
    fn a_disk_that_fails_while_committing_leaves_the_outcome_unknown() {
        assert_eq!(of_commit(&sqlite(ffi::SQLITE_IOERR_FSYNC)).next, Next::LookAgain);
        assert_eq!(of_commit(&sqlite(ffi::SQLITE_FULL)).next, Next::StopRun);
        assert_eq!(of_commit(&sqlite(ffi::SQLITE_BUSY)).next, Next::Retry);
    }

    #[test]
    fn the_text_of_a_statement_is_never_shown() {
        let fault = of(&sqlite(ffi::SQLITE_ERROR));
        assert!(!format!("{fault} {fault:?}").contains("hunter2"));
        assert_eq!(fault.code.as_deref(), Some("SQLite 1"));
    }
}
