//! Stories of transfers: all of it or nothing, once, whoever asks and however often.

use super::stage::economy::{Player, born, done, moved, paid, stack_of, surely, transfer};
use super::stage::{at_once, load, operation, registered, save, save_at};
use crate::Store;
use model::calls::database::{
    AccountChange, ChangeAccount, ChangeGold, Failure, SaveCharacter, SaveOutcome, Transfer,
    TransferRefusal as Refusal,
};
use model::calls::records::ReadCash;
use model::id::{AccountId, CharacterId, Epoch, GuildId, ItemId, LotId};
use model::item::{GOLD_MAX, Item, ItemKind};
use model::ledger::{Actor, GoldAccount, ItemPlace};
use model::transfer::{
    FENCES_MAX, GoldLocation, ItemLocation, MOVES_MAX, Move, RecordChange, RecordKey, SoftWrite,
};
use std::sync::Arc;

pub(super) async fn an_item_moves_and_two_swap_their_places(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let [a, b, c] = [0, 1, 63].map(|slot| ana.potion(slot));
    surely(store, &ana.does(vec![moved(a, ana.carry(0), ana.carry(5))])).await;
    let swap = vec![moved(a, ana.carry(5), ana.carry(1)), moved(b, ana.carry(1), ana.carry(5))];
    surely(store, &ana.does(swap)).await;
    // three go round, over the inventory, the bank and the equipment
    surely(store, &ana.does(vec![moved(c, ana.carry(63), ana.cargo(127))])).await;
    let sword = ana.hero.equip[6].expect("a sword");
    let round = vec![
        moved(a, ana.carry(1), ana.cargo(127)),
        moved(c, ana.cargo(127), ana.equip(6)),
        moved(sword, ana.equip(6), ana.carry(1)),
    ];
    surely(store, &ana.does(round)).await;
    let now = ana.now(store).await;
    assert_eq!((now.carry[1], now.carry[5], now.equip[6]), (Some(sword), Some(b), Some(c)));
    assert_eq!(ana.cargo_now(store).await.items[127], Some(a));
    assert_eq!(now.carry.iter().flatten().count(), 2, "nothing else is anywhere");
}

pub(super) async fn a_stack_grows_by_what_ends(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let [a, b] = [0, 1].map(|slot| ana.potion(slot));
    let grown = stack_of(2);
    let join = vec![
        Move::Item { item: a, from: ana.carry(0), to: ana.carry(0), effects: grown },
        Move::Death { item: b, from: ana.carry(1) },
    ];
    surely(store, &ana.does(join)).await;
    let now = ana.now(store).await;
    assert_eq!((now.carry[0], now.carry[1]), (Some(Item { effects: grown, ..a }), None));
    let expectation = vec![moved(a, ana.carry(0), ana.carry(0))];
    assert_eq!(
        done(store, &ana.does(expectation)).await,
        Err(Refusal::ItemGone(a.id)),
        "it was another stack"
    );
}

pub(super) async fn items_are_born_and_end(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let (gift, birth) = born(412, ana.carry(10));
    surely(store, &ana.does(vec![birth.clone()])).await;
    assert_eq!(ana.now(store).await.carry[10], Some(gift));
    let again = Move::Birth { item: gift, to: ana.carry(11) };
    assert!(matches!(done(store, &ana.does(vec![again])).await, Err(Refusal::Malformed(_))));
    let (other, in_its_place) = born(413, ana.carry(10));
    let replaced = vec![Move::Death { item: gift, from: ana.carry(10) }, in_its_place];
    surely(store, &ana.does(replaced)).await;
    assert_eq!(ana.now(store).await.carry[10], Some(other));
    let buried = Move::Death { item: gift, from: ana.carry(10) };
    assert_eq!(done(store, &ana.does(vec![buried])).await, Err(Refusal::ItemGone(gift.id)));
}

pub(super) async fn gold_goes_from_player_to_player(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let pay = transfer(&[&ana, &ben], vec![paid(300, ana.purse(), ben.purse())]);
    let outcome = surely(store, &pay).await;
    assert_eq!(outcome.balances, [(ana.purse().account, 700), (ben.purse().account, 1_300)]);
    assert_eq!((ana.now(store).await.hard.gold, ben.now(store).await.hard.gold), (700, 1_300));
    // several moves of one purse count together
    let moves = vec![
        paid(900, ana.purse(), ana.bank()),
        paid(50, ana.mint("drop"), ana.purse()),
        paid(400, ben.purse(), ana.purse()),
        paid(250, ana.purse(), ana.burn("tax")),
    ];
    let outcome = surely(store, &transfer(&[&ana, &ben], moves)).await;
    let expected = [(ana.purse().account, 0), (ana.bank().account, 900), (ben.purse().account, 900)];
    assert_eq!(outcome.balances, expected);
    assert_eq!(outcome.balance(&ana.bank().account), Some(900));
    assert_eq!(ana.cargo_now(store).await.gold, 900);
}

fn trade(ana: &Player, ben: &Player) -> Transfer {
    let moves = vec![
        moved(ana.potion(0), ana.carry(0), ben.carry(0)),
        moved(ben.potion(0), ben.carry(0), ana.carry(0)),
        moved(ana.potion(1), ana.carry(1), ben.carry(30)),
        moved(ana.potion(63), ana.carry(63), ben.carry(31)),
        paid(40, ben.purse(), ana.purse()),
    ];
    transfer(&[ana, ben], moves)
}

pub(super) async fn a_trade_is_all_or_nothing(store: &Arc<dyn Store>) {
    for _ in 0..4 {
        let [ana, ben] = Player::two(store).await;
        let mut too_dear = trade(&ana, &ben);
        too_dear.moves[4] = paid(1_001, ben.purse(), ana.purse());
        assert_eq!(done(store, &too_dear).await, Err(Refusal::NotEnough(ben.purse().account)));
        let mut gone = trade(&ana, &ben);
        gone.moves[2] = moved(ana.potion(1), ana.carry(2), ben.carry(30));
        assert_eq!(done(store, &gone).await, Err(Refusal::ItemGone(ana.potion(1).id)));
        assert_eq!(ana.now(store).await.carry, ana.hero.carry, "nothing of it was done");
        assert_eq!(ben.now(store).await.carry, ben.hero.carry, "nothing of it was done");
        surely(store, &trade(&ana, &ben)).await;
        let (now, other) = (ana.now(store).await, ben.now(store).await);
        assert_eq!((now.carry[0], now.carry[1], now.carry[63]), (ben.hero.carry[0], None, None));
        let got = [0, 30, 31].map(|slot| other.carry[slot]);
        assert_eq!(got, [0, 1, 63].map(|slot| ana.hero.carry[slot]));
        assert_eq!((now.hard.gold, other.hard.gold), (1_040, 960));
        assert!(matches!(done(store, &trade(&ana, &ben)).await, Err(Refusal::ItemGone(_))), "it is done");
    }
}

pub(super) async fn a_former_owner_moves_nothing(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    load(store, &ben.hero, "tmsrv-2").await;
    assert_eq!(done(store, &trade(&ana, &ben)).await, Err(Refusal::Stale(ben.hero.id)));
    let stranger = Player { epoch: Epoch(1), ..ana.clone() };
    let mut of_another = stranger.does(Vec::new());
    of_another.fences[0].character = CharacterId(77);
    of_another.softs = vec![SoftWrite { character: CharacterId(77), number: 1, soft: ana.hero.soft.clone() }];
    assert_eq!(done(store, &of_another).await, Err(Refusal::Stale(CharacterId(77))));
    assert_eq!(ana.now(store).await.carry, ana.hero.carry);
}

pub(super) async fn a_frozen_player_moves_nothing(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let freeze = |reason: Option<&str>| ChangeAccount {
        account: ben.account(),
        change: AccountChange::Frozen(reason.map(str::to_owned)),
    };
    assert_eq!(store.change_account(freeze(Some("doubled items"))).await, Ok(true));
    let frozen = Err(Refusal::Frozen(ben.account()));
    assert_eq!(done(store, &ben.does(vec![paid(1, ben.purse(), ben.bank())])).await, frozen);
    assert_eq!(done(store, &trade(&ana, &ben)).await, frozen, "nor does anybody with it");
    let by_hand = Transfer {
        actor: Actor::Operator("root".to_owned()),
        ..ben.does(vec![paid(1, ben.purse(), ben.burn("confiscated"))])
    };
    surely(store, &by_hand).await;
    assert_eq!(store.change_account(freeze(None)).await, Ok(true));
    surely(store, &trade(&ana, &ben)).await;
}

pub(super) async fn a_place_that_is_taken_stays_taken(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let taken = |place: ItemLocation| Err(Refusal::PlaceTaken(place.place));
    let onto = ana.does(vec![moved(ana.potion(0), ana.carry(0), ana.carry(1))]);
    assert_eq!(done(store, &onto).await, taken(ana.carry(1)));
    let across = vec![moved(ana.potion(0), ana.carry(0), ben.carry(63))];
    assert_eq!(done(store, &transfer(&[&ana, &ben], across)).await, taken(ben.carry(63)));
    let (_, birth) = born(400, ana.equip(0));
    assert_eq!(done(store, &ana.does(vec![birth])).await, taken(ana.equip(0)));
    // who lies there leaves, but it is not who was thought
    let wrong = vec![
        moved(ana.potion(0), ana.carry(0), ana.carry(1)),
        moved(ana.potion(63), ana.carry(1), ana.carry(0)),
    ];
    assert_eq!(done(store, &ana.does(wrong)).await, Err(Refusal::ItemGone(ana.potion(63).id)));
}

pub(super) async fn an_item_that_is_not_as_it_was_seen_is_gone(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let potion = ana.potion(0);
    let changed = [
        (Item { kind: ItemKind(401), ..potion }, ana.carry(0)),
        (Item { effects: stack_of(9), ..potion }, ana.carry(0)),
        (potion, ana.carry(1)),
        (potion, ana.cargo(0)),
        (potion, ben.carry(0)),
        (Item { id: ItemId(rand::random()), ..potion }, ana.carry(0)),
    ];
    for (item, from) in changed {
        let moves = vec![moved(item, from, ana.carry(20))];
        assert_eq!(done(store, &transfer(&[&ana, &ben], moves)).await, Err(Refusal::ItemGone(item.id)));
        let death = vec![Move::Death { item, from }];
        assert_eq!(done(store, &transfer(&[&ana, &ben], death)).await, Err(Refusal::ItemGone(item.id)));
    }
    assert_eq!(ana.now(store).await.carry, ana.hero.carry);
}

pub(super) async fn each_purse_has_its_bounds(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let one_more = ana.does(vec![paid(1_001, ana.purse(), ana.bank())]);
    assert_eq!(done(store, &one_more).await, Err(Refusal::NotEnough(ana.purse().account)));
    let full = ana.does(vec![paid(GOLD_MAX, ana.mint("test"), ana.bank())]);
    assert_eq!(surely(store, &full).await.balances, [(ana.bank().account, GOLD_MAX)]);
    let over = ana.does(vec![paid(1, ana.purse(), ana.bank())]);
    assert_eq!(done(store, &over).await, Err(Refusal::TooMuch(ana.bank().account)));
    let to_ben = vec![paid(GOLD_MAX, ana.bank(), ben.purse())];
    assert_eq!(
        done(store, &transfer(&[&ana, &ben], to_ben)).await,
        Err(Refusal::TooMuch(ben.purse().account))
    );
    // only what is there after all of it counts
    let through = vec![
        paid(1_000, ana.purse(), ana.bank()),
        paid(GOLD_MAX, ana.bank(), ana.purse()),
        paid(5_000, ana.purse(), ana.burn("test")),
    ];
    let after = surely(store, &ana.does(through)).await;
    assert_eq!(after.balances, [(ana.purse().account, GOLD_MAX - 5_000), (ana.bank().account, 1_000)]);
    surely(store, &ana.does(vec![paid(GOLD_MAX - 5_000, ana.purse(), ana.burn("test"))])).await;
}

pub(super) async fn a_repeat_gets_the_first_outcome(store: &Arc<dyn Store>) {
    for _ in 0..4 {
        let [ana, ben] = Player::two(store).await;
        let deal = trade(&ana, &ben);
        let outcomes = at_once(6, |_| {
            let (store, deal) = (store.clone(), deal.clone());
            async move { done(&store, &deal).await }
        })
        .await;
        assert!(outcomes[0].is_ok(), "{outcomes:?}");
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]), "{outcomes:?}");
        assert_eq!(ben.now(store).await.hard.gold, 960, "paid once");
        let too_dear = transfer(&[&ana, &ben], vec![paid(1_500, ana.purse(), ben.purse())]);
        let refused = Err(Refusal::NotEnough(ana.purse().account));
        assert_eq!(done(store, &too_dear).await, refused);
        surely(store, &ana.does(vec![paid(5_000, ana.mint("drop"), ana.purse())])).await;
        assert_eq!(done(store, &too_dear).await, refused, "refused once, refused for ever");
        load(store, &ana.hero, "tmsrv-2").await;
        assert_eq!(done(store, &deal).await, outcomes[0], "what was acknowledged stays so");
        assert_eq!(ana.now(store).await.hard.gold, 6_040);
    }
}

pub(super) async fn the_id_of_a_transfer_is_good_for_nothing_else(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let deal = trade(&ana, &ben);
    surely(store, &deal).await;
    let fee = ChangeGold {
        operation: deal.operation,
        account: ana.account(),
        character: ana.hero.id,
        epoch: ana.epoch,
        delta: -1,
        reason: "portal".to_owned(),
    };
    assert!(matches!(store.change_gold(fee.clone()).await, Err(Failure::Corrupt(_))));
    let fee = ChangeGold { operation: operation(), ..fee };
    assert_eq!(store.change_gold(fee.clone()).await, Ok(Ok(1_039)));
    let reused = Transfer { operation: fee.operation, ..ana.does(vec![paid(1, ana.purse(), ana.bank())]) };
    assert!(matches!(store.transfer(reused).await, Err(Failure::Corrupt(_))));
    assert_eq!(ana.now(store).await.hard.gold, 1_039);
}

fn soft_of(player: &Player, number: u64) -> SoftWrite {
    SoftWrite { character: player.hero.id, number, soft: player.hero.soft.clone() }
}

/// The same state, to be written with a transfer.
fn soft_write(save: &SaveCharacter) -> SoftWrite {
    SoftWrite { character: save.character, number: save.number, soft: save.soft.clone() }
}

pub(super) async fn a_late_state_goes_with_no_transfer_and_over_none(store: &Arc<dyn Store>) {
    let [ana, _] = Player::two(store).await;
    let [older, paid_for, newer] = [60, 61, 62].map(|x| save_at(&ana.hero, ana.epoch, x));
    let fare = |of: &SaveCharacter| Transfer { softs: vec![soft_write(of)], ..ana.does(Vec::new()) };
    surely(store, &fare(&paid_for)).await;
    assert_eq!(save(store, vec![older]).await, [SaveOutcome::Saved], "it is old, not wrong");
    assert_eq!(ana.now(store).await.soft.tile.x, 61, "a save that was delayed puts nothing back");
    assert_eq!(save(store, vec![newer]).await, [SaveOutcome::Saved]);
    let late = Transfer {
        softs: vec![soft_write(&paid_for)],
        ..ana.does(vec![paid(10, ana.purse(), ana.burn("portal"))])
    };
    surely(store, &late).await;
    let now = ana.now(store).await;
    assert_eq!((now.soft.tile.x, now.hard.gold), (62, ana.hero.hard.gold - 10), "the rest of it is done");
}

pub(super) async fn soft_state_goes_with_a_transfer_or_not_at_all(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let there = |player: &Player, x| soft_write(&save_at(&player.hero, player.epoch, x));
    let softs = vec![there(&ana, 70), there(&ben, 71)];
    let too_dear = transfer(&[&ana, &ben], vec![paid(1_001, ana.purse(), ana.burn("portal"))]);
    assert!(done(store, &Transfer { softs: softs.clone(), ..too_dear }).await.is_err());
    assert_eq!(ana.now(store).await.soft, ana.hero.soft);
    let fare = transfer(&[&ana, &ben], vec![paid(10, ana.purse(), ana.burn("portal"))]);
    surely(store, &Transfer { softs, ..fare }).await;
    assert_eq!((ana.now(store).await.soft.tile.x, ben.now(store).await.soft.tile.x), (70, 71));
    let alone = Transfer { softs: vec![there(&ana, 72)], ..ana.does(Vec::new()) };
    surely(store, &alone).await;
    assert_eq!(ana.now(store).await.soft.tile.x, 72);
}

pub(super) async fn the_first_of_many_reasons_is_told(store: &Arc<dyn Store>) {
    for _ in 0..4 {
        let [ana, ben] = Player::two(store).await;
        let nobody = AccountId(rand::random::<u64>() >> 1);
        let lot = RecordKey::Lot(LotId(rand::random::<u64>() >> 1));
        let mut all = trade(&ana, &ben);
        let full = GoldLocation { home: nobody, account: GoldAccount::Cargo(nobody) };
        all.moves[4] = paid(5_000, ben.purse(), ana.purse());
        all.moves.push(moved(ben.potion(63), ben.carry(1), ana.carry(40)));
        all.moves.push(moved(ben.potion(1), ben.carry(1), ana.equip(0)));
        all.moves.push(paid(1, ana.purse(), full));
        all.records = vec![RecordChange::Remove { key: lot, home: ben.account(), expected: 3 }];
        all.fences[0].epoch = Epoch(0);
        let frozen = |reason: Option<String>| ChangeAccount {
            account: ben.account(),
            change: AccountChange::Frozen(reason),
        };
        store.change_account(frozen(Some("test".to_owned()))).await.expect("the store answers");
        let mut told = Vec::new();
        for _ in 0..7 {
            let transfer = Transfer { operation: operation(), ..all.clone() };
            let refusal = done(store, &transfer).await.expect_err("it is wrong in many ways");
            match &refusal {
                Refusal::Frozen(_) => drop(store.change_account(frozen(None)).await),
                Refusal::Stale(_) => all.fences[0].epoch = ana.epoch,
                Refusal::NoSuchOwner(_) => drop(all.moves.pop()),
                Refusal::RecordChanged(_) => all.records.clear(),
                Refusal::ItemGone(_) => drop(all.moves.remove(5)),
                Refusal::PlaceTaken(_) => drop(all.moves.pop()),
                Refusal::NotEnough(_)
                | Refusal::TooMuch(_)
                | Refusal::Malformed(_)
                | Refusal::StandingChanged(_) => {}
            }
            told.push(refusal);
        }
        let expected = [
            Refusal::Frozen(ben.account()),
            Refusal::Stale(ana.hero.id),
            Refusal::NoSuchOwner(nobody),
            Refusal::RecordChanged(lot),
            Refusal::ItemGone(ben.potion(63).id),
            Refusal::PlaceTaken(ana.equip(0).place),
            Refusal::NotEnough(ben.purse().account),
        ];
        assert_eq!(told, expected);
    }
}

pub(super) async fn what_is_no_transfer_is_refused(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let both = [&ana, &ben];
    let potion = ana.potion(0);
    let step = moved(potion, ana.carry(0), ana.carry(9));
    let at = |home: &Player, place: ItemPlace| ItemLocation { home: home.account(), place };
    let gold = |home: &Player, account: GoldAccount| GoldLocation { home: home.account(), account };
    let mut wrong = vec![
        ("nothing", transfer(&[&ana], Vec::new())),
        ("not fenced", transfer(&[&ana], vec![moved(potion, ana.carry(0), ben.carry(9))])),
        ("not fenced, gold", transfer(&[&ana], vec![paid(1, ana.purse(), ben.purse())])),
        ("twice an item", ana.does(vec![step.clone(), moved(potion, ana.carry(0), ana.carry(10))])),
        ("twice a place", ana.does(vec![step.clone(), moved(ana.potion(1), ana.carry(1), ana.carry(9))])),
        ("no slot", ana.does(vec![moved(potion, ana.carry(0), ana.carry(64))])),
        ("no worn slot", ana.does(vec![moved(potion, ana.carry(0), ana.equip(18))])),
        ("no bank slot", ana.does(vec![moved(potion, ana.carry(0), ana.cargo(128))])),
        (
            "elsewhere",
            ana.does(vec![moved(potion, ana.carry(0), at(&ana, ItemPlace::Elsewhere(ben.account())))]),
        ),
        (
            "another home",
            transfer(&both, vec![moved(potion, ana.carry(0), at(&ben, ItemPlace::Carry(ana.hero.id, 9)))]),
        ),
        (
            "another bank",
            ana.does(vec![moved(potion, ana.carry(0), at(&ana, ItemPlace::Cargo(ben.account(), 0)))]),
        ),
        (
            "another guild",
            ana.does(vec![moved(potion, ana.carry(0), at(&ana, ItemPlace::Guild(GuildId(3), 0)))]),
        ),
        ("no gold", ana.does(vec![paid(0, ana.purse(), ana.bank())])),
        ("less than no gold", ana.does(vec![paid(-5, ana.purse(), ana.bank())])),
        ("all gold there is", ana.does(vec![paid(i64::MAX, ana.purse(), ana.bank())])),
        ("to itself", ana.does(vec![paid(1, ana.purse(), ana.purse())])),
        ("from nothing to nothing", ana.does(vec![paid(1, ana.mint("a"), ana.burn("b"))])),
        ("from the fire", ana.does(vec![paid(1, ana.burn("a"), ana.purse())])),
        ("into the mint", ana.does(vec![paid(1, ana.purse(), ana.mint("a"))])),
        ("a bad mint", ana.does(vec![paid(1, ana.mint("a b"), ana.purse())])),
        ("a mint elsewhere", transfer(&both, vec![paid(1, ben.mint("a"), ana.purse())])),
        ("cash for gold", ana.does(vec![paid(1, ana.purse(), gold(&ana, GoldAccount::Cash(ana.account())))])),
        (
            "gold elsewhere",
            ana.does(vec![paid(1, ana.purse(), gold(&ana, GoldAccount::Elsewhere(ben.account())))]),
        ),
        ("a long reason", Transfer { reason: "x".repeat(33), ..ana.does(vec![step.clone()]) }),
        ("no reason", Transfer { reason: String::new(), ..ana.does(vec![step.clone()]) }),
        ("a bad reason", Transfer { reason: "shop buy".to_owned(), ..ana.does(vec![step.clone()]) }),
        ("twice a fence", transfer(&[&ana, &ana], vec![step.clone()])),
        ("soft without number", Transfer { softs: vec![soft_of(&ana, 0)], ..ana.does(vec![step.clone()]) }),
        ("soft without fence", Transfer { softs: vec![soft_of(&ben, 1)], ..ana.does(vec![step.clone()]) }),
    ];
    let too_many = (0..=MOVES_MAX).map(|_| paid(1, ana.mint("a"), ana.purse())).collect();
    wrong.push(("too many moves", ana.does(too_many)));
    let mut crowd = ana.does(vec![step]);
    crowd.fences = (0..=FENCES_MAX as u64)
        .map(|id| model::transfer::Fence { character: CharacterId(id), ..ana.fence() })
        .collect();
    wrong.push(("too many fences", crowd));
    for (what, transfer) in wrong {
        let outcome = done(store, &transfer).await;
        assert!(matches!(outcome, Err(Refusal::Malformed(_))), "{what}: {outcome:?}");
    }
    assert_eq!(ana.now(store).await, ana.hero, "nothing of it was done");
    let cash = store.read_cash(ReadCash { account: ana.account() }).await;
    assert_eq!(cash, Ok(0));
}

pub(super) async fn many_transfers_at_once_add_up(store: &Arc<dyn Store>) {
    let mut players = Vec::new();
    for _ in 0..4 {
        players.push(Player::new(store).await);
    }
    let players = Arc::new(players);
    // everybody pays everybody, in all directions at once
    let outcomes = at_once(48, |turn| {
        let (store, players) = (store.clone(), players.clone());
        async move {
            let (from, to) = (&players[turn % 4], &players[(turn + 1 + turn / 4 % 3) % 4]);
            let pay = transfer(&[from, to], vec![paid(7, from.purse(), to.purse())]);
            done(&store, &pay).await
        }
    })
    .await;
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let mut sum = 0;
    for player in players.iter() {
        sum += player.now(store).await.hard.gold;
    }
    assert_eq!(sum, 4_000);
}

pub(super) async fn an_unknown_owner_is_refused(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let nobody = AccountId(rand::random::<u64>() >> 1);
    let bank = ItemLocation { home: nobody, place: ItemPlace::Cargo(nobody, 3) };
    let gift = ana.does(vec![moved(ana.potion(0), ana.carry(0), bank)]);
    assert_eq!(done(store, &gift).await, Err(Refusal::NoSuchOwner(nobody)));
    let ben = registered(store).await;
    let bank = ItemLocation { home: ben.id, place: ItemPlace::Cargo(ben.id, 3) };
    surely(store, &ana.does(vec![moved(ana.potion(0), ana.carry(0), bank)])).await;
}
