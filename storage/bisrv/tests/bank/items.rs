//! Items between the inventory and the bank.

use crate::stage::{BOW, POTION, SWORD, Stage, cargo, carry, found, item, refused, rule, stack};
use model::calls::bank::{BankRefusal, MoveItem, Reply, Request};
use model::calls::database::{DeleteCharacter, ItemHistory};
use model::ledger::Actor;
use model::{Container, Slot};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_goes_into_the_bank_and_another_character_of_the_account_takes_it_out() {
    let stage = Stage::new().await;
    let sword = item(SWORD);
    let ana = stage.player("Anna", &[sword]).await;
    let reply = stage.ask(Request::MoveItem(ana.moves(carry(0), cargo(7)))).await;
    assert_eq!(reply, Reply::Moved { slots: [(carry(0), None), (cargo(7), Some(sword))] });
    assert_eq!(found(&stage.cargo(&ana).await.items), [(7, sword)]);
    assert_eq!(found(&stage.stored(&ana).await.carry), []);
    let mut sister = ana.character.clone();
    (sister.id.0, sister.slot) = (sister.id.0 ^ 1, 1);
    sister.name = model::CharacterName::new("Sister").unwrap();
    sister.carry[0] = None;
    let sister = stage.born(sister).await;
    let reply = stage.ask(Request::MoveItem(sister.moves(cargo(7), carry(3)))).await;
    assert_eq!(reply, Reply::Moved { slots: [(cargo(7), None), (carry(3), Some(sword))] });
    assert_eq!(found(&stage.stored(&sister).await.carry), [(3, sword)]);
    let life = stage.inner().item_history(ItemHistory { item: sword.id, limit: 9 }).await.unwrap();
    let told: Vec<_> = life.iter().map(|entry| entry.reason.as_str()).collect();
    assert_eq!(told, ["starter", "bank-move", "bank-move"]);
    assert!(life.iter().all(|entry| entry.actor == Actor::Player(ana.fence.account)));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_change_places_and_stacks_join_and_the_rest_stays() {
    let stage = Stage::new().await;
    let (sword, bow, many, few) = (item(SWORD), item(BOW), stack(100), stack(50));
    let ana = stage.player("Anna", &[sword, bow, many, few]).await;
    let moved = async |asked: MoveItem| match stage.ask(Request::MoveItem(asked)).await {
        Reply::Moved { slots: [(_, from), (_, to)] } => (from, to),
        other => panic!("{other:?}"),
    };
    assert_eq!(moved(ana.moves(carry(0), cargo(0))).await, (None, Some(sword)));
    assert_eq!(moved(ana.moves(carry(1), cargo(0))).await, (Some(sword), Some(bow)));
    assert_eq!(moved(ana.moves(carry(2), cargo(1))).await, (None, Some(many)));
    let (rest, full) = moved(ana.moves(carry(3), cargo(1))).await;
    assert_eq!(
        (rest.map(|item| item.effects[0].value), full.map(|item| item.effects[0].value)),
        (Some(30), Some(120))
    );
    let stored = stage.stored(&ana).await;
    assert_eq!((stored.carry[1], stored.carry[3]), (Some(sword), rest));
    assert_eq!(found(&stage.cargo(&ana).await.items), [(0, bow), (1, full.unwrap())]);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_the_bank_the_node_says_how_a_kind_stacks() {
    let stage = Stage::new().await;
    let ana = stage.player("Anna", &[stack(70), stack(20)]).await;
    for slot in [0, 1] {
        stage.ask(Request::MoveItem(ana.moves(carry(slot), cargo(slot)))).await;
    }
    let asked = ana.moves(cargo(0), cargo(1));
    assert_eq!(stage.ask(Request::MoveItem(asked)).await, Reply::KindWanted(POTION));
    let mut asked = MoveItem { rule: Some(rule(POTION)), ..asked };
    asked.order.again = true;
    match stage.ask(Request::MoveItem(asked)).await {
        Reply::Moved { slots: [(_, None), (_, Some(joined))] } => assert_eq!(joined.effects[0].value, 90),
        other => panic!("{other:?}"),
    }
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_as_the_node_says_is_refused_and_nothing_moves() {
    let stage = Stage::new().await;
    let sword = item(SWORD);
    let ana = stage.player("Anna", &[sword]).await;
    let move_item = async |asked: MoveItem| stage.ask(Request::MoveItem(asked)).await;
    let gone = refused(BankRefusal::ItemGone);
    let other = MoveItem { carried: Some(item(SWORD)), ..ana.moves(carry(0), cargo(0)) };
    assert_eq!(move_item(other).await, gone, "another item than the one that is there");
    let mut fine = sword;
    fine.effects[0].code = 43;
    let other = MoveItem { carried: Some(fine), ..ana.moves(carry(0), cargo(0)) };
    assert_eq!(move_item(other).await, gone, "the item is not as it was");
    assert_eq!(move_item(ana.moves(cargo(5), carry(5))).await, gone, "an empty slot of the bank");
    let elsewhere = MoveItem { carried: Some(sword), ..ana.moves(carry(9), cargo(0)) };
    assert_eq!(move_item(elsewhere).await, gone, "it lies in another slot");
    assert_eq!(
        move_item(ana.moves(carry(0), cargo(0))).await,
        Reply::Moved { slots: [(carry(0), None), (cargo(0), Some(sword))] }
    );
    let taken = MoveItem { carried: None, ..ana.moves(cargo(0), carry(1)) };
    let bow = item(BOW);
    let ben = stage.player("Benn", &[bow]).await;
    assert_eq!(move_item(taken).await, Reply::Moved { slots: [(cargo(0), None), (carry(1), Some(sword))] });
    let hidden = MoveItem { carried: None, ..ben.moves(carry(0), cargo(3)) };
    assert_eq!(move_item(hidden).await, gone, "the node says that there is nothing");
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_of_the_inventory_that_is_not_free_after_all_is_not_overwritten() {
    let stage = Stage::new().await;
    let (sword, bow) = (item(SWORD), item(BOW));
    let ana = stage.player("Anna", &[sword, bow]).await;
    stage.ask(Request::MoveItem(ana.moves(carry(0), cargo(0)))).await;
    let blind = MoveItem { carried: None, ..ana.moves(cargo(0), carry(1)) };
    assert_eq!(stage.ask(Request::MoveItem(blind)).await, refused(BankRefusal::Changed));
    assert_eq!(stage.stored(&ana).await.carry[1], Some(bow));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_lost_the_character_a_frozen_account_and_nonsense_are_refused() {
    let stage = Stage::new().await;
    let ana = stage.player("Anna", &[item(SWORD)]).await;
    let small = MoveItem { cargo_slots: 120, ..ana.moves(carry(0), cargo(120)) };
    let worn = Slot { container: Container::Equip, index: 0 };
    for asked in
        [small, ana.moves(carry(0), carry(1)), ana.moves(worn, cargo(1)), ana.moves(cargo(1), cargo(1))]
    {
        let reply = stage.ask(Request::MoveItem(asked)).await;
        assert!(matches!(reply, Reply::Refused(BankRefusal::BadRequest(_))), "{reply:?}");
    }
    let newer = stage.load(&ana.character, "tmsrv-2").await;
    let reply = stage.ask(Request::MoveItem(ana.moves(carry(0), cargo(0)))).await;
    assert_eq!(reply, refused(BankRefusal::Stale));
    stage.freeze(ana.fence.account).await;
    let mut asked = ana.moves(carry(0), cargo(0));
    asked.order.fence = newer;
    assert_eq!(stage.ask(Request::MoveItem(asked)).await, refused(BankRefusal::Frozen));
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_tells_what_the_first_try_did_whatever_the_bank_holds_by_then() {
    let stage = Stage::new().await;
    let (sword, bow, many, few) = (item(SWORD), item(BOW), stack(100), stack(50));
    let ana = stage.player("Anna", &[sword, bow, many, few]).await;
    stage.ask(Request::MoveItem(ana.moves(carry(2), cargo(2)))).await;
    for asked in [
        ana.moves(carry(0), cargo(0)),  // into an empty slot
        ana.moves(carry(1), cargo(0)),  // the two change places
        ana.moves(carry(3), cargo(2)),  // stacks join, a rest stays
        ana.moves(cargo(0), carry(20)), // out of the bank
    ] {
        let first = stage.ask(Request::MoveItem(asked)).await;
        assert!(matches!(first, Reply::Moved { .. }), "{first:?}");
        let mut again = asked;
        again.order.again = true;
        for _ in 0..2 {
            assert_eq!(stage.ask(Request::MoveItem(again)).await, first, "{asked:?}");
        }
    }
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_repeat_was_told_to_be_refused_cannot_be_done_by_an_earlier_try_that_comes_late() {
    let stage = Stage::new().await;
    let (sword, bow) = (item(SWORD), item(BOW));
    let ana = stage.player("Anna", &[sword, bow]).await;
    let early = ana.moves(cargo(0), carry(30));
    let mut late = early;
    late.order.again = true;
    assert_eq!(stage.ask(Request::MoveItem(late)).await, refused(BankRefusal::ItemGone));
    stage.ask(Request::MoveItem(ana.moves(carry(0), cargo(0)))).await;
    assert_eq!(stage.ask(Request::MoveItem(early)).await, refused(BankRefusal::Changed));
    assert_eq!(found(&stage.cargo(&ana).await.items), [(0, sword)]);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_away_in_the_middle_does_it_once() {
    let stage = Stage::with(bisrv::Settings { store_deadline_ms: 300, ..Default::default() }).await;
    let items: Vec<_> = (0..6).map(|n| if n % 2 == 0 { item(SWORD) } else { stack(10) }).collect();
    let ana = stage.player("Anna", &items).await;
    for slot in 0..6_u8 {
        match slot % 3 {
            0 => stage.store.refuse(i64::from(slot) + 1),
            1 => stage.store.lose_answers(1), // the cargo was read for nothing
            _ => stage.store.lose_answers(9), // the transfer as well, and longer than the deadline
        }
        let asked = ana.moves(carry(slot), cargo(slot));
        let reply = stage
            .insist(|again| {
                let mut asked = asked;
                asked.order.again = again;
                Request::MoveItem(asked)
            })
            .await;
        let expected = [(carry(slot), None), (cargo(slot), Some(items[usize::from(slot)]))];
        assert_eq!(reply, Reply::Moved { slots: expected });
    }
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_want_one_item_one_gets_it() {
    let stage = Stage::new().await;
    let sword = item(SWORD);
    let ana = stage.player("Anna", &[sword]).await;
    stage.ask(Request::MoveItem(ana.moves(carry(0), cargo(0)))).await;
    let tasks: Vec<_> = (1..9)
        .map(|slot| {
            let (client, asked) = (stage.client.clone(), ana.moves(cargo(0), carry(slot)));
            tokio::spawn(async move { client.call(&Request::MoveItem(asked), support::SOON).await })
        })
        .collect();
    let mut got = 0;
    for task in tasks {
        match task.await.unwrap().unwrap() {
            Reply::Moved { .. } => got += 1,
            reply => assert_eq!(reply, refused(BankRefusal::ItemGone)),
        }
    }
    assert_eq!(got, 1);
    assert_eq!(found(&stage.stored(&ana).await.carry).len(), 1);
    stage.books_are_right().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_character_that_is_deleted_meanwhile_moves_nothing() {
    let stage = Stage::new().await;
    let ana = stage.player("Anna", &[item(SWORD)]).await;
    let delete = DeleteCharacter {
        operation: crate::stage::operation(),
        account: ana.fence.account,
        slot: 0,
        key: ana.character.name.key(),
    };
    stage.inner().delete_character(delete).await.unwrap().unwrap();
    let reply = stage.ask(Request::MoveItem(ana.moves(carry(0), cargo(0)))).await;
    assert!(matches!(reply, Reply::Refused(BankRefusal::Stale) | Reply::NoSuchAccount), "{reply:?}");
    stage.books_are_right().await;
}
