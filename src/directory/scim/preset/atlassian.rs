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
    ],
    // None is published.
    max_rate: Some(rate(10, 1)),
    in_flight: some(2),
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
