//! Characters of an account.

use crate::stage::{NEWCOMERS, PASSWORD, Stage};
use model::account::BadName;
use model::calls::registry::{CreateRefusal, DeleteRefusal, Reply, Request};
use model::item::{CARRY_SLOTS, EQUIP_SLOTS};
use model::{Character, Class, ItemKind, Secret};
use std::collections::HashSet;
use std::sync::Arc;

fn delete(session: model::SessionId, name: &str, password: &str) -> Request {
    Request::DeleteCharacter { session, slot: 0, name: name.to_owned(), password: Secret::new(password) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_character_has_the_kit_of_its_class_and_stands_where_newcomers_do() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    edge.create(session, 2, "Guerreira").await;
    let list = edge.create(session, 0, "Besta").await;
    assert_eq!(
        list.iter().map(|c| (c.slot, c.name.as_str())).collect::<Vec<_>>(),
        [(0, "Besta"), (2, "Guerreira")]
    );
    for character in &list {
        has_a_kit(character);
    }
    let ids: HashSet<_> =
        list.iter().flat_map(|c| c.equip.iter().chain(&c.carry).flatten().map(|item| item.id)).collect();
    assert_eq!(ids.len(), 2 * 4, "each item has an id of its own");
}

fn has_a_kit(character: &Character) {
    assert_eq!((character.equip.len(), character.carry.len()), (EQUIP_SLOTS, CARRY_SLOTS));
    assert_eq!(character.equip[0].map(|item| item.kind), Some(ItemKind(21)), "the face of a BeastMaster");
    assert_eq!(character.carry.iter().flatten().count(), 2);
    assert!(NEWCOMERS.contains(character.soft.tile), "{}", character.soft.tile);
    assert_eq!((character.class, character.hard.gold), (Class::BeastMaster, 500));
    assert!(character.soft.hp >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_are_unique_over_all_accounts_and_slots_hold_one() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    stage.account("bia1").await;
    let edge = stage.edge("edge-1").await;
    let (ana, bia) = (edge.login("ana1").await.unwrap(), edge.login("bia1").await.unwrap());
    edge.create(ana, 0, "Lenda").await;
    let create = |session, slot, name: &str| Request::CreateCharacter {
        session,
        slot,
        name: name.to_owned(),
        class: Class::Foema,
    };
    for (request, refusal) in [
        (create(bia, 0, "LENDA"), CreateRefusal::NameTaken),
        (create(bia, 0, "KingDom"), CreateRefusal::BadName(BadName::Kept)),
        (create(ana, 0, "Outra"), CreateRefusal::BadSlot),
        (create(ana, 4, "Outra"), CreateRefusal::BadSlot),
        (create(ana, 1, "com1"), CreateRefusal::BadName(BadName::Kept)),
        (create(ana, 1, "ab_c"), CreateRefusal::BadName(BadName::Character)),
        (create(ana, 1, "abc"), CreateRefusal::BadName(BadName::Length { min: 4, max: 12, found: 3 })),
    ] {
        assert_eq!(edge.call(request).await, Reply::CreateRefused(refusal));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_character_is_deleted_with_the_password_and_never_while_it_plays() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    stage.account("bia1").await;
    let edge = stage.edge("edge-1").await;
    let (ana, bia) = (edge.login("ana1").await.unwrap(), edge.login("bia1").await.unwrap());
    edge.create(ana, 0, "Lenda").await;
    let refused = |refusal| Reply::DeleteRefused(refusal);
    assert_eq!(edge.call(delete(ana, "Lenda", "wrong77")).await, refused(DeleteRefusal::WrongPassword));
    assert_eq!(edge.call(delete(ana, "Outra", PASSWORD)).await, refused(DeleteRefusal::NoSuchCharacter));
    assert_eq!(edge.call(delete(bia, "Lenda", PASSWORD)).await, refused(DeleteRefusal::NoSuchCharacter));
    edge.play(ana, Some((1, "Lenda"))).await;
    assert_eq!(edge.call(delete(ana, "Lenda", PASSWORD)).await, refused(DeleteRefusal::NoSuchCharacter));
    edge.play(ana, None).await;
    assert_eq!(edge.call(delete(ana, "lenda", PASSWORD)).await, Reply::Characters(Vec::new()));
    edge.create(bia, 0, "Lenda").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_the_password_by_deleting_is_locked_like_a_login() {
    let stage = Stage::new().await;
    stage.account("ana1").await;
    let edge = stage.edge("edge-1").await;
    let session = edge.login("ana1").await.unwrap();
    edge.create(session, 0, "Lenda").await;
    for _ in 0..3 {
        edge.call(delete(session, "Lenda", "wrong77")).await;
    }
    let refused = edge.call(delete(session, "Lenda", PASSWORD)).await;
    assert_eq!(refused, Reply::DeleteRefused(DeleteRefusal::WrongPassword));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_session_is_told_so() {
    let stage = Stage::new().await;
    let edge = stage.edge("edge-1").await;
    let session = crate::edge::new_session();
    for request in [
        Request::Characters { session },
        Request::Pin { session, pin: Secret::new("4711"), change: false },
        Request::CreateCharacter { session, slot: 0, name: "Lenda".to_owned(), class: Class::Foema },
        delete(session, "Lenda", PASSWORD),
        Request::Playing { session, character: None },
        Request::Whisper { session, to: "Lenda".to_owned(), text: "oi".to_owned() },
    ] {
        assert_eq!(edge.call(request).await, Reply::NoSuchSession);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_did_without_an_answer_is_done_once() {
    let stage = Stage::new().await;
    let flaky = support::FaultyStore::new(Arc::clone(&stage.store));
    let nrsrv = stage.start(Arc::clone(&flaky) as Arc<dyn store::Store>).await;
    let edge = crate::edge::Edge::connect("edge-1", &nrsrv, Vec::new()).await;
    let lose = |answers| flaky.lose_answers(answers);
    lose(2); // one lookup of the name, one creation
    let request =
        Request::CreateAccount { name: "ana1".to_owned(), password: Secret::new(PASSWORD), address: None };
    let reply = edge.call(request).await;
    assert!(matches!(reply, Reply::AccountCreated(Ok(_))), "{reply:?}");
    lose(1);
    let session = edge.login("ana1").await.unwrap();
    lose(1);
    assert_eq!(edge.create(session, 0, "Lenda").await.len(), 1);
    lose(1);
    assert_eq!(edge.call(delete(session, "Lenda", PASSWORD)).await, Reply::Characters(Vec::new()));
    lose(i64::MAX);
    assert_eq!(edge.call(Request::Characters { session }).await, Reply::Unavailable);
    nrsrv.end().await;
}
