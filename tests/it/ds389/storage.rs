//! In which form passwords get to the server.

use rosterd::directory::Directory;
use rosterd::directory::Pace;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::PasswordStorage;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;

use super::PASSWORD;
use super::ask;
use super::created;
use super::find;
use super::person;
use super::update;
use crate::server::ds389::Ds389;
use crate::server::ds389::Login;
use crate::server::ds389::Territory;

const SECOND: &str = "second-Passw0rd.2";

fn ldap(territory: &Territory<'_>, storage: PasswordStorage) -> Ldap {
    let mut settings = territory.settings();
    settings.password_storage = storage;
    Ldap::new(settings).expect("good settings")
}

fn free(uid: &str) -> Create {
    Create { must_change: false, ..person(uid) }
}

#[tokio::test]
async fn the_server_forces_changes_after_an_operation_of_its_own_too() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory, PasswordStorage::Exop);
    let ada = created(&ldap, "ada").await;
    assert_eq!((ada.enabled, ada.must_change), (true, Some(true)));
    assert_eq!(territory.login("ada", PASSWORD).await, Login::MustChange);
    assert_eq!(territory.login("ada", SECOND).await, Login::Refused);
    assert!(territory.values(&ada.id.locator, "nsAccountLock").await.is_empty());

    ask(&ldap, Operation::Create(free("bob"))).await.expect("created");
    assert_eq!(territory.login("bob", PASSWORD).await, Login::Welcome);
    let bob = find(&ldap, "bob").await;
    assert_eq!((bob.enabled, bob.must_change), (true, Some(false)));

    for must_change in [true, false, true] {
        let reset = Update { password: Some(SECOND.into()), must_change: Some(must_change), ..update(&ada) };
        assert_eq!(ask(&ldap, Operation::Update(reset)).await, Ok(Done::Changed));
        let login = if must_change { Login::MustChange } else { Login::Welcome };
        assert_eq!(territory.login("ada", SECOND).await, login);
        assert_eq!(find(&ldap, "ada").await.must_change, Some(must_change));
    }

    let off = Update { enabled: Some(false), ..update(&ada) };
    ask(&ldap, Operation::Update(off)).await.expect("off");
    let reset = Update { password: Some(PASSWORD.into()), must_change: Some(true), ..update(&ada) };
    ask(&ldap, Operation::Update(reset)).await.expect("reset");
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Locked, "a password switches nobody on");
}

#[tokio::test]
async fn hashes_are_refused_in_plain_words() {
    let territory = Ds389::shared().territory().await;
    let mut settings = territory.settings();
    settings.kind = Some("389ds");
    settings.password_storage = PasswordStorage::Argon2;
    let known = Ldap::new(settings).expect_err("it is known before").to_string();
    assert!(known.starts_with("password_storage: \"argon2\" cannot be used with 389 Directory Server"), "{known}");
    let found_out = ldap(&territory, PasswordStorage::Argon2).capabilities().await.expect_err("and found out");
    assert_eq!((found_out.next, found_out.reason), (Next::StopRun, known));

    let server = Ds389::start();
    let admin =
        "dn: cn=config\nchangetype: modify\nreplace: passwordAdminDN\npasswordAdminDN: cn=nobody,dc=example,dc=org\n";
    server.load("no-admin.ldif", admin);
    let territory = server.territory().await;
    let batch = ["ada", "bob"].map(|uid| Operation::Create(free(uid)));
    let answers = ldap(&territory, PasswordStorage::Ssha512).apply(&batch, &Pace::unlimited()).await;
    let fault = answers[0].as_ref().expect_err("refused");
    assert_eq!((fault.next, fault.code.as_deref()), (Next::StopRun, Some("19")), "{fault}");
    assert!(fault.reason.contains("passwordAdminDN"), "{fault}");
    assert!(answers[1].as_ref().is_err_and(|fault| fault.next == Next::Retry), "{answers:?}");
}

#[tokio::test]
async fn a_password_administrator_may_write_ssha512() {
    let territory = Ds389::shared().territory().await;
    let ldap = ldap(&territory, PasswordStorage::Ssha512);
    for operation in [Operation::Create(person("ada")), Operation::Create(free("bob"))] {
        ask(&ldap, operation).await.expect("created");
    }
    assert_eq!(territory.login("ada", PASSWORD).await, Login::MustChange);
    assert_eq!(territory.login("bob", PASSWORD).await, Login::Welcome);
    assert_eq!(territory.login("bob", SECOND).await, Login::Refused);
}
