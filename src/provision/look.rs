//! Reading back: what nobody knows is asked, and what was accepted is confirmed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::HashSet;

use futures_util::StreamExt;

use super::courier::Courier;
use super::courier::backoff;
use crate::directory::Directory;
use crate::directory::Lookup;
use crate::directory::Which;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::account::MatchBy;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Schema;
use crate::roster::change::Change;
use crate::roster::diff;
use crate::roster::diff::Policy;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Create;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::outcome::Outcome;
use crate::roster::place::Progress;
use crate::state::journal::Kind;

/// How often reading back is tried.
const ATTEMPTS: u32 = 5;

/// Accounts that were read back.
#[derive(Debug, Default)]
pub(super) struct FoundAccounts {
    by_id: HashMap<EntryId, usize>,
    by_username: HashMap<MatchKey, usize>,
    accounts: Vec<ExistingAccount>,
}

impl FoundAccounts {
    /// Returns the account that an operation is about.
    pub(super) fn of(&self, operation: &Operation) -> Option<&ExistingAccount> {
        let place = match operation {
            Operation::Create(create) => self.by_username.get(&MatchKey::new(&create.username)),
            Operation::Update(update) => self.by_id.get(&update.id),
            Operation::Delete { id, .. } => self.by_id.get(id),
            Operation::CreateGroup { .. } | Operation::ChangeMembers { .. } => None,
        };
        place.map(|place| &self.accounts[*place])
    }

    fn push(&mut self, account: ExistingAccount) {
        let place = self.accounts.len();
        self.by_id.insert(account.id.clone(), place);
        self.by_username.insert(MatchKey::new(&account.username), place);
        self.accounts.push(account);
    }
}

impl<D: Directory> Courier<'_, D> {
    /// Reads the accounts that the operations are about.
    async fn look(&self, operations: &[(usize, Operation)]) -> Result<FoundAccounts, Fault> {
        let mut usernames = Vec::new();
        let mut ids = Vec::new();
        for (_, operation) in operations {
            match operation {
                Operation::Create(create) => usernames.push(create.username.clone()),
                Operation::Update(update) => ids.push(update.id_after()),
                Operation::Delete { id, .. } => ids.push(id.clone()),
                Operation::CreateGroup { .. } | Operation::ChangeMembers { .. } => {}
            }
        }
        let mut found = FoundAccounts::default();
        if !usernames.is_empty() {
            let which = Which::Matching { by: MatchBy::Username, values: usernames };
            read(self.work.directory, which, self.work.attributes, &mut found).await?;
        }
        if !ids.is_empty() {
            read(self.work.directory, Which::Ids(ids), self.work.attributes, &mut found).await?;
        }
        Ok(found)
    }

    /// The same, tried several times.
    pub(super) async fn look_patiently(&self, operations: &[(usize, Operation)]) -> Result<FoundAccounts, Fault> {
        let mut attempt = 0;
        loop {
            // Not cut short by a stop: what was sent is to be known before the run ends, if that can be.
            match self.look(operations).await {
                Ok(found) => return Ok(found),
                Err(fault) if fault.next == Next::StopRun || attempt + 1 >= ATTEMPTS => return Err(fault),
                Err(_) => tokio::time::sleep(backoff(attempt)).await,
            }
            attempt += 1;
        }
    }
}

impl<D: Directory> Courier<'_, D> {
    /// Returns the part of an operation that the directory keeps: of the rest nothing can be read back.
    pub(super) fn as_stored<'o>(&self, operation: &'o Operation) -> Cow<'o, Operation> {
        let stores = |name: &AttributeName| self.work.directory.stores(name);
        match operation {
            Operation::Create(create) if create.attributes.iter().any(|(name, _)| !stores(name)) => {
                let attributes = create.attributes.only(stores);
                Cow::Owned(Operation::Create(Create { attributes, ..create.clone() }))
            }
            Operation::Update(update) if update.changes.iter().any(|change| !stores(&change.attribute)) => {
                let changes = update.changes.iter().filter(|change| stores(&change.attribute)).cloned().collect();
                Cow::Owned(Operation::Update(Update { changes, ..update.clone() }))
            }
            operation => Cow::Borrowed(operation),
        }
    }

    /// Returns which of the entries are still there.
    pub(super) async fn find_patiently(&self, ids: Vec<EntryId>) -> Result<HashSet<EntryId>, Fault> {
        let found = self.read_patiently(ids, &Schema::default()).await?;
        Ok(found.into_iter().map(|account| account.id).collect())
    }

    /// Reads these entries, as far as they are still there.
    pub(super) async fn read_patiently(
        &self,
        ids: Vec<EntryId>,
        attributes: &Schema,
    ) -> Result<Vec<ExistingAccount>, Fault> {
        let mut attempt = 0;
        loop {
            let mut found = FoundAccounts::default();
            match read(self.work.directory, Which::Ids(ids.clone()), attributes, &mut found).await {
                Ok(()) => return Ok(found.accounts),
                Err(fault) if fault.next == Next::StopRun || attempt + 1 >= ATTEMPTS => return Err(fault),
                Err(_) => tokio::time::sleep(backoff(attempt)).await,
            }
            attempt += 1;
        }
    }
}

/// Compares what was asked for with what is there: why it failed, if it did, and what else a person should know.
pub(super) fn differences(operation: &Operation, entry: &ExistingAccount) -> (Option<String>, Vec<String>) {
    let differing: Vec<String> = match operation {
        Operation::Create(create) => {
            let changes = diff::changes(&entry.attributes, &create.attributes, |_| Policy::Force);
            changes.iter().map(|change| change.attribute.to_string()).collect()
        }
        Operation::Update(update) => {
            let is_other = |change: &&Change| !holds(&entry.attributes, change, |change| &change.new);
            update.changes.iter().filter(is_other).map(|change| change.attribute.to_string()).collect()
        }
        _ => Vec::new(),
    };
    let mut notes = Vec::new();
    if let Operation::Update(update) = operation
        && let Some(relocation) = &update.relocation
        && relocation.progress(entry) != Progress::Done
    {
        let place = &entry.id.locator;
        let why = format!("the account is still called `{}`, and is at {place}, when read back", entry.username);
        return (Some(why), notes);
    }
    if !differing.is_empty() {
        notes.push(format!("reads back other than written: {}", differing.join(", ")));
    }
    let wanted_enabled = match operation {
        Operation::Update(update) => update.enabled,
        _ => None,
    };
    let failed = match wanted_enabled {
        Some(false) if entry.enabled => Some("the account is still switched on when read back".to_owned()),
        Some(true) if !entry.enabled => Some("the account is still switched off when read back".to_owned()),
        _ => None,
    };
    (failed, notes)
}

async fn read<D: Directory>(
    directory: &D,
    which: Which,
    attributes: &Schema,
    found: &mut FoundAccounts,
) -> Result<(), Fault> {
    let mut stream = std::pin::pin!(directory.existing(Lookup { which, attributes: attributes.clone() }));
    while let Some(account) = stream.next().await {
        found.push(account?);
    }
    Ok(())
}

/// What a look says of an operation.
pub(super) enum Verdict {
    /// It is known what came of it.
    Settled(Outcome),
    /// This is still to be done.
    Again(Operation),
}

/// Decides about an operation whose answer was no answer, or that an entry was in the way of.
///
/// `in_doubt` says that it may have been done by us; else whatever is there now was put there by somebody else.
pub(super) fn decide(operation: Operation, kind: Kind, found: &FoundAccounts, in_doubt: bool) -> Verdict {
    let entry = found.of(&operation);
    match (operation, entry) {
        (operation @ Operation::Create(_), None) => Verdict::Again(operation),
        (Operation::Create(create), Some(entry)) => {
            let is_ours =
                in_doubt && diff::changes(&entry.attributes, &create.attributes, |_| Policy::Force).is_empty();
            if is_ours && is_unfinished(&create, entry) {
                return Verdict::Again(Operation::Update(rest_of(create, entry)));
            }
            Verdict::Settled(if is_ours {
                Outcome::Created
            } else {
                let why = "an account of this name appeared in the directory after the preview; drop the roster again";
                Outcome::Failed(why.to_owned())
            })
        }
        (Operation::Update(_), None) => {
            Verdict::Settled(Outcome::Failed("the account is gone from the directory".to_owned()))
        }
        (Operation::Update(mut update), Some(entry)) => {
            update.id = entry.id.clone();
            if let Some(relocation) = update.relocation.take() {
                match relocation.progress(entry) {
                    Progress::Elsewhere => {
                        let why = "the account was renamed or moved by somebody else after the preview; drop the roster again";
                        return Verdict::Settled(Outcome::Failed(why.to_owned()));
                    }
                    Progress::Done if !in_doubt => {}
                    // What follows from it may be missing, and can be done twice.
                    Progress::Done | Progress::ToDo => update.relocation = Some(relocation),
                }
            }
            // A password may be live that nobody was told: it is written whatever else has changed, and reading back
            // tells the rest.
            let must_go_on = in_doubt && update.password.is_some();
            let mut left = Vec::new();
            for change in update.changes {
                if holds(&entry.attributes, &change, |change| &change.new) {
                    continue;
                }
                if holds(&entry.attributes, &change, |change| &change.old) {
                    left.push(change);
                } else if !must_go_on {
                    let why = format!(
                        "`{}` was changed by somebody else after the preview; drop the roster again",
                        change.attribute
                    );
                    return Verdict::Settled(Outcome::Failed(why));
                }
            }
            update.changes = left;
            let state_holds = update.enabled.is_none_or(|enabled| enabled == entry.enabled);
            // A password cannot be read back. Writing the same one again is harmless.
            if update.relocation.is_none() && update.changes.is_empty() && update.password.is_none() && state_holds {
                return Verdict::Settled(kind.when_done());
            }
            Verdict::Again(Operation::Update(update))
        }
        (Operation::Delete { .. }, None) => Verdict::Settled(Outcome::Deleted),
        (operation, _) => Verdict::Again(operation),
    }
}

/// Returns whether a new account has not all that makes it one: some directories make it switched off, and set its
/// password and what forces a change in further steps.
fn is_unfinished(create: &Create, entry: &ExistingAccount) -> bool {
    let is_forced = !create.must_change || entry.must_change != Some(false);
    create.password.is_some() && !(entry.enabled && is_forced)
}

fn rest_of(create: Create, entry: &ExistingAccount) -> Update {
    Update {
        id: entry.id.clone(),
        username: entry.username.clone(),
        relocation: None,
        changes: Vec::new(),
        password: create.password,
        must_change: Some(create.must_change),
        enabled: (!entry.enabled).then_some(true),
    }
}

fn holds(attributes: &Attributes, change: &Change, side: impl Fn(&Change) -> &[Box<[u8]>]) -> bool {
    let wanted = side(change);
    match attributes.get(change.attribute.as_str()) {
        None => wanted.is_empty(),
        Some(values) => {
            let now: Vec<&[u8]> = values.octets().collect();
            now.len() == wanted.len() && wanted.iter().all(|value| now.contains(&value.as_ref()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(enabled: bool, must_change: Option<bool>) -> FoundAccounts {
        let mut found = FoundAccounts::default();
        found.push(ExistingAccount {
            id: EntryId { locator: "uid=ada,o=x".into(), stable: "1".into() },
            username: "ada".into(),
            attributes: Attributes::default(),
            enabled,
            must_change,
            protected: None,
            archived: false,
        });
        found
    }

    fn ada(password: Option<&str>, must_change: bool) -> Operation {
        let password = password.map(Into::into);
        let attributes = Attributes::default();
        Operation::Create(Create { username: "ada".into(), locator: None, attributes, password, must_change })
    }

    #[test]
    fn a_new_account_that_lacks_its_password_gets_it() {
        let left =
            |found: &FoundAccounts, must_change| match decide(ada(Some("s"), must_change), Kind::Create, found, true) {
                Verdict::Again(Operation::Update(Update { password: Some(_), must_change, enabled, .. })) => {
                    Some((must_change, enabled))
                }
                Verdict::Settled(Outcome::Created) => None,
                _ => panic!("neither"),
            };
        assert_eq!(left(&found(false, Some(false)), true), Some((Some(true), Some(true))));
        assert_eq!(left(&found(false, None), false), Some((Some(false), Some(true))));
        assert_eq!(left(&found(true, Some(false)), true), Some((Some(true), None)));
        // All is there, or nobody can tell.
        assert_eq!(left(&found(true, Some(true)), true), None);
        assert_eq!(left(&found(true, None), true), None);
        assert_eq!(left(&found(true, Some(false)), false), None);
        let without = decide(ada(None, false), Kind::Create, &found(false, None), true);
        assert!(matches!(without, Verdict::Settled(Outcome::Created)), "some directories make it so");
    }

    #[test]
    fn what_somebody_else_made_is_left_alone() {
        let verdict = decide(ada(Some("s"), true), Kind::Create, &found(false, Some(false)), false);
        assert!(matches!(verdict, Verdict::Settled(Outcome::Failed(_))));
    }
}
