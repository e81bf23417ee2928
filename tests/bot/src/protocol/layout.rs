//! Offsets of the fields that a bot uses, one table a client version.

use super::profile::Profile;

/// How long the numbers of a score are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreWidth {
    /// 28 bytes, all 16 bit.
    Narrow,
    /// 48 bytes, 32 bit where it matters.
    Wide,
}

/// Offsets inside the login packet.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    /// Account name, 16 bytes.
    pub name: usize,
    /// Password, 12 bytes.
    pub password: usize,
    /// Version field.
    pub version: usize,
    /// "Replace an existing session".
    pub force: usize,
    /// Adapter id.
    pub adapter: usize,
    /// What the version field says.
    pub number: i32,
}

/// Offsets inside the block of the four characters.
#[derive(Clone, Copy, Debug)]
pub struct Selection {
    /// Where the block starts in the character list.
    pub in_list: usize,
    /// Where it starts in the answers to create and delete.
    pub in_answer: usize,
    /// Scores.
    pub score: usize,
    /// Equipment, `equip_slots` items of 8 bytes each.
    pub equip: usize,
    /// Gold, i32 each.
    pub gold: usize,
    /// Experience.
    pub experience: usize,
}

/// Offsets of what precedes or follows the character record in the packet that enters the world, from its start.
#[derive(Clone, Copy, Debug)]
pub struct Enter {
    /// Experience.
    pub experience: usize,
    /// Shown numbers.
    pub score: usize,
    /// Equipment.
    pub equip: usize,
    /// Inventory.
    pub carry: usize,
    /// Slot.
    pub slot: usize,
    /// Own id.
    pub own_id: usize,
    /// First four entries of the skill bar.
    pub bar_first: usize,
    /// The other sixteen.
    pub bar_rest: usize,
}

/// Offsets of a walk.
#[derive(Clone, Copy, Debug)]
pub struct Action {
    /// Opcode of a walk.
    pub walk: u16,
    /// Opcode of a stop.
    pub stop: u16,
    /// Opcode of an area attack.
    pub area_attack: u16,
    /// Effect: 0 walk, 1 teleport.
    pub effect: usize,
    /// Speed.
    pub speed: usize,
    /// Route.
    pub route: usize,
    /// Target.
    pub target: usize,
}

/// All of one version.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// Login.
    pub login: Login,
    /// Opcode of the character list.
    pub char_list: u16,
    /// Where its key queue lies.
    pub key_queue: usize,
    /// Where its cargo items lie.
    pub cargo: usize,
    /// How many of them the client can show.
    pub cargo_slots: usize,
    /// Where its cargo gold lies.
    pub cargo_gold: usize,
    /// Where it repeats the account's name.
    pub account_name: usize,
    /// The four characters.
    pub selection: Selection,
    /// Size of the delete request.
    pub delete_size: usize,
    /// Entering the world.
    pub enter: Enter,
    /// Score width.
    pub score: ScoreWidth,
    /// Equipment slots on the wire.
    pub equip_slots: usize,
    /// Score in the packet that creates an entity.
    pub create_score: usize,
    /// Guild there.
    pub create_guild: usize,
    /// Guild in the packet of an entity's numbers.
    pub score_guild: usize,
    /// Kind of appearance there.
    pub create_type: usize,
    /// Title of the personal shop in the packet that creates somebody who sits in one.
    pub stall_title: usize,
    /// Size of a chat packet.
    pub chat_size: usize,
    /// Size of a whisper.
    pub whisper_size: usize,
    /// Text bytes of a whisper.
    pub whisper_text: usize,
    /// Walks.
    pub action: Action,
    /// True when experience is 64 bit.
    pub long_experience: bool,
    /// Size of an attack on one.
    pub attack_one_size: usize,
}

const NEWER_LOGIN: Login =
    Login { password: 12, name: 24, version: 92, force: 96, adapter: 100, number: 7640 };
const NEWER_ACTION: Action =
    Action { walk: 0x36C, stop: 0x366, area_attack: 0x367, effect: 16, speed: 20, route: 24, target: 48 };

static V759: Layout = Layout {
    login: NEWER_LOGIN,
    char_list: 0x10A,
    key_queue: 12,
    cargo: 872,
    cargo_slots: 128,
    cargo_gold: 1896,
    account_name: 1900,
    selection: Selection { in_list: 32, in_answer: 16, score: 80, equip: 272, gold: 792, experience: 808 },
    delete_size: 44,
    enter: Enter {
        experience: 48,
        score: 108,
        equip: 156,
        carry: 284,
        slot: 1040,
        own_id: 1042,
        bar_first: 812,
        bar_rest: 1046,
    },
    score: ScoreWidth::Wide,
    equip_slots: 16,
    create_score: 136,
    create_guild: 130,
    score_guild: 126,
    create_type: 184,
    stall_title: 228,
    chat_size: 140,
    whisper_size: 128,
    whisper_text: 96,
    action: NEWER_ACTION,
    long_experience: true,
    attack_one_size: 72,
};

static V769: Layout = Layout {
    login: Login { number: 1758, ..NEWER_LOGIN },
    char_list: 0x10A,
    key_queue: 12,
    cargo: 936,
    cargo_slots: 120,
    cargo_gold: 1896,
    account_name: 1900,
    selection: Selection { in_list: 32, in_answer: 16, score: 80, equip: 272, gold: 856, experience: 872 },
    delete_size: 48,
    enter: Enter {
        experience: 48,
        score: 108,
        equip: 156,
        carry: 300,
        slot: 1056,
        own_id: 1058,
        bar_first: 828,
        bar_rest: 1062,
    },
    score: ScoreWidth::Wide,
    equip_slots: 18,
    create_score: 140,
    create_guild: 134,
    score_guild: 126,
    create_type: 188,
    stall_title: 234,
    chat_size: 140,
    whisper_size: 160,
    whisper_text: 128,
    action: NEWER_ACTION,
    long_experience: true,
    attack_one_size: 72,
};

static V748: Layout = Layout {
    login: Login { name: 12, password: 28, version: 40, force: 44, adapter: 48, number: 748 },
    char_list: 0x10E,
    key_queue: 1800,
    cargo: 756,
    cargo_slots: 120,
    cargo_gold: 1780,
    account_name: 1784,
    selection: Selection { in_list: 12, in_answer: 12, score: 80, equip: 192, gold: 712, experience: 728 },
    delete_size: 44,
    enter: Enter {
        experience: 44,
        score: 80,
        equip: 108,
        carry: 236,
        slot: 772,
        own_id: 774,
        bar_first: 760,
        bar_rest: 778,
    },
    score: ScoreWidth::Narrow,
    equip_slots: 16,
    create_score: 100,
    create_guild: 98,
    score_guild: 74,
    create_type: 128,
    stall_title: 172,
    chat_size: 108,
    whisper_size: 128,
    whisper_text: 96,
    action: Action {
        walk: 0x366,
        stop: 0x367,
        area_attack: 0x36C,
        speed: 16,
        effect: 20,
        target: 24,
        route: 28,
    },
    long_experience: false,
    attack_one_size: 48,
};

impl Profile {
    /// The offsets of this version.
    pub fn layout(self) -> &'static Layout {
        match self {
            Profile::V759 => &V759,
            Profile::V769 => &V769,
            Profile::V748 => &V748,
        }
    }
}
