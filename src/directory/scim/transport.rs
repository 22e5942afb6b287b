//! Everything between a request and its answer: who we are, how fast, how often, where to, and what an answer is.
//!
//! A request that creates something is never sent twice unless it is certain that the first was not looked at; and
//! nothing that was sent to prove who we are ever comes back in a text.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;
use std::time::SystemTime;

use reqwest::Method;
use reqwest::StatusCode;
use reqwest::header::ACCEPT;
use reqwest::header::AUTHORIZATION;
use reqwest::header::CONTENT_TYPE;
use reqwest::header::ETAG;
use reqwest::header::HeaderMap;
use reqwest::header::HeaderValue;
use reqwest::header::IF_MATCH;
use reqwest::header::LOCATION;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use self::auth::Authorization;
use self::auth::Credentials;
use self::body::Body;
use self::circuit::Circuit;
use self::rate::Turnstile;
use self::stop::Stopping;
use self::tries::Tries;
use super::url::is_in_clear;
use super::wire::ETag;
use super::wire::ErrorReply;
use crate::directory::Pace;

mod auth;
mod body;
mod circuit;
mod dial;
mod error;
mod oauth;
pub mod rate;
mod redirect;
mod request;
pub mod retry;
mod scrub;
pub mod settings;
mod stop;
mod tries;
mod trouble;

pub use error::TransportError;
pub use request::Reply;
pub use request::Request;
pub(super) use scrub::Scrub;
pub use settings::Auth;
pub use settings::ClientCredentials;
pub use settings::CredentialsPlace;
pub use settings::MediaType;
pub use settings::Proxy;
pub use settings::Timeouts;
pub use settings::TransportSettings;
pub use trouble::Trouble;

/// How often a request that may be repeated is sent when there is no answer, or one that says that the service failed.
const TRIES_IN_SILENCE: u32 = 3;

/// Why something is not sent that could be sent later.
const TO_STOP: &str = "the service asks to be left alone for a while, and the run is to stop";

/// The largest error that is read, in bytes.
const LARGEST_ERROR: usize = 256 * 1024;

/// Speaks to one service.
#[derive(Debug)]
pub struct Transport {
    settings: TransportSettings,
    client: reqwest::Client,
    credentials: Credentials,
    extra: HeaderMap,
    scrub: Scrub,
    rate: Turnstile,
    circuit: Arc<Circuit>,
}

/// What came of sending a request once.
enum Exchange {
    Answer(Answer),
    /// It was certainly not sent.
    NeverSent(String),
    /// It makes no sense to send it.
    ForGood(String),
    /// It was sent.
    Silence(String),
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Body,
}

impl Answer {
    fn refusal(&self, scrub: &Scrub) -> ErrorReply {
        self.body.refusal(self.status.as_u16(), scrub)
    }
}

impl Transport {
    /// Makes a transport. Nothing is sent.
    pub fn new(settings: &TransportSettings) -> Result<Self, TransportError> {
        let in_clear = |url: &Url| {
            let is_refused = is_in_clear(url) && !settings.allow_cleartext;
            if is_refused { Err(TransportError::Cleartext(url.origin().ascii_serialization())) } else { Ok(()) }
        };
        in_clear(settings.base.url())?;
        if let Auth::ClientCredentials(ClientCredentials { token_url, .. }) = &settings.auth {
            in_clear(token_url)?;
        }
        let mut scrub = Scrub::default();
        let client = dial::client(settings, &mut scrub)?;
        let circuit = Arc::new(Circuit::default());
        let extra = auth::extra(&settings.headers, &settings.auth, &mut scrub)?;
        let credentials = Credentials::new(&settings.auth, &client, &circuit, &mut scrub)?;
        // More than the limit can never be on their way.
        let most = settings.rate.map_or(usize::MAX, |limit| limit.n.get() as usize);
        let in_flight = NonZeroUsize::new(most).map_or(settings.in_flight, |most| most.min(settings.in_flight));
        let rate = Turnstile::new(in_flight, settings.rate);
        Ok(Self { settings: settings.clone(), client, credentials, extra, scrub, rate, circuit })
    }

    /// Returns when requests may be sent.
    pub fn rate(&self) -> &Turnstile {
        &self.rate
    }

    /// Once `stop` is cancelled, nothing waits long for the service any more.
    pub fn heed(&self, stop: &CancellationToken) {
        self.rate.stop.heed(stop);
    }

    /// Returns whether nothing new is to be begun.
    pub fn is_to_stop(&self) -> bool {
        self.rate.stop.is_requested()
    }

    /// Returns what must not be repeated of the answer to `request`.
    pub(super) async fn scrub_of(&self, request: &Request) -> Scrub {
        let mut scrub = self.scrub.with_passwords_of(request.body.as_ref());
        let authorization = self.credentials.current().await.ok();
        if let Some(token) = authorization.as_ref().and_then(|authorization| authorization.secret.as_ref()) {
            scrub.add(token);
        }
        scrub
    }

    /// Returns how the service is spoken to.
    pub fn settings(&self) -> &TransportSettings {
        &self.settings
    }

    /// Gets a token, if there must be one.
    pub async fn prepare(&self) -> Result<(), Trouble> {
        self.credentials.current().await.map(drop)
    }

    /// Sends a request until it is known what came of it, or nothing more can be done about that.
    ///
    /// Every time it is sent it takes a turn of the target's rate and, if there is one, a permit of `pace`.
    pub async fn send(&self, request: Request, pace: Option<&Pace>) -> Result<Reply, Trouble> {
        if !self.settings.base.is_origin_of(&request.url) {
            return Err(Trouble::Unfit("the address is of another origin than `url`".to_owned()));
        }
        let mut scrub = self.scrub.with_passwords_of(request.body.as_ref());
        let mut url = request.url.clone();
        let mut tries = Tries::default();
        loop {
            self.circuit.prove_closed()?;
            self.credentials.current().await?;
            let turn = self.rate.turn(pace).await.map_err(|Stopping| tries.given_up(TO_STOP.to_owned()))?;
            // Meanwhile somebody else may have been refused, or the token have ended.
            self.circuit.prove_closed()?;
            let authorization = self.credentials.current().await?;
            authorization.secret.iter().for_each(|token| scrub.add(token));
            let since = turn.since();
            let exchange = self.exchange(&request, &url, &authorization, &scrub).await;
            drop(turn);
            let answer = match exchange {
                Exchange::Answer(answer) => answer,
                Exchange::ForGood(why) => return Err(Trouble::Unfit(why)),
                Exchange::NeverSent(why) => {
                    tries.turned_away += 1;
                    if tries.turned_away >= self.settings.tries.get() {
                        return Err(tries.given_up(why));
                    }
                    self.rest(retry::backoff(tries.turned_away), &tries).await?;
                    continue;
                }
                Exchange::Silence(why) => {
                    tries.silences += 1;
                    tries.in_doubt = true;
                    if !request.is_safe_to_repeat || tries.silences >= TRIES_IN_SILENCE {
                        return Err(Trouble::Unanswered(why));
                    }
                    self.rest(retry::backoff(tries.silences), &tries).await?;
                    continue;
                }
            };
            self.note_budget(&answer.headers);
            let status = answer.status;
            if status != StatusCode::UNAUTHORIZED {
                self.credentials.were_taken(authorization.generation);
            }
            if status.is_success() {
                return self.reply(answer);
            }
            if status.is_redirection() && answer.headers.contains_key(LOCATION) {
                tries.redirects += 1;
                if tries.redirects > redirect::MOST {
                    return Err(Trouble::Unfit("the service redirects again and again".to_owned()));
                }
                url = redirect::follow(&self.settings.base, &url, &request.method, status, &answer.headers)?;
                continue;
            }
            match status {
                StatusCode::UNAUTHORIZED if self.credentials.are_renewable(authorization.generation, tries.renewed) => {
                    tries.renewed += 1;
                    self.credentials.renounce(authorization.generation).await;
                }
                StatusCode::FORBIDDEN if retry::is_about_rate(&answer.headers, SystemTime::now()) => {
                    self.wait_with_all(&answer, since, &mut tries, &scrub, true)?;
                }
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                    return Err(self.denied(&request, &answer, &scrub));
                }
                StatusCode::TOO_MANY_REQUESTS => {
                    self.wait_with_all(&answer, since, &mut tries, &scrub, true)?;
                }
                StatusCode::SERVICE_UNAVAILABLE => {
                    // It may have begun, or something in front of it have lost patience: whoever writes looks first.
                    if !request.is_safe_to_repeat {
                        tries.turned_away = self.settings.tries.get();
                    }
                    self.wait_with_all(&answer, since, &mut tries, &scrub, false)?;
                }
                _ if request.is_safe_to_repeat && trouble::is_passing(status.as_u16()) => {
                    tries.silences += 1;
                    tries.in_doubt = true;
                    if tries.silences >= TRIES_IN_SILENCE {
                        return Err(Trouble::Refused(answer.refusal(&scrub)));
                    }
                    self.rest(retry::backoff(tries.silences), &tries).await?;
                }
                _ => return Err(Trouble::Refused(answer.refusal(&scrub))),
            }
        }
    }

    async fn exchange(&self, request: &Request, url: &Url, who: &Authorization, scrub: &Scrub) -> Exchange {
        let Request { method, url: _, body, if_match, is_safe_to_repeat: _, is_probe: _ } = request;
        let mut headers = self.extra.clone();
        // Entra answers 400 to a DELETE with this one; without it, JSON is what comes anyway (RFC 7644 section 3.8).
        if method != Method::DELETE {
            headers.insert(ACCEPT, HeaderValue::from_static("application/scim+json, application/json"));
        }
        if let Some(header) = &who.header {
            headers.insert(AUTHORIZATION, header.clone());
        }
        if let Some(version) = if_match.as_ref().and_then(|version| HeaderValue::from_str(&version.as_header()).ok()) {
            headers.insert(IF_MATCH, version);
        }
        let mut builder = self.client.request(method.clone(), url.clone());
        if let Some(body) = body {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.settings.media_type.as_str()));
            builder = builder.body(body.to_string());
        }
        let began = Instant::now();
        let at_service = |why: String| format!("{}: {why}", url.origin().ascii_serialization());
        let failed = |error: &reqwest::Error| {
            let why = dial::why(error, scrub);
            tracing::debug!(http.method = %method, http.path = url.path(), error = why, "A request had no answer");
            match error {
                error if dial::is_for_good(error) => Exchange::ForGood(at_service(why)),
                error if dial::was_never_sent(error) => Exchange::NeverSent(at_service(why)),
                _ => Exchange::Silence(why),
            }
        };
        let response = match builder.headers(headers).send().await {
            Ok(response) => response,
            Err(error) => return failed(&error),
        };
        let (status, headers) = (response.status(), response.headers().clone());
        let most = if status.is_success() { self.settings.max_body } else { LARGEST_ERROR.min(self.settings.max_body) };
        let body = match body::read(response, most).await {
            Ok(body) => body,
            // The status says what came of it; success only tells with the rest.
            Err(_) if !status.is_success() => Body::Empty,
            Err(error) => return failed(&error),
        };
        tracing::debug!(
            http.method = %method,
            http.path = url.path(),
            http.status = status.as_u16(),
            duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            "A request was answered"
        );
        Exchange::Answer(Answer { status, headers, body })
    }

    fn reply(&self, answer: Answer) -> Result<Reply, Trouble> {
        let Answer { status, headers, body } = answer;
        let body = match body {
            Body::Empty => None,
            Body::Json(value) => Some(value),
            Body::Text(_) | Body::Other => return Err(Trouble::NotJson { status: status.as_u16() }),
            Body::TooLarge => return Err(Trouble::TooLarge { limit: self.settings.max_body }),
        };
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Ok(Reply {
            status: status.as_u16(),
            etag: text(ETAG).and_then(ETag::new),
            location: text(LOCATION).map(str::to_owned),
            body,
        })
    }

    /// Lets the whole target wait, since the service is busy; or says that this was the last try.
    fn wait_with_all(
        &self,
        answer: &Answer,
        since: Instant,
        tries: &mut Tries,
        scrub: &Scrub,
        is_undone: bool,
    ) -> Result<(), Trouble> {
        tries.turned_away += 1;
        tries.in_doubt |= !is_undone;
        let now = SystemTime::now();
        let asked = retry::retry_after(&answer.headers, now).or_else(|| retry::exhausted(&answer.headers, now));
        let pause = asked.unwrap_or_else(|| retry::backoff(tries.turned_away)).min(self.settings.longest_pause);
        self.rate.pause(pause);
        let status = answer.status.as_u16();
        if let Some(each_second) = self.rate.slow_down(since) {
            tracing::info!(
                http.status = status,
                pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "The service is busy: waiting, then at most {each_second:.2} requests a second"
            );
        }
        if tries.turned_away < self.settings.tries.get() {
            return Ok(());
        }
        let mut why = format!("the service is busy (HTTP {status})");
        if let Some(detail) = answer.refusal(scrub).detail {
            why = format!("{why}: {detail}");
        }
        Err(tries.given_up(why))
    }

    /// Waits before the next try, or says that there is none.
    async fn rest(&self, pause: Duration, tries: &Tries) -> Result<(), Trouble> {
        let until = Instant::now() + pause;
        self.rate.stop.unless_long(until).await.map_err(|Stopping| tries.given_up(TO_STOP.to_owned()))
    }

    /// Waits before the service must say that it was asked too often.
    fn note_budget(&self, headers: &HeaderMap) {
        if let Some(pause) = retry::exhausted(headers, SystemTime::now()) {
            self.rate.pause(pause.min(self.settings.longest_pause));
        }
    }

    /// Returns what 401 and 403 come to. A 403 with a word of SCIM's own is about what was asked, not
    /// about who asks, and so is one to a probe.
    fn denied(&self, request: &Request, answer: &Answer, scrub: &Scrub) -> Trouble {
        let reply = answer.refusal(scrub);
        if answer.status == StatusCode::FORBIDDEN && (reply.scim_type.is_some() || request.is_probe) {
            return Trouble::Refused(reply);
        }
        let said = match answer.status {
            StatusCode::UNAUTHORIZED => "the service does not take the credentials (HTTP 401)",
            _ => "the service does not let these credentials do this (HTTP 403)",
        };
        if !request.is_probe {
            // What the service said besides may be about this one request.
            self.circuit.open(said);
        }
        Trouble::Unauthorized(reply.detail.map_or_else(|| said.to_owned(), |detail| format!("{said}: {detail}")))
    }
}
