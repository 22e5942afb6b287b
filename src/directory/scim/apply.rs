//! Writing batches: operations side by side, as many at a time as the service takes.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::StreamExt;
use futures_util::stream;

use super::create::reject;
use super::provider::Provider;
use crate::directory::Pace;
use crate::roster::account::GroupKind;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Done;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;

impl Provider {
    /// Does a batch; one answer per operation, in order.
    pub(super) async fn apply(self: &Arc<Self>, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        let mut answers: Vec<Option<Result<Receipt, Fault>>> = vec![None; batch.len()];
        self.in_bulk(batch, pace, &mut answers).await;
        // More are begun than may be on their way, so that nothing waits for what an operation does between its requests.
        let width = self.settings.in_flight().get().saturating_mul(2);
        let left: Vec<usize> = (0..batch.len()).filter(|place| answers[*place].is_none()).collect();
        let done: Vec<_> = left
            .into_iter()
            .map(|place| self.perform(&batch[place], pace).map(move |answer| (place, answer)).boxed())
            .collect();
        let mut done = stream::iter(done).buffer_unordered(width);
        while let Some((place, answer)) = done.next().await {
            answers[place] = Some(answer);
        }
        let unanswered = || Err(Fault::new(Next::LookAgain, "there was no answer"));
        answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect()
    }

    async fn perform(self: &Arc<Self>, operation: &Operation, pace: &Pace) -> Result<Receipt, Fault> {
        match operation {
            Operation::Create(create) => self.create(create, pace).await,
            Operation::Update(update) => self.update(update, pace).await,
            Operation::Delete { id, username } => self.delete(id, username, pace).await.map(Receipt::from),
            Operation::CreateGroup { kind, name, members } => match kind {
                GroupKind::Group => self.create_group(name, members, pace).await,
                GroupKind::Role => {
                    self.change_holders(name, (members, &[]), true, pace).await.map(|_| created(name.as_str()))
                }
                GroupKind::Channel => Err(no_channels()),
            }
            .map(Receipt::from),
            Operation::ChangeMembers { kind, name, add, remove } => match kind {
                GroupKind::Group => self.change_members(name, (add, remove), pace).await,
                GroupKind::Role => self.change_holders(name, (add, remove), false, pace).await,
                GroupKind::Channel => Err(no_channels()),
            }
            .map(Receipt::from),
        }
    }
}

/// A role is no resource: its name is all there is of it.
fn created(role: &str) -> Done {
    Done::Created(crate::roster::account::EntryId { locator: role.into(), stable: role.into() })
}

pub(super) fn no_channels() -> Fault {
    reject(&"a SCIM service has no channels")
}
