//! The way to the service: TLS, proxies, and nothing in clear.

use axum::http::Version;
use rosterd::directory::scim::transport::Auth;
use rosterd::directory::scim::transport::ClientCredentials;
use rosterd::directory::scim::transport::CredentialsPlace;
use rosterd::directory::scim::transport::Proxy;
use rosterd::directory::scim::transport::Request;
use rosterd::directory::scim::transport::Transport;
use rosterd::directory::scim::transport::TransportError;
use rosterd::directory::scim::transport::TransportSettings;
use rosterd::directory::scim::transport::Trouble;
use rosterd::directory::scim::url::BaseUrl;
use rosterd::roster::fault::Next;
use rosterd::roster::secret::Secret;
use serde_json::json;
use url::Url;

use super::TOKEN;
use super::desk::Desk;
use super::desk::certificates;
use super::desk::proxy;
use super::desk::scim;
use super::settings;
use super::transport;
use crate::server::eavesdropper::Eavesdropper;

fn secured(host: &str, port: u16, ca: Option<std::path::PathBuf>) -> TransportSettings {
    let base = BaseUrl::parse(&format!("https://{host}:{port}/scim/v2")).expect("a base");
    TransportSettings { base, ca_file: ca, ..settings(port) }
}

fn users(settings: &TransportSettings) -> Url {
    settings.base.endpoint("Users").expect("an endpoint").url()
}

#[tokio::test]
async fn a_private_ca_is_trusted_and_what_is_sent_cannot_be_read() {
    let folder = certificates();
    let desk = Desk::behind_tls(folder.path(), |_, _| scim(200, &json!({"id": "1"}))).await;
    let wire = Eavesdropper::before(desk.port);
    for (http2, version) in [(true, Version::HTTP_2), (false, Version::HTTP_11)] {
        let ours = secured("localhost", wire.port, Some(folder.path().join("ca.pem")));
        let ours = TransportSettings { http2, ..ours };
        let reply = transport(&ours).send(Request::get(users(&ours)), None).await.expect("a reply");
        assert_eq!(reply.body, Some(json!({"id": "1"})));
        let asked = desk.asked().pop().expect("a request");
        assert_eq!(asked.version, version);
        assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    }
    assert!(wire.len() > 0 && !wire.heard(TOKEN) && !wire.heard("/scim/v2"));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_ends_it_before_anything_is_sent() {
    let folder = certificates();
    let desk = Desk::behind_tls(folder.path(), |_, _| scim(200, &json!({}))).await;
    for ca in [None, Some(folder.path().join("other-ca.pem"))] {
        let ours = secured("localhost", desk.port, ca);
        let trouble = transport(&ours).send(Request::get(users(&ours)), None).await.expect_err("no reply");
        let Trouble::Unfit(why) = &trouble else { panic!("{trouble:?}") };
        assert!(why.contains("certificate is not trusted") && why.contains("ca_file"), "{why}");
        assert_eq!(trouble.fault_of_read().next, Next::StopRun);
    }
    // The certificate is for this machine, but not under its number.
    let ours = secured("127.0.0.1", desk.port, Some(folder.path().join("ca.pem")));
    let trouble = transport(&ours).send(Request::get(users(&ours)), None).await.expect_err("no reply");
    assert!(matches!(trouble, Trouble::Unfit(_)), "{trouble:?}");
    assert_eq!(desk.count(), 0);
}

#[test]
fn credentials_do_not_go_to_another_machine_in_clear_unless_that_is_wanted() {
    let base = |text: &str| BaseUrl::parse(text).expect("a base");
    let token = || Auth::Bearer(Secret::from(TOKEN));
    for (url, is_taken) in [
        ("http://scim.example.org/v2", false),
        ("http://192.0.2.7/v2", false),
        ("https://scim.example.org/v2", true),
        ("http://127.0.0.1:8080/v2", true),
        ("http://[::1]/v2", true),
        ("http://localhost/v2", true),
    ] {
        let ours = TransportSettings::new(base(url), token());
        match Transport::new(&ours) {
            Ok(_) => assert!(is_taken, "{url}"),
            Err(TransportError::Cleartext(_)) => assert!(!is_taken, "{url}"),
            Err(error) => panic!("{url}: {error}"),
        }
        assert!(Transport::new(&TransportSettings { allow_cleartext: true, ..ours }).is_ok());
    }
    // Where tokens come from counts as well.
    let client = ClientCredentials {
        token_url: Url::parse("http://login.example.org/token").expect("a URL"),
        client_id: "rosterd".to_owned(),
        client_secret: Secret::from("hush"),
        scope: None,
        parameters: Vec::new(),
        placed: CredentialsPlace::Header,
    };
    let ours = TransportSettings::new(base("https://scim.example.org"), Auth::ClientCredentials(client));
    assert!(matches!(Transport::new(&ours), Err(TransportError::Cleartext(_))));
}

#[test]
fn a_ca_file_that_is_missing_is_said_at_once() {
    let ours = secured("localhost", 1, Some("/nonexistent/ca.pem".into()));
    assert!(matches!(Transport::new(&ours), Err(TransportError::Tls(_))));
}

#[tokio::test]
async fn a_proxy_makes_a_tunnel_and_does_not_see_who_we_are_for_the_service() {
    let folder = certificates();
    let desk = Desk::behind_tls(folder.path(), |_, _| scim(200, &json!({}))).await;
    let (port, heads) = proxy().await;
    let login = Some(("carrier".to_owned(), Secret::from("p4ss")));
    let url = Url::parse(&format!("http://127.0.0.1:{port}")).expect("a URL");
    let ours = TransportSettings {
        proxy: Proxy::At { url, login },
        ..secured("localhost", desk.port, Some(folder.path().join("ca.pem")))
    };
    transport(&ours).send(Request::get(users(&ours)), None).await.expect("a reply");
    let heads = heads.lock().expect("lock").clone();
    assert_eq!(heads.len(), 1);
    let head = heads[0].to_ascii_lowercase();
    assert!(head.starts_with(&format!("connect localhost:{} http/1.1", desk.port)), "{head}");
    // `carrier:p4ss`
    assert!(heads[0].contains("Basic Y2FycmllcjpwNHNz"), "{head}");
    assert!(!head.contains("bearer") && !head.contains("scim"), "{head}");
    let asked = desk.asked();
    assert_eq!(asked[0].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
    assert_eq!(asked[0].header("proxy-authorization"), None);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_means_that_nothing_was_sent() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let ours = TransportSettings {
        proxy: Proxy::At { url: Url::parse(&url).expect("a URL"), login: None },
        tries: 1.try_into().expect("not zero"),
        ..secured("localhost", 1, None)
    };
    let trouble = transport(&ours).send(Request::get(users(&ours)), None).await.expect_err("no reply");
    assert!(matches!(trouble, Trouble::NotSent(_)), "{trouble:?}");
}

#[test]
fn a_proxy_with_a_login_in_its_address_is_refused_without_showing_it() {
    let url = Url::parse("http://carrier:p4ss@proxy.example.org:3128").expect("a URL");
    let ours = TransportSettings { proxy: Proxy::At { url, login: None }, ..settings(1) };
    let error = Transport::new(&ours).expect_err("refused");
    assert!(matches!(error, TransportError::ProxyLogin));
    assert!(!format!("{error} {error:?}").contains("p4ss"));
}
