//! Attacks by somebody without an account.

use super::Attack;
use super::tally::Kind;
use crate::protocol::bytes::put_u16;
use crate::protocol::outgoing;
use crate::protocol::place::{Steps, Tile};
use crate::protocol::profile::Profile;
use crate::transport::{FRAME_MAX, INIT_CODE};
use rand::rngs::StdRng;
use rand::{Rng, RngCore};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long one attack waits for the server to close.
const WATCH: Duration = Duration::from_secs(3);
/// How long a slow loris goes on.
const LORIS: Duration = Duration::from_secs(20);
/// Addresses that attackers come from.
const SOURCES: usize = 200;

/// Attacks and how often they are chosen.
const KINDS: &[(Kind, u32)] = &[
    (Kind::RandomBytes, 6),
    (Kind::InitThenRandom, 6),
    (Kind::RandomFrames, 6),
    (Kind::Truncated, 6),
    (Kind::BadSize, 6),
    (Kind::BadChecksum, 6),
    (Kind::WorldBeforeLogin, 6),
    (Kind::LoginTwice, 2),
    (Kind::WrongPassword, 1),
    (Kind::SlowLoris, 2),
    (Kind::ConnectClose, 8),
    (Kind::PacketFlood, 2),
];

/// Attacks until the run is over.
pub(super) async fn attack(attack: Arc<Attack>, number: usize, mut rng: StdRng) {
    let all: u32 = KINDS.iter().map(|(_, weight)| weight).sum();
    for round in number.. {
        if attack.is_over() {
            return;
        }
        let source = Ipv4Addr::new(127, 150, 0, (round * 7 % SOURCES) as u8 + 1);
        let mut pick = rng.random_range(0..all);
        let chosen = KINDS.iter().find(|(_, weight)| {
            let here = pick < *weight;
            pick = pick.saturating_sub(*weight);
            here
        });
        let kind = chosen.map_or(Kind::RandomBytes, |(kind, _)| *kind);
        match once(&attack, kind, source, &mut rng).await {
            Ok(closed) => attack.tally.attempt(kind, closed),
            Err(_) => attack.tally.connect_failed(),
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(5..50))).await;
    }
}

/// One attack; true when the server closed the connection.
async fn once(attack: &Attack, kind: Kind, source: Ipv4Addr, rng: &mut StdRng) -> std::io::Result<bool> {
    let mut stream = attack.connect(source).await?;
    if kind == Kind::ConnectClose {
        drop(stream);
        for _ in 0..rng.random_range(5..30) {
            drop(attack.connect(source).await?);
        }
        return Ok(false);
    }
    if kind == Kind::SlowLoris {
        return Ok(slow_loris(attack, stream).await);
    }
    let bytes = bytes_of(kind, rng);
    let truncated = kind == Kind::Truncated;
    // a server that closes while it is written to is what an attack is for
    let written = stream.write_all(&bytes).await;
    if truncated && rng.random_bool(0.5) {
        return Ok(false);
    }
    Ok(written.is_err() || is_closed(&mut stream, attack.ends_at.min(Instant::now() + WATCH)).await)
}

/// The bytes of an attack, at once.
fn bytes_of(kind: Kind, rng: &mut StdRng) -> Vec<u8> {
    let mut bytes = if kind == Kind::RandomBytes { Vec::new() } else { INIT_CODE.to_vec() };
    let profile = Profile::ALL[rng.random_range(0..3)];
    match kind {
        Kind::RandomBytes | Kind::InitThenRandom => {
            let mut noise = vec![0; rng.random_range(1..4096)];
            rng.fill_bytes(&mut noise);
            bytes.extend_from_slice(&noise);
        }
        Kind::RandomFrames => {
            for _ in 0..rng.random_range(1..20) {
                bytes.extend_from_slice(&random_frame(rng));
            }
        }
        Kind::Truncated => {
            let login = encoded(outgoing::login(profile, "nobody", "nothing", false), rng);
            bytes.extend_from_slice(&login[..rng.random_range(1..login.len())]);
        }
        Kind::BadSize => {
            let sizes = [rng.random_range(0..12), 8193, 65_535, rng.random_range(8193..=65_535)];
            let mut frame = vec![0; 200];
            rng.fill_bytes(&mut frame);
            put_u16(&mut frame, 0, sizes[rng.random_range(0..sizes.len())]);
            bytes.extend_from_slice(&frame);
        }
        Kind::BadChecksum => {
            for _ in 0..rng.random_range(1..64) {
                let mut frame = encoded(outgoing::login(profile, "nobody", "nothing", false), rng);
                frame[3] = frame[3].wrapping_add(rng.random_range(1..=255));
                bytes.extend_from_slice(&frame);
            }
        }
        Kind::WorldBeforeLogin => {
            let steps = Steps::straight(Tile::new(2100, 2100), Tile::new(2105, 2100));
            let packets = [
                outgoing::walk(profile, rng.random_range(0..1000), Tile::new(2100, 2100), &steps, 6),
                outgoing::say(profile, 1, "let me in"),
                outgoing::character_login(rng.random_range(0..8)),
                outgoing::bare(0x289, 1),
                outgoing::create_character(0, "Outsider", 0),
            ];
            for _ in 0..rng.random_range(1..8) {
                let packet = packets[rng.random_range(0..packets.len())].clone();
                bytes.extend_from_slice(&encoded(packet, rng));
            }
        }
        Kind::LoginTwice => {
            for _ in 0..2 {
                bytes.extend_from_slice(&encoded(outgoing::login(profile, "nobody12", "nothing", true), rng));
            }
        }
        Kind::PacketFlood => {
            for _ in 0..2000 {
                bytes.extend_from_slice(&encoded(outgoing::bare(0x3A0, 0), rng));
            }
        }
        _ => {
            let account = format!("nobody{}", rng.random_range(0..1000));
            bytes.extend_from_slice(&encoded(outgoing::login(profile, &account, "wrong", false), rng));
        }
    }
    bytes
}

fn encoded(mut packet: Vec<u8>, rng: &mut StdRng) -> Vec<u8> {
    wire::codec::encode_in_place(&mut packet, rng.random());
    packet
}

/// A frame with the right size and checksum and nothing else right.
pub(super) fn random_frame(rng: &mut StdRng) -> Vec<u8> {
    let size = if rng.random_bool(0.05) { FRAME_MAX } else { rng.random_range(12..400) };
    let mut frame = vec![0; size];
    rng.fill_bytes(&mut frame[4..]);
    put_u16(&mut frame, 0, size as u16);
    if rng.random_bool(0.7) {
        // an opcode that looks like one of a client
        put_u16(&mut frame, 4, 0x200 | rng.random_range(0..0x200));
    }
    encoded(frame, rng)
}

/// One byte a second of a login, until the server has enough of it.
async fn slow_loris(attack: &Attack, mut stream: TcpStream) -> bool {
    let ends = attack.ends_at.min(Instant::now() + LORIS);
    let login = outgoing::login(Profile::V759, "slow", "slow", false);
    for byte in INIT_CODE.iter().chain(&login) {
        if stream.write_all(&[*byte]).await.is_err() {
            return true;
        }
        if is_closed(&mut stream, ends.min(Instant::now() + Duration::from_secs(1))).await {
            return true;
        }
        if Instant::now() >= ends {
            return false;
        }
    }
    false
}

/// True when the server closes before a moment; what it sends is thrown away.
async fn is_closed(stream: &mut TcpStream, by: Instant) -> bool {
    let mut buffer = [0; 1024];
    let wait = async {
        while let Ok(count) = stream.read(&mut buffer).await {
            if count == 0 {
                return;
            }
        }
    };
    tokio::time::timeout_at(by.into(), wait).await.is_ok()
}
