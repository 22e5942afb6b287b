//! Reading the files beside a roster that its cells name.
//!
//! Whoever writes the roster chooses the names. So a file is reached from the folder's descriptor, component by
//! component or by one call that cannot leave the folder, never through a link, and only if it is a regular file.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::CWD;
use rustix::fs::Mode;
use rustix::fs::OFlags;
use rustix::fs::ResolveFlags;
use rustix::io::Errno;

use crate::roster::deferred::Digest;
use crate::roster::enclosed::FileFault;
use crate::roster::enclosed::Files;
use crate::roster::enclosed::Found;
use crate::roster::enclosed::Picture;
use crate::roster::enclosed::is_within;

/// The folder that a roster lies in.
#[derive(Debug)]
pub struct Enclosures {
    folder: OwnedFd,
}

impl Enclosures {
    /// Opens the folder of `roster`. Its own path may go through symbolic links: an admin has chosen it.
    pub fn beside(roster: &Path) -> io::Result<Self> {
        let folder = match roster.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { folder: rustix::fs::openat(CWD, folder, flags, Mode::empty())? })
    }

    /// Returns the content of a file of at most `max_size` octets. Blocks.
    pub fn read(&self, name: &str, max_size: usize) -> Result<Vec<u8>, FileFault> {
        let unreadable = |error: io::Error| FileFault::Unreadable(error.to_string());
        let file = self.open(name)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(FileFault::Unfit);
        }
        let mut content = Vec::new();
        // One more than allowed tells a file that is larger, or grows meanwhile.
        file.take(max_size as u64 + 1).read_to_end(&mut content).map_err(unreadable)?;
        match content.len() {
            0 => Err(FileFault::Empty),
            length if length > max_size => Err(FileFault::TooLarge(max_size)),
            _ => Ok(content),
        }
    }

    fn open(&self, name: &str) -> Result<File, FileFault> {
        if !is_within(name) {
            return Err(FileFault::Unfit);
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let opened = match rustix::fs::openat2(&self.folder, name, flags, Mode::empty(), resolve) {
            // Kernels before 5.6 do not have it, and older system call filters forbid it.
            Err(Errno::NOSYS | Errno::PERM) => self.open_stepwise(name, flags),
            opened => opened,
        };
        opened.map(File::from).map_err(|error| match error {
            Errno::NOENT | Errno::NOTDIR => FileFault::Missing,
            Errno::LOOP | Errno::XDEV => FileFault::Unfit,
            other => FileFault::Unreadable(io::Error::from(other).to_string()),
        })
    }

    fn open_stepwise(&self, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let (folders, file) = name.rsplit_once('/').map_or((None, name), |(folders, file)| (Some(folders), file));
        let mut at: Option<OwnedFd> = None;
        for folder in folders.into_iter().flat_map(|folders| folders.split('/')) {
            let from = at.as_ref().map_or(self.folder.as_fd(), AsFd::as_fd);
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            at = Some(rustix::fs::openat(from, folder, flags, Mode::empty())?);
        }
        let from = at.as_ref().map_or(self.folder.as_fd(), AsFd::as_fd);
        rustix::fs::openat(from, file, flags, Mode::empty())
    }
}

/// Looks at all files that a roster mentions, one by one, and keeps only their digests. Blocks.
pub fn look(roster: &Path, names: BTreeSet<Box<str>>, max_size: usize) -> Files {
    let folder = Enclosures::beside(roster).map_err(|error| FileFault::Unreadable(error.to_string()));
    let found: HashMap<_, _> = names
        .into_iter()
        .map(|name| {
            let content = folder.as_ref().map_err(Clone::clone).and_then(|folder| folder.read(&name, max_size));
            let found = content.map(|octets| Found { digest: Digest::of(&octets), picture: Picture::of(&octets) });
            (name, found)
        })
        .collect();
    Files::new(found)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_regular_files_within_the_folder_are_read() {
        let outer = tempfile::TempDir::new().expect("temporary folder");
        let folder = outer.path().join("drop");
        std::fs::create_dir_all(folder.join("photos")).expect("folders");
        let put = |name: &str, content: &[u8]| std::fs::write(folder.join(name), content).expect("a file");
        put("ada.jpg", b"12345");
        put("photos/bob.jpg", b"67");
        put("empty.jpg", b"");
        std::fs::write(outer.path().join("secret"), b"secret").expect("a file");
        symlink("ada.jpg", folder.join("link.jpg")).expect("a link");
        symlink("..", folder.join("up")).expect("a link");
        symlink("photos", folder.join("more")).expect("a link");
        let enclosures = Enclosures::beside(&folder.join("roster.csv")).expect("the folder opens");
        for by_step in [false, true] {
            let read = |name: &str| match by_step {
                false => enclosures.read(name, 5),
                true => {
                    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
                    let opened = enclosures.open_stepwise(name, flags).map(File::from);
                    let mut content = Vec::new();
                    let read = opened.map_err(io::Error::from).and_then(|mut file| file.read_to_end(&mut content));
                    read.map(|_| content).map_err(|_| FileFault::Unfit)
                }
            };
            assert_eq!(read("ada.jpg"), Ok(b"12345".to_vec()));
            assert_eq!(read("photos/bob.jpg"), Ok(b"67".to_vec()));
            for bad in ["link.jpg", "up/secret", "more/bob.jpg", "photos", "nobody.jpg", "photos/ada.jpg"] {
                assert!(read(bad).is_err(), "{bad}");
            }
        }
        assert_eq!(enclosures.read("ada.jpg", 4), Err(FileFault::TooLarge(4)));
        assert_eq!(enclosures.read("empty.jpg", 4), Err(FileFault::Empty));
        assert_eq!(enclosures.read("nobody.jpg", 4), Err(FileFault::Missing));
        for outside in ["../secret", "/etc/passwd", "photos/../ada.jpg", ""] {
            assert_eq!(enclosures.read(outside, 4), Err(FileFault::Unfit), "{outside}");
        }
    }
}
