//! Numbers of accounts and groups, beside others who give out numbers, and groups that the server makes by itself.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::GroupClass;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::Needs;
use rosterd::directory::ldap::PosixGid;
use rosterd::directory::ldap::PosixSettings;
use rosterd::exit::Exit;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Operation;
use rosterd::run::Carried;
use rosterd::run::Order;

use super::ask;
use super::person;
use crate::server::ds389::Ds389;
use crate::server::ds389::SERVICE;
use crate::server::ds389::SUFFIX;
use crate::server::ds389::Territory;
use crate::server::posix;
use crate::world::World;

/// Numbers are unique on the whole server, which other tests share: each takes a range of its own.
fn ldap(territory: &Territory<'_>, uid_range: RangeInclusive<u32>, gid: PosixGid) -> Ldap {
    let mut settings = territory.settings();
    settings.object_classes = Some(posix::CLASSES.map(str::to_owned).to_vec());
    settings.group_class = Some(GroupClass::PosixGroup);
    settings.group_gid_range = uid_range.start() + 500..=uid_range.start() + 599;
    settings.posix = Some(PosixSettings { uid_range, gid });
    Ldap::new(settings).expect("good settings")
}

fn posix(uid: &str) -> Operation {
    Operation::Create(Create { attributes: posix::attributes(uid), password: None, must_change: false, ..person(uid) })
}

fn group(name: &str) -> Operation {
    Operation::CreateGroup { kind: GroupKind::Group, name: GroupName::new(name), members: Vec::new() }
}

async fn numbers(territory: &Territory<'_>, uid: &str) -> (String, String) {
    let dn = territory.person(uid);
    posix::numbers(async |name| territory.values(&dn, name).await).await
}

async fn foreign(territory: &Territory<'_>, dn: &str, number: &str) {
    posix::foreign(number, async |attributes| territory.add(dn, attributes).await).await;
}

#[tokio::test]
async fn two_rosterds_at_the_same_time_give_nobody_the_same_number() {
    let territory = Ds389::shared().territory().await;
    let directories = [1, 2].map(|_| ldap(&territory, 41_000..=41_400, PosixGid::Uid));
    let names = |who: &str| -> Vec<String> { (0..40).map(|n| format!("{who}{n}")).collect() };
    let batch = |who: &str| -> Vec<Operation> {
        let groups = (0..6).map(|n| group(&format!("group-{who}{n}")));
        names(who).iter().map(|uid| posix(uid)).chain(groups).collect()
    };
    let (ours, theirs) = (batch("a"), batch("b"));
    let pace = Pace::unlimited();
    let answers = tokio::join!(directories[0].apply(&ours, &pace), directories[1].apply(&theirs, &pace));
    for answer in answers.0.into_iter().chain(answers.1) {
        answer.expect("made");
    }
    let mut given = BTreeSet::new();
    for uid in names("a").iter().chain(&names("b")) {
        let (uid_number, gid_number) = numbers(&territory, uid).await;
        assert_eq!(uid_number, gid_number, "{uid}");
        assert!((41_000..=41_400).contains(&uid_number.parse::<u32>().expect("a number")), "{uid_number}");
        given.insert(uid_number);
    }
    assert_eq!(given.len(), 80, "{given:?}");
    let mut gids = BTreeSet::new();
    for name in (0..6).flat_map(|n| ["a", "b"].map(|who| format!("group-{who}{n}"))) {
        gids.extend(territory.values(&territory.group(&name), "gidNumber").await);
    }
    assert_eq!(gids.len(), 12, "{gids:?}");
}

#[tokio::test]
async fn numbers_follow_the_greatest_in_use_and_one_that_was_taken_meanwhile_is_given_up() {
    let territory = Ds389::shared().territory().await;
    // Not below `people_base`, and no person.
    let daemon = format!("uid=daemon-42,ou=services,{SUFFIX}");
    foreign(&territory, &daemon, "42003").await;
    let ldap = ldap(&territory, 42_000..=42_400, PosixGid::Uid);
    ask(&ldap, posix("a")).await.expect("created");
    assert_eq!(numbers(&territory, "a").await, ("42004".to_owned(), "42004".to_owned()));
    let other = format!("uid=other-42,ou=services,{SUFFIX}");
    foreign(&territory, &other, "42005").await;
    // Whoever had the number of this group as his own would be its member.
    let staff = format!("cn=staff-42,ou=groups,{SUFFIX}");
    territory.add(&staff, &[("objectClass", &["posixGroup"]), ("cn", &["staff-42"]), ("gidNumber", &["42006"])]).await;
    ask(&ldap, posix("b")).await.expect("created");
    assert_eq!(numbers(&territory, "b").await, ("42007".to_owned(), "42007".to_owned()));
    assert_eq!(territory.values(&other, "uidNumber").await, ["42005"], "the other entry keeps it");
    assert_eq!(territory.values(&staff, "gidNumber").await, ["42006"]);
}

#[tokio::test]
async fn the_right_to_give_a_number_up_is_checked() {
    let territory = Ds389::shared().territory().await;
    let ldap = || ldap(&territory, 45_000..=45_400, PosixGid::Uid);
    ask(&ldap(), posix("ada")).await.expect("created");
    let told = async || {
        let findings = ldap().check_rights(&Needs { creates: true, ..Needs::default() }).await;
        let bad = findings.into_iter().filter(|one| !matches!(one.verdict, Verdict::Good(_)));
        bad.map(|one| format!("{one:?}")).collect::<Vec<_>>()
    };
    assert_eq!(told().await, [""; 0]);
    let why = "version 3.0; acl \"no\"; deny (write) userdn";
    let aci = format!("(targetattr = \"uidNumber\")({why} = \"ldap:///{SERVICE}\";)");
    let deny = ldap3::Mod::Replace("aci", [aci.as_str()].into());
    let mut admin = territory.server.admin().await;
    admin.modify(&territory.people_base(), vec![deny]).await.expect("sent").success().expect("the ACI is valid");
    let denied = told().await;
    assert!(denied.iter().any(|text| text.contains("uidnumber")), "{denied:?}");
}

#[tokio::test]
async fn the_number_of_somebody_who_was_deleted_does_not_come_back() {
    let territory = Ds389::shared().territory().await;
    let directory = || ldap(&territory, 43_000..=43_100, PosixGid::Fixed(100));
    let roster = |names: &[&str]| {
        let row = |name: &&str| format!("{name},{name},Smith,{name}@example.org\n");
        format!("Username,First name,Surname,Email\n{}", names.iter().map(row).collect::<String>())
    };
    let world = World::new("\n[feed.map]\nhomeDirectory = \"/home/{{ username }}\"\n", &roster(&["ada", "bob"]));
    let carried = world.carry(&directory(), Order::AsTheFeedSays).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
    let mut admin = territory.server.admin().await;
    for uid in ["ada", "bob"] {
        admin.delete(&territory.person(uid)).await.expect("an answer").success().expect("deleted");
    }
    // Another process, which knows only what the journal knows.
    world.drop_roster(&roster(&["cyd"]));
    let carried = world.carry(&directory(), Order::DirectoryWasEmptied).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
    assert_eq!(numbers(&territory, "cyd").await, ("43002".to_owned(), "100".to_owned()));
}

#[tokio::test]
async fn private_groups_are_made_and_deleted_by_the_server() {
    let server = Ds389::start();
    let territory = server.territory().await;
    let people = format!("originScope: ou=people,{SUFFIX}");
    let page = crate::server::ds389::block("4-private-groups.ldif");
    assert!(page.contains(&people));
    server.load("4-private-groups.ldif", &page.replace(&people, &format!("originScope: {}", territory.people_base())));
    let ldap = ldap(&territory, 44_000..=44_400, PosixGid::Uid);
    ask(&ldap, posix("ada")).await.expect("created");
    let group = |uid: &str| format!("cn={uid},ou=private-groups,{SUFFIX}");
    assert_eq!(numbers(&territory, "ada").await, ("44000".to_owned(), "44000".to_owned()), "its group is no stranger");
    assert_eq!(territory.values(&group("ada"), "gidNumber").await, ["44000"]);
    // A number that is given up: the group follows.
    foreign(&territory, &format!("uid=other,ou=services,{SUFFIX}"), "44001").await;
    ask(&ldap, posix("bob")).await.expect("created");
    assert_eq!(numbers(&territory, "bob").await, ("44002".to_owned(), "44002".to_owned()));
    assert_eq!(territory.values(&group("bob"), "gidNumber").await, ["44002"]);
    let ada = super::find(&ldap, "ada").await;
    ask(&ldap, Operation::Delete { id: ada.id, username: "ada".into() }).await.expect("deleted");
    assert!(territory.read(&group("ada")).await.is_none());
}
