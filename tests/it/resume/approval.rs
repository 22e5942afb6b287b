//! What an operator has approved is what is applied: all of it, and nothing else, whatever happens in between.

use super::*;
use rosterd::roster::plan::HoldClass;
use rosterd::state::run::Phase;

/// The same feed, with plans that wait.
fn in_review() -> World {
    let world = world_with(&format!("mode = \"review\"\n{FEED}"));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Waiting)), "{carried:?}");
    assert_eq!(world.memory.log().len(), 0, "nothing is written before the approval");
    world
}

fn approved(world: &World) -> Order {
    Order::Approved(world.open_runs()[0].plan.clone().expect("a plan was shown"))
}

#[test]
fn an_approved_plan_that_is_interrupted_at_any_step_is_applied_as_approved() {
    let baseline = Baseline::new();
    for n in 1.. {
        let world = in_review();
        let directory = Mortal::new(&world.memory, n, Death::After);
        let carried = life(directory.survives(world.carry(&directory, approved(&world))));
        if let Some(carried) = carried {
            assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
            assert!(n > 20, "only {n} steps");
            break;
        }
        // Reading ends before the approval is kept: then it has to be said again.
        if world.open_runs()[0].phase == Phase::Waiting {
            assert!(matches!(world.import(), Ok(Carried::Waiting)));
            let carried = world.approve();
            assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
            continue;
        }
        goes_on_to_the_end(&world, &baseline, &format!("step {n}: {}", directory.last_words()));
    }
}

#[test]
fn what_comes_up_after_the_approval_is_not_applied() {
    // Every person is a batch; the run dies before one, and then the directory changes.
    let feed = format!("mode = \"review\"\n{}", FEED.replace("batch_size = 2", "batch_size = 1"));
    let world = world_with(&feed);
    assert!(matches!(world.import(), Ok(Carried::Waiting)));
    let directory = Mortal::new(&world.memory, 8, Death::Before);
    assert!(life(directory.survives(world.carry(&directory, approved(&world)))).is_none());
    assert!(world.memory.account("ada").is_some() && world.memory.account("dan").is_none(), "{}", world.told());

    world.memory.put("xia", [("sn", &["Xu"])]);
    world.memory.edit("eve", "title", &["Empress"]);
    world.memory.put("dan", [("sn", &["Dumas"])]);
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert!(world.memory.account("xia").expect("there").enabled, "xia was not in the plan");
    assert_eq!(world.person("xia")["outcome"], "not_attempted");
    assert_eq!(world.memory.account("eve").expect("there").attributes.first_text("title"), Some("Empress"));
    assert_eq!(world.person("eve")["outcome"], "not_attempted");
    assert_eq!(world.memory.account("dan").expect("there").attributes.first_text("sn"), Some("Dumas"));
    assert!(world.mailed("dan@example.org").is_empty());
    for (name, outcome) in [("ada", "created"), ("bob", "created"), ("cyd", "updated"), ("zoe", "disabled")] {
        assert_eq!(world.person(name)["outcome"], outcome, "{name}\n{}", world.told());
    }
}

#[test]
fn an_approval_of_a_plan_without_writes_approves_nothing_that_comes_later() {
    let world = World::new("mode = \"review\"\n", "Username,First name,Surname,Email\nada,Ada,Byron,ada@example.org\n");
    assert!(matches!(world.import(), Ok(Carried::Waiting)));
    assert!(matches!(world.approve(), Ok(Carried::Done(Exit::Done))));
    // The same roster again: nothing to do, so nothing waits; and its journal fails at the very end.
    drop(world.state());
    for table in TABLES {
        for n in 1.. {
            let fuse = Fuse::light(&world.journal(), table, n);
            let carried = world.import();
            let is_blown = fuse.is_blown(&carried);
            fuse.remove();
            if !is_blown {
                break;
            }
            // Meanwhile there is something to do: it waits.
            world.memory.edit("ada", "mail", &["other@example.org"]);
            let carried = world.import();
            assert!(matches!(carried, Ok(Carried::Waiting)), "write {n} to {table}: {carried:?}");
            assert!(matches!(world.approve(), Ok(Carried::Done(Exit::Done))));
        }
    }
}

#[test]
fn a_breached_limit_is_told_while_a_plan_waits() {
    let feed = "mode = \"review\"\n[feed.limits]\ncreates = 1\n";
    let world =
        World::new(feed, "Username,First name,Surname,Email\nada,Ada,B,a@example.org\nbob,Bob,B,b@example.org\n");
    assert!(matches!(world.import(), Ok(Carried::Waiting)));
    assert_eq!(world.open_runs()[0].holds, HoldClass::Creates.key());
    assert!(matches!(world.approve(), Ok(Carried::Done(Exit::Done))));
    assert_eq!(world.outcomes(), ["ada created", "bob created"]);
}
