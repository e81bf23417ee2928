//! Damage to what transfers left is found by `fsck`, with its ids; and a store in use is no false alarm.

#![allow(clippy::unwrap_used)]

use model::calls::ledger::{Finding, Wrong};
use model::id::{GroundId, ItemId, LotId, OperationId, ParcelId};
use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::{GoldLocation, ItemLocation, RecordChange, RecordKey, Transfer};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use store::testing::stage::economy::{Player, done, moved, paid, put, surely, transfer};
use store::testing::{PgServer, postgres_wanted, stage};
use store::{Dsn, Postgres, PostgresOptions, Sqlite, Store, fsck};
use tempfile::TempDir;

/// One database of each kind, and a way past the store.
enum Database {
    Sqlite(TempDir),
    Postgres(PgServer, &'static [&'static str]),
}

impl Database {
    fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// Two shards.
    fn postgres() -> Self {
        Self::Postgres(PgServer::start(), &["m", "s"])
    }

    /// One shard.
    fn one_postgres() -> Self {
        Self::Postgres(PgServer::start(), &["m"])
    }

    fn file(folder: &TempDir) -> PathBuf {
        folder.path().join("wydbr.sqlite")
    }

    async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(folder) => Arc::new(Sqlite::open(&Self::file(folder)).unwrap()),
            Self::Postgres(server, shards) => {
                let dsns = shards.iter().map(|name| Dsn::parse(&server.create_database(name)).unwrap());
                Arc::new(Postgres::open(PostgresOptions::new(dsns.collect())).await.unwrap())
            }
        }
    }

    /// On every shard.
    fn sql(&self, sql: &str) {
        match self {
            Self::Sqlite(folder) => {
                rusqlite::Connection::open(Self::file(folder)).unwrap().execute_batch(sql).unwrap();
            }
            Self::Postgres(server, shards) => shards.iter().for_each(|shard| drop(server.psql(shard, sql))),
        }
    }

    /// A number, summed over all shards.
    fn count(&self, sql: &str) -> i64 {
        match self {
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(Self::file(folder)).unwrap();
                connection.query_row(sql, [], |row| row.get(0)).unwrap()
            }
            Self::Postgres(server, shards) => {
                shards.iter().map(|shard| server.psql(shard, sql).parse::<i64>().unwrap()).sum()
            }
        }
    }

    /// On which shard an account is.
    fn shard_of(&self, player: &Player) -> usize {
        let sql = format!("SELECT count(*) FROM accounts WHERE id = {}", player.account().0);
        match self {
            Self::Sqlite(_) => 0,
            Self::Postgres(server, shards) => {
                shards.iter().position(|shard| server.psql(shard, &sql) == "1").unwrap()
            }
        }
    }

    /// Two players in different buckets, on different shards if there are several.
    async fn two_apart(&self, store: &Arc<dyn Store>) -> [Player; 2] {
        for _ in 0..200 {
            let [ana, ben] = Player::two(store).await;
            if matches!(self, Self::Sqlite(_) | Self::Postgres(_, [_]))
                || self.shard_of(&ana) != self.shard_of(&ben)
            {
                return [ana, ben];
            }
        }
        panic!("200 pairs are all on one shard");
    }

    /// An entry about an item by that operation is lost: its departure (`to`) or its arrival (`from`).
    fn lose(&self, operation: OperationId, side: &str) {
        let lost = format!("operation = {} AND item IS NOT NULL AND {side}_kind = 8", self.id(operation.0));
        assert_eq!(self.count(&format!("SELECT count(*) FROM ledger WHERE {lost}")), 1);
        self.sql(&format!("DELETE FROM ledger WHERE {lost}"));
    }

    /// Lays what a player carried in a slot there again, past the store.
    fn lay(&self, player: &Player, slot: u8) {
        let (item, bucket) = (player.potion(slot.into()), placement::bucket_of(player.account()));
        let bytes = item.effects.map(|effect| [effect.code, effect.value]).concat();
        let bytes: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let effects = match self {
            Self::Sqlite(_) => format!("X'{bytes}'"),
            Self::Postgres(..) => format!("'\\x{bytes}'"),
        };
        let row = format!(
            "INSERT INTO items (id, bucket, kind, effects, place_kind, place_owner, place_slot) \
             VALUES ({}, {bucket}, {}, {effects}, 2, {}, {slot})",
            self.id(item.id.0),
            item.kind.0,
            player.hero.id.0
        );
        match self {
            Self::Sqlite(_) => self.sql(&row),
            Self::Postgres(server, shards) => drop(server.psql(shards[self.shard_of(player)], &row)),
        }
    }

    /// An item has one row over all shards, and that lies there.
    fn lies_once(&self, item: ItemId, kind: i64, owner: u64) {
        let of = format!("SELECT count(*) FROM items WHERE id = {}", self.id(item.0));
        assert_eq!(self.count(&of), 1, "rows of {item}");
        assert_eq!(self.count(&format!("{of} AND place_kind = {kind} AND place_owner = {owner}")), 1);
    }

    /// A 128-bit id as a literal.
    fn id(&self, id: u128) -> String {
        match self {
            Self::Sqlite(_) => format!("X'{id:032x}'"),
            Self::Postgres(..) => format!("'{id:032x}'"),
        }
    }
}

async fn findings(store: &Arc<dyn Store>) -> Vec<Finding> {
    fsck::run(store.as_ref()).await.unwrap().checked.findings
}

/// Exactly one finding of that kind is about what `is_it` says.
fn one(findings: &[Finding], wrong: Wrong, is_it: impl Fn(&Finding) -> bool) {
    let found = findings.iter().filter(|finding| finding.wrong == wrong && is_it(finding)).count();
    assert_eq!(found, 1, "{wrong:?} among {findings:#?}");
}

/// Players in different buckets, each pair with a potion and ten gold given from the first to the second.
async fn gifts(store: &Arc<dyn Store>, count: usize) -> Vec<([Player; 2], Transfer)> {
    let mut given = Vec::new();
    for _ in 0..count {
        let [ana, ben] = Player::two(store).await;
        let moves =
            vec![moved(ana.potion(0), ana.carry(0), ben.carry(9)), paid(10, ana.purse(), ben.purse())];
        let gift = transfer(&[&ana, &ben], moves);
        surely(store, &gift).await;
        given.push(([ana, ben], gift));
    }
    given
}

async fn what_is_lost_between_buckets_is_found(database: &Database) {
    let store = database.open().await;
    let given = gifts(&store, 6).await;
    assert_eq!(findings(&store).await, []);
    let lines = |index: usize, which: &str| {
        let operation = database.id(given[index].1.operation.0);
        database.sql(&format!("DELETE FROM ledger WHERE operation = {operation} AND {which}"));
    };
    lines(0, "item IS NOT NULL AND to_kind = 8");
    lines(1, "item IS NOT NULL AND from_kind = 8");
    lines(2, "amount IS NOT NULL AND to_kind = 8");
    lines(3, "amount IS NOT NULL AND from_kind = 8");
    let operation = database.id(given[4].1.operation.0);
    database.sql(&format!("DELETE FROM operations WHERE operation = {operation} AND kind = 'transfer-part'"));

    let found = findings(&store).await;
    let about = |index: usize| {
        let ([ana, ben], gift) = &given[index];
        (ana, ben, ana.potion(0).id, gift.operation)
    };
    for (index, way) in [(0, "had not left"), (1, "did not arrive")] {
        let (_, _, item, operation) = about(index);
        one(&found, Wrong::Crossing, |finding| {
            finding.item == Some(item) && finding.operation == Some(operation) && finding.what.contains(way)
        });
        one(&found, Wrong::Item, |finding| finding.item == Some(item));
    }
    for (index, way) in [(2, "had not left"), (3, "did not arrive")] {
        let (ana, ben, _, operation) = about(index);
        one(&found, Wrong::Crossing, |finding| {
            finding.item.is_none()
                && finding.operation == Some(operation)
                && finding.what.starts_with("10 gold")
                && finding.what.contains(way)
        });
        let poorer = if index == 2 { ana } else { ben };
        one(&found, Wrong::Gold, |finding| finding.character == Some(poorer.hero.id));
    }
    // both of its entries in the other bucket have lost their operation
    let (_, _, _, operation) = about(4);
    let without = |finding: &&Finding| {
        finding.wrong == Wrong::Operation && finding.operation == Some(operation) && finding.entry.is_some()
    };
    assert_eq!(found.iter().filter(without).count(), 2, "{found:#?}");
    let (_, _, item, operation) = about(5);
    let healthy = |finding: &&Finding| finding.item == Some(item) || finding.operation == Some(operation);
    assert_eq!(found.iter().find(healthy), None);
    assert_eq!(found.iter().filter(|finding| finding.wrong == Wrong::Crossing).count(), 4, "{found:#?}");
    everything_is_repaired(&store).await;
}

async fn everything_is_repaired(store: &Arc<dyn Store>) {
    let done = fsck::repair(store.as_ref(), "root", false).await.unwrap();
    assert_eq!(done.report.checked.findings, [], "{:#?}", done.fixes);
    assert!(!done.fixes.is_empty());
}

async fn what_lies_with_nobody_is_found(database: &Database) {
    let store = database.open().await;
    let mut players = Vec::new();
    for _ in 0..5 {
        players.push(Player::new(&store).await);
    }
    let [ana, ben, cem, dan, eva] = &players[..] else { panic!() };
    let number = || rand::random::<u64>() >> 1;
    let listed = async |seller: &Player| {
        let (lot, home) = (LotId(number()), seller.account());
        let place = ItemLocation { home, place: ItemPlace::Lot(lot, 0) };
        let purse = GoldLocation { home, account: GoldAccount::Lot(lot) };
        let moves = vec![moved(seller.potion(0), seller.carry(0), place), paid(70, seller.purse(), purse)];
        let records = vec![put(RecordKey::Lot(lot), home, 1, 0)];
        surely(&store, &Transfer { records, ..seller.does(moves) }).await;
        lot
    };
    let (orphaned, misplaced, robbed) = (listed(ana).await, listed(ben).await, listed(eva).await);
    let (ground, home) = (GroundId(number()), cem.account());
    let place = ItemLocation { home, place: ItemPlace::Ground(ground) };
    let records = vec![put(RecordKey::Ground(ground), home, 1, 0)];
    let drop = Transfer { records, ..cem.does(vec![moved(cem.potion(0), cem.carry(0), place)]) };
    surely(&store, &drop).await;
    let cash = GoldLocation { home: dan.account(), account: GoldAccount::Cash(dan.account()) };
    surely(&store, &dan.does(vec![paid(500, dan.mint("cash-buy"), cash)])).await;
    let report = fsck::run(store.as_ref()).await.unwrap();
    assert_eq!(report.checked.findings, []);
    assert_eq!((report.checked.cash_minted, report.checked.cash_held), (500, 500));
    assert_eq!((report.checked.gold_held, report.checked.records), (5_000, 4));

    database.sql(&format!("DELETE FROM records WHERE kind = 4 AND id = {}", orphaned.0));
    database.sql(&format!(
        "UPDATE records SET bucket = (bucket + 1) % 4096 WHERE kind = 4 AND id = {}",
        misplaced.0
    ));
    database.sql(&format!("DELETE FROM purses WHERE kind = 4 AND owner = {}", robbed.0));
    database.sql(&format!("DELETE FROM items WHERE place_kind = 6 AND place_owner = {}", ground.0));
    database.sql(&format!("UPDATE purses SET balance = 501 WHERE kind = 9 AND owner = {}", dan.account().0));
    let found = findings(&store).await;
    let names = |finding: &Finding, id: u64| finding.what.contains(&format!("{id:x}"));
    one(&found, Wrong::Orphan, |finding| finding.item == Some(ana.potion(0).id));
    one(&found, Wrong::Orphan, |finding| finding.item.is_none() && names(finding, orphaned.0));
    one(&found, Wrong::Row, |finding| names(finding, misplaced.0) && finding.account == Some(ben.account()));
    one(&found, Wrong::Gold, |finding| names(finding, robbed.0));
    one(&found, Wrong::Item, |finding| finding.item == Some(cem.potion(0).id));
    one(&found, Wrong::Record, |finding| finding.account == Some(home) && names(finding, ground.0));
    one(&found, Wrong::Gold, |finding| finding.account == Some(dan.account()));
    one(&found, Wrong::Gold, |finding| finding.what.contains("cash is there"));
    everything_is_repaired(&store).await;
    let bank = ana.cargo_now(&store).await;
    assert_eq!(
        (bank.items[0], bank.gold),
        (Some(ana.potion(0)), 70),
        "what lay with nobody is its owner's again"
    );
}

async fn a_store_in_use_is_no_false_alarm(database: &Database) {
    let store = database.open().await;
    let mut players = Vec::new();
    for _ in 0..4 {
        players.push(Player::new(&store).await);
    }
    let players = Arc::new(players);
    let (over, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let playing: Vec<_> = (0..4)
        .map(|turn| {
            let (store, players) = (store.clone(), players.clone());
            let (over, count) = (over.clone(), count.clone());
            tokio::spawn(async move {
                // each pair gives a potion and gold to and fro
                let (ana, ben) = (&players[turn], &players[(turn + 1) % 4]);
                let (potion, at) = (ana.potion(63), 40 + turn as u8);
                let (mut here, mut there) = (ana.carry(63), ben.carry(at));
                let (mut payer, mut payee) = (ana, ben);
                while !over.load(Ordering::Relaxed) {
                    let moves = vec![moved(potion, here, there), paid(3, payer.purse(), payee.purse())];
                    assert!(done(&store, &transfer(&[ana, ben], moves)).await.is_ok());
                    std::mem::swap(&mut here, &mut there);
                    std::mem::swap(&mut payer, &mut payee);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for _ in 0..5 {
        let before = count.load(Ordering::Relaxed);
        stage::until("the players go on", async || count.load(Ordering::Relaxed) > before + 8).await;
        let report = fsck::run(store.as_ref()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.checked.findings);
    }
    over.store(true, Ordering::Relaxed);
    for playing in playing {
        playing.await.unwrap();
    }
    let report = fsck::run(store.as_ref()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.checked.findings);
    assert_eq!(report.checked.gold_held, 4_000);
    eprintln!("{} transfers beside the examinations", count.load(Ordering::Relaxed));
}

/// A parcel with the potion of a slot, to somebody.
async fn sent(store: &Arc<dyn Store>, from: &Player, to: &Player, slot: u8) -> (ParcelId, Transfer) {
    let (id, home) = (ParcelId(rand::random::<u64>() >> 1), to.account());
    let place = ItemLocation { home, place: ItemPlace::Parcel(id, 0) };
    let moves = vec![moved(from.potion(slot.into()), from.carry(slot), place)];
    let records = vec![put(RecordKey::Parcel(id), home, home.0, 0)];
    let send = Transfer { records, ..from.does(moves) };
    surely(store, &send).await;
    (id, send)
}

/// The potion of a slot comes out of a parcel at somebody's, back to whoever sent it.
async fn returned(store: &Arc<dyn Store>, id: ParcelId, at: &Player, to: &Player, slot: u8) -> Transfer {
    let place = ItemLocation { home: at.account(), place: ItemPlace::Parcel(id, 0) };
    let moves = vec![moved(to.potion(slot.into()), place, to.carry(slot))];
    let change = RecordChange::Remove { key: RecordKey::Parcel(id), home: at.account(), expected: 1 };
    let back = Transfer { records: vec![change], ..to.does(moves) };
    surely(store, &back).await;
    back
}

/// An entry names what its own bucket has: of a parcel it does not say who sent it. And what the ledger of one bucket says
/// is not enough: the others are asked before a row is written or ends.
async fn what_went_by_parcel_is_there_once_after_a_repair(database: Database) {
    let store = database.open().await;
    let [ana, ben] = database.two_apart(&store).await;
    // without the departure the ledger has it in both buckets, without the arrival in none
    let (left, send) = sent(&store, &ana, &ben, 0).await;
    database.lose(send.operation, "to");
    let (back, _) = sent(&store, &ben, &ana, 0).await;
    let back = returned(&store, back, &ana, &ben, 0).await;
    database.lose(back.operation, "from");
    let (came, send) = sent(&store, &ana, &ben, 1).await;
    database.lose(send.operation, "from");
    // without both no crossing tells of it, and the ledger has it where it was
    let (_, send) = sent(&store, &ben, &ana, 1).await;
    database.lose(send.operation, "to");
    database.lose(send.operation, "from");
    // an earlier repair put it back beside the one that had left
    let doubled = matches!(database, Database::Postgres(_, [_, _]));
    let (beside, send) = sent(&store, &ana, &ben, 63).await;
    if doubled {
        database.lose(send.operation, "to");
        database.lay(&ana, 63);
    }
    everything_is_repaired(&store).await;
    database.lies_once(ana.potion(0).id, 5, left.0);
    database.lies_once(ben.potion(0).id, 2, ben.hero.id.0);
    database.lies_once(ana.potion(1).id, 5, came.0);
    database.lies_once(ben.potion(1).id, 2, ben.hero.id.0);
    database.lies_once(ana.potion(63).id, 5, beside.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_loses_nothing_between_buckets() {
    what_is_lost_between_buckets_is_found(&Database::sqlite()).await;
    what_lies_with_nobody_is_found(&Database::sqlite()).await;
    a_store_in_use_is_no_false_alarm(&Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_loses_nothing_between_buckets() {
    if postgres_wanted() {
        what_is_lost_between_buckets_is_found(&Database::postgres()).await;
        what_lies_with_nobody_is_found(&Database::postgres()).await;
        a_store_in_use_is_no_false_alarm(&Database::postgres()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repair_neither_doubles_nor_destroys() {
    let mut databases = vec![Database::sqlite()];
    if postgres_wanted() {
        databases.extend([Database::one_postgres(), Database::postgres()]);
    }
    // at once: what is lost is looked for for ten seconds
    let all: Vec<_> = databases.into_iter().map(what_went_by_parcel_is_there_once_after_a_repair).collect();
    for one in all.into_iter().map(tokio::spawn).collect::<Vec<_>>() {
        one.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_on_two_shards_is_found() {
    if !postgres_wanted() {
        return;
    }
    let database = Database::postgres();
    let store = database.open().await;
    let hero = stage::living(&store).await;
    let item = hero.equip[6].unwrap();
    assert_eq!(findings(&store).await, []);
    let Database::Postgres(server, shards) = &database else { return };
    let id = format!("'{:032x}'", item.id.0);
    let count = format!("SELECT count(*) FROM items WHERE id = {id}");
    let without = shards.iter().find(|shard| server.psql(shard, &count) == "0").unwrap();
    let bucket = placement::bucket_of(hero.account);
    server.psql(
        without,
        &format!("INSERT INTO items VALUES ({id}, {bucket}, 861, '\\x000000000000', 2, 5, 0)"),
    );
    let found = findings(&store).await;
    one(&found, Wrong::Twice, |finding| finding.item == Some(item.id));
    everything_is_repaired(&store).await;
    assert_eq!(server.psql(without, &count), "0", "the one that the ledger names stays");
}
