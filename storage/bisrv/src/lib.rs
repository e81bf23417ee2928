//! BISrv: the bank. Loads what an account keeps there; the store decides, this process only asks it.
//!
//! It keeps nothing, so any number of copies may run. It must never know who plays an account or how a
//! client shows it. [`run`] is the process, [`Bank`] its core over any `Store`.

mod bank;
mod run;
mod settings;

pub use bank::{Bank, Metrics};
pub use run::{RunError, run};
pub use settings::Settings;
