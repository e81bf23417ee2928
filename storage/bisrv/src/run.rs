//! The process: what is started, and in which order it ends.
//!
//! | task | on stop | on failure |
//! |---|---|---|
//! | link | ends what is under way | the process does not start |
//! | `parcels` | ends between two looks or at the deadline of the process; the next run goes on | logged, tried again |
//! | `herald` | ends; what was not told is seen in the list of parcels | logged, the next news is tried |
//! | `cash-http` | drains for 3 s | the process does not start |

use crate::bank::{Bank, Metrics, now_ms};
use crate::cash_http;
use crate::herald::{self, Herald};
use crate::settings::Settings;
use cluster::Seat;
use model::membership::Role;
use settings::Check;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use telemetry::Process;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Why BISrv cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A value that cannot work.
    #[error("bad setting: {0}")]
    Settings(#[from] settings::BadValue),
    /// The link cannot listen.
    #[error("{0}")]
    Bind(#[from] link::BindError),
    /// The cash API cannot listen.
    #[error("cash_http: cannot listen on {address}: {source}")]
    CashHttp {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Runs BISrv until the process is stopped.
pub async fn run(
    process: Process,
    common: settings::Common,
    settings: settings::Live<Settings>,
) -> Result<(), RunError> {
    let first = settings.get();
    first.check()?;
    let cash = match first.cash_http {
        Some(address) => {
            let failed = |source| RunError::CashHttp { address, source };
            Some(TcpListener::bind(address).await.map_err(failed)?)
        }
        None => None,
    };
    let store: Arc<dyn Store> =
        dbclient::RemoteStore::connect(process.credentials.clone(), common.dbsrv.clone());
    let seat = Seat::take(&process, &common, Arc::clone(&store)).await?;
    seat.watch_store();
    let (herald, news) = Herald::new();
    let registry = link::Client::new(process.credentials.clone(), seat.cluster().target(Role::NrSrv));
    process.tasks.spawn("herald", herald::run(news, registry, process.stop.clone()));
    let bank = Bank::new(store, settings, Metrics::register(&process.metrics)).with_herald(herald);
    let bank = Arc::new(bank);
    if let Some(listener) = cash {
        tracing::info!(address = ?listener.local_addr().ok(), "web shops reach the cash API");
        let serving = cash_http::serve(Arc::clone(&bank), listener, process.stop.clone());
        process.tasks.spawn("cash-http", serving);
    }
    process.tasks.spawn("parcels", sweep(Arc::clone(&bank), process.stop.clone()));
    seat.serve(bank).await;
    Ok(())
}

/// Looks for parcels that nobody took, again and again.
async fn sweep(bank: Arc<Bank>, stop: CancellationToken) {
    loop {
        let pause = Duration::from_secs(bank.settings().parcel_sweep_s);
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let sent_back = tokio::select! {
            () = stop.cancelled() => return, // what is under way is done or not, and idempotent
            sent_back = bank.send_back_parcels(now_ms()) => sent_back,
        };
        match sent_back {
            Ok(0) => {}
            Ok(parcels) => tracing::info!(parcels, "parcels that nobody took went back"),
            Err(failure) => tracing::warn!(%failure, "parcels that nobody took do not go back yet"),
        }
    }
}
