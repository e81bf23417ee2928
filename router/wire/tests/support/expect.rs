//! Bytes that are expected at offsets written down by hand, apart from the table of the crate.

use wire::Profile;
use wire::record::{Item, ItemEffect, Score, nibbles};

/// What has to stand where: offsets in 7.59, 7.69 and 7.48 (`NO`: not there), and the number with its size in the
/// newer versions and in 7.48.
pub struct Expect(&'static str, [usize; 3], Number, Number);

/// A number and how many bytes it takes.
#[derive(Clone, Copy)]
pub struct Number(i64, usize);

/// A field that a version lacks.
pub const NO: usize = usize::MAX;

pub fn check(expected: &[Expect], frames: &[Vec<u8>; 3], opcodes: [u16; 3], sizes: [usize; 3]) {
    for profile in Profile::ALL {
        let column = profile.index();
        let bytes = &frames[column];
        assert_eq!(bytes.len(), sizes[column], "{profile} size");
        assert_eq!(bytes[0..2], (sizes[column] as u16).to_le_bytes(), "{profile} size field");
        assert_eq!(bytes[4..6], opcodes[column].to_le_bytes(), "{profile} opcode");
        assert_eq!(bytes[6..12], [7, 0, 4, 3, 2, 1], "{profile} id and tick");
        for Expect(name, offsets, newer, old) in expected {
            let offset = offsets[column];
            if offset == NO {
                continue;
            }
            let Number(value, size) = if profile == Profile::V748 { *old } else { *newer };
            assert_eq!(bytes[offset..offset + size], value.to_le_bytes()[..size], "{profile} {name}");
        }
    }
}

/// The same number of bytes in every version.
pub fn same(name: &'static str, offsets: [usize; 3], value: i64, size: usize) -> Expect {
    Expect(name, offsets, Number(value, size), Number(value, size))
}

/// More bytes in the newer versions than in 7.48.
pub fn wide(name: &'static str, offsets: [usize; 3], value: i64, newer: usize, old: usize) -> Expect {
    Expect(name, offsets, Number(value, newer), Number(value, old))
}

pub fn score(base: i32) -> Score {
    Score {
        level: base as u16 + 1,
        defence: base + 2,
        attack: base + 3,
        merchant_dir: nibbles(3, 8),
        attack_run: nibbles(4, 9),
        hp_max: base + 6,
        mp_max: base + 7,
        hp: base + 4,
        mp: base + 5,
        strength: base as u16 + 10,
        intelligence: base as u16 + 11,
        dexterity: base as u16 + 12,
        constitution: base as u16 + 13,
        mastery: [21, 22, 23, 24],
    }
}

/// Where the fields of [`score`] lie when the structure begins at `at`.
pub fn score_at(at: [usize; 3], base: i64) -> Vec<Expect> {
    let off = |newer: usize, old: usize| [at[0] + newer, at[1] + newer, at[2] + old];
    vec![
        same("level", off(0, 0), base + 1, 2),
        wide("defence", off(4, 2), base + 2, 4, 2),
        wide("attack", off(8, 4), base + 3, 4, 2),
        same("merchant_dir", off(12, 6), 0x83, 1),
        same("attack_run", off(13, 7), 0x94, 1),
        wide("hp_max", off(16, 8), base + 6, 4, 2),
        wide("mp_max", off(20, 10), base + 7, 4, 2),
        wide("hp", off(24, 12), base + 4, 4, 2),
        wide("mp", off(28, 14), base + 5, 4, 2),
        same("strength", off(32, 16), base + 10, 2),
        same("intelligence", off(34, 18), base + 11, 2),
        same("dexterity", off(36, 20), base + 12, 2),
        same("constitution", off(38, 22), base + 13, 2),
        wide("mastery 0", off(40, 24), 21, 2, 1),
        wide("mastery 3", off(46, 27), 24, 2, 1),
    ]
}

pub fn item(kind: u16) -> Item {
    let effect = |kind, value| ItemEffect { kind, value };
    Item { kind, effects: [effect(43, 1), effect(2, 30), effect(60, 5)] }
}

/// The eight bytes of [`item`].
pub fn item_number(kind: i64) -> i64 {
    i64::from_le_bytes([kind as u8, (kind >> 8) as u8, 43, 1, 2, 30, 60, 5])
}

pub fn text(bytes: &[u8; 8]) -> i64 {
    i64::from_le_bytes(*bytes)
}
