//! Items on the ground: laid down, seen, grabbed by exactly one, gone after a while.
//!
//! An item on the ground is a row and a record of the store; the zone shows it. Of two who grab it in one zone
//! the first locks it; if two zones believe to have it, the record decides. So an item of another zone that lies near the
//! border can be taken as any other; its zone is told.

use super::{No, Then, UnderWay};
use crate::effects::{Effects, Job, JobId, Work};
use crate::path;
use crate::plan::{Change, GroundRecord, Plan, Spot, carry};
use crate::tick::Tick;
use crate::zone::Zone;
use model::event::NoticeKey;
use model::sight::{GroundSight, Sighting};
use model::transfer::TransferRefusal;
use model::{AccountId, Event, GroundId, Item, Slot, Tile, ZoneId};
use rules::bag;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How long an item lies there.
const LIES: u64 = 90 * Tick::PER_SECOND;
/// How far a player reaches, on both axes.
const REACH: u16 = 3;
/// Most items on the ground of one zone: fewer than a client has numbers for.
const GROUND_MAX: usize = 2_000;
/// When an expiry is tried again that came to nothing.
const EXPIRE_AGAIN: u64 = 10 * Tick::PER_SECOND;
/// How long it is remembered what was taken away: longer than the store's answer to what lies here may be old.
const LIFTED_FOR: u64 = 30 * Tick::PER_SECOND;
/// Items that end in one step; the others in the next.
const EXPIRED_AT_ONCE: usize = 64;

/// An item that lies on the ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lying {
    /// This stay on the ground.
    pub id: GroundId,
    /// Who dropped it: where its row is found.
    pub home: AccountId,
    /// What it is.
    pub item: Item,
    /// Where it lies.
    pub tile: Tile,
    /// Orientation 0..3.
    pub rotate: u8,
    /// Version of its record.
    pub version: u64,
    /// When it ends.
    pub until: Tick,
}

#[derive(Debug)]
struct OnGround {
    lying: Lying,
    /// The job that takes it away.
    taken: Option<JobId>,
    /// The zone that it lies in, when that is another one: it does not end here by itself.
    told_by: Option<ZoneId>,
}

/// What lies on the ground of a zone.
#[derive(Debug, Default)]
pub(crate) struct Ground {
    all: BTreeMap<GroundId, OnGround>,
    due: BTreeSet<(Tick, GroundId)>,
    /// What was taken away lately, and when; at most [`GROUND_MAX`].
    lifted: VecDeque<(Tick, GroundId)>,
}

impl Ground {
    /// When the next item ends.
    pub(crate) fn first_due(&self) -> Option<Tick> {
        self.due.first().map(|(due, _)| *due)
    }

    fn remember_lifted(&mut self, ground: GroundId, now: Tick) {
        while self.lifted.front().is_some_and(|(at, _)| at.plus(LIFTED_FOR) <= now) {
            self.lifted.pop_front();
        }
        if self.lifted.len() >= GROUND_MAX {
            self.lifted.pop_front();
        }
        self.lifted.push_back((now, ground));
    }

    /// True when the zone knows better than whoever read before that it lies there.
    fn was_lifted(&self, ground: GroundId, now: Tick) -> bool {
        self.lifted.iter().any(|(at, lifted)| *lifted == ground && at.plus(LIFTED_FOR) > now)
    }
}

fn sight(lying: &Lying) -> GroundSight {
    let Lying { id, home, item, tile, rotate, version, .. } = *lying;
    GroundSight { id, home, item, tile, rotate, version }
}

fn appeared(lying: &Lying, fell: bool) -> Event {
    let Lying { id, tile, rotate, item, .. } = *lying;
    Event::GroundAppeared { ground: id, tile, shown: item.spec(), rotate, fell }
}

impl Zone {
    /// Puts items on the ground that the store says lie there.
    pub(crate) fn lay_all(&mut self, found: Vec<Lying>, fx: &mut Effects) {
        for lying in found {
            self.lay(lying, false, None, fx);
        }
    }

    /// Puts an item on the ground; who sees it is told.
    fn lay(&mut self, lying: Lying, fell: bool, told_by: Option<ZoneId>, fx: &mut Effects) {
        let here = self.grid.holds(lying.tile);
        let known = self.ground.all.contains_key(&lying.id) || self.ground.was_lifted(lying.id, self.now);
        if !here || known {
            return;
        }
        self.grid.lay(lying.id, lying.tile);
        if told_by.is_none() {
            self.ground.due.insert((lying.until, lying.id));
            fx.noted_ground.push((lying.tile, Sighting::Lies { item: sight(&lying), fell }));
        }
        self.ground.all.insert(lying.id, OnGround { lying, taken: None, told_by });
        self.tell_around(lying.tile, appeared(&lying, fell), fx);
    }

    /// What lies on the ground, for tests and operators.
    pub fn lying(&self) -> impl Iterator<Item = &Lying> {
        self.ground.all.values().map(|on_ground| &on_ground.lying)
    }

    pub(super) fn drop_item(
        &mut self,
        slot: usize,
        from: Slot,
        tile: Tile,
        rotate: u8,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let item = self.free_item(slot, from)?;
        if self.ground.all.len() >= GROUND_MAX {
            return Err(NoticeKey::NoRoom.into());
        }
        let tile = self.free_ground(self.entities[slot].tile, tile).ok_or(NoticeKey::NoRoom)?;
        let home = self.player(slot)?.character.account;
        let id = GroundId(self.ids_of_ground.id63());
        let rotate = rotate & 3;
        let until = self.now.plus(LIES);
        let lying = Lying { id, home, item, tile, rotate, version: 1, until };
        let to = Spot::Ground { id, home };
        let change = Change::Move { item, from: Spot::Own(from), to, effects: item.effects };
        let record = GroundRecord::Lay { id, home, tile, rotate, for_ms: LIES * Tick::MS };
        let plan = Plan { ground: Some(record), ..Plan::of("drop", vec![change]) };
        self.begin(slot, plan, Then::Dropped { from, lying }, fx);
        Ok(())
    }

    /// The free tile nearest to the wanted one that a player reaches.
    fn free_ground(&self, stands: Tile, wanted: Tile) -> Option<Tile> {
        let near = |tile: Tile| tile.distance(stands) <= REACH;
        let center = if near(wanted) { wanted } else { stands };
        let promised: BTreeSet<Tile> = self.jobs.values().filter_map(promised).collect();
        path::rings(center).take((4 * usize::from(REACH) + 1).pow(2)).find(|tile| {
            near(*tile)
                && self.contains(*tile)
                && !self.content.terrain.is_blocked(*tile)
                && !promised.contains(tile)
                && self.grid.lying_on(*tile).is_none()
        })
    }

    pub(super) fn has_dropped(&mut self, slot: Option<usize>, from: Slot, lying: Lying, fx: &mut Effects) {
        if let Some(player) = slot.and_then(|slot| self.entities[slot].player()) {
            let Lying { tile, rotate, .. } = lying;
            fx.tell(player.session, Event::Dropped { from, tile, rotate });
        }
        let lying = Lying { until: self.now.plus(LIES), ..lying };
        self.lay(lying, true, None, fx);
    }

    pub(super) fn pick_up(
        &mut self,
        slot: usize,
        ground: GroundId,
        to: u8,
        fx: &mut Effects,
    ) -> Result<(), No> {
        let player = self.player(slot)?;
        let Some(on_ground) = self.ground.all.get(&ground) else {
            fx.tell(player.session, Event::GroundGone { ground });
            return Err(NoticeKey::ItemGone.into());
        };
        if on_ground.lying.tile.distance(self.entities[slot].tile) > REACH {
            return Err(NoticeKey::TooFar.into());
        }
        if on_ground.taken.is_some() {
            return Err(NoticeKey::ItemGone.into());
        }
        let free = bag::free_slot(&player.character.carry, Some(to)).ok_or(NoticeKey::NoRoom)?;
        let Lying { id, home, item, version, .. } = on_ground.lying;
        let from = Spot::Ground { id, home };
        let change = Change::Move { item, from, to: Spot::Own(carry(free)), effects: item.effects };
        let record = GroundRecord::Lift { id, home, version };
        let plan = Plan { ground: Some(record), ..Plan::of("pick-up", vec![change]) };
        self.begin(slot, plan, Then::PickedUp(ground), fx);
        let job = JobId(self.last_job);
        if let Some(on_ground) = self.ground.all.get_mut(&ground) {
            on_ground.taken = Some(job);
        }
        Ok(())
    }

    pub(super) fn has_picked_up(
        &mut self,
        slot: Option<usize>,
        ground: GroundId,
        plan: &Plan,
        fx: &mut Effects,
    ) {
        let lies_in = self.ground.all.get(&ground).and_then(|on_ground| on_ground.told_by);
        self.lift(ground, fx);
        if let Some(zone) = lies_in {
            fx.sights.push((zone, false, vec![Sighting::Taken { ground }]));
        }
        let Some(player) = slot.and_then(|slot| self.entities[slot].player()) else { return };
        for slot in plan.slots() {
            if let Some(item) = crate::plan::item_in(&player.character, slot) {
                fx.tell(player.session, Event::PickedUp { slot, item });
            }
        }
    }

    pub(super) fn not_picked_up(
        &mut self,
        ground: GroundId,
        refusal: Option<&TransferRefusal>,
        fx: &mut Effects,
    ) {
        if refusal.is_some_and(|refusal| self.tells_it_is_gone(ground, refusal)) {
            self.lift(ground, fx);
        } else if let Some(on_ground) = self.ground.all.get_mut(&ground) {
            on_ground.taken = None;
        }
    }

    fn tells_it_is_gone(&self, ground: GroundId, refusal: &TransferRefusal) -> bool {
        let item = self.ground.all.get(&ground).map(|on_ground| on_ground.lying.item.id);
        match refusal {
            TransferRefusal::RecordChanged(_) => true,
            TransferRefusal::ItemGone(gone) => item == Some(*gone),
            _ => false,
        }
    }

    /// Takes an item off the ground and tells who saw it.
    pub(super) fn lift(&mut self, ground: GroundId, fx: &mut Effects) {
        let Some(OnGround { lying, told_by, .. }) = self.ground.all.remove(&ground) else { return };
        if told_by.is_none() {
            fx.noted_ground.push((lying.tile, Sighting::Lifted { ground }));
        }
        self.ground.due.remove(&(lying.until, ground));
        self.ground.remember_lifted(ground, self.now);
        self.grid.lift(ground, lying.tile);
        self.tell_around(lying.tile, Event::GroundGone { ground }, fx);
    }

    /// What lies near a neighbour that is told everything.
    pub(crate) fn lies_near(&self, sees: impl Fn(Tile) -> bool) -> impl Iterator<Item = Sighting> {
        let own = self.ground.all.values().filter(|on_ground| on_ground.told_by.is_none());
        let near = own.filter(move |on_ground| sees(on_ground.lying.tile));
        near.map(|on_ground| Sighting::Lies { item: sight(&on_ground.lying), fell: false })
    }

    /// A neighbour tells of an item on its ground.
    pub(crate) fn lies_there(&mut self, from: ZoneId, item: GroundSight, fell: bool, fx: &mut Effects) {
        let GroundSight { id, home, item, tile, rotate, version } = item;
        let lying = Lying { id, home, item, tile, rotate, version, until: Tick(u64::MAX) };
        self.lay(lying, fell, Some(from), fx);
    }

    /// A neighbour says that an item of its ground is gone, or that somebody there has taken one of this zone.
    pub(crate) fn is_gone(&mut self, ground: GroundId, lay_in: Option<ZoneId>, fx: &mut Effects) {
        if self.ground.all.get(&ground).is_some_and(|on_ground| on_ground.told_by == lay_in) {
            self.lift(ground, fx);
        }
    }

    /// Neighbours that told of items, each once for each of them.
    pub(crate) fn told_by(&self) -> impl Iterator<Item = ZoneId> + '_ {
        self.ground.all.values().filter_map(|on_ground| on_ground.told_by)
    }

    /// Items that a neighbour told of and that are not among those that it names now.
    pub(crate) fn not_named(&self, from: ZoneId, named: impl Fn(GroundId) -> bool) -> Vec<GroundId> {
        let of_zone = self.ground.all.iter().filter(|(_, on_ground)| on_ground.told_by == Some(from));
        of_zone.map(|(ground, _)| *ground).filter(|ground| !named(*ground)).collect()
    }

    /// Asks for the end of what lay long enough.
    pub(crate) fn expire(&mut self, fx: &mut Effects) {
        for _ in 0..EXPIRED_AT_ONCE {
            let Some((due, ground)) = self.ground.due.first().copied() else { return };
            if due > self.now {
                return;
            }
            self.ground.due.remove(&(due, ground));
            let job = self.last_job + 1;
            let Some(on_ground) = self.ground.all.get_mut(&ground) else { continue };
            if on_ground.taken.is_some() {
                self.expire_later(ground);
                continue;
            }
            on_ground.taken = Some(JobId(job));
            self.last_job = job;
            let plan = Plan::expiry(&on_ground.lying);
            fx.jobs.push(Job { id: JobId(job), who: None, work: Work::Transfer(plan.clone()) });
            self.jobs.insert(JobId(job), UnderWay { session: None, plan, then: Then::Expired(ground) });
        }
    }

    fn expire_later(&mut self, ground: GroundId) {
        let until = self.now.plus(EXPIRE_AGAIN);
        if let Some(on_ground) = self.ground.all.get_mut(&ground) {
            on_ground.lying.until = until;
            self.ground.due.insert((until, ground));
        }
    }

    pub(super) fn not_expired(
        &mut self,
        ground: GroundId,
        refusal: Option<&TransferRefusal>,
        fx: &mut Effects,
    ) {
        if refusal.is_some() {
            // whatever the store has there, it is not this any more
            return self.lift(ground, fx);
        }
        if let Some(on_ground) = self.ground.all.get_mut(&ground) {
            on_ground.taken = None;
        }
        self.expire_later(ground);
    }

    /// What a player on a tile who came from another (or from nowhere) begins and ceases to see of the ground.
    pub(crate) fn look_at_ground(&self, slot: usize, from: Option<Tile>, to: Tile, fx: &mut Effects) {
        let Some(player) = self.entities[slot].player() else { return };
        if let Some(from) = from {
            for (ground, _) in self.grid.lying_near(from).filter(|(_, tile)| !to.sees(*tile)) {
                fx.tell(player.session, Event::GroundGone { ground });
            }
        }
        let new = |tile: Tile| from.is_none_or(|from| !from.sees(tile));
        for (ground, _) in self.grid.lying_near(to).filter(|(_, tile)| new(*tile)) {
            if let Some(on_ground) = self.ground.all.get(&ground) {
                fx.tell(player.session, appeared(&on_ground.lying, false));
            }
        }
    }
}

/// The tile that a drop under way will take.
fn promised(under_way: &UnderWay) -> Option<Tile> {
    match &under_way.then {
        Then::Dropped { lying, .. } => Some(lying.tile),
        _ => None,
    }
}
