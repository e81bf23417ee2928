//! Transfers: on one shard in one transaction, with others if they are ripe together; on several by a two-phase
//! commit.
//!
//! ```text
//!   Plan --parts--> writes on one shard:  together --(locked, refused, contended)--> alone
//!                   writes on several:    an attempt of the two-phase commit, another one when rows stood in the way
//! ```
//!
//! The row of the operation in its home bucket says what came of it, a refusal too. It is written in the transaction
//! that does it, so whoever comes second waits for the first (for the recoverer, if the first is dead), or is told to
//! come again.

mod alone;
mod flight;
mod group;
mod look;
mod several;
mod write;

pub(super) use group::Lanes;

use super::Postgres;
use super::atlas::{Atlas, Search};
use super::homes::InBucket;
use super::operations::{Conclude, Once, Stored};
use crate::transfer::{KIND, No, Part, Plan, outcome};
use crate::two_phase::{self, Attempt, Ended};
use alone::{Alone, OnlyLook};
use model::calls::database::{Failure, Transfer, TransferRefusal, Transferred};
use several::OnShard;
use std::collections::BTreeMap;

/// What came of a transfer.
type Outcome = Result<Transferred, TransferRefusal>;

/// Attempts over several shards, when rows stood in the way.
const ATTEMPTS: usize = 3;

/// The row that says what came of the transfer.
fn once(part: &Part<'_>) -> Once {
    Once { operation: part.transfer().operation, kind: KIND, account: part.home }
}

impl Postgres {
    pub(super) async fn do_transfer(&self, request: &Transfer) -> Result<Outcome, Failure> {
        let plan = match Plan::of(request) {
            Ok(plan) => plan,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut search = Search::new();
        loop {
            let atlas = self.atlas();
            if let Some(outcome) = self.by_map(&atlas, &plan, request).await? {
                return Ok(outcome);
            }
            search.look_again(self, &atlas).await?;
        }
    }

    /// Does it where the map says; `None` when a bucket is not there.
    async fn by_map(
        &self,
        atlas: &Atlas,
        plan: &Plan<'_>,
        request: &Transfer,
    ) -> Result<Option<Outcome>, Failure> {
        let mut parts = plan.parts(|account| atlas.map.shard_of(account));
        let Some(nos) = only_look(atlas, &mut parts, request).await? else { return Ok(None) };
        match parts.first_key_value() {
            Some((_, part)) if !nos.is_empty() => {
                let once = once(part);
                self.refuse(atlas, plan, once, nos, &parts).await
            }
            Some((shard, part)) if parts.len() == 1 => on_one(atlas, *shard, part).await,
            _ => self.on_several(atlas, plan, &parts).await,
        }
    }

    /// Somebody who writes nothing is against it: the others are asked, too, and the first reason counts.
    async fn refuse(
        &self,
        atlas: &Atlas,
        plan: &Plan<'_>,
        once: Once,
        mut nos: Vec<No>,
        parts: &BTreeMap<u16, Part<'_>>,
    ) -> Result<Option<Outcome>, Failure> {
        for (shard, part) in parts {
            let step = OnlyLook(part);
            let looked = atlas.shards[usize::from(*shard)].run(&InBucket::entered(&step)).await?;
            let Some(no) = looked else { return Ok(None) };
            nos.extend(no);
        }
        self.conclude(plan, once, nos).await.map(Some)
    }

    async fn conclude(&self, plan: &Plan<'_>, once: Once, nos: Vec<No>) -> Result<Outcome, Failure> {
        let Some(no) = nos.into_iter().reduce(No::or) else {
            return Err(Failure::Corrupt("a refusal without a reason".into()));
        };
        self.shard(plan.home()).run(&Conclude { once, refusal: Err(no.refusal) }).await
    }

    async fn on_several(
        &self,
        atlas: &Atlas,
        plan: &Plan<'_>,
        parts: &BTreeMap<u16, Part<'_>>,
    ) -> Result<Option<Outcome>, Failure> {
        let Some(part) = parts.values().next() else {
            return Err(Failure::Corrupt("a transfer that writes nowhere".into()));
        };
        let once = once(part);
        let mut last = Failure::Unavailable("rows stood in the way".into());
        for _ in 0..ATTEMPTS {
            let number = rand::random();
            let attempt = Attempt { cluster: self.cluster, operation: once.operation, number };
            let mut permits = Vec::new();
            for shard in parts.keys() {
                permits.push(atlas.shards[usize::from(*shard)].be_patient().await?);
            }
            let on_shard = |(shard, part): (&u16, _)| OnShard::new(&atlas.shards[usize::from(*shard)], part);
            let mut participants: Vec<_> = parts.iter().map(on_shard).collect();
            let ended = two_phase::run(&self.decisions(), &attempt, &mut participants, &*self.steps).await;
            drop(permits);
            match ended {
                Ok(Ended::Done(doings)) => return Ok(Some(Ok(outcome(&doings)))),
                Ok(Ended::Refused(refusals)) => return self.conclude(plan, once, refusals).await.map(Some),
                Err(failure) if participants.iter().any(|part| part.repeated) => {
                    let stored = self.shard(plan.home()).run(&Stored::of(once)).await?;
                    return stored.ok_or(failure).map(Some);
                }
                Err(_) if participants.iter().any(|part| part.moved) => return Ok(None),
                Err(failure) if participants.iter().any(|part| part.again) => last = failure,
                Err(failure) => return Err(failure),
            }
        }
        Err(last)
    }
}

/// Takes out the parts that write nothing, and asks them; `None` when a bucket is not where the map says.
async fn only_look(
    atlas: &Atlas,
    parts: &mut BTreeMap<u16, Part<'_>>,
    request: &Transfer,
) -> Result<Option<Vec<No>>, Failure> {
    let mut nos = Vec::new();
    if parts.len() > 1 && request.softs.is_empty() {
        let writes = parts.split_off(&0).into_iter().partition(|(_, part)| !part.only_looks());
        let (writing, looking): (BTreeMap<u16, Part<'_>>, BTreeMap<u16, Part<'_>>) = writes;
        for (shard, part) in &looking {
            let step = OnlyLook(part);
            let looked = atlas.shards[usize::from(*shard)].run(&InBucket::entered(&step)).await?;
            let Some(no) = looked else { return Ok(None) };
            nos.extend(no);
        }
        *parts = writing;
    }
    Ok(Some(nos))
}

async fn on_one(atlas: &Atlas, index: u16, part: &Part<'_>) -> Result<Option<Outcome>, Failure> {
    let shard = &atlas.shards[usize::from(index)];
    if group::may_join(part) {
        let lies_here = |account| atlas.map.shard_of(account) == index;
        if let Some(outcome) = group::together(shard, part, lies_here).await? {
            return Ok(Some(outcome));
        }
    }
    let _permit = shard.be_patient().await?;
    shard.run(&InBucket::entered(&Alone(part))).await
}
