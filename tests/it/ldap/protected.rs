//! Administrators are never written, whoever says so.

use std::time::Duration;

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::roster::account::EntryId;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Member;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::place::Home;
use rosterd::roster::place::May;
use rosterd::roster::place::Relocation;
use rosterd::roster::place::Step;
use rosterd::roster::place::Wish;
use rosterd::roster::secret::Secret;
use rosterd::run::Carried;
use rosterd::run::Order;

use crate::server::slapd::Slapd;
use crate::server::slapd::Territory;
use crate::world::World;

use super::by_username;
use super::change;
use super::create;
use super::fault;
use super::group;
use super::one;
use super::person;
use super::read;
use super::update;

/// `admins` holds ada, `operators` (with bob, and `admins` again, which is a circle) and somebody who is not there;
/// eve is in none of them.
async fn site(territory: &Territory<'_>) -> (Ldap, Vec<Member>) {
    let plain = Ldap::new(territory.settings()).expect("good settings");
    let mut people = Vec::new();
    for name in ["ada", "bob", "eve"] {
        let id = create(&plain, Create { must_change: false, ..person(name) }).await;
        people.push(Member { id, username: name.into() });
    }
    let (admins, operators) = (territory.group("admins"), territory.group("operators"));
    let of = |dn: String| [dn, territory.person("ghost")];
    add_group(territory, "admins", &of(territory.person("ada"))).await;
    add_group(territory, "operators", &[territory.person("bob"), admins.clone()]).await;
    edit(territory, &admins, "member", &operators).await;
    add_group(territory, "staff", &[territory.person("eve")]).await;
    let mut settings = territory.settings();
    settings.protected_groups = vec![admins];
    (Ldap::new(settings).expect("good settings"), people)
}

async fn add_group(territory: &Territory<'_>, name: &str, members: &[String]) {
    let members: Vec<&str> = members.iter().map(String::as_str).collect();
    let attributes: [(&str, &[&str]); 3] = [("objectClass", &["groupOfNames"]), ("cn", &[name]), ("member", &members)];
    territory.add(&territory.group(name), &attributes).await;
}

async fn edit(territory: &Territory<'_>, dn: &str, attribute: &str, value: &str) {
    let mut admin = territory.server.admin().await;
    let change = ldap3::Mod::Add(attribute, [value].into());
    admin.modify(dn, vec![change]).await.expect("an answer").success().expect("done");
}

/// Everything that can be tried on an account.
fn attempts(member: &Member) -> Vec<Operation> {
    let plain = || Update { username: member.username.clone(), ..update(&member.id) };
    let name = GroupName::new("staff");
    let kind = GroupKind::Group;
    vec![
        Operation::Update(Update { changes: vec![change("title", &[], &["Sir"])], ..plain() }),
        Operation::Update(Update { enabled: Some(false), ..plain() }),
        Operation::Update(Update { enabled: Some(true), ..plain() }),
        Operation::Update(Update { password: Some(Secret::from("another-Passw0rd")), ..plain() }),
        Operation::Update(Update { must_change: Some(true), ..plain() }),
        Operation::ChangeMembers { kind, name: name.clone(), add: vec![member.clone()], remove: vec![] },
        Operation::ChangeMembers { kind, name, add: vec![], remove: vec![member.clone()] },
        Operation::CreateGroup { kind, name: GroupName::new("new"), members: vec![member.clone()] },
        Operation::Delete { id: member.id.clone(), username: member.username.clone() },
    ]
}

async fn nothing_can_be_done_to(ldap: &Ldap, territory: &Territory<'_>, member: &Member) {
    let before = territory.read(&member.id.locator).await.expect("there");
    for attempt in attempts(member) {
        let what = format!("{attempt:?}");
        let refused = fault(one(ldap, attempt).await, Next::RejectRow, None);
        assert!(refused.reason.contains("protected"), "{what}: {refused}");
    }
    let after = territory.read(&member.id.locator).await.expect("still there");
    assert_eq!((before.attrs, before.bin_attrs), (after.attrs, after.bin_attrs));
    assert!(territory.read(&territory.group("new")).await.is_none());
}

#[tokio::test]
async fn members_of_protected_groups_are_protected_however_deep() {
    let territory = Slapd::shared().territory().await;
    let (ldap, people) = site(&territory).await;
    let seen = by_username(&ldap, &["ada", "bob", "eve"]).await;
    let why: Vec<bool> = seen.iter().map(|account| account.protected.is_some()).collect();
    assert_eq!(why, [true, true, false], "{seen:?}");
    assert!(seen[1].protected.as_deref().expect("a reason").contains("protected group admins"));
    nothing_can_be_done_to(&ldap, &territory, &people[0]).await;
    nothing_can_be_done_to(&ldap, &territory, &people[1]).await;
    let eve = Update { username: "eve".into(), changes: vec![change("title", &[], &["Dr"])], ..update(&people[2].id) };
    assert_eq!(one(&ldap, Operation::Update(eve)).await, Ok(Done::Changed));
}

#[tokio::test]
async fn nobody_becomes_an_administrator() {
    let territory = Slapd::shared().territory().await;
    let (ldap, people) = site(&territory).await;
    for name in ["admins", "operators"] {
        assert!(group(&ldap, GroupKind::Group, name).await.protected.is_some(), "{name}");
        let (kind, name) = (GroupKind::Group, GroupName::new(name));
        let join = Operation::ChangeMembers { kind, name, add: vec![people[2].clone()], remove: vec![] };
        let refused = fault(one(&ldap, join).await, Next::RejectRow, None);
        assert!(refused.reason.contains("protected"), "{refused}");
    }
    assert!(group(&ldap, GroupKind::Group, "staff").await.protected.is_none());
    // A name that the system's own administrators' group has, a member who is not there yet, a login that looks like
    // an administrator's, and numbers that are rights.
    let wheel = Operation::CreateGroup {
        kind: GroupKind::Group,
        name: GroupName::new("wheel"),
        members: vec![people[2].clone()],
    };
    fault(one(&ldap, wheel).await, Next::RejectRow, None);
    assert!(territory.read(&territory.group("wheel")).await.is_none());
    for name in ["ghost", "\u{430}da", "b\u{43e}b", "admin", "r\u{43e}ot"] {
        let refused = fault(one(&ldap, Operation::Create(person(name))).await, Next::RejectRow, None);
        assert!(refused.reason.contains("protected") || refused.reason.contains("looks like"), "{name}: {refused}");
        assert!(territory.read(&territory.person(name)).await.is_none(), "{name}");
    }
    for (attribute, value) in [("uidNumber", "0"), ("gidNumber", "00")] {
        let grant =
            Update { username: "eve".into(), changes: vec![change(attribute, &[], &[value])], ..update(&people[2].id) };
        let refused = fault(one(&ldap, Operation::Update(grant)).await, Next::RejectRow, None);
        assert!(refused.reason.contains("superuser"), "{refused}");
    }
}

#[tokio::test]
async fn nobody_is_given_a_name_that_looks_like_an_administrators() {
    for naming in ["uid", "cn"] {
        let territory = Slapd::shared().territory().await;
        let (admins, _) = site(&territory).await;
        drop(admins);
        let mut settings = territory.settings();
        settings.protected_groups = vec![territory.group("admins")];
        settings.naming_attribute = Some(naming.to_owned());
        let ldap = Ldap::new(settings).expect("good settings");
        let id = create(&ldap, Create { must_change: false, ..person("zoe") }).await;
        for name in ["\u{430}da", "b\u{43e}b", "admin", "r\u{43e}ot"] {
            let wish = Wish { locator: None, username: Some(name), changes: &[] };
            let place = ldap.place(&id, &Home::Feed(wish, May::ALL)).expect("a place").map(|place| place.step);
            assert_eq!(place.is_some(), naming == "uid");
            let step = Step { from: "zoe".into(), to: name.into() };
            let relocation = Some(Relocation { username: Some(step), place });
            let renamed = Update { username: "zoe".into(), relocation, ..update(&id) };
            let refused = fault(one(&ldap, Operation::Update(renamed)).await, Next::RejectRow, None);
            assert!(refused.reason.contains("protected") || refused.reason.contains("looks like"), "{name}: {refused}");
            assert_eq!(territory.values(&id.locator, "uid").await, ["zoe"], "{name}");
        }
    }
}

#[tokio::test]
async fn posix_groups_are_followed_by_name_and_by_number() {
    // Login names are those of the whole server, so this one is nobody else's.
    let server = Slapd::start();
    let territory = server.territory().await;
    let plain = Ldap::new(territory.settings()).expect("good settings");
    for name in ["ada", "eve"] {
        create(&plain, person(name)).await;
    }
    let wheel: [(&str, &[&str]); 4] =
        [("objectClass", &["posixGroup"]), ("cn", &["wheel"]), ("gidNumber", &["4711"]), ("memberUid", &["ada"])];
    territory.add(&territory.group("wheel"), &wheel).await;
    let posix = |uid: &'static str, number: &'static str, gid: &'static str| {
        let home = "/home/x";
        async move {
            let account: [(&str, &[&str]); 7] = [
                ("objectClass", &["inetOrgPerson", "posixAccount"]),
                ("uid", &[uid]),
                ("cn", &[uid]),
                ("sn", &[uid]),
                ("uidNumber", &[number]),
                ("gidNumber", &[gid]),
                ("homeDirectory", &[home]),
            ];
            account.map(|(name, values)| (name, values.to_vec()))
        }
    };
    for (uid, number, gid) in [("bob", "1000", "4711"), ("toor", "0", "100"), ("dan", "1001", "100")] {
        let attributes = posix(uid, number, gid).await;
        let attributes: Vec<(&str, &[&str])> = attributes.iter().map(|(name, values)| (*name, &values[..])).collect();
        territory.add(&territory.person(uid), &attributes).await;
    }
    let seen = by_username(&plain, &["ada", "bob", "dan", "eve", "toor"]).await;
    let why: Vec<bool> = seen.iter().map(|account| account.protected.is_some()).collect();
    assert_eq!(why, [true, true, false, false, true], "{seen:?}");
    let own_group = Update {
        username: "dan".into(),
        changes: vec![change("gidNumber", &["100"], &["4711"])],
        ..update(&seen[2].id)
    };
    let refused = fault(one(&plain, Operation::Update(own_group)).await, Next::RejectRow, None);
    assert!(refused.reason.contains("wheel"), "{refused}");
}

#[tokio::test]
async fn somebody_who_becomes_an_administrator_after_the_preview_is_not_written() {
    let territory = Slapd::shared().territory().await;
    let (ldap, people) = site(&territory).await;
    assert!(by_username(&ldap, &["eve"]).await[0].protected.is_none());
    edit(&territory, &territory.group("operators"), "member", &territory.person("eve")).await;
    // What is known may be a second old, or older on a machine that is slow at reading it.
    let began = std::time::Instant::now();
    for n in 0.. {
        let (old, new) = (format!("{n}"), format!("{}", n + 1));
        let old: &[&str] = if n == 0 { &[] } else { &[&old] };
        let changes = vec![change("title", old, &[&new])];
        if one(&ldap, Operation::Update(Update { changes, ..update(&people[2].id) })).await.is_err() {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(30), "nobody looks again");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    nothing_can_be_done_to(&ldap, &territory, &people[2]).await;
}

#[tokio::test]
async fn who_becomes_an_administrator_while_a_batch_waits_for_its_turn_is_not_written_by_it() {
    let territory = Slapd::shared().territory().await;
    let (ldap, people) = site(&territory).await;
    by_username(&ldap, &["eve"]).await;
    // It takes four seconds, and the other one follows it.
    let slowly = Pace::per_second(2.try_into().expect("not zero"));
    let first: Vec<Operation> = (0..8).map(|n| Operation::Create(person(&format!("slow-{n}")))).collect();
    let second = [Operation::Update(Update {
        username: "eve".into(),
        changes: vec![change("title", &[], &["Dr"])],
        ..update(&people[2].id)
    })];
    let fast = Pace::unlimited();
    let follow = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        ldap.apply(&second, &fast).await
    };
    let appointed = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        edit(&territory, &territory.group("operators"), "member", &people[2].id.locator).await;
    };
    let (first, second, ()) = tokio::join!(ldap.apply(&first, &slowly), follow, appointed);
    assert!(first.iter().all(Result::is_ok), "{first:?}");
    let refused = second[0].as_ref().expect_err("an administrator by now");
    assert!(refused.next == Next::RejectRow && refused.reason.contains("protected group"), "{refused}");
    assert!(territory.values(&people[2].id.locator, "title").await.is_empty());
}

#[tokio::test]
async fn a_protected_group_that_cannot_be_read_stops_the_run() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.protected_groups = vec![territory.group("nowhere")];
    let ldap = Ldap::new(settings).expect("good settings");
    let fault = read(&ldap, rosterd::directory::Which::All).await.expect_err("nobody knows who is protected");
    assert_eq!(fault.next, Next::StopRun, "{fault}");
    let answer = one(&ldap, Operation::Create(person("ada"))).await;
    assert_eq!(answer.expect_err("nor now").next, Next::StopRun);
    assert!(territory.read(&territory.person("ada")).await.is_none());
}

#[tokio::test]
async fn every_form_of_rule_protects() {
    let territory = Slapd::shared().territory().await;
    let plain = Ldap::new(territory.settings()).expect("good settings");
    let people_base = format!("ou=people,{}", territory.base);
    let vip = format!("ou=vip,{people_base}");
    territory.add(&vip, &[("objectClass", &["organizationalUnit"]), ("ou", &["vip"])]).await;
    let within = create(&plain, Create { locator: Some(format!("uid=ada,{vip}").into()), ..person("ada") }).await;
    let own = |territory: &Territory<'_>, edit: &dyn Fn(&mut LdapSettings)| {
        let mut settings = territory.settings();
        edit(&mut settings);
        Ldap::new(settings).expect("good settings")
    };
    let mut cases: Vec<(&str, EntryId, Ldap)> =
        vec![("ada", within, own(&territory, &|s| s.protected = vec![vip.clone()]))];
    for (name, rule) in [("svc-1", "svc-*"), ("adm-x", "/^ADM-/"), ("boss", "boss")] {
        let id = create(&plain, person(name)).await;
        cases.push((name, id, own(&territory, &|s| s.protected = vec![rule.to_owned()])));
    }
    let id = create(&plain, person("okay")).await;
    cases.push(("okay", id, own(&territory, &|s| s.approvers = vec![territory.person("okay")])));
    add_group(&territory, "staff", &[territory.person("okay")]).await;
    for (name, id, ldap) in cases {
        assert!(by_username(&ldap, &[name]).await[0].protected.is_some(), "{name}");
        nothing_can_be_done_to(&ldap, &territory, &Member { id, username: name.into() }).await;
    }
}

/// The same through the program: the file names them, the feed maps rights, a person approves.
#[tokio::test]
async fn neither_the_file_nor_the_feed_nor_an_approver_gets_at_them() {
    let territory = Slapd::shared().territory().await;
    let (ldap, _) = site(&territory).await;
    let feed = "
        mode = \"review\"
        match = \"username\"
        [feed.map]
        title = \"Title\"
        [feed.defaults]
        allow_row_delete = true
        sync_groups = true
        [feed.passwords]
        from_file_for_existing = true
        generate_for_existing = true
        [feed.old]
        policy = \"disable\"
        [feed.limits]
        old = \"none\"
        removals = \"none\"
        passwords = \"none\"
    ";
    for (column, rows) in [
        ("Title", ["ada,Ada,Byron,ada@example.org,Queen", "bob,Bob,Ball,bob@example.org,King"]),
        ("Action", ["ada,Ada,Byron,ada@example.org,disable", "bob,Bob,Ball,bob@example.org,delete"]),
        ("Groups", ["ada,Ada,Byron,ada@example.org,staff", "bob,Bob,Ball,bob@example.org,staff"]),
        ("Groups", ["eve,Eve,Eden,eve@example.org,admins", "new,New,Newman,new@example.org,operators"]),
        (
            "Password",
            ["ada,Ada,Byron,ada@example.org,another-Passw0rd", "bob,Bob,Ball,bob@example.org,another-Passw0rd"],
        ),
    ] {
        let entries = ["ada", "bob"].map(|name| territory.person(name));
        let mut before = Vec::new();
        for dn in entries.iter().chain(&[territory.group("admins"), territory.group("operators")]) {
            before.push((dn.clone(), territory.read(dn).await.expect("there")));
        }
        let title = if column == "Title" { "" } else { ",Title" };
        let tail = if column == "Title" { "" } else { ",Miss" };
        let roster =
            format!("Username,First name,Surname,Email,{column}{title}\n{}{tail}\n{}{tail}\n", rows[0], rows[1]);
        let world = World::new(feed, &roster);
        let waiting = world.carry(&ldap, Order::AsTheFeedSays).await;
        if let Ok(Carried::Waiting) = waiting {
            let open = world.open_runs_now().await;
            let plan = Order::Approved(open[0].plan.clone().expect("a plan was shown"));
            let carried = world.carry(&ldap, plan).await;
            assert!(matches!(carried, Ok(Carried::Done(_))), "{column}: {carried:?}");
        }
        let told = std::fs::read_to_string(world.file("people.result.csv")).expect("a result");
        assert!(told.contains("protected"), "{column}: {told}");
        for (dn, before) in before {
            let after = territory.read(&dn).await.expect("still there");
            assert_eq!((before.attrs, before.bin_attrs), (after.attrs, after.bin_attrs), "{column}: {dn}");
        }
    }
}
