//! The service account can do what the page lets it do, and nothing else.

use std::collections::HashSet;

use ldap3::LdapConnAsync;
use ldap3::Mod;
use ldap3::Scope;

use super::created;
use super::ldap;
use crate::server::ds389::Ds389;
use crate::server::ds389::SERVICE;
use crate::server::ds389::SERVICE_PASSWORD;
use crate::server::ds389::SUFFIX;

/// Insufficient access rights.
const NO: u32 = 50;
/// What anybody could do with it.
const DOOR: &str = r#"(targetattr="*")(version 3.0; acl "door"; allow (all) userdn="ldap:///anyone";)"#;

fn set<'a>(attribute: &'a str, value: &'a str) -> Mod<&'a str> {
    Mod::Replace(attribute, HashSet::from([value]))
}

#[tokio::test]
async fn passwords_are_written_and_never_read() {
    let territory = Ds389::shared().territory().await;
    created(&ldap(&territory), "ada").await;
    let mut service = territory.server.bound(SERVICE, SERVICE_PASSWORD).await;
    let ada = territory.person("ada");
    let (found, _) = service
        .search(&ada, Scope::Base, "(uid=ada)", ["userPassword", "uid"])
        .await
        .expect("sent")
        .success()
        .expect("readable");
    let entry = ldap3::SearchEntry::construct(found.into_iter().next().expect("ada"));
    assert_eq!(entry.attrs.keys().collect::<Vec<_>>(), ["uid"]);
    assert!(entry.bin_attrs.is_empty());
    assert_eq!(service.compare(&ada, "userPassword", "x").await.expect("sent").0.rc, NO);
    for filter in ["(userPassword=*)", "(!(userPassword=*))", "(userPassword={PBKDF2*)"] {
        let found = service.search(&ada, Scope::Base, filter, ["uid"]).await.expect("sent");
        assert_eq!(found.0.len(), 0, "{filter} tells something");
    }
    let (found, _) =
        service.search(&ada, Scope::Base, "(uid=ada)", ["aci"]).await.expect("sent").success().expect("read");
    assert!(ldap3::SearchEntry::construct(found.into_iter().next().expect("ada")).attrs.is_empty());
}

#[tokio::test]
async fn nothing_is_written_outside_its_branches() {
    let territory = Ds389::shared().territory().await;
    created(&ldap(&territory), "ada").await;
    let mut service = territory.server.bound(SERVICE, SERVICE_PASSWORD).await;
    let (people, groups, roles) = (territory.people_base(), territory.group_base(), territory.role_base());
    let ada = territory.person("ada");
    let config = "cn=config".to_owned();
    let limited = format!("cn=limited,ou=services,{SUFFIX}");
    let service_entry = SERVICE.to_owned();
    let writes = [
        (&config, set("passwordMustChange", "off")),
        (&config, set("nsslapd-security", "off")),
        (&config, set("aci", DOOR)),
        (&service_entry, set("aci", DOOR)),
        (&service_entry, set("userPassword", "another-Secret.1")),
        (&service_entry, set("nsSizeLimit", "1")),
        (&limited, set("userPassword", "another-Secret.1")),
        (&limited, set("nsAccountLock", "true")),
        (&people, set("aci", DOOR)),
        (&people, set("description", "x")),
        (&groups, set("aci", DOOR)),
        (&roles, set("aci", DOOR)),
        (&ada, set("aci", DOOR)),
        (&ada, set("nsSizeLimit", "-1")),
        (&ada, set("pwdPolicySubentry", "cn=lax,dc=example,dc=org")),
        (&ada, set("objectClass", "domain")),
        (&ada, set("nsRoleDN", "cn=admins,dc=example,dc=org")),
        (&ada, Mod::Add("nsRoleDN", HashSet::from(["cn=admins,dc=example,dc=org"]))),
        (&ada, Mod::Add("nsRoleDN", HashSet::from(["cn=x,ou=roles,dc=example,dc=org,dc=elsewhere"]))),
    ];
    for (dn, write) in writes {
        let text = format!("{dn} {write:?}");
        assert_eq!(service.modify(dn, vec![write]).await.expect("sent").rc, NO, "{text}");
    }
    let evil = format!("cn=evil,{SUFFIX}");
    let role = format!("cn=evil,{people}");
    let unit = format!("ou=evil,{people}");
    let in_services = format!("uid=evil,ou=services,{SUFFIX}");
    let adds = [
        (&evil, "applicationProcess", vec![("cn", "evil")]),
        (&in_services, "inetOrgPerson", vec![("uid", "evil"), ("cn", "e"), ("sn", "e")]),
        (&role, "nsManagedRoleDefinition", vec![("cn", "evil")]),
        (&unit, "organizationalUnit", vec![("ou", "evil")]),
    ];
    for (dn, class, attributes) in adds {
        assert_eq!(add(&mut service, dn, class, &attributes).await, NO, "{dn}");
    }
    let evil = territory.person("evil");
    for more in [("aci", DOOR), ("nsRoleDN", "cn=admins,dc=example,dc=org")] {
        let attributes = [("uid", "evil"), ("cn", "e"), ("sn", "e"), more];
        assert_eq!(add(&mut service, &evil, "inetOrgPerson", &attributes).await, NO, "{more:?}");
    }
    for dn in [&people, &groups, &service_entry, &limited] {
        assert_eq!(service.delete(dn).await.expect("sent").rc, NO, "{dn}");
    }
    assert_eq!(
        service.modifydn(&ada, "uid=ada", true, Some(&format!("ou=services,{SUFFIX}"))).await.expect("sent").rc,
        NO
    );

    for dn in [&people, &groups, &roles, &ada] {
        assert!(territory.values(dn, "aci").await.is_empty(), "{dn}");
    }
    assert!(territory.values(&ada, "nsRoleDN").await.is_empty());
    assert!(territory.read(&evil).await.is_none());
}

#[tokio::test]
async fn what_the_page_grants_is_granted() {
    let territory = Ds389::shared().territory().await;
    let ada = created(&ldap(&territory), "ada").await;
    let mut service = territory.server.bound(SERVICE, SERVICE_PASSWORD).await;
    // Such writes are refused above for the value, not for the attribute.
    let role = territory.role("readers");
    let give = Mod::Add("nsRoleDN", HashSet::from([role.as_str()]));
    assert_eq!(service.modify(&ada.id.locator, vec![give]).await.expect("sent").rc, 0);
    let take = Mod::Delete("nsRoleDN", HashSet::from([role.as_str()]));
    assert_eq!(service.modify(&ada.id.locator, vec![take]).await.expect("sent").rc, 0);
    assert_eq!(service.modify(&ada.id.locator, vec![set("title", "Countess")]).await.expect("sent").rc, 0);
}

#[tokio::test]
async fn nobody_binds_in_clear() {
    let server = Ds389::shared();
    let url = format!("ldap://localhost:{}", server.port());
    let (connection, mut ldap) = LdapConnAsync::new(&url).await.expect("the server listens");
    ldap3::drive!(connection);
    // Confidentiality required.
    assert_eq!(ldap.simple_bind(SERVICE, SERVICE_PASSWORD).await.expect("an answer").rc, 13);
}

async fn add(service: &mut ldap3::Ldap, dn: &str, class: &str, attributes: &[(&str, &str)]) -> u32 {
    let class = [("objectClass", class)];
    let all = class.iter().chain(attributes).map(|(name, value)| (*name, HashSet::from([*value]))).collect();
    service.add(dn, all).await.expect("sent").rc
}
