//! Who is who: duplicates, match keys, counted names, values that two people must not share.

use insta::assert_snapshot;

use super::HEADER;
use super::World;

/// Rows find their entries by number; usernames are made from names and counted up.
const COUNTED: &str = r#"
match = "employeeNumber"
[feed.map]
username = { template = "{{ first|ascii|lower|truncate(1, '') }}{{ last|ascii|lower }}", collision = "counter" }
employeeNumber = "Number"
mail = "{{ username }}@x.org"
"#;

#[tokio::test]
async fn rows_that_are_one_person_are_errors_and_nobody_guesses() {
    let world = World::new();
    let roster = format!(
        "{HEADER}\n\
         ada,Ada,Byron,ada@x.org\n\
         ada,Ada,Byron,ada@x.org\n\
         bob,Bob,Ray,bob@x.org\n\
         bob,Rob,Ray,bob@x.org\n\
         jose,Jose,Paz,jose@x.org\n\
         José,José,Paz,jose2@x.org\n"
    );
    assert_snapshot!(world.plan(&roster).await, @r"
    2 New ada: create, generated password, to be changed; warning: Email: line 3 has the same value
    3 Error ada: Username: the same as in line 2; warning: Email: line 2 has the same value
    4 Error bob: Username: the same as in line 5; warning: Email: line 5 has the same value
    5 Error bob: Username: the same as in line 4; warning: Email: line 4 has the same value
    6 Error jose: Username: the same as in line 7, up to case, marks and look-alike spelling
    7 Error José: Username: `José` has the character `é`, which is not allowed in a username; Username: the same as in line 6, up to case, marks and look-alike spelling
    ");
}

#[tokio::test]
async fn a_row_that_is_only_like_an_account_is_an_error_and_the_account_is_not_old() {
    let world = World::new()
        .feed("[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = \"none\"\n[feed.checks]\nusername = { characters = \"a-z é\" }")
        .people("jose,Jose,Paz,jose@x.org");
    let roster = format!("{HEADER}\njosé,José,Paz,jose@x.org\n");
    assert_snapshot!(world.plan(&roster).await, @"2 Error josé: Username: too like the existing account `jose` to be told apart by every directory");
}

#[tokio::test]
async fn an_account_is_updated_though_another_is_like_it() {
    let world = World::new()
        .feed("[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = \"none\"")
        .people("josé,José,Paz,pepe@x.org\njose,Jose,Paz,jose@x.org");
    let roster = format!("{HEADER}\njose,Jose,Paz,new@x.org\n");
    assert_snapshot!(world.plan(&roster).await, @r"
    2 Update jose: mail: jose@x.org -> new@x.org
    - Old josé: disable
    ");
}

#[tokio::test]
async fn case_and_width_do_not_make_another_person() {
    let world = World::new().people("ada,Ada,Byron,ada@x.org");
    assert_snapshot!(world.plan(&format!("{HEADER}\nADA,Ada,Byron,ada@x.org\n")).await, @"2 Update ADA");
}

#[tokio::test]
async fn people_are_found_by_number_and_keep_their_names() {
    let world = World::new().feed(COUNTED);
    world.memory.put("asmith", [("employeeNumber", &["7"]), ("givenName", &["Anne"]), ("sn", &["Smith"])]);
    world.memory.put("asmith3", [("employeeNumber", &["99"])]);
    let roster = "Number,First name,Surname\n7,Anne,Smith\n8,Adam,Smith\n9,Alan,Smith\n";
    assert_snapshot!(world.plan(roster).await, @r"
    2 Update asmith: cn: (none) -> Anne Smith; displayName: (none) -> Anne Smith; mail: (none) -> asmith@x.org
    3 New asmith2: create, generated password, to be changed
    4 New asmith4: create, generated password, to be changed
    - Old asmith3: report
    ");
    world.apply(roster).await;
    let mail = |name: &str| {
        let seen = world.memory.account(name).expect("there");
        seen.attributes.first_text("mail").map(str::to_owned)
    };
    assert_eq!(mail("asmith2").as_deref(), Some("asmith2@x.org"), "templates follow the name that was given");
    let log = world.memory.log();
    assert_eq!(world.apply(roster).await.matches("unchanged").count(), 3);
    assert_eq!(world.memory.log(), log);
}

#[tokio::test]
async fn an_account_whose_name_no_feed_would_give_is_updated_all_the_same() {
    let world = World::new().feed(COUNTED);
    world.memory.put("Anne Smith (old)", [("employeeNumber", &["7"]), ("givenName", &["Anne"]), ("sn", &["Smith"])]);
    let feed_without_mail = COUNTED.replace("mail = \"{{ username }}@x.org\"", "");
    let world = World { feed: feed_without_mail, ..world };
    let plan = world.plan("Number,First name,Surname,Email\n7,Anna,Smith,anna@x.org\n").await;
    assert_snapshot!(plan, @"2 Update Anne Smith (old): cn: (none) -> Anna Smith; displayName: (none) -> Anna Smith; givenName: Anne -> Anna; mail: (none) -> anna@x.org");
}

#[tokio::test]
async fn a_name_that_is_not_written_does_not_get_into_other_attributes() {
    let feed = r#"
match = "employeeNumber"
[feed.map]
employeeNumber = "Number"
homeDirectory = "/home/{{ username }}"
"#;
    let world = World::new().feed(feed);
    world.memory.put(
        "abyron",
        [
            ("employeeNumber", &["7"]),
            ("mail", &["ada@x.org"]),
            ("homeDirectory", &["/home/abyron"]),
            ("givenName", &["Ada"]),
            ("sn", &["King"]),
        ],
    );
    let plan = world.plan("Number,Username,Email\n7,aking,ada@x.org\n8,bob,bob@x.org\n").await;
    assert_snapshot!(plan.lines().next().unwrap_or_default(), @"2 Update abyron: warning: Username: the account keeps its username `abyron`; `aking` is not written");
}

#[tokio::test]
async fn nobody_gets_another_persons_name_without_a_counter_either() {
    let feed = "match = \"employeeNumber\"\n[feed.map]\nemployeeNumber = \"Number\"\n";
    let world = World::new().feed(feed);
    world.memory.put("asmith", [("employeeNumber", &["7"])]);
    let plan = world.plan("Number,Username,First name,Surname,Email\n8,ASmith,Adam,Smith,adam@x.org\n").await;
    assert_snapshot!(plan, @r"
    2 Error ASmith: Username: `ASmith` already belongs to another account
    - Old asmith: report
    ");
}

#[tokio::test]
async fn two_accounts_with_one_number_are_left_alone() {
    let world = World::new().feed(COUNTED);
    world.memory.put("asmith", [("employeeNumber", &["7"])]);
    world.memory.put("anne", [("employeeNumber", &["7"])]);
    let plan = world.plan("Number,First name,Surname\n7,Anne,Smith\n").await;
    assert!(
        plan.starts_with("2 Error asmith: Number: more than one account in the directory has this value: 7"),
        "{plan}"
    );
    assert!(!plan.contains("Old"), "{plan}");
}

#[tokio::test]
async fn a_value_that_must_be_unique_belongs_to_one_person() {
    let world = World::new()
        .feed("[feed.checks]\nunique = [\"mail\"]")
        .people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\ndan,Dan,Elk,dan@x.org");
    world.memory.edit("dan", "mail", &["dan@x.org", "elk@x.org"]);
    let roster = format!(
        "{HEADER}\n\
         ada,Ada,Byron,BOB@x.org\n\
         cat,Cat,Low,cat@x.org\n\
         eve,Eve,Fox,same@x.org\n\
         fay,Fay,Gnu,same@x.org\n\
         gus,Gus,Hen,elk@x.org\n"
    );
    assert_snapshot!(world.plan(&roster).await, @r"
    2 Error ada: Email: `bob@x.org` already belongs to another account
    3 Update cat
    4 Error eve: Email: line 5 has the same value
    5 Error fay: Email: line 4 has the same value
    6 Error gus: Email: `elk@x.org` already belongs to another account
    - Old bob: report
    - Old dan: report
    ");
}

#[tokio::test]
async fn values_that_follow_from_counted_names_are_compared_when_everybody_has_one() {
    let world = World::new().feed(&format!("{COUNTED}[feed.checks]\nunique = [\"mail\"]"));
    world.memory.put("asmith", [("employeeNumber", &["7"]), ("mail", &["asmith@x.org"])]);
    world.memory.put("anna", [("employeeNumber", &["6"]), ("mail", &["ASmith3@x.org"])]);
    let roster = "Number,First name,Surname\n7,Anne,Smith\n8,Adam,Smith\n9,Alan,Smith\n";
    let plan = world.plan(roster).await;
    assert_snapshot!(plan, @r"
    2 Update asmith: cn: (none) -> Anne Smith; displayName: (none) -> Anne Smith; givenName: (none) -> Anne; sn: (none) -> Smith
    3 New asmith2: create, generated password, to be changed
    4 Error asmith3: mail: `asmith3@x.org` already belongs to another account
    - Old anna: report
    ");
}
