//! Packets that are known by number, direction and size only.
//!
//! They tell a client that does what nothing handles from one that sends nonsense. A packet that gets a declaration
//! of its own loses its row here.

use crate::Profile::{self, V748, V759, V769};
use crate::table::Accept::{Also, AtLeast};
use crate::table::Direction::{Both, Internal, ToClient, ToServer};
use crate::table::{Row, renumbered};

/// One number; sizes in 7.59, 7.69 and 7.48 (0: that profile has no such packet).
const fn row(name: &'static str, direction: crate::table::Direction, opcode: u16, sizes: [usize; 3]) -> Row {
    moved(name, direction, [opcode; 3], sizes)
}

/// Numbers and sizes in 7.59, 7.69 and 7.48.
const fn moved(
    name: &'static str,
    direction: crate::table::Direction,
    opcodes: [u16; 3],
    sizes: [usize; 3],
) -> Row {
    Row { name, doc: "", shapes: renumbered(direction, opcodes, sizes), fields: &[], handled: false }
}

/// The name of a packet that other versions have and stock 7.48 lacks. A patched 7.48 client may still send it.
pub fn absent(profile: Profile, opcode: u16) -> Option<&'static str> {
    let absent = ABSENT_748.iter().find(|(number, _)| profile == V748 && *number == opcode);
    absent.map(|(_, name)| *name)
}

/// Packets of other versions that stock 7.48 neither sends nor handles.
pub static ABSENT_748: &[(u16, &str)] = &[
    (0x010A, "char_list"),
    (0x0FDE, "account_pin"),
    (0x0FDF, "account_pin_fail"),
    (0x0117, "new_account_fail"),
    (0x0166, "pk_info"),
    (0x0105, "message_index"),
    (0x0106, "message_index_args"),
    (0x0324, "request_info_play"),
    (0x02E4, "delete_item"),
    (0x02E5, "split_item"),
    (0x03E8, "repurchase"),
    (0x0BFF, "encode_seed"),
    (0x02D4, "combine_extraction"),
    (0x02E1, "combine_alchemy"),
    (0x02E2, "combine_odin2"),
];

/// Every packet that is known by number only.
#[rustfmt::skip] // one row a line
pub static ROWS: &[Row] = &[
    row("new_account_fail", ToClient, 0x0117, [12, 12, 0]),
    row("transfer_allowed", ToClient, 0x07A9, [20, 20, 20]),
    row("init_guild_name", ToClient, 0x01D6, [28, 28, 28]),
    row("arch_effect", ToClient, 0x03B4, [20, 20, 20]),
    row("billing_prompt", ToClient, 0x0194, [16, 16, 0]),
    moved("encode_seed", ToClient, [0x0BFF, 0x0BFF, 0x07BE], [180, 180, 180]),
    row("message_box", ToClient, 0x0102, [116, 116, 116]),
    row("message_by_index", ToClient, 0x0104, [16, 16, 152]),
    row("message_index", ToClient, 0x0105, [140, 140, 0]),
    row("message_index_args", ToClient, 0x0106, [140, 140, 0]),
    row("notice", Internal, 0x0D1E, [108, 108, 0]),
    row("long_message", ToClient, 0x07B1, [528, 528, 400]),
    row("griffin_travel", ToServer, 0x0AD9, [20, 20, 20]),
    row("summon_request", ToClient, 0x03B2, [32, 32, 32]),
    row("summon_cancel", ToClient, 0x03B3, [12, 12, 12]),
    moved("attack_multi", Both, [0x0367, 0x0367, 0x036C], [168, 168, 96]),
    row("attack_one", Both, 0x039D, [72, 72, 48]).accepting(V759, Also(&[68])).accepting(V769, Also(&[68])),
    row("attack_two", Both, 0x039E, [80, 80, 52]),
    row("set_hp_damage", ToClient, 0x018A, [20, 20, 16]),
    row("mob_kill", ToClient, 0x0338, [32, 32, 24]),
    row("set_clan", ToClient, 0x0193, [16, 16, 16]),
    row("apply_bonus", ToServer, 0x0277, [20, 20, 20]),
    row("use_item_pattern", ToServer, 0x03C9, [52, 52, 52]),
    row("firework_pattern", ToClient, 0x03CA, [36, 36, 36]),
    row("update_item", Both, 0x0374, [20, 20, 20]),
    row("cash_shop_list", ToClient, 0x01D0, [236, 236, 0]),
    row("hell_store_buy", ToServer, 0x02BD, [24, 24, 24]),
    row("toto_buy", ToServer, 0x03CE, [36, 36, 36]),
    row("guild_invite", ToServer, 0x03D5, [20, 20, 20]),
    row("guild_kick", ToServer, 0x028C, [16, 16, 16]),
    row("guild_war", ToServer, 0x0E0E, [20, 20, 20]),
    row("guild_ally", ToServer, 0x0E12, [20, 20, 20]),
    row("guild_info", Internal, 0x0E13, [24, 24, 0]),
    row("zone_tax_or_challenge", ToServer, 0x028E, [16, 16, 16]),
    row("challenge_prompt", ToClient, 0x018D, [12, 12, 12]),
    row("challenge_confirm", ToServer, 0x028F, [20, 20, 20]),
    row("castle_state", ToClient, 0x03AC, [16, 16, 16]),
    row("guild_board", Both, 0x03A5, [20, 20, 20]).going(V748, ToClient),
    row("guild_disable", ToClient, 0x03A4, [16, 16, 16]),
    row("declare_war", ToServer, 0x0ED7, [16, 16, 16]),
    row("declare_war_answer", ToServer, 0x0ED8, [16, 16, 16]),
    row("duel_or_ranking", Both, 0x039F, [20, 20, 20]),
    row("combine_anct", ToServer, 0x03A6, [84, 84, 84]),
    row("combine_tiny", ToServer, 0x03C0, [84, 84, 84]),
    row("combine_lindy", ToServer, 0x02C3, [84, 84, 84]),
    row("combine_shany", ToServer, 0x02C4, [84, 84, 84]),
    row("combine_aylin", ToServer, 0x03B5, [84, 84, 84]),
    row("combine_agatha", ToServer, 0x03BA, [84, 84, 84]),
    row("combine_odin", ToServer, 0x02D2, [84, 84, 84]),
    row("combine_odin2", ToServer, 0x02E2, [84, 84, 0]),
    row("combine_ehre", ToServer, 0x02D3, [84, 84, 84]),
    row("combine_alchemy", ToServer, 0x02E1, [84, 84, 0]),
    row("combine_extraction", ToServer, 0x02D4, [20, 20, 0]),
    row("combine_result", ToClient, 0x03A7, [16, 16, 16]),
    row("capsule_info_request", ToServer, 0x02CD, [16, 16, 16]),
    row("capsule_info", ToClient, 0x0DC3, [56, 56, 52]),
    row("capsule_extract", ToServer, 0x03CC, [52, 52, 52]),
    row("jackpot_bet", ToServer, 0x02BE, [20, 20, 20]),
    row("jackpot_result", ToClient, 0x01BF, [16, 16, 36]),
    row("quiz", ToClient, 0x01C6, [268, 268, 236]),
    row("quiz_answer", ToServer, 0x02C7, [16, 16, 16]),
    row("rune_quest_start", ToClient, 0x03CF, [16, 16, 16]),
    row("rune_quest_count", ToClient, 0x03D0, [20, 20, 20]),
    row("item_price", ToClient, 0x01C2, [20, 20, 20]),
    row("unknown_3d1", ToServer, 0x03D1, [20, 20, 16]),
    row("instance_remaining", ToClient, 0x03B0, [16, 16, 16]),
    row("mob_counter", ToClient, 0x03BB, [16, 16, 16]),
    row("area_effect", ToClient, 0x03A2, [24, 24, 24]),
    row("sound", ToClient, 0x03A3, [16, 16, 16]),
    row("visual_effect", ToClient, 0x03AD, [16, 16, 16]),
    row("clear_menu", ToClient, 0x019C, [12, 12, 12]),
    row("nuke", ToClient, 0x01C5, [12, 12, 12]),
    row("auto_kick", ToClient, 0x02C8, [12, 12, 112]),
    row("request_array", ToClient, 0x01C1, [12, 12, 24]),
    row("array_answer", ToServer, 0x02C2, [0, 0, 24]),
    row("lotto_buy", ToServer, 0x03B8, [0, 0, 32]),
    // Old servers among themselves.
    row("db_account_login", Internal, 0x0803, [116, 0, 0]),
    row("db_char_list", Internal, 0x0416, [1928, 0, 0]),
    row("db_fail_account", Internal, 0x0421, [12, 0, 0]),
    row("db_fail_password", Internal, 0x0422, [12, 0, 0]),
    row("db_fail_blocked", Internal, 0x0424, [16, 0, 0]),
    row("db_fail_disabled", Internal, 0x0425, [12, 0, 0]),
    row("db_once_per_day", Internal, 0x0426, [12, 0, 0]),
    row("db_already_playing", Internal, 0x041F, [12, 0, 0]),
    row("db_still_playing", Internal, 0x0420, [12, 0, 0]),
    row("db_create_character", Internal, 0x0802, [36, 0, 0]),
    row("db_create_ok", Internal, 0x0418, [856, 0, 0]),
    row("db_create_fail", Internal, 0x041D, [12, 0, 0]),
    row("db_delete_character", Internal, 0x0809, [44, 0, 0]),
    row("db_delete_ok", Internal, 0x0419, [856, 0, 0]),
    row("db_delete_fail", Internal, 0x041E, [12, 0, 0]),
    row("db_character_login", Internal, 0x0804, [20, 0, 0]),
    row("db_character_data", Internal, 0x0417, [2632, 0, 0]),
    row("db_character_fail", Internal, 0x041C, [12, 0, 0]),
    row("db_save_character", Internal, 0x0807, [2696, 0, 0]),
    row("db_save_and_quit", Internal, 0x0806, [2696, 0, 0]),
    row("db_no_save", Internal, 0x0805, [12, 0, 0]),
    row("db_kick_other_session", Internal, 0x040A, [32, 0, 0]),
    row("db_logout_ok", Internal, 0x040B, [12, 0, 0]),
    row("db_create_arch", Internal, 0x081F, [40, 0, 0]),
    row("db_server_change", Internal, 0x0814, [20, 0, 0]),
    row("db_send_item", Internal, 0x0C0F, [40, 0, 0]),
    row("db_send_donate", Internal, 0x0C11, [36, 0, 0]),
    row("db_admin_command", Internal, 0x0C0B, [112, 0, 0]),
    row("guild_zone_report", Internal, 0x080D, [32, 0, 0]),
    row("guild_report", Internal, 0x0427, [212, 0, 0]),
    row("db_set_index", Internal, 0x0423, [24, 0, 0]),
    row("db_capsule_info", Internal, 0x0C3C, [16, 0, 0]),
    row("db_capsule_in", Internal, 0x0C3D, [12, 0, 0]).accepting(V759, AtLeast(12)),
    row("db_capsule_out", Internal, 0x0C3E, [56, 0, 0]),
];
