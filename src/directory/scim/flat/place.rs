//! Where the attributes of a feed go, and whether the service takes them.

use std::sync::LazyLock;

use super::Unwritable;
use super::Why;
use super::form::Form;
use crate::directory::scim::filter::Filter;
use crate::directory::scim::path::AttributePath;
use crate::directory::scim::service::AttributeRule;
use crate::directory::scim::service::NotStored;
use crate::directory::scim::service::SchemaTable;
use crate::directory::scim::service::Service;
use crate::directory::scim::service::ValueKind;
use crate::directory::scim::wire::urn;
use crate::roster::attribute::AttributeName;

/// Attributes that no feed maps: the service's own, and those that rosterd writes for other reasons.
const OWN: [&str; 5] = ["id", "meta", "schemas", "password", "groups"];

static STANDARD: LazyLock<SchemaTable> = LazyLock::new(SchemaTable::standard);

/// An attribute of a feed, with where it goes and in what form.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: AttributePath,
    pub(super) form: Form,
}

impl Place {
    /// Finds the place of an attribute.
    pub(super) fn of(name: &AttributeName, table: &SchemaTable) -> Result<Self, Unwritable> {
        let unwritable = |why| Unwritable { attribute: name.clone(), why };
        let path = AttributePath::of(name).map_err(|fault| unwritable(fault.into()))?;
        let is_own = OWN.iter().any(|own| path.urn().is_none() && path.attribute().eq_ignore_ascii_case(own));
        if is_own {
            return Err(unwritable(Why::Own));
        }
        Ok(Self { form: form(&path, table), path })
    }

    /// Returns whether this is the one of several values that belongs to work.
    pub(super) fn is_work(&self) -> bool {
        let demands = self.path.filter().and_then(Filter::demands).unwrap_or_default();
        demands.iter().any(|(key, value)| *key == "type" && value.as_str() == Some("work"))
    }
}

fn schema_of(path: &AttributePath) -> &str {
    path.urn().map_or(urn::USER, |urn| urn.as_str())
}

/// Finds a definition: the service's, or RFC 7643's where the service has none.
fn rule<'t>(table: &'t SchemaTable, path: &AttributePath, sub: Option<&str>) -> Option<&'t AttributeRule> {
    let (schema, name) = (schema_of(path), path.attribute());
    table.rule(schema, name, sub).or_else(|| STANDARD.rule(schema, name, sub))
}

/// Returns the form of the values that a path leads to. What nobody defines is a single text.
pub(super) fn form(path: &AttributePath, table: &SchemaTable) -> Form {
    let whole = rule(table, path, None);
    let is_complex = whole.is_some_and(|rule| rule.kind == ValueKind::Complex);
    let inner = if is_complex { Some(path.sub().unwrap_or("value")) } else { path.sub() };
    let kind = match inner.and_then(|sub| rule(table, path, Some(sub))).or(whole) {
        Some(rule) if rule.kind != ValueKind::Complex => rule.kind,
        _ => ValueKind::String,
    };
    Form { kind, is_list: path.filter().is_none() && whole.is_some_and(|rule| rule.multi), is_complex }
}

/// Returns why the service would not store what `path` leads to, if that is known.
pub fn not_stored(path: &AttributePath, service: &Service) -> Option<NotStored> {
    if let Some(urn) = path.urn()
        && !service.has_extension(urn.as_str())
    {
        return Some(NotStored::NoExtension);
    }
    let is_it = |name: &&&str| {
        AttributePath::parse(name).is_ok_and(|other| other == path.without_filter() || other == path.whole())
    };
    if service.preset.not_stored.iter().any(|name| is_it(&name)) {
        return Some(NotStored::Preset);
    }
    service.schema.not_stored(schema_of(path), path.attribute(), path.sub())
}

/// Returns whether the service knows a sub-attribute of what `path` leads to.
pub(super) fn has_sub(path: &AttributePath, sub: &str, service: &Service) -> bool {
    let is_listed = service.schema.rule(schema_of(path), path.attribute(), Some(sub)).is_some();
    is_listed || service.schema.not_stored(schema_of(path), path.attribute(), Some(sub)).is_none()
}
