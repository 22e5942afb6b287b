//! Who is never written: administrators and their groups, whatever they are called.

use ldap3::Mod;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;

use super::ldap;
use crate::ldap::by_username;
use crate::ldap::change;
use crate::ldap::fault;
use crate::ldap::group;
use crate::ldap::members;
use crate::ldap::one;
use crate::ldap::people;
use crate::ldap::update;
use crate::server::samba::DOMAIN;
use crate::server::samba::Territory;

/// What administrators' groups are called in another language.
const RENAMED: &str = "Dom\u{e4}nen-Admins";

async fn modified(territory: &Territory, dn: &str, mods: Vec<Mod<&str>>) {
    territory.admin().await.modify(dn, mods).await.expect("an answer").success().expect(dn);
}

/// Gives the Domain Admins another name, and returns that of their entry.
async fn renamed(territory: &mut Territory) -> String {
    territory.spoil();
    let users = format!("CN=Users,{DOMAIN}");
    let old = format!("CN=Domain Admins,{users}");
    let mut admin = territory.admin().await;
    let answer = admin.modifydn(&old, &format!("CN={RENAMED}"), true, None).await.expect("an answer");
    answer.success().expect("renamed");
    let new = format!("CN={RENAMED},{users}");
    let account = Mod::Replace("sAMAccountName", [RENAMED].into());
    // Nothing but the SID tells what it is.
    modified(territory, &new, vec![account, Mod::Replace("adminCount", ["0"].into())]).await;
    new
}

#[tokio::test]
async fn members_of_renamed_domain_admins_are_never_written_however_they_are_members() {
    let mut territory = Territory::new().await;
    let admins = renamed(&mut territory).await;
    let before = ldap(&territory);
    let (_, accounts) = people(&before, &["ada", "bob", "cyd", "dan"]).await;
    let [ada, bob, cyd, _] = ["ada", "bob", "cyd", "dan"].map(|name| territory.person(name));
    // Ada is a member, Bob is one of a group within, and with Cyd it is the primary group.
    let ops = territory.group("ops");
    let new =
        |name: &str| Operation::CreateGroup { kind: GroupKind::Group, name: GroupName::new(name), members: Vec::new() };
    for name in ["ops", "staff"] {
        one(&before, new(name)).await.expect("made");
    }
    modified(&territory, &ops, vec![Mod::Add("member", [bob.as_str()].into())]).await;
    modified(&territory, &admins, vec![Mod::Add("member", [ada.as_str(), &ops, &cyd].into())]).await;
    modified(&territory, &cyd, vec![Mod::Replace("primaryGroupID", ["512"].into())]).await;
    let listed = territory.values(&admins, "member").await;
    assert!(!listed.iter().any(|member| member.eq_ignore_ascii_case(&cyd)), "{listed:?}");

    let ldap = ldap(&territory);
    let found = by_username(&ldap, &["ada", "bob", "cyd", "dan"]).await;
    let protected: Vec<_> = found.iter().map(|account| (&*account.username, account.protected.is_some())).collect();
    assert_eq!(protected, [("ada", true), ("bob", true), ("cyd", true), ("dan", false)]);
    for account in &accounts[..3] {
        let title = Update { changes: vec![change("title", &[], &["x"])], ..update(&account.id) };
        let password = Update { password: Some("Hijacked-Passw0rd.1".into()), ..update(&account.id) };
        let off = Update { enabled: Some(false), ..update(&account.id) };
        for write in [title, password, off] {
            let refused = fault(one(&ldap, Operation::Update(write)).await, Next::RejectRow, None);
            assert!(refused.reason.contains(RENAMED), "{refused}");
        }
        let delete = Operation::Delete { id: account.id.clone(), username: account.username.clone() };
        fault(one(&ldap, delete).await, Next::RejectRow, None);
        let member = rosterd::roster::operation::Member { id: account.id.clone(), username: account.username.clone() };
        fault(members(&ldap, "staff", &[member], &[]).await, Next::RejectRow, None);
    }
    // Who joins the group within becomes an administrator.
    let dan = rosterd::roster::operation::Member { id: accounts[3].id.clone(), username: "dan".into() };
    let refused = fault(members(&ldap, "ops", std::slice::from_ref(&dan), &[]).await, Next::RejectRow, None);
    assert!(refused.reason.contains("protected"), "{refused}");
    assert!(group(&ldap, GroupKind::Group, "ops").await.protected.is_some());
    assert!(members(&ldap, "staff", &[dan], &[]).await.is_ok());
}

#[tokio::test]
async fn groups_of_the_domain_are_never_written_whatever_they_are_called() {
    let mut territory = Territory::new().await;
    let admins = renamed(&mut territory).await;
    let (who, _) = people(&ldap(&territory), &["ada"]).await;
    for (base, names) in [
        ("CN=Users", &[RENAMED, "Schema Admins", "Enterprise Admins", "Domain Users", "Domain Controllers"][..]),
        ("CN=Builtin", &["Administrators", "Account Operators", "Backup Operators", "Users", "Guests"]),
    ] {
        let mut settings = territory.settings();
        settings.group_base = Some(format!("{base},{DOMAIN}"));
        let ldap = Ldap::new(settings).expect("good settings");
        for name in names {
            assert!(group(&ldap, GroupKind::Group, name).await.protected.is_some(), "{name}");
            let refused = fault(members(&ldap, name, &who, &[]).await, Next::RejectRow, None);
            assert!(refused.reason.contains("protected"), "{name}: {refused}");
        }
    }
    assert!(!territory.values(&admins, "member").await.contains(&territory.person("ada")));
    // Nobody is born with a name that looks like theirs, nor is a group.
    let new =
        Operation::CreateGroup { kind: GroupKind::Group, name: GroupName::new("Domain Admins"), members: Vec::new() };
    fault(one(&ldap(&territory), new).await, Next::RejectRow, None);
}

#[tokio::test]
async fn groups_that_the_domain_has_protected_are_never_written() {
    let territory = Territory::new().await;
    let (who, _) = people(&ldap(&territory), &["ada", "bob"]).await;
    let tier0 = territory.group("tier0");
    territory.add(&tier0, &[("objectClass", &["group"]), ("sAMAccountName", &["tier0"]), ("adminCount", &["1"])]).await;
    modified(&territory, &tier0, vec![Mod::Add("member", [territory.person("ada").as_str()].into())]).await;
    let ldap = ldap(&territory);
    let refused = fault(members(&ldap, "tier0", &who[1..], &[]).await, Next::RejectRow, None);
    assert!(refused.reason.contains("protected"), "{refused}");
    let found = by_username(&ldap, &["ada", "bob"]).await;
    assert!(found[0].protected.is_some() && found[1].protected.is_none(), "{found:?}");
}
