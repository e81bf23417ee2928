//! Players that come through relays, over QUIC: who may connect, and what the edge shows to them.

use crate::RunError;
use crate::addresses::AddressBook;
use crate::metrics::EdgeMetrics;
use crate::settings::Quic;
use crate::shared::Shared;
use parking_lot::Mutex;
use relay::{Guard, Identity, Listener, Note, Streams};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a successor waits for the edge before it to let the address go.
const LET_GO: Duration = Duration::from_secs(10);
/// Pause between two tries.
const RETRY_EVERY: Duration = Duration::from_millis(10);

/// Listens for relays when the settings say where. A successor waits for the edge before it; when that takes too long it
/// goes on without, for it has players already.
pub(crate) async fn listen(
    shared: &Arc<Shared>,
    data: &Path,
    succeeds: bool,
) -> Result<Option<Listener>, RunError> {
    let until = Instant::now() + LET_GO;
    loop {
        match bind(shared, data) {
            Err(RunError::Quic { .. }) if succeeds && Instant::now() < until => sleep(RETRY_EVERY).await,
            Err(error) if succeeds => {
                tracing::error!(%error, "players of relays cannot come in");
                return Ok(None);
            }
            bound => return bound,
        }
    }
}

fn bind(shared: &Arc<Shared>, data: &Path) -> Result<Option<Listener>, RunError> {
    let quic = shared.settings.get().quic.clone();
    let Some(address) = quic.listen else { return Ok(None) };
    let identity = identity(&quic, data, shared.name.as_str())?;
    let fingerprint = identity.fingerprint;
    let gate = gate(Arc::clone(shared));
    let listener = Listener::bind(address, identity, gate, shared.relayed.clone());
    let listener = listener.map_err(|source| RunError::Quic { address, source })?;
    tracing::info!(address = %listener.local_addr(), %fingerprint, "the edge is listening for relays");
    Ok(Some(listener))
}

/// Where streams of players are found again by their relays.
pub(crate) fn streams(quic: &Quic, metrics: EdgeMetrics) -> Streams {
    let keep = Duration::from_millis(quic.resume_ms);
    Streams::new(
        keep,
        Arc::new(move |note| match note {
            Note::Sent { whole, packed } => metrics.relayed_bytes("out", whole, packed),
            Note::Received { whole, packed } => metrics.relayed_bytes("in", whole, packed),
            Note::Waiting(true) => metrics.relayed_waiting.inc(),
            Note::Waiting(false) => metrics.relayed_waiting.dec(),
            Note::Resumed => metrics.relayed("resumed"),
            Note::Expired => metrics.relayed("expired"),
            Note::Refused => metrics.relayed("refused"),
        }),
    )
}

fn identity(quic: &Quic, data: &Path, name: &str) -> Result<Identity, RunError> {
    let identity = match (&quic.certificate, &quic.key) {
        (Some(certificate), Some(key)) => Identity::read(certificate, key),
        _ => Identity::self_made(&data.join("quic"), name),
    };
    Ok(identity?)
}

/// Relays are counted as clients are: by address and all together, in a book of their own.
fn gate(shared: Arc<Shared>) -> relay::Gate {
    let book = Arc::new(Mutex::new(AddressBook::default()));
    Arc::new(move |address| {
        let settings = shared.settings.get();
        let most = i64::try_from(settings.connections.max).unwrap_or(i64::MAX);
        if shared.metrics.relays.get() >= most {
            shared.metrics.refused("full");
            return None;
        }
        if book.lock().connect(address, &settings.addresses, shared.clock.now_ms()).is_err() {
            shared.metrics.refused("address");
            return None;
        }
        shared.metrics.relays.inc();
        let counted = Counted { shared: Arc::clone(&shared), book: Arc::clone(&book), address };
        Some(Box::new(counted) as Guard)
    })
}

/// A relay that is connected.
struct Counted {
    shared: Arc<Shared>,
    book: Arc<Mutex<AddressBook>>,
    address: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.book.lock().disconnect(self.address);
        self.shared.metrics.relays.dec();
    }
}
