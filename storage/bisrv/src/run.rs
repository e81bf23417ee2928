//! The process: what is started, and in which order it ends.

use crate::bank::{Bank, Metrics};
use crate::settings::Settings;
use cluster::Seat;
use settings::Check;
use std::sync::Arc;
use store::Store;
use telemetry::Process;

/// Why BISrv cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A value that cannot work.
    #[error("bad setting: {0}")]
    Settings(#[from] settings::BadValue),
    /// The link cannot listen.
    #[error("{0}")]
    Bind(#[from] link::BindError),
}

/// Runs BISrv until the process is stopped.
pub async fn run(
    process: Process,
    common: settings::Common,
    settings: settings::Live<Settings>,
) -> Result<(), RunError> {
    settings.get().check()?;
    let store: Arc<dyn Store> =
        dbclient::RemoteStore::connect(process.credentials.clone(), common.dbsrv.clone());
    let seat = Seat::take(&process, &common, Arc::clone(&store)).await?;
    seat.watch_store();
    let bank = Bank::new(store, settings, Metrics::register(&process.metrics));
    seat.serve(Arc::new(bank)).await;
    Ok(())
}
