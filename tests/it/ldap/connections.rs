//! How connections are made, and what is never said on one.

use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::directory::ldap::StartTls;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::secret::Secret;
use url::Url;

use crate::server::eavesdropper::Eavesdropper;
use crate::server::scripted;
use crate::server::slapd::Login;
use crate::server::slapd::SERVICE;
use crate::server::slapd::SERVICE_PASSWORD;
use crate::server::slapd::Slapd;

use super::PASSWORD;
use super::create;
use super::fault;
use super::one;
use super::person;
use super::read;
use super::update;

#[tokio::test]
async fn every_way_to_connect() {
    let territory = Slapd::shared().territory().await;
    let server = territory.server;
    let (tls, socket) = (format!("ldaps://localhost:{}", server.tls_port()), server.socket_url());
    let ldap = Ldap::new(territory.settings()).expect("good settings");
    let names: Vec<String> = (0..5).map(|n| format!("per-{n}")).collect();
    for name in &names {
        create(&ldap, person(name)).await;
    }
    for (url, identity) in [(None, true), (Some(&tls), true), (Some(&socket), true), (Some(&socket), false)] {
        let mut settings = territory.settings();
        if let Some(url) = url {
            settings.url = Url::parse(url).expect("a URL");
        }
        if !identity {
            settings.bind_dn = None;
            settings.bind_password = None;
        }
        settings.page_size = 2.try_into().expect("not zero");
        let ldap = Ldap::new(settings).expect("good settings");
        let mut found = read(&ldap, Which::All).await.expect("readable");
        found.sort_by(|a, b| a.username.cmp(&b.username));
        assert_eq!(found.iter().map(|account| &*account.username).collect::<Vec<_>>(), names, "{url:?}");
        // However entries are read, they are the same.
        let ids = found.iter().map(|account| account.id.clone()).collect();
        let mut again = read(&ldap, Which::Ids(ids)).await.expect("readable");
        again.sort_by(|a, b| a.username.cmp(&b.username));
        assert_eq!(format!("{found:?}"), format!("{again:?}"), "{url:?}");
    }
}

#[tokio::test]
async fn whom_it_cannot_trust_it_tells_nothing() {
    let territory = Slapd::shared().territory().await;
    let server = territory.server;
    for (scheme, port, host, ca, says) in [
        ("ldap", server.port(), "localhost", server.other_ca(), "not trusted"),
        ("ldap", server.port(), "127.0.0.1", server.ca(), "another name"),
        ("ldaps", server.tls_port(), "localhost", server.other_ca(), "not trusted"),
        ("ldaps", server.tls_port(), "127.0.0.1", server.ca(), "another name"),
    ] {
        let ear = Eavesdropper::before(port);
        let mut settings = territory.settings();
        settings.url = Url::parse(&format!("{scheme}://{host}:{}", ear.port)).expect("a URL");
        settings.ca_file = Some(ca);
        let ldap = Ldap::new(settings).expect("good settings");
        let fault = read(&ldap, Which::All).await.expect_err("refused");
        assert_eq!(fault.next, Next::StopRun, "{fault}");
        assert!(fault.reason.contains(says), "{fault}");
        let answer = one(&ldap, Operation::Create(person("ada"))).await;
        assert_eq!(answer.expect_err("refused").next, Next::StopRun);
        assert!(ear.len() > 0, "the eavesdropper works");
        for word in [SERVICE, SERVICE_PASSWORD, "uid=ada", PASSWORD] {
            assert!(!ear.heard(word), "{scheme}://{host}: {word} was sent in clear");
        }
    }
}

#[tokio::test]
async fn nothing_is_readable_on_the_wire() {
    let territory = Slapd::shared().territory().await;
    let ear = Eavesdropper::before(territory.server.port());
    let mut settings = territory.settings();
    settings.url = Url::parse(&format!("ldap://localhost:{}", ear.port)).expect("a URL");
    let ldap = Ldap::new(settings).expect("good settings");
    create(&ldap, person("ada")).await;
    assert!(ear.heard("1.3.6.1.4.1.1466.20037"), "StartTLS itself is sent in clear");
    for word in [SERVICE, SERVICE_PASSWORD, "uid=ada", PASSWORD] {
        assert!(!ear.heard(word), "{word} was sent in clear");
    }
}

#[tokio::test]
async fn a_server_that_refuses_starttls_gets_nothing_else() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    let heard = tokio::spawn(async move {
        use tokio::io::AsyncReadExt;
        use tokio::io::AsyncWriteExt;
        let (mut client, _) = listener.accept().await.expect("a client");
        let mut heard = vec![0; 4096];
        let n = client.read(&mut heard).await.expect("a request");
        heard.truncate(n);
        // ExtendedResponse of message 1: protocolError.
        client.write_all(&[0x30, 0x0c, 2, 1, 1, 0x78, 7, 10, 1, 2, 4, 0, 4, 0]).await.expect("answered");
        client.read_to_end(&mut heard).await.expect("the client hangs up");
        heard
    });
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.url = Url::parse(&format!("ldap://localhost:{port}")).expect("a URL");
    let ldap = Ldap::new(settings).expect("good settings");
    let fault = read(&ldap, Which::All).await.expect_err("refused");
    assert_eq!(fault.next, Next::StopRun, "{fault}");
    assert!(fault.reason.contains("StartTLS"), "{fault}");
    let heard = heard.await.expect("the listener ends");
    // One ExtendedRequest with the OID of StartTLS, and not an octet more.
    assert_eq!(heard.len(), 31, "{heard:?}");
}

#[tokio::test]
async fn without_tls_no_password_is_written() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.tls = StartTls::Off;
    settings.allow_cleartext = true;
    let ldap = Ldap::new(settings).expect("allowed");
    let refused = fault(one(&ldap, Operation::Create(person("ada"))).await, Next::RejectRow, None);
    assert!(refused.reason.contains("without TLS"), "{refused}");
    assert!(territory.read(&territory.person("ada")).await.is_none());
    let id = create(&ldap, Create { password: None, ..person("ada") }).await;
    let reset = Update { password: Some(Secret::from(PASSWORD)), ..update(&id) };
    fault(one(&ldap, Operation::Update(reset)).await, Next::RejectRow, None);
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Refused);
}

/// A server may answer a bind with success and have bound nobody (RFC 4513 section 5.1.2), or somebody else.
#[tokio::test]
async fn a_server_that_takes_us_for_somebody_else_gets_nothing_more() {
    for (identity, is_good) in [("dn:CN=Rosterd,O=x", true), ("dn:cn=admin,o=x", false), ("dn:", false), ("", false)] {
        let base = |question: &scripted::Question| {
            let is_there = matches!(&*question.base, "" | "ou=people,o=x");
            is_there.then(|| if question.scope == 0 { vec![(question.base.clone(), vec![])] } else { vec![] })
        };
        let port = scripted::listen_as(Some(identity), base).await;
        let url = Url::parse(&format!("ldap://127.0.0.1:{port}")).expect("a URL");
        let mut settings = LdapSettings::new(url, "ou=people,o=x");
        settings.tls = StartTls::Off;
        settings.allow_cleartext = true;
        settings.bind_dn = Some("cn=rosterd,o=x".to_owned());
        settings.bind_password = Some(Secret::from("secret"));
        let read = read(&Ldap::new(settings).expect("good settings"), Which::All).await;
        assert_eq!(read.is_ok(), is_good, "{identity}: {read:?}");
        if let Err(fault) = read {
            assert_eq!(fault.next, Next::StopRun, "{identity}: {fault}");
            assert!(fault.reason.contains(" the bind "), "{identity}: {fault}");
        }
    }
}

#[tokio::test]
async fn a_wrong_bind_password_stops_the_run() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.bind_password = Some(Secret::from("wrong"));
    let ldap = Ldap::new(settings).expect("good settings");
    let refused = read(&ldap, Which::All).await.expect_err("refused");
    assert_eq!((refused.next, refused.code.as_deref()), (Next::StopRun, Some("49")), "{refused}");
    fault(one(&ldap, Operation::Create(person("ada"))).await, Next::StopRun, Some("49"));
}
