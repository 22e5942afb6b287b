//! Whom rosterd does not talk to: every way in which TLS can be wrong, and what is said until then.

use rosterd::directory::Directory;
use rosterd::directory::Verdict;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::roster::fault::Fault;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Operation;
use rosterd::roster::secret::Secret;
use std::time::Duration;
use url::Url;

use crate::server::eavesdropper::Eavesdropper;
use crate::server::listener::Flaw;
use crate::server::listener::Listener;
use crate::server::listener::StartTlsAnswer;
use crate::server::listener::TlsServer;
use crate::server::slapd::SERVICE;
use crate::server::slapd::SERVICE_PASSWORD;
use crate::server::slapd::Slapd;

use super::PASSWORD;
use super::by_username;
use super::one;
use super::person;
use super::read;

fn settings(url: &str) -> LdapSettings {
    let mut settings = LdapSettings::new(Url::parse(url).expect("a URL"), "ou=people,dc=example,dc=org");
    settings.bind_dn = Some(SERVICE.to_owned());
    settings.bind_password = Some(Secret::from(SERVICE_PASSWORD));
    settings.connect_timeout = Duration::from_secs(5);
    settings.timeout = Duration::from_secs(5);
    settings
}

/// Reads, then writes, and returns the fault that both come to.
async fn refusal(settings: LdapSettings) -> Fault {
    let ldap = Ldap::new(settings).expect("good settings");
    let fault = read(&ldap, Which::All).await.expect_err("it must not be read");
    let written = one(&ldap, Operation::Create(person("ada"))).await.expect_err("nor written");
    assert_eq!(written.next, fault.next, "{written}");
    fault
}

#[tokio::test]
async fn a_bad_certificate_is_told_by_its_flaw_and_hears_nothing() {
    for (flaw, says) in [
        (Flaw::OtherName, "another name"),
        (Flaw::Expired, "has expired"),
        (Flaw::NotYetValid, "not valid"),
        (Flaw::SelfSigned, "self-signed"),
        (Flaw::WrongPurpose, "not valid"),
    ] {
        let server = TlsServer::start(flaw, &[]);
        let ear = Eavesdropper::before(server.port);
        let mut settings = settings(&format!("ldaps://localhost:{}", ear.port));
        settings.ca_file = Some(server.ca());
        let fault = refusal(settings).await;
        assert_eq!(fault.next, Next::StopRun, "{flaw:?}: {fault}");
        assert!(fault.reason.contains(says) && fault.reason.contains("ldaps://localhost"), "{flaw:?}: {fault}");
        assert!(ear.len() > 0, "the eavesdropper works");
        assert!(!ear.heard(SERVICE) && !ear.heard(SERVICE_PASSWORD) && !ear.heard(PASSWORD), "{flaw:?}");
        assert!(!server.was_told(SERVICE), "{flaw:?}: not even through TLS");
    }
}

/// Whole directories are read over a connection of their own, which is secured in another way.
#[tokio::test]
async fn a_bad_certificate_on_the_connection_for_whole_directories_hears_nothing_either() {
    for (flaw, says) in [(Flaw::OtherName, "another name"), (Flaw::Expired, "has expired"), (Flaw::None, "unknown CA")]
    {
        let territory = Slapd::shared().territory().await;
        let bad = TlsServer::start(flaw, &[]);
        let ear = Eavesdropper::before(territory.server.tls_port());
        let trusted = tempfile::NamedTempFile::new().expect("a file");
        let mut pem = std::fs::read_to_string(territory.server.ca()).expect("a certificate");
        if flaw != Flaw::None {
            pem += &std::fs::read_to_string(bad.ca()).expect("a certificate");
        }
        std::fs::write(trusted.path(), pem).expect("written");
        let mut settings = territory.settings();
        settings.url = Url::parse(&format!("ldaps://localhost:{}", ear.port)).expect("a URL");
        settings.ca_file = Some(trusted.path().to_owned());
        let ldap = Ldap::new(settings).expect("good settings");
        by_username(&ldap, &["nobody"]).await;
        ear.lead_to(bad.port);
        let before = ear.len();
        let fault = read(&ldap, Which::All).await.expect_err("it must not be read");
        assert_eq!(fault.next, Next::StopRun, "{flaw:?}: {fault}");
        assert!(ear.len() > before, "{flaw:?}: a connection was opened for it");
        if flaw != Flaw::None {
            assert!(fault.reason.contains(says), "{flaw:?}: {fault}");
        }
        assert!(!ear.heard(SERVICE) && !ear.heard(SERVICE_PASSWORD), "{flaw:?}");
        assert!(!bad.was_told(SERVICE), "{flaw:?}: not even through TLS");
    }
}

/// Else the test above would pass with a server that nobody can use.
#[tokio::test]
async fn a_good_certificate_of_the_same_making_is_talked_to() {
    let server = TlsServer::start(Flaw::None, &[]);
    let mut settings = settings(&format!("ldaps://localhost:{}", server.port));
    settings.ca_file = Some(server.ca());
    settings.timeout = Duration::from_secs(1);
    let ldap = Ldap::new(settings).expect("good settings");
    // It never answers, but it is told who we are.
    assert_eq!(read(&ldap, Which::All).await.expect_err("no LDAP").next, Next::Retry);
    assert!(server.was_told(SERVICE));
}

#[tokio::test]
async fn old_protocols_and_weak_ciphers_are_not_spoken() {
    for versions in [
        &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"][..],
        &["-tls1", "-cipher", "ALL:@SECLEVEL=0"],
        // No forward secrecy.
        &["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"],
        &["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"],
    ] {
        let server = TlsServer::start(Flaw::None, versions);
        let ear = Eavesdropper::before(server.port);
        let mut settings = settings(&format!("ldaps://localhost:{}", ear.port));
        settings.ca_file = Some(server.ca());
        let fault = refusal(settings).await;
        assert_eq!(fault.next, Next::StopRun, "{versions:?}: {fault}");
        assert!(!ear.heard(SERVICE) && !server.was_told(SERVICE), "{versions:?}");
    }
}

#[tokio::test]
async fn starttls_that_is_refused_feigned_or_cut_off_is_followed_by_nothing_in_clear() {
    let cases = [
        (StartTlsAnswer::Refused(1), Next::StopRun),
        (StartTlsAnswer::Refused(2), Next::StopRun),
        (StartTlsAnswer::Refused(53), Next::StopRun),
        (StartTlsAnswer::Refused(52), Next::Retry),
        (StartTlsAnswer::Feigned, Next::StopRun),
        (StartTlsAnswer::HangUp, Next::Retry),
    ];
    let tried = cases.map(|(answer, next)| async move {
        let listener = Listener::answering(answer);
        let mut settings = settings(&format!("ldap://localhost:{}", listener.port));
        settings.connect_timeout = Duration::from_secs(1);
        let fault = refusal(settings).await;
        assert_eq!(fault.next, next, "{answer:?}: {fault}");
        assert!(listener.heard("1.3.6.1.4.1.1466.20037"), "{answer:?}");
        for word in [SERVICE, SERVICE_PASSWORD, "uid=ada", PASSWORD] {
            assert!(!listener.heard(word), "{answer:?}: {word} was sent in clear");
        }
    });
    futures_util::future::join_all(tried).await;
}

#[tokio::test]
async fn the_wrong_scheme_for_a_port_is_told() {
    let server = Slapd::shared();
    for (scheme, port, says) in [("ldaps", server.port(), "ldap://"), ("ldap", server.tls_port(), "ldaps://")] {
        let mut settings = settings(&format!("{scheme}://localhost:{port}"));
        settings.ca_file = Some(server.ca());
        let findings = Ldap::new(settings).expect("good settings").check().await;
        let Verdict::Bad(what, _) = &findings[0].verdict else { panic!("{findings:?}") };
        assert!(what.contains(says), "{scheme}: {what}");
    }
}

#[test]
fn an_empty_bind_password_is_refused_before_anybody_is_asked() {
    for password in ["", " ", "\t", "\n", "\r\n", " \n "] {
        let mut settings = settings("ldaps://localhost");
        settings.bind_password = Some(Secret::from(password));
        let fault = Ldap::new(settings).expect_err("no password");
        assert_eq!(fault.key, "bind_password", "{password:?}");
    }
}
