//! What an edge shows to relays.

use crate::Fingerprint;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A certificate and its key.
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    /// What a relay can be told to pin.
    pub fingerprint: Fingerprint,
}

/// An identity that cannot be used.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// A file cannot be read or written.
    #[error("{}: {source}", file.display())]
    File {
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
    /// No certificate could be made.
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
}

impl Identity {
    /// Reads a certificate with its chain, and its key, from PEM files.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, IdentityError> {
        let mode = std::fs::metadata(key).map_err(|source| failed(key, source))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(IdentityError::Exposed { file: key.to_owned(), mode });
        }
        let text = std::fs::read(certificate).map_err(|source| failed(certificate, source))?;
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let malformed = |file: &Path, expected| IdentityError::Malformed { file: file.to_owned(), expected };
        let chain = chain.map_err(|_| malformed(certificate, "a certificate"))?;
        let own = chain.first().ok_or_else(|| malformed(certificate, "a certificate"))?;
        let fingerprint = Fingerprint::of(own);
        let mut text = std::fs::read(key).map_err(|source| failed(key, source))?;
        let secret = PrivateKeyDer::from_pem_slice(&text).map_err(|_| malformed(key, "a private key"));
        text.fill(0);
        Ok(Self { chain, key: secret?, fingerprint })
    }

    /// Reads `NAME.pem` and `NAME.key` of a folder, or makes them there, for ever valid and good for nobody but
    /// those who were told the fingerprint, which stands in `NAME.fingerprint`.
    pub fn self_made(folder: &Path, name: &str) -> Result<Self, IdentityError> {
        let (certificate, key) = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
        if !certificate.exists() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|source| failed(folder, source))?;
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()])?;
            let _ = std::fs::remove_file(&key); // of a start that did not get to its certificate
            write(&key, &made.signing_key.serialize_pem())?;
            write(&certificate, &made.cert.pem())?;
        }
        let identity = Self::read(&certificate, &key)?;
        let fingerprint = folder.join(format!("{name}.fingerprint"));
        let text = format!("{}\n", identity.fingerprint);
        std::fs::write(&fingerprint, text).map_err(|source| failed(&fingerprint, source))?;
        Ok(identity)
    }
}

fn write(file: &Path, text: &str) -> Result<(), IdentityError> {
    let written = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let written = written.and_then(|mut open| open.write_all(text.as_bytes()));
    written.map_err(|source| failed(file, source))
}

fn failed(file: &Path, source: io::Error) -> IdentityError {
    IdentityError::File { file: file.to_owned(), source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_self_made_identity_stays_the_same_and_its_key_is_for_its_owner() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("quic");
        let first = Identity::self_made(&folder, "edge-1").unwrap().fingerprint;
        assert_eq!(Identity::self_made(&folder, "edge-1").unwrap().fingerprint, first);
        assert_ne!(Identity::self_made(&folder, "edge-2").unwrap().fingerprint, first);
        let written = std::fs::read_to_string(folder.join("edge-1.fingerprint")).unwrap();
        assert_eq!(written.parse(), Ok(first));
        let key = folder.join("edge-1.key");
        assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
        let exposed = Identity::self_made(&folder, "edge-1").err().unwrap().to_string();
        assert!(exposed.contains("edge-1.key") && exposed.contains("chmod 600"), "{exposed}");
    }
}
