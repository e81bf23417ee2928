//! The first packet of a connection.

use crate::form::{I32, U8, U32, each, many, newer, text};
use crate::secret::{Hidden, Token};
use crate::table::{Direction::ToServer, shapes};

packet! {
    /// Log in. The two layouts and the version field tell the profile, see the `login` module.
    AccountLogin = "account_login", shapes(ToServer, 0x020D, [116, 116, 116]);
    /// Account.
    account: String = each(24, 24, 12, text(16));
    /// Password, as typed; empty when a token takes its place.
    password: Hidden = each(12, 12, 28, text(12));
    /// Proof of a client that changes channel.
    token: Token = each(40, 40, 64, many(&U8, 52));
    /// Version of the client.
    version: i32 = newer(92, 92, I32).v748(40, I32);
    /// Whether a session that the account already has is to be ended. 7.48 always asks for it.
    force: bool = each(96, 96, 44, I32);
    /// Numbers of the network adapter.
    machine: [u32; 4] = each(100, 100, 48, many(&U32, 4));
}
