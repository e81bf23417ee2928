//! DBSrv in the list of members: it asks its own store, so that the list says it is there exactly as long
//! as it can reach the arbiter. The same renewals tell `/readyz` whether the store answers.

use model::calls::database::{Failure, JoinMember, LeaveMember, RenewMember};
use model::membership::Member;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use telemetry::Process;

/// How long others may rely on the entry.
const LEASE_MS: u64 = 3_000;
/// How often it is renewed.
const RENEW: Duration = Duration::from_secs(1);
/// How long leaving may take: the lease ends anyway.
const LEAVE: Duration = Duration::from_secs(2);

/// Stays in the list until the process stops.
pub(crate) async fn stay(process: Process, store: Arc<dyn Store>, member: Member) {
    let mut ticks = tokio::time::interval(RENEW);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut joined = false;
    let mut answered = None;
    while process.stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let Some(heard) = process.stop.run_until_cancelled(appear(&*store, &member, joined)).await else {
            break;
        };
        let failure = heard.as_ref().err();
        if answered != Some(failure.is_none()) {
            answered = Some(failure.is_none());
            match failure {
                None => tracing::info!("the store answers"),
                Some(failure) => tracing::error!(%failure, "the store does not answer"),
            }
        }
        process.health.ready("store", failure.is_none());
        // a lease of which nothing was heard may still hold: renewing it says
        joined = heard.unwrap_or(joined);
    }
    let leave = LeaveMember { name: member.name, incarnation: member.incarnation };
    if !matches!(tokio::time::timeout(LEAVE, store.leave_member(leave)).await, Ok(Ok(()))) {
        tracing::warn!("left without a word: the entry ends with its lease");
    }
}

/// Renews the entry, or makes it; true when the store answered and the entry is there.
async fn appear(store: &dyn Store, member: &Member, joined: bool) -> Result<bool, Failure> {
    if joined {
        let renewal =
            RenewMember { name: member.name.clone(), incarnation: member.incarnation, lease_ms: LEASE_MS };
        if store.renew_member(renewal).await? {
            return Ok(true);
        }
    }
    let entered = store.join_member(JoinMember { member: member.clone(), lease_ms: LEASE_MS }).await?;
    if let Err(newer) = entered {
        tracing::error!(member = %member.name, run = %member.incarnation, %newer, "the cluster does not let this run in");
    }
    Ok(entered.is_ok())
}
