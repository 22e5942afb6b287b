//! One entry of the second pass: what is wished of it, compared with how it is.

use super::Contents;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Values;
use crate::roster::change::Change;
use crate::roster::deferred::Content;
use crate::roster::deferred::Digest;
use crate::roster::fault::Fault;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::reference::Fold;
use std::collections::BTreeSet;

/// One entry to be written.
#[derive(Clone, Debug)]
pub(super) struct Writing {
    pub(super) item: usize,
    pub(super) member: Member,
    pub(super) wishes: Vec<Wish>,
    /// The directory has said that it is done.
    pub(super) is_accepted: bool,
    /// What it has said otherwise, last.
    pub(super) said: Option<Fault>,
    /// How often it has hung up on this alone.
    pub(super) hangups: u32,
}

/// One attribute to be written.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) attribute: AttributeName,
    /// What it had when the plan was made, and the same with people where this run has moved them: some servers follow.
    pub(super) old: [BTreeSet<Key>; 2],
    pub(super) new: Vec<Value>,
    /// Whether values are contents.
    pub(super) is_content: bool,
}

/// A value to be written.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Person(Box<str>),
    Content(Content),
}

/// By what values are compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    Person(MatchKey),
    Content(Digest),
}

/// How an entry is, compared with what is wished.
pub(super) enum State {
    AsWished,
    /// These changes are left.
    AsPlanned(Vec<Change>),
    /// Somebody else has changed this attribute.
    Otherwise(AttributeName),
}

impl Writing {
    /// Compares what is wished with what the directory has.
    pub(super) fn state(&self, entry: &ExistingAccount, fold: Fold, contents: &Contents) -> State {
        let mut changes = Vec::new();
        for Wish { attribute, old, new, is_content } in &self.wishes {
            let key = |octets: &[u8]| match std::str::from_utf8(octets) {
                Ok(text) if !is_content => Key::Person(fold(text)),
                _ => Key::Content(Digest::of(octets)),
            };
            let values = entry.attributes.get(attribute.as_str()).into_iter().flat_map(Values::octets);
            let held: Vec<(Key, &[u8])> = values.map(|octets| (key(octets), octets)).collect();
            let now: BTreeSet<Key> = held.iter().map(|(key, _)| key.clone()).collect();
            let wished: BTreeSet<Key> = new.iter().map(|value| value.key(fold)).collect();
            if now == wished {
                continue;
            }
            if !old.contains(&now) {
                return State::Otherwise(attribute.clone());
            }
            // What stays keeps the spelling of the directory, so that it is not taken for a change.
            let spelled = |value: &Value| {
                let key = value.key(fold);
                let same = held.iter().find(|(held, _)| *held == key).map(|(_, octets)| *octets);
                let octets = same.or_else(|| value.octets(contents));
                octets.map(Box::from)
            };
            let Some(new) = new.iter().map(spelled).collect::<Option<_>>() else {
                return State::Otherwise(attribute.clone());
            };
            changes.push(Change {
                attribute: attribute.clone(),
                old: held.iter().map(|(_, octets)| Box::from(*octets)).collect(),
                new,
            });
        }
        if changes.is_empty() { State::AsWished } else { State::AsPlanned(changes) }
    }

    pub(super) fn operation(&self, entry: &ExistingAccount, changes: Vec<Change>) -> Operation {
        Operation::Update(Update { changes, ..Update::of(entry.id.clone(), self.member.username.clone()) })
    }
}

impl Writing {
    /// Returns the contents that come from files.
    pub(super) fn contents(&self) -> impl Iterator<Item = &Content> {
        let values = self.wishes.iter().flat_map(|wish| &wish.new);
        values.filter_map(|value| match value {
            Value::Content(content) if content.file.is_some() => Some(content),
            _ => None,
        })
    }

    /// Leaves out what the directory does not store.
    pub(super) fn keep_only(&mut self, stores: impl Fn(&AttributeName) -> bool) {
        self.wishes.retain(|wish| stores(&wish.attribute));
    }

    /// Returns whether the directory hung up when it was last sent.
    pub(super) fn was_hung_up(&self) -> bool {
        self.said.as_ref().is_some_and(|said| said.hung_up.is_some())
    }

    pub(super) fn octets(&self) -> usize {
        self.contents().map(|content| content.digest.length).sum()
    }
}

impl Value {
    pub(super) fn key(&self, fold: Fold) -> Key {
        match self {
            Self::Person(value) => Key::Person(fold(value)),
            Self::Content(content) => Key::Content(content.digest),
        }
    }

    pub(super) fn octets<'v>(&'v self, contents: &'v Contents) -> Option<&'v [u8]> {
        match self {
            Self::Person(value) => Some(value.as_bytes()),
            Self::Content(content) => contents.get(&content.digest).map(Vec::as_slice),
        }
    }
}
