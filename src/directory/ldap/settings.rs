//! What an admin says about an LDAP target, and the proof that it makes sense.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::name::Dn;
use super::posix::PosixSettings;
use super::profile;
use super::profile::Profile;
use super::server::RootDse;
use crate::roster::secret::Secret;

mod access;
mod choice;
mod site;

pub use self::access::Access;
pub use self::access::Identity;
pub use self::access::Link;
pub use self::choice::GroupClass;
pub use self::choice::GroupType;
pub use self::choice::PasswordPolicy;
pub use self::choice::PasswordStorage;
pub use self::choice::SearchScope;
pub use self::choice::StartTls;
pub use self::site::Site;

/// The keys of `[target.ldap]`; see `config/rosterd.toml` for what each one means.
#[derive(Clone, Debug)]
pub struct LdapSettings {
    /// `ldap://`, `ldaps://` or `ldapi://`.
    pub url: Url,
    /// Further servers with the same directory, tried in turn when the one before is not available.
    pub further_urls: Vec<Url>,
    /// How long to wait when another server takes over, so that it gets what was written to the one before.
    pub replication_wait: Duration,
    /// Whether a connection to `ldap://` is secured.
    pub tls: StartTls,
    /// Whether an unsecured connection is wanted indeed.
    pub allow_cleartext: bool,
    /// Certificates in PEM to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Who rosterd is; without it, and with `ldapi://`, SASL EXTERNAL.
    pub bind_dn: Option<String>,
    /// The password of `bind_dn`.
    pub bind_password: Option<Secret>,
    /// Where accounts are.
    pub people_base: String,
    /// How deep below `people_base`.
    pub scope: SearchScope,
    /// The kind of server, one of [`LdapSettings::kinds`]; without it, as the server's root DSE says.
    pub kind: Option<&'static str>,
    /// Which entries are people; like the next three, the kind of server says it where this is `None`.
    pub people_filter: Option<String>,
    /// The object classes of new accounts.
    pub object_classes: Option<Vec<String>>,
    /// The attribute that holds the login name.
    pub username_attribute: Option<String>,
    /// The attribute that new entries are named by.
    pub naming_attribute: Option<String>,
    /// Where those are who have left.
    pub archive_base: Option<String>,
    /// Where groups are.
    pub group_base: Option<String>,
    /// Where roles are.
    pub role_base: Option<String>,
    /// Where channels are.
    pub channel_base: Option<String>,
    /// The object class of new groups; the kind of server says it where this is `None`.
    pub group_class: Option<GroupClass>,
    /// The object class of new roles; that of new groups where this is `None`.
    pub role_class: Option<GroupClass>,
    /// What new groups are for and where they can be used, in Active Directory.
    pub group_type: GroupType,
    /// What follows `@` in the `userPrincipalName` of new accounts, in Active Directory; empty for none, and the domain
    /// of `people_base` where this is `None`.
    pub upn_suffix: Option<String>,
    /// The numbers for new groups of class `posixGroup`.
    pub group_gid_range: RangeInclusive<u32>,
    /// The numbers of new accounts of class `posixAccount`; `None`: the roster says them.
    pub posix: Option<PosixSettings>,
    /// How a change at the next login and disabling are written.
    pub password_policy: PasswordPolicy,
    /// In which form passwords get to the server, and which request brings them.
    pub password_storage: PasswordStorage,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// How long one operation may take.
    pub timeout: Duration,
    /// Entries per page of a search.
    pub page_size: NonZeroUsize,
    /// Operations sent and not yet answered, at most; without it as many as the latency asks for.
    pub in_flight: Option<NonZeroUsize>,
    /// From so many operations on a batch is one transaction (RFC 5805) where the server offers that; without it never.
    pub transactions: Option<NonZeroUsize>,
    /// What is never written: DNs with everything below, login names with `*` and `?`, `/expressions/` for login names.
    pub protected: Vec<String>,
    /// Who may approve plans, in the same form: never written either.
    pub approvers: Vec<String>,
    /// Groups that are never written, nor their members: DNs, names with `*` and `?`, `/expressions/` for names.
    pub protected_groups: Vec<String>,
}

impl LdapSettings {
    /// Operations that are worth a transaction. With smaller ones OpenLDAP 2.5 was seen to crash.
    pub const TRANSACTION: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not zero");

    /// Returns the settings with every default.
    pub fn new(url: Url, people_base: &str) -> Self {
        const PAGE: NonZeroUsize = NonZeroUsize::new(1000).expect("1000 is not zero");
        Self {
            url,
            further_urls: Vec::new(),
            replication_wait: Duration::from_secs(10),
            tls: StartTls::Required,
            allow_cleartext: false,
            ca_file: None,
            bind_dn: None,
            bind_password: None,
            people_base: people_base.to_owned(),
            scope: SearchScope::Subtree,
            kind: None,
            people_filter: None,
            object_classes: None,
            username_attribute: None,
            naming_attribute: None,
            archive_base: None,
            group_base: None,
            role_base: None,
            channel_base: None,
            group_class: None,
            role_class: None,
            group_type: GroupType::GlobalSecurity,
            upn_suffix: None,
            group_gid_range: 10_000..=19_999,
            posix: None,
            password_policy: PasswordPolicy::Auto,
            password_storage: PasswordStorage::Server,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            page_size: PAGE,
            in_flight: None,
            transactions: None,
            protected: Vec::new(),
            approvers: Vec::new(),
            protected_groups: Vec::new(),
        }
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// The key in `[target.ldap]`.
    pub key: &'static str,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl std::error::Error for SettingFault {}

impl LdapSettings {
    /// Returns the kinds of servers that are known.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        profile::kinds()
    }

    /// Returns the kind of server: as it is named, or as the root DSE says.
    pub(super) fn profile(&self, root: &RootDse) -> &'static Profile {
        profile::of(self.kind, self.password_policy, root)
    }
}

fn fault(key: &'static str, reason: impl Into<String>) -> SettingFault {
    SettingFault { key, reason: reason.into() }
}

fn dn(key: &'static str, text: &str) -> Result<Dn, SettingFault> {
    Dn::parse(text).map_err(|e| fault(key, e.to_string()))
}
