//! Says when it is worth looking into a folder.
//!
//! Events are hints: they may be lost, come twice, or never come at all. Whoever uses them looks regularly anyway.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::ffi::OsString;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;
use std::time::Instant;

use notify::ErrorKind;
use notify::Event;
use notify::EventKind;
use notify::RecommendedWatcher;
use notify::RecursiveMode;
use notify::Watcher;
use notify::event::AccessKind;
use notify::event::AccessMode;
use notify::event::ModifyKind;
use notify::event::RenameMode;
use tokio::sync::Notify;

use crate::intake::filesystem;
use crate::intake::filesystem::Filesystem;
use crate::intake::folder::FolderId;

/// How long a file that somebody wrote to and has not closed waits at most, after the last write. Something that
/// keeps a file open for ever, or writes by ways that are not announced, must not keep it from being taken.
const PATIENCE: Duration = Duration::from_secs(600);

/// Where wake-ups come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// From the kernel where the file system announces changes, else from the timer alone.
    #[default]
    Auto,
    /// From the kernel.
    Native,
    /// From the timer alone.
    Poll,
}

/// How a folder is being watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Following {
    /// The kernel announces changes.
    Native,
    /// Only the timer wakes.
    Polling(Reason),
}

/// Why only the timer wakes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It is configured so.
    #[error("`watch` is set to poll")]
    Configured,
    /// The file system does not announce what others change.
    #[error("{0} does not announce what others change")]
    Remote(&'static str),
    /// The kernel has no more watches for this user.
    #[error("this user has used up its inotify watches or instances")]
    Exhausted,
    /// The kernel refused for another reason.
    #[error("the folder cannot be watched: {0}")]
    Refused(String),
}

impl Reason {
    /// Returns what an admin can do, where there is something to be done.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Exhausted => Some(
                "raise the sysctls fs.inotify.max_user_watches and fs.inotify.max_user_instances; until then files \
                 are found when the folder is read the next time",
            ),
            Self::Refused(_) => Some("files are found when the folder is read the next time"),
            Self::Configured | Self::Remote(_) => None,
        }
    }
}

/// Keeps a kernel watch on a folder, over its replacement too. All of it may block.
#[derive(Debug)]
pub struct Watch {
    mode: Mode,
    path: PathBuf,
    hints: Hints,
    native: Option<(RecommendedWatcher, FolderId)>,
}

/// What the kernel has announced.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    wake: Arc<Notify>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Files that were written to and not closed since, with the time of the last write.
    open: HashMap<OsString, Instant>,
    /// The watch is dead: the folder was moved or removed.
    lost: bool,
}

impl Watch {
    /// Returns a watch that is not yet set; [`Watch::follow`] sets it.
    pub fn new(path: &Path, mode: Mode) -> Self {
        Self { mode, path: path.to_owned(), hints: Hints::default(), native: None }
    }

    /// Returns the other side: what the kernel announces.
    pub fn hints(&self) -> Hints {
        self.hints.clone()
    }

    /// Makes sure that the folder `id`, which was just read, is the one being watched.
    pub fn follow(&mut self, id: FolderId) -> Following {
        let reason = match self.mode {
            Mode::Poll => Some(Reason::Configured),
            Mode::Native => None,
            Mode::Auto => match filesystem::of(&self.path) {
                Ok(Filesystem::Remote(kind)) => Some(Reason::Remote(kind)),
                Ok(Filesystem::Local) | Err(_) => None,
            },
        };
        if let Some(reason) = reason {
            self.native = None;
            return Following::Polling(reason);
        }
        let lost = self.hints.is_lost();
        match &self.native {
            Some((_, watched)) if *watched == id && !lost => return Following::Native,
            _ => self.native = None,
        }
        self.hints.start_over();
        match self.start() {
            Ok(watcher) => {
                self.native = Some((watcher, id));
                // What came between the look and the watch was not announced.
                self.hints.wake.notify_one();
                Following::Native
            }
            Err(reason) => Following::Polling(reason),
        }
    }

    /// Gives the watch up: the folder cannot be read.
    pub fn release(&mut self) {
        self.native = None;
        self.hints.start_over();
    }

    fn start(&self) -> Result<RecommendedWatcher, Reason> {
        let (hints, root) = (self.hints.clone(), self.path.clone());
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<Event>| hints.take_in(event.as_ref().ok(), &root))
                .map_err(|e| reason(&e))?;
        watcher.watch(&self.path, RecursiveMode::NonRecursive).map_err(|e| reason(&e))?;
        Ok(watcher)
    }
}

fn reason(error: &notify::Error) -> Reason {
    use rustix::io::Errno;
    let full = |e: &std::io::Error| matches!(Errno::from_io_error(e), Some(Errno::NOSPC | Errno::MFILE | Errno::NFILE));
    match &error.kind {
        ErrorKind::MaxFilesWatch => Reason::Exhausted,
        ErrorKind::Io(e) if full(e) => Reason::Exhausted,
        ErrorKind::Io(e) => Reason::Refused(e.to_string()),
        _ => Reason::Refused(error.to_string()),
    }
}

impl Hints {
    /// Waits until it is worth looking. Wake-ups that came while nobody waited count as one.
    pub async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Returns whether somebody has written to the file, not long ago, and not closed it since.
    ///
    /// `false` means only that nothing of the kind is known.
    pub fn is_open(&self, name: &str) -> bool {
        self.is_open_at(name, Instant::now())
    }

    fn is_open_at(&self, name: &str, now: Instant) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let last_write = seen.open.get(OsStr::new(name));
        last_write.is_some_and(|last_write| now.saturating_duration_since(*last_write) < PATIENCE)
    }

    fn is_lost(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).lost
    }

    fn start_over(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Seen::default();
    }

    /// Takes in an event; `None` stands for a failed one. `root` is the watched folder.
    fn take_in(&self, event: Option<&Event>, root: &Path) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(event) = event.filter(|event| !event.need_rescan()) else {
            // Something was lost, and it may have been that a file was closed.
            seen.open.clear();
            self.wake.notify_one();
            return;
        };
        let name = |at: usize| event.paths.get(at).filter(|path| *path != root).and_then(|path| path.file_name());
        let Some(first) = name(0) else {
            if matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))) {
                seen.lost = true;
                self.wake.notify_one();
            }
            return;
        };
        match event.kind {
            // A long upload announces every piece; the close at its end is what counts.
            EventKind::Modify(ModifyKind::Data(_)) => {
                seen.open.insert(first.to_owned(), Instant::now());
                return;
            }
            EventKind::Access(AccessKind::Close(AccessMode::Write)) | EventKind::Remove(_) => {
                seen.open.remove(first);
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => {
                // It may still be open under its new name.
                if let (Some(last_write), Some(to)) = (seen.open.remove(first), name(1)) {
                    seen.open.insert(to.to_owned(), last_write);
                }
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => {
                seen.open.remove(first);
            }
            EventKind::Modify(ModifyKind::Name(_)) | EventKind::Create(_) => {}
            // Reading the folder and its files is announced as well, and must not wake the reader.
            _ => return,
        }
        self.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use notify::event::CreateKind;
    use notify::event::DataChange;
    use notify::event::Flag;
    use notify::event::RemoveKind;

    use super::*;
    use crate::intake::folder::Folder;

    const ROOT: &str = "/drop";

    fn take_in(hints: &Hints, kind: EventKind, names: &[&str]) {
        let mut event = Event::new(kind);
        for name in names {
            event = event.add_path(Path::new(ROOT).join(name));
        }
        hints.take_in(Some(&event), Path::new(ROOT));
    }

    fn written() -> EventKind {
        EventKind::Modify(ModifyKind::Data(DataChange::Any))
    }

    fn closed() -> EventKind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
    }

    fn renamed(how: RenameMode) -> EventKind {
        EventKind::Modify(ModifyKind::Name(how))
    }

    async fn woke(hints: &Hints) -> bool {
        tokio::time::timeout(Duration::ZERO, hints.woken()).await.is_ok()
    }

    #[tokio::test]
    async fn what_ends_a_change_wakes_and_what_reading_causes_does_not() {
        let cases = [
            (closed(), true),
            (renamed(RenameMode::To), true),
            (renamed(RenameMode::From), true),
            (EventKind::Create(CreateKind::File), true),
            (EventKind::Remove(RemoveKind::File), true),
            (written(), false),
            (EventKind::Access(AccessKind::Open(AccessMode::Any)), false),
            (EventKind::Access(AccessKind::Close(AccessMode::Read)), false),
        ];
        for (kind, expected) in cases {
            let hints = Hints::default();
            take_in(&hints, kind, &["a.csv"]);
            assert_eq!(woke(&hints).await, expected, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn an_overflow_wakes_and_forgets_who_was_writing() {
        let hints = Hints::default();
        take_in(&hints, written(), &["a.csv"]);
        assert!(hints.is_open("a.csv"));
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        hints.take_in(Some(&overflow), Path::new(ROOT));
        assert!(woke(&hints).await);
        assert!(!hints.is_open("a.csv"));
        hints.take_in(None, Path::new(ROOT));
        assert!(woke(&hints).await);
    }

    #[test]
    fn a_writer_is_known_until_it_closes_the_file_under_whatever_name() {
        let hints = Hints::default();
        take_in(&hints, written(), &["a.part"]);
        take_in(&hints, renamed(RenameMode::From), &["a.part"]);
        take_in(&hints, renamed(RenameMode::To), &["a.csv"]);
        take_in(&hints, renamed(RenameMode::Both), &["a.part", "a.csv"]);
        assert!(hints.is_open("a.csv"));
        assert!(!hints.is_open("a.part"));
        take_in(&hints, closed(), &["a.csv"]);
        assert!(!hints.is_open("a.csv"));
    }

    #[test]
    fn a_complete_file_moved_over_one_that_is_open_is_not_open() {
        let hints = Hints::default();
        take_in(&hints, written(), &["a.csv"]);
        take_in(&hints, renamed(RenameMode::To), &["a.csv"]);
        assert!(!hints.is_open("a.csv"));
    }

    #[test]
    fn a_writer_that_never_closes_does_not_hold_the_file_for_ever() {
        let hints = Hints::default();
        take_in(&hints, written(), &["a.csv"]);
        let now = Instant::now();
        assert!(hints.is_open_at("a.csv", now + PATIENCE / 2));
        assert!(!hints.is_open_at("a.csv", now + PATIENCE));
    }

    #[test]
    fn running_out_of_watches_names_the_sysctl() {
        let exhausted = [
            notify::Error::new(ErrorKind::MaxFilesWatch),
            notify::Error::io(rustix::io::Errno::MFILE.into()),
            notify::Error::io(rustix::io::Errno::NOSPC.into()),
        ];
        for error in exhausted {
            assert_eq!(reason(&error), Reason::Exhausted);
        }
        assert!(Reason::Exhausted.hint().expect("a hint").contains("fs.inotify.max_user_watches"));
        let other = notify::Error::io(rustix::io::Errno::ACCESS.into());
        assert!(matches!(reason(&other), Reason::Refused(_)));
    }

    #[tokio::test]
    async fn a_folder_that_was_replaced_is_watched_again() {
        let parent = tempfile::tempdir().expect("folder");
        let path = parent.path().join("drop");
        let id = || Folder::open(&path).expect("there").id();
        std::fs::create_dir(&path).expect("made");
        let mut watch = Watch::new(&path, Mode::Auto);
        let hints = watch.hints();
        let deadline = Duration::from_secs(20);
        assert_eq!(watch.follow(id()), Following::Native);
        hints.woken().await;

        // The same path, and perhaps even the same inode number, but another folder.
        std::fs::remove_dir(&path).expect("removed");
        std::fs::create_dir(&path).expect("made");
        tokio::time::timeout(deadline, hints.woken()).await.expect("the loss is announced");
        assert_eq!(watch.follow(id()), Following::Native);
        tokio::time::timeout(deadline, hints.woken()).await.expect("the new watch asks for a look");

        std::fs::write(parent.path().join("a.csv"), "x").expect("written");
        std::fs::rename(parent.path().join("a.csv"), path.join("a.csv")).expect("moved in");
        tokio::time::timeout(deadline, hints.woken()).await.expect("announced");
        assert_eq!(watch.follow(id()), Following::Native);
        assert!(!woke(&hints).await, "nothing new");
    }

    #[test]
    fn polling_sets_no_watch() {
        let folder = tempfile::tempdir().expect("folder");
        let id = Folder::open(folder.path()).expect("there").id();
        let mut watch = Watch::new(folder.path(), Mode::Poll);
        assert_eq!(watch.follow(id), Following::Polling(Reason::Configured));
        assert!(watch.native.is_none());
    }
}
