//! A request, and the answer that was hoped for.

use std::fmt;

use reqwest::Method;
use serde_json::Value;
use url::Url;

use crate::directory::scim::wire::ETag;

/// One request to a service.
#[derive(Clone)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// With what. It must be of the service's origin.
    pub url: Url,
    /// What is sent.
    pub body: Option<Value>,
    /// Do it only to this version (RFC 7644 section 3.14).
    pub if_match: Option<ETag>,
    /// Whether doing it twice comes to the same as doing it once, so that it may be sent again without an answer.
    pub is_safe_to_repeat: bool,
    /// Whether this is only asked to find out what the service is: being refused does not say that the credentials are
    /// no good.
    pub is_probe: bool,
}

impl Request {
    /// Reads.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, body: None, if_match: None, is_safe_to_repeat: true, is_probe: false }
    }

    /// Creates, or does something else that is not to happen twice.
    pub fn post(url: Url, body: Value) -> Self {
        Self { method: Method::POST, body: Some(body), is_safe_to_repeat: false, ..Self::get(url) }
    }

    /// Replaces. The same replacement twice is one.
    pub fn put(url: Url, body: Value) -> Self {
        Self { method: Method::PUT, body: Some(body), ..Self::get(url) }
    }

    /// Changes. Whether it may be repeated depends on what it does: `replace` may, [`Request::repeatable`] says so.
    pub fn patch(url: Url, body: Value) -> Self {
        Self { method: Method::PATCH, body: Some(body), is_safe_to_repeat: false, ..Self::get(url) }
    }

    /// Deletes. The second time finds nothing, which the caller must expect.
    pub fn delete(url: Url) -> Self {
        Self { method: Method::DELETE, ..Self::get(url) }
    }

    /// Says that doing it twice comes to the same as doing it once.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.is_safe_to_repeat = true;
        self
    }

    /// Does it only to this version.
    #[must_use]
    pub fn if_match(mut self, version: Option<ETag>) -> Self {
        self.if_match = version;
        self
    }

    /// Says that this is only asked to find out what the service is.
    #[must_use]
    pub fn probing(mut self) -> Self {
        self.is_probe = true;
        self
    }
}

/// Without the query and the body: they are about people, and may hold their passwords.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url.path())
    }
}

/// An answer that says success.
#[derive(Clone, PartialEq)]
pub struct Reply {
    /// The status, 200 to 299.
    pub status: u16,
    /// The version of the resource (RFC 7644 section 3.14).
    pub etag: Option<ETag>,
    /// Where the resource is.
    pub location: Option<String>,
    /// What came with it, if anything did.
    pub body: Option<Value>,
}

/// Without the body: it is about people.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, etag, location, body } = self;
        f.debug_struct("Reply")
            .field("status", status)
            .field("etag", etag)
            .field("location", location)
            .field("has_body", &body.is_some())
            .finish()
    }
}
