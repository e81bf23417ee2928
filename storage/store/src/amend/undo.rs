//! The plan of an `undo`.
//!
//! Items go from where they lie now to who had them before the first thing that is taken back. What the world and a
//! player exchanged (a purchase, a stack that was split, something crafted) is taken back whole or not at all: the
//! world gives nothing for what it does not get back.

use super::book::{Book, Reader, Want};
use super::circle::Circle;
use super::gold::{Nets, Trail, is_cash, nets};
use super::guilds::{self, Deeds};
use super::places::Scene;
use super::restore;
use super::tainted::{Group, Turn, groups, turns, world};
use super::{Goal, Left, Mark, Plan, RESTORE, Step, Stop, UNDO, UNDO_SINCE, is_amendment, mark};
use crate::derive;
use model::calls::database::FoundCharacter;
use model::calls::ledger::LocatedItem;
use model::id::{AccountId, GuildId, ItemId, OperationId};
use model::item::Item;
use model::ledger::{Change, GoldAccount, ItemPlace};
use model::transfer::{GoldLocation, ItemLocation, RecordKey};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// One operation.
    Operation(OperationId),
    /// What became of one item; gold that was paid for it stays.
    Item {
        /// Which.
        item: ItemId,
        /// From then on; `None` is its whole life.
        since_ms: Option<i64>,
    },
    /// All operations since a moment.
    Since {
        /// The moment.
        since_ms: i64,
        /// Only those in which this character or the bank of its account took part.
        player: Option<FoundCharacter>,
    },
    /// What became of a character since a moment, as far as it concerns nobody else: see [`super::restore`].
    Restore {
        /// The moment.
        at_ms: i64,
        /// Which.
        player: FoundCharacter,
    },
}

impl Target {
    /// The reason of what takes it back.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Operation(_) | Self::Item { .. } => UNDO,
            Self::Since { .. } => UNDO_SINCE,
            Self::Restore { .. } => RESTORE,
        }
    }

    /// Names it, for its record and the ids of its parts.
    pub(super) fn id(&self) -> OperationId {
        let since = |since_ms: i64| since_ms.to_le_bytes();
        match self {
            Self::Operation(operation) => derive::operation("undo", &[&operation.0.to_le_bytes()]),
            Self::Item { item, since_ms } => {
                let since = since(since_ms.unwrap_or(i64::MIN));
                derive::operation("undo-item", &[&item.0.to_le_bytes(), &since])
            }
            Self::Since { since_ms, player } => {
                let of = player.as_ref().map_or(0, |player| player.character.0);
                derive::operation("undo-since", &[&since(*since_ms), &of.to_le_bytes()])
            }
            Self::Restore { at_ms, player } => {
                derive::operation("restore", &[&since(*at_ms), &player.character.0.to_le_bytes()])
            }
        }
    }
}

/// Plans it.
///
/// # Errors
/// [`Stop::Wants`] names what the book does not have yet.
pub fn plan(book: &Book, target: &Target) -> Result<Plan, Stop> {
    let reader = Reader::new(book);
    let plan = match target {
        Target::Restore { at_ms, player } => restore::made(&reader, target, player, *at_ms),
        _ => made(&reader, target),
    };
    let wants: BTreeSet<Want> = reader.wants();
    if wants.is_empty() { plan.map_err(Stop::No) } else { Err(Stop::Wants(wants)) }
}

fn made(reader: &Reader<'_>, target: &Target) -> Result<Plan, String> {
    let (groups, parts, is_settled) = groups(reader, target)?;
    if !reader.has_all() {
        return Ok(Plan::default());
    }
    let mut planner = Planner::new(reader, target, &groups, is_settled, None);
    planner.plan.parts = parts;
    planner.all(&groups);
    planner.plan.steps.sort_by_key(Step::gives);
    Ok(planner.plan)
}

/// What the exchange of an operation with the world allows.
#[derive(Clone, Copy, Debug)]
struct Law {
    /// The world got something for what it gave.
    is_exchange: bool,
    /// Something that the world gave cannot be taken back any more.
    is_spent: bool,
    /// The world gave gold.
    mints: bool,
}

#[derive(Clone, Copy)]
enum Owner {
    Account(AccountId, Option<ItemPlace>),
    Guild(GuildId, ItemPlace),
    Nobody(&'static str),
}

pub(super) struct Planner<'a> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) target: &'a Target,
    /// What is taken back of each item, oldest first.
    pub(super) lives: BTreeMap<ItemId, Vec<Turn>>,
    laws: BTreeMap<OperationId, Law>,
    /// What became of guilds by them.
    pub(super) deeds: Deeds,
    /// Gold has gone back for this before, so none goes now.
    pub(super) is_settled: bool,
    /// Whose things may be taken, for a restore; everybody's for an undo.
    circle: Option<&'a Circle>,
    pub(super) scene: Scene<'a>,
    pub(super) plan: Plan,
}

pub(super) const FOR_SALE: &str =
    "is for sale in the auction house: cancel the lot, or let it end, and undo again";
pub(super) const SETTLED: &str = "stays: gold went back for this before, and it goes back once";
pub(super) const SPENT: &str =
    "is part of an exchange with the world of which not everything can be taken back";

impl<'a> Planner<'a> {
    /// Of these operations; those that amend others are no turns of items.
    pub(super) fn new(
        reader: &'a Reader<'a>,
        target: &'a Target,
        groups: &[Group<'_>],
        is_settled: bool,
        circle: Option<&'a Circle>,
    ) -> Self {
        let mut lives: BTreeMap<ItemId, Vec<Turn>> = BTreeMap::new();
        for group in groups.iter().filter(|group| !group.amends) {
            for turn in turns(group.operation, &group.entries) {
                lives.entry(turn.item).or_default().push(turn);
            }
        }
        let deeds = guilds::deeds(reader, groups, circle.is_some());
        let (laws, scene, plan) = (BTreeMap::new(), Scene::new(reader), Plan::default());
        let mut planner = Self { reader, target, lives, laws, deeds, is_settled, circle, scene, plan };
        planner.laws = groups.iter().filter(|group| !group.amends).map(|group| planner.law(group)).collect();
        planner
    }

    fn law(&self, group: &Group<'_>) -> (OperationId, Law) {
        let whole: Vec<_> = self.reader.operation(group.operation).iter().collect();
        let all = turns(group.operation, &whole);
        let (minted, burned) = world(&whole);
        let died = |turn: &Turn| turn.after.is_none();
        let is_spent = |turn: &Turn| {
            let life = self.lives.get(&turn.item);
            let mine = life.is_some_and(|turns| turns.iter().any(|one| one.operation == turn.operation));
            let Some(last) = life.and_then(|turns| turns.last()).filter(|_| mine) else { return true };
            let here = self.reader.item(turn.item).filter(|_| last.after.is_some());
            if let (Some(circle), Some(here)) = (self.circle, here)
                && !circle.may_take(self.reader, here, turn.before.is_none())
            {
                return true;
            }
            // what was taken back before is not spent
            if self.is_amended(turn.item, turn.at) {
                return false;
            }
            match (self.reader.item(turn.item), last.after) {
                (_, None) => false,
                (Some(here), Some(_)) => {
                    is_for_sale(here)
                        || (turn.changes() && !is_as_left(life.map(Vec::as_slice).unwrap_or_default(), here))
                }
                (None, Some(_)) => true,
            }
        };
        let made = |turn: &&Turn| turn.before.is_none() || turn.changes();
        let deed = self.deeds.get(&group.operation);
        let law = Law {
            is_exchange: deed.is_some() || burned > 0 || all.iter().any(|turn| died(turn) || turn.changes()),
            is_spent: deed.is_some_and(Result::is_err)
                || all.iter().filter(made).any(is_spent)
                || (minted > 0 && matches!(self.target, Target::Item { .. })),
            mints: minted > 0,
        };
        (group.operation, law)
    }

    /// True when an operator did something to an item after that moment.
    fn is_amended(&self, item: ItemId, after: Mark) -> bool {
        self.reader.life(item).iter().any(|entry| mark(entry) > after && is_amendment(entry))
    }

    /// True when the world gives and takes nothing for that operation.
    pub(super) fn is_closed(&self, operation: OperationId) -> bool {
        self.laws.get(&operation).is_some_and(|law| law.is_exchange && law.is_spent)
    }

    /// Gold first: whether its price comes back decides what becomes of an item that was sold to the world.
    fn all(&mut self, groups: &[Group<'_>]) {
        self.pay(groups);
        self.guilds();
        let ids: Vec<ItemId> = self.lives.keys().copied().collect();
        for item in &ids {
            if self.leaves(*item) {
                self.scene.leaves(*item);
            }
        }
        for item in ids {
            self.item(item);
        }
    }

    /// Where the world does not get back what it paid for something, it gives nothing for it.
    pub(super) fn pay(&mut self, groups: &[Group<'_>]) {
        if !self.gold(groups) {
            for law in self.laws.values_mut().filter(|law| law.is_exchange && law.mints) {
                law.is_spent = true;
            }
            self.scene = Scene::new(self.reader);
            (self.plan.steps, self.plan.left) = (Vec::new(), Vec::new());
            self.gold(groups);
        }
    }

    /// True for an item that certainly gives its place up.
    fn leaves(&self, id: ItemId) -> bool {
        let turns = self.lives.get(&id).map(Vec::as_slice).unwrap_or_default();
        let here = self.reader.item(id).filter(|here| !is_for_sale(here));
        let (Some(first), Some(here)) = (turns.first(), here) else { return false };
        match first.before.map(|(_, place)| self.owner(id, first.at, place)) {
            None => !self.is_closed(first.operation) && !self.is_unpaid(turns),
            Some(owner @ Owner::Account(account, _)) => {
                !has(&owner, here) && self.reader.account(account).is_some()
            }
            Some(Owner::Guild(..) | Owner::Nobody(_)) => false,
        }
    }

    /// True when the world would have to give gold for these, and gold has gone back before.
    pub(super) fn is_unpaid(&self, turns: &[Turn]) -> bool {
        let is_exchange = |turn: &Turn| self.laws.get(&turn.operation).is_some_and(|law| law.is_exchange);
        self.is_settled && turns.iter().any(is_exchange)
    }

    fn item(&mut self, id: ItemId) {
        let turns = self.lives.get(&id).map(Vec::as_slice).unwrap_or_default();
        let (Some(first), Some(last)) = (turns.first().copied(), turns.last().copied()) else { return };
        let closed = turns
            .iter()
            .any(|turn| self.is_closed(turn.operation) && (turn.changes() || turn.before.is_none()))
            || self.is_unpaid(turns);
        match (first.before, self.reader.item(id).copied()) {
            // what was taken back before is not left
            (_, None) if last.after.is_some() && self.is_amended(id, last.at) => {}
            (_, None) if last.after.is_some() => {
                self.leave(Left::item(id, "has ended since, or lies with nobody"))
            }
            (None, None) => {}
            (None, Some(_)) if self.is_closed(first.operation) => self.leave(Left::item(id, SPENT)),
            (None, Some(here)) if is_for_sale(&here) => self.leave(Left::item(id, FOR_SALE)),
            (None, Some(_)) if self.is_unpaid(turns) => self.leave(Left::item(id, SETTLED)),
            (None, Some(here)) => {
                let from = self.from(&here);
                self.plan.steps.push(Step::End { item: here.item, from });
            }
            (Some(_), None) if self.is_closed(last.operation) => self.leave(Left::item(id, SPENT)),
            (Some(before), None) => {
                let new = derive::reborn(id, last.operation);
                if !self.reader.life(new).is_empty() {
                    return; // it was given back before
                }
                if self.is_unpaid(turns) {
                    return self.leave(Left::item(id, SETTLED));
                }
                let changed = turns.iter().any(|turn| turn.changes() && self.is_closed(turn.operation));
                let effects = if changed { last.before.unwrap_or(before).0 } else { before.0 };
                let item = Item { id: new, kind: first.kind, effects };
                if let Some(goal) = self.goal(id, first.at, before.1) {
                    self.plan.steps.push(Step::Make { item, of: id, goal });
                }
            }
            (Some(before), Some(here)) => {
                let as_left = is_as_left(turns, &here);
                let effects = if as_left && !closed { before.0 } else { here.item.effects };
                if effects != before.0 {
                    let why = if closed { SPENT } else { "has been changed since and stays what it is" };
                    self.leave(Left::item(id, why));
                }
                self.bring(&here, first.at, before.1, effects);
            }
        }
    }

    fn bring(&mut self, here: &LocatedItem, at: Mark, old: ItemPlace, effects: [model::Effect; 3]) {
        let id = here.item.id;
        let owner = self.owner(id, at, old);
        let at = ItemLocation { home: here.home, place: here.place };
        if has(&owner, here) {
            if effects != here.item.effects {
                let from = self.from(here);
                self.plan.steps.push(Step::Bring { item: here.item, from, goal: Goal::At(at), effects });
            }
            return;
        }
        if is_for_sale(here) {
            return self.leave(Left::item(id, FOR_SALE));
        }
        if let Some(goal) = self.goal_of(id, owner) {
            let from = self.from(here);
            self.plan.steps.push(Step::Bring { item: here.item, from, goal, effects });
        }
    }

    /// Where an item lies; its record is remembered, for it may end with it.
    pub(super) fn from(&mut self, here: &LocatedItem) -> ItemLocation {
        let key = match here.place {
            ItemPlace::Parcel(id, _) => Some(RecordKey::Parcel(id)),
            ItemPlace::Ground(id) => Some(RecordKey::Ground(id)),
            _ => None,
        };
        self.remember(key);
        ItemLocation { home: here.home, place: here.place }
    }

    fn remember(&mut self, key: Option<RecordKey>) {
        if let Some((key, held)) = key.and_then(|key| Some((key, self.reader.record(key)?))) {
            self.plan.records.insert(key, held.clone());
        }
    }

    fn goal(&mut self, item: ItemId, at: Mark, old: ItemPlace) -> Option<Goal> {
        let owner = self.owner(item, at, old);
        self.goal_of(item, owner)
    }

    fn goal_of(&mut self, item: ItemId, owner: Owner) -> Option<Goal> {
        let (goal, why) = match owner {
            Owner::Account(account, old) => {
                (self.scene.goal(account, old), "belonged to an account that is not there any more")
            }
            Owner::Guild(guild, old) => (self.scene.guild_goal(guild, old), "the bank of its guild is full"),
            Owner::Nobody(why) => (None, why),
        };
        if goal.is_none() {
            self.leave(Left::item(item, why));
        }
        goal
    }

    /// Who had an item at a place; what lay in a lot, in a parcel or on the ground belonged to who had it before.
    fn owner(&self, item: ItemId, at: Mark, old: ItemPlace) -> Owner {
        let mut place = old;
        let mut life = self.reader.life(item).iter().rev().filter(|entry| mark(entry) < at);
        loop {
            match place {
                ItemPlace::Carry(character, _) | ItemPlace::Equip(character, _) => {
                    // what was worn is not put on again: something else may not go with it
                    let slot = matches!(place, ItemPlace::Carry(..)).then_some(place);
                    return match self.reader.character(character) {
                        Some(found) => Owner::Account(found.account, slot.filter(|_| place == old)),
                        None => Owner::Nobody("belonged to a character that is not there any more"),
                    };
                }
                ItemPlace::Cargo(account, _) => {
                    return Owner::Account(account, Some(place).filter(|_| place == old));
                }
                ItemPlace::Guild(guild, _) => return Owner::Guild(guild, place),
                _ => {}
            }
            let before = life.find_map(|entry| match &entry.change {
                Change::Item { before, .. } => Some(before.map(|state| state.place)),
                Change::Gold { .. } => None,
            });
            match before.flatten() {
                Some(before) => place = before,
                None => return Owner::Nobody("belonged to nobody before"),
            }
        }
    }

    pub(super) fn leave(&mut self, left: Left) {
        self.plan.left.push(left);
    }

    /// False when the world does not get all of its gold back.
    fn gold(&mut self, groups: &[Group<'_>]) -> bool {
        let closed: BTreeSet<OperationId> =
            self.laws.keys().copied().filter(|operation| self.is_closed(*operation)).collect();
        let Nets { mut purses, mut world } = nets(groups, &closed);
        let since_ms = groups.first().map_or(0, |group| group.at.0);
        self.resolve(&mut purses);
        let targets: BTreeSet<OperationId> = groups.iter().map(|group| group.operation).collect();
        // what was given back is not tainted again
        let tainted = groups.iter().filter(|group| !group.amends).map(|group| group.operation).collect();
        let trail = Trail { reader: self.reader, targets: &tainted, since_ms };
        let mut sources: Vec<(GoldAccount, i64)> = Vec::new();
        for (purse, net) in purses.iter().filter(|(_, net)| **net > 0 && !self.is_settled) {
            let mut most = *net;
            let is_mine = |holder: &GoldAccount| self.circle.is_none_or(|circle| circle.has_purse(holder));
            for (holder, amount) in trail.of_targets(purse).into_iter().filter(|(holder, _)| is_mine(holder))
            {
                let amount = amount.min(most);
                most -= amount;
                sources.push((holder, amount));
            }
        }
        for (purse, net) in purses.iter().filter(|(_, net)| **net < 0) {
            let mut missing = -*net;
            self.collect(&mut sources, Some(purse), is_cash(purse), &mut missing);
            let given = &mut world[usize::from(is_cash(purse))];
            // what the world took in these operations it gives back, once
            let refund = missing.min(*given).saturating_sub(self.refunded(purse, since_ms, &targets));
            if refund > 0 && !self.is_settled {
                let minted = self.give(refund, None, purse);
                (missing, *given) = (missing - minted, *given - minted);
            }
            if missing > 0 {
                let why = if self.is_settled {
                    "what went back before is all that does"
                } else {
                    "it is spent, or there is no room for it"
                };
                self.leave(Left::gold(missing, format!("of {purse} does not come back: {why}")));
            }
        }
        let mut is_whole = true;
        for (cash, world) in [(false, world[0]), (true, world[1])] {
            let mut missing = -world;
            if missing > 0 {
                self.collect(&mut sources, None, cash, &mut missing);
            }
            if missing > 0 {
                let name = if cash { "cash" } else { "gold" };
                self.leave(Left::gold(
                    missing,
                    format!("of the world's {name} does not come back: it is spent"),
                ));
                is_whole = false;
            }
        }
        is_whole
    }

    /// Pays what is missing out of what is left of it; `None` is the world.
    fn collect(
        &mut self,
        sources: &mut [(GoldAccount, i64)],
        to: Option<&GoldAccount>,
        cash: bool,
        missing: &mut i64,
    ) {
        for (from, left) in sources.iter_mut().filter(|(from, _)| is_cash(from) == cash && Some(from) != to) {
            if matches!(from, GoldAccount::Lot(_)) {
                continue; // its bid stands for it
            }
            let Some(home) = self.scene.home(from) else { continue };
            let most = (*left).min(*missing).min(self.scene.balance(from));
            let amount = match to {
                Some(to) => self.give(most, Some(&(from.clone(), home)), to),
                None => {
                    let account = GoldAccount::Burn(self.target.reason().to_owned());
                    self.paid(most, (from.clone(), home), GoldLocation { home, account })
                }
            };
            (*left, *missing) = (*left - amount, *missing - amount);
        }
    }

    /// What operators had the world give to a purse since, for other reasons than these.
    fn refunded(&self, purse: &GoldAccount, since_ms: i64, targets: &BTreeSet<OperationId>) -> i64 {
        let entries = self.reader.holder(purse, since_ms).iter();
        let amended = entries.filter(|entry| {
            is_amendment(entry) && entry.operation.is_none_or(|operation| !targets.contains(&operation))
        });
        let given = amended.filter_map(|entry| match &entry.change {
            Change::Gold { amount, from, .. } if matches!(from.account, GoldAccount::Mint(_)) => {
                Some(*amount)
            }
            _ => None,
        });
        given.sum()
    }

    /// Into a purse, or into the bank of its account where the purse is full; how much.
    fn give(&mut self, amount: i64, from: Option<&(GoldAccount, AccountId)>, to: &GoldAccount) -> i64 {
        let mut given = 0;
        let mut purses = vec![to.clone()];
        if let (GoldAccount::Character(_), Some(account)) = (to, self.scene.home(to)) {
            purses.push(GoldAccount::Cargo(account));
        }
        for purse in purses {
            let Some(home) = self.scene.home(&purse) else { continue };
            let part = (amount - given).min(self.scene.room(&purse));
            if from.is_some_and(|(from, _)| *from == purse) {
                continue;
            }
            let from = from.cloned().unwrap_or_else(|| (self.mint(), home));
            given += self.paid(part, from, GoldLocation { home, account: purse });
        }
        given
    }

    fn paid(&mut self, amount: i64, (account, home): (GoldAccount, AccountId), to: GoldLocation) -> i64 {
        if amount <= 0 {
            return 0;
        }
        let known = |account: &GoldAccount| !matches!(account, GoldAccount::Mint(_) | GoldAccount::Burn(_));
        self.scene.pay(
            Some(&account).filter(|it| known(it)),
            Some(&to.account).filter(|it| known(it)),
            amount,
        );
        if let GoldAccount::Parcel(id) = account {
            self.remember(Some(RecordKey::Parcel(id)));
        }
        self.plan.steps.push(Step::Pay { amount, from: GoldLocation { home, account }, to });
        amount
    }

    /// What came out of a lot or a parcel belonged to who had put it in.
    fn resolve(&self, purses: &mut BTreeMap<GoldAccount, i64>) {
        let escrows: Vec<(GoldAccount, i64)> = purses
            .iter()
            .filter(|(purse, net)| **net < 0 && matches!(purse, GoldAccount::Lot(_) | GoldAccount::Parcel(_)))
            .map(|(purse, net)| (purse.clone(), *net))
            .collect();
        for (escrow, net) in escrows {
            let payer = self.reader.holder(&escrow, 0).iter().rev().find_map(|entry| match &entry.change {
                Change::Gold { from, to, .. } if to.account == escrow => Some(match &from.account {
                    GoldAccount::Elsewhere(account) => GoldAccount::Cargo(*account),
                    other => other.clone(),
                }),
                _ => None,
            });
            if let Some(payer) = payer.filter(|payer| !matches!(payer, GoldAccount::Mint(_))) {
                purses.remove(&escrow);
                *purses.entry(payer).or_default() += net;
            }
        }
        purses.retain(|_, net| *net != 0);
    }
}

/// True when nobody but the targets has changed what an item is.
pub(super) fn is_as_left(turns: &[Turn], here: &LocatedItem) -> bool {
    let effects = |state: Option<([model::Effect; 3], ItemPlace)>| state.map(|(effects, _)| effects);
    let follows = |pair: &[Turn]| effects(pair[0].after) == effects(pair[1].before);
    let last = turns.last().and_then(|turn| effects(turn.after));
    turns.windows(2).all(follows) && last == Some(here.item.effects)
}

/// True when an item is with its owner.
fn has(owner: &Owner, here: &LocatedItem) -> bool {
    match (owner, here.place) {
        (_, ItemPlace::Ground(_)) | (Owner::Account(..), ItemPlace::Guild(..)) => false,
        (Owner::Account(account, _), _) => here.home == *account,
        (Owner::Guild(guild, _), ItemPlace::Guild(now, _)) => *guild == now,
        _ => false,
    }
}

pub(super) fn is_for_sale(here: &LocatedItem) -> bool {
    matches!(here.place, ItemPlace::Lot(..))
}
