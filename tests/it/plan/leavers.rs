//! People who have left: moved to the archive, deleted after a while, and let in again when they come back.

use insta::assert_snapshot;
use rosterd::roster::account::EntryId;

use super::HEADER;
use super::World;

/// A target with an archive; the directory behind it is the one in memory all the same.
const ARCHIVE: &str = r#""ldap"
[target.ldap]
url = "ldapi://%2Fx"
people_base = "ou=people,o=x"
archive_base = "ou=leavers,o=x"
"#;

const UNLIMITED: &str = "[feed.limits]\nold = \"none\"\ndeletions = \"none\"\nmoves = \"none\"\n";
const BOB: &str = "bob,Bob,Ray,bob@x.org\n";
const BOTH: &str = "bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\n";

fn roster(rows: &str) -> String {
    format!("{HEADER}\n{rows}")
}

fn world(policy: &str, kind: &'static str) -> World {
    let feed = format!("[feed.old]\npolicy = {policy}\n{UNLIMITED}");
    World { kind, ..World::new().feed(&feed).people(BOTH.trim()) }
}

fn moving() -> World {
    world("\"move\"", ARCHIVE)
}

fn deleting(grace: &str) -> World {
    world(&format!("\"delete\"\ngrace = \"{grace}\""), "\"local\"")
}

fn later(world: World, now: fn() -> String) -> World {
    World { now, ..world }
}

fn place(world: &World, name: &str) -> String {
    world.memory.account(name).expect("there").id.locator.to_string()
}

#[tokio::test]
async fn who_has_left_is_switched_off_and_moved_once() {
    let world = moving();
    assert_snapshot!(world.plan(&roster(BOB)).await, @r"
    2 Update bob
    - Old cat: archive entry-2 -> entry-2,ou=leavers
    ");
    assert_snapshot!(world.apply(&roster(BOB)).await, @r"
    bob unchanged
    cat moved
    ");
    assert_eq!(place(&world, "cat"), "entry-2,ou=leavers");
    assert!(!world.memory.account("cat").expect("there").enabled);
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob", "nobody is Old twice");
}

#[tokio::test]
async fn who_comes_back_goes_where_they_were_and_is_let_in() {
    let world = moving();
    assert!(world.memory.move_to("cat", "uid=cat,ou=Sales"));
    world.apply(&roster(BOB)).await;
    assert_eq!(place(&world, "cat"), "uid=cat,ou=leavers");
    assert_snapshot!(world.plan(&roster(BOTH)).await, @r"
    2 Update bob
    3 Update cat: place uid=cat,ou=leavers -> uid=cat,ou=Sales; enable
    ");
    world.apply(&roster(BOTH)).await;
    assert!(world.memory.account("cat").expect("there").enabled);
    assert_eq!(world.plan(&roster(BOTH)).await, "2 Update bob\n3 Update cat");
    // And the feed's own word for a place is the first one.
    let world = moving();
    let world = World { feed: format!("[feed.map]\ndn = \"uid={{{{ username }}}},ou=IT\"\n{}", world.feed), ..world };
    world.apply(&roster(BOB)).await;
    let plan = world.plan(&roster(BOTH)).await;
    assert!(plan.contains("3 Update cat: place entry-2,ou=leavers -> entry-2,ou=IT; enable"), "{plan}");
}

#[tokio::test]
async fn whom_somebody_else_has_put_into_the_archive_stays_there() {
    let world = moving();
    assert!(world.memory.move_to("cat", "uid=cat,ou=leavers"));
    world.memory.set_enabled("cat", false);
    assert_snapshot!(world.plan(&roster(BOTH)).await, @r"
    2 Update bob
    3 Update cat: warning: the account is switched off in the directory, and not by rosterd; it stays so
    ");
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob");
}

#[tokio::test]
async fn the_name_of_somebody_in_the_archive_is_not_free() {
    let feed = format!(
        "match = \"employeeNumber\"\n[feed.map]\nemployeeNumber = \"Number\"\n[feed.old]\npolicy = \"move\"\n{UNLIMITED}"
    );
    let world = World { kind: ARCHIVE, ..World::new().feed(&feed).people(BOTH.trim()) };
    world.memory.edit("bob", "employeeNumber", &["1"]);
    world.memory.edit("cat", "employeeNumber", &["2"]);
    let rows = |more: &str| format!("{HEADER},Number\nbob,Bob,Ray,bob@x.org,1\n{more}");
    world.apply(&rows("")).await;
    assert_snapshot!(world.plan(&rows("cat,Cathy,Lee,lee@x.org,3\n")).await, @r"
    2 Update bob
    3 Error cat: Username: `cat` already belongs to another account
    ");
}

#[tokio::test]
async fn a_target_without_an_archive_is_a_fault_of_the_configuration() {
    let text = "[[target]]\nname = \"x\"\nkind = \"local\"\n[[feed]]\nname = \"hr\"\ntarget = \"x\"\n[feed.old]\npolicy = \"move\"\n";
    let faults = rosterd::config::Config::parse(std::path::Path::new("rosterd.toml"), text, None);
    let faults = faults.expect_err("no archive").to_string();
    assert!(faults.contains("archive_base"), "{faults}");
}

#[tokio::test]
async fn an_account_is_deleted_when_its_time_is_over_and_not_before() {
    let world = deleting("30d");
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob\n- Old cat: disable");
    world.apply(&roster(BOB)).await;
    let world = later(world, || "2026-02-01T03:04:04Z".to_owned());
    assert_snapshot!(world.plan(&roster(BOB)).await, @r"
    2 Update bob
    - Old cat: report; warning: it is deleted from 2026-02-01 on, if no file has the person until then
    ");
    world.apply(&roster(BOB)).await;
    assert!(world.memory.account("cat").is_some());
    let world = later(world, || "2026-02-01T03:04:05Z".to_owned());
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob\n- Old cat: purge, missing since `2026-01-02`");
    assert_eq!(world.apply(&roster(BOB)).await, "bob unchanged\ncat deleted");
    assert!(world.memory.account("cat").is_none());
    assert!(world.state.disabled_by_us("staff").await.expect("read").is_empty(), "and forgotten");
}

#[tokio::test]
async fn whoever_is_in_one_file_begins_anew() {
    let world = deleting("30d");
    let world = World {
        feed: format!("{}[feed.old.scope]\n", world.feed.replace(UNLIMITED, "reenable = false\n") + UNLIMITED),
        ..world
    };
    world.apply(&roster(BOB)).await;
    let world = later(world, || "2026-01-31T00:00:00Z".to_owned());
    // Not let in, but seen.
    world.apply(&roster(BOTH)).await;
    assert!(!world.memory.account("cat").expect("there").enabled);
    let world = later(world, || "2026-02-10T00:00:00Z".to_owned());
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob\n- Old cat: report");
    world.apply(&roster(BOB)).await;
    let world = later(world, || "2026-03-11T23:59:59Z".to_owned());
    assert!(!world.plan(&roster(BOB)).await.contains("purge"));
    let world = later(world, || "2026-03-12T00:00:00Z".to_owned());
    assert!(world.plan(&roster(BOB)).await.contains("purge, missing since `2026-02-10`"));
}

#[tokio::test]
async fn a_row_in_error_is_in_the_file_too() {
    let world = deleting("30d");
    world.apply(&roster(BOB)).await;
    let world = later(world, || "2026-01-31T00:00:00Z".to_owned());
    world.apply(&roster("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,nowhere\n")).await;
    let world = later(world, || "2026-02-10T00:00:00Z".to_owned());
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob\n- Old cat: report");
}

#[tokio::test]
async fn only_whom_rosterd_has_switched_off_is_deleted() {
    let world = later(deleting("30d"), || "2030-01-01T00:00:00Z".to_owned());
    world.memory.set_enabled("cat", false);
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob\n- Old cat: report");
    let at_once = deleting("0d");
    at_once.memory.set_enabled("cat", false);
    assert_eq!(at_once.plan(&roster(BOB)).await, "2 Update bob\n- Old cat: report");
    // Whom an admin has let in meanwhile is switched off anew, and has the whole time.
    let world = deleting("30d");
    world.apply(&roster(BOB)).await;
    let world = later(world, || "2026-02-10T00:00:00Z".to_owned());
    world.memory.set_enabled("cat", true);
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob\n- Old cat: disable");
    world.apply(&roster(BOB)).await;
    let world = later(world, || "2026-03-01T00:00:00Z".to_owned());
    assert!(!world.plan(&roster(BOB)).await.contains("purge"));
}

#[tokio::test]
async fn without_any_grace_accounts_are_deleted_at_once_within_limits() {
    let world = deleting("0d");
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob\n- Old cat: purge, missing since ``");
    let world = World { feed: world.feed.replace("deletions = \"none\"", "deletions = 0"), ..world };
    let plan = world.plan(&roster(BOB)).await;
    assert!(plan.ends_with("held: 1 accounts to delete of 2, the limit is 0 (`limits.deletions`)"), "{plan}");
    assert!(world.apply(&roster(BOB)).await.contains("cat not attempted: held for approval (`limits.deletions`)"));
    assert!(world.memory.account("cat").is_some());
    world.approve().await;
    assert!(world.memory.account("cat").is_none());
}

#[tokio::test]
async fn a_protected_account_is_neither_moved_nor_deleted() {
    for world in [moving(), deleting("0d")] {
        world.memory.protect("cat", "it is in `protected`");
        assert_eq!(
            world.plan(&roster(BOB)).await,
            "2 Update bob\n- Old cat: report; warning: the account is protected: it is in `protected`"
        );
    }
}

#[tokio::test]
async fn as_long_as_a_row_could_be_anybody_nobody_is_deleted() {
    let world = deleting("0d");
    let plan = world.plan(&roster(&format!(",Cat,Low,cat@x.org\n{BOB}"))).await;
    assert!(plan.contains("held: 1 accounts to delete of 2, the limit is 0 (`limits.deletions`)"), "{plan}");
}

#[tokio::test]
async fn from_the_archive_people_are_deleted_too() {
    let world = world("\"delete\"", ARCHIVE);
    assert!(world.plan(&roster(BOB)).await.contains("- Old cat: archive"));
    world.apply(&roster(BOB)).await;
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob");
    let world = later(world, || "2026-02-01T03:04:05Z".to_owned());
    assert_eq!(world.plan(&roster(BOB)).await, "2 Update bob\n- Old cat: purge, missing since `2026-01-02`");
    let id: EntryId = world.memory.account("cat").expect("there").id;
    assert_eq!(world.apply(&roster(BOB)).await, "bob unchanged\ncat deleted");
    assert!(!world.state.disabled_by_us("staff").await.expect("read").contains_key(&id.stable));
}
