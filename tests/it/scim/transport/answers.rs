//! What an answer is taken for.

use std::process::Command;

use axum::body::Body;
use rosterd::directory::scim::transport::Request;
use rosterd::directory::scim::transport::TransportSettings;
use rosterd::directory::scim::transport::Trouble;
use rosterd::directory::scim::wire::ETag;
use rosterd::roster::fault::Next;
use serde_json::json;

use super::TOKEN;
use super::desk::Desk;
use super::desk::bare;
use super::desk::plain;
use super::desk::scim;
use super::desk::with;
use super::settings;
use super::transport;
use super::user;
use super::users;

#[tokio::test]
async fn a_request_says_what_it_is_and_its_answer_is_read() {
    let desk = Desk::answering(|_, _| {
        let made = scim(201, &json!({"id": "7", "userName": "ann"}));
        with(made, &[("etag", "W/\"a1\""), ("location", "/scim/v2/Users/7")])
    })
    .await;
    let transport = transport(&settings(desk.port));
    let body = json!({"userName": "ann"});
    let reply = transport.send(Request::post(users(desk.port), body.clone()), None).await.expect("a reply");
    assert_eq!(reply.status, 201);
    assert_eq!(reply.body, Some(json!({"id": "7", "userName": "ann"})));
    assert_eq!(reply.location.as_deref(), Some("/scim/v2/Users/7"));
    let version = reply.etag.expect("a version");
    let again = Request::put(user(desk.port, "7"), body.clone()).if_match(Some(version));
    transport.send(again, None).await.expect("a reply");
    transport.send(Request::get(users(desk.port)), None).await.expect("a reply");
    transport.send(Request::delete(user(desk.port, "a/b")), None).await.expect("a reply");
    let asked = desk.asked();
    let lines: Vec<_> = asked.iter().map(|one| format!("{} {}", one.method, one.path)).collect();
    let expected = ["POST /scim/v2/Users", "PUT /scim/v2/Users/7", "GET /scim/v2/Users", "DELETE /scim/v2/Users/a%2Fb"];
    assert_eq!(lines, expected);
    for one in &asked {
        assert_eq!(one.header("authorization"), Some(&*format!("Bearer {TOKEN}")));
        assert_eq!(one.header("user-agent"), Some(concat!("rosterd/", env!("CARGO_PKG_VERSION"))));
        let has_body = ["POST", "PUT"].contains(&&*one.method);
        assert_eq!(one.header("content-type"), has_body.then_some("application/scim+json"));
        assert_eq!(one.body, if has_body { body.to_string() } else { String::new() });
        // Entra refuses a DELETE that asks for SCIM.
        let accepts = if one.method == "DELETE" { "*/*" } else { "application/scim+json, application/json" };
        assert_eq!(one.header("accept"), Some(accepts));
        assert_eq!(one.header("if-match"), (one.method == "PUT").then_some("W/\"a1\""));
    }
}

#[tokio::test]
async fn a_version_without_quotes_gets_them() {
    let desk = Desk::answering(|_, _| bare(204)).await;
    let request = Request::put(user(desk.port, "1"), json!({})).if_match(ETag::new("abc"));
    let reply = transport(&settings(desk.port)).send(request, None).await.expect("a reply");
    assert_eq!((reply.status, reply.body), (204, None));
    assert_eq!(desk.asked()[0].header("if-match"), Some("\"abc\""));
}

#[tokio::test]
async fn a_page_is_no_answer_even_with_200() {
    let desk = Desk::answering(|_, _| plain(200, "text/html", "<html>Welcome</html>")).await;
    let transport = transport(&settings(desk.port));
    for request in [Request::get(users(desk.port)), Request::post(users(desk.port), json!({}))] {
        let trouble = transport.send(request, None).await.expect_err("no reply");
        assert_eq!(trouble, Trouble::NotJson { status: 200 });
    }
    assert_eq!(desk.count(), 2);
}

#[tokio::test]
async fn what_is_called_json_and_is_none_is_no_answer() {
    let desk = Desk::answering(|_, _| plain(200, "application/scim+json", "{\"id\": ")).await;
    let trouble = transport(&settings(desk.port)).send(Request::get(users(desk.port)), None).await;
    assert_eq!(trouble.expect_err("no reply"), Trouble::NotJson { status: 200 });
}

#[tokio::test]
async fn more_than_the_cap_is_not_read() {
    let desk = Desk::answering(|_, asked| {
        let json = format!("\"{}\"", "x".repeat(20_000));
        if asked.path.ends_with("announced") {
            return plain(200, "application/json", json);
        }
        let chunks =
            json.into_bytes().chunks(100).map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec())).collect::<Vec<_>>();
        plain(200, "application/json", Body::from_stream(futures_util::stream::iter(chunks)))
    })
    .await;
    for (most, fits) in [(20_002, true), (20_001, false)] {
        let transport = transport(&TransportSettings { max_body: most, ..settings(desk.port) });
        for name in ["announced", "streamed"] {
            let found = transport.send(Request::get(user(desk.port, name)), None).await;
            match found {
                Ok(_) => assert!(fits, "{name}"),
                Err(trouble) => assert_eq!((trouble, fits), (Trouble::TooLarge { limit: most }, false), "{name}"),
            }
        }
    }
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_huge_one_is_given_up() {
    let pack = |script: &str| Command::new("sh").args(["-c", script]).output().expect("sh").stdout;
    // 64 MiB of spaces around a number, in 64 KiB.
    let bomb = pack("{ head -c 67108864 /dev/zero | tr '\\0' ' '; echo 1; } | gzip -9");
    assert!((1000..100_000).contains(&bomb.len()), "{}", bomb.len());
    let harmless = pack("printf '{\"id\":\"7\"}' | gzip -9");
    let desk = Desk::answering(move |_, asked| {
        let bytes = if asked.path.ends_with("bomb") { bomb.clone() } else { harmless.clone() };
        with(plain(200, "application/scim+json", bytes), &[("content-encoding", "gzip")])
    })
    .await;
    let transport = transport(&TransportSettings { max_body: 1 << 20, ..settings(desk.port) });
    let trouble = transport.send(Request::get(user(desk.port, "bomb")), None).await.expect_err("no reply");
    assert_eq!(trouble, Trouble::TooLarge { limit: 1 << 20 });
    let reply = transport.send(Request::get(user(desk.port, "7")), None).await.expect("a reply");
    assert_eq!(reply.body, Some(json!({"id": "7"})));
    assert_eq!(desk.asked()[0].header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn a_refusal_is_told_from_what_something_in_front_says() {
    let desk = Desk::answering(|_, asked| match asked.path.rsplit('/').next() {
        Some("taken") => scim(
            409,
            &json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
                "status": "409", "scimType": "uniqueness", "detail": "userName is\ntaken"
            }),
        ),
        Some("gone") => scim(404, &json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": 404})),
        Some("page") => plain(404, "text/html", "<html>404</html>"),
        Some("text") => plain(400, "text/plain", "no such\r\ntenant"),
        _ => bare(418),
    })
    .await;
    let transport = transport(&settings(desk.port));
    let mut told = Vec::new();
    for id in ["taken", "gone", "page", "text", "other"] {
        let trouble = transport.send(Request::get(user(desk.port, id)), None).await.expect_err("no reply");
        let Trouble::Refused(reply) = &trouble else { panic!("{trouble:?}") };
        told.push((reply.status, reply.is_scim, trouble.to_string()));
    }
    let expected = [
        (409, true, "a value is taken already: userName is taken".to_owned()),
        (404, true, "the service does not have it".to_owned()),
        (404, false, "there is nothing at this address".to_owned()),
        (400, false, "the service refuses the request: no such tenant".to_owned()),
        (418, false, "the service refuses this".to_owned()),
    ];
    assert_eq!(told, expected);
    // Nothing of this passes by itself, so nothing was asked twice.
    assert_eq!(desk.count(), 5);
    let fault =
        transport.send(Request::get(user(desk.port, "taken")), None).await.expect_err("no reply").fault_of_write();
    assert_eq!((fault.next, fault.code.as_deref()), (Next::LookAgain, Some("409")));
}
