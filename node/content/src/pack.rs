//! A content pack: TOML files and a map made of rectangles. The built-in pack is one.
//!
//! Unlike an original directory a pack is written for this program: unknown keys and bad TOML are errors,
//! while references that lead nowhere are oddities.

mod files;
mod map;

use crate::hash::ContentHash;
use crate::{Content, Creature, Generator, LoadError, Portal, Report, Starter, places};
use files::{CreatureRow, GeneratorRow, Places, StarterRow};
use model::Class;
use rules::{ItemTable, SkillTable};
use serde::de::DeserializeOwned;
use std::path::Path;

/// The files of a pack, in canonical order.
pub(crate) const FILES: [&str; 8] = [
    "pack.toml",
    "map.toml",
    "places.toml",
    "items.toml",
    "skills.toml",
    "creatures.toml",
    "generators.toml",
    "starters.toml",
];

/// Loads a pack directory.
pub(crate) fn load(dir: &Path) -> Result<(Content, Report), LoadError> {
    let mut texts = Vec::new();
    for name in FILES {
        let path = dir.join(name);
        texts.push(std::fs::read_to_string(&path).map_err(|source| LoadError::Read { path, source })?);
    }
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    parse(dir, &texts)
}

/// Builds content from the texts of [`FILES`], in that order.
pub(crate) fn parse(dir: &Path, texts: &[&str]) -> Result<(Content, Report), LoadError> {
    let mut hash = ContentHash::new();
    for (name, text) in FILES.iter().zip(texts) {
        hash.file(name, text.as_bytes());
    }
    let source = Source { dir, texts };
    let mut report = Report::default();
    let head: files::Head = source.read("pack.toml")?;
    let places: Places = source.read("places.toml")?;
    let portals = places.portals();
    let terrain = map::paint(&source.read("map.toml")?, &portals, &mut report);
    let items = source.read::<files::Items>("items.toml")?.table(&mut report);
    let skills = SkillTable::new(source.read::<files::Skills>("skills.toml")?.skill);
    let creatures = source.read::<files::Creatures>("creatures.toml")?.creature;
    let generators = source.read::<files::Generators>("generators.toml")?.generator;
    let starters = source.read::<files::Starters>("starters.toml")?.starter;
    let creatures: Vec<Creature> =
        creatures.into_iter().map(|row| creature(row, &items, &mut report)).collect();
    let mut content = Content {
        name: head.name,
        hash: hash.finish(),
        terrain,
        items,
        skills,
        creatures,
        generators: Vec::new(),
        fixtures: places.fixtures(),
        zones: places.zones(),
        portals,
        cities: places::cities(),
        newcomers: places::rect(head.newcomers),
        starters: Class::ALL.map(Starter::bare),
        config: head.game,
    };
    content.generators = generators
        .into_iter()
        .enumerate()
        .filter_map(|(index, row)| generator(index, row, &content, &mut report))
        .collect();
    for row in starters {
        starter(&row, &mut content, &mut report);
    }
    examine(&content, &mut report);
    count(&content, &mut report);
    Ok((content, report))
}

struct Source<'a> {
    dir: &'a Path,
    texts: &'a [&'a str],
}

impl Source<'_> {
    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T, LoadError> {
        let text = FILES.iter().zip(self.texts).find(|(file, _)| **file == name).map_or("", |(_, text)| text);
        toml::from_str(text).map_err(|error: toml::de::Error| LoadError::Format {
            path: self.dir.join(name),
            expected: "the TOML of a content pack".to_owned(),
            found: error.to_string().trim_end().replace('\n', " "),
        })
    }
}

fn creature(row: CreatureRow, items: &ItemTable, report: &mut Report) -> Creature {
    let creature = row.creature();
    let at = format!("creature `{}`", creature.key);
    if creature.name.is_empty() || creature.name.chars().count() > 15 {
        report.odd("creatures.toml", at.clone(), "its name must have 1 to 15 letters");
    }
    let goods = creature.carry.iter().flatten().filter(|spec| items.get(spec.kind).is_none());
    let unknown: Vec<String> = goods.map(|spec| spec.kind.0.to_string()).collect();
    if !unknown.is_empty() {
        report.odd("creatures.toml", at, format!("items that are not in items.toml: {}", unknown.join(", ")));
    }
    creature
}

fn generator(index: usize, row: GeneratorRow, content: &Content, report: &mut Report) -> Option<Generator> {
    const FILE: &str = "generators.toml";
    let at = format!("record {index}");
    let find = |name: &str, report: &mut Report| {
        let found = content.creature(name);
        if found.is_none() {
            report.odd(FILE, at.clone(), format!("there is no creature `{name}`"));
        }
        found
    };
    let leader = find(&row.creature, report)?;
    let follower = match &row.followers {
        Some(name) => Some(find(name, report)?),
        None => None,
    };
    let generator = row.generator(index, leader, follower);
    if generator.points.is_empty() {
        report.odd(FILE, at, "it has no point; left out");
        return None;
    }
    for point in &generator.points {
        if content.terrain.is_blocked(point.tile) {
            report.odd(FILE, at.clone(), format!("{} is blocked", point.tile));
        }
    }
    Some(generator)
}

fn starter(row: &StarterRow, content: &mut Content, report: &mut Report) {
    let class = usize::from(row.class.number());
    let starter = row.starter();
    for spec in starter.equip.iter().chain(&starter.carry).flatten() {
        if content.items.get(spec.kind).is_none() {
            report.odd(
                "starters.toml",
                format!("{:?}", starter.class),
                format!("item {} is unknown", spec.kind.0),
            );
        }
    }
    content.starters[class] = starter;
}

/// Checks what one file says against the others.
fn examine(content: &Content, report: &mut Report) {
    for Portal { from, to, .. } in &content.portals {
        for tile in [from, to] {
            if content.terrain.is_blocked(*tile) {
                report.odd("places.toml", format!("portal {from}"), format!("{tile} is blocked"));
            }
        }
    }
    let corners = [content.newcomers.min, content.newcomers.max];
    if corners.iter().any(|tile| content.terrain.is_blocked(*tile)) {
        report.file("pack.toml", "newcomers would stand on blocked tiles");
    }
    for fixture in content.fixtures.iter().filter(|fixture| content.items.get(fixture.kind).is_none()) {
        report.odd(
            "places.toml",
            format!("fixture {}", fixture.tile),
            format!("item {} is unknown", fixture.kind.0),
        );
    }
    let mut keys = std::collections::BTreeSet::new();
    for creature in content.creatures.iter().filter(|creature| !keys.insert(&creature.key)) {
        report.odd("creatures.toml", format!("creature `{}`", creature.key), "the name is taken already");
    }
}

fn count(content: &Content, report: &mut Report) {
    report.count("items", content.items.len());
    report.count("skills", content.skills.len());
    report.count("creatures", content.creatures.len());
    report.count("generators", content.generators.len());
    report.count("zones", content.zones.len());
    report.count("portals", content.portals.len());
    report.count("objects of the map", content.fixtures.len());
}
