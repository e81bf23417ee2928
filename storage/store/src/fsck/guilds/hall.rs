//! One guild with all that names it, and what is wrong with that.

use super::Strays;
use crate::Store;
use crate::fsck::insist;
use crate::guild::{self, Counter, Guild, Member};
use model::calls::database::{Failure, GetRecord, HeldRecord, ListCharacters, ListRecords};
use model::calls::ledger::{Finding, Wrong};
use model::calls::records::RECORDS_MAX;
use model::guild::{GuildName, LEADER, Place, SUB_LEADER, is_rank};
use model::id::{AccountId, CharacterId, GuildId};
use model::transfer::{RecordKey, RecordKind};
use std::collections::{BTreeMap, BTreeSet};

/// What can be wrong: of the guild, or of one of its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Flaw {
    /// Something names a guild that is not there.
    NoGuild(Option<CharacterId>),
    /// A record cannot be read.
    Unreadable(Option<CharacterId>),
    /// A guild that has ended has members.
    Ended(Option<CharacterId>),
    /// It counts its members wrongly.
    Count,
    /// Not exactly one of its members leads.
    Leaders,
    /// Another one leads than it says.
    Leader,
    /// Two have the same rank of a sub-leader.
    SubLeaders(u8),
    /// Its name is not its own, or it has another one besides.
    Name,
    /// Its number is above the last one that was given.
    Number,
    /// A member has no such character.
    NoCharacter(CharacterId),
    /// A character is in the guild, and has no record as a member.
    NoRecord(CharacterId),
    /// A character has a record as a member, and is in no guild or in another one.
    Elsewhere(CharacterId),
    /// Record and row name different ranks, or a rank that is none.
    Rank(CharacterId),
    /// The record has another name or account than the row.
    Person(CharacterId),
}

/// A record as stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored<T> {
    /// `None` when it cannot be read.
    pub(crate) body: Option<T>,
    pub(crate) version: u64,
}

impl<T: serde::de::DeserializeOwned> Stored<T> {
    fn of(held: &HeldRecord) -> Self {
        Self { body: guild::decode(&held.record.body).ok(), version: held.record.version }
    }
}

/// A character as its row says.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) account: AccountId,
    pub(crate) name: String,
    pub(crate) place: Place,
}

/// A guild with all that names it.
#[derive(Clone, Debug)]
pub(crate) struct Hall {
    pub(crate) id: GuildId,
    /// Characters that were asked for besides its members.
    pub(crate) asked: Strays,
    pub(crate) guild: Option<Stored<Guild>>,
    /// Numbers of the names that it holds, with their versions.
    pub(crate) names: BTreeMap<u64, u64>,
    /// Another guild that holds its name.
    pub(crate) robber: Option<u64>,
    pub(crate) members: BTreeMap<CharacterId, Stored<Member>>,
    /// Rows of the members, and of others whose row says that they are.
    pub(crate) rows: BTreeMap<CharacterId, Row>,
    /// Of those others: who has a record as a member of another guild.
    pub(crate) enrolled_elsewhere: BTreeSet<CharacterId>,
    /// The number that was given last, with the version of its record; none is 0.
    pub(crate) last: Stored<GuildId>,
    /// What was wrong at each look.
    pub(crate) wrong: BTreeMap<Flaw, String>,
}

impl Hall {
    /// Reads it, with some characters whose rows may say that they are in it.
    pub(super) async fn read(store: &dyn Store, id: GuildId, asked: &Strays) -> Result<Self, Failure> {
        let guild = insist(|| store.get_record(guild::asks_for(id))).await?.map(|held| Stored::of(&held));
        let names = ListRecords {
            kind: RecordKind::GuildName,
            scope: Some(id.0.into()),
            home: None,
            after: 0,
            limit: RECORDS_MAX,
        };
        let names = insist(|| store.list_records(names)).await?;
        let enrolled = insist(|| store.list_records(guild::asks_for_members(id))).await?;
        let counter = insist(|| store.get_record(guild::asks_for(GuildId::COUNTER))).await?;
        let last = counter.map_or(Stored { body: Some(GuildId(0)), version: 0 }, |held| {
            let Stored { body, version } = Stored::<Counter>::of(&held);
            Stored { body: body.map(|counter| counter.last), version }
        });
        let members: BTreeMap<CharacterId, Stored<Member>> =
            enrolled.iter().map(|held| (CharacterId(held.record.key.number()), Stored::of(held))).collect();
        let mut hall = Self {
            id,
            asked: asked.clone(),
            guild,
            names: names.iter().map(|held| (held.record.key.number(), held.record.version)).collect(),
            robber: None,
            members,
            rows: BTreeMap::new(),
            enrolled_elsewhere: BTreeSet::new(),
            last,
            wrong: BTreeMap::new(),
        };
        hall.read_name(store).await?;
        hall.read_rows(store).await?;
        Ok(hall)
    }

    /// The guild's own name, as a number.
    pub(crate) fn own_name(&self) -> Option<GuildName> {
        let guild = self.guild.as_ref()?.body.as_ref()?;
        GuildName::new(&guild.name).ok()
    }

    async fn read_name(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let Some(name) = self.own_name().filter(|name| !self.names.contains_key(&name.number().0)) else {
            return Ok(());
        };
        let held = insist(|| store.get_record(guild::asks_for_name(&name))).await?;
        self.robber = held.map(|held| held.record.scope).filter(|scope| *scope != u64::from(self.id.0));
        Ok(())
    }

    async fn read_rows(&mut self, store: &dyn Store) -> Result<(), Failure> {
        let mut accounts: BTreeSet<AccountId> = self.asked.values().copied().collect();
        accounts.extend(self.members.values().filter_map(|stored| Some(stored.body.as_ref()?.account)));
        let wanted = |character: CharacterId| {
            self.members.contains_key(&character) || self.asked.contains_key(&character)
        };
        let mut rows = BTreeMap::new();
        for account in accounts {
            for found in insist(|| store.list_characters(ListCharacters { account })).await? {
                if wanted(found.id) {
                    let place = Place { guild: GuildId(found.hard.guild), rank: found.hard.guild_rank };
                    rows.insert(found.id, Row { account, name: found.name.as_str().to_owned(), place });
                }
            }
        }
        rows.retain(|character, row| self.members.contains_key(character) || row.place.guild == self.id);
        for character in rows.keys().filter(|character| !self.members.contains_key(character)) {
            let request = GetRecord { key: RecordKey::GuildMember(*character), home: None };
            if insist(|| store.get_record(request)).await?.is_some() {
                self.enrolled_elsewhere.insert(*character);
            }
        }
        self.rows = rows;
        Ok(())
    }

    /// What is wrong, each in a sentence.
    pub(crate) fn flaws(&self) -> BTreeMap<Flaw, String> {
        let mut found = BTreeMap::new();
        for character in self.members.keys().chain(self.rows.keys()) {
            if let Some((flaw, what)) = self.of_member(*character) {
                found.insert(flaw, what);
            }
        }
        match &self.guild {
            None if !self.names.is_empty() => {
                let what = format!("a name belongs to guild {}, which is not there", self.id.0);
                found.insert(Flaw::NoGuild(None), what);
            }
            None => {}
            Some(Stored { body: None, .. }) => {
                found.insert(
                    Flaw::Unreadable(None),
                    format!("the record of guild {} cannot be read", self.id.0),
                );
            }
            Some(Stored { body: Some(guild), .. }) => self.of_guild(guild, &mut found),
        }
        found
    }

    fn of_guild(&self, guild: &Guild, found: &mut BTreeMap<Flaw, String>) {
        let told = format!("guild {} {}", self.id.0, guild.name);
        if self.last.body.is_none_or(|last| last < self.id) {
            let last = self.last.body.map_or("cannot be read".to_owned(), |last| format!("is {}", last.0));
            found.insert(Flaw::Number, format!("{told} is there, and the number given last {last}"));
        }
        let count = self.members.len();
        if guild.members as usize != count {
            let what =
                format!("{told} says that it has {} members, and {count} have a record", guild.members);
            found.insert(Flaw::Count, what);
        }
        if guild.ended_ms.is_some() {
            if !self.names.is_empty() {
                found.insert(Flaw::Name, format!("{told} has ended, and a name still belongs to it"));
            }
            return;
        }
        self.of_ranks(guild, &told, found);
        let own = self.own_name().map(|name| name.number().0);
        if own.is_none() || self.names.keys().copied().ne(own) {
            let what = match (own, self.robber) {
                (None, _) => format!("{told} has a name that is none"),
                (_, Some(other)) => format!("the name of {told} belongs to guild {other}"),
                (Some(own), None) if self.names.contains_key(&own) => {
                    format!("{told} has other names besides")
                }
                _ => format!("the name of {told} belongs to nobody"),
            };
            found.insert(Flaw::Name, what);
        }
    }

    fn of_ranks(&self, guild: &Guild, told: &str, found: &mut BTreeMap<Flaw, String>) {
        let rank = |stored: &Stored<Member>| stored.body.as_ref().map(|member| member.rank);
        let with = |wanted: u8| {
            let all = self.members.iter().filter(move |(_, stored)| rank(stored) == Some(wanted));
            all.map(|(character, _)| *character).collect::<Vec<_>>()
        };
        match with(LEADER)[..] {
            [leader] if leader == guild.leader => {}
            [leader] => {
                let what = format!("{told} says that character {} leads it, and {leader} does", guild.leader);
                found.insert(Flaw::Leader, what);
            }
            ref leaders => {
                let what = format!("{told} has {} leaders, expected one", leaders.len());
                found.insert(Flaw::Leaders, what);
            }
        }
        for rank in SUB_LEADER..LEADER {
            let holders = with(rank).len();
            if holders > 1 {
                found.insert(
                    Flaw::SubLeaders(rank),
                    format!("{holders} of {told} have the rank {rank}, expected one"),
                );
            }
        }
    }

    fn of_member(&self, character: CharacterId) -> Option<(Flaw, String)> {
        let (id, row) = (self.id.0, self.rows.get(&character));
        let ended = match &self.guild {
            None => return Some(self.without_guild(character)),
            Some(stored) => stored.body.as_ref().is_some_and(|guild| guild.ended_ms.is_some()),
        };
        if ended && !self.enrolled_elsewhere.contains(&character) {
            let what = format!("is a member of guild {id}, which has ended");
            return Some((Flaw::Ended(Some(character)), what));
        }
        let Some(stored) = self.members.get(&character) else {
            // told of the guild that has the record
            let is_lost = !self.enrolled_elsewhere.contains(&character);
            let what = format!("is in guild {id} by its row, and has no record as its member");
            return is_lost.then_some((Flaw::NoRecord(character), what));
        };
        let Some(member) = &stored.body else {
            let what = format!("its record as a member of guild {id} cannot be read");
            return Some((Flaw::Unreadable(Some(character)), what));
        };
        let Some(row) = row else {
            let what = format!("{} is a member of guild {id}, and there is no such character", member.name);
            return Some((Flaw::NoCharacter(character), what));
        };
        let Place { guild: by_row, rank } = row.place;
        if by_row.0 != id {
            let there = if by_row.0 == 0 { "no guild".to_owned() } else { format!("guild {}", by_row.0) };
            let what = format!("has a record as a member of guild {id}, and is in {there} by its row");
            return Some((Flaw::Elsewhere(character), what));
        }
        if rank != member.rank || !is_rank(rank) {
            let what =
                format!("has the rank {rank} in guild {id} by its row, and {} by its record", member.rank);
            return Some((Flaw::Rank(character), what));
        }
        let (account, name) = (row.account, &row.name);
        ((account, name) != (member.account, &member.name)).then(|| {
            let what = format!(
                "its record in guild {id} says {} of account {}, its row {name} of account {account}",
                member.name, member.account
            );
            (Flaw::Person(character), what)
        })
    }

    fn without_guild(&self, character: CharacterId) -> (Flaw, String) {
        let by = if self.members.contains_key(&character) { "record" } else { "row" };
        let what = format!("its {by} says that it is in guild {}, which is not there", self.id.0);
        (Flaw::NoGuild(Some(character)), what)
    }

    /// What was wrong at each look, for the report.
    pub(in crate::fsck) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.wrong.iter().map(|(flaw, what)| {
            let character = flaw.character();
            let account = character.and_then(|character| {
                let member = || self.members.get(&character)?.body.as_ref().map(|member| member.account);
                self.rows.get(&character).map(|row| row.account).or_else(member)
            });
            let guild = Some(self.id);
            Finding { guild, character, account, ..Finding::new(Wrong::Guild, what.clone()) }
        })
    }
}

impl Flaw {
    fn character(self) -> Option<CharacterId> {
        match self {
            Self::NoGuild(character) | Self::Unreadable(character) | Self::Ended(character) => character,
            Self::NoCharacter(character)
            | Self::NoRecord(character)
            | Self::Elsewhere(character)
            | Self::Rank(character)
            | Self::Person(character) => Some(character),
            Self::Count | Self::Leaders | Self::Leader | Self::SubLeaders(_) | Self::Name | Self::Number => {
                None
            }
        }
    }
}
