//! Active Directory: Samba's, and Windows'.
//!
//! Found by experiment with Samba 4.17, as an account with delegated rights: one Add with `userAccountControl` 512,
//! `unicodePwd` and `pwdLastSet` 0 makes a person who must change the password; deleting the old value of
//! `userAccountControl` and adding the new one in one Modify is a comparison, as there is no assertion control; a new
//! password sets `pwdLastSet`, unless the same request writes it; a forced change is not enforced for accounts whose
//! password never expires; and an account may be enabled although it never had a password, which Windows refuses.

use std::collections::HashSet;

use ldap3::LdapResult;
use ldap3::Mod;

use super::BY_PASSWORD;
use super::BY_SERVER;
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
use crate::directory::Login;
use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::group::By;
use crate::directory::ldap::group::Class;
use crate::directory::ldap::server::RootDse;
use crate::directory::ldap::settings::GroupType;
use crate::directory::ldap::settings::PasswordStorage;
use crate::directory::ldap::windows::Refusal;
use crate::roster::secret::Secret;

mod sid;

pub static PROFILE: Profile = Profile {
    kind: "ad",
    title: "Active Directory",
    recognises: is_active_directory,
    stable: Stable { attribute: "objectGUID", form: Form::Guid },
    defaults: Defaults {
        // Computers are of class `user` too.
        people_filter: "(&(objectCategory=person)(objectClass=user))",
        object_classes: &["top", "person", "organizationalPerson", "user"],
        username_attribute: USERNAME,
        naming_attribute: Some("cn"),
        group_class: "group",
    },
    credentials: Credentials {
        must_change: true,
        disable: true,
        attributes: &[CONTROL, LAST_SET],
        state,
        of_new,
        modifications,
        presumes,
        settles: None,
        by_exop: None,
        login,
    },
    unstorable: &[
        (PasswordStorage::Exop, "it has no PasswordModify (RFC 3062)"),
        (PasswordStorage::Argon2, MAKES_KEYS),
        (PasswordStorage::Ssha512, MAKES_KEYS),
    ],
    // Primary groups (`Domain Users`) list nobody in `member`, so those memberships are neither shown nor touched.
    policy: None,
    group_classes: &[Class { name: "group", attribute: "member", by: By::Dn, needs_member: false }],
    role_classes: &[],
    keeps: &[
        ("useraccountcontrol", "rosterd itself writes it"),
        (LAST_SET, "rosterd itself writes it"),
        ("dbcspwd", BY_PASSWORD),
        ("lmpwdhistory", BY_PASSWORD),
        ("ntpwdhistory", BY_PASSWORD),
        ("supplementalcredentials", BY_PASSWORD),
        ("admincount", BY_SERVER),
        ("iscriticalsystemobject", BY_SERVER),
        ("objectguid", BY_SERVER),
        ("objectsid", BY_SERVER),
        ("objectcategory", BY_SERVER),
        ("distinguishedname", BY_SERVER),
        ("name", "it is the entry's name"),
        ("ntsecuritydescriptor", "rights are nothing that a roster gives"),
        ("sidhistory", "rights are nothing that a roster gives"),
        ("primarygroupid", "rights are nothing that a roster gives"),
        ("serviceprincipalname", "rights are nothing that a roster gives"),
        ("altsecurityidentities", "rights are nothing that a roster gives"),
        ("msds-allowedtodelegateto", "rights are nothing that a roster gives"),
        ("msds-allowedtoactonbehalfofotheridentity", "rights are nothing that a roster gives"),
        ("msds-keycredentiallink", "rights are nothing that a roster gives"),
    ],
    guards: Guards {
        names: &[
            "Administrator",
            "Guest",
            "krbtgt*",
            "DefaultAccount",
            "WDAGUtilityAccount",
            // Computers, managed service accounts, trusts.
            "*$",
        ],
        groups: &[
            "Administrators",
            "Domain Admins",
            "Enterprise Admins",
            "Schema Admins",
            "Account Operators",
            "Server Operators",
            "Backup Operators",
            "Print Operators",
            "Group Policy Creator Owners",
            "DnsAdmins",
        ],
        attributes: &["adminCount", "isCriticalSystemObject", "objectSid"],
        needs_a_look: true,
        reason: sid::guarded,
        administrators: Some(&sid::ADMINISTRATORS_GROUPS),
    },
    peculiar: Peculiar {
        named_by_id: true,
        apart: &["CN=Configuration", "DC=DomainDnsZones", "DC=ForestDnsZones"],
        // `posixAccount` is an auxiliary class of every user, and `posixGroup` of every group (RFC 2307 as of
        // MS-ADSC); nobody has to name them.
        numbered: true,
        progress: None,
        shows_in_turn: false,
        longest_name: None,
        made_up: &["instancetype", "ntsecuritydescriptor", "objectcategory", "objectsid"],
        bad_username,
        of_new_group,
    },
    rights: Rights::Descriptors,
    uniqueness: Uniqueness::Itself,
    connections: 1,
    limits_hint: "let `page_size` be at most MaxPageSize (1000 unless your domain says otherwise)",
};

const MAKES_KEYS: &str = "it makes its own keys of the password itself (unicodePwd), and takes no hash";
const USERNAME: &str = "sAMAccountName";
const PRINCIPAL: &str = "userPrincipalName";
const PASSWORD: &str = "unicodePwd";
const CONTROL: &str = "userAccountControl";
const LAST_SET: &str = "pwdLastSet";

/// Bits of `userAccountControl` (MS-ADTS section 2.2.16).
const DISABLED: u32 = 0x2;
const NO_PASSWORD_NEEDED: u32 = 0x20;
const NORMAL: u32 = 0x200;
const PASSWORD_FOR_EVER: u32 = 0x1_0000;

fn is_active_directory(root: &RootDse) -> bool {
    // LDAP_CAP_ACTIVE_DIRECTORY_OID (MS-ADTS section 3.1.1.3.4.3.1)
    root.has_capability("1.2.840.113556.1.4.800")
}

fn control(entry: &Entry) -> Option<u32> {
    // A signed number in the protocol.
    entry.text(CONTROL)?.parse::<i32>().ok().map(i32::cast_unsigned)
}

fn state(entry: &Entry) -> State {
    let bits = control(entry).unwrap_or_default();
    let asked = entry.text(LAST_SET).map(|time| time == "0");
    State { enabled: bits & DISABLED == 0, must_change: asked.map(|asked| asked && bits & PASSWORD_FOR_EVER == 0) }
}

/// Returns a password as the server wants it (MS-ADTS section 3.1.1.3.1.5.1): in quotes, UTF-16, little-endian.
fn quoted(password: &Secret) -> Vec<u8> {
    format!("\"{}\"", password.expose()).encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Without a password the account is switched off, so that there is no enabled account without one.
fn of_new(new: &New<'_>) -> Result<Values, String> {
    let New { username, suffix, password, must_change } = new;
    let bits = if password.is_some() { NORMAL } else { NORMAL | DISABLED };
    let mut values = vec![(CONTROL, bits.to_string().into_bytes())];
    if !suffix.is_empty() {
        values.push((PRINCIPAL, format!("{username}@{suffix}").into_bytes()));
    }
    values.extend(password.map(|password| (PASSWORD, quoted(password))));
    values.extend(must_change.then(|| (LAST_SET, b"0".to_vec())));
    Ok(values)
}

fn presumes(wanted: Wanted<'_>) -> Presumes {
    match wanted {
        Wanted { must_change: Some(true), .. } | Wanted { enabled: Some(_), .. } => Presumes::ALook,
        _ => Presumes::Nothing,
    }
}

fn modifications(wanted: Wanted<'_>, seen: Option<&Entry>) -> Result<Modifications, String> {
    let Wanted { password, must_change, enabled } = wanted;
    let mut mods = Vec::new();
    if let Some(password) = password {
        mods.push(Mod::Replace(PASSWORD.into(), HashSet::from([quoted(password)])));
    }
    if must_change == Some(true) && seen.and_then(control).is_some_and(|bits| bits & PASSWORD_FOR_EVER != 0) {
        let why = "its password never expires (DONT_EXPIRE_PASSWD), and then nobody has to change it; lift that first";
        return Err(why.to_owned());
    }
    mods.extend(must_change.map(|must_change| replace(LAST_SET, Some(if must_change { "0" } else { "-1" }))));
    let Some(enabled) = enabled else { return Ok(mods) };
    let old = seen.and_then(control).ok_or("its userAccountControl cannot be read; let the bind DN read it")?;
    // Who is let in needs a password.
    let new = if enabled { old & !(DISABLED | NO_PASSWORD_NEEDED) } else { old | DISABLED };
    if old != new {
        let value = |bits: u32| HashSet::from([bits.cast_signed().to_string().into_bytes()]);
        mods.push(Mod::Delete(CONTROL.into(), value(old)));
        mods.push(Mod::Add(CONTROL.into(), value(new)));
    }
    Ok(mods)
}

/// Returns why a login name of a person cannot be a `sAMAccountName` (MS-SAMR section 3.1.1.6, and the longest that
/// Windows takes for people; Samba takes longer ones).
fn bad_username(username: &str) -> Option<String> {
    const LONGEST: usize = 20;
    let n_chars = username.encode_utf16().count();
    if n_chars > LONGEST {
        return Some(format!("`{username}` has {n_chars} characters; a sAMAccountName has {LONGEST} at most"));
    }
    if let Some(bad) = username.chars().find(|c| is_refused(*c) || *c == '@') {
        return Some(format!("`{}` cannot be in a sAMAccountName", bad.escape_debug()));
    }
    if username.ends_with('.') {
        return Some("a sAMAccountName cannot end with a dot".to_owned());
    }
    None
}

fn is_refused(c: char) -> bool {
    c.is_control() || "\"/\\[]:;|=,+*?<>".contains(c)
}

/// A group has a `sAMAccountName` too, which takes fewer characters than its name: `_` stands for the others.
fn of_new_group(name: &str, of_type: GroupType) -> Values {
    let account: String = name.trim().chars().map(|c| if is_refused(c) { '_' } else { c }).collect();
    // Bits of `groupType` (MS-ADTS section 2.2.12).
    let (scope, secures) = match of_type {
        GroupType::GlobalSecurity => (0x2, true),
        GroupType::UniversalSecurity => (0x8, true),
        GroupType::DomainLocalSecurity => (0x4, true),
        GroupType::GlobalDistribution => (0x2, false),
        GroupType::UniversalDistribution => (0x8, false),
        GroupType::DomainLocalDistribution => (0x4, false),
    };
    let bits = if secures { scope | i32::MIN } else { scope };
    vec![(USERNAME, account.trim_end_matches('.').into()), ("groupType", bits.to_string().into_bytes())]
}

/// Every refused bind has the result code 49; the text says why. All but a wrong name or password are said only when the
/// password is right.
fn login(answer: &LdapResult) -> Login {
    match (answer.rc, Refusal::of(&answer.text)) {
        (0, _) => Login::Welcome,
        (49, Some(Refusal::MustChange)) => Login::MustChange,
        (49, Some(refusal)) => Login::Refused(refusal.sentence().to_owned()),
        (rc, _) => Login::Refused(format!("the server refuses the login: {} ({rc})", answer.text)),
    }
}

#[cfg(test)]
mod tests;
