//! One daemon for a drop folder at a time, on whichever machine it runs.
//!
//! Two daemons with data folders of their own do not know of each other, and would carry every roster twice. So whoever
//! takes rosters from a folder keeps a lock on a file in it. The system gives the lock back when the process ends, in
//! whatever way; on NFS and SMB the file server does, when it hears no more of the machine.

use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustix::fs::CWD;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::intake::FolderFault;
use crate::intake::folder::Folder;
use crate::intake::folder::FolderId;

/// The file that is locked. It begins with a dot and is never taken for a roster. It stays when the lock is given back:
/// whoever removed it could let in two.
const NAME: &str = ".rosterd.lock";
/// What is read of another one's note.
const LONGEST_NOTE: u64 = 200;

/// The drop folders that this daemon takes rosters from. Several feeds may share one.
#[derive(Debug, Default)]
pub struct Tenancies {
    held: Mutex<Vec<Tenancy>>,
}

#[derive(Debug)]
struct Tenancy {
    path: PathBuf,
    folder: FolderId,
    locked: File,
}

/// Whether a folder is kept from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tenure {
    /// It is.
    Sole,
    /// Its file system has no locks, for this reason.
    Shared(String),
}

/// Why no rosters are taken from a folder.
#[derive(Debug, thiserror::Error)]
pub enum NotTenant {
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderFault),
    /// Another daemon takes them.
    #[error("another rosterd takes its rosters{}", note(holder))]
    Let {
        /// Its machine and process, if it has left them.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error("cannot lock {path}")]
    Unusable {
        /// The lock file.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl NotTenant {
    /// Returns what an admin can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Folder(fault) => fault.hint(),
            Self::Let { .. } => {
                "this one takes over when that one ends; if both are meant to work, give each a folder of its own"
            }
            Self::Unusable { .. } => "the daemon's user must be able to create and read `.rosterd.lock` in the folder",
        }
    }
}

fn note(holder: &str) -> String {
    if holder.is_empty() { String::new() } else { format!(": {holder}") }
}

impl Tenancies {
    /// Makes sure that nobody else takes rosters from the folder at `path`, and goes on to make sure of it: the folder
    /// may have been replaced, or the lock file removed. May block.
    pub fn hold(&self, path: &Path) -> Result<Tenure, NotTenant> {
        let folder = Folder::open(path)?.id();
        let lock_path = path.join(NAME);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|tenancy| tenancy.folder == folder || tenancy.path != path);
        if let Some(place) = held.iter().position(|tenancy| tenancy.folder == folder) {
            if is_still(&held[place].locked, &lock_path) {
                return Ok(Tenure::Sole);
            }
            held.swap_remove(place);
        }
        let unusable = |source: io::Error| NotTenant::Unusable { path: lock_path.display().to_string(), source };
        let mut file = match open(&lock_path) {
            Ok(file) => file,
            Err(Errno::ROFS) => return Ok(Tenure::Shared(Errno::ROFS.to_string())),
            Err(error) => return Err(unusable(error.into())),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(NotTenant::Let { holder: holder(&mut file) }),
            Err(TryLockError::Error(error)) => {
                return match Errno::from_io_error(&error) {
                    Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                        Ok(Tenure::Shared(error.to_string()))
                    }
                    _ => Err(unusable(error)),
                };
            }
        }
        if !is_still(&file, &lock_path) {
            // Somebody has put another one in its place meanwhile; the next look sees to it.
            return Err(NotTenant::Let { holder: String::new() });
        }
        // Only a help for people: a file of somebody else cannot be written.
        let _ = leave_note(&mut file);
        held.push(Tenancy { path: path.to_owned(), folder, locked: file });
        Ok(Tenure::Sole)
    }
}

fn open(path: &Path) -> Result<File, Errno> {
    // Whoever drops rosters may have put anything here: it is not followed, and not waited for.
    let flags = OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let opened = match rustix::fs::openat(CWD, path, flags | OFlags::RDWR, mode) {
        // It is another user's; that is enough for a lock on this machine.
        Err(Errno::ACCESS) => rustix::fs::openat(CWD, path, (flags | OFlags::RDONLY) - OFlags::CREATE, mode),
        opened => opened,
    };
    let file = File::from(opened?);
    match file.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(file),
        _ => Err(Errno::INVAL),
    }
}

/// Returns whether the open file is the one at `path`.
fn is_still(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (file.metadata(), std::fs::symlink_metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

fn holder(file: &mut File) -> String {
    let mut text = Vec::new();
    if file.take(LONGEST_NOTE).read_to_end(&mut text).is_err() {
        return String::new();
    }
    let is_harmless = |c: &char| c.is_ascii_alphanumeric() || " .-_,".contains(*c);
    String::from_utf8_lossy(&text).trim().chars().filter(is_harmless).collect()
}

fn leave_note(file: &mut File) -> io::Result<()> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}, process {}", host.trim(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_daemon_hears_who_is_there_and_takes_over_afterwards() {
        let folder = tempfile::tempdir().expect("folder");
        let (first, second) = (Tenancies::default(), Tenancies::default());
        assert_eq!(first.hold(folder.path()).expect("free"), Tenure::Sole);
        assert_eq!(first.hold(folder.path()).expect("two feeds of one daemon may share it"), Tenure::Sole);
        let told = second.hold(folder.path()).expect_err("taken");
        assert!(told.to_string().ends_with(&format!("process {}", std::process::id())), "{told}");
        drop(first);
        assert_eq!(second.hold(folder.path()).expect("free again"), Tenure::Sole);
    }

    #[test]
    fn a_lock_file_that_was_removed_is_made_anew_before_anybody_else_looks() {
        let folder = tempfile::tempdir().expect("folder");
        let (first, second) = (Tenancies::default(), Tenancies::default());
        first.hold(folder.path()).expect("free");
        std::fs::remove_file(folder.path().join(NAME)).expect("removed");
        first.hold(folder.path()).expect("still ours");
        assert!(matches!(second.hold(folder.path()), Err(NotTenant::Let { .. })));
    }

    #[test]
    fn a_folder_that_was_replaced_is_another_one() {
        let parent = tempfile::tempdir().expect("folder");
        let path = parent.path().join("drop");
        let (first, second) = (Tenancies::default(), Tenancies::default());
        std::fs::create_dir(&path).expect("made");
        first.hold(&path).expect("free");
        std::fs::rename(&path, parent.path().join("before")).expect("moved");
        std::fs::create_dir(&path).expect("made");
        second.hold(&path).expect("nobody has this one");
        assert!(matches!(first.hold(&path), Err(NotTenant::Let { .. })));
        second.hold(&parent.path().join("before")).expect("the first one has given the other back");
    }

    #[test]
    fn what_others_have_put_in_its_place_is_neither_followed_nor_written_nor_believed() {
        let folder = tempfile::tempdir().expect("folder");
        let (lock, victim) = (folder.path().join(NAME), folder.path().join("victim"));
        std::fs::write(&victim, "precious").expect("written");
        std::os::unix::fs::symlink(&victim, &lock).expect("link");
        assert!(matches!(Tenancies::default().hold(folder.path()), Err(NotTenant::Unusable { .. })));
        assert_eq!(std::fs::read_to_string(&victim).expect("read"), "precious");
        std::fs::remove_file(&lock).expect("removed");
        std::fs::create_dir(&lock).expect("made");
        assert!(matches!(Tenancies::default().hold(folder.path()), Err(NotTenant::Unusable { .. })));
        std::fs::remove_dir(&lock).expect("removed");
        let file = File::create(&lock).expect("created");
        (&file).write_all(b"evil\x1b[2J\nhost").expect("written");
        file.lock().expect("locked");
        let told = Tenancies::default().hold(folder.path()).expect_err("taken").to_string();
        assert_eq!(told, "another rosterd takes its rosters: evil2Jhost");
    }

    #[test]
    fn a_missing_folder_is_a_fault_of_the_folder() {
        let folder = tempfile::tempdir().expect("folder");
        assert!(matches!(Tenancies::default().hold(&folder.path().join("gone")), Err(NotTenant::Folder(_))));
    }
}
