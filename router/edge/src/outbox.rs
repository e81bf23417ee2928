//! What waits to be written to one client.

use crate::translate::Sent;
use crate::transport::Transport;
use std::io;
use wire::Profile;

/// Encoded packets, oldest first. The buffer is borrowed from the pool while there is something in it.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    buffer: Vec<u8>,
    written: usize,
    packets: u64,
}

impl Outbox {
    /// Encodes a packet for a client. What its version has no packet for is left out.
    pub(crate) fn push(&mut self, profile: Profile, tick: u32, (id, packet): &Sent) {
        let start = self.buffer.len();
        if packet.encode(profile, *id, tick, &mut self.buffer).is_ok() {
            wire::codec::encode_in_place(&mut self.buffer[start..], rand::random());
            self.packets += 1;
        }
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len() - self.written
    }

    /// True when the buffer of the pool is needed.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting() == 0
    }

    /// Encoded bytes that wait.
    pub(crate) fn rest(&self) -> &[u8] {
        &self.buffer[self.written..]
    }

    /// Goes on with what waited elsewhere.
    pub(crate) fn going_on(rest: Vec<u8>) -> Self {
        Self { buffer: rest, ..Self::default() }
    }

    /// Gives a buffer to write into.
    pub(crate) fn lend(&mut self, buffer: Vec<u8>) {
        if self.buffer.capacity() == 0 {
            self.buffer = buffer;
        }
    }

    /// Takes the empty buffer away.
    pub(crate) fn reclaim(&mut self) -> Vec<u8> {
        self.written = 0;
        std::mem::take(&mut self.buffer)
    }

    /// True when there is a buffer that is not needed.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_empty() && self.buffer.capacity() > 0
    }

    /// Writes as much as the socket takes now: packets and bytes since the last time.
    pub(crate) fn write<T: Transport>(&mut self, socket: &mut T) -> io::Result<(u64, u64)> {
        let mut bytes = 0;
        while !self.is_empty() {
            match socket.try_write(&self.buffer[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.written += count;
                    bytes += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        if self.is_empty() {
            self.buffer.clear();
            self.written = 0;
        } else if self.written > self.buffer.len() / 2 {
            self.buffer.drain(..self.written);
            self.written = 0;
        }
        Ok((std::mem::take(&mut self.packets), bytes))
    }
}
