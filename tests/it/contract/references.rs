//! Promises about attributes that refer to accounts.

use futures_util::TryStreamExt;
use rosterd::directory::Directory;
use rosterd::directory::Lookup;
use rosterd::directory::Which;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Schema;
use rosterd::roster::attribute::Values;
use rosterd::roster::change::Change;
use rosterd::roster::operation::Done;
use rosterd::roster::operation::Operation;

use super::Rig;
use super::Start;
use super::created;
use super::done;
use super::person;
use super::update;

async fn read(directory: &impl Directory, which: Which) -> Vec<ExistingAccount> {
    let attributes = Schema::new(["manager", "secretary"].map(AttributeName::new));
    directory.existing(Lookup { which, attributes }).try_collect().await.expect("the directory can be read")
}

/// Returns the values of an attribute as the directory has them.
async fn values(directory: &impl Directory, account: &ExistingAccount, attribute: &str) -> Vec<String> {
    let found = read(directory, Which::Ids(vec![account.id.clone()])).await;
    let values = found[0].attributes.get(attribute).into_iter().flat_map(Values::text);
    values.map(str::to_owned).collect()
}

/// Changes an attribute from what it is to references to these accounts.
async fn refer<D: Directory>(directory: &D, from: &ExistingAccount, attribute: &str, to: &[&ExistingAccount]) {
    let old = values(directory, from, attribute).await;
    let fold = directory.fold_of_references();
    // Who stays keeps the spelling that was read.
    let spelled = |to: &&ExistingAccount| {
        let same = old.iter().find(|old| fold(old) == fold(&to.id.locator));
        Box::from(same.map_or(to.id.locator.as_bytes(), |same| same.as_bytes()))
    };
    let mut update = update(from);
    update.changes.push(Change {
        attribute: AttributeName::new(attribute),
        old: old.iter().map(|old| Box::from(old.as_bytes())).collect(),
        new: to.iter().map(spelled).collect(),
    });
    assert_eq!(done(directory, Operation::Update(update)).await, Done::Changed);
}

/// Returns who of `people` an account refers to.
async fn referred<'p, D: Directory>(
    directory: &D,
    from: &ExistingAccount,
    attribute: &str,
    people: &[&'p ExistingAccount],
) -> Vec<&'p str> {
    let fold = directory.fold_of_references();
    let held = values(directory, from, attribute).await;
    let of = |value: &String| {
        let person = people.iter().find(|person| fold(&person.id.locator) == fold(value));
        &*person.unwrap_or_else(|| panic!("{value} is none of them")).username
    };
    let mut found: Vec<&str> = held.iter().map(of).collect();
    found.sort_unstable();
    found
}

async fn people(directory: &impl Directory) -> [ExistingAccount; 3] {
    let mut people = Vec::new();
    // Some directories name entries by `cn`, others by the username.
    for (username, name) in [("ada", "Ada"), ("bob", "Bob"), ("o'neil", "O'Neil, \"Eve\" + co; #1=")] {
        people.push(created(directory, person(username, &[("cn", &[name])])).await);
    }
    people.try_into().expect("three")
}

pub async fn a_reference_comes_changes_and_goes<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let [ada, bob, eve] = people(rig.directory()).await;
    let all = [&ada, &bob, &eve];
    for to in [&bob, &eve, &ada] {
        refer(rig.directory(), &ada, "manager", &[to]).await;
        assert_eq!(referred(rig.directory(), &ada, "manager", &all).await, [&*to.username]);
    }
    refer(rig.directory(), &ada, "manager", &[]).await;
    assert!(values(rig.directory(), &ada, "manager").await.is_empty());
}

pub async fn a_list_of_references_gains_and_loses_people_at_once<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let [ada, bob, eve] = people(rig.directory()).await;
    let all = [&ada, &bob, &eve];
    refer(rig.directory(), &ada, "secretary", &[&bob, &eve]).await;
    assert_eq!(referred(rig.directory(), &ada, "secretary", &all).await, ["bob", "o'neil"]);
    refer(rig.directory(), &ada, "secretary", &[&eve, &ada]).await;
    assert_eq!(referred(rig.directory(), &ada, "secretary", &all).await, ["ada", "o'neil"]);
}

pub async fn another_spelling_is_the_same_reference<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let [ada, bob, eve] = people(rig.directory()).await;
    let fold = rig.directory().fold_of_references();
    let locators = [&ada, &bob, &eve].map(|person| &*person.id.locator);
    for locator in locators {
        let is_same = fold(locator) == fold(&locator.to_uppercase());
        assert_eq!(is_same, R::HAS_SPELLINGS || *locator == locator.to_uppercase());
        assert_eq!(locators.iter().filter(|other| fold(other) == fold(locator)).count(), 1);
    }
}

pub async fn places_find_their_accounts_and_unknown_ones_are_absent<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let [ada, bob, eve] = people(rig.directory()).await;
    let delete = Operation::Delete { id: bob.id.clone(), username: bob.username.clone() };
    assert_eq!(done(rig.directory(), delete).await, Done::Changed);
    let places = [&*eve.id.locator, &ada.id.locator.to_uppercase(), &bob.id.locator, "nowhere", &ada.id.locator];
    let places = places.map(Into::into).to_vec();
    let mut found = read(rig.directory(), Which::Located(places)).await;
    found.sort_by(|a, b| a.username.cmp(&b.username));
    assert_eq!(found.iter().map(|account| &*account.username).collect::<Vec<_>>(), ["ada", "o'neil"]);
    assert_eq!((&found[0].id, &found[1].id), (&ada.id, &eve.id));
    assert!(read(rig.directory(), Which::Located(Vec::new())).await.is_empty());
}
