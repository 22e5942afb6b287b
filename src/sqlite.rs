//! One SQLite database behind one thread.
//!
//! A write transaction never spans an await point and is never cancelled half way: callers send a closure, the thread
//! runs it to its end, and only waiting for the answer can be given up.

use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::mpsc;
use tokio::sync::oneshot;

/// The oldest SQLite that is safe to write with: earlier ones can corrupt a database in WAL mode.
const OLDEST_SAFE: i32 = 3_051_003;

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// A handle to the thread that owns the connection. The thread ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Database {
    jobs: mpsc::UnboundedSender<Job>,
}

/// Why a database could not be used.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// It could not be opened or brought to the current schema.
    #[error("cannot open the database {path}")]
    Open {
        /// The file.
        path: String,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The built-in SQLite is too old.
    #[error("the built-in SQLite {0} can corrupt databases")]
    TooOld(String),
    /// A statement failed.
    #[error(transparent)]
    Statement(#[from] rusqlite::Error),
    /// The thread is gone.
    #[error("the database thread has ended")]
    Gone,
}

impl Database {
    /// Opens the file, or creates it for the daemon's user alone, lets `migrate` bring its schema up to date, and starts the thread.
    ///
    /// Commits are durable when they return (`synchronous = FULL`).
    pub fn open<E>(path: &Path, migrate: impl FnOnce(&mut Connection) -> Result<(), E>) -> Result<Self, DatabaseError>
    where
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if rusqlite::version_number() < OLDEST_SAFE {
            return Err(DatabaseError::TooOld(rusqlite::version().to_owned()));
        }
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| DatabaseError::Open {
            path: path.display().to_string(),
            source,
        };
        let _alone = alone_in(path.parent().unwrap_or(path));
        create_private(path).map_err(|e| failed(e.into()))?;
        let mut connection = Connection::open(path).map_err(|e| failed(e.into()))?;
        connection.busy_timeout(Duration::from_secs(10)).map_err(|e| failed(e.into()))?;
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            .map_err(|e| failed(e.into()))?;
        migrate(&mut connection).map_err(|e| failed(e.into()))?;
        let (jobs, mut inbox) = mpsc::unbounded_channel::<Job>();
        std::thread::Builder::new()
            .name("sqlite".to_owned())
            .spawn(move || {
                while let Some(job) = inbox.blocking_recv() {
                    job(&mut connection);
                }
            })
            .map_err(|e| failed(e.into()))?;
        Ok(Self { jobs })
    }

    /// Runs `work` on the thread and returns what it returns.
    pub async fn call<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
    {
        let (answer, wait) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            // The caller may have given up waiting; the work is done all the same.
            let _ = answer.send(work(connection));
        });
        self.jobs.send(job).map_err(|_| E::from(DatabaseError::Gone))?;
        wait.await.map_err(|_| E::from(DatabaseError::Gone))?
    }
}

/// Waits until nobody else opens a database in `folder`: two programs that bring a schema up to date at the same moment
/// would get into each other's way. A file system without locks cannot help there, and is no reason to fail.
fn alone_in(folder: &Path) -> Option<File> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let folder = File::open(folder).ok()?;
    folder.lock().ok()?;
    Some(folder)
}

/// Creates the file, if it is not there, for its owner alone. The files that SQLite puts beside it get the same mode.
///
/// A file that is there is not opened: closing it again would take away the locks that this process has on it.
fn create_private(path: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    }
}
