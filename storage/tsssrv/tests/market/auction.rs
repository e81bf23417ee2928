//! The life of a lot: listed, bid on, outbid, bought out, cancelled, over; with full banks, restarts and repeats.

use crate::stage::{Node, Player, Stage};
use model::calls::bank::Order;
use model::calls::market::{
    BidOnLot, BuyOutLot, CancelLot, Carried, ListLot, Lot, LotOrder, MarketRefusal, Reply, Request,
    SearchLots, ToNode,
};
use model::event::{Notice, NoticeKey};
use model::item::GOLD_MAX;
use model::{Item, LotId};
use support::until;

/// A seller with three items, two bidders, one node.
pub struct House {
    pub stage: Stage,
    pub node: Node,
    pub seller: Player,
    pub dora: Player,
    pub edu: Player,
}

pub async fn house() -> House {
    house_on(Stage::in_memory().await).await
}

pub async fn house_on(stage: Stage) -> House {
    let node = stage.node("tmsrv-1").await;
    let seller = stage.player("tmsrv-1", 1_000, 4).await;
    let (dora, edu) = (stage.player("tmsrv-1", 10_000, 0).await, stage.player("tmsrv-1", 20_000, 0).await);
    until("the lots are read", async || {
        matches!(node.ask(Request::SearchLots(SearchLots::default())).await, Reply::Lots { .. })
    })
    .await;
    House { stage, node, seller, dora, edu }
}

impl House {
    fn listing(&self, slot: u8, start: i64, buy_out: Option<i64>) -> ListLot {
        let item = self.seller.carry[usize::from(slot)].unwrap();
        let carried = Carried { slot, item, name: format!("Dragon Sword {slot}") };
        let (order, seller) = (self.seller.order(), self.seller.party.name.clone());
        ListLot { order, seller, carried, start, buy_out, hours: 24 }
    }

    pub async fn lists(&self, slot: u8, start: i64, buy_out: Option<i64>) -> Lot {
        match self.node.ask(Request::ListLot(self.listing(slot, start, buy_out))).await {
            Reply::Listed { lot, .. } => lot,
            other => panic!("not listed but {other:?}"),
        }
    }

    pub async fn bids(&self, who: &Player, lot: LotId, gold: i64) -> Reply {
        let bid = BidOnLot { order: who.order(), bidder: who.party.name.clone(), lot, gold };
        self.node.ask(Request::BidOnLot(bid)).await
    }

    async fn buys(&self, who: &Player, lot: LotId, price: i64) -> Reply {
        self.node.ask(Request::BuyOutLot(BuyOutLot { order: who.order(), lot, price })).await
    }

    async fn cancels(&self, who: &Player, lot: LotId) -> Reply {
        self.node.ask(Request::CancelLot(CancelLot { order: who.order(), lot })).await
    }

    async fn finds(&self, search: SearchLots) -> Vec<Lot> {
        match self.node.ask(Request::SearchLots(search)).await {
            Reply::Lots { lots, .. } => lots,
            other => panic!("{other:?}"),
        }
    }

    /// The next notice of the auction for a player.
    async fn is_told(&mut self, who: &Player) -> (NoticeKey, Vec<String>) {
        loop {
            if let ToNode::Auction { account, notice: Notice::Catalogue { key, arguments } } =
                self.node.hears().await
                && account == who.party.fence.account
            {
                return (key, arguments);
            }
        }
    }

    /// Lots whose record is still there.
    pub async fn lots_left(&self) -> usize {
        crate::stage::lots_left(&self.stage).await
    }

    pub async fn banked(&self, who: &Player) -> (Vec<Item>, i64) {
        let cargo = self.stage.cargo(who).await;
        (cargo.items.into_iter().flatten().collect(), cargo.gold)
    }
}

fn carried_now(gold: i64) -> Reply {
    Reply::LotChanged { gold: Some(gold) }
}

fn refused(refusal: MarketRefusal) -> Reply {
    Reply::Refused(refusal)
}

fn all() -> SearchLots {
    SearchLots::default()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lot_is_listed_bid_on_outbid_and_won() {
    let mut house = house().await;
    let item = house.seller.carry[0].unwrap();
    let lot = house.lists(0, 5_000, None).await;
    assert_eq!((lot.next_bid, lot.item, lot.number.len()), (5_000, item, 5));
    assert_eq!(house.stage.gold(&house.seller).await, 950, "1 % of the first bid is the fee");
    assert_eq!(house.stage.stored(&house.seller).await.carry[0], None);
    assert_eq!(house.bids(&house.dora, lot.lot, 4_999).await, refused(MarketRefusal::BidTooLow(5_000)));
    assert_eq!(house.bids(&house.seller, lot.lot, 5_000).await, refused(MarketRefusal::OwnLot));
    assert_eq!(house.bids(&house.dora, lot.lot, 10_001).await, refused(MarketRefusal::NotEnough));
    assert_eq!(house.bids(&house.dora, lot.lot, 5_000).await, carried_now(5_000));
    assert_eq!(house.bids(&house.edu, lot.lot, 5_249).await, refused(MarketRefusal::BidTooLow(5_250)));
    assert_eq!(house.bids(&house.edu, lot.lot, 6_000).await, carried_now(14_000));
    let dora = house.dora.clone();
    let outbid = (NoticeKey::AuctionOutbid, vec!["Dragon Sword 0".to_owned(), "5000".to_owned()]);
    assert_eq!(house.is_told(&dora).await, outbid);
    assert_eq!(house.banked(&house.dora).await, (vec![], 5_000));
    assert_eq!(house.cancels(&house.seller, lot.lot).await, refused(MarketRefusal::HasBids));
    house.stage.is_sound().await;
    house.stage.wait_hours(25);
    let (edu, seller) = (house.edu.clone(), house.seller.clone());
    let sold = (NoticeKey::AuctionSold, vec!["Dragon Sword 0".to_owned(), "5700".to_owned()]);
    assert_eq!(house.is_told(&seller).await, sold);
    assert_eq!(house.is_told(&edu).await, (NoticeKey::AuctionWon, vec!["Dragon Sword 0".to_owned()]));
    assert_eq!(house.banked(&house.edu).await, (vec![item], 0));
    assert_eq!(house.banked(&house.seller).await, (vec![], 5_700), "5 % of the bid are tax");
    assert_eq!(house.bids(&house.dora, lot.lot, 9_000).await, refused(MarketRefusal::NoSuchLot));
    assert_eq!(house.finds(all()).await, []);
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_nobody_wants_and_what_is_cancelled_goes_back() {
    let mut house = house().await;
    let seller = house.seller.clone();
    let (unsold, cancelled) = (house.lists(0, 100, None).await, house.lists(1, 100, None).await);
    assert_eq!(house.cancels(&house.dora, cancelled.lot).await, refused(MarketRefusal::NoSuchLot));
    assert_eq!(house.cancels(&house.seller, cancelled.lot).await, Reply::LotChanged { gold: None });
    assert_eq!(house.is_told(&seller).await.0, NoticeKey::AuctionCancelled);
    assert_eq!(house.cancels(&house.seller, cancelled.lot).await, refused(MarketRefusal::NoSuchLot));
    house.stage.wait_hours(25);
    assert_eq!(house.is_told(&seller).await.0, NoticeKey::AuctionUnsold);
    assert_eq!(house.bids(&house.dora, unsold.lot, 100).await, refused(MarketRefusal::NoSuchLot));
    let back = [1, 0].map(|slot| seller.carry[slot].unwrap()).to_vec();
    assert_eq!(house.banked(&seller).await, (back, 0));
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_buy_out_ends_it_at_once_and_refunds_the_bidder() {
    let house = house().await;
    let lot = house.lists(0, 1_000, Some(8_000)).await.lot;
    assert_eq!(house.bids(&house.dora, lot, 2_000).await, carried_now(8_000));
    assert_eq!(house.buys(&house.edu, lot, 7_999).await, refused(MarketRefusal::OfferChanged));
    assert_eq!(house.buys(&house.edu, lot, 8_000).await, carried_now(12_000));
    assert_eq!(house.banked(&house.dora).await, (vec![], 2_000));
    assert_eq!(house.banked(&house.seller).await, (vec![], 7_600));
    assert_eq!(house.banked(&house.edu).await, (vec![house.seller.carry[0].unwrap()], 0));
    assert_eq!(house.buys(&house.dora, lot, 8_000).await, refused(MarketRefusal::NoSuchLot));
    let high = house.lists(1, 1_000, Some(3_000)).await.lot;
    assert_eq!(
        house.bids(&house.edu, high, 9_000).await,
        carried_now(9_000),
        "a bid over the price buys for the price"
    );
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_that_break_the_rules_are_refused() {
    let mut house = house().await;
    let refusal = async |house: &House, change: &dyn Fn(&mut ListLot)| {
        let mut asked = house.listing(0, 1_000, Some(2_000));
        change(&mut asked);
        match house.node.ask(Request::ListLot(asked)).await {
            Reply::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refusal(&house, &|lot| lot.carried.slot = 60).await, MarketRefusal::ItemBound);
    assert_eq!(refusal(&house, &|lot| lot.carried.slot = 1).await, MarketRefusal::ItemGone);
    assert_eq!(
        refusal(&house, &|lot| (lot.start, lot.buy_out) = (200_000, None)).await,
        MarketRefusal::NotEnough
    );
    let bad: [&dyn Fn(&mut ListLot); 5] = [
        &|lot| lot.start = 0,
        &|lot| lot.buy_out = Some(GOLD_MAX + 1),
        &|lot| lot.buy_out = Some(999),
        &|lot| lot.hours = 0,
        &|lot| lot.hours = 73,
    ];
    for change in bad {
        assert!(matches!(refusal(&house, change).await, MarketRefusal::BadRequest(_)));
    }
    house.stage.stop().await;
    house.stage.auction.lots_per_account = 1;
    house.stage.start().await;
    house.node = house.stage.node("tmsrv-1").await;
    house.lists(0, 100, None).await;
    assert_eq!(refusal(&house, &|lot| lot.carried.slot = 1).await, MarketRefusal::TooManyLots(1));
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_banks_make_only_their_own_dues_wait() {
    let house = house().await;
    let lot = house.lists(0, 1_000, None).await.lot;
    assert_eq!(house.bids(&house.dora, lot, 2_000).await, carried_now(8_000));
    house.stage.mints_into_bank(&house.dora, GOLD_MAX).await;
    assert_eq!(
        house.bids(&house.edu, lot, 3_000).await,
        carried_now(17_000),
        "Dora's full bank stops nobody"
    );
    let cargo = house.banked(&house.dora).await;
    assert_eq!(cargo.1, GOLD_MAX);
    house.stage.is_sound().await;
    house.stage.wait_hours(25);
    until("the seller is paid", async || house.banked(&house.seller).await.1 == 2_850).await;
    until("Edu has it", async || !house.banked(&house.edu).await.0.is_empty()).await;
    house.stage.is_sound().await;
    // Dora's refund waits in the lot until there is room
    let home = house.dora.party.fence.account;
    let bank = model::transfer::GoldLocation { home, account: model::ledger::GoldAccount::Cargo(home) };
    let burn =
        model::transfer::GoldLocation { home, account: model::ledger::GoldAccount::Burn("test".to_owned()) };
    let step = model::transfer::Move::Gold { amount: 5_000, from: bank, to: burn };
    house.stage.does(&house.dora, vec![step]).await;
    let mut house = house;
    // a restart looks at it at once, not after its pause
    house.stage.stop().await;
    house.stage.start().await;
    until("Dora is paid", async || house.banked(&house.dora).await.1 == GOLD_MAX - 3_000).await;
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_bid_and_buy_at_once_each_gets_its_gold_back_or_the_item() {
    let house = house().await;
    let lot = house.lists(0, 100, Some(5_000)).await.lot;
    let mut bidders = Vec::new();
    for _ in 0..10 {
        bidders.push(house.stage.player("tmsrv-1", 6_000, 0).await);
    }
    let asking: Vec<_> = bidders
        .iter()
        .enumerate()
        .map(|(number, who)| {
            let gold = 100 + 400 * number as i64;
            let bid = Request::BidOnLot(BidOnLot { order: who.order(), bidder: String::new(), lot, gold });
            let buy = Request::BuyOutLot(BuyOutLot { order: who.order(), lot, price: 5_000 });
            let request = if number % 3 == 2 { buy } else { bid };
            let client = house.node.client.clone();
            tokio::spawn(async move { crate::stage::ask(&client, request).await })
        })
        .collect();
    for task in asking {
        let reply = task.await.unwrap();
        assert!(!matches!(reply, Reply::Unavailable), "{reply:?}");
    }
    until("it is over", async || house.finds(all()).await.is_empty()).await;
    let (mut items, mut spent) = (0, 0);
    for who in &bidders {
        let (banked, gold) = house.banked(who).await;
        items += banked.len();
        spent += 6_000 - house.stage.gold(who).await - gold;
    }
    assert_eq!((items, spent), (1, 5_000), "one bought it, all others have their gold");
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_rebuilds_the_index_and_ends_what_ended_meanwhile() {
    let mut house = house().await;
    let lots = [
        house.lists(0, 100, None).await,
        house.lists(1, 300, None).await,
        house.lists(2, 200, Some(900)).await,
    ];
    assert_eq!(house.bids(&house.dora, lots[0].lot, 150).await, carried_now(9_850));
    let before = house.finds(all()).await;
    house.stage.stop().await;
    house.stage.values = std::sync::Arc::new(tsssrv::MemoryValues::new(1_000, 1 << 24));
    house.stage.start().await;
    house.node = house.stage.node("tmsrv-1").await;
    until("the lots are read", async || {
        matches!(house.node.ask(Request::SearchLots(all())).await, Reply::Lots { found: 3, .. })
    })
    .await;
    assert_eq!(house.finds(all()).await, before);
    house.stage.stop().await;
    house.stage.wait_hours(25);
    house.stage.start().await;
    house.node = house.stage.node("tmsrv-1").await;
    until("all is over", async || house.banked(&house.seller).await.0.len() == 2).await;
    until("Dora has it", async || house.banked(&house.dora).await.0.len() == 1).await;
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_never_does_it_twice() {
    let house = house().await;
    let again = |order: Order| Order { again: true, ..order };
    let mut listing = house.listing(0, 1_000, Some(5_000));
    house.stage.store.lose_answers(i64::MAX);
    assert_eq!(house.node.ask(Request::ListLot(listing.clone())).await, Reply::Unavailable);
    house.stage.store.lose_answers(0);
    listing.order = again(listing.order);
    assert_eq!(house.node.ask(Request::ListLot(listing)).await, Reply::DoneUnseen);
    assert_eq!(house.stage.gold(&house.seller).await, 990);
    let lot = house.lists(1, 1_000, Some(5_000)).await.lot;
    let mut never = BidOnLot { order: again(house.dora.order()), bidder: String::new(), lot, gold: 2_000 };
    assert_eq!(house.node.ask(Request::BidOnLot(never.clone())).await, refused(MarketRefusal::NotDone));
    never.order.again = false;
    let late = house.node.ask(Request::BidOnLot(never)).await;
    assert!(matches!(late, Reply::Refused(_)), "the late first one finds its place taken: {late:?}");
    assert_eq!(house.stage.gold(&house.dora).await, 10_000);
    house.stage.is_sound().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lots_are_found_by_name_kind_and_price_page_by_page() {
    let house = house().await;
    let dear = house.lists(0, 900, None).await;
    let cheap = house.lists(1, 100, None).await;
    let middle = house.lists(2, 500, None).await;
    let lots =
        |search| async { house.finds(search).await.into_iter().map(|lot| lot.lot).collect::<Vec<_>>() };
    assert_eq!(lots(all()).await, [cheap.lot, middle.lot, dear.lot]);
    let down = SearchLots { order: LotOrder::PriceDown, ..all() };
    assert_eq!(lots(down).await, [dear.lot, middle.lot, cheap.lot]);
    let by_name = SearchLots { order: LotOrder::Name, words: "sword DRAG".to_owned(), ..all() };
    assert_eq!(lots(by_name).await, [dear.lot, cheap.lot, middle.lot]);
    assert_eq!(lots(SearchLots { words: "sword 2".to_owned(), ..all() }).await, [middle.lot]);
    assert_eq!(lots(SearchLots { words: "axe".to_owned(), ..all() }).await, []);
    let kind = Some(house.seller.carry[0].unwrap().kind);
    assert_eq!(lots(SearchLots { kind, ..all() }).await, [dear.lot]);
    let between = SearchLots { price_min: Some(101), price_max: Some(500), ..all() };
    assert_eq!(lots(between).await, [middle.lot]);
    assert_eq!(lots(SearchLots { page: 1, ..all() }).await, []);
    assert_eq!(house.bids(&house.dora, cheap.lot, 100).await, carried_now(9_900));
    let own = house.node.ask(Request::OwnLots { account: house.dora.party.fence.account }).await;
    let Reply::Lots { lots: own, found: 1 } = own else { panic!("{own:?}") };
    assert_eq!((own[0].lot, own[0].next_bid), (cheap.lot, 105));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_lot_that_an_account_may_have_is_found_by_a_repeat() {
    let mut stage = Stage::in_memory().await;
    stage.stop().await;
    stage.auction.lots_per_account = 1;
    stage.start().await;
    let house = house_on(stage).await;
    let mut listing = house.listing(0, 100, None);
    let listed = house.node.ask(Request::ListLot(listing.clone())).await;
    assert!(matches!(listed, Reply::Listed { .. }), "{listed:?}");
    listing.order.again = true;
    assert_eq!(house.node.ask(Request::ListLot(listing)).await, Reply::DoneUnseen);
    let more = house.node.ask(Request::ListLot(house.listing(1, 100, None))).await;
    assert_eq!(more, Reply::Refused(MarketRefusal::TooManyLots(1)));
}
