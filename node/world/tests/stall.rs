//! Scenarios of personal shops, with a market that answers what it is told to.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use model::calls::market::{MarketRefusal, Party, Reply, Stall};
use model::event::NoticeKey;
use model::item::ItemSpec;
use model::trade::Ware;
use model::transfer::Fence;
use model::{AccountId, CharacterId, Command, Container, Effect, Event, Item, ItemId, ItemKind, Slot, Tile};
use support::{Stage, tile};
use world::{Input, JobOutcome, MarketWork, WareSold, Work};

/// In the city of the stage.
const TOWN: Tile = Tile::new(1080, 1080);

fn knife() -> Item {
    Item { id: ItemId(1), kind: ItemKind(861), effects: [Effect::default(); 3] }
}

fn ware(position: u8, cargo_slot: u8, price: i64) -> Ware {
    let shown = ItemSpec { kind: ItemKind(861), effects: [Effect::default(); 3] };
    Ware { position, cargo_slot, shown, price }
}

fn opens(wares: &[Ware]) -> Command {
    Command::OpenStall { title: "Facas".into(), wares: wares.to_vec() }
}

fn answers(stage: &mut Stage, reply: Reply) {
    stage.job_done(JobOutcome::Market { reply: Box::new(reply), fresh: None });
}

fn stall() -> Stall {
    let fence = Fence { account: AccountId(1), character: CharacterId(1), epoch: model::Epoch(1) };
    let node = model::membership::ProcessName("tmsrv-1".into());
    let owner = Party { fence, name: "ana0000".into(), node };
    Stall { owner, title: "Facas".into(), wares: vec![(ware(0, 4, 300), ItemId(1))], tax: 5 }
}

/// Ana and Bob in town.
fn stage() -> Stage {
    let mut stage = Stage::new(13);
    stage.enters_with("ana", TOWN, |_| {}).enters_with("bob", tile(1082, 1080), |_| {});
    stage.heard("ana");
    stage.heard("bob");
    stage
}

/// Ana's shop is open.
fn open() -> Stage {
    let mut stage = stage();
    stage.asks("ana", opens(&[ware(0, 4, 300)])).tick();
    answers(&mut stage, Reply::StallOpened(stall()));
    stage
}

fn shown(events: &[Event]) -> Option<Option<String>> {
    events.iter().rev().find_map(|event| match event {
        Event::StallChanged { look } => Some(look.stall.clone()),
        _ => None,
    })
}

#[test]
fn a_shop_is_seen_by_all_around_and_by_who_comes() {
    let mut stage = open();
    for name in ["ana", "bob"] {
        assert_eq!(shown(&stage.heard(name)), Some(Some("Facas".into())), "{name}");
    }
    stage.enters_with("eva", tile(1084, 1080), |_| {});
    let ana = stage.entity("ana");
    let heard = stage.heard("eva");
    let seen = |event: &Event| matches!(event, Event::Appeared { look, .. } if look.entity == ana && look.stall.is_some());
    assert!(heard.iter().any(seen), "{heard:?}");
}

#[test]
fn only_in_a_town_with_good_wares() {
    let mut stage = stage();
    let wrong = [
        vec![],
        vec![ware(0, 4, 0)],
        vec![ware(0, 4, 2_000_000_001)],
        vec![ware(12, 4, 5)],
        vec![ware(0, 4, 5), ware(0, 5, 5)],
        vec![ware(0, 4, 5), ware(1, 4, 5)],
    ];
    for wares in wrong {
        stage.asks("ana", opens(&wares)).tick().is_refused("ana", NoticeKey::OfferChanged);
    }
    let title = "x".repeat(24);
    stage.asks("ana", Command::OpenStall { title, wares: vec![ware(0, 4, 5)] }).tick();
    stage.is_refused("ana", NoticeKey::OfferChanged);
    stage.enters_with("leo", tile(1020, 1020), |_| {});
    stage.asks("leo", opens(&[ware(0, 4, 300)])).tick().is_refused("leo", NoticeKey::OnlyInTown);
    assert!(stage.jobs.is_empty());
    stage.asks("ana", opens(&[ware(0, 4, 300)])).tick();
    answers(&mut stage, Reply::Refused(MarketRefusal::ItemGone));
    let heard = stage.heard("ana");
    assert_eq!(shown(&heard), None, "{heard:?}");
}

#[test]
fn a_visitor_sees_the_wares_and_buys_at_the_price_shown() {
    let mut stage = open();
    let owner = stage.entity("ana");
    stage.asks("bob", Command::VisitStall { owner }).tick();
    answers(&mut stage, Reply::Stall(Some(stall())));
    let wares = vec![ware(0, 4, 300)];
    stage.is_told("bob", &Event::StallShown { owner, title: "Facas".into(), wares, tax: 5 });

    let shown = knife().spec();
    let buys = |price| Command::BuyFromStall { owner, position: 0, shown, price };
    for price in [1_001, 0, -3] {
        stage.asks("bob", buys(price)).tick().is_refused("bob", NoticeKey::GoldMissing);
    }
    stage.asks("bob", buys(200)).tick();
    answers(&mut stage, Reply::Refused(MarketRefusal::OfferChanged));
    stage.is_refused("bob", NoticeKey::OfferChanged);
    stage.asks("bob", buys(300)).tick();
    let work = MarketWork::BuyFromStall { to_slot: 0, owner: CharacterId(1), position: 0, shown, price: 300 };
    assert_eq!(stage.jobs[0].work, Work::Market(work));
    answers(&mut stage, Reply::Bought { slot: (0, knife()), gold: 700 });
    let at = Slot { container: Container::Carry, index: 0 };
    let expected = [Event::SlotChanged { slot: at, item: Some(knife()) }, Event::GoldChanged { gold: 700 }];
    assert_eq!(stage.heard("bob"), expected);

    stage.heard("ana");
    let session = stage.session("ana");
    let sold = WareSold { position: 0, cargo_slot: 4, cargo_gold: Some(285) };
    stage.input(Input::WareSold { session, sold }).tick();
    let cargo = Slot { container: Container::Cargo, index: 4 };
    let expected = [
        Event::StallSold { owner, position: 0 },
        Event::SlotChanged { slot: cargo, item: None },
        Event::CargoGoldChanged { gold: 285 },
    ];
    assert_eq!(stage.heard("ana"), expected);
    assert_eq!(stage.heard("bob"), [Event::StallSold { owner, position: 0 }]);
}

#[test]
fn its_owner_does_nothing_else_and_walking_closes_it() {
    let mut stage = open();
    stage.heard("ana");
    stage.heard("bob");
    stage.asks("ana", Command::DepositGold { amount: 5 }).tick().is_refused("ana", NoticeKey::StillBusy);
    let ana = stage.entity("ana");
    let trade = Command::OfferTrade { partner: ana, offer: model::trade::Offer::default(), checked: false };
    stage.asks("bob", trade).tick().is_refused("bob", NoticeKey::PartnerBusy);
    stage.walks("ana", "88").walks("ana", "8");
    assert_eq!(stage.jobs.len(), 1);
    assert_eq!(stage.jobs[0].work, Work::Market(MarketWork::CloseStall { owner: CharacterId(1) }));
    answers(&mut stage, Reply::Closed);
    for name in ["ana", "bob"] {
        assert_eq!(shown(&stage.heard(name)), Some(None), "{name}");
    }
    stage.asks("bob", Command::VisitStall { owner: ana }).tick().is_refused("bob", NoticeKey::ItemGone);
}

#[test]
fn who_leaves_or_is_closed_by_the_market_has_no_shop() {
    let mut stage = open();
    stage.leaves("ana");
    let job = stage.jobs.remove(0);
    assert_eq!((job.who, job.work), (None, Work::Market(MarketWork::CloseStall { owner: CharacterId(1) })));
    let mut stage = open();
    let session = stage.session("ana");
    stage.heard("bob");
    stage.input(Input::StallClosed { session }).tick();
    assert_eq!(shown(&stage.heard("bob")), Some(None));
    stage.asks("ana", opens(&[ware(0, 4, 300)])).tick();
    assert_eq!(stage.jobs.len(), 1, "it can be opened again");
}
