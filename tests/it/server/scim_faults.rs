//! A SCIM service of our own that does all as the RFCs say, and whatever else it is told to: see [`Fault`] and [`Quirks`].
//!
//! It remembers every request, so that a test can tell what was sent, how often, how fast, and with which credentials.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use axum::Router;
use axum::http::HeaderMap;
use axum::http::Method;
use rosterd::roster::secret::Secret;
use serde_json::Value;
use tokio::task::JoinHandle;
use url::Url;

mod answers;
mod bulk;
mod connection;
mod filter;
mod lists;
mod patch;
mod quirks;
mod schema;
mod service;
mod store;

pub use quirks::BulkQuirks;
pub use quirks::Created;
pub use quirks::Discovery;
pub use quirks::Fault;
pub use quirks::Filters;
pub use quirks::Pages;
pub use quirks::Quirks;
pub use quirks::RetryAfter;
pub use quirks::StatusForm;
pub use quirks::ValueForm;
pub use quirks::When;
pub use schema::OWN;

use connection::Connection;
use connection::Listener;
use service::answer;
use store::Store;
use store::Type;

/// The token that the service takes.
pub const TOKEN: &str = "token-Of.rosterd-7f3a";
const PREFIX: &str = "/scim/v2";

/// A running service. It ends when this is dropped.
pub struct FaultServer {
    service: Arc<Service>,
    task: JoinHandle<()>,
}

struct Service {
    base: String,
    quirks: Mutex<Quirks>,
    faults: Mutex<Vec<(When, Fault)>>,
    store: Mutex<Store>,
    requests: Mutex<Vec<Recorded>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub at: Instant,
    pub method: Method,
    /// Below the base, such as `/Users/3?attributes=userName`.
    pub path: String,
    pub headers: HeaderMap,
    /// Null where there is none, or none that is JSON.
    pub body: Value,
    pub text: String,
}

impl FaultServer {
    /// Starts a service that does all as the RFCs say.
    pub async fn start() -> Self {
        Self::with(Quirks::default()).await
    }

    /// Starts a service with quirks.
    pub async fn with(quirks: Quirks) -> Self {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let base = format!("http://{}{PREFIX}", listener.local_addr().expect("an address"));
        let service = Arc::new(Service {
            base,
            quirks: Mutex::new(quirks),
            faults: Mutex::default(),
            store: Mutex::default(),
            requests: Mutex::default(),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&service));
        let router = router.into_make_service_with_connect_info::<Connection>();
        let task = tokio::spawn(async move { axum::serve(Listener::new(listener), router).await.expect("it serves") });
        Self { service, task }
    }

    /// Where SCIM begins, without a slash at the end.
    pub fn base(&self) -> Url {
        Url::parse(&self.service.base).expect("a URL")
    }

    pub fn token(&self) -> Secret {
        Secret::from(TOKEN)
    }

    /// Changes the quirks from now on.
    pub fn set(&self, change: impl FnOnce(&mut Quirks)) {
        change(&mut lock(&self.service.quirks));
    }

    /// Lets something happen to requests.
    pub fn fail(&self, when: When, fault: Fault) {
        lock(&self.service.faults).push((when, fault));
    }

    /// Puts a user there, or a group if it has no `userName`, and returns its id.
    pub fn put(&self, resource: &Value) -> String {
        let kind = if resource.get("userName").is_some() { Type::User } else { Type::Group };
        let id = lock(&self.service.store).create(kind, resource, &Quirks::default()).expect("a good resource");
        id.to_string()
    }

    /// Takes a user away, as somebody else would.
    pub fn remove(&self, username: &str) {
        let user = self.user(username).expect("it is there");
        let id = user["id"].as_str().expect("an id");
        lock(&self.service.store).delete(Type::User, id, &Quirks::default()).expect("it is there");
    }

    /// Returns all users, as they are stored.
    pub fn users(&self) -> Vec<Value> {
        self.service.all(Type::User)
    }

    /// Returns all groups, as they are stored.
    pub fn groups(&self) -> Vec<Value> {
        self.service.all(Type::Group)
    }

    /// Returns the user with that name, in any case.
    pub fn user(&self, username: &str) -> Option<Value> {
        self.users()
            .into_iter()
            .find(|user| user["userName"].as_str().is_some_and(|n| n.eq_ignore_ascii_case(username)))
    }

    /// Returns the group with that name.
    pub fn group(&self, name: &str) -> Option<Value> {
        self.groups().into_iter().find(|group| group["displayName"] == name)
    }

    /// Tries a login, as an application would; `Some(true)`: let in, and the password must be changed.
    pub fn login(&self, username: &str, password: &str) -> Option<bool> {
        lock(&self.service.store).login(username, password)
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.service.requests).clone()
    }

    /// Returns the requests of one method whose path begins so.
    pub fn requests_of(&self, method: &Method, path: &str) -> Vec<Recorded> {
        let all = self.requests();
        all.into_iter().filter(|request| request.method == *method && request.path.starts_with(path)).collect()
    }

    /// Returns the requests that write, Bulk included.
    pub fn writes(&self) -> Vec<Recorded> {
        self.requests().into_iter().filter(|request| request.method != Method::GET).collect()
    }

    /// Forgets all requests so far.
    pub fn forget(&self) {
        lock(&self.service.requests).clear();
    }

    /// Returns how many requests came within any time this long, at most.
    pub fn most_within(&self, time: Duration) -> usize {
        let times: Vec<Instant> = self.requests().iter().map(|request| request.at).collect();
        times
            .iter()
            .map(|start| times.iter().filter(|at| *at >= start && **at - *start < time).count())
            .max()
            .unwrap_or(0)
    }

    /// Returns how many requests were under way at the same time, at most.
    pub fn most_in_flight(&self) -> usize {
        self.service.most_in_flight.load(Ordering::Relaxed)
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no test panicked with the lock")
}
