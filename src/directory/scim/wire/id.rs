//! Ids and versions of resources, as the service gives them.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde_json::Value;

use super::lenient;

/// The longest id that is taken for one, in bytes.
const MAX_ID: usize = 1024;

/// The `id` of a resource (RFC 7643 section 3.1). Compares exactly: ids are `caseExact`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ResourceId(Box<str>);

impl ResourceId {
    /// Takes `text` for an id. There is none that is empty, holds control characters or stands for a folder in a URL,
    /// since a request to it would reach another resource, and none that a bulk request would take for a reference
    /// (`bulkId` is reserved, RFC 7643 section 3.1).
    pub fn new(text: &str) -> Option<Self> {
        let is_folder = matches!(text, "." | "..");
        let is_reserved = text.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("bulkid"));
        let is_usable = !text.trim().is_empty()
            && text.len() <= MAX_ID
            && !is_folder
            && !is_reserved
            && !text.chars().any(char::is_control);
        is_usable.then(|| Self(text.into()))
    }

    /// Reads an id that is a string or a number.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::new(text),
            Value::Number(_) => Self::new(&lenient::text(value)?),
            _ => None,
        }
    }

    /// Returns the id that the `location` of a resource ends with.
    pub fn of_location(location: &str) -> Option<Self> {
        let path = location.split(['?', '#']).next()?.trim_end_matches('/');
        let (_, last) = path.rsplit_once('/')?;
        Self::new(&percent_decode_str(last).decode_utf8().ok()?)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// The version of a resource (RFC 7644 section 3.14), sent back as it came, `W/` included.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ETag(Box<str>);

impl ETag {
    /// Takes `text` for a version: what fits into a header.
    pub fn new(text: &str) -> Option<Self> {
        let text = text.trim();
        let fits = !text.is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        fits.then(|| Self(text.into()))
    }

    /// Returns the text for `If-Match`. What comes without quotes, as `meta.version` does from some services, gets
    /// them (RFC 9110 section 8.8.3).
    pub fn as_header(&self) -> Cow<'_, str> {
        match self.0.ends_with('"') || &*self.0 == "*" {
            true => Cow::Borrowed(&self.0),
            false => Cow::Owned(format!("\"{}\"", self.0)),
        }
    }

    /// Returns the text as it came.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
