//! The controller: one process at a time writes the slot table.

use crate::borders::BorderShare;
use crate::membership::Cluster;
use crate::wishes::Heard;
use crate::{LEASE, RENEW_EVERY};
use model::calls::cluster::{ReadCluster, Wishes};
use model::calls::database::{Failure, HoldController, WriteSlots};
use model::membership::{ClusterView, Member, NamedZone, Role, Slot, SlotTable};
use placement::{Node, ZoneTable, nodes_of, plan_slots};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::Store;
use telemetry::Process;
use tokio::time::{MissedTickBehavior, interval};

/// Districts that change their node in one round only because the ring or the operator would rather have them elsewhere.
const MOVES_PER_ROUND: usize = 4;
/// While a cluster starts, nothing is placed until no new node has turned up for this long: the first node
/// that is up would otherwise be given the zones of those that are about to be.
const SETTLE: Duration = Duration::from_millis(1_500);
/// How long after its own start a controller takes the cluster for starting.
const STARTING: Duration = Duration::from_secs(8);

/// Run by every TMSrv: whoever holds the controller's lease places zones on live nodes.
///
/// Nodes whose content differs from the caller's are given nothing, and the log says which. What the operator
/// wishes is read in each round and carried out a few districts a second.
pub async fn run_controller(
    process: Process,
    cluster: Cluster,
    db: Arc<dyn Store>,
    named_zones: Vec<NamedZone>,
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
    };
    let mut every = interval(RENEW_EVERY / 2);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut round = 0_u64;
    loop {
        tokio::select! {
            () = process.stop.cancelled() => return,
            _ = every.tick() => {}
        }
        round += 1;
        let moves = if round.is_multiple_of(2) { MOVES_PER_ROUND } else { 0 };
        if let Err(failure) = controller.round(moves).await {
            tracing::debug!(%failure, "no round of the controller");
        }
    }
}

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
        let ClusterView { members, table } = heard.stored;
        let report = self.db.read_cluster(ReadCluster).await?;
        self.heard.tell(&report);
        let nodes = self.usable_nodes(&members);
        let starting = table.version == 0 || self.began.elapsed() < STARTING;
        if nodes.is_empty() || (starting && !self.settled(&nodes)) {
            return Ok(());
        }
        self.write_if_changed(table, &nodes, &report.wishes, moves).await
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
        nodes_of(members.iter(), Some(wanted))
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
        wishes: &Wishes,
        moves: usize,
    ) -> Result<(), Failure> {
        let zones = ZoneTable::new(self.named_zones.clone());
        let current: Vec<Slot> = if table.named_zones == self.named_zones {
            table.slots.clone()
        } else {
            // zone ids mean other tiles now: every zone is placed anew, under a higher epoch
            table.slots.iter().map(|slot| Slot { owner: None, ..slot.clone() }).collect()
        };
        let next = plan_slots(&current, &zones, nodes, wishes, moves);
        if next == table.slots && table.named_zones == self.named_zones {
            return Ok(());
        }
        let changed = next.iter().filter(|slot| !table.slots.contains(slot)).count();
        let write = WriteSlots {
            expected_version: table.version,
            named_zones: self.named_zones.clone(),
            slots: next,
        };
        match self.db.write_slots(write).await? {
            Ok(version) => tracing::info!(version, changed, nodes = nodes.len(), "wrote the slot table"),
            Err(conflict) => tracing::info!(%conflict, "another controller wrote first"),
        }
        Ok(())
    }
}
