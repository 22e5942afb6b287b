//! Contents of files in the second pass.

use std::fs;

use super::*;

const FEED: &str = "
[feed.map]
jpegPhoto = { column = \"Photo\", file = true }
";

const ROSTER: &str = "\
Username,First name,Surname,Email,Photo
ada,Ada,Byron,ada@example.org,ada.jpg
bob,Bob,Ball,bob@example.org,bob.jpg
";

fn world() -> World {
    let world = World::new(FEED, ROSTER);
    for name in ["ada", "bob"] {
        fs::write(world.file(&format!("{name}.jpg")), photo(name)).expect("a photo");
    }
    world
}

fn photo(name: &str) -> Vec<u8> {
    [b"\xff\xd8\xff", name.as_bytes()].concat()
}

fn held(world: &World, name: &str) -> Vec<Vec<u8>> {
    let account = world.memory.account(name).expect(name);
    account.attributes.get("jpegPhoto").map(rosterd::roster::attribute::Values::to_vec).unwrap_or_default()
}

#[test]
fn a_photo_comes_and_another_one_takes_its_place() {
    let world = world();
    world.import_cleanly();
    assert_eq!(held(&world, "ada"), [photo("ada")]);
    fs::write(world.file("ada.jpg"), photo("newer")).expect("a photo");
    world.drop_roster(&format!("{ROSTER}\n"));
    world.import_cleanly();
    assert_eq!(world.outcomes(), ["ada updated", "bob unchanged"]);
    assert_eq!(held(&world, "ada"), [photo("newer")]);
    let report = fs::read(world.file("people.report.html")).expect("a report");
    assert!(!report.windows(5).any(|octets| octets == b"newer"), "no report has the octets");
    let text = String::from_utf8(report).expect("text");
    assert!(text.contains("8 octets (sha256 "), "{text}");
}

#[test]
fn a_file_that_changes_after_the_preview_is_told_and_not_written() {
    let world = world();
    let directory = Meddled::new(&world.memory, |n, _| {
        if n == 1 {
            fs::write(world.file("ada.jpg"), photo("another")).expect("a photo");
            fs::remove_file(world.file("bob.jpg")).expect("removed");
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    drop(directory);
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created", "bob created"]);
    assert!(held(&world, "ada").is_empty() && held(&world, "bob").is_empty());
    assert!(world.person("ada")["notes"].to_string().contains("`ada.jpg`"), "{}", world.told());
    assert!(world.person("bob")["notes"].to_string().contains("no such file"), "{}", world.told());
    fs::write(world.file("bob.jpg"), photo("bob")).expect("a photo");
    world.drop_roster(&format!("{ROSTER}\n"));
    world.import_cleanly();
    assert_eq!((held(&world, "ada"), held(&world, "bob")), (vec![photo("another")], vec![photo("bob")]));
}

#[test]
fn a_photo_that_is_refused_leaves_the_account_as_it_is() {
    let world = world();
    let directory = Meddled::new(&world.memory, |n, memory| {
        if n == 2 {
            memory.fail("ada", answered(Next::RejectRow, 21));
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created", "bob created"]);
    assert_eq!((held(&world, "ada").len(), held(&world, "bob")), (0, vec![photo("bob")]));
    assert!(world.person("ada")["notes"].to_string().contains("jpegPhoto: "), "{}", world.told());
}
