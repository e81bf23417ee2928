//! Instances: zones that are copies of a named place, are born for some players and die. They are no part of the division of the map:
//! no tile leads to one, they have no neighbours and no parts.
//!
//! An instance is called like `Dungeon 1#17`. Like parts of zones it is an entry of the list of named zones that is stored, so
//! everybody who reads the map knows it. 17 is the number of the instance, which none has again; the number of its zone is above those
//! of all others and is taken again after a million of them.

use model::ZoneId;

/// Zones of instances have numbers from here, above those of parts. The ids of creatures have 23 bits for the number of their zone.
pub const FIRST_INSTANCE: u32 = 0x70_0000;
/// So many numbers there are.
const NUMBERS: u64 = 0x10_0000;

/// The number of the zone of an instance.
pub(crate) fn zone_of(instance: u64) -> ZoneId {
    ZoneId(FIRST_INSTANCE + (instance % NUMBERS) as u32)
}

/// True for the number of an instance's zone, whether or not there is one at the moment.
pub fn is_instance(zone: ZoneId) -> bool {
    zone.0 >= FIRST_INSTANCE
}

/// Name of an instance as it is stored and shown.
pub fn instance_name(place: &str, instance: u64) -> String {
    format!("{place}#{instance}")
}

/// The place and the number that a name says; `None` for a name that is none of an instance.
pub fn parse_instance(name: &str) -> Option<(&str, u64)> {
    let (place, number) = name.rsplit_once('#')?;
    let number: u64 = number.parse().ok()?;
    (number > 0 && !place.is_empty()).then_some((place, number))
}
