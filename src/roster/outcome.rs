//! What came of a row.

use std::fmt;

/// What came of one row or one Old account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new account.
    Created,
    /// An account with changes.
    Updated,
    /// Nothing had to be written.
    Unchanged,
    /// The account can no longer log in.
    Disabled,
    /// The account can no longer log in, and is in the archive.
    Moved,
    /// The account can log in again.
    Enabled,
    /// The account is gone.
    Deleted,
    /// Old, reported and left alone.
    Reported,
    /// The row is an Error, or the directory refused it.
    Rejected(String),
    /// It could not be done, though the row is good.
    Failed(String),
    /// It was not tried: the run ended before, or it is held for approval, or the row's choices say no.
    NotAttempted(String),
}

impl Outcome {
    /// Returns the word that reports use.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Unchanged => "unchanged",
            Self::Disabled => "disabled",
            Self::Moved => "moved",
            Self::Enabled => "enabled",
            Self::Deleted => "deleted",
            Self::Reported => "reported",
            Self::Rejected(_) => "rejected",
            Self::Failed(_) => "failed",
            Self::NotAttempted(_) => "not attempted",
        }
    }

    /// Returns the reason, for outcomes that have one.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Rejected(reason) | Self::Failed(reason) | Self::NotAttempted(reason) => Some(reason),
            _ => None,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{}: {reason}", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

/// What came of the credential letter of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LetterOutcome {
    /// No letter was wanted.
    NotWanted,
    /// The mail server accepted it.
    Sent,
    /// It is owed and will be tried again.
    Owed,
    /// It cannot be sent; the reason is in the row's notes.
    Failed,
}

/// What came of one item of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemResult {
    /// What came of the account.
    pub outcome: Outcome,
    /// What came of its credential letter.
    pub letter: LetterOutcome,
    /// What a person should know besides: one sentence each.
    pub notes: Vec<String>,
    /// Whether something besides the account, such as a membership, could not be written.
    pub incomplete: bool,
}

impl ItemResult {
    /// Returns a result without a letter and notes.
    pub fn new(outcome: Outcome) -> Self {
        Self { outcome, letter: LetterOutcome::NotWanted, notes: Vec::new(), incomplete: false }
    }
}
