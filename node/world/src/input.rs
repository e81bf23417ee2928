//! What a zone is told.

use crate::economy::{Lying, WareSold};
use crate::effects::JobId;
use crate::instance::Summons;
use crate::overload::Relief;
use model::calls::market::TradeNews;
use model::calls::{bank, market};
use model::event::{Arrival, Departure, Walk};
use model::population::{CreatureState, Guest};
use model::sight::Sighting;
use model::transfer::TransferRefusal;
use model::{Character, Command, EntityId, Epoch, Item, ItemId, SessionId, TradeId, ZoneId};
use placement::ZoneTable;
use rules::Derived;
use std::sync::Arc;

/// One input of a tick. Inputs are worked off in the order in which they lie.
#[derive(Clone, Debug)]
pub enum Input {
    /// A player enters. A second one of the same session replaces the first.
    Enter(Box<Entering>),
    /// A player asks for something.
    Command {
        /// Whose.
        session: SessionId,
        /// What.
        command: Command,
    },
    /// A player leaves: its last state comes out in `Effects::left`.
    Leave {
        /// Whose.
        session: SessionId,
        /// What the others see.
        departure: Departure,
    },
    /// A crossing could not be done: the player goes on in this zone.
    TurnBack {
        /// Whose.
        session: SessionId,
    },
    /// A guest of an instance is to be brought into it; again and again until it was.
    Summon {
        /// Whose.
        session: SessionId,
        /// Into which.
        to: Summons,
    },
    /// How much time this zone, an instance, has left.
    TimeLeft {
        /// In seconds.
        left_s: u32,
        /// True when its players are told in words as well.
        notice: bool,
    },
    /// News of a trade of a player.
    Trade {
        /// Whose.
        session: SessionId,
        /// Which.
        trade: TradeId,
        /// What.
        news: TradeNews,
    },
    /// A ware of a player's personal shop is gone.
    WareSold {
        /// Whose shop.
        session: SessionId,
        /// What.
        sold: WareSold,
    },
    /// The market closed a player's personal shop.
    StallClosed {
        /// Whose.
        session: SessionId,
    },
    /// A creature comes over the border; one that came already changes nothing.
    Come(Box<CreatureState>),
    /// What came of a creature that waited to be handed over.
    Passed {
        /// Which.
        entity: EntityId,
        /// True when the other zone has it, or may have it.
        taken: bool,
    },
    /// Creatures that are elsewhere after more hops: these are of an older state.
    Outdated(Vec<EntityId>),
    /// Creatures of this zone's generators that are in other zones at the moment.
    Abroad(Vec<Guest>),
    /// What the store says to lie on the ground; what the zone knows already is left as it is.
    Ground(Vec<Lying>),
    /// A neighbour watches those near its border from now on, or anew.
    Watch {
        /// Which.
        by: ZoneId,
    },
    /// It does not any more.
    Unwatch {
        /// Which.
        by: ZoneId,
    },
    /// The map is divided in another way; the zone itself keeps its tiles, or is about to end.
    Map(Arc<ZoneTable>),
    /// The load of the thread changed: what the zone does less of from now on.
    Relieve(Relief),
    /// What a neighbour tells.
    Sight {
        /// Which.
        from: ZoneId,
        /// True when it is everybody.
        whole: bool,
        /// What.
        sightings: Vec<Sighting>,
    },
    /// What came of a job.
    JobDone {
        /// Which.
        job: JobId,
        /// What came of it.
        outcome: JobOutcome,
    },
}

/// A player on its way into a zone.
#[derive(Clone, Debug)]
pub struct Entering {
    /// Its session.
    pub session: SessionId,
    /// The epoch under which it was loaded.
    pub epoch: Epoch,
    /// All of it; `soft.tile` is where it wants to stand.
    pub character: Character,
    /// Its numbers.
    pub derived: Derived,
    /// What the others see.
    pub arrival: Arrival,
    /// True when it walked over the border of another zone: its client is still walking.
    pub on_foot: bool,
    /// How long it was on its way, in milliseconds; `None` when it comes from nowhere.
    pub away_ms: Option<u64>,
    /// What is left of the walk on which it came, from `soft.tile`: it goes on.
    pub walk: Option<Walk>,
    /// True when it was in an instance that is gone.
    pub put_out: bool,
}

/// What came of a [`crate::Job`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// The plan is done.
    Transferred {
        /// Ids of what was born, in the order of the plan.
        born: Vec<ItemId>,
        /// What the character carries now, if its gold moved.
        gold: Option<i64>,
    },
    /// The store changed nothing.
    Refused {
        /// Why.
        refusal: TransferRefusal,
        /// What the player has, when the refusal says that the zone does not know it.
        fresh: Option<Box<Possessions>>,
    },
    /// The bank's answer.
    Bank {
        /// What it says; never that it does not know.
        reply: bank::Reply,
        /// What the player has, when the answer says that the zone does not know it.
        fresh: Option<Box<Possessions>>,
    },
    /// The market's answer.
    Market {
        /// What it says; never that it does not know.
        reply: Box<market::Reply>,
        /// What the player has, when the answer says that the zone does not know it.
        fresh: Option<Box<Possessions>>,
    },
    /// Not done, and it never will be.
    Failed,
}

/// Items and gold of a character as the store has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Possessions {
    /// Equipment.
    pub equip: Vec<Option<Item>>,
    /// Inventory.
    pub carry: Vec<Option<Item>>,
    /// Gold carried.
    pub gold: i64,
}
