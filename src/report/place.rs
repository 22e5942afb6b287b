//! Puts a report into its place: whole or not at all, and never through somebody else's link.

use std::fs::File;
use std::fs::Metadata;
use std::fs::Permissions;
use std::io;
use std::io::BufWriter;
use std::io::Read;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::fs::fchown;
use std::path::Path;
use std::path::PathBuf;

use atomic_write_file::AtomicWriteFile;
use atomic_write_file::unix::OpenOptionsExt as _;
use sha2::Digest;
use sha2::Sha256;

/// What was placed. Who keeps it can tell later whether somebody has changed the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The length in bytes.
    pub length: u64,
    /// The SHA-256 of the contents.
    pub sha256: [u8; 32],
}

/// A report that could not be placed. Whatever was there before is still there.
#[derive(Debug, thiserror::Error)]
pub enum Misplaced {
    /// Something that is no file stands where the report belongs.
    #[error("`{}` is {what}, so the report cannot be written there", .path.display())]
    Occupied {
        /// The place.
        path: PathBuf,
        /// What is there: `a symbolic link`, `a folder`...
        what: &'static str,
    },
    /// The file system refused.
    #[error("cannot write `{}`", .path.display())]
    Io {
        /// The place.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes a file to `target`: into a hidden file in the same folder, which then takes the place of whatever file was
/// there, in one step and lastingly.
///
/// The file gets the group and the permissions of `mode_of`, without those to run it and without a right to write for
/// everybody; where the group cannot be given, its members get no more than everybody. If `mode_of` is not there, or is
/// no plain file, only the daemon's own user can read and write it.
///
/// A symbolic link, folder, pipe or device at `target` is left as it is and is an error. Should one appear between that
/// look and the last step, the step fails (folder) or replaces it; it never goes through it.
pub fn place(
    target: &Path,
    mode_of: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Placed, Misplaced> {
    let (prepared, placed) = prepare_with(target, mode_of, |file| {
        let mut out = BufWriter::with_capacity(BUFFER, Measured::new(file));
        write(&mut out)?;
        let measured = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(Placed { length: measured.length, sha256: measured.digest.finalize().into() })
    })?;
    prepared.commit()?;
    Ok(placed)
}

/// Writes a file that [`Prepared::commit`] puts into its place; see [`place`]. Dropped before, it leaves no trace.
///
/// It is not measured: nobody asks later whether a preview or a result has been changed.
pub fn prepare(
    target: &Path,
    mode_of: &Path,
    write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
) -> Result<Prepared, Misplaced> {
    let (prepared, ()) = prepare_with(target, mode_of, |file| {
        let mut out = BufWriter::with_capacity(BUFFER, file);
        write(&mut out)?;
        out.flush()
    })?;
    Ok(prepared)
}

/// A report that is written, and not in its place yet.
#[derive(Debug)]
pub struct Prepared {
    file: AtomicWriteFile,
    target: PathBuf,
}

impl Prepared {
    /// Puts it into its place.
    pub fn commit(self) -> Result<(), Misplaced> {
        let Self { file, target } = self;
        file.commit().map_err(|source| Misplaced::Io { path: target, source })
    }
}

const BUFFER: usize = 1 << 16;

/// Prepares a file, and returns what `write` does.
fn prepare_with<T>(
    target: &Path,
    mode_of: &Path,
    write: impl FnOnce(&File) -> io::Result<T>,
) -> Result<(Prepared, T), Misplaced> {
    let failed = |source| Misplaced::Io { path: target.to_owned(), source };
    if let Some(what) = look_at(target).map_err(failed)?.as_ref().and_then(not_a_file) {
        return Err(Misplaced::Occupied { path: target.to_owned(), what });
    }
    let like = look_at(mode_of).ok().flatten().filter(|found| not_a_file(found).is_none());
    let (file, written) = write_like(target, like.as_ref(), write).map_err(failed)?;
    Ok((Prepared { file, target: target.to_owned() }, written))
}

fn write_like<T>(
    target: &Path,
    like: Option<&Metadata>,
    write: impl FnOnce(&File) -> io::Result<T>,
) -> io::Result<(AtomicWriteFile, T)> {
    // The crate would take over mode and owner of the file that is replaced; a report takes them from the roster.
    let mut options = AtomicWriteFile::options();
    options.mode(0o600).preserve_mode(false).preserve_owner(false);
    let file = options.open(target)?;
    let written = write(file.as_file())?;
    if let Some(like) = like {
        share_like(&file, like)?;
    }
    // The commit does this as well; by then little is left to be waited for.
    file.sync_all()?;
    Ok((file, written))
}

/// Gives `file` the group and the permissions of `like`, as far as that is safe.
fn share_like(file: &File, like: &Metadata) -> io::Result<()> {
    let same_group = file.metadata()?.gid() == like.gid();
    let group = if same_group || fchown(file, None, Some(like.gid())).is_ok() { Group::Same } else { Group::Another };
    file.set_permissions(Permissions::from_mode(safe_mode(like.mode(), group)))
}

#[derive(Clone, Copy)]
enum Group {
    Same,
    Another,
}

fn safe_mode(mode: u32, group: Group) -> u32 {
    let mode = (mode & 0o664) | 0o600;
    match group {
        Group::Same => mode,
        Group::Another => (mode & !0o070) | ((mode & 0o007) << 3),
    }
}

/// Returns what is at `path` itself, following no link; `None` if nothing is.
fn look_at(path: &Path) -> io::Result<Option<Metadata>> {
    match path.symlink_metadata() {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn not_a_file(found: &Metadata) -> Option<&'static str> {
    let kind = found.file_type();
    match kind {
        _ if kind.is_file() => None,
        _ if kind.is_symlink() => Some("a symbolic link"),
        _ if kind.is_dir() => Some("a folder"),
        _ => Some("a device, pipe or socket"),
    }
}

/// Whether a file is still as rosterd placed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is there.
    Missing,
    /// It is what was placed, byte for byte.
    AsPlaced,
    /// It is something else.
    Changed,
}

/// Compares the file at `path` with what was placed there.
pub fn standing(path: &Path, placed: &Placed) -> io::Result<Standing> {
    let Some(found) = look_at(path)? else { return Ok(Standing::Missing) };
    if not_a_file(&found).is_some() || found.len() != placed.length {
        return Ok(Standing::Changed);
    }
    // Neither a link nor a pipe that took the file's place since that look is followed or waited for.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let mut measured = Measured::new(io::sink());
    io::copy(&mut file.take(placed.length + 1), &mut measured)?;
    let same = measured.length == placed.length && <[u8; 32]>::from(measured.digest.finalize()) == placed.sha256;
    Ok(if same { Standing::AsPlaced } else { Standing::Changed })
}

/// Removes the file at `path` if it is still as rosterd placed it: an errors file after a run without errors.
///
/// A file that somebody has changed stays: it may hold their work, and the intake takes it for a roster.
pub fn remove_placed(path: &Path, placed: &Placed) -> io::Result<Standing> {
    let standing = standing(path, placed)?;
    if standing == Standing::AsPlaced {
        std::fs::remove_file(path)?;
    }
    Ok(standing)
}

/// Counts and digests what passes through.
struct Measured<W> {
    inner: W,
    length: u64,
    digest: Sha256,
}

impl<W: Write> Measured<W> {
    fn new(inner: W) -> Self {
        Self { inner, length: 0, digest: Sha256::new() }
    }
}

impl<W: Write> Write for Measured<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.length += written as u64;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test ends where something unexpected begins")]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn hello(out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"hello")
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_report_is_placed_whole_with_the_permissions_of_the_roster() {
        let folder = tempfile::tempdir().unwrap();
        let (roster, target) = (folder.path().join("a.csv"), folder.path().join("a.result.csv"));
        fs::write(&roster, "x").unwrap();
        for (given, wanted) in [(0o600, 0o600), (0o640, 0o640), (0o664, 0o664), (0o777, 0o664), (0o4440, 0o640)] {
            fs::set_permissions(&roster, Permissions::from_mode(given)).unwrap();
            let placed = place(&target, &roster, hello).unwrap();
            assert_eq!(mode(&target), wanted, "{given:o}");
            assert_eq!(placed.length, 5);
        }
        assert_eq!(fs::read(&target).unwrap(), b"hello");
        assert_eq!(names(folder.path()), ["a.csv", "a.result.csv"]);
    }

    #[test]
    fn another_group_gets_no_more_than_everybody() {
        for (given, wanted) in [(0o100_640, 0o600), (0o100_660, 0o600), (0o100_644, 0o644), (0o100_664, 0o644)] {
            assert_eq!(safe_mode(given, Group::Another), wanted, "{given:o}");
        }
    }

    #[test]
    fn without_a_roster_to_go_by_only_the_owner_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.result.csv");
        fs::write(&target, "old and open to all").unwrap();
        fs::set_permissions(&target, Permissions::from_mode(0o666)).unwrap();
        for mode_of in ["missing.csv", "."] {
            place(&target, &folder.path().join(mode_of), hello).unwrap();
            assert_eq!(mode(&target), 0o600);
        }
        let link = folder.path().join("link.csv");
        symlink("/etc/passwd", &link).unwrap();
        place(&target, &link, hello).unwrap();
        assert_eq!(mode(&target), 0o600);
    }

    #[test]
    fn a_report_that_fails_half_way_leaves_no_trace() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.result.csv");
        fs::write(&target, "before").unwrap();
        let fails = |out: &mut dyn Write| {
            out.write_all(&[b'x'; 1 << 17])?;
            Err(io::Error::other("the roster cannot be read"))
        };
        let error = place(&target, &target, fails).unwrap_err();
        assert!(matches!(error, Misplaced::Io { .. }));
        assert_eq!(fs::read_to_string(&target).unwrap(), "before");
        assert_eq!(names(folder.path()), ["a.result.csv"]);
    }

    #[test]
    fn nothing_but_a_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "secret").unwrap();
        let occupied = [
            ("link", "a symbolic link"),
            ("dangling", "a symbolic link"),
            ("folder", "a folder"),
            ("pipe", "a device, pipe or socket"),
        ];
        symlink(&secret, folder.path().join("link")).unwrap();
        symlink("nowhere", folder.path().join("dangling")).unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        rustix::fs::mknodat(
            rustix::fs::CWD,
            folder.path().join("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR,
            0,
        )
        .unwrap();
        let before = names(folder.path());
        for (name, wanted) in occupied {
            let error = place(&folder.path().join(name), &secret, hello).unwrap_err();
            assert!(matches!(error, Misplaced::Occupied { what, .. } if what == wanted), "{name}: {error}");
        }
        assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
        assert_eq!(names(folder.path()), before);
    }

    #[test]
    fn a_second_name_of_the_old_report_keeps_the_old_contents() {
        let folder = tempfile::tempdir().unwrap();
        let (target, other) = (folder.path().join("a.result.csv"), folder.path().join("kept"));
        fs::write(&target, "before").unwrap();
        fs::hard_link(&target, &other).unwrap();
        place(&target, &target, hello).unwrap();
        assert_eq!(fs::read_to_string(&other).unwrap(), "before");
    }

    #[test]
    fn a_missing_folder_is_an_error_of_the_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let error = place(&folder.path().join("gone/a.csv"), folder.path(), hello).unwrap_err();
        assert!(matches!(error, Misplaced::Io { source, .. } if source.kind() == io::ErrorKind::NotFound));
    }

    #[test]
    fn only_an_unchanged_file_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.errors.csv");
        let placed = place(&target, folder.path(), hello).unwrap();
        fs::write(&target, "hallo").unwrap();
        assert_eq!(remove_placed(&target, &placed).unwrap(), Standing::Changed);
        fs::write(&target, "hello, corrected").unwrap();
        assert_eq!(remove_placed(&target, &placed).unwrap(), Standing::Changed);
        fs::write(&target, "hello").unwrap();
        assert_eq!(remove_placed(&target, &placed).unwrap(), Standing::AsPlaced);
        assert_eq!(remove_placed(&target, &placed).unwrap(), Standing::Missing);
        let other = folder.path().join("other");
        fs::write(&other, "hello").unwrap();
        symlink(&other, &target).unwrap();
        assert_eq!(remove_placed(&target, &placed).unwrap(), Standing::Changed);
        assert_eq!(names(folder.path()), ["a.errors.csv", "other"]);
    }
}
