//! Forced changes and disabling, as the server itself understands them.

use std::time::Duration;

use rosterd::directory::Directory;
use rosterd::directory::Verdict;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::MatchBy;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Attributes;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::secret::Secret;

use super::PASSWORD;
use super::ask;
use super::created;
use super::find;
use super::ldap;
use super::person;
use super::read;
use super::update;
use crate::server::ds389::Ds389;
use crate::server::ds389::Login;

const SECOND: &str = "second-Passw0rd.2";
const OWN: &str = "own-Choice.3-at-last";
const AT_ONCE: &str = "19700101000000Z";

#[tokio::test]
async fn a_person_who_must_change_the_password_can() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory);
    let ada = created(&ldap, "ada").await;
    assert_eq!(ada.must_change, Some(true));
    assert_eq!(territory.values(&ada.id.locator, "passwordExpirationTime").await, [AT_ONCE]);
    assert_eq!(territory.login("ada", PASSWORD).await, Login::MustChange);
    territory.change_own_password("ada", PASSWORD, OWN).await;
    // The server writes the state after it has answered.
    while territory.login("ada", OWN).await == Login::MustChange {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(territory.login("ada", OWN).await, Login::Welcome);
    assert_eq!(find(&ldap, "ada").await.must_change, Some(false));

    // The second time the attribute is there already, with another value.
    let reset = Update { password: Some(SECOND.into()), must_change: Some(true), ..update(&ada) };
    for _ in 0..3 {
        assert_eq!(ask(&ldap, Operation::Update(reset.clone())).await.expect("reset"), Done::Changed);
        assert_eq!(find(&ldap, "ada").await.must_change, Some(true), "it is so once the answer is there");
        assert_eq!(territory.login("ada", SECOND).await, Login::MustChange);
    }
}

#[tokio::test]
async fn a_person_who_is_switched_off_stays_so_whatever_the_password() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory);
    let ada = created(&ldap, "ada").await;
    let off = Update { enabled: Some(false), ..update(&ada) };
    assert_eq!(ask(&ldap, Operation::Update(off)).await.expect("off"), Done::Changed);
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Locked);
    let reset = Update { password: Some(SECOND.into()), must_change: Some(true), ..update(&ada) };
    ask(&ldap, Operation::Update(reset)).await.expect("reset");
    assert_eq!(territory.login("ada", SECOND).await, Login::Locked);
    assert_eq!(territory.values(&ada.id.locator, "nsAccountLock").await, ["true"]);
    let on = Update { password: Some(OWN.into()), enabled: Some(true), must_change: Some(false), ..update(&ada) };
    ask(&ldap, Operation::Update(on)).await.expect("on");
    assert_eq!(territory.login("ada", OWN).await, Login::Welcome);
    assert!(territory.values(&ada.id.locator, "nsAccountLock").await.is_empty());
}

#[tokio::test]
async fn too_many_wrong_passwords_switch_nobody_off() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory);
    let ada = created(&ldap, "ada").await;
    for _ in 0..10 {
        territory.login("ada", "wrong").await;
    }
    assert_eq!(territory.login("ada", PASSWORD).await, Login::LockedForNow);
    assert!(find(&ldap, "ada").await.enabled, "it ends by itself");
    let reset = Update { password: Some(SECOND.into()), must_change: Some(true), ..update(&ada) };
    ask(&ldap, Operation::Update(reset)).await.expect("reset");
    assert_eq!(territory.login("ada", SECOND).await, Login::MustChange, "a reset lets in again");
}

#[tokio::test]
async fn the_check_of_characters_rejects_one_row() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory);
    let fault = ask(&ldap, Operation::Create(person("zo\u{eb}"))).await.expect_err("not 7-bit");
    assert_eq!((fault.next, fault.code.as_deref()), (Next::RejectRow, Some("19")), "{fault}");
    created(&ldap, "zoe").await;
}

/// A server of its own, on which nothing is as the page wants it.
#[tokio::test]
async fn a_server_that_forces_nothing_is_found_out() {
    let server = Ds389::start();
    let territory = server.territory().await;
    let ldap = ldap(&territory);
    let ada = created(&ldap, "ada").await;

    server.load(
        "no-admin.ldif",
        "dn: cn=config\nchangetype: modify\nreplace: passwordAdminDN\npasswordAdminDN: cn=nobody,dc=example,dc=org\n",
    );
    let reset = Update { password: Some(SECOND.into()), must_change: Some(true), ..update(&ada) };
    assert_eq!(ask(&ldap, Operation::Update(reset)).await.expect("reset"), Done::Changed);
    assert_eq!(territory.login("ada", SECOND).await, Login::Welcome);
    assert_eq!(find(&ldap, "ada").await.must_change, Some(false), "no letter may say that a change is forced");
    assert_eq!(warnings(&ldap).await, ["passwordAdminDN"]);

    server.load(
        "no-force.ldif",
        "dn: cn=config\nchangetype: modify\nreplace: passwordMustChange\npasswordMustChange: off\n",
    );
    let bob = created(&ldap, "bob").await;
    assert_eq!(bob.must_change, Some(false));
    assert_eq!(territory.login("bob", PASSWORD).await, Login::Welcome);
    assert_eq!(warnings(&ldap).await, ["passwordMustChange", "passwordAdminDN"]);
    let reset = Update { password: Some(OWN.into()), must_change: Some(true), ..update(&bob) };
    assert_eq!(ask(&ldap, Operation::Update(reset)).await.expect("reset"), Done::Changed);
    assert_eq!(find(&ldap, "bob").await.must_change, Some(false));

    // Without an index on its own attribute a lookup is answered from that of the object class.
    server.load(
        "require-index.ldif",
        "dn: cn=userRoot,cn=ldbm database,cn=plugins,cn=config\nchangetype: modify\nreplace: nsslapd-require-index\nnsslapd-require-index: on\n",
    );
    let described = Create { attributes: with_description("spare"), ..person("eve") };
    ask(&ldap, Operation::Create(described)).await.expect("created");
    let by = MatchBy::Attribute(AttributeName::new("description"));
    assert_eq!(read(&ldap, Which::Matching { by, values: vec!["SPARE".into()] }).await.expect("complete").len(), 1);
    assert_eq!(read(&ldap, Which::All).await.expect("complete").len(), 3);
}

fn with_description(text: &str) -> Attributes {
    [("sn", vec!["e"]), ("cn", vec!["e"]), ("description", vec![text])].into_iter().collect()
}

/// Returns the first words of what the check says about the policy.
async fn warnings(ldap: &Ldap) -> Vec<String> {
    let findings = ldap.check().await;
    let policy = findings.iter().filter(|finding| finding.subject.starts_with("password policy"));
    let texts = policy.filter_map(|finding| match &finding.verdict {
        Verdict::Warning(text) => text.split(' ').next().map(str::to_owned),
        _ => None,
    });
    texts.collect()
}

#[tokio::test]
async fn an_account_without_a_forced_change_is_made_in_one_request() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory);
    let free = Create { password: Some(Secret::from(PASSWORD)), must_change: false, ..person("ada") };
    ask(&ldap, Operation::Create(free)).await.expect("created");
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Welcome);
    assert_eq!(territory.values(&territory.person("ada"), "passwordExpirationTime").await, ["20380119031407Z"]);
}
