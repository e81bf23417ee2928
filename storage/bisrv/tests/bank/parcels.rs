//! Parcels to players who are offline.

use crate::stage::{BOW, GOLD, Player, SWORD, Stage, found, item, operation, refused, stack};
use bisrv::Settings;
use model::calls::bank::{
    BankRefusal, Cargo, DeliverParcels, Parcel, Reply, Request, SendParcel, TakeParcel,
};
use model::item::GOLD_MAX;
use model::ledger::GoldAccount;
use model::{AccountId, CharacterName, ParcelId};

const DAY_MS: i64 = 86_400_000;

pub fn parcel(from: &Player, to: &Player, slots: &[u8], gold: i64) -> SendParcel {
    let item = |slot: &u8| (*slot, from.character.carry[usize::from(*slot)].unwrap());
    SendParcel {
        order: from.order(),
        sender: from.character.name.clone(),
        to: to.character.name.clone(),
        items: slots.iter().map(item).collect(),
        gold,
        text: "for you".to_owned(),
    }
}

pub async fn sent(stage: &Stage, asked: SendParcel) -> ParcelId {
    match stage.ask(Request::SendParcel(asked)).await {
        Reply::Sent { parcel, .. } => parcel,
        other => panic!("{other:?}"),
    }
}

pub async fn listed(stage: &Stage, of: &Player) -> Vec<Parcel> {
    match stage.ask(Request::ListParcels { account: of.fence.account }).await {
        Reply::Parcels(parcels) => parcels,
        other => panic!("{other:?}"),
    }
}

pub async fn take(stage: &Stage, asked: TakeParcel) -> Reply {
    stage.ask(Request::TakeParcel(asked)).await
}

pub fn taking(of: &Player, parcel: ParcelId) -> TakeParcel {
    TakeParcel { operation: operation(), again: false, account: of.fence.account, cargo_slots: 128, parcel }
}

pub async fn delivered(stage: &Stage, account: AccountId) -> (Vec<Parcel>, u32, Cargo) {
    let asked = DeliverParcels { operation: operation(), account, cargo_slots: 128 };
    match stage.ask(Request::DeliverParcels(asked)).await {
        Reply::Delivered { parcels, waiting, cargo } => (parcels, waiting, cargo),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_parcel_waits_for_who_is_offline_and_goes_into_the_bank() {
    let stage = Stage::new().await;
    let (sword, bow) = (item(SWORD), item(BOW));
    let (ana, ben) = (stage.player("Anna", &[sword, bow]).await, stage.player("Benn", &[]).await);
    let asked = SendParcel { to: CharacterName::new("bENN").unwrap(), ..parcel(&ana, &ben, &[1, 0], 300) };
    let reply = stage.ask(Request::SendParcel(asked)).await;
    let Reply::Sent { parcel, carried: Some(carried) } = reply else { panic!("{reply:?}") };
    assert_eq!(carried, GOLD - 300 - 100, "the postage is paid by the sender");
    let stored = stage.stored(&ana).await;
    assert_eq!((found(&stored.carry), stored.hard.gold), (vec![], carried));
    let waiting = listed(&stage, &ben).await;
    assert_eq!(waiting.len(), 1);
    let seen = &waiting[0];
    assert_eq!((seen.parcel, seen.sender.as_str(), seen.to.as_str()), (parcel, "Anna", "Benn"));
    assert_eq!((seen.text.as_str(), seen.gold, seen.returned), ("for you", 300, false));
    assert_eq!(seen.items, [bow, sword], "in the order of the sender");
    assert_eq!(seen.until_ms, Some(seen.sent_ms + 30 * DAY_MS));
    match take(&stage, taking(&ben, parcel)).await {
        Reply::Taken(cargo) => {
            assert_eq!((found(&cargo.items), cargo.gold), (vec![(0, bow), (1, sword)], 300));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(listed(&stage, &ben).await, []);
    assert_eq!(take(&stage, taking(&ben, parcel)).await, refused(BankRefusal::NoSuchParcel));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_sent_stays_with_the_sender() {
    let stage = Stage::with(Settings { parcels_max: 1, ..Settings::default() }).await;
    let (ana, ben) = (stage.player("Anna", &[item(SWORD), item(BOW)]).await, stage.player("Benn", &[]).await);
    let send = async |asked: SendParcel| stage.ask(Request::SendParcel(asked)).await;
    let good = parcel(&ana, &ben, &[0], 0);
    let nobody = SendParcel { to: CharacterName::new("Nobody").unwrap(), ..good.clone() };
    assert_eq!(send(nobody).await, refused(BankRefusal::NoSuchCharacter));
    let other = SendParcel { items: vec![(0, item(SWORD))], ..parcel(&ana, &ben, &[], 0) };
    assert_eq!(send(other).await, refused(BankRefusal::ItemGone));
    let poor = parcel(&ana, &ben, &[0], GOLD - 99);
    assert_eq!(send(poor).await, refused(BankRefusal::NotEnough), "the postage is missing");
    for bad in [
        parcel(&ana, &ben, &[], 0),
        SendParcel { gold: -5, ..good.clone() },
        SendParcel { text: "x".repeat(95), ..good.clone() },
        SendParcel { items: vec![good.items[0], good.items[0]], ..good.clone() },
        SendParcel { items: vec![(64, good.items[0].1)], ..good.clone() },
        SendParcel { items: (0..9).map(|slot| (slot, item(SWORD))).collect(), ..good.clone() },
    ] {
        let reply = send(SendParcel { order: ana.order(), ..bad }).await;
        assert!(matches!(reply, Reply::Refused(BankRefusal::BadRequest(_))), "{reply:?}");
    }
    sent(&stage, SendParcel { text: "\u{1}".repeat(94), ..good }).await;
    assert_eq!(send(parcel(&ana, &ben, &[1], 0)).await, refused(BankRefusal::BoxFull));
    let stored = stage.stored(&ana).await;
    assert_eq!((found(&stored.carry).len(), stored.hard.gold), (1, GOLD - 100));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_bank_keeps_the_parcel_waiting() {
    let stage = Stage::new().await;
    let (ana, ben) = (stage.player("Anna", &[item(SWORD), item(BOW)]).await, stage.player("Benn", &[]).await);
    let account = ben.fence.account;
    let two = sent(&stage, parcel(&ana, &ben, &[0, 1], 50)).await;
    stage.fills_cargo(&ben, 119).await;
    let small = TakeParcel { cargo_slots: 120, ..taking(&ben, two) };
    assert_eq!(take(&stage, small).await, refused(BankRefusal::NoRoom), "one slot that the client can show");
    stage.pays(GOLD_MAX - 49, account, GoldAccount::Cargo(account)).await;
    assert_eq!(take(&stage, taking(&ben, two)).await, refused(BankRefusal::TooMuch));
    assert_eq!(delivered(&stage, account).await.1, 1);
    assert_eq!(listed(&stage, &ben).await.len(), 1);
    let withdraw = model::calls::bank::MoveGold { order: ben.order(), amount: 1 };
    stage.ask(Request::WithdrawGold(withdraw)).await;
    let (parcels, waiting, cargo) = delivered(&stage, account).await;
    assert_eq!((parcels.len(), waiting, found(&cargo.items).len(), cargo.gold), (1, 0, 121, GOLD_MAX));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_that_fit_are_delivered_at_once_and_the_rest_later() {
    let stage = Stage::new().await;
    let items: Vec<_> = (0..9).map(|n| stack(n + 1)).collect();
    let (ana, ben) = (stage.player("Anna", &items).await, stage.player("Benn", &[]).await);
    stage.fills_cargo(&ben, 123).await;
    for slots in [&[0_u8, 1][..], &[2, 3, 4, 5, 6], &[7, 8]] {
        sent(&stage, SendParcel { gold: 0, ..parcel(&ana, &ben, slots, 0) }).await;
    }
    let asked = DeliverParcels { operation: operation(), account: ben.fence.account, cargo_slots: 128 };
    let Reply::Delivered { parcels, waiting, cargo } = stage.ask(Request::DeliverParcels(asked)).await else {
        panic!("not delivered")
    };
    let delivered: usize = parcels.iter().map(|parcel| parcel.items.len()).sum();
    assert_eq!(delivered + 123, found(&cargo.items).len());
    assert_eq!(parcels.len() + waiting as usize, 3);
    assert!(waiting > 0 && !parcels.is_empty(), "nine items for five slots");
    let again = stage.ask(Request::DeliverParcels(asked)).await;
    assert_eq!(again, Reply::Delivered { parcels: vec![], waiting, cargo }, "a repeat changes nothing");
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_takes_goes_back_and_waits_there_for_ever() {
    let stage = Stage::new().await;
    let sword = item(SWORD);
    let (ana, ben) = (stage.player("Anna", &[sword]).await, stage.player("Benn", &[]).await);
    let first = sent(&stage, parcel(&ana, &ben, &[0], 70)).await;
    let sent_ms = listed(&stage, &ben).await[0].sent_ms;
    let end = sent_ms + 30 * DAY_MS;
    assert_eq!(stage.bank.send_back_parcels(end - 1).await, Ok(0));
    let both = tokio::join!(stage.bank.send_back_parcels(end), stage.bank.send_back_parcels(end));
    assert!(both.0.unwrap() + both.1.unwrap() >= 1, "two copies look at the same time");
    assert_eq!(listed(&stage, &ben).await, []);
    let back = listed(&stage, &ana).await;
    assert_eq!(back.len(), 1);
    assert!(back[0].returned && back[0].parcel != first && back[0].until_ms.is_none());
    assert_eq!((back[0].items.as_slice(), back[0].gold, back[0].sent_ms), (&[sword][..], 70, sent_ms));
    assert_eq!(stage.bank.send_back_parcels(i64::MAX - 1).await, Ok(0), "it waits for ever");
    assert_eq!(take(&stage, taking(&ben, first)).await, refused(BankRefusal::NoSuchParcel));
    assert_eq!(
        take(&stage, taking(&ben, back[0].parcel)).await,
        refused(BankRefusal::NoSuchParcel),
        "not his"
    );
    let (parcels, _, cargo) = delivered(&stage, ana.fence.account).await;
    assert_eq!((parcels.len(), found(&cargo.items), cargo.gold), (1, vec![(0, sword)], 70));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_away_in_the_middle_sends_and_takes_once() {
    let stage = Stage::with(Settings { store_deadline_ms: 300, ..Settings::default() }).await;
    let (sword, bow) = (item(SWORD), item(BOW));
    let (ana, ben) = (stage.player("Anna", &[sword, bow]).await, stage.player("Benn", &[]).await);
    for (slot, faults) in [(0_u8, 5), (1, 15)] {
        let asked = parcel(&ana, &ben, &[slot], 10);
        stage.store.lose_answers(faults);
        let reply = stage
            .insist(|again| {
                let mut asked = asked.clone();
                asked.order.again = again;
                Request::SendParcel(asked)
            })
            .await;
        let Reply::Sent { parcel, carried } = reply else { panic!("{reply:?}") };
        assert_eq!(carried, Some(GOLD - 110 * (i64::from(slot) + 1)));
        let asked = taking(&ben, parcel);
        stage.store.lose_answers(faults);
        let reply = stage.insist(|again| Request::TakeParcel(TakeParcel { again, ..asked })).await;
        let Reply::Taken(cargo) = reply else { panic!("{reply:?}") };
        assert_eq!(cargo.gold, 10 * (i64::from(slot) + 1));
        assert_eq!(found(&cargo.items).len(), usize::from(slot) + 1);
        let again = TakeParcel { again: true, ..asked };
        assert_eq!(take(&stage, again).await, Reply::Taken(cargo), "asked once more");
    }
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_parcels_taken_at_once_find_a_slot_each() {
    let stage = Stage::new().await;
    let items: Vec<_> = (0..8).map(|n| stack(n + 1)).collect();
    let (ana, ben) = (stage.player("Anna", &items).await, stage.player("Benn", &[]).await);
    let mut parcels = Vec::new();
    for slot in 0..8 {
        parcels.push(sent(&stage, parcel(&ana, &ben, &[slot], 0)).await);
    }
    let tasks: Vec<_> = parcels
        .into_iter()
        .map(|parcel| {
            let (client, mut asked) = (stage.client.clone(), taking(&ben, parcel));
            tokio::spawn(async move {
                loop {
                    match client.call(&Request::TakeParcel(asked), support::SOON).await.unwrap() {
                        Reply::Refused(BankRefusal::Changed) => asked.operation = operation(),
                        reply => return reply,
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        let reply = task.await.unwrap();
        assert!(matches!(reply, Reply::Taken(_)), "{reply:?}");
    }
    assert_eq!(found(&stage.cargo(&ben).await.items).len(), 8);
    stage.books_are_right().await;
}
