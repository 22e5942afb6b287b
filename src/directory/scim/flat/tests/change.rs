//! From changes to operations, and to the body of a PUT.

use super::*;

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
