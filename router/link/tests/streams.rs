//! Typed streams over real TCP on the loopback.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Proxy, SOON, any_port, credentials, server};
use link::{Target, TrySendError, open_stream};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_go_both_ways_in_order() {
    let server = server("tmsrv-1", any_port()).await;
    let stream = open_stream::<u32, u32>(&credentials("edge-1"), &server.target).await.unwrap();
    let (sender, mut receiver) = stream.split();
    let sending = tokio::spawn(async move {
        for number in 2..20_000 {
            sender.send(&number).await.unwrap();
        }
        sender
    });
    for number in 2..20_000u32 {
        assert_eq!(timeout(SOON, receiver.recv()).await.unwrap(), Some(number * 2));
    }
    drop(sending.await.unwrap());
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_both_halves_delivers_what_was_sent_and_closes() {
    let server = server("tmsrv-1", any_port()).await;
    let stream = open_stream::<u32, u32>(&credentials("edge-1"), &server.target).await.unwrap();
    let (sender, receiver) = stream.split();
    drop(receiver);
    for number in 2..500 {
        sender.send(&number).await.unwrap();
    }
    drop(sender);
    server.stage.until(|stage| stage.streams_ended.load(Ordering::SeqCst) == 1).await;
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_returning_service_closes_the_stream_after_its_last_message() {
    let server = server("tmsrv-1", any_port()).await;
    let mut stream = open_stream::<u32, u32>(&credentials("edge-1"), &server.target).await.unwrap();
    for number in [2, 3, 1] {
        stream.send(&number).await.unwrap();
    }
    assert_eq!(timeout(SOON, stream.recv()).await.unwrap(), Some(4));
    assert_eq!(timeout(SOON, stream.recv()).await.unwrap(), Some(6));
    assert_eq!(timeout(SOON, stream.recv()).await.unwrap(), None);
    let (sender, _receiver) = stream.split();
    timeout(SOON, sender.closed()).await.unwrap();
    assert_eq!(sender.try_send(&5), Err(TrySendError::Closed));
    assert!(sender.send(&5).await.is_err());
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stops_reading_is_felt_by_the_sender_and_kept_alive() {
    let server = server("tmsrv-1", any_port()).await;
    let stream = open_stream::<u32, u32>(&credentials("edge-1"), &server.target).await.unwrap();
    let (sender, mut receiver) = stream.split();
    sender.send(&0).await.unwrap();
    let started = Instant::now();
    let mut queued = 0u64;
    while started.elapsed() < SOON {
        match sender.try_send(&9) {
            Ok(()) => queued += 1,
            Err(error) => {
                assert_eq!(error, TrySendError::Full);
                if timeout(Duration::from_millis(500), sender.send(&9)).await.is_err() {
                    break; // not only full for a moment
                }
            }
        }
    }
    assert!(queued > 1000 && started.elapsed() < SOON, "{queued} queued");
    // Busy is not dead: longer than the silence that would be.
    assert!(timeout(Duration::from_secs(4), sender.closed()).await.is_err());
    server.stop.cancel();
    assert_eq!(timeout(SOON, receiver.recv()).await.unwrap(), None);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_over_the_limit_is_not_queued() {
    let server = server("tmsrv-1", any_port()).await;
    let stream = open_stream::<u32, Vec<u8>>(&credentials("edge-1"), &server.target).await.unwrap();
    let (sender, _receiver) = stream.split();
    assert_eq!(sender.try_send(&vec![0; link::MAX_FRAME]), Err(TrySendError::TooLarge));
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_peer_ends_the_stream() {
    let server = server("tmsrv-1", any_port()).await;
    let proxy = Proxy::to(server.target.address).await;
    let target = Target { name: server.target.name.clone(), address: proxy.address };
    let mut stream = open_stream::<u32, u32>(&credentials("edge-1"), &target).await.unwrap();
    stream.send(&4).await.unwrap();
    assert_eq!(timeout(SOON, stream.recv()).await.unwrap(), Some(8));
    proxy.freeze();
    let started = Instant::now();
    assert_eq!(timeout(SOON, stream.recv()).await.unwrap(), None);
    assert!(started.elapsed() < Duration::from_secs(6));
    server.stage.until(|stage| stage.streams_ended.load(Ordering::SeqCst) == 1).await;
    server.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopping_server_closes_its_streams() {
    let server = server("tmsrv-1", any_port()).await;
    let mut stream = open_stream::<u32, u32>(&credentials("edge-1"), &server.target).await.unwrap();
    stream.send(&4).await.unwrap();
    assert_eq!(timeout(SOON, stream.recv()).await.unwrap(), Some(8));
    let target = server.target.clone();
    server.end().await;
    assert_eq!(timeout(SOON, stream.recv()).await.unwrap(), None);
    assert!(open_stream::<u32, u32>(&credentials("edge-1"), &target).await.is_err());
}
