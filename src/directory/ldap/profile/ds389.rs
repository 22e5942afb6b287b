//! 389 Directory Server, and the Red Hat Directory Server made of it.
//!
//! Facts about it that its documentation does not tell, found by experiment with 2.3:
//!
//! - With `passwordMustChange: on`, an entry that is added with a password gets `passwordExpirationTime:
//!   19700101000000Z`, unless the request brings a time itself. That time is what forces the change; `pwdReset` is only
//!   told, and stays TRUE when the time is changed.
//! - A reset forces a change when a password administrator does it (`passwordAdminDN`), and then always, whatever time
//!   the same request writes. Done by anybody else it never does.
//! - The server writes that time after it has answered the reset: who reads at once may read what was before. Without
//!   `passwordMustChange` and `passwordExp` it writes none.
//! - So where rosterd reads that time after a password of its own, the server has written it, and its policy is on.
//! - A reset leaves `nsAccountLock` alone.

use super::ByExop;
use super::Credentials;
use super::Form;
use super::Modifications;
use super::New;
use super::Peculiar;
use super::Policy;
use super::Presumes;
use super::Profile;
use super::Rights;
use super::Settled;
use super::Stable;
use super::State;
use super::Uniqueness;
use super::Values;
use super::Wanted;
use super::openldap;
use super::replace;
use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::group;
use crate::directory::ldap::group::By;
use crate::directory::ldap::group::Class;
use crate::directory::ldap::login;
use crate::directory::ldap::server::RootDse;
use crate::directory::ldap::settings::PasswordStorage;

/// The profile of 389 Directory Server.
pub static PROFILE: Profile = Profile {
    kind: "389ds",
    title: "389 Directory Server",
    recognises: RootDse::is_389,
    // `entryUUID` is there too, but only as long as its plugin is on, and not on entries from before.
    stable: Stable { attribute: "nsUniqueId", form: Form::Text },
    defaults: openldap::DEFAULTS,
    credentials: Credentials {
        must_change: true,
        disable: true,
        attributes: &[EXPIRES, LOCKED],
        state,
        of_new,
        modifications,
        presumes: |_| Presumes::Nothing,
        settles: Some(settles),
        by_exop: Some(ByExop {
            waiting: &[(LOCKED, "true"), (EXPIRES, UNLESS)],
            before: |_, _| Ok(vec![replace(EXPIRES, Some(UNLESS))]),
            after: |wanted| {
                wanted.enabled.map(|enabled| replace(LOCKED, (!enabled).then_some("true"))).into_iter().collect()
            },
        }),
        login: login::by_controls,
    },
    unstorable: &[(
        PasswordStorage::Argon2,
        "it has no such scheme, and would take what is written for the password itself",
    )],
    policy: Some(Policy {
        dn: "cn=config",
        wants: &[("passwordMustChange", "on", "no change at next login is forced")],
        names_us: ("passwordAdminDN", "a change at next login is forced for new accounts, and not after a reset"),
    }),
    group_classes: GROUPS,
    role_classes: &[group::ORGANIZATIONAL_ROLE, MANAGED_ROLE],
    keeps: &[
        ("nsuniqueid", super::BY_SERVER),
        ("nsrole", super::BY_SERVER),
        ("nsroledn", "it gives roles; use the roles of the roster"),
        (LOCKED_NAME, "accounts are switched off by their status"),
        (EXPIRES_NAME, "it is part of the password's state"),
        ("passwordadmindn", super::BY_SERVER),
        ("nssizelimit", "limits are an admin's"),
        ("nslookthroughlimit", "limits are an admin's"),
        ("nspagedsizelimit", "limits are an admin's"),
        ("nsidlistscanlimit", "limits are an admin's"),
    ],
    guards: openldap::GUARDS,
    peculiar: Peculiar::NONE,
    rights: Rights::Control,
    uniqueness: Uniqueness::Plugin,
    connections: 4,
    limits_hint: "set nsSizeLimit, nsTimeLimit, nsLookThroughLimit, nsPagedSizeLimit, nsPagedLookThroughLimit and nsIDListScanLimit to -1 in the entry of the bind DN",
};

/// Members by DN or name, in groups that may be empty.
const GROUPS: &[Class] = &[
    Class { name: "groupOfNames", attribute: "member", by: By::Dn, needs_member: false },
    Class { name: "groupOfUniqueNames", attribute: "uniqueMember", by: By::Dn, needs_member: false },
    Class { name: "posixGroup", attribute: "memberUid", by: By::Username, needs_member: false },
];

/// A role that people have by an attribute of theirs. It reaches the entries below its parent, and those below its
/// scope.
const MANAGED_ROLE: Class = Class {
    name: "nsManagedRoleDefinition",
    attribute: "nsRoleDN",
    by: By::OwnEntry { scope: "nsRoleScopeDN" },
    needs_member: false,
};

const PASSWORD: &str = "userPassword";
const EXPIRES: &str = "passwordExpirationTime";
const EXPIRES_NAME: &str = "passwordexpirationtime";
const LOCKED: &str = "nsAccountLock";
const LOCKED_NAME: &str = "nsaccountlock";
/// The time that stands for "must be changed at once".
const AT_ONCE: &str = "19700101000000Z";
/// The latest time of the server, which stands for "never" with it.
const NEVER: &str = "20380119031407Z";
/// A time that stands for "never, unless the server has still to say otherwise".
const UNLESS: &str = "20380119031406Z";

/// A lock after too many wrong passwords is not counted as switched off: it ends by itself.
fn state(entry: &Entry) -> State {
    State { enabled: !entry.has_text(LOCKED, "true"), must_change: Some(entry.has_text(EXPIRES, AT_ONCE)) }
}

/// A forced change is left to the server, so that reading it back proves something.
fn of_new(new: &New<'_>) -> Result<Values, String> {
    let Some(password) = new.password else {
        return match new.must_change {
            false => Ok(Vec::new()),
            true => Ok(vec![(EXPIRES, AT_ONCE.into())]),
        };
    };
    let mut values = vec![(PASSWORD, password.expose().into())];
    if !new.must_change {
        values.push((EXPIRES, NEVER.into()));
    }
    Ok(values)
}

fn modifications(wanted: Wanted<'_>, _: Option<&Entry>) -> Result<Modifications, String> {
    let Wanted { password, must_change, enabled } = wanted;
    let mut mods = Vec::new();
    match (password, must_change) {
        // With a new password the server itself forces a change, see `settles`; what was before must not look like it.
        (Some(password), _) => {
            mods.push(replace(PASSWORD, Some(password.expose())));
            mods.push(replace(EXPIRES, Some(UNLESS)));
        }
        (None, Some(must_change)) => mods.push(replace(EXPIRES, Some(if must_change { AT_ONCE } else { NEVER }))),
        (None, None) => {}
    }
    mods.extend(enabled.map(|enabled| replace(LOCKED, (!enabled).then_some("true"))));
    Ok(mods)
}

/// Every reset by a password administrator forces a change; where none is wanted it is lifted afterwards. If that fails,
/// a person has to choose a password, and nobody is locked out.
fn settles(wanted: Wanted<'_>, entry: &Entry) -> Settled {
    if entry.has_text(EXPIRES, UNLESS) {
        return Settled::NotYet;
    }
    let forced = state(entry).must_change == Some(true);
    let lifts = forced && wanted.must_change != Some(true);
    Settled::Then(lifts.then(|| replace(EXPIRES, Some(NEVER))).into_iter().collect())
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
    fn only_the_server_says_that_a_change_is_forced_on_a_new_account() {
        let secret = Secret::from("s");
        let names = |password, must_change| -> Vec<(&str, String)> {
            let values = of_new(&New { username: "ada", suffix: "", password, must_change }).expect("it can be had");
            values.into_iter().map(|(name, value)| (name, String::from_utf8(value).expect("text"))).collect()
        };
        assert_eq!(names(Some(&secret), true), [(PASSWORD, "s".to_owned())]);
        assert_eq!(names(Some(&secret), false), [(PASSWORD, "s".to_owned()), (EXPIRES, NEVER.to_owned())]);
        assert_eq!(names(None, true), [(EXPIRES, AT_ONCE.to_owned())]);
        assert_eq!(names(None, false), []);
    }

    #[test]
    fn state_is_read_as_the_server_writes_it() {
        let read = |pairs: &[(&str, &str)]| state(&entry(pairs));
        assert_eq!(read(&[]), State { enabled: true, must_change: Some(false) });
        assert_eq!(read(&[("nsaccountlock", "TRUE")]), State { enabled: false, must_change: Some(false) });
        assert_eq!(read(&[(EXPIRES, AT_ONCE)]), State { enabled: true, must_change: Some(true) });
        // `pwdReset` stays when a change is lifted, and the time after an own change is a second later.
        assert_eq!(read(&[("pwdReset", "TRUE"), (EXPIRES, "19700101000001Z")]).must_change, Some(false));
    }

    #[test]
    fn a_reset_is_settled_when_the_server_has_written_the_time() {
        let secret = Secret::from("s");
        let wanted = |must_change| Wanted { password: Some(&secret), must_change, enabled: None };
        let after = |must_change, time| settles(wanted(must_change), &entry(&[(EXPIRES, time)]));
        assert_eq!(after(Some(true), UNLESS), Settled::NotYet);
        assert_eq!(state(&entry(&[(EXPIRES, UNLESS)])).must_change, Some(false), "and if it never writes it");
        assert_eq!(after(Some(true), AT_ONCE), Settled::Then(Vec::new()));
        assert_eq!(after(None, AT_ONCE), Settled::Then(vec![replace(EXPIRES, Some(NEVER))]));
        assert_eq!(after(Some(false), AT_ONCE), Settled::Then(vec![replace(EXPIRES, Some(NEVER))]));
        // It forces nothing: that is seen when the account is read back.
        assert_eq!(after(Some(true), "19700101000001Z"), Settled::Then(Vec::new()));
    }
}
