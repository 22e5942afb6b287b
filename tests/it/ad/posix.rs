//! Numbers of accounts and groups, which users and groups of Active Directory have without a class for that.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use rosterd::directory::Directory;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::Needs;
use rosterd::directory::ldap::PosixGid;
use rosterd::directory::ldap::PosixSettings;
use rosterd::exit::Exit;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Operation;
use rosterd::run::Carried;
use rosterd::run::Order;

use crate::ldap::apply;
use crate::ldap::one;
use crate::ldap::person;
use crate::server::samba::DOMAIN;
use crate::server::samba::Territory;
use crate::world::World;

fn ldap(territory: &Territory, uid_range: RangeInclusive<u32>, gid: PosixGid) -> Ldap {
    let mut settings = territory.settings();
    settings.posix = Some(PosixSettings { uid_range, gid });
    Ldap::new(settings).expect("good settings")
}

fn posix(uid: &str) -> Operation {
    let home = format!("/home/{uid}");
    let pairs = [("sn", vec![uid]), ("unixHomeDirectory", vec![&*home]), ("loginShell", vec!["/bin/bash"])];
    Operation::Create(Create {
        attributes: pairs.into_iter().collect(),
        password: None,
        must_change: false,
        ..person(uid)
    })
}

fn new_group(name: &str) -> Operation {
    Operation::CreateGroup { kind: GroupKind::Group, name: GroupName::new(name), members: Vec::new() }
}

async fn numbers(territory: &Territory, uid: &str) -> (String, String) {
    let dn = territory.person(uid);
    let number = async |name| territory.values(&dn, name).await.join(",");
    (number("uidNumber").await, number("gidNumber").await)
}

async fn foreign(territory: &Territory, name: &str, number: &str) -> String {
    let dn = format!("CN={name},CN=Users,{DOMAIN}");
    territory.add(&dn, &[("objectClass", &["user"]), ("sAMAccountName", &[name]), ("uidNumber", &[number])]).await;
    dn
}

#[tokio::test]
async fn users_are_users_of_posix_systems_without_a_class_for_it() {
    let mut territory = Territory::new().await;
    territory.spoil();
    // Who is hardened lets nobody read everything; the page's rights are enough.
    let everybody = format!("CN=S-1-5-11,CN=ForeignSecurityPrincipals,{DOMAIN}");
    let leave = ldap3::Mod::Delete("member", [everybody.as_str()].into());
    let readers = format!("CN=Pre-Windows 2000 Compatible Access,CN=Builtin,{DOMAIN}");
    let answer = territory.admin().await.modify(&readers, vec![leave]).await.expect("an answer");
    answer.success().expect("they could read everything");
    foreign(&territory, "daemon", "20003").await;
    let ldap = ldap(&territory, 20_000..=20_100, PosixGid::Fixed(10_000));
    one(&ldap, posix("ada")).await.expect("created");
    assert_eq!(numbers(&territory, "ada").await, ("20004".to_owned(), "10000".to_owned()));
    let ada = territory.person("ada");
    assert_eq!(territory.values(&ada, "unixHomeDirectory").await, ["/home/ada"]);
    assert_eq!(territory.values(&ada, "loginShell").await, ["/bin/bash"]);
    assert!(!territory.values(&ada, "objectClass").await.contains(&"posixAccount".to_owned()));
    // Taken by somebody else between the look and the write.
    let other = foreign(&territory, "other", "20005").await;
    one(&ldap, posix("bob")).await.expect("created");
    assert_eq!(numbers(&territory, "bob").await.0, "20006");
    assert_eq!(territory.values(&other, "uidNumber").await, ["20005"], "the other entry keeps it");
    // The number of everybody's group is in use.
    one(&ldap, new_group("staff")).await.expect("made");
    assert_eq!(territory.values(&territory.group("staff"), "gidNumber").await, ["10001"]);
    // `rosterd check` knows that they fit, and that they may be written.
    for finding in ldap.check_rights(&Needs { creates: true, ..Needs::default() }).await {
        assert!(matches!(finding.verdict, Verdict::Good(_)), "{finding:?}");
    }
    let names = ["unixHomeDirectory", "loginShell", "uidNumber"].map(AttributeName::new);
    for finding in ldap.check_attributes(&names).await {
        assert!(matches!(finding.verdict, Verdict::Good(_)), "{finding:?}");
    }
}

#[tokio::test]
async fn without_posix_nobody_gets_a_number() {
    let territory = Territory::new().await;
    let ldap = super::ldap(&territory);
    one(&ldap, posix("ada")).await.expect("created");
    one(&ldap, new_group("staff")).await.expect("made");
    assert_eq!(numbers(&territory, "ada").await, (String::new(), String::new()));
    assert_eq!(territory.values(&territory.group("staff"), "gidNumber").await, [""; 0]);
}

#[tokio::test]
async fn two_rosterds_at_the_same_time_give_nobody_the_same_number() {
    let territory = Territory::new().await;
    let directories = [1, 2].map(|_| ldap(&territory, 21_000..=21_200, PosixGid::Uid));
    let batch = |who: &str| -> Vec<Operation> {
        let groups = (0..3).map(|n| new_group(&format!("group-{who}{n}")));
        (0..12).map(|n| posix(&format!("{who}{n}"))).chain(groups).collect()
    };
    let (ours, theirs) = (batch("a"), batch("b"));
    let answers = tokio::join!(apply(&directories[0], &ours), apply(&directories[1], &theirs));
    assert!(answers.0.iter().chain(&answers.1).all(Result::is_ok), "{answers:?}");
    let (mut uids, mut gids) = (BTreeSet::new(), BTreeSet::new());
    for uid in (0..12).flat_map(|n| ["a", "b"].map(|who| format!("{who}{n}"))) {
        let (number, gid) = numbers(&territory, &uid).await;
        assert_eq!(number, gid, "{uid}");
        uids.insert(number);
    }
    for name in (0..3).flat_map(|n| ["a", "b"].map(|who| format!("group-{who}{n}"))) {
        gids.extend(territory.values(&territory.group(&name), "gidNumber").await);
    }
    assert_eq!((uids.len(), gids.len()), (24, 6), "{uids:?} {gids:?}");
}

#[tokio::test]
async fn the_number_of_somebody_who_was_deleted_does_not_come_back() {
    let territory = Territory::new().await;
    let directory = || ldap(&territory, 22_000..=22_100, PosixGid::Fixed(10_000));
    let roster = |names: &[&str]| {
        let row = |name: &&str| format!("{name},{name},Smith,{name}@example.org\n");
        format!("Username,First name,Surname,Email\n{}", names.iter().map(row).collect::<String>())
    };
    let feed = "\n[feed.map]\ncn = \"{{ username }}\"\nunixHomeDirectory = \"/home/{{ username }}\"\n";
    let world = World::new(feed, &roster(&["ada", "bob"]));
    let carried = world.carry(&directory(), Order::AsTheFeedSays).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
    for uid in ["ada", "bob"] {
        let gone = territory.admin().await.delete(&territory.person(uid)).await.expect("an answer");
        gone.success().expect("deleted");
    }
    // Another process, which knows only what the journal knows.
    world.drop_roster(&roster(&["cyd"]));
    let fresh = directory();
    let carried = world.carry(&fresh, Order::DirectoryWasEmptied).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
    assert_eq!(numbers(&territory, "cyd").await.0, "22002");
    assert_eq!(fresh.numbers().expect("numbers").highest().uid, 22_002);
}
