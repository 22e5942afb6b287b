//! What outlives a run: files that are done, accounts that were switched off, sizes, schedules.

use std::collections::HashMap;

use rusqlite::OptionalExtension;
use rusqlite::Transaction;
use rusqlite::params;

use super::State;
use super::journal::Off;
use crate::roster::account::EntryId;
use crate::sqlite::DatabaseError;

impl State {
    /// Returns whether the file with this identity was carried through the feed already.
    pub async fn is_done(&self, feed: &str, name: &str, identity: &str) -> Result<bool, DatabaseError> {
        let (feed, name, identity) = (feed.to_owned(), name.to_owned(), identity.to_owned());
        self.database
            .call(move |db| {
                let known: Option<String> = db
                    .query_row("SELECT identity FROM done_file WHERE feed = ?1 AND name = ?2", [feed, name], |r| {
                        r.get(0)
                    })
                    .optional()?;
                Ok(known.is_some_and(|known| known == identity))
            })
            .await
    }

    /// Remembers that the file with this identity is done.
    pub async fn file_done(&self, feed: &str, name: &str, identity: &str, run: &str) -> Result<(), DatabaseError> {
        let (feed, name, identity, run) = (feed.to_owned(), name.to_owned(), identity.to_owned(), run.to_owned());
        self.database
            .call(move |db| {
                db.execute("INSERT OR REPLACE INTO done_file VALUES (?1, ?2, ?3, ?4)", [feed, name, identity, run])?;
                Ok(())
            })
            .await
    }

    /// Returns what is known of the entries that rosterd switched off, by stable id.
    pub async fn disabled_by_us(&self, target: &str) -> Result<HashMap<Box<str>, Disabled>, DatabaseError> {
        let target = target.to_owned();
        self.database
            .call(move |db| {
                let mut query = db.prepare("SELECT entry, missing, place FROM disabled WHERE target = ?1")?;
                let text = |text: Option<String>| text.map(String::into_boxed_str);
                let entries = query
                    .query_map([target], |row| {
                        let disabled = Disabled { missing: text(row.get(1)?), place: text(row.get(2)?) };
                        Ok((row.get::<_, String>(0)?.into_boxed_str(), disabled))
                    })?
                    .collect::<Result<HashMap<_, _>, _>>()?;
                Ok(entries)
            })
            .await
    }

    /// Remembers that a roster has these people again: whatever was counted for them begins anew.
    pub async fn seen_again(&self, target: &str, entries: Vec<Box<str>>) -> Result<(), DatabaseError> {
        self.mark_missing(target, entries, None).await
    }

    /// Remembers since when (RFC 3339) these people are missing from rosters, of those of whom that is not known yet.
    pub async fn missing_since(&self, target: &str, entries: Vec<Box<str>>, at: String) -> Result<(), DatabaseError> {
        self.mark_missing(target, entries, Some(at)).await
    }

    async fn mark_missing(
        &self,
        target: &str,
        entries: Vec<Box<str>>,
        at: Option<String>,
    ) -> Result<(), DatabaseError> {
        if entries.is_empty() {
            return Ok(());
        }
        let target = target.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                {
                    let mut mark = tx.prepare_cached(
                        "UPDATE disabled SET missing = iif(?3 IS NULL, NULL, coalesce(missing, ?3))
                         WHERE target = ?1 AND entry = ?2",
                    )?;
                    for entry in &entries {
                        mark.execute(params![target, entry, at])?;
                    }
                }
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Forgets that rosterd has switched these entries off: somebody has let them in again.
    pub async fn seen_enabled(&self, target: &str, entries: Vec<EntryId>) -> Result<(), DatabaseError> {
        if entries.is_empty() {
            return Ok(());
        }
        let target = target.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                keep_switched(&tx, &target, &[], &entries, "")?;
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Returns how many accounts the target had when it was last read.
    pub async fn last_size(&self, target: &str) -> Result<Option<usize>, DatabaseError> {
        let target = target.to_owned();
        self.database
            .call(move |db| {
                let size: Option<i64> = db
                    .query_row("SELECT accounts FROM target_size WHERE target = ?1", [target], |row| row.get(0))
                    .optional()?;
                Ok(size.and_then(|size| usize::try_from(size).ok()))
            })
            .await
    }

    /// Remembers how many accounts the target has.
    pub async fn keep_size(&self, target: &str, accounts: usize) -> Result<(), DatabaseError> {
        let target = target.to_owned();
        self.database
            .call(move |db| {
                let accounts = i64::try_from(accounts).unwrap_or(i64::MAX);
                db.execute("INSERT OR REPLACE INTO target_size VALUES (?1, ?2)", params![target, accounts])?;
                Ok(())
            })
            .await
    }

    /// Returns the highest numbers that the target ever gave out.
    pub async fn highest_numbers(&self, target: &str) -> Result<(u32, u32), DatabaseError> {
        let target = target.to_owned();
        self.database
            .call(move |db| {
                let find = "SELECT uid, gid FROM number WHERE target = ?1";
                let found = db.query_row(find, [target], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
                Ok(found.unwrap_or_default())
            })
            .await
    }

    /// Remembers the highest numbers that the target gave out; lower ones than known are no news.
    pub async fn keep_numbers(&self, target: &str, (uid, gid): (u32, u32)) -> Result<(), DatabaseError> {
        let target = target.to_owned();
        self.database
            .call(move |db| {
                db.execute(
                    "INSERT INTO number VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET uid = max(uid, excluded.uid), gid = max(gid, excluded.gid)",
                    params![target, uid, gid],
                )?;
                Ok(())
            })
            .await
    }

    /// Returns which server of the target was last written to, and how far it had come then, if that is known.
    pub async fn newest(&self, target: &str) -> Result<Option<(String, Option<String>)>, DatabaseError> {
        let target = target.to_owned();
        self.database
            .call(move |db| {
                let find = "SELECT server, progress FROM newest WHERE target = ?1";
                Ok(db.query_row(find, [target], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
            })
            .await
    }

    /// Remembers which server of the target is written to, and how far it has come.
    pub async fn keep_newest(&self, target: &str, server: &str, progress: Option<&str>) -> Result<(), DatabaseError> {
        let (target, server, progress) = (target.to_owned(), server.to_owned(), progress.map(str::to_owned));
        self.database
            .call(move |db| {
                db.execute("INSERT OR REPLACE INTO newest VALUES (?1, ?2, ?3)", params![target, server, progress])?;
                Ok(())
            })
            .await
    }

    /// Remembers an errors file as it was written; `None`: there is none any more.
    pub async fn placed(&self, path: String, length_and_digest: Option<(u64, [u8; 32])>) -> Result<(), DatabaseError> {
        self.database
            .call(move |db| {
                match length_and_digest {
                    Some((length, sha256)) => {
                        let length = i64::try_from(length).unwrap_or(i64::MAX);
                        db.execute(
                            "INSERT OR REPLACE INTO placed_file VALUES (?1, ?2, ?3)",
                            params![path, length, sha256],
                        )?
                    }
                    None => db.execute("DELETE FROM placed_file WHERE path = ?1", params![path])?,
                };
                Ok(())
            })
            .await
    }

    /// Returns the length and SHA-256 of an errors file as it was written.
    pub async fn as_placed(&self, path: String) -> Result<Option<(u64, [u8; 32])>, DatabaseError> {
        self.database
            .call(move |db| {
                let found: Option<(i64, [u8; 32])> = db
                    .query_row("SELECT length, sha256 FROM placed_file WHERE path = ?1", [path], |r| {
                        Ok((r.get(0)?, r.get(1)?))
                    })
                    .optional()?;
                Ok(found.and_then(|(length, sha256)| Some((u64::try_from(length).ok()?, sha256))))
            })
            .await
    }

    /// Returns when the feed's schedule last fired (RFC 3339).
    pub async fn last_scheduled(&self, feed: &str) -> Result<Option<String>, DatabaseError> {
        let feed = feed.to_owned();
        self.database
            .call(move |db| {
                Ok(db
                    .query_row("SELECT last_run FROM schedule WHERE feed = ?1", [feed], |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    /// Remembers when the feed's schedule fired (RFC 3339).
    pub async fn scheduled(&self, feed: &str, at: String) -> Result<(), DatabaseError> {
        let feed = feed.to_owned();
        self.database
            .call(move |db| {
                db.execute("INSERT OR REPLACE INTO schedule VALUES (?1, ?2)", [feed, at])?;
                Ok(())
            })
            .await
    }
}

/// What is known of an entry that rosterd switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Since when every roster was without the person (RFC 3339); `None` when the last one had them.
    pub missing: Option<Box<str>>,
    /// Where the entry was before it came into the archive, if it did.
    pub place: Option<Box<str>>,
}

/// Remembers which entries rosterd switched off, and forgets those that it let in again.
pub(super) fn keep_switched(
    tx: &Transaction<'_>,
    target: &str,
    off: &[Off],
    on: &[EntryId],
    at: &str,
) -> Result<(), DatabaseError> {
    let mut insert = tx.prepare_cached(
        "INSERT INTO disabled (target, entry, username, at, missing, place) VALUES (?1, ?2, ?3, ?4, ?4, ?5)
         ON CONFLICT DO UPDATE SET
             username = excluded.username,
             missing = coalesce(missing, excluded.missing),
             place = coalesce(excluded.place, place)",
    )?;
    for Off { entry, username, before } in off {
        insert.execute(params![target, entry.stable, username, at, before])?;
    }
    let mut delete = tx.prepare_cached("DELETE FROM disabled WHERE target = ?1 AND entry = ?2")?;
    for entry in on {
        delete.execute(params![target, entry.stable])?;
    }
    Ok(())
}
