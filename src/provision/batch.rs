//! One batch before and after it is sent: intent, then read-back, evidence, letters.

use std::collections::HashMap;

use super::Early;
use super::Progression;
use super::courier::Announced;
use super::courier::Fate;
use super::courier::Placed;
use super::courier::Sent;
use super::courier::backoff;
use super::look::differences;
use super::tasks;
use super::tasks::Task;
use crate::directory::Directory;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::LineNo;
use crate::roster::earlier::Creation;
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

/// How often an account that was written, and is not there when read back, is looked for.
const LOOKS: u32 = 3;

/// A batch of which it is known what came of it.
#[derive(Debug)]
pub(super) struct Concluded {
    pub(super) tasks: Vec<Task>,
    pub(super) fates: Vec<Fate>,
    /// What the directory holds of the tasks that were done.
    pub(super) entries: HashMap<usize, ExistingAccount>,
    /// How many passwords were made for each letter.
    pub(super) generations: HashMap<LineNo, u32>,
}

impl<D: Directory> Progression<'_, D> {
    /// Makes the passwords of a batch.
    pub(super) fn prepare(&self, mut tasks: Vec<Task>) -> Vec<Task> {
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
        tasks
    }

    /// Lets the journal know what came of batches, and what is about to be sent.
    pub(super) async fn announce(
        &self,
        known: Evidence,
        batches: Vec<Vec<Task>>,
    ) -> Result<Vec<Announced>, DatabaseError> {
        let intent = |task: &Task| Started {
            key: task.key.clone(),
            kind: task.kind,
            password: task.has_password(),
            letter: task.letter,
            before: task.before(),
        };
        let next = batches.iter().flatten().map(intent).collect();
        let generations = self.work.state.advanced(self.work.run, known, next).await?;
        let of_batch = |tasks: Vec<Task>| {
            let lines = tasks.iter().filter_map(Task::line);
            let generations = lines.filter_map(|line| Some((line, *generations.get(&line)?))).collect();
            Announced { tasks, generations }
        };
        Ok(batches.into_iter().map(of_batch).collect())
    }

    /// Proves what came of a batch, and returns what the journal is to know of it before letters go out. Results of
    /// people whose fate stays unknown say so, and the journal keeps them open.
    pub(super) async fn conclude(&mut self, sent: Sent) -> Result<(Evidence, Concluded), DatabaseError> {
        let Sent { batch: Announced { tasks, generations }, mut fates, shown, left_behind } = sent;
        for (place, what) in left_behind {
            let result = &mut self.results[tasks[place].item];
            result.notes.push(what);
            result.incomplete = true;
        }
        self.keep_numbers().await?;
        let entries = self.read_back(&tasks, &mut fates, shown).await;
        let evidence = self.keep(&tasks, &fates, &entries);
        Ok((evidence, Concluded { tasks, fates, entries, generations }))
    }

    /// Takes back what the directory does not confirm. Accounts that it has not shown are read back, and those whose
    /// password is to be told: what stands in a letter must be what stands in the directory.
    async fn read_back(
        &mut self,
        tasks: &[Task],
        fates: &mut [Fate],
        mut shown: HashMap<usize, ExistingAccount>,
    ) -> HashMap<usize, ExistingAccount> {
        let mut written: Placed = Vec::new();
        let mut confirmed = HashMap::new();
        for (place, task) in tasks.iter().enumerate() {
            if !fates[place].is_written() {
                continue;
            }
            match shown.remove(&place).filter(|_| !task.letter) {
                Some(entry) => {
                    self.confirm(task, &mut fates[place], &entry);
                    confirmed.insert(place, entry);
                }
                None => written.push((place, task.operation.clone())),
            }
        }
        for look in 1..=LOOKS {
            if written.is_empty() {
                break;
            }
            let found = match self.courier.look_patiently(&written).await {
                Ok(found) => found,
                Err(fault) => {
                    for (place, _) in written {
                        fates[place] = Fate::Unknown;
                    }
                    self.courier.end(Early::after(fault));
                    return confirmed;
                }
            };
            let mut surprising = Vec::new();
            for (place, operation) in written {
                match (&operation, found.of(&operation)) {
                    (Operation::Delete { .. }, None) => {}
                    (Operation::Delete { .. }, Some(_)) | (_, None) => surprising.push((place, operation)),
                    (_, Some(entry)) => {
                        self.confirm(&tasks[place], &mut fates[place], entry);
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

    /// Compares what was written with what is there.
    fn confirm(&mut self, task: &Task, fate: &mut Fate, entry: &ExistingAccount) {
        let (failed, notes) = differences(&self.courier.as_stored(&task.operation), entry);
        self.results[task.item].notes.extend(notes);
        if task.kind == Kind::Archive && failed.is_some() && !entry.enabled {
            *fate = Fate::Settled(Outcome::Disabled);
        } else if let Some(reason) = failed {
            *fate = Fate::Settled(Outcome::Failed(reason));
        }
    }

    /// Keeps the results, and returns the evidence.
    fn keep(&mut self, tasks: &[Task], fates: &[Fate], entries: &HashMap<usize, ExistingAccount>) -> Evidence {
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
        evidence
    }

    /// Returns evidence with nothing in it yet.
    pub(super) fn evidence(&self) -> Evidence {
        Evidence { target: self.work.target.to_owned(), at: (self.work.now)(), ..Evidence::default() }
    }

    /// Writes evidence down, if there is any.
    pub(super) async fn keep_evidence(&self, evidence: Evidence) -> Result<(), DatabaseError> {
        self.work.state.finished(self.work.run, evidence).await
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
