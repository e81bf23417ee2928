//! Parties as packets. Pure.

use model::event::Sheet;
use model::social::{Member, Persona};
use wire::packet::{PartyAdd, PartyRequest};

/// Most points of a packet of parties.
const POINTS_MAX: i32 = 30_000;

/// What the directory is told of a character.
pub(crate) fn persona(sheet: &Sheet) -> Persona {
    Persona {
        class: sheet.class,
        level: sheet.score.level,
        hp: sheet.score.hp,
        hp_max: sheet.score.hp_max,
        clan: sheet.clan,
        guild: sheet.guild,
        guild_rank: sheet.guild_rank,
    }
}

/// Hit points and the most of them, both scaled down when the packet cannot hold them.
fn points(persona: &Persona) -> (i32, i32) {
    let (hp, most) = (persona.hp.max(0), persona.hp_max.max(1));
    if most.max(hp) <= POINTS_MAX {
        return (hp, most);
    }
    let scaled = i64::from(hp) * i64::from(POINTS_MAX) / i64::from(most.max(hp));
    (i32::try_from(scaled).unwrap_or(POINTS_MAX), POINTS_MAX)
}

/// Somebody asks to join.
pub(crate) fn request(by: &Member, leader: u16, target: u16) -> PartyRequest {
    let (hp, hp_max) = points(&by.persona);
    PartyRequest {
        class: by.persona.class.number(),
        index: 0,
        level: by.persona.level,
        hp_max,
        hp,
        leader,
        name: by.name.to_string(),
        target,
    }
}

/// A member, by its place.
pub(crate) fn member(member: &Member, index: usize, id: u16) -> PartyAdd {
    let (hp, hp_max) = points(&member.persona);
    PartyAdd {
        class: member.persona.class.number(),
        index: u8::try_from(index).unwrap_or(u8::MAX),
        level: member.persona.level,
        hp_max,
        hp,
        member: id,
        name: member.name.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{CharacterId, CharacterName, Class};

    #[test]
    fn points_keep_their_proportion_in_a_narrow_packet() {
        let persona =
            Persona { class: Class::Foema, level: 3, hp: 5, hp_max: 9, clan: 0, guild: 0, guild_rank: 0 };
        assert_eq!(points(&persona), (5, 9));
        assert_eq!(points(&Persona { hp: 50_000, hp_max: 200_000, ..persona }), (7_500, 30_000));
        assert_eq!(points(&Persona { hp: i32::MAX, hp_max: i32::MAX, ..persona }), (30_000, 30_000));
        assert_eq!(points(&Persona { hp: -1, hp_max: 0, ..persona }), (0, 1));
        let name = CharacterName::new("Anita").expect("a name");
        let told = member(&Member { character: CharacterId(1), name, persona }, 12, 77);
        assert_eq!((told.index, told.member, told.class, told.name.as_str()), (12, 77, 1, "Anita"));
    }
}
