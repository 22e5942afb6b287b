//! What an admin says about a SCIM service, and the proof that it makes sense.

use std::fmt;
use std::num::NonZeroU32;
use std::num::NonZeroUsize;

use super::preset::Preset;
use super::transport::Auth;
use super::transport::Transport;
use super::transport::TransportSettings;
use super::url::BaseUrl;
use crate::roster::forecast::Rate;

/// The keys of `[target.scim]`; see `config/rosterd.toml` for what each one means.
///
/// What is `None` is left to the preset, then to what the service says of itself, then to a default.
#[derive(Clone, Debug)]
pub struct ScimSettings {
    /// How the service is spoken to, but for `in_flight` and `rate`: [`ScimSettings::transport`] has all of it.
    pub spoken: TransportSettings,
    /// What is known of the service beforehand.
    pub preset: Option<&'static Preset>,
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
    /// Bulk requests (RFC 7644 section 3.7).
    pub bulk: Option<bool>,
    /// Filters (RFC 7644 section 3.4.2.2).
    pub filter: Option<bool>,
    /// `If-Match` (RFC 7644 section 3.14).
    pub etag: Option<bool>,
    /// Passwords are written.
    pub change_password: Option<bool>,
    /// Paging (RFC 7644 section 3.4.2.4).
    pub paging: Option<bool>,
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
    /// Resources per page, unless somebody says that there are fewer.
    pub const PAGE: NonZeroUsize = NonZeroUsize::new(200).expect("200 is not zero");

    /// Returns the settings with every default.
    pub fn new(base: BaseUrl, auth: Auth) -> Self {
        const BULK: NonZeroUsize = NonZeroUsize::new(500).expect("500 is not zero");
        Self {
            spoken: TransportSettings::new(base, auth),
            preset: None,
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

    /// Returns where the service begins.
    pub fn base(&self) -> &BaseUrl {
        &self.spoken.base
    }

    /// Returns what is known of the service beforehand, be it nothing.
    pub fn preset(&self) -> &'static Preset {
        self.preset.unwrap_or(Preset::plain())
    }

    /// Returns how the service is spoken to.
    pub fn transport(&self) -> TransportSettings {
        TransportSettings { in_flight: self.in_flight(), rate: Some(self.max_rate()), ..self.spoken.clone() }
    }

    /// Returns how many requests may be in flight.
    pub fn in_flight(&self) -> NonZeroUsize {
        self.in_flight.or(self.preset().in_flight).unwrap_or(Self::IN_FLIGHT)
    }

    /// Returns how fast requests may be sent.
    pub fn max_rate(&self) -> Rate {
        self.max_rate.or(self.preset().max_rate).unwrap_or(Self::RATE)
    }

    /// Returns how many members one request may change.
    pub fn members_per_request(&self) -> NonZeroUsize {
        self.members_per_request.or(self.preset().members_per_request).unwrap_or(Self::MEMBERS)
    }

    /// Returns whether nobody on the way can read what is sent; else no password is ever written.
    pub fn is_private(&self) -> bool {
        !self.base().is_in_clear()
    }

    /// Proves that the settings can be used. Nothing is contacted.
    pub fn prove(&self) -> Result<(), SettingFault> {
        let fault = |key, reason: String| Err(SettingFault { key, reason });
        if let Err(error) = Transport::new(&self.transport()) {
            return fault("url", error.to_string());
        }
        let Overrides { users_path, groups_path, extensions, groups, patch, put, .. } = &self.overrides;
        for (key, path) in [("users_path", users_path), ("groups_path", groups_path)] {
            if let Some(Err(error)) = path.as_ref().map(|path| self.base().endpoint(path)) {
                return fault(key, error.to_string());
            }
        }
        if groups_path.is_some() && *groups == Some(false) {
            return fault("groups_path", "`groups = false` says that there are none".to_owned());
        }
        if *patch == Some(false) && *put == Some(false) {
            return fault("put", "without PATCH and PUT nothing can be changed".to_owned());
        }
        let mut urns = extensions.iter().flatten();
        if let Some(other) = urns.find(|urn| !urn.to_ascii_lowercase().starts_with("urn:")) {
            return fault("extensions", format!("`{other}` is no URN, such as urn:ietf:params:scim:schemas:..."));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> ScimSettings {
        ScimSettings::new(BaseUrl::parse("https://scim.example.org/v2").expect("a base"), Auth::None)
    }

    #[test]
    fn the_configuration_comes_before_the_preset_and_the_preset_before_the_default() {
        let mut settings = settings();
        assert_eq!((settings.in_flight().get(), settings.max_rate().to_string()), (4, "25/s".to_owned()));
        settings.preset = Preset::named("slack");
        assert_eq!((settings.in_flight().get(), settings.max_rate().to_string()), (2, "180/min".to_owned()));
        settings.max_rate = Some(ScimSettings::RATE);
        settings.in_flight = NonZeroUsize::new(8);
        let spoken = settings.transport();
        assert_eq!((spoken.in_flight.get(), spoken.rate), (8, Some(ScimSettings::RATE)));
    }

    #[test]
    fn settings_that_contradict_each_other_are_refused() {
        let refused = |change: fn(&mut ScimSettings)| {
            let mut settings = settings();
            change(&mut settings);
            settings.prove().expect_err("refused").key
        };
        assert_eq!(settings().prove(), Ok(()));
        assert_eq!(refused(|s| s.overrides.users_path = Some("https://other.example.org/Users".into())), "users_path");
        assert_eq!(refused(|s| s.overrides.groups_path = Some("../Groups".into())), "groups_path");
        assert_eq!(
            refused(|s| {
                s.overrides.groups_path = Some("Groups".into());
                s.overrides.groups = Some(false);
            }),
            "groups_path"
        );
        assert_eq!(
            refused(|s| {
                s.overrides.patch = Some(false);
                s.overrides.put = Some(false);
            }),
            "put"
        );
        assert_eq!(refused(|s| s.overrides.extensions = Some(vec!["enterprise".into()])), "extensions");
        let base = BaseUrl::parse("http://scim.example.org").expect("a base");
        let in_clear = ScimSettings::new(base, Auth::None);
        assert_eq!(in_clear.prove().expect_err("refused").key, "url");
        assert!(!in_clear.is_private());
    }
}
