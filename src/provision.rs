//! The one loop: a plan becomes writes, batch by batch, and every write an outcome.
//!
//! Before a batch is sent the journal says what is about to be done; after it, what came of it. Nothing is sent twice
//! without looking: an answer that is missing means *unknown*, and unknown is read back.

pub mod batch;
pub mod groups;
pub mod letters;
pub mod look;
pub mod tasks;

use std::collections::HashMap;
use std::collections::HashSet;

use tokio_util::sync::CancellationToken;

use crate::directory::Directory;
use crate::directory::Pace;
use crate::directory::Throttle;
use crate::provision::letters::LetterDesk;
use crate::provision::tasks::Task;
use crate::roster::account::LineNo;
use crate::roster::attribute::Schema;
use crate::roster::fault::Fault;
use crate::roster::operation::Member;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::roster::password::PasswordPolicy;
use crate::roster::plan::HoldClass;
use crate::roster::plan::Plan;
use crate::sqlite::DatabaseError;
use crate::state::State;
use crate::state::journal::JournalKey;
use crate::state::journal::Journaled;

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
    /// The decisions that were approved one by one; `None`: all of the plan.
    pub approved: Option<&'w HashSet<[u8; 16]>>,
    /// Where to do it.
    pub directory: &'w D,
    /// The attributes that the mapping writes, to read them back.
    pub attributes: &'w Schema,
    /// The journal.
    pub state: &'w State,
    /// What the journal knows from before an interruption.
    pub journaled: &'w HashMap<JournalKey, Journaled>,
    /// How fast.
    pub throttle: Throttle,
    /// How passwords are generated.
    pub passwords: &'w PasswordPolicy,
    /// Where credential letters go; `None`: none are sent.
    pub letters: Option<LetterDesk>,
    /// Whether letters go out though a forced change of password is not proved.
    pub letters_without_proof: bool,
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

impl std::fmt::Display for Early {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped as asked; the rest goes on at the next start"),
            Self::Unavailable(fault) => write!(f, "the directory does not answer as it should: {fault}"),
            Self::Useless(fault) => write!(f, "the directory refuses to work for rosterd: {fault}"),
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
}

/// Applies a plan. An `Err` says that the journal cannot be written: nothing more was sent after that.
pub async fn provision<D: Directory>(work: Work<'_, D>) -> Result<Ended, DatabaseError> {
    let pace = work.throttle.max_rate.map_or_else(Pace::unlimited, Pace::per_second);
    let results = tasks::first_results(&work);
    let (accounts, last) = tasks::of(&work);
    let members_only = tasks::members_only(&work);
    work.progress.total(accounts.len() + last.len() + members_only.len());
    let mut run = Progression { work, pace, results, entries: HashMap::new(), early: None, refused_in_a_row: 0 };
    run.in_batches(accounts).await?;
    if run.early.is_none() {
        run.memberships(&members_only).await?;
    }
    run.in_batches(last).await?;
    run.finish_letters().await?;
    Ok(Ended { results: run.results, early: run.early })
}

impl<D: Directory> Progression<'_, D> {
    async fn in_batches(&mut self, tasks: Vec<Task>) -> Result<(), DatabaseError> {
        let mut rest = tasks.into_iter().peekable();
        let size = self.work.throttle.batch_size.get();
        while rest.peek().is_some() {
            if self.early.is_none() && self.work.stop.is_cancelled() {
                self.early = Some(Early::Stopped);
            }
            if let Some(early) = &self.early {
                let reason = early.to_string();
                for task in rest {
                    self.results[task.item].outcome = Outcome::NotAttempted(reason.clone());
                }
                return Ok(());
            }
            let batch: Vec<Task> = rest.by_ref().take(size).collect();
            let n = batch.len();
            self.batch(batch).await?;
            self.work.progress.advance(n);
            if rest.peek().is_some() && !self.work.throttle.pause.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(self.work.throttle.pause) => {}
                    () = self.work.stop.cancelled() => {}
                }
            }
        }
        Ok(())
    }

    /// Waits for the letters and writes down what came of them.
    async fn finish_letters(&mut self) -> Result<(), DatabaseError> {
        let Some(desk) = self.work.letters.take() else { return Ok(()) };
        let mut owed = 0;
        for sent in desk.finish().await? {
            let result = &mut self.results[sent.item];
            result.letter = sent.outcome;
            result.notes.extend(sent.note);
            owed += usize::from(sent.outcome == LetterOutcome::Owed);
        }
        if owed > 0 && self.early.is_none() {
            self.early = Some(Early::LettersOwed(owed));
        }
        Ok(())
    }
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

/// Lines whose letters are still owed.
pub fn owed_lines(letters: &HashMap<LineNo, crate::state::journal::JournaledLetter>) -> HashSet<LineNo> {
    letters.iter().filter(|(_, letter)| !letter.sent).map(|(line, _)| *line).collect()
}
