//! How the servers are reached, and as whom.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use url::Url;

use super::LdapSettings;
use super::PasswordStorage;
use super::SettingFault;
use super::StartTls;
use super::dn;
use super::fault;
use crate::directory::ldap::name::Dn;
use crate::directory::ldap::pool::Pool;
use crate::directory::ldap::profile;
use crate::directory::ldap::profile::Profile;
use crate::directory::ldap::server::RootDse;
use crate::roster::secret::Secret;
use crate::tls;

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
    /// Proves what does not depend on the kind of server, and returns how it is reached.
    pub(in super::super) fn access(&self) -> Result<Access, SettingFault> {
        if let Some(kind) = self.kind.filter(|kind| !profile::kinds().any(|known| known == *kind)) {
            return Err(fault("kind", format!("`{kind}` is not a kind of LDAP server")));
        }
        if self.password_storage == PasswordStorage::Exop && self.transactions.is_some() {
            let reason = "\"exop\" cannot go with `transactions = true`: no server sets a password by PasswordModify within a transaction; take out one of the two";
            return Err(fault("password_storage", reason));
        }
        let link = self.link(&self.url)?;
        let identity = self.identity(&link)?;
        let Self { url, connect_timeout, timeout, .. } = self;
        let access = Access { url: url.clone(), link, identity, connect_timeout: *connect_timeout, timeout: *timeout };
        // Whatever the kind is: names and filters must be good for one.
        let silent = self.profile(&RootDse::default());
        let Err(fault) = self.site(silent, &access) else { return Ok(access) };
        let of_kind = |profile: &Profile| profile::of(Some(profile.kind), self.password_policy, &RootDse::default());
        let mut possible = profile::known().filter(|_| self.kind.is_none()).map(of_kind);
        if possible.any(|profile| self.site(profile, &access).is_ok()) { Ok(access) } else { Err(fault) }
    }

    /// Proves what does not depend on the kind of server, and returns how all servers are reached.
    pub(in super::super) fn pool(&self) -> Result<Pool, SettingFault> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str) -> LdapSettings {
        let mut settings = LdapSettings::new(Url::parse(url).expect(url), "ou=people,o=x");
        settings.bind_dn = Some("cn=rosterd,o=x".to_owned());
        settings.bind_password = Some(Secret::from("secret"));
        settings
    }

    #[test]
    fn a_storage_that_cannot_be_had_is_refused_before_anything_is_contacted() {
        let with = |kind, storage, transactions: bool| {
            let mut settings = settings("ldaps://localhost");
            (settings.kind, settings.password_storage) = (kind, storage);
            settings.transactions = transactions.then_some(LdapSettings::TRANSACTION);
            settings.access().map(drop).map_err(|fault| fault.to_string())
        };
        use PasswordStorage::Argon2;
        use PasswordStorage::Exop;
        use PasswordStorage::Server;
        use PasswordStorage::Ssha512;
        for (kind, can) in [
            (None, &[Server, Exop, Argon2, Ssha512][..]),
            (Some("openldap"), &[Server, Exop, Argon2, Ssha512]),
            (Some("generic"), &[Server, Argon2, Ssha512]),
            (Some("389ds"), &[Server, Exop, Ssha512]),
            (Some("ad"), &[Server]),
        ] {
            for storage in [Server, Exop, Argon2, Ssha512] {
                let tried = with(kind, storage, false);
                assert_eq!(tried.is_ok(), can.contains(&storage), "{kind:?} {storage:?} {tried:?}");
                if let Err(reason) = tried {
                    assert!(reason.starts_with("password_storage: \""), "{reason}");
                }
            }
        }
        let both = with(None, Exop, true).expect_err("not both");
        assert!(both.contains("password_storage") && both.contains("transactions"), "{both}");
        assert_eq!(with(None, Argon2, true), Ok(()));
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
