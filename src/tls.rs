//! The one TLS set-up of all clients: rustls with aws-lc-rs, the system's certificates, and a private CA if one is set.

use std::path::Path;
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::Mutex;
use std::sync::PoisonError;

use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::SignatureScheme;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
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

/// What proves certificates and host names.
pub type Proof = Arc<dyn ServerCertVerifier>;

/// Where the certificate of a server is kept once it has been proved, as DER.
pub type Seen = Arc<Mutex<Option<Vec<u8>>>>;

/// Returns the settings of TLS clients: certificates and host names are verified, always.
///
/// `ca_file` holds certificates in PEM that are trusted besides the system's.
pub fn client_config(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    proving_by(verifier(ca_file)?)
}

/// Returns what proves the certificates of servers; see [`client_config`].
pub fn verifier(ca_file: Option<&Path>) -> Result<Proof, TlsError> {
    let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
    Ok(Arc::new(Verifier::new_with_extra_roots(extra, provider()).map_err(TlsError::NoRoots)?))
}

/// Returns the settings of TLS clients whose servers `verifier` proves.
pub fn proving_by(verifier: Proof) -> Result<Arc<ClientConfig>, TlsError> {
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Setup)?
        // The platform's verifier is set through this door, there is no other; it verifies.
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// The same, and keeps the certificate in `seen` when `verifier` has accepted it.
pub fn watching(verifier: &Proof, seen: &Seen) -> Result<Arc<ClientConfig>, TlsError> {
    proving_by(Arc::new(Witness { verifier: Arc::clone(verifier), seen: Arc::clone(seen) }))
}

/// Leaves the proof to another, and remembers whose certificate it was.
#[derive(Debug)]
struct Witness {
    verifier: Proof,
    seen: Seen,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let proof = self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(end_entity.to_vec());
        Ok(proof)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
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
