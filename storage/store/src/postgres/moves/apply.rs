//! Changes of moving buckets: read on the source as of one moment, done on the target in one transaction.

use super::Trouble;
use super::tables::Table;
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Transaction;

/// Everything that changed since the last time.
pub(super) struct Changes {
    /// The log entries that tell of it.
    pub(super) entries: Vec<i64>,
    /// By the place of the table in the list of tables.
    changed: BTreeMap<usize, Changed>,
}

/// What changed in one table.
struct Changed {
    /// A JSON list.
    keys: String,
    /// Rows that are (still) there, a JSON list.
    rows: String,
    count: usize,
    digest: i128,
}

fn list<'a>(parts: impl IntoIterator<Item = &'a String>) -> String {
    let parts: Vec<&str> = parts.into_iter().map(String::as_str).collect();
    format!("[{}]", parts.join(","))
}

fn number(text: &str) -> Result<i128, Trouble> {
    text.parse().map_err(|_| Trouble::Database(format!("the digest {text:?}")))
}

impl Changes {
    /// Reads what changed in these buckets. The log and the rows must be of one moment: a transaction that sees one
    /// snapshot, or that keeps writers out.
    pub(super) async fn read(
        transaction: &Transaction<'_>,
        tables: &[Table],
        buckets: &[i16],
    ) -> Result<Self, Trouble> {
        let sql = "SELECT seq, of_table, key::text FROM bucket_changes WHERE moving = ANY ($1) ORDER BY seq";
        let mut entries = Vec::new();
        let mut keys: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
        for row in transaction.query(sql, &[&buckets]).await? {
            entries.push(row.try_get(0)?);
            let name: String = row.try_get(1)?;
            let Some(place) = tables.iter().position(|table| table.name == name) else {
                return Err(Trouble::Impossible(format!("table {name} changed, and is not moved")));
            };
            keys.entry(place).or_default().insert(row.try_get(2)?);
        }
        let mut changed = BTreeMap::new();
        for (place, keys) in keys {
            let (count, keys) = (keys.len(), list(&keys));
            let rows = transaction.query(&tables[place].rows_of_keys(), &[&keys, &buckets]).await?;
            if tables[place].numbered.is_some() && rows.len() < count {
                let name = &tables[place].name;
                return Err(Trouble::Database(format!("rows of {name} were deleted meanwhile")));
            }
            let mut digest = 0;
            for row in &rows {
                digest += number(row.try_get(1)?)?;
            }
            let count = rows.len();
            let rows: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
            changed.insert(place, Changed { keys, rows: list(&rows), count, digest });
        }
        Ok(Self { entries, changed })
    }

    /// Does them where the rows arrive, and makes sure that what was written is what was read.
    pub(super) async fn apply(&self, transaction: &Transaction<'_>, tables: &[Table]) -> Result<(), Trouble> {
        for (place, changed) in &self.changed {
            let table = &tables[*place];
            if table.waits() {
                transaction.execute(&table.forget_keys(), &[&changed.keys]).await?;
            }
            let taken = transaction.query(&table.take_rows(), &[&changed.rows]).await?;
            let mut digest = 0;
            for row in &taken {
                digest += number(row.try_get(0)?)?;
            }
            if (taken.len(), digest) != (changed.count, changed.digest) {
                return Err(Trouble::Differs {
                    table: table.name.clone(),
                    source_rows: format!("{} changed rows, {}", changed.count, changed.digest),
                    target_rows: format!("{} rows, {digest}", taken.len()),
                });
            }
        }
        Ok(())
    }
}

/// Rows and digest of some buckets in one table.
pub(super) async fn digest(
    transaction: &Transaction<'_>,
    table: &Table,
    relation: &str,
    buckets: &[i16],
) -> Result<(i64, String), Trouble> {
    let row = transaction.query_one(&table.digest_of(relation), &[&buckets]).await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}
