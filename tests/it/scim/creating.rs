//! Creating accounts at services that do not say what they did.

use std::time::Duration;

use axum::http::Method;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use serde_json::json;

use super::apply;
use super::ask;
use super::directory;
use super::directory_with;
use super::one;
use super::person;
use crate::server::scim_faults::BulkQuirks;
use crate::server::scim_faults::Created;
use crate::server::scim_faults::Fault;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::Quirks;
use crate::server::scim_faults::RetryAfter;
use crate::server::scim_faults::StatusForm;
use crate::server::scim_faults::When;

#[tokio::test]
async fn the_new_account_is_found_whatever_the_answer_lacks() {
    for created in [
        Created::Proper,
        Created::WithoutId,
        Created::WithoutLocation,
        Created::WithoutBoth,
        Created::WithoutBody,
        Created::Ok,
    ] {
        let server = FaultServer::with(Quirks { created, ..Quirks::default() }).await;
        server.put(&json!({ "userName": "bob" }));
        let directory = directory(&server);
        let answer = ask(&directory, Operation::Create(person("ada", &[]))).await;
        let Ok(Done::Created(id)) = answer else { panic!("{created:?}: {answer:?}") };
        assert_eq!(id, one(&directory, "ada").await.id, "{created:?}");
        assert_eq!(server.requests_of(&Method::POST, "/Users").len(), 1, "{created:?}");
    }
}

#[tokio::test]
async fn nothing_is_posted_twice_when_nobody_knows_what_came_of_it() {
    for fault in [
        Fault::Closed,
        Fault::DoneButClosed,
        Fault::CutBody,
        Fault::DoneButSays(500),
        Fault::DoneButSays(502),
        Fault::DoneButSays(503),
        Fault::DoneButSays(504),
        Fault::Html(200),
        Fault::Html(502),
        Fault::Unavailable(None),
        Fault::Unavailable(Some(RetryAfter::Seconds(1))),
    ] {
        let server = FaultServer::start().await;
        let directory = directory(&server);
        server.fail(When::every(Method::POST, "/Users").times(1), fault.clone());
        let answer = ask(&directory, Operation::Create(person("ada", &[]))).await;
        assert_eq!(server.requests_of(&Method::POST, "/Users").len(), 1, "{fault:?}: {answer:?}");
        match answer {
            Ok(Done::Created(id)) => assert_eq!(id, one(&directory, "ada").await.id, "{fault:?}"),
            Err(known) => assert_eq!(known.next, Next::LookAgain, "{fault:?}: {known:?}"),
            Ok(other) => panic!("{fault:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_late_is_none_and_the_account_is_found_later() {
    let server = FaultServer::start().await;
    let directory = directory_with(&server, |settings| settings.spoken.timeouts.whole = Duration::from_millis(500));
    server.fail(When::next(Method::POST, "/Users"), Fault::Late(Duration::from_secs(5)));
    let fault = ask(&directory, Operation::Create(person("ada", &[]))).await.expect_err("nobody knows");
    assert_eq!(fault.next, Next::LookAgain, "{fault:?}");
    assert_eq!(server.requests_of(&Method::POST, "/Users").len(), 1);
    one(&directory, "ada").await;
}

#[tokio::test]
async fn who_is_busy_is_asked_again_until_it_is_done_once() {
    for fault in [Fault::TooMany(Some(RetryAfter::Seconds(1))), Fault::TooMany(None)] {
        let server = FaultServer::start().await;
        let directory = directory(&server);
        server.fail(When::every(Method::POST, "/Users").times(2), fault.clone());
        let answer = ask(&directory, Operation::Create(person("ada", &[]))).await;
        assert!(matches!(answer, Ok(Done::Created(_))), "{fault:?}: {answer:?}");
        assert_eq!(server.requests_of(&Method::POST, "/Users").len(), 3, "{fault:?}");
        assert_eq!(server.users().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn an_account_that_exists_and_is_shown_to_nobody_is_told_and_not_tried_again() {
    for status in [StatusForm::Text, StatusForm::Number, StatusForm::Code, StatusForm::Missing] {
        let server = FaultServer::with(Quirks { invisible: &["ada"], status, ..Quirks::default() }).await;
        let directory = directory(&server);
        let fault = ask(&directory, Operation::Create(person("Ada", &[]))).await.expect_err("it exists");
        assert_eq!(fault.next, Next::RejectRow, "{status:?}: {fault:?}");
        assert!(fault.reason.contains("shows none"), "{fault}");
        assert_eq!(server.requests_of(&Method::POST, "/Users").len(), 1);
    }
}

#[tokio::test]
async fn an_account_of_the_same_name_is_not_taken_over() {
    let server = FaultServer::start().await;
    let directory = directory(&server);
    super::read(&directory, super::named(&["nobody"])).await.expect("readable");
    // Somebody else creates it between the look and the write.
    server.put(&json!({ "userName": "ADA", "title": "Countess" }));
    let fault = ask(&directory, Operation::Create(person("ada", &[("title", "Usurper")]))).await.expect_err("taken");
    assert_eq!(fault.next, Next::LookAgain, "{fault:?}");
    assert_eq!(server.user("ada").expect("there")["title"], "Countess");
    // One that carries the id that only we give is the person's own.
    server.put(&json!({ "userName": "bob", "externalId": "E17", "title": "none" }));
    let create = person("bob", &[("externalId", "E17"), ("title", "Dr")]);
    let done = ask(&directory, Operation::Create(create)).await.expect("adopted");
    assert!(matches!(done, Done::ChangedBut(_)), "{done:?}");
    assert_eq!(server.user("bob").expect("there")["title"], "Dr");
    assert_eq!(server.users().len(), 2);
}

#[tokio::test]
async fn bulk_that_loses_operations_loses_nobody() {
    let odd = [
        BulkQuirks::PROPER,
        BulkQuirks { unanswered: Some(3), ..BulkQuirks::PROPER },
        BulkQuirks { lost: Some(4), ..BulkQuirks::PROPER },
        BulkQuirks { is_shuffled: true, status: StatusForm::Code, ..BulkQuirks::PROPER },
        BulkQuirks { status: StatusForm::Number, really: 5, ..BulkQuirks::PROPER },
        BulkQuirks { payload: 2000, ..BulkQuirks::PROPER },
        BulkQuirks { is_absent: true, ..BulkQuirks::PROPER },
    ];
    for bulk in odd {
        let server = FaultServer::with(Quirks { bulk: Some(bulk), ..Quirks::default() }).await;
        let directory = directory(&server);
        server.put(&json!({ "userName": "person07", "title": "there already" }));
        let batch: Vec<Operation> =
            (0..30).map(|n| Operation::Create(person(&format!("person{n:02}"), &[("title", "new")]))).collect();
        let answers = apply(&directory, &batch).await;
        for (n, answer) in answers.iter().enumerate() {
            let user = server.user(&format!("person{n:02}"));
            match answer {
                Ok(Done::Created(id)) => {
                    let user = user.unwrap_or_else(|| panic!("{bulk:?}: {n} is not there"));
                    assert_eq!((user["id"].as_str(), &user["title"]), (Some(&*id.stable), &json!("new")), "{bulk:?}");
                    assert_ne!(n, 7, "{bulk:?}");
                }
                Ok(other) => panic!("{bulk:?}: {n} is {other:?}"),
                Err(fault) => assert_eq!(fault.next, Next::LookAgain, "{bulk:?}: {n}: {fault}"),
            }
        }
        assert!(answers.iter().filter(|answer| answer.is_ok()).count() >= 19, "{bulk:?}: {answers:?}");
        assert_eq!(server.user("person07").expect("there")["title"], "there already", "{bulk:?}");
    }
}
