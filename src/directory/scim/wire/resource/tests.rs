use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::directory::scim::path::any_path;

fn read(value: &Value) -> Resource {
    Resource::read(value).unwrap_or_else(|fault| panic!("{value}: {fault}"))
}

fn path(text: &str) -> AttributePath {
    AttributePath::parse(text).expect("a path")
}

const DEPARTMENT: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department";
const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value";

/// The form that scim2-server answers in.
fn ann() -> Value {
    json!({
        "schemas": [
            "urn:ietf:params:scim:schemas:core:2.0:User",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        ],
        "id": "9c1e0d6a4f2b4c0b8f3f6f3f0b8a7d11",
        "externalId": "17",
        "meta": {
            "resourceType": "User",
            "created": "2026-11-22T10:00:00Z",
            "location": "http://127.0.0.1:9101/v2/Users/9c1e0d6a4f2b4c0b8f3f6f3f0b8a7d11",
            "version": "W/\"3694e05e9dff590\"",
        },
        "userName": "Ann@example.com",
        "name": {"formatted": "Ann Bee", "familyName": "Bee", "givenName": "Ann"},
        "displayName": "Ann Bee",
        "emails": [
            {"value": "ann@home.example", "type": "home"},
            {"value": "ann@example.com", "type": "work", "primary": true},
        ],
        "active": true,
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
            "department": "R&D",
            "manager": {"value": "26118915", "$ref": "../Users/26118915"},
        },
    })
}

#[test]
fn a_user_of_scim2_server() {
    let value = ann();
    let ann = read(&value);
    assert_eq!(ann.id.as_str(), "9c1e0d6a4f2b4c0b8f3f6f3f0b8a7d11");
    assert_eq!(
        ann.version.as_ref().map(|version| version.as_header().into_owned()).as_deref(),
        Some("W/\"3694e05e9dff590\"")
    );
    assert_eq!(ann.location.as_deref().and_then(ResourceId::of_location), Some(ann.id.clone()));
    assert_eq!(ann.user_name().as_deref(), Some("Ann@example.com"));
    assert_eq!(ann.external_id().as_deref(), Some("17"));
    assert_eq!(ann.active(), Some(true));
    for (at, values) in [
        ("name.givenName", vec!["Ann"]),
        ("NAME.givenname", vec!["Ann"]),
        ("name", vec![]),
        ("displayName", vec!["Ann Bee"]),
        (r#"emails[type eq "work"].value"#, vec!["ann@example.com"]),
        (r#"emails[type eq "other"].value"#, vec![]),
        ("emails", vec!["ann@home.example", "ann@example.com"]),
        ("emails.type", vec!["home", "work"]),
        ("emails[primary eq true]", vec!["ann@example.com"]),
        (DEPARTMENT, vec!["R&D"]),
        (MANAGER, vec!["26118915"]),
        ("department", vec![]),
        ("title", vec![]),
    ] {
        assert_eq!(ann.values(&path(at)), values, "{at}");
    }
}

/// django-scim2: small numbers as ids, one address without a type.
#[test]
fn a_user_of_django_scim2() {
    let value = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": 1, "externalId": null, "userName": "ann@example.com",
        "name": {"givenName": "Ann", "familyName": "Bee", "formatted": "Ann Bee"},
        "displayName": "Ann Bee",
        "emails": [{"value": "ann@example.com", "primary": true}],
        "active": "False",
        "groups": [],
        "meta": {"resourceType": "User", "created": "2024-01-01 10:00:00", "location": "/scim/v2/Users/1"},
    });
    let ann = read(&value);
    assert_eq!((ann.id.as_str(), ann.active(), ann.external_id()), ("1", Some(false), None));
    assert_eq!(ann.values(&path(r#"emails[type eq "work"].value"#)), ["ann@example.com"]);
    assert_eq!(ann.values(&path(r#"emails[type eq "home"].value"#)), [""; 0]);
    assert_eq!(ann.version, None);
    assert!(ann.shows(&path("externalId")) && !ann.shows(&path("title")));
    assert_eq!(ann.whole(&path("externalId")), None);
}

/// scimmy with `attributes=userName`: neither `schemas` nor anything else.
#[test]
fn a_projected_user() {
    let ann = read(&json!({"id": "3", "userName": "ann"}));
    assert_eq!((ann.user_name().as_deref(), ann.active(), ann.members().len()), (Some("ann"), None, 0));
}

#[test]
fn other_spellings_mean_the_same() {
    let ann = read(&json!({
        "ID": "1",
        "USERNAME": "ann",
        "Active": "True",
        // GitLab.
        "name.formatted": "Ann Bee",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "R&D",
        "urn:ietf:params:scim:schemas:extension:Enterprise:2.0:user": {"Manager": "7", "costCenter": 12},
        "emails": {"value": "ann@example.com", "type": "Work"},
        "phoneNumbers": ["1", null, "", {"value": "2"}, {"display": "3"}],
        "title": "",
    }));
    assert_eq!((ann.id.as_str(), ann.user_name().as_deref(), ann.active()), ("1", Some("ann"), Some(true)));
    for (at, values) in [
        ("name.formatted", vec!["Ann Bee"]),
        (DEPARTMENT, vec!["R&D"]),
        (MANAGER, vec!["7"]),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter", vec!["12"]),
        (r#"emails[type eq "work"].value"#, vec!["ann@example.com"]),
        ("phoneNumbers", vec!["1", "2"]),
        ("title", vec![]),
    ] {
        assert_eq!(ann.values(&path(at)), values, "{at}");
    }
}

#[test]
fn one_without_a_type_stands_for_work_only_when_it_is_plain_which() {
    let of = |emails: Value| {
        let resource = read(&json!({"id": "1", "emails": emails}));
        resource.values(&path(r#"emails[type eq "work"].value"#)).first().map(|value| value.clone().into_owned())
    };
    assert_eq!(of(json!([{"value": "a"}])).as_deref(), Some("a"));
    assert_eq!(of(json!(["a"])).as_deref(), Some("a"));
    assert_eq!(of(json!([{"value": "a"}, {"value": "b", "primary": true}])).as_deref(), Some("b"));
    assert_eq!(of(json!([{"value": "a"}, {"value": "b"}])), None);
    assert_eq!(of(json!([{"value": "a", "type": "home", "primary": true}])), None);
    assert_eq!(of(json!([{"value": "a", "primary": true}, {"value": "b", "type": "work"}])).as_deref(), Some("b"));
}

#[test]
fn members_are_read_in_all_their_forms() {
    let group = read(&json!({"id": "g", "members": [
        {"value": "1", "type": "User", "display": "Ann"},
        {"value": 2, "$ref": "https://example.org/v2/Groups/2"},
        {"$ref": "/scim/v2/Users/3"},
        "4",
        {"display": "nobody"},
        {"value": ""},
        null,
    ]}));
    let members: Vec<(String, Option<bool>)> =
        group.members().into_iter().map(|member| (member.id.to_string(), member.is_group)).collect();
    let wanted = [("1", Some(false)), ("2", Some(true)), ("3", Some(false)), ("4", None)];
    assert_eq!(members, wanted.map(|(id, is_group)| (id.to_owned(), is_group)));
    assert_eq!(group.members()[0].display.as_deref(), Some("Ann"));
    assert!(read(&json!({"id": "g", "members": null})).members().is_empty());
}

#[test]
fn without_an_id_there_is_no_resource() {
    for value in [json!({"userName": "ann"}), json!({"id": null}), json!({"id": ".."}), json!({"id": {}})] {
        assert_eq!(Resource::read(&value), Err(Misread::NoId), "{value}");
    }
    for value in [json!([]), json!("<html>"), json!(null)] {
        assert_eq!(Resource::read(&value), Err(Misread::NotAResource), "{value}");
    }
    let id = ResourceId::new("7").expect("an id");
    let resource = Resource::read_with(&json!({"userName": "ann"}), Some(&id)).expect("a resource");
    assert_eq!(resource.id, id);
    assert_eq!(Resource::read_with(&json!({"id": "8"}), Some(&id)).expect("a resource").id.as_str(), "8");
}

fn any_json() -> impl Strategy<Value = Value> {
    let key =
        prop_oneof![Just("value".to_owned()), Just("type".to_owned()), Just("members".to_owned()), "[a-zA-Z]{1,3}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop_oneof![Just("work".to_owned()), ".{0,6}"].prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn nothing_that_a_service_says_panics(value in any_json(), path in any_path(), name in "[a-zA-Z]{1,3}") {
        prop_assume!(!name.eq_ignore_ascii_case("id"));
        let named = AttributePath::parse(&format!(r#"{name}[type eq "work"].value"#)).expect("a path");
        let object = json!({ "id": "1", &name: value, "members": value, "emails": value });
        let resource = read(&object);
        let _ = (resource.values(&path), resource.values(&named), resource.active(), resource.members());
        let _ = Resource::read(&value);
    }
}
