//! Tells when the cluster may have changed, through whatever DBSrv: PostgreSQL's own notifications.
//!
//! They are hints. Who hears one reads, and who misses some reads a little later all the same.

use super::Postgres;
use super::fault::Fault;
use deadpool_postgres::GenericClient;
use std::time::Duration;
use tokio_postgres::{AsyncMessage, NoTls};

/// Pause before it is listened anew.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is asked on the silent connection whether the server is there.
const ALIVE: Duration = Duration::from_secs(10);

/// Says that something has changed; within a transaction when that is committed.
pub(super) async fn announce(client: &impl GenericClient) -> Result<(), Fault> {
    let statement = client.prepare_cached("SELECT pg_notify('wydbr_cluster', '')").await?;
    client.query(&statement, &[]).await?;
    Ok(())
}

impl Postgres {
    /// Calls back whenever members, the slot table or wishes may have changed; never comes back.
    pub async fn hear_changes(&self, on_change: impl Fn() + Send + Sync) {
        loop {
            if let Err(error) = self.listen(&on_change).await {
                tracing::debug!(error = %super::open::described(&error), "changes of the cluster are not heard");
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn listen(&self, on_change: &(impl Fn() + Send + Sync)) -> Result<(), tokio_postgres::Error> {
        let mut config = self.metadata.dsn().config().clone();
        config.connect_timeout(self.options.connect_timeout).keepalives_idle(ALIVE);
        let (client, mut connection) = config.connect(NoTls).await?;
        let mut asking = std::pin::pin!(client.batch_execute("LISTEN wydbr_cluster"));
        let mut listens = false;
        loop {
            let message = tokio::select! {
                asked = &mut asking, if !listens => {
                    asked?;
                    listens = true;
                    // what happened before was not heard
                    on_change();
                    continue;
                }
                message = std::future::poll_fn(|context| connection.poll_message(context)) => message,
            };
            match message {
                Some(Ok(AsyncMessage::Notification(_))) => on_change(),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            }
        }
    }
}
