//! The program as it is started: what it prints, what it leaves behind, how it ends.

mod check;
mod commands;
mod documents;
mod faults;
mod forms;
mod reports;
mod review;
mod secrets;

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

const HEADER: &str = "Username,First name,Surname,Email";

/// A folder with a configuration, a place for rosters, and rosterd's data.
struct Site {
    folder: TempDir,
}

/// What a command left on its way out.
#[derive(Debug)]
struct Ran {
    code: i32,
    out: String,
    err: String,
}

impl Site {
    /// A site with one feed on the embedded directory; `feed` says more about it, in TOML.
    fn new(feed: &str) -> Self {
        let site = Self { folder: tempfile::tempdir().expect("a folder for the test") };
        site.configure(&format!(
            "[[target]]\nname = \"staff\"\nkind = \"local\"\n[[feed]]\nname = \"hr\"\ntarget = \"staff\"\n{feed}\n"
        ));
        std::fs::create_dir(site.path("drop")).expect("a folder for rosters");
        site
    }

    fn configure(&self, toml: &str) {
        let data = self.path("data");
        std::fs::write(self.path("rosterd.toml"), format!("data_dir = {data:?}\n{toml}")).expect("a configuration");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Drops a roster and returns its path.
    fn drop(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.path("drop").join(name);
        std::fs::write(&path, bytes).expect("a roster");
        path.to_string_lossy().into_owned()
    }

    /// The names of the files beside the rosters, in order.
    fn dropped(&self) -> Vec<String> {
        names(&self.path("drop"))
    }

    fn beside(&self, name: &str) -> String {
        std::fs::read_to_string(self.path("drop").join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rosterd"));
        command.arg("--config").arg(self.path("rosterd.toml")).current_dir(self.folder.path());
        for variable in ["ROSTERD_CONFIG", "ROSTERD_DATA_DIR", "ROSTERD_LOG", "NOTIFY_SOCKET"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        ran(self.command().args(args))
    }

    /// Runs a command that must end well.
    fn good(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {ran:?}");
        ran
    }

    /// The usernames of the directory.
    fn users(&self) -> Vec<String> {
        let users = self.good(&["local", "users", "--format", "json"]).json();
        let name = |user: &Value| user["username"].as_str().unwrap_or_default().to_owned();
        users.as_array().expect("a list").iter().map(name).collect()
    }

    fn user(&self, username: &str) -> Value {
        let users = self.good(&["local", "users", username, "--format", "json"]).json();
        users[0].clone()
    }

    /// Shortens what differs from one machine to the next.
    fn plain(&self, text: &str) -> String {
        text.replace(&*self.folder.path().to_string_lossy(), "$SITE")
    }
}

impl Ran {
    /// Stdout as the one JSON document that it must be.
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

fn ran(command: &mut Command) -> Ran {
    let output = command.output().expect("the program starts");
    Ran {
        code: output.status.code().expect("it ended by itself"),
        out: String::from_utf8(output.stdout).expect("text"),
        err: String::from_utf8(output.stderr).expect("text"),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let name =
        |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = std::fs::read_dir(folder).expect("a folder").map(name).collect();
    names.sort();
    names
}

fn people(names: &[&str]) -> String {
    let row = |name: &&str| format!("{name},{name},Low,{name}@x.org\n");
    format!("{HEADER}\n{}", names.iter().map(row).collect::<String>())
}

/// The keys of an object in order.
fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}
