//! TSSSrv: temporary storage. Values under keys that expire, in the process or in Redis.
//!
//! What lies here may be lost at any time: whatever must not be lost lies in the store. This crate must
//! never know what a value means. [`run`] is the process, [`Values`] the storage, [`Cabinet`] the core that
//! keeps callers to the limits.

mod cabinet;
mod run;
mod settings;
mod values;

pub use cabinet::{Cabinet, Metrics};
pub use run::{RunError, run};
pub use settings::Settings;
pub use values::{MemoryValues, PutFailure, RedisUrlError, RedisValues, Unanswered, Values};
