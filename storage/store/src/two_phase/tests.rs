//! The protocol in memory: somebody dies, sleeps or is away at every step, and still all shards agree.

#![allow(clippy::unwrap_used)]

use super::*;
use model::id::OperationId;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

const SHARDS: u16 = 3;
/// Every prepared transaction and every decision is old at once: the least patient recoverer there can be.
const IMPATIENT: Rules = Rules { in_doubt_ms: 0, retention_ms: 0 };

#[derive(Default)]
struct Shard {
    away: bool,
    prepared: BTreeSet<String>,
    done: Vec<u64>,
}

#[derive(Default)]
struct World {
    shards: [Mutex<Shard>; SHARDS as usize],
    rows: Mutex<BTreeMap<Attempt, (bool, Vec<u16>)>>,
    decisions_away: Mutex<bool>,
}

fn away<T>() -> Result<T, Failure> {
    Err(Failure::Unavailable("away".into()))
}

impl World {
    fn rows<T>(&self, ask: impl FnOnce(&mut BTreeMap<Attempt, (bool, Vec<u16>)>) -> T) -> Result<T, Failure> {
        if *self.decisions_away.lock() { away() } else { Ok(ask(&mut self.rows.lock())) }
    }

    fn sites(&self) -> Vec<Place<'_>> {
        (0..SHARDS).map(|shard| Place { world: self, shard, refuses: false }).collect()
    }

    async fn recover(&self) -> Recovery {
        recover(self, &self.sites(), IMPATIENT).await
    }

    /// Everybody is back, and what was left is ended.
    async fn end(&self) {
        for shard in &self.shards {
            shard.lock().away = false;
        }
        *self.decisions_away.lock() = false;
        let first = self.recover().await;
        assert_eq!((first.away, first.in_doubt), (vec![], 0));
        self.recover().await;
        assert!(self.shards.iter().all(|shard| shard.lock().prepared.is_empty()), "nothing stays prepared");
        assert!(self.rows.lock().is_empty(), "no decision is kept for ever");
    }

    /// On how many shards an attempt happened.
    fn done(&self, number: u64) -> usize {
        self.shards.iter().map(|shard| shard.lock().done.iter().filter(|done| **done == number).count()).sum()
    }
}

impl Decisions for World {
    async fn open(&self, attempt: &Attempt, shards: &[u16]) -> Result<(), Failure> {
        self.rows(|rows| drop(rows.insert(*attempt, (false, shards.to_vec()))))
    }

    async fn decide(&self, attempt: &Attempt) -> Result<Decision, Failure> {
        self.rows(|rows| match rows.get_mut(attempt) {
            Some((decided, _)) => {
                *decided = true;
                Decision::Commit
            }
            None => Decision::Abort,
        })
    }

    async fn settle(&self, attempts: &[Attempt]) -> Result<Vec<Decision>, Failure> {
        self.rows(|rows| {
            rows.retain(|attempt, (decided, _)| *decided || !attempts.contains(attempt));
            let stands =
                |attempt| if rows.contains_key(attempt) { Decision::Commit } else { Decision::Abort };
            attempts.iter().map(stands).collect()
        })
    }

    async fn old(&self, _: i64) -> Result<Vec<(Attempt, Vec<u16>)>, Failure> {
        self.rows(|rows| {
            rows.retain(|_, (decided, _)| *decided);
            rows.iter().map(|(attempt, (_, shards))| (*attempt, shards.clone())).collect()
        })
    }

    async fn forget(&self, attempts: &[Attempt]) -> Result<(), Failure> {
        self.rows(|rows| rows.retain(|attempt, _| !attempts.contains(attempt)))
    }
}

/// A shard as a participant and as a site.
struct Place<'a> {
    world: &'a World,
    shard: u16,
    refuses: bool,
}

impl Place<'_> {
    fn ask<T>(&self, ask: impl FnOnce(&mut Shard) -> T) -> Result<T, Failure> {
        let mut shard = self.world.shards[usize::from(self.shard)].lock();
        if shard.away { away() } else { Ok(ask(&mut shard)) }
    }

    fn end(&self, gid: &str, commit: bool) -> Result<(), Failure> {
        let number = Attempt::of_gid(gid).unwrap().0.number;
        self.ask(|shard| {
            if shard.prepared.remove(gid) && commit {
                shard.done.push(number);
            }
        })
    }
}

impl Participant for Place<'_> {
    type Said = u16;
    type Refusal = u16;

    fn shard(&self) -> u16 {
        self.shard
    }

    async fn execute(&mut self) -> Result<Result<u16, u16>, Failure> {
        self.ask(|_| if self.refuses { Err(self.shard) } else { Ok(self.shard) })
    }

    async fn prepare(&mut self, gid: &str, said: &[u16]) -> Result<(), Failure> {
        assert_eq!(said, (0..SHARDS).collect::<Vec<_>>());
        self.ask(|shard| assert!(shard.prepared.insert(gid.to_owned())))
    }

    async fn commit(&mut self, gid: &str) -> Result<(), Failure> {
        self.end(gid, true)
    }

    async fn rollback(&mut self, gid: &str) -> Result<(), Failure> {
        self.end(gid, false)
    }
}

impl Site for Place<'_> {
    fn shard(&self) -> u16 {
        self.shard
    }

    async fn in_doubt(&self) -> Result<Vec<Doubt>, Failure> {
        let doubt = |gid: &String| Doubt { attempt: Attempt::of_gid(gid).unwrap().0, age_ms: 5 };
        self.ask(|shard| shard.prepared.iter().map(doubt).collect())
    }

    async fn commit(&self, gid: &str) -> Result<(), Failure> {
        self.end(gid, true)
    }

    async fn rollback(&self, gid: &str) -> Result<(), Failure> {
        self.end(gid, false)
    }
}

/// What happens before a step.
struct Fate<'a, F> {
    world: &'a World,
    seen: AtomicUsize,
    happens: F,
}

#[async_trait]
impl<F: Fn(usize, Step) -> Blow + Send + Sync> Steps for Fate<'_, F> {
    async fn before(&self, _: &Attempt, step: Step) -> Result<(), Died> {
        match (self.happens)(self.seen.fetch_add(1, Ordering::Relaxed), step) {
            Blow::Nothing => {}
            Blow::Death => return Err(Died),
            Blow::Sleep => drop(self.world.recover().await),
            Blow::Away(shard) => self.world.shards[usize::from(shard)].lock().away = true,
            Blow::Back(shard) => self.world.shards[usize::from(shard)].lock().away = false,
            Blow::DecisionsAway(away) => *self.world.decisions_away.lock() = away,
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum Blow {
    Nothing,
    Death,
    /// Long enough for a recoverer to come by.
    Sleep,
    Away(u16),
    Back(u16),
    DecisionsAway(bool),
}

type Answer = Result<Ended<u16, u16>, Failure>;

async fn attempt(
    world: &World,
    number: u64,
    refuses: Option<u16>,
    happens: impl Fn(usize, Step) -> Blow + Send + Sync,
) -> Answer {
    let attempt = Attempt { cluster: 1, operation: OperationId(9), number };
    let part = |shard| Place { world, shard, refuses: refuses == Some(shard) };
    let mut parts: Vec<_> = (0..SHARDS).map(part).collect();
    let fate = Fate { world, seen: AtomicUsize::new(0), happens };
    run(world, &attempt, &mut parts, &fate).await
}

/// What was answered is what is the case, everywhere.
fn agreed(world: &World, number: u64, answer: &Answer, seed: &dyn std::fmt::Debug) {
    let done = world.done(number);
    assert!(done == 0 || done == usize::from(SHARDS), "{seed:?}: done on {done} shards, {answer:?}");
    match answer {
        Ok(Ended::Done(_)) => assert_eq!(done, usize::from(SHARDS), "{seed:?}: it was acknowledged"),
        Ok(Ended::Refused(_)) => assert_eq!(done, 0, "{seed:?}: it was refused"),
        Err(_) => {}
    }
}

#[tokio::test]
async fn whoever_dies_or_sleeps_at_which_step_all_shards_agree() {
    let steps = 2 + 3 * usize::from(SHARDS) + 1;
    let blows = [Blow::Death, Blow::Sleep, Blow::Away(0), Blow::Away(2), Blow::DecisionsAway(true)];
    for blow in blows {
        let mut ends = BTreeSet::new();
        for at in 0..steps {
            let world = World::default();
            let answer =
                attempt(&world, 1, None, |now, _| if now == at { blow } else { Blow::Nothing }).await;
            world.end().await;
            agreed(&world, 1, &answer, &(blow, at));
            ends.insert(world.done(1));
        }
        assert_eq!(ends.len(), 2, "{blow:?} hits before and after the decision");
    }
}

#[tokio::test]
async fn a_refusal_of_any_part_undoes_the_others() {
    for shard in 0..SHARDS {
        let world = World::default();
        let answer = attempt(&world, 1, Some(shard), |_, _| Blow::Nothing).await;
        assert_eq!(answer, Ok(Ended::Refused(vec![shard])));
        world.end().await;
        agreed(&world, 1, &answer, &shard);
    }
}

#[tokio::test]
async fn a_coordinator_that_slept_until_all_was_forgotten_does_not_commit() {
    let world = World::default();
    let sleepy = |_, step| if step == Step::Decide { Blow::Sleep } else { Blow::Nothing };
    let answer = attempt(&world, 1, None, sleepy).await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!((world.done(1), world.rows.lock().len()), (0, 0));
    let again = attempt(&world, 2, None, |_, _| Blow::Nothing).await;
    assert!(matches!(again, Ok(Ended::Done(_))));
}

#[tokio::test]
async fn what_is_decided_is_kept_while_a_shard_is_away() {
    let world = World::default();
    let answer = attempt(&world, 1, None, |_, step| match step {
        Step::Commit(0) => Blow::Away(1),
        _ => Blow::Nothing,
    })
    .await;
    assert!(matches!(answer, Ok(Ended::Done(_))), "it is decided: {answer:?}");
    for _ in 0..3 {
        let round = world.recover().await;
        assert_eq!((round.forgotten, round.away.len()), (0, 1), "{round:?}");
    }
    assert_eq!(world.done(1), 2);
    world.end().await;
    agreed(&world, 1, &answer, &"away");
}

#[tokio::test]
async fn any_mixture_of_blows_leaves_all_shards_agreed() {
    let (mut acknowledged, mut unknown) = (0, 0);
    for seed in 0..5_000 {
        let world = World::default();
        let random = Mutex::new(StdRng::seed_from_u64(seed));
        for number in 0..4 {
            let answer = attempt(&world, number, None, |_, _| {
                let mut random = random.lock();
                let shard = random.random_range(0..SHARDS);
                match random.random_range(0..40) {
                    0 => Blow::Death,
                    1..4 => Blow::Sleep,
                    4 => Blow::Away(shard),
                    5..8 => Blow::Back(shard),
                    8 => Blow::DecisionsAway(true),
                    9..12 => Blow::DecisionsAway(false),
                    _ => Blow::Nothing,
                }
            })
            .await;
            match &answer {
                Ok(_) => acknowledged += 1,
                Err(_) => unknown += 1,
            }
            // the shards are compared when all are back
            let keep: Vec<bool> = world.shards.iter().map(|shard| shard.lock().away).collect();
            world.end().await;
            agreed(&world, number, &answer, &seed);
            for (shard, away) in world.shards.iter().zip(keep) {
                shard.lock().away = away;
            }
        }
    }
    assert!(acknowledged > 1_000 && unknown > 1_000, "{acknowledged} acknowledged, {unknown} unknown");
}
