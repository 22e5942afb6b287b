//! Groups, roles and channels.

use rosterd::directory::Directory;
use rosterd::directory::Wanted;
use rosterd::directory::ldap::GroupType;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;

use super::ldap;
use crate::ldap::fault;
use crate::ldap::group;
use crate::ldap::members;
use crate::ldap::one;
use crate::ldap::people;
use crate::server::samba::Territory;

fn new_group(name: &str, members: &[rosterd::roster::operation::Member]) -> Operation {
    Operation::CreateGroup { kind: GroupKind::Group, name: GroupName::new(name), members: members.into() }
}

#[tokio::test]
async fn new_groups_are_of_the_type_that_is_wanted() {
    let territory = Territory::new().await;
    let mut settings = territory.settings();
    assert!(one(&ldap(&territory), new_group("staff", &[])).await.is_ok());
    settings.group_type = GroupType::UniversalDistribution;
    let mail = Ldap::new(settings).expect("good settings");
    assert!(one(&mail, new_group("News: all = us", &[])).await.is_ok());
    assert_eq!(territory.values(&territory.group("staff"), "groupType").await, ["-2147483646"]);
    assert_eq!(territory.values(&territory.group("staff"), "sAMAccountName").await, ["staff"]);
    let news = territory.group("News: all \\= us");
    assert_eq!(territory.values(&news, "groupType").await, ["8"]);
    assert_eq!(territory.values(&news, "sAMAccountName").await, ["News_ all _ us"]);
}

#[tokio::test]
async fn a_name_that_an_account_has_is_told() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    people(&ldap, &["ada"]).await;
    let refused = fault(one(&ldap, new_group("ada", &[])).await, Next::RejectRow, None);
    assert!(refused.reason.contains("sAMAccountName"), "{refused}");
    assert!(one(&ldap, new_group("staff", &[])).await.is_ok());
    fault(one(&ldap, new_group("Staff", &[])).await, Next::LookAgain, Some("68"));
}

#[tokio::test]
async fn who_is_gone_is_looked_for() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let (who, accounts) = people(&ldap, &["ada", "bob"]).await;
    assert!(one(&ldap, new_group("staff", &[])).await.is_ok());
    let gone = Operation::Delete { id: who[0].id.clone(), username: "ada".into() };
    assert_eq!(one(&ldap, gone).await, Ok(Done::Changed));
    fault(members(&ldap, "staff", &who, &[]).await, Next::LookAgain, Some("32"));
    fault(one(&ldap, new_group("second", &who)).await, Next::LookAgain, Some("32"));
    assert_eq!(members(&ldap, "staff", &who[1..], &[]).await, Ok(Done::Changed));
    assert!(group(&ldap, GroupKind::Group, "staff").await.has(&accounts[1]));
    assert_eq!(members(&ldap, "staff", &[], &who).await, Ok(Done::Changed), "who is gone is no member either");
}

#[tokio::test]
async fn primary_groups_are_neither_shown_nor_touched() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let (who, accounts) = people(&ldap, &["ada"]).await;
    assert!(one(&ldap, new_group("staff", &who)).await.is_ok());
    let staff = territory.read(&territory.group("staff")).await.expect("there");
    let sid = staff.bin_attrs.get("objectSid").expect("a SID")[0].clone();
    let number = u32::from_le_bytes(*sid.last_chunk().expect("a number")).to_string();
    let primary = ldap3::Mod::Replace("primaryGroupID", [number.as_str()].into());
    let ada = territory.person("ada");
    territory.admin().await.modify(&ada, vec![primary]).await.expect("an answer").success().expect("written");
    assert!(!group(&ldap, GroupKind::Group, "staff").await.has(&accounts[0]));
    members(&ldap, "staff", &[], &who).await.expect("nobody is a member");
    assert_eq!(territory.values(&ada, "primaryGroupID").await, [number]);
    let all = ldap.groups(GroupKind::Group, Wanted::All).await.expect("readable");
    assert_eq!(all.len(), 1, "`Domain Users` is elsewhere");
}

#[tokio::test]
async fn many_members_are_read_whatever_they_are() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let (who, _) = people(&ldap, &["ada"]).await;
    let mut admin = territory.admin().await;
    let base = crate::server::samba::unit_dn("channels");
    let names: Vec<String> = (0..300).map(|n| format!("CN=member{n},{base}")).collect();
    for dn in &names {
        let class = vec![("objectClass", ["contact"].into())];
        admin.add(dn, class).await.expect("an answer").success().expect("created");
    }
    assert!(one(&ldap, new_group("staff", &who)).await.is_ok());
    let all = ldap3::Mod::Add("member", names.iter().map(String::as_str).collect());
    admin.modify(&territory.group("staff"), vec![all]).await.expect("an answer").success().expect("written");
    let rosterd::roster::account::Members::ByEntry(read) = group(&ldap, GroupKind::Group, "staff").await.members else {
        panic!("members are entries")
    };
    assert_eq!(read.len(), 301);
}
