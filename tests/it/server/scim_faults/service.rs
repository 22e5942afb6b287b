//! From a request to its answer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use axum::body::to_bytes;
use axum::extract::ConnectInfo;
use axum::extract::Request;
use axum::extract::State;
use axum::http::Method;
use axum::http::header;
use axum::response::Response;
use serde_json::Value;
use url::Url;

use super::PREFIX;
use super::Recorded;
use super::Service;
use super::TOKEN;
use super::answers;
use super::answers::empty;
use super::answers::refused;
use super::answers::scim;
use super::bulk::bulk;
use super::connection::Connection;
use super::lists;
use super::lock;
use super::patch::Refusal;
use super::quirks::Discovery;
use super::quirks::Fault;
use super::quirks::Quirks;
use super::quirks::RetryAfter;
use super::store::Store;
use super::store::Type;

const LARGEST: usize = 64 << 20;

pub async fn answer(
    ConnectInfo(connection): ConnectInfo<Connection>,
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Infallible> {
    let most = service.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
    service.most_in_flight.fetch_max(most, Ordering::Relaxed);
    let response = service.answer(&connection, request).await;
    service.in_flight.fetch_sub(1, Ordering::Relaxed);
    Ok(response)
}

impl Service {
    pub fn all(&self, kind: Type) -> Vec<Value> {
        let store = lock(&self.store);
        store.all(kind).map(|(id, record)| store.show(kind, id, record, &self.base)).collect()
    }

    async fn answer(&self, connection: &Connection, request: Request) -> Response {
        let (head, body) = request.into_parts();
        let octets = to_bytes(body, LARGEST).await.unwrap_or_default();
        let whole = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let path = whole.strip_prefix(PREFIX).unwrap_or(whole).to_owned();
        let text = String::from_utf8_lossy(&octets).into_owned();
        let recorded = Recorded {
            at: Instant::now(),
            method: head.method,
            path,
            headers: head.headers,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        };
        lock(&self.requests).push(recorded.clone());
        let quirks = lock(&self.quirks).clone();
        tokio::time::sleep(quirks.latency).await;
        let fault = self.fault(&recorded.method, &recorded.path);
        if let Some(response) = fault.as_ref().and_then(|fault| answers::instead(fault, connection, &quirks)) {
            return response;
        }
        if quirks.rate.is_some_and(|rate| self.is_too_fast(rate)) {
            return answers::busy(429, Some(RetryAfter::Seconds(1)), &quirks);
        }
        let response = self.proved(&recorded, &quirks).unwrap_or_else(|mut refusal| {
            if quirks.echoes {
                let _ = write!(refusal.detail, " in {} from {:?}", recorded.text, recorded.headers);
            }
            refused(&refusal, &quirks)
        });
        answers::afterwards(fault.as_ref(), response, connection, &quirks).await
    }

    /// Returns what happens to a request, if anything.
    fn fault(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        for (when, fault) in faults.iter_mut() {
            let is_meant = when.method.as_ref().is_none_or(|own| own == method) && path.starts_with(when.path);
            if !is_meant || when.times == 0 {
                continue;
            }
            if when.after > 0 {
                when.after -= 1;
                continue;
            }
            when.times -= 1;
            return Some(fault.clone());
        }
        None
    }

    fn is_too_fast(&self, rate: usize) -> bool {
        let requests = lock(&self.requests);
        let is_recent = |request: &&Recorded| request.at.elapsed() < Duration::from_secs(1);
        requests.iter().rev().take_while(is_recent).count() > rate
    }

    fn proved(&self, recorded: &Recorded, quirks: &Quirks) -> Result<Response, Refusal> {
        let sent =
            recorded.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_known = sent == format!("Bearer {TOKEN}");
        let discovery = ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas"];
        let is_discovery = discovery.iter().any(|path| recorded.path.starts_with(path));
        if !is_known || is_discovery && quirks.discovery == Discovery::Denied {
            return Err(Refusal::new(401, "", "who are you?"));
        }
        let url = Url::parse(&format!("http://service{}", recorded.path)).expect("a URL");
        let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
        let segments: Vec<&str> = url.path().split('/').filter(|segment| !segment.is_empty()).collect();
        let mut store = lock(&self.store);
        let body = &recorded.body;
        match (&recorded.method, segments.first().copied()) {
            (_, Some("Users")) => self.resource(&mut store, Type::User, &segments, &query, recorded, quirks),
            (_, Some("Groups")) if quirks.groups => {
                self.resource(&mut store, Type::Group, &segments, &query, recorded, quirks)
            }
            (&Method::POST, Some("Bulk")) => {
                bulk(&mut store, body, recorded.text.len(), quirks, &self.base).map(|done| scim(200, &done, quirks))
            }
            (&Method::GET, Some(subject)) => answers::discovered(subject, quirks),
            _ => Err(Refusal::new(404, "", "no such endpoint")),
        }
    }

    fn resource(
        &self,
        store: &mut Store,
        kind: Type,
        segments: &[&str],
        query: &HashMap<String, String>,
        recorded: &Recorded,
        quirks: &Quirks,
    ) -> Result<Response, Refusal> {
        let id = segments.get(1).copied().unwrap_or_default();
        if quirks.etag
            && let Some(wanted) = recorded.headers.get(header::IF_MATCH).and_then(|value| value.to_str().ok())
        {
            let (_, record) = store.find(kind, id)?;
            if wanted != "*" && wanted != format!("W/\"{}\"", record.version) {
                return Err(Refusal::new(412, "", "it has changed meanwhile"));
            }
        }
        match (&recorded.method, id) {
            (&Method::GET, "") => Ok(scim(200, &lists::list(store, kind, query, quirks, &self.base)?, quirks)),
            (&Method::GET, id) => {
                let (id, _) = store.find(kind, id)?;
                Ok(self.shown(store, kind, id, 200, query, quirks))
            }
            (&Method::POST, "") => {
                let id = store.create(kind, &recorded.body, quirks)?;
                let response = self.shown(store, kind, id, 201, query, quirks);
                let location = format!("{}/{}/{id}", self.base, kind.path());
                Ok(answers::created(response, quirks.location.as_deref().unwrap_or(&location), quirks))
            }
            (&Method::PUT, id) if quirks.put => {
                let id = store.replace(kind, id, &recorded.body, quirks)?;
                Ok(self.shown(store, kind, id, 200, query, quirks))
            }
            (&Method::PATCH, id) if quirks.patch => {
                let operations = recorded.body["Operations"].as_array().cloned().unwrap_or_default();
                let id = store.patch(kind, id, &operations, quirks)?;
                let tells = quirks.patch_tells;
                Ok(if tells { self.shown(store, kind, id, 200, query, quirks) } else { empty(204) })
            }
            (&Method::DELETE, id) => store.delete(kind, id, quirks).map(|()| empty(204)),
            _ => Err(Refusal::new(501, "", "not implemented")),
        }
    }

    fn shown(
        &self,
        store: &Store,
        kind: Type,
        id: u64,
        status: u16,
        query: &HashMap<String, String>,
        quirks: &Quirks,
    ) -> Response {
        let (_, record) = store.find(kind, &id.to_string()).expect("it is there");
        let mut shown = lists::projected(store.show(kind, id, record, &self.base), query);
        if let Some(location) = &quirks.location {
            shown["meta"]["location"] = location.as_str().into();
        }
        if status == 201 {
            answers::leave_out(&mut shown, quirks);
        }
        let mut response = scim(status, &shown, quirks);
        if quirks.etag {
            let tag = format!("W/\"{}\"", record.version).parse().expect("a header");
            response.headers_mut().insert(header::ETAG, tag);
        }
        response
    }
}
