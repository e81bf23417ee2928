//! Items, shops, trades and gold at the offsets of the published layouts, written down by hand.

mod support;

use support::expect::{NO, check, item, item_number, same, score, score_at, text};
use support::{from_client, from_server};
use wire::packet::{
    Autotrade, AutotradeBuy, AutotradeOpen, AutotradeSold, CargoDepositGold, CargoGold, CargoWithdrawGold,
    ClientPacket, CreateMobTrade, DeleteItem, DropItem, DropItemOk, GroundItemRemove, MoveItem, NO_SLOT,
    PickItem, PickItemOk, Repurchase, ServerPacket, ShopBuy, ShopClose, ShopList, ShopOpen, ShopSell,
    SplitItem, Trade, TradeChecked, TradeQuit, UseItem,
};
use wire::record::{Nameplate, SoldItem, affect_word, look};
use wire::{NotInProfile, Profile};

/// A server's packet of every version.
fn told(packet: impl Into<ServerPacket>) -> [Vec<u8>; 3] {
    let packet = packet.into();
    Profile::ALL.map(|profile| from_server(packet.clone(), profile))
}

/// A client's packet of every version.
fn asked(packet: impl Into<ClientPacket>) -> [Vec<u8>; 3] {
    let packet = packet.into();
    Profile::ALL.map(|profile| from_client(packet.clone(), profile))
}

#[test]
fn moving_an_item_0x376() {
    let packet = MoveItem { to_container: 2, to_slot: 119, from_container: 1, from_slot: 7, keeper: 1_234 };
    let expected = [
        same("where it is dropped", [12; 3], 0x7702, 2),
        same("where it was taken", [14; 3], 0x0701, 2),
        same("keeper", [16; 3], 1_234, 2),
    ];
    check(&expected, &told(packet.clone()), [0x376; 3], [20; 3]);
    check(&expected, &asked(packet), [0x376; 3], [20; 3]);
}

#[test]
fn using_an_item_0x373() {
    let packet = UseItem { container: 1, slot: 5, on_container: 0, on_slot: 14, x: 2100, y: 2101, choice: 3 };
    let expected = [
        same("container", [12; 3], 1, 4),
        same("slot", [16; 3], 5, 4),
        same("on_container", [20; 3], 0, 4),
        same("on_slot", [24; 3], 14, 4),
        same("x", [28; 3], 2100, 2),
        same("y", [30; 3], 2101, 2),
        same("choice", [32; 3], 3, 2),
    ];
    check(&expected, &asked(packet), [0x373; 3], [36; 3]);
}

#[test]
fn items_and_the_ground_0x272_0x175_0x270_0x171_0x16f() {
    let drop = DropItem { container: 1, slot: 63, rotate: 3, x: 2100, y: 2101, item_id: 9 };
    let lain = [
        same("container", [12; 3], 1, 4),
        same("slot", [16; 3], 63, 4),
        same("rotate", [20; 3], 3, 4),
        same("x", [24; 3], 2100, 2),
        same("y", [26; 3], 2101, 2),
    ];
    check(&lain, &asked(drop), [0x272; 3], [32; 3]);
    let ok = DropItemOk { container: 1, slot: 63, rotate: 3, x: 2100, y: 2101 };
    check(&lain, &told(ok), [0x175; 3], [28; 3]);

    let pick = PickItem { container: 1, slot: 29, item_id: 10_005, x: 2100, y: 2101 };
    let expected = [
        same("container", [12; 3], 1, 4),
        same("slot", [16; 3], 29, 4),
        same("item_id", [20; 3], 10_005, 2),
        same("x", [22; 3], 2100, 2),
        same("y", [24; 3], 2101, 2),
    ];
    check(&expected, &asked(pick), [0x270; 3], [28; 3]);
    let ok = PickItemOk { container: 1, slot: 29, item: item(412) };
    let expected = [
        same("container", [12; 3], 1, 4),
        same("slot", [16; 3], 29, 4),
        same("item", [20; 3], item_number(412), 8),
    ];
    check(&expected, &told(ok), [0x171; 3], [28; 3]);
    let gone = GroundItemRemove { item_id: 10_005 };
    check(&[same("item_id", [12; 3], 10_005, 4)], &told(gone), [0x16F; 3], [16; 3]);
}

#[test]
fn shops_0x27b_0x17c_0x379_0x37a_0x196() {
    check(&[same("target", [12; 3], 1_001, 2)], &asked(ShopOpen { target: 1_001 }), [0x27B; 3], [16; 3]);

    let mut list = ShopList { kind: 3, tax: 5, ..ShopList::default() };
    list.items[0] = item(5_000);
    list.items[26] = item(5_001);
    let expected = [
        same("kind", [12; 3], 3, 4),
        same("first", [16; 3], item_number(5_000), 8),
        same("last", [224; 3], item_number(5_001), 8),
        same("tax", [232; 3], 5, 4),
    ];
    check(&expected, &told(list), [0x17C; 3], [236; 3]);

    let buy = ShopBuy { target: 1_001, shelf: 62, slot: 14, gold: 777 };
    let expected = [
        same("target", [12; 3], 1_001, 2),
        same("shelf", [14; 3], 62, 2),
        same("slot", [16; 3], 14, 2),
        same("gold", [20; 3], 777, 4),
    ];
    check(&expected, &told(buy.clone()), [0x379; 3], [24; 3]);
    check(&expected, &asked(buy), [0x379; 3], [24; 3]);

    let sell = ShopSell { target: 1_001, container: 1, slot: 14 };
    let expected =
        [same("target", [12; 3], 1_001, 2), same("container", [14; 3], 1, 2), same("slot", [16; 3], 14, 2)];
    check(&expected, &told(sell.clone()), [0x37A; 3], [20; 3]);
    check(&expected, &asked(sell), [0x37A; 3], [20; 3]);
    check(&[], &told(ShopClose {}), [0x196; 3], [12; 3]);
}

#[test]
fn gold_of_the_storage_0x339_0x388_0x387() {
    let amount = [same("amount", [12; 3], 2_000_000_000, 4)];
    check(&amount, &told(CargoGold { gold: 2_000_000_000 }), [0x339; 3], [16; 3]);
    let (deposit, withdraw) =
        (CargoDepositGold { amount: 2_000_000_000 }, CargoWithdrawGold { amount: 2_000_000_000 });
    check(&amount, &told(deposit.clone()), [0x388; 3], [16; 3]);
    check(&amount, &asked(deposit), [0x388; 3], [16; 3]);
    check(&amount, &told(withdraw.clone()), [0x387; 3], [16; 3]);
    check(&amount, &asked(withdraw), [0x387; 3], [16; 3]);
}

#[test]
fn trades_0x383_0x384_0x386() {
    let mut trade = Trade { gold: 5_000, checked: true, opponent: 17, ..Trade::default() };
    trade.slots = [NO_SLOT; 15];
    trade.items[0] = item(401);
    trade.slots[0] = 3;
    trade.items[14] = item(402);
    trade.slots[14] = 59;
    let expected = [
        same("first item", [12; 3], item_number(401), 8),
        same("last item", [124; 3], item_number(402), 8),
        same("first slots", [132; 3], 0xFF03, 2),
        same("last slots", [145; 3], 0x3BFF, 2),
        same("gold", [148; 3], 5_000, 4),
        same("checked", [152; 3], 1, 1),
        same("opponent", [154; 3], 17, 2),
    ];
    check(&expected, &told(trade.clone()), [0x383; 3], [156; 3]);
    check(&expected, &asked(trade), [0x383; 3], [156; 3]);
    check(&[], &told(TradeQuit {}), [0x384; 3], [12; 3]);
    check(&[], &asked(TradeQuit {}), [0x384; 3], [12; 3]);
    check(&[], &told(TradeChecked {}), [0x386; 3], [12; 3]);
}

#[test]
fn personal_shops_0x397_0x398_0x39a_0x39b() {
    let mut shop = Autotrade { title: "Barato!!".into(), tax: 5, owner: 17, ..Autotrade::default() };
    shop.slots = [NO_SLOT; 12];
    shop.items[11] = item(403);
    shop.slots[11] = 119;
    shop.prices[0] = 1;
    shop.prices[11] = 1_999_999_999;
    let expected = [
        same("title", [12; 3], text(b"Barato!!"), 8),
        same("last item", [124; 3], item_number(403), 8),
        same("last slots", [142; 3], 0x77FF, 2),
        same("first price", [144; 3], 1, 4),
        same("last price", [188; 3], 1_999_999_999, 4),
        same("tax", [192; 3], 5, 2),
        same("owner", [194; 3], 17, 2),
    ];
    check(&expected, &told(shop.clone()), [0x397; 3], [196; 3]);
    check(&expected, &asked(shop), [0x397; 3], [196; 3]);
    let long = told(Autotrade { title: "x".repeat(40), ..Autotrade::default() });
    assert_eq!(long.map(|bytes| bytes.iter().filter(|byte| **byte == b'x').count()), [23, 23, 22]);

    let buy = AutotradeBuy { position: 11, owner: 17, price: 1_999_999_999, tax: 5, item: item(403) };
    let expected = [
        same("position", [12; 3], 11, 4),
        same("owner", [16; 3], 17, 2),
        same("price", [20; 3], 1_999_999_999, 4),
        same("tax", [24; 3], 5, 4),
        same("item", [28; 3], item_number(403), 8),
    ];
    check(&expected, &asked(buy), [0x398; 3], [36; 3]);
    check(&[same("owner", [12; 3], 17, 4)], &asked(AutotradeOpen { owner: 17 }), [0x39A; 3], [16; 3]);
    let expected = [same("owner", [12; 3], 17, 4), same("position", [16; 3], 11, 4)];
    check(&expected, &told(AutotradeSold { owner: 17, position: 11 }), [0x39B; 3], [20; 3]);
}

#[test]
fn somebody_in_a_personal_shop_0x363() {
    let mut packet = CreateMobTrade {
        x: 2100,
        y: 2101,
        plate: Nameplate { id: 17, name: "Abcdefgh".into(), chaos: 75, current_kills: 3, total_kills: 500 },
        guild: 0x2345,
        guild_level: 9,
        score: score(300),
        create_type: 2,
        title: "Titulo d".into(),
        stall: "Barato!!".into(),
        citizenship: 5,
        ..CreateMobTrade::default()
    };
    packet.equip[15] = look(0x35D, 9);
    packet.affects[15] = affect_word(6, 1000);
    packet.colors[15] = 43;
    let mut expected = vec![
        same("x", [12; 3], 2100, 2),
        same("y", [14; 3], 2101, 2),
        same("id", [16; 3], 17, 2),
        same("name", [18; 3], text(b"Abcdefgh"), 8),
        same("total_kills", [32; 3], 500, 2),
        same("equip 15", [64; 3], 0x935D, 2),
        same("affect 15", [96, 100, 96], 0x06FF, 2),
        same("guild", [130, 134, 98], 0x2345, 2),
        same("guild_level", [132, 136, NO], 9, 1),
        same("create_type", [184, 188, 128], 2, 2),
        same("color 15", [201, 205, 145], 43, 1),
        same("title", [202, 208, 146], text(b"Titulo d"), 8),
        same("stall", [228, 234, 172], text(b"Barato!!"), 8),
        same("citizenship", [NO, 258, 196], 5, 1),
    ];
    expected.extend(score_at([136, 140, 100], 300));
    check(&expected, &told(packet.clone()), [0x363; 3], [252, 260, 200]);
    let long = CreateMobTrade { stall: "x".repeat(40), ..packet };
    let shown = told(long).map(|bytes| bytes.iter().filter(|byte| **byte == b'x').count());
    assert_eq!(shown, [23, 23, 22], "7.48 overwrites the last two bytes");
}

#[test]
fn what_only_newer_clients_have_0x2e4_0x2e5_0x3e8() {
    let mut list = Repurchase { target: 1_001, ..Repurchase::default() };
    list.items[9] = SoldItem { order: 9, item: item(404), price: 1_500 };
    for profile in [Profile::V759, Profile::V769] {
        let delete = from_client(DeleteItem { slot: 5, kind: 412 }, profile);
        assert_eq!((delete.len(), &delete[12..20]), (20, &[5, 0, 0, 0, 0x9C, 1, 0, 0][..]));
        let split = from_client(SplitItem { slot: 5, kind: 412, amount: 50 }, profile);
        assert_eq!((split.len(), &split[12..24]), (24, &[5, 0, 0, 0, 0x9C, 1, 0, 0, 50, 0, 0, 0][..]));
        let list = from_server(list.clone(), profile);
        assert_eq!((list.len(), &list[4..6], &list[12..16]), (176, &[0xE8, 3][..], &[0xE9, 3, 0, 0][..]));
        assert_eq!(list[160..164], 9_i32.to_le_bytes());
        assert_eq!(list[164..172], item_number(404).to_le_bytes());
        assert_eq!(list[172..176], 1_500_i32.to_le_bytes());
    }
    let none = ServerPacket::from(list).encode(Profile::V748, 1, 1, &mut Vec::new());
    assert_eq!(none, Err(NotInProfile { name: "repurchase", profile: Profile::V748 }));
}
