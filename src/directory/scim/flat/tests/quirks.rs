//! What services ask for, leave out and do without.

use super::*;

fn with_schema(attributes: &Value) -> Service {
    let schemas = json!([{ "id": urn::USER, "attributes": attributes }]);
    Service { schema: SchemaTable::read(schemas.as_array().expect("a list")).expect("schemas"), ..service() }
}

fn with_preset(name: &str) -> Service {
    Service { preset: Preset::named(name).expect("a preset"), ..service() }
}

fn left_out(attributes: &[(&str, &[&str])], service: &Service) -> Vec<(String, NotStored)> {
    let attributes = of(attributes);
    let written = resource_of(&new(&attributes), service).unwrap_or_else(|fault| panic!("{fault}"));
    written.left_out.into_iter().map(|one| (one.attribute.to_string(), one.why)).collect()
}

#[test]
fn what_the_service_would_not_store_is_left_out_and_told() {
    let mut service = with_schema(&json!([
        {"name": "userName"},
        {"name": "name", "type": "complex", "subAttributes": [{"name": "givenName"}, {"name": "formatted", "mutability": "readOnly"}]},
    ]));
    service.extensions = Some(Vec::new());
    let wanted: &[(&str, &[&str])] =
        &[("givenName", &["Ann"]), ("cn", &["x"]), ("title", &["x"]), ("department", &["x"])];
    let told = left_out(wanted, &service);
    assert_eq!(
        told,
        [
            ("cn".to_owned(), NotStored::ReadOnly),
            ("department".to_owned(), NotStored::NoExtension),
            ("title".to_owned(), NotStored::Unknown),
        ]
    );
    let sent = body(wanted, &service);
    assert_eq!((&sent["schemas"], &sent["name"]), (&json!([urn::USER]), &json!({"givenName": "Ann"})));
    assert!(sent.get("title").is_none() && sent.get(urn::ENTERPRISE_USER).is_none());
    let changes = [change("title", &[], &["x"]), change("givenName", &[], &["Anne"])];
    let Ok(written) = changes_of(&Changed { changes: &changes, ..Changed::default() }, None, &service) else {
        panic!("it can be written")
    };
    assert_eq!((written.sent.len(), written.left_out.len()), (1, 1));
}

#[test]
fn a_preset_says_what_is_not_stored() {
    assert_eq!(
        left_out(&[("entitlements", &["x"])], &with_preset("aws")),
        [("entitlements".to_owned(), NotStored::Preset)]
    );
    assert_eq!(left_out(&[("entitlements", &["x"])], &service()), []);
}

/// AWS asks for the primary one of everything.
#[test]
fn a_preset_asks_for_primary_values() {
    let wanted: &[(&str, &[&str])] = &[("telephoneNumber", &["1"])];
    assert_eq!(body(wanted, &with_preset("aws"))["phoneNumbers"][0]["primary"], json!(true));
    assert_eq!(body(wanted, &service())["phoneNumbers"][0].get("primary"), None);
}

/// AWS keeps one value of everything: that of work.
#[test]
fn a_preset_keeps_one_value() {
    let aws = with_preset("aws");
    let wanted: &[(&str, &[&str])] = &[("homePhone", &["2"]), ("mobile", &["3"]), ("telephoneNumber", &["1"])];
    let told = left_out(wanted, &aws);
    assert_eq!(told, [("homePhone".to_owned(), NotStored::Preset), ("mobile".to_owned(), NotStored::Preset)]);
    let sent = body(wanted, &aws);
    assert_eq!(sent["phoneNumbers"], json!([{"value": "1", "type": "work", "primary": true}]));
    let existing = shown(&sent);
    let changes =
        [change("mobile", &[], &["3"]), change("telephoneNumber", &["1"], &["4"]), change("pager", &["9"], &[])];
    let Ok(written) = changes_of(&Changed { changes: &changes, ..Changed::default() }, Some(&existing), &aws) else {
        panic!("it can be written")
    };
    assert_eq!(written.left_out.len(), 1);
    assert_eq!(written.sent.len(), 2);
    let attributes = of(&[("x509Certificates", &["a"]), ("emails", &["a@x.org", "b@x.org"])]);
    assert!(resource_of(&new(&attributes), &aws).is_err_and(|fault| fault.why == Why::Several(2)));
}

/// canaille: addresses are nothing but a `value`; `name.formatted` is required.
#[test]
fn elements_have_what_the_schema_knows() {
    let service = with_schema(&json!([
        {"name": "userName", "required": true},
        {"name": "name", "type": "complex", "required": true, "subAttributes": [
            {"name": "formatted", "required": true}, {"name": "familyName"}, {"name": "givenName"},
        ]},
        {"name": "displayName", "required": true},
        {"name": "emails", "type": "complex", "multiValued": true, "subAttributes": [{"name": "value"}]},
        {"name": "active", "type": "boolean"},
    ]));
    let sent = body(&[("givenName", &["Ann"]), ("sn", &["Bee"]), ("mail", &["ann@x.org"])], &service);
    assert_eq!(sent["emails"], json!([{"value": "ann@x.org"}]));
    assert_eq!(sent["name"], json!({"givenName": "Ann", "familyName": "Bee", "formatted": "Ann Bee"}));
    assert_eq!(sent["displayName"], json!("Ann Bee"));
    assert_eq!(body(&[], &service)["displayName"], json!("ann"));
    // The same address is found again.
    let account = read(&shown(&sent), &["mail"], &service);
    assert_eq!(account.attributes.first_text("mail"), Some("ann@x.org"));
    // A feed that has its own is not overruled.
    assert_eq!(body(&[("displayName", &["A. Bee"])], &service)["displayName"], json!("A. Bee"));
}

/// django-scim2 stores an address without a type: no filter reaches it, so that all addresses are replaced.
#[test]
fn an_address_without_a_type_is_replaced_with_all_others() {
    let existing = resource(&json!({"id": 1, "userName": "ann", "emails": [{"value": "ann@x.org", "primary": true}]}));
    assert_eq!(
        patch(&[change("mail", &["ann@x.org"], &["anne@x.org"])], Some(&existing)),
        json!([{"op": "replace", "path": "emails", "value": [{"value": "anne@x.org", "primary": true}]}])
    );
    assert_eq!(
        patch(&[change("mail", &["ann@x.org"], &[])], Some(&existing)),
        json!([{"op": "remove", "path": "emails"}])
    );
}
