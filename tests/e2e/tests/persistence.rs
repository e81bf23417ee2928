//! What players have outlives the cluster: a stop and start, the death of the supervisor, the death of all.
#![allow(clippy::unwrap_used)]

use bot::client::{LoginOutcome, PinOutcome, SelectionOutcome};
use bot::protocol::incoming::Snapshot;
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use e2e::{Cluster, Identity, Options, Player};

/// A pad of the town, its price, and what lies behind it.
const PAD: Tile = Tile::new(2117, 2101);
const PRICE: i32 = 700;

/// What has to be as before; ids and the like are of one session only.
fn lasting(snapshot: &Snapshot) -> Snapshot {
    Snapshot { own_id: 0, ..snapshot.clone() }
}

fn two_nodes() -> Cluster {
    Cluster::start(Options { nodes: 2, ..Options::default() })
}

fn bar(first: u8) -> [u8; 20] {
    std::array::from_fn(|index| first + index as u8)
}

/// Comes into the world for the first time, walks a little and sets the skill bar; who it is and what has to
/// be as it left it. A traveller buys a passage to another city first.
fn first_evening(cluster: &Cluster, profile: Profile, number: u16, travels: bool) -> (Identity, Snapshot) {
    let identity = Identity::sign_up(cluster, profile, &format!("veterano{number}"));
    let mut player = Player::connect(cluster, &identity);
    let list = player.log_in(false);
    let mut after = lasting(&player.choose(&list));
    if travels {
        player.walk_to(PAD);
        player.run("the portal", async |client| client.portal().await);
        after.gold -= PRICE;
        let gold = after.gold;
        player.until("it is far away and has paid", |world| {
            world.own_track().to.distance(PAD) > 100 && world.own().gold == gold
        });
    }
    after.tile = player.free_tile(number, 5);
    player.walk_to(after.tile);
    after.skill_bar = bar(10 * number as u8);
    player.run("the skill bar", async |client| client.set_skill_bar(bar(10 * number as u8)).await);
    player.assert_content();
    player.leave();
    assert!(after.items() > 5, "{after:?}");
    (identity, after)
}

fn next_evening(cluster: &Cluster, identity: &Identity) -> Snapshot {
    let mut player = Player::connect(cluster, identity);
    let list = player.log_in(false);
    let snapshot = player.choose(&list);
    let shown = &list.characters[0];
    assert_eq!((shown.tile, shown.gold, &shown.name), (snapshot.tile, snapshot.gold, &snapshot.name));
    assert_eq!(shown.equip, snapshot.equip);
    player.assert_content();
    player.leave();
    lasting(&snapshot)
}

#[test]
fn everything_is_as_before_after_a_stop_and_a_start() {
    let mut cluster = two_nodes();
    let players: Vec<(Identity, Snapshot)> = std::thread::scope(|scope| {
        let profiles = Profile::ALL.into_iter().zip(1..);
        let evenings: Vec<_> = profiles
            .map(|(profile, number)| {
                scope.spawn({
                    let cluster = &cluster;
                    move || first_evening(cluster, profile, number, true)
                })
            })
            .collect();
        evenings.into_iter().map(|evening| evening.join().expect("a good evening")).collect()
    });
    let villain = Identity::sign_up(&cluster, Profile::V759, "malvado");
    assert!(cluster.with_data(&["account", "block", "malvado"], None).status.success());
    assert_eq!(cluster.stop(), Some(0));
    cluster.up();

    let mut blocked = Player::connect(&cluster, &villain);
    assert!(!matches!(blocked.try_login(true), LoginOutcome::CharList(_)), "a block is for good");
    let newcomer = Identity::sign_up(&cluster, Profile::V759, "novato");
    let mut thief = Player::connect(&cluster, &newcomer);
    thief.log_in(false);
    for (identity, before) in &players {
        if identity.profile.has_pin() {
            let mut guesser = Player::connect(&cluster, identity);
            assert!(matches!(guesser.try_login(false), LoginOutcome::CharList(_)));
            assert_eq!(guesser.pin("999999"), PinOutcome::Wrong);
            assert_eq!(guesser.pin(&identity.pin), PinOutcome::Right);
            drop(guesser);
        }
        for name in [identity.character.to_uppercase(), identity.character.to_lowercase()] {
            assert_eq!(thief.create(0, &name), SelectionOutcome::Refused, "{name} is taken");
        }
        let mut wrong =
            Player::connect(&cluster, &Identity { password: "segredo2".into(), ..identity.clone() });
        assert!(!matches!(wrong.try_login(true), LoginOutcome::CharList(_)), "a wrong password");
        let player = Player::enter(&cluster, identity); // by force: the guesser may be leaving still
        player.leave();
        assert_eq!(next_evening(&cluster, identity), *before);
    }
}

/// A player stands in the world, saved by a logout before, and has walked on since.
fn stands_again(cluster: &Cluster, identity: &Identity, saved: &Snapshot) -> (Player, Tile) {
    let mut player = Player::enter(cluster, identity);
    assert_eq!(player.tile(), saved.tile);
    let goal = player.free_tile(0, 6);
    player.walk_to(goal);
    (player, goal)
}

#[test]
fn a_crash_of_everything_at_once_loses_nothing_that_was_acknowledged() {
    let mut cluster = two_nodes();
    let (identity, saved) = first_evening(&cluster, Profile::V759, 4, false);
    let (player, goal) = stands_again(&cluster, &identity, &saved);
    cluster.crash(true);
    drop(player);
    cluster.up();
    let found = next_evening(&cluster, &identity);
    let (before, now) = (found.tile.distance(saved.tile), found.tile.distance(goal));
    assert!(before + now == saved.tile.distance(goal), "{} is not on the way to {goal}", found.tile);
    assert_eq!(Snapshot { tile: saved.tile, ..found }, saved);
}

#[test]
fn the_death_of_the_supervisor_stops_everything_in_order_and_saves_everybody() {
    let mut cluster = two_nodes();
    let (identity, saved) = first_evening(&cluster, Profile::V748, 5, false);
    let (mut player, goal) = stands_again(&cluster, &identity, &saved);
    cluster.crash(false);
    player.until_closed();
    cluster.up();
    let found = next_evening(&cluster, &identity);
    assert_eq!(found, Snapshot { tile: goal, ..saved });
}
