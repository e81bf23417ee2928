//! Creatures stand where they stood, whoever plays their zone next.
#![allow(clippy::unwrap_used)]

use bot::client::Event;
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use e2e::borders::CutTown;
use e2e::{Cluster, Identity, Options, Player, metric_with, signal, wait_for};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Where new characters enter.
const TOWN: (u64, u64) = (2114, 2104);
/// From where all of them are in view.
const BESIDE: Tile = Tile::new(2104, 2104);
/// How many stand around there, each on a tile that is drawn when it comes into the world.
const CREATURES: usize = 24;
const PATIENCE: Duration = Duration::from_secs(60);

/// Where it sees creatures.
fn creatures(player: &Player) -> BTreeSet<(u16, u16)> {
    let all = player.world().entities().filter(|entity| !entity.is_player());
    all.map(|entity| entity.track.to).map(|Tile { x, y }| (x, y)).collect()
}

/// Takes in what comes until it sees exactly these creatures.
fn until_sees(player: &mut Player, expected: &BTreeSet<(u16, u16)>, when: &str) {
    let deadline = Instant::now() + PATIENCE;
    while creatures(player) != *expected {
        assert!(Instant::now() < deadline, "{when}: {:?}, expected {expected:?}", creatures(player));
        player.listen(Instant::now() + Duration::from_millis(50));
    }
}

/// Waits until it is set down and shown who is there: until then it believes what it saw before.
fn is_shown_anew(player: &mut Player, kind: &str) {
    player.expect("it is shown everybody anew", PATIENCE, |_, event| match event {
        Event::Appeared { name, .. } if &**name == kind => Some(()),
        _ => None,
    });
}

fn owner(cluster: &Cluster) -> String {
    cluster.zone_at(TOWN)["owner"].as_str().unwrap_or_default().to_owned()
}

fn known_by(cluster: &Cluster, node: &str, label: &str) -> f64 {
    let http = cluster.process(node).http;
    metric_with(&http, "wydbr_tmsrv_populations_total", &format!("from=\"{label}\"")).unwrap_or(0.0)
}

#[test]
fn monsters_stay_where_they_are_when_their_zone_is_moved_and_when_its_node_or_all_nodes_die() {
    let content = e2e::content::changed("generators.toml", |_| {
        let (x, y) = TOWN;
        let one = format!(
            "[[generator]]\ncreature = \"porquinho\"\nroute = \"stand\"\npoints = [[{x}, {y}, 4, 0]]\n"
        );
        one.repeat(CREATURES)
    })
    .unwrap();
    let mut cluster = Cluster::start(Options {
        nodes: 2,
        content: Some(content.path().to_owned()),
        settings: vec![("TMSrv", "creatures_every_seconds = 1\n".into())],
        ..Options::default()
    });
    let identity = Identity::sign_up(&cluster, Profile::V759, "pastor");
    let mut player = Player::enter(&cluster, &identity);
    player.walk_to(BESIDE);
    player.until("all creatures are in view", |world| {
        world.entities().filter(|entity| !entity.is_player()).count() == CREATURES
    });
    let at_first = creatures(&player);

    let name = cluster.zone_at(TOWN)["name"].as_str().unwrap().to_owned();
    let here = owner(&cluster);
    let there = if here == "tmsrv-1" { "tmsrv-2" } else { "tmsrv-1" };
    let told = known_by(&cluster, there, "node");
    cluster.told(&["move", &name, there]);
    wait_for("the other node has it", PATIENCE, || (owner(&cluster) == there).then_some(()));
    wait_for("it asked who had it before", PATIENCE, || {
        (known_by(&cluster, there, "node") > told).then_some(())
    });
    is_shown_anew(&mut player, "Porquinho");
    until_sees(&mut player, &at_first, "after a move");

    let kept = || {
        let http = cluster.process(there).http;
        metric_with(&http, "wydbr_tmsrv_populations_kept_total", "outcome=\"kept\"")
            .filter(|kept| *kept > 0.0)
    };
    wait_for("they are stored", PATIENCE, kept);
    signal(cluster.process(there).pid, "KILL");
    is_shown_anew(&mut player, "Porquinho");
    until_sees(&mut player, &at_first, "after the death of its node");
    player.assert_content();
    drop(player);

    assert_eq!(cluster.stop(), Some(0));
    cluster.up();
    let mut player = Player::enter(&cluster, &identity);
    until_sees(&mut player, &at_first, "after all was stopped and started");
    // the one that began first may have given the zone to the other one since
    let read: f64 = ["tmsrv-1", "tmsrv-2"].into_iter().map(|node| known_by(&cluster, node, "store")).sum();
    assert!(read > 0.0, "nobody but the store can know");
}

/// How many creatures nodes have handed over.
fn passed(cluster: &Cluster) -> f64 {
    let of = |node| {
        let http = cluster.process(node).http;
        metric_with(&http, "wydbr_tmsrv_creatures_passed_total", "outcome=\"taken\"").unwrap_or(0.0)
    };
    of("tmsrv-1") + of("tmsrv-2")
}

/// Ids of the creatures that it sees.
fn seen(player: &Player) -> BTreeSet<u16> {
    player.world().entities().filter(|entity| !entity.is_player()).map(|entity| entity.id).collect()
}

#[test]
fn monsters_walk_over_borders_between_nodes_and_nobody_sees_them_blink_or_twice() {
    const WALKERS: usize = 10;
    let walker = "[[generator]]\ncreature = \"aguia\"\nroute = \"back_and_forth\"\n\
                  points = [[2103, 2100, 2, 0], [2125, 2100, 2, 0]]\n";
    let town = CutTown::start_with(2, &walker.repeat(WALKERS), "creatures_every_seconds = 1\n").unwrap();
    let cluster = &town.cluster;
    let mut player = Player::enter(cluster, &Identity::sign_up(cluster, Profile::V759, "vigia"));
    player.walk_to(Tile::new(2114, 2104));
    player.until("all are in view", |world| {
        world.entities().filter(|entity| !entity.is_player()).count() == WALKERS
    });
    let (all, before) = (seen(&player), passed(cluster));
    player.forget();
    wait_for("they walk over borders", PATIENCE, || {
        player.listen(Instant::now() + Duration::from_millis(500));
        assert_eq!(seen(&player), all, "somebody came or went");
        (passed(cluster) >= before + 3.0 * WALKERS as f64).then_some(())
    });
    assert_eq!(player.appearances("Aguia Parda"), 0, "somebody came into view again");
    player.assert_content();

    // whom it had at that moment may be a second back, but there once, wherever they went meanwhile
    signal(cluster.process("tmsrv-2").pid, "KILL");
    is_shown_anew(&mut player, "Aguia Parda");
    let after = passed(cluster);
    wait_for("they walk over borders again, each once", PATIENCE, || {
        player.listen(Instant::now() + Duration::from_millis(500));
        (passed(cluster) >= after + WALKERS as f64 && seen(&player).len() <= WALKERS).then_some(())
    });
    assert!(seen(&player).len() + 2 >= WALKERS, "{} of {WALKERS} are left", seen(&player).len());
}
