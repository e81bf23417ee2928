//! One end of a player's stream, whatever QUIC streams carry it one after the other. Pure: no IO, no time.
//!
//! ```text
//!  written by this end        0 ........ acked ........ given ........ end
//!                             forgotten |<--- kept ------------------->|
//!                                       |<- on its way ->|<- not yet ->|
//! ```
//! Both ends count the bytes of both directions. What the other has not acknowledged is kept; on another QUIC stream the
//! other says how much it has, and everything behind that is sent again. Windows of the packing begin anew with each QUIC
//! stream, so that nothing of them has to be kept.

use crate::message::{Broken, Message};
use crate::packing::{Packer, Unpacker};
use crate::queue::Queue;
use crate::walker::Walker;
use serde::{Deserialize, Serialize};

/// Bytes that are kept at most: full means that nothing more is taken.
pub(crate) const KEPT_MAX: usize = 256 << 10;
/// Bytes that have come and nobody has read, from which on nothing more is taken off the QUIC stream.
const UNREAD_MAX: usize = 16 << 10;
/// So many bytes are acknowledged at once.
const ACK_EVERY: u64 = 8 << 10;

/// Whose end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// Sends what the client says.
    Relay,
    /// Sends what the server says.
    Edge,
}

/// An end as it goes from one process to another: everything but the packing of its QUIC stream.
#[derive(Serialize, Deserialize)]
pub(crate) struct KeptFlow {
    side: Side,
    kept: Vec<u8>,
    acked: u64,
    given: u64,
    from_acked: Walker,
    ending: bool,
    unread: Vec<u8>,
    received: u64,
    ended: bool,
}

/// See the module.
pub(crate) struct Flow {
    side: Side,
    kept: Queue,
    acked: u64,
    given: u64,
    from_acked: Walker,
    from_given: Walker,
    packer: Packer,
    /// Nothing more is written.
    ending: bool,
    input: Queue,
    unread: Queue,
    received: u64,
    told: u64,
    unpacker: Unpacker,
    /// Messages wait in `input` until somebody reads.
    full: bool,
    /// The other end writes nothing more.
    ended: bool,
}

impl Flow {
    pub(crate) fn new(side: Side) -> Self {
        let walker = match side {
            Side::Relay => Walker::of_client(),
            Side::Edge => Walker::of_server(),
        };
        Self::going_on(KeptFlow {
            side,
            kept: Vec::new(),
            acked: 0,
            given: 0,
            from_acked: walker,
            ending: false,
            unread: Vec::new(),
            received: 0,
            ended: false,
        })
    }

    pub(crate) fn going_on(of: KeptFlow) -> Self {
        Self {
            side: of.side,
            kept: of.kept.into(),
            acked: of.acked,
            given: of.given,
            from_acked: of.from_acked,
            from_given: of.from_acked,
            packer: Packer::default(),
            ending: of.ending,
            input: Queue::default(),
            unread: of.unread.into(),
            received: of.received,
            told: of.received,
            unpacker: Unpacker::default(),
            full: false,
            ended: of.ended,
        }
    }

    /// What another process needs to go on on another QUIC stream.
    pub(crate) fn keep(&self) -> KeptFlow {
        KeptFlow {
            side: self.side,
            kept: self.kept.bytes().to_vec(),
            acked: self.acked,
            given: self.given,
            from_acked: self.from_acked,
            ending: self.ending,
            unread: self.unread.bytes().to_vec(),
            received: self.received,
            ended: self.has_ended(),
        }
    }

    pub(crate) fn side(&self) -> Side {
        self.side
    }

    /// How many bytes of the other end have come.
    pub(crate) fn received(&self) -> u64 {
        self.received
    }

    /// How many bytes were written here.
    pub(crate) fn written(&self) -> u64 {
        self.acked + self.kept.len() as u64
    }

    // What this end writes and reads.

    /// Takes as much as there is room for.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(KEPT_MAX.saturating_sub(self.kept.len()));
        self.kept.end().extend_from_slice(&bytes[..count]);
        count
    }

    pub(crate) fn has_room(&self) -> bool {
        self.kept.len() < KEPT_MAX
    }

    /// Nothing more is written.
    pub(crate) fn end(&mut self) {
        self.ending = true;
    }

    pub(crate) fn unread(&self) -> &[u8] {
        self.unread.bytes()
    }

    /// What was unread so far is read.
    pub(crate) fn read(&mut self, count: usize) {
        self.unread.take(count);
    }

    /// The other end wrote all that it ever will, and it has come.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended && !self.full
    }

    // What passes on the QUIC stream.

    /// Another QUIC stream carries it from now on; the other end has received so much.
    pub(crate) fn attach(&mut self, peer_received: u64) -> Result<(), Broken> {
        self.forget(peer_received)?;
        self.given = self.acked;
        self.from_given = self.from_acked;
        self.packer = Packer::default();
        self.unpacker = Unpacker::default();
        self.ended = self.has_ended();
        self.full = false;
        self.input.clear();
        self.told = self.received;
        Ok(())
    }

    /// How many bytes were given to the QUIC stream of now, and to those before what came.
    pub(crate) fn given(&self) -> u64 {
        self.given
    }

    /// True when everything was given to the QUIC stream, and nothing more will come.
    pub(crate) fn is_done(&self) -> bool {
        self.ending && self.given == self.written()
    }

    /// Appends what is to be sent next: an acknowledgement, and one block at most.
    pub(crate) fn output(&mut self, out: &mut Vec<u8>) {
        if self.received - self.told >= ACK_EVERY {
            Message::Ack(self.received).write(out);
            self.told = self.received;
        }
        let rest = &self.kept.bytes()[(self.given - self.acked) as usize..];
        self.given += self.packer.write(rest, &mut self.from_given, out) as u64;
    }

    /// Whether more may be taken off the QUIC stream.
    pub(crate) fn wants_input(&self) -> bool {
        !self.ended && !self.full && self.unread.len() < UNREAD_MAX
    }

    /// Takes bytes off the QUIC stream; none when there is room again for what came before.
    pub(crate) fn input(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let mut input = std::mem::take(&mut self.input);
        input.end().extend_from_slice(bytes);
        let taken = self.messages(&mut input);
        self.input = input;
        taken
    }

    fn messages(&mut self, input: &mut Queue) -> Result<(), Broken> {
        loop {
            self.full = self.unread.len() >= UNREAD_MAX && !input.is_empty();
            if self.full {
                return Ok(());
            }
            let Some((message, length)) = Message::read(input.bytes())? else { return Ok(()) };
            let before = self.unread.end().len();
            match message {
                Message::Raw(bytes) => self.unread.end().extend_from_slice(bytes),
                Message::Plain { keys, plain } => self.unpacker.plain(keys, plain, self.unread.end())?,
                Message::Packed { keys, length, block } => {
                    self.unpacker.packed(keys, length, block, self.unread.end())?;
                }
                Message::Ack(position) => self.forget(position)?,
            }
            self.received += (self.unread.end().len() - before) as u64;
            input.take(length);
        }
    }

    /// Whether messages wait for room.
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// The QUIC stream ended in order.
    pub(crate) fn end_of_input(&mut self) {
        self.ended = true;
    }

    /// The other end has everything before this position.
    fn forget(&mut self, position: u64) -> Result<(), Broken> {
        if !(self.acked..=self.given).contains(&position) {
            return Err(Broken::Position { found: position, least: self.acked, most: self.given });
        }
        let count = (position - self.acked) as usize;
        self.from_acked.advance(&self.kept.bytes()[..count]);
        self.kept.take(count);
        self.acked = position;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
