//! Errors as services give them (RFC 7644 section 3.12).

use std::fmt;

use serde_json::Value;

use super::lenient;
use super::urn;
use crate::directory::scim::path::AttributePath;
use crate::roster::secret::Secret;

/// Characters of a service's sentence that are kept.
const MAX_DETAIL: usize = 300;

/// An answer that is not success. Its texts are one line without control characters, and shortened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorReply {
    /// The status of the answer; within a bulk response, that of the operation.
    pub status: u16,
    /// The service's own word for it.
    pub scim_type: Option<ScimType>,
    /// A sentence for people.
    pub detail: Option<String>,
    /// Whether it came as SCIM says, so that it is the service that speaks and not something in front of it.
    pub is_scim: bool,
}

/// What went wrong (RFC 7644 section 3.12, table 9; RFC 9865 section 2.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScimType {
    /// A filter that is not understood or not supported.
    InvalidFilter,
    /// More results, or operations, than the service has to do with.
    TooMany,
    /// A value that somebody else has.
    Uniqueness,
    /// An attribute that may not be written, or not any more.
    Mutability,
    /// A body that is not understood.
    InvalidSyntax,
    /// A path that is not understood or not supported.
    InvalidPath,
    /// A path that selects nothing.
    NoTarget,
    /// A value that is missing or not allowed.
    InvalidValue,
    /// A version of the protocol that is not supported.
    InvalidVers,
    /// Something that may not stand in a URL.
    Sensitive,
    /// A cursor that is none.
    InvalidCursor,
    /// A cursor that is not known any more.
    ExpiredCursor,
    /// A `count` that is not supported with cursors.
    InvalidCount,
    /// A word of the service's own.
    Other(Box<str>),
}

const WORDS: &[(&str, ScimType)] = &[
    ("invalidFilter", ScimType::InvalidFilter),
    ("tooMany", ScimType::TooMany),
    ("uniqueness", ScimType::Uniqueness),
    ("mutability", ScimType::Mutability),
    ("invalidSyntax", ScimType::InvalidSyntax),
    ("invalidPath", ScimType::InvalidPath),
    ("noTarget", ScimType::NoTarget),
    ("invalidValue", ScimType::InvalidValue),
    ("invalidVers", ScimType::InvalidVers),
    ("sensitive", ScimType::Sensitive),
    ("invalidCursor", ScimType::InvalidCursor),
    ("expiredCursor", ScimType::ExpiredCursor),
    ("invalidCount", ScimType::InvalidCount),
];

impl ScimType {
    /// Reads the word, in any case.
    pub fn new(word: &str) -> Self {
        let known = WORDS.iter().find(|(own, _)| own.eq_ignore_ascii_case(word.trim())).map(|(_, kind)| kind.clone());
        known.unwrap_or_else(|| Self::Other(one_line(word, 40).into()))
    }
}

impl fmt::Display for ScimType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = WORDS.iter().find(|(_, kind)| kind == self).map(|(word, _)| *word);
        f.write_str(match self {
            Self::Other(word) => word,
            _ => word.unwrap_or_default(),
        })
    }
}

impl ErrorReply {
    /// Makes the error of an answer of which only the status is known.
    pub fn bare(status: u16) -> Self {
        Self { status, scim_type: None, detail: None, is_scim: false }
    }

    /// Reads an error from the body of an answer with this status: SCIM 2.0, SCIM 1.1 (`Errors`), and what frameworks
    /// say instead.
    pub fn read(status: u16, body: &Value) -> Self {
        // SCIM 1.1: {"Errors": [{"description": "...", "code": "409"}]}; such a list may also be all there is.
        let errors = lenient::of(body, "Errors").and_then(Value::as_array).or(body.as_array());
        let first = errors.and_then(|errors| errors.first());
        let is_old = first.is_some_and(|error| ["description", "code"].iter().any(|k| lenient::of(error, k).is_some()));
        let speaking = first.unwrap_or(body);
        let word = lenient::of(speaking, "scimType").and_then(Value::as_str).filter(|word| !word.trim().is_empty());
        let detail = ["detail", "description", "message", "error_description", "error", "title"]
            .iter()
            .find_map(|key| sentence(lenient::of(speaking, key)?));
        let has_urn = lenient::of(body, "schemas").and_then(Value::as_array).is_some_and(|schemas| {
            schemas.iter().filter_map(Value::as_str).any(|schema| schema.eq_ignore_ascii_case(urn::ERROR))
        });
        let has_status = lenient::of(speaking, "status").and_then(lenient::status).is_some();
        let has_detail = lenient::of(speaking, "detail").is_some_and(Value::is_string);
        Self {
            status,
            scim_type: word.map(ScimType::new),
            detail: detail.map(|text| one_line(&text, MAX_DETAIL)).filter(|text| !text.is_empty()),
            is_scim: has_urn || is_old || word.is_some() || (has_status && has_detail),
        }
    }

    /// Returns whether the service says that somebody else has one of the values.
    pub fn is_uniqueness(&self) -> bool {
        match &self.scim_type {
            Some(kind) => *kind == ScimType::Uniqueness,
            None => self.status == 409,
        }
    }

    /// Returns whether the service's sentence names the attribute.
    pub fn blames(&self, path: &AttributePath) -> bool {
        let Some(detail) = self.detail.as_deref().map(str::to_ascii_lowercase) else { return false };
        let has_word = |word: &str| {
            let word = word.to_ascii_lowercase();
            detail.match_indices(&word).any(|(at, _)| {
                let before = detail.get(..at).and_then(|text| text.chars().next_back());
                let behind = detail.get(at + word.len()..).and_then(|text| text.chars().next());
                let parts = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | '-' | '$'));
                parts(before) && parts(behind)
            })
        };
        // `value` and `type` are everywhere; such a sub-attribute says nothing.
        let sub =
            path.sub().filter(|sub| !["value", "type", "primary", "display"].contains(&&*sub.to_ascii_lowercase()));
        has_word(path.attribute()) || sub.is_some_and(has_word)
    }

    /// Returns the error without anything secret that the service may have repeated.
    #[must_use]
    pub fn without(mut self, secret: Option<&Secret>) -> Self {
        let Some(secret) = secret.map(Secret::expose).filter(|secret| !secret.is_empty()) else { return self };
        // The text was shortened and freed of control characters, so that the secret may stand there otherwise.
        let clean = one_line(secret, usize::MAX);
        let escaped = Value::from(secret).to_string();
        let escaped = escaped.trim_matches('"');
        for form in [secret, escaped, &clean] {
            let hide = |text: String| if form.is_empty() { text } else { text.replace(form, "***") };
            self.detail = self.detail.map(hide);
        }
        // A part of it at the end, where the text was cut.
        if self.detail.as_deref().is_some_and(|text| ends_within(text, &clean)) {
            self.detail = None;
        }
        if let Some(ScimType::Other(word)) = &self.scim_type
            && (word.contains(&clean) || clean.contains(&**word) || ends_within(word, &clean))
        {
            self.scim_type = None;
        }
        self
    }
}

impl fmt::Display for ErrorReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, scim_type, detail, is_scim: _ } = self;
        write!(f, "{status}")?;
        if let Some(kind) = scim_type {
            write!(f, " {kind}")?;
        }
        match detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

/// Returns the sentence in a value that frameworks put there: text, an object with a message, or a list of those.
fn sentence(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(all) => {
            let all: Vec<String> = all.iter().filter_map(sentence).collect();
            (!all.is_empty()).then(|| all.join("; "))
        }
        Value::Object(_) => {
            let text =
                ["detail", "message", "msg", "description"].iter().find_map(|key| lenient::of(value, key)?.as_str())?;
            // FastAPI says where: {"loc": ["body", "displayName"], "msg": "Field required"}.
            let place = lenient::of(value, "loc").and_then(Value::as_array).and_then(|loc| loc.last()?.as_str());
            Some(place.map_or_else(|| text.to_owned(), |place| format!("{place}: {text}")))
        }
        _ => None,
    }
}

/// Returns one line of at most so many characters.
fn one_line(text: &str, most: usize) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim();
    if line.chars().count() <= most {
        return line.to_owned();
    }
    line.chars().take(most).chain("...".chars()).collect()
}

/// Returns whether a text that was cut ends in the middle of `secret`, with four characters of it or more.
fn ends_within(text: &str, secret: &str) -> bool {
    let Some(text) = text.strip_suffix("...") else { return false };
    secret.char_indices().map(|(at, _)| at).filter(|at| *at >= 4).any(|at| text.ends_with(&secret[..at]))
}

#[cfg(test)]
mod tests;
