//! One writer at a time for each resource.
//!
//! A resource is read, compared and written. Where the service has no versions (RFC 7644 section 3.14), nothing but this
//! keeps two batches that are on their way at the same time from writing over each other.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::Weak;

use tokio::sync::Mutex as Turn;
use tokio::sync::OwnedMutexGuard;

/// When the table is cleared of what nobody holds any more.
const CLEAR_AT: usize = 1_024;

/// Whose turn it is, by what is written.
#[derive(Debug, Default)]
pub(super) struct Locks {
    held: Mutex<HashMap<Box<str>, Weak<Turn<()>>>>,
}

impl Locks {
    /// Waits for the turn to write `what`; it ends when the guard is dropped.
    pub(super) async fn lock(&self, what: &str) -> OwnedMutexGuard<()> {
        self.turn(what).lock_owned().await
    }

    fn turn(&self, what: &str) -> Arc<Turn<()>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = held.get(what).and_then(Weak::upgrade) {
            return turn;
        }
        if held.len() >= CLEAR_AT {
            held.retain(|_, turn| turn.strong_count() > 0);
        }
        let turn = Arc::new(Turn::new(()));
        held.insert(what.into(), Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn one_at_a_time_for_each_and_all_at_once_for_others() {
        let locks = Locks::default();
        let inside = AtomicUsize::new(0);
        let write = async |what: &'static str, most: usize| {
            let _turn = locks.lock(what).await;
            let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
            assert!(now <= most, "{now} at once");
            tokio::task::yield_now().await;
            inside.fetch_sub(1, Ordering::SeqCst);
        };
        join_all((0..20).map(|_| write("ada", 1))).await;
        join_all(["ada", "bob", "eve"].map(|who| write(who, 3))).await;
        for i in 0..5 * CLEAR_AT {
            drop(locks.lock(&format!("person{i}")).await);
        }
        assert!(locks.held.lock().expect("not poisoned").len() <= CLEAR_AT);
    }
}
