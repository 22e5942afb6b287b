//! Values that a row only names, such as other people: they are known and written after all accounts of the run.

use std::fmt;

use super::attribute::AttributeName;

/// One attribute's change that is written after all accounts: `old` becomes `new`. Values are sets; an empty `new`
/// clears the attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeferredChange {
    /// Which attribute.
    pub attribute: AttributeName,
    /// All values before.
    pub old: Box<[Referent]>,
    /// All values after. One that stays is equal to its old one.
    pub new: Box<[Referent]>,
}

/// Somebody who is referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referent {
    /// The value by which the directory refers to the person; `None` for somebody whom this run is to create.
    pub value: Option<Box<str>>,
    /// The login name; empty when it is not known.
    pub username: Box<str>,
    /// The place of the person's account in [`super::plan::Plan::accounts`], if they have a row.
    pub row: Option<u32>,
}

impl DeferredChange {
    /// Returns whether the attribute loses all its values.
    pub fn clears(&self) -> bool {
        self.new.is_empty() && !self.old.is_empty()
    }
}

/// Shows a person by name, or else the value.
impl fmt::Display for Referent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) if self.username.is_empty() => f.write_str(value),
            _ => f.write_str(&self.username),
        }
    }
}

/// Shows `manager: ada -> bob`.
impl fmt::Display for DeferredChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} -> {}", self.attribute, show(&self.old), show(&self.new))
    }
}

fn show(values: &[Referent]) -> String {
    if values.is_empty() {
        return "(none)".to_owned();
    }
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ")
}
