//! The one loop: a plan becomes writes, batch by batch, and every write an outcome.
//!
//! Before a batch is sent the journal says what is about to be done; after it, what came of it. Nothing is sent twice
//! without looking: an answer that is missing means *unknown*, and unknown is read back.

pub mod batch;
pub mod deferred;
pub mod groups;
pub mod letters;
pub mod look;
mod numbers;
pub mod post;
pub mod tasks;

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::directory::Directory;
use crate::directory::Pace;
use crate::directory::Throttle;
use crate::directory::numbers::Highest;
use crate::provision::groups::Shortfall;
use crate::provision::letters::LetterDesk;
use crate::provision::letters::LetterProof;
use crate::provision::tasks::Task;
use crate::roster::account::LineNo;
use crate::roster::attribute::Schema;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
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
    /// Told of every person that is done.
    pub progress: &'w dyn Progress,
    /// Cancelled when the run must end after the operations in flight.
    pub stop: &'w CancellationToken,
    /// The present time as RFC 3339.
    pub now: fn() -> String,
}

/// Is told how far a run is.
pub trait Progress: Send + Sync {
    /// `n` people will be written.
    fn total(&self, n: usize);
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

/// The run in progress.
pub(crate) struct Progression<'w, D> {
    pub(crate) work: Work<'w, D>,
    pub(crate) pace: Pace,
    pub(crate) results: Vec<ItemResult>,
    /// Entries of people that were written in this run, to put them into groups.
    pub(crate) entries: HashMap<usize, Member>,
    pub(crate) early: Option<Early>,
    pub(crate) refused_in_a_row: usize,
    /// Whether something was sent, so that the next batch follows a pause.
    has_sent: bool,
    /// What the journal knows of numbers that were given out.
    kept_numbers: Highest,
}

/// Applies a plan. An `Err` says that the journal cannot be written: nothing more was sent after that.
pub async fn provision<D: Directory>(work: Work<'_, D>) -> Result<Ended, DatabaseError> {
    let pace = work.throttle.max_rate.map_or_else(Pace::unlimited, Pace::per_second);
    let results = tasks::first_results(&work);
    let mut run = Progression {
        work,
        pace,
        results,
        entries: HashMap::new(),
        early: None,
        refused_in_a_row: 0,
        has_sent: false,
        kept_numbers: Highest::default(),
    };
    match run.all().await {
        Ok(()) => Ok(Ended { results: run.results, early: run.early }),
        Err(broken) => {
            if let Some(desk) = run.work.letters.take() {
                desk.abandon().await;
            }
            Err(broken)
        }
    }
}

impl<D: Directory> Progression<'_, D> {
    async fn all(&mut self) -> Result<(), DatabaseError> {
        let (accounts, last) = tasks::of(&self.work);
        let rest_only = tasks::rest_only(&self.work);
        self.settle_what_is_known(&accounts).await?;
        self.work.progress.total(accounts.len() + last.len() + rest_only.len());
        self.recall_numbers().await?;
        self.in_batches(accounts).await?;
        let mut shortfall = Shortfall::default();
        self.deferred(&rest_only, &mut shortfall).await?;
        self.memberships(&rest_only, shortfall).await?;
        self.in_batches(last).await?;
        self.finish_letters().await
    }

    async fn in_batches(&mut self, tasks: Vec<Task>) -> Result<(), DatabaseError> {
        let mut rest = tasks.into_iter().peekable();
        let size = self.work.throttle.batch_size.get();
        while rest.peek().is_some() {
            if !self.may_go_on().await {
                let reason = self.why_early();
                for task in rest {
                    let result = &mut self.results[task.item];
                    tasks::leave(result, self.work.journaled.get(&task.key), &reason);
                    if task.replaces_owed {
                        result.letter = LetterOutcome::Owed;
                    }
                }
                return Ok(());
            }
            let batch: Vec<Task> = rest.by_ref().take(size).collect();
            let n = batch.len();
            self.batch(batch).await?;
            self.work.progress.advance(n);
            self.check_letters().await?;
        }
        Ok(())
    }

    /// Returns whether another batch may be sent, after the pause that is due between two of them.
    async fn may_go_on(&mut self) -> bool {
        if self.early.is_none() && std::mem::replace(&mut self.has_sent, true) {
            self.rest(self.work.throttle.pause).await;
        }
        if self.early.is_none() && self.work.stop.is_cancelled() {
            self.early = Some(Early::Stopped);
        }
        self.early.is_none()
    }

    /// Sleeps, unless the run is to stop.
    async fn rest(&self, pause: Duration) {
        if pause.is_zero() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.work.stop.cancelled() => {}
        }
    }

    fn why_early(&self) -> String {
        self.early.as_ref().map_or_else(|| "no final answer".to_owned(), ToString::to_string)
    }

    /// Ends the run when the desk has: it ends before it is closed only if the journal cannot be written.
    async fn check_letters(&mut self) -> Result<(), DatabaseError> {
        match self.work.letters.take_if(|desk| desk.is_broken()) {
            Some(desk) => desk.finish().await.map(|_| ()),
            None => Ok(()),
        }
    }

    /// Waits for the letters and writes down what came of them.
    async fn finish_letters(&mut self) -> Result<(), DatabaseError> {
        if let Some(desk) = self.work.letters.take() {
            for sent in desk.finish().await? {
                let result = &mut self.results[sent.item];
                result.letter = sent.outcome;
                result.notes.extend(sent.note);
            }
        }
        let owed = self.results.iter().filter(|result| result.letter == LetterOutcome::Owed).count();
        if owed > 0 && self.early.is_none() {
            self.early = Some(Early::LettersOwed(owed));
        }
        Ok(())
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
