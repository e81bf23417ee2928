//! What a hostile run counted.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Most unexpected things whose text is kept.
const TEXTS_MAX: usize = 100;

/// Kinds of attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Random bytes from the first one on.
    RandomBytes,
    /// The right init code, then random bytes.
    InitThenRandom,
    /// Well-formed frames with random opcodes and bodies.
    RandomFrames,
    /// A frame that ends before its size.
    Truncated,
    /// Sizes that no frame has: 0 to 11, 8193, 65535.
    BadSize,
    /// Wrong checksums, again and again.
    BadChecksum,
    /// Packets of the world before a login.
    WorldBeforeLogin,
    /// A login, and another one.
    LoginTwice,
    /// Logins of an account that is not there.
    WrongPassword,
    /// One byte a second.
    SlowLoris,
    /// Connect and close.
    ConnectClose,
    /// A character before the PIN.
    EnterBeforePin,
    /// The same frames again.
    Replay,
    /// Ids of others in the header, questions for and attacks on random ids.
    ForgedIds,
    /// More chat than allowed.
    ChatFlood,
    /// More packets than allowed.
    PacketFlood,
    /// Known opcodes with wrong sizes, known fields with impossible values.
    BadFields,
}

/// Half-open connections over a run.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct HalfOpen {
    /// How many were to be held.
    pub wanted: usize,
    /// The most that were open at once.
    pub peak: usize,
    /// How many were opened in all.
    pub opened: u64,
    /// How many the server closed.
    pub closed_by_server: u64,
    /// How many could not be opened.
    pub refused: u64,
    #[serde(skip)]
    open: usize,
}

/// The canary's findings.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Canary {
    /// How often it asked.
    pub asked: u64,
    /// How often it was answered in time.
    pub answered: u64,
    /// The longest that it waited for an answer.
    pub slowest_ms: u64,
}

/// The result of a run, as it is written in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Seed that everything random came from.
    pub seed: u64,
    /// How long it went on.
    pub seconds: u64,
    /// Attacks made, by kind.
    pub attempts: BTreeMap<Kind, u64>,
    /// Attacks that ended with the server closing the connection, by kind.
    pub closes: BTreeMap<Kind, u64>,
    /// Connections that could not be made.
    pub connect_failures: u64,
    /// Half-open connections.
    pub half_open: HalfOpen,
    /// Answers to an honest question meanwhile.
    pub canary: Canary,
    /// How many unexpected things happened.
    pub unexpected_count: u64,
    /// The first ones in words.
    pub unexpected: Vec<String>,
}

impl Report {
    /// True when nothing unexpected happened.
    pub fn is_clean(&self) -> bool {
        self.unexpected_count == 0
    }
}

#[derive(Debug, Default)]
struct Inner {
    attempts: BTreeMap<Kind, u64>,
    closes: BTreeMap<Kind, u64>,
    connect_failures: u64,
    half_open: HalfOpen,
    canary: Canary,
    unexpected_count: u64,
    unexpected: Vec<String>,
}

/// Counts of a run that goes on.
#[derive(Debug, Default)]
pub(super) struct Tally {
    inner: Mutex<Inner>,
}

impl Tally {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn attempt(&self, kind: Kind, closed: bool) {
        let mut inner = self.lock();
        *inner.attempts.entry(kind).or_default() += 1;
        *inner.closes.entry(kind).or_default() += u64::from(closed);
    }

    pub(super) fn connect_failed(&self) {
        self.lock().connect_failures += 1;
    }

    pub(super) fn unexpected(&self, text: impl FnOnce() -> String) {
        let mut inner = self.lock();
        inner.unexpected_count += 1;
        if inner.unexpected.len() < TEXTS_MAX {
            let text = text();
            inner.unexpected.push(text);
        }
    }

    pub(super) fn half_open(&self, opened: bool) {
        let mut inner = self.lock();
        let half = &mut inner.half_open;
        if opened {
            half.open += 1;
            half.opened += 1;
            half.peak = half.peak.max(half.open);
        } else {
            half.refused += 1;
        }
    }

    pub(super) fn half_closed(&self, by_server: bool) {
        let mut inner = self.lock();
        let half = &mut inner.half_open;
        half.open = half.open.saturating_sub(1);
        half.closed_by_server += u64::from(by_server);
    }

    pub(super) fn canary(&self, took: Option<Duration>) {
        let mut inner = self.lock();
        let canary = &mut inner.canary;
        canary.asked += 1;
        if let Some(took) = took {
            canary.answered += 1;
            canary.slowest_ms = canary.slowest_ms.max(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
        }
    }

    pub(super) fn line(&self) -> String {
        let inner = self.lock();
        format!(
            "attempts {}, closes {}, half-open {} now ({} at most), canary {}/{} slowest {} ms, unexpected {}",
            inner.attempts.values().sum::<u64>(),
            inner.closes.values().sum::<u64>(),
            inner.half_open.open,
            inner.half_open.peak,
            inner.canary.answered,
            inner.canary.asked,
            inner.canary.slowest_ms,
            inner.unexpected_count,
        )
    }

    pub(super) fn report(&self, seed: u64, seconds: u64, wanted: usize) -> Report {
        let inner = self.lock();
        Report {
            seed,
            seconds,
            attempts: inner.attempts.clone(),
            closes: inner.closes.clone(),
            connect_failures: inner.connect_failures,
            half_open: HalfOpen { wanted, ..inner.half_open },
            canary: inner.canary,
            unexpected_count: inner.unexpected_count,
            unexpected: inner.unexpected.clone(),
        }
    }
}
