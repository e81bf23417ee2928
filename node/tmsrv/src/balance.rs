//! The controller's look at what zones cost: a node that has too much gives one to another, and a zone that is too much is cut.
//!
//! Every node looks; only the one that controls the cluster asks the others what their zones cost. It keeps in the store what
//! `placement::Weigher` makes of it, and wishes in the place of an operator what `placement::Balancer` comes to.

use crate::node::Node;
use model::calls::cluster::{ClusterReport, MakeWish, ReadCluster};
use model::calls::sibling::{Reply, Request};
use model::membership::{Member, ProcessName, Role};
use placement::{Balancer, Look, NodeCosts, Seen, Weigher, ZoneTable, nodes_of, wished_zones};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often costs are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long one answer may take.
const DEADLINE: Duration = Duration::from_secs(1);
/// Whose wishes they are, for the log.
const BY: &str = "controller, by measured cost";

/// What the zones of this node cost.
pub(crate) fn own(node: &Node) -> NodeCosts {
    NodeCosts { threads: u32::try_from(node.hosts.len()).unwrap_or(u32::MAX), zones: node.loads.costs() }
}

/// Looks until the process stops.
pub(crate) async fn run(node: Arc<Node>) {
    let mut every = interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut balancer, mut weigher) = (Balancer::default(), Weigher::default());
    loop {
        tokio::select! {
            () = node.process.stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let Ok(report) = node.store.read_cluster(ReadCluster).await else { continue };
        if report.controller.as_ref() != Some(&node.name) {
            (balancer, weigher) = Default::default();
            continue;
        }
        let costs = ask(&node, &report).await;
        weigh(&node, &mut weigher, &report, &costs).await;
        if node.settings.get().overload.balance {
            look(&node, &mut balancer, &report, &costs).await;
        } else {
            balancer = Balancer::default();
        }
    }
}

async fn weigh(node: &Node, weigher: &mut Weigher, report: &ClusterReport, costs: &Costs) {
    let nodes = nodes_of(report.live(), report.content_hash());
    let zones = ZoneTable::new(report.table.named_zones.clone());
    let kept = weigher.look(Seen {
        slots: &report.table.slots,
        zones: &zones,
        nodes: &nodes,
        costs,
        wishes: &report.wishes,
        weights: &report.weights,
    });
    let Some(kept) = kept else { return };
    let (zones, recount) = (kept.measured.len(), kept.recount);
    match node.store.keep_costs(kept).await {
        Ok(()) if recount => {
            tracing::info!(zones, "a node has had more than its share for long: zones are counted anew")
        }
        Ok(()) => tracing::debug!(zones, "costs of zones are kept"),
        Err(failure) => tracing::debug!(%failure, "costs of zones could not be kept"),
    }
}

type Costs = BTreeMap<ProcessName, NodeCosts>;

async fn look(node: &Node, balancer: &mut Balancer, report: &ClusterReport, costs: &Costs) {
    let zones = wished_zones(report);
    let splits = node.settings.get().overload.split;
    let look = Look { slots: &report.table.slots, zones: &zones, costs, wishes: &report.wishes, splits };
    for wish in balancer.look(look) {
        tracing::info!(%wish, "wished by what zones cost");
        let made = node.store.make_wish(MakeWish { by: BY.to_owned(), wish }).await;
        match made {
            Ok(Ok(granted)) if granted.changed => node.metrics.balanced.inc(),
            Ok(Ok(_)) => {}
            Ok(Err(refusal)) => return tracing::info!(%refusal, "the wish was refused"),
            Err(failure) => return tracing::info!(%failure, "it could not be wished"),
        }
    }
}

/// What the nodes say that may be given zones; who does not answer is left out.
async fn ask(node: &Node, report: &ClusterReport) -> Costs {
    let usable = nodes_of(report.live(), report.content_hash());
    let is_usable = |member: &&Member| {
        member.role == Role::TmSrv && usable.iter().any(|usable| usable.name == member.name)
    };
    let asked = report.live().filter(is_usable).map(|member| async move {
        if member.name == node.name {
            return Some((member.name.clone(), own(node)));
        }
        match node.siblings.client(member).call(&Request::Costs, DEADLINE).await {
            Ok(Reply::Costs { threads, zones }) => {
                Some((member.name.clone(), NodeCosts { threads, zones: zones.into_iter().collect() }))
            }
            _ => None,
        }
    });
    futures::future::join_all(asked).await.into_iter().flatten().collect()
}
