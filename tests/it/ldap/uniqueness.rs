//! `rosterd check` where nothing but rosterd would keep two people from getting one login name.

use rosterd::directory::Directory;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;

use crate::server::slapd::Options;
use crate::server::slapd::Slapd;

async fn verdict(settings: LdapSettings) -> Verdict {
    let findings = Ldap::new(settings).expect("good settings").check().await;
    let found = findings.into_iter().find(|finding| finding.subject == "each `uid` once");
    found.expect("a finding").verdict
}

fn named_by_cn(settings: LdapSettings) -> LdapSettings {
    LdapSettings { naming_attribute: Some("cn".to_owned()), ..settings }
}

#[tokio::test]
async fn a_configuration_that_cannot_be_seen_is_said_to_be_so() {
    let territory = Slapd::shared().territory().await;
    let verdict = verdict(named_by_cn(territory.settings())).await;
    assert!(
        matches!(&verdict, Verdict::Warning(text) if text.contains("named by `cn`") && text.contains("cannot be seen")
            && text.contains(&format!("ldap:///ou=people,{}?uid?sub", territory.base))),
        "{verdict:?}"
    );
}

#[tokio::test]
async fn an_overlay_that_covers_login_names_is_seen() {
    let slapd = Slapd::start_with(Options { shows_config: true, ..Options::default() });
    let territory = slapd.territory().await;
    let covered = verdict(named_by_cn(territory.settings())).await;
    assert!(matches!(&covered, Verdict::Good(text) if text.contains("olcUniqueURI ldap:///ou=people")), "{covered:?}");
    // It keeps `uid` unique in each territory, and nothing else.
    let wide = LdapSettings { people_base: territory.base.clone(), ..named_by_cn(territory.settings()) };
    assert!(matches!(verdict(wide).await, Verdict::Warning(text) if text.contains("the same name to two people")));
    let mut other = territory.settings();
    (other.username_attribute, other.naming_attribute) = (Some("employeeNumber".to_owned()), Some("uid".to_owned()));
    let findings = Ldap::new(other).expect("good settings").check().await;
    let found = findings.iter().find(|finding| finding.subject == "each `employeeNumber` once").expect("a finding");
    assert!(matches!(&found.verdict, Verdict::Warning(text) if text.contains("?employeeNumber?sub")), "{found:?}");
}

#[tokio::test]
async fn without_the_overlay_people_in_several_branches_can_get_one_name() {
    let slapd = Slapd::start_with(Options { shows_config: true, without_unique: true, ..Options::default() });
    let territory = slapd.territory().await;
    let person: [(&str, &[&str]); 3] = [("objectClass", &["inetOrgPerson"]), ("sn", &["Byron"]), ("cn", &["Ada"])];
    territory.add(&territory.person("ada"), &person).await;
    let one = verdict(territory.settings()).await;
    assert!(matches!(&one, Verdict::Good(text) if text.contains("named by `uid`")), "{one:?}");
    let branch = format!("ou=it,ou=people,{}", territory.base);
    territory.add(&branch, &[("objectClass", &["organizationalUnit"]), ("ou", &["it"])]).await;
    // The server does take it twice.
    territory.add(&format!("uid=ada,{branch}"), &person).await;
    let several = verdict(territory.settings()).await;
    assert!(
        matches!(&several, Verdict::Warning(text) if text.contains("several branches") && text.contains("olcUniqueURI")
            && !text.contains("cannot be seen")),
        "{several:?}"
    );
    let other = format!("cn=Bob,ou=people,{}", territory.base);
    territory.add(&other, &[("objectClass", &["inetOrgPerson"]), ("sn", &["Ray"]), ("uid", &["bob"])]).await;
    let otherwise = verdict(territory.settings()).await;
    assert!(matches!(&otherwise, Verdict::Warning(text) if text.contains(&other)), "{otherwise:?}");
}
