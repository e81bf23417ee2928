//! Who dies and who is cut off, when: all of it follows from the seed.

use crate::{coordinator, decider, shard};
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

/// A host that can be hurt, and the others that it talks to.
pub struct Victim(pub String, pub Vec<String>);

/// One thing that is done to the simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The host dies; what it had not made durable is gone.
    Crash(String),
    /// The host starts again.
    Bounce(String),
    /// Nothing passes between the two.
    Partition(String, String),
    /// What they sent waits.
    Hold(String, String),
    /// It passes again.
    Repair(String, String),
    /// What waited arrives.
    Release(String, String),
    /// The host stands still: nothing reaches these, and nothing comes from it.
    Pause(String, Vec<String>),
    /// It goes on.
    Resume(String, Vec<String>),
    /// Whoever is the controller then stands still; so many milliseconds.
    PauseController(u64),
    /// The Redis forgets.
    Flush,
    /// The arbiter's clock jumps by so many milliseconds.
    Jump(i64),
}

/// The hosts of the storage.
pub fn of_storage(shards: u16, coordinators: u16) -> Vec<Victim> {
    let inner: Vec<String> =
        (0..shards).map(shard::host).chain(std::iter::once(decider::HOST.to_owned())).collect();
    let outer: Vec<String> = (0..coordinators).map(coordinator::host).collect();
    let mut victims: Vec<Victim> = inner.iter().map(|name| Victim(name.clone(), outer.clone())).collect();
    victims.extend(outer.iter().map(|name| Victim(name.clone(), inner.clone())));
    victims
}

/// Faults with their times, in order.
pub fn schedule(dice: &mut ChaCha8Rng, victims: &[Victim], until: Duration) -> Vec<(Duration, Fault)> {
    let mut faults = Vec::new();
    let mut busy = vec![Duration::ZERO; victims.len()];
    let mut at = Duration::from_millis(500);
    while at < until {
        at += Duration::from_millis(dice.random_range(50..1_200));
        let which = dice.random_range(0..victims.len());
        let lasts = Duration::from_millis(dice.random_range(20..3_500)).min(until.saturating_sub(at));
        // one fault of a host at a time: each is taken back by its own end
        if busy[which] > at || lasts.is_zero() {
            continue;
        }
        busy[which] = at + lasts + Duration::from_millis(10);
        let Victim(name, others) = &victims[which];
        let other = others[dice.random_range(0..others.len())].clone();
        let (begins, ends) = match dice.random_range(0..5) {
            0 => (Fault::Partition(name.clone(), other.clone()), Fault::Repair(name.clone(), other)),
            1 => (Fault::Hold(name.clone(), other.clone()), Fault::Release(name.clone(), other)),
            2 => (Fault::Pause(name.clone(), others.clone()), Fault::Resume(name.clone(), others.clone())),
            _ => (Fault::Crash(name.clone()), Fault::Bounce(name.clone())),
        };
        faults.push((at, begins));
        faults.push((at + lasts, ends));
    }
    faults.sort_by_key(|(at, _)| *at);
    faults
}

impl Fault {
    /// Does it.
    pub fn strike(&self, sim: &mut turmoil::Sim<'_>) {
        match self {
            Self::Crash(host) => sim.crash(host.as_str()),
            Self::Bounce(host) => sim.bounce(host.as_str()),
            Self::Partition(a, b) => sim.partition(a.as_str(), b.as_str()),
            Self::Hold(a, b) => sim.hold(a.as_str(), b.as_str()),
            Self::Repair(a, b) => sim.repair(a.as_str(), b.as_str()),
            Self::Release(a, b) => sim.release(a.as_str(), b.as_str()),
            Self::Pause(host, others) => {
                others.iter().for_each(|other| sim.hold(host.as_str(), other.as_str()))
            }
            Self::Resume(host, others) => {
                others.iter().for_each(|other| sim.release(host.as_str(), other.as_str()));
            }
            // whoever runs the scenario does it
            Self::Flush | Self::Jump(_) | Self::PauseController(_) => {}
        }
    }
}
