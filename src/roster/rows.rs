//! The rows of one roster, sorted into accounts and rejects.

use super::account::Account;
use super::account::MatchBy;
use super::enclosed::Files;
use super::mapping::Late;
use super::mapping::Rejected;
use super::plan::Named;
use super::plan::Notice;
use super::problem::Problem;
use super::problem::ProblemKind;
use super::problem::Severity;

/// All rows of one roster after mapping and checks.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Rows that became accounts, in file order.
    pub accounts: Vec<Account>,
    /// What is needed to rename them, by place; empty when rows find their entries by username.
    pub late: Vec<Late>,
    /// Warnings about accounts, by place in `accounts`, in that order.
    pub warnings: Vec<(u32, Problem)>,
    /// Rows that did not become accounts, in file order.
    pub rejected: Vec<Rejected>,
    /// The files that cells name.
    pub files: Files,
    /// What concerns the roster as a whole.
    pub notices: Vec<Notice>,
}

impl Rejected {
    /// Returns the value by which the row would find its entry, as far as it has one. An entry that a rejected row may
    /// be about is never Old.
    pub fn identity(&self, by: &MatchBy) -> Option<&str> {
        match by {
            _ if !self.match_value.is_empty() => Some(&self.match_value),
            MatchBy::Username if !self.named.username.is_empty() => Some(&self.named.username),
            _ => None,
        }
    }

    /// Returns how sure it is that the row means the person of its [`Rejected::identity`], which comes from `column`.
    pub fn certainty(&self, by: &MatchBy, column: &str) -> Certainty {
        let errors = || self.problems.iter().filter(|problem| problem.severity == Severity::Error);
        let is_torn = |problem: &Problem| {
            use ProblemKind::{FieldCount, StrayQuote, TextAfterQuote};
            matches!(problem.kind, FieldCount { .. } | TextAfterQuote | StrayQuote)
        };
        let is_misread = |problem: &Problem| {
            problem.column.as_deref() == Some(column) && !matches!(problem.kind, ProblemKind::Duplicate { .. })
        };
        if self.identity(by).is_none() || errors().any(is_torn) {
            Certainty::None
        } else if errors().any(is_misread) {
            Certainty::IfThere
        } else {
            Certainty::Sure
        }
    }
}

/// How sure it is whom a row in error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// That very person.
    Sure,
    /// That person if the directory has one of this name, or else anybody: the name itself is in error.
    IfThere,
    /// Anybody: the name is missing, or the cells may not be where they belong.
    None,
}

impl Rows {
    /// Turns accounts into rejects where `problems` has an error for them, and keeps the warnings.
    ///
    /// `problems` goes by place in `accounts`, in any order.
    pub fn reject(&mut self, mut problems: Vec<(u32, Problem)>) {
        if problems.is_empty() {
            return;
        }
        self.warnings.append(&mut problems);
        self.warnings.sort_by_key(|(index, _)| *index);
        let mut renumbered = Vec::with_capacity(self.accounts.len());
        let mut kept = Vec::with_capacity(self.accounts.len());
        let mut late = std::mem::take(&mut self.late).into_iter();
        let mut of_row = self.warnings.iter().peekable();
        for (index, account) in std::mem::take(&mut self.accounts).into_iter().enumerate() {
            let late = late.next();
            let mut own = Vec::new();
            while let Some((_, problem)) = of_row.next_if(|(i, _)| *i as usize == index) {
                own.push(problem.clone());
            }
            if own.iter().any(|p| p.severity == Severity::Error) {
                renumbered.push(None);
                self.rejected.push(Rejected {
                    line: account.line,
                    match_value: account.match_value,
                    attributes: account.attributes,
                    named: Named { username: account.username, person: account.person },
                    problems: own,
                });
            } else {
                renumbered.push(u32::try_from(kept.len()).ok());
                kept.push(account);
                self.late.extend(late);
            }
        }
        self.accounts = kept;
        self.warnings.retain_mut(|(index, _)| match renumbered.get(*index as usize).copied().flatten() {
            Some(now) => {
                *index = now;
                true
            }
            None => false,
        });
        self.rejected.sort_by_key(|rejected| rejected.line);
    }
}
