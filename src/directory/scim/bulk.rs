//! Several creations in one request (RFC 7644 section 3.7), where the service offers that and is seen to do it.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use futures_util::StreamExt;
use futures_util::stream;

use super::provider::Provider;
use super::service::Capability;
use super::transport::Reply;
use super::transport::Request;
use super::transport::Trouble;
use super::wire::BulkAnswer;
use super::wire::BulkOperation;
use super::wire::BulkRequest;
use super::wire::BulkResponse;
use super::wire::ErrorReply;
use super::wire::Method;
use super::wire::ScimType;
use crate::directory::Pace;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Create;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;

/// How many operations the service is seen to take at a time.
#[derive(Debug)]
pub(super) struct Bulk {
    most: AtomicUsize,
}

impl Default for Bulk {
    fn default() -> Self {
        Self { most: AtomicUsize::new(usize::MAX) }
    }
}

type Answers = [Option<Result<Receipt, Fault>>];

impl Provider {
    /// Creates accounts in bulk requests, and puts what came of them into their places. What is left without an answer
    /// was certainly not done, and is to be done by itself.
    pub(super) async fn in_bulk(self: &Arc<Self>, batch: &[Operation], pace: &Pace, answers: &mut Answers) {
        let creates: Vec<(usize, &Create)> = batch
            .iter()
            .enumerate()
            .filter_map(|(place, operation)| match operation {
                Operation::Create(create) => Some((place, create)),
                _ => None,
            })
            .collect();
        if creates.len() < 2 || !self.settings.bulk || self.service.bulk_limits().is_none() {
            return;
        }
        // Always in the same order, so that two batches cannot wait for each other.
        let mut names: Vec<MatchKey> = creates.iter().map(|(_, create)| MatchKey::new(&create.username)).collect();
        names.sort();
        names.dedup();
        let mut turns = Vec::with_capacity(names.len());
        for name in names {
            turns.push(self.locks.lock(&format!("name {}", name.as_str())).await);
        }
        let mut operations = Vec::with_capacity(creates.len());
        for (place, create) in creates {
            match self.addition(create) {
                Ok(data) => operations.push(BulkOperation {
                    method: Method::Post,
                    path: self.bulk_path(),
                    bulk_id: format!("account-{place}"),
                    version: None,
                    data: Some(data),
                }),
                Err(fault) => answers[place] = Some(Err(fault)),
            }
        }
        let mut requests: VecDeque<BulkRequest> = self.split(operations).into();
        while let Some(request) = requests.pop_front() {
            if !self.service.can(Capability::Bulk) {
                return;
            }
            let n = request.operations.len();
            // Each operation counts, as it would alone.
            for _ in 1..n {
                pace.permit().await;
            }
            let sent = Request::post(self.service.bulk_endpoint.url(), request.to_value());
            match self.transport.send(sent, Some(pace)).await {
                Ok(reply) => self.take(batch, &request, &reply, answers, pace).await,
                Err(Trouble::Refused(reply)) if is_too_much(&reply) && n > 1 => {
                    self.bulk.most.fetch_min(n / 2, Ordering::Relaxed);
                    let halves = self.split(request.operations);
                    halves.into_iter().rev().for_each(|half| requests.push_front(half));
                }
                Err(Trouble::Refused(reply)) if reply.status < 500 || reply.status == 501 => {
                    if !is_too_much(&reply) {
                        self.without(Capability::Bulk, format!("the service answers: {reply}"));
                    }
                }
                Err(trouble) => {
                    let fault = trouble.fault_of_write();
                    for place in request.operations.iter().filter_map(place_of) {
                        answers[place] = Some(Err(fault.clone()));
                    }
                }
            }
        }
    }

    fn split(&self, operations: Vec<BulkOperation>) -> Vec<BulkRequest> {
        let Some(limits) = self.service.bulk_limits() else { return Vec::new() };
        let most = NonZeroUsize::new(self.bulk.most.load(Ordering::Relaxed)).unwrap_or(NonZeroUsize::MIN);
        let most = most.min(limits.operations).min(self.settings.bulk_operations);
        // Room for what the service may count besides.
        let bytes = limits.payload.get() - limits.payload.get() / 10;
        BulkRequest::split(operations, most, NonZeroUsize::new(bytes).unwrap_or(NonZeroUsize::MIN))
    }

    /// Returns the path of users below the service's base.
    fn bulk_path(&self) -> String {
        let users = self.service.users.url();
        let base = self.settings.base().url().path().trim_end_matches('/');
        users.path().strip_prefix(base).unwrap_or_else(|| users.path()).to_owned()
    }

    /// Takes the answers to one request.
    async fn take(
        self: &Arc<Self>,
        batch: &[Operation],
        request: &BulkRequest,
        reply: &Reply,
        answers: &mut Answers,
        pace: &Pace,
    ) {
        let response = reply.body.as_ref().map(BulkResponse::read).and_then(Result::ok);
        let found = response.as_ref().map(|response| response.answers_to(request)).unwrap_or_default();
        if found.iter().all(Option::is_none) {
            self.without(Capability::Bulk, "its answer says nothing of what was sent".to_owned());
        }
        let pairs: Vec<_> = request
            .operations
            .iter()
            .enumerate()
            .filter_map(|(at, operation)| {
                let place = place_of(operation)?;
                let Operation::Create(create) = &batch[place] else { return None };
                Some((place, create, operation, found.get(at).copied().flatten().cloned()))
            })
            .collect();
        let width = self.settings.in_flight().get();
        let answered: Vec<_> = pairs
            .into_iter()
            .map(|(place, create, operation, answer)| async move {
                (place, self.answered(create, operation, answer, pace).await)
            })
            .collect();
        let mut answered = stream::iter(answered).buffer_unordered(width);
        while let Some((place, answer)) = answered.next().await {
            answers[place] = answer;
        }
    }

    /// Tells what came of one operation; `None`: it was not done, and is to be done by itself.
    async fn answered(
        self: &Arc<Self>,
        create: &Create,
        operation: &BulkOperation,
        answer: Option<BulkAnswer>,
        pace: &Pace,
    ) -> Option<Result<Receipt, Fault>> {
        let unknown = || Fault::new(Next::LookAgain, "the service did not say what came of it");
        let Some(answer) = answer else { return Some(Err(unknown())) };
        if let Some(error) = answer.error() {
            let error = error.without(create.password.as_ref());
            if let Some(name) = self.blamed(create, &error) {
                self.leave_out(&name, &error.to_string());
                return None;
            }
            return match error.status {
                // It was busy with the others, and says that it has not looked at this one (RFC 6585 section 4).
                429 => None,
                _ => Some(self.not_created(create, error, pace).await),
            };
        }
        if !answer.is_success() {
            return Some(Err(unknown()));
        }
        let reply = Reply {
            status: answer.status.unwrap_or(201),
            etag: answer.version,
            location: answer.location,
            body: answer.response,
        };
        let sent = operation.data.as_ref()?;
        Some(self.created(create, sent, &reply).await)
    }
}

/// More operations or bytes than the service takes (RFC 7644 section 3.7.4).
fn is_too_much(reply: &ErrorReply) -> bool {
    reply.status == 413 || reply.scim_type == Some(ScimType::TooMany)
}

fn place_of(operation: &BulkOperation) -> Option<usize> {
    operation.bulk_id.strip_prefix("account-")?.parse().ok()
}
