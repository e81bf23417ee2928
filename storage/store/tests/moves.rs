//! Buckets move between live shards while players play: nothing is lost, whoever dies when.

#![allow(clippy::unwrap_used)]

#[path = "moves/play.rs"]
mod play;
#[path = "moves/rig.rs"]
mod rig;

use model::calls::database::{ChangeGold, FoundCharacter, GetAccount, ItemHistory, PlayerLedger};
use model::calls::shards::{ChangeShards, MoveState};
use model::character::Progress;
use play::Play;
use rig::{Carrier, Rig, held, order, refused, report, settled};
use std::collections::BTreeSet;
use std::sync::Arc;
use store::amend::Clerk;
use store::testing::stage::economy::{Player, moved, paid, progress_of, surely, transfer};
use store::testing::{PgServer, postgres_wanted, stage};
use store::{Postgres, Store};

macro_rules! or_skip {
    () => {
        if !postgres_wanted() {
            return;
        }
    };
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_grows_and_shrinks_while_players_play() {
    or_skip!();
    let server = PgServer::start();
    let rig = Rig::new(&server, &["m", "s0"], 1);
    let (store, other) = (rig.open().await, rig.open().await);
    let carriers = [Carrier::of(&store), Carrier::of(&other)];
    let play = Play::begin(&[store.clone(), other.clone()], 24).await;

    let mut pauses = Vec::new();
    for (shards, name) in [(2, "s1"), (3, "s2")] {
        let dsn = server.create_database(name);
        let added = order(&store, ChangeShards::Add { dsn: model::Secret::new(dsn) }).await;
        assert_eq!(added.added, Some(shards - 1));
        pauses.extend(settled(&store).await);
        let held = held(&store).await;
        let share = 4096 / usize::from(shards);
        assert!(held.iter().all(|held| held.abs_diff(share) <= 1), "{held:?}");
        play.goes_on(100).await;
    }
    order(&other, ChangeShards::Drain { shard: 1 }).await;
    pauses.extend(settled(&other).await);
    assert_eq!(held(&other).await[1], 0);
    play.goes_on(100).await;
    play.end_and_check().await;
    rig::tell("grow and drain", pauses);
    drop(carriers);

    // what is stored is found again by a process that starts now, and a list that contradicts the map is refused
    drop((store, other));
    let store = rig.open().await;
    assert_eq!(held(&store).await.iter().sum::<usize>(), 4096);
    for (database, rows) in [("s1", "accounts"), ("s1", "items"), ("s1", "ledger"), ("s1", "bucket_homes")] {
        assert_eq!(
            server.psql(database, &format!("SELECT count(*) FROM {rows}")),
            "0",
            "{rows} of {database}"
        );
    }
    let [zero, one] = ["s0", "s1"].map(|name| server.dsn(name));
    let error = rig.with(&[&zero, &one]).try_open().await.err().unwrap().to_string();
    assert!(error.contains("found 2 addresses") && error.contains("expected 1 shards"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_survives_the_death_of_its_mover_at_every_step() {
    or_skip!();
    let server = PgServer::start();
    let rig = Rig::new(&server, &["m", "s0", "s1"], 2);
    let (store, other) = (rig.open().await, rig.open().await);
    let play = Play::begin(&[store.clone(), other.clone()], 16).await;
    for (turn, step) in Postgres::MOVE_STEPS.into_iter().enumerate() {
        let (to, buckets) = ((turn % 2) as u16, rig::owned(&store, ((turn + 1) % 2) as u16, 150).await);
        let movers = [rig.open().await, rig.open().await];
        // the second chunk, so that something has moved before
        let mut dying = Carrier::dies_at(&movers[0], step, 2.min(1 + turn));
        order(&store, ChangeShards::Move { buckets: buckets.clone(), to }).await;
        dying.dead().await;
        drop(dying);
        let _carrier = Carrier::of(&movers[1]);
        settled(&store).await;
        let owner = report(&store).await.owner;
        assert!(buckets.iter().all(|bucket| owner[usize::from(*bucket)] == to), "killed at {step}");
        play.goes_on(30).await;
        rig::nothing_is_left(&server, &["s0", "s1"]);
    }
    play.end_and_check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_survives_the_death_of_either_shard_at_every_step() {
    or_skip!();
    let metadata = PgServer::start();
    metadata.create_database("m");
    let mut servers = [PgServer::start(), PgServer::start()];
    let dsns = [servers[0].create_database("s"), servers[1].create_database("s")];
    let rig = Rig::new(&metadata, &["m"], 0).with(&[&dsns[0], &dsns[1]]);
    let store = rig.open().await;
    let play = Play::begin(std::slice::from_ref(&store), 12).await;
    for (turn, step) in Postgres::MOVE_STEPS.into_iter().enumerate() {
        #[expect(clippy::needless_range_loop, reason = "each is killed while the other one lives")]
        for victim in 0..2 {
            let to = ((turn + victim) % 2) as u16;
            let buckets = rig::owned(&store, 1 - to, 20).await;
            let mover = rig.open().await;
            let mut carrier = Carrier::waits_at(&mover, step);
            order(&store, ChangeShards::Move { buckets: buckets.clone(), to }).await;
            carrier.reached().await;
            tokio::task::block_in_place(|| servers[victim].kill());
            carrier.go_on();
            tokio::task::block_in_place(|| servers[victim].resume());
            settled(&store).await;
            let owner = report(&store).await.owner;
            assert!(
                buckets.iter().all(|bucket| owner[usize::from(*bucket)] == to),
                "shard {victim} at {step}"
            );
            play.goes_on(10).await;
        }
    }
    play.end_and_check().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_with_an_old_map_writes_nothing_wrong() {
    or_skip!();
    let server = PgServer::start();
    let rig = Rig::new(&server, &["m", "s0", "s1"], 2);
    // nothing follows the map for this one
    let (store, slow) = (rig.open().await, rig.open().await);
    let plain: Arc<dyn Store> = slow.clone();
    let mut heroes = Vec::new();
    for _ in 0..30 {
        let hero = stage::living(&plain).await;
        let epoch = stage::load(&plain, &hero, "tmsrv-1").await.epoch;
        heroes.push((hero, epoch));
    }
    let before = slow.buckets_by_shard();
    let _carrier = Carrier::of(&store);
    order(&store, ChangeShards::Drain { shard: 0 }).await;
    settled(&store).await;
    assert_eq!(slow.buckets_by_shard(), before, "it still believes in the old map");

    for (turn, (hero, epoch)) in heroes.iter().enumerate() {
        // the old map is put back before each, as if every single answer came late
        let fresh = rig.open_with_map_of(&before).await;
        let plain: Arc<dyn Store> = fresh.clone();
        match turn % 5 {
            0 => assert!(plain.get_account(GetAccount { account: hero.account }).await.unwrap().is_some()),
            1 => {
                let saved = stage::save(&plain, vec![stage::save_at(hero, *epoch, 99)]).await;
                assert_eq!(saved, [model::calls::database::SaveOutcome::Saved]);
            }
            2 => {
                let (account, character) = (hero.account, hero.id);
                let (operation, reason) = (stage::operation(), "portal".into());
                let pay = ChangeGold { operation, account, character, epoch: *epoch, delta: -1, reason };
                assert_eq!(plain.change_gold(pay).await.unwrap(), Ok(999));
            }
            3 => assert_eq!(stage::listed(&plain, hero.account).await.len(), 1),
            _ => {
                let item = hero.equip[0].unwrap().id;
                let life = plain.item_history(ItemHistory { item, limit: 10 }).await.unwrap();
                assert_eq!(life.len(), 1, "told once, by the shard where it is");
            }
        }
    }
    rig::nothing_is_left(&server, &["s0", "s1"]);
    assert_eq!(server.psql("s0", "SELECT count(*) FROM operations"), "0");
    let clean = store::fsck::run(store.as_ref()).await.unwrap();
    assert!(clean.is_clean(), "{:#?}", clean.checked.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_characters_were_moves_with_them() {
    or_skip!();
    let server = PgServer::start();
    let rig = Rig::new(&server, &["m", "s0", "s1"], 2);
    let store = rig.open().await;
    let plain: Arc<dyn Store> = store.clone();
    let mut players = Vec::new();
    for _ in 0..12 {
        players.push((Player::new(&plain).await, Vec::new()));
    }
    let grow = async |players: &mut Vec<(Player, Vec<i64>)>| {
        for (player, times) in players {
            let level = 100 + times.len() as u16;
            let progress = Progress { level, ..player.hero.hard.progress() };
            times.push(player.grows(&plain, progress).await);
        }
    };
    grow(&mut players).await;
    for shard in [0, 1] {
        let buckets = rig::owned(&store, shard, 4096).await;
        // what is written after the copy follows
        let mut carrier = Carrier::waits_at(&store, "follow");
        order(&store, ChangeShards::Move { buckets, to: 1 - shard }).await;
        carrier.reached().await;
        grow(&mut players).await;
        carrier.go_on();
        settled(&store).await;
        let rows = server.psql(["s0", "s1"][usize::from(shard)], "SELECT count(*) FROM character_states");
        assert_eq!(rows, "0", "nothing is left on shard {shard}");
    }
    for (player, times) in &players {
        assert_eq!(times.len(), 3);
        for (turn, since_ms) in times.iter().enumerate() {
            let then = progress_of(&plain, &player.hero, *since_ms).await.then.unwrap();
            let before = progress_of(&plain, &player.hero, since_ms - 1).await.then.unwrap();
            let level = 100 + turn as u16;
            let was = if turn == 0 { player.hero.hard.level } else { level - 1 };
            assert_eq!((then.level, before.level), (level, was));
        }
    }
    let (player, times) = &players[0];
    let (account, character, name) = (player.account(), player.hero.id, "Player".to_owned());
    let clerk = Clerk { store: plain.as_ref(), operator: "root".to_owned(), now_ms: i64::MAX };
    clerk.restore(FoundCharacter { account, character, name }, times[1]).await.unwrap();
    assert_eq!(player.now(&plain).await.hard.level, 101, "restored from what has moved");
    let clean = store::fsck::run(store.as_ref()).await.unwrap();
    assert!(clean.is_clean(), "{:#?}", clean.checked.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_keep_their_order_and_their_pages() {
    or_skip!();
    let server = PgServer::start();
    let rig = Rig::new(&server, &["m", "s0", "s1"], 2);
    let store = rig.open().await;
    let plain: Arc<dyn Store> = store.clone();
    let _carrier = Carrier::of(&store);
    let hero = stage::living(&plain).await;
    let epoch = stage::load(&plain, &hero, "tmsrv-1").await.epoch;
    let pay = |delta| {
        let (account, character, operation) = (hero.account, hero.id, stage::operation());
        ChangeGold { operation, account, character, epoch, delta, reason: "portal".into() }
    };
    let bucket = placement::bucket_of(hero.account);
    let mut balance = 1_000;
    for turn in 0..4 {
        for delta in [5, -3, 7] {
            balance += delta;
            assert_eq!(plain.change_gold(pay(delta)).await.unwrap(), Ok(balance));
        }
        let to = 1 - report(&store).await.owner[usize::from(bucket)];
        order(&store, ChangeShards::Move { buckets: vec![bucket], to }).await;
        settled(&store).await;
        let (account, character) = (hero.account, hero.id);
        let mut pages = Vec::new();
        let mut before = None;
        loop {
            let request = PlayerLedger { account, character, before, limit: 3 };
            let page = plain.player_ledger(request).await.unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.entry);
            pages.extend(page);
        }
        assert_eq!(pages.len(), 5 + 1 + 3 * (turn + 1), "births, starter gold, payments");
        assert!(pages.is_sorted_by(|newer, older| newer.entry > older.entry && newer.at_ms >= older.at_ms));
        let distinct: BTreeSet<_> =
            pages.iter().map(|entry| (entry.operation, format!("{:?}", entry.change))).collect();
        assert_eq!(distinct.len(), pages.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_stops_goes_on_and_goes_back() {
    or_skip!();
    let server = PgServer::start();
    let rig = Rig::new(&server, &["m", "s0", "s1"], 2);
    let store = rig.open().await;
    let play = Play::begin(std::slice::from_ref(&store), 8).await;
    let before = report(&store).await.owner;
    let buckets = rig::owned(&store, 0, 200).await;
    let mover = rig.open().await;
    let mut carrier = Carrier::waits_at(&mover, "clean");
    let number = order(&store, ChangeShards::Move { buckets: buckets.clone(), to: 1 }).await.moves[0];
    let again = refused(&store, ChangeShards::Move { buckets: buckets.clone(), to: 1 }).await;
    assert!(again.contains("have not ended"), "{again}");
    carrier.reached().await;
    order(&store, ChangeShards::Stop { number }).await;
    carrier.go_on();
    settled(&store).await;
    let stopped = report(&store).await;
    let of = |report: &model::calls::database::ShardsReport, number| {
        report.moves.iter().find(|moved| moved.number == number).unwrap().clone()
    };
    let state = of(&stopped, number);
    assert_eq!(state.state, MoveState::Stopped);
    assert!(state.moved > 0 && state.moved < 200, "{} moved", state.moved);
    rig::nothing_is_left(&server, &["s0", "s1"]);
    play.goes_on(50).await;

    order(&store, ChangeShards::Go { number }).await;
    settled(&store).await;
    let done = of(&report(&store).await, number);
    assert_eq!((done.state, done.moved), (MoveState::Done, 200));
    order(&store, ChangeShards::Back { number }).await;
    settled(&store).await;
    assert_eq!(report(&store).await.owner, before);
    assert_eq!(of(&report(&store).await, number).state, MoveState::Back);
    play.end_and_check().await;
    let nothing = refused(&store, ChangeShards::Go { number: 99 }).await;
    assert!(nothing.contains("there is no move 99"), "{nothing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_added_is_refused_and_the_address_stays_secret() {
    or_skip!();
    let server = PgServer::start();
    let rig = Rig::new(&server, &["m", "s0", "s1"], 2);
    let store = rig.open().await;
    let add = |dsn: &str| ChangeShards::Add { dsn: model::Secret::new(dsn) };
    let wrong = refused(&store, add("mysql://u:s3cret@h/d")).await;
    assert!(wrong.contains("expected postgres://") && !wrong.contains("s3cret"), "{wrong}");
    let foreign = server.create_database("foreign");
    Rig::new(&server, &["m2"], 0).with(&[&foreign]).open().await;
    let error = refused(&store, add(&foreign)).await;
    assert!(error.contains("/foreign is shard 0 of cluster"), "{error}");
    let nowhere =
        store.change_shards(add("postgres://u:s3cret@127.0.0.1:1/x")).await.unwrap_err().to_string();
    assert!(nowhere.contains("127.0.0.1:1/x does not answer") && !nowhere.contains("s3cret"), "{nowhere}");
    assert_eq!(report(&store).await.shards.len(), 2, "nothing was added");

    let dsn = server.create_database("s2").replace("postgres@", "postgres:s3cret@");
    let first = order(&store, add(&dsn)).await;
    let second = refused(&store, add(&dsn)).await;
    assert_eq!((first.added, first.moves.len()), (Some(2), 2));
    assert!(second.contains("have not ended"), "{second}");
    let _carrier = Carrier::of(&store);
    settled(&store).await;
    let third = order(&store, add(&dsn)).await;
    assert_eq!((third.added, third.moves.len()), (Some(2), 0), "it is there and has its share");
    let shown = format!("{:?}", report(&store).await);
    assert!(shown.contains("/s2") && !shown.contains("s3cret"), "{shown}");
    // the operator may enter the new shard into the settings, or leave it out
    let [zero, one] = ["s0", "s1"].map(|name| server.dsn(name));
    drop(store);
    rig.with(&[&zero, &one, &dsn]).open().await;
    rig.open().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goods_are_traded_out_of_and_into_moving_buckets_at_every_step() {
    or_skip!();
    let server = PgServer::start();
    let rig = Rig::new(&server, &["m", "s0", "s1"], 2);
    let store = rig.open().await;
    let plain: Arc<dyn Store> = store.clone();
    for (turn, step) in ["mark", "copy", "follow", "verify", "close", "clean"].into_iter().enumerate() {
        let (from, to) = ((turn % 2) as u16, ((turn + 1) % 2) as u16);
        // who moves, and who is where the other goes to
        let [mover, other] = loop {
            let pair = Player::two(&plain).await;
            let owner = report(&store).await.owner;
            let of = |player: &Player| owner[usize::from(placement::bucket_of(player.account()))];
            if (of(&pair[0]), of(&pair[1])) == (from, to) {
                break pair;
            }
        };
        let process = rig.open().await;
        let mut carrier = Carrier::waits_at(&process, step);
        let bucket = placement::bucket_of(mover.account());
        order(&store, ChangeShards::Move { buckets: vec![bucket], to }).await;
        carrier.reached().await;
        // what is copied already goes to the shard where the copy is; other goods come; names are free at once
        let there = vec![
            moved(mover.potion(0), mover.carry(0), other.carry(9)),
            moved(other.potion(0), other.carry(0), mover.carry(9)),
            paid(10, mover.purse(), other.purse()),
        ];
        surely(&plain, &transfer(&[&mover, &other], there)).await;
        let back = vec![
            moved(mover.potion(0), other.carry(9), mover.carry(0)),
            paid(30, other.purse(), mover.purse()),
        ];
        surely(&plain, &transfer(&[&mover, &other], back)).await;
        carrier.go_on();
        settled(&store).await;
        let (now, others) = (mover.now(&plain).await, other.now(&plain).await);
        assert_eq!((now.hard.gold, others.hard.gold), (1_020, 980), "{step}");
        assert_eq!(now.carry[0], Some(mover.potion(0)), "{step}");
        assert_eq!((now.carry[9], others.carry[0]), (Some(other.potion(0)), None), "{step}");
        let clean = store::fsck::run(store.as_ref()).await.unwrap();
        assert!(clean.is_clean(), "{step}: {:#?}", clean.checked.findings);
        drop(carrier);
        rig::nothing_is_left(&server, &["s0", "s1"]);
    }
}
