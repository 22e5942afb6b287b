//! People who are in the directory and not in the roster, and those who are protected.

use insta::assert_snapshot;
use rosterd::roster::account::EntryId;

use super::HEADER;
use super::World;

const DISABLE: &str = "[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = \"none\"";

fn roster(rows: &str) -> String {
    format!("{HEADER}\n{rows}")
}

#[tokio::test]
async fn the_policy_says_what_happens_to_old_accounts() {
    let bob = roster("bob,Bob,Ray,bob@x.org\n");
    for (policy, told) in [("report", "\n- Old cat: report"), ("disable", "\n- Old cat: disable"), ("keep", "")] {
        for more in ["", "unique = [\"mail\"]"] {
            let feed =
                format!("[feed.checks]\n{more}\n[feed.old]\npolicy = \"{policy}\"\n[feed.limits]\nold = \"none\"");
            let world = World::new().feed(&feed).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
            assert_eq!(world.plan(&bob).await, format!("2 Update bob{told}"), "{policy} {more}");
        }
    }
}

#[tokio::test]
async fn who_is_switched_off_already_is_not_switched_off_again() {
    let world = World::new().feed(DISABLE).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    world.memory.set_enabled("cat", false);
    assert_snapshot!(world.plan(&roster("bob,Bob,Ray,bob@x.org\n")).await, @r"
    2 Update bob
    - Old cat: report
    ");
}

#[tokio::test]
async fn only_accounts_within_the_scope_are_old() {
    let feed = format!("[feed.map]\nemployeeType = \"Type\"\n{DISABLE}")
        .replace("policy = \"disable\"", "policy = \"disable\"\nscope = { employeeType = \"contractor\" }");
    let world = World::new().feed(&feed).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\ndan,Dan,Elk,dan@x.org");
    world.memory.edit("bob", "employeeType", &["Contractor"]);
    world.memory.edit("cat", "employeeType", &["Employee"]);
    assert_snapshot!(world.plan(&format!("{HEADER},Type\nada,Ada,Byron,ada@x.org,Contractor\n")).await, @r"
    2 New ada: create, generated password, to be changed
    - Old bob: disable
    ");
    let overlap = format!("{HEADER},Type\ncat,Cat,Low,new@x.org,\nbob,Bob,Ray,bob@x.org,Contractor\n");
    assert_snapshot!(world.plan(&overlap).await, @r"
    2 Update cat: mail: cat@x.org -> new@x.org
    3 Update bob
    ");
}

#[tokio::test]
async fn two_feeds_with_scopes_of_their_own_leave_each_others_people_alone() {
    let scoped = |kind: &str| {
        DISABLE
            .replace("policy = \"disable\"", &format!("policy = \"disable\"\nscope = {{ employeeType = \"{kind}\" }}"))
    };
    let world = World::new().feed(&scoped("Staff")).people("ada,Ada,Byron,ada@x.org\nbob,Bob,Ray,bob@x.org");
    world.memory.edit("ada", "employeeType", &["Staff"]);
    world.memory.edit("bob", "employeeType", &["Guest"]);
    assert_eq!(world.plan(&roster("ada,Ada,Byron,ada@x.org\n")).await, "2 Update ada");
    let world = World { feed: scoped("Guest"), ..world };
    assert_eq!(world.plan(&roster("bob,Bob,Ray,bob@x.org\n")).await, "2 Update bob");
}

#[tokio::test]
async fn the_person_of_a_row_in_error_is_never_old() {
    let world =
        World::new().feed(DISABLE).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\ndan,Dan,Elk,dan@x.org");
    let rows =
        format!("{HEADER},Groups\nbob,Bob,Ray,nowhere,\nCAT,Cat,Low,cat@x.org,Unknown\nada,Ada,Byron,ada@x.org,\n");
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Error bob: Email: `nowhere` is not an e-mail address
    3 Error CAT: Groups: no group named `Unknown` in the directory
    4 New ada: create, generated password, to be changed
    - Old dan: disable
    ");
}

#[tokio::test]
async fn as_long_as_a_row_could_be_anybody_nobody_is_switched_off() {
    let world = World::new().feed(DISABLE).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    let rows = roster(",Bob,Ray,bob@x.org\nada,Ada,Byron,ada@x.org\n");
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Error : Username: required, but empty
    3 New ada: create, generated password, to be changed
    - Old bob: disable
    - Old cat: disable
    held: 2 accounts to disable or delete of 2, the limit is 0 (`limits.old`)
    notice: rows in error that do not say who they are about: 1; until they are corrected, or somebody approves, nobody is switched off
    ");
    world.apply(&rows).await;
    assert!(world.memory.account("bob").expect("there").enabled);
    assert!(world.memory.account("ada").is_some(), "the rest was applied");
}

#[tokio::test]
async fn a_row_with_shifted_cells_could_be_anybody() {
    let world = World::new().feed(DISABLE).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    let rows = "Surname,First name,Username,Email\nRay,bob,bob@x.org\nLow,Cat,cat,cat@x.org\n";
    let plan = world.plan(rows).await;
    assert_snapshot!(plan, @r"
    2 Error bob@x.org: 3 fields, the header has 4
    3 Update cat
    - Old bob: disable
    held: 1 accounts to disable or delete of 2, the limit is 0 (`limits.old`)
    notice: rows in error that do not say who they are about: 1; until they are corrected, or somebody approves, nobody is switched off
    ");
}

#[tokio::test]
async fn a_row_whose_name_cannot_be_read_could_be_anybody() {
    let world = World::new().feed(DISABLE).people("müller,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    let plan = world.plan(&roster("mÃ¼ller,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\n")).await;
    assert!(plan.starts_with("2 Error mÃ¼ller: Username: looks like text in another encoding"), "{plan}");
    assert!(plan.contains("\nheld: 1 accounts to disable or delete of 2, the limit is 0 (`limits.old`)\n"), "{plan}");
}

#[tokio::test]
async fn a_row_whose_number_is_missing_could_be_anybody() {
    let feed = format!("match = \"employeeNumber\"\n[feed.map]\nemployeeNumber = \"Number\"\n{DISABLE}");
    let world = World::new().feed(&feed).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    world.memory.edit("bob", "employeeNumber", &["1"]);
    world.memory.edit("cat", "employeeNumber", &["2"]);
    let plan = world.plan(&format!("{HEADER},Number\nbob,Bob,Ray,bob@x.org,\ncat,Cat,Low,cat@x.org,2\n")).await;
    assert_snapshot!(plan, @r"
    2 Error bob: Number: required, but empty
    3 Update cat
    - Old bob: disable
    held: 1 accounts to disable or delete of 2, the limit is 0 (`limits.old`)
    notice: rows in error that do not say who they are about: 1; until they are corrected, or somebody approves, nobody is switched off
    ");
}

#[tokio::test]
async fn protected_accounts_are_never_written() {
    let world =
        World::new().feed(DISABLE).people("root,Root,Of,all@x.org\nbob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    for name in ["root", "bob", "cat"] {
        world.memory.protect(name, "it is in `protected`");
    }
    let rows = format!("{HEADER},Action\nbob,Rob,Ray,bob@x.org,\ncat,Cat,Low,cat@x.org,\n");
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Error bob: the account is protected: it is in `protected`
    3 Update cat
    - Old root: report; warning: the account is protected: it is in `protected`
    ");
    let rows = format!("{HEADER},Action\nbob,Bob,Ray,bob@x.org,disable\n");
    let plan = world.plan(&rows).await;
    assert_eq!(plan.lines().next(), Some("2 Error bob: the account is protected: it is in `protected`"));
}

#[tokio::test]
async fn only_those_whom_rosterd_switched_off_are_let_in_again() {
    let world = World::new().feed(DISABLE).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    let only_cat = roster("cat,Cat,Low,cat@x.org\n");
    let both = roster("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\n");
    assert_eq!(world.apply(&only_cat).await, "cat unchanged\nbob disabled");
    world.memory.set_enabled("cat", false);
    assert_snapshot!(world.plan(&both).await, @r"
    2 Update bob: enable
    3 Update cat: warning: the account is switched off in the directory, and not by rosterd; it stays so
    ");
    assert_eq!(world.apply(&both).await, "bob enabled\ncat unchanged");
    let feed = format!("{DISABLE}\n").replace("policy = \"disable\"", "policy = \"disable\"\nreenable = false");
    assert_eq!(world.apply(&only_cat).await, "cat unchanged\nbob disabled");
    let world = World { feed, ..world };
    assert!(!world.plan(&both).await.contains("enable;"), "the feed says no");
    assert_eq!(world.apply(&both).await, "bob unchanged\ncat unchanged");
}

#[tokio::test]
async fn whom_somebody_else_let_in_and_switched_off_again_stays_out() {
    let world = World::new().feed(DISABLE).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    let both = roster("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\n");
    world.apply(&roster("cat,Cat,Low,cat@x.org\n")).await;
    world.memory.set_enabled("bob", true);
    assert_eq!(world.apply(&both).await, "bob unchanged\ncat unchanged");
    world.memory.set_enabled("bob", false);
    assert_eq!(world.apply(&both).await, "bob unchanged\ncat unchanged");
    assert!(!world.memory.account("bob").expect("there").enabled);
}

#[tokio::test]
async fn a_directory_that_is_suddenly_empty_is_not_believed() {
    let world = World::new();
    let rows = roster("ada,Ada,Byron,ada@x.org\n");
    assert_eq!(world.apply(&rows).await, "ada created", "an empty directory is fine the first time");
    world.memory.remove("ada");
    assert_snapshot!(world.refusal(&rows).await, @r"
    error: /csv is refused, nothing was changed: target `staff` answers that it has no accounts at all; it had 1 when it was last read
      hint: if the directory was emptied on purpose, say so: `rosterd approve --directory-was-emptied FILE` where the roster waits, else `rosterd import --directory-was-emptied FILE`
      hint: if not, repair it, and drop or import the roster again
    ");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_no_plan() {
    let world = World::new().feed(DISABLE).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    let rows = roster("ada,Ada,Byron,ada@x.org\n");
    for n in 0..2 {
        world.memory.cut_existing_after(n);
        let refusal = world.refusal(&rows).await;
        let wanted = "error: target `staff` cannot be read, nothing was changed: the connection was lost while reading";
        assert_eq!(refusal.lines().next(), Some(wanted));
    }
    world.memory.cut_existing_after(1);
    world.apply(&rows).await;
    assert!(world.memory.log().is_empty());
}

#[tokio::test]
async fn accounts_without_a_name_are_reported_and_matched_by_nobody() {
    let world = World::new().people("bob,Bob,Ray,bob@x.org");
    let EntryId { .. } = world.memory.put("", [("mail", &["ghost@x.org"])]);
    assert_snapshot!(world.plan(&roster("bob,Bob,Ray,bob@x.org\n")).await, @r"
    2 Update bob
    - Old : report
    ");
}
