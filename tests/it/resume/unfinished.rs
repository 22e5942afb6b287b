//! Directories that make a new account switched off and set its password afterwards: death comes in between.

use rosterd::directory::local::Verified;
use rosterd::exit::Exit;
use rosterd::roster::secret::Secret;
use rosterd::run::Carried;
use rosterd::run::Order;

use super::mortal::Death;
use super::mortal::Mortal;
use crate::provision::meddled::Meddled;
use crate::world::World;
use crate::world::life;

const ROSTER: &str = "\
Username,First name,Surname,Email,Password
ada,Ada,Byron,ada@example.org,first-Passw0rd
bob,Bob,Ball,bob@example.org,other-Passw0rd
";

/// Dies when ada is made, and leaves her account switched off, with a password that is not hers.
fn cut_short(feed: &str) -> World {
    for last in 1.. {
        let world = World::new(&format!("batch_size = 1\n{feed}"), ROSTER);
        let mortal = Mortal::new(&world.memory, last, Death::After);
        let done = life(mortal.survives(world.carry(&mortal, Order::AsTheFeedSays)));
        assert!(done.is_none(), "ada is never made");
        if mortal.last_words().starts_with("Create") {
            assert!(world.memory.set_enabled("ada", false) && world.memory.set_password("ada", "none-Yet.1"));
            return world.restarted();
        }
    }
    unreachable!("some step makes ada")
}

#[test]
fn what_was_begun_gets_its_password_and_is_switched_on() {
    for feed in ["", "[feed.letters]\nemail_credentials = true\nmails_per_minute = 6000\n"] {
        let world = cut_short(feed);
        world.import_cleanly();
        let ada = world.memory.account("ada").expect("there");
        assert!(ada.enabled, "{feed}");
        for (username, password) in [("ada", "first-Passw0rd"), ("bob", "other-Passw0rd")] {
            let login = world.memory.login(username, &Secret::from(password));
            assert_eq!(login, Verified::MustChange, "{username}");
        }
        assert_eq!(world.mailed("ada@example.org").len(), usize::from(!feed.is_empty()));
        assert_eq!(world.person("ada")["outcome"], "created");
    }
}

/// What a program had sent when it was killed may be done by the server after the next one has looked.
#[test]
fn what_was_sent_before_death_and_is_done_late_is_this_runs_work() {
    for last in 1.. {
        let world = World::new("batch_size = 1\n", ROSTER);
        let mortal = Mortal::new(&world.memory, last, Death::Before);
        let done = life(mortal.survives(world.carry(&mortal, Order::AsTheFeedSays)));
        assert!(done.is_none(), "ada is never made");
        if !mortal.last_words().starts_with("Create") {
            continue;
        }
        let world = world.restarted();
        let late = Meddled::new(&world.memory, |n, memory| {
            if n == 1 {
                let name = ("displayName", &["Ada Byron"][..]);
                let (cn, mail) = (("cn", &["Ada Byron"][..]), ("mail", &["ada@example.org"][..]));
                memory.put("ada", [("givenName", &["Ada"]), ("sn", &["Byron"]), cn, name, mail]);
            }
        });
        let carried = life(world.carry(&late, Order::AsTheFeedSays));
        assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}");
        assert_eq!(world.outcomes(), ["ada created", "bob created"]);
        assert_eq!(world.memory.login("ada", &Secret::from("first-Passw0rd")), Verified::MustChange);
        return;
    }
}
