//! How fast: batches, pauses, and a rate that is never exceeded, in every phase.

use std::time::Duration;

use tokio::time::timeout;

use super::*;

const ROSTER: &str = "\
Username,First name,Surname,Email,Groups
ada,Ada,Byron,ada@example.org,Staff
bob,Bob,Ball,bob@example.org,Sales
cyd,Cyd,Cole,cyd@example.org,Staff
dan,Dan,Dale,dan@example.org,Sales
eve,Eve,Earl,eve@example.org,Staff
";

const REST: &str = "
[feed.groups]
create = true
[feed.old]
policy = \"disable\"
[feed.limits]
old = \"none\"
";

fn seconds_of(feed: &str) -> Vec<(f64, String)> {
    let world = World::new(&format!("{feed}{REST}"), ROSTER);
    world.memory.put("yan", [("sn", &["Young"])]);
    let sent = life(async {
        let directory = Meddled::new(&world.memory, |_, _| {});
        let carried = world.carry(&directory, Order::AsTheFeedSays).await;
        assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}");
        directory.sent()
    });
    let name = |line: String| line.split([',', ':']).next().unwrap_or_default().to_owned();
    sent.into_iter().map(|(at, line)| ((at.as_secs_f64() * 10.0).round() / 10.0, name(line))).collect()
}

#[test]
fn a_pause_lies_between_any_two_batches_of_all_phases() {
    let sent = seconds_of("batch_size = 2\npause = \"10s\"\n");
    let wanted = [
        (0.0, "create ada"),
        (0.0, "create bob"),
        (10.0, "create cyd"),
        (10.0, "create dan"),
        (20.0, "create eve"),
        (30.0, "create group Sales"),
        (30.0, "create group Staff"),
        (40.0, "update yan"),
    ];
    assert_eq!(sent, wanted.map(|(at, name)| (at, name.to_owned())));
}

#[test]
fn no_second_has_more_operations_than_the_rate() {
    let sent = seconds_of("max_rate = 2\n");
    let at: Vec<f64> = sent.iter().map(|(at, _)| *at).collect();
    assert_eq!(at, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]);
}

#[test]
fn without_a_throttle_nothing_waits() {
    assert!(seconds_of("").iter().all(|(at, _)| *at == 0.0));
}

#[tokio::test]
async fn a_directory_that_takes_long_to_get_to_know_is_read_all_the_same() {
    let world = World::new(REST, ROSTER);
    let mut directory = Meddled::new(&world.memory, |_, _| {});
    // Longer than the roster takes to be read.
    directory.reserve = Duration::from_millis(500);
    let carried = timeout(Duration::from_secs(60), world.carry(&directory, Order::AsTheFeedSays)).await;
    assert!(matches!(carried, Ok(Ok(Carried::Done(Exit::Done)))), "{carried:?}");
}
