//! Resources as services give them.

use std::fmt;

/// What a service calls a resource, as it was received (RFC 7643 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(Box<str>);

impl ResourceId {
    /// Takes an id over.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of a resource, byte for byte as it was received, `W/` included (RFC 7644 section 3.14).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ETag(Box<str>);

impl ETag {
    /// Takes a version over.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the version.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
