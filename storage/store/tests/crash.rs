//! `kill -9` in the middle of writing: what was acknowledged is there, and once.

#![allow(clippy::unwrap_used)]

use model::calls::database::ChangeGold;
use model::id::{AccountId, CharacterId, Epoch, OperationId};
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
    ChangeGold { operation, account, character, epoch, delta: 1, reason: "test".into(), soft: None }
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
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_process_acknowledged_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let hero = stage::living(&store).await;
    let epoch = stage::load(&store, &hero, "tmsrv-1").await.epoch;
    drop(store);
    let mut acknowledged: HashMap<u128, i64> = HashMap::new();
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
    let mut values: Vec<i64> = acknowledged.values().copied().collect();
    values.sort_unstable();
    values.dedup();
    assert_eq!(values.len(), acknowledged.len(), "no two operations left the same gold");
    let stored = stage::listed(&store, hero.account).await[0].hard.gold;
    assert!(stored >= values[values.len() - 1], "{stored} is stored");
    for (operation, gold) in &acknowledged {
        let again = one_more(OperationId(*operation), hero.account, hero.id, epoch);
        assert_eq!(store.change_gold(again).await, Ok(Ok(*gold)), "the first outcome");
    }
    assert_eq!(stage::listed(&store, hero.account).await[0].hard.gold, stored, "repeats added nothing");
    let report = store::fsck::run(store.as_ref()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.checked.findings);
    drop(store);
    let file = rusqlite::Connection::open(folder.path().join("wydbr.sqlite")).unwrap();
    let count = "SELECT count(*) FROM operations WHERE kind = 'change_gold'";
    let done: i64 = file.query_row(count, [], |row| row.get(0)).unwrap();
    assert_eq!(stored, 1_000 + done, "every stored operation added one");
}
