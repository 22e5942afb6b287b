//! Runs: one roster carried through one feed, with an id.

use rusqlite::OptionalExtension;
use rusqlite::Row;
use rusqlite::Transaction;
use rusqlite::params;

use super::State;
use super::waiting;
use crate::roster::account::LineNo;
use crate::roster::plan::Hold;
use crate::roster::plan::HoldClass;
use crate::sqlite::DatabaseError;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The roster is copied; nothing was written yet.
    Claimed,
    /// The plan is shown and waits for approval.
    Waiting,
    /// An operator has said yes; nobody has applied it yet.
    Approved,
    /// Writes may have been sent.
    Applying,
    /// Applied, but for what is held for approval.
    Held,
    /// Applied.
    Done,
    /// The roster was refused as a whole.
    Refused,
    /// An operator said no.
    Rejected,
    /// It could not be carried to its end.
    Failed,
}

impl Phase {
    const ALL: [Self; 9] = [
        Self::Claimed,
        Self::Waiting,
        Self::Approved,
        Self::Applying,
        Self::Held,
        Self::Done,
        Self::Refused,
        Self::Rejected,
        Self::Failed,
    ];

    /// Returns the word that is stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Applying => "applying",
            Self::Held => "held",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }

    /// Returns whether the run still needs its spool copy.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Claimed | Self::Waiting | Self::Approved | Self::Applying | Self::Held)
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|phase| phase.word() == word)
    }
}

/// One run as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// A UUID of version 7.
    pub id: String,
    /// The feed's name.
    pub feed: String,
    /// The target's name.
    pub target: String,
    /// The roster as it was dropped.
    pub path: String,
    /// rosterd's own copy.
    pub spool: String,
    /// SHA-256 of the copy, in hexadecimal.
    pub fingerprint: String,
    /// Device, inode, size and times of the dropped file.
    pub identity: String,
    /// Where it stands.
    pub phase: Phase,
    /// Id of the plan that was shown last.
    pub plan: Option<String>,
    /// Classes that are held, comma separated.
    pub holds: String,
    /// Why it was refused or failed.
    pub reason: Option<String>,
    /// Outcome counts as JSON.
    pub counts: Option<String>,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub ended_at: Option<String>,
}

const COLUMNS: &str =
    "id, feed, target, path, spool, fingerprint, identity, phase, plan, holds, reason, counts, started_at, ended_at";

fn read(row: &Row<'_>) -> rusqlite::Result<Run> {
    let phase: String = row.get(7)?;
    Ok(Run {
        id: row.get(0)?,
        feed: row.get(1)?,
        target: row.get(2)?,
        path: row.get(3)?,
        spool: row.get(4)?,
        fingerprint: row.get(5)?,
        identity: row.get(6)?,
        // A phase of a newer rosterd: leave the run alone.
        phase: Phase::of(&phase).unwrap_or(Phase::Failed),
        plan: row.get(8)?,
        holds: row.get(9)?,
        reason: row.get(10)?,
        counts: row.get(11)?,
        started_at: row.get(12)?,
        ended_at: row.get(13)?,
    })
}

impl State {
    /// Stores a new run.
    pub async fn begin(&self, run: Run) -> Result<(), DatabaseError> {
        self.database
            .call(move |db| {
                db.execute(
                    &format!("INSERT INTO run ({COLUMNS}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)"),
                    params![
                        run.id,
                        run.feed,
                        run.target,
                        run.path,
                        run.spool,
                        run.fingerprint,
                        run.identity,
                        run.phase.word(),
                        run.plan,
                        run.holds,
                        run.reason,
                        run.counts,
                        run.started_at,
                        run.ended_at
                    ],
                )?;
                Ok(())
            })
            .await
    }

    /// Moves a run to `phase`, with the plan that this is about and the limits it breaches. What is held already stays
    /// held.
    pub async fn enter(&self, run: &str, phase: Phase, plan: &str, holds: &[Hold]) -> Result<(), DatabaseError> {
        let (run, plan, holds) = (run.to_owned(), plan.to_owned(), holds.to_vec());
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                keep_holds(&tx, &run, &holds)?;
                tx.execute(
                    "UPDATE run SET phase = ?2, plan = ?3, holds = ?4 WHERE id = ?1",
                    params![run, phase.word(), plan, words(&holds)],
                )?;
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Begins to apply an approved plan: `parts` is everything that it writes, and nothing else may be.
    pub async fn enter_approved(&self, run: &str, plan: &str, parts: Vec<[u8; 16]>) -> Result<(), DatabaseError> {
        let (run, plan) = (run.to_owned(), plan.to_owned());
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                tx.execute("DELETE FROM approved WHERE run = ?1", [&run])?;
                tx.execute("DELETE FROM hold WHERE run = ?1", [&run])?;
                tx.execute("INSERT INTO approved (run, digest) VALUES (?1, X'')", [&run])?;
                {
                    let mut insert = tx.prepare("INSERT OR IGNORE INTO approved (run, digest) VALUES (?1, ?2)")?;
                    for part in &parts {
                        insert.execute(params![run, part])?;
                    }
                }
                tx.execute(
                    "UPDATE run SET phase = 'applying', plan = ?2, holds = '' WHERE id = ?1",
                    params![run, plan],
                )?;
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Returns the limits that the run has breached, and that nobody has approved.
    pub async fn holds(&self, run: &str) -> Result<Vec<Hold>, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let mut query = db.prepare("SELECT class, planned, allowed, of FROM hold WHERE run = ?1")?;
                let mut holds = Vec::new();
                let mut rows = query.query([run])?;
                while let Some(row) = rows.next()? {
                    let key: String = row.get(0)?;
                    let n = |i| row.get::<_, i64>(i).map(|n| usize::try_from(n).unwrap_or_default());
                    let class = HoldClass::ALL.into_iter().find(|class| class.key() == key);
                    let (planned, limit, of) = (n(1)?, n(2)?, n(3)?);
                    holds.extend(class.map(|class| Hold { class, planned, limit, of }));
                }
                Ok(holds)
            })
            .await
    }

    /// Keeps the choices that an operator has made in the preview, in place of those kept before.
    pub async fn keep_choices(&self, run: &str, choices: Vec<(LineNo, u8)>) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                replace_choices(&tx, &run, &choices)?;
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Returns the choices that an operator has made in the preview.
    pub async fn choices(&self, run: &str) -> Result<Vec<(LineNo, u8)>, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let mut query = db.prepare("SELECT line, bits FROM choice WHERE run = ?1 ORDER BY line")?;
                let choices = query.query_map([run], |row| Ok((LineNo(row.get(0)?), row.get(1)?)))?;
                Ok(choices.collect::<Result<_, _>>()?)
            })
            .await
    }

    /// Approves the plan that waits, with these choices, if it is still this one. The daemon applies it.
    pub async fn approve(&self, run: &str, plan: &str, choices: Vec<(LineNo, u8)>) -> Result<bool, DatabaseError> {
        let (run, plan) = (run.to_owned(), plan.to_owned());
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                let n = tx.execute(
                    "UPDATE run SET phase = 'approved' WHERE id = ?1 AND plan = ?2 AND phase IN ('waiting', 'held')",
                    [&run, &plan],
                )?;
                if n == 1 {
                    replace_choices(&tx, &run, &choices)?;
                }
                tx.commit()?;
                Ok(n == 1)
            })
            .await
    }

    /// Ends a run: its journal goes, its reports have it all.
    pub async fn end(
        &self,
        run: &str,
        phase: Phase,
        reason: Option<String>,
        counts: Option<String>,
        at: String,
    ) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                tx.execute(
                    "UPDATE run SET phase = ?2, reason = ?3, counts = coalesce(?4, counts), ended_at = ?5 WHERE id = ?1",
                    params![run, phase.word(), reason, counts, at],
                )?;
                tx.execute("DELETE FROM row WHERE run = ?1", params![run])?;
                tx.execute("DELETE FROM approved WHERE run = ?1", params![run])?;
                tx.execute("DELETE FROM hold WHERE run = ?1", params![run])?;
                tx.execute("DELETE FROM choice WHERE run = ?1", params![run])?;
                tx.execute("DELETE FROM letter WHERE run = ?1", params![run])?;
                waiting::forget(&tx, &run)?;
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Returns the runs that are still open, oldest first.
    pub async fn open_runs(&self) -> Result<Vec<Run>, DatabaseError> {
        self.runs("WHERE phase IN ('claimed', 'waiting', 'approved', 'applying', 'held') ORDER BY id", None).await
    }

    /// Returns the latest `n` runs, latest first.
    pub async fn latest_runs(&self, n: usize) -> Result<Vec<Run>, DatabaseError> {
        self.runs("ORDER BY id DESC", Some(n)).await
    }

    async fn runs(&self, rest: &'static str, limit: Option<usize>) -> Result<Vec<Run>, DatabaseError> {
        self.database
            .call(move |db| {
                let limit = limit.and_then(|n| i64::try_from(n).ok()).unwrap_or(-1);
                let mut query = db.prepare(&format!("SELECT {COLUMNS} FROM run {rest} LIMIT ?1"))?;
                let runs = query.query_map([limit], read)?.collect::<Result<Vec<_>, _>>()?;
                Ok(runs)
            })
            .await
    }

    /// Returns one run.
    pub async fn run(&self, id: &str) -> Result<Option<Run>, DatabaseError> {
        let id = id.to_owned();
        self.database
            .call(move |db| {
                Ok(db.query_row(&format!("SELECT {COLUMNS} FROM run WHERE id = ?1"), [id], read).optional()?)
            })
            .await
    }
}

pub(super) fn words(holds: &[Hold]) -> String {
    holds.iter().map(|hold| hold.class.key()).collect::<Vec<_>>().join(",")
}

pub(super) fn keep_holds(tx: &Transaction<'_>, run: &str, holds: &[Hold]) -> Result<(), DatabaseError> {
    let mut insert = tx.prepare_cached("INSERT OR REPLACE INTO hold VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let n = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    for Hold { class, planned, limit, of } in holds {
        insert.execute(params![run, class.key(), n(*planned), n(*limit), n(*of)])?;
    }
    Ok(())
}

fn replace_choices(tx: &Transaction<'_>, run: &str, choices: &[(LineNo, u8)]) -> Result<(), DatabaseError> {
    tx.execute("DELETE FROM choice WHERE run = ?1", [run])?;
    let mut insert = tx.prepare_cached("INSERT INTO choice (run, line, bits) VALUES (?1, ?2, ?3)")?;
    for (line, bits) in choices {
        insert.execute(params![run, line.0, bits])?;
    }
    Ok(())
}
