//! What the world tells, free of client versions and short ids.

use crate::character::{Affect, CharacterName, Class, SKILL_BAR, Unspent};
use crate::friend::FriendLine;
use crate::guild::GuildLine;
use crate::id::{EntityId, Epoch, GroundId, SessionId};
use crate::item::{EQUIP_SLOTS, Item, ItemSpec, Slot};
use crate::moves::MoveMark;
pub use crate::moves::Walk;
use crate::place::Tile;
use crate::score::Score;
use crate::trade::{Offer, Ware};
use serde::{Deserialize, Serialize};

/// An event and the sessions of one edge that perceive it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Addressed {
    /// The sessions, all of the edge that the message goes to.
    pub to: Vec<SessionId>,
    /// What happened.
    pub event: Event,
}

/// How an entity comes into view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arrival {
    /// It was there already, or walked in.
    Plain,
    /// It appears with the glow of a login or a teleport.
    Glow,
}

/// How an entity goes out of view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Departure {
    /// It is out of sight.
    OutOfView,
    /// It died.
    Died,
    /// It logged out.
    LoggedOut,
    /// It vanished: teleport or removal.
    Vanished,
}

/// What others see of an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Appearance {
    /// Which entity.
    pub entity: EntityId,
    /// Where it stands now.
    pub tile: Tile,
    /// Name in ASCII or Latin letters, at most 15 bytes on the wire.
    pub name: String,
    /// Look: item kind and refinement (0..15) of each slot.
    pub equip: [EquipLook; EQUIP_SLOTS],
    /// Visible affects: kind and remaining time in units of 8 s.
    pub affects: Vec<(u8, u8)>,
    /// Guild id, 0 none.
    pub guild: u16,
    /// Rank in the guild.
    pub guild_rank: u8,
    /// Shown numbers.
    pub score: Score,
    /// Chaos points (players), 0 for creatures.
    pub chaos: u8,
    /// The title line under the name.
    pub title: String,
    /// The rest of the walk it is on, if any.
    pub walk: Option<Walk>,
    /// The movement that it is in, or came to rest with.
    pub mark: MoveMark,
    /// Title of the personal shop that it sits in, if any.
    pub stall: Option<String>,
}

/// One slot of what others see of somebody's equipment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EquipLook {
    /// Item number, 0 none.
    pub kind: u16,
    /// Refinement 0..15.
    pub refine: u8,
    /// Colour or ancient code.
    pub color: u8,
}

/// Everything that a player's own client needs about its character.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    /// Own entity.
    pub entity: EntityId,
    /// Under which its node has loaded it: what a node tells that had it before is older.
    pub epoch: Epoch,
    /// Slot in the selection screen.
    pub slot: u8,
    /// Name.
    pub name: CharacterName,
    /// Class.
    pub class: Class,
    /// Clan or kingdom.
    pub clan: u8,
    /// Guild id.
    pub guild: u16,
    /// Rank in the guild.
    pub guild_rank: u8,
    /// Gold carried.
    pub gold: i64,
    /// Experience.
    pub experience: i64,
    /// Where it stands.
    pub tile: Tile,
    /// Home city 0..4.
    pub home_city: u8,
    /// Numbers before items and affects.
    pub base: Score,
    /// Numbers as shown.
    pub score: Score,
    /// Equipment.
    pub equip: Vec<Option<Item>>,
    /// What others see of the equipment.
    pub look: [EquipLook; EQUIP_SLOTS],
    /// Inventory.
    pub carry: Vec<Option<Item>>,
    /// Learned skills.
    pub learned: [u32; 2],
    /// Points not yet spent.
    pub unspent: Unspent,
    /// Critical chance byte.
    pub critical: u8,
    /// Mana saving percent.
    pub save_mana: u8,
    /// Magic attack percent.
    pub magic: u8,
    /// Regeneration of hit points and mana.
    pub regen: (u8, u8),
    /// Resistances: fire, ice, holy, thunder.
    pub resist: [u8; 4],
    /// Skill bar.
    pub skill_bar: [u8; SKILL_BAR],
    /// Own affects.
    pub affects: Vec<Affect>,
    /// Chaos points.
    pub chaos: u8,
    /// Weather: 0 clear, 1 rain, 2 snow.
    pub weather: u8,
}

/// A text for a player, translated by the edge into the operator's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// Words of an operator or of another player: shown as they are.
    Text(String),
    /// A line of the catalogue with its arguments.
    Catalogue {
        /// Key in the message catalogue.
        key: NoticeKey,
        /// Values for `{0}`, `{1}`...
        arguments: Vec<String>,
    },
}

/// Keys of the message catalogue that the world uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoticeKey {
    /// Not enough gold: `{0}` is the price.
    NotEnoughGold,
    /// There is no portal here.
    NoPortalHere,
    /// The place cannot be entered now.
    PlaceClosed,
    /// The part of the world that was asked for has no node at the moment.
    PlaceUnreachable,
    /// The player's own request is still being worked on.
    StillBusy,
    /// No free place in the inventory or the bank.
    NoRoom,
    /// More gold than may be held.
    TooMuchGold,
    /// The item is not there any more, or not what was shown.
    ItemGone,
    /// The price or the offer changed since it was shown.
    OfferChanged,
    /// The item cannot be traded, dropped, sold or kept in the bank.
    ItemBound,
    /// The player or merchant is too far away or gone.
    TooFar,
    /// The other player is busy.
    PartnerBusy,
    /// The trade was ended by the other side.
    TradeEnded,
    /// The store does not answer at the moment; nothing was done.
    TryLater,
    /// The account is frozen: an operator has to look at it.
    AccountFrozen,
    /// The item cannot be worn: class, level or attributes.
    CannotWear,
    /// Not in a town.
    OnlyInTown,
    /// The player has less gold than that.
    GoldMissing,
    /// How the auction house is used.
    AuctionUsage,
    /// A lot is listed: `{0}` its number, `{1}` the item, `{2}` the fee.
    AuctionListed,
    /// A lot: `{0}` number, `{1}` item, `{2}` next bid, `{3}` buy-out or `-`, `{4}` hours left.
    AuctionLot,
    /// End of a list: `{0}` lots in all, this was page `{1}` of `{2}`.
    AuctionPage,
    /// No lot was found.
    AuctionNothing,
    /// The bid `{1}` on lot `{0}` stands.
    AuctionBid,
    /// Item `{0}` was bought for `{1}`; it is in the bank.
    AuctionBought,
    /// Item `{0}` is off the auction and in the bank.
    AuctionCancelled,
    /// Somebody bids more for `{0}`; `{1}` gold is back in the bank.
    AuctionOutbid,
    /// Item `{0}` was sold; `{1}` gold is in the bank.
    AuctionSold,
    /// Nobody bid for item `{0}`; it is in the bank.
    AuctionUnsold,
    /// Item `{0}` was won; it is in the bank.
    AuctionWon,
    /// There is no such lot, or it is over.
    AuctionNoSuchLot,
    /// The bid must be at least `{0}`.
    AuctionBidTooLow,
    /// The lot has bids and stays.
    AuctionHasBids,
    /// Nobody bids on an own lot.
    AuctionOwnLot,
    /// No more than `{0}` lots at a time.
    AuctionTooManyLots,
    /// How parcels are used.
    ParcelUsage,
    /// A parcel is on its way: `{0}` the receiver, `{1}` the postage.
    ParcelSent,
    /// A parcel of the player `{0}` waits.
    ParcelArrived,
    /// A parcel that waits: `{0}` number, `{1}` sender, `{2}` gold, `{3}` items, `{4}` days left.
    ParcelLine,
    /// A parcel that came back: `{0}` number, `{1}` who was to get it, `{2}` gold, `{3}` items.
    ParcelBackLine,
    /// So many parcels more wait: `{0}`.
    ParcelMore,
    /// No parcel waits.
    ParcelNothing,
    /// What was in a parcel is in the bank.
    ParcelTaken,
    /// What was in `{0}` parcels is in the bank, `{1}` wait still.
    ParcelsTaken,
    /// A parcel goes back to its sender.
    ParcelReturned,
    /// The parcel for `{0}` came back.
    ParcelCameBack,
    /// There is no such parcel.
    ParcelNoSuch,
    /// Too many parcels wait for the receiver.
    ParcelBoxFull,
    /// Nobody sends a parcel to the own account.
    ParcelToOneself,
    /// What came back is not sent back.
    ParcelNotBack,
    /// Nobody has the name `{0}`.
    NoSuchPlayer,
    /// How the bank of a guild is used.
    GuildBankUsage,
    /// An item in the bank of a guild: `{0}` number, `{1}` item.
    GuildBankLine,
    /// What is in the bank of a guild: `{0}` gold, `{1}` items; this was page `{2}` of `{3}`.
    GuildBankSum,
    /// The item `{0}` is in the bank of the guild.
    GuildBankPut,
    /// The item `{0}` is in the inventory.
    GuildBankTook,
    /// The guild has `{0}` gold now.
    GuildBankGold,
    /// The player is in no guild.
    GuildNone,
    /// The rank does not allow it.
    GuildRankTooLow,
    /// The rank allows no more within a day.
    GuildDailyLimit,
    /// `{0}` put `{1}` into the bank of the guild, `{2}` ago.
    GuildLogPut,
    /// `{0}` took `{1}` out of the bank of the guild, `{2}` ago.
    GuildLogTook,
    /// The log has no such page.
    GuildLogNothing,
    /// The cash balance is `{0}`.
    CashBalance,
    /// The place is crowded: gestures of who is far are not shown.
    CrowdIdle,
    /// The place is crowded: mail and listings take a while.
    CrowdTrade,
    /// The place is crowded: walks of who is far are shown late.
    CrowdFar,
    /// The place is crowded: the player sees `{0}` tiles far.
    CrowdView,
    /// The place is crowded: time goes at `{0}` percent.
    CrowdClock,
    /// The place is crowded: nobody new is let in.
    CrowdClosed,
    /// The place is not crowded any more.
    CrowdOver,
    /// The instance ends in `{0}`.
    InstanceEnds,
    /// The instance that the player was in is gone.
    InstanceOver,
    /// Something of guilds.
    Guild(GuildLine),
    /// Something of friends.
    Friend(FriendLine),
}

/// Something that happened in the world and that clients show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    /// The receiving player is in the world now; all that its own client needs. Sent first, once per attach.
    Entered(Box<Sheet>),
    /// An entity came into view.
    Appeared {
        /// What is seen.
        look: Box<Appearance>,
        /// How it came.
        arrival: Arrival,
    },
    /// An entity went out of view.
    Disappeared {
        /// Which.
        entity: EntityId,
        /// How it went.
        departure: Departure,
    },
    /// An entity in view began a walk. Not sent to the walker itself.
    Walked {
        /// Who.
        entity: EntityId,
        /// The walk.
        walk: Walk,
        /// Which of its movements that is.
        mark: MoveMark,
    },
    /// An entity in view stopped before the end of its walk. Not sent to itself.
    Stopped {
        /// Who.
        entity: EntityId,
        /// Where it stands.
        tile: Tile,
        /// Which of its movements that is.
        mark: MoveMark,
    },
    /// An entity stands elsewhere at once: teleport, correction, recall. Sent to itself and to viewers.
    Placed {
        /// Who.
        entity: EntityId,
        /// Where it stands.
        tile: Tile,
        /// Which of its movements that is.
        mark: MoveMark,
    },
    /// An emote or another animation.
    Motion {
        /// Who.
        entity: EntityId,
        /// Animation number.
        motion: i16,
        /// Its parameter.
        parameter: i16,
        /// Facing in radians.
        direction: f32,
        /// Tells it from all others of that entity: over a border it may be told twice.
        number: u64,
    },
    /// Near chat.
    Said {
        /// Who.
        entity: EntityId,
        /// The line.
        text: String,
        /// As that of a motion.
        number: u64,
    },
    /// Shown numbers of an entity changed.
    ScoreChanged {
        /// Who.
        entity: EntityId,
        /// The new numbers.
        score: Score,
    },
    /// The receiving player's gold changed.
    GoldChanged {
        /// New amount carried.
        gold: i64,
    },
    /// The receiving player's skill bar, as stored.
    SkillBar {
        /// All entries.
        bar: [u8; SKILL_BAR],
    },
    /// A line in the player's panel.
    Notice(Notice),
    /// Whatever the receiving player sees from where it came into the world was told: what its client still shows of
    /// before is not in view.
    ViewComplete,
    /// Weather changed: 0 clear, 1 rain, 2 snow.
    Weather(u8),
    /// How long the instance that the receiving player is in lasts still.
    TimeLeft {
        /// In seconds; 0 when it is over.
        seconds: u32,
    },
    /// One slot of the receiving player as it is now: after a change, or to correct what its client shows.
    SlotChanged {
        /// Which.
        slot: Slot,
        /// What lies there.
        item: Option<Item>,
    },
    /// The receiving player's whole inventory and its gold.
    CarryChanged {
        /// All slots.
        carry: Vec<Option<Item>>,
        /// Gold carried.
        gold: i64,
    },
    /// What the receiving player asked for with [`crate::Command::MoveItem`] was done; its client swaps the two
    /// slots.
    ItemMoved {
        /// As asked.
        from: Slot,
        /// As asked.
        to: Slot,
        /// As asked.
        keeper: Option<EntityId>,
    },
    /// What somebody in view wears changed; sent to itself as well.
    LookChanged {
        /// Who.
        entity: EntityId,
        /// All slots.
        equip: [EquipLook; EQUIP_SLOTS],
    },
    /// The receiving player's gold in the bank changed.
    CargoGoldChanged {
        /// What is there now.
        gold: i64,
    },
    /// The receiving player's deposit was done; followed by both new amounts.
    GoldDeposited {
        /// As asked.
        amount: i64,
    },
    /// The receiving player's withdrawal was done; followed by both new amounts.
    GoldWithdrawn {
        /// As asked.
        amount: i64,
    },
    /// A merchant shows the receiving player what it sells.
    ShopShown {
        /// Who.
        merchant: EntityId,
        /// True for a skill master.
        skills: bool,
        /// 27 places as clients lay them out.
        shelf: Vec<Option<ItemSpec>>,
        /// Tax in percent.
        tax: u8,
    },
    /// The receiving player bought something; followed by the slot and the gold.
    Bought {
        /// From whom.
        merchant: EntityId,
        /// As asked.
        shelf: u8,
        /// Where it lies: another slot than asked when that was taken.
        to: u8,
        /// Gold carried after.
        gold: i64,
    },
    /// The receiving player sold something; followed by the slot and the gold.
    Sold {
        /// To whom.
        merchant: EntityId,
        /// As asked.
        from: Slot,
    },
    /// What the receiving player sold lately and can buy back, newest first: item and price.
    SoldLately {
        /// At most 10.
        list: Vec<(ItemSpec, i64)>,
    },
    /// An item on the ground came into view.
    GroundAppeared {
        /// Which.
        ground: GroundId,
        /// Where.
        tile: Tile,
        /// What.
        shown: ItemSpec,
        /// Orientation 0..3.
        rotate: u8,
        /// True when it fell just now.
        fell: bool,
    },
    /// An item on the ground is out of view, was taken or expired.
    GroundGone {
        /// Which.
        ground: GroundId,
    },
    /// The receiving player picked an item up.
    PickedUp {
        /// Where it lies now.
        slot: Slot,
        /// The item.
        item: Item,
    },
    /// The receiving player laid an item on the ground.
    Dropped {
        /// From where.
        from: Slot,
        /// Where it lies.
        tile: Tile,
        /// Orientation 0..3.
        rotate: u8,
    },
    /// The other side's window of a trade: it is opened by the first one.
    TradeOffered {
        /// The other player.
        partner: EntityId,
        /// All that it offers, with items as they are.
        offer: Offer,
        /// True when it agreed.
        checked: bool,
    },
    /// The receiving player's own check counts.
    TradeChecked,
    /// The trade is over: done, or ended by somebody. What it changed was told before.
    TradeClosed,
    /// Somebody in view opened a personal shop, or closed it (`None`).
    StallChanged {
        /// What is seen now.
        look: Box<Appearance>,
    },
    /// A personal shop as a visitor sees it.
    StallShown {
        /// Whose.
        owner: EntityId,
        /// Its title.
        title: String,
        /// What it sells.
        wares: Vec<Ware>,
        /// Tax in percent.
        tax: u8,
    },
    /// A ware of a personal shop in view was sold.
    StallSold {
        /// Whose.
        owner: EntityId,
        /// Position in the shop.
        position: u8,
    },
    /// A player in view, or the receiving one, is in another guild now, or has another rank there.
    GuildChanged {
        /// Who.
        entity: EntityId,
        /// Guild id, 0 none.
        guild: u16,
        /// Rank in the guild.
        guild_rank: u8,
    },
}

impl Event {
    /// Which movement of its entity it is; `None` when it is none.
    pub fn movement(&self) -> Option<MoveMark> {
        match self {
            Self::Walked { mark, .. } | Self::Stopped { mark, .. } | Self::Placed { mark, .. } => Some(*mark),
            _ => None,
        }
    }
}
