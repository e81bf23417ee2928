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
use crate::outbox::Outbox;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use model::event::Departure;
use model::{SessionId, ZoneId};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use world::{Crossing, Effects, Entering, Input, Job, Keeper, Snapshot, Tick, Zone};

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
    /// A player enters a zone.
    Enter(ZoneId, Box<Entering>, Edge),
    /// An input for a zone.
    Input(ZoneId, Input),
    /// A player leaves a zone; the answer is its last state, or nothing when it is not there.
    Leave(ZoneId, SessionId, Departure, oneshot::Sender<Option<Snapshot>>),
    /// Hand out the state of everybody who changed since the last time and is in this share of the players.
    Collect { share: u64, of: u64 },
    /// Hand out the state of everybody who changed for the journal, or of everybody.
    Journal { everybody: bool },
    /// This player's state did not come to a keeper.
    NotWritten(Keeper, ZoneId, SessionId),
    /// End.
    Stop,
}

/// What a game thread tells the rest of the node.
pub(crate) enum Outcome {
    /// A player waits to be handed over.
    Crossing(ZoneId, Crossing),
    /// A player's zone is not played here any more: its last state, if it was in it.
    ZoneGone(SessionId, Option<Snapshot>),
    /// Durable work of a zone.
    Job(ZoneId, Job),
    /// States for a keeper, with the zones that they come from.
    Changed(Keeper, Vec<(ZoneId, Snapshot)>),
}

/// The handle of one game thread. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Host {
    orders: Sender<Order>,
}

/// The game thread is gone.
#[derive(Debug)]
pub(crate) struct HostGone;

impl Host {
    /// Starts a game thread.
    pub(crate) fn start(
        number: usize,
        clock: Clock,
        metrics: Metrics,
        outcomes: mpsc::Sender<Outcome>,
        died: CancellationToken,
    ) -> std::io::Result<(Self, std::thread::JoinHandle<()>)> {
        let (orders, queue) = bounded(ORDERS_MAX);
        let thread = GameThread {
            queue,
            clock,
            metrics,
            outcomes,
            zones: BTreeMap::new(),
            leaving: Vec::new(),
            outbox: Outbox::default(),
            fx: Effects::default(),
            shown: (0, 0),
        };
        let handle = std::thread::Builder::new().name(format!("game-{number}")).spawn(move || {
            let _alarm = Alarm(died);
            thread.run();
        })?;
        Ok((Self { orders }, handle))
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

struct Played {
    zone: Zone,
    inputs: Vec<Input>,
}

/// Somebody who waits for the last state of a player.
struct Leaver {
    zone: ZoneId,
    session: SessionId,
    answer: oneshot::Sender<Option<Snapshot>>,
}

struct GameThread {
    queue: Receiver<Order>,
    clock: Clock,
    metrics: Metrics,
    outcomes: mpsc::Sender<Outcome>,
    zones: BTreeMap<ZoneId, Played>,
    leaving: Vec<Leaver>,
    outbox: Outbox,
    fx: Effects,
    /// Players and entities as last shown in the metrics.
    shown: (i64, i64),
}

impl GameThread {
    fn run(mut self) {
        let mut last = self.clock.now();
        loop {
            let due = self.next_due(last);
            let wake = due.map_or_else(|| Instant::now() + IDLE, |due| self.clock.begins(due));
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
            if now > last && self.next_due(last).is_some_and(|due| due <= now) {
                last = now;
                self.tick(now);
            }
        }
        self.show_counts(true);
    }

    /// When the next tick has something to do; ticks up to `last` are over.
    fn next_due(&self, last: Tick) -> Option<Tick> {
        let wanted = |played: &Played| {
            if played.inputs.is_empty() { played.zone.next_due() } else { Some(Tick(0)) }
        };
        let first = self.zones.values().filter_map(wanted).min()?;
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
                let played = Played { zone: *zone, inputs: Vec::new() };
                self.zones.insert(played.zone.id(), played);
                self.metrics.zones.inc();
                self.show_counts(false);
            }
            Order::Close(zone) => self.close(zone),
            Order::Enter(zone, entering, edge) => {
                let session = entering.session;
                match self.zones.get_mut(&zone) {
                    Some(played) => {
                        self.outbox.enter(session, edge);
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
            Order::Leave(zone, session, departure, answer) => match self.zones.get_mut(&zone) {
                Some(played) => {
                    played.inputs.push(Input::Leave { session, departure });
                    self.leaving.push(Leaver { zone, session, answer });
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
            Order::Stop => {}
        }
    }

    fn tick(&mut self, now: Tick) {
        let begun = Instant::now();
        let mut crossings = Vec::new();
        let mut jobs = Vec::new();
        for (id, played) in &mut self.zones {
            let due = played.zone.next_due().is_some_and(|due| due <= now);
            if due || !played.inputs.is_empty() {
                played.zone.step(now, &mut played.inputs, &mut self.fx);
                crossings.extend(self.fx.crossings.drain(..).map(|crossing| (*id, crossing)));
                jobs.extend(self.fx.jobs.drain(..).map(|job| (*id, job)));
            }
        }
        let sent = self.outbox.flush(&mut self.fx);
        self.metrics.events.inc_by(sent);
        self.answer_leavers(|_| true);
        self.hand_out(crossings, jobs);
        self.show_counts(false);
        let took = begun.elapsed();
        self.metrics.tick_seconds.observe(took.as_secs_f64());
        if took > Duration::from_millis(Tick::MS) {
            self.metrics.tick_overruns.inc();
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

    fn hand_out(&mut self, crossings: Vec<(ZoneId, Crossing)>, jobs: Vec<(ZoneId, Job)>) {
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

    fn close(&mut self, zone: ZoneId) {
        let Some(mut played) = self.zones.remove(&zone) else { return };
        self.metrics.zones.dec();
        let now = self.clock.now();
        // what was ordered before the closing still counts
        played.zone.step(now, &mut played.inputs, &mut self.fx);
        self.fx.crossings.clear();
        self.fx.jobs.clear();
        self.outbox.flush(&mut self.fx);
        self.answer_leavers(|stepped| stepped == zone);
        let sessions: Vec<SessionId> = played.zone.sessions().collect();
        for session in sessions {
            self.outbox.leave(session);
            let snapshot = played.zone.snapshot(session);
            self.tell(Outcome::ZoneGone(session, snapshot));
        }
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
        let now = if ending { (0, 0) } else { (count(Zone::player_count), count(Zone::entity_count)) };
        self.metrics.players.add(now.0 - self.shown.0);
        self.metrics.entities.add(now.1 - self.shown.1);
        self.shown = now;
    }
}
