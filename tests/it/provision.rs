//! Every kind of fault in every phase: what comes of the person, what is written, and what the report says.

use std::sync::atomic::Ordering;

use rosterd::directory::local::Verified;
use rosterd::exit::Exit;
use rosterd::roster::account::GroupKind;
use rosterd::roster::fault::Fault;
use rosterd::roster::fault::Next;
use rosterd::run::Carried;
use rosterd::run::Order;
use rosterd::state::run::Phase;

use crate::world::World;
use crate::world::life;

mod groups;
pub(crate) mod meddled;
mod old;
mod pace;
mod photos;
mod proof;
mod references;
mod reports;
mod trial;
mod updates;

use meddled::Meddled;
use updates::three_to_update;

const LETTERS: &str = "
[feed.letters]
email_credentials = true
mails_per_minute = 6000
";

const THREE: &str = "\
Username,First name,Surname,Email
ada,Ada,Byron,ada@example.org
bob,Bob,Ball,bob@example.org
cyd,Cyd,Cole,cyd@example.org
";

fn fault(next: Next) -> Fault {
    Fault::new(next, "so the script says")
}

/// A fault of a server that answered.
fn answered(next: Next, code: u32) -> Fault {
    fault(next).with_code(code)
}

/// Three new people with letters.
fn three() -> World {
    World::new(LETTERS, THREE)
}

/// Proves that everybody is there once, and that everybody's only letter has the password.
fn all_three_are_there(world: &World) {
    assert_eq!(world.outcomes(), ["ada created, letter sent", "bob created, letter sent", "cyd created, letter sent"]);
    assert_eq!(world.memory.writes().created, 3, "{}", world.told());
    for name in ["ada", "bob", "cyd"] {
        let passwords = world.mailed(&format!("{name}@example.org"));
        assert_eq!(passwords.len(), 1, "letters to {name}");
        assert_eq!(world.memory.login(name, &passwords[0]), Verified::MustChange, "{name}");
    }
}

#[test]
fn a_create_that_is_not_done_is_tried_again() {
    for next in [fault(Next::Retry), fault(Next::LookAgain), answered(Next::LookAgain, 68)] {
        let world = three();
        world.memory.fail("bob", next.clone());
        world.memory.fail("bob", next);
        world.import_cleanly();
        all_three_are_there(&world);
    }
}

#[test]
fn a_create_whose_answer_is_lost_is_found_and_not_done_again() {
    let world = three();
    world.memory.answer_lost("bob");
    world.import_cleanly();
    all_three_are_there(&world);
    let creates = world.memory.log().iter().filter(|line| line.starts_with("create bob")).count();
    assert_eq!(creates, 1, "{}", world.told());
}

#[test]
fn an_account_that_somebody_else_makes_meanwhile_is_not_taken_for_ours() {
    let world = three();
    // The very same in all that can be seen: but its password is not ours, so a letter would be a lie.
    let attributes: [(&str, &[&str]); 5] = [
        ("cn", &["Bob Ball"]),
        ("displayName", &["Bob Ball"]),
        ("givenName", &["Bob"]),
        ("mail", &["bob@example.org"]),
        ("sn", &["Ball"]),
    ];
    let directory = Meddled::new(&world.memory, |n, memory| {
        if n == 1 {
            memory.put("bob", attributes);
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created, letter sent", "bob failed", "cyd created, letter sent"]);
    assert_eq!(world.mailed("bob@example.org").len(), 0);
    assert!(!world.memory.account("bob").expect("there").has_password);
}

#[test]
fn a_row_that_is_refused_is_rejected_alone_and_gets_no_letter() {
    let world = three();
    world.memory.fail("bob", answered(Next::RejectRow, 19));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created, letter sent", "bob rejected", "cyd created, letter sent"]);
    assert_eq!(world.mailed("bob@example.org").len(), 0);
    let errors = std::fs::read_to_string(world.file("people.errors.csv")).expect("an errors file");
    assert!(errors.contains("bob,Bob,Ball,bob@example.org") && !errors.contains("ada"), "{errors}");
}

#[test]
fn a_fault_that_ends_the_run_keeps_what_was_done_in_the_same_batch() {
    let world = three();
    world.memory.fail("bob", answered(Next::StopRun, 49));
    let carried = world.import();
    let Ok(Carried::TryAgain(failure)) = carried else { panic!("{carried:?}") };
    assert_eq!(failure.exit, Exit::Config);
    assert_eq!(world.outcomes(), ["ada created, letter sent", "bob not_attempted", "cyd created, letter sent"]);
    assert_eq!(world.open_runs()[0].phase, Phase::Applying);
    world.import_cleanly();
    all_three_are_there(&world);
}

#[test]
fn what_was_done_before_an_interruption_is_not_done_again_though_it_was_changed_since() {
    let world = three_to_update();
    world.memory.fail("cyd", answered(Next::StopRun, 49));
    assert!(matches!(world.import(), Ok(Carried::TryAgain(_))));
    world.memory.edit("ada", "mail", &["of.her.own@example.org"]);
    world.memory.remove("bob");
    world.import_cleanly();
    assert_eq!(world.outcomes(), ["ada updated, letter sent", "bob updated, letter sent", "cyd updated, letter sent"]);
    let ada = world.memory.account("ada").expect("there");
    assert_eq!(ada.attributes.first_text("mail"), Some("of.her.own@example.org"));
    assert!(world.memory.account("bob").is_none(), "somebody has removed bob since");
    assert_eq!(world.mail.kept().len(), 3);
}

#[test]
fn a_directory_that_is_not_there_loses_nobody() {
    let world = three();
    world.memory.fail_always("bob", fault(Next::Retry));
    let carried = world.import();
    let Ok(Carried::TryAgain(failure)) = carried else { panic!("{carried:?}") };
    assert_eq!(failure.exit, Exit::TryAgain);
    assert_eq!(world.person("bob")["outcome"], "not_attempted");
    // It is certain that nothing was done, so nothing is left in doubt, and no letter is owed.
    let left = life(async {
        let state = world.state();
        let run = &world.state().open_runs().await.expect("read")[0];
        (state.journaled(&run.id).await.expect("read").len(), state.letters(&run.id).await.expect("read").len())
    });
    assert_eq!(left, (2, 2));
}

/// One row must not stand in the way of all others, night after night.
#[test]
fn a_row_that_is_refused_each_time_is_rejected_and_the_others_go_on() {
    for refusal in [answered(Next::LookAgain, 68), answered(Next::Retry, 80)] {
        let world = three();
        world.memory.fail_always("bob", refusal);
        let carried = world.import();
        assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
        assert_eq!(world.outcomes(), ["ada created, letter sent", "bob rejected", "cyd created, letter sent"]);
    }
}

/// A full disk is `other` (80) too.
#[test]
fn a_directory_that_refuses_everything_without_a_reason_is_tried_again_later() {
    for code in [80, 52] {
        let world = three();
        for name in ["ada", "bob", "cyd"] {
            world.memory.fail_always(name, answered(Next::Retry, code));
        }
        let carried = world.import();
        assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
        assert_eq!(world.outcomes(), ["ada not_attempted", "bob not_attempted", "cyd not_attempted"]);
    }
}

#[test]
fn three_refusals_for_lack_of_rights_in_a_row_end_the_run() {
    let world = World::new(
        "batch_size = 1\n",
        &THREE.replace("cyd@example.org\n", "cyd@example.org\ndan,Dan,Dale,dan@example.org\n"),
    );
    for name in ["ada", "bob", "cyd"] {
        world.memory.fail(name, answered(Next::RejectRow, 50));
    }
    let carried = world.import();
    let Ok(Carried::TryAgain(failure)) = carried else { panic!("{carried:?}") };
    assert_eq!(failure.exit, Exit::Config);
    assert_eq!(world.outcomes(), ["ada rejected", "bob rejected", "cyd rejected", "dan not_attempted"]);
}

#[test]
fn a_read_back_that_fails_once_is_tried_again() {
    let world = three();
    let directory = Meddled::new(&world.memory, |_, memory| memory.cut_existing_after(1));
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}");
    all_three_are_there(&world);
}

#[test]
fn people_who_cannot_be_read_back_get_their_letter_with_a_fresh_password_later() {
    let world = three();
    let directory = Meddled::new(&world.memory, |_, _| {});
    directory.blind.store(true, Ordering::SeqCst);
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    let outcomes = world.outcomes();
    assert_eq!(outcomes, ["ada", "bob", "cyd"].map(|name| format!("{name} not_attempted, letter owed")));
    assert_eq!(world.mail.kept().len(), 0, "no letter before the account is proved");
    world.import_cleanly();
    all_three_are_there(&world);
    assert_eq!(world.memory.writes().passwords, 6);
}

#[test]
fn an_account_that_vanishes_after_it_was_made_fails_and_gets_no_letter() {
    let world = three();
    let directory = Meddled::new(&world.memory, |_, _| {}).after(|_, memory| {
        memory.remove("bob");
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes()[1], "bob failed");
    assert_eq!(world.mailed("bob@example.org").len(), 0);
}

#[test]
fn a_stop_lets_the_batch_in_flight_finish_and_leaves_the_rest() {
    let world = World::new(&format!("batch_size = 1\n{LETTERS}"), THREE);
    let directory = Meddled::new(&world.memory, |n, _| {
        if n == 2 {
            world.stop.cancel();
        }
    });
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    drop(directory);
    let Ok(Carried::TryAgain(failure)) = carried else { panic!("{carried:?}") };
    assert_eq!(failure.exit, Exit::TryAgain);
    assert_eq!(world.memory.writes().created, 2, "the second was under way");
    assert_eq!(world.person("cyd")["outcome"], "not_attempted");

    let again = world.restarted();
    again.import_cleanly();
    assert_eq!(again.memory.writes().created, 3);
    for name in ["ada", "bob", "cyd"] {
        let last = again.mailed(&format!("{name}@example.org")).pop().expect("a letter");
        assert_eq!(again.memory.login(name, &last), Verified::MustChange);
    }
}

#[test]
fn a_letter_that_is_owed_is_sent_even_when_the_row_says_not_to_update() {
    let roster = "Username,First name,Surname,Email,Update\nada,Ada,Byron,ada@example.org,no\n";
    let world = World::new(LETTERS, roster);
    let directory = Meddled::new(&world.memory, |_, _| {});
    directory.blind.store(true, Ordering::SeqCst);
    let carried = life(world.carry(&directory, Order::AsTheFeedSays));
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    world.import_cleanly();
    assert_eq!(world.outcomes(), ["ada created, letter sent"]);
    let last = world.mailed("ada@example.org").pop().expect("a letter");
    assert_eq!(world.memory.login("ada", &last), Verified::MustChange);
}

#[test]
fn a_password_that_cannot_replace_one_that_nobody_knows_is_told() {
    let world = World::new(LETTERS, "Username,First name,Surname,Email\nada,Ada,Byron,ada@example.org\n");
    let directory = Meddled::new(&world.memory, |_, _| {});
    directory.blind.store(true, Ordering::SeqCst);
    assert!(matches!(life(world.carry(&directory, Order::AsTheFeedSays)), Ok(Carried::TryAgain(_))));
    world.memory.fail("ada", answered(Next::RejectRow, 19));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created, letter failed"]);
    assert!(world.person("ada")["notes"].to_string().contains("set one by hand"), "{}", world.told());
}

#[test]
fn somebody_elses_account_that_appears_during_an_interruption_gets_no_password_of_ours() {
    let world = World::new(LETTERS, "Username,First name,Surname,Email\nada,Ada,Byron,ada@example.org\n");
    // The run ends in doubt: sent, not answered, and the directory cannot be read.
    let directory = Meddled::new(&world.memory, |_, _| {});
    directory.blind.store(true, Ordering::SeqCst);
    world.memory.fail("ada", fault(Next::LookAgain));
    assert!(matches!(life(world.carry(&directory, Order::AsTheFeedSays)), Ok(Carried::TryAgain(_))));
    world.memory.put("ada", [("sn", &["Lovelace"])]);
    assert!(world.memory.set_password("ada", "of her own"));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.memory.login("ada", &"of her own".into()), Verified::Good);
    assert_eq!(world.mail.kept().len(), 0);
    assert_eq!(world.person("ada")["outcome"], "rejected");
    let ada = world.memory.account("ada").expect("there");
    assert_eq!(ada.attributes.first_text("sn"), Some("Lovelace"));
    assert_eq!(world.memory.members(GroupKind::Group, "Staff"), None);
}
