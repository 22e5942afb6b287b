use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::directory::scim::path::any_path;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn path(text: &str) -> AttributePath {
    AttributePath::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"))
}

fn map(value: &Value) -> Map<String, Value> {
    value.as_object().expect("an object").clone()
}

/// Does one operation to `before` and compares.
#[expect(clippy::needless_pass_by_value, reason = "literals are easier to read without `&`")]
fn check(before: Value, operation: PatchOperation, after: Value) {
    let done = Value::Object(applied(&map(&before), std::slice::from_ref(&operation)));
    assert_eq!(done, after, "{operation:?}");
}

fn replace(at: &str, value: Value) -> PatchOperation {
    PatchOperation::replace(path(at), value)
}

fn add(at: &str, value: Value) -> PatchOperation {
    PatchOperation::add(path(at), value)
}

fn remove(at: &str) -> PatchOperation {
    PatchOperation::remove(path(at))
}

#[test]
fn a_single_value() {
    check(json!({"title": "a"}), replace("title", json!("b")), json!({"title": "b"}));
    check(json!({"Title": "a"}), replace("title", json!("b")), json!({"Title": "b"}));
    check(json!({"x": 1}), replace("title", json!("b")), json!({"x": 1, "title": "b"}));
    check(json!({"title": "a", "x": 1}), remove("title"), json!({"x": 1}));
    check(json!({"title": "a"}), replace("title", json!(null)), json!({}));
    check(json!({"title": "a"}), add("title", json!("b")), json!({"title": "b"}));
}

#[test]
fn a_part_of_a_complex_value() {
    let name = json!({"name": {"givenName": "Ann", "familyName": "Bee"}});
    check(
        name.clone(),
        replace("name.givenName", json!("Eve")),
        json!({"name": {"givenName": "Eve", "familyName": "Bee"}}),
    );
    check(name, remove("name.familyName"), json!({"name": {"givenName": "Ann"}}));
    check(json!({}), replace("name.givenName", json!("Eve")), json!({"name": {"givenName": "Eve"}}));
    check(json!({"name": {"givenName": "Ann"}}), remove("name.givenName"), json!({}));
    check(json!({"manager": "7"}), replace("manager.value", json!("8")), json!({"manager": {"value": "8"}}));
}

#[test]
fn an_extension() {
    let before = json!({ENTERPRISE: {"department": "a", "manager": {"value": "7"}}});
    check(
        before.clone(),
        replace(&format!("{ENTERPRISE}:department"), json!("b")),
        json!({ENTERPRISE: {"department": "b", "manager": {"value": "7"}}}),
    );
    check(before, remove(&format!("{ENTERPRISE}:manager.value")), json!({ENTERPRISE: {"department": "a"}}));
    check(
        json!({}),
        replace(&format!("{ENTERPRISE}:department"), json!("b")),
        json!({ENTERPRISE: {"department": "b"}}),
    );
    check(json!({ENTERPRISE: {"department": "a"}}), remove(&format!("{ENTERPRISE}:department")), json!({}));
    let lower = ENTERPRISE.to_ascii_lowercase();
    check(
        json!({&lower: {"Department": "a"}}),
        replace(&format!("{ENTERPRISE}:department"), json!("b")),
        json!({&lower: {"Department": "b"}}),
    );
}

#[test]
fn some_of_several_values() {
    let both = json!({"emails": [{"value": "a", "type": "work", "primary": true}, {"value": "b", "type": "home"}]});
    let work = r#"emails[type eq "work"]"#;
    check(
        both.clone(),
        replace(&format!("{work}.value"), json!("c")),
        json!({"emails": [{"value": "c", "type": "work", "primary": true}, {"value": "b", "type": "home"}]}),
    );
    check(both.clone(), remove(work), json!({"emails": [{"value": "b", "type": "home"}]}));
    check(
        both.clone(),
        replace(r#"emails[type eq "home"]"#, json!({"value": "c"})),
        json!({"emails": [{"value": "a", "type": "work", "primary": true}, {"value": "c", "type": "home"}]}),
    );
    check(
        both.clone(),
        replace(r#"emails[type eq "other"].value"#, json!("c")),
        json!({"emails": [
            {"value": "a", "type": "work", "primary": true}, {"value": "b", "type": "home"}, {"type": "other", "value": "c"},
        ]}),
    );
    check(both.clone(), remove(r#"emails[type eq "other"]"#), both.clone());
    check(json!({"emails": [{"value": "a", "type": "work"}]}), remove(work), json!({}));
    // Only one is the primary one (RFC 7644 section 3.5.2).
    check(
        both.clone(),
        add("emails", json!([{"value": "c", "primary": true}])),
        json!({"emails": [
            {"value": "a", "type": "work", "primary": false}, {"value": "b", "type": "home"}, {"value": "c", "primary": true},
        ]}),
    );
    check(both.clone(), add("emails", json!({"value": "b", "type": "home"})), both);
}

#[test]
fn members() {
    let two = json!({"members": [{"value": "1", "type": "User"}, {"value": "2"}]});
    check(two.clone(), remove(r#"members[value eq "1"]"#), json!({"members": [{"value": "2"}]}));
    let by_list = PatchOperation { value: Some(json!([{"value": "2"}])), ..remove("members") };
    check(two.clone(), by_list, json!({"members": [{"value": "1", "type": "User"}]}));
    check(two.clone(), remove("members"), json!({}));
    check(json!({}), add("members", json!([{"value": "3"}])), json!({"members": [{"value": "3"}]}));
    check(two, replace("members", json!([])), json!({}));
}

#[test]
fn an_address_without_a_type_is_changed_where_it_is() {
    check(
        json!({"emails": [{"value": "a", "primary": true}]}),
        replace(r#"emails[type eq "work"].value"#, json!("b")),
        json!({"emails": [{"value": "b", "primary": true}]}),
    );
}

proptest! {
    /// What was written is read back, whatever there was before; and nothing is written twice.
    #[test]
    fn a_value_that_was_put_there_is_there(path in any_path(), text in "[a-z]{1,8}", other in "[a-z]{1,8}") {
        use crate::directory::scim::wire::Resource;
        prop_assume!(!path.is_core("id") && !path.attribute().eq_ignore_ascii_case("id"));
        // An `or` says not what a new element should be.
        prop_assume!(path.filter().is_none_or(|filter| filter.demands().is_some()));
        let overwritten = |key: &str| path.sub().unwrap_or("value").eq_ignore_ascii_case(key);
        let demands = path.filter().and_then(Filter::demands).unwrap_or_default();
        let mut keys: Vec<String> = demands.iter().map(|(key, _)| key.to_ascii_lowercase()).collect();
        keys.sort();
        keys.dedup();
        prop_assume!(keys.len() == demands.len() && !demands.iter().any(|(key, _)| overwritten(key)));
        let value = |text: &str| if path.filter().is_some() && path.sub().is_none() { json!({"value": text}) } else { json!(text) };
        let operations = [PatchOperation::replace(path.clone(), value(&other)), PatchOperation::replace(path.clone(), value(&text))];
        let mut done = applied(&map(&json!({"id": "1"})), &operations);
        let resource = Resource::read(&Value::Object(done.clone())).expect("a resource");
        prop_assert_eq!(resource.values(&path), vec![text]);
        apply(&mut done, &PatchOperation::remove(path.elements()));
        prop_assert_eq!(Value::Object(done), json!({"id": "1"}));
    }
}
