//! A few operations go first: what the directory refuses at all shows with them.

use rosterd::state::journal::Journaled;

use super::*;

/// How many go first.
const FIRST: usize = 16;
const N: usize = 600;

/// Six hundred new people, in batches of a hundred that could all be under way at once.
fn many() -> World {
    let row = |n: usize| format!("u{n:03},First,Last,u{n:03}@example.org\n");
    let rows: String = (0..N).map(row).collect();
    World::new("batch_size = 100\n", &format!("Username,First name,Surname,Email\n{rows}"))
}

fn count(world: &World, outcome: &str) -> usize {
    world.outcomes().iter().filter(|line| line.ends_with(outcome)).count()
}

/// Carries on after a run that ended early, and proves that everybody was made once.
fn the_rest_is_made_once(world: &World) {
    world.import_cleanly();
    assert_eq!(world.memory.writes().created, N, "{}", world.told());
    assert_eq!(world.memory.accounts().len(), N);
    assert_eq!(count(world, " created"), N);
}

#[test]
fn what_the_directory_refuses_at_all_is_asked_of_a_few_only() {
    let world = many();
    for n in 0..N {
        world.memory.fail(&format!("u{n:03}"), answered(Next::RejectRow, 50));
    }
    let carried = world.import();
    let Ok(Carried::TryAgain(failure)) = carried else { panic!("{carried:?}") };
    assert_eq!(failure.exit, Exit::Config);
    assert_eq!((count(&world, " rejected"), count(&world, " not_attempted")), (FIRST, N - FIRST));
    // Nothing is in doubt of those who were next, though the journal had them already.
    let journaled = life(async {
        let state = world.state();
        state.journaled(&world.open_runs_now().await[0].id).await.expect("readable")
    });
    assert!(journaled.values().all(Journaled::is_settled), "{journaled:?}");
    assert_eq!(journaled.len(), FIRST);
}

#[test]
fn a_stop_while_the_first_are_under_way_sends_no_others() {
    let world = many();
    let directory = Meddled::new(&world.memory, |n, _| {
        if n == 1 {
            world.stop.cancel();
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    drop(directory);
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    assert_eq!(world.memory.writes().created, FIRST);
    assert_eq!((count(&world, " created"), count(&world, " not_attempted")), (FIRST, N - FIRST));
    the_rest_is_made_once(&world.restarted());
}

#[test]
fn the_first_are_a_batch_of_their_own_and_everybody_is_made() {
    let world = many();
    let directory = Meddled::new(&world.memory, |n, memory| {
        if n == 2 {
            assert_eq!(memory.accounts().len(), FIRST, "the first are back before others are sent");
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}");
    assert_eq!((world.memory.writes().created, count(&world, " created")), (N, N));
}
