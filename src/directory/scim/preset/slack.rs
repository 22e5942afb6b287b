//! Slack.

use super::Deleting;
use super::PLAIN;
use super::Preset;
use super::rate;
use super::some;

pub(super) static PRESET: Preset = Preset {
    name: "slack",
    title: "Slack",
    sources: &["https://docs.slack.dev/reference/scim-api/rate-limits", "https://docs.slack.dev/reference/scim-api/"],
    // Creating, updating and deleting a user: 180 a minute each. All apps of the organisation share it.
    max_rate: Some(rate(180, 60)),
    in_flight: some(2),
    bulk: Some(false),
    change_password: Some(false),
    // Everybody needs an address.
    required: &["userName", "emails"],
    delete: Deleting::Deactivates,
    notes: &[
        "all apps of the organisation share the rate; lower `max_rate` if there are others",
        "Slack rewrites usernames to its own form",
    ],
    ..PLAIN
};
