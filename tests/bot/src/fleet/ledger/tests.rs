use super::*;
use crate::protocol::place::Steps;

const SPOT: Tile = Tile::new(2100, 2100);

/// Bots on a line, all in the world for ten seconds; time is what the test says.
struct Stage {
    ledger: Ledger,
    now: Instant,
}

impl Stage {
    fn new(places: &[u16]) -> Stage {
        let ledger = Ledger::new(places.len(), Deadlines::default(), false, true);
        let start = Instant::now();
        for (number, x) in places.iter().enumerate() {
            let name = format!("Bot{number}");
            let bot = ledger.register(&name);
            ledger.entered(bot, &name, Tile::new(*x, SPOT.y), start);
        }
        Stage { ledger, now: start + Duration::from_secs(10) }
    }

    fn after(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
    }

    fn walks(&self, bot: BotIndex, to: Tile) -> Track {
        let steps = Steps::straight(SPOT, to);
        let track = Track { from: SPOT, to, steps, speed: 2, since: self.now };
        self.ledger.walks(bot, track);
        track
    }

    /// Sweeps when all deadlines are over; the violations.
    fn end(&mut self) -> Vec<String> {
        self.after(20_000);
        self.ledger.sweep(self.now);
        self.ledger.read(|_, violations, _| violations.texts.clone())
    }
}

#[test]
fn who_is_near_must_hear_and_who_is_far_need_not() {
    let mut stage = Stage::new(&[2100, 2112, 2113]);
    stage.ledger.says(0, stage.now);
    assert_eq!(stage.end(), ["missing: Bot1 did not hear chat 1 of Bot0"]);
}

#[test]
fn a_line_heard_in_time_is_measured_and_a_slow_one_is_late() {
    let mut stage = Stage::new(&[2100, 2105]);
    let first = stage.ledger.says(0, stage.now);
    stage.after(40);
    stage.ledger.heard(1, first, "Bot0", stage.now);
    let second = stage.ledger.says(0, stage.now);
    stage.after(1500);
    stage.ledger.heard(1, second, "Bot0", stage.now);
    assert_eq!(stage.end(), ["late: chat 2 of Bot0 reached Bot1 after 1500 ms"]);
    let measured = stage.ledger.read(|counts, _, latency| (counts.heard, latency.min() / 1000));
    assert_eq!(measured, (2, 40));
}

#[test]
fn a_line_from_the_wrong_mouth_and_a_line_heard_twice_are_found() {
    let mut stage = Stage::new(&[2100, 2105, 2106]);
    let line = stage.ledger.says(0, stage.now);
    stage.ledger.heard(1, line, "Bot0", stage.now);
    stage.ledger.heard(1, line, "Bot0", stage.now);
    stage.ledger.heard(2, line, "Bot1", stage.now);
    let found = stage.end();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with("doubled:") && found[1].starts_with("wrong:"), "{found:?}");
}

#[test]
fn who_walks_away_meanwhile_is_not_judged() {
    let mut stage = Stage::new(&[2100, 2112]);
    stage.ledger.says(0, stage.now);
    let steps = Steps::straight(Tile::new(2112, 2100), Tile::new(2124, 2100));
    let (from, to) = (Tile::new(2112, 2100), Tile::new(2124, 2100));
    stage.ledger.walks(1, Track { from, to, steps, speed: 6, since: stage.now });
    let found = stage.end();
    assert!(found.iter().all(|text| !text.contains("chat")), "{found:?}");
}

#[test]
fn a_walk_that_the_server_broke_off_need_not_be_seen() {
    let mut stage = Stage::new(&[2100, 2105]);
    stage.walks(0, Tile::new(2106, 2106));
    stage.after(80);
    stage.ledger.placed(0, SPOT, stage.now);
    assert_eq!(stage.end(), [""; 0]);
}

#[test]
fn a_walk_that_nobody_told_is_missing() {
    let mut stage = Stage::new(&[2100, 2105]);
    stage.walks(0, Tile::new(2106, 2106));
    assert_eq!(stage.end(), ["missing: Bot1 did not see Bot0 walk from (2100,2100) to (2106,2106)"]);
}

#[test]
fn a_walk_cut_short_by_the_server_is_still_that_walk() {
    let mut stage = Stage::new(&[2100, 2105]);
    let mut track = stage.walks(0, Tile::new(2112, 2100));
    (track.to, track.steps) = (Tile::new(2103, 2100), Steps::straight(SPOT, Tile::new(2103, 2100)));
    stage.after(30);
    stage.ledger.saw_walk(1, "Bot0", &track, Some(stage.now - Duration::from_secs(9)), stage.now);
    assert_eq!(stage.end(), [""; 0]);
}

#[test]
fn the_rest_of_a_walk_told_to_a_newcomer_is_not_late() {
    let mut stage = Stage::new(&[2100, 2130]);
    let track = stage.walks(0, Tile::new(2112, 2100));
    let rest = Track { from: Tile::new(2108, 2100), ..track };
    stage.after(4000);
    stage.ledger.saw_walk(1, "Bot0", &rest, Some(stage.now), stage.now);
    assert_eq!(stage.end(), [""; 0]);
    assert_eq!(stage.ledger.read(|_, _, latency| latency.len()), 0);
}

#[test]
fn the_rest_of_a_walk_over_a_border_is_not_taken_for_one_that_was_out_of_sight() {
    let mut stage = Stage::new(&[2100, 2130]);
    let long_ago = Some(stage.now - Duration::from_secs(9));
    stage.walks(0, Tile::new(2104, 2100));
    stage.after(2500);
    let known = stage.walks(0, Tile::new(2104, 2101));
    stage.ledger.saw_walk(1, "Bot0", &known, long_ago, stage.now);
    stage.after(1500);
    let rest = Track { from: Tile::new(2102, 2101), ..known };
    stage.ledger.saw_walk(1, "Bot0", &rest, long_ago, stage.now);
    assert_eq!(stage.end(), [""; 0]);
    assert_eq!(stage.ledger.read(|_, _, latency| latency.len()), 1);
}

#[test]
fn the_same_walk_told_twice_is_doubled() {
    let mut stage = Stage::new(&[2100, 2105]);
    let track = stage.walks(0, Tile::new(2104, 2100));
    let long_ago = Some(stage.now - Duration::from_secs(9));
    stage.ledger.saw_walk(1, "Bot0", &track, long_ago, stage.now);
    stage.ledger.saw_walk(1, "Bot0", &track, long_ago, stage.now);
    assert_eq!(stage.end(), ["doubled: Bot1 saw Bot0 walk (2100,2100) to (2104,2100) twice"]);
}

#[test]
fn a_whisper_must_reach_one_wherever_it_is() {
    let mut stage = Stage::new(&[2100, 2105, 3000]);
    stage.ledger.whispers(0, 2, stage.now);
    assert_eq!(stage.end(), ["missing: whisper 1 of Bot0 did not reach Bot2"]);
}

#[test]
fn who_left_is_not_expected_to_hear() {
    let mut stage = Stage::new(&[2100, 2105]);
    stage.ledger.says(0, stage.now);
    stage.after(200);
    stage.ledger.left(1, stage.now);
    assert_eq!(stage.end(), [""; 0]);
}

#[test]
fn who_was_held_is_measured_from_what_it_heard_last_and_from_when_it_stood_there() {
    let mut stage = Stage::new(&[2100]);
    let track = stage.walks(0, Tile::new(SPOT.x + 6, SPOT.y));
    // three seconds of the walk, then silence: it is shown where it was after one and a half
    stage.after(3_000);
    let heard_last = stage.now;
    stage.after(700);
    let tile = track.at(track.since + Duration::from_millis(1_500));
    stage.ledger.resumed(0, tile, heard_last, stage.now);
    let (held, back) = stage.ledger.read_resumed(|found| (found.held.max(), found.rolled_back.max()));
    assert!((690_000..710_000).contains(&held), "{held}");
    assert!((400_000..=1_020_000).contains(&back), "{back}");
    // a tile that it never stood on: as far back as is known
    stage.ledger.resumed(0, Tile::new(1, 1), heard_last, stage.now);
    assert!(stage.ledger.read_resumed(|found| found.rolled_back.max()) >= 3_000_000);
}
