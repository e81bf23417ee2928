//! Who is in the cluster and who owns what: membership by leases, the published map, the controller.
//!
//! The metadata database is the arbiter, reached through DBSrv as a [`store::Store`]. A process renews its
//! lease every second; whoever holds the controller's lease gives the zones of expired members to living
//! ones and writes the slot table. While the arbiter is away nobody can reassign anything, and everyone goes
//! on with the last view, and whoever starts meanwhile with the last one on disk; when it is back, members of before
//! have a lease's time to renew. This crate never knows what is played in a zone.

mod borders;
mod controller;
pub mod journal;
mod last_map;
mod membership;
mod seat;
mod silence;
mod view;
mod wishes;

pub use controller::{Avoid, run_controller};
pub use membership::Cluster;
pub use seat::Seat;
pub use view::View;

use std::time::Duration;

/// A lease ends this long after it was last renewed.
pub const LEASE: Duration = Duration::from_secs(3);
/// Leases are renewed this often.
pub const RENEW_EVERY: Duration = Duration::from_secs(1);
/// The view is read this often.
pub const READ_EVERY: Duration = Duration::from_millis(250);
