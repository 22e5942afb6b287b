//! Two servers that copy each other: nobody writes to one that is behind, and a run goes on at the other one.

use std::time::Duration;

use rosterd::directory::Directory;
use rosterd::directory::Verdict;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::exit::Exit;
use rosterd::exit::Failure;
use rosterd::run::Carried;
use rosterd::run::Order;
use url::Url;

use crate::server::door::Door;
use crate::server::slapd::Mirrors;
use crate::server::slapd::Territory;
use crate::world::World;

const HEAD: &str = "Username,First name,Surname,Email";

fn url(port: u16) -> Url {
    Url::parse(&format!("ldap://localhost:{port}")).expect("a URL")
}

/// Settings for the first server, which is behind a door, and the second one.
fn settings(mirrors: &Mirrors, territory: &Territory<'_>, door: &Door) -> LdapSettings {
    let mut settings = territory.settings();
    settings.url = url(door.port);
    settings.further_urls = vec![url(mirrors.second.port())];
    settings.ca_file = Some(mirrors.ca.path().to_owned());
    settings.replication_wait = Duration::from_millis(100);
    settings.connect_timeout = Duration::from_secs(1);
    settings
}

fn ldap(settings: &LdapSettings) -> Ldap {
    Ldap::new(settings.clone()).expect("good settings")
}

/// Returns what the import says when it is to be tried again later.
async fn put_off(world: &World, settings: &LdapSettings) -> String {
    match world.carry(&ldap(settings), Order::AsTheFeedSays).await {
        Ok(Carried::TryAgain(failure)) if failure.exit == Exit::TryAgain => failure.line(),
        other => panic!("{other:?}"),
    }
}

fn is_done(carried: &Result<Carried, Failure>) -> bool {
    matches!(carried, Ok(Carried::Done(Exit::Done)))
}

#[tokio::test]
async fn a_server_that_is_behind_is_not_used_before_it_has_caught_up() {
    let mirrors = Mirrors::start().await;
    let territory = mirrors.first.territory().await;
    mirrors.are_alike().await;
    let door = Door::before(mirrors.first.port());
    let settings = settings(&mirrors, &territory, &door);
    let at_second = Territory { server: &mirrors.second, base: territory.base.clone() };
    mirrors.to_second.shut();
    let world = World::new("", &format!("{HEAD}\nada,Ada,Byron,ada@example.org\n"));
    let carried = world.carry(&ldap(&settings), Order::AsTheFeedSays).await;
    assert!(is_done(&carried), "{carried:?}\n{}", world.told());
    assert!(at_second.read(&at_second.person("ada")).await.is_none(), "replication is held up");
    // The first server fails, and the next process finds the second one, which knows nothing of Ada.
    door.shut();
    world.drop_roster(&format!("{HEAD}\nada,Ada,Lovelace,ada@example.org\n"));
    let said = put_off(&world, &settings).await;
    let (first, second) = (url(door.port), url(mirrors.second.port()));
    assert!(said.contains(&format!("{second} does not have everything yet that was written to {first}")), "{said}");
    assert!(at_second.read(&at_second.person("ada")).await.is_none(), "nothing was written");
    // Once it has caught up it does.
    mirrors.to_second.open();
    mirrors.are_alike().await;
    let carried = world.carry(&ldap(&settings), Order::AsTheFeedSays).await;
    assert!(is_done(&carried), "{carried:?}\n{}", world.told());
    assert_eq!(world.outcomes(), ["ada updated"]);
    assert_eq!(at_second.values(&at_second.person("ada"), "sn").await, ["Lovelace"]);
    mirrors.are_alike().await;
    assert_eq!(territory.values(&territory.person("ada"), "sn").await, ["Lovelace"]);
}

#[tokio::test]
async fn a_server_that_nobody_lists_any_more_is_not_waited_for() {
    let mirrors = Mirrors::start().await;
    let territory = mirrors.first.territory().await;
    mirrors.are_alike().await;
    let door = Door::before(mirrors.first.port());
    let mut settings = settings(&mirrors, &territory, &door);
    let world = World::new("", &format!("{HEAD}\nada,Ada,Byron,ada@example.org\n"));
    let carried = world.carry(&ldap(&settings), Order::AsTheFeedSays).await;
    assert!(is_done(&carried), "{carried:?}\n{}", world.told());
    mirrors.are_alike().await;
    mirrors.to_second.shut();
    world.drop_roster(&format!("{HEAD}\nada,Ada,Byron,ada@example.org\nbob,Bob,Ball,bob@example.org\n"));
    let carried = world.carry(&ldap(&settings), Order::AsTheFeedSays).await;
    assert!(is_done(&carried), "{carried:?}\n{}", world.told());
    assert_eq!(world.outcomes(), ["ada unchanged", "bob created"]);
    door.shut();
    settings.url = url(mirrors.second.port());
    settings.further_urls = vec![url(door.port)];
    put_off(&world, &settings).await;
    settings.further_urls = Vec::new();
    let carried = world.carry(&ldap(&settings), Order::AsTheFeedSays).await;
    assert!(is_done(&carried), "{carried:?}\n{}", world.told());
    assert_eq!(world.outcomes(), ["ada unchanged", "bob created"], "what only the first one had is lost");
}

#[tokio::test]
async fn an_import_goes_on_at_the_other_of_two_servers_and_both_come_to_the_same() {
    let mirrors = Mirrors::start().await;
    let territory = mirrors.first.territory().await;
    mirrors.are_alike().await;
    let door = Door::before(mirrors.first.port());
    let settings = LdapSettings { replication_wait: Duration::from_secs(2), ..settings(&mirrors, &territory, &door) };
    let rows: String = (0..60).map(|n| format!("u{n},User,Number{n},u{n}@example.org\n")).collect();
    let world = World::new("batch_size = 5\npause = \"50ms\"\n", &format!("{HEAD}\n{rows}"));
    let fail = async {
        while territory.read(&territory.person("u15")).await.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        door.mute();
        tokio::time::sleep(Duration::from_millis(100)).await;
        door.shut();
    };
    let directory = ldap(&settings);
    let (carried, ()) = tokio::join!(world.carry(&directory, Order::AsTheFeedSays), fail);
    assert!(is_done(&carried), "{carried:?}\n{}", world.told());
    assert_eq!(world.outcomes(), (0..60).map(|n| format!("u{n} created")).collect::<Vec<_>>());
    mirrors.are_alike().await;
    let at_second = Territory { server: &mirrors.second, base: territory.base.clone() };
    let (mut one, mut two) = (territory.below().await, at_second.below().await);
    one.sort();
    two.sort();
    assert_eq!((one.len(), &one), (60, &two));
    // What the first one had got from nobody but rosterd, and what the second one had, is there once.
    let ids = async |territory: &Territory<'_>| territory.values(&territory.person("u15"), "entryUUID").await;
    assert_eq!(ids(&territory).await, ids(&at_second).await);
}

#[tokio::test]
async fn the_check_says_whether_a_server_is_behind() {
    let mirrors = Mirrors::start().await;
    let territory = mirrors.first.territory().await;
    mirrors.are_alike().await;
    let door = Door::before(mirrors.first.port());
    let settings = settings(&mirrors, &territory, &door);
    let verdict = async || {
        let findings = ldap(&settings).check().await;
        let found = findings.into_iter().find(|finding| finding.subject.starts_with("take over by"));
        found.expect("a finding").verdict
    };
    let alike = verdict().await;
    assert!(matches!(&alike, Verdict::Good(text) if text.contains("up to date")), "{alike:?}");
    mirrors.to_second.shut();
    territory.set(&territory.base, "description", &["written while nothing gets through"]).await;
    let behind = verdict().await;
    assert!(matches!(&behind, Verdict::Warning(text) if text.contains("contextCSN is behind")), "{behind:?}");
}
