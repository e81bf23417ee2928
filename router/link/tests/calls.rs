//! Typed calls over real TCP on the loopback.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Ask, Proxy, SOON, Told, any_port, credentials, server, text};
use link::{CallError, Client, Credentials, Server, Target};
use model::Secret;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_answered_and_the_callee_knows_who_asks() {
    let server = server("nrsrv-1", any_port()).await;
    let client = server.client();
    assert_eq!(client.call(&Ask::Echo("oi".to_owned()), SOON).await, Ok(text("oi")));
    assert_eq!(client.call(&Ask::WhoAmI, SOON).await, Ok(text("edge-1")));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_call_does_not_hold_up_the_others() {
    let server = server("nrsrv-1", any_port()).await;
    let client = server.client();
    let slow: Vec<_> = (0..200)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.call(&Ask::Wait, SOON).await })
        })
        .collect();
    server.stage.until(|stage| stage.waiting.load(Ordering::SeqCst) == 200).await;
    for number in 0..50 {
        let word = number.to_string();
        assert_eq!(client.call(&Ask::Echo(word.clone()), SOON).await, Ok(text(&word)));
    }
    server.stage.release.notify_waiters();
    for call in slow {
        assert_eq!(call.await.unwrap(), Ok(text("released")));
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_calls_than_the_limit_are_answered_in_the_end() {
    let server = server("nrsrv-1", any_port()).await;
    let client = server.client();
    let many: Vec<_> = (0..3 * link::MAX_CALLS_IN_FLIGHT)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move { client.call(&Ask::Echo(number.to_string()), SOON).await })
        })
        .collect();
    for (number, call) in many.into_iter().enumerate() {
        assert_eq!(call.await.unwrap(), Ok(text(&number.to_string())));
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_an_answer_ends_at_its_deadline() {
    let server = server("nrsrv-1", any_port()).await;
    let client = server.client();
    client.call(&Ask::WhoAmI, SOON).await.unwrap();
    let started = Instant::now();
    assert_eq!(client.call(&Ask::Wait, Duration::from_millis(200)).await, Err(CallError::Deadline));
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!(client.call(&Ask::Echo("still here".to_owned()), SOON).await, Ok(text("still here")));
    server.stage.release.notify_waiters();
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_nobody_says_that_it_was_never_sent() {
    let gone = Server::bind(any_port(), credentials("nrsrv-1")).await.unwrap().local_addr();
    let target = Target { name: credentials("nrsrv-1").name, address: gone };
    let client = Client::<Ask, Told>::fixed(credentials("edge-1"), target);
    assert_eq!(client.call(&Ask::WhoAmI, Duration::from_millis(200)).await, Err(CallError::NotConnected));
    let nobody = Client::<Ask, Told>::new(credentials("edge-1"), watch::channel(None).1);
    assert_eq!(nobody.call(&Ask::WhoAmI, Duration::from_millis(50)).await, Err(CallError::NotConnected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_is_found_again_and_unanswered_calls_are_lost() {
    let first = server("nrsrv-1", any_port()).await;
    let address = first.target.address;
    let client = first.client();
    let pending = {
        let client = client.clone();
        tokio::spawn(async move { client.call(&Ask::Wait, Duration::from_secs(30)).await })
    };
    first.stage.until(|stage| stage.waiting.load(Ordering::SeqCst) == 1).await;
    first.task.abort();
    assert_eq!(pending.await.unwrap(), Err(CallError::Lost));
    let second = server("nrsrv-1", address).await;
    assert_eq!(client.call(&Ask::Echo("again".to_owned()), SOON).await, Ok(text("again")));
    second.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_target_takes_the_calls_elsewhere() {
    let (one, two) = (server("tmsrv-1", any_port()).await, server("tmsrv-2", any_port()).await);
    let (targets, watched) = watch::channel(Some(one.target.clone()));
    let client = Client::<Ask, Told>::new(credentials("edge-1"), watched);
    let pending = {
        let client = client.clone();
        tokio::spawn(async move { client.call(&Ask::Wait, Duration::from_secs(30)).await })
    };
    one.stage.until(|stage| stage.waiting.load(Ordering::SeqCst) == 1).await;
    targets.send_replace(Some(two.target.clone()));
    assert_eq!(pending.await.unwrap(), Err(CallError::Lost));
    one.stage.release.notify_waiters();
    one.end().await;
    assert_eq!(client.call(&Ask::Echo("moved".to_owned()), SOON).await, Ok(text("moved")));
    two.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_with_another_key_is_refused() {
    let server = server("nrsrv-1", any_port()).await;
    let wrong = Credentials { key: Secret::new("ffffffffffffffffffffffffffffffff"), ..credentials("edge-1") };
    let client = Client::<Ask, Told>::fixed(wrong.clone(), server.target.clone());
    assert_eq!(client.call(&Ask::WhoAmI, Duration::from_millis(500)).await, Err(CallError::NotConnected));
    let refused = link::open_stream::<u32, u32>(&wrong, &server.target).await.err().unwrap().to_string();
    assert!(refused.contains("wrong cluster key") && !refused.contains("ffff"), "{refused}");
    assert_eq!(server.client().call(&Ask::WhoAmI, SOON).await, Ok(text("edge-1")));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_role_at_the_address_is_not_taken_for_the_target() {
    let server = server("bisrv-1", any_port()).await;
    let target = Target { name: credentials("nrsrv-1").name, address: server.target.address };
    let client = Client::<Ask, Told>::fixed(credentials("edge-1"), target);
    assert_eq!(client.call(&Ask::WhoAmI, Duration::from_millis(300)).await, Err(CallError::NotConnected));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_is_dropped_and_never_served() {
    let server = server("nrsrv-1", any_port()).await;
    let mut stranger = TcpStream::connect(server.target.address).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(SOON, stranger.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty(), "nothing is said to strangers");

    let mut silent = TcpStream::connect(server.target.address).await.unwrap();
    let started = Instant::now();
    let read = tokio::time::timeout(SOON, silent.read(&mut [0; 8])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)) && started.elapsed() < Duration::from_secs(5));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_over_the_limit_are_refused_and_the_connection_lives() {
    let server = server("nrsrv-1", any_port()).await;
    let client = server.client();
    let huge = Ask::Echo("x".repeat(link::MAX_FRAME));
    assert_eq!(client.call(&huge, SOON).await, Err(CallError::TooLarge));
    assert_eq!(client.call(&Ask::HugeReply, SOON).await, Err(CallError::TooLarge));
    let large = "x".repeat(3 << 20);
    assert_eq!(client.call(&Ask::Echo(large.clone()), SOON).await, Ok(text(&large)));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_cannot_be_decoded_is_answered_and_survived() {
    let server = server("nrsrv-1", any_port()).await;
    let babble = Client::<(u64, String), Told>::fixed(credentials("edge-1"), server.target.clone());
    assert_eq!(babble.call(&(250, "?".to_owned()), SOON).await, Err(CallError::Protocol));
    assert_eq!(babble.call(&(251, "?".to_owned()), SOON).await, Err(CallError::Protocol));
    assert_eq!(server.client().call(&Ask::WhoAmI, SOON).await, Ok(text("edge-1")));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_falls_silent_is_taken_for_dead_within_seconds() {
    let server = server("nrsrv-1", any_port()).await;
    let proxy = Proxy::to(server.target.address).await;
    let target = Target { name: server.target.name.clone(), address: proxy.address };
    let client = Client::<Ask, Told>::fixed(credentials("edge-1"), target);
    let pending = {
        let client = client.clone();
        tokio::spawn(async move { client.call(&Ask::Wait, Duration::from_secs(60)).await })
    };
    server.stage.until(|stage| stage.waiting.load(Ordering::SeqCst) == 1).await;
    let started = Instant::now();
    proxy.freeze();
    assert_eq!(pending.await.unwrap(), Err(CallError::Lost));
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    server.stage.release.notify_waiters();
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_stays_up_by_its_heartbeats() {
    let server = server("nrsrv-1", any_port()).await;
    let client = server.client();
    let waiting = {
        let client = client.clone();
        tokio::spawn(async move { client.call(&Ask::Wait, Duration::from_secs(60)).await })
    };
    server.stage.until(|stage| stage.waiting.load(Ordering::SeqCst) == 1).await;
    // Longer than the silence that counts as death; the call is lost if the connection broke meanwhile.
    assert_eq!(client.call(&Ask::Wait, Duration::from_secs(4)).await, Err(CallError::Deadline));
    server.stage.release.notify_waiters();
    assert_eq!(waiting.await.unwrap(), Ok(text("released")));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_answers_what_it_has_begun() {
    let server = server("nrsrv-1", any_port()).await;
    let client = server.client();
    let pending = tokio::spawn(async move { client.call(&Ask::Wait, SOON).await });
    server.stage.until(|stage| stage.waiting.load(Ordering::SeqCst) == 1).await;
    server.stop.cancel();
    server.stage.release.notify_waiters();
    assert_eq!(pending.await.unwrap(), Ok(text("released")));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_service_loses_the_call_and_stops_its_server() {
    let server = server("nrsrv-1", any_port()).await;
    assert_eq!(server.client().call(&Ask::Break, SOON).await, Err(CallError::Lost));
    let ended = tokio::time::timeout(SOON, server.task).await.unwrap();
    assert!(ended.unwrap_err().is_panic(), "the panic comes out of serve");
    assert!(!server.stop.is_cancelled(), "the caller's token is the caller's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_of_every_length_is_survived() {
    let server = server("nrsrv-1", any_port()).await;
    let opening = [b"WYDL".as_slice(), &[1, 0], &[1], &[0xab; 32], &[6], b"edge-1"].concat();
    for length in 0..120usize {
        let mut stranger = TcpStream::connect(server.target.address).await.unwrap();
        let mut bytes = opening.clone();
        bytes.truncate(length);
        bytes.resize(length, u8::try_from(length).unwrap());
        let _ = stranger.write_all(&bytes).await;
        let _ = stranger.shutdown().await;
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(SOON, stranger.read_to_end(&mut answer)).await.unwrap();
    }
    assert_eq!(server.client().call(&Ask::WhoAmI, Duration::MAX).await, Ok(text("edge-1")));
    server.end().await;
}
