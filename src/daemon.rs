//! The daemon: watches the feeds' folders and has every complete file carried, once.
//!
//! One worker per feed looks into its folder; one worker per target takes what is offered, a file at a time, so that
//! two rosters never meet in one directory. What carrying means is the caller's; the daemon knows no rows and no
//! protocols. A feed in trouble is reported and tried again, and never keeps another from its work.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing::info;

use crate::daemon::feed::FeedWorker;
use crate::daemon::feed::Links;
use crate::daemon::pulse::Pulses;
use crate::daemon::schedule::Schedule;
use crate::daemon::target::TargetWorker;
use crate::intake::Identity;
use crate::intake::claim::Claim;
use crate::intake::lock::Exclusive;
use crate::intake::scan::Patterns;
use crate::intake::spool::Spool;
use crate::intake::tenancy::Tenancies;
use crate::intake::watch::Mode;
use crate::systemd::Notice;

mod feed;
mod gate;
mod line;
mod pulse;
pub mod schedule;
pub mod signals;
mod target;
mod told;

/// How often the supervisor looks after the workers.
const SUPERVISION: Duration = Duration::from_secs(1);

/// Everything the daemon works with.
pub struct Daemon<M, C> {
    /// The feeds, in the order of the configuration.
    pub feeds: Vec<FeedWatch>,
    /// Where private copies go.
    pub spool: Spool,
    /// The right to work in the data folder; it is given back when the daemon has ended.
    pub lock: Exclusive,
    /// Tells the names of rosterd's own reports.
    pub is_own_output: fn(&str) -> bool,
    /// What is remembered over restarts.
    pub memory: M,
    /// Carries one claimed file through its feed, to the end, and closes the claim unless it is to be carried again.
    ///
    /// It stops early, but not half way through an operation, when the token given to [`Daemon::run`] is cancelled.
    pub carry: C,
    /// The time of day, for schedules.
    pub clock: Clock,
    /// Tells the service manager.
    pub tell: Arc<dyn Fn(&Notice) + Send + Sync>,
    /// After how long a silence the service manager restarts the daemon.
    pub watchdog: Option<Duration>,
}

/// A feed's place in the list of feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FeedIndex(pub usize);

/// What the daemon knows of a feed.
#[derive(Clone, Debug)]
pub struct FeedWatch {
    /// Its name.
    pub name: String,
    /// The name of its target. Feeds of one target take turns, file by file.
    pub target: String,
    /// The drop folder.
    pub folder: PathBuf,
    /// Which names are rosters.
    pub patterns: Patterns,
    /// Where wake-ups come from.
    pub watch: Mode,
    /// How often the folder is read, whatever events say.
    pub rescan: Duration,
    /// How long a file must stay the same to be complete.
    pub settle: Duration,
    /// When files are taken; at any time if there is none.
    pub schedule: Option<Schedule>,
}

/// What came of carrying a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It was carried to its end.
    Done,
    /// The file as a whole was refused.
    Refused,
    /// It waits for approval. [`Memory::due`] gives the claim when it is approved.
    Held,
    /// It could not be done now. The same claim is carried again, at the earliest after this time; the claim stays open.
    TryAgain(Duration),
    /// It ended for good without being done.
    Failed,
}

/// What is remembered over restarts. It never takes "cannot be known" for "no".
pub trait Memory: Send + Sync + 'static {
    /// Returns whether the file, exactly as it is now, needs no more work: it was done, refused, or is held.
    fn is_done(
        &self,
        feed: FeedIndex,
        name: &str,
        identity: &Identity,
    ) -> impl Future<Output = Result<bool, MemoryFault>> + Send;

    /// Returns the claims of a feed that are to be carried without a new file: interrupted ones, and approved ones.
    ///
    /// It is asked at the start, and then every few seconds while nothing is carried to the feed's target.
    fn due(&self, feed: FeedIndex) -> impl Future<Output = Result<Vec<Claim>, MemoryFault>> + Send;

    /// Returns when the feed was last processed by its schedule.
    fn last_run(&self, feed: FeedIndex) -> impl Future<Output = Result<Option<Timestamp>, MemoryFault>> + Send;

    /// Remembers that everything that was there at the scheduled time `at` has been taken.
    fn ran(&self, feed: FeedIndex, at: Timestamp) -> impl Future<Output = Result<(), MemoryFault>> + Send;
}

/// Why something is not known.
pub type MemoryFault = Box<dyn Error + Send + Sync>;

/// Tells the time of day.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Why the daemon ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum DaemonFault {
    /// The spool cannot be cleaned of unfinished copies.
    #[error("cannot use the spool")]
    Spool(#[source] io::Error),
    /// What was interrupted cannot be found out, and so nothing may be begun.
    #[error("cannot find out what the feed `{feed}` was doing")]
    Memory {
        /// The feed.
        feed: String,
        /// The cause.
        source: MemoryFault,
    },
    /// A part of the daemon has ended, by a defect. A restart resumes what was interrupted.
    #[error("the worker {0} has ended unexpectedly")]
    WorkerEnded(String),
}

/// What the workers share.
struct Shared<M, C> {
    feeds: Vec<FeedWatch>,
    spool: Spool,
    is_own_output: fn(&str) -> bool,
    memory: M,
    carry: C,
    clock: Clock,
    stop: CancellationToken,
    /// The drop folders that are this daemon's and nobody else's.
    tenancies: Arc<Tenancies>,
    /// Files being carried.
    in_flight: AtomicUsize,
}

/// What a target's worker tells a feed's worker about a file.
#[derive(Debug)]
enum Note {
    /// It is being carried, though the feed did not offer it.
    Taken { name: String, identity: Identity },
    /// It changed, or is in use, or gone: it has to settle again.
    Released { name: String },
    /// It cannot be claimed for now.
    Troubled { name: String, identity: Identity, fault: String, hint: Option<&'static str> },
    /// It needs no more work, as long as it stays as it is.
    Finished { name: String, identity: Identity },
}

impl<M, C, F> Daemon<M, C>
where
    M: Memory,
    C: Fn(FeedIndex, Claim) -> F + Send + Sync + 'static,
    F: Future<Output = Carried> + Send + 'static,
{
    /// Runs until `stop` is cancelled and everything in flight has come to its end.
    ///
    /// The service manager hears that the daemon is ready once what was interrupted is known and every folder is looked
    /// after. Dropping the future leaves files in flight half way, like a crash.
    pub async fn run(self, stop: CancellationToken) -> Result<(), DaemonFault> {
        let Self { feeds, spool, lock, is_own_output, memory, carry, clock, tell, watchdog } = self;
        spool.sweep(&lock).map_err(DaemonFault::Spool)?;
        let in_flight = AtomicUsize::new(0);
        let tenancies = Arc::default();
        let shared = Arc::new(Shared { feeds, spool, is_own_output, memory, carry, clock, stop, tenancies, in_flight });

        let mut pulses = Pulses::default();
        let mut workers = JoinSet::new();
        let mut names = HashMap::new();
        let mut targets: BTreeMap<&str, Vec<FeedIndex>> = BTreeMap::new();
        for (at, feed) in shared.feeds.iter().enumerate() {
            targets.entry(&feed.target).or_default().push(FeedIndex(at));
        }
        let mut feed_workers = Vec::new();
        let mut target_workers = Vec::new();
        for (target, indexes) in &targets {
            let (offers, inbox) = mpsc::unbounded_channel();
            let mut worker = TargetWorker::new(shared.clone(), inbox, pulses.add(format!("of target {target}")));
            for index in indexes {
                let feed = &shared.feeds[index.0];
                let lost = |source| DaemonFault::Memory { feed: feed.name.clone(), source };
                let due = shared.memory.due(*index).await.map_err(lost)?;
                let last_run = match feed.schedule {
                    Some(_) => shared.memory.last_run(*index).await.map_err(lost)?,
                    None => None,
                };
                let (tell, notes) = mpsc::unbounded_channel();
                let name = format!("of feed {}", feed.name);
                let links = Links { notes, offers: offers.clone(), pulse: pulses.add(name.clone()) };
                feed_workers.push((name, FeedWorker::new(*index, shared.clone(), links, last_run)));
                worker.connect(*index, tell, due);
            }
            target_workers.push((format!("of target {target}"), worker));
        }
        for (name, worker) in target_workers {
            names.insert(workers.spawn(worker.run()).id(), name);
        }
        for (name, worker) in feed_workers {
            names.insert(workers.spawn(worker.run()).id(), name);
        }

        tell(&Notice::Ready);
        info!("Watching {}", Folders(shared.feeds.len()));
        let ended = supervise(&shared, &mut workers, &names, &pulses, &*tell, watchdog).await;
        drop(lock);
        ended
    }
}

/// Feeds the watchdog while every worker is alive, and ends when all have ended.
async fn supervise<M, C>(
    shared: &Shared<M, C>,
    workers: &mut JoinSet<()>,
    names: &HashMap<tokio::task::Id, String>,
    pulses: &Pulses,
    tell: &(dyn Fn(&Notice) + Send + Sync),
    watchdog: Option<Duration>,
) -> Result<(), DaemonFault> {
    let mut tick = tokio::time::interval(watchdog.map_or(SUPERVISION, |limit| SUPERVISION.min(limit / 3)));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopping = false;
    let mut fault = None;
    let mut status = String::new();
    let mut silent = None;
    loop {
        tokio::select! {
            () = shared.stop.cancelled(), if !stopping => {
                stopping = true;
                tell(&Notice::Stopping);
                info!("Stopping; {} in flight", Files(shared.in_flight.load(Ordering::Relaxed)));
            }
            ended = workers.join_next_with_id() => {
                let (id, panicked) = match ended {
                    None => return fault.map_or(Ok(()), Err),
                    Some(Ok((id, ()))) => (id, false),
                    Some(Err(error)) => (error.id(), true),
                };
                if panicked || !shared.stop.is_cancelled() {
                    let name = names.get(&id).cloned().unwrap_or_default();
                    error!("The worker {name} has ended unexpectedly");
                    fault.get_or_insert(DaemonFault::WorkerEnded(name));
                    shared.stop.cancel();
                }
            }
            _ = tick.tick() => {
                let now_silent = pulses.silent();
                match now_silent {
                    None => if watchdog.is_some() { tell(&Notice::Watchdog) },
                    Some(name) if silent != now_silent => error!("Nothing is heard of the worker {name}"),
                    Some(_) => {}
                }
                silent = now_silent;
                let doing = if stopping { "stopping" } else { "watching" };
                let in_flight = shared.in_flight.load(Ordering::Relaxed);
                let line = format!("{doing} {}, {} in flight", Folders(shared.feeds.len()), Files(in_flight));
                if line != status {
                    tell(&Notice::Status(line.clone()));
                    status = line;
                }
            }
        }
    }
}

struct Folders(usize);

impl fmt::Display for Folders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "folder" } else { "folders" })
    }
}

struct Files(usize);

impl fmt::Display for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, if self.0 == 1 { "file" } else { "files" })
    }
}
