//! Stories of the cluster: members, the controller, the slot table.

use super::stage::{at_once, name, until};
use crate::Store;
use model::calls::cluster::{ClusterReport, CutBy, MakeWish, ReadCluster, WISHES_TOLD, Wish, WishGranted};
use model::calls::database::{
    HoldController, JoinMember, LeaveMember, NewerRun, ReadClusterView, RenewMember, SlotsChanged, WriteSlots,
};
use model::calls::weights::{Counted, Counts, KeepCosts, Weights};
use model::id::{Epoch, Incarnation, ZoneId};
use model::membership::{ClusterView, Member, NamedZone, ProcessName, Role, Slot, SlotTable};
use model::{Rect, Tile};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Long enough for any test.
const LONG_MS: u64 = 600_000;
/// Short enough to wait for.
const SHORT_MS: u64 = 150;

fn member(name: &str, incarnation: u64) -> Member {
    Member {
        name: ProcessName(name.to_owned()),
        role: Role::TmSrv,
        incarnation: Incarnation(incarnation),
        link: "127.0.0.1:7001".parse().expect("an address"),
        http: "[::1]:7002".parse().expect("an address"),
        weight: u32::MAX,
        content_hash: u64::MAX,
    }
}

async fn view(store: &Arc<dyn Store>) -> ClusterView {
    store.cluster_view(ReadClusterView).await.expect("the store answers")
}

async fn seen(store: &Arc<dyn Store>, name: &str) -> Option<Member> {
    view(store).await.members.into_iter().find(|member| member.name.as_str() == name)
}

async fn join(store: &Arc<dyn Store>, member: &Member, lease_ms: u64) {
    let request = JoinMember { member: member.clone(), lease_ms };
    assert_eq!(store.join_member(request).await, Ok(Ok(())));
}

async fn renew(store: &Arc<dyn Store>, member: &Member, lease_ms: u64) -> bool {
    let request = RenewMember { name: member.name.clone(), incarnation: member.incarnation, lease_ms };
    store.renew_member(request).await.expect("the store answers")
}

async fn leave(store: &Arc<dyn Store>, member: &Member) {
    let request = LeaveMember { name: member.name.clone(), incarnation: member.incarnation };
    assert_eq!(store.leave_member(request).await, Ok(()));
}

pub(super) async fn a_member_is_seen_until_its_lease_ends(store: &Arc<dyn Store>) {
    let (first, second) =
        (member(&format!("b{}", name()), i64::MAX as u64), member(&format!("a{}", name()), 1));
    join(store, &first, LONG_MS).await;
    join(store, &second, LONG_MS).await;
    assert_eq!(seen(store, first.name.as_str()).await.as_ref(), Some(&first));
    let names: Vec<_> = view(store).await.members.into_iter().map(|member| member.name).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(renew(store, &first, SHORT_MS).await);
    until("the lease ended", async || seen(store, first.name.as_str()).await.is_none()).await;
    assert!(!renew(store, &first, LONG_MS).await, "it must join again");
    join(store, &first, LONG_MS).await;
    assert!(renew(store, &first, LONG_MS).await);
    leave(store, &first).await;
    leave(store, &second).await;
    assert_eq!(seen(store, second.name.as_str()).await, None);
    assert!(!renew(store, &second, LONG_MS).await);
}

pub(super) async fn a_newer_run_replaces_an_older_one(store: &Arc<dyn Store>) {
    let name = name();
    let (old, new) = (member(&name, 1), Member { weight: 3, ..member(&name, 2) });
    join(store, &old, LONG_MS).await;
    join(store, &new, LONG_MS).await;
    assert!(!renew(store, &old, LONG_MS).await, "the older run is no member any more");
    leave(store, &old).await;
    assert_eq!(seen(store, &name).await.as_ref(), Some(&new), "and takes nobody out but itself");
    // what the older run had asked for is done late
    let late = JoinMember { member: old.clone(), lease_ms: LONG_MS };
    let refused = Ok(Err(NewerRun { found: new.incarnation }));
    assert_eq!(store.join_member(late.clone()).await, refused);
    assert_eq!(seen(store, &name).await.as_ref(), Some(&new));
    assert!(renew(store, &new, LONG_MS).await, "the newer one has its lease still");
    join(store, &new, LONG_MS).await; // done twice
    // which run is newer is known by a clock that may be set back: who has no lease any more keeps nobody out
    assert!(renew(store, &new, SHORT_MS).await);
    until("the lease ended", async || seen(store, &name).await.is_none()).await;
    assert!(view(store).await.lapsed.contains(&new), "it is late, or dead");
    join(store, &old, LONG_MS).await;
    assert_eq!(seen(store, &name).await.as_ref(), Some(&old));
    assert!(view(store).await.lapsed.iter().all(|lapsed| lapsed.name != old.name));
    join(store, &new, LONG_MS).await;
    leave(store, &new).await;
    assert!(view(store).await.lapsed.iter().all(|lapsed| lapsed.name != new.name), "who leaves is gone");
}

async fn hold(store: &Arc<dyn Store>, member: &Member, lease_ms: u64) -> bool {
    let request = HoldController { name: member.name.clone(), incarnation: member.incarnation, lease_ms };
    store.hold_controller(request).await.expect("the store answers")
}

pub(super) async fn one_process_at_a_time_is_the_controller(store: &Arc<dyn Store>) {
    let name = name();
    let outcomes = at_once(8, |index| {
        let (store, who) = (store.clone(), member(&name, index as u64));
        async move { hold(&store, &who, LONG_MS).await.then_some(who) }
    })
    .await;
    let holders: Vec<_> = outcomes.into_iter().flatten().collect();
    assert_eq!(holders.len(), 1, "{holders:?}");
    let (holder, other) = (&holders[0], member(&super::stage::name(), 1));
    assert!(hold(store, holder, SHORT_MS).await, "the holder prolongs");
    until("the lease of the controller ended", async || hold(store, &other, LONG_MS).await).await;
    assert!(!hold(store, holder, LONG_MS).await, "the former holder is not the controller any more");
    leave(store, &other).await;
    assert!(hold(store, holder, SHORT_MS).await, "whoever leaves gives it up");
    leave(store, holder).await;
}

fn slots(owner: &str, count: u32) -> Vec<Slot> {
    let owner = |zone: u32| (!zone.is_multiple_of(5)).then(|| ProcessName(owner.to_owned()));
    (1..=count)
        .map(|zone| Slot {
            zone: ZoneId(zone * 1000),
            owner: owner(zone),
            epoch: Epoch(u64::from(zone) << 30),
        })
        .collect()
}

pub(super) async fn the_slot_table_comes_back_exactly(store: &Arc<dyn Store>) {
    let corner = Tile::new(4095, 4095);
    let named_zones = vec![
        NamedZone { name: "Noatum".into(), area: Rect::new(Tile::new(0, 0), corner) },
        NamedZone { name: "Armia".into(), area: Rect::new(corner, corner) },
    ];
    for (owner, count) in [("tmsrv-1", 300), ("tmsrv-2", 20), ("tmsrv-2", 21)] {
        let before = view(store).await.table.version;
        let slots = slots(owner, count);
        let request = WriteSlots {
            expected_version: before,
            named_zones: named_zones.clone(),
            slots: slots.clone(),
            counts: None,
        };
        assert_eq!(store.write_slots(request.clone()).await, Ok(Ok(before + 1)));
        let expected = SlotTable { version: before + 1, named_zones: named_zones.clone(), slots };
        assert_eq!(view(store).await.table, expected);
        let stale = WriteSlots { slots: Vec::new(), ..request };
        assert_eq!(store.write_slots(stale).await, Ok(Err(SlotsChanged { found: before + 1 })));
        assert_eq!(view(store).await.table, expected, "a stale writer changes nothing");
    }
}

pub(super) async fn what_zones_cost_and_are_counted_as_is_kept(store: &Arc<dyn Store>) {
    let costs =
        |zones: &[(&str, u32)]| zones.iter().map(|(zone, cost)| ((*zone).to_owned(), *cost)).collect();
    let keep = async |measured: &[(&str, u32)], recount| {
        let kept = store.keep_costs(KeepCosts { measured: costs(measured), recount }).await;
        assert_eq!(kept, Ok(()));
    };
    keep(&[("Armia", 48), ("block 8,8", u32::MAX)], false).await;
    keep(&[("Armia", 50), ("it's", 1)], false).await;
    let counted =
        |cost, node: Option<&str>| Counted { cost, placed: node.map(|node| ProcessName(node.into())) };
    let nodes: BTreeSet<ProcessName> = ["tmsrv-1", "tmsrv-2"].map(|node| ProcessName(node.into())).into();
    let zones = BTreeMap::from([
        ("Armia".to_owned(), counted(50, None)),
        ("it's".to_owned(), counted(1, Some("tmsrv-2"))),
    ]);
    let counts = Counts { zones, nodes };
    let write = async |counts: Option<Counts>| {
        let SlotTable { version, named_zones, slots } = view(store).await.table;
        let request = WriteSlots { expected_version: version, named_zones, slots, counts };
        assert_eq!(store.write_slots(request).await, Ok(Ok(version + 1)));
        report(store).await.weights
    };
    let expected = Weights { measured: costs(&[("Armia", 50), ("it's", 1)]), counts: counts.clone() };
    assert_eq!(write(Some(counts.clone())).await, expected);
    assert_eq!(write(None).await, expected, "a table that was planned by the same counts leaves them");
    let stale = WriteSlots {
        expected_version: 0,
        named_zones: Vec::new(),
        slots: Vec::new(),
        counts: Some(Counts::default()),
    };
    assert!(store.write_slots(stale).await.is_ok_and(|written| written.is_err()));
    assert_eq!(report(store).await.weights, expected, "a stale writer changes nothing");
    keep(&[("Armia", 7)], false).await;
    assert_eq!(report(store).await.weights.counts, counts, "what is measured is not counted yet");
    keep(&[("Armia", 8)], true).await;
    let Weights { measured, counts: recounted } = report(store).await.weights;
    assert_eq!(
        (measured, recounted.zones, recounted.nodes.len()),
        (costs(&[("Armia", 8)]), counts.zones.clone(), 0)
    );
    // a rebalance counts anew, if that is another count
    assert_eq!(write(Some(counts)).await.counts.nodes.len(), 2);
    let granted = wish(store, Wish::Rebalance).await.expect("it is granted");
    assert!(granted.changed && granted.after.contains("counted by what they cost now"), "{granted:?}");
    assert!(report(store).await.weights.counts.nodes.is_empty());
    keep(&[], true).await;
    assert_eq!(write(Some(Counts::default())).await, Weights::default());
}

pub(super) async fn of_many_writers_of_the_slot_table_one_wins(store: &Arc<dyn Store>) {
    let before = view(store).await.table;
    let outcomes = at_once(8, |index| {
        let request = WriteSlots {
            expected_version: before.version,
            named_zones: Vec::new(),
            slots: slots(&format!("tmsrv-{index}"), 30),
            counts: None,
        };
        let store = store.clone();
        async move { store.write_slots(request).await.expect("the store answers") }
    })
    .await;
    let winners: Vec<_> = (0..8).filter(|index| outcomes[*index].is_ok()).collect();
    assert_eq!(winners.len(), 1, "{outcomes:?}");
    let after = view(store).await.table;
    assert_eq!(after.version, before.version + 1);
    assert_eq!(after.slots, slots(&format!("tmsrv-{}", winners[0]), 30));
}

async fn report(store: &Arc<dyn Store>) -> ClusterReport {
    store.read_cluster(ReadCluster).await.expect("the store answers")
}

async fn wish(store: &Arc<dyn Store>, wish: Wish) -> Result<WishGranted, String> {
    let made = store.make_wish(MakeWish { by: "ana".to_owned(), wish }).await;
    made.expect("the store answers").map_err(|refusal| refusal.to_string())
}

pub(super) async fn the_operator_sees_leases_and_the_controller(store: &Arc<dyn Store>) {
    let (first, second) = (member(&name(), 1), member(&name(), 2));
    join(store, &first, LONG_MS).await;
    join(store, &second, 1).await;
    assert!(hold(store, &first, LONG_MS).await);
    let lease = |report: &ClusterReport, of: &Member| {
        report.members.iter().find(|leased| leased.member == *of).map(|leased| leased.left_ms)
    };
    until("the second lease ended", async || lease(&report(store).await, &second).is_some_and(|ms| ms <= 0))
        .await;
    let seen = report(store).await;
    let left = lease(&seen, &first).expect("it is a member");
    assert!((1..=LONG_MS as i64).contains(&left), "{left} ms");
    assert_eq!(seen.controller.as_ref(), Some(&first.name));
    assert!(seen.live().any(|member| *member == first) && seen.live().all(|member| *member != second));
    assert_eq!(seen.table, view(store).await.table);
    leave(store, &first).await;
    leave(store, &second).await;
    assert_eq!(report(store).await.controller, None, "who leaves controls nothing");
}

pub(super) async fn wishes_hold_until_they_are_undone_and_are_logged(store: &Arc<dyn Store>) {
    let (first, second) = (member(&name(), 1), member(&name(), 2));
    join(store, &first, LONG_MS).await;
    join(store, &second, LONG_MS).await;
    let before = report(store).await.wishes;
    let node = second.name.clone();
    let orders = [
        Wish::Pin { zone: "block 1,2".into(), node: node.clone() },
        Wish::Move { zone: "block 3,4".into(), node: node.clone() },
        Wish::Drain { node: node.clone() },
    ];
    let cut = wish(store, Wish::Split { zone: "block 3,4".into(), by: CutBy::Operator })
        .await
        .expect("it is granted");
    assert_eq!(report(store).await.wishes.cut.get("block 3,4/3"), Some(&CutBy::Operator));
    let mut undo = cut.undo;
    for order in &orders {
        let granted = wish(store, order.clone()).await.expect("it is granted");
        assert!(granted.changed);
        undo.extend(granted.undo);
        let again = wish(store, order.clone()).await;
        // what is drained is given nothing, and the rest is so already
        assert!(again.is_ok_and(|granted| !granted.changed), "{order}");
    }
    let refused = wish(store, Wish::Drain { node: first.name.clone() }).await;
    assert!(refused.is_err_and(|why| why.contains("would leave no node")));
    let now = report(store).await;
    assert_eq!(now.wishes.version, before.version + 4);
    assert!(now.wishes.drained.contains(&node));
    assert_eq!(now.wishes.placed["block 1,2"].node, node);
    let told: Vec<String> = now.log.iter().rev().take(3).rev().map(|logged| logged.wish.clone()).collect();
    assert_eq!(told, orders.map(|order| order.to_string()));
    assert!(now.log.iter().all(|logged| logged.at_ms > 0) && now.log.len() <= WISHES_TOLD as usize);
    for order in undo.into_iter().rev() {
        wish(store, order).await.expect("it is granted");
    }
    let after = report(store).await.wishes;
    assert_eq!((after.drained, after.placed, after.cut), (before.drained, before.placed, before.cut));
    leave(store, &first).await;
    leave(store, &second).await;
}

pub(super) async fn of_many_who_drain_the_last_nodes_one_is_refused(store: &Arc<dyn Store>) {
    let nodes = [member(&name(), 1), member(&name(), 2)];
    for node in &nodes {
        join(store, node, LONG_MS).await;
    }
    let names = nodes.clone().map(|node| node.name);
    let outcomes = at_once(2, |index| {
        let (store, node) = (store.clone(), names[index].clone());
        async move { wish(&store, Wish::Drain { node }).await }
    })
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    for node in nodes {
        wish(store, Wish::Join { node: node.name.clone() }).await.expect("it is granted");
        leave(store, &node).await;
    }
    assert!(report(store).await.wishes.drained.is_empty());
}
