//! What the fault server says of itself (RFC 7644 section 4), and the attributes that it knows (RFC 7643 section 4).

use serde_json::Value;
use serde_json::json;

use super::quirks::Discovery;
use super::quirks::Quirks;

pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// An extension that this service alone has.
pub const OWN: &str = "urn:example:params:scim:schemas:extension:directory:2.0:User";

/// What an attribute is like.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    pub schema: &'static str,
    pub name: &'static str,
    pub kind: &'static str,
    pub is_multi: bool,
    pub is_read_only: bool,
    subs: &'static [&'static str],
}

const fn plain(schema: &'static str, name: &'static str, kind: &'static str) -> Rule {
    Rule { schema, name, kind, is_multi: false, is_read_only: false, subs: &[] }
}

const fn multi(schema: &'static str, name: &'static str, subs: &'static [&'static str]) -> Rule {
    Rule { is_multi: true, subs, ..plain(schema, name, if subs.is_empty() { "string" } else { "complex" }) }
}

const VALUE: &[&str] = &["value", "display", "type", "primary"];
const NAME: &[&str] = &["formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"];
const ADDRESS: &[&str] =
    &["formatted", "streetAddress", "locality", "region", "postalCode", "country", "type", "primary"];

const RULES: &[Rule] = &[
    plain(USER, "userName", "string"),
    Rule { subs: NAME, ..plain(USER, "name", "complex") },
    plain(USER, "displayName", "string"),
    plain(USER, "nickName", "string"),
    plain(USER, "profileUrl", "reference"),
    plain(USER, "title", "string"),
    plain(USER, "userType", "string"),
    plain(USER, "preferredLanguage", "string"),
    plain(USER, "locale", "string"),
    plain(USER, "timezone", "string"),
    plain(USER, "active", "boolean"),
    plain(USER, "password", "string"),
    multi(USER, "emails", VALUE),
    multi(USER, "phoneNumbers", VALUE),
    multi(USER, "ims", VALUE),
    multi(USER, "photos", VALUE),
    multi(USER, "addresses", ADDRESS),
    Rule { is_read_only: true, ..multi(USER, "groups", &["value", "$ref", "display", "type"]) },
    multi(USER, "entitlements", VALUE),
    multi(USER, "roles", VALUE),
    multi(USER, "x509Certificates", VALUE),
    plain(GROUP, "displayName", "string"),
    multi(GROUP, "members", &["value", "$ref", "type", "display"]),
    plain(ENTERPRISE, "employeeNumber", "string"),
    plain(ENTERPRISE, "costCenter", "string"),
    plain(ENTERPRISE, "organization", "string"),
    plain(ENTERPRISE, "division", "string"),
    plain(ENTERPRISE, "department", "string"),
    Rule { subs: &["value", "$ref", "displayName"], ..plain(ENTERPRISE, "manager", "complex") },
    plain(OWN, "description", "string"),
    multi(OWN, "departments", &[]),
    multi(OWN, "reviewers", &["value", "display"]),
    Rule { kind: "binary", ..multi(OWN, "portraits", &[]) },
    plain(OWN, "mustChangePassword", "boolean"),
];

/// Attributes of every resource (RFC 7643 section 3.1).
const COMMON: &[Rule] = &[
    Rule { is_read_only: true, ..plain("", "id", "string") },
    plain("", "externalId", "string"),
    Rule { is_read_only: true, ..plain("", "meta", "complex") },
    Rule { is_multi: true, ..plain("", "schemas", "string") },
];

/// Returns the rule of an attribute; `None`: there is no such attribute.
pub fn rule(urn: Option<&str>, attribute: &str) -> Option<&'static Rule> {
    let is_meant = |rule: &&Rule| match urn {
        Some(urn) => rule.schema.eq_ignore_ascii_case(urn),
        None => [USER, GROUP, ""].contains(&rule.schema),
    };
    RULES.iter().chain(COMMON).filter(is_meant).find(|rule| rule.name.eq_ignore_ascii_case(attribute))
}

fn described(rule: &Rule) -> Value {
    let is_secret = rule.name == "password";
    let subs: Vec<Value> = rule
        .subs
        .iter()
        .map(|name| {
            let kind = if *name == "primary" { "boolean" } else { "string" };
            attribute(name, kind, false, "readWrite", "default")
        })
        .collect();
    let mutability = match (is_secret, rule.is_read_only) {
        (true, _) => "writeOnly",
        (_, true) => "readOnly",
        _ => "readWrite",
    };
    let returned = if is_secret { "never" } else { "default" };
    let mut described = attribute(rule.name, rule.kind, rule.is_multi, mutability, returned);
    if !subs.is_empty() {
        described["subAttributes"] = Value::from(subs);
    }
    if rule.name == "userName" {
        described["required"] = true.into();
        described["uniqueness"] = "server".into();
    }
    described
}

fn attribute(name: &str, kind: &str, is_multi: bool, mutability: &str, returned: &str) -> Value {
    json!({
        "name": name, "type": kind, "multiValued": is_multi, "description": name, "required": false, "caseExact": false,
        "mutability": mutability, "returned": returned, "uniqueness": "none",
    })
}

pub fn service_provider_config(quirks: &Quirks) -> Value {
    let feature = |supported: bool| json!({ "supported": supported });
    let bulk = quirks.bulk.map_or_else(
        || {
            if quirks.discovery == Discovery::Bare {
                feature(false)
            } else {
                json!({ "supported": false, "maxOperations": 0, "maxPayloadSize": 0 })
            }
        },
        |bulk| json!({ "supported": true, "maxOperations": bulk.operations, "maxPayloadSize": bulk.payload }),
    );
    let mut config = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": feature(quirks.patch), "bulk": bulk,
        "filter": { "supported": quirks.filter, "maxResults": quirks.page_max },
        "changePassword": feature(quirks.change_password), "sort": feature(false), "etag": feature(quirks.etag),
        "authenticationSchemes": [{ "type": "oauthbearertoken", "name": "Bearer", "description": "A token" }],
    });
    if quirks.cursor {
        config["pagination"] = json!({
            "cursor": true, "index": false, "defaultPaginationMethod": "cursor",
            "defaultPageSize": quirks.page_max, "maxPageSize": quirks.page_max,
        });
    }
    if quirks.discovery == Discovery::Bare {
        config["filter"] = feature(quirks.filter);
    }
    config
}

pub fn resource_types(quirks: &Quirks) -> Vec<Value> {
    let mut extensions = Vec::new();
    if quirks.enterprise {
        extensions.push(json!({ "schema": ENTERPRISE, "required": false }));
    }
    if quirks.extension {
        extensions.push(json!({ "schema": OWN, "required": false }));
    }
    let schemas = ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"];
    let user = json!({
        "schemas": schemas, "id": "User", "name": "User", "endpoint": "/Users", "schema": USER,
        "schemaExtensions": extensions,
    });
    let group = json!({ "schemas": schemas, "id": "Group", "name": "Group", "endpoint": "/Groups", "schema": GROUP });
    if quirks.groups { vec![user, group] } else { vec![user] }
}

pub fn schemas(quirks: &Quirks) -> Vec<Value> {
    let mut urns = vec![USER];
    urns.extend(quirks.groups.then_some(GROUP));
    urns.extend(quirks.enterprise.then_some(ENTERPRISE));
    urns.extend(quirks.extension.then_some(OWN));
    urns.into_iter()
        .map(|urn| {
            let attributes: Vec<Value> = RULES.iter().filter(|rule| rule.schema == urn).map(described).collect();
            json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": urn,
                "name": urn.rsplit(':').next(), "attributes": attributes,
            })
        })
        .collect()
}
