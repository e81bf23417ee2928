//! `fsck` over all shards: items that are on two of them, and what went from bucket to bucket.
//!
//! The shards cannot be read at one moment. An item that seems to be on two may have gone from the one to the other
//! between the two reads, so it is looked at again: it is wrong when each shard has it at a moment at which the other
//! had it before and after.

use super::Postgres;
use super::check::one_moment;
use super::database::Step;
use super::fault::Fault;
use super::homes::entries_at_home;
use super::values::Id128;
use crate::examine::base::Horizon;
use crate::examine::crossings::{SIDES, listed, with_folded};
use crate::ledger::Line;
use crate::rows::Fields;
use deadpool_postgres::Client;
use model::calls::database::{CheckItems, CheckedItems, Crossings, Failure, Finding, ListCrossings};
use model::calls::ledger::{CROSSINGS_MAX, ENTRIES_MAX, Wrong};
use model::id::ItemId;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Most items of one shard in one look.
const ITEMS_MAX: u32 = 4 * ENTRIES_MAX;

impl Postgres {
    pub(super) async fn examine_items(&self, request: &CheckItems) -> Result<CheckedItems, Failure> {
        let request = CheckItems { limit: request.limit.clamp(1, ITEMS_MAX), ..*request };
        let pages = self.everywhere(&request).await?;
        // all shards have told everything up to here
        let full = pages.iter().filter(|(_, page)| page.len() >= request.limit as usize);
        let end = full.filter_map(|(_, page)| page.last().copied()).min();
        let mut shards_of: BTreeMap<u128, Vec<usize>> = BTreeMap::new();
        for (shard, page) in &pages {
            for item in page.iter().filter(|item| end.is_none_or(|end| **item <= end)) {
                shards_of.entry(*item).or_default().push(usize::from(*shard));
            }
        }
        let mut findings = Vec::new();
        for (item, shards) in shards_of {
            if let [first, second, ..] = shards[..]
                && self.is_on_both(item, first, second).await?
            {
                let what = format!("is on shard {first} and on shard {second}");
                let finding = Finding::new(Wrong::Twice, what);
                findings.push(Finding { item: Some(ItemId(item)), ..finding });
            }
        }
        Ok(CheckedItems { findings, next: end.map(ItemId) })
    }

    /// Looks at the shards in turn: an item that only went from one to the other is missing at one of the looks,
    /// unless it goes to and fro as fast as we look.
    async fn is_on_both(&self, item: u128, first: usize, second: usize) -> Result<bool, Failure> {
        let atlas = self.atlas();
        for shard in [first, second, first, second, first] {
            if !atlas.shards[shard].run(&IsThere(item)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) async fn crossings_of(&self, request: &ListCrossings) -> Result<Crossings, Failure> {
        let mut all = Crossings::default();
        for (_, answer) in self.everywhere(request).await? {
            all.sides.extend(answer.sides);
            all.more |= answer.more;
            all.folded = all.folded.wrapping_add(answer.folded);
            all.folded_until_ms = all.folded_until_ms.max(answer.folded_until_ms);
        }
        Ok(all)
    }
}

impl Step for CheckItems {
    type Outcome = Vec<u128>;

    async fn run(&self, client: &mut Client) -> Result<Vec<u128>, Fault> {
        let sql = "SELECT id FROM items WHERE id > $1 ORDER BY id LIMIT $2";
        let statement = client.prepare_cached(sql).await?;
        let after = Id128(self.after.map_or(0, |item| item.0));
        let rows = client.query(&statement, &[&after, &i64::from(self.limit)]).await?;
        Ok(rows.iter().map(|row| row.id128(0)).collect::<Result<_, _>>()?)
    }
}

/// Whether an item is on a shard.
struct IsThere(u128);

impl Step for IsThere {
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        let statement = client.prepare_cached("SELECT 1 FROM items WHERE id = $1").await?;
        Ok(client.query_opt(&statement, &[&Id128(self.0)]).await?.is_some())
    }
}

/// Entries that arrive, or are not deleted yet, are told by the shard where their bucket is at home.
static AT_HOME: LazyLock<String> = LazyLock::new(|| entries_at_home(SIDES));

const HORIZONS_AT_HOME: &str = "SELECT horizon.bucket, horizon.until_ms, horizon.crossings \
     FROM ledger_horizons AS horizon JOIN bucket_homes AS home ON home.bucket = horizon.bucket AND home.state <= 2";

impl Step for ListCrossings {
    type Outcome = Crossings;

    async fn run(&self, client: &mut Client) -> Result<Crossings, Fault> {
        let client = one_moment(client).await?;
        let statement = client.prepare_cached(&AT_HOME).await?;
        let (first, last) = (Id128(self.first.0), Id128(self.last.0));
        let rows = client.query(&statement, &[&first, &last, &i64::from(CROSSINGS_MAX)]).await?;
        let lines = rows.iter().map(Line::read).collect::<Result<Vec<_>, _>>()?;
        let mut answer = listed(&lines)?;
        if self.with_folded {
            let statement = client.prepare_cached(HORIZONS_AT_HOME).await?;
            let rows = client.query(&statement, &[]).await?;
            let horizons = rows.iter().map(Horizon::read).collect::<Result<Vec<_>, _>>()?;
            answer = with_folded(answer, self.first, &horizons);
        }
        client.commit().await?;
        Ok(answer)
    }
}
