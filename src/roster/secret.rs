//! Text that must never be shown, logged, stored or compared by accident.

use std::fmt;

use secrecy::ExposeSecret;
use secrecy::SecretString;

/// A password, token or key. Zeroed when dropped; `Debug` prints `***`; there is no `Display` and no `Serialize`.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes `text` over.
    pub fn new(text: String) -> Self {
        Self(SecretString::from(text))
    }

    /// Returns the text. Every use of it is a place where a secret may leak: keep them few.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}
