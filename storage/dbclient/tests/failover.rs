//! Several DBSrv in front of one store: one goes, the calls go on.

#![allow(clippy::unwrap_used)]

use async_trait::async_trait;
use dbclient::RemoteStore;
use link::{Peer, Server, Service, Stream};
use model::calls::database::{Failure, GetAccount, Reply, Request, SaveOutcome};
use model::id::{AccountId, CharacterId, Epoch};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use store::testing::stage;
use store::{Sqlite, Store};
use support::credentials;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The store behind a link, with a count of what was asked.
struct Desk {
    store: Arc<dyn Store>,
    asked: AtomicUsize,
    silent: bool,
}

#[async_trait]
impl Service for Desk {
    type Request = Request;
    type Reply = Reply;
    type In = ();
    type Out = ();

    async fn call(&self, _: &Peer, request: Request) -> Reply {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.silent {
            std::future::pending::<()>().await;
        }
        store::dispatch(self.store.as_ref(), request).await
    }

    async fn stream(&self, _: Peer, _: Stream<(), ()>) {}
}

struct Running {
    address: SocketAddr,
    desk: Arc<Desk>,
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

async fn serve(store: &Arc<dyn Store>, silent: bool) -> Running {
    let server = Server::bind("127.0.0.1:0".parse().unwrap(), credentials("dbsrv-1")).await.unwrap();
    let (address, stop) = (server.local_addr(), CancellationToken::new());
    let desk = Arc::new(Desk { store: store.clone(), asked: AtomicUsize::new(0), silent });
    let ended = tokio::spawn(server.serve(desk.clone(), stop.clone()));
    Running { address, desk, stop, ended }
}

fn sqlite(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&folder.path().join("wydbr.sqlite")).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_dbsrv_stops_the_calls_go_to_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder);
    let (first, second) = (serve(&store, false).await, serve(&store, false).await);
    let remote: Arc<dyn Store> =
        RemoteStore::connect(credentials("nrsrv-1"), vec![first.address, second.address]);
    let account = stage::registered(&remote).await;
    assert_eq!(second.desk.asked.load(Ordering::Relaxed), 0, "one is used at a time");
    first.stop.cancel();
    first.ended.await.unwrap();
    for _ in 0..20 {
        assert_eq!(stage::stored(&remote, account.id).await.as_ref(), Some(&account));
    }
    assert_eq!(second.desk.asked.load(Ordering::Relaxed), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dbsrv_that_hangs_is_left_within_the_deadline() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder);
    let (hung, good) = (serve(&store, true).await, serve(&store, false).await);
    let remote: Arc<dyn Store> =
        RemoteStore::connect(credentials("nrsrv-1"), vec![hung.address, good.address]);
    let account = stage::registered(&remote).await;
    let started = Instant::now();
    assert_eq!(stage::stored(&remote, account.id).await, Some(account), "the good one is remembered");
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(hung.desk.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_there_is_unavailable_in_time_and_found_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder);
    let only = serve(&store, false).await;
    only.stop.cancel();
    only.ended.await.unwrap();
    let remote = RemoteStore::connect(credentials("nrsrv-1"), vec![only.address]);
    let started = Instant::now();
    let answer = remote.get_account(GetAccount { account: AccountId(1) }).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))), "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let nowhere = RemoteStore::connect(credentials("nrsrv-1"), Vec::new());
    let answer = nowhere.get_account(GetAccount { account: AccountId(1) }).await;
    assert!(matches!(answer, Err(Failure::Unavailable(_))), "{answer:?}");

    let server = Server::bind(only.address, credentials("dbsrv-1")).await.unwrap();
    let desk = Arc::new(Desk { store, asked: AtomicUsize::new(0), silent: false });
    let stop = CancellationToken::new();
    tokio::spawn(server.serve(desk, stop));
    assert_eq!(remote.get_account(GetAccount { account: AccountId(1) }).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_of_any_size_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let store = sqlite(&folder);
    let server = serve(&store, false).await;
    let remote: Arc<dyn Store> = RemoteStore::connect(credentials("tmsrv-1"), vec![server.address]);
    let hero = stage::living(&remote).await;
    let epoch = stage::load(&remote, &hero, "tmsrv-1").await.epoch;
    let mut stranger = stage::save_at(&hero, Epoch(0), 1);
    stranger.character = CharacterId(1);
    stranger.soft.affects = vec![stranger.soft.affects[0]; 300];
    let mut saves = vec![stranger; 10_000];
    saves.push(stage::save_at(&hero, epoch, 9));
    let outcomes = stage::save(&remote, saves).await;
    assert_eq!(outcomes.len(), 10_001);
    assert!(outcomes[..10_000].iter().all(|outcome| *outcome == SaveOutcome::Stale));
    assert_eq!(outcomes[10_000], SaveOutcome::Saved);
    assert_eq!(stage::listed(&remote, hero.account).await[0].soft.tile.x, 9);
}
