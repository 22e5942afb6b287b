//! Limits on a whole plan: what goes beyond is held, the rest is applied, approval applies what was held.

use insta::assert_snapshot;
use rosterd::roster::account::GroupKind;

use super::HEADER;
use super::World;

const PEOPLE: &str = "bob,Bob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\ndan,Dan,Elk,dan@x.org";

#[tokio::test]
async fn old_actions_beyond_their_limit_wait_and_the_rest_is_done() {
    let world = World::new().feed("[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = 1").people(PEOPLE);
    let roster = format!("{HEADER}\nada,Ada,Byron,ada@x.org\nbob,Rob,Ray,bob@x.org\n");
    assert_snapshot!(world.apply(&roster).await, @r"
    ada created
    bob updated
    cat not attempted: held for approval (`limits.old`)
    dan not attempted: held for approval (`limits.old`)
    waits for approval
    ");
    assert_snapshot!(world.approve().await, @r"
    ada created (done earlier in this run)
    bob updated (done earlier in this run)
    cat disabled
    dan disabled
    ");
    assert!(!world.memory.account("cat").expect("there").enabled);
}

#[tokio::test]
async fn what_was_held_is_approved_as_it_was_shown_or_not_at_all() {
    let world = World::new().feed("[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = 1").people(PEOPLE);
    let roster = format!("{HEADER}\nada,Ada,Byron,ada@x.org\nbob,Bob,Ray,bob@x.org\n");
    world.apply(&roster).await;
    world.memory.put("eve", [("mail", &["eve@x.org"])]);
    assert_snapshot!(world.approve().await, @r"
    error: the plan is not the one that was approved: the directory or the rules of the feed have changed since
      hint: look at the new preview, and approve it if it is right
    ");
    assert!(world.memory.account("cat").expect("there").enabled);
    assert_snapshot!(world.approve().await, @r"
    ada created (done earlier in this run)
    bob unchanged
    cat disabled
    dan disabled
    eve disabled
    ");
}

#[tokio::test]
async fn removals_beyond_their_limit_wait_and_additions_are_made() {
    let world = World::new().feed("[feed.defaults]\nsync_groups = true\n[feed.limits]\nremovals = 0").people(PEOPLE);
    for group in ["Staff", "Sales"] {
        world.memory.add_group(GroupKind::Group, group);
    }
    world.memory.add_member(GroupKind::Group, "Staff", "bob");
    let roster =
        format!("{HEADER},Groups\nbob,Bob,Ray,bob@x.org,Sales\ncat,Cat,Low,cat@x.org,Staff\ndan,Dan,Elk,dan@x.org,\n");
    assert_snapshot!(world.apply(&roster).await, @r"
    bob updated (removal from groups: held for approval (`limits.removals`))
    cat updated
    dan unchanged
    waits for approval
    ");
    assert_eq!(world.memory.members(GroupKind::Group, "Staff"), Some(vec!["bob".into(), "cat".into()]));
    assert_eq!(world.memory.members(GroupKind::Group, "Sales"), Some(vec!["bob".into()]));
    world.approve().await;
    assert_eq!(world.memory.members(GroupKind::Group, "Staff"), Some(vec!["cat".into()]));
}

#[tokio::test]
async fn clears_beyond_their_limit_wait_and_other_changes_are_made() {
    let feed = "[feed.csv]\nempty = \"clear\"\n[feed.map]\ntitle = \"Title\"\n[feed.limits]\nclears = 1";
    let world = World::new().feed(feed).people(PEOPLE);
    for name in ["bob", "cat", "dan"] {
        world.memory.edit(name, "title", &["Clerk"]);
    }
    let roster =
        format!("{HEADER},Title\nbob,Rob,Ray,bob@x.org,\ncat,Cat,Low,cat@x.org,\ndan,Dan,Elk,dan@x.org,Boss\n");
    assert_snapshot!(world.apply(&roster).await, @r"
    bob updated (emptying title: held for approval (`limits.clears`))
    cat not attempted: emptying title: held for approval (`limits.clears`) (emptying title: held for approval (`limits.clears`))
    dan updated
    waits for approval
    ");
    let title =
        |name: &str| world.memory.account(name).expect("there").attributes.first_text("title").map(str::to_owned);
    assert_eq!(title("bob").as_deref(), Some("Clerk"));
    assert_eq!(title("dan").as_deref(), Some("Boss"));
    world.approve().await;
    assert_eq!((title("bob"), title("cat")), (None, None));
}

#[tokio::test]
async fn passwords_of_existing_accounts_beyond_their_limit_wait() {
    let feed = "[feed.passwords]\ngenerate_for_existing = true\n[feed.limits]\npasswords = 2";
    let world = World::new().feed(feed).people(PEOPLE);
    let roster = format!(
        "{HEADER}\nada,Ada,Byron,ada@x.org\nbob,Rob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\ndan,Dan,Elk,dan@x.org\n"
    );
    let told = world.apply(&roster).await;
    assert!(told.starts_with("ada created\nbob updated (the new password: held"), "{told}");
    let writes = world.memory.writes();
    assert_eq!((writes.created, writes.updated, writes.passwords), (1, 1, 1), "the new account alone gets a password");
    world.approve().await;
    assert_eq!(world.memory.writes().passwords, 4);
}

#[tokio::test]
async fn changes_beyond_their_limit_wait_and_new_accounts_are_made() {
    let world = World::new().feed("[feed.limits]\nupdates = 0").people(PEOPLE);
    let roster = format!(
        "{HEADER}\nada,Ada,Byron,ada@x.org\nbob,Rob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\ndan,Dan,Elk,dan@x.org\n"
    );
    assert_snapshot!(world.apply(&roster).await, @r"
    ada created
    bob not attempted: held for approval (`limits.updates`)
    cat unchanged
    dan unchanged
    waits for approval
    ");
}

#[tokio::test]
async fn new_accounts_beyond_their_limit_wait_and_changes_are_made() {
    let world = World::new().feed("[feed.limits]\ncreates = \"20%\"").people(PEOPLE);
    let roster = format!(
        "{HEADER}\nada,Ada,Byron,ada@x.org\neve,Eve,Fox,eve@x.org\nbob,Rob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\ndan,Dan,Elk,dan@x.org\n"
    );
    let held = world.plan(&roster).await;
    assert_eq!(held.lines().last(), Some("held: 2 accounts to create of 5, the limit is 1 (`limits.creates`)"));
    assert_snapshot!(world.apply(&roster).await, @r"
    ada not attempted: held for approval (`limits.creates`)
    eve not attempted: held for approval (`limits.creates`)
    bob updated
    cat unchanged
    dan unchanged
    waits for approval
    ");
    world.approve().await;
    assert!(world.memory.account("eve").is_some());
}

#[tokio::test]
async fn the_same_limits_let_through_what_is_within_them() {
    let feed = "[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = 1\nupdates = 1\ncreates = 1";
    let world = World::new().feed(feed).people(PEOPLE);
    let roster = format!("{HEADER}\nada,Ada,Byron,ada@x.org\nbob,Rob,Ray,bob@x.org\ncat,Cat,Low,cat@x.org\n");
    assert_eq!(world.apply(&roster).await, "ada created\nbob updated\ncat unchanged\ndan disabled");
}

#[tokio::test]
async fn in_review_nothing_is_written_until_somebody_says_yes() {
    let world = World::new().feed("mode = \"review\"").people(PEOPLE);
    let roster = format!("{HEADER}\nada,Ada,Byron,ada@x.org\nbob,Rob,Ray,bob@x.org\n");
    assert_eq!(world.apply(&roster).await, "waits for approval");
    assert!(world.memory.log().is_empty());
    assert!(world.path("roster.preview.csv").exists());
    world.memory.edit("bob", "mail", &["new@x.org"]);
    let told = world.approve().await;
    assert!(told.starts_with("error: the plan is not the one that was approved"), "{told}");
    assert!(world.memory.log().is_empty());
    let told = world.approve().await;
    assert!(told.starts_with("ada created\nbob updated\n"), "{told}");
}
