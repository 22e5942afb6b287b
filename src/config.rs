//! The configuration: parsed, then proven. Nothing downstream holds an `Option` that must be `Some`.

mod fault;
mod feed;
mod limit;
mod map;
mod prove;
mod raw;
mod scim;
mod secrets;
mod target;

use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use fault::ConfigFault;
pub use fault::ConfigFaults;

use crate::daemon::schedule::Schedule;
use crate::directory::ldap::LdapSettings;
use crate::directory::local::LocalSettings;
use crate::directory::scim::ScimSettings;
use crate::exit::Exit;
use crate::exit::Failure;
use crate::intake::scan::Patterns;
use crate::intake::watch;
use crate::mail::MailSettings;
use crate::run::feed::Feed;
use prove::Prover;

/// Whose secrets are read when a configuration is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets<'a> {
    /// All of them.
    All,
    /// Those of one target, and maybe of the mail server.
    Of {
        /// The target's name.
        target: &'a str,
        /// Whether letters may be sent.
        mail: bool,
    },
    /// None.
    None,
}

impl Secrets<'_> {
    fn of_target(self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Of { target, mail: _ } => target == name,
            Self::None => false,
        }
    }

    fn of_mail(self) -> bool {
        matches!(self, Self::All | Self::Of { mail: true, .. })
    }
}

/// The proven configuration without what is secret in it: enough to see how runs stand, and to decide about them.
#[derive(Debug)]
pub struct Outline {
    /// Journal, history and spool.
    pub data_dir: PathBuf,
    /// Drop folders with their rules.
    pub feeds: Vec<FeedConfig>,
}

/// The proven configuration.
#[derive(Debug)]
pub struct Config {
    /// Journal, history and spool.
    pub data_dir: PathBuf,
    /// Where accounts go.
    pub targets: Vec<TargetConfig>,
    /// The mail server.
    pub mail: Option<MailSettings>,
    /// Drop folders with their rules.
    pub feeds: Vec<FeedConfig>,
}

/// One target.
#[derive(Debug)]
pub struct TargetConfig {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TargetKind,
}

impl TargetConfig {
    /// Returns whether it has an archive for those who leave.
    fn has_archive(&self) -> bool {
        matches!(&self.kind, TargetKind::Ldap(settings) if settings.archive_base.is_some())
    }
}

/// What a target is.
#[derive(Debug)]
pub enum TargetKind {
    /// The embedded directory.
    Local(LocalSettings),
    /// An LDAP server.
    Ldap(Box<LdapSettings>),
    /// A SCIM service.
    Scim(Box<ScimSettings>),
}

/// One feed with its folder.
#[derive(Debug)]
pub struct FeedConfig {
    /// Its rules.
    pub feed: Arc<Feed>,
    /// Its drop folder; a feed without one is for `rosterd import` alone.
    pub folder: Option<PathBuf>,
    /// Which files are rosters.
    pub patterns: Patterns,
    /// How changes of the folder are noticed.
    pub watch: watch::Mode,
    /// How often the folder is read.
    pub rescan: Duration,
    /// How long a file must not change.
    pub settle: Duration,
    /// When it may be processed; `None`: always.
    pub schedule: Option<Schedule>,
}

impl Config {
    /// Reads and proves the file. `data_dir` overrides the file's. A target that has a secret which is not
    /// read is not in the result, and neither is such a mail server: nobody is to use one with half of its settings.
    pub fn load(path: &Path, data_dir: Option<&Path>, secrets: Secrets<'_>) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::new(Exit::Config, format!("cannot read the configuration {}", path.display()))
                .caused_by(&error)
                .hint("name the file with --config FILE")
        })?;
        Self::prove(path, &text, data_dir, secrets).map_err(|faults| Failure::new(Exit::Config, faults.to_string()))
    }

    /// Proves `text`, which is the content of `path`, and reads all secrets.
    pub fn parse(path: &Path, text: &str, data_dir: Option<&Path>) -> Result<Self, ConfigFaults> {
        Self::prove(path, text, data_dir, Secrets::All)
    }

    fn prove(path: &Path, text: &str, data_dir: Option<&Path>, secrets: Secrets<'_>) -> Result<Self, ConfigFaults> {
        let raw: raw::RawConfig = toml::from_str(text).map_err(|error| {
            let fault = ConfigFault { span: error.span(), text: error.message().trim().to_owned(), hint: None };
            ConfigFaults::new(path, text, vec![fault])
        })?;
        let mut prover = Prover::new(path, data_dir.or(raw.data_dir.as_deref()));
        let config = prover.config(raw, &feed_texts(text), secrets);
        let faults = prover.into_faults();
        if faults.is_empty() { Ok(config) } else { Err(ConfigFaults::new(path, text, faults)) }
    }

    /// Returns what of it is not secret.
    pub fn into_outline(self) -> Outline {
        Outline { data_dir: self.data_dir, feeds: self.feeds }
    }

    /// Returns the feed of this name.
    pub fn feed(&self, name: &str) -> Option<&FeedConfig> {
        self.feeds.iter().find(|feed| feed.feed.name == name)
    }

    /// Returns the target of this name.
    pub fn target(&self, name: &str) -> Option<&TargetConfig> {
        self.targets.iter().find(|target| target.name == name)
    }
}

impl Outline {
    /// Reads and proves the file without reading a secret. `data_dir` overrides the file's.
    pub fn load(path: &Path, data_dir: Option<&Path>) -> Result<Self, Failure> {
        Config::load(path, data_dir, Secrets::None).map(Config::into_outline)
    }

    /// Returns the feed of this name.
    pub fn feed(&self, name: &str) -> Option<&FeedConfig> {
        self.feeds.iter().find(|feed| feed.feed.name == name)
    }
}

/// Returns every feed's part of the file without comments and layout, in the order of the file: what its rules are, and
/// no more.
fn feed_texts(text: &str) -> Vec<String> {
    let table: toml::Table = toml::from_str(text).unwrap_or_default();
    let feeds = table.get("feed").and_then(toml::Value::as_array);
    feeds.into_iter().flatten().map(ToString::to_string).collect()
}
