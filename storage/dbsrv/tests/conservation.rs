//! The running check as operators and players see it: an alarm on the metrics page, and a frozen account.

#![allow(clippy::unwrap_used)]

use dbclient::RemoteStore;
use dbsrv::Settings;
use model::calls::database::{AccountChange, ChangeAccount, GetAccount, TransferRefusal};
use model::id::AccountId;
use model::membership::Role;
use settings::{Common, Live};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;
use store::Store;
use store::testing::stage::economy::{Player, done, paid, surely, transfer};
use store::testing::{PgServer, postgres_wanted, stage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const RULES: &str = include_str!("../../../monitoring/prometheus/conservation.yml");
const RUNBOOK: &str = include_str!("../../../docs/runbooks/conservation.md");

async fn page(http: SocketAddr) -> String {
    let mut socket = tokio::net::TcpStream::connect(http).await.unwrap();
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Names of metrics in a text.
fn metrics_in(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("wydbr_dbsrv_conservation_")).collect()
}

async fn frozen(store: &Arc<dyn Store>, account: AccountId) -> Option<String> {
    store.get_account(GetAccount { account }).await.unwrap().unwrap().frozen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_holds_a_double_is_frozen_and_the_others_go_on() {
    if !postgres_wanted() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = PgServer::start();
    let names = ["a", "b"];
    let wanted = |freeze: bool| {
        let mut settings = Settings {
            storage: "postgres".into(),
            postgres: names.iter().map(|name| model::Secret::new(server.dsn(name))).collect(),
            ..Settings::default()
        };
        settings.conservation.freeze = freeze;
        settings
    };
    names.iter().for_each(|name| drop(server.create_database(name)));
    let link = SocketAddr::from(([127, 0, 0, 1], support::free_port()));
    let common = Common { link, log_level: "warn".into(), ..support::common(folder.path(), "dbsrv-1") };
    let started = telemetry::start(Role::DbSrv, &common).await.unwrap();
    let (process, settings, http) = (started.process, Live::new(wanted(false)), started.http);
    let ended = tokio::spawn(dbsrv::run(process.clone(), common.clone(), settings.clone()));
    let store: Arc<dyn Store> = RemoteStore::connect(support::credentials("tmsrv-1"), vec![common.link]);
    let shows = async |line: &str| page(http).await.lines().any(|other| other == line);
    stage::until("every bucket is watched", async || {
        let page = page(http).await;
        let watched =
            page.lines().filter(|line| line.starts_with("wydbr_dbsrv_conservation_buckets_watched{"));
        watched.filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).sum::<u32>() == 4_096
    })
    .await;

    let [ana, ben] = Player::two(&store).await;
    let item = ana.hero.equip[6].unwrap();
    let there = format!("SELECT count(*) FROM items WHERE id = '{:032x}'", item.id.0);
    let home = names.into_iter().position(|name| server.psql(name, &there) == "1").unwrap();
    let double = rand_id();
    server.psql(
        names[home],
        &format!(
            "INSERT INTO items SELECT '{double:032x}', bucket, kind, effects, 2, place_owner, 50 \
             FROM items WHERE id = '{:032x}'",
            item.id.0
        ),
    );
    let since = Instant::now();
    let kind = item.kind.0;
    let alarm = format!("wydbr_dbsrv_conservation_kind_difference{{kind=\"{kind}\",shard=\"{home}\"}} 1");
    stage::until("it is an alarm", async || shows(&alarm).await).await;
    eprintln!("a double: on the metrics page after {} ms", since.elapsed().as_millis());
    let counted = |name: &str| format!("wydbr_dbsrv_conservation_{name}{{shard=\"{home}\"}} 1");
    assert!(shows(&counted("items_difference")).await && shows(&counted("kinds_differing")).await);
    assert!(shows(&counted("buckets_wrong")).await);
    let (page, rules) = (page(http).await, metrics_in(RULES));
    assert!(rules.len() >= 4 && rules.is_subset(&metrics_in(&page)), "{rules:?}");
    assert!(metrics_in(RUNBOOK).is_subset(&metrics_in(&page)));
    assert_eq!(frozen(&store, ana.account()).await, None, "nobody freezes unless told to");
    surely(&store, &ana.does(vec![paid(1, ana.purse(), ana.bank())])).await;

    settings.set(wanted(true));
    stage::until("its holder is frozen", async || frozen(&store, ana.account()).await.is_some()).await;
    let reason = frozen(&store, ana.account()).await.unwrap();
    assert!(reason.contains("ledger"), "{reason}");
    let refused = done(&store, &ana.does(vec![paid(1, ana.purse(), ana.bank())])).await;
    assert_eq!(refused, Err(TransferRefusal::Frozen(ana.account())));
    let trade = transfer(&[&ben, &ana], vec![paid(1, ben.purse(), ana.purse())]);
    assert_eq!(done(&store, &trade).await, Err(TransferRefusal::Frozen(ana.account())));
    surely(&store, &ben.does(vec![paid(1, ben.purse(), ben.bank())])).await;
    assert_eq!(frozen(&store, ben.account()).await, None);

    // an operator has looked at it: what still stands does not freeze her again, and what is repaired ends the alarm
    let change = AccountChange::Frozen(None);
    store.change_account(ChangeAccount { account: ana.account(), change }).await.unwrap();
    server.psql(names[home], &format!("DELETE FROM items WHERE id = '{double:032x}'"));
    let over = format!("wydbr_dbsrv_conservation_findings{{shard=\"{home}\"}} 0");
    stage::until("the alarm ends", async || shows(&over).await).await;
    assert!(!shows(&alarm).await, "the kind has no number any more");
    assert!(shows("wydbr_dbsrv_conservation_accounts_frozen_total 1").await);
    surely(&store, &ana.does(vec![paid(1, ana.purse(), ana.bank())])).await;
    process.stop.cancel();
    ended.await.unwrap().unwrap();
    telemetry::stop(process).await;
}

/// The id of an item that nobody has.
fn rand_id() -> u128 {
    stage::operation().0 >> 1
}
