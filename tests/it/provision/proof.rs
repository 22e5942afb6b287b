//! No password is told before a login proves it.

use rosterd::directory::Login;
use rosterd::exit::Exit;
use rosterd::roster::fault::Next;
use rosterd::run::Carried;

use super::LETTERS;
use super::THREE;
use super::all_three_are_there;
use super::answered;
use super::fault;
use super::three;
use crate::world::World;

const BOB: &str = "bob@example.org";

fn notes(world: &World) -> String {
    world.person("bob")["notes"].to_string()
}

#[test]
fn a_password_that_does_not_do_what_the_letter_says_is_not_told() {
    for (login, says) in [
        (Login::Welcome, "need not change it"),
        (Login::Refused("the account is locked".to_owned()), "refused: the account is locked"),
    ] {
        let world = three();
        world.memory.login_comes_to("bob", Ok(login));
        let carried = world.import();
        assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
        let outcomes = ["ada created, letter sent", "bob created, letter failed", "cyd created, letter sent"];
        assert_eq!(world.outcomes(), outcomes);
        assert!(notes(&world).contains(says), "{}", notes(&world));
        assert_eq!(world.mailed(BOB).len(), 0);
    }
}

#[test]
fn a_login_that_cannot_be_tried_leaves_the_letter_owed() {
    let world = three();
    world.memory.login_comes_to("bob", Err(fault(Next::Retry)));
    let carried = world.import();
    let Ok(Carried::TryAgain(failure)) = carried else { panic!("{carried:?}") };
    assert_eq!(failure.exit, Exit::TryAgain);
    assert_eq!(world.outcomes(), ["ada created, letter sent", "bob created, letter owed", "cyd created, letter sent"]);
    assert!(notes(&world).contains("the login could not be tried"), "{}", notes(&world));
    world.memory.login_comes_to("bob", Ok(Login::MustChange));
    world.import_cleanly();
    all_three_are_there(&world);
}

#[test]
fn a_server_that_cannot_be_trusted_at_a_login_ends_the_run() {
    let world = World::new(&format!("batch_size = 1\n{LETTERS}"), THREE);
    world.memory.login_comes_to("bob", Err(answered(Next::StopRun, 49)));
    let carried = world.import();
    let Ok(Carried::TryAgain(failure)) = carried else { panic!("{carried:?}") };
    assert_eq!(failure.exit, Exit::Config);
    assert_eq!(world.person("bob")["letter"], "owed");
    assert_eq!(world.person("cyd")["outcome"], "not_attempted");
}

#[test]
fn a_change_that_the_directory_forces_unasked_is_told_in_the_letter() {
    let world = World::new(&format!("{LETTERS}[feed.passwords]\nchange_next_time = false\n"), THREE);
    world.memory.login_comes_to("bob", Ok(Login::MustChange));
    world.import_cleanly();
    let told = |address: &str| {
        let kept = world.mail.kept();
        let letter = kept.iter().find(|kept| kept.letter.to() == address).expect("a letter");
        letter.letter.text().expose().contains("When you first sign in")
    };
    assert_eq!((told("ada@example.org"), told(BOB)), (false, true));
}

#[test]
fn the_proof_can_be_given_up_step_by_step() {
    // The state that is read back is right, the login is not: only `prove_login` asks for it.
    let world = World::new(&format!("{LETTERS}prove_login = false\n"), THREE);
    world.memory.login_comes_to("bob", Ok(Login::Welcome));
    world.import_cleanly();
    assert_eq!(world.mailed(BOB).len(), 1);
    let world = World::new(&format!("{LETTERS}without_proof = true\n"), THREE);
    world.memory.login_comes_to("bob", Ok(Login::Refused("so it says".to_owned())));
    world.import_cleanly();
    assert_eq!(world.mailed(BOB).len(), 1);
}
