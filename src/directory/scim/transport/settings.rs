//! How a service is spoken to.

use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::directory::scim::url::BaseUrl;
use crate::roster::forecast::Rate;
use crate::roster::secret::Secret;

/// How a service is spoken to. [`TransportSettings::new`] has the defaults.
#[derive(Clone, Debug)]
pub struct TransportSettings {
    /// Where the service begins.
    pub base: BaseUrl,
    /// Whether tokens and passwords may go over `http` to another machine.
    pub allow_cleartext: bool,
    /// Who we say we are.
    pub auth: Auth,
    /// Headers that are sent with every request to the service. Their values may be keys: none is ever shown.
    pub headers: Vec<(String, Secret)>,
    /// What bodies are called.
    pub media_type: MediaType,
    /// Certificates in PEM that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// Through whom.
    pub proxy: Proxy,
    /// Whether HTTP/2 is offered. Only TLS can agree on it.
    pub http2: bool,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// The largest answer that is read, in bytes, unpacked.
    pub max_body: usize,
    /// How many requests may be on their way at the same time.
    pub in_flight: NonZeroUsize,
    /// How many requests may be sent in a time. `None` is as many as there are.
    pub rate: Option<Rate>,
    /// How long is waited at most when the service says how long to wait.
    pub longest_pause: Duration,
    /// How often one request is sent at most when the service says that it is busy, or cannot be reached.
    pub tries: NonZeroU32,
}

impl TransportSettings {
    /// Returns the defaults for a service.
    pub fn new(base: BaseUrl, auth: Auth) -> Self {
        Self {
            base,
            allow_cleartext: false,
            auth,
            headers: Vec::new(),
            media_type: MediaType::Scim,
            ca_file: None,
            proxy: Proxy::System,
            http2: true,
            timeouts: Timeouts::default(),
            max_body: 64 * 1024 * 1024,
            in_flight: NonZeroUsize::new(4).expect("4 is not zero"),
            rate: Some(Rate::per_second(NonZeroU32::new(25).expect("25 is not zero"))),
            longest_pause: Duration::from_secs(15 * 60),
            tries: NonZeroU32::new(6).expect("6 is not zero"),
        }
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection, TLS included.
    pub connect: Duration,
    /// For the next byte of an answer.
    pub read: Duration,
    /// For all of an answer.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), read: Duration::from_secs(60), whole: Duration::from_secs(120) }
    }
}

/// Who we say we are.
#[derive(Clone, Debug)]
pub enum Auth {
    /// Nobody, or an extra header says it.
    None,
    /// A token that does not change (RFC 6750).
    Bearer(Secret),
    /// A name and a password (RFC 7617).
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// Tokens from an authorization server (RFC 6749 section 4.4).
    ClientCredentials(ClientCredentials),
}

/// Where tokens come from (RFC 6749 section 4.4).
#[derive(Clone, Debug)]
pub struct ClientCredentials {
    /// The token endpoint.
    pub token_url: Url,
    /// The client's name.
    pub client_id: String,
    /// The client's password.
    pub client_secret: Secret,
    /// What the token is to be good for.
    pub scope: Option<String>,
    /// What else the authorization server wants to know, such as `audience` or `resource`.
    pub parameters: Vec<(String, String)>,
    /// Where the client's name and password are put.
    pub placed: CredentialsPlace,
}

/// Where the name and password of a client are put (RFC 6749 section 2.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CredentialsPlace {
    /// In the header, as every authorization server must understand.
    #[default]
    Header,
    /// In the body.
    Body,
}

/// What bodies are called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MediaType {
    /// `application/scim+json` (RFC 7644 section 8.1).
    #[default]
    Scim,
    /// `application/json`, for services that know only that.
    Json,
}

impl MediaType {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Scim => "application/scim+json",
            Self::Json => "application/json",
        }
    }
}

/// Through whom a service is reached.
#[derive(Clone, Debug, Default)]
pub enum Proxy {
    /// As the environment says (`HTTPS_PROXY`, `NO_PROXY`), but never for a service on this machine.
    #[default]
    System,
    /// Nobody.
    Direct,
    /// This proxy.
    At {
        /// Where it is.
        url: Url,
        /// Who we are for it.
        login: Option<(String, Secret)>,
    },
}
