//! The attributes of an entry that is to be added.

use std::collections::HashSet;

use super::posix::Given;
use crate::roster::name_key::MatchKey;

/// The attributes of an entry to add; each name and each value once, empty values never.
#[derive(Clone, Default)]
pub struct NewEntry {
    attributes: Vec<(String, HashSet<Vec<u8>>)>,
}

impl NewEntry {
    /// Adds a value.
    pub fn add(&mut self, name: &str, value: &[u8]) {
        if !value.is_empty() {
            self.values(name).insert(value.to_vec());
        }
    }

    /// Returns whether the attribute has a value.
    pub fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(n, values)| n.eq_ignore_ascii_case(name) && !values.is_empty())
    }

    /// Adds a value of the entry's name, unless a value that the server takes for the same is there.
    pub fn add_named(&mut self, name: &str, value: &[u8]) {
        let folded = |octets: &[u8]| std::str::from_utf8(octets).ok().map(MatchKey::new);
        let key = folded(value);
        if key.is_none() || !self.values(name).iter().any(|v| folded(v) == key) {
            self.add(name, value);
        }
    }

    /// Adds the numbers that it was given.
    pub fn with_numbers(mut self, Given { uid, gid }: Given) -> Self {
        self.add("uidNumber", uid.to_string().as_bytes());
        gid.iter().for_each(|gid| self.add("gidNumber", gid.to_string().as_bytes()));
        self
    }

    fn values(&mut self, name: &str) -> &mut HashSet<Vec<u8>> {
        let at = self.attributes.iter().position(|(n, _)| n.eq_ignore_ascii_case(name)).unwrap_or_else(|| {
            self.attributes.push((name.to_owned(), HashSet::new()));
            self.attributes.len() - 1
        });
        &mut self.attributes[at].1
    }

    /// Returns the attributes as the protocol library takes them.
    pub fn into_attributes(self) -> Vec<(Vec<u8>, HashSet<Vec<u8>>)> {
        let named = self.attributes.into_iter().map(|(name, values)| (name.into_bytes(), values));
        named.filter(|(_, values)| !values.is_empty()).collect()
    }
}
