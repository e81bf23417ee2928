//! Says to every process that asks when the cluster may have changed: membership, the slot table, wishes.
//!
//! What changed is not said; who hears it reads. Changes through this DBSrv are known at once; those through another one
//! by PostgreSQL's notifications ([`store::Postgres::hear_changes`]).

use link::Stream;
use model::calls::database::{ClusterChanged, Reply};
use tokio::sync::watch;

/// Counts what may have changed.
pub(crate) struct Announcer(watch::Sender<u64>);

impl Default for Announcer {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Announcer {
    /// Something may have changed.
    pub(crate) fn announce(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Announces what an operation has changed, if it has.
    pub(crate) fn after(&self, reply: &Reply) {
        let changed = match reply {
            Reply::JoinMember(done) => matches!(done, Ok(Ok(()))),
            Reply::LeaveMember(done) => done.is_ok(),
            Reply::WriteSlots(done) => matches!(done, Ok(Ok(_))),
            Reply::MakeWish(done) => matches!(done, Ok(Ok(granted)) if granted.changed),
            _ => false,
        };
        if changed {
            self.announce();
        }
    }

    /// Tells one process until it closes the stream. Whatever it may have missed before is told first.
    pub(crate) async fn tell(&self, stream: Stream<(), ClusterChanged>) {
        let mut changes = self.0.subscribe();
        let (sender, mut closed) = stream.split();
        loop {
            if sender.send(&ClusterChanged).await.is_err() {
                return;
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                said = closed.recv() => if said.is_none() { return },
            }
        }
    }
}
