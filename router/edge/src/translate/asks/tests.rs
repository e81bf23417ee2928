//! What honest clients ask is understood; what none asks is not.

use super::*;
use wire::record::{Item, ItemEffect};

fn item(kind: u16) -> Item {
    Item { kind, effects: [ItemEffect { kind: 61, value: 20 }, ItemEffect::default(), ItemEffect::default()] }
}

#[test]
fn each_version_has_its_own_last_slots() {
    for (profile, equip, cargo) in
        [(Profile::V759, 16, 128), (Profile::V769, 18, 120), (Profile::V748, 16, 128)]
    {
        for (container, slots) in [(0, equip), (1, 64), (2, cargo)] {
            let last = slot(container, slots - 1, profile).expect("the last slot");
            assert_eq!((last.container as u8, last.index), (container, slots - 1));
            assert_eq!(slot(container, slots, profile), None, "{profile} {container}");
        }
        assert_eq!(slot(3, 0, profile), None);
        assert_eq!(slot(255, 255, profile), None);
    }
}

#[test]
fn an_offer_names_each_slot_once_and_keeps_positions() {
    let mut packet = Trade { gold: 2_000_000_000, ..Trade::default() };
    packet.slots = [NO_SLOT; 15];
    packet.items[3] = item(412);
    packet.slots[3] = 7;
    let offer_of = |packet: &Trade| offer(packet).map(|offer| (offer.items.len(), offer.gold));
    assert_eq!(offer_of(&packet), Some((1, 2_000_000_000)));
    let offered = offer(&packet).expect("an offer").items[0];
    assert_eq!((offered.position, offered.slot, offered.shown.kind), (3, 7, ItemKind(412)));
    assert_eq!(offered.shown.effects[0], Effect { code: 61, value: 20 });
    // old clients leave zeros where nothing is
    assert_eq!(offer_of(&Trade::default()), Some((0, 0)));

    let with = |position: usize, slot: u8| {
        let mut packet = packet.clone();
        packet.items[position] = item(413);
        packet.slots[position] = slot;
        offer(&packet)
    };
    assert!(with(14, 8).is_some());
    assert!(with(14, 7).is_none(), "a slot twice");
    assert!(with(14, 64).is_none(), "a slot that nobody has");
    assert!(with(14, NO_SLOT).is_none(), "an item from nowhere");
    for gold in [-1, 2_000_000_001] {
        assert!(offer(&Trade { gold, ..packet.clone() }).is_none(), "{gold}");
    }
}

#[test]
fn wares_have_a_price_and_a_place_in_the_bank_of_this_version() {
    let packet = Autotrade { slots: [NO_SLOT; 12], ..Autotrade::default() };
    let with = |slot: u8, price: i64| {
        let mut packet = packet.clone();
        for position in [0, 11] {
            packet.items[position] = item(412);
            packet.slots[position] = if position == 0 { 1 } else { slot };
            packet.prices[position] = if position == 0 { 5 } else { price };
        }
        packet
    };
    let good = wares(&with(119, 1_999_999_999), Profile::V769).expect("wares");
    assert_eq!(
        (good.len(), good[1].position, good[1].cargo_slot, good[1].price),
        (2, 11, 119, 1_999_999_999)
    );
    assert!(wares(&with(120, 5), Profile::V769).is_none());
    assert!(wares(&with(120, 5), Profile::V759).is_some());
    assert!(wares(&with(1, 5), Profile::V748).is_none(), "a slot twice");
    for price in [0, -5, 2_000_000_001] {
        assert!(wares(&with(2, price), Profile::V748).is_none(), "{price}");
    }
}

#[test]
fn a_title_is_text() {
    assert_eq!(title("Poções baratas").as_deref(), Some("Poções baratas"));
    assert_eq!(title(&"x".repeat(24)).map(|title| title.len()), Some(STALL_TITLE_MAX));
    assert_eq!(title("ding\u{7}"), None);
    assert_eq!(title("\u{81}"), None, "a byte that the code page lacks");
}

#[test]
fn a_list_is_counted_like_the_shelves_of_a_merchant() {
    let entries: Vec<Option<u8>> = [0, 8, 9, 26, 27, 35, 36, 54, 62].into_iter().map(entry).collect();
    assert_eq!(entries, [Some(0), Some(8), None, None, Some(9), Some(17), None, Some(18), Some(26)]);
}
