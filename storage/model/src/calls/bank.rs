//! Calls of BISrv: the bank.

use crate::id::AccountId;
use crate::item::Item;
use serde::{Deserialize, Serialize};

/// A call to BISrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Load what an account keeps in the bank.
    LoadCargo {
        /// Whose.
        account: AccountId,
    },
}

/// What an account keeps in the bank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cargo {
    /// `CARGO_SLOTS` slots.
    pub items: Vec<Option<Item>>,
    /// Gold in the bank.
    pub gold: i64,
}

/// The answer of BISrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`Request::LoadCargo`].
    Cargo(Cargo),
    /// There is no such account.
    NoSuchAccount,
    /// The store did not answer; try again.
    Unavailable,
}
