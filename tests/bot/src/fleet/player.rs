//! One bot: enters, plays until the time is over, comes back when it is thrown out, leaves.

mod acts;
mod deal;
mod watch;

use super::Shared;
use super::economy::Trader;
use super::entry::{self, EntryError, Identity};
use super::ledger::{BotIndex, Doubt};
use super::report::Kind;
use crate::client::{Client, ClientError};
use crate::protocol::incoming::Snapshot;
use crate::protocol::place::{Tile, Track};
use acts::Agenda;
pub(in crate::fleet) use deal::SETTLE_MAX;
use deal::{Busy, Voyage};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Tries to get into the world for the first time.
const ENTRY_ATTEMPTS: u32 = 6;
/// How often a bot of an economy looks whether it is over.
const SETTLE_POLL: Duration = Duration::from_millis(250);
/// The least that a bot of an economy waits between two looks.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);
/// How soon a bot has to be back after a fault.
const REENTRY_DEADLINE: Duration = Duration::from_secs(10);

/// How a stay in the world ended.
enum End {
    TimeOver,
    ThrownOut(&'static str),
}

/// One bot of a fleet.
pub struct Player {
    shared: Arc<Shared>,
    index: BotIndex,
    identity: Identity,
    rng: StdRng,
    panel_due: Option<Instant>,
    doubts: Vec<Doubt>,
    heard_at: Instant,
    /// The last silence: what was heard before, and when it was over.
    silence: Option<(Instant, Instant)>,
    target: Option<Tile>,
    last_walk: Option<Track>,
    fully_entered: bool,
    silence_told: bool,
    trader: Option<Trader>,
    voyage: Option<Voyage>,
    busy: Option<Busy>,
    calm_since: Instant,
}

impl Player {
    /// A bot with its number.
    pub fn new(shared: Arc<Shared>, index: BotIndex, identity: Identity) -> Player {
        let seed = shared.seed.wrapping_add(index as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let (rng, pace) = (StdRng::seed_from_u64(seed), shared.options.pace);
        let trader = shared.options.economy.clone().map(|economy| Trader::new(economy, !seed, pace));
        Player {
            busy: Busy::new(&shared),
            shared,
            index,
            identity,
            rng,
            panel_due: None,
            doubts: Vec::new(),
            heard_at: Instant::now(),
            silence: None,
            target: None,
            last_walk: None,
            fully_entered: false,
            silence_told: false,
            trader,
            voyage: None,
            calm_since: Instant::now(),
        }
    }

    /// Lives.
    pub async fn run(mut self) {
        let entered = self.first_entry().await;
        self.shared.arrivals.add_permits(1);
        let Some((mut client, mut before)) = entered else { return };
        loop {
            match self.play(&mut client).await {
                End::TimeOver => {
                    self.judge_last_view(&client);
                    if self.shared.options.faults {
                        self.compare(&before, client.world().own());
                    }
                    let shown = client.world().belongings();
                    self.leave(&mut client).await;
                    drop(client);
                    if self.trader.is_some() {
                        self.return_and_compare(shown).await;
                    }
                    return;
                }
                End::ThrownOut(why) => {
                    let Some((back, snapshot)) = self.thrown_out(why).await else { return };
                    self.compare(&before, &snapshot);
                    (client, before) = (back, snapshot);
                }
            }
        }
    }

    fn name(&self) -> &str {
        &self.identity.character
    }

    async fn first_entry(&mut self) -> Option<(Client, Box<Snapshot>)> {
        let entered = self.try_to_enter().await;
        if let Some(book) = &self.shared.book {
            book.arrives();
        }
        entered
    }

    async fn try_to_enter(&mut self) -> Option<(Client, Box<Snapshot>)> {
        let mut wait = Duration::from_millis(500);
        let mut reason = String::new();
        if let Err(error) = entry::sign_up(self.shared.signup.as_ref(), &self.identity).await {
            return self.never_entered(&error.to_string());
        }
        for _ in 0..ENTRY_ATTEMPTS {
            match entry::enter(&self.shared, &mut self.identity).await {
                Ok((client, snapshot)) => {
                    self.shared.ledger.count(|counts| counts.entered += 1);
                    self.arrived(&snapshot);
                    if let (Some(trader), Some(book)) = (&mut self.trader, &self.shared.book) {
                        trader.entered(client.world());
                        let gold = client.world().belongings().all_gold();
                        book.count(|counts| counts.gold_at_first += gold);
                    }
                    return Some((client, snapshot));
                }
                Err(error) => {
                    reason = error.to_string();
                    if !error.may_pass() {
                        break;
                    }
                }
            }
            self.shared.ledger.count(|counts| counts.login_retries += 1);
            let jitter = self.rng.random_range(0..250);
            let pause = wait + Duration::from_millis(jitter);
            tokio::time::sleep(pause.mul_f64(self.shared.options.pace)).await;
            wait = (wait * 2).min(Duration::from_secs(8));
        }
        self.never_entered(&reason)
    }

    fn never_entered<T>(&self, reason: &str) -> Option<T> {
        let account = &self.identity.account;
        self.shared.ledger.violation(Kind::NeverEntered, || format!("never entered: {account}: {reason}"));
        None
    }

    fn arrived(&mut self, snapshot: &Snapshot) {
        let now = Instant::now();
        self.shared.ground.area(snapshot.tile);
        self.shared.ledger.entered(self.index, &snapshot.name, snapshot.tile, now);
        self.heard_at = now;
        self.silence = None;
        self.panel_due = None;
        self.doubts.clear();
        self.target = None;
        self.last_walk = None;
        self.fully_entered = false;
        self.silence_told = false;
    }

    async fn play(&mut self, client: &mut Client) -> End {
        let mut agenda = Agenda::new(self);
        if client.enter_city(0).await.is_err() {
            return End::ThrownOut("closed");
        }
        loop {
            let ends_at = *self.shared.ends_at.borrow();
            let now = Instant::now();
            let over = ends_at.filter(|end| now >= *end);
            if over.is_some_and(|end| self.has_settled(end, now)) {
                return End::TimeOver;
            }
            let next = self.next_deal().map_or(agenda.next(), |deal| deal.min(agenda.next()));
            if now >= next && self.act(client, &mut agenda).await.is_err() {
                return End::ThrownOut("closed");
            }
            let soon = now + SETTLE_POLL; // of an end that is not known yet, or of the others' last deals
            let wake = match ends_at {
                Some(end) if over.is_none() => end.min(next),
                _ if self.trader.is_some() => soon.min(next.max(now + SHORTEST_WAIT)),
                _ => next,
            };
            match client.next_event(wake).await {
                Ok(Some((event, at))) => {
                    if let Some(end) = self.on_event(client, event, at).await {
                        return end;
                    }
                }
                Ok(None) => {}
                Err(ClientError::Closed) => return End::ThrownOut("closed"),
                Err(error) => {
                    let name = self.name();
                    self.shared.ledger.violation(Kind::Wrong, || format!("wrong: {name}: {error}"));
                    return End::ThrownOut("unreadable");
                }
            }
            self.report_anomalies(client);
        }
    }

    async fn leave(&mut self, client: &mut Client) {
        self.shared.ledger.left(self.index, Instant::now());
        if let Err(error) = client.logout().await {
            let name = self.name();
            self.shared
                .ledger
                .violation(Kind::Missing, || format!("missing: {name} got no answer to its logout: {error}"));
        }
    }

    async fn thrown_out(&mut self, why: &str) -> Option<(Client, Box<Snapshot>)> {
        let since = Instant::now();
        self.shared.ledger.left(self.index, since);
        if let (Some(trader), Some(book)) = (&mut self.trader, &self.shared.book) {
            trader.cut_off(book);
            self.voyage = None;
        }
        let name = self.identity.character.clone();
        let dropped = |text: String| {
            self.shared.ledger.count(|counts| counts.dropped += 1);
            self.shared.ledger.violation(Kind::Dropped, || text);
        };
        if !self.shared.options.faults {
            dropped(format!("dropped: {name}: {why}"));
            return None;
        }
        let mut reason = why.to_owned();
        while since.elapsed() < REENTRY_DEADLINE {
            let left = REENTRY_DEADLINE.saturating_sub(since.elapsed());
            match tokio::time::timeout(left, entry::enter(&self.shared, &mut self.identity)).await {
                Ok(Ok((client, snapshot))) => {
                    let gap = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                    self.shared.ledger.count(|counts| {
                        counts.reentered += 1;
                        counts.longest_gap_ms = counts.longest_gap_ms.max(gap);
                    });
                    self.arrived(&snapshot);
                    return Some((client, snapshot));
                }
                Ok(Err(error @ EntryError::Wrong(_))) => {
                    self.shared.ledger.violation(Kind::Changed, || format!("changed: {name}: {error}"));
                    return None;
                }
                Ok(Err(error)) => reason = error.to_string(),
                Err(_) => break,
            }
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let seconds = REENTRY_DEADLINE.as_secs();
        self.shared.ledger.count(|counts| counts.dropped += 1);
        self.shared
            .ledger
            .violation(Kind::Dropped, || format!("dropped: {name} not back within {seconds} s: {reason}"));
        None
    }

    /// The character after coming back has to be the one that was there before.
    fn compare(&self, before: &Snapshot, after: &Snapshot) {
        if self.trader.is_some() {
            return; // it buys and sells: what must be as before is compared at the end
        }
        let facts = |snapshot: &Snapshot| {
            (
                snapshot.name.clone(),
                snapshot.score.level,
                snapshot.gold,
                snapshot.experience,
                snapshot.items(),
            )
        };
        if facts(before) != facts(after) {
            let (before, after) = (facts(before), facts(after));
            self.shared.ledger.violation(Kind::Changed, || {
                format!("changed: (name, level, gold, experience, items) were {before:?}, are {after:?}")
            });
        }
    }
}
