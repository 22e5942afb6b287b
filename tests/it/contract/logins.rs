//! Promises about passwords and logins.

use rosterd::directory::Directory;
use rosterd::directory::Login;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::created;
use super::done;
use super::one;
use super::person;
use super::update;

const FIRST: &str = "first Password 1";
const SECOND: &str = "zweites Pässwörd 2 \"\\,=";

fn with_password(username: &str, must_change: bool) -> Create {
    Create { password: Some(FIRST.into()), must_change, ..person(username, &[]) }
}

pub async fn a_password_lets_in_and_another_does_not<R: Rig>() {
    let rig = R::new(Start::default()).await;
    created(rig.directory(), with_password("ada", false)).await;
    created(rig.directory(), Create { password: Some(SECOND.into()), ..person("bob", &[]) }).await;
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::Good);
    assert_eq!(rig.login("bob", SECOND).await, LoginResult::Good);
    for wrong in [SECOND, "", " ", "first password 1", "first Password 1 "] {
        assert_eq!(rig.login("ada", wrong).await, LoginResult::Refused, "{wrong:?}");
    }
    assert_eq!(rig.login("nobody", FIRST).await, LoginResult::Refused);
}

pub async fn an_account_without_a_password_lets_nobody_in<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), person("ada", &[])).await;
    for guess in ["", " ", "ada", "*", "!", "x"] {
        assert_eq!(rig.login("ada", guess).await, LoginResult::Refused, "{guess:?}");
    }
    // Some kinds of directories have no enabled account without a password, so that a password alone is not enough.
    let enabled = (!ada.enabled).then_some(true);
    done(rig.directory(), Operation::Update(Update { password: Some(FIRST.into()), enabled, ..update(&ada) })).await;
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::Good);
}

pub async fn a_forced_change_is_told_and_can_be_lifted<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), with_password("ada", true)).await;
    let bob = created(rig.directory(), with_password("bob", false)).await;
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::MustChange);
    assert_eq!(rig.login("ada", SECOND).await, LoginResult::Refused);
    assert_eq!(rig.login("bob", FIRST).await, LoginResult::Good);

    // Password and forced change come in one operation: there is no moment without the force.
    let both = Update { password: Some(SECOND.into()), must_change: Some(true), ..update(&bob) };
    assert_eq!(done(rig.directory(), Operation::Update(both)).await, Done::Changed);
    assert_eq!(rig.login("bob", SECOND).await, LoginResult::MustChange);

    let lift = Update { must_change: Some(false), ..update(&ada) };
    assert_eq!(done(rig.directory(), Operation::Update(lift)).await, Done::Changed);
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::Good);

    if rig.directory().capabilities().await.expect("known").must_change {
        assert_eq!(one(rig.directory(), "ada").await.must_change, Some(false));
        assert_eq!(one(rig.directory(), "bob").await.must_change, Some(true));
    }
}

pub async fn a_new_password_replaces_the_old_one<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), with_password("ada", false)).await;
    let new = Update { password: Some(SECOND.into()), ..update(&ada) };
    assert_eq!(done(rig.directory(), Operation::Update(new)).await, Done::Changed);
    assert_eq!(rig.login("ada", SECOND).await, LoginResult::Good);
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::Refused);
}

pub async fn a_disabled_account_lets_nobody_in_until_it_is_enabled<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), with_password("ada", false)).await;
    let set = |enabled| Operation::Update(Update { enabled: Some(enabled), ..update(&ada) });
    assert_eq!(done(rig.directory(), set(false)).await, Done::Changed);
    assert!(!one(rig.directory(), "ada").await.enabled);
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::Refused);
    done(rig.directory(), set(false)).await;
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::Refused);
    assert_eq!(done(rig.directory(), set(true)).await, Done::Changed);
    assert!(one(rig.directory(), "ada").await.enabled);
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::Good);
}

pub async fn a_new_password_does_not_enable_an_account<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), with_password("ada", false)).await;
    done(rig.directory(), Operation::Update(Update { enabled: Some(false), ..update(&ada) })).await;
    done(rig.directory(), Operation::Update(Update { password: Some(SECOND.into()), ..update(&ada) })).await;
    assert!(!one(rig.directory(), "ada").await.enabled);
    assert_eq!(rig.login("ada", SECOND).await, LoginResult::Refused);
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::Refused);
}

pub async fn the_directory_tells_what_a_login_comes_to<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), with_password("ada", true)).await;
    let bob = created(rig.directory(), with_password("bob", false)).await;
    let cyd = created(rig.directory(), person("cyd", &[])).await;
    let login = async |account: &ExistingAccount, password: &str| {
        Directory::login(rig.directory(), &account.id, &account.username, &password.into()).await.expect("it is known")
    };
    assert_eq!(login(&ada, FIRST).await, Login::MustChange);
    assert_eq!(login(&bob, FIRST).await, Login::Welcome);
    for (account, wrong) in [(&ada, SECOND), (&bob, SECOND), (&bob, ""), (&cyd, FIRST), (&cyd, "")] {
        let login = login(account, wrong).await;
        assert!(matches!(login, Login::Refused(_)), "{} {wrong:?}: {login:?}", account.username);
    }
    // What works for applications works here, and the other way round; nothing was changed by trying.
    assert_eq!(rig.login("ada", FIRST).await, LoginResult::MustChange);
    assert_eq!(rig.login("bob", FIRST).await, LoginResult::Good);
    done(rig.directory(), Operation::Update(Update { enabled: Some(false), ..update(&bob) })).await;
    let refused = login(&bob, FIRST).await;
    assert!(matches!(refused, Login::Refused(_)), "{refused:?}");
    done(rig.directory(), Operation::Delete { id: bob.id.clone(), username: bob.username.clone() }).await;
    let refused = login(&bob, FIRST).await;
    assert!(matches!(refused, Login::Refused(_)), "{refused:?}");
}
