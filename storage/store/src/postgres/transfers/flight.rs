//! Statements that are on their way together: the second is sent before the first is answered.

use crate::postgres::fault::Fault;
use deadpool_postgres::Client;
use futures::future::{join, join_all};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

/// A value of a statement.
type Value<'a> = Box<dyn ToSql + Sync + Send + 'a>;

/// Statements in the order in which the server does them.
pub(super) struct Flight<'a> {
    client: &'a Client,
    sent: Vec<(Statement, Vec<Value<'a>>)>,
}

/// The values of one statement.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        vec![$(Box::new($value) as Box<dyn tokio_postgres::types::ToSql + Sync + Send + '_>),*]
    };
}
pub(super) use values;

impl<'a> Flight<'a> {
    /// With nothing in it.
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client, sent: Vec::new() }
    }

    /// One statement more. It is prepared here, so that nothing waits once the flight is on its way.
    pub(super) async fn add(&mut self, sql: &str, values: Vec<Value<'a>>) -> Result<(), Fault> {
        self.sent.push((self.client.prepare_cached(sql).await?, values));
        Ok(())
    }

    /// Begins a transaction and reads; the rows of each statement.
    pub(super) async fn begin(self) -> Result<Vec<Vec<Row>>, Fault> {
        let reads = self.sent.iter().map(async |(statement, values)| {
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
            self.client.query(statement, &values).await
        });
        // polled in this order, and so sent
        let (begun, rows) = join(self.client.batch_execute("BEGIN"), join_all(reads)).await;
        begun?;
        Ok(rows.into_iter().collect::<Result<_, _>>()?)
    }

    /// Writes and ends the transaction by that statement, which is not sent when a write could not be sent. Of several
    /// errors the first one counts: after it the server only says that the transaction is aborted.
    pub(super) async fn end(self, by: &str) -> Result<(), tokio_postgres::Error> {
        let unsent = AtomicBool::new(false);
        let writes = self.sent.iter().map(async |(statement, values)| {
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
            let written = self.client.execute(statement, &values).await;
            let refused = written.as_ref().is_err_and(|error| error.as_db_error().is_none());
            unsent.fetch_or(refused, Ordering::Relaxed);
            written
        });
        // first asked after all writes were sent
        let end = async {
            match unsent.load(Ordering::Relaxed) {
                true => Ok(()),
                false => self.client.batch_execute(by).await,
            }
        };
        // after an error the server takes the end for a rollback
        let (written, ended) = join(join_all(writes), end).await;
        written.into_iter().collect::<Result<Vec<_>, _>>()?;
        ended
    }
}
