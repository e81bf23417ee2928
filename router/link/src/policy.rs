//! What all links of a process share: its cluster, its certificates, how it packs, and what it moved.

use crate::certificates::{CertificateError, CertificateFiles, Material};
use crate::traffic::Traffic;
use parking_lot::RwLock;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The name of a cluster that was given none.
pub const DEFAULT_CLUSTER: &str = "wydbr";
/// Frames from this many bytes on are compressed unless said otherwise.
pub const COMPRESS_FROM: usize = 4 << 10;

/// How the links of a process are protected and packed. Clones share everything; a change holds for every
/// connection that is opened after it.
#[derive(Clone)]
pub struct Policy {
    shared: Arc<Shared>,
}

struct Shared {
    cluster: String,
    certificates: RwLock<Option<Arc<Material>>>,
    /// 0 is never.
    compress_from: AtomicUsize,
    traffic: Traffic,
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(DEFAULT_CLUSTER)
    }
}

impl Policy {
    /// Links of a cluster without certificates. Peers of a cluster with another name are refused.
    pub fn new(cluster: impl Into<String>) -> Self {
        Self {
            shared: Arc::new(Shared {
                cluster: cluster.into(),
                certificates: RwLock::default(),
                compress_from: AtomicUsize::new(COMPRESS_FROM),
                traffic: Traffic::default(),
            }),
        }
    }

    /// Reads certificates anew: with them every link speaks TLS 1.3 and shows and demands a certificate of the
    /// CA; with `None` links are plain. On an error everything stays as it was.
    pub fn set_certificates(&self, files: Option<&CertificateFiles>) -> Result<(), CertificateError> {
        let material = files.map(Material::load).transpose()?;
        *self.shared.certificates.write() = material.map(Arc::new);
        Ok(())
    }

    /// Compresses frames of so many bytes and more when the peer can read that; 0 is never.
    pub fn set_compress_from(&self, bytes: usize) {
        self.shared.compress_from.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that all links of the process moved.
    pub fn traffic(&self) -> &Traffic {
        &self.shared.traffic
    }

    /// True when links speak TLS.
    pub fn is_encrypted(&self) -> bool {
        self.shared.certificates.read().is_some()
    }

    pub(crate) fn cluster(&self) -> &str {
        &self.shared.cluster
    }

    pub(crate) fn certificates(&self) -> Option<Arc<Material>> {
        self.shared.certificates.read().clone()
    }

    pub(crate) fn compress_from(&self) -> usize {
        self.shared.compress_from.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Policy")
            .field("cluster", &self.cluster())
            .field("encrypted", &self.is_encrypted())
            .finish_non_exhaustive()
    }
}
