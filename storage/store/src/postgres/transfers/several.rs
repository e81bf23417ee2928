//! A transfer over several shards: its parts as participants of a two-phase commit.

use super::look::{Locked, look};
use super::write::{Done, Unwritten, write};
use crate::postgres::database::{Held, Step};
use crate::postgres::fault::Fault;
use crate::postgres::shard::Shard;
use crate::transfer::{Doings, No, Part, Seen, outcome};
use crate::two_phase::{Participant, Site};
use deadpool_postgres::Client;
use model::calls::database::Failure;

/// The part of one shard.
pub(super) struct OnShard<'a> {
    shard: &'a Shard,
    part: &'a Part<'a>,
    /// Its open transaction.
    held: Option<Held<'a>>,
    seen: Seen,
    doings: Doings,
    /// True from the moment when it may be prepared.
    maybe_prepared: bool,
    /// Why another attempt may do better.
    pub(super) again: bool,
    /// The operation was done before.
    pub(super) repeated: bool,
    /// A bucket of it is on another shard.
    pub(super) moved: bool,
}

impl<'a> OnShard<'a> {
    /// Nothing is done yet.
    pub(super) fn new(shard: &'a Shard, part: &'a Part<'a>) -> Self {
        let (maybe_prepared, again, repeated, moved) = Default::default();
        let (seen, doings) = Default::default();
        Self { shard, part, held: None, seen, doings, maybe_prepared, again, repeated, moved }
    }

    fn failed(&mut self, fault: Fault) -> Failure {
        match fault {
            Fault::Again(why) => {
                self.again = true;
                Failure::Unavailable(why)
            }
            Fault::Moved => {
                self.moved = true;
                Failure::Unavailable("a bucket has moved".into())
            }
            Fault::Gone(why) => Failure::Unavailable(why),
            Fault::Failure(failure) => failure,
        }
    }
}

impl Participant for OnShard<'_> {
    type Said = Doings;
    type Refusal = No;

    fn shard(&self) -> u16 {
        self.shard.index()
    }

    async fn execute(&mut self) -> Result<Result<Doings, No>, Failure> {
        let mut held = self.shard.hold().await?;
        let looked = held.run(&Look(self.part)).await;
        self.held = Some(held);
        self.seen = looked.map_err(|fault| self.failed(fault))?;
        let judged = self.part.judge(&self.seen)?;
        if let Ok(doings) = &judged {
            self.doings = doings.clone();
        }
        Ok(judged)
    }

    async fn prepare(&mut self, gid: &str, said: &[Doings]) -> Result<(), Failure> {
        let Some(mut held) = self.held.take() else {
            return Err(Failure::Unavailable("nothing is executed".into()));
        };
        let outcome = Ok(outcome(said));
        let done = Done { part: self.part, doings: &self.doings, outcome: &outcome };
        let preparing = Prepare { done, seen: &self.seen, gid };
        self.maybe_prepared = true;
        match held.run(&preparing).await {
            Ok(true) => {
                held.give_back();
                Ok(())
            }
            Ok(false) => {
                self.repeated = true;
                self.held = Some(held);
                Err(Failure::Unavailable("it was done before".into()))
            }
            Err(fault) => {
                self.held = Some(held);
                Err(self.failed(fault))
            }
        }
    }

    async fn commit(&mut self, gid: &str) -> Result<(), Failure> {
        Site::commit(&self.shard, gid).await
    }

    async fn rollback(&mut self, gid: &str) -> Result<(), Failure> {
        if let Some(mut held) = self.held.take() {
            // without a transaction this does nothing
            if held.run(&Rollback).await.is_ok() {
                held.give_back();
            }
        }
        if !std::mem::take(&mut self.maybe_prepared) {
            return Ok(());
        }
        Site::rollback(&self.shard, gid).await
    }
}

struct Look<'a>(&'a Part<'a>);

impl Step for Look<'_> {
    type Outcome = Seen;

    async fn run(&self, client: &mut Client) -> Result<Seen, Fault> {
        look(client, &[self.0], Locked::Wait).await
    }
}

struct Prepare<'a> {
    done: Done<'a>,
    seen: &'a Seen,
    gid: &'a str,
}

impl Step for Prepare<'_> {
    /// False when the operation was done before.
    type Outcome = bool;

    async fn run(&self, client: &mut Client) -> Result<bool, Fault> {
        // the name was made by us: letters, digits and colons
        let by = format!("PREPARE TRANSACTION '{}'", self.gid);
        match write(client, self.seen, std::slice::from_ref(&self.done), &by).await {
            Ok(()) => Ok(true),
            Err(Unwritten::Repeated) => Ok(false),
            Err(Unwritten::Fault(fault)) => Err(fault),
        }
    }
}

struct Rollback;

impl Step for Rollback {
    type Outcome = ();

    async fn run(&self, client: &mut Client) -> Result<(), Fault> {
        Ok(client.batch_execute("ROLLBACK").await?)
    }
}
