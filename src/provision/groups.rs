//! Memberships: each group is written once, with everybody who comes and goes.

use std::collections::BTreeMap;
use std::collections::HashSet;

use super::Early;
use super::Progression;
use super::batch::backoff;
use super::journal_key;
use super::tasks;
use crate::directory::Directory;
use crate::directory::Wanted;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::outcome::Outcome;
use crate::roster::plan::Intent;
use crate::roster::plan::MembershipChange;
use crate::sqlite::DatabaseError;
use crate::state::journal::JournalKey;
use crate::state::journal::Kind;
use crate::state::journal::Started;

/// How often a group is tried.
const ATTEMPTS: u32 = 5;

/// Everybody who comes into and leaves one group.
#[derive(Debug)]
struct GroupWork {
    name: GroupName,
    add: Vec<Member>,
    remove: Vec<Member>,
    items: Vec<usize>,
}

impl<D: Directory> Progression<'_, D> {
    /// Writes the memberships of everybody whose account is as planned.
    pub(super) async fn memberships(&mut self, members_only: &[usize]) -> Result<(), DatabaseError> {
        let groups = self.group_works();
        if groups.is_empty() {
            return Ok(());
        }
        let key = |item: &usize| journal_key(self.work.plan, *item);
        let intents = members_only
            .iter()
            .filter_map(key)
            .map(|key| Started { key, kind: Kind::Members, letter: false })
            .collect();
        self.work.state.started(self.work.run, intents).await?;
        let mut failed: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        for kind in [GroupKind::Group, GroupKind::Role, GroupKind::Channel] {
            let of_kind: Vec<&GroupWork> =
                groups.iter().filter(|((k, _), _)| *k == kind).map(|(_, work)| work).collect();
            self.write_groups(kind, &of_kind, &mut failed).await;
        }
        let mut finished: Vec<(JournalKey, Outcome)> = Vec::new();
        for item in members_only {
            let result = &mut self.results[*item];
            result.outcome = match (failed.remove(item), &self.early) {
                (Some(reasons), _) => Outcome::Failed(reasons.join("; ")),
                (None, Some(early)) => Outcome::NotAttempted(early.to_string()),
                // An account that this run had created before an interruption stays Created.
                (None, None) if result.outcome == Outcome::Created => Outcome::Created,
                (None, None) => Outcome::Updated,
            };
            if self.early.is_none() {
                finished.extend(journal_key(self.work.plan, *item).map(|key| (key, result.outcome.clone())));
            }
        }
        for (item, reasons) in failed {
            self.results[item].notes.extend(reasons);
            self.results[item].incomplete = true;
        }
        self.work.progress.advance(members_only.len());
        self.work.state.finished(self.work.run, finished, Vec::new()).await
    }

    fn group_works(&self) -> BTreeMap<(GroupKind, MatchKey), GroupWork> {
        let mut works: BTreeMap<(GroupKind, MatchKey), GroupWork> = BTreeMap::new();
        for (place, item) in self.work.plan.items.iter().enumerate() {
            let kept;
            let changes: &[MembershipChange] = match &item.intent {
                Intent::Update(update) => {
                    kept = tasks::without_held(&self.work, item, update);
                    &kept.memberships
                }
                intent => intent.memberships(),
            };
            if changes.is_empty() {
                continue;
            }
            let Some(member) = self.member(place) else { continue };
            for change in changes {
                let mut put = |name: &GroupName, add: bool| {
                    let work = works.entry((change.kind, name.key())).or_insert_with(|| GroupWork {
                        name: name.clone(),
                        add: Vec::new(),
                        remove: Vec::new(),
                        items: Vec::new(),
                    });
                    if add { &mut work.add } else { &mut work.remove }.push(member.clone());
                    work.items.push(place);
                };
                change.add.iter().for_each(|name| put(name, true));
                change.remove.iter().for_each(|name| put(name, false));
            }
        }
        works
    }

    /// Returns who the item is for groups; `None` when its account is not as planned.
    fn member(&self, place: usize) -> Option<Member> {
        if let Some(member) = self.entries.get(&place) {
            return matches!(self.results[place].outcome, Outcome::Created | Outcome::Updated | Outcome::Enabled)
                .then(|| member.clone());
        }
        let item = &self.work.plan.items[place];
        let only_members = tasks::is_members_only(&self.work, item);
        let id = item.entry.as_deref().filter(|_| only_members)?;
        Some(Member { id: id.clone(), username: self.work.plan.username(item).into() })
    }

    async fn write_groups(&mut self, kind: GroupKind, works: &[&GroupWork], failed: &mut BTreeMap<usize, Vec<String>>) {
        if works.is_empty() || self.early.is_some() {
            return;
        }
        let mut pending: Vec<&GroupWork> = works.to_vec();
        let mut fault_of_last = None;
        for attempt in 0..ATTEMPTS {
            let names = pending.iter().map(|work| work.name.clone()).collect();
            let existing: HashSet<MatchKey> = match self.work.directory.groups(kind, Wanted::Named(names)).await {
                Ok(groups) => groups.iter().map(|group| group.name.key()).collect(),
                Err(fault) if fault.next == Next::StopRun => {
                    self.early = Some(Early::Useless(fault));
                    return;
                }
                Err(fault) => {
                    fault_of_last = Some(fault);
                    tokio::time::sleep(backoff(attempt)).await;
                    continue;
                }
            };
            let operations: Vec<Operation> =
                pending.iter().map(|work| operation(kind, work, existing.contains(&work.name.key()))).collect();
            let mut again = Vec::new();
            for chunk in operations
                .chunks(self.work.throttle.batch_size.get())
                .zip(pending.chunks(self.work.throttle.batch_size.get()))
            {
                let answers = self.work.directory.apply(chunk.0, &self.pace).await;
                for (work, answer) in chunk.1.iter().zip(answers) {
                    match answer {
                        Ok(_) => {}
                        // Adding who is in and removing who is out are no faults, so doing it again is harmless.
                        Err(fault) if matches!(fault.next, Next::Retry | Next::LookAgain) => {
                            fault_of_last = Some(fault);
                            again.push(*work);
                        }
                        Err(fault) => {
                            if fault.next == Next::StopRun {
                                self.early.get_or_insert(Early::Useless(fault.clone()));
                            }
                            fail(kind, work, &fault, failed);
                        }
                    }
                }
            }
            pending = again;
            if pending.is_empty() || self.early.is_some() {
                return;
            }
            tokio::time::sleep(backoff(attempt)).await;
        }
        let fault = fault_of_last.unwrap_or_else(|| Fault::new(Next::Retry, "no final answer"));
        self.early.get_or_insert(Early::Unavailable(fault));
    }
}

fn operation(kind: GroupKind, work: &GroupWork, exists: bool) -> Operation {
    let name = work.name.clone();
    if exists {
        Operation::ChangeMembers { kind, name, add: work.add.clone(), remove: work.remove.clone() }
    } else {
        Operation::CreateGroup { kind, name, members: work.add.clone() }
    }
}

fn fail(kind: GroupKind, work: &GroupWork, fault: &Fault, failed: &mut BTreeMap<usize, Vec<String>>) {
    for item in &work.items {
        failed.entry(*item).or_default().push(format!("{} {}: {fault}", kind.word(), work.name));
    }
}
