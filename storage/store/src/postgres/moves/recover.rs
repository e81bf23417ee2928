//! What a mover does first: everything that was decided goes forward, everything else is undone.

use super::super::homes::state::{ARRIVING, GONE};
use super::Trouble;
use super::cutover::gid_prefix;
use super::run::Moving;
use tokio_postgres::error::SqlState;

impl Moving<'_> {
    /// Brings a move to a state in which every bucket is at home on one shard, and only there.
    pub(super) async fn recover(&mut self) -> Result<(), Trouble> {
        // from here on no former mover can decide anything, so what is gone now is what is decided
        self.source.take_over(self.ticket).await?;
        let gone = self.source.buckets(self.ticket, GONE).await?;
        self.end_prepared(&gone).await?;
        // waits for what a former mover does on the target; if that is prepared meanwhile this is tried again
        self.target.take_over(self.ticket).await?;
        if !gone.is_empty() {
            self.write_map(&gone).await?;
            self.clean_source(&gone).await?;
        }
        let arriving = self.target.buckets(self.ticket, ARRIVING).await?;
        self.target.clean(&arriving, ARRIVING).await?;
        self.source.keep(self.ticket).await
    }

    async fn end_prepared(&self, gone: &[i16]) -> Result<(), Trouble> {
        let sql =
            "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1)";
        let prefix = gid_prefix(self.store.cluster, self.ticket.number);
        for row in self.target.client().query(sql, &[&prefix]).await? {
            let gid: String = row.try_get(0)?;
            let first = gid.rsplit(':').next().and_then(|first| first.parse::<i16>().ok());
            let Some(first) = first.filter(|_| !gid.contains('\'')) else { continue };
            let verb = if gone.contains(&first) { "COMMIT" } else { "ROLLBACK" };
            tracing::info!(gid, verb, "ending what a former mover prepared");
            match self.target.client().batch_execute(&format!("{verb} PREPARED '{gid}'")).await {
                Err(error) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => {}
                ended => ended?,
            }
        }
        Ok(())
    }

    /// Deletes what buckets that are gone left on the source.
    pub(super) async fn clean_source(&self, buckets: &[i16]) -> Result<(), Trouble> {
        self.source.clean(buckets, GONE).await
    }
}
