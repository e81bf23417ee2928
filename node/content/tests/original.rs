//! Original directories: a small one made here, and a real one when `WYDBR_ORIGINAL_CONTENT` names it.
#![allow(clippy::unwrap_used)]

use content::{Content, Report, RouteKind, Terrain};
use model::{ItemKind, Tile};
use std::path::Path;
use std::time::{Duration, Instant};

/// The real directory, or `None` with a word that its test was skipped.
fn real() -> Option<(Content, Report)> {
    let Ok(dir) = std::env::var("WYDBR_ORIGINAL_CONTENT") else {
        println!("skipped: WYDBR_ORIGINAL_CONTENT names no directory");
        return None;
    };
    Some(content::load(Path::new(&dir)).unwrap())
}

fn counts(report: &Report, names: &[&str]) -> Vec<u64> {
    names.iter().map(|name| report.counted(name).unwrap()).collect()
}

#[test]
fn every_record_and_generator_of_the_real_directory_is_accounted_for() {
    let Some((content, report)) = real() else { return };
    let npc = ["records in npc of 756 bytes", "records in npc of 816 bytes", "records in npc of 920 bytes"];
    assert_eq!(counts(&report, &npc), [207, 1769, 15]);
    for folder in ["npc", "boss", "BaseSummon"] {
        let loaded = report.counted(&format!("records in {folder} loaded")).unwrap();
        let reported = report.counted(&format!("records in {folder} not loaded, each reported")).unwrap();
        assert_eq!(report.counted(&format!("records in {folder}")).unwrap(), loaded + reported);
        let prefix = format!("{folder}/");
        let said = report
            .oddities
            .iter()
            .filter(|odd| odd.file.starts_with(&prefix) && odd.what.contains("not loaded"));
        assert_eq!(said.count() as u64, reported, "{folder}");
    }
    let generators = ["generators", "generators used", "generators not used, each reported"];
    assert_eq!(counts(&report, &generators), [6103, 6099, 4]);
    let unused = report.oddities.iter().filter(|odd| odd.what.contains(" is not used: ")).count();
    assert_eq!(unused, 4);
    assert_eq!(counts(&report, &["items", "skills", "objects of the map", "regions"]), [3220, 151, 49, 52]);
    assert_eq!(content.generators.len(), 6099);
    assert_eq!(report.more_oddities, 0);
}

#[test]
fn nothing_of_the_real_directory_is_reported_twice() {
    let Some((_, report)) = real() else { return };
    let mut said: Vec<String> = report.oddities.iter().map(ToString::to_string).collect();
    let all = said.len();
    said.sort();
    said.dedup();
    assert_eq!(said.len(), all);
    assert!(said.iter().any(|line| line.starts_with("HeightMap.dat")) || said.is_empty());
}

#[test]
fn the_real_map_has_its_known_places() {
    let Some((content, _)) = real() else { return };
    for (x, y, bits) in [(2100, 2100, 0x01), (2116, 2100, 0x11), (2630, 1720, 0x44), (2112, 2042, 0x84)] {
        assert_eq!(content.terrain.attributes(Tile::new(x, y)), bits, "({x},{y})");
    }
    assert!(content.terrain.is_blocked(Tile::new(2052, 2052)));
    let corners = [content.newcomers.min, content.newcomers.max];
    assert!(corners.iter().all(|tile| !content.terrain.is_blocked(*tile)));
    let armia = &content.zones[0];
    assert!(armia.name == "Armia" && armia.area.contains(Tile::new(2112, 2042)));
}

#[test]
fn known_creatures_of_the_real_directory_are_read_right() {
    let Some((content, _)) = real() else { return };
    let creature = |name: &str| &content.creatures[content.creature(name).unwrap()];
    let galford = creature("GALFORD");
    assert_eq!((galford.merchant, galford.score.merchant, galford.clan), (1, 1, 3));
    assert_eq!(
        galford.look[..6].iter().map(|look| look.kind).collect::<Vec<_>>(),
        [58, 115, 116, 117, 118, 119]
    );
    assert_eq!(creature("Foema_Ancian").merchant, 19);
    let boar = creature("Porco");
    assert_eq!((boar.score.level, boar.score.hp_max, boar.chance_to_act, boar.experience), (3, 70, 50, 75));
    // A file of 920 bytes.
    let leader = creature("Knight_Leader");
    assert_eq!((leader.merchant, leader.score.hp_max, leader.look[0].kind), (19, 19_000, 60));
}

#[test]
fn starters_and_items_of_the_real_directory_are_read_right() {
    let Some((content, _)) = real() else { return };
    let knight = &content.starters[0];
    assert_eq!(knight.hard.gold, 5_000_000);
    assert_eq!(knight.hard.attributes.strength, 8);
    let worn: Vec<u16> = knight.equip.iter().flatten().map(|spec| spec.kind.0).collect();
    assert_eq!(worn, [1, 1103, 1115, 1127, 1139, 1151, 861]);
    assert_eq!(knight.carry[0].unwrap().effects[0].value, 120);
    let dagger = content.items.get(ItemKind(861)).unwrap();
    assert_eq!((dagger.position, dagger.unique, dagger.price), (192, 45, 200));
    assert_eq!(content.items.get(ItemKind(543)).unwrap().position, 32768);
    assert_eq!(content.skills.get(0).unwrap().mana, 15);
    assert_eq!(content.config.free_experience_level, 35);
    assert_eq!((content.config.party_difference, content.config.potion_delay_ms), (200, 100));
}

#[test]
fn known_generators_of_the_real_directory_are_read_right() {
    let Some((content, report)) = real() else { return };
    let first = &content.generators[0];
    assert_eq!((first.index, first.line, first.every, first.most, first.group), (0, 2, -1, 100, (4, 7)));
    assert_eq!(first.route, RouteKind::BackAndForth);
    assert_eq!(
        first.points.iter().map(|point| point.tile).collect::<Vec<_>>(),
        [Tile::new(2635, 1726), Tile::new(2625, 1726)]
    );
    assert_eq!(content.creatures[first.leader].name, "Ciclope Forte");
    let last = content.generators.last().unwrap();
    assert_eq!((last.index, content.creatures[last.leader].key.as_str()), (6102, "montarias 2"));
    // Windows does not see a dot at the end of a name.
    assert!(!report.oddities.iter().any(|odd| odd.what.contains("Cap.Explor.")));
    let portal = content.portal_at(Tile::new(2117, 2101)).unwrap();
    assert_eq!((portal.to, portal.gold), (Tile::new(1044, 1724), 700));
}

#[test]
fn the_real_directory_loads_quickly_and_always_as_the_same_world() {
    let Ok(dir) = std::env::var("WYDBR_ORIGINAL_CONTENT") else {
        println!("skipped: WYDBR_ORIGINAL_CONTENT names no directory");
        return;
    };
    let timed = || {
        let begin = Instant::now();
        let hash = content::load(Path::new(&dir)).unwrap().0.hash;
        (begin.elapsed(), hash)
    };
    let loads = [timed(), timed(), timed()];
    assert!(loads.iter().all(|(_, hash)| *hash == loads[0].1));
    let best = loads.iter().map(|(time, _)| *time).min().unwrap();
    assert!(best < Duration::from_millis(1_500), "{best:?}");
}

/// A directory with only a map.
fn bare() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("attributemap.DAT"), vec![0u8; 1 << 20]).unwrap();
    dir
}

#[test]
fn a_directory_with_only_a_map_is_a_world_without_inhabitants() {
    let (content, report) = content::load(bare().path()).unwrap();
    assert!(content.creatures.is_empty() && content.generators.is_empty());
    assert_eq!(content.starters[3].equip[0].unwrap().kind, ItemKind(31));
    for file in ["HeightMap.dat", "ItemList.csv", "NPCGener.txt", "BaseMob/TK", "npc", "gameconfig.txt"] {
        assert_eq!(report.oddities.iter().filter(|odd| odd.file == file).count(), 1, "{file}");
    }
}

#[test]
fn without_a_map_there_is_no_world() {
    let dir = tempfile::tempdir().unwrap();
    let error = content::load(dir.path()).unwrap_err().to_string();
    assert!(error.contains("AttributeMap.dat"), "{error}");
    std::fs::write(dir.path().join("AttributeMap.dat"), [0; 100]).unwrap();
    let error = content::load(dir.path()).unwrap_err().to_string();
    assert!(error.contains("expected 1048576 bytes, found 100"), "{error}");
    assert!(content::load(&dir.path().join("nowhere")).is_err());
}

#[test]
fn heights_decide_steps_when_they_are_there() {
    let dir = bare();
    let mut heights = vec![0u8; 1 << 24];
    heights[10 * 4096 + 11] = 7;
    heights[10 * 4096 + 12] = (-1i8).cast_unsigned();
    std::fs::write(dir.path().join("HeightMap.dat"), &heights).unwrap();
    let terrain = content::load(dir.path()).unwrap().0.terrain;
    assert!(terrain.knows_heights());
    assert!(terrain.can_step(Tile::new(10, 10), Tile::new(11, 10)));
    assert!(!terrain.can_step(Tile::new(11, 10), Tile::new(12, 10)), "a difference of 8");
    std::fs::write(dir.path().join("HeightMap.dat"), &heights[..1000]).unwrap();
    let (content, report) = content::load(dir.path()).unwrap();
    assert!(!content.terrain.knows_heights());
    assert!(report.oddities.iter().any(|odd| odd.what.contains("1000 bytes, 16777216 expected")));
}

#[test]
fn names_are_found_as_on_windows() {
    let dir = bare();
    std::fs::create_dir(dir.path().join("NPC")).unwrap();
    let mut record = vec![0u8; 816];
    record[..4].copy_from_slice(b"Lobo");
    record[116] = 50;
    for name in ["Lobo_Mau", "Lobo Mau"] {
        std::fs::write(dir.path().join("NPC").join(name), &record).unwrap();
    }
    let one = |leader: &str| format!("#\nLeader: {leader}\nStartX: 9\nStartY: 9\n");
    let text: String = ["LOBO_MAU", "Lobo Mau", "lobo_mau.", "lobo_bom"].map(one).concat();
    std::fs::write(dir.path().join("NPCGener.txt"), text).unwrap();
    std::fs::write(dir.path().join("notes.txt"), "mine").unwrap();
    let (content, report) = content::load(dir.path()).unwrap();
    let leaders: Vec<usize> = content.generators.iter().map(|generator| generator.leader).collect();
    assert_eq!(leaders, [1, 0, 1]);
    let unused: Vec<&str> =
        report.oddities.iter().filter(|odd| odd.file == "NPCGener.txt").map(|odd| &*odd.at).collect();
    assert_eq!(unused, ["line 13"]);
    assert!(report.oddities.iter().any(|odd| odd.file == "notes.txt"));
}

#[test]
fn a_report_is_printed_with_counts_and_one_line_each() {
    let (_, report) = content::load(bare().path()).unwrap();
    let text = report.to_string();
    assert!(
        text.contains(&format!("oddities {}", report.oddities.len())) || text.contains("oddities  "),
        "{text}"
    );
    assert_eq!(text.lines().count(), report.counts.len() + 1 + report.oddities.len());
    assert_eq!(content::check(bare().path()).unwrap(), report);
    let blocked = Terrain::blocked();
    assert!(blocked.is_blocked(Tile::new(0, 0)) && blocked.is_blocked(Tile::new(5000, 0)));
}
