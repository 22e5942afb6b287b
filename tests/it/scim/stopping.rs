//! A run that is to end does not wait for a service that wants to be left alone.

use std::time::Duration;
use std::time::Instant;

use axum::http::Method;
use rosterd::directory::Directory;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::apply;
use super::directory;
use super::one;
use super::person;
use super::read;
use super::update;
use crate::server::scim_faults::Fault;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::RetryAfter;
use crate::server::scim_faults::When;

const AWHILE: Duration = Duration::from_millis(500);
/// Longer than it takes to end, and much shorter than the service asks for.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_pause_ends_when_the_run_is_to_end() {
    for fault in [Fault::TooMany(Some(RetryAfter::Seconds(900))), Fault::Unavailable(Some(RetryAfter::Seconds(900)))] {
        let server = FaultServer::start().await;
        server.put(&json!({ "userName": "ada", "title": "Lady" }));
        let directory = directory(&server);
        let stop = CancellationToken::new();
        directory.heed(&stop);
        let ada = one(&directory, "ada").await;
        server.fail(When::every(Method::POST, "/Users").after(2), fault.clone());
        server.forget();
        let mut batch: Vec<Operation> =
            (0..20).map(|n| Operation::Create(person(&format!("person{n:02}"), &[]))).collect();
        batch.push(Operation::Update(update(&ada, &[("title", "Lady", "Countess")])));
        let began = Instant::now();
        let told = async {
            tokio::time::sleep(AWHILE).await;
            assert!(began.elapsed() < SOON);
            stop.cancel();
        };
        let (answers, ()) = tokio::join!(apply(&directory, &batch), told);
        assert!((AWHILE..SOON).contains(&began.elapsed()), "{fault:?}: {:?}", began.elapsed());
        for (n, answer) in answers.iter().take(20).enumerate() {
            let is_there = server.user(&format!("person{n:02}")).is_some();
            match answer {
                Ok(Done::Created(_)) => assert!(is_there),
                Ok(other) => panic!("{other:?}"),
                // A service that says that it is away may have begun: that is for a look to tell.
                Err(known) if !is_there && matches!(fault, Fault::Unavailable(_)) => {
                    assert!(matches!(known.next, Next::Retry | Next::LookAgain), "{known:?}");
                }
                Err(known) if !is_there => assert_eq!(known.next, Next::Retry, "{fault:?}: {known:?}"),
                Err(known) => assert_ne!(known.next, Next::RejectRow, "{fault:?}: {known:?}"),
            }
        }
        assert!(answers.iter().any(|answer| answer.as_ref().is_err_and(|known| known.next == Next::Retry)));
        // Nothing is begun after that, and no read waits either.
        server.forget();
        let began = Instant::now();
        let late = apply(&directory, &[Operation::Create(person("eve", &[]))]).await;
        assert_eq!(late[0].as_ref().expect_err("too late").next, Next::Retry);
        assert_eq!(read(&directory, super::named(&["ada"])).await.expect_err("in peace").next, Next::Retry);
        assert!(began.elapsed() < SOON && server.requests().is_empty(), "{:?}", server.requests());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_may_have_been_done_stays_unknown() {
    let server = FaultServer::start().await;
    server.put(&json!({ "userName": "ada", "title": "Lady" }));
    let directory = directory(&server);
    let stop = CancellationToken::new();
    directory.heed(&stop);
    let ada = one(&directory, "ada").await;
    server.set(|quirks| quirks.etag = false);
    // It is done without an answer, sent again since it may be, and then the service wants peace.
    server.fail(When::next(Method::PATCH, "/Users"), Fault::DoneButClosed);
    server.fail(When::every(Method::PATCH, "/Users"), Fault::TooMany(Some(RetryAfter::Seconds(900))));
    let batch = [Operation::Update(update(&ada, &[("title", "Lady", "Countess")]))];
    let told = async {
        tokio::time::sleep(2 * AWHILE).await;
        stop.cancel();
    };
    let began = Instant::now();
    let (answers, ()) = tokio::join!(apply(&directory, &batch), told);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let fault = answers[0].as_ref().expect_err("nobody knows");
    assert_eq!((fault.next, &fault.code), (Next::LookAgain, &None), "{fault:?}");
    assert_eq!(server.user("ada").expect("there")["title"], "Countess");
}
