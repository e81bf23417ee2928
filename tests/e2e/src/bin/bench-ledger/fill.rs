//! A ledger of a year: items that go from place to place, and gold that goes to others and to the world.
//!
//! The entries have the shape and the spread of real ones; they do not replay, as nobody played them.

use model::id::AccountId;
use std::sync::Arc;
use store::testing::{PgServer, stage};
use store::{Dsn, Postgres, PostgresOptions, Store};

/// Characters that the entries are about.
pub const CHARACTERS: u64 = 10_000;
/// Entries of an item, on average.
const ENTRIES_OF_ITEM: u64 = 8;
/// Numbers of the first account and of the first character.
const FIRST: u64 = 1_000_000;
/// Months of the ledger.
const MONTHS: u32 = 12;
/// Entries of one statement.
const CHUNK: u64 = 500_000;

/// A database with its server.
pub struct World {
    server: PgServer,
    /// Its address.
    pub dsn: String,
    /// How many items there are.
    pub items: u64,
    seed: u64,
}

impl World {
    /// Makes the database and fills it.
    pub async fn new(entries: u64, seed: u64) -> anyhow::Result<Self> {
        let server = PgServer::start_with(&[
            "shared_buffers=256MB",
            "maintenance_work_mem=256MB",
            "max_wal_size=2GB",
            "wal_level=minimal",
            "max_wal_senders=0",
            "full_page_writes=off",
        ]);
        let dsn = server.create_database("ledger");
        let opened = Postgres::open(PostgresOptions::new(vec![Dsn::parse(&dsn)?])).await?;
        let store: Arc<dyn Store> = Arc::new(opened);
        let model = stage::living(&store).await;
        drop(store);
        let world = Self { server, dsn, items: entries / ENTRIES_OF_ITEM, seed };
        world.people(model.account.0 as i64, model.id.0 as i64);
        let indexes = world.drop_indexes();
        for first in (0..entries).step_by(CHUNK as usize) {
            world.entries(first, entries.min(first + CHUNK), entries);
            println!("{} entries", entries.min(first + CHUNK));
        }
        for index in &indexes {
            println!("{index}");
            world.ask(index);
        }
        world.ask("ANALYZE");
        world.ask("CHECKPOINT");
        Ok(world)
    }

    fn ask(&self, sql: &str) -> String {
        self.server.psql("ledger", sql)
    }

    /// The id of an item by its number.
    pub fn item(&self, number: u64) -> u128 {
        u128::from(self.seed) << 64 | u128::from(number)
    }

    /// The name of a character by its number.
    pub fn player(number: u64) -> String {
        format!("c{}", FIRST + number)
    }

    /// Partitions that have entries.
    pub fn partitions(&self) -> u64 {
        self.ask("SELECT count(DISTINCT tableoid) FROM ledger").parse().unwrap_or_default()
    }

    /// What the database takes on the disk.
    pub fn bytes(&self) -> u64 {
        self.ask("SELECT pg_database_size(current_database())").parse().unwrap_or_default()
    }

    /// Copies of one character on accounts of their own, and months for their entries.
    fn people(&self, account: i64, character: i64) {
        let row = |number| {
            format!("({number},{},{})", FIRST + number, placement::bucket_of(AccountId(FIRST + number)))
        };
        let rows: Vec<String> = (0..CHARACTERS).map(row).collect();
        // the list is longer than an argument may be
        self.ask("CREATE TABLE people (number bigint PRIMARY KEY, id bigint, home smallint)");
        for rows in rows.chunks(2_000) {
            self.ask(&format!("INSERT INTO people VALUES {}", rows.join(",")));
        }
        self.ask(&format!(
            "INSERT INTO accounts (id, bucket, name, name_key, password_hash, created_ms) \
             SELECT n.id, n.home, 'a' || n.id, 'a' || n.id, a.password_hash, a.created_ms \
             FROM people n, accounts a WHERE a.id = {account}; \
             INSERT INTO characters SELECT (jsonb_populate_record(c, jsonb_build_object('id', n.id, 'account', n.id, \
             'bucket', n.home, 'name', 'c' || n.id, 'name_key', 'c' || n.id))).* \
             FROM people n, characters c WHERE c.id = {character}; \
             INSERT INTO character_states SELECT (jsonb_populate_record(s, jsonb_build_object('character', n.id, \
             'bucket', n.home))).* FROM people n, character_states s WHERE s.character = {character}; \
             INSERT INTO names SELECT kind, CASE kind WHEN 1 THEN 'a' ELSE 'c' END || n.id, n.id, n.id, 2, \
             gen_random_uuid(), 0 FROM people n, (VALUES (1), (2)) AS kinds (kind); \
             CREATE TABLE span AS SELECT extract(epoch FROM now() - interval '{MONTHS} months') * 1000 AS since, \
             extract(epoch FROM now()) * 1000 AS until; \
             SELECT make_ledger_partitions(since::bigint, until::bigint) FROM span"
        ));
    }

    /// Indexes are made when the table is full: what made them.
    fn drop_indexes(&self) -> Vec<String> {
        let sql = "SELECT indexname || '|' || replace(indexdef, ' ON ONLY ', ' ON ') FROM pg_indexes \
                   WHERE tablename = 'ledger' AND indexname <> 'ledger_pkey'";
        let told = self.ask(sql);
        let indexes = told.lines().filter_map(|line| line.split_once('|'));
        indexes
            .map(|(name, made)| {
                self.ask(&format!("DROP INDEX {name}"));
                made.to_owned()
            })
            .collect()
    }

    /// Six of ten entries are of items; of the gold one half goes to others and one half to the world.
    fn entries(&self, first: u64, end: u64, all: u64) {
        let Self { items, seed, .. } = self;
        let hash =
            |of: &str, salt: u64, most: u64| format!("abs(hashint8extended({of}, {}) % {most})", seed + salt);
        let (thing, other, slot) = (hash("n", 1, *items), hash("n", 2, CHARACTERS), hash("n", 3, 60));
        let (is_item, is_gift) = ("n % 10 < 6", "n % 10 < 8");
        self.ask(&format!(
            "INSERT INTO ledger (at_ms, bucket, operation, actor_kind, actor_id, reason, item, kind, effects_before, \
             effects_after, from_kind, from_owner, from_slot, to_kind, to_owner, to_slot, amount, from_balance, to_balance) \
             SELECT (span.since + (span.until - span.since) * n / {all})::bigint, p.home, gen_random_uuid(), 1, p.id, \
             CASE WHEN {is_item} THEN 'move' WHEN {is_gift} THEN 'trade' ELSE 'shop-buy' END, \
             CASE WHEN {is_item} THEN (lpad(to_hex({seed}), 16, '0') || lpad(to_hex(thing), 16, '0'))::uuid END, \
             CASE WHEN {is_item} THEN 400 + (thing % 1000)::integer END, \
             CASE WHEN {is_item} THEN '\\x000000000000'::bytea END, CASE WHEN {is_item} THEN '\\x000000000000'::bytea END, \
             2, p.id, CASE WHEN {is_item} THEN slot END, \
             CASE WHEN {is_gift} THEN 2 END, CASE WHEN {is_item} THEN p.id WHEN {is_gift} THEN q.id END, \
             CASE WHEN {is_item} THEN (slot + 1) % 60 END, \
             CASE WHEN NOT ({is_item}) THEN 10 + n % 1000 END, CASE WHEN NOT ({is_item}) THEN 100000 END, \
             CASE WHEN NOT ({is_item}) AND {is_gift} THEN 100000 END \
             FROM (SELECT n, {thing} AS thing, {other} AS other, {slot}::integer AS slot \
             FROM generate_series({first}::bigint, {end}::bigint - 1) AS n) AS drawn \
             JOIN people p ON p.number = thing % {CHARACTERS} JOIN people q ON q.number = other CROSS JOIN span ORDER BY n"
        ));
    }
}
