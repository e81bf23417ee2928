//! How a relay knows its edge.

use crate::{Fingerprint, transport, version};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// How a relay knows its edge.
#[derive(Clone, Debug)]
pub enum Trust {
    /// It shows exactly the certificate with this fingerprint.
    Pinned(Fingerprint),
    /// It shows a certificate for its name by a CA of this PEM file.
    Ca(PathBuf),
}

/// A CA that cannot be used.
#[derive(Debug, Error)]
#[error("{}: {why}", file.display())]
pub struct TrustError {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

impl Trust {
    pub(crate) fn config(&self) -> Result<quinn::ClientConfig, TrustError> {
        let provider = Arc::new(ring::default_provider());
        #[expect(clippy::expect_used, reason = "ring has cipher suites of TLS 1.3")]
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring speaks TLS 1.3");
        let builder = match self {
            Self::Pinned(fingerprint) => builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pin { fingerprint: *fingerprint, provider })),
            Self::Ca(file) => builder.with_root_certificates(roots(file)?),
        };
        let mut tls = builder.with_no_client_auth();
        tls.alpn_protocols = version::offered();
        #[expect(clippy::expect_used, reason = "ring has the cipher suite that QUIC begins with")]
        let quic = QuicClientConfig::try_from(tls).expect("ring knows AES-128-GCM");
        let mut config = quinn::ClientConfig::new(Arc::new(quic));
        config.transport_config(transport::of_relay());
        Ok(config)
    }
}

fn roots(file: &Path) -> Result<RootCertStore, TrustError> {
    let failed = |why: String| TrustError { file: file.to_owned(), why };
    let text = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|_| failed("expected certificates in PEM".to_owned()))?;
        roots.add(certificate).map_err(|error| failed(error.to_string()))?;
    }
    if roots.is_empty() { Err(failed("expected certificates in PEM".to_owned())) } else { Ok(roots) }
}

/// Lets exactly one certificate through; who shows it must also hold its key.
#[derive(Debug)]
struct Pin {
    fingerprint: Fingerprint,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = Fingerprint::of(end_entity);
        if found == self.fingerprint {
            return Ok(ServerCertVerified::assertion());
        }
        Err(rustls::Error::General(format!(
            "the edge has the fingerprint {found}, expected {}",
            self.fingerprint
        )))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken here".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
