//! Resources as they are sent: exactly the schemas that are used, and never `null`.

use serde::Serialize;
use serde::Serializer;
use serde_json::Map;
use serde_json::Value;

use super::PatchOperation;
use super::ResourceId;
use super::Urn;
use super::apply::apply;
use super::urn;
use crate::directory::scim::path::AttributePath;
use crate::roster::secret::Secret;

/// A user to be created (RFC 7643 section 4.1), extensions included.
#[derive(Clone, Serialize)]
pub struct User {
    schemas: Vec<Urn>,
    #[serde(rename = "userName")]
    user_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<Exposed>,
    #[serde(flatten)]
    attributes: Map<String, Value>,
}

/// A password that is written into a request.
#[derive(Clone)]
struct Exposed(Secret);

impl Serialize for Exposed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.expose())
    }
}

impl User {
    /// Begins with the login name, which every user must have.
    pub fn new(user_name: &str) -> Self {
        Self {
            schemas: vec![Urn::new(urn::USER)],
            user_name: user_name.to_owned(),
            password: None,
            attributes: Map::new(),
        }
    }

    /// Gives the user a password.
    pub fn set_password(&mut self, password: &Secret) {
        self.password = Some(Exposed(password.clone()));
    }

    /// Puts a value where `path` says. `userName` and `password` are not attributes of this kind and are passed over.
    pub fn put(&mut self, path: &AttributePath, value: Value) {
        if path.is_core("userName") || path.is_core("password") {
            return;
        }
        apply(&mut self.attributes, &PatchOperation::replace(path.clone(), value));
        self.schemas = schemas(urn::USER, &self.attributes);
    }

    /// Returns what is put there already.
    pub fn attributes(&self) -> &Map<String, Value> {
        &self.attributes
    }

    /// Returns the request's body. It holds the password: it is sent, and never shown.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// A group to be created (RFC 7643 section 4.2).
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    schemas: Vec<Urn>,
    #[serde(rename = "displayName")]
    display_name: String,
    #[serde(rename = "externalId", skip_serializing_if = "Option::is_none")]
    external_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    members: Vec<NewMember>,
}

/// A member to be added to a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewMember {
    /// Which user.
    pub value: ResourceId,
    /// `User`, for services that ask for it.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
}

impl NewMember {
    /// Makes a member; `says_type` adds that it is a user.
    pub fn new(id: &ResourceId, says_type: bool) -> Self {
        Self { value: id.clone(), kind: says_type.then_some("User") }
    }

    /// Returns the member as an element of `members`.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

impl Group {
    /// Makes a group with its first members.
    pub fn new(display_name: &str, members: Vec<NewMember>) -> Self {
        Self { schemas: vec![Urn::new(urn::GROUP)], display_name: display_name.to_owned(), external_id: None, members }
    }

    /// Gives the group an id of the client's.
    #[must_use]
    pub fn with_external_id(self, external_id: &str) -> Self {
        Self { external_id: Some(external_id.to_owned()), ..self }
    }

    /// Returns the request's body.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Returns `core`, and the extensions that have attributes.
pub fn schemas(core: &str, attributes: &Map<String, Value>) -> Vec<Urn> {
    let is_extension = |(key, value): &(&String, &Value)| {
        value.is_object() && key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("urn:"))
    };
    let extensions = attributes.iter().filter(is_extension).map(|(key, _)| Urn::new(key));
    std::iter::once(Urn::new(core)).chain(extensions).collect()
}

#[cfg(test)]
mod tests;
