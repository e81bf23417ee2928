//! The bytes of the client protocol, for every client version the project speaks.
//!
//! A pure crate: no sockets, no tokio, no clock, no randomness of its own, no game rules. It turns bytes into
//! [`ClientPacket`]s and [`ServerPacket`]s into bytes, and knows nothing of what either means for the game.
//!
//! | module | holds |
//! |---|---|
//! | [`profile`] | which client versions there are |
//! | [`codec`] | obfuscation and checksum of one frame |
//! | [`frame`] | cutting a stream of bytes into frames |
//! | [`form`] | how a value lies in bytes: places, integers, text |
//! | [`record`] | structures that several packets share: item, score, character |
//! | [`packet`] | the table of packets; one file each |
//! | [`known`] | packets known by number only |
//! | [`login`] | telling the client version from its first packet |
//! | [`doc`] | `docs/PROTOCOL.md`, made from the table |
//! | [`fuzz`] | the decoder's entry point for hostile bytes, and its corpus |
//!
//! A packet is declared once, as data: its number, sizes and the offset of every field in every profile stand
//! side by side in its file under `packet/`, and one row of `packet.rs` adds it to the enums, the size checks,
//! the golden files, the documentation and the fuzz corpus.
#![recursion_limit = "512"]

pub mod codec;
pub mod doc;
pub mod form;
pub mod frame;
pub mod fuzz;
pub mod known;
pub mod login;
#[macro_use]
mod declare;
pub mod packet;
pub mod profile;
pub mod record;
pub mod sample;
pub mod secret;
pub mod table;
pub mod text;

pub use frame::{Deframer, Frame, FrameError, Header};
pub use login::AcceptedVersions;
pub use packet::{ClientPacket, ServerPacket};
pub use profile::Profile;
pub use secret::{Hidden, Token};
pub use table::{NotInProfile, ParseError};

/// Highest short id of a player plus one: clients take every entity below it for a player.
pub const PLAYER_IDS_END: u16 = 1000;
/// First short id of an item on the ground, in a number space of its own.
pub const GROUND_ITEM_BASE: u16 = 10_000;
/// Header id of what happens in the field around the player.
pub const SCENE_FIELD: u16 = 30_000;
/// Header id of the answers on the way into the world.
pub const SCENE_ENTER: u16 = 30_001;
/// Header id of the character list.
pub const SCENE_CHARACTER_LIST: u16 = 30_002;
/// Tick by which old servers marked a packet as not to be checked; a client never sends it honestly.
pub const UNCHECKED_TICK: u32 = 235_543_242;
