//! What is shown of an entity: to others an appearance, to its own client a sheet.

use crate::entity::{Entity, Kind, Player};
use crate::relief::slowed;
use content::Content;
use model::event::{Appearance, Sheet};
use model::{EntityId, Epoch, Tile};

/// What others see of an entity.
pub(crate) fn appearance(entity: &Entity, content: &Content, pace_percent: u32) -> Appearance {
    let walk = entity.walk.as_ref().map(|walk| walk.rest(entity.tile));
    let mark = entity.mark;
    match &entity.kind {
        Kind::Player(player) => Appearance { walk, ..of_player(player, entity, pace_percent) },
        Kind::Ghost(ghost) => Appearance { mark, ..ghost.appearance(entity.tile) },
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
                mark,
                stall: None,
            }
        }
    }
}

fn of_player(player: &Player, entity: &Entity, pace_percent: u32) -> Appearance {
    let character = &player.character;
    let shown = |affect: &model::character::Affect| (affect.kind, affect.time.min(255) as u8);
    Appearance {
        entity: entity.id,
        tile: entity.tile,
        name: character.name.as_str().to_owned(),
        equip: player.derived.look,
        affects: character.soft.affects.iter().map(shown).collect(),
        guild: character.hard.guild,
        guild_rank: character.hard.guild_rank,
        score: shown_score(player, pace_percent),
        chaos: character.hard.chaos,
        title: String::new(),
        walk: None,
        mark: entity.mark,
        stall: player.dealings.stall_title().cloned(),
    }
}

/// The numbers of a player as they are shown: its client walks as fast as they say.
pub(crate) fn shown_score(player: &Player, pace_percent: u32) -> model::Score {
    let score = player.derived.score;
    let run_speed =
        if pace_percent == 100 { score.run_speed } else { slowed(player.run_speed(), pace_percent) };
    model::Score { facing: player.character.soft.facing, run_speed, ..score }
}

/// What a player's own client needs.
pub(crate) fn sheet(player: &Player, entity: EntityId, epoch: Epoch, tile: Tile, pace_percent: u32) -> Sheet {
    let Player { character, derived, .. } = player;
    let hard = &character.hard;
    let facing = character.soft.facing;
    Sheet {
        entity,
        epoch,
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
        score: shown_score(player, pace_percent),
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
