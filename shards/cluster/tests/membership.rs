//! Nodes come and go over one real store; the slot table follows.
#![allow(clippy::unwrap_used)]

use cluster::{Avoid, Cluster, View, run_controller};
use model::calls::cluster::{MakeWish, ReadCluster, Wish};
use model::calls::database::{JoinMember, NewerRun, ReadClusterView};
use model::calls::weights::{Counts, KeepCosts};
use model::membership::{Member, NamedZone, ProcessName, Role};
use model::{Incarnation, Rect, Tile, ZoneId};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::Sqlite;
use store::Store;
use support::FaultyStore;
use telemetry::Process;
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(20);

struct Node {
    process: Process,
    cluster: Cluster,
}

struct Stage {
    folder: tempfile::TempDir,
    db: Arc<dyn Store>,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let db = Arc::new(Sqlite::open(&folder.path().join("wydbr.sqlite")).unwrap());
        Self { folder, db }
    }

    async fn node(&self, index: usize, content_hash: u64) -> Node {
        self.node_through(self.db.clone(), index, content_hash).await
    }

    async fn node_through(&self, db: Arc<dyn Store>, index: usize, content_hash: u64) -> Node {
        self.node_in(self.folder.path(), db, index, content_hash).await
    }

    async fn node_in(&self, data: &Path, db: Arc<dyn Store>, index: usize, content_hash: u64) -> Node {
        let name = ProcessName::numbered(Role::TmSrv, index);
        let common = support::common(data, name.as_str());
        let process = telemetry::start(Role::TmSrv, &common).await.unwrap().process;
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let me = Member {
            name,
            role: Role::TmSrv,
            incarnation: Incarnation(index as u64),
            link: nowhere,
            http: nowhere,
            weight: 1,
            content_hash,
        };
        let cluster = Cluster::join(&process, db.clone(), me).await;
        let controller = run_controller(process.clone(), cluster.clone(), db, zones(), Avoid::default());
        process.tasks.spawn("controller", controller);
        Node { process, cluster }
    }
}

fn zones() -> Vec<NamedZone> {
    let area = Rect::new(Tile::new(2048, 1920), Tile::new(2303, 2303));
    vec![NamedZone { name: "Armia".into(), area }]
}

async fn wait_until(node: &Node, what: &str, check: impl Fn(&View) -> bool) -> Arc<View> {
    let mut views = node.cluster.watch();
    let found = timeout(DEADLINE, views.wait_for(|view| check(view))).await;
    found.unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}")).unwrap().clone()
}

fn zones_of(view: &View, name: &str) -> usize {
    let owned =
        |slot: &&model::membership::Slot| slot.owner.as_ref().is_some_and(|owner| owner.as_str() == name);
    view.slots().iter().filter(owned).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_share_the_map_and_the_living_one_inherits() {
    let stage = Stage::new();
    let one = stage.node(1, 7).await;
    let two = stage.node(2, 7).await;
    let shared = wait_until(&one, "both own zones", |view| {
        view.is_complete() && zones_of(view, "tmsrv-1") > 20 && zones_of(view, "tmsrv-2") > 20
    })
    .await;
    let seen_by_two = wait_until(&two, "the same view", |view| view.version >= shared.version).await;
    assert_eq!(zones_of(&seen_by_two, "tmsrv-1") + zones_of(&seen_by_two, "tmsrv-2"), shared.slots().len());

    one.process.stop.cancel(); // no leave: its lease has to end
    let after = wait_until(&two, "the second owns all", |view| {
        view.is_complete() && zones_of(view, "tmsrv-2") == view.slots().len()
    })
    .await;
    for slot in after.slots() {
        let before = shared.slot(slot.zone).unwrap();
        let moved = before.owner != slot.owner;
        assert_eq!(slot.epoch.0 > before.epoch.0, moved, "zone {}", slot.zone);
    }
    assert!(after.owner(ZoneId(1)).is_some_and(|(member, _)| member.name.as_str() == "tmsrv-2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_inherits_from_those_who_are_late_after_the_store_was_away() {
    let stage = Stage::new();
    let (first, second) = (FaultyStore::new(stage.db.clone()), FaultyStore::new(stage.db.clone()));
    let one = stage.node_through(first.clone(), 1, 7).await;
    let two = stage.node_through(second.clone(), 2, 7).await;
    let before = wait_until(&one, "both own zones", |view| {
        view.is_complete() && zones_of(view, "tmsrv-1") > 20 && zones_of(view, "tmsrv-2") > 20
    })
    .await;
    let is_alone = |view: &View| view.members.len() < 2 || view.version != before.version;

    first.is_away(true);
    second.is_away(true);
    members(&stage, |members| members.is_empty()).await;
    first.is_away(false);
    members(&stage, |members| !members.is_empty()).await;
    // the first one controls again, and the second one has not come back
    let mut views = one.cluster.watch();
    let moved = timeout(Duration::from_millis(1_500), views.wait_for(|view| is_alone(view))).await.is_ok();
    assert!(!moved, "somebody who is late was taken for dead");
    second.is_away(false);
    members(&stage, |members| members.len() == 2).await;
    let moved = timeout(cluster::LEASE, views.wait_for(|view| is_alone(view))).await.is_ok();
    assert!(!moved, "somebody who came back was taken for dead");
    assert!(!is_alone(&two.cluster.view()));
}

/// Copies the map of the first node, once it is as new as a version; its version.
async fn copy_map(from: &Path, to: &Path, version: u64) -> u64 {
    let version_in = |map: &str| map.split_once("\"version\":")?.1.split_once(',')?.0.parse::<u64>().ok();
    let copied = async {
        loop {
            let map = std::fs::read_to_string(from.join("map/tmsrv-1.map")).unwrap_or_default();
            if let Some(found) = version_in(&map).filter(|found| *found >= version) {
                std::fs::create_dir(to.join("map")).unwrap();
                std::fs::write(to.join("map/tmsrv-1.map"), map).unwrap();
                return found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await; // pacing of the poll
        }
    };
    timeout(DEADLINE, copied).await.expect("the map is not on disk")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_starts_while_the_store_is_away_knows_the_last_map_and_a_stale_one_never_wins() {
    let stage = Stage::new();
    let one = stage.node(1, 7).await;
    let two = stage.node(2, 7).await;
    let before = wait_until(&one, "both own zones", |view| {
        view.is_complete() && zones_of(view, "tmsrv-1") > 20 && zones_of(view, "tmsrv-2") > 20
    })
    .await;
    let elsewhere = tempfile::tempdir().unwrap();
    let copied = copy_map(stage.folder.path(), elsewhere.path(), before.version).await;

    two.process.stop.cancel();
    two.cluster.leave().await;
    let after = wait_until(&one, "the first owns all", |view| {
        view.is_complete() && zones_of(view, "tmsrv-1") == view.slots().len()
    })
    .await;

    // another machine, whose map is older than the store's
    let store = FaultyStore::new(stage.db.clone());
    store.is_away(true);
    let late = stage.node_in(elsewhere.path(), store.clone(), 3, 7).await;
    let known = wait_until(&late, "it knows a map", |view| view.is_complete()).await;
    assert!(known.version == copied && copied < after.version && zones_of(&known, "tmsrv-2") > 20);
    assert!(known.members.iter().any(|member| member == late.cluster.me()));
    assert_eq!(one.cluster.view().version, after.version, "nobody is given anything meanwhile");
    store.is_away(false);
    let heard = wait_until(&late, "it hears the store", |view| view.version >= after.version).await;
    assert_eq!(zones_of(&heard, "tmsrv-2"), 0);

    // and nobody who hears the store at once ever shows it
    let fresh = stage.node_in(elsewhere.path(), stage.db.clone(), 4, 7).await;
    let mut views = fresh.cluster.watch();
    let first = timeout(DEADLINE, views.wait_for(|view| view.version > 0)).await.unwrap().unwrap().version;
    assert!(first >= after.version, "it showed {first} after {}", after.version);
}

/// Waits until the members whose leases hold are as wanted.
async fn members(stage: &Stage, as_wanted: impl Fn(&[Member]) -> bool) {
    let all = async {
        while !as_wanted(&stage.db.cluster_view(ReadClusterView).await.unwrap().members) {
            tokio::time::sleep(Duration::from_millis(20)).await; // pacing of the poll
        }
    };
    timeout(DEADLINE, all).await.expect("the members are not as wanted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_with_other_content_is_given_nothing() {
    let stage = Stage::new();
    let good = stage.node(1, 7).await;
    wait_until(&good, "the first owns all", |view| view.is_complete()).await;
    let _strange = stage.node(2, 8).await;
    let view =
        wait_until(&good, "the stranger is a member", |view| view.members_of(Role::TmSrv).count() == 2).await;
    assert_eq!(zones_of(&view, "tmsrv-2"), 0);
    // a node that did belong would have been given zones within two rounds
    let later = wait_until(&good, "still complete", |view| view.is_complete()).await;
    assert_eq!(zones_of(&later, "tmsrv-2"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_leaves_is_gone_at_once() {
    let stage = Stage::new();
    let one = stage.node(1, 7).await;
    let two = stage.node(2, 7).await;
    wait_until(&one, "two members", |view| view.members.len() == 2).await;
    two.process.stop.cancel();
    two.cluster.leave().await;
    let left = timeout(Duration::from_secs(2), async {
        wait_until(&one, "one member", |view| view.members.len() == 1).await;
    });
    assert!(left.await.is_ok(), "it took as long as the lease");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_of_one_name_the_newer_one_stays() {
    let stage = Stage::new();
    let node = stage.node(1, 7).await;
    wait_until(&node, "it is a member", |view| !view.members.is_empty()).await;
    let run = |incarnation| {
        let member = Member { incarnation: Incarnation(incarnation), ..node.cluster.me().clone() };
        let db = stage.db.clone();
        async move { db.join_member(JoinMember { member, lease_ms: 60_000 }).await.unwrap() }
    };
    let member = |incarnation| {
        move |view: &View| view.members.iter().any(|member| member.incarnation == Incarnation(incarnation))
    };
    // a request of an older one is done late
    assert_eq!(run(0).await, Err(NewerRun { found: Incarnation(1) }));
    assert_eq!(run(1).await, Ok(()), "its own may be done twice");
    assert!(member(1)(&node.cluster.view()));
    assert_eq!(run(2).await, Ok(())); // now this is the older one
    timeout(DEADLINE, node.process.stop.cancelled()).await.expect("the older one stops");
    let stored = stage.db.cluster_view(ReadClusterView).await.unwrap();
    assert_eq!(stored.members[0].incarnation, Incarnation(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_run_waits_until_the_newer_one_is_dead_and_stops_when_it_lives() {
    let stage = Stage::new();
    let join = async |index: usize, lease_ms| {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let member = Member {
            name: ProcessName::numbered(Role::TmSrv, index),
            role: Role::TmSrv,
            incarnation: Incarnation(99),
            link: nowhere,
            http: nowhere,
            weight: 1,
            content_hash: 7,
        };
        stage.db.join_member(JoinMember { member, lease_ms }).await.unwrap().unwrap();
    };
    // a clock was set back: what seems newer is dead
    join(1, 1_500).await;
    let one = stage.node(1, 7).await;
    let is_in = |view: &View| view.members.iter().any(|member| member.incarnation == Incarnation(1));
    wait_until(&one, "it comes in", is_in).await;
    assert!(!one.process.stop.is_cancelled());
    join(2, 600_000).await;
    let two = stage.node(2, 7).await;
    timeout(DEADLINE, two.process.stop.cancelled()).await.expect("the older one stops");
    let view = stage.db.cluster_view(ReadClusterView).await.unwrap();
    let run = |name: &str| view.members.iter().find(|member| member.name.as_str() == name);
    assert_eq!(run("tmsrv-2").map(|member| member.incarnation), Some(Incarnation(99)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_node_ends_empty_and_a_pinned_zone_is_where_it_is_wished() {
    let stage = Stage::new();
    let one = stage.node(1, 7).await;
    let _two = stage.node(2, 7).await;
    wait_until(&one, "both own zones", |view| {
        view.is_complete() && zones_of(view, "tmsrv-1") > 20 && zones_of(view, "tmsrv-2") > 20
    })
    .await;
    let node = |index| ProcessName::numbered(Role::TmSrv, index);
    let wish = async |wish| {
        stage.db.make_wish(MakeWish { by: "ana".into(), wish }).await.unwrap().map(|granted| granted.changed)
    };
    let owner = |view: &View| view.owner(ZoneId(1)).map(|(member, _)| member.name.clone());
    let first = owner(&one.cluster.view()).unwrap();
    let other = if first == node(1) { node(2) } else { node(1) };
    assert_eq!(wish(Wish::Pin { zone: "Armia".into(), node: other.clone() }).await, Ok(true));
    wait_until(&one, "the zone is pinned", |view| owner(view).as_ref() == Some(&other)).await;
    assert_eq!(wish(Wish::Drain { node: other.clone() }).await, Ok(true));
    assert!(wish(Wish::Drain { node: first.clone() }).await.is_err(), "nobody would be left");
    let empty = |view: &View| view.is_complete() && zones_of(view, other.as_str()) == 0;
    wait_until(&one, "the node is empty", empty).await;
    assert_eq!(wish(Wish::Join { node: other.clone() }).await, Ok(true));
    wait_until(&one, "the zone comes back", |view| owner(view).as_ref() == Some(&other)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_zones_cost_moves_nothing_until_a_node_comes() {
    let stage = Stage::new();
    let one = stage.node(1, 7).await;
    let _two = stage.node(2, 7).await;
    let before = wait_until(&one, "both own zones", |view| {
        view.is_complete() && zones_of(view, "tmsrv-1") > 20 && zones_of(view, "tmsrv-2") > 20
    })
    .await;
    let weights = async || stage.db.read_cluster(ReadCluster).await.unwrap().weights;
    let names = |count| (1..=count).map(|index| ProcessName::numbered(Role::TmSrv, index)).collect();
    assert_eq!(weights().await.counts, Counts { nodes: names(2), ..Counts::default() });
    // by these all of it would go to one node, and all else to the other
    let measured = [("Armia".to_owned(), 90), ("block 2,2".to_owned(), 5)].into();
    stage.db.keep_costs(KeepCosts { measured, recount: false }).await.unwrap();
    let mut views = one.cluster.watch();
    let moves = views.wait_for(|view| view.version != before.version);
    assert!(timeout(Duration::from_millis(2_500), moves).await.is_err(), "it moved by what zones cost alone");
    let _three = stage.node(3, 7).await;
    wait_until(&one, "the third one owns zones", |view| zones_of(view, "tmsrv-3") > 0).await;
    let counts = weights().await.counts;
    assert_eq!((counts.zones["Armia"].cost, counts.zones["block 2,2"].cost, counts.nodes), (90, 5, names(3)));
    let alone = |view: &View| {
        let town = view.owner(ZoneId(1)).map(|(member, _)| member.name.clone());
        view.is_complete() && town.is_some_and(|town| zones_of(view, town.as_str()) < 80)
    };
    wait_until(&one, "the town's node has less of the rest", alone).await;
}
