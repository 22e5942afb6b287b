//! The connections that batches are written over.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::Weak;

use futures_util::future::try_join_all;

use super::Lease;
use super::Pool;
use crate::roster::fault::Fault;

/// Connections in use for writing. A batch that is sent while answers to the one before are still to come goes over the
/// same ones: to open others takes the server's time, and that of everybody who waits for the answers.
#[derive(Debug, Default)]
pub struct Lanes {
    open: Mutex<Vec<Weak<Lease>>>,
}

impl Lanes {
    fn open(&self) -> MutexGuard<'_, Vec<Weak<Lease>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// Returns `n` connections to write over, one at least. They go back to the pool when the last batch that uses them
    /// is done.
    pub async fn lanes(self: &Arc<Self>, n: usize) -> Result<Vec<Arc<Lease>>, Fault> {
        let mut lanes = self.open_lanes();
        if lanes.is_empty() {
            lanes.push(Arc::new(self.lease().await?));
        }
        let more = try_join_all((lanes.len()..n).map(|_| self.lease())).await?;
        lanes.extend(more.into_iter().map(Arc::new));
        *self.lanes.open() = lanes.iter().map(Arc::downgrade).collect();
        lanes.truncate(n.max(1));
        Ok(lanes)
    }

    /// Returns the connections that are written over just now.
    pub(super) fn open_lanes(&self) -> Vec<Arc<Lease>> {
        let open: Vec<Arc<Lease>> = self.lanes.open().iter().filter_map(Weak::upgrade).collect();
        open.into_iter().filter(|lane| self.uses(lane)).collect()
    }
}
