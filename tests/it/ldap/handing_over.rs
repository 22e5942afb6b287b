//! Names and mail addresses that people take from each other, where the server lets nobody have another one's.

use rosterd::directory::Directory;
use rosterd::directory::local::Argon2Settings;
use rosterd::directory::local::Local;
use rosterd::directory::local::LocalSettings;
use rosterd::exit::Exit;
use rosterd::run::Carried;
use rosterd::run::Order;

use super::*;
use crate::server::slapd::Options;
use crate::server::slapd::Slapd;
use crate::world::World;

const FEED: &str = "
match = \"employeeNumber\"
[feed.map]
employeeNumber = \"Number\"
mail = \"{{ username }}@example.org\"
[feed.checks]
unique = [\"mail\"]
[feed.defaults]
rename = true
[feed.limits]
moves = \"none\"
takeovers = \"none\"
";

/// Rows for four people who are called so.
fn named(names: [&str; 4]) -> String {
    let row = |(n, name): (usize, &&str)| format!("{n},{name},First{n},Last{n}\n");
    let rows: String = (1..).zip(&names).map(row).collect();
    format!("Number,Username,First name,Surname\n{rows}")
}

async fn carry<D: Directory>(world: &World, directory: &D) {
    let carried = world.carry(directory, Order::AsTheFeedSays).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
}

/// A chain, two who swap and three who go round, one after the other.
async fn all_get_what_they_are_to_have<D: Directory>(directory: &D) {
    let world = World::new(FEED, &named(["ada", "bob", "cyd", "dan"]));
    carry(&world, directory).await;
    for names in [
        ["bob", "cyd", "dan", "eve"],
        ["cyd", "bob", "dan", "eve"],
        ["bob", "dan", "cyd", "fay"],
        ["dan", "fay", "cyd", "bob"],
    ] {
        world.drop_roster(&named(names));
        carry(&world, directory).await;
        assert_eq!(world.outcomes().iter().filter(|told| told.ends_with("failed")).count(), 0, "{}", world.told());
        let attributes = Schema::new(["employeeNumber", "mail"].map(AttributeName::new));
        let lookup = Lookup { which: Which::All, attributes };
        let found: Vec<_> = directory.existing(lookup).try_collect().await.expect("readable");
        let mut people: Vec<String> = found
            .iter()
            .map(|entry| {
                let first = |name| entry.attributes.first_text(name).unwrap_or_default().to_owned();
                format!("{} {} {}", first("employeeNumber"), entry.username, first("mail"))
            })
            .collect();
        people.sort();
        let wanted = |(n, name): (usize, &str)| format!("{n} {name} {name}@example.org");
        assert_eq!(people, (1..).zip(names).map(wanted).collect::<Vec<_>>(), "{}", world.told());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_go_from_one_to_the_other_on_a_server_that_keeps_them_unique() {
    let slapd = Slapd::start_with(Options { unique_mail: true, ..Options::default() });
    let territory = slapd.territory().await;
    let ldap = ldap(&territory);
    all_get_what_they_are_to_have(&ldap).await;
    // It does see to it.
    let mut twice = person("eva");
    twice.attributes = [("sn", vec!["e"]), ("cn", vec!["e"]), ("mail", vec!["cyd@example.org"])].into_iter().collect();
    assert!(one(&ldap, Operation::Create(twice)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_addresses_go_from_one_to_the_other_in_the_local_directory() {
    let folder = tempfile::TempDir::new().expect("temporary folder");
    let file = folder.path().join("directory.sqlite");
    let settings = LocalSettings { file, argon2: Argon2Settings::default(), protected: Vec::new() };
    let local = Local::open(settings, jiff::Timestamp::now).expect("opens");
    all_get_what_they_are_to_have(&local).await;
}
