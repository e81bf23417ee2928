//! `kill -9` in the middle of writing: what was acknowledged is there, and once.

#![allow(clippy::unwrap_used)]

use model::Character;
use model::calls::database::{ChangeGold, LoadCargo};
use model::id::{AccountId, CharacterId, Epoch, ItemId, OperationId};
use model::item::{Effect, Item, ItemKind};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{Fence, GoldLocation, ItemLocation, Move, Transfer};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use store::testing::stage;
use store::{Sqlite, Store};

/// Tells the child which character to make rich: `folder account character epoch`.
const CHILD: &str = "WYDBR_TEST_CRASH_CHILD";
/// Acknowledgements before the kill.
const ENOUGH: usize = 300;

fn open(folder: &Path) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&folder.join("wydbr.sqlite")).unwrap())
}

fn one_more(operation: OperationId, account: AccountId, character: CharacterId, epoch: Epoch) -> ChangeGold {
    ChangeGold { operation, account, character, epoch, delta: 1, reason: "test".into() }
}

/// A coin into the bank and a new item that ends at once, in one transfer.
fn one_coin(operation: OperationId, account: AccountId, character: CharacterId, epoch: Epoch) -> Transfer {
    let gold = |account_of| GoldLocation { home: account, account: account_of };
    let (from, to) = (gold(GoldAccount::Character(character)), gold(GoldAccount::Cargo(account)));
    let item = Item { id: ItemId(operation.0), kind: ItemKind(400), effects: [Effect::default(); 3] };
    let slot = (operation.0 % 128) as u8;
    let place = ItemLocation { home: account, place: ItemPlace::Cargo(account, slot) };
    Transfer {
        operation,
        actor: Actor::Player(account),
        reason: "test".into(),
        fences: vec![Fence { account, character, epoch }],
        moves: vec![Move::Gold { amount: 1, from, to }, Move::Birth { item, to: place }],
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    }
}

/// The child: writes until it is killed, and says each time what was acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_is_killed() {
    let Ok(what) = std::env::var(CHILD) else { return };
    let mut words = what.split(' ');
    let store = open(Path::new(words.next().unwrap()));
    let mut number = || words.next().unwrap().parse::<u64>().unwrap();
    let (account, character, epoch) = (AccountId(number()), CharacterId(number()), Epoch(number()));
    stage::at_once(8, |_| {
        let store = store.clone();
        async move {
            loop {
                let request = one_more(stage::operation(), account, character, epoch);
                let operation = request.operation;
                let gold = store.change_gold(request).await.unwrap().unwrap();
                let line = format!("ACK {} {gold}\n", operation.0);
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                let request = one_coin(stage::operation(), account, character, epoch);
                let operation = request.operation;
                // refused when its slot is taken
                let banked = store.transfer(request).await.unwrap();
                let banked = banked.map_or(0, |done| done.balance(&GoldAccount::Cargo(account)).unwrap());
                let line = format!("PUT {} {banked}\n", operation.0);
                std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
            }
        }
    })
    .await;
}

async fn listed_gold(store: &Arc<dyn Store>, hero: &Character) -> i64 {
    stage::listed(store, hero.account).await[0].hard.gold
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_acknowledged_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let hero = stage::living(&store).await;
    let epoch = stage::load(&store, &hero, "tmsrv-1").await.epoch;
    drop(store);
    let mut acknowledged: HashMap<u128, i64> = HashMap::new();
    let mut banked: HashMap<u128, i64> = HashMap::new();
    for round in 1..=3 {
        let what = format!("{} {} {} {}", folder.path().display(), hero.account.0, hero.id.0, epoch.0);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture", "--test-threads=1"])
            .env(CHILD, what)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok) {
            if let Some((_, put)) = line.split_once("PUT ") {
                let (operation, gold) = put.split_once(' ').unwrap();
                banked.insert(operation.parse().unwrap(), gold.parse().unwrap());
            }
            let Some((_, acknowledgement)) = line.split_once("ACK ") else { continue };
            let (operation, gold) = acknowledgement.split_once(' ').unwrap();
            acknowledged.insert(operation.parse().unwrap(), gold.parse().unwrap());
            if acknowledged.len() == ENOUGH * round {
                child.kill().unwrap(); // SIGKILL
            }
        }
        child.wait().unwrap();
    }

    let store = open(folder.path());
    let bank = store.load_cargo(LoadCargo { account: hero.account }).await.unwrap().unwrap();
    let all = listed_gold(&store, &hero).await + bank.gold;
    for (operation, gold) in &acknowledged {
        let again = one_more(OperationId(*operation), hero.account, hero.id, epoch);
        assert_eq!(store.change_gold(again).await, Ok(Ok(*gold)), "the first outcome");
    }
    let mut put = 0;
    for (operation, gold) in &banked {
        let again = one_coin(OperationId(*operation), hero.account, hero.id, epoch);
        match store.transfer(again).await.unwrap() {
            Ok(done) => {
                put += 1;
                assert_eq!(done.balance(&GoldAccount::Cargo(hero.account)), Some(*gold), "the first outcome");
                let there = bank.items.iter().flatten().any(|item| item.id.0 == *operation);
                assert!(there, "what was acknowledged is there");
            }
            Err(_) => assert_eq!(*gold, 0, "the first outcome"),
        }
    }
    assert!(put > 50 && bank.gold >= put, "{put} coins were acknowledged, {} are there", bank.gold);
    assert_eq!(bank.items.iter().flatten().count() as i64, bank.gold, "an item for each coin");
    let after = store.load_cargo(LoadCargo { account: hero.account }).await.unwrap().unwrap();
    assert_eq!(listed_gold(&store, &hero).await + after.gold, all, "repeats added nothing");
    let report = store::fsck::run(store.as_ref()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.checked.findings);
    drop(store);
    let file = rusqlite::Connection::open(folder.path().join("wydbr.sqlite")).unwrap();
    let count = "SELECT count(*) FROM operations WHERE kind = 'change_gold'";
    let done: i64 = file.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(all, 1_000 + done, "every stored operation added one");
}
