//! Creatures of zones, from one owner to the next: asked of who played a zone before, kept in the store for when nobody did who lives.
//!
//! | what happens to a zone | who opens it goes on with |
//! |---|---|
//! | it is moved, drained, cut or joined | what its owner of before says, or has kept since it closed it |
//! | its owner dies | what the store has of it: up to `creatures_every_seconds` old |
//! | its owner stops in order | the same: it stores what it plays before it leaves |
//! | nothing is known, or the content is another one | its generators act anew |
//!
//! Game threads, nodes and store are asked at once, and whoever is slow makes nobody wait for longer than [`PATIENCE`], or
//! [`STORE_PATIENCE`] when only the store can know.

use crate::host::{Host, Order};
use crate::node::Node;
use crate::records::scope_of;
use futures::future::join_all;
use model::calls::population::{KeepPopulation, ReadPopulations};
use model::calls::sibling::{Reply, Request, SCOPES_MAX};
use model::membership::{Member, Role};
use model::population::AgedPopulation;
use model::{Epoch, Population, Rect, ZoneId};
use parking_lot::Mutex;
use placement::ZoneTable;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout, timeout_at};

/// How long a zone that is opened waits for what nodes know of it.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long it waits for what is stored of it, from the same moment on.
const STORE_PATIENCE: Duration = Duration::from_millis(400);
/// How long a node that is asked waits for its game threads: what the others play is still told in time when one is slow.
const THREAD_PATIENCE: Duration = Duration::from_millis(200);
/// How long it is known what a zone was like that this node has closed.
const LEFT_FOR: Duration = Duration::from_secs(20);
/// What was closed so lately was played by nobody since.
const FRESH_MS: u64 = 2_000;
/// Creatures of one answer to another node, of some 100 bytes each; a call has at most 4 MiB.
const CREATURES_MAX: usize = 20_000;
/// How long a stop may take to store what is played.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Zones that this node has closed, as they were then.
#[derive(Default)]
pub(crate) struct Left {
    zones: Mutex<BTreeMap<ZoneId, (Instant, Population)>>,
}

impl Left {
    /// A zone is played here no more.
    pub(crate) fn note(&self, population: Population) {
        self.zones.lock().insert(population.zone, (Instant::now(), population));
    }

    fn of(&self, scopes: &BTreeSet<u64>) -> Vec<AgedPopulation> {
        let mut zones = self.zones.lock();
        zones.retain(|_, (since, _)| since.elapsed() < LEFT_FOR);
        let wanted = zones.values().filter(|(_, population)| scopes.contains(&scope_of(population.zone)));
        wanted.map(|(since, population)| aged(since.elapsed(), population.clone())).collect()
    }
}

fn aged(age: Duration, population: Population) -> AgedPopulation {
    AgedPopulation { age_ms: u64::try_from(age.as_millis()).unwrap_or(u64::MAX), population }
}

/// What is known here of zones of the content and their parts, as far as the game threads say so in time.
async fn own(node: &Node, scopes: BTreeSet<u64>) -> Vec<AgedPopulation> {
    let scopes = Arc::new(scopes);
    let mut found = played(&node.hosts, &scopes).await;
    // after the game threads: a zone that one of them closes meanwhile is here
    found.extend(node.left.of(&scopes));
    found
}

/// What the game threads play of them; all are asked at once.
async fn played(hosts: &[Host], scopes: &Arc<BTreeSet<u64>>) -> Vec<AgedPopulation> {
    let until = Instant::now() + THREAD_PATIENCE;
    let asked = hosts.iter().map(|host| timeout_at(until, played_by(host, Arc::clone(scopes))));
    let mut found = Vec::new();
    for (thread, played) in join_all(asked).await.into_iter().enumerate() {
        match played {
            Ok(all) => found.extend(all.into_iter().map(|zone| aged(Duration::ZERO, zone))),
            Err(_) => tracing::warn!(thread, "a game thread does not say in time what creatures zones have"),
        }
    }
    found
}

async fn played_by(host: &Host, scopes: Arc<BTreeSet<u64>>) -> Vec<Population> {
    let (answer, played) = oneshot::channel();
    match host.send(Order::Populations { scopes, answer }).await {
        Ok(()) => played.await.unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// Answers another node.
pub(crate) async fn tell(node: &Node, scopes: Vec<u64>) -> Reply {
    if scopes.len() > SCOPES_MAX {
        return Reply::Refused;
    }
    let mut found = own(node, scopes.into_iter().collect()).await;
    let mut creatures = 0;
    found.retain(|aged| {
        creatures += aged.population.creatures.len() + 1;
        creatures <= CREATURES_MAX
    });
    Reply::Populations(found)
}

/// What is known of zones that this node is about to open under these epochs, by the zone of the content.
pub(crate) async fn of_zones(
    node: &Arc<Node>,
    table: &ZoneTable,
    zones: &[(ZoneId, Epoch)],
) -> BTreeMap<u64, Vec<AgedPopulation>> {
    let begun = Instant::now();
    let (until, end) = (begun + PATIENCE, begun + STORE_PATIENCE);
    let scopes: BTreeSet<u64> = zones.iter().map(|(zone, _)| scope_of(*zone)).collect();
    let mut found = BTreeMap::<u64, Vec<AgedPopulation>>::new();
    let mut learn = |all: Vec<AgedPopulation>, from: &str| {
        node.metrics.populations.with_label_values(&[from]).inc_by(all.len() as u64);
        for aged in all {
            found.entry(scope_of(aged.population.zone)).or_default().push(aged);
        }
    };
    let reading = tokio::spawn(stored(Arc::clone(node), scopes.clone(), end));
    let view = node.cluster.view();
    let siblings = view.members_of(Role::TmSrv).filter(|member| member.name != node.name);
    let asked = siblings.map(|sibling| ask(node, sibling, &scopes, until));
    let (here, there) = tokio::join!(own(node, scopes.clone()), join_all(asked));
    learn(here, "here");
    there.into_iter().for_each(|told| learn(told, "node"));
    let is_known = |(zone, epoch): &(ZoneId, Epoch)| {
        let Some(bounds) = table.bounds(*zone) else { return true };
        // what was closed earlier, or deposed by others than us, has been played by somebody since, who may have stored more
        let is_last = |AgedPopulation { age_ms, population: of }: &&AgedPopulation| {
            *age_ms <= FRESH_MS && (of.zone != *zone || of.epoch.0 + 1 >= epoch.0)
        };
        let of_scope = found.get(&scope_of(*zone)).into_iter().flatten();
        let told: u64 = of_scope.filter(is_last).map(|aged| common(&aged.population.area, &bounds)).sum();
        told >= common(&bounds, &bounds)
    };
    let unknown: BTreeSet<u64> =
        zones.iter().filter(|zone| !is_known(zone)).map(|(zone, _)| scope_of(*zone)).collect();
    if unknown.is_empty() {
        reading.abort();
        return found;
    }
    let stored = reading.await.unwrap_or_default();
    for aged in stored.into_iter().filter(|aged| unknown.contains(&scope_of(aged.population.zone))) {
        node.metrics.populations.with_label_values(&["store"]).inc();
        found.entry(scope_of(aged.population.zone)).or_default().push(aged);
    }
    found
}

/// Tiles that two rectangles have in common.
fn common(a: &Rect, b: &Rect) -> u64 {
    let side = |low: u16, high: u16| u64::from((high + 1).saturating_sub(low));
    side(a.min.x.max(b.min.x), a.max.x.min(b.max.x)) * side(a.min.y.max(b.min.y), a.max.y.min(b.max.y))
}

async fn ask(node: &Node, sibling: &Member, scopes: &BTreeSet<u64>, until: Instant) -> Vec<AgedPopulation> {
    let client = node.siblings.client(sibling);
    let mut found = Vec::new();
    for part in scopes.iter().copied().collect::<Vec<_>>().chunks(SCOPES_MAX) {
        let patience = until.saturating_duration_since(Instant::now());
        match client.call(&Request::Populations { scopes: part.to_vec() }, patience).await {
            Ok(Reply::Populations(all)) => found.extend(all),
            other => {
                tracing::debug!(sibling = %sibling.name, ?other, "no answer about the creatures of zones");
                break;
            }
        }
    }
    found
}

/// What the store has of zones of the content, as far as it says so in time.
async fn stored(node: Arc<Node>, scopes: BTreeSet<u64>, end: Instant) -> Vec<AgedPopulation> {
    let mut left: Vec<u64> = scopes.into_iter().collect();
    let mut found = Vec::new();
    while !left.is_empty() {
        let request = ReadPopulations { scopes: std::mem::take(&mut left) };
        match timeout_at(end, node.store.read_populations(request)).await {
            Ok(Ok(held)) => {
                found.extend(held.found);
                left = held.unread;
            }
            other => {
                tracing::warn!(?other, "the store does not say what creatures zones had: they come anew");
                break;
            }
        }
    }
    found
}

/// Stores the creatures of zones in which somebody is, round after round, until the process stops.
pub(crate) async fn run(node: Arc<Node>) {
    let mut every = interval(Duration::from_secs(1));
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut second = 0_u64;
    loop {
        tokio::select! {
            () = node.process.stop.cancelled() => return,
            _ = every.tick() => {}
        }
        let of = node.settings.get().creatures_every_seconds.max(1);
        keep(&node, second % of, of).await;
        second += 1;
    }
}

/// Stores everything that may have changed, before the node leaves the cluster.
pub(crate) async fn keep_all(node: &Arc<Node>) {
    if timeout(LAST_WORDS, keep(node, 0, 1)).await.is_err() {
        tracing::warn!("not all creatures could be stored in time");
    }
}

/// Stores a share of the zones, as far as they may have changed.
async fn keep(node: &Arc<Node>, share: u64, of: u64) {
    for host in &node.hosts {
        let (answer, changed) = oneshot::channel();
        if host.send(Order::ChangedPopulations { share, of, answer }).await.is_err() {
            continue;
        }
        for population in changed.await.unwrap_or_default() {
            let zone = population.zone;
            let permit = node.store_permits.acquire().await;
            let request = KeepPopulation { scope: scope_of(zone), population };
            let kept = node.store.keep_population(request).await;
            drop(permit);
            let outcome = match kept {
                Ok(true) => "kept",
                Ok(false) => "stale",
                Err(failure) => {
                    tracing::warn!(%zone, %failure, "the creatures of a zone could not be stored");
                    node.order(zone, Order::NotKept(zone)).await;
                    "failed"
                }
            };
            node.metrics.populations_kept.with_label_values(&[outcome]).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Tile;

    #[tokio::test]
    async fn what_a_game_thread_plays_is_told_in_time_although_another_one_does_not_answer() {
        let (stuck, orders) = Host::played_by_a_test();
        let (quick, of_quick) = Host::played_by_a_test();
        let area = Rect::new(Tile::new(0, 0), Tile::new(255, 255));
        let population = Population {
            content: 1,
            zone: ZoneId(1),
            epoch: Epoch(1),
            area,
            asleep_ms: 0,
            generators: Vec::new(),
            creatures: Vec::new(),
        };
        let told = population.clone();
        let answers = std::thread::spawn(move || match of_quick.recv() {
            Ok(Order::Populations { answer, .. }) => answer.send(vec![told]).is_ok(),
            _ => false,
        });
        let scopes = Arc::new(BTreeSet::from([1]));
        let found = timeout(PATIENCE, played(&[stuck, quick], &scopes)).await;
        assert_eq!(found, Ok(vec![aged(Duration::ZERO, population)]), "before who asked gives up");
        assert!(matches!(answers.join(), Ok(true)));
        drop(orders);
    }

    #[test]
    fn tiles_in_common_are_counted() {
        let rect = |a, b, c, d| Rect::new(Tile::new(a, b), Tile::new(c, d));
        let whole = rect(0, 0, 255, 255);
        assert_eq!(common(&whole, &whole), 65_536);
        assert_eq!(common(&whole, &rect(128, 0, 300, 255)), 128 * 256);
        assert_eq!(common(&whole, &rect(255, 255, 300, 300)), 1);
        assert_eq!(common(&whole, &rect(256, 0, 300, 255)), 0);
    }
}
