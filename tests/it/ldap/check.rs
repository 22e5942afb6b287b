//! `rosterd check`.

use rosterd::directory::Directory;
use rosterd::directory::Finding;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::Example;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::MappedAttribute;
use rosterd::directory::ldap::Needs;
use rosterd::directory::ldap::Sample;
use rosterd::directory::ldap::Written;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::operation::Create;
use rosterd::roster::secret::Secret;
use tokio_util::sync::CancellationToken;

use crate::server::slapd::Options;
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

fn of<'f>(findings: &'f [Finding], subject: &str) -> &'f Verdict {
    let found = findings.iter().find(|finding| finding.subject.starts_with(subject));
    &found.unwrap_or_else(|| panic!("no {subject}: {findings:#?}")).verdict
}

#[tokio::test]
async fn a_policy_that_is_loaded_and_not_on_the_database_is_found_without_writing() {
    let server = Slapd::start_with(Options { policy_elsewhere: true, ..Options::default() });
    let territory = server.territory().await;
    let findings = ldap(&territory).check().await;
    assert!(
        matches!(of(&findings, "password policy"), Verdict::Bad(text, _) if text.contains("not on the database")),
        "{findings:#?}"
    );
    let on = Slapd::shared().territory().await;
    let findings = ldap(&on).check().await;
    assert!(matches!(of(&findings, "password policy"), Verdict::Good(text) if text.contains("answers the bind")));
}

#[tokio::test]
async fn without_a_bind_by_password_accounts_prove_the_overlay() {
    let server = Slapd::start();
    let territory = server.territory().await;
    // It writes the time where passwords grow old.
    territory.set("cn=default,ou=policies,dc=example,dc=org", "pwdMaxAge", &["31536000"]).await;
    let mut settings = territory.settings();
    settings.url = territory.server.socket_url().parse().expect("a URL");
    (settings.bind_dn, settings.bind_password) = (None, None);
    let external = Ldap::new(settings).expect("good settings");
    let findings = external.check().await;
    assert!(matches!(of(&findings, "password policy"), Verdict::Warning(text) if text.contains("unproved")));
    create(&ldap(&territory), person("ada")).await;
    let findings = external.check().await;
    assert!(matches!(of(&findings, "password policy"), Verdict::Good(text) if text.contains("last passwords")));
}

#[tokio::test]
async fn what_the_server_does_not_tell_is_said_to_be_unproved() {
    let territory = Slapd::shared().territory().await;
    let needs = Needs {
        mapped: vec![AttributeName::new("title")],
        creates: true,
        updates: true,
        shortest_password: Some(7),
        ..Needs::default()
    };
    let findings = ldap(&territory).check_rights(&needs).await;
    let Verdict::Warning(text) = of(&findings, "rights to write") else { panic!("{findings:#?}") };
    for part in ["unproved", "--write-probe", "slapacl", "title/write", "pwdreset/write"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // The policy of the tests wants 8.
    assert!(
        matches!(of(&findings, "length of generated passwords"), Verdict::Bad(text, _) if text.contains("wants 8"))
    );
}

#[tokio::test]
async fn transactions_that_are_wanted_are_looked_for() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.transactions = std::num::NonZeroUsize::new(100);
    let findings = Ldap::new(settings).expect("good settings").check().await;
    assert!(matches!(of(&findings, "transactions"), Verdict::Good(_)));
}

#[tokio::test]
async fn the_documented_rights_are_enough_for_a_probe_that_leaves_nothing() {
    let server = Slapd::start_with(Options { documented_rights: true, ..Options::default() });
    let territory = server.territory().await;
    let mut settings = territory.settings();
    settings.channel_base = None;
    let findings = Ldap::new(settings).expect("good settings").probe(None, None, &CancellationToken::new()).await;
    assert!(good(&findings), "{findings:#?}");
    assert_eq!(territory.below().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_probe_is_like_its_example_and_where_that_belongs() {
    let territory = Slapd::shared().territory().await;
    let unit = format!("ou=sales,ou=people,{}", territory.base);
    territory.add(&unit, &[("objectClass", &["organizationalUnit"]), ("ou", &["sales"])]).await;
    let nobody = Example::nobody();
    let example = |employee: &str| Example {
        locator: Some(format!("uid={},{unit}", nobody.username).into()),
        attributes: [("cn", "Ada"), ("employeeNumber", "7"), ("mail", "ada@x.org"), ("preferredLanguage", employee)]
            .map(|(name, value)| (name, vec![value]))
            .into_iter()
            .collect(),
        only_its_own: vec![AttributeName::new("employeeNumber")],
        ..nobody.clone()
    };
    let findings = ldap(&territory).probe(None, Some(example("de")), &CancellationToken::new()).await;
    assert!(good(&findings), "{findings:#?}");
    assert!(findings[0].subject.ends_with(&unit), "{findings:#?}");
    assert_eq!(territory.below().await, Vec::<String>::new());
    let sample = Sample {
        written: Written::New(Box::new(Create {
            username: "ada".into(),
            locator: Some(format!("uid=ada,ou=nowhere,ou=people,{}", territory.base).into()),
            attributes: [("cn", vec!["Ada"]), ("displayName", vec!["a", "b"]), ("mail", vec!["zoë@x.org"])]
                .into_iter()
                .collect(),
            password: Some(Secret::from("a-Passw0rd.1")),
            must_change: true,
        })),
        groups: vec![(GroupKind::Group, GroupName::new("staff"), false), (GroupKind::Role, GroupName::new("r"), true)],
    };
    let findings = ldap(&territory).check_sample(&sample).await;
    let bad = |subject: &str, part: &str| {
        let found = of(&findings, subject);
        assert!(matches!(found, Verdict::Bad(text, _) if text.contains(part)), "{subject}: {found:?}");
    };
    bad("sample: account", "there is no ou=nowhere");
    bad("sample: attribute displayName", "2 values");
    bad("sample: attribute mail", "not ASCII");
    bad("sample: required attributes", "sn");
    assert!(matches!(of(&findings, "sample: group staff"), Verdict::Warning(_)));
    assert!(matches!(of(&findings, "sample: role r"), Verdict::Good(text) if text.contains("would be created")));
    let Verdict::Good(besides) = of(&findings, "sample: besides") else { panic!("{findings:#?}") };
    assert!(besides.contains("userPassword: (never shown)") && besides.contains("pwdReset: TRUE"), "{besides}");
    assert!(!format!("{findings:?}").contains("a-Passw0rd.1"));
}
