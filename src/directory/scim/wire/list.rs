//! Lists of resources (RFC 7644 section 3.4.2), with cursors (RFC 9865).

use serde_json::Value;

use super::Misread;
use super::lenient;
use super::urn;

/// One page of a list. Of what it says about itself, nothing is sure but that `resources` were there.
#[derive(Clone, Debug, Default, PartialEq)]
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

fn says_so(value: &Value) -> bool {
    let Some(Value::Array(schemas)) = lenient::of(value, "schemas") else { return false };
    schemas.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(urn::LIST_RESPONSE))
}
