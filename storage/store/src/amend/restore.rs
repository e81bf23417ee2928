//! The plan of a `restore-character`: an undo of what happened to one character since a moment, as far as it concerns
//! nobody but its account and the world. Nothing is taken from anybody else.
//!
//! ```text
//!   held then:  with the account, or on the ground where it dropped it   back to its slot
//!               dead by its own doing                                    lives again, for its price
//!               with somebody else, or ended by them                     left, with the operation
//!   not held:   the world gave it since                                  ends, for its price
//!               out of the own bank                                      back to the bank
//!               got from others                                          stays; out of the way if it is in the way
//! ```
//! Gold likewise. Then the character becomes what it was then.

use super::book::Reader;
use super::circle::Circle;
use super::minutes::Parts;
use super::tainted::{Group, Turn, groups};
use super::undo::{FOR_SALE, Planner, SETTLED, SPENT, Target, is_as_left, is_for_sale};
use super::{Goal, Left, Plan, Regain, Step, is_amendment};
use crate::derive;
use crate::ledger::{OPENING, STARTER};
use model::calls::database::{FoundCharacter, ProgressThen};
use model::calls::ledger::LocatedItem;
use model::character::{Character, Progress};
use model::id::{ItemId, OperationId};
use model::item::{Effect, Item, ItemKind};
use model::ledger::{Change, Entry, GoldAccount, ItemPlace};
use model::transfer::ItemLocation;
use std::collections::{BTreeMap, BTreeSet};

/// How often an item that ended and lives again is followed.
const LIVES: usize = 64;

/// An item that the character had.
#[derive(Clone, Copy, Debug)]
struct Held {
    kind: ItemKind,
    effects: [Effect; 3],
    place: ItemPlace,
}

/// One that goes back to its slot.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    item: Item,
    /// `None` when it has to live again in place of that one.
    here: Option<LocatedItem>,
    of: ItemId,
    place: ItemPlace,
    effects: [Effect; 3],
}

pub(super) fn made(
    reader: &Reader<'_>,
    target: &Target,
    player: &FoundCharacter,
    at_ms: i64,
) -> Result<Plan, String> {
    let (known, household) = (reader.progress(player, at_ms), reader.account(player.account));
    let (groups, parts, is_settled) = groups(reader, target)?;
    let entries = reader.holder(&GoldAccount::Character(player.character), at_ms);
    let (Some(known), true) = (known, reader.has_all()) else { return Ok(Plan::default()) };
    let then = then(known, player, at_ms)?;
    let Some((household, hero)) = household.and_then(|it| Some((it, it.of(player.character)?))) else {
        return Err(format!("{} is not there any more", player.name));
    };
    let circle = Circle {
        account: player.account,
        character: player.character,
        at_ms,
        own: household.characters.iter().map(|character| character.id).collect(),
    };
    let (amends, done): (Vec<Group<'_>>, Vec<Group<'_>>) = groups.into_iter().partition(|group| group.amends);
    let (mut alone, shared): (Vec<Group<'_>>, Vec<Group<'_>>) =
        done.into_iter().partition(|group| circle.is_alone(group));
    if is_settled {
        // what went back is not missed
        alone.extend(amends);
        alone.sort_by_key(|group| group.at);
    }
    let mut planner = Planner::new(reader, target, &alone, is_settled, Some(&circle));
    planner.plan.parts = parts;
    planner.pay(&alone);
    planner.guilds();
    let mut restorer = Restorer { planner, circle: &circle };
    restorer.items(&held(hero, entries, &circle), hero);
    restorer.paid_to_others(&shared);
    let mut plan = restorer.planner.plan;
    // what makes room first, then payments, then what the world gives
    plan.steps.sort_by_key(|step| (step.gives(), matches!(step, Step::Pay { .. })));
    let from = hero.hard.progress();
    // guild and rank are the guild's business too, and stay
    let to = Progress { guild: from.guild, guild_rank: from.guild_rank, ..then };
    plan.regain = (from != to).then_some(Regain {
        character: player.character,
        account: player.account,
        from,
        since_ms: known.newest_ms,
        to,
    });
    Ok(plan)
}

/// What the character had become then; `Err` says why that is not known.
fn then(known: &ProgressThen, player: &FoundCharacter, at_ms: i64) -> Result<Progress, String> {
    let name = &player.name;
    if let Some(horizon_ms) = known.horizon_ms.filter(|horizon_ms| at_ms < *horizon_ms) {
        return Err(format!(
            "found the time {at_ms}, expected {horizon_ms} or later (milliseconds since 1970): what happened to {name} \
             before that is past the retention of the ledger"
        ));
    }
    let Some((first_ms, why)) = &known.first else { return Err(format!("{name} is not there any more")) };
    known.then.ok_or_else(|| {
        let what = match why.as_str() {
            OPENING => "levels and skills were not kept before that",
            _ => "it was made then",
        };
        format!("found the time {at_ms}, expected {first_ms} or later (milliseconds since 1970) for {name}: {what}")
    })
}

/// What the character wore and carried at the moment: from what it has now, back through all entries since.
fn held(hero: &Character, entries: &[Entry], circle: &Circle) -> BTreeMap<ItemId, Held> {
    let mut held: BTreeMap<ItemId, Held> = on(hero)
        .map(|(item, place)| (item.id, Held { kind: item.kind, effects: item.effects, place }))
        .collect();
    for entry in entries.iter().rev().filter(|entry| entry.reason != STARTER) {
        let Change::Item { item, kind, before, after } = &entry.change else { continue };
        if after.is_some_and(|state| circle.is_on(&state.place)) {
            held.remove(item);
        }
        if let Some(state) = before.filter(|state| circle.is_on(&state.place)) {
            held.insert(*item, Held { kind: *kind, effects: state.effects, place: state.place });
        }
    }
    held
}

/// What a character wears and carries.
fn on(hero: &Character) -> impl Iterator<Item = (Item, ItemPlace)> {
    let id = hero.id;
    let equip =
        hero.equip.iter().enumerate().map(move |(slot, item)| (item, ItemPlace::Equip(id, slot as u8)));
    let carry =
        hero.carry.iter().enumerate().map(move |(slot, item)| (item, ItemPlace::Carry(id, slot as u8)));
    equip.chain(carry).filter_map(|(item, place)| Some(((*item)?, place)))
}

struct Restorer<'a> {
    planner: Planner<'a>,
    circle: &'a Circle,
}

impl Restorer<'_> {
    fn items(&mut self, held: &BTreeMap<ItemId, Held>, hero: &Character) {
        let wanted: Vec<Wanted> = held.iter().filter_map(|(id, then)| self.wanted(*id, then)).collect();
        let mut named: BTreeSet<ItemId> = held.keys().copied().collect();
        named.extend(wanted.iter().map(|wanted| wanted.item.id));
        let others: Vec<ItemId> =
            self.planner.lives.keys().copied().filter(|item| !named.contains(item)).collect();
        let ended: BTreeSet<ItemId> = others.iter().copied().filter(|item| self.ends(*item)).collect();
        self.clear(&wanted, &named, &ended, hero);
        for here in wanted.iter().filter_map(|wanted| wanted.here) {
            self.planner.scene.leaves(here.item.id);
        }
        for one in &wanted {
            self.back(one);
        }
        for item in others {
            self.other(item);
        }
    }

    fn turns(&self, item: ItemId) -> Vec<Turn> {
        self.planner.lives.get(&item).cloned().unwrap_or_default()
    }

    /// Where an item is that the character had, and what it is to be; what does not come back is left.
    fn wanted(&mut self, id: ItemId, then: &Held) -> Option<Wanted> {
        let mut item = id;
        for _ in 0..LIVES {
            if let Some(here) = self.planner.reader.item(item).copied() {
                return self.living(here, then);
            }
            let ended = self.planner.reader.life(item).last();
            let new = ended.and_then(|entry| entry.operation).map(|by| derive::reborn(item, by));
            match new.filter(|new| !self.planner.reader.life(*new).is_empty()) {
                Some(new) => item = new,
                None => return self.dead(item, ended, then),
            }
        }
        None
    }

    fn living(&mut self, here: LocatedItem, then: &Held) -> Option<Wanted> {
        let id = here.item.id;
        if self.circle.has(&here) {
            let effects = self.reverted(&here);
            return Some(Wanted { item: here.item, here: Some(here), of: id, place: then.place, effects });
        }
        if is_for_sale(&here) && here.home == self.circle.account {
            self.planner.leave(Left::item(id, FOR_SALE));
        } else {
            self.gone(id, "is with somebody else");
        }
        None
    }

    /// One that ended lives again when it was the character's own doing, and the world gets its price.
    fn dead(&mut self, id: ItemId, ended: Option<&Entry>, then: &Held) -> Option<Wanted> {
        let turns = self.turns(id);
        let last = turns.last().filter(|turn| turn.after.is_none());
        if ended.is_some_and(is_amendment) {
            self.planner.leave(Left::item(id, "was ended by an operator"));
            return None;
        }
        let Some(last) = last else {
            self.gone(id, "ended with somebody else");
            return None;
        };
        if let Some(why) = self.bars(&turns, last.operation) {
            self.planner.leave(Left::item(id, why));
            return None;
        }
        let effects = self.effects_of_dead(&turns, then.effects);
        let item = Item { id: derive::reborn(id, last.operation), kind: then.kind, effects };
        Some(Wanted { item, here: None, of: id, place: then.place, effects })
    }

    /// Why the world gives and takes nothing for an item.
    fn bars(&self, turns: &[Turn], operation: OperationId) -> Option<&'static str> {
        if self.planner.is_closed(operation) {
            return Some(SPENT);
        }
        self.planner.is_unpaid(turns).then_some(SETTLED)
    }

    fn effects_of_dead(&self, turns: &[Turn], before: [Effect; 3]) -> [Effect; 3] {
        let is_kept = turns.iter().any(|turn| turn.changes() && self.planner.is_closed(turn.operation));
        let last = turns.last().and_then(|turn| turn.before).map(|(effects, _)| effects);
        let first = turns.first().and_then(|turn| turn.before).map(|(effects, _)| effects);
        let old = if is_kept { last } else { first };
        old.unwrap_or(before)
    }

    /// What an item is without what its owner had done to it since.
    fn reverted(&mut self, here: &LocatedItem) -> [Effect; 3] {
        let turns = self.turns(here.item.id);
        let Some((before, _)) = turns.first().and_then(|turn| turn.before) else { return here.item.effects };
        let closed = turns.iter().any(|turn| turn.changes() && self.planner.is_closed(turn.operation))
            || self.planner.is_unpaid(&turns);
        if is_as_left(&turns, here) && !closed {
            return before;
        }
        if before != here.item.effects {
            let why = if closed { SPENT } else { "has been changed since and stays what it is" };
            self.planner.leave(Left::item(here.item.id, why));
        }
        here.item.effects
    }

    /// Left with the operation by which the account gave it away last.
    fn gone(&mut self, id: ItemId, what: &str) {
        let gave = |entry: &&Entry| match &entry.change {
            Change::Item { before: Some(before), after, .. } => {
                entry.at_ms >= self.circle.at_ms
                    && self.circle.has_place(&before.place)
                    && after.is_none_or(|after| !self.circle.has_place(&after.place))
            }
            _ => false,
        };
        let entry = self.planner.reader.life(id).iter().rev().find(gave);
        let why = match entry.and_then(|entry| Some((entry, entry.operation?))) {
            Some((entry, operation)) if is_amendment(entry) => {
                format!("was taken back by an operator: operation {:032x}", operation.0)
            }
            Some((_, operation)) => format!("{what}: wydbr undo --operation {:032x}", operation.0),
            None => what.to_owned(),
        };
        self.planner.leave(Left::item(id, why));
    }

    /// Ends what the world gave since, when the world can have it back.
    fn ends(&mut self, id: ItemId) -> bool {
        let turns = self.turns(id);
        let here = self.planner.reader.item(id).copied();
        let given = turns.first().filter(|turn| self.circle.is_from_world(self.planner.reader, turn));
        let (Some(first), Some(here)) = (given, here) else { return false };
        if let Some(why) = self.bars(&turns, first.operation) {
            self.planner.leave(Left::item(id, why));
            return false;
        }
        if !self.circle.may_take(self.planner.reader, &here, true) {
            let is_back = self.circle.has(&here);
            self.planner.leave(Left::item(
                id,
                if is_back { "came back from somebody else" } else { "is with somebody else" },
            ));
            return false;
        }
        let from = self.planner.from(&here);
        self.planner.plan.steps.push(Step::End { item: here.item, from });
        self.planner.scene.leaves(id);
        true
    }

    /// Takes out of the way what the character did not have then. Free places are those of now, so that this can be
    /// done before anything else moves.
    fn clear(
        &mut self,
        wanted: &[Wanted],
        named: &BTreeSet<ItemId>,
        ended: &BTreeSet<ItemId>,
        hero: &Character,
    ) {
        let slots: BTreeSet<ItemPlace> = wanted.iter().map(|wanted| wanted.place).collect();
        for (item, place) in
            on(hero).filter(|(item, _)| !named.contains(&item.id) && !ended.contains(&item.id))
        {
            let first = self.turns(item.id).first().and_then(|turn| turn.before);
            let bank = first.map(|(_, old)| old).filter(|old| matches!(old, ItemPlace::Cargo(..)));
            // what is worn may not go with what was worn then
            if bank.is_none() && !slots.contains(&place) && !matches!(place, ItemPlace::Equip(..)) {
                continue;
            }
            let account = self.circle.account;
            let here = LocatedItem { item, home: account, place };
            let effects = self.reverted(&here);
            if let Some(goal) = self.planner.scene.goal(account, bank) {
                let from = ItemLocation { home: account, place };
                self.planner.plan.steps.push(Step::Bring { item, from, goal, effects });
                self.planner.scene.leaves(item.id);
            }
        }
    }

    /// Back to its slot.
    fn back(&mut self, wanted: &Wanted) {
        let Wanted { item, here, of, place, effects } = *wanted;
        let account = self.circle.account;
        let slot = Goal::At(ItemLocation { home: account, place });
        if let Some(here) = here.filter(|here| here.place == place) {
            if effects != item.effects {
                let from = self.planner.from(&here);
                self.planner.plan.steps.push(Step::Bring { item, from, goal: slot, effects });
            }
            return;
        }
        let free = self.planner.scene.take(account, place);
        let Some(goal) = free.or_else(|| self.planner.scene.goal(account, None)) else { return };
        let from = here.map(|here| self.planner.from(&here));
        self.planner.plan.steps.push(match from {
            Some(from) => Step::Bring { item, from, goal, effects },
            None => Step::Make { item, of, goal },
        });
    }

    /// What the character did not have then, and what its own doing changed or ended since.
    fn other(&mut self, id: ItemId) {
        let turns = self.turns(id);
        let (Some(first), Some(last)) = (turns.first(), turns.last()) else { return };
        let Some((before, old)) = first.before else { return };
        let account = self.circle.account;
        match self.planner.reader.item(id).copied() {
            Some(here) if self.circle.has(&here) => {
                let is_planned = |step: &Step| matches!(step, Step::Bring { item, .. } if item.id == id);
                if self.planner.plan.steps.iter().any(is_planned) {
                    return;
                }
                let effects = self.reverted(&here);
                if effects != here.item.effects {
                    let from = self.planner.from(&here);
                    self.planner.plan.steps.push(Step::Bring {
                        item: here.item,
                        from,
                        goal: Goal::At(from),
                        effects,
                    });
                }
            }
            None if last.after.is_none() => {
                let new = derive::reborn(id, last.operation);
                if !self.planner.reader.life(new).is_empty() {
                    return; // it was given back before
                }
                if let Some(why) = self.bars(&turns, last.operation) {
                    return self.planner.leave(Left::item(id, why));
                }
                let item = Item { id: new, kind: first.kind, effects: self.effects_of_dead(&turns, before) };
                let old = Some(old)
                    .filter(|old| self.circle.has_place(old) && !matches!(old, ItemPlace::Equip(..)));
                if let Some(goal) = self.planner.scene.goal(account, old) {
                    self.planner.plan.steps.push(Step::Make { item, of: id, goal });
                }
            }
            _ => {}
        }
    }

    /// Gold that somebody else got is left with the operation, unless that was taken back.
    fn paid_to_others(&mut self, shared: &[Group<'_>]) {
        let purse = GoldAccount::Character(self.circle.character);
        for group in shared {
            let change: i64 = group
                .entries
                .iter()
                .map(|entry| match &entry.change {
                    Change::Gold { amount, from, .. } if from.account == purse => -*amount,
                    Change::Gold { amount, to, .. } if to.account == purse => *amount,
                    _ => 0,
                })
                .sum();
            let undone = Parts::key(Target::Operation(group.operation).id());
            if change < 0 && self.planner.reader.record(undone).is_none() {
                let why = format!("went to somebody else: wydbr undo --operation {:032x}", group.operation.0);
                self.planner.leave(Left::gold(-change, why));
            }
        }
    }
}
