#![allow(clippy::unwrap_used)]
use super::*;
use crate::message::BLOCK_MAX;
use proptest::prelude::*;
use wire::Profile;
use wire::packet::{AccountLogin, Chat, ClientPacket, CreateMob, ServerPacket, Whisper};
use wire::record::Movement;

/// Small and the same everywhere: xorshift64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        (self.roll() % most as u64) as usize
    }
}

fn obfuscated(mut frame: Vec<u8>, key: u8) -> Vec<u8> {
    wire::codec::encode_in_place(&mut frame, key);
    frame
}

fn from_server(packet: impl Into<ServerPacket>, tick: u32, key: u8) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.into().encode(Profile::V759, 7, tick, &mut frame).unwrap();
    obfuscated(frame, key)
}

fn from_client(packet: impl Into<ClientPacket>, key: u8) -> Vec<u8> {
    let mut frame = Vec::new();
    packet.into().encode(Profile::V759, 0, 9, &mut frame).unwrap();
    obfuscated(frame, key)
}

/// Frames as they come, secret ones, those that lie about their checksum, and in the end maybe nonsense.
fn stream(dice: &mut Dice, side: Side, length: usize, goes_bad: bool) -> Vec<u8> {
    let mut bytes = match side {
        Side::Relay => wire::frame::INIT_CODE.to_vec(),
        Side::Edge => Vec::new(),
    };
    let mut tick = 60_000;
    while bytes.len() < length {
        let key = dice.roll() as u8;
        tick += 50;
        let movement = Movement { x: dice.below(4_096) as u16, y: 2_100, ..Movement::default() };
        let frame = match dice.below(12) {
            0 => from_client(AccountLogin { account: "anna".to_owned(), ..AccountLogin::default() }, key),
            1 => from_server(Whisper { name: "bert".to_owned(), ..Whisper::default() }, tick, key),
            2 => from_server(Chat { text: format!("line {}", dice.below(9)) }, tick, key),
            3 | 4 => from_server(CreateMob { x: movement.x, ..CreateMob::default() }, tick, key),
            5 => {
                let size = 12 + dice.below(8_180);
                let mut frame: Vec<u8> = (0..size).map(|_| dice.roll() as u8).collect();
                frame[..2].copy_from_slice(&(size as u16).to_le_bytes());
                frame
            }
            _ => from_server(wire::packet::Action { movement }, tick, key),
        };
        bytes.extend_from_slice(&frame);
    }
    if goes_bad {
        bytes.extend_from_slice(&[3, 0]);
        bytes.extend((0..2_000).map(|_| dice.roll() as u8));
    }
    bytes
}

/// Two ends, and what is on its way between them.
struct Line {
    ends: [Flow; 2],
    written: [Vec<u8>; 2],
    to_write: [Vec<u8>; 2],
    heard: [Vec<u8>; 2],
    /// From the first to the second end, and back.
    wires: [Vec<u8>; 2],
    packed: [usize; 2],
}

impl Line {
    fn new(up: Vec<u8>, down: Vec<u8>) -> Self {
        Self {
            ends: [Flow::new(Side::Relay), Flow::new(Side::Edge)],
            written: [up.clone(), down.clone()],
            to_write: [up, down],
            heard: Default::default(),
            wires: Default::default(),
            packed: [0; 2],
        }
    }

    fn write(&mut self, end: usize, most: usize) {
        let count = self.to_write[end].len().min(most);
        let taken = self.ends[end].write(&self.to_write[end][..count]);
        self.to_write[end].drain(..taken);
        let kept = self.ends[end].written() - self.ends[end].acked;
        assert!(kept <= KEPT_MAX as u64, "{kept} bytes are kept");
    }

    fn send(&mut self, end: usize) {
        let before = self.wires[end].len();
        self.ends[end].output(&mut self.wires[end]);
        self.packed[end] += self.wires[end].len() - before;
    }

    fn receive(&mut self, end: usize, most: usize) {
        let from = 1 - end;
        if !self.ends[end].wants_input() {
            return self.ends[end].input(&[]).unwrap();
        }
        let count = self.wires[from].len().min(most);
        let bytes: Vec<u8> = self.wires[from].drain(..count).collect();
        self.ends[end].input(&bytes).unwrap();
        let unread = self.ends[end].unread().len();
        assert!(unread <= UNREAD_MAX + 2 * BLOCK_MAX, "{unread} bytes are unread");
    }

    fn read(&mut self, end: usize, most: usize) {
        let count = self.ends[end].unread().len().min(most);
        self.heard[end].extend_from_slice(&self.ends[end].unread()[..count]);
        self.ends[end].read(count);
    }

    /// The QUIC stream is gone with all that was on its way; with `moves`, the edge is another process too.
    fn resume(&mut self, moves: bool) {
        self.wires = Default::default();
        if moves {
            let config = bincode::config::standard();
            let bytes = bincode::serde::encode_to_vec(self.ends[1].keep(), config).unwrap();
            let (kept, _) = bincode::serde::decode_from_slice(&bytes, config).unwrap();
            self.ends[1] = Flow::going_on(kept);
        }
        let [relay, edge] = &mut self.ends;
        let received = relay.received();
        relay.attach(edge.received()).unwrap();
        edge.attach(received).unwrap();
    }

    fn is_done(&self) -> bool {
        (0..2).all(|end| self.heard[1 - end].len() == self.written[end].len())
    }

    fn run_out(&mut self) {
        for _ in 0..100_000 {
            if self.is_done() {
                break;
            }
            for end in 0..2 {
                self.write(end, usize::MAX);
                self.send(end);
                self.receive(1 - end, usize::MAX);
                self.read(1 - end, usize::MAX);
            }
        }
        assert_eq!(self.heard[1], self.written[0], "what the client said");
        assert_eq!(self.heard[0], self.written[1], "what the server said");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn what_arrives_is_what_was_sent_however_it_is_cut_and_however_often_it_is_resumed(
        seed in 1..u64::MAX,
        lengths in (0_usize..60_000, 0_usize..500_000),
        bad in any::<(bool, bool)>(),
        resumes in 0_usize..12,
    ) {
        let mut dice = Dice(seed);
        let up = stream(&mut dice, Side::Relay, lengths.0, bad.0);
        let down = stream(&mut dice, Side::Edge, lengths.1, bad.1);
        let mut line = Line::new(up, down);
        let mut left = resumes;
        for _ in 0..2_000 {
            let (end, most) = (dice.below(2), 1 + dice.below(20_000));
            match dice.below(80) {
                0 if left > 0 => {
                    left -= 1;
                    line.resume(dice.below(2) == 0);
                }
                1..=20 => line.write(end, most),
                21..=40 => line.send(end),
                41..=60 => line.receive(end, most),
                _ => line.read(end, most),
            }
        }
        line.run_out();
    }
}

#[test]
fn a_stream_of_frames_becomes_smaller_and_secrets_never_get_into_the_window() {
    let mut dice = Dice(7);
    let mut down = Vec::new();
    for number in 0..2_000_u32 {
        let movement = Movement { x: dice.below(64) as u16, y: 2_100, ..Movement::default() };
        down.extend(from_server(wire::packet::Action { movement }, number * 50, dice.roll() as u8));
    }
    let mut line = Line::new(Vec::new(), down);
    line.run_out();
    let (whole, packed) = (line.written[1].len(), line.packed[1]);
    assert!(packed * 3 < whole, "{whole} became {packed}");

    // the same secret twice: were it in the window, the second one would be short
    let login = AccountLogin { account: "anna".to_owned(), ..AccountLogin::default() };
    let up = [&wire::frame::INIT_CODE[..], &from_client(login.clone(), 1), &from_client(login, 2)].concat();
    let mut line = Line::new(up, Vec::new());
    line.run_out();
    assert!(line.packed[0] > line.written[0].len(), "raw, with the length of the message");
}

#[test]
fn a_position_where_the_stream_never_was_is_refused() {
    let mut flow = Flow::new(Side::Edge);
    flow.write(&[9; 100]);
    flow.output(&mut Vec::new());
    assert!(flow.attach(40).is_ok());
    for found in [39, 101] {
        assert!(matches!(flow.attach(found), Err(Broken::Position { .. })), "{found}");
    }
    // what was not given to any stream cannot have come
    assert_eq!(flow.attach(41), Err(Broken::Position { found: 41, least: 40, most: 40 }));
}

#[test]
fn a_block_that_says_too_much_or_too_little_is_refused() {
    let plain = [&[14, 0][..], &[7; 10]].concat();
    let block = lz4_flex::block::compress(&plain);
    for (length, keys) in [(11, 1), (13, 1), (12, 0), (24, 2), (BLOCK_MAX, 1)] {
        let mut bytes = Vec::new();
        Message::Packed { keys: &vec![0; keys], length, block: &block }.write(&mut bytes);
        assert!(Flow::new(Side::Relay).input(&bytes).is_err(), "{length} {keys}");
    }
    let mut bytes = Vec::new();
    Message::Packed { keys: &[0], length: 12, block: &block }.write(&mut bytes);
    let mut flow = Flow::new(Side::Relay);
    flow.input(&bytes).unwrap();
    assert_eq!(flow.unread().len(), 14);
}

#[test]
fn nothing_is_taken_when_nobody_acknowledges_and_little_when_nobody_reads() {
    let mut line = Line::new(Vec::new(), stream(&mut Dice(3), Side::Edge, 2 * KEPT_MAX, false));
    for _ in 0..1_000 {
        line.write(1, 5_000);
        line.send(1);
        line.receive(0, 3_000);
    }
    assert!(!line.ends[1].has_room(), "the sender is full");
    assert!(!line.ends[0].wants_input());
    line.run_out();
}
