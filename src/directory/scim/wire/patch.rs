//! Changes of one resource (RFC 7644 section 3.5.2).

use std::fmt;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::super::path::AttributePath;
use super::urn;

/// What an operation does. Written in lower case, which every service takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Adds values to an attribute.
    Add,
    /// Puts values in the place of those that are there.
    Replace,
    /// Takes values away.
    Remove,
}

impl Op {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

/// One operation. `Debug` does not show its value, which may be a password.
#[derive(Clone, PartialEq)]
pub struct PatchOperation {
    /// What it does.
    pub op: Op,
    /// Of what: always explicit.
    pub path: AttributePath,
    /// The values; `None` for a removal, unless it says which of them.
    pub value: Option<Value>,
}

impl PatchOperation {
    /// Puts `value` in the place of what is there.
    pub fn replace(path: AttributePath, value: Value) -> Self {
        Self { op: Op::Replace, path, value: Some(value) }
    }

    /// Adds `value`.
    pub fn add(path: AttributePath, value: Value) -> Self {
        Self { op: Op::Add, path, value: Some(value) }
    }

    /// Takes away all that `path` selects.
    pub fn remove(path: AttributePath) -> Self {
        Self { op: Op::Remove, path, value: None }
    }

    /// Returns the operation as JSON.
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        map.insert("op".to_owned(), self.op.word().into());
        map.insert("path".to_owned(), self.path.to_string().into());
        if let Some(value) = &self.value {
            map.insert("value".to_owned(), value.clone());
        }
        Value::Object(map)
    }
}

impl fmt::Debug for PatchOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.op.word(), self.path)
    }
}

/// A `PatchOp` message: all of it is done, or nothing (RFC 7644 section 3.5.2).
#[derive(Clone, Debug, PartialEq, Default)]
pub struct PatchOp {
    /// The operations, done in this order.
    pub operations: Vec<PatchOperation>,
}

impl PatchOp {
    /// Returns the message.
    pub fn to_value(&self) -> Value {
        let operations: Vec<Value> = self.operations.iter().map(PatchOperation::to_value).collect();
        json!({ "schemas": [urn::PATCH_OP], "Operations": operations })
    }
}

impl From<Vec<PatchOperation>> for PatchOp {
    fn from(operations: Vec<PatchOperation>) -> Self {
        Self { operations }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_written_as_the_rfc_has_it() {
        let path = |text| AttributePath::parse(text).expect("a path");
        let patch = PatchOp::from(vec![
            PatchOperation::replace(path("name.familyName"), "Bee".into()),
            PatchOperation::add(path("emails"), json!([{"value": "a@x.org", "type": "work"}])),
            PatchOperation::remove(path(r#"members[value eq "a\"b"]"#)),
            PatchOperation::replace(path("active"), false.into()),
        ]);
        insta::assert_snapshot!(patch.to_value(), @r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"name.familyName","value":"Bee"},{"op":"add","path":"emails","value":[{"value":"a@x.org","type":"work"}]},{"op":"remove","path":"members[value eq \"a\\\"b\"]"},{"op":"replace","path":"active","value":false}]}"#);
    }

    #[test]
    fn a_password_is_not_shown() {
        let patch = PatchOp::from(vec![PatchOperation::replace(AttributePath::password(), "Tr0ub4dor".into())]);
        assert_eq!(format!("{patch:?}"), "PatchOp { operations: [replace password] }");
    }
}
