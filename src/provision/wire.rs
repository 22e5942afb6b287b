//! Work under way, and other work done meanwhile.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;

/// Several futures under way at once, whose outcomes come in the order in which they were sent off.
pub(super) struct Wire<'a, T> {
    under_way: FuturesOrdered<BoxFuture<'a, T>>,
    arrived: VecDeque<T>,
}

impl<T> Default for Wire<'_, T> {
    fn default() -> Self {
        Self { under_way: FuturesOrdered::new(), arrived: VecDeque::new() }
    }
}

impl<'a, T> Wire<'a, T> {
    /// Returns how many are under way or not taken off yet.
    pub(super) fn len(&self) -> usize {
        self.under_way.len() + self.arrived.len()
    }

    /// Sends one more off. It goes on whenever something of the wire is awaited.
    pub(super) fn send(&mut self, one: impl Future<Output = T> + Send + 'a) {
        self.under_way.push_back(one.boxed());
    }

    /// Returns the outcome of the first that was sent off; `None` when nothing is under way.
    pub(super) async fn next(&mut self) -> Option<T> {
        match self.arrived.pop_front() {
            Some(outcome) => Some(outcome),
            None => self.under_way.next().await,
        }
    }

    /// Takes off everything that has come in meanwhile.
    pub(super) fn arrived(&mut self) -> Vec<T> {
        self.arrived.drain(..).collect()
    }

    /// Does `work` while what is under way goes on.
    pub(super) async fn beside<W>(&mut self, work: impl Future<Output = W>) -> W {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(outcome) = self.under_way.next(), if !self.under_way.is_empty() => self.arrived.push_back(outcome),
            }
        }
    }

    /// Waits until nothing is under way any more.
    pub(super) async fn land(&mut self) {
        while self.next().await.is_some() {}
    }
}
