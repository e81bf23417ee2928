//! One PostgreSQL with two databases of the same content: one for us, one for pgbench.

use anyhow::Context;
use model::id::{AccountId, CharacterId};
use std::sync::Arc;
use store::testing::{PgServer, stage};
use store::{Dsn, Postgres, PostgresOptions, Store};

/// Characters; each buys into one slot of its empty bag after the other.
pub const CHARACTERS: u64 = 10_000;
/// Slots that are bought into.
const SLOTS: u64 = 60;
/// Numbers of the first account and of the first character.
pub const FIRST: u64 = 1_000_000;
/// As loaded.
pub const EPOCH: u64 = 1;
/// Rows of one statement.
const CHUNK: u64 = 2_000;

/// The server and its databases.
pub struct World {
    /// A server that syncs what it commits.
    pub server: PgServer,
    /// Our database.
    pub ours: String,
    rounds: u32,
}

/// The place that a purchase goes to; none is used twice.
#[derive(Clone, Copy)]
pub struct Place {
    /// Number of the account and of the character.
    pub id: u64,
    /// Slot of the bag.
    pub slot: u8,
}

impl World {
    /// Fills the databases.
    pub async fn new(rounds: u32) -> anyhow::Result<Self> {
        let server = PgServer::start_with(&[
            "fsync=on",
            "synchronous_commit=on",
            "shared_buffers=256MB",
            "max_wal_size=4GB",
            "max_connections=300",
        ]);
        let ours = server.create_database("ours");
        let opened = Postgres::open(PostgresOptions::new(vec![Dsn::parse(&ours)?])).await?;
        let store: Arc<dyn Store> = Arc::new(opened);
        let model = stage::living(&store).await;
        drop(store);
        for first in (0..CHARACTERS).step_by(CHUNK as usize) {
            fill(&server, first, model.account, model.id);
        }
        server.psql("ours", OPENING);
        // no connection may be left for a copy
        let copy = || {
            std::panic::AssertUnwindSafe(|| server.psql("postgres", "CREATE DATABASE theirs TEMPLATE ours"))
        };
        let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = 'ours'";
        server.psql("postgres", end);
        std::panic::catch_unwind(copy()).ok().context("a copy of the database")?;
        for database in ["ours", "theirs"] {
            server.psql(database, "VACUUM ANALYZE");
        }
        server.psql("ours", "CHECKPOINT");
        Ok(Self { server, ours, rounds })
    }

    /// Places of one round.
    pub fn places_of_a_round(&self) -> u64 {
        CHARACTERS * (SLOTS / u64::from(self.rounds))
    }

    /// The first place of a round.
    pub fn first_place(&self, round: u32) -> u64 {
        self.places_of_a_round() * u64::from(round)
    }
}

impl Place {
    /// By its number; pgbench counts the same way.
    pub fn number(number: u64) -> Self {
        Self { id: FIRST + number % CHARACTERS, slot: (2 + number / CHARACTERS) as u8 }
    }
}

/// Copies of one character on accounts of their own, with empty bags and much gold.
fn fill(server: &PgServer, first: u64, account: AccountId, character: CharacterId) {
    let rows: Vec<String> = (first..CHARACTERS.min(first + CHUNK))
        .map(|number| format!("({},{})", FIRST + number, placement::bucket_of(AccountId(FIRST + number))))
        .collect();
    let rows = rows.join(",");
    let (account, character) = (account.0 as i64, character.0 as i64);
    server.psql("ours", &format!(
        "CREATE TEMP TABLE new (id, bucket) AS VALUES {rows}; \
         INSERT INTO accounts (id, bucket, name, name_key, password_hash, created_ms) \
         SELECT n.id, n.bucket, 'a' || n.id, 'a' || n.id, a.password_hash, a.created_ms \
         FROM new n, accounts a WHERE a.id = {account}; \
         INSERT INTO characters SELECT (jsonb_populate_record(c, jsonb_build_object('id', n.id, 'account', n.id, \
         'bucket', n.bucket, 'name', 'c' || n.id, 'name_key', 'c' || n.id, 'gold', 1000000000, 'epoch', {EPOCH}, \
         'owner', 'tmsrv-1'))).* FROM new n, characters c WHERE c.id = {character}; \
         INSERT INTO character_states SELECT (jsonb_populate_record(s, jsonb_build_object('character', n.id, \
         'bucket', n.bucket))).* FROM new n, character_states s WHERE s.character = {character}; \
         INSERT INTO names SELECT kind, CASE kind WHEN 1 THEN 'a' ELSE 'c' END || n.id, n.id, n.id, 2, \
         gen_random_uuid(), 0 FROM new n, (VALUES (1), (2)) AS kinds (kind)"
    ));
}

/// What the ledger says about gold that nobody moved.
const OPENING: &str = "INSERT INTO ledger \
    (at_ms, bucket, actor_kind, actor_name, reason, amount, to_kind, to_owner, to_balance) \
    SELECT 0, bucket, 3, 'migration', 'opening', gold, 2, id, gold FROM characters WHERE id BETWEEN 1000000 AND 2000000";
