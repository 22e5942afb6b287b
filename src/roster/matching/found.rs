//! What comparing rows and entries has found.

use std::collections::HashMap;

use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::Person;
use crate::roster::attribute::AttributeName;
use crate::roster::change::Change;
use crate::roster::claim::Claim;
use crate::roster::deferred::Held;
use crate::roster::owners::Owners;
use crate::roster::place::Relocation;
use crate::roster::problem::Problem;
use crate::roster::reference::Referred;

/// What became of the rows, and who is in the directory only.
#[derive(Clone, Debug, Default)]
pub struct Matched {
    /// One per account of the roster.
    pub seen: Vec<Seen>,
    /// Entries within the feed's scope that no row is about.
    pub old: Vec<OldEntry>,
    /// Errors found by comparing with entries, by place of the account.
    pub problems: Vec<(u32, Problem)>,
    /// Accounts whose username belongs to somebody else's entry, and whose.
    pub name_taken: HashMap<u32, Vec<Holder>>,
    /// Values that two people must not share, and that somebody else's entry has.
    pub claims: Vec<Claim>,
    /// Whose values are that follow from usernames, for attributes that two people must not share.
    pub owners: Vec<(AttributeName, Owners)>,
    /// Rows in error that could be about anybody.
    pub unidentified: usize,
    /// Entries of rows that are not below the parent that the feed says, and stay there; and where the first one is.
    pub misplaced: (usize, Box<str>),
    /// Whom rows refer to, as far as the directory has them; `None` when no row does.
    pub referred: Option<Referred>,
    /// Entries seen.
    pub n_entries: usize,
    /// Entries seen that can log in.
    pub n_enabled: usize,
    /// Entries seen within the feed's scope.
    pub n_in_scope: usize,
}

/// Somebody who has a name that a row is to have, or one that is too like it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The place of their account; `None` without a row.
    pub row: Option<u32>,
}

/// What the directory has for one row.
#[derive(Clone, Debug, Default)]
pub enum Seen {
    /// No entry.
    #[default]
    Nowhere,
    /// An entry that needs nothing.
    Same,
    /// An entry that something may have to be done with.
    Found(Box<Found>),
}

/// The entry of one row.
#[derive(Clone, Debug)]
pub struct Found {
    /// Which entry.
    pub id: EntryId,
    /// Its login name.
    pub username: Box<str>,
    /// Another name or place that it is to get.
    pub relocation: Option<Relocation>,
    /// What differs.
    pub changes: Vec<Change>,
    /// What it has of the attributes that are written later; `None` when the row says nothing about them.
    pub deferred: Option<Box<Held>>,
    /// Whether the person can log in.
    pub enabled: bool,
    /// Whether the password must be changed at the next login.
    pub must_change: Option<bool>,
    /// Why it must never be written.
    pub protected: Option<Box<str>>,
    /// Whether it is in the archive.
    pub archived: bool,
}

/// An entry that no row is about.
#[derive(Clone, Debug)]
pub struct OldEntry {
    /// Which entry.
    pub id: EntryId,
    /// Its login name.
    pub username: Box<str>,
    /// The names and mail address that it has.
    pub person: Person,
    /// Whether the person can log in.
    pub enabled: bool,
    /// Why it must never be written.
    pub protected: Option<Box<str>>,
    /// Whether it is in the archive already.
    pub archived: bool,
}

impl OldEntry {
    pub(super) fn of(entry: ExistingAccount) -> Self {
        let text = |name| entry.attributes.first_text(name).unwrap_or_default();
        let person = Person::new(text("givenName"), text("sn"), text("mail"));
        let ExistingAccount { id, username, enabled, protected, archived, .. } = entry;
        Self { id, username, person, enabled, protected, archived }
    }
}
