//! Several servers: the next one is used when one is unavailable, and never when one cannot be trusted.

use std::net::TcpListener;
use std::time::Duration;

use rosterd::directory::Directory;
use rosterd::directory::Which;
use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::LdapSettings;
use rosterd::roster::fault::Next;
use rosterd::roster::operation::Operation;
use rosterd::roster::remark::Remark;
use rosterd::run::Carried;
use rosterd::run::Order;
use url::Url;

use crate::server::door::Door;
use crate::server::eavesdropper::Eavesdropper;
use crate::server::slapd::Login;
use crate::server::slapd::SERVICE;
use crate::server::slapd::Slapd;
use crate::server::slapd::Territory;
use crate::world::World;

use super::PASSWORD;
use super::by_username;
use super::create;
use super::one;
use super::person;
use super::read;

fn url(host: &str, port: u16) -> Url {
    Url::parse(&format!("ldap://{host}:{port}")).expect("a URL")
}

/// Settings with these servers, which wait for nobody.
fn servers(territory: &Territory<'_>, ports: &[u16]) -> LdapSettings {
    let mut settings = territory.settings();
    settings.url = url("localhost", ports[0]);
    settings.further_urls = ports[1..].iter().map(|port| url("localhost", *port)).collect();
    settings.replication_wait = Duration::ZERO;
    settings
}

/// Returns the server that was last written to.
async fn newest(world: &World) -> Option<String> {
    world.state().newest("memory").await.expect("read").map(|(server, _)| server)
}

fn nobodys_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

#[tokio::test]
async fn a_server_that_is_not_there_is_passed_over() {
    let territory = Slapd::shared().territory().await;
    let settings = servers(&territory, &[nobodys_port(), territory.server.port()]);
    let ldap = Ldap::new(settings).expect("good settings");
    create(&ldap, person("ada")).await;
    assert_eq!(by_username(&ldap, &["ada"]).await.len(), 1);
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_any_more_is_passed_over() {
    // It takes the connection and hangs up, as a proxy does whose own server is gone.
    let territory = Slapd::shared().territory().await;
    let gone = Door::before(nobodys_port());
    let ear = Eavesdropper::before(gone.port);
    let ldap = Ldap::new(servers(&territory, &[ear.port, territory.server.port()])).expect("good settings");
    create(&ldap, person("ada")).await;
    assert!(!ear.heard(SERVICE) && !ear.heard(PASSWORD));
}

#[tokio::test]
async fn what_is_unknown_when_a_server_fails_is_looked_up_at_the_next_one() {
    let territory = Slapd::shared().territory().await;
    let door = Door::before(territory.server.port());
    let ldap = Ldap::new(servers(&territory, &[door.port, territory.server.port()])).expect("good settings");
    create(&ldap, person("ada")).await;
    door.mute();
    let lost = one(&ldap, Operation::Create(person("bob"))).await.expect_err("the answer is lost");
    assert_eq!((lost.next, lost.code), (Next::LookAgain, None));
    door.shut();
    assert_eq!(by_username(&ldap, &["ada", "bob"]).await.len(), 2, "it was done, and the next server knows");
    create(&ldap, person("cyd")).await;
}

#[tokio::test]
async fn a_whole_import_goes_on_at_the_next_server() {
    let territory = Slapd::shared().territory().await;
    let door = Door::before(territory.server.port());
    let ldap = Ldap::new(servers(&territory, &[door.port, territory.server.port()])).expect("good settings");
    let rows: String = (0..60).map(|n| format!("u{n},User,Number{n},u{n}@example.org\n")).collect();
    let world = World::new("batch_size = 5\npause = \"50ms\"\n", &format!("Username,First name,Surname,Email\n{rows}"));
    let fail = async {
        while territory.read(&territory.person("u5")).await.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        door.mute();
        tokio::time::sleep(Duration::from_millis(100)).await;
        door.shut();
    };
    let (carried, ()) = tokio::join!(world.carry(&ldap, Order::AsTheFeedSays), fail);
    assert!(matches!(carried, Ok(Carried::Done(rosterd::exit::Exit::Done))), "{carried:?}\n{}", world.told());
    assert_eq!(world.outcomes(), (0..60).map(|n| format!("u{n} created")).collect::<Vec<_>>());
    assert_eq!(read(&ldap, Which::All).await.expect("readable").len(), 60);
    let result = world.result();
    let told = result["remarks"].as_array().expect("remarks");
    let url = url("localhost", territory.server.port()).to_string();
    let is_it = |remark: &&serde_json::Value| remark["kind"] == "other_server" && remark["detail"] == *url;
    assert_eq!(told.iter().filter(is_it).count(), 1, "{told:?}");
}

#[tokio::test]
async fn the_next_process_begins_with_the_server_that_was_written_to_last() {
    let territory = Slapd::shared().territory().await;
    let door = Door::before(territory.server.port());
    let ldap = || Ldap::new(servers(&territory, &[door.port, territory.server.port()])).expect("good settings");
    let world = World::new("", "Username,First name,Surname,Email\nada,Ada,Byron,ada@example.org\n");
    door.shut();
    let carried = world.carry(&ldap(), Order::AsTheFeedSays).await;
    assert!(matches!(carried, Ok(Carried::Done(rosterd::exit::Exit::Done))), "{carried:?}\n{}", world.told());
    assert_eq!(world.outcomes(), ["ada created"]);
    // The first one is back, and may be behind.
    door.open();
    let before = door.came();
    world.drop_roster("Username,First name,Surname,Email\nada,Ada,Lovelace,ada@example.org\n");
    let carried = world.carry(&ldap(), Order::AsTheFeedSays).await;
    assert!(matches!(carried, Ok(Carried::Done(rosterd::exit::Exit::Done))), "{carried:?}\n{}", world.told());
    assert_eq!(world.outcomes(), ["ada updated"]);
    assert_eq!(door.came(), before, "nobody has asked it");
    assert!(world.result()["remarks"].as_array().is_none_or(Vec::is_empty), "{}", world.result()["remarks"]);
}

#[tokio::test]
async fn reading_alone_makes_no_server_the_newest() {
    let territory = Slapd::shared().territory().await;
    let door = Door::before(territory.server.port());
    let ldap = || Ldap::new(servers(&territory, &[door.port, territory.server.port()])).expect("good settings");
    let world = World::new("", "Username,First name,Surname,Email\nada,Ada,Byron,ada@example.org\n");
    world.carry(&ldap(), Order::AsTheFeedSays).await.expect("carried");
    let first = url("localhost", door.port).to_string();
    assert_eq!(newest(&world).await.as_deref(), Some(&*first));
    door.shut();
    world.drop_roster("Username,First name,Surname,Email\nada,Ada,Byron,ada@example.org\n");
    world.carry(&ldap(), Order::AsTheFeedSays).await.expect("carried");
    assert_eq!(world.outcomes(), ["ada unchanged"]);
    assert_eq!(newest(&world).await.as_deref(), Some(&*first));
}

#[tokio::test]
async fn a_server_that_cannot_be_trusted_is_never_passed_over() {
    let territory = Slapd::shared().territory().await;
    let ear = Eavesdropper::before(territory.server.port());
    for (host, ca, says) in [
        ("127.0.0.1", territory.server.ca(), "another name"),
        ("localhost", territory.server.other_ca(), "not trusted"),
    ] {
        let mut settings = servers(&territory, &[territory.server.port(), ear.port]);
        settings.url = url(host, territory.server.port());
        settings.ca_file = Some(ca);
        let first = settings.url.to_string();
        let ldap = Ldap::new(settings).expect("good settings");
        let fault = read(&ldap, Which::All).await.expect_err("refused");
        assert_eq!(fault.next, Next::StopRun, "{fault}");
        assert!(fault.reason.contains(says) && fault.reason.contains(&first), "{fault}");
        assert_eq!(ear.len(), 0, "the next one was not even asked");
    }
}

#[tokio::test]
async fn a_server_that_takes_no_writes_is_passed_over() {
    let (copy, supplier) = (Slapd::start(), Slapd::start());
    let (of_copy, territory) = (copy.territory().await, supplier.territory().await);
    assert_eq!(of_copy.base, territory.base);
    copy.make_read_only();
    let mut settings = servers(&territory, &[copy.port(), supplier.port()]);
    // Each server of the tests has a CA of its own; rosterd trusts those that are in the file.
    let both = [copy.ca(), supplier.ca()].map(|path| std::fs::read(path).expect("a CA")).concat();
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), both).expect("written");
    settings.ca_file = Some(file.path().to_owned());
    let ldap = Ldap::new(settings).expect("good settings");
    let refused = one(&ldap, Operation::Create(person("ada"))).await.expect_err("the copy takes no writes");
    assert_eq!((refused.next, refused.code.as_deref()), (Next::Retry, Some("53")), "{refused}");
    let url = url("localhost", copy.port()).to_string();
    assert_eq!(ldap.remarks().expect("LDAP tells").told(), [Remark::TakesNoWrites(url)]);
    create(&ldap, person("ada")).await;
    assert!(of_copy.read(&of_copy.person("ada")).await.is_none());
    assert_eq!(territory.login("ada", PASSWORD).await, Login::MustChange);
    // Alone it is the end: there is nobody else to ask.
    let mut alone = of_copy.settings();
    alone.further_urls = Vec::new();
    let ldap = Ldap::new(alone).expect("good settings");
    let refused = one(&ldap, Operation::Create(person("bob"))).await.expect_err("no writes");
    assert_ne!(refused.next, Next::Retry, "{refused}");
}
