//! References to other people are DNs, and the server's overlays keep them in order.

use rosterd::exit::Exit;
use rosterd::run::Carried;
use rosterd::run::Order;

use super::*;
use crate::server::slapd::Slapd;
use crate::world::World;

const FEED: &str = "
[feed.map]
employeeNumber = \"Number\"
manager = { column = \"Manager\", reference = \"employeeNumber\" }
secretary = { column = \"Secretaries\", reference = \"username\", multi = true }
[feed.old]
policy = \"keep\"
";

const ROSTER: &str = "\
Username,First name,Surname,Email,Number,Manager,Secretaries
ada,Ada,Byron,ada@example.org,1,3,bob|zoe
bob,Bob,Ball,bob@example.org,2,1,
\"o'neil,eve\",Eve,O'Neil,eve@example.org,3,26,ada
";

const CHARACTERS: &str = "[feed.checks]\nusername = { characters = \"a-z ' ,\" }\n";

async fn carry(world: &World, ldap: &Ldap) {
    let carried = world.carry(ldap, Order::AsTheFeedSays).await;
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_refer_to_each_other_by_dn_and_twice_is_no_change() {
    let territory = Slapd::shared().territory().await;
    let ldap = ldap(&territory);
    let mut zoe = person("zoe");
    zoe.attributes = [("sn", vec!["Zorn"]), ("cn", vec!["Zoe"]), ("employeeNumber", vec!["26"])].into_iter().collect();
    create(&ldap, zoe).await;
    let world = World::new(&format!("{FEED}{CHARACTERS}"), ROSTER);
    carry(&world, &ldap).await;
    let eve = format!("uid=o'neil\\2Ceve,ou=people,{}", territory.base);
    assert_eq!(territory.values(&territory.person("ada"), "manager").await, [eve.as_str()]);
    assert_eq!(territory.values(&territory.person("bob"), "manager").await, [territory.person("ada")]);
    assert_eq!(territory.values(&eve, "manager").await, [territory.person("zoe")]);
    let secretaries = territory.values(&territory.person("ada"), "secretary").await;
    assert_eq!(secretaries, [territory.person("bob"), territory.person("zoe")]);

    // The server compares DNs without regard to case and blanks, and so does the next plan.
    let spelled = format!("UID=Ada, OU=People,{}", territory.base);
    territory.set(&territory.person("bob"), "manager", &[&spelled]).await;
    let before = territory.values(&territory.person("bob"), "modifyTimestamp").await;
    world.drop_roster(&format!("{ROSTER}\n"));
    carry(&world, &ldap).await;
    assert_eq!(world.outcomes(), ["ada unchanged", "bob unchanged", "o'neil,eve unchanged"]);
    assert_eq!(territory.values(&territory.person("bob"), "modifyTimestamp").await, before);

    world.drop_roster(
        &ROSTER.replace("bob@example.org,2,1,", "bob@example.org,2,26,").replace("3,bob|zoe", "3,zoe|'x'"),
    );
    carry(&world, &ldap).await;
    assert_eq!(world.outcomes(), ["ada unchanged", "bob updated", "o'neil,eve unchanged"], "{}", world.told());
    assert_eq!(territory.values(&territory.person("bob"), "manager").await, [territory.person("zoe")]);
    let changes = world.person("bob")["changes"].clone();
    assert_eq!(changes, serde_json::json!([{ "attribute": "manager", "old": ["ada"], "new": ["zoe"] }]));
}
