//! Every status, and what is written to people who exist.

use insta::assert_snapshot;

use super::HEADER;
use super::World;

#[tokio::test]
async fn everybody_gets_exactly_one_status() {
    let world = World::new()
        .people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\neve,Eve,Fox,eve@x.org\ndan,Dan,Elk,dan@x.org");
    let roster = format!(
        "{HEADER}\nada,Ada,Byron,ada@x.org\nbob,Rob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\neve,Eve,Fox,nowhere\n"
    );
    assert_snapshot!(world.plan(&roster).await, @r"
    2 New ada: create, generated password, to be changed
    3 Update bob: cn: Bob Ray -> Rob Ray; displayName: Bob Ray -> Rob Ray; givenName: Bob -> Rob
    4 Update cat
    5 Error eve: Email: `nowhere` is not an e-mail address
    - Old dan: report
    ");
    let counts = world.planned(&roster).await.plan.counts();
    assert_eq!((counts.new, counts.update, counts.unchanged, counts.old, counts.error), (1, 1, 1, 1, 1));
}

#[tokio::test]
async fn what_is_as_wanted_is_not_written() {
    let world = World::new().people("bob,Bob,Ray,bob@x.org");
    let roster = format!("{HEADER}\nbob,Bob,Ray,bob@x.org\n");
    let planned = world.planned(&roster).await;
    assert!(planned.plan.is_noop());
    assert_eq!(world.apply(&roster).await, "bob unchanged");
    assert!(world.memory.log().is_empty(), "{:?}", world.memory.log());
}

#[tokio::test]
async fn the_same_roster_twice_writes_nothing_the_second_time() {
    let world = World::new().feed(
        "[feed.map]\ntitle = \"Job title\"\n[feed.groups]\ncreate = true\n[feed.roles]\ncreate = true\n[feed.defaults]\nsync_groups = true",
    );
    let roster = "Username,First name,Surname,Email,Job title,Groups,Roles,Password,Change password next time\n\
        ada,Ada,Byron,ada@x.org,Countess,Staff|Sales,Admin,tuesday-is-fine,0\n\
        cher,Cher,,cher@x.org,,,,,\n";
    assert_eq!(world.apply(roster).await, "ada created\ncher created");
    let log = world.memory.log();
    assert_eq!(world.apply(roster).await, "ada unchanged\ncher unchanged");
    assert_eq!(world.memory.log(), log, "nothing more was asked of the directory");
}

#[tokio::test]
async fn the_plan_id_says_whether_anything_is_decided_differently() {
    let world = World::new().people("bob,Bob,Ray,bob@x.org");
    let first = format!("{HEADER}\nbob,Bob,Ray,rob@x.org\n");
    let other = format!("{HEADER}\nbob,Bob,Ray,bob@y.org\n");
    let id = world.planned(&first).await.plan.id;
    assert_eq!(world.planned(&first).await.plan.id, id);
    assert_ne!(world.planned(&other).await.plan.id, id);
    world.memory.edit("bob", "mail", &["old@x.org"]);
    assert_ne!(world.planned(&first).await.plan.id, id, "the entry is no longer what was shown");
}

#[tokio::test]
async fn values_cannot_be_shifted_between_attributes_under_one_plan_id() {
    let feed = "[feed.map]\ntitle = { column = \"Title\", multi = true, separator = \"|\" }\n";
    let world = World::new().feed(feed).people("bob,Bob,Ray,bob@x.org");
    let id = async |title: &str| {
        let roster = format!("{HEADER},Title\nbob,Bob,Ray,bob@x.org,{title}\n");
        world.memory.edit("bob", "title", &["x", "->"]);
        world.planned(&roster).await.plan.id
    };
    let swallowed = id("y").await;
    world.memory.edit("bob", "title", &["x"]);
    let roster = format!("{HEADER},Title\nbob,Bob,Ray,bob@x.org,->|y\n");
    assert_ne!(world.planned(&roster).await.plan.id, swallowed);
}

#[tokio::test]
async fn a_policy_says_who_decides_about_an_attribute() {
    let feed = r#"
[feed.map]
title = { column = "Title", policy = "force" }
department = { column = "Department", policy = "keep" }
manager = { column = "Manager", policy = "create-only" }
mobile = { column = "Mobile", policy = "merge", multi = true }
"#;
    let world = World::new().feed(feed).people("ada,Ada,Byron,ada@x.org\nbob,Bob,Ray,bob@x.org");
    for (name, value) in [("title", "Old"), ("department", "Old"), ("manager", "Old"), ("mobile", "+1 1")] {
        world.memory.edit("ada", name, &[value]);
    }
    let roster = format!(
        "{HEADER},Title,Department,Manager,Mobile\n\
         ada,Ada,Byron,ada@x.org,New,New,New,+1 1|+1 2\n\
         bob,Bob,Ray,bob@x.org,New,New,New,+1 1\n"
    );
    assert_snapshot!(world.plan(&roster).await, @r"
    2 Update ada: mobile: +1 1 -> +1 1 | +1 2; title: Old -> New
    3 Update bob: department: (none) -> New; mobile: (none) -> +1 1; title: (none) -> New
    ");
}

#[tokio::test]
async fn an_empty_cell_keeps_or_clears_as_the_feed_says() {
    let roster = format!("{HEADER},Title,Phone\nada,Ada,Byron,ada@x.org,,\n");
    for (empty, wanted) in [("keep", "2 Update ada"), ("clear", "2 Update ada: title: Countess -> (none)")] {
        let feed =
            format!("[feed.csv]\nempty = \"{empty}\"\n[feed.map]\ntitle = \"Title\"\ntelephoneNumber = \"Phone\"");
        let world = World::new().feed(&feed).people("ada,Ada,Byron,ada@x.org");
        world.memory.edit("ada", "title", &["Countess"]);
        assert_eq!(world.plan(&roster).await, wanted);
    }
}

#[tokio::test]
async fn an_attribute_without_a_column_is_left_alone() {
    let world = World::new().feed("[feed.csv]\nempty = \"clear\"\n").people("ada,Ada,Byron,ada@x.org");
    world.memory.edit("ada", "title", &["Countess"]);
    assert_eq!(world.plan("Username,Email\nada,ada@x.org\n").await.lines().next(), Some("2 Update ada"));
}

#[tokio::test]
async fn what_is_read_or_asked_wrongly_is_an_error_of_its_row_alone() {
    let world = World::new().people("bob,Bob,Ray,bob@x.org");
    let roster = format!(
        "{HEADER},Action,Add\n\
         ada,Ada,Byron,ada@x.org,,perhaps\n\
         bob,Bob,Ray,bob@x.org,explode,\n\
         cat,,,cat@x.org,,\n\
         dan,Dan,Elk,,,\n\
         eve,Eve,Fox,eve@x.org\n\
         fay,Fay,Gnu,fay@x.org,,1\n"
    );
    assert_snapshot!(world.plan(&roster).await, @r"
    2 Error ada: Add: `perhaps` is neither yes nor no (use 1, 0, yes, no, true or false)
    3 Error bob: Action: `explode` is not an action (use add, update, disable or delete)
    4 Error cat: first name or surname is required, but both are empty
    5 Error dan: Email: required, but empty
    6 Error eve: 4 fields, the header has 6
    7 New fay: create, generated password, to be changed
    ");
}

#[tokio::test]
async fn boxes_of_a_row_come_before_the_feeds() {
    let world = World::new()
        .feed("[feed.defaults]\nadd = false\nupdate = false")
        .people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\ndan,Dan,Elk,dan@x.org");
    let roster = format!(
        "{HEADER},Add,Update\n\
         ada,Ada,Byron,ada@x.org,,\n\
         eve,Eve,Fox,eve@x.org,yes,no\n\
         bob,Rob,Ray,bob@x.org,,\n\
         cat,Kat,Low,cat@x.org,no,yes\n\
         dan,Dan,Elk,dan@x.org,,\n"
    );
    assert_snapshot!(world.plan(&roster).await, @r"
    2 New ada: skip: `add` is off for this row
    3 New eve: create, generated password, to be changed
    4 Update bob: skip: `update` is off for this row
    5 Update cat: cn: Cat Low -> Kat Low; displayName: Cat Low -> Kat Low; givenName: Cat -> Kat
    6 Update dan
    ");
}

#[tokio::test]
async fn an_action_names_the_one_thing_to_do() {
    let people = "bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\ndan,Dan,Elk,dan@x.org\nold,Old,Off,old@x.org";
    let world =
        World::new().feed("[feed.defaults]\nallow_row_delete = true\n[feed.limits]\nold = \"none\"").people(people);
    world.memory.set_enabled("old", false);
    let roster = "Username,First name,Surname,Email,Action\n\
         ada,Ada,Byron,ada@x.org,update\n\
         eve,Eve,Fox,eve@x.org,disable\n\
         fay,Fay,Gnu,fay@x.org,delete\n\
         bob,Rob,Ray,bob@x.org,add\n\
         cat,Kat,Low,cat@x.org,disable\n\
         dan,Dan,Elk,dan@x.org,delete\n\
         old,Old,Off,old@x.org,disable\n";
    assert_snapshot!(world.plan(roster).await, @r"
    2 New ada: skip: `add` is off for this row
    3 Error eve: Action: no account to disable: the person is not in the directory
    4 Error fay: Action: no account to delete: the person is not in the directory
    5 Update bob: skip: `update` is off for this row
    6 Update cat: disable
    7 Update dan: delete
    8 Update old
    ");
    let world = World::new().feed("[feed.defaults]\nallow_row_disable = false").people(people);
    let roster = "Username,Action\ncat,disable\ndan,delete\n";
    assert_snapshot!(world.plan(roster).await.lines().take(2).collect::<Vec<_>>().join("\n"), @r"
    2 Error cat: Action: the feed does not allow the action `disable` in a row
    3 Error dan: Action: the feed does not allow the action `delete` in a row
    ");
}

#[tokio::test]
async fn passwords_come_from_where_the_feed_says() {
    let roster = format!(
        "{HEADER},Password,Change password next time\n\
         ada,Ada,Byron,ada@x.org,tuesday-is-fine,0\nbob,Bob,Ray,bob@x.org,wednesday-too,\ncat,Cat,Low,cat@x.org,,yes\n"
    );
    let plan = async |rules: &str| {
        let feed = format!("[feed.passwords]\n{rules}\n[feed.limits]\npasswords = \"none\"");
        let world = World::new().feed(&feed).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
        world.plan(&roster).await
    };
    assert_snapshot!(plan("").await, @r"
    2 New ada: create, password of the row
    3 Update bob
    4 Update cat
    ");
    assert_snapshot!(plan("from_file_for_existing = true\nchange_next_time = false").await, @r"
    2 New ada: create, password of the row
    3 Update bob: password of the row
    4 Update cat
    ");
    assert_snapshot!(plan("generate_for_existing = true\ngenerate_for_new = false").await, @r"
    2 New ada: create, password of the row
    3 Update bob: generated password, to be changed
    4 Update cat: generated password, to be changed
    ");
    let world = World::new().feed("[feed.passwords]\ngenerate_for_new = false");
    assert_snapshot!(world.plan(&format!("{HEADER},Password\nada,Ada,Byron,ada@x.org,\n")).await, @"2 Error ada: Password: required to create the account, since passwords are not generated");
}

#[tokio::test]
async fn a_comment_in_the_configuration_makes_no_other_plan_and_a_rule_does() {
    let roster = format!("{HEADER}\nada,Ada,Byron,ada@x.org\n");
    let world = World::new().feed("[feed.limits]\nupdates = 5");
    let id = world.planned(&roster).await.plan.id;
    let world = world.target("# Somebody explains the target.").feed("# And the feed.\n[feed.limits]\n\nupdates  =  5");
    assert_eq!(world.planned(&roster).await.plan.id, id);
    let world = world.feed("[feed.limits]\nupdates = 6");
    assert_ne!(world.planned(&roster).await.plan.id, id);
}
