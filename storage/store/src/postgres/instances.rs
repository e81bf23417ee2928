//! Instances that are open, and the operations that opened them.

use super::fault::Fault;
use super::values::{Id128, now_ms};
use crate::rows::{self, Fields};
use deadpool_postgres::Transaction;
use model::OperationId;
use model::calls::cluster::Wishes;
use tokio_postgres::types::ToSql;

/// How long it is remembered which operation opened which instance.
const REMEMBERED_MS: i64 = 86_400_000;

/// How long the log keeps births and deaths of instances: there may be many.
const LOGGED_MS: i64 = 30 * 86_400_000;

/// Adds what is stored of instances to the other wishes.
pub(super) async fn read(transaction: &Transaction<'_>, wishes: &mut Wishes) -> Result<(), Fault> {
    let sql = "SELECT last, open_max, per_player_max, life_max_s, empty_s FROM instance_rules";
    let rules = transaction.query_one(&transaction.prepare_cached(sql).await?, &[]).await?;
    (wishes.last_instance, wishes.limits) = rows::instance_rules(&rules)?;
    let sql = "SELECT instance, place, opened_ms, until_ms FROM instances";
    let open = transaction.query(&transaction.prepare_cached(sql).await?, &[]).await?;
    wishes.instances = open.iter().map(rows::instance).collect::<Result<_, _>>()?;
    let sql = "SELECT instance, character, name FROM instance_guests ORDER BY instance, position";
    for row in transaction.query(&transaction.prepare_cached(sql).await?, &[]).await? {
        let (instance, guest) = rows::guest(&row)?;
        if let Some(instance) = wishes.instances.get_mut(&instance) {
            instance.guests.push(guest);
        }
    }
    Ok(())
}

/// The instance that an operation has opened, within the last day.
pub(super) async fn opened_by(
    transaction: &Transaction<'_>,
    operation: OperationId,
) -> Result<Option<u64>, Fault> {
    let sql = "SELECT instance FROM instance_openings WHERE operation = $1";
    let statement = transaction.prepare_cached(sql).await?;
    let found = transaction.query_opt(&statement, &[&Id128(operation.0)]).await?;
    Ok(found.map(|row| row.number(0)).transpose()?)
}

/// Remembers what an operation has opened.
pub(super) async fn remember(
    transaction: &Transaction<'_>,
    operation: OperationId,
    instance: u64,
) -> Result<(), Fault> {
    let sql = concat!("DELETE FROM instance_openings WHERE at_ms < ", now_ms!(), " - $1");
    transaction.execute(&transaction.prepare_cached(sql).await?, &[&REMEMBERED_MS]).await?;
    let sql = concat!("DELETE FROM wish_log WHERE wish LIKE 'instance %' AND at_ms < ", now_ms!(), " - $1");
    transaction.execute(&transaction.prepare_cached(sql).await?, &[&LOGGED_MS]).await?;
    let sql = concat!(
        "INSERT INTO instance_openings (operation, instance, at_ms) VALUES ($1, $2, ",
        now_ms!(),
        ")"
    );
    let row: [&(dyn ToSql + Sync); 2] = [&Id128(operation.0), &(instance as i64)];
    transaction.execute(&transaction.prepare_cached(sql).await?, &row).await?;
    Ok(())
}

/// Writes what differs from before.
pub(super) async fn write(
    transaction: &Transaction<'_>,
    before: &Wishes,
    wishes: &Wishes,
) -> Result<(), Fault> {
    let limits = wishes.limits;
    if (before.last_instance, before.limits) != (wishes.last_instance, limits) {
        let sql = "UPDATE instance_rules \
                   SET last = $1, open_max = $2, per_player_max = $3, life_max_s = $4, empty_s = $5";
        let numbers =
            [limits.open_max, limits.per_player_max, limits.life_max_s, limits.empty_s].map(i64::from);
        let [open_max, per_player_max, life_max_s, empty_s] = &numbers;
        let row: [&(dyn ToSql + Sync); 5] =
            [&(wishes.last_instance as i64), open_max, per_player_max, life_max_s, empty_s];
        transaction.execute(&transaction.prepare_cached(sql).await?, &row).await?;
    }
    let gone = before.instances.keys().filter(|id| !wishes.instances.contains_key(id));
    let gone: Vec<i64> = gone.map(|id| *id as i64).collect();
    // with their guests
    let statement = transaction.prepare_cached("DELETE FROM instances WHERE instance = ANY ($1)").await?;
    transaction.execute(&statement, &[&gone]).await?;
    for (id, new) in wishes.instances.iter().filter(|(id, _)| !before.instances.contains_key(id)) {
        let sql = "INSERT INTO instances (instance, place, opened_ms, until_ms) VALUES ($1, $2, $3, $4)";
        let row: [&(dyn ToSql + Sync); 4] = [&(*id as i64), &new.place, &new.opened_ms, &new.until_ms];
        transaction.execute(&transaction.prepare_cached(sql).await?, &row).await?;
        let sql = "INSERT INTO instance_guests (instance, position, character, name) \
                   SELECT $1, position, character, name FROM unnest($2::bigint[], $3::text[]) \
                   WITH ORDINALITY AS given (character, name, position)";
        let characters: Vec<i64> = new.guests.iter().map(|guest| guest.character.0 as i64).collect();
        let names: Vec<&str> = new.guests.iter().map(|guest| guest.name.as_str()).collect();
        let row: [&(dyn ToSql + Sync); 3] = [&(*id as i64), &characters, &names];
        transaction.execute(&transaction.prepare_cached(sql).await?, &row).await?;
    }
    Ok(())
}
