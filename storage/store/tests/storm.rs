//! Names across shards while the databases are killed: whoever dies when, in the end every name belongs to
//! exactly one character, every character has its name, and every answer that was given holds.

#![allow(clippy::unwrap_used)]

use model::calls::database::{CreateCharacter, DeleteCharacter, Failure, NoSuchCharacter};
use model::{Account, AccountId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use store::testing::{PgServer, postgres_wanted, stage};
use store::{Dsn, Postgres, PostgresOptions, Store};

const PLAYERS: usize = 8;
const NAMES: usize = 5;
const KILLS: usize = 8;
/// Answers between two kills.
const CALM: usize = 60;

async fn open(dsns: &[String; 2]) -> Arc<dyn Store> {
    let shards = dsns.iter().map(|dsn| Dsn::parse(dsn).unwrap()).collect();
    // so short that reservations of living operations expire too
    let options = PostgresOptions { reservation: Duration::from_millis(30), ..PostgresOptions::new(shards) };
    Arc::new(Postgres::open(options).await.unwrap())
}

/// Repeats an operation until the store says what came of it, as the remote client does.
async fn insist<T, F: Future<Output = Result<T, Failure>>>(ask: impl Fn() -> F) -> T {
    loop {
        match ask().await {
            Ok(outcome) => return outcome,
            Err(Failure::Unavailable(_)) => tokio::task::yield_now().await,
            Err(corrupt) => panic!("{corrupt}"),
        }
    }
}

struct Play {
    store: Arc<dyn Store>,
    names: Vec<String>,
    answers: AtomicUsize,
    over: AtomicBool,
}

/// Creates and deletes its one character in slot 0 under a few names that everybody wants; the name that it
/// has in the end.
async fn play(stage: Arc<Play>, account: AccountId, player: usize) -> Option<String> {
    let mut mine: Option<String> = None;
    let mut turn = player;
    while !stage.over.load(Ordering::Relaxed) {
        turn += 1;
        match mine.take() {
            None => {
                let name = &stage.names[turn % NAMES];
                let character = stage::character(account, 0, name);
                let request = CreateCharacter { operation: stage::operation(), character };
                if insist(|| stage.store.create_character(request.clone())).await.is_ok() {
                    mine = Some(name.clone());
                }
            }
            Some(name) => {
                let (operation, key) = (stage::operation(), name.to_lowercase());
                let request = DeleteCharacter { operation, account, slot: 0, key };
                if insist(|| stage.store.delete_character(request.clone())).await == Err(NoSuchCharacter) {
                    // somebody settled this deletion because it took too long: the character lives
                    mine = Some(name);
                }
            }
        }
        stage.answers.fetch_add(1, Ordering::Relaxed);
    }
    mine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_survive_the_death_of_any_database() {
    if !postgres_wanted() {
        return;
    }
    let mut servers = [PgServer::start(), PgServer::start()];
    let dsns = [servers[0].create_database("wyd"), servers[1].create_database("wyd")];
    let store = open(&dsns).await;
    let mut players: Vec<Account> = Vec::new();
    for _ in 0..PLAYERS {
        players.push(stage::registered(&store).await);
    }
    let names = (0..NAMES).map(|_| stage::name()).collect();
    let play_of = Play { store, names, answers: AtomicUsize::new(0), over: AtomicBool::new(false) };
    let shared = Arc::new(play_of);
    let playing: Vec<_> = players
        .iter()
        .enumerate()
        .map(|(index, account)| tokio::spawn(play(shared.clone(), account.id, index)))
        .collect();
    for kill in 0..KILLS {
        let before = shared.answers.load(Ordering::Relaxed);
        stage::until("the players go on", async || shared.answers.load(Ordering::Relaxed) >= before + CALM)
            .await;
        let victim = &mut servers[kill % 2];
        tokio::task::block_in_place(|| {
            victim.kill();
            victim.resume();
        });
    }
    let before = shared.answers.load(Ordering::Relaxed);
    stage::until("the players go on", async || shared.answers.load(Ordering::Relaxed) >= before + CALM).await;
    shared.over.store(true, Ordering::Relaxed);
    let mut believed = HashMap::new();
    for (account, playing) in players.iter().zip(playing) {
        believed.insert(account.id, playing.await.unwrap());
    }
    eprintln!("{} answers, {KILLS} kills", shared.answers.load(Ordering::Relaxed));

    let store = &shared.store;
    let mut owners = HashSet::new();
    for account in &players {
        let characters = stage::listed(store, account.id).await;
        let names: Vec<_> = characters.iter().map(|character| character.name.as_str().to_owned()).collect();
        let believes: Vec<_> = believed[&account.id].iter().cloned().collect();
        assert_eq!(names, believes, "a player has what it was told");
        for character in characters {
            assert!(owners.insert(character.name.key()), "{} lives twice", character.name);
            let sql = format!("SELECT id FROM names WHERE kind = 2 AND key = '{}'", character.name.key());
            assert_eq!(
                servers[0].psql("wyd", &sql),
                character.id.0.to_string(),
                "{} has its name",
                character.name
            );
        }
    }
    // a name that nobody has is free, whatever was left behind, once its reservation is over
    let spare = stage::registered(store).await;
    for name in shared.names.iter().filter(|name| !owners.contains(&name.to_lowercase())) {
        stage::until("the name is free", async || {
            let request = CreateCharacter {
                operation: stage::operation(),
                character: stage::character(spare.id, 0, name),
            };
            store.create_character(request).await.unwrap().is_ok()
        })
        .await;
        let request = DeleteCharacter {
            operation: stage::operation(),
            account: spare.id,
            slot: 0,
            key: name.to_lowercase(),
        };
        store.delete_character(request).await.unwrap().unwrap();
    }
    let report = store::fsck::run(store.as_ref()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.checked.findings);
    assert!(report.checked.entries > 100, "{} entries", report.checked.entries);
}
