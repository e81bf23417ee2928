//! Personal shops.

use crate::stage::{Node, Player, Stage, ask};
use model::Item;
use model::calls::market::{BuyFromStall, MarketRefusal, OpenStall, Reply, Request, Stall, ToNode};
use model::item::GOLD_MAX;
use model::trade::Ware;
use support::{RedisServer, until};

const PRICE: i64 = 300;

/// A seller with two items in the bank, a buyer, a node each.
struct Shop {
    stage: Stage,
    nodes: [Node; 2],
    seller: Player,
    buyer: Player,
    items: [Item; 2],
}

async fn shop(stage: Stage) -> Shop {
    let nodes = [stage.node("tmsrv-1").await, stage.node("tmsrv-2").await];
    let (seller, buyer) = (stage.player("tmsrv-1", 0, 2).await, stage.player("tmsrv-2", 1_000, 0).await);
    let items = [stage.banks(&seller, 0, 10).await, stage.banks(&seller, 1, 20).await];
    for node in &nodes {
        node.ask(Request::ReadStall { owner: seller.party.fence.character }).await;
    }
    Shop { stage, nodes, seller, buyer, items }
}

fn open(shop: &Shop) -> OpenStall {
    let ware = |position: u8, cargo_slot: u8, item: Item| Ware {
        position,
        cargo_slot,
        shown: item.spec(),
        price: PRICE,
    };
    let wares = vec![ware(0, 10, shop.items[0]), ware(5, 20, shop.items[1])];
    OpenStall { owner: shop.seller.party.clone(), title: "Barato".to_owned(), wares, tax: 5 }
}

fn buy(shop: &Shop, position: u8) -> BuyFromStall {
    let item = shop.items[usize::from(position > 0)];
    BuyFromStall {
        order: shop.buyer.order(),
        to_slot: 7,
        owner: shop.seller.party.fence.character,
        position,
        shown: item.spec(),
        price: PRICE,
    }
}

async fn opened(shop: &Shop) -> Stall {
    match shop.nodes[0].ask(Request::OpenStall(open(shop))).await {
        Reply::StallOpened(stall) => stall,
        other => panic!("no shop but {other:?}"),
    }
}

async fn read(shop: &Shop) -> Option<Stall> {
    let owner = shop.seller.party.fence.character;
    match shop.nodes[1].ask(Request::ReadStall { owner }).await {
        Reply::Stall(stall) => stall,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ware_is_bought_taxed_and_gone() {
    let mut shop = shop(Stage::in_memory().await).await;
    let stall = opened(&shop).await;
    assert_eq!(read(&shop).await, Some(stall));
    let bought = shop.nodes[1].ask(Request::BuyFromStall(buy(&shop, 5))).await;
    assert_eq!(bought, Reply::Bought { slot: (7, shop.items[1]), gold: 700 });
    let owner = shop.seller.party.fence.character;
    let sold = ToNode::StallSold { owner, position: 5, cargo_slot: 20, cargo_gold: Some(285) };
    assert_eq!(shop.nodes[0].hears().await, sold);
    assert_eq!(shop.nodes[1].hears().await, sold);
    let cargo = shop.stage.cargo(&shop.seller).await;
    assert_eq!((cargo.items[20], cargo.gold), (None, 285), "5 % of 300 are tax");
    assert_eq!(shop.stage.stored(&shop.buyer).await.carry[7], Some(shop.items[1]));
    assert_eq!(read(&shop).await.unwrap().wares.len(), 1);
    let again = shop.nodes[1].ask(Request::BuyFromStall(buy(&shop, 5))).await;
    assert_eq!(again, Reply::Refused(MarketRefusal::NoSuchWare));
    shop.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_is_opened_only_with_what_lies_in_the_bank() {
    let shop = shop(Stage::in_memory().await).await;
    let refused = async |change: &dyn Fn(&mut OpenStall)| {
        let mut asked = open(&shop);
        change(&mut asked);
        match shop.nodes[0].ask(Request::OpenStall(asked)).await {
            Reply::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&|stall| stall.wares[0].cargo_slot = 11).await, MarketRefusal::ItemGone);
    assert_eq!(refused(&|stall| stall.wares[0].shown.kind.0 += 1).await, MarketRefusal::ItemGone);
    let bad: [&dyn Fn(&mut OpenStall); 8] = [
        &|stall| stall.wares.clear(),
        &|stall| stall.wares[0].price = 0,
        &|stall| stall.wares[0].price = GOLD_MAX + 1,
        &|stall| stall.wares[0].position = 12,
        &|stall| stall.wares[0].position = 5,
        &|stall| stall.wares[0].cargo_slot = 20,
        &|stall| stall.title = "x".repeat(24),
        &|stall| stall.tax = 100,
    ];
    for change in bad {
        assert!(matches!(refused(change).await, MarketRefusal::BadRequest(_)));
    }
    assert_eq!(read(&shop).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_moved_since_it_was_shown_is_refused() {
    let mut shop = shop(Stage::in_memory().await).await;
    opened(&shop).await;
    let ask = async |shop: &Shop, change: &dyn Fn(&mut BuyFromStall)| {
        let mut asked = buy(shop, 0);
        change(&mut asked);
        match shop.nodes[1].ask(Request::BuyFromStall(asked)).await {
            Reply::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(ask(&shop, &|buy| buy.price = 299).await, MarketRefusal::OfferChanged);
    assert_eq!(ask(&shop, &|buy| buy.shown.effects[0].value = 9).await, MarketRefusal::OfferChanged);
    assert_eq!(ask(&shop, &|buy| buy.position = 1).await, MarketRefusal::NoSuchWare);
    assert!(matches!(ask(&shop, &|buy| buy.to_slot = 60).await, MarketRefusal::BadRequest(_)));
    let poor = shop.stage.player("tmsrv-2", 299, 1).await;
    let order = poor.order();
    assert_eq!(ask(&shop, &|buy| buy.order = order).await, MarketRefusal::NotEnough);
    let rich = shop.stage.player("tmsrv-2", 5_000, 1).await;
    let order = rich.order();
    let taken = |buy: &mut BuyFromStall| (buy.order, buy.to_slot) = (order, 0);
    assert_eq!(ask(&shop, &taken).await, MarketRefusal::NoRoom);
    shop.stage.mints_into_bank(&shop.seller, GOLD_MAX - 100).await;
    assert_eq!(ask(&shop, &|_| {}).await, MarketRefusal::TooMuch);
    shop.stage.freezes(&shop.seller, Some("a finding")).await;
    assert_eq!(ask(&shop, &|_| {}).await, MarketRefusal::Frozen);
    shop.stage.freezes(&shop.seller, None).await;
    // the item leaves the bank: the ware is taken off and everybody is told
    let (from, to) = (
        shop.seller.at(model::ledger::ItemPlace::Cargo(shop.seller.party.fence.account, 10)),
        shop.seller.at(shop.seller.carry_place(0)),
    );
    let item = shop.items[0];
    shop.stage
        .does(&shop.seller, vec![model::transfer::Move::Item { item, from, to, effects: item.effects }])
        .await;
    assert_eq!(ask(&shop, &|_| {}).await, MarketRefusal::ItemGone);
    let owner = shop.seller.party.fence.character;
    let gone = ToNode::StallSold { owner, position: 0, cargo_slot: 10, cargo_gold: None };
    assert_eq!(shop.nodes[0].hears().await, gone);
    assert_eq!(shop.stage.gold(&shop.buyer).await, 1_000);
    shop.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_buyers_one_gets_the_ware() {
    let shop = shop(Stage::in_memory().await).await;
    opened(&shop).await;
    let mut buying = Vec::new();
    for _ in 0..12 {
        let buyer = shop.stage.player("tmsrv-2", 1_000, 0).await;
        let asked = Request::BuyFromStall(BuyFromStall { order: buyer.order(), ..buy(&shop, 0) });
        let client = shop.nodes[1].client.clone();
        buying.push(tokio::spawn(async move { ask(&client, asked).await }));
    }
    let mut bought = 0;
    for task in buying {
        bought += usize::from(matches!(task.await.unwrap(), Reply::Bought { .. }));
    }
    assert_eq!(bought, 1);
    assert_eq!(shop.stage.cargo(&shop.seller).await.gold, 285);
    shop.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_never_buys_twice() {
    let shop = shop(Stage::in_memory().await).await;
    opened(&shop).await;
    let mut lost = buy(&shop, 0);
    shop.stage.store.lose_answers(i64::MAX);
    assert_eq!(shop.nodes[1].ask(Request::BuyFromStall(lost.clone())).await, Reply::Unavailable);
    shop.stage.store.lose_answers(0);
    lost.order.again = true;
    assert_eq!(shop.nodes[1].ask(Request::BuyFromStall(lost.clone())).await, Reply::DoneUnseen);
    assert_eq!(shop.nodes[1].ask(Request::BuyFromStall(lost)).await, Reply::DoneUnseen);
    assert_eq!(shop.stage.gold(&shop.buyer).await, 700);
    // and what never came to the store is not done by asking for it
    let mut never = buy(&shop, 5);
    never.order.again = true;
    never.to_slot = 8;
    let not_done = Reply::Refused(MarketRefusal::NotDone);
    assert_eq!(shop.nodes[1].ask(Request::BuyFromStall(never.clone())).await, not_done);
    never.order.again = false;
    let voided = shop.nodes[1].ask(Request::BuyFromStall(never)).await;
    assert!(matches!(voided, Reply::Refused(_)), "{voided:?}");
    assert_eq!(shop.stage.gold(&shop.buyer).await, 700);
    shop.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_whose_owner_was_loaded_elsewhere_is_closed_by_the_first_buyer() {
    let mut shop = shop(Stage::in_memory().await).await;
    opened(&shop).await;
    let fence = shop.seller.party.fence;
    shop.stage.load(fence.account, fence.character, "tmsrv-9").await;
    let bought = shop.nodes[1].ask(Request::BuyFromStall(buy(&shop, 0))).await;
    assert_eq!(bought, Reply::Refused(MarketRefusal::NoSuchWare));
    assert_eq!(shop.nodes[0].hears().await, ToNode::StallClosed { owner: fence.character });
    assert_eq!(read(&shop).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_shop_is_gone_and_a_flushed_one_is_published_again() {
    let Some(redis) = RedisServer::start_or_skip() else { return };
    let mut shop = shop(Stage::on(&redis).await).await;
    let stall = opened(&shop).await;
    redis.flush();
    shop.nodes[0].hears_lost().await;
    assert_eq!(read(&shop).await, None);
    shop.nodes[0].publish(vec![stall.clone()]).await;
    until("the shop is there again", async || read(&shop).await.is_some()).await;
    assert_eq!(read(&shop).await, Some(stall.clone()));
    // what was sold meanwhile is not there again by an old list
    assert!(matches!(shop.nodes[1].ask(Request::BuyFromStall(buy(&shop, 0))).await, Reply::Bought { .. }));
    shop.nodes[0].publish(vec![stall.clone()]).await;
    shop.nodes[0].ask(Request::ReadStall { owner: stall.owner.fence.character }).await;
    assert_eq!(read(&shop).await.unwrap().wares.len(), 1);
    let owner = stall.owner.fence.character;
    assert_eq!(shop.nodes[0].ask(Request::CloseStall { owner }).await, Reply::Closed);
    assert_eq!(read(&shop).await, None);
    shop.stage.is_sound().await;
}
