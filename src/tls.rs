//! The one TLS set-up of all clients: rustls with aws-lc-rs, the system's certificates, and a private CA if one is set.

use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

/// Why TLS cannot be used as configured.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file of the private CA.
    #[error("cannot read the CA file {path}: {cause}")]
    CaFile {
        /// The file.
        path: String,
        /// What is wrong with it.
        cause: String,
    },
    /// No certificate to trust at all.
    #[error("no CA certificate to trust: {0}")]
    NoRoots(rustls::Error),
    /// The library refuses the settings.
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// Returns the provider of cryptography, which is also made the process's default the first time.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
        // Somebody else may have installed one first; then theirs is the default, and ours is still used here.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Arc::new(rustls::crypto::aws_lc_rs::default_provider())
    });
    Arc::clone(&PROVIDER)
}

/// Returns the settings of TLS clients: certificates and host names are verified, always.
///
/// `ca_file` holds certificates in PEM that are trusted besides the system's.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
    let verifier = Verifier::new_with_extra_roots(extra, provider()).map_err(TlsError::NoRoots)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        // The platform's verifier is set through this door, there is no other; it verifies.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let failed = |cause: String| TlsError::CaFile { path: path.display().to_string(), cause };
    let pem = std::fs::read(path).map_err(|e| failed(e.to_string()))?;
    let found: Vec<_> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|e| failed(format!("it is not valid PEM ({e})")))?;
    if found.is_empty() {
        return Err(failed("it holds no certificate in PEM".to_owned()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_file_without_a_certificate_is_refused() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("ca.pem");
        assert!(matches!(client_config(Some(&path)), Err(TlsError::CaFile { .. })));
        std::fs::write(&path, "not a certificate").expect("writable");
        let error = client_config(Some(&path)).expect_err("no certificate in it");
        assert!(error.to_string().contains("holds no certificate"), "{error}");
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").expect("writable");
        assert!(client_config(Some(&path)).is_err());
    }
}
