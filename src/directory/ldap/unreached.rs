//! Why a server cannot be reached, and what to do about it.

use std::fmt;
use std::io;
use std::io::ErrorKind;

use ldap3::LdapError;
use rustls::CertificateError;

use super::connection::innermost;
use super::fault::During;
use super::fault::refused;
use super::settings::Access;
use super::settings::Link;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// The name of a server that leads to no address; the text is the system's reason.
#[derive(Debug)]
pub struct Unresolved(pub String);

impl Unresolved {
    /// Returns it as the error of a connection.
    pub fn into_io(self) -> io::Error {
        io::Error::other(self)
    }
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unresolved {}

/// Returns the fault of a server that says nothing at all.
pub fn no_answer(access: &Access) -> Fault {
    let hint = match other_scheme(access) {
        "" => "",
        hint => &format!("; is a firewall in between{}", hint.replacen("; ", ", or ", 1)),
    };
    Fault::new(Next::Retry, format!("{} did not answer within {:?}{hint}", access.url, access.connect_timeout))
}

/// Returns the fault of a connection that could not be had.
pub fn not_connected(access: &Access, error: &LdapError) -> Fault {
    let url = &access.url;
    match error {
        LdapError::LdapResult { result } => {
            let fault = refused(During::Bind, result, None);
            Fault { reason: format!("{url} refuses StartTLS: {}", fault.reason), ..fault }
        }
        LdapError::Io { source } => match source.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
            Some(error) => Fault::new(Next::StopRun, format!("{url} cannot be trusted: {}", distrust(error))),
            None => Fault::new(Next::Retry, format!("cannot connect to {url}: {source}{}", hint(access, source))),
        },
        LdapError::Rustls { source } => {
            Fault::new(Next::StopRun, format!("{url} cannot be trusted: {}", distrust(source)))
        }
        LdapError::DNSName { .. } => Fault::new(Next::StopRun, format!("{url}: no certificate can be for this name")),
        error => {
            let (cause, hint) = (innermost(error), other_scheme(access));
            Fault::new(Next::Retry, format!("cannot connect to {url}: {cause}{hint}"))
        }
    }
}

fn hint(access: &Access, error: &io::Error) -> &'static str {
    let is_local = matches!(access.link, Link::Local);
    if error.get_ref().and_then(|inner| inner.downcast_ref::<Unresolved>()).is_some() {
        return "; look at the name in `url`, and at this machine's name service (DNS)";
    }
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused if is_local => {
            "; does the server run, and is its socket (`ldapi`) the one in `url`?"
        }
        ErrorKind::PermissionDenied if is_local => "; rosterd's user may not use the socket",
        ErrorKind::ConnectionRefused => "; nothing listens there: does the server run, and is the port right?",
        ErrorKind::HostUnreachable
        | ErrorKind::NetworkUnreachable
        | ErrorKind::NetworkDown
        | ErrorKind::AddrNotAvailable
        | ErrorKind::PermissionDenied => {
            "; no way leads there from this machine: look at its network, and at firewalls"
        }
        ErrorKind::TimedOut => "; nothing answers there: does the machine run, or is a firewall in between?",
        _ => other_scheme(access),
    }
}

/// Returns what to say of a server that hangs up in the middle, or speaks something else: the likeliest reason is a
/// scheme that does not fit the port.
fn other_scheme(access: &Access) -> &'static str {
    match &access.link {
        Link::Tls { starttls: false, .. } => "; is this port for `ldap://` (with StartTLS)?",
        Link::Tls { starttls: true, .. } | Link::Clear => "; is this port for `ldaps://`?",
        Link::Local => "",
    }
}

fn distrust(error: &rustls::Error) -> String {
    let rustls::Error::InvalidCertificate(problem) = error else { return error.to_string() };
    match problem {
        CertificateError::UnknownIssuer => {
            "its certificate is signed by a CA that is not trusted; if it is your own CA, set `ca_file`".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "its certificate is for another name; use the name in the certificate as `url`".to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        CertificateError::Other(other) if format!("{other:?}").contains("CaUsedAsEndEntity") => {
            "its certificate is a CA's own, as self-signed ones mostly are; give it one for a server".to_owned()
        }
        other => format!("its certificate is not valid ({other})"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use url::Url;

    use super::super::dial::link;
    use super::super::settings::LdapSettings;
    use super::*;
    use crate::roster::secret::Secret;

    fn access(url: &str) -> Access {
        let mut settings = LdapSettings::new(Url::parse(url).expect(url), "ou=people,o=x");
        settings.bind_dn = Some("cn=rosterd,o=x".to_owned());
        settings.bind_password = Some(Secret::from("secret"));
        settings.connect_timeout = Duration::from_secs(5);
        settings.access().expect(url)
    }

    #[test]
    fn each_reason_has_its_own_hint() {
        let access = access("ldap://ldap.example.org");
        let told = |source: io::Error| not_connected(&access, &LdapError::Io { source });
        for (kind, says) in [
            (ErrorKind::ConnectionRefused, "nothing listens there"),
            (ErrorKind::HostUnreachable, "no way leads there"),
            (ErrorKind::NetworkUnreachable, "no way leads there"),
            (ErrorKind::TimedOut, "does the machine run"),
            (ErrorKind::UnexpectedEof, "is this port for `ldaps://`?"),
            (ErrorKind::ConnectionReset, "is this port for `ldaps://`?"),
        ] {
            let fault = told(kind.into());
            assert!(fault.reason.contains(says) && fault.next == Next::Retry, "{kind:?}: {fault}");
            assert!(fault.reason.contains("ldaps") == says.contains("ldaps"), "{kind:?}: {fault}");
        }
        let unknown = told(Unresolved("Name or service not known".to_owned()).into_io());
        assert!(unknown.reason.contains("not known; look at the name in `url`"), "{unknown}");
        let broken = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let untrusted = told(io::Error::new(ErrorKind::InvalidData, broken));
        assert!(untrusted.reason.contains("`ca_file`") && untrusted.next == Next::StopRun, "{untrusted}");
        let silent = no_answer(&access);
        assert!(silent.reason.contains("firewall in between, or is this port for `ldaps://`?"), "{silent}");
    }

    #[tokio::test]
    async fn a_name_that_is_none_and_a_port_without_a_server_are_told_apart() {
        // RFC 6761 section 6.4: no such name ever leads anywhere.
        let unknown = link(&access("ldap://rosterd.invalid")).await.expect_err("no such name");
        assert!(unknown.reason.contains("name service (DNS)") && !unknown.reason.contains("ldaps"), "{unknown}");
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
        let refused = link(&access(&format!("ldaps://localhost:{port}"))).await.expect_err("nobody listens");
        assert!(refused.reason.contains("nothing listens there") && !refused.reason.contains("StartTLS"), "{refused}");
    }
}
