//! Guilds: their names and ranks, what members may do about each other, and what players are told of it.
//!
//! A guild is a record, its name is one, and so is each of its members ([`crate::transfer::RecordKey`]). The row of a
//! character says the same of guild and rank, and changes in the same transfer ([`crate::transfer::Standing`]).

use crate::character::CharacterName;
use crate::id::{AccountId, CharacterId, GuildId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The rank that leads; each guild has one of it.
pub const LEADER: u8 = 9;
/// The lowest rank of sub-leaders; each of them is held by one at most.
pub const SUB_LEADER: u8 = 6;
/// The lowest rank of captains.
pub const CAPTAIN: u8 = 3;
/// Whoever has no other rank.
pub const MEMBER: u8 = 0;
/// The most members of a guild that can be set.
pub const MEMBERS_MAX: u32 = 500;
/// Length of a guild's name: clients show 12 characters.
const NAME_MIN: usize = 3;
const NAME_MAX: usize = 12;
/// Letters and digits, and none.
const NAME_BASE: u64 = 37;
/// Members on one page of a roster.
pub const ROSTER_LINES: usize = 8;

/// True for ranks that there are: 0, 3 to 9.
pub fn is_rank(rank: u8) -> bool {
    rank == MEMBER || (CAPTAIN..=LEADER).contains(&rank)
}

/// Whether who has one rank may send away, promote or demote who has another one.
pub fn commands(own: u8, other: u8) -> bool {
    own >= SUB_LEADER && own > other
}

/// A valid name of a guild: 3 to 12 ASCII letters and digits, unique whatever its case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuildName(String);

/// No name of a guild.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("the name of a guild has {NAME_MIN} to {NAME_MAX} letters and digits")]
pub struct BadGuildName;

impl GuildName {
    /// Checks a name.
    pub fn new(text: &str) -> Result<Self, BadGuildName> {
        let fits = (NAME_MIN..=NAME_MAX).contains(&text.len());
        match fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            true => Ok(Self(text.to_owned())),
            false => Err(BadGuildName),
        }
    }

    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it is unique by: the name itself as a number, whatever its case.
    pub fn number(&self) -> GuildNameId {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => byte - b'0' + 1,
            letter => letter.to_ascii_lowercase() - b'a' + 11,
        };
        GuildNameId(self.0.bytes().fold(0, |number, byte| number * NAME_BASE + u64::from(digit(byte))))
    }
}

impl fmt::Display for GuildName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The name of a guild as a number, see [`GuildName::number`]; below 37^12, so it fits 63 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GuildNameId(pub u64);

impl GuildNameId {
    /// What stands for an account where the bucket of the name is asked for.
    pub fn home(self) -> AccountId {
        AccountId(self.0)
    }
}

/// Somebody who was asked to join a guild and agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joiner {
    /// Whose character.
    pub account: AccountId,
    /// Which.
    pub character: CharacterId,
    /// Its name.
    pub name: CharacterName,
    /// Its kingdom.
    pub clan: u8,
}

/// What a member does about its guild.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuildDeed {
    /// Founds one, and leads it.
    Found(GuildName),
    /// Takes somebody in who agreed.
    Admit(Joiner),
    /// Leaves; not the leader.
    Leave,
    /// Sends a member away.
    Expel {
        /// The member's name, whatever its case.
        name: String,
    },
    /// Gives a member another rank.
    Rank {
        /// The member's name, whatever its case.
        name: String,
        /// Below the own one.
        rank: u8,
    },
    /// The leader makes a member the leader, and is a captain from then on.
    Lead {
        /// The member's name, whatever its case.
        name: String,
    },
    /// The leader ends the guild.
    Disband,
}

/// Guild and rank of a character, as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Which guild; 0: none.
    pub guild: GuildId,
    /// The rank there.
    pub rank: u8,
}

impl Place {
    /// In no guild.
    pub const NONE: Self = Self { guild: GuildId(0), rank: MEMBER };
}

/// What a player asks the directory about guilds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuildAsk {
    /// Ask somebody who plays to join.
    Invite(crate::social::Whom),
    /// Join the guild of who asked last.
    Accept,
    /// Do not.
    Refuse,
}

/// A page of the roster of a guild: highest rank first, then by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Roster {
    /// Which guild.
    pub guild: GuildId,
    /// Its name.
    pub name: String,
    /// Its members.
    pub members: u32,
    /// How many of them play.
    pub playing: u32,
    /// Which page, from 1.
    pub page: u32,
    /// Of how many.
    pub pages: u32,
    /// At most [`ROSTER_LINES`].
    pub lines: Vec<RosterLine>,
}

/// A member in a roster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterLine {
    /// Its name.
    pub name: String,
    /// Its rank.
    pub rank: u8,
    /// Its level, zero based; of one who is away as it was stored last, `None` if it cannot be read now.
    pub level: Option<u16>,
    /// True while it plays.
    pub playing: bool,
    /// For how many seconds it has been away, as far as that is known.
    pub away_s: Option<u64>,
}

/// What players are told about guilds; the edge has the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GuildLine {
    /// How it is typed.
    Usage,
    /// `{0}` is founded.
    Founded,
    /// The name is not one.
    BadName,
    /// Another guild has the name.
    NameTaken,
    /// There is no number left for a guild.
    NoNumberLeft,
    /// Only who is of a kingdom founds a guild.
    KingdomNeeded,
    /// `{0}` gold are missing.
    CostMissing,
    /// The player is in a guild already.
    InOne,
    /// The other player is in a guild already.
    OtherInOne,
    /// The other player is of another kingdom.
    OtherKingdom,
    /// The player itself was meant.
    Oneself,
    /// `{0}` was asked to join.
    Asked,
    /// `{0}` asks the player to join `{1}`.
    Invited,
    /// Nobody asked the player to join.
    NotAsked,
    /// The answer is on its way to who asked.
    Accepted,
    /// The player does not join.
    Refused,
    /// `{0}` does not want to join.
    RefusedBy,
    /// The guild is full.
    Full,
    /// `{0}` joined the guild.
    Joined,
    /// The player left the guild.
    Left,
    /// `{0}` left the guild.
    LeftBy,
    /// The leader does not leave before another one leads.
    LeaderStays,
    /// `{0}` was sent away from the guild.
    Expelled,
    /// `{0}` has the rank `{1}` now.
    Ranked,
    /// There is no such rank to give.
    BadRank,
    /// Another member has that rank of a sub-leader.
    RankHeld,
    /// `{0}` leads the guild now.
    Leads,
    /// The guild is no more.
    Disbanded,
    /// The bank of the guild is not empty.
    BankNotEmpty,
    /// The name `{0}` is nobody's of the guild.
    NoSuchMember,
    /// A member who plays: `{0}` name, `{1}` rank, `{2}` level.
    RosterPlays,
    /// A member who is away: `{0}` name, `{1}` rank, `{2}` level, `{3}` since when.
    RosterAway,
    /// `{0}` the guild, `{1}` play, of `{2}`; this was page `{3}` of `{4}`.
    RosterSum,
}

impl GuildLine {
    /// All of them.
    pub const ALL: [Self; 33] = [
        Self::Usage,
        Self::Founded,
        Self::BadName,
        Self::NameTaken,
        Self::NoNumberLeft,
        Self::KingdomNeeded,
        Self::CostMissing,
        Self::InOne,
        Self::OtherInOne,
        Self::OtherKingdom,
        Self::Oneself,
        Self::Asked,
        Self::Invited,
        Self::NotAsked,
        Self::Accepted,
        Self::Refused,
        Self::RefusedBy,
        Self::Full,
        Self::Joined,
        Self::Left,
        Self::LeftBy,
        Self::LeaderStays,
        Self::Expelled,
        Self::Ranked,
        Self::BadRank,
        Self::RankHeld,
        Self::Leads,
        Self::Disbanded,
        Self::BankNotEmpty,
        Self::NoSuchMember,
        Self::RosterPlays,
        Self::RosterAway,
        Self::RosterSum,
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(name: &str) -> u64 {
        GuildName::new(name).map_or(0, |name| name.number().0)
    }

    #[test]
    fn a_name_is_its_number_whatever_the_case_and_fits_63_bits() {
        assert_eq!(number("Lobos"), number("LOBOS"));
        assert!(number("lobo") != number("lobos") && number("0lobo") != number("lobo0"));
        assert!(number("zzzzzzzzzzzz") <= i64::MAX as u64 && number("000") > 0);
        assert!(["", "ab", "thirteenchars", "Os Lobos", "lobos!", "leão"].iter().all(|bad| number(bad) == 0));
    }

    #[test]
    fn only_the_upper_ranks_command_and_only_those_below() {
        assert!(commands(LEADER, 8) && commands(8, 7) && commands(6, CAPTAIN) && commands(6, MEMBER));
        assert!(!commands(6, 6) && !commands(6, LEADER) && !commands(5, MEMBER));
        assert_eq!((0..=10).filter(|rank| is_rank(*rank)).collect::<Vec<u8>>(), [0, 3, 4, 5, 6, 7, 8, 9]);
    }
}
