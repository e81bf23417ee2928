use super::*;
use crate::protocol::place::Steps;

fn snapshot(own_id: u16, name: &str) -> Box<Snapshot> {
    let own = Snapshot { own_id, name: name.to_owned(), tile: Tile::new(2100, 2100), ..World::default().own };
    Box::new(own)
}

struct Stage {
    world: World,
    now: Instant,
}

impl Stage {
    /// Ana, id 5, stands at (2100,2100).
    fn new() -> Stage {
        let now = Instant::now();
        let mut world = World::default();
        world.apply(Packet::Entered(snapshot(5, "Ana")), now);
        Stage { world, now }
    }

    fn shows(&mut self, id: u16, name: &str, x: u16, y: u16) -> &mut Stage {
        let tile = Tile::new(x, y);
        let create = Packet::Create {
            id,
            name: name.to_owned(),
            tile,
            score: ScoreSeen::default(),
            guild: 0,
            kind: 0,
            stall: None,
        };
        self.world.apply(create, self.now);
        self
    }

    fn acts(&mut self, id: u16, effect: i32, x: u16, y: u16) -> Event {
        let (from, to) = (Tile::new(2100, 2100), Tile::new(x, y));
        let steps = Steps::straight(from, to);
        self.world.apply(Packet::Action { id, from, to, steps, effect, speed: 2 }, self.now)
    }

    fn later(&mut self, seconds: u64) -> &mut Stage {
        self.now += Duration::from_secs(seconds);
        self.world.look_for_stale(self.now);
        self
    }

    fn anomalies(&mut self) -> Vec<Anomaly> {
        self.world.take_anomalies()
    }
}

#[test]
fn the_own_character_is_no_entity() {
    let mut stage = Stage::new();
    stage.shows(5, "Ana", 2100, 2100);
    assert!(stage.world.own_shown() && stage.world.entities().next().is_none());
    assert_eq!(stage.anomalies(), []);
}

#[test]
fn the_own_name_under_another_id_is_doubled() {
    let mut stage = Stage::new();
    stage.shows(6, "Ana", 2101, 2100).shows(5, "Bia", 2102, 2100);
    let found = stage.anomalies();
    assert!(
        matches!(found[..], [Anomaly::OwnDoubled { id: 6, .. }, Anomaly::OwnDoubled { id: 5, .. }]),
        "{found:?}"
    );
}

#[test]
fn monsters_may_share_a_name_and_players_may_not() {
    let mut stage = Stage::new();
    stage.shows(1000, "Orc", 2101, 2100).shows(1001, "Orc", 2102, 2100);
    assert_eq!(stage.anomalies(), []);
    stage.shows(6, "Bia", 2101, 2101).shows(7, "Bia", 2102, 2101);
    assert!(matches!(stage.anomalies()[..], [Anomaly::TwoIds { first: 6, second: 7, .. }]));
}

#[test]
fn a_creation_again_is_doubled_unless_it_was_asked_for_or_follows_a_teleport() {
    let mut stage = Stage::new();
    stage.shows(6, "Bia", 2101, 2100).shows(6, "Bia", 2101, 2100);
    assert!(matches!(stage.anomalies()[..], [Anomaly::Doubled { id: 6, .. }]));
    let now = stage.now;
    stage.world.asked(6, now);
    stage.shows(6, "Bia", 2101, 2100);
    assert_eq!(stage.anomalies(), []);
    stage.later(10).acts(5, 1, 2110, 2100);
    stage.shows(6, "Bia", 2101, 2100);
    assert_eq!(stage.anomalies(), []);
}

#[test]
fn an_id_may_be_given_away_only_after_a_removal() {
    let mut stage = Stage::new();
    stage.shows(6, "Bia", 2101, 2100).shows(6, "Caio", 2103, 2100);
    assert!(matches!(stage.anomalies()[..], [Anomaly::IdReused { id: 6, .. }]));
    stage.world.apply(Packet::Remove { id: 6, kind: 0 }, stage.now);
    stage.shows(6, "Duda", 2103, 2100);
    assert_eq!(stage.anomalies(), []);
    assert!(stage.world.player("Duda").is_some() && stage.world.player("Caio").is_none());
}

#[test]
fn a_teleport_of_oneself_is_obeyed_and_counted_when_it_moves() {
    let mut stage = Stage::new();
    assert!(matches!(stage.acts(5, 1, 2100, 2100), Event::OwnPlaced { corrected: false, .. }));
    assert_eq!(stage.world.corrections(), 0);
    stage.acts(5, 1, 2050, 2060);
    assert_eq!((stage.world.corrections(), stage.world.tile(stage.now)), (1, Tile::new(2050, 2060)));
}

#[test]
fn being_put_back_to_the_start_of_a_walk_is_a_correction() {
    let mut stage = Stage::new();
    let (from, to) = (Tile::new(2100, 2100), Tile::new(2105, 2100));
    let steps = Steps::straight(from, to);
    stage.world.set_own_track(Track { from, to, steps, speed: 2, since: stage.now });
    assert!(matches!(stage.acts(5, 1, 2100, 2100), Event::OwnPlaced { corrected: true, .. }));
    assert_eq!((stage.world.corrections(), stage.later(10).world.tile(from_now(10))), (1, from));
}

fn from_now(seconds: u64) -> Instant {
    Instant::now() + Duration::from_secs(seconds)
}

#[test]
fn a_walk_is_followed_by_the_own_clock() {
    let mut stage = Stage::new();
    stage.shows(6, "Bia", 2100, 2100).acts(6, 0, 2104, 2100);
    let start = stage.now;
    let bia = stage.world.player("Bia").unwrap_or_else(|| panic!("she is in view"));
    let at = |ms| bia.track.at(start + Duration::from_millis(ms)).x;
    assert_eq!([at(0), at(499), at(500), at(1500), at(2000), at(9000)], [2100, 2100, 2101, 2103, 2104, 2104]);
}

#[test]
fn one_who_is_far_away_and_was_not_removed_is_stale_once() {
    let mut stage = Stage::new();
    stage.shows(6, "Bia", 2140, 2100);
    stage.later(1);
    assert_eq!(stage.anomalies(), [], "there is some grace");
    stage.later(4).later(1).later(1);
    assert!(matches!(stage.anomalies()[..], [Anomaly::Stale { id: 6, distance: 40, .. }]));
}

#[test]
fn acts_of_ids_that_were_never_shown_are_anomalies() {
    let mut stage = Stage::new();
    stage.acts(9, 0, 2101, 2100);
    stage.world.apply(Packet::Motion { id: 9, motion: 1 }, stage.now);
    stage.world.apply(Packet::Stop { id: 9, at: Tile::new(2100, 2100) }, stage.now);
    assert_eq!(stage.anomalies().len(), 3);
}
