//! Memberships: each group is written once, with everybody who comes and goes, and read back.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;

use super::Early;
use super::Progression;
use super::batch::settle;
use super::courier::REFUSED_IN_A_ROW;
use super::courier::Refusal;
use super::courier::backoff;
use super::courier::refusal;
use super::journal_key;
use super::tasks;
use crate::directory::Directory;
use crate::directory::Wanted;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::earlier::Creation;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::outcome::Outcome;
use crate::roster::place::Before;
use crate::roster::plan::Intent;
use crate::roster::plan::MembershipChange;
use crate::roster::plan::Status;
use crate::sqlite::DatabaseError;
use crate::state::journal::Kind;
use crate::state::journal::Started;

/// How often a group is tried.
const ATTEMPTS: u32 = 5;

/// Everybody who comes into and leaves one group.
#[derive(Clone, Debug)]
struct GroupWork {
    name: GroupName,
    add: Vec<Coming>,
    remove: Vec<Coming>,
}

/// One person on the way into a group, or out of it.
#[derive(Clone, Debug)]
struct Coming {
    item: usize,
    member: Member,
}

/// What could not be written after the accounts, by item.
#[derive(Debug, Default)]
pub(crate) struct Shortfall {
    /// Sentences about references and memberships that cannot be written.
    pub(super) failed: BTreeMap<usize, Vec<String>>,
    /// People some of whose references or memberships were not reached, or nobody knows.
    pub(super) left: BTreeSet<usize>,
    /// Items that only follow somebody who has not gone, and what is told of them.
    pub(super) follows: BTreeMap<usize, String>,
}

type GroupWorks = BTreeMap<(GroupKind, MatchKey), GroupWork>;

impl<D: Directory> Progression<'_, D> {
    /// Writes the memberships of everybody whose account is as planned, and keeps what came of all that is written after
    /// the accounts.
    pub(super) async fn memberships(
        &mut self,
        rest_only: &[usize],
        mut shortfall: Shortfall,
    ) -> Result<(), DatabaseError> {
        let works = self.group_works();
        if !self.courier.is_over() && !works.is_empty() {
            self.start_rest(rest_only).await?;
        }
        for kind in [GroupKind::Group, GroupKind::Role, GroupKind::Channel] {
            let of_kind = works.iter().filter(|((k, _), _)| *k == kind).map(|(_, work)| work.clone()).collect();
            self.write_groups(kind, of_kind, &mut shortfall).await;
        }
        self.keep_numbers().await?;
        self.keep_rest(rest_only, shortfall).await
    }

    /// Writes down who is about to be written although their account is not.
    pub(super) async fn start_rest(&self, rest_only: &[usize]) -> Result<(), DatabaseError> {
        let intents = rest_only
            .iter()
            .filter_map(|item| journal_key(self.work.plan, *item))
            .map(|key| Started { key, kind: Kind::Members, password: false, letter: false, before: Before::default() })
            .collect();
        self.work.state.started(self.work.run, intents).await.map(drop)
    }

    async fn keep_rest(&mut self, rest_only: &[usize], mut shortfall: Shortfall) -> Result<(), DatabaseError> {
        let mut evidence = self.evidence();
        let early = self.why_early();
        for item in rest_only {
            let Some(key) = journal_key(self.work.plan, *item) else { continue };
            let before = self.work.journaled.get(&key);
            let is_made = self.work.plan.items[*item].status == Status::New
                || before.is_some_and(|before| before.creation() == Creation::Done);
            let result = &mut self.results[*item];
            let failed = shortfall.failed.remove(item);
            if shortfall.left.remove(item) {
                tasks::leave(result, before, &early);
                continue;
            }
            if let Some(why) = shortfall.follows.remove(item).filter(|_| failed.is_none()) {
                tasks::leave(result, before, &why);
                continue;
            }
            let outcome = match failed {
                Some(reasons) => Outcome::Failed(reasons.join("; ")),
                None => Outcome::Updated,
            };
            settle(result, is_made, &outcome);
            evidence.finish(key, result);
        }
        for (item, reasons) in shortfall.failed {
            self.results[item].notes.extend(reasons);
            self.results[item].incomplete = true;
        }
        for (item, why) in shortfall.follows {
            self.results[item].notes.push(why);
        }
        for item in shortfall.left {
            self.results[item].notes.push(format!("not all references and memberships are written: {early}"));
            self.results[item].incomplete = true;
        }
        self.work.progress.advance(rest_only.len());
        self.keep_evidence(evidence).await
    }

    fn group_works(&self) -> GroupWorks {
        let mut works = GroupWorks::new();
        for (place, item) in self.work.plan.items.iter().enumerate() {
            let kept;
            let changes: &[MembershipChange] = match &item.intent {
                Intent::Update(update) => {
                    kept = tasks::left_of(self.work, item, update);
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
                    });
                    let coming = Coming { item: place, member: member.clone() };
                    if add { &mut work.add } else { &mut work.remove }.push(coming);
                };
                change.add.iter().for_each(|name| put(name, true));
                change.remove.iter().for_each(|name| put(name, false));
            }
        }
        works
    }

    /// Returns who the item is for what is written after the accounts; `None` when its account is not as planned.
    pub(super) fn member(&self, place: usize) -> Option<Member> {
        if let Some(member) = self.entries.get(&place) {
            return matches!(self.results[place].outcome, Outcome::Created | Outcome::Updated | Outcome::Enabled)
                .then(|| member.clone());
        }
        let item = &self.work.plan.items[place];
        let is_as_planned = tasks::is_rest_only(self.work, item);
        let id = item.entry.as_deref().filter(|_| is_as_planned)?;
        Some(Member { id: id.clone(), username: self.work.plan.username(item).into() })
    }

    async fn write_groups(&mut self, kind: GroupKind, works: Vec<GroupWork>, shortfall: &mut Shortfall) {
        let mut pending = works;
        let mut written: Vec<GroupWork> = Vec::new();
        let mut last_fault = None;
        let mut said: HashMap<MatchKey, Fault> = HashMap::new();
        for attempt in 0..ATTEMPTS {
            if pending.is_empty() || self.courier.is_over() {
                break;
            }
            if attempt > 0 {
                self.courier.rest(backoff(attempt)).await;
            }
            let names = pending.iter().map(|work| work.name.clone()).collect();
            let existing: HashSet<MatchKey> = match self.work.directory.groups(kind, Wanted::Named(names)).await {
                Ok(groups) => groups.iter().map(|group| group.name.key()).collect(),
                Err(fault) if fault.next == Next::StopRun => {
                    self.courier.end(Early::Useless(fault));
                    break;
                }
                Err(fault) => {
                    said.clear();
                    last_fault = Some(fault);
                    continue;
                }
            };
            // Nobody comes, and whoever was to go has gone with the group.
            pending.retain(|work| !work.add.is_empty() || existing.contains(&work.name.key()));
            let mut again = Vec::new();
            let mut rest = pending.into_iter().peekable();
            while rest.peek().is_some() && self.may_go_on().await {
                let batch: Vec<GroupWork> = rest.by_ref().take(self.work.throttle.batch_size.get()).collect();
                let operations: Vec<Operation> =
                    batch.iter().map(|work| operation(kind, work, existing.contains(&work.name.key()))).collect();
                let mut answers = self.work.directory.apply(&operations, &self.courier.pace).await.into_iter();
                for work in batch {
                    match answers.next() {
                        Some(Ok(_)) => written.push(work),
                        Some(Err(fault)) if fault.next == Next::RejectRow => shortfall.fail(kind, &work, &fault),
                        // Adding who is in and removing who is out are no faults, so doing it again is harmless.
                        Some(Err(fault)) => {
                            if fault.next == Next::StopRun {
                                self.courier.end(Early::Useless(fault.clone()));
                            }
                            said.insert(work.name.key(), fault.clone());
                            last_fault = Some(fault);
                            again.push(work);
                        }
                        None => again.push(work),
                    }
                }
            }
            again.extend(rest);
            pending = again;
            if last_fault.as_ref().is_some_and(|fault| fault.next == Next::LookAgain) {
                self.leave_out_who_is_gone(kind, &mut pending, shortfall).await;
            }
        }
        if !self.courier.is_over() {
            pending = shortfall.give_up_on_refused(kind, pending, &said);
        }
        if !pending.is_empty() {
            let fault = last_fault.unwrap_or_else(|| Fault::new(Next::Retry, "no final answer"));
            self.courier.end(Early::Unavailable(fault));
        }
        shortfall.leave(&pending);
        self.read_groups_back(kind, &written, shortfall).await;
    }

    /// Takes people out whose account is no longer there: they must not keep the others from their group.
    async fn leave_out_who_is_gone(&mut self, kind: GroupKind, works: &mut [GroupWork], shortfall: &mut Shortfall) {
        let ids: HashSet<EntryId> = works.iter().flat_map(GroupWork::everybody).map(|c| c.member.id.clone()).collect();
        let there = match self.courier.find_patiently(ids.into_iter().collect()).await {
            Ok(there) => there,
            Err(fault) => {
                self.courier.end(Early::after(fault));
                return;
            }
        };
        for work in works {
            let name = work.name.clone();
            let gone = Fault::new(Next::RejectRow, "the account is gone from the directory");
            work.add.retain(|coming| {
                let is_there = there.contains(&coming.member.id);
                if !is_there {
                    shortfall.fail_one(kind, &name, coming.item, &gone);
                }
                is_there
            });
            work.remove.retain(|coming| there.contains(&coming.member.id));
        }
    }

    /// Tells of everybody who is not where they were put.
    async fn read_groups_back(&mut self, kind: GroupKind, written: &[GroupWork], shortfall: &mut Shortfall) {
        if written.is_empty() {
            return;
        }
        let names: Vec<GroupName> = written.iter().map(|work| work.name.clone()).collect();
        let mut attempt = 0;
        let groups = loop {
            match self.work.directory.groups(kind, Wanted::Named(names.clone())).await {
                Ok(groups) => break groups,
                Err(fault) if fault.next == Next::StopRun || attempt + 1 >= ATTEMPTS => {
                    self.courier.end(Early::after(fault));
                    shortfall.leave(written);
                    return;
                }
                Err(_) => tokio::time::sleep(backoff(attempt)).await,
            }
            attempt += 1;
        };
        let by_name: HashMap<MatchKey, &ExistingGroup> = groups.iter().map(|group| (group.name.key(), group)).collect();
        for work in written {
            let group = by_name.get(&work.name.key());
            let is_in = |coming: &Coming| {
                group.is_some_and(|group| group.members.has(&coming.member.id, &coming.member.username))
            };
            let not_in =
                Fault::new(Next::RejectRow, "the directory accepted the member, but has it not when read back");
            let still_in = Fault::new(Next::RejectRow, "the directory let the member go, but has it when read back");
            for coming in work.add.iter().filter(|coming| !is_in(coming)) {
                shortfall.fail_one(kind, &work.name, coming.item, &not_in);
            }
            for coming in work.remove.iter().filter(|coming| is_in(coming)) {
                shortfall.fail_one(kind, &work.name, coming.item, &still_in);
            }
        }
    }
}

impl GroupWork {
    fn everybody(&self) -> impl Iterator<Item = &Coming> {
        self.add.iter().chain(&self.remove)
    }
}

impl Shortfall {
    /// Tells of groups that are refused each time by a directory that answers: they must not keep people out of others.
    /// Returns what is left.
    fn give_up_on_refused(
        &mut self,
        kind: GroupKind,
        works: Vec<GroupWork>,
        said: &HashMap<MatchKey, Fault>,
    ) -> Vec<GroupWork> {
        let said_of = |work: &GroupWork| said.get(&work.name.key());
        let n_odd = works.iter().filter_map(said_of).filter(|fault| refusal(fault) == Refusal::Odd).count();
        let is_final = |fault: &&Fault| match refusal(fault) {
            Refusal::OfThis => true,
            Refusal::Odd => n_odd < REFUSED_IN_A_ROW,
            Refusal::None => false,
        };
        let mut left = Vec::new();
        for work in works {
            match said_of(&work).filter(is_final) {
                Some(fault) => self.fail(kind, &work, fault),
                None => left.push(work),
            }
        }
        left
    }

    fn fail(&mut self, kind: GroupKind, work: &GroupWork, fault: &Fault) {
        for coming in work.everybody() {
            self.fail_one(kind, &work.name, coming.item, fault);
        }
    }

    fn fail_one(&mut self, kind: GroupKind, name: &GroupName, item: usize, fault: &Fault) {
        self.failed.entry(item).or_default().push(format!("{} {name}: {fault}", kind.word()));
    }

    fn leave(&mut self, works: &[GroupWork]) {
        self.left.extend(works.iter().flat_map(GroupWork::everybody).map(|coming| coming.item));
    }
}

fn operation(kind: GroupKind, work: &GroupWork, exists: bool) -> Operation {
    let members = |all: &[Coming]| all.iter().map(|coming| coming.member.clone()).collect();
    let name = work.name.clone();
    if exists {
        Operation::ChangeMembers { kind, name, add: members(&work.add), remove: members(&work.remove) }
    } else {
        Operation::CreateGroup { kind, name, members: members(&work.add) }
    }
}
