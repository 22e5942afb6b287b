//! Writing, one operation at a time.

use std::collections::BTreeSet;

use super::Held;
use super::HeldGroup;
use super::State;
use super::entry_id;
use super::number;
use super::rules;
use super::script::Scripted;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::attribute::AttributeName;
use crate::roster::change::Change;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::CoarseKey;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Create;
use crate::roster::operation::Done;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::place::Relocation;
use crate::roster::problem::ProblemKind;

impl State {
    /// Does one operation, unless the script has something against it.
    pub(super) fn answer(&mut self, operation: &Operation) -> Result<Done, Fault> {
        let answer = match self.script.next_for(subject(operation)) {
            Some(Scripted::Fault(fault)) => Err(fault),
            Some(Scripted::CutAfterRelocation) => {
                if let Operation::Update(Update { id, relocation: Some(relocation), .. }) = operation {
                    let _ = self.relocate(id, relocation);
                }
                Err(Fault::new(Next::LookAgain, "the connection was lost in the middle of it"))
            }
            Some(Scripted::AnswerLost) => {
                let _ = self.perform(operation);
                Err(Fault::new(Next::LookAgain, "the connection was lost before the answer came"))
            }
            None => self.perform(operation),
        };
        let note = answer.as_ref().err().map(|fault| format!(" ! {:?}", fault.next)).unwrap_or_default();
        self.log.push(line(operation) + &note);
        answer
    }

    fn perform(&mut self, operation: &Operation) -> Result<Done, Fault> {
        if let Some(problem) = rules::refusal(operation) {
            return Err(Fault::new(Next::RejectRow, problem.to_string()));
        }
        match operation {
            Operation::Create(create) => self.create(create),
            Operation::Update(update) => self.update(update),
            Operation::Delete { id, username: _ } => {
                let Some(number) = number(id).filter(|number| self.accounts.contains_key(number)) else {
                    return Ok(Done::AlreadySo);
                };
                writable(&self.accounts[&number])?;
                self.accounts.remove(&number);
                for group in self.groups.values_mut() {
                    group.members.remove(&number);
                }
                self.writes.deleted += 1;
                Ok(Done::Changed)
            }
            Operation::CreateGroup { kind, name, members } => self.create_group(*kind, name, members),
            Operation::ChangeMembers { kind, name, add, remove } => self.change_members(*kind, name, add, remove),
        }
    }

    fn create(&mut self, create: &Create) -> Result<Done, Fault> {
        let Create { username, locator, attributes, password, must_change } = create;
        let (match_key, coarse_key) = (MatchKey::new(username), CoarseKey::new(username));
        if let Some(like) = self.accounts.values().find(|held| held.coarse_key == coarse_key) {
            return Err(if like.match_key == match_key {
                Fault::new(Next::LookAgain, format!("the account `{}` exists already", like.username))
                    .with_code("exists")
            } else {
                Fault::new(Next::RejectRow, ProblemKind::TooLike(like.username.to_string()).to_string())
            });
        }
        for (name, values) in attributes.iter() {
            self.refuse_shared(name, values.octets(), None)?;
        }
        self.last_id += 1;
        let held = Held {
            username: username.clone(),
            match_key,
            coarse_key,
            attributes: attributes
                .iter()
                .filter(|(_, values)| !values.is_empty())
                .map(|(name, values)| (name.clone(), distinct(values.octets())))
                .collect(),
            password: password.clone(),
            must_change: *must_change,
            enabled: true,
            protected: None,
            place: locator.clone(),
        };
        let id = held.id(self.last_id);
        self.accounts.insert(self.last_id, held);
        self.writes.created += 1;
        self.writes.passwords += usize::from(password.is_some());
        Ok(Done::Created(id))
    }

    fn update(&mut self, update: &Update) -> Result<Done, Fault> {
        let Update { id, username, relocation, changes, password, must_change, enabled } = update;
        let Some(held) = number(id).and_then(|number| self.accounts.get_mut(&number)) else {
            return Err(
                Fault::new(Next::LookAgain, format!("the account `{username}` is no longer there")).with_code("gone")
            );
        };
        writable(held)?;
        if let Some(change) = changes.iter().find(|change| !holds(held, change)) {
            let reason = format!("`{}` was changed by somebody else in the meantime", change.attribute);
            return Err(Fault::new(Next::LookAgain, reason).with_code("changed"));
        }
        for change in changes {
            self.refuse_shared(&change.attribute, change.new.iter().map(AsRef::as_ref), number(id))?;
        }
        let mut changed = password.is_some();
        if let Some(relocation) = relocation {
            changed |= self.relocate(id, relocation)?;
        }
        let Some(held) = number(id).and_then(|number| self.accounts.get_mut(&number)) else {
            return Ok(Done::AlreadySo);
        };
        for change in changes {
            changed |= change.added().next().is_some() || change.removed().next().is_some();
            held.attributes.remove(&change.attribute);
            if !change.new.is_empty() {
                held.attributes.insert(change.attribute.clone(), distinct(change.new.iter().map(AsRef::as_ref)));
            }
        }
        if let Some(password) = password {
            held.password = Some(password.clone());
            self.writes.passwords += 1;
        }
        let must_change = must_change.unwrap_or(held.must_change);
        let enabled = enabled.unwrap_or(held.enabled);
        changed |= must_change != held.must_change || enabled != held.enabled;
        held.must_change = must_change;
        held.enabled = enabled;
        self.writes.updated += usize::from(changed);
        Ok(if changed { Done::Changed } else { Done::AlreadySo })
    }

    /// Refuses values that another account has, of attributes that are kept unique.
    fn refuse_shared<'v>(
        &self,
        name: &AttributeName,
        values: impl Iterator<Item = &'v [u8]>,
        own: Option<u64>,
    ) -> Result<(), Fault> {
        if !self.script.unique.contains(name) {
            return Ok(());
        }
        let values: Vec<&[u8]> = values.collect();
        let others = self.accounts.iter().filter(|(number, _)| Some(**number) != own);
        let mut theirs = others.filter_map(|(_, held)| held.attributes.get(name)).flatten();
        match theirs.find(|value| values.contains(&value.as_slice())) {
            Some(_) => {
                Err(Fault::new(Next::RejectRow, format!("another account has this `{name}`")).with_code("shared"))
            }
            None => Ok(()),
        }
    }

    fn create_group(&mut self, kind: GroupKind, name: &GroupName, members: &[Member]) -> Result<Done, Fault> {
        if self.groups.contains_key(&(kind, name.key())) {
            return Err(
                Fault::new(Next::LookAgain, format!("the {} `{name}` exists already", kind.word())).with_code("exists")
            );
        }
        let members = self.numbers(members)?;
        self.writes.groups_created += 1;
        self.writes.members_added += members.len();
        self.groups.insert((kind, name.key()), HeldGroup { name: name.clone(), members });
        self.last_id += 1;
        Ok(Done::Created(entry_id(self.last_id)))
    }

    fn change_members(
        &mut self,
        kind: GroupKind,
        name: &GroupName,
        add: &[Member],
        remove: &[Member],
    ) -> Result<Done, Fault> {
        let come = self.numbers(add);
        let Some(group) = self.groups.get_mut(&(kind, name.key())) else {
            let problem = ProblemKind::Unknown { kind: kind.word(), name: name.to_string() };
            return Err(Fault::new(Next::RejectRow, problem.to_string()));
        };
        let come = come?;
        let n_removed = remove.iter().filter_map(|m| number(&m.id)).filter(|m| group.members.remove(m)).count();
        let n_added = come.into_iter().filter(|m| group.members.insert(*m)).count();
        self.writes.members_removed += n_removed;
        self.writes.members_added += n_added;
        Ok(if n_added + n_removed > 0 { Done::Changed } else { Done::AlreadySo })
    }

    fn numbers(&self, members: &[Member]) -> Result<BTreeSet<u64>, Fault> {
        members
            .iter()
            .map(|member| {
                number(&member.id).filter(|number| self.accounts.contains_key(number)).ok_or_else(|| {
                    Fault::new(Next::LookAgain, format!("the account `{}` is no longer there", member.username))
                        .with_code("gone")
                })
            })
            .collect()
    }
}

fn writable(held: &Held) -> Result<(), Fault> {
    match &held.protected {
        Some(why) => Err(Fault::new(Next::RejectRow, ProblemKind::Protected(why.to_string()).to_string())),
        None => Ok(()),
    }
}

fn holds(held: &Held, change: &Change) -> bool {
    let values: BTreeSet<&[u8]> =
        held.attributes.get(&change.attribute).into_iter().flatten().map(Vec::as_slice).collect();
    values == change.old.iter().map(AsRef::as_ref).collect()
}

fn distinct<'v>(values: impl Iterator<Item = &'v [u8]>) -> Vec<Vec<u8>> {
    let mut distinct: Vec<Vec<u8>> = Vec::new();
    for value in values {
        if !distinct.iter().any(|other| other == value) {
            distinct.push(value.to_vec());
        }
    }
    distinct
}

fn subject(operation: &Operation) -> &str {
    match operation {
        Operation::Create(create) => &create.username,
        Operation::Update(update) => &update.username,
        Operation::Delete { username, .. } => username,
        Operation::CreateGroup { name, .. } | Operation::ChangeMembers { name, .. } => name.as_str(),
    }
}

/// Says in one line what was asked for. Never holds a password.
fn line(operation: &Operation) -> String {
    let names = |sign: char, members: &[Member]| -> String {
        members.iter().map(|member| format!(" {sign}{}", member.username)).collect()
    };
    match operation {
        Operation::Create(create) => {
            let Create { username, locator, attributes: _, password, must_change } = create;
            let mut parts = vec![format!("create {username}")];
            parts.extend(locator.as_ref().map(|locator| format!("at {locator}")));
            parts.extend(password.as_ref().map(|_| "password".to_owned()));
            parts.extend(must_change.then(|| "must change".to_owned()));
            parts.join(", ")
        }
        Operation::Update(update) => {
            let Update { id: _, username, relocation, changes, password, must_change, enabled } = update;
            let mut parts = Vec::new();
            if let Some(Relocation { username, place }) = relocation {
                parts.extend(username.iter().map(|step| format!("name {} -> {}", step.from, step.to)));
                parts.extend(place.iter().map(|step| format!("place {} -> {}", step.from, step.to)));
            }
            parts.extend(changes.iter().map(ToString::to_string));
            parts.extend(password.as_ref().map(|_| "password".to_owned()));
            parts.extend(must_change.map(|on| if on { "must change" } else { "need not change" }.to_owned()));
            parts.extend(enabled.map(|on| if on { "enable" } else { "disable" }.to_owned()));
            format!("update {username}: {}", parts.join(", "))
        }
        Operation::Delete { id: _, username } => format!("delete {username}"),
        Operation::CreateGroup { kind, name, members } => {
            format!("create {} {name}:{}", kind.word(), names('+', members))
        }
        Operation::ChangeMembers { kind, name, add, remove } => {
            format!("{} {name}:{}{}", kind.word(), names('+', add), names('-', remove))
        }
    }
}
