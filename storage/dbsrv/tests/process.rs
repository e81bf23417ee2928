//! DBSrv as other processes see it: over the link, with its metrics, its health and its entry in the list
//! of members.

#![allow(clippy::unwrap_used)]

use async_trait::async_trait;
use dbclient::RemoteStore;
use dbsrv::{Ledger, RunError, Settings};
use model::calls::database::{Failure, GetAccount, ListCharacters, ReadClusterView};
use model::id::AccountId;
use model::membership::Role;
use settings::{Common, Live};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use store::testing::stage::economy::{Player, paid, surely, transfer};
use store::testing::{PgServer, conformance, postgres_wanted, stage};
use store::two_phase::{Attempt, Died, Step, Steps};
use store::{Dsn, Postgres, PostgresOptions, Sqlite, Store};
use telemetry::Process;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

/// One running DBSrv on a folder of its own.
struct Running {
    process: Process,
    http: SocketAddr,
    settings: Live<Settings>,
    ended: JoinHandle<Result<(), RunError>>,
    remote: Arc<dyn Store>,
}

async fn start(folder: &TempDir, settings: Settings) -> Running {
    let link = SocketAddr::from(([127, 0, 0, 1], support::free_port()));
    let common = Common { link, log_level: "warn".into(), ..support::common(folder.path(), "dbsrv-1") };
    let started = telemetry::start(Role::DbSrv, &common).await.unwrap();
    let (process, settings) = (started.process, Live::new(settings));
    let ended = tokio::spawn(dbsrv::run(process.clone(), common.clone(), settings.clone()));
    let remote = RemoteStore::connect(support::credentials("nrsrv-1"), vec![common.link]);
    Running { process, http: started.http, settings, ended, remote }
}

async fn page(http: SocketAddr, path: &str) -> String {
    let mut socket = tokio::net::TcpStream::connect(http).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn members(store: &Arc<dyn Store>) -> Vec<String> {
    let view = store.cluster_view(ReadClusterView).await.unwrap();
    view.members.into_iter().map(|member| member.name.0).collect()
}

fn reopened(folder: &Path) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(&folder.join("wydbr.sqlite")).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dbsrv_keeps_every_promise_over_the_link() {
    let folder = tempfile::tempdir().unwrap();
    let Running { process, http, settings, ended, remote } = start(&folder, Settings::default()).await;
    conformance(remote.clone()).await;

    stage::until("it is in the list", async || members(&remote).await == ["dbsrv-1"]).await;
    stage::until("it is ready", async || page(http, "/readyz").await.starts_with("HTTP/1.1 200")).await;
    let metrics = page(http, "/metrics").await;
    for (operation, outcome) in
        [("load_character", "ok"), ("create_account", "refused"), ("create_character", "corrupt")]
    {
        let count =
            format!("wydbr_dbsrv_operation_seconds_count{{operation=\"{operation}\",outcome=\"{outcome}\"}}");
        assert!(metrics.contains(&count), "{count} in {metrics}");
    }

    settings.set(Settings { operations_max: 0, ..Settings::default() });
    let refused = remote.get_account(GetAccount { account: AccountId(1) }).await;
    assert!(matches!(refused, Err(Failure::Unavailable(_))), "{refused:?}");
    settings.set(Settings::default());

    let hero = stage::living(&remote).await;
    process.stop.cancel();
    ended.await.unwrap().unwrap();
    telemetry::stop(process).await;
    let gone = remote.get_account(GetAccount { account: hero.account }).await;
    assert!(matches!(gone, Err(Failure::Unavailable(_))), "{gone:?}");
    let store = reopened(folder.path());
    assert_eq!(stage::listed(&store, hero.account).await, [hero], "what was acknowledged is there");
    assert_eq!(members(&store).await, [""; 0], "and it has left the list");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_goes_and_comes_is_seen_and_survived() {
    if !postgres_wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut server = PgServer::start();
    let settings = Settings {
        storage: "postgres".into(),
        postgres: vec![model::Secret::new(server.create_database("wyd"))],
        ..Settings::default()
    };
    let Running { process, http, ended, remote, .. } = start(&folder, settings).await;
    let ready = async || page(http, "/readyz").await.starts_with("HTTP/1.1 200");
    stage::until("it is ready", ready).await;
    let hero = stage::living(&remote).await;
    server.kill();
    stage::until("it says that the store is away", async || !ready().await).await;
    server.resume();
    stage::until("it is ready again", ready).await;
    // who was asked while it was away may not ask again for a moment
    let found = async || remote.list_characters(ListCharacters { account: hero.account }).await;
    stage::until("its characters are read again", async || found().await.is_ok()).await;
    assert_eq!(stage::listed(&remote, hero.account).await, std::slice::from_ref(&hero));
    stage::until("it is in the list", async || members(&remote).await == ["dbsrv-1"]).await;
    process.stop.cancel();
    ended.await.unwrap().unwrap();
    telemetry::stop(process).await;
}

/// Dies before the decision.
struct Undecided;

#[async_trait]
impl Steps for Undecided {
    async fn before(&self, _: &Attempt, step: Step) -> Result<(), Died> {
        if step == Step::Decide { Err(Died) } else { Ok(()) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dbsrv_ends_what_the_crash_of_another_left() {
    if !postgres_wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = PgServer::start();
    let dsns = [server.create_database("a"), server.create_database("b")];
    let settings = Settings {
        storage: "postgres".into(),
        postgres: dsns.iter().map(model::Secret::new).collect(),
        ..Settings::default()
    };
    let Running { process, http, ended, remote, .. } = start(&folder, settings).await;
    stage::until("it is ready", async || page(http, "/readyz").await.starts_with("HTTP/1.1 200")).await;
    let shards = dsns.iter().map(|dsn| Dsn::parse(dsn).unwrap()).collect();
    let dying = Postgres::open(PostgresOptions::new(shards)).await.unwrap().watched_by(Arc::new(Undecided));
    let left = loop {
        // what lies on one shard has no such step
        let [ana, ben] = Player::two(&remote).await;
        let gift = transfer(&[&ana, &ben], vec![paid(7, ana.purse(), ben.purse())]);
        if dying.transfer(gift.clone()).await.is_err() {
            break gift;
        }
    };
    surely(&remote, &left).await;
    let said = "wydbr_dbsrv_recovered_transactions_total{end=\"rollback\"} 2";
    stage::until("it counts what it ended", async || page(http, "/metrics").await.contains(said)).await;
    process.stop.cancel();
    ended.await.unwrap().unwrap();
    telemetry::stop(process).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retention_that_is_set_while_it_runs_removes_what_is_older() {
    let folder = tempfile::tempdir().unwrap();
    let Running { process, http, settings, ended, remote } = start(&folder, Settings::default()).await;
    let hero = stage::living(&remote).await;
    let years = "DROP TRIGGER ledger_append_only; UPDATE ledger SET at_ms = at_ms - 730 * 86400000";
    let connection = rusqlite::Connection::open(folder.path().join("wydbr.sqlite")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection.execute_batch(years).unwrap();
    let entries =
        || connection.query_row("SELECT count(*) FROM ledger", [], |row| row.get::<_, i64>(0)).unwrap();
    let old = entries();
    assert!(old > 3);
    settings.set(Settings { ledger: Ledger { retention_days: 365 }, ..Settings::default() });
    stage::until("they are removed", async || entries() == 0).await;
    let said = format!("wydbr_dbsrv_ledger_entries_total{{done=\"folded\"}} {old}");
    stage::until("it counts them", async || page(http, "/metrics").await.contains(&said)).await;
    assert!(store::fsck::run(remote.as_ref()).await.unwrap().is_clean());
    assert_eq!(stage::listed(&remote, hero.account).await, [hero]);
    process.stop.cancel();
    ended.await.unwrap().unwrap();
    telemetry::stop(process).await;
}
