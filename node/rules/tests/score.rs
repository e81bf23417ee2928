//! Score derivation: hand-computed examples and what must hold whatever the content says.
#![allow(clippy::unwrap_used)]

use model::character::{Affect, Attributes, HardState, SoftState, Unspent};
use model::{AccountId, Character, CharacterId, CharacterName, Class, Effect, Item, ItemId, ItemKind, Tile};
use proptest::prelude::*;
use rules::item::position;
use rules::{ItemDef, ItemTable, Requirements, class, derive, effect};

fn def(kind: u16, position: u32, unique: i16, effects: &[(u8, i16)]) -> ItemDef {
    ItemDef {
        kind: ItemKind(kind),
        name: String::new(),
        mesh: 0,
        texture: 0,
        requires: Requirements::default(),
        unique,
        price: 0,
        position,
        extra: 0,
        grade: 0,
        effects: effects.to_vec(),
    }
}

fn item(kind: u16, effects: [(u8, u8); 3]) -> Item {
    Item { id: ItemId(1), kind: ItemKind(kind), effects: effects.map(|(code, value)| Effect { code, value }) }
}

fn plain(kind: u16) -> Item {
    item(kind, [(0, 0); 3])
}

/// A character of a class at a level, naked, with its class's attributes.
fn character(class: Class, level: u16) -> Character {
    let hard = HardState {
        level,
        experience: 0,
        gold: 0,
        attributes: class::starting(class).attributes,
        mastery: [0; 4],
        unspent: Unspent::default(),
        learned: [0; 2],
        clan: 0,
        guild: 0,
        guild_rank: 0,
        chaos: 75,
    };
    Character {
        id: CharacterId(1),
        account: AccountId(1),
        slot: 0,
        name: CharacterName::new("Tester").unwrap(),
        class,
        hard,
        soft: SoftState::fresh(Tile::new(2100, 2100), 0, i32::MAX, i32::MAX),
        equip: Character::no_equip(),
        carry: Character::no_carry(),
    }
}

fn wearing(mut character: Character, worn: &[(usize, Item)]) -> Character {
    for (slot, item) in worn {
        character.equip[*slot] = Some(*item);
    }
    character
}

#[test]
fn naked_newcomers_have_twice_the_published_health_of_their_class() {
    // class, HP, MP, attack = 5 + Str/2 + Dex/3
    for (class, hp, mp, attack) in [
        (Class::TransKnight, 160, 90, 5 + 4 + 2),
        (Class::Foema, 120, 130, 5 + 2 + 1),
        (Class::BeastMaster, 140, 110, 5 + 3 + 3),
        (Class::Huntress, 150, 120, 5 + 4 + 4),
    ] {
        let derived = derive(&character(class, 0), &ItemTable::default());
        let score = derived.score;
        assert_eq!((score.hp_max, score.mp_max), (hp, mp), "{class:?}");
        assert_eq!((score.hp, score.mp), (hp, mp), "{class:?}");
        assert_eq!((score.attack, score.defence, score.run_speed), (attack, 4, 2), "{class:?}");
    }
}

#[test]
fn a_level_and_constitution_raise_health_as_published() {
    let mut knight = character(Class::TransKnight, 100);
    knight.hard.attributes = Attributes { strength: 208, intelligence: 14, dexterity: 37, constitution: 56 };
    knight.hard.mastery = [40, 1, 2, 3];
    let derived = derive(&knight, &ItemTable::default());
    // base 80 + 2*(56-6) + 100*3 = 480, MP 45 + 2*(14-4) + 100 = 165; shown double.
    assert_eq!((derived.base.hp_max, derived.base.mp_max), (480, 165));
    assert_eq!((derived.score.hp_max, derived.score.mp_max), (960, 330));
    // 5 + 208/2 + 37/3 + 40 + 100
    assert_eq!(derived.score.attack, 261);
    assert_eq!(derived.score.defence, 104);
    // 50 + 37/5 = 57
    assert_eq!(derived.score.attack_speed, 5);
}

#[test]
fn a_recorded_newcomers_kit_is_summed_up() {
    let items = ItemTable::new([
        def(1, position::FACE, 0, &[(effect::REGENHP, 2), (effect::REGENMP, 2), (effect::CRITICAL, 10)]),
        def(1103, position::HELMET, 1, &[(effect::AC, 4), (effect::SAVEMANA, 2), (effect::MPADD, 4)]),
        def(1115, position::COAT, 1, &[(effect::AC, 8), (effect::CRITICAL, 5), (effect::HPADD, 4)]),
        def(1127, position::PANTS, 1, &[(effect::AC, 5), (effect::CRITICAL, 5), (effect::HPADD, 1)]),
        def(1139, position::GLOVES, 1, &[(effect::AC, 4), (effect::ACADD, 3), (effect::MPADD, 1)]),
        def(
            1151,
            position::BOOTS,
            1,
            &[(effect::AC, 4), (effect::REGENMP, 5), (effect::DAMAGE, 5), (effect::RUNSPEED, 1)],
        ),
        def(861, position::EITHER_HAND, 45, &[(effect::DAMAGE, 2), (effect::RANGE, 1)]),
    ]);
    let kit = [1, 1103, 1115, 1127, 1139, 1151, 861];
    let worn: Vec<(usize, Item)> = kit.into_iter().map(plain).enumerate().collect();
    let derived = derive(&wearing(character(Class::TransKnight, 0), &worn), &items);
    let score = derived.score;
    assert_eq!(score.defence, 4 + 4 + 8 + 5 + 4 + 4 + 3);
    assert_eq!(score.attack, 11 + 2 + 5);
    assert_eq!(score.hp_max, 160 * 105 / 100);
    assert_eq!(score.mp_max, 90 * 105 / 100);
    assert_eq!(score.run_speed, 3);
    assert_eq!(derived.critical, 5);
    assert_eq!(derived.save_mana, 2);
    assert_eq!(derived.regen, (2, 7));
    assert_eq!(derived.look[6].kind, 861);
    assert_eq!(derived.look[7].kind, 0);
}

#[test]
fn the_weaker_hand_counts_half_when_both_hold_the_same_family() {
    let items = ItemTable::new([
        def(1, position::EITHER_HAND, 45, &[(effect::DAMAGE, 100)]),
        def(2, position::EITHER_HAND, 45, &[(effect::DAMAGE, 60)]),
        def(3, position::EITHER_HAND, 41, &[(effect::DAMAGE, 60)]),
        def(4, position::RIGHT_HAND, 0, &[(effect::DAMAGE, 10)]),
    ]);
    let attack = |right: u16, learned: u32| {
        let mut knight = wearing(character(Class::TransKnight, 0), &[(6, plain(1)), (7, plain(right))]);
        knight.hard.learned[0] = learned;
        derive(&knight, &items).score.attack - 11
    };
    assert_eq!(attack(2, 0), 130);
    assert_eq!(attack(3, 0), 118);
    assert_eq!(attack(4, 0), 100);
    assert_eq!(attack(2, 1 << 9), 160);
}

#[test]
fn well_refined_gear_protects_and_hits_harder() {
    let items = ItemTable::new([
        def(1, position::COAT, 1, &[(effect::AC, 10)]),
        def(2, position::LEFT_HAND, 42, &[(effect::DAMAGE, 10)]),
        def(3, position::LEFT_HAND, 47, &[(effect::MAGIC, 8)]),
    ]);
    let nine = |kind| item(kind, [(effect::SANC, 9), (0, 0), (0, 0)]);
    let derived = derive(&wearing(character(Class::Foema, 0), &[(2, nine(1)), (6, nine(2))]), &items);
    assert_eq!(derived.score.defence, 4 + 19 + 25);
    assert_eq!(derived.score.attack, 8 + 19 + 40);
    assert_eq!(derived.look[2].refine, 9);
    // (8*19/10 + 1) / 4 + 8
    assert_eq!(derive(&wearing(character(Class::Foema, 0), &[(6, nine(3))]), &items).magic, 4 + 8);
}

#[test]
fn a_cape_tells_the_kingdom_and_colours_are_seen() {
    let items = ItemTable::new([543, 546].map(|kind| def(kind, position::CAPE, 0, &[])));
    for (kind, kingdom) in [(543, 7), (546, 8)] {
        let worn = item(kind, [(121, 7), (0, 0), (0, 0)]);
        let derived = derive(&wearing(character(Class::Huntress, 0), &[(15, worn)]), &items);
        assert_eq!(derived.kingdom, kingdom);
        assert_eq!((derived.look[15].refine, derived.look[15].color), (7, 121));
    }
    assert_eq!(derive(&character(Class::Huntress, 0), &items).kingdom, 0);
}

#[test]
fn a_mount_carries_its_rider_faster_and_its_bytes_are_no_refinement() {
    let items = ItemTable::new([def(2366, position::MOUNT, 0, &[])]);
    // 0x2b hit points: as an effect this would be a refinement.
    let mount = item(2366, [(43, 0), (100, 30), (100, 0)]);
    let derived = derive(&wearing(character(Class::TransKnight, 0), &[(14, mount)]), &items);
    assert_eq!(derived.score.attack, 11 + 300);
    assert_eq!(derived.score.run_speed, 6);
    assert_eq!(derived.magic, (57 + 1) / 4);
    assert_eq!(derived.look[14].refine, 0);
}

#[test]
fn learned_skills_of_huntress_and_knight_count() {
    let mut knight = character(Class::TransKnight, 96);
    knight.hard.learned[0] = 1 << 15;
    let derived = derive(&knight, &ItemTable::default());
    assert_eq!((derived.score.defence, derived.critical), (110, 24));

    let mut huntress = character(Class::Huntress, 0);
    huntress.hard.mastery = [0, 50, 0, 90];
    huntress.hard.learned[0] = 1 << 7 | 1 << 18 | 1 << 22;
    let derived = derive(&huntress, &ItemTable::default());
    assert_eq!(derived.score.attack, 13 + 100);
    assert_eq!(derived.critical, 9);
    assert_eq!(derived.score.defence, 4 + 40);
}

#[test]
fn affects_change_what_the_table_says() {
    let with = |kind: u8, level: u8, value: i16| {
        let mut knight = character(Class::TransKnight, 60);
        knight.hard.mastery = [10, 20, 30, 40];
        knight.soft.affects = vec![Affect { kind, level, value, time: 10 }];
        derive(&knight, &ItemTable::default())
    };
    // Naked at level 60: HP 2*(80+180)=520, MP 2*(45+60)=210, AC 64, attack 5+4+2+10+60 = 81.
    let none = with(0, 0, 0).score;
    assert_eq!((none.hp_max, none.mp_max, none.defence, none.attack), (520, 210, 64, 81));
    assert_eq!(with(1, 0, 1).score.run_speed, 1);
    assert_eq!(with(2, 0, 2).score.run_speed, 4);
    assert_eq!(with(4, 0, 2).score.attack, 111);
    assert_eq!(with(9, 80, 10).score.attack, (81 + 45) * 105 / 100);
    assert_eq!(with(11, 90, 12).score.defence, 64 + 30 + 12);
    assert_eq!(with(12, 0, 50).score.defence, 32);
    assert_eq!(with(13, 100, 10).score.attack, 81 * 120 / 100);
    assert_eq!(with(13, 100, 10).score.hp_max, 468);
    assert_eq!(with(14, 100, 10).score.hp_max, 520 + 170);
    assert_eq!(with(14, 100, 10).score.constitution, 6 + 85);
    assert_eq!(with(15, 100, 5).score.mastery, [25, 35, 45, 55]);
    assert_eq!(with(16, 0, 5).look[0].kind, 32);
    assert_eq!(with(24, 0, 6).score.defence, 64 + 16 + 6);
    assert_eq!(with(25, 100, 75).resist, [10, 10, 0, 10]);
    assert_eq!(with(34, 0, 0).score.hp_max, 624);
    assert_eq!(with(35, 0, 0).score.mp_max, 231);
    assert_eq!(with(38, 0, 0).score.hp_max, 520 + 105);
    assert_eq!(with(38, 0, 0).score.mp_max, 105);
}

#[test]
fn hit_points_are_cut_to_the_maximum_and_the_dead_stay_dead() {
    let mut knight = character(Class::TransKnight, 0);
    for (stored, shown) in [(0, 0), (-5, 0), (7, 7), (160, 160), (i32::MAX, 160)] {
        knight.soft.hp = stored;
        assert_eq!(derive(&knight, &ItemTable::default()).score.hp, shown);
    }
}

#[test]
fn a_stack_of_the_strongest_affects_stays_in_range() {
    for kind in 0..=50 {
        for value in [i16::MIN, i16::MAX] {
            let mut knight = character(Class::TransKnight, u16::MAX);
            knight.hard.attributes.dexterity = u16::MAX;
            knight.soft.affects = vec![Affect { kind, level: 255, value, time: 1 }; 40];
            let score = derive(&knight, &ItemTable::default()).score;
            assert!(score.attack >= 0 && score.hp_max >= 1, "affect {kind} of {value}");
        }
    }
}

fn any_item() -> impl Strategy<Value = Option<Item>> {
    let effects = proptest::array::uniform3((any::<u8>(), any::<u8>()));
    proptest::option::of((1u16..30, effects).prop_map(|(kind, effects)| item(kind, effects)))
}

fn any_def() -> impl Strategy<Value = ItemDef> {
    let value = prop_oneof![any::<i16>(), Just(i16::MAX), Just(i16::MIN)];
    (1u16..30, any::<u16>(), any::<i16>(), proptest::collection::vec((any::<u8>(), value), 0..12))
        .prop_map(|(kind, position, unique, effects)| def(kind, u32::from(position), unique, &effects))
}

fn any_character() -> impl Strategy<Value = Character> {
    let affect = (any::<u8>(), any::<u8>(), any::<i16>()).prop_map(|(kind, level, value)| Affect {
        kind,
        level,
        value,
        time: u32::MAX,
    });
    (
        (0usize..4, any::<u16>(), any::<[u16; 4]>(), any::<[u16; 4]>(), any::<u32>()),
        proptest::collection::vec(any_item(), 18),
        proptest::collection::vec(affect, 0..40),
        (any::<i32>(), any::<i32>()),
    )
        .prop_map(|((class, level, stats, mastery, learned), equip, affects, (hp, mp))| {
            let mut made = character(Class::ALL[class], level);
            let [strength, intelligence, dexterity, constitution] = stats;
            made.hard.attributes = Attributes { strength, intelligence, dexterity, constitution };
            made.hard.mastery = mastery;
            made.hard.learned = [learned, 0];
            (made.soft.hp, made.soft.mp) = (hp, mp);
            made.soft.affects = affects;
            made.equip = equip;
            made
        })
}

proptest! {
    #[test]
    fn no_content_makes_it_overflow(
        defs in proptest::collection::vec(any_def(), 0..30),
        character in any_character(),
    ) {
        let derived = derive(&character, &ItemTable::new(defs));
        let score = derived.score;
        prop_assert!(score.hp_max >= 1 && score.mp_max >= 0);
        prop_assert!((0..=score.hp_max).contains(&score.hp));
        prop_assert!((0..=score.mp_max).contains(&score.mp));
        prop_assert!((1..=6).contains(&score.run_speed));
        prop_assert!(score.attack_speed <= 15);
        prop_assert!(score.attack >= 0 && score.defence >= 0);
        prop_assert!(derived.resist.iter().all(|resist| *resist <= 100));
        prop_assert!(derived.look.iter().all(|look| look.refine <= 15));
    }

    #[test]
    fn more_of_an_effect_never_gives_less(value in 0i16..1000, more in 0i16..1000, sanc in 0u8..10) {
        for code in [effect::AC, effect::HP, effect::MP, effect::STR, effect::CON, effect::DAMAGE, effect::HPADD] {
            let score = |value: i16| {
                let items = ItemTable::new([def(5, position::COAT, 1, &[(code, value)])]);
                let worn = item(5, [(effect::SANC, sanc), (0, 0), (0, 0)]);
                derive(&wearing(character(Class::BeastMaster, 50), &[(2, worn)]), &items).score
            };
            let (less, more) = (score(value), score(value + more));
            prop_assert!(less.hp_max <= more.hp_max && less.mp_max <= more.mp_max);
            prop_assert!(less.attack <= more.attack && less.defence <= more.defence);
        }
    }

    #[test]
    fn a_higher_level_is_never_weaker(level in 0u16..399) {
        for class in Class::ALL {
            let score = |level| derive(&character(class, level), &ItemTable::default()).score;
            let (before, after) = (score(level), score(level + 1));
            prop_assert!(before.hp_max < after.hp_max && before.mp_max < after.mp_max);
            prop_assert!(before.attack < after.attack && before.defence < after.defence);
        }
    }
}
