//! Documents as services give them.

use serde_json::json;

use super::*;
use crate::directory::scim::Preset;
use crate::directory::scim::transport::Auth;

fn settings() -> ScimSettings {
    ScimSettings::new(BaseUrl::parse("https://scim.example.org/scim/v2").expect("a base"), Auth::None)
}

fn answered(config: Value, types: Value, schemas: Value) -> Documents {
    Documents { config: Ok(config), types: Ok(types), schemas: Ok(schemas) }
}

fn absent(why: &str) -> Documents {
    let absent = || Err(Absent::Answer(why.to_owned()));
    Documents { config: absent(), types: absent(), schemas: absent() }
}

fn users_only() -> Value {
    json!([{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "User", "endpoint": "/Users",
            "schema": urn::USER}])
}

fn note<'s>(service: &'s Service, subject: &str) -> &'s Note {
    service.found.iter().find(|note| note.subject == subject).unwrap_or_else(|| panic!("{subject}"))
}

/// Shapes of scim2-server: everything is said, in lists.
#[test]
fn a_service_that_says_everything_is_taken_at_its_word() {
    let documents = answered(
        json!({"schemas": [urn::SERVICE_PROVIDER_CONFIG], "patch": {"supported": true},
               "bulk": {"supported": true, "maxOperations": 1000, "maxPayloadSize": 1048576},
               "filter": {"supported": true, "maxResults": 1000}, "changePassword": {"supported": true},
               "sort": {"supported": true}, "etag": {"supported": true},
               "authenticationSchemes": [{"type": "oauthbearertoken", "name": "b", "description": "b"}]}),
        json!({"schemas": [urn::LIST_RESPONSE], "totalResults": 2, "Resources": [
            {"id": "User", "name": "User", "endpoint": "/Users", "schema": urn::USER,
             "schemaExtensions": [{"schema": urn::ENTERPRISE_USER, "required": false}]},
            {"id": "Group", "name": "Group", "endpoint": "/Groups", "schema": urn::GROUP}]}),
        json!({"schemas": [urn::LIST_RESPONSE], "totalResults": 1, "Resources": [
            {"id": urn::USER, "name": "User", "attributes": [{"name": "userName", "type": "string", "required": true}]}]}),
    );
    let service = Service::of(&settings(), documents);
    assert!(service.patch && service.put && service.filter && service.etag && service.change_password);
    assert!(!service.cursor && service.paging);
    let bulk = service.bulk_limits().expect("bulk");
    // The configuration's 500 come first: a smaller batch is asked for by us.
    assert_eq!((bulk.operations.get(), bulk.payload.get()), (500, 1_048_576));
    assert_eq!(service.page_size.get(), 200);
    assert_eq!(service.users.to_string(), "https://scim.example.org/scim/v2/Users");
    assert_eq!(
        service.groups.as_ref().map(ToString::to_string).as_deref(),
        Some("https://scim.example.org/scim/v2/Groups")
    );
    assert!(service.has_extension(&urn::ENTERPRISE_USER.to_uppercase()));
    assert!(!service.has_extension("urn:example:custom"));
    assert!(service.schema.is_of_service());
    assert_eq!(note(&service, "authentication").text, "oauthbearertoken");
}

/// Polis has none of the three documents.
#[test]
fn a_service_that_says_nothing_is_tried() {
    let service = Service::of(&settings(), absent("there is nothing at this address (HTTP 404)"));
    assert!(service.patch && service.put && service.filter && service.paging && service.change_password);
    assert!(service.bulk.is_none() && !service.etag && !service.cursor);
    assert!(!service.schema.is_of_service());
    // Nobody has said that there is no such extension, nor what is not stored.
    assert!(service.has_extension(urn::ENTERPRISE_USER));
    assert_eq!(service.not_stored("urn:example:custom", "shoeSize", None), None);
    assert_eq!(service.users.to_string(), "https://scim.example.org/scim/v2/Users");
    assert!(service.groups.is_some());
    let note = note(&service, "/ServiceProviderConfig");
    assert_eq!((note.text.as_str(), note.origin), ("there is nothing at this address (HTTP 404)", Origin::Misread));
}

/// django-scim2 lists without `totalResults`, and gives paths from the root of the host.
#[test]
fn a_path_from_the_root_of_the_host_is_not_joined_twice() {
    let types = json!({"schemas": [urn::LIST_RESPONSE], "Resources": [
        {"name": "Group", "endpoint": "/scim/v2/Groups", "schema": urn::GROUP},
        {"name": "User", "endpoint": "/scim/v2/Users", "schema": urn::USER}]});
    let service = Service::of(&settings(), Documents { types: Ok(types), ..absent("401") });
    assert_eq!(service.users.to_string(), "https://scim.example.org/scim/v2/Users");
    // It names no extension, so there is none.
    assert_eq!(
        service.not_stored(urn::ENTERPRISE_USER, "department", None),
        Some(super::super::NotStored::NoExtension)
    );
}

/// canaille gives whole URLs, says that it ignores filters, and has 0 for what it does not say.
#[test]
fn whole_urls_are_followed_on_the_same_origin_only() {
    let types = |origin: &str| {
        json!([{"name": "User", "endpoint": format!("{origin}/people"), "schema": urn::USER},
               {"name": "Group", "endpoint": "https://elsewhere.example.org/Groups", "schema": urn::GROUP}])
    };
    let config = json!({"patch": {"supported": true}, "filter": {"supported": false, "maxResults": 0},
                        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0}});
    let documents = Documents { config: Ok(config), types: Ok(types("https://scim.example.org")), ..absent("404") };
    let service = Service::of(&settings(), documents);
    assert_eq!(service.users.to_string(), "https://scim.example.org/people");
    // Nobody is sent to another host with our token.
    assert_eq!(
        service.groups.as_ref().map(ToString::to_string).as_deref(),
        Some("https://scim.example.org/scim/v2/Groups")
    );
    assert!(service.found.iter().any(|note| note.origin == Origin::Misread && note.text.contains("Groups")));
    assert!(!service.filter && !service.can_filter());
    assert_eq!(service.page_size.get(), 200);
}

/// `open-webui` has bare arrays, and a page for people where there is nothing.
#[test]
fn bare_arrays_and_pages_are_no_obstacle() {
    let documents = Documents {
        config: Err(Absent::Answer("the answer is not JSON (HTTP 200)".to_owned())),
        types: Ok(users_only()),
        schemas: Ok(json!([{"id": urn::USER, "attributes": [{"name": "userName"}]}, "nonsense"])),
    };
    let service = Service::of(&settings(), documents);
    assert!(service.schema.is_of_service());
    // It has told all its types, and there are no groups among them.
    assert!(service.groups.is_none());
    assert_eq!(note(&service, "groups").origin, Origin::Service);
}

#[test]
fn what_a_document_does_not_hold_is_said_and_leaves_the_others_alone() {
    let documents =
        answered(json!({"hello": 1}), json!({"Resources": "none"}), json!({"Resources": [{"id": urn::GROUP}]}));
    let service = Service::of(&settings(), documents);
    for subject in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"] {
        assert_eq!(note(&service, subject).origin, Origin::Misread, "{subject}");
    }
    assert!(service.patch && service.groups.is_some() && service.extensions.is_none());
}

#[test]
fn resource_types_are_known_by_schema_and_else_by_name_in_any_case() {
    let types = json!({"resources": [
        {"ID": "user", "endpoint": "/people", "schemaExtensions": ["urn:example:custom"]},
        {"Name": "GROUP", "Schema": urn::GROUP.to_lowercase()}]});
    let service = Service::of(&settings(), Documents { types: Ok(types), ..absent("404") });
    assert_eq!(service.users.to_string(), "https://scim.example.org/scim/v2/people");
    assert_eq!(
        service.groups.as_ref().map(ToString::to_string).as_deref(),
        Some("https://scim.example.org/scim/v2/Groups")
    );
    assert!(service.has_extension("urn:example:custom") && !service.has_extension(urn::ENTERPRISE_USER));
}

#[test]
fn every_capability_can_be_overridden() {
    let says = |is: bool| {
        json!({"patch": {"supported": is}, "bulk": {"supported": is}, "filter": {"supported": is},
               "etag": {"supported": is}, "changePassword": {"supported": is}, "pagination": {"cursor": is, "index": is}})
    };
    for own in [true, false] {
        let mut settings = settings();
        let overrides = &mut settings.overrides;
        overrides.patch = Some(own);
        overrides.put = Some(own);
        overrides.bulk = Some(own);
        overrides.filter = Some(own);
        overrides.etag = Some(own);
        overrides.change_password = Some(own);
        overrides.paging = Some(own);
        overrides.cursor = Some(own);
        overrides.groups = Some(own);
        overrides.extensions = Some(vec!["urn:example:custom".to_owned()]);
        overrides.users_path = Some("/people".to_owned());
        overrides.schema = Some(false);
        let documents = answered(says(!own), users_only(), json!([{"id": urn::USER, "attributes": [{"name": "x"}]}]));
        let service = Service::of(&settings, documents);
        let found = [
            service.patch,
            service.put,
            service.bulk.is_some(),
            service.filter,
            service.etag,
            service.change_password,
            service.paging,
            service.cursor,
            service.groups.is_some(),
        ];
        assert_eq!(found, [own; 9]);
        assert_eq!(service.users.to_string(), "https://scim.example.org/scim/v2/people");
        assert!(service.has_extension("urn:example:custom") && !service.has_extension(urn::ENTERPRISE_USER));
        assert!(!service.schema.is_of_service());
        assert!(note(&service, "PATCH").text.contains("though the service says"), "{:?}", service.found);
    }
}

#[test]
fn a_preset_comes_before_the_service_and_after_the_configuration() {
    let config = json!({"patch": {"supported": true}, "bulk": {"supported": true}, "filter": {"maxResults": 500}});
    let mut settings = settings();
    settings.preset = Preset::named("aws");
    let service = Service::of(&settings, Documents { config: Ok(config.clone()), ..absent("404") });
    assert!(service.bulk.is_none());
    assert_eq!((service.page_size.get(), note(&service, "bulk requests").origin), (50, Origin::Preset));
    let not_stored = super::super::NotStored::Preset;
    assert_eq!(service.not_stored(urn::USER, "photos", Some("value")), Some(not_stored));
    settings.overrides.bulk = Some(true);
    settings.page_size = NonZeroUsize::new(20);
    let service = Service::of(&settings, Documents { config: Ok(config), ..absent("404") });
    assert_eq!(service.bulk_limits().map(|limits| limits.payload), Some(PAYLOAD));
    assert_eq!(service.page_size.get(), 20);
}

#[test]
fn limits_are_the_smallest_of_all_that_are_said() {
    let config = json!({"filter": {"supported": true, "maxResults": 120}, "pagination": {"maxPageSize": "75"},
                        "bulk": {"supported": true, "maxOperations": "10", "maxPayloadSize": 4096}});
    let service = Service::of(&settings(), Documents { config: Ok(config), ..absent("404") });
    assert_eq!(service.page_size.get(), 75);
    let limits = service.bulk_limits().expect("bulk");
    assert_eq!((limits.operations.get(), limits.payload.get()), (10, 4096));
    let mut left_alone = settings();
    left_alone.bulk = false;
    let config = json!({"bulk": {"supported": true}});
    assert!(Service::of(&left_alone, Documents { config: Ok(config), ..absent("404") }).bulk.is_none());
}

#[test]
fn paging_by_cursor_alone_is_paging() {
    let paged = |pagination: Value| {
        let config = json!({"pagination": pagination});
        let service = Service::of(&settings(), Documents { config: Ok(config), ..absent("404") });
        (service.paging, service.cursor)
    };
    assert_eq!(paged(json!({"cursor": true, "index": false})), (true, true));
    assert_eq!(paged(json!({"cursor": false, "index": false})), (false, false));
    assert_eq!(paged(json!({"cursor": true})), (true, true));
}

#[test]
fn what_turns_out_otherwise_is_news_once() {
    use super::super::Capability;
    use super::super::Downgrade;
    let service = Service::of(&settings(), Documents::default());
    assert!(service.can_patch());
    assert!(service.downgrade(Capability::Patch, "501"));
    assert!(!service.downgrade(Capability::Patch, "501 again"));
    assert!(!service.can_patch() && service.patch && service.can_put());
    let path = format!("{}:department", urn::ENTERPRISE_USER);
    assert!(service.downgrades.refuse_attribute(&path, "not stored".to_owned()));
    assert!(!service.downgrades.refuse_attribute(&path.to_uppercase(), "not stored".to_owned()));
    assert_eq!(service.downgrades.refused_attribute(&path).as_deref(), Some("not stored"));
    assert_eq!(
        service.downgrades.all(),
        [
            Downgrade::Capability(Capability::Patch, "501".to_owned()),
            Downgrade::Attribute(path, "not stored".to_owned())
        ]
    );
}
