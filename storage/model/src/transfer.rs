//! Transfers: the one operation that moves, makes, changes or ends items and gold.
//!
//! Everything of the economy is a transfer: a slot of the inventory changed, goods bought, a trade, a bid. It
//! says what is expected and what is to be; the store does all of it or nothing, whichever shards the
//! accounts lie on, writes the ledger in the same transaction, and does it once per operation id.
//!
//! ```text
//!  fences ok?  items where and as expected?  places free?  balances enough?  records unchanged?
//!     all yes: moves + records + ledger entries + outcome, together       any no: a TransferRefusal, nothing else
//! ```

use crate::character::SoftState;
use crate::guild::{GuildNameId, Place};
use crate::id::{
    AccountId, AmendmentId, CharacterId, Epoch, GroundId, GuildId, ItemId, LotId, OperationId, ParcelId,
};
use crate::item::{Effect, Item};
use crate::ledger::{Actor, GoldAccount, ItemPlace};
use serde::{Deserialize, Serialize};

/// Most moves of one transfer.
pub const MOVES_MAX: usize = 128;
/// Most fences of one transfer.
pub const FENCES_MAX: usize = 16;
/// Most standings of one transfer.
pub const STANDINGS_MAX: usize = 64;
/// Most record changes of one transfer.
pub const RECORD_CHANGES_MAX: usize = 64;
/// Longest body of a record in bytes.
pub const RECORD_BODY_MAX: usize = 8 * 1024;
/// Longest reason in bytes; letters, digits, `-` and `_`.
pub const REASON_MAX: usize = 32;

/// The right to write a character: as it was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Fence {
    /// Whose.
    pub account: AccountId,
    /// Which.
    pub character: CharacterId,
    /// As loaded.
    pub epoch: Epoch,
}

/// A place of an item, and the account by whose bucket its row is found: that of the character, the bank's
/// owner, the seller of a lot, the receiver of a parcel, who dropped it. A guild is its own home, see
/// [`crate::id::GuildId::home`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ItemLocation {
    /// By whose bucket it is found.
    pub home: AccountId,
    /// Where it lies.
    pub place: ItemPlace,
}

/// A holder of gold, and the account by whose bucket it is found. For the world's own accounts the home is that
/// of the other side.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GoldLocation {
    /// By whose bucket it is found.
    pub home: AccountId,
    /// Who holds it.
    pub account: GoldAccount,
}

/// One step of a transfer. The places are those before and after the whole transfer: two items that swap their
/// places are two moves. An item is named by at most one [`Move`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Move {
    /// An item goes from one place to another.
    Item {
        /// As it is expected to be.
        item: Item,
        /// Where it is expected.
        from: ItemLocation,
        /// Where it goes.
        to: ItemLocation,
        /// What it is then: other effects (a stack that grew), or the same.
        effects: [Effect; 3],
    },
    /// An item comes into being. The caller made its id.
    Birth {
        /// What it is.
        item: Item,
        /// Where.
        to: ItemLocation,
    },
    /// An item ends.
    Death {
        /// As it is expected to be.
        item: Item,
        /// Where it is expected.
        from: ItemLocation,
    },
    /// Gold goes from one account to another. `Mint` and `Burn` are the world's own.
    Gold {
        /// How much; above zero.
        amount: i64,
        /// From where.
        from: GoldLocation,
        /// Where to.
        to: GoldLocation,
    },
}

/// What a record is about. The items of a record lie at its own place, its gold in its own purse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecordKey {
    /// A lot of the auction house; scope: the seller's account.
    Lot(LotId),
    /// A parcel; scope: the receiver's account.
    Parcel(ParcelId),
    /// An item on the ground; scope: the zone.
    Ground(GroundId),
    /// What operators took back. Nothing lies in it; home: [`AmendmentId::home`], scope: 0.
    Amendment(AmendmentId),
    /// A guild, also one that has ended; home: [`GuildId::home`], scope: 0. Its bank is not in it.
    Guild(GuildId),
    /// Who has the name of a guild; home: [`GuildNameId::home`], scope: the guild.
    GuildName(GuildNameId),
    /// That a character is in a guild; home: [`GuildId::home`], scope: the guild.
    GuildMember(CharacterId),
    /// Friends of a character and what it asked others and was asked; home: its account, scope: 0. It ends with the
    /// character.
    Friends(CharacterId),
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum RecordKind {
    /// [`RecordKey::Lot`]
    Lot,
    /// [`RecordKey::Parcel`]
    Parcel,
    /// [`RecordKey::Ground`]
    Ground,
    /// [`RecordKey::Amendment`]
    Amendment,
    /// [`RecordKey::Guild`]
    Guild,
    /// [`RecordKey::GuildName`]
    GuildName,
    /// [`RecordKey::GuildMember`]
    GuildMember,
    /// [`RecordKey::Friends`]
    Friends,
}

impl RecordKey {
    /// Its kind.
    pub fn kind(self) -> RecordKind {
        match self {
            Self::Lot(_) => RecordKind::Lot,
            Self::Parcel(_) => RecordKind::Parcel,
            Self::Ground(_) => RecordKind::Ground,
            Self::Amendment(_) => RecordKind::Amendment,
            Self::Guild(_) => RecordKind::Guild,
            Self::GuildName(_) => RecordKind::GuildName,
            Self::GuildMember(_) => RecordKind::GuildMember,
            Self::Friends(_) => RecordKind::Friends,
        }
    }

    /// Its number among its kind.
    pub fn number(self) -> u64 {
        match self {
            Self::Lot(LotId(id))
            | Self::Parcel(ParcelId(id))
            | Self::Ground(GroundId(id))
            | Self::Amendment(AmendmentId(id))
            | Self::GuildName(GuildNameId(id))
            | Self::GuildMember(CharacterId(id))
            | Self::Friends(CharacterId(id)) => id,
            Self::Guild(GuildId(id)) => id.into(),
        }
    }
}

/// A durable fact that is not an item: who sells what until when. Its body is the business of its service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Which.
    pub key: RecordKey,
    /// By whose bucket it is found.
    pub home: AccountId,
    /// Raised by each change, from 1.
    pub version: u64,
    /// By what it is listed, see [`RecordKey`].
    pub scope: u64,
    /// Milliseconds since 1970 after which its service ends it; the store does nothing by itself.
    pub until_ms: i64,
    /// What it says, at most [`RECORD_BODY_MAX`] bytes.
    pub body: Vec<u8>,
}

/// A change of a record, done with the moves or not at all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RecordChange {
    /// Writes it with version `expected + 1`; `expected` 0: it must not be there.
    Put {
        /// The record; its `version` is ignored.
        record: Record,
        /// The version that the caller read, 0 for none.
        expected: u64,
    },
    /// Removes it; its items and gold must be moved away by the same transfer.
    Remove {
        /// Which.
        key: RecordKey,
        /// By whose bucket it is found.
        home: AccountId,
        /// The version that the caller read.
        expected: u64,
    },
}

/// All of it or nothing. The operation is homed at the first fence, else at the first location that a move names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// Doing it twice returns the first outcome, a refusal too.
    pub operation: OperationId,
    /// Who does it, for the ledger; a player who is frozen is refused.
    pub actor: Actor,
    /// Why, a short word for the ledger: `shop-buy`. See [`REASON_MAX`].
    pub reason: String,
    /// Characters that must still be owned as they were loaded. Every character whose equipment, inventory or
    /// gold is touched must be fenced.
    pub fences: Vec<Fence>,
    /// What goes where, at most [`MOVES_MAX`].
    pub moves: Vec<Move>,
    /// Records that change with it.
    pub records: Vec<RecordChange>,
    /// Soft state of fenced characters that is written with it: who pays for a way is at its end.
    pub softs: Vec<SoftWrite>,
    /// Guild and rank of characters, at most [`STANDINGS_MAX`], each character once.
    pub standings: Vec<Standing>,
}

/// Guild and rank of a character: as they are expected to be, and as they are after. It needs no fence, since others
/// change it too; the row is locked and compared. With both the same nothing is written: it is only made sure of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// Whose character.
    pub account: AccountId,
    /// Which.
    pub character: CharacterId,
    /// As expected.
    pub before: Place,
    /// As it is then.
    pub after: Place,
}

impl Standing {
    /// Makes sure that a character is there.
    pub fn holds(fence: Fence, place: Place) -> Self {
        Self { account: fence.account, character: fence.character, before: place, after: place }
    }
}

/// Soft state that is written with a transfer, under the epoch of its character's fence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoftWrite {
    /// Whose.
    pub character: CharacterId,
    /// Which of its owner's states, from 1; one that is not newer than what is stored is not written, the rest is.
    pub number: u64,
    /// The state.
    pub soft: SoftState,
}

/// What a transfer left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transferred {
    /// Each account of gold that it named, the world's own left out, with what it holds after; by the order of
    /// the moves.
    pub balances: Vec<(GoldAccount, i64)>,
}

impl Transferred {
    /// What an account holds after, if the transfer named it.
    pub fn balance(&self, of: &GoldAccount) -> Option<i64> {
        self.balances.iter().find(|(account, _)| account == of).map(|(_, balance)| *balance)
    }
}

/// Why a transfer changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum TransferRefusal {
    /// Another owner has the character.
    #[error("another owner has character {0}")]
    Stale(CharacterId),
    /// The item is not there, or not as expected.
    #[error("item {0} is not there as it was seen")]
    ItemGone(ItemId),
    /// Another item lies there.
    #[error("{0} is taken")]
    PlaceTaken(ItemPlace),
    /// Less than nothing would be left.
    #[error("not enough gold at {0}")]
    NotEnough(GoldAccount),
    /// More than it may hold.
    #[error("more gold than {0} may hold")]
    TooMuch(GoldAccount),
    /// The account or character does not exist.
    #[error("{0} does not exist")]
    NoSuchOwner(AccountId),
    /// An operator, or the guard of the ledger, froze the account.
    #[error("account {0} is frozen")]
    Frozen(AccountId),
    /// The record was changed or removed since.
    #[error("record {0:?} was changed since it was read")]
    RecordChanged(RecordKey),
    /// It breaks a rule of transfers.
    #[error("not a transfer: {0}")]
    Malformed(String),
    /// The character is not in that guild, or not in that rank; or it is no more.
    #[error("character {0} is not of the guild and rank that was expected")]
    StandingChanged(CharacterId),
}
