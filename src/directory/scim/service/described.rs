//! A service as its own documents, the configuration and the preset describe it.

use std::fmt;
use std::num::NonZeroUsize;

use serde_json::Value;

use super::BulkLimits;
use super::Downgrades;
use super::Note;
use super::Origin;
use super::SchemaTable;
use super::Service;
use super::features::Features;
use crate::directory::scim::settings::ScimSettings;
use crate::directory::scim::url::BaseUrl;
use crate::directory::scim::url::Endpoint;
use crate::directory::scim::wire::lenient;
use crate::directory::scim::wire::list::ListResponse;
use crate::directory::scim::wire::urn;

/// The largest bulk request for services that offer them without saying how large: what most of them say.
const PAYLOAD: NonZeroUsize = NonZeroUsize::new(1 << 20).expect("not zero");

/// What a service answers when it is asked what it is (RFC 7644 section 4).
#[derive(Clone, Debug)]
pub struct Documents {
    /// `/ServiceProviderConfig`
    pub config: Result<Value, Absent>,
    /// `/ResourceTypes`
    pub types: Result<Value, Absent>,
    /// `/Schemas`
    pub schemas: Result<Value, Absent>,
}

/// Why there is no such document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absent {
    /// The configuration says not to ask.
    NotAsked,
    /// The service answered otherwise; the text says how.
    Answer(String),
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not asked, as the configuration says"),
            Self::Answer(text) => f.write_str(text),
        }
    }
}

impl Default for Documents {
    /// Returns what is known of a service that is not asked.
    fn default() -> Self {
        Self { config: Err(Absent::NotAsked), types: Err(Absent::NotAsked), schemas: Err(Absent::NotAsked) }
    }
}

/// What `/ResourceTypes` says (RFC 7643 section 6).
#[derive(Debug, Default)]
struct Types {
    users: Option<Endpoint>,
    groups: Option<Endpoint>,
    extensions: Vec<String>,
}

impl Service {
    /// Puts together what is known: the configuration comes first, then the preset, then the service itself.
    pub fn of(settings: &ScimSettings, documents: Documents) -> Self {
        let Documents { config, types, schemas } = documents;
        let (preset, overrides) = (settings.preset(), &settings.overrides);
        let mut notes = Notes::default();
        let features = notes.document("/ServiceProviderConfig", config, |value, _| Features::read(value));
        let features = features.unwrap_or_default();
        if !features.schemes.is_empty() {
            notes.add("authentication", features.schemes.join(", "), Origin::Service);
        }
        let base = settings.base();
        let types = notes.document("/ResourceTypes", types, |value, notes| Types::read(value, base, notes));
        let table = match overrides.schema {
            Some(false) => {
                notes.add("/Schemas", "those of RFC 7643 are believed instead".to_owned(), Origin::Override);
                None
            }
            _ => notes
                .document("/Schemas", schemas, |value, _| SchemaTable::read(ListResponse::read(value).ok()?.resources)),
        };
        let schema = table.unwrap_or_else(SchemaTable::standard);
        let patch = notes.decide("PATCH", overrides.patch, preset.patch, features.patch, true);
        let put = notes.decide("PUT", overrides.put, preset.put, None, true);
        let filter = notes.decide("filters", overrides.filter, preset.filter, features.filter, true);
        let etag = notes.decide("ETags", overrides.etag, preset.etag, features.etag, false);
        let passwords = (overrides.change_password, preset.change_password, features.change_password);
        let change_password = notes.decide("passwords", passwords.0, passwords.1, passwords.2, true);
        let cursor = notes.decide("paging by cursor", overrides.cursor, None, features.cursor, false);
        let index = features.index.map(|index| index || cursor);
        let paging = notes.decide("paging", overrides.paging, preset.paging, index, true);
        let offered = notes.decide("bulk requests", overrides.bulk, preset.bulk, features.bulk, false);
        let bulk = (offered && settings.bulk).then(|| BulkLimits {
            operations: least(settings.bulk_operations, [features.bulk_operations]),
            payload: features.bulk_payload.and_then(size).unwrap_or(PAYLOAD),
        });
        match bulk {
            Some(BulkLimits { operations, payload }) => {
                notes.add("a bulk request", format!("{operations} operations, {payload} bytes"), Origin::Service);
            }
            None if offered => notes.add("bulk requests", "left alone".to_owned(), Origin::Override),
            None => {}
        }
        let limits = [features.filter_results, features.page_size, preset.page_max.map(|size| size.get() as u64)];
        let page_size = settings.page_size.unwrap_or_else(|| least(ScimSettings::PAGE, limits));
        let said = types.as_ref().map(|types| types.groups.is_some());
        let groups = overrides.groups.or(overrides.groups_path.as_ref().map(|_| true));
        let has_groups = notes.decide("groups", groups, None, said, true);
        let extensions = match (&overrides.extensions, &types) {
            (Some(own), _) => {
                notes.add("extensions", shown(own), Origin::Override);
                Some(own.clone())
            }
            (None, Some(types)) => {
                notes.add("extensions", shown(&types.extensions), Origin::Service);
                Some(types.extensions.clone())
            }
            (None, None) => None,
        };
        let types = types.unwrap_or_default();
        let endpoint = |path: Option<&String>, found: Option<Endpoint>, name: &str| {
            let own = path.and_then(|path| base.endpoint(path).ok());
            own.or(found).unwrap_or_else(|| base.endpoint(name).expect("a plain word is below every base"))
        };
        let users = endpoint(overrides.users_path.as_ref(), types.users, "Users");
        let groups = has_groups.then(|| endpoint(overrides.groups_path.as_ref(), types.groups, "Groups"));
        Self {
            patch,
            put,
            bulk,
            filter,
            paging,
            page_size,
            etag,
            change_password,
            cursor,
            users,
            groups,
            bulk_endpoint: endpoint(None, None, "Bulk"),
            extensions,
            schema,
            preset,
            found: notes.found,
            downgrades: Downgrades::default(),
        }
    }
}

impl Types {
    /// Reads them; `None` when there are no users among them, which is no answer to rely on.
    fn read(value: &Value, base: &BaseUrl, notes: &mut Notes) -> Option<Self> {
        let list = ListResponse::read(value).ok()?;
        let text = |value: &Value, key: &str| lenient::of(value, key).and_then(Value::as_str).map(str::to_owned);
        // The schema says what it is; some give it no name, or one of their own, in any case (RFC 7643 section 6).
        let find = |schema: &str, name: &str| {
            let is = |value: &Value, key: &str, wanted: &str| {
                text(value, key).is_some_and(|text| text.eq_ignore_ascii_case(wanted))
            };
            let by = |key: &'static str, wanted| list.resources.iter().copied().find(move |one| is(one, key, wanted));
            by("schema", schema).or_else(|| by("name", name)).or_else(|| by("id", name))
        };
        let mut endpoint = |one: &Value, name: &str| {
            let path = text(one, "endpoint").unwrap_or_else(|| name.to_owned());
            match base.endpoint(&path) {
                Ok(endpoint) => endpoint,
                Err(fault) => {
                    notes.add(
                        "/ResourceTypes",
                        format!("the endpoint of {name} is not followed: {fault}"),
                        Origin::Misread,
                    );
                    base.endpoint(name).expect("a plain word is below every base")
                }
            }
        };
        let user = find(urn::USER, "User")?;
        let extensions = lenient::of(user, "schemaExtensions").and_then(Value::as_array).into_iter().flatten();
        let users = endpoint(user, "Users");
        let groups = find(urn::GROUP, "Group").map(|group| endpoint(group, "Groups"));
        Some(Self {
            users: Some(users),
            groups,
            extensions: extensions
                .filter_map(|one| one.as_str().map(str::to_owned).or_else(|| text(one, "schema")))
                .collect(),
        })
    }
}

/// What is found, as it is found.
#[derive(Default)]
struct Notes {
    found: Vec<Note>,
}

impl Notes {
    fn add(&mut self, subject: &'static str, text: String, origin: Origin) {
        self.found.push(Note { subject, text, origin });
    }

    /// Reads one document, if it is there and `read` makes something of it.
    fn document<T>(
        &mut self,
        subject: &'static str,
        document: Result<Value, Absent>,
        read: impl FnOnce(&Value, &mut Self) -> Option<T>,
    ) -> Option<T> {
        match document {
            Ok(value) => match read(&value, self) {
                Some(found) => {
                    self.add(subject, "read".to_owned(), Origin::Service);
                    Some(found)
                }
                None => {
                    self.add(subject, "there is nothing in the answer that can be used".to_owned(), Origin::Misread);
                    None
                }
            },
            Err(Absent::NotAsked) => {
                self.add(subject, Absent::NotAsked.to_string(), Origin::Override);
                None
            }
            Err(absent) => {
                self.add(subject, absent.to_string(), Origin::Misread);
                None
            }
        }
    }

    /// Decides whether something is there, and notes why.
    fn decide(
        &mut self,
        subject: &'static str,
        own: Option<bool>,
        preset: Option<bool>,
        service: Option<bool>,
        default: bool,
    ) -> bool {
        let (answer, origin) = match (own, preset, service) {
            (Some(own), _, _) => (own, Origin::Override),
            (None, Some(preset), _) => (preset, Origin::Preset),
            (None, None, Some(service)) => (service, Origin::Service),
            (None, None, None) => (default, Origin::Default),
        };
        let word = |is: bool| if is { "yes" } else { "no" };
        let mut text = word(answer).to_owned();
        if let Some(service) = service.filter(|service| *service != answer) {
            text = format!("{text}, though the service says {}", word(service));
        }
        self.add(subject, text, origin);
        answer
    }
}

fn shown(urns: &[String]) -> String {
    if urns.is_empty() { "none".to_owned() } else { urns.join(", ") }
}

fn size(n: u64) -> Option<NonZeroUsize> {
    usize::try_from(n).ok().and_then(NonZeroUsize::new)
}

/// Returns the smallest of `own` and those limits that are set.
fn least(own: NonZeroUsize, limits: impl IntoIterator<Item = Option<u64>>) -> NonZeroUsize {
    limits.into_iter().flatten().filter_map(size).fold(own, NonZeroUsize::min)
}

#[cfg(test)]
mod tests;
