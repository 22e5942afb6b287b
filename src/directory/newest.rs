//! Which server of a target has what was written last, where a target has several that are copies of each other.

use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::Notify;

/// The server that a run writes to, by its URL. Another one may lack what was written to it, so it is the first to be
/// asked the next time: whoever outlives the program remembers it.
#[derive(Debug, Default)]
pub struct Newest {
    server: Mutex<Option<Box<str>>>,
    news: Notify,
}

impl Newest {
    /// Remembers the server. The one that is known already is no news.
    pub fn remember(&self, server: &str) {
        let mut known = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_deref() != Some(server) {
            *known = Some(server.into());
            self.news.notify_one();
        }
    }

    /// Returns the server, once one is known.
    pub fn server(&self) -> Option<Box<str>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for another server. One that came while nobody waited counts.
    pub async fn news(&self) {
        self.news.notified().await;
    }
}
