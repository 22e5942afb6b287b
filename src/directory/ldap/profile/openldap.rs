//! OpenLDAP, with or without its `ppolicy` overlay.
//!
//! Facts about it that are not in the drafts, found by experiment with 2.5: adding an entry never sets `pwdReset` by
//! itself; a password reset by an account with plain write access never sets it and clears it; both are overridden by
//! writing it in the same request. A password reset also clears `pwdAccountLockedTime`, unless the same request deletes
//! that attribute before adding it again. Its database keeps the first part of a name, and the same once more as it
//! compares it, in 511 octets with what else it needs, and answers 80 (other) when it has no room.

use std::collections::HashSet;

use ldap3::Mod;

use super::ByExop;
use super::Credentials;
use super::Defaults;
use super::Form;
use super::Guards;
use super::Modifications;
use super::New;
use super::Peculiar;
use super::Presumes;
use super::Profile;
use super::Rights;
use super::Stable;
use super::State;
use super::Uniqueness;
use super::Values;
use super::Wanted;
use super::replace;
use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::filter::Filter;
use crate::directory::ldap::group;
use crate::directory::ldap::login;
use crate::directory::ldap::server::RootDse;

/// With `ppolicy`.
pub static PROFILE: Profile = Profile { credentials: PPOLICY, ..PLAIN };
/// Without it.
pub static WITHOUT_POLICY: Profile = PLAIN;

const PLAIN: Profile = Profile {
    kind: "openldap",
    title: "OpenLDAP",
    recognises: RootDse::is_openldap,
    // RFC 4530
    stable: Stable { attribute: "entryUUID", form: Form::Text },
    defaults: DEFAULTS,
    credentials: PASSWORD_ONLY,
    unstorable: &[],
    policy: None,
    group_classes: group::STANDARD,
    role_classes: &[group::ORGANIZATIONAL_ROLE],
    keeps: &[],
    guards: GUARDS,
    rights: Rights::Untold,
    uniqueness: Uniqueness::Overlay,
    connections: 1,
    peculiar: Peculiar { longest_name: Some(245), progress: Some("contextCSN"), shows_in_turn: true, ..Peculiar::NONE },
    limits_hint: "raise the limits for the bind DN (`olcLimits` with size=unlimited time=unlimited size.unchecked=unlimited)",
};

/// What every server with the standard schema (RFC 4519, RFC 2798) can hold.
pub const DEFAULTS: Defaults = Defaults {
    people_filter: "(objectClass=inetOrgPerson)",
    object_classes: &["top", "person", "organizationalPerson", "inetOrgPerson"],
    username_attribute: "uid",
    naming_attribute: None,
    group_class: "groupOfNames",
};

/// What makes an administrator of the systems that ask this server who people are.
pub const GUARDS: Guards = Guards {
    names: &["root", "admin", "administrator"],
    groups: &["root", "wheel", "sudo"],
    attributes: &["uidNumber"],
    reason: |entry| entry.has_text("uidNumber", "0").then_some("its uidNumber is that of the superuser"),
    ..Guards::NONE
};

/// A password, and no state.
pub const PASSWORD_ONLY: Credentials = Credentials {
    must_change: false,
    disable: false,
    attributes: &[],
    state: |_| State { enabled: true, must_change: None },
    of_new: |new| Ok(new.password.map(|password| (PASSWORD, password.expose().into())).into_iter().collect()),
    modifications: |wanted, _| {
        Ok(wanted.password.map(|password| replace(PASSWORD, Some(password.expose()))).into_iter().collect())
    },
    presumes: |_| Presumes::Nothing,
    settles: None,
    by_exop: None,
    login: login::by_controls,
};

/// The state as draft-behera-ldap-password-policy has it.
pub const PPOLICY: Credentials = Credentials {
    must_change: true,
    disable: true,
    attributes: &[MUST_CHANGE, LOCKED],
    state,
    of_new,
    modifications,
    presumes,
    settles: None,
    by_exop: Some(ByExop { waiting: &[(LOCKED, LOCKED_FOR_GOOD)], before: before_exop, after: after_exop }),
    login: login::by_controls,
};

const PASSWORD: &str = "userPassword";
const MUST_CHANGE: &str = "pwdReset";
const LOCKED: &str = "pwdAccountLockedTime";
/// Locked until an administrator says otherwise (draft-behera-ldap-password-policy section 5.3.3).
const LOCKED_FOR_GOOD: &str = "000001010000Z";

/// Whether an account is locked, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lock {
    None,
    /// After too many wrong passwords.
    ForNow,
    /// It is switched off.
    ForGood,
}

/// Reads the state. A lock after too many wrong passwords is not counted as switched off: it ends by itself.
fn state(entry: &Entry) -> State {
    State {
        enabled: !entry.texts(LOCKED).any(|time| time.starts_with("00000101")),
        must_change: Some(entry.has_text(MUST_CHANGE, "TRUE")),
    }
}

fn lock(entry: &Entry) -> Lock {
    match (state(entry).enabled, entry.values(LOCKED).next()) {
        (false, _) => Lock::ForGood,
        (true, Some(_)) => Lock::ForNow,
        (true, None) => Lock::None,
    }
}

fn of_new(new: &New<'_>) -> Result<Values, String> {
    let mut values = Vec::new();
    if let Some(password) = new.password {
        values.push((PASSWORD, password.expose().as_bytes().to_vec()));
    }
    if new.must_change {
        values.push((MUST_CHANGE, b"TRUE".to_vec()));
    }
    Ok(values)
}

/// A reset lifts a lock, so a switched-off account would come to life by it.
fn presumes(wanted: Wanted<'_>) -> Presumes {
    match wanted.password {
        Some(_) => Presumes::That(Filter::present(LOCKED).negated()),
        None => Presumes::Nothing,
    }
}

/// With a new password the server removes a lock by itself, after all other modifications, unless one of them deletes
/// it: so then it is deleted outright, which is an error where there is none.
fn modifications(wanted: Wanted<'_>, seen: Option<&Entry>) -> Result<Modifications, String> {
    let Wanted { password, must_change, enabled } = wanted;
    let lock = seen.map_or(Lock::None, lock);
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
        return Ok(mods);
    }
    if lock != Lock::None {
        mods.push(Mod::Delete(LOCKED.into(), HashSet::new()));
    }
    if stays_locked {
        mods.push(Mod::Add(LOCKED.into(), HashSet::from([LOCKED_FOR_GOOD.into()])));
    }
    Ok(mods)
}

/// The operation lifts a lock by itself, and nothing else can be done in the same step: so nobody who is to stay locked
/// gets a password by it.
fn before_exop(wanted: Wanted<'_>, seen: &Entry) -> Result<Modifications, String> {
    match (lock(seen), wanted.enabled) {
        (Lock::ForGood, None | Some(false)) => Err(STAYS_LOCKED.to_owned()),
        _ => Ok(Vec::new()),
    }
}

const STAYS_LOCKED: &str = "the account is switched off, and a password set with `password_storage = \"exop\"` would switch it on for a moment; switch it on first";

/// What the operation made of `pwdReset` depends on the rights of who asked for it.
fn after_exop(wanted: Wanted<'_>) -> Modifications {
    let must_change = wanted.must_change.map(|must_change| replace(MUST_CHANGE, must_change.then_some("TRUE")));
    let lock = wanted.enabled.map(|enabled| replace(LOCKED, (!enabled).then_some(LOCKED_FOR_GOOD)));
    must_change.into_iter().chain(lock).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::roster::secret::Secret;

    fn entry(pairs: &[(&str, &str)]) -> Entry {
        let text = pairs.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect();
        Entry::of("uid=ada,o=x".to_owned(), text, HashMap::new())
    }

    #[test]
    fn state_is_read_as_the_policy_writes_it() {
        let state = |pairs: &[(&str, &str)]| (PROFILE.credentials.state)(&entry(pairs));
        assert_eq!(state(&[]), State { enabled: true, must_change: Some(false) });
        assert_eq!(state(&[("pwdreset", "TRUE")]), State { enabled: true, must_change: Some(true) });
        assert!(!state(&[("pwdAccountLockedTime", "000001010000Z")]).enabled);
        assert!(state(&[("pwdAccountLockedTime", "20261122150000Z")]).enabled);
        assert_eq!(lock(&entry(&[("pwdAccountLockedTime", "20261122150000Z")])), Lock::ForNow);
        let without = (WITHOUT_POLICY.credentials.state)(&entry(&[("pwdReset", "TRUE")]));
        assert_eq!(without, State { enabled: true, must_change: None });
    }

    #[test]
    fn what_becomes_of_a_lock_when_the_password_is_reset() {
        let secret = Secret::from("s");
        let of_lock = |enabled, lock: Option<&str>| -> Vec<&str> {
            let wanted = Wanted { password: Some(&secret), must_change: Some(true), enabled };
            let seen = entry(&lock.map(|time| (LOCKED, time)).into_iter().collect::<Vec<_>>());
            let mods = modifications(wanted, Some(&seen)).expect("it can be had");
            mods[2..].iter().map(|one| if matches!(one, Mod::Add(..)) { "add" } else { "delete" }).collect()
        };
        let (for_now, for_good) = (Some("20261122150000Z"), Some(LOCKED_FOR_GOOD));
        assert_eq!(of_lock(None, None), [""; 0]);
        assert_eq!(of_lock(None, for_now), ["delete"]);
        assert_eq!(of_lock(None, for_good), ["delete", "add"]);
        assert_eq!(of_lock(Some(true), None), [""; 0]);
        assert_eq!(of_lock(Some(true), for_good), ["delete"]);
        assert_eq!(of_lock(Some(false), None), ["add"]);
        assert_eq!(of_lock(Some(false), for_good), ["delete", "add"]);
    }

    #[test]
    fn nobody_who_is_to_stay_switched_off_gets_a_password_by_an_operation_of_its_own() {
        let (for_now, for_good) = ([(LOCKED, "20261122150000Z")], [(LOCKED, LOCKED_FOR_GOOD)]);
        let before = |enabled, pairs: &[(&str, &str)]| {
            before_exop(Wanted { enabled, ..Wanted::default() }, &entry(pairs)).is_ok()
        };
        assert!(!before(None, &for_good) && !before(Some(false), &for_good));
        assert!(
            before(Some(true), &for_good) && before(None, &for_now) && before(Some(false), &[]) && before(None, &[])
        );
    }
}
