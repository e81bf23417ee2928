//! The market: trades between players, personal shops, the auction house.
//!
//! It owns nothing: items and gold change only by transfers of the store, which decides every race. What is live
//! (offers, shops) lies in [`Values`] and may be lost at any time; lots are records of the store, and the index of
//! them lies in the process. It must never know bytes of the client protocol, nor SQL.

mod auction;
mod lines;
mod shelf;
mod stalls;
mod store;
mod trade;
mod watch;

pub(crate) use auction::{SiteDone, SiteOrder, SiteWish};
pub use lines::Push;
pub(crate) use shelf::MARKET_KEYS;

use crate::settings::Auction;
use crate::values::{PutFailure, Unanswered, Values};
use ::store::Store;
use auction::Index;
use lines::Lines;
use model::TradeId;
use model::calls::market::{MarketRefusal, Reply, Request};
use parking_lot::Mutex;
use shelf::Shelf;
use std::collections::HashSet;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::Ledgered;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How often a step is tried again because somebody else changed the same.
const TRIES: usize = 32;
/// How long a call waits for the store: below the deadline of calls.
const PATIENCE: Duration = Duration::from_millis(2_000);

/// See the module.
pub struct Market {
    shelf: Shelf,
    ledgered: Ledgered,
    auction: Auction,
    lines: Lines,
    index: Mutex<Index>,
    /// False until the index was read once from the store.
    is_indexed: AtomicBool,
    settling: Mutex<HashSet<TradeId>>,
    tasks: TaskTracker,
    spawn: Spawn,
    clock: Clock,
    ids: Ids,
}

/// Milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Makes numbers that nobody has made before: ids of trades, and of the house's own transfers.
pub type Ids = Arc<dyn Fn() -> u128 + Send + Sync>;

/// Runs something beside the calls.
pub type Spawn = Arc<dyn Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync>;

/// What a market is made of.
pub struct Parts {
    /// Where items and gold are.
    pub store: Arc<dyn Store>,
    /// Where what is live is.
    pub values: Arc<dyn Values>,
    /// Rules of the auction house.
    pub auction: Auction,
    /// By what lots end.
    pub clock: Clock,
    /// By what it names what it begins.
    pub ids: Ids,
    /// By what it ends what is decided.
    pub spawn: Spawn,
    /// Ends it.
    pub stop: CancellationToken,
}

/// A reply that ends the work early: a refusal, or nobody answered.
pub(crate) enum Early {
    /// Nobody knows; ask again.
    Unavailable,
    /// It is not done.
    Refused(MarketRefusal),
}

type Answer = Result<Reply, Early>;

fn unanswered(error: &dyn std::fmt::Display) -> Early {
    tracing::warn!(%error, "the market is not answered");
    Early::Unavailable
}

impl From<Unanswered> for Early {
    fn from(error: Unanswered) -> Self {
        unanswered(&error)
    }
}

impl From<PutFailure> for Early {
    fn from(error: PutFailure) -> Self {
        unanswered(&error)
    }
}

impl From<model::calls::database::Failure> for Early {
    fn from(error: model::calls::database::Failure) -> Self {
        unanswered(&error)
    }
}

impl From<store::Unknown> for Early {
    fn from(store::Unknown: store::Unknown) -> Self {
        Self::Unavailable
    }
}

impl From<MarketRefusal> for Early {
    fn from(refusal: MarketRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The clock of this machine.
pub fn wall_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

/// Ids by chance.
pub fn random_ids() -> Ids {
    Arc::new(rand::random::<u128>)
}

/// Tasks of the runtime.
pub fn tokio_tasks() -> Spawn {
    Arc::new(|work| drop(tokio::spawn(work)))
}

impl Market {
    /// With nothing begun.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts { store, values, auction, clock, ids, spawn, stop } = parts;
        Arc::new(Self {
            shelf: Shelf(values),
            ledgered: Ledgered { store, stop },
            auction,
            lines: Lines::default(),
            index: Mutex::new(Index::default()),
            is_indexed: AtomicBool::new(false),
            settling: Mutex::new(HashSet::new()),
            tasks: TaskTracker::new(),
            spawn,
            clock,
            ids,
        })
    }

    /// Where items and gold are.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.ledgered.store
    }

    fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// Answers one request.
    pub async fn handle(self: &Arc<Self>, request: Request) -> Reply {
        match self.perform(request).await {
            Ok(reply) => reply,
            Err(Early::Unavailable) => Reply::Unavailable,
            Err(Early::Refused(refusal)) => Reply::Refused(refusal),
        }
    }

    async fn perform(self: &Arc<Self>, request: Request) -> Answer {
        match request {
            Request::OfferTrade(asked) => self.offer_trade(&asked).await,
            Request::CancelTrade(asked) => self.cancel_trade(asked).await,
            Request::ReadTrade(asked) => self.read_trade(asked).await,
            Request::OpenStall(asked) => self.open_stall(asked).await,
            Request::CloseStall { owner } => self.close_stall(owner).await,
            Request::ReadStall { owner } => self.read_stall(owner).await,
            Request::BuyFromStall(asked) => self.buy_from_stall(&asked).await,
            Request::ListLot(asked) => self.list_lot(&asked).await,
            Request::BidOnLot(asked) => self.bid_on_lot(&asked).await,
            Request::BuyOutLot(asked) => self.buy_out_lot(&asked).await,
            Request::CancelLot(asked) => self.cancel_lot(&asked).await,
            Request::SearchLots(asked) => self.search_lots(&asked),
            Request::OwnLots { account } => self.own_lots(account),
            Request::Words(asked) => self.words(asked).await,
            Request::ShowLot { lot } => {
                self.show_lot(&lot).await.map(|lot| Reply::Lots { lots: vec![lot], found: 1 })
            }
            Request::RemoveLot(asked) => self.remove_lot(&asked).await,
        }
    }

    /// Waits until everything that was begun has ended; call it after `stop`.
    pub async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
