//! Compression of large frames, when both ends can read it.
//!
//! A packed frame has [`PACKED`] in its byte of kind; its body is the length of the whole body as `u32`,
//! little-endian, and one LZ4 block.

use crate::Policy;
use crate::frame::{LENGTH, MAX_FRAME};
use bytes::Bytes;

/// Set in the byte of kind of a packed frame.
pub(crate) const PACKED: u8 = 0x80;
const WHOLE: usize = 4;
/// LZ4 cannot say more than this of one byte; who claims more lies.
const RATIO_MAX: usize = 256;

/// How one connection packs what it writes.
#[derive(Clone, Debug)]
pub(crate) struct Packing {
    pub(crate) policy: Policy,
    /// Both ends can read packed frames.
    pub(crate) agreed: bool,
}

impl Packing {
    /// A frame as it goes onto the network: packed when it is large and that makes it smaller.
    pub(crate) fn pack(&self, frame: Bytes) -> Bytes {
        let from = self.policy.compress_from();
        let packed = (self.agreed && from > 0 && frame.len() >= from).then(|| compress(&frame)).flatten();
        let plain = frame.len();
        let on_the_wire = packed.unwrap_or(frame);
        self.policy.traffic().count_sent(plain, on_the_wire.len());
        on_the_wire
    }
}

fn compress(frame: &[u8]) -> Option<Bytes> {
    let (&kind, body) = frame.get(LENGTH..)?.split_first()?;
    let head = LENGTH + 1 + WHOLE;
    let mut packed = vec![0; head + lz4_flex::block::get_maximum_output_size(body.len())];
    let used = lz4_flex::block::compress_into(body, &mut packed[head..]).ok()?;
    packed.truncate(head + used);
    if packed.len() >= frame.len() {
        return None;
    }
    packed[..LENGTH].copy_from_slice(&u32::try_from(1 + WHOLE + used).ok()?.to_le_bytes());
    packed[LENGTH] = kind | PACKED;
    packed[LENGTH + 1..head].copy_from_slice(&u32::try_from(body.len()).ok()?.to_le_bytes());
    Some(Bytes::from(packed))
}

/// The whole body of a packed frame; `None` when it is not one, or claims what cannot be.
pub(crate) fn decompress(packed: &[u8]) -> Option<Bytes> {
    let (whole, block) = packed.split_first_chunk::<WHOLE>()?;
    let whole = u32::from_le_bytes(*whole) as usize;
    if whole >= MAX_FRAME || whole / RATIO_MAX > block.len() {
        return None;
    }
    let mut body = vec![0; whole];
    let used = lz4_flex::block::decompress_into(block, &mut body).ok()?;
    (used == whole).then(|| Bytes::from(body))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::frame::{Decoder, Kind, encode};
    use bytes::BytesMut;
    use proptest::prelude::*;

    fn packing(agreed: bool) -> Packing {
        Packing { policy: Policy::default(), agreed }
    }

    #[test]
    fn a_large_frame_arrives_whole_and_smaller_and_is_counted() {
        let packing = packing(true);
        let frame = encode(Kind::Message, None, &"abc".repeat(10_000)).unwrap();
        let packed = packing.pack(frame.clone());
        assert!(packed.len() < frame.len() / 10, "{}", packed.len());
        let sent = packing.policy.traffic().sent();
        assert_eq!((sent.whole, sent.packed), (frame.len() as u64, packed.len() as u64));
        let mut decoder = Decoder { buffer: BytesMut::from(&packed[..]), packed_allowed: true };
        let arrived = decoder.next().unwrap().unwrap();
        assert_eq!((arrived.kind, &arrived.body[..]), (Kind::Message, &frame[5..]));
    }

    #[test]
    fn small_frames_noise_and_peers_that_cannot_read_it_stay_as_they_are() {
        let small = encode(Kind::Message, None, &"a".repeat(1_000)).unwrap();
        assert_eq!(packing(true).pack(small.clone()), small);
        let noise: Vec<u64> = (0..2_000).map(|_| rand::random()).collect();
        let noise = encode(Kind::Message, None, &noise).unwrap();
        assert!(packing(true).pack(noise.clone()).len() <= noise.len());
        let large = encode(Kind::Message, None, &"a".repeat(10_000)).unwrap();
        assert_eq!(packing(false).pack(large.clone()), large);
        let never = packing(true);
        never.policy.set_compress_from(0);
        assert_eq!(never.pack(large.clone()), large);
    }

    #[test]
    fn a_packed_frame_that_was_not_agreed_on_is_refused() {
        let frame = packing(true).pack(encode(Kind::Message, None, &"a".repeat(10_000)).unwrap());
        let mut decoder = Decoder { buffer: BytesMut::from(&frame[..]), packed_allowed: false };
        assert!(decoder.next().is_err());
    }

    #[test]
    fn a_claim_over_the_limit_is_refused_before_memory_is_taken() {
        for claim in [u32::MAX, MAX_FRAME as u32, (MAX_FRAME - 1) as u32] {
            let mut lie = claim.to_le_bytes().to_vec();
            lie.extend_from_slice(&[0x1f, 0, 1, 0, 255, 255]);
            assert_eq!(decompress(&lie), None, "{claim}");
        }
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(words in prop::collection::vec(0u8..4, 4_096..20_000)) {
            let frame = encode(Kind::Message, None, &words).unwrap();
            let packed = compress(&frame).unwrap();
            prop_assert_eq!(decompress(&packed[5..]).unwrap(), frame.slice(5..));
        }

        #[test]
        fn random_blocks_never_panic_and_never_grow_over_the_limit(block in prop::collection::vec(any::<u8>(), 0..2_000)) {
            if let Some(body) = decompress(&block) {
                prop_assert!(body.len() < MAX_FRAME);
            }
        }
    }
}
