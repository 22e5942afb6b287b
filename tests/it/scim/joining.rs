//! Groups and roles, and accounts that are there already: only what differs is written, and nobody else is touched.

use std::num::NonZeroUsize;

use axum::http::Method;
use rosterd::directory::Directory;
use rosterd::directory::Wanted;
use rosterd::directory::Which;
use rosterd::directory::scim::RoleAttribute;
use rosterd::directory::scim::Scim;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Member;
use rosterd::roster::operation::Operation;
use serde_json::Value;
use serde_json::json;

use super::ask;
use super::directory;
use super::directory_with;
use super::one;
use super::person;
use super::read;
use super::update;
use crate::server::scim_faults::FaultServer;
use crate::server::scim_faults::Quirks;

fn member(account: &ExistingAccount) -> Member {
    Member { id: account.id.clone(), username: account.username.clone() }
}

fn change(kind: GroupKind, name: &str, add: &[&ExistingAccount], remove: &[&ExistingAccount]) -> Operation {
    let members = |accounts: &[&ExistingAccount]| accounts.iter().map(|account| member(account)).collect();
    Operation::ChangeMembers { kind, name: GroupName::new(name), add: members(add), remove: members(remove) }
}

async fn people(server: &FaultServer, directory: &Scim, n: usize) -> Vec<ExistingAccount> {
    for i in 0..n {
        server.put(&json!({ "userName": format!("person{i:03}") }));
    }
    let mut found = read(directory, Which::All).await.expect("it can be read");
    found.sort_by(|a, b| a.username.cmp(&b.username));
    found
}

fn operations(body: &Value) -> &[Value] {
    body["Operations"].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[tokio::test]
async fn a_group_changes_by_what_differs_so_many_members_at_a_time() {
    let server = FaultServer::start().await;
    let directory = directory_with(&server, |settings| settings.members_per_request = NonZeroUsize::new(10));
    let all = people(&server, &directory, 35).await;
    let ids: Vec<Value> = all[..12].iter().map(|account| json!({ "value": &*account.id.stable })).collect();
    server.put(&json!({ "displayName": "staff", "members": ids }));
    server.forget();
    // Five are in it, 23 come, 7 go.
    let (add, remove): (Vec<_>, Vec<_>) = (all[7..35].iter().collect(), all[..7].iter().collect());
    assert_eq!(ask(&directory, change(GroupKind::Group, "STAFF", &add, &remove)).await, Ok(Done::Changed));
    let writes = server.writes();
    assert!(writes.iter().all(|write| write.method == Method::PATCH), "{writes:?}");
    let mut n_changed = 0;
    for write in &writes {
        let of_request: usize = operations(&write.body)
            .iter()
            .map(|operation| {
                assert_ne!(operation["op"], "replace", "{operation}");
                operation["value"].as_array().map_or(1, Vec::len)
            })
            .sum();
        assert!(of_request <= 10, "{of_request} in one request");
        n_changed += of_request;
    }
    assert_eq!(n_changed, 30, "nobody is added who is in it");
    let group = server.group("staff").expect("it is there");
    assert_eq!(group["members"].as_array().map(Vec::len), Some(28));
    server.forget();
    assert_eq!(ask(&directory, change(GroupKind::Group, "staff", &add, &remove)).await, Ok(Done::AlreadySo));
    assert!(server.writes().is_empty(), "there is nothing to change");
}

#[tokio::test]
async fn members_of_a_protected_group_and_the_group_itself_are_never_written() {
    let server = FaultServer::start().await;
    let settings = |settings: &mut rosterd::directory::scim::ScimSettings| {
        settings.protected_groups = vec!["admin*".to_owned()];
    };
    let directory = directory_with(&server, settings);
    let id = server.put(&json!({ "userName": "root", "title": "King" }));
    server.put(&json!({ "displayName": "Admins", "members": [{ "value": id }] }));
    server.put(&json!({ "userName": "ada", "title": "Countess" }));
    server.put(&json!({ "displayName": "staff" }));
    let (root, ada) = (one(&directory, "root").await, one(&directory, "ada").await);
    assert!(root.protected.is_some() && ada.protected.is_none(), "{root:?}");
    server.forget();
    let rejected = [
        Operation::Update(update(&root, &[("title", "King", "Beggar")])),
        Operation::Delete { id: root.id.clone(), username: "root".into() },
        change(GroupKind::Group, "admins", &[&ada], &[]),
        change(GroupKind::Group, "staff", &[&root], &[]),
    ];
    for operation in rejected {
        let shown = format!("{operation:?}");
        let fault = ask(&directory, operation).await.expect_err(&shown);
        assert_eq!(fault.next, Next::RejectRow, "{shown}: {fault:?}");
    }
    assert!(server.writes().is_empty());
    assert_eq!(ask(&directory, change(GroupKind::Group, "staff", &[&ada], &[])).await, Ok(Done::Changed));
}

#[tokio::test]
async fn a_role_comes_and_goes_and_the_others_stay() {
    for (attribute, name) in [(RoleAttribute::Roles, "roles"), (RoleAttribute::Entitlements, "entitlements")] {
        for patch in [true, false] {
            let server = FaultServer::with(Quirks { patch, ..Quirks::default() }).await;
            let directory = directory_with(&server, |settings| settings.role_attribute = Some(attribute));
            server.put(&json!({ "userName": "ada", name: [{ "value": "reader", "display": "Reads" }] }));
            server.put(&json!({ "userName": "bob", name: [{ "value": "Boss", "type": "x" }] }));
            let (ada, bob) = (one(&directory, "ada").await, one(&directory, "bob").await);
            let given = change(GroupKind::Role, "boss", &[&ada], &[&bob]);
            assert_eq!(ask(&directory, given).await, Ok(Done::Changed), "{name} {patch}");
            let values = |username: &str| -> Vec<String> {
                let user = server.user(username).expect("it is there");
                let held = user[name].as_array().cloned().unwrap_or_default();
                held.iter().map(|element| element["value"].as_str().unwrap_or_default().to_owned()).collect()
            };
            assert_eq!(values("ada"), ["reader", "Boss"], "as the others spell it");
            assert_eq!(server.user("ada").expect("there")[name][0]["display"], "Reads");
            assert_eq!(values("bob"), [""; 0]);
            let roles = directory.groups(GroupKind::Role, Wanted::All).await.expect("read");
            let boss = roles.iter().find(|role| role.name == GroupName::new("boss")).expect("somebody has it");
            assert!(boss.has(&ada) && !boss.has(&bob));
            let unknown =
                ask(&directory, change(GroupKind::Role, "bos", &[&ada], &[])).await.expect_err("nobody has it");
            assert_eq!(unknown.next, Next::RejectRow);
            let create = Operation::CreateGroup {
                kind: GroupKind::Role,
                name: GroupName::new("writer"),
                members: vec![member(&bob)],
            };
            ask(&directory, create).await.expect("a new role");
            assert_eq!(values("bob"), ["writer"]);
        }
    }
}

#[tokio::test]
async fn an_account_with_our_own_id_is_adopted_and_another_is_left_alone() {
    let server = FaultServer::start().await;
    let directory = directory(&server);
    server.put(&json!({ "userName": "ada", "externalId": "17", "title": "Countess", "active": false }));
    server.put(&json!({ "userName": "bob", "externalId": "18", "title": "Dr" }));
    let adopted = Operation::Create(person("ada", &[("externalId", "17"), ("title", "Lady")]));
    assert!(matches!(ask(&directory, adopted).await, Ok(Done::ChangedBut(_))));
    let ada = server.user("ada").expect("it is there");
    assert_eq!((&ada["title"], &ada["active"]), (&json!("Lady"), &json!(true)));
    for more in [&[("title", "Usurper")][..], &[("externalId", "19"), ("title", "Usurper")]] {
        let fault = ask(&directory, Operation::Create(person("bob", more))).await.expect_err("somebody else");
        assert_eq!((fault.next, fault.code.as_deref()), (Next::LookAgain, Some("409")), "{fault:?}");
    }
    assert_eq!(server.user("bob").expect("it is there")["title"], "Dr");
    assert_eq!(server.users().len(), 2);
}
