//! Scenarios of trades between two players of a zone, with a market that answers what it is told to.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use model::calls::market::{
    MarketRefusal, PartnerView, Party, Reply, Said, TradeDone, TradeEnd, TradeNews, TradeView,
};
use model::event::{Notice, NoticeKey};
use model::item::ItemSpec;
use model::trade::{FirmOffer, Offer, OfferItem};
use model::transfer::Fence;
use model::{
    AccountId, CharacterId, Command, Container, Effect, EntityId, Epoch, Event, Item, ItemId, ItemKind, Slot,
    TradeId,
};
use support::{Stage, tile};
use world::{Input, JobOutcome, MarketWork, Work};

const KNIFE: u16 = 861;
const TRADE: TradeId = TradeId(7);

fn item(id: u128, kind: u16) -> Item {
    Item { id: ItemId(id), kind: ItemKind(kind), effects: [Effect::default(); 3] }
}

fn carry(index: u8) -> Slot {
    Slot { container: Container::Carry, index }
}

/// Ana with a knife in slot 0 and a medal in slot 1; Bob beside her.
fn stage() -> Stage {
    let mut stage = Stage::new(11);
    stage.enters_with("ana", tile(1010, 1050), |ana| {
        ana.carry[0] = Some(item(1, KNIFE));
        ana.carry[1] = Some(item(2, 508));
    });
    stage.enters_with("bob", tile(1012, 1050), |_| {});
    stage.heard("ana");
    stage.heard("bob");
    stage
}

fn offer(slot: u8, kind: u16, gold: i64) -> Offer {
    let shown = ItemSpec { kind: ItemKind(kind), effects: [Effect::default(); 3] };
    Offer { items: vec![OfferItem { position: 0, slot, shown }], gold }
}

fn offers(stage: &Stage, offer: Offer, checked: bool) -> Command {
    Command::OfferTrade { partner: stage.entity("bob"), offer, checked }
}

fn view(checked: bool, settling: bool) -> Reply {
    Reply::Trade(TradeView { trade: TRADE, version: 1, checked, partner: None, settling })
}

fn answers(stage: &mut Stage, reply: Reply) {
    stage.job_done(JobOutcome::Market { reply: Box::new(reply), fresh: None });
}

fn half(of: u64, version: u32, checked: bool) -> PartnerView {
    let fence = Fence { account: AccountId(of), character: CharacterId(of), epoch: Epoch(1) };
    let party = Party { fence, name: "Other".into(), node: model::membership::ProcessName("tmsrv-1".into()) };
    PartnerView { party, offer: FirmOffer { gold: 5, ..FirmOffer::default() }, version, checked }
}

fn news(stage: &mut Stage, name: &str, news: TradeNews) {
    let session = stage.session(name);
    stage.input(Input::Trade { session, trade: TRADE, news }).tick();
}

/// Ana offers her knife and 100 gold, and the market has it.
fn open(stage: &mut Stage) {
    let asked = offers(stage, offer(0, KNIFE, 100), false);
    stage.asks("ana", asked).tick();
    answers(stage, view(false, false));
    stage.heard("ana");
}

fn has(events: &[Event], key: NoticeKey) -> bool {
    events.iter().any(|event| matches!(event, Event::Notice(Notice::Catalogue { key: k, .. }) if *k == key))
}

#[test]
fn an_offer_names_the_real_items_and_the_free_slots() {
    let mut stage = stage();
    let asked = offers(&stage, offer(0, KNIFE, 100), true);
    stage.asks("ana", asked).tick();
    let Work::Market(MarketWork::Offer { partner: CharacterId(2), offer, checked: true, saw: 0, .. }) =
        &stage.jobs[0].work
    else {
        panic!("{:?}", stage.jobs[0])
    };
    assert_eq!((&offer.items[..], offer.gold), (&[(0, 0, item(1, KNIFE))][..], 100));
    assert_eq!(offer.free_slots, (2..30).collect::<Vec<u8>>());
    answers(&mut stage, view(true, false));
    assert_eq!(stage.heard("ana"), [Event::TradeChecked]);
}

#[test]
fn what_is_not_as_shown_bound_twice_too_much_or_far_is_not_offered() {
    let mut stage = stage();
    let mut twice = offer(0, KNIFE, 0);
    twice.items.push(OfferItem { position: 1, ..twice.items[0] });
    let wrong = [
        (offer(0, 862, 0), NoticeKey::ItemGone),
        (offer(5, KNIFE, 0), NoticeKey::ItemGone),
        (offer(1, 508, 0), NoticeKey::ItemBound),
        (twice, NoticeKey::ItemGone),
        (Offer { items: vec![], gold: 1_001 }, NoticeKey::GoldMissing),
        (Offer { items: vec![], gold: -1 }, NoticeKey::GoldMissing),
        (offer(62, KNIFE, 0), NoticeKey::NoRoom),
    ];
    for (offer, key) in wrong {
        let asked = offers(&stage, offer, false);
        stage.asks("ana", asked).tick().is_refused("ana", key);
        assert!(stage.jobs.is_empty());
    }
    for partner in [EntityId(77), stage.entity("ana")] {
        let asked = Command::OfferTrade { partner, offer: Offer::default(), checked: false };
        stage.asks("ana", asked).tick().is_refused("ana", NoticeKey::TooFar);
    }
    stage.walks_to("bob", tile(1040, 1050));
    let asked = offers(&stage, offer(0, KNIFE, 0), false);
    stage.asks("ana", asked).tick().is_refused("ana", NoticeKey::TooFar);
}

#[test]
fn an_open_trade_locks_its_player_until_it_is_over() {
    let mut stage = stage();
    open(&mut stage);
    let drop = Command::DropItem { from: carry(0), tile: tile(1010, 1050), rotate: 0 };
    stage.asks("ana", drop.clone()).tick().is_refused("ana", NoticeKey::StillBusy);
    stage.asks("ana", Command::Recall).tick();
    assert!(has(&stage.heard("ana"), NoticeKey::StillBusy));
    assert!(matches!(stage.jobs[0].work, Work::Market(MarketWork::Cancel { trade: Some(TRADE), .. })));
    answers(&mut stage, Reply::Closed);
    stage.is_told("ana", &Event::TradeClosed);
    stage.asks("ana", drop).tick();
    assert_eq!(stage.plan().reason, "drop");
}

#[test]
fn who_walks_off_or_leaves_ends_the_trade() {
    let mut stage = stage();
    open(&mut stage);
    stage.walks("ana", "88");
    assert!(matches!(stage.jobs[0].work, Work::Market(MarketWork::Cancel { .. })));
    stage.walks("ana", "8");
    assert_eq!(stage.jobs.len(), 1, "it is asked for once");
    answers(&mut stage, Reply::Closed);
    open(&mut stage);
    stage.leaves("ana");
    let job = stage.jobs.remove(0);
    assert_eq!(job.who, None, "nobody waits for it");
    assert!(matches!(job.work, Work::Market(MarketWork::Cancel { character: CharacterId(1), .. })));
}

#[test]
fn an_invitation_shows_and_locks_nothing() {
    let mut stage = stage();
    news(&mut stage, "bob", TradeNews::Offered(half(1, 3, false)));
    let shown = Offer { items: vec![], gold: 5 };
    let partner = stage.entity("ana");
    stage.is_told("bob", &Event::TradeOffered { partner, offer: shown, checked: false });
    stage.asks("bob", Command::DestroyItem { slot: 0, kind: ItemKind(KNIFE) }).tick();
    stage.is_refused("bob", NoticeKey::ItemGone);
    let answer = Command::OfferTrade { partner, offer: Offer::default(), checked: true };
    stage.asks("bob", answer).tick();
    assert!(
        matches!(stage.jobs[0].work, Work::Market(MarketWork::Offer { saw: 3, checked: true, .. })),
        "the check is on what was shown: {:?}",
        stage.jobs
    );
    // who trades with somebody is not free for others
    stage.enters_with("eva", tile(1011, 1051), |_| {});
    let bob = stage.entity("bob");
    let asked = Command::OfferTrade { partner: bob, offer: Offer::default(), checked: false };
    stage.asks("eva", asked).tick().is_refused("eva", NoticeKey::PartnerBusy);
}

#[test]
fn a_swap_is_told_when_it_is_done_and_the_zone_knows_it() {
    let mut stage = stage();
    let asked = offers(&stage, offer(0, KNIFE, 100), true);
    stage.asks("ana", asked).tick();
    answers(&mut stage, view(true, true));
    stage.heard("ana");
    stage.asks("ana", Command::CancelTrade).tick().is_refused("ana", NoticeKey::StillBusy);
    stage.walks("ana", "8");
    assert!(stage.jobs.is_empty(), "only the outcome ends it now");
    let got = item(50, 400);
    let done = TradeDone { given: vec![0], received: vec![(2, got)], gold: Some(905) };
    news(&mut stage, "ana", TradeNews::Done(done));
    let heard = stage.heard("ana");
    let [
        Event::CarryChanged { carry: carried, gold: 905 },
        Event::GoldChanged { gold: 905 },
        Event::TradeClosed,
    ] = &heard[..]
    else {
        panic!("{heard:?}")
    };
    assert_eq!((carried[0], carried[2]), (None, Some(got)));
    stage.asks("ana", Command::DestroyItem { slot: 2, kind: ItemKind(400) }).tick();
    assert_eq!(stage.plan().reason, "destroy");
}

#[test]
fn a_trade_that_fails_unlocks_and_says_why() {
    let ends = [
        (TradeEnd::Cancelled, NoticeKey::TradeEnded),
        (TradeEnd::Lost, NoticeKey::TradeEnded),
        (TradeEnd::Refused(MarketRefusal::NoRoom), NoticeKey::NoRoom),
        (TradeEnd::Refused(MarketRefusal::TooMuch), NoticeKey::TooMuchGold),
    ];
    let mut stage = stage();
    for (end, key) in ends {
        open(&mut stage);
        news(&mut stage, "ana", TradeNews::Closed(end));
        let heard = stage.heard("ana");
        assert!(heard.contains(&Event::TradeClosed) && has(&heard, key), "{heard:?}");
    }
    // one that never began, by refusal and because nobody could be asked
    for outcome in [
        JobOutcome::Market { reply: Box::new(Reply::Refused(MarketRefusal::PartnerBusy)), fresh: None },
        JobOutcome::Failed,
    ] {
        let asked = offers(&stage, offer(0, KNIFE, 100), false);
        stage.asks("ana", asked).tick().job_done(outcome);
        assert!(stage.heard("ana").contains(&Event::TradeClosed));
    }
    stage.asks("ana", Command::DestroyItem { slot: 0, kind: ItemKind(KNIFE) }).tick();
    assert_eq!(stage.plan().reason, "destroy");
}

#[test]
fn words_of_the_auction_take_what_they_sold() {
    let mut stage = stage();
    let words = |text: &str| Command::Words { word: "auction".into(), text: text.into() };
    stage.asks("ana", words("search knife")).tick();
    assert!(matches!(&stage.jobs[0].work, Work::Market(MarketWork::Words { carry, .. }) if carry.is_empty()));
    answers(&mut stage, Reply::Said(Said::default()));
    stage.asks("ana", words("sell 1 500")).tick();
    let Work::Market(MarketWork::Words { carry: carried, .. }) = &stage.jobs[0].work else {
        panic!("{:?}", stage.jobs)
    };
    assert_eq!(carried.iter().map(|c| (c.slot, c.item)).collect::<Vec<_>>(), [(0, item(1, KNIFE))]);
    let said = Said { lines: vec![Notice::Text("ok".into())], emptied: Some(0), gold: Some(990) };
    answers(&mut stage, Reply::Said(said));
    let heard = stage.heard("ana");
    let emptied = Event::SlotChanged { slot: carry(0), item: None };
    assert_eq!(heard, [emptied, Event::GoldChanged { gold: 990 }, Event::Notice(Notice::Text("ok".into()))]);
}

#[test]
fn what_is_said_of_an_old_trade_changes_nothing_in_the_new_one() {
    let mut stage = stage();
    let old = TradeId(6);
    let done = || TradeDone { given: vec![0], received: vec![], gold: Some(1) };
    let session = stage.session("ana");
    // the new one was asked for, its number is not known yet
    let asked = offers(&stage, offer(0, KNIFE, 100), false);
    stage.asks("ana", asked).tick();
    stage.input(Input::Trade { session, trade: old, news: TradeNews::Done(done()) }).tick();
    stage.input(Input::Trade { session, trade: old, news: TradeNews::Closed(TradeEnd::Lost) }).tick();
    answers(&mut stage, view(false, false));
    assert_eq!(stage.heard("ana"), [], "neither done nor over");
    for reply in [
        Reply::Settling(old),
        Reply::TradeOver(old, TradeNews::Done(done())),
        Reply::Trade(TradeView { trade: old, version: 9, checked: true, partner: None, settling: true }),
    ] {
        let asked = offers(&stage, offer(0, KNIFE, 100), false);
        stage.asks("ana", asked).tick();
        let Work::Market(MarketWork::Offer { trade: Some(TRADE), .. }) = &stage.jobs[0].work else {
            panic!("not locked, and it names the trade: {:?}", stage.jobs)
        };
        answers(&mut stage, reply);
        assert_eq!(stage.heard("ana"), []);
    }
}

#[test]
fn a_cancel_that_comes_too_late_is_answered_with_the_swap() {
    let mut stage = stage();
    open(&mut stage);
    stage.asks("ana", Command::CancelTrade).tick();
    let done = TradeDone { given: vec![0], received: vec![], gold: Some(905) };
    answers(&mut stage, Reply::TradeOver(TRADE, TradeNews::Done(done.clone())));
    let heard = stage.heard("ana");
    assert!(heard.contains(&Event::TradeClosed) && heard.contains(&Event::GoldChanged { gold: 905 }));
    news(&mut stage, "ana", TradeNews::Done(done));
    assert_eq!(stage.heard("ana"), [], "it is told once");
}
