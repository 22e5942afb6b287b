//! Connections that are kept for the next operation, the patience to get a new one, and the choice among servers.
//!
//! The server that answers is kept until it fails, so that what is written is read back from where it was written; the
//! next process begins with it too, since the others may not have everything yet. The next one is tried when a server is
//! *unavailable*, never when it cannot be *trusted*: somebody may be in the middle.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use backon::BackoffBuilder;
use backon::ExponentialBuilder;
use tokio::time::Instant;

use self::lanes::Lanes;
use super::connection::Connection;
use super::dial::dial;
use super::dial::dial_tapped;
use super::name::Dn;
use super::profile;
use super::server::RootDse;
use super::settings::Access;
use super::settings::PasswordPolicy;
use crate::directory::Newest;
use crate::directory::Remarks;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::remark::Remark;

mod lanes;
mod progress;

/// A connection that has been idle for longer may have been dropped on the way without a word.
const FRESH: Duration = Duration::from_secs(30);
/// More are not kept.
const IDLE: usize = 4;
/// After nobody has used any server for so long, those that took no writes are tried again.
const FORGET: Duration = Duration::from_secs(300);

/// The connections of one target. Whoever reads page by page has one alone: some servers allow only one paged search
/// at a time on a connection, and answers to writes must not wait behind a long read.
#[derive(Debug)]
pub struct Pool {
    /// The servers, the preferred one first; there is one at least.
    servers: Vec<Access>,
    people_base: Dn,
    /// How long copies of one directory may differ.
    replication_wait: Duration,
    choice: Mutex<Choice>,
    lanes: Lanes,
    remarks: Remarks,
    newest: Newest,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Anything,
    /// Reading everybody.
    Everybody,
}

/// Which server is used.
#[derive(Debug)]
struct Choice {
    server: usize,
    /// Servers that have refused to take writes.
    read_only: Vec<bool>,
    /// Until when a server that takes the place of another one may lack what was written to that.
    lags_until: Option<Instant>,
    /// The server whose place another one is about to take.
    left: Option<usize>,
    used: Instant,
    known: Option<Known>,
    idle: Vec<Connection>,
}

/// What all servers of a target have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    kind: &'static str,
    context: Option<String>,
}

impl Pool {
    /// Returns a pool without connections.
    pub fn new(servers: Vec<Access>, people_base: Dn, replication_wait: Duration) -> Self {
        let choice = Choice {
            server: 0,
            read_only: vec![false; servers.len()],
            lags_until: None,
            left: None,
            used: Instant::now(),
            known: None,
            idle: Vec::new(),
        };
        Self {
            servers,
            people_base,
            replication_wait,
            choice: Mutex::new(choice),
            lanes: Lanes::default(),
            remarks: Remarks::default(),
            newest: Newest::default(),
        }
    }

    /// Returns how the server in use is reached.
    pub fn access(&self) -> &Access {
        &self.servers[self.choice().server]
    }

    /// Returns which of the servers is in use.
    pub fn server(&self) -> usize {
        self.choice().server
    }

    /// Returns where is told what is true of the run as a whole.
    pub fn remarks(&self) -> &Remarks {
        &self.remarks
    }

    /// Returns where is told which server is written to.
    pub fn newest(&self) -> &Newest {
        &self.newest
    }

    /// Returns all servers.
    pub fn servers(&self) -> &[Access] {
        &self.servers
    }

    /// Returns why a password cannot be written, when that is so for any server.
    pub fn no_password(&self) -> Option<&'static str> {
        self.servers.iter().find_map(Access::no_password)
    }

    /// Returns a connection that nobody else uses. A server that cannot be reached is tried again a few times, with
    /// growing pauses, for some seconds in all; where there are several, each in turn.
    pub async fn lease(self: &Arc<Self>) -> Result<Lease, Fault> {
        let connection = match self.idle_one() {
            Some(connection) => connection,
            None => self.patiently(Purpose::Anything).await?,
        };
        Ok(Lease { pool: Arc::clone(self), connection: Some(connection) })
    }

    /// Returns a connection for reading a whole directory; see [`super::tap`]. It is not kept afterwards.
    pub async fn lease_tapped(self: &Arc<Self>) -> Result<Lease, Fault> {
        let connection = self.patiently(Purpose::Everybody).await?;
        Ok(Lease { pool: Arc::clone(self), connection: Some(connection) })
    }

    async fn patiently(&self, purpose: Purpose) -> Result<Connection, Fault> {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(250))
            .with_max_delay(Duration::from_secs(4))
            .with_max_times(4)
            .with_jitter()
            .build();
        for pause in pauses {
            match self.connect(purpose).await {
                Err(fault) if fault.next == Next::Retry => {
                    tracing::debug!("Connecting failed, trying again: {fault}");
                    tokio::time::sleep(pause).await;
                }
                answer => return answer,
            }
        }
        self.connect(purpose).await
    }

    /// Returns whether a connection is still of use.
    fn uses(&self, connection: &Connection) -> bool {
        self.choice().uses(connection)
    }

    /// Gives up the server of a connection, which takes no writes. Returns whether there is another one.
    pub fn pass_over(&self, connection: &Connection) -> bool {
        let mut choice = self.choice();
        choice.read_only[connection.server] = true;
        choice.idle.retain(|idle| idle.server != connection.server);
        let url = &self.servers[connection.server].url;
        self.remarks.tell(Remark::TakesNoWrites(url.to_string()));
        choice.read_only.iter().any(|read_only| !read_only)
    }

    /// Connects to the server in use, or to the first one after it that answers.
    async fn connect(&self, purpose: Purpose) -> Result<Connection, Fault> {
        let first = self.begin_with();
        let several = self.servers.len() > 1;
        let mut last = None;
        for server in (0..self.servers.len()).map(|step| (first + step) % self.servers.len()) {
            if self.choice().read_only[server] {
                continue;
            }
            let access = &self.servers[server];
            let dialled = match purpose {
                // On the heap: a handshake takes much of a thread's stack.
                Purpose::Anything => Box::pin(dial(access)).await,
                Purpose::Everybody => Box::pin(dial_tapped(access)).await,
            };
            let settled = match dialled {
                Ok(connection) => self.settle(server, connection).await,
                Err(fault) => Err(fault),
            };
            match settled {
                Ok(connection) => return Ok(connection),
                Err(fault) if several && fault.next == Next::Retry => {
                    tracing::warn!(target.url = %access.url, "The server is not available: {fault}");
                    let before = last.take().map(|before: Fault| before.reason + "; ").unwrap_or_default();
                    last = Some(Fault { reason: before + &fault.reason, ..fault });
                }
                Err(fault) if several && !fault.reason.contains(access.url.as_str()) => {
                    return Err(Fault { reason: format!("{}: {}", access.url, fault.reason), ..fault });
                }
                Err(fault) => return Err(fault),
            }
        }
        Err(last.unwrap_or_else(|| Fault::new(Next::StopRun, "none of the servers takes writes")))
    }

    /// Returns which server to try first.
    fn begin_with(&self) -> usize {
        let mut choice = self.choice();
        if choice.used.elapsed() > FORGET {
            choice.read_only.fill(false);
            choice.used = Instant::now();
        }
        if choice.known.is_none()
            && let Some(newest) = self.newest.server()
        {
            match self.servers.iter().position(|server| *server.url.as_str() == *newest) {
                Some(server) => choice.server = server,
                // It is no longer among the target's: whichever takes its place may lack what it had.
                None => choice.lags_until = choice.lags_until.or(Some(Instant::now() + self.replication_wait)),
            }
        }
        choice.server
    }

    /// Makes a server the one in use. What was written to another one is given the time to get there, and must then be
    /// there as far as servers tell: an entry that is only late must not be taken for one that was never written.
    async fn settle(&self, server: usize, mut connection: Connection) -> Result<Connection, Fault> {
        connection.server = server;
        let known = self.known(&connection.root);
        let wait = {
            let mut choice = self.choice();
            match &choice.known {
                Some(first) if *first != known => {
                    let why = "is not a copy of the same directory as the server before it: its kind or its naming \
                               context is another one";
                    return Err(Fault::new(Next::StopRun, format!("{} {why}", self.servers[server].url)));
                }
                Some(_) => {}
                None => choice.known = Some(known),
            }
            choice.wait_for(server, self.replication_wait)
        };
        if let Some(until) = wait {
            tokio::time::sleep_until(until).await;
        }
        self.has_caught_up(&connection).await?;
        let mut choice = self.choice();
        let url = &self.servers[server].url;
        if choice.server != server {
            self.remarks.tell(Remark::OtherServer(url.to_string()));
            choice.idle.clear();
        }
        choice.server = server;
        choice.used = Instant::now();
        self.newest.remember(url.as_str());
        drop(choice);
        Ok(connection)
    }

    /// Returns whether two servers are of one kind and hold the same naming context.
    pub fn are_copies(&self, one: &RootDse, other: &RootDse) -> bool {
        self.known(one) == self.known(other)
    }

    fn known(&self, root: &RootDse) -> Known {
        let context = self.context(root).map(|dn| dn.key().as_str().to_owned());
        Known { kind: profile::of(None, PasswordPolicy::Auto, root).kind, context }
    }

    /// Returns the naming context that people are in.
    fn context(&self, root: &RootDse) -> Option<Dn> {
        let contexts = root.contexts.iter().filter_map(|text| Dn::parse(text).ok());
        contexts.filter(|context| self.people_base.is_within(context)).max_by_key(|dn| dn.key().as_str().len())
    }

    fn choice(&self) -> MutexGuard<'_, Choice> {
        self.choice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle_one(&self) -> Option<Connection> {
        let mut choice = self.choice();
        choice.idle.retain(|connection| !connection.is_lost() && connection.idle_since.elapsed() < FRESH);
        let found = choice.idle.pop();
        if found.is_some() {
            choice.used = Instant::now();
        }
        found
    }

    fn give_back(&self, mut connection: Connection) {
        let mut choice = self.choice();
        choice.used = Instant::now();
        if connection.is_tapped() || !choice.uses(&connection) {
            return;
        }
        connection.idle_since = Instant::now();
        if choice.idle.len() < IDLE {
            choice.idle.push(connection);
        }
    }
}

impl Choice {
    /// Returns whether a connection is there, and to the server in use.
    fn uses(&self, connection: &Connection) -> bool {
        !connection.is_lost() && connection.server == self.server && !self.read_only[connection.server]
    }

    /// Returns until when a server must be waited for: as long as copies may differ, once, when it takes the place of
    /// another one.
    fn wait_for(&mut self, server: usize, replication_wait: Duration) -> Option<Instant> {
        if self.server != server {
            if self.left != Some(self.server) {
                (self.left, self.lags_until) = (Some(self.server), Some(Instant::now() + replication_wait));
            }
        } else if self.left == Some(server) {
            // It is back before another one took its place.
            (self.left, self.lags_until) = (None, None);
        }
        self.lags_until
    }
}

/// A connection in use. It goes back when dropped, unless it is lost.
#[derive(Debug)]
pub struct Lease {
    pool: Arc<Pool>,
    connection: Option<Connection>,
}

impl Deref for Lease {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a lease has its connection until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.give_back(connection);
        }
    }
}

#[cfg(test)]
mod tests;
