use proptest::prelude::*;
use serde_json::json;

use super::*;

#[expect(clippy::needless_pass_by_value, reason = "literals are easier to read without `&`")]
fn read(status: u16, body: Value) -> ErrorReply {
    ErrorReply::read(status, &body)
}

fn path(text: &str) -> AttributePath {
    AttributePath::parse(text).expect("a path")
}

#[test]
fn an_error_of_scim2_server() {
    let error = read(
        409,
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": "409", "scimType": "uniqueness",
            "detail": "One or more of the attribute values are already in use or are reserved.",
        }),
    );
    assert_eq!(error.scim_type, Some(ScimType::Uniqueness));
    assert!(error.is_scim && error.is_uniqueness());
    assert_eq!(
        error.to_string(),
        "409 uniqueness: One or more of the attribute values are already in use or are reserved."
    );
}

#[test]
fn errors_in_other_forms() {
    // django-scim2: a number, and no scimType.
    let error = read(
        409,
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": "User with email ann exists", "status": 409}),
    );
    assert!(error.is_scim && error.is_uniqueness());
    // Polis says nothing of SCIM's.
    let error = read(409, json!({"data": null, "error": {"message": "User already exists", "code": 409}}));
    assert_eq!(error.detail.as_deref(), Some("User already exists"));
    assert!(!error.is_scim && error.is_uniqueness());
    // FastAPI, before open-webui has its say.
    let error =
        read(422, json!({"detail": [{"type": "missing", "loc": ["body", "displayName"], "msg": "Field required"}]}));
    assert_eq!(error.detail.as_deref(), Some("displayName: Field required"));
    assert!(!error.is_scim && error.blames(&path("displayName")));
    // SCIM 1.1, as Salesforce and Slack have it.
    let error = read(400, json!({"Errors": [{"description": "Start index too big", "code": "400"}]}));
    assert!(error.is_scim);
    assert_eq!(error.detail.as_deref(), Some("Start index too big"));
    // A gateway.
    let error = read(404, json!({"message": "no Route matched with those values"}));
    assert!(!error.is_scim);
    assert_eq!(error.detail.as_deref(), Some("no Route matched with those values"));
    // OAuth 2.0 (RFC 6749 section 5.2).
    let error = read(401, json!({"error": "invalid_client", "error_description": "unknown client"}));
    assert_eq!(error.detail.as_deref(), Some("unknown client"));
    for nothing in [json!(null), json!([]), json!({}), json!("x"), json!({"detail": null, "scimType": ""})] {
        assert_eq!(read(500, nothing), ErrorReply::bare(500));
    }
}

/// A conflict of versions is a 409 too (RFC 7644 section 3.12, table 8).
#[test]
fn a_conflict_of_another_kind_is_no_uniqueness() {
    let scim = |kind: &str| json!({"schemas": [urn::ERROR], "status": "409", "scimType": kind});
    assert!(!read(409, scim("mutability")).is_uniqueness());
    assert!(read(400, scim("Uniqueness")).is_uniqueness());
    assert!(!read(400, json!({})).is_uniqueness());
}

#[test]
fn words_are_read_in_any_case_and_written_as_the_rfc_has_them() {
    for (word, kind) in WORDS {
        assert_eq!(ScimType::new(&word.to_uppercase()), *kind);
        assert_eq!(kind.to_string(), *word);
    }
    assert_eq!(ScimType::new("quota").to_string(), "quota");
}

/// rustauth-scim: "core attribute cannot be persisted as profile data", with the attribute's name.
#[test]
fn a_sentence_may_name_the_attribute() {
    let error = |detail: &str| read(400, json!({"schemas": [urn::ERROR], "detail": detail, "status": "400"}));
    let active = error("attribute 'active' cannot be persisted as profile data");
    assert!(active.blames(&AttributePath::active()) && !active.blames(&path("displayName")));
    assert!(!error("the service is inactive").blames(&AttributePath::active()));
    assert!(error("Unknown path: name.middleName").blames(&path("name.middleName")));
    assert!(error("middlename?").blames(&path("name.middleName")));
    assert!(!error("invalid value").blames(&path(r#"emails[type eq "work"].value"#)));
    assert!(error("Emails: bad").blames(&path(r#"emails[type eq "work"].value"#)));
    assert!(error("ü active").blames(&AttributePath::active()));
}

#[test]
fn texts_are_one_short_line() {
    let error =
        read(400, json!({"detail": format!("a\r\nb\u{1b}[31m{}", "x".repeat(1000)), "scimType": "y".repeat(99)}));
    let detail = error.detail.expect("a sentence");
    assert!(detail.starts_with("a  b [31mxxx") && detail.ends_with("x..."), "{detail}");
    assert_eq!(detail.chars().count(), MAX_DETAIL + 3);
    assert_eq!(error.scim_type.expect("a word").to_string().len(), 43);
}

#[test]
fn a_secret_that_is_repeated_is_hidden() {
    let secret = Secret::from("Tr0ub\"4dor");
    let hidden = |detail: String| read(400, json!({ "detail": detail })).without(Some(&secret)).detail;
    assert_eq!(hidden("bad value Tr0ub\"4dor.".to_owned()).as_deref(), Some("bad value ***."));
    assert_eq!(
        hidden(r#"bad value {"password":"Tr0ub\"4dor"}"#.to_owned()).as_deref(),
        Some(r#"bad value {"password":"***"}"#)
    );
    // Where the text is cut, a part of the secret may be left.
    assert_eq!(hidden(format!("{}Tr0ub\"4dor and more", "x".repeat(MAX_DETAIL - 5))), None);
    let error = read(400, json!({"scimType": "Tr0ub\"4dor"})).without(Some(&secret));
    assert_eq!(error.scim_type, None);
    let kept = read(400, json!({"detail": "x", "scimType": "own"}));
    assert_eq!(kept.clone().without(None), kept);
    assert_eq!(kept.clone().without(Some(&Secret::from(""))), kept);
}

proptest! {
    #[test]
    fn no_part_of_a_sentence_is_a_secret(before in ".{0,320}", secret in r#"[a-zA-Z0-9"\\+]{8,20}"#, behind in ".{0,40}") {
        let error = read(400, json!({ "detail": format!("{before}{secret}{behind}") }));
        let shown = error.without(Some(&Secret::from(secret.as_str()))).to_string();
        prop_assert!(!shown.contains(&secret), "{}", shown);
    }
}
