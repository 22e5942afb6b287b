//! Memberships when something goes wrong.

use super::*;

const FEED: &str = "
[feed.groups]
create = true
";

const ROSTER: &str = "\
Username,First name,Surname,Email,Groups
ada,Ada,Byron,ada@example.org,Staff|Sales
bob,Bob,Ball,bob@example.org,Staff
cyd,Cyd,Cole,cyd@example.org,Staff
";

/// `bob` and `cyd` are there; `cyd` lacks nothing but a group.
fn world() -> World {
    let world = World::new(FEED, ROSTER);
    world.memory.put(
        "cyd",
        [
            ("givenName", &["Cyd"]),
            ("sn", &["Cole"]),
            ("mail", &["cyd@example.org"]),
            ("cn", &["Cyd Cole"]),
            ("displayName", &["Cyd Cole"]),
        ],
    );
    world.memory.add_group(GroupKind::Group, "Staff");
    world
}

fn staff(world: &World) -> Vec<Box<str>> {
    world.memory.members(GroupKind::Group, "Staff").expect("a group")
}

#[test]
fn a_group_that_is_not_written_is_tried_again() {
    for next in [fault(Next::Retry), fault(Next::LookAgain), answered(Next::LookAgain, 20)] {
        let world = world();
        world.memory.fail("Staff", next);
        world.import_cleanly();
        assert_eq!(world.outcomes(), ["ada created", "bob created", "cyd updated"]);
        assert_eq!(staff(&world), ["ada".into(), "bob".into(), "cyd".into()]);
    }
}

#[test]
fn a_group_whose_answer_is_lost_is_written_once_in_effect() {
    let world = world();
    world.memory.answer_lost("Staff");
    world.memory.answer_lost("Sales");
    world.import_cleanly();
    assert_eq!(staff(&world), ["ada".into(), "bob".into(), "cyd".into()]);
    let writes = world.memory.writes();
    assert_eq!((writes.groups_created, writes.members_added), (1, 4));
}

#[test]
fn a_group_that_refuses_leaves_its_people_incomplete_and_the_others_whole() {
    let world = world();
    world.memory.fail("Staff", answered(Next::RejectRow, 65));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created", "bob created", "cyd failed"]);
    assert_eq!(world.person("ada")["incomplete"], true);
    assert!(world.person("ada")["notes"].to_string().contains("group Staff"), "{}", world.told());
    assert_eq!(world.memory.members(GroupKind::Group, "Sales"), Some(vec!["ada".into()]));
}

/// A server that says the same each time means this group; one that is busy or silent may mean anything.
#[test]
fn a_group_that_is_refused_each_time_does_not_keep_people_out_of_the_others() {
    for refusal in [answered(Next::LookAgain, 68), answered(Next::Retry, 80)] {
        let world = world();
        world.memory.fail_always("Staff", refusal);
        let carried = world.import();
        assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
        assert_eq!(world.outcomes(), ["ada created", "bob created", "cyd failed"]);
        assert_eq!(world.memory.members(GroupKind::Group, "Sales"), Some(vec!["ada".into()]));
    }
    for silence in [fault(Next::LookAgain), answered(Next::Retry, 51)] {
        let world = world();
        world.memory.fail_always("Staff", silence);
        let carried = world.import();
        assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    }
}

#[test]
fn a_fault_that_ends_the_run_among_the_groups_leaves_nobody_failed() {
    let world = world();
    world.memory.fail("Staff", answered(Next::StopRun, 49));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created", "bob created", "cyd not_attempted"]);
    assert_eq!(world.person("bob")["incomplete"], true);
    world.import_cleanly();
    assert_eq!(world.outcomes(), ["ada created", "bob created", "cyd updated"]);
    assert_eq!(world.person("bob")["incomplete"], false);
    assert_eq!(staff(&world), ["ada".into(), "bob".into(), "cyd".into()]);
    assert_eq!(world.memory.writes().created, 2);
}

#[test]
fn groups_that_cannot_be_read_are_read_again() {
    let world = world();
    let directory = Meddled::new(&world.memory, |n, memory| {
        if n == 1 {
            memory.fail_groups(fault(Next::Retry));
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}");
    assert_eq!(staff(&world), ["ada".into(), "bob".into(), "cyd".into()]);
}

#[test]
fn somebody_who_is_gone_does_not_keep_the_others_from_their_group() {
    let world = world();
    let directory = Meddled::new(&world.memory, |n, memory| {
        if n == 2 {
            memory.remove("cyd");
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created", "bob created", "cyd failed"]);
    assert_eq!(staff(&world), ["ada".into(), "bob".into()]);
    assert_eq!(world.person("ada")["incomplete"], false);
}

#[test]
fn a_stop_among_the_groups_ends_the_run_soon() {
    let world = World::new(&format!("batch_size = 1\npause = \"60s\"\n{FEED}"), ROSTER);
    let (carried, took) = life(async {
        // Three people, and then the groups one by one.
        let directory = Meddled::new(&world.memory, |n, _| {
            if n == 4 {
                world.stop.cancel();
            }
        });
        let began = tokio::time::Instant::now();
        let carried = world.carry(&directory, Order::AsTheFeedSays).await;
        (carried, began.elapsed().as_secs())
    });
    assert_eq!(took, 180, "three pauses before the stop, and none after it");
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    assert_eq!(world.memory.writes().groups_created, 1);
    let again = world.restarted();
    again.import_cleanly();
    assert_eq!(staff(&again), ["ada".into(), "bob".into(), "cyd".into()]);
    assert_eq!(again.memory.writes().members_added, 4);
}

#[test]
fn a_member_who_is_not_there_when_the_group_is_read_back_is_told() {
    let world = world();
    let directory = Meddled::new(&world.memory, |_, _| {}).after(|n, memory| {
        if n == 2 {
            memory.remove("bob");
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.person("bob")["incomplete"], true);
    assert!(world.person("bob")["notes"].to_string().contains("has it not when read back"), "{}", world.told());
    assert_eq!(world.person("ada")["incomplete"], false);
}
