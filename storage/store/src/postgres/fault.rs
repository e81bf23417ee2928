//! What PostgreSQL's errors mean for an operation.

use model::calls::database::Failure;
use tokio_postgres::error::SqlState;

/// What a shard answers about a bucket that is not there: see `enter_buckets`.
const MOVED: &str = "WB001";

/// Why a transaction did not happen.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection or the server is gone; another connection may do.
    Gone(String),
    /// Transactions stood in each other's way; doing it again is right.
    Again(String),
    /// A bucket that it is about is not on this shard (any more).
    Moved,
    /// Nothing to be done about it here.
    Failure(Failure),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(database) = error.as_db_error() else {
            // no word from the server: input/output, or a row that is not as expected
            return if error.is_closed()
                || std::error::Error::source(&error).is_some_and(|source| source.is::<std::io::Error>())
            {
                Self::Gone(error.to_string())
            } else {
                Self::Failure(Failure::Corrupt(error.to_string()))
            };
        };
        // the detail of the message may hold whole rows, so only the message and the constraint are shown
        let constraint = database.constraint().map(|name| format!(" ({name})")).unwrap_or_default();
        let text = format!("{}{constraint}", database.message());
        let code = database.code();
        match code {
            code if code.code() == MOVED => Self::Moved,
            &SqlState::T_R_SERIALIZATION_FAILURE | &SqlState::T_R_DEADLOCK_DETECTED => Self::Again(text),
            &SqlState::QUERY_CANCELED | &SqlState::LOCK_NOT_AVAILABLE => {
                Self::Failure(Failure::Unavailable(text))
            }
            &SqlState::READ_ONLY_SQL_TRANSACTION | &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => {
                Self::Gone(text)
            }
            code if ["08", "53", "57", "58"].iter().any(|class| code.code().starts_with(class)) => {
                Self::Gone(text)
            }
            _ => Self::Failure(Failure::Corrupt(text)),
        }
    }
}
