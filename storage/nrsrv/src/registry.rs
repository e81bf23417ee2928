//! The core: answers requests. Knows a store, a session store and what the edges hold, and no sockets.

use crate::accounts::{AccountError, Hasher};
use crate::directory::{Directory, Entry};
use crate::guard::{Buckets, PasswordGuard, PasswordRules, PinGuard, Rate, Strictness};
use crate::hashing::{Cost, HashError, HashPool, Urgency};
use crate::metrics::Metrics;
use crate::newcomers::Newcomers;
use crate::sessions::{SessionStore, Unanswered};
use crate::settings::Settings;
use model::calls::database::Failure;
use model::calls::registry::{KickReason, Reply, Request, ToEdge};
use model::event::Notice;
use model::membership::ProcessName;
use model::{AccountId, SessionId};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use store::Store;
use tokio::sync::{OwnedMutexGuard, watch};

/// The edges that ought to report after a start; `None` while that is not known.
pub type KnownEdges = Arc<dyn Fn() -> Option<Vec<ProcessName>> + Send + Sync>;

/// Longest line of a whisper or an announcement, in bytes.
pub(crate) const LINE_MAX: usize = 512;

/// What a [`Registry`] is made of.
pub struct Parts {
    /// Accounts and characters.
    pub store: Arc<dyn Store>,
    /// Who may play an account.
    pub sessions: Arc<dyn SessionStore>,
    /// Hashing threads.
    pub pool: HashPool,
    /// Limits and rates; read at every use.
    pub settings: settings::Live<Settings>,
    /// Starter kits.
    pub newcomers: Newcomers,
    /// Counters.
    pub metrics: Metrics,
    /// Whom to wait for after a start.
    pub known_edges: KnownEdges,
}

/// The core of NRSrv.
pub struct Registry {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) sessions: Arc<dyn SessionStore>,
    pub(crate) pool: HashPool,
    pub(crate) newcomers: Newcomers,
    pub(crate) metrics: Metrics,
    pub(crate) directory: Mutex<Directory>,
    pub(crate) passwords: Arc<PasswordGuard>,
    pub(crate) pins: PinGuard,
    pub(crate) signups: Buckets,
    pub(crate) locks: Locks,
    /// Raised whenever a session ends or an edge reports.
    pub(crate) changes: watch::Sender<u64>,
    pub(crate) known_edges: KnownEdges,
    pub(crate) started: Instant,
    pub(crate) open: AtomicBool,
    /// Parties may be changed: every edge has told of those that it knows.
    pub(crate) settled: AtomicBool,
    /// Lines for everybody in the second that began then.
    pub(crate) shouts: Mutex<(Instant, u32)>,
    pub(crate) streams: AtomicU64,
    settings: settings::Live<Settings>,
}

/// Storage did not answer, or what it said cannot be right. It is logged where it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unavailable;

impl From<Failure> for Unavailable {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(_) => tracing::warn!(%failure, "request not answered"),
            Failure::Corrupt(_) => tracing::error!(%failure, "request not answered"),
        }
        Self
    }
}

impl From<Unanswered> for Unavailable {
    fn from(unanswered: Unanswered) -> Self {
        tracing::warn!(%unanswered, "request not answered");
        Self
    }
}

impl From<HashError> for Unavailable {
    fn from(error: HashError) -> Self {
        tracing::warn!(%error, "request not answered");
        Self
    }
}

/// What a request inside a session comes to.
pub(crate) type Answer = Result<Reply, Unavailable>;

impl Registry {
    /// Puts it together; nothing is connected yet.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            store: parts.store,
            sessions: parts.sessions,
            pool: parts.pool,
            newcomers: parts.newcomers,
            metrics: parts.metrics,
            directory: Mutex::new(Directory::default()),
            passwords: PasswordGuard::new(),
            pins: PinGuard::default(),
            signups: Buckets::new(),
            locks: Locks::default(),
            changes: watch::Sender::new(0),
            known_edges: parts.known_edges,
            started: Instant::now(),
            open: AtomicBool::new(false),
            settled: AtomicBool::new(false),
            shouts: Mutex::new((Instant::now(), 0)),
            streams: AtomicU64::new(0),
            settings: parts.settings,
        })
    }

    /// Answers one request; `who` asks, for the audit log.
    pub async fn handle(&self, who: &ProcessName, request: Request) -> Reply {
        let answer = match request {
            Request::CreateAccount { name, password, address } => {
                self.create_account(who, &name, &password, address).await
            }
            Request::Login(login) => self.login(&login).await,
            Request::Logout { session } => self.logout(session).await,
            Request::Pin { session, pin, change } => self.pin(session, &pin, change).await,
            Request::Characters { session } => self.characters(session).await,
            Request::CreateCharacter { session, slot, name, class } => {
                self.create_character(session, slot, &name, class).await
            }
            Request::DeleteCharacter { session, slot, name, password } => {
                self.delete_character(session, slot, &name, &password).await
            }
            Request::Playing { session, character } => {
                match self.directory.lock().set_character(session, character) {
                    true => Ok(Reply::Done),
                    false => Ok(Reply::NoSuchSession),
                }
            }
            Request::Whisper { session, to, text } => Ok(self.whisper(session, &to, &text)),
            Request::Describe { session, persona } => {
                match self.directory.lock().describe(session, persona) {
                    true => Ok(Reply::Done),
                    false => Ok(Reply::NoSuchSession),
                }
            }
            Request::Party { session, ask } => self.party(session, ask),
            Request::Speak { session, channel, text } => Ok(self.speak(session, channel, &text)),
            Request::Who { names } => Ok(self.who(&names)),
            Request::Roster { session, page } => self.roster(session, page).await,
            Request::PartyOf { name } => Ok(self.party_of(&name)),
            Request::Count => Ok(Reply::Count(u32::try_from(self.online()).unwrap_or(u32::MAX))),
            Request::Block { name, reason } => self.block(who, &name, reason).await,
            Request::Freeze { name, reason } => self.freeze(who, &name, reason).await,
            Request::SetPassword { name, password } => self.set_password(who, &name, &password).await,
            Request::ClearPin { name } => self.clear_pin(who, &name).await,
            Request::Show { name } => self.show(&name).await,
            Request::Announce { text } => Ok(self.announce(who, &text)),
            Request::Tell { account, notice } => Ok(self.tell(account, notice)),
            Request::Guild { session, ask } => self.guild(session, ask).await,
            Request::GuildChanged { guild, characters, by, notice } => {
                Ok(self.guild_changed(guild, (&characters, by), &notice))
            }
            Request::Friend { session, ask } => self.friend(session, &ask).await,
            Request::Friends { session, page } => self.friends(session, page).await,
            Request::NewestAsker { session } => self.newest_asker(session).await,
        };
        answer.unwrap_or_else(|Unavailable| {
            self.metrics.unavailable.inc();
            Reply::Unavailable
        })
    }

    /// Live sessions.
    pub fn online(&self) -> usize {
        self.directory.lock().len()
    }

    /// True while an edge's stream is open and it has reported.
    pub fn is_connected(&self, edge: &ProcessName) -> bool {
        self.directory.lock().is_connected(edge)
    }

    /// The settings of this moment.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    pub(crate) fn hasher(&self, urgency: Urgency) -> Hasher<'_> {
        Hasher { pool: &self.pool, cost: Cost::from(&self.settings().hashing), urgency }
    }

    pub(crate) fn entry(&self, session: SessionId) -> Option<Entry> {
        self.directory.lock().get(session).cloned()
    }

    /// Something ended or reported: whoever waits looks again.
    pub(crate) fn changed(&self) {
        self.metrics.sessions.set(i64::try_from(self.online()).unwrap_or(i64::MAX));
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Tells an edge to end a session.
    pub(crate) fn kick(&self, edge: &ProcessName, session: SessionId, reason: KickReason) -> bool {
        let label = match reason {
            KickReason::Replaced => "replaced",
            KickReason::Blocked => "blocked",
        };
        self.metrics.kicks.with_label_values(&[label]).inc();
        let told = self.directory.lock().push(edge, &ToEdge::Kick { session, reason });
        if !told {
            tracing::info!(%edge, %session, label, "the edge of a session cannot be told to end it now");
        }
        told
    }

    async fn logout(&self, session: SessionId) -> Answer {
        let ended = {
            let mut directory = self.directory.lock();
            directory.give_up(session);
            directory.remove(session)
        };
        let Some(entry) = ended else { return Ok(Reply::Done) };
        // the row goes by itself when it cannot be removed now: nobody reports it any more
        if let Err(unanswered) = self.sessions.release(entry.record.account, session).await {
            tracing::warn!(%unanswered, %session, "a session that ended is still written down");
        }
        self.changed();
        Ok(Reply::Done)
    }

    fn whisper(&self, session: SessionId, to: &str, text: &str) -> Reply {
        let directory = self.directory.lock();
        let Some(sender) = directory.get(session) else { return Reply::NoSuchSession };
        let Some((_, from)) = &sender.character else { return Reply::Whispered(false) };
        let found = directory.playing(&to.to_ascii_lowercase()).filter(|_| text.len() <= LINE_MAX);
        let outcome = match found {
            None => "not_connected",
            Some(target) => {
                let line = ToEdge::Whisper {
                    session: target.record.session,
                    from: from.to_string(),
                    text: text.to_owned(),
                };
                if directory.push(&target.record.edge, &line) { "delivered" } else { "not_connected" }
            }
        };
        self.metrics.whispers.with_label_values(&[outcome]).inc();
        Reply::Whispered(outcome == "delivered")
    }

    fn tell(&self, account: AccountId, notice: Notice) -> Reply {
        let directory = self.directory.lock();
        if let Some(Entry { record, .. }) = directory.of_account(account) {
            directory.push(&record.edge, &ToEdge::Tell { session: record.session, notice });
        }
        Reply::Done
    }

    fn announce(&self, who: &ProcessName, text: &str) -> Reply {
        let mut end = text.len().min(LINE_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let line = ToEdge::Announce { text: text[..end].to_owned() };
        let (told, edges) = self.directory.lock().push_all(&line);
        tracing::info!(target: "audit", %who, what = "announce", new = &text[..end], told, edges, "announced");
        Reply::Done
    }

    pub(crate) fn password_rules(settings: &Settings) -> PasswordRules {
        let limits = &settings.lockout;
        PasswordRules {
            account: Strictness {
                tries: limits.tries,
                first: Duration::from_secs(limits.first_s),
                longest: Duration::from_secs(limits.longest_s),
            },
            address: Rate {
                burst: limits.address_tries,
                refill: limits.address_tries,
                period: Duration::from_secs(u64::from(limits.address_minutes) * 60),
            },
            trust_loopback: limits.trust_loopback,
        }
    }

    /// Turns what went wrong with an account into an answer.
    pub(crate) fn account_error(error: AccountError) -> Answer {
        match error {
            AccountError::NoSuchAccount => Ok(Reply::NoSuchAccount),
            AccountError::Refused(refusal) => Ok(Reply::AccountCreated(Err(refusal))),
            AccountError::Hash(error) => Err(error.into()),
            AccountError::Store(failure) => Err(failure.into()),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        let open = self.open.load(Ordering::Relaxed) || !self.sessions.forgets() || self.all_reported();
        if open {
            self.open.store(true, Ordering::Relaxed);
        }
        open
    }

    /// True when every edge has told of the parties that it knows, or has had the time for it.
    pub(crate) fn is_settled(&self) -> bool {
        let settled = self.settled.load(Ordering::Relaxed) || self.all_reported();
        if settled {
            self.settled.store(true, Ordering::Relaxed);
        }
        settled
    }

    fn all_reported(&self) -> bool {
        let over = self.started.elapsed() >= Duration::from_millis(self.settings().grace_ms);
        over || (self.known_edges)().is_some_and(|edges| {
            let directory = self.directory.lock();
            edges.iter().all(|edge| directory.is_connected(edge))
        })
    }
}

/// One thing at a time for each account.
#[derive(Default)]
pub(crate) struct Locks {
    rows: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Holds the lock of one account; the row goes with the last holder.
pub(crate) struct Locked<'a> {
    locks: &'a Locks,
    key: String,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Locks {
    /// Waits until nobody else works on the account of this folded name.
    pub(crate) async fn lock(&self, key: &str) -> Locked<'_> {
        let row = Arc::clone(self.rows.lock().entry(key.to_owned()).or_default());
        let mut locked = Locked { locks: self, key: key.to_owned(), guard: None };
        locked.guard = Some(row.lock_owned().await);
        locked
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.guard = None;
        let mut rows = self.locks.rows.lock();
        if rows.get(&self.key).is_some_and(|row| Arc::strong_count(row) == 1) {
            rows.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_lock_is_exclusive_by_account_and_leaves_nothing_behind() {
        let locks = Locks::default();
        let first = locks.lock("ana1").await;
        let _other = locks.lock("bia1").await;
        assert!(tokio::time::timeout(Duration::from_millis(20), locks.lock("ana1")).await.is_err());
        drop(first);
        drop(locks.lock("ana1").await);
        assert_eq!(locks.rows.lock().len(), 1, "only the account that is still locked");
    }
}
