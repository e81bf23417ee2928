//! Cutting a stream of bytes into frames.
//!
//! ```text
//!   11 F3 11 1F   size key sum  opcode id tick  body ...   size key sum ...
//!   init code,    |<------- frame, 12..=8192 bytes ---->|
//!   once
//! ```

use crate::codec;
use thiserror::Error;

/// What a client sends first, once, before its first frame.
pub const INIT_CODE: [u8; 4] = [0x11, 0xF3, 0x11, 0x1F];
/// Bytes of a header, and so of the smallest frame.
pub const HEADER_SIZE: usize = 12;
/// Bytes of the largest frame.
pub const FRAME_MAX: usize = 8192;
/// Most bytes that a [`Deframer`] ever holds.
pub const BUFFER_MAX: usize = FRAME_MAX + INIT_CODE.len();

/// The part of a header that a packet does not already say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Which packet.
    pub opcode: u16,
    /// Whom it is about: an entity's short id, 0, or a scene number.
    pub id: u16,
    /// The sender's clock in milliseconds.
    pub tick: u32,
}

/// A stream that cannot be cut any further. The connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The stream does not begin with the init code.
    #[error("the stream does not begin with the init code")]
    BadInit,
    /// A frame is smaller than a header or larger than any packet.
    #[error("a frame of {found} bytes (12 to 8192 are possible)")]
    BadSize {
        /// What its size field says.
        found: usize,
    },
}

/// One plain frame, header included.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    header: Header,
    checksum_ok: bool,
}

impl<'a> Frame<'a> {
    /// Takes plain bytes as a frame; they have to be exactly as long as their size field says.
    pub fn from_plain(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let size = if bytes.len() < 2 { 0 } else { size_of(bytes) };
        if bytes.len() != size || !(HEADER_SIZE..=FRAME_MAX).contains(&size) {
            return Err(FrameError::BadSize { found: bytes.len() });
        }
        Ok(Self::cut(bytes, true))
    }

    fn cut(bytes: &'a [u8], checksum_ok: bool) -> Self {
        let header = Header {
            opcode: u16::from_le_bytes([bytes[4], bytes[5]]),
            id: u16::from_le_bytes([bytes[6], bytes[7]]),
            tick: u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
        };
        Self { bytes, header, checksum_ok }
    }

    /// Opcode, id and tick.
    pub fn header(&self) -> Header {
        self.header
    }

    /// All bytes, header included.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether the checksum fitted. The bytes are decoded in either case; a peer that repeats this is closed.
    pub fn checksum_ok(&self) -> bool {
        self.checksum_ok
    }
}

/// Collects what arrives and hands out whole frames, decoded.
///
/// ```text
/// push(bytes) -> how many were taken; then next() until None; then push the rest
/// ```
#[derive(Debug, Default)]
pub struct Deframer {
    buffer: Vec<u8>,
    /// Bytes before this were handed out already.
    start: usize,
    past_init: bool,
    failed: Option<FrameError>,
}

impl Deframer {
    /// For a server: the stream begins with the init code.
    pub fn new() -> Self {
        Self::default()
    }

    /// For a client: servers send no init code.
    pub fn without_init() -> Self {
        Self { past_init: true, ..Self::default() }
    }

    /// Takes bytes from the stream, as many as there is room for, and says how many.
    ///
    /// There is room for everything up to a whole frame, so after taking all frames with [`next`](Self::next)
    /// the rest can be pushed.
    #[must_use = "bytes that were not taken must be pushed again"]
    pub fn push(&mut self, bytes: &[u8]) -> usize {
        self.buffer.drain(..self.start);
        self.start = 0;
        let taken = bytes.len().min(BUFFER_MAX - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        taken
    }

    /// The next whole frame, `None` until more bytes arrive. After an error it is the same error for ever.
    #[expect(clippy::should_implement_trait, reason = "the frame borrows the buffer, so this is no iterator")]
    pub fn next(&mut self) -> Result<Option<Frame<'_>>, FrameError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.cut() {
            Ok(None) => Ok(None),
            Err(error) => {
                self.failed = Some(error);
                Err(error)
            }
            Ok(Some(size)) => {
                let frame = &mut self.buffer[self.start..self.start + size];
                self.start += size;
                let checksum_ok = codec::decode_in_place(frame).is_ok();
                Ok(Some(Frame::cut(frame, checksum_ok)))
            }
        }
    }

    /// Bytes that wait for the rest of their frame.
    pub fn buffered(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Goes on with a stream of which another one has read a part; see [`rest`](Self::rest).
    pub fn going_on(rest: &[u8], past_init: bool) -> Self {
        Self { buffer: rest[..rest.len().min(BUFFER_MAX)].to_vec(), past_init, ..Self::default() }
    }

    /// Bytes that wait for the rest of their frame.
    pub fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Whether the init code was seen.
    pub fn is_past_init(&self) -> bool {
        self.past_init
    }

    /// Size of the whole frame at the front, if there is one.
    fn cut(&mut self) -> Result<Option<usize>, FrameError> {
        if !self.past_init {
            let seen = &self.buffer[self.start..];
            let compare = seen.len().min(INIT_CODE.len());
            if seen[..compare] != INIT_CODE[..compare] {
                return Err(FrameError::BadInit);
            }
            if compare < INIT_CODE.len() {
                return Ok(None);
            }
            self.start += INIT_CODE.len();
            self.past_init = true;
        }
        let waiting = &self.buffer[self.start..];
        if waiting.len() < 2 {
            return Ok(None);
        }
        let size = size_of(waiting);
        if !(HEADER_SIZE..=FRAME_MAX).contains(&size) {
            return Err(FrameError::BadSize { found: size });
        }
        Ok((waiting.len() >= size).then_some(size))
    }
}

fn size_of(bytes: &[u8]) -> usize {
    usize::from(u16::from_le_bytes([bytes[0], bytes[1]]))
}
