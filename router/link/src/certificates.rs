//! Certificates from their files, checked before they are used.

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Where the certificates of a process lie; all in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// Certificates of the CAs whose peers are let in; several while one replaces another.
    pub ca: PathBuf,
    /// Own certificate, and what leads from it to the CA.
    pub certificate: PathBuf,
    /// Its key, readable by its owner only.
    pub key: PathBuf,
}

/// Certificates that cannot be used.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// A file cannot be read.
    #[error("{}: {source}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others could read the key.
    #[error("{}: mode {mode:o} lets others read the key, expected 600 (chmod 600)", file.display())]
    Exposed {
        /// Which file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file holds something else.
    #[error("{}: expected {expected} in PEM", file.display())]
    Malformed {
        /// Which file.
        file: PathBuf,
        /// What should be there.
        expected: &'static str,
    },
    /// Key and certificate do not belong together.
    #[error("{} does not belong to the certificate {}: {why}", key.display(), certificate.display())]
    OtherKey {
        /// The key.
        key: PathBuf,
        /// The certificate.
        certificate: PathBuf,
        /// What rustls says.
        why: String,
    },
    /// Peers with the same CA would refuse it.
    #[error("{}: {why}", certificate.display())]
    Refused {
        /// The certificate.
        certificate: PathBuf,
        /// Why they would.
        why: String,
    },
}

/// Certificates ready for use.
pub(crate) struct Material {
    pub(crate) acceptor: TlsAcceptor,
    pub(crate) connector: TlsConnector,
}

impl Material {
    /// Reads the files and checks that a peer with the same CA would let this certificate in now.
    pub(crate) fn load(files: &CertificateFiles) -> Result<Self, CertificateError> {
        let provider = Arc::new(ring::default_provider());
        let mut roots = RootCertStore::empty();
        for certificate in chain(&files.ca)? {
            let added = roots.add(certificate);
            added.map_err(|_| malformed(&files.ca, "certificates of a CA"))?;
        }
        let roots = Arc::new(roots);
        let own = chain(&files.certificate)?;
        let key = key(&files.key)?;

        let unusable = |why: String| CertificateError::Refused { certificate: files.ca.clone(), why };
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
        let clients = clients.build().map_err(|error| unusable(error.to_string()))?;
        let servers = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        let servers = servers.build().map_err(|error| unusable(error.to_string()))?;
        check(&own, clients.as_ref(), &files.certificate)?;

        let mismatch = |error: rustls::Error| CertificateError::OtherKey {
            key: files.key.clone(),
            certificate: files.certificate.clone(),
            why: error.to_string(),
        };
        let mut server = server_builder(&provider)
            .with_client_cert_verifier(clients)
            .with_single_cert(own.clone(), key.clone_key())
            .map_err(mismatch)?;
        // Each connection is checked against the certificates of now: nothing is resumed.
        server.send_tls13_tickets = 0;
        let mut client = client_builder(&provider)
            .with_webpki_verifier(servers)
            .with_client_auth_cert(own, key)
            .map_err(mismatch)?;
        client.resumption = Resumption::disabled();
        Ok(Self { acceptor: Arc::new(server).into(), connector: Arc::new(client).into() })
    }
}

fn server_builder(
    provider: &Arc<CryptoProvider>,
) -> rustls::ConfigBuilder<ServerConfig, rustls::WantsVerifier> {
    #[expect(clippy::expect_used, reason = "ring has cipher suites of TLS 1.3")]
    ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring speaks TLS 1.3")
}

fn client_builder(
    provider: &Arc<CryptoProvider>,
) -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    #[expect(clippy::expect_used, reason = "ring has cipher suites of TLS 1.3")]
    ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("ring speaks TLS 1.3")
}

fn check(
    own: &[CertificateDer<'static>],
    verifier: &dyn ClientCertVerifier,
    file: &Path,
) -> Result<(), CertificateError> {
    let Some((first, others)) = own.split_first() else { return Err(malformed(file, "a certificate")) };
    match verifier.verify_client_cert(first, others, UnixTime::now()) {
        Ok(_) => Ok(()),
        Err(error) => Err(CertificateError::Refused {
            certificate: file.to_owned(),
            why: crate::tls::words(&error).to_string(),
        }),
    }
}

fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let text = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) | Err(_) => Err(malformed(file, "certificates")),
    }
}

fn key(file: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    let unreadable = |source| CertificateError::Unreadable { file: file.to_owned(), source };
    let mode = std::fs::metadata(file).map_err(unreadable)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(CertificateError::Exposed { file: file.to_owned(), mode });
    }
    let mut text = read(file)?;
    let found = PrivateKeyDer::from_pem_slice(&text).map_err(|_| malformed(file, "a private key"));
    text.fill(0);
    found
}

fn read(file: &Path) -> Result<Vec<u8>, CertificateError> {
    std::fs::read(file).map_err(|source| CertificateError::Unreadable { file: file.to_owned(), source })
}

fn malformed(file: &Path, expected: &'static str) -> CertificateError {
    CertificateError::Malformed { file: file.to_owned(), expected }
}
