//! DBSrv: the only process that speaks SQL. It opens the store, answers the calls of the others, and
//! enters itself into the list of members through that same store.
//!
//! It keeps nothing and knows nothing of players; several may serve the same databases. All it decides is
//! whether a call is admitted: everything else is `store::dispatch`.
//!
//! | task | on cancel | on failure |
//! |---|---|---|
//! | link | takes no new calls, gives running ones 5 s | a panic of an operation stops the process |
//! | membership | leaves the list of members | keeps trying; `/readyz` says that the store is away |
//! | map | reads the map no more | tries again 250 ms later; PostgreSQL only |
//! | moves | the next DBSrv goes on with them | tries again 500 ms later; PostgreSQL only |
//! | conservation | looks no more | tries again at the next look; says so once |
//! | changes | hears nothing more | listens again a second later; PostgreSQL only |
//! | recovery | the next DBSrv does it | tries again a second later; PostgreSQL only |
//! | ledger | the next DBSrv does it | says what stays, tries again five minutes later |

mod admission;
mod announce;
mod callers;
mod complaints;
mod conservation;
#[cfg(feature = "failpoints")]
mod failpoints;
mod ledger;
mod membership;
mod moves;
mod recovery;
mod service;
mod settings_of;

pub use settings_of::{Ledger, Settings, open_store};

use announce::Announcer;
use service::Desk;
use settings::{Common, Live};
use settings_of::Opened;
use std::sync::Arc;
use telemetry::Process;

/// Why DBSrv stopped or did not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] store::OpenError),
    /// The link cannot listen.
    #[error(transparent)]
    Bind(#[from] link::BindError),
}

/// Runs until the process is told to stop; what was acknowledged is durable then.
pub async fn run(process: Process, common: Common, settings: Live<Settings>) -> Result<(), RunError> {
    process.health.ready("store", false);
    process.health.ready("link", false);
    let opened = settings_of::open(&settings.get(), &common.data).await?;
    let store = opened.store();
    let server = link::Server::bind(common.link, process.credentials.clone()).await?;
    if settings.get().is_for_this_machine() && !server.local_addr().ip().is_loopback() {
        tracing::info!("processes on other machines are refused: the store is SQLite");
    }
    tracing::info!(storage = %settings.get().storage, link = %server.local_addr(), "the store is open");

    let member = process.member(server.local_addr(), common.http);
    let stay = membership::stay(process.clone(), Arc::clone(&store), member);
    let staying = process.tasks.spawn("membership", stay);
    let watched = conservation::watch(process.clone(), opened.site(), Arc::clone(&store), settings.clone());
    process.tasks.spawn("conservation", watched);
    process.tasks.spawn("ledger", ledger::tend(process.clone(), opened.clone(), settings.clone()));
    let announcer = Arc::new(Announcer::default());
    if let Opened::Postgres(shards) = opened {
        moves::spawn(&process, &shards);
        let (heard, listening) = (Arc::clone(&announcer), Arc::clone(&shards));
        let stop = process.stop.clone();
        process.tasks.spawn("changes", async move {
            let listen = listening.hear_changes(|| heard.announce());
            stop.run_until_cancelled(listen).await;
        });
        process.tasks.spawn("recovery", recovery::tend(process.clone(), shards));
    }
    let desk = Arc::new(Desk::new(store, &process.metrics, settings, announcer));
    process.health.ready("link", true);
    server.serve(desk, process.stop.clone()).await;
    process.health.ready("link", false);
    if staying.await.is_err() {
        tracing::error!("the membership task panicked");
    }
    Ok(())
}
