//! `fsck` of guilds: whether the records of each agree with each other, and with the rows of its members.
//!
//! ```text
//!   records of members  --.  both by ascending character, a page at a time:
//!   characters in guilds --'  who is in only one of them, or in both with another place   --> a guild to look at
//!   records of guilds, of names: how many members, who leads, who has which name          --> a guild to look at
//!
//!   a guild to look at is read as a whole, again and again for ten seconds: what is wrong with it at each look is wrong,
//!   what is right at one of them was on its way from shard to shard
//! ```
//! Memory is bounded by the guilds, of which there are less than 65,536, not by their members.

mod hall;
mod mend;

pub(super) use hall::Hall;
pub(super) use mend::{Mender, mend};

use super::{PAUSE, insist};
use crate::Store;
use crate::guild::{self, Guild, Member};

use model::calls::database::{Belonging, Failure, HeldRecord, ListBelonging, ListRecords};
use model::calls::ledger::FINDINGS_MAX;
use model::calls::records::RECORDS_MAX;
use model::guild::{GuildName, LEADER, Place, SUB_LEADER};
use model::id::{AccountId, CharacterId, GuildId};
use model::transfer::{RecordKey, RecordKind};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

/// Guilds with what is wrong with them, and how many guilds there are.
pub(super) async fn examine(store: &dyn Store, until: Instant) -> Result<(Vec<Hall>, u64), Failure> {
    let mut survey = Survey::default();
    survey.members(store).await?;
    survey.guilds(store).await?;
    survey.names(store).await?;
    survey.compare();
    let Survey { suspects, guilds, .. } = survey;
    let count = guilds.len() as u64;
    let mut halls = Vec::new();
    for (id, strays) in suspects {
        let hall = Hall::read(store, id, &strays).await?;
        let flaws = hall.flaws();
        if !flaws.is_empty() {
            halls.push((hall, flaws));
        }
    }
    while !halls.is_empty() && Instant::now() < until {
        tokio::time::sleep(PAUSE).await;
        for (hall, flaws) in &mut halls {
            let again = Hall::read(store, hall.id, &hall.asked).await?;
            let now = again.flaws();
            flaws.retain(|flaw, _| now.contains_key(flaw));
            // as it is now, in words of now
            for (flaw, told) in flaws.iter_mut() {
                told.clone_from(&now[flaw]);
            }
            *hall = again;
        }
        halls.retain(|(_, flaws)| !flaws.is_empty());
    }
    let halls = halls.into_iter().map(|(hall, flaws)| Hall { wrong: flaws, ..hall }).collect();
    Ok((halls, count))
}

/// Characters to look at with a guild, with their accounts.
type Strays = BTreeMap<CharacterId, AccountId>;

/// What the members of a guild come to.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    members: u32,
    leaders: u32,
    leader: Option<CharacterId>,
    /// Ranks of sub-leaders that somebody has.
    held: u16,
}

/// All guilds, in short.
#[derive(Default)]
struct Survey {
    sums: BTreeMap<GuildId, Sum>,
    /// What the records of guilds say; `None` where it cannot be read.
    guilds: BTreeMap<GuildId, Option<Guild>>,
    /// By whom names are held.
    names: BTreeMap<GuildId, Vec<u64>>,
    last: Option<GuildId>,
    suspects: BTreeMap<GuildId, Strays>,
    strays: usize,
}

impl Survey {
    fn suspect(&mut self, guild: GuildId, stray: Option<(CharacterId, AccountId)>) {
        let strays = self.suspects.entry(guild).or_default();
        // more than can be told need not be remembered
        if let Some((character, account)) = stray.filter(|_| self.strays < FINDINGS_MAX) {
            self.strays += usize::from(strays.insert(character, account).is_none());
        }
    }

    async fn members(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let mut records = Records::of(RecordKind::GuildMember);
        let mut rows = Rows::default();
        let (mut record, mut row) = (records.next(store).await?, rows.next(store).await?);
        loop {
            let order = match (&record, &row) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(held), Some(row)) => held.record.key.number().cmp(&row.character.0),
            };
            let (left, right) = match order {
                Ordering::Less => (record.take(), None),
                Ordering::Greater => (None, row.take()),
                Ordering::Equal => (record.take(), row.take()),
            };
            self.member(left.as_ref(), right.as_ref());
            if left.is_some() {
                record = records.next(store).await?;
            }
            if right.is_some() {
                row = rows.next(store).await?;
            }
        }
    }

    /// The record of a member, its row, or both.
    fn member(&mut self, held: Option<&HeldRecord>, row: Option<&Belonging>) {
        let told = held.map(|held| {
            let member = guild::decode::<Member>(&held.record.body).ok();
            (GuildId(u16::try_from(held.record.scope).unwrap_or(0)), member)
        });
        if let (Some((guild, member)), Some(held)) = (&told, held) {
            let sum = self.sums.entry(*guild).or_default();
            sum.members += 1;
            let rank = member.as_ref().map(|member| member.rank);
            if rank == Some(LEADER) {
                sum.leaders += 1;
                sum.leader = Some(CharacterId(held.record.key.number()));
            }
            let bit = rank.filter(|rank| (SUB_LEADER..LEADER).contains(rank)).map_or(0, |rank| 1 << rank);
            if sum.held & bit != 0 {
                self.suspects.entry(*guild).or_default();
            }
            if let Some(sum) = self.sums.get_mut(guild) {
                sum.held |= bit;
            }
        }
        let agree = match (&told, row) {
            (Some((guild, Some(member))), Some(row)) => {
                row.place == Place { guild: *guild, rank: member.rank }
                    && (row.account, &row.name) == (member.account, &member.name)
            }
            _ => false,
        };
        if !agree {
            let stray = row.map(|row| (row.character, row.account));
            for guild in told.iter().map(|(guild, _)| *guild).chain(row.map(|row| row.place.guild)) {
                self.suspect(guild, stray);
            }
        }
    }

    async fn guilds(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let mut records = Records::of(RecordKind::Guild);
        while let Some(held) = records.next(store).await? {
            let RecordKey::Guild(id) = held.record.key else { continue };
            if id == GuildId::COUNTER {
                self.last =
                    guild::decode::<guild::Counter>(&held.record.body).ok().map(|counter| counter.last);
            } else {
                self.guilds.insert(id, guild::decode(&held.record.body).ok());
            }
        }
        Ok(())
    }

    async fn names(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let mut records = Records::of(RecordKind::GuildName);
        while let Some(held) = records.next(store).await? {
            let guild = GuildId(u16::try_from(held.record.scope).unwrap_or(0));
            self.names.entry(guild).or_default().push(held.record.key.number());
        }
        Ok(())
    }

    /// Guilds of which the sums do not agree with what they say.
    fn compare(&mut self) {
        let all: BTreeSet<GuildId> =
            self.guilds.keys().chain(self.sums.keys()).chain(self.names.keys()).copied().collect();
        for id in all {
            let Sum { members, leaders, leader, .. } = self.sums.get(&id).copied().unwrap_or_default();
            let names = self.names.get(&id).map(Vec::as_slice).unwrap_or_default();
            let is_whole = match self.guilds.get(&id) {
                Some(Some(guild)) if guild.ended_ms.is_some() => {
                    guild.members == 0 && members == 0 && names.is_empty()
                }
                Some(Some(guild)) => {
                    let own = GuildName::new(&guild.name).map(|name| name.number().0);
                    guild.members == members
                        && leaders == 1
                        && leader == Some(guild.leader)
                        && own.is_ok_and(|own| names == [own])
                }
                _ => false,
            };
            if !is_whole {
                self.suspect(id, None);
            }
        }
        // one is enough to tell that numbers are given twice
        let highest = self.guilds.keys().next_back().copied();
        if let Some(highest) = highest.filter(|highest| self.last.is_none_or(|last| last < *highest)) {
            self.suspect(highest, None);
        }
    }
}

/// All records of a kind, by their numbers.
struct Records {
    kind: RecordKind,
    page: VecDeque<HeldRecord>,
    after: Option<u64>,
}

impl Records {
    fn of(kind: RecordKind) -> Self {
        Self { kind, page: VecDeque::new(), after: Some(0) }
    }

    async fn next(&mut self, store: &dyn Store) -> Result<Option<HeldRecord>, Failure> {
        if let Some(after) = self.after.filter(|_| self.page.is_empty()) {
            let (kind, limit) = (self.kind, RECORDS_MAX);
            let request = ListRecords { kind, scope: None, home: None, after, limit };
            self.page = insist(|| store.list_records(request)).await?.into();
            let is_full = self.page.len() >= limit as usize;
            self.after = self.page.back().filter(|_| is_full).map(|held| held.record.key.number());
        }
        Ok(self.page.pop_front())
    }
}

/// All characters that are in guilds, by their ids.
struct Rows {
    page: VecDeque<Belonging>,
    after: Option<CharacterId>,
}

impl Default for Rows {
    fn default() -> Self {
        Self { page: VecDeque::new(), after: Some(CharacterId(0)) }
    }
}

impl Rows {
    async fn next(&mut self, store: &dyn Store) -> Result<Option<Belonging>, Failure> {
        if let Some(after) = self.after.filter(|_| self.page.is_empty()) {
            let request = ListBelonging { after, limit: ROWS };
            self.page = insist(|| store.list_belonging(request)).await?.into();
            let is_full = self.page.len() >= ROWS as usize;
            self.after = self.page.back().filter(|_| is_full).map(|row| row.character);
        }
        Ok(self.page.pop_front())
    }
}

/// Rows of a page.
const ROWS: u32 = 2_000;
