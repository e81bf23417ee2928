//! Entries past the retention are folded into their base and removed, in one transaction.

use super::{Fault, Sqlite, all, change, first, now_ms};
use crate::examine::base::{
    self, CLOCK_BACK_MS, FOLDED_BUCKETS, FOLDED_ENTRIES, Folded, Horizon, fold, next_bucket, portions,
    sums_bytes,
};
use crate::examine::{Base, ItemRow, PurseRow, Shelf};
use crate::ledger::{Line, ledger_columns};
use crate::retention::{
    FORGOTTEN, FORGOTTEN_BUCKETS, FORGOTTEN_ROWS, OUTCOMES_LONGER_MS, STEPS, Step, Trimmed, retention_ms,
};
use crate::rows::Fields;
use model::calls::database::Failure;
use rusqlite::{Connection, params};
use std::time::Duration;

impl Sqlite {
    /// One round: bounded, and harmless at any time. Without a retention everything is kept.
    pub async fn trim_ledger(&self, retention: Option<Duration>) -> Trimmed {
        let mut trimmed = Trimmed::default();
        if let Some(retention) = retention
            && let Err(failure) = self.trim(retention_ms(retention), &mut trimmed).await
        {
            trimmed.kept.push(failure.to_string());
        }
        match self.readers.run(oldest).await {
            Ok(oldest) => trimmed.oldest_ms = oldest,
            Err(failure) => trimmed.kept.push(failure.to_string()),
        }
        trimmed
    }

    async fn trim(&self, retention_ms: i64, trimmed: &mut Trimmed) -> Result<(), Failure> {
        let sql = concat!("SELECT ", now_ms!(), " - ?1");
        let cut_ms = self.readers.run(move |c| first(c, sql, [retention_ms], |row| row.int(0))).await?;
        let cut_ms = cut_ms.unwrap_or_default();
        let mut after = Some(-1);
        for _ in 0..STEPS {
            let Some(bucket) = after else { break };
            let step = self.writer.run(move |connection| fold_some(connection, bucket, cut_ms)).await?;
            trimmed.folded += step.folded;
            trimmed.entries += step.folded;
            trimmed.kept.extend(step.kept);
            after = step.next;
        }
        if after.is_some() {
            trimmed.more = true;
            return Ok(());
        }
        let mut after = Some(-1);
        for _ in 0..STEPS {
            let Some(bucket) = after else { break };
            let (next, forgotten) =
                self.writer.run(move |connection| forget_some(connection, bucket)).await?;
            trimmed.operations += forgotten;
            after = next;
        }
        trimmed.more = after.is_some();
        Ok(())
    }
}

/// The first entry that stands in the file is the oldest.
fn oldest(connection: &Connection) -> Result<Option<i64>, Fault> {
    let sql = concat!("SELECT ", now_ms!(), " - at_ms FROM ledger ORDER BY entry LIMIT 1");
    first(connection, sql, [], |row| row.int(0))
}

/// The next buckets that have entries before a time: the index tells the oldest of each.
fn buckets_after(connection: &Connection, after: i16, cut_ms: i64) -> Result<Vec<i16>, Fault> {
    let mut found = Vec::new();
    let mut last = after;
    while found.len() < FOLDED_BUCKETS {
        let sql = "SELECT bucket, at_ms FROM ledger WHERE bucket > ?1 ORDER BY bucket, at_ms LIMIT 1";
        let next = first(connection, sql, [last], |row| Ok((row.number(0)?, row.int(1)?)))?;
        let Some((bucket, oldest_ms)) = next else { break };
        if oldest_ms < cut_ms {
            found.push(bucket);
        }
        last = bucket;
    }
    Ok(found)
}

fn fold_some(connection: &Connection, after: i16, cut_ms: i64) -> Result<Step, Fault> {
    let buckets = buckets_after(connection, after, cut_ms)?;
    let mut lines: Vec<Line> = Vec::new();
    for bucket in &buckets {
        let room = FOLDED_ENTRIES + 1 - lines.len();
        if room == 0 {
            break;
        }
        let sql = concat!(
            "SELECT ",
            ledger_columns!(),
            " FROM ledger WHERE bucket = ?1 AND at_ms < ?2 ORDER BY at_ms LIMIT ?3"
        );
        lines.extend(all(connection, sql, params![bucket, cut_ms, room as i64], |row| Line::read(row))?);
    }
    let portions = portions(&buckets, lines, cut_ms, FOLDED_ENTRIES)?;
    let mut step = Step::default();
    let mut last_kept = false;
    for portion in &portions {
        last_kept = false;
        let Some(top) = portion.lines.last().map(|line| line.entry) else { continue };
        let (bucket, until_ms) = (portion.bucket, portion.until_ms);
        let sql = concat!(
            "SELECT ",
            ledger_columns!(),
            " FROM ledger WHERE bucket = ?1 AND at_ms BETWEEN ?2 AND ?3 AND entry < ?4"
        );
        let values = params![bucket, until_ms, until_ms + CLOCK_BACK_MS, top];
        let late = all(connection, sql, values, |row| Line::read(row))?;
        let range = [bucket, bucket];
        let known = all(connection, base::HORIZONS, range, |row| Horizon::read(row))?.pop();
        let known = known.unwrap_or_default();
        let horizon = Horizon { bucket: bucket.into(), until_ms: until_ms.max(known.until_ms), ..known };
        let base = Base {
            items: all(connection, base::BASE_ITEMS, range, |row| ItemRow::read(row))?,
            purses: all(connection, base::BASE_PURSES, range, |row| PurseRow::read(row))?,
            ..Base::default()
        };
        let shelf = Shelf { base, lines: portion.lines.clone(), ..Shelf::default() };
        match fold(horizon, &shelf, &late) {
            Ok(folded) => {
                write(connection, &folded)?;
                let sql = "DELETE FROM ledger WHERE bucket = ?1 AND at_ms < ?2";
                change(connection, sql, params![bucket, until_ms])?;
                step.folded += folded.entries;
            }
            Err(why) => {
                step.keep(bucket, &why);
                last_kept = true;
            }
        }
    }
    step.next = next_bucket(&portions, &buckets, cut_ms, last_kept);
    Ok(step)
}

fn write(connection: &Connection, folded: &Folded) -> Result<(), Fault> {
    let Folded { horizon, here, gone, purses, sums, .. } = folded;
    let bucket = horizon.bucket;
    for item in gone {
        let sql = "DELETE FROM ledger_base_items WHERE bucket = ?1 AND item = ?2";
        change(connection, sql, params![bucket, item.to_be_bytes()])?;
    }
    for ItemRow { id, kind, effects, spot, .. } in here {
        let sql = "INSERT OR REPLACE INTO ledger_base_items \
                   (bucket, item, kind, effects, place_kind, place_owner, place_slot) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let values = params![bucket, id.to_be_bytes(), kind, effects, spot.kind, spot.owner, spot.slot];
        change(connection, sql, values)?;
    }
    for PurseRow { kind, owner, balance, .. } in purses {
        let sql = if *balance == 0 {
            "DELETE FROM ledger_base_purses WHERE bucket = ?1 AND kind = ?2 AND owner = ?3 AND ?4 = 0"
        } else {
            "INSERT OR REPLACE INTO ledger_base_purses (bucket, kind, owner, balance) VALUES (?1, ?2, ?3, ?4)"
        };
        change(connection, sql, params![bucket, kind, owner, balance])?;
    }
    for sum in sums {
        let sql = "INSERT INTO ledger_base_sums (bucket, cash, way, reason, amount) VALUES (?1, ?2, ?3, ?4, ?5) \
                   ON CONFLICT (bucket, cash, way, reason) DO UPDATE SET amount = amount + excluded.amount";
        change(connection, sql, params![bucket, sum.is_cash, sum.way as i16, sum.reason, sum.amount])?;
    }
    let sql = "INSERT OR REPLACE INTO ledger_horizons (bucket, until_ms, crossings) VALUES (?1, ?2, ?3)";
    change(connection, sql, params![bucket, horizon.until_ms, sums_bytes(&horizon.crossings)]).map(drop)
}

/// Where to go on, and how many outcomes are forgotten.
fn forget_some(connection: &Connection, after: i16) -> Result<(Option<i16>, u64), Fault> {
    let sql = "SELECT bucket, until_ms FROM ledger_horizons WHERE bucket > ?1 ORDER BY bucket LIMIT ?2";
    let read = |row: &rusqlite::Row<'_>| Ok((row.number::<i16>(0)?, row.int(1)?));
    let buckets: Vec<(i16, i64)> = all(connection, sql, params![after, FORGOTTEN_BUCKETS], read)?;
    let mut forgotten = 0;
    for (bucket, until_ms) in &buckets {
        let room = FORGOTTEN_ROWS - forgotten;
        let sql = "DELETE FROM operations WHERE (operation, bucket) IN (SELECT operation, bucket FROM operations \
                   WHERE bucket = ?1 AND at_ms < ?2 AND kind IN (?3, ?4, ?5, ?6) ORDER BY at_ms LIMIT ?7)";
        let [transfer, part, gold, progress] = FORGOTTEN;
        let values = params![bucket, until_ms - OUTCOMES_LONGER_MS, transfer, part, gold, progress, room];
        forgotten += change(connection, sql, values)? as i64;
        // the newest that is past the retention counts within it
        let sql = "DELETE FROM character_states WHERE (character, since_ms) IN (SELECT old.character, old.since_ms \
                   FROM character_states AS old WHERE old.bucket = ?1 AND old.since_ms < ?2 AND EXISTS (\
                   SELECT 1 FROM character_states AS newer WHERE newer.character = old.character \
                   AND newer.since_ms > old.since_ms AND newer.since_ms <= ?2) LIMIT ?3)";
        forgotten += change(connection, sql, params![bucket, until_ms, FORGOTTEN_ROWS])? as i64;
        if forgotten >= FORGOTTEN_ROWS {
            return Ok((Some(bucket - 1), forgotten as u64));
        }
    }
    let last = buckets.last().map(|(bucket, _)| *bucket);
    Ok((last.filter(|_| buckets.len() as i64 == FORGOTTEN_BUCKETS), forgotten as u64))
}
