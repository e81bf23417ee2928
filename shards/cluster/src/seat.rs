//! A service's seat in the cluster: its link, its row in the list of members, and its end.

use crate::Cluster;
use link::{BindError, Server, Service};
use model::AccountId;
use model::calls::database::GetAccount;
use settings::Common;
use std::sync::Arc;
use store::Store;
use telemetry::Process;

/// A service that is bound and a member, and does not answer yet.
///
/// ```text
/// take: bind the link, join  ->  serve: ready, answer until the process stops  ->  leave
/// ```
pub struct Seat {
    process: Process,
    cluster: Cluster,
    store: Arc<dyn Store>,
    server: Server,
}

impl Seat {
    /// Binds the link and joins the cluster, with weight 1 and without content. The health component `link`
    /// is not ready until the seat serves.
    pub async fn take(process: &Process, common: &Common, store: Arc<dyn Store>) -> Result<Self, BindError> {
        process.health.ready("link", false);
        let server = Server::bind(common.link, process.credentials.clone()).await?;
        let me = process.member(server.local_addr(), common.http);
        let cluster = Cluster::join(process, Arc::clone(&store), me).await;
        Ok(Self { process: process.clone(), cluster, store, server })
    }

    /// The cluster that was joined.
    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// Makes the store a health component, `store`: it must find out that there is no account 0.
    pub fn watch_store(&self) {
        let store = Arc::clone(&self.store);
        self.process.probe("store", move || {
            let store = Arc::clone(&store);
            async move { store.get_account(GetAccount { account: AccountId(0) }).await.is_ok() }
        });
    }

    /// Answers until the process is stopped, and leaves the cluster.
    pub async fn serve<S: Service>(self, service: Arc<S>) {
        self.process.health.ready("link", true);
        self.server.serve(service, self.process.stop.clone()).await;
        self.process.health.ready("link", false);
        self.cluster.leave().await;
    }
}
