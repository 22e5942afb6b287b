//! Reading is complete, or a fault.

use std::collections::BTreeSet;

use rosterd::directory::Directory;
use rosterd::directory::Verdict;
use rosterd::directory::Wanted;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::MatchBy;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Attributes;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;

use crate::server::slapd::LIMITED;
use crate::server::slapd::SMALL_PAGES;
use crate::server::slapd::Slapd;

use super::apply;
use super::by_username;
use super::create;
use super::ldap;
use super::one;
use super::person;
use super::read;

#[tokio::test]
async fn a_truncated_answer_is_a_fault_and_never_a_part() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let batch: Vec<_> = (0..30).map(|i| Operation::Create(person(&format!("p{i}")))).collect();
    assert!(apply(&ldap, &batch).await.iter().all(Result::is_ok));
    let mut settings = territory.settings();
    settings.bind_dn = Some(LIMITED.to_owned());
    for page in [7, 500] {
        settings.page_size = page.try_into().expect("not zero");
        let limited = Ldap::new(settings.clone()).expect("good settings");
        let cut = read(&limited, Which::All).await.expect_err("30 accounts, 20 allowed");
        assert_eq!((cut.next, cut.code.as_deref()), (Next::StopRun, Some("4")), "{cut}");
        assert!(cut.reason.contains("incomplete") && cut.reason.contains("olcLimits"), "{cut}");
        assert_eq!(by_username(&limited, &["p3", "p4"]).await.len(), 2, "small answers are complete");
        let findings = limited.check().await;
        assert!(
            findings.iter().any(|f| matches!(&f.verdict, Verdict::Bad(what, _) if what.contains("olcLimits"))),
            "{findings:?}"
        );
    }
}

#[tokio::test]
async fn pages_together_are_everybody_once() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.page_size = 7.try_into().expect("not zero");
    let ldap = Ldap::new(settings).expect("good settings");
    let batch: Vec<_> = (0..45).map(|i| Operation::Create(person(&format!("p{i:02}")))).collect();
    assert!(apply(&ldap, &batch).await.iter().all(Result::is_ok));
    let found = read(&ldap, Which::All).await.expect("readable");
    let names: BTreeSet<_> = found.iter().map(|a| a.username.to_string()).collect();
    assert_eq!((found.len(), names.len()), (45, 45));
    // Two reads at once: slapd allows one paged search per connection.
    let (a, b) = tokio::join!(read(&ldap, Which::All), read(&ldap, Which::All));
    assert_eq!((a.expect("readable").len(), b.expect("readable").len()), (45, 45));
    // More values than fit one filter; found in any case, and once however often asked for.
    let values = (0..250).map(|i| format!("P{:02}", i % 50).into()).collect();
    assert_eq!(read(&ldap, Which::Matching { by: MatchBy::Username, values }).await.expect("readable").len(), 45);
    let ids = found.iter().map(|a| a.id.clone()).collect();
    assert_eq!(read(&ldap, Which::Ids(ids)).await.expect("readable").len(), 45);
}

#[tokio::test]
async fn a_server_that_allows_smaller_pages_only_gets_those() {
    let territory = Slapd::shared().territory().await;
    let batch: Vec<_> = (0..130).map(|i| Operation::Create(person(&format!("p{i:03}")))).collect();
    assert!(apply(&ldap(&territory), &batch).await.iter().all(Result::is_ok));
    let mut settings = territory.settings();
    settings.bind_dn = Some(SMALL_PAGES.to_owned());
    let ldap = Ldap::new(settings).expect("good settings");
    let found = read(&ldap, Which::All).await.expect("readable");
    let names: BTreeSet<_> = found.iter().map(|account| account.username.to_string()).collect();
    assert_eq!((found.len(), names.len()), (130, 130));
    let few = (0..80).map(|i| format!("p{i:03}").into()).collect();
    assert_eq!(read(&ldap, Which::Matching { by: MatchBy::Username, values: few }).await.expect("readable").len(), 80);
    let findings = ldap.check().await;
    let is_limited = |verdict: &Verdict| matches!(verdict, Verdict::Bad(what, _) if what.contains("limit"));
    assert!(!findings.iter().any(|finding| is_limited(&finding.verdict)), "{findings:?}");
}

#[tokio::test]
async fn one_entry_that_matches_in_two_chunks_comes_once() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let attributes: Attributes =
        [("sn", vec!["Byron"]), ("cn", vec!["Ada"]), ("mail", vec!["m0@example.org", "m150@example.org"])]
            .into_iter()
            .collect();
    create(&ldap, Create { attributes, ..person("ada") }).await;
    let values = (0..200).map(|i| format!("m{i}@example.org").into()).collect();
    let by = MatchBy::Attribute(AttributeName::new("mail"));
    assert_eq!(read(&ldap, Which::Matching { by, values }).await.expect("readable").len(), 1);
}

#[tokio::test]
async fn a_missing_base_or_an_unknown_name_is_a_fault_and_never_nobody() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.people_base = format!("ou=nowhere,{}", territory.base);
    let nowhere = Ldap::new(settings).expect("good settings");
    for which in [Which::All, Which::Matching { by: MatchBy::Username, values: vec!["ada".into()] }] {
        let missing = read(&nowhere, which).await.expect_err("no base");
        assert_eq!(missing.next, Next::StopRun, "{missing}");
        assert!(missing.reason.contains("people_base"), "{missing}");
    }
    let ldap = ldap(&territory);
    for name in ["employeNumber", "jpegPhoto", "uid)(cn"] {
        let by = MatchBy::Attribute(AttributeName::new(name));
        let unknown = read(&ldap, Which::Matching { by, values: vec!["1".into()] }).await.expect_err(name);
        assert_eq!(unknown.next, Next::StopRun, "{unknown}");
    }
    let mut settings = territory.settings();
    settings.people_filter = Some("(objectClass=inetOrgPersonn)".to_owned());
    let typo = read(&Ldap::new(settings).expect("good settings"), Which::All).await.expect_err("unknown class");
    assert_eq!(typo.next, Next::StopRun, "{typo}");
    let mut settings = territory.settings();
    settings.group_base = Some(format!("ou=nowhere,{}", territory.base));
    let groups = Ldap::new(settings).expect("good settings").groups(GroupKind::Group, Wanted::All).await;
    assert_eq!(groups.expect_err("no base").next, Next::StopRun);
}

#[tokio::test]
async fn a_referral_makes_an_answer_incomplete() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    create(&ldap, person("ada")).await;
    let dn = format!("ou=far,ou=people,{}", territory.base);
    let to = "ldap://other.example.org/ou=far,dc=example,dc=org";
    territory.add(&dn, &[("objectClass", &["referral", "extensibleObject"]), ("ou", &["far"]), ("ref", &[to])]).await;
    let incomplete = read(&ldap, Which::All).await.expect_err("a part is elsewhere");
    assert_eq!(incomplete.next, Next::StopRun);
    assert!(incomplete.reason.contains("other.example.org"), "{incomplete}");
}

#[tokio::test]
async fn no_value_can_change_a_filter_or_a_name() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    create(&ldap, person("ada")).await;
    for value in ["*", "a*", "*)(uid=*", "ada)(|(uid=*", "\\2a", "a\u{0}b"] {
        assert_eq!(by_username(&ldap, &[value]).await.len(), 0, "{value:?}");
    }
    for value in ["x,ou=groups", "x+cn=y", " #x ", "a\\b", "a\"b;c<d>e=f", "\u{fc}\u{ff0c}ou=x"] {
        let attributes = [("sn", vec![value]), ("cn", vec![value])].into_iter().collect();
        let id = create(&ldap, Create { attributes, ..person(value) }).await;
        let found = by_username(&ldap, &[value]).await;
        assert_eq!(found.len(), 1, "{value:?}");
        assert_eq!(found[0].id.locator, id.locator, "{value:?}");
        assert!(id.locator.ends_with(&format!(",ou=people,{}", territory.base)), "{}", id.locator);
        assert_eq!(read(&ldap, Which::Ids(vec![id.clone()])).await.expect("readable").len(), 1, "{value:?}");
        assert_eq!(one(&ldap, Operation::Delete { id, username: value.into() }).await, Ok(Done::Changed), "{value:?}");
    }
    assert_eq!(by_username(&ldap, &["ada"]).await.len(), 1);
}
