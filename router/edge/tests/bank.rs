//! What others put into a player's bank: parcels before the login is answered, auctions and sales while it plays.
#![allow(clippy::unwrap_used)]

mod support;

use model::calls::bank::{DeliverParcels, Request};
use model::calls::registry::ToEdge;
use model::event::{Notice, NoticeKey};
use model::item::{Container, Item, ItemKind, Slot};
use model::{CharacterId, Command, EntityId, Event, ItemId};
use support::fakes::{account_id, character_id};
use support::{Client, Stage, eventually, settings};
use wire::Profile;
use wire::packet::{MoveItem, ServerPacket};

fn item(id: u128) -> Item {
    Item { id: ItemId(id), kind: ItemKind(412), effects: Default::default() }
}

async fn bank_slot(client: &mut Client) -> (u8, u16) {
    let (_, slot) = client.until("send_item").await;
    let ServerPacket::SendItem(slot) = slot else { panic!("{slot:?}") };
    assert_eq!(slot.container, 2);
    (slot.slot, slot.item.kind)
}

#[tokio::test(flavor = "multi_thread")]
async fn parcels_come_into_the_bank_before_it_is_shown() {
    for (profile, slots) in [(Profile::V748, 128), (Profile::V759, 128), (Profile::V769, 120)] {
        let stage = Stage::new(settings()).await;
        *stage.bank.parcel.lock().unwrap() = Some(item(7));
        let mut client = stage.connect(profile).await;
        client.log_in("hero", "secret", false).await;
        let (_, list) = client.until("char_list").await;
        let ServerPacket::CharList(list) = list else { panic!("{list:?}") };
        assert_eq!(list.cargo[0].kind, 412, "{profile}");
        let calls = stage.bank.calls.lock().unwrap().clone();
        let account = account_id("hero");
        let [Request::DeliverParcels(asked), Request::LoadCargo { account: loaded }] = calls[..] else {
            panic!("{calls:?}")
        };
        assert_eq!(loaded, account);
        let operation = asked.operation;
        assert_eq!(asked, DeliverParcels { operation, account, cargo_slots: slots });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_auction_or_a_sale_leaves_in_the_bank_is_shown() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V748, "hero").await;
    let session = stage.registry.session_of("hero").unwrap();
    let node = &stage.nodes[0];
    let keys = [
        NoticeKey::AuctionBought,
        NoticeKey::AuctionCancelled,
        NoticeKey::AuctionUnsold,
        NoticeKey::AuctionWon,
        NoticeKey::AuctionOutbid,
        NoticeKey::AuctionSold,
        NoticeKey::ParcelTaken,
        NoticeKey::ParcelsTaken,
    ];
    for (index, key) in keys.into_iter().enumerate() {
        stage.bank.cargo.lock().unwrap().items[index] = Some(item(10 + index as u128));
        let notice = Notice::Catalogue { key, arguments: vec!["knife".to_owned(), "5".to_owned()] };
        node.tell(session, Event::Notice(notice)).await;
        assert_eq!(bank_slot(&mut client).await, (index as u8, 412), "{key:?}");
    }
    // the edge knows, too, which of two slots is the empty one
    let back = MoveItem { to_container: 2, to_slot: 0, from_container: 1, from_slot: 9, keeper: 0 };
    client.send(back).await;
    let from = Slot { container: Container::Cargo, index: 0 };
    let to = Slot { container: Container::Carry, index: 9 };
    let asked = Command::MoveItem { from, to, keeper: None };
    eventually("the node hears it", || node.commands() == [asked.clone()]).await;

    let before = stage.bank.calls.lock().unwrap().len();
    stage.bank.cargo.lock().unwrap().items[3] = None;
    let others = EntityId::of_character(CharacterId(909));
    node.tell(session, Event::StallSold { owner: others, position: 0 }).await;
    let own = EntityId::of_character(character_id("hero"));
    node.tell(session, Event::StallSold { owner: own, position: 0 }).await;
    assert_eq!(bank_slot(&mut client).await, (3, 0));
    assert_eq!(stage.bank.calls.lock().unwrap().len(), before + 1, "a sale of others asks nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_parcels_reaches_who_is_in_the_world() {
    let stage = Stage::new(settings()).await;
    let mut client = stage.enter(Profile::V759, "hero").await;
    let session = stage.registry.session_of("hero").unwrap();
    let notice = Notice::Catalogue { key: NoticeKey::ParcelArrived, arguments: vec!["Bianca".to_owned()] };
    stage.registry.push(ToEdge::Tell { session, notice }).await;
    let (_, panel) = client.until("message_panel").await;
    let ServerPacket::MessagePanel(panel) = panel else { panic!("{panel:?}") };
    assert!(panel.text.contains("Bianca"), "{}", panel.text);
}
