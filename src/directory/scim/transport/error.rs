//! What makes it impossible to speak to a service at all.

use crate::tls::TlsError;

/// Why a service cannot be spoken to as configured.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// What proves who we are would be readable on the way.
    #[error(
        "{0} is `http`, so that everybody on the way could read the credentials; use `https`, or set `allow_cleartext`"
    )]
    Cleartext(String),
    /// Something secret has a character that no header can hold.
    #[error("{0} has a character that no header can hold, such as a line break")]
    Unsendable(String),
    /// A colon in a name.
    #[error("a username for Basic must not hold a colon")]
    Username,
    /// A header that is none.
    #[error("`{0}` is no name of a header")]
    HeaderName(String),
    /// A header that is set in another way.
    #[error("the header `{0}` cannot be set among the extra ones")]
    HeaderTaken(String),
    /// A proxy that is none.
    #[error("the proxy's address cannot be used; it must begin with http:// or https://")]
    Proxy,
    /// A proxy with a login in its address.
    #[error("the proxy's address must not hold a user or password; there are keys for them")]
    ProxyLogin,
    /// The TLS set-up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The library refuses the settings.
    #[error("HTTP cannot be set up: {0}")]
    Setup(String),
}
