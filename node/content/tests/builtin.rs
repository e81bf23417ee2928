//! The pack that every binary carries, and the folder that it was made from.
#![allow(clippy::unwrap_used)]

use content::{Content, PORTAL_SPREAD, RouteKind, Terrain};
use model::{ItemKind, Rect, Tile};
use std::collections::BTreeSet;
use std::path::Path;

fn builtin() -> Content {
    content::builtin().0
}

fn tiles(rect: Rect) -> impl Iterator<Item = Tile> {
    (rect.min.y..=rect.max.y).flat_map(move |y| (rect.min.x..=rect.max.x).map(move |x| Tile::new(x, y)))
}

#[test]
fn it_loads_without_an_oddity() {
    let (content, report) = content::builtin();
    assert_eq!(report.oddities, []);
    assert_eq!(content.name, "builtin");
    assert!(content.creatures.len() >= 45, "some thirty monsters and the people of the town");
}

#[test]
fn the_folder_in_the_repository_is_the_same_world() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/content");
    let (loaded, report) = content::load(&folder).unwrap();
    assert_eq!(report.oddities, []);
    assert_eq!(loaded.hash, builtin().hash);
}

#[test]
fn every_point_of_every_generator_can_be_stood_on() {
    let content = builtin();
    for generator in &content.generators {
        let name = &content.creatures[generator.leader].name;
        for point in &generator.points {
            assert!(!content.terrain.is_blocked(point.tile), "{name} at {}", point.tile);
        }
    }
}

#[test]
fn every_portal_has_a_pad_and_leads_somewhere_inside() {
    let content = builtin();
    assert!(content.portals.len() >= 20);
    for portal in &content.portals {
        assert_eq!((portal.from.x & 3, portal.from.y & 3), (0, 0));
        let pad = Rect::new(portal.from, Tile::new(portal.from.x + 3, portal.from.y + 3));
        for tile in tiles(pad) {
            assert!(content.terrain.has(tile, Terrain::PORTAL), "pad {tile}");
            assert!(!content.terrain.is_blocked(tile), "pad {tile}");
            assert_eq!(content.portal_at(tile), Some(portal));
        }
        let end = Tile::new(portal.to.x + PORTAL_SPREAD, portal.to.y + PORTAL_SPREAD);
        for tile in tiles(Rect::new(portal.to, end)) {
            assert!(!content.terrain.is_blocked(tile), "{} leads to {tile}", portal.from);
        }
    }
    assert_eq!(content.portal_at(Tile::new(2100, 2100)), None);
}

#[test]
fn the_dungeon_can_be_entered_and_left() {
    let content = builtin();
    let entrance = content.portal_at(Tile::new(2366, 2286)).unwrap();
    assert_eq!(entrance.to, Tile::new(144, 3788));
    assert_eq!(content.portal_at(entrance.to).unwrap().to, Tile::new(2364, 2284));
}

#[test]
fn newcomers_start_in_the_safe_town_away_from_portals_and_merchants() {
    let content = builtin();
    for tile in tiles(content.newcomers) {
        assert!(content.terrain.has(tile, Terrain::SAFE), "{tile}");
        assert!(content.portals.iter().all(|portal| portal.from.distance(tile) > 8));
    }
    for city in &content.cities {
        let end = Tile::new(city.spawn.x + content::CITY_SPREAD, city.spawn.y + content::CITY_SPREAD);
        for tile in tiles(Rect::new(city.spawn, end)) {
            assert!(content.terrain.has(tile, Terrain::SAFE), "{} at {tile}", city.name);
        }
    }
}

#[test]
fn the_town_lives() {
    let content = builtin();
    let armia = content.cities[0].area;
    let here = content.generators.iter().filter(|generator| armia.contains(generator.points[0].tile));
    let kinds: BTreeSet<u8> = here.map(|generator| content.creatures[generator.leader].merchant).collect();
    assert!(
        [0, 1, 2, 19].iter().all(|kind| kinds.contains(kind)),
        "guards, shops, bank and masters: {kinds:?}"
    );
    let most: u32 = content.generators.iter().map(|generator| u32::from(generator.most)).sum();
    assert!((250..=400).contains(&most), "{most} creatures");
}

#[test]
fn routes_of_every_kind_are_walked_and_numbers_of_events_are_left_free() {
    let content = builtin();
    let used: BTreeSet<String> = content.generators.iter().map(|one| format!("{:?}", one.route)).collect();
    assert_eq!(used.len(), RouteKind::ALL.len(), "{used:?}");
    assert!(content.generators.iter().enumerate().all(|(place, one)| one.index as usize == place + 8));
}

#[test]
fn nobody_walks_from_zone_to_zone() {
    let content = builtin();
    let zone = |tile| content.zones.iter().position(|zone| zone.area.contains(tile));
    for generator in &content.generators {
        let zones: BTreeSet<_> = generator.points.iter().map(|point| zone(point.tile)).collect();
        assert_eq!(zones.len(), 1, "generator {}: {:?}", generator.index, generator.points);
        assert!(zones.iter().all(Option::is_some), "generator {}", generator.index);
    }
}

#[test]
fn names_fit_the_wire() {
    for creature in builtin().creatures {
        assert!(creature.name.is_ascii() && (1..=15).contains(&creature.name.len()), "{}", creature.name);
        assert_ne!(creature.look[0].kind, 0, "{} has a face", creature.name);
    }
}

#[test]
fn shops_show_their_goods_in_the_slots_of_the_window() {
    let content = builtin();
    let smith = &content.creatures[content.creature("ARMEIRO").unwrap()];
    let shown: Vec<usize> = (0..64).filter(|slot| smith.carry[*slot].is_some()).collect();
    assert_eq!(shown, [0, 1, 2, 3, 4, 5, 6, 7, 8, 27, 28, 29, 30, 31, 32, 33, 34]);
    assert_eq!(smith.carry[0].unwrap().kind, ItemKind(861));
}

#[test]
fn starters_can_wear_what_they_are_given() {
    let content = builtin();
    for starter in &content.starters {
        let class_bit = 1i32 << starter.class.number();
        assert_eq!(starter.equip[0].unwrap().kind.0, rules::class::starting(starter.class).face);
        for (slot, spec) in starter.equip.iter().enumerate() {
            let Some(spec) = spec else { continue };
            let def = content.items.get(spec.kind).unwrap();
            assert!(def.fits_slot(slot), "{:?} wears {} in slot {slot}", starter.class, def.name);
            assert_eq!(def.requires, rules::Requirements::default(), "{}", def.name);
            assert_ne!(def.effect(18) & class_bit, 0, "{} is for {:?}", def.name, starter.class);
        }
        assert!(starter.equip[6].is_some(), "{:?} has a weapon", starter.class);
    }
}

#[test]
fn every_zone_has_an_area_and_town_and_training_field_are_one() {
    let content = builtin();
    let zone = |x, y| {
        content.zones.iter().find(|zone| zone.area.contains(Tile::new(x, y))).map(|zone| zone.name.as_str())
    };
    assert_eq!((zone(2100, 2100), zone(2112, 2042)), (Some("Armia"), Some("Armia")));
    assert_eq!((zone(144, 3788), zone(1004, 4028)), (Some("Dungeon 1"), Some("Dungeon 2")));
    assert_eq!(zone(10, 10), None);
}

/// A pack that may be changed.
fn copied() -> tempfile::TempDir {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/content");
    let copy = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    copy
}

#[test]
fn no_zone_is_called_like_a_part_or_an_instance() {
    let copy = copied();
    let file = copy.path().join("places.toml");
    let places = std::fs::read_to_string(&file).unwrap();
    for (name, is_reserved) in
        [("Armia/3", true), ("Armia#1", true), ("Armia/4", true), ("Armia #", false), ("Armia 3/b", false)]
    {
        std::fs::write(&file, places.replacen("name = \"Armia\"", &format!("name = {name:?}"), 1)).unwrap();
        let told = content::check(copy.path())
            .map(|report| report.counted("zones"))
            .map_err(|error| error.to_string());
        match told {
            Ok(zones) => assert!(!is_reserved && zones.is_some(), "{name}"),
            Err(error) => {
                assert!(is_reserved && error.contains(&format!("found the zones {name:?}")), "{error}")
            }
        }
    }
}

#[test]
fn a_pack_with_a_mistake_names_the_file() {
    let copy = copied();
    std::fs::write(copy.path().join("map.toml"), "[[area]]\nname = \"a\"\nrekt = [0, 0, 3, 3]\n").unwrap();
    let error = content::load(copy.path()).unwrap_err().to_string();
    assert!(error.contains("map.toml") && error.contains("rekt"), "{error}");
    std::fs::write(copy.path().join("map.toml"), "[[area]]\nname = \"a\"\nrect = [1, 0, 3, 3]\n").unwrap();
    let (_, report) = content::load(copy.path()).unwrap();
    assert!(
        report
            .oddities
            .iter()
            .any(|oddity| oddity.file == "generators.toml" && oddity.what.contains("blocked"))
    );
    std::fs::remove_file(copy.path().join("items.toml")).unwrap();
    assert!(content::load(copy.path()).unwrap_err().to_string().contains("items.toml"));
}
