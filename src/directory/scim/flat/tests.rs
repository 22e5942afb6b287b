use proptest::prelude::*;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::directory::scim::ScimSettings;
use crate::directory::scim::path::AttributePath;
use crate::directory::scim::preset::Preset;
use crate::directory::scim::service::SchemaTable;
use crate::directory::scim::service::Service;
use crate::directory::scim::wire::PatchOp;
use crate::directory::scim::wire::PatchOperation;
use crate::directory::scim::wire::Resource;
use crate::directory::scim::wire::applied;
use crate::directory::scim::transport::Auth;
use crate::directory::scim::url::BaseUrl;
use crate::directory::scim::wire::urn;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Schema;
use crate::roster::change::Change;
use crate::roster::diff;
use crate::roster::diff::Policy;
use crate::roster::secret::Secret;

mod quirks;

fn service() -> Service {
    Service::conforming(&ScimSettings::new(BaseUrl::parse("https://scim.example.org/v2/").expect("a URL"), Auth::None))
}

fn of(pairs: &[(&str, &[&str])]) -> Attributes {
    pairs.iter().map(|(name, values)| (*name, values.to_vec())).collect()
}

fn new(attributes: &Attributes) -> NewAccount<'_> {
    NewAccount { username: "ann", attributes, external_id: None, password: None, must_change: None, active: true }
}

fn body(attributes: &[(&str, &[&str])], service: &Service) -> Value {
    let attributes = of(attributes);
    resource_of(&new(&attributes), service).unwrap_or_else(|fault| panic!("{fault}")).sent
}

fn resource(value: &Value) -> Resource {
    Resource::read(value).unwrap_or_else(|fault| panic!("{value}: {fault}"))
}

/// What the service shows of an account with these attributes.
fn shown(body: &Value) -> Resource {
    let mut shown = body.as_object().expect("an object").clone();
    shown.insert("id".to_owned(), json!("7"));
    shown.shift_remove("password");
    resource(&Value::Object(shown))
}

fn read(resource: &Resource, names: &[&str], service: &Service) -> ExistingAccount {
    let schema = Schema::new(names.iter().map(|name| AttributeName::new(name)));
    account_of(resource, &Paths::new(&schema, None, &service.schema).expect("places"))
}

fn change(name: &str, old: &[&str], new: &[&str]) -> Change {
    let octets = |values: &[&str]| values.iter().map(|value| value.as_bytes().into()).collect();
    Change { attribute: AttributeName::new(name), old: octets(old), new: octets(new) }
}

fn operations(changes: &[Change], existing: Option<&Resource>, service: &Service) -> Vec<PatchOperation> {
    let changed = Changed { changes, ..Changed::default() };
    changes_of(&changed, existing, service).unwrap_or_else(|fault| panic!("{fault}")).sent
}

/// The operations as JSON, without what is around them.
fn patch(changes: &[Change], existing: Option<&Resource>) -> Value {
    PatchOp::from(operations(changes, existing, &service())).to_value()["Operations"].clone()
}

fn ann() -> Value {
    json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER],
        "id": "7",
        "meta": {"resourceType": "User", "version": "W/\"1\""},
        "userName": "ann",
        "name": {"givenName": "Ann", "familyName": "Bee"},
        "title": "Clerk",
        "emails": [{"value": "ann@x.org", "type": "work", "primary": true}, {"value": "ann@home.org", "type": "home"}],
        "roles": [{"value": "a", "display": "A"}, {"value": "b"}],
        "active": true,
        "nickName": null,
        "groups": [{"value": "g"}],
        urn::ENTERPRISE_USER: {"department": "R&D", "manager": {"value": "1", "displayName": "Eve"}},
    })
}

#[test]
fn a_new_account_has_everything_in_its_place() {
    let attributes = of(&[
        ("givenName", &["Ann"]),
        ("sn", &["Bee"]),
        ("cn", &["Ann Bee"]),
        ("displayName", &["Ann Bee"]),
        ("mail", &["ann@x.org"]),
        ("telephoneNumber", &["1"]),
        ("mobile", &["2"]),
        ("street", &["Elm 1"]),
        ("l", &["Town"]),
        ("title", &["Clerk"]),
        ("nickName", &[]),
        ("roles", &["a", "b"]),
        ("employeeNumber", &["17"]),
        ("manager", &["26118915"]),
        ("urn:example:school:1.0:User:room", &["3b"]),
    ]);
    let must_change = AttributePath::parse("urn:example:school:1.0:User:mustChange").expect("a path");
    let secret = Secret::from("Tr0ub4dor");
    let account = NewAccount {
        external_id: Some("17"),
        password: Some(&secret),
        must_change: Some((&must_change, true)),
        ..new(&attributes)
    };
    let Ok(Written { sent, left_out }) = resource_of(&account, &service()) else { panic!("it can be written") };
    assert_eq!(left_out, []);
    assert_eq!(
        sent,
        json!({
            "schemas": [urn::USER, "urn:example:school:1.0:User", urn::ENTERPRISE_USER],
            "userName": "ann",
            "password": "Tr0ub4dor",
            "externalId": "17",
            "active": true,
            "name": {"givenName": "Ann", "familyName": "Bee", "formatted": "Ann Bee"},
            "displayName": "Ann Bee",
            "emails": [{"value": "ann@x.org", "type": "work", "primary": true}],
            "phoneNumbers": [{"value": "2", "type": "mobile"}, {"value": "1", "type": "work"}],
            "addresses": [{"locality": "Town", "type": "work", "streetAddress": "Elm 1"}],
            "title": "Clerk",
            "roles": [{"value": "a"}, {"value": "b"}],
            urn::ENTERPRISE_USER: {"employeeNumber": "17", "manager": {"value": "26118915"}},
            // Nobody has said what type this is.
            "urn:example:school:1.0:User": {"room": "3b", "mustChange": "true"},
        })
        .as_object()
        .map(|wanted| sorted_as(wanted, &sent))
        .expect("an object")
    );
}

/// Returns `wanted` with its schemas in the order of `sent`, which is that of the attributes' names.
fn sorted_as(wanted: &Map<String, Value>, sent: &Value) -> Value {
    let mut wanted = wanted.clone();
    let mut schemas: Vec<String> =
        wanted["schemas"].as_array().into_iter().flatten().filter_map(|urn| Some(urn.as_str()?.to_owned())).collect();
    let place = |urn: &String| sent["schemas"].as_array().and_then(|all| all.iter().position(|other| other == urn));
    schemas.sort_by_key(place);
    wanted.insert("schemas".to_owned(), json!(schemas));
    Value::Object(wanted)
}

#[test]
fn values_have_the_type_that_the_schema_asks_for() {
    let mut service = service();
    let schemas = json!([{"id": urn::USER, "attributes": [
        {"name": "userName"},
        {"name": "active", "type": "boolean"},
        {"name": "floor", "type": "integer"},
        {"name": "share", "type": "decimal"},
        {"name": "badge", "type": "binary"},
        {"name": "remote", "type": "boolean"},
        {"name": "desks", "type": "integer", "multiValued": true},
    ]}]);
    service.schema = SchemaTable::read(schemas.as_array().expect("a list")).expect("schemas");
    let wanted: &[(&str, &[&str])] =
        &[("floor", &["3"]), ("share", &["0.5"]), ("badge", &["abc"]), ("remote", &["yes"]), ("desks", &["1", "2"])];
    let body = body(wanted, &service);
    assert_eq!(
        (&body["floor"], &body["share"], &body["badge"], &body["remote"], &body["desks"]),
        (&json!(3), &json!(0.5), &json!("YWJj"), &json!(true), &json!([1, 2]))
    );
    let account = read(&shown(&body), &["floor", "share", "badge", "remote", "desks"], &service);
    assert_eq!(
        account.attributes,
        of(&[
            ("floor", &["3"]),
            ("share", &["0.5"]),
            ("badge", &["abc"]),
            ("remote", &["true"]),
            ("desks", &["1", "2"])
        ])
    );
    for (name, value) in [("floor", "three"), ("remote", "maybe"), ("share", "NaN"), ("desks", "1.5")] {
        let attributes = of(&[(name, &[value])]);
        let Err(fault) = resource_of(&new(&attributes), &service) else { panic!("{name}") };
        assert!(matches!(fault.why, Why::Value { .. }), "{fault}");
    }
    let stored =
        unstored(&shown(&body), &[change("remote", &[], &["Yes"]), change("floor", &[], &["04"])], &service.schema)
            .len();
    assert_eq!(stored, 1, "only the floor is another one");
}

#[test]
fn what_cannot_be_written_is_said() {
    let why = |pairs: &[(&str, &[&str])]| {
        let attributes = of(pairs);
        match resource_of(&new(&attributes), &service()) {
            Ok(_) => panic!("{pairs:?}"),
            Err(fault) => fault.why,
        }
    };
    assert_eq!(why(&[("title", &["a", "b"])]), Why::Several(2));
    assert_eq!(why(&[("mail", &["a@x.org", "b@x.org"])]), Why::Several(2));
    for own in ["id", "password", "groups", "meta", "schemas"] {
        assert_eq!(why(&[(own, &["a"])]), Why::Own, "{own}");
    }
    assert!(matches!(why(&[("a b", &["a"])]), Why::Path(_)));
    assert_eq!(
        why(&[("department", &["a"]), ("departmentNumber", &["b"])]),
        Why::Twice(AttributeName::new("department"))
    );
    let attributes = Schema::new([AttributeName::new("title")]).pack([("title", [&[0xff, 0xd8][..]])]);
    assert!(resource_of(&new(&attributes), &service()).is_err());
    // The login name is there anyway.
    assert_eq!(body(&[("uid", &["eve"])], &service())["userName"], json!("ann"));
}

#[test]
fn an_account_is_read() {
    let ann = resource(&ann());
    let names = ["givenName", "mail", "roles", "department", "manager", "title", "nickName", "telephoneNumber"];
    let account = read(&ann, &names, &service());
    assert_eq!((&*account.id.locator, &*account.id.stable, &*account.username), ("7", "7", "ann"));
    assert!(account.enabled);
    assert_eq!(account.must_change, None);
    assert_eq!(
        account.attributes,
        of(&[
            ("givenName", &["Ann"]),
            ("mail", &["ann@x.org"]),
            ("roles", &["a", "b"]),
            ("department", &["R&D"]),
            ("manager", &["1"]),
            ("title", &["Clerk"]),
        ])
    );
    let off = resource(&json!({"id": 8, "active": "False", "urn:example:school:1.0:User": {"mustChange": "True"}}));
    let must_change = AttributePath::parse("urn:example:school:1.0:User:mustChange").expect("a path");
    let paths = Paths::new(&Schema::default(), Some(&must_change), &service().schema).expect("places");
    let account = account_of(&off, &paths);
    assert_eq!((account.enabled, account.must_change, &*account.username), (false, Some(true), ""));
    assert!(account_of(&resource(&json!({"id": 9})), &paths).enabled);
}

#[test]
fn whole_attributes_are_asked_for_once() {
    let names = ["givenName", "sn", "mail", "active", "department", "manager"].map(|name| AttributeName::new(name));
    let paths = Paths::new(&Schema::new(names), None, &service().schema).expect("places");
    assert_eq!(
        paths.projection(),
        [
            "userName",
            "externalId",
            "active",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
            "name",
            "emails",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        ]
    );
}

#[test]
fn a_change_is_one_operation_with_its_path() {
    let ann = resource(&ann());
    let changes = [
        change("givenName", &["Ann"], &["Anne"]),
        change("title", &["Clerk"], &[]),
        change("mail", &["ann@x.org"], &["anne@x.org"]),
        change("department", &["R&D"], &["Sales"]),
        change("manager", &["1"], &["2"]),
    ];
    let department = format!("{}:department", urn::ENTERPRISE_USER);
    let manager = format!("{}:manager.value", urn::ENTERPRISE_USER);
    assert_eq!(
        patch(&changes, Some(&ann)),
        json!([
            {"op": "replace", "path": "name.givenName", "value": "Anne"},
            {"op": "remove", "path": "title"},
            {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "anne@x.org"},
            {"op": "replace", "path": department, "value": "Sales"},
            {"op": "replace", "path": manager, "value": "2"},
        ])
    );
}

/// Values that stay keep what the service knows of them.
#[test]
fn several_values_are_replaced_together() {
    let changes = [change("roles", &["a", "b"], &["a", "c"])];
    assert_eq!(
        patch(&changes, Some(&resource(&ann()))),
        json!([{"op": "replace", "path": "roles", "value": [{"value": "a", "display": "A"}, {"value": "c"}]}])
    );
    assert_eq!(
        patch(&changes, None),
        json!([{"op": "replace", "path": "roles", "value": [{"value": "a"}, {"value": "c"}]}])
    );
    assert_eq!(patch(&[change("roles", &["a"], &[])], None), json!([{"op": "remove", "path": "roles"}]));
}

/// A service answers `noTarget` when a value is to be replaced that no filter selects (RFC 7644 section 3.5.2.3).
#[test]
fn a_value_that_no_filter_selects_is_added() {
    let added = json!([{"op": "add", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}]}]);
    let phone = [change("telephoneNumber", &[], &["1"])];
    assert_eq!(patch(&phone, Some(&resource(&ann()))), added);
    assert_eq!(patch(&phone, None), added);
    let bare = resource(&json!({"id": "7"}));
    assert_eq!(
        patch(&[change("mail", &[], &["a@x.org"])], Some(&bare)),
        json!([{"op": "add", "path": "emails", "value": [{"value": "a@x.org", "type": "work", "primary": true}]}])
    );
    // Somebody else has filled it in the meantime.
    assert_eq!(
        patch(&[change("mail", &[], &["a@x.org"])], Some(&resource(&ann()))),
        json!([{"op": "replace", "path": "emails[type eq \"work\"].value", "value": "a@x.org"}])
    );
    assert_eq!(
        patch(&[change("mail", &["a@x.org"], &[])], None),
        json!([{"op": "remove", "path": "emails[type eq \"work\"]"}])
    );
    assert_eq!(
        patch(&[change("l", &["Town"], &[])], None),
        json!([{"op": "remove", "path": "addresses[type eq \"work\"].locality"}])
    );
}

#[test]
fn switching_on_or_off_comes_last() {
    let secret = Secret::from("Tr0ub4dor");
    let must_change = AttributePath::parse("urn:example:school:1.0:User:mustChange").expect("a path");
    let changes = [change("title", &[], &["Clerk"])];
    let changed = Changed {
        changes: &changes,
        username: Some("anne"),
        password: Some(&secret),
        must_change: Some((&must_change, false)),
        enabled: Some(false),
    };
    let Ok(Written { sent, .. }) = changes_of(&changed, None, &service()) else { panic!("it can be written") };
    assert_eq!(
        PatchOp::from(sent).to_value()["Operations"],
        json!([
            {"op": "replace", "path": "userName", "value": "anne"},
            {"op": "replace", "path": "title", "value": "Clerk"},
            {"op": "replace", "path": "password", "value": "Tr0ub4dor"},
            {"op": "replace", "path": "urn:example:school:1.0:User:mustChange", "value": "false"},
            {"op": "replace", "path": "active", "value": false},
        ])
    );
    let renaming = [change("uid", &["ann"], &["anne"])];
    let fault = changes_of(&Changed { changes: &renaming, ..Changed::default() }, None, &service()).err();
    assert_eq!(fault.map(|fault| fault.why), Some(Why::Own));
}

#[test]
fn an_operation_can_be_one_on_the_whole_attribute() {
    let ann = resource(&ann());
    let whole = |changes: &[Change]| -> Vec<Value> {
        operations(changes, Some(&ann), &service()).iter().map(|one| whole_of(one, &ann).to_value()).collect()
    };
    let manager = format!("{}:manager", urn::ENTERPRISE_USER);
    assert_eq!(
        whole(&[
            change("givenName", &["Ann"], &["Anne"]),
            change("mail", &["ann@x.org"], &["anne@x.org"]),
            change("telephoneNumber", &[], &["1"]),
            change("title", &["Clerk"], &[]),
            change("manager", &["1"], &["2"]),
        ]),
        [
            json!({"op": "replace", "path": "name", "value": {"givenName": "Anne", "familyName": "Bee"}}),
            json!({"op": "replace", "path": "emails", "value": [
                {"value": "anne@x.org", "type": "work", "primary": true}, {"value": "ann@home.org", "type": "home"},
            ]}),
            json!({"op": "replace", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}]}),
            json!({"op": "remove", "path": "title"}),
            json!({"op": "replace", "path": manager, "value": {"value": "2", "displayName": "Eve"}}),
        ]
    );
}

/// RFC 7644 section 3.5.1: what is left out may be cleared, so that all of it goes back.
#[test]
fn a_put_sends_everything_back() {
    let existing = resource(&ann());
    let changes = [change("givenName", &["Ann"], &["Anne"]), change("department", &["R&D"], &[])];
    let service = service();
    assert_eq!(
        put_of(&existing, &operations(&changes, Some(&existing), &service), urn::USER, &service),
        json!({
            "schemas": [urn::USER, urn::ENTERPRISE_USER],
            "id": "7",
            "userName": "ann",
            "name": {"givenName": "Anne", "familyName": "Bee"},
            "title": "Clerk",
            "emails": ann()["emails"],
            "roles": ann()["roles"],
            "active": true,
            urn::ENTERPRISE_USER: {"manager": {"value": "1", "displayName": "Eve"}},
        })
    );
    let group = resource(&json!({"id": "g", "displayName": "Staff", "members": [{"value": "1"}], "meta": {}}));
    let remove = PatchOperation::remove(AttributePath::members());
    assert_eq!(
        put_of(&group, &[remove], urn::GROUP, &service),
        json!({"schemas": [urn::GROUP], "id": "g", "displayName": "Staff"})
    );
}

#[test]
fn a_service_that_changed_nothing_is_found_out() {
    let ann = resource(&ann());
    let names = |changes: &[Change]| -> Vec<String> {
        unstored(&ann, changes, &service().schema).iter().map(|change| change.attribute.to_string()).collect()
    };
    let changes = [
        change("givenName", &["Ann"], &["Anne"]),
        change("sn", &["Bie"], &["Bee"]),
        change("roles", &[], &["b", "a"]),
        change("title", &["Clerk"], &[]),
        change("nickName", &["A"], &[]),
    ];
    assert_eq!(names(&changes), ["givenName", "title"]);
    let decomposed = resource(&json!({"id": "7", "title": "Cafe\u{301}"}));
    assert!(unstored(&decomposed, &[change("title", &[], &["Caf\u{e9}"])], &service().schema).is_empty());
}

/// Attributes of a feed with one value each, but for roles.
fn any_attributes() -> impl Strategy<Value = Vec<(&'static str, Vec<String>)>> {
    let names = ["givenName", "sn", "cn", "title", "mail", "mobile", "l", "street", "department", "manager", "roles"];
    let value = "[a-zA-Z0-9 @.\"\\\\äß]{1,10}";
    proptest::sample::subsequence(names.to_vec(), 0..names.len()).prop_flat_map(move |names| {
        names
            .into_iter()
            .map(|name| {
                let most = if name == "roles" { 4 } else { 2 };
                proptest::collection::hash_set(value, 0..most)
                    .prop_map(move |values| (name, values.into_iter().collect()))
            })
            .collect::<Vec<_>>()
    })
}

proptest! {
    /// What was sent is read back as it was wanted, and then there is nothing more to change.
    #[test]
    fn an_account_that_was_created_needs_no_change(pairs in any_attributes()) {
        let service = service();
        let wanted: Attributes = pairs.iter().cloned().collect();
        let body = resource_of(&new(&wanted), &service).map_err(|fault| TestCaseError::fail(fault.to_string()))?.sent;
        let names: Vec<&str> = pairs.iter().map(|(name, _)| *name).collect();
        let account = read(&shown(&body), &names, &service);
        prop_assert_eq!(diff::changes(&account.attributes, &wanted, |_| Policy::Force), []);
    }

    /// The operations lead from what is there to what is wanted, by PATCH, by whole attributes and by PUT.
    #[test]
    fn operations_lead_to_what_is_wanted(before in any_attributes(), after in any_attributes()) {
        let service = service();
        let (before, wanted): (Attributes, Attributes) = (before.into_iter().collect(), after.iter().cloned().collect());
        let body = resource_of(&new(&before), &service).map_err(|fault| TestCaseError::fail(fault.to_string()))?.sent;
        let existing = shown(&body);
        let names: Vec<&str> = after.iter().map(|(name, _)| *name).collect();
        let changes = diff::changes(&read(&existing, &names, &service).attributes, &wanted, |_| Policy::Force);
        let patch = operations(&changes, Some(&existing), &service);
        prop_assert_eq!(patch.len(), changes.len());
        let done = |body: Map<String, Value>| -> Resource { resource(&Value::Object(body)) };
        let mut by_parts = existing.clone();
        for operation in &patch {
            by_parts = done(applied(by_parts.attributes(), &[whole_of(operation, &by_parts)]));
        }
        let put = put_of(&existing, &patch, urn::USER, &service);
        for after in [done(applied(existing.attributes(), &patch)), by_parts, resource(&put)] {
            let left = diff::changes(&read(&after, &names, &service).attributes, &wanted, |_| Policy::Force);
            prop_assert_eq!(left, []);
            prop_assert_eq!(unstored(&after, &changes, &service.schema).len(), 0);
        }
    }
}
