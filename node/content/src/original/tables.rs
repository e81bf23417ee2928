//! `ItemList.csv`, `SkillData.csv`, `InitItem.csv` and `Regions.txt`.

use crate::text::{latin, leading_number, lines, number, shown};
use crate::{Fixture, Report};
use model::membership::NamedZone;
use model::place::WORLD_SIDE;
use model::{ItemKind, Rect, Tile};
use rules::item::{DEF_EFFECTS_MAX, KINDS_MAX};
use rules::skill::SKILLS_MAX;
use rules::{ItemDef, ItemTable, Requirements, SkillDef, SkillTable, effect};
use std::collections::BTreeSet;

/// Reads rows of the item list. Rows with a number that was there before are reported when `overrides` is
/// false; a file of overrides repeats numbers on purpose.
pub(crate) fn items(bytes: &[u8], file: &str, overrides: bool, report: &mut Report) -> Vec<ItemDef> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for (line, text) in lines(bytes, file, report) {
        let fields: Vec<&[u8]> = text.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
        let mut remarks = Vec::new();
        match item(&fields, &mut remarks) {
            Ok(row) => {
                if !seen.insert(row.kind) && !overrides {
                    remarks.push(format!("second row of item {}; the later counts", row.kind.0));
                }
                rows.push(row);
            }
            Err(why) => remarks.push(format!("`{}` is not an item: {why}; left out", shown(text))),
        }
        if !remarks.is_empty() {
            report.line(file, line, remarks.join("; "));
        }
    }
    rows
}

fn item(fields: &[&[u8]], remarks: &mut Vec<String>) -> Result<ItemDef, String> {
    let [kind, name, model, requires, unique, price, position, extra, grade, effects @ ..] = fields else {
        return Err(format!("{} columns, at least 9 expected", fields.len()));
    };
    let kind =
        number(kind).and_then(|kind| u16::try_from(kind).ok()).filter(|kind| (1..KINDS_MAX).contains(kind));
    let kind = kind.ok_or_else(|| format!("its number is not 1..{}", KINDS_MAX - 1))?;
    let [mesh, texture] = dotted::<2>(model).ok_or("its model is not two numbers with a dot")?;
    let requires = dotted::<5>(requires).ok_or("its requirements are not five numbers with dots")?;
    Ok(ItemDef {
        kind: ItemKind(kind),
        name: latin(name),
        mesh: fit(mesh, "mesh", remarks),
        texture: fit(texture, "texture", remarks),
        requires: requirements(requires, remarks),
        unique: field(unique, "unique", remarks)?,
        price: field(price, "price", remarks)?,
        position: mask(position)?,
        extra: field(extra, "extra", remarks)?,
        grade: field(grade, "grade", remarks)?,
        effects: effect_pairs(effects, remarks),
    })
}

/// A mask of slots: lists write it as a 16-bit number with a sign, so the cape's bit comes as -32768.
fn mask(text: &[u8]) -> Result<u32, String> {
    let value = number(text).ok_or_else(|| format!("its position `{}` is not a number", shown(text)))?;
    let signed = i16::try_from(value).ok().map(|value| u32::from(value.cast_unsigned()));
    signed
        .or_else(|| u32::try_from(value).ok())
        .ok_or_else(|| format!("its position {value} is no mask of slots"))
}

fn requirements(values: [i64; 5], remarks: &mut Vec<String>) -> Requirements {
    let [level, strength, intelligence, dexterity, constitution] =
        values.map(|value| fit(value, "a requirement", remarks));
    Requirements { level, strength, intelligence, dexterity, constitution }
}

fn effect_pairs(fields: &[&[u8]], remarks: &mut Vec<String>) -> Vec<(u8, i16)> {
    let fields = match fields {
        [rest @ .., []] => rest,
        all => all,
    };
    let mut effects = Vec::new();
    for pair in fields.chunks(2) {
        let name = latin(pair[0]);
        let value = pair.get(1).and_then(|value| leading_number(value)).map(|(value, _)| value);
        match (effect::code_of(&name), value) {
            (None, _) => remarks.push(format!("unknown effect `{name}`; left out")),
            (Some(_), None) => remarks.push(format!("effect `{name}` has no value; left out")),
            (Some(code), Some(value)) => effects.push((code, fit(value, &name, remarks))),
        }
    }
    if effects.len() > DEF_EFFECTS_MAX {
        remarks.push(format!("{} effects, the first {DEF_EFFECTS_MAX} count", effects.len()));
        effects.truncate(DEF_EFFECTS_MAX);
    }
    effects
}

fn dotted<const N: usize>(field: &[u8]) -> Option<[i64; N]> {
    let parts: Option<Vec<i64>> = field.split(|byte| *byte == b'.').map(number).collect();
    parts?.try_into().ok()
}

/// A number in the size of its column; one that does not fit is cut to the nearest and remarked.
fn fit<T: TryFrom<i64> + Bounds>(value: i64, what: &str, remarks: &mut Vec<String>) -> T {
    T::try_from(value).unwrap_or_else(|_| {
        remarks.push(format!("{what} {value} does not fit and is cut"));
        if value < 0 { T::LOW } else { T::HIGH }
    })
}

fn field<T: TryFrom<i64> + Bounds>(text: &[u8], what: &str, remarks: &mut Vec<String>) -> Result<T, String> {
    let value = number(text).ok_or_else(|| format!("its {what} `{}` is not a number", shown(text)))?;
    Ok(fit(value, what, remarks))
}

trait Bounds {
    const LOW: Self;
    const HIGH: Self;
}

macro_rules! bounds {
    ($($type:ty),*) => { $(impl Bounds for $type { const LOW: Self = <$type>::MIN; const HIGH: Self = <$type>::MAX; })* };
}
bounds!(i16, u16, i32);

/// Reads the skill list.
pub(crate) fn skills(bytes: &[u8], file: &str, report: &mut Report) -> SkillTable {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for (line, text) in lines(bytes, file, report) {
        let fields: Vec<&[u8]> = text.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).collect();
        match skill(&fields) {
            Ok(row) => {
                if !seen.insert(row.id) {
                    report.line(file, line, format!("second row of skill {}; the later counts", row.id));
                }
                rows.push(row);
            }
            Err(why) => report.line(file, line, format!("`{}` is not a skill: {why}; left out", shown(text))),
        }
    }
    SkillTable::new(rows)
}

fn skill(fields: &[&[u8]]) -> Result<SkillDef, String> {
    let [numbers @ .., name] = fields else {
        return Err("no columns".to_owned());
    };
    if !(22..=23).contains(&numbers.len()) {
        return Err(format!("{} columns, 23 or 24 expected", fields.len()));
    }
    let at = |column: usize| {
        numbers
            .get(column)
            .and_then(|text| number(text))
            .and_then(|value| i32::try_from(value).ok())
            .ok_or_else(|| format!("column {} is not a number", column + 1))
    };
    let id = u16::try_from(at(0)?).ok().filter(|id| usize::from(*id) < SKILLS_MAX);
    let acts = |column: usize| {
        dotted::<8>(numbers[column])
            .map(|acts| acts.map(|act| u8::try_from(act).unwrap_or(0)))
            .ok_or_else(|| format!("column {} is not eight numbers with dots", column + 1))
    };
    Ok(SkillDef {
        id: id.ok_or_else(|| format!("its number is not 0..{}", SKILLS_MAX - 1))?,
        points: at(1)?,
        target: at(2)?,
        mana: at(3)?,
        delay_s: at(4)?,
        range: at(5)?,
        instance_kind: at(6)?,
        instance_value: at(7)?,
        tick_kind: at(8)?,
        tick_value: at(9)?,
        affect_kind: at(10)?,
        affect_value: at(11)?,
        affect_time: at(12)?,
        act_first: acts(13)?,
        act_second: acts(14)?,
        instance_attribute: at(15)?,
        tick_attribute: at(16)?,
        aggressive: at(17)? != 0,
        targets_max: at(18)?,
        party: at(19)? != 0,
        affect_resist: at(20)?,
        passive: at(21)? != 0,
        unknown: if numbers.len() > 22 { at(22)? } else { 0 },
        name: latin(name).replace('_', " "),
    })
}

/// Reads gates and other objects: `item, x, y, rotate` and more columns that are left out.
pub(crate) fn fixtures(bytes: &[u8], file: &str, items: &ItemTable, report: &mut Report) -> Vec<Fixture> {
    let mut fixtures: Vec<Fixture> = Vec::new();
    for (line, text) in lines(bytes, file, report) {
        let numbers: Option<Vec<i64>> = text.split(|byte| *byte == b',').map(number).collect();
        let Some([kind, x, y, rotate, ..]) = numbers.as_deref() else {
            report.line(file, line, format!("`{}` is not item,x,y,rotate; left out", shown(text)));
            continue;
        };
        let tile = tile(*x, *y);
        let kind = u16::try_from(*kind).ok().map(ItemKind).filter(|kind| items.get(*kind).is_some());
        let rotate = u8::try_from(*rotate).ok();
        match (kind, tile, rotate) {
            (Some(kind), Some(tile), Some(rotate)) => {
                if fixtures.iter().any(|other| other.tile == tile) {
                    report.line(file, line, format!("a second object stands on {tile}"));
                }
                fixtures.push(Fixture { kind, tile, rotate });
            }
            (None, ..) => report.line(
                file,
                line,
                format!("`{}`: the item is not in the item list; left out", shown(text)),
            ),
            (_, None, _) => report.line(file, line, format!("({x},{y}) is not on the map; left out")),
            (.., None) => report.line(file, line, format!("`{}`: bad direction; left out", shown(text))),
        }
    }
    fixtures
}

fn tile(x: i64, y: i64) -> Option<Tile> {
    let tile = Tile::new(u16::try_from(x).ok()?, u16::try_from(y).ok()?);
    tile.is_on_map().then_some(tile)
}

/// Reads regions: `x1, y1, x2, y2 = Name`. What lies outside of the map is cut off and reported.
pub(crate) fn regions(bytes: &[u8], file: &str, report: &mut Report) -> Vec<NamedZone> {
    let mut zones: Vec<NamedZone> = Vec::new();
    for (line, text) in lines(bytes, file, report) {
        let (corners, name) = match text.iter().position(|byte| *byte == b'=') {
            Some(at) => (&text[..at], latin(text[at + 1..].trim_ascii())),
            None => (text, String::new()),
        };
        let numbers: Option<Vec<i64>> = corners.split(|byte| *byte == b',').map(number).collect();
        let corners: Option<[i64; 4]> = numbers.and_then(|numbers| numbers.try_into().ok());
        let Some(corners @ [x1, y1, x2, y2]) = corners.filter(|_| !name.is_empty()) else {
            report.line(file, line, format!("`{}` is not x1, y1, x2, y2 = name; left out", shown(text)));
            continue;
        };
        let side = i64::from(WORLD_SIDE) - 1;
        if corners.iter().any(|corner| !(0..=side).contains(corner)) {
            report.line(file, line, format!("region {name} reaches outside of the map; cut at 0 and {side}"));
        }
        if x1 > x2 || y1 > y2 {
            report.line(
                file,
                line,
                format!("region {name} has its corners in the wrong order; read the other way"),
            );
        }
        let [x1, y1, x2, y2] = corners.map(|corner| corner.clamp(0, side) as u16);
        let area = Rect::new(Tile::new(x1, y1), Tile::new(x2, y2));
        if zones.iter().any(|zone| zone.area == area) {
            report.line(file, line, format!("region {name} is there already; left out"));
            continue;
        }
        zones.push(NamedZone { name, area });
    }
    zones
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn said(report: &Report) -> Vec<String> {
        report.oddities.iter().map(|oddity| format!("{} {}", oddity.at, oddity.what)).collect()
    }

    #[test]
    fn an_item_row_is_read_with_all_its_columns() {
        let mut report = Report::default();
        let rows = items(
            b"862,Espada_Curta,864.2,18.27.1.20.3,45,960,192,2695,4,EF_CLASS,255,EF_DAMAGE,17\r\n\r\n\
              543,Manto,27.0,255.0.0.0.0,0,0,-32768,0,0,EF_AC,150",
            "ItemList.csv",
            false,
            &mut report,
        );
        assert_eq!(said(&report), Vec::<String>::new());
        let sword = &rows[0];
        assert_eq!((sword.kind.0, sword.name.as_str()), (862, "Espada_Curta"));
        assert_eq!((sword.mesh, sword.texture, sword.unique, sword.price), (864, 2, 45, 960));
        assert_eq!((sword.position, sword.extra, sword.grade), (192, 2695, 4));
        let requires =
            Requirements { level: 18, strength: 27, intelligence: 1, dexterity: 20, constitution: 3 };
        assert_eq!(sword.requires, requires);
        assert_eq!(sword.effects, [(18, 255), (2, 17)]);
        assert_eq!(rows[1].position, 32768);
    }

    #[test]
    fn doubtful_items_are_reported_by_line() {
        let mut report = Report::default();
        let rows = items(
            b"1,A,0.0,0.0.0.0.0,0,0,1,0,0,EF_NONSENSE,1,EF_AC\nhello\n1,B,0.0,0.0.0.0.0,0,0,1,0,0\n\
              9000,C,0.0,0.0.0.0.0,0,0,1,0,0\n2,D,0,0.0.0.0.0,0,0,1,0,0\n3,E,0.0,0.0.0.0.0,99999,0,1,0,0",
            "ItemList.csv",
            false,
            &mut report,
        );
        assert_eq!(
            said(&report),
            [
                "line 1 unknown effect `EF_NONSENSE`; left out; effect `EF_AC` has no value; left out",
                "line 2 `hello` is not an item: 1 columns, at least 9 expected; left out",
                "line 3 second row of item 1; the later counts",
                "line 4 `9000,C,0.0,0.0.0.0.0,0,0,1,0,0` is not an item: its number is not 1..6499; left out",
                "line 5 `2,D,0,0.0.0.0.0,0,0,1,0,0` is not an item: its model is not two numbers with a dot; left out",
                "line 6 unique 99999 does not fit and is cut",
            ]
        );
        assert_eq!(rows.len(), 3);
    }

    #[test]
    fn a_skill_row_is_read() {
        let mut report = Report::default();
        let table = skills(
            b"0,24,3,15,3,5,4,5,0,0,1,2,3,10.0.0.11.0.0.0.0,10.0.0.12.0.0.0.0,4,0,1,13,0,3,0,1,Giro_da_F\xFAria\n7,1",
            "SkillData.csv",
            &mut report,
        );
        let skill = table.get(0).unwrap();
        assert_eq!(skill.name, "Giro da F\u{fa}ria");
        assert_eq!((skill.points, skill.mana, skill.delay_s, skill.affect_time), (24, 15, 3, 3));
        assert_eq!((skill.act_first[3], skill.act_second[3]), (11, 12));
        assert!(skill.aggressive && !skill.party && !skill.passive);
        assert_eq!((skill.targets_max, skill.affect_resist, skill.unknown), (13, 3, 1));
        assert_eq!(said(&report), ["line 2 `7,1` is not a skill: 2 columns, 23 or 24 expected; left out"]);
    }

    #[test]
    fn regions_outside_of_the_map_are_cut_and_reported() {
        let mut report = Report::default();
        let zones = regions(
            b"1, 2, 3, 4 = A\n10, 20, 5, 9999 = B\nnonsense\n1,2,3,4 = Again\n1,2,3,4 =",
            "Regions.txt",
            &mut report,
        );
        assert_eq!(zones.len(), 2);
        assert_eq!(zones[1].area, Rect::new(Tile::new(5, 20), Tile::new(10, 4095)));
        assert_eq!(report.oddities.len(), 5);
    }

    #[test]
    fn objects_need_an_item_and_a_tile() {
        let mut report = Report::default();
        let rows = items(b"471,Gate,0.0,0.0.0.0.0,0,0,0,0,0", "ItemList.csv", false, &mut report);
        let table = ItemTable::new(rows);
        let found = fixtures(
            b"471,217,215,1,0\n471,5000,1,0\n9,1,1,0\n471,1,1\n471,217,215,2",
            "InitItem.csv",
            &table,
            &mut report,
        );
        assert_eq!(found.len(), 2);
        assert_eq!(said(&report).len(), 4);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(b','), Just(b'.'), Just(b'\n'), Just(b'='), (b'0'..=b'9')], 0..400)
        ) {
            let mut report = Report::default();
            let table = ItemTable::new(items(&bytes, "f", true, &mut report));
            skills(&bytes, "f", &mut report);
            fixtures(&bytes, "f", &table, &mut report);
            regions(&bytes, "f", &mut report);
        }
    }
}
