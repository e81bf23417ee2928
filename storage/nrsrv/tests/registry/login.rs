//! Who gets in.

use crate::edge::{Edge, address, new_session};
use crate::stage::{PASSWORD, Stage, quick};
use model::calls::database::{AccountChange, ChangeAccount, GetAccount};
use model::calls::registry::{KickReason, Login, LoginRefusal, Reply, Request, ToEdge};
use model::{AccountId, Secret};
use nrsrv::Hashing;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_right_password_gets_in_whatever_the_case_of_the_name() {
    let stage = Stage::new().await;
    let id = stage.account("Ana1").await;
    let edge = stage.edge("edge-1").await;
    let login = edge.attempt("aNA1", PASSWORD);
    match edge.call(Request::Login(login)).await {
        Reply::LoggedIn(Ok((account, name))) => {
            assert_eq!(account, id);
            assert_eq!(name.as_str(), "Ana1");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(stage.ask(Request::Count).await, Reply::Count(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_and_an_unknown_name_are_told_apart_to_nobody() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    for name in ["ana1", "nobody1", "?!"] {
        let hashes = stage.running().hashes();
        let refused = edge.try_login(edge.attempt(name, "wrong77")).await;
        assert_eq!(refused, Err(LoginRefusal::WrongNameOrPassword), "{name}");
        assert_eq!(stage.running().hashes() - hashes, 1, "{name}: the time of one hash, not more, not less");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_played_once_at_a_time() {
    let stage = Stage::new().await;
    plays_once(&stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_played_once_at_a_time_with_sessions_in_redis() {
    let Some(stage) = Stage::on_redis().await else { return };
    plays_once(&stage).await;
}

async fn plays_once(stage: &Stage) {
    stage.account("ana1").await;
    let (one, two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let session = one.login("ana1").await.unwrap();
    assert_eq!(one.login("ANA1").await, Err(LoginRefusal::AlreadyPlaying));
    assert_eq!(two.login("ana1").await, Err(LoginRefusal::AlreadyPlaying));
    one.logout(session).await;
    one.logout(session).await; // twice is the same as once
    two.login("ana1").await.unwrap();
    assert!(!one.is_known(session).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forced_login_waits_until_the_old_session_is_saved_and_closed() {
    let stage = Stage::new().await;
    replaces(&stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forced_login_replaces_with_sessions_in_redis() {
    let Some(stage) = Stage::on_redis().await else { return };
    replaces(&stage).await;
}

async fn replaces(stage: &Stage) {
    stage.account("ana1").await;
    let (mut one, two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let old = one.login("ana1").await.unwrap();
    let (new, ()) = tokio::join!(two.force("ana1"), one.obeys_kick(old, KickReason::Replaced));
    let new = new.unwrap();
    assert!(!one.is_known(old).await && two.is_known(new).await);
    assert!(one.has_nothing_pushed());
    assert_eq!(stage.registry().online(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forced_login_does_not_get_in_beside_a_session_that_stays() {
    let stage = Stage::with(nrsrv::Settings { kick_wait_ms: 300, ..quick() }).await;
    stage.account("ana1").await;
    let (one, two) = (stage.edge("edge-1").await, stage.edge("edge-2").await);
    let old = one.login("ana1").await.unwrap();
    assert_eq!(two.force("ana1").await, Err(LoginRefusal::StillPlaying));
    assert!(one.is_known(old).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_its_edge_gave_up_opens_no_session_later() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let (mut one, two) = (stage.edge("edge-1").await, Arc::new(stage.edge("edge-2").await));
    let old = one.login("ana1").await.unwrap();
    let login = Login { force: true, ..two.attempt("ana1", PASSWORD) };
    let (given_up, asking) = (login.session, Arc::clone(&two));
    let waiting = tokio::spawn(async move { asking.call(Request::Login(login)).await });
    assert_eq!(one.pushed().await, ToEdge::Kick { session: old, reason: KickReason::Replaced });
    two.logout(given_up).await; // its player went, or its edge did not wait any longer
    one.logout(old).await;
    assert_eq!(waiting.await.unwrap(), Reply::Unavailable);
    assert!(!two.is_known(given_up).await);
    assert_eq!(stage.registry().online(), 0);
    one.login("ana1").await.expect("the account is free");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_forced_logins_at_once_leave_one_session() {
    let stage = Stage::with(nrsrv::Settings { kick_wait_ms: 1_000, ..quick() }).await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let (a, b, c) = tokio::join!(edge.force("ana1"), edge.force("ana1"), edge.force("ana1"));
    let got_in = [&a, &b, &c].into_iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!((got_in, stage.registry().online()), (1, 1), "{a:?} {b:?} {c:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_is_sent_again_is_the_same_session() {
    let stage = Stage::new().await;
    let id = stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let login = edge.attempt("ana1", PASSWORD);
    assert_eq!(edge.try_login(login.clone()).await, Ok(id));
    assert_eq!(edge.try_login(login).await, Ok(id));
    assert_eq!(stage.registry().online(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_wrong_passwords_lock_the_account_but_not_for_its_owner() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let home = edge.login("ana1").await.unwrap();
    edge.logout(home).await;
    for last in [2, 3, 4] {
        let login = Login { address: address(last), ..edge.attempt("ana1", "wrong77") };
        assert_eq!(edge.try_login(login).await, Err(LoginRefusal::WrongNameOrPassword));
    }
    let abroad = Login { address: address(5), ..edge.attempt("ana1", PASSWORD) };
    match edge.try_login(abroad).await {
        Err(LoginRefusal::LockedOut { seconds }) => assert!((50..=60).contains(&seconds), "{seconds}"),
        other => panic!("{other:?}"),
    }
    edge.login("ana1").await.expect("the owner's own address is not locked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_guesses_is_locked_for_every_account() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    for n in 0..20 {
        let refused = edge.try_login(edge.attempt(&format!("guess{n}"), "wrong77")).await;
        assert_eq!(refused, Err(LoginRefusal::WrongNameOrPassword));
    }
    let refused = edge.try_login(edge.attempt("ana1", PASSWORD)).await;
    assert!(matches!(refused, Err(LoginRefusal::LockedOut { .. })), "{refused:?}");
    let elsewhere = Login { address: address(2), ..edge.attempt("ana1", PASSWORD) };
    assert!(edge.try_login(elsewhere).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_account_is_thrown_out_and_stays_out_until_it_is_unblocked() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let mut edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    let block = |reason: Option<&str>| Request::Block {
        name: "ANA1".to_owned(),
        reason: reason.map(ToOwned::to_owned),
    };
    assert_eq!(stage.ask(block(Some("sold gold"))).await, Reply::Done);
    edge.obeys_kick(session, KickReason::Blocked).await;
    assert_eq!(edge.login("ana1").await, Err(LoginRefusal::Blocked));
    let wrong = edge.try_login(edge.attempt("ana1", "wrong77")).await;
    assert_eq!(
        wrong,
        Err(LoginRefusal::WrongNameOrPassword),
        "a block is told only to who knows the password"
    );
    assert_eq!(stage.ask(block(None)).await, Reply::Done);
    assert!(edge.login("ana1").await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn raising_the_cost_hashes_again_at_the_next_login() {
    let stage = Stage::new().await;
    let id = stage.account("ana1").await;
    let mut settings = quick();
    settings.hashing.passes = 2;
    stage.settings.set(settings);
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    assert!(stored_hash(&stage, id).await.contains("m=64,t=2,p=1"));
    edge.logout(session).await;
    assert!(edge.login("ana1").await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hash_that_cannot_be_read_lets_nobody_in() {
    let stage = Stage::new().await;
    let account = stage.account("ana1").await;
    let change = AccountChange::Password(PASSWORD.to_owned());
    assert!(stage.store.change_account(ChangeAccount { account, change }).await.unwrap());
    let edge = stage.edge("edge-1").await;
    assert_eq!(edge.login("ana1").await, Err(LoginRefusal::WrongNameOrPassword));
}

async fn stored_hash(stage: &Stage, account: AccountId) -> String {
    stage.store.get_account(GetAccount { account }).await.unwrap().unwrap().password_hash
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_logins_is_bounded_and_holds_up_nothing_else() {
    const PLAYERS: usize = 200;
    let stage = Stage::new().await;
    for n in 0..PLAYERS {
        stage.account(&format!("player{n}")).await;
    }
    let mut settings = quick();
    settings.hashing = Hashing { memory_kib: 4_096, threads: 1, queue: 32, ..settings.hashing };
    stage.settings.set(settings);
    let nrsrv = stage.start(Arc::clone(&stage.store)).await;
    let edge = Arc::new(Edge::connect("edge-1", &nrsrv, Vec::new()).await);
    let storm: Vec<_> = (0..PLAYERS)
        .map(|n| {
            let edge = Arc::clone(&edge);
            tokio::spawn(async move { edge.login(&format!("player{n}")).await })
        })
        .collect();
    let mut slowest = Duration::ZERO;
    while storm.iter().any(|task| !task.is_finished()) {
        let started = Instant::now();
        assert!(matches!(edge.call(Request::Count).await, Reply::Count(_)));
        slowest = slowest.max(started.elapsed());
    }
    let mut busy = 0;
    for (n, task) in storm.into_iter().enumerate() {
        match task.await.unwrap() {
            Ok(_) => {}
            Err(LoginRefusal::Busy) => busy += 1,
            Err(other) => panic!("player{n}: {other:?}"),
        }
    }
    assert!(busy > 0, "a queue of 32 is full with 200 logins");
    assert_eq!(nrsrv.registry.online(), PLAYERS - busy, "who was not told to try again is in");
    assert!(slowest < Duration::from_secs(2), "another request took {slowest:?} during the storm");
    nrsrv.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_players_get_in_with_ordinary_settings() {
    let stage = Stage::new().await;
    let edge = Arc::new(stage.edge("edge-1").await);
    let mut storm = Vec::new();
    for n in 0..200 {
        stage.account(&format!("player{n}")).await;
    }
    for n in 0..200 {
        let edge = Arc::clone(&edge);
        storm.push(tokio::spawn(async move { edge.login(&format!("player{n}")).await }));
    }
    for task in storm {
        task.await.unwrap().unwrap();
    }
    until("all are counted", || async { stage.registry().online() == 200 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_not_in_what_is_shown_of_a_request() {
    let login = Login {
        session: new_session(),
        edge: model::membership::ProcessName("edge-1".to_owned()),
        name: "ana1".to_owned(),
        password: Secret::new(PASSWORD),
        force: false,
        address: address(1),
    };
    assert!(!format!("{:?}", Request::Login(login)).contains(PASSWORD));
}
