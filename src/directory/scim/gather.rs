//! The writes of one batch, gathered so that several go in one request.
//!
//! Whatever is written is delivered here and answered as if it had been sent by itself: what an answer means, and what is
//! proved of it, does not depend on how it was sent.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::Stream;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream;
use futures_util::stream::FuturesUnordered;
use tokio::sync::Notify;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio::time::timeout_at;

use super::provider::Provider;
use super::transport::Reply;
use super::transport::Request;
use super::transport::Trouble;
use crate::directory::Pace;

/// How long a write waits for others, at most: what was read before it must not grow old.
const LINGER: Duration = Duration::from_secs(2);

/// Writes in the request that has to show what bulk requests are good for here, at most.
const PROOF: usize = 10;

/// How the writes of one batch go out.
#[derive(Debug)]
pub(super) struct Writes<'p> {
    pace: &'p Pace,
    /// What is to go together, where anything does.
    gathered: Option<Gathered>,
    /// How much is begun at the same time.
    width: usize,
}

#[derive(Debug, Default)]
struct Gathered {
    state: Mutex<State>,
    news: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waiting>,
    /// Since when the first of them waits.
    since: Option<Instant>,
    /// How many may yet have something to write before anything is answered.
    n_open: usize,
}

/// A write that waits for its answer.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) request: Request,
    answer: oneshot::Sender<Came>,
}

/// What came of a write that was to go with others.
#[derive(Debug)]
enum Came {
    Answer(Result<Reply, Trouble>),
    /// It was not sent, and is to be sent by itself.
    Alone(Box<Request>),
}

impl Provider {
    /// Returns how a batch of so many operations is written. A feed that is to write no faster than so many a second
    /// writes one after the other.
    pub(super) fn writes<'p>(&self, n: usize, pace: &'p Pace) -> Writes<'p> {
        // More are begun than may be on their way, so that nothing waits for what an operation does between its requests.
        let width = self.settings.in_flight().get().saturating_mul(2);
        match self.bulk_most().filter(|_| n > 1 && pace.is_unlimited()) {
            Some(most) => Writes {
                pace,
                gathered: Some(Gathered::default()),
                // One request is filled while another is under way.
                width: width.max(most.saturating_mul(2)),
            },
            None => Writes { pace, gathered: None, width },
        }
    }

    /// Sends a write, with others if the service takes it so.
    pub(super) async fn deliver(&self, request: Request, writes: &Writes<'_>) -> Result<Reply, Trouble> {
        let gathered = writes.gathered.as_ref().filter(|_| self.goes_in_bulk(&request));
        let request = match gathered {
            None => request,
            Some(gathered) => match gathered.put(request).await {
                Came::Answer(answer) => return answer,
                Came::Alone(request) => *request,
            },
        };
        self.transport.send(request, Some(writes.pace)).await
    }

    /// Sends what is gathered, again and again.
    pub(super) async fn carry(&self, writes: &Writes<'_>) -> Infallible {
        let Some(gathered) = &writes.gathered else { return std::future::pending().await };
        let mut under_way = FuturesUnordered::new();
        loop {
            // The first one has to show what they are good for.
            let most = self.bulk_most().map_or(1, |most| if self.bulk.is_proved() { most } else { most.min(PROOF) });
            let may_begin = self.bulk.is_proved() || under_way.is_empty();
            tokio::select! {
                lot = gathered.lot(most), if may_begin => under_way.push(self.in_bulk(lot)),
                Some(()) = under_way.next(), if !under_way.is_empty() => {}
            }
        }
    }
}

impl Writes<'_> {
    /// Does work side by side, as much at a time as makes sense.
    pub(super) fn side_by_side<'f, T: Send + 'f>(
        &'f self,
        works: Vec<BoxFuture<'f, T>>,
    ) -> impl Stream<Item = T> + Send + Unpin + 'f {
        let works = works.into_iter().map(move |work| async move {
            let done = work.await;
            self.close();
            done
        });
        stream::iter(works).inspect(move |_| self.open()).map(FutureExt::boxed).buffer_unordered(self.width)
    }

    /// Waits for something that is none of the service's answers, while nobody needs to wait for this.
    pub(super) async fn aside<T>(&self, waiting: impl Future<Output = T>) -> T {
        self.close();
        let done = waiting.await;
        self.open();
        done
    }

    fn open(&self) {
        if let Some(gathered) = &self.gathered {
            gathered.state().n_open += 1;
        }
    }

    fn close(&self) {
        if let Some(gathered) = &self.gathered {
            gathered.close();
        }
    }
}

impl Waiting {
    /// Tells what came of it.
    pub(super) fn answer(self, answer: Result<Reply, Trouble>) {
        // Whoever has asked is gone when the batch is.
        let _ = self.answer.send(Came::Answer(answer));
    }

    /// Lets it be sent by itself.
    pub(super) fn leave_alone(self) {
        let Self { request, answer } = self;
        let _ = answer.send(Came::Alone(Box::new(request)));
    }
}

impl Gathered {
    async fn put(&self, request: Request) -> Came {
        let (answer, answered) = oneshot::channel();
        {
            let mut state = self.state();
            state.waiting.push(Waiting { request, answer });
            state.since.get_or_insert_with(Instant::now);
        }
        self.close();
        let came = answered.await;
        self.state().n_open += 1;
        came.unwrap_or_else(|_| Came::Answer(Err(Trouble::Unanswered("there was no answer".to_owned()))))
    }

    fn close(&self) {
        let mut state = self.state();
        state.n_open = state.n_open.saturating_sub(1);
        drop(state);
        self.news.notify_one();
    }

    /// Waits until there is something to send: so many, or nobody else has anything to write at present.
    async fn lot(&self, most: usize) -> Vec<Waiting> {
        loop {
            let since = {
                let mut state = self.state();
                if state.is_due(most) {
                    let n = most.min(state.waiting.len());
                    let lot = state.waiting.drain(..n).collect();
                    state.since = (!state.waiting.is_empty()).then(Instant::now);
                    return lot;
                }
                state.since
            };
            match since {
                None => self.news.notified().await,
                Some(since) => drop(timeout_at(since + LINGER, self.news.notified()).await),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_due(&self, most: usize) -> bool {
        let is_late = self.since.is_some_and(|since| since.elapsed() >= LINGER);
        !self.waiting.is_empty() && (self.n_open == 0 || self.waiting.len() >= most || is_late)
    }
}
