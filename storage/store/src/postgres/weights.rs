//! What zones cost, and what they are counted as.

use super::Postgres;
use super::changes::announce;
use super::database::Step;
use super::fault::Fault;
use crate::rows::{self, Fields};
use deadpool_postgres::{Client, Transaction};
use model::calls::database::{Counts, Failure, KeepCosts};
use model::calls::weights::Weights;
use model::membership::ProcessName;

impl Postgres {
    pub(super) async fn keep(&self, request: &KeepCosts) -> Result<(), Failure> {
        self.metadata.run(request).await
    }
}

/// As a transaction sees them.
pub(super) async fn read(transaction: &Transaction<'_>) -> Result<Weights, Fault> {
    let measured = transaction.prepare_cached("SELECT zone, cost FROM zone_costs").await?;
    let zones = transaction.prepare_cached("SELECT zone, cost, node FROM counted_zones").await?;
    let nodes = transaction.prepare_cached("SELECT node FROM counted_nodes").await?;
    let measured = transaction.query(&measured, &[]).await?;
    let zones = transaction.query(&zones, &[]).await?;
    let nodes = transaction.query(&nodes, &[]).await?;
    let counts = Counts {
        zones: zones.iter().map(rows::counted_zone).collect::<Result<_, _>>()?,
        nodes: nodes.iter().map(|row| row.text(0).map(ProcessName)).collect::<Result<_, _>>()?,
    };
    Ok(Weights { measured: measured.iter().map(rows::zone_cost).collect::<Result<_, _>>()?, counts })
}

impl Step for KeepCosts {
    type Outcome = ();

    async fn run(&self, client: &mut Client) -> Result<(), Fault> {
        let transaction = client.transaction().await?;
        // one after the other, also with wishes: a recount that a wish has ordered stays ordered
        let lock = transaction.prepare_cached("SELECT version FROM wishes FOR UPDATE").await?;
        transaction.query_one(&lock, &[]).await?;
        let zones: Vec<&str> = self.measured.keys().map(String::as_str).collect();
        let costs: Vec<i64> = self.measured.values().map(|cost| i64::from(*cost)).collect();
        transaction.execute(&transaction.prepare_cached("DELETE FROM zone_costs").await?, &[]).await?;
        let sql = "INSERT INTO zone_costs (zone, cost) \
                   SELECT zone, cost FROM unnest($1::text[], $2::bigint[]) AS given (zone, cost)";
        transaction.execute(&transaction.prepare_cached(sql).await?, &[&zones, &costs]).await?;
        if self.recount {
            recount(&transaction).await?;
            announce(&transaction).await?;
        }
        transaction.commit().await?;
        Ok(())
    }
}

/// Has the controller count zones anew.
pub(super) async fn recount(transaction: &Transaction<'_>) -> Result<(), Fault> {
    transaction.execute(&transaction.prepare_cached("DELETE FROM counted_nodes").await?, &[]).await?;
    Ok(())
}

/// Keeps what zones were counted as for a table, together with it.
pub(super) async fn write(transaction: &Transaction<'_>, counts: &Counts) -> Result<(), Fault> {
    let zones: Vec<&str> = counts.zones.keys().map(String::as_str).collect();
    let costs: Vec<i64> = counts.zones.values().map(|counted| i64::from(counted.cost)).collect();
    let placed = counts.zones.values().map(|counted| counted.placed.as_ref().map(ProcessName::as_str));
    let placed: Vec<Option<&str>> = placed.collect();
    transaction.execute(&transaction.prepare_cached("DELETE FROM counted_zones").await?, &[]).await?;
    let sql = "INSERT INTO counted_zones (zone, cost, node) \
               SELECT zone, cost, node FROM unnest($1::text[], $2::bigint[], $3::text[]) AS given (zone, cost, node)";
    transaction.execute(&transaction.prepare_cached(sql).await?, &[&zones, &costs, &placed]).await?;
    recount(transaction).await?;
    let nodes: Vec<&str> = counts.nodes.iter().map(ProcessName::as_str).collect();
    let sql = "INSERT INTO counted_nodes (node) SELECT unnest($1::text[])";
    transaction.execute(&transaction.prepare_cached(sql).await?, &[&nodes]).await?;
    Ok(())
}
