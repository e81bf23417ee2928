//! Two ends over lanes that break after some bytes, by seed.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::berth::Order;
use crate::message::Message;
use crate::streams::Streams;
use crate::ticket::Ticket;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Barrier;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(30);
/// Lanes that break before the last one, which does not.
const BREAKS: usize = 25;

/// A stream that breaks after so many bytes of either direction, and does not say in order that it ends.
struct Fragile {
    stream: DuplexStream,
    left: usize,
    /// The other end takes nothing.
    unheard: bool,
}

fn broken() -> io::Error {
    io::ErrorKind::ConnectionReset.into()
}

impl AsyncRead for Fragile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = self.left.min(into.remaining());
        if most == 0 {
            return Poll::Ready(Err(broken()));
        }
        let mut part = into.take(most);
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        let count = part.filled().len();
        if count == 0 {
            return Poll::Ready(Err(broken()));
        }
        // what was read into a part of the buffer is in the buffer
        let filled = part.filled().to_vec();
        into.put_slice(&filled);
        self.left -= count;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Fragile {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.unheard {
            return Poll::Ready(Err(quinn::WriteError::Stopped(quinn::VarInt::from_u32(0)).into()));
        }
        let most = self.left.min(bytes.len());
        if most == 0 {
            return Poll::Ready(Err(broken()));
        }
        let count = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..most]))?;
        self.left -= count;
        Poll::Ready(Ok(count))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn lane(seed: &mut u64, breaks: bool) -> (Fragile, Fragile) {
    let (near, far) = duplex(3_000);
    let mut left = || {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        if breaks { (*seed >> 33) as usize % 30_000 } else { usize::MAX }
    };
    let mut end = |stream| Fragile { stream, left: left(), unheard: false };
    (end(near), end(far))
}

/// Writes all of it and reads as much as `expected` is long, which must be that; ends with the other end.
async fn play(end: Carried<Fragile>, words: &[u8], expected: &[u8], both: &Barrier) {
    let (mut reading, mut writing) = tokio::io::split(end);
    let write = async {
        for chunk in words.chunks(1_777) {
            writing.write_all(chunk).await.unwrap();
            writing.flush().await.unwrap();
        }
    };
    let mut heard = vec![0; expected.len()];
    let (_, read) = tokio::join!(write, reading.read_exact(&mut heard));
    read.unwrap();
    assert!(heard == expected, "what arrives is what was sent");
    tokio::select! {
        _ = both.wait() => {}
        more = reading.read_u8() => panic!("more than was sent: {more:?}"),
    }
}

#[tokio::test]
async fn every_byte_arrives_once_over_lanes_that_break_anywhere() {
    for first_seed in 1..=8_u64 {
        let mut seed = first_seed;
        let streams: Streams<Fragile> = Streams::new(SOON, Arc::new(|_| {}));
        let (mut near, far) = lane(&mut seed, false);
        near.left = 20_000;
        let mut edge = streams.begin(far);
        let (granted, driven) = tokio::join!(Answer::read(&mut near), edge.ready(false, true));
        driven.unwrap();
        let Answer::Granted { ticket, .. } = granted.unwrap() else { panic!("no ticket") };
        let berth = Arc::new(Berth::default());
        let relay = Carried::of_relay(near, Arc::clone(&berth), Arc::new(|_| {}));
        let [up, down]: [Vec<u8>; 2] = [400_000_u32, 900_000].map(|length| {
            let of = |number: u32| (number.wrapping_mul(31).wrapping_add(first_seed as u32) >> 3) as u8;
            (0..length).map(of).collect()
        });
        let both = Barrier::new(2);
        let mut lanes = 0;
        let played = async { tokio::join!(play(relay, &up, &down, &both), play(edge, &down, &up, &both)) };
        tokio::select! {
            done = timeout(SOON, played) => drop(done.unwrap_or_else(|_| panic!("seed {first_seed} comes to no end"))),
            () = resume_always(&streams, &berth, &ticket, &mut seed, &mut lanes) => {}
        }
        assert!(lanes >= BREAKS, "{lanes} lanes with seed {first_seed}");
    }
}

async fn resume_always(
    streams: &Streams<Fragile>,
    berth: &Berth<Fragile>,
    ticket: &Ticket,
    seed: &mut u64,
    lanes: &mut usize,
) {
    let mut lost = berth.watch();
    loop {
        let received = lost.wait_for(Option::is_some).await.unwrap().unwrap_or_default();
        *lanes += 1;
        let (mut near, far) = lane(seed, *lanes < BREAKS);
        streams.find(ticket).expect("the edge has the ticket").arrive(far, received, Order::default());
        if let Ok(Answer::Resumed { received }) = Answer::read(&mut near).await {
            berth.arrive(near, received, Order::default());
        }
    }
}

#[tokio::test]
async fn what_is_written_while_the_other_end_takes_nothing_comes_on_the_next_lane() {
    let streams: Streams<Fragile> = Streams::new(SOON, Arc::new(|_| {}));
    let (_near, mut far) = lane(&mut 1, false);
    far.unheard = true;
    let mut edge = streams.begin(far);
    let words = b"nothing that is a frame";
    for part in words.chunks(10) {
        // it learns that it is not heard
        tokio::select! {
            biased;
            ready = edge.ready(true, false) => panic!("nothing is said: {ready:?}"),
            () = std::future::ready(()) => {}
        }
        assert_eq!(edge.try_write(part).unwrap(), part.len());
    }
    let (mut near, far) = lane(&mut 1, false);
    let ticket = edge.keep().unwrap().ticket;
    streams.find(&ticket).unwrap().arrive(far, 0, Order::default());
    let mut expected = Vec::new();
    Message::Raw(words).write(&mut expected);
    let mut heard = vec![0; expected.len()];
    let hearing = async {
        assert!(matches!(Answer::read(&mut near).await.unwrap(), Answer::Resumed { received: 0 }));
        near.read_exact(&mut heard).await.unwrap();
    };
    tokio::select! {
        done = timeout(SOON, hearing) => done.expect("all of it in time"),
        ready = edge.ready(true, false) => panic!("nothing is said: {ready:?}"),
    }
    assert_eq!(heard, expected);
    // only an end that says nothing more either is gone
    edge.lane.as_mut().unwrap().deaf = true;
    assert_eq!(edge.try_write(b"more").unwrap(), 4);
    edge.flow.end_of_input();
    assert_eq!(edge.try_write(b"more").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
}
