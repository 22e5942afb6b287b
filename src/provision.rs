//! The one loop: a plan becomes writes, batch by batch, and every write an outcome.
//!
//! Before a batch is sent the journal says what is about to be done; after it, what came of it. Nothing is sent twice
//! without looking: an answer that is missing means *unknown*, and unknown is read back.

mod alone;
pub mod batch;
mod courier;
pub mod deferred;
pub mod groups;
mod handover;
pub mod letters;
pub mod look;
mod numbers;
pub mod post;
pub mod tasks;
mod turns;
mod wire;

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Path;

use tokio_util::sync::CancellationToken;

use crate::directory::Directory;
use crate::directory::Remarks;
use crate::directory::Throttle;
use crate::directory::numbers::Highest;
use crate::provision::courier::Courier;
use crate::provision::courier::Sent;
use crate::provision::groups::Shortfall;
use crate::provision::letters::LetterDesk;
use crate::provision::letters::LetterProof;
use crate::provision::tasks::Task;
use crate::provision::wire::Wire;
use crate::roster::account::LineNo;
use crate::roster::attribute::Schema;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::forecast::Forecast;
use crate::roster::operation::Member;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::roster::password::PasswordPolicy;
use crate::roster::plan::HoldClass;
use crate::roster::plan::Intent;
use crate::roster::plan::Plan;
use crate::sqlite::DatabaseError;
use crate::state::State;
use crate::state::journal::JournalKey;
use crate::state::journal::Journaled;
use crate::state::journal::JournaledLetter;
use crate::state::journal::Off;

/// Everything the loop needs to apply one plan.
pub struct Work<'w, D> {
    /// The run's id.
    pub run: &'w str,
    /// The target's name.
    pub target: &'w str,
    /// What to do.
    pub plan: &'w Plan,
    /// Classes that must not be done without approval.
    pub held: &'w [HoldClass],
    /// Everything that was approved, each by itself (see [`crate::roster::plan_id::parts`]); `None`: all of the plan.
    pub approved: Option<&'w HashSet<[u8; 16]>>,
    /// Where to do it.
    pub directory: &'w D,
    /// The roster; files that its cells name lie beside it.
    pub roster: &'w Path,
    /// The attributes that the mapping writes, to read them back.
    pub attributes: &'w Schema,
    /// The journal.
    pub state: &'w State,
    /// What the journal knows of this run's people from before.
    pub journaled: &'w HashMap<JournalKey, Journaled>,
    /// What the journal knows of this run's letters from before.
    pub lettered: &'w HashMap<LineNo, JournaledLetter>,
    /// How fast.
    pub throttle: Throttle,
    /// How passwords are generated.
    pub passwords: &'w PasswordPolicy,
    /// Where credential letters go; `None`: none are sent.
    pub letters: Option<LetterDesk>,
    /// What must be proved before a letter goes out.
    pub letter_proof: LetterProof,
    /// Told what is true of the run as a whole.
    pub remarks: &'w Remarks,
    /// Told of every person that is done.
    pub progress: &'w dyn Progress,
    /// Cancelled when the run must end after the operations in flight.
    pub stop: &'w CancellationToken,
    /// The present time as RFC 3339.
    pub now: fn() -> String,
}

/// Is told how far a run is.
pub trait Progress: Send + Sync {
    /// `n` people will be written, and that takes so long where the speed is limited.
    fn total(&self, n: usize, forecast: Option<Forecast>);
    /// `n` more are done.
    fn advance(&self, n: usize);
    /// `n` letters are on their way.
    fn letters(&self, n: usize);
}

/// What came of a plan.
#[derive(Debug)]
pub struct Ended {
    /// One per item of the plan, in order.
    pub results: Vec<ItemResult>,
    /// Why the run ended before its end, if it did; what is left goes on at the next start.
    pub early: Option<Early>,
}

/// Why a run ended early.
#[derive(Clone, Debug)]
pub enum Early {
    /// It was told to.
    Stopped,
    /// The directory cannot be used now; trying again later can help.
    Unavailable(Fault),
    /// The directory will refuse everything: credentials, rights or configuration.
    Useless(Fault),
    /// Letters could not be handed over yet.
    LettersOwed(usize),
}

impl Early {
    /// Returns what a fault after all attempts means for the run.
    fn after(fault: Fault) -> Self {
        if fault.next == Next::StopRun { Self::Useless(fault) } else { Self::Unavailable(fault) }
    }
}

impl std::fmt::Display for Early {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped as asked; the rest goes on at the next start"),
            Self::Unavailable(fault) => write!(f, "the directory does not answer as it should: {fault}"),
            Self::Useless(fault) => write!(f, "the directory refuses to work for rosterd: {fault}"),
            Self::LettersOwed(1) => f.write_str("one letter could not be handed to the mail server yet"),
            Self::LettersOwed(n) => write!(f, "{n} letters could not be handed to the mail server yet"),
        }
    }
}

/// How many batches are sent at the same time, so that the server need not wait for the journal.
const ON_THE_WIRE: usize = 4;
/// How many operations go out alone first: what the directory refuses at all shows with them.
const TRIAL: usize = 16;

/// Whether the first operations of a run have come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trial {
    Due,
    UnderWay,
    Over,
}

/// The run in progress.
pub(crate) struct Progression<'w, D> {
    pub(crate) work: &'w Work<'w, D>,
    pub(crate) courier: &'w Courier<'w, D>,
    pub(crate) results: Vec<ItemResult>,
    /// Entries of people that were written in this run, to put them into groups.
    pub(crate) entries: HashMap<usize, Member>,
    /// Whether something was sent, so that the next batch follows a pause.
    has_sent: bool,
    /// What the journal knows of numbers that were given out.
    kept_numbers: Highest,
}

/// Applies a plan. An `Err` says that the journal cannot be written: nothing more was sent after that.
pub async fn provision<D: Directory>(mut work: Work<'_, D>) -> Result<Ended, DatabaseError> {
    let (applied, mut results, mut early) = Box::pin(apply(&work)).await;
    let desk = work.letters.take();
    match (applied, desk) {
        (Ok(()), Some(desk)) => finish_letters(desk, &mut results).await?,
        (Ok(()), None) => {}
        (Err(broken), None) => return Err(broken),
        (Err(broken), Some(desk)) if desk.is_broken() => return Err(desk.finish().await.err().unwrap_or(broken)),
        (Err(broken), Some(desk)) => {
            desk.abandon().await;
            return Err(broken);
        }
    }
    let owed = results.iter().filter(|result| result.letter == LetterOutcome::Owed).count();
    if owed > 0 {
        early.get_or_insert(Early::LettersOwed(owed));
    }
    Ok(Ended { results, early })
}

/// Applies all of a plan but the letters.
async fn apply<D: Directory>(work: &Work<'_, D>) -> (Result<(), DatabaseError>, Vec<ItemResult>, Option<Early>) {
    let courier = Courier::new(work);
    let results = tasks::first_results(work);
    let mut run = Progression {
        work,
        courier: &courier,
        results,
        entries: HashMap::new(),
        has_sent: false,
        kept_numbers: Highest::default(),
    };
    let applied = run.all().await;
    let results = run.results;
    (applied, results, courier.early().cloned())
}

/// Waits for the letters and writes down what came of them.
async fn finish_letters(desk: LetterDesk, results: &mut [ItemResult]) -> Result<(), DatabaseError> {
    for sent in desk.finish().await? {
        let result = &mut results[sent.item];
        result.letter = sent.outcome;
        result.notes.extend(sent.note);
    }
    Ok(())
}

impl<'w, D: Directory> Progression<'w, D> {
    async fn all(&mut self) -> Result<(), DatabaseError> {
        let (accounts, last) = tasks::of(self.work);
        let rest_only = tasks::rest_only(self.work);
        self.settle_what_is_known(&accounts).await?;
        let n = accounts.len() + last.len() + rest_only.len();
        let tempo = self.work.throttle.tempo(self.work.directory.max_rate());
        self.work.progress.total(n, Forecast::for_writes(n, tempo));
        self.recall_numbers().await?;
        // One after the other on the heap: together they would take much of a thread's stack.
        Box::pin(self.in_turn(accounts)).await?;
        let mut shortfall = Shortfall::default();
        Box::pin(self.deferred(&rest_only, &mut shortfall)).await?;
        Box::pin(self.memberships(&rest_only, shortfall)).await?;
        Box::pin(self.in_batches(last)).await
    }

    async fn in_batches(&mut self, tasks: Vec<Task>) -> Result<(), DatabaseError> {
        let mut wire = Wire::default();
        let mut rest = tasks.into_iter();
        let sent = self.send_batches(&mut wire, &mut rest).await;
        // What is under way comes to its end though the journal is broken.
        wire.land().await;
        sent?;
        let reason = self.why_early();
        for task in rest {
            let result = &mut self.results[task.item];
            tasks::leave(result, self.work.journaled.get(&task.key), &reason);
            if task.replaces_owed {
                result.letter = LetterOutcome::Owed;
            }
        }
        Ok(())
    }

    /// Sends batches until the run ends early or nothing is left. While some are on their way the journal takes down, at
    /// one stroke, what came of those before and what the next ones are about to do. A few operations go first, and the
    /// others when those are back. With a throttle one batch is done before the next, and with letters: what their
    /// proofs tell may be that nothing more must be sent.
    async fn send_batches(
        &mut self,
        wire: &mut Wire<'w, Sent>,
        rest: &mut std::vec::IntoIter<Task>,
    ) -> Result<(), DatabaseError> {
        let courier = self.courier;
        let Throttle { batch_size, pause, max_rate } = self.work.throttle;
        let hurries = pause.is_zero() && max_rate.is_none() && self.work.letters.is_none();
        let at_once = if hurries { ON_THE_WIRE } else { 1 };
        let mut trial = if hurries && !self.has_sent { Trial::Due } else { Trial::Over };
        // What the journal knows of, to be sent after the trial.
        let mut held = Vec::new();
        let mut known = self.evidence();
        loop {
            let (most, size) =
                if trial == Trial::Due { (1, batch_size.get().min(TRIAL)) } else { (at_once, batch_size.get()) };
            let mut next = Vec::new();
            while wire.len() + next.len() < most && rest.len() > 0 && self.may_go_on().await {
                next.push(self.prepare(rest.by_ref().take(size).collect()));
            }
            let news = std::mem::replace(&mut known, self.evidence());
            let announced = wire.beside(Box::pin(self.announce(news, next))).await?;
            if trial == Trial::UnderWay {
                held = announced;
            } else {
                announced.into_iter().for_each(|batch| wire.send(courier.carry_out(batch)));
            }
            if trial == Trial::Due {
                trial = Trial::UnderWay;
                continue;
            }
            let Some(first) = wire.next().await else { return Ok(()) };
            for sent in std::iter::once(first).chain(wire.arrived()) {
                let (evidence, batch) = wire.beside(Box::pin(self.conclude(sent))).await?;
                self.work.progress.advance(batch.tasks.len());
                if hurries {
                    known.extend(evidence);
                } else {
                    self.keep_evidence(evidence).await?;
                    self.post(&batch).await?;
                    self.check_letters()?;
                }
            }
            trial = Trial::Over;
            if self.work.stop.is_cancelled() && !held.is_empty() {
                courier.end(Early::Stopped);
            }
            held.drain(..).for_each(|batch| wire.send(courier.carry_out(batch)));
        }
    }

    /// Returns whether another batch may be sent, after the pause that is due between two of them.
    async fn may_go_on(&mut self) -> bool {
        if !self.courier.is_over() && std::mem::replace(&mut self.has_sent, true) {
            self.courier.rest(self.work.throttle.pause).await;
        }
        if self.work.stop.is_cancelled() {
            self.courier.end(Early::Stopped);
        }
        !self.courier.is_over()
    }

    fn why_early(&self) -> String {
        self.courier.early().map_or_else(|| "no final answer".to_owned(), ToString::to_string)
    }

    /// Ends the run when the desk has: it ends before it is closed only if the journal cannot be written.
    fn check_letters(&self) -> Result<(), DatabaseError> {
        match &self.work.letters {
            Some(desk) if desk.is_broken() => Err(DatabaseError::Gone),
            _ => Ok(()),
        }
    }

    /// Writes down what the directory turned out to hold of what was started before, and which letters nobody will
    /// ever send.
    async fn settle_what_is_known(&mut self, tasks: &[Task]) -> Result<(), DatabaseError> {
        let mut evidence = self.evidence();
        let posted: HashSet<LineNo> = tasks.iter().filter(|task| task.letter).filter_map(Task::line).collect();
        for (place, item) in self.work.plan.items.iter().enumerate() {
            let Some(key) = journal_key(self.work.plan, place) else { continue };
            let result = &mut self.results[place];
            if let Some(known) = self.work.journaled.get(&key).filter(|known| known.known().is_none())
                && result.outcome == known.kind.when_done()
            {
                let username = self.work.plan.username(item).into();
                match (&result.outcome, item.line, &item.entry) {
                    (Outcome::Disabled | Outcome::Moved, None, Some(entry)) => {
                        let before = Some(known.before.place.clone()).filter(|_| result.outcome == Outcome::Moved);
                        evidence.off.push(Off { entry: (**entry).clone(), username, before });
                    }
                    (Outcome::Deleted, None, Some(entry)) => evidence.on.push((**entry).clone()),
                    _ => {}
                }
                evidence.finish(key, result);
            }
            let Some(line) = item.line.filter(|line| is_owed(self.work.lettered, *line)) else { continue };
            if matches!(item.intent, Intent::Create(_)) && !posted.contains(&line) {
                evidence.no_letter.push(line);
            } else if !posted.contains(&line) {
                let why = "no letter: the run was interrupted before it was sent, and the person can get none now; \
                           set a new password by hand";
                result.letter = LetterOutcome::Failed;
                result.notes.push(why.to_owned());
                evidence.letter_failed.push((line, why.to_owned()));
            }
        }
        self.keep_evidence(evidence).await
    }
}

/// Returns whether the letter of a row is owed from before.
pub fn is_owed(lettered: &HashMap<LineNo, JournaledLetter>, line: LineNo) -> bool {
    lettered.get(&line).is_some_and(|letter| letter.state == crate::state::journal::LetterState::Owed)
}

/// Returns whom the journal calls the item.
pub(crate) fn journal_key(plan: &Plan, item: usize) -> Option<JournalKey> {
    let item = plan.items.get(item)?;
    match (item.line, &item.entry) {
        (Some(line), _) => Some(JournalKey::Line(line)),
        (None, Some(entry)) => Some(JournalKey::Entry(entry.stable.clone())),
        (None, None) => None,
    }
}
