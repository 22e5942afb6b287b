//! What tells an entry from every other for ever.

use super::guid;
use crate::directory::ldap::entry::Entry;
use crate::directory::ldap::filter::Filter;

/// The attribute that tells an entry from every other for ever.
#[derive(Debug)]
pub struct Stable {
    /// Its name.
    pub attribute: &'static str,
    /// How its value is written.
    pub form: Form,
}

/// How a stable id is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As text, compared without regard to case.
    Text,
    /// As 16 octets, the first three fields little-endian (MS-DTYP section 2.3.4.2).
    Guid,
}

impl Stable {
    /// Returns the id of an entry that was read with the attribute.
    pub fn of(&self, entry: &Entry) -> Option<Box<str>> {
        match self.form {
            Form::Text => entry.text(self.attribute).map(|text| text.to_ascii_lowercase().into()),
            Form::Guid => entry.values(self.attribute).next().and_then(guid::text).map(Into::into),
        }
    }

    /// Matches the entry with this id.
    pub fn filter(&self, stable: &str) -> Filter {
        match self.form {
            Form::Text => Filter::eq(self.attribute, stable),
            Form::Guid => match guid::octets(stable) {
                Some(octets) => Filter::octets(self.attribute, &octets),
                None => Filter::eq(self.attribute, stable),
            },
        }
    }
}
