//! `rosterd check`: rights.

use std::collections::HashSet;

use ldap3::Mod;
use ldap3::Scope;
use ldap3::SearchEntry;
use ldap3::controls::RawControl;
use rosterd::directory::Finding;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::Needs;
use rosterd::directory::ldap::Sample;
use rosterd::directory::ldap::Written;
use rosterd::roster::account::GroupKind;
use rosterd::roster::attribute::AttributeName;
use tokio_util::sync::CancellationToken;

use super::ldap;
use crate::ldap::create;
use crate::ldap::person;
use crate::server::samba::SERVICE;
use crate::server::samba::Territory;
use crate::server::samba::unit_dn;

fn needs() -> Needs {
    Needs {
        mapped: ["givenName", "sn", "mail", "title", "manager"].map(AttributeName::new).to_vec(),
        creates: true,
        updates: true,
        resets: true,
        switches: true,
        deletes: true,
        relocates: true,
        members: vec![GroupKind::Group, GroupKind::Role, GroupKind::Channel],
        groups: vec![GroupKind::Group, GroupKind::Role],
        shortest_password: Some(20),
    }
}

fn not_good(findings: &[Finding]) -> Vec<String> {
    let told = |finding: &Finding| match &finding.verdict {
        Verdict::Good(_) => None,
        Verdict::Warning(text) | Verdict::Bad(text, _) => Some(format!("{}: {text}", finding.subject)),
    };
    findings.iter().filter_map(told).collect()
}

/// The access list alone.
fn list_only() -> Vec<RawControl> {
    let value = Some(vec![0x30, 3, 2, 1, 4]);
    vec![RawControl { ctype: "1.2.840.113556.1.4.801".to_owned(), crit: true, val: value }]
}

async fn octets(territory: &Territory, dn: &str, attribute: &str) -> Vec<u8> {
    let mut admin = territory.admin().await;
    let read = admin.with_controls(list_only()).search(dn, Scope::Base, "(objectClass=*)", [attribute]).await;
    let entry = SearchEntry::construct(read.expect("an answer").success().expect("readable").0.remove(0));
    entry.bin_attrs[attribute][0].clone()
}

async fn set_list(territory: &Territory, dn: &str, descriptor: &[u8]) {
    let change = vec![Mod::Replace(b"nTSecurityDescriptor".as_slice(), HashSet::from([descriptor]))];
    let mut admin = territory.admin().await;
    admin.with_controls(list_only()).modify(dn, change).await.expect("an answer").success().expect("it may");
}

/// Returns the descriptor without one of its rules.
fn without(descriptor: &[u8], rule: std::ops::Range<usize>) -> Vec<u8> {
    let start = u32::from_le_bytes(descriptor[16..20].try_into().expect("four")) as usize;
    let mut shorter = descriptor.to_vec();
    let lessen = |octets: &mut [u8], by: u16| {
        let number = u16::from_le_bytes([octets[0], octets[1]]) - by;
        octets.copy_from_slice(&number.to_le_bytes());
    };
    lessen(&mut shorter[start + 2..start + 4], u16::try_from(rule.len()).expect("small"));
    lessen(&mut shorter[start + 4..start + 6], 1);
    shorter.drain(rule);
    shorter
}

/// Returns the rules for the one with this SID: where each is, and its mask.
fn rules(descriptor: &[u8], sid: &[u8]) -> Vec<(std::ops::Range<usize>, u32)> {
    let start = u32::from_le_bytes(descriptor[16..20].try_into().expect("four")) as usize;
    let count = u16::from_le_bytes([descriptor[start + 4], descriptor[start + 5]]);
    let mut at = start + 8;
    let mut found = Vec::new();
    for _ in 0..count {
        let size = usize::from(u16::from_le_bytes([descriptor[at + 2], descriptor[at + 3]]));
        let mask = u32::from_le_bytes(descriptor[at + 4..at + 8].try_into().expect("four"));
        if descriptor[at..at + size].ends_with(sid) {
            found.push((at..at + size, mask));
        }
        at += size;
    }
    found
}

#[tokio::test]
async fn the_rights_of_the_page_are_all_that_feeds_need() {
    let territory = Territory::new().await;
    let empty = ldap(&territory).check_rights(&needs()).await;
    assert_eq!(not_good(&empty), [""; 0], "{empty:#?}");
    create(&ldap(&territory), person("ada")).await;
    let findings = ldap(&territory).check_rights(&needs()).await;
    assert_eq!(not_good(&findings), [""; 0], "{findings:#?}");
    assert_eq!(findings.len(), empty.len() + 1, "{findings:#?}");
}

#[tokio::test]
async fn each_right_that_is_missing_is_named() {
    // Whoever changes rights has the domain alone: it is given back as it was.
    let territory = Territory::new().await;
    let sid = octets(&territory, SERVICE, "objectSid").await;
    let everything = Needs { mapped: Vec::new(), ..needs() };
    let mut n_named = 0;
    for unit in ["people", "groups"] {
        let base = unit_dn(unit);
        let whole = octets(&territory, &base, "nTSecurityDescriptor").await;
        for (rule, mask) in rules(&whole, &sid) {
            // Of the attributes that are written only those are asked for that every feed needs.
            let is_attribute = mask == 0x20;
            if mask & 0x123 == 0 || (is_attribute && n_named > 8) {
                continue;
            }
            set_list(&territory, &base, &without(&whole, rule)).await;
            let findings = not_good(&ldap(&territory).check_rights(&everything).await);
            set_list(&territory, &base, &whole).await;
            let told = findings.join("; ");
            let is_named = findings.iter().all(|text| text.contains("not granted"));
            assert!(is_named && (is_attribute || !findings.is_empty()), "{unit} {mask:#x}: {told}");
            n_named += usize::from(!findings.is_empty());
        }
    }
    // Create and delete, reset, the state of accounts, members.
    assert!(n_named >= 6, "{n_named}");
    assert_eq!(not_good(&ldap(&territory).check_rights(&everything).await), [""; 0]);
}

#[tokio::test]
async fn the_length_of_values_is_known() {
    let territory = Territory::new().await;
    let long = "x".repeat(129);
    let values = |text: &str| vec![Box::from(text.as_bytes())];
    let written = Written::Changed(vec![
        (AttributeName::new("title"), values(&long)),
        (AttributeName::new("sn"), values("Byron")),
    ]);
    let findings = ldap(&territory).check_sample(&Sample { written, groups: Vec::new() }).await;
    let told = not_good(&findings);
    assert!(told.len() == 1 && told[0].contains("the server takes 128"), "{findings:#?}");
}

#[tokio::test]
async fn a_probe_leaves_nothing() {
    let territory = Territory::new().await;
    let findings = ldap(&territory).probe(None, None, &CancellationToken::new()).await;
    assert_eq!(not_good(&findings), [""; 0], "{findings:#?}");
    for unit in ["people", "groups", "roles", "channels"] {
        let mut admin = territory.admin().await;
        let found = admin.search(&unit_dn(unit), Scope::OneLevel, "(objectClass=*)", ["1.1"]).await.expect("an answer");
        assert!(found.0.is_empty(), "{unit}");
    }
}
