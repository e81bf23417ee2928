//! Several statements in one round trip: while writers wait, every round trip counts.
//!
//! Values stand in the text: numbers, and texts that are quoted here.

use super::Trouble;
use tokio_postgres::{Client, SimpleQueryMessage};

/// What one statement of a batch said.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub(super) rows: Vec<Vec<Option<String>>>,
    /// Rows that it found or touched.
    pub(super) count: u64,
}

/// Statements that are sent together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    sql: String,
    count: usize,
}

impl Batch {
    /// Adds a statement; the place of its answer.
    pub(super) fn add(&mut self, sql: &str) -> usize {
        self.sql.push_str(sql);
        self.sql.push_str(";\n");
        self.count += 1;
        self.count - 1
    }

    /// Sends them; an answer for each.
    pub(super) async fn ask(self, client: &Client) -> Result<Vec<Answer>, Trouble> {
        let mut answers = vec![];
        let mut answer = Answer::default();
        for message in client.simple_query(&self.sql).await? {
            match message {
                SimpleQueryMessage::Row(row) => {
                    let values =
                        (0..row.len()).map(|column| row.try_get(column).map(|text| text.map(str::to_owned)));
                    answer.rows.push(values.collect::<Result<_, _>>()?);
                }
                SimpleQueryMessage::CommandComplete(count) => {
                    answer.count = count;
                    answers.push(std::mem::take(&mut answer));
                }
                _ => {}
            }
        }
        if answers.len() == self.count {
            return Ok(answers);
        }
        Err(Trouble::Database(format!("{} answers to {} statements", answers.len(), self.count)))
    }
}

/// Sends one statement.
pub(super) async fn ask(client: &Client, sql: &str) -> Result<Answer, Trouble> {
    let mut batch = Batch::default();
    batch.add(sql);
    Ok(batch.ask(client).await?.pop().unwrap_or_default())
}

/// Sends a batch that belongs to a transaction; the transaction ends when somebody else is in the way.
pub(super) async fn ask_within(client: &Client, batch: Batch) -> Result<Vec<Answer>, Trouble> {
    let answers = batch.ask(client).await;
    if matches!(answers, Err(Trouble::Busy)) {
        client.batch_execute("ROLLBACK").await?;
    }
    answers
}

/// A list of buckets, as SQL.
pub(super) fn list(buckets: &[i16]) -> String {
    let list: Vec<String> = buckets.iter().map(ToString::to_string).collect();
    format!("'{{{}}}'::smallint[]", list.join(","))
}

/// A text, as SQL.
pub(super) fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Answer {
    /// A column of all rows.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| row.get(column).and_then(Option::as_deref))
    }

    /// A column of numbers.
    pub(super) fn numbers<T: std::str::FromStr>(&self, column: usize) -> Result<Vec<T>, Trouble> {
        let read = |text: &str| text.parse().map_err(|_| Trouble::Database(format!("{text:?} is no number")));
        self.column(column).map(read).collect()
    }
}
