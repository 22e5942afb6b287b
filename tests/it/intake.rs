//! The daemon and real folders: what is dropped is carried, whole, once, and in order.
//!
//! A test plays the pipeline: it hears which file is begun and says, when it likes, what came of it. That something does
//! *not* happen is shown by what happens instead: a later file comes first.

use std::collections::HashMap;
use std::collections::HashSet;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::future::Future;
use std::io::Write;
use std::os::unix::fs::symlink;
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

#[tokio::test]
async fn a_dropped_file_is_carried_once_and_stays_as_it_is() {
    let world = World::new();
    let mut daemon = world.start().await;
    fs::write(world.at("a.csv"), "one").expect("dropped");
    let begun = daemon.next().await;
    assert_eq!(begun.claim.path, world.at("a.csv"));
    assert_eq!((begun.feed, begun.claim.feed.as_str(), begun.content.as_str()), (0, "feed0", "one"));
    begun.end(Carried::Done);
    // The folder is read again because of b.csv, and a.csv is not taken for a new file.
    world.drop_whole(0, "b.csv", "two");
    daemon.carries("b.csv", "two").await;
    daemon.stop().await;
    assert_eq!(fs::read_to_string(world.at("a.csv")).expect("there"), "one");
    assert_eq!(world.in_spool(), 0);
}

#[tokio::test]
async fn refused_held_and_failed_files_are_not_taken_again_while_they_stay_as_they_are() {
    let world = World::new();
    let mut daemon = world.start().await;
    for (at, carried) in [Carried::Refused, Carried::Held, Carried::Failed].into_iter().enumerate() {
        world.drop_whole(0, &format!("{at}.csv"), "x");
        let begun = daemon.next().await;
        assert_eq!(begun.claim.name, format!("{at}.csv"));
        begun.end(carried);
    }
    world.drop_whole(0, "z.csv", "x");
    daemon.carries("z.csv", "x").await;
    daemon.stop().await;
}

#[tokio::test]
async fn without_events_the_timer_finds_everything() {
    let mut world = World::new();
    world.feeds[0].watch = Mode::Poll;
    world.feeds[0].rescan = Duration::from_millis(300);
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    daemon.carries("a.csv", "one").await;
    world.drop_whole(0, "b.csv", "two");
    daemon.carries("b.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_slow_upload_is_not_taken_before_it_ends() {
    for mode in [Mode::Native, Mode::Poll] {
        let mut world = World::new();
        world.feeds[0].watch = mode;
        world.feeds[0].rescan = Duration::from_millis(100);
        world.feeds[0].settle = Duration::from_secs(2);
        let mut daemon = world.start().await;
        let path = world.at("a.csv");
        let writer = std::thread::spawn(move || {
            let mut file = File::create(path).expect("created");
            for line in 0..20 {
                writeln!(file, "line {line}").expect("written");
                std::thread::sleep(Duration::from_millis(100));
            }
        });
        let begun = daemon.next().await;
        assert!(writer.is_finished(), "{mode:?}: the writer is still at work");
        assert_eq!(begun.content.lines().count(), 20, "{mode:?}");
        begun.end(Carried::Done);
        daemon.stop().await;
    }
}

#[tokio::test]
async fn an_upload_that_stalls_is_not_taken_while_its_writer_has_it_open() {
    let world = World::new();
    let mut daemon = world.start().await;
    // Events come from the first look on.
    world.drop_whole(0, "0.csv", "x");
    daemon.carries("0.csv", "x").await;
    let mut upload = File::create(world.at("a.csv")).expect("created");
    upload.write_all(b"first half, ").expect("written");
    // Dropped and settled later, and taken earlier.
    for name in ["b.csv", "c.csv"] {
        world.drop_whole(0, name, "x");
        daemon.carries(name, "x").await;
    }
    upload.write_all(b"second half").expect("written");
    drop(upload);
    daemon.carries("a.csv", "first half, second half").await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_changes_while_it_is_carried_is_taken_again_afterwards() {
    let world = World::new();
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    OpenOptions::new().append(true).open(world.at("a.csv")).expect("open").write_all(b"+").expect("appended");
    assert_eq!(fs::read_to_string(&begun.claim.spool).expect("copy"), "one", "the claim is what it was");
    begun.end(Carried::Done);
    let begun = daemon.next().await;
    assert_eq!(begun.content, "one+");
    // Dropped anew, with the same content and the same name.
    fs::remove_file(world.at("a.csv")).expect("removed");
    world.drop_whole(0, "a.csv", "one+");
    begun.end(Carried::Done);
    daemon.carries("a.csv", "one+").await;
    daemon.stop().await;
}

#[tokio::test]
async fn only_rosters_are_taken() {
    let world = World::new();
    let secret = world.data.path().join("secret");
    fs::write(&secret, "secret").expect("written");
    symlink(&secret, world.at("link.csv")).expect("linked");
    symlink("/proc/self/fd/0", world.at("magic.csv")).expect("linked");
    fs::hard_link(&secret, world.at("hard.csv")).expect("linked");
    fs::create_dir(world.at("folder.csv")).expect("made");
    fs::write(world.at("folder.csv/inner.csv"), "x").expect("written");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, world.at("pipe.csv"), fifo, rustix::fs::Mode::RUSR, 0).expect("pipe");
    for name in ["a.result.csv", ".hidden.csv", "b.csv.part", "c.csv.tmp", "~$d.csv", "e.txt"] {
        fs::write(world.at(name), "x").expect("written");
    }
    let mut daemon = world.start().await;
    world.drop_whole(0, "Roster.CSV", "one");
    daemon.carries("Roster.CSV", "one").await;
    world.drop_whole(0, "z.csv", "two");
    daemon.carries("z.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn files_of_one_target_are_carried_one_by_one_the_oldest_first() {
    let world = World::with_targets(&["staff", "staff", "guests"]);
    let start = std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    // The later the name, the older the file, in turns between the two feeds.
    for at in 0..8_u64 {
        let feed = (at % 2) as usize;
        let path = world.folders[feed].path().join(format!("{at}.csv"));
        fs::write(&path, "x").expect("dropped");
        let file = File::options().write(true).open(&path).expect("open");
        file.set_modified(start - Duration::from_secs(at)).expect("set");
    }
    world.drop_whole(2, "guest.csv", "x");
    let mut daemon = world.start().await;
    // Both targets are at work at the same time, each on one file only.
    let (mut one, mut other) = (daemon.next().await, daemon.next().await);
    if one.feed == 2 {
        std::mem::swap(&mut one, &mut other);
    }
    assert_eq!((other.feed, other.claim.name.as_str()), (2, "guest.csv"));
    let mut order = HashMap::from([(0, Vec::new()), (1, Vec::new())]);
    for _ in 0..7 {
        assert!(daemon.begun.try_recv().is_err(), "another file was begun beside {}", one.claim.name);
        order.get_mut(&one.feed).expect("feed").push(one.claim.name.clone());
        one.end(Carried::Done);
        one = daemon.next().await;
    }
    order.get_mut(&one.feed).expect("feed").push(one.claim.name.clone());
    one.end(Carried::Done);
    assert_eq!(order[&0], ["6.csv", "4.csv", "2.csv", "0.csv"]);
    assert_eq!(order[&1], ["7.csv", "5.csv", "3.csv", "1.csv"]);
    other.end(Carried::Done);
    daemon.stop().await;
}

#[tokio::test]
async fn a_file_that_is_tried_again_holds_up_its_own_feed_only() {
    let world = World::with_targets(&["staff", "staff"]);
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    let spool = begun.claim.spool.clone();
    world.drop_whole(0, "later.csv", "two");
    world.drop_whole(1, "other.csv", "three");
    fs::remove_file(world.at("a.csv")).expect("removed");
    begun.end(Carried::TryAgain(Duration::from_secs(3)));
    daemon.carries("other.csv", "three").await;
    let begun = daemon.next().await;
    assert_eq!(begun.claim.spool, spool, "the same copy, though the original is gone");
    begun.end(Carried::Done);
    daemon.carries("later.csv", "two").await;
    daemon.stop().await;
    assert_eq!(world.in_spool(), 0);
}

#[tokio::test]
async fn stopping_waits_for_what_is_in_flight_and_begins_nothing_else() {
    let world = World::with_targets(&["staff", "guests"]);
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    world.drop_whole(0, "b.csv", "two");
    daemon.stop.cancel();
    daemon.notice(&Notice::Stopping).await;
    daemon.notice(&Notice::Status("stopping 2 folders, 1 file in flight".to_owned())).await;
    assert!(!daemon.ended.is_finished());
    assert!(Exclusive::take(world.data.path()).is_err(), "the data folder is still in use");
    begun.end(Carried::Done);
    daemon.stop().await;
    Exclusive::take(world.data.path()).expect("given back");
    assert_eq!(world.in_spool(), 0);
}

#[tokio::test]
async fn a_folder_that_is_missing_is_tried_again_and_stops_no_other_feed() {
    let mut world = World::with_targets(&["staff", "staff"]);
    world.feeds[0].rescan = Duration::from_millis(300);
    let folder = world.at("later");
    world.feeds[0].folder.clone_from(&folder);
    let mut daemon = world.start().await;
    world.drop_whole(1, "a.csv", "one");
    daemon.carries("a.csv", "one").await;
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("b.csv"), "two").expect("dropped");
    daemon.carries("b.csv", "two").await;
    // The folder is replaced by another one, as when something is mounted.
    fs::rename(&folder, world.at("old")).expect("renamed");
    fs::create_dir(&folder).expect("made");
    fs::write(folder.join("c.csv"), "three").expect("dropped");
    daemon.carries("c.csv", "three").await;
    daemon.stop().await;
}

#[tokio::test]
async fn what_was_interrupted_is_known_before_ready_and_carried_before_anything_else() {
    let world = World::new();
    world.drop_whole(0, "a.csv", "interrupted");
    world.drop_whole(0, "b.csv", "new");
    let claim = world.spool().claim_one("feed0", &world.at("a.csv")).expect("claimed");
    world.memory.notes(|notes| notes.due.insert(0, vec![claim.clone()]));
    let mut daemon = world.start().await;
    assert!(world.memory.notes(|notes| notes.due_asked) >= 1);
    let begun = daemon.next().await;
    assert_eq!(begun.claim, claim);
    world.memory.notes(|notes| notes.due.clear());
    begun.end(Carried::Done);
    // The file it came from still lies there, and is not new.
    daemon.carries("b.csv", "new").await;
    world.drop_whole(0, "c.csv", "newer");
    daemon.carries("c.csv", "newer").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_held_file_is_carried_when_it_is_approved_even_if_it_was_removed() {
    let world = World::new();
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    let claim = begun.claim.clone();
    begun.answer.send(Carried::Held).expect("the daemon waits");
    fs::remove_file(world.at("a.csv")).expect("removed");
    world.memory.notes(|notes| notes.due.insert(0, vec![claim.clone()]));
    let begun = daemon.next().await;
    assert_eq!((&begun.claim, begun.content.as_str()), (&claim, "one"));
    world.memory.notes(|notes| notes.due.clear());
    begun.end(Carried::Done);
    daemon.stop().await;
}

#[tokio::test]
async fn files_that_the_memory_knows_are_not_taken_and_none_is_while_it_does_not_answer() {
    let mut world = World::new();
    world.feeds[0].rescan = Duration::from_millis(300);
    world.drop_whole(0, "a.csv", "one");
    let seen = world.spool().claim_one("feed0", &world.at("a.csv")).expect("claimed");
    seen.close().expect("closed");
    world.memory.notes(|notes| {
        notes.done.insert((0, "a.csv".to_owned(), seen.identity));
        notes.out_of_order = true;
    });
    let mut world_of_others = World::new();
    world_of_others.feeds[0].rescan = NEVER;
    let mut daemon = world.start().await;
    world.drop_whole(0, "b.csv", "two");
    // Another daemon finds its file in the meantime.
    let mut other = world_of_others.start().await;
    world_of_others.drop_whole(0, "x.csv", "x");
    other.carries("x.csv", "x").await;
    other.stop().await;
    assert!(daemon.begun.try_recv().is_err(), "taken without knowing");
    world.memory.notes(|notes| notes.out_of_order = false);
    daemon.carries("b.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_memory_that_does_not_answer_at_the_start_is_a_fault() {
    struct Broken;
    impl Memory for Broken {
        async fn is_done(&self, _: FeedIndex, _: &str, _: &Identity) -> Result<bool, MemoryFault> {
            Err("gone".into())
        }
        async fn due(&self, _: FeedIndex) -> Result<Vec<Claim>, MemoryFault> {
            Err("gone".into())
        }
        async fn last_run(&self, _: FeedIndex) -> Result<Option<Timestamp>, MemoryFault> {
            Err("gone".into())
        }
        async fn ran(&self, _: FeedIndex, _: Timestamp) -> Result<(), MemoryFault> {
            Err("gone".into())
        }
    }
    let world = World::new();
    let daemon = Daemon {
        feeds: world.feeds.clone(),
        spool: world.spool(),
        lock: Exclusive::take(world.data.path()).expect("nobody else"),
        is_own_output: |_| false,
        memory: Broken,
        carry: |_, _| async { Carried::Failed },
        clock: Arc::new(Timestamp::now),
        tell: Arc::new(|notice| panic!("{notice:?}")),
        watchdog: None,
    };
    let ended = within("the end", daemon.run(CancellationToken::new())).await;
    assert!(matches!(ended, Err(DaemonFault::Memory { feed, .. }) if feed == "feed0"));
}

#[tokio::test]
async fn scheduled_files_wait_for_their_time_and_it_is_remembered() {
    let at = |text: &str| text.parse::<Timestamp>().expect("a time");
    let set = |world: &World, text: &str| *world.now.lock().expect("not poisoned") = at(text);
    let mut world = World::with_targets(&["staff", "staff"]);
    set(&world, "2026-01-10T01:00:00Z");
    let now = at("2026-01-10T01:00:00Z");
    world.feeds[0].schedule = Some(Schedule::new("0 2 * * *", Some("UTC"), now).expect("schedule"));
    world.feeds[0].rescan = Duration::from_millis(200);
    world.drop_whole(0, "a.csv", "one");
    let mut daemon = world.start().await;
    // The other feed has no schedule, and its file takes as long to settle.
    world.drop_whole(1, "other.csv", "x");
    daemon.carries("other.csv", "x").await;
    set(&world, "2026-01-10T02:00:00Z");
    let begun = daemon.next().await;
    assert_eq!(begun.content, "one");
    world.drop_whole(0, "late.csv", "two");
    begun.end(Carried::Done);
    world.drop_whole(1, "another.csv", "x");
    daemon.carries("another.csv", "x").await;
    let ran = async {
        while world.memory.notes(|notes| notes.ran.is_empty()) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within("the run is remembered", ran).await;
    assert_eq!(world.memory.notes(|notes| notes.ran.clone()), [at("2026-01-10T02:00:00Z")]);
    daemon.stop().await;

    // The daemon was down at the next time; it makes up for it at the start.
    world.memory.notes(|notes| notes.last_run = notes.ran.last().copied());
    let seen = world.spool().claim_one("feed0", &world.at("a.csv")).expect("claimed");
    seen.close().expect("closed");
    world.memory.notes(|notes| notes.done.insert((0, "a.csv".to_owned(), seen.identity)));
    let other = &world.folders[1];
    for name in ["other.csv", "another.csv"] {
        fs::remove_file(other.path().join(name)).expect("removed");
    }
    set(&world, "2026-01-11T09:00:00Z");
    let mut daemon = world.start().await;
    daemon.carries("late.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_defect_while_carrying_one_file_leaves_the_others_unharmed() {
    let world = World::new();
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    drop(daemon.next().await);
    world.drop_whole(0, "b.csv", "two");
    daemon.carries("b.csv", "two").await;
    daemon.stop().await;
}

#[tokio::test]
async fn the_watchdog_is_fed_while_a_file_is_being_carried() {
    let mut world = World::new();
    world.watchdog = Some(Duration::from_millis(300));
    let mut daemon = world.start().await;
    world.drop_whole(0, "a.csv", "one");
    let begun = daemon.next().await;
    daemon.notice(&Notice::Status("watching 1 folder, 1 file in flight".to_owned())).await;
    for _ in 0..5 {
        daemon.notice(&Notice::Watchdog).await;
    }
    begun.end(Carried::Done);
    daemon.stop().await;
}

#[tokio::test]
async fn a_thousand_files_at_once_are_all_found() {
    let world = World::new();
    let mut daemon = world.start().await;
    for at in 0..1000 {
        fs::write(world.at(&format!("{at}.csv")), "x").expect("dropped");
    }
    let mut found = HashSet::new();
    for _ in 0..1000 {
        let begun = daemon.next().await;
        assert!(found.insert(begun.claim.name.clone()), "{} twice", begun.claim.name);
        begun.end(Carried::Done);
    }
    daemon.stop().await;
}

#[tokio::test]
async fn the_first_signal_stops_and_the_second_aborts() {
    // Signals that nothing else here uses, so that the test itself can still be ended.
    let kinds = [("SIGUSR1", SignalKind::user_defined1()), ("SIGUSR2", SignalKind::user_defined2())];
    let signals = Signals::listen(&kinds).expect("installed");
    let stop = CancellationToken::new();
    let obeying = tokio::spawn(signals.obey(stop.clone()));
    let own = rustix::process::getpid();
    rustix::process::kill_process(own, rustix::process::Signal::USR1).expect("sent");
    within("the stop", stop.cancelled()).await;
    assert!(!obeying.is_finished());
    rustix::process::kill_process(own, rustix::process::Signal::USR2).expect("sent");
    assert_eq!(within("the abort", obeying).await.expect("no panic"), Abort);
}

#[test]
fn a_data_folder_has_one_owner_also_between_processes() {
    let data = tempfile::tempdir().expect("folder");
    // `flock` of util-linux takes the same kind of lock, from another process.
    let mut other = std::process::Command::new("flock")
        .args(["--exclusive", "--no-fork"])
        .arg(data.path().join("rosterd.lock"))
        .args(["sh", "-c", "echo held; read line"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("flock is installed");
    let mut said = [0; 4];
    std::io::Read::read_exact(other.stdout.as_mut().expect("piped"), &mut said).expect("held");
    assert!(Exclusive::take(data.path()).is_err());
    other.kill().expect("killed");
    other.wait().expect("ended");
    Exclusive::take(data.path()).expect("a process that died holds nothing");
}

#[test]
fn the_unit_is_valid_and_lets_the_daemon_do_no_more_than_it_needs() {
    let unit = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/rosterd.service");
    let text = fs::read_to_string(unit).expect("the unit");
    let folder = tempfile::tempdir().expect("folder");
    let copy = folder.path().join("rosterd.service");
    // The program need not be installed to check the rest.
    fs::write(&copy, text.replace("/usr/bin/rosterd", "/bin/true")).expect("written");
    let analyze = |arguments: &[&str]| {
        let output = std::process::Command::new("systemd-analyze")
            .args(arguments)
            .arg(&copy)
            .output()
            .expect("systemd-analyze is installed");
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{said}");
        said
    };
    assert_eq!(analyze(&["verify", "--man=no"]), "");
    // Tenths: what remains at 1.0 is the network.
    analyze(&["security", "--offline=true", "--no-pager", "--threshold=10"]);
}

#[test]
fn the_world_is_on_this_machine() {
    // Events are what most tests here rely on.
    let local = rosterd::intake::filesystem::of(Path::new(&std::env::temp_dir())).expect("statfs");
    assert_eq!(local, rosterd::intake::filesystem::Filesystem::Local);
}
