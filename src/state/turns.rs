//! The journal of people who take names from each other: which step each of them is about to take.

use rusqlite::params;

use super::State;
use super::journal::JournalKey;
use crate::roster::place::Before;
use crate::sqlite::DatabaseError;

impl State {
    /// Writes down, durably, that an account is about to leave the name and the place that it has `now`; `first` is
    /// what it had before the circle.
    pub async fn stepping(&self, run: &str, key: &JournalKey, first: Before, now: Before) -> Result<(), DatabaseError> {
        let (run, subject) = (run.to_owned(), key.text());
        self.database
            .call(move |db| {
                db.execute(
                    "INSERT INTO row (run, subject, state, kind, password, name_before, place_before, name_first,
                         place_first)
                     VALUES (?1, ?2, 'started', 'update', 0, nullif(?3, ''), nullif(?4, ''), nullif(?5, ''),
                         nullif(?6, ''))
                     ON CONFLICT DO UPDATE SET
                         state = 'started', outcome = iif(outcome = 'created', outcome, NULL),
                         name_before = excluded.name_before, place_before = excluded.place_before,
                         name_first = coalesce(name_first, excluded.name_first),
                         place_first = coalesce(place_first, excluded.place_first)",
                    params![run, subject, now.username, now.place, first.username, first.place],
                )?;
                Ok(())
            })
            .await
    }

    /// Writes down that the step was taken, with all that follows from it.
    pub async fn stepped(&self, run: &str, key: &JournalKey) -> Result<(), DatabaseError> {
        let (run, subject) = (run.to_owned(), key.text());
        self.database
            .call(move |db| {
                let forget = "UPDATE row SET name_before = NULL, place_before = NULL WHERE run = ?1 AND subject = ?2";
                db.execute(forget, [run, subject])?;
                Ok(())
            })
            .await
    }

    /// Writes down that nobody of a circle is on the way any more.
    pub async fn arrived(&self, run: &str, keys: &[JournalKey]) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        let subjects: Vec<String> = keys.iter().map(JournalKey::text).collect();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                for subject in subjects {
                    let forget = "UPDATE row SET name_before = NULL, place_before = NULL, name_first = NULL,
                                      place_first = NULL
                                  WHERE run = ?1 AND subject = ?2";
                    tx.execute(forget, [&run, &subject])?;
                }
                tx.commit()?;
                Ok(())
            })
            .await
    }
}
