//! Players who give each other items and gold all the time, over all shards, by several processes.

use async_trait::async_trait;
use model::ledger::Actor;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::Store;
use store::testing::stage::economy::{Player, born, paid, transfer};
use store::two_phase::{Attempt, Died, Step, Steps};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(120);

/// Dies at one of its steps now and then.
pub struct Dies;

#[async_trait]
impl Steps for Dies {
    async fn before(&self, _: &Attempt, _: Step) -> Result<(), Died> {
        if rand::random_range(0..60) == 0 { Err(Died) } else { Ok(()) }
    }
}

#[derive(Default)]
struct Shared {
    done: AtomicUsize,
    over: AtomicBool,
}

pub struct Trades {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

impl Trades {
    /// So many pairs of players; what they want goes through the stores in turn.
    pub async fn begin(stores: Vec<Arc<dyn Store>>, pairs: usize) -> Self {
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let shared = Arc::new(Shared::default());
        let stores: Arc<[Arc<dyn Store>]> = stores.into();
        let mut tasks = Vec::new();
        for pair in 0..pairs {
            let players = Player::two(&stores[0]).await;
            let dice = StdRng::seed_from_u64(seed.wrapping_add(pair as u64));
            tasks.push(tokio::spawn(trade(stores.clone(), players, dice, shared.clone())));
        }
        Self { shared, tasks }
    }

    pub fn done(&self) -> usize {
        self.shared.done.load(Ordering::SeqCst)
    }

    /// Waits for so many more.
    pub async fn go_on(&self, count: usize) {
        let (wanted, deadline) = (self.done() + count, Instant::now() + PATIENCE);
        while self.done() < wanted {
            assert!(Instant::now() < deadline, "nothing happens");
            assert!(self.tasks.iter().all(|task| !task.is_finished()), "somebody gave up");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub async fn end(self) {
        self.shared.over.store(true, Ordering::SeqCst);
        for task in self.tasks {
            task.await.unwrap();
        }
    }
}

async fn trade(stores: Arc<[Arc<dyn Store>]>, players: [Player; 2], mut dice: StdRng, shared: Arc<Shared>) {
    let [ana, ben] = &players;
    let mut asked = 0;
    while !shared.over.load(Ordering::SeqCst) {
        let (giver, taker) = if dice.random() { (ana, ben) } else { (ben, ana) };
        let amount = dice.random_range(1..300);
        let moves = match dice.random_range(0..4) {
            0 => vec![paid(amount, giver.purse(), taker.purse())],
            1 => vec![
                paid(amount, giver.mint("found"), giver.purse()),
                born(412, giver.carry(dice.random_range(2..60))).1,
            ],
            2 => vec![paid(amount, giver.purse(), giver.bank())],
            _ => vec![paid(amount, giver.bank(), taker.bank()), paid(1, giver.purse(), giver.burn("tax"))],
        };
        let mut wanted = transfer(&[giver, taker], moves);
        wanted.actor = Actor::Player(giver.account());
        let deadline = Instant::now() + PATIENCE;
        // a refusal is an answer, too
        loop {
            asked += 1;
            match stores[asked % stores.len()].transfer(wanted.clone()).await {
                Ok(_) => break,
                Err(model::calls::database::Failure::Unavailable(why)) => {
                    assert!(Instant::now() < deadline, "held up for too long: {why}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err(corrupt) => panic!("{corrupt}"),
            }
        }
        shared.done.fetch_add(1, Ordering::SeqCst);
    }
}
