//! An undo that is decided, and that one database does not show yet.

use crate::{Cluster, open, options, recovered};
use async_trait::async_trait;
use futures::FutureExt;
use model::calls::database::{FoundCharacter, GetRecord, ListEntries};
use model::calls::ledger::EntriesOf;
use model::id::AmendmentId;
use model::ledger::GoldAccount;
use model::transfer::RecordKey;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use store::amend::Clerk;
use store::amend::undo::Target;
use store::testing::stage::economy::{Player, paid, surely, transfer};
use store::testing::{Watched, postgres_wanted, stage};
use store::two_phase::{Attempt, Died, Step, Steps};
use store::{Postgres, Store};

/// Stands still before a step, for ever.
struct HangsAt(Step);

#[async_trait]
impl Steps for HangsAt {
    async fn before(&self, _: &Attempt, step: Step) -> Result<(), Died> {
        if step == self.0 { std::future::pending().await } else { Ok(()) }
    }
}

fn clerk(store: &dyn Store) -> Clerk<'_> {
    Clerk { store, operator: "root".to_owned(), now_ms: 1_790_000_000_000 }
}

/// Two with 500 gold in the bank, on one shard; the first pays the second a fee of 100. When, by the ledger.
async fn fee(cluster: &Cluster, store: &Arc<dyn Store>, shard: usize) -> ([Player; 2], i64, Target) {
    let mut there = Vec::new();
    while there.len() < 2 {
        let player = Player::new(store).await;
        if cluster.shard_of(&player) == shard {
            surely(store, &player.does(vec![paid(500, player.purse(), player.bank())])).await;
            there.push(player);
        }
    }
    let pair: [Player; 2] = there.try_into().unwrap();
    let deposited = newest(store, &pair[0]).await;
    stage::until("the clock has moved on", async || {
        newest(store, &Player::new(store).await).await > deposited
    })
    .await;
    let fee = transfer(&[&pair[0]], vec![paid(100, pair[0].bank(), pair[1].bank())]);
    surely(store, &fee).await;
    (pair, deposited + 1, Target::Operation(fee.operation))
}

/// When something happened to a player's gold last.
async fn newest(store: &Arc<dyn Store>, player: &Player) -> i64 {
    let of = EntriesOf::Holder(GoldAccount::Character(player.hero.id));
    let listed = store.list_entries(ListEntries { of, since_ms: 0, limit: 100 }).await.unwrap();
    listed.entries.last().unwrap().at_ms
}

async fn version(store: &Arc<dyn Store>) -> u64 {
    let (key, home) = (RecordKey::Amendment(AmendmentId::ALL), Some(AmendmentId::home()));
    store.get_record(GetRecord { key, home }).await.unwrap().map_or(0, |held| held.record.version)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_operator_did_is_seen_before_anything_is_planned() {
    if !postgres_wanted() {
        return;
    }
    let cluster = Cluster::small(2);
    let other = open(&cluster.dsns).await;
    let store: Arc<dyn Store> = other.clone();
    // the records lie on one shard, all that is taken back on the other
    let (_, _, first) = fee(&cluster, &store, 0).await;
    clerk(store.as_ref()).undo(&first).await.unwrap();
    let count = "SELECT count(*) FROM records WHERE kind = 10";
    let away = usize::from(cluster.servers[0].psql("shard0", count) != "0");
    let ([ana, ben], since_ms, target) = fee(&cluster, &store, away).await;
    let before = version(&store).await;

    let hangs = HangsAt(Step::Commit(away as u16));
    let hanging = Postgres::open(options(&cluster.dsns)).await.unwrap().watched_by(Arc::new(hangs));
    let one = tokio::spawn(async move { clerk(&hanging).undo(&target).await });
    stage::until("the records show it", async || version(&store).await > before).await;
    one.abort();
    assert!(one.await.unwrap_err().is_cancelled(), "its process is dead");
    assert_eq!(ana.cargo_now(&store).await.gold, 400, "her shard does not show it");

    // another operator comes before the recoverer
    let (looks, sends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (seen, sent) = (looks.clone(), sends.clone());
    let counts = Watched::new(&store, move |method| {
        seen.fetch_add(usize::from(method == "get_record"), Ordering::SeqCst);
        sent.fetch_add(usize::from(method == "transfer"), Ordering::SeqCst);
        async {}.boxed()
    });
    let (account, character, name) = (ana.account(), ana.hero.id, "Ana".to_owned());
    let target = Target::Since { since_ms, player: Some(FoundCharacter { account, character, name }) };
    let two = tokio::spawn(async move { clerk(&counts).undo(&target).await });
    stage::until("it has planned, or waits", async || {
        sends.load(Ordering::SeqCst) > 0 || looks.load(Ordering::SeqCst) > 8
    })
    .await;
    recovered(&other).await;
    two.await.unwrap().unwrap();
    let banks = (ana.cargo_now(&store).await.gold, ben.cargo_now(&store).await.gold);
    assert_eq!(banks, (500, 500), "it was paid back once");
    crate::clean(&store).await;
}
