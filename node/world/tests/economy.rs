//! Scenarios of slots and merchants: what is asked, refused, done, and when it is shown.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use content::RouteKind;
use model::calls::bank::{BankRefusal, KindRule, Reply};
use model::event::NoticeKey;
use model::item::ItemSpec;
use model::ledger::{GoldAccount, ItemPlace};
use model::transfer::TransferRefusal;
use model::{
    Character, CharacterId, Command, Container, Effect, EntityId, Event, Item, ItemId, ItemKind, Slot, Tile,
};
use support::{Stage, content, creature, generator, tile};
use world::{BankWork, Change, Input, JobOutcome, Possessions, Spot, Work};

const HERE: Tile = Tile::new(1010, 1050);
/// Items of the built-in pack.
const POTION: u16 = 400;
const KNIFE: u16 = 861;
const BOW: u16 = 816;
const SHIELD: u16 = 1701;
const BAG: u16 = 3467;

fn item(id: u128, kind: u16) -> Item {
    Item { id: ItemId(id), kind: ItemKind(kind), effects: [Effect::default(); 3] }
}

fn pieces(id: u128, kind: u16, amount: u8) -> Item {
    let mut item = item(id, kind);
    item.effects[0] = Effect { code: rules::effect::AMOUNT, value: amount };
    item
}

fn carry(index: u8) -> Slot {
    Slot { container: Container::Carry, index }
}

fn equip(index: u8) -> Slot {
    Slot { container: Container::Equip, index }
}

/// A knight who meets every requirement and carries these.
fn stage_with(carried: &[(usize, Item)]) -> Stage {
    with(stage(), carried)
}

fn with(mut stage: Stage, carried: &[(usize, Item)]) -> Stage {
    stage.enters_with("ana", HERE, |ana| knight(ana, carried));
    stage.heard("ana");
    stage
}

fn knight(ana: &mut Character, carried: &[(usize, Item)]) {
    ana.hard.level = 300;
    ana.hard.attributes.strength = 500;
    ana.hard.attributes.dexterity = 500;
    ana.equip[0] = Some(item(200, 1));
    for (slot, item) in carried {
        ana.carry[*slot] = Some(*item);
    }
}

/// The bare world with a merchant, a keeper of the bank and a skill master.
fn stage() -> Stage {
    let mut world = content();
    let mut smith = creature("Smith", 0);
    smith.merchant = 1;
    smith.carry = vec![None; 64];
    let spec = |kind| Some(ItemSpec { kind: ItemKind(kind), effects: [Effect::default(); 3] });
    smith.carry[0] = spec(POTION);
    smith.carry[27] = spec(KNIFE);
    smith.carry[62] = spec(SHIELD);
    smith.carry[10] = spec(412);
    let mut keeper = creature("Keeper", 0);
    keeper.merchant = 2;
    let mut master = creature("Master", 0);
    master.merchant = 19;
    master.carry = smith.carry.clone();
    world.creatures = vec![smith, keeper, master];
    world.generators = [(0, tile(1014, 1052)), (1, tile(1016, 1052)), (2, tile(1018, 1052))]
        .map(|(kind, at)| content::Generator {
            leader: kind,
            ..generator(20 + kind as u32, RouteKind::Stand, &[(at, 0, 0)])
        })
        .to_vec();
    Stage::with(world, 5)
}

fn merchant(stage: &Stage, at: Tile) -> EntityId {
    stage.creatures().into_iter().find(|(_, tile)| *tile == at).expect("a merchant stands there").0
}

fn smith(stage: &Stage) -> EntityId {
    merchant(stage, tile(1014, 1052))
}

fn moves(from: Slot, to: Slot) -> Command {
    Command::MoveItem { from, to, keeper: None }
}

fn slot_is(slot: Slot, item: Option<Item>) -> Event {
    Event::SlotChanged { slot, item }
}

/// It is not tried, the player is told why, and its client shows these slots right again.
fn is_refused(stage: &mut Stage, command: Command, key: NoticeKey, shown: &[(Slot, Option<Item>)]) {
    let jobs = stage.jobs.len();
    let what = format!("{command:?}");
    stage.asks("ana", command).tick();
    assert_eq!(stage.jobs.len(), jobs, "{what} is not even tried");
    let heard = stage.heard("ana");
    for (slot, item) in shown {
        assert!(heard.contains(&slot_is(*slot, *item)), "{what} does not correct {slot:?}: {heard:?}");
    }
    let told = format!("{heard:?}");
    assert!(told.contains(&format!("{key:?}")), "{what} is not refused with {key:?}: {told}");
}

#[test]
fn nothing_is_shown_before_the_store_has_done_it() {
    let knife = item(1, KNIFE);
    let mut stage = stage_with(&[(3, knife)]);
    stage.asks("ana", moves(carry(3), carry(7))).tick().passes(40);
    assert_eq!(stage.heard("ana"), []);
    let there = |from, to| Change::Move {
        item: knife,
        from: Spot::Own(from),
        to: Spot::Own(to),
        effects: knife.effects,
    };
    assert_eq!(
        (stage.plan().reason, &stage.plan().changes[..]),
        ("slot-move", &[there(carry(3), carry(7))][..])
    );
    stage.store_does();
    assert_eq!(stage.heard("ana"), [Event::ItemMoved { from: carry(3), to: carry(7), keeper: None }]);
    stage.asks("ana", moves(carry(7), carry(3))).tick();
    assert_eq!(stage.plan().changes, [there(carry(7), carry(3))], "the zone knows where it is now");
}

#[test]
fn what_is_worn_changes_numbers_and_look_for_everybody() {
    let (knife, other) = (item(1, KNIFE), item(2, KNIFE));
    let mut stage = stage_with(&[(3, knife), (4, other)]);
    stage.player("bob", tile(1020, 1050));
    stage.heard("bob");
    stage.heard("ana");
    stage.asks("ana", moves(carry(3), equip(6))).tick().store_does();
    let entity = stage.entity("ana");
    for name in ["ana", "bob"] {
        let heard = stage.heard(name);
        let looks = heard.iter().find_map(|event| match event {
            Event::LookChanged { entity: of, equip } if *of == entity => Some(equip[6].kind),
            _ => None,
        });
        assert_eq!(looks, Some(KNIFE), "{name}: {heard:?}");
        let stronger =
            |event: &Event| matches!(event, Event::ScoreChanged { entity: of, .. } if *of == entity);
        assert!(heard.iter().any(stronger), "{name}: {heard:?}");
    }
    stage.asks("ana", moves(carry(4), equip(7))).tick().store_does();
    stage.asks("ana", moves(equip(7), equip(6))).tick();
    assert_eq!(stage.plan().changes.len(), 2, "two knives change hands");
    stage.store_does().asks("ana", moves(equip(6), carry(20))).tick().store_does();
    let heard = stage.heard("ana");
    assert!(heard.contains(&Event::ItemMoved { from: equip(6), to: carry(20), keeper: None }), "{heard:?}");
}

#[test]
fn what_cannot_be_worn_stays_where_it_is() {
    let (knife, bow, shield, potion) = (item(1, KNIFE), item(2, BOW), item(3, SHIELD), item(4, POTION));
    let mut stage = stage_with(&[(0, knife), (1, bow), (2, shield), (3, potion)]);
    for (from, to) in [(carry(0), equip(2)), (carry(3), equip(6)), (carry(1), equip(7))] {
        let there = stage.zone.sessions().count();
        assert_eq!(there, 1);
        is_refused(&mut stage, moves(from, to), NoticeKey::CannotWear, &[(to, None)]);
    }
    is_refused(&mut stage, moves(carry(1), equip(6)), NoticeKey::CannotWear, &[(carry(1), Some(bow))]);
    is_refused(
        &mut stage,
        moves(equip(0), carry(9)),
        NoticeKey::ItemBound,
        &[(equip(0), Some(item(200, 1)))],
    );
    stage.asks("ana", moves(carry(2), equip(7))).tick().store_does();
    stage.asks("ana", moves(carry(0), equip(6))).tick().store_does();
    // taking the shield off onto a potion would put the potion on
    is_refused(&mut stage, moves(equip(7), carry(3)), NoticeKey::CannotWear, &[(equip(7), Some(shield))]);
}

#[test]
fn who_is_too_weak_or_of_another_class_cannot_wear_it() {
    let mut stage = stage();
    stage.enters_with("ana", HERE, |ana| {
        ana.carry[0] = Some(item(1, 802));
        ana.carry[1] = Some(item(2, 1251));
    });
    stage.heard("ana");
    is_refused(
        &mut stage,
        moves(carry(0), equip(6)),
        NoticeKey::CannotWear,
        &[(carry(0), Some(item(1, 802)))],
    );
    is_refused(&mut stage, moves(carry(1), equip(1)), NoticeKey::CannotWear, &[]);
}

#[test]
fn slots_that_are_not_there_are_refused_unless_a_bag_gives_them() {
    let knife = item(1, KNIFE);
    let mut stage = stage_with(&[(3, knife), (33, item(2, POTION)), (63, item(3, 547))]);
    for to in [30, 45, 60, 63] {
        is_refused(&mut stage, moves(carry(3), carry(to)), NoticeKey::NoRoom, &[(carry(3), Some(knife))]);
    }
    is_refused(&mut stage, moves(carry(33), carry(5)), NoticeKey::NoRoom, &[(carry(5), None)]);
    is_refused(&mut stage, moves(carry(63), carry(5)), NoticeKey::NoRoom, &[]);
    is_refused(&mut stage, moves(carry(9), carry(5)), NoticeKey::ItemGone, &[(carry(9), None)]);

    let mut rich = stage_with(&[(3, knife), (60, item(2, BAG))]);
    rich.asks("ana", moves(carry(3), carry(44))).tick().store_does();
    rich.is_told("ana", &Event::ItemMoved { from: carry(3), to: carry(44), keeper: None });
    is_refused(&mut rich, moves(carry(44), carry(45)), NoticeKey::NoRoom, &[]);
    is_refused(&mut rich, moves(carry(60), carry(5)), NoticeKey::NoRoom, &[(carry(60), Some(item(2, BAG)))]);
}

#[test]
fn stacks_join_up_to_their_limit_and_split_again() {
    let mut stage =
        stage_with(&[(0, pieces(1, POTION, 100)), (1, pieces(2, POTION, 15)), (2, item(3, POTION))]);
    stage.asks("ana", moves(carry(1), carry(0))).tick().store_does();
    let heard = stage.heard("ana");
    assert_eq!(heard, [slot_is(carry(1), None), slot_is(carry(0), Some(pieces(1, POTION, 115)))]);
    stage.asks("ana", Command::SplitItem { slot: 0, kind: ItemKind(POTION), amount: 50 }).tick();
    assert_eq!(stage.plan().reason, "stack-split");
    stage.store_does();
    let heard = stage.heard("ana");
    assert_eq!(heard[0], slot_is(carry(0), Some(pieces(1, POTION, 65))));
    assert_eq!(heard[1], slot_is(carry(1), Some(pieces(1_000, POTION, 50))), "a new item of its own");
    // 65 + 50 + 1, and no more than 120 in one
    stage.asks("ana", moves(carry(2), carry(0))).tick().store_does();
    stage.asks("ana", moves(carry(1), carry(0))).tick().store_does();
    let last = stage.heard("ana").pop();
    assert_eq!(last, Some(slot_is(carry(0), Some(pieces(1, POTION, 116)))));
}

#[test]
fn a_stack_never_overflows_and_shows_nothing_that_is_not_there() {
    let mut stage =
        stage_with(&[(0, pieces(1, POTION, 119)), (1, pieces(2, POTION, 5)), (2, pieces(3, POTION, 120))]);
    stage.asks("ana", moves(carry(1), carry(0))).tick().store_does();
    let heard = stage.heard("ana");
    assert_eq!(
        heard,
        [slot_is(carry(1), Some(pieces(2, POTION, 4))), slot_is(carry(0), Some(pieces(1, POTION, 120)))]
    );
    stage.asks("ana", moves(carry(1), carry(2))).tick().store_does();
    stage.is_told("ana", &Event::ItemMoved { from: carry(1), to: carry(2), keeper: None });
    for (slot, kind, amount) in
        [(0, 401, 5), (0, POTION, 0), (0, POTION, 120), (0, POTION, 500), (9, POTION, 1)]
    {
        let split = Command::SplitItem { slot, kind: ItemKind(kind), amount };
        is_refused(&mut stage, split, NoticeKey::ItemGone, &[]);
    }
    let wrong = Command::DestroyItem { slot: 0, kind: ItemKind(KNIFE) };
    is_refused(&mut stage, wrong, NoticeKey::ItemGone, &[(carry(0), Some(pieces(1, POTION, 120)))]);
    stage.asks("ana", Command::DestroyItem { slot: 0, kind: ItemKind(POTION) }).tick().store_does();
    stage.is_told("ana", &slot_is(carry(0), None));
}

#[test]
fn commands_wait_for_the_one_before_and_are_done_in_order() {
    let mut stage = stage_with(&[(0, item(1, KNIFE))]);
    for to in 1..=17 {
        stage.asks("ana", moves(carry(to - 1), carry(to)));
    }
    stage.tick();
    assert_eq!(stage.jobs.len(), 1, "one job of a player at a time");
    assert_eq!(stage.heard("ana"), []);
    stage.asks("ana", moves(carry(17), carry(18))).tick().is_refused("ana", NoticeKey::StillBusy);
    for to in 1..=17 {
        assert_eq!(stage.jobs.len(), 1);
        stage
            .store_does()
            .is_told("ana", &Event::ItemMoved { from: carry(to - 1), to: carry(to), keeper: None });
    }
    assert!(stage.jobs.is_empty());
}

#[test]
fn while_a_job_is_at_work_its_player_walks_but_does_not_leave_the_zone() {
    let mut stage = stage_with(&[(0, item(1, KNIFE))]);
    stage.asks("ana", moves(carry(0), carry(1))).tick();
    stage.walks_to("ana", tile(1124, 1050)).walks("ana", "66666666666").passes(220);
    assert!(stage.crossings.is_empty());
    stage.asks("ana", Command::Recall).tick().is_refused("ana", NoticeKey::StillBusy);
    stage.store_does();
    assert_eq!(stage.crossings.len(), 1, "it goes on when the outcome is there");
}

#[test]
fn an_outcome_for_somebody_who_left_or_came_back_changes_nothing_of_it() {
    let knife = item(1, KNIFE);
    let mut stage = stage_with(&[(0, knife)]);
    stage.asks("ana", moves(carry(0), carry(1))).tick().leaves("ana").store_does();
    // it was loaded again, with the move done, before the zone heard of it
    stage.enters_with("ana", HERE, |ana| knight(ana, &[(1, knife)]));
    stage.asks("ana", moves(carry(1), carry(2))).tick().leaves("ana");
    stage.enters_with("ana", HERE, |ana| knight(ana, &[(2, knife)]));
    stage.heard("ana");
    stage.store_does();
    assert_eq!(stage.heard("ana"), []);
    stage.asks("ana", moves(carry(2), carry(0))).tick().store_does();
    stage.is_told("ana", &Event::ItemMoved { from: carry(2), to: carry(0), keeper: None });
}

#[test]
fn a_refusal_of_the_store_is_told_and_a_wrong_copy_is_replaced() {
    let knife = item(1, KNIFE);
    let mut stage = stage_with(&[(0, knife)]);
    stage.asks("ana", moves(carry(0), carry(1))).tick();
    stage.store_refuses(TransferRefusal::Frozen(model::AccountId(1)));
    let heard = stage.heard("ana");
    assert_eq!(heard[..2], [slot_is(carry(0), Some(knife)), slot_is(carry(1), None)]);
    assert!(format!("{heard:?}").contains("AccountFrozen"));

    stage.asks("ana", moves(carry(0), carry(1))).tick().job_done(JobOutcome::Failed);
    stage.is_refused("ana", NoticeKey::TryLater);

    stage.asks("ana", moves(carry(0), carry(1))).tick();
    let mut carried = Character::no_carry();
    carried[5] = Some(item(9, POTION));
    let mut worn = Character::no_equip();
    worn[0] = Some(item(200, 1));
    worn[6] = Some(knife);
    let fresh = Possessions { equip: worn, carry: carried.clone(), gold: 77 };
    let refusal = TransferRefusal::ItemGone(ItemId(1));
    stage.job_done(JobOutcome::Refused { refusal, fresh: Some(Box::new(fresh)) });
    let heard = stage.heard("ana");
    assert!(heard.contains(&Event::CarryChanged { carry: carried, gold: 77 }), "{heard:?}");
    assert!(heard.contains(&slot_is(equip(6), Some(knife))), "{heard:?}");
    stage.asks("ana", moves(carry(5), carry(0))).tick();
    assert_eq!(stage.jobs.len(), 1, "the zone knows what is there now");
}

#[test]
fn a_shop_shows_its_shelf_and_sells_at_the_list_price_and_tax() {
    let mut stage = stage_with(&[(4, item(1, KNIFE))]);
    let merchant = smith(&stage);
    stage.asks("ana", Command::OpenShop { merchant }).tick();
    let heard = stage.heard("ana");
    let Some(Event::ShopShown { skills: false, shelf, tax: 5, .. }) = heard.first() else {
        panic!("{heard:?}")
    };
    let kinds: Vec<(usize, u16)> =
        shelf.iter().enumerate().filter_map(|(at, spec)| Some((at, spec.as_ref()?.kind.0))).collect();
    assert_eq!((shelf.len(), kinds), (27, vec![(0, POTION), (9, KNIFE), (26, SHIELD)]));

    // the slot that is asked for is taken
    stage.asks("ana", Command::BuyItem { merchant: None, shelf: 0, to: 4 }).tick();
    let spec = ItemSpec { kind: ItemKind(POTION), effects: [Effect::default(); 3] };
    let changes = [
        Change::Birth { spec, to: carry(0) },
        Change::Burn { amount: 150, reason: "shop" },
        Change::Burn { amount: 7, reason: "tax" },
    ];
    assert_eq!((stage.plan().reason, &stage.plan().changes[..]), ("shop-buy", &changes[..]));
    stage.store_does();
    let expected = [
        Event::Bought { merchant, shelf: 0, to: 0, gold: 843 },
        slot_is(carry(0), Some(item(1_000, POTION))),
        Event::GoldChanged { gold: 843 },
    ];
    assert_eq!(stage.heard("ana"), expected);
}

#[test]
fn goods_that_are_not_there_too_dear_or_without_room_are_not_sold() {
    let mut full: Vec<(usize, Item)> = (0..29).map(|slot| (slot, item(slot as u128 + 1, KNIFE))).collect();
    let mut stage = with(stage(), &full);
    let merchant = smith(&stage);
    let buys = |shelf, to| Command::BuyItem { merchant: Some(merchant), shelf, to };
    for shelf in [1, 10, 26, 61, 64, 255] {
        is_refused(&mut stage, buys(shelf, 0), NoticeKey::ItemGone, &[]);
    }
    is_refused(&mut stage, Command::BuyItem { merchant: None, shelf: 0, to: 0 }, NoticeKey::TooFar, &[]);
    stage.asks("ana", buys(0, 3)).tick().store_does();
    stage.is_told("ana", &slot_is(carry(29), Some(item(1_000, POTION))));
    is_refused(&mut stage, buys(0, 29), NoticeKey::NoRoom, &[]);

    full.clear();
    let mut poor = stage_with(&full);
    let session = poor.session("ana");
    poor.asks("ana", buys(62, 0)).tick();
    let price = match poor.plan().changes[1] {
        Change::Burn { amount, .. } => amount,
        ref other => panic!("{other:?}"),
    };
    assert!(price < 1_000);
    poor.store_does();
    while poor.purses[&session] >= price + price / 20 {
        poor.asks("ana", buys(62, 0)).tick().store_does();
    }
    poor.heard("ana");
    is_refused(&mut poor, buys(62, 0), NoticeKey::NotEnoughGold, &[]);
}

#[test]
fn merchants_far_away_of_another_trade_or_none_at_all_do_not_deal() {
    let mut stage = stage_with(&[(0, item(1, KNIFE))]);
    let merchant = smith(&stage);
    let (keeper, master) =
        (self::merchant(&stage, tile(1016, 1052)), self::merchant(&stage, tile(1018, 1052)));
    stage.asks("ana", Command::OpenShop { merchant: master }).tick();
    assert!(matches!(stage.heard("ana")[..], [Event::ShopShown { skills: true, .. }]));
    for other in [keeper, EntityId(5), stage.entity("ana")] {
        is_refused(&mut stage, Command::OpenShop { merchant: other }, NoticeKey::TooFar, &[]);
    }
    for other in [keeper, master] {
        let buys = Command::BuyItem { merchant: Some(other), shelf: 0, to: 0 };
        is_refused(&mut stage, buys, NoticeKey::TooFar, &[]);
        let sells = Command::SellItem { merchant: Some(other), from: carry(0) };
        is_refused(&mut stage, sells, NoticeKey::TooFar, &[(carry(0), Some(item(1, KNIFE)))]);
    }
    stage.walks_to("ana", tile(1040, 1050));
    stage.heard("ana");
    is_refused(&mut stage, Command::OpenShop { merchant }, NoticeKey::TooFar, &[]);
}

#[test]
fn what_is_sold_is_paid_by_rule_and_comes_back_for_the_same_gold() {
    let mut refined = item(1, KNIFE);
    refined.effects[0] = Effect { code: rules::effect::SANC, value: 7 };
    let mut stage = stage_with(&[(0, refined), (1, pieces(2, POTION, 10)), (2, item(3, 508))]);
    let merchant = smith(&stage);
    let sells = |index| Command::SellItem { merchant: Some(merchant), from: carry(index) };
    stage.asks("ana", sells(0)).tick();
    let changes = [
        Change::Death { item: refined, from: Spot::Own(carry(0)) },
        Change::Mint { amount: 50, reason: "shop" },
        Change::Burn { amount: 2, reason: "tax" },
    ];
    assert_eq!((stage.plan().reason, &stage.plan().changes[..]), ("shop-sell", &changes[..]));
    stage.store_does();
    let expected = [
        Event::Sold { merchant, from: carry(0) },
        slot_is(carry(0), None),
        Event::GoldChanged { gold: 1_048 },
    ];
    assert_eq!(stage.heard("ana"), expected);
    stage.asks("ana", sells(1)).tick().store_does();
    is_refused(&mut stage, sells(2), NoticeKey::ItemBound, &[(carry(2), Some(item(3, 508)))]);
    is_refused(&mut stage, sells(0), NoticeKey::ItemGone, &[(carry(0), None)]);

    stage.asks("ana", Command::OpenShop { merchant }).asks("ana", Command::ListSold).tick();
    let list = vec![(pieces(2, POTION, 10).spec(), 352), (refined.spec(), 48)];
    stage.is_told("ana", &Event::SoldLately { list: list.clone() });
    stage.asks("ana", Command::BuyBack { order: 1 }).tick().store_does();
    let back = Item { id: ItemId(1_000), ..refined };
    let expected = [
        slot_is(carry(0), Some(back)),
        Event::GoldChanged { gold: 1_352 },
        Event::SoldLately { list: list[..1].to_vec() },
    ];
    assert_eq!(stage.heard("ana"), expected);
    for order in [1, 200] {
        is_refused(&mut stage, Command::BuyBack { order }, NoticeKey::ItemGone, &[]);
    }
}

#[test]
fn only_ten_sales_are_remembered_and_nothing_is_bought_back_twice() {
    let carried: Vec<(usize, Item)> = (0..12).map(|slot| (slot, item(slot as u128 + 1, KNIFE))).collect();
    let mut stage = stage_with(&carried);
    let merchant = smith(&stage);
    stage.asks("ana", Command::OpenShop { merchant });
    for slot in 0..12 {
        stage.asks("ana", Command::SellItem { merchant: None, from: carry(slot) });
    }
    stage.tick();
    for _ in 0..12 {
        stage.store_does();
    }
    for _ in 0..12 {
        stage.asks("ana", Command::BuyBack { order: 0 });
    }
    stage.tick();
    let mut back = 0;
    while !stage.jobs.is_empty() {
        stage.store_does();
        back += 1;
    }
    assert_eq!(back, 10);
}

#[test]
fn nobody_holds_more_gold_than_may_be_held() {
    let mut stage = stage();
    stage.enters_with("ana", HERE, |ana| {
        knight(ana, &[(0, item(1, KNIFE))]);
        ana.hard.gold = 2_000_000_000 - 10;
    });
    let merchant = smith(&stage);
    stage.heard("ana");
    let sells = Command::SellItem { merchant: Some(merchant), from: carry(0) };
    is_refused(&mut stage, sells, NoticeKey::TooMuchGold, &[(carry(0), Some(item(1, KNIFE)))]);
}

#[test]
fn a_refused_purchase_leaves_nothing_half_done() {
    let mut stage = stage_with(&[]);
    let merchant = smith(&stage);
    let buys = Command::BuyItem { merchant: Some(merchant), shelf: 0, to: 0 };
    let refusals = [
        (TransferRefusal::NotEnough(GoldAccount::Character(CharacterId(1))), NoticeKey::GoldMissing),
        (TransferRefusal::PlaceTaken(ItemPlace::Carry(CharacterId(1), 0)), NoticeKey::ItemGone),
        (TransferRefusal::TooMuch(GoldAccount::Character(CharacterId(1))), NoticeKey::TooMuchGold),
        (TransferRefusal::Malformed("so".into()), NoticeKey::TryLater),
    ];
    for (refusal, key) in refusals {
        stage.asks("ana", buys.clone()).tick().store_refuses(refusal).is_refused("ana", key);
    }
    stage.asks("ana", buys).tick().store_does();
    let heard = stage.heard("ana");
    assert!(heard.contains(&slot_is(carry(0), Some(item(1_000, POTION)))), "{heard:?}");
    assert!(heard.contains(&Event::GoldChanged { gold: 843 }), "{heard:?}");
    // an outcome that nobody waits for
    stage.input(Input::JobDone { job: world::JobId(1), outcome: JobOutcome::Failed }).tick();
    assert_eq!(stage.heard("ana"), []);
}

fn cargo(index: u8) -> Slot {
    Slot { container: Container::Cargo, index }
}

fn bank(reply: Reply) -> JobOutcome {
    JobOutcome::Bank { reply, fresh: None }
}

#[test]
fn the_bank_moves_items_when_its_keeper_is_near() {
    let (knife, potion) = (item(1, KNIFE), pieces(2, POTION, 7));
    let mut stage = stage_with(&[(0, knife), (1, potion), (2, item(3, 508))]);
    let keeper = Some(merchant(&stage, tile(1016, 1052)));
    let moves = |from, to| Command::MoveItem { from, to, keeper };
    stage.asks("ana", moves(carry(0), cargo(5))).tick();
    let rule = Some(KindRule { kind: ItemKind(KNIFE), pieces: 0 });
    let work = BankWork::Move { from: carry(0), to: cargo(5), carried: Some(knife), rule };
    assert_eq!(stage.jobs[0].work, Work::Bank(work));
    assert_eq!(stage.heard("ana"), []);
    stage.job_done(bank(Reply::Moved { slots: [(carry(0), None), (cargo(5), Some(knife))] }));
    assert_eq!(stage.heard("ana"), [slot_is(carry(0), None), slot_is(cargo(5), Some(knife))]);
    is_refused(&mut stage, moves(carry(0), cargo(6)), NoticeKey::ItemGone, &[(carry(0), None)]);

    // onto a stack in the bank it joins, and both slots are told as they are
    stage.asks("ana", moves(carry(1), cargo(8))).tick();
    let joined = pieces(9, POTION, 20);
    stage.job_done(bank(Reply::Moved { slots: [(carry(1), None), (cargo(8), Some(joined))] }));
    assert_eq!(stage.heard("ana"), [slot_is(carry(1), None), slot_is(cargo(8), Some(joined))]);
    stage.asks("ana", moves(cargo(8), carry(4))).tick();
    stage.job_done(bank(Reply::Moved { slots: [(cargo(8), None), (carry(4), Some(joined))] }));
    assert_eq!(stage.heard("ana"), [slot_is(cargo(8), None), slot_is(carry(4), Some(joined))]);

    stage.asks("ana", moves(cargo(8), carry(5))).tick().job_done(bank(Reply::Refused(BankRefusal::ItemGone)));
    stage.is_refused("ana", NoticeKey::ItemGone);
    is_refused(&mut stage, moves(carry(2), cargo(1)), NoticeKey::ItemBound, &[]);
    is_refused(&mut stage, moves(equip(0), cargo(1)), NoticeKey::CannotWear, &[]);
    is_refused(&mut stage, moves(cargo(1), carry(40)), NoticeKey::NoRoom, &[]);
    let smith = Some(smith(&stage));
    let elsewhere = Command::MoveItem { from: carry(4), to: cargo(9), keeper: smith };
    is_refused(&mut stage, elsewhere, NoticeKey::TooFar, &[(carry(4), Some(joined))]);
    stage.walks_to("ana", tile(1040, 1050));
    stage.heard("ana");
    is_refused(&mut stage, moves(carry(4), cargo(9)), NoticeKey::TooFar, &[]);
}

#[test]
fn gold_goes_to_the_bank_and_back() {
    let mut stage = stage_with(&[]);
    stage.asks("ana", Command::DepositGold { amount: 600 }).tick();
    assert_eq!(stage.jobs[0].work, Work::Bank(BankWork::Deposit { amount: 600 }));
    stage.job_done(bank(Reply::Gold { carried: 400, cargo: 5_600 }));
    let expected = [
        Event::GoldDeposited { amount: 600 },
        Event::CargoGoldChanged { gold: 5_600 },
        Event::GoldChanged { gold: 400 },
    ];
    assert_eq!(stage.heard("ana"), expected);
    for amount in [401, 0, -5] {
        is_refused(&mut stage, Command::DepositGold { amount }, NoticeKey::GoldMissing, &[]);
    }
    let most = Command::WithdrawGold { amount: 2_000_000_000 };
    is_refused(&mut stage, most, NoticeKey::TooMuchGold, &[]);
    stage.asks("ana", Command::WithdrawGold { amount: 100 }).tick();
    stage.job_done(bank(Reply::Refused(BankRefusal::NotEnough))).is_refused("ana", NoticeKey::GoldMissing);
    stage.asks("ana", Command::WithdrawGold { amount: 100 }).tick();
    stage.job_done(bank(Reply::Gold { carried: 500, cargo: 5_500 }));
    stage.is_told("ana", &Event::GoldWithdrawn { amount: 100 });
}
