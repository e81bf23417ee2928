//! The process: what is started, and in which order it ends.

use crate::auction_http;
use crate::cabinet::{Cabinet, Metrics};
use crate::front::Front;
use crate::market::{Market, Parts, random_ids, tokio_tasks, wall_clock};
use crate::settings::Settings;
use crate::values::{MemoryValues, RedisValues, Values};
use cluster::Seat;
use settings::Check;
use std::net::SocketAddr;
use std::sync::Arc;
use telemetry::Process;
use tokio::net::TcpListener;

/// Why TSSSrv cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A value that cannot work.
    #[error("bad setting: {0}")]
    Settings(#[from] settings::BadValue),
    /// The URL of Redis.
    #[error("bad setting: {0}")]
    Redis(#[from] redisclient::BadUrl),
    /// The link cannot listen.
    #[error("{0}")]
    Bind(#[from] link::BindError),
    /// The auctions of web sites cannot listen.
    #[error("auctions_http: cannot listen on {address}: {source}")]
    AuctionsHttp {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// Runs TSSSrv until the process is stopped.
pub async fn run(
    process: Process,
    common: settings::Common,
    settings: settings::Live<Settings>,
) -> Result<(), RunError> {
    let first = settings.get();
    first.check()?;
    let site = match first.auctions_http {
        Some(address) => {
            let failed = |source| RunError::AuctionsHttp { address, source };
            Some(TcpListener::bind(address).await.map_err(failed)?)
        }
        None => None,
    };
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
        spawn: tokio_tasks(),
        stop: process.stop.clone(),
    });
    let seat = Seat::take(&process, &common, store).await?;
    let cabinet = Arc::new(Cabinet::new(values, Metrics::register(&process.metrics)));
    process.tasks.spawn("market", Arc::clone(&market).watch());
    let (maintained, health, stop) = (Arc::clone(&cabinet), process.health.clone(), process.stop.clone());
    process.tasks.spawn("values", async move {
        maintained.maintain(stop, move |answers| health.ready("values", answers)).await;
    });
    if let Some(listener) = site {
        tracing::info!(address = ?listener.local_addr().ok(), "web sites reach the auctions");
        let (market, stop) = (Arc::clone(&market), process.stop.clone());
        process.tasks.spawn("auctions-http", auction_http::serve(market, settings, listener, stop));
    }
    seat.serve(Arc::new(Front { cabinet, market: Arc::clone(&market) })).await;
    market.ended().await;
    Ok(())
}
