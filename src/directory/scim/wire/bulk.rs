//! Many requests in one (RFC 7644 section 3.7).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::ETag;
use super::ErrorReply;
use super::Misread;
use super::ResourceId;
use super::lenient;
use super::urn;

#[cfg(test)]
mod tests;

/// What an operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Creates.
    Post,
    /// Replaces.
    Put,
    /// Changes.
    Patch,
    /// Deletes.
    Delete,
}

impl Method {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// One operation. `Debug` does not show its data, where a password may be.
#[derive(Clone, PartialEq)]
pub struct BulkOperation {
    /// What it does.
    pub method: Method,
    /// To what, below the service's base: `/Users`, `/Users/ID` (percent-encoded).
    pub path: String,
    /// By what its answer is known. It is required for POST; we give all of them one.
    pub bulk_id: String,
    /// The version that is to be changed.
    pub version: Option<ETag>,
    /// The body that the same request would have alone.
    pub data: Option<Value>,
}

impl BulkOperation {
    /// Returns the operation as JSON.
    pub fn to_value(&self) -> Value {
        let Self { method, path, bulk_id, version, data } = self;
        let mut map = Map::new();
        map.insert("method".to_owned(), method.word().into());
        map.insert("path".to_owned(), path.as_str().into());
        map.insert("bulkId".to_owned(), bulk_id.as_str().into());
        if let Some(version) = version {
            map.insert("version".to_owned(), version.as_header().into());
        }
        if let Some(data) = data {
            map.insert("data".to_owned(), data.clone());
        }
        Value::Object(map)
    }

    /// Returns the id of the resource that is concerned, unless it is created.
    fn id(&self) -> Option<ResourceId> {
        if self.method == Method::Post { None } else { ResourceId::of_location(&self.path) }
    }
}

impl fmt::Debug for BulkOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method.word(), self.path, self.bulk_id)
    }
}

/// A bulk request. It says nothing of `failOnErrors`: one operation that fails must not stop the others.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BulkRequest {
    /// The operations.
    pub operations: Vec<BulkOperation>,
}

impl BulkRequest {
    /// Returns the message.
    pub fn to_value(&self) -> Value {
        let operations: Vec<Value> = self.operations.iter().map(BulkOperation::to_value).collect();
        json!({ "schemas": [urn::BULK_REQUEST], "Operations": operations })
    }

    /// Makes requests of at most so many operations and at most so many bytes each, in order. An operation that is
    /// larger than that is alone in its request.
    pub fn split(operations: Vec<BulkOperation>, max_operations: NonZeroUsize, max_bytes: NonZeroUsize) -> Vec<Self> {
        let frame = Self::default().to_value().to_string().len();
        let mut requests: Vec<Self> = Vec::new();
        let mut bytes = frame;
        for operation in operations {
            // With the comma behind it.
            let length = operation.to_value().to_string().len() + 1;
            match requests.last_mut() {
                Some(last)
                    if last.operations.len() < max_operations.get()
                        && bytes.saturating_add(length) <= max_bytes.get() =>
                {
                    last.operations.push(operation);
                    bytes += length;
                }
                _ => {
                    requests.push(Self { operations: vec![operation] });
                    bytes = frame + length;
                }
            }
        }
        requests
    }

    /// Returns the two halves of a request that was too large; `None` when it has one operation only.
    pub fn halves(mut self) -> Option<(Self, Self)> {
        if self.operations.len() < 2 {
            return None;
        }
        let second = self.operations.split_off(self.operations.len().div_ceil(2));
        Some((self, Self { operations: second }))
    }
}

/// What came of one operation. `Debug` does not show the resource.
#[derive(Clone, PartialEq)]
pub struct BulkAnswer {
    /// The id that we gave it.
    pub bulk_id: Option<String>,
    /// What it did, as the service repeats it.
    pub method: Option<String>,
    /// Where the resource is.
    pub location: Option<String>,
    /// The version that it has now.
    pub version: Option<ETag>,
    /// The status; `None` when there is none that can be read, so that nobody knows what came of it.
    pub status: Option<u16>,
    /// The resource, or the error.
    pub response: Option<Value>,
}

impl BulkAnswer {
    fn read(value: &Value) -> Option<Self> {
        value.as_object()?;
        let text = |key| lenient::of(value, key).and_then(lenient::text).map(Cow::into_owned);
        Some(Self {
            bulk_id: text("bulkId"),
            method: text("method"),
            location: text("location"),
            version: text("version").and_then(|version| ETag::new(&version)),
            status: lenient::of(value, "status").and_then(lenient::status),
            response: lenient::of(value, "response").cloned(),
        })
    }

    /// Returns whether it was done.
    pub fn is_success(&self) -> bool {
        self.status.is_some_and(|status| (200..300).contains(&status))
    }

    /// Returns the error, if it is one.
    pub fn error(&self) -> Option<ErrorReply> {
        let status = self.status.filter(|status| *status >= 300)?;
        Some(self.response.as_ref().map_or_else(|| ErrorReply::bare(status), |body| ErrorReply::read(status, body)))
    }

    /// Returns the id of the resource, by its location or the resource itself.
    pub fn id(&self) -> Option<ResourceId> {
        let of_resource = || ResourceId::read(lenient::of(self.response.as_ref()?, "id")?);
        self.location.as_deref().and_then(ResourceId::of_location).or_else(of_resource)
    }

    /// Returns whether the answer is about the resource that `operation` names.
    fn is_about(&self, operation: &BulkOperation) -> bool {
        let same_method =
            self.method.as_deref().is_none_or(|method| method.eq_ignore_ascii_case(operation.method.word()));
        same_method && operation.id().is_some_and(|id| self.id() == Some(id))
    }
}

impl fmt::Debug for BulkAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BulkAnswer")
            .field("bulk_id", &self.bulk_id)
            .field("location", &self.location)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The answer to a bulk request.
#[derive(Clone, Debug, PartialEq)]
pub struct BulkResponse {
    answers: Vec<BulkAnswer>,
}

impl BulkResponse {
    /// Reads an answer. Operations may be missing and in any order.
    pub fn read(value: &Value) -> Result<Self, Misread> {
        let operations = match value {
            Value::Array(operations) => operations,
            _ => lenient::of(value, "Operations").and_then(Value::as_array).ok_or(Misread::NotABulkResponse)?,
        };
        Ok(Self { answers: operations.iter().filter_map(BulkAnswer::read).collect() })
    }

    /// Returns the answer to each operation of `request`, in its order. `None`: nobody knows what came of it, since it
    /// is not there, or is there twice.
    ///
    /// An answer belongs to the operation with its `bulkId`; services repeat that for POST only, so that all the others
    /// may also be known by the resource. The place in the list says nothing: services may change the order.
    pub fn answers_to(&self, request: &BulkRequest) -> Vec<Option<&BulkAnswer>> {
        let mut by_bulk_id: HashMap<&str, Vec<&BulkAnswer>> = HashMap::new();
        let mut by_id: HashMap<ResourceId, Vec<&BulkAnswer>> = HashMap::new();
        for answer in &self.answers {
            match (&answer.bulk_id, answer.id()) {
                (Some(bulk_id), _) => by_bulk_id.entry(bulk_id).or_default().push(answer),
                (None, Some(id)) => by_id.entry(id).or_default().push(answer),
                (None, None) => {}
            }
        }
        let mut n_operations: HashMap<ResourceId, usize> = HashMap::new();
        for id in request.operations.iter().filter_map(BulkOperation::id) {
            *n_operations.entry(id).or_default() += 1;
        }
        let answer_to = |operation: &BulkOperation| {
            let named = by_bulk_id.get(operation.bulk_id.as_str()).map(Vec::as_slice).unwrap_or_default();
            let located = || {
                let of_resource = operation.id().and_then(|id| by_id.get(&id)).map(Vec::as_slice).unwrap_or_default();
                let about: Vec<&BulkAnswer> = of_resource.iter().copied().filter(|a| a.is_about(operation)).collect();
                // Two operations on one resource cannot be told apart.
                if operation.id().is_some_and(|id| n_operations.get(&id) == Some(&1)) { about } else { Vec::new() }
            };
            let found = if named.is_empty() { located() } else { named.to_vec() };
            match found.as_slice() {
                [answer] => Some(*answer),
                _ => None,
            }
        };
        request.operations.iter().map(answer_to).collect()
    }
}
