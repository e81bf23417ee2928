//! Calls and pushes of TSSSrv's market: trades, personal shops, the auction house. They travel inside of
//! [`crate::calls::temporary::Request::Market`]; pushes on one stream a node ([`FromNode`], [`ToNode`]).
//!
//! **Trade.** What is live (offers, checks) may be lost at any time; what is done is one `Transfer` whose
//! operation id is the trade's id.
//!
//! ```text
//!            A offers to B            B offers to A           each on the other's last version
//!  nothing ───────────────▶ invited ───────────────▶ open ──────────────────────────▶ settling ──▶ Done / Closed
//!                              │                      │ any changed offer clears           (only the store decides)
//!                              └── cancel, life over ─┴──────▶ Closed      both checks
//! ```
//!
//! A node: 1. on the player's offer it reads the real items, sends [`OfferTrade`], and after the reply tells its
//! own client `TradeChecked` if `checked`; the partner's half comes as [`TradeNews::Offered`]. 2. While a
//! check of its player stands, it starts no other transfer for that player before [`CancelTrade`] was answered by
//! anything but [`Reply::Settling`]. 3. After [`Reply::Settling`] or [`TradeView::settling`] the outcome comes as
//! [`TradeNews::Done`] or [`TradeNews::Closed`]. 4. After a new stream or [`ToNode::Lost`] it sends
//! [`ReadTrade`] for each trade that it knows, and again while nobody knows or the answer is [`Reply::Settling`]
//! ([`crate::trade::Doubt`]).
//!
//! **Personal shop.** The items stay in the owner's bank. A shop lives as long as its node publishes it
//! ([`FromNode::Publish`]: first message of a stream, then every [`PUBLISH_EVERY_MS`]).
//!
//! **Auction house.** Lots are records of the store; [`Words`] is the whole of it for players, who type.
//!
//! Where a request has an [`Order`], [`Reply::Unavailable`] means that nobody knows: repeat it with `again` set
//! until another reply comes. A repeat never does it: it finds out whether it was done, and if not, makes sure that
//! it never will be ([`MarketRefusal::NotDone`]).

use crate::calls::bank::Order;
use crate::event::{Notice, NoticeKey};
use crate::id::{AccountId, CharacterId, EntityId, Epoch, ItemId, LotId, TradeId};
use crate::item::{Item, ItemKind, ItemSpec};
use crate::membership::ProcessName;
use crate::trade::{FirmOffer, Ware};
use crate::transfer::Fence;
use serde::{Deserialize, Serialize};

/// How often a node publishes the personal shops that it knows, in milliseconds.
pub const PUBLISH_EVERY_MS: u64 = 20_000;
/// Most lots of one answer.
pub const LOTS_PER_PAGE: u32 = 10;

/// A player at the market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// Its character, as its node loaded it.
    pub fence: Fence,
    /// Name of the character.
    pub name: String,
    /// The node where it stands.
    pub node: ProcessName,
}

impl Party {
    /// What it is in the world.
    pub fn entity(&self) -> EntityId {
        EntityId::of_character(self.fence.character)
    }
}

/// A call to the market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// [`Reply::Trade`]; about a known trade also what [`Request::ReadTrade`] is answered.
    OfferTrade(OfferTrade),
    /// [`Reply::Closed`], or too late: [`Reply::Settling`], the outcome comes; [`Reply::TradeOver`], here it is.
    CancelTrade(CancelTrade),
    /// [`Reply::Trade`], [`Reply::Settling`], [`Reply::TradeOver`], [`Reply::DoneUnseen`].
    ReadTrade(ReadTrade),
    /// [`Reply::StallOpened`]
    OpenStall(OpenStall),
    /// [`Reply::Closed`], also when there is none.
    CloseStall {
        /// Whose.
        owner: CharacterId,
    },
    /// [`Reply::Stall`]
    ReadStall {
        /// Whose.
        owner: CharacterId,
    },
    /// [`Reply::Bought`]
    BuyFromStall(BuyFromStall),
    /// [`Reply::Listed`]
    ListLot(ListLot),
    /// [`Reply::LotChanged`]
    BidOnLot(BidOnLot),
    /// [`Reply::LotChanged`]
    BuyOutLot(BuyOutLot),
    /// [`Reply::LotChanged`]
    CancelLot(CancelLot),
    /// [`Reply::Lots`]
    SearchLots(SearchLots),
    /// Lots and bids of an account: [`Reply::Lots`].
    OwnLots {
        /// Whose.
        account: AccountId,
    },
    /// [`Reply::Said`]
    Words(Words),
    /// Of operators; [`Reply::Lots`] with one.
    ShowLot {
        /// Its number, or its whole id in 16 hexadecimal digits.
        lot: String,
    },
    /// Of operators; [`Reply::Lots`] with the lot as it was.
    RemoveLot(RemoveLot),
}

/// One side's whole offer, each time that it changes something or checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferTrade {
    /// Who.
    pub me: Party,
    /// With whom.
    pub partner: CharacterId,
    /// The node where the partner stands, as the asking node knows it.
    pub partner_node: ProcessName,
    /// Under which epoch the partner plays there; what it offered under an older one holds it no longer. 0: not known.
    pub partner_epoch: Epoch,
    /// What, with the real items and the free slots.
    pub offer: FirmOffer,
    /// True to agree to what both windows show.
    pub checked: bool,
    /// Version of the partner's offer that the player sees, 0 for none; a check on another one does not count.
    pub saw: u32,
    /// The trade that this goes on with, as far as its player knows. When that is over the answer is how it ended,
    /// never a new trade. `None`: begins one, or accepts an invitation.
    pub known: Option<ReadTrade>,
}

/// Ends whatever trade a character is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelTrade {
    /// Whose.
    pub character: CharacterId,
    /// This one, whatever became of it; `None`: any that is not over.
    pub trade: Option<TradeId>,
}

/// What became of a trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadTrade {
    /// Which.
    pub trade: TradeId,
    /// Who asks.
    pub me: Fence,
    /// The other side's fence, if it was ever shown: without it there was no check and nothing can be done.
    pub partner: Option<Fence>,
}

/// A trade as one side sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeView {
    /// Which.
    pub trade: TradeId,
    /// Version of the own offer.
    pub version: u32,
    /// True when the own check counts.
    pub checked: bool,
    /// The other half, once it offered.
    pub partner: Option<PartnerView>,
    /// Both checked: the outcome comes.
    pub settling: bool,
}

/// The other half of a trade.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerView {
    /// Who.
    pub party: Party,
    /// What: see [`FirmOffer::shown`].
    pub offer: FirmOffer,
    /// Its version, for [`OfferTrade::saw`].
    pub version: u32,
    /// True when its check counts.
    pub checked: bool,
}

/// What a trade changed on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeDone {
    /// Inventory slots that its items left; empty now unless named in `received`.
    pub given: Vec<u8>,
    /// Inventory slots and what lies there now.
    pub received: Vec<(u8, Item)>,
    /// Gold carried now, if the trade moved any.
    pub gold: Option<i64>,
}

/// News of a trade for one of its two players.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TradeNews {
    /// The other half as it is now; the first one invites. When its version is new, the own check is cleared.
    Offered(PartnerView),
    /// Done, for good.
    Done(TradeDone),
    /// Over without any change.
    Closed(TradeEnd),
}

/// Why a trade ended without any change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TradeEnd {
    /// One of both ended it, or turned to somebody else.
    Cancelled,
    /// The swap was refused.
    Refused(MarketRefusal),
    /// What was live is lost; nothing was swapped and nothing will be.
    Lost,
}

/// Opens a personal shop, replacing one that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenStall {
    /// Whose.
    pub owner: Party,
    /// Its title, at most [`crate::trade::STALL_TITLE_MAX`] characters.
    pub title: String,
    /// What it sells, as the client shows it.
    pub wares: Vec<Ware>,
    /// Tax of the place in percent, 0..=99.
    pub tax: u8,
}

/// A personal shop as it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stall {
    /// Whose.
    pub owner: Party,
    /// Its title.
    pub title: String,
    /// What it sells, and which item that is.
    pub wares: Vec<(Ware, ItemId)>,
    /// Tax in percent.
    pub tax: u8,
}

/// Buys one ware.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyFromStall {
    /// The buyer and the operation.
    pub order: Order,
    /// Free inventory slot of the buyer.
    pub to_slot: u8,
    /// Whose shop.
    pub owner: CharacterId,
    /// Position in the shop.
    pub position: u8,
    /// What the buyer was shown.
    pub shown: ItemSpec,
    /// What the buyer was asked for.
    pub price: i64,
}

/// Puts a carried item up for auction; the item and the fee leave the seller at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListLot {
    /// The seller and the operation.
    pub order: Order,
    /// Name of the selling character.
    pub seller: String,
    /// Inventory slot and what the node knows to lie there.
    pub carried: Carried,
    /// Least first bid.
    pub start: i64,
    /// For so much it is sold at once.
    pub buy_out: Option<i64>,
    /// How long.
    pub hours: u32,
}

/// A bid: the gold leaves the bidder at once, and comes back to its bank when it is outbid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BidOnLot {
    /// The bidder and the operation.
    pub order: Order,
    /// Name of the bidding character.
    pub bidder: String,
    /// On which.
    pub lot: LotId,
    /// How much in all.
    pub gold: i64,
}

/// Buys a lot at its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyOutLot {
    /// The buyer and the operation.
    pub order: Order,
    /// Which.
    pub lot: LotId,
    /// The price that the buyer was shown.
    pub price: i64,
}

/// Takes an own lot back that has no bid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelLot {
    /// The seller and the operation.
    pub order: Order,
    /// Which.
    pub lot: LotId,
}

/// Takes a lot off, whatever was bid; goods and gold go back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveLot {
    /// Its number, or its whole id in 16 hexadecimal digits.
    pub lot: String,
    /// Who does it, for the ledger: 1 to 32 letters and digits.
    pub operator: String,
}

/// What is looked for; everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchLots {
    /// Words that the item's name holds, whatever the case.
    pub words: String,
    /// Kind.
    pub kind: Option<ItemKind>,
    /// Least price, in gold.
    pub price_min: Option<i64>,
    /// Highest price, in gold.
    pub price_max: Option<i64>,
    /// In which order.
    pub order: LotOrder,
    /// Page of [`LOTS_PER_PAGE`] lots, from 0.
    pub page: u32,
}

/// Orders of a search. The price of a lot is that of its next bid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LotOrder {
    /// Cheapest first.
    #[default]
    Price,
    /// Dearest first.
    PriceDown,
    /// Ending soonest first.
    Ending,
    /// By name.
    Name,
}

/// A lot as players see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lot {
    /// Which.
    pub lot: LotId,
    /// What players type for it: at least five letters and digits, as many as tell it from all others.
    pub number: String,
    /// What.
    pub item: Item,
    /// Its name, as the seller's node wrote it.
    pub name: String,
    /// Account of the seller.
    pub seller: AccountId,
    /// Name of the seller.
    pub seller_name: String,
    /// Who bids most, and how much.
    pub bid: Option<(AccountId, i64)>,
    /// Least next bid.
    pub next_bid: i64,
    /// For so much it is sold at once.
    pub buy_out: Option<i64>,
    /// When it ends, in milliseconds since 1970.
    pub until_ms: i64,
}

/// A carried item with its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Carried {
    /// Inventory slot, from 0: the number that players type.
    pub slot: u8,
    /// What lies there.
    pub item: Item,
    /// Its name, for search and lists.
    pub name: String,
}

/// What a player typed after the word `auction`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// The player and the operation, should the words be such that change something.
    pub order: Order,
    /// Name of the character.
    pub name: String,
    /// The text.
    pub text: String,
    /// The tradable items that it carries; only needed when the text begins with `sell`.
    pub carry: Vec<Carried>,
}

/// What a [`Words`] request changed for the player, and the lines to show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Lines, in order.
    pub lines: Vec<Notice>,
    /// An inventory slot that is empty now.
    pub emptied: Option<u8>,
    /// Gold carried now, if it changed.
    pub gold: Option<i64>,
}

/// Why the market did nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum MarketRefusal {
    /// Another node has one of the characters.
    #[error("another owner has the character")]
    Stale,
    /// An item is not there any more, or not as it was shown.
    #[error("the item is not there as it was shown")]
    ItemGone,
    /// An item is bound to its owner: slots from 60 on.
    #[error("the item is bound")]
    ItemBound,
    /// No free slot.
    #[error("no free slot")]
    NoRoom,
    /// Less than nothing would be left.
    #[error("not enough gold")]
    NotEnough,
    /// More gold than may be held.
    #[error("more gold than may be held")]
    TooMuch,
    /// An operator, or the guard of the ledger, froze an account.
    #[error("the account is frozen")]
    Frozen,
    /// The other one trades with somebody else.
    #[error("the other player is busy")]
    PartnerBusy,
    /// The own trade is being swapped at this moment.
    #[error("the own trade is being settled")]
    StillBusy,
    /// The partner's offer, or a price, is another one now.
    #[error("the offer changed since it was shown")]
    OfferChanged,
    /// There is no shop, or no such ware.
    #[error("there is no such ware")]
    NoSuchWare,
    /// There is no such lot, or it is over.
    #[error("there is no such lot")]
    NoSuchLot,
    /// The beginning of a number fits more than one lot.
    #[error("more than one lot begins so")]
    Ambiguous,
    /// The bid must be at least this.
    #[error("the bid must be at least {0}")]
    BidTooLow(i64),
    /// The lot has bids.
    #[error("the lot has bids")]
    HasBids,
    /// Nobody bids on an own lot.
    #[error("it is an own lot")]
    OwnLot,
    /// The account has as many lots as it may have.
    #[error("no more than {0} lots")]
    TooManyLots(u32),
    /// A repeat: it was not done the first time, and never will be under this operation id.
    #[error("it was not done")]
    NotDone,
    /// It can never be done: a slot that there is not, an amount below one.
    #[error("not possible: {0}")]
    BadRequest(String),
}

impl MarketRefusal {
    /// What the player is told.
    pub fn notice(&self) -> Notice {
        let (key, argument) = match self {
            Self::Stale | Self::NotDone | Self::BadRequest(_) => (NoticeKey::TryLater, None),
            Self::ItemGone | Self::NoSuchWare => (NoticeKey::ItemGone, None),
            Self::ItemBound => (NoticeKey::ItemBound, None),
            Self::NoRoom => (NoticeKey::NoRoom, None),
            Self::NotEnough => (NoticeKey::GoldMissing, None),
            Self::TooMuch => (NoticeKey::TooMuchGold, None),
            Self::Frozen => (NoticeKey::AccountFrozen, None),
            Self::PartnerBusy => (NoticeKey::PartnerBusy, None),
            Self::StillBusy => (NoticeKey::StillBusy, None),
            Self::OfferChanged => (NoticeKey::OfferChanged, None),
            Self::NoSuchLot | Self::Ambiguous => (NoticeKey::AuctionNoSuchLot, None),
            Self::BidTooLow(least) => (NoticeKey::AuctionBidTooLow, Some(least.to_string())),
            Self::HasBids => (NoticeKey::AuctionHasBids, None),
            Self::OwnLot => (NoticeKey::AuctionOwnLot, None),
            Self::TooManyLots(most) => (NoticeKey::AuctionTooManyLots, Some(most.to_string())),
        };
        Notice::Catalogue { key, arguments: argument.into_iter().collect() }
    }
}

/// The answer of the market.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reply {
    /// Nobody could be asked, or nobody knows yet; ask the same again.
    Unavailable,
    /// It was not done.
    Refused(MarketRefusal),
    /// The trade as it is now.
    Trade(TradeView),
    /// Too late: both checked, the outcome of this trade comes on the stream.
    Settling(TradeId),
    /// How the trade that was asked about ended.
    TradeOver(TradeId, TradeNews),
    /// There is no such trade or shop any more.
    Closed,
    /// It was done earlier, and what it changed is only known to the store: the node must load the character
    /// again.
    DoneUnseen,
    /// To [`Request::OpenStall`].
    StallOpened(Stall),
    /// To [`Request::ReadStall`].
    Stall(Option<Stall>),
    /// To [`Request::BuyFromStall`].
    Bought {
        /// Inventory slot and what lies there now.
        slot: (u8, Item),
        /// Gold carried now.
        gold: i64,
    },
    /// To [`Request::ListLot`]: the slot is empty now.
    Listed {
        /// The lot.
        lot: Lot,
        /// Gold carried now.
        gold: i64,
    },
    /// To a bid, a buy-out, a cancellation.
    LotChanged {
        /// Gold carried now, if it changed.
        gold: Option<i64>,
    },
    /// To [`Request::SearchLots`] and [`Request::OwnLots`].
    Lots {
        /// Of this page.
        lots: Vec<Lot>,
        /// On all pages.
        found: u32,
    },
    /// To [`Request::Words`].
    Said(Said),
}

/// From a node on its stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromNode {
    /// First message, and every [`PUBLISH_EVERY_MS`] and after [`ToNode::Lost`]: the personal shops whose owners
    /// stand there. Those that TSSSrv knows live on, those that it lost are there again.
    Publish {
        /// As TSSSrv told them.
        stalls: Vec<Stall>,
    },
}

/// From TSSSrv to a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToNode {
    /// For one player of this node.
    Trade {
        /// Whose character.
        to: CharacterId,
        /// Which trade.
        trade: TradeId,
        /// What.
        news: TradeNews,
    },
    /// To every node: a ware was sold, or is gone from the owner's bank.
    StallSold {
        /// Whose shop.
        owner: CharacterId,
        /// Position in the shop.
        position: u8,
        /// Bank slot of the owner; empty now.
        cargo_slot: u8,
        /// Gold in the owner's bank now; `None`: the ware was not there any more.
        cargo_gold: Option<i64>,
    },
    /// To every node: a personal shop is closed because its owner was loaded elsewhere.
    StallClosed {
        /// Whose.
        owner: CharacterId,
    },
    /// To every node: somebody's bank was changed by an auction, and should be told so.
    Auction {
        /// Whose bank.
        account: AccountId,
        /// What to show.
        notice: Notice,
    },
    /// What was live is lost: publish the shops, read each trade.
    Lost,
}
