//! The cluster as its operator sees it, and wishes: judged by what holds at the moment of their entry.

use super::Postgres;
use super::changes::announce;
use super::database::Step;
use super::fault::Fault;
use super::instances;
use super::membership::read_table;
use super::values::now_ms;
use super::weights;
use crate::rows::{self, Fields, member_columns};
use deadpool_postgres::{Client, Transaction};
use model::calls::cluster::{
    ClusterReport, MakeWish, ReadCluster, WISHES_TOLD, Wish, WishGranted, WishRefusal, Wishes,
};
use model::calls::database::Failure;
use model::membership::ProcessName;
use placement::Judged;
use tokio_postgres::IsolationLevel;

impl Postgres {
    pub(super) async fn report_cluster(&self, request: &ReadCluster) -> Result<ClusterReport, Failure> {
        self.metadata.run(request).await
    }

    pub(super) async fn wish(&self, request: &MakeWish) -> Result<Result<WishGranted, WishRefusal>, Failure> {
        self.metadata.run(request).await
    }
}

impl Step for ReadCluster {
    type Outcome = ClusterReport;

    async fn run(&self, client: &mut Client) -> Result<ClusterReport, Fault> {
        let level = IsolationLevel::RepeatableRead;
        let snapshot = client.build_transaction().isolation_level(level).read_only(true).start().await?;
        let report = report(&snapshot).await?;
        snapshot.commit().await?;
        Ok(report)
    }
}

async fn report(transaction: &Transaction<'_>) -> Result<ClusterReport, Fault> {
    let sql = concat!(
        "SELECT ",
        member_columns!(),
        ", lease_until_ms - ",
        now_ms!(),
        " FROM members ORDER BY name COLLATE \"C\""
    );
    let members = transaction.query(&transaction.prepare_cached(sql).await?, &[]).await?;
    let sql = concat!("SELECT name FROM controller WHERE lease_until_ms > ", now_ms!());
    let controller = transaction.query_opt(&transaction.prepare_cached(sql).await?, &[]).await?;
    let sql =
        "SELECT number, at_ms, by_whom, wish, before, after FROM wish_log ORDER BY number DESC LIMIT $1";
    let statement = transaction.prepare_cached(sql).await?;
    let log = transaction.query(&statement, &[&i64::from(WISHES_TOLD)]).await?;
    let now = transaction.prepare_cached(concat!("SELECT ", now_ms!())).await?;
    let now_ms = transaction.query_one(&now, &[]).await?.int(0)?;
    Ok(ClusterReport {
        members: members.iter().map(rows::leased).collect::<Result<_, _>>()?,
        controller: controller.map(|row| row.text(0).map(ProcessName)).transpose()?,
        table: read_table(transaction).await?,
        wishes: read_wishes(transaction).await?,
        weights: weights::read(transaction).await?,
        log: log.iter().rev().map(rows::logged_wish).collect::<Result<_, _>>()?,
        now_ms,
    })
}

async fn read_wishes(transaction: &Transaction<'_>) -> Result<Wishes, Fault> {
    let version = transaction.prepare_cached("SELECT version FROM wishes").await?;
    let drained = transaction.prepare_cached("SELECT node FROM drained_nodes").await?;
    let placed = transaction.prepare_cached("SELECT zone, node, hold FROM placed_zones").await?;
    let cut = transaction.prepare_cached("SELECT part, by_whom FROM cut_zones").await?;
    let drained = transaction.query(&drained, &[]).await?;
    let placed = transaction.query(&placed, &[]).await?;
    let cut = transaction.query(&cut, &[]).await?;
    let mut wishes = Wishes {
        version: transaction.query_one(&version, &[]).await?.int(0)? as u64,
        drained: drained.iter().map(|row| row.text(0).map(ProcessName)).collect::<Result<_, _>>()?,
        placed: placed.iter().map(rows::placed_zone).collect::<Result<_, _>>()?,
        cut: cut.iter().map(rows::cut_zone).collect::<Result<_, _>>()?,
        ..Wishes::default()
    };
    instances::read(transaction, &mut wishes).await?;
    Ok(wishes)
}

impl Step for MakeWish {
    type Outcome = Result<WishGranted, WishRefusal>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let transaction = client.transaction().await?;
        // wishes are entered one after the other: each is judged by the one before
        let lock = transaction.prepare_cached("SELECT version FROM wishes FOR UPDATE").await?;
        transaction.query_one(&lock, &[]).await?;
        let report = report(&transaction).await?;
        if let Wish::OpenInstance { operation, .. } = &self.wish
            && let Some(opened) = instances::opened_by(&transaction, *operation).await?
        {
            return Ok(Ok(placement::opened_before(&report, opened)));
        }
        let Judged { wishes, granted } = match placement::judge(&report, &self.wish) {
            Ok(judged) => judged,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if granted.changed {
            write(&transaction, &wishes).await?;
            instances::write(&transaction, &report.wishes, &wishes).await?;
            if self.wish == Wish::Rebalance {
                weights::recount(&transaction).await?;
            }
            if let Wish::OpenInstance { operation, .. } = &self.wish {
                instances::remember(&transaction, *operation, wishes.last_instance).await?;
            }
            let sql = concat!(
                "INSERT INTO wish_log (number, at_ms, by_whom, wish, before, after) VALUES ($1, ",
                now_ms!(),
                ", $2, $3, $4, $5)"
            );
            let statement = transaction.prepare_cached(sql).await?;
            let (number, wish) = (wishes.version as i64, self.wish.to_string());
            let row: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                [&number, &self.by, &wish, &granted.before, &granted.after];
            transaction.execute(&statement, &row).await?;
            announce(&transaction).await?;
        }
        transaction.commit().await?;
        Ok(Ok(granted))
    }
}

async fn write(transaction: &Transaction<'_>, wishes: &Wishes) -> Result<(), Fault> {
    let statement = transaction.prepare_cached("UPDATE wishes SET version = $1").await?;
    transaction.execute(&statement, &[&(wishes.version as i64)]).await?;
    let drained: Vec<&str> = wishes.drained.iter().map(ProcessName::as_str).collect();
    let (mut zones, mut nodes, mut holds) = (Vec::new(), Vec::new(), Vec::new());
    for (zone, placed) in &wishes.placed {
        zones.push(zone.as_str());
        nodes.push(placed.node.as_str());
        holds.push(placed.hold.name());
    }
    transaction.execute(&transaction.prepare_cached("DELETE FROM drained_nodes").await?, &[]).await?;
    let sql = "INSERT INTO drained_nodes (node) SELECT unnest($1::text[])";
    transaction.execute(&transaction.prepare_cached(sql).await?, &[&drained]).await?;
    transaction.execute(&transaction.prepare_cached("DELETE FROM placed_zones").await?, &[]).await?;
    let sql = "INSERT INTO placed_zones (zone, node, hold) \
               SELECT zone, node, hold FROM unnest($1::text[], $2::text[], $3::text[]) AS given (zone, node, hold)";
    transaction.execute(&transaction.prepare_cached(sql).await?, &[&zones, &nodes, &holds]).await?;
    let parts: Vec<&str> = wishes.cut.keys().map(String::as_str).collect();
    let by: Vec<&str> = wishes.cut.values().map(|by| by.name()).collect();
    transaction.execute(&transaction.prepare_cached("DELETE FROM cut_zones").await?, &[]).await?;
    let sql = "INSERT INTO cut_zones (part, by_whom) \
               SELECT part, by_whom FROM unnest($1::text[], $2::text[]) AS given (part, by_whom)";
    transaction.execute(&transaction.prepare_cached(sql).await?, &[&parts, &by]).await?;
    Ok(())
}
