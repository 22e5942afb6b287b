//! The journal: intent before, evidence after.

use std::collections::HashMap;
use std::collections::HashSet;

use rusqlite::params;

use self::keeping::keep_intents;
use self::keeping::keep_letters;
use self::keeping::keep_outcomes;
use self::keeping::outcome_of;
use super::State;
use crate::roster::account::EntryId;
use crate::roster::account::LineNo;
use crate::roster::earlier::Creation;
use crate::roster::outcome::ItemResult;
use crate::roster::outcome::Outcome;
use crate::roster::place::Before;
use crate::sqlite::DatabaseError;

mod keeping;

/// Whom a journal record is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum JournalKey {
    /// A row.
    Line(LineNo),
    /// An Old account, by its stable id.
    Entry(Box<str>),
}

impl JournalKey {
    pub(super) fn text(&self) -> String {
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
    /// Switch an account off and move it to the archive.
    Archive,
    /// Delete an account.
    Delete,
    /// Only references and memberships change, which are written after all accounts.
    Members,
}

impl Kind {
    const ALL: [Self; 6] = [Self::Create, Self::Update, Self::Disable, Self::Archive, Self::Delete, Self::Members];

    fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Disable => "disable",
            Self::Archive => "archive",
            Self::Delete => "delete",
            Self::Members => "members",
        }
    }

    /// Returns what came of it when it turns out to be done.
    pub fn when_done(self) -> Outcome {
        match self {
            Self::Create => Outcome::Created,
            Self::Update | Self::Members => Outcome::Updated,
            Self::Disable => Outcome::Disabled,
            Self::Archive => Outcome::Moved,
            Self::Delete => Outcome::Deleted,
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
    /// Whether a password is written with it.
    pub password: bool,
    /// Whether a credential letter is owed once it is done.
    pub letter: bool,
    /// What the account was called and where it was, if that is to change.
    pub before: Before,
}

/// What came of one person.
#[derive(Clone, Debug)]
pub struct Finished {
    /// Whom.
    pub key: JournalKey,
    /// What came of it.
    pub outcome: Outcome,
    /// What a person should know besides.
    pub notes: Vec<String>,
}

/// What is known after a batch. It is written down as a whole or not at all.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// People whose fate is known.
    pub finished: Vec<Finished>,
    /// People that were started and for whom certainly nothing was done.
    pub undone: Vec<JournalKey>,
    /// Rows whose letter is not owed after all.
    pub no_letter: Vec<LineNo>,
    /// Rows whose letter can never be sent, and why.
    pub letter_failed: Vec<(LineNo, String)>,
    /// Entries that were switched off.
    pub off: Vec<Off>,
    /// Entries that were let in again, or deleted.
    pub on: Vec<EntryId>,
    /// The target.
    pub target: String,
    /// When (RFC 3339).
    pub at: String,
}

/// An entry of somebody who has left, and that was switched off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Off {
    /// Which entry.
    pub entry: EntryId,
    /// Its login name.
    pub username: Box<str>,
    /// Where it was, if it was moved to the archive.
    pub before: Option<Box<str>>,
}

impl Evidence {
    /// Returns whether nothing is known.
    pub fn is_empty(&self) -> bool {
        let Self { finished, undone, no_letter, letter_failed, off, on, target: _, at: _ } = self;
        finished.is_empty()
            && undone.is_empty()
            && no_letter.is_empty()
            && letter_failed.is_empty()
            && off.is_empty()
            && on.is_empty()
    }

    /// Adds what is known after another batch of the same target.
    pub fn extend(&mut self, later: Self) {
        self.finished.extend(later.finished);
        self.undone.extend(later.undone);
        self.no_letter.extend(later.no_letter);
        self.letter_failed.extend(later.letter_failed);
        self.off.extend(later.off);
        self.on.extend(later.on);
    }

    /// Adds what came of one person.
    pub fn finish(&mut self, key: JournalKey, result: &ItemResult) {
        self.finished.push(Finished { key, outcome: result.outcome.clone(), notes: result.notes.clone() });
    }
}

/// How far the journal has come with one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Something may have been sent, and nobody knows what came of it.
    Started,
    /// It is known what came of it.
    Finished,
    /// It was known when an operator approved the rest.
    Earlier,
}

/// What the journal knows of one person in an open run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Journaled {
    /// What was to be done.
    pub kind: Kind,
    /// How far it has come.
    pub stage: Stage,
    /// What came of it the last time that was known.
    pub outcome: Option<Outcome>,
    /// Whether a password was certainly written.
    pub password_written: bool,
    /// What a person should know besides.
    pub notes: Vec<String>,
    /// What the account was called and where it was, if that was to change.
    pub before: Before,
    /// The same before the first step of a circle that has not come to its end; `before` is that of the last step.
    pub first: Before,
}

impl Journaled {
    /// Returns whether this run made the account.
    pub fn creation(&self) -> Creation {
        match (self.kind, &self.outcome, self.stage) {
            (Kind::Create, Some(Outcome::Created), _) => Creation::Done,
            (Kind::Create, _, Stage::Started) => Creation::InDoubt,
            _ => Creation::No,
        }
    }

    /// Returns whether what was to be done with the account has ended, since the last approval.
    pub fn is_settled(&self) -> bool {
        match self.stage {
            Stage::Finished => true,
            // Made by this run; what was started since can only be its password or its memberships.
            Stage::Started => self.creation() == Creation::Done,
            Stage::Earlier => false,
        }
    }

    /// Returns what is known to have come of it, unless something was started since.
    pub fn known(&self) -> Option<&Outcome> {
        self.outcome.as_ref().filter(|_| self.stage != Stage::Started || self.creation() == Creation::Done)
    }
}

/// What the journal knows of one letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournaledLetter {
    /// What came of it.
    pub state: LetterState,
    /// How many passwords were made for it so far.
    pub generation: u32,
}

/// What came of a letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LetterState {
    /// The mail server has not accepted it yet.
    Owed,
    /// The mail server has accepted it.
    Sent,
    /// It cannot be sent; the text says why.
    Failed(String),
}

impl State {
    /// Writes down, durably, what is about to be sent. Returns the generations of the letters.
    ///
    /// A person that was started before keeps what was known; its letter gets the next generation.
    pub async fn started(&self, run: &str, batch: Vec<Started>) -> Result<HashMap<LineNo, u32>, DatabaseError> {
        self.advanced(run, Evidence::default(), batch).await
    }

    /// Writes down, durably, what is known after a batch.
    pub async fn finished(&self, run: &str, evidence: Evidence) -> Result<(), DatabaseError> {
        self.advanced(run, evidence, Vec::new()).await.map(drop)
    }

    /// Writes both down at one stroke: what is known, and what is about to be sent. Returns the generations of the
    /// letters of the latter.
    pub async fn advanced(
        &self,
        run: &str,
        evidence: Evidence,
        next: Vec<Started>,
    ) -> Result<HashMap<LineNo, u32>, DatabaseError> {
        if evidence.is_empty() && next.is_empty() {
            return Ok(HashMap::new());
        }
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let tx = db.transaction()?;
                keep_outcomes(&tx, &run, &evidence)?;
                keep_letters(&tx, &run, &evidence)?;
                super::history::keep_switched(&tx, &evidence.target, &evidence.off, &evidence.on, &evidence.at)?;
                let generations = keep_intents(&tx, &run, &next)?;
                tx.commit()?;
                Ok(generations)
            })
            .await
    }

    /// Begins a new round of the run: what was finished may be followed by something else that is approved.
    pub async fn next_round(&self, run: &str) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                db.execute("UPDATE row SET state = 'earlier' WHERE run = ?1 AND state = 'finished'", [run])?;
                Ok(())
            })
            .await
    }

    /// Writes down that the letter of this generation was accepted by the mail server, or that it cannot be sent.
    pub async fn letter_ended(
        &self,
        run: &str,
        line: LineNo,
        generation: u32,
        failed: Option<String>,
    ) -> Result<(), DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let state = if failed.is_some() { "failed" } else { "sent" };
                db.execute(
                    "UPDATE letter SET state = ?4, reason = ?5 WHERE run = ?1 AND line = ?2 AND generation = ?3",
                    params![run, line.0, generation, state, failed],
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
                let mut query = db.prepare(
                    "SELECT subject, state, kind, password, outcome, reason, notes, name_before, place_before,
                         name_first, place_first
                     FROM row WHERE run = ?1",
                )?;
                let mut found = HashMap::new();
                let mut rows = query.query([run])?;
                while let Some(row) = rows.next()? {
                    let (subject, stage, kind): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    let (outcome, reason): (Option<String>, Option<String>) = (row.get(4)?, row.get(5)?);
                    let Some(key) = JournalKey::of(&subject) else { continue };
                    let Some(kind) = Kind::ALL.into_iter().find(|k| k.word() == kind) else { continue };
                    let stage = match stage.as_str() {
                        "finished" => Stage::Finished,
                        "earlier" => Stage::Earlier,
                        _ => Stage::Started,
                    };
                    let outcome = outcome.and_then(|word| outcome_of(&word, reason));
                    let notes: String = row.get(6)?;
                    let notes = serde_json::from_str(&notes).unwrap_or_default();
                    let password_written = row.get::<_, i64>(3)? == 2;
                    let text = |column| row.get::<_, Option<String>>(column).map(Option::unwrap_or_default);
                    let before = Before { username: text(7)?.into(), place: text(8)?.into() };
                    let first = Before { username: text(9)?.into(), place: text(10)?.into() };
                    found.insert(key, Journaled { kind, stage, outcome, password_written, notes, before, first });
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
                let mut query = db.prepare("SELECT line, state, generation, reason FROM letter WHERE run = ?1")?;
                let letters = query
                    .query_map([run], |row| {
                        let state = match row.get::<_, String>(1)?.as_str() {
                            "sent" => LetterState::Sent,
                            "failed" => LetterState::Failed(row.get::<_, Option<String>>(3)?.unwrap_or_default()),
                            _ => LetterState::Owed,
                        };
                        Ok((LineNo(row.get(0)?), JournaledLetter { state, generation: row.get(2)? }))
                    })?
                    .collect::<Result<HashMap<_, _>, _>>()?;
                Ok(letters)
            })
            .await
    }

    /// Returns everything that an operator approved, each by itself; `None` when nobody has approved anything.
    pub async fn approved(&self, run: &str) -> Result<Option<HashSet<[u8; 16]>>, DatabaseError> {
        let run = run.to_owned();
        self.database
            .call(move |db| {
                let mut query = db.prepare("SELECT digest FROM approved WHERE run = ?1")?;
                let found = query.query_map([run], |row| row.get(0))?.collect::<Result<Vec<Vec<u8>>, _>>()?;
                let digests = found.iter().filter_map(|digest| digest.as_slice().try_into().ok()).collect();
                Ok((!found.is_empty()).then_some(digests))
            })
            .await
    }
}
