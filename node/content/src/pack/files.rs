//! The rows of a pack's files.

use crate::creature::{fresh, key};
use crate::{Creature, Fixture, GameConfig, Generator, Portal, Report, RouteKind, Starter, Waypoint, places};
use model::item::{CARRY_SLOTS, EQUIP_SLOTS, ItemSpec};
use model::membership::NamedZone;
use model::{Class, Effect, ItemKind, Score, Tile};
use rules::{ItemDef, ItemTable, Requirements, SkillDef, effect};
use serde::Deserialize;

/// `pack.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub(crate) name: String,
    /// Where new characters appear.
    pub(crate) newcomers: [u16; 4],
    #[serde(default)]
    pub(crate) game: GameConfig,
}

/// `places.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Places {
    #[serde(default)]
    zone: Vec<ZoneRow>,
    #[serde(default)]
    portal: Vec<PortalRow>,
    #[serde(default)]
    fixture: Vec<FixtureRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ZoneRow {
    name: String,
    rect: [u16; 4],
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PortalRow {
    from: [u16; 2],
    to: [u16; 2],
    #[serde(default)]
    gold: u32,
    #[serde(default)]
    conditional: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FixtureRow {
    item: u16,
    tile: [u16; 2],
    #[serde(default)]
    rotate: u8,
}

impl Places {
    pub(crate) fn zones(&self) -> Vec<NamedZone> {
        let zone = |row: &ZoneRow| NamedZone { name: row.name.clone(), area: places::rect(row.rect) };
        self.zone.iter().map(zone).collect()
    }

    pub(crate) fn portals(&self) -> Vec<Portal> {
        let portal = |row: &PortalRow| Portal {
            from: places::cell(Tile::new(row.from[0], row.from[1])),
            to: Tile::new(row.to[0], row.to[1]),
            gold: i64::from(row.gold),
            conditional: row.conditional,
        };
        self.portal.iter().map(portal).collect()
    }

    pub(crate) fn fixtures(&self) -> Vec<Fixture> {
        let fixture = |row: &FixtureRow| Fixture {
            kind: ItemKind(row.item),
            tile: Tile::new(row.tile[0], row.tile[1]),
            rotate: row.rotate,
        };
        self.fixture.iter().map(fixture).collect()
    }
}

/// `items.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Items {
    item: Vec<ItemRow>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ItemRow {
    kind: u16,
    name: String,
    #[serde(default)]
    model: [i16; 2],
    /// Level, strength, intelligence, dexterity, constitution.
    #[serde(default)]
    requires: [u16; 5],
    #[serde(default)]
    unique: i16,
    #[serde(default)]
    price: i32,
    /// Mask of equipment slots.
    #[serde(default)]
    position: u32,
    #[serde(default)]
    extra: i16,
    #[serde(default)]
    grade: i16,
    #[serde(default)]
    effects: Vec<(String, i16)>,
}

impl Items {
    pub(crate) fn table(self, report: &mut Report) -> ItemTable {
        let mut seen = std::collections::BTreeSet::new();
        ItemTable::new(self.item.into_iter().map(|row| {
            if !seen.insert(row.kind) {
                report.odd("items.toml", format!("item {}", row.kind), "second row; the later counts");
            }
            row.def(report)
        }))
    }
}

impl ItemRow {
    fn def(self, report: &mut Report) -> ItemDef {
        let [level, strength, intelligence, dexterity, constitution] = self.requires;
        let mut effects = Vec::new();
        for (name, value) in self.effects {
            match effect::code_of(&name) {
                Some(code) => effects.push((code, value)),
                None => report.odd(
                    "items.toml",
                    format!("item {}", self.kind),
                    format!("unknown effect `{name}`"),
                ),
            }
        }
        ItemDef {
            kind: ItemKind(self.kind),
            name: self.name,
            mesh: self.model[0],
            texture: self.model[1],
            requires: Requirements { level, strength, intelligence, dexterity, constitution },
            unique: self.unique,
            price: self.price,
            position: self.position,
            extra: self.extra,
            grade: self.grade,
            effects,
        }
    }
}

/// `skills.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Skills {
    pub(crate) skill: Vec<SkillDef>,
}

/// `creatures.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Creatures {
    pub(crate) creature: Vec<CreatureRow>,
}

/// One monster or merchant.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreatureRow {
    key: String,
    name: String,
    /// Item number of the model.
    face: u16,
    /// Item numbers of the slots after the face.
    #[serde(default)]
    wears: Vec<u16>,
    /// Sub-kind of a quest merchant.
    #[serde(default)]
    grade: u8,
    #[serde(default)]
    merchant: u8,
    #[serde(default)]
    facing: u8,
    #[serde(default)]
    clan: u8,
    #[serde(default)]
    level: u16,
    #[serde(default)]
    defence: i32,
    #[serde(default)]
    attack: i32,
    hp: i32,
    #[serde(default)]
    mp: i32,
    #[serde(default = "one")]
    run: u8,
    #[serde(default)]
    attack_speed: u8,
    /// Strength, intelligence, dexterity, constitution (which is also the size of the model).
    #[serde(default)]
    stats: [u16; 4],
    #[serde(default)]
    experience: i64,
    #[serde(default)]
    gold: i64,
    /// Percent of its turns in which it acts.
    #[serde(default)]
    acts: u8,
    /// Percent of its turns in which a ranged one stays.
    #[serde(default)]
    stays: u8,
    /// What it drops, by slot.
    #[serde(default)]
    drops: Vec<u16>,
    /// What it sells, in the order of its window.
    #[serde(default)]
    sells: Vec<u16>,
}

fn one() -> u8 {
    1
}

/// An item without options.
fn plain(kind: u16) -> Option<ItemSpec> {
    (kind != 0).then_some(ItemSpec { kind: ItemKind(kind), effects: [Effect::default(); 3] })
}

/// Puts item numbers into the first slots.
fn slots(kinds: &[u16], count: usize) -> Vec<Option<ItemSpec>> {
    let mut slots: Vec<Option<ItemSpec>> = kinds.iter().take(count).map(|kind| plain(*kind)).collect();
    slots.resize(count, None);
    slots
}

impl CreatureRow {
    pub(crate) fn creature(self) -> Creature {
        let mut worn = vec![self.face];
        worn.extend(&self.wears);
        let mut equip = slots(&worn, EQUIP_SLOTS);
        if let (Some(Some(face)), 1..) = (equip.first_mut(), self.grade) {
            face.effects[0] = Effect { code: effect::GRADE0, value: self.grade };
        }
        let mut carry = slots(&self.drops, CARRY_SLOTS);
        for (index, kind) in self.sells.iter().take(27).enumerate() {
            // A shop's window shows slots 0..8, 27..35 and 54..62 of its owner.
            carry[index % 9 + 27 * (index / 9)] = plain(*kind);
        }
        let mut look = [model::event::EquipLook::default(); EQUIP_SLOTS];
        for (slot, spec) in look.iter_mut().zip(&equip) {
            *slot = spec.map(|spec| rules::refine::look(spec.kind, &spec.effects)).unwrap_or_default();
        }
        Creature {
            key: key(&self.key),
            look,
            merchant: self.merchant,
            score: self.score(),
            clan: self.clan,
            class: 0,
            experience: self.experience,
            gold: self.gold,
            carry,
            equip,
            chance_to_act: self.acts.min(100),
            chance_to_stay: self.stays.min(100),
            learned: [0; 2],
            skill_bar: [0xFF; 4],
            critical: 0,
            resist: [0; 4],
            name: self.name,
        }
    }

    fn score(&self) -> Score {
        let [strength, intelligence, dexterity, constitution] = self.stats;
        Score {
            level: self.level,
            defence: self.defence,
            attack: self.attack,
            merchant: self.merchant & 15,
            facing: self.facing & 15,
            run_speed: self.run.clamp(1, 6),
            attack_speed: self.attack_speed & 15,
            hp_max: self.hp.max(1),
            mp_max: self.mp.max(0),
            hp: self.hp.max(1),
            mp: self.mp.max(0),
            strength,
            intelligence,
            dexterity,
            constitution,
            mastery: [0; 4],
        }
    }
}

/// `generators.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Generators {
    pub(crate) generator: Vec<GeneratorRow>,
}

/// One generator.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GeneratorRow {
    pub(crate) creature: String,
    pub(crate) followers: Option<String>,
    #[serde(default = "every_turn")]
    every: i32,
    #[serde(default = "one_creature")]
    most: u16,
    #[serde(default)]
    group: (u16, u16),
    route: RouteKind,
    #[serde(default)]
    formation: u8,
    /// x, y, range, wait of each point.
    points: Vec<[u16; 4]>,
}

/// Number of a pack's first generator: numbers below belong to events of the game, which the timer never runs.
const FIRST_NUMBER: u32 = 8;

fn every_turn() -> i32 {
    1
}

fn one_creature() -> u16 {
    1
}

impl GeneratorRow {
    pub(crate) fn generator(self, index: usize, leader: usize, follower: Option<usize>) -> Generator {
        let point = |[x, y, range, wait]: [u16; 4]| Waypoint { tile: Tile::new(x, y), range, wait };
        let place = u32::try_from(index).unwrap_or(u32::MAX);
        Generator {
            index: place.saturating_add(FIRST_NUMBER),
            line: place.saturating_add(1),
            every: self.every,
            most: self.most,
            group: (self.group.0.min(self.group.1), self.group.1),
            leader,
            follower,
            route: self.route,
            formation: self.formation.min(4),
            points: self.points.into_iter().map(point).collect(),
        }
    }
}

/// `starters.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Starters {
    pub(crate) starter: Vec<StarterRow>,
}

/// What a class starts with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StarterRow {
    pub(crate) class: Class,
    gold: i64,
    /// Item numbers of the slots after the face, which comes from the class.
    wears: Vec<u16>,
    /// Item number and pieces.
    carries: Vec<(u16, u8)>,
}

impl StarterRow {
    pub(crate) fn starter(&self) -> Starter {
        let mut starter = Starter::bare(self.class);
        starter.hard = model::character::HardState { gold: self.gold.max(0), ..fresh(self.class) };
        for (slot, kind) in starter.equip.iter_mut().skip(1).zip(&self.wears) {
            *slot = plain(*kind);
        }
        for (slot, (kind, pieces)) in starter.carry.iter_mut().zip(&self.carries) {
            *slot = plain(*kind);
            if let (Some(spec), 2..) = (slot, *pieces) {
                spec.effects[0] = Effect { code: effect::AMOUNT, value: *pieces };
            }
        }
        starter
    }
}
