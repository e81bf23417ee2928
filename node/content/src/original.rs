//! An operator's original directory, as servers of the 7.59 family have it.
//!
//! The order of loading is fixed: map, tables, records, generators, settings. Later parts check what they
//! refer to against earlier ones.

mod facts;
mod folder;
mod generators;
mod record;
mod settings;
mod tables;

use crate::creature::key;
use crate::terrain::{ATTRIBUTE_BYTES, HEIGHT_BYTES};
use crate::{Content, Creature, GameConfig, Generator, LoadError, Report, Starter, Terrain, places};
use folder::{Folder, inside};
use model::Class;
use model::character::{HardState, Unspent};
use model::item::{GOLD_MAX, ItemSpec};
use rules::ItemTable;
use std::collections::BTreeMap;
use std::path::Path;

/// Folders of records, in the order in which a name is looked for; the same name may be in several.
const CREATURE_FOLDERS: [&str; 3] = ["npc", "boss", "BaseSummon"];
/// Records of the classes by class number.
const STARTERS: [&str; 4] = ["TK", "FM", "BM", "HT"];

/// Loads an original directory.
pub(crate) fn load(dir: &Path) -> Result<(Content, Report), LoadError> {
    let mut folder = Folder::open(dir)?;
    let mut report = Report::default();
    let terrain = terrain(&mut folder, dir, &mut report)?;
    let items = items(&mut folder, &mut report);
    let skills = match folder.expected("SkillData.csv", "nobody has skills", &mut report) {
        Some(bytes) => tables::skills(&bytes, "SkillData.csv", &mut report),
        None => Default::default(),
    };
    report.count("skills", skills.len());
    let fixtures = match folder.expected("InitItem.csv", "there are no gates", &mut report) {
        Some(bytes) => tables::fixtures(&bytes, "InitItem.csv", &items, &mut report),
        None => Vec::new(),
    };
    report.count("objects of the map", fixtures.len());
    let mut zones = facts::city_zones();
    if let Some(bytes) = folder.expected("Regions.txt", "only the cities have names", &mut report) {
        let regions = tables::regions(&bytes, "Regions.txt", &mut report);
        report.count("regions", regions.len());
        zones.extend(regions);
    }
    let starters = starters(&mut folder, &mut report);
    let (creatures, names) = creatures(&mut folder, &items, &mut report);
    let generators = generators(&mut folder, &terrain, &names, &mut report);
    let config = settings(&mut folder, &items, &names, &generators, &mut report);
    unknown_files(&folder, &mut report);
    let content = Content {
        name: "original".to_owned(),
        hash: folder.finish(),
        terrain,
        items,
        skills,
        creatures,
        generators,
        fixtures,
        zones,
        portals: facts::portals(),
        cities: places::cities(),
        newcomers: facts::newcomers(),
        starters,
        config,
    };
    report.count("portals", content.portals.len());
    Ok((content, report))
}

fn terrain(folder: &mut Folder, dir: &Path, report: &mut Report) -> Result<Terrain, LoadError> {
    const ATTRIBUTES: &str = "AttributeMap.dat";
    const HEIGHTS: &str = "HeightMap.dat";
    let attributes = folder.required(ATTRIBUTES)?;
    let mut heights = folder.expected(HEIGHTS, "walking is decided by the attribute map alone", report);
    if let Some(bytes) = heights.as_ref().filter(|bytes| bytes.len() < HEIGHT_BYTES) {
        report.file(HEIGHTS, format!("{} bytes, {HEIGHT_BYTES} expected; not used", bytes.len()));
        heights = None;
    }
    for (name, length, expected) in [
        (ATTRIBUTES, attributes.len(), ATTRIBUTE_BYTES),
        (HEIGHTS, heights.as_ref().map_or(0, Vec::len), HEIGHT_BYTES),
    ] {
        if length > expected {
            report.file(name, format!("{} bytes behind the map are left out", length - expected));
        }
    }
    report.count("cells of the map", attributes.len().min(ATTRIBUTE_BYTES));
    Terrain::from_bytes(&attributes, heights.as_deref()).ok_or_else(|| LoadError::Format {
        path: dir.join(ATTRIBUTES),
        expected: format!("{ATTRIBUTE_BYTES} bytes"),
        found: format!("{}", attributes.len()),
    })
}

fn items(folder: &mut Folder, report: &mut Report) -> ItemTable {
    let mut rows = Vec::new();
    if let Some(bytes) = folder.expected("ItemList.csv", "there are no items", report) {
        rows = tables::items(&bytes, "ItemList.csv", false, report);
    }
    if let Some(bytes) = folder.optional("extraitem.csv", report) {
        let overrides = tables::items(&bytes, "extraitem.csv", true, report);
        report.count("item overrides", overrides.len());
        rows.extend(overrides);
    }
    let table = ItemTable::new(rows);
    report.count("items", table.len());
    table
}

/// Creatures that generators and others name, found as Windows finds files: case and dots at the end do
/// not matter. Where no file is called exactly so, `_` and space are the same.
#[derive(Default)]
struct Names {
    exact: BTreeMap<String, usize>,
    loose: BTreeMap<String, usize>,
}

impl Names {
    fn folded(name: &str) -> String {
        name.trim_end_matches(['.', ' ']).to_lowercase()
    }

    fn insert(&mut self, name: &str, index: usize) {
        let folded = Self::folded(name);
        self.loose.entry(key(&folded)).or_insert(index);
        self.exact.entry(folded).or_insert(index);
    }

    fn find(&self, name: &str) -> Option<usize> {
        let folded = Self::folded(name);
        self.exact.get(&folded).or_else(|| self.loose.get(&key(&folded))).copied()
    }
}

fn creatures(folder: &mut Folder, items: &ItemTable, report: &mut Report) -> (Vec<Creature>, Names) {
    let mut creatures: Vec<Creature> = Vec::new();
    let mut names = Names::default();
    for place in CREATURE_FOLDERS {
        let Some(files) = folder.files(place, report) else {
            report.file(place, "the folder is not there");
            continue;
        };
        let mut lengths: BTreeMap<usize, usize> = BTreeMap::new();
        let mut loaded = 0;
        for name in &files {
            let file = inside(place, name);
            let Some(bytes) = folder.optional(&file, report) else { continue };
            *lengths.entry(bytes.len()).or_default() += 1;
            let Some(record) = record::parse(&bytes, &file, report) else { continue };
            let mut creature = record.into_creature(name);
            examine(&mut creature, items, &file, report);
            loaded += 1;
            names.insert(name, creatures.len());
            creatures.push(creature);
        }
        report.count(format!("records in {place}"), files.len());
        for (length, count) in lengths {
            report.count(format!("records in {place} of {length} bytes"), count);
        }
        report.count(format!("records in {place} loaded"), loaded);
        report.count(format!("records in {place} not loaded, each reported"), files.len() - loaded);
    }
    (creatures, names)
}

/// Corrects what cannot be, and says so.
fn examine(creature: &mut Creature, items: &ItemTable, file: &str, report: &mut Report) {
    let mut remarks = Vec::new();
    for (what, amount) in [("gold", &mut creature.gold), ("experience", &mut creature.experience)] {
        if *amount < 0 {
            remarks.push(format!("{what} {amount} is read as 0"));
            *amount = 0;
        }
    }
    if creature.score.hp_max < 1 {
        remarks.push(format!("{} hit points are read as 1", creature.score.hp_max));
        (creature.score.hp_max, creature.score.hp) = (1, 1);
    }
    if creature.score.mp_max < 0 {
        remarks.push(format!("{} mana is read as 0", creature.score.mp_max));
        (creature.score.mp_max, creature.score.mp) = (0, 0);
    }
    let unknown = leave_out_unknown(&mut creature.carry, items);
    if !unknown.is_empty() {
        remarks
            .push(format!("carries items that are not in the item list, left out: {}", unknown.join(", ")));
    }
    if !remarks.is_empty() {
        report.file(file, remarks.join("; "));
    }
}

/// Empties the slots with items that there are not; returns their numbers, each once.
fn leave_out_unknown(slots: &mut [Option<ItemSpec>], items: &ItemTable) -> Vec<String> {
    let mut unknown = std::collections::BTreeSet::new();
    for slot in slots {
        if let Some(spec) = slot.filter(|spec| items.get(spec.kind).is_none()) {
            unknown.insert(spec.kind.0);
            *slot = None;
        }
    }
    unknown.into_iter().map(|kind| kind.to_string()).collect()
}

fn generators(folder: &mut Folder, terrain: &Terrain, names: &Names, report: &mut Report) -> Vec<Generator> {
    const FILE: &str = "NPCGener.txt";
    let Some(bytes) = folder.expected(FILE, "no creature appears", report) else {
        return Vec::new();
    };
    let creature = |name: &str| names.find(name);
    let context = generators::Context { terrain, creature: &creature };
    let parsed = generators::parse(&bytes, FILE, &context, report);
    report.count("generators", parsed.total as usize);
    report.count("generators used", parsed.usable.len());
    report.count("generators not used, each reported", parsed.total as usize - parsed.usable.len());
    report.count("generator sayings", parsed.sayings as usize);
    parsed.usable
}

fn starters(folder: &mut Folder, report: &mut Report) -> [Starter; 4] {
    let mut loaded = 0;
    let starters = Class::ALL.map(|class| {
        let file = inside("BaseMob", STARTERS[usize::from(class.number())]);
        let record = folder
            .expected(&file, "the class starts with its published numbers and nothing else", report)
            .and_then(|bytes| record::parse(&bytes, &file, report));
        match record {
            Some(record) => {
                loaded += 1;
                starter(class, record, &file, report)
            }
            None => Starter::bare(class),
        }
    });
    report.count("starting characters", loaded);
    starters
}

fn starter(class: Class, record: record::Record, file: &str, report: &mut Report) -> Starter {
    if record.class != class.number() {
        report.file(file, format!("its class is {}, {} expected and taken", record.class, class.number()));
    }
    if !(0..=GOLD_MAX).contains(&record.gold) {
        report.file(file, format!("gold {} is cut to 0..{GOLD_MAX}", record.gold));
    }
    let [stat, mastery, skill] = record.bonus;
    let base = record.base;
    let hard = HardState {
        level: base.level,
        experience: record.experience.max(0),
        gold: record.gold.clamp(0, GOLD_MAX),
        attributes: model::character::Attributes {
            strength: base.strength,
            intelligence: base.intelligence,
            dexterity: base.dexterity,
            constitution: base.constitution,
        },
        mastery: base.mastery,
        unspent: Unspent { stat, mastery, skill },
        learned: record.learned,
        ..crate::creature::fresh(class)
    };
    Starter { class, hard, equip: record.equip, carry: record.carry }
}

fn settings(
    folder: &mut Folder,
    items: &ItemTable,
    names: &Names,
    generators: &[Generator],
    report: &mut Report,
) -> GameConfig {
    let config = match folder.expected("gameconfig.txt", "the original's defaults are taken", report) {
        Some(bytes) => settings::game_config(&bytes, "gameconfig.txt", report),
        None => GameConfig::default(),
    };
    type Count<'a> = &'a dyn Fn(&[u8], &str, &mut Report) -> usize;
    let last = generators.last().map_or(0, |generator| generator.index);
    let check = |key: &str, value: &[u8]| check_reference(key, value, names, last);
    let blocks =
        |bytes: &[u8], file: &str, report: &mut Report| settings::blocks(bytes, file, report, &check);
    let levels =
        |bytes: &[u8], file: &str, report: &mut Report| settings::level_items(bytes, file, items, report);
    let texts: [(&str, &str, Count<'_>); 9] = [
        ("LevelItem.txt", "level items", &levels),
        ("QuestDiaria.txt", "daily quests", &settings::daily_quests),
        ("Language.txt", "texts", &settings::language),
        ("Guard.txt", "guard exchanges", &settings::guards),
        ("Settings/CompRate.txt", "combination rates", &settings::rates),
        ("Settings/SancRate.txt", "refinement rates", &settings::rates),
        ("Settings/QuestsRate.txt", "quest rates", &settings::rates),
        ("Settings/CastleQuest.txt", "castle quests", &blocks),
        ("Settings/MobMerc.txt", "mercenaries", &blocks),
    ];
    for (file, what, count) in texts {
        if let Some(bytes) = folder.optional(file, report) {
            let number = count(&bytes, file, report);
            report.count(what, number);
        }
    }
    config
}

/// What the blocks of quests and mercenaries refer to.
fn check_reference(field: &str, value: &[u8], names: &Names, last: u32) -> Option<String> {
    match field {
        "MobName" => {
            let name = crate::text::latin(value);
            (names.find(&name).is_none()).then(|| format!("there is no monster `{name}`"))
        }
        "Mob_Initial" | "Mob_End" | "Boss1" | "Boss2" | "GenerateIndex" => {
            let number = crate::text::number(value);
            let fits = number.is_some_and(|number| (0..=i64::from(last)).contains(&number));
            (!fits).then(|| {
                format!("`{field}` names generator {}, the last is {last}", crate::text::shown(value))
            })
        }
        _ => None,
    }
}

/// Files and folders that nothing here reads.
fn unknown_files(folder: &Folder, report: &mut Report) {
    const FILES: [&str; 14] = [
        "attributemap.dat",
        "heightmap.dat",
        "npcgener.txt",
        "itemlist.csv",
        "extraitem.csv",
        "skilldata.csv",
        "inititem.csv",
        "regions.txt",
        "levelitem.txt",
        "questdiaria.txt",
        "language.txt",
        "guard.txt",
        "gameconfig.txt",
        "readme.md",
    ];
    const SETTINGS: [&str; 5] =
        ["castlequest.txt", "comprate.txt", "mobmerc.txt", "questsrate.txt", "sancrate.txt"];
    const FOLDERS: [&str; 5] = ["npc", "boss", "basesummon", "basemob", "settings"];
    let unread = |name: &String, known: &[&str]| !known.contains(&name.to_ascii_lowercase().as_str());
    for (place, known) in [("", &FILES[..]), ("Settings", &SETTINGS), ("BaseMob", &["tk", "fm", "bm", "ht"])]
    {
        let files = folder.files(place, &mut Report::default()).unwrap_or_default();
        for name in files.iter().filter(|name| unread(name, known)) {
            report.file(&inside(place, name), "no file that is used; not read");
        }
    }
    for name in folder.folders().iter().filter(|name| unread(name, &FOLDERS)) {
        report.file(name, "no folder that is used; not read");
    }
}
