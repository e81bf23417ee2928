//! Obfuscation, checksum and framing against vectors that others made, and against a stream cut anywhere.

mod support;

use support::hex_bytes;
use wire::frame::{BUFFER_MAX, FRAME_MAX, INIT_CODE};
use wire::sample::Samples;
use wire::{Deframer, Frame, FrameError, codec};

/// Plain text and obfuscated bytes of packets that an independent implementation made.
const VECTORS: &str = include_str!("../../../tests/golden/captures/vectors.hex");
/// A walk of a real 7.48 client: plain, with the key index and checksum that it was sent with.
const CAPTURE_748: &str = "3400DDA566030100A71A041AB609E107 0300000000000000B709DF0733320000 \
    00000000000000000000000000000000 00000000";

fn vectors() -> Vec<(Vec<u8>, Vec<u8>)> {
    let lines = support::hex_lines(VECTORS);
    assert_eq!(lines.len(), 10);
    lines.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

/// A plain frame of so many bytes.
fn plain(size: usize, numbers: &mut Samples) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..size).map(|_| numbers.number() as u8).collect();
    frame[0..2].copy_from_slice(&(size as u16).to_le_bytes());
    frame
}

#[test]
fn the_published_vectors_come_out_byte_for_byte() {
    for (plain, cipher) in vectors() {
        let mut frame = plain.clone();
        codec::encode_in_place(&mut frame, cipher[2]);
        assert_eq!(hex::encode(&frame), hex::encode(&cipher));
        assert_eq!(codec::decode_in_place(&mut frame), Ok(()));
        assert_eq!(frame[4..], plain[4..]);
    }
}

#[test]
fn a_real_clients_checksum_is_reproduced() {
    let mut frame = hex_bytes(&CAPTURE_748.replace(' ', ""));
    let (key, checksum) = (frame[2], frame[3]);
    codec::encode_in_place(&mut frame, key);
    assert_eq!(frame[3], checksum);
}

#[test]
fn every_key_and_many_sizes_survive_the_journey() {
    let mut numbers = Samples::new(11);
    for key in 0..=255 {
        let size = [12, 13, 14, 15, 16, 52, 140, 1928, FRAME_MAX][numbers.below(9)];
        let original = plain(size, &mut numbers);
        let mut frame = original.clone();
        codec::encode_in_place(&mut frame, key);
        assert_eq!(codec::decode_in_place(&mut frame), Ok(()));
        assert_eq!(frame[4..], original[4..]);
    }
}

#[test]
fn a_wrong_checksum_is_noticed_and_the_bytes_decoded_all_the_same() {
    let (plain, mut cipher) = vectors().remove(0);
    cipher[3] ^= 1;
    assert!(codec::decode_in_place(&mut cipher).is_err());
    assert_eq!(cipher[4..], plain[4..]);
}

#[test]
fn nothing_is_too_short_for_the_codec() {
    for size in 0..8 {
        let mut bytes = vec![0xAA; size];
        codec::encode_in_place(&mut bytes, 3);
        let _ = codec::decode_in_place(&mut bytes);
    }
}

#[test]
fn several_packets_arrive_whole_however_the_stream_is_cut() {
    let mut stream = INIT_CODE.to_vec();
    for (_, cipher) in vectors() {
        stream.extend_from_slice(&cipher);
    }
    for piece in 1..=stream.len() {
        let mut deframer = Deframer::new();
        let mut got = Vec::new();
        for bytes in stream.chunks(piece) {
            assert_eq!(deframer.push(bytes), bytes.len());
            while let Some(frame) = deframer.next().expect("a good stream") {
                assert!(frame.checksum_ok());
                got.push(frame.bytes()[4..].to_vec());
            }
        }
        let sent: Vec<_> = vectors().into_iter().map(|(plain, _)| plain[4..].to_vec()).collect();
        assert_eq!(got, sent, "in pieces of {piece}");
        assert_eq!(deframer.buffered(), 0);
    }
}

#[test]
fn a_header_is_read_from_the_plain_bytes() {
    let (_, cipher) = vectors().remove(2);
    let mut deframer = Deframer::without_init();
    assert_eq!(deframer.push(&cipher), cipher.len());
    let frame = deframer.next().expect("a good stream").expect("a whole frame");
    assert_eq!((frame.header().opcode, frame.header().id, frame.header().tick), (0x36C, 42, 123_456));
}

#[test]
fn a_stream_without_the_init_code_is_refused_at_its_first_wrong_byte() {
    for wrong in 0..4 {
        let mut deframer = Deframer::new();
        let mut bytes = INIT_CODE;
        bytes[wrong] ^= 0x10;
        assert_eq!(deframer.push(&bytes[..=wrong]), wrong + 1);
        assert_eq!(deframer.next().err(), Some(FrameError::BadInit));
    }
}

#[test]
fn sizes_outside_12_to_8192_end_the_stream_for_good() {
    for size in [0_u16, 11, 8193, 65535] {
        let mut deframer = Deframer::without_init();
        assert_eq!(deframer.push(&size.to_le_bytes()), 2);
        let refused = Some(FrameError::BadSize { found: usize::from(size) });
        assert_eq!(deframer.next().err(), refused);
        let _ = deframer.push(&[12, 0]);
        assert_eq!(deframer.next().err(), refused);
    }
}

#[test]
fn the_smallest_and_the_largest_frame_pass() {
    let mut numbers = Samples::new(5);
    for size in [12, FRAME_MAX] {
        let mut frame = plain(size, &mut numbers);
        codec::encode_in_place(&mut frame, 9);
        let mut deframer = Deframer::without_init();
        assert_eq!(deframer.push(&frame), size);
        assert!(deframer.next().expect("a good stream").is_some());
    }
}

#[test]
fn the_buffer_takes_a_whole_frame_and_no_more() {
    let mut deframer = Deframer::new();
    let flood = [&INIT_CODE[..], &8192_u16.to_le_bytes(), &vec![0; 20_000]].concat();
    let taken = deframer.push(&flood);
    assert_eq!(taken, BUFFER_MAX);
    assert_eq!(deframer.push(&flood[taken..]), 0, "full until the frame is taken");
    assert!(deframer.next().expect("a good stream").is_some());
    assert_eq!(deframer.buffered(), 0);
    assert_eq!(deframer.push(&flood[taken..taken + 100]), 100);
}

#[test]
fn a_plain_frame_has_the_size_it_says() {
    let good = [12, 0, 0, 0, 0xA0, 3, 1, 0, 0, 0, 0, 0];
    assert!(Frame::from_plain(&good).is_ok());
    assert!(Frame::from_plain(&good[..11]).is_err());
    assert!(Frame::from_plain(&[]).is_err());
    assert!(Frame::from_plain(&[good.as_slice(), &[0]].concat()).is_err());
}
