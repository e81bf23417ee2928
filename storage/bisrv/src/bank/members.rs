//! The members of guilds: founding, joining, ranks, leaving, the end.
//!
//! Each deed is one transfer: the records of the guild, guild and rank of every character concerned, and the gold that
//! it costs. So no crash leaves a guild without its leader, gold without a guild, or a member that only one side knows.
//! Two deeds of one guild are one after the other, since each changes the guild's record; who comes second composes anew.

use super::cargo::once;
use crate::Settings;
use crate::derive;
use crate::desk::{Desk, No, Once, Settled, TURNS, meanwhile, refused};
use crate::herald::Herald;
use crate::places;
use model::calls::bank::{BankRefusal, GuildManaged, ManageGuild, Reply};
use model::calls::database::{Failure, FindCharacter, ListCharacters, LoadGuildBank};
use model::event::{Notice, NoticeKey};
use model::guild::{
    CAPTAIN, GuildDeed, GuildLine, GuildName, Joiner, LEADER, MEMBER, Place, SUB_LEADER, commands, is_rank,
};
use model::ledger::GoldAccount;
use model::social::KINGDOMS;
use model::transfer::{Fence, GoldLocation, RecordChange, RecordKey, Standing, Transfer};
use model::{AccountId, CharacterId, GuildId, OperationId};
use store::guild::{self, Counter, Enrolled, Guild, Member};

/// Members that one transfer sends away when a guild ends.
const AT_ONCE: usize = 30;

/// One request.
pub(super) struct Manage<'a> {
    pub(super) desk: &'a Desk<'a>,
    pub(super) settings: &'a Settings,
    pub(super) herald: &'a Herald,
    pub(super) asked: &'a ManageGuild,
    pub(super) now_ms: i64,
}

/// A guild as it is stored, with the version of its record.
struct Stored {
    guild: Guild,
    version: u64,
}

/// Who besides the player is told, and what.
struct Told {
    guild: GuildId,
    others: Vec<CharacterId>,
    line: GuildLine,
    words: Vec<String>,
}

fn no(line: GuildLine) -> No {
    BankRefusal::Guild(line, Vec::new()).into()
}

/// Guild and rank of a character as stored; `None` when there is no such character.
pub(super) async fn place_of(
    desk: &Desk<'_>,
    account: AccountId,
    character: CharacterId,
) -> Result<Option<Place>, No> {
    let all = desk.ask(|| desk.store.list_characters(ListCharacters { account })).await?;
    let found = all.into_iter().find(|one| one.id == character);
    Ok(found.map(|one| Place { guild: GuildId(one.hard.guild), rank: one.hard.guild_rank }))
}

impl Manage<'_> {
    /// Does it, once.
    pub(super) async fn run(&self) -> Result<Reply, No> {
        let (own, name) = (self.asked.place, self.asked.name.to_string());
        let founds = matches!(self.asked.deed, GuildDeed::Found(_));
        if !founds && own.guild.0 == 0 {
            return Err(BankRefusal::BadRequest("not a member of a guild".to_owned()).into());
        }
        let (settled, line, words) = match &self.asked.deed {
            GuildDeed::Found(guild) => {
                (self.found(guild).await?, GuildLine::Founded, vec![guild.to_string()])
            }
            GuildDeed::Admit(joiner) => {
                (self.admit(joiner).await?, GuildLine::Joined, vec![joiner.name.to_string()])
            }
            GuildDeed::Leave => (self.leave().await?, GuildLine::LeftBy, vec![name]),
            GuildDeed::Expel { name } => (self.expel(name).await?, GuildLine::Expelled, vec![name.clone()]),
            GuildDeed::Rank { name, rank } => {
                (self.rank(name, *rank).await?, GuildLine::Ranked, vec![name.clone(), rank.to_string()])
            }
            GuildDeed::Lead { name } => (self.lead(name).await?, GuildLine::Leads, vec![name.clone()]),
            GuildDeed::Disband => (self.disband().await?, GuildLine::Disbanded, Vec::new()),
        };
        let fence = self.asked.order.fence;
        let carried = settled.transferred().balance(&GoldAccount::Character(fence.character));
        let (place, others) = match settled {
            Settled::Now(_, (place, others)) => (place, others),
            // an earlier try did it, and may have told nobody
            Settled::Before(_) => {
                let place = place_of(self.desk, fence.account, fence.character).await?;
                (place.ok_or(BankRefusal::Stale)?, self.others_named().await?)
            }
        };
        let guild = if founds { place.guild } else { own.guild };
        self.tell(Told { guild, others, line, words });
        Ok(Reply::GuildManaged(GuildManaged { place, carried }))
    }

    fn tell(&self, told: Told) {
        let Told { guild, others, line, words } = told;
        let notice = Notice::Catalogue { key: NoticeKey::Guild(line), arguments: words };
        self.herald.guild_changed(guild, (others, self.fence().character), notice);
    }

    /// The one whom the deed names.
    async fn others_named(&self) -> Result<Vec<CharacterId>, No> {
        let name = match &self.asked.deed {
            GuildDeed::Admit(joiner) => return Ok(vec![joiner.character]),
            GuildDeed::Expel { name } | GuildDeed::Rank { name, .. } | GuildDeed::Lead { name } => name,
            GuildDeed::Found(_) | GuildDeed::Leave | GuildDeed::Disband => return Ok(Vec::new()),
        };
        let key = name.to_ascii_lowercase();
        let found =
            self.desk.ask(|| self.desk.store.find_character(FindCharacter { key: key.clone() })).await?;
        Ok(found.map(|found| found.character).into_iter().collect())
    }

    fn once(&self) -> Once {
        once(self.asked.order, TURNS)
    }

    fn fence(&self) -> Fence {
        self.asked.order.fence
    }

    /// The player's own place goes on as the node knows it, or becomes another one.
    fn own(&self, after: Place) -> Standing {
        Standing { after, ..Standing::holds(self.fence(), self.asked.place) }
    }

    fn pays(&self, transfer: &mut Transfer, cost: i64) {
        if cost > 0 {
            let account = GoldAccount::Burn(transfer.reason.clone());
            let to = GoldLocation { home: self.fence().account, account };
            transfer.moves.push(places::pays(cost, places::purse(self.fence()), to));
        }
    }

    async fn check_gold(&self, cost: i64) -> Result<(), No> {
        let fence = self.fence();
        let account = fence.account;
        let all = self.desk.ask(|| self.desk.store.list_characters(ListCharacters { account })).await?;
        match all.iter().find(|one| one.id == fence.character) {
            Some(own) if own.hard.gold < cost => {
                Err(BankRefusal::Guild(GuildLine::CostMissing, vec![cost.to_string()]).into())
            }
            Some(_) => Ok(()),
            None => Err(BankRefusal::Stale.into()),
        }
    }

    async fn stored(&self, id: GuildId) -> Result<Stored, No> {
        let held = self.desk.ask(|| self.desk.store.get_record(guild::asks_for(id))).await?;
        let held = held.ok_or(BankRefusal::GuildChanged)?;
        let (guild, version) = (guild::decode::<Guild>(&held.record.body)?, held.record.version);
        match guild.ended_ms {
            None => Ok(Stored { guild, version }),
            Some(_) => Err(BankRefusal::GuildChanged.into()),
        }
    }

    async fn roll(&self, id: GuildId) -> Result<Vec<Enrolled>, No> {
        let held = self.desk.ask(|| self.desk.store.list_records(guild::asks_for_members(id))).await?;
        Ok(guild::roll(&held)?)
    }

    async fn member(&self, name: &str) -> Result<Enrolled, No> {
        let all = self.roll(self.asked.place.guild).await?;
        let found = all.into_iter().find(|one| one.member.name.eq_ignore_ascii_case(name));
        found.ok_or_else(|| BankRefusal::Guild(GuildLine::NoSuchMember, vec![short(name)]).into())
    }

    /// The own record as a member.
    async fn own_record(&self) -> Result<Enrolled, No> {
        let all = self.roll(self.asked.place.guild).await?;
        let own = all.into_iter().find(|one| one.character == self.fence().character);
        Ok(own.ok_or(BankRefusal::GuildChanged)?)
    }

    /// The guild's record, changed.
    fn change(&self, id: GuildId, guild: &Guild, version: u64) -> Result<RecordChange, Failure> {
        Ok(RecordChange::Put { record: guild::guild_record(id, guild)?, expected: version })
    }

    async fn found(&self, name: &GuildName) -> Result<Settled<(Place, Vec<CharacterId>)>, No> {
        let once = self.once();
        self.desk
            .settle(&once, |operation| {
                let transfer = once.transfer(operation, guild::FOUND);
                self.founding(name, transfer)
            })
            .await
    }

    async fn founding(
        &self,
        name: &GuildName,
        mut transfer: Transfer,
    ) -> Result<(Transfer, (Place, Vec<CharacterId>)), No> {
        let (asked, fence) = (self.asked, self.fence());
        if asked.place.guild.0 != 0 {
            return Err(no(GuildLine::InOne));
        }
        if self.settings.guild_needs_kingdom && !KINGDOMS.contains(&asked.clan) {
            return Err(no(GuildLine::KingdomNeeded));
        }
        self.check_gold(self.settings.guild_cost).await?;
        if self.desk.ask(|| self.desk.store.get_record(guild::asks_for_name(name))).await?.is_some() {
            return Err(no(GuildLine::NameTaken));
        }
        let counter = self.desk.ask(|| self.desk.store.get_record(guild::asks_for(GuildId::COUNTER))).await?;
        let (last, given) = match counter {
            Some(held) => (guild::decode::<Counter>(&held.record.body)?.last, held.record.version),
            None => (GuildId(0), 0),
        };
        let id =
            GuildId::after(last, self.settings.guild_channel).ok_or_else(|| no(GuildLine::NoNumberLeft))?;
        let place = Place { guild: id, rank: LEADER };
        let body = Guild {
            name: name.to_string(),
            kingdom: asked.clan,
            leader: fence.character,
            members: 1,
            founded_ms: self.now_ms,
            ended_ms: None,
            founded_by: Some(transfer.operation.to_string()),
        };
        let leader = self.enrol(asked.name.as_str(), fence.account, LEADER);
        let counter = guild::guild_record(GuildId::COUNTER, &Counter { last: id })?;
        self.pays(&mut transfer, self.settings.guild_cost);
        transfer.standings.push(self.own(place));
        transfer.records = vec![
            RecordChange::Put { record: counter, expected: given },
            self.change(id, &body, 0)?,
            RecordChange::Put { record: guild::name_record(name, id)?, expected: 0 },
            RecordChange::Put { record: guild::member_record(id, fence.character, &leader)?, expected: 0 },
        ];
        Ok((transfer, (place, Vec::new())))
    }

    fn enrol(&self, name: &str, account: AccountId, rank: u8) -> Member {
        Member { name: name.to_owned(), account, rank, since_ms: self.now_ms, seen_ms: None }
    }

    async fn admit(&self, joiner: &Joiner) -> Result<Settled<(Place, Vec<CharacterId>)>, No> {
        let once = self.once();
        self.desk
            .settle(&once, |operation| {
                let transfer = once.transfer(operation, guild::JOIN);
                self.admitting(joiner, transfer)
            })
            .await
    }

    async fn admitting(
        &self,
        joiner: &Joiner,
        mut transfer: Transfer,
    ) -> Result<(Transfer, (Place, Vec<CharacterId>)), No> {
        let own = self.asked.place;
        if own.rank < SUB_LEADER {
            return Err(BankRefusal::RankTooLow.into());
        }
        let Stored { guild: mut body, version } = self.stored(own.guild).await?;
        if body.members >= self.settings.guild_members_max {
            return Err(no(GuildLine::Full));
        }
        if KINGDOMS.contains(&body.kingdom) && body.kingdom != joiner.clan {
            return Err(no(GuildLine::OtherKingdom));
        }
        match place_of(self.desk, joiner.account, joiner.character).await? {
            None => return Err(BankRefusal::NoSuchCharacter.into()),
            Some(place) if place.guild.0 != 0 => return Err(no(GuildLine::OtherInOne)),
            Some(_) => {}
        }
        self.check_gold(self.settings.guild_member_cost).await?;
        body.members += 1;
        let member = self.enrol(joiner.name.as_str(), joiner.account, MEMBER);
        self.pays(&mut transfer, self.settings.guild_member_cost);
        let (account, character) = (joiner.account, joiner.character);
        let after = Place { guild: own.guild, rank: MEMBER };
        transfer.standings = vec![self.own(own), Standing { account, character, before: Place::NONE, after }];
        transfer.records = vec![
            self.change(own.guild, &body, version)?,
            RecordChange::Put { record: guild::member_record(own.guild, character, &member)?, expected: 0 },
        ];
        Ok((transfer, (own, vec![character])))
    }

    async fn leave(&self) -> Result<Settled<(Place, Vec<CharacterId>)>, No> {
        let once = self.once();
        self.desk
            .settle(&once, |operation| {
                let mut transfer = once.transfer(operation, "guild-leave");
                async move {
                    let own = self.asked.place;
                    if own.rank >= LEADER {
                        return Err(no(GuildLine::LeaderStays));
                    }
                    let stored = self.stored(own.guild).await?;
                    let leaves = self.own_record().await?;
                    transfer.standings.push(self.own(Place::NONE));
                    transfer.records = self.without(stored, &[leaves])?;
                    Ok((transfer, (Place::NONE, Vec::new())))
                }
            })
            .await
    }

    /// The guild without some of its members.
    fn without(&self, stored: Stored, gone: &[Enrolled]) -> Result<Vec<RecordChange>, Failure> {
        let (id, Stored { guild: mut body, version }) = (self.asked.place.guild, stored);
        body.members = body.members.saturating_sub(u32::try_from(gone.len()).unwrap_or(u32::MAX));
        let removed = gone.iter().map(|one| RecordChange::Remove {
            key: RecordKey::GuildMember(one.character),
            home: id.home(),
            expected: one.version,
        });
        Ok(std::iter::once(self.change(id, &body, version)?).chain(removed).collect())
    }

    fn standing(&self, of: &Enrolled, after: Place) -> Standing {
        let before = of.place(self.asked.place.guild);
        Standing { account: of.member.account, character: of.character, before, after }
    }

    async fn expel(&self, name: &str) -> Result<Settled<(Place, Vec<CharacterId>)>, No> {
        let once = self.once();
        self.desk
            .settle(&once, |operation| {
                let mut transfer = once.transfer(operation, "guild-expel");
                async move {
                    let own = self.asked.place;
                    let stored = self.stored(own.guild).await?;
                    let found = self.below(name).await?;
                    transfer.standings = vec![self.own(own), self.standing(&found, Place::NONE)];
                    let others = vec![found.character];
                    transfer.records = self.without(stored, &[found])?;
                    Ok((transfer, (own, others)))
                }
            })
            .await
    }

    /// A member over whom the player's rank commands.
    async fn below(&self, name: &str) -> Result<Enrolled, No> {
        let found = self.member(name).await?;
        if found.character == self.fence().character {
            return Err(no(GuildLine::Oneself));
        }
        match commands(self.asked.place.rank, found.member.rank) {
            true => Ok(found),
            false => Err(BankRefusal::RankTooLow.into()),
        }
    }

    async fn rank(&self, name: &str, rank: u8) -> Result<Settled<(Place, Vec<CharacterId>)>, No> {
        let once = self.once();
        self.desk
            .settle(&once, |operation| {
                let transfer = once.transfer(operation, guild::RANK);
                self.ranking(name, rank, transfer)
            })
            .await
    }

    async fn ranking(
        &self,
        name: &str,
        rank: u8,
        mut transfer: Transfer,
    ) -> Result<(Transfer, (Place, Vec<CharacterId>)), No> {
        let own = self.asked.place;
        if !is_rank(rank) || rank >= LEADER {
            return Err(no(GuildLine::BadRank));
        }
        if rank >= own.rank {
            return Err(BankRefusal::RankTooLow.into());
        }
        let Stored { guild: body, version } = self.stored(own.guild).await?;
        let found = self.below(name).await?;
        let all = self.roll(own.guild).await?;
        let held = all.iter().any(|one| one.member.rank == rank && one.character != found.character);
        if rank >= SUB_LEADER && held {
            return Err(no(GuildLine::RankHeld));
        }
        if rank >= SUB_LEADER && found.member.rank < SUB_LEADER {
            self.check_gold(self.settings.guild_sub_leader_cost).await?;
            self.pays(&mut transfer, self.settings.guild_sub_leader_cost);
        }
        let after = Place { guild: own.guild, rank };
        transfer.standings = vec![self.own(own), self.standing(&found, after)];
        transfer.records = vec![self.change(own.guild, &body, version)?, self.promoted(&found, rank)?];
        Ok((transfer, (own, vec![found.character])))
    }

    /// The record of a member with another rank.
    fn promoted(&self, of: &Enrolled, rank: u8) -> Result<RecordChange, Failure> {
        let member = Member { rank, ..of.member.clone() };
        let record = guild::member_record(self.asked.place.guild, of.character, &member)?;
        Ok(RecordChange::Put { record, expected: of.version })
    }

    async fn lead(&self, name: &str) -> Result<Settled<(Place, Vec<CharacterId>)>, No> {
        let once = self.once();
        self.desk
            .settle(&once, |operation| {
                let mut transfer = once.transfer(operation, "guild-lead");
                async move {
                    let own = self.asked.place;
                    if own.rank < LEADER {
                        return Err(BankRefusal::RankTooLow.into());
                    }
                    let Stored { guild: mut body, version } = self.stored(own.guild).await?;
                    let (found, before) = (self.below(name).await?, self.own_record().await?);
                    body.leader = found.character;
                    let [leads, follows] = [LEADER, CAPTAIN].map(|rank| Place { guild: own.guild, rank });
                    transfer.standings = vec![self.own(follows), self.standing(&found, leads)];
                    transfer.records = vec![
                        self.change(own.guild, &body, version)?,
                        self.promoted(&before, CAPTAIN)?,
                        self.promoted(&found, LEADER)?,
                    ];
                    Ok((transfer, (follows, vec![found.character])))
                }
            })
            .await
    }

    /// First the others go, some at a time; what is left after a crash is a guild with fewer members.
    async fn disband(&self) -> Result<Settled<(Place, Vec<CharacterId>)>, No> {
        let (once, own) = (self.once(), self.asked.place);
        let gone =
            if once.again { self.empty(&once).await.or_else(passed)? } else { self.empty(&once).await? };
        let gone = &gone;
        self.desk
            .settle(&once, |operation| {
                let mut transfer = once.transfer(operation, "guild-end");
                async move {
                    self.check_bank().await?;
                    let Stored { guild: mut body, version } = self.stored(own.guild).await?;
                    let leaves = self.own_record().await?;
                    let name =
                        GuildName::new(&body.name).map_err(|error| Failure::Corrupt(error.to_string()))?;
                    let held =
                        self.desk.ask(|| self.desk.store.get_record(guild::asks_for_name(&name))).await?;
                    let held =
                        held.ok_or_else(|| Failure::Corrupt(format!("the name {name} of a guild is free")))?;
                    (body.members, body.ended_ms) = (0, Some(self.now_ms));
                    transfer.standings.push(self.own(Place::NONE));
                    let (key, home) = (RecordKey::GuildMember(leaves.character), own.guild.home());
                    transfer.records = vec![
                        self.change(own.guild, &body, version)?,
                        RecordChange::Remove { key, home, expected: leaves.version },
                        RecordChange::Remove {
                            key: held.record.key,
                            home: held.record.home,
                            expected: held.record.version,
                        },
                    ];
                    Ok((transfer, (Place::NONE, gone.clone())))
                }
            })
            .await
    }

    async fn check_bank(&self) -> Result<(), No> {
        let own = self.asked.place;
        if own.rank < LEADER {
            return Err(BankRefusal::RankTooLow.into());
        }
        let guild = own.guild;
        let bank = self.desk.ask(|| self.desk.store.load_guild_bank(LoadGuildBank { guild })).await?;
        match bank.gold == 0 && bank.items.iter().all(Option::is_none) {
            true => Ok(()),
            false => Err(no(GuildLine::BankNotEmpty)),
        }
    }

    /// Sends everybody away but the leader; who that was. Each step is named by the state that it begins from, so
    /// that a repeat does the rest.
    async fn empty(&self, once: &Once) -> Result<Vec<CharacterId>, No> {
        let own = self.asked.place;
        let mut gone = Vec::new();
        let mut tries = 0;
        loop {
            self.check_bank().await?;
            let stored = self.stored(own.guild).await?;
            let leader = self.fence().character;
            let mut others = self.roll(own.guild).await?;
            others.retain(|one| one.character != leader);
            others.truncate(AT_ONCE);
            if others.is_empty() {
                return Ok(gone);
            }
            let mut transfer = once.transfer(step(once.operation, stored.version), "guild-end");
            transfer.standings.push(self.own(own));
            transfer.standings.extend(others.iter().map(|one| self.standing(one, Place::NONE)));
            transfer.records = self.without(stored, &others)?;
            match self.desk.transfer(&transfer).await? {
                Ok(_) => gone.extend(others.iter().map(|one| one.character)),
                Err(refusal) if meanwhile(&refusal, &once.fences) && tries < TURNS => tries += 1,
                Err(refusal) => return Err(refused(refusal).into()),
            }
        }
    }
}

/// A repeat finds the guild ended by an earlier try: the operation itself knows.
fn passed(no: No) -> Result<Vec<CharacterId>, No> {
    match no {
        No::Refused(BankRefusal::GuildChanged) => Ok(Vec::new()),
        other => Err(other),
    }
}

fn step(of: OperationId, version: u64) -> OperationId {
    derive::operation("guild-end", &[&of.0.to_le_bytes(), &version.to_le_bytes()])
}

fn short(name: &str) -> String {
    name.chars().take(15).collect()
}
