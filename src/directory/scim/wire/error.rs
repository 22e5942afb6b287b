//! Errors as services give them (RFC 7644 section 3.12).

use serde_json::Value;

/// An answer that is not success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReply {
    /// The status of the answer.
    pub status: u16,
    /// The service's own word for it, such as `uniqueness`.
    pub scim_type: Option<String>,
    /// A sentence for people.
    pub detail: Option<String>,
    /// Whether it came as SCIM says, so that it is the service that speaks and not something in front of it.
    pub is_scim: bool,
}

impl ErrorReply {
    /// Reads an error from the body of an answer with this status.
    pub fn read(status: u16, body: &Value) -> Self {
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        let is_scim = body.get("schemas").is_some() || body.get("detail").is_some();
        Self { status, scim_type: text("scimType"), detail: text("detail"), is_scim }
    }
}
