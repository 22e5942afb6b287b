//! Who is never written: by rule, and by membership of a group that is never written.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::MutexGuard;
use tokio::time::Instant;

use super::settings::ScimSettings;
use super::settings::SettingFault;
use super::wire::ResourceId;
use crate::directory::name_rules::NameRules;

/// How long what was read of the members of protected groups is believed.
const RECENT: Duration = Duration::from_secs(30);

/// The rules, and who is in the groups that they name.
#[derive(Debug)]
pub(super) struct Guard {
    people: NameRules,
    groups: NameRules,
    has_groups: bool,
    inside: tokio::sync::Mutex<Recent>,
}

/// What was read last of the members of protected groups.
#[derive(Debug, Default)]
pub(super) struct Recent(Option<(Instant, Inside)>);

/// The members of protected groups.
pub(super) type Inside = Arc<HashSet<ResourceId>>;

impl Guard {
    /// Reads the rules.
    pub(super) fn new(settings: &ScimSettings) -> Result<Self, SettingFault> {
        let (mut people, mut groups) = (NameRules::default(), NameRules::default());
        for (key, list) in [("protected", &settings.protected), ("approvers", &settings.approvers)] {
            for text in list {
                let why = format!("`{text}` is listed in `{key}`");
                people.add(text, &why).map_err(|reason| SettingFault { key, reason })?;
            }
        }
        for text in &settings.protected_groups {
            let key = "protected_groups";
            let why = format!("`{text}` is listed in `{key}`");
            groups.add(text, &why).map_err(|reason| SettingFault { key, reason })?;
        }
        let has_groups = !settings.protected_groups.is_empty();
        Ok(Self { people, groups, has_groups, inside: tokio::sync::Mutex::default() })
    }

    /// Returns why an account must not be written, when that is so.
    pub(super) fn why(&self, username: &str, id: &ResourceId, inside: &HashSet<ResourceId>) -> Option<String> {
        let by_name = self.people.reason(username).map(str::to_owned);
        by_name.or_else(|| inside.contains(id).then(|| "it is in a group of `protected_groups`".to_owned()))
    }

    /// Returns why no new account may be called `username`, when that is so: it is protected, or looks as if it were.
    pub(super) fn why_not_new(&self, username: &str) -> Option<String> {
        let alike = || {
            let (rule, _) = self.people.look_alike(username)?;
            Some(format!("the name looks like `{rule}`, which is protected"))
        };
        self.people.reason(username).map(str::to_owned).or_else(alike)
    }

    /// Returns why a group must not be written, when that is so.
    pub(super) fn why_not_group(&self, name: &str) -> Option<String> {
        self.groups.reason(name).map(str::to_owned)
    }

    /// Returns whether there are protected groups, whose members must be known before anybody is written.
    pub(super) fn has_groups(&self) -> bool {
        self.has_groups
    }

    /// Waits for the turn to know who is in protected groups: what was read of that just now, or a place to put it.
    pub(super) async fn inside(&self) -> MutexGuard<'_, Recent> {
        self.inside.lock().await
    }
}

impl Recent {
    /// Returns what was read, unless that is too long ago.
    pub(super) fn known(&self) -> Option<Inside> {
        self.0.as_ref().filter(|(at, _)| at.elapsed() < RECENT).map(|(_, inside)| Arc::clone(inside))
    }

    /// Keeps what was read.
    pub(super) fn keep(&mut self, inside: HashSet<ResourceId>) -> Inside {
        let inside = Arc::new(inside);
        self.0 = Some((Instant::now(), Arc::clone(&inside)));
        inside
    }
}
