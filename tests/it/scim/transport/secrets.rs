//! Nothing that proves who somebody is comes to light: not in logs, not in texts, whatever the service repeats.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;
use std::sync::Mutex;

use rosterd::directory::scim::transport::Auth;
use rosterd::directory::scim::transport::ClientCredentials;
use rosterd::directory::scim::transport::CredentialsPlace;
use rosterd::directory::scim::transport::Proxy;
use rosterd::directory::scim::transport::Request;
use rosterd::directory::scim::transport::TransportSettings;
use rosterd::directory::scim::url::BaseUrl;
use rosterd::directory::scim::url::with_query;
use rosterd::roster::secret::Secret;
use serde_json::Value;
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use url::Url;

use super::desk::Asked;
use super::desk::Desk;
use super::desk::bare;
use super::desk::certificates;
use super::desk::plain;
use super::desk::scim;
use super::settings;
use super::transport;

const BEARER: &str = "bearer-Q7x";
const PASSWORD: &str = "basic-Q7x \"quoted\"";
const KEY: &str = "key-Q7x";
const CLIENT_SECRET: &str = "client-Q7x";
const ISSUED: &str = "issued-Q7x";
const NEW_PASSWORD: &str = "initial-Q7x\\!";
const PERSON: &str = "ann.Q7x";

/// Everything above has it in it, in whatever way it is written, except encoded.
const MARK: &str = "Q7x";

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("lock").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Page {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("lock")).into_owned()
    }

    fn note(&self, shown: &impl Debug) {
        io::Write::write_all(&mut self.clone(), format!("{shown:?}\n").as_bytes()).expect("written");
    }
}

/// A service that repeats everything it was told in its error.
fn echo(status: u16, asked: &Asked) -> axum::response::Response {
    let headers: Vec<_> = asked.headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
    let body = match serde_json::from_str::<Value>(&asked.body) {
        Ok(body) => format!("{} {}", body["password"].as_str().unwrap_or_default(), asked.body),
        Err(_) => asked.body.clone(),
    };
    let detail = format!("{body} | {}", headers.join(" | "));
    let code = asked.header("authorization").unwrap_or_default();
    scim(
        status,
        &json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": status.to_string(), "scimType": code, "detail": detail,
        }),
    )
}

#[tokio::test]
async fn whatever_goes_wrong_nothing_secret_is_told() {
    let page = Page::default();
    // While there is only one, tracing asks the thread that comes first whether anybody listens, and keeps to that.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let everything = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(page.clone());
    let _guard = everything.finish().set_default();
    let folder = certificates();
    let authority = Desk::answering(|n, asked| {
        if n == 0 {
            let answer = json!({"access_token": ISSUED, "token_type": "bearer"});
            return plain(200, "application/json", answer.to_string());
        }
        let told = format!("{} {:?}", asked.body, asked.headers);
        plain(400, "application/json", json!({"error": "invalid_client", "error_description": told}).to_string())
    })
    .await;
    let client = |placed| ClientCredentials {
        token_url: Url::parse(&format!("http://127.0.0.1:{}/token", authority.port)).expect("a URL"),
        client_id: "rosterd".to_owned(),
        client_secret: Secret::from(CLIENT_SECRET),
        scope: None,
        parameters: Vec::new(),
        placed,
    };
    let auths = [
        Auth::ClientCredentials(client(CredentialsPlace::Header)),
        Auth::ClientCredentials(client(CredentialsPlace::Body)),
        Auth::Bearer(Secret::from(BEARER)),
        Auth::Basic { username: "rosterd".to_owned(), password: Secret::from(PASSWORD) },
    ];
    for auth in auths {
        for status in [201, 200, 400, 401, 403, 409, 429, 500, 503] {
            let desk = Desk::behind_tls(folder.path(), move |_, asked| match status {
                200 => bare(200),
                201 => scim(201, &json!({"id": "1", "userName": PERSON})),
                status => echo(status, asked),
            })
            .await;
            let ours = TransportSettings {
                base: BaseUrl::parse(&format!("https://localhost:{}/v2", desk.port)).expect("a base"),
                auth: auth.clone(),
                headers: vec![("x-key".to_owned(), Secret::from(KEY))],
                ca_file: Some(folder.path().join("ca.pem")),
                proxy: Proxy::Direct,
                tries: 1.try_into().expect("not zero"),
                ..settings(desk.port)
            };
            let transport = transport(&ours);
            let users = ours.base.endpoint("Users").expect("an endpoint").url();
            let filtered = with_query(users.clone(), [("filter", &*format!("userName eq \"{PERSON}\""))]);
            let person = json!({"userName": PERSON, "password": NEW_PASSWORD});
            for request in [Request::post(filtered, person), Request::post(users, json!({"password": NEW_PASSWORD}))] {
                page.note(&request);
                match transport.send(request, None).await {
                    Ok(reply) => page.note(&reply),
                    Err(trouble) => {
                        // What it says of the person is for reports, and only there.
                        let faults = (trouble.clone().fault_of_read(), trouble.clone().fault_of_write());
                        let told = format!("{trouble:?} {trouble} {} {}", faults.0, faults.1);
                        page.note(&told.replace(PERSON, "the person"));
                    }
                }
            }
            page.note(&transport);
            page.note(&ours);
        }
    }
    assert!(authority.count() > 2);
    let told = page.text();
    // It was listened to, also to what is below us.
    for heard in ["A request was answered", "HTTP 401", "h2::", "hyper_util"] {
        assert!(told.contains(heard), "{heard} is not among {} bytes", told.len());
    }
    for line in told.lines() {
        let is_clean = !line.contains(MARK)
            // `rosterd:client-Q7x`, `rosterd:basic-Q7x...`, both encoded.
            && !line.contains("cm9zdGVyZDpjbGllbnQt")
            && !line.contains("cm9zdGVyZDpiYXNpYy1R");
        assert!(is_clean, "{line}");
    }
}
