//! What an admin says about a SCIM service, and the proof that it makes sense.

use std::fmt;
use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use url::Host;
use url::Url;

use super::preset::Preset;
use crate::roster::secret::Secret;

/// The keys of `[target.scim]`; see `config/rosterd.toml` for what each one means.
///
/// What is `None` is left to the preset, then to what the service says of itself, then to a default.
#[derive(Clone, Debug)]
pub struct ScimSettings {
    /// The base URL of the service; all else is found below it.
    pub url: Url,
    /// What is known of the service beforehand.
    pub preset: Option<&'static Preset>,
    /// Who rosterd is.
    pub credentials: Credentials,
    /// Headers that go with every request. Some services take keys in them, so none is ever shown.
    pub headers: Vec<(String, Secret)>,
    /// Whether `http://` to another machine is wanted indeed; then no password is ever written.
    pub allow_cleartext: bool,
    /// Certificates in PEM to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How the service is reached.
    pub proxy: Proxy,
    /// How long connecting may take, TLS included.
    pub connect_timeout: Duration,
    /// How long one request may take, its answer included.
    pub timeout: Duration,
    /// No answer is longer than this, in bytes.
    pub answer_size: NonZeroUsize,
    /// Requests sent and not yet answered, at most.
    pub in_flight: Option<NonZeroUsize>,
    /// Requests in a length of time, at most.
    pub max_rate: Option<Rate>,
    /// Resources per page of a list.
    pub page_size: Option<NonZeroUsize>,
    /// Members per request that changes a group.
    pub members_per_request: Option<NonZeroUsize>,
    /// Whether several writes go in one request where the service offers that (RFC 7644 section 3.7).
    pub bulk: bool,
    /// Operations of one bulk request at most, whatever the service offers.
    pub bulk_operations: NonZeroUsize,
    /// How many writes of each attribute are read back in a run.
    pub verify: Verify,
    /// The attribute that says that the password must be changed at the next login, as a name of `[feed.map]`; there is
    /// none in SCIM itself.
    pub must_change_attribute: Option<String>,
    /// The attribute of an account that holds its roles; no roles without it.
    pub role_attribute: Option<RoleAttribute>,
    /// What the service is said to do, whatever it says itself.
    pub overrides: Overrides,
    /// Usernames that are never written, with `*` and `?`, `/expressions/`.
    pub protected: Vec<String>,
    /// Who may approve plans, in the same form: never written either.
    pub approvers: Vec<String>,
    /// Groups that are never written, nor their members: names with `*` and `?`, `/expressions/`.
    pub protected_groups: Vec<String>,
}

/// Who rosterd is for the service.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Nobody: the headers say it, or the service asks nobody.
    None,
    /// A token (RFC 6750).
    Bearer(Secret),
    /// A name and a password (RFC 7617).
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// A client that gets its tokens elsewhere (RFC 6749 section 4.4).
    ClientCredentials {
        /// Where tokens come from.
        token_url: Url,
        /// The client.
        client_id: String,
        /// Its secret.
        client_secret: Secret,
        /// What the token is to be good for.
        scope: Option<String>,
        /// Whom the token is for; not in the RFC, and wanted by some.
        audience: Option<String>,
    },
}

/// How the service is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Proxy {
    /// As the environment says: `HTTPS_PROXY`, `NO_PROXY`.
    #[default]
    System,
    /// Without a proxy.
    Direct,
    /// Through this one.
    Through(Url),
}

/// So many requests in a length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In what time.
    pub per: Duration,
}

impl Rate {
    /// Returns so many a second.
    pub const fn per_second(count: NonZeroU32) -> Self {
        Self { count, per: Duration::from_secs(1) }
    }

    /// Returns the time between two requests when they are evenly spaced.
    pub fn interval(self) -> Duration {
        self.per / self.count.get()
    }

    /// Returns requests per second.
    pub fn per_second_f64(self) -> f64 {
        f64::from(self.count.get()) / self.per.as_secs_f64()
    }
}

/// How many writes of each attribute are read back in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// All.
    Always,
    /// The first so many of each attribute.
    First(u32),
}

/// The attribute of a user that holds roles (RFC 7643 section 4.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleAttribute {
    /// `roles`
    Roles,
    /// `entitlements`
    Entitlements,
}

impl RoleAttribute {
    /// Returns the name in SCIM.
    pub fn name(self) -> &'static str {
        match self {
            Self::Roles => "roles",
            Self::Entitlements => "entitlements",
        }
    }
}

/// What the service is said to do, whatever it says itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Whether it is asked what it can do at all; `false`: preset, overrides and defaults are all there is.
    pub discover: Option<bool>,
    /// PATCH (RFC 7644 section 3.5.2).
    pub patch: Option<bool>,
    /// PUT (RFC 7644 section 3.5.1).
    pub put: Option<bool>,
    /// Filters (RFC 7644 section 3.4.2.2).
    pub filter: Option<bool>,
    /// `If-Match` (RFC 7644 section 3.14).
    pub etag: Option<bool>,
    /// Passwords are written.
    pub change_password: Option<bool>,
    /// Paging by cursor (RFC 9865).
    pub cursor: Option<bool>,
    /// Groups.
    pub groups: Option<bool>,
    /// Where users are, below the base.
    pub users_path: Option<String>,
    /// Where groups are, below the base.
    pub groups_path: Option<String>,
    /// The extensions of users, by their URNs.
    pub extensions: Option<Vec<String>>,
    /// Whether what `/Schemas` says is believed; `false`: the schema of RFC 7643 is.
    pub schema: Option<bool>,
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingFault {
    /// The key in `[target.scim]`.
    pub key: &'static str,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for SettingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.reason)
    }
}

impl std::error::Error for SettingFault {}

impl ScimSettings {
    /// Requests in flight, unless the preset or the configuration says otherwise.
    pub const IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not zero");
    /// Requests per second, likewise. What Microsoft asks of services that its own client provisions, and so what most
    /// can bear: <https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups>.
    pub const RATE: Rate = Rate::per_second(NonZeroU32::new(25).expect("25 is not zero"));
    /// Members per request, likewise.
    pub const MEMBERS: NonZeroUsize = NonZeroUsize::new(100).expect("100 is not zero");

    /// Returns the settings with every default.
    pub fn new(url: Url) -> Self {
        const ANSWER: NonZeroUsize = NonZeroUsize::new(16 << 20).expect("not zero");
        const BULK: NonZeroUsize = NonZeroUsize::new(500).expect("500 is not zero");
        Self {
            url,
            preset: None,
            credentials: Credentials::None,
            headers: Vec::new(),
            allow_cleartext: false,
            ca_file: None,
            proxy: Proxy::System,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            answer_size: ANSWER,
            in_flight: None,
            max_rate: None,
            page_size: None,
            members_per_request: None,
            bulk: true,
            bulk_operations: BULK,
            verify: Verify::First(5),
            must_change_attribute: None,
            role_attribute: None,
            overrides: Overrides::default(),
            protected: Vec::new(),
            approvers: Vec::new(),
            protected_groups: Vec::new(),
        }
    }

    /// Returns how many requests may be in flight.
    pub fn in_flight(&self) -> NonZeroUsize {
        self.in_flight.or(self.preset.and_then(|preset| preset.in_flight)).unwrap_or(Self::IN_FLIGHT)
    }

    /// Returns how fast requests may be sent.
    pub fn max_rate(&self) -> Rate {
        self.max_rate.or(self.preset.and_then(|preset| preset.max_rate)).unwrap_or(Self::RATE)
    }

    /// Returns how many members one request may change.
    pub fn members_per_request(&self) -> NonZeroUsize {
        let preset = self.preset.and_then(|preset| preset.members_per_request);
        self.members_per_request.or(preset).unwrap_or(Self::MEMBERS)
    }

    /// Returns whether nobody on the way can read what is sent.
    pub fn is_private(&self) -> bool {
        self.url.scheme() == "https" || is_loopback(&self.url)
    }
}

/// Returns whether a URL leads to this machine.
fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        None => false,
    }
}
