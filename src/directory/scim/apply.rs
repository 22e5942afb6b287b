//! Writing batches: operations side by side, as many at a time as the service takes.

use std::pin::pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::StreamExt;

use super::create::reject;
use super::gather::Writes;
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
        let writes = self.writes(batch.len(), pace);
        let works = batch.iter().enumerate();
        let works = works.map(|(place, one)| self.perform(one, &writes).map(move |answer| (place, answer)).boxed());
        let mut done = writes.side_by_side(works.collect());
        let mut carried = pin!(self.carry(&writes));
        loop {
            tokio::select! {
                biased;
                next = done.next() => match next {
                    Some((place, answer)) => answers[place] = Some(answer),
                    None => break,
                },
                never = &mut carried => match never {},
            }
        }
        let unanswered = || Err(Fault::new(Next::LookAgain, "there was no answer"));
        answers.into_iter().map(|answer| answer.unwrap_or_else(unanswered)).collect()
    }

    async fn perform(self: &Arc<Self>, operation: &Operation, writes: &Writes<'_>) -> Result<Receipt, Fault> {
        if self.transport.is_to_stop() {
            return Err(Fault::new(Next::Retry, "it is not begun, since the run is to stop"));
        }
        match operation {
            Operation::Create(create) => self.create(create, writes).await,
            Operation::Update(update) => self.update(update, writes).await,
            Operation::Delete { id, username } => self.delete(id, username, writes).await.map(Receipt::from),
            Operation::CreateGroup { kind, name, members } => match kind {
                GroupKind::Group => self.create_group(name, members, writes).await,
                GroupKind::Role => {
                    self.change_holders(name, (members, &[]), true, writes).await.map(|_| created(name.as_str()))
                }
                GroupKind::Channel => Err(no_channels()),
            }
            .map(Receipt::from),
            Operation::ChangeMembers { kind, name, add, remove } => match kind {
                GroupKind::Group => self.change_members(name, (add, remove), writes).await,
                GroupKind::Role => self.change_holders(name, (add, remove), false, writes).await,
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
