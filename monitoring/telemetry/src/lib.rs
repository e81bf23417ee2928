//! What every process does the same way: logs, metrics, health, tasks, signals, shutdown.
//!
//! A service's `run` is handed a [`Process`], made by [`start`] and ended by [`stop`]:
//!
//! ```text
//! events --layer--> bounded queue --thread--> spool on disk --task--> LogSrv
//!        \--------> bounded queue --thread--> standard output
//! ```
//!
//! Logging never waits for a disk, a pipe or the network: what does not fit a queue is dropped and counted.
//! This crate must never know game rules.

pub mod api;
mod error;
mod health;
mod http;
mod key;
mod layer;
mod links;
mod logging;
mod metrics;
mod probe;
mod process;
mod ship;
mod signals;
mod spool;
mod stdout;
mod tasks;
mod usage;
pub mod web;

pub use error::StartError;
pub use health::Health;
pub use links::check_links;
pub use metrics::Metrics;
pub use process::{Process, Started, start, stop};
pub use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
pub use tasks::Tasks;
