//! Folds entries past the retention into the bases of their buckets.
//!
//! Before it reads, nobody may be left in the buckets who wrote an entry so long ago and has not ended, as a prepared
//! transaction may: it waits until they were empty for a moment. Whoever enters later writes entries of that time.

use super::{IMPATIENT, alone};
use crate::examine::base::{
    CLOCK_BACK_MS, FOLDED_BUCKETS, FOLDED_ENTRIES, Folded, Horizon, Portion, base_of, fold, next_bucket,
    portions, sums_bytes,
};
use crate::examine::{Base, ItemRow, PurseRow, Shelf};
use crate::ledger::{Line, Subject, ledger_columns};
use crate::postgres::database::Step;
use crate::postgres::fault::Fault;
use crate::postgres::homes::enter;
use crate::postgres::values::Id128;
use crate::retention;
use deadpool_postgres::{Client, Transaction};
use model::calls::database::Failure;
use std::collections::BTreeMap;

/// Folds what some buckets after one have before a time; `None` when another process is at it.
pub(super) struct Fold {
    pub(super) after: i16,
    pub(super) cut_ms: i64,
}

impl Step for Fold {
    type Outcome = Option<retention::Step>;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let buckets = self.due(client).await?;
        if buckets.is_empty() {
            return Ok(Some(retention::Step::default()));
        }
        empty_for_a_moment(client, &buckets).await?;
        let transaction = client.transaction().await?;
        if !alone(&transaction).await? {
            return Ok(None);
        }
        let mut horizons = enter(&transaction, &buckets, horizons(&transaction, &buckets)).await?;
        let since: Vec<i64> = buckets
            .iter()
            .map(|bucket| horizons.get(bucket).map_or(i64::MIN, |known| known.until_ms))
            .collect();
        let lines = lines(&transaction, &buckets, &since, self.cut_ms).await?;
        let portions = portions(&buckets, lines, self.cut_ms, FOLDED_ENTRIES)?;
        let base = base(&transaction, &portions).await?;
        let mut late = late(&transaction, &portions).await?;
        let (mut step, mut done, mut last_kept) = (retention::Step::default(), Vec::new(), false);
        for Portion { bucket, until_ms, lines } in &portions {
            let key = i64::from(*bucket);
            let known = horizons.remove(bucket).unwrap_or_default();
            let horizon = Horizon { bucket: key, until_ms: known.until_ms.max(*until_ms), ..known };
            let shelf = Shelf { base: base_of(&base, key), lines: lines.clone(), ..Shelf::default() };
            let folded = fold(horizon, &shelf, &late.remove(bucket).unwrap_or_default());
            last_kept = folded.is_err();
            match folded {
                Ok(folded) => done.push(folded),
                Err(why) => step.keep(*bucket, &why),
            }
        }
        write(&transaction, &done).await?;
        transaction.commit().await?;
        step.folded = done.iter().map(|folded| folded.entries).sum();
        step.next = next_bucket(&portions, &buckets, self.cut_ms, last_kept);
        Ok(Some(step))
    }
}

impl Fold {
    /// The next buckets at home here with an earlier horizon.
    async fn due(&self, client: &Client) -> Result<Vec<i16>, Fault> {
        let sql = "SELECT home.bucket FROM bucket_homes AS home LEFT JOIN ledger_horizons AS horizon USING (bucket) \
                   WHERE home.state <= 2 AND home.bucket > $1 AND (horizon.until_ms IS NULL OR horizon.until_ms < $2) \
                   ORDER BY home.bucket LIMIT $3";
        let statement = client.prepare_cached(sql).await?;
        let rows = client.query(&statement, &[&self.after, &self.cut_ms, &(FOLDED_BUCKETS as i64)]).await?;
        Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
    }
}

async fn empty_for_a_moment(client: &mut Client, buckets: &[i16]) -> Result<(), Fault> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(IMPATIENT).await?;
    transaction.execute("SELECT close_buckets($1)", &[&buckets]).await?;
    Ok(transaction.commit().await?)
}

async fn horizons(transaction: &Transaction<'_>, buckets: &[i16]) -> Result<BTreeMap<i16, Horizon>, Fault> {
    let sql = "SELECT bucket, until_ms, crossings FROM ledger_horizons WHERE bucket = ANY ($1)";
    let statement = transaction.prepare_cached(sql).await?;
    let rows = transaction.query(&statement, &[&buckets]).await?;
    let known = rows.iter().map(|row| Horizon::read(row).map(|horizon| (horizon.bucket as i16, horizon)));
    Ok(known.collect::<Result<_, _>>()?)
}

/// The first entries before the cut, in order of bucket and time, and one more than may be folded at once.
async fn lines(
    transaction: &Transaction<'_>,
    buckets: &[i16],
    since: &[i64],
    cut_ms: i64,
) -> Result<Vec<Line>, Fault> {
    let sql = concat!(
        "SELECT found.* FROM unnest($1::smallint[], $2::bigint[]) AS given (of_bucket, since) CROSS JOIN LATERAL (SELECT ",
        ledger_columns!(),
        " FROM ledger WHERE bucket = given.of_bucket AND at_ms >= given.since AND at_ms < $3 \
         ORDER BY at_ms LIMIT $4) AS found LIMIT $4"
    );
    let statement = transaction.prepare_cached(sql).await?;
    let most = FOLDED_ENTRIES as i64 + 1;
    let rows = transaction.query(&statement, &[&buckets, &since, &cut_ms, &most]).await?;
    Ok(rows.iter().map(Line::read).collect::<Result<_, _>>()?)
}

/// What the bases say of the items that are told of, and of all purses.
async fn base(transaction: &Transaction<'_>, portions: &[Portion]) -> Result<Base, Fault> {
    let buckets: Vec<i16> = portions.iter().map(|portion| portion.bucket).collect();
    let told = portions.iter().flat_map(|portion| &portion.lines);
    let item = |line: &Line| match line.subject {
        Subject::Item { item, .. } => Some(Id128(item)),
        Subject::Gold { .. } => None,
    };
    let items: Vec<Id128> = told.filter_map(item).collect();
    let sql = "SELECT item, bucket, kind, effects, place_kind, place_owner, place_slot FROM ledger_base_items \
               WHERE bucket = ANY ($1) AND item = ANY ($2)";
    let statement = transaction.prepare_cached(sql).await?;
    let items = transaction.query(&statement, &[&buckets, &items]).await?;
    let sql = "SELECT kind, owner, bucket, balance FROM ledger_base_purses WHERE bucket = ANY ($1)";
    let statement = transaction.prepare_cached(sql).await?;
    let purses = transaction.query(&statement, &[&buckets]).await?;
    Ok(Base {
        items: items.iter().map(ItemRow::read).collect::<Result<_, _>>()?,
        purses: purses.iter().map(PurseRow::read).collect::<Result<_, _>>()?,
        ..Base::default()
    })
}

/// Entries that are not folded although one with a higher number is, by bucket.
async fn late(
    transaction: &Transaction<'_>,
    portions: &[Portion],
) -> Result<BTreeMap<i16, Vec<Line>>, Fault> {
    let (mut buckets, mut until, mut top) = (Vec::new(), Vec::new(), Vec::new());
    for portion in portions {
        if let Some(last) = portion.lines.last() {
            buckets.push(portion.bucket);
            until.push(portion.until_ms);
            top.push(last.entry);
        }
    }
    let sql = concat!(
        "SELECT found.* FROM unnest($1::smallint[], $2::bigint[], $3::bigint[]) AS given (of_bucket, until, top) \
         CROSS JOIN LATERAL (SELECT ",
        ledger_columns!(),
        " FROM ledger WHERE bucket = given.of_bucket AND at_ms >= given.until AND at_ms < given.until + $4 \
         AND entry < given.top) AS found LIMIT $5"
    );
    let statement = transaction.prepare_cached(sql).await?;
    let most = FOLDED_ENTRIES as i64 + 1;
    let rows = transaction.query(&statement, &[&buckets, &until, &top, &CLOCK_BACK_MS, &most]).await?;
    if rows.len() > FOLDED_ENTRIES {
        let what = "too many entries of the ledger are older than those before them".to_owned();
        return Err(Failure::Corrupt(what).into());
    }
    let mut late: BTreeMap<i16, Vec<Line>> = BTreeMap::new();
    for row in &rows {
        let line = Line::read(row)?;
        late.entry(line.bucket as i16).or_default().push(line);
    }
    Ok(late)
}

async fn write(transaction: &Transaction<'_>, done: &[Folded]) -> Result<(), Fault> {
    write_items(transaction, done).await?;
    write_purses(transaction, done).await?;
    let sums = done.iter().flat_map(|folded| &folded.sums);
    let (mut buckets, mut cash, mut ways, mut reasons, mut amounts) =
        (vec![], vec![], vec![], vec![], vec![]);
    for sum in sums {
        buckets.push(sum.bucket as i16);
        cash.push(i16::from(sum.is_cash));
        ways.push(sum.way as i16);
        reasons.push(sum.reason.as_str());
        amounts.push(sum.amount);
    }
    if !buckets.is_empty() {
        let sql = "INSERT INTO ledger_base_sums (bucket, cash, way, reason, amount) \
                   SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::smallint[], $4::text[], $5::bigint[]) \
                   ON CONFLICT (bucket, cash, way, reason) DO UPDATE \
                   SET amount = ledger_base_sums.amount + excluded.amount";
        let statement = transaction.prepare_cached(sql).await?;
        transaction.execute(&statement, &[&buckets, &cash, &ways, &reasons, &amounts]).await?;
    }
    let horizons = done.iter().map(|folded| &folded.horizon);
    let buckets: Vec<i16> = horizons.clone().map(|horizon| horizon.bucket as i16).collect();
    let until: Vec<i64> = horizons.clone().map(|horizon| horizon.until_ms).collect();
    let crossings: Vec<Vec<u8>> = horizons.map(|horizon| sums_bytes(&horizon.crossings)).collect();
    let sql = "INSERT INTO ledger_horizons (bucket, until_ms, crossings) \
               SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[]) \
               ON CONFLICT (bucket) DO UPDATE SET until_ms = excluded.until_ms, crossings = excluded.crossings";
    let statement = transaction.prepare_cached(sql).await?;
    transaction.execute(&statement, &[&buckets, &until, &crossings]).await?;
    Ok(())
}

async fn write_items(transaction: &Transaction<'_>, done: &[Folded]) -> Result<(), Fault> {
    let gone = done
        .iter()
        .flat_map(|folded| folded.gone.iter().map(|item| (folded.horizon.bucket as i16, Id128(*item))));
    let (buckets, items): (Vec<i16>, Vec<Id128>) = gone.unzip();
    if !items.is_empty() {
        let sql = "DELETE FROM ledger_base_items AS base USING unnest($1::smallint[], $2::uuid[]) AS given (bucket, item) \
                   WHERE base.bucket = given.bucket AND base.item = given.item";
        let statement = transaction.prepare_cached(sql).await?;
        transaction.execute(&statement, &[&buckets, &items]).await?;
    }
    let here: Vec<&ItemRow> = done.iter().flat_map(|folded| &folded.here).collect();
    if here.is_empty() {
        return Ok(());
    }
    let buckets: Vec<i16> = here.iter().map(|item| item.bucket as i16).collect();
    let ids: Vec<Id128> = here.iter().map(|item| Id128(item.id)).collect();
    let kinds: Vec<i32> = here.iter().map(|item| item.kind as i32).collect();
    let effects: Vec<&[u8]> = here.iter().map(|item| item.effects.as_slice()).collect();
    let place_kinds: Vec<i16> = here.iter().map(|item| item.spot.kind as i16).collect();
    let owners: Vec<i64> = here.iter().map(|item| item.spot.owner).collect();
    let slots: Vec<i32> = here.iter().map(|item| item.spot.slot as i32).collect();
    let sql = "INSERT INTO ledger_base_items (bucket, item, kind, effects, place_kind, place_owner, place_slot) \
               SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::integer[], $4::bytea[], $5::smallint[], $6::bigint[], \
               $7::integer[]) ON CONFLICT (bucket, item) DO UPDATE SET kind = excluded.kind, \
               effects = excluded.effects, place_kind = excluded.place_kind, place_owner = excluded.place_owner, \
               place_slot = excluded.place_slot";
    let statement = transaction.prepare_cached(sql).await?;
    transaction
        .execute(&statement, &[&buckets, &ids, &kinds, &effects, &place_kinds, &owners, &slots])
        .await?;
    Ok(())
}

async fn write_purses(transaction: &Transaction<'_>, done: &[Folded]) -> Result<(), Fault> {
    let (mut buckets, mut kinds, mut owners, mut balances) = (vec![], vec![], vec![], vec![]);
    for purse in done.iter().flat_map(|folded| &folded.purses) {
        buckets.push(purse.bucket as i16);
        kinds.push(purse.kind as i16);
        owners.push(purse.owner);
        balances.push(purse.balance);
    }
    if buckets.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO ledger_base_purses (bucket, kind, owner, balance) \
               SELECT * FROM unnest($1::smallint[], $2::smallint[], $3::bigint[], $4::bigint[]) \
               ON CONFLICT (bucket, kind, owner) DO UPDATE SET balance = excluded.balance";
    let statement = transaction.prepare_cached(sql).await?;
    transaction.execute(&statement, &[&buckets, &kinds, &owners, &balances]).await?;
    let sql = "DELETE FROM ledger_base_purses WHERE bucket = ANY ($1) AND balance = 0";
    let statement = transaction.prepare_cached(sql).await?;
    transaction.execute(&statement, &[&buckets]).await?;
    Ok(())
}
