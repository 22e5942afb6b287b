//! Reports that cannot be written, and a copy of the roster that is damaged.

use std::fs;

use super::*;

#[test]
fn reports_that_cannot_be_written_are_written_later_without_writing_anything_else_again() {
    for name in ["people.result.csv", "people.report.html", "people.result.json", "people.errors.csv"] {
        let world = three();
        world.memory.fail("bob", answered(Next::RejectRow, 19));
        fs::create_dir(world.file(name)).expect("something is in the way");
        let carried = world.import();
        assert_eq!(carried.expect_err("a report is missing").exit, Exit::TryAgain, "{name}");
        assert_eq!(world.open_runs()[0].phase, Phase::Applying, "{name}");
        let log = world.memory.log();

        fs::remove_dir(world.file(name)).expect("nothing is in the way");
        let carried = world.import();
        assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{name}: {carried:?}");
        assert_eq!(world.outcomes(), ["ada created, letter sent", "bob rejected", "cyd created, letter sent"]);
        assert_eq!(world.memory.log(), log, "{name}: nothing is written again");
        assert_eq!(world.mail.kept().len(), 2, "{name}");
        assert!(fs::read_to_string(world.file("people.errors.csv")).expect("errors").contains("bob,Bob"), "{name}");
        assert_eq!(world.open_runs(), []);
    }
}

#[test]
fn a_preview_that_cannot_be_written_stops_the_run_before_the_first_write() {
    let world = three();
    fs::create_dir(world.file("people.preview.csv")).expect("something is in the way");
    assert_eq!(world.import().expect_err("no preview").exit, Exit::TryAgain);
    assert_eq!(world.memory.log().len(), 0);
    fs::remove_dir(world.file("people.preview.csv")).expect("nothing is in the way");
    world.import_cleanly();
    all_three_are_there(&world);
}

#[test]
fn the_preview_stays_as_it_was_shown_when_a_run_goes_on() {
    let world = three();
    world.memory.fail("bob", answered(Next::StopRun, 49));
    assert!(matches!(world.import(), Ok(Carried::TryAgain(_))));
    let before = fs::read(world.file("people.preview.csv")).expect("a preview");
    world.import_cleanly();
    assert_eq!(fs::read(world.file("people.preview.csv")).expect("a preview"), before);
    let result = fs::read_to_string(world.file("people.result.csv")).expect("a result");
    assert_eq!(result.matches("New").count(), 3, "everybody stays New:\n{result}");
}

#[test]
fn a_damaged_copy_of_the_roster_is_never_planned_with() {
    let world = World::new("[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = \"none\"\n", THREE);
    world.memory.fail("cyd", answered(Next::StopRun, 49));
    assert!(matches!(world.import(), Ok(Carried::TryAgain(_))));
    let copy = world.open_runs()[0].spool.clone();
    let whole = fs::read_to_string(&copy).expect("the copy");
    // A whole, shorter roster: everybody behind would be Old.
    fs::write(&copy, whole.split_inclusive('\n').take(2).collect::<String>()).expect("cut");
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    assert!(world.memory.account("bob").expect("there").enabled);
    fs::write(&copy, whole).expect("restored");
    world.import_cleanly();
    assert_eq!(world.outcomes(), ["ada created", "bob created", "cyd created"]);
}
