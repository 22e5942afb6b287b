//! Logging in as the people that were written.

use rosterd::directory::Directory;
use rosterd::directory::Login;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::secret::Secret;
use url::Url;

use crate::server::eavesdropper::Eavesdropper;
use crate::server::slapd::Options;
use crate::server::slapd::Slapd;

use super::PASSWORD;
use super::by_username;
use super::create;
use super::ldap;
use super::one;
use super::person;
use super::update;

#[tokio::test]
async fn a_policy_that_does_not_enforce_what_it_stores_is_found_out() {
    let server = Slapd::start_with(Options { lax_policy: true, ..Options::default() });
    let territory = server.territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    assert_eq!(by_username(&ldap, &["ada"]).await[0].must_change, Some(true), "what is read back looks right");
    assert_eq!(ldap.login(&id, "ada", &Secret::from(PASSWORD)).await, Ok(Login::Welcome));
}

#[tokio::test]
async fn a_login_tells_why_it_is_refused_and_counts_nothing() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, person("ada")).await;
    for _ in 0..8 {
        assert_eq!(ldap.login(&id, "ada", &Secret::from(PASSWORD)).await, Ok(Login::MustChange));
    }
    let entry = territory.read(&territory.person("ada")).await.expect("there");
    assert!(!entry.attrs.contains_key("pwdFailureTime") && !entry.attrs.contains_key("pwdAccountLockedTime"));
    let off = Update { enabled: Some(false), ..update(&id) };
    one(&ldap, Operation::Update(off)).await.expect("switched off");
    let login = ldap.login(&id, "ada", &Secret::from(PASSWORD)).await;
    assert_eq!(login, Ok(Login::Refused("the account is locked or switched off".to_owned())));
}

#[tokio::test]
async fn a_login_goes_in_clear_nowhere_and_an_empty_password_nowhere_at_all() {
    let territory = Slapd::shared().territory().await;
    let ear = Eavesdropper::before(territory.server.port());
    let mut settings = territory.settings();
    settings.url = Url::parse(&format!("ldap://localhost:{}", ear.port)).expect("a URL");
    let through = Ldap::new(settings).expect("good settings");
    let id = create(&through, person("ada")).await;
    assert_eq!(through.login(&id, "ada", &Secret::from(PASSWORD)).await, Ok(Login::MustChange));
    assert!(!ear.heard(PASSWORD) && !ear.heard("uid=ada"));
    let before = ear.len();
    assert!(matches!(through.login(&id, "ada", &Secret::from("")).await, Ok(Login::Refused(_))));
    assert_eq!(ear.len(), before, "an empty password is not even offered");
}

#[tokio::test]
async fn a_server_that_is_away_leaves_a_login_open() {
    let server = Slapd::start();
    let territory = server.territory().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, Create { must_change: false, ..person("ada") }).await;
    server.kill();
    let fault = ldap.login(&id, "ada", &Secret::from(PASSWORD)).await.expect_err("nobody answers");
    assert_eq!(fault.next, Next::Retry, "{fault}");
    server.launch();
    assert_eq!(ldap.login(&id, "ada", &Secret::from(PASSWORD)).await, Ok(Login::Welcome));
}
