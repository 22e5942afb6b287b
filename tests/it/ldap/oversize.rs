//! A value that is larger than the server takes: it hangs up without an answer, each time.

use std::fs;
use std::future::Future;

use rosterd::directory::ldap::Ldap;
use rosterd::exit::Exit;
use rosterd::run::Carried;
use rosterd::run::Order;

use crate::server::slapd::Options;
use crate::server::slapd::Slapd;
use crate::world::World;

/// More than the server takes.
const TOO_MUCH: usize = 200_000;

const PEOPLE: [&str; 5] = ["ada", "bob", "cyd", "dan", "eve"];

/// Lets time pass as it does for the server.
fn in_real_time(work: impl Future<Output = ()>) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(work);
}

#[test]
fn a_photo_beyond_the_servers_limit_is_its_persons_error_and_the_others_get_theirs() {
    let rows: String =
        PEOPLE.iter().map(|name| format!("{name},{name},Ball,{name}@example.org,{name}.jpg\n")).collect();
    let feed = "[feed.map]\njpegPhoto = { column = \"Photo\", file = true, max_size = 8000000 }\n";
    let world = World::new(feed, &format!("Username,First name,Surname,Email,Photo\n{rows}"));
    for name in PEOPLE {
        let length = if name == "cyd" { TOO_MUCH } else { 2000 };
        fs::write(world.file(&format!("{name}.jpg")), [b"\xff\xd8\xff".as_slice(), &vec![0; length]].concat())
            .expect("a photo");
    }
    in_real_time(async {
        let server = Slapd::start_with(Options { small_messages: true, ..Options::default() });
        let territory = server.territory().await;
        let ldap = Ldap::new(territory.settings()).expect("good settings");
        let carried = world.carry(&ldap, Order::AsTheFeedSays).await;
        assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}\n{}", world.told());
        for name in PEOPLE {
            let entry = territory.read(&territory.person(name)).await.expect(name);
            let has_photo = entry.bin_attrs.contains_key("jpegPhoto");
            assert_eq!(has_photo, name != "cyd", "{name}");
        }
    });
    let told = world.person("cyd").to_string();
    assert!(told.contains("jpegPhoto: the directory hangs up") && told.contains("sockbuf_max_incoming_auth"), "{told}");
    for name in PEOPLE {
        assert_eq!(world.person(name)["outcome"], "created");
        assert_eq!(world.person(name).to_string().contains("hangs up"), name == "cyd");
    }
}

#[test]
fn an_account_beyond_the_servers_limit_is_rejected_and_the_others_are_made() {
    let rows: String = PEOPLE.iter().map(|name| format!("{name},{name},Ball,{name}@example.org\n")).collect();
    let feed = format!(
        "[feed.map]\ndescription = \"{{{{ 'x' * ({TOO_MUCH} if username == 'cyd' else 9) }}}}\"\n\
         [feed.checks]\nlimits = {{ description = 8000000 }}\n"
    );
    let world = World::new(&feed, &format!("Username,First name,Surname,Email\n{rows}"));
    in_real_time(async {
        let server = Slapd::start_with(Options { small_messages: true, ..Options::default() });
        let territory = server.territory().await;
        let ldap = Ldap::new(territory.settings()).expect("good settings");
        let carried = world.carry(&ldap, Order::AsTheFeedSays).await;
        assert!(matches!(carried, Ok(Carried::Done(Exit::RowsInError))), "{carried:?}\n{}", world.told());
        assert_eq!(territory.below().await.len(), 4);
    });
    for name in PEOPLE {
        let is_too_large = name == "cyd";
        assert_eq!(world.person(name)["outcome"], if is_too_large { "rejected" } else { "created" }, "{name}");
        let told = world.person(name).to_string();
        assert_eq!(told.contains("sockbuf_max_incoming_auth"), is_too_large, "{told:.900}");
    }
}
