//! The place where private copies of dropped files lie, and the copying.

use std::ffi::OsStr;
use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::io::Errno;
use sha2::Digest;
use sha2::Sha256;
use uuid::Uuid;

use crate::intake::Identity;
use crate::intake::Unfit;
use crate::intake::claim::Claim;
use crate::intake::claim::Fingerprint;
use crate::intake::claim::NotClaimed;
use crate::intake::folder::Folder;
use crate::intake::folder::stat_open;
use crate::intake::lock::Exclusive;
use crate::intake::scan::Candidate;

#[cfg(test)]
mod tests;

/// Ending of a complete copy: `<id>-<fingerprint>.roster`.
const WHOLE: &str = "roster";
/// Ending of a copy that is being made.
const PARTIAL: &str = "part";
/// How often a single file is copied anew when it changes meanwhile.
const TRIES: usize = 3;

/// The folder of private copies. It belongs to the daemon's user alone.
#[derive(Clone, Debug)]
pub struct Spool {
    folder: PathBuf,
    max_size: u64,
}

/// A copy that a former process has left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The copy.
    pub spool: PathBuf,
    /// What it contained when it was made.
    pub fingerprint: Fingerprint,
}

/// A spool folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use the spool {path}")]
pub struct SpoolFault {
    /// The folder.
    pub path: String,
    /// The cause.
    pub source: io::Error,
}

impl Spool {
    /// Opens the folder, and makes it if need be. Files of more than `max_size` bytes are not taken.
    pub fn open(folder: &Path, max_size: u64) -> Result<Self, SpoolFault> {
        let fault = |source| SpoolFault { path: folder.display().to_string(), source };
        match DirBuilder::new().mode(0o700).create(folder) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(fault(e)),
            _ => {}
        }
        let found = fs::metadata(folder).map_err(fault)?;
        if found.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(fault)?;
        }
        Ok(Self { folder: folder.to_owned(), max_size })
    }

    /// Returns how many bytes a file may have at most.
    pub fn max_size(&self) -> u64 {
        self.max_size
    }

    /// Removes copies that were never finished. Whoever holds the data folder knows that nobody is at work on them.
    pub fn sweep(&self, _held: &Exclusive) -> io::Result<()> {
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == PARTIAL) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Returns the complete copies that lie in the spool, oldest first: those of claims that were never closed.
    pub fn leftovers(&self) -> io::Result<Vec<Leftover>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let spool = entry?.path();
            if spool.extension().is_some_and(|ending| ending == WHOLE)
                && let Some(stem) = spool.file_stem().and_then(OsStr::to_str)
                && let Some((_, fingerprint)) = stem.rsplit_once('-')
                && let Ok(fingerprint) = fingerprint.parse()
            {
                found.push(Leftover { spool, fingerprint });
            }
        }
        found.sort_by(|a, b| a.spool.cmp(&b.spool));
        Ok(found)
    }

    /// Claims a file that has settled: copies it, if it is still exactly as `candidate` says.
    ///
    /// This reads the whole file; call it where blocking is allowed.
    pub fn claim(&self, feed: &str, folder: &Path, candidate: &Candidate) -> Result<Claim, NotClaimed> {
        let folder = Folder::open(folder)?;
        self.copy(feed, &folder, &candidate.name, Some(candidate.identity), &mut |_| {})
    }

    /// Claims a single file, wherever it lies. One that is being changed is tried again a few times at once.
    pub fn claim_one(&self, feed: &str, path: &Path) -> Result<Claim, NotClaimed> {
        let unreadable = |source: io::Error| NotClaimed::Unreadable { path: path.display().to_string(), source };
        let path = std::path::absolute(path).map_err(unreadable)?;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(NotClaimed::Unfit(Unfit::Folder));
        };
        let Some(name) = name.to_str() else { return Err(NotClaimed::Unfit(Unfit::NotUnicode)) };
        let folder = Folder::open(parent)?;
        let mut claimed = self.copy(feed, &folder, name, None, &mut |_| {});
        for _ in 1..TRIES {
            if !matches!(claimed, Err(NotClaimed::Changed)) {
                break;
            }
            claimed = self.copy(feed, &folder, name, None, &mut |_| {});
        }
        claimed
    }

    /// Copies a file by its descriptor. `copied` is told after each piece how many bytes have been read.
    fn copy(
        &self,
        feed: &str,
        folder: &Folder,
        name: &str,
        expected: Option<Identity>,
        copied: &mut dyn FnMut(u64),
    ) -> Result<Claim, NotClaimed> {
        let path = folder.path().join(name);
        let unreadable = |source: io::Error| NotClaimed::Unreadable { path: path.display().to_string(), source };
        let spoiled = |source: io::Error| NotClaimed::Spool { path: self.folder.display().to_string(), source };

        // Looked at before it is opened, because opening a device can already do something.
        let seen = folder.stat(OsStr::new(name)).map_err(unreadable)?.ok_or(NotClaimed::Gone)?;
        if let Some(unfit) = Unfit::of(&seen, self.max_size) {
            return Err(NotClaimed::Unfit(unfit));
        }
        let mut source = folder.open_file(OsStr::new(name)).map_err(|e| match e {
            Errno::NOENT => NotClaimed::Gone,
            Errno::LOOP => NotClaimed::Unfit(Unfit::Symlink),
            Errno::NXIO => NotClaimed::Unfit(Unfit::Socket),
            Errno::WOULDBLOCK => NotClaimed::InUse,
            e => unreadable(e.into()),
        })?;
        let before = stat_open(&source).map_err(unreadable)?;
        if let Some(unfit) = Unfit::of(&before, self.max_size) {
            return Err(NotClaimed::Unfit(unfit));
        }
        let identity = Identity::of(&before);
        if before.stx_nlink == 0 || expected.is_some_and(|expected| expected != identity) {
            return Err(NotClaimed::Changed);
        }
        if is_locked(&source) {
            return Err(NotClaimed::InUse);
        }

        let id = Uuid::now_v7().simple();
        let partial = Partial(self.folder.join(format!("{id}.{PARTIAL}")));
        let mut target =
            OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial.0).map_err(spoiled)?;
        let mut hash = Sha256::new();
        let mut piece = vec![0; 256 * 1024];
        let mut read = 0_u64;
        loop {
            let n = match source.read(&mut piece) {
                Ok(0) => break,
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(e) => return Err(unreadable(e)),
            };
            read += n as u64;
            if read > identity.size {
                return Err(NotClaimed::Changed);
            }
            hash.update(&piece[..n]);
            target.write_all(&piece[..n]).map_err(spoiled)?;
            copied(read);
        }
        let after = stat_open(&source).map_err(unreadable)?;
        if read != identity.size || Identity::of(&after) != identity || after.stx_nlink != 1 {
            return Err(NotClaimed::Changed);
        }
        target.sync_all().map_err(spoiled)?;
        let fingerprint = Fingerprint(hash.finalize().into());
        let spool = self.folder.join(format!("{id}-{fingerprint}.{WHOLE}"));
        partial.complete(&spool).map_err(spoiled)?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(spoiled)?;
        Ok(Claim {
            feed: feed.to_owned(),
            path,
            name: name.to_owned(),
            spool,
            fingerprint,
            identity,
            mode: u32::from(before.stx_mode) & 0o777,
        })
    }
}

impl Leftover {
    /// Returns whether the copy still contains what it was made with.
    pub fn is_whole(&self) -> io::Result<bool> {
        let mut hash = Sha256::new();
        let mut copy = File::open(&self.spool)?;
        let mut piece = vec![0; 256 * 1024];
        loop {
            match copy.read(&mut piece)? {
                0 => break,
                n => hash.update(&piece[..n]),
            }
        }
        Ok(Fingerprint(hash.finalize().into()) == self.fingerprint)
    }
}

/// Returns whether somebody holds an exclusive `flock` on the file: writers that cooperate say so.
///
/// The shared lock that finds out is given back at once. File systems without locks have nothing to say.
fn is_locked(file: &File) -> bool {
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => false,
        Ok(()) => {
            // Closing the descriptor gives the lock back too.
            let _ = file.unlock();
            false
        }
    }
}

/// A copy in the making; it is removed unless it gets complete.
struct Partial(PathBuf);

impl Partial {
    fn complete(self, path: &Path) -> io::Result<()> {
        fs::rename(&self.0, path)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After the rename there is nothing under this name. Otherwise what stays is swept away at the next start.
        let _ = fs::remove_file(&self.0);
    }
}
