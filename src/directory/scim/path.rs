//! Paths of attributes (RFC 7644 section 3.10): parsed from the names that a feed maps, written escaped.

use std::fmt;
use std::hash::Hash;
use std::hash::Hasher;

use super::filter::Filter;
use super::filter::FilterFault;
use super::wire::ResourceId;
use super::wire::Urn;
use super::wire::urn;
use crate::roster::attribute::AttributeName;

mod known;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use self::tests::any_path;

/// Where values are within a resource: `name.givenName`, `emails[type eq "work"].value`,
/// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department`.
///
/// Names compare without case (RFC 7643 section 2.1). The core schemas are never named: their attributes are those
/// without a URN.
#[derive(Clone)]
pub struct AttributePath {
    urn: Option<Urn>,
    attribute: Box<str>,
    filter: Option<Box<Filter>>,
    sub: Option<Box<str>>,
}

/// Text that is no path of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// It names a schema alone.
    #[error("`{0}` is a schema; the attribute's name follows it behind a colon")]
    NoAttribute(String),
    /// A name has characters that names do not have.
    #[error("`{0}` is no name of an attribute: letters, digits, `-`, `_` and `$`, the first one a letter")]
    Name(String),
    /// What stands between `[` and `]`.
    #[error("between `[` and `]`: {0}")]
    Filter(#[from] FilterFault),
    /// Something behind `]`.
    #[error("behind `]`, only `.` and a name may follow, not `{0}`")]
    Rest(String),
}

impl AttributePath {
    /// Returns the path for the attribute that a feed calls `name`: a path as it is, and the usual names of other
    /// directories (`givenName`, `sn`, `mail`) for what they are here.
    pub fn of(name: &AttributeName) -> Result<Self, PathFault> {
        Self::parse(known::path_of(name.as_str()).unwrap_or(name.as_str()))
    }

    /// Parses a path (RFC 7644 section 3.5.2, figure 7).
    pub fn parse(text: &str) -> Result<Self, PathFault> {
        let text = text.trim();
        let Some((before, behind)) = text.split_once('[') else { return Self::plain(text) };
        let mut path = Self::plain(before)?;
        if path.sub.is_some() {
            return Err(PathFault::Name(before.to_owned()));
        }
        let (filter, rest) = Filter::parse_in_brackets(behind)?;
        path.filter = Some(Box::new(filter));
        path.sub = match rest.strip_prefix('.') {
            Some(sub) => Some(name(sub)?),
            None if rest.is_empty() => None,
            None => return Err(PathFault::Rest(rest.to_owned())),
        };
        Ok(path)
    }

    /// Parses a path without a value filter.
    pub(super) fn plain(text: &str) -> Result<Self, PathFault> {
        let is_schema = [urn::USER, urn::GROUP, urn::ENTERPRISE_USER].iter().any(|urn| urn.eq_ignore_ascii_case(text));
        if is_schema {
            return Err(PathFault::NoAttribute(text.to_owned()));
        }
        let (schema, dotted) = match text.get(..4).filter(|start| start.eq_ignore_ascii_case("urn:")) {
            // A schema's name has dots and colons of its own; what is behind its last colon is the attribute.
            Some(_) => match text.rsplit_once(':') {
                Some((schema, dotted)) if is_urn(schema) => (Some(schema), dotted),
                _ => return Err(PathFault::NoAttribute(text.to_owned())),
            },
            None => (None, text),
        };
        let (attribute, sub) = match dotted.split_once('.') {
            Some((attribute, sub)) => (attribute, Some(name(sub)?)),
            None => (dotted, None),
        };
        let is_core = |schema: &&str| urn::USER.eq_ignore_ascii_case(schema) || urn::GROUP.eq_ignore_ascii_case(schema);
        let urn = schema.filter(|schema| !is_core(schema)).map(Urn::new);
        Ok(Self { urn, attribute: name(attribute)?, filter: None, sub })
    }

    fn core(attribute: &str) -> Self {
        Self { urn: None, attribute: attribute.into(), filter: None, sub: None }
    }

    /// Returns `id`.
    pub fn id() -> Self {
        Self::core("id")
    }

    /// Returns `userName`.
    pub fn user_name() -> Self {
        Self::core("userName")
    }

    /// Returns `externalId`.
    pub fn external_id() -> Self {
        Self::core("externalId")
    }

    /// Returns `active`.
    pub fn active() -> Self {
        Self::core("active")
    }

    /// Returns `password`.
    pub fn password() -> Self {
        Self::core("password")
    }

    /// Returns `displayName`.
    pub fn display_name() -> Self {
        Self::core("displayName")
    }

    /// Returns `members`.
    pub fn members() -> Self {
        Self::core("members")
    }

    /// Returns `members[value eq "id"]`: one member of a group.
    pub fn member(id: &ResourceId) -> Self {
        let filter = Filter::eq(&Self::core("value"), id.as_str());
        Self { filter: Some(Box::new(filter)), ..Self::members() }
    }

    /// Returns the URN of the extension that the attribute belongs to; `None` for core attributes.
    pub fn urn(&self) -> Option<&Urn> {
        self.urn.as_ref()
    }

    /// Returns the name of the attribute.
    pub fn attribute(&self) -> &str {
        &self.attribute
    }

    /// Returns which of the attribute's values are meant; `None`: all.
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_deref()
    }

    /// Returns the name of the sub-attribute.
    pub fn sub(&self) -> Option<&str> {
        self.sub.as_deref()
    }

    /// Returns the attribute as a whole, without value filter and sub-attribute.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self { urn: self.urn.clone(), attribute: self.attribute.clone(), filter: None, sub: None }
    }

    /// Returns the path without the sub-attribute: the elements that hold the values.
    #[must_use]
    pub fn elements(&self) -> Self {
        Self { sub: None, ..self.clone() }
    }

    /// Returns the path without the value filter, as `attributes=` (RFC 7644 section 3.9) and the left side of a
    /// filter have it.
    #[must_use]
    pub fn without_filter(&self) -> Self {
        Self { filter: None, ..self.clone() }
    }

    /// Returns whether this is the core attribute `name`, as a whole.
    pub fn is_core(&self, name: &str) -> bool {
        self.urn.is_none() && self.filter.is_none() && self.sub.is_none() && self.attribute.eq_ignore_ascii_case(name)
    }
}

/// Returns whether `text` has the beginning of a URN: two parts behind `urn` at least (RFC 8141).
fn is_urn(text: &str) -> bool {
    text.split(':').count() > 2
        && text.split(':').all(|part| !part.is_empty())
        && text.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '[' | ']' | '"' | '\\' | '(' | ')'))
}

/// Proves a name (RFC 7643 section 2.1; `$ref` is the one sub-attribute that begins with a `$`).
fn name(text: &str) -> Result<Box<str>, PathFault> {
    let bare = text.strip_prefix('$').unwrap_or(text);
    let is_name = bare.starts_with(|c: char| c.is_ascii_alphabetic())
        && bare.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$'));
    if is_name { Ok(text.into()) } else { Err(PathFault::Name(text.to_owned())) }
}

impl PartialEq for AttributePath {
    fn eq(&self, other: &Self) -> bool {
        let Self { urn, attribute, filter, sub } = self;
        let same_sub = match (sub, &other.sub) {
            (None, None) => true,
            (Some(own), Some(other)) => own.eq_ignore_ascii_case(other),
            _ => false,
        };
        *urn == other.urn && attribute.eq_ignore_ascii_case(&other.attribute) && *filter == other.filter && same_sub
    }
}

impl Eq for AttributePath {}

impl Hash for AttributePath {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { urn, attribute, filter, sub } = self;
        urn.hash(state);
        attribute.to_ascii_lowercase().hash(state);
        filter.hash(state);
        sub.as_ref().map(|sub| sub.to_ascii_lowercase()).hash(state);
    }
}

impl fmt::Display for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { urn, attribute, filter, sub } = self;
        if let Some(urn) = urn {
            write!(f, "{urn}:")?;
        }
        f.write_str(attribute)?;
        if let Some(filter) = filter {
            write!(f, "[{filter}]")?;
        }
        match sub {
            Some(sub) => write!(f, ".{sub}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for AttributePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
