//! Who we say we are, as headers.

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::ACCEPT;
use reqwest::header::AUTHORIZATION;
use reqwest::header::CONNECTION;
use reqwest::header::CONTENT_LENGTH;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::HOST;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderName;
use reqwest::header::HeaderValue;
use reqwest::header::IF_MATCH;
use reqwest::header::TRANSFER_ENCODING;

use super::TransportError;
use super::circuit::Circuit;
use super::oauth::Tokens;
use super::scrub::Scrub;
use super::settings::Auth;
use super::trouble::Trouble;
use crate::roster::secret::Secret;

/// What the transport itself says with every request.
const OURS: [HeaderName; 7] = [HOST, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING, CONNECTION, ACCEPT, IF_MATCH];

/// Makes the header that says who we are.
#[derive(Debug)]
pub enum Credentials {
    /// There is none.
    None,
    /// Always the same.
    Fixed(HeaderValue),
    /// Given out by an authorization server.
    Tokens(Box<Tokens>),
}

/// The header that says who we are, and which one of several it was.
#[derive(Clone, Debug, Default)]
pub struct Authorization {
    /// The header's value.
    pub header: Option<HeaderValue>,
    /// Counts the tokens that were given out.
    pub generation: u64,
    /// What must not be repeated, if it is not always the same.
    pub secret: Option<Secret>,
}

impl Credentials {
    /// Makes them of the settings; `scrub` learns what must not be repeated.
    pub fn new(
        auth: &Auth,
        client: &reqwest::Client,
        circuit: &Arc<Circuit>,
        scrub: &mut Scrub,
    ) -> Result<Self, TransportError> {
        match auth {
            Auth::None => Ok(Self::None),
            Auth::Bearer(token) => {
                scrub.add(token);
                Ok(Self::Fixed(bearer(token).ok_or(TransportError::Unsendable("the token".to_owned()))?))
            }
            Auth::Basic { username, password } => {
                // RFC 7617 section 2: a colon would end the name.
                if username.contains(':') {
                    return Err(TransportError::Username);
                }
                scrub.add(password);
                Ok(Self::Fixed(basic(username, password, scrub)))
            }
            Auth::ClientCredentials(settings) => {
                scrub.add(&settings.client_secret);
                Ok(Self::Tokens(Box::new(Tokens::new(settings, client, circuit, scrub))))
            }
        }
    }

    /// Returns the header of now.
    pub async fn current(&self) -> Result<Authorization, Trouble> {
        match self {
            Self::None => Ok(Authorization::default()),
            Self::Fixed(header) => Ok(Authorization { header: Some(header.clone()), ..Authorization::default() }),
            Self::Tokens(tokens) => tokens.current().await,
        }
    }

    /// Returns whether there may be another token after one was refused.
    pub fn are_renewable(&self) -> bool {
        matches!(self, Self::Tokens(_))
    }

    /// Says that the token of `generation` is no good any more.
    pub async fn renounce(&self, generation: u64) {
        if let Self::Tokens(tokens) = self {
            tokens.renounce(generation).await;
        }
    }
}

/// Returns the value for a token (RFC 6750 section 2.1), if a header can hold it.
pub fn bearer(token: &Secret) -> Option<HeaderValue> {
    sensitive(&Secret::new(format!("Bearer {}", token.expose())))
}

/// Returns the value for a name and a password (RFC 7617 section 2).
pub fn basic(username: &str, password: &Secret, scrub: &mut Scrub) -> HeaderValue {
    let pair = Secret::new(format!("{username}:{}", password.expose()));
    let encoded = Secret::new(BASE64_STANDARD.encode(pair.expose()));
    scrub.add(&encoded);
    sensitive(&Secret::new(format!("Basic {}", encoded.expose()))).expect("base64 is fit for a header")
}

/// Returns the headers that are sent besides.
pub fn extra(headers: &[(String, Secret)], auth: &Auth, scrub: &mut Scrub) -> Result<HeaderMap, TransportError> {
    let mut made = HeaderMap::new();
    for (name, value) in headers {
        let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| TransportError::HeaderName(name.clone()))?;
        let is_taken = parsed == AUTHORIZATION && !matches!(auth, Auth::None);
        if OURS.contains(&parsed) || is_taken {
            return Err(TransportError::HeaderTaken(name.clone()));
        }
        let value_of = sensitive(value).ok_or_else(|| TransportError::Unsendable(format!("the header `{name}`")))?;
        scrub.add(value);
        made.insert(parsed, value_of);
    }
    Ok(made)
}

/// Makes a value that no library prints, and that HTTP/2 does not keep in its table (RFC 7541 section 7.1.3).
fn sensitive(value: &Secret) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value.expose()).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_is_as_the_rfc_shows_it() {
        // RFC 7617 section 2.
        let value = basic("Aladdin", &Secret::from("open sesame"), &mut Scrub::default());
        assert_eq!(value.to_str().ok(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(format!("{value:?}"), "Sensitive");
    }

    #[test]
    fn a_token_that_no_header_can_hold_is_refused_without_showing_it() {
        assert!(bearer(&Secret::from("two\nlines")).is_none());
        let bad = [("X-Key".to_owned(), Secret::from("hush\r\nX: y"))];
        let error = extra(&bad, &Auth::None, &mut Scrub::default()).expect_err("refused");
        assert!(!format!("{error} {error:?}").contains("hush"));
    }

    #[test]
    fn no_extra_header_takes_the_place_of_one_of_ours() {
        for name in
            ["Host", "content-length", "Transfer-Encoding", "Content-Type", "accept", "If-Match", "Authorization"]
        {
            let headers = [(name.to_owned(), Secret::from("x"))];
            let auth = Auth::Bearer(Secret::from("t"));
            let error = extra(&headers, &auth, &mut Scrub::default()).expect_err(name);
            assert!(matches!(error, TransportError::HeaderTaken(_)), "{name}");
        }
        let own = [("Authorization".to_owned(), Secret::from("Token x"))];
        assert_eq!(extra(&own, &Auth::None, &mut Scrub::default()).expect("taken").len(), 1);
        let odd = [("a b".to_owned(), Secret::from("x"))];
        assert!(matches!(extra(&odd, &Auth::None, &mut Scrub::default()), Err(TransportError::HeaderName(_))));
    }
}
