//! A world for one roster: a folder, a feed, a directory in memory and a mail server in memory, all scriptable, and
//! lives of the daemon that can be cut short at any step.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use rosterd::config::Config;
use rosterd::directory::Directory;
use rosterd::directory::memory::Memory;
use rosterd::exit::Failure;
use rosterd::intake::spool::Spool;
use rosterd::mail::Mailer;
use rosterd::mail::MemoryMailer;
use rosterd::provision::Progress;
use rosterd::report::Ending;
use rosterd::report::Subject;
use rosterd::roster::account::GroupKind;
use rosterd::roster::account::GroupName;
use rosterd::roster::forecast::Forecast;
use rosterd::roster::secret::Secret;
use rosterd::run::Audience;
use rosterd::run::Carried;
use rosterd::run::Carrier;
use rosterd::run::Errand;
use rosterd::run::Order;
use rosterd::state::State;
use rosterd::state::run::Phase;
use rosterd::state::run::Run;
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const LOCAL: &str = "kind = \"local\"";

const HEAD: &str = "
data_dir = \"data\"
[mail]
server = \"smtp://localhost:1\"
from = \"it@example.org\"
[[feed]]
name = \"hr\"
target = \"memory\"
";

/// The world.
pub struct World {
    pub memory: Memory,
    pub mail: MemoryMailer,
    pub stop: CancellationToken,
    folder: TempDir,
    config: Config,
    pub now: fn() -> String,
}

impl World {
    /// Makes a world with this roster and with `feed` below `[[feed]]`.
    pub fn new(feed: &str, roster: &str) -> Self {
        Self::with_target(LOCAL, feed, roster)
    }

    /// Makes a world with a target that says this of itself; the directory behind it is the one in memory.
    pub fn with_target(target: &str, feed: &str, roster: &str) -> Self {
        let folder = temporary();
        let path = folder.path().join("rosterd.toml");
        let config = Config::parse(&path, &text(target, feed), Some(&folder.path().join("data")));
        let config = config.unwrap_or_else(|faults| panic!("{faults}"));
        fs::create_dir(&config.data_dir).expect("a data folder");
        let world = Self {
            memory: Memory::new(),
            mail: MemoryMailer::default(),
            stop: CancellationToken::new(),
            folder,
            config,
            now: || "2026-11-22T02:15:00Z".to_owned(),
        };
        world.drop_roster(roster);
        world
    }

    /// Writes the roster anew.
    pub fn drop_roster(&self, text: &str) {
        fs::write(self.roster(), text).expect("the roster is written");
    }

    /// Puts another feed's configuration in place, as a restart with an edited file would.
    pub fn configure(&mut self, feed: &str) {
        let path = self.folder.path().join("rosterd.toml");
        let config = Config::parse(&path, &text(LOCAL, feed), Some(&self.config.data_dir));
        self.config = config.unwrap_or_else(|faults| panic!("{faults}"));
    }

    /// Returns the world as it is for the next process, which nobody has told to stop.
    pub fn restarted(mut self) -> Self {
        self.stop = CancellationToken::new();
        self
    }

    pub fn roster(&self) -> PathBuf {
        self.folder.path().join("people.csv")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn state(&self) -> State {
        State::open(&self.config.data_dir).expect("the journal opens")
    }

    pub fn journal(&self) -> PathBuf {
        self.config.data_dir.join("state.sqlite")
    }

    pub fn feed(&self) -> &rosterd::run::feed::Feed {
        &self.config.feeds[0].feed
    }

    pub fn carrier(&self) -> Carrier {
        Carrier {
            state: self.state(),
            mailer: Some(Arc::new(Mailer::Memory(self.mail.clone()))),
            mail_paces: Mutex::new(HashMap::new()),
            stop: self.stop.clone(),
            now: self.now,
        }
    }

    /// Carries the roster as `rosterd import` does: goes on with an open run of it, or begins one.
    pub async fn carry<D: Directory>(&self, directory: &D, order: Order) -> Result<Carried, Failure> {
        let carrier = self.carrier();
        let open = carrier.state.open_runs().await.expect("the journal is read");
        let run = match open.into_iter().next() {
            Some(run) => run,
            None => {
                let run = self.claim();
                carrier.begin(&run).await?;
                run
            }
        };
        let errand = Errand { run, feed: self.feed(), directory, order, audience: &Silent };
        carrier.carry(errand).await
    }

    fn claim(&self) -> Run {
        let spool = Spool::open(&self.config.data_dir.join("spool"), 1 << 20).expect("a spool");
        let claim = spool.claim_one("hr", &self.roster()).expect("the roster is claimed");
        Run {
            id: uuid::Uuid::now_v7().to_string(),
            feed: "hr".to_owned(),
            target: "memory".to_owned(),
            path: claim.path.to_string_lossy().into_owned(),
            spool: claim.spool.to_string_lossy().into_owned(),
            fingerprint: claim.fingerprint.to_string(),
            identity: claim.identity.to_string(),
            phase: Phase::Claimed,
            plan: None,
            holds: String::new(),
            reason: None,
            counts: None,
            started_at: "2026-11-22T02:00:00Z".to_owned(),
            ended_at: None,
        }
    }

    /// Carries the roster in a life of its own, which ends by itself.
    pub fn import(&self) -> Result<Carried, Failure> {
        life(self.carry(&self.memory, Order::AsTheFeedSays))
    }

    /// The same, and expects that it comes to its end without a row in error.
    pub fn import_cleanly(&self) {
        let carried = self.import();
        assert!(matches!(carried, Ok(Carried::Done(rosterd::exit::Exit::Done))), "{carried:?}\n{}", self.told());
    }

    /// Approves the plan that waits and carries it.
    pub fn approve(&self) -> Result<Carried, Failure> {
        let order = life(async {
            let open = self.state().open_runs().await.expect("the journal is read");
            Order::Approved(open[0].plan.clone().expect("a plan was shown"))
        });
        life(self.carry(&self.memory, order))
    }

    /// Returns the runs that are open, with their phases.
    pub fn open_runs(&self) -> Vec<Run> {
        life(self.open_runs_now())
    }

    /// The same, within a life.
    pub async fn open_runs_now(&self) -> Vec<Run> {
        self.state().open_runs().await.expect("the journal is read")
    }

    /// Returns `people.result.json`.
    pub fn result(&self) -> Value {
        let path = self.file("people.result.json");
        serde_json::from_slice(&fs::read(path).expect("a result is beside the roster")).expect("JSON")
    }

    /// Returns outcome, letter and username of everybody, in the order of the report.
    pub fn outcomes(&self) -> Vec<String> {
        let text = |item: &Value, key: &str| item[key].as_str().unwrap_or_default().to_owned();
        let items = self.result()["items"].as_array().expect("items").clone();
        let line = |item: &Value| match (&item["line"], text(item, "letter").as_str()) {
            (Value::Null, _) => format!("{} {}", text(item, "username"), text(item, "outcome")),
            (_, "none") => format!("{} {}", text(item, "username"), text(item, "outcome")),
            (_, letter) => format!("{} {}, letter {letter}", text(item, "username"), text(item, "outcome")),
        };
        items.iter().map(line).collect()
    }

    /// Returns what the report says of one person, as JSON.
    pub fn person(&self, username: &str) -> Value {
        let result = self.result();
        let items = result["items"].as_array().expect("items").iter();
        items.clone().find(|item| item["username"] == username).cloned().unwrap_or_else(|| panic!("no {username}"))
    }

    /// Returns reasons and notes of the whole report, for messages of tests.
    pub fn told(&self) -> String {
        let path = self.file("people.result.csv");
        format!("{}\n{}", fs::read_to_string(path).unwrap_or_default(), self.memory.log().join("\n"))
    }

    /// Returns everything that the directory holds, but for passwords.
    pub fn end_state(&self) -> Vec<String> {
        let account = |seen: &rosterd::directory::memory::Seen| {
            let attributes: BTreeMap<String, Vec<String>> = seen
                .attributes
                .iter()
                .map(|(name, values)| (name.as_str().to_owned(), values.text().map(str::to_owned).collect()))
                .collect();
            let mut groups: Vec<String> = seen
                .member_of
                .iter()
                .map(|(kind, name): &(GroupKind, GroupName)| format!("{}:{name}", kind.word()))
                .collect();
            groups.sort();
            let flags = (seen.has_password, seen.must_change, seen.enabled);
            format!("{} {flags:?} {attributes:?} {groups:?}", seen.username)
        };
        let mut all: Vec<String> = self.memory.accounts().iter().map(account).collect();
        all.sort();
        all
    }

    /// Returns every password that was mailed to `address`, in order.
    pub fn mailed(&self, address: &str) -> Vec<Secret> {
        let kept = self.mail.kept();
        let letters = kept.iter().filter(|kept| kept.letter.to() == address);
        letters.map(|kept| password_in(kept.letter.text().expose())).collect()
    }
}

fn text(target: &str, feed: &str) -> String {
    HEAD.replace("[mail]", &format!("[[target]]\nname = \"memory\"\n{target}\n[mail]")) + feed
}

/// Finds the password in the built-in letter.
pub fn password_in(text: &str) -> Secret {
    let line = text.lines().find_map(|line| line.trim().strip_prefix("Password:"));
    Secret::from(line.unwrap_or_else(|| panic!("no password in:\n{text}")).trim())
}

/// Runs `work` in a runtime of its own with a clock that only sleeping moves. Whatever is still running when it ends
/// ends with it, as in a process.
pub fn life<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().expect("a runtime").block_on(work)
}

/// Returns a folder in memory where there is one: every commit of the journal waits for the disk.
pub fn temporary() -> TempDir {
    let shared = Path::new("/dev/shm");
    if shared.is_dir() { TempDir::new_in(shared) } else { TempDir::new() }.expect("a temporary folder")
}

struct Silent;

impl Progress for Silent {
    fn total(&self, _n: usize, _forecast: Option<Forecast>) {}
    fn advance(&self, _n: usize) {}
    fn letters(&self, _n: usize) {}
}

impl Audience for Silent {
    fn preview(&self, _subject: &Subject<'_>) {}
    fn result(&self, _subject: &Subject<'_>, _ending: &Ending<'_>) {}
}
