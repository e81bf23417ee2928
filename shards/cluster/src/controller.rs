//! The controller: one process at a time writes the slot table.

use crate::borders::BorderShare;
use crate::membership::Cluster;
use crate::view::View;
use crate::wishes::Heard;
use crate::{LEASE, RENEW_EVERY};
use model::Epoch;
use model::calls::cluster::{CloseReason, ClusterReport, MakeWish, ReadCluster, Wish, Wishes};
use model::calls::database::{Failure, HoldController, WriteSlots};
use model::membership::{ClusterView, Member, NamedZone, ProcessName, Role, SlotTable};
use placement::{Basis, Node, ZoneTable, counts, nodes_of, plan_slots, wished};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use store::planted::{self, Bug};
use telemetry::Process;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Districts that change their node in one round only because the ring or the operator would rather have them elsewhere.
const MOVES_PER_ROUND: usize = 4;
/// While a cluster starts, nothing is placed until no new node has turned up for this long: the first node
/// that is up would otherwise be given the zones of those that are about to be.
const SETTLE: Duration = Duration::from_millis(1_500);
/// How long after its own start a controller takes the cluster for starting.
const STARTING: Duration = Duration::from_secs(8);

/// Whose wishes those of the controller are, for the log.
const BY: &str = "controller";

/// Run by every TMSrv: whoever holds the controller's lease places zones on live nodes.
///
/// Nodes whose content differs from the caller's are given nothing, and the log says which; neither are those that `avoid`
/// names, which lose what they have. What the operator wishes is read in each round and carried out a few districts a
/// second. A change that is announced, or told by `avoid`, is looked at at once.
pub async fn run_controller(
    process: Process,
    cluster: Cluster,
    db: Arc<dyn Store>,
    named_zones: Vec<NamedZone>,
    avoid: Avoid,
) {
    let mut controller = Controller {
        cluster,
        db,
        named_zones,
        known: BTreeSet::new(),
        began: Instant::now(),
        settled_since: Instant::now(),
        refused: BTreeSet::new(),
        heard: Heard::default(),
        borders: BorderShare::new(&process.metrics),
        holds: false,
        avoid: avoid.nodes,
        avoided: BTreeSet::new(),
    };
    let mut announced = controller.cluster.announced();
    let mut every = interval(RENEW_EVERY / 2);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0_u64;
    loop {
        let regular = tokio::select! {
            biased; // a simulation gives the same bytes for the same seed
            () = process.stop.cancelled() => return,
            _ = every.tick() => true,
            () = avoid.changed.notified() => false,
            changed = announced.changed() => match changed {
                Ok(()) => false,
                Err(_) => return,
            },
        };
        round += u64::from(regular);
        let moves = if regular && round.is_multiple_of(2) { MOVES_PER_ROUND } else { 0 };
        if let Err(failure) = controller.round(moves).await {
            tracing::debug!(%failure, "no round of the controller");
        }
    }
}

/// Which nodes are given nothing, besides those that an operator drains.
pub struct Avoid {
    /// They, by what is known at the moment.
    pub nodes: Nodes,
    /// Told when there may be others.
    pub changed: Arc<Notify>,
}

/// Nobody.
impl Default for Avoid {
    fn default() -> Self {
        Self { nodes: Box::new(|_| BTreeSet::new()), changed: Arc::default() }
    }
}

type Nodes = Box<dyn Fn(&View) -> BTreeSet<ProcessName> + Send + Sync>;

struct Controller {
    cluster: Cluster,
    db: Arc<dyn Store>,
    named_zones: Vec<NamedZone>,
    known: BTreeSet<String>,
    began: Instant,
    settled_since: Instant,
    refused: BTreeSet<String>,
    heard: Heard,
    borders: BorderShare,
    holds: bool,
    avoid: Nodes,
    avoided: BTreeSet<ProcessName>,
}

impl Controller {
    async fn round(&mut self, moves: usize) -> Result<(), Failure> {
        let me = self.cluster.me();
        let hold = HoldController {
            name: me.name.clone(),
            incarnation: me.incarnation,
            lease_ms: LEASE.as_millis() as u64,
        };
        let holds = self.db.hold_controller(hold).await?;
        if holds != self.holds {
            tracing::info!(holds, "the controller's lease changed hands");
            self.holds = holds;
        }
        if !holds {
            self.borders.clear();
            return Ok(());
        }
        self.borders.show(&self.cluster.view());
        let heard = self.cluster.read().await?;
        if heard.forgives {
            return Ok(());
        }
        let ClusterView { members, table, .. } = heard.stored;
        let report = self.db.read_cluster(ReadCluster).await?;
        let report = if self.close_what_is_over(&report).await? {
            self.db.read_cluster(ReadCluster).await?
        } else {
            report
        };
        self.heard.tell(&report);
        let nodes = self.usable_nodes(&members);
        let starting = table.version == 0 || self.began.elapsed() < STARTING;
        if nodes.is_empty() || (starting && !self.settled(&nodes)) {
            return Ok(());
        }
        self.write_if_changed(table, &nodes, &report, moves).await
    }

    /// Closes the instances whose time is over by the clock of the metadata database; true when there were some.
    async fn close_what_is_over(&self, report: &ClusterReport) -> Result<bool, Failure> {
        let over = report.wishes.instances.iter().filter(|(_, open)| open.until_ms <= report.now_ms);
        let mut any = false;
        for (instance, _) in over {
            any = true;
            let wish = Wish::CloseInstance { instance: *instance, why: CloseReason::Deadline };
            let made = self.db.make_wish(MakeWish { by: BY.to_owned(), wish }).await?;
            if let Err(refusal) = made {
                tracing::warn!(instance, %refusal, "an instance whose time is over cannot be closed");
            }
        }
        Ok(any)
    }

    fn usable_nodes(&mut self, members: &[Member]) -> Vec<Node> {
        let wanted = self.cluster.me().content_hash;
        for member in members.iter().filter(|member| member.role == Role::TmSrv) {
            if member.content_hash == wanted {
                self.refused.remove(member.name.as_str());
            } else if self.refused.insert(member.name.as_str().to_owned()) {
                tracing::error!(
                    member = %member.name,
                    found = format!("{:016x}", member.content_hash),
                    expected = format!("{wanted:016x}"),
                    "a node runs on other content and is given no zones"
                );
            }
        }
        let avoided = (self.avoid)(&self.cluster.view());
        for node in avoided.difference(&self.avoided) {
            tracing::warn!(%node, "no edge reaches a node: it is given nothing until one does");
        }
        for node in self.avoided.difference(&avoided) {
            tracing::info!(%node, "a node is reached again");
        }
        self.avoided = avoided;
        let reached = members.iter().filter(|member| !self.avoided.contains(&member.name));
        nodes_of(reached, Some(wanted))
    }

    fn settled(&mut self, nodes: &[Node]) -> bool {
        let names: BTreeSet<String> = nodes.iter().map(|node| node.name.as_str().to_owned()).collect();
        if names != self.known {
            self.known = names;
            self.settled_since = Instant::now();
        }
        self.settled_since.elapsed() >= SETTLE
    }

    async fn write_if_changed(
        &self,
        table: SlotTable,
        nodes: &[Node],
        ClusterReport { wishes, weights, .. }: &ClusterReport,
        moves: usize,
    ) -> Result<(), Failure> {
        let stored = ZoneTable::new(table.named_zones.clone());
        let of_content = ZoneTable::new(self.named_zones.clone());
        let zones = wished(&of_content, wishes);
        let mut current = zones.carry_over(&stored, &table);
        if planted::is(Bug::PartEpochForgotten) {
            let had = |zone| table.slots.iter().any(|slot| slot.zone == zone);
            current.iter_mut().filter(|slot| !had(slot.zone)).for_each(|slot| slot.epoch = Epoch(0));
        }
        let none_drained;
        let wishes = if planted::is(Bug::DrainForgotten) {
            none_drained = Wishes { drained: BTreeSet::new(), ..wishes.clone() };
            &none_drained
        } else {
            wishes
        };
        let counts = counts(weights, nodes, wishes);
        let basis = Basis { zones: &zones, nodes, wishes, counts: &counts };
        let mut next = plan_slots(&current, basis, moves);
        if planted::is(Bug::ZoneEpochKept) {
            for slot in &mut next {
                let old = current.iter().find(|old| old.zone == slot.zone);
                slot.epoch = old.map_or(slot.epoch, |old| Epoch(old.epoch.0.max(1)));
            }
        }
        let counts = (counts != weights.counts).then_some(counts);
        if next == table.slots && table.named_zones == zones.named() && counts.is_none() {
            return Ok(());
        }
        let changed = next.iter().filter(|slot| !table.slots.contains(slot)).count();
        let write = WriteSlots {
            expected_version: table.version,
            named_zones: zones.named().to_vec(),
            slots: next,
            counts,
        };
        match self.db.write_slots(write).await? {
            Ok(version) => tracing::info!(version, changed, nodes = nodes.len(), "wrote the slot table"),
            Err(conflict) => tracing::info!(%conflict, "another controller wrote first"),
        }
        Ok(())
    }
}
