//! What is decided about people: build a world, change one thing, look at the plan.

mod groups;
mod leavers;
mod limits;
mod names;
mod numbered;
mod old;
mod order;
mod references;
mod relocations;
mod seats;
mod statuses;
mod turns;
mod values;

use sha2::Digest;
use sha2::Sha256;
use std::cell::RefCell;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Mutex;

use rosterd::config::Config;
use rosterd::directory::memory::Memory;
use rosterd::exit::Failure;
use rosterd::provision::Progress;
use rosterd::report::Ending;
use rosterd::report::Subject;
use rosterd::roster::forecast::Forecast;
use rosterd::roster::plan::Intent;
use rosterd::roster::plan::Item;
use rosterd::roster::plan::PasswordSource;
use rosterd::roster::plan::Plan;
use rosterd::roster::problem::Severity;
use rosterd::run::Audience;
use rosterd::run::Carried;
use rosterd::run::Carrier;
use rosterd::run::Errand;
use rosterd::run::Order;
use rosterd::run::planning;
use rosterd::run::planning::Planned;
use rosterd::run::planning::Resume;
use rosterd::state::State;
use rosterd::state::run::Phase;
use rosterd::state::run::Run;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const HEADER: &str = "Username,First name,Surname,Email";

/// A roster's feed, its target and its journal.
struct World {
    folder: TempDir,
    memory: Memory,
    state: State,
    target: String,
    feed: String,
    last_run: RefCell<Option<Run>>,
    now: fn() -> String,
    /// The kind of the target, with what that needs.
    kind: &'static str,
}

impl World {
    /// A feed without a rule of its own, on an empty directory.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let state = State::open(folder.path()).expect("a journal");
        Self {
            state,
            memory: Memory::new(),
            target: String::new(),
            feed: String::new(),
            last_run: RefCell::default(),
            now,
            kind: "\"local\"",
            folder,
        }
    }

    /// Says more about the feed, in TOML.
    fn feed(mut self, toml: &str) -> Self {
        self.feed = toml.to_owned();
        self
    }

    /// Says more about the target, in TOML.
    fn target(mut self, toml: &str) -> Self {
        self.target = toml.to_owned();
        self
    }

    /// Puts people into the directory, just as a roster row without further columns would make them.
    fn people(self, rows: &str) -> Self {
        for row in rows.lines() {
            let cells: Vec<&str> = row.trim().split(',').collect();
            let [username, first, surname, mail] = cells[..] else { panic!("four cells: {row}") };
            let name = format!("{first} {surname}");
            self.memory.put(
                username,
                [
                    ("givenName", &[first]),
                    ("sn", &[surname]),
                    ("cn", &[&name]),
                    ("displayName", &[&name]),
                    ("mail", &[mail]),
                ],
            );
        }
        self
    }

    fn config(&self) -> Config {
        let Self { target, feed, kind, .. } = self;
        let text = format!(
            "[[target]]\nname = \"staff\"\nkind = {kind}\n{target}\n[[feed]]\nname = \"hr\"\ntarget = \"staff\"\n{feed}\n"
        );
        let path = Path::new("rosterd.toml");
        Config::parse(path, &text, Some(self.folder.path())).unwrap_or_else(|faults| panic!("{faults}"))
    }

    fn run(&self, roster: &[u8]) -> Run {
        let spool = self.folder.path().join("roster.spool");
        std::fs::write(&spool, roster).expect("a spool copy");
        let path = self.folder.path().join("roster.csv");
        std::fs::write(&path, roster).expect("a roster");
        Run {
            id: uuid::Uuid::now_v7().to_string(),
            feed: "hr".to_owned(),
            target: "staff".to_owned(),
            path: path.to_string_lossy().into_owned(),
            spool: spool.to_string_lossy().into_owned(),
            fingerprint: Sha256::digest(roster).iter().map(|byte| format!("{byte:02x}")).collect(),
            identity: "0".to_owned(),
            phase: Phase::Claimed,
            plan: None,
            holds: String::new(),
            reason: None,
            counts: None,
            started_at: now(),
            ended_at: None,
        }
    }

    async fn try_plan(&self, roster: &str) -> Result<Planned, Failure> {
        let config = self.config();
        let errand = Errand {
            run: self.run(roster.as_bytes()),
            feed: &config.feeds[0].feed,
            directory: &self.memory,
            order: Order::AsTheFeedSays,
            audience: &Silent,
        };
        let planned = planning::plan(&errand, &self.state, &Resume::default(), false, &(self.now)()).await;
        planned.map_err(|error| error.failure(&errand.run))
    }

    /// Plans a roster and prints the plan.
    async fn plan(&self, roster: &str) -> String {
        show(&self.planned(roster).await.plan)
    }

    async fn planned(&self, roster: &str) -> Planned {
        self.try_plan(roster).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Plans a roster that must be refused, and prints why.
    async fn refusal(&self, roster: &str) -> String {
        match self.try_plan(roster).await {
            Err(failure) => {
                failure.to_string().replace(&*self.folder.path().to_string_lossy(), "").replace("roster.csv", "csv")
            }
            Ok(planned) => panic!("not refused:\n{}", show(&planned.plan)),
        }
    }

    /// Carries a roster through and prints what came of everybody.
    async fn apply(&self, roster: &str) -> String {
        let run = self.run(roster.as_bytes());
        self.state.begin(run.clone()).await.expect("a run");
        self.last_run.replace(Some(run.clone()));
        self.carry(run, Order::AsTheFeedSays).await
    }

    /// Approves what is left of the run that was carried last.
    async fn approve(&self) -> String {
        let id = self.last_run.borrow().as_ref().map(|run| run.id.clone()).expect("a run");
        let run = self.state.run(&id).await.expect("the journal").expect("the run");
        let plan = run.plan.clone().expect("a plan");
        self.carry(run, Order::Approved(plan)).await
    }

    async fn carry(&self, run: Run, order: Order) -> String {
        let config = self.config();
        let results = Results::default();
        let carrier = Carrier {
            state: self.state.clone(),
            mailer: None,
            mail_paces: Mutex::default(),
            stop: CancellationToken::new(),
            now: self.now,
        };
        let feed = &config.feeds[0].feed;
        let errand = Errand { run, feed, directory: &self.memory, order, audience: &results };
        let carried = carrier.carry(errand).await.unwrap_or_else(|failure| panic!("{failure}"));
        let mut told = results.0.into_inner().expect("no panic");
        match carried {
            Carried::Done(_) => {}
            Carried::Waiting => told.push("waits for approval".to_owned()),
            Carried::Refused(failure) | Carried::Doubted(failure) | Carried::TryAgain(failure) => {
                told.push(failure.to_string());
            }
        }
        told.join("\n")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

fn now() -> String {
    "2026-01-02T03:04:05Z".to_owned()
}

/// Prints a plan: one line per person, then what concerns the whole.
fn show(plan: &Plan) -> String {
    let mut lines: Vec<String> = plan.items.iter().map(|item| line(plan, item)).collect();
    lines.extend(plan.holds.iter().map(|hold| format!("held: {hold}")));
    lines.extend(plan.seats.map(|seats| format!("seats: {} of {}, then {}", seats.taken, seats.limit, seats.after)));
    lines.extend(plan.notices.iter().map(|notice| format!("notice: {}", notice.text)));
    lines.join("\n")
}

fn line(plan: &Plan, item: &Item) -> String {
    let number = item.line.map_or("-".to_owned(), |line| line.to_string());
    let says = decision(plan, item);
    format!("{number} {} {}", item.status, says).trim_end().to_owned()
}

/// Prints what is decided about one person, without the line.
fn decision(plan: &Plan, item: &Item) -> String {
    let mut parts = intent(&item.intent);
    for membership in item.intent.memberships() {
        let add = membership.add.iter().map(|name| format!("+{name}"));
        let remove = membership.remove.iter().map(|name| format!("-{name}"));
        let names: Vec<String> = add.chain(remove).collect();
        parts.push(format!("{} {}", membership.kind.word(), names.join(" ")));
    }
    parts.extend(item.problems.iter().map(|problem| match problem.severity {
        Severity::Error => problem.to_string(),
        Severity::Warning => format!("warning: {problem}"),
    }));
    let username = plan.username(item);
    if parts.is_empty() { username.to_owned() } else { format!("{username}: {}", parts.join("; ")) }
}

fn intent(intent: &Intent) -> Vec<String> {
    let password = |source: &PasswordSource, must_change: Option<bool>| {
        let source = match source {
            PasswordSource::Row => "password of the row",
            PasswordSource::Generated => "generated password",
        };
        let change = if must_change == Some(true) { ", to be changed" } else { "" };
        format!("{source}{change}")
    };
    match intent {
        Intent::Nothing => Vec::new(),
        Intent::Skip(why) => vec![format!("skip: {why}")],
        Intent::Create(create) => {
            let mut parts = vec![format!("create, {}", password(&create.password, Some(create.must_change)))];
            parts.extend(create.deferred.iter().map(ToString::to_string));
            parts
        }
        Intent::Update(update) => {
            let mut parts = Vec::new();
            if let Some(relocation) = &update.relocation {
                parts.extend(relocation.username.iter().map(|step| format!("name {} -> {}", step.from, step.to)));
                parts.extend(relocation.place.iter().map(|step| format!("place {} -> {}", step.from, step.to)));
            }
            parts.extend(update.changes.iter().map(ToString::to_string));
            parts.extend(update.deferred.iter().map(ToString::to_string));
            parts.extend(update.password.iter().map(|source| password(source, update.must_change)));
            parts.extend(update.enabled.map(|on| if on { "enable".to_owned() } else { "switch off".to_owned() }));
            parts
        }
        Intent::Report => vec!["report".to_owned()],
        Intent::Disable => vec!["disable".to_owned()],
        Intent::Delete => vec!["delete".to_owned()],
        Intent::Archive { place, .. } => vec![format!("archive {} -> {}", place.from, place.to)],
        Intent::Purge { since } => vec![format!("purge, missing since `{since}`")],
    }
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

/// Keeps one line per person.
#[derive(Default)]
struct Results(Mutex<Vec<String>>);

impl Progress for Results {
    fn total(&self, _n: usize, _forecast: Option<Forecast>) {}
    fn advance(&self, _n: usize) {}
    fn letters(&self, _n: usize) {}
}

impl Audience for Results {
    fn preview(&self, _subject: &Subject<'_>) {}

    fn result(&self, subject: &Subject<'_>, ending: &Ending<'_>) {
        let mut told = self.0.lock().expect("no panic");
        for (item, result) in ending.people(subject.plan) {
            let notes: String = result.notes.iter().map(|note| format!(" ({note})")).collect();
            told.push(format!("{} {}{notes}", subject.plan.username(item), result.outcome));
        }
    }
}
