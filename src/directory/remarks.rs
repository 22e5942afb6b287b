//! What is told about a run while it is under way.

use std::sync::Mutex;
use std::sync::PoisonError;

use tokio::sync::Notify;

use crate::roster::remark::Remark;

/// Remarks on one run, each once, in the order in which they came up.
#[derive(Debug, Default)]
pub struct Remarks {
    told: Mutex<Vec<Remark>>,
    news: Notify,
}

impl Remarks {
    /// Tells something. What was told before is no news.
    pub fn tell(&self, remark: Remark) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.contains(&remark) {
            tracing::debug!("Again: {remark}");
            return;
        }
        tracing::warn!(hint = remark.hint(), "Note: {remark}");
        told.push(remark);
        self.news.notify_one();
    }

    /// Returns everything that was told.
    pub fn told(&self) -> Vec<Remark> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for something new. What came while nobody waited counts.
    pub async fn news(&self) {
        self.news.notified().await;
    }
}
