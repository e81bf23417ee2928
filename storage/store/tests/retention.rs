//! The ledger by time: what is past the retention is removed, and everything is proved as before, on both databases.

#![allow(clippy::unwrap_used)]

#[path = "retention/beside.rs"]
mod beside;
#[path = "moves/rig.rs"]
#[allow(dead_code, reason = "the tests of moves use the rest")]
mod rig;

use model::OperationId;
use model::calls::database::{ItemHistory, PlayerLedger};
use model::calls::ledger::{Finding, RETENTION, Wrong};
use model::calls::shards::ChangeShards;
use model::character::Progress;
use model::ledger::{Change, Entry};
use model::transfer::Transfer;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rig::{Carrier, Rig, order, settled};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::testing::stage::economy::{Player, moved, paid, progress_of, surely, transfer};
use store::testing::{PgServer, postgres_wanted};
use store::{Dsn, Postgres, PostgresOptions, Sqlite, Store, Trimmed, fsck};
use tempfile::TempDir;

const DAY_MS: i64 = 86_400_000;
/// As an operator might set it.
const MONTH: Option<Duration> = Some(Duration::from_secs(30 * 86_400));
/// Surely past that, wherever in its month today is.
const OLD_DAYS: i64 = 100;

/// One database of each kind, and a way past the store.
enum Database {
    Sqlite(TempDir),
    Postgres(PgServer),
}

/// A store that can be trimmed.
#[derive(Clone)]
enum Kept {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
}

impl Kept {
    fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => store.clone(),
            Self::Postgres(store) => store.clone(),
        }
    }

    async fn trim_once(&self) -> Trimmed {
        match self {
            Self::Sqlite(store) => store.trim_ledger(MONTH).await,
            Self::Postgres(store) => store.trim_ledger(MONTH).await,
        }
    }

    /// Until there is nothing more to do; entries folded, and why something stays.
    async fn trim(&self) -> (u64, Vec<String>) {
        let mut folded = 0;
        for _ in 0..1_000 {
            let trimmed = self.trim_once().await;
            folded += trimmed.folded;
            if !trimmed.more {
                return (folded, trimmed.kept);
            }
        }
        panic!("it never ends")
    }
}

impl Database {
    fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    fn postgres() -> Self {
        let server = PgServer::start();
        ["m", "s"].iter().for_each(|name| drop(server.create_database(name)));
        Self::Postgres(server)
    }

    fn file(folder: &TempDir) -> PathBuf {
        folder.path().join("wydbr.sqlite")
    }

    async fn open(&self) -> Kept {
        match self {
            Self::Sqlite(folder) => Kept::Sqlite(Arc::new(Sqlite::open(&Self::file(folder)).unwrap())),
            Self::Postgres(server) => {
                let shards = ["m", "s"].iter().map(|name| Dsn::parse(&server.dsn(name)).unwrap()).collect();
                Kept::Postgres(Arc::new(Postgres::open(PostgresOptions::new(shards)).await.unwrap()))
            }
        }
    }

    /// On every shard.
    fn sql(&self, sql: &str) {
        match self {
            Self::Sqlite(folder) => {
                rusqlite::Connection::open(Self::file(folder)).unwrap().execute_batch(sql).unwrap();
            }
            Self::Postgres(server) => ["m", "s"].iter().for_each(|shard| drop(server.psql(shard, sql))),
        }
    }

    /// A number, summed over all shards.
    fn count(&self, sql: &str) -> i64 {
        match self {
            Self::Sqlite(folder) => {
                let connection = rusqlite::Connection::open(Self::file(folder)).unwrap();
                connection.query_row(sql, [], |row| row.get(0)).unwrap()
            }
            Self::Postgres(server) => {
                ["m", "s"].iter().map(|shard| server.psql(shard, sql).parse::<i64>().unwrap()).sum()
            }
        }
    }

    /// A 128-bit id as a literal.
    fn id(&self, id: u128) -> String {
        match self {
            Self::Sqlite(_) => format!("X'{id:032x}'"),
            Self::Postgres(_) => format!("'{id:032x}'"),
        }
    }

    /// The beginning of what a month of retention keeps now.
    fn horizon(&self) -> i64 {
        match self {
            Self::Sqlite(_) => {
                self.count(&format!("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) - 30 * {DAY_MS}"))
            }
            Self::Postgres(server) => {
                let sql = "SELECT (extract(epoch FROM date_trunc('month', \
                           (now() - interval '30 days') AT TIME ZONE 'UTC')) * 1000)::bigint";
                server.psql("m", sql).parse().unwrap()
            }
        }
    }

    /// Lets entries be so many days older, as no program can; outcomes of operations too.
    fn age(&self, days: i64, which: &str) {
        self.shift(days * DAY_MS, which);
    }

    /// Lets entries be so many milliseconds older.
    fn shift(&self, by: i64, which: &str) {
        let (off, on) = match self {
            Self::Sqlite(_) => (
                "DROP TRIGGER ledger_append_only",
                "CREATE TRIGGER ledger_append_only BEFORE UPDATE ON ledger \
                 BEGIN SELECT RAISE(ABORT, 'an entry of the ledger is never changed'); END",
            ),
            Self::Postgres(_) => (
                "ALTER TABLE ledger DISABLE TRIGGER ledger_append_only",
                "ALTER TABLE ledger ENABLE TRIGGER ledger_append_only",
            ),
        };
        self.sql(&format!(
            "{off}; UPDATE ledger SET at_ms = at_ms - {by} WHERE {which}; {on}; \
             UPDATE operations SET at_ms = at_ms - {by} WHERE operation IN (SELECT operation FROM ledger WHERE {which})"
        ));
    }

    /// The months of old entries.
    fn make_old_months(&self) {
        if let Self::Postgres(_) = self {
            self.sql(&format!(
                "SELECT make_ledger_partitions(now_ms - {by}, now_ms) \
                 FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now_ms) AS clock",
                by = (OLD_DAYS + 1) * DAY_MS
            ));
        }
    }
}

async fn clean(store: &Arc<dyn Store>) -> fsck::Report {
    let report = fsck::run(store.as_ref()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.checked.findings);
    report
}

async fn findings(store: &Arc<dyn Store>) -> Vec<Finding> {
    fsck::run(store.as_ref()).await.unwrap().checked.findings
}

/// Exactly one finding of that kind is about what `is_it` says.
fn one(findings: &[Finding], wrong: Wrong, is_it: impl Fn(&Finding) -> bool) {
    let found = findings.iter().filter(|finding| finding.wrong == wrong && is_it(finding)).count();
    assert_eq!(found, 1, "{wrong:?} among {findings:#?}");
}

async fn life(store: &Arc<dyn Store>, item: model::ItemId) -> Vec<Entry> {
    store.item_history(ItemHistory { item, limit: 100 }).await.unwrap()
}

/// Players in different buckets, each pair with a potion and ten gold given from the first to the second; the ids of all
/// these operations begin alike.
async fn gifts(store: &Arc<dyn Store>, count: usize) -> Vec<([Player; 2], Transfer)> {
    let mut given = Vec::new();
    for _ in 0..count {
        let [ana, ben] = Player::two(store).await;
        let moves =
            vec![moved(ana.potion(0), ana.carry(0), ben.carry(9)), paid(10, ana.purse(), ben.purse())];
        let operation = OperationId((rand::random::<u128>() >> 8) | (7 << 120));
        let gift = Transfer { operation, ..transfer(&[&ana, &ben], moves) };
        surely(store, &gift).await;
        given.push(([ana, ben], gift));
    }
    given
}

fn at_level(player: &Player, level: u16) -> Progress {
    Progress { level, ..player.hero.hard.progress() }
}

async fn nothing_that_was_proved_is_lost(database: &Database) {
    let kept = database.open().await;
    let store = kept.store();
    let given = gifts(&store, 5).await;
    // one becomes something else, twice long ago
    let grown = &given[0].0[0];
    for level in [1, 2] {
        grown.grows(&store, at_level(grown, level)).await;
    }
    database.make_old_months();
    database.age(OLD_DAYS, "true");
    database.sql(&format!("UPDATE character_states SET since_ms = since_ms - {}", OLD_DAYS * DAY_MS));
    let now_ms = grown.grows(&store, at_level(grown, 3)).await;
    let known = database.count("SELECT count(*) FROM characters") + 1;
    let before = clean(&store).await.checked;
    let old = database.count("SELECT count(*) FROM ledger");
    // one goes on since
    let ([ana, ben], _) = &given[0];
    let back = transfer(&[ana, ben], vec![moved(ana.potion(0), ben.carry(9), ana.carry(5))]);
    surely(&store, &back).await;

    let (folded, stays) = kept.trim().await;
    assert_eq!((folded as i64, stays), (old, vec![]));
    assert_eq!(database.count("SELECT count(*) FROM ledger"), 2, "the two sides of what goes on");
    assert_eq!(database.count("SELECT count(*) FROM operations WHERE kind LIKE 'transfer%'"), 2);
    if let Database::Postgres(_) = database {
        let months = "SELECT count(*) FROM pg_inherits WHERE inhparent = 'ledger'::regclass";
        let found = database.count(months);
        // of each shard the month that the retention reaches into, this one, three or four ahead, and a default one
        assert!((10..=14).contains(&found), "{found}");
    }
    assert_eq!(kept.trim().await, (0, vec![]), "done is done");
    let after = clean(&store).await.checked;
    assert_eq!(after.entries, 2);
    let of = format!("SELECT count(*) FROM character_states WHERE character = {}", grown.hero.id.0);
    assert_eq!(database.count(&of), 2, "what it is, and the newest that is past the retention");
    let then = progress_of(&store, &grown.hero, now_ms - 1).await;
    assert_eq!(then.then, Some(at_level(grown, 2)), "any time within the retention is known");
    assert!(progress_of(&store, &grown.hero, then.horizon_ms.unwrap()).await.then.is_some());
    let all = database.count("SELECT count(*) FROM character_states");
    assert_eq!(all, known, "of everybody else the only one stays");
    assert!(after.base > 20);
    let gold = |checked: &model::calls::database::Checked| {
        (checked.gold_held, checked.gold_minted, checked.gold_burned, checked.items)
    };
    assert_eq!(gold(&after), gold(&before));

    let [base, left, arrived] = <[Entry; 3]>::try_from(life(&store, ana.potion(0).id).await).unwrap();
    assert_eq!((base.reason.as_str(), base.entry, base.operation), (RETENTION, 0, None));
    assert!(base.at_ms < left.at_ms && left.operation == arrived.operation);
    let resting = &given[1].0[0].hero;
    let entries = life(&store, resting.equip.iter().flatten().next().unwrap().id).await;
    let [base] = <[Entry; 1]>::try_from(entries).unwrap();
    let Change::Item { before: None, after: Some(state), .. } = base.change else { panic!("{base:?}") };
    assert!(state.place.to_string().contains(&resting.id.to_string()), "{state:?}");

    // life goes on from the base, and what does not follow from it is found
    surely(&store, &transfer(&[ana, ben], vec![paid(3, ana.purse(), ben.purse())])).await;
    clean(&store).await;
    let [cem, dan] = &given[2].0;
    let item = cem.potion(1).id;
    database.sql(&format!("UPDATE items SET place_slot = 20 WHERE id = {}", database.id(item.0)));
    database.sql(&format!("UPDATE characters SET gold = gold + 1 WHERE id = {}", dan.hero.id.0));
    database.sql(&format!("UPDATE characters SET level = level + 1 WHERE id = {}", resting.id.0));
    let found = findings(&store).await;
    one(&found, Wrong::Row, |finding| finding.character == Some(resting.id));
    one(&found, Wrong::Item, |finding| finding.item == Some(item));
    one(&found, Wrong::Gold, |finding| finding.character == Some(dan.hero.id));
}

/// What was lost between two buckets is found when both have left it behind, and what lies astride the horizon, one side
/// before it and one after, is not taken for lost.
async fn what_is_lost_stays_lost(database: &Database) {
    let kept = database.open().await;
    let store = kept.store();
    let given = gifts(&store, 4).await;
    let of = |gift: &Transfer, way: &str| {
        format!("operation = {} AND item IS NOT NULL AND {way}", database.id(gift.operation.0))
    };
    let (lost, astride) = (&given[0], &given[1]);
    database.age(OLD_DAYS, "true");
    database.sql(&format!("DELETE FROM ledger WHERE {}", of(&lost.1, "from_kind = 8")));
    // the one arrives a few minutes after the horizon that is to be, the other left before it
    let arrives = database.horizon() + 300_000;
    let arrived = of(&astride.1, "from_kind = 8");
    let by = database.count(&format!("SELECT COALESCE(sum(at_ms), 0) FROM ledger WHERE {arrived}")) - arrives;
    database.shift(by, &arrived);
    let (folded, stays) = kept.trim().await;
    assert!(folded > 0 && stays.is_empty(), "{stays:?}");
    assert_eq!(database.count(&format!("SELECT count(*) FROM ledger WHERE {arrived}")), 1);
    assert_eq!(database.count("SELECT count(*) FROM ledger"), 1);

    let found = findings(&store).await;
    one(&found, Wrong::Item, |finding| finding.item == Some(lost.0[0].potion(0).id));
    one(&found, Wrong::Crossing, |finding| finding.what.contains("does not add up"));
    assert_eq!(found.len(), 2, "{found:#?}");
}

async fn what_does_not_add_up_is_kept(database: &Database) {
    let kept = database.open().await;
    let store = kept.store();
    let given = gifts(&store, 3).await;
    database.make_old_months();
    database.age(OLD_DAYS, "true");
    let ana = &given[0].0[0];
    let (id, bucket) = (ana.hero.id.0, placement::bucket_of(ana.account()));
    database.sql(&format!("DELETE FROM ledger WHERE to_owner = {id} AND amount = 1000"));
    let broken = database.count(&format!("SELECT count(*) FROM ledger WHERE bucket = {bucket}"));
    let all = database.count("SELECT count(*) FROM ledger");
    let before = findings(&store).await;
    one(&before, Wrong::Ledger, |finding| finding.character == Some(ana.hero.id));

    let (folded, stays) = kept.trim().await;
    assert_eq!(folded as i64, all - broken);
    assert_eq!(stays.len(), 1, "{stays:?}");
    assert!(stays[0].contains(&format!("bucket {bucket}:")), "{stays:?}");
    assert_eq!(
        database.count(&format!("SELECT count(*) FROM ledger WHERE bucket = {bucket}")),
        broken,
        "all that tells what happened is there"
    );
    let after = findings(&store).await;
    one(&after, Wrong::Ledger, |finding| finding.character == Some(ana.hero.id));
    assert_eq!(after.len(), before.len(), "{after:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_forgets_nothing_that_it_proved() {
    nothing_that_was_proved_is_lost(&Database::sqlite()).await;
    what_does_not_add_up_is_kept(&Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_forgets_nothing_that_it_proved() {
    if postgres_wanted() {
        nothing_that_was_proved_is_lost(&Database::postgres()).await;
        what_does_not_add_up_is_kept(&Database::postgres()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_finds_what_was_lost_long_ago() {
    what_is_lost_stays_lost(&Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_finds_what_was_lost_long_ago() {
    if postgres_wanted() {
        what_is_lost_stays_lost(&Database::postgres()).await;
    }
}

/// Two processes trim, each dies at any moment and begins anew, while players play.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_trim_and_die_nothing_is_done_twice() {
    if !postgres_wanted() {
        return;
    }
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let database = Database::postgres();
    let trimmers = [database.open().await, database.open().await];
    let store = trimmers[0].store();
    let given = gifts(&store, 8).await;
    database.age(OLD_DAYS, "true");
    let before = clean(&store).await.checked;
    let ([ana, ben], _) = &given[0];
    for turn in 0..12_usize {
        let lives = trimmers.clone().map(|kept| tokio::spawn(async move { kept.trim_once().await }));
        for _ in 0..dice.random_range(0..4) {
            surely(&store, &transfer(&[ana, ben], vec![paid(1, ana.purse(), ben.purse())])).await;
        }
        lives[turn % 2].abort();
        for life in lives {
            let died = life.await.is_err_and(|error| error.is_panic());
            assert!(!died, "seed {seed}");
        }
    }
    trimmers[1].trim().await;
    let after = clean(&store).await.checked;
    assert_eq!(after.gold_minted, before.gold_minted, "seed {seed}");
    assert!(after.entries < before.entries, "seed {seed}");
    let old = "SELECT count(*) FROM ledger WHERE at_ms < (SELECT max(until_ms) FROM ledger_horizons)";
    assert_eq!(database.count(old), 0, "seed {seed}");
}

/// A month that was not made stops nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_month_stops_nobody() {
    if !postgres_wanted() {
        return;
    }
    let database = Database::postgres();
    let kept = database.open().await;
    let store = kept.store();
    database.sql(
        "DO $$ BEGIN EXECUTE 'DROP TABLE ledger_' || to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM'); END $$",
    );
    let given = gifts(&store, 2).await;
    let strays = database.count("SELECT count(*) FROM ledger_default");
    assert_eq!(strays, database.count("SELECT count(*) FROM ledger"));
    clean(&store).await;
    let ana = &given[0].0[0];
    let request = PlayerLedger { account: ana.account(), character: ana.hero.id, before: None, limit: 100 };
    assert!(store.player_ledger(request).await.unwrap().len() > 3);
    // the others are made all the same, and what is old goes from there too
    database.sql(
        "DO $$ BEGIN EXECUTE 'DROP TABLE ledger_' || \
                  to_char((now() AT TIME ZONE 'UTC') + interval '2 months', 'YYYY_MM'); END $$",
    );
    let Kept::Postgres(postgres) = &kept else { return };
    let trimmed = postgres.trim_ledger(None).await;
    // a shard without any entry yet gets this month too
    assert!((2..=3).contains(&trimmed.made) && trimmed.kept.is_empty(), "{trimmed:?}");
    assert!(trimmed.oldest_ms.is_some_and(|age| (0..600_000).contains(&age)), "{trimmed:?}");
    database.age(OLD_DAYS, "true");
    let (folded, stays) = kept.trim().await;
    assert_eq!((folded as i64, stays), (strays, vec![]));
    assert_eq!(database.count("SELECT count(*) FROM ledger"), 0);
    clean(&store).await;
}

/// Buckets move with their bases, and with months that the other shard does not have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_base_moves_with_its_bucket() {
    if !postgres_wanted() {
        return;
    }
    let server = PgServer::start();
    let rig = Rig::new(&server, &["m", "s0", "s1"], 2);
    let moving = rig.open().await;
    let (store, kept): (Arc<dyn Store>, _) = (moving.clone(), Kept::Postgres(moving.clone()));
    let given = gifts(&store, 6).await;
    let by = OLD_DAYS * DAY_MS;
    let age = |shard: &str, days: i64| {
        server.psql(shard, &format!(
            "ALTER TABLE ledger DISABLE TRIGGER ledger_append_only; UPDATE ledger SET at_ms = at_ms - {days} * {DAY_MS}::bigint; \
             ALTER TABLE ledger ENABLE TRIGGER ledger_append_only; UPDATE operations SET at_ms = at_ms - {days} * {DAY_MS}::bigint"
        ))
    };
    ["s0", "s1"].iter().for_each(|shard| drop(age(shard, OLD_DAYS)));
    assert!(kept.trim().await.0 > 0);
    // further entries in a month that only one of the shards has
    for ([ana, ben], _) in &given {
        surely(&store, &transfer(&[ana, ben], vec![paid(1, ana.purse(), ben.purse())])).await;
    }
    let months = format!(
        "SELECT make_ledger_partitions(at - {by}, at) FROM (SELECT \
                          (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS at) AS clock"
    );
    server.psql("s0", &months);
    ["s0", "s1"].iter().for_each(|shard| drop(age(shard, 40)));
    clean(&store).await;
    let carrier = Carrier::of(&moving);
    let players = given.iter().flat_map(|(pair, _)| pair);
    let theirs: BTreeSet<u16> = players.map(|player| placement::bucket_of(player.account())).collect();
    for (shard, to) in [(0, 1), (1, 0)] {
        let mut buckets = rig::owned(&moving, shard, 4096).await;
        buckets.retain(|bucket| theirs.contains(bucket));
        order(&moving, ChangeShards::Move { buckets, to }).await;
        settled(&moving).await;
        clean(&store).await;
        for ([ana, ben], _) in &given {
            surely(&store, &transfer(&[ana, ben], vec![paid(1, ana.purse(), ben.purse())])).await;
        }
    }
    rig::nothing_is_left(&server, &["s0", "s1"]);
    for table in ["ledger_horizons", "ledger_base_items", "ledger_base_purses", "ledger_base_sums"] {
        let strays =
            format!("SELECT count(*) FROM {table} WHERE bucket NOT IN (SELECT bucket FROM bucket_homes)");
        assert_eq!(["s0", "s1"].map(|shard| server.psql(shard, &strays)), ["0", "0"], "{table}");
    }
    assert_eq!(server.psql("s1", "SELECT count(*) FROM ledger_default"), "0", "months were made there");
    drop(carrier);
    let (_, stays) = kept.trim().await;
    assert_eq!(stays, [""; 0]);
    clean(&store).await;
}

async fn an_older_ledger_becomes_one_by_time(database: &Database) {
    let kept = database.open().await;
    let store = kept.store();
    let given = gifts(&store, 3).await;
    database.age(OLD_DAYS, "amount IS NOT NULL");
    let item = given[0].0[0].potion(0).id;
    let before = life(&store, item).await;
    let report = clean(&store).await;
    drop((store, kept));
    let bases = "DROP TABLE ledger_horizons; DROP TABLE ledger_base_items; DROP TABLE ledger_base_purses; \
                 DROP TABLE ledger_base_sums; DROP TABLE character_states; \
                 ALTER TABLE characters DROP COLUMN soft_epoch; ALTER TABLE characters DROP COLUMN soft_number; \
                 ALTER TABLE characters DROP COLUMN former_owner;";
    let old = include_str!("../migrations/shard/V2__ledger.sql");
    let (from, to) = (old.find("CREATE TABLE ledger").unwrap(), old.find("CREATE FUNCTION").unwrap());
    database.sql(&match database {
        Database::Sqlite(_) => format!(
            "{bases} DROP INDEX ledger_bucket; CREATE INDEX ledger_bucket ON ledger (bucket); \
             DROP TABLE wishes; DROP TABLE drained_nodes; DROP TABLE placed_zones; DROP TABLE wish_log; DROP TABLE cut_zones; \
             DROP TABLE instance_guests; DROP TABLE instances; DROP TABLE instance_openings; DROP TABLE instance_rules; \
             DROP TABLE zone_costs; DROP TABLE counted_zones; DROP TABLE counted_nodes; DROP TABLE populations; \
             DELETE FROM refinery_schema_history WHERE version >= 4"
        ),
        Database::Postgres(_) => format!(
            "{bases} CREATE TABLE entries AS SELECT * FROM ledger; DROP TABLE ledger; \
             DROP FUNCTION make_ledger_partitions; {} \
             CREATE TRIGGER ledger_append_only BEFORE UPDATE ON ledger \
             FOR EACH ROW EXECUTE FUNCTION ledger_is_append_only(); \
             INSERT INTO ledger OVERRIDING SYSTEM VALUE SELECT * FROM entries; DROP TABLE entries; \
             SELECT setval(pg_get_serial_sequence('ledger', 'entry'), (SELECT max(entry) FROM ledger)); \
             DELETE FROM wydbr_shard_migrations WHERE version >= 5",
            &old[from..to]
        ),
    });
    let kept = database.open().await;
    let store = kept.store();
    assert_eq!(life(&store, item).await, before, "entries keep their numbers");
    assert_eq!(clean(&store).await.checked, report.checked);
    let hero = &given[0].0[0].hero;
    let known = progress_of(&store, hero, i64::MAX).await;
    assert_eq!(known.then, Some(hero.hard.progress()));
    assert_eq!(known.first, Some((known.newest_ms, "opening".to_owned())), "its history begins");
    if let Database::Postgres(_) = database {
        assert_eq!(database.count("SELECT count(*) FROM ledger_default"), 0, "old months were made");
    }
    let ([ana, ben], _) = &given[0];
    surely(&store, &transfer(&[ana, ben], vec![moved(ana.potion(0), ben.carry(9), ana.carry(5))])).await;
    let now = life(&store, item).await;
    assert_eq!(now.len(), before.len() + 2);
    assert!(now.iter().skip(before.len()).all(|entry| entry.entry > 0));
    clean(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_ledger_is_copied() {
    an_older_ledger_becomes_one_by_time(&Database::sqlite()).await;
    if postgres_wanted() {
        an_older_ledger_becomes_one_by_time(&Database::postgres()).await;
    }
}
