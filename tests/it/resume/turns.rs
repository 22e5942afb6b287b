//! People who take names and places from each other, and a run that ends in the middle of it.

use rosterd::exit::Exit;
use rosterd::roster::account::GroupKind;
use rosterd::roster::fault::Fault;
use rosterd::roster::fault::Next;
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
manager = { column = "Manager", reference = "employeeNumber" }
[feed.defaults]
rename = true
move = true
[feed.limits]
moves = "none"
"#;

/// 1 to 3 go round, one of them moves; 4 and 5 are a chain, and 6 is new and takes what 5 leaves.
const ROSTER: &str = "\
Number,Username,First name,Surname,Email,Department,Groups,Manager
1,bob,Ada,King,ada@example.org,IT,Staff,2
2,cyd,Bob,Ball,bob@example.org,Sales,,3
3,ada,Cyd,Cole,cyd@example.org,IT,,
4,eve,Dan,Dale,dan@example.org,IT,,1
5,eva,Eve,Earl,eve@example.org,IT,,
6,dan,Dan,Dunn,dunn@example.org,IT,Staff,5
";

fn world_of(feed: &str, roster: &str) -> World {
    let world = World::new(feed, roster);
    let memory = &world.memory;
    memory.add_group(GroupKind::Group, "Staff");
    for (name, number) in [("ada", "1"), ("bob", "2"), ("cyd", "3"), ("dan", "4"), ("eve", "5")] {
        memory.put(name, [("employeeNumber", &[number])]);
        assert!(memory.move_to(name, &format!("uid={name},ou=IT")));
    }
    memory.edit("dan", "manager", &["uid=ada,ou=IT"]);
    world
}

fn world() -> World {
    world_of(FEED, ROSTER)
}

fn end(world: &World) -> (Vec<String>, Vec<String>, Vec<String>) {
    let places = world.memory.accounts().iter().map(|seen| seen.id.locator.to_string()).collect();
    (world.end_state(), world.outcomes(), places)
}

fn names(world: &World) -> Vec<String> {
    let all = world.memory.accounts();
    let number = |seen: &rosterd::directory::memory::Seen| {
        seen.attributes.first_text("employeeNumber").unwrap_or_default().to_owned()
    };
    let mut names: Vec<String> = all.iter().map(|seen| format!("{} {}", number(seen), seen.username)).collect();
    names.sort();
    names
}

fn baseline() -> World {
    let world = world();
    world.import_cleanly();
    world
}

#[test]
fn the_baseline_is_as_it_should_be() {
    let world = baseline();
    assert_eq!(names(&world), ["1 bob", "2 cyd", "3 ada", "4 eve", "5 eva", "6 dan"]);
    let manager = |name: &str| {
        let seen = world.memory.account(name).expect("there");
        seen.attributes.first_text("manager").unwrap_or_default().to_owned()
    };
    assert_eq!(manager("bob"), "uid=cyd,ou=Sales");
    assert_eq!(manager("eve"), "uid=bob,ou=IT");
    assert_eq!(manager("dan"), "uid=eva,ou=IT");
    assert_eq!(world.memory.members(GroupKind::Group, "Staff").expect("there"), ["bob", "dan"].map(Box::from));
    assert_eq!(world.memory.writes().relocated, 6, "one of them stepped aside");
}

/// Dies at every step, goes on, and proves that it came to the same end each time.
fn comes_to_one_end(world: fn() -> World, least: usize, relocated: usize) {
    let baseline = world();
    baseline.import_cleanly();
    at_every_step(least, world, |world, story| {
        let carried = world.import();
        assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{story}: {carried:?}\n{}", world.told());
        assert_eq!(end(world), end(&baseline), "{story}\n{}", world.told());
        assert_eq!(world.memory.writes().relocated, relocated, "{story}\n{}", world.told());
    });
}

#[test]
fn a_death_at_any_step_changes_nothing_in_the_end() {
    comes_to_one_end(world, 20, 6);
}

/// The addresses follow from the names, and the directory lets nobody have another one's.
fn addressed() -> World {
    let feed = FEED.replace("[feed.defaults]", "mail = \"{{ username }}@example.org\"\n[feed.defaults]");
    let world = world_of(&(feed + "[feed.checks]\nunique = [\"mail\"]\n"), ROSTER);
    for name in ["ada", "bob", "cyd", "dan", "eve"] {
        world.memory.edit(name, "mail", &[&format!("{name}@example.org")]);
    }
    world.memory.keep_unique("mail");
    world
}

#[test]
fn addresses_that_follow_from_the_names_come_to_the_same_end_too() {
    comes_to_one_end(addressed, 20, 6);
    let world = addressed();
    world.import_cleanly();
    for seen in world.memory.accounts() {
        assert_eq!(seen.attributes.first_text("mail"), Some(&*format!("{}@example.org", seen.username)));
    }
}

/// Two who have each other's address, and keep their names.
fn swapped() -> World {
    let feed =
        "match = \"employeeNumber\"\n[feed.map]\nemployeeNumber = \"Number\"\n[feed.checks]\nunique = [\"mail\"]\n";
    let roster =
        "Number,Username,First name,Surname,Email\n1,ada,Ada,King,bob@example.org\n2,bob,Bob,Ball,ada@example.org\n";
    let world = World::new(feed, roster);
    for (name, number) in [("ada", "1"), ("bob", "2")] {
        world.memory.put(name, [("employeeNumber", &[number]), ("mail", &[&format!("{name}@example.org")])]);
    }
    world.memory.keep_unique("mail");
    world
}

#[test]
fn addresses_that_are_swapped_come_to_the_same_end_wherever_that_is_cut() {
    comes_to_one_end(swapped, 6, 0);
    let world = swapped();
    world.import_cleanly();
    let mail = |name| world.memory.account(name).expect("there").attributes.first_text("mail").map(str::to_owned);
    assert_eq!([mail("ada"), mail("bob")].map(Option::unwrap_or_default), ["bob@example.org", "ada@example.org"]);
}

#[test]
fn a_second_death_changes_nothing_either() {
    let baseline = baseline();
    let mut n_worlds = 0;
    for first in (4..24).step_by(4) {
        for second in 1.. {
            let world = world();
            let mut is_over = false;
            for last in [first, second] {
                let directory = Mortal::new(&world.memory, last, Death::After);
                is_over |= life(directory.survives(world.carry(&directory, Order::AsTheFeedSays))).is_some();
            }
            if is_over {
                break;
            }
            n_worlds += 1;
            world.import_cleanly();
            assert_eq!(end(&world), end(&baseline), "deaths after steps {first} and {second}\n{}", world.told());
        }
    }
    assert!(n_worlds > 25, "only {n_worlds} worlds");
}

#[test]
fn an_approved_circle_that_is_cut_short_is_still_the_approved_one() {
    let feed = FEED.replace("moves = \"none\"", "moves = 0");
    for n in 1.. {
        let world = world_of(&feed, ROSTER);
        assert!(matches!(world.import(), Ok(Carried::Waiting)));
        let plan = world.open_runs()[0].plan.clone().expect("a plan was shown");
        let directory = Mortal::new(&world.memory, n, Death::After);
        let survived = life(directory.survives(world.carry(&directory, Order::Approved(plan)))).is_some();
        if survived {
            assert!(n > 10, "only {n} steps");
            break;
        }
        let story = format!("death after step {n}: {}", directory.last_words());
        let mut carried = world.import();
        if matches!(carried, Ok(Carried::Waiting)) {
            carried = world.approve();
        }
        assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{story}: {carried:?}\n{}", world.told());
        assert_eq!(names(&world), ["1 bob", "2 cyd", "3 ada", "4 eve", "5 eva", "6 dan"], "{story}");
    }
}

#[test]
fn a_circle_that_goes_back_leaves_nobody_under_a_temporary_name_wherever_it_is_cut() {
    let circle: String = ROSTER.lines().take(4).map(|line| format!("{line}\n")).collect();
    for moment in [Death::Before, Death::After] {
        for n in 1.. {
            let world = world_of(FEED, &circle);
            world.memory.fail_always("bob", Fault::new(Next::RejectRow, "the server is unwilling"));
            let directory = Mortal::new(&world.memory, n, moment);
            let survived = life(directory.survives(world.carry(&directory, Order::AsTheFeedSays))).is_some();
            let story = format!("death {moment:?} step {n}: {}", directory.last_words());
            if !survived {
                let carried = world.import();
                assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{story}: {carried:?}");
            }
            let told = world.told();
            assert_eq!(names(&world), ["1 ada", "2 bob", "3 cyd", "4 dan", "5 eve"], "{story}\n{told}");
            if survived {
                assert!(n > 8, "only {n} steps");
                break;
            }
        }
    }
}
