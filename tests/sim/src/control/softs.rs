//! Soft states: what their owners made of them, which nodes keep them, and how old the ones may be that are taken up.
//!
//! Two things are judged, which together say that nobody is put back by more than a second by the death of a node, unless its buddy is
//! hurt as well: when a node dies all that is older than a second is kept by somebody who lives; and whoever loads a character finds what
//! is kept by somebody whom it can reach.

use super::board::now_ms;
use crate::faults::Fault;
use ::cluster::View;
use ::cluster::journal::buddy_of;
use model::calls::sibling::Journalled;
use model::id::{CharacterId, Epoch};
use model::membership::ProcessName;
use std::collections::BTreeMap;

/// A state that is older is kept by the buddy.
const OLD_MS: u64 = 1_000;
/// Who was hurt within this time may not have answered, or not know yet who its buddy is.
const HURT_MS: u64 = 3_000;
/// The same of somebody who is asked for what it keeps.
const ASKED_MS: u64 = 100;

/// See the module.
#[derive(Default)]
pub struct Softs {
    /// Counts of gestures that an owner made, with their times.
    lived: BTreeMap<(CharacterId, Epoch), Vec<(u64, i32)>>,
    /// What each node keeps for others: the newest epoch and count.
    kept: BTreeMap<ProcessName, BTreeMap<CharacterId, (Epoch, i32)>>,
    /// Whom each node took for its buddy, and since when.
    buddies: BTreeMap<ProcessName, Vec<(u64, Option<ProcessName>)>>,
    /// By host, and by the two between whom nothing passes, in their order.
    hurt: BTreeMap<(String, Option<String>), Hurt>,
    jumped_ms: Option<u64>,
    /// States that were taken up from a journal.
    pub taken_up: u64,
    /// States that were judged when their node died.
    pub judged: u64,
}

#[derive(Default)]
struct Hurt {
    faults: u32,
    until_ms: u64,
}

impl Hurt {
    fn is_after(&self, since_ms: u64) -> bool {
        self.faults > 0 || self.until_ms >= since_ms
    }
}

/// What somebody who loads a character has to find.
pub struct Expected {
    since_ms: u64,
    by: ProcessName,
    character: CharacterId,
    kept: Vec<(ProcessName, i32)>,
}

fn between(a: &str, b: &str) -> (String, Option<String>) {
    (a.min(b).to_owned(), Some(a.max(b).to_owned()))
}

fn now() -> u64 {
    now_ms() as u64
}

impl Softs {
    /// An owner has the character with so many gestures.
    pub fn lives(&mut self, character: CharacterId, epoch: Epoch, gestures: i32) {
        self.lived.entry((character, epoch)).or_default().push((now(), gestures));
    }

    /// A node keeps states for another one.
    pub fn keeps(&mut self, keeper: &ProcessName, states: &[Journalled]) {
        let kept = self.kept.entry(keeper.clone()).or_default();
        for state in states {
            let new = (state.mark.epoch, state.soft.mp);
            let known = kept.entry(state.character).or_insert(new);
            *known = (*known).max(new);
        }
    }

    /// A node looks at its view.
    pub fn believes(&mut self, name: &ProcessName, view: &View) {
        let buddy = buddy_of(name, view).map(|member| member.name.clone());
        let known = self.buddies.entry(name.clone()).or_default();
        if known.last().is_none_or(|(_, last)| *last != buddy) {
            known.push((now(), buddy));
        }
    }

    /// A run of a node is over, and with it all that it knew.
    pub fn ends(&mut self, name: &ProcessName, at_ms: u64) {
        self.kept.remove(name);
        self.buddies.remove(name);
        self.hurt.entry((name.to_string(), None)).or_default().until_ms = at_ms;
    }

    /// A fault strikes: no host's time is known then.
    pub fn strikes(&mut self, at_ms: u64, fault: &Fault) {
        let alone = |host: &String| (host.clone(), None);
        let (whom, begins) = match fault {
            Fault::Crash(a) | Fault::Pause(a, _) => (alone(a), true),
            Fault::Bounce(a) | Fault::Resume(a, _) => (alone(a), false),
            Fault::Partition(a, b) | Fault::Hold(a, b) => (between(a, b), true),
            Fault::Repair(a, b) | Fault::Release(a, b) => (between(a, b), false),
            Fault::Jump(_) => return self.jumped_ms = Some(at_ms),
            Fault::Flush | Fault::PauseController(_) => return,
        };
        let hurt = self.hurt.entry(whom).or_default();
        hurt.faults = if begins { hurt.faults + 1 } else { hurt.faults.saturating_sub(1) };
        hurt.until_ms = at_ms;
    }

    /// True when two hosts might not have reached each other at some moment since then.
    fn are_hurt(&self, a: &ProcessName, b: &ProcessName, since_ms: u64) -> bool {
        let is_cut = self.hurt.get(&between(a.as_str(), b.as_str())).is_some_and(|it| it.is_after(since_ms));
        self.is_hurt(a, since_ms) || self.is_hurt(b, since_ms) || is_cut
    }

    /// True when a host might not have answered anybody at some moment since then.
    fn is_hurt(&self, name: &ProcessName, since_ms: u64) -> bool {
        self.hurt.get(&(name.to_string(), None)).is_some_and(|it| it.is_after(since_ms))
    }

    /// A node dies, with these characters in its zones, of which the store has so many gestures: what of them is lost.
    pub fn dies(
        &mut self,
        name: &ProcessName,
        at_ms: u64,
        played: &[(CharacterId, Epoch, i32)],
    ) -> Vec<String> {
        let since_ms = at_ms.saturating_sub(HURT_MS);
        let Some(known) = self.buddies.get(name) else { return Vec::new() };
        let begin = known.iter().rposition(|(at, _)| *at <= since_ms);
        // who runs for a moment only has no journal yet, and where the leases have ended there is no buddy
        let Some(begin) = begin else { return Vec::new() };
        let is_well = |buddy: &ProcessName| !self.are_hurt(name, buddy, since_ms);
        let had_one = known[begin..].iter().all(|(_, buddy)| buddy.as_ref().is_some_and(is_well));
        let is_quiet = self.jumped_ms.is_none_or(|jumped_ms| at_ms >= jumped_ms + HURT_MS);
        if !had_one || !is_quiet {
            return Vec::new();
        }
        let mut wrong = Vec::new();
        for (character, epoch, stored) in played {
            let Some(lived) = self.lived.get(&(*character, *epoch)) else { continue };
            self.judged += 1;
            let first = lived.first().map_or(0, |(_, gestures)| *gestures);
            let kept = self.kept.iter().filter(|(keeper, _)| *keeper != name);
            let kept = kept.filter_map(|(_, kept)| kept.get(character)).filter(|(of, _)| of == epoch);
            let known = kept.map(|(_, gestures)| *gestures).max().unwrap_or(first).max(*stored).max(first);
            let lost = lived.iter().find(|(_, gestures)| *gestures > known);
            if let Some((lived_ms, _)) = lost.filter(|(lived_ms, _)| lived_ms + OLD_MS < at_ms) {
                wrong.push(format!(
                    "{name} dies, and of {character:?} nobody has what is {} ms old; expected at most {OLD_MS}",
                    at_ms - lived_ms
                ));
            }
        }
        wrong
    }

    /// What a node has to find that has just loaded a character, whomever it sees.
    pub fn expected(&self, by: &ProcessName, character: CharacterId) -> Expected {
        // whoever played it last went on from there, whatever others keep of the time before
        let last = self.lived.range((character, Epoch(0))..=(character, Epoch(u64::MAX))).next_back();
        let last = last.map_or(Epoch(0), |((_, epoch), _)| *epoch);
        let kept = self.kept.iter().filter_map(|(keeper, kept)| Some((keeper, kept.get(&character)?)));
        let kept = kept.filter(|(_, (epoch, _))| *epoch >= last);
        let kept = kept.map(|(keeper, (_, gestures))| (keeper.clone(), *gestures)).collect();
        let since_ms = now().saturating_sub(ASKED_MS);
        Expected { since_ms, by: by.clone(), character, kept }
    }

    /// It goes on with so many gestures; what is wrong with that.
    pub fn takes_up(&mut self, expected: &Expected, gestures: i32, is_newer: bool) -> Option<String> {
        self.taken_up += u64::from(is_newer);
        let Expected { since_ms, by, character, kept } = expected;
        // who was hurt itself has been taken for dead perhaps, and is asked when it is a member again
        let back_ms = now().saturating_sub(HURT_MS);
        let is_reached = |keeper: &ProcessName| {
            keeper == by || !(self.are_hurt(keeper, by, *since_ms) || self.is_hurt(keeper, back_ms))
        };
        let (keeper, newest) =
            kept.iter().filter(|(keeper, _)| is_reached(keeper)).max_by_key(|(_, it)| *it)?;
        (*newest > gestures).then(|| {
            format!("{by} takes {character:?} up with {gestures} gestures, expected the {newest} that {keeper} has kept")
        })
    }
}
