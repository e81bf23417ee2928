//! Packets that a client receives, read by the offsets of its version.

mod goods;
mod party;

pub use goods::{GroundSeen, OfferSeen, SOLD_LATELY, ShelfSeen, StallSeen, Told, WareSeen};
pub use party::{MemberSeen, PartyTold};

use super::bytes::{i32_at, i64_at, text_at, u8_at, u16_at, u32_at};
use super::layout::ScoreWidth;
use super::place::{ROUTE_FIELD, Steps, Tile};
use super::profile::Profile;

/// One item as a client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemSeen {
    /// Number in the item list.
    pub kind: u16,
    /// The three pairs of effect and value.
    pub effects: [u8; 6],
}

/// The numbers of a score that a bot looks at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScoreSeen {
    /// Level, zero based.
    pub level: u16,
    /// Run speed in tiles a second.
    pub speed: u8,
    /// Hit points.
    pub hp: i32,
    /// Most hit points.
    pub max_hp: i32,
    /// Mana.
    pub mp: i32,
    /// Most mana.
    pub max_mp: i32,
    /// Kind of merchant, 0 for none.
    pub merchant: u8,
    /// Strength, intelligence, dexterity, constitution.
    pub attributes: [u16; 4],
}

/// One character of the selection screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelectionEntry {
    /// Slot 0..=3.
    pub slot: u8,
    /// Name.
    pub name: String,
    /// Where it was saved.
    pub tile: Tile,
    /// Numbers.
    pub score: ScoreSeen,
    /// Gold carried.
    pub gold: i32,
    /// Experience.
    pub experience: i64,
    /// Equipment.
    pub equip: Vec<Option<ItemSeen>>,
}

/// The answer to a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CharList {
    /// The account as the server repeats it.
    pub account: String,
    /// The characters that exist.
    pub characters: Vec<SelectionEntry>,
    /// Cargo, by slot.
    pub cargo: Vec<Option<ItemSeen>>,
    /// Gold in the cargo.
    pub cargo_gold: i32,
    /// True when all of the key queue is zero, as it has to be.
    pub key_queue_empty: bool,
}

/// What the packet that enters the world says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Own id.
    pub own_id: u16,
    /// Own name.
    pub name: String,
    /// Class 0..=3.
    pub class: u8,
    /// Where it stands.
    pub tile: Tile,
    /// Slot.
    pub slot: u16,
    /// Numbers as shown.
    pub score: ScoreSeen,
    /// Gold carried.
    pub gold: i32,
    /// Experience.
    pub experience: i64,
    /// Equipment by slot.
    pub equip: Vec<Option<ItemSeen>>,
    /// Inventory by slot.
    pub carry: Vec<Option<ItemSeen>>,
    /// The skill bar; 255 is an empty entry.
    pub skill_bar: [u8; 20],
}

impl Snapshot {
    /// How many items it carries and wears.
    pub fn items(&self) -> usize {
        self.equip.iter().chain(&self.carry).flatten().count()
    }
}

/// One packet from the server.
#[derive(Clone, Debug, PartialEq)]
pub enum Packet {
    /// Answer to a login.
    CharList(CharList),
    /// A line of text.
    Panel(String),
    /// The account is in use.
    AlreadyPlaying,
    /// The older session is being saved: try again.
    StillPlaying,
    /// The PIN was right, or was stored.
    PinRight,
    /// The PIN was wrong.
    PinWrong,
    /// Selection after a create.
    Created(Vec<SelectionEntry>),
    /// Selection after a delete.
    Deleted(Vec<SelectionEntry>),
    /// A request of the selection screen was refused: the opcode says which.
    SelectionRefused(u16),
    /// In the world.
    Entered(Box<Snapshot>),
    /// Back in the selection.
    LoggedOut,
    /// Something came into view.
    Create {
        /// Its id.
        id: u16,
        /// Its name.
        name: String,
        /// Where it is.
        tile: Tile,
        /// Its numbers.
        score: ScoreSeen,
        /// Its guild, 0 none.
        guild: u16,
        /// How it appears.
        kind: u16,
        /// Title of the personal shop that it sits in.
        stall: Option<String>,
    },
    /// Something went out of view.
    Remove {
        /// Its id.
        id: u16,
        /// 0 out of view, 1 death, 2 logout, 3 vanished.
        kind: i32,
    },
    /// A walk or another way of getting elsewhere.
    Action {
        /// Who.
        id: u16,
        /// From where.
        from: Tile,
        /// To where.
        to: Tile,
        /// On which way.
        steps: Steps,
        /// 0 and 2 walk, 1 teleport, others jumps.
        effect: i32,
        /// Tiles a second.
        speed: u8,
    },
    /// Somebody stopped.
    Stop {
        /// Who.
        id: u16,
        /// Where it stands now.
        at: Tile,
    },
    /// An emote.
    Motion {
        /// Who.
        id: u16,
        /// Animation.
        motion: i16,
    },
    /// Near chat.
    Chat {
        /// Who.
        id: u16,
        /// What.
        text: String,
    },
    /// A whisper.
    Whisper {
        /// Name of the sender.
        from: String,
        /// What.
        text: String,
    },
    /// Numbers of somebody.
    Score {
        /// Who.
        id: u16,
        /// The numbers.
        score: ScoreSeen,
        /// Its guild, 0 none.
        guild: u16,
    },
    /// Gold and experience of the own character.
    Etc {
        /// Experience.
        experience: i64,
        /// Gold.
        gold: i32,
    },
    /// Inventory of the own character.
    Carry {
        /// By slot.
        carry: Vec<Option<ItemSeen>>,
        /// Gold.
        gold: i32,
    },
    /// About items or gold.
    Goods(Told),
    /// About parties, and lines to everybody.
    Party(PartyTold),
    /// A countdown.
    Timer {
        /// Seconds.
        seconds: i32,
    },
    /// Known to this client, of no interest to a bot.
    Other {
        /// Opcode.
        opcode: u16,
        /// Id of the header.
        id: u16,
    },
}

fn items(packet: &[u8], at: usize, count: usize) -> Vec<Option<ItemSeen>> {
    (0..count).map(|slot| item(packet, at + 8 * slot)).collect()
}

fn item(packet: &[u8], at: usize) -> Option<ItemSeen> {
    let kind = u16_at(packet, at);
    let mut effects = [0; 6];
    for (index, byte) in effects.iter_mut().enumerate() {
        *byte = u8_at(packet, at + 2 + index);
    }
    (kind != 0).then_some(ItemSeen { kind, effects })
}

fn tile(packet: &[u8], at: usize) -> Tile {
    Tile::new(u16_at(packet, at), u16_at(packet, at + 2))
}

/// Reads a score.
fn score(width: ScoreWidth, packet: &[u8], at: usize) -> ScoreSeen {
    match width {
        ScoreWidth::Wide => ScoreSeen {
            level: u16_at(packet, at),
            merchant: u8_at(packet, at + 12) & 15,
            speed: u8_at(packet, at + 13) & 15,
            max_hp: i32_at(packet, at + 16),
            max_mp: i32_at(packet, at + 20),
            hp: i32_at(packet, at + 24),
            mp: i32_at(packet, at + 28),
            attributes: std::array::from_fn(|index| u16_at(packet, at + 32 + 2 * index)),
        },
        ScoreWidth::Narrow => ScoreSeen {
            level: u16_at(packet, at),
            merchant: u8_at(packet, at + 6) & 15,
            speed: u8_at(packet, at + 7) & 15,
            max_hp: i32::from(u16_at(packet, at + 8)),
            max_mp: i32::from(u16_at(packet, at + 10)),
            hp: i32::from(u16_at(packet, at + 12)),
            mp: i32::from(u16_at(packet, at + 14)),
            attributes: std::array::from_fn(|index| u16_at(packet, at + 16 + 2 * index)),
        },
    }
}

fn score_len(width: ScoreWidth) -> usize {
    match width {
        ScoreWidth::Wide => 48,
        ScoreWidth::Narrow => 28,
    }
}

fn experience(long: bool, packet: &[u8], at: usize) -> i64 {
    if long { i64_at(packet, at) } else { i64::from(u32_at(packet, at)) }
}

fn selection(profile: Profile, packet: &[u8], base: usize) -> Vec<SelectionEntry> {
    let layout = profile.layout();
    let at = &layout.selection;
    (0..4usize)
        .filter_map(|slot| {
            let name = text_at(packet, base + 16 + 16 * slot, 16);
            let width = if layout.long_experience { 8 } else { 4 };
            (!name.is_empty()).then(|| SelectionEntry {
                slot: slot as u8,
                name,
                tile: Tile::new(u16_at(packet, base + 2 * slot), u16_at(packet, base + 8 + 2 * slot)),
                score: score(layout.score, packet, base + at.score + slot * score_len(layout.score)),
                gold: i32_at(packet, base + at.gold + 4 * slot),
                experience: experience(layout.long_experience, packet, base + at.experience + width * slot),
                equip: items(packet, base + at.equip + 8 * layout.equip_slots * slot, layout.equip_slots),
            })
        })
        .collect()
}

fn char_list(profile: Profile, packet: &[u8]) -> CharList {
    let layout = profile.layout();
    CharList {
        account: text_at(packet, layout.account_name, 16),
        characters: selection(profile, packet, layout.selection.in_list),
        cargo: items(packet, layout.cargo, layout.cargo_slots),
        cargo_gold: i32_at(packet, layout.cargo_gold),
        key_queue_empty: (0..16).all(|index| u8_at(packet, layout.key_queue + index) == 0),
    }
}

fn snapshot(profile: Profile, packet: &[u8]) -> Snapshot {
    let layout = profile.layout();
    let at = &layout.enter;
    Snapshot {
        own_id: u16_at(packet, at.own_id),
        name: text_at(packet, 16, 12),
        class: u8_at(packet, 36),
        tile: tile(packet, 12),
        slot: u16_at(packet, at.slot),
        score: score(layout.score, packet, at.score),
        gold: i32_at(packet, 40),
        experience: experience(layout.long_experience, packet, at.experience),
        equip: items(packet, at.equip, layout.equip_slots),
        carry: items(packet, at.carry, 64),
        skill_bar: std::array::from_fn(|index| match index {
            0..4 => u8_at(packet, at.bar_first + index),
            _ => u8_at(packet, at.bar_rest + index - 4),
        }),
    }
}

fn create(profile: Profile, packet: &[u8], with_stall: bool) -> Packet {
    let layout = profile.layout();
    let id = u16_at(packet, 16);
    // players share the name field with their chaos points; creatures may use all of it
    let name_len = if id < 1000 { 12 } else { 16 };
    Packet::Create {
        id,
        name: text_at(packet, 18, name_len),
        tile: tile(packet, 12),
        score: score(layout.score, packet, layout.create_score),
        guild: u16_at(packet, layout.create_guild),
        kind: u16_at(packet, layout.create_type),
        stall: with_stall.then(|| text_at(packet, layout.stall_title, 24)),
    }
}

fn etc(profile: Profile, packet: &[u8]) -> Packet {
    let long = profile.layout().long_experience;
    let gold = if long { i32_at(packet, 40) } else { i32_at(packet, 32) };
    Packet::Etc { experience: experience(long, packet, 16), gold }
}

/// Reads one packet; its size was judged before.
pub fn read(profile: Profile, packet: &[u8]) -> Packet {
    let layout = profile.layout();
    let opcode = u16_at(packet, 4);
    let id = u16_at(packet, 6);
    let action = &layout.action;
    match opcode {
        _ if opcode == layout.char_list => Packet::CharList(char_list(profile, packet)),
        _ if opcode == action.walk || opcode == 0x368 => Packet::Action {
            id,
            from: tile(packet, 12),
            to: tile(packet, action.target),
            steps: Steps::from_field(packet.get(action.route..action.route + ROUTE_FIELD).unwrap_or(&[])),
            effect: i32_at(packet, action.effect),
            speed: u8_at(packet, action.speed),
        },
        _ if opcode == action.stop => Packet::Stop { id, at: tile(packet, action.target) },
        0x101 => Packet::Panel(text_at(packet, 12, packet.len() - 12)),
        0x110 => Packet::Created(selection(profile, packet, layout.selection.in_answer)),
        0x112 => Packet::Deleted(selection(profile, packet, layout.selection.in_answer)),
        0x114 => Packet::Entered(Box::new(snapshot(profile, packet))),
        0x116 => Packet::LoggedOut,
        0x119..=0x11B => Packet::SelectionRefused(opcode),
        0x11C => Packet::AlreadyPlaying,
        0x11D => Packet::StillPlaying,
        0xFDE => Packet::PinRight,
        0xFDF => Packet::PinWrong,
        0x363 | 0x364 => create(profile, packet, opcode == 0x363),
        0x165 => Packet::Remove { id, kind: i32_at(packet, 12) },
        0x36A => Packet::Motion { id, motion: u16_at(packet, 12) as i16 },
        0x333 => Packet::Chat { id, text: text_at(packet, 12, packet.len() - 12) },
        0x334 => {
            Packet::Whisper { from: text_at(packet, 12, 16), text: text_at(packet, 28, layout.whisper_text) }
        }
        0x336 => Packet::Score {
            id,
            score: score(layout.score, packet, 12),
            guild: u16_at(packet, layout.score_guild),
        },
        0x337 => etc(profile, packet),
        0x3A1 => Packet::Timer { seconds: i32_at(packet, 12) },
        0x185 => Packet::Carry { carry: items(packet, 12, 64), gold: i32_at(packet, 524) },
        0x37D | 0x37E | 0x37F | 0xD1D => {
            party::read(profile, packet).map_or(Packet::Other { opcode, id }, Packet::Party)
        }
        _ => goods::read(packet).map_or(Packet::Other { opcode, id }, Packet::Goods),
    }
}
