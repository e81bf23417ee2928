//! The truth about all bots of a process, which they check each other against.
//!
//! Every bot writes down what it does and where it is by its own clock. When another bot hears of it, the time
//! between the two is the latency; what should have been heard and was not is found by [`Ledger::sweep`].
//! One lock, held for microseconds, never over an await.

use super::report::{Counts, Kind, Violations};
use crate::client::World;
use crate::protocol::place::{Tile, Track};
use hdrhistogram::Histogram;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bots at most this far from each other must hear each other; the view is 16.
const NEAR: u16 = 12;
/// How long the two must have been near before.
const SETTLED: Duration = Duration::from_secs(1);
/// A correction this close to an act, before or after, makes it unfit for judging.
const DISTURBANCE: Duration = Duration::from_secs(2);
/// Positions kept for each bot.
const TRACKS_KEPT: usize = 24;
/// How fine the own time is searched for a tile.
const ROLLBACK_STEP: Duration = Duration::from_millis(20);
/// Who was put back further than that is named.
const FAR_BACK: Duration = Duration::from_secs(1);
/// So many of them.
const FAR_BACK_KEPT: usize = 20;
/// Corrections kept for each bot.
const DISTURBANCES_KEPT: usize = 16;
/// Walks of a bot that may still be heard of.
const WALKS_KEPT: usize = 12;
/// A walk told right after its walker came into view is the rest of one, not a new one.
const REST_OF_WALK: Duration = Duration::from_secs(2);
/// How far off the truth a neighbour may be seen: one walk that overlapped another.
const MISPLACED: u16 = 9;
/// How long a logged-out bot may stay visible.
const GHOST_GRACE: Duration = Duration::from_secs(5);

/// How fast things must arrive.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Later than this is a violation.
    pub late: Duration,
    /// Not there by then is missing.
    pub missing: Duration,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines { late: Duration::from_millis(1000), missing: Duration::from_millis(5000) }
    }
}

/// Number of a bot in its fleet.
pub type BotIndex = usize;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Chat,
    Walk { from: Tile, to: Tile },
    Whisper { to: BotIndex },
}

#[derive(Debug)]
struct Record {
    act: Act,
    actor: BotIndex,
    at: Instant,
    heard: Vec<u64>,
    void: bool,
}

impl Record {
    fn hear(&mut self, listener: BotIndex) -> bool {
        let (word, bit) = (listener / 64, 1u64 << (listener % 64));
        let again = self.heard[word] & bit != 0;
        self.heard[word] |= bit;
        !again
    }

    fn was_heard_by(&self, listener: BotIndex) -> bool {
        self.heard[listener / 64] & (1u64 << (listener % 64)) != 0
    }
}

#[derive(Debug)]
struct Truth {
    name: Arc<str>,
    inside_since: Option<Instant>,
    left_at: Option<Instant>,
    tracks: VecDeque<Track>,
    disturbed: VecDeque<Instant>,
    walks: VecDeque<u64>,
}

impl Truth {
    fn at(&self, moment: Instant) -> Option<Tile> {
        self.tracks.iter().rev().find(|track| track.since <= moment).map(|track| track.at(moment))
    }

    fn was_inside(&self, from: Instant, to: Instant) -> bool {
        self.inside_since.is_some_and(|since| since <= from) && self.left_at.is_none_or(|left| left >= to)
    }

    fn is_calm(&self, from: Instant, to: Instant) -> bool {
        !self.disturbed.iter().any(|at| (from..=to).contains(at))
    }

    /// How long before it heard something last it stood on a tile, or beside it (who comes to rest on another is put
    /// beside); zero for one to which it walked since. At most since the oldest track that is known.
    fn time_since_on(&self, tile: Tile, heard_last: Instant, now: Instant) -> Duration {
        let oldest = self.tracks.front().map_or(heard_last, |track| track.since);
        let known = now.saturating_duration_since(oldest);
        let steps = (0..).map(|step| ROLLBACK_STEP * step).take_while(|back| *back <= known);
        let stood_on = |at: &Instant| self.at(*at).is_some_and(|stood| stood.distance(tile) <= 1);
        let found = steps.filter_map(|back| now.checked_sub(back)).find(stood_on).unwrap_or(oldest);
        heard_last.saturating_duration_since(found)
    }

    fn push_track(&mut self, track: Track) {
        if self.tracks.len() == TRACKS_KEPT {
            self.tracks.pop_front();
        }
        self.tracks.push_back(track);
    }
}

/// Something seen that is not so, until it is seen a second time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// About whom.
    pub name: Arc<str>,
    /// What kind of violation it becomes.
    pub kind: Kind,
    /// In words.
    pub text: String,
}

#[derive(Debug)]
struct Inner {
    bots: Vec<Truth>,
    by_name: HashMap<Arc<str>, BotIndex>,
    records: HashMap<u64, Record>,
    order: VecDeque<u64>,
    next: u64,
    latency: Histogram<u64>,
    resumed: Resumed,
    counts: Counts,
    violations: Violations,
}

/// What bots went through whose node was lost: how long they heard nothing until they were shown where they are, and how
/// far back in their own time that is. Microseconds.
#[derive(Debug)]
pub struct Resumed {
    /// From the last thing that was heard.
    pub held: Histogram<u64>,
    /// From when it stood there to the last thing that was heard.
    pub rolled_back: Histogram<u64>,
    /// The first of those who were put back further than [`FAR_BACK`], in words.
    pub far_back: Vec<String>,
}

fn histogram() -> Histogram<u64> {
    let mut histogram = Histogram::new_with_bounds(1, 120_000_000, 3).unwrap_or_else(|_| {
        unreachable!("one microsecond to two minutes with three digits are bounds that every histogram takes")
    });
    histogram.auto(true);
    histogram
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// The shared book of what happened.
#[derive(Debug)]
pub struct Ledger {
    inner: Mutex<Inner>,
    deadlines: Deadlines,
    /// Faults are being made: what they explain is counted, not condemned.
    tolerant: bool,
    /// Bots stay in one place and must hear each other.
    cross_check: bool,
    capacity: usize,
}

impl Ledger {
    /// A book for at most `capacity` bots.
    pub fn new(capacity: usize, deadlines: Deadlines, tolerant: bool, cross_check: bool) -> Ledger {
        let inner = Inner {
            bots: Vec::new(),
            by_name: HashMap::new(),
            records: HashMap::new(),
            order: VecDeque::new(),
            next: 1,
            latency: histogram(),
            resumed: Resumed { held: histogram(), rolled_back: histogram(), far_back: Vec::new() },
            counts: Counts::default(),
            violations: Violations::default(),
        };
        Ledger { inner: Mutex::new(inner), deadlines, tolerant, cross_check, capacity }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A bot that will play under a name; its number.
    pub fn register(&self, name: &str) -> BotIndex {
        let mut inner = self.lock();
        let index = inner.bots.len();
        assert!(index < self.capacity, "more bots than the ledger was made for");
        let name: Arc<str> = Arc::from(name);
        inner.by_name.insert(Arc::clone(&name), index);
        inner.bots.push(Truth {
            name,
            inside_since: None,
            left_at: None,
            tracks: VecDeque::new(),
            disturbed: VecDeque::new(),
            walks: VecDeque::new(),
        });
        index
    }

    /// Counts something.
    pub fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut self.lock().counts);
    }

    /// Notes a violation.
    pub fn violation(&self, kind: Kind, text: impl FnOnce() -> String) {
        self.lock().violations.add(kind, text);
    }

    /// Notes a violation that a fault being made would explain.
    pub fn violation_unless_fault(&self, kind: Kind, text: impl FnOnce() -> String) {
        self.lock().judge(self.tolerant, kind, text);
    }

    /// The bot is in the world, under the name that its character has.
    pub fn entered(&self, bot: BotIndex, name: &str, tile: Tile, now: Instant) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let truth = &mut inner.bots[bot];
        if *truth.name != *name {
            inner.by_name.remove(&truth.name);
            truth.name = Arc::from(name);
            inner.by_name.insert(Arc::clone(&truth.name), bot);
        }
        truth.inside_since = Some(now);
        truth.left_at = None;
        truth.tracks.clear();
        truth.walks.clear();
        truth.push_track(Track::standing(tile, now));
    }

    /// The bot left the world, or is about to.
    pub fn left(&self, bot: BotIndex, now: Instant) {
        self.lock().bots[bot].left_at.get_or_insert(now);
    }

    /// The server put the bot somewhere: what it walked just now may never have happened.
    pub fn placed(&self, bot: BotIndex, tile: Tile, now: Instant) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.counts.corrections += 1;
        let truth = &mut inner.bots[bot];
        if truth.disturbed.len() == DISTURBANCES_KEPT {
            truth.disturbed.pop_front();
        }
        truth.disturbed.push_back(now);
        truth.push_track(Track::standing(tile, now));
        for id in &truth.walks {
            if let Some(record) = inner.records.get_mut(id)
                && now.saturating_duration_since(record.at) < DISTURBANCE
            {
                record.void = true;
            }
        }
    }

    /// The server showed the bot where it is after it had heard nothing for a while.
    pub fn resumed(&self, bot: BotIndex, tile: Tile, heard_last: Instant, now: Instant) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let truth = &inner.bots[bot];
        let back = truth.time_since_on(tile, heard_last, now);
        if back > FAR_BACK && inner.resumed.far_back.len() < FAR_BACK_KEPT {
            let (name, ms) = (&truth.name, back.as_millis());
            let was = truth.at(heard_last).map_or("nowhere".to_owned(), |at| at.to_string());
            let ways: Vec<String> = truth
                .tracks
                .iter()
                .rev()
                .take(3)
                .map(|way| {
                    let ago = now.saturating_duration_since(way.since).as_millis();
                    format!("{} to {} {ago} ms ago", way.from, way.to)
                })
                .collect();
            let ways = ways.join(", before that ");
            let text = format!("{name} was at {was} and was put to {tile}, {ms} ms back; it walked {ways}");
            inner.resumed.far_back.push(text);
        }
        inner.resumed.held.saturating_record(micros(now.saturating_duration_since(heard_last)));
        inner.resumed.rolled_back.saturating_record(micros(back));
    }

    /// The bot says something near; the token that its line has to carry.
    pub fn says(&self, bot: BotIndex, now: Instant) -> u64 {
        let mut inner = self.lock();
        inner.counts.chats += 1;
        inner.record(self.capacity, Act::Chat, bot, now)
    }

    /// The bot whispers to another; the token that its line has to carry.
    pub fn whispers(&self, bot: BotIndex, to: BotIndex, now: Instant) -> u64 {
        let mut inner = self.lock();
        inner.counts.whispers += 1;
        inner.record(self.capacity, Act::Whisper { to }, bot, now)
    }

    /// The bot walks.
    pub fn walks(&self, bot: BotIndex, track: Track) {
        let mut inner = self.lock();
        inner.counts.walked += 1;
        let id = inner.record(self.capacity, Act::Walk { from: track.from, to: track.to }, bot, track.since);
        let truth = &mut inner.bots[bot];
        truth.push_track(track);
        if truth.walks.len() == WALKS_KEPT {
            truth.walks.pop_front();
        }
        truth.walks.push_back(id);
    }

    /// Somebody to whisper to: a bot that has been in the world for a while.
    pub fn somebody(&self, but: BotIndex, start: usize, now: Instant) -> Option<(BotIndex, Arc<str>)> {
        let inner = self.lock();
        let count = inner.bots.len();
        (0..count).map(|offset| (start + offset) % count).find_map(|index| {
            let truth = &inner.bots[index];
            let settled = now.checked_sub(SETTLED).is_some_and(|before| truth.was_inside(before, now));
            (index != but && settled).then(|| (index, Arc::clone(&truth.name)))
        })
    }

    /// A line with a token was heard from somebody, near or whispered.
    pub fn heard(&self, listener: BotIndex, token: u64, from: &str, now: Instant) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let Some(record) = inner.records.get_mut(&token) else { return };
        let speaker = Arc::clone(&inner.bots[record.actor].name);
        if record.actor == listener && matches!(record.act, Act::Chat) {
            return;
        }
        let what = if record.act == Act::Chat { "chat" } else { "whisper" };
        let ear = Arc::clone(&inner.bots[listener].name);
        let again = !record.hear(listener);
        let took = now.saturating_duration_since(record.at);
        if *speaker != *from {
            let text = format!("wrong: {ear} heard {what} {token} of {speaker} from {from}");
            inner.violations.add(Kind::Wrong, || text);
        }
        if again {
            let text = format!("doubled: {ear} heard {what} {token} of {speaker} twice");
            inner.violations.add(Kind::Doubled, || text);
            return;
        }
        let late = self.deadlines.late;
        inner.took(self, took, late, || format!("late: {what} {token} of {speaker} reached {ear}"));
    }

    /// Somebody was seen to begin a walk.
    pub fn saw_walk(
        &self,
        viewer: BotIndex,
        walker: &str,
        track: &Track,
        created_at: Option<Instant>,
        now: Instant,
    ) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        let Some(&actor) = inner.by_name.get(walker) else { return };
        let records = &mut inner.records;
        let walks = &inner.bots[actor].walks;
        let is_this =
            |act: Act| matches!(act, Act::Walk { to, from } if to == track.to && from == track.from);
        let fits = |act: Act| matches!(act, Act::Walk { to, .. } if to.distance(track.to) <= 2);
        let unheard = |id: &u64| records.get(id).is_some_and(|record| !record.was_heard_by(viewer));
        let act_of = |id: &u64| records.get(id).map_or(Act::Chat, |record| record.act);
        let exact = walks.iter().rev().find(|id| unheard(id) && is_this(act_of(id)));
        // over a border the rest of a walk is told again: whoever knows that walk takes it for no other one that it missed
        let is_rest_of =
            |act: Act| matches!(act, Act::Walk { from, to } if to == track.to && from != track.from);
        let knows_it = walks.back().is_some_and(|id| !unheard(id) && is_rest_of(act_of(id)));
        if exact.is_none() && knows_it {
            return;
        }
        // what the server broke off is seen as it was or not at all: no other walk is taken for it
        let may_be_it = |id: &u64| unheard(id) && records.get(id).is_some_and(|record| !record.void);
        let near = || walks.iter().rev().find(|id| may_be_it(id) && fits(act_of(id)));
        let newest = || walks.back().filter(|id| may_be_it(id));
        // whoever comes into view on its way is shown the rest of a walk that began out of sight
        let rest = created_at.is_some_and(|at| now.saturating_duration_since(at) < REST_OF_WALK);
        if let Some(id) = exact.or_else(near).or_else(newest).copied() {
            if let Some(record) = records.get_mut(&id) {
                record.hear(viewer);
                if rest {
                    return;
                }
                let took = now.saturating_duration_since(record.at);
                let late = self.deadlines.late;
                let (walker, viewer) =
                    (Arc::clone(&inner.bots[actor].name), Arc::clone(&inner.bots[viewer].name));
                inner.took(self, took, late, || format!("late: a walk of {walker} reached {viewer}"));
            }
            return;
        }
        let again = walks.iter().any(|id| is_this(act_of(id)));
        if again && !rest {
            let (walker, viewer) = (&inner.bots[actor].name, &inner.bots[viewer].name);
            let text = format!("doubled: {viewer} saw {walker} walk {} to {} twice", track.from, track.to);
            inner.judge(self.tolerant, Kind::Doubled, || text);
        }
    }

    /// Closes the acts whose time is over and notes who did not hear them.
    pub fn sweep(&self, now: Instant) {
        let mut inner = self.lock();
        let inner = &mut *inner;
        while let Some(&id) = inner.order.front() {
            let over = |record: &Record| now.saturating_duration_since(record.at) >= self.deadlines.missing;
            if !inner.records.get(&id).is_none_or(over) {
                break;
            }
            inner.order.pop_front();
            let Some(record) = inner.records.remove(&id) else { continue };
            if record.void || !self.cross_check {
                continue;
            }
            let deaf: Vec<BotIndex> = (0..inner.bots.len())
                .filter(|&bot| self.should_have_heard(&inner.bots, &record, bot))
                .collect();
            for bot in deaf {
                let (actor, bot) = (&inner.bots[record.actor].name, &inner.bots[bot].name);
                let text = match record.act {
                    Act::Chat => format!("missing: {bot} did not hear chat {id} of {actor}"),
                    Act::Whisper { .. } => format!("missing: whisper {id} of {actor} did not reach {bot}"),
                    Act::Walk { from, to } => {
                        format!("missing: {bot} did not see {actor} walk from {from} to {to}")
                    }
                };
                inner.judge(self.tolerant, Kind::Missing, || text);
            }
        }
    }

    fn should_have_heard(&self, bots: &[Truth], record: &Record, bot: BotIndex) -> bool {
        if bot == record.actor || record.was_heard_by(bot) {
            return false;
        }
        let (actor, listener) = (&bots[record.actor], &bots[bot]);
        let Some(before) = record.at.checked_sub(SETTLED) else { return false };
        let after = record.at + SETTLED;
        if !listener.was_inside(before, after) || !actor.was_inside(before, record.at) {
            return false;
        }
        if let Act::Whisper { to } = record.act {
            return bot == to;
        }
        let quiet = (before - DISTURBANCE, record.at + DISTURBANCE);
        if !actor.is_calm(quiet.0, quiet.1) || !listener.is_calm(quiet.0, quiet.1) {
            return false;
        }
        let half = SETTLED / 2;
        let near = |one: Option<Tile>, other: Option<Tile>| {
            one.zip(other).is_some_and(|(one, other)| one.distance(other) <= NEAR)
        };
        let spot = actor.at(record.at);
        [before, before + half, record.at].iter().all(|&at| near(actor.at(at), listener.at(at)))
            && [record.at + half, after]
                .iter()
                .all(|&at| near(spot, listener.at(at)) && near(actor.at(at), listener.at(at)))
    }

    /// Compares what a bot sees with where the others are.
    pub fn inspect(&self, viewer: BotIndex, world: &World, now: Instant) -> Vec<Doubt> {
        let inner = self.lock();
        let mut doubts = Vec::new();
        let Some(before) = now.checked_sub(2 * SETTLED) else { return doubts };
        let own = &inner.bots[viewer];
        for (index, other) in inner.bots.iter().enumerate() {
            if index == viewer {
                continue;
            }
            let seen = world.player(&other.name);
            let gone = other.left_at.is_some_and(|left| now.saturating_duration_since(left) > GHOST_GRACE);
            if let Some(entity) = seen.filter(|_| gone) {
                let text =
                    format!("misplaced: {} still sees {} (id {}), who left", own.name, other.name, entity.id);
                doubts.push(Doubt { name: Arc::clone(&other.name), kind: Kind::Misplaced, text });
            }
            if gone || !self.cross_check || !is_close(own, other, before, now) {
                continue;
            }
            let Some(truth) = other.at(now) else { continue };
            let text = match seen {
                None => format!("missing: {} does not see {}, who is near at {truth}", own.name, other.name),
                Some(entity) if entity.track.at(now).distance(truth) > MISPLACED => {
                    let shown = entity.track.at(now);
                    format!("misplaced: {} sees {} at {shown}, who is at {truth}", own.name, other.name)
                }
                Some(_) => continue,
            };
            let kind = if seen.is_none() { Kind::Missing } else { Kind::Misplaced };
            doubts.push(Doubt { name: Arc::clone(&other.name), kind, text });
        }
        doubts
    }

    /// Counts, violations by kind and in words, latencies.
    pub fn read<T>(&self, read: impl FnOnce(&Counts, &Violations, &Histogram<u64>) -> T) -> T {
        let inner = self.lock();
        read(&inner.counts, &inner.violations, &inner.latency)
    }

    /// What those went through whose node was lost.
    pub fn read_resumed<T>(&self, read: impl FnOnce(&Resumed) -> T) -> T {
        read(&self.lock().resumed)
    }
}

/// True when two bots have been near each other and undisturbed since a moment.
fn is_close(one: &Truth, other: &Truth, since: Instant, now: Instant) -> bool {
    let calm_since = since.checked_sub(SETTLED).unwrap_or(since);
    [one, other].iter().all(|bot| bot.was_inside(since, now) && bot.is_calm(calm_since, now))
        && [since, since + SETTLED, now]
            .iter()
            .all(|&at| one.at(at).zip(other.at(at)).is_some_and(|(one, other)| one.distance(other) <= NEAR))
}

impl Inner {
    fn record(&mut self, capacity: usize, act: Act, actor: BotIndex, at: Instant) -> u64 {
        let id = self.next;
        self.next += 1;
        let heard = vec![0; capacity.div_ceil(64)];
        self.records.insert(id, Record { act, actor, at, heard, void: false });
        self.order.push_back(id);
        id
    }

    fn took(&mut self, ledger: &Ledger, took: Duration, late: Duration, what: impl FnOnce() -> String) {
        self.counts.heard += 1;
        self.latency.saturating_record(micros(took));
        if took > late {
            let excused = ledger.tolerant || !ledger.cross_check;
            self.judge(excused, Kind::Late, || format!("{} after {} ms", what(), took.as_millis()));
        }
    }

    fn judge(&mut self, excused: bool, kind: Kind, text: impl FnOnce() -> String) {
        if excused {
            self.counts.tolerated += 1;
        } else {
            self.violations.add(kind, text);
        }
    }
}

#[cfg(test)]
mod tests;
