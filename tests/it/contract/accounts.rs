//! Promises about creating, changing and deleting accounts.

use rosterd::directory::Directory;
use rosterd::roster::change::Change;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::ask;
use super::change;
use super::created;
use super::done;
use super::find;
use super::one;
use super::person;
use super::sets;
use super::update;

pub async fn what_is_created_is_read_back<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let mut create = person(
        "ada",
        &[
            ("cn", &["Ada Byron"]),
            ("givenName", &["Ada"]),
            ("mail", &["ada@example.org"]),
            ("title", &[]),
            ("departmentNumber", &["first", "second", "third"]),
        ],
    );
    create.password = Some("first Password 1".into());
    let mut wanted = sets(&create.attributes);
    assert!(wanted.remove("title").is_some_and(|values| values.is_empty()), "a cleared attribute is not sent");
    let ada = created(rig.directory(), create).await;
    assert_eq!(sets(&ada.attributes), wanted);
    assert_eq!(&*ada.username, "ada");
    assert!(ada.enabled);
    assert_eq!(ada.protected, None);
    if rig.directory().capabilities().await.expect("known").must_change {
        assert_eq!(ada.must_change, Some(false));
    }
}

pub async fn values_with_special_characters_are_read_back<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let create = person(
        "special",
        &[
            ("cn", &[",+\"\\<>;=#"]),
            ("sn", &["Zoë Œuvré 名前 \u{1f600} e\u{301}"]),
            ("title", &[" leading and trailing "]),
            ("displayName", &[",+\"\\<>;=#"]),
            ("departmentNumber", &["*()\\", "#hash", "=eq", "a  b", "Line 1\nLine 2", ":<colon", "\u{e9}"]),
        ],
    );
    let wanted = sets(&create.attributes);
    let read = created(rig.directory(), create).await;
    assert_eq!(sets(&read.attributes), wanted);
    // The same again by way of an update.
    let mut update = update(&read);
    update.changes.push(change("displayName", &[",+\"\\<>;=#"], &["#;=<>\\\"+, "]));
    assert_eq!(done(rig.directory(), Operation::Update(update)).await, Done::Changed);
    let read = one(rig.directory(), "special").await;
    assert_eq!(read.attributes.first_text("displayName"), Some("#;=<>\\\"+, "));
}

pub async fn creating_twice_leaves_the_first_untouched<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let mut first = person("ada", &[("title", &["Countess"])]);
    first.password = Some("first Password 1".into());
    let before = created(rig.directory(), first).await;
    for spelling in ["ada", "ADA"] {
        let mut second = person(spelling, &[("title", &["Usurper"]), ("mail", &["second@example.org"])]);
        second.password = Some("second Password 2".into());
        let fault = ask(rig.directory(), Operation::Create(second)).await.expect_err("there already");
        assert!(matches!(fault.next, Next::LookAgain | Next::RejectRow), "{fault:?}");
        let after = one(rig.directory(), "ada").await;
        assert_eq!(after.id, before.id);
        assert_eq!(sets(&after.attributes), sets(&before.attributes));
    }
    assert_eq!(rig.login("ada", "first Password 1").await, LoginResult::Good);
    assert_eq!(rig.login("ada", "second Password 2").await, LoginResult::Refused);
}

pub async fn an_update_changes_exactly_the_named_attributes<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let more: &[(&str, &[&str])] =
        &[("title", &["Countess"]), ("mail", &["ada@example.org"]), ("employeeNumber", &["17"])];
    let ada =
        created(rig.directory(), Create { password: Some("first Password 1".into()), ..person("ada", more) }).await;
    let bob = created(rig.directory(), person("bob", more)).await;
    let mut update = update(&ada);
    update.changes = vec![
        change("title", &["Countess"], &[]),
        change("MAIL", &["ada@example.org"], &["king@example.org"]),
        change("givenName", &[], &["Augusta"]),
    ];
    assert_eq!(done(rig.directory(), Operation::Update(update)).await, Done::Changed);

    let mut wanted = sets(&ada.attributes);
    wanted.remove("title");
    wanted.insert("mail".to_owned(), [b"king@example.org".to_vec()].into());
    wanted.insert("givenname".to_owned(), [b"Augusta".to_vec()].into());
    let after = one(rig.directory(), "ada").await;
    assert_eq!(sets(&after.attributes), wanted);
    assert_eq!(after.id, ada.id);
    assert!(after.enabled);
    assert_eq!(sets(&one(rig.directory(), "bob").await.attributes), sets(&bob.attributes), "others are untouched");
}

pub async fn an_update_adds_and_removes_single_values<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), person("ada", &[("departmentNumber", &["one", "two", "three"])])).await;
    let mut update = update(&ada);
    // Values are a set, so their order says nothing.
    update.changes.push(change("departmentNumber", &["three", "one", "two"], &["one", "three", "four", "five"]));
    assert_eq!(done(rig.directory(), Operation::Update(update)).await, Done::Changed);
    let after = one(rig.directory(), "ada").await;
    let wanted = ["five", "four", "one", "three"].map(|value| value.as_bytes().to_vec());
    assert_eq!(sets(&after.attributes)["departmentnumber"], wanted.into());
}

pub async fn an_update_of_values_that_no_longer_hold_overwrites_nothing<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), person("ada", &[("title", &["Countess"]), ("description", &["kept"])])).await;
    let stale: [Change; 4] = [
        change("title", &["Lady"], &["Dr"]),
        change("title", &["Lady"], &[]),
        change("title", &[], &["Dr"]),
        change("mail", &["was@example.org"], &["is@example.org"]),
    ];
    for stale in stale {
        let mut update = update(&ada);
        update.changes = vec![change("description", &["kept"], &["overwritten"]), stale];
        let shown = format!("{:?}", update.changes);
        let fault = ask(rig.directory(), Operation::Update(update)).await.expect_err("the old values do not hold");
        assert_eq!(fault.next, Next::LookAgain, "{shown}: {fault:?}");
        assert_eq!(sets(&one(rig.directory(), "ada").await.attributes), sets(&ada.attributes), "{shown}");
    }
}

pub async fn an_update_that_fails_in_one_part_does_no_part<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let mut create = person("ada", &[("title", &["Countess"])]);
    create.password = Some("first Password 1".into());
    let ada = created(rig.directory(), create).await;
    let update = Update {
        changes: vec![change("title", &["Lady"], &["Dr"])],
        password: Some("second Password 2".into()),
        must_change: Some(true),
        enabled: Some(false),
        ..update(&ada)
    };
    let fault = ask(rig.directory(), Operation::Update(update)).await.expect_err("the old value does not hold");
    assert_eq!(fault.next, Next::LookAgain);
    assert_eq!(rig.login("ada", "first Password 1").await, LoginResult::Good);
    assert_eq!(rig.login("ada", "second Password 2").await, LoginResult::Refused);
    let after = one(rig.directory(), "ada").await;
    assert!(after.enabled);
    assert_eq!(after.must_change, ada.must_change);
}

pub async fn an_update_of_an_account_that_is_gone_asks_to_look_again<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), person("ada", &[("title", &["Countess"])])).await;
    done(rig.directory(), Operation::Delete { id: ada.id.clone(), username: "ada".into() }).await;
    let mut update = update(&ada);
    update.changes.push(change("title", &["Countess"], &["Dr"]));
    let fault = ask(rig.directory(), Operation::Update(update)).await.expect_err("it is gone");
    assert_eq!(fault.next, Next::LookAgain, "{fault:?}");
    assert!(find(rig.directory(), "ada").await.is_none(), "an update creates nothing");
}

pub async fn deleting_takes_the_account_away_and_twice_is_no_fault<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let mut create = person("ada", &[]);
    create.password = Some("first Password 1".into());
    let ada = created(rig.directory(), create).await;
    created(rig.directory(), person("bob", &[])).await;
    let delete = Operation::Delete { id: ada.id.clone(), username: "ada".into() };
    assert_eq!(done(rig.directory(), delete.clone()).await, Done::Changed);
    assert!(find(rig.directory(), "ada").await.is_none());
    assert!(find(rig.directory(), "bob").await.is_some());
    assert_eq!(rig.login("ada", "first Password 1").await, LoginResult::Refused);
    assert_eq!(done(rig.directory(), delete).await, Done::AlreadySo);

    let again = created(rig.directory(), person("ada", &[])).await;
    assert_ne!(again.id, ada.id, "the same name is another entry now");
    assert_eq!(rig.login("ada", "first Password 1").await, LoginResult::Refused);
}
