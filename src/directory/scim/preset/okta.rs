//! Okta as a service (inbound SCIM 2.0).

use super::PLAIN;
use super::Preset;
use super::rate;
use super::some;

pub(super) static PRESET: Preset = Preset {
    name: "okta",
    title: "Okta",
    sources: &[
        "https://developer.okta.com/docs/api/openapi/okta-scim/inbound/overview",
        "https://developer.okta.com/docs/reference/rl-global-mgmt/",
    ],
    // None is published for SCIM; the users of the same organisation are open to 600 requests a minute.
    max_rate: Some(rate(10, 1)),
    in_flight: some(4),
    // What Okta's own client asks for, and so what is tried everywhere.
    page_max: some(100),
    members_per_request: some(100),
    bulk: Some(false),
    plain_filters: true,
    ..PLAIN
};
