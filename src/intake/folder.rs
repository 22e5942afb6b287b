//! A folder held open, so that everything in it is reached by its descriptor and not by a path that may change meanwhile.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::path::PathBuf;

use rustix::fs::AtFlags;
use rustix::fs::CWD;
use rustix::fs::Dir;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::fs::Statx;
use rustix::fs::StatxFlags;
use rustix::io::Errno;

use crate::intake::FolderFault;

/// An open folder.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    descriptor: OwnedFd,
    id: FolderId,
}

/// Which folder it is, whatever its path: another one after it was replaced, or after something was mounted there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderId {
    device: u64,
    inode: u64,
    mount: u64,
}

impl Folder {
    /// Opens a folder. Its own path may go through symbolic links: an admin has chosen it.
    pub fn open(path: &Path) -> Result<Self, FolderFault> {
        let fault = |e: Errno| FolderFault { path: path.display().to_string(), source: e.into() };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(fault)?;
        let flags = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        let stat = rustix::fs::statx(&descriptor, "", AtFlags::EMPTY_PATH, flags).map_err(fault)?;
        let device = rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor);
        // Kernels before 5.8 leave the mount at zero.
        let id = FolderId { device, inode: stat.stx_ino, mount: stat.stx_mnt_id };
        Ok(Self { path: path.to_owned(), descriptor, id })
    }

    /// Returns the path it was opened with.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns which folder it is.
    pub fn id(&self) -> FolderId {
        self.id
    }

    /// Returns all names in the folder, without `.` and `..`, or a fault: never a part of them.
    pub(super) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.descriptor)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name != "." && name != ".." {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Returns what `name` is, without following it, or `None` if it is gone.
    pub(super) fn stat(&self, name: &OsStr) -> io::Result<Option<Statx>> {
        match rustix::fs::statx(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::BASIC_STATS) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Opens a file of this very folder for reading. It never waits for the other end of a pipe, never becomes the
    /// controlling terminal, and never leaves the folder.
    pub(super) fn open_file(&self, name: &OsStr) -> Result<File, Errno> {
        if name.as_bytes().contains(&b'/') || name == "." || name == ".." {
            return Err(Errno::INVAL);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let opened = match rustix::fs::openat2(&self.descriptor, name, flags, Mode::empty(), resolve) {
            // Kernels before 5.6 do not have it, and older system call filters forbid it. A single name without a slash
            // is as safe with O_NOFOLLOW alone.
            Err(Errno::NOSYS | Errno::PERM) => rustix::fs::openat(&self.descriptor, name, flags, Mode::empty()),
            opened => opened,
        };
        opened.map(File::from)
    }
}

/// Returns what an open file is, whatever its name has become.
pub(super) fn stat_open(file: &File) -> io::Result<Statx> {
    Ok(rustix::fs::statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS)?)
}
