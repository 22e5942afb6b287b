//! Proving a parsed configuration: every fault is collected, none hides another.

use std::collections::HashSet;
use std::fmt::Display;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;

use super::Config;
use super::ConfigFault;
use super::Secrets;
use super::TargetConfig;
use super::raw::RawConfig;

/// Collects faults while a configuration is proven.
pub(super) struct Prover {
    /// Relative paths of data are taken from here.
    pub(super) data_dir: PathBuf,
    /// Relative paths of secrets, certificates and templates are taken from here.
    pub(super) config_dir: PathBuf,
    /// Whether secrets are read now.
    pub(super) reads_secrets: bool,
    /// Whether one was to be read since, and was not.
    pub(super) has_skipped: bool,
    faults: Vec<ConfigFault>,
}

impl Prover {
    pub(super) fn new(path: &Path, data_dir: Option<&Path>) -> Self {
        let config_dir = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Self {
            data_dir: data_dir.unwrap_or(Path::new("rosterd-data")).to_owned(),
            config_dir: config_dir.to_owned(),
            reads_secrets: true,
            has_skipped: false,
            faults: Vec::new(),
        }
    }

    pub(super) fn into_faults(self) -> Vec<ConfigFault> {
        self.faults
    }

    pub(super) fn n_faults(&self) -> usize {
        self.faults.len()
    }

    pub(super) fn fault(&mut self, fault: ConfigFault) {
        self.faults.push(fault);
    }

    /// Proves everything. What is wrong has a stand-in in the result, which must not be used when there are faults.
    /// `feed_texts` say the same as the feeds of `raw`, without comments and layout.
    pub(super) fn config(&mut self, raw: RawConfig, feed_texts: &[String], secrets: Secrets<'_>) -> Config {
        self.unique(raw.targets.iter().map(|target| &target.name), "target");
        self.unique(raw.feeds.iter().map(|feed| &feed.name), "feed");
        if raw.feeds.is_empty() {
            self.fault(ConfigFault::missing("there is no feed").hint("add a [[feed]] with a name and a target"));
        }
        let seats: Vec<(String, Option<usize>)> =
            raw.targets.iter().map(|target| (target.name.get_ref().clone(), target.seats)).collect();
        let has_mail = raw.mail.is_some();
        let mut targets = Vec::new();
        let mut locked = Vec::new();
        for target in raw.targets {
            self.reads_secrets = secrets.of_target(target.name.get_ref());
            targets.extend(self.target(target));
            if std::mem::take(&mut self.has_skipped) {
                locked.extend(targets.last().map(|target: &TargetConfig| target.name.clone()));
            }
        }
        self.reads_secrets = secrets.of_mail();
        let mail = raw.mail.and_then(|mail| self.mail(mail));
        let mail = mail.filter(|_| !std::mem::take(&mut self.has_skipped));
        let mut feeds = Vec::new();
        for (place, feed) in raw.feeds.into_iter().enumerate() {
            let target = seats.iter().find(|(name, _)| name == feed.target.get_ref());
            if target.is_none() {
                let known: Vec<&str> = seats.iter().map(|(name, _)| name.as_str()).collect();
                self.fault(
                    ConfigFault::at(feed.target.span(), format!("there is no target `{}`", feed.target.get_ref()))
                        .hint(format!("the targets are: {}", known.join(", "))),
                );
            }
            let seats = target.and_then(|(_, seats)| *seats);
            let settings = targets.iter().find(|target| target.name == *feed.target.get_ref());
            let text = feed_texts.get(place).map(String::as_str).unwrap_or_default();
            feeds.extend(self.feed(feed, text, settings, seats, has_mail));
        }
        targets.retain(|target| !locked.contains(&target.name));
        Config { data_dir: self.data_dir.clone(), targets, mail, feeds }
    }

    fn unique<'n>(&mut self, names: impl Iterator<Item = &'n Spanned<String>>, what: &str) {
        let mut seen = HashSet::new();
        for name in names {
            if name.get_ref().trim().is_empty() {
                self.fault(ConfigFault::at(name.span(), format!("a {what} needs a name")));
            } else if !seen.insert(name.get_ref().to_lowercase()) {
                self.fault(ConfigFault::at(name.span(), format!("there are two {what}s named `{}`", name.get_ref())));
            }
        }
    }

    /// Picks one of `choices`, or the first when nothing is said.
    pub(super) fn choice<T: Copy>(&mut self, value: Option<&Spanned<String>>, choices: &[(&str, T)]) -> T {
        let first = choices[0].1;
        let Some(value) = value else { return first };
        match choices.iter().find(|(word, _)| value.get_ref() == word) {
            Some((_, choice)) => *choice,
            None => {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                let text = format!("`{}` is not one of: {}", value.get_ref(), words.join(", "));
                self.fault(ConfigFault::at(value.span(), text));
                first
            }
        }
    }

    /// Reads a duration such as `10s`, `5m` or `1h 30m`.
    pub(super) fn duration(&mut self, value: Option<&Spanned<String>>, default: Duration) -> Duration {
        let Some(value) = value else { return default };
        let parsed = jiff::SignedDuration::from_str(value.get_ref()).ok().and_then(|d| Duration::try_from(d).ok());
        parsed.unwrap_or_else(|| {
            self.fault(
                ConfigFault::at(value.span(), format!("`{}` is not a length of time", value.get_ref()))
                    .hint("write 500ms, 10s, 5m or 1h"),
            );
            default
        })
    }

    /// Reads a number of days such as `30d`, or a length of time.
    pub(super) fn days(&mut self, value: &Spanned<String>) -> Duration {
        const DAY: u64 = 24 * 60 * 60;
        let days = value.get_ref().trim().strip_suffix('d').and_then(|days| days.trim().parse::<u64>().ok());
        match days.and_then(|days| days.checked_mul(DAY)) {
            Some(seconds) => Duration::from_secs(seconds),
            None => self.duration(Some(value), Duration::MAX),
        }
    }

    /// Makes `result` a fault at `span` when it is an error.
    pub(super) fn take<T, E: Display>(&mut self, span: Range<usize>, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.fault(ConfigFault::at(span, error.to_string()))).ok()
    }

    /// Reads a certificate, template or the like beside the configuration.
    pub(super) fn file(&mut self, path: &Spanned<PathBuf>) -> Option<Vec<u8>> {
        let full = self.config_dir.join(path.get_ref());
        let read = std::fs::read(&full).map_err(|error| format!("cannot read {}: {error}", full.display()));
        self.take(path.span(), read)
    }
}
