//! What is shown of an entity: to others an appearance, to its own client a sheet.

use crate::entity::{Entity, Kind, Player};
use content::Content;
use model::event::{Appearance, Sheet};
use model::{EntityId, Tile};

/// What others see of an entity.
pub(crate) fn appearance(entity: &Entity, content: &Content) -> Appearance {
    let walk = entity.walk.as_ref().map(|walk| walk.rest(entity.tile));
    match &entity.kind {
        Kind::Player(player) => Appearance { walk, ..of_player(player, entity.id, entity.tile) },
        Kind::Creature(creature) => {
            let kind = &content.creatures[creature.kind];
            Appearance {
                entity: entity.id,
                tile: entity.tile,
                name: kind.name.clone(),
                equip: kind.look,
                affects: Vec::new(),
                guild: 0,
                guild_rank: 0,
                score: kind.score,
                chaos: 0,
                title: String::new(),
                walk,
                stall: None,
            }
        }
    }
}

fn of_player(player: &Player, entity: EntityId, tile: Tile) -> Appearance {
    let character = &player.character;
    let mut score = player.derived.score;
    score.facing = character.soft.facing;
    let shown = |affect: &model::character::Affect| (affect.kind, affect.time.min(255) as u8);
    Appearance {
        entity,
        tile,
        name: character.name.as_str().to_owned(),
        equip: player.derived.look,
        affects: character.soft.affects.iter().map(shown).collect(),
        guild: character.hard.guild,
        guild_rank: character.hard.guild_rank,
        score,
        chaos: character.hard.chaos,
        title: String::new(),
        walk: None,
        stall: player.dealings.stall_title().cloned(),
    }
}

/// What a player's own client needs.
pub(crate) fn sheet(player: &Player, entity: EntityId, tile: Tile) -> Sheet {
    let Player { character, derived, .. } = player;
    let hard = &character.hard;
    let facing = character.soft.facing;
    Sheet {
        entity,
        slot: character.slot,
        name: character.name.clone(),
        class: character.class,
        clan: hard.clan,
        guild: hard.guild,
        guild_rank: hard.guild_rank,
        gold: hard.gold,
        experience: hard.experience,
        tile,
        home_city: character.soft.home_city,
        base: model::Score { facing, ..derived.base },
        score: model::Score { facing, ..derived.score },
        equip: character.equip.clone(),
        look: derived.look,
        carry: character.carry.clone(),
        learned: hard.learned,
        unspent: hard.unspent,
        critical: derived.critical,
        save_mana: derived.save_mana,
        magic: derived.magic,
        regen: derived.regen,
        resist: derived.resist,
        skill_bar: character.soft.skill_bar,
        affects: character.soft.affects.clone(),
        chaos: hard.chaos,
        weather: 0,
    }
}
