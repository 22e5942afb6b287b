//! Reading many accounts back that were just written, with few searches.
//!
//! OpenLDAP could show each entry with its answer (RFC 4527), but it makes up what it shows while all other writers wait.
//! Many entries together cost it a quarter of that, at a time when others can write.

use std::collections::HashMap;
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Dsa;
use super::connection::Connection;
use super::filter::Filter;
use super::pipeline::Places;
use super::read::canonical;
use super::settings::PasswordStorage;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Schema;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Done;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;

/// Names in one filter. OpenLDAP compares each of the entries with each of the names: a hundred cost it half as much
/// again for every person, and twenty as much as forty.
const CHUNK: usize = 40;
/// Fewer accounts than this are shown each with its own answer.
const WORTH: usize = 16;
/// A search that takes longer goes through everybody: the username has no index.
const SLOW: Duration = Duration::from_millis(250);

/// When the server shows what it has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// With each answer, or right after it.
    WithAnswer,
    /// Together with others.
    Later,
}

/// Whether reading back together has turned out to be slow.
#[derive(Debug, Default)]
pub struct ReadBack {
    is_slow: AtomicBool,
}

impl Dsa {
    /// Returns when the accounts of a batch are best shown.
    pub(super) fn shown_of(&self, batch: &[&Operation]) -> Shown {
        let n_created = batch.iter().filter(|operation| matches!(operation, Operation::Create(_))).count();
        // Whether a number is still free, and whether a password was taken, is seen account by account.
        let is_one_step = self.site.posix.is_none() && self.site.password_storage != PasswordStorage::Exop;
        let is_worth_it = self.site.profile.peculiar.shows_in_turn
            && n_created >= WORTH
            && !self.read_back.is_slow.load(Ordering::Relaxed);
        if is_one_step && is_worth_it { Shown::Later } else { Shown::WithAnswer }
    }

    /// Reads the accounts of operations that are done, and puts the receipts where the answers are.
    pub(super) async fn receipts(
        &self,
        connection: &Connection,
        batch: &[&Operation],
        done: &[usize],
        answers: Places<'_>,
    ) {
        let targets: Vec<(usize, Target)> =
            done.iter().filter_map(|place| Some((*place, self.target(batch[*place])?))).collect();
        let schema = schema_of(done.iter().map(|place| batch[*place]));
        let mut found = self.find_targets(connection, &targets, &schema).await;
        for place in done {
            // Whatever has no account is a deletion.
            answers[*place] = Some(Ok(Done::Changed.into()));
        }
        for (place, target) in targets {
            let account = match found.remove(&MatchKey::new(&target.dn)) {
                Some(account) => Some(account),
                None => self.shown(connection, &target.dn, None, &schema).await,
            };
            answers[place] = Some(match (batch[place], account) {
                (Operation::Create(_), Some(account)) => {
                    Ok(Receipt { done: Done::Created(account.id.clone()), account: Some(Box::new(account)) })
                }
                (Operation::Create(_), None) => {
                    Err(Fault::new(Next::LookAgain, "created, but it could not be read back"))
                }
                (_, account) => Ok(Receipt { done: Done::Changed, account: account.map(Box::new) }),
            });
        }
    }

    /// Returns where the account of an operation is afterwards.
    fn target(&self, operation: &Operation) -> Option<Target> {
        match operation {
            Operation::Create(create) => {
                let dn = self.place(&create.username, create.locator.as_deref(), &create.attributes).ok()?;
                let filter = Filter::eq(&self.site.username_attribute, &create.username);
                Some(Target { dn: dn.to_string(), filter })
            }
            Operation::Update(update) => {
                Some(Target { dn: canonical(&update.id.locator), filter: self.same(&update.id) })
            }
            _ => None,
        }
    }

    /// Reads many accounts with few searches. Who is not found is not in the result, whatever the reason.
    async fn find_targets(
        &self,
        connection: &Connection,
        targets: &[(usize, Target)],
        schema: &Schema,
    ) -> HashMap<MatchKey, ExistingAccount> {
        let base = self.site.people_base.to_string();
        let attributes = self.attributes(schema);
        let attributes: Vec<&str> = attributes.iter().map(String::as_str).collect();
        let mut found = HashMap::new();
        for chunk in targets.chunks(CHUNK) {
            let any = Filter::any(chunk.iter().map(|(_, target)| target.filter.clone()));
            let (page, began) = (self.site.page_size, Instant::now());
            let read = self.search_all(connection, &base, self.scope(), &any, &attributes, page).await;
            let accounts = read.unwrap_or_default().into_iter().filter_map(|entry| self.account(&entry, schema).ok());
            found.extend(accounts.map(|account| (MatchKey::new(&account.id.locator), account)));
            if began.elapsed() > SLOW {
                self.read_back.is_slow.store(true, Ordering::Relaxed);
            }
        }
        found
    }
}

/// An account that was written, and what finds it.
struct Target {
    dn: String,
    filter: Filter,
}

/// Returns the attributes that the operations are about.
fn schema_of<'b>(operations: impl Iterator<Item = &'b Operation>) -> Schema {
    let mut names: HashSet<AttributeName> = HashSet::new();
    let mut put = |name: &AttributeName| {
        if !names.contains(name) {
            names.insert(name.clone());
        }
    };
    for operation in operations {
        match operation {
            Operation::Create(create) => create.attributes.iter().for_each(|(name, _)| put(name)),
            Operation::Update(update) => update.changes.iter().for_each(|change| put(&change.attribute)),
            _ => {}
        }
    }
    Schema::new(names)
}
