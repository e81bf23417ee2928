//! The second secret.

use crate::edge::address;
use crate::stage::{PASSWORD, Stage, quick};
use model::calls::database::GetAccount;
use model::calls::registry::{Login, PinOutcome, Reply, Request};
use nrsrv::PinLimits;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_pin_ever_becomes_the_pin() {
    let mut stage = Stage::new().await;
    let account = stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    for bad in ["", "123", "123456789012345", "12a4", "１２３４"] {
        assert_eq!(edge.pin(session, bad, false).await, PinOutcome::Malformed, "{bad:?}");
    }
    assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::Accepted);
    let stored = stage.store.get_account(GetAccount { account }).await.unwrap().unwrap().pin_hash.unwrap();
    assert!(stored.starts_with("$argon2id$"), "never in clear");
    stage.restart().await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    assert_eq!(edge.pin(session, "4712", false).await, PinOutcome::Wrong);
    assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::Accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pin_is_changed_only_after_a_good_one_in_the_same_session() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let first = edge.login("ana1").await.unwrap();
    assert_eq!(edge.pin(first, "4711", false).await, PinOutcome::Accepted);
    edge.logout(first).await;
    let session = edge.login("ana1").await.unwrap();
    assert_eq!(edge.pin(session, "9999", true).await, PinOutcome::Wrong);
    assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::Accepted);
    assert_eq!(edge.pin(session, "9999", true).await, PinOutcome::Accepted);
    edge.logout(session).await;
    let session = edge.login("ana1").await.unwrap();
    assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::Wrong);
    assert_eq!(edge.pin(session, "9999", false).await, PinOutcome::Accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_wrong_pins_end_the_session_and_eight_lock_the_account() {
    let mut settings = quick();
    settings.pin = PinLimits { lock_s: 900, ..PinLimits::default() };
    let stage = Stage::with(settings).await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::Accepted);
    edge.logout(session).await;
    for round in 0..2 {
        let login = Login { address: address(round), ..edge.attempt("ana1", PASSWORD) };
        let session = login.session;
        edge.try_login(login).await.unwrap();
        for _ in 0..3 {
            assert_eq!(edge.pin(session, "0000", false).await, PinOutcome::Wrong);
        }
        assert_eq!(edge.pin(session, "0000", false).await, PinOutcome::LockedOut);
        assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::LockedOut, "too late");
        edge.logout(session).await;
    }
    let session = edge.login("ana1").await.unwrap();
    assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::LockedOut, "the account's PIN is locked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pins_thrown_in_parallel_are_not_more_tries() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::Accepted);
    let pins = ["0001", "0002", "0003", "0004", "0005", "0006"];
    let [a, b, c, d, e, f] = pins.map(|pin| edge.pin(session, pin, false));
    let outcomes = tokio::join!(a, b, c, d, e, f);
    let (a, b, c, d, e, f) = outcomes;
    let wrong = [a, b, c, d, e, f].into_iter().filter(|outcome| *outcome == PinOutcome::Wrong).count();
    assert_eq!(wrong, 3, "the fourth ends the session: {outcomes:?}");
    assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::LockedOut);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_clears_a_forgotten_pin() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    assert_eq!(edge.pin(session, "4711", false).await, PinOutcome::Accepted);
    assert_eq!(stage.ask(Request::ClearPin { name: "ana1".to_owned() }).await, Reply::Done);
    edge.logout(session).await;
    let session = edge.login("ana1").await.unwrap();
    assert_eq!(edge.pin(session, "1234", false).await, PinOutcome::Accepted);
}
