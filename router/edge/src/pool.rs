//! Buffers that connections borrow while they have something to send.

use parking_lot::Mutex;

/// Buffers kept at most.
const KEPT_MAX: usize = 1_024;
/// A buffer that grew larger is not kept.
const KEPT_BYTES: usize = 65_536;

/// A pool of byte buffers. Idle connections hold none.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    free: Mutex<Vec<Vec<u8>>>,
}

impl Pool {
    /// An empty buffer.
    pub(crate) fn take(&self) -> Vec<u8> {
        self.free.lock().pop().unwrap_or_default()
    }

    /// Takes a buffer back.
    pub(crate) fn give(&self, mut buffer: Vec<u8>) {
        if buffer.capacity() == 0 || buffer.capacity() > KEPT_BYTES {
            return;
        }
        buffer.clear();
        let mut free = self.free.lock();
        if free.len() < KEPT_MAX {
            free.push(buffer);
        }
    }
}
