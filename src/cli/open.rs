//! Opening what commands work on: configuration, state, targets, spool.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::config::FeedConfig;
use crate::config::Outline;
use crate::config::Secrets;
use crate::config::TargetKind;
use crate::daemon::signals::Signals;
use crate::directory::ldap::Ldap;
use crate::directory::local::Local;
use crate::directory::scim::Scim;
use crate::directory::target::Target;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::intake::Unfit;
use crate::intake::claim::Claim;
use crate::intake::claim::NotClaimed;
use crate::intake::lock::Exclusive;
use crate::intake::spool::Spool;
use crate::mail::MailSettings;
use crate::mail::Mailer;
use crate::run::Carrier;
use crate::run::broken;
use crate::state::State;
use crate::state::run::Phase;
use crate::state::run::Run;

/// No roster is larger than this, in bytes.
const LARGEST_ROSTER: u64 = 8 << 30;

/// The configuration, unless another one is named.
pub const DEFAULT_CONFIG: &str = "/etc/rosterd/rosterd.toml";

/// Where configuration and data are.
#[derive(Debug)]
pub struct Site {
    /// The configuration file.
    pub config: PathBuf,
    /// Overrides the configuration's `data_dir`.
    pub data_dir: Option<PathBuf>,
}

impl Site {
    /// Returns the options that lead another command to the same place, fit for a shell, with a blank before each.
    pub fn options(&self) -> String {
        let config = Some(&self.config).filter(|config| **config != Path::new(DEFAULT_CONFIG));
        let config = config.map(|config| format!(" --config {}", for_shell(config)));
        let data_dir = self.data_dir.as_ref().map(|data_dir| format!(" --data-dir {}", for_shell(data_dir)));
        config.into_iter().chain(data_dir).collect()
    }

    /// Reads and proves the configuration, and makes sure that `data_dir` is there.
    pub fn config(&self) -> Result<Config, Failure> {
        self.config_with(Secrets::All)
    }

    /// The same, with those secrets alone that are needed.
    pub fn config_with(&self, secrets: Secrets<'_>) -> Result<Config, Failure> {
        let config = Config::load(&self.config, self.data_dir.as_deref(), secrets)?;
        make_private_folder(&config.data_dir)?;
        Ok(config)
    }

    /// The same for what is done without any secret.
    pub fn outline(&self) -> Result<Outline, Failure> {
        let outline = Outline::load(&self.config, self.data_dir.as_deref())?;
        make_private_folder(&outline.data_dir)?;
        Ok(outline)
    }
}

/// Writes a path so that a shell takes it for one word and nothing else.
fn for_shell(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@%,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Makes a folder that only rosterd's user can use, unless it is there.
pub fn make_private_folder(path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| {
        Failure::new(Exit::Config, format!("cannot create {}", path.display()))
            .caused_by(&error)
            .hint("`data_dir` must be a folder that rosterd's user can write to")
    })
}

/// Returns the present time as RFC 3339, to the second.
pub fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Opens the journal.
pub fn state(data_dir: &Path) -> Result<State, Failure> {
    State::open(data_dir).map_err(|error| {
        Failure::new(Exit::Config, "cannot open the journal")
            .caused_by(&error)
            .hint("`data_dir` must be a folder on a local disk that rosterd's user can write to")
    })
}

/// Opens the spool.
pub fn spool(config: &Config) -> Result<Spool, Failure> {
    let folder = config.data_dir.join("spool");
    make_private_folder(&folder)?;
    Spool::open(&folder, LARGEST_ROSTER)
        .map_err(|error| Failure::new(Exit::Config, "cannot open the spool").caused_by(&error))
}

/// Removes copies of rosters that no run needs: what a process that was killed has left. They may hold passwords.
pub async fn clean(spool: &Spool, held: &Exclusive, state: &State) -> Result<(), Failure> {
    let unclean = |error: std::io::Error| Failure::new(Exit::TryAgain, "cannot clean the spool").caused_by(&error);
    spool.sweep(held).map_err(unclean)?;
    let open = state.open_runs().await.map_err(broken)?;
    for leftover in spool.leftovers().map_err(unclean)? {
        if !open.iter().any(|run| Path::new(&run.spool) == leftover.spool) {
            std::fs::remove_file(&leftover.spool).map_err(unclean)?;
        }
    }
    Ok(())
}

/// Opens the spool for previews, which disturb nobody and therefore have a place of their own. The lock keeps it from
/// being cleaned by another preview.
pub fn preview_spool(config: &Config) -> Result<(Spool, File), Failure> {
    let folder = config.data_dir.join("preview");
    make_private_folder(&folder)?;
    let opened = || -> Result<(Spool, File), Box<dyn std::error::Error>> {
        let spool = Spool::open(&folder, LARGEST_ROSTER)?;
        let lock = File::open(&folder)?;
        if lock.try_lock().is_ok() {
            // Nobody else previews anything, so whatever lies here was left by a process that was killed.
            for entry in std::fs::read_dir(&folder)? {
                std::fs::remove_file(entry?.path())?;
            }
        }
        lock.lock_shared()?;
        Ok((spool, lock))
    };
    opened().map_err(|error| Failure::new(Exit::Config, "cannot open the spool for previews").caused_by(&*error))
}

/// Makes sure that nobody else works in `data_dir`.
pub fn exclusive(config: &Config) -> Result<Exclusive, Failure> {
    Exclusive::take(&config.data_dir)
        .map_err(|fault| Failure::new(Exit::TryAgain, fault.to_string()).hint(fault.hint()))
}

/// Opens one target.
pub fn target(config: &Config, name: &str) -> Result<Target, Failure> {
    let Some(target) = config.target(name) else {
        return Err(Failure::new(Exit::Config, format!("there is no target `{name}`")));
    };
    match &target.kind {
        TargetKind::Local(settings) => Local::open(settings.clone(), jiff::Timestamp::now)
            .map(|local| Target::Local(Box::new(local)))
            .map_err(|error| Failure::new(Exit::Config, format!("target `{name}` cannot be opened")).caused_by(&error)),
        TargetKind::Ldap(settings) => Ldap::new((**settings).clone())
            .map(|ldap| Target::Ldap(Box::new(ldap)))
            .map_err(|error| Failure::new(Exit::Config, format!("target `{name}` cannot be used")).caused_by(&error)),
        TargetKind::Scim(settings) => Scim::new((**settings).clone())
            .map(|scim| Target::Scim(Box::new(scim)))
            .map_err(|error| Failure::new(Exit::Config, format!("target `{name}` cannot be used")).caused_by(&error)),
    }
}

/// Makes the carrier.
pub fn carrier(mail: Option<&MailSettings>, state: State, stop: CancellationToken) -> Result<Carrier, Failure> {
    let mailer = match mail {
        None => None,
        Some(settings) => match Mailer::smtp(settings) {
            Ok(mailer) => Some(Arc::new(mailer)),
            Err(faults) => {
                let text: Vec<String> = faults.iter().map(ToString::to_string).collect();
                return Err(Failure::new(Exit::Config, text.join("; ")));
            }
        },
    };
    Ok(Carrier { state, mailer, mail_paces: Mutex::new(HashMap::new()), stop, now })
}

/// Picks the feed for a roster: the one that is named, the one whose folder the roster is in, or the only one.
pub fn feed<'c>(feeds: &'c [FeedConfig], name: Option<&str>, roster: &Path) -> Result<&'c FeedConfig, Failure> {
    let names = || feeds.iter().map(|feed| feed.feed.name.as_str()).collect::<Vec<_>>().join(", ");
    if let Some(name) = name {
        return feeds.iter().find(|feed| feed.feed.name == name).ok_or_else(|| {
            Failure::new(Exit::Usage, format!("there is no feed `{name}`")).hint(format!("the feeds are: {}", names()))
        });
    }
    if let [only] = feeds {
        return Ok(only);
    }
    let folder = roster.canonicalize().ok().and_then(|path| path.parent().map(Path::to_owned));
    let own = |feed: &&FeedConfig| {
        let drop = feed.folder.as_deref().and_then(|folder| folder.canonicalize().ok());
        drop.is_some() && drop == folder
    };
    feeds.iter().find(own).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("which feed is {} for?", roster.display()))
            .hint(format!("name it with --feed; the feeds are: {}", names()))
    })
}

/// Returns the run for a claimed roster.
pub fn new_run(claim: &Claim, feed: &FeedConfig) -> Run {
    Run {
        id: uuid::Uuid::now_v7().to_string(),
        feed: feed.feed.name.clone(),
        target: feed.feed.target.clone(),
        path: claim.path.to_string_lossy().into_owned(),
        spool: claim.spool.to_string_lossy().into_owned(),
        fingerprint: claim.fingerprint.to_string(),
        identity: claim.identity.to_string(),
        phase: Phase::Claimed,
        plan: None,
        holds: String::new(),
        reason: None,
        counts: None,
        started_at: now(),
        ended_at: None,
    }
}

/// Lets SIGTERM and SIGINT end a run after the operations in flight; a second signal ends the process at once.
pub fn obey_signals(stop: &CancellationToken) -> Result<(), Failure> {
    let signals = Signals::install()
        .map_err(|error| Failure::new(Exit::TryAgain, "cannot listen for signals").caused_by(&error))?;
    let stop = stop.clone();
    tokio::spawn(async move {
        let _insisted = signals.obey(stop).await;
        std::process::exit(Exit::TryAgain.code().into());
    });
    Ok(())
}

/// Copies a roster into the spool.
pub fn claim_one(spool: &Spool, feed: &FeedConfig, roster: &Path) -> Result<Claim, Failure> {
    spool.claim_one(&feed.feed.name, roster).map_err(|error| {
        match error {
            NotClaimed::Gone => {
                return Failure::new(Exit::Refused, format!("there is no file {}", roster.display()));
            }
            NotClaimed::Unfit(Unfit::Folder) => {
                return Failure::new(Exit::Refused, format!("{} is a folder, not a roster", roster.display()))
                    .hint("name a file in it");
            }
            _ => {}
        }
        let exit = match error {
            NotClaimed::Spool { .. } => Exit::TryAgain,
            _ => Exit::Refused,
        };
        let failure = Failure::new(exit, format!("{} cannot be read", roster.display())).caused_by(&error);
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    })
}
