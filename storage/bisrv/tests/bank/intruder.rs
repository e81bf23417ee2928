//! Somebody who is quicker: takes the place that was found free, just before it is used.

use crate::stage::{BOW, SWORD, Stage, found, item, operation};
use async_trait::async_trait;
use bisrv::{Bank, Metrics, Settings};
use model::account::Account;
use model::calls::bank::{GuildAct, GuildDone, GuildOrder, Order, Reply, Request, SendParcel, TakeParcel};
use model::calls::database::*;
use model::character::Character;
use model::ledger::{Actor, ItemPlace};
use model::membership::ClusterView;
use model::transfer::{ItemLocation, Move};
use model::{AccountId, GuildId};
use std::sync::{Arc, Mutex};
use store::Store;

/// A store where something happens before the next transfer.
struct Intruded {
    inner: Arc<dyn Store>,
    first: Mutex<Option<Transfer>>,
}

impl Intruded {
    async fn before(&self, method: &str) {
        let first = if method == "transfer" { self.first.lock().unwrap().take() } else { None };
        if let Some(first) = first {
            self.inner.transfer(first).await.unwrap().unwrap();
        }
    }
}

macro_rules! intruded {
    ($($(#[$doc:meta])* $method:ident($request:ident) -> $outcome:ty;)*) => {
        #[async_trait]
        impl Store for Intruded {
            $(async fn $method(&self, request: $request) -> Result<$outcome, Failure> {
                self.before(stringify!($method)).await;
                self.inner.$method(request).await
            })*
        }
    };
}

model::for_each_operation!(intruded);

/// A bank before whose next change a sword falls into a place.
fn bank(stage: &Stage, home: AccountId, place: ItemPlace) -> Bank {
    let first = Transfer {
        operation: operation(),
        actor: Actor::System("test".to_owned()),
        reason: "test".to_owned(),
        fences: Vec::new(),
        moves: vec![Move::Birth { item: item(SWORD), to: ItemLocation { home, place } }],
        records: Vec::new(),
        softs: Vec::new(),
        standings: Vec::new(),
    };
    let inner = Arc::clone(stage.store.inner());
    let store = Arc::new(Intruded { inner, first: Mutex::new(Some(first)) });
    Bank::new(store, settings::Live::new(Settings::default()), Metrics::unregistered().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_finds_another_slot_and_a_repeat_finds_the_same() {
    let stage = Stage::new().await;
    let bow = item(BOW);
    let (ana, ben) = (stage.player("Anna", &[bow]).await, stage.player("Benn", &[]).await);
    let send = SendParcel {
        order: ana.order(),
        sender: ana.character.name.clone(),
        to: ben.character.name.clone(),
        items: vec![(0, bow)],
        gold: 0,
        text: String::new(),
    };
    let Reply::Sent { parcel, .. } = stage.ask(Request::SendParcel(send)).await else { panic!("not sent") };
    let account = ben.fence.account;
    let bank = bank(&stage, account, ItemPlace::Cargo(account, 0));
    let mut asked = TakeParcel { operation: operation(), again: false, account, cargo_slots: 128, parcel };
    for again in [false, true, true] {
        asked.again = again;
        match bank.handle(Request::TakeParcel(asked)).await {
            Reply::Taken(cargo) => assert_eq!(found(&cargo.items)[1..], [(1, bow)]),
            other => panic!("{other:?}"),
        }
    }
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gift_to_the_guild_finds_another_slot_and_a_repeat_gives_nothing_more() {
    let stage = Stage::new().await;
    let bow = item(BOW);
    let ana = stage.player("Anna", &[bow]).await;
    let guild = GuildId(7);
    stage.stands(&ana, guild, 0).await;
    let bank = bank(&stage, guild.home(), ItemPlace::Guild(guild, 0));
    let order = ana.order();
    for again in [false, true, true] {
        let act = GuildAct::DepositItem { slot: 0, item: bow };
        let asked = GuildOrder { order: Order { again, ..order }, guild, rank: 0, act };
        assert_eq!(bank.handle(Request::Guild(asked)).await, Reply::Guild(GuildDone::ItemDeposited));
    }
    assert_eq!(found(&stage.guild_bank(guild).await.items)[1..], [(1, bow)]);
    stage.books_are_right().await;
}
