//! Corruption planted with plain SQL is found by `fsck`, with its ids, and a store from before the ledger gets
//! its opening entries: on both databases.

#![allow(clippy::unwrap_used)]

mod past;

use model::calls::database::{ChangeGold, DeleteCharacter, ItemHistory};
use model::calls::ledger::{Finding, Wrong};
use model::ledger::Actor;
use model::transfer::Transfer;
use model::{Character, Epoch, ItemId, OperationId};
use past::Database;
use std::sync::Arc;
use store::friends::{self, Circle, Known};
use store::testing::{postgres_wanted, stage};
use store::{Store, fsck};

async fn findings(store: &Arc<dyn Store>) -> Vec<Finding> {
    fsck::run(store.as_ref()).await.unwrap().checked.findings
}

/// Exactly one finding of that kind is about what `is_it` says.
fn one(findings: &[Finding], wrong: Wrong, is_it: impl Fn(&Finding) -> bool) {
    let found = findings.iter().filter(|finding| finding.wrong == wrong && is_it(finding)).count();
    assert_eq!(found, 1, "{wrong:?} among {findings:#?}");
}

/// Friends of the first one, written past the transfer that would write both sides.
fn friends_of(own: &Character, of: &Character) -> Transfer {
    let known = |one: &Character| Known(one.id, one.account, one.name.to_string());
    let circle = Circle {
        name: own.name.to_string(),
        friends: vec![known(of)],
        asking: vec![known(of)],
        ..Circle::default()
    };
    Transfer {
        operation: OperationId(rand::random()),
        actor: Actor::System("test".to_owned()),
        reason: "test".to_owned(),
        fences: Vec::new(),
        moves: Vec::new(),
        records: vec![friends::put(own.account, own.id, &circle, 0).unwrap()],
        softs: Vec::new(),
        standings: Vec::new(),
    }
}

async fn a_one_sided_friendship_is_found(database: &Database) {
    let store = database.open().await;
    let (ana, ben, gone) =
        (stage::living(&store).await, stage::living(&store).await, stage::living(&store).await);
    let delete = DeleteCharacter {
        operation: OperationId(rand::random()),
        account: gone.account,
        slot: gone.slot,
        key: gone.name.key(),
    };
    store.delete_character(delete).await.unwrap().unwrap();
    store.transfer(friends_of(&ben, &gone)).await.unwrap().unwrap();
    assert_eq!(findings(&store).await, [], "who is no more needs no side");
    store.transfer(friends_of(&ana, &ben)).await.unwrap().unwrap();
    let found = findings(&store).await;
    let is_hers = |finding: &Finding, what: &str| {
        finding.character == Some(ana.id)
            && finding.account == Some(ana.account)
            && finding.what.contains(what)
    };
    one(&found, Wrong::Friends, |finding| is_hers(finding, "is a friend of"));
    one(&found, Wrong::Friends, |finding| is_hers(finding, "is asked by"));
    assert_eq!(found.len(), 2, "{found:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_sided_friendship_is_found_on_sqlite() {
    a_one_sided_friendship_is_found(&Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_one_sided_friendship_is_found_over_two_shards() {
    if postgres_wanted() {
        a_one_sided_friendship_is_found(&Database::postgres()).await;
    }
}

async fn planted_corruption_is_found(database: &Database) {
    let store = database.open().await;
    let mut heroes: Vec<Character> = Vec::new();
    for _ in 0..8 {
        heroes.push(stage::living(&store).await);
    }
    assert_eq!(findings(&store).await, []);
    let item = |hero: usize| heroes[hero].equip[6].unwrap().id;
    let row = |id: ItemId| database.id(id.0);

    database.sql(&format!("UPDATE items SET place_slot = 9 WHERE id = {}", row(item(0))));
    database.sql(&format!("UPDATE items SET kind = 1234 WHERE id = {}", row(item(1))));
    database.sql(&format!("DELETE FROM items WHERE id = {}", row(item(2))));
    database.sql(&format!("UPDATE items SET place_owner = 77 WHERE id = {}", row(item(3))));
    database.sql(&format!("UPDATE characters SET gold = gold + 1 WHERE id = {}", heroes[4].id.0));
    database.sql(&format!("UPDATE accounts SET cargo_gold = 5 WHERE id = {}", heroes[5].account.0));
    let forged = OperationId(rand::random());
    let (purse, bucket) = (heroes[6].id.0, placement::bucket_of(heroes[6].account));
    database.sql(&format!(
        "INSERT INTO ledger (at_ms, bucket, operation, actor_kind, actor_id, reason, amount, to_kind, to_owner, \
         to_balance) SELECT 1, {bucket}, {}, 1, 1, 'forged', 50, 2, id, 1050 FROM characters WHERE id = {purse}",
        database.id(forged.0)
    ));

    let found = findings(&store).await;
    for hero in [0, 1, 2, 3] {
        one(&found, Wrong::Item, |finding| finding.item == Some(item(hero)));
    }
    one(&found, Wrong::Orphan, |finding| finding.item == Some(item(3)));
    one(&found, Wrong::Gold, |finding| finding.character == Some(heroes[4].id));
    one(&found, Wrong::Gold, |finding| {
        finding.account == Some(heroes[5].account) && finding.character.is_none()
    });
    one(&found, Wrong::Operation, |finding| {
        finding.operation == Some(forged)
            && finding.entry.is_some()
            && finding.character == Some(heroes[6].id)
    });
    one(&found, Wrong::Gold, |finding| finding.character == Some(heroes[6].id));
    let healthy = &heroes[7];
    let names_it = |finding: &&Finding| {
        finding.character == Some(healthy.id) || finding.account == Some(healthy.account)
    };
    assert_eq!(found.iter().find(names_it), None);
    if let Database::Postgres(server, _) = database {
        let refused = "DO $$ BEGIN UPDATE ledger SET at_ms = 2; EXCEPTION WHEN raise_exception THEN RETURN; END $$; \
                       SELECT count(*) FROM ledger WHERE at_ms = 2";
        assert_eq!(server.psql("m", refused), "0", "an entry is never changed");
    }
    let sums = found.iter().filter(|finding| finding.wrong == Wrong::Gold && finding.what.contains("minted"));
    assert!((1..=3).contains(&sums.count()), "{found:#?}");
    everything_is_repaired(&store).await;
    for hero in &heroes[..4] {
        let now = stage::listed(&store, hero.account).await;
        assert_eq!(now[0].equip, hero.equip, "everybody wears again what the ledger says");
    }
    assert_eq!(stage::listed(&store, heroes[4].account).await[0].hard.gold, 1_001, "of gold the row counts");
}

/// What would be repaired is told first and not done; done once there is nothing more to do.
async fn everything_is_repaired(store: &Arc<dyn Store>) {
    let before = findings(store).await;
    let planned = fsck::repair(store.as_ref(), "root", true).await.unwrap();
    assert!(!planned.fixes.is_empty());
    assert_eq!(findings(store).await, before, "only told");
    let done = fsck::repair(store.as_ref(), "root", false).await.unwrap();
    assert_eq!(done.report.checked.findings, [], "{:#?}", done.fixes);
    assert!(done.fixes.len() >= planned.fixes.len());
    let again = fsck::repair(store.as_ref(), "root", false).await.unwrap();
    assert_eq!(again.fixes, Vec::<String>::new());
}

async fn an_unreadable_operation_and_a_broken_chain_are_found(database: &Database) {
    let store = database.open().await;
    let (hero, other) = (stage::living(&store).await, stage::living(&store).await);
    let epoch: Epoch = stage::load(&store, &hero, "tmsrv-1").await.epoch;
    let operation = stage::operation();
    let (account, character, reason) = (hero.account, hero.id, "test".to_owned());
    let fee = ChangeGold { operation, account, character, epoch, delta: -5, reason };
    assert_eq!(store.change_gold(fee).await, Ok(Ok(995)));
    let before = findings(&store).await.len();
    let outcome = match database {
        Database::Sqlite(_) => "X'63'",
        Database::Postgres(..) => "'\\x63'",
    };
    let operation_row = database.id(operation.0);
    database.sql(&format!("UPDATE operations SET outcome = {outcome} WHERE operation = {operation_row}"));
    let item = other.equip[6].unwrap().id;
    database.sql(&format!("DELETE FROM ledger WHERE item = {}", database.id(item.0)));
    let start = format!("DELETE FROM ledger WHERE to_owner = {} AND amount = 1000", hero.id.0);
    database.sql(&start);
    let found = findings(&store).await.split_off(before);
    one(&found, Wrong::Operation, |finding| finding.operation == Some(operation) && finding.entry.is_none());
    one(&found, Wrong::Item, |finding| finding.item == Some(item));
    one(&found, Wrong::Ledger, |finding| finding.character == Some(hero.id) && finding.entry.is_some());
    one(&found, Wrong::Gold, |finding| finding.character == Some(hero.id));
    let left = fsck::repair(store.as_ref(), "root", false).await.unwrap().report.checked.findings;
    one(&left, Wrong::Ledger, |finding| finding.character == Some(hero.id) && finding.entry.is_some());
    assert_eq!(left.len(), 1, "entries are only added, so a gap between two stays: {left:#?}");
    let life = store.item_history(ItemHistory { item, limit: 10 }).await.unwrap();
    assert_eq!(life.last().unwrap().actor, Actor::Operator("root".into()));
}

async fn a_store_from_before_the_ledger_gets_its_opening(database: &Database) {
    let store = database.open().await;
    let hero = stage::living(&store).await;
    drop(store);
    // what the later migrations made is taken away: this is how the first one left a store
    match database {
        Database::Sqlite(_) => database.sql(
            "DROP TABLE ledger; DROP INDEX accounts_bucket; DROP INDEX characters_bucket; \
             DROP INDEX items_bucket; DROP INDEX operations_bucket; DROP TABLE purses; DROP TABLE records; \
             DROP TABLE ledger_horizons; DROP TABLE ledger_base_items; DROP TABLE ledger_base_purses; \
             DROP TABLE ledger_base_sums; DROP TABLE character_states; DROP TABLE wishes; \
             DROP TABLE drained_nodes; DROP TABLE placed_zones; DROP TABLE wish_log; DROP TABLE cut_zones; \
             DROP TABLE instance_guests; DROP TABLE instances; DROP TABLE instance_openings; DROP TABLE instance_rules; \
             DROP TABLE zone_costs; DROP TABLE counted_zones; DROP TABLE counted_nodes; DROP TABLE populations; \
             ALTER TABLE characters DROP COLUMN soft_epoch; ALTER TABLE characters DROP COLUMN soft_number; \
             ALTER TABLE characters DROP COLUMN former_owner; \
             DELETE FROM refinery_schema_history WHERE version >= 2",
        ),
        Database::Postgres(..) => database.sql(
            "DROP TABLE ledger; DROP FUNCTION ledger_is_append_only; DROP TABLE purses; DROP TABLE records; \
             DROP TABLE character_states; \
             DROP TABLE bucket_homes; DROP TABLE bucket_changes; ALTER TABLE shard_identity DROP COLUMN homed; \
             DROP FUNCTION enter_buckets; DROP FUNCTION close_buckets; DROP FUNCTION log_bucket_change; \
             DROP FUNCTION make_ledger_partitions; DROP TABLE ledger_horizons; DROP TABLE ledger_base_items; \
             DROP TABLE ledger_base_purses; DROP TABLE ledger_base_sums; \
             ALTER TABLE characters DROP COLUMN soft_epoch; ALTER TABLE characters DROP COLUMN soft_number; \
             ALTER TABLE characters DROP COLUMN former_owner; \
             DELETE FROM wydbr_shard_migrations WHERE version >= 2",
        ),
    }
    database.sql(&format!("UPDATE accounts SET cargo_gold = 40 WHERE id = {}", hero.account.0));
    let store = database.open().await;
    assert_eq!(findings(&store).await, []);
    let item = hero.equip[6].unwrap().id;
    let life = store.item_history(ItemHistory { item, limit: 10 }).await.unwrap();
    assert_eq!(life.len(), 1);
    assert_eq!((life[0].reason.as_str(), life[0].operation), ("opening", None));
    assert_eq!(life[0].actor, Actor::System("migration".into()));
    let report = fsck::run(store.as_ref()).await.unwrap();
    assert_eq!((report.checked.gold_minted, report.checked.gold_held), (1_040, 1_040));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_hides_no_corruption() {
    planted_corruption_is_found(&Database::sqlite()).await;
    an_unreadable_operation_and_a_broken_chain_are_found(&Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_hides_no_corruption() {
    if postgres_wanted() {
        planted_corruption_is_found(&Database::postgres()).await;
        an_unreadable_operation_and_a_broken_chain_are_found(&Database::postgres()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_store_gets_opening_entries() {
    a_store_from_before_the_ledger_gets_its_opening(&Database::sqlite()).await;
    if postgres_wanted() {
        a_store_from_before_the_ledger_gets_its_opening(&Database::postgres()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_and_rows_that_lost_each_other_are_found() {
    if !postgres_wanted() {
        return;
    }
    let database = Database::postgres();
    let store = database.open().await;
    let mut heroes = Vec::new();
    for _ in 0..3 {
        heroes.push(stage::living(&store).await);
    }
    let Database::Postgres(server, _) = &database else { return };
    let (account, ghost) = (heroes[0].account.0, OperationId(rand::random()));
    server.psql(
        "m",
        &format!("INSERT INTO names VALUES (2, 'ghost', {account}, 78, 2, {}, 0)", database.id(ghost.0)),
    );
    server.psql("m", &format!("DELETE FROM names WHERE id = {}", heroes[1].id.0));
    server.psql("m", &format!("DELETE FROM names WHERE id = {}", heroes[2].account.0));
    server.psql("s", "BEGIN; UPDATE accounts SET blocked = NULL WHERE id = 0; PREPARE TRANSACTION 'left'");
    let found = findings(&store).await;
    one(&found, Wrong::Name, |finding| {
        finding.operation == Some(ghost)
            && finding.what.contains("ghost")
            && finding.account == Some(heroes[0].account)
    });
    one(&found, Wrong::Name, |finding| finding.character == Some(heroes[1].id));
    one(&found, Wrong::Name, |finding| {
        finding.account == Some(heroes[2].account) && finding.character.is_none()
    });
    one(&found, Wrong::Prepared, |finding| finding.what.contains("\"left\""));
    assert_eq!(found.len(), 4, "{found:#?}");
    let left = fsck::repair(store.as_ref(), "root", false).await.unwrap().report.checked.findings;
    one(&left, Wrong::Prepared, |finding| finding.what.contains("\"left\""));
    assert_eq!(left.len(), 1, "what is not ours is left to its owner: {left:#?}");
}

#[test]
fn an_entry_is_never_changed() {
    let database = Database::sqlite();
    drop(store::Sqlite::open(&database.file()).unwrap());
    let connection = rusqlite::Connection::open(database.file()).unwrap();
    let insert = "INSERT INTO ledger (at_ms, bucket, actor_kind, actor_name, reason, amount, to_kind, to_owner, \
                  to_balance) VALUES (1, 1, 3, 'test', 'opening', 5, 2, 7, 5)";
    connection.execute(insert, []).unwrap();
    let error = connection.execute("UPDATE ledger SET amount = 6", []).unwrap_err().to_string();
    assert!(error.contains("never changed"), "{error}");
    let half = insert.replace("to_owner, to_balance", "to_owner").replace("7, 5)", "7)");
    assert!(connection.execute(&half, []).is_err(), "gold without a balance is no entry");
}
