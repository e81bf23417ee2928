//! Prepared transactions on the shards: ended by their coordinator, or by a recoverer when it died.
//!
//! A recoverer does not wait for the schema of a shard to be brought up to date: that waits for the locks of what is prepared.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::shard::Shard;
use super::values::Id128;
use crate::rows::Fields;
use crate::two_phase::{self, Attempt, Doubt, Recovery, Rules, Site};
use deadpool_postgres::Client;
use model::calls::database::Failure;
use tokio_postgres::error::SqlState;

impl Postgres {
    /// Does one round of recovery over all shards: every DBSrv does so about once a second. Harmless at any time
    /// and in any number of processes.
    pub async fn recover_once(&self) -> Recovery {
        self.recover_by(Rules::default()).await
    }

    /// As [`Postgres::recover_once`], with a patience of one's own.
    pub async fn recover_by(&self, rules: Rules) -> Recovery {
        let atlas = self.atlas();
        let sites: Vec<&Shard> = atlas.shards.iter().map(AsRef::as_ref).collect();
        two_phase::recover(&self.decisions(), &sites, rules).await
    }
}

impl Site for &Shard {
    fn shard(&self) -> u16 {
        self.index()
    }

    async fn in_doubt(&self) -> Result<Vec<Doubt>, Failure> {
        self.run_unprepared(&InDoubt { cluster: self.cluster(), shard: self.index() }).await
    }

    async fn commit(&self, gid: &str) -> Result<(), Failure> {
        self.run_unprepared(&End { gid, verb: "COMMIT" }).await
    }

    async fn rollback(&self, gid: &str) -> Result<(), Failure> {
        self.run_unprepared(&End { gid, verb: "ROLLBACK" }).await
    }
}

struct InDoubt {
    cluster: u128,
    shard: u16,
}

impl Step for InDoubt {
    type Outcome = Vec<Doubt>;

    async fn run(&self, client: &mut Client) -> Result<Vec<Doubt>, Fault> {
        // a list of another database would say that nobody needs a decision any more
        let own = client.query_opt("SELECT cluster, shard FROM shard_identity", &[]).await?;
        let own: Option<(Id128, i16)> = own.map(|row| (row.get(0), row.get(1)));
        if own != Some((Id128(self.cluster), self.shard as i16)) {
            let found = own.map_or("no shard".to_owned(), |(cluster, shard)| {
                format!("shard {shard} of cluster {:032x}", cluster.0)
            });
            let text = format!(
                "the database holds {found}, expected shard {} of cluster {:032x}",
                self.shard, self.cluster
            );
            return Err(Failure::Corrupt(text).into());
        }
        let sql = "SELECT gid, (extract(epoch from clock_timestamp() - prepared) * 1000)::bigint \
                   FROM pg_prepared_xacts WHERE database = current_database() AND starts_with(gid, $1)";
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&Attempt::prefix(self.cluster)]).await?;
        let mut doubts = Vec::new();
        for row in &rows {
            // what only looks like ours is left alone
            if let Some((attempt, shard)) = Attempt::of_gid(&row.text(0)?)
                && shard == self.shard
            {
                doubts.push(Doubt { attempt, age_ms: row.int(1)? });
            }
        }
        Ok(doubts)
    }
}

/// Ends a prepared transaction; what is not there was ended before.
struct End<'a> {
    gid: &'a str,
    verb: &'static str,
}

impl Step for End<'_> {
    type Outcome = ();

    async fn run(&self, client: &mut Client) -> Result<(), Fault> {
        // no parameters are possible here; the name has been made or parsed by us: letters, digits and colons
        let ended = client.batch_execute(&format!("{} PREPARED '{}'", self.verb, self.gid)).await;
        match ended {
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_OBJECT) => Ok(()),
            // somebody else is ending it at this moment
            Err(error) if error.code() == Some(&SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE) => {
                Err(Fault::Again(error.to_string()))
            }
            ended => Ok(ended?),
        }
    }
}
