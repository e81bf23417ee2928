//! Rows of either database to the words of the domain and back.
//!
//! The two drivers are hidden behind [`Fields`], so that one decoder and one list of columns serve both.

use crate::codec;
use model::account::AccountName;
use model::calls::cluster::{CutBy, Guest, Hold, Instance, InstanceLimits, Leased, LoggedWish, Placed};
use model::calls::database::{Cargo, Failure, FoundCharacter, HeldRecord, LoadedCharacter};
use model::calls::records::RECORDS_MAX;
use model::calls::weights::Counted;
use model::character::{Attributes, Character, CharacterName, Class, HardState, Progress, SoftMark, Unspent};
use model::guild::{GuildNameId, Place};
use model::id::{
    AccountId, AmendmentId, CharacterId, Epoch, GroundId, GuildId, Incarnation, ItemId, LotId, ParcelId,
    ZoneId,
};
use model::item::{CARGO_SLOTS, CARRY_SLOTS, EQUIP_SLOTS, Effect, GOLD_MAX, Item, ItemKind};
use model::membership::{Member, NamedZone, ProcessName, Role, Slot};
use model::transfer::{Record, RecordKey};
use model::{Account, Rect, Tile};
use std::collections::HashMap;

/// Fields of one row by their position; an absent or wrongly typed one is a corrupt store.
pub(crate) trait Fields {
    /// An integer of any width.
    fn int(&self, index: usize) -> Result<i64, Failure>;
    /// A text that may be NULL.
    fn maybe_text(&self, index: usize) -> Result<Option<String>, Failure>;
    /// Bytes.
    fn bytes(&self, index: usize) -> Result<Vec<u8>, Failure>;
    /// A 128-bit id.
    fn id128(&self, index: usize) -> Result<u128, Failure>;
    /// True when there is nothing.
    fn is_null(&self, index: usize) -> Result<bool, Failure>;

    /// What `read` reads, unless there is nothing.
    fn maybe<T>(
        &self,
        index: usize,
        read: impl FnOnce(&Self, usize) -> Result<T, Failure>,
    ) -> Result<Option<T>, Failure> {
        if self.is_null(index)? { Ok(None) } else { read(self, index).map(Some) }
    }

    /// A text.
    fn text(&self, index: usize) -> Result<String, Failure> {
        self.maybe_text(index)?.ok_or_else(|| Failure::Corrupt(format!("column {index} is NULL")))
    }

    /// An integer that must fit.
    fn number<T: TryFrom<i64>>(&self, index: usize) -> Result<T, Failure> {
        let value = self.int(index)?;
        T::try_from(value).map_err(|_| Failure::Corrupt(format!("column {index} holds {value}")))
    }
}

/// Columns that [`account`] reads.
macro_rules! account_columns {
    () => {
        "id, name, password_hash, pin_hash, blocked, created_ms, frozen"
    };
}
/// Columns that [`character`] reads and [`character_numbers`] writes, the integers first.
macro_rules! character_columns {
    () => {
        "id, account, slot, class, level, experience, gold, strength, intelligence, dexterity, constitution, \
         mastery_0, mastery_1, mastery_2, mastery_3, unspent_stat, unspent_mastery, unspent_skill, \
         learned_0, learned_1, clan, guild, guild_rank, chaos, soft_version, soft, name"
    };
}
/// True when the `given` soft state (its epoch, its number) is newer than the one that is stored.
macro_rules! is_newer {
    ($epoch:literal, $number:literal) => {
        concat!($number, " > CASE WHEN soft_epoch = ", $epoch, " THEN soft_number ELSE 0 END")
    };
}
/// Columns that [`loaded`] reads, before [`character_columns`] are changed for the next owner.
macro_rules! loaded_columns {
    () => {
        concat!(character_columns!(), ", epoch, soft_epoch, soft_number, former_owner")
    };
}
/// Columns that [`progress`] reads: integers, in `characters` and in `character_states`.
macro_rules! progress_columns {
    () => {
        "level, experience, strength, intelligence, dexterity, constitution, mastery_0, mastery_1, mastery_2, \
         mastery_3, unspent_stat, unspent_mastery, unspent_skill, learned_0, learned_1, clan, guild, guild_rank, \
         chaos"
    };
}
/// Those of [`progress_columns`] that are the character's own business, and that [`own_numbers`] writes: guild and rank
/// are changed by transfers only, together with the records of the guild.
macro_rules! own_columns {
    () => {
        "level, experience, strength, intelligence, dexterity, constitution, mastery_0, mastery_1, mastery_2, \
         mastery_3, unspent_stat, unspent_mastery, unspent_skill, learned_0, learned_1, clan, chaos"
    };
}
/// Columns that [`placed_item`] reads.
macro_rules! item_columns {
    () => {
        "place_owner, place_kind, place_slot, id, kind, effects"
    };
}
/// Columns that [`record`] reads.
macro_rules! record_columns {
    () => {
        "kind, id, home, version, scope, until_ms, body"
    };
}
/// Columns that [`member`] reads.
macro_rules! member_columns {
    () => {
        "name, role, incarnation, link, http, weight, content_hash"
    };
}
pub(crate) use {
    account_columns, character_columns, is_newer, item_columns, loaded_columns, member_columns, own_columns,
    progress_columns, record_columns,
};

/// Number of integers that [`character_numbers`] gives.
pub(crate) const CHARACTER_NUMBERS: usize = 25;

/// An account from [`account_columns`].
pub(crate) fn account(row: &impl Fields) -> Result<Account, Failure> {
    let name = row.text(1)?;
    Ok(Account {
        id: AccountId(row.int(0)? as u64),
        name: AccountName::new(&name).map_err(|error| bad_name(&name, error))?,
        password_hash: row.text(2)?,
        pin_hash: row.maybe_text(3)?,
        blocked: row.maybe_text(4)?,
        frozen: row.maybe_text(6)?,
        created_ms: row.int(5)?,
    })
}

/// A character from [`loaded_columns`], with nothing on it yet.
pub(crate) fn loaded(row: &impl Fields) -> Result<LoadedCharacter, Failure> {
    let after = CHARACTER_NUMBERS + 2;
    Ok(LoadedCharacter {
        character: character(row)?,
        epoch: Epoch(row.int(after)? as u64),
        soft_from: SoftMark { epoch: Epoch(row.int(after + 1)? as u64), number: row.int(after + 2)? as u64 },
        former_owner: row.maybe_text(after + 3)?.map(ProcessName),
    })
}

/// A character from [`character_columns`], with nothing on it yet.
pub(crate) fn character(row: &impl Fields) -> Result<Character, Failure> {
    let name = row.text(26)?;
    let class = row.int(3)?;
    let gold = row.int(6)?;
    if !(0..=GOLD_MAX).contains(&gold) {
        return Err(Failure::Corrupt(format!("a character carries {gold} gold")));
    }
    Ok(Character {
        id: CharacterId(row.int(0)? as u64),
        account: AccountId(row.int(1)? as u64),
        slot: row.number(2)?,
        name: CharacterName::new(&name).map_err(|error| bad_name(&name, error))?,
        class: Class::from_number(class).ok_or_else(|| Failure::Corrupt(format!("class {class}")))?,
        hard: HardState {
            level: row.number(4)?,
            experience: row.int(5)?,
            gold,
            attributes: Attributes {
                strength: row.number(7)?,
                intelligence: row.number(8)?,
                dexterity: row.number(9)?,
                constitution: row.number(10)?,
            },
            mastery: [row.number(11)?, row.number(12)?, row.number(13)?, row.number(14)?],
            unspent: Unspent { stat: row.number(15)?, mastery: row.number(16)?, skill: row.number(17)? },
            learned: [row.number(18)?, row.number(19)?],
            clan: row.number(20)?,
            guild: row.number(21)?,
            guild_rank: row.number(22)?,
            chaos: row.number(23)?,
        },
        soft: codec::decode_soft(row.int(24)?, &row.bytes(25)?)?,
        equip: Character::no_equip(),
        carry: Character::no_carry(),
    })
}

/// Number of integers that [`own_numbers`] gives.
pub(crate) const OWN_NUMBERS: usize = 17;

/// What a character has become, from [`progress_columns`] and whatever follows them.
pub(crate) fn progress(row: &impl Fields) -> Result<Progress, Failure> {
    Ok(Progress {
        level: row.number(0)?,
        experience: row.int(1)?,
        attributes: Attributes {
            strength: row.number(2)?,
            intelligence: row.number(3)?,
            dexterity: row.number(4)?,
            constitution: row.number(5)?,
        },
        mastery: [row.number(6)?, row.number(7)?, row.number(8)?, row.number(9)?],
        unspent: Unspent { stat: row.number(10)?, mastery: row.number(11)?, skill: row.number(12)? },
        learned: [row.number(13)?, row.number(14)?],
        clan: row.number(15)?,
        guild: row.number(16)?,
        guild_rank: row.number(17)?,
        chaos: row.number(18)?,
    })
}

/// Guild and rank of a character, from two columns.
pub(crate) fn guild_place(row: &impl Fields, first: usize) -> Result<Place, Failure> {
    Ok(Place { guild: GuildId(row.number(first)?), rank: row.number(first + 1)? })
}

/// The integers of [`own_columns`], in that order.
pub(crate) fn own_numbers(progress: &Progress) -> [i64; OWN_NUMBERS] {
    let Progress { attributes, mastery, unspent, learned, .. } = progress;
    [
        progress.level.into(),
        progress.experience,
        attributes.strength.into(),
        attributes.intelligence.into(),
        attributes.dexterity.into(),
        attributes.constitution.into(),
        mastery[0].into(),
        mastery[1].into(),
        mastery[2].into(),
        mastery[3].into(),
        unspent.stat.into(),
        unspent.mastery.into(),
        unspent.skill.into(),
        learned[0].into(),
        learned[1].into(),
        progress.clan.into(),
        progress.chaos.into(),
    ]
}

/// Who has a name, from `account, id, name`.
pub(crate) fn found_character(row: &impl Fields) -> Result<FoundCharacter, Failure> {
    Ok(FoundCharacter {
        account: AccountId(row.int(0)? as u64),
        character: CharacterId(row.int(1)? as u64),
        name: row.text(2)?,
    })
}

/// The integers of [`character_columns`], in that order.
pub(crate) fn character_numbers(character: &Character) -> [i64; CHARACTER_NUMBERS] {
    let hard = &character.hard;
    [
        character.id.0 as i64,
        character.account.0 as i64,
        character.slot.into(),
        character.class.number().into(),
        hard.level.into(),
        hard.experience,
        hard.gold,
        hard.attributes.strength.into(),
        hard.attributes.intelligence.into(),
        hard.attributes.dexterity.into(),
        hard.attributes.constitution.into(),
        hard.mastery[0].into(),
        hard.mastery[1].into(),
        hard.mastery[2].into(),
        hard.mastery[3].into(),
        hard.unspent.stat.into(),
        hard.unspent.mastery.into(),
        hard.unspent.skill.into(),
        hard.learned[0].into(),
        hard.learned[1].into(),
        hard.clan.into(),
        hard.guild.into(),
        hard.guild_rank.into(),
        hard.chaos.into(),
        codec::SOFT_VERSION,
    ]
}

fn bad_name(name: &str, error: impl std::fmt::Display) -> Failure {
    Failure::Corrupt(format!("the stored name {name:?} is no name: {error}"))
}

/// What kind of place an item lies in, numbered as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum PlaceKind {
    /// Worn by a character.
    Equip = 1,
    /// Carried by a character.
    Carry = 2,
    /// In the bank of an account.
    Cargo = 3,
    /// In a lot of the auction house.
    Lot = 4,
    /// In a parcel.
    Parcel = 5,
    /// On the ground.
    Ground = 6,
    /// In the bank of a guild.
    Guild = 7,
}

/// One item and where it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacedItem {
    /// The character, account, record or guild, as stored.
    pub(crate) owner: i64,
    /// The kind of place.
    pub(crate) kind: PlaceKind,
    /// The slot.
    pub(crate) slot: usize,
    /// The item.
    pub(crate) item: Item,
}

/// An item and its place from [`item_columns`].
pub(crate) fn placed_item(row: &impl Fields) -> Result<PlacedItem, Failure> {
    let kind = match row.int(1)? {
        1 => PlaceKind::Equip,
        2 => PlaceKind::Carry,
        3 => PlaceKind::Cargo,
        4 => PlaceKind::Lot,
        5 => PlaceKind::Parcel,
        6 => PlaceKind::Ground,
        7 => PlaceKind::Guild,
        other => return Err(Failure::Corrupt(format!("place kind {other}"))),
    };
    let item =
        Item { id: ItemId(row.id128(3)?), kind: ItemKind(row.number(4)?), effects: effects(&row.bytes(5)?)? };
    Ok(PlacedItem { owner: row.int(0)?, kind, slot: row.number(2)?, item })
}

/// An item's effects from their six bytes.
pub(crate) fn effects(bytes: &[u8]) -> Result<[Effect; 3], Failure> {
    let &[a, b, c, d, e, f] = bytes else {
        return Err(Failure::Corrupt(format!("effects of {} bytes", bytes.len())));
    };
    let effect = |code, value| Effect { code, value };
    Ok([effect(a, b), effect(c, d), effect(e, f)])
}

/// The six bytes of an item's effects.
pub(crate) fn effect_bytes(item: &Item) -> [u8; 6] {
    let [a, b, c] = item.effects;
    [a.code, a.value, b.code, b.value, c.code, c.value]
}

/// Everything that a character wears and carries, with its places.
pub(crate) fn items_of(character: &Character) -> Result<Vec<PlacedItem>, Failure> {
    if character.equip.len() > EQUIP_SLOTS || character.carry.len() > CARRY_SLOTS {
        return Err(Failure::Corrupt(format!(
            "a character with {} equipment and {} inventory slots",
            character.equip.len(),
            character.carry.len()
        )));
    }
    let owner = character.id.0 as i64;
    let placed = move |kind, slots: &[Option<Item>]| {
        let items: Vec<_> =
            slots.iter().enumerate().filter_map(|(slot, item)| item.map(|item| (slot, item))).collect();
        items.into_iter().map(move |(slot, item)| PlacedItem { owner, kind, slot, item })
    };
    Ok(placed(PlaceKind::Equip, &character.equip).chain(placed(PlaceKind::Carry, &character.carry)).collect())
}

/// Puts items onto the characters that have them.
pub(crate) fn hand_out(characters: &mut [Character], items: Vec<PlacedItem>) -> Result<(), Failure> {
    let mut by_id: HashMap<i64, &mut Character> =
        characters.iter_mut().map(|character| (character.id.0 as i64, character)).collect();
    for placed in items {
        let slots = by_id.get_mut(&placed.owner).and_then(|character| match placed.kind {
            PlaceKind::Equip => Some(&mut character.equip),
            PlaceKind::Carry => Some(&mut character.carry),
            _ => None,
        });
        put(slots, placed)?;
    }
    Ok(())
}

/// A record from [`record_columns`].
pub(crate) fn record(row: &impl Fields) -> Result<Record, Failure> {
    let id = row.int(1)? as u64;
    let key = match row.int(0)? {
        4 => RecordKey::Lot(LotId(id)),
        5 => RecordKey::Parcel(ParcelId(id)),
        6 => RecordKey::Ground(GroundId(id)),
        10 => RecordKey::Amendment(AmendmentId(id)),
        11 => RecordKey::Guild(GuildId(row.number(1)?)),
        12 => RecordKey::GuildName(GuildNameId(id)),
        13 => RecordKey::GuildMember(CharacterId(id)),
        14 => RecordKey::Friends(CharacterId(id)),
        other => return Err(Failure::Corrupt(format!("a record of kind {other}"))),
    };
    Ok(Record {
        key,
        home: AccountId(row.int(2)? as u64),
        version: row.int(3)? as u64,
        scope: row.int(4)? as u64,
        until_ms: row.int(5)?,
        body: row.bytes(6)?,
    })
}

/// A record with what lies in it, the items in any order.
pub(crate) fn held_record(
    record: Record,
    items: &[PlacedItem],
    gold: Option<i64>,
) -> Result<HeldRecord, Failure> {
    let slot = |placed: &PlacedItem| {
        u8::try_from(placed.slot).map_err(|_| Failure::Corrupt(format!("the slot {}", placed.slot)))
    };
    let held = items.iter().map(|placed| Ok((slot(placed)?, placed.item)));
    let mut items = held.collect::<Result<Vec<_>, Failure>>()?;
    items.sort_by_key(|(slot, _)| *slot);
    Ok(HeldRecord { record, items, gold: gold.unwrap_or_default() })
}

/// The most records of one answer.
pub(crate) fn records_limit(asked: u32) -> i64 {
    asked.clamp(1, RECORDS_MAX).into()
}

/// The bank of an account or a guild.
pub(crate) fn cargo(gold: i64, items: Vec<PlacedItem>) -> Result<Cargo, Failure> {
    let mut cargo = Cargo { items: vec![None; CARGO_SLOTS], gold };
    for placed in items {
        put(Some(&mut cargo.items), placed)?;
    }
    Ok(cargo)
}

fn put(slots: Option<&mut Vec<Option<Item>>>, placed: PlacedItem) -> Result<(), Failure> {
    match slots.and_then(|slots| slots.get_mut(placed.slot)) {
        Some(place @ None) => {
            *place = Some(placed.item);
            Ok(())
        }
        _ => Err(Failure::Corrupt(format!(
            "item {} lies at {:?} {} of {:x}",
            placed.item.id, placed.kind, placed.slot, placed.owner
        ))),
    }
}

/// A member from [`member_columns`].
pub(crate) fn member(row: &impl Fields) -> Result<Member, Failure> {
    let role = row.text(1)?;
    let address = |index: usize| -> Result<_, Failure> {
        let text = row.text(index)?;
        text.parse().map_err(|_| Failure::Corrupt(format!("the address {text:?}")))
    };
    Ok(Member {
        name: ProcessName(row.text(0)?),
        role: Role::from_name(&role).ok_or_else(|| Failure::Corrupt(format!("the role {role:?}")))?,
        incarnation: Incarnation(row.int(2)? as u64),
        link: address(3)?,
        http: address(4)?,
        weight: row.number(5)?,
        content_hash: row.int(6)? as u64,
    })
}

/// A slot from `zone, owner, epoch`.
pub(crate) fn slot(row: &impl Fields) -> Result<Slot, Failure> {
    Ok(Slot {
        zone: ZoneId(row.number(0)?),
        owner: row.maybe_text(1)?.map(ProcessName),
        epoch: Epoch(row.int(2)? as u64),
    })
}

/// A member with what is left of its lease, from [`member_columns`] and the milliseconds behind them.
pub(crate) fn leased(row: &impl Fields) -> Result<Leased, Failure> {
    Ok(Leased { member: member(row)?, left_ms: row.int(7)? })
}

/// Those whose lease holds, and those whose lease has ended.
pub(crate) fn by_lease(members: Vec<Leased>) -> (Vec<Member>, Vec<Member>) {
    let (live, lapsed): (Vec<Leased>, Vec<Leased>) =
        members.into_iter().partition(|leased| leased.left_ms > 0);
    let member = |leased: Leased| leased.member;
    (live.into_iter().map(member).collect(), lapsed.into_iter().map(member).collect())
}

/// A zone that the operator has placed, from `zone, node, hold`.
pub(crate) fn placed_zone(row: &impl Fields) -> Result<(String, Placed), Failure> {
    let hold = row.text(2)?;
    let hold = [Hold::Moved, Hold::Pinned].into_iter().find(|known| known.name() == hold);
    let hold = hold.ok_or_else(|| Failure::Corrupt("a zone is placed in an unknown way".into()))?;
    Ok((row.text(0)?, Placed { node: ProcessName(row.text(1)?), hold }))
}

/// What a zone costs, from `zone, cost`.
pub(crate) fn zone_cost(row: &impl Fields) -> Result<(String, u32), Failure> {
    Ok((row.text(0)?, row.number(1)?))
}

/// What a zone is counted as, from `zone, cost, node`.
pub(crate) fn counted_zone(row: &impl Fields) -> Result<(String, Counted), Failure> {
    Ok((row.text(0)?, Counted { cost: row.number(1)?, placed: row.maybe_text(2)?.map(ProcessName) }))
}

/// A part that is cut off from its zone, from `part, by_whom`.
pub(crate) fn cut_zone(row: &impl Fields) -> Result<(String, CutBy), Failure> {
    let by = row.text(1)?;
    let by = [CutBy::Cost, CutBy::Operator].into_iter().find(|known| known.name() == by);
    let by = by.ok_or_else(|| Failure::Corrupt("a zone is cut by nobody who is known".into()))?;
    Ok((row.text(0)?, by))
}

/// An open instance from `instance, place, opened_ms, until_ms`, without its guests.
pub(crate) fn instance(row: &impl Fields) -> Result<(u64, Instance), Failure> {
    let (place, opened_ms, until_ms) = (row.text(1)?, row.int(2)?, row.int(3)?);
    Ok((row.number(0)?, Instance { place, opened_ms, until_ms, guests: Vec::new() }))
}

/// A guest of an instance from `instance, character, name`.
pub(crate) fn guest(row: &impl Fields) -> Result<(u64, Guest), Failure> {
    Ok((row.number(0)?, Guest { character: CharacterId(row.int(1)? as u64), name: row.text(2)? }))
}

/// The number of the last instance and the bounds of instances from `last, open_max, per_player_max, life_max_s, empty_s`.
pub(crate) fn instance_rules(row: &impl Fields) -> Result<(u64, InstanceLimits), Failure> {
    let (open_max, per_player_max) = (row.number(1)?, row.number(2)?);
    let (life_max_s, empty_s) = (row.number(3)?, row.number(4)?);
    Ok((row.number(0)?, InstanceLimits { open_max, per_player_max, life_max_s, empty_s }))
}

/// A wish from `number, at_ms, by_whom, wish, before, after`.
pub(crate) fn logged_wish(row: &impl Fields) -> Result<LoggedWish, Failure> {
    Ok(LoggedWish {
        number: row.number(0)?,
        at_ms: row.int(1)?,
        by: row.text(2)?,
        wish: row.text(3)?,
        before: row.text(4)?,
        after: row.text(5)?,
    })
}

/// A named zone from `name, min_x, min_y, max_x, max_y`.
pub(crate) fn named_zone(row: &impl Fields) -> Result<NamedZone, Failure> {
    let min = Tile::new(row.number(1)?, row.number(2)?);
    let max = Tile::new(row.number(3)?, row.number(4)?);
    Ok(NamedZone { name: row.text(0)?, area: Rect { min, max } })
}
