//! Opens the zones that the map gives to this node, and closes those that it takes.

use crate::ground;
use crate::host::Order;
use crate::node::Node;
use crate::populations;
use crate::records::scope_of;
use cluster::View;
use model::population::AgedPopulation;
use model::{Epoch, ZoneId};
use placement::ZoneTable;
use std::collections::BTreeMap;
use std::sync::Arc;
use world::{Zone, ZoneSetup};

/// Follows the view of the cluster until the process stops.
pub(crate) async fn run(node: Arc<Node>) {
    let mut views = node.cluster.watch();
    loop {
        let view = Arc::clone(&views.borrow_and_update());
        apply(&node, &view).await;
        tokio::select! {
            () = node.process.stop.cancelled() => return,
            changed = views.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

async fn apply(node: &Arc<Node>, view: &View) {
    if view.version == 0 {
        return;
    }
    let known = node.table.load_full();
    if *known != view.zones {
        let table = Arc::new(view.zones.clone());
        // instances are of no interest to other zones
        let hosts = if known.divides_like(&table) { &[][..] } else { &node.hosts[..] };
        for host in hosts {
            // who is gone has stopped the process already
            let _ = host.send(Order::Map(Arc::clone(&table))).await;
        }
        // not before: who is told to watch a part has to know where it lies
        node.table.store(table);
    }
    let mine = view.slots().iter().filter(|slot| slot.owner.as_ref() == Some(&node.name));
    let wanted: BTreeMap<ZoneId, Epoch> = mine.map(|slot| (slot.zone, slot.epoch)).collect();
    let present = node.zones.read().clone();
    let lost = present.iter().filter(|(zone, epoch)| wanted.get(zone) != Some(epoch));
    let lost: Vec<ZoneId> = lost.map(|(zone, _)| *zone).collect();
    for zone in &lost {
        node.zones.write().remove(zone);
        node.order(*zone, Order::Close(*zone)).await;
    }
    let gained = wanted.into_iter().filter(|(zone, epoch)| present.get(zone) != Some(epoch));
    let gained: Vec<(ZoneId, Epoch)> = gained.collect();
    let opened = gained.len();
    if opened > 0 {
        let zones = gained.iter().map(|(zone, _)| *zone).collect();
        open(node, gained).await;
        node.process.tasks.spawn("ground", ground::bring(Arc::clone(node), zones));
    }
    if opened > 0 || !lost.is_empty() {
        tracing::info!(version = view.version, opened, closed = lost.len(), "took the map over");
    }
    node.process.health.ready("zones", true);
}

async fn open(node: &Arc<Node>, gained: Vec<(ZoneId, Epoch)>) {
    let table = node.table.load_full();
    let known = populations::of_zones(node, &table, &gained).await;
    let building = Arc::clone(node);
    let wanted = gained.clone();
    // filling a zone with creatures takes milliseconds: not on a game thread, whose other zones go on
    let built = tokio::task::spawn_blocking(move || {
        wanted
            .into_iter()
            .filter_map(|(id, epoch)| build(&building, id, epoch, &table, &known))
            .collect::<Vec<Zone>>()
    });
    let Ok(zones) = built.await else {
        tracing::error!("zones could not be built");
        node.process.stop.cancel();
        return;
    };
    for zone in zones {
        let id = zone.id();
        node.order(id, Order::Open(Box::new(zone))).await;
        if let Some((_, epoch)) = gained.iter().find(|(gained, _)| *gained == id) {
            node.zones.write().insert(id, *epoch);
        }
    }
}

fn build(
    node: &Node,
    id: ZoneId,
    epoch: Epoch,
    table: &Arc<ZoneTable>,
    known: &BTreeMap<u64, Vec<AgedPopulation>>,
) -> Option<Zone> {
    let seed: u64 = rand::random();
    tracing::debug!(zone = %table.name(id), seed, "opening a zone");
    let content = Arc::clone(&node.content);
    let inherits = known.get(&scope_of(id)).cloned().unwrap_or_default();
    let (zones, populate) = (Arc::clone(table), node.populate);
    let setup = ZoneSetup { id, zones, content, epoch, seed, populate, inherits };
    Zone::new(setup, node.clock.now())
}
