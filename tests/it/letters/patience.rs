//! How the clerk deals with servers that will not, cannot, or do not say: with a clock that only sleeping moves.

use rosterd::directory::local::Verified;
use rosterd::exit::Exit;
use rosterd::mail::MailFault;
use rosterd::mail::MailNext;
use rosterd::mail::memory::MemoryAnswer;
use rosterd::run::Carried;

use crate::world::World;

const FEED: &str = "
[feed.letters]
email_credentials = true
mails_per_minute = 6000
";

fn world(names: &[&str]) -> World {
    let rows: String = names.iter().map(|name| format!("{name},{name},Smith,{name}@example.org\n")).collect();
    World::new(FEED, &format!("Username,First name,Surname,Email\n{rows}"))
}

fn fail(next: MailNext) -> MemoryAnswer {
    MemoryAnswer::Fail(MailFault::new(next, "so the script says"))
}

fn last_works(world: &World, name: &str) {
    let last = world.mailed(&format!("{name}@example.org")).pop().unwrap_or_else(|| panic!("no letter to {name}"));
    assert_eq!(world.memory.login(name, &last), Verified::MustChange, "{name}");
}

#[test]
fn a_letter_that_is_deferred_does_not_hold_up_the_others() {
    let world = world(&["ada", "bob", "cyd"]);
    world.mail.answer_to("ada@example.org", fail(MailNext::Retry));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created, letter owed", "bob created, letter sent", "cyd created, letter sent"]);

    world.mail.answer_to("ada@example.org", MemoryAnswer::Accept);
    world.import_cleanly();
    assert_eq!(world.outcomes(), ["ada created, letter sent", "bob created, letter sent", "cyd created, letter sent"]);
    assert_eq!(world.mail.kept().len(), 3, "nobody gets a second letter");
    ["ada", "bob", "cyd"].iter().for_each(|name| last_works(&world, name));
    assert!(world.mail.kept()[2].letter.text().expose().contains("an account has been set up"));
}

#[test]
fn a_passing_fault_costs_nothing_but_time() {
    let world = world(&["ada"]);
    for _ in 0..3 {
        world.mail.answer_next(fail(MailNext::Retry));
    }
    world.import_cleanly();
    assert_eq!(world.outcomes(), ["ada created, letter sent"]);
    last_works(&world, "ada");
}

#[test]
fn a_lost_answer_leads_to_one_more_letter_like_the_first() {
    let world = world(&["ada"]);
    world.mail.answer_next(MemoryAnswer::LoseAnswer);
    world.import_cleanly();
    let kept = world.mail.kept();
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0].message_id, kept[1].message_id);
    assert_eq!(kept[0].letter.text().expose(), kept[1].letter.text().expose());
    assert!(world.person("ada")["notes"].to_string().contains("may have come twice"));
    last_works(&world, "ada");
}

#[test]
fn a_letter_that_may_have_arrived_is_never_followed_by_one_with_another_password() {
    for then in [MemoryAnswer::LoseAnswer, fail(MailNext::Retry), fail(MailNext::Stop)] {
        let world = world(&["ada", "bob"]);
        world.mail.answer_to("ada@example.org", then);
        world.mail.answer_next(MemoryAnswer::LoseAnswer);
        let carried = world.import();
        assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
        assert_eq!(world.outcomes(), ["ada created, letter failed", "bob created, letter sent"]);
        world.mail.answer_to("ada@example.org", MemoryAnswer::Accept);
        let _ = world.import();
        let passwords = world.mailed("ada@example.org");
        assert!(passwords.iter().all(|password| password.expose() == passwords[0].expose()));
        last_works(&world, "ada");
    }
}

#[test]
fn a_server_that_will_take_no_letter_at_all_is_not_asked_for_each() {
    let world = world(&["ada", "bob", "cyd"]);
    world.mail.answer_next(fail(MailNext::Stop));
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::TryAgain(_))), "{carried:?}");
    let outcomes = world.outcomes();
    assert_eq!(outcomes, ["ada", "bob", "cyd"].map(|name| format!("{name} created, letter owed")));
    world.import_cleanly();
    assert_eq!(world.mail.kept().len(), 3);
    ["ada", "bob", "cyd"].iter().for_each(|name| last_works(&world, name));
}

#[test]
fn letters_leave_no_faster_than_they_may() {
    let mut world = world(&["ada", "bob", "cyd", "dan", "eve"]);
    world.configure(&FEED.replace("6000", "30"));
    let took = crate::world::life(async {
        let began = tokio::time::Instant::now();
        let carried = world.carry(&world.memory, rosterd::run::Order::AsTheFeedSays).await;
        assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}");
        began.elapsed().as_secs()
    });
    assert_eq!(took, 8, "five letters and four gaps of two seconds");
}

#[test]
fn letters_that_are_owed_when_letters_are_switched_off_are_told() {
    let mut world = world(&["ada"]);
    world.mail.answer_next(fail(MailNext::Stop));
    assert!(matches!(world.import(), Ok(Carried::TryAgain(_))));
    world.configure("");
    let carried = world.import();
    assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}");
    assert_eq!(world.outcomes(), ["ada created, letter failed"]);
    assert!(world.person("ada")["notes"].to_string().contains("set a new password by hand"));
}
