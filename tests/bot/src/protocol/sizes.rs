//! The size of every packet that a server may send, per client version: one row a packet.
//!
//! Written from the published packet tables, not from the server's own: a client reads fixed offsets, so a packet
//! of another size is a fault whatever it holds.

use super::profile::Profile;

/// Opcode, then the sizes of 7.59, 7.69 and 7.48; 0 where that client has no handler for it.
const SIZES: &[(u16, u16, u16, u16)] = &[
    (0x101, 140, 140, 108),    // message_panel
    (0x102, 116, 116, 116),    // message_box
    (0x104, 16, 16, 152),      // message_by_index
    (0x105, 140, 140, 0),      // message_index
    (0x106, 140, 140, 0),      // message_index_args
    (0x10A, 1928, 1928, 0),    // char_list
    (0x10E, 0, 0, 1824),       // char_list
    (0x110, 856, 920, 756),    // char_list_after_create
    (0x112, 856, 920, 756),    // char_list_after_delete
    (0x114, 1712, 1728, 1244), // enter_world
    (0x116, 12, 12, 12),       // character_logout_ok
    (0x117, 12, 12, 0),        // new_account_fail
    (0x119, 12, 12, 12),       // character_login_fail
    (0x11A, 12, 12, 12),       // create_character_fail
    (0x11B, 12, 12, 12),       // delete_character_fail
    (0x11C, 12, 12, 12),       // already_playing
    (0x11D, 12, 12, 12),       // still_playing
    (0x165, 16, 16, 16),       // remove_mob
    (0x166, 16, 16, 0),        // pk_info
    (0x16F, 16, 16, 16),       // ground_item_remove
    (0x171, 28, 28, 28),       // pick_item_ok
    (0x175, 28, 28, 28),       // drop_item_ok
    (0x17C, 236, 236, 236),    // shop_list
    (0x181, 28, 28, 20),       // set_hp_mp
    (0x182, 24, 24, 24),       // send_item
    (0x185, 528, 528, 528),    // update_carry
    (0x18A, 20, 20, 16),       // set_hp_damage
    (0x18B, 16, 16, 16),       // weather
    (0x18D, 12, 12, 12),       // challenge_prompt
    (0x193, 16, 16, 16),       // set_clan
    (0x194, 16, 16, 0),        // billing_prompt
    (0x196, 12, 12, 12),       // shop_close
    (0x19C, 12, 12, 12),       // clear_menu
    (0x1BF, 16, 16, 36),       // jackpot_result
    (0x1C1, 12, 12, 24),       // request_array
    (0x1C2, 20, 20, 20),       // item_price
    (0x1C5, 12, 12, 12),       // nuke
    (0x1C6, 268, 268, 236),    // quiz
    (0x1D0, 236, 236, 0),      // cash_shop_list
    (0x1D6, 28, 28, 28),       // init_guild_name
    (0x26E, 32, 32, 32),       // ground_item_create
    (0x292, 20, 20, 16),       // set_hp_mode
    (0x2C8, 12, 12, 112),      // auto_kick
    (0x333, 140, 140, 108),    // chat
    (0x334, 128, 160, 128),    // whisper
    (0x336, 152, 152, 92),     // update_score
    (0x337, 48, 48, 36),       // update_etc
    (0x338, 32, 32, 24),       // mob_kill
    (0x339, 16, 16, 16),       // cargo_gold
    (0x363, 252, 260, 200),    // create_mob_trade
    (0x364, 232, 236, 176),    // create_mob
    (0x366, 52, 52, 52),       // action_stop / action
    (0x367, 168, 168, 52),     // attack_multi / action_stop
    (0x368, 52, 52, 52),       // action_illusion
    (0x36A, 20, 20, 20),       // motion
    (0x36B, 60, 68, 60),       // update_equip
    (0x36C, 52, 52, 96),       // action / attack_multi
    (0x373, 36, 36, 0),        // use_item
    (0x374, 20, 20, 20),       // update_item
    (0x376, 20, 20, 20),       // move_item
    (0x378, 32, 32, 32),       // skill_bar
    (0x379, 24, 24, 24),       // shop_buy
    (0x37A, 20, 20, 20),       // shop_sell
    (0x37D, 40, 40, 40),       // party_add
    (0x37E, 16, 16, 16),       // party_remove
    (0x37F, 44, 44, 44),       // party_request
    (0x383, 156, 156, 156),    // trade
    (0x384, 12, 12, 12),       // trade_quit
    (0x386, 12, 12, 12),       // trade_checked
    (0x387, 16, 16, 16),       // cargo_withdraw_gold
    (0x388, 16, 16, 16),       // cargo_deposit_gold
    (0x397, 196, 196, 196),    // autotrade
    (0x39B, 20, 20, 20),       // autotrade_sold
    (0x39D, 72, 72, 48),       // attack_one
    (0x39E, 80, 80, 52),       // attack_two
    (0x39F, 20, 20, 20),       // duel_or_ranking
    (0x3A1, 16, 16, 16),       // instance_timer
    (0x3A2, 24, 24, 24),       // area_effect
    (0x3A3, 16, 16, 16),       // sound
    (0x3A4, 16, 16, 16),       // guild_disable
    (0x3A5, 20, 20, 20),       // guild_board
    (0x3A7, 16, 16, 16),       // combine_result
    (0x3A8, 24, 24, 24),       // war_info
    (0x3AC, 16, 16, 16),       // castle_state
    (0x3AD, 16, 16, 16),       // visual_effect
    (0x3AE, 16, 16, 0),        // quit_delay
    (0x3AF, 16, 16, 16),       // update_gold
    (0x3B0, 16, 16, 16),       // instance_remaining
    (0x3B2, 32, 32, 32),       // summon_request
    (0x3B3, 12, 12, 12),       // summon_cancel
    (0x3B4, 20, 20, 20),       // arch_effect
    (0x3B9, 268, 268, 140),    // update_affects
    (0x3BB, 16, 16, 16),       // mob_counter
    (0x3CA, 36, 36, 36),       // firework_pattern
    (0x3CF, 16, 16, 16),       // rune_quest_start
    (0x3D0, 20, 20, 20),       // rune_quest_count
    (0x3E8, 176, 176, 0),      // repurchase
    (0x52A, 80, 80, 80),       // server_change
    (0x7A9, 20, 20, 20),       // transfer_allowed
    (0x7B1, 528, 528, 400),    // long_message
    (0x7BE, 0, 0, 180),        // encode_seed
    (0xBFF, 180, 180, 0),      // encode_seed
    (0xD1D, 108, 108, 108),    // shout
    (0xD1E, 108, 108, 0),      // notice
    (0xDC3, 56, 56, 52),       // capsule_info
    (0xE13, 24, 24, 0),        // guild_info
    (0xFAA, 52, 52, 52),       // transfer_character
    (0xFDE, 12, 12, 0),        // account_pin
    (0xFDF, 12, 12, 0),        // account_pin_fail
];

/// What a client thinks of the size of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeVerdict {
    /// As it must be.
    Right,
    /// This client has no handler for the opcode.
    NoHandler,
    /// It has one, and reads another size.
    Wrong {
        /// What the client's structure measures.
        expected: u16,
    },
}

/// The size of a packet, if the client has a handler for it.
pub fn expected(profile: Profile, opcode: u16) -> Option<u16> {
    let row = SIZES.binary_search_by_key(&opcode, |row| row.0).ok()?;
    let (_, v759, v769, v748) = SIZES[row];
    let size = match profile {
        Profile::V759 => v759,
        Profile::V769 => v769,
        Profile::V748 => v748,
    };
    (size != 0).then_some(size)
}

/// Judges the size of a packet from the server.
pub fn judge(profile: Profile, opcode: u16, size: usize) -> SizeVerdict {
    let Some(expected) = expected(profile, opcode) else { return SizeVerdict::NoHandler };
    let alternate = match (profile, opcode) {
        (Profile::V759, 0x333) => size == 108, // the older servers of this version send 96 text bytes
        (Profile::V769, 0xD1D) => size == 160, // with the name and colour of a whisper, as its client reads it
        (_, 0x3A8) => size == 16 || size == 20,
        _ => false,
    };
    if size == usize::from(expected) || alternate {
        SizeVerdict::Right
    } else {
        SizeVerdict::Wrong { expected }
    }
}

/// What a server has to send to a client that enters the world, besides the entering itself: the own character,
/// then what its screen needs. The order is free.
pub fn on_entry(profile: Profile) -> &'static [u16] {
    match profile {
        Profile::V759 => &[0x364, 0x166, 0x3A8, 0x336, 0x3B9, 0x337],
        Profile::V769 => &[0x364, 0x3A8, 0x336, 0x3B9, 0x337],
        // exactly what the recorded client was sent before it stood up
        Profile::V748 => &[0x364, 0x3A8, 0x336, 0x3B9, 0x185, 0x337, 0x36B, 0x181, 0x366, 0x378],
    }
}
