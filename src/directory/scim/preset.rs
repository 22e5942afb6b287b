//! What is known of services beforehand: limits that they publish and do not tell, as plain data, a file each.

use crate::roster::forecast::Rate;
use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::time::Duration;

mod atlassian;
mod aws;
mod entra;
mod github;
mod google;
mod okta;
mod slack;

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
    /// Lists have pages.
    pub paging: Option<bool>,
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
const PLAIN: Preset = Preset {
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
    paging: None,
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
        static NOTHING: Preset = PLAIN;
        &NOTHING
    }

    /// Returns all presets.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        [
            &aws::PRESET,
            &slack::PRESET,
            &github::PRESET,
            &entra::PRESET,
            &okta::PRESET,
            &atlassian::PRESET,
            &google::PRESET,
        ]
        .into_iter()
    }

    /// Returns the preset of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|preset| preset.name == name)
    }
}

const fn some(n: usize) -> Option<NonZeroUsize> {
    NonZeroUsize::new(n)
}

const fn rate(n: u32, seconds: u64) -> Rate {
    Rate { n: NonZeroU32::new(n).expect("a rate is not zero"), per: Duration::from_secs(seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_says_where_its_limits_come_from() {
        for preset in Preset::all() {
            assert!(!preset.sources.is_empty(), "{}", preset.name);
            assert!(preset.sources.iter().all(|source| source.starts_with("https://")), "{}", preset.name);
            assert_eq!(Preset::named(preset.name).map(|found| found.title), Some(preset.title));
        }
        let names: Vec<_> = Preset::all().map(|preset| preset.name).collect();
        assert_eq!(names, ["aws", "slack", "github", "entra", "okta", "atlassian", "google"]);
    }

    #[test]
    fn the_document_has_them_as_they_are() {
        const DOCUMENT: &str = include_str!("../../../docs/scim.md");
        for preset in Preset::all() {
            let Preset { name, title, max_rate, in_flight, page_max, delete, sources, .. } = preset;
            let rate = max_rate.expect("a rate");
            let in_flight = in_flight.expect("a number");
            let page = page_max.map_or("–".to_owned(), |page| page.to_string());
            let deleting = match delete {
                Deleting::Deletes => "deletes",
                Deleting::Deactivates => "disables",
                Deleting::SuspendsForGood => "suspends for good",
            };
            let links: Vec<_> = sources.iter().zip(1..).map(|(url, n)| format!("[{n}]({url})")).collect();
            let links = links.join(" ");
            let row = format!("| `{name}` | {title} | {rate} | {in_flight} | {page} | {deleting} | {links} |");
            assert!(DOCUMENT.lines().any(|line| line == row), "docs/scim.md lacks this line:\n{row}");
        }
    }

    /// A preset is for services that bear less; nobody gets more requests by naming one.
    #[test]
    fn no_preset_is_faster_than_the_default() {
        use super::super::settings::ScimSettings;
        for preset in Preset::all() {
            let Preset { max_rate, in_flight, members_per_request, .. } = preset;
            assert!(
                max_rate.is_some_and(|rate| rate.each_second() < ScimSettings::RATE.each_second()),
                "{}",
                preset.name
            );
            assert!(in_flight.is_some_and(|n| n <= ScimSettings::IN_FLIGHT), "{}", preset.name);
            assert!(members_per_request.is_none_or(|n| n <= ScimSettings::MEMBERS), "{}", preset.name);
        }
    }
}
