//! What is said at the beginning of each QUIC stream, before it carries a player.
//!
//! ```text
//! relay                                    edge
//!   | Begin                                  |
//!   |--------------------------------------->|   a player comes
//!   | Granted: ticket, how long it is kept   |
//!   |<---------------------------------------|
//!   |  (the QUIC connection breaks)          |
//!   | Resume: ticket, bytes received         |   on another QUIC connection
//!   |--------------------------------------->|
//!   | Resumed: bytes received, or Refused    |
//!   |<---------------------------------------|
//! ```
//! Numbers are little-endian.

use crate::ticket::{TICKET, Ticket};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};

const BEGIN: u8 = 0x10;
const RESUME: u8 = 0x11;
const GRANTED: u8 = 0x20;
const RESUMED: u8 = 0x21;
const REFUSED: u8 = 0x22;

/// What a relay wants.
#[derive(Debug)]
pub(crate) enum Wish {
    Begin,
    Resume { ticket: Ticket, received: u64 },
}

/// What an edge answers.
#[derive(Debug)]
pub(crate) enum Answer {
    Granted {
        ticket: Ticket,
        keep: Duration,
    },
    Resumed {
        received: u64,
    },
    /// Nobody has this ticket, or not any more.
    Refused,
}

impl Wish {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Begin => vec![BEGIN],
            Self::Resume { ticket, received } => [&[RESUME], &ticket.0[..], &received.to_le_bytes()].concat(),
        }
    }

    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        match from.read_u8().await? {
            BEGIN => Ok(Self::Begin),
            RESUME => Ok(Self::Resume { ticket: ticket(from).await?, received: from.read_u64_le().await? }),
            kind => Err(unexpected(kind, "Begin or Resume")),
        }
    }
}

impl Answer {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Granted { ticket, keep } => {
                let keep_ms = u32::try_from(keep.as_millis()).unwrap_or(u32::MAX);
                [&[GRANTED], &ticket.0[..], &keep_ms.to_le_bytes()].concat()
            }
            Self::Resumed { received } => [&[RESUMED], &received.to_le_bytes()[..]].concat(),
            Self::Refused => vec![REFUSED],
        }
    }

    pub(crate) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Self> {
        match from.read_u8().await? {
            GRANTED => {
                let ticket = ticket(from).await?;
                let keep = Duration::from_millis(from.read_u32_le().await?.into());
                Ok(Self::Granted { ticket, keep })
            }
            RESUMED => Ok(Self::Resumed { received: from.read_u64_le().await? }),
            REFUSED => Ok(Self::Refused),
            kind => Err(unexpected(kind, "Granted, Resumed or Refused")),
        }
    }
}

async fn ticket(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Ticket> {
    let mut ticket = Ticket([0; TICKET]);
    from.read_exact(&mut ticket.0).await?;
    Ok(ticket)
}

fn unexpected(found: u8, expected: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("a stream begins with {found:#04x}, expected {expected}"),
    )
}
