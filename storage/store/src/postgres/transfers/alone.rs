//! A transfer of which everything lies on one shard, in a transaction of its own: it waits for locks.

use super::look::{Locked, look};
use super::write::{Done, Unwritten, write};
use super::{Outcome, once};
use crate::postgres::database::Step;
use crate::postgres::fault::Fault;
use crate::postgres::operations::Conclude;
use crate::transfer::{Part, outcome};
use deadpool_postgres::Client;

/// The only part of a transfer that writes anything.
pub(super) struct Alone<'a>(pub(super) &'a Part<'a>);

impl Step for Alone<'_> {
    type Outcome = Outcome;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Outcome, Fault> {
        let done = self.attempt(client).await;
        if let Err(Fault::Again(_) | Fault::Moved | Fault::Failure(_)) = done {
            // whatever is unfinished; without a transaction this does nothing
            client.batch_execute("ROLLBACK").await?;
        }
        done
    }
}

impl Alone<'_> {
    async fn attempt(&self, client: &mut Client) -> Result<Outcome, Fault> {
        let Self(part) = self;
        let seen = look(client, &[part], Locked::Wait).await?;
        let doings = match part.judge(&seen)? {
            Ok(doings) => doings,
            Err(no) => {
                client.batch_execute("ROLLBACK").await?;
                return Conclude { once: once(part), refusal: Err(no.refusal) }.run(client).await;
            }
        };
        let outcome = Ok(outcome([&doings]));
        let done = [Done { part, doings: &doings, outcome: &outcome }];
        match write(client, &seen, &done, "COMMIT").await {
            Ok(()) => Ok(outcome),
            Err(Unwritten::Repeated) => once(part).first_outcome(client).await,
            Err(Unwritten::Fault(fault)) => Err(fault),
        }
    }
}

/// Looks at a part that writes nothing, on its own.
pub(super) struct OnlyLook<'a>(pub(super) &'a Part<'a>);

impl Step for OnlyLook<'_> {
    type Outcome = Option<crate::transfer::No>;
    const ENTERS: bool = true;

    async fn run(&self, client: &mut Client) -> Result<Self::Outcome, Fault> {
        let seen = look(client, &[self.0], Locked::Wait).await;
        client.batch_execute("ROLLBACK").await?;
        Ok(self.0.judge(&seen?)?.err())
    }
}
