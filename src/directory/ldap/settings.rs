//! What an admin says about an LDAP target, and the proof that it makes sense.

use std::fmt;
use std::num::NonZeroUsize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use url::Url;

use super::filter::Filter;
use super::group::Class;
use super::name::Dn;
use super::name::is_attribute_description;
use super::pool::Pool;
use super::posix::PosixSettings;
use super::profile;
use super::profile::Profile;
use super::protected::Listed;
use super::protected::Protected;
use super::server::RootDse;
use super::window::Width;
use crate::roster::account::GroupKind;
use crate::roster::secret::Secret;
use crate::tls;

mod choice;

pub use self::choice::GroupClass;
pub use self::choice::GroupType;
pub use self::choice::PasswordPolicy;
pub use self::choice::SearchScope;
pub use self::choice::StartTls;

/// The most that are unanswered unless the configuration says a number. OpenLDAP cuts a connection off above 1,000.
const WINDOW: usize = 128;

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
        const PAGE: NonZeroUsize = NonZeroUsize::new(500).expect("500 is not zero");
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

/// How the server is reached: the connection is as safe as it has to be.
#[derive(Debug)]
pub struct Access {
    pub url: Url,
    pub link: Link,
    pub identity: Identity,
    pub connect_timeout: Duration,
    pub timeout: Duration,
}

impl Access {
    /// Returns why a password cannot be written, when that is so.
    pub fn no_password(&self) -> Option<&'static str> {
        matches!(self.link, Link::Clear).then_some("passwords are never written over a connection without TLS")
    }
}

/// What is where on a server of a known kind; names and filters are parsed.
#[derive(Debug)]
pub struct Site {
    pub profile: &'static Profile,
    pub people_base: Dn,
    /// Where those are who have left.
    pub archive_base: Option<Dn>,
    pub scope: SearchScope,
    pub people_filter: Filter,
    pub object_classes: Vec<String>,
    pub username_attribute: String,
    /// The attribute that new entries are named by.
    pub naming_attribute: String,
    pub bases: [(GroupKind, Option<Dn>); 3],
    /// The class of new groups.
    pub group_class: Class,
    /// The class of new roles.
    pub role_class: Class,
    pub group_type: GroupType,
    pub upn_suffix: String,
    pub gids: RangeInclusive<u32>,
    pub posix: Option<PosixSettings>,
    pub page_size: i32,
    pub in_flight: Width,
    pub transactions: Option<NonZeroUsize>,
    pub protected: Protected,
}

/// How bytes get to the server.
#[derive(Clone)]
pub enum Link {
    /// TLS, by StartTLS or from the start.
    Tls { config: Arc<ClientConfig>, starttls: bool, verifier: tls::Proof },
    /// A socket of this machine.
    Local,
    /// In clear; passwords are never written over it.
    Clear,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls { starttls: true, .. } => "StartTLS",
            Self::Tls { starttls: false, .. } => "TLS",
            Self::Local => "local socket",
            Self::Clear => "not secured",
        })
    }
}

/// Who rosterd is.
#[derive(Clone, Debug)]
pub enum Identity {
    /// A DN with a password, which is never empty.
    Simple(Dn, Secret),
    /// Whoever the server takes the process for (SASL EXTERNAL).
    External,
}

impl LdapSettings {
    /// Returns the kinds of servers that are known.
    pub fn kinds() -> impl Iterator<Item = &'static str> {
        profile::kinds()
    }

    /// Proves what does not depend on the kind of server, and returns how it is reached.
    pub(super) fn access(&self) -> Result<Access, SettingFault> {
        if let Some(kind) = self.kind.filter(|kind| !profile::kinds().any(|known| known == *kind)) {
            return Err(fault("kind", format!("`{kind}` is not a kind of LDAP server")));
        }
        let link = self.link(&self.url)?;
        let identity = self.identity(&link)?;
        let Self { url, connect_timeout, timeout, .. } = self;
        let access = Access { url: url.clone(), link, identity, connect_timeout: *connect_timeout, timeout: *timeout };
        // Whatever the kind is: names and filters must be good for one.
        let silent = self.profile(&RootDse::default());
        let Err(fault) = self.site(silent, &access) else { return Ok(access) };
        let mut possible = profile::known().filter(|_| self.kind.is_none());
        if possible.any(|profile| self.site(profile, &access).is_ok()) { Ok(access) } else { Err(fault) }
    }

    /// Returns the kind of server: as it is named, or as the root DSE says.
    pub(super) fn profile(&self, root: &RootDse) -> &'static Profile {
        profile::of(self.kind, self.password_policy, root)
    }

    /// Proves the settings for one kind of server.
    pub(super) fn site(&self, profile: &'static Profile, access: &Access) -> Result<Site, SettingFault> {
        let defaults = &profile.defaults;
        let or = |text: &Option<String>, default: &str| text.clone().unwrap_or_else(|| default.to_owned());
        let attribute = |key, name: String| match is_attribute_description(&name) {
            true => Ok(name),
            false => Err(fault(key, format!("`{name}` is not an attribute's name"))),
        };
        let username_attribute =
            attribute("username_attribute", or(&self.username_attribute, defaults.username_attribute))?;
        let naming = defaults.naming_attribute.unwrap_or(&username_attribute);
        let naming_attribute = attribute("naming_attribute", or(&self.naming_attribute, naming))?;
        let object_classes = self
            .object_classes
            .clone()
            .unwrap_or_else(|| defaults.object_classes.iter().map(|class| (*class).to_owned()).collect());
        if object_classes.is_empty() || !object_classes.iter().all(|c| is_attribute_description(c)) {
            return Err(fault("object_classes", "needs the names of one or more object classes"));
        }
        if self.group_gid_range.is_empty() {
            return Err(fault("group_gid_range", "the first number must not be greater than the second"));
        }
        if let Some(posix) = &self.posix {
            let proof = posix.prove(&object_classes, profile, &self.group_gid_range);
            proof.map_err(|reason| fault("posix", reason))?;
        }
        let class = |key, kind: GroupKind, name: &str| {
            profile.classes(kind).find(|class| class.name == name).copied().ok_or_else(|| {
                let known: Vec<&str> = profile.classes(kind).map(|class| class.name).collect();
                let reason =
                    format!("{} has no {}s of class {name}, only {}", profile.title, kind.word(), known.join(", "));
                fault(key, reason)
            })
        };
        let name = self.group_class.map_or(defaults.group_class, GroupClass::name);
        let group_class = class("group_class", GroupKind::Group, name)?;
        let role_class = match self.role_class {
            Some(name) => class("role_class", GroupKind::Role, name.name())?,
            None => group_class,
        };
        let listed = Listed { people: &self.protected, approvers: &self.approvers, groups: &self.protected_groups };
        let own = if let Identity::Simple(dn, _) = &access.identity { Some(dn) } else { None };
        let base = |key, text: &Option<String>| text.as_deref().map(|text| dn(key, text)).transpose();
        let filter = or(&self.people_filter, defaults.people_filter);
        let people_filter = Filter::parse(&filter)
            .ok_or_else(|| fault("people_filter", format!("`{filter}` is not an LDAP filter")))?;
        let people_base = dn("people_base", &self.people_base)?;
        Ok(Site {
            profile,
            upn_suffix: self.upn_suffix.clone().unwrap_or_else(|| people_base.domain()),
            people_base,
            archive_base: base("archive_base", &self.archive_base)?,
            scope: self.scope,
            people_filter,
            object_classes,
            username_attribute,
            naming_attribute,
            bases: [
                (GroupKind::Group, base("group_base", &self.group_base)?),
                (GroupKind::Role, base("role_base", &self.role_base)?),
                (GroupKind::Channel, base("channel_base", &self.channel_base)?),
            ],
            group_class,
            role_class,
            group_type: self.group_type,
            gids: self.group_gid_range.clone(),
            posix: self.posix.clone(),
            page_size: i32::try_from(self.page_size.get()).unwrap_or(i32::MAX),
            in_flight: self.in_flight.map_or(Width::UpTo(WINDOW), |n| Width::Fixed(n.get())),
            transactions: self.transactions,
            protected: Protected::new(listed, &profile.guards, own)?,
        })
    }

    /// Proves what does not depend on the kind of server, and returns how all servers are reached.
    pub(super) fn pool(&self) -> Result<Pool, SettingFault> {
        let mut servers = vec![self.access()?];
        for url in &self.further_urls {
            if servers.iter().any(|server| server.url == *url) {
                return Err(fault("url", format!("{url} is there twice")));
            }
            servers.push(Self { url: url.clone(), ..self.clone() }.access()?);
        }
        Ok(Pool::new(servers, dn("people_base", &self.people_base)?, self.replication_wait))
    }

    fn link(&self, url: &Url) -> Result<Link, SettingFault> {
        let host = url.host_str().unwrap_or_default();
        let starttls = match url.scheme() {
            "ldapi" if host.is_empty() => {
                return Err(fault("url", "name the socket, with `/` as %2F: ldapi://%2Frun%2Fslapd%2Fldapi"));
            }
            "ldapi" => return Ok(Link::Local),
            "ldaps" => false,
            "ldap" if self.tls == StartTls::Required => true,
            "ldap" if self.allow_cleartext => return Ok(Link::Clear),
            "ldap" => {
                let reason = "without TLS everybody on the way can read and change everything; use \"starttls\", or set `allow_cleartext = true` (passwords are then never written)";
                return Err(fault("tls", reason));
            }
            other => return Err(fault("url", format!("`{other}://` is not ldap://, ldaps:// or ldapi://"))),
        };
        if host.is_empty() {
            return Err(fault("url", "it names no server"));
        }
        if host.starts_with('[') {
            return Err(fault("url", "use the server's name: certificates cannot be checked for an IPv6 address here"));
        }
        let unfit = |error: tls::TlsError| fault("ca_file", error.to_string());
        let verifier = tls::verifier(self.ca_file.as_deref()).map_err(unfit)?;
        let config = tls::proving_by(Arc::clone(&verifier)).map_err(unfit)?;
        Ok(Link::Tls { config, starttls, verifier })
    }

    fn identity(&self, link: &Link) -> Result<Identity, SettingFault> {
        match (&self.bind_dn, &self.bind_password) {
            (Some(text), Some(password)) if !password.expose().trim().is_empty() => {
                Ok(Identity::Simple(dn("bind_dn", text)?, password.clone()))
            }
            // A bind with a DN and no password succeeds as anonymous (RFC 4513 section 5.1.2).
            (Some(_), Some(_)) => Err(fault("bind_password", "the password is empty")),
            (Some(_), None) => Err(fault("bind_password", "is needed with `bind_dn`")),
            (None, _) if matches!(link, Link::Local) => Ok(Identity::External),
            (None, _) => Err(fault("bind_dn", "is needed, except with ldapi://")),
        }
    }
}

fn fault(key: &'static str, reason: impl Into<String>) -> SettingFault {
    SettingFault { key, reason: reason.into() }
}

fn dn(key: &'static str, text: &str) -> Result<Dn, SettingFault> {
    Dn::parse(text).map_err(|e| fault(key, e.to_string()))
}

impl Site {
    /// Returns whether an entry is among those who have left.
    pub fn is_archived(&self, dn: &str) -> bool {
        let is_within = |archive: &Dn| Dn::parse(dn).is_ok_and(|dn| dn.is_within(archive));
        self.archive_base.as_ref().is_some_and(is_within)
    }

    /// Returns where accounts are, and how deep: the archive apart, unless it is read with the others.
    pub fn homes(&self) -> Vec<(&Dn, SearchScope)> {
        let is_inside = |archive: &&Dn| self.scope == SearchScope::Subtree && archive.is_within(&self.people_base);
        let archive = self.archive_base.as_ref().filter(|archive| !is_inside(archive));
        let archive = archive.map(|archive| (archive, SearchScope::Subtree));
        [(&self.people_base, self.scope)].into_iter().chain(archive).collect()
    }

    /// Returns where groups of a kind are.
    pub fn base(&self, kind: GroupKind) -> Option<&Dn> {
        self.bases.iter().find(|(k, _)| *k == kind).and_then(|(_, base)| base.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> LdapSettings {
        let mut settings = LdapSettings::new(Url::parse(url).expect(url), "ou=people,o=x");
        settings.bind_dn = Some("cn=rosterd,o=x".to_owned());
        settings.bind_password = Some(Secret::from("secret"));
        settings
    }

    fn refused(settings: &LdapSettings) -> &'static str {
        settings.access().expect_err("these settings are wrong").key
    }

    #[test]
    fn nothing_goes_in_clear_by_accident() {
        let mut clear = settings("ldap://localhost");
        assert!(matches!(clear.clone().access().expect("good").link, Link::Tls { starttls: true, .. }));
        clear.tls = StartTls::Off;
        assert_eq!(refused(&clear), "tls");
        clear.allow_cleartext = true;
        assert!(matches!(clear.access().expect("allowed").link, Link::Clear));
        assert_eq!(refused(&settings("ldaps://[::1]")), "url");
        assert_eq!(refused(&settings("http://localhost")), "url");
    }

    #[test]
    fn an_empty_password_is_no_password() {
        let mut empty = settings("ldaps://localhost");
        empty.bind_password = Some(Secret::from(""));
        assert_eq!(refused(&empty), "bind_password");
        empty.bind_password = None;
        assert_eq!(refused(&empty), "bind_password");
        empty.bind_dn = None;
        assert_eq!(refused(&empty), "bind_dn");
        let mut local = settings("ldapi://%2Frun%2Fldapi");
        local.bind_dn = None;
        assert!(matches!(local.access().expect("good").identity, Identity::External));
    }
}
