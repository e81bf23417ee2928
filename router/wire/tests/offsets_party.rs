//! Parties at the offsets of the published layouts, written down by hand.

mod support;

use support::expect::{check, same};
use support::{from_client, from_server};
use wire::Profile;
use wire::packet::{ClientPacket, PartyAccept, PartyAdd, PartyRemove, PartyRequest, ServerPacket};

fn told(packet: impl Into<ServerPacket>) -> [Vec<u8>; 3] {
    let packet = packet.into();
    Profile::ALL.map(|profile| from_server(packet.clone(), profile))
}

fn asked(packet: impl Into<ClientPacket>) -> [Vec<u8>; 3] {
    let packet = packet.into();
    Profile::ALL.map(|profile| from_client(packet.clone(), profile))
}

/// The first four letters of a name as a number.
const ANIT: i64 = 0x7469_6e41;

#[test]
fn asking_to_join_0x37f() {
    let packet = PartyRequest {
        class: 3,
        index: 0,
        level: 398,
        hp_max: 30_000,
        hp: 12_345,
        leader: 77,
        name: "Anita".to_owned(),
        target: 999,
    };
    let expected = [
        same("class", [12; 3], 3, 1),
        same("index", [13; 3], 0, 1),
        same("level", [14; 3], 398, 2),
        same("hp_max", [16; 3], 30_000, 2),
        same("hp", [18; 3], 12_345, 2),
        same("leader", [20; 3], 77, 2),
        same("name", [22; 3], ANIT, 4),
        same("target", [40; 3], 999, 4),
    ];
    check(&expected, &told(packet.clone()), [0x37F; 3], [44; 3]);
    check(&expected, &asked(packet), [0x37F; 3], [44; 3]);
}

#[test]
fn a_member_0x37d_and_its_end_0x37e() {
    let packet =
        PartyAdd { class: 1, index: 12, level: 9, hp_max: 80, hp: 70, member: 501, name: "Anita".to_owned() };
    let expected = [
        same("class", [12; 3], 1, 1),
        same("index", [13; 3], 12, 1),
        same("level", [14; 3], 9, 2),
        same("hp_max", [16; 3], 80, 2),
        same("hp", [18; 3], 70, 2),
        same("member", [20; 3], 501, 2),
        same("name", [22; 3], ANIT, 4),
    ];
    check(&expected, &told(packet), [0x37D; 3], [40; 3]);
    let gone = PartyRemove { member: 501 };
    let expected = [same("member", [12; 3], 501, 4)];
    check(&expected, &told(gone.clone()), [0x37E; 3], [16; 3]);
    check(&expected, &asked(gone), [0x37E; 3], [16; 3]);
}

#[test]
fn joining_0x3ab() {
    let packet = PartyAccept { leader: 77, name: "Anita".to_owned() };
    let expected = [same("leader", [12; 3], 77, 2), same("name", [14; 3], ANIT, 4)];
    check(&expected, &asked(packet), [0x3AB; 3], [32; 3]);
}
