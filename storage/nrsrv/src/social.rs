//! Parties, channels, and who is online: what the directory answers.

use crate::directory::{Directory, Entry};
use crate::registry::{Answer, LINE_MAX, Registry, Unavailable};
use model::SessionId;
use model::calls::registry::{Reply, ToEdge};
use model::membership::ProcessName;
use model::social::{Channel, Hearers, KINGDOMS, Member, NAMES_MAX, PartyAsk, Persona, SocialRefusal, Whom};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Lines for everybody that all players together may speak in a second: each goes to every client.
const SHOUTS_SECOND: u32 = 5;

impl Registry {
    pub(crate) fn party(&self, session: SessionId, ask: PartyAsk) -> Answer {
        if !self.is_settled() {
            return Err(Unavailable);
        }
        let mut directory = self.directory.lock();
        let Some(own) = directory.get(session).and_then(Entry::member) else {
            return Ok(Reply::NoSuchSession);
        };
        Ok(Reply::Party(ask_party(&mut directory, own, ask)))
    }

    pub(crate) fn speak(&self, session: SessionId, channel: Channel, text: &str) -> Reply {
        let directory = self.directory.lock();
        let Some(speaker) = directory.get(session).and_then(Entry::member) else {
            return Reply::NoSuchSession;
        };
        let hearers = match hearers(&directory, &speaker, channel) {
            Ok(_) if text.len() > LINE_MAX => Err(SocialRefusal::TooMuch),
            Ok(_) if channel == Channel::World && !self.may_shout() => Err(SocialRefusal::TooMuch),
            other => other,
        };
        let outcome = hearers.map(|lines| {
            for (edge, hearers) in lines {
                let from = speaker.name.to_string();
                let line = ToEdge::Spoken { channel, hearers, speaker: session, from, text: text.to_owned() };
                directory.push(&edge, &line);
            }
        });
        let label = if outcome.is_ok() { "told" } else { "refused" };
        self.metrics.lines.with_label_values(&[name_of(channel), label]).inc();
        Reply::Spoken(outcome)
    }

    fn may_shout(&self) -> bool {
        let mut shouts = self.shouts.lock();
        let now = Instant::now();
        if shouts.0 + Duration::from_secs(1) <= now {
            *shouts = (now, 0);
        }
        shouts.1 += 1;
        shouts.1 <= SHOUTS_SECOND
    }

    pub(crate) fn who(&self, names: &[String]) -> Reply {
        let directory = self.directory.lock();
        let asked = names.iter().take(NAMES_MAX);
        let entries = asked.filter_map(|name| directory.playing(&name.to_ascii_lowercase()));
        let found = entries.filter_map(|entry| Some(entry.character.clone()?.1)).collect();
        let playing = u32::try_from(directory.players().count()).unwrap_or(u32::MAX);
        Reply::Who { playing, found }
    }

    pub(crate) fn party_of(&self, name: &str) -> Reply {
        let directory = self.directory.lock();
        let plays = directory.playing(&name.trim().to_ascii_lowercase());
        let character = plays.and_then(|entry| entry.character.as_ref());
        Reply::PartyOf(character.and_then(|(id, _)| directory.parties().of(*id)).cloned())
    }
}

fn ask_party(directory: &mut Directory, own: Member, ask: PartyAsk) -> Result<(), SocialRefusal> {
    let me = own.character;
    match ask {
        PartyAsk::Invite(whom) => {
            let target = find(directory, &whom).ok_or(SocialRefusal::NotConnected)?;
            let (session, edge) = (target.record.session, target.record.edge.clone());
            let whom = target.member().ok_or(SocialRefusal::NotConnected)?.character;
            directory.change_parties(|parties| parties.invite(me, whom).map(|()| Vec::new()))?;
            match directory.push(&edge, &ToEdge::Invited { session, by: own }) {
                true => Ok(()),
                false => Err(SocialRefusal::NotConnected),
            }
        }
        PartyAsk::Accept { by } => {
            let leader =
                directory.playing_id(by).and_then(Entry::member).ok_or(SocialRefusal::NotConnected)?;
            directory.change_parties(|parties| parties.accept(leader, own))
        }
        PartyAsk::Leave => directory.change_parties(|parties| match parties.leave(me) {
            news if news.is_empty() => Err(SocialRefusal::NoParty),
            news => Ok(news),
        }),
        PartyAsk::Dismiss(whom) => {
            let whom = member(directory, me, &whom)?;
            directory.change_parties(|parties| parties.dismiss(me, whom))
        }
        PartyAsk::Lead(whom) => {
            let whom = member(directory, me, &whom)?;
            directory.change_parties(|parties| parties.lead(me, whom))
        }
    }
}

pub(crate) fn find<'a>(directory: &'a Directory, whom: &Whom) -> Option<&'a Entry> {
    match whom {
        Whom::Character(character) => directory.playing_id(*character),
        Whom::Name(name) => directory.playing(&name.to_ascii_lowercase()),
    }
}

/// Somebody of the own party, who need not play at this moment.
fn member(
    directory: &Directory,
    own: model::CharacterId,
    whom: &Whom,
) -> Result<model::CharacterId, SocialRefusal> {
    let party = directory.parties().of(own).ok_or(SocialRefusal::NoParty)?;
    let is_meant = |member: &&Member| match whom {
        Whom::Character(character) => member.character == *character,
        Whom::Name(name) => member.name.key() == name.to_ascii_lowercase(),
    };
    let found = party.members.iter().find(is_meant);
    found.map(|member| member.character).ok_or(SocialRefusal::NotMember)
}

/// By edge, who hears a line.
fn hearers(
    directory: &Directory,
    speaker: &Member,
    channel: Channel,
) -> Result<Vec<(ProcessName, Hearers)>, SocialRefusal> {
    let Persona { guild, clan, .. } = speaker.persona;
    let all = match channel {
        Channel::Party => {
            let party = directory.parties().of(speaker.character).ok_or(SocialRefusal::NoParty)?;
            let mut by_edge: BTreeMap<ProcessName, Vec<SessionId>> = BTreeMap::new();
            for member in &party.members {
                if let Some(entry) = directory.playing_id(member.character) {
                    by_edge.entry(entry.record.edge.clone()).or_default().push(entry.record.session);
                }
            }
            return Ok(by_edge.into_iter().map(|(edge, who)| (edge, Hearers::Sessions(who))).collect());
        }
        Channel::Guild if guild == 0 => return Err(SocialRefusal::NoGuild),
        Channel::Guild => Hearers::Guild(guild),
        Channel::Kingdom if !KINGDOMS.contains(&clan) => return Err(SocialRefusal::NoKingdom),
        Channel::Kingdom => Hearers::Kingdom(clan),
        Channel::World => Hearers::World,
    };
    Ok(directory.connected().into_iter().map(|edge| (edge, all.clone())).collect())
}

fn name_of(channel: Channel) -> &'static str {
    match channel {
        Channel::Party => "party",
        Channel::Guild => "guild",
        Channel::Kingdom => "kingdom",
        Channel::World => "world",
    }
}
