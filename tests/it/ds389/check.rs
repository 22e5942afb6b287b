//! `rosterd check`.

use rosterd::directory::Directory;
use rosterd::directory::Finding;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::GroupClass;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::Needs;
use rosterd::roster::account::GroupKind;
use rosterd::roster::attribute::AttributeName;
use tokio_util::sync::CancellationToken;

use super::created;
use super::ldap;
use crate::server::ds389::Ds389;
use crate::server::ds389::LIMITED;
use crate::server::ds389::SERVICE;
use crate::server::ds389::SUFFIX;

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

fn needs() -> Needs {
    Needs {
        mapped: ["cn", "sn", "title", "mail", "manager"].map(AttributeName::new).to_vec(),
        creates: true,
        updates: true,
        resets: true,
        switches: true,
        deletes: true,
        relocates: true,
        members: vec![GroupKind::Group, GroupKind::Role],
        groups: vec![GroupKind::Group, GroupKind::Role],
        shortest_password: Some(20),
    }
}

fn bad(findings: &[Finding]) -> Vec<String> {
    let told = |finding: &Finding| match &finding.verdict {
        Verdict::Good(_) => None,
        Verdict::Warning(text) => Some(format!("{}: {text}", finding.subject)),
        Verdict::Bad(text, _) => Some(format!("{}: {text}", finding.subject)),
    };
    findings.iter().filter_map(told).collect()
}

#[tokio::test]
async fn the_rights_of_the_page_are_all_that_feeds_need() {
    let territory = Ds389::shared().territory().await;
    let empty = ldap(&territory).check_rights(&needs()).await;
    assert_eq!(bad(&empty), [""; 0], "{empty:#?}");
    created(&ldap(&territory), "ada").await;
    let findings = ldap(&territory).check_rights(&needs()).await;
    assert_eq!(bad(&findings), [""; 0], "{findings:#?}");
    assert!(findings.len() > empty.len() && findings.len() > 8, "{findings:#?}");
}

#[tokio::test]
async fn each_right_that_is_missing_is_named() {
    let territory = Ds389::shared().territory().await;
    created(&ldap(&territory), "ada").await;
    let (people, groups) = (territory.people_base(), territory.group_base());
    let cases = [
        (&people, "", "add", "rights: create accounts below"),
        (&people, "", "delete", "rights: delete"),
        (&people, "(targetattr = \"title\")", "write", "not granted for title"),
        (&people, "(targetattr = \"userPassword\")", "write", "not granted for userpassword"),
        (&people, "(targetattr = \"nsAccountLock\")", "write", "not granted for nsaccountlock"),
        (&groups, "", "add", "rights: create groups below"),
        (&groups, "(targetattr = \"member\")", "write", "rights: write members of groups"),
    ];
    for (base, target, right, told) in cases {
        // What is denied comes before what is allowed.
        let aci = format!("{target}(version 3.0; acl \"no\"; deny ({right}) userdn = \"ldap:///{SERVICE}\";)");
        let mut admin = territory.server.admin().await;
        let set =
            |values: &[&str]| ldap3::Mod::Replace("aci".to_owned(), values.iter().map(|v| (*v).to_owned()).collect());
        admin.modify(base, vec![set(&[&aci])]).await.expect("sent").success().expect("the ACI is valid");
        let findings = bad(&ldap(&territory).check_rights(&needs()).await);
        assert!(
            !findings.is_empty() && findings.iter().all(|text| text.contains(told)),
            "{right} {target}: {findings:#?}"
        );
        admin.modify(base, vec![set(&[])]).await.expect("sent").success().expect("the ACI goes");
    }
}

#[tokio::test]
async fn transactions_that_cannot_be_had_are_told() {
    let territory = Ds389::shared().territory().await;
    let mut settings = territory.settings();
    settings.transactions = std::num::NonZeroUsize::new(100);
    let findings = Ldap::new(settings).expect("good settings").check().await;
    assert!(matches!(verdict(&findings, "transactions"), Verdict::Warning(text) if text.contains("does not offer")));
}

#[tokio::test]
async fn whether_a_login_name_is_kept_unique_is_said() {
    let territory = Ds389::shared().territory().await;
    let mut settings = territory.settings();
    settings.naming_attribute = Some("cn".to_owned());
    let findings = async |settings| Ldap::new(settings).expect("good settings").check().await;
    let seen = findings(settings.clone()).await;
    assert!(
        matches!(verdict(&seen, "each `uid`"), Verdict::Good(text) if text.contains("uniqueness plugin")),
        "{seen:?}"
    );
    // The plugin of the tests keeps names apart below each territory.
    let mut wide = settings.clone();
    wide.people_base = format!("ou=people,{SUFFIX}");
    let not = findings(wide).await;
    assert!(
        matches!(verdict(&not, "each `uid`"), Verdict::Warning(text) if text.contains("uniqueness-attribute-name: uid")
            && !text.contains("cannot be seen")),
        "{not:?}"
    );
    settings.bind_dn = Some(LIMITED.to_owned());
    let unseen = findings(settings).await;
    assert!(
        matches!(verdict(&unseen, "each `uid`"), Verdict::Warning(text) if text.contains("cannot be seen")),
        "{unseen:?}"
    );
}
