//! What waits for approval, and what becomes of it.

use super::HEADER;
use super::Site;
use super::people;

#[test]
fn a_plan_in_review_waits_is_shown_and_is_applied_when_approved() {
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", people(&["ada", "bob"]));
    let ran = site.run(&["import", &roster]);
    assert_eq!(ran.code, 3);
    assert_eq!(
        site.plain(&ran.err),
        "Held for approval. Look at $SITE/drop/starters.preview.html and run `rosterd approve $SITE/drop/starters.csv` \
         or `rosterd reject $SITE/drop/starters.csv`.\n"
    );
    assert_eq!(site.dropped(), ["starters.csv", "starters.preview.csv", "starters.preview.html"]);
    assert_eq!(site.users(), Vec::<String>::new());
    let status = site.run(&["status", "--format", "json"]);
    assert_eq!(status.code, 3, "somebody has to look");
    assert_eq!(status.json()[0]["phase"], "waiting");
    let plan = status.json()[0]["plan"].clone();

    let result = site.good(&["approve", &roster, "--format", "json"]).json();
    assert_eq!(result["plan"], plan);
    assert_eq!(result["counts"]["created"], 2);
    assert_eq!(site.users(), ["ada", "bob"]);
    let status = site.good(&["status", "--format", "json"]).json();
    assert_eq!(status[0]["phase"], "done");
    assert_eq!(site.run(&["approve", &roster]).code, 2, "nothing waits any more");
}

#[test]
fn a_plan_can_be_approved_by_the_id_of_its_run_and_by_a_relative_path() {
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", people(&["ada"]));
    site.run(&["import", &roster]);
    let run = site.run(&["status", "--format", "json"]).json()[0]["run"].as_str().expect("an id").to_owned();
    site.good(&["approve", &run]);
    site.drop("starters.csv", people(&["ada", "bob"]));
    assert_eq!(site.run(&["import", "drop/starters.csv"]).code, 3);
    site.good(&["approve", "drop/starters.csv"]);
    assert_eq!(site.users(), ["ada", "bob"]);
}

#[test]
fn a_plan_that_nobody_has_seen_is_not_applied() {
    let site = Site::new("mode = \"review\"");
    let first = site.drop("first.csv", people(&["ada", "bob"]));
    let second = site.drop("second.csv", format!("{HEADER}\nada,Ada,Byron,ada@x.org\n"));
    assert_eq!(site.run(&["import", &first]).code, 3);
    assert_eq!(site.run(&["import", &second]).code, 3);
    site.good(&["approve", &second]);
    let before = site.beside("first.preview.csv");
    let ran = site.run(&["approve", &first]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("the plan is not the one that was approved"), "{ran:?}");
    assert_eq!(site.users(), ["ada"], "nothing was written");
    assert!(ran.out.contains("Update 1"), "the new preview is shown: {}", ran.out);
    assert_ne!(site.beside("first.preview.csv"), before);
    site.good(&["approve", &first]);
    assert_eq!(site.users(), ["ada", "bob"]);
}

#[test]
fn the_copy_that_was_shown_is_applied_whatever_becomes_of_the_file() {
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", people(&["ada"]));
    site.run(&["import", &roster]);
    site.drop("starters.csv", people(&["mallory"]));
    site.good(&["approve", &roster]);
    assert_eq!(site.users(), ["ada"]);
}

#[test]
fn a_roster_imported_again_takes_the_place_of_the_one_that_waits() {
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", people(&["ada"]));
    site.run(&["import", &roster]);
    site.drop("starters.csv", people(&["bob"]));
    site.run(&["import", &roster]);
    let status = site.run(&["status", "--format", "json"]).json();
    assert_eq!((&status[0]["phase"], &status[1]["phase"]), (&"waiting".into(), &"rejected".into()));
    site.good(&["approve", &roster]);
    assert_eq!(site.users(), ["bob"]);
    assert_eq!(super::names(&site.path("data/spool")), Vec::<String>::new());
}

#[test]
fn a_rejected_plan_is_gone_and_nothing_was_written() {
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", people(&["ada"]));
    site.run(&["import", &roster]);
    let ran = site.good(&["reject", &roster]);
    assert_eq!(site.plain(&ran.err), "Rejected the plan for $SITE/drop/starters.csv. Nothing was written.\n");
    assert_eq!(site.users(), Vec::<String>::new());
    assert_eq!(super::names(&site.path("data/spool")), Vec::<String>::new());
    assert_eq!(site.run(&["approve", &roster]).code, 2);
    assert_eq!(site.good(&["status", "--format", "json"]).json()[0]["phase"], "rejected");
}

#[test]
fn a_plan_that_changes_nothing_does_not_wait() {
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", people(&["ada"]));
    site.run(&["import", &roster]);
    site.good(&["approve", &roster]);
    site.good(&["import", &roster]);
}

#[test]
fn held_actions_wait_the_rest_is_done_and_approval_does_what_was_held() {
    let site = Site::new("[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = 1");
    site.good(&["import", &site.drop("all.csv", people(&["ada", "bob", "cat", "dan"]))]);
    let roster = site.drop("less.csv", people(&["ada", "eve"]));
    let preview = site.run(&["preview", &roster]);
    assert_eq!(preview.code, 3, "{preview:?}");
    let ran = site.run(&["import", &roster, "--format", "json"]);
    assert_eq!(ran.code, 3);
    let result = ran.json();
    assert_eq!(result["holds"], serde_json::json!([{"class": "old", "planned": 3, "limit": 1, "of": 4}]));
    assert_eq!((&result["counts"]["created"], &result["counts"]["not_attempted"]), (&1.into(), &3.into()));
    assert_eq!(site.user("bob")["enabled"], true);
    let status = site.run(&["status"]);
    assert_eq!(status.code, 3);
    assert!(status.out.contains("held for approval: old"), "{}", status.out);
    let told = site.run(&["status", "--format", "json"]).json()[0].clone();
    // Eve was created by this very run and stays New, as in the preview.
    let planned = serde_json::json!({"new": 1, "update": 0, "unchanged": 1, "old": 3, "error": 0});
    assert_eq!(told["planned"], planned);
    let why = "3 accounts to disable or delete of 4, the limit is 1 (`limits.old`)";
    assert_eq!(told["held"], serde_json::json!([{"class": "old", "planned": 3, "limit": 1, "of": 4, "why": why}]));
    let (run, since) = (told["run"].as_str().expect("an id"), told["since"].as_str().expect("a time"));
    assert_eq!(told["approve"], format!("rosterd approve {run}"));
    let block = site.plain(status.out.split_once("\n\n").map_or(&status.out, |(_, block)| block));
    let block = block[block.find("$SITE/drop/less.csv (feed").expect("a block of its own")..].to_owned();
    assert_eq!(
        block,
        format!(
            "$SITE/drop/less.csv (feed hr) waits for approval, since {since}:\n  \
             New 1, Update 0, unchanged 1, Old 3, Error 0; applied, but for what is held\n  held: {why}\n  \
             rosterd --config $SITE/rosterd.toml approve {run}\n  rosterd --config $SITE/rosterd.toml reject {run}\n"
        )
    );
    let line = block.lines().find_map(|line| line.trim().strip_prefix("rosterd ")).expect("a command line");
    let line = line.replace("$SITE", &site.folder.path().to_string_lossy());
    assert!(line.ends_with(&format!("approve {run}")), "{line}");

    let result = site.good(&["approve", &roster, "--format", "json"]).json();
    assert_eq!((&result["counts"]["created"], &result["counts"]["disabled"]), (&1.into(), &3.into()), "{result}");
    for name in ["bob", "cat", "dan"] {
        assert_eq!(site.user(name)["enabled"], false, "{name}");
    }
    assert_eq!(site.user("eve")["enabled"], true);
}

#[test]
fn what_was_held_can_be_dropped() {
    let site = Site::new("[feed.old]\npolicy = \"disable\"\n[feed.limits]\nold = 0");
    site.good(&["import", &site.drop("all.csv", people(&["ada", "bob"]))]);
    let roster = site.drop("less.csv", people(&["ada", "eve"]));
    assert_eq!(site.run(&["import", &roster]).code, 3);
    let ran = site.good(&["reject", &roster]);
    assert_eq!(
        site.plain(&ran.err),
        "Rejected what was held of $SITE/drop/less.csv (old). The rest of it was applied before.\n"
    );
    assert_eq!(site.user("bob")["enabled"], true);
    assert_eq!(site.users(), ["ada", "bob", "eve"]);
}
