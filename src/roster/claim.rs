//! Values that must be one person's and that somebody else has, who may give them up in the same plan.

use super::attribute::AttributeName;
use super::change::Change;
use super::name_key::MatchKey;
use super::problem::Problem;
use super::problem::ProblemKind;

/// A value that an account is to have, and that somebody else's entry has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The place of the account.
    pub row: u32,
    /// Which attribute.
    pub attribute: AttributeName,
    /// The value.
    pub value: Box<str>,
    /// The place of the account whose entry has it; `None` without a row, or when several may have it.
    pub holder: Option<u32>,
}

impl Claim {
    /// Returns whether changes of the holder's entry take the value away.
    pub fn is_given_up(&self, changes: &[Change]) -> bool {
        let change = changes.iter().find(|change| change.attribute == self.attribute);
        change.is_some_and(|change| has(&change.old, &self.value) && !has(&change.new, &self.value))
    }

    /// Returns the values without the one.
    pub fn taken_from(&self, values: &[Box<[u8]>]) -> Box<[Box<[u8]>]> {
        values.iter().filter(|value| !is(value, &self.value)).cloned().collect()
    }

    /// Returns what is wrong when the value is not given up; `label` is the attribute's column.
    pub fn problem(&self, label: &str) -> Problem {
        Problem::error(Some(label), ProblemKind::Taken(self.value.to_string()))
    }
}

fn has(values: &[Box<[u8]>], text: &str) -> bool {
    values.iter().any(|value| is(value, text))
}

fn is(value: &[u8], text: &str) -> bool {
    std::str::from_utf8(value).is_ok_and(|value| MatchKey::new(value) == MatchKey::new(text))
}
