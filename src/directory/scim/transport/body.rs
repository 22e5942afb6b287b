//! Reading an answer: never more than was asked for, and JSON only if it says that it is.

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HeaderMap;
use serde_json::Value;

/// What came with an answer.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    Empty,
    /// JSON.
    Json(Value),
    /// Plain text, as far as it is UTF-8.
    Text(String),
    /// Something else, such as a page.
    Other,
    /// More than is read.
    TooLarge,
}

/// The largest text that is kept of an answer that is not JSON.
const LONGEST_TEXT: usize = 4096;

/// Reads the body of an answer, at most `most` bytes of it. They are counted as they are unpacked, so that a small
/// answer that unpacks to a huge one is given up as well.
pub async fn read(mut response: Response, most: usize) -> Result<Body, reqwest::Error> {
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Ok(Body::TooLarge);
    }
    let headers = response.headers().clone();
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len() + chunk.len() > most {
            return Ok(Body::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(understood(&headers, &bytes))
}

/// Returns what the bytes of a body are.
///
/// A page must not be taken for an answer. So they are JSON if the header says so, in any of the names that services
/// use for it (RFC 7644 section 3.8), or does not say anything, and they are.
fn understood(headers: &HeaderMap, bytes: &[u8]) -> Body {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Body::Empty;
    }
    let named = match headers.get(CONTENT_TYPE).map(|named| named.to_str().unwrap_or("?")) {
        None => None,
        Some(named) => named.split(';').next().map(|essence| essence.trim().to_ascii_lowercase()),
    };
    let is_json = named.as_deref().is_none_or(|named| {
        matches!(named, "application/json" | "text/json" | "application/scim") || named.ends_with("+json")
    });
    if is_json && let Ok(value) = serde_json::from_slice(bytes) {
        return Body::Json(value);
    }
    match (named.as_deref(), std::str::from_utf8(bytes)) {
        (Some("text/plain"), Ok(text)) if text.len() <= LONGEST_TEXT => Body::Text(text.to_owned()),
        _ => Body::Other,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::any;
    use proptest::proptest;
    use reqwest::header::HeaderValue;

    use super::*;

    fn of(named: Option<&str>, bytes: &[u8]) -> String {
        let mut headers = HeaderMap::new();
        if let Some(named) = named {
            headers.insert(CONTENT_TYPE, HeaderValue::from_str(named).expect("a value"));
        }
        format!("{:?}", understood(&headers, bytes))
    }

    #[test]
    fn json_is_taken_by_its_names_and_pages_never_are() {
        for named in [
            "application/scim+json",
            "application/scim+json; charset=utf-8",
            "APPLICATION/JSON",
            "application/problem+json",
            "text/json",
        ] {
            assert_eq!(of(Some(named), b"\xEF\xBB\xBF[]"), "Json(Array [])", "{named}");
        }
        assert_eq!(of(None, b"[]"), "Json(Array [])");
        assert_eq!(of(None, b"<html>"), "Other");
        assert_eq!(of(Some("text/html"), b"[]"), "Other");
        assert_eq!(of(Some("application/json"), b"<html>"), "Other");
        assert_eq!(of(Some("application/jsonp"), b"[]"), "Other");
        assert_eq!(of(Some("text/plain; charset=utf-8"), b"too busy"), "Text(\"too busy\")");
    }

    #[test]
    fn nothing_is_nothing_whatever_it_is_called() {
        for named in [None, Some("text/html"), Some("application/scim+json")] {
            assert_eq!(of(named, b""), "Empty");
            assert_eq!(of(named, b" \r\n"), "Empty");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in any::<Vec<u8>>()) {
            for named in [None, Some("application/json"), Some("text/plain")] {
                let _ = of(named, &bytes);
            }
        }
    }
}
