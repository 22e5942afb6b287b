//! The plan: every decision about one roster, made before anything is written.

mod hold;

use std::fmt;

use super::account::Account;
use super::account::EntryId;
use super::account::GroupKind;
use super::account::GroupName;
use super::account::LineNo;
use super::account::Person;
use super::attribute::AttributeName;
use super::change::Change;
use super::deferred::DeferredChange;
use super::place::Relocation;
use super::place::Step;
use super::problem::Problem;
use super::turns::Turns;

pub use hold::Hold;
pub use hold::HoldClass;

/// All decisions about one roster. Plain data: it is shown, stored as an id, and applied as it is.
#[derive(Debug)]
pub struct Plan {
    /// Identifies the decisions: equal for equal rosters, mappings and entries, whatever the row order.
    pub id: PlanId,
    /// The rows that became accounts.
    pub accounts: Vec<Account>,
    /// One item per row in file order, then the Old accounts by username.
    pub items: Vec<Item>,
    /// What concerns the roster as a whole.
    pub notices: Vec<Notice>,
    /// Limits that were breached: what they hold back waits for approval.
    pub holds: Vec<Hold>,
    /// Licence seats, when they are limited.
    pub seats: Option<Seats>,
    /// Who goes first, when people take names and places from each other. It follows from the items.
    pub turns: Turns,
}

/// The id of a plan: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PlanId(pub Box<str>);

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The one decision about one person.
#[derive(Debug)]
pub struct Item {
    /// The row; `None` for an Old account.
    pub line: Option<LineNo>,
    /// The status.
    pub status: Status,
    /// Who.
    pub subject: Subject,
    /// The entry, when something is to be done with it.
    pub entry: Option<Box<EntryId>>,
    /// What is to be done.
    pub intent: Intent,
    /// Errors and warnings of the row.
    pub problems: Box<[Problem]>,
}

/// Who an item is about.
#[derive(Debug)]
pub enum Subject {
    /// The account at this place of [`Plan::accounts`].
    Account(u32),
    /// Somebody known by name only: an Old account, or a row that did not become an account.
    Named(Box<Named>),
}

/// Somebody known by name only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// The login name, maybe empty.
    pub username: Box<str>,
    /// Names and mail address, maybe empty.
    pub person: Person,
}

/// A person's status, one per person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// In the file, not in the directory.
    New,
    /// In both.
    Update,
    /// In the directory within the feed's scope, not in the file.
    Old,
    /// An invalid field, or a row that must not be applied.
    Error,
}

impl Status {
    /// Returns the manual's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::Update => "Update",
            Self::Old => "Old",
            Self::Error => "Error",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What is to be done for one person.
#[derive(Debug)]
pub enum Intent {
    /// Nothing has to be written.
    Nothing,
    /// Something could be done, but the row's choices or the feed say no; the text says which.
    Skip(&'static str),
    /// Create the account.
    Create(CreateIntent),
    /// Change the account.
    Update(Box<UpdateIntent>),
    /// Report only (Old).
    Report,
    /// Switch the account off.
    Disable,
    /// Delete the account, as its row asks.
    Delete,
    /// Switch the account off and move it to the archive.
    Archive {
        /// From where to where.
        place: Step,
        /// Whether it can log in now.
        enabled: bool,
    },
    /// Delete the account of somebody who has left.
    Purge {
        /// The day since when every roster was without the person, as a date; empty: this one is the first.
        since: Box<str>,
    },
}

/// How an account is to be created.
#[derive(Debug)]
pub struct CreateIntent {
    /// Attributes of which the target gives out the value when it is created.
    pub allocates: Vec<AttributeName>,
    /// Where the password comes from.
    pub password: PasswordSource,
    /// Whether it must be changed at the first login.
    pub must_change: bool,
    /// References to other people and contents of files, which are written after all accounts.
    pub deferred: Vec<DeferredChange>,
    /// Groups, roles and channels that the person comes into.
    pub memberships: Box<[MembershipChange]>,
}

/// How an account is to be changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct UpdateIntent {
    /// Another login name or place.
    pub relocation: Option<Relocation>,
    /// Attribute changes.
    pub changes: Vec<Change>,
    /// References to other people and contents of files, which are written after all accounts.
    pub deferred: Vec<DeferredChange>,
    /// A new password.
    pub password: Option<PasswordSource>,
    /// Force a change at the next login, or lift that.
    pub must_change: Option<bool>,
    /// Let the person log in again.
    pub enabled: Option<bool>,
    /// Groups, roles and channels.
    pub memberships: Vec<MembershipChange>,
    /// Whether the password replaces one whose letter was never sent, after an interruption.
    pub letter_owed: bool,
}

/// Where a password comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordSource {
    /// The row.
    Row,
    /// Generated when it is written.
    Generated,
}

/// One person's change in one kind of group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MembershipChange {
    /// Group, role or channel.
    pub kind: GroupKind,
    /// Which ones the person comes into.
    pub add: Box<[GroupName]>,
    /// Which ones the person leaves.
    pub remove: Box<[GroupName]>,
    /// The feed's groups that the person is in before, for display.
    pub before: Box<[GroupName]>,
}

/// What concerns the roster as a whole, such as a column that nothing maps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The column, when one is concerned.
    pub column: Option<Box<str>>,
    /// One sentence.
    pub text: String,
}

/// Licence seats before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seats {
    /// Seats in all.
    pub limit: usize,
    /// Seats taken now.
    pub taken: usize,
    /// Seats taken when the plan is applied.
    pub after: usize,
}

/// How many people have which status. Every person is counted once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counts {
    /// To be created.
    pub new: usize,
    /// With differences.
    pub update: usize,
    /// In both, without differences.
    pub unchanged: usize,
    /// In the directory only.
    pub old: usize,
    /// In error.
    pub error: usize,
}

impl Plan {
    /// Returns the login name of an item, maybe empty.
    pub fn username<'p>(&'p self, item: &'p Item) -> &'p str {
        match &item.subject {
            Subject::Account(index) => self.accounts.get(*index as usize).map(|a| &*a.username).unwrap_or_default(),
            Subject::Named(named) => &named.username,
        }
    }

    /// Returns the names and mail address of an item.
    pub fn person<'p>(&'p self, item: &'p Item) -> Option<&'p Person> {
        match &item.subject {
            Subject::Account(index) => self.accounts.get(*index as usize).map(|a| &a.person),
            Subject::Named(named) => Some(&named.person),
        }
    }

    /// Returns the account of an item, when its row became one.
    pub fn account(&self, item: &Item) -> Option<&Account> {
        match &item.subject {
            Subject::Account(index) => self.accounts.get(*index as usize),
            Subject::Named(_) => None,
        }
    }

    /// Counts people by status.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for item in &self.items {
            match item.status {
                Status::New => counts.new += 1,
                Status::Update if item.is_unchanged() => counts.unchanged += 1,
                Status::Update => counts.update += 1,
                Status::Old => counts.old += 1,
                Status::Error => counts.error += 1,
            }
        }
        counts
    }

    /// Returns whether applying the plan writes nothing.
    pub fn is_noop(&self) -> bool {
        self.items.iter().all(|item| !item.intent.writes())
    }
}

impl Item {
    /// Returns whether the person is in both and nothing differs.
    pub fn is_unchanged(&self) -> bool {
        self.status == Status::Update && matches!(self.intent, Intent::Nothing)
    }
}

impl Intent {
    /// Returns whether something is to be written.
    pub fn writes(&self) -> bool {
        match self {
            Self::Nothing | Self::Skip(_) | Self::Report => false,
            Self::Create(_)
            | Self::Update(_)
            | Self::Disable
            | Self::Delete
            | Self::Archive { .. }
            | Self::Purge { .. } => true,
        }
    }

    /// Returns the membership changes.
    pub fn memberships(&self) -> &[MembershipChange] {
        match self {
            Self::Create(create) => &create.memberships,
            Self::Update(update) => &update.memberships,
            _ => &[],
        }
    }

    /// Returns the changes that are written after all accounts.
    pub fn deferred(&self) -> &[DeferredChange] {
        match self {
            Self::Create(create) => &create.deferred,
            Self::Update(update) => &update.deferred,
            _ => &[],
        }
    }

    /// Returns the attribute changes of an update.
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::Update(update) => &update.changes,
            _ => &[],
        }
    }
}
