//! A server of which nothing is known but that it speaks LDAP and keeps the standard schema.

use super::Form;
use super::Peculiar;
use super::Profile;
use super::Rights;
use super::Stable;
use super::Uniqueness;
use super::openldap;
use crate::directory::ldap::group;

/// Without a password policy: a change cannot be forced, and nobody can be switched off.
pub static PROFILE: Profile = PLAIN;
/// With the attributes of draft-behera-ldap-password-policy.
pub static WITH_POLICY: Profile = Profile { credentials: openldap::PPOLICY, ..PLAIN };

const PLAIN: Profile = Profile {
    kind: "generic",
    title: "LDAP server",
    recognises: |_| false,
    stable: Stable { attribute: "entryUUID", form: Form::Text },
    defaults: openldap::DEFAULTS,
    credentials: openldap::PASSWORD_ONLY,
    unstorable: &[],
    policy: None,
    group_classes: group::STANDARD,
    role_classes: &[group::ORGANIZATIONAL_ROLE],
    keeps: &[],
    guards: openldap::GUARDS,
    rights: Rights::Untold,
    uniqueness: Uniqueness::Untold,
    connections: 1,
    peculiar: Peculiar::NONE,
    limits_hint: "let the bind DN read without limits of size and time",
};
