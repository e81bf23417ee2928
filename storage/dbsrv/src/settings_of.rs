//! What an operator may set, and the store that comes of it.

use model::Secret;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use settings::{BadValue, Check, within};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::conservation::Site;
use store::{Dsn, OpenError, Postgres, PostgresOptions, RETENTION_MIN, Sqlite, Store, Trimmed};

/// One file: no other program is needed.
const SQLITE: &str = "sqlite";
/// One or more PostgreSQL databases.
const POSTGRES: &str = "postgres";
/// Seconds of a day.
const DAY: u64 = 86_400;

/// Settings of DBSrv. `operations_max`, `sqlite_elsewhere`, `conservation` and `ledger` take effect at once, the others when the process starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `sqlite` or `postgres`.
    #[serde(deserialize_with = "known_storage")]
    pub storage: String,
    /// The SQLite file; a relative path starts in the data folder.
    pub sqlite_path: String,
    /// True: on SQLite, processes at addresses that are not this machine's are served too. Only for containers and network
    /// namespaces of this machine: who has which character is lost with its power, and all that run must be lost with it.
    pub sqlite_elsewhere: bool,
    /// Addresses of the shards, always in the same order:
    /// `["postgres://USER:PASSWORD@HOST:PORT/DATABASE", ...]`.
    pub postgres: Vec<Secret>,
    /// Address of the metadata database; empty: it is in the database of the first shard.
    pub metadata_dsn: Secret,
    /// Connections to each shard.
    pub pool_size: usize,
    /// Connections to the metadata database.
    pub metadata_pool_size: usize,
    /// How long making a connection may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long an operation waits for a free connection, in milliseconds.
    pub wait_timeout_ms: u64,
    /// How long one transaction may take, in milliseconds.
    pub transaction_timeout_ms: u64,
    /// Operations at the same time; further ones are refused at once and may be repeated.
    pub operations_max: usize,
    /// The running check of items and gold.
    pub conservation: Conservation,
    /// What is kept of the ledger.
    pub ledger: Ledger,
}

/// The running check of items and gold: see the runbook "conservation".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conservation {
    /// False: nobody watches.
    pub watch: bool,
    /// How often to look, in milliseconds.
    pub look_ms: u64,
    /// The share of one core of each database that looking may cost, in percent.
    pub share_percent: u64,
    /// Freeze accounts that hold what the ledger does not explain.
    pub freeze: bool,
}

impl Default for Conservation {
    fn default() -> Self {
        Self { watch: true, look_ms: 300, share_percent: 5, freeze: false }
    }
}

/// What is kept of the ledger, and of the outcomes of operations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// Entries are kept so many days at least; 0: for ever. PostgreSQL removes whole months.
    pub retention_days: u64,
}

impl Ledger {
    /// How long entries are kept; `None`: for ever.
    pub(crate) fn retention(&self) -> Option<Duration> {
        (self.retention_days > 0).then(|| Duration::from_secs(self.retention_days * DAY))
    }
}

impl Settings {
    /// True when only processes of this machine may be served.
    pub(crate) fn is_for_this_machine(&self) -> bool {
        self.storage == SQLITE && !self.sqlite_elsewhere
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            storage: SQLITE.into(),
            sqlite_path: "wydbr.sqlite".into(),
            sqlite_elsewhere: false,
            postgres: Vec::new(),
            metadata_dsn: Secret::new(""),
            pool_size: 16,
            metadata_pool_size: 8,
            connect_timeout_ms: 2_000,
            wait_timeout_ms: 2_000,
            transaction_timeout_ms: 2_500,
            operations_max: 1_024,
            conservation: Conservation::default(),
            ledger: Ledger::default(),
        }
    }
}

/// A typing error is found by `--check`, not at the first start.
fn known_storage<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let storage = String::deserialize(deserializer)?;
    let known = [SQLITE, POSTGRES].contains(&storage.as_str());
    if known { Ok(storage) } else { Err(D::Error::unknown_variant(&storage, &[SQLITE, POSTGRES])) }
}

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        let addresses = format!("{} addresses", self.postgres.len());
        if self.storage == POSTGRES && self.postgres.is_empty() {
            return Err(BadValue::new("postgres", addresses, "one address for each shard"));
        }
        if self.storage == SQLITE && !self.postgres.is_empty() {
            return Err(BadValue::new("postgres", addresses, "none, or storage = \"postgres\""));
        }
        for dsn in &self.postgres {
            readable("postgres", dsn)?;
        }
        if !self.metadata_dsn.is_empty() {
            readable("metadata_dsn", &self.metadata_dsn)?;
        }
        within("pool_size", self.pool_size as u64, 1..=10_000, "1 to 10000")?;
        within("metadata_pool_size", self.metadata_pool_size as u64, 1..=10_000, "1 to 10000")?;
        within("connect_timeout_ms", self.connect_timeout_ms, 1..=600_000, "1 to 600000")?;
        within("wait_timeout_ms", self.wait_timeout_ms, 1..=600_000, "1 to 600000")?;
        within("transaction_timeout_ms", self.transaction_timeout_ms, 1..=600_000, "1 to 600000")?;
        within("operations_max", self.operations_max as u64, 1..=1_000_000, "1 to 1000000")?;
        within("conservation.look_ms", self.conservation.look_ms, 50..=60_000, "50 to 60000")?;
        within("conservation.share_percent", self.conservation.share_percent, 1..=100, "1 to 100")?;
        let (days, least) = (self.ledger.retention_days, RETENTION_MIN.as_secs() / DAY);
        let range = if days == 0 { 0..=0 } else { least..=36_500 };
        within("ledger.retention_days", days, range, "0 (for ever), or 7 to 36500")
    }
}

/// The address of a database, which is never shown: it may hold a password.
fn readable(key: &'static str, dsn: &Secret) -> Result<(), BadValue> {
    match Dsn::parse(dsn.expose()) {
        Ok(_) => Ok(()),
        Err(OpenError::Settings { found, expected, .. }) => Err(BadValue::new(key, found, expected)),
        Err(_) => Err(BadValue::new(key, "an address that cannot be read", "the address of a database")),
    }
}

/// Opens the store that the settings describe: for the command line when no cluster runs.
pub async fn open_store(settings: &Settings, data: &Path) -> Result<Arc<dyn Store>, OpenError> {
    Ok(open(settings, data).await?.store())
}

/// An open store of either kind.
#[derive(Clone)]
pub(crate) enum Opened {
    /// One file.
    Sqlite(Arc<Sqlite>),
    /// Shards.
    Postgres(Arc<Postgres>),
}

impl Opened {
    /// What answers calls.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::<Sqlite>::clone(store),
            Self::Postgres(store) => Arc::<Postgres>::clone(store),
        }
    }

    /// What is watched.
    pub(crate) fn site(&self) -> Arc<dyn Site> {
        match self {
            Self::Sqlite(store) => Arc::<Sqlite>::clone(store),
            Self::Postgres(store) => Arc::<Postgres>::clone(store),
        }
    }

    /// One round over the ledger.
    pub(crate) async fn trim_ledger(&self, retention: Option<Duration>) -> Trimmed {
        match self {
            Self::Sqlite(store) => store.trim_ledger(retention).await,
            Self::Postgres(store) => store.trim_ledger(retention).await,
        }
    }
}

/// Opens the store that the settings describe.
pub(crate) async fn open(settings: &Settings, data: &Path) -> Result<Opened, OpenError> {
    match settings.storage.as_str() {
        SQLITE => Ok(Opened::Sqlite(open_sqlite(settings, data)?)),
        POSTGRES => {
            let store = Postgres::open(options(settings)?).await?;
            #[cfg(feature = "failpoints")]
            let store = crate::failpoints::arm_commits(store);
            Ok(Opened::Postgres(Arc::new(store)))
        }
        other => Err(OpenError::Settings {
            what: "storage",
            found: format!("{other:?}"),
            expected: format!("{SQLITE:?} or {POSTGRES:?}"),
        }),
    }
}

fn open_sqlite(settings: &Settings, data: &Path) -> Result<Arc<Sqlite>, OpenError> {
    if !settings.postgres.is_empty() {
        return Err(OpenError::Settings {
            what: "storage",
            found: format!("\"sqlite\" and {} addresses in `postgres`", settings.postgres.len()),
            expected: "storage = \"postgres\", or no addresses".into(),
        });
    }
    let path = data.join(&settings.sqlite_path);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| OpenError::File {
            path: path.display().to_string(),
            reason: error.to_string(),
        })?;
    }
    Ok(Arc::new(Sqlite::open(&path)?))
}

fn options(settings: &Settings) -> Result<PostgresOptions, OpenError> {
    let shards = settings.postgres.iter().map(|dsn| Dsn::parse(dsn.expose())).collect::<Result<_, _>>()?;
    let metadata = Some(&settings.metadata_dsn).filter(|dsn| !dsn.is_empty());
    Ok(PostgresOptions {
        metadata: metadata.map(|dsn| Dsn::parse(dsn.expose())).transpose()?,
        pool_size: settings.pool_size,
        metadata_pool_size: settings.metadata_pool_size,
        connect_timeout: Duration::from_millis(settings.connect_timeout_ms),
        wait_timeout: Duration::from_millis(settings.wait_timeout_ms),
        transaction_timeout: Duration::from_millis(settings.transaction_timeout_ms),
        ..PostgresOptions::new(shards)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn settings_are_shown_without_passwords() {
        let dsn = Secret::new("postgres://wyd:s3cret@db/wyd");
        let settings = Settings {
            postgres: vec![dsn.clone()],
            metadata_dsn: dsn,
            storage: POSTGRES.into(),
            ..Settings::default()
        };
        assert!(!format!("{settings:?}").contains("s3cret"));
        let shown = format!("{:?}", options(&settings).unwrap());
        assert!(!shown.contains("s3cret") && shown.contains("db:5432/wyd"), "{shown}");
    }

    #[test]
    fn a_storage_that_does_not_exist_is_found_when_the_settings_are_read() {
        let read = |flags: &[(&str, &str)]| {
            let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            settings::load::<Settings>(&settings::Source { file: None, env_prefix: "WYDBR_TEST_NONE", flags })
        };
        let good = [("storage", "postgres"), ("postgres", "postgres://u@h/d")];
        assert_eq!(read(&good).unwrap().own.storage, "postgres");
        let error = read(&[("storage", "postgress")]).err().unwrap().to_string();
        assert!(error.contains("found \"postgress\", expected sqlite or postgres"), "{error}");
        let error = read(&good[..1]).err().unwrap().to_string();
        assert_eq!(error, "by default: `postgres`: found 0 addresses, expected one address for each shard");
        let unreadable = [good[0], ("postgres", "postgres://u:s3cret@h")];
        let error = read(&unreadable).err().unwrap().to_string();
        assert!(error.contains("flag postgres") && !error.contains("s3cret"), "{error}");
    }

    #[test]
    fn an_address_in_the_wrong_form_is_refused_without_showing_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("DBSrv.conf");
        for text in [
            "postgres = \"postgres://u:s3cret@h/d\"",
            "postgres = [[\"postgres://u:s3cret@h/d\"]]",
            "postgres = [\"postgres://u:s3cret@h/d\"",
            "metadata_dsn = [\"postgres://u:s3cret@h/d\"]",
        ] {
            std::fs::write(&file, text).unwrap();
            let source = settings::Source { file: Some(file.clone()), ..settings::Source::default() };
            let error = settings::load::<Settings>(&source).err().unwrap().to_string();
            assert!(error.contains("DBSrv.conf") && !error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_ledger_is_kept_for_ever_or_for_a_week_at_least() {
        let kept =
            |retention_days| Settings { ledger: Ledger { retention_days }, ..Settings::default() }.check();
        assert!([0, 7, 400, 36_500].into_iter().all(|days| kept(days).is_ok()));
        for days in [1, 6, 36_501] {
            let error = kept(days).unwrap_err().to_string();
            let expected = format!("ledger.retention_days is {days}; expected 0 (for ever), or 7 to 36500");
            assert_eq!(error, expected);
        }
        assert_eq!(Ledger::default().retention(), None);
    }

    #[tokio::test]
    async fn settings_that_contradict_each_other_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let forgotten = Settings { postgres: vec![Secret::new("postgres://u@h/d")], ..Settings::default() };
        let error = open_store(&forgotten, folder.path()).await.err().unwrap().to_string();
        assert!(error.contains("expected storage = \"postgres\""), "{error}");
        let nowhere = Settings { storage: POSTGRES.into(), ..Settings::default() };
        let error = open_store(&nowhere, folder.path()).await.err().unwrap().to_string();
        assert!(error.contains("found 0 addresses"), "{error}");
        let typo = Settings { storage: "postgress".into(), ..Settings::default() };
        let error = open_store(&typo, folder.path()).await.err().unwrap().to_string();
        assert!(error.contains("found \"postgress\", expected \"sqlite\" or \"postgres\""), "{error}");
    }

    #[tokio::test]
    async fn the_first_start_makes_the_data_folder_and_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        open_store(&Settings::default(), &data).await.unwrap();
        assert!(data.join("wydbr.sqlite").is_file());
    }
}
