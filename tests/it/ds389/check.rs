//! `rosterd check`.

use rosterd::directory::Directory;
use rosterd::directory::Finding;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::GroupClass;
use rosterd::directory::ldap::Ldap;
use tokio_util::sync::CancellationToken;

use super::created;
use super::ldap;
use crate::server::ds389::Ds389;

fn verdict<'a>(findings: &'a [Finding], subject: &str) -> &'a Verdict {
    let found = findings.iter().find(|finding| finding.subject.starts_with(subject));
    &found.unwrap_or_else(|| panic!("no {subject}: {findings:?}")).verdict
}

#[tokio::test]
async fn a_server_that_is_set_up_by_the_page_passes() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory);
    created(&ldap, "ada").await;
    let findings = ldap.check().await;
    assert_eq!(*verdict(&findings, "kind of server"), Verdict::Good("389 Directory Server (389ds)".to_owned()));
    assert_eq!(*verdict(&findings, "password policy"), Verdict::Good("forced changes are enforced".to_owned()));
    // The server has no assertions, which costs one more read for each change.
    assert!(matches!(verdict(&findings, "features"), Verdict::Warning(text) if text.contains("assertions")));
    let others = findings.iter().filter(|finding| !finding.subject.starts_with("features"));
    for finding in others {
        assert!(matches!(finding.verdict, Verdict::Good(_)), "{finding:?}");
    }
}

#[tokio::test]
async fn a_class_that_another_kind_of_server_has_is_refused() {
    let territory = Ds389::shared().territory().await;
    let mut settings = territory.settings();
    settings.role_class = Some(GroupClass::ManagedRole);
    settings.kind = Some("openldap");
    let fault = Ldap::new(settings).expect_err("OpenLDAP has no such roles");
    assert_eq!(fault.key, "role_class");
    assert!(fault.reason.contains("OpenLDAP"), "{fault}");
}

#[tokio::test]
async fn a_probe_does_all_that_imports_do_and_leaves_nothing() {
    let territory = Ds389::shared().territory().await;
    let findings = ldap(&territory).probe(None, None, &CancellationToken::new()).await;
    for step in ["create uid=", "log in with the first", "disable", "log in while disabled", "delete uid="] {
        assert!(matches!(verdict(&findings, &format!("probe: {step}")), Verdict::Good(_)), "{findings:#?}");
    }
    for finding in &findings {
        assert!(matches!(finding.verdict, Verdict::Good(_)), "{finding:?}");
    }
    for base in [territory.people_base(), territory.group_base(), territory.role_base(), territory.channel_base()] {
        let all = "(&(objectClass=*)(!(objectClass=organizationalUnit)))";
        let mut admin = territory.server.admin().await;
        let found = admin.search(&base, ldap3::Scope::Subtree, all, ["1.1"]).await.expect("an answer");
        assert!(found.0.is_empty(), "{base}: {} entries are left", found.0.len());
    }
}
