//! Accounts that have no number yet, where rows find theirs by number and then by username.

use insta::assert_snapshot;

use super::World;

const THEN_BY_NAME: &str = r#"
match = ["employeeNumber", "username"]
[feed.map]
employeeNumber = "Number"
[feed.old]
policy = "disable"
[feed.limits]
old = "none"
"#;
const HEADER: &str = "Number,Username,First name,Surname,Email";

#[tokio::test]
async fn an_account_without_a_number_is_that_of_the_row_with_its_name_and_gets_the_number() {
    let world = World::new().feed(THEN_BY_NAME).people("ada,Ada,Byron,ada@x.org\nbob,Bob,Ray,bob@x.org");
    let roster = format!("{HEADER}\n7,ada,Ada,Byron,ada@x.org\n8,Cyd,Cyd,Cole,cyd@x.org\n");
    assert_snapshot!(world.plan(&roster).await, @r"
    2 Update ada: employeeNumber: (none) -> 7
    3 New Cyd: create, generated password, to be changed
    - Old bob: disable
    ");
    world.apply(&roster).await;
    // From now on by the number, whatever the name is.
    let married = format!("{HEADER}\n7,aking,Ada,King,ada@x.org\n8,Cyd,Cyd,Cole,cyd@x.org\n");
    let plan = world.plan(&married).await;
    assert!(plan.starts_with("2 Update ada: "), "{plan}");
    assert!(plan.contains("3 Update Cyd") || plan.contains("unchanged"), "{plan}");
}

#[tokio::test]
async fn the_name_of_an_account_with_another_number_is_somebody_elses() {
    let world = World::new().feed(THEN_BY_NAME);
    world.memory.put("ada", [("employeeNumber", &["1"])]);
    assert_snapshot!(world.plan(&format!("{HEADER}\n7,ada,Ada,Byron,ada@x.org\n")).await, @r"
    2 Error ada: Username: `ada` already belongs to another account
    - Old ada: disable
    ");
}

#[tokio::test]
async fn who_has_an_account_by_number_gets_no_second_one_by_name() {
    let world = World::new().feed(THEN_BY_NAME).people("ada,Ada,Byron,ada@x.org");
    let names =
        [("givenName", &["Ada"][..]), ("sn", &["Byron"]), ("cn", &["Ada Byron"]), ("displayName", &["Ada Byron"])];
    let [given, last, common, display] = names;
    world.memory.put("abyron", [("employeeNumber", &["7"]), ("mail", &["ada@x.org"]), given, last, common, display]);
    let plan = world.plan(&format!("{HEADER}\n7,ada,Ada,Byron,ada@x.org\n")).await;
    assert_snapshot!(plan, @r"
    2 Update abyron: warning: Username: the account keeps its username `abyron`; `ada` is not written
    - Old ada: disable
    ");
}

#[tokio::test]
async fn nobody_is_old_whose_row_is_in_error_before_there_is_a_number() {
    let world = World::new().feed(THEN_BY_NAME).people("ada,Ada,Byron,ada@x.org");
    assert_snapshot!(world.plan(&format!("{HEADER}\n7,ada,Ada,Byron,nothing\n")).await, @"2 Error ada: Email: `nothing` is not an e-mail address");
}

#[tokio::test]
async fn without_the_second_a_name_is_no_reason() {
    let world = World::new().feed(&THEN_BY_NAME.replace("[\"employeeNumber\", \"username\"]", "\"employeeNumber\""));
    let world = world.people("ada,Ada,Byron,ada@x.org");
    assert_snapshot!(world.plan(&format!("{HEADER}\n7,ada,Ada,Byron,ada@x.org\n")).await, @r"
    2 Error ada: Username: `ada` already belongs to another account
    - Old ada: disable
    ");
}
