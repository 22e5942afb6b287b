//! Answers, good ones and others.

use std::io;
use std::io::Write as _;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::Response;
use futures_util::stream;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::connection::Connection;
use super::patch::Refusal;
use super::quirks::Created;
use super::quirks::Discovery;
use super::quirks::Fault;
use super::quirks::Quirks;
use super::quirks::RetryAfter;
use super::quirks::StatusForm;
use super::quirks::ValueForm;
use super::schema;

const PAGE: &str = "<!DOCTYPE html><title>Welcome</title><p>Please log in.";

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).expect("a status")
}

fn respond(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status_of(status);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Returns an answer without a body.
pub fn empty(status: u16) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status_of(status);
    response
}

/// Returns an answer of SCIM's, in the form that values have here.
pub fn scim(status: u16, value: &Value, quirks: &Quirks) -> Response {
    let text = match quirks.values {
        ValueForm::Proper => value.to_string(),
        ValueForm::Loose => loose(value, "").to_string(),
        ValueForm::LowerCase => lower_case(value).to_string(),
    };
    respond(status, "application/scim+json", text)
}

fn loose(value: &Value, key: &str) -> Value {
    match value {
        Value::Bool(value) => Value::from(if *value { "True" } else { "False" }),
        Value::Number(number) => Value::from(number.to_string()),
        Value::String(text) if key == "id" => text.parse::<u64>().map_or_else(|_| value.clone(), Value::from),
        Value::Array(elements) => elements.iter().map(|element| loose(element, "")).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), loose(value, key))).collect(),
        other => other.clone(),
    }
}

fn lower_case(value: &Value) -> Value {
    let fold = |fields: &Map<String, Value>| -> Map<String, Value> {
        fields.iter().map(|(key, value)| (key.to_lowercase(), lower_case(value))).collect()
    };
    match value {
        Value::Array(elements) => elements.iter().map(lower_case).collect(),
        Value::Object(fields) => Value::Object(fold(fields)),
        other => other.clone(),
    }
}

/// Returns the status as it is written within a body.
pub fn written_status(status: u16, form: StatusForm) -> Option<Value> {
    match form {
        StatusForm::Text => Some(status.to_string().into()),
        StatusForm::Number => Some(status.into()),
        StatusForm::Code => Some(json!({ "code": status.to_string() })),
        StatusForm::Missing => None,
    }
}

/// Returns an error's body (RFC 7644 section 3.12).
pub fn error(refusal: &Refusal, form: StatusForm) -> Value {
    let mut error = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "detail": refusal.detail });
    if let Some(status) = written_status(refusal.status, form) {
        error["status"] = status;
    }
    if let Some(kind) = refusal.kind {
        error["scimType"] = kind.into();
    }
    error
}

pub fn refused(refusal: &Refusal, quirks: &Quirks) -> Response {
    scim(refusal.status, &error(refusal, quirks.status), quirks)
}

pub fn busy(status: u16, retry_after: Option<RetryAfter>, quirks: &Quirks) -> Response {
    let mut response = refused(&Refusal::new(status, "", "too much at once"), quirks);
    let headers = response.headers_mut();
    let number = |n: u64| HeaderValue::from(n);
    match retry_after {
        Some(RetryAfter::Seconds(seconds)) => drop(headers.insert(header::RETRY_AFTER, number(seconds))),
        Some(RetryAfter::Date(wait)) => {
            let when = jiff::Timestamp::now() + jiff::SignedDuration::try_from(wait).expect("not that long");
            let date = when.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            headers.insert(header::RETRY_AFTER, date.parse().expect("a header"));
        }
        Some(RetryAfter::Reset(seconds)) => {
            headers.insert("x-ratelimit-remaining", number(0));
            headers.insert("x-ratelimit-reset", number(seconds));
        }
        None => {}
    }
    response
}

/// Returns the answer to a request that nothing is done about.
pub fn instead(fault: &Fault, connection: &Connection, quirks: &Quirks) -> Option<Response> {
    Some(match fault {
        Fault::TooMany(retry_after) => busy(429, *retry_after, quirks),
        Fault::Unavailable(retry_after) => busy(503, *retry_after, quirks),
        Fault::Refused(status, kind) => {
            refused(&Refusal::new(*status, kind.unwrap_or_default(), "not this one"), quirks)
        }
        Fault::Closed => {
            connection.cut();
            empty(500)
        }
        Fault::Html(status) => respond(*status, "text/html; charset=utf-8", PAGE),
        Fault::Empty(status) => empty(*status),
        Fault::Redirect(status, location) => {
            let mut response = empty(*status);
            response.headers_mut().insert(header::LOCATION, location.parse().expect("a header"));
            response
        }
        Fault::Huge(size) => respond(200, "application/scim+json", huge(*size)),
        Fault::Bomb(size) => {
            let mut response = respond(200, "application/scim+json", gzip(&huge(*size)));
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            response
        }
        Fault::DoneButSays(_) | Fault::DoneButClosed | Fault::CutBody | Fault::Late(_) => return None,
    })
}

/// Returns the answer to a request that was done, as the fault has it.
pub async fn afterwards(
    fault: Option<&Fault>,
    response: Response,
    connection: &Connection,
    quirks: &Quirks,
) -> Response {
    match fault {
        Some(Fault::DoneButSays(status)) => refused(&Refusal::new(*status, "", "something went wrong"), quirks),
        Some(Fault::DoneButClosed) => {
            connection.cut();
            response
        }
        Some(Fault::CutBody) => {
            let (mut head, body) = response.into_parts();
            let octets = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
            head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(octets.len().max(2)));
            let half = octets.slice(..octets.len() / 2);
            let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
            Response::from_parts(head, Body::from_stream(stream::iter([Ok(half), broken])))
        }
        Some(Fault::Late(wait)) => {
            tokio::time::sleep(*wait).await;
            response
        }
        _ => response,
    }
}

fn huge(size: usize) -> Vec<u8> {
    let mut body = br#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"detail":""#.to_vec();
    body.resize(size.max(body.len()), b' ');
    body.extend_from_slice(br#"","totalResults":0,"Resources":[]}"#);
    body
}

/// Returns octets as gzip (RFC 1952), made by the tool of that name.
fn gzip(octets: &[u8]) -> Vec<u8> {
    let mut tool = std::process::Command::new("gzip")
        .arg("-c")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("gzip");
    let mut input = tool.stdin.take().expect("piped");
    let octets = octets.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&octets).expect("gzip reads"));
    let output = tool.wait_with_output().expect("gzip ends");
    writer.join().expect("all was written");
    output.stdout
}

/// Makes the answer to a POST what the quirk says.
pub fn created(response: Response, location: &str, quirks: &Quirks) -> Response {
    let (mut head, body) = response.into_parts();
    if !matches!(quirks.created, Created::WithoutLocation | Created::WithoutBoth) {
        head.headers.insert(header::LOCATION, location.parse().expect("a header"));
    }
    match quirks.created {
        Created::Ok => head.status = StatusCode::OK,
        Created::WithoutBody => {
            head.headers.remove(header::CONTENT_TYPE);
            return Response::from_parts(head, Body::empty());
        }
        Created::Proper | Created::WithoutId | Created::WithoutLocation | Created::WithoutBoth => {}
    }
    Response::from_parts(head, body)
}

/// Takes out of a resource what the answer to its POST lacks.
pub fn leave_out(shown: &mut Value, quirks: &Quirks) {
    let fields = shown.as_object_mut().expect("an object");
    if matches!(quirks.created, Created::WithoutId | Created::WithoutBoth) {
        fields.remove("id");
    }
    if matches!(quirks.created, Created::WithoutLocation | Created::WithoutBoth) {
        fields.remove("meta");
    }
}

/// Says what the service is (RFC 7644 section 4).
pub fn discovered(subject: &str, quirks: &Quirks) -> Result<Response, Refusal> {
    let known = ["ServiceProviderConfig", "ResourceTypes", "Schemas"];
    match quirks.discovery {
        Discovery::Absent if known.contains(&subject) => return Ok(respond(404, "text/html", PAGE)),
        Discovery::Html if known.contains(&subject) => return Ok(respond(200, "text/html", PAGE)),
        _ => {}
    }
    let list = |resources: Vec<Value>| match quirks.discovery {
        Discovery::Bare => Value::from(resources),
        _ => json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
            "totalResults": resources.len(), "Resources": resources,
        }),
    };
    match subject {
        "ServiceProviderConfig" => Ok(scim(200, &schema::service_provider_config(quirks), quirks)),
        "ResourceTypes" => Ok(scim(200, &list(schema::resource_types(quirks)), quirks)),
        "Schemas" => Ok(scim(200, &list(schema::schemas(quirks)), quirks)),
        _ => Err(Refusal::new(404, "", "no such endpoint")),
    }
}
