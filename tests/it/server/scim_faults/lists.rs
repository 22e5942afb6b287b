//! Lists of resources and their pages (RFC 7644 section 3.4.2, RFC 9865).

use std::collections::HashMap;

use serde_json::Value;
use serde_json::json;

use super::filter::Expression;
use super::patch::Refusal;
use super::quirks::Filters;
use super::quirks::Pages;
use super::quirks::Quirks;
use super::store::Store;
use super::store::Type;

/// Answers a list.
pub fn list(
    store: &Store,
    kind: Type,
    query: &HashMap<String, String>,
    quirks: &Quirks,
    base: &str,
) -> Result<Value, Refusal> {
    let all = store.all(kind).map(|(id, record)| store.show(kind, id, record, base));
    let wanted = expression(query.get("filter"), quirks)?;
    let case_exact = quirks.filters == Filters::CaseExact;
    let mut found: Vec<Value> = match &wanted {
        Selection::All => all.collect(),
        Selection::None => Vec::new(),
        Selection::Some(expression) => all.filter(|resource| expression.holds(resource, case_exact)).collect(),
    };
    let total = found.len();
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<i64>().ok());
    let count = number("count").map_or(quirks.page_max, |n| usize::try_from(n).unwrap_or(0).min(quirks.page_max));
    if quirks.cursor && number("startIndex").is_some_and(|start| start > 1) {
        return Err(Refusal::new(400, "invalidValue", "pages are turned with `cursor`"));
    }
    let start = match query.get("cursor").filter(|cursor| quirks.cursor && !cursor.is_empty()) {
        Some(cursor) => cursor
            .strip_prefix("after-")
            .and_then(|n| n.parse::<usize>().ok())
            .ok_or_else(|| Refusal::new(400, "invalidCursor", "no such cursor"))?,
        None => usize::try_from(number("startIndex").unwrap_or(1).max(1) - 1).expect("not negative"),
    };
    let (from, told) = match quirks.pages {
        Pages::Endless => (start.min(total.saturating_sub(count)), total.max(start + 2 * count.max(1))),
        Pages::First => (0, total),
        Pages::Missing if start > 0 => (total, total),
        Pages::Overlapping => (start.saturating_sub(1).min(total), total),
        Pages::Proper | Pages::Missing | Pages::Uncounted => (start.min(total), total),
    };
    let to = (from + count).min(total);
    let page: Vec<Value> = found.drain(from..to).map(|resource| projected(resource, query)).collect();
    let mut list = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": told, "itemsPerPage": page.len(), "startIndex": start + 1, "Resources": page,
    });
    let fields = list.as_object_mut().expect("an object");
    if quirks.pages == Pages::Uncounted {
        fields.remove("totalResults");
    }
    if quirks.cursor {
        fields.remove("startIndex");
        if to < total {
            fields.insert("nextCursor".into(), format!("after-{to}").into());
        }
    }
    Ok(list)
}

enum Selection {
    All,
    None,
    Some(Expression),
}

fn expression(filter: Option<&String>, quirks: &Quirks) -> Result<Selection, Refusal> {
    let Some(filter) = filter else { return Ok(Selection::All) };
    let invalid = || Refusal::new(400, "invalidFilter", "no such filter");
    let expression = Expression::parse(filter).ok_or_else(invalid)?;
    match quirks.filters {
        Filters::Proper | Filters::CaseExact => Ok(Selection::Some(expression)),
        Filters::Ignored => Ok(Selection::All),
        Filters::Blind => Ok(Selection::None),
        Filters::Refused => Err(invalid()),
        Filters::UserNameOnly => {
            let is_name = matches!(&expression, Expression::Compare(path, ..) if path.attribute == "userName");
            Ok(if is_name { Selection::Some(expression) } else { Selection::None })
        }
    }
}

/// Keeps the attributes that are asked for (RFC 7644 section 3.9), whole ones.
pub fn projected(mut resource: Value, query: &HashMap<String, String>) -> Value {
    let names = |key: &str| -> Option<Vec<String>> {
        let names = query.get(key)?.split(',').map(|name| {
            let name = name.trim();
            match name.rsplit_once(':') {
                Some((urn, _)) if urn.contains(":extension:") => urn.to_ascii_lowercase(),
                Some((_, name)) => name.split('.').next().unwrap_or_default().to_ascii_lowercase(),
                None => name.split('.').next().unwrap_or_default().to_ascii_lowercase(),
            }
        });
        Some(names.collect())
    };
    let fields = resource.as_object_mut().expect("an object");
    if let Some(kept) = names("attributes") {
        fields.retain(|key, _| ["id", "schemas"].contains(&key.as_str()) || kept.contains(&key.to_ascii_lowercase()));
    } else if let Some(left) = names("excludedAttributes") {
        fields.retain(|key, _| key == "id" || !left.contains(&key.to_ascii_lowercase()));
    }
    resource
}
