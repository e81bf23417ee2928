//! The decoder's entry point for hostile bytes, and a corpus to start from.
//!
//! The same function is run by `cargo fuzz` (see `router/wire/fuzz`) and by the ordinary tests.

use crate::frame::{BUFFER_MAX, INIT_CODE};
use crate::login::{AcceptedVersions, recognise};
use crate::sample::Samples;
use crate::{ClientPacket, Deframer, Frame, Profile, ServerPacket, codec};

/// Runs everything that bytes of a peer pass through. Panics when a promise of this crate is broken, and only then.
///
/// The first byte chooses how the rest is fed: bit 0 whether an init code is expected, the others the size of the
/// pieces in which it arrives. The rest is also tried as one plain frame, so that a fuzzer need not learn the
/// obfuscation to reach the packets.
pub fn decode(data: &[u8]) {
    let Some((&mode, stream)) = data.split_first() else { return };
    let mut deframer = if mode & 1 == 0 { Deframer::new() } else { Deframer::without_init() };
    for piece in stream.chunks(1 + usize::from(mode >> 1)) {
        if !feed(&mut deframer, piece) {
            break;
        }
    }
    if let Ok(frame) = Frame::from_plain(stream) {
        examine(&frame);
    }
}

/// Feeds a piece of a stream; false when the stream is broken.
fn feed(deframer: &mut Deframer, mut piece: &[u8]) -> bool {
    while !piece.is_empty() {
        let taken = deframer.push(piece);
        assert!(deframer.buffered() <= BUFFER_MAX, "the buffer is bounded");
        piece = &piece[taken..];
        loop {
            match deframer.next() {
                Err(_) => return false,
                Ok(None) => break,
                Ok(Some(frame)) => examine(&frame),
            }
        }
        assert!(taken > 0, "there is room once all frames are taken");
    }
    true
}

/// Reads a frame as everything it could be.
fn examine(frame: &Frame<'_>) {
    let _ = recognise(frame, &AcceptedVersions::default());
    for profile in Profile::ALL {
        settles(frame, |frame, out| {
            let packet = ClientPacket::parse(profile, frame).ok()?;
            packet.encode(profile, frame.header().id, frame.header().tick, out).ok()
        });
        settles(frame, |frame, out| {
            let packet = ServerPacket::parse(profile, frame).ok()?;
            packet.encode(profile, frame.header().id, frame.header().tick, out).ok()
        });
    }
}

/// What was understood can be written, and what was written means the same when read again.
fn settles(frame: &Frame<'_>, rewrite: impl Fn(&Frame<'_>, &mut Vec<u8>) -> Option<()>) {
    let (mut second, mut third) = (Vec::new(), Vec::new());
    if rewrite(frame, &mut second).is_none() {
        return;
    }
    let Ok(frame) = Frame::from_plain(&second) else { panic!("an encoded packet is a frame") };
    assert!(rewrite(&frame, &mut third).is_some(), "what was written can be read");
    assert_eq!(second, third, "reading and writing settles at once");
}

/// Inputs for [`decode`]: a sample of every packet in every profile, plain and as it would arrive.
pub fn corpus(seed: u64) -> Vec<Vec<u8>> {
    let mut inputs = Vec::new();
    let mut keys = Samples::new(seed);
    for profile in Profile::ALL {
        let samples = |name: &'static str| Samples::new(Samples::named(name).number() ^ seed);
        let mut frames = Vec::new();
        for packet in ClientPacket::samples(profile, samples) {
            frames.push((encoded(|out| packet.encode(profile, 0, 1, out).is_ok()), 0));
        }
        for packet in ServerPacket::samples(profile, samples) {
            frames.push((encoded(|out| packet.encode(profile, 0, 1, out).is_ok()), 1));
        }
        for (mut frame, way) in frames {
            inputs.push([&[0xFF], &frame[..]].concat());
            codec::encode_in_place(&mut frame, keys.number() as u8);
            let init: &[u8] = if way == 0 { &INIT_CODE } else { &[] };
            let mode = (keys.number() as u8 & 0xFE) | way;
            inputs.push([&[mode], init, &frame].concat());
        }
    }
    inputs
}

fn encoded(encode: impl FnOnce(&mut Vec<u8>) -> bool) -> Vec<u8> {
    let mut frame = Vec::new();
    assert!(encode(&mut frame), "a sample is of a profile that has the packet");
    frame
}

/// Changes an input a little: bits turned, bytes cut, doubled or made extreme.
pub fn mutate(input: &mut Vec<u8>, numbers: &mut Samples) {
    for _ in 0..=numbers.below(6) {
        if input.is_empty() {
            return;
        }
        let at = numbers.below(input.len());
        match numbers.below(6) {
            0 => input[at] ^= 1 << numbers.below(8),
            1 => input[at] = numbers.number() as u8,
            2 => input[at] = [0x00, 0x7F, 0x80, 0xFF][numbers.below(4)],
            3 => input.truncate(at),
            4 => input.insert(at, numbers.number() as u8),
            _ => {
                let tail = input[at..].to_vec();
                input.extend_from_slice(&tail);
            }
        }
    }
}
