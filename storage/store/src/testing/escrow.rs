//! Stories of what lies with nobody: lots, parcels, the ground, banks of guilds; and cash.

use super::stage::at_once;
use super::stage::economy::{
    Outcome, Player, born, done, moved, paid, put, record, stack_of, surely, transfer,
};
use crate::Store;
use model::calls::database::{
    Entry, GuildLedger, ItemHistory, LoadGuildBank, Transfer, TransferRefusal as Refusal,
};
use model::calls::records::{ListRecords, ReadCash};
use model::id::{AccountId, GroundId, GuildId, LotId, ParcelId};
use model::item::{CARGO_SLOTS, GOLD_MAX, Item};
use model::ledger::{Actor, Change, GoldAccount, ItemPlace, ItemState};
use model::transfer::{GoldLocation, ItemLocation, Move, RecordChange, RecordKey, RecordKind};
use std::sync::Arc;

fn number() -> u64 {
    (rand::random::<u64>() >> 1).max(1)
}

fn remove(key: RecordKey, home: AccountId, expected: u64) -> RecordChange {
    RecordChange::Remove { key, home, expected }
}

/// A lot of a seller: its record, its place and its purse.
struct Lot {
    id: LotId,
    seller: AccountId,
}

impl Lot {
    fn of(seller: &Player) -> Self {
        Self { id: LotId(number()), seller: seller.account() }
    }

    fn key(&self) -> RecordKey {
        RecordKey::Lot(self.id)
    }

    fn slot(&self, slot: u8) -> ItemLocation {
        ItemLocation { home: self.seller, place: ItemPlace::Lot(self.id, slot) }
    }

    fn purse(&self) -> GoldLocation {
        GoldLocation { home: self.seller, account: GoldAccount::Lot(self.id) }
    }
}

pub(super) async fn a_lot_is_listed_bid_for_and_settled(store: &Arc<dyn Store>) {
    for _ in 0..3 {
        let [ana, ben] = Player::two(store).await;
        let cem = Player::new(store).await;
        let (lot, sword) = (Lot::of(&ana), ana.hero.equip[6].expect("a sword"));
        let listing = Transfer {
            records: vec![put(lot.key(), lot.seller, lot.seller.0, 0)],
            ..ana.does(vec![
                moved(sword, ana.equip(6), lot.slot(0)),
                paid(20, ana.purse(), ana.burn("auction-fee")),
            ])
        };
        surely(store, &listing).await;
        let held = record(store, lot.key(), None).await.expect("it is listed");
        assert_eq!((held.record.version, held.record.until_ms, held.record.home), (1, 5_000, ana.account()));
        assert_eq!((held.items.as_slice(), held.gold), ([(0, sword)].as_slice(), 0));
        let bid = |by: &Player, amount, back: Option<(&Player, i64)>, expected| {
            let mut moves = vec![paid(amount, by.purse(), lot.purse())];
            // the bid before goes back to its bank: whoever it was may be away
            moves.extend(back.map(|(other, amount)| paid(amount, lot.purse(), other.bank())));
            let records = vec![put(lot.key(), lot.seller, lot.seller.0, expected)];
            Transfer { records, ..by.does(moves) }
        };
        surely(store, &bid(&ben, 300, None, 1)).await;
        let late = bid(&cem, 400, Some((&ben, 300)), 1);
        assert_eq!(done(store, &late).await, Err(Refusal::RecordChanged(lot.key())));
        surely(store, &bid(&cem, 400, Some((&ben, 300)), 2)).await;
        assert_eq!(record(store, lot.key(), Some(ana.account())).await.expect("it is there").gold, 400);
        assert_eq!((ben.now(store).await.hard.gold, ben.cargo_now(store).await.gold), (700, 300));
        let settle = Transfer {
            actor: model::ledger::Actor::System("tsssrv".to_owned()),
            fences: Vec::new(),
            records: vec![remove(lot.key(), lot.seller, 3)],
            ..ana.does(vec![
                moved(sword, lot.slot(0), cem.cargo(0)),
                paid(40, lot.purse(), ana.burn("auction-tax")),
                paid(360, lot.purse(), ana.bank()),
            ])
        };
        let outcomes = at_once(4, |_| {
            let (store, settle) = (store.clone(), settle.clone());
            async move { done(&store, &settle).await }
        })
        .await;
        assert!(outcomes.iter().all(Outcome::is_ok), "{outcomes:?}");
        assert_eq!(record(store, lot.key(), None).await, None);
        assert_eq!(cem.cargo_now(store).await.items[0], Some(sword));
        assert_eq!((ana.now(store).await.hard.gold, ana.cargo_now(store).await.gold), (980, 360));
    }
}

pub(super) async fn a_parcel_waits_for_its_receiver(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let id = ParcelId(number());
    let (key, home) = (RecordKey::Parcel(id), ben.account());
    let slot = |slot| ItemLocation { home, place: ItemPlace::Parcel(id, slot) };
    let purse = GoldLocation { home, account: GoldAccount::Parcel(id) };
    let send = Transfer {
        records: vec![put(key, home, home.0, 0)],
        ..ana.does(vec![
            moved(ana.potion(0), ana.carry(0), slot(0)),
            moved(ana.potion(1), ana.carry(1), slot(1)),
            paid(123, ana.purse(), purse.clone()),
        ])
    };
    surely(store, &send).await;
    let held = record(store, key, Some(home)).await.expect("it waits");
    assert_eq!(held.items, [(0, ana.potion(0)), (1, ana.potion(1))]);
    assert_eq!(held.gold, 123);
    assert_eq!(record(store, key, Some(ana.account())).await, None, "it is not at home there");
    let half = Transfer {
        records: vec![remove(key, home, 1)],
        ..ben.does(vec![moved(ana.potion(0), slot(0), ben.cargo(5)), paid(123, purse.clone(), ben.bank())])
    };
    assert!(matches!(done(store, &half).await, Err(Refusal::Malformed(_))), "something is left in it");
    let mut open = ben.does(half.moves.clone());
    open.moves.push(moved(ana.potion(1), slot(1), ben.cargo(6)));
    let no_gold = Transfer { moves: [&open.moves[..1], &open.moves[2..]].concat(), ..open.clone() };
    let no_gold = Transfer { records: half.records.clone(), ..no_gold };
    assert!(matches!(done(store, &no_gold).await, Err(Refusal::Malformed(_))), "gold is left in it");
    let open = Transfer { records: half.records, ..ben.does(open.moves) };
    surely(store, &open).await;
    let cargo = ben.cargo_now(store).await;
    assert_eq!((cargo.items[5], cargo.items[6], cargo.gold), (Some(ana.potion(0)), Some(ana.potion(1)), 123));
    let nobody = AccountId(number());
    let lost = Transfer { records: vec![put(key, nobody, nobody.0, 0)], ..ana.does(Vec::new()) };
    let to_nobody = ItemLocation { home: nobody, place: ItemPlace::Parcel(id, 0) };
    let lost = Transfer { moves: vec![moved(ana.potion(63), ana.carry(63), to_nobody)], ..lost };
    assert_eq!(done(store, &lost).await, Err(Refusal::NoSuchOwner(nobody)));
}

/// What lies on the ground: its record and its place.
fn on_the_ground(home: AccountId) -> (RecordKey, ItemLocation) {
    let id = GroundId(number());
    (RecordKey::Ground(id), ItemLocation { home, place: ItemPlace::Ground(id) })
}

pub(super) async fn of_many_who_grab_one_gets_it(store: &Arc<dyn Store>) {
    for _ in 0..4 {
        let ana = Player::new(store).await;
        let zone = number();
        let (key, ground) = on_the_ground(ana.account());
        let drop = Transfer {
            records: vec![put(key, ana.account(), zone, 0)],
            ..ana.does(vec![moved(ana.potion(0), ana.carry(0), ground)])
        };
        surely(store, &drop).await;
        let mut grabbers = Vec::new();
        for _ in 0..6 {
            grabbers.push(Player::new(store).await);
        }
        let everybody = Arc::new(grabbers);
        let outcomes = at_once(12, |turn| {
            let grabber = &everybody[turn / 2];
            let grab = Transfer {
                records: vec![remove(key, ana.account(), 1)],
                ..grabber.does(vec![moved(ana.potion(0), ground, grabber.carry(20 + turn as u8))])
            };
            let store = store.clone();
            async move { done(&store, &grab).await }
        })
        .await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
        let late = |outcome: &&Outcome| **outcome == Err(Refusal::RecordChanged(key));
        assert_eq!(outcomes.iter().filter(late).count(), 11, "{outcomes:?}");
        assert_eq!(record(store, key, None).await, None);
        let mut found = 0;
        for grabber in everybody.iter() {
            found +=
                grabber.now(store).await.carry.iter().filter(|slot| **slot == Some(ana.potion(0))).count();
        }
        assert_eq!(found, 1);
    }
}

pub(super) async fn a_guild_keeps_items_and_gold(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let guild = GuildId(rand::random());
    let load = LoadGuildBank { guild };
    let before = store.load_guild_bank(load).await.expect("the store answers");
    assert_eq!(before.items.len(), CARGO_SLOTS);
    // another run of the stories may have used the guild: the last slot and its gold are given back below
    let free = before.items.iter().position(Option::is_none).expect("room") as u8;
    let slot = |slot| ItemLocation { home: guild.home(), place: ItemPlace::Guild(guild, slot) };
    let purse = GoldLocation { home: guild.home(), account: GoldAccount::Guild(guild) };
    let give = vec![moved(ana.potion(0), ana.carry(0), slot(free)), paid(600, ana.purse(), purse.clone())];
    surely(store, &ana.does(give)).await;
    let kept = store.load_guild_bank(load).await.expect("the store answers");
    assert_eq!((kept.items[usize::from(free)], kept.gold), (Some(ana.potion(0)), before.gold + 600));
    let too_much = vec![paid(GOLD_MAX, ben.mint("test"), ben.bank())];
    surely(store, &ben.does(too_much)).await;
    let refused = done(store, &ben.does(vec![paid(GOLD_MAX, ben.bank(), purse.clone())])).await;
    assert_eq!(refused, Err(Refusal::TooMuch(purse.account.clone())));
    let take = vec![
        moved(ana.potion(0), slot(free), ben.carry(50)),
        paid(600, purse.clone(), ben.purse()),
        paid(GOLD_MAX, ben.bank(), ben.burn("test")),
    ];
    surely(store, &ben.does(take)).await;
    assert_eq!(store.load_guild_bank(load).await.expect("the store answers"), before);
    assert_eq!(ben.now(store).await.carry[50], Some(ana.potion(0)));
    // out again and in before it, newest first; what was refused is not there
    let entries = async |before, limit| {
        let request = GuildLedger { guild, before, limit };
        store.guild_ledger(request).await.expect("the store answers")
    };
    let newest = entries(None, 4).await;
    let of_bank = |entry: &Entry| match &entry.change {
        Change::Item { before, after, .. } => {
            let in_bank = |state: &Option<ItemState>| {
                state.is_some_and(|state| state.place == ItemPlace::Guild(guild, free))
            };
            (in_bank(before), in_bank(after), 0)
        }
        Change::Gold { amount, from, to } => {
            (from.account == purse.account, to.account == purse.account, *amount)
        }
    };
    let mut told: Vec<_> = newest.iter().map(|entry| (entry.actor.clone(), of_bank(entry))).collect();
    told[..2].sort_by_key(|(_, (_, _, amount))| *amount);
    told[2..].sort_by_key(|(_, (_, _, amount))| *amount);
    let did = |of: &Player, took: bool, amount| (Actor::Player(of.account()), (took, !took, amount));
    assert_eq!(told, [did(&ben, true, 0), did(&ben, true, 600), did(&ana, false, 0), did(&ana, false, 600)]);
    let pages = [entries(None, 3).await, entries(Some(newest[2].entry), 1).await].concat();
    assert_eq!(pages, newest, "in pages");
}

pub(super) async fn cash_never_meets_gold(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let cash = |of: &Player| GoldLocation { home: of.account(), account: GoldAccount::Cash(of.account()) };
    let balance = async |of: &Player| store.read_cash(ReadCash { account: of.account() }).await;
    assert_eq!(balance(&ana).await, Ok(0));
    let bought = Transfer {
        actor: model::ledger::Actor::System("web-shop".to_owned()),
        fences: Vec::new(),
        ..ana.does(vec![paid(5_000_000_000, ana.mint("cash-buy"), cash(&ana))])
    };
    let outcome = surely(store, &bought).await;
    assert_eq!(outcome.balance(&cash(&ana).account), Some(5_000_000_000));
    surely(store, &bought).await;
    let gift = Transfer { fences: Vec::new(), ..ana.does(vec![paid(40, cash(&ana), cash(&ben))]) };
    surely(store, &gift).await;
    surely(store, &ben.does(vec![paid(15, cash(&ben), ben.burn("cash-shop"))])).await;
    assert_eq!((balance(&ana).await, balance(&ben).await), (Ok(4_999_999_960), Ok(25)));
    for (from, to) in [(cash(&ben), ben.purse()), (ben.bank(), cash(&ben)), (cash(&ana), ben.bank())] {
        let exchange = done(store, &ben.does(vec![paid(1, from, to)])).await;
        assert!(matches!(exchange, Err(Refusal::Malformed(_))), "{exchange:?}");
    }
    let over = ben.does(vec![paid(26, cash(&ben), ben.burn("cash-shop"))]);
    assert_eq!(done(store, &over).await, Err(Refusal::NotEnough(cash(&ben).account)));
    let nobody = AccountId(number());
    let lost = GoldLocation { home: nobody, account: GoldAccount::Cash(nobody) };
    let lost = ben.does(vec![paid(1, cash(&ben), lost)]);
    assert_eq!(done(store, &lost).await, Err(Refusal::NoSuchOwner(nobody)));
}

pub(super) async fn a_record_changes_only_as_it_was_read(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let (key, home) = (RecordKey::Parcel(ParcelId(number())), ana.account());
    let change = |change| Transfer { records: vec![change], fences: Vec::new(), ..ana.does(Vec::new()) };
    let changed = Err(Refusal::RecordChanged(key));
    assert_eq!(done(store, &change(put(key, home, 7, 1))).await, changed, "it was never there");
    assert_eq!(done(store, &change(remove(key, home, 0))).await, changed, "nor can it go");
    surely(store, &change(put(key, home, 7, 0))).await;
    assert_eq!(done(store, &change(put(key, home, 8, 0))).await, changed, "it is there");
    surely(store, &change(put(key, home, 8, 1))).await;
    assert_eq!(done(store, &change(put(key, home, 9, 1))).await, changed);
    assert_eq!(done(store, &change(remove(key, home, 1))).await, changed);
    assert_eq!(done(store, &change(put(key, ben.account(), 9, 2))).await, changed, "it is not at home there");
    let held = record(store, key, None).await.expect("it is there").record;
    assert_eq!((held.version, held.scope, held.home), (2, 8, home));
    assert_eq!(held.body, format!("{key:?}").into_bytes());
    let twice = Transfer {
        records: vec![put(key, home, 9, 2), remove(key, home, 3)],
        ..change(put(key, home, 1, 1))
    };
    assert!(matches!(done(store, &twice).await, Err(Refusal::Malformed(_))));
    surely(store, &change(remove(key, home, 2))).await;
    assert_eq!(record(store, key, None).await, None);
    surely(store, &change(put(key, home, 7, 0))).await;
    surely(store, &change(remove(key, home, 1))).await;
}

pub(super) async fn nothing_is_left_where_no_record_is(store: &Arc<dyn Store>) {
    let ana = Player::new(store).await;
    let lot = Lot::of(&ana);
    let into = ana.does(vec![moved(ana.potion(0), ana.carry(0), lot.slot(0))]);
    assert_eq!(done(store, &into).await, Err(Refusal::RecordChanged(lot.key())), "there is no such lot");
    let gold = ana.does(vec![paid(5, ana.purse(), lot.purse())]);
    assert_eq!(done(store, &gold).await, Err(Refusal::RecordChanged(lot.key())));
    let (key, ground) = on_the_ground(ana.account());
    let empty = Transfer { records: vec![put(key, ana.account(), 1, 0)], ..ana.does(Vec::new()) };
    assert!(matches!(done(store, &empty).await, Err(Refusal::Malformed(_))), "nothing lies there");
    let fallen = Transfer { moves: vec![moved(ana.potion(0), ana.carry(0), ground)], ..empty };
    surely(store, &Transfer { operation: super::stage::operation(), ..fallen }).await;
    let only_the_item = ana.does(vec![moved(ana.potion(0), ground, ana.carry(0))]);
    assert!(matches!(done(store, &only_the_item).await, Err(Refusal::Malformed(_))));
    let only_the_record = Transfer { records: vec![remove(key, ana.account(), 1)], ..ana.does(Vec::new()) };
    assert!(matches!(done(store, &only_the_record).await, Err(Refusal::Malformed(_))));
    let swept = Transfer {
        actor: model::ledger::Actor::System("tmsrv".to_owned()),
        moves: vec![Move::Death { item: ana.potion(0), from: ground }],
        ..only_the_record
    };
    surely(store, &Transfer { operation: super::stage::operation(), fences: Vec::new(), ..swept }).await;
    assert_eq!(record(store, key, None).await, None);
}

pub(super) async fn records_come_in_pages(store: &Arc<dyn Store>) {
    let zone = number();
    let mut there = Vec::new();
    for _ in 0..7 {
        let ana = Player::new(store).await;
        let (key, ground) = on_the_ground(ana.account());
        let (gift, birth) = born(419, ground);
        let drop = Transfer { records: vec![put(key, ana.account(), zone, 0)], ..ana.does(vec![birth]) };
        surely(store, &drop).await;
        there.push((key, gift, ana.account()));
    }
    there.sort_by_key(|(key, ..)| key.number());
    let list = async |after, limit, home, scope| {
        let request = ListRecords { kind: RecordKind::Ground, scope, home, after, limit };
        store.list_records(request).await.expect("the store answers")
    };
    let mut found = Vec::new();
    loop {
        let after = found.last().map_or(0, |(key, ..): &(RecordKey, Item, AccountId)| key.number());
        let page = list(after, 3, None, Some(zone)).await;
        assert!(page.len() <= 3);
        if page.is_empty() {
            break;
        }
        for held in page {
            let [(0, item)] = held.items[..] else { panic!("one item lies there: {held:?}") };
            found.push((held.record.key, item, held.record.home));
        }
    }
    assert_eq!(found, there);
    let of_one = list(0, 10, Some(there[2].2), Some(zone)).await;
    assert_eq!(of_one.iter().map(|held| held.record.key).collect::<Vec<_>>(), [there[2].0]);
    let of_one = list(0, 10, Some(there[2].2), None).await;
    assert_eq!(of_one.len(), 1);
    assert!(list(0, 1_000, None, None).await.len() >= 7, "of all zones");
    assert_eq!(list(0, 10, None, Some(number())).await, []);
}

pub(super) async fn the_life_of_an_item_goes_on_in_another_bucket(store: &Arc<dyn Store>) {
    let [ana, ben] = Player::two(store).await;
    let potion = ana.potion(0);
    let grown = stack_of(3);
    let (there, back) = (moved(potion, ana.carry(0), ben.carry(9)), ben.carry(9));
    surely(store, &transfer(&[&ana, &ben], vec![there])).await;
    let home = Move::Item { item: potion, from: back, to: ana.cargo(2), effects: grown };
    surely(store, &transfer(&[&ana, &ben], vec![home])).await;
    let life =
        store.item_history(ItemHistory { item: potion.id, limit: 10 }).await.expect("the store answers");
    let ways: Vec<_> = life
        .iter()
        .map(|entry| match &entry.change {
            Change::Item { before, after, .. } => (
                before.map(|state| state.place),
                after.map(|state| state.place),
                after.map(|state| state.effects),
            ),
            Change::Gold { .. } => panic!("{entry:?}"),
        })
        .collect();
    let elsewhere = |of: &Player| Some(ItemPlace::Elsewhere(of.account()));
    let (old, new) = (Some(potion.effects), Some(grown));
    // the entries of two shards may be told in another order
    let expected = [
        (None, Some(ana.carry(0).place), old),
        (Some(ana.carry(0).place), elsewhere(&ben), old),
        (elsewhere(&ana), Some(ben.carry(9).place), old),
        (Some(ben.carry(9).place), elsewhere(&ana), old),
        (elsewhere(&ben), Some(ana.cargo(2).place), new),
    ];
    assert_eq!(ways.len(), expected.len(), "{ways:#?}");
    assert!(expected.iter().all(|way| ways.contains(way)), "{ways:#?}");
}
