//! Numbers of new accounts: one after the other, never twice, whatever else gives out numbers.

use rosterd::directory::Directory;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::PosixGid;
use rosterd::directory::ldap::PosixSettings;
use rosterd::directory::numbers::Highest;
use rosterd::exit::Exit;
use rosterd::roster::attribute::Attributes;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::run::Carried;
use rosterd::run::Order;

use crate::server::posix;
use crate::server::slapd::Slapd;
use crate::server::slapd::Territory;
use crate::world::World;

use super::apply;
use super::by_username;
use super::fault;
use super::one;
use super::person;

/// Numbers are unique on the whole server, which other tests share: each takes a range of its own.
fn ldap(territory: &Territory<'_>, uid_range: std::ops::RangeInclusive<u32>, gid: PosixGid) -> Ldap {
    let mut settings = territory.settings();
    settings.object_classes = Some(posix::CLASSES.map(str::to_owned).to_vec());
    settings.posix = Some(PosixSettings { uid_range, gid });
    Ldap::new(settings).expect("good settings")
}

fn posix(uid: &str) -> Create {
    Create { attributes: posix::attributes(uid), ..person(uid) }
}

async fn numbers(territory: &Territory<'_>, uid: &str) -> (String, String) {
    let dn = territory.person(uid);
    posix::numbers(async |name| territory.values(&dn, name).await).await
}

async fn foreign(territory: &Territory<'_>, dn: &str, number: &str) {
    posix::foreign(number, async |attributes| territory.add(dn, attributes).await).await;
}

#[tokio::test]
async fn numbers_follow_the_greatest_in_use_wherever_that_is() {
    let territory = Slapd::shared().territory().await;
    // Neither below `people_base` nor a person.
    foreign(&territory, &format!("uid=daemon,ou=groups,{}", territory.base), "31003").await;
    let ldap = ldap(&territory, 31_000..=31_008, PosixGid::Fixed(100));
    let batch: Vec<_> = ["a", "b", "c", "d"].map(|uid| Operation::Create(posix(uid))).to_vec();
    assert!(apply(&ldap, &batch).await.iter().all(|answer| matches!(answer, Ok(Done::Created(_)))));
    let mut given = Vec::new();
    for uid in ["a", "b", "c", "d"] {
        let (number, gid) = numbers(&territory, uid).await;
        assert_eq!(gid, "100");
        given.push(number);
    }
    given.sort();
    assert_eq!(given, ["31004", "31005", "31006", "31007"]);
    // What the row says is the row's.
    let own = [("sn", vec!["e"]), ("cn", vec!["e"]), ("homeDirectory", vec!["/"]), ("uidNumber", vec!["7"])];
    let attributes: Attributes = own.into_iter().chain([("gidNumber", vec!["8"])]).collect();
    assert!(one(&ldap, Operation::Create(Create { attributes, ..posix("e") })).await.is_ok());
    assert_eq!(numbers(&territory, "e").await, ("7".to_owned(), "8".to_owned()));
    assert!(one(&ldap, Operation::Create(posix("f"))).await.is_ok());
    let full = fault(one(&ldap, Operation::Create(posix("g"))).await, Next::RejectRow, None);
    assert!(full.reason.contains("posix.uid_range"), "{full}");
}

#[tokio::test]
async fn a_number_that_somebody_else_has_taken_meanwhile_is_given_up() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory, 32_000..=32_100, PosixGid::Uid);
    assert!(one(&ldap, Operation::Create(posix("a"))).await.is_ok());
    assert_eq!(numbers(&territory, "a").await, ("32000".to_owned(), "32000".to_owned()));
    foreign(&territory, &format!("uid=other,ou=roles,{}", territory.base), "32001").await;
    assert!(one(&ldap, Operation::Create(posix("b"))).await.is_ok());
    assert_eq!(numbers(&territory, "b").await, ("32002".to_owned(), "32002".to_owned()));
    let other = format!("uid=other,ou=roles,{}", territory.base);
    assert_eq!(territory.values(&other, "uidNumber").await, ["32001"], "the other entry keeps it");
}

#[tokio::test]
async fn two_rosterds_at_the_same_time_give_nobody_the_same_number() {
    let territory = Slapd::shared().territory().await;
    let directories = [1, 2].map(|_| ldap(&territory, 37_000..=37_400, PosixGid::Uid));
    let batch = |who: &str| -> Vec<_> { (0..40).map(|n| Operation::Create(posix(&format!("{who}{n}")))).collect() };
    let (ours, theirs) = (batch("a"), batch("b"));
    let answers = tokio::join!(apply(&directories[0], &ours), apply(&directories[1], &theirs));
    assert!(answers.0.iter().chain(&answers.1).all(Result::is_ok), "{answers:?}");
    let mut given = std::collections::BTreeSet::new();
    for uid in (0..40).flat_map(|n| ["a", "b"].map(|who| format!("{who}{n}"))) {
        let (number, gid) = numbers(&territory, &uid).await;
        assert_eq!(number, gid, "{uid}");
        given.insert(number);
    }
    assert_eq!(given.len(), 80, "{given:?}");
}

#[tokio::test]
async fn what_the_server_gives_is_no_objection_and_is_told() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory, 33_000..=33_100, PosixGid::Fixed(100));
    by_username(&ldap, &["nobody"]).await;
    assert_eq!(ldap.allocates(), ["uidNumber", "gidNumber"]);
    let plain = Ldap::new(territory.settings()).expect("good settings");
    by_username(&plain, &["nobody"]).await;
    assert_eq!(plain.allocates(), [""; 0]);
}

#[tokio::test]
async fn a_number_that_a_group_has_is_not_the_own_one_of_an_account() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory, 35_000..=35_100, PosixGid::Uid);
    assert!(one(&ldap, Operation::Create(posix("a"))).await.is_ok());
    let staff = territory.group("staff");
    territory.add(&staff, &[("objectClass", &["posixGroup"]), ("cn", &["staff"]), ("gidNumber", &["35001"])]).await;
    assert!(one(&ldap, Operation::Create(posix("b"))).await.is_ok());
    assert_eq!(numbers(&territory, "b").await, ("35002".to_owned(), "35002".to_owned()));
    assert_eq!(territory.values(&staff, "gidNumber").await, ["35001"]);
}

#[tokio::test]
async fn nobody_joins_a_protected_group_by_the_number_of_the_configuration() {
    let territory = Slapd::shared().territory().await;
    let dn = territory.group("wheel");
    territory.add(&dn, &[("objectClass", &["posixGroup"]), ("cn", &["wheel"]), ("gidNumber", &["36999"])]).await;
    let ldap = ldap(&territory, 36_000..=36_100, PosixGid::Fixed(36_999));
    by_username(&ldap, &["nobody"]).await;
    let refused = fault(one(&ldap, Operation::Create(posix("a"))).await, Next::RejectRow, None);
    assert!(refused.reason.contains("wheel"), "{refused}");
    assert!(territory.read(&territory.person("a")).await.is_none());
}

#[tokio::test]
async fn check_tells_numbers_that_two_have_and_a_group_that_is_not_there() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory, 38_000..=38_100, PosixGid::Fixed(38_500));
    let told = async || {
        let findings = ldap.check().await;
        let of = |subject: &str| findings.iter().find(|one| one.subject == subject).expect("told").verdict.clone();
        (of("POSIX numbers"), of("group with gidNumber 38500"))
    };
    assert!(matches!(told().await.1, Verdict::Warning(_)));
    let staff = territory.group("staff");
    territory.add(&staff, &[("objectClass", &["posixGroup"]), ("cn", &["staff"]), ("gidNumber", &["38500"])]).await;
    for name in ["one", "two"] {
        foreign(&territory, &format!("uid={name},ou=roles,{}", territory.base), "38000").await;
    }
    let (numbers, group) = told().await;
    let Verdict::Warning(numbers) = numbers else { panic!("{numbers:?}") };
    assert!(numbers.contains("38000 (uid="), "{numbers}");
    assert!(matches!(group, Verdict::Good(_)), "{group:?}");
}

#[tokio::test]
async fn numbers_that_cannot_be_had_are_refused_before_anybody_is_asked() {
    let territory = Slapd::shared().territory().await;
    let refused = |uid_range, gid, class: &str| {
        let mut settings = territory.settings();
        settings.object_classes = Some(["inetOrgPerson", class].map(str::to_owned).to_vec());
        settings.kind = Some("openldap");
        settings.posix = Some(PosixSettings { uid_range, gid });
        Ldap::new(settings).map(drop)
    };
    assert_eq!(refused(20_000..=20_100, PosixGid::Uid, "posixAccount"), Ok(()));
    assert_eq!(refused(19_999..=20_100, PosixGid::Fixed(100), "posixAccount"), Ok(()));
    for (range, gid, class, says) in [
        (20_000..=20_100, PosixGid::Uid, "person", "posixAccount"),
        (20_000..=20_100, PosixGid::Fixed(0), "posixAccount", "superuser"),
        // The numbers of groups end with 19,999.
        (19_999..=20_100, PosixGid::Uid, "posixAccount", "no number in common"),
    ] {
        let fault = refused(range, gid, class).expect_err(says);
        assert_eq!(fault.key, "posix");
        assert!(fault.reason.contains(says), "{fault}");
    }
}

const FEED: &str = r#"
[feed.map]
homeDirectory = "/home/{{ username }}"
"#;

fn roster(names: &[&str]) -> String {
    let row = |name: &&str| format!("{name},{name},Smith,{name}@example.org\n");
    let rows: String = names.iter().map(row).collect();
    format!("Username,First name,Surname,Email\n{rows}")
}

#[tokio::test]
async fn the_number_of_somebody_who_was_deleted_does_not_come_back() {
    let territory = Slapd::shared().territory().await;
    let directory = || ldap(&territory, 34_000..=34_100, PosixGid::Fixed(100));
    let world = World::new(FEED, &roster(&["ada", "bob"]));
    let carried = world.carry(&directory(), Order::AsTheFeedSays).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
    let ada = world.person("ada");
    let told = ada["changes"].as_array().expect("changes").iter().find(|one| one["attribute"] == "uidNumber");
    assert_eq!(told.expect("told")["new"][0], "(allocated when created)");
    assert_eq!(world.state().highest_numbers("memory").await.expect("read"), (34_001, 0));
    let mut admin = territory.server.admin().await;
    for uid in ["ada", "bob"] {
        admin.delete(&territory.person(uid)).await.expect("an answer").success().expect("deleted");
    }
    // Another process, which knows only what the journal knows.
    world.drop_roster(&roster(&["cyd"]));
    let fresh = directory();
    let carried = world.carry(&fresh, Order::DirectoryWasEmptied).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
    assert_eq!(numbers(&territory, "cyd").await.0, "34002");
    assert_eq!(fresh.numbers().expect("numbers").highest(), Highest { uid: 34_002, gid: 0 });
}
