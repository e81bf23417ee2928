//! A player who is parked at its node while its connection goes from one edge to the next: see [`crate::takeover`].

use super::Session;
use super::attach::{Parking, Place, State};
use model::calls::node::ToNode;
use model::membership::ProcessName;
use serde::{Deserialize, Serialize};

/// A place as it goes from one edge to its successor.
#[derive(Serialize, Deserialize)]
pub(super) struct MovedPlace {
    place: Place,
    /// The node that keeps the session for whoever adopts it; none has it otherwise.
    node: Option<ProcessName>,
}

impl Session {
    /// The connection goes to another edge: its node is asked to keep what it has to tell. What the player asks from
    /// here on is held.
    pub(super) fn park(&mut self) {
        let (Some(place), Some(session)) = (&mut self.place, self.id) else { return };
        if let State::Here { stream, parking: parking @ Parking::No } = &mut place.state
            && stream.try_send(&ToNode::Park { session }).is_ok()
        {
            *parking = Parking::Asked;
        }
    }

    /// The node keeps what it has to tell; nothing new when the connection stays after all.
    pub(super) fn on_parked(&mut self) {
        if let Some(place) = &mut self.place
            && let State::Here { parking: parking @ Parking::Asked, .. } = &mut place.state
        {
            *parking = Parking::Parked;
        }
    }

    /// The connection stays here after all.
    pub(super) fn unpark(&mut self) {
        let Some(place) = &self.place else { return };
        if let State::Here { stream, parking: Parking::Asked | Parking::Parked } = &place.state {
            let node = stream.node.clone();
            if !self.adopt(&node) {
                self.begin_resume();
            }
        }
    }

    /// True when no answer of a node is on its way: the player is parked, or on no node.
    pub(super) fn is_settled(&self) -> bool {
        match self.place.as_ref().map(|place| &place.state) {
            None | Some(State::Searching { .. } | State::Here { parking: Parking::Parked, .. }) => true,
            Some(State::Claiming | State::Asked { .. } | State::Here { .. }) => false,
        }
    }

    pub(super) fn pack_place(&mut self) -> Option<MovedPlace> {
        let place = self.place.take()?;
        let node = match &place.state {
            State::Here { stream, .. } => Some(stream.node.clone()),
            State::Claiming | State::Searching { .. } | State::Asked { .. } => None,
        };
        Some(MovedPlace { place, node })
    }

    /// Takes the player from the node that keeps it, or looks for one.
    pub(super) fn unpack_place(&mut self, MovedPlace { mut place, node }: MovedPlace) {
        // a place that went nowhere has its state still
        place.state = State::default();
        self.place = Some(place);
        let Some(node) = node else { return self.search(0) };
        if !self.adopt(&node) {
            tracing::info!(session = ?self.id, %node, "the node that keeps the player is not reached");
            self.begin_resume();
        }
    }

    fn adopt(&mut self, node: &ProcessName) -> bool {
        let (Some(place), Some(session), Some(handle)) = (&mut self.place, self.id, &self.handle) else {
            return false;
        };
        let Some(stream) = self.shared.nodes.stream(node) else { return false };
        handle.listen_to(Some(stream.id));
        if stream.try_send(&ToNode::Adopt { session }).is_err() || stream.is_lost() {
            handle.listen_to(None);
            return false;
        }
        place.state = State::Here { stream, parking: Parking::No };
        let held = std::mem::take(&mut place.held);
        held.into_iter().for_each(|command| self.command(command));
        true
    }
}
