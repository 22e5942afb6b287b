//! What the service is and can do: discovered, overridden, and downgraded when answers show otherwise.

use std::fmt;
use std::num::NonZeroUsize;

use super::preset::Preset;
use super::url::Endpoint;
use super::wire::urn;

mod described;
mod downgrades;
mod features;
mod schema_table;

pub use self::described::Absent;
pub use self::described::Documents;
pub use self::downgrades::Capability;
pub use self::downgrades::Downgrade;
pub use self::downgrades::Downgrades;
pub use self::schema_table::AttributeRule;
pub use self::schema_table::Mutability;
pub use self::schema_table::NotStored;
pub use self::schema_table::Returned;
pub use self::schema_table::SchemaTable;
pub use self::schema_table::Uniqueness;
pub use self::schema_table::ValueKind;

/// A service whose features are known.
#[derive(Debug)]
pub struct Service {
    /// PATCH is there.
    pub patch: bool,
    /// PUT is there.
    pub put: bool,
    /// What a bulk request may hold; `None`: there are none.
    pub bulk: Option<BulkLimits>,
    /// Filters are applied.
    pub filter: bool,
    /// Lists have pages.
    pub paging: bool,
    /// Resources per page.
    pub page_size: NonZeroUsize,
    /// `If-Match` is honoured.
    pub etag: bool,
    /// Passwords are written.
    pub change_password: bool,
    /// Lists are paged by cursor (RFC 9865).
    pub cursor: bool,
    /// Where users are.
    pub users: Endpoint,
    /// Where groups are; `None`: there are none.
    pub groups: Option<Endpoint>,
    /// Where bulk requests go.
    pub bulk_endpoint: Endpoint,
    /// The extensions of users, by their URNs; `None`: nobody knows.
    pub extensions: Option<Vec<String>>,
    /// The attributes of users, groups and extensions.
    pub schema: SchemaTable,
    /// What is known beforehand, for its peculiarities.
    pub preset: &'static Preset,
    /// What was found, for `rosterd check`.
    pub found: Vec<Note>,
    /// What turned out otherwise during the run.
    pub downgrades: Downgrades,
}

/// What a bulk request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BulkLimits {
    /// Operations.
    pub operations: NonZeroUsize,
    /// Bytes of the request's body.
    pub payload: NonZeroUsize,
}

/// One thing found out about the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What was looked at, such as `PATCH` or `/ServiceProviderConfig`.
    pub subject: &'static str,
    /// What was found.
    pub text: String,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where something known of the service comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The service says so.
    Service,
    /// The configuration says so.
    Override,
    /// The preset says so.
    Preset,
    /// Nobody says anything, and a default is taken.
    Default,
    /// The service says something that cannot be used.
    Misread,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Service => "as the service says",
            Self::Override => "as the configuration says",
            Self::Preset => "as the preset says",
            Self::Default => "nobody says, so it is tried",
            Self::Misread => "what the service says cannot be used",
        })
    }
}

impl Service {
    /// Returns whether a capability is there, and was not found missing during the run.
    pub fn can(&self, capability: Capability) -> bool {
        let is_there = match capability {
            Capability::Patch => self.patch,
            Capability::Put => self.put,
            Capability::Bulk => self.bulk.is_some(),
            Capability::Filter => self.filter,
            Capability::ETag => self.etag,
            Capability::ChangePassword => self.change_password,
            Capability::Cursor => self.cursor,
            Capability::Paging => self.paging,
            Capability::Count => true,
        };
        is_there && !self.downgrades.is_without(capability)
    }

    /// Returns whether PATCH is there.
    pub fn can_patch(&self) -> bool {
        self.can(Capability::Patch)
    }

    /// Returns whether PUT is there.
    pub fn can_put(&self) -> bool {
        self.can(Capability::Put)
    }

    /// Returns whether filters are applied.
    pub fn can_filter(&self) -> bool {
        self.can(Capability::Filter)
    }

    /// Returns what a bulk request may hold, unless there are none, or none any more.
    pub fn bulk_limits(&self) -> Option<BulkLimits> {
        self.bulk.filter(|_| self.can(Capability::Bulk))
    }

    /// Does without a capability from now on; returns whether that is news.
    pub fn downgrade(&self, capability: Capability, why: impl Into<String>) -> bool {
        self.downgrades.without(capability, why.into())
    }

    /// Returns whether the extension with this URN may be written; what nobody knows is tried.
    pub fn has_extension(&self, urn: &str) -> bool {
        self.extensions.as_ref().is_none_or(|known| known.iter().any(|own| own.eq_ignore_ascii_case(urn)))
    }

    /// Returns why an attribute of a user would not be stored, if that is known beforehand. `urn` is its schema.
    pub fn not_stored(&self, urn: &str, name: &str, sub: Option<&str>) -> Option<NotStored> {
        let is_core = urn.eq_ignore_ascii_case(urn::USER);
        if !is_core && !self.has_extension(urn) {
            return Some(NotStored::NoExtension);
        }
        if is_core && self.preset.not_stored.iter().any(|own| own.eq_ignore_ascii_case(name)) {
            return Some(NotStored::Preset);
        }
        self.schema.not_stored(urn, name, sub)
    }

    /// Returns a service that does everything the RFCs ask for, for tests of what depends on one.
    #[cfg(test)]
    pub fn conforming(settings: &super::settings::ScimSettings) -> Self {
        Self::of(settings, Documents::default())
    }
}
