//! The second pass: what refers to other people, written when everybody is there.
//!
//! Every entry is read just before it is written: what is there already is not written again, and what somebody else has
//! changed since the preview is left alone. So it is no matter where a run was interrupted.

use std::collections::BTreeSet;
use std::collections::HashMap;

use super::Early;
use super::Progression;
use super::batch::backoff;
use super::groups::Shortfall;
use super::tasks;
use crate::directory::Directory;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Schema;
use crate::roster::attribute::Values;
use crate::roster::change::Change;
use crate::roster::deferred::DeferredChange;
use crate::roster::deferred::Referent;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::Subject;
use crate::sqlite::DatabaseError;

/// How often an entry is tried.
const ATTEMPTS: u32 = 6;

/// One entry to be written.
#[derive(Clone, Debug)]
struct Writing {
    item: usize,
    member: Member,
    wishes: Vec<Wish>,
    /// The directory has said that it is done.
    is_accepted: bool,
}

/// One attribute to be written.
#[derive(Clone, Debug)]
struct Wish {
    attribute: AttributeName,
    /// What it had when the plan was made, folded.
    old: BTreeSet<MatchKey>,
    new: Vec<Box<str>>,
}

/// How an entry is, compared with what is wished.
enum State {
    AsWished,
    /// These changes are left.
    AsPlanned(Vec<Change>),
    /// Somebody else has changed this attribute.
    Otherwise(AttributeName),
}

impl<D: Directory> Progression<'_, D> {
    /// Writes the references of everybody whose account is as planned.
    pub(super) async fn deferred(
        &mut self,
        rest_only: &[usize],
        shortfall: &mut Shortfall,
    ) -> Result<(), DatabaseError> {
        let writings = self.writings(shortfall);
        if writings.is_empty() {
            return Ok(());
        }
        if self.early.is_none() {
            self.start_rest(rest_only).await?;
        }
        let mut rest = writings.into_iter().peekable();
        while rest.peek().is_some() {
            if !self.may_go_on().await {
                shortfall.left.extend(rest.map(|writing| writing.item));
                break;
            }
            let batch = rest.by_ref().take(self.work.throttle.batch_size.get()).collect();
            self.write_deferred(batch, shortfall).await;
        }
        Ok(())
    }

    fn writings(&self, shortfall: &mut Shortfall) -> Vec<Writing> {
        let places = self.places();
        let fold = self.work.directory.fold_of_references();
        let mut writings = Vec::new();
        for (item, planned) in self.work.plan.items.iter().enumerate() {
            let kept;
            let changes: &[DeferredChange] = match &planned.intent {
                Intent::Update(update) => {
                    kept = tasks::left_of(&self.work, planned, update);
                    &kept.deferred
                }
                intent => intent.deferred(),
            };
            if changes.is_empty() {
                continue;
            }
            let Some(member) = self.member(item) else { continue };
            let mut wishes = Vec::new();
            for change in changes {
                let old = change.old.iter().filter_map(|person| person.value.as_deref()).map(fold).collect();
                let new: Result<Vec<_>, _> = change.new.iter().map(|p| self.value(p, &places).ok_or(p)).collect();
                match new {
                    Ok(new) => wishes.push(Wish { attribute: change.attribute.clone(), old, new }),
                    Err(_) if self.early.is_some() => {
                        shortfall.left.insert(item);
                    }
                    Err(person) => {
                        let text = format!("{}: `{person}` was not created; the next run writes it", change.attribute);
                        shortfall.failed.entry(item).or_default().push(text);
                    }
                }
            }
            if !wishes.is_empty() {
                writings.push(Writing { item, member, wishes, is_accepted: false });
            }
        }
        writings
    }

    /// Returns the items of people who are referred to, by place of their account.
    fn places(&self) -> HashMap<u32, usize> {
        let items = &self.work.plan.items;
        let referents = items.iter().flat_map(|item| item.intent.deferred()).flat_map(|change| &change.new);
        let rows: BTreeSet<u32> = referents.filter_map(|person| person.row).collect();
        let place = |(place, item): (usize, &Item)| match item.subject {
            Subject::Account(row) if rows.contains(&row) => Some((row, place)),
            _ => None,
        };
        items.iter().enumerate().filter_map(place).collect()
    }

    /// Returns the value that refers to a person: where their entry was last read, since it may have been made or moved.
    fn value(&self, person: &Referent, places: &HashMap<u32, usize>) -> Option<Box<str>> {
        let item = person.row.and_then(|row| places.get(&row));
        let written = item.and_then(|item| self.entries.get(item)).map(|member| &member.id.locator);
        written.or(person.value.as_ref()).cloned()
    }

    async fn write_deferred(&mut self, batch: Vec<Writing>, shortfall: &mut Shortfall) {
        let fold = self.work.directory.fold_of_references();
        let names = batch.iter().flat_map(|writing| &writing.wishes).map(|wish| wish.attribute.clone());
        let attributes = Schema::new(names);
        let mut pending = batch;
        let mut last_fault = None;
        for attempt in 0..=ATTEMPTS {
            let ids = pending.iter().map(|writing| writing.member.id.clone()).collect();
            let found: HashMap<EntryId, ExistingAccount> = match self.read_patiently(ids, &attributes).await {
                Ok(found) => found.into_iter().map(|account| (account.id.clone(), account)).collect(),
                Err(fault) => {
                    self.early.get_or_insert(Early::after(fault));
                    break;
                }
            };
            let mut sent: Vec<Writing> = Vec::new();
            let mut operations = Vec::new();
            for writing in pending {
                let Some(entry) = found.get(&writing.member.id) else {
                    shortfall.fail_person(writing.item, "the account is gone from the directory");
                    continue;
                };
                match writing.state(entry, fold) {
                    State::AsWished => {}
                    State::AsPlanned(changes) => {
                        operations.push(writing.operation(entry, changes));
                        sent.push(writing);
                    }
                    State::Otherwise(attribute) if writing.is_accepted => {
                        shortfall.fail_person(writing.item, &format!("reads back other than written: {attribute}"));
                    }
                    State::Otherwise(attribute) => {
                        let why = "was changed by somebody else after the preview; drop the roster again";
                        shortfall.fail_person(writing.item, &format!("`{attribute}` {why}"));
                    }
                }
            }
            pending = sent;
            if attempt > 0 && self.work.stop.is_cancelled() && !pending.is_empty() {
                self.early.get_or_insert(Early::Stopped);
            }
            if pending.is_empty() || self.early.is_some() || attempt == ATTEMPTS {
                break;
            }
            let answers = self.work.directory.apply(&operations, &self.pace).await;
            let (left, fault) = self.answered(pending, answers, shortfall);
            pending = left;
            // A server that answers reads from a copy of itself may be late.
            if fault.is_some() || attempt > 0 {
                self.rest(backoff(attempt)).await;
            }
            last_fault = fault.or(last_fault);
        }
        for writing in pending {
            if writing.is_accepted {
                shortfall.fail_person(writing.item, "the directory accepted it, but has it not when read back");
                continue;
            }
            let fault = last_fault.clone().unwrap_or_else(|| Fault::new(Next::Retry, "no final answer"));
            self.early.get_or_insert(Early::Unavailable(fault));
            shortfall.left.insert(writing.item);
        }
    }

    /// Returns whose entries are to be looked at again, and the last fault that did not settle anything.
    fn answered(
        &mut self,
        sent: Vec<Writing>,
        answers: Vec<Result<Done, Fault>>,
        shortfall: &mut Shortfall,
    ) -> (Vec<Writing>, Option<Fault>) {
        let mut left = Vec::new();
        let mut last = None;
        for (mut writing, answer) in sent.into_iter().zip(answers) {
            match answer {
                Ok(_) => {
                    self.refused_in_a_row = 0;
                    writing.is_accepted = true;
                    left.push(writing);
                }
                Err(fault) if fault.next == Next::RejectRow => {
                    self.note_refusal(&fault);
                    let names: Vec<&str> = writing.wishes.iter().map(|wish| wish.attribute.as_str()).collect();
                    shortfall.fail_person(writing.item, &format!("{}: {fault}", names.join(", ")));
                }
                Err(fault) => {
                    if fault.next == Next::StopRun {
                        self.early.get_or_insert(Early::Useless(fault.clone()));
                    }
                    writing.is_accepted = false;
                    last = Some(fault);
                    left.push(writing);
                }
            }
        }
        (left, last)
    }
}

impl Writing {
    /// Compares what is wished with what the directory has.
    fn state(&self, entry: &ExistingAccount, fold: fn(&str) -> MatchKey) -> State {
        let mut changes = Vec::new();
        for Wish { attribute, old, new } in &self.wishes {
            let held: Vec<&str> = entry.attributes.get(attribute.as_str()).into_iter().flat_map(Values::text).collect();
            let now: BTreeSet<MatchKey> = held.iter().map(|value| fold(value)).collect();
            let wished: BTreeSet<MatchKey> = new.iter().map(|value| fold(value)).collect();
            if now == wished {
                continue;
            }
            if now != *old {
                return State::Otherwise(attribute.clone());
            }
            // What stays keeps the spelling of the directory, so that it is not taken for a change.
            let spelled = |value: &str| {
                let same = held.iter().find(|held| fold(held) == fold(value)).copied();
                Box::from(same.unwrap_or(value).as_bytes())
            };
            changes.push(Change {
                attribute: attribute.clone(),
                old: held.iter().map(|value| Box::from(value.as_bytes())).collect(),
                new: new.iter().map(|value| spelled(value)).collect(),
            });
        }
        if changes.is_empty() { State::AsWished } else { State::AsPlanned(changes) }
    }

    fn operation(&self, entry: &ExistingAccount, changes: Vec<Change>) -> Operation {
        Operation::Update(Update {
            id: entry.id.clone(),
            username: self.member.username.clone(),
            changes,
            password: None,
            must_change: None,
            enabled: None,
        })
    }
}

impl Shortfall {
    fn fail_person(&mut self, item: usize, why: &str) {
        self.failed.entry(item).or_default().push(why.to_owned());
    }
}
