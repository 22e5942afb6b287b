//! Photos, certificates and language tags on a real server.

use std::fs;

use rosterd::exit::Exit;
use rosterd::run::Carried;
use rosterd::run::Order;

use super::*;
use crate::server::slapd::Slapd;
use crate::world::World;

const FEED: &str = "
[feed.map]
\"title;lang-de\" = \"Titel\"
title = \"Title\"
\"userCertificate;binary\" = { column = \"Certificate\", encoding = \"base64\", multi = true }
jpegPhoto = { column = \"Photo\", file = true }
[feed.csv]
empty = \"clear\"
[feed.limits]
clears = \"none\"
[feed.old]
policy = \"keep\"
";

const HEADER: &str = "Username,First name,Surname,Email,Title,Titel,Certificate,Photo";

async fn carry(world: &World, ldap: &Ldap) {
    let carried = world.carry(ldap, Order::AsTheFeedSays).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
}

/// Returns the base64 text of a certificate.
fn certificate(pem: &std::path::Path) -> String {
    let text = fs::read_to_string(pem).expect("a certificate");
    text.lines().filter(|line| !line.starts_with('-')).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_written_read_and_found_unchanged() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let (first, second) = (certificate(&territory.server.ca()), certificate(&territory.server.other_ca()));
    let roster = |title: &str, titel: &str, certificates: &str, photo: &str| {
        format!("{HEADER}\nada,Ada,Byron,ada@example.org,{title},{titel},{certificates},{photo}\n")
    };
    let world = World::new(FEED, &roster("Countess", "Gräfin", &first, "ada.jpg"));
    fs::write(world.file("ada.jpg"), b"\xff\xd8\xff\xe0 first").expect("a photo");
    fs::write(world.file("new.jpg"), b"\xff\xd8\xff\xe0 second").expect("a photo");
    carry(&world, &ldap).await;
    let dn = territory.person("ada");
    assert_eq!(territory.values(&dn, "title").await, ["Countess"]);
    assert_eq!(territory.values(&dn, "title;lang-de").await, ["Gräfin"]);
    let octets =
        async |name: &str| territory.read(&dn).await.expect("ada").bin_attrs.get(name).cloned().unwrap_or_default();
    assert_eq!(octets("userCertificate;binary").await.len(), 1);
    assert_eq!(octets("jpegPhoto").await, [b"\xff\xd8\xff\xe0 first"]);

    let before = territory.values(&dn, "modifyTimestamp").await;
    world.drop_roster(&format!("{}\n", roster("Countess", "Gräfin", &first, "ada.jpg")));
    carry(&world, &ldap).await;
    assert_eq!(world.outcomes(), ["ada unchanged"], "{}", world.told());
    assert_eq!(territory.values(&dn, "modifyTimestamp").await, before);

    world.drop_roster(&roster("", "Dame", &format!("{second}|{first}"), "new.jpg"));
    carry(&world, &ldap).await;
    assert_eq!(territory.values(&dn, "title;lang-de").await, ["Dame"]);
    assert!(territory.values(&dn, "title").await.is_empty(), "cleared without the one in German");
    assert_eq!(octets("userCertificate;binary").await.len(), 2);
    assert_eq!(octets("jpegPhoto").await, [b"\xff\xd8\xff\xe0 second"]);

    world.drop_roster(&roster("", "", &second, ""));
    carry(&world, &ldap).await;
    assert!(territory.values(&dn, "title;lang-de").await.is_empty());
    assert_eq!(octets("userCertificate;binary").await.len(), 1);
    assert!(octets("jpegPhoto").await.is_empty());
}
