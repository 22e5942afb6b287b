//! Where a redirect may lead: to the same service, and with the same request.

use reqwest::Method;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use reqwest::header::LOCATION;
use url::Url;

use super::trouble::Trouble;
use crate::directory::scim::url::BaseUrl;

/// How many redirects one request may meet.
pub const MOST: u32 = 3;

/// Returns where to send the same request again.
///
/// RFC 7644 section 3.12 knows 307 and 308, which repeat the request as it is (RFC 9110 sections 15.4.8 and 15.4.9).
/// The others would make a GET of a write. Another origin is never followed: credentials are for this one.
pub fn follow(
    base: &BaseUrl,
    from: &Url,
    method: &Method,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Url, Trouble> {
    let said = || format!("the service answers with a redirect (HTTP {})", status.as_u16());
    let location = headers.get(LOCATION).and_then(|location| location.to_str().ok());
    let to = location.and_then(|location| from.join(location).ok());
    let Some(mut to) = to.filter(Url::has_host) else {
        return Err(Trouble::Unfit(format!("{} that does not say where to", said())));
    };
    if !base.is_origin_of(&to) {
        let origin = to.origin().ascii_serialization();
        return Err(Trouble::Unfit(format!(
            "{} to {origin}, which is not followed: credentials are only sent to where `url` says",
            said()
        )));
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err(Trouble::Unfit(format!("{} to an address with a user or password", said())));
    }
    let repeats = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
    if !repeats && method != Method::GET {
        if status == StatusCode::SEE_OTHER {
            return Err(Trouble::Unanswered(format!("{} instead of what came of the request", said())));
        }
        return Err(Trouble::Unfit(format!(
            "{} to {}, which would lose the request: look at `url`",
            said(),
            to.path()
        )));
    }
    to.set_fragment(None);
    Ok(to)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn to(method: &Method, status: u16, location: &str) -> Result<String, Trouble> {
        let base = BaseUrl::parse("https://scim.example.org/v2").expect("a base");
        let from = Url::parse("https://scim.example.org/v2/Users").expect("a URL");
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_str(location).expect("a value"));
        let status = StatusCode::from_u16(status).expect("a status");
        follow(&base, &from, method, status, &headers).map(|url| url.to_string())
    }

    #[test]
    fn the_same_origin_is_followed_with_the_same_request() {
        for status in [307, 308] {
            for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
                let found = to(&method, status, "/v3/Users?x=y#z");
                assert_eq!(found.as_deref(), Ok("https://scim.example.org/v3/Users?x=y"), "{method} {status}");
            }
        }
        for status in [301, 302, 303] {
            assert!(to(&Method::GET, status, "Users/").is_ok());
            assert!(to(&Method::POST, status, "Users/").is_err());
        }
        // What a 303 says of a write is that it was seen to.
        assert!(matches!(to(&Method::POST, 303, "Users/"), Err(Trouble::Unanswered(_))));
    }

    #[test]
    fn another_origin_never_is() {
        for location in [
            "https://evil.example.org/v2/Users",
            "//evil.example.org/v2/Users",
            "http://scim.example.org/v2/Users",
            "https://scim.example.org:8443/v2/Users",
            "https://scim.example.org@evil.example.org/",
            "https:\\\\evil.example.org\\",
            "data:text/plain,x",
            "https://user:pass@scim.example.org/v2/Users",
        ] {
            for status in [301, 302, 303, 307, 308] {
                for method in [Method::GET, Method::POST] {
                    assert!(matches!(to(&method, status, location), Err(Trouble::Unfit(_))), "{location}");
                }
            }
        }
    }
}
