//! Opening a session.

use crate::accounts;
use crate::directory::Entry;
use crate::hashing::{Cost, HashError, Verdict};
use crate::registry::{Answer, Registry, Unavailable};
use crate::retry::retry;
use crate::sessions::{Claim, PinState, Record, Unanswered};
use model::calls::database::{AccountChange, Failure, FindAccount};
use model::calls::registry::{KickReason, Login, LoginRefusal, Reply};
use model::{Account, AccountName, SessionId};
use std::time::{Duration, Instant};

/// Longest wait for another login of the same account.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// How often a waiting login looks again when nobody tells it to.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// How often an edge that does not end a session is told again.
const TELL_AGAIN: Duration = Duration::from_millis(1_000);
/// Longest name that is compared at all.
const NAME_MAX: usize = 64;

/// Marks a login as under way for as long as it lives.
struct UnderWay<'a> {
    registry: &'a Registry,
    session: SessionId,
}

impl<'a> UnderWay<'a> {
    fn new(registry: &'a Registry, session: SessionId) -> Self {
        registry.directory.lock().begin_login(session);
        Self { registry, session }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.registry.directory.lock().end_login(self.session);
    }
}

/// A refusal, or no decision.
enum Stop {
    Refused(LoginRefusal),
    Unavailable,
}

impl From<LoginRefusal> for Stop {
    fn from(refusal: LoginRefusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        let Unavailable = failure.into();
        Self::Unavailable
    }
}

impl From<Unanswered> for Stop {
    fn from(unanswered: Unanswered) -> Self {
        let Unavailable = unanswered.into();
        Self::Unavailable
    }
}

impl Registry {
    pub(crate) async fn login(&self, login: &Login) -> Answer {
        let _under_way = UnderWay::new(self, login.session);
        let (label, answer) = match self.try_login(login).await {
            Ok(account) => ("ok", Ok(Reply::LoggedIn(Ok((account.id, account.name))))),
            Err(Stop::Refused(refusal)) => (label(&refusal), Ok(Reply::LoggedIn(Err(refusal)))),
            Err(Stop::Unavailable) => ("unavailable", Err(Unavailable)),
        };
        self.metrics.logins.with_label_values(&[label]).inc();
        tracing::debug!(session = %login.session, edge = %login.edge, outcome = label, "login");
        answer
    }

    async fn try_login(&self, login: &Login) -> Result<Account, Stop> {
        let rules = Self::password_rules(&self.settings());
        let key: String = login.name.chars().take(NAME_MAX).collect::<String>().to_ascii_lowercase();
        let attempt = self
            .passwords
            .begin(&key, Some(login.address), rules, Instant::now())
            .map_err(|left| LoginRefusal::LockedOut { seconds: seconds(left) })?;
        let _locked = tokio::time::timeout(LOCK_WAIT, self.locks.lock(&key))
            .await
            .map_err(|_| Stop::from(LoginRefusal::Busy))?;
        match self.check_password(login).await? {
            None => {
                attempt.wrong(Instant::now());
                Err(LoginRefusal::WrongNameOrPassword.into())
            }
            Some(account) => {
                attempt.right(Instant::now());
                if account.blocked.is_some() {
                    return Err(LoginRefusal::Blocked.into());
                }
                self.open_session(login, &account).await?;
                Ok(account)
            }
        }
    }

    /// The account when name and password are right. Takes the same time for a name without an account.
    async fn check_password(&self, login: &Login) -> Result<Option<Account>, Stop> {
        let cost = Cost::from(&self.settings().hashing);
        let account = match AccountName::new(&login.name) {
            Err(_) => None,
            Ok(name) => {
                let key = name.key();
                retry(|| self.store.find_account(FindAccount { key: key.clone() })).await?
            }
        };
        let Some(account) = account else {
            self.pool.pretend(&login.password, cost).await.map_err(busy)?;
            return Ok(None);
        };
        match self.pool.verify(&login.password, &account.password_hash, cost).await {
            Ok(Verdict::Right { outdated }) => {
                if outdated {
                    self.rehash(login, &account).await;
                }
                Ok(Some(account))
            }
            Ok(Verdict::Wrong) => Ok(None),
            Err(HashError::Unreadable) => {
                tracing::error!(account = %account.id, "the stored password hash cannot be read");
                Ok(None)
            }
            Err(error) => Err(busy(error)),
        }
    }

    /// The settings were raised since the password was hashed. Best effort: the next login tries again.
    async fn rehash(&self, login: &Login, account: &Account) {
        let hasher = self.hasher(crate::hashing::Urgency::Newcomer);
        let Ok(hash) = hasher.pool.hash(&login.password, hasher.cost, hasher.urgency).await else { return };
        match accounts::change(&*self.store, account.id, AccountChange::Password(hash)).await {
            Ok(()) => tracing::info!(account = %account.id, "password hashed again at the raised cost"),
            Err(error) => tracing::warn!(account = %account.id, %error, "old password hash kept"),
        }
    }

    async fn open_session(&self, login: &Login, account: &Account) -> Result<(), Stop> {
        self.wait_until_open().await;
        self.end_other_account(login.session, account).await;
        let record = Record {
            account: account.id,
            account_name: account.name.clone(),
            session: login.session,
            edge: login.edge.clone(),
            by_login: true,
            pin: PinState::default(),
        };
        let wait = Duration::from_millis(self.settings().kick_wait_ms);
        let deadline = Instant::now() + wait;
        let mut told: Option<(SessionId, Instant)> = None;
        loop {
            let mut changes = self.changes.subscribe();
            if self.directory.lock().is_given_up(login.session) {
                return Err(Stop::Unavailable);
            }
            let held = match self.sessions.claim(&record).await? {
                Claim::Given => return self.hold_for_edge(record).await,
                Claim::Held(held) => held,
            };
            let over = Instant::now() >= deadline;
            if !over && self.is_gone(&held) {
                self.sessions.release(held.account, held.session).await?;
                continue;
            }
            if !login.force {
                return Err(LoginRefusal::AlreadyPlaying.into());
            }
            if over {
                return Err(LoginRefusal::StillPlaying.into());
            }
            if told.is_none_or(|(session, at)| session != held.session || at.elapsed() >= TELL_AGAIN) {
                self.kick(&held.edge, held.session, KickReason::Replaced);
                told = Some((held.session, Instant::now()));
            }
            tokio::time::timeout(LOOK_AGAIN, changes.changed()).await.ok(); // either way: look again
        }
    }

    /// Opens the session, unless its edge has given it up while the login was under way: nobody would ever end
    /// it then.
    async fn hold_for_edge(&self, record: Record) -> Result<(), Stop> {
        let given_up = {
            let mut directory = self.directory.lock();
            let given_up = directory.is_given_up(record.session);
            if !given_up {
                directory
                    .insert(Entry { record: record.clone(), character: None, persona: None }, Instant::now());
            }
            given_up
        };
        if given_up {
            tracing::info!(session = %record.session, edge = %record.edge, "the edge did not wait for this login");
            self.sessions.release(record.account, record.session).await?;
        }
        self.changed();
        if given_up { Err(Stop::Unavailable) } else { Ok(()) }
    }

    /// True when a session is written down that nobody holds: its edge has reported without it.
    fn is_gone(&self, held: &Record) -> bool {
        let directory = self.directory.lock();
        directory.get(held.session).is_none()
            && (self.sessions.forgets() || directory.is_connected(&held.edge))
    }

    /// A connection that logs in to another account leaves the one before.
    async fn end_other_account(&self, session: SessionId, account: &Account) {
        let before = self.entry(session).filter(|entry| entry.record.account != account.id);
        if let Some(entry) = before {
            self.directory.lock().remove(session);
            self.sessions.release(entry.record.account, session).await.ok(); // is_gone finds it otherwise
        }
    }

    /// After a start that forgot the sessions: until the edges have reported, bounded by `grace_ms`.
    async fn wait_until_open(&self) {
        while !self.is_open() {
            let mut changes = self.changes.subscribe();
            tokio::time::timeout(LOOK_AGAIN, changes.changed()).await.ok(); // either way: look again
        }
    }
}

fn busy(error: HashError) -> Stop {
    match error {
        HashError::Busy => LoginRefusal::Busy.into(),
        HashError::Unreadable | HashError::Broken => {
            let Unavailable = error.into();
            Stop::Unavailable
        }
    }
}

pub(crate) fn seconds(left: Duration) -> u32 {
    u32::try_from(left.as_millis().div_ceil(1_000).max(1)).unwrap_or(u32::MAX)
}

fn label(refusal: &LoginRefusal) -> &'static str {
    match refusal {
        LoginRefusal::WrongNameOrPassword => "wrong",
        LoginRefusal::LockedOut { .. } => "locked",
        LoginRefusal::Blocked => "blocked",
        LoginRefusal::AlreadyPlaying => "already_playing",
        LoginRefusal::StillPlaying => "still_playing",
        LoginRefusal::Busy => "busy",
    }
}
