//! A batch on the wire: one operation after the other, without waiting for the answers.

use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::MutexGuard;

use super::Dsa;
use super::connection::Connection;
use super::guarded::Freshness;
use super::pool::Lease;
use super::readback::Shown;
use crate::directory::Pace;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::remark::Remark;

/// RFC 4511 section 4.1.9.
const BUSY: &str = "51";

/// One answer per operation of a batch.
pub(super) type Answers = Vec<Result<Receipt, Fault>>;

/// Answers by the place of the operation in the batch, as far as there are any.
pub(super) type Places<'a> = &'a mut [Option<Result<Receipt, Fault>>];

/// The answers that have come so far.
struct Collected {
    answers: Vec<Option<Result<Receipt, Fault>>>,
    /// Why nothing more is sent.
    stopped: Option<Fault>,
    /// Unanswered operations, by connection.
    under_way: Vec<usize>,
}

/// Which operation was answered, and on which connection it went out.
type Arrival = ((usize, usize), Result<Receipt, Fault>);

impl Dsa {
    /// Sends a batch with a bounded number of operations unanswered. What has not been sent when a connection is lost
    /// is not sent any more: the caller knows what to do with the rest.
    pub(super) async fn pipeline(&self, batch: &[&Operation], pace: &Pace) -> Answers {
        let turn = self.turn().await;
        let lanes = match self.lanes(batch.len()).await {
            Ok(lanes) => lanes,
            Err(fault) => return batch.iter().map(|_| Err(fault.clone())).collect(),
        };
        if let Err(fault) = self.know_guarded(&lanes[0], Freshness::Recent).await {
            return batch.iter().map(|_| Err(fault.clone())).collect();
        }
        let shown = self.shown_of(batch);
        let mut collected = Collected::new(batch.len(), lanes.len());
        let mut under_way = FuturesUnordered::new();
        for (index, operation) in batch.iter().copied().enumerate() {
            let mut ready = std::pin::pin!(async {
                let slot = self.window.slot().await;
                pace.permit().await;
                slot
            });
            let mut slot = loop {
                tokio::select! {
                    slot = &mut ready => break slot,
                    Some(arrival) = under_way.next(), if !under_way.is_empty() => collected.note(arrival),
                }
            };
            let lane = collected.idlest();
            let connection: &Connection = &lanes[lane];
            if lanes.iter().any(|lane| lane.is_lost()) {
                collected.stopped.get_or_insert(Fault::new(Next::Retry, "not sent: the connection was lost before"));
            }
            if let Some(fault) = &collected.stopped {
                collected.answers[index] = Some(Err(fault.clone()));
                continue;
            }
            collected.under_way[lane] += 1;
            under_way.push(async move {
                slot.sent();
                let answer = self.perform(connection, pace, operation, shown).await;
                // Only what is one request, and has an answer, says something about the latency.
                match (&answer, operation) {
                    (Ok(_), Operation::Create(_) | Operation::Update(_)) => slot.answered(false),
                    (Err(fault), _) if fault.next == Next::Retry && fault.code.is_some() => {
                        if fault.code.as_deref() == Some(BUSY) {
                            self.pool.remarks().tell(Remark::Busy);
                        }
                        slot.answered(true);
                    }
                    _ => drop(slot),
                }
                ((index, lane), answer)
            });
        }
        drop(turn);
        while let Some(arrival) = under_way.next().await {
            collected.note(arrival);
        }
        if shown == Shown::Later {
            let created = |place: &usize| {
                matches!(batch[*place], Operation::Create(_)) && matches!(collected.answers[*place], Some(Ok(_)))
            };
            let created: Vec<usize> = (0..batch.len()).filter(created).collect();
            let lane = lanes.iter().find(|lane| !lane.is_lost());
            // What the next batch sends is not waited for; but nothing is read back from another server than was written.
            let own = if lane.is_some() { self.pool.lease().await.ok() } else { None };
            let own = own.as_ref().filter(|own| own.server == lanes[0].server);
            let connection = own.or(lane.map(Arc::as_ref)).unwrap_or(&lanes[0]);
            Box::pin(self.receipts(connection, batch, &created, &mut collected.answers)).await;
        }
        collected.answers()
    }

    /// Waits for its turn, and keeps known meanwhile who is an administrator, so that it can begin at once.
    async fn turn(&self) -> MutexGuard<'_, ()> {
        let mut turn = std::pin::pin!(self.turn.lock());
        loop {
            tokio::select! {
                biased;
                turn = &mut turn => return turn,
                () = self.guarded_are_due() => {}
            }
            // What cannot be read now is read when it must be.
            if self.keep_guarded().await.is_err() {
                return turn.await;
            }
        }
    }

    /// Returns the connections for a batch: as many as this kind of server makes use of.
    async fn lanes(&self, n_operations: usize) -> Result<Vec<Arc<Lease>>, Fault> {
        // A connection is worth its price only for many operations.
        const WORTH: usize = 16;
        self.pool.lanes(self.site.profile.connections.min(n_operations.div_ceil(WORTH))).await
    }
}

impl Collected {
    fn new(n: usize, lanes: usize) -> Self {
        let answers = (0..n).map(|_| None).collect();
        Self { answers, stopped: None, under_way: vec![0; lanes] }
    }

    fn note(&mut self, ((index, lane), answer): Arrival) {
        if let Err(fault) = &answer
            && fault.next == Next::StopRun
        {
            self.stopped.get_or_insert_with(|| fault.clone());
        }
        self.under_way[lane] -= 1;
        self.answers[index] = Some(answer);
    }

    fn idlest(&self) -> usize {
        (0..self.under_way.len()).min_by_key(|lane| self.under_way[*lane]).unwrap_or_default()
    }

    fn answers(self) -> Answers {
        let unknown = || Err(Fault::new(Next::LookAgain, "there is no answer to this operation"));
        self.answers.into_iter().map(|answer| answer.unwrap_or_else(unknown)).collect()
    }
}
