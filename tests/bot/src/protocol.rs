//! The client's own idea of the protocol: layouts, readers and writers, none of them shared with the server.

pub mod bytes;
pub mod incoming;
pub mod layout;
pub mod outgoing;
pub mod place;
pub mod profile;
pub mod sizes;
pub mod slot;
