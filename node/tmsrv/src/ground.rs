//! What lies on the ground of zones that this node opens: read from the store, handed to the zones.
//!
//! A zone is played at once; what lies in it comes when the store has said so. It is asked a second time a little
//! later, because a drop that the last owner of the zone began may be done only then.

use crate::clock;
use crate::host::Order;
use crate::jobs::transfer;
use crate::node::Node;
use crate::records::{lying, scope_of};
use model::ZoneId;
use model::calls::database::{Failure, HeldRecord, ListRecords};
use model::calls::records::RECORDS_MAX;
use model::transfer::RecordKind;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use world::{Input, Lying, Plan};

/// Between the two times that the store is asked, and between tries.
const AGAIN: Duration = Duration::from_secs(10);
/// How often it is tried to end what lies in an instance that is gone; a node that starts later does the rest.
const TRIES_MAX: usize = 60;
/// The most pages of one reading: more would be more than zones hold.
const PAGES_MAX: usize = 10_000;

/// Ends what lies on the ground of an instance that is gone: nobody plays it any more to see it end. Looks a second time a little later for
/// what was dropped in its last moment.
pub(crate) async fn clear(node: Arc<Node>, instance: ZoneId) {
    let mut times = 2;
    for _ in 0..TRIES_MAX {
        if times == 0 {
            return;
        }
        let request = |after| ListRecords {
            kind: RecordKind::Ground,
            scope: Some(scope_of(instance)),
            home: None,
            after,
            limit: RECORDS_MAX,
        };
        // what is ended is not found again
        match node.store.list_records(request(0)).await {
            Ok(page) if page.is_empty() => times -= 1,
            Ok(page) => end_all(&node, instance, &page).await,
            Err(failure) => {
                tracing::warn!(%failure, "what lies in an instance that is gone cannot be ended yet")
            }
        }
        tokio::select! {
            () = node.closing.cancelled() => return,
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// Ends items as their zone would, one transfer for each.
async fn end_all(node: &Node, zone: ZoneId, page: &[HeldRecord]) {
    for lying in page.iter().filter_map(|held| lying(held, node.clock.now())) {
        let Some((transfer, _)) = transfer::of_plan(&Plan::expiry(&lying), None, zone) else { continue };
        let permit = node.store_permits.acquire().await;
        // whoever took it meanwhile has it; what is not known is looked at again
        let ended = node.store.transfer(transfer).await;
        drop(permit);
        tracing::debug!(item = ?lying.item.id, ?ended, "what lay in an instance that is gone");
    }
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
    let now_ms = clock::unix_ms();
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
                    let is_orphan = placement::is_instance(whole) && table.bounds(whole).is_none();
                    if is_orphan && held.record.until_ms <= now_ms {
                        // who played that instance died before it could end this
                        end_all(node, whole, std::slice::from_ref(held)).await;
                    }
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
