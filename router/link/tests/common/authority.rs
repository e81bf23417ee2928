//! A CA for tests, and certificates of it.
#![allow(clippy::unwrap_used)]

use link::CertificateFiles;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::TempDir;

pub struct Authority {
    pub folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    /// A certificate for the loopback address.
    pub fn host(&self, name: &str) -> CertificateFiles {
        self.issue(name, "127.0.0.1", 2090)
    }

    pub fn issue(&self, name: &str, address: &str, last_year: i32) -> CertificateFiles {
        let mut params = CertificateParams::new(vec![name.to_owned(), address.to_owned()]).unwrap();
        params.not_after = date_time_ymd(last_year, 1, 1);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = self.files(name);
        fs::write(&files.certificate, certificate.pem()).unwrap();
        write_key(&files.key, &key.serialize_pem(), 0o600);
        files
    }

    pub fn files(&self, name: &str) -> CertificateFiles {
        let path = |file: String| self.folder.path().join(file);
        CertificateFiles {
            ca: path("ca.pem".to_owned()),
            certificate: path(format!("{name}.pem")),
            key: path(format!("{name}.key")),
        }
    }
}

pub fn write_key(path: &Path, text: &str, mode: u32) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
