//! Addresses of a service: percent-encoded when made, and never of another origin.

use std::borrow::Cow;
use std::fmt;

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_decode_str;
use percent_encoding::utf8_percent_encode;
use url::Host;
use url::Url;

use super::wire::ResourceId;

/// Everything but the unreserved characters of RFC 3986 section 2.3. A space is `%20`: `+` for it is a rule of forms,
/// which not every service knows.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why an address is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlFault {
    /// It cannot be understood.
    #[error("{0}")]
    Malformed(url::ParseError),
    /// It is no base for HTTP.
    #[error("it must begin with https:// (or http://)")]
    Scheme,
    /// It has a user or a password.
    #[error("it must not hold a user or password; there are keys for them")]
    Credentials,
    /// It has a query or a fragment.
    #[error("it must not hold `?` or `#`")]
    Tail,
    /// It has `.` or `..` among its segments.
    #[error("it must not hold the segments `.` or `..`")]
    Dots,
    /// It leads elsewhere.
    #[error("it leads to {0}, which is another origin than the service's")]
    OtherOrigin(String),
}

/// Where a service begins, such as `https://scim.example.org/v2`.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// Reads a base. A slash at its end makes no difference.
    pub fn parse(text: &str) -> Result<Self, UrlFault> {
        let mut url = Url::parse(text.trim()).map_err(UrlFault::Malformed)?;
        if !matches!(url.scheme(), "http" | "https") || url.cannot_be_a_base() {
            return Err(UrlFault::Scheme);
        }
        prove_plain(&url)?;
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Returns the base, without a slash at its end unless there is nothing else in its path.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Returns whether what is sent can be read on the way: `http`, and not to this machine itself.
    pub fn is_in_clear(&self) -> bool {
        is_in_clear(&self.0)
    }

    /// Returns whether `url` is of the same scheme, host and port (RFC 6454 section 5).
    pub fn is_origin_of(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }

    /// Returns the endpoint that a service calls `text`.
    ///
    /// RFC 7643 section 6 wants it relative to the base (`Users`), and shows it with a slash in front. There are
    /// services that give a path from the root of the host, which is told by the base's own path in front of it, and
    /// some give a whole URL.
    pub fn endpoint(&self, text: &str) -> Result<Endpoint, UrlFault> {
        let text = text.trim();
        if text.contains(['?', '#']) {
            return Err(UrlFault::Tail);
        }
        let is_dotted = |segment: &str| {
            let segment: Cow<'_, str> = percent_decode_str(segment).decode_utf8_lossy();
            matches!(&*segment, "." | "..")
        };
        if text.split(['/', '\\']).any(is_dotted) {
            return Err(UrlFault::Dots);
        }
        let base = self.0.path().trim_end_matches('/');
        let is_absolute = text.starts_with("//") || text.contains("://");
        let is_rooted = text.strip_prefix(base).is_some_and(|rest| !base.is_empty() && rest.starts_with('/'));
        let mut url = if is_absolute || is_rooted {
            self.0.join(text).map_err(UrlFault::Malformed)?
        } else {
            let mut url = self.0.clone();
            url.set_path(&format!("{base}/{}", text.trim_start_matches('/')));
            url
        };
        prove_plain(&url)?;
        if !self.is_origin_of(&url) {
            return Err(UrlFault::OtherOrigin(url.origin().ascii_serialization()));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Endpoint(url))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Where the resources of one type are, such as `https://scim.example.org/v2/Users`.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Returns the address of the whole collection.
    pub fn url(&self) -> Url {
        self.0.clone()
    }

    /// Returns the address of one resource.
    ///
    /// Dot segments are removed from paths (RFC 3986 section 5.2.4), and an empty one is the collection. So an id that
    /// is nothing else becomes an address that names nothing: never that of something else.
    pub fn resource(&self, id: &ResourceId) -> Url {
        let segment = match id.as_str() {
            "" => "%".to_owned(),
            dots @ ("." | "..") => dots.replace('.', "%2E"),
            id => id.to_owned(),
        };
        let mut url = self.0.clone();
        url.set_path(&format!("{}/{}", self.0.path().trim_end_matches('/'), utf8_percent_encode(&segment, RESERVED)));
        url
    }

    /// Returns the address of the collection with a query.
    pub fn query<'q>(&self, parameters: impl IntoIterator<Item = (&'q str, &'q str)>) -> Url {
        with_query(self.0.clone(), parameters)
    }

    /// Returns the id of the resource at `location`, whole or from the root of the host, if it is one of this endpoint.
    pub fn id_in(&self, location: &str) -> Option<ResourceId> {
        let url = self.0.join(location.trim()).ok()?;
        let own = self.0.path().trim_end_matches('/');
        let rest = url.path().strip_prefix(own)?.strip_prefix('/')?.trim_end_matches('/');
        if rest.is_empty() || rest.contains('/') {
            return None;
        }
        let id = percent_decode_str(rest).decode_utf8().ok()?;
        ResourceId::new(&id)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Adds a query to an address, such as that of a resource.
pub fn with_query<'q>(mut url: Url, parameters: impl IntoIterator<Item = (&'q str, &'q str)>) -> Url {
    let query: Vec<_> = parameters
        .into_iter()
        .map(|(name, value)| {
            format!("{}={}", utf8_percent_encode(name, RESERVED), utf8_percent_encode(value, RESERVED))
        })
        .collect();
    url.set_query(Some(&query.join("&")).filter(|query| !query.is_empty()).map(String::as_str));
    url
}

/// Returns whether what is sent to `url` can be read on the way.
pub(super) fn is_in_clear(url: &Url) -> bool {
    url.scheme() != "https" && !is_loopback(url)
}

/// Returns whether `url` is on this machine: `localhost` is by definition (RFC 6761 section 6.3).
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn prove_plain(url: &Url) -> Result<(), UrlFault> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(UrlFault::Credentials);
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(UrlFault::Tail);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> BaseUrl {
        BaseUrl::parse("https://scim.example.org/scim/v2/").expect("a base")
    }

    fn endpoint(text: &str) -> Result<String, UrlFault> {
        base().endpoint(text).map(|endpoint| endpoint.to_string())
    }

    #[test]
    fn an_endpoint_may_be_relative_rooted_or_whole() {
        let users = "https://scim.example.org/scim/v2/Users";
        for text in [
            "Users",
            "/Users",
            "Users/",
            "/scim/v2/Users",
            "https://scim.example.org/scim/v2/Users",
            "https://SCIM.example.org:443/scim/v2/Users/",
        ] {
            assert_eq!(endpoint(text).as_deref(), Ok(users), "{text}");
        }
        // A path that only begins with the same letters is relative.
        assert_eq!(endpoint("/scim/v2Users").as_deref(), Ok("https://scim.example.org/scim/v2/scim/v2Users"));
        assert_eq!(endpoint("https://scim.example.org/other").as_deref(), Ok("https://scim.example.org/other"));
    }

    #[test]
    fn a_base_at_the_root_of_a_host_has_endpoints_too() {
        for text in ["https://scim.example.org", "https://scim.example.org/"] {
            let base = BaseUrl::parse(text).expect("a base");
            for name in ["Users", "/Users", "https://scim.example.org/Users"] {
                let endpoint = base.endpoint(name).expect("an endpoint");
                assert_eq!(endpoint.to_string(), "https://scim.example.org/Users");
            }
        }
    }

    #[test]
    fn an_endpoint_elsewhere_is_refused() {
        for text in [
            "https://evil.example.org/scim/v2/Users",
            "http://scim.example.org/scim/v2/Users",
            "https://scim.example.org:8443/scim/v2/Users",
            "//evil.example.org/Users",
            "https://scim.example.org.evil.example.org/Users",
            "https:\\\\evil.example.org/Users",
            "ftp://scim.example.org/Users",
        ] {
            let found = endpoint(text);
            let is_elsewhere = matches!(&found, Err(UrlFault::OtherOrigin(_)));
            let is_below = found.as_deref().is_ok_and(|url| url.starts_with("https://scim.example.org/scim/v2/"));
            assert!(is_elsewhere || is_below, "{text}: {found:?}");
        }
        assert!(matches!(endpoint("//evil.example.org/Users"), Err(UrlFault::OtherOrigin(_))));
        assert_eq!(endpoint("https://u:p@scim.example.org/Users"), Err(UrlFault::Credentials));
        assert_eq!(endpoint("Users?x=y"), Err(UrlFault::Tail));
        for dotted in ["../Users", "a/%2e%2E/Users", "https://scim.example.org/scim/v2/../Users", "..\\Users"] {
            assert_eq!(endpoint(dotted), Err(UrlFault::Dots), "{dotted}");
        }
    }

    #[test]
    fn a_base_with_credentials_a_query_or_another_scheme_is_refused() {
        let refused = |text: &str| BaseUrl::parse(text).expect_err("refused");
        assert_eq!(refused("https://ann:secret@scim.example.org/"), UrlFault::Credentials);
        assert_eq!(refused("https://scim.example.org/?tenant=1"), UrlFault::Tail);
        assert_eq!(refused("ldaps://scim.example.org/"), UrlFault::Scheme);
        assert!(matches!(refused("scim.example.org"), UrlFault::Malformed(_)));
    }

    #[test]
    fn an_id_cannot_leave_its_segment() {
        let users = base().endpoint("Users").expect("an endpoint");
        let path = |id: &str| users.resource(&ResourceId::new(id).expect(id)).path().to_owned();
        assert_eq!(path("2819c223-7f76"), "/scim/v2/Users/2819c223-7f76");
        assert_eq!(path("ann@example.org"), "/scim/v2/Users/ann%40example.org");
        assert_eq!(path("a/b?c#d e"), "/scim/v2/Users/a%2Fb%3Fc%23d%20e");
        assert_eq!(path("%2e%2e"), "/scim/v2/Users/%252e%252e");
        assert_eq!(path("é"), "/scim/v2/Users/%C3%A9");
        assert_eq!(path("a\\..\\b"), "/scim/v2/Users/a%5C..%5Cb");
    }

    #[test]
    fn an_id_comes_back_from_the_location_that_was_made_of_it() {
        let users = base().endpoint("Users").expect("an endpoint");
        for id in ["42", "a/b?c#d e", "é", "%2e", "ann@example.org"] {
            let id = ResourceId::new(id).expect(id);
            let url = users.resource(&id);
            assert_eq!(users.id_in(url.as_str()).as_ref(), Some(&id), "{url}");
            assert_eq!(users.id_in(url.path()).as_ref(), Some(&id), "{url}");
        }
        for other in ["/scim/v2/Groups/42", "/scim/v2/Users", "/scim/v2/Users/", "/scim/v2/Users/1/2", "https://["] {
            assert_eq!(users.id_in(other), None, "{other}");
        }
    }

    #[test]
    fn a_query_has_no_plus_for_a_space() {
        let users = base().endpoint("Users").expect("an endpoint");
        let url = users.query([("filter", "userName eq \"a+b&c\""), ("count", "2")]);
        assert_eq!(url.query(), Some("filter=userName%20eq%20%22a%2Bb%26c%22&count=2"));
        assert_eq!(users.query([]).query(), None);
    }

    #[test]
    fn only_https_and_this_machine_are_not_in_clear() {
        let in_clear = |text: &str| BaseUrl::parse(text).expect("a base").is_in_clear();
        for private in [
            "https://scim.example.org",
            "http://127.0.0.1:9101",
            "http://127.1.2.3",
            "http://[::1]:80",
            "http://localhost",
        ] {
            assert!(!in_clear(private), "{private}");
        }
        for open in ["http://scim.example.org", "http://10.0.0.1", "http://localhost.example.org", "http://[::2]"] {
            assert!(in_clear(open), "{open}");
        }
    }
}
