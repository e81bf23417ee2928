//! The hosts of TSSSrv's market and of BISrv's bank: the production code between simulated networks.
//!
//! All tasks of a host are local ones: a host that dies ends them in the order in which they began. Those of a runtime
//! end in an order that follows from their numbers, which count on from run to run, and so would the last words of
//! their connections.

use super::redis;
use super::store::Remote;
use crate::held;
use crate::net::{self, read, write};
use bisrv::Bank;
use model::calls::bank;
use model::calls::market::{FromNode, Request, ToNode};
use model::membership::ProcessName;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::Store;
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tsssrv::{Auction, Market, Parts};
use turmoil::net::TcpStream;

/// Messages that may wait for a node.
const WAITING_MAX: usize = 64;
/// How often a node that is told nothing is told that the stream lives.
pub const BEAT: Duration = Duration::from_millis(500);
/// A stream on which nothing was heard for so long is dead.
pub const SILENCE: Duration = Duration::from_millis(2_500);
/// An hour of the auction house in simulated time: lots must end within a run.
const HOUR: Duration = Duration::from_millis(4_000);
/// The bank's host.
pub const BANK: &str = "bisrv";

/// Name of a market's host.
pub fn host(index: u16) -> String {
    format!("tsssrv-{index}")
}

/// What a node opens a connection for.
#[derive(Serialize, Deserialize)]
pub enum Asked {
    /// One question, one answer.
    Call(Box<Request>),
    /// The push stream of a node.
    Stream(ProcessName),
}

/// What comes on the push stream.
#[derive(Serialize, Deserialize)]
pub enum Pushed {
    /// Nothing, but it lives.
    Beat,
    /// Something.
    Said(ToNode),
}

/// The market's clock: milliseconds since 1970, and faster than ours.
fn clock() -> i64 {
    let begun = 1_700_000_000_000;
    let hour = 60 * 60 * 1_000;
    begun + turmoil::elapsed().as_millis() as i64 * hour / HOUR.as_millis() as i64
}

/// Runs a market.
pub async fn market(index: u16, coordinators: u16, dice: Arc<Mutex<ChaCha8Rng>>) -> turmoil::Result {
    let store: Arc<dyn Store> = Arc::new(Remote::new(coordinators, index));
    let market = Market::new(Parts {
        store,
        values: Arc::new(redis::Remote),
        auction: Auction { lots_per_account: 3, ..Auction::default() },
        clock: Arc::new(clock),
        ids: Arc::new(move || held(&dice).random()),
        spawn: Arc::new(|work| drop(spawn_local(work))),
        stop: CancellationToken::new(),
    });
    spawn_local(Arc::clone(&market).watch());
    net::serve(move |stream| serve(Arc::clone(&market), stream)).await
}

async fn serve(market: Arc<Market>, mut stream: TcpStream) -> std::io::Result<()> {
    match read(&mut stream).await? {
        Asked::Call(request) => {
            // as a call of the link: it goes on when nobody waits for it any more
            let reply = spawn_local(async move { market.handle(*request).await });
            write(&mut stream, &reply.await.map_err(std::io::Error::other)?).await
        }
        Asked::Stream(node) => push(market, node, stream).await,
    }
}

async fn push(market: Arc<Market>, node: ProcessName, stream: TcpStream) -> std::io::Result<()> {
    let (mut from, mut to) = stream.into_split();
    let (sender, mut receiver) = mpsc::channel::<ToNode>(WAITING_MAX);
    let number = market
        .connect(node.clone(), Arc::new(move |message: &ToNode| sender.try_send(message.clone()).is_ok()));
    let hearing = Arc::clone(&market);
    let heard = spawn_local(async move {
        while let Ok(Ok(message)) = timeout(SILENCE, read::<FromNode>(&mut from)).await {
            hearing.hear(message).await;
        }
        hearing.disconnect(&node, number);
    });
    loop {
        let pushed = match timeout(BEAT, receiver.recv()).await {
            Ok(Some(message)) => Pushed::Said(message),
            Ok(None) => break,
            Err(_) => Pushed::Beat,
        };
        if write(&mut to, &pushed).await.is_err() {
            break;
        }
    }
    heard.await.map_err(std::io::Error::other)
}

/// Runs a bank.
pub async fn bank(coordinators: u16) -> turmoil::Result {
    let store: Arc<dyn Store> = Arc::new(Remote::new(coordinators, 0));
    let settings = settings::Live::new(bisrv::Settings::default());
    let bank = Arc::new(Bank::new(store, settings, bisrv::Metrics::unregistered()?));
    net::serve(move |mut stream: TcpStream| {
        let bank = Arc::clone(&bank);
        async move {
            let request: bank::Request = read(&mut stream).await?;
            let reply = spawn_local(async move { bank.handle(request).await });
            write(&mut stream, &reply.await.map_err(std::io::Error::other)?).await
        }
    })
    .await
}
