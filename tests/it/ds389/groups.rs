//! Groups of every class, and roles of the server's own kind.

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::Wanted;
use rosterd::directory::ldap::GroupClass;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;

use super::ask;
use super::created;
use super::group;
use super::member;
use super::members;
use crate::server::ds389::Ds389;

fn new(kind: GroupKind, name: &str, with: &[&ExistingAccount]) -> Operation {
    let members = with.iter().map(|account| member(account)).collect();
    Operation::CreateGroup { kind, name: GroupName::new(name), members }
}

#[tokio::test]
async fn groups_of_every_class_may_be_empty() {
    let territory = Ds389::shared().territory().await;
    let classes = [
        (GroupClass::GroupOfNames, "member"),
        (GroupClass::GroupOfUniqueNames, "uniqueMember"),
        (GroupClass::PosixGroup, "memberUid"),
    ];
    for (index, (class, attribute)) in classes.into_iter().enumerate() {
        let mut settings = territory.settings();
        settings.group_class = Some(class);
        let ldap = Ldap::new(settings).expect("good settings");
        let (name, uid) = (format!("g{index}"), format!("p{index}"));
        let account = created(&ldap, &uid).await;
        ask(&ldap, new(GroupKind::Group, &name, &[])).await.expect("made");
        let dn = territory.group(&name);
        assert!(territory.values(&dn, attribute).await.is_empty(), "nobody stands in");
        let joined = ask(&ldap, members(GroupKind::Group, &name, &[&account], &[])).await;
        assert_eq!(joined.expect("joined"), Done::Changed);
        let value = if class == GroupClass::PosixGroup { uid } else { territory.person(&uid) };
        assert_eq!(territory.values(&dn, attribute).await, [value]);
        assert!(group(&ldap, GroupKind::Group, &name).await.has(&account));
        let left = ask(&ldap, members(GroupKind::Group, &name, &[], &[&account])).await;
        assert_eq!(left.expect("left"), Done::Changed);
        assert!(territory.values(&dn, attribute).await.is_empty());
    }
    // Whatever class new groups have: all are read.
    let ldap = super::ldap(&territory);
    assert_eq!(ldap.groups(GroupKind::Group, Wanted::All).await.expect("readable").len(), 3);
}

#[tokio::test]
async fn a_role_is_held_by_the_entry_of_the_person() {
    let territory = Ds389::shared().territory().await;
    let mut settings = territory.settings();
    settings.role_class = Some(GroupClass::ManagedRole);
    let ldap = Ldap::new(settings).expect("good settings");
    let (ada, bob) = (created(&ldap, "ada").await, created(&ldap, "bob").await);
    // Something else that Ada holds, and that nobody here asks about.
    let other = territory.role("other");
    ask(&ldap, new(GroupKind::Role, "other", &[&ada])).await.expect("made");

    ask(&ldap, new(GroupKind::Role, "readers", &[&ada])).await.expect("made");
    let readers = territory.role("readers");
    assert_eq!(territory.values(&readers, "nsRoleScopeDN").await, [territory.people_base()]);
    // The server itself says what she holds: `nsRole` is computed.
    let mut both = vec![other.clone(), readers.clone()];
    both.sort();
    assert_eq!(territory.values(&ada.id.locator, "nsRole").await, both);
    assert!(territory.values(&bob.id.locator, "nsRole").await.is_empty());

    let swap = ask(&ldap, members(GroupKind::Role, "Readers", &[&bob], &[&ada])).await;
    assert_eq!(swap.expect("swapped"), Done::Changed);
    assert_eq!(territory.values(&ada.id.locator, "nsRole").await, [other]);
    assert_eq!(territory.values(&bob.id.locator, "nsRole").await, [readers]);
    let read = group(&ldap, GroupKind::Role, "readers").await;
    assert_eq!((read.has(&ada), read.has(&bob)), (false, true));
    let again = ask(&ldap, members(GroupKind::Role, "readers", &[&bob], &[&ada])).await;
    assert_eq!(again.expect("nothing to do"), Done::AlreadySo);
    let names: Vec<_> = ldap.groups(GroupKind::Role, Wanted::All).await.expect("readable");
    assert_eq!(names.len(), 2);
}

#[tokio::test]
async fn a_role_is_not_given_to_somebody_protected_or_to_another_entry_of_that_name() {
    let territory = Ds389::shared().territory().await;
    let mut settings = territory.settings();
    settings.role_class = Some(GroupClass::ManagedRole);
    let plain = Ldap::new(settings.clone()).expect("good settings");
    let (ada, boss) = (created(&plain, "ada").await, created(&plain, "boss").await);
    ask(&plain, new(GroupKind::Role, "readers", &[])).await.expect("made");
    settings.protected = vec!["boss".to_owned()];
    let ldap = Ldap::new(settings).expect("good settings");
    let fault = ask(&ldap, members(GroupKind::Role, "readers", &[&boss], &[])).await.expect_err("protected");
    assert_eq!(fault.next, Next::RejectRow, "{fault}");
    assert!(fault.reason.contains("protected"), "{fault}");
    // It is refused before anything is done.
    let fault = ask(&ldap, members(GroupKind::Role, "readers", &[&ada, &boss], &[])).await.expect_err("protected");
    assert_eq!(fault.next, Next::RejectRow, "{fault}");
    for account in [&boss, &ada] {
        assert!(territory.values(&account.id.locator, "nsRoleDN").await.is_empty());
    }

    let gone = Operation::Delete { id: ada.id.clone(), username: "ada".into() };
    ask(&ldap, gone).await.expect("deleted");
    let second = created(&ldap, "ada").await;
    assert_ne!(second.id, ada.id);
    let fault = ask(&ldap, members(GroupKind::Role, "readers", &[&ada], &[])).await.expect_err("another one");
    assert_eq!(fault.next, Next::LookAgain, "{fault}");
    assert!(territory.values(&second.id.locator, "nsRoleDN").await.is_empty());
}

#[tokio::test]
async fn roles_may_be_groups_too() {
    let territory = Ds389::shared().territory().await;
    let ldap = super::ldap(&territory);
    let ada = created(&ldap, "ada").await;
    ask(&ldap, new(GroupKind::Role, "printers", &[&ada])).await.expect("made");
    assert_eq!(territory.values(&territory.role("printers"), "member").await, [ada.id.locator.to_string()]);
    assert!(group(&ldap, GroupKind::Role, "printers").await.has(&ada));
}

#[tokio::test]
async fn roles_may_list_their_occupants() {
    let territory = Ds389::shared().territory().await;
    let mut settings = territory.settings();
    settings.role_class = Some(GroupClass::OrganizationalRole);
    let ldap = Ldap::new(settings).expect("good settings");
    let (ada, bob) = (created(&ldap, "ada").await, created(&ldap, "bob").await);
    ask(&ldap, new(GroupKind::Role, "auditors", &[&ada])).await.expect("made");
    let auditors = territory.role("auditors");
    assert_eq!(territory.values(&auditors, "roleOccupant").await, [ada.id.locator.to_string()]);
    let swap = ask(&ldap, members(GroupKind::Role, "auditors", &[&bob], &[&ada])).await;
    assert_eq!(swap.expect("swapped"), Done::Changed);
    let read = group(&ldap, GroupKind::Role, "auditors").await;
    assert_eq!((read.has(&ada), read.has(&bob)), (false, true));
    assert_eq!(ask(&ldap, members(GroupKind::Role, "auditors", &[], &[&bob])).await.expect("left"), Done::Changed);
    assert!(territory.values(&auditors, "roleOccupant").await.is_empty(), "nobody has it, and nobody stands in");
}

#[tokio::test]
async fn many_members_come_in_few_requests_and_are_read_back() {
    let territory = Ds389::shared().territory().await;
    let ldap = super::ldap(&territory);
    let batch: Vec<_> = (0..60).map(|n| Operation::Create(passwordless(&format!("p{n}")))).collect();
    assert!(ldap.apply(&batch, &Pace::unlimited()).await.iter().all(Result::is_ok));
    let all = super::read(&ldap, rosterd::directory::Which::All).await.expect("readable");
    ask(&ldap, new(GroupKind::Group, "staff", &all.iter().collect::<Vec<_>>())).await.expect("made");
    let staff = group(&ldap, GroupKind::Group, "staff").await;
    assert!(all.iter().all(|account| staff.has(account)));
    // The plugin of the page keeps the other direction, and adds a class to each of them.
    assert_eq!(territory.values(&territory.person("p7"), "memberOf").await, [territory.group("staff")]);
    ask(&ldap, Operation::Delete { id: all[0].id.clone(), username: all[0].username.clone() }).await.expect("deleted");
    assert!(!group(&ldap, GroupKind::Group, "staff").await.has(&all[0]), "the server takes out who is gone");
}

fn passwordless(uid: &str) -> rosterd::roster::operation::Create {
    rosterd::roster::operation::Create { password: None, must_change: false, ..super::person(uid) }
}
