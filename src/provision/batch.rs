//! One batch: intent, writes, read-back, evidence, letters.

use std::collections::HashMap;
use std::time::Duration;

use super::Early;
use super::Progression;
use super::tasks::Task;
use crate::directory::Directory;
use crate::provision::letters::LetterOrder;
use crate::provision::look::Verdict;
use crate::provision::look::decide;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::LineNo;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Done;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::sqlite::DatabaseError;
use crate::state::journal::JournalKey;
use crate::state::journal::Kind;
use crate::state::journal::Started;

/// How often one operation is tried before the run gives up for now.
const ATTEMPTS: u32 = 6;

/// How many operations in a row may be refused for lack of rights before the run ends.
const REFUSED_IN_A_ROW: usize = 3;

/// What came of one task of a batch. `None`: nobody knows yet.
pub(super) type Settled = Option<Outcome>;

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
        let intents =
            tasks.iter().map(|task| Started { key: task.key.clone(), kind: task.kind, letter: task.letter }).collect();
        let generations = self.work.state.started(self.work.run, intents).await?;
        let mut settled = self.carry_out(&tasks).await;
        let entries = self.read_back(&tasks, &mut settled).await;
        self.keep(&tasks, &settled, &entries).await?;
        self.post(&tasks, &settled, &entries, &generations).await?;
        Ok(())
    }

    /// Sends the operations until each has a final outcome, or the directory is no use.
    async fn carry_out(&mut self, tasks: &[Task]) -> Vec<Settled> {
        let mut settled: Vec<Settled> = tasks.iter().map(|_| None).collect();
        let mut in_doubt = vec![false; tasks.len()];
        let mut pending: Vec<(usize, Operation)> =
            tasks.iter().map(|task| task.operation.clone()).enumerate().collect();
        let mut last_fault = None;
        for attempt in 0..ATTEMPTS {
            let operations: Vec<Operation> = pending.iter().map(|(_, operation)| operation.clone()).collect();
            let answers = self.work.directory.apply(&operations, &self.pace).await;
            let mut again = Vec::new();
            let mut look = Vec::new();
            for ((place, operation), answer) in std::mem::take(&mut pending).into_iter().zip(answers) {
                match answer {
                    Ok(done) => {
                        self.refused_in_a_row = 0;
                        settled[place] = Some(outcome_of(tasks[place].kind, &operation, &done));
                    }
                    Err(fault) => match fault.next {
                        Next::RejectRow => {
                            self.note_refusal(&fault);
                            settled[place] = Some(Outcome::Rejected(fault.to_string()));
                        }
                        Next::Retry => {
                            last_fault = Some(fault);
                            again.push((place, operation));
                        }
                        Next::LookAgain => {
                            // A server that answered has not done it; silence may mean anything.
                            in_doubt[place] |= fault.code.is_none();
                            last_fault = Some(fault);
                            look.push((place, operation));
                        }
                        Next::StopRun => {
                            self.early.get_or_insert(Early::Useless(fault));
                        }
                    },
                }
            }
            match self.look(&look).await {
                Ok(found) => {
                    for (place, operation) in look {
                        match decide(operation, tasks[place].kind, &found, in_doubt[place]) {
                            Verdict::Settled(outcome) => settled[place] = Some(outcome),
                            Verdict::Again(operation) => again.push((place, operation)),
                        }
                    }
                }
                Err(fault) => {
                    last_fault = Some(fault);
                    again.extend(look.into_iter().inspect(|(place, _)| in_doubt[*place] = true));
                }
            }
            if again.is_empty() || self.early.is_some() {
                return settled;
            }
            // What may have been done already must be looked at before it is sent once more.
            pending = match self.still_to_do(again, tasks, &in_doubt, &mut settled).await {
                Ok(pending) => pending,
                Err(fault) => {
                    self.early.get_or_insert(Early::Unavailable(fault));
                    return settled;
                }
            };
            if pending.is_empty() {
                return settled;
            }
            tokio::select! {
                () = tokio::time::sleep(backoff(attempt)) => {}
                () = self.work.stop.cancelled() => {
                    self.early.get_or_insert(Early::Stopped);
                    return settled;
                }
            }
        }
        let fault = last_fault.unwrap_or_else(|| Fault::new(Next::Retry, "no final answer"));
        self.early.get_or_insert(Early::Unavailable(fault));
        settled
    }

    async fn still_to_do(
        &mut self,
        again: Vec<(usize, Operation)>,
        tasks: &[Task],
        in_doubt: &[bool],
        settled: &mut [Settled],
    ) -> Result<Vec<(usize, Operation)>, Fault> {
        let (doubtful, mut sure): (Vec<_>, Vec<_>) = again.into_iter().partition(|(place, _)| in_doubt[*place]);
        if doubtful.is_empty() {
            return Ok(sure);
        }
        let found = self.look_patiently(&doubtful).await?;
        for (place, operation) in doubtful {
            match decide(operation, tasks[place].kind, &found, true) {
                Verdict::Settled(outcome) => settled[place] = Some(outcome),
                Verdict::Again(operation) => sure.push((place, operation)),
            }
        }
        Ok(sure)
    }

    fn note_refusal(&mut self, fault: &Fault) {
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
    async fn read_back(&mut self, tasks: &[Task], settled: &mut [Settled]) -> HashMap<usize, ExistingAccount> {
        let written: Vec<(usize, Operation)> = tasks
            .iter()
            .enumerate()
            .filter(|(place, _)| {
                matches!(
                    settled[*place],
                    Some(Outcome::Created | Outcome::Updated | Outcome::Enabled | Outcome::Disabled)
                )
            })
            .map(|(place, task)| (place, task.operation.clone()))
            .collect();
        let mut confirmed = HashMap::new();
        let found = match self.look_patiently(&written).await {
            Ok(found) => found,
            Err(fault) => {
                for (place, _) in written {
                    settled[place] = None;
                }
                self.early.get_or_insert(Early::Unavailable(fault));
                return confirmed;
            }
        };
        for (place, operation) in written {
            let item = tasks[place].item;
            let Some(entry) = found.of(&operation) else {
                let gone = "the directory accepted it, but it is not there when read back".to_owned();
                settled[place] = Some(Outcome::Failed(gone));
                continue;
            };
            let (failed, notes) = found.differences(&operation, entry);
            self.results[item].notes.extend(notes);
            if let Some(reason) = failed {
                settled[place] = Some(Outcome::Failed(reason));
            }
            confirmed.insert(place, entry.clone());
        }
        confirmed
    }

    /// Writes the evidence down and keeps the results.
    async fn keep(
        &mut self,
        tasks: &[Task],
        settled: &[Settled],
        entries: &HashMap<usize, ExistingAccount>,
    ) -> Result<(), DatabaseError> {
        let mut finished = Vec::new();
        let mut no_letter = Vec::new();
        let mut off = Vec::new();
        let mut on = Vec::new();
        for (place, (task, outcome)) in tasks.iter().zip(settled).enumerate() {
            let result = &mut self.results[task.item];
            let Some(outcome) = outcome else {
                let why = self.early.as_ref().map_or_else(|| "no final answer".to_owned(), ToString::to_string);
                result.outcome = Outcome::NotAttempted(format!("not known yet whether it was done: {why}"));
                continue;
            };
            let entry = entries.get(&place);
            if let Some(entry) = entry {
                let username = entry.username.clone();
                self.entries.insert(task.item, Member { id: entry.id.clone(), username });
            }
            let done = matches!(outcome, Outcome::Created | Outcome::Updated | Outcome::Enabled);
            if task.letter
                && !done
                && let JournalKey::Line(line) = task.key
            {
                no_letter.push(line);
            }
            match (outcome, entry) {
                (Outcome::Disabled, Some(entry)) => off.push((entry.id.clone(), entry.username.clone())),
                (Outcome::Enabled | Outcome::Updated, Some(entry)) if entry.enabled => on.extend(switched_on(task)),
                _ => {}
            }
            // An account that this run had created before an interruption stays Created.
            if !(result.outcome == Outcome::Created && *outcome == Outcome::Updated) {
                result.outcome = outcome.clone();
            }
            finished.push((task.key.clone(), result.outcome.clone()));
        }
        self.work.state.finished(self.work.run, finished, no_letter).await?;
        self.work.state.switched(self.work.target, off, on, (self.work.now)()).await
    }

    /// Orders the letters of people whose account was read back.
    async fn post(
        &mut self,
        tasks: &[Task],
        settled: &[Settled],
        entries: &HashMap<usize, ExistingAccount>,
        generations: &HashMap<LineNo, u32>,
    ) -> Result<(), DatabaseError> {
        for (place, task) in tasks.iter().enumerate().filter(|(_, task)| task.letter) {
            let (Some(entry), JournalKey::Line(line)) = (entries.get(&place), &task.key) else { continue };
            if !matches!(settled[place], Some(Outcome::Created | Outcome::Updated | Outcome::Enabled)) {
                continue;
            }
            let (password, must_change, created) = match &task.operation {
                Operation::Create(create) => (&create.password, create.must_change, true),
                Operation::Update(update) => (&update.password, update.must_change == Some(true), false),
                _ => continue,
            };
            let Some(password) = password.clone() else { continue };
            let result = &mut self.results[task.item];
            if must_change && entry.must_change != Some(true) && !self.work.letters_without_proof {
                let why = "no letter: the directory does not prove that the password must be changed at the next login";
                result.letter = LetterOutcome::Failed;
                result.notes.push(why.to_owned());
                self.work.state.letter_ended(self.work.run, *line, Some(why.to_owned())).await?;
                continue;
            }
            let Some(desk) = &self.work.letters else { continue };
            let Some(account) = self.work.plan.items.get(task.item).and_then(|item| self.work.plan.account(item))
            else {
                continue;
            };
            result.letter = LetterOutcome::Owed;
            desk.order(LetterOrder {
                item: task.item,
                line: *line,
                generation: generations.get(line).copied().unwrap_or(1),
                username: entry.username.clone(),
                person: account.person.clone(),
                password,
                must_change,
                created,
            });
            self.work.progress.letters(1);
        }
        Ok(())
    }
}

fn switched_on(task: &Task) -> Option<EntryId> {
    match &task.operation {
        Operation::Update(update) if update.enabled == Some(true) => Some(update.id.clone()),
        _ => None,
    }
}

fn outcome_of(kind: Kind, operation: &Operation, done: &Done) -> Outcome {
    match (kind, done) {
        (Kind::Create, Done::AlreadySo) => Outcome::Unchanged,
        (Kind::Create, _) => Outcome::Created,
        (Kind::Disable, _) => Outcome::Disabled,
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
