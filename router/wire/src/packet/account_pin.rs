//! The PIN that newer clients ask for after the login.

use crate::form::{U8, newer, text};
use crate::secret::Hidden;
use crate::table::{Direction::ToClient, Direction::ToServer, shapes};

packet! {
    /// The PIN, or a new one. The first PIN that an account ever sends becomes its PIN.
    AccountPin = "account_pin", shapes(ToServer, 0x0FDE, [32, 32, 0]);
    /// Digits.
    pin: Hidden = newer(12, 12, text(16));
    /// Whether this is to be the PIN from now on.
    change: bool = newer(28, 28, U8);
}

packet! {
    /// The PIN is right: the selection screen opens.
    AccountPinOk = "account_pin_ok", shapes(ToClient, 0x0FDE, [12, 12, 0]);
}

packet! {
    /// The PIN is wrong: the keypad opens again.
    AccountPinFail = "account_pin_fail", shapes(ToClient, 0x0FDF, [12, 12, 0]);
}
