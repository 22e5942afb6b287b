//! Whose values are that follow from usernames, where two people must not share them.
//!
//! A mail address made of the username is known only when everybody has a name, and then the directory's entries have
//! passed. So what they have is remembered here, as hashes: eight bytes a value, not the values.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::hash::RandomState;

use super::account::Account;
use super::account::LineNo;
use super::attribute::AttributeName;
use super::attribute::Values;
use super::claim::Claim;
use super::name_key::MatchKey;
use super::problem::Problem;
use super::problem::ProblemKind;

/// The values that the directory has for one attribute.
#[derive(Clone, Debug, Default)]
pub struct Owners {
    hasher: RandomState,
    by_hash: HashMap<u64, Owner>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The account at this place, and nobody else.
    Account(u32),
    /// Somebody else, maybe besides.
    Another,
}

impl Owners {
    /// Remembers that an entry has `value`; `own` is the place of its account, if it has one.
    pub fn see(&mut self, value: &str, own: Option<u32>) {
        let owner = own.map_or(Owner::Another, Owner::Account);
        let known = self.by_hash.entry(self.hasher.hash_one(MatchKey::new(value))).or_insert(owner);
        if *known != owner {
            *known = Owner::Another;
        }
    }

    /// Returns who else has `value`, if somebody has: the account at that place, if it is nobody besides.
    fn other(&self, value: &str, own: u32) -> Option<Option<u32>> {
        match self.by_hash.get(&self.hasher.hash_one(MatchKey::new(value)))? {
            Owner::Account(row) if *row == own => None,
            Owner::Account(row) => Some(Some(*row)),
            Owner::Another => Some(None),
        }
    }
}

/// Returns the accounts whose values of `attribute` are somebody else's in the roster too, and those whose values somebody
/// else has in the directory. `label` is the attribute's column.
pub fn conflicts(
    accounts: &[Account],
    attribute: &AttributeName,
    owners: &Owners,
    label: &str,
) -> (Vec<(u32, Problem)>, Vec<Claim>) {
    let values = |account: &'_ Account| -> Vec<MatchKey> {
        account.attributes.get(attribute.as_str()).into_iter().flat_map(Values::text).map(MatchKey::new).collect()
    };
    let mut lines: HashMap<MatchKey, Vec<LineNo>> = HashMap::new();
    for account in accounts {
        for key in values(account) {
            lines.entry(key).or_default().push(account.line);
        }
    }
    let (mut found, mut claims) = (Vec::new(), Vec::new());
    for (index, account) in (0..).zip(accounts) {
        for value in account.attributes.get(attribute.as_str()).into_iter().flat_map(Values::text) {
            let shared = lines.get(&MatchKey::new(value)).and_then(|all| all.iter().find(|l| **l != account.line));
            if let Some(other) = shared {
                found.push((index, Problem::error(Some(label), ProblemKind::Shared(*other))));
            }
            if let Some(holder) = owners.other(value, index) {
                claims.push(Claim { row: index, attribute: attribute.clone(), value: value.into(), holder });
            }
        }
    }
    (found, claims)
}
