//! What is left of an update that is held in part.

use crate::provision::Work;
use crate::roster::guard;
use crate::roster::plan::HoldClass;
use crate::roster::plan::Item;
use crate::roster::plan::PasswordSource;
use crate::roster::plan::UpdateIntent;

/// Returns what is left of an update when what is held, and a password that nobody could be told, are taken out.
pub(in crate::provision) fn left_of<D>(work: &Work<'_, D>, item: &Item, update: &UpdateIntent) -> UpdateIntent {
    let holds = |class: HoldClass| work.held.contains(&class);
    let mut left = UpdateIntent {
        relocation: update.relocation.clone(),
        changes: update.changes.clone(),
        deferred: update.deferred.clone(),
        password: update.password,
        must_change: update.must_change,
        enabled: update.enabled,
        memberships: update.memberships.clone(),
        letter_owed: update.letter_owed,
    };
    if is_held_whole(work, item).is_some() {
        left = UpdateIntent {
            password: update.password.filter(|_| update.letter_owed),
            must_change: update.must_change.filter(|_| update.letter_owed),
            letter_owed: update.letter_owed,
            ..UpdateIntent::default()
        };
    }
    if holds(HoldClass::Clears) {
        left.changes.retain(|change| !change.clears());
        left.deferred.retain(|change| !change.clears());
    }
    if (holds(HoldClass::Passwords) && !update.letter_owed) || nobody_could_be_told(work, item, update) {
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

/// Returns the class for which nothing of an update is done at all: the attributes of somebody who is renamed may follow
/// from the new name, and those of another person are another person's.
pub(super) fn is_held_whole<D>(work: &Work<'_, D>, item: &Item) -> Option<HoldClass> {
    let whole = [HoldClass::Updates, HoldClass::Takeovers, HoldClass::Moves];
    whole.into_iter().find(|class| work.held.contains(class) && guard::count(item, *class) > 0)
}

/// Returns whether an existing account would get a generated password although its letter could go nowhere.
pub(super) fn nobody_could_be_told<D>(work: &Work<'_, D>, item: &Item, update: &UpdateIntent) -> bool {
    update.password == Some(PasswordSource::Generated)
        && work.letters.is_some()
        && work.plan.account(item).is_some_and(|account| account.person.email().is_empty())
}

pub(super) fn held_notes<D>(work: &Work<'_, D>, item: &Item, update: &UpdateIntent) -> Vec<String> {
    let left = left_of(work, item, update);
    let mut notes = Vec::new();
    let mut note =
        |class: HoldClass, what: &str| notes.push(format!("{what}: held for approval (`limits.{}`)", class.key()));
    if let Some(class) = is_held_whole(work, item) {
        let told = format!("all but a new password: held for approval (`limits.{}`)", class.key());
        return left.password.map(|_| told).into_iter().collect();
    }
    let cleared = |update: &UpdateIntent| -> Vec<String> {
        let changes = update.changes.iter().filter(|change| change.clears()).map(|change| &change.attribute);
        let deferred = update.deferred.iter().filter(|change| change.clears()).map(|change| &change.attribute);
        changes.chain(deferred).map(ToString::to_string).collect()
    };
    let names = cleared(update);
    if cleared(&left).len() < names.len() && work.held.contains(&HoldClass::Clears) {
        note(HoldClass::Clears, &format!("emptying {}", names.join(", ")));
    }
    let is_removed = |update: &UpdateIntent| update.memberships.iter().any(|m| !m.remove.is_empty());
    if is_removed(update) && !is_removed(&left) && work.held.contains(&HoldClass::Removals) {
        note(HoldClass::Removals, "removal from groups");
    }
    if nobody_could_be_told(work, item, update) {
        notes.push("no new password: the row has no e-mail address to send it to".to_owned());
    } else if left.password != update.password {
        note(HoldClass::Passwords, "the new password");
    }
    notes
}

pub(super) fn touches_account(update: &UpdateIntent) -> bool {
    let UpdateIntent {
        relocation,
        changes,
        deferred: _,
        password,
        must_change,
        enabled,
        memberships: _,
        letter_owed: _,
    } = update;
    relocation.is_some() || !changes.is_empty() || password.is_some() || must_change.is_some() || enabled.is_some()
}

pub(super) fn has_rest(update: &UpdateIntent) -> bool {
    !update.deferred.is_empty() || !update.memberships.is_empty()
}
