//! DBSrv: the production SQL of members, slots, wishes, characters and transfers over one store in memory, and the operator who asks it.

use super::board::SharedBoard;
use super::{DBSRVS, STANDS_AFTER, node_name, town};
use crate::held;
use crate::market::store::Remote;
use crate::net::{self, read, write};
use ::store::Store;
use ::store::testing::InMemory;
use model::calls::cluster::{ClusterReport, CutBy, MakeWish, ReadCluster, Wish};
use model::calls::database::{Failure, Reply, Request};
use rand::seq::IteratorRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::sleep;
use turmoil::net::TcpStream;

/// Milliseconds since 1970 when the simulation begins.
const BEGAN_MS: i64 = 1_700_000_000_000;

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

/// Runs a DBSrv: its memory ends with it, what is stored does not. Of a hundred answers it loses so many.
pub async fn run(
    store: Arc<Mutex<InMemory>>,
    board: SharedBoard,
    lost_percent: u32,
    dice: Arc<Mutex<ChaCha8Rng>>,
) -> turmoil::Result {
    net::serve(move |mut stream: TcpStream| {
        let (store, board, dice) = (store.clone(), board.clone(), dice.clone());
        async move {
            loop {
                let request: Request = read(&mut stream).await?;
                let answered = held(&store).answer(&request);
                let other =
                    || Failure::Corrupt(format!("{} is not part of the simulation", request.operation()));
                let reply = answered.unwrap_or_else(|| Reply::CheckNames(Err(other())));
                held(&board).answered(&request, &reply);
                if held(&dice).random_range(0..100) < lost_percent {
                    return Ok(());
                }
                write(&mut stream, &reply).await?;
            }
        }
    })
    .await
}

/// An operator who wishes this and that, and starts nodes anew, until a time.
pub async fn operate(board: SharedBoard, nodes: u16, until: Duration, seed: u64) -> turmoil::Result {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    let store = Remote::new(DBSRVS, 0);
    sleep(STANDS_AFTER).await;
    loop {
        sleep(Duration::from_millis(dice.random_range(300..2_500))).await;
        if turmoil::sim_elapsed().unwrap_or_default() >= until {
            return Ok(());
        }
        let node = node_name(dice.random_range(1..=nodes));
        if dice.random_range(0..12) == 0 {
            held(&board).to_restart.insert(node);
            continue;
        }
        let zone = town(dice.random_range(0..3));
        let Ok(known) = store.read_cluster(ReadCluster).await else { continue };
        let part = known.wishes.cut.keys().choose(&mut dice).cloned();
        let drained = known.wishes.drained.iter().choose(&mut dice).cloned();
        let somewhere = part.clone().filter(|_| dice.random_bool(0.6)).unwrap_or_else(|| zone.clone());
        let wish = match dice.random_range(0..12) {
            0..3 => Wish::Split { zone: somewhere, by: CutBy::Operator },
            3..5 => Wish::Merge { zone: part.unwrap_or(zone) },
            5..7 => Wish::Move { zone: somewhere, node },
            7 => Wish::Pin { zone: somewhere, node },
            8 => Wish::Rebalance,
            9 => Wish::Unpin { zone: somewhere },
            10 => Wish::Drain { node },
            _ => Wish::Join { node: drained.unwrap_or(node) },
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
