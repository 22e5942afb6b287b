use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::directory::scim::ScimSettings;
use crate::directory::scim::path::AttributePath;
use crate::directory::scim::preset::Preset;
use crate::directory::scim::service::SchemaTable;
use crate::directory::scim::service::Service;
use crate::directory::scim::transport::Auth;
use crate::directory::scim::url::BaseUrl;
use crate::directory::scim::wire::PatchOp;
use crate::directory::scim::wire::PatchOperation;
use crate::directory::scim::wire::Resource;
use crate::directory::scim::wire::applied;
use crate::directory::scim::wire::urn;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Schema;
use crate::roster::change::Change;
use crate::roster::secret::Secret;

mod change;
mod quirks;
mod round;

fn service() -> Service {
    let base = BaseUrl::parse("https://scim.example.org/v2/").expect("a URL");
    Service::conforming(&ScimSettings::new(base, Auth::None))
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
            "phoneNumbers": [{"value": "1", "type": "work"}, {"value": "2", "type": "mobile"}],
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
    let names = ["givenName", "sn", "mail", "active", "department", "manager"].map(AttributeName::new);
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
