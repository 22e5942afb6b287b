//! The daemon and real folders: what is dropped is carried, whole, once, and in order.
//!
//! A test plays the pipeline: it hears which file is begun and says, when it likes, what came of it. That something does
//! *not* happen is shown by what happens instead: a later file comes first.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fs;
use std::fs::File;
use std::future::Future;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use rosterd::daemon::Carried;
use rosterd::daemon::Daemon;
use rosterd::daemon::DaemonFault;
use rosterd::daemon::FeedIndex;
use rosterd::daemon::FeedWatch;
use rosterd::daemon::Memory;
use rosterd::daemon::MemoryFault;
use rosterd::daemon::schedule::Schedule;
use rosterd::daemon::signals::Abort;
use rosterd::daemon::signals::Signals;
use rosterd::intake::Identity;
use rosterd::intake::claim::Claim;
use rosterd::intake::lock::Exclusive;
use rosterd::intake::scan::Patterns;
use rosterd::intake::spool::Spool;
use rosterd::intake::watch::Mode;
use rosterd::systemd::Notice;
use tempfile::TempDir;
use tokio::signal::unix::SignalKind;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

mod dropped;
mod process;
mod turns;

/// For everything that must happen; a machine may be slow, but not that slow.
const DEADLINE: Duration = Duration::from_secs(60);
const SETTLE: Duration = Duration::from_millis(200);
/// Longer than any test: what is found is found by events.
const NEVER: Duration = Duration::from_secs(3600);

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.unwrap_or_else(|_| panic!("{what} does not happen"))
}

struct World {
    data: TempDir,
    folders: Vec<TempDir>,
    feeds: Vec<FeedWatch>,
    memory: Remembered,
    now: Arc<Mutex<Timestamp>>,
    watchdog: Option<Duration>,
}

struct Running {
    stop: CancellationToken,
    begun: mpsc::UnboundedReceiver<Begun>,
    notices: mpsc::UnboundedReceiver<Notice>,
    ended: JoinHandle<Result<(), DaemonFault>>,
}

/// A file that the daemon has handed over. Dropping it makes carrying panic.
#[derive(Debug)]
struct Begun {
    feed: usize,
    claim: Claim,
    content: String,
    answer: oneshot::Sender<Carried>,
}

#[derive(Clone, Default)]
struct Remembered(Arc<Mutex<Notes>>);

#[derive(Default)]
struct Notes {
    done: HashSet<(usize, String, Identity)>,
    due: HashMap<usize, Vec<Claim>>,
    due_asked: usize,
    last_run: Option<Timestamp>,
    ran: Vec<Timestamp>,
    out_of_order: bool,
}

impl Remembered {
    fn notes<T>(&self, see: impl FnOnce(&mut Notes) -> T) -> T {
        see(&mut self.0.lock().expect("not poisoned"))
    }
}

impl Memory for Remembered {
    async fn is_done(&self, feed: FeedIndex, name: &str, identity: &Identity) -> Result<bool, MemoryFault> {
        self.notes(|notes| match notes.out_of_order {
            true => Err("the database is gone".into()),
            false => Ok(notes.done.contains(&(feed.0, name.to_owned(), *identity))),
        })
    }

    async fn due(&self, feed: FeedIndex) -> Result<Vec<Claim>, MemoryFault> {
        self.notes(|notes| {
            notes.due_asked += 1;
            Ok(notes.due.get(&feed.0).cloned().unwrap_or_default())
        })
    }

    async fn last_run(&self, _: FeedIndex) -> Result<Option<Timestamp>, MemoryFault> {
        self.notes(|notes| Ok(notes.last_run))
    }

    async fn ran(&self, _: FeedIndex, at: Timestamp) -> Result<(), MemoryFault> {
        self.notes(|notes| notes.ran.push(at));
        Ok(())
    }
}

impl World {
    /// One feed with its own target.
    fn new() -> Self {
        Self::with_targets(&["staff"])
    }

    /// One feed for each of the targets.
    fn with_targets(targets: &[&str]) -> Self {
        let folders: Vec<_> = targets.iter().map(|_| tempfile::tempdir().expect("folder")).collect();
        let feeds = targets.iter().zip(&folders).enumerate().map(|(at, (target, folder))| FeedWatch {
            name: format!("feed{at}"),
            target: (*target).to_owned(),
            folder: folder.path().to_owned(),
            patterns: Patterns::new(&["*.csv"]).expect("pattern"),
            watch: Mode::Native,
            rescan: NEVER,
            settle: SETTLE,
            schedule: None,
        });
        Self {
            data: tempfile::tempdir().expect("folder"),
            feeds: feeds.collect(),
            folders,
            memory: Remembered::default(),
            now: Arc::new(Mutex::new(Timestamp::UNIX_EPOCH)),
            watchdog: None,
        }
    }

    fn spool(&self) -> Spool {
        Spool::open(&self.data.path().join("spool"), 1 << 20).expect("spool")
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folders[0].path().join(name)
    }

    /// Drops a file as good programs do: it appears whole.
    fn drop_whole(&self, feed: usize, name: &str, content: &str) {
        let folder = self.folders[feed].path();
        fs::write(folder.join(".upload"), content).expect("written");
        fs::rename(folder.join(".upload"), folder.join(name)).expect("renamed");
    }

    fn in_spool(&self) -> usize {
        fs::read_dir(self.data.path().join("spool")).expect("spool").count()
    }

    async fn start(&self) -> Running {
        let (begin, begun) = mpsc::unbounded_channel();
        let (notify, notices) = mpsc::unbounded_channel();
        let clock = self.now.clone();
        let daemon = Daemon {
            feeds: self.feeds.clone(),
            spool: self.spool(),
            lock: Exclusive::take(self.data.path()).expect("nobody else"),
            is_own_output: |name| name.contains(".result."),
            memory: self.memory.clone(),
            carry: move |feed: FeedIndex, claim: Claim| {
                let begin = begin.clone();
                async move {
                    let content = fs::read_to_string(&claim.spool).expect("the copy is there");
                    let (answer, wait) = oneshot::channel();
                    begin.send(Begun { feed: feed.0, claim, content, answer }).expect("the test listens");
                    wait.await.expect("the test answers")
                }
            },
            clock: Arc::new(move || *clock.lock().expect("not poisoned")),
            tell: Arc::new(move |notice| {
                // A test that is over does not listen any more.
                let _ = notify.send(notice.clone());
            }),
            watchdog: self.watchdog,
        };
        let stop = CancellationToken::new();
        let ended = tokio::spawn(daemon.run(stop.clone()));
        let mut running = Running { stop, begun, notices, ended };
        running.notice(&Notice::Ready).await;
        running
    }
}

impl Running {
    async fn next(&mut self) -> Begun {
        within("another file", self.begun.recv()).await.expect("the daemon runs")
    }

    /// Expects that the next file is this one, and says that it is done.
    async fn carries(&mut self, name: &str, content: &str) {
        let begun = self.next().await;
        assert_eq!((begun.claim.name.as_str(), begun.content.as_str()), (name, content));
        begun.end(Carried::Done);
    }

    async fn notice(&mut self, expected: &Notice) {
        let heard = async { while self.notices.recv().await.expect("the daemon runs") != *expected {} };
        within(&format!("{expected:?}"), heard).await;
    }

    /// Stops the daemon, and proves that nothing else was begun.
    async fn stop(mut self) {
        self.stop.cancel();
        within("the end", &mut self.ended).await.expect("no panic").expect("no fault");
        assert!(self.begun.recv().await.is_none(), "nothing else was begun");
    }
}

impl Begun {
    fn end(self, carried: Carried) {
        if !matches!(carried, Carried::TryAgain(_)) {
            self.claim.close().expect("closed");
        }
        self.answer.send(carried).expect("the daemon waits");
    }
}
