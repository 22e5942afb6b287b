//! The body of a POST.

use std::collections::HashMap;

use serde_json::Value;

use super::LeftOut;
use super::Unwritable;
use super::Why;
use super::form::Form;
use super::form::typed;
use super::place::Place;
use super::place::form;
use super::place::has_sub;
use super::place::not_stored;
use crate::directory::scim::filter::Filter;
use crate::directory::scim::path::AttributePath;
use crate::directory::scim::service::NotStored;
use crate::directory::scim::service::Service;
use crate::directory::scim::wire::User;
use crate::directory::scim::wire::apply::selected;
use crate::directory::scim::wire::lenient;
use crate::directory::scim::wire::resource::whole_in;
use crate::directory::scim::wire::urn;
use crate::roster::attribute::AttributeName;
use crate::roster::attribute::Attributes;
use crate::roster::attribute::Values;
use crate::roster::secret::Secret;

/// An account to be created.
#[derive(Clone, Copy, Debug)]
pub struct NewAccount<'a> {
    /// The login name.
    pub username: &'a str,
    /// Its attributes; cleared ones are not sent.
    pub attributes: &'a Attributes,
    /// What is known of it on our side, unless `externalId` is mapped.
    pub external_id: Option<&'a str>,
    /// Its password.
    pub password: Option<&'a Secret>,
    /// Which attribute says whether the password must be changed at the next login, and what it says.
    pub must_change: Option<(&'a AttributePath, bool)>,
    /// Whether the person can log in.
    pub active: bool,
}

/// What is sent, and what not.
#[derive(Clone, PartialEq)]
pub struct Written<T> {
    /// What is sent. It may hold a password.
    pub sent: T,
    /// What the service would not store.
    pub left_out: Vec<LeftOut>,
}

/// Returns the body that creates an account.
///
/// Attributes that the service would not store are left out. `displayName` and `name.formatted` are made of the names
/// where the service must have them and the feed has none.
pub fn resource_of(account: &NewAccount<'_>, service: &Service) -> Result<Written<Value>, Unwritable> {
    let NewAccount { username, attributes, external_id, password, must_change, active } = *account;
    let mut user = User::new(username);
    let mut left_out = Vec::new();
    if let Some(password) = password {
        user.set_password(password);
    }
    if let Some(external_id) = external_id {
        user.put(&AttributePath::external_id(), external_id.into());
    }
    user.put(&AttributePath::active(), active.into());
    let wanted = attributes.iter().filter(|(_, values)| !values.is_empty());
    let wanted: Result<Vec<_>, Unwritable> =
        wanted.map(|(name, values)| Ok((name, Place::of(name, &service.schema)?, values))).collect();
    let mut wanted = wanted?;
    // The first one is the primary one, or all that a service keeps.
    wanted.sort_by_key(|(_, place, _)| !place.is_work());
    let mut placed: HashMap<AttributePath, &AttributeName> = HashMap::new();
    for (name, place, values) in wanted {
        if place.path == AttributePath::user_name() {
            continue;
        }
        if let Some(other) = placed.insert(place.path.clone(), name) {
            return Err(Unwritable { attribute: name.clone(), why: Why::Twice(other.clone()) });
        }
        let held = whole_in(user.attributes(), &place.path);
        match not_stored(&place.path, service).or_else(|| not_kept(&place, held, service)) {
            Some(why) => left_out.push(LeftOut { attribute: name.clone(), why }),
            None => put(&mut user, name, &place, values, service)?,
        }
    }
    if let Some((path, value)) = must_change {
        user.put(path, flag_in(&form(path, &service.schema), value));
    }
    fill_required(&mut user, username, service);
    Ok(Written { sent: user.to_value(), left_out })
}

/// Returns why another value would not be kept beside those that are there, if so.
pub(super) fn not_kept(place: &Place, held: Option<&Value>, service: &Service) -> Option<NotStored> {
    let filter = place.path.filter().filter(|_| service.preset.one_value)?;
    let Some(Value::Array(elements)) = held else { return None };
    (!elements.is_empty() && selected(elements, filter).is_empty()).then_some(NotStored::Preset)
}

/// Returns a flag in the type that its attribute has.
pub(super) fn flag_in(form: &Form, value: bool) -> Value {
    typed(form.kind, if value { b"true" } else { b"false" }).unwrap_or(Value::Bool(value))
}

fn put(
    user: &mut User,
    name: &AttributeName,
    place: &Place,
    values: Values<'_>,
    service: &Service,
) -> Result<(), Unwritable> {
    let values: Vec<&[u8]> = values.octets().collect();
    let unwritable = |why| Unwritable { attribute: name.clone(), why };
    let Place { path, form } = place;
    if path.filter().is_some() {
        let element = element(place, &values, service).map_err(unwritable)?;
        let whole = path.whole();
        let mut elements = match whole_in(user.attributes(), path) {
            Some(Value::Array(elements)) => elements.clone(),
            _ => Vec::new(),
        };
        // Another attribute may have begun the same element: a street and its town.
        match elements.iter_mut().find(|held| path.filter().is_some_and(|filter| filter.matches(held))) {
            Some(Value::Object(held)) => {
                held.extend(element.as_object().cloned().unwrap_or_default());
            }
            _ => elements.push(element),
        }
        say_primary(path, &mut elements, service);
        user.put(&whole, Value::Array(elements));
    } else if form.is_list {
        user.put(&path.whole(), list(place, &values, &[], service).map_err(unwritable)?);
    } else {
        user.put(path, single(place, &values).map_err(unwritable)?);
    }
    Ok(())
}

/// Returns the one value of an attribute.
pub(super) fn single(place: &Place, values: &[&[u8]]) -> Result<Value, Why> {
    let [value] = values else { return Err(Why::Several(values.len())) };
    let value = typed(place.form.kind, value)?;
    // A complex attribute as a whole, such as `manager`: its one text is `value`.
    let wraps = place.form.is_complex && place.path.sub().is_none();
    Ok(if wraps { serde_json::json!({ "value": value }) } else { value })
}

/// Returns the element of a multi-valued attribute that a path with a value filter asks for.
pub(super) fn element(place: &Place, values: &[&[u8]], service: &Service) -> Result<Value, Why> {
    let [value] = values else { return Err(Why::Several(values.len())) };
    let path = &place.path;
    let mut element = serde_json::Map::new();
    element.insert(path.sub().unwrap_or("value").to_owned(), typed(place.form.kind, value)?);
    for (key, wanted) in path.filter().and_then(Filter::demands).unwrap_or_default() {
        if has_sub(path, key, service) {
            element.insert(key.to_owned(), wanted);
        }
    }
    Ok(Value::Object(element))
}

/// Returns all values of a multi-valued attribute. An element that holds one of them already stays as it is.
pub(super) fn list(place: &Place, values: &[&[u8]], held: &[Value], service: &Service) -> Result<Value, Why> {
    if service.preset.one_value && values.len() > 1 {
        return Err(Why::Several(values.len()));
    }
    let sub = place.path.sub().unwrap_or("value");
    let mut elements = Vec::with_capacity(values.len());
    for value in values {
        let value = typed(place.form.kind, value)?;
        let same = |element: &&Value| match element {
            Value::Object(_) => lenient::of(element, sub) == Some(&value),
            plain => **plain == value,
        };
        elements.push(match held.iter().find(same) {
            Some(element) => element.clone(),
            None if place.form.is_complex => serde_json::json!({ sub: value }),
            None => value,
        });
    }
    if place.form.is_complex {
        say_primary(&place.path, &mut elements, service);
    }
    Ok(Value::Array(elements))
}

/// Makes the first mail address the primary one when none is; and the first value of any attribute, for services that
/// ask for it.
pub(super) fn say_primary(path: &AttributePath, elements: &mut [Value], service: &Service) {
    let asks = path.whole().is_core("emails") || service.preset.primary;
    let is_primary = |element: &Value| lenient::of(element, "primary").and_then(lenient::boolean) == Some(true);
    if !asks || elements.iter().any(is_primary) || !has_sub(path, "primary", service) {
        return;
    }
    if let Some(Value::Object(first)) = elements.first_mut() {
        first.insert("primary".to_owned(), Value::Bool(true));
    }
}

/// Fills what a user of this service must have and the feed does not give.
fn fill_required(user: &mut User, username: &str, service: &Service) {
    let name = |sub: &str| {
        let name = lenient::field(user.attributes(), "name")?;
        lenient::of(name, sub)?.as_str().map(str::to_owned)
    };
    let parts: Vec<String> = ["givenName", "familyName"].into_iter().filter_map(name).collect();
    let full = if parts.is_empty() { username.to_owned() } else { parts.join(" ") };
    for text in ["displayName", "name.formatted"] {
        let Ok(path) = AttributePath::parse(text) else { continue };
        let is_required = service.preset.required.iter().any(|own| own.eq_ignore_ascii_case(text))
            || service.schema.rule(urn::USER, path.attribute(), path.sub()).is_some_and(|rule| rule.required);
        let held = lenient::field(user.attributes(), path.attribute());
        let is_there = match path.sub() {
            Some(sub) => held.is_some_and(|held| lenient::of(held, sub).is_some()),
            None => held.is_some(),
        };
        if is_required && !is_there && not_stored(&path, service).is_none() {
            user.put(&path, full.as_str().into());
        }
    }
}
