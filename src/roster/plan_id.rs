//! The id of a plan: what is approved is what is applied.

use sha2::Digest;
use sha2::Sha256;

use super::account::GroupName;
use super::deferred::DeferredValue;
use super::place::Relocation;
use super::plan::CreateIntent;
use super::plan::Intent;
use super::plan::Item;
use super::plan::Plan;
use super::plan::PlanId;
use super::plan::Status;

/// Returns the id of no plan at all.
pub fn none() -> PlanId {
    PlanId("".into())
}

/// Returns the id of `plan`: a hash over `mapping` and over what every item says, in an order that does not depend on
/// the order of rows. Lines and passwords do not go into it.
pub fn of(plan: &Plan, mapping: &[u8]) -> PlanId {
    // Who is only reported is no decision: people of other feeds come and go without making this another plan.
    let decided = plan.items.iter().filter(|item| item.status != Status::Old || item.intent.writes());
    let mut fields = Fields::default();
    let mut items: Vec<[u8; 16]> = decided.map(|item| item_digest(plan, item, &mut fields)).collect();
    items.sort_unstable();
    let mut all = Sha256::new();
    all.update(mapping);
    for digest in &items {
        all.update(digest);
    }
    PlanId(hex(&all.finalize()[..16]).into())
}

/// Returns the digest of one decision. `fields` is a buffer.
fn item_digest(plan: &Plan, item: &Item, fields: &mut Fields) -> [u8; 16] {
    let mut text = |field: &[u8]| fields.push(field);
    text(item.status.word().as_bytes());
    text(plan.username(item).as_bytes());
    if let Some(entry) = &item.entry {
        text(entry.stable.as_bytes());
    }
    if let Some(account) = plan.account(item) {
        text(account.match_value().as_bytes());
    }
    match &item.intent {
        Intent::Nothing | Intent::Report => text(b"nothing"),
        Intent::Skip(why) => text(why.as_bytes()),
        Intent::Disable => text(b"disable"),
        Intent::Delete | Intent::Purge { .. } => text(b"delete"),
        Intent::Archive { place, .. } => {
            text(b"archive");
            text(place.to.as_bytes());
        }
        Intent::Create(create) => {
            text(b"create");
            text(&[create.password as u8, u8::from(create.must_change)]);
            if let Some(account) = plan.account(item) {
                text(account.locator.as_deref().unwrap_or_default().as_bytes());
                for (name, values) in account.attributes.iter() {
                    text(name.as_str().as_bytes());
                    text(&count(values.octets()));
                    values.octets().for_each(&mut text);
                }
            }
        }
        Intent::Update(update) => {
            text(b"update");
            if let Some(relocation) = &update.relocation {
                text(format!("{relocation:?}").as_bytes());
            }
            text(format!("{:?} {:?} {:?}", update.password, update.must_change, update.enabled).as_bytes());
            for change in &update.changes {
                text(change.attribute.as_str().as_bytes());
                for values in [&change.old, &change.new] {
                    text(&count(values.iter()));
                    values.iter().for_each(|value| text(value));
                }
            }
        }
    }
    for change in item.intent.deferred() {
        text(change.attribute.as_str().as_bytes());
        for values in [&change.old, &change.new] {
            text(&count(values.iter()));
            values.iter().for_each(|value| text(value.identity()));
        }
    }
    for change in item.intent.memberships() {
        text(change.kind.word().as_bytes());
        for names in [&change.add, &change.remove] {
            text(&count(names.iter()));
            names.iter().for_each(|name| text(name.as_str().as_bytes()));
        }
    }
    fields.take_digest()
}

/// Returns one digest for everything that an item writes, each by itself: what an operator has approved can so be told
/// from what has come up since, even when a part of it is done already.
///
/// A password that is owed is no part: it belongs to a write that was approved before.
pub fn parts(plan: &Plan, item: &Item) -> Vec<[u8; 16]> {
    let entry = item.entry.as_ref().map(|entry| entry.stable.as_bytes());
    // Somebody whose account is made by the run itself has no entry yet when memberships are approved.
    let known_entry = entry.filter(|_| item.status != Status::New);
    let part = |entry: Option<&[u8]>, what: &[&[u8]]| {
        let mut fields = Fields::default();
        let line = item.line.map(|line| line.0.to_le_bytes());
        let subject = [line.as_ref().map_or(&[][..], |line| &line[..]), entry.unwrap_or_default()];
        subject.iter().chain(what).for_each(|field| fields.push(field));
        fields.take_digest()
    };
    let mut parts = Vec::new();
    match &item.intent {
        Intent::Nothing | Intent::Skip(_) | Intent::Report => {}
        // The whole decision: who, where, with which attributes.
        Intent::Create(create) => parts.push(part(None, &[b"create", &account_digest(plan, item, create)])),
        Intent::Disable => parts.push(part(entry, &[b"disable"])),
        Intent::Delete | Intent::Purge { .. } => parts.push(part(entry, &[b"delete"])),
        Intent::Archive { place, .. } => parts.push(part(entry, &[b"archive", place.to.as_bytes()])),
        Intent::Update(update) => {
            if let Some(Relocation { username, place }) = &update.relocation {
                for (what, step) in [(&b"rename"[..], username), (b"move", place)] {
                    let ends = step.as_ref().map(|step| [what, step.from.as_bytes(), step.to.as_bytes()]);
                    parts.extend(ends.map(|ends| part(entry, &ends)));
                }
            }
            for change in &update.changes {
                let sides = [&change.old, &change.new].map(|values| {
                    let mut values: Vec<&[u8]> = values.iter().map(AsRef::as_ref).collect();
                    values.sort_unstable();
                    values
                });
                let n_old = sides[0].len().to_le_bytes();
                let mut what: Vec<&[u8]> = vec![b"change", change.attribute.as_str().as_bytes(), &n_old];
                what.extend(sides.iter().flatten());
                parts.push(part(entry, &what));
            }
            if let Some(password) = update.password.filter(|_| !update.letter_owed) {
                let must_change = update.must_change.map_or(2, u8::from);
                parts.push(part(entry, &[b"password", &[password as u8, must_change]]));
            }
            parts.extend(update.enabled.map(|on| part(entry, &[b"enabled", &[u8::from(on)]])));
        }
    }
    for change in item.intent.deferred() {
        let sides = [&change.old, &change.new].map(|values| {
            let mut values: Vec<&[u8]> = values.iter().map(DeferredValue::identity).collect();
            values.sort_unstable();
            values
        });
        let n_old = sides[0].len().to_le_bytes();
        let mut what: Vec<&[u8]> = vec![b"deferred", change.attribute.as_str().as_bytes(), &n_old];
        what.extend(sides.iter().flatten());
        parts.push(part(known_entry, &what));
    }
    for change in item.intent.memberships() {
        let kind = change.kind.word().as_bytes();
        let named = |word: &[u8], name: &GroupName| part(known_entry, &[word, kind, name.key().as_str().as_bytes()]);
        parts.extend(change.add.iter().map(|name| named(b"add", name)));
        parts.extend(change.remove.iter().map(|name| named(b"remove", name)));
    }
    parts
}

fn account_digest(plan: &Plan, item: &Item, create: &CreateIntent) -> [u8; 16] {
    let mut fields = Fields::default();
    let mut text = |field: &[u8]| fields.push(field);
    text(plan.username(item).as_bytes());
    text(&[create.password as u8, u8::from(create.must_change)]);
    if let Some(account) = plan.account(item) {
        text(account.match_value().as_bytes());
        text(account.locator.as_deref().unwrap_or_default().as_bytes());
        for (name, values) in account.attributes.iter() {
            text(name.as_str().as_bytes());
            values.octets().for_each(&mut text);
        }
    }
    fields.take_digest()
}

/// What a digest is made of: fields, each after its length. They are hashed in one go, which is quicker than one after
/// the other.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn push(&mut self, field: &[u8]) {
        self.0.extend_from_slice(&(field.len() as u64).to_le_bytes());
        self.0.extend_from_slice(field);
    }

    /// Returns the digest of all fields, and forgets them.
    fn take_digest(&mut self) -> [u8; 16] {
        let full: [u8; 32] = Sha256::digest(&self.0).into();
        self.0.clear();
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        short
    }
}

/// Says how many items follow, so that none can be taken for one of the next list.
fn count(items: impl Iterator) -> [u8; 8] {
    (items.count() as u64).to_le_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}
