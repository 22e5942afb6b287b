//! People who have left, and whom rosterd itself has switched off or moved to the archive.

use std::collections::HashMap;

/// One of them. What has to do with time was worked out by whoever has a clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Leaver {
    /// The day since when every roster was without the person, as a date; empty when the last one had them.
    pub since: Box<str>,
    /// The day from which on the account may be deleted, as a date; empty when it is not to be.
    pub until: Box<str>,
    /// Whether that day has come.
    pub due: bool,
    /// Where the entry was before it came into the archive, if it did.
    pub place: Option<Box<str>>,
}

/// By stable id.
pub type Leavers = HashMap<Box<str>, Leaver>;
