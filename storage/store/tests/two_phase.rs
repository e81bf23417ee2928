//! What happens on several shards happens on all of them or on none: coordinators and shards die at every step, and
//! other processes go on.

#![allow(clippy::unwrap_used)]

#[path = "two_phase/undo.rs"]
mod undo;

use async_trait::async_trait;
use model::calls::database::{AccountChange, ChangeAccount, Failure, TransferRefusal};
use model::item::Item;
use model::ledger::Actor;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use store::testing::stage::economy::{Outcome, Player, done, moved, paid, surely, transfer};
use store::testing::{PgServer, postgres_wanted, stage};
use store::two_phase::{Attempt, Died, Rules, Step, Steps};
use store::{Dsn, OpenError, Postgres, PostgresOptions, Store};

/// Leaves the test out when the operator asked for it.
macro_rules! or_skip {
    () => {
        if !postgres_wanted() {
            return;
        }
    };
}

/// Nothing is left to a coordinator that lives.
const IMPATIENT: Rules = Rules { in_doubt_ms: 0, retention_ms: 0 };

const STEPS: [Step; 9] = [
    Step::Execute(0),
    Step::Execute(1),
    Step::Open,
    Step::Prepare(0),
    Step::Prepare(1),
    Step::Decide,
    Step::Commit(0),
    Step::Commit(1),
    Step::Answer,
];

fn options(dsns: &[String]) -> PostgresOptions {
    PostgresOptions::new(dsns.iter().map(|dsn| Dsn::parse(dsn).unwrap()).collect())
}

async fn open(dsns: &[String]) -> Arc<Postgres> {
    Arc::new(Postgres::open(options(dsns)).await.unwrap())
}

/// Ends what was left, whoever left it.
async fn recovered(postgres: &Postgres) {
    stage::until("nothing is in doubt", async || {
        let round = postgres.recover_by(IMPATIENT).await;
        round.in_doubt == 0 && round.away.is_empty()
    })
    .await;
}

/// Dies before a step, as a process would.
struct DiesAt(Step);

#[async_trait]
impl Steps for DiesAt {
    async fn before(&self, _: &Attempt, step: Step) -> Result<(), Died> {
        if step == self.0 { Err(Died) } else { Ok(()) }
    }
}

/// Databases of one cluster, by the shard.
struct Cluster {
    servers: Vec<PgServer>,
    dsns: Vec<String>,
}

impl Cluster {
    /// On one server.
    fn small(shards: usize) -> Self {
        let server = PgServer::start();
        let dsns = (0..shards).map(|shard| server.create_database(&format!("shard{shard}"))).collect();
        Self { servers: vec![server], dsns }
    }

    fn shard_of(&self, player: &Player) -> usize {
        let sql = format!("SELECT count(*) FROM accounts WHERE id = {}", player.account().0);
        let holds = |shard: &usize| match self.servers.as_slice() {
            [one] => one.psql(&format!("shard{shard}"), &sql) == "1",
            servers => servers[*shard].psql("wyd", &sql) == "1",
        };
        (0..self.dsns.len()).find(holds).unwrap()
    }

    /// A player on the first shard and one on the second.
    async fn pair(&self, store: &Arc<dyn Store>) -> [Player; 2] {
        let mut found = [None, None];
        for _ in 0..200 {
            let player = Player::new(store).await;
            let shard = self.shard_of(&player);
            found[shard].get_or_insert(player);
            if let [Some(first), Some(second)] = &found {
                return [first.clone(), second.clone()];
            }
        }
        panic!("200 players are all on one shard");
    }
}

/// Ana gives her first potion, and Ben pays 100 for it.
fn sale(ana: &Player, ben: &Player) -> model::transfer::Transfer {
    let goods = moved(ana.potion(0), ana.carry(0), ben.carry(5));
    transfer(&[ana, ben], vec![goods, paid(100, ben.purse(), ana.purse())])
}

/// Whether the sale happened; it happened on both sides or on none.
async fn is_sold(store: &Arc<dyn Store>, ana: &Player, ben: &Player) -> bool {
    let (a, b) = (ana.now(store).await, ben.now(store).await);
    let potion: Option<Item> = Some(ana.potion(0));
    match (a.carry[0], b.carry[5], a.hard.gold, b.hard.gold) {
        (None, there, 1_100, 900) if there == potion => true,
        (here, None, 1_000, 1_000) if here == potion => false,
        half => panic!("half done: {half:?}"),
    }
}

async fn clean(store: &Arc<dyn Store>) {
    let report = store::fsck::run(store.as_ref()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.checked.findings);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_a_coordinator_dies_another_process_finds_one_outcome() {
    or_skip!();
    let cluster = Cluster::small(2);
    let other = open(&cluster.dsns).await;
    let store: Arc<dyn Store> = other.clone();
    for step in STEPS {
        let [ana, ben] = cluster.pair(&store).await;
        let sale = sale(&ana, &ben);
        let dying = Postgres::open(options(&cluster.dsns)).await.unwrap().watched_by(Arc::new(DiesAt(step)));
        let answer = dying.transfer(sale.clone()).await;
        assert!(matches!(answer, Err(Failure::Unavailable(_))), "{step:?}: {answer:?}");
        drop(dying);
        let decided = matches!(step, Step::Commit(_) | Step::Answer);
        if step == Step::Commit(1) {
            // the repeat comes before the recoverer, and waits for it
            let (repeat, ()) = tokio::join!(done(&store, &sale), recovered(&other));
            assert!(repeat.is_ok(), "{repeat:?}");
        }
        recovered(&other).await;
        assert_eq!(is_sold(&store, &ana, &ben).await, decided, "{step:?}: what is decided is done");
        let first = surely(&store, &sale).await;
        assert!(is_sold(&store, &ana, &ben).await, "{step:?}");
        assert_eq!(surely(&store, &sale).await, first, "{step:?}: one outcome");
        assert_eq!(first.balance(&ana.purse().account), Some(1_100));
    }
    other.recover_by(IMPATIENT).await;
    assert_eq!(cluster.servers[0].psql("shard0", "SELECT count(*) FROM decisions"), "0");
    clean(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_while_the_first_is_in_doubt_is_told_to_come_again() {
    or_skip!();
    let cluster = Cluster::small(2);
    let other = open(&cluster.dsns).await;
    let store: Arc<dyn Store> = other.clone();
    let [ana, ben] = cluster.pair(&store).await;
    let sale = sale(&ana, &ben);
    let mut patience = options(&cluster.dsns);
    patience.transaction_timeout = std::time::Duration::from_millis(300);
    let dying = Postgres::open(patience).await.unwrap().watched_by(Arc::new(DiesAt(Step::Decide)));
    dying.transfer(sale.clone()).await.unwrap_err();
    let again = dying.transfer(sale.clone()).await;
    assert!(matches!(again, Err(Failure::Unavailable(_))), "{again:?}");
    assert_eq!(other.recover_once().await.rolled_back, 0, "it is young: its coordinator may live");
    let ended = AtomicUsize::new(0);
    stage::until("both parts are old", async || {
        let round = other.recover_once().await;
        ended.fetch_add(round.rolled_back, Ordering::Relaxed) + round.rolled_back == 2
    })
    .await;
    assert!(!is_sold(&store, &ana, &ben).await);
    surely(&store, &sale).await;
    assert!(is_sold(&store, &ana, &ben).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_on_any_shard_leaves_nothing_and_is_repeated() {
    or_skip!();
    let cluster = Cluster::small(2);
    let store: Arc<dyn Store> = open(&cluster.dsns).await;
    let [ana, ben] = cluster.pair(&store).await;
    for (from, to) in [(&ana, &ben), (&ben, &ana)] {
        let goods = moved(from.potion(0), from.carry(0), to.carry(1));
        let dear = transfer(&[from, to], vec![goods, paid(5_000, to.purse(), from.purse())]);
        let refused = done(&store, &dear).await;
        assert!(refused.is_err(), "{refused:?}");
        surely(&store, &from.does(vec![paid(1, from.mint("test"), from.purse())])).await;
        assert_eq!(done(&store, &dear).await, refused);
        assert_eq!(from.now(&store).await.carry[0], Some(from.potion(0)));
    }
    // whose account is frozen does nothing, though nothing of it is touched
    let change = AccountChange::Frozen(Some("test".into()));
    assert_eq!(store.change_account(ChangeAccount { account: ben.account(), change }).await, Ok(true));
    let mut foreign = ana.does(vec![paid(1, ana.purse(), ana.burn("test"))]);
    foreign.actor = Actor::Player(ben.account());
    let before = ana.now(&store).await.hard.gold;
    assert_eq!(done(&store, &foreign).await, Err(TransferRefusal::Frozen(ben.account())));
    assert_eq!(ana.now(&store).await.hard.gold, before);
    clean(&store).await;
}

/// Kills a server before a step.
struct Kills {
    servers: Arc<Mutex<Vec<PgServer>>>,
    victim: usize,
    at: Step,
}

#[async_trait]
impl Steps for Kills {
    async fn before(&self, _: &Attempt, step: Step) -> Result<(), Died> {
        if step == self.at {
            tokio::task::block_in_place(|| self.servers.lock()[self.victim].kill());
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_a_shard_dies_nothing_is_half_done() {
    or_skip!();
    let servers = vec![PgServer::start(), PgServer::start()];
    let dsns: Vec<String> = servers.iter().map(|server| server.create_database("wyd")).collect();
    let mut cluster = Cluster { servers, dsns };
    let dsns = cluster.dsns.clone();
    let other = open(&dsns).await;
    let store: Arc<dyn Store> = other.clone();
    let mut pairs = Vec::new();
    for _ in 0..2 * STEPS.len() {
        pairs.push(cluster.pair(&store).await);
    }
    let shared = Arc::new(Mutex::new(std::mem::take(&mut cluster.servers)));
    let mut acknowledged = 0;
    // the first server has the decisions, too
    for (victim, at) in [0, 1].into_iter().flat_map(|victim| STEPS.map(|step| (victim, step))) {
        let [ana, ben] = pairs.pop().unwrap();
        let sale = sale(&ana, &ben);
        let kills = Kills { servers: shared.clone(), victim, at };
        let coordinator = Postgres::open(options(&dsns)).await.unwrap().watched_by(Arc::new(kills));
        let answer: Result<Outcome, Failure> = coordinator.transfer(sale.clone()).await;
        drop(coordinator);
        if victim == 1 && at == Step::Decide {
            // one is away: the others are recovered, and it is told when it is back
            let round = other.recover_by(IMPATIENT).await;
            assert_eq!((round.away.len(), round.rolled_back), (1, 0), "{round:?}");
        }
        tokio::task::block_in_place(|| shared.lock()[victim].resume());
        recovered(&other).await;
        let sold = is_sold(&store, &ana, &ben).await;
        match answer {
            Ok(outcome) => {
                assert!(outcome.is_ok() && sold, "{victim} {at:?}: acknowledged and gone: {outcome:?}");
                acknowledged += 1;
            }
            Err(failure) => assert!(matches!(failure, Failure::Unavailable(_)), "{victim} {at:?}: {failure}"),
        }
        surely(&store, &sale).await;
        assert!(is_sold(&store, &ana, &ben).await, "{victim} {at:?}");
    }
    // 3 steps after the decision for each victim, and the second shard may die while the first one decides
    assert!(acknowledged >= 6, "{acknowledged} acknowledged");
    clean(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_recoverer_touches_nothing_of_others() {
    or_skip!();
    let cluster = Cluster::small(2);
    let server = &cluster.servers[0];
    let other = open(&cluster.dsns).await;
    let foreign = Attempt { cluster: 7, operation: stage::operation(), number: 1 };
    let names = ["somebody else's", &foreign.gid(0), "wydbr:", &foreign.to_string()];
    for (index, name) in names.iter().enumerate() {
        let quoted = name.replace('\'', "''");
        server.psql("shard0", &format!("BEGIN; CREATE TABLE t{index} (); PREPARE TRANSACTION '{quoted}'"));
    }
    let round = other.recover_by(IMPATIENT).await;
    assert_eq!((round.in_doubt, round.away.len()), (0, 0), "{round:?}");
    assert_eq!(server.psql("shard0", "SELECT count(*) FROM pg_prepared_xacts"), names.len().to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn players_who_give_to_each_other_at_once_both_finish() {
    or_skip!();
    let cluster = Cluster::small(2);
    let stores: [Arc<dyn Store>; 2] = [open(&cluster.dsns).await, open(&cluster.dsns).await];
    let pair = cluster.pair(&stores[0]).await;
    let giving = stage::at_once(2, |side| {
        let (store, pair) = (stores[side].clone(), pair.clone());
        async move {
            let (giver, taker) = (&pair[side], &pair[1 - side]);
            for _ in 0..60 {
                let gift = transfer(&[giver, taker], vec![paid(7, giver.purse(), taker.purse())]);
                surely(&store, &gift).await;
            }
        }
    });
    giving.await;
    for player in &pair {
        assert_eq!(player.now(&stores[0]).await.hard.gold, 1_000);
    }
    clean(&stores[0]).await;
}

/// Dies now and then.
struct Careless(Mutex<StdRng>);

#[async_trait]
impl Steps for Careless {
    async fn before(&self, _: &Attempt, _: Step) -> Result<(), Died> {
        if self.0.lock().random_range(0..60) == 0 { Err(Died) } else { Ok(()) }
    }
}

/// One random deed: gold or an item goes from one player to another.
fn deed(random: &mut StdRng, players: &[Player], heroes: &[model::Character]) -> model::transfer::Transfer {
    let from = random.random_range(0..players.len());
    let to = (from + random.random_range(1..players.len())) % players.len();
    let (giver, taker) = (&players[from], &players[to]);
    let mut moves = vec![paid(random.random_range(1..200), giver.purse(), taker.purse())];
    let carried: Vec<(usize, Item)> = heroes[from]
        .carry
        .iter()
        .enumerate()
        .filter_map(|(slot, item)| item.map(|item| (slot, item)))
        .collect();
    if let Some((slot, item)) = carried.choose(random) {
        let target = random.random_range(0..60);
        moves.push(moved(*item, giver.carry(*slot as u8), taker.carry(target)));
    }
    transfer(&[giver, taker], moves)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_transfers_of_many_at_once_over_three_shards_conserve_everything() {
    or_skip!();
    const PLAYERS: usize = 24;
    const TASKS: usize = 64;
    const DEEDS: usize = 6;
    let seed: u64 = rand::random();
    eprintln!("seed {seed}");
    let cluster = Cluster::small(3);
    let other = open(&cluster.dsns).await;
    let store: Arc<dyn Store> = other.clone();
    let mut players = Vec::new();
    for _ in 0..PLAYERS {
        players.push(Player::new(&store).await);
    }
    let items = |heroes: &[model::Character]| {
        let mut count: BTreeMap<u128, usize> = BTreeMap::new();
        let all = heroes.iter().flat_map(|hero| hero.carry.iter().chain(&hero.equip)).flatten();
        all.for_each(|item| *count.entry(item.id.0).or_default() += 1);
        count
    };
    let before: Vec<_> = players.iter().map(|player| player.hero.clone()).collect();
    let random = Mutex::new(StdRng::seed_from_u64(seed));
    let careless = Postgres::open(options(&cluster.dsns)).await.unwrap();
    let careless: Arc<dyn Store> = Arc::new(careless.watched_by(Arc::new(Careless(random))));

    let over = Arc::new(AtomicBool::new(false));
    let recovering = tokio::spawn({
        let (over, other) = (over.clone(), other.clone());
        async move {
            // old enough that no living coordinator is disturbed all the time
            let rules = Rules { in_doubt_ms: 200, retention_ms: 1_000 };
            let mut ended = 0;
            while !over.load(Ordering::Relaxed) {
                let round = other.recover_by(rules).await;
                ended += round.committed + round.rolled_back;
                tokio::task::yield_now().await;
            }
            ended
        }
    });
    let (players, acknowledged) = (Arc::new(players), Arc::new(AtomicUsize::new(0)));
    stage::at_once(TASKS, |task| {
        let (careless, players, acknowledged) = (careless.clone(), players.clone(), acknowledged.clone());
        async move {
            let mut random = StdRng::seed_from_u64(seed.wrapping_add(task as u64));
            for _ in 0..DEEDS {
                let mut heroes = Vec::new();
                for player in players.iter() {
                    heroes.push(player.now(&careless).await);
                }
                let deed = deed(&mut random, &players, &heroes);
                if done(&careless, &deed).await.is_ok() {
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    })
    .await;
    over.store(true, Ordering::Relaxed);
    let ended = recovering.await.unwrap();
    recovered(&other).await;
    let acknowledged = acknowledged.load(Ordering::Relaxed);
    eprintln!("{acknowledged} acknowledged, {ended} ended by the recoverer");
    assert!(acknowledged > TASKS, "seed {seed}: only {acknowledged} were done");
    let mut after = Vec::new();
    for player in players.iter() {
        after.push(player.now(&store).await);
    }
    assert_eq!(items(&before), items(&after), "seed {seed}: every item is there once");
    let gold = |heroes: &[model::Character]| heroes.iter().map(|hero| hero.hard.gold).sum::<i64>();
    assert_eq!(gold(&before), gold(&after), "seed {seed}");
    clean(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cannot_prepare_is_refused_when_there_are_several_shards() {
    or_skip!();
    let server = PgServer::start_with(&["max_prepared_transactions=0"]);
    let dsns = [server.create_database("a"), server.create_database("b")];
    drop(open(&dsns[..1]).await);
    let fresh = [server.create_database("c"), server.create_database("d")];
    let error = Postgres::open(options(&fresh)).await.err().unwrap();
    assert!(matches!(error, OpenError::Setting { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("`max_prepared_transactions` is 0") && text.contains("expected 64 or more"),
        "{text}"
    );
}
