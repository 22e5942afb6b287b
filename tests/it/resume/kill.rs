//! `kill -9` on the program itself, at the n-th system call of a kind, and what the next start makes of it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::process::ExitStatus;

use serde_json::Value;
use tempfile::TempDir;

const SIGKILL: i32 = 9;

const ROSTER: &str = "\
Username,First name,Surname,Email,Groups,Roles
ada,Ada,Byron,ada@example.org,Staff|Sales,
bob,Bob,Ball,bob@example.org,Staff,Approver
cyd,Cyd,Cole,cyd@example.org,,
";

/// A folder with a configuration and a roster.
struct Site {
    folder: TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = crate::world::temporary();
        let data = folder.path().join("data");
        let config = format!(
            "data_dir = {data:?}
            [[target]]
            name = \"staff\"
            kind = \"local\"
            [[feed]]
            name = \"hr\"
            target = \"staff\"
            batch_size = 2
            [feed.groups]
            create = true
            [feed.roles]
            create = true
            "
        );
        fs::write(folder.path().join("rosterd.toml"), config).expect("a configuration");
        fs::write(folder.path().join("people.csv"), ROSTER).expect("a roster");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Adds what is asked of rosterd to a command that may be another program's.
    fn ask(&self, command: &mut Command, args: &[&str]) {
        command.arg("--config").arg(self.path("rosterd.toml")).args(args).current_dir(self.folder.path());
        command.env_remove("ROSTERD_DATA_DIR").env_remove("ROSTERD_CONFIG");
    }

    fn run(&self, args: &[&str]) -> (Option<i32>, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rosterd"));
        self.ask(&mut command, args);
        let output = command.output().expect("rosterd starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Imports the roster and kills the process when a thread of it comes to its n-th call of `calls`. Returns whether
    /// it came to that.
    fn is_killed_at(&self, calls: &str, n: usize) -> bool {
        let status = self.import_with(calls, &format!("signal=KILL:when={n}"));
        // strace ends as the program did.
        if status.signal() == Some(SIGKILL) {
            return true;
        }
        assert_eq!(status.code(), Some(0));
        false
    }

    /// Imports the roster while strace does something to system calls.
    fn import_with(&self, calls: &str, what: &str) -> ExitStatus {
        let mut command = Command::new("strace");
        let inject = format!("inject={calls}:{what}");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject]);
        command.arg(env!("CARGO_BIN_EXE_rosterd"));
        self.ask(&mut command, &["import", "people.csv"]);
        let output = command.output().expect("strace starts; install it with: apt-get install strace");
        output.status
    }

    /// Proves that the next import comes to the end that an uninterrupted one has.
    fn goes_on_to_the_end(&self, story: &str) {
        let (code, out, err) = self.run(&["import", "people.csv"]);
        assert_eq!(code, Some(0), "{story}: {out}\n{err}");
        let (_, users, _) = self.run(&["local", "users", "--format", "json"]);
        let users: Value = serde_json::from_str(&users).unwrap_or_else(|error| panic!("{story}: {error}: {users}"));
        let shown = |user: &Value| {
            format!(
                "{} {} {} {} {}",
                user["username"], user["email"], user["groups"], user["roles"], user["has_password"]
            )
        };
        let users: Vec<String> = users.as_array().expect("a list").iter().map(shown).collect();
        assert_eq!(
            users,
            [
                r#""ada" "ada@example.org" ["Sales","Staff"] [] true"#,
                r#""bob" "bob@example.org" ["Staff"] ["Approver"] true"#,
                r#""cyd" "cyd@example.org" [] [] true"#,
            ],
            "{story}"
        );
        let result: Value = serde_json::from_slice(&fs::read(self.path("people.result.json")).expect("a result"))
            .unwrap_or_else(|error| panic!("{story}: {error}"));
        assert_eq!(result["ended_early"], Value::Null, "{story}");
        let items = result["items"].as_array().expect("items");
        let lines: Vec<_> = items.iter().map(|item| item["line"].as_u64().unwrap_or_default()).collect();
        assert_eq!(lines, [2, 3, 4], "{story}: each row once");
        // A run that was at its very end when it was killed is over, and this was another one.
        let outcomes: BTreeSet<&str> = items.iter().filter_map(|item| item["outcome"].as_str()).collect();
        assert!(outcomes == ["created"].into() || outcomes == ["unchanged"].into(), "{story}: {outcomes:?}");
        for name in ["people.preview.csv", "people.preview.html", "people.result.csv", "people.report.html"] {
            let length = fs::metadata(self.path(name)).unwrap_or_else(|error| panic!("{story}: {name}: {error}")).len();
            assert!(length > 100, "{story}: {name} has {length} bytes");
        }
        for database in ["data/state.sqlite", "data/directory.sqlite"] {
            let database = rusqlite::Connection::open(self.path(database)).expect("it opens");
            let check: String = database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("it answers");
            assert_eq!(check, "ok", "{story}");
        }
        let (code, status, _) = self.run(&["status", "--format", "json"]);
        assert_eq!(code, Some(0), "{story}: nothing waits");
        let status: Value = serde_json::from_str(&status).expect("JSON");
        assert!(status.as_array().expect("runs").iter().all(|run| run["phase"] == "done"), "{story}: {status}");
        let beside: BTreeSet<String> = fs::read_dir(self.folder.path())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name.starts_with('.'))
            .collect();
        // Reports that were being written when the process was killed may have left a temporary file each.
        let of: BTreeSet<_> =
            beside.iter().filter_map(|name| name.rsplit_once('.')).map(|(report, _)| report).collect();
        assert!(of.len() == beside.len() && of.iter().all(|name| name.starts_with(".people.")), "{story}: {beside:?}");
    }
}

/// Kills at every `step`-th call of a kind, until the import comes to its end.
fn kill_at_calls(calls: &str, first: usize, step: usize, at_least: usize) {
    let mut n_killed = 0;
    let mut n = first;
    loop {
        let site = Site::new();
        if !site.is_killed_at(calls, n) {
            break;
        }
        n_killed += 1;
        site.goes_on_to_the_end(&format!("killed at call {n} of {calls}"));
        n += step;
    }
    assert!(n_killed >= at_least, "only {n_killed} kills at {calls}");
}

/// Lets the n-th call of a kind fail, for some n, and proves that nothing is lost by it.
fn fail_calls(calls: &str, error: &str, places: impl Iterator<Item = usize>) {
    let mut n_failed = 0;
    for n in places {
        let site = Site::new();
        let status = site.import_with(calls, &format!("error={error}:when={n}"));
        let code = status.code().unwrap_or_else(|| panic!("{error} at call {n} of {calls}: {status}"));
        assert!([0, 1, 3, 75, 78].contains(&code), "{error} at call {n} of {calls}: exit code {code}");
        n_failed += usize::from(code != 0);
        site.goes_on_to_the_end(&format!("{error} at call {n} of {calls}, exit code {code}"));
    }
    assert!(n_failed > 2, "{error} at {calls} was hardly ever felt: {n_failed}");
}

#[test]
fn a_full_disk_loses_nothing() {
    fail_calls("pwrite64", "ENOSPC", (1..120).step_by(9));
}

#[test]
fn a_disk_that_fails_to_keep_something_loses_nothing() {
    fail_calls("fsync,fdatasync", "EIO", 1..24);
}

#[test]
fn killed_when_the_disk_is_to_have_it() {
    kill_at_calls("fsync,fdatasync", 1, 1, 15);
}

#[test]
fn killed_while_a_database_is_written() {
    kill_at_calls("pwrite64", 1, 3, 20);
}

#[test]
fn killed_while_something_is_put_in_its_place() {
    kill_at_calls("rename,renameat,renameat2,linkat,unlink,unlinkat", 1, 1, 4);
}

#[test]
fn killed_while_a_report_is_written() {
    kill_at_calls("write", 1, 1, 8);
}
