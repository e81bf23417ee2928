//! Statements that are on their way together: the second is sent before the first is answered.

use crate::postgres::fault::Fault;
use deadpool_postgres::Client;
use futures::future::{try_join, try_join_all};
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
        let ((), rows) = try_join(self.client.batch_execute("BEGIN"), try_join_all(reads)).await?;
        Ok(rows)
    }

    /// Writes and ends the transaction by that statement, which is not sent when a write could not be sent.
    pub(super) async fn end(self, by: &str) -> Result<(), tokio_postgres::Error> {
        let writes = self.sent.iter().map(async |(statement, values)| {
            let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
            self.client.execute(statement, &values).await
        });
        // after an error the server takes the end for a rollback
        try_join(try_join_all(writes), self.client.batch_execute(by)).await.map(drop)
    }
}
