//! Looks into a drop folder and lists what could be a roster.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use globset::GlobBuilder;
use globset::GlobSet;
use globset::GlobSetBuilder;

use crate::intake::FolderFault;
use crate::intake::Identity;
use crate::intake::Unfit;
use crate::intake::folder::Folder;
use crate::intake::folder::FolderId;

/// Which names of a folder are rosters, without regard to case.
#[derive(Clone, Debug)]
pub struct Patterns {
    globs: GlobSet,
}

/// A pattern that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern `{pattern}` cannot be understood: {reason}")]
pub struct PatternFault {
    /// The pattern as configured.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What a look into a folder found.
#[derive(Debug)]
pub struct Listing {
    /// Which folder was read.
    pub folder: FolderId,
    /// The files that can be taken once they are complete, the ones changed longest ago first.
    pub candidates: Vec<Candidate>,
    /// What has a roster's name and is never taken, by name.
    pub ignored: Vec<Ignored>,
}

/// A file that can be taken once it is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name in the folder.
    pub name: String,
    /// How it looked.
    pub identity: Identity,
}

/// A file that is never taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ignored {
    /// Its name in the folder; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Why.
    pub why: Unfit,
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Names to take.
    pub patterns: Patterns,
    /// Names of rosterd's own reports, which are never taken whatever the patterns say.
    pub is_own_output: fn(&str) -> bool,
    /// Bytes a file may have at most.
    pub max_size: u64,
}

impl Patterns {
    /// Understands patterns such as `*.csv`, with `*`, `?`, `[a-z]` and `{a,b}`.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Self, PatternFault> {
        let mut globs = GlobSetBuilder::new();
        for pattern in patterns {
            let pattern = pattern.as_ref();
            let fault = |reason: String| PatternFault { pattern: pattern.to_owned(), reason };
            if pattern.is_empty() {
                return Err(fault("it is empty".to_owned()));
            }
            if pattern.contains('/') {
                return Err(fault("it is for names in the folder, so it cannot have a `/`".to_owned()));
            }
            let glob = GlobBuilder::new(pattern)
                .case_insensitive(true)
                .literal_separator(true)
                .build()
                .map_err(|e| fault(e.kind().to_string()))?;
            globs.add(glob);
        }
        let globs = globs.build().map_err(|e| PatternFault {
            pattern: e.glob().unwrap_or_default().to_owned(),
            reason: e.kind().to_string(),
        })?;
        Ok(Self { globs })
    }

    /// Returns whether a name is one of those to take.
    pub fn matches(&self, name: &OsStr) -> bool {
        self.globs.is_match(Path::new(name))
    }
}

/// Looks into `folder`.
///
/// The listing is complete or there is a fault; a folder that cannot be read is never an empty one.
pub fn scan(folder: &Path, wanted: &Wanted) -> Result<Listing, FolderFault> {
    let folder = Folder::open(folder)?;
    let fault = |source: io::Error| FolderFault { path: folder.path().display().to_string(), source };
    let mut listing = Listing { folder: folder.id(), candidates: Vec::new(), ignored: Vec::new() };
    for name in folder.names().map_err(fault)? {
        if is_unfinished(&name) || !wanted.patterns.matches(&name) {
            continue;
        }
        let shown = name.to_string_lossy().into_owned();
        if (wanted.is_own_output)(&shown) {
            continue;
        }
        let Some(stat) = folder.stat(&name).map_err(fault)? else { continue };
        match (Unfit::of(&stat, wanted.max_size), name.into_string()) {
            (Some(why), _) => listing.ignored.push(Ignored { name: shown, why }),
            (None, Err(_)) => listing.ignored.push(Ignored { name: shown, why: Unfit::NotUnicode }),
            (None, Ok(name)) => listing.candidates.push(Candidate { name, identity: Identity::of(&stat) }),
        }
    }
    listing.candidates.sort_by(|a, b| (a.identity.mtime_ns, &a.name).cmp(&(b.identity.mtime_ns, &b.name)));
    listing.ignored.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(listing)
}

/// Returns whether programs that copy, download or edit use such names for what is not finished.
fn is_unfinished(name: &OsStr) -> bool {
    const ENDINGS: [&str; 7] = [".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", "~"];
    let name = name.to_string_lossy().to_ascii_lowercase();
    name.starts_with('.') || name.starts_with("~$") || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::fs;
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn wanted(patterns: &[&str]) -> Wanted {
        Wanted {
            patterns: Patterns::new(patterns).expect("patterns"),
            is_own_output: |name| name.ends_with(".result.csv"),
            max_size: 100,
        }
    }

    fn names(folder: &Path, patterns: &[&str]) -> Vec<String> {
        let listing = scan(folder, &wanted(patterns)).expect("readable");
        assert_eq!(listing.ignored, []);
        listing.candidates.into_iter().map(|c| c.name).collect()
    }

    fn ignored(folder: &Path) -> Vec<(String, Unfit)> {
        let listing = scan(folder, &wanted(&["*.csv"])).expect("readable");
        assert_eq!(listing.candidates, []);
        listing.ignored.into_iter().map(|i| (i.name, i.why)).collect()
    }

    #[test]
    fn unfinished_files_own_reports_and_other_names_are_passed_over() {
        let folder = tempfile::tempdir().expect("folder");
        let dropped = [
            "a.csv",
            "B.CSV",
            ".hidden.csv",
            "c.csv.part",
            "d.csv.PARTIAL",
            "e.tmp",
            "f.csv.filepart",
            "g.csv.crdownload",
            "~$h.csv",
            "i.csv~",
            "a.result.csv",
            "notes.txt",
        ];
        for name in dropped {
            fs::write(folder.path().join(name), "x").expect("dropped");
        }
        let mut taken = names(folder.path(), &["*.csv"]);
        taken.sort();
        assert_eq!(taken, ["B.CSV", "a.csv"]);
        let mut taken = names(folder.path(), &["*"]);
        taken.sort();
        assert_eq!(taken, ["B.CSV", "a.csv", "notes.txt"]);
    }

    #[test]
    fn the_file_changed_longest_ago_comes_first() {
        let folder = tempfile::tempdir().expect("folder");
        for (name, age) in [("a.csv", 10), ("b.csv", 30), ("c.csv", 20), ("d.csv", 20)] {
            let file = fs::File::create(folder.path().join(name)).expect("dropped");
            let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 - age);
            file.set_modified(then).expect("set");
        }
        assert_eq!(names(folder.path(), &["*.csv"]), ["b.csv", "c.csv", "d.csv", "a.csv"]);
    }

    #[test]
    fn what_is_not_a_plain_file_is_ignored_with_the_reason() {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        symlink("/etc/shadow", at("link.csv")).expect("link");
        symlink("nowhere", at("dangling.csv")).expect("link");
        symlink("/proc/self/fd/0", at("magic.csv")).expect("link");
        fs::create_dir(at("sub.csv")).expect("folder");
        rustix::fs::mknodat(rustix::fs::CWD, at("pipe.csv"), rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0)
            .expect("pipe");
        let _socket = UnixListener::bind(at("socket.csv")).expect("socket");
        fs::write(at("one.csv"), "x").expect("dropped");
        fs::hard_link(at("one.csv"), at("two.csv")).expect("link");
        fs::write(at("large.csv"), [b'x'; 101]).expect("dropped");
        let found = ignored(folder.path());
        let expected = [
            ("dangling.csv", Unfit::Symlink),
            ("large.csv", Unfit::TooLarge { size: 101, limit: 100 }),
            ("link.csv", Unfit::Symlink),
            ("magic.csv", Unfit::Symlink),
            ("one.csv", Unfit::HardLinked(2)),
            ("pipe.csv", Unfit::Fifo),
            ("socket.csv", Unfit::Socket),
            ("sub.csv", Unfit::Folder),
            ("two.csv", Unfit::HardLinked(2)),
        ];
        assert_eq!(found, expected.map(|(name, why)| (name.to_owned(), why)));
    }

    #[test]
    fn names_are_data() {
        let folder = tempfile::tempdir().expect("folder");
        for name in ["-rf.csv", "a\nb.csv", "\u{1b}[2J.csv", "$(id).csv", "..csv.csv", "ü 人.csv"] {
            fs::write(folder.path().join(name), "x").expect("dropped");
        }
        let taken = names(folder.path(), &["*.csv"]);
        assert_eq!(taken.len(), 5, "{taken:?}");
        fs::remove_dir_all(folder.path()).expect("removed");
        fs::create_dir(folder.path()).expect("made");
        fs::write(folder.path().join(OsString::from_vec(b"\xff.csv".to_vec())), "x").expect("dropped");
        assert_eq!(ignored(folder.path()), [("\u{fffd}.csv".to_owned(), Unfit::NotUnicode)]);
    }

    #[test]
    fn a_folder_that_is_missing_or_no_folder_is_a_fault_with_a_hint() {
        let folder = tempfile::tempdir().expect("folder");
        let missing = scan(&folder.path().join("gone"), &wanted(&["*"])).expect_err("missing");
        assert_eq!(missing.source.kind(), io::ErrorKind::NotFound);
        assert!(missing.hint().contains("mount"), "{}", missing.hint());
        fs::write(folder.path().join("file"), "x").expect("written");
        let file = scan(&folder.path().join("file"), &wanted(&["*"])).expect_err("no folder");
        assert_eq!(file.source.kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn a_wrong_pattern_is_named() {
        for (pattern, part) in [("[a", "unclosed character class"), ("", "empty"), ("sub/*.csv", "`/`")] {
            let fault = Patterns::new(&["*.csv", pattern]).expect_err(pattern);
            assert_eq!(fault.pattern, pattern);
            assert!(fault.reason.contains(part), "{fault}");
        }
    }
}
