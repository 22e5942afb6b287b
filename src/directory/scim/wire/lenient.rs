//! Reading JSON values whose form services disagree on.

use std::borrow::Cow;

use serde_json::Map;
use serde_json::Value;

/// Returns what `map` has under `key`, in any case; the exact spelling comes first.
pub fn field<'v>(map: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    map.get(key).or_else(|| map.iter().find(|(own, _)| own.eq_ignore_ascii_case(key)).map(|(_, value)| value))
}

/// Returns the field of an object that is not `null`; see [`field`].
pub fn of<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    field(value.as_object()?, key).filter(|value| !value.is_null())
}

/// Returns the key of `map` that is `key` in any case.
pub fn key_of<'m>(map: &'m Map<String, Value>, key: &str) -> Option<&'m str> {
    match map.get_key_value(key) {
        Some((own, _)) => Some(own),
        None => map.keys().find(|own| own.eq_ignore_ascii_case(key)).map(String::as_str),
    }
}

/// Reads `true`, `"true"` and `"True"`.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// Reads `3`, `3.0` and `"3"`.
pub fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64().or_else(|| {
            let float = number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..=9.0e15).contains(float))?;
            // Whole and within the range in which every whole number is exact.
            Some(float as u64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Reads a status of HTTP: `"201"`, `201` and `{"code": "201"}`, all of which RFC 7644 section 3.7 itself shows.
pub fn status(value: &Value) -> Option<u16> {
    let number = match value {
        Value::Object(map) => number(field(map, "code")?)?,
        other => number(other)?,
    };
    u16::try_from(number).ok().filter(|status| (100..600).contains(status))
}

/// Returns a single value as text; `None` for what is none: objects, arrays, `null`.
pub fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        Value::Bool(true) => Some(Cow::Borrowed("true")),
        Value::Bool(false) => Some(Cow::Borrowed("false")),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_found_in_any_case() {
        let value = json!({"resources": 1, "Resources": 2, "ITEMSPERPAGE": 3, "none": null});
        assert_eq!(of(&value, "Resources"), Some(&json!(2)));
        assert_eq!(of(&value, "RESOURCES"), Some(&json!(1)));
        assert_eq!(of(&value, "itemsPerPage"), Some(&json!(3)));
        assert_eq!(of(&value, "none"), None);
        assert_eq!(of(&json!([1]), "none"), None);
        let map = value.as_object().expect("an object");
        assert_eq!(key_of(map, "itemsperpage"), Some("ITEMSPERPAGE"));
        assert_eq!(key_of(map, "other"), None);
    }

    /// Entra's clients send `"False"`, and some services store it so.
    #[test]
    fn booleans_may_be_text() {
        for (value, wanted) in [
            (json!(true), Some(true)),
            (json!("True"), Some(true)),
            (json!("False"), Some(false)),
            (json!(" false "), Some(false)),
            (json!("yes"), None),
            (json!(1), None),
            (json!(null), None),
            (json!(""), None),
        ] {
            assert_eq!(boolean(&value), wanted, "{value}");
        }
    }

    #[test]
    fn numbers_may_be_text() {
        for (value, wanted) in [
            (json!(3), Some(3)),
            (json!("3"), Some(3)),
            (json!(3.0), Some(3)),
            (json!(3.5), None),
            (json!(-1), None),
            (json!("-1"), None),
            (json!(1e300), None),
            (json!("three"), None),
            (json!(true), None),
        ] {
            assert_eq!(number(&value), wanted, "{value}");
        }
    }

    /// RFC 7644 section 3.7.3 shows the first and the third, django-scim2 sends the second.
    #[test]
    fn a_status_has_three_forms() {
        for value in [json!("201"), json!(201), json!({"code": "201"}), json!({"Code": 201})] {
            assert_eq!(status(&value), Some(201), "{value}");
        }
        for value in [json!("Created"), json!(0), json!(99), json!(600), json!(65537), json!({}), json!(null)] {
            assert_eq!(status(&value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in any::<String>(), float in any::<f64>()) {
            for value in [json!(text), json!(float), json!({ "code": float }), json!([text])] {
                let _ = (boolean(&value), number(&value), status(&value), super::text(&value));
            }
        }
    }
}
