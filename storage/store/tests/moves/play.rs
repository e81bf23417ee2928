//! Players who write all the time, and know what they were told.

use model::calls::database::{
    ChangeGold, CreateCharacter, DeleteCharacter, Failure, LoadCharacter, SaveCharacters, SaveOutcome,
};
use model::membership::ProcessName;
use model::{AccountId, Character, Epoch};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::testing::stage;
use store::{Postgres, Store};
use tokio::task::JoinHandle;

/// How long players may be held up.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Shared {
    answers: AtomicUsize,
    over: AtomicBool,
    slowest_us: AtomicUsize,
}

/// What a player believes.
struct Believed {
    account: AccountId,
    hero: Option<(Character, i64, u16)>,
}

pub struct Play {
    store: Arc<dyn Store>,
    shared: Arc<Shared>,
    players: Vec<JoinHandle<Believed>>,
}

/// Repeats an operation until the store says what came of it, as the remote client does.
async fn insist<T, F: Future<Output = Result<T, Failure>>>(ask: impl Fn() -> F) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match ask().await {
            Ok(outcome) => return outcome,
            Err(Failure::Unavailable(why)) => {
                assert!(Instant::now() < deadline, "held up for too long: {why}")
            }
            Err(corrupt) => panic!("{corrupt}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Play {
    /// So many players, spread over the stores of some processes.
    pub async fn begin(stores: &[Arc<Postgres>], players: usize) -> Self {
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let shared = Arc::new(Shared::default());
        let mut tasks = Vec::new();
        for player in 0..players {
            let store: Arc<dyn Store> = stores[player % stores.len()].clone();
            let dice = StdRng::seed_from_u64(seed.wrapping_add(player as u64));
            let account = stage::registered(&store).await.id;
            tasks.push(tokio::spawn(play(store, shared.clone(), dice, account)));
        }
        Self { store: stores[0].clone(), shared, players: tasks }
    }

    /// Waits for so many answers.
    pub async fn goes_on(&self, count: usize) {
        let wanted = self.shared.answers.load(Ordering::SeqCst) + count;
        let deadline = Instant::now() + PATIENCE;
        while self.shared.answers.load(Ordering::SeqCst) < wanted {
            let stuck = self.players.iter().filter(|player| player.is_finished()).count();
            assert!(stuck == 0 && Instant::now() < deadline, "{stuck} players ended, the others wait");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Everybody has what he was told, and nothing is wrong in the whole store.
    pub async fn end_and_check(self) {
        self.shared.over.store(true, Ordering::SeqCst);
        for player in self.players {
            let believed = player.await.unwrap();
            let stored = stage::listed(&self.store, believed.account).await;
            let stored: Vec<_> =
                stored.iter().map(|hero| (hero.id, hero.hard.gold, hero.soft.tile.x)).collect();
            let believed: Vec<_> = believed.hero.iter().map(|(hero, gold, x)| (hero.id, *gold, *x)).collect();
            assert_eq!(stored, believed);
        }
        let report = store::fsck::run(self.store.as_ref()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.checked.findings);
        eprintln!(
            "{} answers, the slowest after {} ms; {} entries, {} operations",
            self.shared.answers.load(Ordering::SeqCst),
            self.shared.slowest_us.load(Ordering::SeqCst) / 1_000,
            report.checked.entries,
            report.checked.operations
        );
    }
}

async fn play(store: Arc<dyn Store>, shared: Arc<Shared>, mut dice: StdRng, account: AccountId) -> Believed {
    let mut hero: Option<(Character, i64, u16)> = None;
    let mut epoch = Epoch(0);
    while !shared.over.load(Ordering::SeqCst) {
        let since = Instant::now();
        match &mut hero {
            None => {
                let new = stage::character(account, 0, &stage::name());
                let request = CreateCharacter { operation: stage::operation(), character: new.clone() };
                insist(|| store.create_character(request.clone())).await.unwrap();
                epoch = load(&store, &new).await;
                let x = new.soft.tile.x;
                hero = Some((new, 1_000, x));
            }
            Some((character, gold, x)) => match dice.random_range(0..20) {
                0 => {
                    let (operation, key) = (stage::operation(), character.name.key());
                    let request = DeleteCharacter { operation, account, slot: 0, key };
                    insist(|| store.delete_character(request.clone())).await.unwrap();
                    hero = None;
                }
                1..4 => epoch = load(&store, character).await,
                4..10 => {
                    let to = dice.random_range(1..4_000);
                    let saves = SaveCharacters { saves: vec![stage::save_at(character, epoch, to)] };
                    loop {
                        match insist(|| store.save_characters(saves.clone())).await[0] {
                            SaveOutcome::Saved => break,
                            SaveOutcome::Stale => panic!("nobody else has it"),
                            SaveOutcome::Unavailable => tokio::time::sleep(Duration::from_millis(5)).await,
                        }
                    }
                    *x = to;
                }
                _ => {
                    let (delta, operation) = (dice.random_range(-400..500), stage::operation());
                    let (character, reason) = (character.id, "portal".to_owned());
                    let pay = ChangeGold { operation, account, character, epoch, delta, reason };
                    if let Ok(left) = insist(|| store.change_gold(pay.clone())).await {
                        *gold += delta;
                        assert_eq!(left, *gold);
                    }
                }
            },
        }
        shared.answers.fetch_add(1, Ordering::SeqCst);
        shared.slowest_us.fetch_max(since.elapsed().as_micros() as usize, Ordering::SeqCst);
    }
    Believed { account, hero }
}

async fn load(store: &Arc<dyn Store>, hero: &Character) -> Epoch {
    let owner = ProcessName("tmsrv-1".into());
    let request = LoadCharacter { account: hero.account, character: hero.id, owner };
    insist(|| store.load_character(request.clone())).await.unwrap().epoch
}
