//! Runs that wait for an operator, and what operators should know of a run as a whole.

use rusqlite::OptionalExtension;
use rusqlite::Transaction;
use rusqlite::params;

use super::State;
use super::run::Phase;
use super::run::keep_holds;
use super::run::words;
use crate::roster::plan::Counts;
use crate::roster::plan::Hold;
use crate::roster::remark::Remark;
use crate::sqlite::DatabaseError;

/// What a run waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// RFC 3339.
    pub since: String,
    /// What the plan comes to.
    pub counts: Counts,
}

impl State {
    /// Lets a run wait in `phase` for somebody to approve its plan, or what `holds` hold back of it.
    pub async fn wait(
        &self,
        run: &str,
        phase: Phase,
        plan: &str,
        holds: &[Hold],
        waiting: Waiting,
    ) -> Result<(), DatabaseError> {
        let (run, plan, holds) = (run.to_owned(), plan.to_owned(), holds.to_vec());
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                keep_holds(&tx, &run, &holds)?;
                tx.execute(
                    "UPDATE run SET phase = ?2, plan = ?3, holds = ?4 WHERE id = ?1",
                    params![run, phase.word(), plan, words(&holds)],
                )?;
                keep(&tx, &run, &waiting)?;
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Lets a run wait without a plan, for this reason: there is none before somebody has said that the target is empty
    /// on purpose.
    pub async fn doubt(&self, run: &str, reason: String, since: String) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                tx.execute(
                    "UPDATE run SET phase = 'waiting', plan = NULL, holds = '', reason = ?2 WHERE id = ?1",
                    [&run, &reason],
                )?;
                keep(&tx, &run, &Waiting { since, counts: Counts::default() })?;
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Remembers that the target of a run is empty on purpose. A run that waits for just that goes on.
    pub async fn believe_empty(&self, run: &str) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                tx.execute("INSERT OR IGNORE INTO emptied (run) VALUES (?1)", [&run])?;
                tx.execute(
                    "UPDATE run SET phase = 'approved', reason = NULL
                     WHERE id = ?1 AND phase = 'waiting' AND plan IS NULL",
                    [&run],
                )?;
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Returns whether somebody has said that the target of a run is empty on purpose.
    pub async fn believes_empty(&self, run: &str) -> Result<bool, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                Ok(db.query_row("SELECT EXISTS (SELECT 1 FROM emptied WHERE run = ?1)", [run], |row| row.get(0))?)
            })
            .await
    }

    /// Returns since when a run waits, and what its plan comes to; `None` if it never waited, or an earlier version let
    /// it.
    pub async fn waiting(&self, run: &str) -> Result<Option<Waiting>, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let find = "SELECT since, new, updated, unchanged, old, error FROM waiting WHERE run = ?1";
                let read = |row: &rusqlite::Row<'_>| {
                    let n = |i| row.get::<_, i64>(i).map(|n| usize::try_from(n).unwrap_or_default());
                    let (new, update, unchanged) = (n(1)?, n(2)?, n(3)?);
                    let counts = Counts { new, update, unchanged, old: n(4)?, error: n(5)? };
                    Ok(Waiting { since: row.get(0)?, counts })
                };
                Ok(db.query_row(find, [run], read).optional()?)
            })
            .await
    }

    /// Remembers remarks on a run; those that are known are no news.
    pub async fn keep_remarks(&self, run: &str, remarks: Vec<Remark>) -> Result<(), DatabaseError> {
        if remarks.is_empty() {
            return Ok(());
        }
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                for remark in &remarks {
                    tx.execute(
                        "INSERT OR IGNORE INTO remark (run, kind, detail) VALUES (?1, ?2, ?3)",
                        params![run, remark.key(), remark.detail()],
                    )?;
                }
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Returns the remarks on an open run, in the order in which they came up.
    pub async fn remarks(&self, run: &str) -> Result<Vec<Remark>, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let mut query = db.prepare("SELECT kind, detail FROM remark WHERE run = ?1 ORDER BY id")?;
                let mut rows = query.query([run])?;
                let mut remarks = Vec::new();
                while let Some(row) = rows.next()? {
                    remarks.extend(Remark::of(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?));
                }
                Ok(remarks)
            })
            .await
    }
}

fn keep(tx: &Transaction<'_>, run: &str, waiting: &Waiting) -> Result<(), DatabaseError> {
    let Waiting { since, counts: Counts { new, update, unchanged, old, error } } = waiting;
    let n = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT OR REPLACE INTO waiting VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![run, since, n(*new), n(*update), n(*unchanged), n(*old), n(*error)],
    )?;
    Ok(())
}

/// Forgets what an operator was to know of a run that is over.
pub(super) fn forget(tx: &Transaction<'_>, run: &str) -> Result<(), DatabaseError> {
    for table in ["waiting", "emptied", "remark"] {
        tx.execute(&format!("DELETE FROM {table} WHERE run = ?1"), [run])?;
    }
    Ok(())
}
