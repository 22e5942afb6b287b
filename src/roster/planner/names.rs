//! Who is called what: names for new accounts, and the names that existing ones keep.

use super::Problems;
use crate::roster::collision::Candidates;
use crate::roster::collision::Newcomer;
use crate::roster::columns::Known;
use crate::roster::mapping::Mapper;
use crate::roster::matching::Holder;
use crate::roster::matching::Matched;
use crate::roster::matching::Seen;
use crate::roster::name_key::MatchKey;
use crate::roster::problem::Problem;
use crate::roster::problem::ProblemKind;
use crate::roster::rows::Rows;

/// What made the accounts, and can make them again under another username.
#[derive(Debug)]
pub struct Maker<'m> {
    /// Columns to attributes.
    pub mapper: &'m Mapper,
    /// Names that are counted up, if the feed counts.
    pub candidates: Option<&'m Candidates>,
    /// Stands for the feed's rules in the plan's id.
    pub digest: &'m [u8],
}

impl Maker<'_> {
    /// Gives New accounts names that nobody has, and what only a new account needs.
    pub(super) fn complete_new(&self, rows: &mut Rows, matched: &Matched, problems: &mut Problems) {
        let new: Vec<u32> = (0u32..)
            .zip(&matched.seen)
            .filter(|(_, seen)| matches!(seen, Seen::Nowhere))
            .map(|(index, _)| index)
            .collect();
        for index in &new {
            self.mapper.complete_new(&mut rows.accounts[*index as usize]);
        }
        let Some(candidates) = self.candidates else {
            let mut taken: Vec<u32> = matched.name_taken.keys().copied().collect();
            taken.sort_unstable();
            for index in taken.into_iter().filter(|index| new.binary_search(index).is_ok() && stays(matched, *index)) {
                let username = rows.accounts[index as usize].username.to_string();
                problems.push(index, Problem::error(Some(self.username_label()), ProblemKind::Taken(username)));
            }
            return;
        };
        let newcomer = |index: &u32| {
            let account = &rows.accounts[*index as usize];
            Newcomer { base: &account.username, match_value: account.match_value() }
        };
        let names = candidates.assign(&new.iter().map(newcomer).collect::<Vec<_>>());
        for (index, name) in new.into_iter().zip(names) {
            match name {
                Ok(username) => {
                    for problem in self.rename(rows, index, &username) {
                        problems.push(index, problem);
                    }
                }
                Err(kind) => problems.push(index, Problem::error(Some(self.username_label()), kind)),
            }
        }
    }

    fn username_label(&self) -> &str {
        self.mapper.labels().known(Known::Username)
    }

    /// Lets existing accounts keep their usernames, unless they get another one, which must be nobody else's. A name
    /// that the roster gives, and that is not written, is told.
    pub(super) fn settle_existing_names(&self, rows: &mut Rows, matched: &Matched, problems: &mut Problems) {
        for (index, seen) in (0u32..).zip(&matched.seen) {
            let Seen::Found(found) = seen else { continue };
            if let Some(step) = found.relocation.as_ref().and_then(|relocation| relocation.username.as_ref()) {
                if stays(matched, index) {
                    let taken = ProblemKind::Taken(step.to.to_string());
                    problems.push(index, Problem::error(Some(self.username_label()), taken));
                }
                continue;
            }
            let account = &rows.accounts[index as usize];
            if account.match_value.is_empty() || found.username.is_empty() || found.username == account.username {
                continue;
            }
            if self.candidates.is_none() && MatchKey::new(&found.username) != MatchKey::new(&account.username) {
                let text = format!(
                    "the account keeps its username `{}`; `{}` is not written",
                    found.username, account.username
                );
                problems.push(index, Problem::warning(Some(self.username_label()), ProblemKind::Other(text)));
            }
            // Whatever the name is like that the account has, nobody is going to write it.
            let of_values = |problem: &Problem| problem.column.as_deref() != Some(self.username_label());
            for problem in self.rename(rows, index, &found.username).into_iter().filter(of_values) {
                problems.push(index, problem);
            }
        }
    }

    fn rename(&self, rows: &mut Rows, index: u32, username: &str) -> Vec<Problem> {
        let account = &mut rows.accounts[index as usize];
        match rows.late.get(index as usize) {
            Some(late) => self.mapper.rename(account, late, username),
            None => {
                account.username = username.into();
                Vec::new()
            }
        }
    }
}

/// Returns whether the account's name is somebody's who certainly keeps it. Whether the others leave it is known when
/// everything is decided.
fn stays(matched: &Matched, index: u32) -> bool {
    let leaves = |holder: &Holder| match holder.row.and_then(|row| matched.seen.get(row as usize)) {
        Some(Seen::Found(found)) => found.relocation.as_ref().is_some_and(|way| way.username.is_some()),
        _ => false,
    };
    matched.name_taken.get(&index).is_some_and(|holders| !holders.iter().all(leaves))
}
