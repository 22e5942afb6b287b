//! The id of a plan: what is approved is what is applied.

use sha2::Digest;
use sha2::Sha256;

use super::plan::Intent;
use super::plan::Item;
use super::plan::Plan;
use super::plan::PlanId;

/// Returns the id of no plan at all.
pub fn none() -> PlanId {
    PlanId("".into())
}

/// Returns the id of `plan`: a hash over `mapping` and over what every item says, in an order that does not depend on
/// the order of rows. Lines and passwords do not go into it.
pub fn of(plan: &Plan, mapping: &[u8]) -> PlanId {
    let mut items: Vec<[u8; 16]> = plan.items.iter().map(|item| item_digest(plan, item)).collect();
    items.sort_unstable();
    let mut all = Sha256::new();
    all.update(mapping);
    for digest in &items {
        all.update(digest);
    }
    PlanId(hex(&all.finalize()[..16]).into())
}

/// Returns the digest of one decision.
pub fn item_digest(plan: &Plan, item: &Item) -> [u8; 16] {
    let mut digest = Sha256::new();
    let mut text = |field: &[u8]| {
        digest.update((field.len() as u64).to_le_bytes());
        digest.update(field);
    };
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
        Intent::Delete => text(b"delete"),
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
    for change in item.intent.memberships() {
        text(change.kind.word().as_bytes());
        for names in [&change.add, &change.remove] {
            text(&count(names.iter()));
            names.iter().for_each(|name| text(name.as_str().as_bytes()));
        }
    }
    let full: [u8; 32] = digest.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
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
