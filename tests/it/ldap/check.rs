//! `rosterd check`.

use rosterd::directory::Directory;
use rosterd::directory::Finding;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::MappedAttribute;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::secret::Secret;
use tokio_util::sync::CancellationToken;

use crate::server::slapd::Slapd;

use super::create;
use super::ldap;
use super::person;

#[tokio::test]
async fn a_good_target_passes_the_check() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    create(&ldap, person("ada")).await;
    let findings = ldap.check().await;
    assert!(findings.len() >= 8, "{findings:?}");
    for finding in &findings {
        assert!(matches!(finding.verdict, Verdict::Good(_)), "{finding:?}");
    }
    let names = ["mail", "title", "fooBar", "uidNumber", "userPassword", "modifyTimestamp"].map(AttributeName::new);
    let verdicts = ldap.check_attributes(&names).await;
    let good: Vec<_> = verdicts.iter().map(|f| matches!(f.verdict, Verdict::Good(_))).collect();
    assert_eq!(good, [true, true, false, false, false, false], "{verdicts:?}");
}

#[tokio::test]
async fn a_bad_target_is_told_what_is_wrong() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.ca_file = None;
    let findings = Ldap::new(settings).expect("good settings").check().await;
    assert!(
        matches!(&findings[..], [one] if matches!(&one.verdict, Verdict::Bad(what, _) if what.contains("ca_file"))),
        "{findings:?}"
    );
    let mut settings = territory.settings();
    settings.bind_password = Some(Secret::from("wrong"));
    let findings = Ldap::new(settings).expect("good settings").check().await;
    assert!(
        matches!(&findings.last().expect("findings").verdict, Verdict::Bad(_, hint) if hint.contains("bind_password")),
        "{findings:?}"
    );
    let mut settings = territory.settings();
    settings.people_base = format!("ou=nowhere,{}", territory.base);
    settings.object_classes = Some(["inetOrgPerson", "fooPerson"].map(str::to_owned).to_vec());
    settings.role_base = Some(format!("ou=nothing,{}", territory.base));
    let findings = Ldap::new(settings).expect("good settings").check().await;
    let bad = findings.iter().filter(|f| matches!(f.verdict, Verdict::Bad(..))).count();
    assert_eq!(bad, 3, "{findings:?}");
}

fn good(findings: &[Finding]) -> bool {
    findings.iter().all(|finding| matches!(finding.verdict, Verdict::Good(_)))
}

#[tokio::test]
async fn a_probe_does_all_that_imports_do_and_leaves_nothing() {
    let territory = Slapd::shared().territory().await;
    let findings = ldap(&territory).probe(None, None, &CancellationToken::new()).await;
    assert!(good(&findings), "{findings:#?}");
    for step in
        ["create uid=", "find", "log in with", "change cn", "create the group", "join the role", "leave the channel"]
    {
        assert!(findings.iter().any(|f| f.subject.starts_with(&format!("probe: {step}"))), "{step}: {findings:#?}");
    }
    for step in ["disable", "log in while disabled", "enable", "delete uid=", "see who is in the group"] {
        assert!(findings.iter().any(|f| f.subject.starts_with(&format!("probe: {step}"))), "{step}: {findings:#?}");
    }
    assert_eq!(territory.below().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_interrupted_probe_leaves_nothing_either() {
    let territory = Slapd::shared().territory().await;
    let stop = CancellationToken::new();
    stop.cancel();
    let findings = ldap(&territory).probe(None, None, &stop).await;
    let subjects: Vec<_> = findings.iter().map(|f| f.subject.split('-').next().unwrap_or_default()).collect();
    assert_eq!(subjects, ["probe: create uid=rosterd", "probe", "probe: delete uid=rosterd"], "{findings:#?}");
    assert_eq!(territory.below().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_probe_without_rights_says_which_are_missing() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    let reader = territory.person("reader");
    let values: [(&str, &[&str]); 4] =
        [("objectClass", &["inetOrgPerson"]), ("sn", &["r"]), ("cn", &["r"]), ("userPassword", &["reader-Passw0rd"])];
    territory.add(&reader, &values).await;
    settings.bind_dn = Some(reader);
    settings.bind_password = Some(Secret::from("reader-Passw0rd"));
    let findings = Ldap::new(settings).expect("good settings").probe(None, None, &CancellationToken::new()).await;
    assert!(
        matches!(&findings[..], [one] if matches!(&one.verdict, Verdict::Bad(..))),
        "nothing else is tried: {findings:#?}"
    );
}

#[tokio::test]
async fn values_that_do_not_fit_the_schema_are_found() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let mapped = |name: &str, multi, refers| MappedAttribute { name: AttributeName::new(name), multi, refers };
    let fits = [
        mapped("commonName", false, false),
        mapped("SN", false, false),
        mapped("mail", true, false),
        mapped("manager", false, true),
    ];
    assert_eq!(ldap.check_mapping(&fits, true).await, []);
    let misfits = [mapped("cn", false, false), mapped("displayName", true, false), mapped("title", false, true)];
    let subjects = |findings: Vec<Finding>| findings.into_iter().map(|f| f.subject).collect::<Vec<_>>();
    let found = ldap.check_mapping(&misfits, true).await;
    assert_eq!(subjects(found), ["attribute displayName", "attribute title", "attribute sn"]);
    let found = ldap.check_mapping(&misfits, false).await;
    assert_eq!(subjects(found), ["attribute displayName", "attribute title"]);
}

#[tokio::test]
async fn the_certificate_is_shown_over_starttls_and_tls() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.url = format!("ldaps://localhost:{}", territory.server.tls_port()).parse().expect("a URL");
    for settings in [territory.settings(), settings] {
        let findings = Ldap::new(settings).expect("good settings").check().await;
        let found = findings.iter().find(|f| f.subject.starts_with("certificate of ldap")).expect("looked at");
        // The tests' certificate is for ten years.
        assert!(
            matches!(&found.verdict, Verdict::Good(text) if text.starts_with("of CN=localhost, issued by CN=Test ca, verified, 36")),
            "{found:?}"
        );
    }
}
