//! What `/ServiceProviderConfig` says (RFC 7643 section 5), field by field: one that is missing or malformed makes none
//! of the others doubtful.

use serde_json::Value;

use crate::directory::scim::wire::lenient;

/// What a service says of itself; `None` where it says nothing that can be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    pub patch: Option<bool>,
    pub bulk: Option<bool>,
    pub bulk_operations: Option<u64>,
    pub bulk_payload: Option<u64>,
    pub filter: Option<bool>,
    pub filter_results: Option<u64>,
    pub change_password: Option<bool>,
    pub etag: Option<bool>,
    /// Paging by cursor and by index (RFC 9865 section 4).
    pub cursor: Option<bool>,
    pub index: Option<bool>,
    pub page_size: Option<u64>,
    /// The types of authentication, such as `oauthbearertoken`.
    pub schemes: Vec<String>,
}

impl Features {
    /// Reads them; `None` when there is nothing of such a document.
    pub fn read(value: &Value) -> Option<Self> {
        // Some answer with a list of one.
        let listed = lenient::of(value, "Resources").and_then(Value::as_array).or(value.as_array());
        let value = listed.map_or(value, |list| list.first().unwrap_or(&Value::Null));
        value.as_object()?;
        let part = |key: &str| lenient::of(value, key);
        // `"patch": true` is not what the RFC says, and cannot mean anything else.
        let supported = |key: &str| {
            let part = part(key)?;
            lenient::boolean(part).or_else(|| lenient::of(part, "supported").and_then(lenient::boolean))
        };
        let inner = |key: &str, field: &str| part(key).and_then(|part| lenient::of(part, field));
        // Nothing at all fits into 0: it stands for what was not filled in.
        let number = |key, field| inner(key, field).and_then(lenient::number).filter(|number| *number > 0);
        let flag = |key, field| inner(key, field).and_then(lenient::boolean);
        let schemes = part("authenticationSchemes").and_then(Value::as_array).into_iter().flatten();
        let found = Self {
            patch: supported("patch"),
            bulk: supported("bulk"),
            bulk_operations: number("bulk", "maxOperations"),
            bulk_payload: number("bulk", "maxPayloadSize"),
            filter: supported("filter"),
            filter_results: number("filter", "maxResults"),
            change_password: supported("changePassword"),
            etag: supported("etag"),
            cursor: flag("pagination", "cursor"),
            index: flag("pagination", "index"),
            page_size: number("pagination", "maxPageSize"),
            schemes: schemes.filter_map(|one| lenient::of(one, "type")?.as_str()).map(str::to_owned).collect(),
        };
        (found != Self::default()).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_field_is_read_by_itself() {
        // `bulk` without limits made a client lose PATCH and filters: goauthentik/authentik#25056.
        let found = Features::read(&json!({
            "patch": {"supported": true},
            "bulk": {"supported": false},
            "filter": {"supported": "True", "maxResults": "200"},
            "etag": "yes",
            "changePassword": null,
        }));
        let expected = Features {
            patch: Some(true),
            bulk: Some(false),
            filter: Some(true),
            filter_results: Some(200),
            ..Features::default()
        };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn other_shapes_that_cannot_mean_anything_else_are_read() {
        let read = |value: Value| Features::read(&value).expect("features");
        assert_eq!(read(json!({"PATCH": true})).patch, Some(true));
        assert_eq!(read(json!([{"patch": {"Supported": false}}])).patch, Some(false));
        assert_eq!(read(json!({"Resources": [{"patch": {"supported": true}}]})).patch, Some(true));
        let none = read(json!({"bulk": {"supported": true, "maxOperations": 0, "maxPayloadSize": -1}}));
        assert_eq!((none.bulk, none.bulk_operations, none.bulk_payload), (Some(true), None, None));
    }

    #[test]
    fn paging_is_read_as_rfc_9865_has_it() {
        let found = Features::read(&json!({"pagination": {
            "cursor": true, "index": false, "defaultPaginationMethod": "cursor", "defaultPageSize": 100,
            "maxPageSize": 250, "cursorTimeout": 3600,
        }}));
        let found = found.expect("features");
        assert_eq!((found.cursor, found.index, found.page_size), (Some(true), Some(false), Some(250)));
    }

    #[test]
    fn what_is_something_else_is_nothing() {
        for other in [json!(null), json!("<html>"), json!([]), json!({}), json!({"message": "ok"}), json!({"patch": 1})]
        {
            assert_eq!(Features::read(&other), None, "{other}");
        }
    }
}
