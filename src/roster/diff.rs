//! The attribute changes that lead from what a directory has to what a roster wants.

use std::borrow::Cow;
use std::cmp::Ordering;

use unicode_normalization::UnicodeNormalization;

use super::attribute::AttributeName;
use super::attribute::Attributes;
use super::attribute::Values;
use super::change::Change;

/// Who decides about an attribute of an account that exists already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Policy {
    /// The roster: the attribute gets exactly the wanted values, and loses all when it is wanted cleared.
    #[default]
    Force,
    /// The directory, unless it has no value.
    Keep,
    /// The directory: the roster only fills new accounts.
    CreateOnly,
    /// Both: missing values come, none goes.
    Merge,
}

/// Returns what must change in `existing`, in name order.
///
/// An attribute that `wanted` does not list is never touched. Values are compared as sets of octets; text is compared
/// in Unicode's form NFC, since "é" typed on one system and "é" typed on another are the same to whoever reads them.
/// A value that stays keeps the spelling of the directory.
///
/// For an account that does not exist yet there is nothing to compare: it gets `wanted` as it is.
pub fn changes(existing: &Attributes, wanted: &Attributes, policy: impl Fn(&AttributeName) -> Policy) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut held = existing.iter();
    let mut next = held.next();
    for (name, values) in wanted.iter() {
        let old = loop {
            let Some((other, old)) = next else { break None };
            match other.cmp(name) {
                Ordering::Less => next = held.next(),
                Ordering::Equal => break Some(old),
                Ordering::Greater => break None,
            }
        };
        // Nearly all are alike.
        if old != Some(values) {
            changes.extend(change(name, old, values, policy(name)));
        }
    }
    changes
}

fn change(name: &AttributeName, existing: Option<Values<'_>>, wanted: Values<'_>, policy: Policy) -> Option<Change> {
    let value = if name.is_binary() { Value::of_octets } else { Value::new };
    let old: Vec<Value<'_>> = existing.map(|values| values.octets().map(value).collect()).unwrap_or_default();
    let wanted = distinct(wanted.octets().map(value));
    let new: Vec<&Value<'_>> = match policy {
        Policy::CreateOnly => return None,
        Policy::Keep if !old.is_empty() => return None,
        Policy::Keep | Policy::Force => wanted.iter().map(|value| held_spelling(&old, value)).collect(),
        Policy::Merge => old.iter().chain(wanted.iter().filter(|value| !old.contains(value))).collect(),
    };
    let same = old.iter().all(|value| new.contains(&value)) && new.iter().all(|value| old.contains(value));
    (!same).then(|| Change {
        attribute: name.clone(),
        old: old.iter().map(|value| value.spelled.into()).collect(),
        new: new.iter().map(|value| value.spelled.into()).collect(),
    })
}

fn held_spelling<'v, 'a>(old: &'v [Value<'a>], wanted: &'v Value<'a>) -> &'v Value<'a> {
    old.iter().find(|value| *value == wanted).unwrap_or(wanted)
}

fn distinct<'a>(values: impl Iterator<Item = Value<'a>>) -> Vec<Value<'a>> {
    let mut distinct: Vec<Value<'_>> = Vec::new();
    for value in values {
        if !distinct.contains(&value) {
            distinct.push(value);
        }
    }
    distinct
}

/// A value with the form in which it is compared.
struct Value<'a> {
    spelled: &'a [u8],
    compared: Cow<'a, [u8]>,
}

impl<'a> Value<'a> {
    fn new(spelled: &'a [u8]) -> Self {
        let compared = match std::str::from_utf8(spelled) {
            Ok(text) if !text.is_ascii() => Cow::Owned(text.nfc().collect::<String>().into_bytes()),
            _ => Cow::Borrowed(spelled),
        };
        Self { spelled, compared }
    }

    fn of_octets(spelled: &'a [u8]) -> Self {
        Self { spelled, compared: Cow::Borrowed(spelled) }
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.compared == other.compared
    }
}

#[cfg(test)]
mod tests;
