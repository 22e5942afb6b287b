//! People who are in the directory only: switched off once, remembered, let in again; and what is held back.

use std::fmt::Write;

use super::*;

const FEED: &str = "
[feed.old]
policy = \"disable\"
[feed.limits]
old = \"none\"
";

fn roster_of(names: &[&str]) -> String {
    let row = |name: &&str| format!("{name},{name},Smith,{name}@example.org\n");
    let rows: String = names.iter().map(row).collect();
    format!("Username,First name,Surname,Email\n{rows}")
}

fn disabled(world: &World) -> usize {
    life(async { world.state().disabled_by_us("memory").await.expect("read").len() })
}

#[test]
fn switching_off_survives_every_kind_of_fault() {
    for n in 0..3 {
        let world = World::new(FEED, &roster_of(&["ada"]));
        world.memory.put("zoe", [("sn", &["Zorn"])]);
        match n {
            0 => world.memory.fail("zoe", fault(Next::Retry)),
            1 => world.memory.fail("zoe", fault(Next::LookAgain)),
            _ => world.memory.answer_lost("zoe"),
        }
        world.import_cleanly();
        assert_eq!(world.outcomes(), ["ada created", "zoe disabled"]);
        assert!(!world.memory.account("zoe").expect("there").enabled);
        assert_eq!((disabled(&world), world.memory.writes().updated), (1, 1));
    }
}

#[test]
fn somebody_who_comes_back_is_let_in_and_forgotten() {
    let world = World::new(FEED, &roster_of(&["ada"]));
    world.memory.put("zoe", [("sn", &["Smith"])]);
    world.import_cleanly();
    world.drop_roster(&roster_of(&["ada", "zoe"]));
    world.import_cleanly();
    assert!(world.memory.account("zoe").expect("there").enabled);
    assert_eq!(disabled(&world), 0);
    // Whom an admin switches off by hand afterwards stays off.
    assert!(world.memory.set_enabled("zoe", false));
    world.drop_roster(&roster_of(&["ada", "zoe", "bob"]));
    world.import_cleanly();
    assert!(!world.memory.account("zoe").expect("there").enabled);
}

#[test]
fn whom_an_admin_has_let_in_again_is_no_longer_ours_to_let_in() {
    let world = World::new(FEED, &roster_of(&["ada"]));
    world.memory.put("zoe", [("sn", &["Smith"])]);
    world.import_cleanly();
    assert!(world.memory.set_enabled("zoe", true));
    world.drop_roster(&roster_of(&["ada", "zoe"]));
    world.import_cleanly();
    assert_eq!(disabled(&world), 0);
    assert!(world.memory.set_enabled("zoe", false));
    world.drop_roster(&roster_of(&["ada", "zoe", "bob"]));
    world.import_cleanly();
    assert!(!world.memory.account("zoe").expect("there").enabled);
}

const HELD: &str = "
batch_size = 1
[feed.old]
policy = \"disable\"
[feed.passwords]
generate_for_existing = true
[feed.limits]
old = 1
passwords = \"none\"
[feed.letters]
email_credentials = true
mails_per_minute = 6000
";

fn held() -> World {
    let world = World::new(HELD, &roster_of(&["ada", "bob"]));
    world.memory.put("bob", [("sn", &["Smith"])]);
    world.memory.put("yan", [("sn", &["Young"])]);
    world.memory.put("zoe", [("sn", &["Zorn"])]);
    world
}

#[test]
fn what_is_held_is_done_when_it_is_approved_and_nothing_else_is_done_again() {
    let world = held();
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Waiting)), "{carried:?}");
    assert_eq!(
        world.outcomes(),
        ["ada created, letter sent", "bob updated, letter sent", "yan not_attempted", "zoe not_attempted"]
    );
    assert_eq!(world.open_runs()[0].phase, Phase::Held);
    assert_eq!(world.open_runs()[0].holds, "old");
    let preview = std::fs::read_to_string(world.file("people.preview.csv")).expect("a preview");
    assert!(!preview.contains("(generated)"), "the preview shows what is left:\n{preview}");

    let carried = world.approve();
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
    assert_eq!(
        world.outcomes(),
        ["ada created, letter sent", "bob updated, letter sent", "yan disabled", "zoe disabled"]
    );
    assert_eq!(world.mail.kept().len(), 2, "nobody gets a second password");
    assert_eq!(world.memory.writes().passwords, 2);
    assert_eq!(disabled(&world), 2);
}

#[test]
fn what_is_held_stays_held_though_the_limit_has_grown_when_the_run_goes_on() {
    // One clearing in two people is too many; in twelve it would not be. With a pause one comes after the other.
    let feed = "batch_size = 1\npause = \"1ms\"\n[feed.csv]\nempty = \"clear\"\n[feed.limits]\nclears = \"20%\"\n[feed.map]\ntitle = \"Title\"\n";
    let mut roster = "Username,First name,Surname,Email,Title\n".to_owned();
    for n in 0..10 {
        writeln!(roster, "new{n},New,Smith,new{n}@example.org,Tester").expect("a string takes all");
    }
    roster += "ada,Ada,Smith,ada@example.org,\nbob,Bob,Smith,bob@example.org,\n";
    let world = World::new(feed, &roster);
    for name in ["ada", "bob"] {
        world.memory.put(name, [("title", &["Boss"])]);
    }
    world.memory.fail("new9", answered(Next::StopRun, 49));
    assert!(matches!(world.import(), Ok(Carried::TryAgain(_))));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Waiting)), "{carried:?}\n{}", world.told());
    for name in ["ada", "bob"] {
        let account = world.memory.account(name).expect("there");
        assert_eq!(account.attributes.first_text("title"), Some("Boss"), "held");
    }
    let carried = world.approve();
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}\n{}", world.told());
    assert_eq!(world.memory.account("ada").expect("there").attributes.first_text("title"), None);
    assert_eq!(world.memory.writes().created, 10);
    assert_eq!(world.outcomes()[0], "new0 created");
}

#[test]
fn an_approval_of_another_plan_changes_nothing_and_shows_the_new_one() {
    let world = held();
    assert!(matches!(world.import(), Ok(Carried::Waiting)));
    world.memory.put("xia", [("sn", &["Xu"])]);
    let carried = world.approve();
    assert!(matches!(carried, Ok(Carried::Refused(_))), "{carried:?}");
    assert!(world.memory.account("yan").expect("there").enabled);
    assert_eq!(world.open_runs()[0].phase, Phase::Held);
    assert!(std::fs::read_to_string(world.file("people.preview.csv")).expect("a preview").contains("xia"));
    let carried = world.approve();
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}");
    assert_eq!(disabled(&world), 3);
}

#[test]
fn a_directory_that_is_suddenly_empty_does_not_make_an_open_run_forget_its_people() {
    let world = World::new(&format!("{FEED}{LETTERS}"), &roster_of(&["ada", "bob"]));
    world.memory.put("zoe", [("sn", &["Zorn"])]);
    world.memory.fail("bob", answered(Next::StopRun, 49));
    assert!(matches!(world.import(), Ok(Carried::TryAgain(_))));
    let empty = rosterd::directory::memory::Memory::new();
    let carried = life(world.carry(&empty, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    assert_eq!(empty.log().len(), 0);
    world.import_cleanly();
    assert_eq!(world.outcomes(), ["ada created, letter sent", "bob created, letter sent", "zoe disabled"]);
}
