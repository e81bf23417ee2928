//! Frames without their obfuscation, and those packed against what went before.
//!
//! Each frame is obfuscated under a key of its own, which makes noise of it. Both ends know how: the sender takes it off,
//! the receiver puts it on again, and the frame is the same to the last byte. In the plain bytes of a frame its key and
//! its checksum are left out: the key travels beside them, the checksum follows from both.
//!
//! | of the player's stream | becomes |
//! |---|---|
//! | whole frames in a row | one message: plain, or packed when that is smaller |
//! | frames with a wrong checksum, parts of frames, what is no frame | raw |
//! | frames with a secret ([`wire::secret::is_private`]) | raw, and never part of the window |

use crate::message::{BLOCK_MAX, Broken, Message};
use crate::walker::Walker;
use wire::codec;
use wire::frame::{FRAME_MAX, HEADER_SIZE};

/// Plain bytes of before that a block may refer to. The matcher of LZ4 remembers 4,096 places: more is hardly found again, and
/// costs time with every block.
const WINDOW: usize = 8 << 10;
/// Key and checksum, which plain bytes go without.
const LEFT_OUT: usize = 2;
/// The matcher finds nothing in less.
const WINDOW_LEAST: usize = 16;

/// The last plain bytes of one direction; the same at both ends.
#[derive(Debug, Default)]
struct Window(Vec<u8>);

impl Window {
    fn bytes(&self) -> &[u8] {
        let bytes = &self.0[self.0.len().saturating_sub(WINDOW)..];
        if bytes.len() < WINDOW_LEAST { &[] } else { bytes }
    }

    fn add(&mut self, plain: &[u8]) {
        self.0.extend_from_slice(plain);
        if self.0.len() > 2 * WINDOW {
            self.0.drain(..self.0.len() - WINDOW);
        }
    }
}

/// The sending end of one direction on one QUIC stream.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    window: Window,
    keys: Vec<u8>,
    plain: Vec<u8>,
}

impl Packer {
    /// Writes messages for bytes of the player's stream, of which `walker` knows where frames begin, and gives how many
    /// it took: never none, and all but a part of a frame behind a limit.
    pub(crate) fn write(&mut self, bytes: &[u8], walker: &mut Walker, out: &mut Vec<u8>) -> usize {
        let (part, is_all) = match bytes.get(..BLOCK_MAX) {
            Some(part) => (part, part.len() == bytes.len()),
            None => (bytes, true),
        };
        let (mut at, mut raw_from) = (0, 0);
        while at < part.len() {
            let rest = &part[at..];
            let step = match walker.whole_frame(rest) {
                Some(size) if self.take_off(&rest[..size]) => {
                    if raw_from < at {
                        Message::Raw(&part[raw_from..at]).write(out);
                    }
                    raw_from = at + size;
                    walker.advance(&rest[..size]);
                    at += size;
                    continue;
                }
                Some(size) => size,
                None if at > 0 && !is_all && walker.is_at_frame() => break,
                None => walker.until_frame(rest),
            };
            self.flush(out);
            walker.advance(&rest[..step]);
            at += step;
        }
        self.flush(out);
        if raw_from < at {
            Message::Raw(&part[raw_from..at]).write(out);
        }
        at
    }

    /// Adds the plain bytes of a frame to the next message, unless they would not give the frame again or are nobody's
    /// business.
    fn take_off(&mut self, frame: &[u8]) -> bool {
        let mut plain = [0; FRAME_MAX];
        let plain = &mut plain[..frame.len()];
        plain.copy_from_slice(frame);
        // the checksum compares the bytes before and after: when it fits, putting the key on again gives this frame
        if codec::decode_in_place(plain).is_err() {
            return false;
        }
        let opcode = u16::from_le_bytes([plain[4], plain[5]]);
        if wire::secret::is_private(opcode) {
            return false;
        }
        self.keys.push(frame[2]);
        self.plain.extend_from_slice(&plain[..2]);
        self.plain.extend_from_slice(&plain[2 + LEFT_OUT..]);
        true
    }

    /// Writes the frames in a row that were taken.
    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.keys.is_empty() {
            return;
        }
        let (keys, plain) = (std::mem::take(&mut self.keys), std::mem::take(&mut self.plain));
        let mut block = vec![0; lz4_flex::block::get_maximum_output_size(plain.len())];
        let used = lz4_flex::block::compress_into_with_dict(&plain, &mut block, self.window.bytes());
        // a packed message says one more length
        match used.ok().filter(|used| used + 2 < plain.len()) {
            Some(used) => {
                Message::Packed { keys: &keys, length: plain.len(), block: &block[..used] }.write(out);
            }
            None => Message::Plain { keys: &keys, plain: &plain }.write(out),
        }
        self.window.add(&plain);
    }
}

/// The receiving end of one direction on one QUIC stream.
#[derive(Debug, Default)]
pub(crate) struct Unpacker {
    window: Window,
}

impl Unpacker {
    /// Appends whole frames as they were before they were packed.
    pub(crate) fn packed(
        &mut self,
        keys: &[u8],
        length: usize,
        block: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), Broken> {
        let mut plain = vec![0; length];
        let used = lz4_flex::block::decompress_into_with_dict(block, &mut plain, self.window.bytes());
        match used {
            Ok(used) if used == length => self.plain(keys, &plain, out),
            _ => Err(Broken::Block(length)),
        }
    }

    /// Appends whole frames as they were before their obfuscation was taken off.
    pub(crate) fn plain(&mut self, keys: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<(), Broken> {
        let mut rest = plain;
        for key in keys {
            let size = rest.first_chunk::<2>().map_or(0, |size| usize::from(u16::from_le_bytes(*size)));
            if !(HEADER_SIZE..=FRAME_MAX).contains(&size) || rest.len() < size - LEFT_OUT {
                return Err(Broken::NoFrames);
            }
            let (frame, after) = rest.split_at(size - LEFT_OUT);
            let start = out.len();
            out.extend_from_slice(&frame[..2]);
            out.extend_from_slice(&[0; LEFT_OUT]);
            out.extend_from_slice(&frame[2..]);
            codec::encode_in_place(&mut out[start..], *key);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(Broken::NoFrames);
        }
        self.window.add(plain);
        Ok(())
    }
}
