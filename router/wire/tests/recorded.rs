//! What real clients sent is understood.

mod support;

use support::{frame, hex_bytes, hex_lines};
use wire::login::{AcceptedVersions, LoginError, recognise};
use wire::packet::{
    AccountLogin, Action, ActionStop, ChangeCity, CharacterLogin, Chat, CreateCharacter, Ping, Whisper,
};
use wire::record::{Movement, Route};
use wire::{ClientPacket, Deframer, Hidden, Profile};

const SESSION_748: &str = include_str!("../../../tests/golden/captures/client-748-session.hex");
const LOGIN_748: &str = include_str!("../../../tests/golden/captures/client-748-login-raw.hex");
const LOGIN_769: &str = include_str!("../../../tests/golden/captures/client-769-login-raw.hex");

/// Recognises the login in the first bytes of a connection.
fn first_packet(raw: &[u8], accepted: &AcceptedVersions) -> Result<(Profile, AccountLogin), LoginError> {
    let mut deframer = Deframer::new();
    assert_eq!(deframer.push(raw), raw.len());
    let frame = deframer.next().expect("a good stream").expect("a whole frame");
    assert!(frame.checksum_ok());
    recognise(&frame, accepted)
}

fn walk(from: (u16, u16), to: (u16, u16), route: &[u8]) -> Movement {
    let route = Route::new(route).expect("a route");
    Movement { x: from.0, y: from.1, speed: 3, route, target_x: to.0, target_y: to.1, ..Movement::default() }
}

#[test]
fn the_real_748_login_is_recognised() {
    let (profile, login) =
        first_packet(&hex_bytes(LOGIN_748), &AcceptedVersions::default()).expect("a login");
    assert_eq!(profile, Profile::V748);
    assert_eq!((login.account.as_str(), login.password.reveal()), ("admin1", "senha7"));
    assert_eq!((login.version, login.force), (748, true));
    assert!(login.token.is_empty());
}

#[test]
fn the_real_769_login_is_recognised() {
    let (profile, login) =
        first_packet(&hex_bytes(LOGIN_769), &AcceptedVersions::default()).expect("a login");
    assert_eq!(profile, Profile::V769);
    assert_eq!((login.account.as_str(), login.password.reveal()), ("testacc3", "senha7"));
    assert_eq!((login.version, login.force), (1758, true));
}

#[test]
fn the_published_759_login_is_recognised() {
    let bytes = hex_lines(include_str!("../../../tests/golden/captures/vectors.hex")).remove(6);
    let (profile, login) = recognise(&frame(&bytes), &AcceptedVersions::default()).expect("a login");
    assert_eq!(profile, Profile::V759);
    assert_eq!((login.account.as_str(), login.password.reveal()), ("TESTUSER", "secret12"));
    assert_eq!((login.version, login.force), (7640, false));
    assert_eq!(login.machine[0], 0x0302_0100);
}

#[test]
fn which_versions_are_accepted_is_the_operators_choice() {
    let raw = hex_bytes(LOGIN_769);
    let other = AcceptedVersions { v769: vec![1759], ..AcceptedVersions::default() };
    assert_eq!(first_packet(&raw, &other).err(), Some(LoginError::UnknownVersion { found: 1758 }));
    let moved = AcceptedVersions { v759: vec![7640, 1758], v769: vec![], v748: vec![] };
    assert_eq!(first_packet(&raw, &moved).expect("a login").0, Profile::V759);
    let no_old = AcceptedVersions { v748: vec![], ..AcceptedVersions::default() };
    assert_eq!(
        first_packet(&hex_bytes(LOGIN_748), &no_old).err(),
        Some(LoginError::UnknownVersion { found: 748 })
    );
}

#[test]
fn something_else_as_first_packet_is_no_login() {
    let bytes = support::from_client(Ping::default(), Profile::V759);
    let refused = recognise(&frame(&bytes), &AcceptedVersions::default());
    assert_eq!(refused.err(), Some(LoginError::NotALogin { opcode: 0x03A0, size: 12 }));
}

#[test]
fn no_part_of_a_token_is_reported_as_a_version() {
    let mut bytes = support::from_client(AccountLogin::default(), Profile::V748);
    bytes[64..116].copy_from_slice(&[b'k'; 52]);
    let refused = recognise(&frame(&bytes), &AcceptedVersions::default());
    assert_eq!(refused.err(), Some(LoginError::UnknownVersion { found: 0 }));
}

#[test]
fn no_password_token_or_pin_is_shown_by_debug() {
    let login = AccountLogin {
        password: Hidden::new("geheim"),
        token: wire::Token([b'x'; 52]),
        ..AccountLogin::default()
    };
    let shown = format!("{:?}", ClientPacket::from(login));
    assert!(!shown.contains("geheim") && !shown.contains("120"), "{shown}");
}

#[test]
fn the_recorded_748_session_is_understood_to_the_last_packet() {
    let accepted = AcceptedVersions::default();
    let recorded = hex_lines(SESSION_748);
    let (profile, login) = recognise(&frame(&recorded[0]), &accepted).expect("a login");
    assert_eq!((profile, login.account.as_str()), (Profile::V748, "testacc1"));

    let read = |bytes: &Vec<u8>| {
        let frame = frame(bytes);
        (frame.header().id, ClientPacket::parse(profile, &frame).expect("a packet of this session"))
    };
    let expected: Vec<(u16, ClientPacket)> = vec![
        (0, CreateCharacter { slot: 0, name: "Testchar".into(), class: 0 }.into()),
        (0, CharacterLogin::default().into()),
        (1, Whisper { name: "day".into(), ..Whisper::default() }.into()),
        (1, ChangeCity { city: 0 }.into()),
        (1, Action { movement: walk((2100, 2100), (2100, 2091), b"222222222") }.into()),
        (1, Action { movement: walk((2100, 2091), (2096, 2090), b"1444") }.into()),
        (1, ActionStop { movement: walk((2096, 2090), (2099, 2090), b"") }.into()),
        (1, Chat { text: "hello".into() }.into()),
        (1, Ping::default().into()),
    ];
    let got: Vec<_> = recorded[1..].iter().map(read).collect();
    assert_eq!(got, expected);
}

#[test]
fn what_the_748_client_sent_is_written_back_byte_for_byte() {
    for bytes in &hex_lines(SESSION_748) {
        let header = frame(bytes).header();
        let packet = ClientPacket::parse(Profile::V748, &frame(bytes)).expect("a packet");
        let mut again = Vec::new();
        packet.encode(Profile::V748, header.id, header.tick, &mut again).expect("a packet of 7.48");
        assert_eq!(hex::encode(&again[4..]), hex::encode(&bytes[4..]), "{}", packet.name());
    }
}
