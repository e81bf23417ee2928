//! The cluster as its operator sees it, and what the operator wishes of it.
//!
//! ```text
//! wydbr cluster drain ... --> wishes, stored --> controller: a few districts a second --> slot table
//! ```

use crate::calls::weights::Weights;
use crate::id::{CharacterId, OperationId};
use crate::membership::{Member, ProcessName, SlotTable};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Entries of the log of wishes that are read at once.
pub const WISHES_TOLD: u32 = 20;

/// Members with their leases, the controller, the slot table and the wishes, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadCluster;

/// The answer to [`ReadCluster`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterReport {
    /// All that have not left, by name; also those whose lease has ended.
    pub members: Vec<Leased>,
    /// Who writes the slot table; `None` while nobody holds the lease for it.
    pub controller: Option<ProcessName>,
    /// Who owns what.
    pub table: SlotTable,
    /// What holds now.
    pub wishes: Wishes,
    /// What zones cost, and are counted as.
    pub weights: Weights,
    /// The last [`WISHES_TOLD`] wishes, oldest first.
    pub log: Vec<LoggedWish>,
    /// Milliseconds since 1970 by the clock of the metadata database.
    pub now_ms: i64,
}

impl ClusterReport {
    /// Members whose lease has not ended.
    pub fn live(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|leased| leased.left_ms > 0).map(|leased| &leased.member)
    }

    /// The content that nodes must run on: that of the controller; `None` while there is none.
    pub fn content_hash(&self) -> Option<u64> {
        let name = self.controller.as_ref()?;
        self.live().find(|member| member.name == *name).map(|member| member.content_hash)
    }
}

/// A member and its lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leased {
    /// The member.
    pub member: Member,
    /// Milliseconds until its lease ends, by the clock of the metadata database; negative when it has ended.
    pub left_ms: i64,
}

/// What the operator wants of the placement; the ring decides the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    /// Raised by every wish: the number of the last one in the log.
    pub version: u64,
    /// Nodes that are given nothing and lose what they have.
    pub drained: BTreeSet<ProcessName>,
    /// Zones that have a node of their own, by name.
    pub placed: BTreeMap<String, Placed>,
    /// Parts that are cut off from their zones, by name, like `Armia/3`.
    pub cut: BTreeMap<String, CutBy>,
    /// Instances that are open, by number.
    pub instances: BTreeMap<u64, Instance>,
    /// The number of the instance that was opened last: none comes twice.
    pub last_instance: u64,
    /// How many instances there may be.
    pub limits: InstanceLimits,
}

/// A zone that was born for some players: a copy of a named place of the content. It is called like `Dungeon 1#17`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Name of the place.
    pub place: String,
    /// When it was opened, by the clock of the metadata database.
    pub opened_ms: i64,
    /// When it ends, by the same clock.
    pub until_ms: i64,
    /// Who is brought in, one to [`crate::social::PARTY_MAX`].
    pub guests: Vec<Guest>,
}

/// A player for whom an instance is open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guest {
    /// The character.
    pub character: CharacterId,
    /// Its name, for the operator.
    pub name: String,
}

/// Bounds of instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceLimits {
    /// Instances that may be open at once.
    pub open_max: u32,
    /// Open instances that one player may be a guest of.
    pub per_player_max: u32,
    /// Longest life, in seconds.
    pub life_max_s: u32,
    /// An instance without players is closed after so many seconds.
    pub empty_s: u32,
}

impl Default for InstanceLimits {
    fn default() -> Self {
        Self { open_max: 200, per_player_max: 1, life_max_s: 4 * 3_600, empty_s: 120 }
    }
}

/// Why an instance is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CloseReason {
    /// Its time is over.
    Deadline,
    /// Nobody has been in it for a while.
    Empty,
    /// Somebody wishes it.
    Wished,
}

impl CloseReason {
    /// As shown: `deadline`, `empty` or `wished`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Empty => "empty",
            Self::Wished => "wished",
        }
    }
}

/// Who has cut a zone, and so when its halves are joined again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CutBy {
    /// The controller, by what the zone cost: until its halves have cooled.
    Cost,
    /// The operator: until it is merged.
    Operator,
}

impl CutBy {
    /// As stored, and as shown: `cost` or `operator`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Operator => "operator",
        }
    }
}

/// The node that a zone is to be on while that node lives and is not drained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// The node.
    pub node: ProcessName,
    /// Until when.
    pub hold: Hold,
}

/// How long a zone stays where its operator put it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hold {
    /// Until the next rebalance.
    Moved,
    /// Until it is unpinned.
    Pinned,
}

impl Hold {
    /// As stored, and as shown: `moved` or `pinned`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Moved => "moved",
            Self::Pinned => "pinned",
        }
    }
}

/// One wish. Wishing the same twice changes nothing the second time, but for a split, which cuts again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wish {
    /// Gives a node nothing more, and moves away what it has.
    Drain {
        /// Which.
        node: ProcessName,
    },
    /// Ends a drain.
    Join {
        /// Which.
        node: ProcessName,
    },
    /// Moves a zone to a node, where it stays until the next rebalance.
    Move {
        /// Its name or number.
        zone: String,
        /// Where to.
        node: ProcessName,
    },
    /// Moves a zone to a node, where it stays until it is unpinned.
    Pin {
        /// Its name or number.
        zone: String,
        /// Where to.
        node: ProcessName,
    },
    /// Gives a zone back to the ring.
    Unpin {
        /// Its name or number.
        zone: String,
    },
    /// Gives every zone that was moved back to the ring; pinned ones stay.
    Rebalance,
    /// Cuts a zone in two along its longer side.
    Split {
        /// Its name or number.
        zone: String,
        /// Who does.
        by: CutBy,
    },
    /// Joins a zone that was cut with its other half.
    Merge {
        /// Name or number of either half.
        zone: String,
    },
    /// Opens an instance for some players and has them brought in.
    OpenInstance {
        /// Opening it twice under one id opens one, for a day.
        operation: OperationId,
        /// Name of a place of the content, whatever the case.
        place: String,
        /// How long it lives, in seconds.
        life_s: u32,
        /// For whom.
        guests: Vec<Guest>,
    },
    /// Closes an instance; who is in it stands where it had entered.
    CloseInstance {
        /// Its number.
        instance: u64,
        /// Why.
        why: CloseReason,
    },
    /// Bounds instances from now on; what is open stays.
    LimitInstances {
        /// The new bounds, all of them.
        limits: InstanceLimits,
    },
}

/// As an operator types it behind `wydbr cluster`.
impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Drain { node } => write!(f, "drain {node}"),
            Self::Join { node } => write!(f, "join {node}"),
            Self::Move { zone, node } => write!(f, "move {} {node}", quoted(zone)),
            Self::Pin { zone, node } => write!(f, "pin {} {node}", quoted(zone)),
            Self::Unpin { zone } => write!(f, "unpin {}", quoted(zone)),
            Self::Rebalance => write!(f, "rebalance"),
            Self::Split { zone, .. } => write!(f, "split {}", quoted(zone)),
            Self::Merge { zone } => write!(f, "merge {}", quoted(zone)),
            Self::OpenInstance { place, life_s, guests, .. } => {
                let names: Vec<&str> = guests.iter().map(|guest| guest.name.as_str()).collect();
                write!(f, "instance open {} --for {life_s}s --players {}", quoted(place), names.join(","))
            }
            Self::CloseInstance { instance, .. } => write!(f, "instance close {instance}"),
            Self::LimitInstances { limits } => {
                let InstanceLimits { open_max, per_player_max, life_max_s, empty_s } = limits;
                write!(
                    f,
                    "instance limits --open {open_max} --per-player {per_player_max} --longest {life_max_s}s \
                     --empty {empty_s}s"
                )
            }
        }
    }
}

fn quoted(zone: &str) -> String {
    let plain = !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { zone.to_owned() } else { format!("'{}'", zone.replace('\'', "'\\''")) }
}

/// A wish and who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MakeWish {
    /// The operator, for the log.
    pub by: String,
    /// What.
    pub wish: Wish,
}

/// What became of a wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WishGranted {
    /// False when it was so already: nothing was written.
    pub changed: bool,
    /// What was before, for the operator.
    pub before: String,
    /// What holds now.
    pub after: String,
    /// Wishes that bring back what was before.
    pub undo: Vec<Wish>,
}

/// Why a wish is not followed, for the operator: what was found and what was expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct WishRefusal(pub String);

/// A wish that was followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedWish {
    /// Its number.
    pub number: u64,
    /// When, by the clock of the metadata database.
    pub at_ms: i64,
    /// The operator.
    pub by: String,
    /// As typed.
    pub wish: String,
    /// What was before.
    pub before: String,
    /// What holds since.
    pub after: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_told_as_it_is_typed() {
        let node = ProcessName("tmsrv-2".to_owned());
        let pin = |zone: &str| Wish::Pin { zone: zone.to_owned(), node: node.clone() }.to_string();
        assert_eq!(pin("Armia"), "pin Armia tmsrv-2");
        assert_eq!(pin("block 8,8"), "pin 'block 8,8' tmsrv-2");
        assert_eq!(pin("it's"), "pin 'it'\\''s' tmsrv-2");
        assert_eq!(Wish::Drain { node }.to_string(), "drain tmsrv-2");
        let split = Wish::Split { zone: "Armia".to_owned(), by: CutBy::Operator };
        assert_eq!(split.to_string(), "split Armia");
        assert_eq!(Wish::Merge { zone: "Armia/3".to_owned() }.to_string(), "merge 'Armia/3'");
    }
}
