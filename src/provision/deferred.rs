//! The second pass: what refers to other people, and the content of files, written when everybody is there.
//!
//! Every entry is read just before it is written: what is there already is not written again, and what somebody else has
//! changed since the preview is left alone. So it is no matter where a run was interrupted.

mod writing;

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::path::Path;

use super::Early;
use super::Progression;
use super::alone::HANGUPS;
use super::alone::refusal_by_hanging_up;
use super::courier::Refusal;
use super::courier::backoff;
use super::courier::refusal;
use super::groups::Shortfall;
use super::tasks;
use crate::directory::Directory;
use crate::enclosure::Enclosures;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::Schema;
use crate::roster::deferred::Content;
use crate::roster::deferred::DeferredChange;
use crate::roster::deferred::DeferredValue;
use crate::roster::deferred::Digest;
use crate::roster::deferred::Referent;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Receipt;
use crate::roster::plan::Intent;
use crate::roster::plan::Item;
use crate::roster::plan::Subject;
use crate::sqlite::DatabaseError;
use writing::State;
use writing::Value;
use writing::Wish;
use writing::Writing;

/// How often an entry is tried.
const ATTEMPTS: u32 = 6;

/// Octets of files in one batch, beyond which no more entries come into it.
const BATCH_OCTETS: usize = 16 << 20;

/// Contents of files.
type Contents = HashMap<Digest, Vec<u8>>;

impl<D: Directory> Progression<'_, D> {
    /// Writes the references and contents of everybody whose account is as planned.
    pub(super) async fn deferred(
        &mut self,
        rest_only: &[usize],
        shortfall: &mut Shortfall,
    ) -> Result<(), DatabaseError> {
        let writings = self.writings(shortfall);
        if writings.is_empty() {
            return Ok(());
        }
        if !self.courier.is_over() {
            self.start_rest(rest_only).await?;
        }
        let mut rest = writings.into_iter().peekable();
        while rest.peek().is_some() {
            if !self.may_go_on().await {
                shortfall.left.extend(rest.map(|writing| writing.item));
                break;
            }
            let mut batch = Vec::new();
            let mut octets = 0;
            while let Some(writing) = rest.next_if(|_| octets <= BATCH_OCTETS) {
                octets += writing.octets();
                batch.push(writing);
                if batch.len() == self.work.throttle.batch_size.get() {
                    break;
                }
            }
            let (batch, contents) = self.with_contents(batch, shortfall).await;
            self.write_deferred(batch, &contents, shortfall).await;
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
                    kept = tasks::left_of(self.work, planned, update);
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
                if let Some(person) = self.stays(change, &places) {
                    let text = format!("{} follows when `{person}` has been renamed or moved", change.attribute);
                    shortfall.follows.insert(item, text);
                    continue;
                }
                let planned = change.old.iter().filter_map(|value| self.value(value, &HashMap::new()));
                let moved = change.old.iter().filter_map(|value| self.value(value, &places));
                let old =
                    [planned.map(|value| value.key(fold)).collect(), moved.map(|value| value.key(fold)).collect()];
                let new: Result<Vec<_>, _> = change.new.iter().map(|v| self.value(v, &places).ok_or(v)).collect();
                let is_content = change.old.iter().chain(&change.new).any(|value| value.person().is_none());
                match new {
                    Ok(new) => wishes.push(Wish { attribute: change.attribute.clone(), old, new, is_content }),
                    Err(_) if self.courier.is_over() => {
                        shortfall.left.insert(item);
                    }
                    Err(person) => {
                        let text = format!("{}: `{person}` was not created; the next run writes it", change.attribute);
                        shortfall.failed.entry(item).or_default().push(text);
                    }
                }
            }
            if !wishes.is_empty() {
                writings.push(Writing { item, member, wishes, is_accepted: false, said: None, hangups: 0 });
            }
        }
        writings
    }

    /// Returns somebody who was to be renamed or moved, and was not, if the change is only to follow that.
    fn stays<'c>(&self, change: &'c DeferredChange, places: &HashMap<u32, usize>) -> Option<&'c str> {
        if !change.only_follows() {
            return None;
        }
        let mut moved = change.new.iter().filter_map(DeferredValue::person).filter(|person| person.moved.is_some());
        let stays = |person: &&Referent| {
            let item = person.row.and_then(|row| places.get(&row));
            item.is_some_and(|item| self.results[*item].outcome.reason().is_some())
        };
        let first = moved.clone().next()?;
        moved.all(|person| stays(&person)).then_some(&first.username)
    }

    /// Returns the items of people who are referred to, by place of their account.
    fn places(&self) -> HashMap<u32, usize> {
        let items = &self.work.plan.items;
        let values = items.iter().flat_map(|item| item.intent.deferred()).flat_map(|change| &change.new);
        let rows: BTreeSet<u32> = values.filter_map(|value| value.person()?.row).collect();
        let place = |(place, item): (usize, &Item)| match item.subject {
            Subject::Account(row) if rows.contains(&row) => Some((row, place)),
            _ => None,
        };
        items.iter().enumerate().filter_map(place).collect()
    }

    /// Returns what is to be written. Who has a row is where their entry was last read: it may have been made or moved.
    fn value(&self, value: &DeferredValue, places: &HashMap<u32, usize>) -> Option<Value> {
        match value {
            DeferredValue::Content(content) => Some(Value::Content(content.clone())),
            DeferredValue::Person(person) => {
                let item = person.row.and_then(|row| places.get(&row));
                let written = item.and_then(|item| self.entries.get(item)).map(|member| &member.id.locator);
                written.or(person.value.as_ref()).cloned().map(Value::Person)
            }
        }
    }

    /// Reads the files again whose contents are to be written, and leaves out whose are not as they were.
    async fn with_contents(&self, batch: Vec<Writing>, shortfall: &mut Shortfall) -> (Vec<Writing>, Contents) {
        let wanted: Vec<Content> = batch.iter().flat_map(Writing::contents).cloned().collect();
        if wanted.is_empty() {
            return (batch, Contents::new());
        }
        let roster = self.work.roster.to_owned();
        let read = tokio::task::spawn_blocking(move || read_again(&roster, &wanted)).await;
        let mut found = read.unwrap_or_default();
        let mut good = Vec::with_capacity(batch.len());
        for writing in batch {
            let fault = writing.contents().find_map(|content| match found.get(&content.digest) {
                Some(Ok(_)) => None,
                Some(Err(why)) => Some(why.clone()),
                None => Some("the files could not be read".to_owned()),
            });
            match fault {
                Some(why) => shortfall.fail_person(writing.item, &why),
                None => good.push(writing),
            }
        }
        let contents = found.drain().filter_map(|(digest, read)| Some((digest, read.ok()?))).collect();
        (good, contents)
    }

    async fn write_deferred(&mut self, batch: Vec<Writing>, contents: &Contents, shortfall: &mut Shortfall) {
        let fold = self.work.directory.fold_of_references();
        let names = batch.iter().flat_map(|writing| &writing.wishes).map(|wish| wish.attribute.clone());
        let attributes = Schema::new(names);
        let mut pending = batch;
        let mut last_fault = None;
        for attempt in 0..=ATTEMPTS {
            // The directory tells of these itself, once.
            pending.iter_mut().for_each(|writing| writing.keep_only(|name| self.work.directory.stores(name)));
            pending.retain(|writing| !writing.wishes.is_empty());
            let ids = pending.iter().map(|writing| writing.member.id.clone()).collect();
            let found: HashMap<EntryId, ExistingAccount> = match self.courier.read_patiently(ids, &attributes).await {
                Ok(found) => found.into_iter().map(|account| (account.id.clone(), account)).collect(),
                Err(fault) => {
                    self.courier.end(Early::after(fault));
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
                match writing.state(entry, fold, contents) {
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
                self.courier.end(Early::Stopped);
            }
            if pending.is_empty() || self.courier.is_over() || attempt == ATTEMPTS {
                break;
            }
            // What makes the directory hang up is found by sending each by itself.
            let is_alone = attempt > 0 && pending.iter().any(Writing::was_hung_up);
            let at_once = if is_alone { 1 } else { operations.len() };
            let mut answers = Vec::with_capacity(operations.len());
            for some in operations.chunks(at_once) {
                answers.extend(self.work.directory.apply(some, &self.courier.pace).await);
            }
            if is_alone || operations.len() == 1 {
                for (writing, answer) in pending.iter_mut().zip(&answers) {
                    let hung_up = answer.as_ref().is_err_and(|fault| fault.hung_up.is_some());
                    writing.hangups = if hung_up { writing.hangups + 1 } else { 0 };
                }
            }
            let (left, fault) = self.answered(pending, answers, shortfall);
            pending = left;
            // A server that answers reads from a copy of itself may be late.
            if fault.is_some() || attempt > 0 {
                self.courier.rest(backoff(attempt)).await;
            }
            last_fault = fault.or(last_fault);
        }
        for writing in pending {
            if writing.is_accepted {
                shortfall.fail_person(writing.item, "the directory accepted it, but has it not when read back");
                continue;
            }
            if let Some(said) = writing.said.as_ref().filter(|said| refusal(said) == Refusal::OfThis)
                && !self.courier.is_over()
            {
                shortfall.fail_person(writing.item, &said.to_string());
                continue;
            }
            let fault = last_fault.clone().unwrap_or_else(|| Fault::new(Next::Retry, "no final answer"));
            self.courier.end(Early::Unavailable(fault));
            shortfall.left.insert(writing.item);
        }
    }

    /// Returns whose entries are to be looked at again, and the last fault that did not settle anything.
    fn answered(
        &mut self,
        sent: Vec<Writing>,
        answers: Vec<Result<Receipt, Fault>>,
        shortfall: &mut Shortfall,
    ) -> (Vec<Writing>, Option<Fault>) {
        let mut left = Vec::new();
        let mut last = None;
        for (mut writing, answer) in sent.into_iter().zip(answers) {
            match answer {
                Ok(_) => {
                    self.courier.note_success();
                    writing.is_accepted = true;
                    left.push(writing);
                }
                Err(fault) if fault.next == Next::RejectRow => {
                    self.courier.note_refusal(&fault);
                    let names: Vec<&str> = writing.wishes.iter().map(|wish| wish.attribute.as_str()).collect();
                    shortfall.fail_person(writing.item, &format!("{}: {fault}", names.join(", ")));
                }
                Err(fault) if writing.hangups >= HANGUPS => {
                    let names: Vec<&str> = writing.wishes.iter().map(|wish| wish.attribute.as_str()).collect();
                    let why = refusal_by_hanging_up(&fault).unwrap_or_else(|| fault.to_string());
                    shortfall.fail_person(writing.item, &format!("{}: {why}", names.join(", ")));
                }
                Err(fault) => {
                    if fault.next == Next::StopRun {
                        self.courier.end(Early::Useless(fault.clone()));
                    }
                    writing.is_accepted = false;
                    writing.said = Some(fault.clone());
                    last = Some(fault);
                    left.push(writing);
                }
            }
        }
        (left, last)
    }
}

/// Reads files that must still have the content that the plan was made with; why not, where that is so. Blocks.
fn read_again(roster: &Path, wanted: &[Content]) -> HashMap<Digest, Result<Vec<u8>, String>> {
    let folder = Enclosures::beside(roster).map_err(|error| error.to_string());
    let read = |content: &Content| {
        let file = content.file.as_deref().unwrap_or_default();
        let folder = folder.as_ref().map_err(Clone::clone)?;
        let octets = folder.read(file, content.digest.length).map_err(|fault| format!("`{file}`: {fault}"));
        match octets {
            Ok(octets) if Digest::of(&octets) == content.digest => Ok(octets),
            Ok(_) => Err(format!("`{file}` has changed since the preview; drop the roster again")),
            Err(why) => Err(why),
        }
    };
    wanted.iter().map(|content| (content.digest, read(content))).collect()
}

impl Shortfall {
    fn fail_person(&mut self, item: usize, why: &str) {
        self.failed.entry(item).or_default().push(why.to_owned());
    }
}
