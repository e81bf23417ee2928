//! What players wanted and what became of it, who owned their characters, and what must hold of that.

use super::talk::What;
use ::cluster::View;
use model::calls::database::{Reply, Request, SaveOutcome};
use model::id::{CharacterId, Epoch, SessionId};
use model::membership::ProcessName;
use model::{OperationId, Tile};
use std::collections::{BTreeMap, BTreeSet};

/// What a player knows of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing yet.
    Open,
    /// It was obeyed.
    Heard,
    /// It was not, and never will be.
    Dropped,
    /// Its node was gone before it said: nobody will know.
    Unknown,
}

/// One command of a player.
#[derive(Clone, Debug)]
struct Command {
    what: What,
    fate: Fate,
    /// Epochs of the characters that obeyed it: one, or none.
    obeyed: Vec<Epoch>,
}

/// A session as its edge has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its character.
    pub character: CharacterId,
    /// The node that has it; `None` while none has.
    pub node: Option<ProcessName>,
    /// The epoch under which it hears of its player.
    pub epoch: Epoch,
    /// Where its player stands, as it was told.
    pub tile: Tile,
    /// What it carries, as it was told.
    pub gold: i64,
}

/// A character as the store has it.
#[derive(Clone, Debug)]
struct Held {
    epoch: Epoch,
    owner: Option<ProcessName>,
    /// The count of gestures of the last acknowledged state.
    gestures: i32,
    /// Pieces of gold, by the operations that were done.
    gold: i64,
}

impl Default for Held {
    fn default() -> Self {
        Self { epoch: Epoch(0), owner: None, gestures: 0, gold: 0 }
    }
}

/// See the module.
#[derive(Default)]
pub struct Deeds {
    commands: BTreeMap<(SessionId, u64), Command>,
    /// Sessions as their edges have them.
    pub seats: BTreeMap<SessionId, Seat>,
    characters: BTreeMap<CharacterId, Held>,
    earned: BTreeSet<OperationId>,
    /// Handovers that came to their end.
    pub handovers: u64,
    /// Times that an edge looked for another node.
    pub resumes: u64,
    /// Times that a character was taken from the node that had it.
    pub fenced: u64,
}

impl Deeds {
    /// A player wants something.
    pub fn wants(&mut self, session: SessionId, number: u64, what: What) {
        let command = Command { what, fate: Fate::Open, obeyed: Vec::new() };
        self.commands.insert((session, number), command);
    }

    /// A node obeys a command; what is wrong with that.
    pub fn obeys(&mut self, session: SessionId, number: u64, epoch: Epoch) -> Option<String> {
        let command = self.commands.get_mut(&(session, number))?;
        command.obeyed.push(epoch);
        let Command { what, fate, obeyed } = command;
        if obeyed.len() > 1 {
            return Some(format!(
                "command {number} of {session:?} ({what:?}) was obeyed under {obeyed:?}, expected once"
            ));
        }
        (*fate == Fate::Dropped).then(|| {
            format!("command {number} of {session:?} ({what:?}) was dropped and obeyed, expected one of both")
        })
    }

    /// A player learns what became of a command; what is wrong with that.
    pub fn learns(&mut self, session: SessionId, number: u64, fate: Fate) -> Option<String> {
        let command = self.commands.get_mut(&(session, number))?;
        let before = std::mem::replace(&mut command.fate, fate);
        let times = command.obeyed.len();
        let is_so = match fate {
            Fate::Heard => times == 1 && before != Fate::Dropped,
            Fate::Dropped => times == 0 && before != Fate::Heard,
            Fate::Open | Fate::Unknown => before == Fate::Open,
        };
        (!is_so).then(|| {
            format!("command {number} of {session:?} is {fate:?} and was {before:?}, obeyed {times} times; expected the truth")
        })
    }

    /// What is known of a command.
    pub fn fate(&self, session: SessionId, number: u64) -> Option<Fate> {
        self.commands.get(&(session, number)).map(|command| command.fate)
    }

    /// The store gave an answer; what is wrong with it.
    pub fn answered(&mut self, request: &Request, reply: &Reply) -> Vec<String> {
        let mut wrong = Vec::new();
        match (request, reply) {
            (Request::LoadCharacter(asked), Reply::LoadCharacter(Ok(Ok(loaded)))) => {
                let held = self.characters.entry(asked.character).or_default();
                if loaded.epoch <= held.epoch {
                    wrong.push(format!(
                        "{:?} was loaded by {} under {:?}, expected more than {:?} of {:?}",
                        asked.character, asked.owner, loaded.epoch, held.epoch, held.owner
                    ));
                }
                if loaded.character.soft.mp < held.gestures {
                    wrong.push(format!(
                        "{:?} was loaded with {} gestures, expected at least the {} that were written",
                        asked.character, loaded.character.soft.mp, held.gestures
                    ));
                }
                held.epoch = loaded.epoch;
                held.owner = Some(asked.owner.clone());
            }
            (Request::SaveCharacters(asked), Reply::SaveCharacters(Ok(outcomes))) => {
                for (save, _) in asked.saves.iter().zip(outcomes).filter(|(_, o)| **o == SaveOutcome::Saved) {
                    let held = self.characters.entry(save.character).or_default();
                    if save.epoch != held.epoch {
                        wrong.push(format!(
                            "a state of {:?} was written under {:?}, expected only writes of {:?} under {:?}",
                            save.character, save.epoch, held.owner, held.epoch
                        ));
                    }
                    // who gives it up as it was loaded has counted nothing
                    if save.number > 0 {
                        held.gestures = held.gestures.max(save.soft.mp);
                    }
                    if save.release {
                        held.owner = None;
                    }
                }
            }
            (Request::Transfer(asked), Reply::Transfer(Ok(Ok(_)))) => {
                if !self.earned.insert(asked.operation) {
                    return wrong;
                }
                for fence in &asked.fences {
                    let held = self.characters.entry(fence.character).or_default();
                    held.gold += 1;
                    if fence.epoch != held.epoch {
                        wrong.push(format!(
                            "gold was given to {:?} under {:?}, expected only what {:?} asks under {:?}",
                            fence.character, fence.epoch, held.owner, held.epoch
                        ));
                    }
                }
            }
            _ => {}
        }
        wrong
    }

    /// The characters of sessions that a node plays, under which epochs, and the gestures that the store has of them.
    pub fn played(&self, sessions: &BTreeMap<SessionId, Epoch>) -> Vec<(CharacterId, Epoch, i32)> {
        let of = |(session, epoch): (&SessionId, &Epoch)| {
            let character = self.seats.get(session)?.character;
            let held = self.characters.get(&character)?;
            Some((character, *epoch, held.gestures))
        };
        sessions.iter().filter_map(of).collect()
    }

    /// How many commands came to this end.
    pub fn count(&self, fate: Fate) -> u64 {
        self.commands.values().filter(|command| command.fate == fate).count() as u64
    }

    /// Commands of which nobody knows whether they were obeyed.
    pub fn unsure(&self) -> Vec<String> {
        let unsure = self.commands.iter().filter(|(_, command)| command.fate == Fate::Unknown);
        unsure.map(|((session, number), command)| format!("{number} of {session:?}: {command:?}")).collect()
    }

    /// What is not yet as it has to be when nothing is broken any more.
    pub fn unrest(
        &self,
        stored: &View,
        playing: &BTreeMap<ProcessName, BTreeMap<SessionId, Epoch>>,
    ) -> Vec<String> {
        let mut unrest = Vec::new();
        for (session, seat) in &self.seats {
            let zone = stored.zones.zone_at(seat.tile);
            let owner = stored.owner(zone).map(|(member, _)| &member.name);
            if seat.node.is_none() || seat.node.as_ref() != owner {
                unrest.push(format!(
                    "{session:?} is at {:?}, expected {owner:?}, the owner of {} where its player stands",
                    seat.node,
                    stored.zones.name(zone)
                ));
            }
            let held = self.characters.get(&seat.character).cloned().unwrap_or_default();
            // a release that was done and not answered leaves nobody as the owner, while its node plays on
            let is_others = held.owner.is_some() && held.owner != seat.node;
            if is_others || held.epoch != seat.epoch {
                unrest.push(format!(
                    "{session:?} hears {:?} under {:?}, expected {:?} under {:?} by the store",
                    seat.node, seat.epoch, held.owner, held.epoch
                ));
            }
            if held.gold != seat.gold {
                unrest.push(format!("{session:?} is shown {} gold, expected {}", seat.gold, held.gold));
            }
            let at: Vec<_> =
                playing.iter().filter_map(|(node, sessions)| Some((node, sessions.get(session)?))).collect();
            if at.len() != 1 {
                unrest.push(format!("{session:?} is played by {at:?}, expected one node"));
            }
        }
        let open = self.commands.iter().find(|(_, command)| command.fate == Fate::Open);
        if let Some(((session, number), command)) = open {
            unrest.push(format!(
                "nobody knows of command {number} of {session:?}: {command:?}; expected that it was obeyed, or is known to be dropped"
            ));
        }
        unrest
    }
}
