//! Whom a kind of server never has written.

use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::filter::Filter;

/// Accounts and groups that are never written, whatever the configuration says.
#[derive(Debug)]
pub struct Guards {
    /// Login names, with `*` and `?`.
    pub names: &'static [&'static str],
    /// Names of administrators' groups, with `*` and `?`: neither they nor their members are ever written. Groups
    /// within them are followed.
    pub groups: &'static [&'static str],
    /// The attributes that `reason` looks at.
    pub attributes: &'static [&'static str],
    /// Whether `reason` is asked once more before every write, at the cost of one read each.
    pub needs_a_look: bool,
    /// Returns why an account or a group that was read with `attributes` is never written.
    pub reason: fn(&Entry) -> Option<&'static str>,
    /// What tells administrators' groups whatever they are called, where there is such.
    pub administrators: Option<&'static Administrators>,
}

/// Administrators' groups, told by what nobody can change; entries are read with the attributes of [`Guards`].
#[derive(Debug)]
pub struct Administrators {
    /// Matches them, given the entry at the top of the directory, if that says enough.
    pub groups: fn(&Entry) -> Option<Filter>,
    /// Returns whether those that are everywhere are among the ones that were found.
    pub are_there: fn(&[Entry]) -> bool,
    /// The attribute of people with the number of a group that need not list them.
    pub primary: &'static str,
    /// Returns the number of a group, if it can be in that attribute.
    pub number: fn(&Entry) -> Option<String>,
}

impl Guards {
    /// Nothing is guarded.
    pub const NONE: Self =
        Self { names: &[], groups: &[], attributes: &[], needs_a_look: false, reason: |_| None, administrators: None };
}
