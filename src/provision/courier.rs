//! Sending: a batch goes to the directory until it is known what came of each operation, or the directory is no use.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Early;
use super::Work;
use super::tasks::Task;
use crate::directory::Directory;
use crate::directory::Pace;
use crate::provision::look::Verdict;
use crate::provision::look::decide;
use crate::roster::account::ExistingAccount;
use crate::roster::account::LineNo;
use crate::roster::earlier::Creation;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Done;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::outcome::Outcome;
use crate::roster::remark::Remark;
use crate::state::journal::Kind;

/// How often one operation is tried before the run gives up for now.
const ATTEMPTS: u32 = 6;

/// How many operations in a row may be refused for lack of rights before the run ends.
pub(super) const REFUSED_IN_A_ROW: usize = 3;

/// What the batches that are on their way at the same time share.
pub(crate) struct Courier<'w, D> {
    pub(crate) work: &'w Work<'w, D>,
    pub(crate) pace: Pace,
    /// Why the run ends early, once it does.
    early: OnceLock<Early>,
    refused_in_a_row: AtomicUsize,
}

/// A batch that the journal knows of.
#[derive(Debug)]
pub(super) struct Announced {
    pub(super) tasks: Vec<Task>,
    /// How many passwords were made for each letter.
    pub(super) generations: HashMap<LineNo, u32>,
}

/// A batch that was sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) batch: Announced,
    /// What is known of each task.
    pub(super) fates: Vec<Fate>,
    /// Accounts that the directory showed as it had written them.
    pub(super) shown: HashMap<usize, ExistingAccount>,
    /// What was not done of a task that was.
    pub(super) left_behind: Vec<(usize, String)>,
}

/// What is known of one task of a batch.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// It was certainly not done.
    Undone,
    /// It may have been done.
    Unknown,
    /// It is known what came of it.
    Settled(Outcome),
}

impl Fate {
    /// Returns whether the directory is said to have done something.
    pub(super) fn is_written(&self) -> bool {
        use Outcome::Created;
        use Outcome::Deleted;
        use Outcome::Disabled;
        use Outcome::Enabled;
        use Outcome::Moved;
        use Outcome::Updated;
        matches!(self, Self::Settled(Created | Updated | Enabled | Disabled | Moved | Deleted))
    }
}

/// The tasks of a batch on their way.
pub(super) struct Pending<'t> {
    tasks: &'t [Task],
    pub(super) fates: Vec<Option<Outcome>>,
    /// Whether a task may have been done without an answer that says so.
    in_doubt: Vec<bool>,
    /// Whether a task was looked at, so that what is sent of it from then on may be a part.
    looked: Vec<bool>,
    /// Accounts that the directory showed with its answer to the whole of a task.
    shown: HashMap<usize, ExistingAccount>,
    left_behind: Vec<(usize, String)>,
    /// What the directory said last of each task that is not done.
    pub(super) said: Vec<Option<Fault>>,
}

pub(super) type Placed = Vec<(usize, Operation)>;

impl<'w, D: Directory> Courier<'w, D> {
    pub(super) fn new(work: &'w Work<'w, D>) -> Self {
        let pace = work.throttle.max_rate.map_or_else(Pace::unlimited, Pace::per_second);
        Self { work, pace, early: OnceLock::new(), refused_in_a_row: AtomicUsize::new(0) }
    }

    /// Ends the run when the operations in flight are done, unless it ends already.
    pub(crate) fn end(&self, early: Early) {
        let _ = self.early.set(early);
    }

    /// Returns whether the run ends early.
    pub(crate) fn is_over(&self) -> bool {
        self.early.get().is_some()
    }

    /// Returns why the run ends early, if it does.
    pub(crate) fn early(&self) -> Option<&Early> {
        self.early.get()
    }

    /// Sleeps, unless the run is to stop.
    pub(crate) async fn rest(&self, pause: Duration) {
        if pause.is_zero() {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.work.stop.cancelled() => {}
        }
    }

    /// Sends the operations until it is known what came of each, or the directory is no use.
    pub(super) async fn carry_out(&self, batch: Announced) -> Sent {
        let mut pending = Pending::new(&batch.tasks);
        // The run may have ended while this was written down.
        if !self.is_over() {
            self.send_all(&mut pending).await;
        }
        let (fates, shown, left_behind) = (pending.fates(), pending.shown, pending.left_behind);
        Sent { batch, fates, shown, left_behind }
    }

    async fn send_all(&self, pending: &mut Pending<'_>) {
        let mut rest: Placed = pending.tasks.iter().map(|task| task.operation.clone()).enumerate().collect();
        for attempt in 0..ATTEMPTS {
            rest = self.send(rest, pending).await;
            if attempt > 0 {
                rest = self.one_by_one(rest, pending).await;
            }
            if rest.is_empty() || self.is_over() {
                return;
            }
            self.rest(backoff(attempt)).await;
            if self.work.stop.is_cancelled() {
                self.end(Early::Stopped);
                return;
            }
        }
        let rest = pending.give_up_on_refused(rest);
        if let Some((place, _)) = rest.last() {
            let fault = pending.said[*place].take().unwrap_or_else(|| Fault::new(Next::Retry, "no final answer"));
            self.end(Early::Unavailable(fault));
        }
    }

    /// Sends operations once, and returns those that are to be sent again.
    pub(super) async fn send(&self, operations: Placed, pending: &mut Pending<'_>) -> Placed {
        let (places, sent): (Vec<usize>, Vec<Operation>) = operations.into_iter().unzip();
        let answers = self.work.directory.apply(&sent, &self.pace).await;
        let mut again: Placed = Vec::new();
        let mut look: Placed = Vec::new();
        for ((place, operation), answer) in places.into_iter().zip(sent).zip(answers) {
            let fault = match answer {
                Ok(Receipt { done, account }) => {
                    self.note_success();
                    if let Done::ChangedBut(what) = &done {
                        pending.left_behind.push((place, what.clone()));
                    }
                    pending.fates[place] = Some(outcome_of(pending.tasks[place].kind, &operation, &done));
                    pending.shown.extend(account.filter(|_| !pending.looked[place]).map(|account| (place, *account)));
                    continue;
                }
                Err(fault) => fault,
            };
            match fault.next {
                Next::RejectRow => {
                    self.note_refusal(&fault);
                    pending.fates[place] = Some(Outcome::Rejected(fault.to_string()));
                }
                Next::Retry => {
                    pending.said[place] = Some(fault);
                    again.push((place, operation));
                }
                Next::LookAgain => {
                    // A server that answered has not done it; silence may mean anything.
                    pending.in_doubt[place] |= fault.code.is_none();
                    pending.said[place] = Some(fault);
                    look.push((place, operation));
                }
                Next::StopRun => {
                    pending.in_doubt[place] |= fault.code.is_none();
                    self.end(Early::Useless(fault));
                }
            }
        }
        // What may have been done before must be looked at too before it is sent once more.
        let (doubtful, sure): (Placed, Placed) = again.into_iter().partition(|(place, _)| pending.in_doubt[*place]);
        look.extend(doubtful);
        again = sure;
        if look.is_empty() {
            return again;
        }
        if look.iter().any(|(place, _)| pending.in_doubt[*place]) {
            self.work.remarks.tell(Remark::LookedUp);
        }
        match self.look_patiently(&look).await {
            Ok(found) => {
                for (place, operation) in look {
                    pending.looked[place] = true;
                    let operation = self.as_stored(&operation).into_owned();
                    // What a run that was cut off has sent may have been done since this one looked.
                    let task = &pending.tasks[place];
                    let before = self.work.journaled.get(&task.key);
                    let was_sent = before.is_some_and(|before| before.creation() == Creation::InDoubt);
                    match decide(operation, task.kind, &found, pending.in_doubt[place] || was_sent) {
                        Verdict::Settled(outcome) => pending.fates[place] = Some(outcome),
                        Verdict::Again(operation) => again.push((place, operation)),
                    }
                }
            }
            Err(fault) => {
                self.end(Early::after(fault));
            }
        }
        again
    }

    pub(super) fn note_success(&self) {
        self.refused_in_a_row.store(0, Ordering::Relaxed);
    }

    pub(super) fn note_refusal(&self, fault: &Fault) {
        const INSUFFICIENT_ACCESS_RIGHTS: &str = "50"; // RFC 4511 section 4.1.9
        if fault.code.as_deref() == Some(INSUFFICIENT_ACCESS_RIGHTS) {
            let before = self.refused_in_a_row.fetch_add(1, Ordering::Relaxed);
            if before + 1 >= REFUSED_IN_A_ROW {
                self.end(Early::Useless(fault.clone()));
            }
        } else {
            self.note_success();
        }
    }
}

impl<'t> Pending<'t> {
    fn new(tasks: &'t [Task]) -> Self {
        let none = vec![false; tasks.len()];
        let (in_doubt, looked) = (none.clone(), none);
        Self {
            tasks,
            fates: vec![None; tasks.len()],
            in_doubt,
            looked,
            shown: HashMap::new(),
            left_behind: Vec::new(),
            said: vec![None; tasks.len()],
        }
    }

    /// Settles what was tried often enough and is refused each time by a directory that answers and does other things:
    /// one row must not stand in the way of all others, night after night. Returns what is left.
    fn give_up_on_refused(&mut self, rest: Placed) -> Placed {
        let said = |(place, _): &(usize, Operation)| self.said[*place].as_ref();
        let n_odd = rest.iter().filter_map(said).filter(|fault| refusal(fault) == Refusal::Odd).count();
        let is_final = |fault: &Fault| match refusal(fault) {
            Refusal::OfThis => true,
            Refusal::Odd => n_odd < REFUSED_IN_A_ROW,
            Refusal::None => false,
        };
        let (final_ones, left): (Placed, Placed) = rest
            .into_iter()
            .partition(|(place, _)| !self.in_doubt[*place] && self.said[*place].as_ref().is_some_and(is_final));
        for (place, _) in final_ones {
            let reason = self.said[place].as_ref().map(Fault::to_string).unwrap_or_default();
            self.fates[place] = Some(Outcome::Rejected(reason));
        }
        left
    }

    /// Returns whether the directory hung up when the task was last sent.
    pub(super) fn has_hung_up(&self, place: usize) -> bool {
        self.said[place].as_ref().is_some_and(|said| said.hung_up.is_some())
    }

    fn fates(&self) -> Vec<Fate> {
        let fate = |(fate, in_doubt): (&Option<Outcome>, &bool)| match fate {
            Some(outcome) => Fate::Settled(outcome.clone()),
            None if *in_doubt => Fate::Unknown,
            None => Fate::Undone,
        };
        self.fates.iter().zip(&self.in_doubt).map(fate).collect()
    }
}

/// What a directory means that answers the same again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It cannot do what is asked of this entry.
    OfThis,
    /// It does not say: RFC 4511 calls it `other` and `operationsError`. A full disk is among it, and an entry that the
    /// server has no room for.
    Odd,
    /// It refuses nothing: it is busy, away or silent.
    None,
}

/// Tells what a fault means that comes again and again.
pub(super) fn refusal(fault: &Fault) -> Refusal {
    match (fault.next, fault.code.as_deref()) {
        (Next::LookAgain, Some(_)) => Refusal::OfThis,
        (Next::Retry, Some("1" | "80")) => Refusal::Odd,
        _ => Refusal::None,
    }
}

fn outcome_of(kind: Kind, operation: &Operation, done: &Done) -> Outcome {
    match (kind, done) {
        (Kind::Create, Done::AlreadySo) => Outcome::Unchanged,
        (Kind::Create, _) => Outcome::Created,
        (Kind::Disable, _) => Outcome::Disabled,
        (Kind::Archive, _) => Outcome::Moved,
        (Kind::Delete, _) => Outcome::Deleted,
        (Kind::Update | Kind::Members, _) => match operation {
            Operation::Update(update) if update.enabled == Some(true) && update.changes.is_empty() => Outcome::Enabled,
            _ => Outcome::Updated,
        },
    }
}

/// Returns how long to wait before attempt `n + 1`: 0.25 s doubled each time, up to 8 s.
pub(super) fn backoff(n: u32) -> Duration {
    Duration::from_millis(250) * 2_u32.saturating_pow(n.min(5))
}
