//! What will be sent to a directory.

use super::account::EntryId;
use super::account::ExistingAccount;
use super::account::GroupKind;
use super::account::GroupName;
use super::attribute::Attributes;
use super::change::Change;
use super::place::Relocation;
use super::secret::Secret;

/// One thing to be done by a directory. Everything about one entry is one operation, so that a directory can do it in
/// one request: no window is open in which an account has no password or need not change it.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Create an account.
    Create(Create),
    /// Change an account.
    Update(Update),
    /// Delete an account.
    Delete {
        /// Which entry.
        id: EntryId,
        /// Its login name.
        username: Box<str>,
    },
    /// Create a group with its first members.
    CreateGroup {
        /// Group, role or channel.
        kind: GroupKind,
        /// Its name.
        name: GroupName,
        /// Its first members, maybe none.
        members: Vec<Member>,
    },
    /// Add and remove members of one group. A member that is already there, or already gone, is no fault.
    ChangeMembers {
        /// Group, role or channel.
        kind: GroupKind,
        /// Its name.
        name: GroupName,
        /// Who comes.
        add: Vec<Member>,
        /// Who goes.
        remove: Vec<Member>,
    },
}

/// A new account.
#[derive(Clone, Debug)]
pub struct Create {
    /// The login name.
    pub username: Box<str>,
    /// Where it goes, if the feed says so; see [`super::account::Account::locator`].
    pub locator: Option<Box<str>>,
    /// Its attributes; cleared ones are not sent.
    pub attributes: Attributes,
    /// Its password; without one the account must not be able to log in.
    pub password: Option<Secret>,
    /// Whether the password must be changed at the first login.
    pub must_change: bool,
}

/// Changes of one account.
#[derive(Clone, Debug)]
pub struct Update {
    /// Which entry.
    pub id: EntryId,
    /// Its login name as it is.
    pub username: Box<str>,
    /// Another name or place.
    pub relocation: Option<Relocation>,
    /// Attribute changes, maybe none; as they are besides those that come with another name.
    pub changes: Vec<Change>,
    /// A new password.
    pub password: Option<Secret>,
    /// Force a change at the next login, or lift that.
    pub must_change: Option<bool>,
    /// Let the person log in, or not.
    pub enabled: Option<bool>,
}

impl Update {
    /// Returns an update that changes nothing.
    pub fn of(id: EntryId, username: Box<str>) -> Self {
        Self { id, username, relocation: None, changes: Vec::new(), password: None, must_change: None, enabled: None }
    }

    /// Returns the entry with the place that it has when the update is done.
    pub fn id_after(&self) -> EntryId {
        let place = self.relocation.as_ref().and_then(|relocation| relocation.place.as_ref());
        let locator = place.map_or(&self.id.locator, |step| &step.to).clone();
        EntryId { locator, stable: self.id.stable.clone() }
    }
}

/// One member to add or remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Which entry.
    pub id: EntryId,
    /// Its login name.
    pub username: Box<str>,
}

/// What a directory says of an operation that it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The account was created and is this entry.
    Created(EntryId),
    /// It was changed.
    Changed,
    /// It was changed, but for what the text says.
    ChangedBut(String),
    /// There was nothing to change.
    AlreadySo,
}

/// What a directory hands back for an operation that it did.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// What it did.
    pub done: Done,
    /// The account as the operation left it, if the directory showed it with its answer: with the attributes that the
    /// operation was about. It is as good as one that is read afterwards.
    pub account: Option<Box<ExistingAccount>>,
}

impl From<Done> for Receipt {
    fn from(done: Done) -> Self {
        Self { done, account: None }
    }
}
