//! Headless clients that play through the real protocol, and hostile ones.
//!
//! A bot knows a server only by its TCP port, its sign-up page and the published packet layouts: it must never use
//! the server's own packet tables, so that it is an independent check of them. Of the server's crates it uses the
//! obfuscation alone.
//!
//! | module | is |
//! |---|---|
//! | [`protocol`] | layouts of the three client versions, readers and writers |
//! | [`transport`] | one TCP connection |
//! | [`client`] | [`client::Client`]: one player's program |
//! | [`signup`] | accounts through the sign-up page |
//! | [`cli`] | the subcommands |
//! | [`fleet`] | many bots that check what they see of each other |
//! | [`hostile`] | clients that mean harm, for an edge of one's own |

pub mod cli;
pub mod client;
pub mod fleet;
pub mod hostile;
pub mod protocol;
pub mod signup;
pub mod transport;
