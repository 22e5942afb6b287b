//! What an admin has been told about a feed, so that it is told once.

use std::collections::HashMap;
use std::collections::HashSet;
use std::error::Error;

use tracing::debug;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::daemon::FeedWatch;
use crate::intake::Shown;
use crate::intake::scan::Ignored;
use crate::intake::tenancy::Tenure;
use crate::intake::watch::Following;

#[derive(Debug, Default)]
pub(super) struct Told {
    folder: Option<String>,
    memory: Option<String>,
    following: Option<Following>,
    tenure: Option<Tenure>,
    files: HashMap<String, String>,
    ignored: HashSet<Ignored>,
    seen_ignored: HashSet<Ignored>,
}

impl Told {
    /// The folder cannot be read.
    pub(super) fn folder_fault(&mut self, feed: &FeedWatch, fault: &str, hint: &str) {
        if self.folder.as_deref() != Some(fault) {
            error!(feed.name = feed.name, hint, "The folder {} is not read: {fault}", feed.folder.display());
            self.folder = Some(fault.to_owned());
        }
    }

    /// The folder can be read.
    pub(super) fn folder_read(&mut self, feed: &FeedWatch) {
        if self.folder.take().is_some() {
            info!(feed.name = feed.name, "The folder {} can be read again", feed.folder.display());
        }
    }

    /// It cannot be found out what is done.
    pub(super) fn memory_fault(&mut self, feed: &FeedWatch, fault: &str) {
        if self.memory.as_deref() != Some(fault) {
            error!(feed.name = feed.name, "No file is taken: cannot find out what is done: {fault}");
            self.memory = Some(fault.to_owned());
        }
    }

    /// It can be found out what is done.
    pub(super) fn memory_answered(&mut self) {
        self.memory = None;
    }

    /// How the folder is being watched.
    pub(super) fn following(&mut self, feed: &FeedWatch, following: Following) {
        if self.following.as_ref() == Some(&following) {
            return;
        }
        let (folder, period) = (feed.folder.display(), feed.rescan.as_secs_f64());
        match &following {
            Following::Native => debug!(feed.name = feed.name, "The kernel announces changes in {folder}"),
            Following::Polling(reason) => match reason.hint() {
                Some(hint) => warn!(feed.name = feed.name, hint, "{folder} is only read every {period} s: {reason}"),
                None => info!(feed.name = feed.name, "{folder} is read every {period} s: {reason}"),
            },
        }
        self.following = Some(following);
    }

    /// Whether the folder is kept from other daemons.
    pub(super) fn tenure(&mut self, feed: &FeedWatch, tenure: Tenure) {
        if let Tenure::Shared(why) = &tenure
            && self.tenure.as_ref() != Some(&tenure)
        {
            let hint = "see to it that no other rosterd takes rosters from the same folder";
            warn!(feed.name = feed.name, hint, "{} cannot be locked: {why}", feed.folder.display());
        }
        self.tenure = Some(tenure);
    }

    /// What is never taken. It is reported when it is seen for the second time: some programs link a file under its
    /// final name and then remove the other.
    pub(super) fn ignored(&mut self, feed: &FeedWatch, ignored: Vec<Ignored>) {
        let seen: HashSet<Ignored> = ignored.into_iter().collect();
        let twice: HashSet<Ignored> = seen.intersection(&self.seen_ignored).cloned().collect();
        for file in twice.difference(&self.ignored) {
            let hint = file.why.hint();
            warn!(feed.name = feed.name, hint, "{} is not taken: {}", shown(&file.name), file.why);
        }
        self.ignored = twice;
        self.seen_ignored = seen;
    }

    /// A file cannot be taken for now.
    pub(super) fn file_fault(&mut self, feed: &FeedWatch, name: &str, fault: String, hint: Option<&str>) {
        if self.files.get(name) != Some(&fault) {
            warn!(feed.name = feed.name, hint, "{} cannot be taken yet: {fault}", shown(name));
            self.files.insert(name.to_owned(), fault);
        }
    }

    /// Only these files are still there.
    pub(super) fn keep(&mut self, is_there: impl Fn(&str) -> bool) {
        self.files.retain(|name, _| is_there(name));
    }
}

/// Writes an error with its causes.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Writes a file name for people.
pub(super) fn shown(name: &str) -> String {
    Shown(name.as_ref()).to_string()
}
