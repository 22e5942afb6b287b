//! Many writes as one transaction (RFC 5805): one wait for the disk rather than one for each.
//!
//! Found by experiment with OpenLDAP 2.5, where this was worth it: requests are answered when they are queued, and done
//! when the transaction is committed; if one cannot be done, none is, and the answer to the commit names it by its
//! message id. One that is refused when it is to be queued does not keep the others from being committed. The time of a
//! commit grows faster than its size. And the server may crash when a commit follows the last answer at once, the more
//! so the smaller the transaction is: therefore [`LdapSettings::TRANSACTION`] and [`PAUSE`].
//!
//! [`LdapSettings::TRANSACTION`]: super::LdapSettings::TRANSACTION

use std::collections::HashMap;
use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use ldap3::LdapResult;
use ldap3::controls::RawControl;

use self::octets::end_request;
use self::octets::failed_message;
use super::Dsa;
use super::connection::Connection;
use super::connection::Request;
use super::connection::Write;
use super::fault::Trouble;
use super::guarded::Freshness;
use super::pipeline::Answers;
use super::pipeline::Places;
use crate::directory::Pace;
use crate::directory::Remarks;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::remark::NoTransactions;
use crate::roster::remark::Remark;

/// Operations in one transaction, at most.
const MOST: usize = 250;
/// How long the server has for coming to rest between its last answer and the commit.
const PAUSE: Duration = Duration::from_millis(5);
/// How often a transaction is tried without the operations that the server refused.
const ATTEMPTS: usize = 3;
/// A transaction's name that is longer is not one that can be relied on.
const LONGEST_NAME: usize = 100;

const START: &str = "1.3.6.1.1.21.1";
const SPECIFICATION: &str = "1.3.6.1.1.21.2";
const END: &str = "1.3.6.1.1.21.3";

mod octets;

/// Whether transactions are used.
#[derive(Debug)]
pub struct Transactions {
    /// Operations in one, at least. Fewer go one after the other.
    least: usize,
    in_use: AtomicBool,
}

impl Transactions {
    pub fn new(least: Option<NonZeroUsize>) -> Self {
        Self { least: least.map_or(usize::MAX, NonZeroUsize::get), in_use: AtomicBool::new(least.is_some()) }
    }

    /// Returns whether a batch of `n` operations is worth a transaction. At a limited rate none is: what is committed
    /// at one stroke would be too many at once.
    pub fn are_of_use(&self, n: usize, pace: &Pace) -> bool {
        n >= self.least && pace.is_unlimited() && self.in_use.load(Ordering::Relaxed)
    }

    fn give_up(&self, remarks: &Remarks, why: NoTransactions) {
        if self.in_use.swap(false, Ordering::Relaxed) {
            remarks.tell(Remark::WithoutTransactions(why));
        }
    }
}

/// What came of one transaction.
enum Ended {
    /// All was done.
    Committed,
    /// Nothing was done, because of these operations, by their place in the batch.
    RefusedFor(HashSet<usize>),
    /// Nothing was done, and nobody says because of which one.
    Refused,
}

impl Dsa {
    /// Writes a batch in transactions. What the server refuses, and what cannot be part of one, goes by itself.
    pub(super) async fn transact(&self, batch: &[&Operation], pace: &Pace) -> Answers {
        let mut answers: Vec<Option<Result<Receipt, Fault>>> = batch.iter().map(|_| None).collect();
        let mut alone = Vec::new();
        for portion in portions(batch.len()) {
            alone.extend(self.portion(batch, portion.collect(), pace, &mut answers).await);
        }
        alone.sort_unstable();
        if !alone.is_empty() {
            let rest: Vec<&Operation> = alone.iter().map(|place| batch[*place]).collect();
            for (place, answer) in alone.into_iter().zip(Box::pin(self.pipeline(&rest, pace)).await) {
                answers[place] = Some(answer);
            }
        }
        let unknown = || Err(Fault::new(Next::LookAgain, "there is no answer to this operation"));
        answers.into_iter().map(|answer| answer.unwrap_or_else(unknown)).collect()
    }

    fn without_transactions(&self, why: NoTransactions) {
        self.transactions.give_up(self.pool.remarks(), why);
    }

    /// Writes a part of a batch as one transaction, and returns what is left to go by itself.
    async fn portion(&self, batch: &[&Operation], portion: Vec<usize>, pace: &Pace, answers: Places<'_>) -> Vec<usize> {
        let Ok(lease) = self.pool.lease().await else {
            self.without_transactions(NoTransactions::Unreachable);
            return portion;
        };
        let connection: &Connection = &lease;
        if !connection.root.has_transactions() {
            self.without_transactions(NoTransactions::NotOffered);
            return portion;
        }
        if self.know_guarded(connection, Freshness::Recent).await.is_err() {
            return portion;
        }
        let request = |place: usize| self.request(connection, batch[place]).map(|request| (place, request));
        let mut requests: Vec<(usize, Request)> = portion.iter().filter_map(|place| request(*place)).collect();
        let mut together: Vec<usize> = requests.iter().map(|(place, _)| *place).collect();
        let mut alone: Vec<usize> = portion.into_iter().filter(|place| !together.contains(place)).collect();
        for _ in 0..ATTEMPTS {
            if !self.transactions.are_of_use(together.len(), pace) {
                break;
            }
            match self.transaction(connection, std::mem::take(&mut requests)).await {
                Ok(Ended::Committed) => {
                    self.receipts(connection, batch, &together, answers).await;
                    // The commit may be what the server did not survive.
                    if connection.is_lost() {
                        self.without_transactions(NoTransactions::LostAfter);
                    }
                    return alone;
                }
                Ok(Ended::RefusedFor(culprits)) => {
                    alone.extend(together.extract_if(.., |place| culprits.contains(place)));
                    requests = together.iter().filter_map(|place| request(*place)).collect();
                }
                Ok(Ended::Refused) => break,
                Err(trouble) => {
                    connection.give_up();
                    self.without_transactions(NoTransactions::LostDuring);
                    let fault = Fault { next: Next::LookAgain, ..trouble.of_write() };
                    together.iter().for_each(|place| answers[*place] = Some(Err(fault.clone())));
                    return alone;
                }
            }
        }
        alone.append(&mut together);
        alone
    }

    /// Returns the request for an operation, if one is enough and its answer need not be understood.
    fn request(&self, connection: &Connection, operation: &Operation) -> Option<Request> {
        let can_assert = connection.root.has_assertion();
        match operation {
            // Whether a number is still free is seen only afterwards.
            Operation::Create(create) if self.site.posix.is_none() => {
                let (dn, new) = self.addition(create).ok()?;
                Some(Request { dn: dn.to_string(), write: Write::Add(new.into_attributes()), condition: None })
            }
            Operation::Update(update) if update.relocation.is_none() => {
                let attempt = self.attempt(connection, update).ok()??;
                if !attempt.is_one_request() {
                    return None;
                }
                let mods = attempt.modifications().ok().filter(|mods| !mods.is_empty())?;
                let condition = attempt.condition();
                Some(Request { dn: update.id.locator.to_string(), write: Write::Modify(mods), condition })
            }
            Operation::Delete { id, username } => {
                let condition = self.deletion(id, username).ok().filter(|_| can_assert)?;
                Some(Request { dn: id.locator.to_string(), write: Write::Delete, condition: Some(condition) })
            }
            Operation::Create(_)
            | Operation::Update(_)
            | Operation::CreateGroup { .. }
            | Operation::ChangeMembers { .. } => None,
        }
    }

    /// Carries one transaction through. An `Err` says that it is not known what came of it.
    async fn transaction(&self, connection: &Connection, requests: Vec<(usize, Request)>) -> Result<Ended, Trouble> {
        let turn = self.turn.lock().await;
        let (started, name) = connection.extended(START, None).await?;
        let name = name.unwrap_or_default();
        if started.rc != 0 || name.len() > LONGEST_NAME {
            tracing::debug!("The server answers the start of a transaction with {}", started.rc);
            self.without_transactions(NoTransactions::NotStarted);
            return Ok(Ended::Refused);
        }
        let control = RawControl { ctype: SPECIFICATION.to_owned(), crit: true, val: Some(name.clone()) };
        let write = |(place, request)| {
            let control = control.clone();
            async move {
                let _slot = self.window.slot_in_queue().await;
                (place, connection.write(request, control).await)
            }
        };
        // The more requests the server finds at once, the less it costs it to take each.
        let mut answers = stream::iter(requests).map(write).buffer_unordered(self.window.most());
        let mut queued = Queued::default();
        while let Some((place, answer)) = answers.next().await {
            queued.note(place, answer)?;
        }
        drop(answers);
        drop(turn);
        tokio::time::sleep(PAUSE).await;
        // What was refused is not part of the transaction, and would not keep the others from being done.
        let commit = queued.refused.is_empty();
        let (ended, value) = connection.extended(END, Some(end_request(&name, commit))).await?;
        Ok(match ended.rc {
            _ if !commit => Ended::RefusedFor(queued.refused),
            0 => Ended::Committed,
            _ => match value.and_then(|value| failed_message(&value)).and_then(|id| queued.places.remove(&id)) {
                Some(place) => Ended::RefusedFor(HashSet::from([place])),
                None => Ended::Refused,
            },
        })
    }
}

/// What has been queued in a transaction.
#[derive(Default)]
struct Queued {
    /// The operations by the message ids of their requests.
    places: HashMap<i32, usize>,
    refused: HashSet<usize>,
}

impl Queued {
    fn note(&mut self, place: usize, answer: Result<(i32, LdapResult), Trouble>) -> Result<(), Trouble> {
        match answer {
            Ok((id, LdapResult { rc: 0, .. })) => {
                self.places.insert(id, place);
            }
            Ok(_) | Err(Trouble::Unfit(_)) => {
                self.refused.insert(place);
            }
            Err(lost) => return Err(lost),
        }
        Ok(())
    }
}

/// Divides a batch into equal parts of the right size.
fn portions(n: usize) -> impl Iterator<Item = Range<usize>> {
    let n_portions = n.div_ceil(MOST);
    (0..n_portions).map(move |i| i * n / n_portions..(i + 1) * n / n_portions)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::ldap::LdapSettings;

    #[test]
    fn no_portion_is_too_small_or_too_big() {
        let least = LdapSettings::TRANSACTION.get();
        for n in least..2000 {
            let sizes: Vec<usize> = portions(n).map(|portion| portion.len()).collect();
            assert_eq!(sizes.iter().sum::<usize>(), n);
            assert!(sizes.iter().all(|size| (least..=MOST).contains(size)), "{n}: {sizes:?}");
        }
        assert_eq!(portions(0).count(), 0);
    }
}
