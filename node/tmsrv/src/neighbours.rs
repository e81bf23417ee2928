//! Carries what zones tell their neighbours: to zones of this node by its game threads, to those of other nodes by calls.
//!
//! Who watches whom follows from the map alone: each zone is watched by every zone that lies near it. Whoever owns a zone tells
//! the owner of each neighbour, everything first and then what changes, one batch after the other.
//!
//! | what happens | what is done |
//! |---|---|
//! | a zone, or a neighbour of it, has another owner or another epoch | the neighbour is told everything anew |
//! | a batch did not arrive, or the neighbour is not open yet | the same, after a pause |
//! | a batch comes late, after a newer one | it is left out by its number |

use crate::host::Order;
use crate::node::Node;
use link::CallError;
use model::calls::sibling::{Reply, Request, SIGHTS_MAX};
use model::membership::{Member, ProcessName};
use model::sight::{Sight, Sighting};
use model::{Epoch, Incarnation, ZoneId};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use world::Input;

/// How often it is looked for who must be told everything anew; changes of the map are looked at at once.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long one batch may take.
const DEADLINE: Duration = Duration::from_secs(1);
/// Sights that wait for one node: some ticks of all its zones.
const WAITING_MAX: usize = 4_096;
/// Sightings of one sight: further ones go into the next.
const SIGHTINGS_MAX: usize = 256;

/// What a game thread says of one zone in one tick.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) from: ZoneId,
    pub(crate) to: ZoneId,
    pub(crate) whole: bool,
    pub(crate) sightings: Vec<Sighting>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Neighbours {
    lines: Mutex<BTreeMap<ProcessName, mpsc::Sender<Sight>>>,
    /// A zone whose neighbour must be told everything anew.
    lost: Mutex<BTreeSet<(ZoneId, ZoneId)>>,
    /// Nodes that take nobody who walks over a border, as they said last.
    full: Mutex<BTreeSet<ProcessName>>,
    /// The last batch of each node: its run and number.
    heard: Mutex<BTreeMap<ProcessName, (Incarnation, u64)>>,
}

impl Neighbours {
    /// True when a node said that it has as many players as it may. Who comes to a border is seen from its other side
    /// before, so what was said is at most some ticks old.
    pub(crate) fn is_full(&self, node: &ProcessName) -> bool {
        self.full.lock().contains(node)
    }

    fn says(&self, node: &ProcessName, full: bool) {
        let mut all = self.full.lock();
        if full {
            all.insert(node.clone());
        } else {
            all.remove(node);
        }
    }
}

/// Under which owners and epochs a neighbour was told everything: its owner and epoch, the epoch of the zone that tells.
type Basis = (ProcessName, Epoch, Epoch);

/// Follows the map until the process stops: lets zones tell those everything who have not been told.
pub(crate) async fn run(node: Arc<Node>) {
    let mut views = node.cluster.watch();
    let mut every = interval(LOOK_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut near: BTreeMap<ZoneId, Vec<ZoneId>> = BTreeMap::new();
    let mut table = node.table.load_full();
    let mut told: BTreeMap<(ZoneId, ZoneId), Basis> = BTreeMap::new();
    let mut looked_at = None;
    loop {
        tokio::select! {
            () = node.process.stop.cancelled() => return,
            _ = every.tick() => {}
            changed = views.changed() => if changed.is_err() { return },
        }
        let view = Arc::clone(&views.borrow_and_update());
        let now = node.table.load_full();
        if !now.divides_like(&table) {
            (near, told) = (BTreeMap::new(), BTreeMap::new());
        }
        table = now;
        let own = node.zones.read().clone();
        let lost = std::mem::take(&mut *node.neighbours.lost.lock());
        let now = Some((Arc::clone(&view), Arc::clone(&table), own.clone()));
        if lost.is_empty() && now == looked_at {
            continue;
        }
        looked_at = now;
        told.retain(|(from, _), _| own.contains_key(from));
        for pair in &lost {
            told.remove(pair);
        }
        for (from, epoch) in &own {
            let by_all = near.entry(*from).or_insert_with(|| world::neighbours(&table, *from));
            for by in by_all.iter().copied() {
                let basis = view.owner(by).map(|(owner, theirs)| (owner.name.clone(), theirs, *epoch));
                if told.get(&(*from, by)) == basis.as_ref() {
                    continue;
                }
                let input = match basis {
                    Some(basis) => {
                        told.insert((*from, by), basis);
                        Input::Watch { by }
                    }
                    None => {
                        told.remove(&(*from, by));
                        Input::Unwatch { by }
                    }
                };
                node.order(*from, Order::Input(*from, input)).await;
            }
        }
    }
}

/// Carries what the game threads said, in their order.
pub(crate) async fn carry(node: &Arc<Node>, all: Vec<Told>) {
    let view = node.cluster.view();
    for Told { from, to, whole, sightings } in all {
        let count = sightings.len() as u64;
        let way = |way: &str| node.metrics.sightings.with_label_values(&[way]).inc_by(count);
        if whole {
            node.metrics.told_anew.inc();
        }
        let Some(from_epoch) = node.zones.read().get(&from).copied() else { continue };
        if node.zones.read().contains_key(&to) {
            way("within");
            node.order(to, Order::Input(to, Input::Sight { from, whole, sightings })).await;
            continue;
        }
        let owner = view.owner(to).map(|(owner, _)| owner).filter(|owner| owner.name != node.name);
        let Some(owner) = owner else {
            way("lost");
            node.neighbours.lost.lock().insert((from, to));
            continue;
        };
        way("sent");
        let line = line(node, owner);
        let mut whole = whole;
        let mut rest = sightings;
        loop {
            let later = rest.split_off(rest.len().min(SIGHTINGS_MAX));
            let sight = Sight { from, from_epoch, to, whole, sightings: rest };
            if line.try_send(sight).is_err() {
                node.neighbours.lost.lock().insert((from, to));
                break;
            }
            (rest, whole) = (later, false);
            if rest.is_empty() {
                break;
            }
        }
    }
}

/// The line to another node; opened when it is needed first.
fn line(node: &Arc<Node>, to: &Member) -> mpsc::Sender<Sight> {
    let mut lines = node.neighbours.lines.lock();
    if let Some(line) = lines.get(&to.name).filter(|line| !line.is_closed()) {
        return line.clone();
    }
    let (sender, waiting) = mpsc::channel(WAITING_MAX);
    lines.insert(to.name.clone(), sender.clone());
    node.process.tasks.spawn("neighbour", speak(Arc::clone(node), to.name.clone(), waiting));
    sender
}

/// Says to one node what waits for it, one batch after the other. Ends with the process.
async fn speak(node: Arc<Node>, to: ProcessName, mut waiting: mpsc::Receiver<Sight>) {
    let mut number = 0;
    let mut batch = Vec::new();
    loop {
        batch.clear();
        tokio::select! {
            () = node.process.stop.cancelled() => return,
            count = waiting.recv_many(&mut batch, SIGHTS_MAX) => if count == 0 { return },
        }
        number += 1;
        let view = node.cluster.view();
        let member = view.members_of(model::membership::Role::TmSrv).find(|member| member.name == to);
        let pairs: Vec<(ZoneId, ZoneId)> = batch.iter().map(|sight| (sight.from, sight.to)).collect();
        let answer = match member {
            Some(member) => {
                let client = node.siblings.client(member);
                let (from, run) = (node.name.clone(), node.process.incarnation);
                let sights = std::mem::take(&mut batch);
                client.call(&Request::Sights { from, run, number, sights }, DEADLINE).await
            }
            None => Err(CallError::Lost),
        };
        match answer {
            Ok(Reply::Seen { unknown, full }) => {
                node.neighbours.says(&to, full);
                let lost = pairs.into_iter().filter(|(_, to)| unknown.contains(to));
                node.neighbours.lost.lock().extend(lost);
            }
            other => {
                tracing::debug!(node = %to, ?other, "a neighbour was not told");
                node.neighbours.says(&to, false);
                // all that was said since is of no use without it
                while let Ok(sight) = waiting.try_recv() {
                    node.neighbours.lost.lock().insert((sight.from, sight.to));
                }
                node.neighbours.lost.lock().extend(pairs);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
    }
}

/// What another node says: handed to the zones that are played here.
pub(crate) async fn hear(
    node: &Arc<Node>,
    from: ProcessName,
    run: Incarnation,
    number: u64,
    sights: Vec<Sight>,
) -> Reply {
    {
        let mut heard = node.neighbours.heard.lock();
        let last = heard.entry(from).or_insert((run, 0));
        if last.0 == run && number <= last.1 {
            return Reply::Seen { unknown: Vec::new(), full: node.is_full() };
        }
        *last = (run, number);
    }
    let view = node.cluster.view();
    let mut unknown = Vec::new();
    for Sight { from, from_epoch, to, whole, sightings } in sights {
        // who had the zone before does not know yet that it has not any more
        if view.slot(from).is_some_and(|slot| slot.epoch > from_epoch) {
            continue;
        }
        if node.zones.read().contains_key(&to) {
            node.metrics.sightings.with_label_values(&["heard"]).inc_by(sightings.len() as u64);
            node.order(to, Order::Input(to, Input::Sight { from, whole, sightings })).await;
        } else {
            unknown.push(to);
        }
    }
    Reply::Seen { unknown, full: node.is_full() }
}
