//! Entries without a value of the attribute that rows find theirs by: each belongs to the row with its username, unless
//! that row has an entry by the attribute. So a directory that has never had the attribute gets it from the roster.

use std::collections::HashSet;
use std::hash::BuildHasher;

use super::MatchRules;
use super::Matching;
use super::Rows;
use super::Seen;
use super::Whose;
use super::name_key;
use crate::roster::account::ExistingAccount;
use crate::roster::account::MatchBy;
use crate::roster::name_key::CoarseKey;
use crate::roster::name_key::folded;
use crate::roster::name_key::folded_coarsely;

/// Returns the usernames of rows in error, if entries are found by them after all.
pub(super) fn of_rejected(rows: &Rows, rules: &MatchRules) -> HashSet<CoarseKey> {
    let names = rows.rejected.iter().map(|rejected| &rejected.named.username);
    let named = names.filter(|name| rules.then_by_username && !name.is_empty());
    named.map(|name| CoarseKey::new(name)).collect()
}

impl Matching<'_> {
    /// Returns whether a row may have the entry by its username, which is known when all others were seen.
    pub(super) fn is_found_by_name(&self, entry: &ExistingAccount) -> bool {
        self.rules.then_by_username
            && self.rules.by != MatchBy::Username
            && entry.match_value(&self.rules.by).is_none()
            && self.row_named(&entry.username).is_some()
    }

    /// Notes whose the entries are that were kept back. A row that has an entry by the attribute has no other one, and
    /// one for which there are two by name is in error.
    pub(super) fn note_found_by_name(&mut self) {
        let mut found = HashSet::new();
        for entry in std::mem::take(&mut self.by_name) {
            let is_free =
                |index: &u32| matches!(self.matched.seen[*index as usize], Seen::Nowhere) || found.contains(index);
            let whose = match self.row_named(&entry.username).filter(is_free) {
                Some(index) => {
                    found.insert(index);
                    Whose::Row(index)
                }
                None => Whose::Nobodys,
            };
            let in_scope = self.is_in_scope(&entry.attributes);
            self.note(entry, whose, in_scope);
        }
    }

    fn row_named(&self, username: &str) -> Option<u32> {
        let key = folded_coarsely(username);
        let accounts = &self.rows.accounts;
        let is_it = |index: &u32| name_key(&accounts[*index as usize]) == key;
        let row = *self.by_username.find(self.hasher.hash_one(&key), is_it)?;
        (!username.is_empty() && folded(&accounts[row as usize].username) == folded(username)).then_some(row)
    }
}
