//! What operators take back: planned by pure code over entries of the ledger, done by ordinary transfers, while
//! everybody plays.
//!
//! ```text
//!   target --plan(book)--> wants: read them into the book, plan anew       (pure: no database, no clock)
//!                   |
//!                   '----> Plan: steps, and what is left and why
//!                            | fence the characters concerned, read and plan anew: now they stand still
//!                            v
//!                          transfers by the operator: all of each or nothing; one that is refused: plan anew
//! ```
//! Each transfer also changes the records of `minutes`, which refuse what was planned before another one was done: so
//! several operators at once are one after the other. See ADR 0016.
//!
//! `restore-character` goes the same way: it takes back what concerned only the character and the world, puts things
//! where they lay, and sets what the character had become (`restore`).
//!
//! A plan follows from what is stored, so doing it twice finds nothing to do the second time. See ADR 0010.

mod book;
mod circle;
mod compose;
mod gold;
mod guilds;
mod minutes;
mod places;
mod read;
mod restore;
mod run;
mod tainted;
#[cfg(test)]
mod tests;
pub mod undo;

pub use book::{Book, Household, Want};
pub use run::{AmendError, Amended, Clerk};

use crate::guild::Guild;
use model::calls::database::HeldRecord;
use model::character::Progress;
use model::guild::GuildName;
use model::id::{AccountId, CharacterId, GuildId, ItemId, OperationId};
use model::item::{Effect, Item};
use model::ledger::{Actor, Entry, GoldAccount, ItemPlace};
use model::transfer::{GoldLocation, ItemLocation, RecordKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Reason of the entries of an `undo`.
pub const UNDO: &str = "undo";
/// Reason of the entries of an `undo` of all since a moment.
pub const UNDO_SINCE: &str = "undo-since";
/// Reason of the entries of a `restore-character`.
pub const RESTORE: &str = "restore";
/// Reason of the entries of a repair.
pub const REPAIR: &str = "repair";

/// Where the gold comes from that is paid back for a guild which an undo ends.
const ENDS_GUILD: &str = "undo-guild";

/// True for what an operator did with these tools.
pub(crate) fn is_amendment(entry: &Entry) -> bool {
    matches!(entry.actor, Actor::Operator(_))
        && [UNDO, UNDO_SINCE, RESTORE, REPAIR].contains(&entry.reason.as_str())
}

/// Where an item is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// To that place, which is free.
    At(ItemLocation),
    /// Into a parcel for that account: neither its old place nor the bank has room.
    Parcel(AccountId),
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// An item goes back.
    Bring {
        /// As it is now.
        item: Item,
        /// Where it lies now.
        from: ItemLocation,
        /// Where it goes.
        goal: Goal,
        /// What it is then.
        effects: [Effect; 3],
    },
    /// An item that should never have been ends.
    End {
        /// As it is now.
        item: Item,
        /// Where it lies now.
        from: ItemLocation,
    },
    /// An item that had ended lives on under a new id.
    Make {
        /// The new one.
        item: Item,
        /// The one that ended.
        of: ItemId,
        /// Where it goes.
        goal: Goal,
    },
    /// Gold, or cash, goes back.
    Pay {
        /// How much.
        amount: i64,
        /// From where.
        from: GoldLocation,
        /// Where to.
        to: GoldLocation,
    },
}

/// A guild that ends with its founding, its bank empty and its founder its only member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Which operation founded it.
    pub operation: OperationId,
    /// Which.
    pub guild: GuildId,
    /// Its name, which is free then, and the version of the record of it.
    pub(crate) name: (GuildName, u64),
    /// Its founder, and the version of its record as a member.
    pub(crate) leader: (CharacterId, u64),
    /// The founder's account.
    pub(crate) account: AccountId,
    /// What its record says, with the version of that.
    pub(crate) body: Guild,
    pub(crate) version: u64,
}

/// A character becomes what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regain {
    /// Which.
    pub character: CharacterId,
    /// Whose.
    pub account: AccountId,
    /// What it is now.
    pub from: Progress,
    /// Since when.
    pub since_ms: i64,
    /// What it becomes.
    pub to: Progress,
}

/// What a plan cannot do, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The item.
    pub item: Option<ItemId>,
    /// So much gold.
    pub gold: Option<i64>,
    /// In a sentence.
    pub why: String,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The steps, those that take before those by which the world gives.
    pub steps: Vec<Step>,
    /// What stays as it is.
    pub left: Vec<Left>,
    /// The parts that were done for the same before.
    pub(crate) parts: minutes::Parts,
    /// Guilds that end, before all steps.
    pub endings: Vec<Ending>,
    /// What a character becomes again, after all steps.
    pub regain: Option<Regain>,
    /// Records from which something is taken.
    pub(crate) records: BTreeMap<RecordKey, HeldRecord>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Something has to be read first.
    Wants(BTreeSet<Want>),
    /// It cannot be planned, in a sentence.
    No(String),
}

impl Left {
    fn item(item: ItemId, why: impl Into<String>) -> Self {
        Self { item: Some(item), gold: None, why: why.into() }
    }

    fn gold(amount: i64, why: impl Into<String>) -> Self {
        Self { item: None, gold: Some(amount), why: why.into() }
    }
}

impl Step {
    /// Characters whose things it touches, with their accounts.
    pub(crate) fn characters(&self) -> Vec<(CharacterId, AccountId)> {
        let of_place = |at: &ItemLocation| match at.place {
            ItemPlace::Equip(character, _) | ItemPlace::Carry(character, _) => Some((character, at.home)),
            _ => None,
        };
        let of_goal = |goal: &Goal| match goal {
            Goal::At(at) => of_place(at),
            Goal::Parcel(_) => None,
        };
        let of_gold = |at: &GoldLocation| match at.account {
            GoldAccount::Character(character) => Some((character, at.home)),
            _ => None,
        };
        let both = match self {
            Self::Bring { from, goal, .. } => [of_place(from), of_goal(goal)],
            Self::End { from, .. } => [of_place(from), None],
            Self::Make { goal, .. } => [of_goal(goal), None],
            Self::Pay { from, to, .. } => [of_gold(from), of_gold(to)],
        };
        both.into_iter().flatten().collect()
    }

    /// True when the world gives something.
    pub(crate) fn gives(&self) -> bool {
        match self {
            Self::Make { .. } => true,
            Self::Bring { item, effects, .. } => item.effects != *effects,
            Self::Pay { from, .. } => matches!(from.account, GoldAccount::Mint(_)),
            Self::End { .. } => false,
        }
    }
}

impl Plan {
    /// Characters that must be fenced.
    pub(crate) fn characters(&self) -> BTreeMap<CharacterId, AccountId> {
        let regain = self.regain.iter().map(|regain| (regain.character, regain.account));
        let founders = self.endings.iter().map(|ending| (ending.leader.0, ending.account));
        self.steps.iter().flat_map(Step::characters).chain(regain).chain(founders).collect()
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(at) => write!(f, "{}", at.place),
            Self::Parcel(account) => write!(f, "a parcel for account {account}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |item: &Item| format!("item {:032x} kind {}", item.id.0, item.kind.0);
        match self {
            Self::Bring { item, from, goal, effects } => {
                write!(f, "{}: {} -> {goal}", name(item), from.place)?;
                let changed = if *effects == item.effects { "" } else { ", as it was before" };
                write!(f, "{changed}")
            }
            Self::End { item, from } => write!(f, "{}: {} -> nowhere", name(item), from.place),
            Self::Make { item, of, goal } => {
                write!(f, "{}: nowhere -> {goal}, in place of {:032x}", name(item), of.0)
            }
            Self::Pay { amount, from, to } => write!(f, "gold {amount}: {} -> {}", from.account, to.account),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, name, leader) = (self.guild.0, &self.name.0, self.leader.0);
        write!(f, "guild {id} {name}: led by character {leader} -> nowhere, its name is free")
    }
}

impl fmt::Display for Regain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "character {}: {} -> {}", self.character, self.from, self.to)
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.item, self.gold) {
            (Some(item), _) => write!(f, "item {:032x}: {}", item.0, self.why),
            (None, Some(gold)) => write!(f, "gold {gold}: {}", self.why),
            (None, None) => f.write_str(&self.why),
        }
    }
}

/// A moment in the ledger: time, shard, number.
pub(crate) type Mark = (i64, u16, u64);

/// When an entry was written.
pub(crate) fn mark(entry: &Entry) -> Mark {
    (entry.at_ms, entry.shard, entry.entry)
}
