//! `wydbr certs`: the CA of a cluster, and a certificate for each of its hosts.
//!
//! ```text
//! DIR/ca.pem     for every process: whose certificates are let in
//! DIR/ca.key     stays where it is; needed only to add a host
//! DIR/NAME.pem   for the processes of this host
//! DIR/NAME.key   the same
//! ```
//! Nothing is ever overwritten; a later call adds hosts to the CA that is there.

mod authority;

use clap::Args;
use link::CertificateFiles;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub use authority::Authority;

/// Arguments of `wydbr certs`.
#[derive(Args, Debug)]
pub struct CertsArgs {
    /// Folder of the CA and the certificates; made when it is missing.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// A host: its name, and the addresses where its processes are reached, parted by commas.
    #[arg(long = "host", value_name = "NAME[,IP]...", required = true, value_parser = Host::parse)]
    hosts: Vec<Host>,
}

/// A host to be certified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name, part of the names of its files.
    pub name: String,
    /// Where its processes are reached.
    pub addresses: Vec<IpAddr>,
}

impl Host {
    /// Reads `NAME[,IP]...`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(',').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
        let is_label = !name.is_empty() && name.len() <= 63 && !name.starts_with(['-', '.']);
        if !is_label || !name.chars().all(good) || name == "ca" {
            return Err(format!("found host `{name}`, expected 1 to 63 of a-z, 0-9, - and ., and not `ca`"));
        }
        let addresses = parts.map(|part| part.parse().map_err(|_| format!("`{part}` is no IP address")));
        Ok(Self { name: name.to_owned(), addresses: addresses.collect::<Result<_, _>>()? })
    }
}

/// The files of one host.
pub fn files(folder: &Path, host: &str) -> CertificateFiles {
    CertificateFiles {
        ca: folder.join("ca.pem"),
        certificate: folder.join(format!("{host}.pem")),
        key: folder.join(format!("{host}.key")),
    }
}

/// Makes what is missing and says which files there are.
pub fn main(args: &CertsArgs) -> anyhow::Result<ExitCode> {
    let authority = Authority::open_or_make(&args.out)?;
    for host in &args.hosts {
        authority.issue(host)?;
        let CertificateFiles { ca, certificate, key } = files(&args.out, &host.name);
        println!("{}: for the settings of its processes", host.name);
        println!("  [process.tls]");
        println!("  ca = {:?}", ca.display().to_string());
        println!("  certificate = {:?}", certificate.display().to_string());
        println!("  key = {:?}", key.display().to_string());
        if host.addresses.is_empty() {
            println!("  without an address nobody can connect to this host, only from it");
        }
    }
    println!("keep {} away from the hosts: it is needed only to add one", args.out.join("ca.key").display());
    Ok(ExitCode::SUCCESS)
}
