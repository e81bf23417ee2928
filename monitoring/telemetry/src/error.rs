//! Why a process could not start; each is one line for the operator.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use thiserror::Error;

/// Why a process could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The name cannot be part of file and folder names.
    #[error("process name `{found}`: expected 1 to 64 of a-z, 0-9, - and _")]
    Name {
        /// What was given.
        found: String,
    },
    /// The cluster key cannot be read.
    #[error("key file {}: {source}", file.display())]
    KeyUnreadable {
        /// Which file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others could read the cluster key.
    #[error("key file {}: mode {mode:o} lets others read it, expected 600 (chmod 600)", file.display())]
    KeyExposed {
        /// Which file.
        file: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The key file holds something else.
    #[error("key file {}: expected at least 32 hex digits, found {found}", file.display())]
    KeyMalformed {
        /// Which file.
        file: PathBuf,
        /// What is there, without showing it.
        found: String,
    },
    /// The certificates of the links cannot be used.
    #[error("process.tls: {0}")]
    Certificates(#[from] link::CertificateError),
    /// The log filter is not one.
    #[error("log_level `{found}`: {why}; expected a filter like info or info,link=debug")]
    LogLevel {
        /// What was given.
        found: String,
        /// What the parser says.
        why: String,
    },
    /// The log spool cannot be written.
    #[error("log spool {}: {source}", folder.display())]
    Spool {
        /// Which folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The HTTP server cannot listen.
    #[error("cannot serve metrics and health on {address}: {source}")]
    Http {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}
