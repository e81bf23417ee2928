//! Where frames begin in a stream of the client protocol.

use serde::{Deserialize, Serialize};
use wire::frame::{FRAME_MAX, HEADER_SIZE, INIT_CODE};

/// Bytes of the size field of a frame.
const SIZE: usize = 2;

/// What is known at one position of a stream. Says nothing of what the frames hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Walker {
    /// So many bytes before the next frame.
    Inside { left: usize },
    /// One byte after the beginning of a frame.
    Size { low: u8 },
    /// Behind a size that cannot be: frames are not found any more.
    Lost,
}

impl Walker {
    /// At the beginning of what a client sends.
    pub(crate) fn of_client() -> Self {
        Self::Inside { left: INIT_CODE.len() }
    }

    /// At the beginning of what a server sends.
    pub(crate) fn of_server() -> Self {
        Self::Inside { left: 0 }
    }

    /// Whether a frame begins here.
    pub(crate) fn is_at_frame(self) -> bool {
        self == (Self::Inside { left: 0 })
    }

    /// The size of the frame that begins here, when one does and all of it is there.
    pub(crate) fn whole_frame(self, bytes: &[u8]) -> Option<usize> {
        let size = usize::from(u16::from_le_bytes(*bytes.first_chunk::<SIZE>()?));
        let is_whole = (HEADER_SIZE..=FRAME_MAX).contains(&size) && bytes.len() >= size;
        (self.is_at_frame() && is_whole).then_some(size)
    }

    /// Bytes until the next frame may begin, of those that are there.
    pub(crate) fn until_frame(self, bytes: &[u8]) -> usize {
        let mut ahead = self;
        let mut at = 0;
        while at < bytes.len() {
            at += ahead.step(&bytes[at..]);
            if ahead.is_at_frame() {
                break;
            }
        }
        at
    }

    /// Goes on by these bytes.
    pub(crate) fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let step = self.step(bytes);
            bytes = &bytes[step..];
        }
    }

    /// One step; `bytes` is not empty.
    fn step(&mut self, bytes: &[u8]) -> usize {
        match *self {
            Self::Lost => bytes.len(),
            Self::Inside { left: 0 } => {
                *self = Self::Size { low: bytes[0] };
                1
            }
            Self::Inside { left } => {
                let step = left.min(bytes.len());
                *self = Self::Inside { left: left - step };
                step
            }
            Self::Size { low } => {
                let size = usize::from(u16::from_le_bytes([low, bytes[0]]));
                *self = match (HEADER_SIZE..=FRAME_MAX).contains(&size) {
                    true => Self::Inside { left: size - SIZE },
                    false => Self::Lost,
                };
                1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_the_stream_is_cut_until_a_size_cannot_be() {
        let mut stream = vec![1, 2, 3, 4];
        for size in [12_u16, 8_192, 40] {
            let start = stream.len();
            stream.resize(start + usize::from(size), 9);
            stream[start..start + 2].copy_from_slice(&size.to_le_bytes());
        }
        for piece in [1, 2, 3, 7, 1_000] {
            let (mut walker, mut starts) = (Walker::of_client(), Vec::new());
            let mut at = 0;
            while at < stream.len() {
                let rest = &stream[at..stream.len().min(at + piece)];
                let step = walker.until_frame(rest);
                walker.advance(&rest[..step]);
                at += step;
                if walker.is_at_frame() {
                    starts.push(at);
                }
            }
            assert_eq!(starts, [4, 16, 8_208, 8_248], "in pieces of {piece}");
        }
        let mut walker = Walker::of_server();
        assert_eq!(walker.whole_frame(&[11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        walker.advance(&[11, 0]);
        assert_eq!(walker, Walker::Lost);
        walker.advance(&stream);
        assert_eq!(walker, Walker::Lost);
    }
}
