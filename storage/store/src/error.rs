//! Why a store could not be opened: one line for the operator, saying what was found and what to do.

/// The store cannot be opened.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OpenError {
    /// The file cannot be opened or made.
    #[error("cannot open the SQLite file {path}: {reason}; give a path in a folder that this user may write")]
    File {
        /// Which file.
        path: String,
        /// What the system or SQLite said.
        reason: String,
    },
    /// The settings cannot be used.
    #[error("{what}: found {found}, expected {expected}")]
    Settings {
        /// Which setting.
        what: &'static str,
        /// What was given, without passwords.
        found: String,
        /// What would have been right.
        expected: String,
    },
    /// A database does not answer.
    #[error("{database} does not answer: {reason}; start it, or correct its address")]
    Unreachable {
        /// Which, without its password.
        database: String,
        /// What went wrong.
        reason: String,
    },
    /// The schema was made by another program.
    #[error(
        "{database}: {found}; expected a schema of version {expected} or older; use the newest wydbr that ever ran on it"
    )]
    Schema {
        /// Which database.
        database: String,
        /// What stands in its history.
        found: String,
        /// The newest version that this program knows.
        expected: i64,
    },
    /// A database server is set up in a way that cannot work.
    #[error("{database}: `{setting}` is {found}, expected {expected}; change postgresql.conf and restart it")]
    Setting {
        /// Which, without its password.
        database: String,
        /// The setting of PostgreSQL.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        expected: String,
    },
    /// The list of shards is not the one that the accounts were placed on.
    #[error("the list of shards contradicts the stored map: found {found}, expected {expected}")]
    Shards {
        /// What the settings and the databases say.
        found: String,
        /// What the stored map says.
        expected: String,
    },
    /// A migration or a first write failed.
    #[error("{database} cannot be prepared: {reason}")]
    Prepare {
        /// Which database.
        database: String,
        /// What it said.
        reason: String,
    },
}

/// What became of the migrations of one database.
pub(crate) fn migration_error(database: &str, newest: i64, error: &refinery::Error) -> OpenError {
    use refinery::error::Kind;
    let database = database.to_owned();
    let schema = |found| OpenError::Schema { database: database.clone(), found, expected: newest };
    match error.kind() {
        Kind::MissingVersion(migration) => {
            schema(format!("its schema has the migration {migration}, which this program does not know"))
        }
        Kind::DivergentVersion(applied, ours) => {
            schema(format!("its migration {applied} is not the {ours} of this program"))
        }
        Kind::Connection(doing, source) => {
            OpenError::Prepare { database, reason: format!("{doing}: {source}") }
        }
        other => OpenError::Prepare { database, reason: other.to_string() },
    }
}
