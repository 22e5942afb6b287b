//! Promises about reading accounts.

use std::collections::BTreeSet;
use std::pin::pin;

use futures_util::StreamExt;
use futures_util::TryStreamExt;
use rosterd::directory::Directory;
use rosterd::directory::Lookup;
use rosterd::directory::Pace;
use rosterd::directory::Which;
use rosterd::roster::account::ExistingAccount;
use rosterd::roster::account::MatchBy;
use rosterd::roster::attribute::AttributeName;
use rosterd::roster::attribute::Schema;
use rosterd::roster::operation::Create;
use rosterd::roster::operation::Operation;

use super::Rig;
use super::Start;
use super::created;
use super::done;
use super::find;
use super::lookup;
use super::one;
use super::person;
use super::read;
use super::username_is;

fn usernames(accounts: &[ExistingAccount]) -> Vec<&str> {
    let mut names: Vec<&str> = accounts.iter().map(|account| &*account.username).collect();
    names.sort_unstable();
    names
}

async fn fill(directory: &impl Directory, n_accounts: usize) -> BTreeSet<String> {
    let names: BTreeSet<String> = (0..n_accounts).map(|n| format!("person{n:05}")).collect();
    let creates: Vec<Operation> = names.iter().map(|name| Operation::Create(person(name, &[]))).collect();
    for batch in creates.chunks(250) {
        for answer in directory.apply(batch, &Pace::unlimited()).await {
            answer.expect("created");
        }
    }
    names
}

pub async fn every_account_is_read_exactly_once<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let names = fill(rig.directory(), R::MANY).await;
    let all = read(rig.directory(), Which::All).await;
    assert_eq!(all.len(), names.len(), "each once");
    assert_eq!(usernames(&all), names.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(all.iter().all(|account| account.attributes.first_text("cn") == Some(&*account.username)));
}

pub async fn matching_ignores_case<R: Rig>() {
    let rig = R::new(Start::default()).await;
    created(rig.directory(), person("Ada.Byron", &[("employeeNumber", &["X-17a"])])).await;
    created(rig.directory(), person("bob", &[])).await;
    assert_eq!(usernames(&read(rig.directory(), username_is(&["ADA.BYRON"])).await), ["Ada.Byron"]);
    assert_eq!(usernames(&read(rig.directory(), username_is(&["ada.byron"])).await), ["Ada.Byron"]);
    let by = MatchBy::Attribute(AttributeName::new("EMPLOYEENUMBER"));
    let which = Which::Matching { by, values: vec!["x-17A".into()] };
    assert_eq!(usernames(&read(rig.directory(), which).await), ["Ada.Byron"]);
}

pub async fn matching_knows_no_wildcards<R: Rig>() {
    let rig = R::new(Start::default()).await;
    created(rig.directory(), person("ada", &[("employeeNumber", &["17"]), ("title", &["a*b(c)\\d"])])).await;
    let hostile =
        ["*", "a*", "ad?", "(", ")", "ada)(cn=*", "*)(objectClass=*", "\\2a", "\\", "a%", "_da", "' OR 1=1 --", "\0"];
    assert_eq!(read(rig.directory(), username_is(&hostile)).await.len(), 0);
    for name in ["employeeNumber", "title"] {
        let values = hostile.map(Into::into).to_vec();
        let which = Which::Matching { by: MatchBy::Attribute(AttributeName::new(name)), values };
        assert_eq!(read(rig.directory(), which).await.len(), 0, "{name}");
    }
    let by = MatchBy::Attribute(AttributeName::new("title"));
    let which = Which::Matching { by, values: vec!["a*b(c)\\d".into()] };
    assert_eq!(usernames(&read(rig.directory(), which).await), ["ada"], "the characters themselves are found");
}

pub async fn matching_by_an_attribute_finds_every_value<R: Rig>() {
    let rig = R::new(Start::default()).await;
    created(rig.directory(), person("ada", &[("departmentNumber", &["A 17", "B 18"])])).await;
    created(rig.directory(), person("bob", &[("departmentNumber", &["C 19"])])).await;
    created(rig.directory(), person("eve", &[])).await;
    let by = MatchBy::Attribute(AttributeName::new("departmentNumber"));
    let values = ["B 18", "C 19", "D 20"].map(Into::into).to_vec();
    let found = read(rig.directory(), Which::Matching { by, values }).await;
    assert_eq!(usernames(&found), ["ada", "bob"]);
}

pub async fn an_account_found_twice_is_read_once<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), person("ada", &[("departmentNumber", &["A 17", "B 18"])])).await;
    assert_eq!(read(rig.directory(), username_is(&["ada", "ADA", "ada"])).await.len(), 1);
    let by = MatchBy::Attribute(AttributeName::new("departmentNumber"));
    let values = ["A 17", "B 18"].map(Into::into).to_vec();
    assert_eq!(read(rig.directory(), Which::Matching { by, values }).await.len(), 1);
    assert_eq!(read(rig.directory(), Which::Ids(vec![ada.id.clone(), ada.id])).await.len(), 1);
}

pub async fn ids_find_their_accounts_and_unknown_ones_are_absent<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = created(rig.directory(), person("ada", &[])).await;
    let bob = created(rig.directory(), person("bob", &[])).await;
    created(rig.directory(), person("eve", &[])).await;
    done(rig.directory(), Operation::Delete { id: bob.id.clone(), username: "bob".into() }).await;
    let found = read(rig.directory(), Which::Ids(vec![bob.id.clone(), ada.id.clone()])).await;
    assert_eq!(usernames(&found), ["ada"]);
    assert_eq!(found[0].id, ada.id);
    assert_eq!(read(rig.directory(), Which::Ids(vec![bob.id])).await.len(), 0);
    assert_eq!(read(rig.directory(), Which::Ids(Vec::new())).await.len(), 0);
    assert_eq!(read(rig.directory(), username_is(&[])).await.len(), 0, "no values are not all values");
}

pub async fn only_the_attributes_asked_for_are_read<R: Rig>() {
    let rig = R::new(Start::default()).await;
    let ada = person("ada", &[("title", &["Countess"]), ("mail", &["ada@x.org"])]);
    created(rig.directory(), Create { password: Some("first Password 1".into()), ..ada }).await;
    let attributes = Schema::new(["TITLE".into(), "employeeNumber".into()]);
    let found: Vec<ExistingAccount> =
        rig.directory().existing(Lookup { which: Which::All, attributes }).try_collect().await.expect("read");
    assert_eq!(found.len(), 1);
    assert_eq!(&*found[0].username, "ada");
    assert!(found[0].enabled);
    let listed: Vec<String> = found[0].attributes.iter().map(|(name, _)| name.as_str().to_lowercase()).collect();
    assert_eq!(listed, ["title"]);
}

pub async fn reading_can_be_given_up<R: Rig>() {
    let rig = R::new(Start::default()).await;
    fill(rig.directory(), R::MANY / 2).await;
    {
        let mut stream = pin!(rig.directory().existing(lookup(Which::All)));
        assert!(stream.next().await.expect("there are accounts").is_ok());
    }
    created(rig.directory(), person("later", &[])).await;
    assert!(find(rig.directory(), "later").await.is_some());
}

pub async fn protected_accounts_are_marked<R: Rig>() {
    let rig = R::new(Start { protected: &["breakglass"], ..Start::default() }).await;
    created(rig.directory(), person("ada", &[])).await;
    assert!(one(rig.directory(), "breakglass").await.protected.is_some_and(|why| !why.is_empty()));
    assert_eq!(one(rig.directory(), "ada").await.protected, None);
    let all = read(rig.directory(), Which::All).await;
    let marked: Vec<&str> = all.iter().filter(|a| a.protected.is_some()).map(|a| &*a.username).collect();
    assert_eq!(marked, ["breakglass"]);
}
