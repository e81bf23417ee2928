//! Lock-out: how often a wrong secret may be tried. Pure: time is handed in, every table is bounded.
//!
//! ```text
//!          wrong, fewer than `tries`            wrong
//!   free ────────────────────────────▶ free ─────────▶ locked: first, then twice as long each time
//!    ▲  right                                             │  up to `longest`
//!    └────────────────────────────────────────────────────┘ time passes: one more try
//! ```
//!
//! A try is counted *before* the secret is checked, so a hundred tries in parallel are not a hundred tries.
//! While a lock stands nothing counts, so it cannot be prolonged.

use model::AccountId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Most rows of one table; the oldest go first.
const ROWS_MAX: usize = 65_536;
/// Most addresses that are remembered as an owner's.
const KNOWN_ADDRESSES: usize = 4;

/// An address as limits see it: an IPv4 address, or an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Net {
    /// One address.
    V4([u8; 4]),
    /// The upper 64 bits.
    V6([u16; 4]),
}

impl From<IpAddr> for Net {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

/// How many wrong tries, and what they cost.
#[derive(Clone, Copy, Debug)]
pub struct Strictness {
    /// Wrong tries until the lock.
    pub tries: u32,
    /// The first lock.
    pub first: Duration,
    /// The longest lock.
    pub longest: Duration,
}

impl Strictness {
    fn lock(&self, wrong: u32) -> Option<Duration> {
        let over = wrong.checked_sub(self.tries)?;
        Some(self.first.saturating_mul(1_u32.checked_shl(over).unwrap_or(u32::MAX)).min(self.longest))
    }

    /// Wrong tries are forgotten after this time without another.
    fn memory(&self) -> Duration {
        self.longest.saturating_mul(2)
    }
}

#[derive(Debug)]
struct Strikes {
    wrong: u32,
    pending: u32,
    locked_until: Option<Instant>,
    last: Instant,
}

fn make_room<K: Clone + Eq + Hash, V>(
    rows: &mut HashMap<K, V>,
    stale: impl Fn(&V) -> bool,
    last: impl Fn(&V) -> Instant,
) {
    if rows.len() < ROWS_MAX {
        return;
    }
    rows.retain(|_, row| !stale(row));
    if rows.len() >= ROWS_MAX
        && let Some(oldest) = rows.iter().min_by_key(|(_, row)| last(row)).map(|(key, _)| key.clone())
    {
        rows.remove(&oldest);
    }
}

/// Wrong tries by a key.
struct Table<K> {
    rows: Mutex<HashMap<K, Strikes>>,
}

impl<K: Clone + Eq + Hash> Table<K> {
    fn new() -> Self {
        Self { rows: Mutex::new(HashMap::new()) }
    }

    fn begin(&self, key: &K, strictness: Strictness, now: Instant) -> Result<(), Duration> {
        let mut rows = self.rows.lock();
        let forget = strictness.memory();
        make_room(&mut rows, |row| row.pending == 0 && row.last + forget < now, |row| row.last);
        let row = rows.entry(key.clone()).or_insert(Strikes {
            wrong: 0,
            pending: 0,
            locked_until: None,
            last: now,
        });
        if row.pending == 0 && row.last + forget < now {
            *row = Strikes { wrong: 0, pending: 0, locked_until: None, last: now };
        }
        if let Some(left) = row.locked_until.and_then(|until| until.checked_duration_since(now))
            && !left.is_zero()
        {
            return Err(left);
        }
        if row.pending >= strictness.tries.saturating_sub(row.wrong).max(1) {
            return Err(Duration::from_secs(1));
        }
        row.pending += 1;
        Ok(())
    }

    fn finish(&self, key: &K, outcome: Outcome, strictness: Strictness, now: Instant) {
        let mut rows = self.rows.lock();
        let Some(row) = rows.get_mut(key) else { return };
        row.pending = row.pending.saturating_sub(1);
        match outcome {
            Outcome::Right => {
                row.wrong = 0;
                row.locked_until = None;
            }
            Outcome::Wrong => {
                row.wrong = row.wrong.saturating_add(1);
                row.last = now;
                row.locked_until = strictness.lock(row.wrong).map(|lock| now + lock);
            }
            Outcome::Undecided => {}
        }
        if row.wrong == 0 && row.pending == 0 {
            rows.remove(key);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Right,
    Wrong,
    Undecided,
}

/// Tokens by address: `burst` at once, refilled evenly.
pub struct Buckets {
    rows: Mutex<HashMap<Net, (f64, Instant)>>,
}

/// Size and refill of a bucket.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Most tokens.
    pub burst: u32,
    /// Time in which `burst_refill` tokens come back.
    pub period: Duration,
    /// Tokens that come back in a period.
    pub refill: u32,
}

impl Rate {
    fn per_second(&self) -> f64 {
        f64::from(self.refill.max(1)) / self.period.as_secs_f64().max(0.001)
    }

    fn full_after(&self) -> Duration {
        Duration::from_secs_f64(f64::from(self.burst) / self.per_second())
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self::new()
    }
}

impl Buckets {
    /// All full.
    pub fn new() -> Self {
        Self { rows: Mutex::new(HashMap::new()) }
    }

    fn level(rows: &HashMap<Net, (f64, Instant)>, net: Net, rate: Rate, now: Instant) -> f64 {
        let full = f64::from(rate.burst);
        rows.get(&net).map_or(full, |(tokens, at)| {
            (tokens + now.saturating_duration_since(*at).as_secs_f64() * rate.per_second()).min(full)
        })
    }

    /// `Err` with the time until there is a token.
    pub fn check(&self, net: Net, rate: Rate, now: Instant) -> Result<(), Duration> {
        let level = Self::level(&self.rows.lock(), net, rate, now);
        if level >= 1.0 {
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - level) / rate.per_second()))
    }

    /// Takes a token, down to none.
    pub fn take(&self, net: Net, rate: Rate, now: Instant) {
        let mut rows = self.rows.lock();
        let full_after = rate.full_after();
        make_room(&mut rows, |(_, at)| *at + full_after < now, |(_, at)| *at);
        let level = Self::level(&rows, net, rate, now);
        rows.insert(net, ((level - 1.0).max(0.0), now));
    }

    /// Takes a token, or says when there will be one.
    pub fn try_take(&self, net: Net, rate: Rate, now: Instant) -> Result<(), Duration> {
        self.check(net, rate, now)?;
        self.take(net, rate, now);
        Ok(())
    }
}

/// Whose tries are counted together: strangers, or one of the owner's own addresses. A stranger who keeps an
/// account locked does not lock out its owner, who logs in from where the last good logins came from.
type PasswordKey = (String, Option<Net>);

/// Wrong passwords by account and address.
pub struct PasswordGuard {
    tries: Table<PasswordKey>,
    known: Mutex<HashMap<String, (Vec<Net>, Instant)>>,
    addresses: Buckets,
}

/// How strict a [`PasswordGuard`] is.
#[derive(Clone, Copy, Debug)]
pub struct PasswordRules {
    /// By account.
    pub account: Strictness,
    /// By address.
    pub address: Rate,
    /// This machine itself has no limit by address.
    pub trust_loopback: bool,
}

/// One try of a password. Dropped without a word it does not count.
pub struct Try {
    guard: Arc<PasswordGuard>,
    key: PasswordKey,
    net: Option<Net>,
    limited: bool,
    rules: PasswordRules,
    finished: bool,
}

impl PasswordGuard {
    /// Nothing is locked.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { tries: Table::new(), known: Mutex::new(HashMap::new()), addresses: Buckets::new() })
    }

    /// Begins a try, or says how long it is locked. `name` is the folded name, whether there is such an
    /// account or not; `address` is `None` for a check inside a session.
    pub fn begin(
        self: &Arc<Self>,
        name: &str,
        address: Option<IpAddr>,
        rules: PasswordRules,
        now: Instant,
    ) -> Result<Try, Duration> {
        let net = address.map(Net::from);
        let trusted = address.is_some_and(|a| a.to_canonical().is_loopback()) && rules.trust_loopback;
        let limited = net.is_some() && !trusted;
        if let Some(net) = net.filter(|_| limited) {
            self.addresses.check(net, rules.address, now)?;
        }
        let own = net.filter(|net| self.known.lock().get(name).is_some_and(|(nets, _)| nets.contains(net)));
        let key = (name.to_owned(), own);
        self.tries.begin(&key, rules.account, now)?;
        Ok(Try { guard: Arc::clone(self), key, net, limited, rules, finished: false })
    }

    fn remember(&self, name: &str, net: Net, now: Instant) {
        let mut known = self.known.lock();
        make_room(&mut known, |_| false, |(_, at)| *at);
        let (nets, at) = known.entry(name.to_owned()).or_insert_with(|| (Vec::new(), now));
        nets.retain(|other| *other != net);
        nets.push(net);
        if nets.len() > KNOWN_ADDRESSES {
            nets.remove(0);
        }
        *at = now;
    }
}

impl Try {
    /// The password was right.
    pub fn right(mut self, now: Instant) {
        self.finished = true;
        self.guard.tries.finish(&self.key, Outcome::Right, self.rules.account, now);
        if let Some(net) = self.net {
            self.guard.remember(&self.key.0, net, now);
        }
    }

    /// The password was wrong.
    pub fn wrong(mut self, now: Instant) {
        self.finished = true;
        self.guard.tries.finish(&self.key, Outcome::Wrong, self.rules.account, now);
        if let Some(net) = self.net.filter(|_| self.limited) {
            self.guard.addresses.take(net, self.rules.address, now);
        }
    }
}

impl Drop for Try {
    fn drop(&mut self) {
        if !self.finished {
            self.guard.tries.finish(&self.key, Outcome::Undecided, self.rules.account, Instant::now());
        }
    }
}

/// Wrong PINs by account, over all its sessions.
pub struct PinGuard {
    tries: Table<AccountId>,
}

impl Default for PinGuard {
    fn default() -> Self {
        Self { tries: Table::new() }
    }
}

impl PinGuard {
    /// `Err` with the time that the account's PIN stays locked. Each `Ok` is followed by one `finish`.
    pub fn begin(&self, account: AccountId, strictness: Strictness, now: Instant) -> Result<(), Duration> {
        self.tries.begin(&account, strictness, now)
    }

    /// Ends a try; `right` is `None` when it was not decided.
    pub fn finish(&self, account: AccountId, right: Option<bool>, strictness: Strictness, now: Instant) {
        let outcome = match right {
            Some(true) => Outcome::Right,
            Some(false) => Outcome::Wrong,
            None => Outcome::Undecided,
        };
        self.tries.finish(&account, outcome, strictness, now);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const RULES: PasswordRules = PasswordRules {
        account: Strictness { tries: 3, first: Duration::from_secs(60), longest: Duration::from_secs(900) },
        address: Rate { burst: 20, period: Duration::from_secs(600), refill: 20 },
        trust_loopback: true,
    };

    fn stranger(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([203, 0, 113, last]))
    }

    fn wrong(guard: &Arc<PasswordGuard>, name: &str, from: Option<IpAddr>, now: Instant) {
        guard.begin(name, from, RULES, now).unwrap_or_else(|left| panic!("locked for {left:?}")).wrong(now);
    }

    fn locked(guard: &Arc<PasswordGuard>, name: &str, from: Option<IpAddr>, now: Instant) -> Option<u64> {
        guard.begin(name, from, RULES, now).err().map(|left| left.as_secs())
    }

    #[test]
    fn three_wrong_passwords_lock_for_a_minute_and_each_further_one_twice_as_long_up_to_a_quarter_hour() {
        let guard = PasswordGuard::new();
        let mut now = Instant::now();
        for last in 1..=2 {
            wrong(&guard, "ana1", stranger(last), now);
            assert_eq!(locked(&guard, "ana1", stranger(9), now), None);
        }
        wrong(&guard, "ana1", stranger(3), now);
        for expected in [60, 120, 240, 480, 900, 900] {
            assert_eq!(locked(&guard, "ana1", stranger(9), now), Some(expected));
            now += Duration::from_secs(expected);
            wrong(&guard, "ana1", stranger(9), now);
        }
        assert_eq!(locked(&guard, "bia1", stranger(9), now), None, "another account is not locked");
        now += Duration::from_secs(3 * 900);
        wrong(&guard, "ana1", stranger(9), now);
        assert_eq!(locked(&guard, "ana1", stranger(9), now), None, "old sins are forgotten");
    }

    #[test]
    fn a_stranger_who_locks_an_account_does_not_lock_out_its_owner() {
        let guard = PasswordGuard::new();
        let now = Instant::now();
        guard.begin("ana1", stranger(7), RULES, now).unwrap().right(now);
        for last in 1..=3 {
            wrong(&guard, "ana1", stranger(last), now);
        }
        assert_eq!(locked(&guard, "ana1", stranger(4), now), Some(60));
        assert_eq!(locked(&guard, "ana1", stranger(7), now), None);
        for _ in 0..3 {
            wrong(&guard, "ana1", stranger(7), now);
        }
        assert_eq!(locked(&guard, "ana1", stranger(7), now), Some(60), "the owner's address has limits too");
    }

    #[test]
    fn tries_in_parallel_count_before_they_are_decided() {
        let guard = PasswordGuard::new();
        let now = Instant::now();
        let pending: Vec<Try> =
            (1..=3).map(|last| guard.begin("ana1", stranger(last), RULES, now).ok().unwrap()).collect();
        assert!(guard.begin("ana1", stranger(4), RULES, now).is_err());
        drop(pending);
        assert_eq!(locked(&guard, "ana1", stranger(4), now), None, "undecided tries do not count");
    }

    #[test]
    fn twenty_wrong_passwords_from_one_address_lock_that_address_for_every_account() {
        let guard = PasswordGuard::new();
        let now = Instant::now();
        for n in 0..20 {
            wrong(&guard, &format!("user{n}"), stranger(1), now);
        }
        assert_eq!(locked(&guard, "other", stranger(1), now), Some(30));
        assert_eq!(locked(&guard, "other", stranger(2), now), None);
        assert_eq!(locked(&guard, "other", stranger(1), now + Duration::from_secs(31)), None);
    }

    #[test]
    fn this_machine_has_no_limit_by_address() {
        let guard = PasswordGuard::new();
        let now = Instant::now();
        for n in 0..50 {
            wrong(&guard, &format!("user{n}"), Some(IpAddr::from([127, 0, 0, 1])), now);
        }
    }

    #[test]
    fn an_ipv6_customer_is_one_address_and_a_mapped_one_is_ipv4() {
        let net = |text: &str| Net::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(net("2001:db8:1:2:3::1"), net("2001:db8:1:2:ffff::9"));
        assert_ne!(net("2001:db8:1:2::1"), net("2001:db8:1:3::1"));
        assert_eq!(net("::ffff:203.0.113.4"), net("203.0.113.4"));
    }

    #[test]
    fn the_tables_are_bounded() {
        let buckets = Buckets::new();
        let now = Instant::now();
        for n in 0..(ROWS_MAX as u32 + 10) {
            buckets.take(
                Net::V4(n.to_be_bytes()),
                RULES.address,
                now + Duration::from_secs(u64::from(n) / 1000),
            );
        }
        assert!(buckets.rows.lock().len() <= ROWS_MAX);
    }
}
