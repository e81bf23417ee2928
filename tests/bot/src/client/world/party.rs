//! The party as a client shows it.

use super::{Event, World};
use crate::protocol::incoming::{MemberSeen, PartyTold};

/// The panel of the party, and who asked last.
#[derive(Debug, Default)]
pub(super) struct PartyPanel {
    rows: Vec<MemberSeen>,
    asked: Option<MemberSeen>,
}

impl World {
    /// The rows of the party, as they were told.
    pub fn party(&self) -> &[MemberSeen] {
        &self.party.rows
    }

    /// Names in the party, the leader first.
    pub fn party_names(&self) -> Vec<&str> {
        self.party.rows.iter().map(|row| row.name.as_str()).collect()
    }

    /// Who asked the player to join last.
    pub fn asked_to_join(&self) -> Option<&MemberSeen> {
        self.party.asked.as_ref()
    }

    pub(super) fn party_told(&mut self, told: PartyTold) -> Event {
        let own = self.own.own_id;
        match told {
            PartyTold::Shout { from, text } => return Event::Shouted { from, text },
            PartyTold::Asked(by) => self.party.asked = Some(by),
            PartyTold::Added(row) => self.party.rows.push(row),
            PartyTold::Removed(id) if id == 0 || id == own => self.party.rows.clear(),
            PartyTold::Removed(id) => self.party.rows.retain(|row| row.id != id),
        }
        Event::Party
    }
}
