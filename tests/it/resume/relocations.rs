//! People who are renamed and moved, and a run that ends in the middle of it.

use rosterd::directory::memory::Writes;
use rosterd::exit::Exit;
use rosterd::roster::account::GroupKind;
use rosterd::run::Carried;
use rosterd::run::Order;

use super::mortal::Death;
use super::mortal::Mortal;
use super::mortal::at_every_step;
use crate::world::World;
use crate::world::life;

const FEED: &str = r#"
batch_size = 2
match = "employeeNumber"
[feed.map]
employeeNumber = "Number"
dn = "uid={{ username }},ou={{ department }}"
homeDirectory = "/home/{{ username }}"
[feed.defaults]
rename = true
move = true
sync_groups = true
[feed.groups]
owned = ["Old*"]
[feed.passwords]
generate_for_existing = true
[feed.letters]
email_credentials = true
mails_per_minute = 6000
[feed.limits]
moves = "none"
removals = "none"
passwords = "none"
"#;

const ROSTER: &str = "\
Number,Username,First name,Surname,Email,Department,Groups
1,aking,Ada,King,ada@example.org,Sales,Staff
2,bob,Bob,Ball,bob@example.org,Sales,Staff
3,cyd,Cyd,Cole,cyd@example.org,IT,
4,dan,Dan,Dale,dan@example.org,IT,Staff
";

fn world() -> World {
    let world = World::new(FEED, ROSTER);
    let memory = &world.memory;
    memory.add_group(GroupKind::Group, "Staff");
    memory.add_group(GroupKind::Group, "Old hands");
    for (name, number) in [("abyron", "1"), ("bob", "2"), ("cyd", "3")] {
        memory.put(name, [("employeeNumber", &[number])]);
        assert!(memory.move_to(name, &format!("uid={name},ou=IT")));
        assert!(memory.add_member(GroupKind::Group, "Old hands", name));
    }
    world
}

fn end(world: &World) -> (Vec<String>, Vec<String>, Vec<String>) {
    let places = world.memory.accounts().iter().map(|seen| seen.id.locator.to_string()).collect();
    (world.end_state(), world.outcomes(), places)
}

fn goes_on_to_the_end(world: &World, baseline: &World, story: &str) {
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{story}: {carried:?}\n{}", world.told());
    assert_eq!(end(world), end(baseline), "{story}\n{}", world.told());
    let Writes { created, relocated, members_added, members_removed, .. } = world.memory.writes();
    let wanted = baseline.memory.writes();
    assert_eq!((created, relocated), (wanted.created, wanted.relocated), "{story}\n{}", world.told());
    assert_eq!((members_added, members_removed), (wanted.members_added, wanted.members_removed), "{story}");
    for (address, name) in [("ada@example.org", "aking"), ("bob@example.org", "bob"), ("cyd@example.org", "cyd")] {
        let passwords = world.mailed(address);
        let last = passwords.last().unwrap_or_else(|| panic!("{story}: no letter to {address}"));
        assert_eq!(world.memory.login(name, last), rosterd::directory::local::Verified::MustChange, "{story}");
    }
}

fn baseline() -> World {
    let world = world();
    world.import_cleanly();
    world
}

#[test]
fn the_baseline_is_as_it_should_be() {
    let world = baseline();
    let (_, outcomes, places) = end(&world);
    assert_eq!(
        outcomes,
        ["aking updated", "bob updated", "cyd updated", "dan created"].map(|o| format!("{o}, letter sent"))
    );
    assert_eq!(places, ["uid=aking,ou=Sales", "uid=bob,ou=Sales", "uid=cyd,ou=IT", "uid=dan,ou=IT"]);
    assert_eq!(world.memory.members(GroupKind::Group, "Staff").expect("there"), ["aking", "bob", "dan"].map(Box::from));
    assert_eq!(world.memory.writes().relocated, 2);
    let ada = world.person("aking");
    let changed = |name: &str| ada["changes"].as_array().expect("changes").iter().any(|c| c["attribute"] == name);
    assert!(changed("username") && changed("place"), "{ada}");
}

#[test]
fn a_death_at_any_step_changes_nothing_in_the_end() {
    let baseline = baseline();
    at_every_step(10, world, |world, story| goes_on_to_the_end(world, &baseline, story));
}

#[test]
fn a_relocation_cut_in_the_middle_is_finished_by_looking() {
    let baseline = baseline();
    // In the same run, and after the end of the process.
    let world = self::world();
    world.memory.cut_after_relocation("abyron");
    world.import_cleanly();
    assert_eq!(end(&world), end(&baseline), "{}", world.told());

    let world = self::world();
    world.memory.cut_after_relocation("abyron");
    for n in 1.. {
        let directory = Mortal::new(&world.memory, n, Death::After);
        if life(directory.survives(world.carry(&directory, Order::AsTheFeedSays))).is_some() {
            break;
        }
        if world.memory.account("aking").is_some() {
            goes_on_to_the_end(&world, &baseline, &format!("cut, and death after step {n}"));
            return;
        }
    }
    panic!("nobody was renamed");
}

#[test]
fn who_was_moved_by_somebody_else_meanwhile_is_left_there() {
    let world = self::world();
    let directory = crate::provision::meddled::Meddled::new(&world.memory, |n, memory| {
        if n == 1 {
            memory.move_to("bob", "uid=bob,ou=Board");
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes()[1], "bob failed", "{}", world.told());
    assert_eq!(&*world.memory.account("bob").expect("there").id.locator, "uid=bob,ou=Board");
}
