//! Idempotency: the first outcome of an operation is stored in the transaction that did it.

use super::{Fault, change, first, now_ms};
use crate::codec;
use crate::rows::Fields;
use model::calls::database::Failure;
use model::id::{AccountId, OperationId};
use rusqlite::{Connection, params};
use serde::{Serialize, de::DeserializeOwned};

/// What names an operation.
#[derive(Clone, Copy)]
pub(super) struct Once {
    /// Its id.
    pub(super) operation: OperationId,
    /// Its name, so that an id used for two things is found out.
    pub(super) kind: &'static str,
    /// The account that it is about.
    pub(super) account: AccountId,
}

impl Once {
    /// Does `work` and stores its outcome, or gives the outcome of the first time.
    pub(super) fn run<T: Serialize + DeserializeOwned>(
        self,
        connection: &Connection,
        work: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let id = self.operation.0.to_be_bytes();
        let stored = first(
            connection,
            "SELECT kind, outcome FROM operations WHERE operation = ?1",
            params![id],
            |row| Ok((row.text(0)?, row.bytes(1)?)),
        )?;
        match stored {
            Some((kind, outcome)) if kind == self.kind => Ok(codec::decode_outcome(&outcome)?),
            Some((kind, _)) => {
                let ours = self.kind;
                Err(Failure::Corrupt(format!("operation {} was a {kind}, not a {ours}", self.operation))
                    .into())
            }
            None => {
                let outcome = work()?;
                change(
                    connection,
                    concat!(
                        "INSERT INTO operations (operation, bucket, kind, outcome, at_ms) VALUES (?1, ?2, ?3, ?4, ",
                        now_ms!(),
                        ")"
                    ),
                    params![
                        id,
                        placement::bucket_of(self.account),
                        self.kind,
                        codec::encode_outcome(&outcome)?
                    ],
                )?;
                Ok(outcome)
            }
        }
    }
}
