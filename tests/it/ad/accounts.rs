//! Creating, changing, switching off and deleting accounts.

use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Schema;
use rosterd::roster::change::Change;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::place::Relocation;
use rosterd::roster::place::Step;
use rosterd::roster::secret::Secret;

use super::ldap;
use crate::ldap::PASSWORD;
use crate::ldap::by_username;
use crate::ldap::change;
use crate::ldap::create;
use crate::ldap::fault;
use crate::ldap::one;
use crate::ldap::person;
use crate::ldap::read;
use crate::ldap::update;
use crate::server::samba::Login;
use crate::server::samba::Territory;

fn named(username: &str, more: &[(&str, &str)]) -> Create {
    let pairs = more.iter().map(|(name, value)| (*name, vec![*value]));
    Create { attributes: [("sn", vec!["Byron"])].into_iter().chain(pairs).collect(), ..person(username) }
}

#[tokio::test]
async fn one_add_makes_a_person_who_must_change_the_password() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, named("ada", &[("cn", "Ada Byron")])).await;
    let ada = territory.person("Ada Byron");
    assert_eq!(id.locator.to_lowercase(), ada.to_lowercase());
    assert_eq!(territory.values(&ada, "userAccountControl").await, ["512"]);
    assert_eq!(territory.values(&ada, "pwdLastSet").await, ["0"]);
    assert_eq!(territory.values(&ada, "userPrincipalName").await, ["ada@ad.example.org"]);
    assert_eq!(territory.login("ada", PASSWORD).await, Login::MustChange);
    assert_eq!(territory.login("ada", "wrong").await, Login::Refused);
    let found = &by_username(&ldap, &["ADA"]).await[0];
    assert_eq!((found.id.clone(), found.enabled, found.must_change), (id, true, Some(true)));
    // Without a mapped `cn` the login name is the name; a principal's name is the roster's, or of another domain.
    create(&ldap, named("bob", &[("userPrincipalName", "bob.ray@example.org")])).await;
    assert_eq!(territory.values(&territory.person("bob"), "userPrincipalName").await, ["bob.ray@example.org"]);
    let mut settings = territory.settings();
    settings.upn_suffix = Some("example.net".to_owned());
    create(&Ldap::new(settings).expect("good settings"), named("eve", &[])).await;
    assert_eq!(territory.values(&territory.person("eve"), "userPrincipalName").await, ["eve@example.net"]);
}

#[tokio::test]
async fn without_a_password_nobody_is_enabled() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, Create { password: None, must_change: false, ..named("ada", &[]) }).await;
    assert_eq!(territory.values(&territory.person("ada"), "userAccountControl").await, ["514"]);
    assert!(!by_username(&ldap, &["ada"]).await[0].enabled);
    // A password alone lets nobody in who was switched off.
    let password = Update { password: Some(PASSWORD.into()), ..update(&id) };
    assert_eq!(one(&ldap, Operation::Update(password)).await, Ok(Done::Changed));
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Disabled);
    let enable = Update { enabled: Some(true), must_change: Some(true), ..update(&id) };
    assert_eq!(one(&ldap, Operation::Update(enable)).await, Ok(Done::Changed));
    assert_eq!(territory.login("ada", PASSWORD).await, Login::MustChange);
}

#[tokio::test]
async fn the_other_bits_of_an_account_stay() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, Create { must_change: false, ..named("ada", &[]) }).await;
    let ada = territory.person("ada");
    // The password never expires, and a smart card is not needed: 0x10200.
    let forever = ldap3::Mod::Replace("userAccountControl", ["66048"].into());
    territory.admin().await.modify(&ada, vec![forever]).await.expect("an answer").success().expect("written");
    let set = |enabled| Operation::Update(Update { enabled: Some(enabled), ..update(&id) });
    assert_eq!(one(&ldap, set(false)).await, Ok(Done::Changed));
    assert_eq!(territory.values(&ada, "userAccountControl").await, ["66050"]);
    assert_eq!(one(&ldap, set(false)).await, Ok(Done::AlreadySo));
    assert_eq!(one(&ldap, set(true)).await, Ok(Done::Changed));
    assert_eq!(territory.values(&ada, "userAccountControl").await, ["66048"]);
    // A change would not be forced, so it is not promised, and nothing else of the row is done.
    let force = Update { must_change: Some(true), password: Some("second-Passw0rd".into()), ..update(&id) };
    let refused = fault(one(&ldap, Operation::Update(force)).await, Next::RejectRow, None);
    assert!(refused.reason.contains("DONT_EXPIRE_PASSWD"), "{refused}");
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Welcome);
}

#[tokio::test]
async fn the_server_compares_the_old_bits_before_it_writes_new_ones() {
    let territory = Territory::new().await;
    create(&ldap(&territory), Create { must_change: false, ..named("ada", &[]) }).await;
    let ada = territory.person("ada");
    let bits = |bits: &'static str| std::collections::HashSet::from([bits]);
    let swap = |old, new| {
        vec![
            ldap3::Mod::Delete("userAccountControl", bits(old)),
            ldap3::Mod::Add("userAccountControl", bits(new)),
            ldap3::Mod::Replace("title", bits("Dr")),
        ]
    };
    let mut service = territory.service().await;
    let stale = service.modify(&ada, swap("66048", "66050")).await.expect("an answer");
    assert_eq!(stale.rc, 16, "{stale:?}");
    assert_eq!(territory.values(&ada, "title").await, [""; 0]);
    let right = service.modify(&ada, swap("512", "514")).await.expect("an answer");
    assert_eq!(right.rc, 0, "{right:?}");
}

#[tokio::test]
async fn somebody_who_becomes_an_administrator_after_the_preview_is_not_written() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, Create { must_change: false, ..named("ada", &[]) }).await;
    let ada = territory.person("ada");
    let mut admin = territory.admin().await;
    let count = ldap3::Mod::Replace("adminCount", std::collections::HashSet::from(["1"]));
    admin.modify(&ada, vec![count]).await.expect("an answer").success().expect("an administrator");
    let title = Update { changes: vec![change("title", &[], &["Countess"])], ..update(&id) };
    let reset = Update { password: Some(Secret::from("other-Secret.2")), ..update(&id) };
    let disable = Update { enabled: Some(false), ..update(&id) };
    let way = Step { from: id.locator.clone(), to: territory.person("Ada King").into() };
    let rename = Update { relocation: Some(Relocation::to(way)), ..update(&id) };
    let delete = Operation::Delete { id, username: "ada".into() };
    for operation in [title, reset, disable, rename].map(Operation::Update).into_iter().chain([delete]) {
        let refused = fault(one(&ldap, operation).await, Next::RejectRow, None);
        assert!(refused.reason.contains("adminCount"), "{refused}");
    }
    assert_eq!(territory.values(&ada, "title").await, [""; 0]);
    assert_eq!(territory.values(&ada, "adminCount").await, ["1"], "where it was");
    assert_eq!(territory.login("ada", PASSWORD).await, Login::Welcome);
}

#[tokio::test]
async fn a_request_reaches_the_entry_and_not_whoever_has_its_name_by_now() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, named("ada", &[])).await;
    let ada = territory.person("ada");
    let mut admin = territory.admin().await;
    admin.modifydn(&ada, "CN=Ada King", true, None).await.expect("an answer").success().expect("renamed");
    create(&ldap, named("ada2", &[("cn", "ada")])).await;
    let title = Update { changes: vec![change("title", &[], &["Countess"])], ..update(&id) };
    assert_eq!(one(&ldap, Operation::Update(title)).await, Ok(Done::Changed));
    assert_eq!(territory.values(&territory.person("Ada King"), "title").await, ["Countess"]);
    assert_eq!(territory.values(&ada, "title").await, [""; 0]);
    let found = read(&ldap, Which::Ids(vec![id.clone()])).await.expect("readable");
    assert_eq!(found.iter().map(|account| &*account.username).collect::<Vec<_>>(), ["ada"]);
    let delete = Operation::Delete { id, username: "ada".into() };
    assert_eq!(one(&ldap, delete.clone()).await, Ok(Done::Changed));
    assert_eq!(one(&ldap, delete).await, Ok(Done::AlreadySo));
    assert!(territory.read(&territory.person("Ada King")).await.is_none());
    assert!(territory.read(&ada).await.is_some());
}

#[tokio::test]
async fn two_people_of_one_name_are_told_what_to_do() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    create(&ldap, named("ada", &[("cn", "Ada Byron")])).await;
    let second = Operation::Create(named("abyron", &[("cn", "ada byron")]));
    let refused = fault(one(&ldap, second).await, Next::RejectRow, None);
    assert!(refused.reason.contains("the entry of `ada`") && refused.reason.contains("map `cn`"), "{refused}");
    create(&ldap, named("abyron", &[("cn", "Ada Byron (abyron)")])).await;
    // The same person again: that is for the plan to find out.
    fault(one(&ldap, Operation::Create(named("ADA", &[("cn", "Ada Byron")]))).await, Next::LookAgain, Some("68"));
    fault(one(&ldap, Operation::Create(named("ADA", &[("cn", "Ada King")]))).await, Next::LookAgain, Some("68"));
    // Groups have login names too.
    territory.add(&territory.group("x"), &[("objectClass", &["group"]), ("sAMAccountName", &["staff"])]).await;
    let refused = fault(one(&ldap, Operation::Create(named("staff", &[]))).await, Next::RejectRow, None);
    assert!(refused.reason.contains("not among the people"), "{refused}");
    // Nor is a changed `cn` written as if it were an attribute.
    let id = by_username(&ldap, &["ada"]).await[0].id.clone();
    let rename = Update { changes: vec![change("cn", &["Ada Byron"], &["Ada King"])], ..update(&id) };
    fault(one(&ldap, Operation::Update(rename)).await, Next::RejectRow, None);
    assert!(territory.read(&territory.person("Ada Byron")).await.is_some());
}

#[tokio::test]
async fn photos_come_and_go() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let photo = |last: u8| -> Box<[u8]> { [0xff, 0xd8, 0, b'\n', last].into() };
    let attributes = Schema::new(["sn", "thumbnailPhoto"].map(AttributeName::new));
    let attributes = attributes.pack([("sn", vec![b"Byron".as_slice()]), ("thumbnailPhoto", vec![&photo(1)])]);
    let id = create(&ldap, Create { attributes, ..person("ada") }).await;
    let read = async || {
        let entry = territory.read(&territory.person("ada")).await.expect("there");
        entry.bin_attrs.get("thumbnailPhoto").cloned().unwrap_or_default()
    };
    assert_eq!(read().await, [photo(1).to_vec()]);
    let attribute = AttributeName::new("thumbnailPhoto");
    let new = Change { attribute: attribute.clone(), old: [photo(1)].into(), new: [photo(2)].into() };
    assert_eq!(one(&ldap, Operation::Update(Update { changes: vec![new], ..update(&id) })).await, Ok(Done::Changed));
    assert_eq!(read().await, [photo(2).to_vec()]);
    let gone = Change { attribute, old: [photo(2)].into(), new: [].into() };
    assert_eq!(one(&ldap, Operation::Update(Update { changes: vec![gone], ..update(&id) })).await, Ok(Done::Changed));
    assert_eq!(read().await, [[0_u8; 0]; 0]);
}

#[tokio::test]
async fn a_first_value_does_not_join_one_that_came_meanwhile() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let id = create(&ldap, named("ada", &[])).await;
    let theirs = ldap3::Mod::Add("otherTelephone", ["1"].into());
    let ada = territory.person("ada");
    territory.admin().await.modify(&ada, vec![theirs]).await.expect("an answer").success().expect("written");
    let ours = Update { changes: vec![change("otherTelephone", &[], &["2"])], ..update(&id) };
    fault(one(&ldap, Operation::Update(ours)).await, Next::LookAgain, Some("122"));
    assert_eq!(territory.values(&ada, "otherTelephone").await, ["1"]);
}

#[tokio::test]
async fn a_weak_password_is_told_as_such_and_makes_no_account() {
    let territory = Territory::new().await;
    let ldap = ldap(&territory);
    let weak = Create { password: Some("short".into()), ..named("ada", &[]) };
    let refused = fault(one(&ldap, Operation::Create(weak)).await, Next::RejectRow, Some("19"));
    assert!(refused.reason.contains("does not meet the domain's rules"), "{refused}");
    assert!(territory.read(&territory.person("ada")).await.is_none());
}
