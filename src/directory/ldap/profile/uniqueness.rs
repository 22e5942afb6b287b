//! What keeps two entries from having one login name.

/// What keeps two entries from having one value of an attribute, where they are not named by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Uniqueness {
    /// The server does, of itself, for login names.
    Itself,
    /// An overlay of OpenLDAP, slapo-unique(5).
    Overlay,
    /// A plugin of 389 Directory Server, attribute uniqueness.
    Plugin,
    /// Nobody knows.
    Untold,
}
