//! Who may play an account: at most one session at a time, decided in one place.
//!
//! A [`SessionStore`] only decides; what the edges hold is in the directory of NRSrv, and is reported again
//! by every edge that connects. So a store may lose everything (Redis emptied, NRSrv restarted): the next
//! report puts it back.
//!
//! When two sessions claim one account, a *login* that the store has seen beats a session that an edge only
//! reports to hold, because whoever logged in was let in after the store knew of nobody else; of two reported
//! ones the one reported later stays. The other session is kicked. Whichever wins, one is left.

mod memory;
mod redis;

pub use memory::MemorySessions;
pub use redis::RedisSessions;

use async_trait::async_trait;
use model::membership::ProcessName;
use model::{AccountId, AccountName, SessionId};

/// What a session has shown of the PIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PinState {
    /// A good one was given.
    pub good: bool,
    /// Wrong ones since the last good one.
    pub wrong: u8,
}

/// The session that may play an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Which account.
    pub account: AccountId,
    /// Its name as given at creation.
    pub account_name: AccountName,
    /// The session.
    pub session: SessionId,
    /// The edge that holds it.
    pub edge: ProcessName,
    /// True when it logged in here, false when an edge reported it.
    pub by_login: bool,
    /// What it has shown of the PIN.
    pub pin: PinState,
}

/// What came of a claim at login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The account is free, or the session had it already.
    Given,
    /// Another session has it.
    Held(Box<Record>),
}

/// What came of a report of a held session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It has the account; as stored, with what the store knows of its PIN.
    Kept(Box<Record>),
    /// It has the account now, instead of this other session.
    Replaced(Box<Record>),
    /// This other session has the account.
    Lost(Box<Record>),
}

/// The session store did not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the session store does not answer: {0}")]
pub struct Unanswered(pub String);

/// Decides who may play an account.
#[async_trait]
pub trait SessionStore: Send + Sync + 'static {
    /// A login: gives the account to the session if no other one has it.
    async fn claim(&self, record: &Record) -> Result<Claim, Unanswered>;
    /// Edges report what they hold; in the order of the records.
    async fn hold(&self, records: &[Record]) -> Result<Vec<Hold>, Unanswered>;
    /// Writes down a change of the record; nothing happens when another session has the account.
    async fn update(&self, record: &Record) -> Result<(), Unanswered>;
    /// The session is over; false when it did not have the account.
    async fn release(&self, account: AccountId, session: SessionId) -> Result<bool, Unanswered>;
    /// Who has the account.
    async fn find(&self, account: AccountId) -> Result<Option<Record>, Unanswered>;
    /// True when a restart of NRSrv empties the store, so that the edges must report before anybody logs in.
    fn forgets(&self) -> bool;
}

/// What a report makes of what is stored.
fn settle(stored: Option<Record>, reported: &Record) -> Hold {
    match stored {
        None => Hold::Kept(Box::new(reported.clone())),
        Some(stored) if stored.session == reported.session => Hold::Kept(Box::new(stored)),
        Some(stored) if stored.by_login => Hold::Lost(Box::new(stored)),
        Some(stored) => Hold::Replaced(Box::new(stored)),
    }
}
