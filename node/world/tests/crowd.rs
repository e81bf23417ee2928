//! Many players in one place.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use model::{Command, Route};
use rand::{Rng, SeedableRng};
use std::collections::BTreeSet;
use std::time::Instant;
use support::{Stage, tile};

#[test]
fn a_crowd_finds_room_and_everybody_sees_everybody_that_is_near() {
    let mut dice = rand_chacha::ChaCha8Rng::seed_from_u64(7);
    let mut stage = Stage::new(7);
    let names: Vec<String> = (0..120).map(|k| format!("bot{k}")).collect();
    for name in &names {
        stage.player(name, tile(1060, 1060));
    }
    let tiles: BTreeSet<_> = names.iter().map(|name| stage.at(name)).collect();
    assert_eq!(tiles.len(), names.len());
    for second in 0..6 {
        for name in &names {
            let from = stage.at(name);
            let digits: Vec<u8> = (0..8).map(|_| b"12346789"[dice.random_range(0..8)]).collect();
            let route = Route::from_ascii(&digits).unwrap();
            let to = route.tiles(from).last().unwrap();
            stage.asks(name, Command::Walk { from, route, to, speed: 4 });
        }
        let begun = Instant::now();
        stage.passes(20);
        println!("second {second} of {} players took {:?} with all checks", names.len(), begun.elapsed());
    }
}
