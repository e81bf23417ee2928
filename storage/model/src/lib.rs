//! Ids, persisted shapes, and the language that the processes speak.
//!
//! This crate knows nothing else: no bytes of the client protocol, no sockets, no SQL, no clock, no
//! randomness. The edge turns bytes into a [`Command`]; the world answers with an [`Event`]; the typed
//! calls between the processes are in [`calls`].

pub mod account;
pub mod calls;
pub mod character;
pub mod command;
pub mod event;
pub mod friend;
pub mod guild;
pub mod id;
pub mod item;
pub mod ledger;
pub mod membership;
pub mod moves;
pub mod place;
pub mod population;
pub mod score;
pub mod secret;
pub mod sight;
pub mod social;
pub mod trade;
pub mod transfer;
pub mod words;

pub use account::{Account, AccountName};
pub use character::{Character, CharacterName, Class, SoftState, Stay};
pub use command::Command;
pub use event::{Addressed, Appearance, Event, Sheet};
pub use id::{
    AccountId, CharacterId, EntityId, Epoch, GroundId, GuildId, Incarnation, ItemId, LotId, OperationId,
    ParcelId, PartyId, SessionId, TradeId, TransferId, ZoneId,
};
pub use item::{Container, Effect, Item, ItemKind, Slot};
pub use moves::MoveMark;
pub use place::{Rect, Route, Step, Tile};
pub use population::Population;
pub use score::Score;
pub use secret::Secret;
