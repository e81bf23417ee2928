//! What is no packet that we act on is told apart: unknown, known, of the wrong size, from the wrong side, impossible.

mod support;

use std::collections::BTreeMap;
use support::{frame, from_client, from_server};
use wire::fuzz;
use wire::packet::{CharacterLogin, Chat, CreateCharacter, DeleteCharacter, NpcClick, Repurchase, SetHpMp};
use wire::sample::Samples;
use wire::table::{Direction, rows};
use wire::{ClientPacket, ParseError, Profile, ServerPacket};

/// A frame of nothing but zeros under this number.
fn bare(opcode: u16, size: usize) -> Vec<u8> {
    let mut bytes = vec![0; size];
    bytes[0..2].copy_from_slice(&(size as u16).to_le_bytes());
    bytes[4..6].copy_from_slice(&opcode.to_le_bytes());
    bytes
}

fn refusal(profile: Profile, bytes: &[u8]) -> ParseError {
    ClientPacket::parse(profile, &frame(bytes)).expect_err("a refusal")
}

#[test]
fn a_number_that_nobody_knows_is_unknown() {
    for profile in Profile::ALL {
        assert_eq!(refusal(profile, &bare(0x0777, 40)), ParseError::UnknownOpcode { opcode: 0x0777 });
    }
}

#[test]
fn a_number_that_nothing_handles_is_known_all_the_same() {
    let combine = ParseError::KnownUnhandled { name: "combine_anct" };
    for profile in Profile::ALL {
        assert_eq!(refusal(profile, &bare(0x03A6, 84)), combine);
    }
    assert_eq!(
        refusal(Profile::V759, &bare(0x03A6, 83)),
        ParseError::WrongSize { name: "combine_anct", found: 83, expected: 84 }
    );
    for size in [68, 72] {
        let attack = ParseError::KnownUnhandled { name: "attack_one" };
        assert_eq!(refusal(Profile::V759, &bare(0x039D, size)), attack);
    }
}

#[test]
fn the_same_number_means_another_packet_in_another_version() {
    let walk = bare(0x036C, 52);
    assert!(matches!(ClientPacket::parse(Profile::V759, &frame(&walk)), Ok(ClientPacket::Action(_))));
    assert_eq!(
        refusal(Profile::V748, &walk),
        ParseError::WrongSize { name: "attack_multi", found: 52, expected: 96 }
    );
    let other = bare(0x0366, 52);
    assert!(matches!(ClientPacket::parse(Profile::V769, &frame(&other)), Ok(ClientPacket::ActionStop(_))));
    assert!(matches!(ClientPacket::parse(Profile::V748, &frame(&other)), Ok(ClientPacket::Action(_))));
    let third = bare(0x0367, 52);
    assert!(matches!(ClientPacket::parse(Profile::V748, &frame(&third)), Ok(ClientPacket::ActionStop(_))));
    assert_eq!(
        refusal(Profile::V769, &third),
        ParseError::WrongSize { name: "attack_multi", found: 52, expected: 168 }
    );
}

#[test]
fn a_patched_748_client_sends_what_the_stock_one_lacks() {
    assert_eq!(refusal(Profile::V748, &bare(0x02E4, 20)), ParseError::KnownUnhandled { name: "delete_item" });
    assert_eq!(refusal(Profile::V748, &bare(0x02E5, 24)), ParseError::KnownUnhandled { name: "split_item" });
    assert_eq!(refusal(Profile::V748, &bare(0x03E8, 12)), ParseError::KnownUnhandled { name: "repurchase" });
    assert_eq!(refusal(Profile::V748, &bare(0x0FDE, 32)), ParseError::KnownUnhandled { name: "account_pin" });
}

#[test]
fn a_client_does_not_speak_for_the_server() {
    for profile in Profile::ALL {
        let forged = from_server(SetHpMp { hp: 9999, ..SetHpMp::default() }, profile);
        assert_eq!(refusal(profile, &forged), ParseError::WrongDirection { name: "set_hp_mp" });
    }
    assert_eq!(
        refusal(Profile::V759, &bare(0x0803, 116)),
        ParseError::WrongDirection { name: "db_account_login" }
    );
    assert_eq!(refusal(Profile::V748, &bare(0x0D1D, 108)), ParseError::WrongDirection { name: "shout" });
}

#[test]
fn the_pin_and_its_answer_share_a_number_and_are_told_apart() {
    assert_eq!(
        refusal(Profile::V759, &bare(0x0FDE, 12)),
        ParseError::WrongSize { name: "account_pin", found: 12, expected: 32 }
    );
    let answer = bare(0x0FDE, 12);
    assert!(matches!(ServerPacket::parse(Profile::V759, &frame(&answer)), Ok(ServerPacket::AccountPinOk(_))));
}

#[test]
fn both_sizes_of_chat_and_every_size_of_character_login_are_read() {
    let short = from_client(Chat { text: "oi".into() }, Profile::V748);
    let chat = ClientPacket::from(Chat { text: "oi".into() });
    for profile in Profile::ALL {
        assert_eq!(ClientPacket::parse(profile, &frame(&short)), Ok(chat.clone()));
    }
    let long = from_client(Chat { text: "oi".into() }, Profile::V769);
    assert_eq!(
        refusal(Profile::V748, &long),
        ParseError::WrongSize { name: "chat", found: 140, expected: 108 }
    );
    for size in [20, 21, 36, 40, 8192] {
        let mut bytes = bare(0x0213, size);
        bytes[12] = 2;
        let login = ClientPacket::from(CharacterLogin { slot: 2, ..CharacterLogin::default() });
        assert_eq!(ClientPacket::parse(Profile::V759, &frame(&bytes)), Ok(login));
    }
    assert_eq!(
        refusal(Profile::V759, &bare(0x0213, 19)),
        ParseError::WrongSize { name: "character_login", found: 19, expected: 36 }
    );
}

#[test]
fn a_slot_that_no_slot_can_be_is_refused_not_rounded() {
    for profile in Profile::ALL {
        let mut bytes = from_client(DeleteCharacter::default(), profile);
        bytes[12..16].copy_from_slice(&(-1_i32).to_le_bytes());
        let refused = ParseError::BadField { name: "delete_character", field: "slot" };
        assert_eq!(refusal(profile, &bytes), refused);

        let mut bytes = from_client(CreateCharacter::default(), profile);
        bytes[32..36].copy_from_slice(&256_i32.to_le_bytes());
        let refused = ParseError::BadField { name: "create_character", field: "class" };
        assert_eq!(refusal(profile, &bytes), refused);

        for (name, field, opcode, size, offset) in [
            ("pick_item", "container", 0x0270, 28, 12),
            ("pick_item", "slot", 0x0270, 28, 16),
            ("drop_item", "slot", 0x0272, 32, 16),
            ("drop_item", "rotate", 0x0272, 32, 20),
            ("autotrade_buy", "position", 0x0398, 36, 12),
            ("autotrade_open", "owner", 0x039A, 16, 12),
        ] {
            let mut bytes = bare(opcode, size);
            bytes[offset..offset + 4].copy_from_slice(&(-1_i32).to_le_bytes());
            assert_eq!(refusal(profile, &bytes), ParseError::BadField { name, field });
        }
        for (name, field, opcode, size, offset) in [
            ("shop_buy", "shelf", 0x0379, 24, 14),
            ("shop_buy", "slot", 0x0379, 24, 16),
            ("shop_sell", "container", 0x037A, 20, 14),
            ("shop_sell", "slot", 0x037A, 20, 16),
        ] {
            let mut bytes = bare(opcode, size);
            bytes[offset..offset + 2].copy_from_slice(&(-1_i16).to_le_bytes());
            assert_eq!(refusal(profile, &bytes), ParseError::BadField { name, field });
        }

        let mut bytes = from_client(NpcClick::default(), profile);
        bytes[12..16].copy_from_slice(&0x0001_0001_i32.to_le_bytes());
        assert_eq!(refusal(profile, &bytes), ParseError::BadField { name: "npc_click", field: "npc" });
    }
}

#[test]
fn what_was_sold_is_asked_for_with_a_bare_header_or_in_full() {
    for profile in [Profile::V759, Profile::V769] {
        for size in [12, 176] {
            let asked = ClientPacket::parse(profile, &frame(&bare(0x03E8, size)));
            assert_eq!(asked, Ok(ClientPacket::from(Repurchase::default())));
        }
        let refused = ParseError::WrongSize { name: "repurchase", found: 16, expected: 176 };
        assert_eq!(refusal(profile, &bare(0x03E8, 16)), refused);
    }
}

#[test]
fn a_gesture_that_faces_nowhere_and_a_walk_in_no_direction_are_refused() {
    let mut bytes = bare(0x036A, 20);
    bytes[16..20].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(refusal(Profile::V759, &bytes), ParseError::BadField { name: "motion", field: "direction" });
    let mut bytes = bare(0x036C, 52);
    bytes[24] = b'5';
    assert_eq!(refusal(Profile::V759, &bytes), ParseError::BadField { name: "action", field: "movement" });
}

#[test]
fn no_two_packets_share_a_number_one_way_in_one_version() {
    for profile in Profile::ALL {
        for way in [Direction::ToServer, Direction::ToClient] {
            let mut names: BTreeMap<u16, &str> = BTreeMap::new();
            for row in rows() {
                let Some(shape) = row.shapes.in_profile(profile).filter(|shape| shape.goes(way)) else {
                    continue;
                };
                let taken = names.insert(shape.opcode, row.name);
                assert_eq!(taken, None, "{profile} {:#06x} is {} too", shape.opcode, row.name);
            }
        }
    }
}

#[test]
fn fields_lie_inside_their_packet_and_never_over_each_other() {
    let check = |name: &str, fields: &[wire::table::Field], sizes: [usize; 3], from: usize| {
        for profile in Profile::ALL {
            let mut taken = vec![None; sizes[profile.index()]];
            for field in fields {
                let Some(place) = field.places.in_profile(profile) else { continue };
                assert!(place.offset >= from, "{name} {} in the header", field.name);
                for byte in &mut taken[place.offset..place.offset + place.form.size(profile)] {
                    assert_eq!(byte.replace(field.name), None, "{profile} {name} {}", field.name);
                }
            }
        }
    };
    for row in rows() {
        let sizes = Profile::ALL.map(|profile| row.shapes.in_profile(profile).map_or(0, |shape| shape.size));
        check(row.name, row.fields, sizes, 12);
    }
    for record in wire::record::RECORDS {
        check(record.name, record.fields, record.sizes, 0);
    }
}

#[test]
fn the_whole_public_list_is_known() {
    let count = |profile: Profile| rows().filter(|row| row.shapes.in_profile(profile).is_some()).count();
    // 158 packets of the newer versions, one of them in two directions, and 34 between old servers of 7.59 besides.
    assert_eq!(count(Profile::V769), 159);
    assert_eq!(count(Profile::V759), 159 + 34);
    assert_eq!(count(Profile::V748), 144);
}

#[test]
fn hostile_bytes_never_break_the_decoder() {
    let seed = std::env::var("WIRE_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_122);
    println!("seed {seed}; set WIRE_FUZZ_SEED to repeat another");
    let mut numbers = Samples::new(seed);
    for input in fuzz::corpus(seed) {
        fuzz::decode(&input);
        for _ in 0..20 {
            let mut mutated = input.clone();
            fuzz::mutate(&mut mutated, &mut numbers);
            fuzz::decode(&mutated);
        }
    }
    for _ in 0..2_000 {
        let random: Vec<u8> = (0..numbers.below(600)).map(|_| numbers.number() as u8).collect();
        fuzz::decode(&random);
    }
}
