//! The archive: read with the others, entered switched off, and left again.

use rosterd::directory::Directory;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::account::EntryId;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::place::Home;
use rosterd::roster::place::Relocation;
use rosterd::roster::place::Wish;

use crate::server::slapd::Login;
use crate::server::slapd::Slapd;
use crate::server::slapd::Territory;

use super::PASSWORD;
use super::by_username;
use super::create;
use super::one;
use super::person;
use super::read;
use super::update;

async fn archive(territory: &Territory<'_>, parent: &str) -> (Ldap, String) {
    let base = format!("ou=leavers,{parent}{}", territory.base);
    territory.add(&base, &[("objectClass", &["organizationalUnit"]), ("ou", &["leavers"])]).await;
    let mut settings = territory.settings();
    settings.archive_base = Some(base.clone());
    (Ldap::new(settings).expect("good settings"), base)
}

async fn away(ldap: &Ldap, id: &EntryId) -> Result<Done, rosterd::roster::fault::Fault> {
    let place = ldap.place(id, &Home::Archive).expect("an archive").expect("elsewhere");
    let relocation = Some(Relocation::to(place.step));
    one(ldap, Operation::Update(Update { relocation, enabled: Some(false), ..update(id) })).await
}

#[tokio::test]
async fn who_is_in_the_archive_is_read_once_and_marked() {
    let territory = Slapd::shared().territory().await;
    for parent in ["", "ou=people,"] {
        let (ldap, base) = archive(&territory, parent).await;
        let name = if parent.is_empty() { "ada" } else { "bob" };
        let id = create(&ldap, Create { must_change: false, ..person(name) }).await;
        assert_eq!(away(&ldap, &id).await, Ok(Done::Changed));
        let all = read(&ldap, Which::All).await.expect("readable");
        let found: Vec<_> = all.iter().filter(|account| &*account.username == name).collect();
        assert_eq!(found.len(), 1, "{parent}");
        assert_eq!(&*found[0].id.locator, format!("uid={name},{base}"));
        assert!(found[0].archived && !found[0].enabled);
        assert!(by_username(&ldap, &[name]).await[0].archived);
        // By an id from before as well.
        let again = read(&ldap, Which::Ids(vec![id.clone()])).await.expect("readable");
        assert!(again[0].archived);
        assert_eq!(ldap.place(&again[0].id, &Home::Archive), Ok(None));
        let place = ldap
            .place(&again[0].id, &Home::Back(Wish { locator: None, username: None, changes: &[] }, Some(&id.locator)));
        let place = place.expect("a place").expect("elsewhere");
        assert_eq!(place.step.to, id.locator);
        let relocation = Some(Relocation::to(place.step));
        let back = Update { relocation, enabled: Some(true), ..update(&again[0].id) };
        assert_eq!(one(&ldap, Operation::Update(back)).await, Ok(Done::Changed));
        assert_eq!(territory.login(name, PASSWORD).await, Login::Welcome);
    }
}

#[tokio::test]
async fn who_cannot_be_moved_is_switched_off_all_the_same() {
    let territory = Slapd::shared().territory().await;
    let (ldap, base) = archive(&territory, "").await;
    let id = create(&ldap, Create { must_change: false, ..person("ada") }).await;
    territory.add(&format!("uid=ada,{base}"), &[("objectClass", &["account"]), ("uid", &["ada"])]).await;
    let Ok(Done::ChangedBut(why)) = away(&ldap, &id).await else { panic!("it cannot be moved") };
    assert!(why.starts_with("it was switched off, but not moved: another entry has the new name already"), "{why}");
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Locked);
}

#[tokio::test]
async fn an_archive_that_is_not_there_is_no_empty_one() {
    let territory = Slapd::shared().territory().await;
    let mut settings = territory.settings();
    settings.archive_base = Some(format!("ou=nowhere,{}", territory.base));
    let ldap = Ldap::new(settings).expect("good settings");
    let fault = read(&ldap, Which::All).await.expect_err("no archive");
    assert_eq!(fault.next, Next::StopRun);
    assert!(fault.reason.contains("archive_base"), "{fault}");
}
