//! The CA of a cluster: made once, read again to add a host.

use super::{Host, files};
use crate::data_dir::write_private;
use anyhow::{Context, bail, ensure};
use link::{CertificateFiles, Policy};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Every name of a CA of ours begins like this.
const NAME: &str = "wydbr cluster CA ";
const SECONDS_A_YEAR: u64 = 31_556_952;
/// Certificates are good from the start of last year, whatever the clocks of the hosts say, and for so many years.
const YEARS: i32 = 20;

/// A CA with its key.
pub struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads the CA of a folder, or makes one where there is none.
    pub fn open_or_make(folder: &Path) -> anyhow::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
        match (certificate.exists(), key.exists()) {
            (true, true) => Self::open(folder, &certificate, &key),
            (false, false) => Self::make(folder, &certificate, &key),
            (true, false) => bail!("{} is there without its key {}", certificate.display(), key.display()),
            (false, true) => bail!("{} is there without {}", key.display(), certificate.display()),
        }
    }

    fn make(folder: &Path, certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let name = format!("{NAME}{:08x}", rand::random::<u32>());
        let (params, pair) = (ca_params(&name), KeyPair::generate()?);
        let text = params.self_signed(&pair)?.pem();
        write_private(key, pair.serialize_pem().as_bytes())?;
        write_private(certificate, text.as_bytes())?;
        Ok(Self { folder: folder.to_owned(), issuer: Issuer::new(params, pair) })
    }

    fn open(folder: &Path, certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let text =
            |file: &Path| fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()));
        let found = CertificateDer::from_pem_slice(text(certificate)?.as_bytes());
        let found = found.map_err(|_| anyhow::anyhow!("{} holds no certificate", certificate.display()))?;
        let name = subject(found)
            .and_then(|subject| common_name(&subject).map(str::to_owned))
            .filter(|name| name.starts_with(NAME))
            .with_context(|| format!("{} was not made by `wydbr certs`", certificate.display()))?;
        let pair = KeyPair::from_pem(&text(key)?);
        let pair = pair.map_err(|_| anyhow::anyhow!("{} holds no private key", key.display()))?;
        Ok(Self { folder: folder.to_owned(), issuer: Issuer::new(ca_params(&name), pair) })
    }

    /// Makes key and certificate of a host; an error when it has some already.
    pub fn issue(&self, host: &Host) -> anyhow::Result<()> {
        let files = files(&self.folder, &host.name);
        for file in [&files.certificate, &files.key] {
            ensure!(!file.exists(), "{} is there already and stays as it is", file.display());
        }
        let names = host.addresses.iter().map(ToString::to_string).chain([host.name.clone()]);
        let mut params = valid_for_years(CertificateParams::new(names.collect::<Vec<_>>())?);
        params.distinguished_name.push(DnType::CommonName, host.name.as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let pair = KeyPair::generate()?;
        let text = params.signed_by(&pair, &self.issuer)?.pem();
        write_private(&files.key, pair.serialize_pem().as_bytes())?;
        write_private(&files.certificate, text.as_bytes())?;
        prove(&files)
    }
}

/// A peer with the same CA would let it in; otherwise the files are of no use and go again.
fn prove(files: &CertificateFiles) -> anyhow::Result<()> {
    let proven = Policy::default().set_certificates(Some(files));
    if proven.is_err() {
        for file in [&files.certificate, &files.key] {
            fs::remove_file(file)?;
        }
    }
    proven.context("the key of the CA does not belong to its certificate")
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = valid_for_years(CertificateParams::default());
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn valid_for_years(mut params: CertificateParams) -> CertificateParams {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let year = 1970 + i32::try_from(now / SECONDS_A_YEAR).unwrap_or_default();
    params.not_before = date_time_ymd(year - 1, 1, 1);
    params.not_after = date_time_ymd(year + YEARS, 1, 1);
    params
}

/// The subject of a certificate, in DER.
fn subject(certificate: CertificateDer<'static>) -> Option<Vec<u8>> {
    let mut store = RootCertStore::empty();
    store.add(certificate).ok()?;
    store.subjects().first().map(|subject| subject.as_ref().to_vec())
}

/// The text of a subject that is one common name in UTF-8, as we make it:
/// sequence { set { sequence { 2.5.4.3, text } } }, each shorter than 128 bytes.
fn common_name(subject: &[u8]) -> Option<&str> {
    let inside = |tag: u8, bytes: &'_ [u8]| -> Option<usize> {
        (bytes.len() >= 2 && bytes[0] == tag && bytes[1] < 128 && bytes.len() == 2 + usize::from(bytes[1]))
            .then_some(2)
    };
    let mut rest = subject;
    for tag in [0x30, 0x31, 0x30] {
        rest = &rest[inside(tag, rest)?..];
    }
    rest = rest.strip_prefix(&[0x06, 0x03, 0x55, 0x04, 0x03])?;
    std::str::from_utf8(&rest[inside(0x0c, rest)?..]).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn good(files: &CertificateFiles) -> Result<(), link::CertificateError> {
        Policy::default().set_certificates(Some(files))
    }

    #[test]
    fn a_host_can_be_added_later_and_nothing_is_overwritten() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("certs");
        let first = Host::parse("one,10.0.0.1,fd00::1").unwrap();
        Authority::open_or_make(&folder).unwrap().issue(&first).unwrap();
        let ca = fs::read(folder.join("ca.pem")).unwrap();
        let again = Authority::open_or_make(&folder).unwrap();
        again.issue(&Host::parse("two").unwrap()).unwrap();
        assert_eq!(fs::read(folder.join("ca.pem")).unwrap(), ca);
        for name in ["one", "two"] {
            let files = files(&folder, name);
            good(&files).unwrap();
            assert_eq!(mode(&files.key), 0o600);
        }
        assert_eq!((mode(&folder), mode(&folder.join("ca.key"))), (0o700, 0o600));
        let before = fs::read(folder.join("one.key")).unwrap();
        let refused = again.issue(&first).unwrap_err().to_string();
        assert!(refused.contains("one.pem is there already"), "{refused}");
        assert_eq!(fs::read(folder.join("one.key")).unwrap(), before);
    }

    #[test]
    fn a_ca_without_its_key_or_with_another_one_makes_nothing() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let host = Host::parse("one,10.0.0.1").unwrap();
        for folder in [&ours, &theirs] {
            Authority::open_or_make(folder.path()).unwrap();
        }
        fs::copy(theirs.path().join("ca.key"), ours.path().join("ca.key")).unwrap();
        let error = Authority::open_or_make(ours.path()).unwrap().issue(&host).unwrap_err();
        assert!(format!("{error:#}").contains("does not belong"), "{error:#}");
        assert!(!ours.path().join("one.key").exists() && !ours.path().join("one.pem").exists());
        fs::remove_file(ours.path().join("ca.key")).unwrap();
        let error = Authority::open_or_make(ours.path()).err().unwrap().to_string();
        assert!(error.contains("without its key"), "{error}");
    }

    #[test]
    fn hosts_are_read_and_bad_ones_are_named() {
        let host = Host::parse("game-1.example, 10.0.0.1").unwrap();
        assert_eq!((host.name.as_str(), host.addresses.len()), ("game-1.example", 1));
        for (text, word) in [("ca", "`ca`"), ("../x", "`../x`"), ("a,b", "`b` is no IP"), ("", "``")] {
            let error = Host::parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn only_a_name_of_our_shape_is_read() {
        let ours = b"\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x03\x0c\x03ana";
        assert_eq!(common_name(ours), Some("ana"));
        for cut in 0..ours.len() {
            assert_eq!(common_name(&ours[..cut]), None);
        }
    }
}
