//! How connections are made, and why one was not.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::Client;
use reqwest::redirect::Policy;

use super::TransportError;
use super::scrub::Scrub;
use super::settings::Proxy;
use super::settings::TransportSettings;
use crate::directory::scim::url::is_loopback;

/// How long a connection is kept without a request. Some servers close after two seconds (gunicorn) or five (node),
/// and a request that is sent at that very moment is lost.
const IDLE: Duration = Duration::from_millis(1500);

/// How long what was sent may stay unacknowledged.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Makes the client for a service. It follows no redirects and repeats nothing: the transport does.
pub fn client(settings: &TransportSettings, scrub: &mut Scrub) -> Result<Client, TransportError> {
    let mut tls = (*crate::tls::client_config(settings.ca_file.as_deref())?).clone();
    if settings.http2 {
        tls.alpn_protocols.push(b"h2".to_vec());
    }
    tls.alpn_protocols.push(b"http/1.1".to_vec());
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("rosterd/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(settings.timeouts.connect)
        .read_timeout(settings.timeouts.read)
        .timeout(settings.timeouts.whole)
        .pool_idle_timeout(IDLE)
        .tcp_user_timeout(UNACKNOWLEDGED)
        .http2_keep_alive_interval(Duration::from_secs(15))
        .http2_keep_alive_timeout(Duration::from_secs(15));
    let builder = match &settings.proxy {
        Proxy::Direct => builder.no_proxy(),
        // What goes to this machine itself may be in clear, since nobody else sees it. A proxy would.
        Proxy::System if is_loopback(settings.base.url()) => builder.no_proxy(),
        Proxy::System => builder,
        Proxy::At { url, login } => {
            if !url.username().is_empty() || url.password().is_some() {
                return Err(TransportError::ProxyLogin);
            }
            let mut proxy = reqwest::Proxy::all(url.clone()).map_err(|_| TransportError::Proxy)?;
            if let Some((username, password)) = login {
                scrub.add(password);
                proxy = proxy.basic_auth(username, password.expose());
            }
            builder.no_proxy().proxy(proxy)
        }
    };
    builder.build().map_err(|error| TransportError::Setup(why(&error, scrub)))
}

/// Returns why a request failed, without the address: its query may be about people.
pub fn why(error: &reqwest::Error, scrub: &Scrub) -> String {
    if error.is_timeout() && !error.is_connect() {
        return "there was no answer in time".to_owned();
    }
    let mut next: Option<&(dyn Error + 'static)> = error.source();
    let mut innermost = None;
    while let Some(cause) = next {
        innermost = Some(cause);
        next = cause.source();
    }
    let cause = innermost.map_or_else(|| "no connection".to_owned(), |cause| scrub.clean(&cause.to_string()));
    if is_about_certificates(error) {
        return format!("its certificate is not trusted: {cause} (a private CA goes into `ca_file`)");
    }
    if error.is_timeout() {
        return "no connection in time".to_owned();
    }
    if error.is_connect() { format!("no connection: {cause}") } else { format!("the connection was lost: {cause}") }
}

/// Returns whether it makes no sense to try again.
pub fn is_for_good(error: &reqwest::Error) -> bool {
    error.is_builder() || is_about_certificates(error)
}

/// Returns whether nothing can have been done: there was no connection, or the server says that it has not looked at
/// the request (RFC 9113 section 8.7).
pub fn was_never_sent(error: &reqwest::Error) -> bool {
    let is_refused = |error: &h2::Error| error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
    error.is_connect() || error.is_builder() || causes(error).any(|cause| cause.downcast_ref().is_some_and(is_refused))
}

fn is_about_certificates(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        // An I/O error does not count what it wraps among its sources, and may wrap another.
        let mut innermost = cause;
        while let Some(wrapped) = innermost.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            innermost = wrapped;
        }
        matches!(innermost.downcast_ref(), Some(rustls::Error::InvalidCertificate(_)))
    })
}

fn causes<'e>(error: &'e reqwest::Error) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let source = |cause: &&'e (dyn Error + 'static)| -> Option<&'e (dyn Error + 'static)> {
        let cause: &'e (dyn Error + 'static) = *cause;
        cause.source()
    };
    std::iter::successors(error.source(), source)
}
