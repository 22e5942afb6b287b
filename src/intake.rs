//! How a dropped file becomes a claim.
//!
//! The folder is the truth and an event is only a hint: [`watch`] says when to look, [`scan`] looks, [`settle`] decides
//! whether a file is complete, and [`spool`] copies it, once, into a place that nobody else can write. From then on the
//! drop folder is not read again for that file, and at no time is anything in it altered, moved or locked exclusively.

use std::fmt;
use std::io;

use rustix::fs::FileType;
use rustix::fs::Statx;
use rustix::fs::StatxTimestamp;

pub mod claim;
pub mod filesystem;
pub mod folder;
pub mod lock;
pub mod scan;
pub mod settle;
pub mod spool;
pub mod tenancy;
pub mod watch;

/// What tells one state of a file from every other: as long as all five are equal, nobody has touched the file.
///
/// Times are nanoseconds since 1970, cut off at the ends of what 64 bits can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Device number of the file system.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Bytes.
    pub size: u64,
    /// Last change of the content. Whoever owns the file can set it to anything.
    pub mtime_ns: i64,
    /// Last change of the content, the name or the rights. Nobody can set it.
    pub ctime_ns: i64,
}

impl Identity {
    fn of(stat: &Statx) -> Self {
        let nanoseconds =
            |time: StatxTimestamp| time.tv_sec.saturating_mul(1_000_000_000).saturating_add(i64::from(time.tv_nsec));
        Self {
            dev: rustix::fs::makedev(stat.stx_dev_major, stat.stx_dev_minor),
            ino: stat.stx_ino,
            size: stat.stx_size,
            mtime_ns: nanoseconds(stat.stx_mtime),
            ctime_ns: nanoseconds(stat.stx_ctime),
        }
    }
}

/// Shows the five numbers, as they are kept in the journal.
impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { dev, ino, size, mtime_ns, ctime_ns } = self;
        write!(f, "{dev}:{ino}:{size}:{mtime_ns}:{ctime_ns}")
    }
}

/// Text that is not the five numbers of an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the identity of a file: five numbers are needed")]
pub struct NotAnIdentity;

impl std::str::FromStr for Identity {
    type Err = NotAnIdentity;

    fn from_str(text: &str) -> Result<Self, NotAnIdentity> {
        let mut parts = text.split(':');
        let mut part = || parts.next().ok_or(NotAnIdentity);
        let identity = Self {
            dev: part()?.parse().map_err(|_| NotAnIdentity)?,
            ino: part()?.parse().map_err(|_| NotAnIdentity)?,
            size: part()?.parse().map_err(|_| NotAnIdentity)?,
            mtime_ns: part()?.parse().map_err(|_| NotAnIdentity)?,
            ctime_ns: part()?.parse().map_err(|_| NotAnIdentity)?,
        };
        parts.next().map_or(Ok(identity), |_| Err(NotAnIdentity))
    }
}

/// Why a file is never taken, however long it lies there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unfit {
    /// A symbolic link, which could point anywhere.
    #[error("it is a symbolic link")]
    Symlink,
    /// A folder.
    #[error("it is a folder")]
    Folder,
    /// A named pipe.
    #[error("it is a named pipe")]
    Fifo,
    /// A socket.
    #[error("it is a socket")]
    Socket,
    /// A device.
    #[error("it is a device")]
    Device,
    /// The file has further names, perhaps in places that its dropper may not read.
    #[error("it has {0} hard links")]
    HardLinked(u32),
    /// The name is not UTF-8, so no report could be named after it.
    #[error("its name is not valid UTF-8")]
    NotUnicode,
    /// The file is larger than the limit, both in bytes.
    #[error("it has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
}

impl Unfit {
    /// Returns what the person who dropped it can do.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Symlink | Self::HardLinked(_) => "copy the file into the folder instead of linking it",
            Self::Folder => "drop the files themselves; subfolders are not read",
            Self::Fifo | Self::Socket | Self::Device => "drop a regular file",
            Self::NotUnicode => "rename the file",
            Self::TooLarge { .. } => "split the file, or check that it is a roster at all",
        }
    }

    /// Returns why a file with this `stat` cannot be taken, if so.
    fn of(stat: &Statx, max_size: u64) -> Option<Self> {
        let (links, size) = (stat.stx_nlink, stat.stx_size);
        match FileType::from_raw_mode(stat.stx_mode.into()) {
            FileType::RegularFile if links > 1 => Some(Self::HardLinked(links)),
            FileType::RegularFile if size > max_size => Some(Self::TooLarge { size, limit: max_size }),
            FileType::RegularFile => None,
            FileType::Symlink => Some(Self::Symlink),
            FileType::Directory => Some(Self::Folder),
            FileType::Fifo => Some(Self::Fifo),
            FileType::Socket => Some(Self::Socket),
            _ => Some(Self::Device),
        }
    }
}

/// A folder that cannot be read. It is never taken for an empty one.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the folder {path}")]
pub struct FolderFault {
    /// The folder.
    pub path: String,
    /// The cause.
    pub source: io::Error,
}

impl FolderFault {
    /// Returns what an admin can do.
    pub fn hint(&self) -> &'static str {
        match self.source.kind() {
            io::ErrorKind::NotFound => "create the folder, or mount the file system it lies on",
            io::ErrorKind::PermissionDenied => "give the daemon's user the rights to list and read the folder",
            io::ErrorKind::NotADirectory => "`folder` must be the folder, not a file in it",
            _ => "check the file system the folder lies on",
        }
    }
}

/// Writes a file name for people: control characters and invalid bytes are escaped.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a>(pub &'a std::ffi::OsStr);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}
