//! Two readings of the published packet layouts against each other: items and gold. See `agrees_with_wire.rs`.
#![allow(clippy::unwrap_used)]

use bot::protocol::incoming::{GroundSeen, ItemSeen, OfferSeen, Packet, StallSeen, Told, WareSeen, read};
use bot::protocol::outgoing;
use bot::protocol::place::Tile;
use bot::protocol::profile::Profile;
use bot::protocol::slot::Slot;
use wire::record::Item;
use wire::sample::Samples;
use wire::{ClientPacket, Frame, ServerPacket};

fn theirs(profile: Profile) -> wire::Profile {
    match profile {
        Profile::V759 => wire::Profile::V759,
        Profile::V769 => wire::Profile::V769,
        Profile::V748 => wire::Profile::V748,
    }
}

fn item(item: &Item) -> Option<ItemSeen> {
    let pairs = &item.effects;
    let effects = std::array::from_fn(|index| {
        let pair = &pairs[index / 2];
        if index % 2 == 0 { pair.kind } else { pair.value }
    });
    (item.kind != 0).then_some(ItemSeen { kind: item.kind, effects })
}

/// A slot that there is, or nothing: samples are not only of those.
fn slot(container: u8, index: u8) -> Option<Slot> {
    Slot::of(i64::from(container), i64::from(index))
}

/// What the bot should have understood, or `None` for packets that are not about goods.
fn meant(packet: &ServerPacket) -> Option<Told> {
    Some(match packet {
        ServerPacket::SendItem(sent) => Told::Slot(slot(sent.container, sent.slot)?, item(&sent.item)),
        ServerPacket::MoveItem(moved) => Told::Moved(
            slot(moved.to_container, moved.to_slot)?,
            slot(moved.from_container, moved.from_slot)?,
        ),
        ServerPacket::UpdateGold(update) => Told::Gold(update.gold as i32),
        ServerPacket::CargoGold(cargo) => Told::CargoGold(cargo.gold as i32),
        ServerPacket::CargoDepositGold(deposit) => Told::Deposited(deposit.amount as i32),
        ServerPacket::CargoWithdrawGold(withdraw) => Told::Withdrew(withdraw.amount as i32),
        ServerPacket::ShopBuy(buy) => Told::Bought(u16::from(buy.shelf), buy.slot, buy.gold as i32),
        ServerPacket::ShopSell(sell) => Told::Sold(slot(sell.container, sell.slot)?),
        ServerPacket::GroundItemCreate(there) => {
            let tile = Tile::new(there.x, there.y);
            Told::GroundShown(GroundSeen { id: there.item_id, tile, item: item(&there.item)? })
        }
        ServerPacket::GroundItemRemove(gone) => Told::GroundGone(gone.item_id),
        ServerPacket::PickItemOk(picked) => {
            Told::PickedUp(slot(picked.container, picked.slot)?, item(&picked.item))
        }
        ServerPacket::DropItemOk(dropped) => {
            Told::Dropped(slot(dropped.container, dropped.slot)?, Tile::new(dropped.x, dropped.y))
        }
        ServerPacket::Trade(trade) => {
            let at = |index: usize| Some((index as u8, trade.slots[index], item(&trade.items[index])?));
            Told::Offer(OfferSeen {
                items: (0..15).filter_map(at).collect(),
                gold: trade.gold as i32,
                checked: trade.checked,
                partner: trade.opponent,
            })
        }
        ServerPacket::TradeQuit(_) => Told::TradeClosed,
        ServerPacket::TradeChecked(_) => Told::TradeChecked,
        ServerPacket::Autotrade(stall) => {
            let at = |index: usize| {
                let (cargo_slot, price) = (stall.slots[index], stall.prices[index] as i32);
                Some(WareSeen { position: index as u8, cargo_slot, item: item(&stall.items[index])?, price })
            };
            Told::Stall(StallSeen {
                owner: stall.owner,
                title: stall.title.clone(),
                wares: (0..12).filter_map(at).collect(),
                tax: stall.tax,
            })
        }
        ServerPacket::AutotradeSold(sold) => Told::StallSold(sold.owner, sold.position),
        ServerPacket::Repurchase(list) => {
            let known =
                list.items.iter().filter_map(|sold| Some((sold.order, item(&sold.item)?, sold.price as i32)));
            Told::SoldLately(known.collect())
        }
        _ => return None,
    })
}

#[test]
fn what_the_server_says_about_goods_is_what_a_bot_understands() {
    for profile in Profile::ALL {
        let mut compared = std::collections::BTreeSet::new();
        for round in 0..200u64 {
            for packet in
                ServerPacket::samples(theirs(profile), |name| Samples::new(round * 7919 + name.len() as u64))
            {
                let mut bytes = Vec::new();
                packet.encode(theirs(profile), 77, 60_000, &mut bytes).unwrap();
                let seen = read(profile, &bytes);
                if let Some(meant) = meant(&packet) {
                    assert_eq!(seen, Packet::Goods(meant), "{} of {profile}", packet.name());
                    compared.insert(packet.name());
                }
                match (&packet, seen) {
                    (ServerPacket::ShopList(list), Packet::Goods(Told::Shelf(shelf))) => {
                        let goods: Vec<_> = list.items.iter().map(item).collect();
                        assert_eq!((shelf.kind, shelf.tax, shelf.goods), (list.kind, list.tax, goods));
                        compared.insert("shop_list");
                    }
                    (
                        ServerPacket::CreateMobTrade(create),
                        Packet::Create { id, name, tile, stall, score, .. },
                    ) => {
                        assert_eq!((id, &name), (create.plate.id, &create.plate.name));
                        assert_eq!(
                            (tile, stall.as_ref()),
                            (Tile::new(create.x, create.y), Some(&create.stall))
                        );
                        assert_eq!((score.hp, score.level), (create.score.hp, create.score.level));
                        compared.insert("create_mob_trade");
                    }
                    _ => {}
                }
            }
        }
        let least = if profile == Profile::V748 { 18 } else { 19 };
        assert!(compared.len() >= least, "{profile}: only {compared:?}");
    }
}

#[test]
fn a_move_is_about_the_slots_that_were_asked_for() {
    for profile in Profile::ALL {
        let moved = wire::packet::MoveItem {
            to_container: 2,
            to_slot: 100,
            from_container: 1,
            from_slot: 3,
            ..wire::packet::MoveItem::default()
        };
        let mut bytes = Vec::new();
        ServerPacket::MoveItem(moved).encode(theirs(profile), 77, 60_000, &mut bytes).unwrap();
        let told = Told::Moved(Slot::cargo(100), Slot::carry(3));
        assert_eq!(read(profile, &bytes), Packet::Goods(told));
    }
}

fn parsed(profile: Profile, packet: &[u8]) -> ClientPacket {
    ClientPacket::parse(theirs(profile), &Frame::from_plain(packet).unwrap()).unwrap()
}

const POTION: ItemSeen = ItemSeen { kind: 400, effects: [61, 20, 2, 3, 0, 0] };

#[test]
fn what_a_bot_asks_about_goods_is_what_the_server_reads() {
    for profile in Profile::ALL {
        let asked = |packet: &[u8]| parsed(profile, packet);
        let ClientPacket::MoveItem(moved) =
            asked(&outgoing::move_item(5, Slot::carry(3), Slot::cargo(100), 1234))
        else {
            panic!("no move")
        };
        assert_eq!(
            (moved.from_container, moved.from_slot, moved.to_container, moved.to_slot),
            (1, 3, 2, 100)
        );
        assert_eq!(moved.keeper, 1234);
        let tile = Tile::new(2100, 2101);
        let ClientPacket::DropItem(dropped) = asked(&outgoing::drop_item(5, Slot::carry(7), 400, tile))
        else {
            panic!("no drop")
        };
        assert_eq!((dropped.container, dropped.slot, dropped.x, dropped.y), (1, 7, 2100, 2101));
        let ClientPacket::PickItem(pick) = asked(&outgoing::pick_up(5, 10_007, tile, 9)) else {
            panic!("no pick")
        };
        assert_eq!((pick.container, pick.slot, pick.item_id, pick.x, pick.y), (1, 9, 10_007, 2100, 2101));
        let ClientPacket::ShopOpen(open) = asked(&outgoing::open_shop(5, 1500)) else { panic!("no shop") };
        assert_eq!(open.target, 1500);
        let ClientPacket::ShopBuy(buy) = asked(&outgoing::buy(5, 1500, 28, 4)) else { panic!("no purchase") };
        assert_eq!((buy.target, buy.shelf, buy.slot), (1500, 28, 4));
        let ClientPacket::ShopSell(sell) = asked(&outgoing::sell(5, 1500, Slot::carry(4))) else {
            panic!("no sale")
        };
        assert_eq!((sell.target, sell.container, sell.slot), (1500, 1, 4));
        let ClientPacket::CargoDepositGold(gold) = asked(&outgoing::deposit(5, 1_999)) else {
            panic!("no deposit")
        };
        assert_eq!(gold.amount, 1_999);
        let ClientPacket::CargoWithdrawGold(gold) = asked(&outgoing::withdraw(5, 77)) else {
            panic!("no gold")
        };
        assert_eq!(gold.amount, 77);
        let offer =
            OfferSeen { items: vec![(0, 3, POTION), (2, 8, POTION)], gold: 50, checked: true, partner: 9 };
        let ClientPacket::Trade(trade) = asked(&outgoing::offer(5, &offer)) else { panic!("no trade") };
        assert_eq!((trade.gold, trade.checked, trade.opponent), (50, true, 9));
        assert_eq!(&trade.slots[..4], [3, 0xFF, 8, 0xFF]);
        assert_eq!((item(&trade.items[2]), item(&trade.items[1])), (Some(POTION), None));
        assert_eq!(parsed(profile, &outgoing::quit_trade(5)).name(), "trade_quit");
        let ware = WareSeen { position: 1, cargo_slot: 40, item: POTION, price: 500 };
        let shop = StallSeen { owner: 5, title: "barato".to_owned(), wares: vec![ware], tax: 0 };
        let ClientPacket::Autotrade(stall) = asked(&outgoing::open_stall(5, &shop)) else {
            panic!("no stall")
        };
        assert_eq!(
            (stall.title.as_str(), stall.slots[1], stall.prices[1], stall.owner),
            ("barato", 40, 500, 5)
        );
        assert_eq!((stall.slots[0], item(&stall.items[1])), (0xFF, Some(POTION)));
        let ClientPacket::AutotradeOpen(visit) = asked(&outgoing::visit_stall(5, 8)) else {
            panic!("no visit")
        };
        assert_eq!(visit.owner, 8);
        let ClientPacket::AutotradeBuy(buy) = asked(&outgoing::buy_from_stall(5, 8, &ware, 5)) else {
            panic!("no purchase")
        };
        assert_eq!((buy.position, buy.owner, buy.price, buy.tax), (1, 8, 500, 5));
        assert_eq!(item(&buy.item), Some(POTION));
    }
}

#[test]
fn what_stock_748_cannot_is_asked_by_the_others_only() {
    for profile in [Profile::V759, Profile::V769] {
        let ClientPacket::SplitItem(split) = parsed(profile, &outgoing::split(5, 3, 400, 12)) else {
            panic!("no split")
        };
        assert_eq!((split.slot, split.kind, split.amount), (3, 400, 12));
        let ClientPacket::DeleteItem(delete) = parsed(profile, &outgoing::destroy(5, 3, 400)) else {
            panic!("no delete")
        };
        assert_eq!((delete.slot, delete.kind), (3, 400));
        assert_eq!(parsed(profile, &outgoing::list_sold(5)).name(), "repurchase");
    }
}
