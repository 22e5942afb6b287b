//! One target's worker: carries what the feeds of the target offer, a file at a time.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::future::Future;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::BackoffBuilder;
use backon::ExponentialBackoff;
use backon::ExponentialBuilder;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinError;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::debug;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::daemon::Carried;
use crate::daemon::FeedIndex;
use crate::daemon::Memory;
use crate::daemon::Note;
use crate::daemon::Shared;
use crate::daemon::line::Line;
use crate::daemon::pulse::BEAT;
use crate::daemon::pulse::Pulse;
use crate::daemon::told::chain;
use crate::daemon::told::shown;
use crate::intake::Identity;
use crate::intake::claim::Claim;
use crate::intake::claim::NotClaimed;
use crate::intake::scan::Candidate;

/// How often the memory is asked for claims that are due without a new file.
const DUE_EVERY: Duration = Duration::from_secs(2);
/// A file that is not copied by then lies on a file system that does not answer.
const COPY_LIMIT: Duration = Duration::from_secs(900);
/// The longest pause before a file is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// Files that a feed has found complete.
pub(super) type Offer = (FeedIndex, Vec<Candidate>);

pub(super) struct TargetWorker<M, C> {
    shared: Arc<Shared<M, C>>,
    offers: UnboundedReceiver<Offer>,
    pulse: Pulse,
    notes: HashMap<FeedIndex, UnboundedSender<Note>>,
    line: Line,
    /// Claims that need no new file, in the order in which they are to be carried.
    due: VecDeque<(FeedIndex, Claim)>,
    due_asked: Instant,
    due_fault: Option<String>,
    /// What is tried again. It holds up the later files of its feed, so that an older roster never follows a newer one.
    retries: HashMap<FeedIndex, Retry>,
}

struct Retry {
    claim: Claim,
    at: Instant,
    pauses: ExponentialBackoff,
}

/// The file being carried.
struct Current {
    feed: FeedIndex,
    name: String,
    identity: Identity,
    /// How long to wait between tries, once there was one.
    pauses: Option<ExponentialBackoff>,
    task: JoinHandle<Ended>,
}

enum Ended {
    NotClaimed(NotClaimed),
    Carried(Box<Claim>, Carried),
    /// The daemon was stopped before the file was begun.
    Stopped,
}

impl<M, C, F> TargetWorker<M, C>
where
    M: Memory,
    C: Fn(FeedIndex, Claim) -> F + Send + Sync + 'static,
    F: Future<Output = Carried> + Send + 'static,
{
    pub(super) fn new(shared: Arc<Shared<M, C>>, offers: UnboundedReceiver<Offer>, pulse: Pulse) -> Self {
        Self {
            shared,
            offers,
            pulse,
            notes: HashMap::new(),
            line: Line::default(),
            due: VecDeque::new(),
            due_asked: Instant::now(),
            due_fault: None,
            retries: HashMap::new(),
        }
    }

    /// Adds one of the target's feeds, with the claims that are due at the start.
    pub(super) fn connect(&mut self, feed: FeedIndex, notes: UnboundedSender<Note>, due: Vec<Claim>) {
        self.notes.insert(feed, notes);
        self.add_due(feed, due);
    }

    pub(super) async fn run(mut self) {
        let mut beat = tokio::time::interval(BEAT);
        let mut current: Option<Current> = None;
        loop {
            if current.is_none() {
                if self.shared.stop.is_cancelled() {
                    return;
                }
                self.ask_what_is_due().await;
                current = self.begin();
            }
            let idle = current.is_none();
            let look_again = self.worth_a_look();
            let ended = async {
                match current.as_mut() {
                    Some(current) => (&mut current.task).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                biased;
                ended = ended => {
                    if let Some(current) = current.take() {
                        self.conclude(current, ended);
                    }
                }
                () = self.shared.stop.cancelled(), if idle => {}
                _ = beat.tick() => self.pulse.beat(),
                Some((feed, candidates)) = self.offers.recv() => {
                    candidates.into_iter().for_each(|candidate| self.line.add(feed, candidate));
                }
                () = tokio::time::sleep_until(look_again), if idle => {}
            }
        }
    }

    /// Returns when to look for something to do, if nothing is offered before.
    fn worth_a_look(&self) -> Instant {
        let due = self.due_asked + DUE_EVERY;
        self.retries.values().map(|retry| retry.at).min().map_or(due, |retry| retry.min(due))
    }

    /// Asks only while nothing is carried: so what the memory says cannot be about a file that is just being finished.
    async fn ask_what_is_due(&mut self) {
        if self.due_asked.elapsed() < DUE_EVERY {
            return;
        }
        let feeds: Vec<_> = self.notes.keys().copied().collect();
        let mut fault = None;
        for feed in feeds {
            match self.shared.memory.due(feed).await {
                Ok(claims) => self.add_due(feed, claims),
                Err(error) => fault = Some(error.to_string()),
            }
        }
        if let Some(fault) = fault.as_ref().filter(|fault| self.due_fault.as_ref() != Some(fault)) {
            error!("Cannot find out which files are to be resumed: {fault}");
        }
        self.due_fault = fault;
        self.due_asked = Instant::now();
    }

    fn add_due(&mut self, feed: FeedIndex, claims: Vec<Claim>) {
        for claim in claims {
            let is_known = self.due.iter().any(|(_, known)| known.spool == claim.spool)
                || self.retries.values().any(|retry| retry.claim.spool == claim.spool);
            if !is_known {
                self.note(feed, Note::Taken { name: claim.name.clone(), identity: claim.identity });
                self.due.push_back((feed, claim));
            }
        }
    }

    /// Begins with what comes next, if there is anything.
    fn begin(&mut self) -> Option<Current> {
        let now = Instant::now();
        let ready = self.retries.iter().filter(|(_, retry)| retry.at <= now).min_by_key(|(_, retry)| retry.at);
        if let Some(feed) = ready.map(|(feed, _)| *feed)
            && let Some(retry) = self.retries.remove(&feed)
        {
            debug!(feed.name = self.feed_name(feed), "Trying {} again", shown(&retry.claim.name));
            return Some(self.carry(feed, retry.claim, Some(retry.pauses)));
        }
        if let Some(at) = self.due.iter().position(|(feed, _)| !self.retries.contains_key(feed))
            && let Some((feed, claim)) = self.due.remove(at)
        {
            info!(feed.name = self.feed_name(feed), "Resuming {}", shown(&claim.name));
            return Some(self.carry(feed, claim, None));
        }
        let retries = &self.retries;
        let (feed, candidate) = self.line.take(|feed| !retries.contains_key(&feed))?;
        Some(self.claim_and_carry(feed, candidate))
    }

    fn carry(&self, feed: FeedIndex, claim: Claim, pauses: Option<ExponentialBackoff>) -> Current {
        let (name, identity) = (claim.name.clone(), claim.identity);
        let shared = self.shared.clone();
        let task = tokio::spawn(async move {
            let _counted = Counted::new(&shared.in_flight);
            let carried = (shared.carry)(feed, claim.clone()).await;
            Ended::Carried(Box::new(claim), carried)
        });
        Current { feed, name, identity, pauses, task }
    }

    fn claim_and_carry(&self, feed: FeedIndex, candidate: Candidate) -> Current {
        let (name, identity) = (candidate.name.clone(), candidate.identity);
        let shared = self.shared.clone();
        let task = tokio::spawn(async move {
            let copying = {
                let shared = shared.clone();
                tokio::task::spawn_blocking(move || {
                    let watch = &shared.feeds[feed.0];
                    shared.spool.claim(&watch.name, &watch.folder, &candidate)
                })
            };
            let claim = match tokio::time::timeout(COPY_LIMIT, copying).await {
                Ok(Ok(Ok(claim))) => claim,
                Ok(Ok(Err(not_claimed))) => return Ended::NotClaimed(not_claimed),
                Ok(Err(panicked)) => std::panic::resume_unwind(panicked.into_panic()),
                Err(_) => {
                    let path = shared.feeds[feed.0].folder.display().to_string();
                    return Ended::NotClaimed(NotClaimed::Unreadable {
                        path,
                        source: std::io::ErrorKind::TimedOut.into(),
                    });
                }
            };
            if shared.stop.is_cancelled() {
                if let Err(error) = claim.close() {
                    warn!(%error, "Cannot remove the private copy {}", claim.spool.display());
                }
                return Ended::Stopped;
            }
            let _counted = Counted::new(&shared.in_flight);
            let carried = (shared.carry)(feed, claim.clone()).await;
            Ended::Carried(Box::new(claim), carried)
        });
        Current { feed, name, identity, pauses: None, task }
    }

    /// Decides what the end of a file means.
    fn conclude(&mut self, current: Current, ended: Result<Ended, JoinError>) {
        let Current { feed, name, identity, pauses, task: _ } = current;
        let file = shown(&name);
        let feed_name = self.feed_name(feed);
        let note = match ended {
            Ok(Ended::Stopped) => return,
            Ok(Ended::NotClaimed(NotClaimed::Gone)) => {
                info!(feed.name = feed_name, "{file} was removed before it was taken");
                Note::Released { name }
            }
            Ok(Ended::NotClaimed(reason @ (NotClaimed::Changed | NotClaimed::InUse))) => {
                debug!(feed.name = feed_name, "{file} is not complete yet: {reason}");
                Note::Released { name }
            }
            Ok(Ended::NotClaimed(NotClaimed::Unfit(unfit))) => {
                warn!(feed.name = feed_name, hint = unfit.hint(), "{file} is not taken: {unfit}");
                Note::Finished { name, identity }
            }
            Ok(Ended::NotClaimed(fault)) => Note::Troubled { name, identity, fault: chain(&fault), hint: fault.hint() },
            Ok(Ended::Carried(claim, Carried::TryAgain(at_least))) => {
                if self.shared.stop.is_cancelled() {
                    return;
                }
                let is_first = pauses.is_none();
                let mut pauses = pauses.unwrap_or_else(pauses_between_tries);
                let pause = pauses.next().unwrap_or(LONGEST_PAUSE).max(at_least.min(LONGEST_PAUSE));
                let seconds = pause.as_secs();
                if is_first {
                    warn!(feed.name = feed_name, "{file} is tried again in {seconds} s, and then until it works");
                } else {
                    debug!(feed.name = feed_name, "{file} is tried again in {seconds} s");
                }
                self.retries.insert(feed, Retry { claim: *claim, at: Instant::now() + pause, pauses });
                return;
            }
            Ok(Ended::Carried(_, carried)) => {
                debug!(feed.name = feed_name, "{file}: {carried:?}");
                Note::Finished { name, identity }
            }
            Err(panicked) => {
                error!(feed.name = feed_name, %panicked, "{file} was not finished because of a defect in rosterd");
                Note::Finished { name, identity }
            }
        };
        self.note(feed, note);
    }

    fn note(&self, feed: FeedIndex, note: Note) {
        if let Some(notes) = self.notes.get(&feed) {
            // A feed's worker that has ended needs no notes.
            let _ = notes.send(note);
        }
    }

    fn feed_name(&self, feed: FeedIndex) -> &str {
        &self.shared.feeds[feed.0].name
    }
}

fn pauses_between_tries() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_secs(1))
        .with_factor(2.0)
        .with_max_delay(LONGEST_PAUSE)
        .without_max_times()
        .build()
}

/// One more file in flight, as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_minutes_and_never_end() {
        let pauses: Vec<_> = pauses_between_tries().take(100).map(|pause| pause.as_secs()).collect();
        assert_eq!(pauses[..11], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 600]);
        assert!(pauses[11..].iter().all(|pause| *pause == 600));
        assert_eq!(pauses.len(), 100);
    }
}
