//! 389 Directory Server, and the Red Hat Directory Server made of it.
//!
//! Facts about it that its documentation does not tell, found by experiment with 2.3:
//!
//! - With `passwordMustChange: on`, an entry that is added with a password gets `passwordExpirationTime:
//!   19700101000000Z`, unless the request brings a time itself. That time is what forces the change; `pwdReset` is only
//!   told, and stays TRUE when the time is changed.
//! - A reset forces a change when a password administrator does it (`passwordAdminDN`), and then always, whatever time
//!   the same request writes. Done by anybody else it never does.
//! - So where rosterd reads that time after a password of its own, the server has written it, and its policy is on.
//! - A reset leaves `nsAccountLock` alone.

use super::Credentials;
use super::Form;
use super::Guards;
use super::Modifications;
use super::New;
use super::Peculiar;
use super::Presumes;
use super::Profile;
use super::Stable;
use super::State;
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
        amends,
        login: login::by_controls,
    },
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
    guards: Guards::NONE,
    peculiar: Peculiar::NONE,
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
        // With a new password the server itself forces a change, see `amends`.
        (Some(password), _) => mods.push(replace(PASSWORD, Some(password.expose()))),
        (None, Some(must_change)) => mods.push(replace(EXPIRES, Some(if must_change { AT_ONCE } else { NEVER }))),
        (None, None) => {}
    }
    mods.extend(enabled.map(|enabled| replace(LOCKED, (!enabled).then_some("true"))));
    Ok(mods)
}

/// Every reset forces a change; where none is wanted it is lifted afterwards. If that fails, a person has to choose a
/// password, and nobody is locked out.
fn amends(wanted: Wanted<'_>) -> Modifications {
    match wanted {
        Wanted { password: Some(_), must_change: None | Some(false), .. } => vec![replace(EXPIRES, Some(NEVER))],
        _ => Vec::new(),
    }
}
