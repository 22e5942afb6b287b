//! Whole imports with passwords that rosterd hashes, or that an operation of its own sets.

use std::future::Future;

use rosterd::directory::ldap::Ldap;
use rosterd::directory::ldap::PasswordStorage;
use rosterd::exit::Exit;
use rosterd::run::Carried;
use rosterd::run::Order;

use crate::server::slapd::Login;
use crate::server::slapd::Options;
use crate::server::slapd::Slapd;
use crate::server::slapd::Territory;
use crate::world::World;
use crate::world::password_in;

const LETTERS: &str = "[feed.letters]\nemail_credentials = true\nmails_per_minute = 6000\n";
const THREE: &str = "\
Username,First name,Surname,Email
ada,Ada,Byron,ada@example.org
bob,Bob,Ball,bob@example.org
cyd,Cyd,Cole,cyd@example.org
";

fn ldap(territory: &Territory<'_>, storage: PasswordStorage) -> Ldap {
    let mut settings = territory.settings();
    settings.password_storage = storage;
    Ldap::new(settings).expect("good settings")
}

/// Lets time pass as it does for the server.
fn in_real_time(work: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(work);
}

/// Every letter has a password that lets its reader in, and must be changed.
async fn letters_are_true(world: &World, territory: &Territory<'_>) {
    let kept = world.mail.kept();
    assert_eq!(kept.len(), 3);
    for letter in kept {
        let username = letter.letter.to().split('@').next().expect("a name");
        let password = password_in(letter.letter.text().expose());
        assert_eq!(territory.login(username, password.expose()).await, Login::MustChange, "{username}");
    }
}

#[test]
fn without_the_module_nobody_is_written_and_with_another_storage_the_run_goes_on() {
    for feed in [String::new(), "batch_size = 1\n".to_owned()] {
        let world = World::new(&format!("{feed}{LETTERS}"), THREE);
        in_real_time(async {
            let server = Slapd::start_with(Options { takes_hashes: true, ..Options::default() });
            let territory = server.territory().await;
            let carried = world.carry(&ldap(&territory, PasswordStorage::Argon2), Order::AsTheFeedSays).await;
            let Ok(Carried::TryAgain(failure)) = carried else { panic!("{carried:?}") };
            assert_eq!(failure.exit, Exit::Config);
            let told = format!("{failure:?}{}", world.told());
            assert!(told.contains("password_storage") && told.contains("argon2.so"), "{told}");
            assert_eq!(territory.below().await, [""; 0]);
            assert_eq!(world.mail.kept().len(), 0);
            let carried = world.carry(&ldap(&territory, PasswordStorage::Server), Order::AsTheFeedSays).await;
            assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{carried:?}");
            letters_are_true(&world, &territory).await;
        });
    }
}

#[test]
fn what_was_imported_is_unchanged_the_next_night() {
    for storage in [PasswordStorage::Exop, PasswordStorage::Argon2, PasswordStorage::Ssha512] {
        let world = World::new(LETTERS, THREE);
        in_real_time(async {
            let territory = Slapd::hashing().territory().await;
            let carried = world.carry(&ldap(&territory, storage), Order::AsTheFeedSays).await;
            assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{storage:?} {carried:?}");
            letters_are_true(&world, &territory).await;
            world.drop_roster(THREE);
            let carried = world.carry(&ldap(&territory, storage), Order::AsTheFeedSays).await;
            assert!(matches!(carried, Ok(Carried::Done(Exit::Done))), "{storage:?} {carried:?}");
            assert_eq!(world.outcomes(), ["ada unchanged", "bob unchanged", "cyd unchanged"], "{storage:?}");
            assert_eq!(world.mail.kept().len(), 3);
        });
    }
}
