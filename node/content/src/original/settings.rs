//! `gameconfig.txt` and the texts that are only counted and looked over: rates, level items, quests.

use crate::text::{lines, number, shown, words};
use crate::{GameConfig, Report};
use model::ItemKind;
use rules::ItemTable;

/// Keys of `gameconfig.txt` that have no use here yet.
const OTHER_KEYS: [&str; 18] = [
    "evindex",
    "evdelete",
    "evon",
    "evitem",
    "evrate",
    "evstart",
    "statsapphire",
    "battleroyal",
    "billmode",
    "charselbill",
    "potioncount",
    "guildboard",
    "kefrastatus",
    "GTorreHour",
    "RVRHour",
    "DropItem",
    "BRHour",
    "maxNightmare",
];

/// Reads `gameconfig.txt`: titles that end with a colon, then keys with numbers, or only numbers.
pub(crate) fn game_config(bytes: &[u8], file: &str, report: &mut Report) -> GameConfig {
    let mut config = GameConfig::default();
    let mut bonuses = Vec::new();
    let mut section = Vec::new();
    for (line, text) in lines(bytes, file, report) {
        if let Some(title) = text.strip_suffix(b":") {
            section = title.to_ascii_lowercase();
            continue;
        }
        let mut key: Option<&str> = None;
        let mut first = true;
        for word in words(text) {
            match number(word) {
                None => {
                    key = std::str::from_utf8(word).ok();
                    first = true;
                    if key.is_none_or(|key| !knows(key)) {
                        report.line(file, line, format!("unknown key `{}`; left out", shown(word)));
                    }
                }
                Some(value) => {
                    match key {
                        Some(key) if first => set(&mut config, key, value, line, file, report),
                        Some(_) => {}
                        None if section.starts_with(b"item drop bonus") => bonuses.push(value),
                        None if section.starts_with(b"treasure") => {}
                        None => report.line(file, line, format!("the number {value} has no key; left out")),
                    }
                    first = false;
                }
            }
        }
    }
    let bonuses: Option<Vec<u16>> = bonuses.iter().map(|value| u16::try_from(*value).ok()).collect();
    match bonuses {
        Some(bonuses) if bonuses.len() == config.drop_bonus.len() => config.drop_bonus = bonuses,
        _ => report.file(file, "the drop bonuses are not 64 numbers of 0 and more; 100 is taken"),
    }
    config
}

fn knows(key: &str) -> bool {
    const USED: [&str; 7] =
        ["double", "deadpoint", "dungeonevent", "freeexp", "partybonus", "partydif", "PotionDelay"];
    USED.contains(&key) || OTHER_KEYS.contains(&key)
}

fn set(config: &mut GameConfig, key: &str, value: i64, line: u32, file: &str, report: &mut Report) {
    let Ok(value) = u32::try_from(value) else {
        report.line(file, line, format!("`{key} {value}` is below zero; left out"));
        return;
    };
    let level = u16::try_from(value).unwrap_or(u16::MAX);
    match key {
        "double" => config.double = value,
        "deadpoint" => config.death_costs_experience = value != 0,
        "dungeonevent" => config.dungeon_event = value != 0,
        "freeexp" => config.free_experience_level = level,
        "partybonus" => config.party_bonus = value,
        "partydif" => config.party_difference = level,
        "PotionDelay" => config.potion_delay_ms = value,
        _ => {}
    }
}

/// Looks over a text of which every line has a fixed shape; returns how many lines fit.
fn count_lines(
    bytes: &[u8],
    file: &str,
    report: &mut Report,
    shape: &str,
    fits: impl Fn(&[u8]) -> bool,
) -> usize {
    let mut fitting = 0;
    for (line, text) in lines(bytes, file, report) {
        if text.starts_with(b"#") || text.starts_with(b"//") {
            continue;
        }
        if fits(text) {
            fitting += 1;
        } else {
            report.line(file, line, format!("`{}` is not {shape}; left out", shown(text)));
        }
    }
    fitting
}

fn numbers(text: &[u8]) -> Option<Vec<i64>> {
    words(text).map(number).collect()
}

/// `Family key number...`: rates of combining, refining and quests.
pub(crate) fn rates(bytes: &[u8], file: &str, report: &mut Report) -> usize {
    count_lines(bytes, file, report, "a family, a key and numbers", |text| {
        let parts: Vec<&[u8]> = words(text).collect();
        parts.len() >= 3 && number(parts[0]).is_none() && parts[2..].iter().all(|part| number(part).is_some())
    })
}

/// `seq level class type item (effect value) x 3`.
pub(crate) fn level_items(bytes: &[u8], file: &str, items: &ItemTable, report: &mut Report) -> usize {
    let mut good = 0;
    for (line, text) in lines(bytes, file, report) {
        if text.starts_with(b"#") {
            continue;
        }
        match numbers(text).as_deref() {
            Some([_, _, _, _, item, _, _, _, _, _, _]) => {
                let kind = u16::try_from(*item).ok().map(ItemKind);
                if kind.is_none_or(|kind| items.get(kind).is_none()) {
                    report.line(file, line, format!("item {item} is not in the item list; left out"));
                } else {
                    good += 1;
                }
            }
            _ => report.line(file, line, format!("`{}` is not eleven numbers; left out", shown(text))),
        }
    }
    good
}

/// Rows of 17 or 20 numbers.
pub(crate) fn daily_quests(bytes: &[u8], file: &str, report: &mut Report) -> usize {
    count_lines(bytes, file, report, "17 or 20 numbers", |text| {
        numbers(text).is_some_and(|numbers| matches!(numbers.len(), 17 | 20))
    })
}

/// `number KEY text`.
pub(crate) fn language(bytes: &[u8], file: &str, report: &mut Report) -> usize {
    count_lines(bytes, file, report, "a number, a key and a text", |text| {
        let mut parts = words(text);
        parts.next().is_some_and(|first| number(first).is_some()) && parts.next().is_some()
    })
}

/// `number,requirements` with bracketed rows.
pub(crate) fn guards(bytes: &[u8], file: &str, report: &mut Report) -> usize {
    count_lines(bytes, file, report, "a number and rows in brackets", |text| {
        let opened = text.iter().filter(|byte| **byte == b'[').count();
        let closed = text.iter().filter(|byte| **byte == b']').count();
        text.first().is_some_and(u8::is_ascii_digit) && opened > 0 && opened == closed
    })
}

/// Blocks that begin with `#` and hold `Key: value`: counts the blocks and looks over what they refer to.
pub(crate) fn blocks(
    bytes: &[u8],
    file: &str,
    report: &mut Report,
    check: &dyn Fn(&str, &[u8]) -> Option<String>,
) -> usize {
    let mut blocks = 0;
    for (line, text) in lines(bytes, file, report) {
        if text.starts_with(b"//") {
            continue;
        }
        if text.starts_with(b"#") {
            blocks += 1;
            continue;
        }
        let split = text.iter().position(|byte| *byte == b':');
        let key = split.and_then(|at| std::str::from_utf8(&text[..at]).ok());
        match (key, split) {
            (Some(key), Some(at)) if blocks > 0 => {
                if let Some(what) = check(key, text[at + 1..].trim_ascii()) {
                    report.line(file, line, what);
                }
            }
            _ => report.line(file, line, format!("`{}` is no key of a block; left out", shown(text))),
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_game_config_is_read_and_strange_keys_are_reported() {
        let bonuses = "  50 ".repeat(64);
        let text = format!(
            "Etc Event Settings:\n double 200 deadpoint 1 evstart 0 0 0 1\nBilling Settings:\n freeexp 40 colour 3\n\
             Item Drop Bonus Settings:\n{bonuses}\nTreasure Settings:\n0 0 0\nEtc Settings:\n partydif 150 PotionDelay 100\n"
        );
        let mut report = Report::default();
        let config = game_config(text.as_bytes(), "gameconfig.txt", &mut report);
        assert_eq!((config.double, config.death_costs_experience), (200, true));
        assert_eq!(
            (config.free_experience_level, config.party_difference, config.potion_delay_ms),
            (40, 150, 100)
        );
        assert_eq!(config.drop_bonus, [50; 64]);
        let said: Vec<String> = report.oddities.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["gameconfig.txt, line 4: unknown key `colour`; left out"]);
    }

    #[test]
    fn lines_that_do_not_fit_their_shape_are_reported() {
        let mut report = Report::default();
        assert_eq!(rates(b"PO 0 100\n\nOdin Pista\nTiny ChanceBase 15", "r", &mut report), 2);
        assert_eq!(daily_quests(b"1 2 3\n", "q", &mut report), 0);
        assert_eq!(language(b"1 KEY text\nKEY text", "l", &mut report), 1);
        assert_eq!(guards(b"# n\n0,5617[1,2][3]\n1,5617[1,2", "g", &mut report), 1);
        assert_eq!(level_items(b"0 29 0 1 1147 43 3 2 20 42 40", "i", &ItemTable::default(), &mut report), 0);
        assert_eq!(blocks(b"Key: 1\n#\nKey: 2\nx", "b", &mut report, &|_, _| None), 1);
        assert_eq!(report.oddities.len(), 7);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(
            prop_oneof![any::<u8>(), Just(b' '), Just(b':'), Just(b'\n'), Just(b'#'), (b'0'..=b'9')], 0..400)
        ) {
            let mut report = Report::default();
            let config = game_config(&bytes, "f", &mut report);
            prop_assert_eq!(config.drop_bonus.len(), 64);
            rates(&bytes, "f", &mut report);
            level_items(&bytes, "f", &ItemTable::default(), &mut report);
            guards(&bytes, "f", &mut report);
            blocks(&bytes, "f", &mut report, &|_, _| None);
        }
    }
}
