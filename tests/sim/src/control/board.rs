//! What the hosts believe and do, what the arbiter was told to write, and what must hold of all that at every moment.

use super::deeds::Deeds;
use super::softs::Softs;
use crate::faults::Fault;
use crate::trace::Trace;
use ::cluster::{READ_EVERY, View};
use model::calls::cluster::Wishes;
use model::calls::database::{Reply, Request};
use model::id::{Epoch, SessionId, ZoneId};
use model::membership::{ProcessName, Role, Slot};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Most findings that are told: the first ones say most.
const WRONG_MAX: usize = 30;

/// Shared by the hosts.
pub type SharedBoard = Arc<Mutex<Board>>;

/// See the module.
#[derive(Default)]
pub struct Board {
    /// What happens.
    pub trace: Trace,
    /// What players, characters and their owners did.
    pub deeds: Deeds,
    /// What their owners made of soft states, and who keeps them.
    pub softs: Softs,
    /// Nodes that an operator starts anew.
    pub to_restart: BTreeSet<ProcessName>,
    /// Messages of nodes and edges are numbered by it.
    pub numbers: u64,
    jump_ms: i64,
    views: BTreeMap<ProcessName, Arc<View>>,
    /// Zones that each node plays.
    zones: BTreeMap<ProcessName, BTreeMap<ZoneId, Epoch>>,
    /// Sessions that each node has let in, and under which epoch of their characters.
    pub playing: BTreeMap<ProcessName, BTreeMap<SessionId, Epoch>>,
    /// Tables that were refused, because another one stood than they were planned on.
    pub conflicts: u64,
    last: Option<(u64, Vec<Slot>)>,
    /// When each table was written.
    written_ms: BTreeMap<u64, u64>,
    /// The highest epoch that any table gave a zone, whether or not it is in the last one.
    highest: BTreeMap<ZoneId, Epoch>,
    /// Who was told last that it is the controller.
    controller: Option<ProcessName>,
    owners: BTreeMap<(ZoneId, Epoch), ProcessName>,
    stood: Option<u64>,
    /// What was found wrong.
    pub wrong: Vec<String>,
}

impl Board {
    /// Nothing has happened.
    pub fn new(trace: Trace) -> Self {
        Self { trace, ..Self::default() }
    }

    /// Something is wrong.
    pub fn finds(&mut self, what: String) {
        self.trace.note(format_args!("WRONG: {what}"));
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(what);
        }
    }

    /// Notes what somebody does now.
    pub fn note(&mut self, who: &ProcessName, what: std::fmt::Arguments<'_>) {
        self.trace.note(format_args!("{} {who} {what}", now_ms()));
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// The arbiter's clock, from the begin of the run.
    pub fn arbiter_ms(&self) -> i64 {
        turmoil::sim_elapsed().unwrap_or_default().as_millis() as i64 + self.jump_ms
    }

    /// A fault strikes.
    pub fn strikes(&mut self, at: Duration, fault: &Fault) {
        self.trace.note(format_args!("{} {fault:?}", at.as_millis()));
        match fault {
            Fault::Jump(ms) => self.jump_ms += ms,
            Fault::Crash(host) => self.dies(&ProcessName(host.clone()), at.as_millis() as u64),
            _ => {}
        }
        self.softs.strikes(at.as_millis() as u64, fault);
    }

    /// A process dies, with all that only it knows.
    fn dies(&mut self, name: &ProcessName, at_ms: u64) {
        let played = self.playing.get(name).map(|sessions| self.deeds.played(sessions)).unwrap_or_default();
        for what in self.softs.dies(name, at_ms, &played) {
            self.finds(what);
        }
        self.ends(name, at_ms);
    }

    /// A process is no more, whatever it believed and played.
    pub fn ends(&mut self, name: &ProcessName, at_ms: u64) {
        self.views.remove(name);
        self.zones.remove(name);
        self.playing.remove(name);
        self.softs.ends(name, at_ms);
    }

    /// A process looks at its view.
    pub fn believes(&mut self, name: &ProcessName, view: &Arc<View>) {
        if self.views.get(name).is_some_and(|known| **known == **view) {
            return;
        }
        if let Some(known) = self.views.get(name).filter(|known| known.version > view.version) {
            let (found, known) = (view.version, known.version);
            self.finds(format!("{name} sees table {found} after {known}, expected that none comes back"));
        }
        self.softs.believes(name, view);
        let members: Vec<&str> = view.members.iter().map(|member| member.name.as_str()).collect();
        self.note(name, format_args!("sees table {} of {members:?}", view.version));
        for slot in view.slots() {
            self.owns(slot.zone, slot.epoch, slot.owner.as_ref());
        }
        self.views.insert(name.clone(), Arc::clone(view));
    }

    /// A node plays these zones from here on.
    pub fn plays(&mut self, name: &ProcessName, zones: &BTreeMap<ZoneId, Epoch>) {
        for (zone, epoch) in zones {
            self.owns(*zone, *epoch, Some(name));
        }
        self.zones.insert(name.clone(), zones.clone());
    }

    /// The store gave an answer, whether or not it arrives.
    pub fn answered(&mut self, request: &Request, reply: &Reply) {
        match (request, reply) {
            (Request::WriteSlots(write), Reply::WriteSlots(Ok(Ok(version)))) => {
                self.writes(*version, write.expected_version, &write.slots);
            }
            (Request::WriteSlots(_), Reply::WriteSlots(Ok(Err(conflict)))) => {
                self.conflicts += 1;
                self.trace.note(format_args!("{} a table comes late: {conflict}", now_ms()));
            }
            (Request::HoldController(hold), Reply::HoldController(Ok(true))) => {
                if self.controller.as_ref() != Some(&hold.name) {
                    self.trace.note(format_args!("{} {} is the controller", now_ms(), hold.name));
                    self.controller = Some(hold.name.clone());
                }
            }
            (request, reply) => {
                for what in self.deeds.answered(request, reply) {
                    self.finds(what);
                }
            }
        }
    }

    /// The arbiter took a table.
    fn writes(&mut self, version: u64, planned_on: u64, slots: &[Slot]) {
        self.trace.note(format_args!("{} table {version}", now_ms()));
        let stood = self.version();
        if planned_on != stood {
            self.finds(format!(
                "table {version} was planned on {planned_on}, expected on {stood}, which stood"
            ));
        }
        let last = self.last.take();
        let stood: BTreeSet<ZoneId> =
            last.iter().flat_map(|(_, slots)| slots).map(|slot| slot.zone).collect();
        if let Some((last, before)) = last {
            if version != last + 1 {
                self.finds(format!("table {version} follows {last}, expected {}", last + 1));
            }
            let before: BTreeMap<ZoneId, &Slot> = before.iter().map(|slot| (slot.zone, slot)).collect();
            for slot in slots {
                let Some(old) = before.get(&slot.zone) else { continue };
                let is_newer = slot.epoch > old.epoch || (slot.epoch == old.epoch && slot.owner == old.owner);
                if !is_newer {
                    self.finds(format!(
                        "table {version} has {slot:?} after {old:?}, expected a higher epoch"
                    ));
                }
            }
        }
        for slot in slots {
            let highest = self.highest.insert(slot.zone, slot.epoch);
            // a part that was joined and is cut off again is another one: whoever knows the former must not take it for that
            if let Some(highest) = highest.filter(|it| slot.epoch <= *it && !stood.contains(&slot.zone)) {
                self.finds(format!(
                    "table {version} has {slot:?} anew, expected an epoch above {highest:?} of before"
                ));
            }
            self.owns(slot.zone, slot.epoch, slot.owner.as_ref());
        }
        self.written_ms.insert(version, now_ms() as u64);
        self.last = Some((version, slots.to_vec()));
    }

    /// Nothing is broken any more: whoever runs sees each table after two readings, each of which takes a call.
    pub fn judge_views(&mut self, members: &[ProcessName], call: Duration) {
        let since_ms = (now_ms() as u64).saturating_sub((2 * (READ_EVERY + call)).as_millis() as u64);
        let stood = self.written_ms.iter().rev().find(|(_, written_ms)| **written_ms <= since_ms);
        let Some(stood) = stood.map(|(version, _)| *version) else { return };
        let is_late = |name: &&ProcessName| self.views.get(*name).is_some_and(|view| view.version < stood);
        let late: Vec<ProcessName> = members.iter().filter(is_late).cloned().collect();
        for name in late {
            self.finds(format!(
                "{name} does not see table {stood}, expected that it does after two readings"
            ));
        }
    }

    /// One owner of a zone in each epoch, whoever says so and whenever.
    fn owns(&mut self, zone: ZoneId, epoch: Epoch, owner: Option<&ProcessName>) {
        let Some(owner) = owner else { return };
        let known = self.owners.entry((zone, epoch)).or_insert_with(|| owner.clone());
        if known != owner {
            let what = format!("{known} and {owner} own {zone:?} in {epoch:?}, expected one owner an epoch");
            // from here on both are known
            *known = owner.clone();
            self.finds(what);
        }
    }

    /// Who was told last that it is the controller.
    pub fn controller(&self) -> Option<&ProcessName> {
        self.controller.as_ref()
    }

    /// The version of the last table.
    pub fn version(&self) -> u64 {
        self.last.as_ref().map_or(0, |(version, _)| *version)
    }

    /// The cluster has started, and nothing has broken yet.
    pub fn stands(&mut self) {
        self.stood = Some(self.version());
        if self.version() == 0 {
            self.finds("the cluster has started, and no zone is placed; expected a table".to_owned());
        }
    }

    /// It is over, and all is well.
    pub fn rests(&mut self) {
        let (version, handovers, resumes) = (self.version(), self.deeds.handovers, self.deeds.resumes);
        let (taken_up, judged, late) = (self.softs.taken_up, self.softs.judged, self.conflicts);
        self.trace.note(format_args!(
            "at rest with table {version}: {handovers} handovers, {resumes} resumes, {taken_up} states from journals, \
             {judged} judged at a death, {late} tables that came late"
        ));
    }

    /// Only DBSrv was away: nothing may have moved, and nobody have lost anything.
    pub fn judge_calm(&mut self) {
        if self.stood != Some(self.version()) {
            self.finds(format!(
                "zones moved although only DBSrv was away: found table {}, expected {:?} as before",
                self.version(),
                self.stood
            ));
        }
        // a loading that the store is told late takes a character from its node, which is known to be so
        let unsure = if self.deeds.fenced == 0 { self.deeds.unsure() } else { Vec::new() };
        for what in unsure {
            self.finds(format!(
                "only DBSrv was away, and nobody knows of {what}; expected that it was obeyed"
            ));
        }
    }

    /// What is not yet as it has to be when nothing is broken any more; `members` are all nodes and edges.
    pub fn unrest(&self, stored: &View, wishes: &Wishes, members: &[ProcessName]) -> Vec<String> {
        let mut unrest = Vec::new();
        let found: BTreeSet<&ProcessName> = stored.members.iter().map(|member| &member.name).collect();
        if !members.iter().all(|name| found.contains(name)) {
            unrest.push(format!("the members are {found:?}, expected {members:?}"));
        }
        let orphan = stored.slots().iter().find(|slot| stored.owner(slot.zone).is_none());
        if let Some(slot) = orphan {
            unrest.push(format!("nobody alive owns {}: {slot:?}", stored.zones.name(slot.zone)));
        }
        self.views_agree(stored, members, &mut unrest);
        wishes_hold(stored, wishes, &mut unrest);
        unrest.extend(self.deeds.unrest(stored, &self.playing));
        unrest
    }

    /// Each view is what is stored, and each node plays what the table gives it.
    fn views_agree(&self, stored: &View, members: &[ProcessName], unrest: &mut Vec<String>) {
        for name in members {
            match self.views.get(name) {
                Some(view) if **view == *stored => {}
                Some(view) => unrest.push(format!(
                    "{name} sees table {} with {} members, expected {} with {}",
                    view.version,
                    view.members.len(),
                    stored.version,
                    stored.members.len()
                )),
                None => unrest.push(format!("{name} does not run")),
            }
            if !name.as_str().starts_with(Role::TmSrv.label()) {
                continue;
            }
            let mine = stored.slots().iter().filter(|slot| slot.owner.as_ref() == Some(name));
            let mine: BTreeMap<ZoneId, Epoch> = mine.map(|slot| (slot.zone, slot.epoch)).collect();
            let played = self.zones.get(name).cloned().unwrap_or_default();
            let differs = |(zone, epoch): &(&ZoneId, &Epoch)| mine.get(*zone) != Some(*epoch);
            if let Some((zone, epoch)) = played.iter().find(differs) {
                unrest.push(format!(
                    "{name} plays {} under {epoch:?}, expected {:?} by the table",
                    stored.zones.name(*zone),
                    mine.get(zone)
                ));
            } else if played.len() != mine.len() {
                unrest.push(format!("{name} plays {} zones, expected its {}", played.len(), mine.len()));
            }
        }
    }
}

/// What the operator wished is so.
fn wishes_hold(stored: &View, wishes: &Wishes, unrest: &mut Vec<String>) {
    let nodes: BTreeSet<&ProcessName> = stored.members_of(Role::TmSrv).map(|member| &member.name).collect();
    let hosts: BTreeSet<&ProcessName> =
        nodes.iter().copied().filter(|node| !wishes.drained.contains(*node)).collect();
    let parts: BTreeSet<String> = stored.zones.parts().map(|part| stored.zones.name(part)).collect();
    let cut: BTreeSet<String> = wishes.cut.keys().cloned().collect();
    if parts != cut {
        unrest.push(format!("the map is cut as {parts:?}, expected {cut:?}"));
    }
    for slot in stored.slots() {
        let (Some(owner), name) = (&slot.owner, stored.zones.name(slot.zone)) else { continue };
        if !hosts.is_empty() && nodes.contains(owner) && !hosts.contains(owner) {
            return unrest.push(format!("{owner} is drained and has {name}, expected another owner"));
        }
        if let Some(placed) = wishes.placed.get(&name)
            && hosts.contains(&placed.node)
            && placed.node != *owner
        {
            return unrest.push(format!("{owner} has {name}, expected {} as wished", placed.node));
        }
    }
}

/// Simulated time of who asks.
pub fn now_ms() -> u128 {
    turmoil::sim_elapsed().unwrap_or_default().as_millis()
}
