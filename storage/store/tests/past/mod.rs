//! A way past the store: what is planted there `fsck` has to find.
#![allow(clippy::unwrap_used, dead_code)]

use std::path::PathBuf;
use std::sync::Arc;
use store::testing::PgServer;
use store::{Dsn, Postgres, PostgresOptions, Sqlite, Store};
use tempfile::TempDir;

/// One database of each kind, and a way past the store.
pub enum Database {
    Sqlite(TempDir),
    Postgres(PgServer, Vec<String>),
}

impl Database {
    pub fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// Two shards: what belongs together is in different databases for some.
    pub fn postgres() -> Self {
        let server = PgServer::start();
        let dsns = ["m", "s"].map(|name| server.create_database(name)).to_vec();
        Self::Postgres(server, dsns)
    }

    pub async fn open(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(_) => Arc::new(Sqlite::open(&self.file()).unwrap()),
            Self::Postgres(_, dsns) => {
                let shards = dsns.iter().map(|dsn| Dsn::parse(dsn).unwrap()).collect();
                Arc::new(Postgres::open(PostgresOptions::new(shards)).await.unwrap())
            }
        }
    }

    pub fn file(&self) -> PathBuf {
        let Self::Sqlite(folder) = self else { panic!("no file") };
        folder.path().join("wydbr.sqlite")
    }

    /// On every shard.
    pub fn sql(&self, sql: &str) {
        match self {
            Self::Sqlite(_) => rusqlite::Connection::open(self.file()).unwrap().execute_batch(sql).unwrap(),
            Self::Postgres(server, _) => {
                ["m", "s"].into_iter().for_each(|shard| drop(server.psql(shard, sql)))
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
}
