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
    // None is published for SCIM; what the second source gives for users of an organisation is 600 a minute. Whether it
    // holds could not be verified. Okta says `X-Rate-Limit-Remaining`, which is obeyed.
    max_rate: Some(rate(10, 1)),
    in_flight: some(4),
    // What Okta's own client asks of services; of Okta as a service none is published.
    page_max: some(100),
    members_per_request: some(100),
    bulk: Some(false),
    plain_filters: true,
    ..PLAIN
};
