//! Game threads: each owns some zones and gives them their ticks.
//!
//! | what ends it | what it does |
//! |---|---|
//! | [`Order::Stop`] | finishes the tick, tells nobody more, ends |
//! | every [`Host`] is dropped | the same |
//! | a panic in a zone | the panic goes up: the process stops rather than play on wrong |

use crate::clock::Clock;
use crate::edges::Edge;
use crate::metrics::Metrics;
use crate::neighbours::Told;
use crate::outbox::Outbox;
use crate::overload::{Loads, Meter};
use crate::played::Played;
use crate::populations::Left;
use crate::postponed::{Postponed, Sorted};
use crate::records::scope_of;
use crate::session::Session;
use crate::settings::Settings;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use model::event::Departure;
use model::population::Guest;
use model::{EntityId, Epoch, Population, SessionId, ZoneId};
use placement::ZoneTable;
use settings::Live;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use world::overload::Step;
use world::{Crossing, Effects, Entering, Input, Job, Keeper, Passing, Relief, Snapshot, Tick, Zone};

/// Orders that may wait for one game thread.
const ORDERS_MAX: usize = 16_384;
/// Orders worked off before the thread looks at the time again.
const ORDERS_AT_ONCE: usize = 4_096;
/// How long a sender waits when the queue is full.
const FULL_PAUSE: Duration = Duration::from_millis(5);
/// A thread without anything to do looks up this often.
const IDLE: Duration = Duration::from_secs(1);

/// What a game thread is told.
pub(crate) enum Order {
    /// Play a zone.
    Open(Box<Zone>),
    /// Play a zone no more; who is in it is told through [`Outcome::ZoneGone`].
    Close(ZoneId),
    /// The map is divided in another way: for all zones of the thread.
    Map(Arc<ZoneTable>),
    /// A player enters a zone.
    Enter(ZoneId, Box<Entering>, Edge),
    /// An input for a zone.
    Input(ZoneId, Input),
    /// A session's edge gives it away: it is told nothing more on its stream.
    Park(ZoneId, Arc<Session>),
    /// A parked session is at this edge now.
    Adopt(Arc<Session>, Edge),
    /// A player leaves a zone; the answer is its last state, or nothing when it is not there.
    Leave(ZoneId, SessionId, Departure, oneshot::Sender<Option<Snapshot>>),
    /// Hand out the state of everybody who changed since the last time and is in this share of the players.
    Collect { share: u64, of: u64 },
    /// Hand out the state of everybody who changed for the journal, or of everybody.
    Journal { everybody: bool },
    /// This player's state did not come to a keeper.
    NotWritten(Keeper, ZoneId, SessionId),
    /// What is known of the creatures of these zones of the content and of their parts, as far as they are played here.
    Populations { scopes: Arc<BTreeSet<u64>>, answer: oneshot::Sender<Vec<Population>> },
    /// The creatures of a share of the zones, as far as they may have changed since this was asked last.
    ChangedPopulations { share: u64, of: u64, answer: oneshot::Sender<Vec<Population>> },
    /// Creatures of generators of other zones: where they are, and under which epoch, those zones, and who.
    Guests { answer: oneshot::Sender<Vec<(ZoneId, Epoch, ZoneId, Guest)>> },
    /// Creatures of a zone that are in others: which of them are of an older state.
    Abroad { home: ZoneId, guests: Vec<Guest>, answer: oneshot::Sender<Vec<EntityId>> },
    /// What was said of this zone's creatures was not stored.
    NotKept(ZoneId),
    /// End.
    Stop,
}

/// What a game thread tells the rest of the node.
pub(crate) enum Outcome {
    /// A player waits to be handed over.
    Crossing(ZoneId, Crossing),
    /// A creature waits to be handed over.
    Passing(ZoneId, Passing),
    /// A player's zone is not played here any more: its last state, if it was in it.
    ZoneGone(SessionId, Option<Snapshot>),
    /// Durable work of a zone.
    Job(ZoneId, Job),
    /// What zones tell their neighbours, in order.
    Sights(Vec<Told>),
    /// States for a keeper, with the zones that they come from.
    Changed(Keeper, Vec<(ZoneId, Snapshot)>),
}

/// The handle of one game thread. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Host {
    orders: Sender<Order>,
}

/// What all game threads of a node have in common.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) settings: Live<Settings>,
    pub(crate) loads: Arc<Loads>,
    pub(crate) left: Arc<Left>,
}

/// How long this thread has worked so far. Not the clock on the wall: what others make it wait is no cost of a zone.
fn work_done() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// The game thread is gone.
#[derive(Debug)]
pub(crate) struct HostGone;

impl Host {
    /// Starts a game thread.
    pub(crate) fn start(
        number: usize,
        shared: Shared,
        outcomes: mpsc::Sender<Outcome>,
        died: CancellationToken,
    ) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (orders, queue) = bounded(ORDERS_MAX);
        let thread = GameThread {
            queue,
            number,
            clock: shared.clock,
            metrics: shared.metrics,
            settings: shared.settings,
            loads: shared.loads,
            left: shared.left,
            meter: Meter::default(),
            postponed: Postponed::default(),
            outcomes,
            zones: BTreeMap::new(),
            leaving: Vec::new(),
            urgent: false,
            outbox: Outbox::default(),
            fx: Effects::default(),
            shown: (0, 0, 0),
        };
        let handle = std::thread::Builder::new().name(format!("game-{number}")).spawn(move || {
            let _alarm = Alarm(died);
            thread.run();
        })?;
        Ok((Self { orders }, handle))
    }

    /// One whose orders a test has in its hands.
    #[cfg(test)]
    pub(crate) fn played_by_a_test() -> (Self, Receiver<Order>) {
        let (orders, queue) = bounded(ORDERS_MAX);
        (Self { orders }, queue)
    }

    /// Gives an order; waits while the thread has too many.
    pub(crate) async fn send(&self, order: Order) -> Result<(), HostGone> {
        let mut order = order;
        loop {
            match self.orders.try_send(order) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Disconnected(_)) => return Err(HostGone),
                Err(TrySendError::Full(back)) => order = back,
            }
            tokio::time::sleep(FULL_PAUSE).await;
        }
    }
}

/// Raises the alarm when its thread panics.
struct Alarm(CancellationToken);

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.cancel();
        }
    }
}

/// Somebody who waits for the last state of a player.
struct Leaver {
    zone: ZoneId,
    session: SessionId,
    answer: oneshot::Sender<Option<Snapshot>>,
}

struct GameThread {
    number: usize,
    queue: Receiver<Order>,
    clock: Clock,
    metrics: Metrics,
    settings: Live<Settings>,
    loads: Arc<Loads>,
    left: Arc<Left>,
    meter: Meter,
    postponed: Postponed,
    outcomes: mpsc::Sender<Outcome>,
    zones: BTreeMap<ZoneId, Played>,
    leaving: Vec<Leaver>,
    /// Somebody comes or goes and waits for it: the next step is at once, in the same tick when it has begun.
    urgent: bool,
    outbox: Outbox,
    fx: Effects,
    /// Players, entities and ghosts as last shown in the metrics.
    shown: (i64, i64, i64),
}

impl GameThread {
    fn run(mut self) {
        let mut last = self.clock.now();
        loop {
            let due = self.next_due(last);
            let look = self.meter.is_warm().then(|| self.meter.next_look());
            let wake = due.into_iter().chain(look).min();
            let wake = wake.map_or_else(|| Instant::now() + IDLE, |tick| self.clock.begins(tick));
            match self.queue.recv_deadline(wake) {
                Ok(order) => {
                    if !self.obey_all(order) {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = self.clock.now();
            let due = now > last && self.next_due(last).is_some_and(|due| due <= now);
            let urgent = std::mem::take(&mut self.urgent);
            if due || urgent {
                self.tick(last, now, urgent);
                last = now;
            }
            self.look_at_load(now);
        }
        self.show_counts(true);
    }

    /// When the next tick has something to do; ticks up to `last` are over.
    fn next_due(&self, last: Tick) -> Option<Tick> {
        let zones = self.zones.values().filter_map(|played| played.next_due(last));
        let postponed = self.postponed.next_due(self.postpones());
        let first = zones.chain(postponed).min()?;
        Some(first.max(last.plus(1)))
    }

    /// Works off the orders that lie there; false when it has to end.
    fn obey_all(&mut self, first: Order) -> bool {
        let mut order = Some(first);
        for _ in 0..ORDERS_AT_ONCE {
            let Some(one) = order.take().or_else(|| self.queue.try_recv().ok()) else { return true };
            match one {
                Order::Stop => return false,
                one => self.obey(one),
            }
        }
        true
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Open(zone) => {
                let played = Played::new(*zone);
                self.zones.insert(played.zone.id(), played);
                self.metrics.zones.inc();
                self.show_counts(false);
            }
            Order::Close(zone) => self.close(zone),
            Order::Map(table) => {
                for played in self.zones.values_mut() {
                    played.inputs.push(Input::Map(Arc::clone(&table)));
                }
            }
            Order::Enter(zone, entering, edge) => {
                let session = entering.session;
                match self.zones.get_mut(&zone) {
                    Some(played) => {
                        self.outbox.enter(session, edge);
                        self.urgent = true;
                        played.inputs.push(Input::Enter(entering));
                    }
                    None => {
                        self.tell(Outcome::ZoneGone(session, None));
                    }
                }
            }
            Order::Input(zone, input) => {
                if let Some(played) = self.zones.get_mut(&zone) {
                    played.inputs.push(input);
                }
            }
            Order::Park(zone, session) => {
                if self.zones.contains_key(&zone) {
                    self.outbox.park(session);
                }
            }
            Order::Adopt(session, edge) => self.outbox.adopt(&session, edge),
            Order::Leave(zone, session, departure, answer) => match self.zones.get_mut(&zone) {
                Some(played) => {
                    played.inputs.push(Input::Leave { session, departure });
                    self.leaving.push(Leaver { zone, session, answer });
                    self.urgent = true;
                }
                None => drop(answer.send(None)),
            },
            Order::Collect { share, of } => {
                self.collect(Keeper::Store, |session| session.0 % of.max(1) == share);
            }
            Order::Journal { everybody } => {
                if everybody {
                    self.zones.values_mut().for_each(|played| played.zone.mark_all_changed(Keeper::Buddy));
                }
                self.collect(Keeper::Buddy, |_| true);
            }
            Order::NotWritten(keeper, zone, session) => {
                if let Some(played) = self.zones.get_mut(&zone) {
                    played.zone.mark_changed(keeper, session);
                }
            }
            Order::Populations { scopes, answer } => {
                let wanted = self.zones.iter().filter(|(id, _)| scopes.contains(&scope_of(**id)));
                // who asked may have given up
                drop(answer.send(wanted.map(|(_, played)| played.zone.population()).collect()));
            }
            Order::ChangedPopulations { share, of, answer } => {
                let wanted = self.zones.iter_mut().filter(|(id, _)| u64::from(id.0) % of.max(1) == share);
                drop(
                    answer.send(wanted.filter_map(|(_, played)| played.zone.changed_population()).collect()),
                );
            }
            Order::Guests { answer } => {
                let guests = self.zones.values().flat_map(|Played { zone, .. }| {
                    let with_home = |guest| Some((zone.id(), zone.epoch(), zone.home_of(&guest)?, guest));
                    zone.guests().into_iter().filter_map(with_home)
                });
                drop(answer.send(guests.collect()));
            }
            Order::Abroad { home, guests, answer } => {
                if let Some(played) = self.zones.get_mut(&home) {
                    drop(answer.send(played.zone.outdated(&guests)));
                    played.inputs.push(Input::Abroad(guests));
                }
            }
            Order::NotKept(zone) => {
                if let Some(played) = self.zones.get_mut(&zone) {
                    played.zone.mark_stirred();
                }
            }
            Order::Stop => {}
        }
    }

    /// Steps what is due; with `urgent` also the zones that have inputs.
    fn tick(&mut self, last: Tick, now: Tick, urgent: bool) {
        let begun = Instant::now();
        let (mut crossings, mut passing) = (Vec::new(), Vec::new());
        let postpones = self.postpones();
        let mut jobs = self.postponed.take(now, postpones);
        let mut sights = Vec::new();
        let mut told = Vec::new();
        for (id, played) in &mut self.zones {
            if played.is_due(last, now) || (urgent && !played.inputs.is_empty()) {
                let (step_begun, before) = (work_done(), self.fx.events.len());
                played.zone.step(played.pace.at(now), &mut played.inputs, &mut self.fx);
                let said = self.fx.events.get(before..).unwrap_or_default();
                told.push((*id, said.iter().map(|addressed| addressed.to.len()).sum::<usize>()));
                self.meter.spend(*id, work_done().saturating_sub(step_begun));
                crossings.extend(self.fx.crossings.drain(..).map(|crossing| (*id, crossing)));
                passing.extend(self.fx.passing.drain(..).map(|one| (*id, one)));
                for job in self.fx.jobs.drain(..) {
                    match self.postponed.sort(*id, job, postpones) {
                        Sorted::Now(job) => jobs.push((*id, job)),
                        Sorted::Waits => self.metrics.shed.with_label_values(&["mail_and_listings"]).inc(),
                        Sorted::TooMany(job) => {
                            let outcome = world::JobOutcome::Failed;
                            played.inputs.push(Input::JobDone { job, outcome });
                        }
                    }
                }
                let seen = self.fx.sights.drain(..);
                sights.extend(seen.map(|(to, whole, sightings)| Told { from: *id, to, whole, sightings }));
            }
        }
        self.show_shed();
        let flush_begun = work_done();
        let sent = self.outbox.flush(&mut self.fx);
        self.share_out(work_done().saturating_sub(flush_begun), &told);
        self.metrics.events.inc_by(sent);
        self.answer_leavers(|_| true);
        self.hand_out(crossings, passing, jobs);
        self.tell_neighbours(sights);
        self.show_counts(false);
        let took = begun.elapsed();
        self.metrics.tick_seconds.observe(took.as_secs_f64());
        if took > Duration::from_millis(Tick::MS) {
            self.metrics.tick_overruns.inc();
        }
    }

    /// True while mail and listings wait.
    fn postpones(&self) -> bool {
        self.relief().step >= Step::PostponeTrade
    }

    /// What the zones that are the cause of the load are relieved of.
    fn relief(&self) -> Relief {
        self.meter.relief(&self.settings.get().overload.limits())
    }

    /// Looks at the load when it is time, and tells the zones what comes of it.
    fn look_at_load(&mut self, now: Tick) {
        if now < self.meter.next_look() {
            return;
        }
        let overload = self.settings.get().overload.clone();
        let limits = overload.limits();
        let Some(told) = self.meter.look(now, overload.tick_budget(), &limits) else { return };
        for (zone, relief) in told {
            if let Some(played) = self.zones.get_mut(&zone) {
                played.relieve(relief, now);
            }
        }
        self.loads.show(self.number, &self.meter, self.postponed.len(), &limits, &self.metrics);
    }

    /// What it took to send the events of a tick is the cost of the zones that said them.
    fn share_out(&mut self, took: Duration, told: &[(ZoneId, usize)]) {
        let all: usize = told.iter().map(|(_, count)| count).sum();
        for (zone, count) in told.iter().filter(|(_, count)| *count > 0) {
            self.meter.spend(*zone, took.mul_f64(*count as f64 / all as f64));
        }
    }

    fn show_shed(&mut self) {
        let shed = std::mem::take(&mut self.fx.shed);
        for (what, count) in
            [("creature_turns", shed.turns), ("gestures", shed.gestures), ("far_walks", shed.far)]
        {
            if count > 0 {
                self.metrics.shed.with_label_values(&[what]).inc_by(count);
            }
        }
    }

    /// Gives the last states to who waits for them, for zones that have just been stepped.
    fn answer_leavers(&mut self, stepped: impl Fn(ZoneId) -> bool) {
        // a player that was replaced by an entry of the same session leaves as well; nobody waits for it
        let mut left: HashMap<SessionId, Snapshot> =
            self.fx.left.drain(..).map(|snapshot| (snapshot.session, snapshot)).collect();
        for leaver in self.leaving.extract_if(.., |leaver| stepped(leaver.zone)) {
            self.outbox.leave(leaver.session);
            // whoever asked may have given up: then nobody needs the answer
            drop(leaver.answer.send(left.remove(&leaver.session)));
        }
    }

    fn hand_out(
        &mut self,
        crossings: Vec<(ZoneId, Crossing)>,
        passing: Vec<(ZoneId, Passing)>,
        jobs: Vec<(ZoneId, Job)>,
    ) {
        for (zone, one) in passing {
            let entity = one.creature.entity;
            if !self.tell(Outcome::Passing(zone, one))
                && let Some(played) = self.zones.get_mut(&zone)
            {
                played.inputs.push(Input::Passed { entity, taken: false });
            }
        }
        for (zone, crossing) in crossings {
            let session = crossing.snapshot.session;
            if !self.tell(Outcome::Crossing(zone, crossing))
                && let Some(played) = self.zones.get_mut(&zone)
            {
                played.inputs.push(Input::TurnBack { session });
            }
        }
        for (zone, job) in jobs {
            let id = job.id;
            if !self.tell(Outcome::Job(zone, job))
                && let Some(played) = self.zones.get_mut(&zone)
            {
                let outcome = world::JobOutcome::Failed;
                played.inputs.push(Input::JobDone { job: id, outcome });
            }
        }
    }

    /// A neighbour that missed something is told everything with the next tick.
    fn tell_neighbours(&mut self, sights: Vec<Told>) {
        let pairs: Vec<(ZoneId, ZoneId)> = sights.iter().map(|told| (told.from, told.to)).collect();
        if sights.is_empty() || self.tell(Outcome::Sights(sights)) {
            return;
        }
        for (from, by) in pairs {
            if let Some(played) = self.zones.get_mut(&from) {
                played.inputs.push(Input::Watch { by });
            }
        }
    }

    fn close(&mut self, zone: ZoneId) {
        let Some(mut played) = self.zones.remove(&zone) else { return };
        self.metrics.zones.dec();
        let now = self.clock.now();
        // what was ordered before the closing still counts
        played.zone.step(played.pace.at(now), &mut played.inputs, &mut self.fx);
        self.meter.forget(zone);
        self.postponed.forget(zone);
        self.fx.crossings.clear();
        self.fx.passing.clear();
        self.fx.jobs.clear();
        self.fx.sights.clear();
        self.outbox.flush(&mut self.fx);
        self.answer_leavers(|stepped| stepped == zone);
        let sessions: Vec<SessionId> = played.zone.sessions().collect();
        for session in sessions {
            self.outbox.leave(session);
            let snapshot = played.zone.snapshot(session);
            self.tell(Outcome::ZoneGone(session, snapshot));
        }
        self.left.note(played.zone.population());
        self.show_counts(false);
    }

    fn collect(&mut self, keeper: Keeper, filter: impl Fn(SessionId) -> bool) {
        let mut changed = Vec::new();
        let mut snapshots = Vec::new();
        for (id, played) in &mut self.zones {
            played.zone.take_changed(keeper, &filter, &mut snapshots);
            changed.extend(snapshots.drain(..).map(|snapshot| (*id, snapshot)));
        }
        let taken: Vec<(ZoneId, SessionId)> =
            changed.iter().map(|(zone, snapshot)| (*zone, snapshot.session)).collect();
        if !changed.is_empty() && !self.tell(Outcome::Changed(keeper, changed)) {
            for (zone, session) in taken {
                self.obey(Order::NotWritten(keeper, zone, session));
            }
        }
    }

    /// Tells the rest of the node; false when it has no room for it at the moment.
    fn tell(&self, outcome: Outcome) -> bool {
        let told = self.outcomes.try_send(outcome);
        if told.is_err() {
            tracing::error!("the node does not keep up with its game threads");
        }
        told.is_ok()
    }

    fn show_counts(&mut self, ending: bool) {
        let count =
            |of: fn(&Zone) -> usize| self.zones.values().map(|played| of(&played.zone) as i64).sum::<i64>();
        let now = match ending {
            true => (0, 0, 0),
            false => (count(Zone::player_count), count(Zone::entity_count), count(Zone::ghost_count)),
        };
        self.metrics.players.add(now.0 - self.shown.0);
        self.metrics.entities.add(now.1 - self.shown.1);
        self.metrics.ghosts.add(now.2 - self.shown.2);
        self.shown = now;
    }
}
