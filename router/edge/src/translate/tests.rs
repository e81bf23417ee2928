//! Bytes of what clients are told, at the offsets of `packets.toml` and `packets_748.toml`.

use super::*;
use model::character::{CharacterName, Class, Unspent};
use model::item::{Effect, ItemKind};
use model::{AccountId, CharacterId, EntityId, Epoch, ItemId, MoveMark, Route, ZoneId};

fn bytes(profile: Profile, (id, packet): &Sent) -> Vec<u8> {
    let mut out = Vec::new();
    packet.encode(profile, *id, 70_000, &mut out).expect("in this profile");
    out
}

fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]])
}

fn i32_at(bytes: &[u8], offset: usize) -> i32 {
    i32::from_le_bytes(bytes[offset..offset + 4].try_into().expect("four bytes"))
}

fn score() -> Score {
    Score {
        level: 9,
        defence: 42,
        attack: 10,
        merchant: 0,
        facing: 6,
        run_speed: 3,
        attack_speed: 12,
        hp_max: 90_000,
        mp_max: 45,
        hp: 45_000,
        mp: 45,
        strength: 8,
        ..Score::default()
    }
}

fn item() -> Item {
    Item { id: ItemId(1), kind: ItemKind(1104), effects: [Effect { code: 43, value: 9 }; 3] }
}

fn sheet() -> Sheet {
    let mut look = [EquipLook::default(); EQUIP_SLOTS];
    look[1] = EquipLook { kind: 1104, refine: 9, color: 7 };
    let mut carry = Character::no_carry();
    carry[2] = Some(item());
    Sheet {
        entity: EntityId::of_character(CharacterId(5)),
        epoch: Epoch(1),
        slot: 2,
        name: CharacterName::new("Heroine").expect("a name"),
        class: Class::Huntress,
        clan: 7,
        guild: 0x123,
        guild_rank: 2,
        gold: 123_456,
        experience: 5_000_000_000,
        tile: Tile::new(2100, 2101),
        home_city: 2,
        base: score(),
        score: score(),
        equip: Character::no_equip(),
        look,
        carry,
        learned: [0x0000_0011, 0],
        unspent: Unspent { stat: 5, mastery: 6, skill: 7 },
        critical: 1,
        save_mana: 2,
        magic: 3,
        regen: (4, 5),
        resist: [1, 2, 3, 4],
        skill_bar: std::array::from_fn(|i| i as u8),
        affects: vec![Affect { kind: 9, level: 1, value: 10, time: 450 }],
        chaos: 75,
        weather: 1,
    }
}

fn find(sent: &[Sent], name: &str) -> Sent {
    sent.iter().find(|(_, packet)| packet.name() == name).cloned().expect("the packet")
}

#[test]
fn the_own_entity_enters_a_748_client_as_recorded_with_a_real_one() {
    let sent = enter(&sheet(), 1, Profile::V748);
    let opcodes: Vec<u16> = sent.iter().map(|packet| u16_at(&bytes(Profile::V748, packet), 4)).collect();
    assert_eq!(
        opcodes,
        [0x114, 0x364, 0x3A8, 0x336, 0x3B9, 0x185, 0x337, 0x36B, 0x181, 0x366, 0x378],
        "the list of profile_748.md"
    );
    let world = bytes(Profile::V748, &sent[0]);
    assert_eq!(world.len(), 1244);
    assert_eq!((u16_at(&world, 12), u16_at(&world, 14)), (2100, 2101));
    assert_eq!(&world[16..23], b"Heroine");
    assert_eq!(world[16 + 12], 75, "chaos");
    assert_eq!(i32_at(&world, 16 + 24), 123_456, "gold");
    assert_eq!(u16_at(&world, 774), 1, "own id");
    assert_eq!(world[16 + 744..16 + 748], [0, 1, 2, 3], "skill bar, first part");
    assert_eq!(world[778..794], std::array::from_fn::<u8, 16, _>(|i| i as u8 + 4), "skill bar, rest");
    let own = bytes(Profile::V748, &sent[1]);
    assert_eq!((own.len(), u16_at(&own, 6), u16_at(&own, 16)), (176, 30_000, 1));
    assert_eq!(u16_at(&own, 34 + 2), 1104 | 9 << 12, "what is worn, with its refinement");
    assert_eq!((u16_at(&own, 112), u16_at(&own, 108)), (15_000, 30_000), "hit points scaled to 16 bits");
    assert_eq!(u16_at(&own, 128), 2, "create type");
    let action = bytes(Profile::V748, &find(&sent, "action"));
    assert_eq!((i32_at(&action, 16), i32_at(&action, 20)), (2, 1), "speed, then effect");
}

#[test]
fn newer_clients_get_their_own_order_and_wide_numbers() {
    for (profile, size) in [(Profile::V759, 1712), (Profile::V769, 1728)] {
        let sent = enter(&sheet(), 7, profile);
        let opcodes: Vec<u16> = sent.iter().map(|packet| u16_at(&bytes(profile, packet), 4)).collect();
        assert_eq!(
            opcodes,
            [0x114, 0x364, 0x166, 0x3A8, 0x336, 0x3B9, 0x337, 0x185, 0x36B, 0x181, 0x36C, 0x378, 0x18B]
        );
        let world = bytes(profile, &sent[0]);
        assert_eq!((world.len(), u16_at(&world, 6)), (size, 30_000));
        assert_eq!(world[16 + 17], 2 << 6, "home city in the two highest bits");
        assert_eq!(i32_at(&world, 16 + 92 + 24), 45_000, "hit points");
        let etc = bytes(profile, &find(&sent, "update_etc"));
        assert_eq!(i64::from_le_bytes(etc[16..24].try_into().expect("eight bytes")), 5_000_000_000);
        assert_eq!((u16_at(&etc, 32), i32_at(&etc, 40)), (5, 123_456));
        let action = bytes(profile, &find(&sent, "action"));
        assert_eq!((i32_at(&action, 16), i32_at(&action, 20)), (1, 2), "effect, then speed");
        for (id, packet) in &sent {
            let expected = match packet.name() {
                "enter_world" | "create_mob" | "war_info" | "weather" => SCENE_FIELD,
                _ => 7,
            };
            assert_eq!(*id, expected, "header id of {}", packet.name());
        }
    }
}

#[test]
fn every_packet_carries_the_clock() {
    let packet = (7, ServerPacket::from(set_down(Tile::new(1, 2))));
    for profile in Profile::ALL {
        assert_eq!(i32_at(&bytes(profile, &packet), 8), 70_000);
    }
}

#[test]
fn a_walker_in_view_goes_on_walking() {
    let route = Route::from_ascii(b"669").expect("digits");
    let way = Walk { from: Tile::new(10, 10), route, to: Tile::new(13, 11), speed: 4 };
    let look = Appearance {
        entity: EntityId::of_creature(ZoneId(1), Epoch(1), 1),
        tile: Tile::new(10, 10),
        name: "A monster of fifteen".to_owned(),
        equip: [EquipLook::default(); EQUIP_SLOTS],
        affects: Vec::new(),
        guild: 0,
        guild_rank: 0,
        score: Score { merchant: 3, ..score() },
        chaos: 0,
        title: "The title".to_owned(),
        walk: Some(way),
        mark: MoveMark::first(Epoch(1)),
        stall: None,
    };
    let sent = appear(&look, 1_234, false, Profile::V759);
    let names: Vec<&str> = sent.iter().map(|(_, packet)| packet.name()).collect();
    assert_eq!(names, ["create_mob", "action"]);
    let mob = bytes(Profile::V759, &sent[0]);
    assert_eq!((u16_at(&mob, 16), mob[136 + 12]), (1_234, 0x63));
    assert_eq!(&mob[202..211], b"The title");
    let walk = bytes(Profile::V759, &sent[1]);
    assert_eq!((u16_at(&walk, 6), u16_at(&walk, 48), u16_at(&walk, 50)), (1_234, 13, 11));
    assert_eq!(&walk[24..28], b"669\0");
    let old = bytes(Profile::V748, &appear(&look, 1_234, true, Profile::V748)[1]);
    assert_eq!((u16_at(&old, 4), &old[28..32]), (0x366, &b"669\0"[..]));

    let other = Appearance { entity: EntityId::of_character(CharacterId(3)), walk: None, ..look };
    let names = |profile| -> Vec<&str> {
        appear(&other, 5, true, profile).iter().map(|(_, packet)| packet.name()).collect()
    };
    assert_eq!(names(Profile::V748), ["create_mob", "set_hp_mp", "action"]);
    assert_eq!(names(Profile::V769), ["create_mob", "pk_info"]);
}

#[test]
fn the_selection_screen_shows_the_characters_and_the_bank() {
    let mut character = support::character(AccountId(1), CharacterId(5), "Heroine", Tile::new(2100, 2101));
    character.slot = 1;
    character.equip[1] = Some(item());
    let cargo = [None, Some(item())];
    let list = char_list(&[character], &cargo, 555, "account");
    let new = bytes(Profile::V759, &(30_002, list.clone()));
    assert_eq!((u16_at(&new, 4), new.len()), (0x10A, 1928));
    assert_eq!((u16_at(&new, 32 + 2), u16_at(&new, 32 + 10)), (2100, 2101), "slot 1");
    assert_eq!(&new[32 + 32..32 + 39], b"Heroine");
    assert_eq!(u16_at(&new, 872 + 8), 1104, "second place of the bank");
    assert_eq!((i32_at(&new, 1896), &new[1900..1907]), (555, &b"account"[..]));
    assert!(new[12..28].iter().all(|byte| *byte == 0), "no key queue");
    let old = bytes(Profile::V748, &(30_002, list));
    assert_eq!((u16_at(&old, 4), old.len()), (0x10E, 1824));
    assert_eq!(&old[12 + 32..12 + 39], b"Heroine");
    assert_eq!((u16_at(&old, 756 + 8), i32_at(&old, 1780)), (1104, 555));
    assert!(old[1800..].iter().all(|byte| *byte == 0), "no key queue");
}
