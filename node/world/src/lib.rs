//! The simulation of zones: who stands where, who walks, who sees whom.
//!
//! The main type is [`Zone`]: `step(now, &mut inputs, &mut effects)` advances one zone of the map to a tick,
//! reads what players ask and says what everybody perceives. Durable work leaves it as a [`Job`] and comes
//! back as an [`Input`]; nothing that costs gold is shown before that.
//!
//! This crate never knows bytes, sockets, SQL, tokio, a clock or entropy, and never iterates in an order that
//! is not fixed: the same seed and the same inputs give the same effects. How walking is judged is told in
//! [`walk`](crate::walk) and in `docs/movement.md`.

mod arrive;
mod command;
mod creature;
mod dice;
mod economy;
mod effects;
mod entity;
mod formation;
mod generator;
mod ghost;
mod grid;
mod input;
mod instance;
mod look;
pub mod overload;
mod pace;
mod passage;
mod path;
mod plan;
mod population;
mod recent;
mod relief;
mod roaming;
mod tick;
mod timers;
mod unwritten;
mod view;
pub mod walk;
mod zone;

pub use economy::{Lying, WareSold, kind_rule};
pub use effects::{BankWork, Crossing, Effects, Job, JobId, MarketWork, Passing, Snapshot, Who, Work};
pub use generator::{Populate, SPAWN_PERIOD};
pub use ghost::neighbours;
pub use input::{Entering, Input, JobOutcome, Possessions};
pub use instance::{Summons, entrance};
pub use overload::{Ladder, Relief};
pub use pace::Pace;
pub use plan::{Change, GroundRecord, Plan, PlannedSoft, Spot};
pub use relief::Shed;
pub use tick::Tick;
pub use unwritten::Keeper;
pub use zone::{Zone, ZoneSetup};
