//! PATCH as RFC 7644 section 3.5.2 has it: all operations or none.

use serde_json::Map;
use serde_json::Value;

use super::filter::Path;
use super::filter::field;
use super::schema;

/// What a request is refused with.
#[derive(Clone, Debug)]
pub struct Refusal {
    pub status: u16,
    pub kind: Option<&'static str>,
    pub detail: String,
}

impl Refusal {
    pub fn new(status: u16, kind: &'static str, detail: impl Into<String>) -> Self {
        let kind = (!kind.is_empty()).then_some(kind);
        Self { status, kind, detail: detail.into() }
    }
}

/// Returns the name of the attribute that an operation is about; `None`: its value names several.
pub fn attribute_of(operation: &Value) -> Option<String> {
    Path::parse(operation["path"].as_str()?).map(|path| path.attribute)
}

/// Does one operation.
pub fn apply(resource: &mut Value, operation: &Value) -> Result<(), Refusal> {
    let op = operation["op"].as_str().unwrap_or_default().to_ascii_lowercase();
    if !["add", "replace", "remove"].contains(&op.as_str()) {
        return Err(Refusal::new(400, "invalidSyntax", format!("no such operation: `{op}`")));
    }
    let value = operation.get("value").cloned();
    if op == "remove" && value.is_some() {
        return Err(Refusal::new(400, "invalidValue", "`remove` has no value"));
    }
    let value = value.unwrap_or(Value::Null);
    match operation.get("path").and_then(Value::as_str) {
        Some(path) => one(resource, &op, path, value),
        None => {
            let Value::Object(values) = value else {
                return Err(Refusal::new(400, "noTarget", "neither a path nor an object"));
            };
            for (key, value) in values {
                match value {
                    Value::Object(inner) if key.starts_with("urn:") => {
                        for (name, value) in inner {
                            one(resource, &op, &format!("{key}:{name}"), value)?;
                        }
                    }
                    value => one(resource, &op, &key, value)?,
                }
            }
            Ok(())
        }
    }
}

fn one(resource: &mut Value, op: &str, text: &str, value: Value) -> Result<(), Refusal> {
    let invalid = || Refusal::new(400, "invalidPath", format!("no such attribute: `{text}`"));
    let path = Path::parse(text).ok_or_else(invalid)?;
    let rule = schema::rule(path.urn.as_deref(), &path.attribute).ok_or_else(invalid)?;
    if rule.is_read_only {
        return Err(Refusal::new(400, "mutability", format!("`{text}` cannot be written")));
    }
    if value.is_array() && !(rule.is_multi && path.filter.is_none() && path.sub.is_none()) {
        return Err(Refusal::new(400, "invalidValue", format!("`{text}` takes one value")));
    }
    let root = resource.as_object_mut().expect("an object");
    let holder = match &path.urn {
        Some(urn) => {
            let key = key_of(root, urn);
            let inner = root.entry(key).or_insert_with(|| Value::Object(Map::new()));
            inner.as_object_mut().expect("an object")
        }
        None => root,
    };
    let key = key_of(holder, &path.attribute);
    if let Some(filter) = &path.filter {
        let elements = holder.get_mut(&key).and_then(Value::as_array_mut);
        let Some(elements) = elements else { return no_target(op, text) };
        let is_meant: Vec<bool> = elements.iter().map(|element| filter.holds(element, false)).collect();
        if !is_meant.contains(&true) {
            return no_target(op, text);
        }
        let mut index = 0;
        elements.retain_mut(|element| {
            index += 1;
            if !is_meant[index - 1] {
                return true;
            }
            match (&path.sub, op, &value) {
                (None, "remove", _) => return false,
                (Some(sub), "remove", _) => drop(object(element).remove(sub)),
                (Some(sub), _, value) => drop(object(element).insert(sub.clone(), value.clone())),
                (None, _, Value::Object(new)) => object(element).extend(new.clone()),
                (None, ..) => {}
            }
            true
        });
    } else if let Some(sub) = &path.sub {
        if rule.is_multi {
            return Err(Refusal::new(400, "invalidPath", format!("`{text}`: which of the values?")));
        }
        let inner = object(holder.entry(key).or_insert_with(|| Value::Object(Map::new())));
        set(inner, sub, op, value);
    } else if rule.is_multi {
        let new = match value {
            Value::Array(new) => new,
            Value::Null => Vec::new(),
            other => vec![other],
        };
        match op {
            "add" => {
                let elements = holder.entry(key).or_insert_with(|| Value::Array(Vec::new()));
                let elements = elements.as_array_mut().expect("an array");
                for element in new {
                    if !elements.iter().any(|old| same(old, &element)) {
                        elements.push(element);
                    }
                }
            }
            "replace" => drop(holder.insert(key, Value::Array(new))),
            _ => drop(holder.remove(&key)),
        }
    } else if let (Value::Object(new), Some(Value::Object(old))) = (&value, holder.get_mut(&key)) {
        old.extend(new.clone());
    } else {
        set(holder, &key, op, value);
    }
    Ok(())
}

fn no_target(op: &str, text: &str) -> Result<(), Refusal> {
    match op {
        "remove" => Ok(()),
        _ => Err(Refusal::new(400, "noTarget", format!("`{text}` is nowhere"))),
    }
}

fn set(holder: &mut Map<String, Value>, key: &str, op: &str, value: Value) {
    let key = key_of(holder, key);
    if op == "remove" || value.is_null() {
        holder.remove(&key);
    } else {
        holder.insert(key, value);
    }
}

fn same(one: &Value, other: &Value) -> bool {
    match (one.get("value"), other.get("value")) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    value.as_object_mut().expect("an object")
}

/// Returns a key as it is spelled here already.
fn key_of(object: &Map<String, Value>, key: &str) -> String {
    object.keys().find(|own| own.eq_ignore_ascii_case(key)).map_or_else(|| key.to_owned(), Clone::clone)
}

/// Takes away what is empty: it is as good as absent (RFC 7643 section 2.5).
pub fn tidy(resource: &mut Value) {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    };
    if let Some(root) = resource.as_object_mut() {
        for inner in root.values_mut().filter_map(Value::as_object_mut) {
            inner.retain(|_, value| !empty(value));
        }
        root.retain(|_, value| !empty(value));
    }
}

/// Returns the values of `members`.
pub fn members(group: &Value) -> Vec<String> {
    let members = group.as_object().and_then(|group| field(group, "members")).and_then(Value::as_array);
    let ids = members.into_iter().flatten().filter_map(|member| member["value"].as_str());
    ids.map(str::to_owned).collect()
}
