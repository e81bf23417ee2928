//! What an operator can set: the table of `config/NRSrv.conf`.

use model::Secret;
use model::friend::{FRIENDS_MAX, REQUESTS_MAX};
use redisclient::{EXPECTED, RedisUrl};
use serde::{Deserialize, Serialize};
use settings::{BadValue, Check, within};
use std::path::PathBuf;

/// Everything of NRSrv. Limits and rates are read at every use; `hashing.threads`, `hashing.queue`,
/// `sessions`, `redis_prefix` and `content` when the process starts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// `memory`, or the URL of a Redis, a Sentinel set or a Cluster: [`redisclient`].
    pub sessions: Secret,
    /// In Redis: what every key begins with; clusters that share a Redis need different ones.
    pub redis_prefix: String,
    /// Directory of the content for starter kits; empty for the built-in one.
    pub content: PathBuf,
    /// After a start with sessions in memory: how long logins wait for the edges to report, at most.
    pub grace_ms: u64,
    /// How long the sessions of an edge stay when its connection is lost.
    pub linger_ms: u64,
    /// How long a forced login waits for the old session to be saved and closed.
    pub kick_wait_ms: u64,
    /// Sign-up.
    pub signup: SignUp,
    /// Cost and capacity of hashing.
    pub hashing: Hashing,
    /// Wrong passwords.
    pub lockout: Limits,
    /// Wrong PINs.
    pub pin: PinLimits,
    /// Friends.
    pub friends: FriendLimits,
}

/// Sign-up by players.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct SignUp {
    /// False: only operators create accounts.
    pub enabled: bool,
    /// Accounts that one address (IPv4, or IPv6 /64) may create at once.
    pub burst: u32,
    /// Accounts an hour that one address gets back.
    pub per_hour: u32,
}

/// argon2id and the threads that do it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Hashing {
    /// Memory of one hash in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
    /// Threads, all of low priority.
    pub threads: usize,
    /// Hashes that may wait; more are answered with "busy".
    pub queue: usize,
    /// A hash that has waited longer than this is answered with "busy".
    pub wait_ms: u64,
}

/// Lock-out after wrong passwords.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Wrong passwords until an account is locked.
    pub tries: u32,
    /// Seconds of the first lock; each further wrong password doubles it.
    pub first_s: u64,
    /// Seconds of the longest lock.
    pub longest_s: u64,
    /// Wrong passwords of one address (IPv4, or IPv6 /64) in `address_minutes`.
    pub address_tries: u32,
    /// See `address_tries`.
    pub address_minutes: u32,
    /// True: this machine itself has no limits by address (bots, a web site on the same host).
    pub trust_loopback: bool,
}

/// Lock-out after wrong PINs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct PinLimits {
    /// Wrong PINs until a session ends.
    pub session_tries: u8,
    /// Wrong PINs until the PIN of an account is locked, over all its sessions.
    pub account_tries: u32,
    /// Seconds of that lock.
    pub lock_s: u64,
}

/// How many friends a character has. Lower limits end no friendship.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct FriendLimits {
    /// Friends of one character.
    pub max: u32,
    /// Open requests of one character, and open requests to it.
    pub requests: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sessions: Secret::new("memory"),
            redis_prefix: "wydbr:".to_owned(),
            content: PathBuf::new(),
            grace_ms: 2_000,
            linger_ms: 10_000,
            kick_wait_ms: 2_500,
            signup: SignUp::default(),
            hashing: Hashing::default(),
            lockout: Limits::default(),
            pin: PinLimits::default(),
            friends: FriendLimits::default(),
        }
    }
}

impl Default for SignUp {
    fn default() -> Self {
        Self { enabled: true, burst: 10, per_hour: 10 }
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self { memory_kib: 19_456, passes: 2, lanes: 1, threads: 2, queue: 512, wait_ms: 8_000 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tries: 3,
            first_s: 60,
            longest_s: 900,
            address_tries: 20,
            address_minutes: 10,
            trust_loopback: true,
        }
    }
}

impl Default for PinLimits {
    fn default() -> Self {
        Self { session_tries: 4, account_tries: 8, lock_s: 900 }
    }
}

impl Default for FriendLimits {
    fn default() -> Self {
        Self { max: 50, requests: 20 }
    }
}

impl Check for Settings {
    fn check(&self) -> Result<(), BadValue> {
        if self.sessions.expose() != "memory"
            && let Err(bad) = RedisUrl::parse(&self.sessions)
        {
            return Err(BadValue::new("sessions", bad.found, format!("memory, {EXPECTED}")));
        }
        if self.redis_prefix.contains(['{', '}']) {
            return Err(BadValue::new("redis_prefix", self.redis_prefix.escape_debug(), "no braces"));
        }
        let h = &self.hashing;
        let lanes = u64::from(h.lanes);
        within("hashing.lanes", lanes, 1..=16, "1 to 16")?;
        within("hashing.passes", u64::from(h.passes), 1..=64, "1 to 64")?;
        within("hashing.memory_kib", u64::from(h.memory_kib), 8 * lanes..=1_048_576, "8 a lane to 1048576")?;
        within("hashing.threads", h.threads as u64, 1..=64, "1 to 64")?;
        within("hashing.queue", h.queue as u64, 1..=65_536, "1 to 65536")?;
        within("hashing.wait_ms", h.wait_ms, 1..=60_000, "1 to 60000")?;
        within("lockout.tries", u64::from(self.lockout.tries), 1..=1_000, "1 to 1000")?;
        within("lockout.first_s", self.lockout.first_s, 1..=86_400, "1 to 86400")?;
        within(
            "lockout.longest_s",
            self.lockout.longest_s,
            self.lockout.first_s..=86_400,
            "first_s to 86400",
        )?;
        within(
            "lockout.address_tries",
            u64::from(self.lockout.address_tries),
            1..=1_000_000,
            "1 to 1000000",
        )?;
        within("lockout.address_minutes", u64::from(self.lockout.address_minutes), 1..=1_440, "1 to 1440")?;
        within("pin.session_tries", u64::from(self.pin.session_tries), 1..=100, "1 to 100")?;
        within("pin.account_tries", u64::from(self.pin.account_tries), 1..=1_000, "1 to 1000")?;
        within("pin.lock_s", self.pin.lock_s, 1..=86_400, "1 to 86400")?;
        within("signup.burst", u64::from(self.signup.burst), 1..=1_000_000, "1 to 1000000")?;
        within("signup.per_hour", u64::from(self.signup.per_hour), 1..=1_000_000, "1 to 1000000")?;
        within("friends.max", self.friends.max.into(), 1..=FRIENDS_MAX.into(), "1 to 60")?;
        within("friends.requests", self.friends.requests.into(), 1..=REQUESTS_MAX.into(), "1 to 20")?;
        within("grace_ms", self.grace_ms, 0..=60_000, "0 to 60000")?;
        within("linger_ms", self.linger_ms, 100..=600_000, "100 to 600000")?;
        within("kick_wait_ms", self.kick_wait_ms, 100..=60_000, "100 to 60000")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_good() {
        assert_eq!(Settings::default().check(), Ok(()));
    }

    #[test]
    fn a_bad_value_names_its_key() {
        let mut settings = Settings::default();
        settings.lockout.longest_s = 5;
        assert_eq!(settings.check().map_err(|bad| bad.key), Err("lockout.longest_s"));
        let settings =
            Settings { sessions: Secret::new("http://:hunter2@example.org"), ..Settings::default() };
        let bad = settings.check().expect_err("no Redis URL");
        assert!(!bad.to_string().contains("hunter2"), "{bad}");
    }
}
