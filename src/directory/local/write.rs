//! Writing: a batch is one transaction, and every operation of it stands or falls alone.

use std::sync::Arc;

use rusqlite::OptionalExtension;
use rusqlite::Savepoint;
use rusqlite::Transaction;
use rusqlite::TransactionBehavior;
use rusqlite::named_params;
use rusqlite::params;

use super::fault;
use super::protected::Protected;
use super::word;
use crate::roster::account::EntryId;
use crate::roster::account::GroupKind;
use crate::roster::account::GroupName;
use crate::roster::change::Change;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::name_key::CoarseKey;
use crate::roster::name_key::MatchKey;
use crate::roster::operation::Create;
use crate::roster::operation::Done;
use crate::roster::operation::Member;
use crate::roster::operation::Operation;
use crate::roster::operation::Update;
use crate::roster::place::Step;
use crate::roster::problem::ProblemKind;

/// An operation without its password, and the hash that took its place.
pub(super) struct Prepared {
    pub(super) operation: Operation,
    pub(super) hash: Option<String>,
}

/// What every write needs to know.
#[derive(Clone)]
pub(super) struct Writer {
    /// The time of the batch (RFC 3339, UTC), and ids for its new entries.
    pub(super) now: jiff::Timestamp,
    pub(super) protected: Arc<Protected>,
}

impl Writer {
    /// Does all of `batch` in one transaction and answers in order.
    pub(super) fn batch(&self, connection: &mut rusqlite::Connection, batch: &[Prepared]) -> Vec<Result<Done, Fault>> {
        // Immediate: a writer that waits for another one waits here, where nothing has been done yet.
        let mut transaction = match connection.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(transaction) => transaction,
            Err(error) => return vec![Err(fault::of(&error)); batch.len()],
        };
        let mut answers: Vec<Result<Done, Fault>> = Vec::with_capacity(batch.len());
        for prepared in batch {
            let answer = self.one(&mut transaction, prepared);
            let lost = transaction.is_autocommit();
            answers.push(answer);
            if lost {
                // SQLite itself has rolled everything back, as it does on a full or failing disk.
                let fault = answers.pop().and_then(Result::err).unwrap_or_else(rolled_back);
                undo(&mut answers, &fault);
                answers.resize(batch.len(), Err(fault));
                return answers;
            }
        }
        if let Err(error) = transaction.commit() {
            undo(&mut answers, &fault::of_commit(&error));
        }
        answers
    }

    fn one(&self, transaction: &mut Transaction<'_>, prepared: &Prepared) -> Result<Done, Fault> {
        let savepoint = transaction.savepoint().map_err(|e| fault::of(&e))?;
        let done = self.perform(&savepoint, prepared)?;
        savepoint.commit().map_err(|e| fault::of(&e))?;
        Ok(done)
    }

    fn perform(&self, at: &Savepoint<'_>, prepared: &Prepared) -> Result<Done, Fault> {
        let hash = prepared.hash.as_deref();
        match &prepared.operation {
            Operation::Create(create) => self.create(at, create, hash),
            Operation::Update(update) => self.update(at, update, hash),
            Operation::Delete { id, username: _ } => self.delete(at, id),
            Operation::CreateGroup { kind, name, members } => self.create_group(at, *kind, name, members),
            Operation::ChangeMembers { kind, name, add, remove } => change_members(at, *kind, name, add, remove),
        }
    }

    fn create(&self, at: &Savepoint<'_>, create: &Create, hash: Option<&str>) -> Result<Done, Fault> {
        // Accounts have no place here, so the locator of the feed says nothing.
        let Create { username, locator: _, attributes, password: _, must_change } = create;
        self.creatable(username)?;
        let (match_key, coarse_key) = (MatchKey::new(username), CoarseKey::new(username));
        if let Some(like) = same_or_like(at, &coarse_key)? {
            return Err(if MatchKey::new(&like) == match_key {
                Fault::new(Next::LookAgain, format!("the account `{like}` exists already")).with_code("exists")
            } else {
                rejected(&ProblemKind::TooLike(like))
            });
        }
        let entry = self.new_id();
        at.prepare_cached(
            "INSERT INTO accounts
                 (entry, username, match_key, coarse_key, password, must_change, disabled, created, changed)
             VALUES (:entry, :username, :match_key, :coarse_key, :password, :must_change, 0, :now, :now)",
        )
        .and_then(|mut insert| {
            insert.execute(named_params! {
                ":entry": entry,
                ":username": username,
                ":match_key": match_key.as_str(),
                ":coarse_key": coarse_key.as_str(),
                ":password": hash,
                ":must_change": must_change,
                ":now": self.time(),
            })
        })
        .map_err(|e| fault::of(&e))?;
        let account = at.last_insert_rowid();
        for (name, values) in attributes.iter() {
            let values: Vec<&[u8]> = values.octets().collect();
            write_values(at, account, name.as_str(), &values).map_err(|e| fault::of(&e))?;
        }
        Ok(Done::Created(EntryId { locator: entry.as_str().into(), stable: entry.into() }))
    }

    fn update(&self, at: &Savepoint<'_>, update: &Update, hash: Option<&str>) -> Result<Done, Fault> {
        // Accounts have no place here.
        let Update { id, username, relocation, changes, password: _, must_change, enabled } = update;
        let Some(account) = find(at, id)? else {
            return Err(
                Fault::new(Next::LookAgain, format!("the account `{username}` is no longer there")).with_code("gone")
            );
        };
        self.writable(&account.username)?;
        let mut changed = match relocation.as_ref().and_then(|relocation| relocation.username.as_ref()) {
            Some(Step { to, .. }) => self.rename(at, &account, to)?,
            None => false,
        };
        for change in changes {
            changed |= compare_and_set(at, account.number, change)?;
        }
        let must_change = must_change.unwrap_or(account.must_change);
        let disabled = enabled.map_or(account.disabled, |enabled| !enabled);
        changed |= hash.is_some() || must_change != account.must_change || disabled != account.disabled;
        if !changed {
            return Ok(Done::AlreadySo);
        }
        at.prepare_cached(
            "UPDATE accounts
             SET password = coalesce(:password, password), must_change = :must_change, disabled = :disabled,
                 changed = :now
             WHERE number = :number",
        )
        .and_then(|mut update| {
            update.execute(named_params! {
                ":password": hash,
                ":must_change": must_change,
                ":disabled": disabled,
                ":now": self.time(),
                ":number": account.number,
            })
        })
        .map_err(|e| fault::of(&e))?;
        Ok(Done::Changed)
    }

    /// Gives an account another login name; returns whether it had it not before.
    fn rename(&self, at: &Savepoint<'_>, account: &Found, username: &str) -> Result<bool, Fault> {
        let (match_key, coarse_key) = (MatchKey::new(username), CoarseKey::new(username));
        if MatchKey::new(&account.username) == match_key {
            return Ok(false);
        }
        self.creatable(username)?;
        let like = same_or_like(at, &coarse_key)?.filter(|like| *like != account.username);
        if let Some(like) = like {
            let is_same = MatchKey::new(&like) == match_key;
            return Err(rejected(&if is_same { ProblemKind::Taken(like) } else { ProblemKind::TooLike(like) }));
        }
        at.prepare_cached("UPDATE accounts SET username = ?1, match_key = ?2, coarse_key = ?3 WHERE number = ?4")
            .and_then(|mut rename| {
                rename.execute(params![username, match_key.as_str(), coarse_key.as_str(), account.number])
            })
            .map_err(|e| fault::of(&e))?;
        Ok(true)
    }

    fn delete(&self, at: &Savepoint<'_>, id: &EntryId) -> Result<Done, Fault> {
        let Some(account) = find(at, id)? else { return Ok(Done::AlreadySo) };
        self.writable(&account.username)?;
        at.prepare_cached("DELETE FROM accounts WHERE number = ?1")
            .and_then(|mut delete| delete.execute([account.number]))
            .map_err(|e| fault::of(&e))?;
        Ok(Done::Changed)
    }

    fn create_group(
        &self,
        at: &Savepoint<'_>,
        kind: GroupKind,
        name: &GroupName,
        members: &[Member],
    ) -> Result<Done, Fault> {
        if find_group(at, kind, name)?.is_some() {
            return Err(
                Fault::new(Next::LookAgain, format!("the {} `{name}` exists already", kind.word())).with_code("exists")
            );
        }
        at.prepare_cached("INSERT INTO member_groups (kind, name, match_key, created) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut insert| insert.execute(params![word(kind), name.as_str(), name.key().as_str(), self.time()]))
            .map_err(|e| fault::of(&e))?;
        let group = at.last_insert_rowid();
        for member in members {
            add_member(at, group, member)?;
        }
        // A group is known by its name; the id says only that it is new.
        let number: Box<str> = group.to_string().into();
        Ok(Done::Created(EntryId { locator: number.clone(), stable: number }))
    }

    fn creatable(&self, username: &str) -> Result<(), Fault> {
        match self.protected.why_not_new(username) {
            Some(why) => Err(rejected(&ProblemKind::Protected(why.into()))),
            None => Ok(()),
        }
    }

    fn writable(&self, username: &str) -> Result<(), Fault> {
        match self.protected.why(username) {
            Some(why) => Err(rejected(&ProblemKind::Protected(why.into()))),
            None => Ok(()),
        }
    }

    fn new_id(&self) -> String {
        let seconds = u64::try_from(self.now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(self.now.subsec_nanosecond()).unwrap_or_default();
        let at = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanoseconds);
        uuid::Uuid::new_v7(at).to_string()
    }

    fn time(&self) -> String {
        self.now.to_string()
    }
}

/// Says why a row is refused.
pub(super) fn rejected(problem: &ProblemKind) -> Fault {
    Fault::new(Next::RejectRow, problem.to_string())
}

fn rolled_back() -> Fault {
    Fault::new(Next::Retry, "the local directory took the batch back")
}

fn undo(answers: &mut [Result<Done, Fault>], fault: &Fault) {
    for answer in answers.iter_mut().filter(|answer| answer.is_ok()) {
        *answer = Err(fault.clone());
    }
}

struct Found {
    number: i64,
    username: String,
    must_change: bool,
    disabled: bool,
}

fn find(at: &Savepoint<'_>, id: &EntryId) -> Result<Option<Found>, Fault> {
    at.prepare_cached("SELECT number, username, must_change, disabled FROM accounts WHERE entry = ?1")
        .and_then(|mut select| {
            select
                .query_row([&*id.stable], |row| {
                    Ok(Found {
                        number: row.get(0)?,
                        username: row.get(1)?,
                        must_change: row.get(2)?,
                        disabled: row.get(3)?,
                    })
                })
                .optional()
        })
        .map_err(|e| fault::of(&e))
}

/// Equal match keys have equal coarse keys, so this finds the same name too.
fn same_or_like(at: &Savepoint<'_>, key: &CoarseKey) -> Result<Option<String>, Fault> {
    at.prepare_cached("SELECT username FROM accounts WHERE coarse_key = ?1")
        .and_then(|mut select| select.query_row([key.as_str()], |row| row.get(0)).optional())
        .map_err(|e| fault::of(&e))
}

/// Sets the values of one attribute if it still has the old ones; returns whether that changed anything.
fn compare_and_set(at: &Savepoint<'_>, account: i64, change: &Change) -> Result<bool, Fault> {
    let Change { attribute, old, new } = change;
    let folded = attribute.as_str().to_ascii_lowercase();
    let held: Vec<Vec<u8>> = at
        .prepare_cached("SELECT octets FROM attribute_values WHERE account = ?1 AND attribute = ?2 ORDER BY place")
        .and_then(|mut select| select.query_map(params![account, folded], |row| row.get(0))?.collect())
        .map_err(|e| fault::of(&e))?;
    let holds = |value: &[u8]| held.iter().any(|other| other == value);
    if !(old.iter().all(|value| holds(value)) && held.iter().all(|value| old.iter().any(|other| **other == **value))) {
        let reason = format!("`{attribute}` was changed by somebody else in the meantime");
        return Err(Fault::new(Next::LookAgain, reason).with_code("changed"));
    }
    if change.added().next().is_none() && change.removed().next().is_none() {
        return Ok(false);
    }
    at.prepare_cached("DELETE FROM attribute_values WHERE account = ?1 AND attribute = ?2")
        .and_then(|mut delete| delete.execute(params![account, folded]))
        .map_err(|e| fault::of(&e))?;
    let new: Vec<&[u8]> = new.iter().map(AsRef::as_ref).collect();
    write_values(at, account, attribute.as_str(), &new).map_err(|e| fault::of(&e))?;
    Ok(true)
}

fn write_values(at: &Savepoint<'_>, account: i64, name: &str, values: &[&[u8]]) -> rusqlite::Result<()> {
    let mut insert = at.prepare_cached(
        "INSERT INTO attribute_values (account, attribute, place, spelling, octets, match_key)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let folded = name.to_ascii_lowercase();
    for (place, value) in values.iter().enumerate() {
        if values[..place].contains(value) {
            continue; // Values are a set.
        }
        let key = std::str::from_utf8(value).ok().map(MatchKey::new);
        let key = key.as_ref().map(MatchKey::as_str);
        insert.execute(params![account, folded, i64::try_from(place).unwrap_or(i64::MAX), name, value, key])?;
    }
    Ok(())
}

fn find_group(at: &Savepoint<'_>, kind: GroupKind, name: &GroupName) -> Result<Option<i64>, Fault> {
    at.prepare_cached("SELECT number FROM member_groups WHERE kind = ?1 AND match_key = ?2")
        .and_then(|mut select| select.query_row(params![word(kind), name.key().as_str()], |row| row.get(0)).optional())
        .map_err(|e| fault::of(&e))
}

fn change_members(
    at: &Savepoint<'_>,
    kind: GroupKind,
    name: &GroupName,
    add: &[Member],
    remove: &[Member],
) -> Result<Done, Fault> {
    let Some(group) = find_group(at, kind, name)? else {
        return Err(rejected(&ProblemKind::Unknown { kind: kind.word(), name: name.to_string() }));
    };
    let mut changed = false;
    for member in remove {
        changed |= at
            .prepare_cached(
                "DELETE FROM memberships
                 WHERE member_group = ?1 AND account = (SELECT number FROM accounts WHERE entry = ?2)",
            )
            .and_then(|mut delete| delete.execute(params![group, &*member.id.stable]))
            .map_err(|e| fault::of(&e))?
            > 0;
    }
    for member in add {
        changed |= add_member(at, group, member)?;
    }
    Ok(if changed { Done::Changed } else { Done::AlreadySo })
}

fn add_member(at: &Savepoint<'_>, group: i64, member: &Member) -> Result<bool, Fault> {
    let Some(account) = find(at, &member.id)? else {
        let reason = format!("the account `{}` is no longer there", member.username);
        return Err(Fault::new(Next::LookAgain, reason).with_code("gone"));
    };
    at.prepare_cached("INSERT OR IGNORE INTO memberships (member_group, account) VALUES (?1, ?2)")
        .and_then(|mut insert| insert.execute([group, account.number]))
        .map(|n| n > 0)
        .map_err(|e| fault::of(&e))
}
