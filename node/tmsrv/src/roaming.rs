//! Creatures on their way from zone to zone, and where those are that are not at home.
//!
//! | what happens | what becomes of a creature that waits |
//! |---|---|
//! | the zone is played here or on another node | it is real there from the next tick on |
//! | its node is overloaded | it is put back, unless it may be there since an earlier try: then it is given up |
//! | its node does not answer, or the map changes | it is asked again, of whoever plays the zone then, for [`PATIENCE`] |
//! | no answer at all | it is given up when it may be there, and put back when it was never asked for |
//! | the zone that it comes from is played under a later epoch elsewhere | nobody takes it, and nobody hears from there where creatures are |

use crate::host::Order;
use crate::node::Node;
use link::CallError;
use model::calls::sibling::{GUESTS_MAX, Reply, Request};
use model::population::{CreatureState, Guest};
use model::{EntityId, Epoch, ZoneId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use world::{Input, Passing};

/// How long it is tried.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one call may take.
const DEADLINE: Duration = Duration::from_millis(500);
/// Pause before the next try.
const AGAIN: Duration = Duration::from_millis(50);
/// How often zones are told where their creatures are: some times before they would think that there are none.
const TELL_EVERY: Duration = Duration::from_secs(12);

/// Hands a creature over, and tells the zone where it waits what came of it.
pub(crate) async fn pass(node: Arc<Node>, from: ZoneId, passing: Passing) {
    let entity = passing.creature.entity;
    let taken = give(&node, from, passing).await;
    let outcome = if taken { "taken" } else { "put_back" };
    node.metrics.creatures_passed.with_label_values(&[outcome]).inc();
    node.order(from, Order::Input(from, Input::Passed { entity, taken })).await;
}

/// What is known of a creature that another node was asked to take.
#[derive(Default)]
struct Asked {
    /// A node was asked and has not said what it did.
    may_be_there: bool,
}

impl Asked {
    /// A node answers: whether the creature is given up here, when that is settled. Who has no room for it now may have taken it before.
    fn hears(&mut self, answer: &Result<Reply, CallError>) -> Option<bool> {
        match answer {
            Ok(Reply::Came { taken }) => Some(self.is_given_up(*taken)),
            // it does not play the zone, or not any more; or it never heard of it
            Ok(_) | Err(CallError::NotConnected) => None,
            Err(_) => {
                self.may_be_there = true;
                None
            }
        }
    }

    fn is_given_up(&self, taken: bool) -> bool {
        taken || self.may_be_there
    }
}

async fn give(node: &Arc<Node>, from: ZoneId, Passing { to, epoch, creature }: Passing) -> bool {
    let until = Instant::now() + PATIENCE;
    let mut asked = Asked::default();
    while Instant::now() < until && !node.closing.is_cancelled() && !is_deposed(node, from, epoch) {
        // the zone may have been joined with another one meanwhile
        let to = node.table.load().heir(to);
        if let Some(taken) = take(node, to, creature.clone()).await {
            return asked.is_given_up(taken);
        }
        let view = node.cluster.view();
        let owner = view.owner(to).map(|(owner, _)| owner).filter(|owner| owner.name != node.name);
        if let Some(owner) = owner {
            let creature = Box::new(creature.clone());
            let request = Request::Come { from, from_epoch: epoch, to, creature };
            let answer = node.siblings.client(owner).call(&request, DEADLINE).await;
            if let Err(error) = &answer {
                tracing::debug!(node = %owner.name, %error, "a creature is not taken yet");
            }
            if let Some(given_up) = asked.hears(&answer) {
                return given_up;
            }
        }
        sleep(AGAIN).await;
    }
    asked.is_given_up(false)
}

/// True when a zone was given away since: who says something of it under that epoch does not know it yet.
fn is_deposed(node: &Node, zone: ZoneId, epoch: Epoch) -> bool {
    node.cluster.view().slot(zone).is_some_and(|slot| slot.epoch > epoch)
}

/// Takes a creature into a zone of this node: false when that has too much to do, nothing when it is not played here.
async fn take(node: &Node, to: ZoneId, creature: CreatureState) -> Option<bool> {
    if !node.zones.read().contains_key(&to) {
        return None;
    }
    if node.loads.refuses(to) {
        return Some(false);
    }
    node.order(to, Order::Input(to, Input::Come(Box::new(creature)))).await;
    Some(true)
}

/// A creature comes from a zone of another node, which plays that under an epoch.
pub(crate) async fn come(
    node: &Node,
    (from, epoch): (ZoneId, Epoch),
    to: ZoneId,
    creature: CreatureState,
) -> Reply {
    if is_deposed(node, from, epoch) {
        return Reply::Refused;
    }
    match take(node, to, creature).await {
        Some(taken) => Reply::Came { taken },
        None => Reply::Refused,
    }
}

/// Tells zones which of their creatures are in zones of this node, round after round, until the process stops.
pub(crate) async fn run(node: Arc<Node>) {
    let mut every = interval(TELL_EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = node.process.stop.cancelled() => return,
            _ = every.tick() => {}
        }
        tell(&node).await;
    }
}

async fn tell(node: &Arc<Node>) {
    let mut strangers = BTreeMap::<(ZoneId, ZoneId, Epoch), Vec<Guest>>::new();
    for host in &node.hosts {
        let (answer, guests) = oneshot::channel();
        if host.send(Order::Guests { answer }).await.is_ok() {
            for (here, epoch, home, guest) in guests.await.unwrap_or_default() {
                strangers.entry((home, here, epoch)).or_default().push(guest);
            }
        }
    }
    let view = node.cluster.view();
    for ((home, here, epoch), guests) in strangers {
        if is_deposed(node, here, epoch) {
            continue;
        }
        for part in guests.chunks(GUESTS_MAX) {
            let outdated = match (outdated(node, home, part.to_vec()).await, view.owner(home)) {
                (Some(outdated), _) => outdated,
                (None, None) => continue,
                (None, Some((owner, _))) => {
                    let guests = part.to_vec();
                    let request = Request::Guests { from: here, from_epoch: epoch, home, guests };
                    match node.siblings.client(owner).call(&request, DEADLINE).await {
                        Ok(Reply::Outdated(outdated)) => outdated,
                        // the next round tells it again
                        _ => continue,
                    }
                }
            };
            let is_named = |entity: &EntityId| part.iter().any(|guest| guest.entity == *entity);
            let outdated: Vec<EntityId> = outdated.into_iter().filter(is_named).collect();
            if !outdated.is_empty() {
                tracing::debug!(zone = %here, creatures = ?outdated, "creatures that are elsewhere go");
                node.order(here, Order::Input(here, Input::Outdated(outdated))).await;
            }
        }
    }
}

/// Tells a zone of this node where its creatures are: which of them are of an older state. Nothing when it is not played here.
async fn outdated(node: &Node, home: ZoneId, guests: Vec<Guest>) -> Option<Vec<EntityId>> {
    if !node.zones.read().contains_key(&home) {
        return None;
    }
    let (answer, outdated) = oneshot::channel();
    node.order(home, Order::Abroad { home, guests, answer }).await;
    outdated.await.ok()
}

/// Another node tells which creatures of a zone of this one are in a zone that it plays under an epoch.
pub(crate) async fn hear(
    node: &Node,
    (from, epoch): (ZoneId, Epoch),
    home: ZoneId,
    guests: Vec<Guest>,
) -> Reply {
    if guests.len() > GUESTS_MAX || is_deposed(node, from, epoch) {
        return Reply::Refused;
    }
    outdated(node, home, guests).await.map_or(Reply::Refused, Reply::Outdated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_have_been_taken_is_not_put_back_although_there_is_no_room_for_it_now() {
        let came = |taken| Ok(Reply::Came { taken });
        for lost in [CallError::Deadline, CallError::Lost] {
            let mut asked = Asked::default();
            assert_eq!(asked.hears(&Err(lost)), None, "it is asked again");
            assert_eq!(asked.hears(&Ok(Reply::Refused)), None, "of who plays the zone now");
            assert_eq!(asked.hears(&came(false)), Some(true), "it would be there twice");
            assert!(asked.is_given_up(false), "here as well");
        }
        let mut asked = Asked::default();
        assert_eq!(asked.hears(&Err(CallError::NotConnected)), None, "nobody has heard of it");
        assert_eq!(asked.hears(&Ok(Reply::Refused)), None);
        assert!(!asked.is_given_up(false));
        assert_eq!((asked.hears(&came(false)), asked.hears(&came(true))), (Some(false), Some(true)));
    }
}
