//! AWS IAM Identity Center.

use super::PLAIN;
use super::Preset;
use super::rate;
use super::some;

pub(super) static PRESET: Preset = Preset {
    name: "aws",
    title: "AWS IAM Identity Center",
    sources: &[
        "https://docs.aws.amazon.com/singlesignon/latest/developerguide/limitations.html",
        "https://docs.aws.amazon.com/singlesignon/latest/developerguide/createuser.html",
        "https://docs.aws.amazon.com/singlesignon/latest/developerguide/patchgroup.html",
        "https://docs.aws.amazon.com/singlesignon/latest/userguide/limits.html",
    ],
    // The last source gives all of its APIs together 20 a second, and says nothing of SCIM by itself.
    max_rate: Some(rate(10, 1)),
    in_flight: some(4),
    // "50 maximum results", listusers.html.
    page_max: some(50),
    // PatchGroup: "a maximum of 100 membership changes are allowed in a single request".
    members_per_request: some(100),
    patch: Some(true),
    put: Some(true),
    bulk: Some(false),
    filter: Some(true),
    etag: Some(false),
    change_password: Some(false),
    one_value: true,
    primary: true,
    plain_filters: true,
    // CreateUser, constraints.
    required: &["userName", "name.givenName", "name.familyName", "displayName"],
    // Limitations: these attributes are refused or left out.
    not_stored: &["password", "ims", "photos", "x509Certificates", "entitlements", "roles"],
    notes: &["a request without `User-Agent` is refused, and rosterd always sends one"],
    ..PLAIN
};
