//! How requests name entries.

use super::Dsa;
use super::name::by_guid;
use crate::roster::account::EntryId;

/// How a request names an entry.
pub struct Address {
    pub name: String,
    /// No other entry can be meant, whatever it is called by now.
    pub is_bound: bool,
}

impl Dsa {
    /// Returns how a request names an entry.
    pub(super) fn address(&self, id: &EntryId) -> Address {
        let by_id = Some(()).filter(|()| self.site.profile.peculiar.named_by_id).and_then(|()| by_guid(&id.stable));
        match by_id {
            Some(name) => Address { name, is_bound: true },
            None => Address { name: id.locator.to_string(), is_bound: false },
        }
    }
}
