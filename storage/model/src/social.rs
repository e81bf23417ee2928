//! Who belongs together and who hears whom: personas, parties, channels.

use crate::character::{CharacterName, Class};
use crate::id::{CharacterId, PartyId, SessionId};
use serde::{Deserialize, Serialize};

/// Most players of a party: the leader and twelve.
pub const PARTY_MAX: usize = 13;
/// Names that are looked up at once.
pub const NAMES_MAX: usize = 8;
/// The two kingdoms, as clans: blue and red.
pub const KINGDOMS: [u8; 2] = [7, 8];

/// What the directory knows of a character that is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persona {
    /// Its class.
    pub class: Class,
    /// Zero based level.
    pub level: u16,
    /// Hit points, as they were when it was described last.
    pub hp: i32,
    /// Most of them.
    pub hp_max: i32,
    /// Clan; one of [`KINGDOMS`], or of no kingdom.
    pub clan: u8,
    /// Guild id, 0 none.
    pub guild: u16,
    /// Rank in the guild.
    pub guild_rank: u8,
}

/// Somebody in a party, or who invites to one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Who.
    pub character: CharacterId,
    /// Its name.
    pub name: CharacterName,
    /// As it was known when this was told.
    pub persona: Persona,
}

/// A party. Each edge keeps the last copy that it was told, and tells it to a directory that was restarted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Which.
    pub id: PartyId,
    /// Grows with every change of the members; the copy with the greater one is right.
    pub version: u64,
    /// Two to [`PARTY_MAX`]; the leader first, the others in the order in which they joined.
    pub members: Vec<Member>,
}

impl Party {
    /// Who leads it.
    pub fn leader(&self) -> Option<CharacterId> {
        self.members.first().map(|member| member.character)
    }

    /// Whether it has this character.
    pub fn has(&self, character: CharacterId) -> bool {
        self.members.iter().any(|member| member.character == character)
    }
}

/// Somebody by what a client knows of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whom {
    /// By the entity that it clicked on.
    Character(CharacterId),
    /// By a name that was typed, whatever the case.
    Name(String),
}

/// What a player wants of a party.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartyAsk {
    /// Ask somebody to join.
    Invite(Whom),
    /// Join the party of who asked last.
    Accept {
        /// Who asked.
        by: CharacterId,
    },
    /// Leave.
    Leave,
    /// The leader sends somebody away.
    Dismiss(Whom),
    /// The leader makes somebody else the leader.
    Lead(Whom),
}

/// To whom a line goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// The speaker's party.
    Party,
    /// The speaker's guild.
    Guild,
    /// The speaker's kingdom.
    Kingdom,
    /// Everybody in the world.
    World,
}

/// The sessions of one edge that hear a line; the edge knows who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hearers {
    /// These.
    Sessions(Vec<SessionId>),
    /// All of a guild.
    Guild(u16),
    /// All of a kingdom.
    Kingdom(u8),
    /// All in the world.
    World,
}

/// Why the directory says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
pub enum SocialRefusal {
    /// Nobody of that name or id plays.
    #[error("the player is not connected")]
    NotConnected,
    /// The player itself.
    #[error("that is the player itself")]
    Oneself,
    /// The player is in no party.
    #[error("the player is in no party")]
    NoParty,
    /// The player is in a party already.
    #[error("the player is in a party already")]
    InParty,
    /// The other one is in a party already.
    #[error("the other player is in a party already")]
    OtherInParty,
    /// Only the leader may.
    #[error("only the leader may do that")]
    NotLeader,
    /// The party is full.
    #[error("the party is full")]
    Full,
    /// Nobody asked the player to join, or somebody else asked later.
    #[error("the player was not asked to join")]
    NotInvited,
    /// The other one is not in the party.
    #[error("the other player is not in the party")]
    NotMember,
    /// The player is in no guild.
    #[error("the player is in no guild")]
    NoGuild,
    /// The player is of no kingdom.
    #[error("the player is of no kingdom")]
    NoKingdom,
    /// Too many lines for everybody at once.
    #[error("too many speak to everybody now")]
    TooMuch,
}
