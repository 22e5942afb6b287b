//! What programs read: one document each, with these members.

use serde_json::Value;
use serde_json::json;

use super::HEADER;
use super::Site;
use super::keys;
use super::people;

fn changes_of<'v>(document: &'v Value, username: &str) -> &'v Value {
    let items = document["items"].as_array().expect("items");
    &items.iter().find(|item| item["username"] == username).expect("the person")["changes"]
}

#[test]
fn a_preview_is_one_document() {
    let site = Site::new("[feed.map]\ntitle = \"Title\"");
    site.good(&[
        "import",
        &site.drop(
            "first.csv",
            format!("{HEADER},Title\nbob,Bob,Ray,bob@x.org,Clerk\ncat,Cat,Low,cat@x.org,\nold,Old,Off,old@x.org,\n"),
        ),
    ]);
    let roster = site.drop(
        "starters.csv",
        format!("{HEADER},Title,Shoe size\nada,Ada,Byron,ada@x.org,,38\nbob,Bob,Ray,bob@x.org,Manager,44\ncat,Cat,Low,cat@x.org,,\neve,Eve,Fox,nowhere,,\n"),
    );
    let ran = site.run(&["preview", &roster, "--format", "json"]);
    assert_eq!(ran.code, 1, "one row is in error: {ran:?}");
    assert_eq!(ran.err, "", "talk");
    let preview = ran.json();
    for key in ["format", "plan", "encoding", "delimiter", "counts", "problems", "items"] {
        assert!(keys(&preview).contains(&key), "{key}: {preview}");
    }
    assert_eq!(preview["format"], 1);
    assert_eq!(preview["encoding"], "UTF-8");
    assert_eq!(preview["delimiter"], ",");
    assert_eq!(preview["counts"], json!({"new": 1, "update": 1, "unchanged": 1, "old": 1, "error": 1}));
    assert_eq!(preview["problems"].as_array().map(Vec::len), Some(1));
    assert_eq!(preview["problems"][0]["column"], "Shoe size");
    assert!(preview["plan"].as_str().is_some_and(|plan| plan.len() == 32), "{preview}");
    let items = preview["items"].as_array().expect("items");
    let told: Vec<Value> = items.iter().map(|item| json!([item["line"], item["status"], item["username"]])).collect();
    assert_eq!(
        json!(told),
        json!([
            [2, "new", "ada"],
            [3, "update", "bob"],
            [4, "update", "cat"],
            [5, "error", "eve"],
            [null, "old", "old"]
        ])
    );
    assert_eq!(changes_of(&preview, "bob"), &json!([{"attribute": "title", "old": ["Clerk"], "new": ["Manager"]}]));
    assert_eq!(changes_of(&preview, "cat"), &json!([]));
    let new = changes_of(&preview, "ada").as_array().expect("changes");
    assert!(new.contains(&json!({"attribute": "mail", "old": [], "new": ["ada@x.org"]})), "{new:?}");
    let problem = &items[3]["problems"][0];
    assert_eq!(
        (&problem["column"], &problem["reason"]),
        (&json!("Email"), &json!("`nowhere` is not an e-mail address"))
    );
}

#[test]
fn the_plan_of_a_preview_is_the_plan_that_is_applied() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", people(&["ada", "bob"]));
    let preview = site.good(&["preview", &roster, "--format", "json"]).json();
    let again = site.good(&["preview", &roster, "--format", "json"]).json();
    assert_eq!(preview, again);
    let result = site.good(&["import", &roster, "--format", "json"]).json();
    assert_eq!(result["plan"], preview["plan"]);
}

#[test]
fn a_result_is_one_document_and_lies_beside_the_roster() {
    let site = Site::new("");
    site.good(&["import", &site.drop("first.csv", people(&["bob", "cat"]))]);
    let roster = site.drop(
        "starters.csv",
        format!(
            "{HEADER}\nada,Ada,Byron,ada@x.org\nbob,Rob,Low,bob@x.org\ncat,cat,Low,cat@x.org\neve,Eve,Fox,nowhere\n"
        ),
    );
    let ran = site.run(&["import", &roster, "--format", "json"]);
    assert_eq!(ran.code, 1);
    assert_eq!(ran.out, site.beside("starters.result.json"));
    let result = ran.json();
    assert_eq!(result["format"], 1);
    assert!(result["run"].as_str().is_some_and(|run| run.len() == 36), "{result}");
    let counts = &result["counts"];
    for (key, n) in [("created", 1), ("updated", 1), ("unchanged", 1), ("rejected", 1), ("failed", 0)] {
        assert_eq!(counts[key], n, "{key}: {counts}");
    }
    let outcomes: Vec<Value> = result["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| json!([item["line"], item["username"], item["status"], item["outcome"]]))
        .collect();
    assert_eq!(
        json!(outcomes),
        json!([
            [2, "ada", "new", "created"],
            [3, "bob", "update", "updated"],
            [4, "cat", "update", "unchanged"],
            [5, "eve", "error", "rejected"],
        ])
    );
}

#[test]
fn a_plan_that_waits_is_told_to_programs_too() {
    let site = Site::new("mode = \"review\"");
    let roster = site.drop("starters.csv", people(&["ada"]));
    let ran = site.run(&["import", &roster, "--format", "json"]);
    assert_eq!(ran.code, 3);
    assert_eq!(ran.json()["counts"]["new"], 1);
    let ran = site.run(&["import", &roster, "--format", "csv"]);
    assert!(ran.out.contains("ada@x.org"), "{ran:?}");
}

#[test]
fn csv_goes_to_stdout_as_it_lies_beside_the_roster() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", people(&["ada"]));
    let ran = site.good(&["import", &roster, "--format", "csv"]);
    assert_eq!(ran.out, site.beside("starters.result.csv"));
    assert_eq!(ran.err, "");
}

#[test]
fn people_are_told_on_stdout_what_was_done_and_nothing_on_stderr() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", people(&["ada"]));
    let ran = site.good(&["import", &roster]);
    assert!(ran.out.contains("ada (First Name: ada, Surname: Low) New user added successfully"), "{ran:?}");
    assert_eq!(ran.err, "");
}

#[test]
fn what_goes_wrong_is_told_on_stderr_alone() {
    let site = Site::new("");
    for format in ["table", "json", "csv"] {
        let ran = site.run(&["import", "nowhere.csv", "--format", format]);
        assert_eq!((ran.code, &*ran.out), (3, ""));
        assert!(ran.err.starts_with("error: there is no file nowhere.csv"), "{ran:?}");
    }
}
