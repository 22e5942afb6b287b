//! The certificate of the server: whose it is, who vouches for it, and for how long.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use rustls::ClientConfig;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::super::dial;
use super::super::settings::Access;
use super::super::settings::Identity;
use super::super::settings::Link;
use super::finding;
use crate::directory::Finding;
use crate::directory::Verdict;
use crate::tls;

/// An admin needs so many days to get a new certificate.
const DAYS_OF_GRACE: i64 = 30;
const SECONDS_PER_DAY: i64 = 86_400;

/// Connects once more and looks at the certificate that was verified; `None` where there is no TLS.
pub async fn certificate(access: &Access) -> Option<Finding> {
    let Link::Tls { starttls, verifier, .. } = &access.link else { return None };
    let subject = format!("certificate of {}", access.url);
    let seen = Arc::new(Mutex::new(None));
    let unseen = || Some(finding(&*subject, Verdict::Warning("it could not be looked at".to_owned())));
    let Ok(config) = tls::watching(verifier, &seen) else { return unseen() };
    let config: Arc<ClientConfig> = config;
    let watched = Access {
        url: access.url.clone(),
        link: Link::Tls { config, starttls: *starttls, verifier: Arc::clone(verifier) },
        // Nobody logs in.
        identity: Identity::External,
        connect_timeout: access.connect_timeout,
        timeout: access.timeout,
    };
    if dial::link(&watched).await.is_err() {
        return unseen();
    }
    let der = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(der) = der else { return unseen() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
    Some(finding(&*subject, verdict(&der, now)))
}

/// Judges a certificate that was verified at `now`, in seconds since 1970.
fn verdict(der: &[u8], now: i64) -> Verdict {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        return Verdict::Warning("it was verified, but its dates cannot be read".to_owned());
    };
    let days = (certificate.validity().not_after.timestamp() - now).div_euclid(SECONDS_PER_DAY);
    // A certificate may name the server in its extensions only.
    let name = match certificate.subject().to_string() {
        name if name.is_empty() => "without a subject".to_owned(),
        name => format!("of {name}"),
    };
    let text = format!("{name}, issued by {}, verified, {days} days left", certificate.issuer());
    if days < DAYS_OF_GRACE {
        return Verdict::Warning(format!("{text}: renew it, or every import stops"));
    }
    Verdict::Good(text)
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;

    /// `openssl req -x509 -newkey ec ... -subj "/O=Example/CN=ldap.example.org" -days 1500`
    const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----
MIIBsDCCAVWgAwIBAgIUOPc4UGU5mOaRG2RdxO1Fo6aLiCgwCgYIKoZIzj0EAwIw
LTEQMA4GA1UECgwHRXhhbXBsZTEZMBcGA1UEAwwQbGRhcC5leGFtcGxlLm9yZzAe
Fw0yNjExMjIyMTIwMTdaFw0zMDEyMzEyMTIwMTdaMC0xEDAOBgNVBAoMB0V4YW1w
bGUxGTAXBgNVBAMMEGxkYXAuZXhhbXBsZS5vcmcwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAATKdA62KSyBQ8rc6u3aBvtuzhg8QeS+n5i0Qn+sKTik/qiRTim82vOr
EmKE++7CSdlzTEeNYTLJw3lpZCPqjuIVo1MwUTAdBgNVHQ4EFgQUfVJsZHfSaXak
AyDta2exfmZS2nEwHwYDVR0jBBgwFoAUfVJsZHfSaXakAyDta2exfmZS2nEwDwYD
VR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBGAiEAr2A8kxVK/oXC+2eWeGx8
u2/FEmbREQ3JDx1kvl7idlICIQCur3uZU9jjFcIDlwDjtaV83Hxdl3nhbqwVq2pA
D6295Q==
-----END CERTIFICATE-----
";

    #[test]
    fn the_days_that_are_left_decide() {
        let der = CertificateDer::from_pem_slice(PEM).expect("a certificate");
        // By `openssl x509 -enddate` and `date +%s`.
        let end = 1_924_982_417;
        let text = |days: i64| {
            format!(
                "of O=Example, CN=ldap.example.org, issued by O=Example, CN=ldap.example.org, verified, {days} days left"
            )
        };
        assert_eq!(verdict(&der, end - 30 * 86_400), Verdict::Good(text(30)));
        let soon = Verdict::Warning(format!("{}: renew it, or every import stops", text(29)));
        assert_eq!(verdict(&der, end - 30 * 86_400 + 1), soon);
        assert!(matches!(verdict(b"nothing", end), Verdict::Warning(_)));
    }
}
