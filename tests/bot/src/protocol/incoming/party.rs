//! Packets about parties, and lines to everybody, read by their offsets.

use crate::protocol::bytes::{i32_at, text_at, u8_at, u16_at};
use crate::protocol::profile::Profile;

/// A row of the party as a client shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberSeen {
    /// 0 the leader.
    pub index: u8,
    /// Short id.
    pub id: u16,
    /// Name.
    pub name: String,
    /// Level.
    pub level: u16,
    /// Hit points and the most of them.
    pub hp: (i16, i16),
}

/// What a client is told of parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartyTold {
    /// Somebody asks it to join.
    Asked(MemberSeen),
    /// A member.
    Added(MemberSeen),
    /// 0 or the own id: it is in none; else who is out.
    Removed(u16),
    /// A line to everybody.
    Shout {
        /// Who, if the client is told.
        from: Option<String>,
        /// The line.
        text: String,
    },
}

pub(super) fn read(profile: Profile, packet: &[u8]) -> Option<PartyTold> {
    Some(match u16_at(packet, 4) {
        0x37F => PartyTold::Asked(member(packet)),
        0x37D => PartyTold::Added(member(packet)),
        0x37E => PartyTold::Removed(i32_at(packet, 12) as u16),
        0xD1D if profile == Profile::V769 => {
            PartyTold::Shout { from: Some(text_at(packet, 12, 16)), text: text_at(packet, 28, 128) }
        }
        0xD1D => PartyTold::Shout { from: None, text: text_at(packet, 12, 96) },
        _ => return None,
    })
}

fn member(packet: &[u8]) -> MemberSeen {
    MemberSeen {
        index: u8_at(packet, 13),
        id: u16_at(packet, 20),
        name: text_at(packet, 22, 16),
        level: u16_at(packet, 14),
        hp: (u16_at(packet, 18) as i16, u16_at(packet, 16) as i16),
    }
}
