//! What a run came to, all in all.

use std::fmt;

use crate::roster::outcome::LetterOutcome;
use crate::roster::outcome::Outcome;
use crate::roster::plan::Intent;
use crate::roster::plan::Plan;

use super::Ending;

/// How many people came out how. Every person is counted once, and besides once by letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are those of the outcomes")]
pub struct Tally {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub disabled: usize,
    pub moved: usize,
    pub enabled: usize,
    pub deleted: usize,
    pub reported: usize,
    pub rejected: usize,
    pub failed: usize,
    pub not_attempted: usize,
    /// Of those not attempted: left out because the row's choices or the feed say so.
    pub left_out: usize,
    /// Written, but not with all references or memberships; counted by outcome too.
    pub incomplete: usize,
    pub letters_sent: usize,
    pub letters_owed: usize,
    pub letters_failed: usize,
}

impl Tally {
    /// Counts the people of `plan`.
    pub fn of(plan: &Plan, ending: &Ending<'_>) -> Self {
        let mut tally = Self::default();
        for (item, result) in ending.people(plan) {
            let count = match result.outcome {
                Outcome::Created => &mut tally.created,
                Outcome::Updated => &mut tally.updated,
                Outcome::Unchanged => &mut tally.unchanged,
                Outcome::Disabled => &mut tally.disabled,
                Outcome::Moved => &mut tally.moved,
                Outcome::Enabled => &mut tally.enabled,
                Outcome::Deleted => &mut tally.deleted,
                Outcome::Reported => &mut tally.reported,
                Outcome::Rejected(_) => &mut tally.rejected,
                Outcome::Failed(_) => &mut tally.failed,
                Outcome::NotAttempted(_) => &mut tally.not_attempted,
            };
            *count += 1;
            if matches!((&result.outcome, &item.intent), (Outcome::NotAttempted(_), Intent::Skip(_))) {
                tally.left_out += 1;
            }
            tally.incomplete += usize::from(result.incomplete);
            match result.letter {
                LetterOutcome::NotWanted => {}
                LetterOutcome::Sent => tally.letters_sent += 1,
                LetterOutcome::Owed => tally.letters_owed += 1,
                LetterOutcome::Failed => tally.letters_failed += 1,
            }
        }
        tally
    }

    /// Returns how many accounts were written.
    pub fn written(&self) -> usize {
        self.created + self.updated + self.disabled + self.moved + self.enabled + self.deleted
    }

    /// Returns the verdict on the run.
    pub fn verdict(&self, ending: &Ending<'_>) -> Verdict {
        let undone = self.not_attempted - self.left_out;
        if let Some(why) = ending.ended_early {
            Verdict::EndedEarly(why.to_owned())
        } else if self.rejected + self.failed + self.incomplete + self.letters_failed > 0
            || (undone > 0 && ending.holds.is_empty())
        {
            Verdict::WithErrors
        } else if !ending.holds.is_empty() {
            Verdict::Held
        } else if self.written() > 0 {
            Verdict::Successful
        } else if self.left_out > 0 {
            Verdict::LeftOut
        } else {
            Verdict::NothingToChange
        }
    }

    /// Returns the counts worth a line, with the words of the manual.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&'static str, usize)> {
        [
            ("Number of new users", self.created),
            ("Number of updated users", self.updated),
            ("Number of enabled users", self.enabled),
            ("Number of disabled users", self.disabled),
            ("Number of users moved to the archive", self.moved),
            ("Number of deleted users", self.deleted),
            ("Number of unchanged users", self.unchanged),
            ("Number of old users left as they are", self.reported),
            ("Number of rejected users", self.rejected),
            ("Number of failed users", self.failed),
            ("Number of users not attempted", self.not_attempted),
            ("Number of users without all their references, groups or roles", self.incomplete),
            ("Number of credential letters sent", self.letters_sent),
            ("Number of credential letters still to be sent", self.letters_owed),
            ("Number of credential letters that cannot be sent", self.letters_failed),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
    }
}

/// What a run came to, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Something was written, and all that was planned.
    Successful,
    /// The directory was as the roster says before.
    NothingToChange,
    /// Nothing was written because the rows' choices or the feed say so.
    LeftOut,
    /// A limit holds something back until somebody approves; the rest is done.
    Held,
    /// Somebody was rejected, failed, is incomplete, was not attempted without a reason, or cannot get a letter.
    WithErrors,
    /// The run stopped before it was through; the text says why.
    EndedEarly(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Successful => f.write_str("Synchronization successful"),
            Self::NothingToChange => f.write_str("Nothing to change: the directory is as the file says"),
            Self::LeftOut => f.write_str("Nothing to change: what differs is left out by the choices of rows or feed"),
            Self::Held => f.write_str("Synchronization finished, except for what is held for approval"),
            Self::WithErrors => f.write_str("Synchronization finished with errors"),
            Self::EndedEarly(why) => write!(f, "Synchronization ended early: {why}"),
        }
    }
}
