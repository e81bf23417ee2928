//! Instances of this node: brings guests in, tells how much time is left, and closes those in which nobody is.
//!
//! | what happens | what is done |
//! |---|---|
//! | the map has an instance of which nothing is known | what holds is read; it never changes but for the bounds |
//! | a guest plays here and is not in it | its zone is told to bring it in, every [`LOOK_EVERY`], until it was in it once |
//! | an instance is opened here, or again after a death or a move | its zone is told how much time it has left |
//! | nobody has been in one of this node for a while | its end is wished |
//! | one of this node is gone | it is counted by what ended it, and what lies on its ground ends |
//!
//! Its end at its time is the controller's business, by the clock of the metadata database; here it is only told of.

use crate::ground;
use crate::host::Order;
use crate::node::Node;
use cluster::View;
use model::calls::cluster::{CloseReason, ClusterReport, MakeWish, ReadCluster, Wish};
use model::{CharacterId, Epoch, ZoneId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};
use world::{Input, Summons};

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How old the bounds may be that are gone by.
const BOUNDS_FOR: Duration = Duration::from_secs(10);
/// When players are told in words how much time is left, in seconds.
const NOTICES_S: [u32; 3] = [300, 60, 10];
/// So close to its end one that is gone has ended by itself.
const NEAR_END: Duration = Duration::from_secs(2);

/// What is known of an open instance.
struct Known {
    name: String,
    zone: ZoneId,
    guests: Vec<CharacterId>,
    /// `None` when nobody could stand in it.
    summons: Option<Summons>,
    ends: Instant,
    /// Under which epoch this node plays it and has told it its time.
    told: Option<Epoch>,
    left_s: u32,
    empty_since: Option<Instant>,
    asked_to_close: bool,
}

impl Known {
    fn left_s(&self) -> u32 {
        let left = self.ends.saturating_duration_since(Instant::now());
        u32::try_from(left.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX)
    }
}

#[derive(Default)]
struct Instances {
    known: BTreeMap<u64, Known>,
    empty: Duration,
    read: Option<Instant>,
}

/// Looks until the process stops.
pub(crate) async fn run(node: Arc<Node>) {
    let mut views = node.cluster.watch();
    let mut every = interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut instances = Instances::default();
    loop {
        tokio::select! {
            () = node.process.stop.cancelled() => return,
            _ = every.tick() => {}
            changed = views.changed() => if changed.is_err() { return },
        }
        let view = Arc::clone(&views.borrow_and_update());
        if view.zones.instances().is_empty() && instances.known.is_empty() {
            continue;
        }
        instances.learn(&node, &view).await;
        instances.forget(&node, &view);
        instances.look(&node).await;
        instances.summon(&node, &view).await;
    }
}

impl Instances {
    /// Reads what holds, when there is one of which nothing is known, or to know the bounds.
    async fn learn(&mut self, node: &Node, view: &View) {
        let all_known = view.zones.instances().values().all(|open| self.known.contains_key(&open.instance));
        if all_known && self.read.is_some_and(|read| read.elapsed() < BOUNDS_FOR) {
            return;
        }
        let asked = Instant::now();
        let report = match node.store.read_cluster(ReadCluster).await {
            Ok(report) => report,
            Err(failure) => return tracing::debug!(%failure, "nothing is known of an instance yet"),
        };
        self.read = Some(asked);
        self.empty = Duration::from_secs(report.wishes.limits.empty_s.into());
        for (zone, open) in view.zones.instances() {
            if !self.known.contains_key(&open.instance)
                && let Some(known) = known(node, *zone, open, &report, asked)
            {
                self.known.insert(open.instance, known);
            }
        }
    }

    /// Counts those that are gone, and has what lies on their ground end.
    fn forget(&mut self, node: &Arc<Node>, view: &View) {
        let gone = self.known.extract_if(.., |id, _| view.zones.zone_of_instance(*id).is_none());
        for (id, known) in gone.filter(|(_, known)| known.told.is_some()) {
            let is_over = known.ends.saturating_duration_since(Instant::now()) <= NEAR_END;
            let why = match known.asked_to_close {
                true => CloseReason::Empty,
                false if is_over => CloseReason::Deadline,
                false => CloseReason::Wished,
            };
            tracing::info!(instance = known.name, id, why = why.name(), "an instance has ended");
            node.metrics.instances_closed.with_label_values(&[why.name()]).inc();
            node.process.tasks.spawn("ground", ground::clear(Arc::clone(node), known.zone));
        }
    }

    /// Tells the instances of this node their time, and wishes the end of those in which nobody is.
    async fn look(&mut self, node: &Node) {
        let (mut count, mut players) = (0, 0);
        for (id, known) in &mut self.known {
            let own = node.zones.read().get(&known.zone).copied();
            if own.is_none() {
                (known.told, known.empty_since) = (None, None);
                continue;
            }
            let left_s = known.left_s();
            let passed = |moment: &&u32| known.left_s > **moment && left_s <= **moment;
            let notice = known.told == own && NOTICES_S.iter().find(passed).is_some();
            if known.told != own || notice {
                known.told = own;
                let input = Input::TimeLeft { left_s, notice };
                node.order(known.zone, Order::Input(known.zone, input)).await;
            }
            known.left_s = left_s;
            let inside = node.sessions.in_zone(known.zone);
            count += 1;
            players += inside;
            if inside > 0 {
                known.empty_since = None;
            } else if known.empty_since.get_or_insert_with(Instant::now).elapsed() >= self.empty {
                close(node, *id, known).await;
            }
        }
        node.metrics.instances.set(count);
        node.metrics.instance_players.set(i64::try_from(players).unwrap_or(i64::MAX));
    }

    /// Has the guests brought in who play here.
    async fn summon(&self, node: &Node, view: &View) {
        for known in self.known.values() {
            let Some(to) = known.summons.filter(|_| view.owner(known.zone).is_some()) else { continue };
            for session in known.guests.iter().filter_map(|guest| node.sessions.of_character(*guest)) {
                let place = *session.place.lock();
                if let Some(place) = place.filter(|place| *place != known.zone) {
                    let input = Input::Summon { session: session.id, to };
                    node.order(place, Order::Input(place, input)).await;
                }
            }
        }
    }
}

fn known(
    node: &Node,
    zone: ZoneId,
    open: &placement::InstanceZone,
    report: &ClusterReport,
    asked: Instant,
) -> Option<Known> {
    let instance = report.wishes.instances.get(&open.instance)?;
    let area = open.place.area;
    let entrance = world::entrance(&node.content, area);
    let name = placement::instance_name(&open.place.name, open.instance);
    if entrance.is_none() {
        tracing::error!(
            instance = name,
            "nobody is brought into an instance of a place that is blocked all over"
        );
    }
    let summons = entrance.map(|entrance| Summons { instance: open.instance, zone, area, entrance });
    let left = u64::try_from(instance.until_ms - report.now_ms).unwrap_or(0);
    Some(Known {
        name,
        zone,
        guests: instance.guests.iter().map(|guest| guest.character).collect(),
        summons,
        ends: asked + Duration::from_millis(left),
        told: None,
        left_s: 0,
        empty_since: None,
        asked_to_close: false,
    })
}

async fn close(node: &Node, instance: u64, known: &mut Known) {
    let wish = Wish::CloseInstance { instance, why: CloseReason::Empty };
    match node.store.make_wish(MakeWish { by: node.name.as_str().to_owned(), wish }).await {
        Ok(Ok(granted)) => known.asked_to_close |= granted.changed,
        Ok(Err(refusal)) => tracing::info!(%refusal, "an empty instance cannot be closed"),
        Err(failure) => tracing::debug!(%failure, "an empty instance cannot be closed yet"),
    }
}
