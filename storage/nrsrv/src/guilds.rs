//! Guilds as the directory sees them: who is asked to join, the roster, and whose node has to look again.
//!
//! What a guild is stands in the store; BISrv changes it. A node knows guild and rank of the characters that it loaded,
//! and is told to look again when somebody else changed them. Should nobody have told it (BISrv or a node died in between),
//! the directory finds out: again and again it compares what nodes say of their players with what is stored.

use crate::directory::{Directory, Entry};
use crate::registry::{Answer, Registry};
use crate::retry::retry;
use crate::social::find;
use model::calls::database::{Failure, ListCharacters};
use model::calls::registry::{Reply, ToEdge};
use model::event::{Notice, NoticeKey};
use model::guild::{GuildAsk, GuildLine, Joiner, ROSTER_LINES, Roster, RosterLine, SUB_LEADER};
use model::ledger::Actor;
use model::social::{Member, SocialRefusal, Whom};
use model::transfer::{RecordChange, Transfer};
use model::{AccountId, CharacterId, GuildId, OperationId, SessionId};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use store::guild::{self, Enrolled, Guild};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// How often it is written down who left.
const DEPARTED_EVERY: Duration = Duration::from_secs(1);
/// How often what nodes know is compared with what is stored.
const COMPARE_EVERY: Duration = Duration::from_secs(20);
/// How long the levels of those who are away may take.
const LEVELS_WITHIN: Duration = Duration::from_secs(1);
/// Tries to write down when somebody left, when others change the same.
const SEEN_TRIES: u32 = 3;

fn notice(line: GuildLine, words: impl IntoIterator<Item = String>) -> Notice {
    Notice::Catalogue { key: NoticeKey::Guild(line), arguments: words.into_iter().collect() }
}

fn says(line: GuildLine, word: &str) -> Result<Notice, SocialRefusal> {
    Ok(notice(line, [word.to_owned()]))
}

fn plain(key: NoticeKey) -> Result<Notice, SocialRefusal> {
    Ok(Notice::Catalogue { key, arguments: Vec::new() })
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

impl Registry {
    pub(crate) async fn guild(&self, session: SessionId, ask: GuildAsk) -> Answer {
        let own = self.directory.lock().get(session).and_then(Entry::member);
        let Some(own) = own else { return Ok(Reply::NoSuchSession) };
        Ok(Reply::Guild(match ask {
            GuildAsk::Invite(whom) => self.invite_to_guild(&own, &whom).await?,
            GuildAsk::Accept => self.accept_guild(&own),
            GuildAsk::Refuse => self.refuse_guild(&own),
        }))
    }

    async fn invite_to_guild(
        &self,
        own: &Member,
        whom: &Whom,
    ) -> Result<Result<Notice, SocialRefusal>, Failure> {
        if own.persona.guild == 0 {
            return Ok(Err(SocialRefusal::NoGuild));
        }
        if own.persona.guild_rank < SUB_LEADER {
            return Ok(plain(NoticeKey::GuildRankTooLow));
        }
        let guild = self.stored_guild(GuildId(own.persona.guild)).await?;
        let name = guild.map_or_else(String::new, |guild| guild.name);
        let mut directory = self.directory.lock();
        let Some(target) = find(&directory, whom) else { return Ok(Err(SocialRefusal::NotConnected)) };
        let (session, edge) = (target.record.session, target.record.edge.clone());
        let Some(target) = target.member() else { return Ok(Err(SocialRefusal::NotConnected)) };
        let word = target.name.as_str();
        if target.character == own.character {
            return Ok(says(GuildLine::Oneself, word));
        }
        if target.persona.guild != 0 {
            return Ok(says(GuildLine::OtherInOne, word));
        }
        directory.ask_to_guild(target.character, own.character);
        let asks = notice(GuildLine::Invited, [own.name.to_string(), name]);
        Ok(match directory.push(&edge, &ToEdge::Tell { session, notice: asks }) {
            true => says(GuildLine::Asked, word),
            false => Err(SocialRefusal::NotConnected),
        })
    }

    /// Who agreed is brought to the node of who asked: that one pays, and takes it in.
    fn accept_guild(&self, own: &Member) -> Result<Notice, SocialRefusal> {
        let mut directory = self.directory.lock();
        if own.persona.guild != 0 {
            return says(GuildLine::InOne, "");
        }
        let Some(by) = directory.asked_to_guild(own.character) else { return says(GuildLine::NotAsked, "") };
        let asks = directory.playing_id(by).ok_or(SocialRefusal::NotConnected)?;
        let (session, edge) = (asks.record.session, asks.record.edge.clone());
        let Some(account) = directory.playing_id(own.character).map(|entry| entry.record.account) else {
            return Err(SocialRefusal::NotConnected);
        };
        let (character, name, clan) = (own.character, own.name.clone(), own.persona.clan);
        let joiner = Box::new(Joiner { account, character, name, clan });
        if !directory.push(&edge, &ToEdge::Admit { session, joiner }) {
            return Err(SocialRefusal::NotConnected);
        }
        directory.forget_guild_asked(own.character);
        says(GuildLine::Accepted, "")
    }

    fn refuse_guild(&self, own: &Member) -> Result<Notice, SocialRefusal> {
        let mut directory = self.directory.lock();
        let Some(by) = directory.asked_to_guild(own.character) else { return says(GuildLine::NotAsked, "") };
        directory.forget_guild_asked(own.character);
        if let Some(entry) = directory.playing_id(by) {
            let notice = notice(GuildLine::RefusedBy, [own.name.to_string()]);
            let told = ToEdge::Tell { session: entry.record.session, notice };
            directory.push(&entry.record.edge, &told);
        }
        says(GuildLine::Refused, "")
    }

    async fn stored_guild(&self, id: GuildId) -> Result<Option<Guild>, Failure> {
        let held = retry(|| self.store.get_record(guild::asks_for(id))).await?;
        held.map(|held| guild::decode(&held.record.body)).transpose()
    }

    async fn roll(&self, id: GuildId) -> Result<Vec<Enrolled>, Failure> {
        guild::roll(&retry(|| self.store.list_records(guild::asks_for_members(id))).await?)
    }

    /// Guild or rank of these characters were changed.
    pub(crate) fn guild_changed(
        &self,
        guild: GuildId,
        (characters, by): (&[CharacterId], CharacterId),
        notice: &Notice,
    ) -> Reply {
        let directory = self.directory.lock();
        for entry in characters.iter().filter_map(|character| directory.playing_id(*character)) {
            look_again(&directory, entry);
        }
        let hears = |entry: &&Entry| {
            entry.member().is_some_and(|member| {
                let concerned = member.persona.guild == guild.0 || characters.contains(&member.character);
                concerned && member.character != by
            })
        };
        for Entry { record, .. } in directory.players().filter(hears) {
            let told = ToEdge::Tell { session: record.session, notice: notice.clone() };
            directory.push(&record.edge, &told);
        }
        Reply::Done
    }

    pub(crate) async fn roster(&self, session: SessionId, page: u32) -> Answer {
        let own = self.directory.lock().get(session).and_then(Entry::member);
        let Some(own) = own else { return Ok(Reply::NoSuchSession) };
        let guild = GuildId(own.persona.guild);
        if guild.0 == 0 {
            return Ok(Reply::Roster(Err(SocialRefusal::NoGuild)));
        }
        let (stored, all) = (self.stored_guild(guild).await?, self.roll(guild).await?);
        self.compare(guild, &all);
        let plays: HashMap<CharacterId, u16> = {
            let directory = self.directory.lock();
            let of = |one: &Enrolled| {
                let entry = directory.playing_id(one.character)?;
                Some((one.character, entry.persona.map_or(0, |persona| persona.level)))
            };
            all.iter().filter_map(of).collect()
        };
        let pages = all.len().div_ceil(ROSTER_LINES).max(1);
        let page = (page as usize).clamp(1, pages);
        let shown: Vec<&Enrolled> = all.iter().skip((page - 1) * ROSTER_LINES).take(ROSTER_LINES).collect();
        let away = shown.iter().filter(|one| !plays.contains_key(&one.character));
        let away = self.levels(away.map(|one| (one.member.account, one.character)).collect()).await;
        let now = now_ms();
        let line = |one: &Enrolled| {
            let playing = plays.contains_key(&one.character);
            let seconds = |seen: i64| u64::try_from(now.saturating_sub(seen) / 1_000).unwrap_or(0);
            RosterLine {
                name: one.member.name.clone(),
                rank: one.member.rank,
                level: plays.get(&one.character).or_else(|| away.get(&one.character)).copied(),
                playing,
                away_s: one.member.seen_ms.filter(|_| !playing).map(seconds),
            }
        };
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Ok(Reply::Roster(Ok(Roster {
            guild,
            name: stored.map_or_else(String::new, |guild| guild.name),
            members: count(all.len()),
            playing: count(plays.len()),
            page: count(page),
            pages: count(pages),
            lines: shown.into_iter().map(line).collect(),
        })))
    }

    /// The levels of those who are away, as far as the store tells in time.
    async fn levels(&self, of: Vec<(AccountId, CharacterId)>) -> HashMap<CharacterId, u16> {
        let mut asked = JoinSet::new();
        for (account, character) in of {
            let store = Arc::clone(&self.store);
            asked.spawn(async move {
                let all = store.list_characters(ListCharacters { account }).await.ok()?;
                let found = all.into_iter().find(|found| found.id == character)?;
                Some((character, found.hard.level))
            });
        }
        let mut levels = HashMap::new();
        let all = async {
            while let Some(found) = asked.join_next().await {
                levels.extend(found.ok().flatten());
            }
        };
        // who is not told of in time is shown without a level
        let _ = tokio::time::timeout(LEVELS_WITHIN, all).await;
        levels
    }

    /// Tells the nodes that know it otherwise.
    fn compare(&self, guild: GuildId, stored: &[Enrolled]) {
        let ranks: HashMap<CharacterId, u8> =
            stored.iter().map(|one| (one.character, one.member.rank)).collect();
        let directory = self.directory.lock();
        for entry in directory.players() {
            let Some(member) = entry.member() else { continue };
            let known = (member.persona.guild == guild.0).then_some(member.persona.guild_rank);
            if known != ranks.get(&member.character).copied() {
                tracing::info!(character = %member.character, %guild, "a node looks at a guild again");
                look_again(&directory, entry);
            }
        }
    }

    /// Compares guilds and ranks of all who play with what is stored, and writes down who left. Runs until stopped.
    pub(crate) async fn mind_guilds(&self, stop: CancellationToken) {
        let mut departed = tokio::time::interval(DEPARTED_EVERY);
        // right after a start the edges have not told yet who plays
        let mut compare = tokio::time::interval_at(Instant::now() + COMPARE_EVERY, COMPARE_EVERY);
        departed.set_missed_tick_behavior(MissedTickBehavior::Delay);
        compare.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = departed.tick() => self.write_departed().await,
                _ = compare.tick() => self.compare_guilds().await,
            }
        }
    }

    /// One round of it.
    pub async fn compare_guilds(&self) {
        let guilds: HashSet<u16> = {
            let directory = self.directory.lock();
            directory.players().filter_map(|entry| Some(entry.persona?.guild)).collect()
        };
        for guild in guilds.into_iter().filter(|guild| *guild != 0).map(GuildId) {
            match self.roll(guild).await {
                Ok(all) => self.compare(guild, &all),
                Err(failure) => return tracing::info!(%guild, %failure, "guilds cannot be compared now"),
            }
        }
    }

    async fn write_departed(&self) {
        // of one who left twice the last time counts
        let departed: BTreeMap<CharacterId, GuildId> =
            self.directory.lock().take_departed().into_iter().collect();
        for (character, guild) in departed {
            if let Err(failure) = self.was_seen(guild, character).await {
                return tracing::info!(%guild, %failure, "it is not written down when members left");
            }
        }
    }

    async fn was_seen(&self, guild: GuildId, character: CharacterId) -> Result<(), Failure> {
        for _ in 0..SEEN_TRIES {
            let found = self.roll(guild).await?.into_iter().find(|one| one.character == character);
            let Some(mut found) = found else { return Ok(()) };
            found.member.seen_ms = Some(now_ms());
            let record = guild::member_record(guild, character, &found.member)?;
            let transfer = Transfer {
                operation: OperationId(rand::random()),
                actor: Actor::System("nrsrv".to_owned()),
                reason: "guild-seen".to_owned(),
                fences: Vec::new(),
                moves: Vec::new(),
                records: vec![RecordChange::Put { record, expected: found.version }],
                softs: Vec::new(),
                standings: Vec::new(),
            };
            if retry(|| self.store.transfer(transfer.clone())).await?.is_ok() {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn look_again(directory: &Directory, entry: &Entry) {
    directory.push(&entry.record.edge, &ToEdge::LookAtGuild { session: entry.record.session });
}
