//! What `[mail]` says, proved before the first letter.

use std::net::IpAddr;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;
use lettre::transport::smtp::client::TlsParameters;
use rustls::pki_types::ServerName;
use url::Url;

use super::message::Sender;
use super::message::parse_address;
use crate::roster::letter::breaks_lines;
use crate::roster::secret::Secret;

/// The keys of `[mail]`, with secrets and certificates read.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// `smtp://host:25` or `smtps://host:465`; the ports are the defaults.
    pub server: String,
    /// For `smtp://` only.
    pub tls: MailTls,
    /// Certificates in PEM that are trusted besides the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// How to log in, if the server asks for it.
    pub login: Option<MailLogin>,
    /// Who letters are from: `IT Service <it@example.org>`.
    pub from: String,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// How long the server may take to accept a letter that it has been sent. RFC 5321 section 4.5.3.2.6 asks for ten
    /// minutes: who gives up sooner sends letters twice. The talk before that may take two minutes at most.
    pub timeout: Duration,
}

impl MailSettings {
    /// The timeout when nothing is configured.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(600);
}

/// How the way to the server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MailTls {
    /// No letter goes out without TLS.
    #[default]
    Required,
    /// Letters go out readable for everybody on the way.
    None,
}

/// A login at the mail server.
#[derive(Clone, Debug)]
pub struct MailLogin {
    /// The name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// One thing that is wrong in `[mail]`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{key}` in [mail]: {reason}")]
pub struct MailSettingsFault {
    /// The key to change.
    pub key: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// Where letters go, and how the way is secured.
pub(super) struct Route {
    pub host: String,
    pub port: u16,
    pub security: Security,
}

/// How a connection becomes secure.
pub(super) enum Security {
    /// TLS from the first byte.
    Wrapped(TlsParameters),
    /// STARTTLS, or nothing is sent.
    StartTls(TlsParameters),
    /// Not at all.
    None,
}

struct Place {
    host: String,
    port: u16,
    wrapped: bool,
}

impl MailSettings {
    /// Returns where letters go and who they are from, or everything that is wrong.
    pub(super) fn prove(&self) -> Result<(Route, Sender), Vec<MailSettingsFault>> {
        let mut faults = Vec::new();
        let mut keep = |key, result: Result<(), String>| {
            if let Err(reason) = result {
                faults.push(MailSettingsFault { key, reason });
            }
        };
        let place = self.place();
        keep("server", place.as_ref().map(|_| ()).map_err(Clone::clone));
        let from = mailbox(&self.from);
        keep("from", from.as_ref().map(|_| ()).map_err(Clone::clone));
        let reply_to = self.reply_to.as_deref().map(mailbox).transpose();
        keep("reply_to", reply_to.as_ref().map(|_| ()).map_err(Clone::clone));
        let cleartext = self.tls == MailTls::None;
        if let Ok(place) = &place {
            if cleartext && place.wrapped {
                keep("tls", Err("smtps:// is always encrypted; leave the key out, or use smtp://".to_owned()));
            }
            if cleartext && self.login.is_some() && !is_loopback(&place.host) {
                keep("tls", Err("a login must not cross the network unencrypted".to_owned()));
            }
        }
        if self.login.as_ref().is_some_and(|login| login.username.is_empty()) {
            keep("username", Err("it is empty".to_owned()));
        }
        if self.timeout.is_zero() {
            keep("timeout", Err("it must be longer than nothing".to_owned()));
        }
        let tls = place.as_ref().ok().map(|place| self.tls_parameters(place)).transpose();
        keep("ca_file", tls.as_ref().map(|_| ()).map_err(Clone::clone));
        match (place, from, reply_to, tls) {
            (Ok(place), Ok(from), Ok(reply_to), Ok(Some(tls))) if faults.is_empty() => {
                let security = match (place.wrapped, self.tls) {
                    (true, _) => Security::Wrapped(tls),
                    (false, MailTls::Required) => Security::StartTls(tls),
                    (false, MailTls::None) => Security::None,
                };
                Ok((Route { host: place.host, port: place.port, security }, Sender { from, reply_to }))
            }
            _ => Err(faults),
        }
    }

    fn place(&self) -> Result<Place, String> {
        let shape = || "it must be smtp://host:port or smtps://host:port".to_owned();
        let url = Url::parse(&self.server).map_err(|_| shape())?;
        let (wrapped, default_port) = match url.scheme() {
            "smtp" => (false, 25),
            "smtps" => (true, 465),
            _ => return Err(shape()),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("a login belongs to `username` and `password`, not here".to_owned());
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(shape());
        }
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        if ServerName::try_from(host.as_str()).is_err() {
            return Err(format!("`{host}` is no host name"));
        }
        Ok(Place { host, port: url.port().unwrap_or(default_port), wrapped })
    }

    fn tls_parameters(&self, place: &Place) -> Result<TlsParameters, String> {
        let mut builder = TlsParameters::builder(place.host.clone());
        if let Some(pem) = &self.ca_pem {
            if !pem.windows(27).any(|bytes| bytes == b"-----BEGIN CERTIFICATE-----") {
                return Err("the file has no certificate in PEM".to_owned());
            }
            let certificates =
                Certificate::from_pem(pem).map_err(|_| "the file has a damaged certificate".to_owned())?;
            builder = builder.add_root_certificate(certificates);
        }
        builder.build().map_err(|error| format!("the certificates cannot be used: {error}"))
    }
}

fn mailbox(text: &str) -> Result<Mailbox, String> {
    let shape = || "it must be one mailbox, such as IT Service <it@example.org>".to_owned();
    if text.contains(breaks_lines) {
        return Err(shape());
    }
    let mailbox: Mailbox = text.trim().parse().map_err(|_| shape())?;
    let email = parse_address(mailbox.email.as_ref()).map_err(|fault| format!("the mail address is wrong: {fault}"))?;
    Ok(Mailbox::new(mailbox.name, email))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> MailSettings {
        MailSettings {
            server: "smtp://mail.example.org".to_owned(),
            tls: MailTls::Required,
            ca_pem: None,
            login: None,
            from: "IT Service <it@example.org>".to_owned(),
            reply_to: None,
            timeout: MailSettings::DEFAULT_TIMEOUT,
        }
    }

    fn faulty_keys(settings: &MailSettings) -> Vec<&'static str> {
        settings.prove().err().unwrap_or_default().iter().map(|fault| fault.key).collect()
    }

    #[test]
    fn servers_are_smtp_or_smtps() {
        let place = |server: &str| {
            let (route, _) = MailSettings { server: server.to_owned(), ..settings() }.prove().ok()?;
            Some((route.host, route.port, matches!(route.security, Security::Wrapped(_))))
        };
        for (server, host, port, wrapped) in [
            ("smtp://mail.example.org", "mail.example.org", 25, false),
            ("smtp://mail.example.org:587/", "mail.example.org", 587, false),
            ("smtps://mail.example.org", "mail.example.org", 465, true),
            ("smtps://127.0.0.1:4465", "127.0.0.1", 4465, true),
            ("smtp://[::1]:2525", "::1", 2525, false),
        ] {
            assert_eq!(place(server), Some((host.to_owned(), port, wrapped)), "{server}");
        }
        for server in [
            "mail.example.org",
            "mail.example.org:25",
            "https://mail.example.org",
            "smtp://",
            "smtp://it:secret@mail.example.org",
            "smtp://mail.example.org/inbox",
            "smtp://mail.example.org?tls=none",
            "smtp://mail example.org",
        ] {
            let settings = MailSettings { server: server.to_owned(), ..settings() };
            assert_eq!(faulty_keys(&settings), ["server"], "{server}");
        }
    }

    #[test]
    fn tls_is_left_out_only_where_it_was_asked_for() {
        let (route, _) = settings().prove().expect("sound");
        assert!(matches!(route.security, Security::StartTls(_)));
        let (route, _) = MailSettings { tls: MailTls::None, ..settings() }.prove().expect("sound");
        assert!(matches!(route.security, Security::None));
        let wrapped = MailSettings { server: "smtps://mail.example.org".to_owned(), tls: MailTls::None, ..settings() };
        assert_eq!(faulty_keys(&wrapped), ["tls"]);
    }

    #[test]
    fn a_login_never_crosses_the_network_in_cleartext() {
        let login = Some(MailLogin { username: "rosterd".to_owned(), password: Secret::from("x") });
        let open = MailSettings { tls: MailTls::None, login, ..settings() };
        assert_eq!(faulty_keys(&open), ["tls"]);
        for server in ["smtp://127.0.0.1", "smtp://localhost", "smtp://[::1]"] {
            assert_eq!(faulty_keys(&MailSettings { server: server.to_owned(), ..open.clone() }), [""; 0]);
        }
    }

    #[test]
    fn senders_are_one_mailbox() {
        for good in ["it@example.org", "IT Service <it@example.org>", "\"Müller, IT\" <it@bücher.example>"] {
            let settings = MailSettings { from: good.to_owned(), reply_to: Some(good.to_owned()), ..settings() };
            assert_eq!(faulty_keys(&settings), [""; 0], "{good}");
        }
        for bad in ["", "it", "it@example.org, eve@example.org", "IT <it@example.org>\r\nBcc: eve@example.org"] {
            let settings = MailSettings { from: bad.to_owned(), reply_to: Some(bad.to_owned()), ..settings() };
            assert_eq!(faulty_keys(&settings), ["from", "reply_to"], "{bad}");
        }
    }

    #[test]
    fn all_faults_come_in_one_go() {
        let settings = MailSettings {
            server: "mail".to_owned(),
            tls: MailTls::None,
            ca_pem: Some(b"no certificate".to_vec()),
            login: Some(MailLogin { username: String::new(), password: Secret::from("x") }),
            from: String::new(),
            reply_to: Some("x".to_owned()),
            timeout: Duration::ZERO,
        };
        assert_eq!(faulty_keys(&settings), ["server", "from", "reply_to", "username", "timeout"]);
        assert_eq!(
            faulty_keys(&MailSettings { ca_pem: Some(b"no certificate".to_vec()), ..self::settings() }),
            ["ca_file"]
        );
        let damaged = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec();
        assert_eq!(faulty_keys(&MailSettings { ca_pem: Some(damaged), ..self::settings() }), ["ca_file"]);
    }

    #[test]
    fn debug_shows_no_password() {
        let login = Some(MailLogin { username: "rosterd".to_owned(), password: Secret::from("hunter2") });
        assert!(!format!("{:?}", MailSettings { login, ..settings() }).contains("hunter2"));
    }
}
