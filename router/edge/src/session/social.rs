//! Parties, channels, and who is online: what the player asks, and what its client is told.

use super::Session;
use super::friends::Part;
use super::requests::{self, Done};
use crate::friends::Verdict;
use crate::messages::{self, Line};
use crate::phase::Phase;
use crate::social_words::{self, Words};
use crate::translate::{self, social};
use model::calls::registry::{Reply, Request};
use model::command::CHAT_TEXT_MAX;
use model::guild::GuildLine;
use model::social::{Channel, Member, Party, PartyAsk, Persona, SocialRefusal, Whom};
use model::{CharacterId, Command, EntityId, SessionId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use wire::SCENE_FIELD;
use wire::packet::{MessagePanel, PartyAccept, PartyRemove, PartyRequest, Shout, Whisper};

/// What a node knows deeds of guilds by.
const GUILD: &str = "guild";
/// Calls under way at once for one player.
const CALLS_MAX: usize = 4;
/// Least time between two descriptions of one character to the directory.
const DESCRIBE_EVERY_MS: u64 = 5_000;

/// What a session knows of its party and its channels.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Social {
    /// Who asked the player to join last, and under which id.
    asked_by: Option<(Member, u16)>,
    /// The members that the client shows, the leader first; their ids are kept.
    shown: Vec<(CharacterId, u16)>,
    /// What the directory was told of the character last.
    told: Option<Persona>,
    /// When it is told the next time, if something is different then.
    describe_ms: Option<u64>,
}

impl Session {
    /// Something that the directory answers was typed.
    pub(super) fn on_social_words(&mut self, words: Words) {
        match words {
            Words::Usage(line) => self.say(line, &[]),
            Words::PartyList => self.list_party(),
            Words::Party(ask) => self.ask_party(ask),
            Words::Who(names) => self.ask_directory(|_| Request::Who { names }, Done::Who),
            Words::Roster(page) => {
                self.ask_directory(|session| Request::Roster { session, page }, Done::Roster);
            }
            Words::Guild(ask) => self.ask_directory(|session| Request::Guild { session, ask }, Done::Guild),
            Words::Friend(ask) => {
                self.ask_directory(|session| Request::Friend { session, ask }, Done::Friend)
            }
            Words::FriendVerdict(verdict) => self.answer_newest(verdict),
            Words::Friends(page) => self.ask_friends(page, Part::Friends),
            Words::FriendRequests => self.ask_friends(1, Part::Requests),
            Words::GuildDeed(text) => self.command(Command::Words { word: GUILD.to_owned(), text }),
            Words::Shout(text) => {
                let (rate, now_ms) = (self.settings().budgets.shout, self.now_ms());
                match self.guard.shout.take(1.0, rate, now_ms) {
                    true => self.speak(Channel::World, text),
                    false => self.say(Line::ChatTooFast, &[]),
                }
            }
        }
    }

    /// A line with the sign of a channel before it.
    pub(super) fn on_channel(&mut self, text: &str) {
        let text: String = text.chars().take(CHAT_TEXT_MAX).collect();
        match social_words::channel(&text) {
            Some((_, "")) => {}
            Some((channel, _)) => self.speak(channel, text),
            None => self.say(Line::ChannelNotBuilt, &[]),
        }
    }

    fn speak(&mut self, channel: Channel, text: String) {
        let Some(session) = self.id else { return };
        if self.work.len() >= CALLS_MAX {
            return self.say(Line::StillBusy, &[]);
        }
        let request = Request::Speak { session, channel, text };
        self.work.push_back(Box::pin(requests::speak(Arc::clone(&self.shared), request)));
    }

    fn ask_party(&mut self, ask: PartyAsk) {
        let invites = matches!(ask, PartyAsk::Invite(_));
        self.ask_directory(
            |session| Request::Party { session, ask },
            move |reply| Done::Party { reply, invites },
        );
    }

    fn ask_friends(&mut self, page: u32, part: Part) {
        self.ask_directory(
            |session| Request::Friends { session, page },
            move |reply| Done::Friends { reply, part },
        );
    }

    fn answer_newest(&mut self, verdict: Verdict) {
        let Some(session) = self.id else { return };
        if self.work.len() >= CALLS_MAX {
            return self.say(Line::StillBusy, &[]);
        }
        self.work.push_back(Box::pin(requests::answer_newest(Arc::clone(&self.shared), session, verdict)));
    }

    fn ask_directory(
        &mut self,
        request: impl FnOnce(SessionId) -> Request,
        done: impl FnOnce(Option<Reply>) -> Done + Send + 'static,
    ) {
        let Some(session) = self.id else { return };
        if self.work.len() >= CALLS_MAX {
            return self.say(Line::StillBusy, &[]);
        }
        let (shared, request) = (Arc::clone(&self.shared), request(session));
        self.work.push_back(Box::pin(async move { done(requests::ask(shared, request).await) }));
    }

    pub(super) fn on_spoken(&mut self, reply: Option<&Reply>) {
        match reply {
            Some(Reply::Spoken(Ok(()))) => {}
            Some(Reply::Spoken(Err(refusal))) => self.say(social_words::refusal(*refusal), &[]),
            _ => self.say(Line::Unavailable, &[]),
        }
    }

    pub(super) fn on_party_done(&mut self, reply: Option<&Reply>, invites: bool) {
        match reply {
            Some(Reply::Party(Ok(()))) if invites => self.say(Line::PartyAsked, &[]),
            Some(Reply::Party(Ok(()))) => {}
            Some(Reply::Party(Err(refusal))) => self.say(social_words::refusal(*refusal), &[]),
            _ => self.say(Line::Unavailable, &[]),
        }
    }

    pub(super) fn on_who(&mut self, reply: Option<&Reply>) {
        let Some(Reply::Who { playing, found }) = reply else {
            return self.say(Line::Unavailable, &[]);
        };
        self.say(Line::WhoCount, &[&playing.to_string()]);
        for name in found {
            self.say(Line::WhoPlays, &[name.as_str()]);
        }
    }

    pub(super) fn on_guild_asked(&mut self, reply: Option<&Reply>) {
        match reply {
            Some(Reply::Guild(Ok(notice))) => {
                let text = messages::notice(notice, self.language());
                self.send(0, MessagePanel { text });
            }
            Some(Reply::Guild(Err(refusal))) => self.say(social_words::refusal(*refusal), &[]),
            _ => self.say(Line::Unavailable, &[]),
        }
    }

    /// Guild and rank of a player in view, or of the own one.
    pub(super) fn on_guild(&mut self, entity: EntityId, guild: u16, guild_rank: u8) {
        let Some(world) = &mut self.world else { return };
        if entity == world.entity {
            (world.sheet.guild, world.sheet.guild_rank) = (guild, guild_rank);
            let (own, packet) = (world.own, translate::own_score(&world.sheet));
            self.send(own, packet);
            self.on_persona();
            // who joined a guild speaks to it at once
            self.social.describe_ms = self.social.describe_ms.map(|_| self.now_ms());
        } else if let Some((score, tags)) =
            world.seen.get_mut(&entity).map(|seen| seen.joins(guild, guild_rank))
            && let Some(id) = world.view.id_of(entity)
        {
            self.send(id, translate::other_score(&score, &tags));
        }
    }

    pub(super) fn on_roster(&mut self, reply: Option<&Reply>) {
        let roster = match reply {
            Some(Reply::Roster(Ok(roster))) => roster,
            Some(Reply::Roster(Err(refusal))) => return self.say(social_words::refusal(*refusal), &[]),
            _ => return self.say(Line::Unavailable, &[]),
        };
        for line in &roster.lines {
            let rank = line.rank.to_string();
            let level = line.level.map_or_else(|| "-".to_owned(), |level| (u32::from(level) + 1).to_string());
            match line.playing {
                true => self.say(Line::Guild(GuildLine::RosterPlays), &[&line.name, &rank, &level]),
                false => {
                    let away = line.away_s.map_or_else(|| "-".to_owned(), model::words::ago);
                    self.say(Line::Guild(GuildLine::RosterAway), &[&line.name, &rank, &level, &away]);
                }
            }
        }
        let numbers = [roster.playing, roster.members, roster.page, roster.pages].map(|n| n.to_string());
        let [playing, members, page, pages] = &numbers;
        self.say(Line::Guild(GuildLine::RosterSum), &[&roster.name, playing, members, page, pages]);
    }

    pub(super) fn on_party_request(&mut self, packet: &PartyRequest) {
        let Some(world) = &self.world else { return };
        if packet.leader != world.own {
            return self.strike("field");
        }
        let target = world.view.entity_of(packet.target);
        match (target, target.and_then(EntityId::character)) {
            (_, Some(character)) => self.ask_party(PartyAsk::Invite(Whom::Character(character))),
            (Some(_), None) => self.strike("field"),
            (None, None) if packet.target == packet.leader => self.say(Line::PartyOneself, &[]),
            (None, None) => self.say(Line::TooFar, &[]),
        }
    }

    /// The accept has to name who asked last.
    pub(super) fn on_party_accept(&mut self, packet: &PartyAccept) {
        match &self.social.asked_by {
            Some((by, id)) if *id == packet.leader && by.name.as_str() == packet.name.trim() => {
                let by = by.character;
                self.ask_party(PartyAsk::Accept { by });
            }
            _ => self.say(Line::PartyNotAsked, &[]),
        }
    }

    pub(super) fn on_party_remove(&mut self, packet: &PartyRemove) {
        if packet.member == 0 || packet.member == self.own_number() {
            return self.ask_party(PartyAsk::Leave);
        }
        match self.social.shown.iter().find(|(_, id)| *id == packet.member) {
            Some((character, _)) => {
                let whom = Whom::Character(*character);
                self.ask_party(PartyAsk::Dismiss(whom));
            }
            None => self.say(Line::PartyNotMember, &[]),
        }
    }

    /// Somebody asks the player to join.
    pub(super) fn on_invited(&mut self, by: Member) {
        if self.phase != Phase::Playing {
            return;
        }
        self.forget_asked();
        let Some(leader) = self.keep_id(by.character) else {
            return self.shared.metrics.hidden.inc();
        };
        let target = self.own_number();
        self.send(SCENE_FIELD, social::request(&by, leader, target));
        self.social.asked_by = Some((by, leader));
    }

    /// The party is so now.
    pub(super) fn on_party(&mut self, party: Option<Party>) {
        if party.is_some() {
            self.forget_asked();
        }
        if let Some(handle) = &self.handle {
            handle.set_party(party);
        }
        self.show_party();
    }

    /// Tells the client what is different in its party from what it shows.
    pub(super) fn show_party(&mut self) {
        if self.phase != Phase::Playing || self.world.is_none() {
            return;
        }
        let party = self.handle.as_ref().and_then(|handle| handle.party());
        let leads = |party: &Party| {
            self.social.shown.first().is_some_and(|(shown, _)| party.leader() == Some(*shown))
        };
        if !party.as_ref().is_some_and(leads) && !self.social.shown.is_empty() {
            self.send(SCENE_FIELD, PartyRemove { member: 0 });
            self.forget_shown(|_| true);
        }
        let Some(party) = party else { return };
        for gone in self.forget_shown(|character| !party.has(character)) {
            self.send(SCENE_FIELD, PartyRemove { member: gone });
        }
        for (index, member) in party.members.iter().enumerate() {
            if self.social.shown.iter().any(|(shown, _)| *shown == member.character) {
                continue;
            }
            let Some(id) = self.keep_id(member.character) else {
                self.shared.metrics.hidden.inc();
                continue;
            };
            self.social.shown.push((member.character, id));
            self.send(SCENE_FIELD, social::member(member, index, id));
        }
    }

    /// Forgets members; the ids that they had.
    fn forget_shown(&mut self, which: impl Fn(CharacterId) -> bool) -> Vec<u16> {
        let shown = std::mem::take(&mut self.social.shown);
        let (gone, left): (Vec<_>, Vec<_>) = shown.into_iter().partition(|(character, _)| which(*character));
        self.social.shown = left;
        for (character, _) in &gone {
            if let Some(world) = &mut self.world {
                world.view.let_go(EntityId::of_character(*character));
            }
        }
        gone.into_iter().map(|(_, id)| id).collect()
    }

    fn forget_asked(&mut self) {
        let Some((by, _)) = self.social.asked_by.take() else { return };
        let is_shown = self.social.shown.iter().any(|(shown, _)| *shown == by.character);
        if let Some(world) = self.world.as_mut().filter(|_| !is_shown) {
            world.view.let_go(EntityId::of_character(by.character));
        }
    }

    /// An id that stays with somebody whether it is in view or not.
    fn keep_id(&mut self, character: CharacterId) -> Option<u16> {
        let entity = EntityId::of_character(character);
        let preferred = self.shared.numbers.lock().of(entity);
        let world = self.world.as_mut()?;
        if entity == world.entity { Some(world.own) } else { world.view.keep(entity, preferred) }
    }

    /// The character is out of the world: nobody is with it any more.
    pub(super) fn leave_social(&mut self) {
        self.social = Social::default();
        if let Some(handle) = &self.handle {
            handle.set_party(None);
            handle.set_friends(None);
        }
    }

    /// The node told of the character, or it changed: the directory is told soon.
    pub(super) fn on_persona(&mut self) {
        let Some(world) = &self.world else { return };
        let now = social::persona(&world.sheet);
        if let Some(handle) = &self.handle {
            handle.hold(|held| {
                if let Some(held) = held {
                    held.persona = Some(now);
                }
            });
        }
        let in_party = !self.social.shown.is_empty();
        let differs = self.social.told.is_none_or(|told| {
            let same_but_points = Persona { hp: now.hp, ..told } == now;
            !same_but_points || (in_party && told != now)
        });
        if differs && self.social.describe_ms.is_none() {
            let pause_ms = if self.social.told.is_none() { 0 } else { DESCRIBE_EVERY_MS };
            self.social.describe_ms = Some(self.now_ms() + pause_ms);
        }
    }

    pub(super) fn describe_time_ms(&self) -> u64 {
        self.social.describe_ms.unwrap_or(u64::MAX)
    }

    pub(super) fn describe_on_time(&mut self, now_ms: u64) {
        if now_ms < self.describe_time_ms() {
            return;
        }
        self.social.describe_ms = None;
        let (Some(session), Some(world)) = (self.id, &self.world) else { return };
        let persona = social::persona(&world.sheet);
        self.social.told = Some(persona);
        let request = Request::Describe { session, persona };
        self.work.push_back(Box::pin(requests::describe(Arc::clone(&self.shared), request)));
    }

    /// When the directory could not be told it is told later; what the edge holds it hears of at a report, too.
    pub(super) fn on_described(&mut self, reply: Option<&Reply>) {
        if reply != Some(&Reply::Done) && self.world.is_some() {
            self.social.told = None;
            self.social.describe_ms = Some(self.now_ms() + DESCRIBE_EVERY_MS);
        }
    }

    /// A line of a channel.
    pub(super) fn on_channel_line(&mut self, channel: Channel, from: String, text: String) {
        if self.phase != Phase::Playing {
            return;
        }
        match channel {
            Channel::World => {
                let text = match self.profile {
                    wire::Profile::V769 => text,
                    wire::Profile::V759 | wire::Profile::V748 => format!("[{from}]> {text}"),
                };
                self.send(0, Shout { name: from, text, color: 0 });
            }
            Channel::Party | Channel::Guild | Channel::Kingdom => {
                self.send(0, Whisper { name: from, text, color: 0 });
            }
        }
    }

    fn list_party(&mut self) {
        let Some(party) = self.handle.as_ref().and_then(|handle| handle.party()) else {
            return self.say(social_words::refusal(SocialRefusal::NoParty), &[]);
        };
        for (index, member) in party.members.iter().enumerate() {
            let line = if index == 0 { Line::PartyLeader } else { Line::PartyMember };
            let level = (u32::from(member.persona.level) + 1).to_string();
            self.say(line, &[member.name.as_str(), &level]);
        }
    }
}
