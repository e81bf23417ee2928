//! The bank over a real link socket and a real SQLite store.
#![allow(clippy::unwrap_used)]

use bisrv::{Bank, Metrics, Settings};
use link::{Client, Server, Target};
use model::account::Account;
use model::calls::bank::{Reply, Request};
use model::calls::database::CreateAccount;
use model::item::CARGO_SLOTS;
use model::{AccountId, AccountName, OperationId};
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Sqlite, Store};
use support::{FaultyStore, SOON, any_port, credentials, until};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const ANA: AccountId = AccountId(0x7fff_ffff_ffff_fff1);

struct Stage {
    client: Client<Request, Reply>,
    store: Arc<FaultyStore>,
    stop: CancellationToken,
    _folder: TempDir,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Stage {
    /// With one account, Ana's.
    async fn new(settings: Settings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inner = Sqlite::open(&folder.path().join("wydbr.sqlite")).unwrap();
        let account = Account {
            id: ANA,
            name: AccountName::new("ana1").unwrap(),
            password_hash: "none".to_owned(),
            pin_hash: None,
            blocked: None,
            created_ms: 0,
        };
        inner.create_account(CreateAccount { operation: OperationId(1), account }).await.unwrap().unwrap();
        let store = FaultyStore::new(Arc::new(inner));
        let server = Server::bind(any_port(), credentials("bisrv-1")).await.unwrap();
        let target = Target { name: credentials("bisrv-1").name, address: server.local_addr() };
        let bank = Bank::new(
            Arc::clone(&store) as Arc<dyn Store>,
            settings::Live::new(settings),
            Metrics::unregistered().unwrap(),
        );
        let stop = CancellationToken::new();
        tokio::spawn(server.serve(Arc::new(bank), stop.clone()));
        Self { client: Client::fixed(credentials("edge-1"), target), store, stop, _folder: folder }
    }

    async fn load(&self, account: AccountId) -> Reply {
        self.client.call(&Request::LoadCargo { account }, SOON).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_account_has_an_empty_bank_and_an_unknown_one_has_none() {
    let stage = Stage::new(Settings::default()).await;
    match stage.load(ANA).await {
        Reply::Cargo(cargo) => {
            assert_eq!((cargo.items.len(), cargo.gold), (CARGO_SLOTS, 0));
            assert!(cargo.items.iter().all(Option::is_none));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.load(AccountId(7)).await, Reply::NoSuchAccount);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_for_a_moment_is_asked_again() {
    let stage = Stage::new(Settings::default()).await;
    stage.store.refuse(3);
    assert!(matches!(stage.load(ANA).await, Reply::Cargo(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stays_away_is_told_to_the_caller_before_it_gives_up() {
    let stage = Stage::new(Settings { store_deadline_ms: 300, ..Settings::default() }).await;
    stage.store.is_away(true);
    let started = Instant::now();
    assert_eq!(stage.load(ANA).await, Reply::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    stage.store.is_away(false);
    assert!(matches!(stage.load(ANA).await, Reply::Cargo(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_callers_than_may_wait_are_answered_at_once() {
    let settings = Settings { store_deadline_ms: 5_000, requests_max: 2 };
    let stage = Stage::new(settings).await;
    stage.store.is_away(true);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let client = stage.client.clone();
            tokio::spawn(async move { client.call(&Request::LoadCargo { account: ANA }, SOON).await })
        })
        .collect();
    until("two requests wait", async || stage.store.refused() >= 2).await;
    let started = Instant::now();
    assert_eq!(stage.load(ANA).await, Reply::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    stage.store.is_away(false);
    for task in waiting {
        assert!(matches!(task.await.unwrap(), Ok(Reply::Cargo(_))));
    }
}
