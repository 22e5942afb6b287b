//! One batch: intent, writes, read-back, evidence, letters.

use std::collections::HashMap;
use std::time::Duration;

use super::Early;
use super::Progression;
use super::tasks;
use super::tasks::Task;
use crate::directory::Directory;
use crate::provision::look::Verdict;
use crate::provision::look::decide;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::earlier::Creation;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Done;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::sqlite::DatabaseError;
use crate::state::journal::Evidence;
use crate::state::journal::Kind;
use crate::state::journal::Off;
use crate::state::journal::Started;

/// How often one operation is tried before the run gives up for now.
const ATTEMPTS: u32 = 6;

/// How often an account that was written, and is not there when read back, is looked for.
const LOOKS: u32 = 3;

/// How many operations in a row may be refused for lack of rights before the run ends.
const REFUSED_IN_A_ROW: usize = 3;

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

/// The tasks of a batch on their way.
struct Pending<'t> {
    tasks: &'t [Task],
    fates: Vec<Option<Outcome>>,
    /// Whether a task may have been done without an answer that says so.
    in_doubt: Vec<bool>,
    last_fault: Option<Fault>,
}

type Placed = Vec<(usize, Operation)>;

impl<D: Directory> Progression<'_, D> {
    /// Carries one batch through. Results of people whose fate stays unknown say so, and the journal keeps them open.
    pub(super) async fn batch(&mut self, mut tasks: Vec<Task>) -> Result<(), DatabaseError> {
        for task in tasks.iter_mut().filter(|task| task.generate) {
            // Some directories refuse passwords with parts of the person's names in them.
            let item = &self.work.plan.items[task.item];
            let person = self.work.plan.person(item).cloned().unwrap_or_default();
            let names = [self.work.plan.username(item), person.first(), person.surname()];
            let password = self.work.passwords.generate_without(&mut rand::rng(), &names);
            match &mut task.operation {
                Operation::Create(create) => create.password = Some(password),
                Operation::Update(update) => update.password = Some(password),
                _ => {}
            }
        }
        let intent = |task: &Task| Started {
            key: task.key.clone(),
            kind: task.kind,
            password: task.has_password(),
            letter: task.letter,
            before: task.before(),
        };
        let generations = self.work.state.started(self.work.run, tasks.iter().map(intent).collect()).await?;
        let mut fates = self.carry_out(&tasks).await;
        self.keep_numbers().await?;
        let entries = self.read_back(&tasks, &mut fates).await;
        self.keep(&tasks, &fates, &entries).await?;
        self.post(&tasks, &fates, &entries, &generations).await
    }

    /// Sends the operations until it is known what came of each, or the directory is no use.
    async fn carry_out(&mut self, tasks: &[Task]) -> Vec<Fate> {
        let mut pending =
            Pending { tasks, fates: vec![None; tasks.len()], in_doubt: vec![false; tasks.len()], last_fault: None };
        let mut rest: Placed = tasks.iter().map(|task| task.operation.clone()).enumerate().collect();
        for attempt in 0..ATTEMPTS {
            rest = self.send(rest, &mut pending).await;
            if rest.is_empty() || self.early.is_some() {
                return pending.fates();
            }
            self.rest(backoff(attempt)).await;
            if self.work.stop.is_cancelled() {
                self.early.get_or_insert(Early::Stopped);
                return pending.fates();
            }
        }
        let fault = pending.last_fault.take().unwrap_or_else(|| Fault::new(Next::Retry, "no final answer"));
        self.early.get_or_insert(Early::Unavailable(fault));
        pending.fates()
    }

    /// Sends operations once, and returns those that are to be sent again.
    async fn send(&mut self, operations: Placed, pending: &mut Pending<'_>) -> Placed {
        let (places, sent): (Vec<usize>, Vec<Operation>) = operations.into_iter().unzip();
        let answers = self.work.directory.apply(&sent, &self.pace).await;
        let mut again: Placed = Vec::new();
        let mut look: Placed = Vec::new();
        for ((place, operation), answer) in places.into_iter().zip(sent).zip(answers) {
            let fault = match answer {
                Ok(done) => {
                    self.refused_in_a_row = 0;
                    if let Done::ChangedBut(what) = &done {
                        let result = &mut self.results[pending.tasks[place].item];
                        result.notes.push(what.clone());
                        result.incomplete = true;
                    }
                    pending.fates[place] = Some(outcome_of(pending.tasks[place].kind, &operation, &done));
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
                    pending.last_fault = Some(fault);
                    again.push((place, operation));
                }
                Next::LookAgain => {
                    // A server that answered has not done it; silence may mean anything.
                    pending.in_doubt[place] |= fault.code.is_none();
                    pending.last_fault = Some(fault);
                    look.push((place, operation));
                }
                Next::StopRun => {
                    pending.in_doubt[place] |= fault.code.is_none();
                    self.early.get_or_insert(Early::Useless(fault));
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
        match self.look_patiently(&look).await {
            Ok(found) => {
                for (place, operation) in look {
                    match decide(operation, pending.tasks[place].kind, &found, pending.in_doubt[place]) {
                        Verdict::Settled(outcome) => pending.fates[place] = Some(outcome),
                        Verdict::Again(operation) => again.push((place, operation)),
                    }
                }
            }
            Err(fault) => {
                self.early.get_or_insert(Early::after(fault));
            }
        }
        again
    }

    pub(super) fn note_refusal(&mut self, fault: &Fault) {
        const INSUFFICIENT_ACCESS_RIGHTS: &str = "50"; // RFC 4511 section 4.1.9
        if fault.code.as_deref() == Some(INSUFFICIENT_ACCESS_RIGHTS) {
            self.refused_in_a_row += 1;
            if self.refused_in_a_row >= REFUSED_IN_A_ROW {
                self.early.get_or_insert_with(|| Early::Useless(fault.clone()));
            }
        } else {
            self.refused_in_a_row = 0;
        }
    }

    /// Reads every written account back and takes back what the directory does not confirm.
    async fn read_back(&mut self, tasks: &[Task], fates: &mut [Fate]) -> HashMap<usize, ExistingAccount> {
        let is_written = |place: usize| {
            matches!(
                fates[place],
                Fate::Settled(
                    Outcome::Created
                        | Outcome::Updated
                        | Outcome::Enabled
                        | Outcome::Disabled
                        | Outcome::Moved
                        | Outcome::Deleted
                )
            )
        };
        let places = tasks.iter().enumerate().filter(|(place, _)| is_written(*place));
        let mut written: Placed = places.map(|(place, task)| (place, task.operation.clone())).collect();
        let mut confirmed = HashMap::new();
        for look in 1..=LOOKS {
            if written.is_empty() {
                break;
            }
            let found = match self.look_patiently(&written).await {
                Ok(found) => found,
                Err(fault) => {
                    for (place, _) in written {
                        fates[place] = Fate::Unknown;
                    }
                    self.early.get_or_insert(Early::after(fault));
                    return confirmed;
                }
            };
            let mut surprising = Vec::new();
            for (place, operation) in written {
                match (&operation, found.of(&operation)) {
                    (Operation::Delete { .. }, None) => {}
                    (Operation::Delete { .. }, Some(_)) | (_, None) => surprising.push((place, operation)),
                    (_, Some(entry)) => {
                        let (failed, notes) = found.differences(&operation, entry);
                        self.results[tasks[place].item].notes.extend(notes);
                        if tasks[place].kind == Kind::Archive && failed.is_some() && !entry.enabled {
                            fates[place] = Fate::Settled(Outcome::Disabled);
                        } else if let Some(reason) = failed {
                            fates[place] = Fate::Settled(Outcome::Failed(reason));
                        }
                        confirmed.insert(place, entry.clone());
                    }
                }
            }
            written = surprising;
            // A server that answers reads from a copy of itself may be late.
            if !written.is_empty() && look < LOOKS {
                tokio::time::sleep(backoff(look)).await;
            }
        }
        for (place, operation) in written {
            let text = match operation {
                Operation::Delete { .. } => "the directory accepted it, but it is still there when read back",
                _ => "the directory accepted it, but it is not there when read back",
            };
            fates[place] = Fate::Settled(Outcome::Failed(text.to_owned()));
        }
        confirmed
    }

    /// Writes the evidence down and keeps the results.
    async fn keep(
        &mut self,
        tasks: &[Task],
        fates: &[Fate],
        entries: &HashMap<usize, ExistingAccount>,
    ) -> Result<(), DatabaseError> {
        let mut evidence = self.evidence();
        let early = self.why_early();
        for (place, (task, fate)) in tasks.iter().zip(fates).enumerate() {
            let before = self.work.journaled.get(&task.key);
            let result = &mut self.results[task.item];
            let outcome = match fate {
                Fate::Settled(outcome) => outcome,
                Fate::Undone => {
                    tasks::leave(result, before, &early);
                    if task.replaces_owed {
                        result.letter = LetterOutcome::Owed;
                    } else if before.is_none() {
                        evidence.undone.push(task.key.clone());
                        evidence.no_letter.extend(task.line().filter(|_| task.letter));
                    }
                    continue;
                }
                Fate::Unknown => {
                    tasks::leave(result, before, &format!("not known yet whether it was done: {early}"));
                    if task.letter {
                        result.letter = LetterOutcome::Owed;
                    }
                    continue;
                }
            };
            let entry = entries.get(&place);
            if let Some(entry) = entry {
                let member = Member { id: entry.id.clone(), username: entry.username.clone() };
                self.entries.insert(task.item, member);
            }
            match (outcome, entry) {
                // Whom a row switches off stays off until a person says otherwise; an Old one may come back.
                (Outcome::Disabled | Outcome::Moved, Some(entry)) if task.line().is_none() => {
                    let before = Some(task.before().place).filter(|_| *outcome == Outcome::Moved);
                    evidence.off.push(Off { entry: entry.id.clone(), username: entry.username.clone(), before });
                }
                (Outcome::Deleted, _) => evidence.on.extend(deleted(task)),
                (Outcome::Enabled | Outcome::Updated, Some(entry)) if entry.enabled => {
                    evidence.on.extend(switched_on(task));
                }
                _ => {}
            }
            let is_posted = matches!(outcome, Outcome::Created | Outcome::Updated | Outcome::Enabled);
            if let Some(line) = task.line().filter(|_| task.letter && !is_posted) {
                if task.replaces_owed {
                    let why = "no letter: the account has a password that nobody knows, and no new one could be set; \
                               set one by hand";
                    result.letter = LetterOutcome::Failed;
                    result.notes.push(why.to_owned());
                    evidence.letter_failed.push((line, why.to_owned()));
                } else {
                    evidence.no_letter.push(line);
                }
            }
            let was_made = task.is_made() || before.is_some_and(|before| before.creation() == Creation::Done);
            settle(result, was_made, outcome);
            evidence.finish(task.key.clone(), result);
        }
        self.keep_evidence(evidence).await
    }

    /// Returns evidence with nothing in it yet.
    pub(super) fn evidence(&self) -> Evidence {
        Evidence { target: self.work.target.to_owned(), at: (self.work.now)(), ..Evidence::default() }
    }

    /// Writes evidence down, if there is any.
    pub(super) async fn keep_evidence(&self, evidence: Evidence) -> Result<(), DatabaseError> {
        let Evidence { finished, undone, no_letter, letter_failed, off, on, target: _, at: _ } = &evidence;
        let is_empty = finished.is_empty()
            && undone.is_empty()
            && no_letter.is_empty()
            && letter_failed.is_empty()
            && off.is_empty()
            && on.is_empty();
        if is_empty { Ok(()) } else { self.work.state.finished(self.work.run, evidence).await }
    }
}

impl Pending<'_> {
    fn fates(&self) -> Vec<Fate> {
        let fate = |(fate, in_doubt): (&Option<Outcome>, &bool)| match fate {
            Some(outcome) => Fate::Settled(outcome.clone()),
            None if *in_doubt => Fate::Unknown,
            None => Fate::Undone,
        };
        self.fates.iter().zip(&self.in_doubt).map(fate).collect()
    }
}

/// Puts a known outcome into a result. An account that this run has made before stays Created, whatever comes of what
/// was left to do.
pub(super) fn settle(result: &mut ItemResult, was_made: bool, outcome: &Outcome) {
    result.outcome = match outcome.reason() {
        None if was_made => Outcome::Created,
        Some(reason) if was_made => {
            result.incomplete = true;
            result.notes.push(format!("not all is done: {reason}"));
            Outcome::Created
        }
        _ => outcome.clone(),
    };
}

fn switched_on(task: &Task) -> Option<EntryId> {
    match &task.operation {
        Operation::Update(update) if update.enabled == Some(true) => Some(update.id.clone()),
        _ => None,
    }
}

fn deleted(task: &Task) -> Option<EntryId> {
    match &task.operation {
        Operation::Delete { id, .. } => Some(id.clone()),
        _ => None,
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
