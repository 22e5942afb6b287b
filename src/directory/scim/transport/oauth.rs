//! Tokens from an authorization server, for a client that speaks for itself (RFC 6749 section 4.4).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use reqwest::header::AUTHORIZATION;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio::time::sleep;

use super::auth::Authorization;
use super::auth::basic;
use super::auth::bearer;
use super::body;
use super::body::Body;
use super::circuit::Circuit;
use super::dial;
use super::retry;
use super::scrub::Scrub;
use super::settings::ClientCredentials;
use super::settings::CredentialsPlace;
use super::trouble::Trouble;
use super::trouble::is_passing;
use crate::roster::secret::Secret;

/// The largest answer that is read.
const MOST: usize = 64 * 1024;

/// A token that ends within this time is renewed before it is used, but none is renewed before half of its time.
const EARLY: Duration = Duration::from_secs(60);

/// How often a token is asked for before the authorization server is found out of order.
const TRIES: u32 = 4;

/// The longest pause that an authorization server is given.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The token of a client, asked for when it is needed, by one of those who need it.
pub struct Tokens {
    settings: ClientCredentials,
    client: reqwest::Client,
    circuit: Arc<Circuit>,
    scrub: Scrub,
    header: HeaderValue,
    current: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    token: Option<Token>,
    /// How many tokens were given out.
    generation: u64,
}

struct Token {
    header: HeaderValue,
    secret: Secret,
    good_until: Option<Instant>,
}

enum Refusal {
    /// It may go well later.
    Passing(String, Option<Duration>),
    Final(String),
}

impl Tokens {
    /// Makes them of the settings; `scrub` learns what must not be repeated.
    pub fn new(
        settings: &ClientCredentials,
        client: &reqwest::Client,
        circuit: &Arc<Circuit>,
        scrub: &mut Scrub,
    ) -> Self {
        // RFC 6749 section 2.3.1: both are encoded before they are joined.
        let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let secret = Secret::new(encoded(settings.client_secret.expose()));
        let header = basic(&encoded(&settings.client_id), &secret, scrub);
        Self {
            settings: settings.clone(),
            client: client.clone(),
            circuit: Arc::clone(circuit),
            scrub: scrub.clone(),
            header,
            current: Mutex::default(),
        }
    }

    /// Returns the token of now. Whoever comes first asks for it, the others wait for that.
    pub async fn current(&self) -> Result<Authorization, Trouble> {
        let mut known = self.current.lock().await;
        let is_good = |token: &Token| token.good_until.is_none_or(|until| until > Instant::now());
        if !known.token.as_ref().is_some_and(is_good) {
            known.token = None;
            self.circuit.prove_closed()?;
            known.token = Some(self.ask_patiently().await?);
            known.generation += 1;
        }
        let token = known.token.as_ref();
        Ok(Authorization {
            header: token.map(|token| token.header.clone()),
            generation: known.generation,
            secret: token.map(|token| token.secret.clone()),
        })
    }

    /// Says that the token of `generation` is no good any more. If there is a newer one, it stays.
    pub async fn renounce(&self, generation: u64) {
        let mut known = self.current.lock().await;
        if known.generation == generation {
            known.token = None;
        }
    }

    async fn ask_patiently(&self) -> Result<Token, Trouble> {
        let mut n = 1;
        loop {
            match self.ask().await {
                Ok(token) => return Ok(token),
                Err(Refusal::Final(why)) => {
                    self.circuit.open(&why);
                    return Err(Trouble::Unauthorized(why));
                }
                Err(Refusal::Passing(why, _)) if n >= TRIES => return Err(Trouble::NotSent(why)),
                Err(Refusal::Passing(_, pause)) => {
                    sleep(pause.map_or_else(|| retry::backoff(n), |pause| pause.min(LONGEST_PAUSE))).await;
                    n += 1;
                }
            }
        }
    }

    async fn ask(&self) -> Result<Token, Refusal> {
        let ClientCredentials { token_url, client_id, client_secret, scope, parameters, placed } = &self.settings;
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(scope.as_deref().map(|scope| ("scope", scope)));
        form.extend(parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let mut request = self.client.post(token_url.clone()).header(ACCEPT, "application/json");
        match placed {
            CredentialsPlace::Header => request = request.header(AUTHORIZATION, self.header.clone()),
            CredentialsPlace::Body => {
                form.push(("client_id", client_id));
                form.push(("client_secret", client_secret.expose()));
            }
        }
        let response = match request.form(&form).send().await {
            Ok(response) => response,
            Err(error) => {
                let why = format!("no token from {}: {}", self.place(), dial::why(&error, &self.scrub));
                return Err(if dial::is_for_good(&error) { Refusal::Final(why) } else { Refusal::Passing(why, None) });
            }
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let body = body::read(response, MOST).await.map_err(|error| {
            Refusal::Passing(format!("no token from {}: {}", self.place(), dial::why(&error, &self.scrub)), None)
        })?;
        match body {
            Body::Json(answer) if status.is_success() => self.token(&answer).map_err(Refusal::Final),
            body => Err(self.refused(status, &headers, &body)),
        }
    }

    /// Reads a token (RFC 6749 section 5.1).
    fn token(&self, answer: &Value) -> Result<Token, String> {
        let place = self.place();
        let named = answer.get("token_type").and_then(Value::as_str).unwrap_or("bearer");
        if !named.eq_ignore_ascii_case("bearer") {
            return Err(format!("{place} gives tokens of another type than `bearer`"));
        }
        let text = answer.get("access_token").and_then(Value::as_str).filter(|text| !text.is_empty());
        let secret = Secret::from(text.ok_or_else(|| format!("{place} answers without a token"))?);
        let header = bearer(&secret).ok_or_else(|| format!("{place} gives a token that no header can hold"))?;
        let lasts = answer.get("expires_in").and_then(|lasts| match lasts {
            Value::String(text) => text.trim().parse().ok(),
            lasts => lasts.as_f64(),
        });
        let lasts = lasts.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let good_until = lasts.and_then(|lasts| Instant::now().checked_add(lasts - EARLY.min(lasts / 2)));
        Ok(Token { header, secret, good_until })
    }

    /// Reads why there is no token (RFC 6749 section 5.2).
    fn refused(&self, status: StatusCode, headers: &HeaderMap, body: &Body) -> Refusal {
        let code = status.as_u16();
        let mut why = format!("{} gives no token (HTTP {code})", self.place());
        if let Body::Json(answer) = body {
            for key in ["error", "error_description"] {
                if let Some(text) = answer.get(key).and_then(Value::as_str) {
                    why = format!("{why}: {}", self.scrub.clean(text));
                }
            }
        }
        if is_passing(code) {
            return Refusal::Passing(why, retry::retry_after(headers, SystemTime::now()));
        }
        Refusal::Final(why)
    }

    fn place(&self) -> String {
        self.settings.token_url.origin().ascii_serialization()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").field("settings", &self.settings).finish_non_exhaustive()
    }
}
