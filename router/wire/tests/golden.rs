//! One golden file per packet and profile: a frame that may not change unnoticed.
//!
//! `UPDATE_GOLDEN=1 cargo test -p wire --test golden` writes them; look at the difference before keeping it.

mod support;

use std::collections::BTreeSet;
use std::fs;
use support::{frame, golden, hex_lines, updates};
use wire::sample::Samples;
use wire::{ClientPacket, Profile, ServerPacket};

/// Header id and tick in every golden file.
const ID: u16 = 0x0203;
const TICK: u32 = 0x0405_0607;

/// Name, value as text, and frame of every packet of a profile.
fn packets(profile: Profile) -> Vec<(&'static str, String, Vec<u8>)> {
    let mut all = Vec::new();
    for packet in ClientPacket::samples(profile, Samples::named) {
        let mut bytes = Vec::new();
        packet.encode(profile, ID, TICK, &mut bytes).expect("the profile has it");
        let back = ClientPacket::parse(profile, &frame(&bytes)).expect("it can be read");
        assert_eq!(back, packet, "{profile}");
        all.push((packet.name(), format!("{packet:?}"), bytes));
    }
    for packet in ServerPacket::samples(profile, Samples::named) {
        let mut bytes = Vec::new();
        packet.encode(profile, ID, TICK, &mut bytes).expect("the profile has it");
        let back = ServerPacket::parse(profile, &frame(&bytes)).expect("it can be read");
        assert_eq!(back, packet, "{profile}");
        all.push((packet.name(), format!("{packet:?}"), bytes));
    }
    all
}

/// The file of a frame: 32 bytes a line.
fn file_text(name: &str, profile: Profile, value: &str, bytes: &[u8]) -> String {
    let shown: String = value.chars().take(600).collect();
    let mut text = format!("# {name} of {profile}, plain: {shown}\n");
    for line in bytes.chunks(32) {
        text.push_str(&hex::encode(line));
        text.push('\n');
    }
    text
}

#[test]
fn every_packet_of_every_profile_has_the_bytes_of_its_golden_file() {
    let mut wrong = Vec::new();
    for profile in Profile::ALL {
        let folder = golden().join(profile.label());
        for (name, value, bytes) in packets(profile) {
            let path = folder.join(format!("{name}.hex"));
            if updates("UPDATE_GOLDEN") {
                fs::create_dir_all(&folder).expect("a folder");
                fs::write(&path, file_text(name, profile, &value, &bytes)).expect("a file");
            }
            let kept = fs::read_to_string(&path).map(|text| hex_lines(&text).concat());
            if !kept.is_ok_and(|kept| kept == bytes) {
                wrong.push(format!("{profile} {name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "differ from their golden files or lack one: {wrong:?}");
}

#[test]
fn no_golden_file_is_left_of_a_packet_that_is_gone() {
    if updates("UPDATE_GOLDEN") {
        return; // the other test is writing them
    }
    for profile in Profile::ALL {
        let expected: BTreeSet<String> =
            packets(profile).into_iter().map(|(name, ..)| format!("{name}.hex")).collect();
        let found: BTreeSet<String> = fs::read_dir(golden().join(profile.label()))
            .expect("golden files")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        assert_eq!(found, expected, "{profile}");
    }
}
