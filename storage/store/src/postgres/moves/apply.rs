//! Changes of moving buckets: read on the source as of one moment, done on the target in one transaction.

use super::Trouble;
use super::batch::{Answer, Batch, list};
use super::tables::Table;
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Client;

/// What the log tells of.
pub(super) struct Log {
    /// Its entries.
    pub(super) entries: Vec<i64>,
    /// Keys, a JSON list, and how many, by the place of the table in the list of tables.
    keys: BTreeMap<usize, (String, usize)>,
}

/// Everything that changed since the last time.
pub(super) struct Changes {
    pub(super) log: Log,
    /// By the place of the table in the list of tables.
    rows: BTreeMap<usize, Rows>,
}

/// Rows of one table that changed and are (still) there.
struct Rows {
    /// A JSON list.
    rows: String,
    sum: Sum,
}

/// How many rows, and the sum of their digests.
pub(super) type Sum = (usize, i128);

fn json<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts: Vec<&str> = parts.into_iter().collect();
    format!("[{}]", parts.join(","))
}

impl Log {
    /// Reads the log of some buckets.
    pub(super) fn sql(buckets: &[i16]) -> String {
        let buckets = list(buckets);
        format!(
            "SELECT seq, of_table, key::text FROM bucket_changes WHERE moving = ANY ({buckets}) ORDER BY seq"
        )
    }

    /// From the answer to [`Log::sql`].
    pub(super) fn of(answer: &Answer, tables: &[Table]) -> Result<Self, Trouble> {
        let mut sets: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
        for (name, key) in answer.column(1).zip(answer.column(2)) {
            let Some(place) = tables.iter().position(|table| table.name == name) else {
                return Err(Trouble::Impossible(format!("table {name} changed, and is not moved")));
            };
            sets.entry(place).or_default().insert(key);
        }
        let keys = sets.into_iter().map(|(place, keys)| {
            let count = keys.len();
            (place, (json(keys), count))
        });
        Ok(Self { entries: answer.numbers(0)?, keys: keys.collect() })
    }

    /// Reads the rows that it tells of. They must be of the same moment as the log: in a transaction that sees one
    /// snapshot, or that keeps writers out.
    pub(super) async fn read_rows(
        self,
        client: &Client,
        tables: &[Table],
        buckets: &[i16],
    ) -> Result<Changes, Trouble> {
        if self.keys.is_empty() {
            return Ok(Changes { log: self, rows: BTreeMap::new() });
        }
        let mut batch = Batch::default();
        for (place, (keys, _)) in &self.keys {
            batch.add(&tables[*place].rows_of_keys(keys, buckets));
        }
        let mut rows = BTreeMap::new();
        for ((place, (_, count)), answer) in self.keys.iter().zip(batch.ask(client).await?) {
            if tables[*place].numbered.is_some() && answer.rows.len() < *count {
                let name = &tables[*place].name;
                return Err(Trouble::Database(format!("rows of {name} were deleted meanwhile")));
            }
            rows.insert(*place, Rows { rows: json(answer.column(0)), sum: sum(&answer, 1)? });
        }
        Ok(Changes { log: self, rows })
    }
}

fn sum(answer: &Answer, column: usize) -> Result<Sum, Trouble> {
    Ok((answer.rows.len(), answer.numbers::<i128>(column)?.into_iter().sum()))
}

impl Changes {
    /// Adds what does them where the rows arrive; the places of the answers that [`Changes::check`] wants.
    pub(super) fn apply(&self, batch: &mut Batch, tables: &[Table]) -> Vec<usize> {
        let places = self.rows.iter().map(|(place, rows)| {
            let table = &tables[*place];
            if let Some((keys, _)) = self.log.keys.get(place).filter(|_| table.waits()) {
                batch.add(&table.forget_keys(keys));
            }
            batch.add(&table.take_rows(&rows.rows))
        });
        places.collect()
    }

    /// Makes sure that what was written is what was read.
    pub(super) fn check(
        &self,
        answers: &[Answer],
        places: &[usize],
        tables: &[Table],
    ) -> Result<(), Trouble> {
        for ((table, rows), place) in self.rows.iter().zip(places) {
            let taken = answers.get(*place).map(|answer| sum(answer, 0)).transpose()?.unwrap_or_default();
            same(&tables[*table], rows.sum, taken)?;
        }
        Ok(())
    }
}

/// Refuses to go on when both sides do not hold the same.
pub(super) fn same(table: &Table, source: Sum, target: Sum) -> Result<(), Trouble> {
    if source == target {
        return Ok(());
    }
    let told = |(rows, digest): Sum| format!("{rows} rows, digest {digest}");
    Err(Trouble::Differs { table: table.name.clone(), source_rows: told(source), target_rows: told(target) })
}

/// The answer to a question for the digest of whole buckets.
pub(super) fn whole_sum(answer: &Answer) -> Result<Sum, Trouble> {
    let (rows, digest) = (answer.numbers(0)?, answer.numbers(1)?);
    match (rows.first(), digest.first()) {
        (Some(rows), Some(digest)) => Ok((*rows, *digest)),
        _ => Err(Trouble::Database("no digest".into())),
    }
}
