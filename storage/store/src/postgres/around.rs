//! Asks all shards for what a repair of one bucket must know of the others: see [`crate::examine::around`].

use super::Postgres;
use super::database::Step;
use super::fault::Fault;
use super::homes::entries_at_home;
use super::values::Id128;
use crate::examine::around::{Around, BASE_OF, LINES_OF, in_question};
use crate::examine::{ItemRow, Shelf};
use crate::ledger::Line;
use crate::rows::Fields;
use deadpool_postgres::Client;
use model::calls::database::{Failure, RepairBucket};
use model::id::AccountId;
use std::sync::LazyLock;

/// Items that are asked for at once.
const ITEMS: usize = 500;

impl Postgres {
    /// What is elsewhere of what is not right on a shelf; `account` is one of its bucket.
    pub(super) async fn around(
        &self,
        order: &RepairBucket,
        account: AccountId,
        shelf: &Shelf,
    ) -> Result<Around, Failure> {
        let items = in_question(shelf, order);
        let mut around = Around::new(order.bucket, &items);
        let own = self.atlas().map.shard_of(account);
        for some in items.chunks(ITEMS) {
            let wanted = LookAround(some.iter().copied().map(Id128).collect());
            // what goes from shard to shard while they are asked may be missed by one look
            for _ in 0..2 {
                for (shard, seen) in self.everywhere(&wanted).await? {
                    for Row { item, bucket, is_home } in seen.rows {
                        // a row that is a stray on another shard ends as such
                        let is_own = is_home && bucket == i64::from(order.bucket);
                        if !is_own && (is_home || shard == own) {
                            around.row(item);
                        }
                    }
                    around.ledger(seen.base, seen.lines);
                }
            }
        }
        Ok(around)
    }
}

struct LookAround(Vec<Id128>);

/// A row of an item, and whether its bucket is at home where it lies.
struct Row {
    item: u128,
    bucket: i64,
    is_home: bool,
}

struct Seen {
    rows: Vec<Row>,
    base: Vec<ItemRow>,
    lines: Vec<Line>,
}

const ROWS: &str = "SELECT id, bucket, EXISTS (SELECT 1 FROM bucket_homes AS home \
     WHERE home.bucket = items.bucket AND home.state <= 2) FROM items WHERE id = ANY ($1)";
static LINES: LazyLock<String> =
    LazyLock::new(|| entries_at_home(&format!("{LINES_OF} = ANY ($1) ORDER BY entry")));
static BASE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{BASE_OF} = ANY ($1) AND EXISTS (SELECT 1 FROM bucket_homes AS home \
         WHERE home.bucket = base.bucket AND home.state <= 2)"
    )
});

impl Step for LookAround {
    type Outcome = Seen;

    async fn run(&self, client: &mut Client) -> Result<Seen, Fault> {
        let statement = client.prepare_cached(ROWS).await?;
        let rows = client.query(&statement, &[&self.0]).await?;
        let rows = rows.iter().map(|row| {
            let is_home = row.try_get(2).map_err(|error| Failure::Corrupt(error.to_string()))?;
            Ok(Row { item: row.id128(0)?, bucket: row.int(1)?, is_home })
        });
        let rows = rows.collect::<Result<_, Failure>>()?;
        let statement = client.prepare_cached(&LINES).await?;
        let lines = client.query(&statement, &[&self.0]).await?;
        let statement = client.prepare_cached(&BASE).await?;
        let base = client.query(&statement, &[&self.0]).await?;
        Ok(Seen {
            rows,
            base: base.iter().map(ItemRow::read).collect::<Result<_, _>>()?,
            lines: lines.iter().map(Line::read).collect::<Result<_, _>>()?,
        })
    }
}
