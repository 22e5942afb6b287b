//! Operations of a PATCH done to a resource on our side: what the service should have afterwards, and what to send
//! where there is no PATCH (RFC 7644 sections 3.5.1 and 3.5.2).

use serde_json::Map;
use serde_json::Value;

use super::Op;
use super::PatchOperation;
use super::lenient;
use crate::directory::scim::filter::Filter;
use crate::directory::scim::path::AttributePath;

#[cfg(test)]
mod tests;

/// Returns `attributes` with `operations` done to them, in order.
pub fn applied(attributes: &Map<String, Value>, operations: &[PatchOperation]) -> Map<String, Value> {
    let mut attributes = attributes.clone();
    operations.iter().for_each(|operation| apply(&mut attributes, operation));
    attributes
}

/// Does one operation. What selects nothing is created, as far as the path says how, or there is nothing to do.
pub fn apply(attributes: &mut Map<String, Value>, operation: &PatchOperation) {
    let PatchOperation { op, path, value } = operation;
    let Some(urn) = path.urn() else { return within(attributes, *op, path, value.as_ref()) };
    let key = lenient::key_of(attributes, urn.as_str()).unwrap_or(urn.as_str()).to_owned();
    let mut extension = match attributes.get_mut(&key).map(Value::take) {
        Some(Value::Object(extension)) => extension,
        _ => Map::new(),
    };
    within(&mut extension, *op, path, value.as_ref());
    if extension.is_empty() {
        attributes.shift_remove(&key);
    } else {
        attributes.insert(key, Value::Object(extension));
    }
}

fn within(map: &mut Map<String, Value>, op: Op, path: &AttributePath, value: Option<&Value>) {
    let key = lenient::key_of(map, path.attribute()).unwrap_or(path.attribute()).to_owned();
    let old = map.get_mut(&key).map(Value::take).filter(|old| !old.is_null());
    let new = match (path.filter(), path.sub()) {
        (None, None) => changed(old, op, value),
        (None, Some(sub)) => with_sub(old, op, sub, value),
        (Some(filter), sub) => with_elements(old, op, (filter, sub), value),
    };
    match new.filter(|new| !is_empty(new)) {
        Some(new) => {
            map.insert(key, new);
        }
        None => {
            map.shift_remove(&key);
        }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// Changes an attribute as a whole.
fn changed(old: Option<Value>, op: Op, value: Option<&Value>) -> Option<Value> {
    match (op, old, value.cloned()) {
        (Op::Remove, _, None) => None,
        (Op::Remove, Some(Value::Array(elements)), Some(value)) => {
            let goes = |element: &Value| each(&value).iter().any(|one| is_same_value(element, one));
            Some(Value::Array(elements.into_iter().filter(|element| !goes(element)).collect()))
        }
        (Op::Remove, old, Some(_)) => old,
        (Op::Replace, _, value) => value,
        (Op::Add, Some(Value::Array(mut elements)), Some(value)) => {
            for one in each(&value) {
                if !elements.iter().any(|element| element == one) {
                    unset_primary(&mut elements, one);
                    elements.push(one.clone());
                }
            }
            Some(Value::Array(elements))
        }
        (Op::Add, Some(Value::Object(mut map)), Some(Value::Object(more))) => {
            merge(&mut map, more);
            Some(Value::Object(map))
        }
        (Op::Add, old, value) => value.or(old),
    }
}

fn each(value: &Value) -> &[Value] {
    match value {
        Value::Array(values) => values,
        single => std::slice::from_ref(single),
    }
}

fn is_same_value(element: &Value, other: &Value) -> bool {
    let value = |of: &Value| lenient::of(of, "value").cloned();
    element == other || value(element).is_some_and(|own| Some(own) == value(other))
}

/// Only one element is primary (RFC 7644 section 3.5.2).
fn unset_primary(elements: &mut [Value], new: &Value) {
    if lenient::of(new, "primary").and_then(lenient::boolean) != Some(true) {
        return;
    }
    for element in elements.iter_mut().filter_map(Value::as_object_mut) {
        if let Some(key) = lenient::key_of(element, "primary").map(str::to_owned) {
            element.insert(key, Value::Bool(false));
        }
    }
}

fn merge(map: &mut Map<String, Value>, more: Map<String, Value>) {
    for (key, value) in more {
        let key = lenient::key_of(map, &key).map_or(key.clone(), str::to_owned);
        map.insert(key, value);
    }
}

/// Changes a sub-attribute of a complex value, or of each of several.
fn with_sub(old: Option<Value>, op: Op, sub: &str, value: Option<&Value>) -> Option<Value> {
    let set = |map: &mut Map<String, Value>| {
        let key = lenient::key_of(map, sub).unwrap_or(sub).to_owned();
        match value.filter(|value| op != Op::Remove && !is_empty(value)) {
            Some(value) => {
                map.insert(key, value.clone());
            }
            None => {
                map.shift_remove(&key);
            }
        }
    };
    match old {
        Some(Value::Array(mut elements)) => {
            elements.iter_mut().filter_map(Value::as_object_mut).for_each(set);
            Some(Value::Array(elements))
        }
        Some(Value::Object(mut map)) => {
            set(&mut map);
            Some(Value::Object(map))
        }
        // A plain value in the place of a complex one is its `value`.
        _ => {
            let mut map = Map::new();
            set(&mut map);
            Some(Value::Object(map))
        }
    }
}

/// Changes those elements of a multi-valued attribute that a filter selects.
fn with_elements(
    old: Option<Value>,
    op: Op,
    (filter, sub): (&Filter, Option<&str>),
    value: Option<&Value>,
) -> Option<Value> {
    let mut elements = match old {
        Some(Value::Array(elements)) => elements,
        Some(single) => vec![single],
        None => Vec::new(),
    };
    let chosen = selected(&elements, filter);
    let removes = op == Op::Remove || value.is_none_or(is_empty);
    match sub {
        None if removes => {
            let mut at = 0;
            elements.retain(|_| {
                at += 1;
                !chosen.contains(&(at - 1))
            });
        }
        _ if chosen.is_empty() && removes => {}
        _ if chosen.is_empty() => {
            let demands = filter.demands().unwrap_or_default();
            let mut element: Map<String, Value> =
                demands.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
            match (sub, value) {
                (Some(sub), Some(value)) => {
                    element.insert(sub.to_owned(), value.clone());
                }
                (None, Some(Value::Object(value))) => merge(&mut element, value.clone()),
                _ => {}
            }
            let element = Value::Object(element);
            unset_primary(&mut elements, &element);
            elements.push(element);
        }
        Some(sub) => {
            for at in chosen {
                let element = elements[at].take();
                elements[at] = with_sub(Some(element), op, sub, value).unwrap_or_default();
            }
        }
        None => {
            for at in chosen {
                match (elements[at].take(), value) {
                    (Value::Object(mut map), Some(Value::Object(more))) => {
                        merge(&mut map, more.clone());
                        elements[at] = Value::Object(map);
                    }
                    (_, value) => elements[at] = value.cloned().unwrap_or_default(),
                }
            }
        }
    }
    elements.retain(|element| !is_empty(element));
    Some(Value::Array(elements))
}

/// Returns the places of the elements that `filter` selects.
///
/// Some services keep one mail address and no `type`. Where nothing is of the type `work`, an element without a type
/// stands for it: the primary one, or the only one.
pub fn selected(elements: &[Value], filter: &Filter) -> Vec<usize> {
    let places = |is: &dyn Fn(&Value) -> bool| -> Vec<usize> {
        elements.iter().enumerate().filter(|(_, element)| is(element)).map(|(at, _)| at).collect()
    };
    let exact = places(&|element| filter.matches(element));
    let demands = filter.demands().unwrap_or_default();
    let is_work = matches!(demands.as_slice(), [("type", Value::String(word))] if word.eq_ignore_ascii_case("work"));
    if !exact.is_empty() || !is_work {
        return exact;
    }
    let is_primary = |element: &Value| lenient::of(element, "primary").and_then(lenient::boolean) == Some(true);
    let primary = places(&|element| !filter.is_answered_by(element) && is_primary(element));
    if let [only] = primary.as_slice() {
        return vec![*only];
    }
    match places(&|element| !filter.is_answered_by(element)).as_slice() {
        [only] => vec![*only],
        _ => Vec::new(),
    }
}
