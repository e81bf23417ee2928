//! Gold of the storage.

use crate::form::{I32, all};
use crate::table::{Direction::Both, Direction::ToClient, shapes};

packet! {
    /// Gold in the storage.
    CargoGold = "cargo_gold", shapes(ToClient, 0x0339, [16, 16, 16]);
    /// How much.
    gold: i64 = all(12, I32);
}

packet! {
    /// Gold from the inventory to the storage; the echo moves it on both counters of the client.
    CargoDepositGold = "cargo_deposit_gold", shapes(Both, 0x0388, [16, 16, 16]);
    /// How much.
    amount: i64 = all(12, I32);
}

packet! {
    /// Gold from the storage to the inventory; the echo moves it on both counters of the client.
    CargoWithdrawGold = "cargo_withdraw_gold", shapes(Both, 0x0387, [16, 16, 16]);
    /// How much.
    amount: i64 = all(12, I32);
}
