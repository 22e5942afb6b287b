//! What a test does with the directory in memory besides using it: prepare it, script faults, and look.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::VecDeque;
use std::time::Duration;

use super::Held;
use super::HeldGroup;
use super::Memory;
use super::State;
use super::entry_id;
use super::number;
use crate::directory::Login;
use crate::directory::local::Verified;
use crate::roster::account::EntryId;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::fault::Fault;
use crate::roster::name_key::CoarseKey;
use crate::roster::name_key::MatchKey;
use crate::roster::secret::Secret;

/// What was written so far, by what was really done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Writes {
    /// Accounts created.
    pub created: usize,
    /// Accounts changed.
    pub updated: usize,
    /// Accounts renamed or moved.
    pub relocated: usize,
    /// Accounts deleted.
    pub deleted: usize,
    /// Passwords set, those of new accounts included.
    pub passwords: usize,
    /// Groups, roles and channels created.
    pub groups_created: usize,
    /// Memberships added.
    pub members_added: usize,
    /// Memberships removed.
    pub members_removed: usize,
}

/// One account as a test sees it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which entry.
    pub id: EntryId,
    /// The login name.
    pub username: Box<str>,
    /// All attributes.
    pub attributes: Attributes,
    /// Has a password.
    pub has_password: bool,
    /// The password must be changed at the next login.
    pub must_change: bool,
    /// Can log in.
    pub enabled: bool,
    /// Where it is a member, by kind and name.
    pub member_of: Vec<(GroupKind, GroupName)>,
}

#[derive(Clone, Debug)]
pub(super) enum Scripted {
    Fault(Fault),
    AnswerLost,
    CutAfterRelocation,
}

#[derive(Debug, Default)]
pub(super) struct Script {
    once: BTreeMap<MatchKey, VecDeque<Scripted>>,
    always: BTreeMap<MatchKey, Fault>,
    pub(super) cut_existing_after: Option<usize>,
    pub(super) fail_groups: Option<Fault>,
    pub(super) slow: Duration,
    pub(super) unique: Vec<AttributeName>,
    pub(super) logins: BTreeMap<MatchKey, Result<Login, Fault>>,
}

impl Script {
    pub(super) fn next_for(&mut self, subject: &str) -> Option<Scripted> {
        let key = MatchKey::new(subject);
        let once = self.once.get_mut(&key).and_then(VecDeque::pop_front);
        once.or_else(|| self.always.get(&key).cloned().map(Scripted::Fault))
    }
}

/// Faults. A subject is a username, or the name of a group, role or channel.
impl Memory {
    /// The next operation on `subject` is not done and answers `fault`. Several calls queue up.
    pub fn fail(&self, subject: &str, fault: Fault) {
        self.queue(subject, Scripted::Fault(fault));
    }

    /// Every operation on `subject` is not done and answers `fault`.
    pub fn fail_always(&self, subject: &str, fault: Fault) {
        self.state().script.always.insert(MatchKey::new(subject), fault);
    }

    /// The next operation on `subject` is done, but answers that nobody knows.
    pub fn answer_lost(&self, subject: &str) {
        self.queue(subject, Scripted::AnswerLost);
    }

    /// The next update of `subject` gives it its new name and place, and nothing else, and answers that nobody knows.
    pub fn cut_after_relocation(&self, subject: &str) {
        self.queue(subject, Scripted::CutAfterRelocation);
    }

    /// The next stream of accounts yields `n` of them and then a fault.
    pub fn cut_existing_after(&self, n: usize) {
        self.state().script.cut_existing_after = Some(n);
    }

    /// The next reading of groups answers `fault`.
    pub fn fail_groups(&self, fault: Fault) {
        self.state().script.fail_groups = Some(fault);
    }

    /// Every operation takes this long.
    pub fn slow(&self, each: Duration) {
        self.state().script.slow = each;
    }

    /// Every login of `username` comes to this, whatever the password.
    pub fn login_comes_to(&self, username: &str, answer: Result<Login, Fault>) {
        self.state().script.logins.insert(MatchKey::new(username), answer);
    }

    /// No two accounts can have one value of `attribute` any more.
    pub fn keep_unique(&self, attribute: &str) {
        self.state().script.unique.push(AttributeName::new(attribute));
    }

    fn queue(&self, subject: &str, scripted: Scripted) {
        self.state().script.once.entry(MatchKey::new(subject)).or_default().push_back(scripted);
    }
}

/// Preparation, not counted and not logged.
impl Memory {
    /// Puts an account in, enabled and without a password.
    pub fn put<const N: usize>(&self, username: &str, attributes: [(&str, &[&str]); N]) -> EntryId {
        let mut state = self.state();
        state.last_id += 1;
        let id = state.last_id;
        let octets = |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect();
        let held = Held {
            username: username.into(),
            match_key: MatchKey::new(username),
            coarse_key: CoarseKey::new(username),
            attributes: attributes.into_iter().map(|(n, v)| (AttributeName::new(n), octets(v))).collect(),
            password: None,
            must_change: false,
            enabled: true,
            protected: None,
            place: None,
        };
        state.accounts.insert(id, held);
        entry_id(id)
    }

    /// Moves an account as somebody else would. `false`: there is no such account.
    pub fn move_to(&self, username: &str, place: &str) -> bool {
        self.with(username, |held| held.place = Some(place.into()))
    }

    /// Changes an attribute as somebody else would; no values clear it. `false`: there is no such account.
    pub fn edit(&self, username: &str, attribute: &str, values: &[&str]) -> bool {
        self.with(username, |held| {
            let name = AttributeName::new(attribute);
            held.attributes.remove(&name);
            if !values.is_empty() {
                held.attributes.insert(name, values.iter().map(|value| value.as_bytes().to_vec()).collect());
            }
        })
    }

    /// Sets a password as the person would. `false`: there is no such account.
    pub fn set_password(&self, username: &str, password: &str) -> bool {
        self.with(username, |held| held.password = Some(password.into()))
    }

    /// Switches an account off or on as somebody else would. `false`: there is no such account.
    pub fn set_enabled(&self, username: &str, enabled: bool) -> bool {
        self.with(username, |held| held.enabled = enabled)
    }

    /// Protects an account from being written. `false`: there is no such account.
    pub fn protect(&self, username: &str, why: &str) -> bool {
        self.with(username, |held| held.protected = Some(why.into()))
    }

    /// Deletes an account as somebody else would. `false`: there is no such account.
    pub fn remove(&self, username: &str) -> bool {
        let mut state = self.state();
        let Some(id) = state.find(username) else { return false };
        state.accounts.remove(&id);
        for group in state.groups.values_mut() {
            group.members.remove(&id);
        }
        true
    }

    /// Puts an empty group, role or channel in, unless it is there.
    pub fn add_group(&self, kind: GroupKind, name: &str) {
        let name = GroupName::new(name);
        let empty = || HeldGroup { name: name.clone(), members: BTreeSet::new() };
        self.state().groups.entry((kind, name.key())).or_insert_with(empty);
    }

    /// Makes an account a member as somebody else would. `false`: one of the two is not there.
    pub fn add_member(&self, kind: GroupKind, group: &str, username: &str) -> bool {
        let mut state = self.state();
        let Some(id) = state.find(username) else { return false };
        let Some(group) = state.groups.get_mut(&(kind, MatchKey::new(group))) else { return false };
        group.members.insert(id);
        true
    }

    fn with(&self, username: &str, edit: impl FnOnce(&mut Held)) -> bool {
        let mut state = self.state();
        let held = state.find(username).and_then(|id| state.accounts.get_mut(&id));
        held.map(edit).is_some()
    }
}

/// Looking.
impl Memory {
    /// Returns what was written so far.
    pub fn writes(&self) -> Writes {
        self.state().writes
    }

    /// Returns one line for every operation asked for so far, with ` ! Next` when it answered a fault.
    pub fn log(&self) -> Vec<String> {
        self.state().log.clone()
    }

    /// Returns one account.
    pub fn account(&self, username: &str) -> Option<Seen> {
        let state = self.state();
        state.find(username).map(|id| state.seen(id))
    }

    /// Returns all accounts, oldest first.
    pub fn accounts(&self) -> Vec<Seen> {
        let state = self.state();
        state.accounts.keys().map(|id| state.seen(*id)).collect()
    }

    /// Returns the usernames of a group's members in order; `None` when there is no such group.
    pub fn members(&self, kind: GroupKind, group: &str) -> Option<Vec<Box<str>>> {
        let state = self.state();
        let group = state.groups.get(&(kind, MatchKey::new(group)))?;
        let mut members: Vec<Box<str>> =
            group.members.iter().filter_map(|id| state.accounts.get(id)).map(|held| held.username.clone()).collect();
        members.sort();
        Some(members)
    }

    /// Tries a login.
    pub fn login(&self, username: &str, password: &Secret) -> Verified {
        let state = self.state();
        let Some(held) = state.find(username).and_then(|id| state.accounts.get(&id)) else { return Verified::Unknown };
        let right = held.password.as_ref().is_some_and(|known| known.expose() == password.expose());
        match (right, held.enabled) {
            (false, _) => Verified::Wrong,
            (true, false) => Verified::Disabled,
            (true, true) if held.must_change => Verified::MustChange,
            (true, true) => Verified::Good,
        }
    }
}

impl State {
    fn find(&self, username: &str) -> Option<u64> {
        let key = MatchKey::new(username);
        self.accounts.iter().find(|(_, held)| held.match_key == key).map(|(id, _)| *id)
    }

    fn seen(&self, id: u64) -> Seen {
        let held = &self.accounts[&id];
        let schema = crate::roster::attribute::Schema::new(held.attributes.keys().cloned());
        let shown = held.shown(id, &schema, true);
        let groups =
            self.groups.iter().filter(|(_, group)| number(&shown.id).is_some_and(|n| group.members.contains(&n)));
        Seen {
            member_of: groups.map(|((kind, _), group)| (*kind, group.name.clone())).collect(),
            id: shown.id,
            username: shown.username,
            attributes: shown.attributes,
            has_password: held.password.is_some(),
            must_change: held.must_change,
            enabled: held.enabled,
        }
    }
}
