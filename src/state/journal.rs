//! The journal: intent before, evidence after.

use std::collections::HashMap;

use rusqlite::params;

use super::State;
use crate::roster::account::LineNo;
use crate::roster::outcome::Outcome;
use crate::sqlite::DatabaseError;

/// Whom a journal record is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JournalKey {
    /// A row.
    Line(LineNo),
    /// An Old account, by its stable id.
    Entry(Box<str>),
}

impl JournalKey {
    fn text(&self) -> String {
        match self {
            Self::Line(line) => format!("line:{line}"),
            Self::Entry(stable) => format!("entry:{stable}"),
        }
    }

    fn of(text: &str) -> Option<Self> {
        match text.split_once(':')? {
            ("line", line) => line.parse().ok().map(|line| Self::Line(LineNo(line))),
            ("entry", stable) => Some(Self::Entry(stable.into())),
            _ => None,
        }
    }
}

/// What is about to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Create an account.
    Create,
    /// Change an account.
    Update,
    /// Switch an account off.
    Disable,
    /// Delete an account.
    Delete,
    /// Only memberships change.
    Members,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Create, Self::Update, Self::Disable, Self::Delete, Self::Members];

    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Delete => "delete",
            Self::Members => "members",
        }
    }
}

/// One person about to be written.
#[derive(Clone, Debug)]
pub struct Started {
    /// Whom.
    pub key: JournalKey,
    /// What.
    pub kind: Kind,
    /// Whether a credential letter is owed once it is done.
    pub letter: bool,
}

/// What the journal knows of one person in an open run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journaled {
    /// What was to be done.
    pub kind: Kind,
    /// What came of it; `None`: nobody knows.
    pub outcome: Option<Outcome>,
}

/// What the journal knows of one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournaledLetter {
    /// Whether the mail server has accepted it.
    pub sent: bool,
    /// How many passwords were made for it so far.
    pub generation: u32,
}

impl State {
    /// Writes down, durably, what is about to be sent.
    ///
    /// A person that was started before keeps what was known; its letter gets the next generation.
    pub async fn started(&self, run: &str, batch: Vec<Started>) -> Result<HashMap<LineNo, u32>, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                let mut generations = HashMap::new();
                {
                    let mut row = tx.prepare_cached(
                        "INSERT INTO row (run, subject, state, kind) VALUES (?1, ?2, 'started', ?3)
                         ON CONFLICT DO UPDATE SET state = 'started',
                             kind = CASE row.kind WHEN 'create' THEN 'create' ELSE excluded.kind END",
                    )?;
                    let mut letter = tx.prepare_cached(
                        "INSERT INTO letter (run, line, state) VALUES (?1, ?2, 'owed')
                         ON CONFLICT DO UPDATE SET state = 'owed', generation = generation + 1
                         RETURNING generation",
                    )?;
                    for started in &batch {
                        row.execute(params![run, started.key.text(), started.kind.word()])?;
                        if let (true, JournalKey::Line(line)) = (started.letter, &started.key) {
                            generations.insert(*line, letter.query_row(params![run, line.0], |r| r.get(0))?);
                        }
                    }
                }
                tx.commit()?;
                Ok(generations)
            })
            .await
    }

    /// Writes down, durably, what came of it. A person whose letter is not owed after all is named in `no_letter`.
    pub async fn finished(
        &self,
        run: &str,
        batch: Vec<(JournalKey, Outcome)>,
        no_letter: Vec<LineNo>,
    ) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                {
                    let mut row = tx.prepare_cached(
                        "UPDATE row SET state = 'finished', outcome = ?3, reason = ?4 WHERE run = ?1 AND subject = ?2",
                    )?;
                    for (key, outcome) in &batch {
                        row.execute(params![run, key.text(), outcome.word(), outcome.reason()])?;
                    }
                    let mut letter = tx.prepare_cached("DELETE FROM letter WHERE run = ?1 AND line = ?2")?;
                    for line in &no_letter {
                        letter.execute(params![run, line.0])?;
                    }
                }
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Writes down that a letter was accepted by the mail server, or that it cannot be sent.
    pub async fn letter_ended(&self, run: &str, line: LineNo, failed: Option<String>) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let state = if failed.is_some() { "failed" } else { "sent" };
                db.execute(
                    "UPDATE letter SET state = ?3, reason = ?4 WHERE run = ?1 AND line = ?2",
                    params![run, line.0, state, failed],
                )?;
                Ok(())
            })
            .await
    }

    /// Returns what the journal knows of a run's people.
    pub async fn journaled(&self, run: &str) -> Result<HashMap<JournalKey, Journaled>, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let mut query = db.prepare("SELECT subject, state, kind, outcome, reason FROM row WHERE run = ?1")?;
                let mut found = HashMap::new();
                let mut rows = query.query([run])?;
                while let Some(row) = rows.next()? {
                    let (subject, state, kind): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    let (outcome, reason): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
                    let Some(key) = JournalKey::of(&subject) else { continue };
                    let Some(kind) = Kind::ALL.into_iter().find(|k| k.word() == kind) else { continue };
                    let outcome =
                        if state == "finished" { outcome.and_then(|word| outcome_of(&word, reason)) } else { None };
                    found.insert(key, Journaled { kind, outcome });
                }
                Ok(found)
            })
            .await
    }

    /// Returns what the journal knows of a run's letters.
    pub async fn letters(&self, run: &str) -> Result<HashMap<LineNo, JournaledLetter>, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let mut query = db.prepare("SELECT line, state, generation FROM letter WHERE run = ?1")?;
                let letters = query
                    .query_map([run], |row| {
                        let state: String = row.get(1)?;
                        Ok((LineNo(row.get(0)?), JournaledLetter { sent: state == "sent", generation: row.get(2)? }))
                    })?
                    .collect::<Result<HashMap<_, _>, _>>()?;
                Ok(letters)
            })
            .await
    }

    /// Keeps the decisions that an operator approved.
    pub async fn keep_approved(&self, run: &str, digests: Vec<[u8; 16]>) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                {
                    let mut insert = tx.prepare("INSERT OR IGNORE INTO approved (run, digest) VALUES (?1, ?2)")?;
                    for digest in &digests {
                        insert.execute(params![run, digest])?;
                    }
                }
                tx.commit()?;
                Ok(())
            })
            .await
    }

    /// Returns the decisions that an operator approved; `None` when the run needs no approval of single decisions.
    pub async fn approved(&self, run: &str) -> Result<Option<std::collections::HashSet<[u8; 16]>>, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let mut query = db.prepare("SELECT digest FROM approved WHERE run = ?1")?;
                let digests =
                    query.query_map([run], |row| row.get(0))?.collect::<Result<std::collections::HashSet<_>, _>>()?;
                Ok((!digests.is_empty()).then_some(digests))
            })
            .await
    }
}

fn outcome_of(word: &str, reason: Option<String>) -> Option<Outcome> {
    let reason = reason.unwrap_or_default();
    Some(match word {
        "created" => Outcome::Created,
        "updated" => Outcome::Updated,
        "unchanged" => Outcome::Unchanged,
        "disabled" => Outcome::Disabled,
        "enabled" => Outcome::Enabled,
        "deleted" => Outcome::Deleted,
        "rejected" => Outcome::Rejected(reason),
        "failed" => Outcome::Failed(reason),
        // "not attempted" is not an ending: the person is looked at again.
        _ => return None,
    })
}
