//! A service of which it is known what it can do.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use tokio::time::Instant;

use super::bulk::Bulk;
use super::find::Trust;
use super::guard::Guard;
use super::locks::Locks;
use super::path::AttributePath;
use super::service::Service;
use super::settings::ScimSettings;
use super::sweep::List;
use super::tally::Tally;
use super::transport::Transport;
use crate::directory::Capabilities;
use crate::directory::Remarks;

/// How long what was discovered is believed.
const DISCOVERED: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);
/// Nobody knows.
const UNKNOWN: u64 = u64::MAX;

/// What does not change when a service is discovered once more.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) settings: Arc<ScimSettings>,
    pub(super) transport: Arc<Transport>,
    pub(super) guard: Arc<Guard>,
    pub(super) locks: Arc<Locks>,
    pub(super) remarks: Arc<Remarks>,
}

/// A service of which it is known what it can do.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) settings: Arc<ScimSettings>,
    pub(super) transport: Arc<Transport>,
    pub(super) guard: Arc<Guard>,
    pub(super) locks: Arc<Locks>,
    pub(super) remarks: Arc<Remarks>,
    pub(super) service: Service,
    pub(super) tally: Tally,
    pub(super) trust: Mutex<HashMap<(List, AttributePath), Trust>>,
    pub(super) bulk: Bulk,
    /// How many users there were when they were last counted.
    n_users: AtomicU64,
    n_groups: AtomicU64,
    since: Instant,
}

impl Provider {
    pub(super) fn new(site: Site, service: Service) -> Self {
        let Site { settings, transport, guard, locks, remarks } = site;
        Self {
            tally: Tally::new(settings.verify),
            settings,
            transport,
            guard,
            locks,
            remarks,
            service,
            trust: Mutex::default(),
            bulk: Bulk::default(),
            n_users: AtomicU64::new(UNKNOWN),
            n_groups: AtomicU64::new(UNKNOWN),
            since: Instant::now(),
        }
    }

    /// Returns whether what was discovered is too long ago.
    pub(super) fn is_stale(&self) -> bool {
        self.since.elapsed() > DISCOVERED
    }

    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            groups: self.service.groups.is_some(),
            roles: self.settings.role_attribute.is_some(),
            channels: false,
            disable: true,
            must_change: self.settings.must_change_attribute.is_some(),
            passwords: self.takes_passwords(),
        }
    }

    /// Remembers how many there are.
    pub(super) fn note_total(&self, list: List, total: Option<u64>) {
        if let Some(total) = total {
            self.size(list).store(total, Ordering::Relaxed);
        }
    }

    /// Returns how many pages a list has, if that is known.
    pub(super) fn pages_of(&self, list: List) -> Option<usize> {
        let total = self.size(list).load(Ordering::Relaxed);
        let per_page = self.page_size().unwrap_or(100).max(1);
        (total != UNKNOWN).then(|| usize::try_from(total / per_page + 1).unwrap_or(usize::MAX))
    }

    fn size(&self, list: List) -> &AtomicU64 {
        match list {
            List::Users => &self.n_users,
            List::Groups | List::GroupNames => &self.n_groups,
        }
    }
}
