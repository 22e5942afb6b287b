//! Rows and letters as they are written down within one transaction, and the words for outcomes.

use std::collections::HashMap;

use rusqlite::Transaction;
use rusqlite::params;

use super::Evidence;
use super::Finished;
use super::JournalKey;
use super::Started;
use crate::roster::account::LineNo;
use crate::roster::outcome::Outcome;
use crate::roster::place::Before;
use crate::sqlite::DatabaseError;

pub(super) fn keep_intents(
    tx: &Transaction<'_>,
    run: &str,
    next: &[Started],
) -> Result<HashMap<LineNo, u32>, DatabaseError> {
    // An account stays one that this run has made, or may have. Memberships say nothing about it.
    let mut row = tx.prepare_cached(
        "INSERT INTO row (run, subject, state, kind, password, name_before, place_before)
         VALUES (?1, ?2, 'started', ?3, ?4, nullif(?5, ''), nullif(?6, ''))
         ON CONFLICT DO UPDATE SET
             name_before = coalesce(name_before, excluded.name_before),
             place_before = coalesce(place_before, excluded.place_before),
             kind = iif(kind = 'create' AND (state = 'started' OR outcome = 'created'),
                        kind, excluded.kind),
             outcome = iif(outcome = 'created', outcome, NULL),
             password = iif(excluded.password, excluded.password, password),
             state = 'started'
         WHERE excluded.kind <> 'members' OR state <> 'finished'",
    )?;
    let mut letter = tx.prepare_cached(
        "INSERT INTO letter (run, line, state) VALUES (?1, ?2, 'owed')
         ON CONFLICT DO UPDATE SET state = 'owed', reason = NULL, generation = generation + 1
         RETURNING generation",
    )?;
    let mut generations = HashMap::new();
    for started in next {
        let password = i64::from(started.password);
        let Before { username, place } = &started.before;
        let subject = started.key.text();
        row.execute(params![run, subject, started.kind.word(), password, username, place])?;
        if let (true, JournalKey::Line(line)) = (started.letter, &started.key) {
            generations.insert(*line, letter.query_row(params![run, line.0], |r| r.get(0))?);
        }
    }
    Ok(generations)
}

pub(super) fn keep_outcomes(tx: &Transaction<'_>, run: &str, evidence: &Evidence) -> Result<(), DatabaseError> {
    // Nobody is told of an outcome without having been started; this is for what turned out to be done already.
    let mut finish = tx.prepare_cached(
        "UPDATE row SET state = 'finished', outcome = ?3, reason = ?4, notes = ?5,
             password = CASE password WHEN 1 THEN iif(?6, 2, 0) ELSE password END
         WHERE run = ?1 AND subject = ?2",
    )?;
    for Finished { key, outcome, notes } in &evidence.finished {
        let notes = serde_json::Value::from(notes.clone()).to_string();
        let is_done = outcome.reason().is_none();
        finish.execute(params![run, key.text(), outcome.word(), outcome.reason(), notes, is_done])?;
    }
    let mut forget = tx.prepare_cached("DELETE FROM row WHERE run = ?1 AND subject = ?2")?;
    for key in &evidence.undone {
        forget.execute(params![run, key.text()])?;
    }
    Ok(())
}

pub(super) fn keep_letters(tx: &Transaction<'_>, run: &str, evidence: &Evidence) -> Result<(), DatabaseError> {
    let mut forget = tx.prepare_cached("DELETE FROM letter WHERE run = ?1 AND line = ?2")?;
    for line in &evidence.no_letter {
        forget.execute(params![run, line.0])?;
    }
    let mut fail = tx.prepare_cached("UPDATE letter SET state = 'failed', reason = ?3 WHERE run = ?1 AND line = ?2")?;
    for (line, why) in &evidence.letter_failed {
        fail.execute(params![run, line.0, why])?;
    }
    Ok(())
}

pub(super) fn outcome_of(word: &str, reason: Option<String>) -> Option<Outcome> {
    let reason = reason.unwrap_or_default();
    Some(match word {
        "created" => Outcome::Created,
        "updated" => Outcome::Updated,
        "unchanged" => Outcome::Unchanged,
        "disabled" => Outcome::Disabled,
        "moved" => Outcome::Moved,
        "enabled" => Outcome::Enabled,
        "deleted" => Outcome::Deleted,
        "rejected" => Outcome::Rejected(reason),
        "failed" => Outcome::Failed(reason),
        // "not attempted" is not an ending: the person is looked at again.
        _ => return None,
    })
}
