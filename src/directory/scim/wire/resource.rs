//! Resources as services give them.

use std::borrow::Cow;
use std::fmt;

use serde_json::Map;
use serde_json::Value;

use super::ETag;
use super::Misread;
use super::ResourceId;
use super::apply::selected;
use super::lenient;
use crate::directory::scim::path::AttributePath;

#[cfg(test)]
mod tests;

/// A user or a group, read leniently: keys in any case, without `schemas`, with or without `meta`. `Debug` does not show
/// its attributes.
#[derive(Clone, PartialEq)]
pub struct Resource {
    /// Which one.
    pub id: ResourceId,
    /// Its version (`meta.version`); the header `ETag` of an answer is worth more.
    pub version: Option<ETag>,
    /// Where it is (`meta.location`), maybe relative.
    pub location: Option<String>,
    attributes: Map<String, Value>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRef {
    /// Which resource.
    pub id: ResourceId,
    /// Whether it is a group itself, if the service says so.
    pub is_group: Option<bool>,
    /// Its name, if the service says so.
    pub display: Option<String>,
}

impl Resource {
    /// Reads a resource.
    pub fn read(value: &Value) -> Result<Self, Misread> {
        Self::read_with(value, None)
    }

    /// Reads a resource whose id may be left out, since it is known otherwise, such as by the header `Location`.
    pub fn read_with(value: &Value, id: Option<&ResourceId>) -> Result<Self, Misread> {
        let Value::Object(attributes) = value else { return Err(Misread::NotAResource) };
        let own = lenient::of(value, "id").and_then(ResourceId::read);
        let meta = |key| lenient::of(lenient::of(value, "meta")?, key);
        Ok(Self {
            id: own.or_else(|| id.cloned()).ok_or(Misread::NoId)?,
            version: meta("version").and_then(lenient::text).and_then(|version| ETag::new(&version)),
            location: meta("location").and_then(Value::as_str).map(str::to_owned),
            attributes: attributes.clone(),
        })
    }

    /// Returns everything that the service gave.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// Returns the values of an attribute as text, in the order of the service.
    ///
    /// Of complex values it is the sub-attribute of the path, or `value`. A single value where several may be, and
    /// several where there is one, are taken as they are; so is a plain value in the place of a complex one
    /// (`"manager": "id"`).
    pub fn values(&self, path: &AttributePath) -> Vec<Cow<'_, str>> {
        let mut values = Vec::new();
        if let Some(found) = self.find(path) {
            let elements = match found {
                Value::Array(elements) => elements.as_slice(),
                single => std::slice::from_ref(single),
            };
            match path.filter() {
                Some(filter) => selected(elements, filter)
                    .into_iter()
                    .for_each(|at| push_values(&elements[at], path.sub(), &mut values)),
                None => elements.iter().for_each(|element| push_values(element, path.sub(), &mut values)),
            }
        }
        values
    }

    /// Returns an attribute as the service gave it, without regard to the path's value filter and sub-attribute; `None`
    /// also when it is `null`.
    pub fn whole(&self, path: &AttributePath) -> Option<&Value> {
        whole_in(&self.attributes, path)
    }

    /// Returns whether the service gave the attribute at all, be it as `null` or empty.
    pub fn shows(&self, path: &AttributePath) -> bool {
        container(&self.attributes, path).is_some_and(|map| lenient::field(map, path.attribute()).is_some())
            || self.find(path).is_some()
    }

    fn find(&self, path: &AttributePath) -> Option<&Value> {
        self.whole(path).or_else(|| {
            // Some services write the whole path as the key: `"name.formatted"`, `"urn:...:User:department"`.
            let flat = path.without_filter();
            let is_flat = flat.urn().is_some() || flat.sub().is_some();
            is_flat.then(|| lenient::field(&self.attributes, &flat.to_string())).flatten().filter(|v| !v.is_null())
        })
    }

    /// Returns whether the person can log in; `None` when the service does not say.
    pub fn active(&self) -> Option<bool> {
        lenient::boolean(self.whole(&AttributePath::active())?)
    }

    /// Returns the login name.
    pub fn user_name(&self) -> Option<Cow<'_, str>> {
        self.first("userName")
    }

    /// Returns the id that the client gave the resource.
    pub fn external_id(&self) -> Option<Cow<'_, str>> {
        self.first("externalId")
    }

    /// Returns the name for people.
    pub fn display_name(&self) -> Option<Cow<'_, str>> {
        self.first("displayName")
    }

    fn first(&self, name: &str) -> Option<Cow<'_, str>> {
        lenient::text(lenient::field(&self.attributes, name)?).filter(|text| !text.is_empty())
    }

    /// Returns the members of a group, nested groups included. What has no usable id is left out.
    pub fn members(&self) -> Vec<MemberRef> {
        let members = match lenient::field(&self.attributes, "members") {
            Some(Value::Array(members)) => members.as_slice(),
            Some(Value::Null) | None => &[],
            Some(single) => std::slice::from_ref(single),
        };
        members.iter().filter_map(member).collect()
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("id", &self.id).field("version", &self.version).finish_non_exhaustive()
    }
}

/// Returns an attribute as it stands in a resource's JSON; see [`Resource::whole`].
pub fn whole_in<'m>(attributes: &'m Map<String, Value>, path: &AttributePath) -> Option<&'m Value> {
    container(attributes, path).and_then(|map| lenient::field(map, path.attribute())).filter(|value| !value.is_null())
}

fn container<'m>(attributes: &'m Map<String, Value>, path: &AttributePath) -> Option<&'m Map<String, Value>> {
    match path.urn() {
        None => Some(attributes),
        Some(urn) => lenient::field(attributes, urn.as_str())?.as_object(),
    }
}

fn member(value: &Value) -> Option<MemberRef> {
    let Value::Object(_) = value else {
        return Some(MemberRef { id: ResourceId::read(value)?, is_group: None, display: None });
    };
    let text = |key| lenient::of(value, key).and_then(Value::as_str);
    let kind = text("type").map(|kind| kind.eq_ignore_ascii_case("group"));
    let reference = text("$ref");
    let of_reference = || {
        let path = reference?.to_ascii_lowercase();
        match (path.contains("/groups/"), path.contains("/users/")) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        }
    };
    let id = lenient::of(value, "value").and_then(ResourceId::read);
    Some(MemberRef {
        id: id.or_else(|| reference.and_then(ResourceId::of_location))?,
        is_group: kind.or_else(of_reference),
        display: text("display").map(str::to_owned),
    })
}

fn push_values<'v>(value: &'v Value, sub: Option<&str>, values: &mut Vec<Cow<'v, str>>) {
    match value {
        Value::Null => {}
        Value::Array(elements) => elements.iter().for_each(|element| push_values(element, sub, values)),
        Value::Object(_) => {
            if let Some(inner) = lenient::of(value, sub.unwrap_or("value")) {
                values.extend(lenient::text(inner));
            }
        }
        plain => values.extend(lenient::text(plain)),
    }
    if values.last().is_some_and(|text| text.is_empty()) {
        values.pop();
    }
}
