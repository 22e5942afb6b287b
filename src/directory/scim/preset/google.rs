//! Google Cloud Identity (`https://cloudidentityscim.googleapis.com`).

use super::PLAIN;
use super::Preset;
use super::rate;
use super::some;

pub(super) static PRESET: Preset = Preset {
    name: "google",
    title: "Google Cloud Identity",
    sources: &[
        "https://docs.cloud.google.com/identity/docs/scim/reference/rest",
        "https://github.com/goauthentik/authentik/issues/16678",
    ],
    // None is published.
    max_rate: Some(rate(10, 1)),
    in_flight: some(4),
    patch: Some(true),
    // It answers with a page and 404, which does not mean that the account is gone (second source).
    put: Some(false),
    // First source, "Unsupported SCIM features": bulk operations, ETags, paging of any kind.
    bulk: Some(false),
    etag: Some(false),
    paging: Some(false),
    notes: &["lists are not paged, so people are looked up one by one"],
    ..PLAIN
};
