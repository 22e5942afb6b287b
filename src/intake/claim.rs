//! One file, one run: the private copy of a dropped file, and what is known of the original.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

use crate::intake::FolderFault;
use crate::intake::Identity;
use crate::intake::Unfit;

/// A file that rosterd has taken on.
///
/// The copy in the spool stays, over crashes too, until [`Claim::close`]; it is the only thing that is read from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The feed it was claimed for.
    pub feed: String,
    /// Where it was dropped; reports go next to it.
    pub path: PathBuf,
    /// Its name in the drop folder.
    pub name: String,
    /// The private copy.
    pub spool: PathBuf,
    /// What the copy contains.
    pub fingerprint: Fingerprint,
    /// How the original looked, before and after it was copied.
    pub identity: Identity,
    /// The original's permission bits, such as `0o640`; its reports get no more than these.
    pub mode: u32,
}

/// SHA-256 over the bytes of a roster.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 32]);

/// Text that is not the 64 hexadecimal digits of a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint: 64 hexadecimal digits are needed")]
pub struct NotAFingerprint;

/// Why a file was not claimed. Nothing is left behind in the spool.
#[derive(Debug, thiserror::Error)]
pub enum NotClaimed {
    /// It is not there any more.
    #[error("the file is gone")]
    Gone,
    /// It is not, or did not stay, as it was when it seemed complete. It has to settle again.
    #[error("the file changed while it was copied")]
    Changed,
    /// A program has locked it. It has to settle again.
    #[error("another program has locked the file")]
    InUse,
    /// It is never taken.
    #[error("the file is not taken: {0}")]
    Unfit(Unfit),
    /// Its folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderFault),
    /// It cannot be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// The copy cannot be written.
    #[error("cannot write to the spool {path}")]
    Spool {
        /// The spool folder.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl Claim {
    /// Opens the private copy.
    pub fn open(&self) -> io::Result<File> {
        File::open(&self.spool)
    }

    /// Ends the claim: removes the private copy. The original stays where it is.
    pub fn close(&self) -> io::Result<()> {
        match std::fs::remove_file(&self.spool) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

impl NotClaimed {
    /// Returns what an admin can do, if it does not pass by itself.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Gone | Self::Changed | Self::InUse => None,
            Self::Unfit(unfit) => Some(unfit.hint()),
            Self::Folder(fault) => Some(fault.hint()),
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => Some(
                "give the daemon's user the right to read what is dropped, for example by the folder's default ACL",
            ),
            Self::Unreadable { .. } => Some("check the file system the folder lies on"),
            Self::Spool { source, .. } if source.kind() == io::ErrorKind::StorageFull => {
                Some("make room on the file system of `data_dir`")
            }
            Self::Spool { .. } => Some("`data_dir` must belong to the user rosterd runs as, and be writable"),
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotAFingerprint);
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).map_err(|_| NotAFingerprint)?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_written_and_read_as_hexadecimal_digits() {
        let mut bytes = [0; 32];
        (bytes[0], bytes[31]) = (0x0a, 0xff);
        let text = Fingerprint(bytes).to_string();
        assert_eq!(text, format!("0a{}ff", "00".repeat(30)));
        assert_eq!(text.parse(), Ok(Fingerprint(bytes)));
        for wrong in ["", "0a", &text[1..], &text.replace('a', "g"), &format!("{text}0"), &"é".repeat(32)] {
            assert_eq!(wrong.parse::<Fingerprint>(), Err(NotAFingerprint), "{wrong}");
        }
    }
}
