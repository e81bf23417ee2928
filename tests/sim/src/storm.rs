//! A storm on a real store: the players of the simulation, on SQLite, with everything repeated now and then; judged by
//! the same oracle and by `fsck`.

use crate::oracle::{self, Found};
use crate::player::{BANK, Board, GOLD, Player, SLOTS, item, wish};
use anyhow::{Context, bail};
use model::Character;
use model::calls::database::{Failure, ListCharacters, LoadCargo};
use model::id::{ItemId, OperationId};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{Fence, GoldLocation, Move, Transfer};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::testing::memory::{Disk, Outcome};
use store::testing::stage;
use store::{Sqlite, Store, fsck};

/// Players of a storm.
const PLAYERS: u64 = 6;

/// What is wrong after so many wishes of a seed; empty is good.
pub fn run(seed: u64, wishes: u32) -> anyhow::Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(storm(seed, wishes))
}

async fn storm(seed: u64, wishes: u32) -> anyhow::Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(&folder.path().join("storm.sqlite"))?);
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let (mut board, first) = settle(&store).await?;
    let mut wrong = Vec::new();
    for _ in 0..wishes {
        let me = board.players[dice.random_range(0..board.players.len())];
        let Some(transfer) = wish(&board, me, &mut dice) else { continue };
        if dice.random_bool(0.1) {
            load(&store, &mut board, me).await?;
        }
        let outcome = surely(&store, &transfer).await?;
        if outcome.is_ok() {
            for step in &transfer.moves {
                if let Move::Item { item, to, .. } = step {
                    board.items.insert(item.id, (*item, *to));
                }
            }
        }
        board.journal.push((transfer, outcome));
        if dice.random_bool(0.3) {
            // an answer was lost: some operation of the past comes again
            let (again, told) = &board.journal[dice.random_range(0..board.journal.len())];
            let now = surely(&store, again).await?;
            if now != *told {
                wrong.push(format!("operation {}: {told:?} was told, then {now:?}", again.operation));
            }
        }
    }
    wrong.extend(oracle::compare(&board, &first, &found(&store, &board).await?));
    let report = fsck::run(&*store).await?;
    if !report.is_clean() {
        wrong.push(format!("fsck found {:?}", report.checked.findings.first()));
    }
    Ok(wrong)
}

async fn surely(store: &Arc<dyn Store>, transfer: &Transfer) -> Result<Outcome, Failure> {
    store.transfer(transfer.clone()).await
}

async fn load(store: &Arc<dyn Store>, board: &mut Board, player: Player) -> anyhow::Result<Character> {
    let listed = store.list_characters(ListCharacters { account: player.account }).await?;
    let character = listed.into_iter().next().context("no character")?;
    let loaded = stage::load(store, &character, "tmsrv-1").await;
    board.epochs.insert(player.character, loaded.epoch);
    board.owners.insert(player.character, (loaded.epoch, loaded.character.hard.gold));
    Ok(loaded.character)
}

/// Players with their gold and things.
async fn settle(store: &Arc<dyn Store>) -> anyhow::Result<(Board, BTreeMap<ItemId, (i64, i64, i64)>)> {
    let (mut board, mut first) = (Board::default(), BTreeMap::new());
    for index in 0..PLAYERS {
        let account = stage::registered(store).await;
        let mut hero = stage::character(account.id, 0, &stage::name());
        hero.hard.gold = GOLD;
        (hero.equip, hero.carry) = (Character::no_equip(), Character::no_carry());
        stage::create(store, &hero).await;
        let player = Player { account: account.id, character: hero.id };
        board.players.push(player);
        load(store, &mut board, player).await?;
        let mint = GoldLocation { home: account.id, account: GoldAccount::Mint("storm".into()) };
        let mut moves = vec![Move::Gold { amount: BANK, from: mint, to: player.bank() }];
        for slot in 0..SLOTS / 2 {
            let item = item(index * 10 + u64::from(slot));
            let to = player.carry(slot);
            first.insert(item.id, Disk::spot(&to.place));
            board.items.insert(item.id, (item, to));
            moves.push(Move::Birth { item, to });
        }
        let transfer = Transfer {
            operation: OperationId(rand::random()),
            actor: Actor::System("storm".into()),
            reason: "storm".into(),
            fences: vec![fence(&board, player)],
            moves,
            records: Vec::new(),
            softs: Vec::new(),
            standings: Vec::new(),
        };
        if let Err(refusal) = surely(store, &transfer).await? {
            bail!("the storm cannot begin: {refusal}");
        }
    }
    Ok((board, first))
}

fn fence(board: &Board, player: Player) -> Fence {
    let epoch = board.epochs[&player.character];
    Fence { account: player.account, character: player.character, epoch }
}

async fn found(store: &Arc<dyn Store>, board: &Board) -> anyhow::Result<Found> {
    let mut found = Found::default();
    for player in &board.players {
        let listed = store.list_characters(ListCharacters { account: player.account }).await?;
        let cargo = store.load_cargo(LoadCargo { account: player.account }).await?.context("no bank")?;
        found.gold.insert(player.bank().account, cargo.gold);
        let mut lay = |slot: usize, place: fn(Player, u8) -> ItemPlace, item: Option<model::Item>| {
            found.items.extend(item.map(|item| (item.id, Disk::spot(&place(*player, slot as u8)))));
        };
        for (slot, item) in cargo.items.into_iter().enumerate() {
            lay(slot, |player, slot| player.cargo(slot).place, item);
        }
        for character in listed {
            for (slot, item) in character.carry.into_iter().enumerate() {
                lay(slot, |player, slot| player.carry(slot).place, item);
            }
            found.gold.insert(player.purse().account, character.hard.gold);
        }
    }
    Ok(found)
}
