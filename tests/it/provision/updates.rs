//! Faults while people who are there get new values and new passwords.

use super::*;

const UPDATES: &str = "
[feed.passwords]
generate_for_existing = true
[feed.limits]
passwords = \"none\"
[feed.letters]
email_credentials = true
mails_per_minute = 6000
";

/// Three people who are there and differ.
pub fn three_to_update() -> World {
    let world = World::new(UPDATES, THREE);
    for (name, surname) in [("ada", "King"), ("bob", "Ball"), ("cyd", "Cole")] {
        world.memory.put(name, [("sn", &[surname]), ("mail", &["old@example.org"])]);
    }
    world
}

fn all_three_are_updated(world: &World) {
    assert_eq!(world.outcomes(), ["ada updated, letter sent", "bob updated, letter sent", "cyd updated, letter sent"]);
    for name in ["ada", "bob", "cyd"] {
        let address = format!("{name}@example.org");
        let passwords = world.mailed(&address);
        assert_eq!(passwords.len(), 1, "letters to {name}");
        assert_eq!(world.memory.login(name, &passwords[0]), Verified::MustChange, "{name}");
        let account = world.memory.account(name).expect("there");
        assert_eq!(account.attributes.first_text("mail"), Some(&*address));
    }
}

#[test]
fn an_update_that_is_not_done_is_tried_again() {
    for next in [fault(Next::Retry), fault(Next::LookAgain), answered(Next::LookAgain, 16)] {
        let world = three_to_update();
        world.memory.fail("bob", next);
        world.import_cleanly();
        all_three_are_updated(&world);
        assert_eq!(world.memory.writes().updated, 3);
    }
}

#[test]
fn an_update_whose_answer_is_lost_sets_the_same_password_again_and_sends_one_letter() {
    let world = three_to_update();
    world.memory.answer_lost("bob");
    world.import_cleanly();
    all_three_are_updated(&world);
    assert_eq!(world.memory.writes().passwords, 4);
}

#[test]
fn a_lost_answer_and_somebody_elses_change_do_not_cost_the_person_their_password() {
    let world = three_to_update();
    world.memory.answer_lost("bob");
    let directory = Meddled::new(&world.memory, |_, _| {}).after(|n, memory| {
        if n == 1 {
            memory.edit("bob", "mail", &["other@example.org"]);
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(_))), "{carried:?}");
    let passwords = world.mailed("bob@example.org");
    assert_eq!(passwords.len(), 1);
    assert_eq!(world.memory.login("bob", &passwords[0]), Verified::MustChange);
    assert_eq!(world.memory.account("bob").expect("there").attributes.first_text("mail"), Some("other@example.org"));
    assert!(world.person("bob")["notes"].to_string().contains("reads back other than written: mail"));
}

#[test]
fn an_update_of_what_somebody_else_has_changed_overwrites_nothing() {
    let world = three_to_update();
    let directory = Meddled::new(&world.memory, |n, memory| {
        if n == 1 {
            memory.edit("bob", "mail", &["third@example.org"]);
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes()[1], "bob failed");
    let bob = world.memory.account("bob").expect("there");
    assert_eq!(bob.attributes.first_text("mail"), Some("third@example.org"));
    assert!(!bob.has_password);
    assert_eq!(world.mailed("bob@example.org").len(), 0);
}

#[test]
fn an_account_that_is_gone_fails_alone() {
    let world = three_to_update();
    let directory = Meddled::new(&world.memory, |n, memory| {
        if n == 1 {
            memory.remove("bob");
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada updated, letter sent", "bob failed", "cyd updated, letter sent"]);
}

#[test]
fn nobody_gets_a_generated_password_that_no_letter_can_bring() {
    let world = World::new(UPDATES, &THREE.replace("bob@example.org", ""));
    world.memory.put("bob", [("sn", &["Ball"])]);
    assert!(world.memory.set_password("bob", "of his own"));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(_))), "{carried:?}");
    assert_eq!(world.memory.login("bob", &"of his own".into()), Verified::Good);
    assert!(world.person("bob")["notes"].to_string().contains("no e-mail address"), "{}", world.told());
}
