//! `[target.scim]`

use std::num::NonZeroU32;
use std::num::NonZeroUsize;
use std::time::Duration;

use toml::Spanned;
use url::Url;

use super::ConfigFault;
use super::prove::Prover;
use super::raw::RawAuth;
use super::raw::RawHeader;
use super::raw::RawOverride;
use super::raw::RawProxy;
use super::raw::RawRate;
use super::raw::RawScim;
use super::raw::RawVerify;
use crate::directory::scim::Overrides;
use crate::directory::scim::Preset;
use crate::directory::scim::RoleAttribute;
use crate::directory::scim::ScimSettings;
use crate::directory::scim::Verify;
use crate::directory::scim::path::AttributePath;
use crate::directory::scim::transport::Auth;
use crate::directory::scim::transport::ClientCredentials;
use crate::directory::scim::transport::CredentialsPlace;
use crate::directory::scim::transport::MediaType;
use crate::directory::scim::transport::Proxy;
use crate::directory::scim::transport::Timeouts;
use crate::directory::scim::url::BaseUrl;
use crate::roster::forecast::Rate;
use crate::roster::secret::Secret;

impl Prover {
    pub(super) fn scim(&mut self, raw: Spanned<RawScim>) -> Option<ScimSettings> {
        let span = raw.span();
        let raw = raw.into_inner();
        let base =
            self.take(raw.url.span(), BaseUrl::parse(raw.url.get_ref()).map_err(|fault| format!("url: {fault}")));
        let auth = match &raw.auth {
            Some(auth) => self.auth(auth)?,
            None => Auth::None,
        };
        let mut settings = ScimSettings::new(base?, auth);
        let spoken = &mut settings.spoken;
        for (name, value) in &raw.headers {
            spoken.headers.push((name.clone(), self.header(value)?));
        }
        spoken.allow_cleartext = raw.allow_cleartext;
        spoken.ca_file = raw.ca_file.as_ref().map(|path| self.config_dir.join(path.get_ref()));
        if let Some(proxy) = &raw.proxy {
            spoken.proxy = self.proxy(proxy)?;
        }
        spoken.http2 = raw.http2.unwrap_or(spoken.http2);
        let types = [("scim", MediaType::Scim), ("json", MediaType::Json)];
        spoken.media_type = self.choice(raw.media_type.as_ref(), &types);
        let Timeouts { connect, read, whole } = spoken.timeouts;
        let read = self.duration(raw.timeout.as_ref(), read);
        spoken.timeouts = Timeouts {
            connect: self.duration(raw.connect_timeout.as_ref(), connect),
            read,
            whole: if raw.timeout.is_some() { read.saturating_mul(2) } else { whole },
        };
        if let Some(size) = &raw.answer_size {
            spoken.max_body = self.at_least_one(&size.span(), *size.get_ref())?.get();
        }
        let mut some = |value: &Option<Spanned<usize>>| -> Option<Option<NonZeroUsize>> {
            match value {
                Some(n) => self.at_least_one(&n.span(), *n.get_ref()).map(Some),
                None => Some(None),
            }
        };
        settings.in_flight = some(&raw.in_flight)?;
        settings.page_size = some(&raw.page_size)?;
        settings.members_per_request = some(&raw.members_per_request)?;
        settings.bulk_operations = some(&raw.bulk_operations)?.unwrap_or(settings.bulk_operations);
        settings.bulk = raw.bulk.unwrap_or(settings.bulk);
        if let Some(rate) = &raw.max_rate {
            settings.max_rate = Some(self.take(rate.span(), limit(rate.get_ref()))?);
        }
        settings.preset = match &raw.preset {
            Some(name) => Some(self.preset(name)?),
            None => None,
        };
        if let Some(verify) = &raw.verify {
            settings.verify = match verify.get_ref() {
                RawVerify::First(n) => Verify::First(*n),
                RawVerify::Word(word) if word == "always" => Verify::Always,
                RawVerify::Word(word) => {
                    let text = format!("`{word}` is neither a number nor \"always\"");
                    self.fault(ConfigFault::at(verify.span(), text));
                    return None;
                }
            };
        }
        if let Some(name) = &raw.must_change_attribute {
            self.take(name.span(), AttributePath::parse(name.get_ref()).map_err(|fault| fault.to_string()))?;
        }
        settings.must_change_attribute = raw.must_change_attribute.map(Spanned::into_inner);
        let roles =
            [("", None), ("roles", Some(RoleAttribute::Roles)), ("entitlements", Some(RoleAttribute::Entitlements))];
        settings.role_attribute = self.choice(raw.role_attribute.as_ref(), &roles);
        settings.overrides = overrides(raw.overrides);
        settings.protected = raw.protected;
        settings.approvers = raw.approvers;
        settings.protected_groups = raw.protected_groups;
        self.take(span, settings.prove())?;
        Some(settings)
    }

    fn auth(&mut self, raw: &Spanned<RawAuth>) -> Option<Auth> {
        let RawAuth { bearer, username, password, token_url, client_id, client_secret, client_in, scope, parameters } =
            raw.get_ref();
        let has_login = username.is_some() || password.is_some();
        let has_client = token_url.is_some() || client_id.is_some() || client_secret.is_some();
        let has_more = client_in.is_some() || scope.is_some() || !parameters.is_empty();
        match (bearer, username, password, token_url, client_id, client_secret) {
            (Some(token), ..) if !has_login && !has_client && !has_more => Some(Auth::Bearer(self.secret(token)?)),
            (None, Some(username), Some(password), ..) if !has_client && !has_more => {
                Some(Auth::Basic { username: username.clone(), password: self.secret(password)? })
            }
            (None, .., Some(url), Some(client_id), Some(client_secret)) if !has_login => {
                let token_url = Url::parse(url.get_ref()).map_err(|error| format!("token_url: {error}"));
                let places = [("header", CredentialsPlace::Header), ("body", CredentialsPlace::Body)];
                Some(Auth::ClientCredentials(ClientCredentials {
                    token_url: self.take(url.span(), token_url)?,
                    client_id: client_id.clone(),
                    client_secret: self.secret(client_secret)?,
                    scope: scope.clone(),
                    parameters: parameters.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
                    placed: self.choice(client_in.as_ref(), &places),
                }))
            }
            _ => {
                let text = "`auth` is `bearer`, or `username` with `password`, or `token_url` with `client_id` and \
                            `client_secret`";
                self.fault(ConfigFault::at(raw.span(), text));
                None
            }
        }
    }

    fn header(&mut self, raw: &Spanned<RawHeader>) -> Option<Secret> {
        match raw.get_ref() {
            RawHeader::Text(text) => Some(Secret::from(text.as_str())),
            RawHeader::Secret(secret) => self.secret(&Spanned::new(raw.span(), secret.clone())),
        }
    }

    fn proxy(&mut self, raw: &Spanned<RawProxy>) -> Option<Proxy> {
        let (text, login) = match raw.get_ref() {
            RawProxy::Word(word) if word == "system" => return Some(Proxy::System),
            RawProxy::Word(word) if word == "none" => return Some(Proxy::Direct),
            RawProxy::Word(url) => (url, None),
            RawProxy::Login(login) => {
                let password = self.secret(&Spanned::new(raw.span(), login.password.clone()))?;
                (&login.url, Some((login.username.clone(), password)))
            }
        };
        let url = self.take(raw.span(), Url::parse(text).map_err(|error| format!("`proxy`: {error}")))?;
        Some(Proxy::At { url, login })
    }

    fn preset(&mut self, name: &Spanned<String>) -> Option<&'static Preset> {
        let found = Preset::named(name.get_ref());
        if found.is_none() {
            let names: Vec<_> = Preset::all().map(|preset| preset.name).collect();
            let text = format!("`{}` is not one of: {}", name.get_ref(), names.join(", "));
            self.fault(ConfigFault::at(name.span(), text).hint("leave `preset` out for every other service"));
        }
        found
    }
}

/// Reads `25`, `25/s`, `180/min` or `1000/h`.
fn limit(raw: &RawRate) -> Result<Rate, String> {
    let none =
        || "a rate is a number that is not 0, for a second, or such as \"25/s\", \"180/min\", \"1000/h\"".to_owned();
    let (n, seconds) = match raw {
        RawRate::PerSecond(n) => (*n, 1),
        RawRate::Text(text) => {
            let (n, unit) = text.split_once('/').ok_or_else(none)?;
            let seconds = match unit.trim() {
                "s" => 1,
                "min" => 60,
                "h" => 60 * 60,
                _ => return Err(none()),
            };
            (n.trim().parse().map_err(|_| none())?, seconds)
        }
    };
    Ok(Rate { n: NonZeroU32::new(n).ok_or_else(none)?, per: Duration::from_secs(seconds) })
}

fn overrides(raw: RawOverride) -> Overrides {
    let RawOverride {
        discover,
        schema,
        patch,
        put,
        bulk,
        filter,
        etag,
        change_password,
        paging,
        cursor,
        groups,
        users_path,
        groups_path,
        extensions,
    } = raw;
    Overrides {
        discover,
        schema,
        patch,
        put,
        bulk,
        filter,
        etag,
        change_password,
        paging,
        cursor,
        groups,
        users_path,
        groups_path,
        extensions,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_for_a_second_a_minute_or_an_hour() {
        let read = |text: &str| limit(&RawRate::Text(text.to_owned())).map(|limit| limit.to_string());
        for text in ["25/s", "180/min", "1000/h"] {
            assert_eq!(read(text).as_deref(), Ok(text));
        }
        assert_eq!(read(" 5 / s ").as_deref(), Ok("5/s"));
        assert_eq!(limit(&RawRate::PerSecond(7)), Ok(Rate::per_second(NonZeroU32::new(7).expect("not zero"))));
        for wrong in ["", "25", "0/s", "-1/s", "25/day", "fast/s", "1.5/s"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(limit(&RawRate::PerSecond(0)).is_err());
    }
}
