//! What of a plan is to be sent, and what every person's result is before that.

use std::collections::HashMap;
use std::collections::HashSet;

use self::left::has_rest;
use self::left::held_notes;
use self::left::is_held_whole;
pub(super) use self::left::left_of;
use self::left::touches_account;
use super::Work;
use super::journal_key;
use super::turns;
use crate::roster::account::Account;
use crate::roster::account::LineNo;
use crate::roster::attribute::AttributeName;
use crate::roster::earlier::Creation;
use crate::roster::guard;
use crate::roster::operation::Create;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::roster::place::Before;
use crate::roster::place::Relocation;
use crate::roster::place::Step;
use crate::roster::plan::CreateIntent;
use crate::roster::plan::HoldClass;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::PasswordSource;
use crate::roster::plan::Plan;
use crate::roster::plan::Status;
use crate::roster::plan::UpdateIntent;
use crate::roster::plan_id;
use crate::roster::problem::Severity;
use crate::roster::secret::Secret;
use crate::state::journal::JournalKey;
use crate::state::journal::Journaled;
use crate::state::journal::Kind;
use crate::state::journal::LetterState;

mod left;

/// Told of people for whom there is nothing left to do.
pub const DONE_BEFORE: &str = "done earlier in this run";

/// One person to be written.
#[derive(Debug)]
pub struct Task {
    /// The item's place in the plan.
    pub item: usize,
    /// Whom the journal calls it.
    pub key: JournalKey,
    /// What the journal calls it.
    pub kind: Kind,
    /// What is sent. Passwords to be generated are filled in just before.
    pub operation: Operation,
    /// Whether a password is to be generated.
    pub generate: bool,
    /// Whether a letter with the password is wanted.
    pub letter: bool,
    /// Whether that password replaces one that was written, or may have been, and that nobody was told.
    pub replaces_owed: bool,
    /// Whether this run has made the account, now or before.
    pub creates: bool,
}

impl Task {
    /// Returns the row.
    pub fn line(&self) -> Option<LineNo> {
        match &self.key {
            JournalKey::Line(line) => Some(*line),
            JournalKey::Entry(_) => None,
        }
    }

    /// Returns what the account was called and where it was, if that is to change.
    pub fn before(&self) -> Before {
        match &self.operation {
            Operation::Update(update) => update.relocation.as_ref().map(Relocation::before).unwrap_or_default(),
            Operation::Delete { id, username } => Before { username: username.clone(), place: id.locator.clone() },
            _ => Before::default(),
        }
    }

    /// Returns whether the account was made before, by this run.
    pub fn is_made(&self) -> bool {
        self.creates && self.kind != Kind::Create
    }

    /// Returns whether a password is written.
    pub fn has_password(&self) -> bool {
        match &self.operation {
            Operation::Create(create) => create.password.is_some() || self.generate,
            Operation::Update(update) => update.password.is_some() || self.generate,
            _ => false,
        }
    }
}

/// Returns the tasks of the first phase (accounts) and of the last one (switching off and deleting).
pub fn of<D>(work: &Work<'_, D>) -> (Vec<Task>, Vec<Task>) {
    let mut accounts = Vec::new();
    let mut last = Vec::new();
    let stopped = stopped(work);
    for (place, item) in work.plan.items.iter().enumerate() {
        if blocked(work, item).is_some() || stopped.contains_key(&place) {
            continue;
        }
        let Some(key) = journal_key(work.plan, place) else { continue };
        match &item.intent {
            Intent::Create(create) => accounts.extend(creation(work, place, item, key, create)),
            Intent::Update(update) => accounts.extend(change(work, place, item, key, update)),
            Intent::Disable => last.extend(switch_off(work.plan, place, item, key)),
            Intent::Archive { place: way, .. } => last.extend(moving_away(work.plan, place, item, key, way)),
            Intent::Delete | Intent::Purge { .. } => last.extend(deletion(work.plan, place, item, key)),
            Intent::Nothing | Intent::Skip(_) | Intent::Report => {}
        }
    }
    (accounts, last)
}

/// Returns the items that must not go, since somebody they wait for does not leave their name or place, and why.
fn stopped<D>(work: &Work<'_, D>) -> HashMap<usize, String> {
    let held = || Some("held for approval".to_owned());
    let stays = |place: usize| {
        let item = &work.plan.items[place];
        blocked(work, item).or_else(|| match &item.intent {
            Intent::Update(update)
                if update.relocation.is_some() && left_of(work, item, update).relocation.is_none() =>
            {
                held()
            }
            _ => None,
        })
    };
    let keeps = |place: usize| {
        let (given, item) = (work.plan.turns.gives.get(&place)?, &work.plan.items[place]);
        let Intent::Update(update) = &item.intent else { return None };
        let left = left_of(work, item, update).changes;
        let is_left = |name: &AttributeName| left.iter().any(|change| change.attribute == *name);
        if given.iter().all(is_left) { None } else { held() }
    };
    turns::stopped(work, stays, keeps)
}

/// Returns the items of which only that changes which is written after all accounts: references and memberships.
pub fn rest_only<D>(work: &Work<'_, D>) -> Vec<usize> {
    let places = work.plan.items.iter().enumerate();
    places.filter(|(_, item)| is_rest_only(work, item)).map(|(place, _)| place).collect()
}

/// Returns whether only that of the item changes which is written after all accounts.
pub(super) fn is_rest_only<D>(work: &Work<'_, D>, item: &Item) -> bool {
    let Intent::Update(update) = &item.intent else { return false };
    let left = left_of(work, item, update);
    has_rest(&left) && !touches_account(&left) && blocked(work, item).is_none()
}

/// Returns every person's result as it is when nothing is sent for them.
pub fn first_results<D>(work: &Work<'_, D>) -> Vec<ItemResult> {
    let stopped = stopped(work);
    let result = |(place, item): (usize, &Item)| {
        let before = journal_key(work.plan, place).and_then(|key| work.journaled.get(&key));
        let mut result = ItemResult::new(first_outcome(work, item, before));
        if let Some(why) = stopped.get(&place).filter(|_| blocked(work, item).is_none()) {
            leave(&mut result, before, why);
        }
        if let Intent::Update(update) = &item.intent {
            result.notes.extend(held_notes(work, item, update));
        }
        if let Some(before) = before.filter(|before| before.known() == Some(&result.outcome)) {
            result.notes.extend(before.notes.iter().cloned());
        }
        let was_written = before.is_some() && result.outcome.reason().is_none();
        if was_written && !result.notes.iter().any(|note| note == DONE_BEFORE) {
            result.notes.push(DONE_BEFORE.to_owned());
        }
        match item.line.and_then(|line| work.lettered.get(&line)).map(|letter| &letter.state) {
            Some(LetterState::Sent) => result.letter = LetterOutcome::Sent,
            Some(LetterState::Failed(why)) => {
                result.letter = LetterOutcome::Failed;
                result.notes.push(why.clone());
            }
            Some(LetterState::Owed) | None => {}
        }
        result
    };
    work.plan.items.iter().enumerate().map(result).collect()
}

/// Sets the result of somebody who is not written although the plan says so. Somebody whose account this run has made
/// before stays Created.
pub(super) fn leave(result: &mut ItemResult, before: Option<&Journaled>, reason: &str) {
    if before.is_some_and(|before| before.creation() == Creation::Done) {
        result.outcome = Outcome::Created;
        result.incomplete = true;
        result.notes.push(format!("not all is done: {reason}"));
    } else {
        result.outcome = Outcome::NotAttempted(reason.to_owned());
    }
}

fn first_outcome<D>(work: &Work<'_, D>, item: &Item, before: Option<&Journaled>) -> Outcome {
    if let Some(known) = before.and_then(Journaled::known)
        && (!item.intent.writes() || *known == Outcome::Created)
    {
        return known.clone();
    }
    // Started, and now the directory is as it should be: that is the evidence that was missing.
    let confirmed = before.filter(|_| !item.intent.writes()).map(|known| known.kind);
    match (&item.intent, item.status) {
        (_, Status::Error) if confirmed == Some(Kind::Delete) => Outcome::Deleted,
        (_, Status::Error) => Outcome::Rejected(reasons(item)),
        (Intent::Nothing | Intent::Report, _) => match confirmed {
            Some(kind) => kind.when_done(),
            None if item.status == Status::Old => Outcome::Reported,
            None => Outcome::Unchanged,
        },
        (Intent::Skip(why), _) => Outcome::NotAttempted((*why).to_owned()),
        (_, _) => match blocked(work, item) {
            Some(why) => Outcome::NotAttempted(why),
            None => Outcome::NotAttempted("not reached".to_owned()),
        },
    }
}

fn reasons(item: &Item) -> String {
    let errors = item.problems.iter().filter(|problem| problem.severity == Severity::Error);
    errors.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// Returns why nothing may be sent for the item, though the plan says something.
fn blocked<D>(work: &Work<'_, D>, item: &Item) -> Option<String> {
    if !item.intent.writes() {
        return None;
    }
    let class = match &item.intent {
        Intent::Create(_) => Some(HoldClass::Creates),
        Intent::Update(update) if is_existing(item) && !update.letter_owed => Some(HoldClass::Updates),
        _ => None,
    };
    let is_held = |class: &HoldClass| work.held.contains(class) && guard::count(item, *class) > 0;
    let class = class.or([HoldClass::Old, HoldClass::Deletions].into_iter().find(is_held));
    let owes_letter = matches!(&item.intent, Intent::Update(update) if update.letter_owed);
    let whole = is_held_whole(work, item).filter(|_| !owes_letter);
    if let Some(class) = class.filter(|class| work.held.contains(class)).or(whole) {
        return Some(format!("held for approval (`limits.{}`)", class.key()));
    }
    if let Intent::Update(update) = &item.intent {
        let left = left_of(work, item, update);
        if !touches_account(&left) && !has_rest(&left) {
            let notes = held_notes(work, item, update);
            return Some(notes.join("; "));
        }
    }
    let is_approved =
        |approved: &HashSet<[u8; 16]>| plan_id::parts(work.plan, item).iter().all(|part| approved.contains(part));
    let approved = work.approved.is_none_or(is_approved);
    (!approved).then(|| "it is not as it was when the plan was approved; drop the roster again".to_owned())
}

/// Returns whether the account was there before this run.
fn is_existing(item: &Item) -> bool {
    item.status != Status::New
}

fn creation<D>(work: &Work<'_, D>, place: usize, item: &Item, key: JournalKey, create: &CreateIntent) -> Option<Task> {
    let account = work.plan.account(item)?;
    let operation = Operation::Create(Create {
        username: account.username.clone(),
        locator: account.locator.clone(),
        attributes: account.attributes.clone(),
        password: password(create.password, account.password.as_ref()),
        must_change: create.must_change,
    });
    Some(Task {
        item: place,
        key,
        kind: Kind::Create,
        operation,
        generate: create.password == PasswordSource::Generated,
        letter: can_get_letters(work, account),
        replaces_owed: false,
        creates: true,
    })
}

fn change<D>(work: &Work<'_, D>, place: usize, item: &Item, key: JournalKey, update: &UpdateIntent) -> Option<Task> {
    let left = left_of(work, item, update);
    if !touches_account(&left) {
        return None;
    }
    let account = work.plan.account(item)?;
    let now_called = left.relocation.as_ref().and_then(|relocation| relocation.username.as_ref());
    let operation = Operation::Update(Update {
        id: (**item.entry.as_ref()?).clone(),
        username: now_called.map_or(&account.username, |step| &step.from).clone(),
        relocation: left.relocation,
        changes: left.changes,
        password: left.password.and_then(|source| password(source, account.password.as_ref())),
        must_change: left.must_change,
        enabled: left.enabled,
    });
    Some(Task {
        item: place,
        key,
        kind: Kind::Update,
        operation,
        generate: left.password == Some(PasswordSource::Generated),
        letter: left.password.is_some() && can_get_letters(work, account),
        replaces_owed: update.letter_owed,
        creates: !is_existing(item),
    })
}

fn can_get_letters<D>(work: &Work<'_, D>, account: &Account) -> bool {
    work.letters.is_some() && !account.person.email().is_empty()
}

fn password(source: PasswordSource, of_row: Option<&Secret>) -> Option<Secret> {
    match source {
        PasswordSource::Row => of_row.cloned(),
        PasswordSource::Generated => None,
    }
}

fn switch_off(plan: &Plan, place: usize, item: &Item, key: JournalKey) -> Option<Task> {
    let update = Update::of((**item.entry.as_ref()?).clone(), plan.username(item).into());
    let operation = Operation::Update(Update { enabled: Some(false), ..update });
    Some(without_password(place, key, Kind::Disable, operation))
}

fn moving_away(plan: &Plan, place: usize, item: &Item, key: JournalKey, way: &Step) -> Option<Task> {
    let mut task = switch_off(plan, place, item, key)?;
    if let Operation::Update(update) = &mut task.operation {
        update.relocation = Some(Relocation::to(way.clone()));
    }
    Some(Task { kind: Kind::Archive, ..task })
}

fn deletion(plan: &Plan, place: usize, item: &Item, key: JournalKey) -> Option<Task> {
    let id = (**item.entry.as_ref()?).clone();
    let operation = Operation::Delete { id, username: plan.username(item).into() };
    Some(without_password(place, key, Kind::Delete, operation))
}

fn without_password(item: usize, key: JournalKey, kind: Kind, operation: Operation) -> Task {
    Task { item, key, kind, operation, generate: false, letter: false, replaces_owed: false, creates: false }
}
