//! What the internal links of the process are told by its settings, and what they moved.

use crate::{Metrics, StartError};
use link::{CertificateFiles, Moved, Policy};
use prometheus::{IntCounterVec, IntGauge};
use settings::Common;

/// Puts the settings of the links in place. On an error everything stays as it was.
pub(crate) fn apply(policy: &Policy, common: &Common) -> Result<(), StartError> {
    let tls = &common.tls;
    let files = match (&tls.ca, &tls.certificate, &tls.key) {
        (Some(ca), Some(certificate), Some(key)) => {
            Some(CertificateFiles { ca: ca.clone(), certificate: certificate.clone(), key: key.clone() })
        }
        _ => None,
    };
    policy.set_certificates(files.as_ref())?;
    policy.set_compress_from(common.compress_from);
    Ok(())
}

/// Says whether a process could start with these certificates.
pub fn check_links(common: &Common) -> Result<(), StartError> {
    apply(&Policy::new(&common.cluster), common)
}

/// The metrics of the links, brought up to date when they are asked for.
pub(crate) struct Links {
    policy: Policy,
    sent: IntCounterVec,
    received: IntCounterVec,
    encrypted: IntGauge,
}

impl Links {
    pub(crate) fn new(metrics: &Metrics, policy: Policy) -> Self {
        let form = &["form"];
        Self {
            policy,
            sent: metrics.counter_vec(
                "link_sent_bytes",
                "Frames written to internal links: whole is before compression, packed after it.",
                form,
            ),
            received: metrics.counter_vec(
                "link_received_bytes",
                "Frames read from internal links: packed is before decompression, whole after it.",
                form,
            ),
            encrypted: metrics.gauge("link_encrypted_count", "1 when internal links speak TLS, 0 when not."),
        }
    }

    pub(crate) fn refresh(&self) {
        let traffic = self.policy.traffic();
        for (counters, Moved { whole, packed }) in
            [(&self.sent, traffic.sent()), (&self.received, traffic.received())]
        {
            for (form, bytes) in [("whole", whole), ("packed", packed)] {
                let counter = counters.with_label_values(&[form]);
                counter.inc_by(bytes.saturating_sub(counter.get()));
            }
        }
        self.encrypted.set(i64::from(self.policy.is_encrypted()));
    }
}
