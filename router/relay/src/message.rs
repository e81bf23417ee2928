//! What passes both ways on a QUIC stream once it carries a player.
//!
//! | kind | then | means |
//! |---|---|---|
//! | 1 raw | length, bytes | bytes of the player's stream as they are |
//! | 2 plain | length, frames, keys, plain | whole frames without their obfuscation |
//! | 3 packed | length, frames, keys, length of the block, block | the same, as one LZ4 block |
//! | 4 ack | position | so many bytes of the other direction have come |
//!
//! Lengths, counts and positions are LEB128; `keys` is one byte a frame. What plain bytes and a block hold is the
//! business of `packing`.

use thiserror::Error;
use wire::frame::HEADER_SIZE;

/// Bytes of the player's stream in one message at most; no packet of the client protocol is larger.
pub(crate) const BLOCK_MAX: usize = 16 << 10;

const RAW: u8 = 1;
const PLAIN: u8 = 2;
const PACKED: u8 = 3;
const ACK: u8 = 4;

/// One message, in the bytes that it came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message<'a> {
    Raw(&'a [u8]),
    Plain { keys: &'a [u8], plain: &'a [u8] },
    Packed { keys: &'a [u8], length: usize, block: &'a [u8] },
    Ack(u64),
}

/// A peer that does not keep to the protocol. The stream is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// A message of a kind that nobody knows.
    #[error("a message of kind {0}, expected 1 to 4")]
    Kind(u8),
    /// A number that never ends.
    #[error("a number of more than 64 bits")]
    Number,
    /// More than may be in one message.
    #[error("a message of {0} bytes, expected at most {BLOCK_MAX}")]
    TooLong(u64),
    /// More frames than can be in so many bytes.
    #[error("{frames} frames in {length} bytes")]
    Frames {
        /// What it says.
        frames: u64,
        /// How long the plain bytes are.
        length: usize,
    },
    /// Plain bytes that are no frames.
    #[error("plain bytes that are not the frames that they should be")]
    NoFrames,
    /// A block that gives something else than it says.
    #[error("a block that cannot be unpacked to {0} bytes")]
    Block(usize),
    /// A position where this stream never was.
    #[error("position {found}, expected {least} to {most}")]
    Position {
        /// What the peer says.
        found: u64,
        /// What it has said before.
        least: u64,
        /// What it was sent.
        most: u64,
    },
}

impl Message<'_> {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Raw(bytes) => {
                out.push(RAW);
                number(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
            Self::Plain { keys, plain } => {
                out.push(PLAIN);
                number(plain.len() as u64, out);
                number(keys.len() as u64, out);
                out.extend_from_slice(keys);
                out.extend_from_slice(plain);
            }
            Self::Packed { keys, length, block } => {
                out.push(PACKED);
                number(*length as u64, out);
                number(keys.len() as u64, out);
                out.extend_from_slice(keys);
                number(block.len() as u64, out);
                out.extend_from_slice(block);
            }
            Self::Ack(position) => {
                out.push(ACK);
                number(*position, out);
            }
        }
    }

    /// The message in front, when all of it is there, and how many bytes it takes.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Message<'_>, usize)>, Broken> {
        let mut input = Input { bytes, at: 0 };
        let message = input.message()?;
        Ok(message.map(|message| (message, input.at)))
    }
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// Leaves the function when not all is there yet.
macro_rules! whole {
    ($part:expr) => {
        match $part {
            Some(part) => part,
            None => return Ok(None),
        }
    };
}

impl<'a> Input<'a> {
    fn message(&mut self) -> Result<Option<Message<'a>>, Broken> {
        let kind = whole!(self.part(1))[0];
        match kind {
            RAW => {
                let length = whole!(self.length()?);
                Ok(Some(Message::Raw(whole!(self.part(length)))))
            }
            PLAIN => {
                let (length, keys) = whole!(self.frames()?);
                Ok(Some(Message::Plain { keys, plain: whole!(self.part(length)) }))
            }
            PACKED => {
                let (length, keys) = whole!(self.frames()?);
                let packed = whole!(self.length()?);
                Ok(Some(Message::Packed { keys, length, block: whole!(self.part(packed)) }))
            }
            ACK => Ok(Some(Message::Ack(whole!(self.number()?)))),
            kind => Err(Broken::Kind(kind)),
        }
    }

    fn part(&mut self, length: usize) -> Option<&'a [u8]> {
        let part = self.bytes.get(self.at..self.at + length)?;
        self.at += length;
        Some(part)
    }

    /// Length of the plain bytes, and the keys of their frames.
    fn frames(&mut self) -> Result<Option<(usize, &'a [u8])>, Broken> {
        let length = whole!(self.length()?);
        let frames = whole!(self.number()?);
        // key and checksum of a frame are not among its plain bytes
        if frames > (length / (HEADER_SIZE - 2)) as u64 {
            return Err(Broken::Frames { frames, length });
        }
        Ok(self.part(frames as usize).map(|keys| (length, keys)))
    }

    fn length(&mut self) -> Result<Option<usize>, Broken> {
        match self.number()? {
            Some(length) if length > BLOCK_MAX as u64 => Err(Broken::TooLong(length)),
            length => Ok(length.map(|length| length as usize)),
        }
    }

    fn number(&mut self) -> Result<Option<u64>, Broken> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = whole!(self.part(1))[0];
            let bits = u64::from(byte & 0x7F);
            if bits << shift >> shift != bits {
                return Err(Broken::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(Some(value));
            }
        }
        Err(Broken::Number)
    }
}

fn number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_message_comes_back_and_never_before_all_of_it_is_there() {
        let (keys, plain) = ([1, 2, 3], [7; 300]);
        let messages = [
            Message::Raw(&plain),
            Message::Raw(&[]),
            Message::Plain { keys: &keys, plain: &plain },
            Message::Packed { keys: &keys, length: 5_000, block: &plain },
            Message::Ack(0),
            Message::Ack(u64::MAX),
        ];
        for message in messages {
            let mut bytes = Vec::new();
            message.write(&mut bytes);
            for length in 0..bytes.len() {
                assert_eq!(Message::read(&bytes[..length]), Ok(None), "{message:?} of {length}");
            }
            let length = bytes.len();
            bytes.extend_from_slice(&[9, 9]);
            assert_eq!(Message::read(&bytes).unwrap().unwrap(), (message, length));
        }
    }

    #[test]
    fn what_cannot_be_is_refused_before_anything_is_waited_for() {
        let refused = |bytes: &[u8]| Message::read(bytes).unwrap_err();
        assert_eq!(refused(&[0]), Broken::Kind(0));
        assert_eq!(refused(&[RAW, 0x81, 0x80, 0x01]), Broken::TooLong(16_385));
        assert_eq!(refused(&[PACKED, 0xFF, 0xFF, 0x7F]), Broken::TooLong(2_097_151));
        assert_eq!(refused(&[PLAIN, 25, 3]), Broken::Frames { frames: 3, length: 25 });
        assert_eq!(refused(&[[ACK].as_slice(), &[0xFF; 10]].concat()), Broken::Number);
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some((_, length))) = Message::read(&bytes) {
                prop_assert!(length <= bytes.len());
            }
        }
    }
}
