//! Borders between nodes, with people on both sides: they see, hear and trade as if there were none.
#![allow(clippy::unwrap_used)]

use bot::client::World;
use bot::protocol::incoming::OfferSeen;
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use e2e::borders::{CutTown, Options};
use e2e::{Cluster, Identity, Player, metric};
use std::time::Duration;

/// Tiles of strips 2 and 3: the border between them is at x = 2114.
const WEST: Tile = Tile::new(2111, 2100);
const EAST: Tile = Tile::new(2117, 2101);
const FAR_EAST: Tile = Tile::new(2125, 2104);
const PATIENCE: Duration = Duration::from_secs(20);

fn enter(cluster: &Cluster, profile: Profile, account: &str, at: Tile) -> Player {
    let mut player = Player::enter(cluster, &Identity::sign_up(cluster, profile, account));
    player.walk_to(at);
    player
}

fn ghosts(cluster: &Cluster) -> f64 {
    let of = |node| metric(&cluster.process(node).http, "wydbr_tmsrv_ghosts_count").unwrap_or(0.0);
    of("tmsrv-1") + of("tmsrv-2")
}

#[test]
fn neighbours_over_a_border_see_hear_and_trade_and_nobody_blinks_at_a_crossing() {
    let town = CutTown::start(2).unwrap();
    let cluster = &town.cluster;
    let mut west = enter(cluster, Profile::V759, "oeste", WEST);
    let mut east = enter(cluster, Profile::V769, "leste", EAST);
    let mut walker = enter(cluster, Profile::V748, "andante", Tile::new(WEST.x, WEST.y + 3));
    e2e::wait_for("they are ghosts over the border", PATIENCE, || (ghosts(cluster) >= 3.0).then_some(()));
    west.until_sees("Leste");
    east.until_sees("Oeste");
    west.say_to(&mut east, "oi vizinho");
    east.say_to(&mut west, "bom dia");

    // over the border and back: seen all the way, by those on both sides, and never twice
    walker.until_sees("Leste");
    for player in [&mut west, &mut east, &mut walker] {
        player.forget();
    }
    for goal in [FAR_EAST, Tile::new(WEST.x - 1, WEST.y + 3)] {
        walker.walk_to(goal);
        for player in [&mut west, &mut east] {
            let arrived = |world: &World| world.player("Andante").is_some_and(|seen| seen.track.to == goal);
            player.until("the walker is where it is", arrived);
        }
        walker.say_to(&mut west, "de la");
        walker.say_to(&mut east, "de ca");
    }
    for player in [&west, &east] {
        assert_eq!(player.appearances("Andante"), 0, "it came into view again");
    }
    assert_eq!(
        (walker.appearances("Oeste"), walker.appearances("Leste")),
        (0, 0),
        "they came into view again"
    );

    trade_gold(&mut west, &mut east, 75);
    for player in [&mut west, &mut east, &mut walker] {
        player.assert_content();
    }
}

/// One gives the other gold for nothing.
fn trade_gold(giver: &mut Player, taker: &mut Player, gold: i32) {
    let id = |of: &Player, name: &str| of.world().player(name).unwrap().id;
    let (to, back) = (id(giver, &taker.identity.character), id(taker, &giver.identity.character));
    let (rich, poor) = (giver.world().own().gold, taker.world().own().gold);
    let offer = |partner, gold, checked| OfferSeen { partner, items: Vec::new(), gold, checked };
    giver.run("an invitation", async |client| client.offer(&offer(to, gold, false)).await);
    taker.until("it is invited", |world| world.offer().is_some());
    taker.run("its offer", async |client| client.offer(&offer(back, 0, false)).await);
    giver.until("it is shown the offer", |world| world.offer().is_some());
    taker.until("it is shown the gold", |world| world.offer().is_some_and(|offer| offer.gold == gold));
    giver.run("the own check", async |client| client.offer(&offer(to, gold, true)).await);
    taker.until("it is shown the check", |world| world.offer().is_some_and(|offer| offer.checked));
    taker.run("its check", async |client| client.offer(&offer(back, 0, true)).await);
    giver.until("the gold is gone", |world| world.own().gold == rich - gold && world.offer().is_none());
    taker.until("the gold is there", |world| world.own().gold == poor + gold && world.offer().is_none());
}

#[test]
fn bots_that_cross_borders_all_the_time_miss_nothing() {
    let town = CutTown::start(2).unwrap();
    let options = Options { players: 24, seconds: 25, nodes: 2, seed: 12, gap_ms: 1_000.0, crossings: 20.0 };
    let (report, failures) = town.cross(&options);
    assert!(failures.is_empty(), "{report:#}");
}
