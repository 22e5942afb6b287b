//! The rows of one roster, sorted into accounts and rejects.

use super::account::Account;
use super::account::MatchBy;
use super::mapping::Late;
use super::mapping::Rejected;
use super::plan::Named;
use super::plan::Notice;
use super::problem::Problem;
use super::problem::Severity;

/// All rows of one roster after mapping and checks.
#[derive(Debug, Default)]
pub struct Rows {
    /// Rows that became accounts, in file order.
    pub accounts: Vec<Account>,
    /// What is needed to rename them, by place; empty when no username is counted up.
    pub late: Vec<Late>,
    /// Warnings about accounts, by place in `accounts`, in that order.
    pub warnings: Vec<(u32, Problem)>,
    /// Rows that did not become accounts, in file order.
    pub rejected: Vec<Rejected>,
    /// What concerns the roster as a whole.
    pub notices: Vec<Notice>,
}

impl Rejected {
    /// Returns the value by which the row would find its entry; `None` when that cannot be told. An entry that a
    /// rejected row is about is never Old.
    pub fn identity(&self, by: &MatchBy) -> Option<&str> {
        match by {
            _ if !self.match_value.is_empty() => Some(&self.match_value),
            MatchBy::Username if !self.named.username.is_empty() => Some(&self.named.username),
            _ => None,
        }
    }
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
