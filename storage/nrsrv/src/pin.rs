//! The PIN: the second secret, asked for after the login.
//!
//! ```text
//!   no PIN stored ── any good form ──▶ it becomes the PIN
//!   PIN stored ── right ──▶ good ── change ──▶ the new one is stored
//!              └─ wrong: the session may try again, a few times; over all sessions of the account a few more
//! ```

use crate::accounts::{self, AccountError};
use crate::directory::Entry;
use crate::guard::Strictness;
use crate::hashing::{Cost, Urgency, Verdict};
use crate::registry::{Answer, Registry, Unavailable};
use crate::retry::retry;
use crate::sessions::PinState;
use model::calls::database::{AccountChange, GetAccount};
use model::calls::registry::{PinOutcome, Reply};
use model::{Secret, SessionId};
use std::time::{Duration, Instant};

/// Fewest and most digits.
const DIGITS: std::ops::RangeInclusive<usize> = 4..=14;

impl Registry {
    pub(crate) async fn pin(&self, session: SessionId, pin: &Secret, change: bool) -> Answer {
        let Some(entry) = self.entry(session) else { return Ok(Reply::NoSuchSession) };
        let _locked = self.locks.lock(&entry.record.account_name.key()).await;
        let Some(entry) = self.entry(session) else { return Ok(Reply::NoSuchSession) };
        let outcome = self.try_pin(&entry, pin, change).await?;
        let label = match outcome {
            PinOutcome::Accepted => "accepted",
            PinOutcome::Wrong => "wrong",
            PinOutcome::LockedOut => "locked",
            PinOutcome::Malformed => "malformed",
        };
        self.metrics.pins.with_label_values(&[label]).inc();
        Ok(Reply::Pin(outcome))
    }

    async fn try_pin(&self, entry: &Entry, pin: &Secret, change: bool) -> Result<PinOutcome, Unavailable> {
        let limits = self.settings().pin.clone();
        let mut state = entry.record.pin;
        if state.wrong >= limits.session_tries {
            return Ok(PinOutcome::LockedOut);
        }
        if !DIGITS.contains(&pin.expose().len()) || !pin.expose().bytes().all(|b| b.is_ascii_digit()) {
            return Ok(PinOutcome::Malformed);
        }
        let lock = Duration::from_secs(limits.lock_s);
        let strictness = Strictness { tries: limits.account_tries, first: lock, longest: lock };
        let account = entry.record.account;
        if self.pins.begin(account, strictness, Instant::now()).is_err() {
            return Ok(PinOutcome::LockedOut);
        }
        let right = if change { self.change_pin(entry, pin).await } else { self.check_pin(entry, pin).await };
        self.pins.finish(account, right.as_ref().ok().copied(), strictness, Instant::now());
        let right = right?;
        state = if right {
            PinState { good: true, wrong: 0 }
        } else {
            PinState { good: state.good, wrong: state.wrong.saturating_add(1) }
        };
        self.write_pin_state(entry.record.session, state).await;
        Ok(match right {
            true => PinOutcome::Accepted,
            false if state.wrong >= limits.session_tries => PinOutcome::LockedOut,
            false => PinOutcome::Wrong,
        })
    }

    async fn write_pin_state(&self, session: SessionId, state: PinState) {
        let record = self.directory.lock().set_pin(session, state);
        if let Some(record) = record
            && let Err(unanswered) = self.sessions.update(&record).await
        {
            tracing::warn!(%unanswered, %session, "what a session has shown of its PIN is not written down");
        }
    }

    /// True when it is the PIN, or became the first one.
    async fn check_pin(&self, entry: &Entry, pin: &Secret) -> Result<bool, Unavailable> {
        let request = GetAccount { account: entry.record.account };
        let Some(account) = retry(|| self.store.get_account(request.clone())).await? else {
            return Ok(false);
        };
        let Some(stored) = account.pin_hash else {
            self.store_pin(entry, pin).await?;
            return Ok(true);
        };
        let cost = Cost::from(&self.settings().hashing);
        match self.pool.verify(pin, &stored, cost).await? {
            Verdict::Wrong => Ok(false),
            Verdict::Right { outdated } => {
                if outdated && self.store_pin(entry, pin).await.is_err() {
                    tracing::warn!(account = %entry.record.account, "old PIN hash kept");
                }
                Ok(true)
            }
        }
    }

    /// Only after a good PIN in this session; otherwise it counts as a wrong one.
    async fn change_pin(&self, entry: &Entry, pin: &Secret) -> Result<bool, Unavailable> {
        if !entry.record.pin.good {
            return Ok(false);
        }
        self.store_pin(entry, pin).await?;
        tracing::info!(account = %entry.record.account, "a player changed the PIN");
        Ok(true)
    }

    async fn store_pin(&self, entry: &Entry, pin: &Secret) -> Result<(), Unavailable> {
        let hasher = self.hasher(Urgency::Player);
        let hash = hasher.pool.hash(pin, hasher.cost, hasher.urgency).await?;
        match accounts::change(&*self.store, entry.record.account, AccountChange::Pin(Some(hash))).await {
            Ok(()) => Ok(()),
            Err(AccountError::Store(failure)) => Err(failure.into()),
            Err(error) => {
                tracing::error!(account = %entry.record.account, %error, "a PIN was not stored");
                Err(Unavailable)
            }
        }
    }
}
