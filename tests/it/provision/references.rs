//! The second pass: references to other people, whatever the order of rows, and whatever goes wrong.

use super::*;

const FEED: &str = "
batch_size = 2
[feed.map]
manager = { column = \"Manager\", reference = \"username\" }
";

/// Everybody's manager stands in a later row, but for the last one's; `cyd` is there, and needs nothing else.
const ROSTER: &str = "\
Username,First name,Surname,Email,Manager
ada,Ada,Byron,ada@example.org,bob
bob,Bob,Ball,bob@example.org,cyd
cyd,Cyd,Cole,cyd@example.org,dan
dan,Dan,Dale,dan@example.org,zoe
";

fn world() -> World {
    world_with(FEED)
}

fn world_with(feed: &str) -> World {
    let world = World::new(feed, ROSTER);
    let names = [("givenName", &["Cyd"] as &[&str]), ("sn", &["Cole"]), ("mail", &["cyd@example.org"])];
    let [given, sn, mail] = names;
    world.memory.put("cyd", [given, sn, mail, ("cn", &["Cyd Cole"]), ("displayName", &["Cyd Cole"])]);
    world.memory.put("zoe", [("sn", &["Zorn"])]);
    world
}

/// Returns whose manager is who.
fn managers(world: &World) -> Vec<String> {
    let all = world.memory.accounts();
    let name = |value: &str| all.iter().find(|a| &*a.id.locator == value).map_or(value, |a| &a.username).to_owned();
    let mut found: Vec<String> = all
        .iter()
        .filter_map(|a| Some(format!("{} -> {}", a.username, name(a.attributes.first_text("manager")?))))
        .collect();
    found.sort();
    found
}

const ALL: [&str; 4] = ["ada -> bob", "bob -> cyd", "cyd -> dan", "dan -> zoe"];

fn after_creation(memory: &rosterd::directory::memory::Memory, line: &str) -> bool {
    memory.log().iter().any(|logged| logged.starts_with(line))
}

#[test]
fn they_are_written_after_all_accounts_and_once() {
    let world = world();
    world.import_cleanly();
    assert_eq!(managers(&world), ALL);
    assert_eq!(world.outcomes(), ["ada created", "bob created", "cyd updated", "dan created", "zoe reported"]);
    let log = world.memory.log();
    let last_create = log.iter().rposition(|line| line.starts_with("create ")).expect("creations");
    let first_reference = log.iter().position(|line| line.contains("manager")).expect("references");
    assert!(last_create < first_reference, "{log:#?}");
    world.drop_roster(&format!("{ROSTER}\n"));
    world.import_cleanly();
    assert_eq!(world.memory.log().len(), log.len(), "nothing is written that is there");
    assert_eq!(world.outcomes()[..2], ["ada unchanged", "bob unchanged"]);
}

#[test]
fn one_that_is_not_written_is_tried_again() {
    for next in [fault(Next::Retry), fault(Next::LookAgain), answered(Next::LookAgain, 16)] {
        let world = world();
        world.memory.fail("cyd", next.clone());
        world.memory.fail("cyd", next);
        world.import_cleanly();
        assert_eq!(managers(&world), ALL);
    }
}

#[test]
fn one_whose_answer_is_lost_is_not_written_twice() {
    let world = world();
    world.memory.answer_lost("cyd");
    world.import_cleanly();
    assert_eq!(managers(&world), ALL);
    assert_eq!(world.memory.log().iter().filter(|line| line.starts_with("update cyd")).count(), 1);
}

#[test]
fn one_that_is_refused_is_told_and_the_others_are_written() {
    let world = world();
    world.memory.fail("cyd", answered(Next::RejectRow, 50));
    let directory = Meddled::new(&world.memory, |_, memory| {
        if after_creation(memory, "create dan") && !after_creation(memory, "update ada") {
            memory.fail("ada", answered(Next::RejectRow, 19));
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(managers(&world), ["bob -> cyd", "dan -> zoe"]);
    assert_eq!(world.outcomes()[..4], ["ada created", "bob created", "cyd failed", "dan created"]);
    assert_eq!(world.person("ada")["incomplete"], true);
    assert!(world.person("ada")["notes"].to_string().contains("manager: "), "{}", world.told());
    assert!(!world.person("ada")["changes"].to_string().contains("manager"), "what is not written is not told as done");
}

#[test]
fn one_that_is_refused_each_time_is_told_and_the_run_ends() {
    let world = world();
    let directory = Meddled::new(&world.memory, |_, memory| {
        if after_creation(memory, "create dan") {
            memory.fail_always("ada", answered(Next::LookAgain, 122));
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.person("ada")["incomplete"], true);
    assert!(managers(&world).contains(&"dan -> zoe".to_owned()), "{:?}", managers(&world));
}

#[test]
fn who_could_not_be_created_is_told_and_written_by_the_next_run() {
    let world = world();
    world.memory.fail("bob", answered(Next::RejectRow, 19));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(managers(&world), ["cyd -> dan", "dan -> zoe"]);
    assert_eq!(world.outcomes()[..2], ["ada created", "bob rejected"]);
    assert!(world.person("ada")["notes"].to_string().contains("`bob` was not created"), "{}", world.told());
    world.drop_roster(&format!("{ROSTER}\n"));
    world.import_cleanly();
    assert_eq!(managers(&world), ALL);
}

#[test]
fn what_somebody_else_has_changed_since_is_left_alone() {
    let world = world();
    let ben = world.memory.put("ben", [("sn", &["Bell"])]);
    let directory = Meddled::new(&world.memory, |n, memory| {
        if n == 1 {
            memory.edit("cyd", "manager", &[&ben.locator]);
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(managers(&world), ["ada -> bob", "bob -> cyd", "cyd -> ben", "dan -> zoe"]);
    assert!(world.person("cyd")["reason"].to_string().contains("changed by somebody else"), "{}", world.told());
}

#[test]
fn somebody_who_is_gone_by_then_is_told() {
    let world = world();
    let directory = Meddled::new(&world.memory, |n, memory| {
        if n == 1 {
            memory.remove("cyd");
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes()[2], "cyd failed");
    assert!(world.person("cyd")["reason"].to_string().contains("gone"), "{}", world.told());
}

#[test]
fn what_is_accepted_and_not_kept_is_told() {
    let world = world();
    let directory = Meddled::new(&world.memory, |_, _| {}).after(|_, memory| {
        memory.edit("cyd", "manager", &[]);
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert!(world.person("cyd")["reason"].to_string().contains("not when read back"), "{}", world.told());
}

#[test]
fn a_directory_that_fails_in_the_second_pass_leaves_the_rest_for_later() {
    let world = world();
    world.memory.fail("cyd", answered(Next::StopRun, 49));
    let carried = world.import();
    let Ok(Carried::TryAgain(failure)) = carried else { panic!("{carried:?}") };
    assert_eq!(failure.exit, Exit::Config);
    assert_eq!(world.outcomes()[..4], ["ada created", "bob created", "cyd not_attempted", "dan created"]);
    assert_eq!(world.open_runs()[0].phase, Phase::Applying);
    world.import_cleanly();
    assert_eq!(managers(&world), ALL);
    assert_eq!(world.memory.writes().created, 3);
}

#[test]
fn a_stop_between_batches_leaves_the_rest_for_later() {
    let world = world();
    let directory = Meddled::new(&world.memory, |_, memory| {
        if after_creation(memory, "create dan") {
            world.stop.cancel();
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    drop(directory);
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    assert_eq!(managers(&world), ["ada -> bob", "bob -> cyd"], "the batch under way is finished");
    assert_eq!(world.person("dan")["incomplete"], true);
    let again = world.restarted();
    again.import_cleanly();
    assert_eq!(managers(&again), ALL);
    assert_eq!(again.outcomes()[..4], ["ada created", "bob created", "cyd updated", "dan created"]);
}

#[test]
fn references_and_memberships_of_one_person_are_told_together() {
    let feed = format!("{FEED}[feed.groups]\ncreate = true\n");
    let world = world_with(&feed);
    world.drop_roster(
        &ROSTER
            .replace("Manager\n", "Manager,Groups\n")
            .replace(",dan\n", ",dan,Staff\n")
            .replace("bob\nbob", "bob,\nbob")
            .replace(",cyd\n", ",cyd,\n")
            .replace(",zoe\n", ",zoe,\n"),
    );
    world.memory.fail("Staff", answered(Next::RejectRow, 65));
    world.memory.fail("cyd", answered(Next::RejectRow, 19));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    let reason = world.person("cyd")["reason"].to_string();
    assert!(reason.contains("manager: ") && reason.contains("group Staff: "), "{reason}");
}

#[test]
fn the_preview_and_the_result_name_people() {
    let world = world();
    world.import_cleanly();
    let preview = std::fs::read_to_string(world.file("people.preview.csv")).expect("a preview");
    assert!(preview.contains("manager: bob"), "{preview}");
    let page = std::fs::read_to_string(world.file("people.preview.html")).expect("a page");
    assert!(page.contains("<b>manager</b>"), "{page}");
    let changes = world.person("cyd")["changes"].clone();
    assert_eq!(changes, serde_json::json!([{ "attribute": "manager", "old": [], "new": ["dan"] }]));
}
