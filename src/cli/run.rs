//! `rosterd run`

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing::info;
use tracing::warn;

use super::open;
use super::open::Site;
use crate::config::Config;
use crate::config::FeedConfig;
use crate::daemon::Carried;
use crate::daemon::Daemon;
use crate::daemon::FeedIndex;
use crate::daemon::FeedWatch;
use crate::daemon::Memory;
use crate::daemon::MemoryFault;
use crate::daemon::signals::Signals;
use crate::directory::target::Target;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::intake::Identity;
use crate::intake::claim::Claim;
use crate::provision::Progress;
use crate::report::Ending;
use crate::report::Subject;
use crate::report::Tally;
use crate::report::names::OwnOutput;
use crate::report::names::ReportNames;
use crate::report::names::is_own_output;
use crate::report::place::Placed;
use crate::report::place::Standing;
use crate::report::place::standing;
use crate::roster::forecast::Forecast;
use crate::run::Audience;
use crate::run::Carrier;
use crate::run::Errand;
use crate::run::Order;
use crate::run::broken;
use crate::state::State;
use crate::state::run::Phase;
use crate::state::run::Run;
use crate::systemd;
use crate::telemetry;

/// Watch the drop folders of all feeds and carry every roster that is dropped, until SIGTERM.
///
/// A signal lets the operations in flight finish; whatever is left goes on at the next start.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to write the log
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,
}

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Runs the daemon.
pub async fn run(site: &Site, args: Args) -> Result<Exit, Failure> {
    let log = match args.log_format {
        LogFormat::Text => telemetry::Format::Text,
        LogFormat::Json => telemetry::Format::Json,
    };
    telemetry::start(log)
        .map_err(|fault| Failure::new(Exit::Config, fault.to_string()).hint(fault.hint().unwrap_or_default()))?;
    let config = Arc::new(site.config()?);
    let lock = open::exclusive(&config)?;
    let state = open::state(&config.data_dir)?;
    let spool = open::spool(&config)?;
    open::clean(&spool, &lock, &state).await?;
    let stop = CancellationToken::new();
    let signals = Signals::install()
        .map_err(|error| Failure::new(Exit::TryAgain, "cannot listen for signals").caused_by(&error))?;
    let carrier = Arc::new(open::carrier(config.mail.as_ref(), state.clone(), stop.clone())?);
    for folder in config.feeds.iter().filter_map(|feed| feed.folder.as_deref()) {
        // Folders inside `data_dir` are rosterd's own to make; any other one that is missing may be an unmounted share.
        if folder.starts_with(&config.data_dir) {
            open::make_private_folder(folder)?;
        }
    }
    let watched: Vec<FeedWatch> = config.feeds.iter().filter_map(watch).collect();
    if watched.is_empty() {
        return Err(Failure::new(Exit::Config, "no feed has a folder to watch").hint("give a [[feed]] a `folder`"));
    }
    let names: Arc<Vec<String>> = Arc::new(watched.iter().map(|feed| feed.name.clone()).collect());
    let folders = Arc::new(watched.iter().map(|feed| feed.folder.clone()).collect::<Vec<PathBuf>>());
    let daemon = Daemon {
        feeds: watched,
        spool,
        lock,
        is_own_output: |name| is_own_output(name.as_ref()) == OwnOutput::Always,
        memory: Remembered { state, names: Arc::clone(&names), folders },
        carry: move |feed: FeedIndex, claim| {
            carry(Arc::clone(&config), Arc::clone(&carrier), names[feed.0].clone(), claim)
        },
        clock: Arc::new(Timestamp::now),
        tell: Arc::new(systemd::tell),
        watchdog: systemd::watchdog(),
    };
    info!("rosterd {} starts with {}", env!("CARGO_PKG_VERSION"), site.config.display());
    tokio::select! {
        ended = daemon.run(stop.clone()) => {
            ended.map_err(|fault| Failure::new(Exit::TryAgain, "the daemon ended").caused_by(&fault))?;
            info!("Stopped");
            Ok(Exit::Done)
        }
        _abort = signals.obey(stop) => Ok(Exit::TryAgain),
    }
}

fn watch(config: &FeedConfig) -> Option<FeedWatch> {
    Some(FeedWatch {
        name: config.feed.name.clone(),
        target: config.feed.target.clone(),
        folder: config.folder.clone()?,
        patterns: config.patterns.clone(),
        watch: config.watch,
        rescan: config.rescan,
        settle: config.settle,
        schedule: config.schedule.clone(),
    })
}

/// What is remembered over restarts, by the journal.
struct Remembered {
    state: State,
    names: Arc<Vec<String>>,
    folders: Arc<Vec<PathBuf>>,
}

impl Memory for Remembered {
    async fn is_done(&self, feed: FeedIndex, name: &str, identity: &Identity) -> Result<bool, MemoryFault> {
        let feed_name = &self.names[feed.0];
        let identity = identity.to_string();
        if self.state.is_done(feed_name, name, &identity).await? {
            return Ok(true);
        }
        let path = self.folders[feed.0].join(name);
        if is_own_output(name.as_ref()) == OwnOutput::ErrorsFile {
            let placed = self.state.as_placed(path.to_string_lossy().into_owned()).await?;
            if let Some((length, sha256)) = placed
                && standing(&path, &Placed { length, sha256 })? == Standing::AsPlaced
            {
                return Ok(true);
            }
        }
        let open = self.state.open_runs().await?;
        Ok(open.iter().any(|run| run.feed == *feed_name && run.identity == identity && file_name(run) == name))
    }

    async fn due(&self, feed: FeedIndex) -> Result<Vec<Claim>, MemoryFault> {
        let feed_name = &self.names[feed.0];
        let open = self.state.open_runs().await?;
        let is_due = |run: &&Run| {
            run.feed == *feed_name && matches!(run.phase, Phase::Claimed | Phase::Approved | Phase::Applying)
        };
        open.iter().filter(is_due).map(claim_of).collect()
    }

    async fn last_run(&self, feed: FeedIndex) -> Result<Option<Timestamp>, MemoryFault> {
        let last = self.state.last_scheduled(&self.names[feed.0]).await?;
        Ok(last.map(|at| at.parse()).transpose()?)
    }

    async fn ran(&self, feed: FeedIndex, at: Timestamp) -> Result<(), MemoryFault> {
        Ok(self.state.scheduled(&self.names[feed.0], at.to_string()).await?)
    }
}

fn file_name(run: &Run) -> &str {
    Path::new(&run.path).file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

fn claim_of(run: &Run) -> Result<Claim, MemoryFault> {
    Ok(Claim {
        feed: run.feed.clone(),
        path: run.path.clone().into(),
        name: file_name(run).to_owned(),
        spool: run.spool.clone().into(),
        fingerprint: run.fingerprint.parse()?,
        identity: run.identity.parse()?,
        mode: 0o600,
    })
}

/// Carries one claim, and logs its end.
async fn carry(config: Arc<Config>, carrier: Arc<Carrier>, feed: String, claim: Claim) -> Carried {
    match try_carry(&config, &carrier, &feed, &claim).await {
        Ok(crate::run::Carried::Done(_)) => Carried::Done,
        Ok(crate::run::Carried::Waiting) => {
            let preview = ReportNames::beside(&claim.path).preview_html;
            warn!(
                feed.name = feed,
                "Held for approval: look at {}, then `rosterd approve {}`",
                preview.display(),
                claim.path.display()
            );
            Carried::Held
        }
        Ok(crate::run::Carried::Refused(failure)) => {
            error!(feed.name = feed, "{}", failure.line());
            Carried::Refused
        }
        Ok(crate::run::Carried::Doubted(failure)) => {
            error!(feed.name = feed, "{}", failure.line());
            Carried::Held
        }
        Ok(crate::run::Carried::TryAgain(failure)) | Err(failure) => {
            error!(feed.name = feed, "{}", failure.line());
            Carried::TryAgain(Duration::from_secs(5))
        }
    }
}

async fn try_carry(
    config: &Config,
    carrier: &Carrier,
    feed: &str,
    claim: &Claim,
) -> Result<crate::run::Carried, Failure> {
    let Some(feed) = config.feed(feed) else {
        return Err(Failure::new(Exit::Config, format!("there is no feed `{feed}`")));
    };
    let open = carrier.state.open_runs().await.map_err(broken)?;
    let spool = claim.spool.to_string_lossy();
    let run = match open.iter().find(|run| run.spool == spool) {
        Some(run) => run.clone(),
        None => {
            // A roster dropped again takes the place of the one that waits.
            let path = claim.path.to_string_lossy();
            for earlier in
                open.iter().filter(|run| run.path == path && matches!(run.phase, Phase::Waiting | Phase::Held))
            {
                let why = "the roster was dropped again".to_owned();
                carrier.end(earlier, Phase::Rejected, Some(why), None).await?;
            }
            let run = open::new_run(claim, feed);
            carrier.begin(&run).await?;
            run
        }
    };
    let directory: Target = open::target(config, &feed.feed.target)?;
    let order = match (&run.phase, &run.plan) {
        (Phase::Approved, Some(plan)) => Order::Approved(plan.clone()),
        _ => Order::AsTheFeedSays,
    };
    let errand = Errand { run, feed: &feed.feed, directory: &directory, order, audience: &Log };
    carrier.carry(errand).await
}

/// Tells the log.
struct Log;

impl Progress for Log {
    fn total(&self, n: usize, forecast: Option<Forecast>) {
        if let Some(forecast) = forecast {
            info!(people = n, seconds = forecast.takes().as_secs(), "Writing: {forecast}");
        }
    }
    fn advance(&self, _n: usize) {}
    fn letters(&self, _n: usize) {}
}

impl Audience for Log {
    fn preview(&self, subject: &Subject<'_>) {
        let counts = subject.plan.counts();
        info!(
            feed.name = subject.feed,
            file.name = subject.roster,
            "Plan {} for {}: {} new, {} update, {} unchanged, {} old, {} error",
            subject.plan.id,
            subject.roster,
            counts.new,
            counts.update,
            counts.unchanged,
            counts.old,
            counts.error
        );
        for hold in &subject.plan.holds {
            warn!(feed.name = subject.feed, file.name = subject.roster, "Held: {hold}");
        }
    }

    fn result(&self, subject: &Subject<'_>, ending: &Ending<'_>) {
        let tally = Tally::of(subject.plan, ending);
        info!(
            feed.name = subject.feed,
            file.name = subject.roster,
            run.id = ending.run,
            "{}: {} created, {} updated, {} unchanged, {} disabled, {} rejected, {} failed, {} not attempted",
            subject.roster,
            tally.created,
            tally.updated,
            tally.unchanged,
            tally.disabled,
            tally.rejected,
            tally.failed,
            tally.not_attempted
        );
    }
}
