//! The book of parties: who is in which, who asked whom. Pure, but for random ids.
//!
//! ```text
//!             accept of who was asked            another joins, one leaves, the lead goes on
//!   nobody ──────────────────────────▶ two ◀───────────────────────────────────────────────▶ up to 13
//!                                       │  one of two leaves
//!                                       ▼
//!                                     ended
//! ```
//!
//! It is rebuilt from the copies that the edges keep: the one with the greater version is right.

use model::social::{Member, PARTY_MAX, Party, SocialRefusal};
use model::{CharacterId, PartyId};
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

/// Ended parties that are remembered, so that an edge which was away does not bring one back.
const ENDED_MAX: usize = 4_096;

/// Who has to hear how its party is now; `None`: it is in none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) to: Vec<CharacterId>,
    pub(crate) party: Option<Party>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Parties {
    parties: HashMap<PartyId, Party>,
    of: HashMap<CharacterId, PartyId>,
    /// Who asked somebody last.
    asked: HashMap<CharacterId, CharacterId>,
    ended: VecDeque<PartyId>,
    /// Members of whom no session is known, since when.
    missing: HashMap<CharacterId, Instant>,
}

impl Parties {
    /// The party of a character.
    pub(crate) fn of(&self, character: CharacterId) -> Option<&Party> {
        self.of.get(&character).and_then(|id| self.parties.get(id))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.parties.len()
    }

    /// Somebody asks somebody to join.
    pub(crate) fn invite(&mut self, by: CharacterId, whom: CharacterId) -> Result<(), SocialRefusal> {
        if by == whom {
            return Err(SocialRefusal::Oneself);
        }
        self.may_grow(by)?;
        if self.of.contains_key(&whom) {
            return Err(SocialRefusal::OtherInParty);
        }
        self.asked.insert(whom, by);
        Ok(())
    }

    fn may_grow(&self, leader: CharacterId) -> Result<(), SocialRefusal> {
        match self.of(leader) {
            Some(party) if party.leader() != Some(leader) => Err(SocialRefusal::NotLeader),
            Some(party) if party.members.len() >= PARTY_MAX => Err(SocialRefusal::Full),
            _ => Ok(()),
        }
    }

    /// Who was asked joins who asked.
    pub(crate) fn accept(&mut self, by: Member, joins: Member) -> Result<Vec<News>, SocialRefusal> {
        let (leader, joiner) = (by.character, joins.character);
        if let Some(party) = self.of(joiner) {
            // asked again because the answer was lost
            return if party.has(leader) { Ok(Vec::new()) } else { Err(SocialRefusal::InParty) };
        }
        if self.asked.get(&joiner) != Some(&leader) {
            return Err(SocialRefusal::NotInvited);
        }
        self.may_grow(leader)?;
        self.asked.remove(&joiner);
        // who leads does not go elsewhere
        self.asked.remove(&leader);
        let id = match self.of.get(&leader) {
            Some(id) => *id,
            None => {
                let id = PartyId(rand::random());
                self.parties.insert(id, Party { id, version: 0, members: vec![by] });
                self.of.insert(leader, id);
                id
            }
        };
        self.of.insert(joiner, id);
        Ok(self.change(id, |members| members.push(joins)))
    }

    /// Somebody leaves, or is gone; nothing happens when it is in no party.
    pub(crate) fn leave(&mut self, character: CharacterId) -> Vec<News> {
        self.asked.remove(&character);
        self.missing.remove(&character);
        let Some(id) = self.of.remove(&character) else { return Vec::new() };
        let mut news = vec![News { to: vec![character], party: None }];
        news.extend(self.change(id, |members| members.retain(|member| member.character != character)));
        news
    }

    /// The leader sends somebody away.
    pub(crate) fn dismiss(
        &mut self,
        leader: CharacterId,
        whom: CharacterId,
    ) -> Result<Vec<News>, SocialRefusal> {
        self.of_leader(leader, whom)?;
        Ok(self.leave(whom))
    }

    /// The leader makes somebody else the leader, and is the second from then on.
    pub(crate) fn lead(
        &mut self,
        leader: CharacterId,
        whom: CharacterId,
    ) -> Result<Vec<News>, SocialRefusal> {
        let id = self.of_leader(leader, whom)?;
        Ok(self.change(id, |members| {
            if let Some(place) = members.iter().position(|member| member.character == whom) {
                members[..=place].rotate_right(1);
            }
        }))
    }

    fn of_leader(&self, leader: CharacterId, whom: CharacterId) -> Result<PartyId, SocialRefusal> {
        let party = self.of(leader).ok_or(SocialRefusal::NoParty)?;
        if party.leader() != Some(leader) {
            return Err(SocialRefusal::NotLeader);
        }
        if whom == leader {
            return Err(SocialRefusal::Oneself);
        }
        if party.has(whom) { Ok(party.id) } else { Err(SocialRefusal::NotMember) }
    }

    /// What a member is like now; whoever joins later is shown that.
    pub(crate) fn describe(&mut self, member: &Member) {
        let party = self.of.get(&member.character).and_then(|id| self.parties.get_mut(id));
        let known = party
            .and_then(|party| party.members.iter_mut().find(|known| known.character == member.character));
        if let Some(known) = known {
            known.persona = member.persona;
        }
    }

    /// A copy that an edge keeps. Nothing happens when it is not newer than what is known.
    pub(crate) fn adopt(&mut self, copy: Party) -> Vec<News> {
        let mut seen = HashSet::new();
        let sane = (2..=PARTY_MAX).contains(&copy.members.len())
            && copy.members.iter().all(|member| seen.insert(member.character));
        let is_new = self.parties.get(&copy.id).is_none_or(|known| known.version < copy.version);
        if !sane || !is_new || self.ended.contains(&copy.id) {
            return Vec::new();
        }
        let id = copy.id;
        let mut news = Vec::new();
        if let Some(before) = self.parties.remove(&id) {
            let left: Vec<CharacterId> =
                before.members.iter().map(|member| member.character).filter(|who| !copy.has(*who)).collect();
            for member in &before.members {
                self.of.remove(&member.character);
            }
            news.push(News { to: left, party: None });
        }
        let whole = copy.members.len();
        let mut party = copy;
        // nobody is in two parties, whatever edges say that were told at different times
        party.members.retain(|member| !self.of.contains_key(&member.character));
        let all_here = party.members.len() == whole;
        for member in &party.members {
            self.of.insert(member.character, id);
        }
        self.parties.insert(id, party);
        match all_here {
            true => news.extend(self.told(id)),
            false => news.extend(self.change(id, |_| {})),
        }
        news
    }

    /// Takes out the members that nobody plays since `linger`.
    pub(crate) fn expire(
        &mut self,
        plays: impl Fn(&Member) -> bool,
        linger: Duration,
        now: Instant,
    ) -> Vec<News> {
        let members = self.parties.values().flat_map(|party| &party.members);
        let missing: HashSet<CharacterId> =
            members.filter(|member| !plays(member)).map(|member| member.character).collect();
        self.missing.retain(|character, _| missing.contains(character));
        for character in missing {
            self.missing.entry(character).or_insert(now);
        }
        let over = self.missing.iter().filter(|(_, since)| **since + linger <= now);
        let mut gone: Vec<CharacterId> = over.map(|(character, _)| *character).collect();
        gone.sort_unstable();
        gone.into_iter().flat_map(|character| self.leave(character)).collect()
    }

    /// Changes the members of a party; one alone is none.
    fn change(&mut self, id: PartyId, change: impl FnOnce(&mut Vec<Member>)) -> Vec<News> {
        let Some(party) = self.parties.get_mut(&id) else { return Vec::new() };
        change(&mut party.members);
        party.version += 1;
        if party.members.len() >= 2 {
            return self.told(id).into_iter().collect();
        }
        let alone: Vec<CharacterId> = party.members.iter().map(|member| member.character).collect();
        self.parties.remove(&id);
        for character in &alone {
            self.of.remove(character);
        }
        if self.ended.len() == ENDED_MAX {
            self.ended.pop_front();
        }
        self.ended.push_back(id);
        vec![News { to: alone, party: None }]
    }

    fn told(&self, id: PartyId) -> Option<News> {
        let party = self.parties.get(&id)?;
        let to = party.members.iter().map(|member| member.character).collect();
        Some(News { to, party: Some(party.clone()) })
    }
}

#[cfg(test)]
mod tests;
