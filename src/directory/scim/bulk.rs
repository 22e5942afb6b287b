//! Several writes in one request (RFC 7644 section 3.7), where the service offers that and is seen to do it.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use super::gather::Waiting;
use super::provider::Provider;
use super::service::Capability;
use super::transport::Reply;
use super::transport::Request;
use super::transport::Scrub;
use super::transport::Trouble;
use super::wire::BulkAnswer;
use super::wire::BulkOperation;
use super::wire::BulkRequest;
use super::wire::BulkResponse;
use super::wire::ErrorReply;
use super::wire::Method;
use super::wire::ScimType;
use crate::roster::remark::Remark;

/// What is known of bulk requests besides what the service says of them.
#[derive(Debug)]
pub(super) struct Bulk {
    /// How many operations the service is seen to take at a time.
    most: AtomicUsize,
    /// The last one had an answer that says what came of its operations.
    is_proved: AtomicBool,
    /// What the service does by itself only.
    alone: Mutex<Vec<Method>>,
}

impl Default for Bulk {
    fn default() -> Self {
        Self { most: AtomicUsize::new(usize::MAX), is_proved: AtomicBool::new(false), alone: Mutex::default() }
    }
}

impl Bulk {
    /// Returns whether the last bulk request had an answer to rely on.
    pub(super) fn is_proved(&self) -> bool {
        self.is_proved.load(Ordering::Relaxed)
    }

    fn is_alone(&self, method: Method) -> bool {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner).contains(&method)
    }

    /// Remembers that a method does not go in bulk requests; returns whether that is news.
    fn leave_alone(&self, method: Method) -> bool {
        let mut alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = !alone.contains(&method);
        if is_news {
            alone.push(method);
        }
        is_news
    }
}

/// Writes that were gathered, by the place that their operations are known by.
struct Lot(Vec<Option<Waiting>>);

impl Lot {
    fn take(&mut self, operation: &BulkOperation) -> Option<Waiting> {
        let place: usize = operation.bulk_id.strip_prefix("write-")?.parse().ok()?;
        self.0.get_mut(place)?.take()
    }
}

impl Provider {
    /// Returns how many writes may go in one request; `None`: each goes by itself.
    pub(super) fn bulk_most(&self) -> Option<usize> {
        let limits = self.service.bulk_limits().filter(|_| self.settings.bulk)?;
        let most = limits.operations.min(self.settings.bulk_operations).get();
        Some(most.min(self.bulk.most.load(Ordering::Relaxed))).filter(|most| *most > 1)
    }

    pub(super) fn goes_in_bulk(&self, request: &Request) -> bool {
        self.bulk_most().is_some() && method_of(request).is_some_and(|method| !self.bulk.is_alone(method))
    }

    /// Sends writes in as few requests as the service allows, and tells each what came of it. What was certainly not done
    /// goes by itself where that can make a difference.
    pub(super) async fn in_bulk(&self, lot: Vec<Waiting>) {
        let operations = lot.iter().enumerate().filter_map(|(place, waiting)| self.operation(place, &waiting.request));
        let mut left: VecDeque<BulkOperation> = operations.collect();
        let mut lot = Lot(lot.into_iter().map(Some).collect());
        while let Some(request) = self.next_request(&mut left) {
            let n = request.operations.len();
            if n == 1 {
                request.operations.iter().filter_map(|one| lot.take(one)).for_each(Waiting::leave_alone);
                continue;
            }
            let sent = Request::post(self.service.bulk_endpoint.url(), request.to_value());
            // Until it has been seen to work, a refusal is about this endpoint and not about who asks.
            let sent = if self.bulk.is_proved() { sent } else { sent.probing() };
            let scrub = self.transport.scrub_of(&sent).await;
            let trouble = match self.transport.send(sent, None).await {
                Ok(reply) => {
                    self.take(&request, &reply, &mut lot, &scrub);
                    continue;
                }
                Err(trouble) => trouble,
            };
            match &trouble {
                Trouble::Refused(reply) if is_too_much(reply) => {
                    self.take_fewer(n);
                    request.operations.into_iter().rev().for_each(|operation| left.push_front(operation));
                }
                // Nothing was done.
                Trouble::Refused(reply) if says_no(reply.status) => {
                    self.without(Capability::Bulk, format!("the service answers: {reply}"));
                    request.operations.into_iter().rev().for_each(|operation| left.push_front(operation));
                }
                _ => {
                    if !matches!(trouble, Trouble::NotSent(_) | Trouble::Unauthorized(_) | Trouble::Unfit(_)) {
                        self.doubt(n, &trouble);
                    }
                    for waiting in request.operations.iter().filter_map(|one| lot.take(one)) {
                        waiting.answer(Err(trouble.clone()));
                    }
                }
            }
        }
        lot.0.into_iter().flatten().for_each(Waiting::leave_alone);
    }

    fn operation(&self, place: usize, request: &Request) -> Option<BulkOperation> {
        Some(BulkOperation {
            method: method_of(request)?,
            path: self.below_base(request),
            bulk_id: format!("write-{place}"),
            version: request.if_match.clone(),
            data: request.body.clone(),
        })
    }

    /// Returns the path of what is written, below the service's base.
    fn below_base(&self, request: &Request) -> String {
        let base = self.settings.base().url().path().trim_end_matches('/');
        let path = request.url.path();
        path.strip_prefix(base).unwrap_or(path).to_owned()
    }

    /// Takes as many operations as go in one request; `None`: none is left, or there are no bulk requests any more.
    fn next_request(&self, left: &mut VecDeque<BulkOperation>) -> Option<BulkRequest> {
        let most = self.bulk_most()?;
        // Room for what the service may count besides.
        let limit = self.service.bulk_limits()?.payload.get();
        let bytes = NonZeroUsize::new(limit - limit / 10).unwrap_or(NonZeroUsize::MIN);
        BulkRequest::take(left, NonZeroUsize::new(most)?, bytes)
    }

    /// Takes the answers to one request.
    fn take(&self, request: &BulkRequest, reply: &Reply, lot: &mut Lot, scrub: &Scrub) {
        let response = reply.body.as_ref().map(BulkResponse::read).and_then(Result::ok);
        let found = response.as_ref().map(|response| response.answers_to(request)).unwrap_or_default();
        let is_proved = found.iter().any(Option::is_some);
        self.bulk.is_proved.store(is_proved, Ordering::Relaxed);
        if !is_proved {
            self.without(Capability::Bulk, "its answer says nothing of what was sent".to_owned());
        }
        for (at, operation) in request.operations.iter().enumerate() {
            let Some(waiting) = lot.take(operation) else { continue };
            match self.came(operation, found.get(at).copied().flatten(), scrub) {
                Some(answer) => waiting.answer(answer),
                None => waiting.leave_alone(),
            }
        }
    }

    /// Tells what came of one operation; `None`: it was not done, and is to be done by itself.
    fn came(
        &self,
        operation: &BulkOperation,
        answer: Option<&BulkAnswer>,
        scrub: &Scrub,
    ) -> Option<Result<Reply, Trouble>> {
        let unknown = || Some(Err(Trouble::Unanswered("the service did not say what came of it".to_owned())));
        let Some(answer) = answer else { return unknown() };
        if let Some(error) = answer.error(|said| scrub.hide_in(said)) {
            return match error.status {
                405 | 501 => {
                    if self.bulk.leave_alone(operation.method) {
                        let what = format!("bulk requests with {}", operation.method.word());
                        self.remarks.tell(Remark::DoesWithout(what));
                    }
                    None
                }
                // It may be another matter alone: who may do it, where it is, or how much there is to do.
                401 | 403 | 404 | 413 | 429 => None,
                _ => Some(Err(Trouble::Refused(error))),
            };
        }
        let Some(status) = answer.status.filter(|_| answer.is_success()) else { return unknown() };
        let (etag, location, body) = (answer.version.clone(), answer.location.clone(), answer.response.clone());
        Some(Ok(Reply { status, etag, location, body }))
    }

    /// Sends half as many from now on.
    fn take_fewer(&self, n: usize) {
        let half = (n / 2).max(1);
        if self.bulk.most.fetch_min(half, Ordering::Relaxed).min(half) < 2 {
            self.without(Capability::Bulk, "the service takes no two operations in one request".to_owned());
        }
    }

    /// Notes that a request had no answer. The second time in a row, or the first time ever, is the last one.
    fn doubt(&self, n: usize, trouble: &Trouble) {
        if self.bulk.is_proved.swap(false, Ordering::Relaxed) {
            self.take_fewer(n);
        } else {
            self.without(Capability::Bulk, trouble.to_string());
        }
    }
}

/// More operations or bytes than the service takes (RFC 7644 section 3.7.4).
fn is_too_much(reply: &ErrorReply) -> bool {
    reply.status == 413 || reply.scim_type == Some(ScimType::TooMany)
}

/// Returns whether nothing was done, and nothing will be.
fn says_no(status: u16) -> bool {
    status < 500 && !matches!(status, 408 | 425 | 429) || matches!(status, 501 | 505)
}

fn method_of(request: &Request) -> Option<Method> {
    Method::ALL.into_iter().find(|method| method.word() == request.method.as_str())
}
