//! Stores over some databases, and processes that move buckets and die when they are told to.

use model::calls::database::{ChangeShards, ReadShards, ShardsChanged, ShardsReport};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::testing::{PgServer, stage};
use store::{Dsn, OpenError, Postgres, PostgresOptions, Store};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// How long a move may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

pub struct Rig {
    metadata: String,
    shards: Vec<String>,
}

impl Rig {
    /// Makes databases: the first is for the metadata, so many of the others are shards.
    pub fn new(server: &PgServer, names: &[&str], shards: usize) -> Self {
        for name in names.iter().filter(|name| server.psql("postgres", &exists(name)) == "0") {
            server.create_database(name);
        }
        let shards = names[1..=shards].iter().map(|name| server.dsn(name)).collect();
        Self { metadata: server.dsn(names[0]), shards }
    }

    /// The same metadata with another list of shards.
    pub fn with(&self, shards: &[&str]) -> Self {
        let shards = shards.iter().map(|dsn| (*dsn).to_owned()).collect();
        Self { metadata: self.metadata.clone(), shards }
    }

    pub async fn try_open(&self) -> Result<Arc<Postgres>, OpenError> {
        self.try_opened().await.map(Arc::new)
    }

    async fn try_opened(&self) -> Result<Postgres, OpenError> {
        let shards = self.shards.iter().map(|dsn| Dsn::parse(dsn).unwrap()).collect();
        let mut options = PostgresOptions::new(shards);
        options.metadata = Some(Dsn::parse(&self.metadata).unwrap());
        options.pool_size = 8;
        options.metadata_pool_size = 4;
        Postgres::open(options).await
    }

    /// A store that nobody shares yet.
    #[allow(dead_code)]
    pub async fn opened(&self) -> Postgres {
        self.try_opened().await.unwrap()
    }

    pub async fn open(&self) -> Arc<Postgres> {
        self.try_open().await.unwrap()
    }

    /// A store that believes in an old map: what is where is asked of the shards themselves.
    pub async fn open_with_map_of(&self, held: &[usize]) -> Arc<Postgres> {
        let store = self.open().await;
        store.believe_first_map(held.len());
        assert_eq!(store.buckets_by_shard(), held);
        store
    }
}

fn exists(name: &str) -> String {
    format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'")
}

pub async fn report(store: &Arc<Postgres>) -> ShardsReport {
    let deadline = Instant::now() + PATIENCE;
    loop {
        // a shard may be down at the moment
        match store.read_shards(ReadShards).await {
            Ok(report) => return report,
            Err(failure) => assert!(Instant::now() < deadline, "no report: {failure}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn order(store: &Arc<Postgres>, order: ChangeShards) -> ShardsChanged {
    store.change_shards(order).await.unwrap().unwrap()
}

pub async fn refused(store: &Arc<Postgres>, order: ChangeShards) -> String {
    store.change_shards(order).await.unwrap().unwrap_err().to_string()
}

/// Buckets of each shard.
pub async fn held(store: &Arc<Postgres>) -> Vec<usize> {
    let report = report(store).await;
    let of = |shard: u16| report.owner.iter().filter(|owner| **owner == shard).count();
    (0..report.shards.len() as u16).map(of).collect()
}

/// Some buckets of a shard.
pub async fn owned(store: &Arc<Postgres>, shard: u16, count: usize) -> Vec<u16> {
    let owner = report(store).await.owner;
    (0..4096_u16).filter(|bucket| owner[usize::from(*bucket)] == shard).take(count).collect()
}

/// Waits until no move is on; the pauses of all moves.
pub async fn settled(store: &Arc<Postgres>) -> Vec<u64> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = report(store).await;
        if report.moves.iter().all(|moved| moved.state.has_ended()) {
            return report.moves.into_iter().flat_map(|moved| moved.pauses_us).collect();
        }
        assert!(Instant::now() < deadline, "moves go on for ever: {:#?}", report.moves);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn tell(what: &str, mut pauses: Vec<u64>) {
    pauses.sort_unstable();
    let at =
        |share: f64| pauses[((pauses.len() as f64 * share) as usize).min(pauses.len() - 1)] as f64 / 1_000.0;
    eprintln!(
        "{what}: writers waited {} times: p50 {:.1} ms, p99 {:.1} ms, most {:.1} ms",
        pauses.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// No bucket is anywhere between two shards, and no trace of a move is left.
pub fn nothing_is_left(server: &PgServer, databases: &[&str]) {
    for database in databases {
        let ask = |sql: &str| server.psql(database, sql);
        assert_eq!(ask("SELECT count(*) FROM bucket_homes WHERE state <> 1"), "0", "{database}");
        assert_eq!(ask("SELECT count(*) FROM bucket_changes"), "0", "{database}");
        let prepared = "SELECT count(*) FROM pg_prepared_xacts WHERE starts_with(gid, 'wydbr:')";
        assert_eq!(ask(prepared), "0", "{database}");
        for table in ["accounts", "characters", "items", "operations", "ledger"] {
            let strays =
                format!("SELECT count(*) FROM {table} WHERE bucket NOT IN (SELECT bucket FROM bucket_homes)");
            assert_eq!(ask(&strays), "0", "{table} of {database}");
        }
        let triggers = "SELECT count(*) FROM pg_trigger WHERE tgname = 'bucket_change' AND tgenabled <> 'D'";
        assert_eq!(ask(triggers), "0", "{database} still logs changes");
    }
}

/// A process that moves buckets, and ends with this.
pub struct Carrier {
    task: JoinHandle<()>,
    reached: Arc<Notify>,
    go_on: Arc<Notify>,
}

impl Carrier {
    pub fn of(store: &Arc<Postgres>) -> Self {
        Self::with(store, Arc::default(), Arc::default())
    }

    fn with(store: &Arc<Postgres>, reached: Arc<Notify>, go_on: Arc<Notify>) -> Self {
        let mover = store.clone();
        let task = tokio::spawn(async move { mover.carry_moves_for_ever().await });
        Self { task, reached, go_on }
    }

    /// Stands still for ever when it reaches a step for the so manyth time.
    pub fn dies_at(store: &Arc<Postgres>, step: &'static str, time: usize) -> Self {
        Self::stands_at(store, step, time)
    }

    /// Stands still at the first time until it is told to go on.
    pub fn waits_at(store: &Arc<Postgres>, step: &'static str) -> Self {
        Self::stands_at(store, step, 1)
    }

    fn stands_at(store: &Arc<Postgres>, step: &'static str, time: usize) -> Self {
        let (reached, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let (said, wait, times) = (reached.clone(), go_on.clone(), Arc::new(AtomicUsize::new(0)));
        store.at_move_steps(Arc::new(move |at| {
            let (said, wait, times) = (said.clone(), wait.clone(), times.clone());
            Box::pin(async move {
                if at == step && times.fetch_add(1, Ordering::SeqCst) + 1 == time {
                    said.notify_one();
                    wait.notified().await;
                }
            })
        }));
        Self::with(store, reached, go_on)
    }

    pub async fn reached(&mut self) {
        tokio::time::timeout(PATIENCE, self.reached.notified()).await.expect("the step is reached");
    }

    pub fn go_on(&self) {
        self.go_on.notify_one();
    }

    /// Waits for the step, and kills the process there: its connections are closed where they are.
    pub async fn dead(&mut self) {
        self.reached().await;
        self.task.abort();
        stage::until("the mover is dead", async || self.task.is_finished()).await;
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}
