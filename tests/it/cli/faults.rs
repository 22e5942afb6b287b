//! Rosters and configurations that are not right, and every exit code by a real case.

use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;

use super::HEADER;
use super::Site;
use super::people;

/// Imports `bytes`, which must be refused as a whole, and returns what was said.
fn refusal(bytes: &[u8]) -> String {
    let site = Site::new("");
    let roster = site.drop("starters.csv", bytes);
    let preview = site.run(&["preview", &roster]);
    let ran = site.run(&["import", &roster]);
    assert_eq!((preview.code, &*preview.out), (3, ""), "{preview:?}");
    assert_eq!(preview.err, ran.err);
    assert_eq!((ran.code, &*ran.out), (3, ""), "{ran:?}");
    assert_eq!(site.dropped(), ["starters.csv", "starters.report.html", "starters.result.json"]);
    let result = std::fs::read_to_string(site.path("drop/starters.result.json")).expect("a report");
    let result: serde_json::Value = serde_json::from_str(&result).expect("JSON");
    assert!(ran.err.contains(result["refused"].as_str().expect("a sentence")), "{result}");
    assert_eq!(site.users(), Vec::<String>::new());
    assert_eq!(super::names(&site.path("data/spool")), Vec::<String>::new());
    let status = site.good(&["status", "--format", "json"]).json();
    assert_eq!(status[0]["phase"], "refused", "{status}");
    site.plain(&ran.err)
}

#[test]
fn damaged_rosters_are_refused_with_their_place_and_what_to_do() {
    assert_snapshot!(refusal(b""), @r"
    error: $SITE/drop/starters.csv is refused, nothing was changed: the file is empty
      hint: an empty roster never means that everybody has left; nothing was changed
    ");
    assert_snapshot!(refusal(format!("{HEADER}\n").as_bytes()), @r"
    error: $SITE/drop/starters.csv is refused, nothing was changed: the file has a header and no rows
      hint: an empty roster never means that everybody has left; nothing was changed
    ");
    assert_snapshot!(refusal(format!("{HEADER}\nada,Ada,\"Byron,ada@x.org\n").as_bytes()), @r#"
    error: $SITE/drop/starters.csv is refused, nothing was changed: line 2: the quote opened here is never closed
      hint: a value that holds a quote needs it doubled: "5"" disk"
    "#);
    assert_snapshot!(refusal(format!("{HEADER}\nada,Ada,Byron,ada@x.org\nbob,Bob,Ray,bob@x").as_bytes()), @r#"
    error: $SITE/drop/starters.csv is refused, nothing was changed: line 3: the last line does not end with a line break, so the file may have been cut off
      hint: export the file again, or, if its producer never writes the last line break, set `final_newline = "optional"` in [feed.csv]
    "#);
    assert_snapshot!(refusal(format!("{HEADER}\nada,A\0da,Byron,ada@x.org\n").as_bytes()), @r"
    error: $SITE/drop/starters.csv is refused, nothing was changed: line 2: NUL byte: the file is damaged, or is no text
      hint: transfer the file again under a temporary name and rename it when it is complete
    ");
    assert_snapshot!(refusal(b"Username,User name,Surname,Email\na,ada,Byron,ada@x.org\n"), @r"
    error: $SITE/drop/starters.csv is refused, nothing was changed: line 1: the column `Username` stands in the header twice
      hint: the first line names the columns: give each a name of its own
    ");
    assert_snapshot!(refusal(b"ada,Adele,Byron,ada@x.org\nbob,Bob,Ray,bob@x.org\n"), @r"
    error: $SITE/drop/starters.csv is refused, nothing was changed: the first line does not look like a header: none of its 4 cells names a column that is known or mapped
      hint: the first line names the columns, such as username,firstname,surname,email
    ");
    assert_snapshot!(refusal(b"First name,Surname,Email\nAda,Byron,ada@x.org\n"), @r"
    error: $SITE/drop/starters.csv is refused, nothing was changed: the header has no column for username
      hint: add the column, or map another one to it in [feed.map]
    ");
    let zipped = refusal(b"PK\x03\x04 this is no workbook\n");
    assert!(zipped.contains("the file is not a readable XLSX workbook"), "{zipped}");
}

#[test]
fn a_final_line_break_may_be_made_optional() {
    let site = Site::new("[feed.csv]\nfinal_newline = \"optional\"");
    site.good(&["import", &site.drop("starters.csv", people(&["ada"]).trim_end())]);
    assert_eq!(site.users(), ["ada"]);
}

#[test]
fn rosters_that_are_no_files_are_refused() {
    let site = Site::new("");
    let ran = site.run(&["import", "drop"]);
    assert_eq!(ran.code, 3);
    assert_snapshot!(ran.err, @r"
    error: drop is a folder, not a roster
      hint: name a file in it
    ");
    let roster = site.drop("starters.csv", people(&["ada"]));
    std::os::unix::fs::symlink(&roster, site.path("drop/link.csv")).expect("a link");
    let ran = site.run(&["import", "drop/link.csv"]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("because: the file is not taken: it is a symbolic link"), "{ran:?}");
    assert_eq!(site.users(), Vec::<String>::new());
}

#[test]
fn a_roster_that_may_not_be_read_is_refused() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", people(&["ada"]));
    std::fs::set_permissions(&roster, std::fs::Permissions::from_mode(0o000)).expect("a mode");
    let ran = site.run(&["import", &roster]);
    if rustix::process::geteuid().is_root() {
        assert_eq!(ran.code, 0, "root reads everything: {ran:?}");
    } else {
        assert_eq!(ran.code, 3);
        assert!(ran.err.contains("Permission denied"), "{ran:?}");
    }
}

#[test]
fn every_fault_of_the_configuration_is_shown_at_once_with_its_place() {
    let site = Site::new("");
    site.configure(
        "[[target]]\nname = \"staff\"\nkind = \"locl\"\n[[feed]]\nname = \"hr\"\ntarget = \"stuff\"\nmode = \"revew\"\n\
         settle = \"3 bananas\"\n[feed.map]\ntitle = \"{{ title\"\n[feed.limits]\nold = \"many\"\n",
    );
    let ran = site.run(&["check"]);
    assert_eq!((ran.code, &*ran.out), (78, ""));
    for (place, text) in [
        (4, "`locl` is not a kind of target"),
        (7, "there is no target `stuff`"),
        (8, "`revew` is not one of: apply, review"),
        (9, "`3 bananas` is not a length of time"),
        (11, "map.title"),
        (13, "a limit is a number, a percentage such as \"5%\""),
    ] {
        assert!(ran.err.contains(&format!("rosterd.toml:{place}:")), "{place}: {}", ran.err);
        assert!(ran.err.contains(text), "{text}: {}", ran.err);
    }
    assert!(ran.err.contains("has 6 faults"), "{}", ran.err);
}

#[test]
fn a_key_that_nobody_knows_is_shown_with_those_that_are_known() {
    let site = Site::new("colour = \"blue\"");
    let ran = site.run(&["preview", "x.csv"]);
    assert_eq!(ran.code, 78);
    assert_snapshot!(site.plain(&ran.err).lines().take(7).collect::<Vec<_>>().join("\n"), @r#"
    error: the configuration $SITE/rosterd.toml has a fault

    error: unknown field `colour`, expected one of `name`, `target`, `folder`, `pattern`, `mode`, `match`, `watch`, `rescan`, `settle`, `schedule`, `time_zone`, `locale`, `seats`, `batch_size`, `pause`, `max_rate`, `csv`, `map`, `checks`, `defaults`, `passwords`, `letters`, `groups`, `roles`, `old`, `limits`
     --> $SITE/rosterd.toml:8:1
      |
    8 | colour = "blue"
      | ^^^^^^
    "#);
}

#[test]
fn secrets_that_everybody_can_read_are_a_fault_and_are_not_shown() {
    let site = Site::new("");
    std::fs::write(site.path("bind"), "correct-horse\n").expect("a secret");
    std::fs::set_permissions(site.path("bind"), std::fs::Permissions::from_mode(0o644)).expect("a mode");
    site.configure(
        "[[target]]\nname = \"staff\"\nkind = \"ldap\"\n[target.ldap]\nurl = \"ldaps://localhost\"\n\
         people_base = \"dc=x\"\nbind_dn = \"cn=a,dc=x\"\nbind_password = { file = \"bind\" }\n\
         [[feed]]\nname = \"hr\"\ntarget = \"staff\"\n",
    );
    let ran = site.run(&["check"]);
    assert_eq!(ran.code, 78);
    assert!(ran.err.contains("can be read by everybody") && ran.err.contains("chmod o= "), "{ran:?}");
    assert!(!ran.err.contains("correct-horse"), "{ran:?}");
}

#[test]
fn every_exit_code_has_its_case() {
    let site = Site::new("");
    let good = site.drop("good.csv", people(&["ada"]));
    let errors = site.drop("errors.csv", format!("{}eve,Eve,Fox,nowhere\n", people(&["ada"])));
    assert_eq!(site.run(&["import", &good]).code, 0);
    assert_eq!(site.run(&["import", &errors]).code, 1);
    assert_eq!(site.run(&["preview", &errors]).code, 1);
    assert_eq!(site.run(&["import"]).code, 2);
    assert_eq!(site.run(&["import", &good, "--feed", "nobody"]).code, 2);
    assert_eq!(site.run(&["approve", &good]).code, 2);
    assert_eq!(site.run(&["import", &site.drop("empty.csv", "")]).code, 3);
    let lock = rosterd::intake::lock::Exclusive::take(&site.path("data")).expect("nobody else");
    let ran = site.run(&["import", &good]);
    assert_eq!((ran.code, &*ran.out), (75, ""), "{ran:?}");
    assert_eq!(site.run(&["preview", &good]).code, 0, "looking disturbs nobody");
    assert_eq!(site.run(&["status"]).code, 0);
    drop(lock);
    assert_eq!(site.run(&["import", &good]).code, 0);
    site.configure("");
    assert_eq!(site.run(&["import", &good]).code, 78);
}

#[test]
fn which_feed_is_meant_must_be_said_unless_it_is_plain() {
    let site = Site::new("");
    let drop = site.path("drop");
    site.configure(&format!(
        "[[target]]\nname = \"staff\"\nkind = \"local\"\n\
         [[feed]]\nname = \"hr\"\ntarget = \"staff\"\nfolder = {drop:?}\n[[feed]]\nname = \"guests\"\ntarget = \"staff\"\n"
    ));
    let inside = site.drop("starters.csv", people(&["ada"]));
    assert_eq!(site.good(&["preview", &inside, "--format", "json"]).json()["feed"], "hr");
    assert_eq!(site.good(&["preview", &inside, "--format", "json", "--feed", "guests"]).json()["feed"], "guests");
    std::fs::write(site.path("outside.csv"), people(&["ada"])).expect("a roster");
    let ran = site.run(&["preview", "outside.csv"]);
    assert_eq!(ran.code, 2);
    assert_snapshot!(ran.err, @r"
    error: which feed is outside.csv for?
      hint: name it with --feed; the feeds are: hr, guests
    ");
}

#[test]
fn a_directory_that_was_emptied_is_believed_when_somebody_says_so() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", people(&["ada"]));
    site.good(&["import", &roster]);
    for name in ["directory.sqlite", "directory.sqlite-wal", "directory.sqlite-shm"] {
        let _ = std::fs::remove_file(site.path("data").join(name));
    }
    let ran = site.run(&["import", &roster]);
    assert_eq!(ran.code, 3);
    assert!(ran.err.contains("answers that it has no accounts at all; it had 1"), "{ran:?}");
    let status = site.run(&["status", "--format", "json"]);
    assert_eq!(status.code, 3);
    let run = status.json()[0].clone();
    let id = run["run"].as_str().expect("an id");
    assert_eq!((&run["phase"], &run["planned"]), (&"waiting".into(), &serde_json::Value::Null));
    assert_eq!(run["approve"], format!("rosterd approve --directory-was-emptied {id}"));
    let ran = site.run(&["approve", &roster]);
    assert_eq!(ran.code, 3, "a plain yes says yes to nothing: {ran:?}");
    assert!(ran.err.contains("no accounts at all") && ran.err.contains("--directory-was-emptied"), "{ran:?}");
    assert_eq!(site.users(), Vec::<String>::new());
    site.good(&["approve", "--directory-was-emptied", &roster]);
    assert_eq!(site.users(), ["ada"]);

    for name in ["directory.sqlite", "directory.sqlite-wal", "directory.sqlite-shm"] {
        let _ = std::fs::remove_file(site.path("data").join(name));
    }
    assert_eq!(site.run(&["import", &roster]).code, 3);
    assert_eq!(site.run(&["import", &roster, "--directory-was-emptied"]).code, 0);
    assert_eq!(site.users(), ["ada"]);
    assert_eq!(site.run(&["status"]).code, 0, "what waited was replaced");
}
