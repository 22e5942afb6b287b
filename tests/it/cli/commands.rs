//! Help, lists, the embedded directory, and two commands at once.

use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use insta::assert_snapshot;
use serde_json::json;

use super::HEADER;
use super::Site;
use super::people;
use super::ran;

#[test]
fn help_fits_a_screen_and_begins_with_what_is_harmless() {
    let help = ran(Command::new(env!("CARGO_BIN_EXE_rosterd")).arg("-h").env("COLUMNS", "100"));
    assert_eq!((help.code, &*help.err), (0, ""));
    assert_snapshot!(help.out, @r"
    Carry people from CSV rosters into a directory

    Usage: rosterd [OPTIONS] <COMMAND>

    Commands:
      preview  Show what a roster would change, and change nothing
      import   Carry one roster through now
      run      Watch the drop folders of all feeds
      check    Prove the configuration against the live directories
      status   List rosters that are under way, waiting, or done
      approve  Apply what waits for approval
      reject   Drop what waits for approval
      local    Look into the embedded directory
      help     Print this message or the help of the given subcommand(s)

    Options:
          --config <FILE>   Configuration file [env: ROSTERD_CONFIG] [default:
                            /etc/rosterd/rosterd.toml]
          --data-dir <DIR>  Keep journal, spool and local directory here, whatever the configuration
                            says [env: ROSTERD_DATA_DIR]
      -h, --help            Print help (see more with '--help')
      -V, --version         Print version

    Examples:
      rosterd --config config/quickstart.toml preview config/samples/starters.csv
      rosterd --config config/quickstart.toml import config/samples/starters.csv
      rosterd --config /etc/rosterd/rosterd.toml check
      rosterd --config /etc/rosterd/rosterd.toml run

    Exit codes:
       0  done
       1  some rows in error, the rest done
       2  usage
       3  the whole roster refused, or something held for approval
      75  temporary: try again
      78  configuration
    ");
}

#[test]
fn every_command_has_help_and_the_version_is_told() {
    let site = Site::new("");
    for command in ["preview", "import", "run", "check", "status", "approve", "reject", "local"] {
        let help = site.good(&[command, "--help"]).out;
        assert!(help.contains("Usage: rosterd"), "{help}");
    }
    assert_eq!(site.good(&["--version"]).out, format!("rosterd {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_embedded_directory_can_be_looked_into() {
    let site = Site::new("");
    site.good(&["local", "add", "group", "Staff"]);
    site.good(&["local", "add", "role", "Approver"]);
    site.good(&["local", "add", "channel", "News"]);
    let roster = format!(
        "{HEADER},Groups,Roles,Subscribe to all channels\nada,Ada,Byron,ada@x.org,Staff,Approver,yes\nbob,Bob,Ray,bob@x.org,Staff,,\n"
    );
    site.good(&["import", &site.drop("starters.csv", roster)]);
    assert_eq!(
        site.good(&["local", "groups", "--format", "json"]).json(),
        json!([
            {"kind": "group", "name": "Staff", "members": 2},
            {"kind": "role", "name": "Approver", "members": 1},
            {"kind": "channel", "name": "News", "members": 1},
        ])
    );
    let ada = site.user("ADA");
    assert_eq!((&ada["username"], &ada["channels"]), (&json!("ada"), &json!(["News"])));
    let found = site.good(&["local", "users", "b*", "--format", "csv"]).out;
    assert_eq!(found.lines().count(), 2, "a header and bob: {found}");
    assert!(site.good(&["local", "users", "x*"]).out.contains("There are no such accounts."));
}

#[test]
fn logins_are_checked_with_a_password_from_standard_input() {
    let site = Site::new("[feed.defaults]\nallow_row_disable = true\n[feed.limits]\nold = \"none\"");
    let header = format!("{HEADER},Password,Change password next time,Action");
    site.good(&[
        "import",
        &site.drop(
            "starters.csv",
            format!("{header}\nada,Ada,Byron,ada@x.org,monday-is-fine,0,\nbob,Bob,Ray,bob@x.org,tuesday-too,1,\n"),
        ),
    ]);
    let verify = |name: &str, password: &str| {
        std::fs::write(site.path("input"), password).expect("an input");
        let input = std::fs::File::open(site.path("input")).expect("the input");
        let ran = ran(site.command().args(["local", "verify", name]).stdin(input));
        (ran.code, ran.out.lines().last().unwrap_or_default().trim().to_owned())
    };
    assert_eq!(verify("ada", "monday-is-fine\r\n"), (0, "ada       The password is right.".to_owned()));
    let (code, told) = verify("bob", "tuesday-too");
    assert!(code == 0 && told.ends_with("must be changed at the next login."), "{told}");
    assert_eq!(verify("ada", "friday").0, 1);
    assert_eq!(verify("nobody", "friday").0, 1);
    site.good(&["import", &site.drop("off.csv", "Username,Action\nada,disable\n")]);
    let (code, told) = verify("ada", "monday-is-fine");
    assert!(code == 1 && told.ends_with("The account is switched off."), "{told}");
}

#[test]
fn runs_are_listed_latest_first_for_people_and_programs() {
    let site = Site::new("");
    site.good(&["import", &site.drop("first.csv", people(&["ada"]))]);
    site.run(&["import", &site.drop("second.csv", "")]);
    let status = site.good(&["status", "--format", "json"]).json();
    assert_eq!((&status[0]["phase"], &status[1]["phase"]), (&json!("refused"), &json!("done")));
    assert_eq!(status[1]["counts"]["created"], 1);
    assert!(status[0]["reason"].as_str().is_some_and(|why| why.contains("the file is empty")), "{status}");
    let csv = site.good(&["status", "--format", "csv"]).out;
    assert_eq!(
        csv.lines().next(),
        Some("run,feed,roster,phase,plan,holds,started,ended,counts,reason,since,planned,held,approve,notes")
    );
    assert!(csv.contains("1 created"), "{csv}");
    assert_eq!(site.good(&["status", "-n", "1", "--format", "csv"]).out.lines().count(), 2);
    let table = site.good(&["status"]).out;
    assert!(table.contains("1 created") && table.contains("the file is empty"), "{table}");
}

#[test]
fn a_check_proves_target_and_folder() {
    let site = Site::new("folder = \"incoming\"");
    std::fs::create_dir_all(site.path("data/incoming")).expect("a folder");
    let ran = site.good(&["check", "--format", "json"]);
    let findings = ran.json();
    let findings = findings.as_array().expect("a list");
    // The feed sends no letters, which an admin should know.
    let (told, proved): (Vec<_>, Vec<_>) = findings.iter().partition(|finding| finding["what"] == "passwords");
    assert!(told.len() == 1 && told[0]["verdict"] == "warning", "{told:?}");
    assert!(proved.iter().all(|finding| finding["verdict"] == "good"), "{proved:?}");
    let site = Site::new(&format!("folder = {:?}", "/dev/null/nowhere"));
    let ran = site.run(&["check"]);
    assert_eq!(ran.code, 78, "{ran:?}");
}

#[test]
fn of_two_commands_at_once_the_second_is_told_to_try_again() {
    let site = Site::new("batch_size = 1\npause = \"400ms\"");
    let slow = site.drop("slow.csv", people(&["ada", "bob", "cat", "dan", "eve", "fay", "gus"]));
    let other = site.drop("other.csv", people(&["zoe"]));
    let mut first =
        site.command().args(["import", &slow]).stdout(std::process::Stdio::null()).spawn().expect("started");
    let begun = Instant::now();
    while !site.path("drop/slow.preview.csv").exists() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the first import does not begin");
        std::thread::sleep(Duration::from_millis(10));
    }
    let second = site.run(&["import", &other]);
    assert_eq!((second.code, &*second.out), (75, ""), "{second:?}");
    assert!(second.err.starts_with("error: ") && second.err.contains("hint: "), "{second:?}");
    assert_eq!(first.wait().expect("it ends").code(), Some(0));
    site.good(&["import", &other]);
    assert_eq!(site.users().len(), 8);
}

#[test]
fn a_signal_ends_an_import_after_what_is_in_flight_and_the_next_one_goes_on() {
    let site = Site::new("batch_size = 1\npause = \"300ms\"");
    let roster = site.drop("slow.csv", people(&["ada", "bob", "cat", "dan", "eve", "fay", "gus", "hal"]));
    let first = site
        .command()
        .args(["import", &roster, "--format", "json"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("started");
    let begun = Instant::now();
    while site.users().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "the import does not begin");
    }
    let id = rustix::process::Pid::from_raw(first.id().try_into().expect("a number")).expect("an id");
    rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("a signal");
    let output = first.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("goes on at the next"), "{told}");
    let n = site.users().len();
    assert!((1..8).contains(&n), "{n} of 8");
    let result = site.good(&["import", &roster, "--format", "json"]).json();
    assert_eq!(result["counts"]["created"], 8, "{result}");
    assert_eq!(site.users().len(), 8);
}

#[test]
fn commands_that_begin_at_the_same_moment_do_not_get_into_each_others_way() {
    let site = Site::new("");
    let roster = site.drop("starters.csv", people(&["ada"]));
    let started: Vec<_> =
        [&["import", &roster][..], &["local", "users"], &["status"], &["preview", &roster], &["local", "groups"]]
            .into_iter()
            .map(|args| {
                let piped = std::process::Stdio::piped;
                site.command().args(args).stdout(piped()).stderr(piped()).spawn().expect("started")
            })
            .collect();
    for child in started {
        let output = child.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
}
