//! What is written is read back as it was, for every packet of every profile; what does not fit is cut to what does.

mod support;

use proptest::prelude::*;
use support::{frame, from_client, from_server};
use wire::packet::{
    Chat, CreateMob, MessagePanel, PkInfo, QuitDelay, SetHpMp, UpdateEtc, UpdateScore, Whisper,
};
use wire::record::{Nameplate, Route, Score, scaled_for_748};
use wire::sample::Samples;
use wire::{ClientPacket, NotInProfile, Profile, ServerPacket};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_packet_survives_the_journey(seed: u64, id: u16, tick: u32) {
        let seeded = |name: &'static str| Samples::new(Samples::named(name).number() ^ seed);
        for profile in Profile::ALL {
            for packet in ClientPacket::samples(profile, seeded) {
                let mut bytes = Vec::new();
                packet.encode(profile, id, tick, &mut bytes).expect("the profile has it");
                let frame = frame(&bytes);
                prop_assert_eq!((frame.header().id, frame.header().tick), (id, tick));
                prop_assert_eq!(ClientPacket::parse(profile, &frame).expect("it can be read"), packet);
            }
            for packet in ServerPacket::samples(profile, seeded) {
                let mut bytes = Vec::new();
                packet.encode(profile, id, tick, &mut bytes).expect("the profile has it");
                prop_assert_eq!(ServerPacket::parse(profile, &frame(&bytes)).expect("it can be read"), packet);
            }
        }
    }

    #[test]
    fn what_one_version_can_say_is_cut_to_what_another_can(seed: u64) {
        for from in Profile::ALL {
            for to in Profile::ALL {
                for packet in ServerPacket::samples(from, |name| Samples::new(Samples::named(name).number() ^ seed)) {
                    let mut bytes = Vec::new();
                    if packet.encode(to, 0, 0, &mut bytes).is_err() {
                        continue;
                    }
                    let once = ServerPacket::parse(to, &frame(&bytes)).expect("it can be read");
                    prop_assert_eq!(from_server_plain(&once, to), bytes);
                }
            }
        }
    }

    #[test]
    fn any_text_fits_and_ends_with_a_nul(text: String) {
        for profile in Profile::ALL {
            let bytes = from_server(MessagePanel { text: text.clone() }, profile);
            prop_assert_eq!(bytes[bytes.len() - 2..].to_vec(), vec![0, 0]);
            let bytes = from_server(Chat { text: text.clone() }, profile);
            prop_assert_eq!(bytes[bytes.len() - 2..].to_vec(), vec![0, 0]);
        }
    }

    #[test]
    fn bars_of_748_stay_proportional(hp_max in 1..=2_000_000_000_i32, part in 0.0..=1.0_f64) {
        let hp = (f64::from(hp_max) * part) as i32;
        let (shown, shown_max) = (scaled_for_748(hp, hp_max), scaled_for_748(hp_max, hp_max));
        prop_assert!((0..=30_000).contains(&shown) && (1..=30_000).contains(&shown_max));
        prop_assert_eq!(shown == 0, hp == 0, "the living are not shown dead");
        prop_assert!((f64::from(shown) / f64::from(shown_max) - part).abs() < 0.001 + 1.0 / f64::from(shown_max));
    }
}

fn from_server_plain(packet: &ServerPacket, profile: Profile) -> Vec<u8> {
    let mut bytes = Vec::new();
    packet.encode(profile, 0, 0, &mut bytes).expect("the profile has it");
    bytes
}

#[test]
fn a_large_experience_saturates_in_748() {
    let packet = UpdateEtc { experience: 5_000_000_000, gold: 3_000_000_000, ..UpdateEtc::default() };
    let old = from_server(packet.clone(), Profile::V748);
    assert_eq!(old[16..20], u32::MAX.to_le_bytes());
    assert_eq!(old[32..36], i32::MAX.to_le_bytes());
    let new = from_server(packet, Profile::V769);
    assert_eq!(new[16..24], 5_000_000_000_i64.to_le_bytes());
}

#[test]
fn points_above_30000_are_scaled_alike_wherever_748_shows_them() {
    let score = Score { hp: 50_000, hp_max: 100_000, mp: 10, mp_max: 40_000, ..Score::default() };
    let update = UpdateScore { score, req_hp: 50_000, req_mp: 20_000, ..UpdateScore::default() };
    let bytes = from_server(update, Profile::V748);
    assert_eq!(bytes[20..22], 30_000_u16.to_le_bytes(), "hp_max");
    assert_eq!(bytes[24..26], 15_000_u16.to_le_bytes(), "hp");
    assert_eq!(bytes[26..28], 7_u16.to_le_bytes(), "mp");
    assert_eq!(bytes[82..84], 15_000_u16.to_le_bytes(), "req_hp");
    assert_eq!(bytes[84..86], 15_000_u16.to_le_bytes(), "req_mp");

    let hp = SetHpMp { hp: 50_000, req_hp: 50_000, hp_max: 100_000, ..SetHpMp::default() };
    assert_eq!(from_server(hp.clone(), Profile::V748)[12..14], 15_000_u16.to_le_bytes());
    assert_eq!(from_server(hp, Profile::V759)[12..16], 50_000_u32.to_le_bytes());
}

#[test]
fn points_of_an_unknown_maximum_are_cut_for_748() {
    let bytes = from_server(SetHpMp { hp: 40_000, mp: 30_001, ..SetHpMp::default() }, Profile::V748);
    assert_eq!(bytes[12..16], [30_000_u16.to_le_bytes(), 30_000_u16.to_le_bytes()].concat());
    assert_eq!(scaled_for_748(30_000, 30_000), 30_000);
    assert_eq!(scaled_for_748(1, i32::MAX), 1, "the living are not shown dead");
}

#[test]
fn text_of_other_alphabets_becomes_question_marks() {
    let bytes = from_server(Chat { text: "olá ação 日本\0x €".into() }, Profile::V748);
    assert_eq!(bytes[12..28], *b"ol\xE1 a\xE7\xE3o ???x \x80\0");
    let ServerPacket::Chat(chat) = ServerPacket::parse(Profile::V748, &frame(&bytes)).expect("chat") else {
        panic!("another packet")
    };
    assert_eq!(chat.text, "olá ação ???x €");
}

#[test]
fn long_text_is_cut_where_each_client_cuts_it() {
    let text = "x".repeat(300);
    let said =
        |profile| from_server(Chat { text: text.clone() }, profile).iter().filter(|b| **b == b'x').count();
    assert_eq!(Profile::ALL.map(said), [96, 96, 94]);
    let told = |profile| {
        let panel = MessagePanel { text: text.clone() };
        from_server(panel, profile).iter().filter(|b| **b == b'x').count()
    };
    assert_eq!(Profile::ALL.map(told), [126, 126, 94]);
}

#[test]
fn the_name_of_a_player_makes_room_for_marks_and_that_of_a_creature_does_not() {
    let plate =
        |id, name: &str| Nameplate { id, name: name.into(), chaos: 75, current_kills: 1, total_kills: 2 };
    for profile in Profile::ALL {
        let player = CreateMob { plate: plate(999, "Abcdefghijklmno"), ..CreateMob::default() };
        assert_eq!(from_server(player, profile)[18..34], *b"Abcdefghijkl\x4B\x01\x02\x00");
        let creature = CreateMob { plate: plate(1000, "Abcdefghijklmnop"), ..CreateMob::default() };
        assert_eq!(from_server(creature, profile)[18..34], *b"Abcdefghijklmno\x00");
    }
}

#[test]
fn a_packet_that_a_version_lacks_is_not_written() {
    let mut bytes = vec![1, 2, 3];
    let missing = |name| Err(NotInProfile { name, profile: Profile::V748 });
    let pk_info = ServerPacket::from(PkInfo { attackable: true });
    assert_eq!(pk_info.encode(Profile::V748, 1, 1, &mut bytes), missing("pk_info"));
    let quit = ServerPacket::from(QuitDelay { reason: 0 });
    assert_eq!(quit.encode(Profile::V748, 1, 1, &mut bytes), missing("quit_delay"));
    assert_eq!(bytes, [1, 2, 3]);
    assert!(ClientPacket::from(QuitDelay { reason: 0 }).encode(Profile::V748, 1, 1, &mut bytes).is_ok());
}

#[test]
fn packets_are_appended_one_after_the_other() {
    let mut bytes = Vec::new();
    for reason in 0..3 {
        let quit = ServerPacket::from(QuitDelay { reason });
        quit.encode(Profile::V769, 1, 1, &mut bytes).expect("a packet of 7.69");
    }
    assert_eq!(bytes.len(), 48);
    assert_eq!(bytes[44..48], 2_i32.to_le_bytes());
}

#[test]
fn a_route_takes_digits_of_the_number_pad_only() {
    assert!(Route::new(b"12346789").is_some());
    assert!(Route::new(b"5").is_none() && Route::new(b"0").is_none() && Route::new(b"x").is_none());
    assert!(Route::new(&[b'8'; 23]).is_some() && Route::new(&[b'8'; 24]).is_none());
}

#[test]
fn a_whisper_keeps_its_colour_where_each_client_looks_for_it() {
    let whisper = Whisper { name: "ana".into(), text: "oi".into(), color: 3 };
    assert_eq!(from_client(whisper.clone(), Profile::V759)[124..126], [3, 0]);
    assert_eq!(from_client(whisper.clone(), Profile::V748)[124..126], [3, 0]);
    assert_eq!(from_client(whisper, Profile::V769)[156..158], [3, 0]);
}
