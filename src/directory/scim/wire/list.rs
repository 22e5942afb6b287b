//! Lists of resources (RFC 7644 section 3.4.2), with cursors (RFC 9865).

use std::fmt;

use serde_json::Value;

use super::Misread;
use super::lenient;
use super::urn;

/// One page of a list. Of what it says about itself, nothing is sure but that `resources` were there. `Debug` does not
/// show them.
#[derive(Clone, Default, PartialEq)]
pub struct ListResponse<'v> {
    /// How many resources match, if the service says so.
    pub total_results: Option<u64>,
    /// The place of the first one, counted from 1, if the service says so.
    pub start_index: Option<u64>,
    /// What the service says that there are on the page; some repeat what was asked for.
    pub items_per_page: Option<u64>,
    /// Where the next page begins (RFC 9865 section 2); none on the last one.
    pub next_cursor: Option<&'v str>,
    /// The resources.
    pub resources: Vec<&'v Value>,
}

impl<'v> ListResponse<'v> {
    /// Reads a list, or a bare array. An object that neither has resources nor says how many there are is none.
    pub fn read(value: &'v Value) -> Result<Self, Misread> {
        if let Value::Array(resources) = value {
            return Ok(Self { resources: resources.iter().collect(), ..Self::default() });
        }
        if !value.is_object() {
            return Err(Misread::NotAList);
        }
        let number = |key| lenient::of(value, key).and_then(lenient::number);
        let total_results = number("totalResults");
        let resources = match lenient::of(value, "Resources") {
            Some(Value::Array(resources)) => resources.iter().collect(),
            Some(_) => return Err(Misread::NotAList),
            // Left out when there are none (RFC 7644 section 3.4.2).
            None if total_results.is_some() || says_so(value) => Vec::new(),
            None => return Err(Misread::NotAList),
        };
        Ok(Self {
            total_results,
            start_index: number("startIndex"),
            items_per_page: number("itemsPerPage"),
            next_cursor: lenient::of(value, "nextCursor").and_then(Value::as_str).filter(|cursor| !cursor.is_empty()),
            resources,
        })
    }
}

impl fmt::Debug for ListResponse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListResponse")
            .field("total_results", &self.total_results)
            .field("start_index", &self.start_index)
            .field("n_resources", &self.resources.len())
            .finish_non_exhaustive()
    }
}

fn says_so(value: &Value) -> bool {
    let Some(Value::Array(schemas)) = lenient::of(value, "schemas") else { return false };
    schemas.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(urn::LIST_RESPONSE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> ListResponse<'_> {
        ListResponse::read(value).unwrap_or_else(|fault| panic!("{value}: {fault}"))
    }

    #[test]
    fn a_list_of_scim2_server() {
        let value = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": 10, "startIndex": 1, "itemsPerPage": 2,
            "Resources": [{"id": "1", "userName": "a"}, {"id": "2", "userName": "b"}],
        });
        let list = read(&value);
        assert_eq!((list.total_results, list.start_index, list.items_per_page), (Some(10), Some(1), Some(2)));
        assert_eq!(list.resources.len(), 2);
        assert_eq!(list.next_cursor, None);
    }

    /// django-scim2 leaves `totalResults` out of `/ResourceTypes` and `/Schemas`.
    #[test]
    fn a_list_need_not_say_how_long_it_is() {
        let value = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "Resources": [{"id": "Group", "endpoint": "/scim/v2/Groups"}, {"id": "User", "endpoint": "/scim/v2/Users"}],
        });
        assert_eq!((read(&value).total_results, read(&value).resources.len()), (None, 2));
    }

    /// open-webui answers discovery with bare arrays; Entra calls the key `resources`; some services write numbers as
    /// text, and leave `Resources` out or make it `null` when there are none.
    #[test]
    fn lists_in_other_forms() {
        assert_eq!(read(&json!([{"id": "User"}, {"id": "Group"}])).resources.len(), 2);
        assert_eq!(read(&json!([])).resources.len(), 0);
        let lower = json!({"totalResults": "3", "itemsPerPage": "1", "StartIndex": "2", "resources": [{"id": 7}]});
        let list = read(&lower);
        assert_eq!((list.total_results, list.start_index, list.items_per_page), (Some(3), Some(2), Some(1)));
        assert_eq!(list.resources, [&json!({"id": 7})]);
        for none in [
            json!({"totalResults": 0}),
            json!({"totalResults": 0, "Resources": null}),
            json!({"schemas": ["URN:ietf:params:scim:api:messages:2.0:ListResponse"]}),
        ] {
            assert_eq!(read(&none).resources.len(), 0, "{none}");
        }
    }

    /// RFC 9865 section 2.1.
    #[test]
    fn a_cursor_says_where_the_next_page_begins() {
        let value =
            json!({"totalResults": 5, "itemsPerPage": 2, "nextCursor": "VZUTiyhEQJ94IR", "Resources": [{"id": 1}]});
        assert_eq!(read(&value).next_cursor, Some("VZUTiyhEQJ94IR"));
        for last in [json!({"totalResults": 5, "nextCursor": ""}), json!({"totalResults": 5, "nextCursor": null})] {
            assert_eq!(read(&last).next_cursor, None, "{last}");
        }
    }

    /// Nothing of this may ever be taken for "there is nobody".
    #[test]
    fn what_is_no_list_is_misread() {
        for value in [
            json!({}),
            json!(null),
            json!("<html>"),
            json!({"id": "1", "userName": "ann"}),
            json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "500"}),
            json!({"totalResults": 1, "Resources": {"id": "1"}}),
            json!({"totalResults": "many"}),
            json!({"schemas": "urn:ietf:params:scim:api:messages:2.0:ListResponse"}),
        ] {
            assert_eq!(ListResponse::read(&value), Err(Misread::NotAList), "{value}");
        }
    }

    proptest! {
        #[test]
        fn every_resource_of_a_page_is_delivered(ids in proptest::collection::vec(any::<u32>(), 0..20), total in any::<u64>()) {
            let resources: Vec<Value> = ids.iter().map(|id| json!({ "id": id })).collect();
            let value = json!({ "totalResults": total, "Resources": resources });
            let list = read(&value);
            prop_assert_eq!(list.total_results, Some(total));
            prop_assert_eq!(list.resources, resources.iter().collect::<Vec<_>>());
        }
    }
}
