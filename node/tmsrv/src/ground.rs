//! What lies on the ground of zones that this node opens: read from the store, handed to the zones.
//!
//! A zone is played at once; what lies in it comes when the store has said so. It is asked a second time a little
//! later, because a drop that the last owner of the zone began may be done only then.

use crate::clock;
use crate::host::Order;
use crate::node::Node;
use model::calls::database::{Failure, HeldRecord, ListRecords};
use model::calls::records::RECORDS_MAX;
use model::transfer::{RecordKey, RecordKind};
use model::{Tile, ZoneId};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use world::{Input, Lying, Tick};

/// Layout of the body of a ground record.
const BODY_VERSION: u8 = 1;
/// Between the two times that the store is asked, and between tries.
const AGAIN: Duration = Duration::from_secs(10);
/// The most pages of one reading: more would be more than zones hold.
const PAGES_MAX: usize = 10_000;

/// The body of a ground record: version, tile, orientation.
pub(crate) fn body(tile: Tile, rotate: u8) -> Vec<u8> {
    let ([x, xx], [y, yy]) = (tile.x.to_le_bytes(), tile.y.to_le_bytes());
    vec![BODY_VERSION, x, xx, y, yy, rotate]
}

fn read_body(body: &[u8]) -> Option<(Tile, u8)> {
    match *body {
        [BODY_VERSION, x, xx, y, yy, rotate] => {
            let tile = Tile::new(u16::from_le_bytes([x, xx]), u16::from_le_bytes([y, yy]));
            tile.is_on_map().then_some((tile, rotate & 3))
        }
        _ => None,
    }
}

/// Under which number what lies in a zone is looked for: that of the zone of the content, however that is cut at the moment.
pub(crate) fn scope_of(zone: ZoneId) -> u64 {
    u64::from(placement::whole_of(zone).0)
}

/// Brings zones that were opened just now what lies on their ground.
pub(crate) async fn bring(node: Arc<Node>, zones: BTreeSet<ZoneId>) {
    let mut times = 2;
    loop {
        match read(&node, &zones).await {
            Ok(found) => {
                times -= 1;
                for (zone, lying) in found {
                    tracing::debug!(%zone, items = lying.len(), "items lie on the ground");
                    node.order(zone, Order::Input(zone, Input::Ground(lying))).await;
                }
            }
            Err(failure) => tracing::warn!(%failure, "what lies on the ground could not be read yet"),
        }
        if times == 0 {
            return;
        }
        tokio::select! {
            () = node.closing.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

async fn read(node: &Node, zones: &BTreeSet<ZoneId>) -> Result<BTreeMap<ZoneId, Vec<Lying>>, Failure> {
    let mut found: BTreeMap<ZoneId, Vec<Lying>> = BTreeMap::new();
    let scopes: BTreeSet<u64> = zones.iter().map(|zone| scope_of(*zone)).collect();
    let scope = if scopes.len() == 1 { scopes.first().copied() } else { None };
    let table = node.table.load_full();
    let mut after = 0;
    for _ in 0..PAGES_MAX {
        let request = ListRecords { kind: RecordKind::Ground, scope, home: None, after, limit: RECORDS_MAX };
        let permit = node.store_permits.acquire().await;
        let page = node.store.list_records(request).await;
        drop(permit);
        let page = page?;
        let Some(last) = page.last() else { break };
        after = last.record.key.number();
        for held in &page {
            match lying(held, node.clock.now()) {
                Some(lying) => {
                    // not the zone of its tile: who stands near a border reaches over it
                    let whole = ZoneId(u32::try_from(held.record.scope).unwrap_or(u32::MAX));
                    let zone = table.part_of(whole, lying.tile);
                    if zones.contains(&zone) {
                        found.entry(zone).or_default().push(lying);
                    }
                }
                None => tracing::error!(record = ?held.record.key, "a record of the ground cannot be read"),
            }
        }
        if page.len() < RECORDS_MAX as usize {
            break;
        }
    }
    Ok(found)
}

fn lying(held: &HeldRecord, now: Tick) -> Option<Lying> {
    let RecordKey::Ground(id) = held.record.key else { return None };
    let (tile, rotate) = read_body(&held.record.body)?;
    let (_, item) = *held.items.first()?;
    let left_ms = u64::try_from(held.record.until_ms - clock::unix_ms()).unwrap_or(0);
    let until = now.plus(left_ms / Tick::MS);
    Some(Lying { id, home: held.record.home, item, tile, rotate, version: held.record.version, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_says_where_something_lies_and_nothing_else_is_read() {
        let tile = Tile::new(2100, 4095);
        assert_eq!(read_body(&body(tile, 3)), Some((tile, 3)));
        assert_eq!(read_body(&body(Tile::new(4096, 1), 3)), None, "off the map");
        let mut other = body(tile, 3);
        other[0] = 2;
        for bad in [&other[..], &body(tile, 3)[..5], &[]] {
            assert_eq!(read_body(bad), None);
        }
    }
}
