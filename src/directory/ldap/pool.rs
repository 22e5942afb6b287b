//! Connections that are kept for the next operation, and the patience to get a new one.

use std::future::Future;
use std::ops::Deref;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use backon::BackoffBuilder;
use backon::ExponentialBuilder;
use tokio::time::Instant;

use super::connection::Connection;
use super::dial::dial;
use super::dial::dial_tapped;
use super::settings::Access;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;

/// A connection that has been idle for longer may have been dropped on the way without a word.
const FRESH: Duration = Duration::from_secs(30);
/// More are not kept.
const IDLE: usize = 3;

/// The connections of one target. Whoever reads page by page has one alone: some servers allow only one paged search
/// at a time on a connection, and answers to writes must not wait behind a long read.
#[derive(Debug)]
pub struct Pool {
    pub access: Access,
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// Returns a pool without connections.
    pub fn new(access: Access) -> Self {
        Self { access, idle: Mutex::default() }
    }

    /// Returns a connection that nobody else uses. A server that cannot be reached is tried again a few times, with
    /// growing pauses, for some seconds in all.
    pub async fn lease(&self) -> Result<Lease<'_>, Fault> {
        let connection = match self.idle_one() {
            Some(connection) => connection,
            None => self.patiently(|| dial(&self.access)).await?,
        };
        Ok(Lease { pool: self, connection: Some(connection) })
    }

    /// Returns a connection for reading a whole directory; see [`super::tap`]. It is not kept afterwards.
    pub async fn lease_tapped(&self) -> Result<Lease<'_>, Fault> {
        let connection = self.patiently(|| dial_tapped(&self.access)).await?;
        Ok(Lease { pool: self, connection: Some(connection) })
    }

    async fn patiently<F>(&self, dial: impl Fn() -> F) -> Result<Connection, Fault>
    where
        F: Future<Output = Result<Connection, Fault>>,
    {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(250))
            .with_max_delay(Duration::from_secs(4))
            .with_max_times(4)
            .with_jitter()
            .build();
        for pause in pauses {
            match dial().await {
                Err(fault) if fault.next == Next::Retry => {
                    tracing::debug!(target.url = %self.access.url, "Connecting failed, trying again: {fault}");
                    tokio::time::sleep(pause).await;
                }
                answer => return answer,
            }
        }
        dial().await
    }

    fn idle_one(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|connection| !connection.is_lost() && connection.idle_since.elapsed() < FRESH);
        idle.pop()
    }

    fn give_back(&self, mut connection: Connection) {
        if connection.is_lost() || connection.is_tapped() {
            return;
        }
        connection.idle_since = Instant::now();
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}

/// A connection in use. It goes back when dropped, unless it is lost.
#[derive(Debug)]
pub struct Lease<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Deref for Lease<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.connection.as_ref().expect("a lease has its connection until it is dropped")
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.pool.give_back(connection);
        }
    }
}
