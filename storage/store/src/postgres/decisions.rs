//! Where two-phase attempts are decided: rows of the metadata database.

use super::Postgres;
use super::database::{Database, Step};
use super::fault::Fault;
use super::values::now_ms;
use crate::rows::Fields;
use crate::two_phase::{Attempt, Decision, Decisions};
use deadpool_postgres::Client;
use model::calls::database::Failure;
use std::collections::HashSet;

/// Decisions read in one round of a recoverer.
const OLD_MAX: i64 = 10_000;
const OPEN: i16 = 1;
const COMMIT: i16 = 2;

impl Postgres {
    /// Where attempts are decided.
    pub(super) fn decisions(&self) -> DecisionRows<'_> {
        DecisionRows(&self.metadata)
    }
}

/// The rows of `decisions`.
pub(super) struct DecisionRows<'a>(&'a Database);

impl Decisions for DecisionRows<'_> {
    async fn open(&self, attempt: &Attempt, shards: &[u16]) -> Result<(), Failure> {
        self.0
            .run(&Open { gid: attempt.to_string(), shards: shards.iter().map(|s| *s as i16).collect() })
            .await
    }

    async fn decide(&self, attempt: &Attempt) -> Result<Decision, Failure> {
        self.0.run(&Decide(attempt.to_string())).await
    }

    async fn settle(&self, attempts: &[Attempt]) -> Result<Vec<Decision>, Failure> {
        let decided = self.0.run(&Settle(names(attempts))).await?;
        let stands = |attempt: &Attempt| match decided.contains(&attempt.to_string()) {
            true => Decision::Commit,
            false => Decision::Abort,
        };
        Ok(attempts.iter().map(stands).collect())
    }

    async fn old(&self, age_ms: i64) -> Result<Vec<(Attempt, Vec<u16>)>, Failure> {
        self.0.run(&Old(age_ms)).await
    }

    async fn forget(&self, attempts: &[Attempt]) -> Result<(), Failure> {
        self.0.run(&Forget(names(attempts))).await
    }
}

fn names(attempts: &[Attempt]) -> Vec<String> {
    attempts.iter().map(Attempt::to_string).collect()
}

struct Open {
    gid: String,
    shards: Vec<i16>,
}

impl Step for Open {
    type Outcome = ();

    /// Never tried again: a try of which nothing was heard could be written after the attempt was settled.
    async fn run(&self, client: &mut Client) -> Result<(), Fault> {
        // losing the row aborts the attempt, so nobody waits for the disk
        let sql = concat!(
            "WITH relaxed AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)) \
             INSERT INTO decisions (gid, state, shards, at_ms) SELECT $1, $2, $3, ",
            now_ms!(),
            " FROM relaxed"
        );
        let written = async {
            let statement = client.prepare_cached(sql).await?;
            client.execute(&statement, &[&self.gid, &OPEN, &self.shards]).await
        };
        match written.await.map_err(Fault::from) {
            Ok(_) => Ok(()),
            Err(Fault::Gone(why) | Fault::Again(why)) => Err(Failure::Unavailable(why).into()),
            Err(fault) => Err(fault),
        }
    }
}

struct Decide(String);

impl Step for Decide {
    type Outcome = Decision;

    async fn run(&self, client: &mut Client) -> Result<Decision, Fault> {
        // a repeat finds its own decision
        let sql = concat!(
            "UPDATE decisions SET state = $2, at_ms = CASE WHEN state = $2 THEN at_ms ELSE ",
            now_ms!(),
            " END WHERE gid = $1"
        );
        let statement = client.prepare_cached(sql).await?;
        let stands = client.execute(&statement, &[&self.0, &COMMIT]).await? > 0;
        Ok(if stands { Decision::Commit } else { Decision::Abort })
    }
}

struct Settle(Vec<String>);

impl Step for Settle {
    /// Those that are decided.
    type Outcome = HashSet<String>;

    async fn run(&self, client: &mut Client) -> Result<HashSet<String>, Fault> {
        // waits for a decision that is being written; two statements, so that the second one sees it
        let sql = "DELETE FROM decisions WHERE gid = ANY ($1) AND state = $2";
        let statement = client.prepare_cached(sql).await?;
        client.execute(&statement, &[&self.0, &OPEN]).await?;
        let sql = "SELECT gid FROM decisions WHERE gid = ANY ($1) AND state = $2";
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&self.0, &COMMIT]).await?;
        Ok(rows.iter().map(|row| row.text(0)).collect::<Result<_, _>>()?)
    }
}

struct Old(i64);

impl Step for Old {
    type Outcome = Vec<(Attempt, Vec<u16>)>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let sql = concat!("DELETE FROM decisions WHERE state = $1 AND at_ms < ", now_ms!(), " - $2::bigint");
        let statement = client.prepare_cached(sql).await?;
        client.execute(&statement, &[&OPEN, &self.0]).await?;
        let sql = concat!(
            "SELECT gid, shards FROM decisions WHERE state = $1 AND at_ms < ",
            now_ms!(),
            " - $2::bigint ORDER BY at_ms LIMIT $3"
        );
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&COMMIT, &self.0, &OLD_MAX]).await?;
        let read = rows.iter().map(|row| {
            let gid = row.text(0)?;
            let attempt =
                Attempt::parse(&gid).ok_or_else(|| Failure::Corrupt(format!("the decision {gid:?}")))?;
            let shards: Vec<i16> = row.try_get(1).map_err(|error| Failure::Corrupt(error.to_string()))?;
            Ok((attempt, shards.into_iter().map(|shard| shard as u16).collect()))
        });
        Ok(read.collect::<Result<_, Failure>>()?)
    }
}

struct Forget(Vec<String>);

impl Step for Forget {
    type Outcome = ();

    async fn run(&self, client: &mut Client) -> Result<(), Fault> {
        let sql = "DELETE FROM decisions WHERE gid = ANY ($1)";
        let statement = client.prepare_cached(sql).await?;
        client.execute(&statement, &[&self.0]).await?;
        Ok(())
    }
}
