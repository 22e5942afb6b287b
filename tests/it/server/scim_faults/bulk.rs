//! Bulk (RFC 7644 section 3.7).

use serde_json::Value;
use serde_json::json;

use super::answers::error;
use super::answers::written_status;
use super::patch::Refusal;
use super::quirks::BulkQuirks;
use super::quirks::Quirks;
use super::store::Store;
use super::store::Type;

/// Does what a bulk request asks for.
pub fn bulk(store: &mut Store, body: &Value, size: usize, quirks: &Quirks, base: &str) -> Result<Value, Refusal> {
    let Some(bulk) = quirks.bulk.filter(|bulk| !bulk.is_absent) else {
        return Err(Refusal::new(404, "", "no such endpoint"));
    };
    let operations = body["Operations"].as_array().cloned().unwrap_or_default();
    if operations.len() > bulk.operations.min(bulk.really) || size > bulk.payload {
        return Err(Refusal::new(413, "", format!("{} operations, {size} octets", operations.len())));
    }
    let mut answers = Vec::new();
    for (index, operation) in operations.iter().enumerate() {
        let is_nth = |n: Option<usize>| n.is_some_and(|n| (index + 1) % n == 0);
        if is_nth(bulk.lost) {
            continue;
        }
        let answer = one(store, operation, quirks, base, bulk);
        if !is_nth(bulk.unanswered) {
            answers.push(answer);
        }
    }
    if bulk.is_shuffled {
        answers.reverse();
    }
    Ok(json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": answers }))
}

fn one(store: &mut Store, operation: &Value, quirks: &Quirks, base: &str, bulk: BulkQuirks) -> Value {
    let method = operation["method"].as_str().unwrap_or_default().to_ascii_uppercase();
    let path = operation["path"].as_str().unwrap_or_default();
    let mut segments = path.trim_start_matches('/').split('/');
    let kind = match segments.next() {
        Some("Users") => Some(Type::User),
        Some("Groups") if quirks.groups => Some(Type::Group),
        _ => None,
    };
    let id = segments.next().unwrap_or_default();
    let data = &operation["data"];
    let operations = data["Operations"].as_array().cloned().unwrap_or_default();
    let done = match (kind, method.as_str()) {
        (None, _) => Err(Refusal::new(404, "", "no such endpoint")),
        (Some(kind), "POST") => store.create(kind, data, quirks).map(|id| (201, kind, id)),
        (Some(kind), "PUT") if quirks.put => store.replace(kind, id, data, quirks).map(|id| (200, kind, id)),
        (Some(kind), "PATCH") if quirks.patch => store.patch(kind, id, &operations, quirks).map(|id| (200, kind, id)),
        (Some(kind), "DELETE") => {
            let number = id.parse().unwrap_or_default();
            store.delete(kind, id, quirks).map(|()| (204, kind, number))
        }
        _ => Err(Refusal::new(501, "", "not implemented")),
    };
    let mut answer = json!({ "method": method });
    if let Some(id) = operation.get("bulkId") {
        answer["bulkId"] = id.clone();
    }
    let status = match done {
        Ok((status, kind, id)) => {
            answer["location"] = format!("{base}/{}/{id}", kind.path()).into();
            if let Ok((_, record)) = store.find(kind, &id.to_string()) {
                answer["version"] = format!("W/\"{}\"", record.version).into();
            }
            status
        }
        Err(refusal) => {
            answer["response"] = error(&refusal, bulk.status);
            refusal.status
        }
    };
    if let Some(status) = written_status(status, bulk.status) {
        answer["status"] = status;
    }
    answer
}
