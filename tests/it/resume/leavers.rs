//! People who have left, and a run that ends while they are moved away or deleted.

use rosterd::exit::Exit;
use rosterd::run::Carried;
use rosterd::run::Order;

use super::mortal::Death;
use super::mortal::Mortal;
use crate::world::World;
use crate::world::life;

const ARCHIVE: &str = r#"
kind = "ldap"
[target.ldap]
url = "ldapi://%2Fx"
people_base = "ou=people,o=x"
archive_base = "ou=leavers,o=x"
"#;

const UNLIMITED: &str = "[feed.limits]\nold = \"none\"\ndeletions = \"none\"\nmoves = \"none\"\n";
const ADA: &str = "Username,First name,Surname,Email\nada,Ada,Byron,ada@example.org\n";

fn world(policy: &str, target: &str) -> World {
    let world = World::with_target(target, &format!("batch_size = 1\n[feed.old]\npolicy = {policy}\n{UNLIMITED}"), ADA);
    for name in ["yan", "zoe"] {
        world.memory.put(name, [("sn", &["Young"])]);
        assert!(world.memory.move_to(name, &format!("uid={name},ou=IT")));
    }
    world
}

fn places(world: &World) -> Vec<String> {
    world.memory.accounts().iter().map(|seen| format!("{} {}", seen.id.locator, seen.enabled)).collect()
}

/// Returns from where rosterd has moved people away.
fn known(world: &World) -> Vec<String> {
    let known = life(async { world.state().disabled_by_us("memory").await.expect("read") });
    let mut places: Vec<String> = known.into_values().map(|one| one.place.unwrap_or_default().into()).collect();
    places.sort();
    places
}

/// Runs `run` to its end after a death at every step, and proves that it came to the same end each time.
fn dies_at_every_step(prepare: impl Fn() -> World, outcomes: &[&str], at_the_end: impl Fn(&World, &str)) {
    for moment in [Death::Before, Death::After] {
        let mut n = 0;
        loop {
            n += 1;
            let world = prepare();
            let directory = Mortal::new(&world.memory, n, moment);
            let carried = life(directory.survives(world.carry(&directory, Order::AsTheFeedSays)));
            let story = format!("death {moment:?} step {n}: {}", directory.last_words());
            if carried.is_none() {
                let carried = world.import();
                assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{story}: {carried:?}\n{}", world.told());
            }
            assert_eq!(world.outcomes(), outcomes, "{story}\n{}", world.told());
            at_the_end(&world, &story);
            if carried.is_some() {
                break;
            }
        }
        assert!(n > 4, "only {n} steps");
    }
}

#[test]
fn moving_away_is_finished_and_known() {
    let prepare = || world("\"move\"", ARCHIVE);
    dies_at_every_step(prepare, &["ada created", "yan moved", "zoe moved"], |world, story| {
        assert_eq!(
            places(world),
            ["uid=yan,ou=leavers false", "uid=zoe,ou=leavers false", "entry-3 true"],
            "{story}\n{}",
            world.told()
        );
        assert_eq!(known(world), ["uid=yan,ou=IT", "uid=zoe,ou=IT"], "{story}");
    });
}

#[test]
fn deleting_is_finished_told_and_forgotten() {
    let prepare = || {
        let mut world = world("\"delete\"", "kind = \"local\"");
        world.import_cleanly();
        assert_eq!(world.outcomes(), ["ada created", "yan disabled", "zoe disabled"]);
        world.now = || "2026-12-22T02:15:00Z".to_owned();
        world.drop_roster(&ADA.replace("Ada,Byron", "Ada,King"));
        world
    };
    dies_at_every_step(prepare, &["ada updated", "yan deleted", "zoe deleted"], |world, story| {
        assert_eq!(places(world), ["entry-3 true"], "{story}\n{}", world.told());
        assert_eq!(known(world), [""; 0], "{story}");
    });
}

#[test]
fn an_answer_that_is_lost_is_looked_up() {
    for cut in [false, true] {
        let world = world("\"move\"", ARCHIVE);
        if cut {
            world.memory.cut_after_relocation("zoe");
        } else {
            world.memory.answer_lost("zoe");
        }
        world.import_cleanly();
        assert_eq!(world.outcomes(), ["ada created", "yan moved", "zoe moved"], "{}", world.told());
        assert_eq!(known(&world), ["uid=yan,ou=IT", "uid=zoe,ou=IT"]);
    }
}
