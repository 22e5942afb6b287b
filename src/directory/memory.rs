//! A directory in memory, for tests: it keeps every promise of a real one, until a test scripts a fault.
//!
//! Never reachable from a configuration. Clones share their content, so a test can keep one and give one away.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream;

use super::Capabilities;
use super::Directory;
use super::Finding;
use super::Login;
use super::Lookup;
use super::Pace;
use super::Verdict;
use super::Wanted;
use super::Which;
use super::local::rules;
use crate::roster::account::Account;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::ExistingGroup;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::account::MatchBy;
use crate::roster::account::Members;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Schema;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::CoarseKey;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Operation;
use crate::roster::operation::Receipt;
use crate::roster::place::Home;
use crate::roster::place::Place;
use crate::roster::problem::Problem;
use crate::roster::reference::Fold;
use crate::roster::secret::Secret;

mod places;
mod script;
mod write;

pub use script::Seen;
pub use script::Writes;

/// The directory in memory.
#[derive(Clone, Debug)]
pub struct Memory {
    capabilities: Capabilities,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    accounts: BTreeMap<u64, Held>,
    groups: BTreeMap<(GroupKind, MatchKey), HeldGroup>,
    script: script::Script,
    writes: Writes,
    log: Vec<String>,
}

#[derive(Debug)]
struct Held {
    username: Box<str>,
    match_key: MatchKey,
    coarse_key: CoarseKey,
    attributes: BTreeMap<AttributeName, Vec<Vec<u8>>>,
    password: Option<Secret>,
    must_change: bool,
    enabled: bool,
    protected: Option<Box<str>>,
    /// Where it was put; `None`: it has a place of its own.
    place: Option<Box<str>>,
}

#[derive(Debug)]
struct HeldGroup {
    name: GroupName,
    members: BTreeSet<u64>,
}

impl Memory {
    /// Where those are who have left.
    pub const ARCHIVE: &'static str = "ou=leavers";

    /// Returns an empty directory that can do everything.
    pub fn new() -> Self {
        Self::with_capabilities(Capabilities {
            groups: true,
            roles: true,
            channels: true,
            disable: true,
            must_change: true,
            passwords: true,
        })
    }

    /// Returns an empty directory that says it can do this much.
    pub fn with_capabilities(capabilities: Capabilities) -> Self {
        Self { capabilities, state: Arc::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl Directory for Memory {
    async fn capabilities(&self) -> Result<&Capabilities, Fault> {
        Ok(&self.capabilities)
    }

    fn objections(&self, account: &Account) -> Vec<Problem> {
        rules::account_problems(&account.username, &account.attributes, account.password.as_ref())
    }

    fn place(&self, entry: &EntryId, home: &Home<'_>) -> Result<Option<Place>, String> {
        Ok(Self::relocated(entry, home))
    }

    fn fold_of_references(&self) -> Fold {
        MatchKey::new
    }

    fn existing(&self, lookup: Lookup) -> impl Stream<Item = Result<ExistingAccount, Fault>> + Send {
        let mut state = self.state();
        let cut = state.script.cut_existing_after.take();
        let can_tell = self.capabilities.must_change;
        let keys: HashSet<MatchKey> = match &lookup.which {
            Which::Matching { by: _, values } | Which::Located(values) => {
                values.iter().map(|value| MatchKey::new(value)).collect()
            }
            Which::All | Which::Ids(_) => HashSet::new(),
        };
        let mut found: Vec<Result<ExistingAccount, Fault>> = state
            .accounts
            .iter()
            .filter(|(id, held)| held.is_wanted(**id, &lookup.which, &keys))
            .map(|(id, held)| Ok(held.shown(*id, &lookup.attributes, can_tell)))
            .collect();
        if let Some(n) = cut {
            found.truncate(n);
            found.push(Err(Fault::new(Next::LookAgain, "the connection was lost while reading")));
        }
        stream::iter(found)
    }

    async fn groups(&self, kind: GroupKind, wanted: Wanted) -> Result<Vec<ExistingGroup>, Fault> {
        let mut state = self.state();
        if let Some(fault) = state.script.fail_groups.take() {
            return Err(fault);
        }
        let is_wanted = |name: &GroupName| match &wanted {
            Wanted::All => true,
            Wanted::Named(names) => names.contains(name),
        };
        let of_kind = state.groups.iter().filter(|((k, _), group)| *k == kind && is_wanted(&group.name));
        Ok(of_kind.map(|(_, group)| group.shown(kind, &state.accounts)).collect())
    }

    async fn apply(&self, batch: &[Operation], pace: &Pace) -> Vec<Result<Receipt, Fault>> {
        let mut answers = Vec::with_capacity(batch.len());
        for operation in batch {
            pace.permit().await;
            let slow = self.state().script.slow;
            if slow > Duration::ZERO {
                tokio::time::sleep(slow).await;
            }
            answers.push(self.state().answer(operation).map(Receipt::from));
        }
        answers
    }

    async fn login(&self, _id: &EntryId, username: &str, password: &Secret) -> Result<Login, Fault> {
        if let Some(answer) = self.state().script.logins.get(&MatchKey::new(username)) {
            return answer.clone();
        }
        Ok(Self::login(self, username, password).into())
    }

    async fn check(&self) -> Vec<Finding> {
        let n_accounts = self.state().accounts.len();
        vec![Finding { subject: "memory".to_owned(), verdict: Verdict::Good(format!("{n_accounts} accounts")) }]
    }
}

impl Held {
    fn id(&self, id: u64) -> EntryId {
        let own = entry_id(id);
        EntryId { locator: self.place.clone().unwrap_or(own.locator), stable: own.stable }
    }

    fn is_wanted(&self, id: u64, which: &Which, keys: &HashSet<MatchKey>) -> bool {
        match which {
            Which::All => true,
            Which::Ids(ids) => ids.contains(&self.id(id)),
            Which::Located(_) => keys.contains(&MatchKey::new(&self.id(id).locator)),
            Which::Matching { by: MatchBy::Username, values: _ } => keys.contains(&self.match_key),
            Which::Matching { by: MatchBy::Attribute(name), values: _ } => {
                let values = self.attributes.get(name).into_iter().flatten();
                let mut text = values.filter_map(|value| std::str::from_utf8(value).ok());
                text.any(|value| keys.contains(&MatchKey::new(value)))
            }
        }
    }

    fn shown(&self, id: u64, schema: &Schema, can_tell: bool) -> ExistingAccount {
        let pairs = self.attributes.iter().map(|(name, values)| (name.as_str(), values.iter().map(Vec::as_slice)));
        ExistingAccount {
            id: self.id(id),
            username: self.username.clone(),
            attributes: schema.pack(pairs),
            enabled: self.enabled,
            must_change: can_tell.then_some(self.must_change),
            protected: self.protected.clone(),
            archived: self.place.as_ref().is_some_and(|place| place.ends_with(Memory::ARCHIVE)),
        }
    }
}

impl HeldGroup {
    fn shown(&self, kind: GroupKind, accounts: &BTreeMap<u64, Held>) -> ExistingGroup {
        let place = |id: &u64| accounts.get(id).map(|held| MatchKey::new(&held.id(*id).locator));
        let members = self.members.iter().filter_map(place).collect();
        ExistingGroup { kind, name: self.name.clone(), members: Members::ByEntry(members), protected: None }
    }
}

fn entry_id(id: u64) -> EntryId {
    EntryId { locator: format!("entry-{id}").into(), stable: id.to_string().into() }
}

fn number(id: &EntryId) -> Option<u64> {
    id.stable.parse().ok()
}

#[cfg(test)]
mod tests;
