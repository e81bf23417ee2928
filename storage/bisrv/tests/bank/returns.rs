//! Parcels that nobody wants, or that are for oneself; and what players are told at once.

use crate::parcels::{delivered, listed, parcel, sent, take, taking};
use crate::stage::{GOLD, Player, SWORD, Stage, found, item, operation, refused};
use bisrv::{Bank, Herald, Metrics, News, Settings};
use model::ParcelId;
use model::calls::bank::{BankRefusal, Reply, Request, ReturnParcel};
use model::event::{Notice, NoticeKey};
use std::sync::Arc;
use store::Store;
use support::character;

fn returning(of: &Player, parcel: ParcelId) -> ReturnParcel {
    ReturnParcel { operation: operation(), again: false, account: of.fence.account, parcel }
}

async fn give_back(stage: &Stage, asked: ReturnParcel) -> Reply {
    stage.ask(Request::ReturnParcel(asked)).await
}

fn news(of: &Player, key: NoticeKey, name: &str) -> News {
    let notice = Notice::Catalogue { key, arguments: vec![name.to_owned()] };
    News(model::calls::registry::Request::Tell { account: of.fence.account, notice })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_that_is_not_wanted_goes_back_once() {
    let stage = Stage::new().await;
    let sword = item(SWORD);
    let (ana, ben) = (stage.player("Anna", &[sword]).await, stage.player("Benn", &[]).await);
    let first = sent(&stage, parcel(&ana, &ben, &[0], 70)).await;
    let others = give_back(&stage, returning(&ana, first)).await;
    assert_eq!(others, refused(BankRefusal::NoSuchParcel), "only its receiver may");
    let asked = returning(&ben, first);
    assert_eq!(give_back(&stage, asked).await, Reply::Returned);
    assert_eq!(
        give_back(&stage, ReturnParcel { again: true, ..asked }).await,
        Reply::Returned,
        "asked again"
    );
    assert_eq!(give_back(&stage, returning(&ben, first)).await, refused(BankRefusal::NoSuchParcel));
    assert_eq!(take(&stage, taking(&ben, first)).await, refused(BankRefusal::NoSuchParcel));
    assert_eq!(listed(&stage, &ben).await, []);
    let back = listed(&stage, &ana).await;
    assert_eq!(back.len(), 1);
    assert!(back[0].returned && back[0].until_ms.is_none() && back[0].days_left.is_none());
    assert_eq!((back[0].to.as_str(), back[0].items.as_slice(), back[0].gold), ("Benn", &[sword][..], 70));
    let again = give_back(&stage, returning(&ana, back[0].parcel)).await;
    assert_eq!(again, refused(BankRefusal::CameBack), "what came back stays");
    let (parcels, _, cargo) = delivered(&stage, ana.fence.account).await;
    assert_eq!((parcels.len(), found(&cargo.items), cargo.gold), (1, vec![(0, sword)], 70));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_away_in_the_middle_gives_back_once() {
    let stage = Stage::with(Settings { store_deadline_ms: 300, ..Settings::default() }).await;
    let (ana, ben) = (stage.player("Anna", &[item(SWORD)]).await, stage.player("Benn", &[]).await);
    for faults in [5, 15] {
        let asked = returning(&ben, sent(&stage, parcel(&ana, &ben, &[], 10)).await);
        stage.store.lose_answers(faults);
        let reply = stage.insist(|again| Request::ReturnParcel(ReturnParcel { again, ..asked })).await;
        assert_eq!(reply, Reply::Returned);
    }
    assert_eq!(listed(&stage, &ana).await.len(), 2);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_mails_the_own_account_and_a_server_may_ask_no_postage() {
    let stage = Stage::with(Settings { parcel_postage: 0, ..Settings::default() }).await;
    let (ana, ben) = (stage.player("Anna", &[item(SWORD)]).await, stage.player("Benn", &[]).await);
    let mut twin =
        character(ana.fence.account, model::CharacterId(4_711), "Annette", ana.character.soft.tile);
    twin.slot = 1;
    let twin = stage.born(twin).await;
    for to in [&ana, &twin] {
        let reply = stage.ask(Request::SendParcel(parcel(&ana, to, &[0], 5))).await;
        assert_eq!(reply, refused(BankRefusal::ToOneself));
    }
    let reply = stage.ask(Request::SendParcel(parcel(&ana, &ben, &[0], 0))).await;
    assert!(matches!(reply, Reply::Sent { carried: None, .. }), "no gold was moved: {reply:?}");
    assert_eq!(stage.stored(&ana).await.hard.gold, GOLD);
    let waiting = listed(&stage, &ben).await;
    assert_eq!((waiting.len(), waiting[0].days_left), (1, Some(30)));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_are_told_of_a_parcel_after_it_is_durable() {
    let stage = Stage::new().await;
    let (ana, ben) = (stage.player("Anna", &[item(SWORD)]).await, stage.player("Benn", &[]).await);
    let (herald, mut told) = Herald::new();
    let store = Arc::clone(&stage.store) as Arc<dyn Store>;
    let bank = Bank::new(store, stage.settings.clone(), Metrics::unregistered().unwrap()).with_herald(herald);
    let missing = model::calls::bank::SendParcel { gold: 10 * GOLD, ..parcel(&ana, &ben, &[], 1) };
    assert_eq!(bank.handle(Request::SendParcel(missing)).await, refused(BankRefusal::NotEnough));
    assert!(told.try_recv().is_err(), "nothing was sent");
    for gold in [10, 20] {
        let Reply::Sent { parcel, .. } =
            bank.handle(Request::SendParcel(parcel(&ana, &ben, &[], gold))).await
        else {
            panic!("not sent")
        };
        assert_eq!(told.try_recv(), Ok(news(&ben, NoticeKey::ParcelArrived, "Anna")));
        if gold == 10 {
            assert_eq!(bank.handle(Request::ReturnParcel(returning(&ben, parcel))).await, Reply::Returned);
        } else {
            assert_eq!(bank.send_back_parcels(i64::MAX - 1).await, Ok(1));
        }
        assert_eq!(told.try_recv(), Ok(news(&ana, NoticeKey::ParcelCameBack, "Benn")));
    }
    assert!(told.try_recv().is_err());
    stage.books_are_right().await;
}
