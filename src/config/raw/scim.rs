//! `[target.scim]`

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::RawSecret;

/// `[target.scim]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawScim {
    pub url: Spanned<String>,
    pub preset: Option<Spanned<String>>,
    pub auth: Option<Spanned<RawAuth>>,
    #[serde(default)]
    pub headers: BTreeMap<String, Spanned<RawHeader>>,
    #[serde(default)]
    pub allow_cleartext: bool,
    pub ca_file: Option<Spanned<PathBuf>>,
    pub proxy: Option<Spanned<RawProxy>>,
    pub http2: Option<bool>,
    pub media_type: Option<Spanned<String>>,
    pub connect_timeout: Option<Spanned<String>>,
    pub timeout: Option<Spanned<String>>,
    pub answer_size: Option<Spanned<usize>>,
    pub in_flight: Option<Spanned<usize>>,
    pub max_rate: Option<Spanned<RawRate>>,
    pub page_size: Option<Spanned<usize>>,
    pub members_per_request: Option<Spanned<usize>>,
    pub bulk: Option<bool>,
    pub bulk_operations: Option<Spanned<usize>>,
    pub verify: Option<Spanned<RawVerify>>,
    pub must_change_attribute: Option<Spanned<String>>,
    pub role_attribute: Option<Spanned<String>>,
    #[serde(default, rename = "override")]
    pub overrides: RawOverride,
    #[serde(default)]
    pub protected: Vec<String>,
    #[serde(default)]
    pub approvers: Vec<String>,
    #[serde(default)]
    pub protected_groups: Vec<String>,
}

/// One of: a token; a name with a password; a client that gets tokens.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAuth {
    pub bearer: Option<Spanned<RawSecret>>,
    pub username: Option<String>,
    pub password: Option<Spanned<RawSecret>>,
    pub token_url: Option<Spanned<String>>,
    pub client_id: Option<String>,
    pub client_secret: Option<Spanned<RawSecret>>,
    pub client_in: Option<Spanned<String>>,
    pub scope: Option<String>,
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// The value of a header, or where it is.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a text, or where the secret is")]
pub enum RawHeader {
    Text(String),
    Secret(RawSecret),
}

/// `"system"`, `"none"`, a URL, or a URL with a login.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected \"system\", \"none\", a URL, or a table with url, username, password")]
pub enum RawProxy {
    Word(String),
    Login(RawProxyLogin),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawProxyLogin {
    pub url: String,
    pub username: String,
    pub password: RawSecret,
}

/// A number a second, or a text such as `"180/min"`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number, or a text such as \"25/s\", \"180/min\" or \"1000/h\"")]
pub enum RawRate {
    PerSecond(u32),
    Text(String),
}

/// A number, or `"always"`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number, or \"always\"")]
pub enum RawVerify {
    First(u32),
    Word(String),
}

/// `[target.scim.override]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOverride {
    pub discover: Option<bool>,
    pub schema: Option<bool>,
    pub patch: Option<bool>,
    pub put: Option<bool>,
    pub bulk: Option<bool>,
    pub filter: Option<bool>,
    pub etag: Option<bool>,
    pub change_password: Option<bool>,
    pub paging: Option<bool>,
    pub cursor: Option<bool>,
    pub groups: Option<bool>,
    pub users_path: Option<String>,
    pub groups_path: Option<String>,
    pub extensions: Option<Vec<String>>,
}
