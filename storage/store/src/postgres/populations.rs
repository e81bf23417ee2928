//! The creatures of zones, kept for who plays them next.

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::values::now_ms;
use crate::population::{self, Answer, Row};
use crate::rows::Fields;
use deadpool_postgres::Client;
use model::calls::database::Failure;
use model::calls::population::{HeldPopulations, KeepPopulation, ReadPopulations, SCOPES_MAX};
use std::collections::BTreeMap;

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
        // all of a zone of the content, or nothing of it, as long as those before it do not fill the answer
        let sql = concat!(
            "SELECT version, body, ",
            now_ms!(),
            " - at_ms, scope FROM (SELECT *, sum(octet_length(body)) OVER (ORDER BY scope) \
             - sum(octet_length(body)) OVER (PARTITION BY scope) AS ahead \
             FROM populations WHERE scope = ANY($1)) AS sized WHERE ahead < $2 ORDER BY scope, zone"
        );
        let statement = client.prepare_cached(sql).await?;
        let mut scopes: Vec<i64> = self.scopes.iter().map(|scope| *scope as i64).collect();
        let too_many = scopes.split_off(scopes.len().min(SCOPES_MAX));
        scopes.sort_unstable();
        scopes.dedup();
        let mut kept = BTreeMap::<i64, Vec<Row>>::new();
        for row in client.query(&statement, &[&scopes, &(population::ANSWER_MAX as i64)]).await? {
            kept.entry(row.int(3)?).or_default().push(population::row(&row)?);
        }
        let mut answer = Answer::default();
        for scope in scopes {
            if answer.has_room() {
                answer.take_in(kept.remove(&scope).unwrap_or_default());
            } else {
                answer.leave_out(scope as u64);
            }
        }
        too_many.into_iter().for_each(|scope| answer.leave_out(scope as u64));
        Ok(answer.held())
    }
}
