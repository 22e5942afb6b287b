//! Who we say we are, and what comes of it when the service does not take it.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use rosterd::directory::scim::transport::Auth;
use rosterd::directory::scim::transport::ClientCredentials;
use rosterd::directory::scim::transport::CredentialsPlace;
use rosterd::directory::scim::transport::MediaType;
use rosterd::directory::scim::transport::Request;
use rosterd::directory::scim::transport::TransportSettings;
use rosterd::directory::scim::transport::Trouble;
use rosterd::roster::fault::Next;
use rosterd::roster::secret::Secret;
use serde_json::json;
use url::Url;

use super::at_most;
use super::desk::Desk;
use super::desk::bare;
use super::desk::plain;
use super::desk::scim;
use super::desk::with;
use super::settings;
use super::transport;
use super::users;

fn client(port: u16) -> ClientCredentials {
    ClientCredentials {
        token_url: Url::parse(&format!("http://127.0.0.1:{port}/oauth/token")).expect("a URL"),
        client_id: "roster:d".to_owned(),
        client_secret: Secret::from("s e+cret"),
        scope: Some("users groups".to_owned()),
        parameters: vec![("audience".to_owned(), "https://scim.example.org".to_owned())],
        placed: CredentialsPlace::Header,
    }
}

fn with_client(port: u16, client: ClientCredentials) -> TransportSettings {
    TransportSettings { auth: Auth::ClientCredentials(client), ..settings(port) }
}

/// Gives `token-0`, `token-1`, ...
async fn authority(lasts: u64) -> Desk {
    Desk::answering(move |n, _| {
        let answer = json!({"access_token": format!("token-{n}"), "token_type": "Bearer", "expires_in": lasts});
        plain(200, "application/json", answer.to_string())
    })
    .await
}

#[tokio::test]
async fn basic_and_extra_headers_arrive() {
    let desk = Desk::answering(|_, _| bare(204)).await;
    let auth = Auth::Basic { username: "Aladdin".to_owned(), password: Secret::from("open sesame") };
    let headers = vec![("X-Tenant-Key".to_owned(), Secret::from("k7")), ("x-mode".to_owned(), Secret::from("scim"))];
    let mine = TransportSettings { auth, headers, media_type: MediaType::Json, ..settings(desk.port) };
    transport(&mine).send(Request::post(users(desk.port), json!({})), None).await.expect("a reply");
    let asked = desk.asked();
    // RFC 7617 section 2.
    assert_eq!(asked[0].header("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    assert_eq!((asked[0].header("x-tenant-key"), asked[0].header("x-mode")), (Some("k7"), Some("scim")));
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn without_credentials_there_is_no_header() {
    let desk = Desk::answering(|_, _| bare(204)).await;
    let mine = TransportSettings { auth: Auth::None, ..settings(desk.port) };
    transport(&mine).send(Request::get(users(desk.port)), None).await.expect("a reply");
    assert_eq!(desk.asked()[0].header("authorization"), None);
}

#[tokio::test]
async fn credentials_that_are_refused_are_not_offered_again() {
    for status in [401, 403] {
        let desk = Desk::answering(move |_, _| bare(status)).await;
        let transport = transport(&TransportSettings { in_flight: at_most(1), ..settings(desk.port) });
        let all = (0..10).map(|_| transport.send(Request::get(users(desk.port)), None));
        for found in join_all(all).await {
            let trouble = found.expect_err("no reply");
            assert!(matches!(&trouble, Trouble::Unauthorized(why) if why.contains(&status.to_string())), "{trouble:?}");
            assert_eq!(trouble.clone().fault_of_read().next, Next::StopRun);
            assert_eq!(trouble.fault_of_write().next, Next::StopRun);
        }
        assert!(transport.send(Request::get(users(desk.port)), None).await.is_err());
        // Those that waited for their turn had been let through before; none came later.
        assert_eq!(desk.count(), 1, "{status}");
    }
}

#[tokio::test]
async fn being_refused_while_asking_around_says_nothing_of_the_rest() {
    let desk = Desk::answering(|n, _| bare(if n == 0 { 401 } else { 204 })).await;
    let transport = transport(&settings(desk.port));
    let probe = transport.send(Request::get(users(desk.port)).probing(), None).await;
    assert!(matches!(probe, Err(Trouble::Unauthorized(_))));
    assert!(transport.send(Request::get(users(desk.port)), None).await.is_ok());
}

#[tokio::test]
async fn a_403_with_a_word_of_scims_own_is_about_one_request() {
    let desk = Desk::answering(|_, _| {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "403", "scimType": "sensitive"});
        scim(403, &body)
    })
    .await;
    let transport = transport(&settings(desk.port));
    for _ in 0..2 {
        let found = transport.send(Request::get(users(desk.port)), None).await;
        assert!(matches!(&found, Err(Trouble::Refused(reply)) if reply.status == 403), "{found:?}");
    }
    assert_eq!(desk.count(), 2);
}

#[tokio::test]
async fn a_token_is_asked_for_as_the_rfc_says() {
    let authority = authority(3600).await;
    let desk = Desk::answering(|_, _| bare(204)).await;
    let transport = transport(&with_client(desk.port, client(authority.port)));
    for _ in 0..3 {
        transport.send(Request::get(users(desk.port)), None).await.expect("a reply");
    }
    let asked = authority.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    // RFC 6749 section 2.3.1: `roster%3Ad:s%20e%2Bcret`.
    assert_eq!(asked[0].header("authorization"), Some("Basic cm9zdGVyJTNBZDpzJTIwZSUyQmNyZXQ="));
    let form: Vec<_> = url::form_urlencoded::parse(asked[0].body.as_bytes()).into_owned().collect();
    let expected =
        [("grant_type", "client_credentials"), ("scope", "users groups"), ("audience", "https://scim.example.org")];
    assert_eq!(form, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    for one in desk.asked() {
        assert_eq!(one.header("authorization"), Some("Bearer token-0"));
    }
}

#[tokio::test]
async fn a_client_may_say_who_it_is_in_the_body() {
    let authority = authority(3600).await;
    let desk = Desk::answering(|_, _| bare(204)).await;
    let client = ClientCredentials { placed: CredentialsPlace::Body, scope: None, ..client(authority.port) };
    let transport = transport(&with_client(desk.port, client));
    transport.send(Request::get(users(desk.port)), None).await.expect("a reply");
    let asked = authority.asked();
    assert_eq!(asked[0].header("authorization"), None);
    let form: Vec<_> = url::form_urlencoded::parse(asked[0].body.as_bytes()).into_owned().collect();
    assert!(form.contains(&("client_id".to_owned(), "roster:d".to_owned())), "{form:?}");
    assert!(form.contains(&("client_secret".to_owned(), "s e+cret".to_owned())), "{form:?}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once_for_all_who_had_it() {
    let authority = authority(3600).await;
    let desk = Desk::taking_time(|_, asked| {
        let is_good = asked.header("authorization") == Some("Bearer token-1");
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(10)).await;
            bare(if is_good { 201 } else { 401 })
        })
    })
    .await;
    let mine = TransportSettings { in_flight: at_most(20), ..with_client(desk.port, client(authority.port)) };
    let transport = transport(&mine);
    // Refused is not done, so that it may be sent again even if it creates.
    let all = (0..20).map(|_| transport.send(Request::post(users(desk.port), json!({})), None));
    for reply in join_all(all).await {
        assert_eq!(reply.expect("a reply").status, 201);
    }
    assert_eq!(authority.count(), 2);
    assert_eq!(desk.count(), 40);
}

#[tokio::test]
async fn a_new_token_that_is_refused_too_ends_it() {
    let authority = authority(3600).await;
    let desk = Desk::answering(|_, _| bare(401)).await;
    let transport = transport(&with_client(desk.port, client(authority.port)));
    for _ in 0..3 {
        let found = transport.send(Request::get(users(desk.port)), None).await;
        assert!(matches!(found, Err(Trouble::Unauthorized(_))), "{found:?}");
    }
    assert_eq!((authority.count(), desk.count()), (2, 2));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let authority = authority(1).await;
    let desk = Desk::answering(|_, _| bare(204)).await;
    let transport = transport(&with_client(desk.port, client(authority.port)));
    for _ in 0..2 {
        transport.send(Request::get(users(desk.port)), None).await.expect("a reply");
    }
    tokio::time::sleep(Duration::from_millis(600)).await;
    transport.send(Request::get(users(desk.port)), None).await.expect("a reply");
    let used: Vec<_> = desk.asked().iter().map(|one| one.header("authorization").map(str::to_owned)).collect();
    assert_eq!(used, ["Bearer token-0", "Bearer token-0", "Bearer token-1"].map(|used| Some(used.to_owned())));
}

#[tokio::test]
async fn an_authority_that_is_busy_is_waited_for_and_one_that_refuses_is_not_asked_again() {
    let failures = Arc::new(AtomicUsize::new(0));
    let notes = Arc::clone(&failures);
    let authority = Desk::answering(move |_, _| {
        if notes.fetch_add(1, Ordering::SeqCst) < 2 {
            return with(bare(503), &[("retry-after", "0")]);
        }
        let refusal = json!({"error": "invalid_client", "error_description": "no roster:d with s e+cret"});
        plain(401, "application/json", refusal.to_string())
    })
    .await;
    let desk = Desk::answering(|_, _| bare(204)).await;
    let transport = transport(&with_client(desk.port, client(authority.port)));
    let all = (0..5).map(|_| transport.send(Request::get(users(desk.port)), None));
    for found in join_all(all).await {
        let Err(Trouble::Unauthorized(why)) = found else { panic!("{found:?}") };
        assert!(why.contains("invalid_client: no roster:d with ***"), "{why}");
    }
    assert_eq!((authority.count(), desk.count()), (3, 0));
}

#[tokio::test]
async fn an_authority_that_sends_elsewhere_or_gives_nonsense_is_no_use() {
    let elsewhere = Desk::answering(|_, _| bare(204)).await;
    let place = format!("http://127.0.0.1:{}/token", elsewhere.port);
    let answers = [
        with(bare(307), &[("location", &place)]),
        plain(200, "text/html", "<html>"),
        plain(200, "application/json", r#"{"token_type": "bearer"}"#),
        plain(200, "application/json", r#"{"access_token": "x", "token_type": "mac"}"#),
        plain(200, "application/json", r#"{"access_token": "a\nb"}"#),
    ];
    for answer in answers {
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, 1000).await.expect("a body");
        let authority = Desk::answering(move |_, _| {
            axum::response::Response::from_parts(parts.clone(), axum::body::Body::from(body.clone()))
        })
        .await;
        let desk = Desk::answering(|_, _| bare(204)).await;
        let transport = transport(&with_client(desk.port, client(authority.port)));
        let found = transport.send(Request::get(users(desk.port)), None).await;
        assert!(matches!(found, Err(Trouble::Unauthorized(_))), "{found:?}");
        assert_eq!((authority.count(), desk.count(), elsewhere.count()), (1, 0, 0));
    }
}
