//! One owner of a data folder at a time.

use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::OFlags;

/// The file that is locked. It stays when the lock is given back: whoever removed it could let in two.
const NAME: &str = "rosterd.lock";

/// The right to write in a data folder, until it is dropped or the process ends in whatever way.
#[derive(Debug)]
pub struct Exclusive {
    _locked: File,
}

/// Why a data folder could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockFault {
    /// Another process has it.
    #[error("the data folder {folder} is in use by {}", holder(*pid))]
    Held {
        /// The folder.
        folder: String,
        /// The process, if it has left its number.
        pid: Option<u32>,
    },
    /// The lock file cannot be used.
    #[error("cannot lock the data folder with {path}")]
    Unusable {
        /// The lock file.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl LockFault {
    /// Returns what an admin can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Held { .. } => {
                "a running daemon takes files from its drop folders by itself; otherwise stop it first, or choose \
                 another folder with --data-dir"
            }
            Self::Unusable { .. } => "`data_dir` must exist and belong to the user rosterd runs as",
        }
    }
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

impl Exclusive {
    /// Locks the data folder `folder`, or says at once who has it.
    pub fn take(folder: &Path) -> Result<Self, LockFault> {
        let path: PathBuf = folder.join(NAME);
        let unusable = |source: io::Error| LockFault::Unusable { path: path.display().to_string(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
            .open(&path)
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                return Err(LockFault::Held { folder: folder.display().to_string(), pid });
            }
            Err(TryLockError::Error(e)) => return Err(unusable(e)),
        }
        let note = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        note(&mut file).map_err(unusable)?;
        Ok(Self { _locked: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_one_hears_who_has_it_and_gets_it_afterwards() {
        let folder = tempfile::tempdir().expect("folder");
        let first = Exclusive::take(folder.path()).expect("free");
        let fault = Exclusive::take(folder.path()).expect_err("held");
        let LockFault::Held { pid, .. } = &fault else { panic!("{fault:?}") };
        assert_eq!(*pid, Some(std::process::id()));
        assert!(fault.to_string().ends_with(&format!("process {}", std::process::id())), "{fault}");
        drop(first);
        Exclusive::take(folder.path()).expect("free again");
    }

    #[test]
    fn a_lock_file_left_by_a_process_that_died_does_not_count() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join(NAME), "999999999999\n").expect("written");
        let taken = Exclusive::take(folder.path()).expect("nobody holds it");
        let text = std::fs::read_to_string(folder.path().join(NAME)).expect("read");
        assert_eq!(text, format!("{}\n", std::process::id()));
        drop(taken);
    }

    #[test]
    fn the_lock_file_is_never_written_through_a_link() {
        let folder = tempfile::tempdir().expect("folder");
        let victim = folder.path().join("victim");
        std::fs::write(&victim, "precious").expect("written");
        std::os::unix::fs::symlink(&victim, folder.path().join(NAME)).expect("link");
        assert!(matches!(Exclusive::take(folder.path()), Err(LockFault::Unusable { .. })));
        assert_eq!(std::fs::read_to_string(&victim).expect("read"), "precious");
    }

    #[test]
    fn a_missing_data_folder_is_named() {
        let folder = tempfile::tempdir().expect("folder");
        let fault = Exclusive::take(&folder.path().join("gone")).expect_err("missing");
        assert!(fault.to_string().contains("gone/rosterd.lock"), "{fault}");
    }
}
