//! What a zone says.

use crate::ghost::Noted;
use crate::plan::Plan;
use crate::relief::Shed;
use model::calls::bank::{GuildAct, KindRule};
use model::calls::market::Carried;
use model::character::SoftState;
use model::guild::{GuildDeed, Place};
use model::item::ItemSpec;
use model::population::CreatureState;
use model::sight::Sighting;
use model::trade::{FirmOffer, Ware};
use model::{
    AccountId, Addressed, CharacterId, CharacterName, Epoch, Event, GuildId, Item, SessionId, Slot, Tile,
    TradeId, ZoneId,
};

/// Number of a job within its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub u64);

/// Durable work; its outcome comes back as [`crate::Input::JobDone`].
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Which.
    pub id: JobId,
    /// The player who waits for it; `None` for what the zone does itself.
    pub who: Option<Who>,
    /// What is to be done.
    pub work: Work,
}

/// The player of a [`Job`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The session.
    pub session: SessionId,
    /// Its account.
    pub account: AccountId,
    /// Its character.
    pub character: CharacterId,
}

/// The work of a [`Job`].
#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    /// Move, make and end items and gold.
    Transfer(Plan),
    /// Ask the bank.
    Bank(BankWork),
    /// Ask the market.
    Market(MarketWork),
}

/// What the bank is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BankWork {
    /// Move an item between inventory and bank, or within the bank.
    Move {
        /// From where.
        from: Slot,
        /// Where to.
        to: Slot,
        /// What lies in the slot of the inventory.
        carried: Option<Item>,
        /// How its kind stacks.
        rule: Option<KindRule>,
    },
    /// Carried gold into the bank.
    Deposit {
        /// How much.
        amount: i64,
    },
    /// Gold of the bank to the character.
    Withdraw {
        /// How much.
        amount: i64,
    },
    /// A parcel.
    SendParcel {
        /// Name of the sender.
        sender: CharacterName,
        /// For whom.
        to: CharacterName,
        /// Slots of the inventory and what lies there.
        items: Vec<(u8, Item)>,
        /// Gold, from 0.
        gold: i64,
    },
    /// What waits for the player.
    Parcels,
    /// All parcels that fit, into the bank.
    TakeParcels,
    /// One parcel into the bank.
    TakeParcel {
        /// The beginning of its number.
        number: String,
    },
    /// One parcel back to its sender.
    ReturnParcel {
        /// The beginning of its number.
        number: String,
    },
    /// What is in the bank of the guild.
    GuildBank {
        /// Which guild.
        guild: GuildId,
        /// Which page, from 0.
        page: u32,
    },
    /// Who put what into it and took what out of it.
    GuildLog {
        /// Which guild.
        guild: GuildId,
        /// Which page, from 0.
        page: u32,
    },
    /// An item into the bank of the guild, or gold into it or out of it.
    Guild {
        /// Which guild.
        guild: GuildId,
        /// The player's rank there.
        rank: u8,
        /// What.
        act: GuildAct,
    },
    /// An item out of the bank of the guild.
    GuildTake {
        /// Which guild.
        guild: GuildId,
        /// The player's rank there.
        rank: u8,
        /// The beginning of the item's number.
        number: String,
        /// Free slot of the inventory.
        to: u8,
    },
    /// The cash balance.
    Cash,
    /// Something about the own guild and its members.
    ManageGuild {
        /// Name of the player.
        name: CharacterName,
        /// Its kingdom.
        clan: u8,
        /// Its guild and rank.
        place: Place,
        /// What.
        deed: GuildDeed,
    },
    /// The player's guild and rank, as stored.
    GuildPlace,
}

/// What the market is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarketWork {
    /// The own half of a trade.
    Offer {
        /// Name of the character.
        name: String,
        /// With whom.
        partner: CharacterId,
        /// The zone where that one stands, as far as it is seen here.
        partner_zone: ZoneId,
        /// What.
        offer: FirmOffer,
        /// True to agree.
        checked: bool,
        /// Version of the partner's half that the player sees.
        saw: u32,
        /// The trade that it goes on with; `None`: a new one.
        trade: Option<TradeId>,
    },
    /// The end of a trade.
    Cancel {
        /// Whose.
        character: CharacterId,
        /// Which; `None`: any.
        trade: Option<TradeId>,
    },
    /// A personal shop.
    OpenStall {
        /// Name of the owner.
        name: String,
        /// Its title.
        title: String,
        /// What it sells, as its client shows it.
        wares: Vec<Ware>,
        /// Tax of the place in percent.
        tax: u8,
    },
    /// The end of a personal shop.
    CloseStall {
        /// Whose.
        owner: CharacterId,
    },
    /// What a personal shop sells.
    ReadStall {
        /// Whose.
        owner: CharacterId,
    },
    /// One ware of a personal shop.
    BuyFromStall {
        /// Free inventory slot of the buyer.
        to_slot: u8,
        /// Whose shop.
        owner: CharacterId,
        /// Position in the shop.
        position: u8,
        /// What the buyer was shown.
        shown: ItemSpec,
        /// What the buyer was asked for.
        price: i64,
    },
    /// What was typed after `auction`.
    Words {
        /// Name of the character.
        name: String,
        /// The text.
        text: String,
        /// What it carries and may sell.
        carry: Vec<Carried>,
    },
}

/// The soft state of a player at the end of a tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Whose.
    pub session: SessionId,
    /// The session's account.
    pub account: AccountId,
    /// The session's character.
    pub character: CharacterId,
    /// Which of the states of this session it is, counted from 1 as they were taken; 0 for one that is as it was loaded.
    pub number: u64,
    /// The state.
    pub soft: SoftState,
    /// Ways that were paid and gone by then: a state with fewer of them is older than what paying wrote.
    pub jobs_done: u32,
    /// Commands of its session that were obeyed in this zone: its edge gives the others to the next one.
    pub obeyed: u32,
}

/// A player who stands still, waiting to be handed over to another zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// Its state; `soft.tile` is the tile that it goes to.
    pub snapshot: Snapshot,
    /// The zone that holds that tile.
    pub to: ZoneId,
    /// True when it walks over the border, false when it is moved at once (portal, recall).
    pub on_foot: bool,
}

impl Crossing {
    /// The tile that the player goes to.
    pub fn tile(&self) -> Tile {
        self.snapshot.soft.tile
    }
}

/// A creature that stands still, waiting to be handed over to another zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Passing {
    /// The zone that holds its tile.
    pub to: ZoneId,
    /// Under which epoch the zone is played where it waits.
    pub epoch: Epoch,
    /// It.
    pub creature: CreatureState,
}

/// Everything that came of one or more steps. The caller empties it and hands it in again.
#[derive(Debug, Default)]
pub struct Effects {
    /// Who perceives what, in order.
    pub events: Vec<Addressed>,
    /// Durable work.
    pub jobs: Vec<Job>,
    /// Players that wait to be handed over.
    pub crossings: Vec<Crossing>,
    /// Creatures that wait to be handed over.
    pub passing: Vec<Passing>,
    /// Players that left, with their last state.
    pub left: Vec<Snapshot>,
    /// What neighbours are told: which zone, whether it is everybody, what.
    pub sights: Vec<(ZoneId, bool, Vec<Sighting>)>,
    /// What was held back.
    pub shed: Shed,
    /// What happened near a border in this step.
    pub(crate) noted: Vec<Noted>,
    /// The same of items on the ground: where, and what neighbours are told.
    pub(crate) noted_ground: Vec<(Tile, Sighting)>,
    spare: Vec<Vec<SessionId>>,
}

/// Audiences kept for the next ticks.
const SPARE_MAX: usize = 1024;

impl Effects {
    /// Says something to one session.
    pub(crate) fn tell(&mut self, session: SessionId, event: Event) {
        let mut to = self.audience();
        to.push(session);
        self.tell_all(to, event);
    }

    /// Says something to many; nothing to nobody.
    pub(crate) fn tell_all(&mut self, to: Vec<SessionId>, event: Event) {
        if to.is_empty() {
            self.recycle(to);
        } else {
            self.events.push(Addressed { to, event });
        }
    }

    /// An empty audience, used before if there is one.
    pub fn audience(&mut self) -> Vec<SessionId> {
        self.spare.pop().unwrap_or_default()
    }

    /// Takes an audience back that the caller has read.
    pub fn recycle(&mut self, mut audience: Vec<SessionId>) {
        if self.spare.len() < SPARE_MAX {
            audience.clear();
            self.spare.push(audience);
        }
    }

    /// True when nothing came of it.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
            && self.jobs.is_empty()
            && self.crossings.is_empty()
            && self.passing.is_empty()
            && self.left.is_empty()
            && self.sights.is_empty()
    }
}
