//! Who is in the cluster, who controls it, and the slot table. Leases end by the metadata database's clock.

use super::Postgres;
use super::changes::announce;
use super::database::Step;
use super::fault::Fault;
use super::values::now_ms;
use super::weights;
use crate::lease;
use crate::rows::{self, Fields, member_columns};
use deadpool_postgres::{Client, GenericClient, Transaction};
use model::calls::database::{
    Failure, HoldController, JoinMember, LeaveMember, NewerRun, ReadClusterView, RenewMember, SlotsChanged,
    WriteSlots,
};
use model::membership::{ClusterView, Member, NamedZone, ProcessName, Slot, SlotTable};
use model::{Incarnation, Rect};
use std::sync::Arc;
use tokio_postgres::IsolationLevel;
use tokio_postgres::types::ToSql;

impl Postgres {
    pub(super) async fn join(&self, request: &JoinMember) -> Result<Result<(), NewerRun>, Failure> {
        self.metadata.run(request).await
    }

    pub(super) async fn renew(&self, request: &RenewMember) -> Result<bool, Failure> {
        self.metadata.run(request).await
    }

    pub(super) async fn leave(&self, request: &LeaveMember) -> Result<(), Failure> {
        self.metadata.run(request).await
    }

    pub(super) async fn control(&self, request: &HoldController) -> Result<bool, Failure> {
        self.metadata.run(request).await
    }

    pub(super) async fn view(&self, _: &ReadClusterView) -> Result<ClusterView, Failure> {
        let (version, members, lapsed) = self.metadata.run(&ReadMembers).await?;
        let mut table = Arc::clone(&self.table.lock());
        if table.version != version {
            table = Arc::new(self.metadata.run(&ReadTable).await?);
            let mut known = self.table.lock();
            if known.version < table.version {
                *known = Arc::clone(&table);
            }
        }
        Ok(ClusterView { members, lapsed, table: SlotTable::clone(&table) })
    }

    pub(super) async fn replace_slots(
        &self,
        request: &WriteSlots,
    ) -> Result<Result<u64, SlotsChanged>, Failure> {
        self.metadata.run(request).await
    }
}

impl Step for JoinMember {
    type Outcome = Result<(), NewerRun>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let transaction = client.transaction().await?;
        let sql = concat!(
            "INSERT INTO members (",
            member_columns!(),
            ", lease_until_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8 + ",
            now_ms!(),
            ") ON CONFLICT (name) DO UPDATE SET role = excluded.role, incarnation = excluded.incarnation, \
             link = excluded.link, http = excluded.http, weight = excluded.weight, \
             content_hash = excluded.content_hash, lease_until_ms = excluded.lease_until_ms \
             WHERE members.incarnation <= excluded.incarnation OR members.lease_until_ms <= ",
            now_ms!()
        );
        let statement = transaction.prepare_cached(sql).await?;
        let member = &self.member;
        let values: [&(dyn ToSql + Sync); 8] = [
            &member.name.as_str(),
            &member.role.label(),
            &(member.incarnation.0 as i64),
            &member.link.to_string(),
            &member.http.to_string(),
            &i64::from(member.weight),
            &(member.content_hash as i64),
            &lease::milliseconds(self.lease_ms),
        ];
        if transaction.execute(&statement, &values).await? == 0 {
            // the row is locked by the attempt
            let sql = "SELECT incarnation FROM members WHERE name = $1";
            let statement = transaction.prepare_cached(sql).await?;
            let found = transaction.query_one(&statement, &[&member.name.as_str()]).await?.int(0)?;
            return Ok(Err(NewerRun { found: Incarnation(found as u64) }));
        }
        announce(&transaction).await?;
        transaction.commit().await?;
        Ok(Ok(()))
    }
}

impl Step for RenewMember {
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let sql = concat!(
            "UPDATE members SET lease_until_ms = $3 + ",
            now_ms!(),
            " WHERE name = $1 AND incarnation = $2 AND lease_until_ms > ",
            now_ms!()
        );
        let statement = client.prepare_cached(sql).await?;
        let (incarnation, lease) = (self.incarnation.0 as i64, lease::milliseconds(self.lease_ms));
        Ok(client.execute(&statement, &[&self.name.as_str(), &incarnation, &lease]).await? > 0)
    }
}

impl Step for LeaveMember {
    type Outcome = ();

    async fn run(&self, client: &mut Client) -> Result<(), Fault> {
        let transaction = client.transaction().await?;
        for sql in [
            "DELETE FROM members WHERE name = $1 AND incarnation = $2",
            "DELETE FROM controller WHERE name = $1 AND incarnation = $2",
        ] {
            let statement = transaction.prepare_cached(sql).await?;
            transaction.execute(&statement, &[&self.name.as_str(), &(self.incarnation.0 as i64)]).await?;
        }
        announce(&transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}

impl Step for HoldController {
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let sql = concat!(
            "INSERT INTO controller (one, name, incarnation, lease_until_ms) VALUES (true, $1, $2, $3 + ",
            now_ms!(),
            ") ON CONFLICT (one) DO UPDATE SET name = excluded.name, incarnation = excluded.incarnation, \
             lease_until_ms = excluded.lease_until_ms WHERE controller.lease_until_ms <= ",
            now_ms!(),
            " OR (controller.name = excluded.name AND controller.incarnation = excluded.incarnation)"
        );
        let statement = client.prepare_cached(sql).await?;
        let (incarnation, lease) = (self.incarnation.0 as i64, lease::milliseconds(self.lease_ms));
        Ok(client.execute(&statement, &[&self.name.as_str(), &incarnation, &lease]).await? > 0)
    }
}

struct ReadMembers;

impl Step for ReadMembers {
    type Outcome = (u64, Vec<Member>, Vec<Member>);

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let sql = concat!(
            "SELECT ",
            member_columns!(),
            ", lease_until_ms - ",
            now_ms!(),
            " FROM members ORDER BY name COLLATE \"C\""
        );
        let members = client.prepare_cached(sql).await?;
        let version = client.prepare_cached("SELECT version FROM slot_table").await?;
        // sent together: one round trip
        let (members, version) = tokio::join!(client.query(&members, &[]), client.query_one(&version, &[]));
        let members = members?.iter().map(rows::leased).collect::<Result<_, _>>()?;
        let (members, lapsed) = rows::by_lease(members);
        Ok((version?.int(0)? as u64, members, lapsed))
    }
}

struct ReadTable;

impl Step for ReadTable {
    type Outcome = SlotTable;

    async fn run(&self, client: &mut Client) -> Result<SlotTable, Fault> {
        let level = IsolationLevel::RepeatableRead;
        let snapshot = client.build_transaction().isolation_level(level).read_only(true).start().await?;
        let table = read_table(&snapshot).await?;
        snapshot.commit().await?;
        Ok(table)
    }
}

/// The slot table as a transaction sees it.
pub(super) async fn read_table(transaction: &Transaction<'_>) -> Result<SlotTable, Fault> {
    let version = version(transaction, "SELECT version FROM slot_table").await?;
    let sql = "SELECT name, min_x, min_y, max_x, max_y FROM named_zones ORDER BY position";
    let zones = transaction.query(&transaction.prepare_cached(sql).await?, &[]).await?;
    let sql = "SELECT zone, owner, epoch FROM slots ORDER BY zone";
    let slots = transaction.query(&transaction.prepare_cached(sql).await?, &[]).await?;
    Ok(SlotTable {
        version,
        named_zones: zones.iter().map(rows::named_zone).collect::<Result<_, _>>()?,
        slots: slots.iter().map(rows::slot).collect::<Result<_, _>>()?,
    })
}

async fn version(client: &impl GenericClient, sql: &str) -> Result<u64, Fault> {
    let statement = client.prepare_cached(sql).await?;
    Ok(client.query_one(&statement, &[]).await?.int(0)? as u64)
}

impl Step for WriteSlots {
    type Outcome = Result<u64, SlotsChanged>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let transaction = client.transaction().await?;
        let found = version(&transaction, "SELECT version FROM slot_table FOR UPDATE").await?;
        if found != self.expected_version {
            return Ok(Err(SlotsChanged { found }));
        }
        let statement = transaction.prepare_cached("UPDATE slot_table SET version = version + 1").await?;
        transaction.execute(&statement, &[]).await?;
        write_named_zones(&transaction, &self.named_zones).await?;
        write_slots(&transaction, &self.slots).await?;
        if let Some(counts) = &self.counts {
            weights::write(&transaction, counts).await?;
        }
        announce(&transaction).await?;
        transaction.commit().await?;
        Ok(Ok(found + 1))
    }
}

async fn write_named_zones(transaction: &Transaction<'_>, zones: &[NamedZone]) -> Result<(), Fault> {
    transaction.execute(&transaction.prepare_cached("DELETE FROM named_zones").await?, &[]).await?;
    let sql = "INSERT INTO named_zones (position, name, min_x, min_y, max_x, max_y) \
               SELECT position - 1, name, min_x, min_y, max_x, max_y \
               FROM unnest($1::text[], $2::integer[], $3::integer[], $4::integer[], $5::integer[]) \
               WITH ORDINALITY AS given (name, min_x, min_y, max_x, max_y, position)";
    let statement = transaction.prepare_cached(sql).await?;
    let names: Vec<&str> = zones.iter().map(|zone| zone.name.as_str()).collect();
    let side =
        |pick: fn(&Rect) -> u16| zones.iter().map(|zone| pick(&zone.area).into()).collect::<Vec<i32>>();
    let (min_x, min_y) = (side(|area| area.min.x), side(|area| area.min.y));
    let (max_x, max_y) = (side(|area| area.max.x), side(|area| area.max.y));
    transaction.execute(&statement, &[&names, &min_x, &min_y, &max_x, &max_y]).await?;
    Ok(())
}

/// Touches only the rows that differ.
async fn write_slots(transaction: &Transaction<'_>, slots: &[Slot]) -> Result<(), Fault> {
    let zones: Vec<i64> = slots.iter().map(|slot| slot.zone.0.into()).collect();
    let owners: Vec<Option<&str>> =
        slots.iter().map(|slot| slot.owner.as_ref().map(ProcessName::as_str)).collect();
    let epochs: Vec<i64> = slots.iter().map(|slot| slot.epoch.0 as i64).collect();
    let statement = transaction.prepare_cached("DELETE FROM slots WHERE zone <> ALL ($1)").await?;
    transaction.execute(&statement, &[&zones]).await?;
    let sql = "INSERT INTO slots (zone, owner, epoch) \
               SELECT zone, owner, epoch FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS given (zone, owner, epoch) \
               ON CONFLICT (zone) DO UPDATE SET owner = excluded.owner, epoch = excluded.epoch \
               WHERE (slots.owner, slots.epoch) IS DISTINCT FROM (excluded.owner, excluded.epoch)";
    let statement = transaction.prepare_cached(sql).await?;
    transaction.execute(&statement, &[&zones, &owners, &epochs]).await?;
    Ok(())
}
