//! What a service has, as rosterd compares it.

use unicode_normalization::UnicodeNormalization;

use super::Unwritable;
use super::form::as_stored;
use super::form::octets;
use super::place::Place;
use crate::directory::scim::path::AttributePath;
use crate::directory::scim::service::SchemaTable;
use crate::directory::scim::service::ValueKind;
use crate::directory::scim::wire::Resource;
use crate::directory::scim::wire::lenient;
use crate::roster::account::EntryId;
use crate::roster::account::ExistingAccount;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Schema;
use crate::roster::change::Change;

/// The attributes that are read of accounts, with their places: found once, not for each account.
#[derive(Clone, Debug)]
pub struct Paths {
    schema: Schema,
    places: Vec<(AttributeName, Place)>,
    must_change: Option<AttributePath>,
}

impl Paths {
    /// Finds the places of all attributes of `schema`. `must_change` says whether a password must be changed at the next
    /// login; SCIM itself has no such attribute.
    pub fn new(schema: &Schema, must_change: Option<&AttributePath>, table: &SchemaTable) -> Result<Self, Unwritable> {
        let place = |name: &AttributeName| Ok((name.clone(), Place::of(name, table)?));
        let places = schema.names().map(place).collect::<Result<_, Unwritable>>()?;
        Ok(Self { schema: schema.clone(), places, must_change: must_change.cloned() })
    }

    /// Returns what to ask for in `attributes=` (RFC 7644 section 3.9): whole attributes, since of a part of one some
    /// services give nothing. `id` always comes.
    pub fn projection(&self) -> Vec<String> {
        let own = [AttributePath::user_name(), AttributePath::external_id(), AttributePath::active()];
        let mut names: Vec<String> = Vec::new();
        let paths = own.iter().chain(self.places.iter().map(|(_, place)| &place.path)).chain(&self.must_change);
        for name in paths.map(|path| path.whole().to_string()) {
            if !names.iter().any(|other| other.eq_ignore_ascii_case(&name)) {
                names.push(name);
            }
        }
        names
    }
}

/// Returns the account that a resource is. One that does not say whether it is active is (RFC 7643 section 4.1.1 leaves
/// the meaning to the service, and none locks out people that way).
pub fn account_of(resource: &Resource, paths: &Paths) -> ExistingAccount {
    let held: Vec<(&str, Vec<Vec<u8>>)> = paths
        .places
        .iter()
        .map(|(name, place)| (name.as_str(), values(resource, place)))
        .filter(|(_, values)| !values.is_empty())
        .collect();
    let packed = held.iter().map(|(name, values)| (*name, values.iter().map(Vec::as_slice)));
    let id: Box<str> = resource.id.as_str().into();
    ExistingAccount {
        id: EntryId { locator: id.clone(), stable: id },
        username: resource.user_name().unwrap_or_default().into(),
        attributes: paths.schema.pack(packed),
        enabled: resource.active().unwrap_or(true),
        must_change: paths.must_change.as_ref().and_then(|path| flag_of(resource, path)),
        protected: None,
        archived: false,
    }
}

fn values(resource: &Resource, place: &Place) -> Vec<Vec<u8>> {
    resource.values(&place.path).iter().map(|text| octets(place.form.kind, text)).collect()
}

fn flag_of(resource: &Resource, path: &AttributePath) -> Option<bool> {
    lenient::boolean(&resource.values(path).first()?.as_ref().into())
}

/// Returns those of `changes` that `resource`, read afterwards, does not show. Passwords are never shown, so no change
/// is about one.
///
/// Text is compared in Unicode's form NFC; what the service spells otherwise in any other way counts as not stored, and
/// it is for the caller to say so once.
pub fn unstored<'c>(resource: &Resource, changes: &'c [Change], table: &SchemaTable) -> Vec<&'c Change> {
    let differs = |change: &&Change| {
        let Ok(place) = Place::of(&change.attribute, table) else { return false };
        let kind = place.form.kind;
        let mut has: Vec<Vec<u8>> = values(resource, &place).iter().map(|value| compared(kind, value)).collect();
        let mut wants: Vec<Vec<u8>> = change.new.iter().map(|value| compared(kind, value)).collect();
        for values in [&mut has, &mut wants] {
            values.sort();
            values.dedup();
        }
        has != wants
    };
    changes.iter().filter(differs).collect()
}

fn compared(kind: ValueKind, octets: &[u8]) -> Vec<u8> {
    let stored = as_stored(kind, octets);
    match std::str::from_utf8(&stored) {
        Ok(text) if !text.is_ascii() => text.nfc().collect::<String>().into_bytes(),
        _ => stored,
    }
}
