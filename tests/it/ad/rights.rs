//! The rights that `docs/active-directory.md` gives rosterd's account are enough, as all other tests show, and no more.

use std::collections::HashSet;

use ldap3::Mod;
use ldap3::Scope;
use ldap3::SearchEntry;
use ldap3::controls::RawControl;

use super::ldap;
use crate::ldap::create;
use crate::ldap::person;
use crate::server::samba::DOMAIN;
use crate::server::samba::SERVICE;
use crate::server::samba::Territory;
use crate::server::samba::unit_dn;

const DENIED: u32 = 50;

fn password(text: &str) -> Vec<u8> {
    format!("\"{text}\"").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Replaces one value as rosterd's account, and returns the result code.
async fn replaced(territory: &Territory, dn: &str, attribute: &str, value: &[u8]) -> u32 {
    let replace = Mod::Replace(attribute.as_bytes(), HashSet::from([value]));
    territory.service().await.modify(dn, vec![replace]).await.expect("an answer").rc
}

/// Adds an entry as rosterd's account, and returns the result code.
async fn added(territory: &Territory, dn: &str, class: &str, account: &str) -> u32 {
    let mut attributes = vec![("objectClass", HashSet::from([class]))];
    attributes.extend((!account.is_empty()).then(|| ("sAMAccountName", HashSet::from([account]))));
    territory.service().await.add(dn, attributes).await.expect("an answer").rc
}

#[tokio::test]
async fn accounts_elsewhere_are_out_of_reach() {
    let territory = Territory::new().await;
    let users = format!("CN=Users,{DOMAIN}");
    for name in ["Administrator", "krbtgt", "Guest"] {
        let dn = format!("CN={name},{users}");
        let new = password("Hijacked-Passw0rd.1");
        assert_eq!(replaced(&territory, &dn, "unicodePwd", &new).await, DENIED, "{name}");
        assert_eq!(replaced(&territory, &dn, "title", b"x").await, DENIED, "{name}");
        assert_eq!(replaced(&territory, &dn, "userAccountControl", b"514").await, DENIED, "{name}");
    }
    assert_eq!(replaced(&territory, SERVICE, "userAccountControl", b"66048").await, DENIED, "its own account");
    let dn = format!("CN=Administrator,{users}");
    let deleted = territory.service().await.delete(&dn).await.expect("an answer");
    assert_ne!(deleted.rc, 0, "{deleted:?}");
    let fresh = format!("CN=fresh,{users}");
    assert_eq!(added(&territory, &fresh, "user", "fresh").await, DENIED);
    // Nor can an account be moved out of its unit.
    let id = create(&ldap(&territory), person("ada")).await;
    let moved = territory.service().await.modifydn(&id.locator, "CN=ada", true, Some(&users)).await.expect("an answer");
    assert_ne!(moved.rc, 0, "{moved:?}");
    assert!(territory.read(&id.locator).await.is_some());
}

#[tokio::test]
async fn nobody_becomes_an_administrator() {
    let territory = Territory::new().await;
    let id = create(&ldap(&territory), person("ada")).await;
    for group in ["CN=Domain Admins,CN=Users", "CN=Administrators,CN=Builtin", "CN=Account Operators,CN=Builtin"] {
        let dn = format!("{group},{DOMAIN}");
        for member in [SERVICE, &id.locator] {
            let join = Mod::Add("member", HashSet::from([member]));
            let answer = territory.service().await.modify(&dn, vec![join]).await.expect("an answer");
            assert_eq!(answer.rc, DENIED, "{group} {member}");
        }
    }
    // Trust for delegation, computers, principals of services.
    assert_eq!(replaced(&territory, &id.locator, "userAccountControl", b"524800").await, DENIED);
    assert_eq!(replaced(&territory, &id.locator, "userAccountControl", b"16777728").await, DENIED);
    assert_ne!(replaced(&territory, &id.locator, "userAccountControl", b"8192").await, 0);
    assert_eq!(replaced(&territory, &id.locator, "servicePrincipalName", b"host/dc1").await, DENIED);
    assert_eq!(replaced(&territory, &id.locator, "primaryGroupID", b"512").await, DENIED);
}

#[tokio::test]
async fn only_people_and_groups_are_made_and_each_in_its_place() {
    let territory = Territory::new().await;
    let (people, groups) = (unit_dn("people"), unit_dn("groups"));
    assert_eq!(added(&territory, &format!("CN=g,{people}"), "group", "g").await, DENIED);
    assert_eq!(added(&territory, &format!("CN=u,{groups}"), "user", "u").await, DENIED);
    assert_eq!(added(&territory, &format!("CN=pc,{people}"), "computer", "pc$").await, DENIED);
    assert_eq!(added(&territory, &format!("OU=sub,{people}"), "organizationalUnit", "").await, DENIED);
    assert_eq!(added(&territory, &format!("OU=sub,{DOMAIN}"), "organizationalUnit", "").await, DENIED);
    let deleted = territory.service().await.delete(&people).await.expect("an answer");
    assert_eq!(deleted.rc, DENIED, "{deleted:?}");
}

#[tokio::test]
async fn rights_are_changed_on_no_entry_but_on_those_that_samba_lets_their_owner_change() {
    let territory = Territory::new().await;
    let id = create(&ldap(&territory), person("ada")).await;
    let bob = territory.person("bob");
    territory.add(&bob, &[("objectClass", &["user"]), ("sAMAccountName", &["bob"])]).await;
    // LDAP_SERVER_SD_FLAGS_OID: the access list alone (MS-ADTS section 3.1.1.3.4.1.11).
    let list_only = || {
        let value = Some(vec![0x30, 3, 2, 1, 4]);
        vec![RawControl { ctype: "1.2.840.113556.1.4.801".to_owned(), crit: true, val: value }]
    };
    // Samba 4.17 does not look at the entry of OWNER RIGHTS: the page says so.
    let cases = [(&*id.locator, 0), (&bob, DENIED), (&unit_dn("people"), DENIED), (&unit_dn("groups"), DENIED)];
    for (dn, wanted) in cases {
        let mut admin = territory.admin().await;
        let read = admin
            .with_controls(list_only())
            .search(dn, Scope::Base, "(objectClass=*)", ["nTSecurityDescriptor"])
            .await
            .expect("an answer");
        let entry = SearchEntry::construct(read.success().expect("readable").0.remove(0));
        let descriptor = entry.bin_attrs["nTSecurityDescriptor"][0].as_slice();
        let change = || vec![Mod::Replace(b"nTSecurityDescriptor".as_slice(), HashSet::from([descriptor]))];
        let answer =
            territory.service().await.with_controls(list_only()).modify(dn, change()).await.expect("an answer");
        assert_eq!(answer.rc, wanted, "{dn}: {answer:?}");
        // The same request is good for somebody who may.
        let answer = admin.with_controls(list_only()).modify(dn, change()).await.expect("an answer");
        assert_eq!(answer.rc, 0, "{dn}: {answer:?}");
    }
}
