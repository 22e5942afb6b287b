//! What differs between kinds of servers: plain data, and a few functions for what data cannot say.
//!
//! A further kind of server is one more file beside `openldap.rs`, and one more line in [`KNOWN`].

use std::collections::HashSet;

use ldap3::LdapResult;
use ldap3::Mod;

use super::entry::Entry;
use super::filter::Filter;
use super::group::Class;
use super::server::RootDse;
use super::settings::GroupType;
use super::settings::PasswordPolicy;
use super::settings::PasswordStorage;
use crate::directory::Login;
use crate::roster::account::GroupKind;
use crate::roster::secret::Secret;

mod ad;
mod ds389;
mod generic;
mod guards;
pub mod guid;
mod openldap;
mod stable;
mod uniqueness;

pub use self::guards::Administrators;
pub use self::guards::Guards;
pub use self::stable::Form;
pub use self::stable::Stable;
pub use self::uniqueness::Uniqueness;

/// The kinds that can be told by what a server says about itself, the surest first.
const KNOWN: &[&Profile] = &[&ad::PROFILE, &openldap::PROFILE, &ds389::PROFILE];

/// One kind of server.
#[derive(Debug)]
pub struct Profile {
    /// The word for it in the configuration.
    pub kind: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Tells by its root DSE whether a server is of this kind.
    pub recognises: fn(&RootDse) -> bool,
    /// What tells an entry from every other for ever.
    pub stable: Stable,
    /// What holds where the configuration is silent.
    pub defaults: Defaults,
    /// How passwords and states are written and read.
    pub credentials: Credentials,
    /// In which forms passwords cannot be kept, and why; in all others they can.
    pub unstorable: &'static [(PasswordStorage, &'static str)],
    /// The one entry that holds the password policy, where there is such; else it is sought in entries of class
    /// `pwdPolicy`.
    pub policy: Option<Policy>,
    /// The classes that groups may have; roles may have `role_classes` besides.
    pub group_classes: &'static [Class],
    /// Further classes that only roles have.
    pub role_classes: &'static [Class],
    /// Attributes that are never written as attributes of a person, in lower case without options, and why.
    pub keeps: &'static [(&'static str, &'static str)],
    /// Accounts and groups that are never written.
    pub guards: Guards,
    /// How the server tells what rosterd may write.
    pub rights: Rights,
    /// What keeps two entries from having one login name.
    pub uniqueness: Uniqueness,
    /// How many connections the server works on at the same time to some use, when much is to be written.
    pub connections: usize,
    /// What few kinds of servers have.
    pub peculiar: Peculiar,
    /// What an admin is told when a limit cuts an answer off.
    pub limits_hint: &'static str,
}

/// How a server tells what somebody may write, without being written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// By the control for effective rights (draft-ietf-ldapext-acl-model section 7).
    Control,
    /// By attributes that it computes for whoever asks, and by security descriptors (MS-ADTS sections 3.1.1.4.5 and 5.1.3).
    Descriptors,
    /// Not at all.
    Untold,
}

/// What holds where the configuration is silent.
#[derive(Debug)]
pub struct Defaults {
    /// Which entries are people.
    pub people_filter: &'static str,
    /// The object classes of new accounts.
    pub object_classes: &'static [&'static str],
    /// The attribute that holds the login name.
    pub username_attribute: &'static str,
    /// The attribute that new entries are named by, where it is not the login name.
    pub naming_attribute: Option<&'static str>,
    /// The object class of new groups.
    pub group_class: &'static str,
}

/// How passwords and states are written and read.
#[derive(Debug)]
pub struct Credentials {
    /// Whether a forced change can be written and read back.
    pub must_change: bool,
    /// Whether an account can be switched off and on.
    pub disable: bool,
    /// The attributes that hold the state; they come only when asked for by name.
    pub attributes: &'static [&'static str],
    /// Reads the state from them.
    pub state: fn(&Entry) -> State,
    /// Returns what a new entry needs besides its own attributes, or why it cannot be had.
    pub of_new: fn(&New<'_>) -> Result<Values, String>,
    /// Returns the modifications that bring about what is wanted, or why that cannot be had. `seen` is the entry with
    /// `attributes` as just read; without it the modifications take [`Self::presumes`] for granted.
    pub modifications: fn(Wanted<'_>, seen: Option<&Entry>) -> Result<Modifications, String>,
    /// What the modifications take for granted of an entry that nobody has looked at: nothing, a condition that the
    /// server can check before it writes, or what only a look can tell.
    pub presumes: fn(Wanted<'_>) -> Presumes,
    /// Some servers write an account's state after they have answered a new password, and not as it was asked for:
    /// tells by the entry with `attributes` how far that is.
    pub settles: Option<fn(Wanted<'_>, &Entry) -> Settled>,
    /// How a password is set by an operation of its own, where accounts can be kept switched off until they have one.
    pub by_exop: Option<ByExop>,
    /// Reads what a login came to from the answer to its bind, which asked for the password policy response.
    pub login: fn(&LdapResult) -> Login,
}

impl Credentials {
    /// Returns whether the state is that of OpenLDAP's overlay.
    pub fn is_ppolicy(&self) -> bool {
        self.attributes == openldap::PPOLICY.attributes
    }
}

/// What goes with a password that is set by an operation of its own (RFC 3062).
#[derive(Debug)]
pub struct ByExop {
    /// What a new entry has until its password is set: nobody can use it.
    pub waiting: &'static [(&'static str, &'static str)],
    /// Returns the modifications that come before, or why it cannot be done, by the entry as just read.
    pub before: fn(Wanted<'_>, &Entry) -> Result<Modifications, String>,
    /// Returns those that come after.
    pub after: fn(Wanted<'_>) -> Modifications,
}

/// An entry that holds a password policy, for `rosterd check`.
#[derive(Debug)]
pub struct Policy {
    /// Its name.
    pub dn: &'static str,
    /// Attributes, the value that each must have, and what is so otherwise.
    pub wants: &'static [(&'static str, &'static str, &'static str)],
    /// The attribute that must name the bind DN, and what is so otherwise.
    pub names_us: (&'static str, &'static str),
}

/// Attributes with one value each.
pub type Values = Vec<(&'static str, Vec<u8>)>;
/// What one Modify request does, in order.
pub type Modifications = Vec<Mod<Vec<u8>>>;

/// A new account, as far as its password and state are concerned.
#[derive(Clone, Copy, Debug)]
pub struct New<'a> {
    pub username: &'a str,
    /// What follows `@` in names for logins, where there are such; empty for none.
    pub suffix: &'a str,
    pub password: Option<&'a Secret>,
    pub must_change: bool,
}

/// What is to become of an account's password and state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    pub password: Option<&'a Secret>,
    pub must_change: Option<bool>,
    pub enabled: Option<bool>,
}

impl Wanted<'_> {
    /// Returns whether nothing is wanted.
    pub fn is_nothing(&self) -> bool {
        self.password.is_none() && self.must_change.is_none() && self.enabled.is_none()
    }
}

/// What modifications take for granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presumes {
    /// Nothing.
    Nothing,
    /// That the entry matches.
    That(Filter),
    /// What must be read first.
    ALook,
}

/// How far a server is that writes the state after its answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It has written nothing yet.
    NotYet,
    /// It has written the state, and this must follow; nothing if all is as it was asked for.
    Then(Modifications),
}

/// Whether a person can log in, and must then change the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub enabled: bool,
    pub must_change: Option<bool>,
}

/// What few kinds of servers have.
#[derive(Debug)]
pub struct Peculiar {
    /// The stable id can stand in the place of an entry's name, so that a request concerns no other entry.
    pub named_by_id: bool,
    /// First parts of names of branches that hold no people: references to them are passed over.
    pub apart: &'static [&'static str],
    /// People and groups have numbers for POSIX systems without a class for that.
    pub numbered: bool,
    /// How many octets the first part of an entry's name may have, where the server has no word for longer ones.
    pub longest_name: Option<usize>,
    /// The attribute of a naming context that says how far a server has come with what was written to all of its copies:
    /// a value for each of them, whose texts are in the order of time.
    pub progress: Option<&'static str>,
    /// What it shows of an entry with the answer to a write is made up while other writers wait.
    pub shows_in_turn: bool,
    /// Attributes, in lower case, that the server makes up for new entries though their classes require them.
    pub made_up: &'static [&'static str],
    /// Returns why a login name cannot be had, when that is so.
    pub bad_username: fn(&str) -> Option<String>,
    /// Returns what a new group needs besides its class, name and members.
    pub of_new_group: fn(&str, GroupType) -> Values,
}

impl Peculiar {
    /// Nothing.
    pub const NONE: Self = Self {
        named_by_id: false,
        apart: &[],
        numbered: false,
        longest_name: None,
        progress: None,
        shows_in_turn: false,
        made_up: &[],
        bad_username: |_| None,
        of_new_group: |_, _| Vec::new(),
    };
}

/// Finds the profile of a server: the one that is named, or the one that its root DSE speaks for.
pub fn of(kind: Option<&str>, policy: PasswordPolicy, root: &RootDse) -> &'static Profile {
    let found = match kind {
        Some(kind) => KNOWN.iter().find(|profile| profile.kind == kind),
        None => KNOWN.iter().find(|profile| (profile.recognises)(root)),
    };
    let has_policy = match policy {
        PasswordPolicy::Ppolicy => true,
        PasswordPolicy::None => false,
        // A server of an unknown kind has the policy if it says so.
        PasswordPolicy::Auto => found.is_some() || root.has_password_policy(),
    };
    match (found, has_policy) {
        (Some(profile), true) => profile,
        (Some(profile), false) if profile.kind == openldap::PROFILE.kind => &openldap::WITHOUT_POLICY,
        (Some(profile), false) => profile,
        (None, true) => &generic::WITH_POLICY,
        (None, false) => &generic::PROFILE,
    }
}

/// Returns the profiles that a server may turn out to have.
pub fn known() -> impl Iterator<Item = &'static Profile> {
    KNOWN.iter().copied()
}

/// Returns the words for kinds in the configuration.
pub fn kinds() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|profile| profile.kind).chain([generic::PROFILE.kind])
}

impl Profile {
    /// Returns the classes that groups of a kind may have.
    pub fn classes(&'static self, kind: GroupKind) -> impl Iterator<Item = &'static Class> {
        let roles: &[Class] = if kind == GroupKind::Role { self.role_classes } else { &[] };
        self.group_classes.iter().chain(roles)
    }

    /// Returns why passwords cannot be kept in this form, when that is so.
    pub fn cannot_store(&self, storage: PasswordStorage) -> Option<&'static str> {
        let listed = self.unstorable.iter().find(|(one, _)| *one == storage).map(|(_, why)| *why);
        let has_no_state = storage == PasswordStorage::Exop && self.credentials.by_exop.is_none();
        listed.or_else(|| has_no_state.then_some(CANNOT_WAIT))
    }

    /// Returns why `attribute` is never written as an attribute of a person, when that is so.
    pub fn refuses(&self, attribute: &str) -> Option<&'static str> {
        let name = attribute.split_once(';').map_or(attribute, |(name, _)| name);
        let kept = KEPT.iter().chain(self.keeps).find(|(kept, _)| kept.eq_ignore_ascii_case(name));
        let is_of_policy = || name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("pwd"));
        kept.map(|(_, why)| *why).or_else(|| is_of_policy().then_some("only the server and rosterd itself write it"))
    }
}

const CANNOT_WAIT: &str =
    "a new account is switched off until its password is set, and without a password policy nobody can be switched off";
const BY_SERVER: &str = "only the server writes it";
const BY_PASSWORD: &str = "passwords are written from the password column only";

/// What no server lets be written, or what is written in another way.
const KEPT: &[(&str, &str)] = &[
    ("userpassword", BY_PASSWORD),
    ("unicodepwd", BY_PASSWORD),
    ("authpassword", BY_PASSWORD),
    ("shadowlastchange", BY_PASSWORD),
    ("objectclass", "the object classes are set in [target.ldap]"),
    ("memberof", "the server keeps it; use groups"),
    ("entryuuid", BY_SERVER),
    ("entrydn", BY_SERVER),
    ("entrycsn", BY_SERVER),
    ("contextcsn", BY_SERVER),
    ("creatorsname", BY_SERVER),
    ("createtimestamp", BY_SERVER),
    ("modifiersname", BY_SERVER),
    ("modifytimestamp", BY_SERVER),
    ("structuralobjectclass", BY_SERVER),
    ("subschemasubentry", BY_SERVER),
    ("hassubordinates", BY_SERVER),
    ("numsubordinates", BY_SERVER),
    ("governingstructurerule", BY_SERVER),
    ("useraccountcontrol", BY_SERVER),
    ("aci", BY_SERVER),
    ("olcaci", BY_SERVER),
];

/// Returns a modification that leaves `value` as the only one, or none.
pub fn replace(attribute: &str, value: Option<&str>) -> Mod<Vec<u8>> {
    Mod::Replace(attribute.into(), value.map(|v| v.as_bytes().to_vec()).into_iter().collect::<HashSet<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_keeps_is_not_written() {
        for profile in KNOWN.iter().chain([&&generic::PROFILE]) {
            for name in ["userPassword", "USERPASSWORD;x-a", "objectClass", "pwdReset", "memberOf", "entryUUID"] {
                assert!(profile.refuses(name).is_some(), "{} {name}", profile.kind);
            }
            assert_eq!(profile.refuses("mail"), None);
        }
    }

    #[test]
    fn a_server_is_known_by_its_kind_or_by_its_root_dse() {
        let silent = RootDse::default();
        assert_eq!(of(Some("openldap"), PasswordPolicy::Auto, &silent).title, "OpenLDAP");
        assert!(!of(Some("openldap"), PasswordPolicy::None, &silent).credentials.disable);
        let unknown = of(None, PasswordPolicy::Auto, &silent);
        assert_eq!((unknown.kind, unknown.credentials.disable), ("generic", false));
        assert!(of(None, PasswordPolicy::Ppolicy, &silent).credentials.disable);
    }
}
