//! People: as the roster wants them, and as the directory has them.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;
use std::sync::Arc;

use super::attribute::AttributeName;
use super::attribute::Attributes;
use super::name_key::MatchKey;
use super::secret::Secret;

/// A physical line of a roster, counted from 1; a row is known by the line where it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineNo(pub u32);

impl fmt::Display for LineNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What we want one person to have: one row, mapped and checked.
#[derive(Clone, Debug)]
pub struct Account {
    /// Where the row starts.
    pub line: LineNo,
    /// The login name.
    pub username: Box<str>,
    /// The value by which the row finds its entry; empty when it is the username.
    pub match_value: Box<str>,
    /// Where a new entry goes, as the feed's `dn` template gave it (already escaped); `None` leaves it to the target.
    pub locator: Option<Box<str>>,
    /// The mapped attributes.
    pub attributes: Attributes,
    /// What cells name that stand for something else, such as other people: text by attribute. It is written after all
    /// accounts, see [`super::deferred`]; `None` when the row says nothing of the kind.
    pub deferred: Option<Box<Attributes>>,
    /// The groups of the row; `None` when the roster says nothing about groups.
    pub groups: Option<Box<[GroupName]>>,
    /// The roles of the row; `None` when the roster says nothing about roles.
    pub roles: Option<Box<[GroupName]>>,
    /// The password of the row.
    pub password: Option<Secret>,
    /// Whether the password must be changed at the next login, when the row says so.
    pub must_change: Option<bool>,
    /// What may be done for this row.
    pub choices: Choices,
    /// How the person is called in results and letters.
    pub person: Person,
}

impl Account {
    /// Returns the value by which the row finds its entry.
    pub fn match_value(&self) -> &str {
        if self.match_value.is_empty() { &self.username } else { &self.match_value }
    }
}

/// The choices of the manual's check boxes, per row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Create the account when it is New.
    pub add: bool,
    /// Change the account when it is there already.
    pub update: bool,
    /// Make memberships of the feed's groups the row's, removals included; off: only add.
    pub sync_groups: bool,
    /// The same for roles.
    pub sync_roles: bool,
    /// Subscribe the person to every channel of the target.
    pub subscribe: bool,
    /// The row's own action.
    pub action: Action,
}

/// What a row's `action` column asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Action {
    /// Add or update, whichever fits.
    #[default]
    Auto,
    /// Switch the account off.
    Disable,
    /// Delete the account.
    Delete,
}

/// First name, surname and mail address of a person, for results and letters. One allocation.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Person {
    text: Box<str>,
    first_end: u32,
    surname_end: u32,
}

impl Person {
    /// Packs the three.
    pub fn new(first: &str, surname: &str, email: &str) -> Self {
        let cut = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            text: [first, surname, email].concat().into(),
            first_end: cut(first.len()),
            surname_end: cut(first.len() + surname.len()),
        }
    }

    /// Returns the first name, maybe empty.
    pub fn first(&self) -> &str {
        self.text.get(..self.first_end as usize).unwrap_or_default()
    }

    /// Returns the surname, maybe empty.
    pub fn surname(&self) -> &str {
        self.text.get(self.first_end as usize..self.surname_end as usize).unwrap_or_default()
    }

    /// Returns the mail address, maybe empty.
    pub fn email(&self) -> &str {
        self.text.get(self.surname_end as usize..).unwrap_or_default()
    }
}

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} <{}>", self.first(), self.surname(), self.email())
    }
}

/// The name of a group, role or channel. Compares as directories compare names (see [`MatchKey`]).
#[derive(Clone)]
pub struct GroupName {
    shown: Arc<str>,
}

impl GroupName {
    /// Keeps `name` as it is spelled.
    pub fn new(name: &str) -> Self {
        Self { shown: Arc::from(name) }
    }

    /// Returns the original spelling.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// Returns the name folded for comparison.
    pub fn key(&self) -> MatchKey {
        MatchKey::new(&self.shown)
    }
}

impl PartialEq for GroupName {
    fn eq(&self, other: &Self) -> bool {
        self.shown == other.shown || self.key() == other.key()
    }
}

impl Eq for GroupName {}

impl Ord for GroupName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for GroupName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for GroupName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.shown, f)
    }
}

/// What people can be members of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GroupKind {
    /// A group.
    Group,
    /// A role.
    Role,
    /// A news channel that people are subscribed to.
    Channel,
}

impl GroupKind {
    /// Returns the word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Role => "role",
            Self::Channel => "channel",
        }
    }
}

/// By what a row finds its entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MatchBy {
    /// The login name.
    Username,
    /// An attribute that holds one value per person, such as `employeeNumber`.
    Attribute(AttributeName),
}

/// Where an entry is, and which entry it is. Made by the directory that holds it and opaque to everybody else.
///
/// Two ids are equal when they are the same entry, wherever it has been moved. The default is nobody's.
#[derive(Clone, Debug, Default)]
pub struct EntryId {
    /// Where to write: a DN, a resource id, a row id.
    pub locator: Box<str>,
    /// What never changes: `entryUUID`, SCIM `id`, row id.
    pub stable: Box<str>,
}

impl PartialEq for EntryId {
    fn eq(&self, other: &Self) -> bool {
        self.stable == other.stable
    }
}

impl Eq for EntryId {}

impl Hash for EntryId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.stable.hash(state);
    }
}

/// One account as the directory has it, with the attributes that were asked for.
#[derive(Clone, Debug)]
pub struct ExistingAccount {
    /// Which entry.
    pub id: EntryId,
    /// The login name; empty when the entry has none.
    pub username: Box<str>,
    /// The attributes asked for that have values.
    pub attributes: Attributes,
    /// Whether the person can log in.
    pub enabled: bool,
    /// Whether the password must be changed at the next login; `None` when the directory cannot tell.
    pub must_change: Option<bool>,
    /// Why the account must never be written, when that is so.
    pub protected: Option<Box<str>>,
    /// Whether it is in the target's archive, among those who have left.
    pub archived: bool,
}

impl ExistingAccount {
    /// Returns about how many octets of memory it takes.
    pub fn octets(&self) -> usize {
        let Self { id: EntryId { locator, stable }, username, attributes, protected, .. } = self;
        let protected = protected.as_ref().map_or(0, |why| why.len());
        size_of::<Self>() + locator.len() + stable.len() + username.len() + attributes.n_octets() + protected
    }

    /// Returns the value that matching goes by, if the entry has it.
    pub fn match_value(&self, by: &MatchBy) -> Option<&str> {
        match by {
            MatchBy::Username => (!self.username.is_empty()).then_some(&*self.username),
            MatchBy::Attribute(name) => self.attributes.first_text(name.as_str()),
        }
    }
}

/// One group, role or channel as the directory has it.
#[derive(Clone, Debug)]
pub struct ExistingGroup {
    /// Group, role or channel.
    pub kind: GroupKind,
    /// Its name as the directory spells it.
    pub name: GroupName,
    /// Its members.
    pub members: Members,
    /// Why the group must never be written, when that is so.
    pub protected: Option<Box<str>>,
}

impl ExistingGroup {
    /// Returns whether `account` is a member.
    pub fn has(&self, account: &ExistingAccount) -> bool {
        self.members.has(&account.id, &account.username)
    }
}

/// Members, named as the group names them.
#[derive(Clone, Debug)]
pub enum Members {
    /// By [`EntryId::locator`], in the spelling that the directory gives to the ids of its accounts.
    ByEntry(std::collections::HashSet<MatchKey>),
    /// By [`EntryId::stable`], compared exactly.
    ById(std::collections::HashSet<Box<str>>),
    /// By login name (`memberUid`).
    ByUsername(std::collections::HashSet<MatchKey>),
}

impl Members {
    /// Returns whether an entry that is called so is among them.
    pub fn has(&self, id: &EntryId, username: &str) -> bool {
        match self {
            Self::ByEntry(members) => members.contains(&MatchKey::new(&id.locator)),
            Self::ById(members) => members.contains(&id.stable),
            Self::ByUsername(members) => members.contains(&MatchKey::new(username)),
        }
    }
}
