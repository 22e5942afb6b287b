//! Groups, roles and channels of every class.

use std::collections::BTreeSet;

use rosterd::directory::Directory;
use rosterd::directory::Wanted;
use rosterd::directory::ldap::GroupClass;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::EntryId;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Member;
use rosterd::roster::operation::Operation;

use crate::server::slapd::Slapd;

use super::apply;
use super::fault;
use super::group;
use super::ldap;
use super::members;
use super::one;
use super::people;

#[tokio::test]
async fn groups_of_every_class_are_read_and_written_as_what_they_are() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let (who, accounts) = people(&ldap, &["ada", "bob", "cy"]).await;
    let ada = territory.person("ada").replace("uid=ada,", "UID=ADA, ");
    for (class, attribute, value, more) in [
        ("groupOfNames", "member", ada.as_str(), None),
        ("groupOfUniqueNames", "uniqueMember", ada.as_str(), None),
        ("posixGroup", "memberUid", "ada", Some(("gidNumber", "500"))),
    ] {
        let dn = territory.group(class);
        let mut attributes: Vec<(&str, &[&str])> = vec![("cn", std::slice::from_ref(&class))];
        let (classes, values, number) = ([class], [value], more.map(|(_, v)| [v]));
        attributes.push(("objectClass", &classes));
        attributes.push((attribute, &values));
        if let (Some((name, _)), Some(number)) = (more, &number) {
            attributes.push((name, number));
        }
        territory.add(&dn, &attributes).await;
        let before = group(&ldap, GroupKind::Group, class).await;
        assert!(before.has(&accounts[0]) && !before.has(&accounts[1]), "{before:?}");
        assert_eq!(members(&ldap, class, &who[1..], &who[..1]).await, Ok(Done::Changed), "{class}");
        let after = group(&ldap, GroupKind::Group, class).await;
        assert!(!after.has(&accounts[0]) && after.has(&accounts[1]) && after.has(&accounts[2]), "{after:?}");
        // Again: everybody is there already, or gone already.
        assert_eq!(members(&ldap, class, &who[1..], &who[..1]).await, Ok(Done::AlreadySo), "{class}");
        // A part of it is to be done.
        assert_eq!(members(&ldap, class, &who, &[]).await, Ok(Done::Changed), "{class}");
        assert_eq!(territory.values(&dn, attribute).await.len(), 3, "{class}");
        assert_eq!(members(&ldap, class, &[], &who[1..]).await, Ok(Done::Changed), "{class}");
        assert_eq!(members(&ldap, class, &[], &who[1..2]).await, Ok(Done::AlreadySo), "{class}");
        let last = group(&ldap, GroupKind::Group, class).await;
        assert!(last.has(&accounts[0]) && !last.has(&accounts[1]) && !last.has(&accounts[2]), "{last:?}");
    }
    assert_eq!(ldap.groups(GroupKind::Group, Wanted::All).await.expect("readable").len(), 3);
}

#[tokio::test]
async fn the_last_member_can_leave() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let (who, accounts) = people(&ldap, &["ada", "bob"]).await;
    for (class, attribute) in [("groupOfNames", "member"), ("groupOfUniqueNames", "uniqueMember")] {
        let dn = territory.group(class);
        let ada = territory.person("ada");
        territory.add(&dn, &[("objectClass", &[class]), ("cn", &[class]), (attribute, &[&ada])]).await;
        assert_eq!(members(&ldap, class, &[], &who).await, Ok(Done::Changed), "{class}");
        let empty = group(&ldap, GroupKind::Group, class).await;
        assert!(!empty.has(&accounts[0]) && !empty.has(&accounts[1]), "{empty:?}");
        assert!(matches!(&empty.members, rosterd::roster::account::Members::ByEntry(m) if m.is_empty()), "{empty:?}");
        assert_eq!(territory.values(&dn, attribute).await, std::slice::from_ref(&dn), "the group stands in for itself");
        assert_eq!(members(&ldap, class, &[], &who).await, Ok(Done::AlreadySo), "{class}");
        assert_eq!(members(&ldap, class, &who[1..], &[]).await, Ok(Done::Changed), "{class}");
        assert_eq!(territory.values(&dn, attribute).await, [territory.person("bob")], "the placeholder goes");
        // The only member leaves while another one comes.
        assert_eq!(members(&ldap, class, &who[..1], &who[1..]).await, Ok(Done::Changed), "{class}");
        assert_eq!(territory.values(&dn, attribute).await, [territory.person("ada")]);
    }
}

#[tokio::test]
async fn roles_and_channels_have_bases_of_their_own() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let (who, accounts) = people(&ldap, &["ada", "bob"]).await;
    let role = format!("cn=admins,ou=roles,{}", territory.base);
    territory.add(&role, &[("objectClass", &["organizationalRole"]), ("cn", &["admins"])]).await;
    let change = |kind, name: &str, add: &[Member], remove: &[Member]| Operation::ChangeMembers {
        kind,
        name: GroupName::new(name),
        add: add.into(),
        remove: remove.into(),
    };
    assert_eq!(one(&ldap, change(GroupKind::Role, "Admins", &who, &[])).await, Ok(Done::Changed));
    assert!(group(&ldap, GroupKind::Role, "admins").await.has(&accounts[1]));
    assert_eq!(one(&ldap, change(GroupKind::Role, "admins", &[], &who)).await, Ok(Done::Changed));
    assert!(!group(&ldap, GroupKind::Role, "admins").await.has(&accounts[0]));
    let create = |kind, name: &str, members: &[Member]| Operation::CreateGroup {
        kind,
        name: GroupName::new(name),
        members: members.into(),
    };
    let created = one(&ldap, create(GroupKind::Channel, "News", &who[..1])).await;
    assert!(matches!(created, Ok(Done::Created(_))), "{created:?}");
    let news = group(&ldap, GroupKind::Channel, "news").await;
    assert!(news.has(&accounts[0]) && !news.has(&accounts[1]));
    assert_eq!(news.name.as_str(), "News");
    assert!(ldap.groups(GroupKind::Group, Wanted::All).await.expect("readable").is_empty());
    fault(one(&ldap, create(GroupKind::Channel, "NEWS", &[])).await, Next::LookAgain, Some("68"));
    let empty = one(&ldap, create(GroupKind::Channel, "Empty, for now", &[])).await;
    assert!(matches!(empty, Ok(Done::Created(_))), "{empty:?}");
    assert!(!group(&ldap, GroupKind::Channel, "empty, for now").await.has(&accounts[0]));
    fault(one(&ldap, change(GroupKind::Role, "nobody", &who, &[])).await, Next::RejectRow, None);
}

#[tokio::test]
async fn new_roles_may_list_their_occupants() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.role_class = Some(GroupClass::OrganizationalRole);
    let ldap = Ldap::new(settings).expect("good settings");
    let (who, accounts) = people(&ldap, &["ada", "bob"]).await;
    let name = || GroupName::new("auditors");
    let new = Operation::CreateGroup { kind: GroupKind::Role, name: name(), members: who[..1].to_vec() };
    assert!(matches!(one(&ldap, new).await, Ok(Done::Created(_))));
    let dn = format!("cn=auditors,ou=roles,{}", territory.base);
    assert_eq!(territory.values(&dn, "roleOccupant").await, [territory.person("ada")]);
    assert!(territory.values(&dn, "objectClass").await.contains(&"organizationalRole".to_owned()));
    let change = |add: &[Member], remove: &[Member]| Operation::ChangeMembers {
        kind: GroupKind::Role,
        name: name(),
        add: add.into(),
        remove: remove.into(),
    };
    assert_eq!(one(&ldap, change(&who[1..], &who[..1])).await, Ok(Done::Changed));
    let read = group(&ldap, GroupKind::Role, "auditors").await;
    assert_eq!((read.has(&accounts[0]), read.has(&accounts[1])), (false, true));
    assert_eq!(one(&ldap, change(&who[1..], &who[..1])).await, Ok(Done::AlreadySo));
    assert_eq!(one(&ldap, change(&[], &who)).await, Ok(Done::Changed));
    assert_eq!(territory.values(&dn, "roleOccupant").await, [""; 0], "a role may be empty");
}

#[tokio::test]
async fn new_posix_groups_get_numbers_of_their_own() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.group_class = Some(GroupClass::PosixGroup);
    settings.group_gid_range = 7000..=7004;
    let ldap = Ldap::new(settings).expect("good settings");
    let (who, accounts) = people(&ldap, &["ada"]).await;
    let taken = territory.group("taken");
    territory.add(&taken, &[("objectClass", &["posixGroup"]), ("cn", &["taken"]), ("gidNumber", &["7001"])]).await;
    let batch: Vec<_> = (0..4)
        .map(|i| Operation::CreateGroup {
            kind: if i % 2 == 0 { GroupKind::Group } else { GroupKind::Role },
            name: GroupName::new(&format!("g{i}")),
            members: who.clone(),
        })
        .collect();
    let answers = apply(&ldap, &batch).await;
    assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 3, "7002, 7003 and 7004 are left: {answers:?}");
    let full = answers.into_iter().find_map(Result::err).expect("one too many");
    assert_eq!(full.next, Next::RejectRow);
    assert!(full.reason.contains("group_gid_range"), "{full}");
    let mut numbers = BTreeSet::new();
    for (i, kind) in [(0, "groups"), (1, "roles"), (2, "groups"), (3, "roles")] {
        if let Some(entry) = territory.read(&format!("cn=g{i},ou={kind},{}", territory.base)).await {
            numbers.insert(entry.attrs["gidNumber"][0].clone());
        }
    }
    assert_eq!(numbers.into_iter().collect::<Vec<_>>(), ["7002", "7003", "7004"]);
    let found = ldap.groups(GroupKind::Group, Wanted::All).await.expect("readable");
    assert!(found.iter().any(|g| g.has(&accounts[0])), "{found:?}");
}

#[tokio::test]
async fn a_name_that_two_groups_have_is_nobodys() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let (who, _) = people(&ldap, &["ada"]).await;
    let unit = format!("ou=more,ou=groups,{}", territory.base);
    territory.add(&unit, &[("objectClass", &["organizationalUnit"]), ("ou", &["more"])]).await;
    for dn in [territory.group("staff"), format!("cn=Staff,{unit}")] {
        let gid = if dn.contains("more") { "501" } else { "502" };
        territory.add(&dn, &[("objectClass", &["posixGroup"]), ("cn", &["staff"]), ("gidNumber", &[gid])]).await;
    }
    assert!(group(&ldap, GroupKind::Group, "staff").await.protected.is_some());
    fault(members(&ldap, "staff", &who, &[]).await, Next::RejectRow, None);
}

#[tokio::test]
async fn a_name_that_cannot_be_had_rejects_the_group() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let (who, _) = people(&ldap, &["ada"]).await;
    territory.add(&territory.group("printers"), &[("objectClass", &["device"]), ("cn", &["printers"])]).await;
    let long = "x".repeat(243);
    for (name, says) in [("printers", "is no group"), (&*long, "too long")] {
        let new = Operation::CreateGroup { kind: GroupKind::Group, name: GroupName::new(name), members: who.clone() };
        let fault = fault(one(&ldap, new).await, Next::RejectRow, None);
        assert!(fault.reason.contains(says), "{fault}");
    }
}

#[tokio::test]
async fn many_members_go_in_few_requests() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    territory
        .add(&territory.group("all"), &[("objectClass", &["posixGroup"]), ("cn", &["all"]), ("gidNumber", &["503"])])
        .await;
    let who: Vec<Member> = (0..11_000)
        .map(|i| Member {
            id: EntryId { locator: territory.person(&format!("p{i}")).into(), stable: format!("{i}").into() },
            username: format!("p{i}").into(),
        })
        .collect();
    assert_eq!(members(&ldap, "all", &who[..6000], &[]).await, Ok(Done::Changed));
    // The first part is there already, so what differs is sent.
    assert_eq!(members(&ldap, "all", &who, &[]).await, Ok(Done::Changed));
    assert_eq!(territory.values(&territory.group("all"), "memberUid").await.len(), 11_000);
    assert_eq!(members(&ldap, "all", &[], &who).await, Ok(Done::Changed));
    assert_eq!(territory.values(&territory.group("all"), "memberUid").await.len(), 0);
}
