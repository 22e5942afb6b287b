//! Which server of a target has what was written last, where a target has several that are copies of each other.

use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use tokio::sync::Notify;

/// The server that a run writes to, by its URL. Another one may lack what was written to it, so it is the first to be
/// asked the next time: whoever outlives the program remembers it.
#[derive(Debug, Default)]
pub struct Newest {
    known: Mutex<Known>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Known {
    server: Option<Box<str>>,
    progress: Option<Box<str>>,
}

impl Newest {
    /// Remembers the server. The one that is known already is no news.
    pub fn remember(&self, server: &str) {
        let mut known = self.known();
        if known.server.as_deref() != Some(server) {
            known.server = Some(server.into());
            self.news.notify_one();
        }
    }

    /// Remembers how far the server has come with what was written, in words of its own. Another one must have come as
    /// far before it takes its place.
    pub fn reached(&self, server: &str, progress: &str) {
        let mut known = self.known();
        if known.server.as_deref() != Some(server) || known.progress.as_deref() != Some(progress) {
            *known = Known { server: Some(server.into()), progress: Some(progress.into()) };
            self.news.notify_one();
        }
    }

    /// Remembers what an earlier run has written down.
    pub fn recall(&self, server: &str, progress: Option<&str>) {
        match progress {
            Some(progress) => self.reached(server, progress),
            None => self.remember(server),
        }
    }

    /// Returns the server, once one is known.
    pub fn server(&self) -> Option<Box<str>> {
        self.known().server.clone()
    }

    /// Returns how far the server has come that was last written to, if that is known.
    pub fn progress(&self) -> Option<Box<str>> {
        self.known().progress.clone()
    }

    /// Waits for another server, or for progress. What came while nobody waited counts.
    pub async fn news(&self) {
        self.news.notified().await;
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
