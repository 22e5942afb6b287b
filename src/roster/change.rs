//! One attribute's way from what it is to what it should be.

use std::fmt;

use super::attribute::AttributeName;
use super::attribute::show_octets;

/// One attribute's change: `old` becomes `new`. Values are sets; an empty `new` clears the attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct Change {
    /// Which attribute.
    pub attribute: AttributeName,
    /// All values before, as the directory spells them.
    pub old: Box<[Box<[u8]>]>,
    /// All values after.
    pub new: Box<[Box<[u8]>]>,
}

impl Change {
    /// Returns the values that go.
    pub fn removed(&self) -> impl Iterator<Item = &[u8]> {
        self.old.iter().filter(|value| !self.new.contains(value)).map(AsRef::as_ref)
    }

    /// Returns the values that come.
    pub fn added(&self) -> impl Iterator<Item = &[u8]> {
        self.new.iter().filter(|value| !self.old.contains(value)).map(AsRef::as_ref)
    }

    /// Returns whether the attribute loses all its values.
    pub fn clears(&self) -> bool {
        self.new.is_empty() && !self.old.is_empty()
    }
}

/// Shows `mail: a@x.org -> b@x.org`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.attribute, show(&self.old), show(&self.new))
    }
}

impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn show(values: &[Box<[u8]>]) -> String {
    if values.is_empty() {
        return "(none)".to_owned();
    }
    values.iter().map(|value| show_octets(value)).collect::<Vec<_>>().join(" | ")
}
