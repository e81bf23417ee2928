//! The bot's readers and writers against what a real 7.48 client sent and accepted, and against what two real
//! clients put on the wire first.
#![allow(clippy::unwrap_used)]

use bot::protocol::bytes::{i32_at, put_u32, text_at, u16_at, u32_at};
use bot::protocol::incoming::{ItemSeen, Packet, read};
use bot::protocol::outgoing;
use bot::protocol::place::{Steps, Tile};
use bot::protocol::profile::Profile;
use bot::protocol::sizes::{SizeVerdict, judge};

const V748: Profile = Profile::V748;

/// Hex with `xx*n` for a byte repeated n times.
fn recorded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for word in text.split_whitespace() {
        match word.split_once('*') {
            Some((byte, count)) => {
                let byte = u8::from_str_radix(byte, 16).unwrap();
                bytes.extend(std::iter::repeat_n(byte, count.parse().unwrap()));
            }
            None => bytes.extend(hex::decode(word).unwrap()),
        }
    }
    assert_eq!(bytes.len(), usize::from(u16_at(&bytes, 0)), "the recording is whole");
    bytes
}

/// A packet of the bot as it would have been sent with the recorded clock and key.
fn sent(mut packet: Vec<u8>, like: &[u8]) -> Vec<u8> {
    outgoing::stamp(&mut packet, u32_at(like, 8));
    wire::codec::encode_in_place(&mut packet, like[2]);
    let checksum = packet[3];
    wire::codec::decode_in_place(&mut packet).unwrap();
    assert_eq!(checksum, like[3], "the checksum is the one that the client computed");
    packet
}

#[test]
fn the_first_walk_of_the_client_is_written_byte_for_byte() {
    let theirs = recorded("34008dc266030100e2af06003408340803 00*7 34082b08 32*9 00*15");
    let mut steps = Steps::NONE;
    (0..9).for_each(|_| steps.push(b'2'));
    let ours = outgoing::walk(V748, 1, Tile::new(2100, 2100), &steps, 3);
    assert_eq!(sent(ours, &theirs), theirs);
    let read = read(V748, &theirs);
    let (from, to) = (Tile::new(2100, 2100), Tile::new(2100, 2091));
    assert_eq!(read, Packet::Action { id: 1, from, to, steps, effect: 0, speed: 3 });
}

#[test]
fn the_stop_of_the_client_is_written_byte_for_byte() {
    let theirs = recorded("3400a29d670301002fc0060030082a0803 00*7 33082a08 00*24");
    let ours = outgoing::stop(V748, 1, Tile::new(2099, 2090), Tile::new(2096, 2090), 3);
    assert_eq!(sent(ours, &theirs), theirs);
    assert_eq!(read(V748, &theirs), Packet::Stop { id: 1, at: Tile::new(2099, 2090) });
}

#[test]
fn chat_whisper_and_selection_requests_are_written_byte_for_byte() {
    let chat = recorded("6c0019f43303010037ec060068656c6c6f00 00*90");
    assert_eq!(sent(outgoing::say(V748, 1, "hello"), &chat), chat);
    let whisper = recorded("80009d0734030100f5140600646179 00*113");
    assert_eq!(sent(outgoing::whisper(V748, 1, "day", ""), &whisper), whisper);
    let create = recorded("24008b9f0f02000044840400000000005465737463686172 00*12");
    assert_eq!(sent(outgoing::create_character(0, "Testchar", 0), &create), create);
    let enter = recorded("2400672513020000dd9e0500 00*24");
    assert_eq!(sent(outgoing::character_login(0), &enter), enter);
    let city = recorded("1000e5e891020100e915060000000000");
    assert_eq!(sent(outgoing::with_number(0x291, 1, 0), &city), city);
    let ping = recorded("0c000d86a0030100c1b91600");
    assert_eq!(sent(outgoing::bare(0x3A0, 1), &ping), ping);
}

#[test]
fn the_login_of_the_client_is_written_byte_for_byte() {
    let theirs = recorded("740072a00d020000298c00007465737461636331 00*8 73656e686137 00*6 ec02000001 00*71");
    let mut ours = outgoing::login(V748, "testacc1", "senha7", true);
    (0..4).for_each(|word| put_u32(&mut ours, 48 + 4 * word, 0)); // no adapter was found there
    assert_eq!(sent(ours, &theirs), theirs);
}

#[test]
fn the_first_bytes_of_a_real_769_client_are_a_login_in_our_layout() {
    let wire = hex::decode(
        "11f3111f740003f809f3e4f9705aedfd7352566823283000d2f130fb68560770d34cc72e00f0f0fd22f05cfdbaf16cfd06edccfd1ef1f4fd\
         fafdd4fafae8e8fbfaecf0fd0cfc40fa4af18cfd30f1f4fdfaf1f4fb6ef1e4fde6f1f4fdfcf1b4fdd0f76800f7f1f4fcfafaf4fcf8f0e4fa\
         4af3d0fd2efa64fc",
    )
    .unwrap();
    assert_eq!(wire[..4], bot::transport::INIT_CODE);
    let mut frame = wire[4..].to_vec();
    wire::codec::decode_in_place(&mut frame).unwrap();
    let login = &Profile::V769.layout().login;
    assert_eq!((frame.len(), u16_at(&frame, 4)), (116, 0x20D));
    assert_eq!(i32_at(&frame, login.version), login.number);
    let account = text_at(&frame, login.name, 16);
    let password = text_at(&frame, login.password, 12);
    let ours = outgoing::login(Profile::V769, &account, &password, i32_at(&frame, login.force) != 0);
    assert_eq!(ours[12..40], frame[12..40], "name and password lie where the client put them");
    assert_eq!(ours[92..100], frame[92..100], "version and force lie where the client put them");
}

#[test]
fn what_the_client_was_told_when_it_entered_is_read() {
    let enter = recorded(
        "140303491401010032aa05003408340854657374636861720000000096 00*19 3408340800002a000a00c0c352002d0052002d0008000400070006 \
         00*7 2a000a00c0c352002d0052002d0008000400070006000000000001 00*7 5004 00*6 5c04 00*6 6804 00*6 7404 00*6 8004 00*6 5d03 \
         00*600 0202ffffffff0000030305050505020001 00*13",
    );
    let Packet::Entered(seen) = read(V748, &enter) else { panic!("not read as entering the world") };
    assert_eq!((seen.own_id, seen.name.as_str(), seen.tile), (1, "Testchar", Tile::new(2100, 2100)));
    assert_eq!((seen.score.hp, seen.score.max_hp, seen.score.mp, seen.score.speed), (82, 82, 45, 3));
    assert_eq!(seen.score.attributes, [8, 4, 7, 6]);
    assert_eq!((seen.slot, seen.gold, seen.experience, seen.class), (2, 0, 0, 0));
    let worn: Vec<u16> = seen.equip.iter().flatten().map(|item| item.kind).collect();
    assert_eq!(worn, [1, 1104, 1116, 1128, 1140, 1152, 861]);
    assert!(seen.carry.iter().all(Option::is_none));
    assert_eq!(
        judge(V748, 0x114, enter.len()),
        SizeVerdict::Wrong { expected: 1244 },
        "the test server cut it short"
    );
}

#[test]
fn the_selection_after_a_create_is_read() {
    let created = recorded(
        "f402028510010100619004003408 00*6 3408 00*6 5465737463686172 00*58 2a000a00c0c352002d0052002d0008000400070006 00*89 \
         01 00*7 5004 00*6 5c04 00*6 6804 00*6 7404 00*6 8004 00*6 5d03 00*502",
    );
    let Packet::Created(characters) = read(V748, &created) else { panic!("not read as a selection") };
    let [only] = &characters[..] else { panic!("{characters:?}") };
    assert_eq!((only.slot, only.name.as_str(), only.tile), (0, "Testchar", Tile::new(2100, 2100)));
    assert_eq!(only.score.hp, 82);
    assert_eq!(only.equip[6], Some(ItemSeen { kind: 861, effects: [0; 6] }));
    assert_eq!(judge(V748, 0x110, created.len()), SizeVerdict::Right);
}

#[test]
fn entities_that_come_walk_and_go_are_read() {
    let own = recorded(
        "b00004fc6403307532aa050034083408010054657374636861720000000096000000010050045c046804740480045d03 00*54 \
         2a000a00c0c352002d0052002d0008000400070006000000000002 00*47",
    );
    let Packet::Create { id, name, tile, score, kind, .. } = read(V748, &own) else {
        panic!("not read as a creation")
    };
    assert_eq!((id, name.as_str(), tile, kind), (1, "Testchar", Tile::new(2100, 2100), 2));
    assert_eq!(score.hp, 82);
    assert_eq!(judge(V748, 0x364, own.len()), SizeVerdict::Right);
    let npc = recorded(
        "b00012 7a 640330753aaa0500360844081b194775617264615f4361726761000000003c0082007e007f00800081 00*55 \
         02000a000a000201f4010000f40100000500640000000000ff07ff07 00*48",
    );
    let Packet::Create { id, name, score, .. } = read(V748, &npc) else { panic!("not read as a creation") };
    assert_eq!((id, name.as_str(), score.hp), (6427, "Guarda_Carga", 500));
    let walk = recorded("34001b9b66031319a5b005001f082b0801 00*7 1d082b08 00*24");
    let (from, to) = (Tile::new(2079, 2091), Tile::new(2077, 2091));
    let expected = Packet::Action { id: 6419, from, to, steps: Steps::NONE, effect: 0, speed: 1 };
    assert_eq!(read(V748, &walk), expected);
    let gone = recorded("100027886501151997b0060000000000");
    assert_eq!(read(V748, &gone), Packet::Remove { id: 6421, kind: 0 });
    let panel = recorded("6c002011010100005f1e060030373a30333a3136207c2032322d31312d32303236 00*75");
    assert_eq!(read(V748, &panel), Packet::Panel("07:03:16 | 22-11-2026".to_owned()));
}

#[test]
fn the_list_of_an_empty_account_is_read() {
    let list = recorded("080701e00e013275f05402 00*1773 7465737461636331 00*8");
    let Packet::CharList(list) = read(V748, &list) else { panic!("not read as a character list") };
    assert_eq!(list.account, "testacc1");
    assert!(list.characters.is_empty() && list.cargo.iter().all(Option::is_none) && list.key_queue_empty);
}
