//! The player's guild: what it does about it, and what others did.

use super::typed::line;
use crate::economy::{No, Then};
use crate::effects::{BankWork, Effects, Work};
use crate::zone::Zone;
use model::calls::bank::GuildManaged;
use model::event::{Notice, NoticeKey};
use model::guild::{GuildDeed, GuildLine, Joiner, Place};
use model::{Event, GuildId};

impl Zone {
    /// What is asked for a deed. Whether it may be done only the store knows; the rank is not looked at here.
    pub(super) fn guild_deed(&self, slot: usize, deed: GuildDeed) -> Result<BankWork, No> {
        let founds = matches!(deed, GuildDeed::Found(_));
        if !founds {
            self.guild(slot)?;
        }
        let character = &self.player(slot)?.character;
        let hard = &character.hard;
        if founds && hard.guild != 0 {
            return Err(NoticeKey::Guild(GuildLine::InOne).into());
        }
        let place = Place { guild: GuildId(hard.guild), rank: hard.guild_rank };
        Ok(BankWork::ManageGuild { name: character.name.clone(), clan: hard.clan, place, deed })
    }

    /// Takes somebody in whom the player had asked.
    pub(in crate::economy) fn admit_to_guild(
        &mut self,
        slot: usize,
        joiner: Joiner,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let work = self.guild_deed(slot, GuildDeed::Admit(joiner))?;
        self.begin_work(slot, Work::Bank(work.clone()), Then::Typed(Box::new(work)), fx);
        Ok(())
    }

    /// Somebody else changed the player's guild or rank.
    pub(in crate::economy) fn look_at_guild(&mut self, slot: usize, fx: &mut Effects) -> Result<(), No> {
        self.begin_look(slot, fx);
        Ok(())
    }

    pub(super) fn begin_look(&mut self, slot: usize, fx: &mut Effects) {
        self.begin_work(
            slot,
            Work::Bank(BankWork::GuildPlace),
            Then::Typed(Box::new(BankWork::GuildPlace)),
            fx,
        );
    }

    /// A deed is done: what the player is told of it.
    pub(super) fn guild_managed(
        &mut self,
        slot: usize,
        deed: &GuildDeed,
        done: &GuildManaged,
        fx: &mut Effects,
    ) -> Vec<Notice> {
        if let Some(carried) = done.carried {
            self.has_gold(slot, carried, fx);
        }
        self.stands(slot, done.place, fx);
        let (key, words) = match deed {
            GuildDeed::Found(name) => (GuildLine::Founded, vec![name.to_string()]),
            GuildDeed::Admit(joiner) => (GuildLine::Joined, vec![joiner.name.to_string()]),
            GuildDeed::Leave => (GuildLine::Left, Vec::new()),
            GuildDeed::Expel { name } => (GuildLine::Expelled, vec![name.clone()]),
            GuildDeed::Rank { name, rank } => (GuildLine::Ranked, vec![name.clone(), rank.to_string()]),
            GuildDeed::Lead { name } => (GuildLine::Leads, vec![name.clone()]),
            GuildDeed::Disband => (GuildLine::Disbanded, Vec::new()),
        };
        vec![line(NoticeKey::Guild(key), words)]
    }

    /// Guild and rank of the player now, for itself and for who sees it.
    pub(super) fn stands(&mut self, slot: usize, place: Place, fx: &mut Effects) {
        let entity = self.entities[slot].id;
        let Some(player) = self.entities[slot].player_mut() else { return };
        let hard = &mut player.character.hard;
        let (guild, guild_rank) = (place.guild.0, place.rank);
        if (hard.guild, hard.guild_rank) == (guild, guild_rank) {
            return;
        }
        (hard.guild, hard.guild_rank) = (guild, guild_rank);
        let session = player.session;
        fx.tell(session, Event::GuildChanged { entity, guild, guild_rank });
        self.tell_viewers(slot, Event::GuildChanged { entity, guild, guild_rank }, fx);
    }
}
