//! Credentials go to the service, and nowhere else.

use rosterd::directory::scim::transport::Request;
use rosterd::directory::scim::transport::Trouble;
use rosterd::roster::fault::Next;
use serde_json::json;

use super::TOKEN;
use super::desk::Desk;
use super::desk::bare;
use super::desk::scim;
use super::desk::with;
use super::settings;
use super::transport;
use super::user;
use super::users;

#[tokio::test]
async fn a_redirect_to_another_origin_is_not_followed() {
    let elsewhere = Desk::answering(|_, _| scim(200, &json!({}))).await;
    for (status, host) in
        [(301, "127.0.0.1"), (302, "localhost"), (303, "127.0.0.1"), (307, "127.0.0.1"), (308, "localhost")]
    {
        let place = format!("http://{host}:{}/scim/v2/Users", elsewhere.port);
        let desk = Desk::answering(move |_, _| with(bare(status), &[("location", &place)])).await;
        let transport = transport(&settings(desk.port));
        for request in [Request::get(users(desk.port)), Request::post(users(desk.port), json!({}))] {
            let trouble = transport.send(request, None).await.expect_err("no reply");
            let Trouble::Unfit(why) = &trouble else { panic!("{trouble:?}") };
            assert!(why.contains(&format!("http://{host}:{}", elsewhere.port)), "{why}");
            assert_eq!(trouble.fault_of_read().next, Next::StopRun);
        }
        assert_eq!(desk.count(), 2);
        assert_eq!(elsewhere.count(), 0, "{status}");
    }
    // The same host under another name is another origin.
    let desk = Desk::answering(|_, _| bare(204)).await;
    let place = format!("http://localhost:{}/scim/v2/Users", desk.port);
    let named = Desk::answering(move |_, _| with(bare(307), &[("location", &place)])).await;
    let found = transport(&settings(named.port)).send(Request::get(users(named.port)), None).await;
    assert!(matches!(found, Err(Trouble::Unfit(_))));
    assert_eq!(desk.count(), 0);
}

#[tokio::test]
async fn a_redirect_within_the_service_repeats_the_request_as_it_is() {
    for status in [307, 308] {
        let desk = Desk::answering(move |_, asked| {
            if asked.path.starts_with("/scim/v2/") {
                return with(bare(status), &[("location", "/tenant/7/Users?x=y")]);
            }
            scim(201, &json!({"id": "1"}))
        })
        .await;
        let transport = transport(&settings(desk.port));
        let body = json!({"userName": "ann"});
        let reply = transport.send(Request::post(users(desk.port), body.clone()), None).await.expect("a reply");
        assert_eq!(reply.status, 201);
        let asked = desk.asked();
        assert_eq!(asked.len(), 2);
        assert_eq!((&*asked[1].method, &*asked[1].path), ("POST", "/tenant/7/Users?x=y"));
        assert_eq!(asked[1].body, body.to_string());
        assert_eq!(asked[1].header("authorization"), Some(&*format!("Bearer {TOKEN}")));
        assert_eq!(asked[1].header("content-type"), Some("application/scim+json"));
    }
}

#[tokio::test]
async fn other_redirects_are_followed_by_reads_only() {
    for status in [301, 302, 303] {
        let desk = Desk::answering(move |_, asked| {
            let is_there = asked.path.ends_with('/');
            if is_there { scim(200, &json!({})) } else { with(bare(status), &[("location", "/scim/v2/Users/")]) }
        })
        .await;
        let transport = transport(&settings(desk.port));
        assert!(transport.send(Request::get(users(desk.port)), None).await.is_ok());
        assert_eq!(desk.count(), 2);
        assert!(transport.send(Request::post(users(desk.port), json!({})), None).await.is_err());
        assert_eq!(desk.count(), 3);
    }
}

#[tokio::test]
async fn redirects_end() {
    let desk = Desk::answering(|n, _| with(bare(307), &[("location", &format!("/scim/v2/Users/{n}"))])).await;
    let found = transport(&settings(desk.port)).send(Request::get(users(desk.port)), None).await;
    assert!(matches!(found, Err(Trouble::Unfit(_))), "{found:?}");
    assert_eq!(desk.count(), 4);
}

#[tokio::test]
async fn an_address_of_another_origin_is_not_even_tried() {
    let elsewhere = Desk::answering(|_, _| bare(204)).await;
    let desk = Desk::answering(|_, _| bare(204)).await;
    let found = transport(&settings(desk.port)).send(Request::get(user(elsewhere.port, "1")), None).await;
    assert!(matches!(found, Err(Trouble::Unfit(_))), "{found:?}");
    assert_eq!(elsewhere.count(), 0);
}
