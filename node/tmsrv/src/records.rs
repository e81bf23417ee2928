//! The record of an item on the ground: under which number it is looked for, and what it says.

use crate::clock;
use model::calls::database::HeldRecord;
use model::transfer::RecordKey;
use model::{Tile, ZoneId};
use world::{Lying, Tick};

/// Layout of the body of a ground record.
const BODY_VERSION: u8 = 1;
/// The body of a ground record: version, tile, orientation.
pub(crate) fn body(tile: Tile, rotate: u8) -> Vec<u8> {
    let ([x, xx], [y, yy]) = (tile.x.to_le_bytes(), tile.y.to_le_bytes());
    vec![BODY_VERSION, x, xx, y, yy, rotate]
}

fn read_body(body: &[u8]) -> Option<(Tile, u8)> {
    match *body {
        [BODY_VERSION, x, xx, y, yy, rotate] => {
            let tile = Tile::new(u16::from_le_bytes([x, xx]), u16::from_le_bytes([y, yy]));
            tile.is_on_map().then_some((tile, rotate & 3))
        }
        _ => None,
    }
}

/// Under which number what lies in a zone is looked for: that of the zone of the content, however that is cut at the moment.
pub(crate) fn scope_of(zone: ZoneId) -> u64 {
    u64::from(placement::whole_of(zone).0)
}

/// What a record says to lie there; `None` when it cannot be read.
pub(crate) fn lying(held: &HeldRecord, now: Tick) -> Option<Lying> {
    let RecordKey::Ground(id) = held.record.key else { return None };
    let (tile, rotate) = read_body(&held.record.body)?;
    let (_, item) = *held.items.first()?;
    let left_ms = u64::try_from(held.record.until_ms - clock::unix_ms()).unwrap_or(0);
    let until = now.plus(left_ms / Tick::MS);
    Some(Lying { id, home: held.record.home, item, tile, rotate, version: held.record.version, until })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_says_where_something_lies_and_nothing_else_is_read() {
        let tile = Tile::new(2100, 4095);
        assert_eq!(read_body(&body(tile, 3)), Some((tile, 3)));
        assert_eq!(read_body(&body(Tile::new(4096, 1), 3)), None, "off the map");
        let mut other = body(tile, 3);
        other[0] = 2;
        for bad in [&other[..], &body(tile, 3)[..5], &[]] {
            assert_eq!(read_body(bad), None);
        }
    }
}
