//! GitHub Enterprise Managed Users.

use super::Deleting;
use super::PLAIN;
use super::Preset;
use super::rate;
use super::some;

pub(super) static PRESET: Preset = Preset {
    name: "github",
    title: "GitHub Enterprise Managed Users",
    sources: &[
        "https://docs.github.com/en/enterprise-cloud@latest/admin/managing-iam/provisioning-user-accounts-with-scim/provisioning-users-and-groups-with-scim-using-the-rest-api",
        "https://github.com/github/docs/blob/main/data/reusables/scim/emu-scim-rate-limit-details.md",
    ],
    // No more than 1,000 users an hour.
    max_rate: Some(rate(1000, 60 * 60)),
    in_flight: some(1),
    // No more than 1,000 members of a group an hour: at that rate a request a change stays far below.
    members_per_request: some(100),
    bulk: Some(false),
    change_password: Some(false),
    // "userName", "name", "emails" and "externalId" identify a user in the REST API's examples and errors.
    required: &["userName", "externalId", "emails", "displayName"],
    delete: Deleting::SuspendsForGood,
    notes: &["nothing else may provision the same enterprise: GitHub wants one writer"],
    ..PLAIN
};
