//! A run that ends at any step of the second pass goes on and writes every reference once.

use super::*;
use rosterd::roster::attribute::Values;

const FEED: &str = r#"
batch_size = 2
[feed.map]
manager = { column = "Manager", reference = "username" }
jpegPhoto = { column = "Photo", file = true }
secretary = { column = "Secretaries", reference = "email", multi = true }
[feed.groups]
create = true
[feed.limits]
clears = "none"
[feed.csv]
empty = "clear"
[feed.old]
policy = "keep"
"#;

const ROSTER: &str = "\
Username,First name,Surname,Email,Manager,Secretaries,Groups,Photo
ada,Ada,Byron,ada@example.org,bob,cyd@example.org|eve@example.org,Staff,ada.jpg
bob,Bob,Ball,bob@example.org,zoe,,Staff,
cyd,Cyd,Cole,cyd@example.org,,ada@example.org,,
dan,Dan,Dale,dan@example.org,eve,,,photos/dan.jpg
eve,Eve,Earl,eve@example.org,bob,zoe@example.org,,
";

fn world() -> World {
    let world = World::new(FEED, ROSTER);
    std::fs::create_dir(world.file("photos")).expect("a folder");
    std::fs::write(world.file("ada.jpg"), b"\xff\xd8\xff ada").expect("a photo");
    std::fs::write(world.file("photos/dan.jpg"), b"\xff\xd8\xff dan").expect("a photo");
    let zoe = world.memory.put("zoe", [("sn", &["Zorn"]), ("mail", &["zoe@example.org"])]);
    // One who changes otherwise too, and one who does not.
    world.memory.put("cyd", [("sn", &["Cook"]), ("manager", &[&zoe.locator])]);
    let names = [("givenName", &["Dan"] as &[&str]), ("sn", &["Dale"]), ("mail", &["dan@example.org"])];
    let [given, sn, mail] = names;
    world.memory.put("dan", [given, sn, mail, ("cn", &["Dan Dale"]), ("displayName", &["Dan Dale"])]);
    world
}

/// Returns who refers to whom, by name, and the groups.
fn references(world: &World) -> Vec<String> {
    let all = world.memory.accounts();
    let name = |value: &str| all.iter().find(|a| &*a.id.locator == value).map_or(value, |a| &a.username).to_owned();
    let mut found = Vec::new();
    for account in &all {
        for attribute in ["manager", "secretary"] {
            let values = account.attributes.get(attribute).into_iter().flat_map(Values::text);
            found.extend(values.map(|value| format!("{} {attribute} {}", account.username, name(value))));
        }
        let photos = account.attributes.get("jpegPhoto").into_iter().flat_map(Values::octets);
        found
            .extend(photos.map(|photo| format!("{} photo {}", account.username, String::from_utf8_lossy(&photo[4..]))));
        found.extend(account.member_of.iter().map(|(_, group)| format!("{} in {group}", account.username)));
    }
    found.sort();
    found
}

const REFERENCES: [&str; 12] = [
    "ada in Staff",
    "ada manager bob",
    "ada photo ada",
    "ada secretary cyd",
    "ada secretary eve",
    "bob in Staff",
    "bob manager zoe",
    "cyd secretary ada",
    "dan manager eve",
    "dan photo dan",
    "eve manager bob",
    "eve secretary zoe",
];

const OUTCOMES: [&str; 5] = ["ada created", "bob created", "cyd updated", "dan updated", "eve created"];

#[test]
fn a_death_at_any_step_writes_every_reference_in_the_end() {
    for moment in [Death::Before, Death::After] {
        let mut n = 0;
        loop {
            n += 1;
            let world = world();
            let directory = Mortal::new(&world.memory, n, moment);
            let carried = life(directory.survives(world.carry(&directory, Order::AsTheFeedSays)));
            let story = format!("death {moment:?} step {n}: {}", directory.last_words());
            match carried {
                Some(carried) => assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}"),
                None => world.import_cleanly(),
            }
            assert_eq!(references(&world), REFERENCES, "{story}\n{}", world.told());
            assert_eq!(world.outcomes(), OUTCOMES, "{story}\n{}", world.told());
            assert_eq!(world.memory.writes().created, 3, "{story}");
            assert_eq!(world.open_runs(), [], "{story}");
            if directory.last_words().is_empty() {
                break;
            }
        }
        assert!(n > 15, "only {n} steps");
    }
}

#[test]
fn a_second_death_changes_nothing_either() {
    let mut n_worlds = 0;
    for first in [4, 7, 10, 13, 16] {
        for second in 1.. {
            let world = world();
            let directory = Mortal::new(&world.memory, first, Death::After);
            if life(directory.survives(world.carry(&directory, Order::AsTheFeedSays))).is_some() {
                break;
            }
            let again = Mortal::new(&world.memory, second, Death::After);
            if life(again.survives(world.carry(&again, Order::AsTheFeedSays))).is_some() {
                break;
            }
            n_worlds += 1;
            world.import_cleanly();
            assert_eq!(references(&world), REFERENCES, "deaths after steps {first} and {second}\n{}", world.told());
            assert_eq!(world.outcomes(), OUTCOMES, "deaths after steps {first} and {second}");
        }
    }
    assert!(n_worlds > 20, "only {n_worlds} worlds");
}

#[test]
fn a_journal_that_fails_at_any_write_loses_no_reference() {
    let mut n_blown = 0;
    for table in ["run", "row"] {
        for n in 1.. {
            let world = world();
            drop(world.state());
            let fuse = Fuse::light(&world.journal(), table, n);
            let carried = world.import();
            if !fuse.is_blown(&carried) {
                break;
            }
            n_blown += 1;
            fuse.remove();
            world.import_cleanly();
            assert_eq!(references(&world), REFERENCES, "write {n} to {table} failed\n{}", world.told());
            assert_eq!(world.outcomes(), OUTCOMES, "write {n} to {table} failed");
        }
    }
    assert!(n_blown > 10, "only {n_blown} writes");
}
