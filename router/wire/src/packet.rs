//! The table of contents: every packet that is written and read, one row each.
//!
//! Adding a packet takes a file below with its declaration, a `mod` line and a row here. From the rows come the
//! two enums, parsing and encoding with their checks, `docs/PROTOCOL.md`, the golden files and the fuzz corpus.
//!
//! Every struct has `Default`, which is all zero and empty. The fields most in use:
//!
//! | packet | fields |
//! |---|---|
//! | [`AccountLogin`] | `account`, `password` ([`Hidden`](crate::Hidden)), `token`, `version`, `force`, `machine` |
//! | [`CharList`] | `key_queue` (zeros), `characters` ([`CharacterList`](crate::record::CharacterList), filled by `show(slot, CharacterSummary)`), `cargo`, `cargo_gold`, `account` |
//! | [`CharListAfterCreate`], [`CharListAfterDelete`] | `characters` |
//! | [`AccountPin`] | `pin` (`Hidden`), `change`; the answers [`AccountPinOk`] and [`AccountPinFail`] are bare |
//! | [`CreateCharacter`], [`DeleteCharacter`] | `slot`, `name`, `class` or `password` |
//! | [`CharacterLogin`] | `slot`, `force`, `key_queue` |
//! | [`EnterWorld`] | `x`, `y`, `mob` ([`Mob`](crate::record::Mob)), `slot`, `client_id`, `weather`, `skill_bar_rest`, `exp_hold`, `affects`, `quests`, `last_seen` |
//! | [`CreateMob`] | `x`, `y`, `plate` ([`Nameplate`](crate::record::Nameplate): `id`, `name`, `chaos`, `current_kills`, `total_kills`), `equip` and `colors` (18), `affects` (32 words), `guild`, `guild_level`, `score`, `create_type`, `title`, `citizenship` |
//! | [`Action`], [`ActionStop`], [`ActionIllusion`] | `movement` ([`Movement`](crate::record::Movement): `x`, `y`, `effect`, `speed`, `route`, `target_x`, `target_y`) |
//! | [`UpdateScore`] | `score` ([`Score`](crate::record::Score)), `critical`, `save_mana`, `affects`, `guild`, `guild_level`, `resist`, `req_hp`, `req_mp`, `magic`, `avatar_flag` |
//! | [`UpdateEtc`] | `exp_hold`, `experience`, `learned_skills`, `score_bonus`, `mastery_bonus`, `skill_bonus`, `magic`, `gold` |
//! | [`SetHpMp`] | `hp`, `mp`, `req_hp`, `req_mp`, and for the scale of 7.48 `hp_max`, `mp_max` |
//! | [`Chat`], [`MessagePanel`], [`ClientLog`] | `text` |
//! | [`Whisper`], [`Shout`] | `name`, `text`, `color` |
//! | [`RemoveMob`] | `reason`; the header's id is who leaves |
//! | [`MoveItem`] | `to_container`, `to_slot`, `from_container`, `from_slot`, `keeper` |
//! | [`Trade`], [`Autotrade`] | `items` by position, `slots` ([`NO_SLOT`] where nothing is), `gold` or `prices` |
//! | [`PartyRequest`], [`PartyAdd`] | `class`, `index`, `level`, `hp_max`, `hp`, `leader` and `target`, or `member`, `name` |
//! | [`UpdateCarry`], [`SendItem`] | `carry`, `gold`; `container`, `slot`, `item` ([`Item`](crate::record::Item): `kind`, `effects`) |

mod account_login;
mod account_pin;
mod cargo_gold;
mod character_edit;
mod character_list;
mod character_login;
mod character_transfer;
mod chat;
mod create_mob;
mod enter_world;
mod equipment;
mod ground_item;
mod hit_points;
mod inventory;
mod item_move;
mod movement;
mod notice;
mod party;
mod player_kill;
mod remove_mob;
mod restart;
mod session;
mod shop;
mod skill_bar;
mod stall;
mod surroundings;
mod talk_to_npc;
mod trade;
mod travel;
mod update_affects;
mod update_etc;
mod update_score;

pub use shop::{SHOP_ITEMS, SOLD_ITEMS};
pub use stall::STALL_ITEMS;
pub use trade::{NO_SLOT, TRADE_ITEMS};

use crate::table::{self, Direction, NotInProfile, Packet, ParseError, Row};
use crate::{Frame, Profile, sample::Samples};

/// Makes the enums and everything that goes over all packets.
macro_rules! packets {
    (
        to_server { $($cmod:ident :: $client:ident,)* }
        to_client { $($smod:ident :: $server:ident,)* }
        both { $($bmod:ident :: $both:ident,)* }
    ) => {
        $( pub use $cmod::$client; )*
        $( pub use $smod::$server; )*
        $( pub use $bmod::$both; )*

        direction! {
            /// A packet that a client sends.
            ClientPacket, Direction::ToServer, $($client,)* $($both,)*
        }
        direction! {
            /// A packet that the server sends.
            ServerPacket, Direction::ToClient, $($server,)* $($both,)*
        }

        /// Every packet that is written and read.
        pub static ROWS: &[Row] = &[$($client::ROW,)* $($server::ROW,)* $($both::ROW,)*];
    };
}

/// Makes the enum of one direction.
macro_rules! direction {
    ($(#[doc = $doc:literal])* $name:ident, $way:expr, $($packet:ident,)*) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $( #[doc = concat!("See [`struct@", stringify!($packet), "`].")] $packet($packet), )*
        }

        $( impl From<$packet> for $name {
            fn from(packet: $packet) -> Self {
                Self::$packet(packet)
            }
        } )*

        impl $name {
            /// Reads a decoded frame as a packet of this direction.
            pub fn parse(profile: Profile, frame: &Frame<'_>) -> Result<Self, ParseError> {
                let opcode = frame.header().opcode;
                $( if table::is::<$packet>($way, profile, opcode) {
                    return table::parse::<$packet>(profile, frame).map(Self::$packet);
                } )*
                Err(table::explain($way, profile, frame))
            }

            /// Appends the packet to `out` as a plain frame; `id` and `tick` go into its header.
            ///
            /// Nothing is appended when the profile has no such packet. Obfuscate the frame with
            /// [`encode_in_place`](crate::codec::encode_in_place) before it is sent.
            pub fn encode(
                &self,
                profile: Profile,
                id: u16,
                tick: u32,
                out: &mut Vec<u8>,
            ) -> Result<(), NotInProfile> {
                match self {
                    $( Self::$packet(packet) => table::encode(packet, $way, profile, id, tick, out), )*
                }
            }

            /// Name of the packet, for logs and metrics.
            pub fn name(&self) -> &'static str {
                match self {
                    $( Self::$packet(_) => $packet::ROW.name, )*
                }
            }

            /// One sample of every packet of this direction that the profile has.
            pub fn samples(profile: Profile, mut seed: impl FnMut(&'static str) -> Samples) -> Vec<Self> {
                let mut all = Vec::new();
                $( if $packet::ROW.shapes.in_profile(profile).is_some_and(|shape| shape.goes($way)) {
                    all.push(Self::$packet($packet::sample(profile, &mut seed($packet::ROW.name))));
                } )*
                all
            }
        }
    };
}

packets! {
    to_server {
        account_login::AccountLogin,
        account_pin::AccountPin,
        character_edit::CreateCharacter,
        character_edit::DeleteCharacter,
        character_login::CharacterLogin,
        session::CharacterLogout,
        session::Ping,
        chat::ClientLog,
        create_mob::RequestMob,
        movement::MoveStop,
        travel::TeleportRequest,
        travel::ChangeCity,
        restart::Restart,
        player_kill::PkMode,
        shop::ShopOpen,
        talk_to_npc::NpcClick,
        item_move::DeleteItem,
        item_move::SplitItem,
        ground_item::PickItem,
        ground_item::DropItem,
        stall::AutotradeBuy,
        stall::AutotradeOpen,
        party::PartyAccept,
    }
    to_client {
        character_list::CharList,
        account_pin::AccountPinOk,
        account_pin::AccountPinFail,
        character_list::CharListAfterCreate,
        character_edit::CreateCharacterFail,
        character_list::CharListAfterDelete,
        character_edit::DeleteCharacterFail,
        enter_world::EnterWorld,
        character_login::CharacterLoginFail,
        session::CharacterLogoutOk,
        session::AlreadyPlaying,
        session::StillPlaying,
        character_transfer::ServerChange,
        notice::MessagePanel,
        create_mob::CreateMob,
        remove_mob::RemoveMob,
        hit_points::SetHpMp,
        hit_points::SetHpMode,
        update_score::UpdateScore,
        update_etc::UpdateEtc,
        update_affects::UpdateAffects,
        equipment::UpdateEquip,
        inventory::UpdateGold,
        inventory::UpdateCarry,
        inventory::SendItem,
        cargo_gold::CargoGold,
        player_kill::PkInfo,
        surroundings::WarInfo,
        surroundings::Weather,
        surroundings::InstanceTimer,
        ground_item::GroundItemCreate,
        ground_item::GroundItemRemove,
        ground_item::PickItemOk,
        ground_item::DropItemOk,
        shop::ShopList,
        shop::ShopClose,
        trade::TradeChecked,
        stall::AutotradeSold,
        create_mob::CreateMobTrade,
        party::PartyAdd,
    }
    both {
        session::QuitDelay,
        character_transfer::TransferCharacter,
        chat::Chat,
        chat::Whisper,
        chat::Shout,
        movement::Action,
        movement::ActionStop,
        movement::ActionIllusion,
        movement::Motion,
        skill_bar::SkillBar,
        item_move::MoveItem,
        item_move::UseItem,
        cargo_gold::CargoDepositGold,
        cargo_gold::CargoWithdrawGold,
        shop::ShopBuy,
        shop::ShopSell,
        shop::Repurchase,
        trade::Trade,
        trade::TradeQuit,
        stall::Autotrade,
        party::PartyRequest,
        party::PartyRemove,
    }
}
