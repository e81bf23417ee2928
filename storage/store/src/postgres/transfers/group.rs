//! Transfers of one shard that are ripe at the same moment go into one transaction: it costs little more than one of
//! them.
//!
//! A shard has a few *lanes*. Who finds one free goes at once, with everybody who waits; who does not waits for what
//! the next one brings. Nobody in a group waits for a lock: what is locked, refused, or has anything in common with
//! another one is done alone, after the group or in the next one.
//!
//! ```text
//!            a lane is free                         done
//!   arrive ------------------> lead ---> the group ------> answer; the lane goes to the first who waits, or is free
//!     |    none is                          ^     \
//!     +---------------> wait -- taken ------+      +-----> alone: it waits for locks
//! ```

use super::Outcome;
use super::look::{Locked, look};
use super::write::{Done, Unwritten, write};
use crate::postgres::database::Step;
use crate::postgres::fault::Fault;
use crate::postgres::shard::Shard;
use crate::transfer::{Doings, Part, Plan, outcome};
use deadpool_postgres::Client;
use model::calls::database::{Failure, Transfer};
use model::id::AccountId;
use parking_lot::Mutex;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Groups at the same time on one shard.
const LANES: usize = 3;
/// Transfers of one group.
const GROUP: usize = 32;

/// Those who wait at one shard.
#[derive(Clone, Default)]
pub(in crate::postgres) struct Lanes(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    taken: usize,
}

struct Waiting {
    transfer: Arc<Transfer>,
    tell: oneshot::Sender<Word>,
}

/// What somebody who waited is told.
enum Word {
    /// A lane is free: lead the next group.
    Lead(Lane),
    /// It is done, or nobody knows.
    Done(Result<Outcome, Failure>),
    /// Do it alone.
    Alone,
}

/// The right to lead a group; goes to the next one when dropped, wherever that happens.
struct Lane(Option<Lanes>);

impl Drop for Lane {
    fn drop(&mut self) {
        let Some(lanes) = self.0.take() else { return };
        let next = {
            let mut state = lanes.0.lock();
            let next = state.waiting.pop_front();
            state.taken -= usize::from(next.is_none());
            next
        };
        if let Some(next) = next {
            // who has given up drops the word, and with it the lane
            drop(next.tell.send(Word::Lead(Self(Some(lanes)))));
        }
    }
}

/// How somebody arrived.
enum Arrived {
    Leads(Lane),
    Waits(oneshot::Receiver<Word>),
}

/// True for a part that may go into a group: purses are contended, and one that is not there looks like one that is
/// locked.
pub(super) fn may_join(part: &Part<'_>) -> bool {
    part.purses.is_empty()
}

/// Does a transfer, all of which lies on one shard, together with others; `None` when it is to be done alone.
pub(super) async fn together(
    shard: &Shard,
    part: &Part<'_>,
    lies_here: impl Fn(AccountId) -> bool + Sync,
) -> Result<Option<Outcome>, Failure> {
    let lanes = shard.lanes();
    let lane = match lanes.arrive(part) {
        Arrived::Leads(lane) => lane,
        Arrived::Waits(told) => match told.await {
            Ok(Word::Lead(lane)) => lane,
            Ok(Word::Done(outcome)) => return outcome.map(Some),
            // whose leader is gone finds out alone what became of it
            Ok(Word::Alone) | Err(_) => return Ok(None),
        },
    };
    let mut touched = Touched::default();
    touched.admits(part);
    let others = lanes.others(&mut touched, &lies_here);
    let (done, there) = {
        // one that does not lie here any more is done alone
        let theirs: Vec<_> = others.iter().map(|other| part_of(&other.transfer, &lies_here)).collect();
        let parts: Vec<&Part<'_>> = std::iter::once(part).chain(theirs.iter().flatten()).collect();
        let there: Vec<bool> = theirs.iter().map(Option::is_some).collect();
        (shard.run(&Group(&parts)).await, there)
    };
    drop(lane);
    let failure = done.as_ref().err().cloned();
    let mut outcomes = done.unwrap_or_default().into_iter();
    let mine = outcomes.next().flatten();
    for (other, is_there) in others.into_iter().zip(there) {
        let outcome = if is_there { outcomes.next().flatten() } else { None };
        let word = match (&failure, outcome) {
            (Some(failure), _) => Word::Done(Err(failure.clone())),
            (None, Some(outcome)) => Word::Done(Ok(outcome)),
            (None, None) => Word::Alone,
        };
        // who does not listen any more has given up
        drop(other.tell.send(word));
    }
    failure.map_or(Ok(mine), Err)
}

/// The only part of a transfer that is still wholly on this shard.
fn part_of<'a>(transfer: &'a Transfer, lies_here: &impl Fn(AccountId) -> bool) -> Option<Part<'a>> {
    let mut parts = Plan::of(transfer).ok()?.parts(|account| u16::from(!lies_here(account)));
    if parts.len() == 1 { parts.remove(&0) } else { None }
}

impl Lanes {
    fn arrive(&self, part: &Part<'_>) -> Arrived {
        let mut state = self.0.lock();
        if state.taken < LANES {
            state.taken += 1;
            return Arrived::Leads(Lane(Some(self.clone())));
        }
        let (tell, told) = oneshot::channel();
        state.waiting.push_back(Waiting { transfer: Arc::new(part.transfer().clone()), tell });
        Arrived::Waits(told)
    }

    /// Those who wait and have nothing in common with each other.
    fn others(&self, touched: &mut Touched, lies_here: &impl Fn(AccountId) -> bool) -> Vec<Waiting> {
        let mut state = self.0.lock();
        let (mut taken, mut left) = (Vec::new(), VecDeque::new());
        while let Some(waiting) = state.waiting.pop_front() {
            if taken.len() + 1 == GROUP {
                left.push_back(waiting);
                break;
            }
            match part_of(&waiting.transfer, lies_here) {
                Some(part) if touched.admits(&part) => taken.push(waiting),
                Some(_) => left.push_back(waiting),
                None => drop(waiting.tell.send(Word::Alone)),
            }
        }
        left.append(&mut state.waiting);
        state.waiting = left;
        taken
    }
}

/// What the members of a group touch.
#[derive(Default)]
struct Touched(HashSet<(u8, i64, u128)>);

impl Touched {
    /// True when a part has nothing in common with those before; it is one of them then.
    fn admits(&mut self, part: &Part<'_>) -> bool {
        let mut all: Vec<(u8, i64, u128)> = vec![(0, 0, part.transfer().operation.0)];
        all.extend(part.characters.iter().map(|id| (1, *id, 0)));
        all.extend(part.banks.iter().map(|id| (2, *id, 0)));
        all.extend(part.items.iter().map(|id| (3, 0, *id)));
        all.extend(part.records.iter().map(|(kind, id)| (4, *id, *kind as u128)));
        all.extend(
            part.spots.iter().map(|spot| (5, spot.owner, ((spot.kind as u128) << 64) | spot.slot as u128)),
        );
        if all.iter().any(|key| self.0.contains(key)) {
            return false;
        }
        self.0.extend(all);
        true
    }
}

/// Parts of several transfers that have nothing in common.
struct Group<'a>(&'a [&'a Part<'a>]);

impl Step for Group<'_> {
    /// By the order of the parts; `None`: to be done alone.
    type Outcome = Vec<Option<Outcome>>;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let done = self.attempt(client).await;
        match done {
            Ok(Some(outcomes)) => return Ok(outcomes),
            // which of them has moved is found out alone
            Ok(None) | Err(Fault::Again(_) | Fault::Moved) => {}
            Err(Fault::Failure(failure)) => {
                tracing::debug!(%failure, transfers = self.0.len(), "a group is taken apart");
            }
            Err(gone) => return Err(gone),
        }
        client.batch_execute("ROLLBACK").await?;
        Ok(self.0.iter().map(|_| None).collect())
    }
}

impl Group<'_> {
    async fn attempt(&self, client: &Client) -> Result<Option<Vec<Option<Outcome>>>, Fault> {
        let Self(parts) = self;
        let seen = look(client, parts, Locked::Skip).await?;
        let judged = parts.iter().map(|part| Ok(part.judge(&seen)?.ok()));
        let doings: Vec<Option<Doings>> = judged.collect::<Result<_, Failure>>()?;
        let outcomes: Vec<Option<Outcome>> =
            doings.iter().map(|doings| doings.as_ref().map(|doings| Ok(outcome([doings])))).collect();
        let all = parts.iter().zip(&doings).zip(&outcomes);
        let done: Vec<Done<'_>> = all
            .filter_map(|((part, doings), outcome)| {
                Some(Done { part, doings: doings.as_ref()?, outcome: outcome.as_ref()? })
            })
            .collect();
        if done.is_empty() {
            return Ok(None);
        }
        match write(client, &seen, &done, "COMMIT").await {
            Ok(()) => Ok(Some(outcomes)),
            Err(Unwritten::Repeated) => Ok(None),
            Err(Unwritten::Fault(fault)) => Err(fault),
        }
    }
}
