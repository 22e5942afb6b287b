//! Promises about other names and places for accounts that are there.

use rosterd::directory::Directory;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;
use rosterd::roster::operation::Update;
use rosterd::roster::place::Home;
use rosterd::roster::place::May;
use rosterd::roster::place::Relocation;
use rosterd::roster::place::Step;
use rosterd::roster::place::Wish;
use rosterd::roster::place::temporary_name;

use super::LoginResult;
use super::Rig;
use super::Start;
use super::ask;
use super::change;
use super::created;
use super::done;
use super::find;
use super::group;
use super::member;
use super::one;
use super::person;
use super::update;

const PASSWORD: &str = "first Password 1";
const STAFF: Start = Start { groups: &[(GroupKind::Group, "staff"), (GroupKind::Role, "boss")], protected: &[] };

/// Returns what gives the account another login name, with whatever place goes with it here.
fn called(directory: &impl Directory, account: &ExistingAccount, username: &str) -> Relocation {
    let wish = Wish { locator: None, username: Some(username), changes: &[] };
    let place = directory.place(&account.id, &Home::Feed(wish, May::ALL)).expect("a place");
    Relocation {
        username: Some(Step { from: account.username.clone(), to: username.into() }),
        place: place.map(|place| place.step),
    }
}

async fn ada(directory: &impl Directory) -> ExistingAccount {
    let mut ada = person("ada", &[("title", &["Countess"])]);
    ada.password = Some(PASSWORD.into());
    created(directory, ada).await
}

pub async fn a_new_name_is_that_of_the_same_account_in_the_same_groups<R: Rig>() {
    let rig = R::new(STAFF).await;
    let directory = rig.directory();
    let before = ada(directory).await;
    let bob = created(directory, person("bob", &[])).await;
    for (kind, name) in [(GroupKind::Group, "staff"), (GroupKind::Role, "boss")] {
        let add = vec![member(&before), member(&bob)];
        let join = Operation::ChangeMembers { kind, name: GroupName::new(name), add, remove: Vec::new() };
        assert_eq!(done(directory, join).await, Done::Changed);
    }
    let renamed = Update {
        relocation: Some(called(directory, &before, "aking")),
        changes: vec![change("title", &["Countess"], &["Dr"])],
        ..update(&before)
    };
    assert_eq!(done(directory, Operation::Update(renamed.clone())).await, Done::Changed);
    let after = one(directory, "aking").await;
    assert_eq!(after.id, before.id);
    assert_eq!(after.id.locator, renamed.id_after().locator, "it is where it was to be");
    assert_eq!(after.attributes.first_text("title"), Some("Dr"));
    assert!(find(directory, "ada").await.is_none(), "the old name is free");
    for (kind, name) in [(GroupKind::Group, "staff"), (GroupKind::Role, "boss")] {
        let group = group(directory, kind, name).await.expect("there");
        assert!(group.has(&after) && group.has(&bob), "{name}: {group:?}");
        assert!(!group.has(&before) || before.id.locator == after.id.locator, "{name}: {group:?}");
    }
    assert_eq!(rig.login("aking", PASSWORD).await, LoginResult::Good);
    assert_eq!(rig.login("ada", PASSWORD).await, LoginResult::Refused);
    // The name is free for somebody else, who is another account.
    let other = created(directory, person("ada", &[("cn", &["Ada Other"])])).await;
    assert_ne!(other.id, after.id);
}

pub async fn the_name_of_somebody_else_is_refused_and_nothing_is_done<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let directory = rig.directory();
    let ada = ada(directory).await;
    let bob = created(directory, person("bob", &[])).await;
    let renamed = Update {
        relocation: Some(called(directory, &ada, "BOB")),
        changes: vec![change("title", &["Countess"], &["Dr"])],
        ..update(&ada)
    };
    let fault = ask(directory, Operation::Update(renamed)).await.expect_err("Bob is called so");
    assert_eq!(fault.next, Next::RejectRow, "{fault:?}");
    assert_eq!(one(directory, "bob").await.id, bob.id);
    let after = one(directory, "ada").await;
    assert_eq!((after.id.clone(), after.id.locator), (ada.id.clone(), ada.id.locator));
    assert_eq!(after.attributes.first_text("title"), Some("Countess"));
}

pub async fn a_relocation_that_was_begun_is_gone_through_once_more<R: Rig>() {
    let rig = R::new(STAFF).await;
    let directory = rig.directory();
    let before = ada(directory).await;
    let relocation = called(directory, &before, "aking");
    let renamed = Update { relocation: Some(relocation.clone()), ..update(&before) };
    done(directory, Operation::Update(renamed)).await;
    let now = one(directory, "aking").await;
    let again =
        Update { relocation: Some(relocation), changes: vec![change("title", &["Countess"], &["Dr"])], ..update(&now) };
    done(directory, Operation::Update(again)).await;
    let after = one(directory, "aking").await;
    assert_eq!((after.id.clone(), after.id.locator), (now.id.clone(), now.id.locator));
    assert_eq!(after.attributes.first_text("title"), Some("Dr"));
}

pub async fn a_new_name_for_an_account_that_is_gone_asks_to_look_again<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let directory = rig.directory();
    let ada = ada(directory).await;
    let relocation = called(directory, &ada, "aking");
    done(directory, Operation::Delete { id: ada.id.clone(), username: "ada".into() }).await;
    let renamed = Operation::Update(Update { relocation: Some(relocation), ..update(&ada) });
    let fault = ask(directory, renamed.clone()).await.expect_err("it is gone");
    assert_eq!(fault.next, Next::LookAgain, "{fault:?}");
    // Somebody else has the name by now.
    let other = created(directory, person("ada", &[])).await;
    let fault = ask(directory, renamed).await.expect_err("it is gone");
    assert_eq!(fault.next, Next::LookAgain, "{fault:?}");
    assert_eq!(one(directory, "ada").await.id, other.id);
}

pub async fn an_account_moves_and_keeps_its_groups<R: Rig>() {
    let rig = R::new(STAFF).await;
    let directory = rig.directory();
    let before = ada(directory).await;
    let Some(elsewhere) = rig.elsewhere("ada").await else {
        // Without places there is none to move to.
        let wish = Wish { locator: Some("uid=ada,ou=elsewhere"), username: None, changes: &[] };
        assert_eq!(directory.place(&before.id, &Home::Feed(wish, May::ALL)), Ok(None));
        return;
    };
    let before = one(directory, "ada").await;
    let add = vec![member(&before)];
    let (kind, name) = (GroupKind::Group, GroupName::new("staff"));
    done(directory, Operation::ChangeMembers { kind, name, add, remove: Vec::new() }).await;
    let wish = Wish { locator: Some(&elsewhere), username: None, changes: &[] };
    let may_not = directory.place(&before.id, &Home::Feed(wish, May::default())).expect("a place");
    assert_eq!(may_not, None, "what may not be done is left");
    let place = directory.place(&before.id, &Home::Feed(wish, May::ALL)).expect("a place").expect("another one");
    assert!(place.moves);
    let moved = Update { relocation: Some(Relocation::to(place.step)), ..update(&before) };
    assert_eq!(done(directory, Operation::Update(moved.clone())).await, Done::Changed);
    let after = one(directory, "ada").await;
    assert_eq!(after.id, before.id);
    assert_ne!(after.id.locator, before.id.locator);
    assert_eq!(after.id.locator, moved.id_after().locator);
    assert!(group(directory, kind, "staff").await.expect("there").has(&after));
    assert_eq!(directory.place(&after.id, &Home::Feed(wish, May::ALL)), Ok(None), "it is where it belongs");
}

/// Returns what puts an account out of the way of those who take its name and place.
fn aside(directory: &impl Directory, account: &ExistingAccount) -> Relocation {
    let name = temporary_name(&account.id.stable);
    let place = directory.place(&account.id, &Home::Aside(&name)).expect("a place");
    assert!(place.as_ref().is_none_or(|place| place.renames && !place.moves), "{place:?}");
    let place = place.map(|place| place.step);
    Relocation { username: Some(Step { from: account.username.clone(), to: name.into() }), place }
}

pub async fn two_swap_their_names_over_a_temporary_one_and_each_keeps_its_groups<R: Rig>() {
    let rig = R::new(STAFF).await;
    let directory = rig.directory();
    let ada = ada(directory).await;
    let bob = created(directory, person("bob", &[])).await;
    let add = vec![member(&ada)];
    let (kind, name) = (GroupKind::Group, GroupName::new("staff"));
    done(directory, Operation::ChangeMembers { kind, name, add, remove: Vec::new() }).await;
    let mut steps = vec![("ada", None), ("bob", Some("ada"))];
    let temporary = temporary_name(&ada.id.stable);
    steps.push((&temporary, Some("bob")));
    for (from, to) in steps {
        let account = one(directory, from).await;
        let relocation = match to {
            Some(to) => called(directory, &account, to),
            None => aside(directory, &account),
        };
        let step = Update { relocation: Some(relocation.clone()), ..update(&account) };
        assert_eq!(done(directory, Operation::Update(step.clone())).await, Done::Changed);
        // An interrupted run goes through its last step once more.
        let now = one(directory, relocation.username.as_ref().map_or(from, |step| &step.to)).await;
        assert_eq!(now.id, account.id);
        done(directory, Operation::Update(Update { id: now.id.clone(), username: now.username.clone(), ..step })).await;
    }
    let (now_ada, now_bob) = (one(directory, "bob").await, one(directory, "ada").await);
    assert_eq!((&now_ada.id, &now_bob.id), (&ada.id, &bob.id));
    assert_eq!(rig.login("bob", PASSWORD).await, LoginResult::Good);
    assert_eq!(rig.login("ada", PASSWORD).await, LoginResult::Refused);
    let staff = group(directory, kind, "staff").await.expect("there");
    assert!(staff.has(&now_ada) && !staff.has(&now_bob), "{staff:?}");
    assert!(find(directory, &temporary_name(&ada.id.stable)).await.is_none());
}
