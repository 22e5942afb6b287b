//! `ModifyDN`: what follows a new name, what stands in its way, and what is left when it is cut short.

use rosterd::directory::Directory;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::EntryId;
use rosterd::roster::account::GroupKind;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::change::Change;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::place::Home;
use rosterd::roster::place::May;
use rosterd::roster::place::Place;
use rosterd::roster::place::Relocation;
use rosterd::roster::place::Step;
use rosterd::roster::place::Wish;
use rosterd::roster::secret::Secret;

use crate::server::slapd::Login;
use crate::server::slapd::Slapd;
use crate::server::slapd::Territory;

use super::PASSWORD;
use super::by_username;
use super::change;
use super::create;
use super::fault;
use super::group;
use super::ldap;
use super::one;
use super::person;
use super::update;

async fn unit(territory: &Territory<'_>, name: &str) {
    let dn = format!("ou={name},ou=people,{}", territory.base);
    territory.add(&dn, &[("objectClass", &["organizationalUnit"]), ("ou", &[name])]).await;
}

fn at(territory: &Territory<'_>, place: &str) -> String {
    format!("{place},ou=people,{}", territory.base)
}

fn place(ldap: &Ldap, id: &EntryId, wish: Wish<'_>, may: May) -> Option<Place> {
    ldap.place(id, &Home::Feed(wish, may)).expect("a place")
}

fn moving(id: &EntryId, to: &str) -> Update {
    let step = Step { from: id.locator.clone(), to: to.into() };
    Update { relocation: Some(Relocation::to(step)), ..update(id) }
}

fn called(from: &str, to: &str) -> Option<Step> {
    Some(Step { from: from.into(), to: to.into() })
}

#[tokio::test]
async fn groups_follow_whether_the_server_sees_to_that_or_not() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, Create { must_change: false, ..person("ada") }).await;
    let old = territory.person("ada");
    let list = |class: &'static str, attribute: &'static str, value: &str| (class, attribute, value.to_owned());
    // The overlay of this server keeps `member` only.
    for (name, (class, attribute, value)) in [
        ("names", list("groupOfNames", "member", &old)),
        ("unique", list("groupOfUniqueNames", "uniqueMember", &old.to_uppercase())),
        ("posix", list("posixGroup", "memberUid", "ada")),
    ] {
        let mut attributes: Vec<(&str, &[&str])> = Vec::new();
        let (classes, cn, values) = ([class], [name], [value.as_str()]);
        attributes.extend([("objectClass", &classes[..]), ("cn", &cn[..]), (attribute, &values[..])]);
        if class == "posixGroup" {
            attributes.push(("gidNumber", &["4711"]));
        }
        territory.add(&territory.group(name), &attributes).await;
    }
    let role = format!("cn=boss,ou=roles,{}", territory.base);
    let occupant = [old.as_str()];
    territory
        .add(&role, &[("objectClass", &["organizationalRole"]), ("cn", &["boss"]), ("roleOccupant", &occupant)])
        .await;
    let found = place(&ldap, &id, Wish { locator: None, username: Some("aking"), changes: &[] }, May::ALL);
    let found = found.expect("named by uid");
    assert!(found.renames && !found.moves);
    let renamed = Update {
        relocation: Some(Relocation { username: called("ada", "aking"), place: Some(found.step) }),
        changes: vec![change("mail", &["ada@example.org"], &["aking@example.org"])],
        ..update(&id)
    };
    assert_eq!(one(&ldap, Operation::Update(renamed)).await, Ok(Done::Changed));
    let new = territory.person("aking");
    assert!(territory.read(&old).await.is_none());
    assert_eq!(territory.values(&new, "uid").await, ["aking"], "the old name is gone from the attribute");
    assert_eq!(territory.values(&new, "mail").await, ["aking@example.org"]);
    assert_eq!(territory.values(&territory.group("names"), "member").await, std::slice::from_ref(&new));
    assert_eq!(territory.values(&territory.group("unique"), "uniqueMember").await, std::slice::from_ref(&new));
    assert_eq!(territory.values(&territory.group("posix"), "memberUid").await, ["aking"]);
    assert_eq!(territory.values(&role, "roleOccupant").await, [new]);
    let now = &by_username(&ldap, &["aking"]).await[0];
    for name in ["names", "unique", "posix"] {
        assert!(group(&ldap, GroupKind::Group, name).await.has(now), "{name}");
    }
    assert_eq!(territory.login("aking", PASSWORD).await, Login::Welcome);
}

#[tokio::test]
async fn an_entry_that_is_not_named_by_its_login_name_keeps_its_place() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.naming_attribute = Some("cn".to_owned());
    let ldap = Ldap::new(settings).expect("good settings");
    let id = create(&ldap, person("ada")).await;
    assert_eq!(&*id.locator, at(&territory, "cn=ada"));
    assert_eq!(place(&ldap, &id, Wish { locator: None, username: Some("aking"), changes: &[] }, May::ALL), None);
    let relocation = Relocation { username: called("ada", "aking"), place: None };
    let renamed = Update { relocation: Some(relocation.clone()), ..update(&id) };
    assert_eq!(one(&ldap, Operation::Update(renamed.clone())).await, Ok(Done::Changed));
    assert_eq!(territory.values(&id.locator, "uid").await, ["aking"]);
    // Once more, as after an interruption.
    assert_eq!(one(&ldap, Operation::Update(renamed)).await, Ok(Done::Changed));
    assert_eq!(territory.values(&id.locator, "uid").await, ["aking"]);
    // A new full name is a new name of the entry.
    let changes = [change("cn", &["ada"], &["Ada King", "ada king"]), change("sn", &["ada"], &["King"])];
    let wish = Wish { locator: None, username: None, changes: &changes };
    let found = place(&ldap, &id, wish, May::ALL).expect("another name");
    assert_eq!(&*found.step.to, at(&territory, "cn=Ada King"));
    assert_eq!(found.named_by.iter().map(AttributeName::as_str).collect::<Vec<_>>(), ["cn"]);
    assert_eq!(place(&ldap, &id, wish, May::default()), None);
    let changes = vec![change("cn", &["ada"], &["Ada King"]), changes[1].clone()];
    let renamed = Update { relocation: Some(Relocation::to(found.step)), changes, ..update(&id) };
    assert_eq!(one(&ldap, Operation::Update(renamed)).await, Ok(Done::Changed));
    let now = at(&territory, "cn=Ada King");
    assert_eq!(territory.values(&now, "cn").await, ["Ada King"]);
    assert_eq!(territory.values(&now, "sn").await, ["King"]);
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_move_rejects_the_row_and_nothing_is_done() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.protected = vec!["svc-*".to_owned()];
    let ldap = Ldap::new(settings).expect("good settings");
    let id = create(&ldap, person("ada")).await;
    create(&ldap, person("bob")).await;
    let printer = at(&territory, "cn=printer");
    territory.add(&printer, &[("objectClass", &["device"]), ("cn", &["printer"])]).await;
    let changes = || vec![change("sn", &["ada"], &["King"])];
    for (to, code, told) in [
        ("cn=printer", Some("68"), "another entry"),
        ("uid=bob", Some("19"), "unique"),
        ("uid=ada,ou=nowhere", Some("32"), "ou=nowhere"),
        ("uid=svc-x", None, "protected"),
    ] {
        let mut moved = Update { changes: changes(), ..moving(&id, &at(&territory, to)) };
        if to.contains("svc") {
            moved.relocation.as_mut().expect("moving").username = called("ada", "svc-x");
        }
        let refused = fault(one(&ldap, Operation::Update(moved)).await, Next::RejectRow, code);
        assert!(refused.reason.contains(told), "{to}: {refused}");
        assert_eq!(territory.values(&territory.person("ada"), "sn").await, ["ada"]);
    }
    let outside = Wish { locator: Some("uid=ada,dc=example,dc=org"), username: None, changes: &[] };
    let why = ldap.place(&id, &Home::Feed(outside, May::ALL)).expect_err("outside of people_base");
    assert!(why.contains("people_base"), "{why}");
}

#[tokio::test]
async fn another_entry_at_the_old_place_is_left_alone() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    unit(&territory, "sales").await;
    let id = create(&ldap, person("ada")).await;
    assert_eq!(one(&ldap, Operation::Delete { id: id.clone(), username: "ada".into() }).await, Ok(Done::Changed));
    create(&ldap, person("ada")).await;
    let moved = moving(&id, &at(&territory, "uid=ada,ou=sales"));
    fault(one(&ldap, Operation::Update(moved)).await, Next::LookAgain, Some("122"));
    assert!(territory.read(&territory.person("ada")).await.is_some());
}

#[tokio::test]
async fn a_name_of_two_parts_changes_in_one_of_them() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let locator = at(&territory, "cn=ada+uid=ada");
    let id = create(&ldap, Create { locator: Some(locator.into()), ..person("ada") }).await;
    let wish = Wish { locator: None, username: Some("aking"), changes: &[] };
    let found = place(&ldap, &id, wish, May::ALL).expect("another name");
    assert_eq!(&*found.step.to, at(&territory, "cn=ada+uid=aking"));
    let relocation = Some(Relocation { username: called("ada", "aking"), place: Some(found.step) });
    assert_eq!(one(&ldap, Operation::Update(Update { relocation, ..update(&id) })).await, Ok(Done::Changed));
    assert_eq!(by_username(&ldap, &["aking"]).await[0].id, id);
}

#[tokio::test]
async fn who_was_renamed_and_nothing_else_gets_the_rest() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    let old = territory.person("ada");
    territory
        .add(
            &territory.group("unique"),
            &[("objectClass", &["groupOfUniqueNames"]), ("cn", &["unique"]), ("uniqueMember", &[&old])],
        )
        .await;
    // Only the first of the requests got through.
    let mut admin = territory.server.admin().await;
    admin.modifydn(&old, "uid=aking", true, None).await.expect("an answer").success().expect("renamed");
    let now = by_username(&ldap, &["aking"]).await.remove(0);
    let before = Relocation {
        username: called("ada", "aking"),
        place: Some(Step { from: id.locator.clone(), to: now.id.locator.clone() }),
    }
    .before();
    let relocation = Relocation::since(&before, &now.id, &now.username);
    let changes: Vec<Change> = vec![change("sn", &["ada"], &["King"])];
    let rest = Update { relocation, changes, password: Some(Secret::from("second-Passw0rd")), ..update(&now.id) };
    assert_eq!(one(&ldap, Operation::Update(rest)).await, Ok(Done::Changed));
    assert_eq!(territory.values(&territory.group("unique"), "uniqueMember").await, [territory.person("aking")]);
    assert_eq!(territory.values(&territory.person("aking"), "sn").await, ["King"]);
    assert_ne!(territory.login("aking", "second-Passw0rd").await, Login::Refused);
}

#[tokio::test]
async fn a_refusal_after_the_new_name_says_what_was_done() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    let changes = vec![change("mail", &["ada@example.org"], &["m\u{fc}@x.org"])];
    let moved = Update { changes, ..moving(&id, &at(&territory, "uid=aking")) };
    let refused = fault(one(&ldap, Operation::Update(moved)).await, Next::RejectRow, Some("21"));
    assert!(refused.reason.starts_with("it was renamed or moved, but the rest was refused"), "{refused}");
    assert!(territory.read(&territory.person("aking")).await.is_some());
}
