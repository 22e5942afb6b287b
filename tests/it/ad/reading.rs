//! Reading and checking.

use std::collections::BTreeMap;

use rosterd::directory::Directory;
use rosterd::directory::Verdict;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::StartTls;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::secret::Secret;

use super::ldap;
use crate::ldap::PASSWORD;
use crate::ldap::create;
use crate::ldap::fault;
use crate::ldap::one;
use crate::ldap::person;
use crate::ldap::read;
use crate::ldap::update;
use crate::server::samba::DOMAIN;
use crate::server::samba::Territory;

#[tokio::test]
async fn a_whole_domain_is_read_and_what_belongs_to_it_is_protected() {
    let territory = Territory::new().await;
    create(&ldap(&territory), person("ada")).await;
    let mut settings = territory.settings();
    // From here on there are references to CN=Configuration and the zones of DNS.
    settings.people_base = DOMAIN.to_owned();
    settings.page_size = 2.try_into().expect("not zero");
    let ldap = Ldap::new(settings).expect("good settings");
    let found: BTreeMap<String, bool> = read(&ldap, Which::All)
        .await
        .expect("readable")
        .into_iter()
        .map(|account| (account.username.to_string(), account.protected.is_some()))
        .collect();
    for builtin in ["Administrator", "Guest", "krbtgt", "rosterd"] {
        assert_eq!(found.get(builtin), Some(&true), "{builtin}: {found:?}");
    }
    assert_eq!(found.get("ada"), Some(&false));
    assert!(!found.keys().any(|name| name.ends_with('$')), "computers are no people: {found:?}");
    let administrator = read(&ldap, Which::All).await.expect("readable").into_iter();
    let administrator = administrator.into_iter().find(|account| &*account.username == "Administrator").expect("there");
    let rename =
        Update { username: "Administrator".into(), password: Some(PASSWORD.into()), ..update(&administrator.id) };
    let refused = fault(one(&ldap, Operation::Update(rename)).await, Next::RejectRow, None);
    assert!(refused.reason.contains("protected"), "{refused}");
}

#[tokio::test]
async fn nothing_is_said_in_clear() {
    let territory = Territory::new().await;
    let mut settings = territory.settings();
    settings.url = territory.url("ldaps");
    create(&Ldap::new(settings).expect("good settings"), person("ada")).await;
    let mut settings = territory.settings();
    settings.tls = StartTls::Off;
    settings.allow_cleartext = true;
    let refused = read(&Ldap::new(settings).expect("good settings"), Which::All).await.expect_err("no TLS");
    assert_eq!((refused.next, refused.code.as_deref()), (Next::StopRun, Some("8")), "{refused}");
    assert!(refused.reason.contains("secured connection"), "{refused}");
}

#[tokio::test]
async fn a_good_target_passes_the_check() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    create(&ldap, person("ada")).await;
    let findings = ldap.check().await;
    assert!(findings.iter().any(|f| matches!(&f.verdict, Verdict::Good(text) if text.contains("Active Directory"))));
    for finding in &findings {
        let is_expected = finding.subject == "features of the server";
        assert!(matches!(finding.verdict, Verdict::Good(_)) || is_expected, "{finding:?}");
    }
    let names = ["mail", "info", "thumbnailPhoto", "sAMAccountName", "uidNumber", "fooBar", "objectGUID", "unicodePwd"];
    let verdicts = ldap.check_attributes(&names.map(AttributeName::new)).await;
    let good: Vec<_> = verdicts.iter().map(|f| matches!(f.verdict, Verdict::Good(_))).collect();
    assert_eq!(good, [true, true, true, true, true, false, false, false], "{verdicts:?}");
}

#[tokio::test]
async fn why_an_account_cannot_bind_is_told() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    let told = async |password: &str| {
        let mut settings = territory.settings();
        settings.bind_dn = Some(territory.person("ada"));
        settings.bind_password = Some(Secret::from(password));
        let fault = read(&Ldap::new(settings).expect("good settings"), Which::All).await.expect_err("no bind");
        assert_eq!(fault.next, Next::StopRun, "{fault}");
        fault.reason
    };
    assert!(told(PASSWORD).await.starts_with("the password of the account must be changed"));
    assert!(told("wrong").await.starts_with("the server refuses the bind DN or its password"));
    let off = Update { enabled: Some(false), must_change: Some(false), ..update(&id) };
    one(&ldap, Operation::Update(off)).await.expect("written");
    assert!(told(PASSWORD).await.starts_with("the account is switched off"));
}

#[tokio::test]
async fn login_names_that_windows_would_refuse_are_told_in_the_preview() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    ldap.capabilities().await.expect("known");
    let objections = |username: &str| -> Vec<String> {
        let Create { attributes, .. } = person(username);
        let account = rosterd::roster::account::Account {
            line: rosterd::roster::account::LineNo(2),
            username: username.into(),
            match_value: "".into(),
            locator: None,
            attributes,
            deferred: None,
            groups: None,
            roles: None,
            password: None,
            must_change: None,
            choices: rosterd::roster::account::Choices {
                add: true,
                update: true,
                sync_groups: false,
                sync_roles: false,
                subscribe: false,
                action: rosterd::roster::account::Action::Auto,
            },
            person: rosterd::roster::account::Person::default(),
        };
        ldap.objections(&account).iter().map(|problem| format!("{problem:?}")).collect()
    };
    assert_eq!(objections("ada"), [""; 0]);
    for (username, told) in [
        ("abcdefghijklmnopqrstu", "20 at most"),
        ("a/b", "cannot be in"),
        ("krbtgt", "built into"),
        ("pc$", "built into"),
    ] {
        let told_in = |text: &String| text.contains(told);
        assert!(objections(username).iter().any(told_in), "{username}: {:?}", objections(username));
    }
}
