//! Licence seats.

use insta::assert_snapshot;

use super::HEADER;
use super::World;

#[tokio::test]
async fn new_people_beyond_the_seats_are_errors_and_the_preview_forecasts() {
    let world = World::new().target("seats = 3").people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    world.memory.put("off", []);
    world.memory.set_enabled("off", false);
    let roster = format!("{HEADER}\neve,Eve,Fox,eve@x.org\nada,Ada,Byron,ada@x.org\nbob,Bob,Ray,bob@x.org\n");
    assert_snapshot!(world.plan(&roster).await, @r"
    2 Error eve: no licence seat left (3 seats)
    3 New ada: create, generated password, to be changed
    4 Update bob
    - Old cat: report
    - Old off: report
    seats: 2 of 3, then 3
    ");
}

#[tokio::test]
async fn who_gets_a_seat_does_not_depend_on_the_order_of_rows() {
    let world = World::new().feed("seats = 1");
    let rows = ["ada,Ada,Byron,ada@x.org", "BOB,Bob,Ray,bob@x.org", "cat,Cat,Low,cat@x.org"];
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let roster = format!("{HEADER}\n{}\n{}\n{}\n", rows[order[0]], rows[order[1]], rows[order[2]]);
        let plan = world.plan(&roster).await;
        let created: Vec<&str> = plan.lines().filter(|line| line.contains("create,")).collect();
        assert!(matches!(created[..], [line] if line.contains("New ada")), "{plan}");
    }
}

#[tokio::test]
async fn nobody_who_is_not_created_takes_a_seat() {
    let world = World::new().feed("seats = 1");
    world.memory.add_group(rosterd::roster::account::GroupKind::Group, "Staff");
    let roster = format!(
        "{HEADER},Groups,Add\nada,Ada,Byron,ada@x.org,Unknown,\nbea,Bea,New,bea@x.org,Staff,0\ncat,Cat,Low,cat@x.org,Staff,\n"
    );
    assert_snapshot!(world.plan(&roster).await, @r"
    2 Error ada: Groups: no group named `Unknown` in the directory
    3 New bea: skip: `add` is off for this row
    4 New cat: create, generated password, to be changed; group +Staff
    seats: 0 of 1, then 1
    ");
}

#[tokio::test]
async fn whoever_comes_back_takes_a_seat_before_anybody_new() {
    let feed = "seats = 1\n[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = \"none\"";
    let world = World::new().feed(feed).people("zoe,Zoe,Fox,zoe@x.org");
    world.apply(&format!("{HEADER}\nzoe,Zoe,Fox,zoe@x.org\n")).await;
    world.memory.put("cat", []);
    world.apply(&format!("{HEADER},Action\ncat,,,,disable\n")).await;
    assert_snapshot!(world.plan(&format!("{HEADER}\nada,Ada,Byron,ada@x.org\nzoe,Zoe,Fox,zoe@x.org\n")).await, @r"
    2 Error ada: no licence seat left (1 seats)
    3 Update zoe: enable
    - Old cat: report
    seats: 0 of 1, then 1
    ");
}

#[tokio::test]
async fn seats_that_come_free_in_this_plan_are_counted_in_the_forecast_only() {
    let feed = "seats = 1\n[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = \"none\"";
    let world = World::new().feed(feed).people("bob,Bob,Ray,bob@x.org");
    assert_snapshot!(world.plan(&format!("{HEADER}\nada,Ada,Byron,ada@x.org\n")).await, @r"
    2 Error ada: no licence seat left (1 seats)
    - Old bob: disable
    seats: 1 of 1, then 0
    ");
}
