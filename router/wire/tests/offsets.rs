//! Offsets written down by hand from the published layouts, apart from the table of the crate: a value put into a
//! field has to turn up at the byte where clients look for it.

mod support;

use support::expect::{Expect, NO, check, item, item_number, same, score, score_at, text, wide};
use support::{frame, from_client, from_server, hex_bytes};
use wire::packet::{
    Action, ActionStop, CharList, CharListAfterCreate, CreateMob, EnterWorld, GroundItemCreate, SendItem,
    ServerChange, SetHpMp, UpdateAffects, UpdateCarry, UpdateEquip, UpdateEtc, UpdateScore, Whisper,
};
use wire::record::{
    Affect, CharacterList, CharacterSummary, Mob, Movement, Nameplate, Route, affect_word, look,
};
use wire::{Profile, ServerPacket};

#[test]
fn enter_world_0x114() {
    let mut mob = Mob {
        name: "Testchar".into(),
        clan: 7,
        merchant: 0x42,
        guild: 0x1234,
        class: 3,
        status_flags: 0x21,
        quest: 0x5566,
        gold: 1_999_999_999,
        experience: 4_000_000_000,
        save_x: 2101,
        save_y: 2102,
        base_score: score(100),
        current_score: score(200),
        learned_skills: [0xAABB_CCDD, 0x1122_3344],
        score_bonus: 301,
        mastery_bonus: 302,
        skill_bonus: 303,
        critical: 41,
        save_mana: 42,
        skill_bar_first: [1, 2, 3, 4],
        guild_level: 9,
        magic: 44,
        regen_hp: 45,
        regen_mp: 46,
        resist: [51, 52, 53, 54],
        ..Mob::default()
    };
    mob.equip[0] = item(1);
    mob.equip[15] = item(861);
    mob.carry[0] = item(400);
    mob.carry[63] = item(547);
    let packet = EnterWorld {
        x: 2100,
        y: 2099,
        mob: Box::new(mob),
        slot: 2,
        client_id: 17,
        weather: 1,
        skill_bar_rest: [0xF1; 16],
        exp_hold: 777,
        ..EnterWorld::default()
    };
    let mut expected = vec![
        same("x", [12; 3], 2100, 2),
        same("y", [14; 3], 2099, 2),
        same("name", [16; 3], text(b"Testchar"), 8),
        same("clan", [32; 3], 7, 1),
        same("merchant", [33; 3], 0x42, 1),
        same("guild", [34; 3], 0x1234, 2),
        same("class", [36; 3], 3, 1),
        same("status_flags", [37; 3], 0x21, 1),
        same("quest", [38; 3], 0x5566, 2),
        same("gold", [40; 3], 1_999_999_999, 4),
        wide("experience", [48, 48, 44], 4_000_000_000, 8, 4),
        same("save_x", [56, 56, 48], 2101, 2),
        same("save_y", [58, 58, 50], 2102, 2),
        same("equip 0", [156, 156, 108], item_number(1), 8),
        same("equip 15", [276, 276, 228], item_number(861), 8),
        same("carry 0", [284, 300, 236], item_number(400), 8),
        same("carry 63", [788, 804, 740], item_number(547), 8),
        same("learned_skills", [796, 812, 748], 0xAABB_CCDD, 4),
        same("learned_skills 1", [800, 816, NO], 0x1122_3344, 4),
        same("score_bonus", [804, 820, 752], 301, 2),
        same("mastery_bonus", [806, 822, 754], 302, 2),
        same("skill_bonus", [808, 824, 756], 303, 2),
        same("critical", [810, 826, 758], 41, 1),
        same("save_mana", [811, 827, 759], 42, 1),
        same("skill_bar_first", [812, 828, 760], 0x0403_0201, 4),
        same("guild_level", [816, 832, 764], 9, 1),
        same("magic", [817, 833, 765], 44, 1),
        same("regen_hp", [818, 834, 766], 45, 1),
        same("regen_mp", [819, 835, 767], 46, 1),
        same("resist", [820, 836, 768], 0x3635_3433, 4),
        same("slot", [1040, 1056, 772], 2, 2),
        same("client_id", [1042, 1058, 774], 17, 2),
        same("weather", [1044, 1060, 776], 1, 2),
        same("skill_bar_rest", [1046, 1062, 778], 0xF1F1, 2),
        same("skill_bar_rest end", [1060, 1076, 792], 0xF1F1, 2),
        same("exp_hold", [1064, 1080, 796], 777, 4),
    ];
    expected.extend(score_at([60, 60, 52], 100));
    expected.extend(score_at([108, 108, 80], 200));
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&expected, &frames, [0x114; 3], [1712, 1728, 1244]);
}

/// Two characters, in slots 0 and 3.
fn two_characters() -> CharacterList {
    let mut list = CharacterList::default();
    for (slot, base) in [(0, 100), (3, 200)] {
        let mut character = CharacterSummary {
            x: 2000 + slot as u16,
            y: 2010 + slot as u16,
            name: "Testchar".into(),
            score: score(base),
            guild: 77,
            gold: 123_456_789,
            experience: 3_000_000_000,
            ..CharacterSummary::default()
        };
        character.equip[0] = item(21);
        character.equip[15] = item(22);
        list.show(slot, character);
    }
    list
}

/// Where the fields of [`two_characters`] lie when the structure begins at `at`.
fn two_characters_at(at: [usize; 3]) -> Vec<Expect> {
    let off = |v759: usize, v769: usize, v748: usize| [at[0] + v759, at[1] + v769, at[2] + v748];
    let mut expected = vec![
        same("x of slot 3", off(6, 6, 6), 2003, 2),
        same("y of slot 3", off(14, 14, 14), 2013, 2),
        same("name of slot 0", off(16, 16, 16), text(b"Testchar"), 8),
        same("name of slot 1", off(32, 32, 32), 0, 8),
        same("name of slot 3", off(64, 64, 64), text(b"Testchar"), 8),
        same("first equip of slot 0", off(272, 272, 192), item_number(21), 8),
        same("first equip of slot 3", off(656, 704, 576), item_number(21), 8),
        same("equip 15 of slot 3", off(776, 824, 696), item_number(22), 8),
        same("guild of slot 3", off(790, 854, 710), 77, 2),
        same("gold of slot 3", off(804, 868, 724), 123_456_789, 4),
        wide("experience of slot 0", off(808, 872, 728), 3_000_000_000, 8, 4),
        wide("experience of slot 3", off(832, 896, 740), 3_000_000_000, 8, 4),
    ];
    expected.extend(score_at(off(80, 80, 80), 100));
    expected.extend(score_at(off(224, 224, 164), 200));
    expected
}

#[test]
fn char_list_0x10a_and_0x10e() {
    let mut packet = CharList {
        key_queue: [9; 16],
        characters: Box::new(two_characters()),
        cargo_gold: 2_000_000_000,
        account: "testacc1".into(),
        ..CharList::default()
    };
    packet.cargo[0] = item(31);
    packet.cargo[119] = item(32);
    let mut expected = vec![
        same("key_queue", [12, 12, 1800], 0x0909, 2),
        same("key_queue end", [26, 26, 1814], 0x0909, 2),
        same("cargo 0", [872, 936, 756], item_number(31), 8),
        same("cargo 119", [1824, 1888, 1708], item_number(32), 8),
        same("cargo_gold", [1896, 1896, 1780], 2_000_000_000, 4),
        same("account", [1900, 1900, 1784], text(b"testacc1"), 8),
    ];
    expected.extend(two_characters_at([32, 32, 12]));
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&expected, &frames, [0x10A, 0x10A, 0x10E], [1928, 1928, 1824]);
}

#[test]
fn char_list_after_create_0x110() {
    let packet = CharListAfterCreate { characters: Box::new(two_characters()) };
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&two_characters_at([16, 16, 12]), &frames, [0x110; 3], [856, 920, 756]);
}

#[test]
fn create_mob_0x364() {
    let mut packet = CreateMob {
        x: 2100,
        y: 2101,
        plate: Nameplate { id: 17, name: "Abcdefgh".into(), chaos: 75, current_kills: 3, total_kills: 500 },
        guild: 0x2345,
        guild_level: 9,
        score: score(300),
        create_type: 2,
        title: "Titulo d".into(),
        citizenship: 5,
        ..CreateMob::default()
    };
    packet.equip[0] = look(1, 0);
    packet.equip[15] = look(0x35D, 9);
    packet.affects[15] = affect_word(6, 1000);
    packet.colors[15] = 43;
    let mut expected = vec![
        same("x", [12; 3], 2100, 2),
        same("y", [14; 3], 2101, 2),
        same("id", [16; 3], 17, 2),
        same("name", [18; 3], text(b"Abcdefgh"), 8),
        same("chaos", [30; 3], 75, 1),
        same("current_kills", [31; 3], 3, 1),
        same("total_kills", [32; 3], 500, 2),
        same("equip 0", [34; 3], 1, 2),
        same("equip 15", [64; 3], 0x935D, 2),
        same("affect 15", [96, 100, 96], 0x06FF, 2),
        same("guild", [130, 134, 98], 0x2345, 2),
        same("guild_level", [132, 136, NO], 9, 1),
        same("create_type", [184, 188, 128], 2, 2),
        same("color 15", [201, 205, 145], 43, 1),
        same("title", [202, 208, 146], text(b"Titulo d"), 8),
        same("citizenship", [228, 234, 172], 5, 1),
    ];
    expected.extend(score_at([136, 140, 100], 300));
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&expected, &frames, [0x364; 3], [232, 236, 176]);
}

#[test]
fn update_score_0x336() {
    let mut packet = UpdateScore {
        score: score(400),
        critical: 11,
        save_mana: 12,
        guild: 0x3456,
        guild_level: 4,
        resist: [1, 2, 3, 4],
        req_hp: 404,
        req_mp: 405,
        magic: 99,
        avatar_flag: 6,
        ..UpdateScore::default()
    };
    packet.affects[15] = affect_word(1, 2);
    let mut expected = vec![
        same("critical", [60, 60, 40], 11, 1),
        same("save_mana", [61, 61, 41], 12, 1),
        same("affect 15", [92, 92, 72], 0x0102, 2),
        same("guild", [126, 126, 74], 0x3456, 2),
        same("guild_level", [128, 128, 76], 4, 2),
        same("resist", [130, 130, 78], 0x0403_0201, 4),
        wide("req_hp", [136, 136, 82], 404, 4, 2),
        wide("req_mp", [140, 140, 84], 405, 4, 2),
        wide("magic", [144, 144, 86], 99, 2, 1),
        same("avatar_flag", [148, 148, 90], 6, 1),
    ];
    expected.extend(score_at([12; 3], 400));
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&expected, &frames, [0x336; 3], [152, 152, 92]);
}

/// A walk, and where its fields lie.
fn a_walk() -> (Movement, Vec<Expect>) {
    let movement = Movement {
        x: 2100,
        y: 2101,
        effect: 6,
        speed: 3,
        route: Route::new(b"99998").expect("a route"),
        target_x: 2104,
        target_y: 2106,
    };
    let expected = vec![
        same("x", [12; 3], 2100, 2),
        same("y", [14; 3], 2101, 2),
        same("effect", [16, 16, 20], 6, 4),
        same("speed", [20, 20, 16], 3, 4),
        same("route", [24, 24, 28], text(b"99998\0\0\0"), 8),
        same("target_x", [48, 48, 24], 2104, 2),
        same("target_y", [50, 50, 26], 2106, 2),
    ];
    (movement, expected)
}

#[test]
fn action_0x36c_and_0x366_both_ways() {
    let (movement, expected) = a_walk();
    let packet = Action { movement };
    let sent = Profile::ALL.map(|profile| from_client(packet.clone(), profile));
    let told = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    assert_eq!(sent, told);
    check(&expected, &told, [0x36C, 0x36C, 0x366], [52; 3]);
}

#[test]
fn action_stop_0x366_and_0x367() {
    let (movement, expected) = a_walk();
    let packet = ActionStop { movement };
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&expected, &frames, [0x366, 0x366, 0x367], [52; 3]);
}

#[test]
fn set_hp_mp_0x181() {
    let packet = SetHpMp { hp: 101, mp: 102, req_hp: 103, req_mp: 104, hp_max: 200, mp_max: 201 };
    let expected = [
        wide("hp", [12; 3], 101, 4, 2),
        wide("mp", [16, 16, 14], 102, 4, 2),
        wide("req_hp", [20, 20, 16], 103, 4, 2),
        wide("req_mp", [24, 24, 18], 104, 4, 2),
    ];
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&expected, &frames, [0x181; 3], [28, 28, 20]);
}

#[test]
fn update_etc_0x337() {
    let packet = UpdateEtc {
        exp_hold: -5,
        experience: 4_000_000_000,
        learned_skills: [0xAABB_CCDD, 0x1122_3344],
        score_bonus: 1,
        mastery_bonus: 2,
        skill_bonus: 3,
        magic: 4,
        gold: 1_000_000,
    };
    let expected = [
        same("exp_hold", [12; 3], -5, 4),
        wide("experience", [16; 3], 4_000_000_000, 8, 4),
        same("learned_skills", [24, 24, 20], 0xAABB_CCDD, 4),
        same("learned_skills 1", [28, 28, NO], 0x1122_3344, 4),
        same("score_bonus", [32, 32, 24], 1, 2),
        same("mastery_bonus", [34, 34, 26], 2, 2),
        same("skill_bonus", [36, 36, 28], 3, 2),
        same("magic", [38, NO, 30], 4, 2),
        same("gold", [40, 40, 32], 1_000_000, 4),
    ];
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&expected, &frames, [0x337; 3], [48, 48, 36]);
}

#[test]
fn update_affects_0x3b9() {
    let mut packet = UpdateAffects::default();
    packet.affects[15] = Affect { kind: 4, level: 5, value: 600, time: 450 };
    let expected = [
        same("kind", [132; 3], 4, 1),
        same("level", [133; 3], 5, 1),
        same("value", [134; 3], 600, 2),
        same("time", [136; 3], 450, 4),
    ];
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&expected, &frames, [0x3B9; 3], [268, 268, 140]);
}

#[test]
fn update_equip_0x36b() {
    let mut packet = UpdateEquip::default();
    packet.equip[15] = look(7, 7);
    packet.colors[15] = 8;
    let expected = [same("equip 15", [42; 3], 0x7007, 2), same("color 15", [59, 63, 59], 8, 1)];
    let frames = Profile::ALL.map(|profile| from_server(packet.clone(), profile));
    check(&expected, &frames, [0x36B; 3], [60, 68, 60]);
}

#[test]
fn items_and_gold_0x185_0x182_0x26e() {
    let mut carry = UpdateCarry { gold: 55, ..UpdateCarry::default() };
    carry.carry[63] = item(547);
    let expected = [same("carry 63", [516; 3], item_number(547), 8), same("gold", [524; 3], 55, 4)];
    check(&expected, &Profile::ALL.map(|p| from_server(carry.clone(), p)), [0x185; 3], [528; 3]);

    let sent = SendItem { container: 2, slot: 119, item: item(500) };
    let expected = [
        same("container", [12; 3], 2, 2),
        same("slot", [14; 3], 119, 2),
        same("item", [16; 3], item_number(500), 8),
    ];
    check(&expected, &Profile::ALL.map(|p| from_server(sent.clone(), p)), [0x182; 3], [24; 3]);

    let ground = GroundItemCreate {
        x: 2100,
        y: 2101,
        item_id: 10_001,
        item: item(501),
        rotate: 1,
        state: 2,
        height: 3,
        create: 4,
        owner: 5,
    };
    let expected = [
        same("x", [12; 3], 2100, 2),
        same("y", [14; 3], 2101, 2),
        same("item_id", [16; 3], 10_001, 2),
        same("item", [18; 3], item_number(501), 8),
        same("rotate, state, height, create", [26; 3], 0x0403_0201, 4),
        same("owner", [30; 3], 5, 2),
    ];
    check(&expected, &Profile::ALL.map(|p| from_server(ground.clone(), p)), [0x26E; 3], [32; 3]);
}

#[test]
fn whisper_0x334_and_server_change_0x52a() {
    let whisper = Whisper { name: "Testchar".into(), text: "12345678".into(), color: 3 };
    let expected = [
        same("name", [12; 3], text(b"Testchar"), 8),
        same("text", [28; 3], text(b"12345678"), 8),
        same("color", [124, 156, 124], 3, 2),
    ];
    check(&expected, &Profile::ALL.map(|p| from_client(whisper.clone(), p)), [0x334; 3], [128, 160, 128]);

    let change = ServerChange { account: "testacc1".into(), token: wire::Token([0x2A; 52]) };
    let expected =
        [same("account", [12; 3], text(b"testacc1"), 8), same("token end", [76; 3], 0x2A2A_2A2A, 4)];
    check(&expected, &Profile::ALL.map(|p| from_server(change.clone(), p)), [0x52A; 3], [80; 3]);
}

#[test]
fn instance_timer_0x3a1() {
    let expected = [same("seconds", [12; 3], 1_800, 4)];
    let timer = |profile| from_server(wire::packet::InstanceTimer { seconds: 1_800 }, profile);
    check(&expected, &Profile::ALL.map(timer), [0x3A1; 3], [16; 3]);
}

/// A guard that a test server showed to a real 7.48 client, which displayed it.
const GUARD_748: &str = "b0000f88640330753aaa05002c084e081519466f656d615f416e6369616e000000003d000d006f0070007100\
    72";

#[test]
fn what_a_real_748_client_displayed_is_read_and_written_alike() {
    let mut bytes = hex_bytes(&GUARD_748.replace(' ', ""));
    bytes.resize(100, 0);
    bytes.extend(hex_bytes("0100e803e8031301384a0000384a00000500640000000000ff07ff07"));
    bytes.resize(176, 0);
    let Ok(ServerPacket::CreateMob(mob)) = ServerPacket::parse(Profile::V748, &frame(&bytes)) else {
        panic!("a create_mob")
    };
    assert_eq!((mob.x, mob.y, mob.plate.id, mob.plate.name.as_str()), (2092, 2126, 6421, "Foema_Ancian"));
    assert_eq!(mob.equip[..6], [61, 13, 111, 112, 113, 114]);
    assert_eq!(
        (mob.score.level, mob.score.defence, mob.score.hp, mob.score.hp_max),
        (1, 1000, 19_000, 19_000)
    );
    assert_eq!(mob.score.mastery, [255, 7, 255, 7]);
    let mut again = Vec::new();
    ServerPacket::from(mob).encode(Profile::V748, 30_000, 371_258, &mut again).expect("a packet of 7.48");
    assert_eq!(hex::encode(&again[4..]), hex::encode(&bytes[4..]));
}
