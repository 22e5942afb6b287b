//! The operations of a PATCH, and the body of a PUT.

use serde_json::Map;
use serde_json::Value;

use super::LeftOut;
use super::Unwritable;
use super::Why;
use super::create::Written;
use super::create::element;
use super::create::flag_in;
use super::create::list;
use super::create::not_kept;
use super::create::say_primary;
use super::create::single;
use super::place::Place;
use super::place::form;
use super::place::not_stored;
use crate::directory::scim::path::AttributePath;
use crate::directory::scim::service::Mutability;
use crate::directory::scim::service::Service;
use crate::directory::scim::wire::Op;
use crate::directory::scim::wire::PatchOperation;
use crate::directory::scim::wire::Resource;
use crate::directory::scim::wire::applied;
use crate::directory::scim::wire::apply::apply;
use crate::directory::scim::wire::apply::selected;
use crate::directory::scim::wire::resource::whole_in;
use crate::directory::scim::wire::urn;
use crate::directory::scim::wire::writer::schemas;
use crate::roster::change::Change;
use crate::roster::secret::Secret;

/// What should become of an account.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changed<'a> {
    /// Attribute changes.
    pub changes: &'a [Change],
    /// Another login name.
    pub username: Option<&'a str>,
    /// A new password.
    pub password: Option<&'a Secret>,
    /// Which attribute says whether the password must be changed at the next login, and what it says.
    pub must_change: Option<(&'a AttributePath, bool)>,
    /// Let the person log in, or not.
    pub enabled: Option<bool>,
}

/// Returns the operations that make the changes: one for each attribute, with an explicit path, `active` last.
///
/// `existing` is the account as it was read. With it, operations fit what is there: a service refuses to replace a value
/// that no filter selects (`noTarget`, RFC 7644 section 3.5.2.3). Without it, what the changes say was there counts.
pub fn changes_of(
    changed: &Changed<'_>,
    existing: Option<&Resource>,
    service: &Service,
) -> Result<Written<Vec<PatchOperation>>, Unwritable> {
    let Changed { changes, username, password, must_change, enabled } = *changed;
    let mut operations = Vec::new();
    let mut left_out = Vec::new();
    let mut places: Vec<(&Change, AttributePath)> = Vec::new();
    if let Some(username) = username {
        operations.push(PatchOperation::replace(AttributePath::user_name(), username.into()));
    }
    for change in changes {
        let unwritable = |why| Unwritable { attribute: change.attribute.clone(), why };
        let place = Place::of(&change.attribute, &service.schema)?;
        if place.path == AttributePath::user_name() {
            return Err(unwritable(Why::Own));
        }
        if let Some((other, _)) = places.iter().find(|(_, path)| *path == place.path) {
            return Err(unwritable(Why::Twice(other.attribute.clone())));
        }
        places.push((change, place.path.clone()));
        let held = existing.filter(|_| !change.new.is_empty()).and_then(|resource| resource.whole(&place.path));
        match not_stored(&place.path, service).or_else(|| not_kept(&place, held, service)) {
            Some(why) => left_out.push(LeftOut { attribute: change.attribute.clone(), why }),
            None => operations.push(operation(change, &place, existing, service).map_err(unwritable)?),
        }
    }
    if let Some(password) = password {
        operations.push(PatchOperation::replace(AttributePath::password(), password.expose().into()));
    }
    if let Some((path, value)) = must_change {
        operations.push(PatchOperation::replace(path.clone(), flag_in(&form(path, &service.schema), value)));
    }
    if let Some(enabled) = enabled {
        operations.push(PatchOperation::replace(AttributePath::active(), enabled.into()));
    }
    // A service that refuses anything else must not switch anybody on or off by half.
    operations.sort_by_key(|operation| operation.path.is_core("active"));
    Ok(Written { sent: operations, left_out })
}

fn operation(
    change: &Change,
    place: &Place,
    existing: Option<&Resource>,
    service: &Service,
) -> Result<PatchOperation, Why> {
    let values: Vec<&[u8]> = change.new.iter().map(AsRef::as_ref).collect();
    let path = &place.path;
    let held = existing.and_then(|resource| resource.whole(path));
    let elements = match held {
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    let Some(filter) = path.filter() else {
        return Ok(match values.as_slice() {
            [] => PatchOperation::remove(if place.form.is_list { path.whole() } else { path.clone() }),
            _ if place.form.is_list => PatchOperation::replace(path.whole(), list(place, &values, elements, service)?),
            _ => PatchOperation::replace(path.clone(), single(place, &values)?),
        });
    };
    let is_there = match existing {
        Some(_) => elements.iter().any(|element| filter.matches(element)),
        None => !change.old.is_empty(),
    };
    // One that was chosen though no filter selects it can only be reached with all the others.
    let by_whole = !is_there && !selected(elements, filter).is_empty();
    let removes_element = path.sub().is_none_or(|sub| sub.eq_ignore_ascii_case("value"));
    match values.as_slice() {
        [] if by_whole => {
            let operation = PatchOperation::remove(if removes_element { path.elements() } else { path.clone() });
            Ok(existing.map_or_else(|| operation.clone(), |resource| whole_of(&operation, resource)))
        }
        [] if removes_element => Ok(PatchOperation::remove(path.elements())),
        [] => Ok(PatchOperation::remove(path.clone())),
        _ if is_there || by_whole => {
            let value = match path.sub() {
                Some(_) => single(place, &values)?,
                None => element(place, &values, service)?,
            };
            let operation = PatchOperation::replace(path.clone(), value);
            Ok(match existing.filter(|_| by_whole) {
                Some(resource) => whole_of(&operation, resource),
                None => operation,
            })
        }
        _ => {
            let mut added = [element(place, &values, service)?];
            if elements.is_empty() {
                say_primary(path, &mut added, service);
            }
            Ok(PatchOperation::add(path.whole(), Value::Array(added.into())))
        }
    }
}

/// Returns an operation on the attribute as a whole that comes to the same, for services that refuse value filters or
/// sub-attributes in paths.
pub fn whole_of(operation: &PatchOperation, existing: &Resource) -> PatchOperation {
    let whole = operation.path.whole();
    let mut map = Map::new();
    if let Some(held) = existing.whole(&whole) {
        apply(&mut map, &PatchOperation::replace(whole.clone(), held.clone()));
    }
    apply(&mut map, operation);
    match whole_in(&map, &whole) {
        Some(value) => PatchOperation { op: Op::Replace, path: whole, value: Some(value.clone()) },
        None => PatchOperation::remove(whole),
    }
}

/// Returns the body of a PUT that does the same as `operations`: all of the resource as it was read, since what is left
/// out may be cleared (RFC 7644 section 3.5.1). What the service alone writes is left out, and so is `null`.
///
/// `core` is the schema of the resource, [`urn::USER`] or [`urn::GROUP`].
pub fn put_of(existing: &Resource, operations: &[PatchOperation], core: &str, service: &Service) -> Value {
    let mut attributes = applied(existing.attributes(), operations);
    let is_groups = |key: &str| core.eq_ignore_ascii_case(urn::USER) && key.eq_ignore_ascii_case("groups");
    let is_own = |key: &str| ["id", "meta", "schemas"].iter().any(|own| own.eq_ignore_ascii_case(key));
    let is_read_only =
        |key: &str| service.schema.rule(core, key, None).is_some_and(|rule| rule.mutability == Mutability::ReadOnly);
    attributes.retain(|key, value| !value.is_null() && !is_own(key) && !is_groups(key) && !is_read_only(key));
    attributes.retain(|_, value| !is_without_values(value));
    for extension in attributes.iter_mut().filter(|(key, _)| is_urn(key)).filter_map(|(_, value)| value.as_object_mut())
    {
        extension.retain(|_, value| !value.is_null());
    }
    attributes.retain(|key, value| !is_urn(key) || value.as_object().is_none_or(|extension| !extension.is_empty()));
    let mut body = Map::new();
    let schemas: Vec<Value> = schemas(core, &attributes).iter().map(|urn| urn.as_str().into()).collect();
    body.insert("schemas".to_owned(), Value::Array(schemas));
    body.insert("id".to_owned(), existing.id.as_str().into());
    body.append(&mut attributes);
    Value::Object(body)
}

/// Returns whether there are elements, and each of them has an empty value: services that show what is missing so do not
/// take it back so.
fn is_without_values(value: &Value) -> bool {
    let is_empty = |element: &Value| element.get("value").is_some_and(|value| value == "");
    value.as_array().is_some_and(|elements| !elements.is_empty() && elements.iter().all(is_empty))
}

fn is_urn(key: &str) -> bool {
    key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
}
