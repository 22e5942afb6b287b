//! The shape of `rosterd.toml`. Nothing here is proven; see [`crate::config`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

mod scim;

pub use scim::*;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawConfig {
    pub data_dir: Option<PathBuf>,
    #[serde(default, rename = "target")]
    pub targets: Vec<RawTarget>,
    pub mail: Option<RawMail>,
    #[serde(default, rename = "feed")]
    pub feeds: Vec<RawFeed>,
}

/// `[[target]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawTarget {
    pub name: Spanned<String>,
    pub kind: Spanned<String>,
    pub seats: Option<usize>,
    pub ldap: Option<Spanned<RawLdap>>,
    pub local: Option<Spanned<RawLocal>>,
    pub scim: Option<Spanned<RawScim>>,
}

/// `[target.local]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLocal {
    pub file: Option<PathBuf>,
    pub argon2: Option<Spanned<RawArgon2>>,
    #[serde(default)]
    pub protected: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawArgon2 {
    pub memory_kib: u32,
    pub iterations: u32,
    #[serde(default = "one")]
    pub parallelism: u32,
}

fn one() -> u32 {
    1
}

/// `[target.ldap]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLdap {
    pub kind: Option<Spanned<String>>,
    pub url: Spanned<RawUrls>,
    pub replication_wait: Option<Spanned<String>>,
    pub tls: Option<Spanned<String>>,
    #[serde(default)]
    pub allow_cleartext: bool,
    pub ca_file: Option<Spanned<PathBuf>>,
    pub bind_dn: Option<Spanned<String>>,
    pub bind_password: Option<Spanned<RawSecret>>,
    pub people_base: Spanned<String>,
    pub scope: Option<Spanned<String>>,
    pub people_filter: Option<Spanned<String>>,
    pub object_classes: Option<Vec<String>>,
    pub username_attribute: Option<String>,
    pub naming_attribute: Option<String>,
    pub group_base: Option<Spanned<String>>,
    pub archive_base: Option<Spanned<String>>,
    pub role_base: Option<Spanned<String>>,
    pub channel_base: Option<Spanned<String>>,
    pub group_type: Option<Spanned<String>>,
    pub upn_suffix: Option<String>,
    pub group_class: Option<Spanned<String>>,
    pub role_class: Option<Spanned<String>>,
    pub group_gid_range: Option<Spanned<[u32; 2]>>,
    pub posix: Option<Spanned<RawPosix>>,
    pub password_policy: Option<Spanned<String>>,
    pub password_storage: Option<Spanned<String>>,
    pub connect_timeout: Option<Spanned<String>>,
    pub timeout: Option<Spanned<String>>,
    pub page_size: Option<Spanned<u32>>,
    pub in_flight: Option<Spanned<RawWindow>>,
    #[serde(default)]
    pub transactions: bool,
    #[serde(default)]
    pub protected: Vec<String>,
    #[serde(default)]
    pub approvers: Vec<String>,
    #[serde(default)]
    pub protected_groups: Vec<String>,
}

/// One server, or several with the same directory.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a URL, or a list of URLs")]
pub enum RawUrls {
    One(String),
    Several(Vec<String>),
}

/// A number, or `"auto"`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum RawWindow {
    Count(usize),
    Word(String),
}

/// `[target.ldap.posix]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPosix {
    pub uid_range: [u32; 2],
    pub gid: RawGid,
}

/// A number, or `"uid"`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected the number of a group, or \"uid\"")]
pub enum RawGid {
    Fixed(u32),
    Text(String),
}

/// Where a secret is to be found.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSecret {
    pub file: Option<PathBuf>,
    pub credential: Option<String>,
    pub env: Option<String>,
}

/// `[mail]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMail {
    pub server: Spanned<String>,
    pub tls: Option<Spanned<String>>,
    pub ca_file: Option<Spanned<PathBuf>>,
    pub username: Option<String>,
    pub password: Option<Spanned<RawSecret>>,
    pub from: Spanned<String>,
    pub reply_to: Option<Spanned<String>>,
    pub timeout: Option<Spanned<String>>,
}

/// By what rows find their entries: one thing, or two, one after the other.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected \"username\", an attribute, or a list of an attribute and \"username\"")]
pub enum RawMatch {
    One(String),
    Several(Vec<String>),
}

impl RawMatch {
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// `[[feed]]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFeed {
    pub name: Spanned<String>,
    pub target: Spanned<String>,
    pub folder: Option<PathBuf>,
    pub pattern: Option<Spanned<Vec<String>>>,
    pub mode: Option<Spanned<String>>,
    #[serde(rename = "match")]
    pub match_by: Option<Spanned<RawMatch>>,
    pub watch: Option<Spanned<String>>,
    pub rescan: Option<Spanned<String>>,
    pub settle: Option<Spanned<String>>,
    pub schedule: Option<Spanned<String>>,
    pub time_zone: Option<Spanned<String>>,
    pub locale: Option<Spanned<String>>,
    pub seats: Option<usize>,
    pub batch_size: Option<Spanned<usize>>,
    pub pause: Option<Spanned<String>>,
    pub max_rate: Option<u32>,
    #[serde(default)]
    pub csv: RawCsv,
    #[serde(default)]
    pub map: BTreeMap<String, Spanned<RawRule>>,
    #[serde(default)]
    pub checks: RawChecks,
    #[serde(default)]
    pub defaults: RawDefaults,
    #[serde(default)]
    pub passwords: RawPasswords,
    #[serde(default)]
    pub letters: RawLetters,
    #[serde(default)]
    pub groups: RawMemberships,
    #[serde(default)]
    pub roles: RawMemberships,
    #[serde(default)]
    pub old: RawOld,
    #[serde(default)]
    pub limits: RawLimits,
}

/// `[feed.csv]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawCsv {
    pub encoding: Option<Spanned<String>>,
    pub delimiter: Option<Spanned<String>>,
    pub final_newline: Option<Spanned<String>>,
    pub separators: Option<String>,
    pub empty: Option<Spanned<String>>,
    #[serde(default)]
    pub columns: BTreeMap<String, String>,
}

/// One key of `[feed.map]`: a column, a template, or a table.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    expecting = "expected a column name, a template with {{ }}, or a table with column, template, policy, separator, default, multi, collision, optional, reference, encoding, file, max_size"
)]
pub enum RawRule {
    Text(String),
    Table(RawRuleTable),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawRuleTable {
    pub column: Option<String>,
    pub template: Option<String>,
    pub policy: Option<String>,
    pub separator: Option<String>,
    pub default: Option<String>,
    pub multi: Option<bool>,
    pub collision: Option<String>,
    pub optional: Option<bool>,
    pub reference: Option<String>,
    pub encoding: Option<String>,
    pub file: Option<bool>,
    pub max_size: Option<usize>,
}

/// `[feed.checks]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawChecks {
    #[serde(default)]
    pub required: Vec<String>,
    #[serde(default)]
    pub unique: Vec<String>,
    pub username: Option<Spanned<RawUsernameCheck>>,
    pub max_length: Option<usize>,
    pub dangling: Option<Spanned<String>>,
    pub files: Option<Spanned<String>>,
    #[serde(default)]
    pub limits: BTreeMap<String, usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawUsernameCheck {
    pub min: Option<usize>,
    pub max: Option<usize>,
    pub characters: Option<String>,
}

/// `[feed.defaults]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawDefaults {
    pub add: Option<bool>,
    pub update: Option<bool>,
    pub sync_groups: Option<bool>,
    pub sync_roles: Option<bool>,
    pub subscribe: Option<bool>,
    pub action: Option<Spanned<String>>,
    pub rename: Option<bool>,
    #[serde(rename = "move")]
    pub relocate: Option<bool>,
    pub allow_row_disable: Option<bool>,
    pub allow_row_delete: Option<bool>,
}

/// `[feed.passwords]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawPasswords {
    pub generate_for_new: Option<bool>,
    pub generate_for_existing: Option<bool>,
    pub from_file_for_existing: Option<bool>,
    pub change_next_time: Option<bool>,
    pub length: Option<Spanned<usize>>,
    pub alphabet: Option<Spanned<String>>,
}

/// `[feed.letters]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLetters {
    pub email_credentials: Option<Spanned<bool>>,
    pub mails_per_minute: Option<Spanned<u32>>,
    pub subject: Option<Spanned<String>>,
    pub text: Option<Spanned<PathBuf>>,
    pub html: Option<Spanned<PathBuf>>,
    pub login_url: Option<String>,
    pub without_proof: Option<bool>,
    pub prove_login: Option<bool>,
}

/// `[feed.groups]`, `[feed.roles]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMemberships {
    pub create: Option<bool>,
    pub owned: Option<Spanned<Vec<String>>>,
}

/// `[feed.old]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawOld {
    pub policy: Option<Spanned<String>>,
    #[serde(default)]
    pub scope: BTreeMap<String, String>,
    pub reenable: Option<bool>,
    pub grace: Option<Spanned<String>>,
}

/// `[feed.limits]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawLimits {
    pub old: Option<Spanned<RawLimit>>,
    pub removals: Option<Spanned<RawLimit>>,
    pub clears: Option<Spanned<RawLimit>>,
    pub passwords: Option<Spanned<RawLimit>>,
    pub updates: Option<Spanned<RawLimit>>,
    pub creates: Option<Spanned<RawLimit>>,
    pub deletions: Option<Spanned<RawLimit>>,
    pub moves: Option<Spanned<RawLimit>>,
    pub takeovers: Option<Spanned<RawLimit>>,
}

/// A number, a percentage, `"none"`, or a list of a percentage and a number.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number, a percentage such as \"5%\", a list of both, or \"none\"")]
pub enum RawLimit {
    Count(usize),
    Text(String),
    Both(Vec<RawLimitPart>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a number or a percentage such as \"5%\"")]
pub enum RawLimitPart {
    Count(usize),
    Text(String),
}
