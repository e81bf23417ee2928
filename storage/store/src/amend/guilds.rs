//! Deeds of guilds among what is taken back. A founding is an exchange with the world: gold for a guild. It goes back while
//! the guild is its founder alone with nothing in its bank: then the guild ends, and its name is free. Every other deed
//! stays, with the gold that it cost, and is told.

use super::book::Reader;
use super::tainted::Group;
use super::undo::{Planner, SETTLED};
use super::{ENDS_GUILD, Ending, Left};
use crate::guild::{self, Guild};
use model::guild::{GuildName, LEADER};
use model::id::{CharacterId, OperationId};
use model::ledger::{Actor, Change, Entry, GoldAccount, GoldSide};
use model::transfer::RecordKey;
use std::collections::BTreeMap;

/// What operations did to guilds.
pub(super) type Deeds = BTreeMap<OperationId, Result<Ending, String>>;

/// Of those that are taken back; a restore leaves guilds as they are.
pub(super) fn deeds(reader: &Reader<'_>, groups: &[Group<'_>], is_restore: bool) -> Deeds {
    let own = groups.iter().filter(|group| !group.amends).map(|group| group.operation);
    let deeds = own.filter_map(|operation| Some((operation, deed(reader, operation)?)));
    // what was taken back before is not left
    let deeds = deeds.filter(|(operation, deed)| deed.is_ok() || !is_back(reader, *operation, groups));
    let stays = || Err("is a deed of a guild, which a restore leaves as it is".to_owned());
    deeds.map(|(operation, deed)| (operation, if is_restore { stays() } else { deed })).collect()
}

impl Planner<'_> {
    /// Guilds that end, and what stays of others.
    pub(super) fn guilds(&mut self) {
        for (operation, deed) in std::mem::take(&mut self.deeds) {
            let why = match deed {
                Ok(ending) if !self.is_settled && !self.is_closed(operation) => {
                    self.plan.endings.push(ending);
                    continue;
                }
                Ok(ending) => format!("founded guild {}, which {SETTLED}", ending.guild.0),
                Err(why) => why,
            };
            self.leave(Left { item: None, gold: None, why: format!("operation {:032x} {why}", operation.0) });
        }
    }

    /// The world's own account out of which it gives.
    pub(super) fn mint(&self) -> GoldAccount {
        let ends_guild = self.deeds.values().any(Result::is_ok) && !self.is_settled;
        GoldAccount::Mint(if ends_guild { ENDS_GUILD } else { self.target.reason() }.to_owned())
    }
}

/// What an operation did to a guild; `None` when nothing, `Err` says why it stays.
fn deed(reader: &Reader<'_>, operation: OperationId) -> Option<Result<Ending, String>> {
    let entries = reader.operation(operation);
    if entries.iter().any(ends_guild) {
        return Some(Err(
            "ended a guild, which is not founded anew: its gold stays with who founded it".to_owned()
        ));
    }
    let (entry, founder) = payer(entries)?;
    if entry.reason != guild::FOUND {
        let what = format!("is a deed of a guild ({}), and stays with what it cost", entry.reason);
        return Some(Err(what));
    }
    let ending = founded(reader, operation, founder);
    Some(ending.map_err(|why| format!("founded a guild, and stays: {why}")))
}

/// Who paid for what an operation did to a guild.
fn payer(entries: &[Entry]) -> Option<(&Entry, CharacterId)> {
    entries.iter().filter(|entry| guild::COSTS.contains(&entry.reason.as_str())).find_map(
        |entry| match &entry.change {
            Change::Gold { from: GoldSide { account: GoldAccount::Character(payer), .. }, .. } => {
                Some((entry, *payer))
            }
            _ => None,
        },
    )
}

/// True when one of these operations paid the founder back for the guild.
fn is_back(reader: &Reader<'_>, operation: OperationId, groups: &[Group<'_>]) -> bool {
    let Some((_, founder)) = payer(reader.operation(operation)) else { return false };
    let bank = reader.character(founder).map(|owner| GoldAccount::Cargo(owner.account));
    let amended = groups.iter().filter(|group| group.amends).flat_map(|group| group.entries.iter().copied());
    amended.filter(|entry| ends_guild(entry)).any(|entry| match &entry.change {
        Change::Gold { to, .. } => {
            to.account == GoldAccount::Character(founder) || Some(&to.account) == bank.as_ref()
        }
        Change::Item { .. } => false,
    })
}

/// True for what an undo paid for a guild that it ended.
fn ends_guild(entry: &Entry) -> bool {
    let Change::Gold { from, .. } = &entry.change else { return false };
    matches!(&entry.actor, Actor::Operator(_)) && from.account == GoldAccount::Mint(ENDS_GUILD.to_owned())
}

/// The guild that an operation founded, if it can end.
fn founded(reader: &Reader<'_>, operation: OperationId, founder: CharacterId) -> Result<Ending, String> {
    let owner = reader.character(founder);
    let household = owner.and_then(|owner| reader.account(owner.account));
    let hero = household.and_then(|household| household.of(founder));
    let (Some(owner), Some(hero)) = (owner, hero) else {
        return Err("its founder is not there any more".to_owned());
    };
    let id = model::GuildId(hero.hard.guild);
    if id.0 == 0 {
        return Err("found its founder in no guild, expected in the one that it founded".to_owned());
    }
    let held = reader.record(RecordKey::Guild(id)).ok_or("its record is not there")?;
    let body: Guild = guild::decode(&held.record.body).map_err(|failure| failure.to_string())?;
    let told = format!("guild {} {}", id.0, body.name);
    if body.founded_by.as_deref() != Some(&operation.to_string()) {
        return Err(format!("found its founder in {told}, which was not founded by this operation"));
    }
    if body.leader != founder || hero.hard.guild_rank != LEADER {
        return Err(format!("found character {} as the leader of {told}, expected its founder", body.leader));
    }
    if body.members != 1 {
        return Err(format!("found {} members in {told}, expected its founder alone", body.members));
    }
    let bank = reader.guild(id);
    let (gold, items) = bank.map_or((0, 0), |bank| (bank.gold, bank.items.iter().flatten().count()));
    if gold != 0 || items != 0 {
        return Err(format!("found {gold} gold and {items} items in the bank of {told}, expected nothing"));
    }
    let name = GuildName::new(&body.name).map_err(|error| error.to_string())?;
    let version = |key| {
        let held = reader.record(key);
        held.map(|held| held.record.version).ok_or(format!("a record of {told} is not there: see wydbr fsck"))
    };
    Ok(Ending {
        operation,
        guild: id,
        name: version(RecordKey::GuildName(name.number())).map(|version| (name, version))?,
        leader: (founder, version(RecordKey::GuildMember(founder))?),
        account: owner.account,
        version: held.record.version,
        body,
    })
}
