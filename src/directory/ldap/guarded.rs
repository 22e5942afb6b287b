//! Who is an administrator now: the members of protected groups, however deep, as the directory has them.
//!
//! They are read when a plan is made, and again before a batch is written when what is known is no longer fresh: at
//! most one second old, or twenty times as old as reading them takes, so that it costs a twentieth of the time at most.
//! Batches that wait for their turn read them beside the one that is being sent, so that the server need not wait.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::time::Duration;

use tokio::time::Instant;

use self::walk::Walk;
use super::Dsa;
use super::connection::Connection;
use super::entry::Entry;
use super::name::Dn;
use crate::directory::name_rules;
use crate::roster::fault::Fault;
use crate::roster::name_key::MatchKey;
use crate::roster::name_key::folded;

mod walk;

/// How old what is known may be in any case.
const FRESH: Duration = Duration::from_secs(1);
/// How many times as old as reading it takes.
const PATIENCE: u32 = 20;

/// What is known of protected groups.
#[derive(Debug, Default)]
pub struct Guarded {
    known: RwLock<Arc<Members>>,
    /// Held while they are read, so that two batches do not read them twice.
    reading: tokio::sync::Mutex<()>,
}

/// Everybody in protected groups, with the name of the group.
#[derive(Debug, Default)]
struct Members {
    people: HashMap<MatchKey, Arc<str>>,
    usernames: HashMap<MatchKey, Arc<str>>,
    /// What the names of those look like.
    looks: HashMap<String, Box<str>>,
    /// Groups within protected groups: who joins one becomes an administrator.
    groups: HashMap<MatchKey, Arc<str>>,
    /// Who has one of these as `gidNumber` is a member without being listed (RFC 2307 section 3).
    gids: HashMap<String, Arc<str>>,
    read: Option<(Instant, Duration)>,
}

/// How fresh what is known must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// As of now.
    Now,
    /// Not to be read again soon.
    NotDue,
    /// See the module.
    Recent,
}

impl Dsa {
    /// Makes sure that the members of protected groups are known.
    pub(super) async fn know_guarded(&self, connection: &Connection, freshness: Freshness) -> Result<(), Fault> {
        if !self.has_guards() {
            return Ok(());
        }
        let _one = self.guarded.reading.lock().await;
        if self.guarded.known().is(freshness) { Ok(()) } else { self.read_guarded(connection).await }
    }

    /// Waits until they are best read again; for ever before they have been read at all.
    pub(super) async fn guarded_are_due(&self) {
        match self.guarded.known().due() {
            Some(due) => tokio::time::sleep_until(due).await,
            None => std::future::pending().await,
        }
    }

    /// Reads them again when that is due.
    pub(super) async fn keep_guarded(&self) -> Result<(), Fault> {
        let _one = self.guarded.reading.lock().await;
        if self.guarded.known().is(Freshness::NotDue) {
            return Ok(());
        }
        // What waits on other connections is not waited for.
        let lease = self.pool.lease().await?;
        self.read_guarded(&lease).await
    }

    async fn read_guarded(&self, connection: &Connection) -> Result<(), Fault> {
        let began = Instant::now();
        let mut members = Walk::new(self, connection).members().await?;
        members.read = Some((began, began.elapsed()));
        *self.guarded.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(members);
        Ok(())
    }

    fn has_guards(&self) -> bool {
        !self.site.protected.groups().is_empty() || self.site.profile.guards.administrators.is_some()
    }

    /// Returns why an account is never written, when that is so.
    pub(super) fn guards(&self, dn: &Dn, username: &str) -> Option<String> {
        self.guards_spelled(&dn.to_string(), username)
    }

    /// The same for the name of an entry in its canonical spelling.
    pub(super) fn guards_spelled(&self, dn: &str, username: &str) -> Option<String> {
        self.site.protected.reason(dn, username).or_else(|| self.guarded.known().reason(dn, username))
    }

    /// Returns why a group is never written, when that is so.
    pub(super) fn guards_group(&self, dn: &Dn, name: &str) -> Option<String> {
        let nested = || {
            let known = self.guarded.known();
            let group = known.groups.get(&dn.key())?;
            Some(format!("who joins it becomes a member of the protected group {group}"))
        };
        self.site.protected.group_reason(dn, name).or_else(nested)
    }

    /// Returns why a group that was read with the attributes of the server's guards is never written, when that is so.
    pub(super) fn guards_found(&self, dn: &Dn, name: &str, entry: &Entry) -> Option<String> {
        let by_itself = || (self.site.profile.guards.reason)(entry).map(str::to_owned);
        self.guards_group(dn, name).or_else(by_itself)
    }

    /// Returns why no new account may have this name, when that is so.
    pub(super) fn guards_new_name(&self, username: &str) -> Option<String> {
        let listed = self.site.protected.look_alike(username);
        listed.or_else(|| {
            let known = self.guarded.known();
            if known.looks.is_empty() {
                return None;
            }
            let like = known.looks.get(&name_rules::look(username))?;
            Some(format!("the name looks like `{like}`, which is an administrator's"))
        })
    }

    /// Returns why an attribute never gets a value, when that is so: some numbers are rights.
    pub(super) fn guards_value(&self, attribute: &str, value: &[u8]) -> Option<String> {
        let is = |name: &str| attribute.eq_ignore_ascii_case(name);
        if !is("uidNumber") && !is("gidNumber") {
            return None;
        }
        let number = std::str::from_utf8(value).ok()?.trim();
        if number.parse::<i64>() == Ok(0) {
            return Some(format!("{attribute} 0 is that of the superuser"));
        }
        let known = self.guarded.known();
        let group = known.gids.get(number).filter(|_| is("gidNumber"))?;
        Some(format!("{attribute} {number} is that of the protected group {group}"))
    }
}

impl Guarded {
    fn known(&self) -> Arc<Members> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Members {
    fn is(&self, freshness: Freshness) -> bool {
        let until = match freshness {
            Freshness::Now => None,
            Freshness::NotDue => self.due(),
            Freshness::Recent => self.read.map(|(began, took)| began + keeps(took)),
        };
        until.is_some_and(|until| Instant::now() <= until)
    }

    /// Returns when they are best read again: early enough for it to be done when it must be.
    fn due(&self) -> Option<Instant> {
        self.read.map(|(began, took)| began + keeps(took) / 2)
    }

    fn reason(&self, dn: &str, username: &str) -> Option<String> {
        if self.people.is_empty() && self.usernames.is_empty() {
            return None;
        }
        let by_name = || self.usernames.get(&*folded(username)).filter(|_| !username.is_empty());
        let group = self.people.get(&*folded(dn)).or_else(by_name)?;
        Some(format!("it is a member of the protected group {group}"))
    }

    fn add_username(&mut self, username: &str, group: &Arc<str>) {
        self.usernames.entry(MatchKey::new(username)).or_insert_with(|| Arc::clone(group));
        self.add_look(username);
    }

    fn add_look(&mut self, username: &str) {
        self.looks.entry(name_rules::look(username)).or_insert_with(|| username.into());
    }
}

/// Returns how old what is known may be when reading it took so long.
fn keeps(took: Duration) -> Duration {
    FRESH.max(took * PATIENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ago_ms: u64, took_ms: u64) -> Members {
        let began = Instant::now() - Duration::from_millis(ago_ms);
        Members { read: Some((began, Duration::from_millis(took_ms))), ..Members::default() }
    }

    #[test]
    fn what_is_known_gets_due_before_it_gets_old() {
        use Freshness::NotDue;
        use Freshness::Now;
        use Freshness::Recent;
        let is = |members: Members| [NotDue, Recent, Now].map(|freshness| members.is(freshness));
        assert_eq!(is(Members::default()), [false; 3]);
        for (quick, slow, wanted) in
            [(0, 0, [true, true, false]), (700, 1400, [false, true, false]), (1100, 2200, [false; 3])]
        {
            assert_eq!(is(read(quick, 10)), wanted, "{quick} ms ago");
            assert_eq!(is(read(slow, 100)), wanted, "{slow} ms ago, and it took a tenth of a second");
        }
    }
}
