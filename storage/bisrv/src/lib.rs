//! BISrv: the bank. Cargo and its gold, parcels, the banks of guilds, cash; the store decides, this process only
//! says what is to be done.
//!
//! It keeps nothing, so any number of copies may run. It must never know who plays an account (NRSrv does) or how a
//! client shows it. [`run`] is the process, [`Bank`] its core over any `Store`.
//!
//! | module | is |
//! |---|---|
//! | `bank` | one file for each business: cargo, parcels, guilds, cash |
//! | `plan` | pure: what becomes of two slots when an item goes from one to the other |
//! | `desk` | one request at the store: repeats, and what became of an operation |
//! | `derive`, `places` | ids that follow from others; where things lie |
//! | `herald` | tells players who are online of their parcels, through NRSrv |
//! | `cash_http` | cash for web shops |

mod bank;
mod cash_http;
mod derive;
mod desk;
mod herald;
mod places;
mod plan;
mod run;
mod settings;

pub use bank::{Bank, Metrics};
pub use cash_http::serve as serve_cash;
pub use herald::{Herald, News};
pub use run::{RunError, run};
pub use settings::Settings;
