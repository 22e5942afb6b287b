//! Microsoft Entra ID as a service (`https://graph.microsoft.com/rp/scim`).

use super::PLAIN;
use super::Preset;
use super::rate;
use super::some;

pub(super) static PRESET: Preset = Preset {
    name: "entra",
    title: "Microsoft Entra ID",
    sources: &["https://pypi.org/project/scim-sanity/0.7.4/", "https://learn.microsoft.com/graph/throttling-limits"],
    // Writes of one application to one tenant: 3,000 in 150 seconds.
    max_rate: Some(rate(20, 1)),
    in_flight: some(4),
    patch: Some(true),
    // PUT is answered by 405.
    put: Some(false),
    bulk: Some(false),
    plain_filters: true,
    required: &["userName", "displayName", "password"],
    notes: &[
        "an id that is not there is answered by 400, not 404",
        "members must be there before they are put into a group",
    ],
    ..PLAIN
};
