//! Groups, roles and channels.

use insta::assert_snapshot;
use rosterd::directory::Capabilities;
use rosterd::directory::memory::Memory;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;

use super::HEADER;
use super::World;

fn world(feed: &str) -> World {
    let world = World::new().feed(feed).people("bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org");
    for group in ["Staff", "Sales", "Wiki", "Wheel"] {
        world.memory.add_group(GroupKind::Group, group);
    }
    world.memory.add_group(GroupKind::Role, "Admin");
    for group in ["Staff", "Wiki", "Wheel"] {
        world.memory.add_member(GroupKind::Group, group, "bob");
    }
    world
}

fn roster(rows: &str) -> String {
    format!("{HEADER},Groups,Roles,Sync groups\n{rows}")
}

#[tokio::test]
async fn without_sync_people_only_come_in() {
    let plan = world("").plan(&roster("bob,Bob,Ray,bob@x.org,sales,ADMIN,0\ncat,Cat,Low,cat@x.org,Staff,,\n")).await;
    assert_snapshot!(plan, @r"
    2 Update bob: group +Sales; role +Admin
    3 Update cat: group +Staff
    ");
}

#[tokio::test]
async fn sync_takes_people_out_of_groups_that_the_roster_names() {
    let world = world("[feed.limits]\nremovals = \"none\"");
    let plan = world.plan(&roster("bob,Bob,Ray,bob@x.org,Sales,,1\ncat,Cat,Low,cat@x.org,Staff,,1\n")).await;
    assert_snapshot!(plan, @r"
    2 Update bob: group +Sales -Staff
    3 Update cat: group +Staff
    ");
}

#[tokio::test]
async fn sync_takes_people_out_of_owned_groups_and_no_others() {
    let world = world("[feed.groups]\nowned = [\"w*I\"]\n[feed.limits]\nremovals = \"none\"\n");
    let plan = world.plan(&roster("bob,Bob,Ray,bob@x.org,Staff,,1\n")).await;
    assert_snapshot!(plan, @r"
    2 Update bob: group -Wiki
    - Old cat: report
    ");
}

#[tokio::test]
async fn an_empty_cell_says_nothing_about_groups_unless_it_clears() {
    let limits = "[feed.limits]\nremovals = \"none\"";
    let rows = roster("bob,Bob,Ray,bob@x.org,,,1\ncat,Cat,Low,cat@x.org,Staff,,1\n");
    assert_snapshot!(world(limits).plan(&rows).await, @r"
    2 Update bob
    3 Update cat: group +Staff
    ");
    assert_snapshot!(world(&format!("[feed.csv]\nempty = \"clear\"\n{limits}")).plan(&rows).await, @r"
    2 Update bob: group -Staff
    3 Update cat: group +Staff
    ");
}

#[tokio::test]
async fn unknown_groups_and_roles_are_errors_unless_they_are_created() {
    let rows = roster("ada,Ada,Byron,ada@x.org,Staff|Chess,Admin|Judge,\nbob,Bob,Ray,bob@x.org,chess,,\n");
    assert_snapshot!(world("").plan(&rows).await, @r"
    2 Error ada: Groups: no group named `Chess` in the directory; Roles: no role named `Judge` in the directory
    3 Error bob: Groups: no group named `chess` in the directory
    - Old cat: report
    ");
    let world = world("[feed.groups]\ncreate = true\n[feed.roles]\ncreate = true");
    assert_snapshot!(world.plan(&rows).await, @r"
    2 New ada: create, generated password, to be changed; group +Chess +Staff; role +Admin +Judge
    3 Update bob: group +chess
    - Old cat: report
    ");
    world.apply(&rows).await;
    assert_eq!(world.memory.members(GroupKind::Group, "CHESS"), Some(vec!["ada".into(), "bob".into()]));
    assert_eq!(world.memory.members(GroupKind::Role, "Judge"), Some(vec!["ada".into()]));
}

#[tokio::test]
async fn whoever_subscribes_comes_into_every_channel_and_leaves_none() {
    let world = world("");
    world.memory.add_group(GroupKind::Channel, "News");
    world.memory.add_group(GroupKind::Channel, "Canteen");
    world.memory.add_member(GroupKind::Channel, "News", "cat");
    let rows = format!("{HEADER},Subscribe to all channels\nbob,Bob,Ray,bob@x.org,0\ncat,Cat,Low,cat@x.org,1\n");
    assert_snapshot!(world.plan(&rows).await, @r"
    2 Update bob
    3 Update cat: channel +Canteen
    ");
}

#[tokio::test]
async fn a_target_without_groups_says_so_once() {
    let none = Capabilities {
        groups: false,
        roles: false,
        channels: false,
        disable: true,
        must_change: true,
        passwords: true,
    };
    let world = World { memory: Memory::with_capabilities(none), ..World::new() };
    let plan = world.plan(&roster("ada,Ada,Byron,ada@x.org,Staff,Admin,\nbob,Bob,Ray,bob@x.org,Staff,,\n")).await;
    assert_snapshot!(plan, @r"
    2 New ada: create, generated password, to be changed
    3 New bob: create, generated password, to be changed
    notice: the target has no groups, so the column is not applied
    notice: the target has no roles, so the column is not applied
    ");
}

#[tokio::test]
async fn memberships_that_were_made_are_not_made_again() {
    let world =
        world("[feed.groups]\ncreate = true\n[feed.defaults]\nsync_groups = true\n[feed.limits]\nremovals = \"none\"");
    let rows = roster("bob,Bob,Ray,bob@x.org,Sales|Chess,,\ncat,Cat,Low,cat@x.org,Staff,Admin,\n");
    assert_eq!(world.apply(&rows).await, "bob updated\ncat updated");
    let log = world.memory.log();
    assert_eq!(world.apply(&rows).await, "bob unchanged\ncat unchanged");
    assert_eq!(world.memory.log(), log);
    let bob = world.memory.account("bob").expect("there").member_of;
    let named = |name| (GroupKind::Group, GroupName::new(name));
    assert_eq!(
        bob,
        [named("Chess"), named("Sales"), named("Wheel"), named("Wiki")],
        "Wheel and Wiki are not the feed's"
    );
}
