//! What differs between kinds of servers: how a password, a forced change and a switched-off account are written.
//!
//! This is OpenLDAP with, or without, its `ppolicy` overlay. Facts about it that are not in the drafts, found by
//! experiment with 2.5: adding an entry never sets `pwdReset` by itself; a password reset by an account with plain
//! write access never sets it and clears it; both are overridden by writing it in the same request. A password reset
//! also clears `pwdAccountLockedTime`, unless the same request deletes that attribute before adding it again.

use std::collections::HashSet;

use ldap3::Mod;

use super::entry::Entry;
use super::filter::Filter;
use super::settings::PasswordPolicy;
use crate::roster::secret::Secret;

/// The attribute that tells an entry from every other for ever (RFC 4530).
pub const STABLE: &str = "entryUUID";

const PASSWORD: &str = "userPassword";
const MUST_CHANGE: &str = "pwdReset";
const LOCKED: &str = "pwdAccountLockedTime";
/// Locked until an administrator says otherwise (draft-behera-ldap-password-policy section 5.3.3).
const LOCKED_FOR_GOOD: &str = "000001010000Z";

/// One kind of server.
#[derive(Clone, Copy, Debug)]
pub struct Profile {
    policy: PasswordPolicy,
}

/// Whether a person can log in, and must then change the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    pub enabled: bool,
    pub must_change: Option<bool>,
}

/// Whether an account is locked, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    None,
    /// After too many wrong passwords.
    ForNow,
    /// It is switched off.
    ForGood,
}

/// What is to become of an account's password and state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials<'a> {
    pub password: Option<&'a Secret>,
    pub must_change: Option<bool>,
    pub enabled: Option<bool>,
}

impl Profile {
    /// Returns the profile of OpenLDAP.
    pub fn new(policy: PasswordPolicy) -> Self {
        Self { policy }
    }

    /// Returns whether a forced change and disabling can be written.
    pub fn has_state(self) -> bool {
        self.policy == PasswordPolicy::Ppolicy
    }

    /// Returns the attributes that hold the state; they are operational, so they come only when asked for by name.
    pub fn state_attributes(self) -> &'static [&'static str] {
        if self.has_state() { &[MUST_CHANGE, LOCKED] } else { &[] }
    }

    /// Reads the state. A lock after too many wrong passwords is not counted as switched off: it ends by itself.
    pub fn state(self, entry: &Entry) -> State {
        if !self.has_state() {
            return State { enabled: true, must_change: None };
        }
        State {
            enabled: !entry.texts(LOCKED).any(|time| time.starts_with("00000101")),
            must_change: Some(entry.has_text(MUST_CHANGE, "TRUE")),
        }
    }

    /// Reads whether the account is locked, and by whom.
    pub fn lock(self, entry: &Entry) -> Lock {
        match (self.state(entry).enabled, entry.values(LOCKED).next()) {
            (false, _) => Lock::ForGood,
            (true, Some(_)) => Lock::ForNow,
            (true, None) => Lock::None,
        }
    }

    /// Matches accounts without any lock.
    pub fn unlocked_filter(self) -> Filter {
        Filter::present(LOCKED).negated()
    }

    /// Returns what a new entry needs besides its own attributes.
    pub fn of_new(self, password: Option<&Secret>, must_change: bool) -> Vec<(&'static str, Vec<u8>)> {
        let mut values = Vec::new();
        if let Some(password) = password {
            values.push((PASSWORD, password.expose().as_bytes().to_vec()));
        }
        if must_change {
            values.push((MUST_CHANGE, b"TRUE".to_vec()));
        }
        values
    }

    /// Returns the modifications for `wanted`. `lock` is the account's lock now; it matters only with a new password.
    ///
    /// With a new password the server removes a lock by itself, after all other modifications, unless one of them
    /// deletes it: so then it is deleted outright, which is an error where there is none.
    pub fn modifications(self, wanted: Credentials<'_>, lock: Lock) -> Vec<Mod<Vec<u8>>> {
        let Credentials { password, must_change, enabled } = wanted;
        let mut mods = Vec::new();
        if let Some(password) = password {
            mods.push(replace(PASSWORD, Some(password.expose())));
        }
        if let Some(must_change) = must_change {
            mods.push(replace(MUST_CHANGE, must_change.then_some("TRUE")));
        }
        let stays_locked = match enabled {
            Some(enabled) => !enabled,
            None => password.is_some() && lock == Lock::ForGood,
        };
        if password.is_none() {
            mods.extend(enabled.map(|_| replace(LOCKED, stays_locked.then_some(LOCKED_FOR_GOOD))));
            return mods;
        }
        if lock != Lock::None {
            mods.push(Mod::Delete(LOCKED.into(), HashSet::new()));
        }
        if stays_locked {
            mods.push(Mod::Add(LOCKED.into(), HashSet::from([LOCKED_FOR_GOOD.into()])));
        }
        mods
    }

    /// Returns why `attribute` is never written as an attribute of a person, when that is so.
    pub fn refuses(self, attribute: &str) -> Option<&'static str> {
        let name = attribute.split(';').next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "userpassword" | "unicodepwd" | "authpassword" | "shadowlastchange" => {
                Some("passwords are written from the password column only")
            }
            "objectclass" => Some("the object classes are set in [target.ldap]"),
            "memberof" => Some("the server keeps it; use groups"),
            "entryuuid"
            | "entrydn"
            | "entrycsn"
            | "contextcsn"
            | "creatorsname"
            | "createtimestamp"
            | "modifiersname"
            | "modifytimestamp"
            | "structuralobjectclass"
            | "subschemasubentry"
            | "hassubordinates"
            | "numsubordinates"
            | "governingstructurerule"
            | "useraccountcontrol"
            | "aci"
            | "olcaci" => Some("only the server writes it"),
            name if name.starts_with("pwd") => Some("only the server and rosterd itself write it"),
            _ => None,
        }
    }
}

fn replace(attribute: &str, value: Option<&str>) -> Mod<Vec<u8>> {
    Mod::Replace(attribute.into(), value.map(|v| v.as_bytes().to_vec()).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn entry(pairs: &[(&str, &str)]) -> Entry {
        let text = pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        Entry::of("uid=ada,o=x".to_owned(), text, HashMap::new())
    }

    #[test]
    fn state_is_read_as_the_policy_writes_it() {
        let profile = Profile::new(PasswordPolicy::Ppolicy);
        let state = |pairs: &[(&str, &str)]| profile.state(&entry(pairs));
        assert_eq!(state(&[]), State { enabled: true, must_change: Some(false) });
        assert_eq!(state(&[("pwdreset", "TRUE")]), State { enabled: true, must_change: Some(true) });
        assert!(!state(&[("pwdAccountLockedTime", "000001010000Z")]).enabled);
        assert!(state(&[("pwdAccountLockedTime", "20261122150000Z")]).enabled);
        assert_eq!(profile.lock(&entry(&[("pwdAccountLockedTime", "20261122150000Z")])), Lock::ForNow);
        let none = Profile::new(PasswordPolicy::None);
        assert_eq!(none.state(&entry(&[("pwdReset", "TRUE")])), State { enabled: true, must_change: None });
    }

    #[test]
    fn what_becomes_of_a_lock_when_the_password_is_reset() {
        let profile = Profile::new(PasswordPolicy::Ppolicy);
        let secret = Secret::from("s");
        let of_lock = |enabled, lock| -> Vec<&str> {
            let wanted = Credentials { password: Some(&secret), must_change: Some(true), enabled };
            let mods = profile.modifications(wanted, lock);
            mods[2..].iter().map(|one| if matches!(one, Mod::Add(..)) { "add" } else { "delete" }).collect()
        };
        assert_eq!(of_lock(None, Lock::None), [""; 0]);
        assert_eq!(of_lock(None, Lock::ForNow), ["delete"]);
        assert_eq!(of_lock(None, Lock::ForGood), ["delete", "add"]);
        assert_eq!(of_lock(Some(true), Lock::None), [""; 0]);
        assert_eq!(of_lock(Some(true), Lock::ForGood), ["delete"]);
        assert_eq!(of_lock(Some(false), Lock::None), ["add"]);
        assert_eq!(of_lock(Some(false), Lock::ForGood), ["delete", "add"]);
    }

    #[test]
    fn what_the_server_keeps_is_not_written() {
        let profile = Profile::new(PasswordPolicy::Ppolicy);
        for name in ["userPassword", "USERPASSWORD;x-a", "objectClass", "pwdReset", "memberOf", "entryUUID"] {
            assert!(profile.refuses(name).is_some(), "{name}");
        }
        assert_eq!(profile.refuses("mail"), None);
    }
}
