//! Values that a row only names, such as other people and files: they are written after all accounts of the run.

use std::fmt;

use sha2::Sha256;

use super::attribute::AttributeName;
use super::attribute::Attributes;
use super::attribute::show_digest;

/// One attribute's change that is written after all accounts: `old` becomes `new`. Values are sets; an empty `new`
/// clears the attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeferredChange {
    /// Which attribute.
    pub attribute: AttributeName,
    /// All values before.
    pub old: Box<[DeferredValue]>,
    /// All values after. One that stays is equal to its old one.
    pub new: Box<[DeferredValue]>,
}

/// A value that is written after all accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeferredValue {
    /// What refers to a person.
    Person(Referent),
    /// The content of a file.
    Content(Content),
}

/// Somebody who is referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referent {
    /// The value by which the directory refers to the person; `None` for somebody whom this run is to create.
    pub value: Option<Box<str>>,
    /// The login name; empty when it is not known.
    pub username: Box<str>,
    /// The place of the person's account in [`super::plan::Plan::accounts`], if they have a row.
    pub row: Option<u32>,
    /// What becomes of the value when this run renames or moves the person, and the reference follows.
    pub moved: Option<Moved>,
}

/// One end of the way of somebody who is referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Where their account was when the run began.
    From(Box<str>),
    /// Where it will be.
    To(Box<str>),
}

/// The content of a file, without holding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Which octets.
    pub digest: Digest,
    /// The file that has them, beside the roster; `None` for what the directory has already.
    pub file: Option<Box<str>>,
}

/// Tells octets from all others, and is small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// How many octets.
    pub length: usize,
    /// Their SHA-256.
    pub sha256: [u8; 32],
}

impl Digest {
    /// Returns the digest of `octets`.
    pub fn of(octets: &[u8]) -> Self {
        Self { length: octets.len(), sha256: <Sha256 as sha2::Digest>::digest(octets).into() }
    }
}

/// What an entry has of the attributes that are written after all accounts.
#[derive(Clone, Debug, Default)]
pub struct Held {
    /// As text.
    pub text: Attributes,
    /// Of those that get the content of files.
    pub contents: Vec<(AttributeName, Vec<Digest>)>,
}

impl Held {
    /// Keeps of an entry what a row's `wanted` lists; of the attributes `files` only digests.
    pub fn of(entry: &Attributes, wanted: &Attributes, files: &[AttributeName]) -> Self {
        let contents = entry.iter().filter(|(name, _)| files.contains(name) && wanted.lists(name));
        Self {
            text: entry.only(|name| !files.contains(name) && wanted.lists(name)),
            contents: contents
                .map(|(name, values)| (name.clone(), values.octets().map(Digest::of).collect()))
                .collect(),
        }
    }

    /// Returns the digests of an attribute's values.
    pub fn digests(&self, attribute: &AttributeName) -> &[Digest] {
        self.contents.iter().find(|(name, _)| name == attribute).map_or(&[], |(_, digests)| digests)
    }
}

impl DeferredChange {
    /// Returns whether nobody comes and nobody goes, and somebody who stays is renamed or moved by the same run.
    pub fn only_follows(&self) -> bool {
        let who = |values: &[DeferredValue]| -> Vec<DeferredValue> {
            let mut values = values.to_vec();
            values.iter_mut().filter_map(DeferredValue::person_mut).for_each(|person| person.moved = None);
            values
        };
        let (old, new) = (who(&self.old), who(&self.new));
        old.len() == new.len() && old.iter().all(|value| new.contains(value))
    }

    /// Returns whether the attribute loses all its values.
    pub fn clears(&self) -> bool {
        self.new.is_empty() && !self.old.is_empty()
    }
}

impl DeferredValue {
    /// Returns the person, if it refers to one.
    pub fn person(&self) -> Option<&Referent> {
        match self {
            Self::Person(person) => Some(person),
            Self::Content(_) => None,
        }
    }

    /// Returns the same to change it.
    pub fn person_mut(&mut self) -> Option<&mut Referent> {
        match self {
            Self::Person(person) => Some(person),
            Self::Content(_) => None,
        }
    }

    /// Returns what says which value it is. Who has a row goes by name: the run may make their entry.
    pub fn identity(&self) -> &[u8] {
        match self {
            Self::Person(Referent { moved: Some(Moved::From(place)), .. }) => place.as_bytes(),
            Self::Person(Referent { value: Some(value), row: None, .. }) => value.as_bytes(),
            Self::Person(person) => person.username.as_bytes(),
            Self::Content(content) => &content.digest.sha256,
        }
    }
}

/// Shows a person by name, or else the value; octets by length and digest.
impl fmt::Display for DeferredValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(Referent { moved: Some(Moved::From(place) | Moved::To(place)), .. }) => f.write_str(place),
            Self::Person(Referent { value: Some(value), username, .. }) if username.is_empty() => f.write_str(value),
            Self::Person(person) => f.write_str(&person.username),
            Self::Content(Content { digest, .. }) => f.write_str(&show_digest(digest.length, &digest.sha256)),
        }
    }
}

/// Shows `manager: ada -> bob`.
impl fmt::Display for DeferredChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.attribute, show(&self.old), show(&self.new))
    }
}

fn show(values: &[DeferredValue]) -> String {
    if values.is_empty() {
        return "(none)".to_owned();
    }
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
}
