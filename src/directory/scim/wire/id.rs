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
        let is_reserved = text.split(':').next().is_some_and(|start| start.eq_ignore_ascii_case("bulkId"));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_text_or_numbers() {
        let read = |value: Value| ResourceId::read(&value).map(|id| id.to_string());
        assert_eq!(read(json!("2819c223")), Some("2819c223".to_owned()));
        assert_eq!(read(json!(17)), Some("17".to_owned()));
        assert_eq!(read(json!("ann@example.org / x")), Some("ann@example.org / x".to_owned()));
        for none in [json!(""), json!(" "), json!(null), json!(true), json!(["1"]), json!("a\nb")] {
            assert_eq!(read(none.clone()), None, "{none}");
        }
    }

    /// Parsers of URLs resolve these, percent-encoded or not, so that DELETE would reach `/Users` itself.
    #[test]
    fn an_id_never_leads_elsewhere() {
        for id in [".", "..", "bulkId:1", "BULKID"] {
            assert_eq!(ResourceId::new(id), None, "{id}");
        }
        assert!(ResourceId::new("...").is_some() && ResourceId::new("bulkIds").is_some());
        assert_eq!(ResourceId::new(&"x".repeat(MAX_ID + 1)), None);
    }

    #[test]
    fn a_location_ends_with_the_id() {
        let id = |location| ResourceId::of_location(location).map(|id| id.to_string());
        assert_eq!(id("https://example.org/scim/v2/Users/17"), Some("17".to_owned()));
        assert_eq!(id("/scim/Users/17/?x=1#y"), Some("17".to_owned()));
        assert_eq!(id("Users/a%2Fb%40c"), Some("a/b@c".to_owned()));
        assert_eq!(id("17"), None);
        assert_eq!(id("/Users/%2e%2e"), None);
        assert_eq!(id("/Users/%ff"), None);
        assert_eq!(id(""), None);
    }

    #[test]
    fn versions_go_back_as_they_came() {
        let header = |text| ETag::new(text).map(|version| version.as_header().into_owned());
        assert_eq!(header(r#"W/"3694e05e9dff590""#).as_deref(), Some(r#"W/"3694e05e9dff590""#));
        assert_eq!(header(r#""a""#).as_deref(), Some(r#""a""#));
        assert_eq!(header("a330bc54f0671c9").as_deref(), Some(r#""a330bc54f0671c9""#));
        assert_eq!(header(""), None);
        assert_eq!(header("a\r\nX-Evil: 1"), None);
        assert_eq!(header("ä"), None);
    }

    proptest! {
        #[test]
        fn an_id_is_found_in_its_location(text in any::<String>()) {
            if let Some(id) = ResourceId::new(&text) {
                let encoded = percent_encoding::utf8_percent_encode(id.as_str(), percent_encoding::NON_ALPHANUMERIC);
                prop_assert_eq!(ResourceId::of_location(&format!("https://x.org/Users/{encoded}")), Some(id));
            }
        }

        #[test]
        fn no_location_panics(text in any::<String>()) {
            let _ = ResourceId::of_location(&text);
            let _ = ETag::new(&text).map(|version| version.as_header().len());
        }
    }
}
