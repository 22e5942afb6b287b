//! Attributes that refer to other people.

use insta::assert_snapshot;

use super::HEADER;
use super::World;

const FEED: &str = "[feed.map]\nmanager = { column = \"Manager\", reference = \"username\" }\n";

/// Ada and Bob are there already, and so is Zoe, who is in no roster.
fn world(feed: &str) -> World {
    World::new().feed(feed).people("ada,Ada,Byron,ada@x.org\nbob,Bob,Ray,bob@x.org\nzoe,Zoe,Zorn,zoe@x.org")
}

fn roster(rows: &str) -> String {
    format!("{HEADER},Manager\n{rows}")
}

impl World {
    /// Gives somebody a manager, as somebody else would.
    fn manages(self, manager: &str, username: &str) -> Self {
        let id = self.memory.account(manager).expect("the manager").id;
        assert!(self.memory.edit(username, "manager", &[&id.locator]));
        self
    }
}

#[tokio::test]
async fn rows_refer_to_rows_before_and_after_them_new_or_not_and_to_the_directory() {
    let rows = "dan,Dan,Dale,dan@x.org,EVE\neve,Eve,Earl,eve@x.org,bob\nada,Ada,Byron,ada@x.org,dan\n\
                bob,Bob,Ray,bob@x.org,zoe\n";
    let plan = world(FEED).plan(&roster(rows)).await;
    assert_snapshot!(plan, @r"
    2 New dan: create, generated password, to be changed; manager: (none) -> eve
    3 New eve: create, generated password, to be changed; manager: (none) -> bob
    4 Update ada: manager: (none) -> dan
    5 Update bob: manager: (none) -> zoe
    - Old zoe: report
    ");
}

#[tokio::test]
async fn who_is_referred_to_already_is_no_change() {
    let world = world(FEED).manages("zoe", "ada").manages("ada", "bob");
    // In another spelling, as servers have it.
    let spelled = world.memory.account("zoe").expect("zoe").id.locator.to_uppercase();
    assert!(world.memory.edit("ada", "manager", &[&spelled]));
    let plan = world.plan(&roster("ada,Ada,Byron,ada@x.org,zoe\nbob,Bob,Ray,bob@x.org,ada\n")).await;
    assert_snapshot!(plan, @r"
    2 Update ada
    3 Update bob
    - Old zoe: report
    ");
}

#[tokio::test]
async fn a_change_names_the_people_before_and_after() {
    let world = world(FEED).manages("zoe", "ada");
    assert!(world.memory.edit("bob", "manager", &["entry-999"]));
    let plan = world.plan(&roster("ada,Ada,Byron,ada@x.org,bob\nbob,Bob,Ray,bob@x.org,zoe\n")).await;
    assert_snapshot!(plan, @r"
    2 Update ada: manager: zoe -> bob
    3 Update bob: manager: entry-999 -> zoe
    - Old zoe: report
    ");
}

#[tokio::test]
async fn an_empty_cell_says_nothing_unless_it_clears() {
    let rows = roster("ada,Ada,Byron,ada@x.org,\n");
    let keep = world(&format!("{FEED}[feed.old]\npolicy = \"keep\"\n")).manages("zoe", "ada");
    assert_snapshot!(keep.plan(&rows).await, @"2 Update ada");
    let feed =
        format!("{FEED}[feed.csv]\nempty = \"clear\"\n[feed.old]\npolicy = \"keep\"\n[feed.limits]\nclears = 0\n");
    let clear = world(&feed).manages("zoe", "ada");
    assert_snapshot!(clear.plan(&rows).await, @r"
    2 Update ada: manager: zoe -> (none)
    held: 1 accounts with an attribute to empty of 1, the limit is 0 (`limits.clears`)
    ");
}

#[tokio::test]
async fn policies_hold() {
    let feed = |policy: &str| {
        let map = format!("manager = {{ column = \"Manager\", reference = \"username\", policy = \"{policy}\" }}");
        format!("[feed.map]\n{map}\n[feed.old]\npolicy = \"keep\"\n")
    };
    let rows = roster("ada,Ada,Byron,ada@x.org,bob\nbob,Bob,Ray,bob@x.org,nobody\neve,Eve,Earl,eve@x.org,ada\n");
    let of = async |policy: &str| world(&feed(policy)).manages("zoe", "ada").manages("zoe", "bob").plan(&rows).await;
    assert_snapshot!(of("keep").await, @r"
    2 Update ada
    3 Update bob
    4 New eve: create, generated password, to be changed; manager: (none) -> ada
    ");
    assert_snapshot!(of("create-only").await, @r"
    2 Update ada
    3 Update bob
    4 New eve: create, generated password, to be changed; manager: (none) -> ada
    ");
    assert_snapshot!(of("merge").await, @r"
    2 Update ada: manager: zoe -> bob | zoe
    3 Update bob: warning: Manager: nobody has the username `nobody`, neither in the roster nor in the directory
    4 New eve: create, generated password, to be changed; manager: (none) -> ada
    ");
}

#[tokio::test]
async fn nobody_is_a_warning_or_an_error_and_changes_nothing() {
    let rows = roster("ada,Ada,Byron,ada@x.org,nobody\neve,Eve,Earl,eve@x.org,nobody\n");
    let old = "[feed.old]\npolicy = \"keep\"\n";
    let warned = world(&format!("{FEED}{old}")).manages("zoe", "ada").plan(&rows).await;
    assert_snapshot!(warned, @r"
    2 Update ada: warning: Manager: nobody has the username `nobody`, neither in the roster nor in the directory
    3 New eve: create, generated password, to be changed; warning: Manager: nobody has the username `nobody`, neither in the roster nor in the directory
    ");
    let refused = world(&format!("{FEED}{old}[feed.checks]\ndangling = \"error\"\n")).plan(&rows).await;
    assert_snapshot!(refused, @r"
    2 Error ada: Manager: nobody has the username `nobody`, neither in the roster nor in the directory
    3 Error eve: Manager: nobody has the username `nobody`, neither in the roster nor in the directory
    ");
}

#[tokio::test]
async fn who_is_not_created_is_told_and_not_written() {
    let feed = format!(
        "{FEED}[feed.old]\npolicy = \"keep\"\n[feed.defaults]\nadd = true\n[feed.checks]\ndangling = \"error\"\n"
    );
    let rows = "Username,First name,Surname,Email,Manager,Add\n\
                eve,Eve,Earl,eve@x.org,fay,\n\
                fay,Fay,Fox,fay.x.org,,\n\
                ada,Ada,Byron,ada@x.org,gil,\n\
                gil,Gil,Gray,gil@x.org,,no\n\
                bob,Bob,Ray,bob.x.org,,\n\
                hal,Hal,Hill,hal@x.org,bob,\n";
    let plan = world(&feed).manages("zoe", "ada").plan(rows).await;
    // Bob's row is in error, but he is there.
    assert_snapshot!(plan, @r"
    2 New eve: create, generated password, to be changed; warning: Manager: `fay` (line 3) is not created by this run, so this is left as it is; the next run writes it
    3 Error fay: Email: `fay.x.org` is not an e-mail address
    4 Update ada: warning: Manager: `gil` (line 5) is not created by this run, so this is left as it is; the next run writes it
    5 New gil: skip: `add` is off for this row
    6 Error bob: Email: `bob.x.org` is not an e-mail address
    7 New hal: create, generated password, to be changed; manager: (none) -> bob
    ");
}

#[tokio::test]
async fn an_error_does_not_spread_to_those_who_refer_to_it() {
    let feed = format!("{FEED}[feed.old]\npolicy = \"keep\"\n[feed.checks]\ndangling = \"error\"\n");
    let rows = roster("eve,Eve,Earl,eve@x.org,nobody\nfay,Fay,Fox,fay@x.org,eve\ngil,Gil,Gray,gil@x.org,fay\n");
    assert_snapshot!(world(&feed).plan(&rows).await, @r"
    2 Error eve: Manager: nobody has the username `nobody`, neither in the roster nor in the directory
    3 New fay: create, generated password, to be changed; warning: Manager: `eve` (line 2) is not created by this run, so this is left as it is; the next run writes it
    4 New gil: create, generated password, to be changed; manager: (none) -> fay
    ");
}

#[tokio::test]
async fn a_row_in_error_is_known_by_its_number_too() {
    let feed = "[feed.map]\nemployeeNumber = \"Number\"\n\
                manager = { column = \"Manager\", reference = \"employeeNumber\" }\n\
                [feed.old]\npolicy = \"keep\"\n[feed.checks]\ndangling = \"error\"\n";
    let rows = format!("{HEADER},Number,Manager\neve,Eve,Earl,eve@x.org,5,6\nfay,Fay,Fox,fay.x.org,6,\n");
    assert_snapshot!(world(feed).plan(&rows).await, @r"
    2 New eve: create, generated password, to be changed; warning: Manager: `6` (line 3) is not created by this run, so this is left as it is; the next run writes it
    3 Error fay: Email: `fay.x.org` is not an e-mail address
    ");
}

#[tokio::test]
async fn oneself_and_circles_are_told_and_written_as_the_roster_says() {
    let rows = "ada,Ada,Byron,ada@x.org,ada\nbob,Bob,Ray,bob@x.org,eve\neve,Eve,Earl,eve@x.org,fay\n\
                fay,Fay,Fox,fay@x.org,bob\ngil,Gil,Gray,gil@x.org,fay\n";
    let plan = world(&format!("{FEED}[feed.old]\npolicy = \"keep\"\n")).plan(&roster(rows)).await;
    assert_snapshot!(plan, @r"
    2 Update ada: manager: (none) -> ada; warning: Manager: the person themself
    3 Update bob: manager: (none) -> eve; warning: Manager: goes round in a circle: bob -> eve -> fay -> bob
    4 New eve: create, generated password, to be changed; manager: (none) -> fay; warning: Manager: goes round in a circle: eve -> fay -> bob -> eve
    5 New fay: create, generated password, to be changed; manager: (none) -> bob; warning: Manager: goes round in a circle: fay -> bob -> eve -> fay
    6 New gil: create, generated password, to be changed; manager: (none) -> fay
    ");
}

#[tokio::test]
async fn several_people_are_named_and_none_is_taken() {
    let feed = "[feed.map]\nmanager = { column = \"Manager\", reference = \"email\" }\n[feed.old]\npolicy = \"keep\"\n";
    let world = world(feed);
    assert!(world.memory.edit("zoe", "mail", &["boss@x.org"]));
    world.memory.put("yan", [("mail", &["BOSS@x.org"])]);
    let plan = world.plan(&roster("ada,Ada,Byron,ada@x.org,boss@x.org\nbob,Bob,Ray,bob@x.org,Ada@X.org\n")).await;
    assert_snapshot!(plan, @r"
    2 Update ada: warning: Manager: more than one person has the mail address `boss@x.org`: yan, zoe
    3 Update bob: manager: (none) -> ada
    ");
}

#[tokio::test]
async fn a_number_names_people_in_rows_and_in_the_directory() {
    let feed = "match = \"employeeNumber\"\n[feed.map]\nemployeeNumber = \"Number\"\n\
                manager = { column = \"Manager\", reference = \"employeeNumber\" }\n[feed.old]\npolicy = \"keep\"\n";
    let world = world(feed);
    assert!(world.memory.edit("ada", "employeeNumber", &["1"]));
    assert!(world.memory.edit("zoe", "employeeNumber", &["26"]));
    let rows = format!(
        "{HEADER},Number,Manager\nlady,Ada,Byron,ada@x.org,1,26\neve,Eve,Earl,eve@x.org,5,1\nfay,Fay,Fox,fay@x.org,6,5\n"
    );
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update ada: manager: (none) -> zoe; warning: Username: the account keeps its username `ada`; `lady` is not written
    3 New eve: create, generated password, to be changed; manager: (none) -> ada
    4 New fay: create, generated password, to be changed; manager: (none) -> eve
    ");
}

#[tokio::test]
async fn names_that_are_counted_up_are_those_that_people_get() {
    let feed = "match = \"employeeNumber\"\n[feed.map]\nemployeeNumber = \"Number\"\n\
                username = { template = \"{{ last|lower }}\", collision = \"counter\" }\n\
                manager = { column = \"Manager\", reference = \"username\" }\n[feed.old]\npolicy = \"keep\"\n";
    let world = World::new().feed(feed).people("ray,Rob,Ray,rob@x.org");
    assert!(world.memory.edit("ray", "employeeNumber", &["1"]));
    let rows = "First name,Surname,Email,Number,Manager\nBob,Ray,bob@x.org,2,ray\nEve,Earl,eve@x.org,3,ray2\n";
    assert_snapshot!(world.plan(rows).await, @r"
    2 New ray2: create, generated password, to be changed; manager: (none) -> ray
    3 New earl: create, generated password, to be changed; manager: (none) -> ray2
    ");
}

#[tokio::test]
async fn places_name_people_too() {
    let feed = "[feed.map]\nmanager = { column = \"Manager\", reference = \"dn\" }\n[feed.old]\npolicy = \"keep\"\n";
    let world = world(feed);
    let zoe = world.memory.account("zoe").expect("zoe").id.locator.to_uppercase();
    let rows = roster(&format!("ada,Ada,Byron,ada@x.org,{zoe}\nbob,Bob,Ray,bob@x.org,entry-77\n"));
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update ada: manager: (none) -> zoe
    3 Update bob: warning: Manager: nobody has the DN `entry-77`, neither in the roster nor in the directory
    ");
}

#[tokio::test]
async fn lists_gain_whom_they_can_and_lose_nobody_while_somebody_is_missing() {
    let feed = "[feed.map]\nsecretary = { column = \"Manager\", reference = \"username\", multi = true }\n\
                [feed.old]\npolicy = \"keep\"\n";
    let world = world(feed);
    let zoe = world.memory.account("zoe").expect("zoe").id.locator;
    assert!(world.memory.edit("ada", "secretary", &[&zoe]));
    assert!(world.memory.edit("bob", "secretary", &[&zoe]));
    let rows =
        roster("ada,Ada,Byron,ada@x.org,bob|nobody|BOB\nbob,Bob,Ray,bob@x.org,ada|eve\neve,Eve,Earl,eve@x.org,bob\n");
    // Secretaries of each other go round in no circle.
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update ada: secretary: zoe -> bob | zoe; warning: Manager: nobody has the username `nobody`, neither in the roster nor in the directory
    3 Update bob: secretary: zoe -> ada | eve
    4 New eve: create, generated password, to be changed; secretary: (none) -> bob
    ");
}

#[tokio::test]
async fn the_id_of_a_plan_knows_references_and_not_the_order_of_rows() {
    let rows = ["ada,Ada,Byron,ada@x.org,eve\n", "bob,Bob,Ray,bob@x.org,ada\n", "eve,Eve,Earl,eve@x.org,zoe\n"];
    let id = async |rows: [&str; 3]| world(FEED).planned(&roster(&rows.concat())).await.plan.id;
    let [a, b, c] = rows;
    let one = id([a, b, c]).await;
    assert_eq!(one, id([c, a, b]).await);
    assert_ne!(one, id([a, "bob,Bob,Ray,bob@x.org,zoe\n", c]).await);
}

#[tokio::test]
async fn what_is_applied_is_found_unchanged_afterwards() {
    let world = world(&format!("{FEED}[feed.old]\npolicy = \"keep\"\n"));
    let rows = roster("dan,Dan,Dale,dan@x.org,eve\neve,Eve,Earl,eve@x.org,zoe\nada,Ada,Byron,ada@x.org,dan\n");
    assert_snapshot!(world.apply(&rows).await, @r"
    dan created
    eve created
    ada updated
    ");
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update dan
    3 Update eve
    4 Update ada
    ");
}

#[tokio::test]
async fn a_held_reference_waits_for_approval_and_is_then_written() {
    let feed = format!("{FEED}[feed.old]\npolicy = \"keep\"\n[feed.limits]\nupdates = 0\n");
    let world = world(&feed);
    let rows = roster("ada,Ada,Byron,ada@x.org,eve\neve,Eve,Earl,eve@x.org,zoe\n");
    assert_snapshot!(world.apply(&rows).await, @r"
    ada not attempted: held for approval (`limits.updates`)
    eve created
    waits for approval
    ");
    assert_eq!(world.memory.account("ada").expect("ada").attributes.get("manager"), None);
    assert_snapshot!(world.approve().await, @r"
    ada updated
    eve created (done earlier in this run)
    ");
    let eve = world.memory.account("eve").expect("eve").id;
    let ada = world.memory.account("ada").expect("ada");
    assert_eq!(ada.attributes.first_text("manager"), Some(&*eve.locator));
}
