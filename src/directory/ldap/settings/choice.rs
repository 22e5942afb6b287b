//! What an admin can choose among in `[target.ldap]`.

/// Whether a connection to `ldap://` is secured with StartTLS (RFC 4513 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    /// Always, before anything else is sent.
    Required,
    /// Never; see [`LdapSettings::allow_cleartext`](super::LdapSettings::allow_cleartext).
    Off,
}

/// How deep accounts are below the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchScope {
    /// Anywhere below.
    Subtree,
    /// Right below.
    One,
}

/// The object class of groups, roles and channels that rosterd creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupClass {
    /// `groupOfNames`: members by DN.
    GroupOfNames,
    /// `groupOfUniqueNames`: members by DN.
    GroupOfUniqueNames,
    /// `posixGroup`: members by login name.
    PosixGroup,
    /// `organizationalRole`, a role: members by DN.
    OrganizationalRole,
    /// `nsManagedRoleDefinition`, a role of 389 Directory Server: `nsRoleDN` of each member names it.
    ManagedRole,
}

impl GroupClass {
    /// Returns the name of the class.
    pub fn name(self) -> &'static str {
        match self {
            Self::GroupOfNames => "groupOfNames",
            Self::GroupOfUniqueNames => "groupOfUniqueNames",
            Self::PosixGroup => "posixGroup",
            Self::OrganizationalRole => "organizationalRole",
            Self::ManagedRole => "nsManagedRoleDefinition",
        }
    }
}

/// The type of groups that rosterd creates in Active Directory (MS-ADTS section 2.2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupType {
    /// For rights, in the whole forest; members are of the domain.
    GlobalSecurity,
    /// For rights, in the whole forest; members are of the forest.
    UniversalSecurity,
    /// For rights, in the domain; members are of anywhere.
    DomainLocalSecurity,
    /// For mail; members are of the domain.
    GlobalDistribution,
    /// For mail; members are of the forest.
    UniversalDistribution,
    /// For mail; members are of anywhere.
    DomainLocalDistribution,
}

/// How a change at the next login and disabling are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordPolicy {
    /// As the kind of server does it. On a server of an unknown kind: like [`Self::Ppolicy`] if it offers that.
    Auto,
    /// By the attributes of OpenLDAP's `ppolicy` overlay (draft-behera-ldap-password-policy).
    Ppolicy,
    /// Not at all.
    None,
}

/// In which form passwords get to the server, and which request brings them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordStorage {
    /// As they are, in the request that writes everything else of the entry; the server hashes them.
    Server,
    /// As they are, by an operation of their own, which every server hashes (`PasswordModify`, RFC 3062).
    Exop,
    /// As `{ARGON2}` and a PHC string, made by rosterd.
    Argon2,
    /// As `{SSHA512}` and salted SHA-512, made by rosterd.
    Ssha512,
}

impl PasswordStorage {
    /// Returns the word for it in the configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Exop => "exop",
            Self::Argon2 => "argon2",
            Self::Ssha512 => "ssha512",
        }
    }
}
