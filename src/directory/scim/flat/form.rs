//! Values in the type that a schema asks for (RFC 7643 section 2.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Number;
use serde_json::Value;

use super::Why;
use crate::directory::scim::service::ValueKind;
use crate::directory::scim::wire::lenient;
use crate::roster::attribute::show_octets;
use crate::roster::mapping::flag;

/// How the values of an attribute are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    /// The type of one value.
    pub(super) kind: ValueKind,
    /// There may be several.
    pub(super) is_list: bool,
    /// Each is an object.
    pub(super) is_complex: bool,
}

/// Returns `octets` as JSON of this type.
pub(super) fn typed(kind: ValueKind, octets: &[u8]) -> Result<Value, Why> {
    let wrong = |expected| Why::Value { value: show_octets(octets).chars().take(60).collect(), expected };
    if kind == ValueKind::Binary {
        return Ok(Value::String(STANDARD.encode(octets)));
    }
    let text = std::str::from_utf8(octets).map_err(|_| wrong("text"))?;
    match kind {
        ValueKind::Boolean => flag(text.trim()).map(Value::Bool).ok_or_else(|| wrong("true or false")),
        ValueKind::Integer => text.trim().parse::<i64>().map(Value::from).map_err(|_| wrong("a whole number")),
        ValueKind::Decimal => {
            let number = text.trim().parse::<f64>().ok().and_then(Number::from_f64);
            number.map(Value::Number).ok_or_else(|| wrong("a number"))
        }
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// Returns a value of a service as octets.
pub(super) fn octets(kind: ValueKind, text: &str) -> Vec<u8> {
    let decode = || {
        let bare: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        STANDARD.decode(bare).ok()
    };
    let decoded = if kind == ValueKind::Binary { decode() } else { None };
    decoded.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// Returns octets in the spelling that the service would give back: `yes` is `true`.
pub(super) fn as_stored(kind: ValueKind, octets: &[u8]) -> Vec<u8> {
    match kind {
        ValueKind::Boolean | ValueKind::Integer | ValueKind::Decimal => match typed(kind, octets) {
            Ok(value) => lenient::text(&value).map_or_else(|| octets.to_vec(), |text| text.as_bytes().to_vec()),
            Err(_) => octets.to_vec(),
        },
        _ => octets.to_vec(),
    }
}
