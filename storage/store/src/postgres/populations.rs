//! The creatures of zones, kept for who plays them next.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::values::now_ms;
use crate::population::{self, Answer};
use deadpool_postgres::Client;
use model::calls::database::Failure;
use model::calls::population::{HeldPopulations, KeepPopulation, ReadPopulations, SCOPES_MAX};

impl Postgres {
    pub(super) async fn keep_creatures(&self, request: &KeepPopulation) -> Result<bool, Failure> {
        self.metadata.run(request).await
    }

    pub(super) async fn kept_creatures(&self, request: &ReadPopulations) -> Result<HeldPopulations, Failure> {
        self.metadata.run(request).await
    }
}

impl Step for KeepPopulation {
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let (version, body) = population::body(self)?;
        let sql = concat!(
            "DELETE FROM populations WHERE at_ms < ",
            now_ms!(),
            " - CASE WHEN zone >= $1 THEN $2::bigint ELSE $3::bigint END"
        );
        let forget = client.prepare_cached(sql).await?;
        let bounds = [population::FIRST_INSTANCE, population::INSTANCE_KEPT_MS, population::KEPT_MS];
        client.execute(&forget, &[&bounds[0], &bounds[1], &bounds[2]]).await?;
        let sql = concat!(
            "INSERT INTO populations (zone, scope, epoch, at_ms, version, body) VALUES ($1, $2, $3, ",
            now_ms!(),
            ", $4, $5) ON CONFLICT (zone) DO UPDATE SET scope = excluded.scope, epoch = excluded.epoch, \
             at_ms = excluded.at_ms, version = excluded.version, body = excluded.body \
             WHERE populations.epoch <= excluded.epoch"
        );
        let keep = client.prepare_cached(sql).await?;
        let (zone, epoch) = (i64::from(self.population.zone.0), self.population.epoch.0 as i64);
        let kept = client.execute(&keep, &[&zone, &(self.scope as i64), &epoch, &version, &body]).await?;
        Ok(kept > 0)
    }
}

impl Step for ReadPopulations {
    type Outcome = HeldPopulations;

    async fn run(&self, client: &mut Client) -> Result<HeldPopulations, Fault> {
        let sql = concat!(
            "SELECT version, body, ",
            now_ms!(),
            " - at_ms FROM populations WHERE scope = $1 ORDER BY zone"
        );
        let statement = client.prepare_cached(sql).await?;
        let mut answer = Answer::default();
        for (at, scope) in self.scopes.iter().enumerate() {
            if at >= SCOPES_MAX || !answer.has_room() {
                answer.leave_out(*scope);
                continue;
            }
            let rows = client.query(&statement, &[&(*scope as i64)]).await?;
            answer.take_in(rows.iter().map(population::row).collect::<Result<_, _>>()?);
        }
        Ok(answer.held())
    }
}
