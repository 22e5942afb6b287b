//! One feed's worker: looks into the folder and offers what is complete to the target's worker.

use std::collections::HashMap;
use std::collections::HashSet;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tracing::debug;

use crate::daemon::FeedIndex;
use crate::daemon::FeedWatch;
use crate::daemon::Memory;
use crate::daemon::Note;
use crate::daemon::Shared;
use crate::daemon::gate::Gate;
use crate::daemon::pulse::BEAT;
use crate::daemon::pulse::Pulse;
use crate::daemon::schedule::Timetable;
use crate::daemon::target::Offer;
use crate::daemon::told::Told;
use crate::daemon::told::chain;
use crate::daemon::told::shown;
use crate::intake::Identity;
use crate::intake::scan;
use crate::intake::scan::Candidate;
use crate::intake::scan::Listing;
use crate::intake::scan::Wanted;
use crate::intake::settle::Look;
use crate::intake::settle::Settle;
use crate::intake::settle::Verdict;
use crate::intake::tenancy::NotTenant;
use crate::intake::tenancy::Tenure;
use crate::intake::watch::Following;
use crate::intake::watch::Hints;
use crate::intake::watch::Watch;

/// Wake-ups lead to a look at once, but not more often than this, so that a thousand drops are not a thousand looks.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
/// A folder that is not read by then lies on a file system that does not answer.
const LOOK_LIMIT: Duration = Duration::from_secs(60);

/// What a look at the folder has found.
type Found = Result<(Listing, Following, Tenure), NotTenant>;

pub(super) struct FeedWorker<M, C> {
    index: FeedIndex,
    shared: Arc<Shared<M, C>>,
    links: Links,
    wanted: Wanted,
    started: Instant,
    settle: Settle,
    known: HashMap<String, Known>,
    gate: Option<Gate>,
    told: Told,
}

/// What joins a feed's worker to the others.
pub(super) struct Links {
    pub(super) notes: UnboundedReceiver<Note>,
    pub(super) offers: UnboundedSender<Offer>,
    pub(super) pulse: Pulse,
}

/// What is known of a file that has settled at some time.
struct Known {
    identity: Identity,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Offered to the target, or being carried.
    Taken,
    /// It needs no more work as long as it stays as it is.
    Finished,
    /// It could not be claimed, and is offered again after this moment.
    Troubled(Instant),
}

/// How a file that was just seen stands.
enum Standing {
    /// It may be offered.
    Open,
    /// It, or what it was before, is with the target; it is looked at again afterwards.
    Taken,
    /// It is as it was when it was finished.
    Finished,
    /// It may be offered after this time.
    Later(Duration),
}

impl<M: Memory, C: Send + Sync + 'static> FeedWorker<M, C> {
    /// Makes the worker of the feed `index`, which was last processed by its schedule at `last_run`.
    pub(super) fn new(index: FeedIndex, shared: Arc<Shared<M, C>>, links: Links, last_run: Option<Timestamp>) -> Self {
        let feed = &shared.feeds[index.0];
        let schedule = feed.schedule.clone();
        Self {
            index,
            links,
            wanted: Wanted {
                patterns: feed.patterns.clone(),
                is_own_output: shared.is_own_output,
                max_size: shared.spool.max_size(),
            },
            started: Instant::now(),
            settle: Settle::new(feed.settle),
            known: HashMap::new(),
            gate: schedule.map(|schedule| Gate::new(Timetable::start(schedule, last_run, (shared.clock)()))),
            told: Told::default(),
            shared,
        }
    }

    pub(super) async fn run(mut self) {
        let mut beat = tokio::time::interval(BEAT);
        let watch = Watch::new(&self.feed().folder, self.feed().watch);
        let hints = watch.hints();
        let mut resting = Some(watch);
        let mut looking: Option<JoinHandle<(Watch, Found)>> = None;
        let mut began = Instant::now();
        let mut next_look = began;
        let mut pause = SHORTEST_PAUSE;
        loop {
            while let Ok(note) = self.links.notes.try_recv() {
                self.learn(note);
            }
            if Instant::now() >= next_look
                && let Some(watch) = resting.take()
            {
                began = Instant::now();
                looking = Some(self.look(watch));
            }
            let looked = async {
                match looking.as_mut() {
                    Some(task) => task.await,
                    None => pending().await,
                }
            };
            let at_rest = resting.is_some();
            tokio::select! {
                biased;
                () = self.shared.stop.cancelled() => return,
                _ = beat.tick() => {
                    self.links.pulse.beat();
                    if !at_rest && began.elapsed() > LOOK_LIMIT {
                        let feed = &self.shared.feeds[self.index.0];
                        self.told.folder_fault(feed, "it does not answer", "check the file system it lies on");
                    }
                }
                Some(note) = self.links.notes.recv() => {
                    self.learn(note);
                    next_look = next_look.min(began + pause);
                }
                looked = looked => {
                    looking = None;
                    let (watch, found) = match looked {
                        Ok(look) => look,
                        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
                    };
                    resting = Some(watch);
                    // A folder that takes long to read is read less often, however many wake-ups there are.
                    pause = SHORTEST_PAUSE.max(began.elapsed() * 4).min(self.feed().rescan);
                    let look = Look { began: began - self.started, ended: self.started.elapsed() };
                    next_look = Instant::now() + self.take_in(found, look, &hints).await;
                }
                () = hints.woken(), if at_rest => next_look = next_look.min(began + pause),
                () = tokio::time::sleep_until(next_look), if at_rest => {}
            }
        }
    }

    fn feed(&self) -> &FeedWatch {
        &self.shared.feeds[self.index.0]
    }

    /// Starts a look at the folder, where it may block.
    fn look(&mut self, mut watch: Watch) -> JoinHandle<(Watch, Found)> {
        if let Some(gate) = &mut self.gate {
            gate.look((self.shared.clock)());
        }
        let (folder, wanted) = (self.feed().folder.clone(), self.wanted.clone());
        let tenancies = Arc::clone(&self.shared.tenancies);
        tokio::task::spawn_blocking(move || {
            let found = tenancies.hold(&folder).and_then(|tenure| Ok((scan::scan(&folder, &wanted)?, tenure)));
            match found {
                Ok((listing, tenure)) => {
                    let following = watch.follow(listing.folder);
                    (watch, Ok((listing, following, tenure)))
                }
                Err(fault) => {
                    watch.release();
                    (watch, Err(fault))
                }
            }
        })
    }

    /// Takes in what a look has found, and returns how long it is until the next one.
    async fn take_in(&mut self, found: Found, look: Look, hints: &Hints) -> Duration {
        let rescan = self.feed().rescan;
        let (listing, following, tenure) = match found {
            Ok(found) => found,
            Err(fault) => {
                self.told.folder_fault(&self.shared.feeds[self.index.0], &chain(&fault), fault.hint());
                return rescan;
            }
        };
        let feed = &self.shared.feeds[self.index.0];
        self.told.folder_read(feed);
        self.told.following(feed, following);
        self.told.tenure(feed, tenure);
        self.told.ignored(feed, listing.ignored);
        let there: HashSet<&str> = listing.candidates.iter().map(|file| file.name.as_str()).collect();
        let is_there = |name: &str| there.contains(name);
        self.settle.keep(is_there);
        self.known.retain(|name, known| known.state == State::Taken || is_there(name));
        self.told.keep(is_there);
        if let Some(gate) = &mut self.gate {
            gate.found(&there);
        }
        drop(there);

        let mut next = rescan;
        let mut offered = Vec::new();
        for file in listing.candidates {
            let verdict = self.settle.observe(&file.name, file.identity, hints.is_open(&file.name), look);
            match self.standing(&file) {
                Standing::Open => {}
                Standing::Taken => continue,
                Standing::Finished => {
                    self.pass(&file.name);
                    continue;
                }
                Standing::Later(pause) => {
                    next = next.min(pause);
                    continue;
                }
            }
            match verdict {
                Verdict::Waiting { until } => next = next.min(until.saturating_sub(self.started.elapsed())),
                Verdict::Settled if !self.may_be_taken(&file.name) => {}
                Verdict::Settled => match self.is_done(&file).await {
                    Ok(true) => self.finish(file.name, file.identity),
                    Ok(false) => offered.push(file),
                    Err(()) => break,
                },
            }
        }
        self.offer(offered);
        self.end_scheduled_run().await;
        let to_schedule = self.gate.as_ref().and_then(|gate| {
            let until = gate.next()?.duration_since((self.shared.clock)());
            Some(Duration::try_from(until).unwrap_or_default())
        });
        next.min(to_schedule.unwrap_or(rescan)).max(SHORTEST_PAUSE)
    }

    fn standing(&self, file: &Candidate) -> Standing {
        match self.known.get(&file.name) {
            Some(Known { state: State::Taken, .. }) => Standing::Taken,
            Some(Known { identity, state }) if *identity == file.identity => match state {
                State::Troubled(until) => match until.checked_duration_since(Instant::now()) {
                    Some(pause) => Standing::Later(pause),
                    None => Standing::Open,
                },
                State::Taken | State::Finished => Standing::Finished,
            },
            _ => Standing::Open,
        }
    }

    /// Asks the memory, and reports once if it does not know.
    async fn is_done(&mut self, file: &Candidate) -> Result<bool, ()> {
        self.links.pulse.beat();
        match self.shared.memory.is_done(self.index, &file.name, &file.identity).await {
            Ok(is_done) => {
                self.told.memory_answered();
                Ok(is_done)
            }
            Err(fault) => {
                self.told.memory_fault(&self.shared.feeds[self.index.0], &chain(&*fault));
                Err(())
            }
        }
    }

    fn offer(&mut self, files: Vec<Candidate>) {
        if files.is_empty() {
            return;
        }
        for file in &files {
            self.pass(&file.name);
            debug!(feed.name = self.feed().name, "{} is complete", shown(&file.name));
            self.known.insert(file.name.clone(), Known { identity: file.identity, state: State::Taken });
        }
        // Without the target's worker the daemon is about to end.
        let _ = self.links.offers.send((self.index, files));
    }

    fn learn(&mut self, note: Note) {
        match note {
            Note::Taken { name, identity } => {
                self.known.insert(name, Known { identity, state: State::Taken });
            }
            Note::Released { name } => {
                self.settle.forget(&name);
                self.known.remove(&name);
                self.admit_again(name);
            }
            Note::Troubled { name, identity, fault, hint } => {
                self.told.file_fault(&self.shared.feeds[self.index.0], &name, fault, hint);
                let again = Instant::now() + self.feed().rescan;
                self.known.insert(name.clone(), Known { identity, state: State::Troubled(again) });
                self.admit_again(name);
            }
            Note::Finished { name, identity } => {
                self.finish(name, identity);
            }
        }
    }

    fn finish(&mut self, name: String, identity: Identity) {
        self.pass(&name);
        self.known.insert(name, Known { identity, state: State::Finished });
    }

    fn may_be_taken(&self, name: &str) -> bool {
        self.gate.as_ref().is_none_or(|gate| gate.lets_pass(name))
    }

    fn pass(&mut self, name: &str) {
        if let Some(gate) = &mut self.gate {
            gate.passed(name);
        }
    }

    fn admit_again(&mut self, name: String) {
        if let Some(gate) = &mut self.gate {
            gate.admit_again(name);
        }
    }

    async fn end_scheduled_run(&mut self) {
        let Some(gate) = &mut self.gate else { return };
        let Some(at) = gate.completed() else { return };
        match self.shared.memory.ran(self.index, at).await {
            Ok(()) => gate.remembered(),
            Err(fault) => self.told.memory_fault(&self.shared.feeds[self.index.0], &chain(&*fault)),
        }
    }
}
