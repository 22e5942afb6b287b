//! What the probe's account is like.

use rand::RngExt;

use super::super::super::Dsa;
use super::super::super::name::Dn;
use super::super::super::server::Schema;
use super::Probe;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Schema as Names;
use crate::roster::fault::Fault;
use crate::roster::fault::Next;
use crate::roster::password::PasswordPolicy;

/// What the probe's account is like: a row of a roster under the probe's name.
#[derive(Clone, Debug)]
pub struct Example {
    /// The probe's name, from [`Example::nobody`].
    pub username: Box<str>,
    /// Where the feed wants it.
    pub locator: Option<Box<str>>,
    /// What the row says.
    pub attributes: Attributes,
    /// Attributes of which no two people may have the same value: the probe gets values of its own.
    pub only_its_own: Vec<AttributeName>,
}

impl Example {
    /// Returns somebody of whom nothing is known but a random name.
    pub fn nobody() -> Self {
        // So short that it can be a sAMAccountName, which has 20 characters at most.
        let username = format!("rosterd-probe-{:06x}", rand::rng().random_range(0..1_u32 << 24)).into();
        Self { username, locator: None, attributes: Attributes::default(), only_its_own: Vec::new() }
    }
}

impl<'d> Probe<'d> {
    /// Prepares the account: as the example says, and made up where that says nothing.
    pub(super) async fn new(dsa: &'d Dsa, passwords: Option<&PasswordPolicy>, example: Example) -> Result<Self, Fault> {
        let Example { username, locator, attributes, only_its_own } = example;
        let username = username.into_string();
        let schema = dsa.schema(&*dsa.pool.lease().await?, &[], &[]).await?;
        let own_name = |name: &str| {
            let names = [&dsa.site.username_attribute, &dsa.site.naming_attribute];
            let is = |named: &&String| {
                named.eq_ignore_ascii_case(name) || schema.synonyms(named).any(|s| s.eq_ignore_ascii_case(name))
            };
            names.iter().any(is)
        };
        let mut values: Vec<(String, Vec<Vec<u8>>)> = Vec::new();
        let mut changeable = None;
        for (name, given) in attributes.iter() {
            if own_name(name.as_str()) {
                continue;
            }
            let own = only_its_own.contains(name) || ["mail", "uidNumber"].iter().any(|unique| name.is(unique));
            let value = match (own, attributes.first_text(name.as_str())) {
                (true, Some(text)) => vec![others(&schema, name, text, &username, &dsa.site.people_base)],
                _ => given.to_vec(),
            };
            values.push((name.as_str().to_owned(), value));
        }
        for name in dsa.required_attributes().iter().cloned() {
            let is_given = |(given, _): &(String, Vec<Vec<u8>>)| {
                schema.synonyms(given).any(|same| same == name) || given.eq_ignore_ascii_case(&name)
            };
            if own_name(&name) || values.iter().any(is_given) {
                continue;
            }
            let value = harmless(&schema, &name, &username, &dsa.site.people_base);
            if changeable.is_none() && value == username {
                changeable = Some(AttributeName::new(&name));
            }
            values.push((name, vec![value.into_bytes()]));
        }
        if changeable.is_none() {
            let fits = |name: &&&str| schema.allows(&dsa.site.object_classes, name) && !own_name(name);
            if let Some(name) = ["sn", "displayName", "description"].iter().find(fits) {
                changeable = Some(AttributeName::new(name));
                values.retain(|(given, _)| !given.eq_ignore_ascii_case(name));
                values.push(((*name).to_owned(), vec![username.clone().into_bytes()]));
            }
        }
        let names = Names::new(values.iter().map(|(name, _)| AttributeName::new(name)));
        let attributes = names.pack(values.iter().map(|(name, v)| (name.as_str(), v.iter().map(Vec::as_slice))));
        let place =
            dsa.place(&username, locator.as_deref(), &attributes).map_err(|why| Fault::new(Next::StopRun, why))?;
        let usual = PasswordPolicy::new(PasswordPolicy::DEFAULT_LENGTH, PasswordPolicy::DEFAULT_ALPHABET);
        let usual = usual.map_err(|weak| Fault::new(Next::StopRun, weak.to_string()))?;
        let password = match dsa.pool.no_password() {
            None => Some(passwords.unwrap_or(&usual).generate_without(&mut rand::rng(), &[&username])),
            Some(_) => None,
        };
        let findings = Vec::new();
        Ok(Self { dsa, username: username.into(), place, locator, attributes, changeable, password, findings })
    }
}

/// Returns a value in the place of one that is somebody else's.
fn others(schema: &Schema, name: &AttributeName, text: &str, username: &str, base: &Dn) -> Vec<u8> {
    match text.rsplit_once('@') {
        Some((_, domain)) => format!("{username}@{domain}"),
        None => harmless(schema, name.as_str(), username, base),
    }
    .into_bytes()
}

/// Returns a value that an attribute takes and that gives no right to anybody.
fn harmless(schema: &Schema, name: &str, username: &str, base: &Dn) -> String {
    match schema.syntax(name).and_then(|oid| oid.strip_prefix("1.3.6.1.4.1.1466.115.121.1.")) {
        // Boolean
        Some("7") => "FALSE".to_owned(),
        // DN
        Some("12") => base.to_string(),
        // Generalized Time
        Some("24") => "20000101000000Z".to_owned(),
        // INTEGER; as a uidNumber or gidNumber it is that of nobody.
        Some("27") => "65534".to_owned(),
        // Numeric String, Telephone Number
        Some("36" | "50") => "0".to_owned(),
        _ if name.eq_ignore_ascii_case("homeDirectory") => "/nonexistent".to_owned(),
        _ => username.to_owned(),
    }
}
