//! Frames: `u32` little-endian length of what follows, one byte of kind, and the body.
//!
//! A large frame may be packed: see [`crate::packing`]. Decoding is pure and bounded: a length over [`MAX_FRAME`] is an error before anything is reserved for it.

use crate::packing::{PACKED, decompress};
use bytes::{Buf, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use thiserror::Error;

/// The longest frame, kind included, in bytes.
pub const MAX_FRAME: usize = 4 << 20;
/// What is read from a socket at once at most.
pub(crate) const READ_CHUNK: usize = 64 << 10;
pub(crate) const LENGTH: usize = 4;
const ID: usize = 8;
/// What a decoder may claim for one message: encoded numbers are up to eight times smaller than decoded ones.
const CLAIM: usize = 16 * MAX_FRAME;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Nothing but a sign of life.
    Heartbeat = 0,
    /// A call: id and request.
    Request = 1,
    /// Its answer: id and reply.
    Reply = 2,
    /// No answer: id and [`Refusal`].
    Refused = 3,
    /// A message of a stream.
    Message = 4,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Heartbeat, Self::Request, Self::Reply, Self::Refused, Self::Message]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Why a call was not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Refusal {
    /// The reply does not fit a frame.
    TooLarge = 1,
    /// The request could not be decoded.
    Protocol = 2,
    /// The callee broke.
    Failed = 3,
}

impl Refusal {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        [Self::TooLarge, Self::Protocol, Self::Failed].into_iter().find(|refusal| *refusal as u8 == byte)
    }
}

/// One frame as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// Bytes that it was on the network.
    pub(crate) size: usize,
    pub(crate) body: Bytes,
}

impl Frame {
    /// Takes the call's id off the body.
    pub(crate) fn into_call(mut self) -> Option<(u64, Bytes)> {
        (self.body.len() >= ID).then(|| (self.body.get_u64_le(), self.body))
    }
}

/// Bytes that are no frame; the connection is of no use any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum FrameError {
    #[error("a frame of {0} bytes")]
    Length(u32),
    #[error("a frame of kind {0}")]
    Kind(u8),
    #[error("a packed frame that cannot be unpacked")]
    Packing,
}

/// Cuts a byte stream into frames. Never holds more than one frame and one read.
#[derive(Default)]
pub(crate) struct Decoder {
    pub(crate) buffer: BytesMut,
    /// Packed frames were agreed on.
    pub(crate) packed_allowed: bool,
}

impl Decoder {
    /// The next whole frame, if it is there.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(prefix) = self.buffer.first_chunk::<LENGTH>() else { return Ok(None) };
        let length = u32::from_le_bytes(*prefix);
        let size = length as usize;
        if size == 0 || size > MAX_FRAME {
            return Err(FrameError::Length(length));
        }
        let Some(&kind) = self.buffer.get(LENGTH) else { return Ok(None) };
        let is_packed = self.packed_allowed && kind & PACKED != 0;
        let plain_kind = if is_packed { kind & !PACKED } else { kind };
        let kind = Kind::from_byte(plain_kind).ok_or(FrameError::Kind(kind))?;
        if self.buffer.len() < LENGTH + size {
            return Ok(None);
        }
        self.buffer.advance(LENGTH + 1);
        let body = self.buffer.split_to(size - 1).freeze();
        let body = if is_packed { decompress(&body).ok_or(FrameError::Packing)? } else { body };
        Ok(Some(Frame { kind, size: LENGTH + size, body }))
    }

    /// Room for the next read.
    pub(crate) fn space(&mut self) -> &mut BytesMut {
        self.buffer.reserve(READ_CHUNK);
        &mut self.buffer
    }
}

/// A message that cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsendable {
    TooLarge,
    Unserialisable,
}

/// A frame ready to be written.
pub(crate) fn encode<M: Serialize>(kind: Kind, id: Option<u64>, message: &M) -> Result<Bytes, Unsendable> {
    let mut frame = start(kind, id);
    let mut writer = Bounded { bytes: &mut frame, overflown: false };
    let outcome = bincode::serde::encode_into_std_write(message, &mut writer, bincode::config::standard());
    match (writer.overflown, outcome) {
        (true, _) => Err(Unsendable::TooLarge),
        (false, Err(_)) => Err(Unsendable::Unserialisable),
        (false, Ok(_)) => Ok(finish(frame)),
    }
}

/// A frame that tells why there is no answer.
pub(crate) fn encode_refusal(id: u64, refusal: Refusal) -> Bytes {
    let mut frame = start(Kind::Refused, Some(id));
    frame.push(refusal as u8);
    finish(frame)
}

/// A sign of life.
pub(crate) fn heartbeat() -> Bytes {
    finish(start(Kind::Heartbeat, None))
}

/// Decodes a body that must hold exactly one message.
pub(crate) fn decode<M: DeserializeOwned>(body: &[u8]) -> Option<M> {
    let config = bincode::config::standard().with_limit::<CLAIM>();
    match bincode::serde::decode_from_slice(body, config) {
        Ok((message, used)) if used == body.len() => Some(message),
        _ => None,
    }
}

fn start(kind: Kind, id: Option<u64>) -> Vec<u8> {
    let mut frame = Vec::with_capacity(128);
    frame.extend_from_slice(&[0; LENGTH]);
    frame.push(kind as u8);
    if let Some(id) = id {
        frame.extend_from_slice(&id.to_le_bytes());
    }
    frame
}

fn finish(mut frame: Vec<u8>) -> Bytes {
    let size = u32::try_from(frame.len() - LENGTH).unwrap_or(u32::MAX);
    frame[..LENGTH].copy_from_slice(&size.to_le_bytes());
    Bytes::from(frame)
}

/// Stops an encoder at the frame limit instead of after it.
struct Bounded<'a> {
    bytes: &'a mut Vec<u8>,
    overflown: bool,
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > LENGTH + MAX_FRAME {
            self.overflown = true;
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_survives_the_way_in_single_bytes() {
        let frame = encode(Kind::Request, Some(7), &("ana".to_owned(), 5u32)).unwrap();
        let mut decoder = Decoder::default();
        for byte in &frame[..frame.len() - 1] {
            decoder.buffer.extend_from_slice(&[*byte]);
            assert_eq!(decoder.next(), Ok(None));
        }
        decoder.buffer.extend_from_slice(&frame[frame.len() - 1..]);
        let (id, body) = decoder.next().unwrap().unwrap().into_call().unwrap();
        assert_eq!((id, decode::<(String, u32)>(&body).unwrap()), (7, ("ana".to_owned(), 5)));
    }

    #[test]
    fn the_limit_is_exact() {
        let fits = vec![0u8; MAX_FRAME - 1 - 5];
        let encoded = encode(Kind::Message, None, &serde_bytes(&fits)).unwrap();
        assert_eq!(encoded.len(), LENGTH + MAX_FRAME);
        let mut decoder = Decoder { buffer: BytesMut::from(&encoded[..]), packed_allowed: false };
        assert!(decoder.next().unwrap().is_some());
        let over = vec![0u8; MAX_FRAME - 5];
        assert_eq!(encode(Kind::Message, None, &serde_bytes(&over)), Err(Unsendable::TooLarge));
    }

    fn serde_bytes(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn a_length_that_lies_is_refused_before_memory_is_taken() {
        let mut decoder =
            Decoder { buffer: BytesMut::from(&[0xff, 0xff, 0xff, 0xff, 4][..]), packed_allowed: true };
        assert_eq!(decoder.next(), Err(FrameError::Length(u32::MAX)));
        let huge_string = [0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert_eq!(decode::<String>(&huge_string), None);
        assert_eq!(decode::<Vec<u64>>(&huge_string), None);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic_and_never_grow_the_buffer(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..40)) {
            let mut decoder = Decoder { packed_allowed: true, ..Decoder::default() };
            'feed: for chunk in chunks {
                decoder.buffer.extend_from_slice(&chunk);
                loop {
                    match decoder.next() {
                        Ok(Some(frame)) => {
                            let _ = decode::<(String, Vec<Option<u64>>)>(&frame.body);
                            let _ = frame.into_call();
                        }
                        Ok(None) => break,
                        Err(_) => break 'feed,
                    }
                }
                prop_assert!(decoder.buffer.len() <= LENGTH + MAX_FRAME);
            }
        }

        #[test]
        fn random_bodies_with_honest_lengths_never_panic(body in prop::collection::vec(any::<u8>(), 0..2000), kind in 0u8..5) {
            let mut bytes = u32::try_from(body.len() + 1).unwrap().to_le_bytes().to_vec();
            bytes.push(kind);
            bytes.extend_from_slice(&body);
            let mut decoder = Decoder { buffer: BytesMut::from(&bytes[..]), packed_allowed: false };
            let frame = decoder.next().unwrap().unwrap();
            prop_assert_eq!(&frame.body[..], &body[..]);
            let _ = decode::<model::calls::log::ToLog>(&frame.body);
        }
    }
}
