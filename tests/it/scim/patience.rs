//! How fast a service is asked, and where credentials go.

use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::time::Duration;
use std::time::Instant;

use axum::http::Method;
use rosterd::roster::forecast::Rate;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use serde_json::json;

use super::apply;
use super::ask;
use super::directory;
use super::directory_with;
use super::one;
use super::person;
use super::update;
use crate::server::scim_faults::Fault;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::Quirks;
use crate::server::scim_faults::RetryAfter;
use crate::server::scim_faults::TOKEN;
use crate::server::scim_faults::When;

fn people(n: usize) -> Vec<Operation> {
    (0..n).map(|n| Operation::Create(person(&format!("person{n:03}"), &[]))).collect()
}

fn all_created(answers: &[Result<Done, rosterd::roster::fault::Fault>]) {
    for answer in answers {
        assert!(matches!(answer, Ok(Done::Created(_))), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rate_is_never_exceeded_in_any_second() {
    let server = FaultServer::with(Quirks { latency: Duration::from_millis(20), ..Quirks::default() }).await;
    let directory = directory_with(&server, |settings| {
        settings.max_rate = Some(Rate::per_second(NonZeroU32::new(20).expect("not zero")));
        settings.in_flight = NonZeroUsize::new(3);
    });
    let started = Instant::now();
    all_created(&apply(&directory, &people(60)).await);
    let requests = server.requests().len();
    assert!(server.most_within(Duration::from_secs(1)) <= 20, "{}", server.most_within(Duration::from_secs(1)));
    assert!(server.most_in_flight() <= 3, "{}", server.most_in_flight());
    let least = Duration::from_secs((requests as u64 - 20) / 20);
    assert!(started.elapsed() >= least, "{requests} requests in {:?}", started.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_target_waits_as_long_as_the_service_asks() {
    for wait in [RetryAfter::Seconds(2), RetryAfter::Date(Duration::from_millis(2900)), RetryAfter::Reset(2)] {
        let server = FaultServer::start().await;
        let directory = directory(&server);
        all_created(&apply(&directory, &people(1)).await);
        server.forget();
        server.fail(When::every(Method::POST, "/Users").after(3).times(1), Fault::TooMany(Some(wait)));
        let answers = apply(&directory, &people(13)[1..]).await;
        all_created(&answers);
        let requests = server.requests();
        let busy = requests.iter().filter(|request| request.method == Method::POST).nth(3).expect("the fourth").at;
        // What was under way already may still arrive.
        let settled = busy + Duration::from_millis(300);
        let early: Vec<_> = requests
            .iter()
            .filter(|request| request.at > settled && request.at < busy + Duration::from_millis(1700))
            .collect();
        assert!(early.is_empty(), "{wait:?}: {early:?}");
        assert_eq!(server.users().len(), 13);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_is_slower_than_it_says_gets_everybody_once() {
    let server = FaultServer::with(Quirks { rate: Some(15), ..Quirks::default() }).await;
    let directory = directory(&server);
    let answers = apply(&directory, &people(40)).await;
    for answer in &answers {
        let is_fine = matches!(answer, Ok(Done::Created(_)));
        assert!(is_fine, "{answer:?}");
    }
    assert_eq!(server.users().len(), 40);
}

#[tokio::test]
async fn credentials_go_nowhere_else() {
    let other = FaultServer::start().await;
    let elsewhere = other.base();
    // Redirects to another origin are not followed, and addresses of another origin are not asked.
    for status in [301, 302, 307, 308] {
        let server = FaultServer::start().await;
        let directory = directory(&server);
        super::read(&directory, super::named(&["nobody"])).await.expect("readable");
        server.fail(When::every(Method::POST, "/Users"), Fault::Redirect(status, format!("{elsewhere}/Users")));
        server.fail(When::every(Method::GET, "/Users"), Fault::Redirect(status, format!("{elsewhere}/Users")));
        assert!(ask(&directory, Operation::Create(person("ada", &[]))).await.is_err(), "{status}");
        assert!(super::read(&directory, super::named(&["ada"])).await.is_err(), "{status}");
    }
    let server =
        FaultServer::with(Quirks { location: Some(format!("{elsewhere}/Users/1")), ..Quirks::default() }).await;
    let directory = directory(&server);
    ask(&directory, Operation::Create(person("ada", &[]))).await.expect("created");
    let ada = one(&directory, "ada").await;
    ask(&directory, Operation::Update(update(&ada, &[("title", "", "Dr")]))).await.expect("changed");
    assert_eq!(other.requests().len(), 0, "{:?}", other.requests());
}

#[tokio::test]
async fn no_fault_repeats_what_is_secret() {
    let server = FaultServer::with(Quirks { echoes: true, refused_values: &["refused"], ..Quirks::default() }).await;
    let directory = directory(&server);
    let password = "first Password 1 \"\\ \u{fc}";
    let create = Create { password: Some(password.into()), ..person("ada", &[("title", "refused")]) };
    let fault = ask(&directory, Operation::Create(create)).await.expect_err("refused");
    server.put(&json!({ "userName": "bob" }));
    let taken = Create { password: Some(password.into()), ..person("bob", &[]) };
    let taken = ask(&directory, Operation::Create(taken)).await.expect_err("taken");
    for shown in [format!("{fault} {fault:?}"), format!("{taken} {taken:?}"), format!("{directory:?}")] {
        assert!(!shown.contains(TOKEN), "{shown}");
        assert!(!shown.contains("first Password"), "{shown}");
    }
}
