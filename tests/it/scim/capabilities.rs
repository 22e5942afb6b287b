//! What the real services say and what they do, tried one by one: the table of `docs/scim-servers.md`.

use std::fmt::Write as _;

use axum::http::Method;
use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::Wanted;
use rosterd::directory::scim::Scim;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Member;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use serde_json::Value;
use serde_json::json;

use super::ask;
use super::named;
use super::one;
use super::person;
use super::read;
use super::update;
use crate::contract::scim::settings;
use crate::server::scim::Kind;
use crate::server::scim::ScimServer;
use crate::server::scim::Tenant;

const FIRST: &str = "first Password 1";
const SECOND: &str = "second Password 2";

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// Returns what a service says and does, by row.
async fn row(kind: Kind) -> Vec<(&'static str, String)> {
    let tenant = ScimServer::shared(kind).tenant();
    let config = tenant.get("/ServiceProviderConfig").await.body;
    let says = |feature: &str| yes(config[feature]["supported"] == true).to_owned();
    let directory = Scim::new(settings(&tenant.base, tenant.token())).expect("good settings");
    let mut cells = vec![
        ("says: PATCH", says("patch")),
        ("says: filters", says("filter")),
        ("says: Bulk", says("bulk")),
        ("says: ETags", says("etag")),
        ("says: passwords can be changed", says("changePassword")),
    ];
    cells.extend(plain(&tenant).await);
    cells.extend(accounts(&directory, &tenant).await);
    cells.extend(groups(&directory).await);
    cells.extend(leaving(&directory, &tenant).await);
    cells
}

/// Asks without rosterd.
async fn plain(tenant: &Tenant) -> Vec<(&'static str, String)> {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "plain", "active": true,
        "title": "Dr", "name": { "givenName": "P", "familyName": "Lain" },
    });
    let created = tenant.post("/Users", &user).await;
    let id = created.body["id"].as_str().unwrap_or_default().to_owned();
    let filter = tenant.get("/Users?filter=userName%20eq%20%22PLAIN%22").await;
    let found = filter.body["Resources"].as_array().is_some_and(|found| found.len() == 1);
    let patch = |path: &str, value: Value| {
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [{ "op": "replace", "path": path, "value": value }],
        })
    };
    let path = format!("/Users/{id}");
    let patched = tenant.ask(Method::PATCH, &path, Some(&patch("title", json!("Prof")))).await.status;
    let title = tenant.get(&path).await.body["title"].clone();
    let off = tenant.ask(Method::PATCH, &path, Some(&patch("active", json!(false)))).await.status;
    let active = tenant.get(&path).await.body["active"].clone();
    let again = tenant.post("/Users", &user).await.status;
    let mut other = user.clone();
    other["userName"] = "PLAIN".into();
    let other = tenant.post("/Users", &other).await.status;
    vec![
        (
            "finds a name in another case",
            if filter.status == 200 { yes(found).to_owned() } else { filter.status.to_string() },
        ),
        (
            "PATCH of `title`",
            format!("{patched}{}", if patched < 300 && title != "Prof" { " without effect" } else { "" }),
        ),
        ("PATCH of `active`", format!("{off}{}", if off < 300 && active != false { " without effect" } else { "" })),
        ("POST of a name that is taken", again.to_string()),
        ("POST of it in another case", other.to_string()),
    ]
}

/// Lets rosterd try.
async fn accounts(directory: &Scim, tenant: &Tenant) -> Vec<(&'static str, String)> {
    let create = Create { password: Some(FIRST.into()), ..person("ada", &[("title", "Lady")]) };
    let created = ask(directory, Operation::Create(create)).await;
    let welcome = tenant.login("ada", FIRST).await;
    let ada = one(directory, "ada").await;
    let title = ada.attributes.first_text("title") == Some("Lady");
    let renamed = ask(directory, Operation::Update(update(&ada, &[("sn", "Byron", "King")]))).await;
    let departments = update(&ada, &[("departmentNumber", "", "17")]);
    let department = ask(directory, Operation::Update(departments)).await;
    let new = Update { password: Some(SECOND.into()), ..update(&ada, &[]) };
    let _ = ask(directory, Operation::Update(new)).await;
    let changed = tenant.login("ada", SECOND).await;
    vec![
        ("rosterd creates accounts", yes(matches!(created, Ok(Done::Created(_)))).to_owned()),
        ("stores `title`", yes(title).to_owned()),
        ("changes a family name", yes(renamed == Ok(Done::Changed)).to_owned()),
        ("changes the department (enterprise extension)", yes(department == Ok(Done::Changed)).to_owned()),
        ("gives a new account a password", yes(welcome).to_owned()),
        ("gives an account another password", yes(changed).to_owned()),
    ]
}

async fn groups(directory: &Scim) -> Vec<(&'static str, String)> {
    let ada = one(directory, "ada").await;
    let member = || Member { id: ada.id.clone(), username: ada.username.clone() };
    let (kind, name) = (GroupKind::Group, GroupName::new("staff"));
    let within = async || {
        let found = directory.groups(kind, Wanted::Named(vec![name.clone()])).await.unwrap_or_default();
        found.iter().any(|group| group.has(&ada))
    };
    let _ = ask(directory, Operation::CreateGroup { kind, name: name.clone(), members: vec![member()] }).await;
    let is_in = within().await;
    let leave = Operation::ChangeMembers { kind, name: name.clone(), add: Vec::new(), remove: vec![member()] };
    let left = ask(directory, leave).await;
    let is_out = !within().await;
    vec![
        ("creates a group with a member", yes(is_in).to_owned()),
        ("takes a member out of a group", yes(left == Ok(Done::Changed) && is_out).to_owned()),
    ]
}

async fn leaving(directory: &Scim, tenant: &Tenant) -> Vec<(&'static str, String)> {
    let ada = one(directory, "ada").await;
    let off = Update { enabled: Some(false), ..update(&ada, &[]) };
    let off = ask(directory, Operation::Update(off)).await;
    let is_off = !one(directory, "ada").await.enabled && !tenant.login("ada", FIRST).await;
    let deleted = directory
        .apply(&[Operation::Delete { id: ada.id.clone(), username: ada.username.clone() }], &Pace::unlimited())
        .await;
    let is_gone = read(directory, named(&["ada"])).await.is_ok_and(|found| found.is_empty());
    let deleted = match &deleted[0] {
        Ok(_) if is_gone => "yes",
        Err(fault) if fault.reason.contains("switched this one off") => "no: it is kept, switched off",
        _ => "no",
    };
    vec![
        ("switches an account off", yes(off == Ok(Done::Changed) && is_off).to_owned()),
        ("deletes an account", deleted.to_owned()),
    ]
}

#[tokio::test]
async fn the_page_of_servers_says_what_each_one_does() {
    let names =
        ["scim2-server", "limited", "without enterprise", "django-scim2", "django-scim2-server", "scimmy-routers"];
    let mut columns = Vec::new();
    for kind in Kind::ALL {
        columns.push(row(kind).await);
    }
    let mut table = format!("| | {} |\n|---{}|\n", names.join(" | "), "|:-:".repeat(names.len()));
    for at in 0..columns[0].len() {
        let cells: Vec<&str> = columns.iter().map(|column| &*column[at].1).collect();
        let _ = writeln!(table, "| {} | {} |", columns[0][at].0, cells.join(" | "));
    }
    crate::page::holds("docs/scim-servers.md", &table);
}
