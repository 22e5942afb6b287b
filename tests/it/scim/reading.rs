//! Reading from services that answer something else than was asked for.

use axum::http::Method;
use rosterd::directory::Which;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use serde_json::json;

use super::ask;
use super::directory;
use super::named;
use super::one;
use super::person;
use super::read;
use super::update;
use super::usernames;
use crate::server::scim_faults::Discovery;
use crate::server::scim_faults::Fault;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::Filters;
use crate::server::scim_faults::Pages;
use crate::server::scim_faults::Quirks;
use crate::server::scim_faults::StatusForm;
use crate::server::scim_faults::ValueForm;
use crate::server::scim_faults::When;

async fn with_people(quirks: Quirks) -> FaultServer {
    let server = FaultServer::with(quirks).await;
    for name in ["bob", "Ada", "eve", "ida", "joe", "kim", "lea"] {
        server.put(&json!({ "userName": name, "title": "Dr", "name": { "familyName": "Byron" } }));
    }
    server
}

#[tokio::test]
async fn whatever_a_filter_does_nobody_else_is_taken_for_the_person() {
    for filters in
        [Filters::Proper, Filters::Ignored, Filters::Blind, Filters::CaseExact, Filters::Refused, Filters::UserNameOnly]
    {
        let server = with_people(Quirks { filters, ..Quirks::default() }).await;
        let directory = directory(&server);
        let found = read(&directory, named(&["ada", "zoe"])).await.expect("it can be read");
        assert_eq!(usernames(&found), ["Ada"], "{filters:?}");
        assert_eq!(usernames(&read(&directory, named(&["zoe"])).await.expect("readable")), [""; 0], "{filters:?}");
        let changed = update(&found[0], &[("title", "Dr", "Countess")]);
        assert_eq!(ask(&directory, Operation::Update(changed)).await, Ok(Done::Changed), "{filters:?}");
        for user in server.users() {
            let is_ada = user["userName"] == "Ada";
            assert_eq!(user["title"], if is_ada { "Countess" } else { "Dr" }, "{filters:?}: {user}");
        }
        let created = ask(&directory, Operation::Create(person("zoe", &[]))).await;
        assert!(matches!(created, Ok(Done::Created(_))), "{filters:?}: {created:?}");
        let again = ask(&directory, Operation::Create(person("zoe", &[]))).await;
        assert!(again.is_err(), "{filters:?}: {again:?}");
        assert_eq!(server.users().len(), 8, "{filters:?}");
    }
}

#[tokio::test]
async fn reading_ends_and_is_whole_or_a_fault_whatever_the_pages_are() {
    for pages in [Pages::Proper, Pages::Endless, Pages::First, Pages::Missing, Pages::Uncounted, Pages::Overlapping] {
        let server = with_people(Quirks { pages, page_max: 2, ..Quirks::default() }).await;
        let all = ["Ada", "bob", "eve", "ida", "joe", "kim", "lea"];
        match read(&directory(&server), Which::All).await {
            Ok(found) => assert_eq!(usernames(&found), all, "{pages:?}"),
            Err(fault) => assert!(!matches!(pages, Pages::Proper | Pages::Uncounted), "{pages:?}: {fault}"),
        }
        assert!(server.requests().len() < 40, "{pages:?}: {}", server.requests().len());
    }
}

#[tokio::test]
async fn cursors_are_followed_where_they_are_offered() {
    let server = with_people(Quirks { cursor: true, page_max: 2, ..Quirks::default() }).await;
    let found = read(&directory(&server), Which::All).await.expect("it can be read");
    assert_eq!(found.len(), 7);
    let pages = server.requests_of(&Method::GET, "/Users");
    assert!(pages.iter().any(|request| request.path.contains("cursor=after-2")), "{pages:?}");
}

#[tokio::test]
async fn a_page_for_people_is_no_empty_list() {
    for fault in [Fault::Html(200), Fault::Empty(200), Fault::Empty(204), Fault::Html(404)] {
        let server = with_people(Quirks::default()).await;
        let directory = directory(&server);
        one(&directory, "bob").await;
        server.fail(When::every(Method::GET, "/Users"), fault.clone());
        for which in [Which::All, named(&["bob"])] {
            let read = read(&directory, which).await;
            assert!(read.is_err(), "{fault:?}: {read:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_or_never_ends_is_no_answer() {
    for fault in [Fault::CutBody, Fault::Huge(80 << 20), Fault::Bomb(80 << 20)] {
        let server = with_people(Quirks::default()).await;
        let directory = directory(&server);
        one(&directory, "bob").await;
        server.fail(When::every(Method::GET, "/Users"), fault.clone());
        let read = read(&directory, Which::All).await;
        assert!(read.is_err(), "{fault:?}");
    }
}

#[tokio::test]
async fn services_that_write_values_in_their_own_way_are_read() {
    for values in [ValueForm::Proper, ValueForm::Loose, ValueForm::LowerCase] {
        for discovery in [Discovery::Proper, Discovery::Absent, Discovery::Denied, Discovery::Html, Discovery::Bare] {
            let shown = format!("{values:?} {discovery:?}");
            let status = StatusForm::Number;
            let server = with_people(Quirks { values, discovery, status, ..Quirks::default() }).await;
            let directory = directory(&server);
            let created = ask(&directory, Operation::Create(person("zoe", &[("title", "Dr")]))).await;
            assert!(matches!(created, Ok(Done::Created(_))), "{shown}: {created:?}");
            let zoe = one(&directory, "ZOE").await;
            assert!(zoe.enabled, "{shown}");
            let mut off = update(&zoe, &[("title", "Dr", "Prof")]);
            off.enabled = Some(false);
            assert_eq!(ask(&directory, Operation::Update(off)).await, Ok(Done::Changed), "{shown}");
            let zoe = one(&directory, "zoe").await;
            assert_eq!((zoe.enabled, zoe.attributes.first_text("title")), (false, Some("Prof")), "{shown}");
            assert_eq!(server.user("zoe").expect("there")["active"], false, "{shown}");
        }
    }
}

#[tokio::test]
async fn who_is_not_let_in_stops_at_once() {
    let server = with_people(Quirks::default()).await;
    let directory = directory(&server);
    let bob = one(&directory, "bob").await;
    server.fail(When::always(), Fault::Refused(401, None));
    server.forget();
    let batch: Vec<Operation> = (0..20).map(|n| Operation::Create(person(&format!("new{n}"), &[]))).collect();
    let mut answers = super::apply(&directory, &batch).await;
    answers.push(ask(&directory, Operation::Update(update(&bob, &[("title", "Dr", "Prof")]))).await);
    for answer in &answers {
        assert_eq!(answer.as_ref().map_err(|fault| fault.next), Err(Next::StopRun), "{answer:?}");
    }
    // Those that were under way, and none of the others.
    assert!(server.requests().len() <= 4, "{}", server.requests().len());
}
