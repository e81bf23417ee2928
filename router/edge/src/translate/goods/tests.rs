//! Bytes of what clients are told of goods, at the offsets of `packets.toml` and `packets_748.toml`.

use super::*;
use crate::translate::{Sent, stand};
use model::event::EquipLook;
use model::item::{EQUIP_SLOTS, Effect, ItemKind};
use model::trade::OfferItem;
use model::{CharacterId, EntityId, Epoch, ItemId, MoveMark, Score};
use wire::{NotInProfile, Profile};

fn bytes(profile: Profile, packet: impl Into<ServerPacket>) -> Vec<u8> {
    let mut out = Vec::new();
    packet.into().encode(profile, 7, 70_000, &mut out).expect("in this profile");
    out
}

fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]])
}

fn i32_at(bytes: &[u8], offset: usize) -> i32 {
    i32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("four bytes"))
}

fn potions() -> ItemSpec {
    ItemSpec { kind: ItemKind(412), effects: [Effect { code: 61, value: 20 }; 3] }
}

const POTIONS: [u8; 8] = [0x9C, 1, 61, 20, 61, 20, 61, 20];

fn slot_of(container: Container, index: u8) -> Slot {
    Slot { container, index }
}

#[test]
fn items_of_the_player() {
    let item = potions().with_id(ItemId(3));
    let (bag, bank) = (slot_of(Container::Carry, 63), slot_of(Container::Cargo, 119));
    for profile in Profile::ALL {
        let told = bytes(profile, slot(bank, Some(&item)));
        assert_eq!((u16_at(&told, 4), u16_at(&told, 12), u16_at(&told, 14)), (0x182, 2, 119));
        assert_eq!(told[16..24], POTIONS);
        let empty = bytes(profile, slot(bag, None));
        assert_eq!((u16_at(&empty, 12), u16_at(&empty, 14), &empty[16..24]), (1, 63, &[0; 8][..]));

        let told = bytes(profile, moved(bag, bank, 1_234));
        assert_eq!(
            (u16_at(&told, 4), &told[12..16], u16_at(&told, 16)),
            (0x376, &[2, 119, 1, 63][..], 1_234)
        );

        let told = bytes(profile, carry(&[None, Some(item)], 55));
        assert_eq!((told.len(), &told[20..28], i32_at(&told, 524)), (528, &POTIONS[..], 55));
    }
}

#[test]
fn items_on_the_ground() {
    let item = potions().with_id(ItemId(3));
    let (tile, bag) = (Tile::new(2100, 2101), slot_of(Container::Carry, 4));
    for profile in Profile::ALL {
        let told = bytes(profile, ground(10_003, tile, &potions(), 2, true));
        assert_eq!((u16_at(&told, 4), u16_at(&told, 12), u16_at(&told, 14)), (0x26E, 2100, 2101));
        assert_eq!((u16_at(&told, 16), &told[18..26]), (10_003, &POTIONS[..]));
        assert_eq!(told[26..30], [2, 0, 0, 1], "it fell just now");
        assert_eq!(bytes(profile, ground(10_003, tile, &potions(), 2, false))[29], 0);

        let told = bytes(profile, picked_up(bag, &item));
        assert_eq!((u16_at(&told, 4), i32_at(&told, 12), i32_at(&told, 16)), (0x171, 1, 4));
        assert_eq!(told[20..28], POTIONS);

        let told = bytes(profile, dropped(bag, tile, 3));
        assert_eq!((u16_at(&told, 4), i32_at(&told, 12), i32_at(&told, 16)), (0x175, 1, 4));
        assert_eq!((i32_at(&told, 20), u16_at(&told, 24), u16_at(&told, 26)), (3, 2100, 2101));
    }
}

#[test]
fn shops() {
    for profile in Profile::ALL {
        let mut shelf = vec![None; 27];
        shelf[26] = Some(potions());
        let told = bytes(profile, shop(false, &shelf, 5));
        assert_eq!((u16_at(&told, 4), told.len(), i32_at(&told, 12)), (0x17C, 236, 1));
        assert_eq!((&told[224..232], i32_at(&told, 232)), (&POTIONS[..], 5));
        assert_eq!(i32_at(&bytes(profile, shop(true, &[], 0)), 12), 3);

        let told = bytes(profile, bought(1_001, 62, 14, 777));
        assert_eq!((u16_at(&told, 4), u16_at(&told, 12), u16_at(&told, 14)), (0x379, 1_001, 62));
        assert_eq!((u16_at(&told, 16), i32_at(&told, 20)), (14, 777));
        let told = bytes(profile, sold(1_001, slot_of(Container::Carry, 9)));
        assert_eq!((u16_at(&told, 4), u16_at(&told, 12)), (0x37A, 1_001));
        assert_eq!((u16_at(&told, 14), u16_at(&told, 16)), (1, 9));
    }
    let list = sold_lately(1_001, &[(potions(), 50), (potions(), 60)]);
    for profile in [Profile::V759, Profile::V769] {
        let told = bytes(profile, list.clone());
        assert_eq!((u16_at(&told, 4), told.len(), i32_at(&told, 12)), (0x3E8, 176, 1_001));
        assert_eq!((i32_at(&told, 32), &told[36..44], i32_at(&told, 44)), (1, &POTIONS[..], 60));
        assert!(told[48..].iter().all(|byte| *byte == 0));
    }
    let none = ServerPacket::from(list).encode(Profile::V748, 7, 1, &mut Vec::new());
    assert_eq!(none, Err(NotInProfile { name: "repurchase", profile: Profile::V748 }));
}

#[test]
fn trades_and_personal_shops() {
    let offered = OfferItem { position: 14, slot: 59, shown: potions() };
    let offer = Offer { items: vec![offered], gold: 5_000 };
    let ware = Ware { position: 11, cargo_slot: 119, shown: potions(), price: 1_999_999_999 };
    for profile in Profile::ALL {
        let told = bytes(profile, trade(17, &offer, true));
        assert_eq!((u16_at(&told, 4), told.len(), u16_at(&told, 154)), (0x383, 156, 17));
        assert_eq!((&told[124..132], told[146], i32_at(&told, 148)), (&POTIONS[..], 59, 5_000));
        assert!(told[132..146].iter().all(|slot| *slot == 0xFF) && told[152] == 1);

        let told = bytes(profile, stall(17, "Barato", &[ware], 5));
        assert_eq!((u16_at(&told, 4), told.len(), &told[12..19]), (0x397, 196, &b"Barato\0"[..]));
        assert_eq!((&told[124..132], told[143], i32_at(&told, 188)), (&POTIONS[..], 119, 1_999_999_999));
        assert!(told[132..143].iter().all(|slot| *slot == 0xFF));
        assert_eq!((u16_at(&told, 192), u16_at(&told, 194)), (5, 17));
    }
    // what lies outside of the window is left out, whatever a node says
    let odd = Offer { items: vec![OfferItem { position: 15, ..offered }], gold: 0 };
    assert_eq!(trade(1, &odd, false).slots, [NO_SLOT; 15]);
    assert_eq!(stall(1, "", &[Ware { position: 12, ..ware }], 0).slots, [NO_SLOT; 12]);
}

#[test]
fn who_sits_in_a_personal_shop_is_shown_with_its_title() {
    let mut equip = [EquipLook::default(); EQUIP_SLOTS];
    equip[15] = EquipLook { kind: 861, refine: 9, color: 43 };
    let mut look = Appearance {
        entity: EntityId::of_character(CharacterId(3)),
        tile: Tile::new(2100, 2101),
        name: "Seller".to_owned(),
        equip,
        affects: Vec::new(),
        guild: 0,
        guild_rank: 0,
        score: Score { hp: 50, hp_max: 80, ..Score::default() },
        chaos: 75,
        title: "The title".to_owned(),
        walk: None,
        mark: MoveMark::first(Epoch(1)),
        stall: Some("Barato".to_owned()),
    };
    let of = |look: &Appearance, profile| {
        let (id, packet): Sent = stand(look, 17, false);
        assert_eq!(id, wire::SCENE_FIELD);
        bytes(profile, packet)
    };
    for (profile, size, stall, title) in
        [(Profile::V759, 252, 228, 202), (Profile::V769, 260, 234, 208), (Profile::V748, 200, 172, 146)]
    {
        let told = of(&look, profile);
        assert_eq!((u16_at(&told, 4), told.len(), u16_at(&told, 16)), (0x363, size, 17));
        assert_eq!(&told[stall..stall + 7], b"Barato\0");
        assert_eq!((&told[title..title + 9], u16_at(&told, 64)), (&b"The title"[..], 861 | 9 << 12));
        let worn = bytes(profile, super::equip(&equip));
        assert_eq!((u16_at(&worn, 4), u16_at(&worn, 42)), (0x36B, 861 | 9 << 12));
    }
    look.stall = None;
    assert_eq!(Profile::ALL.map(|profile| u16_at(&of(&look, profile), 4)), [0x364; 3]);
}
