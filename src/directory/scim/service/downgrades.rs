//! What a service turned out not to do, whatever it says: told once, remembered for the run.

use std::fmt;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

/// Something that a service may do or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// PATCH (RFC 7644 section 3.5.2).
    Patch,
    /// PUT (RFC 7644 section 3.5.1).
    Put,
    /// Bulk requests (RFC 7644 section 3.7).
    Bulk,
    /// Filters (RFC 7644 section 3.4.2.2).
    Filter,
    /// `If-Match` (RFC 7644 section 3.14).
    ETag,
    /// Writing passwords.
    ChangePassword,
    /// Paging by cursor (RFC 9865).
    Cursor,
    /// Paging of any kind (RFC 7644 section 3.4.2.4).
    Paging,
    /// The parameter `count` of a list (RFC 7644 section 3.4.2.4).
    Count,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Patch => "PATCH",
            Self::Put => "PUT",
            Self::Bulk => "bulk requests",
            Self::Filter => "filters",
            Self::ETag => "ETags",
            Self::ChangePassword => "passwords",
            Self::Cursor => "paging by cursor",
            Self::Paging => "paging",
            Self::Count => "the page size",
        })
    }
}

/// Something that turned out not to work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Downgrade {
    /// A capability.
    Capability(Capability, String),
    /// An attribute, by its path, that is refused or silently not stored.
    Attribute(String, String),
}

/// What turned out not to work, each told once.
#[derive(Debug, Default)]
pub struct Downgrades {
    known: Mutex<Vec<Downgrade>>,
}

impl Downgrades {
    /// Returns whether a capability is missing.
    pub fn is_without(&self, capability: Capability) -> bool {
        self.known().iter().any(|known| matches!(known, Downgrade::Capability(own, _) if *own == capability))
    }

    /// Remembers that a capability is missing; returns whether that is news.
    pub fn without(&self, capability: Capability, why: String) -> bool {
        let mut known = self.known();
        if known.iter().any(|known| matches!(known, Downgrade::Capability(own, _) if *own == capability)) {
            return false;
        }
        known.push(Downgrade::Capability(capability, why));
        true
    }

    /// Returns why an attribute, by its path, is not written any more, if it is not.
    pub fn refused_attribute(&self, path: &str) -> Option<String> {
        self.known().iter().find_map(|known| match known {
            Downgrade::Attribute(own, why) if own.eq_ignore_ascii_case(path) => Some(why.clone()),
            _ => None,
        })
    }

    /// Remembers that an attribute is refused or not stored; returns whether that is news.
    pub fn refuse_attribute(&self, path: &str, why: String) -> bool {
        let mut known = self.known();
        let is_known = |one: &Downgrade| matches!(one, Downgrade::Attribute(own, _) if own.eq_ignore_ascii_case(path));
        if known.iter().any(is_known) {
            return false;
        }
        known.push(Downgrade::Attribute(path.to_owned(), why));
        true
    }

    /// Returns everything that turned out not to work, in the order in which it did.
    pub fn all(&self) -> Vec<Downgrade> {
        self.known().clone()
    }

    fn known(&self) -> MutexGuard<'_, Vec<Downgrade>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
