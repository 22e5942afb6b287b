//! The fault server does all as the RFCs say unless it is told otherwise; then it does that.

use std::time::Duration;
use std::time::Instant;

use axum::http::Method;
use serde_json::Value;
use serde_json::json;

use crate::server::scim_faults::BulkQuirks;
use crate::server::scim_faults::Fault;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::OWN;
use crate::server::scim_faults::Pages;
use crate::server::scim_faults::Quirks;
use crate::server::scim_faults::RetryAfter;
use crate::server::scim_faults::StatusForm;
use crate::server::scim_faults::ValueForm;
use crate::server::scim_faults::When;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

async fn ask(server: &FaultServer, method: Method, path: &str, body: Option<&Value>) -> reqwest::Result<(u16, Value)> {
    let request = reqwest::Client::new().request(method, format!("{}{path}", server.base()));
    let request = request.header("Authorization", format!("Bearer {}", crate::server::scim_faults::TOKEN));
    let answer = request.body(body.map(Value::to_string).unwrap_or_default()).send().await?;
    let status = answer.status().as_u16();
    let octets = answer.bytes().await?;
    Ok((status, serde_json::from_slice(&octets).unwrap_or_default()))
}

async fn get(server: &FaultServer, path: &str) -> Value {
    let (status, body) = ask(server, Method::GET, path, None).await.expect("an answer");
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn names(list: &Value) -> Vec<&str> {
    let resources = list["Resources"].as_array().expect("a list");
    resources.iter().map(|resource| resource["userName"].as_str().expect("a name")).collect()
}

async fn patched(server: &FaultServer, id: &str, operations: Value) -> u16 {
    let body = json!({ "Operations": operations });
    ask(server, Method::PATCH, &format!("/Users/{id}"), Some(&body)).await.expect("an answer").0
}

#[tokio::test]
async fn filters_select() {
    let server = FaultServer::start().await;
    server.put(
        &json!({ "userName": "Ada", "externalId": "E1", "emails": [{ "type": "work", "value": "ada@example.org" }] }),
    );
    server.put(
        &json!({ "userName": "bob", "externalId": "e1", "active": false, ENTERPRISE: { "employeeNumber": "17" } }),
    );
    server.put(&json!({ "userName": "a\"b\\c" }));
    for (filter, found) in [
        (r#"userName eq "ada""#, vec!["Ada"]),
        (r#"USERNAME Eq "ADA""#, vec!["Ada"]),
        (r#"externalId eq "e1""#, vec!["bob"]),
        (r#"userName eq "ada" or userName eq "bob""#, vec!["Ada", "bob"]),
        (r#"userName eq "ada" and active eq true"#, vec!["Ada"]),
        (r#"not (active eq true)"#, vec!["bob"]),
        (r#"emails.value eq "ADA@example.org""#, vec!["Ada"]),
        (r#"emails eq "ada@example.org""#, vec!["Ada"]),
        (r#"emails[type eq "work" and value co "example"]"#, vec!["Ada"]),
        (r#"emails[type eq "home" and value co "example"]"#, vec![]),
        (r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq "17""#, vec!["bob"]),
        (r#"userName eq "a\"b\\c""#, vec!["a\"b\\c"]),
        (r#"userName eq "*""#, vec![]),
        (r#"emails pr"#, vec!["Ada"]),
    ] {
        let query: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        assert_eq!(names(&get(&server, &format!("/Users?filter={query}")).await), found, "{filter}");
    }
    let (status, error) = ask(&server, Method::GET, "/Users?filter=userName%20is%20x", None).await.expect("an answer");
    assert_eq!((status, error["scimType"].as_str()), (400, Some("invalidFilter")));
}

#[tokio::test]
async fn patches_do_all_or_nothing() {
    let server = FaultServer::start().await;
    let id = server.put(&json!({
        "userName": "ada", "title": "Lady", "name": { "givenName": "Ada", "familyName": "Byron" },
        "emails": [{ "type": "work", "value": "w@example.org" }, { "type": "home", "value": "h@example.org" }],
    }));
    let department = format!("{ENTERPRISE}:department");
    let status = patched(
        &server,
        &id,
        json!([
            { "op": "replace", "path": "emails[type eq \"work\"].value", "value": "new@example.org" },
            { "op": "Replace", "path": "name.familyName", "value": "King" },
            { "op": "remove", "path": "title" },
            { "op": "add", "path": department, "value": "Analysis" },
            { "op": "add", "path": format!("{OWN}:departments"), "value": ["one", "two"] },
            { "op": "replace", "path": "active", "value": false },
        ]),
    );
    assert_eq!(status.await, 204);
    let ada = server.user("ada").expect("she is there");
    assert_eq!(ada["emails"][0]["value"], "new@example.org");
    assert_eq!(ada["emails"][1]["value"], "h@example.org");
    assert_eq!(ada["name"], json!({ "givenName": "Ada", "familyName": "King" }));
    assert_eq!((ada.get("title"), &ada["active"]), (None, &Value::from(false)));
    assert_eq!(
        (&ada[ENTERPRISE]["department"], &ada[OWN]["departments"]),
        (&json!("Analysis"), &json!(["one", "two"]))
    );
    assert_eq!(ada["schemas"], json!([USER, ENTERPRISE, OWN]));

    for bad in [
        json!({ "op": "replace", "path": "id", "value": "9" }),
        json!({ "op": "replace", "path": "shoeSize", "value": "9" }),
        json!({ "op": "replace", "path": "emails[type eq \"other\"].value", "value": "x" }),
        json!({ "op": "replace", "path": "title", "value": ["a", "b"] }),
        json!({ "op": "replace", "path": "active", "value": "False" }),
        json!({ "op": "change", "path": "title", "value": "x" }),
    ] {
        let status = patched(&server, &id, json!([{ "op": "replace", "path": "title", "value": "Dr" }, bad])).await;
        assert_eq!((status, server.user("ada").expect("she is there").get("title")), (400, None), "{bad}");
    }
}

#[tokio::test]
async fn groups_know_their_members_and_forget_who_is_deleted() {
    let server = FaultServer::start().await;
    let ada = server.put(&json!({ "userName": "ada" }));
    let group = server.put(&json!({ "displayName": "staff", "members": [{ "value": ada }] }));
    assert_eq!(server.user("ada").expect("she is there")["groups"][0]["value"], group.as_str());
    server.remove("ada");
    assert_eq!(server.group("staff").expect("it is there").get("members"), None);
    let body = json!({ "displayName": "other", "members": [{ "value": "4711" }] });
    assert_eq!(ask(&server, Method::POST, "/Groups", Some(&body)).await.expect("an answer").0, 400);
}

#[tokio::test]
async fn pages_are_as_they_are_told_to_be() {
    let server = FaultServer::with(Quirks { page_max: 2, ..Quirks::default() }).await;
    for n in 0..5 {
        server.put(&json!({ "userName": format!("user-{n}") }));
    }
    let page = get(&server, "/Users?startIndex=5&count=9").await;
    assert_eq!((names(&page), &page["totalResults"]), (vec!["user-4"], &json!(5)));
    assert_eq!(names(&get(&server, "/Users?startIndex=9").await).len(), 0);
    server.set(|quirks| quirks.pages = Pages::Endless);
    let page = get(&server, "/Users?startIndex=901").await;
    assert!(names(&page).len() == 2 && page["totalResults"].as_u64() > Some(901), "{page}");
    server.set(|quirks| quirks.pages = Pages::Missing);
    let page = get(&server, "/Users?startIndex=3").await;
    assert_eq!((names(&page).len(), &page["totalResults"]), (0, &json!(5)));
    server.set(|quirks| (quirks.pages, quirks.cursor) = (Pages::Proper, true));
    let mut path = "/Users?cursor".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = get(&server, &path).await;
        seen.extend(names(&page).into_iter().map(str::to_owned));
        let Some(cursor) = page["nextCursor"].as_str() else { break };
        path = format!("/Users?cursor={cursor}");
    }
    assert_eq!(seen, ["user-0", "user-1", "user-2", "user-3", "user-4"]);
}

#[tokio::test]
async fn bulk_loses_what_it_is_told_to_lose() {
    let bulk = BulkQuirks { lost: Some(3), unanswered: Some(2), status: StatusForm::Code, ..BulkQuirks::PROPER };
    let server = FaultServer::with(Quirks { bulk: Some(bulk), ..Quirks::default() }).await;
    let user = |n: u32| json!({ "method": "POST", "path": "/Users", "bulkId": format!("b{n}"), "data": { "userName": format!("user-{n}") } });
    let body = json!({ "Operations": [user(1), user(2), user(3), user(4)] });
    let (status, answer) = ask(&server, Method::POST, "/Bulk", Some(&body)).await.expect("an answer");
    assert_eq!(status, 200);
    let told: Vec<_> =
        answer["Operations"].as_array().expect("a list").iter().map(|o| (&o["bulkId"], &o["status"]["code"])).collect();
    assert_eq!(told, [(&json!("b1"), &json!("201"))]);
    assert_eq!(server.users().len(), 3);
}

#[tokio::test]
async fn faults_happen_when_they_are_told_to() {
    let server = FaultServer::start().await;
    let ada = json!({ "userName": "ada" });
    server.fail(When::next(Method::POST, "/Users"), Fault::TooMany(Some(RetryAfter::Seconds(3))));
    server.fail(When::next(Method::POST, "/Users"), Fault::Closed);
    server.fail(When::next(Method::POST, "/Users"), Fault::CutBody);
    assert_eq!(ask(&server, Method::POST, "/Users", Some(&ada)).await.expect("an answer").0, 429);
    assert!(ask(&server, Method::POST, "/Users", Some(&ada)).await.is_err());
    assert_eq!(server.users().len(), 0, "nothing was done");
    assert!(ask(&server, Method::POST, "/Users", Some(&ada)).await.is_err());
    assert_eq!(server.users().len(), 1, "it was done");
    assert_eq!(ask(&server, Method::POST, "/Users", Some(&ada)).await.expect("an answer").0, 409);
    server.fail(When::every(Method::GET, "/Users").after(1).times(1), Fault::Html(200));
    let answers = [get(&server, "/Users").await, get(&server, "/Users").await, get(&server, "/Users").await];
    assert_eq!(answers.map(|answer| answer.is_null()), [false, true, false]);
    assert_eq!(server.requests_of(&Method::POST, "/Users").len(), 4);
    server.fail(When::always(), Fault::DoneButClosed);
    assert!(ask(&server, Method::DELETE, "/Users/1", None).await.is_err());
    assert_eq!(server.users().len(), 0);
}

#[tokio::test]
async fn the_rate_is_kept_and_recorded() {
    let server = FaultServer::with(Quirks { rate: Some(3), ..Quirks::default() }).await;
    let started = Instant::now();
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(ask(&server, Method::GET, "/Users", None).await.expect("an answer").0);
    }
    assert!(started.elapsed() < Duration::from_secs(1), "the machine is too slow for this test");
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(server.most_within(Duration::from_secs(1)), 5);
}

#[tokio::test]
async fn values_have_the_form_they_are_told_to_have() {
    let server = FaultServer::with(Quirks { values: ValueForm::Loose, ..Quirks::default() }).await;
    server.put(&json!({ "userName": "ada" }));
    let list = get(&server, "/Users").await;
    let ada = &list["Resources"][0];
    assert_eq!((&list["totalResults"], &ada["id"], &ada["active"]), (&json!("1"), &json!(1), &json!("True")));
    server.set(|quirks| quirks.values = ValueForm::LowerCase);
    assert_eq!(get(&server, "/Users").await["resources"][0]["username"], "ada");
}
