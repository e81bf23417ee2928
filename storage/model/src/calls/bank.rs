//! Calls of BISrv: cargo, parcels, the banks of guilds, cash.
//!
//! Each change carries an operation id that its caller made and keeps for every repeat: however often it is
//! asked, it is done once, and each answer tells of that one time. [`Reply::Unavailable`] means that nobody
//! knows yet: the caller repeats the same request, with [`Order::again`] set, until another reply comes. A
//! caller shows nothing before.
//!
//! The caller (the node that owns the character) has checked what only it knows: that a keeper of the bank is
//! near, that an item may leave its owner, that the slot of the inventory is usable. What lies in the bank only
//! BISrv and the store know.

use crate::character::CharacterName;
use crate::guild::{GuildDeed, GuildLine, Place};
use crate::id::{AccountId, CharacterId, GuildId, ItemId, OperationId, ParcelId};
use crate::item::{Item, ItemKind, Slot};
use crate::ledger::Actor;
use crate::transfer::Fence;
use serde::{Deserialize, Serialize};

/// Most items of one parcel.
pub const PARCEL_ITEMS_MAX: usize = 8;
/// Longest text of a parcel in characters.
pub const PARCEL_TEXT_MAX: usize = 94;
/// Most parcels of one answer.
pub const PARCELS_LISTED_MAX: usize = 100;
/// Lines of one page of a guild's log.
pub const GUILD_LOG_LINES: u32 = 8;
/// Pages of it that can be read.
pub const GUILD_LOG_PAGES: u32 = 100;

/// Who asks for a change, and under which id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Order {
    /// Doing it twice is doing it once.
    pub operation: OperationId,
    /// The player's character, as its node loaded it.
    pub fence: Fence,
    /// False the first time that the operation is sent, true each time after. An answer to a repeat is read from
    /// the store, not taken from what the request says.
    pub again: bool,
}

/// A call to BISrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Load what an account keeps in the bank: [`Reply::Cargo`].
    LoadCargo {
        /// Whose.
        account: AccountId,
    },
    /// See [`MoveItem`]: [`Reply::Moved`].
    MoveItem(MoveItem),
    /// Carried gold into the bank: [`Reply::Gold`].
    DepositGold(MoveGold),
    /// Gold of the bank to the character: [`Reply::Gold`].
    WithdrawGold(MoveGold),
    /// See [`SendParcel`]: [`Reply::Sent`].
    SendParcel(SendParcel),
    /// Parcels that wait for an account, oldest first: [`Reply::Parcels`].
    ListParcels {
        /// Whose.
        account: AccountId,
    },
    /// See [`TakeParcel`]: [`Reply::Taken`].
    TakeParcel(TakeParcel),
    /// See [`DeliverParcels`]: [`Reply::Delivered`].
    DeliverParcels(DeliverParcels),
    /// What a guild keeps in its bank: [`Reply::GuildBank`].
    LoadGuildBank {
        /// Whose.
        guild: GuildId,
    },
    /// See [`GuildOrder`]: [`Reply::Guild`].
    Guild(GuildOrder),
    /// The cash balance of an account: [`Reply::Cash`].
    CashBalance {
        /// Whose.
        account: AccountId,
    },
    /// Cash is bought or given: [`Reply::Cash`].
    CashCredit(MoveCash),
    /// Cash is spent: [`Reply::Cash`].
    CashDebit(MoveCash),
    /// See [`ReturnParcel`]: [`Reply::Returned`].
    ReturnParcel(ReturnParcel),
    /// Who put what into the bank of a guild and took what out of it, newest first: [`Reply::GuildLog`].
    GuildLog {
        /// Whose.
        guild: GuildId,
        /// Which page, from 0 and below [`GUILD_LOG_PAGES`].
        page: u32,
    },
    /// See [`ManageGuild`]: [`Reply::GuildManaged`].
    ManageGuild(ManageGuild),
    /// Guild and rank of a character: [`Reply::GuildPlace`].
    ReadGuildPlace {
        /// Whose character.
        account: AccountId,
        /// Which.
        character: CharacterId,
    },
}

/// A player does something about its guild and its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManageGuild {
    /// Who and under which id.
    pub order: Order,
    /// Name of the character.
    pub name: CharacterName,
    /// Its kingdom.
    pub clan: u8,
    /// Guild and rank as the node knows them.
    pub place: Place,
    /// What.
    pub deed: GuildDeed,
}

/// What a deed left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuildManaged {
    /// Guild and rank of the player after it.
    pub place: Place,
    /// Gold carried after it; `None`: none was moved.
    pub carried: Option<i64>,
}

/// An item goes to another slot: between inventory and bank, or within the bank. Onto another item the two
/// change places; onto a stack of its own kind it joins it, and what is too much stays behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveItem {
    /// Who and under which id.
    pub order: Order,
    /// Usable bank slots of the player's client: 128, or 120.
    pub cargo_slots: u8,
    /// What the node knows of the kind that moves: that of the carried item; `None` within the bank at first, see
    /// [`Reply::KindWanted`].
    pub rule: Option<KindRule>,
    /// From where; of the inventory or the bank.
    pub from: Slot,
    /// Where to; of the inventory or the bank, at least one of both of the bank.
    pub to: Slot,
    /// What the node knows to lie in the slot of the inventory.
    pub carried: Option<Item>,
}

/// How a kind stacks, as the item list says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindRule {
    /// Which kind.
    pub kind: ItemKind,
    /// Pieces that an item is which does not say how many; 0: the kind does not stack.
    pub pieces: u8,
}

/// Gold between a character and the bank of its account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveGold {
    /// Who and under which id.
    pub order: Order,
    /// How much; above zero.
    pub amount: i64,
}

/// Items and gold for a character that may be offline. The sender pays the postage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendParcel {
    /// Who and under which id.
    pub order: Order,
    /// Name of the sending character, for the receiver to read.
    pub sender: CharacterName,
    /// For whom.
    pub to: CharacterName,
    /// Inventory slots and what the node knows to lie there, at most [`PARCEL_ITEMS_MAX`].
    pub items: Vec<(u8, Item)>,
    /// Gold, from 0; a parcel with neither item nor gold is refused.
    pub gold: i64,
    /// A line for the receiver, at most [`PARCEL_TEXT_MAX`] characters.
    pub text: String,
}

/// What is in a parcel goes into the bank of its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeParcel {
    /// Doing it twice is doing it once.
    pub operation: OperationId,
    /// As [`Order::again`].
    pub again: bool,
    /// Of the receiver.
    pub account: AccountId,
    /// Usable bank slots of the player's client: 128, or 120.
    pub cargo_slots: u8,
    /// Which.
    pub parcel: ParcelId,
}

/// All parcels that fit go into the bank of their receiver, oldest first: at login, or when the bank is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverParcels {
    /// The same on each repeat. A repeat tells only of those parcels that the earlier tries had not delivered.
    pub operation: OperationId,
    /// Of the receiver.
    pub account: AccountId,
    /// Usable bank slots of the player's client: 128, or 120.
    pub cargo_slots: u8,
}

/// A receiver does not want a parcel: it goes back to its sender, and waits there until it is taken. What came back
/// already stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnParcel {
    /// Doing it twice is doing it once.
    pub operation: OperationId,
    /// As [`Order::again`].
    pub again: bool,
    /// Of the receiver.
    pub account: AccountId,
    /// Which.
    pub parcel: ParcelId,
}

/// A member of a guild uses the guild's bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuildOrder {
    /// Who and under which id.
    pub order: Order,
    /// The guild that the node knows the character to be in.
    pub guild: GuildId,
    /// Its rank there, 0..=9; 9 leads.
    pub rank: u8,
    /// What it does.
    pub act: GuildAct,
}

/// What a member does with the bank of its guild.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuildAct {
    /// A carried item into the first free slot of the guild.
    DepositItem {
        /// Inventory slot.
        slot: u8,
        /// What the node knows to lie there.
        item: Item,
    },
    /// An item of the guild into a free slot of the inventory.
    WithdrawItem {
        /// Slot of the guild's bank.
        slot: u8,
        /// What the player was shown there.
        shown: ItemId,
        /// Free inventory slot.
        to: u8,
    },
    /// Carried gold to the guild.
    DepositGold {
        /// How much; above zero.
        amount: i64,
    },
    /// Gold of the guild to the character.
    WithdrawGold {
        /// How much; above zero.
        amount: i64,
    },
}

/// Cash is credited or debited.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveCash {
    /// Doing it twice returns the first outcome.
    pub operation: OperationId,
    /// Whose.
    pub account: AccountId,
    /// How much; above zero.
    pub amount: i64,
    /// Why, a short word for the ledger, see [`crate::transfer::REASON_MAX`].
    pub reason: String,
    /// Who does it.
    pub by: Actor,
}

/// What an account or a guild keeps in the bank.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cargo {
    /// `CARGO_SLOTS` slots.
    pub items: Vec<Option<Item>>,
    /// Gold in the bank.
    pub gold: i64,
}

/// A parcel as its receiver sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Which.
    pub parcel: ParcelId,
    /// Who sent it, as named then.
    pub sender: String,
    /// For whom, as named then.
    pub to: String,
    /// True when it came back: nobody took it in time, or its receiver did not want it.
    pub returned: bool,
    /// The sender's line.
    pub text: String,
    /// What is in it.
    pub items: Vec<Item>,
    /// Gold in it.
    pub gold: i64,
    /// When it was sent, in milliseconds since 1970.
    pub sent_ms: i64,
    /// When it goes back, in milliseconds since 1970; `None`: it waits for ever.
    pub until_ms: Option<i64>,
    /// Days until then, the one that runs counted.
    pub days_left: Option<u32>,
}

/// A line of the log of a guild's bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuildEntry {
    /// Name of the character who did it, as far as it is known; of the operator or process, if none did.
    pub who: String,
    /// Out of the bank; else into it.
    pub took: bool,
    /// What.
    pub what: GuildThing,
    /// How many seconds ago.
    pub ago_s: u64,
}

/// What went into the bank of a guild or out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuildThing {
    /// An item of this kind.
    Item(ItemKind),
    /// So much gold.
    Gold(i64),
}

/// Why the bank did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum BankRefusal {
    /// Another node has the character.
    #[error("another owner has the character")]
    Stale,
    /// There is no such item in that slot.
    #[error("the item is not there")]
    ItemGone,
    /// No free slot that this client can show.
    #[error("no free slot")]
    NoRoom,
    /// Less than nothing would be left.
    #[error("not enough gold")]
    NotEnough,
    /// More gold than may be held.
    #[error("more gold than may be held")]
    TooMuch,
    /// An operator, or the guard of the ledger, froze the account.
    #[error("the account is frozen")]
    Frozen,
    /// There is no such account.
    #[error("there is no such account")]
    NoSuchAccount,
    /// Nobody has that name.
    #[error("there is no such character")]
    NoSuchCharacter,
    /// It was taken, or went back.
    #[error("there is no such parcel")]
    NoSuchParcel,
    /// Too many parcels wait for the receiver.
    #[error("too many parcels wait for the receiver")]
    BoxFull,
    /// The rank does not allow it.
    #[error("the rank does not allow it")]
    RankTooLow,
    /// The rank allows no more within a day.
    #[error("the rank allows no more within a day")]
    DailyLimit,
    /// Others changed the same again and again while it was tried; a new operation may do it.
    #[error("it was changed by others meanwhile")]
    Changed,
    /// It can never be done: a slot that there is not, an amount below one.
    #[error("not possible: {0}")]
    BadRequest(String),
    /// Sender and receiver are the same player.
    #[error("a parcel for oneself")]
    ToOneself,
    /// The parcel has come back from its receiver already.
    #[error("the parcel came back already")]
    CameBack,
    /// Guild or rank are not what the node knew.
    #[error("guild or rank are other ones")]
    GuildChanged,
    /// Something of guilds, with what stands in the line.
    #[error("the rules of guilds say no: {0:?}")]
    Guild(GuildLine, Vec<String>),
}

/// The answer of BISrv.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// To [`Request::LoadCargo`].
    Cargo(Cargo),
    /// There is no such account.
    NoSuchAccount,
    /// Nobody knows yet whether it was done, or nobody could be asked; repeat the same request.
    Unavailable,
    /// It was not done, and never will be under this operation id.
    Refused(BankRefusal),
    /// To [`Request::MoveItem`]: both slots as they are now.
    Moved {
        /// First that of [`MoveItem::from`], then that of [`MoveItem::to`].
        slots: [(Slot, Option<Item>); 2],
    },
    /// To [`Request::MoveItem`] within the bank: two of this kind meet, and only the node knows whether they stack.
    /// Nothing was done; repeat with [`MoveItem::rule`] for it.
    KindWanted(ItemKind),
    /// To [`Request::DepositGold`] and [`Request::WithdrawGold`]: what is held after.
    Gold {
        /// Carried.
        carried: i64,
        /// In the bank.
        cargo: i64,
    },
    /// To [`Request::SendParcel`]: all slots that it named are empty now.
    Sent {
        /// Which.
        parcel: ParcelId,
        /// Gold carried after; `None`: none was moved.
        carried: Option<i64>,
    },
    /// To [`Request::ListParcels`], at most [`PARCELS_LISTED_MAX`].
    Parcels(Vec<Parcel>),
    /// To [`Request::TakeParcel`]: the bank as it is now.
    Taken(Cargo),
    /// To [`Request::DeliverParcels`].
    Delivered {
        /// What was delivered, without what an earlier try delivered.
        parcels: Vec<Parcel>,
        /// How many wait still: no slot for their items, or no room for their gold.
        waiting: u32,
        /// The bank as it is now.
        cargo: Cargo,
    },
    /// To [`Request::LoadGuildBank`].
    GuildBank(Cargo),
    /// To [`Request::Guild`].
    Guild(GuildDone),
    /// To the calls about cash: the balance after.
    Cash(i64),
    /// To [`Request::ReturnParcel`].
    Returned,
    /// To [`Request::GuildLog`], at most [`GUILD_LOG_LINES`].
    GuildLog(Vec<GuildEntry>),
    /// To [`Request::ManageGuild`].
    GuildManaged(GuildManaged),
    /// To [`Request::ReadGuildPlace`].
    GuildPlace(Place),
}

/// What a member's use of the guild's bank left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuildDone {
    /// To [`GuildAct::DepositItem`]: the inventory slot is empty now.
    ItemDeposited,
    /// To [`GuildAct::WithdrawItem`]: this lies in the inventory slot now.
    ItemWithdrawn(Item),
    /// To the acts about gold: what is held after.
    Gold {
        /// Carried by the member.
        carried: i64,
        /// In the bank of the guild.
        guild: i64,
    },
}
