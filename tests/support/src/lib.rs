//! What the tests of several crates need: keys, a store that fails, a Redis, a DBSrv with one service in
//! front of it, sample characters. No program depends on it, and it must never know a service.
//!
//! | | |
//! |---|---|
//! | [`Stage`] | a folder, a cluster key and a DBSrv; starts one whole process and asks it |
//! | [`FaultyStore`] | a store that can be taken away, or whose answers get lost |
//! | [`RedisServer`] | a Redis on a free port in a temporary folder |
//! | [`RedisSentinels`], [`RedisCluster`] | several that are one |
//! | [`character`] | a character that needs nothing else to exist |
//!
//! A helper that cannot do its work panics: that is how a test fails.

mod faulty;
mod keys;
mod redis_server;
mod redis_sets;
mod sample;
mod stage;

pub use faulty::FaultyStore;
pub use keys::{KEY, common, credentials, key_file};
pub use redis_server::RedisServer;
pub use redis_sets::{RedisCluster, RedisSentinels, SlotMove};
pub use sample::character;
pub use stage::{Running, Stage};

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Longer than anything takes on a busy machine.
pub const SOON: Duration = Duration::from_secs(30);

/// Any free port of this machine, taken when it is bound.
pub fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// A TCP port that is free now, and none of those that systems give to outgoing connections. Test programs that
/// run at the same time begin at different places.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(97);
    let next = || 10_000 + (begin.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % 10_000) as u16;
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    std::iter::repeat_with(next).take(1_000).find(is_free).expect("a free port")
}

/// Waits for a condition, and says what did not happen.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !condition().await {
        assert!(Instant::now() < deadline, "did not happen: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await; // pacing of the poll, not the wait itself
    }
}
