//! A SCIM service that costs next to nothing: users in memory, found by an index; as late as it is told to be.
//!
//! `scim_service [--latency MS] [--stall MS] [--bulk]` says its address on stdout and ends with its stdin. Beside SCIM it
//! tells at `/users` what is stored, a line each, and at `/trace` when which requests came.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io;
use std::io::Read as _;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::Method;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::Response;
use axum::serve::ListenerExt as _;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpListener;

const PREFIX: &str = "/scim/v2";
const LARGEST: usize = 64 << 20;
/// Resources per page.
const PAGE: usize = 1000;
const BULK_OPERATIONS: usize = 1000;
const BULK_PAYLOAD: usize = 1 << 20;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Whether an attribute is one text, one flag, an object, or a list of objects.
type Form = (&'static str, bool);
const TEXT: Form = ("string", false);
const FLAG: Form = ("boolean", false);
const OBJECT: Form = ("complex", false);
const LIST: Form = ("complex", true);

const ATTRIBUTES: &[(&str, &str, Form, &[&str])] = &[
    (USER, "userName", TEXT, &[]),
    (USER, "name", OBJECT, &["formatted", "familyName", "givenName"]),
    (USER, "displayName", TEXT, &[]),
    (USER, "title", TEXT, &[]),
    (USER, "active", FLAG, &[]),
    (USER, "password", TEXT, &[]),
    (USER, "emails", LIST, &["value", "type", "primary"]),
    (USER, "phoneNumbers", LIST, &["value", "type", "primary"]),
    (ENTERPRISE, "employeeNumber", TEXT, &[]),
    (ENTERPRISE, "department", TEXT, &[]),
];

#[derive(Default)]
struct Options {
    /// How long every answer takes.
    latency: Duration,
    /// How long, at the end of each second, nothing is answered.
    stall: Duration,
    /// Whether there is Bulk.
    bulk: bool,
}

struct Service {
    options: Options,
    started: Instant,
    store: Mutex<Store>,
    trace: Mutex<Vec<(Duration, Method)>>,
}

#[derive(Default)]
struct Store {
    /// As they are shown; the id is the place.
    users: Vec<Value>,
    /// Where users are, without a slash at the end.
    url: String,
    by_name: HashMap<String, usize>,
}

/// A status, and what is said with it.
type Answer = (u16, Value);

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let options = Options::read(std::env::args().skip(1))?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    let store = Store { url: format!("http://{address}{PREFIX}/Users"), ..Store::default() };
    let service = Service { options, started: Instant::now(), store: Mutex::new(store), trace: Mutex::default() };
    let router = Router::new().fallback(answer).with_state(Arc::new(service));
    let listener = listener.tap_io(|stream| stream.set_nodelay(true).expect("the stream is open"));
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
    writeln!(io::stdout(), "http://{address}")?;
    axum::serve(listener, router).await
}

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> io::Result<Self> {
        let wrong = |word: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("no such option: {word}"));
        let mut options = Self::default();
        while let Some(word) = words.next() {
            let mut time = || words.next().and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
            match word.as_str() {
                "--latency" => options.latency = time().ok_or_else(|| wrong(&word))?,
                "--stall" => options.stall = time().ok_or_else(|| wrong(&word))?,
                "--bulk" => options.bulk = true,
                _ => return Err(wrong(&word)),
            }
        }
        Ok(options)
    }
}

async fn answer(State(service): State<Arc<Service>>, request: Request) -> Result<Response, Infallible> {
    let came = service.started.elapsed();
    let (head, body) = request.into_parts();
    let Some(path) = head.uri.path().strip_prefix(PREFIX) else {
        return Ok(service.told(head.uri.path()));
    };
    lock(&service.trace).push((came, head.method.clone()));
    let body = to_bytes(body, LARGEST).await.unwrap_or_default();
    service.wait(came).await;
    let query = head.uri.query().unwrap_or_default();
    let (status, said) = service.done(&head.method, path, query, &body).unwrap_or_else(|refused| refused);
    let mut response = Response::new(Body::from(said.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
    if status == 201
        && let Some(location) = said["meta"]["location"].as_str().and_then(|location| location.parse().ok())
    {
        headers.insert(header::LOCATION, location);
    }
    Ok(response)
}

impl Service {
    async fn wait(&self, came: Duration) {
        if !self.options.latency.is_zero() {
            tokio::time::sleep(self.options.latency).await;
        }
        let second = Duration::from_secs(1);
        let into = Duration::from_nanos(u64::from((came + self.options.latency).subsec_nanos()));
        if into + self.options.stall > second {
            tokio::time::sleep(second.saturating_sub(into)).await;
        }
    }

    /// Tells what is no business of SCIM's.
    fn told(&self, path: &str) -> Response {
        let mut text = String::new();
        match path {
            "/users" => {
                for user in &lock(&self.store).users {
                    let _ = writeln!(text, "{user}");
                }
            }
            "/trace" => {
                for (came, method) in lock(&self.trace).iter() {
                    let _ = writeln!(text, "{} {method}", came.as_nanos());
                }
            }
            _ => {}
        }
        Response::new(Body::from(text))
    }

    fn done(&self, method: &Method, path: &str, query: &str, body: &[u8]) -> Result<Answer, Answer> {
        let mut parts = path.trim_matches('/').splitn(2, '/');
        let (subject, id) = (parts.next().unwrap_or_default(), parts.next());
        let mut store = lock(&self.store);
        match (method.as_str(), subject, id) {
            ("POST", "Users", None) => Ok((201, store.create(read(body)?)?)),
            ("GET", "Users", None) => Ok((200, store.list(query)?)),
            ("GET", "Users", Some(id)) => Ok((200, store.user(id)?.clone())),
            ("PATCH", "Users", Some(id)) => Ok((200, store.change(id, &read(body)?)?)),
            ("POST", "Bulk", None) if self.options.bulk => Ok((200, store.bulk(&read(body)?)?)),
            ("GET", "ServiceProviderConfig", None) => Ok((200, self.config())),
            ("GET", "ResourceTypes", None) => Ok((200, list(1, 1, vec![resource_type()]))),
            ("GET", "Schemas", None) => Ok((200, list(2, 1, vec![schema(USER), schema(ENTERPRISE)]))),
            _ => Err(refused(404, "", "no such endpoint")),
        }
    }

    fn config(&self) -> Value {
        let feature = |supported: bool| json!({ "supported": supported });
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": feature(true),
            "bulk": {
                "supported": self.options.bulk, "maxOperations": BULK_OPERATIONS, "maxPayloadSize": BULK_PAYLOAD,
            },
            "filter": { "supported": true, "maxResults": PAGE },
            "changePassword": feature(true), "sort": feature(false), "etag": feature(false),
            "authenticationSchemes": [],
        })
    }
}

impl Store {
    fn create(&mut self, mut user: Value) -> Result<Value, Answer> {
        let name = user["userName"].as_str().unwrap_or_default().to_lowercase();
        if name.is_empty() {
            return Err(refused(400, "invalidValue", "`userName` is needed"));
        }
        if self.by_name.contains_key(&name) {
            return Err(refused(409, "uniqueness", "`userName` is taken"));
        }
        let place = self.users.len();
        let fields = user.as_object_mut().expect("it has a field");
        fields.remove("password");
        fields.insert("id".to_owned(), place.to_string().into());
        let location = format!("{}/{place}", self.url);
        fields.insert("meta".to_owned(), json!({ "resourceType": "User", "location": location }));
        self.by_name.insert(name, place);
        self.users.push(user.clone());
        Ok(user)
    }

    fn user(&self, id: &str) -> Result<&Value, Answer> {
        let found = id.parse().ok().and_then(|place: usize| self.users.get(place));
        found.ok_or_else(|| refused(404, "", "no such user"))
    }

    /// Does `replace` of whole attributes and of parts of them.
    fn change(&mut self, id: &str, patch: &Value) -> Result<Value, Answer> {
        let mut user = self.user(id)?.clone();
        for operation in patch["Operations"].as_array().into_iter().flatten() {
            let path = operation["path"].as_str().unwrap_or_default();
            let pointer = match path.rsplit_once(':') {
                Some((urn, attribute)) => format!("/{urn}/{attribute}"),
                None => format!("/{}", path.replace('.', "/")),
            };
            let there = user.pointer_mut(&pointer).filter(|_| operation["op"] == "replace");
            *there.ok_or_else(|| refused(400, "invalidPath", path))? = operation["value"].clone();
        }
        let place: usize = id.parse().expect("it was found");
        self.users[place].clone_from(&user);
        Ok(user)
    }

    fn list(&self, query: &str) -> Result<Value, Answer> {
        let query: HashMap<_, _> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let found: Vec<&Value> = match query.get("filter") {
            None => self.users.iter().collect(),
            Some(filter) => {
                let parts = filter.split_once(" eq ");
                let parts = parts.and_then(|(path, value)| Some((path, serde_json::from_str::<String>(value).ok()?)));
                let (path, value) = parts.ok_or_else(|| refused(400, "invalidFilter", filter))?;
                if path.eq_ignore_ascii_case("userName") {
                    self.by_name.get(&value.to_lowercase()).map(|place| &self.users[*place]).into_iter().collect()
                } else {
                    self.users.iter().filter(|user| user[path] == value.as_str()).collect()
                }
            }
        };
        let number = |key| query.get(key).and_then(|text| text.parse::<usize>().ok());
        let start = number("startIndex").unwrap_or(1).max(1);
        let count = number("count").unwrap_or(PAGE).min(PAGE);
        let page = found.iter().skip(start - 1).take(count).map(|user| (*user).clone()).collect();
        Ok(list(found.len(), start, page))
    }

    fn bulk(&mut self, request: &Value) -> Result<Value, Answer> {
        let operations = request["Operations"].as_array().map(Vec::as_slice).unwrap_or_default();
        if operations.len() > BULK_OPERATIONS {
            return Err(refused(413, "tooMany", "too many operations"));
        }
        let done: Vec<Value> = operations
            .iter()
            .map(|operation| {
                let mut done = json!({ "method": operation["method"], "bulkId": operation["bulkId"] });
                let is_creation = operation["method"] == "POST" && operation["path"] == "/Users";
                let created = if is_creation {
                    self.create(operation["data"].clone())
                } else {
                    Err(refused(501, "", "only new users"))
                };
                match created {
                    Ok(user) => {
                        done["location"] = user["meta"]["location"].clone();
                        done["status"] = "201".into();
                    }
                    Err((status, error)) => {
                        done["response"] = error;
                        done["status"] = status.to_string().into();
                    }
                }
                done
            })
            .collect();
        Ok(json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"], "Operations": done }))
    }
}

fn read(body: &[u8]) -> Result<Value, Answer> {
    serde_json::from_slice(body).map_err(|error| refused(400, "invalidSyntax", &error.to_string()))
}

fn refused(status: u16, kind: &str, detail: &str) -> Answer {
    let mut error = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": status.to_string(), "detail": detail,
    });
    if !kind.is_empty() {
        error["scimType"] = kind.into();
    }
    (status, error)
}

fn list(total: usize, start: usize, resources: Vec<Value>) -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": total, "startIndex": start, "itemsPerPage": resources.len(), "Resources": resources,
    })
}

fn resource_type() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
        "id": "User", "name": "User", "endpoint": "/Users", "schema": USER,
        "schemaExtensions": [{ "schema": ENTERPRISE, "required": false }],
    })
}

fn schema(urn: &str) -> Value {
    let attributes: Vec<Value> = ATTRIBUTES
        .iter()
        .filter(|(schema, ..)| *schema == urn)
        .map(|(_, name, form, subs)| {
            let mut attribute = described(name, *form);
            if !subs.is_empty() {
                let form_of = |sub: &str| if sub == "primary" { FLAG } else { TEXT };
                attribute["subAttributes"] = subs.iter().map(|sub| described(sub, form_of(sub))).collect();
            }
            attribute
        })
        .collect();
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Schema"], "id": urn, "attributes": attributes })
}

fn described(name: &str, (kind, is_list): Form) -> Value {
    let is_secret = name == "password";
    json!({
        "name": name, "type": kind, "multiValued": is_list, "required": name == "userName", "caseExact": false,
        "mutability": if is_secret { "writeOnly" } else { "readWrite" },
        "returned": if is_secret { "never" } else { "default" },
        "uniqueness": if name == "userName" { "server" } else { "none" },
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
