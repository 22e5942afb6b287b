//! What feeds do in a directory, and so which rights they need.

use crate::roster::account::GroupKind;
use crate::roster::attribute::AttributeName;

/// What the feeds of one target do there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The attributes that they write.
    pub mapped: Vec<AttributeName>,
    /// They create accounts.
    pub creates: bool,
    /// They change accounts.
    pub updates: bool,
    /// They write passwords of existing accounts.
    pub resets: bool,
    /// They switch accounts off or on.
    pub switches: bool,
    /// They delete accounts.
    pub deletes: bool,
    /// They rename or move accounts.
    pub relocates: bool,
    /// The kinds of groups whose members they change.
    pub members: Vec<GroupKind>,
    /// The kinds of groups that they create.
    pub groups: Vec<GroupKind>,
    /// The length of the shortest passwords that they generate, if they generate some.
    pub shortest_password: Option<usize>,
}

impl Needs {
    /// Returns whether existing accounts are written.
    pub(super) fn writes(&self) -> bool {
        self.updates || self.resets || self.switches
    }
}
