//! Filters (RFC 7644 section 3.4.2.2): values are escaped when a filter is written, so that no value can change its
//! meaning.

use std::fmt;

use serde_json::Number;
use serde_json::Value;

use super::path::AttributePath;
use super::wire::lenient;

mod parse;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(super) use self::tests::any_filter;

pub use self::parse::FilterFault;

/// A filter of comparisons for equality. Services differ on all the rest, down to leaving it unread.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Filter(Term);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Term {
    Eq(AttributePath, Comparand),
    And(Vec<Term>),
    Or(Vec<Term>),
}

/// What an attribute is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Comparand {
    /// Text.
    Text(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Number(Number),
}

impl From<&str> for Comparand {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Comparand {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl Filter {
    /// Matches resources whose attribute has `value`.
    ///
    /// A path with a value filter is written without it, since few services take more: `emails.value` in the place of
    /// `emails[type eq "work"].value`. More may match then, and never less.
    pub fn eq(path: &AttributePath, value: impl Into<Comparand>) -> Self {
        Self(Term::Eq(path.without_filter(), value.into()))
    }

    /// Matches resources that both match.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut terms = match self.0 {
            Term::And(terms) => terms,
            term => vec![term],
        };
        match other.0 {
            Term::And(more) => terms.extend(more),
            term => terms.push(term),
        }
        Self(Term::And(terms))
    }

    /// Matches resources that at least one of the two matches.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let mut terms = match self.0 {
            Term::Or(terms) => terms,
            term => vec![term],
        };
        match other.0 {
            Term::Or(more) => terms.extend(more),
            term => terms.push(term),
        }
        Self(Term::Or(terms))
    }

    /// Matches resources that at least one of `filters` matches; `None` when there are none.
    pub fn any(filters: impl IntoIterator<Item = Self>) -> Option<Self> {
        filters.into_iter().reduce(Self::or)
    }

    /// Returns whether one element of a multi-valued attribute matches. Text compares without case: the filter of a
    /// path asks for words such as `work`.
    pub fn matches(&self, element: &Value) -> bool {
        self.0.matches(element)
    }

    /// Returns whether the element has anything that the filter asks about.
    pub fn is_answered_by(&self, element: &Value) -> bool {
        self.0.comparisons().any(|(path, _)| lenient::of(element, path.attribute()).is_some())
    }

    /// Returns what an element must hold to match: the attributes and values of a filter without any `or`.
    pub fn demands(&self) -> Option<Vec<(&str, Value)>> {
        self.0.demands()
    }

    /// Parses what stands between `[` and `]`, and returns what follows.
    pub(super) fn parse_in_brackets(text: &str) -> Result<(Self, &str), FilterFault> {
        parse::in_brackets(text)
    }

    /// Parses a filter of `eq`, `and`, `or` and parentheses.
    pub fn parse(text: &str) -> Result<Self, FilterFault> {
        parse::whole(text)
    }
}

impl Term {
    fn matches(&self, element: &Value) -> bool {
        match self {
            Self::Eq(path, comparand) => {
                let field = lenient::of(element, path.attribute());
                let field = path.sub().map_or(field, |sub| field.and_then(|field| lenient::of(field, sub)));
                field.is_some_and(|field| comparand.is(field))
            }
            Self::And(terms) => terms.iter().all(|term| term.matches(element)),
            Self::Or(terms) => terms.iter().any(|term| term.matches(element)),
        }
    }

    fn comparisons(&self) -> Box<dyn Iterator<Item = (&AttributePath, &Comparand)> + '_> {
        match self {
            Self::Eq(path, comparand) => Box::new(std::iter::once((path, comparand))),
            Self::And(terms) | Self::Or(terms) => Box::new(terms.iter().flat_map(Self::comparisons)),
        }
    }

    fn demands(&self) -> Option<Vec<(&str, Value)>> {
        match self {
            Self::Eq(path, comparand) => {
                let is_direct = path.urn().is_none() && path.sub().is_none();
                is_direct.then(|| vec![(path.attribute(), comparand.to_value())])
            }
            Self::And(terms) => {
                let all: Option<Vec<_>> = terms.iter().map(Self::demands).collect();
                all.map(|all| all.into_iter().flatten().collect())
            }
            Self::Or(_) => None,
        }
    }
}

impl Comparand {
    fn is(&self, value: &Value) -> bool {
        match self {
            Self::Text(text) => lenient::text(value).is_some_and(|other| other.eq_ignore_ascii_case(text)),
            Self::Boolean(own) => lenient::boolean(value) == Some(*own),
            Self::Number(own) => lenient::text(value).is_some_and(|other| other == own.to_string()),
        }
    }

    /// Returns the same as JSON.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.clone()),
            Self::Boolean(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
        }
    }
}

/// Writes the filter. `and` goes before `or`, so that only an `or` within an `and` has parentheses.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (terms, operator) = match self {
            // JSON's strings are the filter's strings (RFC 7644 section 3.4.2.2, `compValue`).
            Self::Eq(path, comparand) => return write!(f, "{path} eq {}", comparand.to_value()),
            Self::And(terms) => (terms, " and "),
            Self::Or(terms) => (terms, " or "),
        };
        for (at, term) in terms.iter().enumerate() {
            if at > 0 {
                f.write_str(operator)?;
            }
            match (self, term) {
                (Self::And(_), Self::Or(_)) => write!(f, "({term})")?,
                _ => fmt::Display::fmt(term, f)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
