//! The running check on the one file: see [`crate::conservation`]. One writer means that entries come in the order of
//! their numbers.

use super::check::shelf;
use super::{Fault, Sqlite, all, first};
use crate::conservation::sql::SQLITE;
use crate::conservation::{Seen, Site, Sums, Wanted};
use crate::examine::{Judged, judge};
use crate::rows::Fields;
use async_trait::async_trait;
use model::calls::database::Failure;
use placement::BUCKETS;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, params};
use std::time::Instant;

#[async_trait]
impl Site for Sqlite {
    fn shards(&self) -> Vec<u16> {
        vec![0]
    }

    async fn look(&self, _: u16, wanted: &Wanted) -> Result<Seen, Failure> {
        let wanted = wanted.clone();
        self.readers.run(move |connection| look(connection, &wanted)).await
    }

    async fn judge(&self, _: u16, bucket: u16) -> Result<Judged, Failure> {
        self.readers.run(move |connection| Ok(judge(&shelf(connection, [bucket, bucket])?))).await
    }
}

fn look(connection: &Connection, wanted: &Wanted) -> Result<Seen, Fault> {
    let began = Instant::now();
    let newest = first(connection, "SELECT COALESCE(max(entry), 0) FROM ledger", [], |row| row.int(0))?;
    let newest = newest.unwrap_or_default();
    let mut seen = Seen { homes: (0..BUCKETS).collect(), start: newest, ..Seen::default() };
    let sums = |sql: &str, values: &[i64]| {
        all(connection, sql, rusqlite::params_from_iter(values), |row| Sums::read(row))
    };
    // nothing comes late, so all that is seen is one range without gaps
    if let Some(after) = wanted.gaps.as_ref().and_then(|ranges| ranges.last()).map(|range| range.low - 1)
        && newest > after
    {
        seen.taken.push((after + 1, newest));
        seen.news = sums(&SQLITE.news, &[after])?;
        if wanted.touched {
            seen.touched = all(connection, &SQLITE.touched, params![after], |row| row.number(0))?;
        }
    }
    if let Some((first, last)) = wanted.rows {
        let since = Instant::now();
        seen.rows = sums(&SQLITE.rows, &[first.into(), last.into()])?;
        seen.rows_took = since.elapsed();
    }
    if let Some((first, last)) = wanted.base {
        let since = Instant::now();
        seen.base = sums(&SQLITE.base, &[first.into(), last.into()])?;
        seen.base_took = since.elapsed();
    }
    seen.took = began.elapsed();
    Ok(seen)
}

/// Makes `conservation_hash(...)` known: 32 bits out of all its values, so that a sum over two billion rows fits.
pub(super) fn add_hash(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("conservation_hash", -1, flags, |values: &Context<'_>| {
        let mut bytes = Vec::with_capacity(64);
        for index in 0..values.len() {
            match values.get_raw(index) {
                ValueRef::Null => bytes.push(0),
                ValueRef::Integer(number) => bytes.extend(number.to_le_bytes()),
                ValueRef::Real(number) => bytes.extend(number.to_le_bytes()),
                ValueRef::Text(text) | ValueRef::Blob(text) => bytes.extend(text),
            }
        }
        Ok((placement::stable_hash(&bytes) & u64::from(u32::MAX)) as i64)
    })
}
