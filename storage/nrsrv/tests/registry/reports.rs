//! Edges that come, go and come back; an NRSrv that forgets; a Redis that is emptied.

use crate::edge::{Edge, held, new_session};
use crate::stage::{PASSWORD, Stage, quick};
use model::calls::registry::{HeldSession, KickReason, LoginRefusal, Reply, Request, ToEdge};
use model::membership::ProcessName;
use model::{CharacterId, CharacterName, Secret};
use nrsrv::Settings;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::until;

fn known(stage: &Stage, edges: &[&str]) {
    *stage.known.lock().unwrap() = Some(edges.iter().map(|name| ProcessName((*name).to_owned())).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_the_edges_say_who_plays() {
    let mut stage = Stage::with(Settings { grace_ms: 60_000, ..quick() }).await;
    let account = stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    known(&stage, &["edge-1"]);
    stage.restart().await;
    let two = stage.edge("edge-2").await;
    let late = tokio::spawn(async move { two.login("ana1").await });
    let playing = Some((CharacterId(9), CharacterName::new("Anita").unwrap()));
    let report = HeldSession { character: playing, ..held(session, account, "ana1") };
    let one = Edge::connect("edge-1", stage.running(), vec![report]).await;
    assert_eq!(
        late.await.unwrap(),
        Err(LoginRefusal::AlreadyPlaying),
        "nobody gets in before all have reported"
    );
    assert!(one.is_known(session).await);
    let to_herself = Request::Whisper { session, to: "anita".to_owned(), text: "oi".to_owned() };
    assert_eq!(one.call(to_herself).await, Reply::Whispered(true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_does_not_report_holds_up_logins_only_for_the_grace() {
    let mut stage = Stage::with(Settings { grace_ms: 400, ..quick() }).await;
    stage.account("ana1").await;
    known(&stage, &["edge-1", "edge-dead"]);
    stage.restart().await;
    let started = Instant::now();
    let edge = stage.edge("edge-1").await;
    edge.login("ana1").await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300), "{:?}", started.elapsed());
    *stage.known.lock().unwrap() = None; // the cluster is not known at all
    stage.restart().await;
    stage.edge("edge-1").await.login("ana1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edge_that_comes_back_in_time_keeps_its_sessions_and_one_that_stays_away_loses_them() {
    let stage = Stage::new().await;
    let account = stage.account("ana1").await;
    let two = stage.edge("edge-2").await;
    let one = stage.edge("edge-1").await;
    let session = one.login("ana1").await.unwrap();
    let name = one.name.clone();
    drop(one);
    let gone = || async { !stage.registry().is_connected(&name) };
    until("NRSrv sees the closed stream", gone).await;
    assert_eq!(two.login("ana1").await, Err(LoginRefusal::AlreadyPlaying));
    let one = Edge::connect("edge-1", stage.running(), vec![held(session, account, "ana1")]).await;
    assert!(one.is_known(session).await);
    drop(one);
    until("NRSrv sees the closed stream", gone).await;
    stage.settings.set(Settings { linger_ms: 100, ..quick() });
    until("the session is dropped", || async { stage.registry().online() == 0 }).await;
    two.login("ana1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_edge_does_not_name_is_gone() {
    let stage = Stage::new().await;
    let account = stage.account("ana1").await;
    stage.account("bia1").await;
    let one = stage.edge("edge-1").await;
    let (ana, bia) = (one.login("ana1").await.unwrap(), one.login("bia1").await.unwrap());
    one.hello(vec![held(ana, account, "ana1")], Vec::new()).await;
    until("the other session is dropped", || async { stage.registry().online() == 1 }).await;
    assert!(one.is_known(ana).await && !one.is_known(bia).await);
    one.login("bia1").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_edges_that_claim_an_account_a_login_wins_over_a_report() {
    let stage = Stage::new().await;
    login_wins(&stage).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_wins_over_a_report_with_sessions_in_redis() {
    let Some(stage) = Stage::on_redis().await else { return };
    login_wins(&stage).await;
}

async fn login_wins(stage: &Stage) {
    let account = stage.account("ana1").await;
    let two = stage.edge("edge-2").await;
    let session = two.login("ana1").await.unwrap();
    let old = new_session();
    let mut one = Edge::connect("edge-1", stage.running(), vec![held(old, account, "ana1")]).await;
    one.obeys_kick(old, KickReason::Replaced).await;
    assert!(two.is_known(session).await && !one.is_known(old).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_reports_the_later_one_stays() {
    let stage = Stage::new().await;
    let account = stage.account("ana1").await;
    let (first, second) = (new_session(), new_session());
    let mut one = Edge::connect("edge-1", stage.running(), vec![held(first, account, "ana1")]).await;
    until("the first is registered", || async { stage.registry().online() == 1 }).await;
    let two = Edge::connect("edge-2", stage.running(), vec![held(second, account, "ana1")]).await;
    one.obeys_kick(first, KickReason::Replaced).await;
    assert!(two.is_known(second).await && !one.is_known(first).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_speaks_for_another_edge_is_not_heard() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let one = stage.edge("edge-1").await;
    let session = one.login("ana1").await.unwrap();
    let nrsrv = stage.running();
    let mut stream = link::open_stream::<ToEdge, model::calls::registry::FromEdge>(
        &support::credentials("edge-2"),
        &nrsrv.target,
    )
    .await
    .unwrap();
    let lie = model::calls::registry::FromEdge::Hello {
        edge: one.name.clone(),
        sessions: Vec::new(),
        parties: Vec::new(),
    };
    stream.send(&lie).await.unwrap();
    assert_eq!(stream.recv().await, None, "the stream is closed");
    assert!(one.is_known(session).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_remembers_who_plays_and_what_they_have_shown_while_nrsrv_is_away() {
    let Some(mut stage) = Stage::on_redis().await else { return };
    let account = stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    edge.pin(session, "4711", false).await;
    stage.restart().await;
    let two = stage.edge("edge-2").await;
    assert_eq!(two.login("ana1").await, Err(LoginRefusal::AlreadyPlaying), "before the edge has reported");
    let one = Edge::connect("edge-1", stage.running(), vec![held(session, account, "ana1")]).await;
    let change = Request::Pin { session, pin: Secret::new("9999"), change: true };
    until("the PIN state is back", || async {
        one.is_known(session).await
            && one.call(change.clone()).await == Reply::Pin(model::calls::registry::PinOutcome::Accepted)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_disconnects_nobody_and_lets_nobody_in_twice() {
    let Some(mut stage) = Stage::on_redis().await else { return };
    stage.account("ana1").await;
    let mut one = stage.edge("edge-1").await;
    let session = one.login("ana1").await.unwrap();
    stage.redis().flush();
    assert!(one.is_known(session).await);
    stage.registry().report_all().await; // the process does this every three seconds
    let two = stage.edge("edge-2").await;
    assert_eq!(two.login("ana1").await, Err(LoginRefusal::AlreadyPlaying));
    stage.redis().flush();
    let other = two.login("ana1").await.expect("nothing is written down");
    stage.registry().report_all().await;
    one.obeys_kick(session, KickReason::Replaced).await;
    assert!(two.is_known(other).await && !one.is_known(session).await, "one of them is left");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_players_play_on_and_logins_are_told_to_try_again() {
    let Some(mut stage) = Stage::on_redis().await else { return };
    stage.account("ana1").await;
    stage.account("bia1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    stage.redis().stop();
    assert!(edge.is_known(session).await);
    assert_eq!(edge.create(session, 0, "Anita").await.len(), 1);
    assert_eq!(edge.call(Request::Login(edge.attempt("bia1", PASSWORD))).await, Reply::Unavailable);
    let show = Request::Show { name: "ana1".to_owned() };
    assert!(
        matches!(stage.ask(show).await, Reply::Account(info) if info.online),
        "operators see all the same"
    );
    stage.redis().run();
    until("logins work again", || async {
        matches!(edge.call(Request::Login(edge.attempt("bia1", PASSWORD))).await, Reply::LoggedIn(Ok(_)))
    })
    .await;
    stage.registry().report_all().await;
    assert_eq!(edge.login("ana1").await, Err(LoginRefusal::AlreadyPlaying), "reported again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nrsrv_on_one_redis_give_an_account_to_one_of_them() {
    let Some(stage) = Stage::on_redis().await else { return };
    stage.account("ana1").await;
    let second = stage.start(Arc::clone(&stage.store)).await;
    let one = stage.edge("edge-1").await;
    let two = Edge::connect("edge-2", &second, Vec::new()).await;
    let (a, b) = tokio::join!(one.login("ana1"), two.login("ana1"));
    assert!(a.is_ok() != b.is_ok(), "{a:?} {b:?}");
    second.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_nrsrv_that_an_edge_left_for_another_ends_none_of_its_sessions() {
    let Some(stage) = Stage::on_redis().await else { return };
    let account = stage.account("ana1").await;
    known(&stage, &["edge-1"]);
    let second = stage.start(Arc::clone(&stage.store)).await;
    let one = stage.edge("edge-1").await;
    let session = one.login("ana1").await.unwrap();
    drop(one);
    let one = Edge::connect("edge-1", &second, vec![held(session, account, "ana1")]).await;
    stage.settings.set(Settings { linger_ms: 100, ..quick() });
    until("the first forgets the edge", || async { stage.registry().online() == 0 }).await;
    stage.registry().sweep().await;
    let two = Edge::connect("edge-2", &second, Vec::new()).await;
    assert_eq!(two.login("ana1").await, Err(LoginRefusal::AlreadyPlaying));
    assert!(one.is_known(session).await);
    second.end().await;
}
