//! Atlassian Cloud.

use super::Deleting;
use super::PLAIN;
use super::Preset;
use super::rate;
use super::some;

pub(super) static PRESET: Preset = Preset {
    name: "atlassian",
    title: "Atlassian Cloud",
    sources: &[
        "https://developer.atlassian.com/cloud/admin/user-provisioning/rest/intro/",
        "https://docs.go-atlassian.io/atlassian-admin-cloud/scim/users",
        "https://support.atlassian.com/atlassian-cloud/kb/how-to-fetch-all-users-via-user-provisioning-scim-api/",
    ],
    // None is published: a careful number.
    max_rate: Some(rate(10, 1)),
    in_flight: some(2),
    // Third source: the first 100 come at once.
    page_max: some(100),
    bulk: Some(false),
    change_password: Some(false),
    plain_filters: true,
    required: &["userName", "emails"],
    delete: Deleting::Deactivates,
    notes: &[
        "accounts need an address in a domain that the organisation has verified",
        "a deactivated account answers 404 until it is active again",
        "an account that Atlassian has for the address already is linked",
    ],
    ..PLAIN
};
