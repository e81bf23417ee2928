//! From what the world tells to the packets that a client shows. Pure.
//!
//! It speaks model on one side and wire on the other; short ids are given in, never chosen here.

pub(crate) mod asks;
pub(crate) mod goods;
pub(crate) mod social;

use model::character::{Affect, Character};
use model::event::{Appearance, EquipLook, Sheet, Walk};
use model::item::{CARRY_SLOTS, EQUIP_SLOTS, Item};
use model::{Score, Tile};
use serde::{Deserialize, Serialize};
use wire::packet::{
    Action, ActionStop, CharList, CreateMob, EnterWorld, InstanceTimer, MessagePanel, PkInfo, ServerPacket,
    SetHpMp, SkillBar, UpdateAffects, UpdateEtc, UpdateScore, WarInfo, Weather,
};
use wire::record::{self, AFFECTS, CARGO_SLOTS, CharacterList, CharacterSummary, Mob, Movement, Nameplate};
use wire::{Profile, SCENE_FIELD};

/// What others see of somebody's equipment.
pub(crate) type Looks = [EquipLook; EQUIP_SLOTS];

/// A packet and the id in its header.
pub(crate) type Sent = (u16, ServerPacket);

/// `create_type` of an entity that appears with a glow.
const GLOW: u16 = 2;
/// Effect of an action that sets its entity down at once.
const SET_DOWN: i32 = 1;
/// Speed in packets that set somebody down, as recorded with a real client.
const SET_DOWN_SPEED: i32 = 2;

/// What of an entity is told again with each of its scores.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tags {
    guild: u16,
    guild_rank: u8,
    affects: Vec<(u8, u8)>,
}

impl Tags {
    pub(crate) fn of(look: &Appearance) -> Self {
        Self { guild: look.guild, guild_rank: look.guild_rank, affects: look.affects.clone() }
    }

    pub(crate) fn joins(&mut self, guild: u16, guild_rank: u8) {
        (self.guild, self.guild_rank) = (guild, guild_rank);
    }
}

/// Everything that a client needs to stand in the world, in the order that clients were seen to take it.
pub(crate) fn enter(sheet: &Sheet, own: u16, profile: Profile) -> Vec<Sent> {
    let enter_id = if profile == Profile::V748 { own } else { SCENE_FIELD };
    let mut sent =
        vec![(enter_id, enter_world(sheet, own).into()), (SCENE_FIELD, own_look(sheet, own).into())];
    let war = (SCENE_FIELD, WarInfo { enemy_guild: 0, zone_clan: 0, ally_guild: 0 }.into());
    if profile == Profile::V748 {
        sent.extend([
            war,
            (own, own_score(sheet).into()),
            (own, own_affects(sheet).into()),
            (own, goods::carry(&sheet.carry, sheet.gold).into()),
            (own, etc(sheet).into()),
        ]);
    } else {
        sent.extend([
            (own, PkInfo { attackable: false }.into()),
            war,
            (own, own_score(sheet).into()),
            (own, own_affects(sheet).into()),
            (own, etc(sheet).into()),
            (own, goods::carry(&sheet.carry, sheet.gold).into()),
        ]);
    }
    sent.extend([
        (own, goods::equip(&sheet.look).into()),
        (own, points(&sheet.score).into()),
        (own, set_down(sheet.tile).into()),
        (own, SkillBar { skills: sheet.skill_bar }.into()),
    ]);
    if profile != Profile::V748 {
        sent.push((SCENE_FIELD, weather(sheet.weather)));
    }
    sent
}

/// What a client is told of itself when another node took its player over.
pub(crate) fn refresh(sheet: &Sheet, own: u16) -> Vec<Sent> {
    vec![
        (own, own_score(sheet).into()),
        (own, own_affects(sheet).into()),
        (own, etc(sheet).into()),
        (own, goods::carry(&sheet.carry, sheet.gold).into()),
        (own, goods::equip(&sheet.look).into()),
        (own, points(&sheet.score).into()),
        (own, SkillBar { skills: sheet.skill_bar }.into()),
        (SCENE_FIELD, weather(sheet.weather)),
    ]
}

/// An entity that comes into view.
pub(crate) fn appear(look: &Appearance, id: u16, glows: bool, profile: Profile) -> Vec<Sent> {
    let mut sent = vec![stand(look, id, glows)];
    if look.entity.is_player() {
        if profile == Profile::V748 {
            sent.push((id, points(&look.score).into()));
            sent.push((id, set_down(look.tile).into()));
        } else {
            sent.push((id, PkInfo { attackable: false }.into()));
        }
    }
    if let Some(way) = &look.walk {
        sent.push((id, walk(way).into()));
    }
    sent
}

/// An entity as it stands or sits there.
pub(crate) fn stand(look: &Appearance, id: u16, glows: bool) -> Sent {
    (SCENE_FIELD, goods::standing_or_stalled(create(look, id, glows), look))
}

/// A walk of an entity in view.
pub(crate) fn walk(walk: &Walk) -> Action {
    let digits: Vec<u8> = walk.route.steps().iter().map(|step| step.ascii()).collect();
    Action {
        movement: Movement {
            x: walk.from.x,
            y: walk.from.y,
            effect: 0,
            speed: i32::from(walk.speed),
            // a model route has no more steps than a wire route
            route: record::Route::new(&digits).unwrap_or_default(),
            target_x: walk.to.x,
            target_y: walk.to.y,
        },
    }
}

/// An entity that stands on a tile at once.
pub(crate) fn set_down(tile: Tile) -> Action {
    Action { movement: standing(tile, SET_DOWN) }
}

/// An entity that stopped.
pub(crate) fn stop(tile: Tile) -> ActionStop {
    ActionStop { movement: standing(tile, 0) }
}

fn standing(tile: Tile, effect: i32) -> Movement {
    Movement {
        x: tile.x,
        y: tile.y,
        effect,
        speed: SET_DOWN_SPEED,
        route: record::Route::default(),
        target_x: tile.x,
        target_y: tile.y,
    }
}

/// A line in the player's panel.
pub(crate) fn panel(text: String) -> ServerPacket {
    MessagePanel { text }.into()
}

/// The weather.
pub(crate) fn weather(kind: u8) -> ServerPacket {
    Weather { kind: i32::from(kind) }.into()
}

/// The countdown of an instance.
pub(crate) fn instance_timer(seconds: u32) -> ServerPacket {
    InstanceTimer { seconds: i32::try_from(seconds).unwrap_or(i32::MAX) }.into()
}

/// The selection screen after a login.
pub(crate) fn char_list(
    characters: &[Character],
    cargo: &[Option<Item>],
    cargo_gold: i64,
    account: &str,
) -> ServerPacket {
    let mut places: Box<[record::Item; CARGO_SLOTS]> =
        Box::new(std::array::from_fn(|_| record::Item::default()));
    for (place, found) in places.iter_mut().zip(cargo) {
        *place = item(found.as_ref());
    }
    CharList {
        key_queue: [0; 16],
        characters: Box::new(character_list(characters)),
        cargo: places,
        cargo_gold,
        account: account.to_owned(),
    }
    .into()
}

/// The characters of an account.
pub(crate) fn character_list(characters: &[Character]) -> CharacterList {
    let mut list = CharacterList::default();
    for character in characters {
        list.show(usize::from(character.slot), summary(character));
    }
    list
}

fn summary(character: &Character) -> CharacterSummary {
    let (hard, soft) = (&character.hard, &character.soft);
    CharacterSummary {
        x: soft.tile.x,
        y: soft.tile.y,
        name: character.name.as_str().to_owned(),
        score: record::Score {
            level: hard.level,
            hp_max: soft.hp,
            mp_max: soft.mp,
            hp: soft.hp.max(1),
            mp: soft.mp,
            strength: hard.attributes.strength,
            intelligence: hard.attributes.intelligence,
            dexterity: hard.attributes.dexterity,
            constitution: hard.attributes.constitution,
            mastery: hard.mastery,
            ..record::Score::default()
        },
        equip: items(&character.equip),
        guild: hard.guild,
        gold: hard.gold,
        experience: hard.experience,
    }
}

fn enter_world(sheet: &Sheet, own: u16) -> EnterWorld {
    let bar = &sheet.skill_bar;
    EnterWorld {
        x: sheet.tile.x,
        y: sheet.tile.y,
        mob: Box::new(mob(sheet)),
        slot: u16::from(sheet.slot),
        client_id: own,
        weather: u16::from(sheet.weather),
        skill_bar_rest: std::array::from_fn(|i| bar[4 + i]),
        exp_hold: 0,
        affects: affects(&sheet.affects),
        quests: [0; 12],
        last_seen: 0,
    }
}

fn mob(sheet: &Sheet) -> Mob {
    let bar = &sheet.skill_bar;
    Mob {
        name: sheet.name.as_str().to_owned(),
        chaos: sheet.chaos,
        clan: sheet.clan,
        merchant: sheet.home_city.min(3) << 6,
        guild: sheet.guild,
        class: sheet.class.number(),
        gold: sheet.gold,
        experience: sheet.experience,
        save_x: sheet.tile.x,
        save_y: sheet.tile.y,
        base_score: score(&sheet.base),
        current_score: score(&sheet.score),
        equip: items::<EQUIP_SLOTS>(&sheet.equip),
        carry: items::<CARRY_SLOTS>(&sheet.carry),
        learned_skills: sheet.learned,
        score_bonus: sheet.unspent.stat,
        mastery_bonus: sheet.unspent.mastery,
        skill_bonus: sheet.unspent.skill,
        critical: sheet.critical,
        save_mana: sheet.save_mana,
        skill_bar_first: std::array::from_fn(|i| bar[i]),
        guild_level: sheet.guild_rank,
        magic: sheet.magic,
        regen_hp: sheet.regen.0,
        regen_mp: sheet.regen.1,
        resist: sheet.resist,
        ..Mob::default()
    }
}

pub(crate) fn own_look(sheet: &Sheet, own: u16) -> CreateMob {
    CreateMob {
        x: sheet.tile.x,
        y: sheet.tile.y,
        plate: plate(own, sheet.name.as_str(), sheet.chaos),
        equip: looks(&sheet.look),
        affects: affect_words(own_public_affects(sheet)),
        guild: sheet.guild,
        guild_level: sheet.guild_rank,
        score: score(&sheet.score),
        create_type: GLOW,
        colors: colors(&sheet.look),
        title: String::new(),
        citizenship: 0,
    }
}

fn create(look: &Appearance, id: u16, glows: bool) -> CreateMob {
    CreateMob {
        x: look.tile.x,
        y: look.tile.y,
        plate: plate(id, &look.name, look.chaos),
        equip: looks(&look.equip),
        affects: affect_words(look.affects.iter().map(|(kind, time)| (*kind, u32::from(*time)))),
        guild: look.guild,
        guild_level: look.guild_rank,
        score: score(&look.score),
        create_type: if glows { GLOW } else { 0 },
        colors: colors(&look.equip),
        title: look.title.clone(),
        citizenship: 0,
    }
}

fn plate(id: u16, name: &str, chaos: u8) -> Nameplate {
    Nameplate { id, name: name.to_owned(), chaos, current_kills: 0, total_kills: 0 }
}

/// The own score, with all that only the own client looks at.
pub(crate) fn own_score(sheet: &Sheet) -> UpdateScore {
    UpdateScore {
        score: score(&sheet.score),
        critical: sheet.critical,
        save_mana: sheet.save_mana,
        affects: affect_words(own_public_affects(sheet)),
        guild: sheet.guild,
        guild_level: u16::from(sheet.guild_rank),
        resist: sheet.resist,
        req_hp: sheet.score.hp,
        req_mp: sheet.score.mp,
        magic: u16::from(sheet.magic),
        avatar_flag: 0,
    }
}

/// Somebody else's score.
pub(crate) fn other_score(shown: &Score, tags: &Tags) -> UpdateScore {
    UpdateScore {
        score: score(shown),
        critical: 0,
        save_mana: 0,
        affects: affect_words(tags.affects.iter().map(|(kind, time)| (*kind, u32::from(*time)))),
        guild: tags.guild,
        guild_level: u16::from(tags.guild_rank),
        resist: [0; 4],
        req_hp: shown.hp,
        req_mp: shown.mp,
        magic: 0,
        avatar_flag: 0,
    }
}

/// Experience, points and gold.
pub(crate) fn etc(sheet: &Sheet) -> UpdateEtc {
    UpdateEtc {
        exp_hold: 0,
        experience: sheet.experience,
        learned_skills: sheet.learned,
        score_bonus: sheet.unspent.stat,
        mastery_bonus: sheet.unspent.mastery,
        skill_bonus: sheet.unspent.skill,
        magic: u16::from(sheet.magic),
        gold: sheet.gold,
    }
}

/// Hit points and mana.
pub(crate) fn points(score: &Score) -> SetHpMp {
    SetHpMp {
        hp: score.hp,
        mp: score.mp,
        req_hp: score.hp,
        req_mp: score.mp,
        hp_max: score.hp_max,
        mp_max: score.mp_max,
    }
}

fn own_affects(sheet: &Sheet) -> UpdateAffects {
    UpdateAffects { affects: affects(&sheet.affects) }
}

fn affects(running: &[Affect]) -> Box<[record::Affect; AFFECTS]> {
    Box::new(std::array::from_fn(|i| {
        running.get(i).map_or_else(record::Affect::default, |affect| record::Affect {
            kind: affect.kind,
            level: affect.level,
            value: affect.value,
            time: i32::try_from(affect.time).unwrap_or(i32::MAX),
        })
    }))
}

fn own_public_affects(sheet: &Sheet) -> impl Iterator<Item = (u8, u32)> {
    sheet.affects.iter().filter(|affect| affect.kind != 0).map(|affect| (affect.kind, affect.time))
}

fn affect_words(visible: impl Iterator<Item = (u8, u32)>) -> [u16; AFFECTS] {
    let mut words = [0; AFFECTS];
    for (word, (kind, time)) in words.iter_mut().zip(visible) {
        *word = record::affect_word(kind, time);
    }
    words
}

fn looks(look: &Looks) -> [u16; record::EQUIP_SLOTS] {
    std::array::from_fn(|i| record::look(look[i].kind, look[i].refine))
}

fn colors(look: &Looks) -> [u8; record::EQUIP_SLOTS] {
    std::array::from_fn(|i| look[i].color)
}

fn items<const N: usize>(slots: &[Option<Item>]) -> [record::Item; N] {
    std::array::from_fn(|i| item(slots.get(i).and_then(Option::as_ref)))
}

fn item(found: Option<&Item>) -> record::Item {
    found.map_or_else(record::Item::default, |item| record::Item {
        kind: item.kind.0,
        effects: item.effects.map(|effect| record::ItemEffect { kind: effect.code, value: effect.value }),
    })
}

fn score(score: &Score) -> record::Score {
    record::Score {
        level: score.level,
        defence: score.defence,
        attack: score.attack,
        merchant_dir: record::nibbles(score.merchant, score.facing),
        attack_run: record::nibbles(score.run_speed, score.attack_speed),
        hp_max: score.hp_max,
        mp_max: score.mp_max,
        hp: score.hp,
        mp: score.mp,
        strength: score.strength,
        intelligence: score.intelligence,
        dexterity: score.dexterity,
        constitution: score.constitution,
        mastery: score.mastery,
    }
}

#[cfg(test)]
mod tests;
