//! What a player asks of the world, free of client versions and short ids.

use crate::character::SKILL_BAR;
use crate::guild::Joiner;
use crate::id::{EntityId, GroundId};
use crate::item::{ItemKind, ItemSpec, Slot};
use crate::place::{Route, Tile};
use crate::trade::{Offer, Ware};
use serde::{Deserialize, Serialize};

/// Longest text of a chat line, in characters.
pub const CHAT_TEXT_MAX: usize = 94;

/// One request of a player in the world. The edge has checked phase, size and rate; the world decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Walk along a route.
    Walk {
        /// Where the client believes that it stands.
        from: Tile,
        /// The steps.
        route: Route,
        /// Where the client expects to end.
        to: Tile,
        /// Speed that the client claims, in tiles a second.
        speed: u8,
    },
    /// Stop on a tile of the current route.
    Stop {
        /// The tile it wants to stand on.
        at: Tile,
    },
    /// An emote or another animation.
    Motion {
        /// Animation number.
        motion: i16,
        /// Its parameter.
        parameter: i16,
        /// Facing in radians.
        direction: f32,
    },
    /// Near chat.
    Say {
        /// The line, at most [`CHAT_TEXT_MAX`] characters.
        text: String,
    },
    /// Recall to the home city (and revive, once there is death).
    Recall,
    /// The client entered a city: it becomes the home.
    EnterCity {
        /// City number 0..4.
        city: u8,
    },
    /// Use the portal under the player's feet.
    UsePortal,
    /// The client heard of an entity that it does not know.
    Inspect {
        /// Which one.
        entity: EntityId,
    },
    /// New content of the skill bar.
    SetSkillBar {
        /// All entries, 0xFF empty.
        bar: [u8; SKILL_BAR],
    },
    /// Move an item to another slot; onto another item: swap them, or join stacks. The client has shown nothing
    /// yet.
    MoveItem {
        /// Where it lies.
        from: Slot,
        /// Where it shall lie.
        to: Slot,
        /// The keeper of the bank, when one of them is [`crate::Container::Cargo`].
        keeper: Option<EntityId>,
    },
    /// Split pieces off a stack of the inventory into a free slot.
    SplitItem {
        /// Inventory slot.
        slot: u8,
        /// What the client shows there.
        kind: ItemKind,
        /// How many pieces.
        amount: u16,
    },
    /// Throw an item of the inventory away for ever.
    DestroyItem {
        /// Inventory slot.
        slot: u8,
        /// What the client shows there.
        kind: ItemKind,
    },
    /// Lay an item on the ground.
    DropItem {
        /// Where it lies; never in the bank.
        from: Slot,
        /// Where it shall lie.
        tile: Tile,
        /// Orientation 0..3.
        rotate: u8,
    },
    /// Pick an item up from the ground.
    PickUp {
        /// Which.
        ground: GroundId,
        /// The inventory slot that the client wants it in.
        to: u8,
    },
    /// Look at what a merchant sells.
    OpenShop {
        /// Who.
        merchant: EntityId,
    },
    /// Buy from a merchant.
    BuyItem {
        /// Who; `None`: the one whose shop was opened last.
        merchant: Option<EntityId>,
        /// Inventory slot of the merchant.
        shelf: u8,
        /// Own inventory slot.
        to: u8,
    },
    /// Sell to a merchant.
    SellItem {
        /// Who; `None`: the one whose shop was opened last.
        merchant: Option<EntityId>,
        /// What.
        from: Slot,
    },
    /// Look at what was sold lately, to buy it back.
    ListSold,
    /// Buy back what was sold lately.
    BuyBack {
        /// Its place in the list, newest 0.
        order: u8,
    },
    /// Gold from the inventory to the bank.
    DepositGold {
        /// How much.
        amount: i64,
    },
    /// Gold from the bank to the inventory.
    WithdrawGold {
        /// How much.
        amount: i64,
    },
    /// Begin a trade, answer one, or change the own offer; a changed offer clears both checks.
    OfferTrade {
        /// The other player.
        partner: EntityId,
        /// All that is offered.
        offer: Offer,
        /// True when the player agrees to what both windows show.
        checked: bool,
    },
    /// Close the window of the trade, or the own personal shop.
    CancelTrade,
    /// Open a personal shop; its wares stay in the bank.
    OpenStall {
        /// Its title.
        title: String,
        /// What it sells.
        wares: Vec<Ware>,
    },
    /// Look at somebody's personal shop.
    VisitStall {
        /// Whose.
        owner: EntityId,
    },
    /// Buy from a personal shop.
    BuyFromStall {
        /// Whose.
        owner: EntityId,
        /// Position in the shop.
        position: u8,
        /// What the buyer was shown.
        shown: ItemSpec,
        /// What the buyer was asked for.
        price: i64,
    },
    /// A command typed into the chat: the first word and the rest, as `auction sell 3 5000`.
    Words {
        /// The word that clients send as the receiver of a whisper, in lower case.
        word: String,
        /// The rest of the line, at most [`CHAT_TEXT_MAX`] characters.
        text: String,
    },
    /// Its edge says that somebody changed the player's guild or rank: the node looks again.
    LookAtGuild,
    /// Its edge says that somebody whom the player asked to join its guild agreed.
    AdmitToGuild(Box<Joiner>),
}
