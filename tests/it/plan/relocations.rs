//! Other names and other places for accounts that are there, and accounts that become another person's.

use insta::assert_snapshot;

use super::HEADER;
use super::World;

const BY_NUMBER: &str = r#"
match = "employeeNumber"
[feed.map]
employeeNumber = "Number"
homeDirectory = "/home/{{ username }}"
[feed.limits]
moves = "none"
"#;

const PLACED: &str = r#"
[feed.map]
dn = "uid={{ username }},ou={{ department }}"
[feed.limits]
moves = "none"
"#;

fn renaming(feed: &str) -> String {
    format!("{feed}[feed.defaults]\nrename = true\n")
}

/// Ada, who is called `abyron`, and Bob.
fn two(feed: &str) -> World {
    let world = World::new().feed(feed).people("abyron,Ada,King,ada@x.org\nbob,Bob,Ray,bob@x.org");
    for (name, number) in [("abyron", "7"), ("bob", "8")] {
        world.memory.edit(name, "employeeNumber", &[number]);
        world.memory.edit(name, "homeDirectory", &[&format!("/home/{name}")]);
    }
    world
}

const MARRIED: &str = "Number,Username,First name,Surname,Email\n\
                       7,aking,Ada,King,ada@x.org\n\
                       8,bob,Bob,Ray,bob@x.org\n";

#[tokio::test]
async fn a_username_is_changed_only_where_the_feed_says_so() {
    assert_snapshot!(two(BY_NUMBER).plan(MARRIED).await, @r"
    2 Update abyron: warning: Username: the account keeps its username `abyron`; `aking` is not written
    3 Update bob
    ");
    let world = two(&renaming(BY_NUMBER));
    assert_snapshot!(world.plan(MARRIED).await, @r"
    2 Update aking: name abyron -> aking; homeDirectory: /home/abyron -> /home/aking
    3 Update bob
    ");
    world.apply(MARRIED).await;
    assert!(world.memory.account("abyron").is_none());
    let ada = world.memory.account("aking").expect("renamed");
    assert_eq!(ada.attributes.first_text("homeDirectory"), Some("/home/aking"));
    assert_eq!(world.memory.writes().relocated, 1);
    let log = world.memory.log();
    world.apply(MARRIED).await;
    assert_eq!(world.memory.log(), log, "the second night has nothing to do");
}

#[tokio::test]
async fn a_name_that_is_only_spelled_otherwise_is_no_other_name() {
    let world = two(&renaming(BY_NUMBER));
    let rows = MARRIED.replace("aking", "ABYRON");
    assert_eq!(world.plan(&rows).await, "2 Update ABYRON\n3 Update bob");
}

#[tokio::test]
async fn nobody_is_given_a_name_that_somebody_else_has() {
    let world = two(&renaming(BY_NUMBER));
    world.memory.put("AKing", [("employeeNumber", &["9"])]);
    let plan = world.plan(MARRIED).await;
    assert_snapshot!(plan, @r"
    2 Error aking: Username: `aking` already belongs to another account
    3 Update bob
    - Old AKing: report
    ");
}

#[tokio::test]
async fn counted_names_are_never_changed() {
    let feed = r#"
match = "employeeNumber"
[feed.map]
username = { template = "{{ first|lower }}{{ last|lower }}", collision = "counter" }
employeeNumber = "Number"
[feed.defaults]
rename = true
"#;
    let world = two(feed);
    assert_snapshot!(world.plan("Number,First name,Surname,Email\n7,Ada,King,ada@x.org\n8,Bob,Ray,bob@x.org\n").await, @r"
    2 Update abyron
    3 Update bob
    ");
}

#[tokio::test]
async fn places_are_followed_only_where_the_feed_says_so() {
    let rows = format!("{HEADER},Department\nada,Ada,King,ada@x.org,Sales\nbob,Bob,Ray,bob@x.org,IT\n");
    let world = |feed: &str| {
        let world = World::new().feed(feed).people("ada,Ada,King,ada@x.org\nbob,Bob,Ray,bob@x.org");
        world.memory.move_to("ada", "uid=ada,ou=IT");
        world.memory.move_to("bob", "uid=bob,ou=it");
        world
    };
    assert_snapshot!(world(PLACED).plan(&rows).await, @r"
    2 Update ada
    3 Update bob
    notice: accounts that are not below the entry that `dn` says: 1, such as uid=ada,ou=IT; they stay where they are, since `move` is off in [feed.defaults]
    ");
    let world = world(&format!("{PLACED}[feed.defaults]\nmove = true\n"));
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update ada: place uid=ada,ou=IT -> uid=ada,ou=Sales
    3 Update bob
    ");
    world.apply(&rows).await;
    assert_eq!(&*world.memory.account("ada").expect("there").id.locator, "uid=ada,ou=Sales");
    assert_eq!(world.plan(&rows).await, "2 Update ada\n3 Update bob");
}

#[tokio::test]
async fn a_name_alone_or_a_parent_alone_may_change() {
    let rows = format!("{HEADER},Department\nada,Ada,King,ada@x.org,Sales\n");
    let plan = async |choices: &str| {
        let world =
            World::new().feed(&format!("{PLACED}[feed.defaults]\n{choices}\n")).people("ada,Ada,King,ada@x.org");
        world.memory.move_to("ada", "cn=Ada,ou=IT");
        world.plan(&rows).await
    };
    assert_eq!(plan("move = true").await, "2 Update ada: place cn=Ada,ou=IT -> cn=Ada,ou=Sales");
    assert!(plan("rename = true").await.starts_with("2 Update ada: place cn=Ada,ou=IT -> uid=ada,ou=IT\nnotice: "));
    assert_eq!(plan("rename = true\nmove = true").await, "2 Update ada: place cn=Ada,ou=IT -> uid=ada,ou=Sales");
}

#[tokio::test]
async fn renaming_and_moving_have_a_limit_and_what_is_beyond_it_is_held_whole() {
    let feed = renaming(&BY_NUMBER.replace("moves = \"none\"", "moves = 0"));
    let world = two(&feed);
    let rows = MARRIED.replace("bob@x.org", "new@x.org");
    let plan = world.plan(&rows).await;
    assert!(plan.ends_with("held: 1 accounts to rename or move of 2, the limit is 0 (`limits.moves`)"), "{plan}");
    let told = world.apply(&rows).await;
    assert!(told.contains("aking not attempted: held for approval (`limits.moves`)"), "{told}");
    assert!(told.contains("bob updated"), "{told}");
    let ada = world.memory.account("abyron").expect("not renamed");
    assert_eq!(ada.attributes.first_text("homeDirectory"), Some("/home/abyron"), "nothing of it is done");
    world.approve().await;
    assert!(world.memory.account("aking").is_some());
}

#[tokio::test]
async fn another_first_name_and_another_surname_are_held() {
    let world = World::new().people("ada,Ada,Byron,ada@x.org\nbob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    let rows = format!("{HEADER}\nada,Ada,King,ada@x.org\nbob,Eve,Fox,eve@x.org\ncat,Kate,Low,cat@x.org\n");
    let plan = world.plan(&rows).await;
    assert!(
        plan.ends_with(
            "held: 1 accounts to get another first name and another surname of 3, the limit is 0 (`limits.takeovers`)"
        ),
        "{plan}"
    );
    let told = world.apply(&rows).await;
    assert!(told.contains("bob not attempted: held for approval (`limits.takeovers`)"), "{told}");
    let first = |name: &str| {
        let seen = world.memory.account(name).expect("there");
        seen.attributes.first_text("mail").map(str::to_owned)
    };
    assert_eq!(first("bob").as_deref(), Some("bob@x.org"), "nothing of another person is written");
    assert_eq!(world.memory.account("ada").expect("there").attributes.first_text("sn"), Some("King"), "marriage");
    assert_eq!(world.memory.account("cat").expect("there").attributes.first_text("givenName"), Some("Kate"));
    world.approve().await;
    assert_eq!(first("bob").as_deref(), Some("eve@x.org"));
}
