//! Loading what an account keeps, and what all calls have in common: a store that is away, too many callers.

use crate::stage::Stage;
use bisrv::Settings;
use model::AccountId;
use model::calls::bank::{Reply, Request};
use model::item::CARGO_SLOTS;
use std::time::{Duration, Instant};
use support::{SOON, until};

fn load(account: AccountId) -> Request {
    Request::LoadCargo { account }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_account_has_an_empty_bank_and_an_unknown_one_has_none() {
    let stage = Stage::new().await;
    let ana = stage.account("ana1").await;
    match stage.ask(load(ana)).await {
        Reply::Cargo(cargo) => {
            assert_eq!((cargo.items.len(), cargo.gold), (CARGO_SLOTS, 0));
            assert!(cargo.items.iter().all(Option::is_none));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.ask(load(AccountId(7))).await, Reply::NoSuchAccount);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_for_a_moment_is_asked_again() {
    let stage = Stage::new().await;
    let ana = stage.account("ana1").await;
    stage.store.refuse(3);
    assert!(matches!(stage.ask(load(ana)).await, Reply::Cargo(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_stays_away_is_told_to_the_caller_before_it_gives_up() {
    let stage = Stage::with(Settings { store_deadline_ms: 300, ..Settings::default() }).await;
    let ana = stage.account("ana1").await;
    stage.store.is_away(true);
    let started = Instant::now();
    assert_eq!(stage.ask(load(ana)).await, Reply::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    stage.store.is_away(false);
    assert!(matches!(stage.ask(load(ana)).await, Reply::Cargo(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_callers_than_may_wait_are_answered_at_once() {
    let settings = Settings { store_deadline_ms: 5_000, requests_max: 2, ..Settings::default() };
    let stage = Stage::with(settings).await;
    let ana = stage.account("ana1").await;
    stage.store.is_away(true);
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let client = stage.client.clone();
            tokio::spawn(async move { client.call(&load(ana), SOON).await })
        })
        .collect();
    until("two requests wait", async || stage.store.refused() >= 2).await;
    let started = Instant::now();
    assert_eq!(stage.ask(load(ana)).await, Reply::Unavailable);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    stage.store.is_away(false);
    for task in waiting {
        assert!(matches!(task.await.unwrap(), Ok(Reply::Cargo(_))));
    }
}
