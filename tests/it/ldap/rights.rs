//! The service account with just the rights that the documentation gives it: enough for rosterd, and for nothing else.

use std::collections::HashSet;

use ldap3::LdapConnAsync;
use ldap3::Mod;
use ldap3::Scope;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Member;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::secret::Secret;

use crate::server::slapd::Login;
use crate::server::slapd::Options;
use crate::server::slapd::SERVICE;
use crate::server::slapd::SERVICE_PASSWORD;
use crate::server::slapd::Slapd;

use super::PASSWORD;
use super::change;
use super::create;
use super::ldap;
use super::one;
use super::person;
use super::update;

const INSUFFICIENT_ACCESS_RIGHTS: u32 = 50;

fn documented() -> Slapd {
    Slapd::start_with(Options { documented_rights: true, ..Options::default() })
}

#[tokio::test]
async fn the_documented_rights_are_enough() {
    let server = documented();
    let territory = server.territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    assert_eq!(territory.login("ada", PASSWORD).await, Login::MustChange);
    let member = Member { id: id.clone(), username: "ada".into() };
    for kind in [GroupKind::Group, GroupKind::Role] {
        let name = GroupName::new("staff");
        let made = Operation::CreateGroup { kind, name: name.clone(), members: vec![member.clone()] };
        assert!(matches!(one(&ldap, made).await, Ok(Done::Created(_))));
        let leave = Operation::ChangeMembers { kind, name, add: vec![], remove: vec![member.clone()] };
        assert_eq!(one(&ldap, leave).await, Ok(Done::Changed));
    }
    let plain = || update(&id);
    for step in [
        Update { changes: vec![change("title", &[], &["Dr"])], ..plain() },
        Update { password: Some(Secret::from("second-Passw0rd")), must_change: Some(true), ..plain() },
        Update { enabled: Some(false), ..plain() },
        Update { enabled: Some(true), ..plain() },
    ] {
        assert_eq!(one(&ldap, Operation::Update(step)).await, Ok(Done::Changed));
    }
    assert_eq!(one(&ldap, Operation::Delete { id, username: "ada".into() }).await, Ok(Done::Changed));
}

#[tokio::test]
async fn everything_else_is_refused_by_the_server() {
    let server = documented();
    let territory = server.territory().await;
    create(&ldap(&territory), person("ada")).await;
    let (connection, mut service) = LdapConnAsync::new(&server.socket_url()).await.expect("slapd listens");
    ldap3::drive!(connection);
    service.simple_bind(SERVICE, SERVICE_PASSWORD).await.expect("an answer").success().expect("it may bind");
    let ada = territory.person("ada");

    // No password is read, not even that of a person whom it made, nor guessed by comparing.
    let found = service.search(&ada, Scope::Base, "(objectClass=*)", ["userPassword", "uid"]).await.expect("an answer");
    let entry = ldap3::SearchEntry::construct(found.success().expect("readable").0.remove(0));
    assert!(entry.attrs.contains_key("uid") && !entry.attrs.contains_key("userPassword"), "{entry:?}");
    assert!(!entry.bin_attrs.contains_key("userPassword"));
    let found = service.search(&ada, Scope::Base, "(userPassword=*)", ["uid"]).await.expect("an answer");
    assert!(found.0.is_empty());
    let compared = service.compare(&ada, "userPassword", PASSWORD).await.expect("an answer").0;
    assert_eq!(compared.rc, INSUFFICIENT_ACCESS_RIGHTS);

    // Nothing outside of the three branches is written, its own entry and the policy included.
    let policy = "cn=default,ou=policies,dc=example,dc=org";
    let unit = HashSet::from(["organizationalUnit"]);
    for (place, name) in [("ou=evil,dc=example,dc=org", "evil"), ("ou=channels2,ou=t0,dc=example,dc=org", "channels2")]
    {
        let attributes = vec![("objectClass", unit.clone()), ("ou", HashSet::from([name]))];
        assert_eq!(service.add(place, attributes).await.expect("an answer").rc, INSUFFICIENT_ACCESS_RIGHTS, "{place}");
    }
    for (dn, attribute, value) in [
        (policy, "pwdMinLength", "1"),
        (SERVICE, "description", "mine"),
        ("cn=limited,dc=example,dc=org", "userPassword", "taken-over.1"),
        ("dc=example,dc=org", "description", "mine"),
    ] {
        let change = Mod::Replace(attribute, HashSet::from([value]));
        let answer = service.modify(dn, vec![change]).await.expect("an answer");
        assert_eq!(answer.rc, INSUFFICIENT_ACCESS_RIGHTS, "{dn} {attribute}: {}", answer.text);
    }
    for dn in [policy, "cn=limited,dc=example,dc=org", &format!("ou=roles,{}", territory.base)] {
        assert_eq!(service.delete(dn).await.expect("an answer").rc, INSUFFICIENT_ACCESS_RIGHTS, "{dn}");
    }
    // People are not moved out of their branch, where other rules hold.
    let moved = service.modifydn(&ada, "uid=ada", true, Some("dc=example,dc=org")).await.expect("an answer");
    assert_eq!(moved.rc, INSUFFICIENT_ACCESS_RIGHTS);

    // The server's own configuration is neither read nor written.
    let config = service.search("cn=config", Scope::Subtree, "(objectClass=*)", ["*"]).await.expect("an answer");
    assert!(config.0.is_empty() && config.1.rc != 0, "{:?}", config.1);
    let change = Mod::Replace("olcLogLevel", HashSet::from(["any"]));
    assert_eq!(service.modify("cn=config", vec![change]).await.expect("an answer").rc, INSUFFICIENT_ACCESS_RIGHTS);
}
