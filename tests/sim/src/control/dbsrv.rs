//! DBSrv: the production SQL of members, slots, wishes, characters and transfers over one store in memory, and the operator who asks it.

use super::board::SharedBoard;
use super::{DBSRVS, STANDS_AFTER, node_name, town};
use crate::held;
use crate::market::store::Remote;
use crate::net::{self, read, write};
use ::store::Store;
use ::store::testing::InMemory;
use model::calls::cluster::{ClusterReport, CutBy, MakeWish, ReadCluster, Wish, Wishes};
use model::calls::database::{Failure, Reply, Request};
use model::membership::ProcessName;
use rand::seq::IteratorRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;
use turmoil::net::TcpStream;

/// Milliseconds since 1970 when the simulation begins.
const BEGAN_MS: i64 = 1_700_000_000_000;
/// How late a request or an answer may be: longer than anybody waits for it, and than a lease.
const LATE_MS: std::ops::Range<u64> = 50..6_000;

/// An empty store, on the clock of the board.
pub fn store(board: SharedBoard) -> Result<InMemory, Failure> {
    InMemory::new(move || BEGAN_MS + held(&board).arbiter_ms())
}

/// What the operator would be told of the cluster now.
pub fn report(store: &InMemory) -> Option<ClusterReport> {
    match store.answer(&Request::ReadCluster(ReadCluster)) {
        Some(Reply::ReadCluster(Ok(report))) => Some(report),
        _ => None,
    }
}

/// How badly DBSrv serves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Service {
    /// Of a hundred answers so many are lost.
    pub lost_percent: u32,
    /// Of a hundred requests so many are done late, and as many answered late: after others that came later, when who asked has given
    /// up, asked somebody else, or died.
    pub late_percent: u32,
    /// When it is late, in simulated time.
    pub from: Duration,
    /// Until when.
    pub until: Duration,
}

impl Service {
    async fn is_late(&self, dice: &Mutex<ChaCha8Rng>) {
        let late = {
            let mut dice = held(dice);
            let is_late = dice.random_range(0..100) < self.late_percent;
            Duration::from_millis(if is_late { dice.random_range(LATE_MS) } else { 0 })
        };
        let now = turmoil::sim_elapsed().unwrap_or_default();
        let left = if now < self.from { Duration::ZERO } else { self.until.saturating_sub(now) };
        if !late.min(left).is_zero() {
            sleep(late.min(left)).await;
        }
    }

    fn loses(&self, dice: &Mutex<ChaCha8Rng>) -> bool {
        held(dice).random_range(0..100) < self.lost_percent
    }
}

/// Runs a DBSrv: its memory ends with it, what is stored does not.
pub async fn run(
    store: Arc<Mutex<InMemory>>,
    board: SharedBoard,
    service: Service,
    dice: Arc<Mutex<ChaCha8Rng>>,
) -> turmoil::Result {
    net::serve(move |mut stream: TcpStream| {
        let (store, board, dice) = (store.clone(), board.clone(), dice.clone());
        async move {
            loop {
                let request: Request = read(&mut stream).await?;
                service.is_late(&dice).await;
                let answered = held(&store).answer(&request);
                let other =
                    || Failure::Corrupt(format!("{} is not part of the simulation", request.operation()));
                let reply = answered.unwrap_or_else(|| Reply::CheckNames(Err(other())));
                held(&board).answered(&request, &reply);
                if service.loses(&dice) {
                    return Ok(());
                }
                service.is_late(&dice).await;
                write(&mut stream, &reply).await?;
            }
        }
    })
    .await
}

/// An operator who wishes this and that, and starts nodes anew, until a time. Some cut one zone and join it again, all the time.
pub async fn operate(board: SharedBoard, nodes: u16, until: Duration, seed: u64) -> turmoil::Result {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let store = Remote::new(DBSRVS, 0);
    let restless = dice.random_bool(0.4).then(|| town(dice.random_range(0..3)));
    let pause_ms = if restless.is_some() { 200..1_200 } else { 300..2_500 };
    sleep(STANDS_AFTER).await;
    loop {
        sleep(Duration::from_millis(dice.random_range(pause_ms.clone()))).await;
        if turmoil::sim_elapsed().unwrap_or_default() >= until {
            return Ok(());
        }
        let node = node_name(dice.random_range(1..=nodes));
        if dice.random_range(0..12) == 0 {
            held(&board).to_restart.insert(node);
            continue;
        }
        let Ok(known) = store.read_cluster(ReadCluster).await else { continue };
        let wish = match &restless {
            Some(zone) if dice.random_bool(0.8) => wishes_again(zone, node, &known.wishes, &mut dice),
            _ => wishes_this_or_that(node, &known.wishes, &mut dice),
        };
        let text = wish.to_string();
        let made = store.make_wish(MakeWish { by: "sim".to_owned(), wish }).await;
        let became = match &made {
            Ok(Ok(granted)) if granted.changed => "granted",
            Ok(Ok(_)) => "so already",
            Ok(Err(_)) => "refused",
            Err(_) => "unanswered",
        };
        let mut board = held(&board);
        board.trace.note(format_args!("{} the operator wishes {text}: {became}", super::board::now_ms()));
    }
}

/// Cuts a zone, moves the part, joins it, and cuts it again.
fn wishes_again(zone: &str, node: ProcessName, wishes: &Wishes, dice: &mut ChaCha8Rng) -> Wish {
    let part = wishes.cut.keys().filter(|part| part.starts_with(zone)).choose(dice).cloned();
    match part {
        None => Wish::Split { zone: zone.to_owned(), by: CutBy::Operator },
        Some(part) if dice.random_bool(0.4) => Wish::Move { zone: part, node },
        Some(part) => Wish::Merge { zone: part },
    }
}

fn wishes_this_or_that(node: ProcessName, wishes: &Wishes, dice: &mut ChaCha8Rng) -> Wish {
    let zone = town(dice.random_range(0..3));
    let part = wishes.cut.keys().choose(dice).cloned();
    let drained = wishes.drained.iter().choose(dice).cloned();
    let somewhere = part.clone().filter(|_| dice.random_bool(0.6)).unwrap_or_else(|| zone.clone());
    match dice.random_range(0..12) {
        0..3 => Wish::Split { zone: somewhere, by: CutBy::Operator },
        3..5 => Wish::Merge { zone: part.unwrap_or(zone) },
        5..7 => Wish::Move { zone: somewhere, node },
        7 => Wish::Pin { zone: somewhere, node },
        8 => Wish::Rebalance,
        9 => Wish::Unpin { zone: somewhere },
        10 => Wish::Drain { node },
        _ => Wish::Join { node: drained.unwrap_or(node) },
    }
}
