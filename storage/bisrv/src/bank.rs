//! The core: answers requests from a store.
//!
//! | request | refused for | repeated |
//! |---|---|---|
//! | items and gold to and from the bank | what lies there, balances, the fence | one outcome, see [`crate::desk`] |
//! | parcels | the name, a full box, a full bank | one outcome |
//! | banks of guilds | rank, the limit of a day | one outcome |
//! | members of guilds | rank, the guild as it is, the gold | one outcome, see [`members`] |
//! | cash | the balance | the first outcome |
//! | the rest | nothing | reads again |

mod cargo;
mod cash;
mod guild;
mod guild_log;
mod letter;
mod members;
mod parcels;
mod returns;

use crate::desk::{Desk, No};
use crate::herald::Herald;
use crate::settings::Settings;
use async_trait::async_trait;
use link::{Peer, Service, Stream};
use model::calls::bank::{BankRefusal, Reply, Request};
use model::calls::database::{Failure, FindAccount};
use model::{AccountId, AccountName};
use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::Store;

const SECONDS: [f64; 8] = [0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1.0, 3.0];
/// How long one sweep for old parcels may take.
const SWEEP: Duration = Duration::from_secs(60);

/// What BISrv counts; `wydbr_bisrv_` goes before each name.
#[derive(Clone)]
pub struct Metrics {
    /// `calls_total{call, outcome}`
    pub calls: IntCounterVec,
    /// `call_seconds{call}`
    pub seconds: HistogramVec,
    /// `parcels_returned_total`
    pub returned: IntCounter,
}

impl Metrics {
    /// Registers them with a process.
    pub fn register(metrics: &telemetry::Metrics) -> Self {
        Self {
            calls: metrics.counter_vec("calls_total", "Answered calls", &["call", "outcome"]),
            seconds: metrics.histogram_vec("call_seconds", "Time of one call", &["call"], &SECONDS),
            returned: metrics.counter("parcels_returned_total", "Parcels that nobody took in time"),
        }
    }

    /// Counts for nobody: for tests.
    pub fn unregistered() -> Result<Self, prometheus::Error> {
        Ok(Self {
            calls: IntCounterVec::new(Opts::new("calls_total", "calls"), &["call", "outcome"])?,
            seconds: HistogramVec::new(HistogramOpts::new("call_seconds", "seconds"), &["call"])?,
            returned: IntCounter::new("parcels_returned_total", "parcels")?,
        })
    }
}

/// The bank over any store.
pub struct Bank {
    store: Arc<dyn Store>,
    settings: settings::Live<Settings>,
    metrics: Metrics,
    herald: Herald,
    waiting: AtomicUsize,
}

/// Counts a waiting request for as long as it lives.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Bank {
    /// Over this store; it tells nobody.
    pub fn new(store: Arc<dyn Store>, settings: settings::Live<Settings>, metrics: Metrics) -> Self {
        let (herald, _) = Herald::new();
        Self { store, settings, metrics, herald, waiting: AtomicUsize::new(0) }
    }

    /// The same with a herald for players who are online.
    pub fn with_herald(self, herald: Herald) -> Self {
        Self { herald, ..self }
    }

    /// What an operator has set.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.settings.get()
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Reply {
        let settings = self.settings.get();
        let call = name(&request);
        let _timer = self.metrics.seconds.with_label_values(&[call]).start_timer();
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        let (outcome, reply) = if before >= settings.requests_max {
            ("busy", Reply::Unavailable)
        } else {
            told(call, self.answer(&settings, request).await)
        };
        self.metrics.calls.with_label_values(&[call, outcome]).inc();
        reply
    }

    async fn answer(&self, settings: &Settings, request: Request) -> Result<Reply, No> {
        let desk = &Desk::new(&*self.store, Duration::from_millis(settings.store_deadline_ms));
        match request {
            Request::LoadCargo { account } => cargo::load(desk, account).await,
            Request::MoveItem(asked) => cargo::move_item(desk, &asked).await,
            Request::DepositGold(asked) => cargo::deposit(desk, &asked).await,
            Request::WithdrawGold(asked) => cargo::withdraw(desk, &asked).await,
            Request::SendParcel(asked) => {
                parcels::send(desk, (settings, &self.herald), &asked, now_ms()).await
            }
            Request::ListParcels { account } => parcels::listed(desk, account).await,
            Request::TakeParcel(asked) => parcels::take(desk, &asked).await,
            Request::DeliverParcels(asked) => parcels::deliver(desk, &asked).await,
            Request::LoadGuildBank { guild } => guild::load(desk, guild).await.map(Reply::GuildBank),
            Request::Guild(asked) => guild::act(desk, settings, &asked, now_ms()).await,
            Request::CashBalance { account } => cash::read(desk, account).await,
            Request::CashCredit(asked) => cash::credit(desk, &asked).await,
            Request::CashDebit(asked) => cash::debit(desk, &asked).await,
            Request::ReturnParcel(asked) => returns::refuse(desk, &self.herald, &asked).await,
            Request::ManageGuild(asked) => {
                let (herald, now_ms) = (&self.herald, now_ms());
                members::Manage { desk, settings, herald, asked: &asked, now_ms }.run().await
            }
            Request::ReadGuildPlace { account, character } => {
                let place = members::place_of(desk, account, character).await?;
                Ok(Reply::GuildPlace(place.ok_or(BankRefusal::NoSuchCharacter)?))
            }
            Request::GuildLog { guild, page } => guild_log::page(desk, guild, page, now_ms()).await,
        }
    }

    /// Sends back what nobody took until that moment, in milliseconds since 1970; how many parcels. Doing it twice,
    /// or in several copies of BISrv at once, is doing it once.
    pub async fn send_back_parcels(&self, until_ms: i64) -> Result<u64, Failure> {
        let desk = Desk::new(&*self.store, SWEEP);
        match returns::send_back(&desk, &self.herald, until_ms).await {
            Ok(count) => {
                self.metrics.returned.inc_by(count);
                Ok(count)
            }
            Err(No::Failed(failure)) => Err(failure),
            Err(no) => Err(Failure::Corrupt(format!("a sweep for parcels was refused: {no:?}"))),
        }
    }

    /// The account of a name.
    pub(crate) async fn account(&self, name: &AccountName) -> Result<Option<AccountId>, Failure> {
        let settings = self.settings.get();
        let desk = Desk::new(&*self.store, Duration::from_millis(settings.store_deadline_ms));
        let key = name.key();
        let found = desk.ask(|| desk.store.find_account(FindAccount { key: key.clone() })).await?;
        Ok(found.map(|account| account.id))
    }
}

/// What the caller is told, and how it is counted.
fn told(call: &'static str, answer: Result<Reply, No>) -> (&'static str, Reply) {
    match answer {
        Ok(Reply::NoSuchAccount) | Err(No::Refused(BankRefusal::NoSuchAccount)) => {
            ("no_account", Reply::NoSuchAccount)
        }
        Ok(reply) => ("ok", reply),
        Err(No::Refused(refusal)) => ("refused", Reply::Refused(refusal)),
        Err(No::Kind(kind)) => ("asked", Reply::KindWanted(kind)),
        Err(No::Failed(failure @ Failure::Unavailable(_))) => {
            tracing::warn!(call, %failure, "a call has no outcome yet");
            ("unavailable", Reply::Unavailable)
        }
        Err(No::Failed(failure @ Failure::Corrupt(_))) => {
            tracing::error!(call, %failure, "a call has no outcome");
            ("corrupt", Reply::Unavailable)
        }
    }
}

fn name(request: &Request) -> &'static str {
    match request {
        Request::LoadCargo { .. } => "load_cargo",
        Request::MoveItem(_) => "move_item",
        Request::DepositGold(_) => "deposit_gold",
        Request::WithdrawGold(_) => "withdraw_gold",
        Request::SendParcel(_) => "send_parcel",
        Request::ListParcels { .. } => "list_parcels",
        Request::TakeParcel(_) => "take_parcel",
        Request::DeliverParcels(_) => "deliver_parcels",
        Request::LoadGuildBank { .. } => "load_guild_bank",
        Request::Guild(_) => "guild",
        Request::CashBalance { .. } => "cash_balance",
        Request::CashCredit(_) => "cash_credit",
        Request::CashDebit(_) => "cash_debit",
        Request::ReturnParcel(_) => "return_parcel",
        Request::GuildLog { .. } => "guild_log",
        Request::ManageGuild(_) => "manage_guild",
        Request::ReadGuildPlace { .. } => "read_guild_place",
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[async_trait]
impl Service for Bank {
    type Request = Request;
    type Reply = Reply;
    type In = ();
    type Out = ();

    async fn call(&self, _peer: &Peer, request: Request) -> Reply {
        self.handle(request).await
    }

    async fn stream(&self, peer: Peer, _stream: Stream<(), ()>) {
        tracing::warn!(peer = %peer.name, "BISrv has no streams");
    }
}
