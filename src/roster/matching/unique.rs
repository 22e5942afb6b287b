//! Values that two people must not share.

use std::borrow::Cow;
use std::hash::BuildHasher;

use hashbrown::HashTable;

use super::Matching;
use super::Place;
use crate::roster::account::Account;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Values;
use crate::roster::claim::Claim;
use crate::roster::name_key::folded;

impl<'r> Matching<'r> {
    /// Indexes the values of an attribute that must be one person's. Those that follow from usernames are compared when
    /// everybody has one.
    pub(super) fn places(&self, attribute: &AttributeName) -> HashTable<Place> {
        if self.mapper.is_late(attribute) {
            return HashTable::new();
        }
        let values = |account: &Account| account.attributes.get(attribute.as_str()).map_or(0, |v| v.text().count());
        let mut table = HashTable::with_capacity(self.rows.accounts.iter().map(values).sum());
        let hash = |place: &Place| self.hasher.hash_one(self.unique_key(attribute, *place));
        for (index, account) in (0..).zip(&self.rows.accounts) {
            for (nth, _) in (0..).zip(0..values(account)) {
                table.insert_unique(hash(&(index, nth)), (index, nth), hash);
            }
        }
        table
    }

    fn unique_key(&self, attribute: &AttributeName, (index, nth): Place) -> Option<Cow<'r, str>> {
        let values = self.rows.accounts[index as usize].attributes.get(attribute.as_str())?;
        values.text().nth(nth as usize).map(folded)
    }

    pub(super) fn see_unique_values(&mut self, entry: &ExistingAccount, own: Option<u32>) {
        for (attribute, owners) in &mut self.matched.owners {
            let values = entry.attributes.get(attribute.as_str()).into_iter().flat_map(Values::text);
            values.for_each(|value| owners.see(value, own));
        }
        let mut claims = Vec::new();
        for (attribute, table) in self.rules.unique.iter().zip(&self.by_unique) {
            for value in entry.attributes.get(attribute.as_str()).into_iter().flat_map(Values::text) {
                let key = Some(folded(value));
                for place in table.iter_hash(self.hasher.hash_one(&key)).copied() {
                    if Some(place.0) != own && self.unique_key(attribute, place) == key {
                        let (attribute, value) = (attribute.clone(), value.into());
                        claims.push(Claim { row: place.0, attribute, value, holder: own });
                    }
                }
            }
        }
        self.matched.claims.append(&mut claims);
    }
}
