//! Databases with a way past the store, and watches that look all the time.

use model::calls::ledger::Finding;
use model::{AccountId, Character};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::conservation::{Options, Round, Site, Watch};
use store::testing::{PgServer, stage};
use store::{Differences, Dsn, Postgres, PostgresOptions, Sqlite, Store};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const SHARDS: [&str; 2] = ["m", "s"];

/// One database of each kind, and a way past the store.
pub enum Database {
    Sqlite(TempDir),
    Postgres(PgServer, Vec<String>),
}

impl Database {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// Two shards.
    pub fn postgres() -> Self {
        let server = PgServer::start();
        let dsns = SHARDS.map(|name| server.create_database(name)).to_vec();
        Self::Postgres(server, dsns)
    }

    pub async fn open(&self) -> (Arc<dyn Store>, Arc<dyn Site>) {
        match self {
            Self::Sqlite(_) => {
                let store = Arc::new(Sqlite::open(&self.file()).unwrap());
                (store.clone(), store)
            }
            Self::Postgres(_, dsns) => {
                let shards = dsns.iter().map(|dsn| Dsn::parse(dsn).unwrap()).collect();
                let store = Arc::new(Postgres::open(PostgresOptions::new(shards)).await.unwrap());
                (store.clone(), store)
            }
        }
    }

    fn file(&self) -> PathBuf {
        let Self::Sqlite(folder) = self else { panic!("no file") };
        folder.path().join("wydbr.sqlite")
    }

    /// Where a hero is at home.
    pub fn sql_of(&self, hero: &Character, sql: &str) {
        match self {
            Self::Sqlite(_) => {
                let connection = rusqlite::Connection::open(self.file()).unwrap();
                connection.busy_timeout(Duration::from_secs(10)).unwrap();
                connection.execute_batch(sql).unwrap();
            }
            Self::Postgres(server, _) => {
                let there = format!("SELECT count(*) FROM characters WHERE id = {}", hero.id.0);
                let shard = SHARDS.into_iter().find(|shard| server.psql(shard, &there) == "1").unwrap();
                server.psql(shard, sql);
            }
        }
    }

    /// A 128-bit id as a literal.
    pub fn id(&self, id: u128) -> String {
        match self {
            Self::Sqlite(_) => format!("X'{id:032x}'"),
            Self::Postgres(..) => format!("'{id:032x}'"),
        }
    }

    /// Bytes as a literal.
    pub fn bytes(&self, hex: &str) -> String {
        match self {
            Self::Sqlite(_) => format!("X'{hex}'"),
            Self::Postgres(..) => format!("'\\x{hex}'"),
        }
    }
}

/// What all looks came to.
#[derive(Default)]
pub struct Seen {
    alarms: Vec<Finding>,
    /// The last look at each shard.
    last: BTreeMap<u16, Round>,
    pub looks: usize,
    pub failed: usize,
    pub cleared: usize,
    took: Duration,
}

impl Seen {
    pub fn told(&self) -> String {
        let circles: Vec<_> = self.last.values().map(|round| round.circle).collect();
        let mean = self.took / self.looks.max(1) as u32;
        format!(
            "{} looks of {mean:?} on the average, {} cleared; circles {circles:?}",
            self.looks, self.cleared
        )
    }
}

/// Looks at all shards until it ends.
pub struct Guard {
    seen: Arc<Mutex<Seen>>,
    over: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<()>>,
    shards: usize,
}

impl Guard {
    pub fn stands(site: Arc<dyn Site>, options: Options) -> Self {
        let (seen, over) = (Arc::<Mutex<Seen>>::default(), Arc::<AtomicBool>::default());
        let shards = site.shards();
        let (noted, ended) = (seen.clone(), over.clone());
        let stand = move |shard: &u16| {
            let (site, seen, over, shard) = (site.clone(), noted.clone(), ended.clone(), *shard);
            tokio::spawn(async move {
                let mut watch = Watch::new(shard);
                while !over.load(Ordering::SeqCst) {
                    let looked = watch.look(site.as_ref(), options).await;
                    let mut pause = options.every;
                    {
                        let mut seen = seen.lock();
                        seen.looks += 1;
                        match looked {
                            Ok(round) => {
                                seen.alarms.extend(round.fresh.iter().cloned());
                                seen.cleared += round.cleared;
                                seen.took += round.took;
                                if round.watched < round.at_home {
                                    pause /= 3;
                                }
                                pause = pause.saturating_sub(round.took);
                                seen.last.insert(shard, round);
                            }
                            Err(_) => seen.failed += 1,
                        }
                    }
                    tokio::time::sleep(pause).await;
                }
            })
        };
        let tasks = shards.iter().map(stand).collect();
        Self { seen, over, tasks, shards: shards.len() }
    }

    pub async fn has_all_books(&self) {
        stage::until("every bucket has its book", async || self.all_have_books()).await;
    }

    pub fn all_have_books(&self) -> bool {
        let last = &self.seen.lock().last;
        last.len() == self.shards
            && last.values().all(|round| round.watched == round.at_home && round.watched > 0)
    }

    pub fn alarms(&self) -> Vec<Finding> {
        self.seen.lock().alarms.clone()
    }

    /// Accounts that hold what is wrong now.
    pub fn accounts(&self) -> BTreeSet<AccountId> {
        self.seen.lock().last.values().flat_map(|round| round.accounts.clone()).collect()
    }

    pub fn differences(&self) -> Differences {
        let mut all = Differences::default();
        self.seen.lock().last.values().for_each(|round| all.add(&round.differences));
        all
    }

    pub async fn ends(self) -> Seen {
        self.over.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
        std::mem::take(&mut *self.seen.lock())
    }

    /// It has looked at everything, there was no alarm, and no book was wrong.
    pub async fn saw_nothing(self) {
        self.has_all_books().await;
        let before = self.seen.lock().looks;
        stage::until("it looks on", async || self.seen.lock().looks > before + 2 * self.shards).await;
        let seen = self.ends().await;
        eprintln!("{}; {} failed", seen.told(), seen.failed);
        assert_eq!(seen.alarms, []);
        assert_eq!(seen.cleared, 0, "every book was right");
    }
}
