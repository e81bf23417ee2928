//! The process: what is started, and in which order it ends.

use crate::cabinet::{Cabinet, Metrics};
use crate::front::Front;
use crate::market::{Market, Parts, random_ids, wall_clock};
use crate::settings::Settings;
use crate::values::{MemoryValues, RedisUrlError, RedisValues, Values};
use cluster::Seat;
use settings::Check;
use std::sync::Arc;
use telemetry::Process;

/// Why TSSSrv cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A value that cannot work.
    #[error("bad setting: {0}")]
    Settings(#[from] settings::BadValue),
    /// The URL of Redis.
    #[error("bad setting: {0}")]
    Redis(#[from] RedisUrlError),
    /// The link cannot listen.
    #[error("{0}")]
    Bind(#[from] link::BindError),
}

/// Runs TSSSrv until the process is stopped.
pub async fn run(
    process: Process,
    common: settings::Common,
    settings: settings::Live<Settings>,
) -> Result<(), RunError> {
    let first = settings.get();
    first.check()?;
    process.health.ready("values", false);
    let values: Arc<dyn Values> = match first.values.expose() {
        "memory" => Arc::new(MemoryValues::new(first.entries_max, first.bytes_max)),
        _ => Arc::new(RedisValues::new(&first.values, &first.redis_prefix)?),
    };
    let store = dbclient::RemoteStore::connect(process.credentials.clone(), common.dbsrv.clone());
    let market = Market::new(Parts {
        store: store.clone(),
        values: Arc::clone(&values),
        auction: first.auction.clone(),
        clock: wall_clock(),
        ids: random_ids(),
        stop: process.stop.clone(),
    });
    let seat = Seat::take(&process, &common, store).await?;
    let cabinet = Arc::new(Cabinet::new(values, Metrics::register(&process.metrics)));
    process.tasks.spawn("market", Arc::clone(&market).watch());
    let (maintained, health, stop) = (Arc::clone(&cabinet), process.health.clone(), process.stop.clone());
    process.tasks.spawn("values", async move {
        maintained.maintain(stop, move |answers| health.ready("values", answers)).await;
    });
    seat.serve(Arc::new(Front { cabinet, market: Arc::clone(&market) })).await;
    market.ended().await;
    Ok(())
}
