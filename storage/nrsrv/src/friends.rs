//! Friends as players ask for them: requests, answers, the list, and what is written down later.
//!
//! Who is a friend of whom stands in the store, one record a character ([`store::friends`]). Each deed is one transfer of
//! both records, so that they never disagree; that both characters are there is made sure of in the same transfer. Two
//! deeds about one character are one after the other, since each raises the version of its record; who comes second
//! composes anew. Who is in the world, and who is told, is [`crate::presence`]; it also follows from the records when
//! nobody heard what became of a deed.

mod later;
mod list;

use crate::directory::Entry;
use crate::registry::{Answer, Registry, Unavailable};
use crate::retry::retry;
use model::calls::database::{Failure, FindCharacter, ListCharacters};
use model::calls::registry::{Reply, ToEdge};
use model::event::{Notice, NoticeKey};
use model::friend::{Asker, FriendAsk, FriendLine};
use model::guild::Place;
use model::ledger::Actor;
use model::transfer::{RecordChange, RecordKey, Standing, Transfer, TransferRefusal};
use model::{AccountId, CharacterId, GuildId, OperationId, SessionId};
use std::time::Instant;
use store::friends::{self, Circle, Held, Known};

/// How often a deed is composed anew when others change the same.
const TURNS: u32 = 6;

/// A character and its record as it was read.
struct Side {
    who: Known,
    held: Held,
}

/// What a turn comes to.
enum Turn {
    /// Nothing is to be done.
    Says(Notice),
    /// Somebody is no more and was forgotten: it is to be looked at anew.
    Again,
    Does(Box<Deed>),
}

/// Records to write, and what is said when they are.
struct Deed {
    name: &'static str,
    own: Side,
    other: Side,
    /// Makes sure that both are there: their records may begin with this.
    both_are_there: Option<[Place; 2]>,
    says: FriendLine,
    tells: Option<FriendLine>,
}

fn notice(line: FriendLine, word: &str) -> Notice {
    Notice::Catalogue { key: NoticeKey::Friend(line), arguments: vec![word.to_owned()] }
}

fn says(line: FriendLine, word: &str) -> Result<Turn, Unavailable> {
    Ok(Turn::Says(notice(line, word)))
}

fn no_such_player(name: &str) -> Turn {
    Turn::Says(Notice::Catalogue { key: NoticeKey::NoSuchPlayer, arguments: vec![name.to_owned()] })
}

fn named<'a>(list: &'a [Known], name: &str) -> Option<&'a Known> {
    list.iter().find(|known| known.is_named(name))
}

fn meant<'a>(list: &'a [Known], asker: &Asker) -> Option<&'a Known> {
    match asker.character {
        Some(character) => list.iter().find(|known| known.0 == character),
        None => named(list, &asker.name),
    }
}

fn is_there(list: &[Known], who: &Known) -> bool {
    list.iter().any(|known| known.0 == who.0)
}

fn is_full(list: &[Known], most: u32) -> bool {
    list.len() >= most as usize
}

impl Registry {
    /// The character of a session, if it is in the world.
    fn own(&self, session: SessionId) -> Option<Known> {
        let directory = self.directory.lock();
        let entry = directory.get(session)?;
        let member = entry.member()?;
        Some(Known(member.character, entry.record.account, member.name.to_string()))
    }

    async fn circle_of(&self, who: &Known) -> Result<Held, Failure> {
        let held = retry(|| self.store.get_record(friends::asks_for(who.1, who.0))).await?;
        match held {
            Some(held) => friends::decode(&held),
            None => Ok(Held { circle: Circle { name: who.2.clone(), ..Circle::default() }, version: 0 }),
        }
    }

    /// Whom a character's record names.
    pub(crate) async fn known_to(&self, who: Known) -> Result<(CharacterId, Vec<Known>), Failure> {
        let held = self.circle_of(&who).await?;
        Ok((who.0, held.circle.everybody().cloned().collect()))
    }

    async fn side(&self, who: Known) -> Result<Side, Failure> {
        let held = self.circle_of(&who).await?;
        Ok(Side { who, held })
    }

    /// Guild and rank of a character; `None` when there is no such character any more.
    async fn place_of(&self, who: &Known) -> Result<Option<Place>, Failure> {
        let account = who.1;
        let all = retry(|| self.store.list_characters(ListCharacters { account })).await?;
        let found = all.into_iter().find(|one| one.id == who.0);
        Ok(found.map(|one| Place { guild: GuildId(one.hard.guild), rank: one.hard.guild_rank }))
    }

    /// Who asked last. To answer that one takes a second request, which says who it is: when an answer is lost and the
    /// request is repeated, somebody else may be the last one who asks.
    pub(crate) async fn newest_asker(&self, session: SessionId) -> Answer {
        let Some(own) = self.own(session) else { return Ok(Reply::NoSuchSession) };
        let held = self.circle_of(&own).await?;
        Ok(match held.circle.asking.into_iter().next_back() {
            Some(Known(character, _, name)) => Reply::NewestAsker(Asker { character: Some(character), name }),
            None => Reply::Friend(notice(FriendLine::NobodyAsks, "")),
        })
    }

    pub(crate) async fn friend(&self, session: SessionId, ask: &FriendAsk) -> Answer {
        let Some(own) = self.own(session) else { return Ok(Reply::NoSuchSession) };
        for _ in 0..TURNS {
            let own = self.side(own.clone()).await?;
            let character = own.who.0;
            let deed = match self.turn(own, ask).await? {
                Turn::Says(notice) => {
                    self.look_anew(character, ask);
                    return Ok(Reply::Friend(notice));
                }
                Turn::Again => continue,
                Turn::Does(deed) => deed,
            };
            if self.do_deed(&deed).await? {
                return Ok(Reply::Friend(self.tell_deed(*deed)));
            }
        }
        tracing::warn!(character = %own.0, "others change the same friends again and again");
        Err(Unavailable)
    }

    async fn turn(&self, own: Side, ask: &FriendAsk) -> Result<Turn, Unavailable> {
        match ask {
            FriendAsk::Add(name) => self.add(own, name).await,
            FriendAsk::Accept(asker) => self.accept(own, asker).await,
            FriendAsk::Refuse(asker) => self.refuse(own, asker).await,
            FriendAsk::Remove(name) => self.remove(own, name).await,
        }
    }

    /// There is nothing to do, maybe since it was done before and nobody heard of it, or by another NRSrv: what both are
    /// told is to follow from their records as they are now.
    fn look_anew(&self, own: CharacterId, ask: &FriendAsk) {
        let (FriendAsk::Add(name)
        | FriendAsk::Remove(name)
        | FriendAsk::Accept(Asker { name, .. })
        | FriendAsk::Refuse(Asker { name, .. })) = ask;
        let mut directory = self.directory.lock();
        let other = directory.playing(&name.to_ascii_lowercase()).and_then(|entry| entry.character.as_ref());
        let other = other.map(|(character, _)| *character);
        for character in [Some(own), other].into_iter().flatten() {
            directory.presence().read_anew(character);
        }
    }

    async fn add(&self, own: Side, name: &str) -> Result<Turn, Unavailable> {
        let key = name.to_ascii_lowercase();
        let found = retry(|| self.store.find_character(FindCharacter { key: key.clone() })).await?;
        // somebody of that name who was known and is no more is forgotten first; another one may have the name now
        let known = own.held.circle.everybody().find(|known| known.is_named(name)).cloned();
        let another = |known: &Known| found.as_ref().is_none_or(|found| found.character != known.0);
        if let Some(known) = known.filter(another) {
            if self.place_of(&known).await?.is_some() {
                return Err(Unavailable); // its name is on its way
            }
            self.forget(&own, &[known.0]).await?;
            return Ok(Turn::Again);
        }
        let Some(found) = found else { return Ok(no_such_player(name)) };
        let other = Known(found.character, found.account, found.name.to_string());
        let (word, circle) = (other.2.clone(), &own.held.circle);
        if other.1 == own.who.1 {
            return says(FriendLine::Oneself, &word);
        }
        if is_there(&circle.friends, &other) {
            return says(FriendLine::Already, &word);
        }
        if is_there(&circle.asking, &other) {
            return self.befriend(own, other).await;
        }
        if is_there(&circle.asked, &other) {
            return says(FriendLine::AskedAlready, &word);
        }
        let limits = self.settings().friends.clone();
        if is_full(&circle.friends, limits.max) {
            return says(FriendLine::Full, &limits.max.to_string());
        }
        if is_full(&circle.asked, limits.requests) {
            return says(FriendLine::TooManyAsked, &limits.requests.to_string());
        }
        let Some(places) = self.places(&own, &other).await? else { return Ok(no_such_player(&word)) };
        let mut deed = self.deed("ask", own, other, FriendLine::Asked).await?;
        if is_full(&deed.other.held.circle.asking, limits.requests) {
            return says(FriendLine::OtherTooManyAsked, &word);
        }
        let (own, other) = deed.sides();
        own.held.circle.asked.push(other.who.clone());
        other.held.circle.asking.push(own.who.clone());
        (deed.both_are_there, deed.tells) = (Some(places), Some(FriendLine::AskedBy));
        Ok(Turn::Does(Box::new(deed)))
    }

    async fn accept(&self, own: Side, asker: &Asker) -> Result<Turn, Unavailable> {
        let circle = &own.held.circle;
        match meant(&circle.asking, asker).cloned() {
            Some(other) => self.befriend(own, other).await,
            None => match meant(&circle.friends, asker) {
                Some(friend) => says(FriendLine::Already, &friend.2),
                None => says(FriendLine::NotAsked, &asker.name),
            },
        }
    }

    async fn befriend(&self, own: Side, other: Known) -> Result<Turn, Unavailable> {
        let max = self.settings().friends.max;
        if is_full(&own.held.circle.friends, max) {
            return says(FriendLine::Full, &max.to_string());
        }
        let Some(places) = self.places(&own, &other).await? else {
            self.forget(&own, &[other.0]).await?;
            return Ok(no_such_player(&other.2));
        };
        let mut deed = self.deed("accept", own, other, FriendLine::Friends).await?;
        if is_full(&deed.other.held.circle.friends, max) {
            return says(FriendLine::OtherFull, &deed.other.who.2);
        }
        let (own, other) = deed.sides();
        own.held.circle.friends.push(other.who.clone());
        other.held.circle.friends.push(own.who.clone());
        (deed.both_are_there, deed.tells) = (Some(places), Some(FriendLine::Friends));
        Ok(Turn::Does(Box::new(deed)))
    }

    /// Who asked is not told: it would hear that the player is there.
    async fn refuse(&self, own: Side, asker: &Asker) -> Result<Turn, Unavailable> {
        match meant(&own.held.circle.asking, asker).cloned() {
            Some(other) => self.part(self.deed("refuse", own, other, FriendLine::Refused).await?).await,
            None => says(FriendLine::NotAsked, &asker.name),
        }
    }

    async fn remove(&self, own: Side, name: &str) -> Result<Turn, Unavailable> {
        let circle = &own.held.circle;
        let friend = named(&circle.friends, name).map(|known| (known, FriendLine::Removed));
        let known = friend.or_else(|| named(&circle.asked, name).map(|known| (known, FriendLine::Withdrawn)));
        let Some((other, line)) = known.map(|(known, line)| (known.clone(), line)) else {
            return says(FriendLine::NotFriend, name);
        };
        self.part(self.deed("remove", own, other, line).await?).await
    }

    /// A deed after which neither knows of the other. Who has no record is no more, or what made them known to each other
    /// is not written on its shard yet.
    async fn part(&self, deed: Deed) -> Result<Turn, Unavailable> {
        let other = &deed.other;
        if other.held.version == 0 && self.place_of(&other.who).await?.is_some() {
            return Err(Unavailable);
        }
        Ok(Turn::Does(Box::new(deed)))
    }

    async fn places(&self, own: &Side, other: &Known) -> Result<Option<[Place; 2]>, Unavailable> {
        let (own, other) = (self.place_of(&own.who).await?, self.place_of(other).await?);
        Ok(own.zip(other).map(|(own, other)| [own, other]))
    }

    /// A deed that begins with both forgetting each other.
    async fn deed(
        &self,
        name: &'static str,
        mut own: Side,
        other: Known,
        says: FriendLine,
    ) -> Result<Deed, Unavailable> {
        let mut other = self.side(other).await?;
        own.held.circle.forget(other.who.0);
        other.held.circle.forget(own.who.0);
        Ok(Deed { name, own, other, both_are_there: None, says, tells: None })
    }

    /// Does it; false when others were quicker.
    async fn do_deed(&self, deed: &Deed) -> Result<bool, Unavailable> {
        let mut transfer = transfer(deed.name, Vec::new());
        for side in [&deed.own, &deed.other] {
            // who has no record and gets nothing into one is no more
            if side.held.version > 0 || deed.both_are_there.is_some() {
                transfer.records.push(side.put()?);
            }
        }
        for (side, place) in
            [&deed.own, &deed.other].into_iter().zip(deed.both_are_there.into_iter().flatten())
        {
            let Known(character, account, _) = side.who;
            transfer.standings.push(Standing { account, character, before: place, after: place });
        }
        let written = self.write(transfer).await;
        if written.is_err() {
            // it may have happened, or may happen yet
            let mut directory = self.directory.lock();
            for Side { who, held } in [&deed.own, &deed.other] {
                directory.presence().doubt(who.0, held.version, Instant::now());
            }
        }
        written
    }

    /// Forgets somebody who is no more. Should others change the same meanwhile, it is found again.
    async fn forget(&self, own: &Side, gone: &[CharacterId]) -> Result<(), Unavailable> {
        let Side { who, held: Held { circle, version } } = own;
        let mut circle = circle.clone();
        gone.iter().for_each(|gone| circle.forget(*gone));
        let change = friends::put(who.1, who.0, &circle, *version)?;
        if self.write(transfer("forget", vec![change])).await? {
            let mut directory = self.directory.lock();
            directory.presence().learn(who.0, &Held { circle, version: version + 1 }, None);
            directory.tell_friends();
        }
        Ok(())
    }

    async fn write(&self, transfer: Transfer) -> Result<bool, Unavailable> {
        match retry(|| self.store.transfer(transfer.clone())).await? {
            Ok(_) => Ok(true),
            Err(
                TransferRefusal::RecordChanged(RecordKey::Friends(_)) | TransferRefusal::StandingChanged(_),
            ) => Ok(false),
            Err(refusal) => {
                tracing::error!(%refusal, reason = transfer.reason, "the store refused a deed of friends");
                Err(Unavailable)
            }
        }
    }

    /// It is done: both know, and who plays is told. What to say to who did it.
    fn tell_deed(&self, deed: Deed) -> Notice {
        self.metrics.friends.with_label_values(&[deed.name]).inc();
        let Deed { own, other, says, tells, .. } = deed;
        let mut directory = self.directory.lock();
        if let Some((line, entry)) =
            tells.zip(directory.playing_id(other.who.0).filter(|entry| entry.member().is_some()))
        {
            let Entry { record, .. } = entry;
            let told = ToEdge::Tell { session: record.session, notice: notice(line, &own.who.2) };
            directory.push(&record.edge, &told);
        }
        for (side, of) in [(&own, &other), (&other, &own)] {
            let Held { circle, version } = &side.held;
            let held = Held { circle: circle.clone(), version: version + 1 };
            directory.presence().learn(side.who.0, &held, Some(of.who.0));
        }
        directory.tell_friends();
        notice(says, &other.who.2)
    }
}

impl Side {
    fn put(&self) -> Result<RecordChange, Failure> {
        friends::put(self.who.1, self.who.0, &self.held.circle, self.held.version)
    }
}

impl Deed {
    fn sides(&mut self) -> (&mut Side, &mut Side) {
        (&mut self.own, &mut self.other)
    }
}

fn transfer(what: &str, records: Vec<RecordChange>) -> Transfer {
    Transfer {
        operation: OperationId(rand::random()),
        actor: Actor::System("nrsrv".to_owned()),
        reason: format!("friend-{what}"),
        fences: Vec::new(),
        moves: Vec::new(),
        records,
        softs: Vec::new(),
        standings: Vec::new(),
    }
}

fn key_of(who: &Known) -> (AccountId, CharacterId) {
    (who.1, who.0)
}
