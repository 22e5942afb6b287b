//! What of a plan is to be sent, and what every person's result is before that.

use super::Work;
use super::journal_key;
use crate::roster::account::Action;
use crate::roster::change::Change;
use crate::roster::operation::Create;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::Outcome;
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
use crate::state::journal::Kind;

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
}

/// Returns the tasks of the first phase (accounts) and of the last one (switching off and deleting).
pub fn of<D>(work: &Work<'_, D>) -> (Vec<Task>, Vec<Task>) {
    let mut accounts = Vec::new();
    let mut last = Vec::new();
    for (place, item) in work.plan.items.iter().enumerate() {
        if blocked(work, item).is_some() {
            continue;
        }
        let Some(key) = journal_key(work.plan, place) else { continue };
        match &item.intent {
            Intent::Create(create) => accounts.extend(creation(work, place, item, key, create)),
            Intent::Update(update) => accounts.extend(change(work, place, item, key, update)),
            Intent::Disable => last.extend(switch_off(work.plan, place, item, key)),
            Intent::Delete => last.extend(deletion(work.plan, place, item, key)),
            Intent::Nothing | Intent::Skip(_) | Intent::Report => {}
        }
    }
    (accounts, last)
}

/// Returns the items of which only memberships change.
pub fn members_only<D>(work: &Work<'_, D>) -> Vec<usize> {
    let places = work.plan.items.iter().enumerate();
    places.filter(|(_, item)| is_members_only(work, item)).map(|(place, _)| place).collect()
}

/// Returns whether only memberships of the item change.
pub(super) fn is_members_only<D>(work: &Work<'_, D>, item: &Item) -> bool {
    let Intent::Update(update) = &item.intent else { return false };
    let left = without_held(work, item, update);
    !left.memberships.is_empty() && !touches_account(&left) && blocked(work, item).is_none()
}

/// Returns every person's result as it is when nothing is sent for them.
pub fn first_results<D>(work: &Work<'_, D>) -> Vec<ItemResult> {
    let result = |(place, item): (usize, &Item)| {
        let mut result = ItemResult::new(first_outcome(work, place, item));
        if let Intent::Update(update) = &item.intent {
            result.notes.extend(held_notes(work, item, update));
        }
        result
    };
    work.plan.items.iter().enumerate().map(result).collect()
}

fn first_outcome<D>(work: &Work<'_, D>, place: usize, item: &Item) -> Outcome {
    let before = journal_key(work.plan, place).and_then(|key| work.journaled.get(&key));
    if let Some(known) = before.and_then(|known| known.outcome.clone())
        && (!item.intent.writes() || matches!(known, Outcome::Created))
    {
        return known;
    }
    // Started, and now the directory is as it should be: that is the evidence that was missing.
    let confirmed = before.filter(|_| !item.intent.writes()).map(|known| known.kind);
    match (&item.intent, item.status) {
        (_, Status::Error) if confirmed == Some(Kind::Delete) => Outcome::Deleted,
        (_, Status::Error) => Outcome::Rejected(reasons(item)),
        (Intent::Nothing | Intent::Report, _) => match confirmed {
            Some(Kind::Create) => Outcome::Created,
            Some(Kind::Update | Kind::Members) => Outcome::Updated,
            Some(Kind::Disable) => Outcome::Disabled,
            Some(Kind::Delete) => Outcome::Deleted,
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
    let holds = |class: HoldClass| work.held.contains(&class);
    let held = match &item.intent {
        Intent::Create(_) => holds(HoldClass::Creates).then_some(HoldClass::Creates),
        Intent::Update(_) => holds(HoldClass::Updates).then_some(HoldClass::Updates),
        Intent::Disable | Intent::Delete => holds(HoldClass::Old).then_some(HoldClass::Old),
        _ => None,
    };
    if let Some(class) = held {
        return Some(format!("held for approval (`limits.{}`)", class.key()));
    }
    if let Intent::Update(update) = &item.intent {
        let left = without_held(work, item, update);
        if !touches_account(&left) && left.memberships.is_empty() {
            let notes = held_notes(work, item, update);
            return Some(notes.join("; "));
        }
    }
    let approved = work.approved.is_none_or(|digests| digests.contains(&plan_id::item_digest(work.plan, item)));
    (!approved).then(|| "it is not as it was when the plan was approved; drop the roster again".to_owned())
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
    let generate = create.password == PasswordSource::Generated;
    let letter = work.letters.is_some() && !account.person.email().is_empty();
    Some(Task { item: place, key, kind: Kind::Create, operation, generate, letter })
}

fn change<D>(work: &Work<'_, D>, place: usize, item: &Item, key: JournalKey, update: &UpdateIntent) -> Option<Task> {
    let left = without_held(work, item, update);
    if !touches_account(&left) {
        return None;
    }
    let account = work.plan.account(item)?;
    let operation = Operation::Update(Update {
        id: (**item.entry.as_ref()?).clone(),
        username: account.username.clone(),
        changes: left.changes,
        password: left.password.and_then(|source| password(source, account.password.as_ref())),
        must_change: left.must_change,
        enabled: left.enabled,
    });
    let letter = left.password.is_some() && work.letters.is_some() && !account.person.email().is_empty();
    let generate = left.password == Some(PasswordSource::Generated);
    Some(Task { item: place, key, kind: Kind::Update, operation, generate, letter })
}

fn password(source: PasswordSource, of_row: Option<&Secret>) -> Option<Secret> {
    match source {
        PasswordSource::Row => of_row.cloned(),
        PasswordSource::Generated => None,
    }
}

fn switch_off(plan: &Plan, place: usize, item: &Item, key: JournalKey) -> Option<Task> {
    let operation = Operation::Update(Update {
        id: (**item.entry.as_ref()?).clone(),
        username: plan.username(item).into(),
        changes: Vec::new(),
        password: None,
        must_change: None,
        enabled: Some(false),
    });
    Some(Task { item: place, key, kind: Kind::Disable, operation, generate: false, letter: false })
}

fn deletion(plan: &Plan, place: usize, item: &Item, key: JournalKey) -> Option<Task> {
    let id = (**item.entry.as_ref()?).clone();
    debug_assert!(plan.account(item).is_none_or(|account| account.choices.action == Action::Delete));
    let operation = Operation::Delete { id, username: plan.username(item).into() };
    Some(Task { item: place, key, kind: Kind::Delete, operation, generate: false, letter: false })
}

/// Returns what is left of an update when the held classes are taken out.
pub(super) fn without_held<D>(work: &Work<'_, D>, _item: &Item, update: &UpdateIntent) -> UpdateIntent {
    let holds = |class: HoldClass| work.held.contains(&class);
    let mut left = UpdateIntent {
        changes: update.changes.clone(),
        password: update.password,
        must_change: update.must_change,
        enabled: update.enabled,
        memberships: update.memberships.clone(),
        letter_owed: update.letter_owed,
    };
    if holds(HoldClass::Clears) {
        left.changes.retain(|change| !change.clears());
    }
    if holds(HoldClass::Passwords) && !update.letter_owed {
        left.password = None;
        left.must_change = None;
    }
    if holds(HoldClass::Removals) {
        for membership in &mut left.memberships {
            membership.remove = Box::default();
        }
        left.memberships.retain(|membership| !membership.add.is_empty());
    }
    left
}

fn held_notes<D>(work: &Work<'_, D>, item: &Item, update: &UpdateIntent) -> Vec<String> {
    let left = without_held(work, item, update);
    let mut notes = Vec::new();
    let mut note =
        |class: HoldClass, what: &str| notes.push(format!("{what}: held for approval (`limits.{}`)", class.key()));
    if left.changes.len() < update.changes.len() {
        let names: Vec<&str> =
            update.changes.iter().filter(|c| Change::clears(c)).map(|c| c.attribute.as_str()).collect();
        note(HoldClass::Clears, &format!("emptying {}", names.join(", ")));
    }
    if left.password != update.password {
        note(HoldClass::Passwords, "the new password");
    }
    if update.memberships.iter().any(|m| !m.remove.is_empty()) && left.memberships.iter().all(|m| m.remove.is_empty()) {
        note(HoldClass::Removals, "removal from groups");
    }
    notes
}

fn touches_account(update: &UpdateIntent) -> bool {
    let UpdateIntent { changes, password, must_change, enabled, memberships: _, letter_owed: _ } = update;
    !changes.is_empty() || password.is_some() || must_change.is_some() || enabled.is_some()
}
