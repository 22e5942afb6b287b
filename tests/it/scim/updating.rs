//! Changing accounts at services that do not do what they say.

use axum::http::Method;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use serde_json::json;

use super::ask;
use super::directory;
use super::one;
use super::update;
use crate::server::scim_faults::Fault;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::Quirks;
use crate::server::scim_faults::When;

async fn with_ada(quirks: Quirks) -> FaultServer {
    let server = FaultServer::with(quirks).await;
    server.put(&json!({
        "userName": "ada", "title": "Lady", "displayName": "Ada", "name": { "givenName": "Ada", "familyName": "Byron" },
        "emails": [{ "type": "home", "value": "ada@example.org" }],
    }));
    server
}

const BOTH: [(&str, &str, &str); 2] = [("title", "Lady", "Countess"), ("displayName", "Ada", "Ada King")];

#[tokio::test]
async fn a_patch_without_effect_is_found_out() {
    for tells in [false, true] {
        let quirks = Quirks { patched_without_effect: &["title"], patch_tells: tells, put: false, ..Quirks::default() };
        let server = with_ada(quirks).await;
        let directory = directory(&server);
        let ada = one(&directory, "ada").await;
        let done = ask(&directory, Operation::Update(update(&ada, &BOTH))).await.expect("the rest was done");
        let Done::ChangedBut(why) = &done else { panic!("{tells}: {done:?}") };
        assert!(why.contains("title") && !why.contains("displayName"), "{why}");
        let after = server.user("ada").expect("there");
        assert_eq!((&after["title"], &after["displayName"]), (&json!("Lady"), &json!("Ada King")));
    }
}

#[tokio::test]
async fn what_patch_does_not_do_is_done_by_put() {
    let server = with_ada(Quirks { patch_without_effect: true, ..Quirks::default() }).await;
    let directory = directory(&server);
    let ada = one(&directory, "ada").await;
    let mut off = update(&ada, &BOTH);
    off.enabled = Some(false);
    assert_eq!(ask(&directory, Operation::Update(off)).await, Ok(Done::Changed));
    let after = server.user("ada").expect("there");
    assert_eq!((&after["title"], &after["displayName"]), (&json!("Countess"), &json!("Ada King")));
    assert_eq!(after["active"], false);
    // What nobody asked to change is as it was.
    assert_eq!(after["emails"], json!([{ "type": "home", "value": "ada@example.org" }]));
    assert_eq!(after["name"]["givenName"], "Ada");
}

#[tokio::test]
async fn nobody_is_said_to_be_off_who_is_not() {
    let server = with_ada(Quirks { patched_without_effect: &["active"], put: false, ..Quirks::default() }).await;
    let directory = directory(&server);
    let ada = one(&directory, "ada").await;
    let mut off = update(&ada, &[]);
    off.enabled = Some(false);
    let answer = ask(&directory, Operation::Update(off)).await;
    assert!(!matches!(answer, Ok(Done::Changed | Done::AlreadySo)), "{answer:?}");
    assert_eq!(server.user("ada").expect("there")["active"], true);
}

#[tokio::test]
async fn one_refused_attribute_does_not_hinder_the_others() {
    for quirks in [
        Quirks { refused: &["title"], put: false, ..Quirks::default() },
        Quirks { immutable: &["title"], ..Quirks::default() },
    ] {
        let server = with_ada(quirks).await;
        let directory = directory(&server);
        let ada = one(&directory, "ada").await;
        let done = ask(&directory, Operation::Update(update(&ada, &BOTH))).await.expect("the rest was done");
        let Done::ChangedBut(why) = &done else { panic!("{done:?}") };
        assert!(why.contains("title") && !why.contains("displayName"), "{why}");
        let after = server.user("ada").expect("there");
        assert_eq!((&after["title"], &after["displayName"]), (&json!("Lady"), &json!("Ada King")));
    }
}

#[tokio::test]
async fn a_service_that_takes_one_operation_at_a_time_gets_them_so() {
    let server = with_ada(Quirks { one_operation: true, put: false, ..Quirks::default() }).await;
    let directory = directory(&server);
    let ada = one(&directory, "ada").await;
    assert_eq!(ask(&directory, Operation::Update(update(&ada, &BOTH))).await, Ok(Done::Changed));
    let after = server.user("ada").expect("there");
    assert_eq!((&after["title"], &after["displayName"]), (&json!("Countess"), &json!("Ada King")));
}

#[tokio::test]
async fn not_found_in_answer_to_a_write_is_no_deletion() {
    for fault in [Fault::Html(404), Fault::Refused(404, None)] {
        let server = with_ada(Quirks::default()).await;
        let directory = directory(&server);
        let ada = one(&directory, "ada").await;
        server.fail(When::every(Method::PATCH, "/Users"), fault.clone());
        server.fail(When::every(Method::PUT, "/Users"), fault.clone());
        let answer = ask(&directory, Operation::Update(update(&ada, &BOTH))).await;
        assert!(answer.is_err(), "{fault:?}: {answer:?}");
        one(&directory, "ada").await;
        assert_eq!(server.requests_of(&Method::POST, "/Users").len(), 0, "nobody is created in her place");
    }
}

#[tokio::test]
async fn what_somebody_else_writes_meanwhile_is_not_overwritten() {
    let server = with_ada(Quirks::default()).await;
    let directory = directory(&server);
    let ada = one(&directory, "ada").await;
    server.fail(When::next(Method::PATCH, "/Users"), Fault::Refused(412, None));
    let answer = ask(&directory, Operation::Update(update(&ada, &BOTH))).await;
    assert!(
        matches!(&answer, Ok(Done::Changed)) || answer.as_ref().is_err_and(|f| f.next == Next::LookAgain),
        "{answer:?}"
    );
    let patches = server.requests_of(&Method::PATCH, "/Users");
    assert!(patches.iter().all(|request| request.headers.contains_key("if-match")), "{patches:?}");
}

#[tokio::test]
async fn a_delete_that_only_switches_off_is_told() {
    let server = with_ada(Quirks { soft_delete: true, ..Quirks::default() }).await;
    let directory = directory(&server);
    let ada = one(&directory, "ada").await;
    let fault = ask(&directory, Operation::Delete { id: ada.id, username: ada.username }).await.expect_err("kept");
    assert!(fault.reason.contains("switched this one off"), "{fault}");
}
