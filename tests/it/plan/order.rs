//! The order of rows is no matter.

use proptest::prelude::*;

use super::HEADER;
use super::World;
use super::decision;
use crate::plan::Planned;

const FEED: &str = "seats = 6\n[feed.groups]\ncreate = true\nowned = [\"own*\"]\n[feed.defaults]\nsync_groups = true\n\
    allow_row_delete = true\n[feed.checks]\nunique = [\"employeeNumber\"]\n[feed.map]\nemployeeNumber = \"Number\"\n\
    [feed.old]\npolicy = \"disable\"";

const COUNTED: &str = "match = \"employeeNumber\"\n[feed.map]\nemployeeNumber = \"Number\"\n\
    username = { template = \"{{ username }}\", collision = \"counter\" }\ndescription = \"I am {{ username }}\"";

fn row() -> impl Strategy<Value = String> {
    let name = "(ada|ADA|bob|b[oó]b|cat|dan|eve|fay|jose|josé|)";
    let first = "(Ada|Bob|)";
    let mail = "(a@x[.]org|b@x[.]org|nowhere|)";
    let groups = "(Staff|own1|own2[|]Staff|)";
    let action = "(|||disable|delete|add|update|explode)";
    (name, first, mail, groups, "(1|2|3|4|5|)", action).prop_map(|(name, first, mail, groups, number, action)| {
        format!("{name},{first},Low,{mail},{groups},{number},{action}\n")
    })
}

fn world(feed: &str) -> World {
    let world = World::new()
        .feed(feed)
        .people("ada,Ada,Low,a@x.org\nbob,Bob,Low,b@x.org\njosé,José,Low,j@x.org\nzoe,Zoe,Low,z@x.org");
    for (name, number) in [("ada", "1"), ("bob", "2"), ("zoe", "9")] {
        world.memory.edit(name, "employeeNumber", &[number]);
    }
    world.memory.add_group(rosterd::roster::account::GroupKind::Group, "own2");
    world.memory.add_member(rosterd::roster::account::GroupKind::Group, "own2", "ada");
    world
}

/// What is decided about people, without the lines that tell where they stand.
fn decisions(planned: &Planned) -> Vec<String> {
    let plan = &planned.plan;
    let lines = |text: String| {
        let without: Vec<&str> =
            text.split("line ").map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect();
        // Which of several twins is named says nothing about the person either.
        without.join("line ").replace(", up to case, marks and look-alike spelling", "")
    };
    let mut all: Vec<String> =
        plan.items.iter().map(|item| lines(format!("{} {}", item.status, decision(plan, item)))).collect();
    all.extend(plan.holds.iter().map(ToString::to_string));
    all.extend(plan.seats.map(|seats| format!("{seats:?}")));
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn neither_the_decisions_nor_the_id_of_the_plan_depend_on_the_order_of_rows(
        (rows, mixed) in proptest::collection::vec(row(), 1..9)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        feed in prop_oneof![Just(FEED), Just(COUNTED)],
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let world = world(feed);
        let roster = |rows: &[String]| format!("{HEADER},Groups,Number,Action\n{}", rows.concat());
        let (straight, other) = runtime.block_on(async {
            (world.planned(&roster(&rows)).await, world.planned(&roster(&mixed)).await)
        });
        prop_assert_eq!(decisions(&straight), decisions(&other));
        prop_assert_eq!(&straight.plan.id, &other.plan.id);
        prop_assert_eq!(straight.plan.items.iter().filter(|item| item.line.is_some()).count(), rows.len());
    }
}
