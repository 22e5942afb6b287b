//! Several writes in one request: everything that is written, whatever becomes of the request.

use std::num::NonZeroU32;

use axum::http::Method;
use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::Which;
use rosterd::directory::scim::Scim;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Member;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::remark::Remark;
use serde_json::Value;
use serde_json::json;
use url::Url;

use super::apply;
use super::directory;
use super::directory_with;
use super::person;
use super::read;
use super::update;
use crate::contract::scim::settings;
use crate::server::eavesdropper::Eavesdropper;
use crate::server::scim::Kind;
use crate::server::scim::ScimServer;
use crate::server::scim_faults::BulkQuirks;
use crate::server::scim_faults::Fault;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::Quirks;
use crate::server::scim_faults::Recorded;
use crate::server::scim_faults::StatusForm;
use crate::server::scim_faults::When;

const N: usize = 30;

async fn with_people(bulk: BulkQuirks, change: impl FnOnce(&mut Quirks)) -> (FaultServer, Scim, Vec<ExistingAccount>) {
    let mut quirks = Quirks { bulk: Some(bulk), ..Quirks::default() };
    change(&mut quirks);
    let server = FaultServer::with(quirks).await;
    for n in 0..N {
        server.put(&json!({ "userName": format!("person{n:02}"), "title": "old" }));
    }
    let directory = directory(&server);
    let people = sorted(read(&directory, Which::All).await.expect("readable"));
    server.forget();
    (server, directory, people)
}

fn sorted(mut people: Vec<ExistingAccount>) -> Vec<ExistingAccount> {
    people.sort_by(|a, b| a.username.cmp(&b.username));
    people
}

fn titles(people: &[ExistingAccount]) -> Vec<Operation> {
    people.iter().map(|one| Operation::Update(update(one, &[("title", "old", "new")]))).collect()
}

fn switched_off(people: &[ExistingAccount]) -> Vec<Operation> {
    people.iter().map(|one| Operation::Update(Update { enabled: Some(false), ..update(one, &[]) })).collect()
}

fn deleted(people: &[ExistingAccount]) -> Vec<Operation> {
    people.iter().map(|one| Operation::Delete { id: one.id.clone(), username: one.username.clone() }).collect()
}

fn bulks(server: &FaultServer) -> Vec<Recorded> {
    server.requests_of(&Method::POST, "/Bulk")
}

/// Returns how many writes did not go in a bulk request.
fn n_alone(server: &FaultServer) -> usize {
    server.writes().iter().filter(|write| !write.path.starts_with("/Bulk")).count()
}

fn n_operations(bulk: &Recorded) -> usize {
    bulk.body["Operations"].as_array().map_or(0, Vec::len)
}

fn told(directory: &Scim) -> Vec<Remark> {
    directory.remarks().expect("it tells").told()
}

const PROPER: BulkQuirks = BulkQuirks { names_posts_only: true, ..BulkQuirks::PROPER };

#[tokio::test]
async fn all_kinds_of_writes_go_together() {
    for patch in [true, false] {
        let (server, directory, people) = with_people(PROPER, |quirks| quirks.patch = patch).await;
        assert_eq!(apply(&directory, &titles(&people)).await, vec![Ok(Done::Changed); N], "{patch}");
        assert!(server.users().iter().all(|user| user["title"] == "new"), "{patch}");
        assert_eq!(apply(&directory, &switched_off(&people)).await, vec![Ok(Done::Changed); N], "{patch}");
        assert!(server.users().iter().all(|user| user["active"] == false), "{patch}");
        for name in ["one", "two"] {
            server.put(&json!({ "displayName": name }));
        }
        let member = |one: &ExistingAccount| Member { id: one.id.clone(), username: one.username.clone() };
        let groups = ["one", "two"].map(|name| Operation::ChangeMembers {
            kind: GroupKind::Group,
            name: GroupName::new(name),
            add: people.iter().map(member).collect(),
            remove: Vec::new(),
        });
        assert_eq!(apply(&directory, &groups).await, [Ok(Done::Changed), Ok(Done::Changed)], "{patch}");
        let n_members = |group: &Value| group["members"].as_array().map(Vec::len);
        assert!(server.groups().iter().all(|group| n_members(group) == Some(N)), "{patch}");
        assert_eq!(apply(&directory, &deleted(&people)).await, vec![Ok(Done::Changed); N], "{patch}");
        assert_eq!(server.users().len(), 0);
        let bulks = bulks(&server);
        let sizes: Vec<usize> = bulks.iter().map(n_operations).collect();
        // The first has to show what they are good for.
        assert_eq!(sizes, [10, 20, 30, 2, 30], "{patch}");
        assert_eq!(n_alone(&server), 0, "{patch}");
        let methods =
            if patch { ["PATCH", "PATCH", "PATCH", "PATCH", "DELETE"] } else { ["PUT", "PUT", "PUT", "PUT", "DELETE"] };
        for (bulk, method) in bulks.iter().zip(methods) {
            for one in bulk.body["Operations"].as_array().expect("operations") {
                // Several changes of one group do not go with its version.
                let has_version =
                    method != "PATCH" || one["path"].as_str().is_some_and(|path| path.starts_with("/Users"));
                assert_eq!((&one["method"], one["version"].is_string()), (&json!(method), has_version), "{one}");
            }
        }
        assert_eq!(told(&directory), []);
    }
}

#[tokio::test]
async fn a_feed_with_a_rate_writes_one_after_the_other() {
    let (server, directory, people) = with_people(PROPER, |_| {}).await;
    let pace = Pace::per_second(NonZeroU32::new(1000).expect("not zero"));
    let answers = directory.apply(&titles(&people), &pace).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!((bulks(&server).len(), n_alone(&server)), (0, N));
}

#[tokio::test]
async fn nobody_is_lost_and_nothing_is_said_to_be_done_that_is_not() {
    let odd = [
        BulkQuirks { unanswered: Some(3), ..PROPER },
        BulkQuirks { lost: Some(4), ..BulkQuirks::PROPER },
        BulkQuirks { is_shuffled: true, status: StatusForm::Code, ..PROPER },
        BulkQuirks { status: StatusForm::Number, ..PROPER },
        BulkQuirks { status: StatusForm::Missing, ..PROPER },
    ];
    for bulk in odd {
        let (server, directory, people) = with_people(bulk, |_| {}).await;
        for off in [false, true] {
            let mut left: Vec<usize> = (0..N).collect();
            for _ in 0..20 {
                let some: Vec<ExistingAccount> = left.iter().map(|n| people[*n].clone()).collect();
                let answers = apply(&directory, &if off { switched_off(&some) } else { titles(&some) }).await;
                let mut again = Vec::new();
                for (n, answer) in left.into_iter().zip(answers) {
                    let user = server.user(&people[n].username).expect("there");
                    match answer {
                        Ok(_) if off => assert_eq!(user["active"], false, "{bulk:?}: {n}"),
                        Ok(_) => assert_eq!(user["title"], "new", "{bulk:?}: {n}"),
                        // What was done is seen when it is looked at: as this does.
                        Err(fault) => {
                            assert_eq!(fault.next, Next::LookAgain, "{bulk:?}: {n}: {fault}");
                            let is_done = if off { user["active"] == false } else { user["title"] == "new" };
                            again.extend((!is_done).then_some(n));
                        }
                    }
                }
                left = again;
                if left.is_empty() {
                    break;
                }
            }
            assert!(left.is_empty(), "{bulk:?}: {left:?}");
        }
        assert!(!bulks(&server).is_empty(), "{bulk:?}");
    }
}

#[tokio::test]
async fn no_request_is_larger_than_the_service_takes() {
    for bulk in [
        BulkQuirks { operations: 7, ..PROPER },
        BulkQuirks { payload: 2000, ..PROPER },
        BulkQuirks { really: 5, ..PROPER },
    ] {
        let (server, directory, people) = with_people(bulk, |_| {}).await;
        assert_eq!(apply(&directory, &titles(&people)).await, vec![Ok(Done::Changed); N], "{bulk:?}");
        let bulks = bulks(&server);
        for request in &bulks {
            assert!(n_operations(request) <= bulk.operations, "{bulk:?}: {request:?}");
            assert!(request.text.len() <= bulk.payload, "{bulk:?}: {} octets", request.text.len());
        }
        let n_refused = bulks.iter().filter(|request| n_operations(request) > bulk.really).count();
        assert_eq!(n_refused, usize::from(bulk.really == 5), "a limit is learned once: {bulk:?}");
        assert!(
            bulks.len() > 3 && n_alone(&server) < bulks.len(),
            "{bulk:?}: {} and {}",
            bulks.len(),
            n_alone(&server)
        );
        assert_eq!(told(&directory), [], "{bulk:?}");
    }
}

#[tokio::test]
async fn a_service_without_bulk_after_all_is_written_one_by_one_and_that_is_told_once() {
    let broken: [(BulkQuirks, Option<Fault>); 6] = [
        (BulkQuirks { is_absent: true, ..PROPER }, None),
        (BulkQuirks { really: 1, ..PROPER }, None),
        (PROPER, Some(Fault::Refused(400, Some("invalidSyntax")))),
        (PROPER, Some(Fault::Refused(403, None))),
        (PROPER, Some(Fault::Refused(500, None))),
        (PROPER, Some(Fault::Html(200))),
    ];
    for (bulk, fault) in broken {
        let (server, directory, people) = with_people(bulk, |_| {}).await;
        if let Some(fault) = &fault {
            server.fail(When::every(Method::POST, "/Bulk"), fault.clone());
        }
        for _ in 0..2 {
            apply(&directory, &titles(&people)).await;
        }
        let lacks = Remark::DoesWithout("bulk requests".to_owned());
        assert_eq!(told(&directory), [lacks], "{bulk:?} {fault:?}");
        assert!(server.users().iter().all(|user| user["title"] == "new"), "{bulk:?} {fault:?}");
        let n = bulks(&server).len();
        assert!((1..=4).contains(&n), "{bulk:?} {fault:?}: {n}");
        assert_eq!(n_alone(&server), N, "{bulk:?} {fault:?}");
    }
}

#[tokio::test]
async fn a_method_that_goes_by_itself_only_does_so_from_then_on() {
    let (server, directory, people) = with_people(BulkQuirks { does_posts_only: true, ..PROPER }, |_| {}).await;
    assert_eq!(apply(&directory, &titles(&people)).await, vec![Ok(Done::Changed); N]);
    assert_eq!(n_alone(&server), N, "PATCH is still there");
    let n = bulks(&server).len();
    assert_eq!(apply(&directory, &switched_off(&people)).await, vec![Ok(Done::Changed); N]);
    assert_eq!(bulks(&server).len(), n);
    let new: Vec<Operation> = (0..N).map(|n| Operation::Create(person(&format!("new{n}"), &[]))).collect();
    assert!(apply(&directory, &new).await.iter().all(Result::is_ok));
    assert_eq!(bulks(&server).len(), n + 1);
    assert_eq!(told(&directory), [Remark::DoesWithout("bulk requests with PATCH".to_owned())]);
}

#[tokio::test]
async fn what_is_written_together_is_proved_like_what_is_written_alone() {
    let without_effect = |quirks: &mut Quirks| quirks.patched_without_effect = &["title"];
    let (server, _, people) = with_people(PROPER, without_effect).await;
    let directory = directory_with(&server, |settings| settings.overrides.put = Some(false));
    let answers = apply(&directory, &titles(&people)).await;
    assert!(answers.iter().all(|answer| matches!(answer, Ok(Done::ChangedBut(_)))), "{answers:?}");
    assert_eq!(told(&directory), [Remark::NotStored("title".to_owned())]);
    server.set(|quirks| quirks.patched_without_effect = &["active"]);
    let answers = apply(&directory, &switched_off(&people)).await;
    assert!(answers.iter().all(Result::is_err), "nobody is said to be off who is not: {answers:?}");
    // Somebody else has changed one of them.
    let (server, directory, people) = with_people(PROPER, |_| {}).await;
    server.remove("person03");
    server.put(&json!({ "userName": "person03", "title": "other" }));
    let answers = apply(&directory, &titles(&people)).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), N - 1);
    assert_eq!(answers[3].as_ref().expect_err("gone").next, Next::LookAgain);
    assert_eq!(server.user("person03").expect("there")["title"], "other");
}

#[tokio::test]
async fn no_answer_to_a_bulk_request_repeats_what_is_secret() {
    let quirks = Quirks { bulk: Some(PROPER), refused_values: &["refused"], ..Quirks::default() };
    let server = FaultServer::with(quirks).await;
    let directory = directory(&server);
    let secret = "Tr0ub \"4dor";
    let new =
        |n: usize| Create { password: Some(secret.into()), ..person(&format!("{secret}{n}"), &[("title", "refused")]) };
    let answers = apply(&directory, &[Operation::Create(new(0)), Operation::Create(new(1))]).await;
    assert_eq!(bulks(&server).len(), 1);
    for answer in answers {
        let shown = format!("{:?}", answer.expect_err("refused"));
        assert!(!shown.contains("Tr0ub"), "{shown}");
    }
}

/// scim2-server, heard from outside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_service_is_written_in_bulk() {
    for (kind, most) in [(Kind::Scim2, 500), (Kind::Limited, 10)] {
        let tenant = ScimServer::shared(kind).tenant();
        let between = Eavesdropper::before(tenant.base.port().expect("a port"));
        let mut base: Url = tenant.base.clone();
        base.set_port(Some(between.port)).expect("a port");
        let directory = Scim::new(settings(&base, tenant.token())).expect("good settings");
        let n_requests = |method: &str| between.count(&format!("{method} {}", base.path()));
        let n_bulk = || n_requests("POST") - between.count(&format!("POST {}/Users", base.path()));
        let new: Vec<Operation> =
            (0..N).map(|n| Operation::Create(person(&format!("person{n:02}"), &[("title", "old")]))).collect();
        let answers = apply(&directory, &new).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(Done::Created(_)))), "{kind:?}: {answers:?}");
        let people = sorted(read(&directory, Which::All).await.expect("readable"));
        assert_eq!(people.len(), N);
        assert_eq!(apply(&directory, &titles(&people)).await, vec![Ok(Done::Changed); N], "{kind:?}");
        assert_eq!(apply(&directory, &switched_off(&people)).await, vec![Ok(Done::Changed); N], "{kind:?}");
        let after = read(&directory, Which::All).await.expect("readable");
        assert!(after.iter().all(|one| !one.enabled && one.attributes.first_text("title") == Some("new")), "{kind:?}");
        assert_eq!(apply(&directory, &deleted(&people)).await, vec![Ok(Done::Changed); N], "{kind:?}");
        assert_eq!(tenant.users().await.len(), 0, "{kind:?}");
        let n_alone: usize = ["PATCH", "PUT", "DELETE"].map(n_requests).iter().sum();
        assert_eq!(n_requests("POST"), n_bulk(), "{kind:?}");
        let least = 4 * N.div_ceil(most);
        assert!((least..=4 * least).contains(&n_bulk()), "{kind:?}: {} bulk requests", n_bulk());
        assert_eq!((n_alone, told(&directory)), (0, Vec::new()), "{kind:?}");
    }
}

#[tokio::test]
async fn without_bulk_in_the_settings_nothing_goes_together() {
    let (server, _, people) = with_people(PROPER, |_| {}).await;
    let directory = directory_with(&server, |settings| settings.bulk = false);
    assert_eq!(apply(&directory, &titles(&people)).await, vec![Ok(Done::Changed); N]);
    assert_eq!((bulks(&server).len(), n_alone(&server)), (0, N));
}
