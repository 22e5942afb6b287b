//! What is known of services beforehand: limits that they publish and do not tell, as plain data, a file each.

use std::num::NonZeroUsize;

use super::settings::Rate;

/// A service with its limits and peculiarities.
#[derive(Debug)]
pub struct Preset {
    /// The word in the configuration.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Where the limits are published.
    pub sources: &'static [&'static str],
    /// Requests in a length of time, at most.
    pub max_rate: Option<Rate>,
    /// Requests in flight, at most.
    pub in_flight: Option<NonZeroUsize>,
    /// Resources per page, at most.
    pub page_max: Option<NonZeroUsize>,
    /// Members per request, at most.
    pub members_per_request: Option<NonZeroUsize>,
    /// PATCH.
    pub patch: Option<bool>,
    /// PUT.
    pub put: Option<bool>,
    /// Bulk requests.
    pub bulk: Option<bool>,
    /// Filters.
    pub filter: Option<bool>,
    /// `If-Match`.
    pub etag: Option<bool>,
    /// Passwords are written.
    pub change_password: Option<bool>,
    /// Attributes with several values hold one only.
    pub one_value: bool,
    /// Values of attributes with several have to say which is the primary one.
    pub primary: bool,
    /// Members say what they are (`"type": "User"`).
    pub member_type: bool,
    /// Filters compare with `eq`, one or several combined with `and`; nothing else.
    pub plain_filters: bool,
    /// Attributes of an account that it must have when it is created.
    pub required: &'static [&'static str],
    /// Attributes of an account that are not stored, or refused.
    pub not_stored: &'static [&'static str],
    /// What DELETE of an account does.
    pub delete: Deleting,
    /// What an admin should know.
    pub notes: &'static [&'static str],
}

/// What DELETE of an account does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deleting {
    /// The account is gone.
    Deletes,
    /// The account is switched off, no more.
    Deactivates,
    /// The account can never be switched on again.
    SuspendsForGood,
}

/// A service of which nothing is known.
static PLAIN: Preset = Preset {
    name: "",
    title: "",
    sources: &[],
    max_rate: None,
    in_flight: None,
    page_max: None,
    members_per_request: None,
    patch: None,
    put: None,
    bulk: None,
    filter: None,
    etag: None,
    change_password: None,
    one_value: false,
    primary: false,
    member_type: false,
    plain_filters: false,
    required: &[],
    not_stored: &[],
    delete: Deleting::Deletes,
    notes: &[],
};

impl Preset {
    /// Returns what holds for a service of which nothing is known.
    pub fn plain() -> &'static Self {
        &PLAIN
    }

    /// Returns all presets.
    pub fn all() -> &'static [Self] {
        &[]
    }

    /// Returns the preset of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|preset| preset.name == name)
    }
}
